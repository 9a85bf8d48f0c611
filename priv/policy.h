#ifndef PRIV_POLICY_H
#define PRIV_POLICY_H

#include "../common/privargs.h"
#include "../common/privmsg.h"
#include "peers.h"
#include "../kernel/rtnl.h"

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
 * address in w->w.addr or *out), or:
 *
 *  -EINVAL         the name is no member name
 *  -EPERM          a static address, and --allow-static was not given
 *  -EADDRNOTAVAIL  the address is no host address of the overlay network
 *  -EEXIST         the address is our own overlay address
 *  -EADDRINUSE     another key holds the address
 *  -ESTALE         the key to be replaced is another name's
 *  -EAGAIN         the address changed hands less than 180 s ago
 *  -ENOTUNIQ       local address, gateway, nameserver or endpoint in use
 *  -EXDEV          the address is on-link on another interface
 *  -EKEYREJECTED   the key is zero, ours or no Curve25519 key
 *  -EDESTADDRREQ   the endpoint is no unicast address with a port
 *  -ELOOP          the endpoint is an overlay address in use, or is routed
 *                  through our own interface
 *  -ENOSPC         too many peers
 *
 * priv_reason() has the words. The dispatcher adds -EBUSY (too many changes a second), -ENOENT (PEER_DEL of
 * an unknown key), -ENOMEM and what the kernel says.
 */
int policy_peer(struct policy_env *e, struct want *w);
int policy_self(struct policy_env *e, const char *name, size_t len,
    unsigned attempt, struct ipaddr *out);

#endif
