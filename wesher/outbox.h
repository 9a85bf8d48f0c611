#ifndef WESHER_OUTBOX_H
#define WESHER_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"

/*
 * The packets that wait for the end of this turn of the event loop, then to
 * leave in one system call; part of net.c, whose one instance it serves. Of
 * fixed size: when it is full it leaves at once.
 */
struct event_base;

struct outbox_config {
	struct event_base *base;
	int udp; /* not owned */
	bool v6, mapped; /* the socket's family; mapped: both */
	/* Of each packet, in order: its length, and did it leave? */
	void (*left)(const struct ipport *to, size_t len, bool ok);
};

/* Returns 0, or -1. */
int outbox_start(const struct outbox_config *cfg);
/* What waits still leaves. */
void outbox_stop(void);

/* Where the next packet is to be written: WIRE_PACKET_MAX bytes. */
uint8_t *outbox_room(void);
/*
 * len bytes were written there: for `to`, and from that address of ours (NULL:
 * the kernel's choice), if it still is one.
 */
void outbox_put(const struct ipport *to, const struct ipaddr *from, size_t len);
/* Send now what waits. */
void outbox_flush(void);

#endif
