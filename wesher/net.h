#ifndef WESHER_NET_H
#define WESHER_NET_H

#include <net/if.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"
#include "accept.h"
#include "seal.h"

/*
 * All membership traffic: sealed UDP packets and TCP streams (protocol.md
 * sections 1 and 2). One instance per process. What does not open under a
 * cluster key is dropped, counted, and logged once per source and minute.
 */
struct event_base;

struct net_handler {
	/* An opened packet. Returns 0 or a negative enum wire_error. */
	int (*packet)(
	    const struct ipport *from, const uint8_t *plain, size_t len);
	/* Those that had come together were handled; may be NULL. */
	void (*taken)(void);
	/* An opened request on an accepted stream; *reply is malloc'ed. */
	int (*request)(const struct ipport *from, uint8_t type,
	    const uint8_t *body, size_t len, uint8_t **reply, size_t *replylen);
	/* The answer to net_stream, or its failure. */
	void (*reply)(
	    uint32_t id, uint8_t type, const uint8_t *body, size_t len);
	void (*failed)(uint32_t id, const char *why);
};

struct net_config {
	struct event_base *base;
	int udp, tcp; /* bound by wesher-priv */
	struct seal *seal; /* not owned */
	struct ipaddr bind_addr; /* source of our own connections; len 0: any */
	char bind_iface[IFNAMSIZ];
	/* May a stream of ours go there? NULL: anywhere. */
	bool (*connects)(const struct ipport *to);
	unsigned stream_ms; /* for each phase of a stream; 0: 30 s */
	struct net_handler handler;
	/* Is that a member's address? NULL: nobody is known. */
	bool (*known)(const struct ipaddr *ip);
};

/* Returns 0, or -1 with errno. */
int net_start(const struct net_config *cfg);
void net_stop(void);

/* Can this process send to that family at all? */
bool net_reaches(const struct ipaddr *ip);

/* Drop what is not for us from now on; before the first call all is taken. */
void net_accept(const struct accept *a);

/*
 * Seal one packet and send it when this turn of the event loop ends; losses are
 * silent, as on the wire. What a packet's handler sends back goes out from the
 * address that the packet came to.
 */
void net_send(const struct ipport *to, const uint8_t *plain, size_t len);

/* As struct swim_ops' stream. */
void net_stream(
    uint32_t id, const struct ipport *to, const uint8_t *msg, size_t len);

/*
 * One datagram to the discard port of an overlay address, so that WireGuard
 * has something to send and starts its handshake (protocol.md section 9).
 */
void net_prime(const struct ipaddr *overlay);

/* Why a packet or a stream was refused. */
enum net_reason {
	NET_NOT_SEALED, /* no key of ours opens it, or no sealed thing at all */
	NET_MALFORMED, /* sealed with our key, and nonsense */
	NET_LENGTH, /* too short, or declares an impossible length */
	NET_REPLAY, /* it came before */
	NET_STRAY, /* not for us: net_accept() */
	NET_CROWD, /* too many streams, or bytes, at once */
	NET_TIME, /* a stream was too slow */
	NET_CUT, /* or ended before its message did */
	NET_REASONS
};

struct net_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t refused_packets, refused_streams, streams_in, streams_out;
	uint64_t send_errors;
	uint64_t refused[NET_REASONS]; /* packets and streams, by reason */
};
const struct net_counters *net_counters(void);

#endif
