/*
 * wesher-priv: NET, the hosts lines and the time-outs. Nothing here reads
 * what the gossip process wrote, but for names that check_hostname() passed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/log.h"
#include "../common/resolv.h"
#include "priv.h"

void
duty_hosts_changed(struct priv *p)
{
	p->hosts_look = false;
	if (p->hosts_at == 0)
		p->hosts_at = p->env.now + HOSTS_DELAY;
}

void
duty_net_changed(struct priv *p)
{
	if (p->net_at == 0)
		p->net_at = p->env.now + NET_DELAY;
}

/* May the child announce this one of our addresses? */
static bool
may_announce(const struct priv *p, size_t i)
{
	const struct rtnl_host *h = &p->env.host;
	const char *iface = p->env.pol->bind_iface;
	struct rtnl_link link;

	if (h->own_lo[i])
		return false;
	return iface[0] == '\0' || (rtnl_link_get(iface, &link) == 0 &&
				       link.ifindex == h->own_if[i]);
}

void
duty_net(struct priv *p)
{
	struct policy_env *e = &p->env;
	struct priv_net n = {.h = {.type = PRIV_NET},
	    .ifindex = e->ifindex,
	    .box = p->box,
	    .landlock = p->landlock};
	struct rtnl_host host;
	size_t i;
	int err;

	p->net_at = 0;
	/* A failed look keeps the old picture, and is repeated. */
	if ((err = rtnl_host_get(e->ifindex, &host)) != 0) {
		log_warnx("host's addresses: %s", strerror(-err));
		duty_net_changed(p);
		return;
	}
	e->host = host;
	resolv_get(e->dns, PRIV_NET_DNS, &e->ndns);
	for (i = 0; i < e->host.nown && n.naddr < PRIV_NET_ADDRS; i++)
		if (may_announce(p, i))
			priv_ip_to(&n.addr[n.naddr++], &e->host.own[i]);
	for (i = 0; i < e->ndns; i++)
		priv_ip_to(&n.dns[n.ndns++], &e->dns[i]);
	if (e->pol->bind_iface[0] == '\0') {
		priv_ip_to(&n.def4, &e->host.def4);
		priv_ip_to(&n.def6, &e->host.def6);
	}
	if (memcmp(&n, &p->net, sizeof(n)) == 0 || p->state == PS_LEAVING)
		return;
	p->net = n;
	dispatch_put(p, &n);
}

static void
duty_hosts(struct priv *p)
{
	struct hosts_entry *e;
	struct peer *q;
	size_t n = 0;
	int err;

	p->hosts_at = 0;
	if (p->hosts == NULL)
		return;
	/*
	 * Adopted peers have no name until the child has set them: their lines
	 * are kept as long as the tunnels, until SYNC, which calls again.
	 */
	if (p->state != PS_SYNCED && p->env.peers.nadopted > 0)
		return;
	e = calloc(p->env.peers.n + 1, sizeof(*e));
	for (q = peers_from(&p->env.peers, NULL); e && q; q = peers_next(q))
		if (q->hosts)
			e[n++] = (struct hosts_entry){
			    q->w.addr, q->name, &q->line};
	err = e == NULL ? -ENOMEM : hosts_write(p->hosts, e, n);
	if (err >= 0)
		hosts_tell(e, n, &p->said, p->env.now);
	free(e);
	if (err == -EAGAIN) { /* another mesh is writing */
		duty_hosts_changed(p);
		return;
	}
	if (err < 0)
		p->hosts_at = p->env.now + HOSTS_RETRY;
	if (err < 0 && !p->hosts_failed)
		log_warnx("hosts file: %s; retried every 10 s", strerror(-err));
	else if (err >= 0 && p->hosts_failed)
		log_warnx("hosts file: written again\tevent=hosts");
	else if (err > 0 && p->hosts_look)
		log_warnx("hosts file: our lines are put right\tevent=hosts");
	p->hosts_failed = err < 0;
}

static bool
due(const struct priv *p, int64_t at)
{
	return at != 0 && p->env.now >= at;
}

int
duties_run(struct priv *p)
{
	const int64_t limit = p->env.now - PRIV_SILENCE_MAX * 1000;

	if (p->state == PS_LEAVING)
		return 0;
	if (p->heard < limit || p->sent < limit) {
		log_errorx("the gossip process %s for %d s\tevent=silent",
		    p->heard < limit ? "was not heard of" : "did not read",
		    PRIV_SILENCE_MAX);
		return -1;
	}
	if (due(p, p->net_at) && !p->adopting)
		duty_net(p);
	if (due(p, p->repair_at))
		repair(p);
	if (due(p, p->hosts_at))
		duty_hosts(p);
	return 0;
}

int
duties_wait(const struct priv *p)
{
	const int64_t silence = PRIV_SILENCE_MAX * 1000 + 1;
	const int64_t at[] = {p->net_at, p->repair_at, p->hosts_at,
	    p->heard + silence, p->nout > 0 ? p->sent + silence : 0};
	int64_t wait = WAIT_MAX;
	size_t i;

	if (p->state == PS_LEAVING)
		return 1000;
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		if (at[i] != 0 && at[i] - p->env.now < wait)
			wait = at[i] - p->env.now;
	return wait < 0 ? 0 : (int)wait;
}
