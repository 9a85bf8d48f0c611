/*
 * wesher-priv: brings accepted changes to the kernel in batches. A route never
 * leads to a missing peer: it comes after its peer and goes before it. Setting
 * an endpoint overwrites what roaming learned: only when it changed (section 9).
 */
#include <errno.h>
#include <string.h>

#include "../common/log.h"
#include "priv.h"

void
apply_room(struct priv *p)
{
	struct batch *b = &p->batch;

	if (b->nwg + 3 > BATCH || b->ndel + 2 > BATCH ||
	    b->nadd + b->npend + 2 > BATCH)
		apply_flush(p);
}

void
apply_wg(struct priv *p, enum wg_op op, const struct wg_peer *w)
{
	struct batch *b = &p->batch;

	b->wg[b->nwg++] = (struct wg_change){.op = op, .peer = *w};
}

void
apply_route(struct priv *p, bool del, const struct ipaddr *dst)
{
	struct batch *b = &p->batch;
	struct rtnl_change *c = del ? &b->del[b->ndel++] : &b->add[b->nadd++];

	*c = (struct rtnl_change){.del = del, .dst = *dst};
}

static struct pend *
pend_new(struct priv *p, struct peer *q, const struct priv_result *r)
{
	struct pend *pd = &p->batch.pend[p->batch.npend++];

	*pd = (struct pend){.res = *r, .p = q, .wg = -1, .rt = -1};
	return pd;
}

/* Out of the table, and out of the kernel unless its address lives on. Among
 * thousands nobody looks how old its session is: it may be young. */
static void
drop(struct priv *p, struct peer *q, const struct ipaddr *keep)
{
	if (p->env.peers.n <= DUMP_FEW)
		repair_dump(p);
	else if (p->env.now - p->dumped >= DUMP_AGE(p))
		q->k.handshake = p->env.wall;
	if (keep == NULL || !ipaddr_eq(&q->w.addr, keep))
		apply_route(p, true, &q->w.addr);
	apply_wg(p, WG_DEL, &q->w);
	peers_remove(&p->env.peers, q, p->env.now, p->env.wall);
	duty_hosts_changed(p);
}

/* What has to be told to the kernel about a peer that is there already. */
static int
difference(const struct priv *p, const struct peer *q, const struct want *w,
    struct wg_peer *out)
{
	bool ep = ipport_cmp(&q->w.endpoint, &w->w.endpoint) != 0;

	if (w->reset || q->unsure)
		return WG_ADD;
	if (q->adopted && peers_fresh(q, p->env.wall) &&
	    q->k.handshake <= p->env.wall) /* the clock may be behind */
		ep = false;
	if (!ep)
		memset(&out->endpoint, 0, sizeof(out->endpoint));
	if (q->w.keepalive != w->w.keepalive)
		return WG_ADD;
	return ep ? WG_ENDPOINT : -1;
}

int
apply_set(struct priv *p, const struct want *w, struct priv_result *r)
{
	struct peers *ps = &p->env.peers;
	struct peer *q = peers_by_key(ps, w->w.key);
	struct wg_peer diff = w->w;
	struct pend *pd;
	bool fresh, route;
	int op = WG_ADD;

	if (w->old != NULL && w->old != q)
		drop(p, w->old, &w->w.addr);
	if (q != NULL && !ipaddr_eq(&q->w.addr, &w->w.addr)) {
		drop(p, q, NULL);
		q = NULL;
	}
	fresh = q == NULL;
	route = fresh || q->adopted;
	if (!fresh)
		op = difference(p, q, w, &diff);
	q = fresh ? peers_add(ps, &w->w, w->name, w->namelen)
		  : peers_set(ps, q, &w->w, w->name, w->namelen);
	if (q == NULL)
		return -ENOMEM;
	q->hosts = w->hosts;
	duty_hosts_changed(p);
	q->pending = true;
	pd = pend_new(p, q, r);
	pd->fresh = fresh;
	pd->route = route;
	/* In one message: a new handshake, no gap (protocol.md section 9). */
	if (w->reset && !fresh) {
		memset(&q->k, 0, sizeof(q->k)); /* of the former session */
		apply_wg(p, WG_DEL, &w->w);
	}
	if (op != -1) {
		pd->wg = (int)p->batch.nwg;
		apply_wg(p, (enum wg_op)op, &diff);
	}
	return 0;
}

void
apply_del(struct priv *p, struct peer *q, struct priv_result *r)
{
	pend_new(p, NULL, r)->wg = (int)p->batch.nwg;
	drop(p, q, NULL);
}

/* A request's error is its peer's, or its route's. */
static void
answer(struct priv *p, struct pend *pd)
{
	struct batch *b = &p->batch;
	int err = pd->wg == -1 ? 0 : b->wgerr[pd->wg];

	if (pd->rt != -1 && err == 0)
		err = b->adderr[pd->rt];
	if (pd->p == NULL && err == -ENOENT)
		err = 0;
	if (pd->p != NULL) {
		pd->p->pending = false;
		pd->p->unsure = err != 0; /* all of it is told again */
	}
	if (err != 0) {
		if (bucket_take(&p->said, p->env.now))
			log_warnx("%s: the kernel says: %s\tevent=kernel-error",
			    priv_type_name(pd->res.request), strerror(-err));
		p->repair_at = p->env.now; /* table and kernel may differ */
		if (pd->fresh)
			peers_remove(
			    &p->env.peers, pd->p, p->env.now, p->env.wall);
	}
	pd->res.error = -err;
	dispatch_put(p, &pd->res);
}

void
apply_flush(struct priv *p)
{
	static const struct ipaddr none;
	struct batch *b = &p->batch;
	unsigned ifi = p->env.ifindex;
	size_t i;
	int err;

	if (b->ndel > 0)
		(void)rtnl_routes(ifi, &none, b->del, b->ndel, b->delerr);
	if (b->nwg > 0 && (err = wg_apply(ifi, b->wg, b->nwg, b->wgerr)) != 0)
		for (i = 0; i < b->nwg; i++)
			b->wgerr[i] = err;
	for (i = 0; i < b->npend; i++) {
		struct pend *pd = &b->pend[i];

		if (!pd->route || (pd->wg != -1 && b->wgerr[pd->wg] != 0))
			continue;
		pd->rt = (int)b->nadd;
		b->add[b->nadd++] = (struct rtnl_change){.dst = pd->p->w.addr};
	}
	if (b->nadd > 0 && (err = rtnl_routes(ifi, &p->env.self, b->add,
				b->nadd, b->adderr)) != 0)
		for (i = 0; i < b->nadd; i++)
			b->adderr[i] = b->adderr[i] ? b->adderr[i] : err;
	for (i = 0; i < b->npend; i++)
		answer(p, &b->pend[i]);
	b->nwg = b->ndel = b->nadd = b->npend = 0;
}
