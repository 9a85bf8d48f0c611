/*
 * How the mesh of the gossip process follows this host's addresses. All of it
 * comes from wesher-priv, which reads the kernel; nothing was chosen by the
 * network.
 *
 * A move is a leave and a return under the new address (swim.h), which takes
 * two seconds. The tunnels do not wait for it: we send into each of them at
 * once, and WireGuard's roaming tells the other ends; those of ours keep their
 * side meanwhile (peers.c). Until NET has come the new address is nobody's but
 * the kernel's: what arrives there is dropped, and what we send out is answered
 * to the old one; a second of that costs a probe at most, which is repeated by
 * TCP before anybody is suspected.
 */
#include <string.h>

#include "../common/log.h"
#include "mesh_int.h"

bool
mesh_reaches(const struct mesh *m, const struct ipaddr *ip)
{
	if (!m->ops.reaches(ip))
		return false;
	/* Nothing is known with --advertise-addr and no network yet. */
	if (!m->has4 && !m->has6)
		return true;
	return ip->len == 4 ? m->has4 : m->has6;
}

bool
mesh_connects(const struct mesh *m, const struct ipport *to)
{
	return m->ops.connects == NULL || m->ops.connects(to);
}

void
mesh_accept(struct mesh *m)
{
	struct accept_from f = {.conf = m->conf, .net = &m->net};
	struct accept a;

	if (m->ops.accept == NULL)
		return;
	f.announced = m->announced;
	f.former = m->former;
	f.overlay = m->self;
	accept_fill(&a, &f);
	m->ops.accept(&a);
}

void
mesh_rejoin(struct mesh *m, int64_t now)
{
	unsigned alive, failed;

	mesh_count(m, &alive, &failed);
	join_again(m->join, now, alive < 2);
	remember_hurry(m->remember, now);
	if (alive < 2)
		(void)mesh_join_saved(m, now);
}

/* A family stays when its last address goes: a link may only be flapping. */
static void
learn_family(struct mesh *m, const struct priv_ip *from)
{
	struct ipaddr a;

	if (!priv_ip_from(&a, from) || a.len == 0 || ipaddr_is_loopback(&a) ||
	    ipaddr_is_linklocal(&a))
		return;
	m->has4 = m->has4 || a.len == 4;
	m->has6 = m->has6 || a.len == 16;
}

static void
learn_families(struct mesh *m, int64_t now)
{
	bool had4 = m->has4, had6 = m->has6;
	unsigned i;

	for (i = 0; i < m->net.naddr && i < PRIV_NET_ADDRS; i++)
		learn_family(m, &m->net.addr[i]);
	learn_family(m, &m->net.def4);
	learn_family(m, &m->net.def6);
	if (m->peers != NULL && (had4 != m->has4 || had6 != m->has6))
		peers_rejudge(m->peers, now);
}

static void
move(struct mesh *m, int64_t now, const struct ipaddr *to)
{
	char was[IPADDR_STRLEN], is[IPADDR_STRLEN];

	/* A move within a move: the others still ask at the first address. */
	if (m->former.len == 0 ||
	    now >= m->former_until - FORMER_TAKEN + SWIM_MOVE_MAX)
		m->former = m->announced;
	m->former_until = now + FORMER_TAKEN;
	m->announced = *to;
	if (m->swim == NULL)
		return;
	log_info("now announced at %s, before at %s\tevent=announced addr=%s",
	    ipaddr_str(to, is), ipaddr_str(&m->former, was), is);
	peers_moved(m->peers, now, true);
	swim_set_addr(m->swim, now, to, m->conf->cluster_port);
}

static bool
default_changed(const struct priv_net *was, const struct priv_net *is)
{
	return memcmp(&was->def4, &is->def4, sizeof(is->def4)) != 0 ||
	       memcmp(&was->def6, &is->def6, sizeof(is->def6)) != 0;
}

/* Tunnels may have used it as their source, or it was a container's bridge. */
static bool
address_gone(const struct priv_net *was, const struct priv_net *is)
{
	struct ipaddr a;
	unsigned i;

	for (i = 0; i < was->naddr && i < PRIV_NET_ADDRS; i++)
		if (priv_ip_from(&a, &was->addr[i]) && !mesh_is_own(is, &a))
			return true;
	return false;
}

/* The announced address stays. */
static void
stay(struct mesh *m, int64_t now, const struct priv_net *before)
{
	bool gone = address_gone(before, &m->net);
	bool surely = m->offline || default_changed(before, &m->net);

	if (m->swim == NULL)
		return;
	/* The kernel's WireGuard finds another source by itself. */
	if (surely || gone)
		peers_moved(m->peers, now, surely || m->userspace);
	if (m->offline)
		mesh_rejoin(m, now);
}

/* The default route's source was announced, and both are gone. */
static bool
lost_route(const struct mesh *m, const struct priv_net *was)
{
	struct ipaddr a;

	if (m->swim == NULL || m->net.def4.len != 0 || m->net.def6.len != 0 ||
	    mesh_is_own(&m->net, &m->announced))
		return false;
	return (priv_ip_from(&a, &was->def4) && ipaddr_eq(&a, &m->announced)) ||
	       (priv_ip_from(&a, &was->def6) && ipaddr_eq(&a, &m->announced));
}

/*
 * As DHCP does it: the address goes, with the route, and another comes a bit
 * later. Meanwhile what the host has besides, say a container's bridge, is no
 * address to tell anybody.
 */
static bool
waits(struct mesh *m, int64_t now, const struct priv_net *was)
{
	if (m->route_at == NEVER) {
		if (lost_route(m, was))
			m->route_at = now + ROUTE_WAIT;
	} else if (now >= m->route_at || m->net.def4.len != 0 ||
		   m->net.def6.len != 0 || mesh_is_own(&m->net, &m->announced))
		m->route_at = NEVER;
	return m->route_at != NEVER;
}

void
mesh_net_tick(struct mesh *m, int64_t now)
{
	if (now >= m->route_at && !m->leaving)
		mesh_net(m, now, &m->net);
}

void
mesh_net(struct mesh *m, int64_t now, const struct priv_net *net)
{
	const struct priv_net before = m->net;
	struct ipaddr addr;

	m->now = now;
	if (m->leaving)
		return;
	m->net = *net;
	learn_families(m, now);
	if (!mesh_pick_addr(m->conf, net, m->ops.reaches, &addr)) {
		if (m->swim == NULL)
			log_warnx("this host has no address to announce yet: "
				  "waiting for one (or use "
				  "--advertise-addr)\tevent=offline");
		else if (!m->offline)
			log_warnx("this host has no address any more: waiting "
				  "for one\tevent=offline");
		m->offline = m->swim != NULL;
		m->route_at = NEVER;
		return;
	}
	if (ipaddr_eq(&addr, &m->announced))
		m->route_at = NEVER;
	else if (waits(m, now, &before)) {
		m->offline = true;
		return;
	}
	/* Others come and go (IPv6 privacy): no reason to move. */
	if (ipaddr_eq(&addr, &m->announced) ||
	    mesh_keep_addr(&m->announced, &addr, &before, net))
		stay(m, now, &before);
	else
		move(m, now, &addr);
	m->offline = false;
	mesh_accept(m);
	mesh_up(m, now);
}
