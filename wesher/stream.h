#ifndef WESHER_STREAM_H
#define WESHER_STREAM_H

#include <sys/socket.h>

#include "net.h"

/*
 * The TCP half of net: one sealed block per direction (protocol.md section 5,
 * Push/pull). Used by net.c alone.
 */
#define STREAM_MAX_IN	128 /* accepted at once, as peers have it */
#define STREAM_BUDGET	(8u << 20) /* bytes held before authentication */
#define STREAM_TIMEOUT	30000 /* ms for each phase */
#define STREAM_PENDING	(64u << 20) /* bytes of answers not yet taken */
#define STREAM_COMPRESS 4096 /* smaller messages are sent as they are */

int stream_start(const struct net_config *cfg, struct net_counters *c);
void stream_stop(void);
void stream_open(
    uint32_t id, const struct ipport *to, const uint8_t *msg, size_t len);

/* Log a refusal of this source, at most once a minute (net.c). */
void net_refused(const struct ipport *from, const char *what, const char *why);

/* Where something came to, as far as the kernel told. */
struct net_local {
	struct ipaddr ip; /* len 0: not known */
	unsigned ifindex; /* 0: not known */
	bool stream;
};
#define NET_CMSG_MAX 256
/* Read it from the IP(V6)_PKTINFO of a datagram, or of a stream's options. */
void net_local_cmsg(struct msghdr *m, struct net_local *at);
/* May it be taken (net_accept)? Else it was counted and logged. */
bool net_takes(const struct ipport *from, const struct net_local *at);

#endif
