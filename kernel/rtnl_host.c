/*
 * How the host's own network looks, for wesher-priv's policy: which addresses
 * are its own, which networks are on-link elsewhere, who its gateways are.
 * Read from the kernel alone, never written; bounded arrays, and a host that
 * has more than fits says so (truncated) instead of failing.
 */
#include <sys/socket.h>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <errno.h>
#include <string.h>

#include "rtnl.h"
#include "rtnl_priv.h"

#define LOOPBACK 1 /* its ifindex in every namespace */

struct host_scan {
	unsigned skip;
	int family; /* of the route dump */
	struct rtnl_host *h;
	struct rtnl_host before; /* to start again from */
};

/* Nothing goes by this interface now: an address there is nobody's. */
static int
link_down_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const unsigned on = IFF_UP | IFF_RUNNING;
	struct host_scan *s = arg;
	size_t i;

	if ((ifi->ifi_flags & on) == on)
		return MNL_CB_OK;
	for (i = 0; i < s->h->nown; i++)
		if (s->h->own_if[i] == (unsigned)ifi->ifi_index)
			s->h->own_lo[i] = true;
	return MNL_CB_OK;
}

static int
links_down(struct host_scan *s)
{
	struct nlmsghdr *nlh = nl_request(&rtnl_req, RTM_GETLINK, NLM_F_DUMP);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	return nl_dump(&rtnl_req, nlh, link_down_cb, NULL, s);
}

static bool
is_ll6(const struct ipaddr *a)
{
	return a->len == 16 && ipaddr_is_linklocal(a);
}

static void
add_gw(struct rtnl_host *h, const struct ipaddr *a)
{
	size_t i;

	for (i = 0; i < h->ngw; i++)
		if (ipaddr_eq(&h->gw[i], a))
			return;
	if (is_ll6(a))
		return;
	if (i == RTNL_GW_MAX)
		h->truncated = true;
	else
		h->gw[h->ngw++] = *a;
}

static void
add_onlink(struct rtnl_host *h, const struct ipaddr *a, uint8_t bits)
{
	bool host = bits == a->len * 8;

	if (is_ll6(a) || ipaddr_is_multicast(a) || bits == 0)
		return;
	if (h->nonlink < (host ? RTNL_ONLINK_MAX / 2 : RTNL_ONLINK_MAX))
		h->onlink[h->nonlink++] = (struct ipnet){*a, bits};
	else if (!host)
		h->truncated = true;
}

static int
own_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct host_scan *s = arg;
	struct rtnl_host *h = s->h;
	struct nlattr *tb[IFA_LOCAL + 1];
	struct ipaddr a;

	rtnl_attrs(nlh, sizeof(*ifa), tb, IFA_LOCAL + 1);
	if (ifa->ifa_index == s->skip ||
	    (!rtnl_addr(tb[IFA_LOCAL], &a) &&
		!rtnl_addr(tb[IFA_ADDRESS], &a)) ||
	    is_ll6(&a))
		return MNL_CB_OK;
	if (h->nown == RTNL_OWN_MAX) {
		h->truncated = true;
		return MNL_CB_OK;
	}
	h->own_lo[h->nown] =
	    ifa->ifa_index == LOOPBACK || ipaddr_is_loopback(&a) ||
	    ipaddr_is_linklocal(&a) ||
	    (a.len == 16 && (ifa->ifa_flags & IFA_F_TEMPORARY));
	h->own_if[h->nown] = ifa->ifa_index;
	h->own[h->nown++] = a;
	return MNL_CB_OK;
}

static void
multipath(struct host_scan *s, const struct nlattr *mp)
{
	struct rtnexthop *nh = mnl_attr_get_payload(mp);
	int len = mnl_attr_get_payload_len(mp);
	struct nlattr *attr; /* the macro's own name for it */
	struct ipaddr gw;

	for (; RTNH_OK(nh, len);
	     len -= RTNH_ALIGN(nh->rtnh_len), nh = RTNH_NEXT(nh)) {
		mnl_attr_for_each_payload(
		    (void *)RTNH_DATA(nh), nh->rtnh_len - sizeof(*nh))
		{
			if ((unsigned)nh->rtnh_ifindex != s->skip &&
			    mnl_attr_get_type(attr) == RTA_GATEWAY &&
			    rtnl_addr(attr, &gw))
				add_gw(s->h, &gw);
		}
	}
}

