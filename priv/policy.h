#ifndef PRIV_POLICY_H
#define PRIV_POLICY_H

#include <sys/tree.h>

#include "../common/hostsfile.h"
#include "../common/privargs.h"
#include "../common/privmsg.h"
#include "../kernel/wg.h"
#include "../kernel/rtnl.h"

/* The wanted peers: values only, the kernel is apply's and repair's. */
struct peer {
	RB_ENTRY(peer) bykey, byaddr, byep;
	struct wg_peer w; /* wanted; while adopted, as it was found */
	struct wg_peer k; /* as the last dump showed it */
	char *name; /* NULL while adopted */
	struct hosts_line line;
	bool hosts, adopted, pending, unsure; /* unsure: a change failed */
	bool seen; /* by the repair that goes on */
	int64_t until; /* of a former holder: its address waits, ms */
};
RB_HEAD(tree_key, peer);
RB_HEAD(tree_addr, peer);
RB_HEAD(tree_ep, peer);

struct peers {
	struct tree_key bykey;
	struct tree_addr byaddr;
	struct tree_ep byep;
	struct tree_addr former; /* addresses that may not change hands yet */
	size_t n, nformer, nadopted;
	bool inside; /* the kernel has had endpoints in the overlay network */
};

#define PEER_FRESH 180 /* seconds that a WireGuard session may live */

struct peer *peers_by_key(struct peers *ps, const uint8_t key[WG_KEY_LEN]);
struct peer *peers_by_addr(struct peers *ps, const struct ipaddr *a);
/* Some peer whose endpoint, as set or as the kernel knows it, has this address;
 * or NULL. */
struct peer *peers_by_endpoint(struct peers *ps, const struct ipaddr *a);
/* Who held an address last, while that still matters; or NULL. */
struct peer *peers_former(struct peers *ps, const struct ipaddr *a);
/* In the order of keys: the first at or above key (NULL: of all), the next. */
struct peer *peers_from(struct peers *ps, const uint8_t *key);
struct peer *peers_next(struct peer *p);

/*
 * Insert a peer with w's key, address and endpoint, none of which may be held;
 * name NULL means adopted. NULL when out of memory.
 */
struct peer *peers_add(
    struct peers *ps, const struct wg_peer *w, const char *name, size_t len);
/*
 * Announced data of a known peer: name, endpoint, keepalive. Returns p, or NULL
 * when out of memory, with nothing changed.
 */
struct peer *peers_set(struct peers *ps, struct peer *p,
    const struct wg_peer *w, const char *name, size_t len);
/*
 * Forget a peer; p is freed or, when its last handshake is younger than
 * PEER_FRESH, remembered as a former holder. now: ms; wall: seconds.
 */
void peers_remove(struct peers *ps, struct peer *p, int64_t now, int64_t wall);
/* Forget former holders whose time is over. */
void peers_expire(struct peers *ps, int64_t now);
/* Is the last known handshake younger than PEER_FRESH? */
bool peers_fresh(const struct peer *p, int64_t wall);

/* What a request is judged against. */
struct policy_env {
	const struct policy *pol;
	unsigned ifindex;
	uint8_t pubkey[WG_KEY_LEN];
	struct ipaddr self; /* len 0 before SELF */
	struct rtnl_host host;
	struct ipaddr dns[PRIV_NET_DNS];
	size_t ndns;
	struct peers peers;
	int64_t now, wall; /* monotonic ms; seconds since 1970 */
};

/* One PEER_SET, its form already checked. */
struct want {
	const char *name;
	size_t namelen;
	unsigned attempt;
	bool hosts;
	struct wg_peer w; /* addr: static, or len 0 and derived here */
	const uint8_t *oldkey; /* NULL: replaces none */
	bool reset; /* end the session it has */
	struct peer *old; /* set here: the peer to be replaced */
};

/*
 * The rules of design.md section 2, PEER_SET and SELF. Return 0 (and the
 * address in w->w.addr or *out), or -errno as common/privmsg.h explains it.
 */
int policy_peer(struct policy_env *e, struct want *w);
int policy_self(struct policy_env *e, const char *name, size_t len,
    unsigned attempt, struct ipaddr *out);

#endif
