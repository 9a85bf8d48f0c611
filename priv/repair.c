/*
 * wesher-priv: the kernel compared with what is wanted, at the start and
 * every 60 s. Somebody else may have changed anything of ours; whatever is
 * missing is put back, what is foreign on our interface goes, and a tunnel
 * that is as it should be is not touched.
 */
#include <stdlib.h>
#include <string.h>

#include "../common/log.h"
#include "priv.h"

static void
note(struct priv *p, struct peer *q, const struct wg_peer *k)
{
	q->k = *k;
	if (ipnet_contains(&p->env.pol->overlay, &k->endpoint.ip))
		p->env.peers.inside = true;
}

/* Dump the device and note in the table what was seen. 0 or -errno. */
static int
dump(struct priv *p, struct wg_device *d)
{
	int err = wg_device_get(p->env.ifindex, d);
	struct peer *q;
	size_t i;

	if (err != 0) {
		log_warnx(
		    "WireGuard peers: %s\tevent=kernel-error", strerror(-err));
		return err;
	}
	for (q = peers_from(&p->env.peers, NULL); q; q = peers_next(q))
		q->seen = false;
	for (i = 0; i < d->npeers; i++)
		if ((q = peers_by_key(&p->env.peers, d->peers[i].key))) {
			note(p, q, &d->peers[i]);
			q->seen = true;
		}
	p->dumped = p->env.now;
	return 0;
}

void
repair_dump(struct priv *p)
{
	struct wg_device d;

	if (p->dumped != 0 && p->env.now - p->dumped < DUMP_AGE(p))
		return;
	if (dump(p, &d) == 0)
		wg_device_free(&d);
}

int
repair_adopt(struct priv *p)
{
	const struct ipnet *net = &p->env.pol->overlay;
	struct wg_device d;
	struct peer *q;
	size_t i;
	int err = wg_device_get(p->env.ifindex, &d);

	for (i = 0; err == 0 && i < d.npeers; i++) {
		const struct wg_peer *k = &d.peers[i];

		apply_room(p);
		q = NULL;
		if (k->nallowed == 1 && check_overlay_host(net, &k->addr) &&
		    p->env.peers.n < MAX_PEERS)
			q = peers_add(&p->env.peers, k, NULL, 0);
		if (q != NULL)
			note(p, q, k);
		else
			apply_wg(p, WG_DEL, k);
	}
	if (err != 0)
		return err;
	if (d.npeers > 0)
		log_info("%s: %zu peers adopted, %zu foreign ones "
			 "removed\tevent=adopted",
		    p->env.pol->interface, p->env.peers.n,
		    d.npeers - p->env.peers.n);
	wg_device_free(&d);
	apply_flush(p);
	return 0;
}

/* Returns how many changes are needed. */
static size_t
repair_peers(struct priv *p, const struct wg_device *d)
{
	struct wg_peer w;
	struct peer *q;
	size_t i, n = 0;

	for (i = 0; i < d->npeers; i++)
		if (!peers_by_key(&p->env.peers, d->peers[i].key)) {
			apply_room(p);
			apply_wg(p, WG_DEL, &d->peers[i]);
			n++;
		}
	for (q = peers_from(&p->env.peers, NULL); q; q = peers_next(q)) {
		bool ep = q->seen && q->k.endpoint.ip.len != 0;

		if (q->seen && (ep || q->w.endpoint.ip.len == 0) &&
		    q->k.nallowed == 1 && ipaddr_eq(&q->k.addr, &q->w.addr))
			continue;
		w = q->w;
		apply_room(p);
		if (ep) /* it may have roamed */
			memset(&w.endpoint, 0, sizeof(w.endpoint));
		apply_wg(p, WG_ADD, &w);
		n++;
	}
	return n;
}

static size_t
repair_routes(struct priv *p)
{
	struct ipaddr *r = NULL;
	struct peer *q;
	size_t i, nr = 0, n = 0;

	if (rtnl_routes_get(p->env.ifindex, &r, &nr) != 0)
		return 0;
	for (q = peers_from(&p->env.peers, NULL); q; q = peers_next(q))
		q->seen = false;
	for (i = 0; i < nr; i++)
		if ((q = peers_by_addr(&p->env.peers, &r[i])) != NULL)
			q->seen = true;
		else if (ipnet_contains(&p->env.pol->overlay, &r[i]) &&
			 !ipaddr_eq(&r[i], &p->env.self)) {
			apply_room(p);
			apply_route(p, true, &r[i]);
			n++;
		}
	for (q = peers_from(&p->env.peers, NULL); q; q = peers_next(q))
		if (!q->seen) {
			apply_room(p);
			apply_route(p, false, &q->w.addr);
			n++;
		}
	free(r);
	return n;
}

/*
 * The others may have seen us at another port: each gets a keepalive, sent
 * when that is switched on. Where it is on anyway this does nothing.
 */
static void
repair_greet(struct priv *p)
{
	struct peer *q;

	for (q = peers_from(&p->env.peers, NULL); q; q = peers_next(q)) {
		struct wg_peer w = q->w;

		memset(&w.endpoint, 0, sizeof(w.endpoint));
		w.keepalive = 1;
		apply_room(p);
		apply_wg(p, WG_ADD, &w);
		w.keepalive = q->w.keepalive;
		apply_wg(p, WG_ADD, &w);
	}
	apply_flush(p);
}

void
repair(struct priv *p)
{
	struct policy_env *e = &p->env;
	struct wg_device d;
	const char *why;
	unsigned was = e->ifindex;
	bool created;
	size_t np, nr;

	p->repair_at = e->now + REPAIR_EVERY;
	peers_expire(&e->peers, e->now);
	if (p->hosts_at == 0) { /* written only if somebody changed it */
		duty_hosts_changed(p);
		p->hosts_look = true;
	}
	if (setup_link(e->pol, p->wgkey, &e->ifindex, &created, &why) != 0) {
		log_warnx("%s: %s", e->pol->interface, why);
		return;
	}
	if (was != e->ifindex) {
		log_warnx("%s was gone: made again\tevent=repaired",
		    e->pol->interface);
		duty_net_changed(p);
	}
	if (e->self.len != 0 && rtnl_addr_has(e->ifindex, &e->self) == 0) {
		log_warnx("%s: our address is put back\tevent=repaired",
		    e->pol->interface);
		(void)rtnl_addr_set(e->ifindex, &e->self);
	}
	if (dump(p, &d) != 0)
		return;
	np = repair_peers(p, &d);
	wg_device_free(&d);
	apply_flush(p);
	if (p->wgkey->was_set)
		repair_greet(p);
	nr = repair_routes(p);
	apply_flush(p);
	if (np + nr > 0 && bucket_take(&p->said, e->now))
		log_warnx(
		    "%s: %zu peers and %zu routes put right\tevent=repaired",
		    e->pol->interface, np, nr);
}
