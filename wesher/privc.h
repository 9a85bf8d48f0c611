#ifndef WESHER_PRIVC_H
#define WESHER_PRIVC_H

#include <stdbool.h>
#include <stdint.h>

#include "../common/privmsg.h"

/*
 * The gossip process's end of the boundary (design.md section 2). priv_x()
 * asks, asroot_x() in wesher-priv does. Requests are queued and never block;
 * the answer comes as a RESULT with the request's number.
 */
struct event_base;

struct privc_handler {
	void (*hello)(const struct priv_hello *m);
	void (*net)(const struct priv_net *m);
	void (*result)(const struct priv_result *m);
	void (*stat)(const struct priv_stat *m);
	void (*leave)(void);
	void (*stop)(void);
	void (*gone)(const char *why); /* end of file, or nonsense from root */
};

/* 0, or -1 with errno. */
int privc_start(struct event_base *base, int fd, const struct privc_handler *h);

/* Each returns the request's number (never 0), or 0 when out of memory. */
uint32_t priv_ready(void);
uint32_t priv_self(uint8_t attempt);
/* m->h is filled in here. */
uint32_t priv_peer_set(const struct priv_peer_set *m);
uint32_t priv_peer_del(const uint8_t key[WG_KEY_LEN]);
uint32_t priv_sync(void);
uint32_t priv_alive(uint32_t members, uint32_t alive, uint32_t failed);
uint32_t priv_stats(void);

#endif
