/*
 * The WireGuard interface as rtnetlink sees it: link, address, routes, and
 * the changes that others make. wesher-priv alone, as root under seccomp: no
 * socket is opened and no ioctl (if_nametoindex) used after rtnl_open.
 *
 * Input is the kernel's alone. What is written is limited to the one
 * interface that the caller names; every request can be repeated.
 * How the host's own network looks is read in rtnl_host.c.
 */
#include <sys/socket.h>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rtnl.h"
#include "rtnl_priv.h"

#define ROUTES_BATCH 64 /* route changes in one write */
#define ADDRS_BATCH  32 /* addresses that are removed in one round */

struct nl rtnl_req;
static struct nl events;

int
rtnl_open(void)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
	    RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE};
	size_t i, n = sizeof(groups) / sizeof(groups[0]);
	int g, saved;

	if (nl_open(&rtnl_req, NETLINK_ROUTE) == -1)
		return -errno;
	if (nl_open(&events, NETLINK_ROUTE) == 0) {
		for (i = 0; i < n; i++) {
			g = groups[i];
			if (mnl_socket_setsockopt(events.sock,
				NETLINK_ADD_MEMBERSHIP, &g, sizeof(g)) == -1)
				break;
		}
		if (i == n)
			return 0;
	}
	saved = errno;
	rtnl_close();
	return -saved;
}

void
rtnl_close(void)
{
	nl_close(&rtnl_req);
	nl_close(&events);
}

void
rtnl_attrs(
    const struct nlmsghdr *nlh, size_t hdrlen, struct nlattr **tb, size_t n)
{
	struct nlattr *a;

	memset(tb, 0, n * sizeof(*tb));
	mnl_attr_for_each(a, nlh, hdrlen)
	{
		if (mnl_attr_get_type(a) < n)
			tb[mnl_attr_get_type(a)] = a;
	}
}

uint32_t
rtnl_u32(const struct nlattr *a)
{
	if (a == NULL || mnl_attr_get_payload_len(a) < sizeof(uint32_t))
		return 0;
	return mnl_attr_get_u32(a);
}

bool
rtnl_addr(const struct nlattr *a, struct ipaddr *out)
{
	return a != NULL && ipaddr_from_bytes(mnl_attr_get_payload(a),
				mnl_attr_get_payload_len(a), out) == 0;
}

/* A request about one link, by name (or NULL). */
static struct nlmsghdr *
link_request(
    uint16_t type, uint16_t flags, const char *name, struct ifinfomsg **ifi)
{
	struct nlmsghdr *nlh = nl_request(&rtnl_req, type, flags);

	*ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(**ifi));
	if (name != NULL)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return nlh;
}

static int
link_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct rtnl_link *out = arg;
	struct nlattr *tb[IFLA_LINKINFO + 1], *a;

	rtnl_attrs(nlh, sizeof(*ifi), tb, IFLA_LINKINFO + 1);
	out->ifindex = (unsigned)ifi->ifi_index;
	out->up = (ifi->ifi_flags & IFF_UP) != 0;
	out->mtu = rtnl_u32(tb[IFLA_MTU]);
	if (tb[IFLA_LINKINFO] == NULL)
		return MNL_CB_OK;
	mnl_attr_for_each_nested(a, tb[IFLA_LINKINFO])
	{
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND &&
		    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
			strlcpy(
			    out->kind, mnl_attr_get_str(a), sizeof(out->kind));
	}
	return MNL_CB_OK;
}

int
rtnl_link_get(const char *name, struct rtnl_link *out)
{
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh = link_request(RTM_GETLINK, NLM_F_ACK, name, &ifi);

	memset(out, 0, sizeof(*out));
	return nl_dump(&rtnl_req, nlh, link_cb, NULL, out);
}

int
rtnl_link_create(const char *name)
{
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh = link_request(
	    RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, name, &ifi);
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);

	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "wireguard");
	mnl_attr_nest_end(nlh, info);
	return nl_ack(&rtnl_req, nlh);
}

int
rtnl_link_delete(const char *name)
{
	struct ifinfomsg *ifi;

	return nl_ack(&rtnl_req, link_request(RTM_DELLINK, 0, name, &ifi));
}

int
rtnl_link_up(unsigned ifindex, uint32_t mtu)
{
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh = link_request(RTM_NEWLINK, 0, NULL, &ifi);

	ifi->ifi_index = (int)ifindex;
	ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	if (mtu != 0)
		mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return nl_ack(&rtnl_req, nlh);
}

