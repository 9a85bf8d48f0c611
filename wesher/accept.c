/*
 * Which of the host's addresses are asked rightfully, in the gossip process:
 * the announced one, and few others that the operator's options imply. What
 * came through a tunnel is never taken, or membership would depend on what it
 * is there to build; neither is what went to everybody (broadcast, multicast).
 */
#include <string.h>

#include "accept.h"
#include "mesh.h"

static void
add(struct accept *a, const struct ipaddr *ip)
{
	if (ip->len != 0 && a->n < ACCEPT_MAX)
		a->addr[a->n++] = *ip;
}

static bool
is_v4(const struct ipaddr *ip)
{
	return ip->len == 4;
}

static bool
is_v6(const struct ipaddr *ip)
{
	return ip->len == 16;
}

/* Behind NAT others ask one address, and we see another. */
static void
add_own(struct accept *a, const struct priv_net *net)
{
	struct ipaddr ip;
	unsigned i;

	a->all = net->naddr >= PRIV_NET_ADDRS;
	for (i = 0; i < net->naddr && i < PRIV_NET_ADDRS; i++)
		if (priv_ip_from(&ip, &net->addr[i]))
			add(a, &ip);
}

void
accept_fill(struct accept *a, const struct accept_from *f)
{
	const struct ipaddr *bind = &f->conf->bind_addr;
	struct ipaddr other;

	memset(a, 0, sizeof(*a));
	a->ready = true;
	a->ifindex = f->net->ifindex;
	a->bound = bind->len != 0 && !ipaddr_is_any(bind);
	a->overlay = f->overlay;
	add(a, &f->announced);
	add(a, &f->former);
	if (f->conf->advertise_addr.len != 0)
		add_own(a, f->net);
	else if (!a->bound &&
		 mesh_pick_addr(f->conf, f->net,
		     f->announced.len == 4 ? is_v6 : is_v4, &other))
		add(a, &other);
}

bool
accept_ok(const struct accept *a, const struct ipaddr *local, unsigned ifindex,
    const char **why)
{
	size_t i;

	*why = "it came through our own tunnels";
	if (a->ready && ifindex != 0 && ifindex == a->ifindex)
		return false;
	if (!a->ready || a->bound)
		return true;
	*why = "not sent to the address that we announce";
	if (local->len == 0 || ipaddr_eq(local, &a->overlay))
		return false;
	for (i = 0; i < a->n; i++)
		if (ipaddr_eq(&a->addr[i], local))
			return true;
	return a->all && !ipaddr_is_multicast(local);
}
