#ifndef WESHER_STREAM_H
#define WESHER_STREAM_H

#include "net.h"

/*
 * The TCP half of net: one sealed block per direction (protocol.md section 5,
 * Push/pull). Used by net.c alone.
 */
#define STREAM_TIMEOUT 30000 /* ms for each phase; half more for all */
#define STREAM_REST    100 /* ms without accepting when out of descriptors */

int stream_start(const struct net_config *cfg, struct net_counters *c);
void stream_stop(void);
void stream_open(
    uint32_t id, const struct ipport *to, const uint8_t *msg, size_t len);

/* What is held now, for tests. */
struct gate;
const struct gate *stream_gate(void);

/* Log a refusal of this source, at most once a minute (net.c). */
void net_refused(const struct ipport *from, const char *what, const char *why);

/* Where something came to, as far as the kernel told. */
struct net_local {
	struct ipaddr ip; /* len 0: not known */
	unsigned ifindex; /* 0: not known */
	bool stream;
};
/* Of an accepted stream. */
void net_local_stream(int fd, struct net_local *at);
/* May it be taken (net_accept)? Else it was counted and logged. */
bool net_takes(const struct ipport *from, const struct net_local *at);

#endif