/* One address of the interface, as the kernel wants it back for deletion. */
struct ifaddr {
	uint8_t bits;
	struct ipaddr local, peer;
};

struct addr_scan {
	unsigned ifindex;
	const struct ipaddr *want;
	bool found;
	size_t n;
	struct ifaddr other[ADDRS_BATCH];
};

static int
addr_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct addr_scan *s = arg;
	struct nlattr *tb[IFA_LOCAL + 1];
	struct ifaddr a = {.bits = ifa->ifa_prefixlen};

	rtnl_attrs(nlh, sizeof(*ifa), tb, IFA_LOCAL + 1);
	if (ifa->ifa_index != s->ifindex || ifa->ifa_scope >= RT_SCOPE_LINK ||
	    !rtnl_addr(tb[IFA_ADDRESS], &a.peer))
		return MNL_CB_OK;
	if (!rtnl_addr(tb[IFA_LOCAL], &a.local))
		a.local = a.peer;
	if (ipaddr_eq(&a.local, s->want) && ipaddr_eq(&a.peer, s->want) &&
	    a.bits == a.local.len * 8 && ifa->ifa_scope == RT_SCOPE_UNIVERSE)
		s->found = true;
	else if (!ipaddr_is_linklocal(&a.local) && s->n < ADDRS_BATCH)
		s->other[s->n++] = a;
	return MNL_CB_OK;
}

static void
addr_restart(void *arg)
{
	struct addr_scan *s = arg;

	s->found = false;
	s->n = 0;
}

