#ifndef WESHER_OPERATE_H
#define WESHER_OPERATE_H

#include <stdint.h>

/*
 * What operators look at and steer: the control socket (control.h) of the
 * gossip process with its mesh behind it.
 */
struct event_base;
struct mesh;

struct operate {
	struct event_base *base;
	int fd; /* listening */
	struct mesh *mesh;
	int64_t (*now)(void);
	void (*changed)(void); /* the mesh has another deadline */
};

/* 0, or -1. *o is copied. */
int operate_start(const struct operate *o);
void operate_stop(void);

#endif
