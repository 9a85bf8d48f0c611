#ifndef WESHER_PEERS_H
#define WESHER_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/privmsg.h"
#include "member.h"
#include "meta.h"

/*
 * Members to WireGuard peers, as differences: what is wanted for each member,
 * what wesher-priv has confirmed, and one small request for what changed.
 * Also who primes which tunnel when (protocol.md section 9). Pure: time is
 * passed in, requests and datagrams go out by callbacks.
 */
struct peers;

struct peers_ops {
	/* Ask wesher-priv; the request's number (0: out of memory). */
	uint32_t (*set)(void *arg, const struct priv_peer_set *m);
	uint32_t (*del)(void *arg, const uint8_t key[WG_KEY_LEN]);
	/* Ask for the counters of all peers; answered by peers_stat. The
	 * request's number, as above. */
	uint32_t (*stats)(void *arg);
	/* Send one datagram into the tunnel. */
	void (*prime)(void *arg, const struct ipaddr *overlay);
	uint32_t (*random)(void *arg);
	/* Has this host the address family? NULL: both. */
	bool (*reaches)(void *arg, const struct ipaddr *ip);
	/* Seconds since 1970, to tell the age of handshakes; or NULL. */
	int64_t (*wall)(void *arg);
};

struct peers_config {
	const struct peers_ops *ops;
	void *arg;
	struct ipnet overlay;
	struct ipaddr self_addr;
	uint8_t self_key[WG_KEY_LEN];
	uint16_t wgport;
	bool allow_static; /* addresses of their choice */
	bool hosts; /* hosts lines are wanted */
	const char *self_name, *hosts_domains; /* as hosts_unfit() wants them */
	int64_t hold_down; /* us: a living tunnel stays so long at most */
	int64_t forget_after; /* us: what peers_remember() told */
};

/* Why a member has no tunnel. */
enum peer_why {
	PEER_OK, /* it has one */
	PEER_PENDING, /* on its way to the kernel */
	PEER_GONE, /* failed or left */
	PEER_NO_META, /* it has not announced any metadata yet */
	PEER_BAD_META, /* not decodable */
	PEER_BAD_KEY, /* missing, malformed or zero */
	PEER_OUR_KEY,
	PEER_KEY_TAKEN, /* another member's */
	PEER_OUTSIDE, /* address outside our overlay network */
	PEER_NOT_DERIVED, /* its name does not derive the address */
	PEER_STATIC, /* a static address, which we do not allow */
	PEER_OUR_ADDR,
	PEER_ADDR_TAKEN, /* another member's */
	PEER_BAD_ENDPOINT, /* loopback, link-local, multicast ... */
	PEER_NO_FAMILY, /* IPv6, and this host has IPv4 alone, or so */
	PEER_REFUSED /* wesher-priv or the kernel refused */
};

struct peer; /* hangs off struct member's udata */

/* NULL when out of memory. */
struct peers *peers_new(const struct peers_config *cfg);
void peers_free(struct peers *p);

/*
 * The holder table of an earlier run, before anybody is known: room for n, and
 * one after the other who held which address with which key, and since when
 * (seconds since 1970). Short of memory nothing is remembered.
 */
struct holder;
void peers_expect(struct peers *p, int64_t now, size_t n);
void peers_remember(struct peers *p, const struct holder *h, int64_t since);

/* What is known about how the news came, for priming. */
enum peers_news {
	PEERS_GOSSIP, /* hearsay, or a state change */
	PEERS_JOINING, /* learned from the answer to our own join */
	PEERS_ASKED, /* it joined through us: its alive follows */
	PEERS_DIRECT /* its own packet: its side is programmed, or it leaves */
};

/* A member is new or changed in any way (not ourselves). */
void peers_update(
    struct peers *p, int64_t now, struct member *m, enum peers_news news);
/* Somebody joined, changed, failed or left: members of the original then
 * replace all their peers (protocol.md section 9). */
void peers_stir(struct peers *p, int64_t now);
/* Our own overlay address is another one from now on. */
void peers_set_self(struct peers *p, int64_t now, const struct ipaddr *self);
/* This host has moved: send into each tunnel, so that the other ends learn
 * where we are (WireGuard's roaming) before gossip tells them. A tunnel in
 * which nothing comes back is made anew, soon if we surely have moved. */
void peers_moved(struct peers *p, int64_t now, bool surely);
/* Judge everybody anew: this host reaches more than before. */
void peers_rejudge(struct peers *p, int64_t now);
/* wesher-priv may not refuse any more what it refused: ask again at once. */
void peers_retry(struct peers *p, int64_t now);
/* It is about to be freed. */
void peers_forget(struct peers *p, int64_t now, struct member *m);

/* Answers of wesher-priv. */
void peers_result(struct peers *p, int64_t now, const struct priv_result *r);
void peers_stat(struct peers *p, int64_t now, const struct priv_stat *s);

void peers_tick(struct peers *p, int64_t now);
int64_t peers_deadline(const struct peers *p);

/* True when no request is queued or under way. */
bool peers_settled(const struct peers *p);
/*
 * What was asked for, or was still to be asked for, when peers_mark() was last
 * called: is all of it answered? Others that came later may still wait.
 */
void peers_mark(struct peers *p);
bool peers_reached(const struct peers *p);

/*
 * Events are followed, or not any more: tell of tunnels that come up or grow
 * stale (event.h), for which counters are asked for every 5 s.
 */
void peers_watch(struct peers *p, int64_t now, bool on);

/* For status. */
struct peer_view {
	enum peer_why why;
	char detail[160]; /* why in words, "" for PEER_OK */
	/* It has a tunnel, and a name unfit for /etc/hosts: why. Else NULL. */
	const char *no_line;
	/* Called gone, and its tunnel is kept; something came out of it. */
	bool kept, connected;
	bool decoded;
	struct meta meta; /* when decoded */
	/* Since when it claims its address, and holds it, or did until it
	 * failed (seconds since 1970); 0: it does not. For the state. */
	int64_t since;
	struct ipport endpoint; /* in use (kernel's) or announced */
	bool has_stat;
	int64_t handshake; /* seconds since 1970, 0 never */
	uint64_t rx, tx;
};
void
peers_view(const struct peers *p, const struct member *m, struct peer_view *v);

/* Members alive without our extension, by dialect. */
struct peers_dialects {
	unsigned ours, v03, v02;
};
void peers_dialects(const struct peers *p, struct peers_dialects *d);

#endif