static int
addr_dump(struct addr_scan *s)
{
	struct nlmsghdr *nlh = nl_request(&rtnl_req, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_index = s->ifindex;
	addr_restart(s);
	return nl_dump(&rtnl_req, nlh, addr_cb, addr_restart, s);
}

static int
addr_change(
    uint16_t type, uint16_t flags, unsigned ifindex, const struct ifaddr *a)
{
	struct nlmsghdr *nlh = nl_request(&rtnl_req, type, flags);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_family = rtnl_family(&a->local);
	ifa->ifa_prefixlen = a->bits;
	ifa->ifa_index = ifindex;
	mnl_attr_put(nlh, IFA_LOCAL, a->local.len, a->local.b);
	mnl_attr_put(nlh, IFA_ADDRESS, a->peer.len, a->peer.b);
	if (type == RTM_NEWADDR && a->local.len == 16)
		mnl_attr_put_u32(
		    nlh, IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
	return nl_ack(&rtnl_req, nlh);
}

int
rtnl_addr_set(unsigned ifindex, const struct ipaddr *addr)
{
	struct ifaddr a = {(uint8_t)(addr->len * 8), *addr, *addr};
	struct addr_scan s = {.ifindex = ifindex, .want = addr};
	size_t i;
	int r;

	do {
		if ((r = addr_dump(&s)) != 0)
			return r;
		for (i = 0; i < s.n; i++) {
			r = addr_change(RTM_DELADDR, 0, ifindex, &s.other[i]);
			/* A secondary goes with its primary. */
			if (r != 0 && r != -EADDRNOTAVAIL)
				return r;
		}
	} while (s.n == ADDRS_BATCH);
	if (s.found)
		return 0;
	return addr_change(
	    RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, &a);
}

int
rtnl_addr_has(unsigned ifindex, const struct ipaddr *addr)
{
	struct addr_scan s = {.ifindex = ifindex, .want = addr};
	int r = addr_dump(&s);

	return r != 0 ? r : s.found;
}

/* Append a change to the send buffer at off; returns the next offset. */
static size_t
put_route(size_t off, unsigned ifindex, const struct ipaddr *src,
    const struct rtnl_change *c)
{
	struct nlmsghdr *nlh = nl_request_at(&rtnl_req, off,
	    c->del ? RTM_DELROUTE : RTM_NEWROUTE,
	    c->del ? NLM_F_ACK : NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = rtnl_family(&c->dst);
	rtm->rtm_dst_len = (uint8_t)(c->dst.len * 8);
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_scope = c->del ? RT_SCOPE_NOWHERE : RT_SCOPE_LINK;
	mnl_attr_put(nlh, RTA_DST, c->dst.len, c->dst.b);
	mnl_attr_put_u32(nlh, RTA_OIF, ifindex);
	if (!c->del) {
		rtm->rtm_protocol = RTPROT_STATIC;
		rtm->rtm_type = RTN_UNICAST;
		if (src != NULL && src->len == c->dst.len)
			mnl_attr_put(nlh, RTA_PREFSRC, src->len, src->b);
	}
	return off + MNL_ALIGN(nlh->nlmsg_len);
}

/* One write; what was not acknowledged for want of room is done again. */
static int
route_batch(unsigned ifindex, const struct ipaddr *src,
    const struct rtnl_change *ch, size_t n, int *err)
{
	size_t i, len = 0;
	int r;

	for (i = 0; i < n; i++)
		len = put_route(len, ifindex, src, &ch[i]);
	r = nl_batch(&rtnl_req, len, n, err);
	for (i = 0; i < n; i++) {
		if (err[i] == -ENOBUFS)
			r = nl_batch(&rtnl_req,
			    put_route(0, ifindex, src, &ch[i]), 1, &err[i]);
		if (ch[i].del && err[i] == -ESRCH)
			err[i] = 0;
	}
	return r;
}

int
rtnl_routes(unsigned ifindex, const struct ipaddr *src,
    const struct rtnl_change *ch, size_t n, int *err)
{
	size_t i, k;
	int r = 0;

	for (i = 0; i < n; i += k) {
		k = n - i < ROUTES_BATCH ? n - i : ROUTES_BATCH;
		if (r == 0)
			r = route_batch(ifindex, src, ch + i, k, err + i);
		else
			for (k = 0; i + k < n; k++)
				err[i + k] = r;
	}
	return r;
}

int
rtnl_route_dump(int family, unsigned oif, mnl_cb_t cb,
    void (*restart)(void *arg), void *arg)
{
	struct nlmsghdr *nlh = nl_request(&rtnl_req, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	int r;

	rtm->rtm_family = (uint8_t)family;
	if (oif != 0) {
		rtm->rtm_table = RT_TABLE_MAIN;
		mnl_attr_put_u32(nlh, RTA_OIF, oif);
	}
	r = nl_dump(&rtnl_req, nlh, cb, restart, arg);
	/* A namespace without a route has no main table yet. */
	return r == -ENOENT ? 0 : r;
}

struct route_list {
	unsigned ifindex;
	struct ipaddr *v;
	size_t n, cap, base; /* base: where this family begins */
};

static int
list_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct route_list *l = arg;
	struct nlattr *tb[RTA_TABLE + 1];
	struct ipaddr dst, *v;

	rtnl_attrs(nlh, sizeof(*rtm), tb, RTA_TABLE + 1);
	if (rtm->rtm_type != RTN_UNICAST ||
	    rtm->rtm_protocol == RTPROT_KERNEL ||
	    rtnl_u32(tb[RTA_TABLE]) != RT_TABLE_MAIN ||
	    rtnl_u32(tb[RTA_OIF]) != l->ifindex ||
	    (rtm->rtm_flags & RTM_F_CLONED) || !rtnl_addr(tb[RTA_DST], &dst) ||
	    rtm->rtm_dst_len != dst.len * 8)
		return MNL_CB_OK;
	if (l->n == l->cap) {
		v = reallocarray(l->v, l->cap * 2 + 64, sizeof(*v));
		if (v == NULL)
			return MNL_CB_ERROR;
		l->v = v;
		l->cap = l->cap * 2 + 64;
	}
	l->v[l->n++] = dst;
	return MNL_CB_OK;
}

static void
list_restart(void *arg)
{
	struct route_list *l = arg;

	l->n = l->base;
}

int
rtnl_routes_get(unsigned ifindex, struct ipaddr **out, size_t *n)
{
	struct route_list l = {.ifindex = ifindex};
	int r;

	r = rtnl_route_dump(AF_INET, ifindex, list_cb, list_restart, &l);
	l.base = l.n;
	if (r == 0)
		r = rtnl_route_dump(
		    AF_INET6, ifindex, list_cb, list_restart, &l);
	if (r != 0) {
		free(l.v);
		memset(&l, 0, sizeof(l));
	}
	*out = l.v;
	*n = l.n;
	return r;
}

int
rtnl_event_fd(void)
{
	return nl_fd(&events);
}

bool
rtnl_event_drain(void)
{
	const struct nlmsghdr *nlh;
	bool changed = false;
	ssize_t n;
	int len;

	while ((n = nl_receive(&events, 0)) != -EAGAIN) {
		if (n < 0) {
			changed = true;
			if (n != -ENOBUFS && n != -EMSGSIZE)
				break;
			continue;
		}
		nlh = (const struct nlmsghdr *)(const void *)events.buf;
		len = (int)n;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			if (nlh->nlmsg_pid != rtnl_req.portid)
				changed = true;
	}
	return changed;
}
