#ifndef KERNEL_RTNL_H
#define KERNEL_RTNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"

/*
 * rtnetlink: link, address, routes, and what the host's own network looks
 * like. All functions return 0 or -errno unless said otherwise.
 */

/*
 * Open the request socket and a second one subscribed to link, address and
 * route changes.
 */
int rtnl_open(void);
void rtnl_close(void);

struct rtnl_link {
	unsigned ifindex;
	bool up;
	uint32_t mtu;
	char kind[16]; /* "wireguard", "" when it has none */
};
/* -ENODEV when there is no such interface. */
int rtnl_link_get(const char *name, struct rtnl_link *out);
/* Create a WireGuard interface; -EOPNOTSUPP: the kernel has no WireGuard. */
int rtnl_link_create(const char *name);
int rtnl_link_delete(const char *name);
/* Set the MTU (0: leave) and bring it up. */
int rtnl_link_up(unsigned ifindex, uint32_t mtu);

/*
 * Make addr (with /32 or /128, no prefix route) the only global address of
 * the interface: others of either family are removed, link-local stays. The
 * kernel deletes the routes whose preferred source is a removed address.
 */
int rtnl_addr_set(unsigned ifindex, const struct ipaddr *addr);
/* 1: addr is there as wanted, 0: not, or -errno. */
int rtnl_addr_has(unsigned ifindex, const struct ipaddr *addr);

struct rtnl_change {
	bool del;
	struct ipaddr dst; /* a host route */
};
/*
 * Add (idempotent, NLM_F_REPLACE) or delete link-scope host routes on the
 * interface, many in one write. err[i] gets 0 or -errno each; deleting what
 * is not there is 0. src is the preferred source address (len 0: none).
 */
int rtnl_routes(unsigned ifindex, const struct ipaddr *src,
    const struct rtnl_change *ch, size_t n, int *err);

/*
 * All host routes of the main table on the interface (without the kernel's
 * own); *out is malloc'ed, NULL when there is none.
 */
int rtnl_routes_get(unsigned ifindex, struct ipaddr **out, size_t *n);

/* The host as the policy needs to see it. */
#define RTNL_OWN_MAX	128
#define RTNL_ONLINK_MAX 128
#define RTNL_GW_MAX	16
/*
 * IPv6 link-local addresses, networks and next hops mean nothing without
 * their interface and are left out. Host routes elsewhere (another mesh's
 * peers) fill at most half of onlink; rtnl_route_lookup tells the rest.
 */
struct rtnl_host {
	struct ipaddr own[RTNL_OWN_MAX]; /* every address of every interface
					  * but `skip` */
	/* not to be told to others: on a loopback interface or one that is
	 * down or has no carrier, link-local, or one of IPv6's that change
	 * every day (RFC 8981) */
	bool own_lo[RTNL_OWN_MAX];
	unsigned own_if[RTNL_OWN_MAX]; /* its interface's index */
	size_t nown;
	struct ipnet onlink[RTNL_ONLINK_MAX]; /* networks on-link elsewhere */
	size_t nonlink;
	struct ipaddr gw[RTNL_GW_MAX]; /* next hops of all routes */
	size_t ngw;
	struct ipaddr def4, def6; /* source address of the default routes, or
				   * len 0 (also when they lead into skip); a
				   * lasting one where there is one */
	bool truncated; /* something but a host route did not fit */
};
/* Take a fresh picture, leaving interface skip (0: none) out. */
int rtnl_host_get(unsigned skip, struct rtnl_host *out);

/*
 * Which interface would carry packets to dst: its ifindex, or -errno (no
 * route: -ENETUNREACH).
 */
int rtnl_route_lookup(const struct ipaddr *dst);

/* The subscribed socket, for poll(2). */
int rtnl_event_fd(void);
/*
 * Drain it: true when something about links, addresses or routes changed (or
 * was lost, ENOBUFS: then take a fresh picture). What the request socket did
 * itself does not count.
 */
bool rtnl_event_drain(void);

#endif