static int
route_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct host_scan *s = arg;
	struct nlattr *tb[RTA_MAX + 1];
	struct ipaddr a;

	if (rtm->rtm_type != RTN_UNICAST || rtm->rtm_family != s->family ||
	    (rtm->rtm_flags & RTM_F_CLONED))
		return MNL_CB_OK;
	rtnl_attrs(nlh, sizeof(*rtm), tb, RTA_MAX + 1);
	if (tb[RTA_MULTIPATH] != NULL)
		multipath(s, tb[RTA_MULTIPATH]);
	if (tb[RTA_OIF] == NULL || rtnl_u32(tb[RTA_OIF]) == s->skip)
		return MNL_CB_OK;
	/* RTA_VIA is an IPv6 next hop of IPv4, in practice a link-local one. */
	if (rtnl_addr(tb[RTA_GATEWAY], &a))
		add_gw(s->h, &a);
	else if (tb[RTA_VIA] == NULL && rtnl_addr(tb[RTA_DST], &a))
		add_onlink(s->h, &a, rtm->rtm_dst_len);
	return MNL_CB_OK;
}

static void
scan_restart(void *arg)
{
	struct host_scan *s = arg;

	*s->h = s->before;
}

struct lookup {
	unsigned oif;
	struct ipaddr src;
};

static int
lookup_cb(const struct nlmsghdr *nlh, void *arg)
{
	struct lookup *l = arg;
	struct nlattr *tb[RTA_PREFSRC + 1];

	rtnl_attrs(nlh, sizeof(struct rtmsg), tb, RTA_PREFSRC + 1);
	l->oif = rtnl_u32(tb[RTA_OIF]);
	(void)rtnl_addr(tb[RTA_PREFSRC], &l->src);
	return MNL_CB_OK;
}

static int
lookup(const struct ipaddr *dst, struct lookup *l)
{
	struct nlmsghdr *nlh = nl_request(&rtnl_req, RTM_GETROUTE, NLM_F_ACK);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	int r;

	memset(l, 0, sizeof(*l));
	rtm->rtm_family = rtnl_family(dst);
	rtm->rtm_dst_len = (uint8_t)(dst->len * 8);
	mnl_attr_put(nlh, RTA_DST, dst->len, dst->b);
	r = nl_dump(&rtnl_req, nlh, lookup_cb, NULL, l);
	return r == 0 && l->oif == 0 ? -ENETUNREACH : r;
}

int
rtnl_route_lookup(const struct ipaddr *dst)
{
	struct lookup l;
	int r = lookup(dst, &l);

	return r != 0 ? r : (int)l.oif;
}

/*
 * The source address towards some address far away (any that is global will
 * do, nothing is sent): the kernel's own choice, policy routing included.
 */
static void
default_source(unsigned skip, const char *far, struct ipaddr *out)
{
	struct ipaddr dst;
	struct lookup l;

	if (ipaddr_parse(far, &dst) == 0 && lookup(&dst, &l) == 0 &&
	    l.oif != skip && !ipaddr_is_linklocal(&l.src))
		*out = l.src;
}

/* The kernel prefers addresses that change every day: another of that
 * interface and network serves as well. */
static void
lasting_source(const struct rtnl_host *h, struct ipaddr *src)
{
	size_t i, k;

	for (i = 0; i < h->nown && !ipaddr_eq(&h->own[i], src); i++)
		;
	if (i == h->nown || !h->own_lo[i])
		return;
	for (k = 0; k < h->nown; k++)
		if (!h->own_lo[k] && h->own_if[k] == h->own_if[i] &&
		    h->own[k].len == 16 &&
		    memcmp(h->own[k].b, src->b, 8) == 0) {
			*src = h->own[k];
			return;
		}
}

int
rtnl_host_get(unsigned skip, struct rtnl_host *out)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct host_scan s = {.skip = skip, .h = out};
	struct nlmsghdr *nlh;
	size_t i;
	int r;

	memset(out, 0, sizeof(*out));
	nlh = nl_request(&rtnl_req, RTM_GETADDR, NLM_F_DUMP);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifaddrmsg));
	r = nl_dump(&rtnl_req, nlh, own_cb, scan_restart, &s);
	if (r == 0)
		r = links_down(&s);
	for (i = 0; i < 2 && r == 0; i++) {
		s.before = *out;
		s.family = families[i];
		r = rtnl_route_dump(families[i], 0, route_cb, scan_restart, &s);
	}
	default_source(skip, "1.1.1.1", &out->def4);
	default_source(skip, "2606:4700::1111", &out->def6);
	lasting_source(out, &out->def6);
	return r;
}
