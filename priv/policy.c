/*
 * wesher-priv: what the gossip process may ask for. Names, keys, addresses and
 * endpoints here were chosen by the network: nothing is believed because the
 * other process said so, and nothing here changes anything.
 */
#include <errno.h>
#include <string.h>

#include "../common/check.h"
#include "../common/overlay.h"
#include "../common/wgkey.h"
#include "policy.h"

/* Would a route for a take away something that the host needs? */
static int
check_host(struct policy_env *e, const struct ipaddr *a)
{
	const struct rtnl_host *h = &e->host;
	size_t i;

	if (ipaddr_in(a, h->own, h->nown) || ipaddr_in(a, h->gw, h->ngw) ||
	    ipaddr_in(a, e->dns, e->ndns) ||
	    peers_by_endpoint(&e->peers, a) != NULL)
		return -ENOTUNIQ;
	/* A default route without a next hop is on-link for the world. */
	for (i = 0; i < h->nonlink; i++)
		if (h->onlink[i].bits != 0 && ipnet_contains(&h->onlink[i], a))
			return -EXDEV;
	return 0;
}

int
policy_self(struct policy_env *e, const char *name, size_t len,
    unsigned attempt, struct ipaddr *out)
{
	*out = e->pol->overlay_addr;
	if (out->len == 0)
		overlay_addr(&e->pol->overlay, name, len, attempt, out);
	if (!check_overlay_host(&e->pol->overlay, out))
		return -EADDRNOTAVAIL;
	if (peers_by_addr(&e->peers, out) != NULL)
		return -EADDRINUSE;
	return check_host(e, out);
}

static int
check_addr(struct policy_env *e, struct want *w)
{
	if (w->w.addr.len == 0)
		overlay_addr(&e->pol->overlay, w->name, w->namelen, w->attempt,
		    &w->w.addr);
	else if (!e->pol->allow_static)
		return -EPERM;
	if (!check_overlay_host(&e->pol->overlay, &w->w.addr))
		return -EADDRNOTAVAIL;
	if (ipaddr_eq(&w->w.addr, &e->self))
		return -EEXIST;
	return check_host(e, &w->w.addr);
}

/* A name that is not known (adopted) may be anybody's. */
static bool
same_name(const struct peer *p, const struct want *w)
{
	return p->name == NULL ||
	       (strlen(p->name) == w->namelen &&
		   memcmp(p->name, w->name, w->namelen) == 0);
}

/* Does the address change hands, and may it? */
static int
check_holder(struct policy_env *e, struct want *w)
{
	struct peer *h = peers_by_addr(&e->peers, &w->w.addr), *f;

	w->old = w->oldkey ? peers_by_key(&e->peers, w->oldkey) : NULL;
	if (w->old != NULL && !same_name(w->old, w))
		return -ESTALE;
	if (h != NULL && memcmp(h->w.key, w->w.key, WG_KEY_LEN) == 0)
		return 0;
	if (h != NULL)
		return h == w->old ? 0 : -EADDRINUSE;
	f = peers_former(&e->peers, &w->w.addr);
	if (f == NULL || f->until <= e->now ||
	    memcmp(f->w.key, w->w.key, WG_KEY_LEN) == 0)
		return 0;
	if (w->oldkey != NULL && same_name(f, w) &&
	    memcmp(f->w.key, w->oldkey, WG_KEY_LEN) == 0)
		return 0;
	return -EAGAIN;
}

static int
check_ep(struct policy_env *e, const struct want *w)
{
	const struct ipaddr *ip = &w->w.endpoint.ip;

	if (!check_endpoint(&w->w.endpoint))
		return -EDESTADDRREQ;
	if (ipaddr_eq(ip, &e->self) || ipaddr_eq(ip, &w->w.addr) ||
	    peers_by_addr(&e->peers, ip) != NULL ||
	    rtnl_route_lookup(ip) == (int)e->ifindex)
		return -ELOOP;
	return 0;
}

static int
check_room(struct policy_env *e, const struct want *w)
{
	struct peers *ps = &e->peers;

	if (w->old != NULL || peers_by_key(ps, w->w.key) != NULL)
		return 0;
	/* Former holders are bounded by the same limit. */
	return ps->n >= MAX_PEERS || ps->n + ps->nformer >= 2 * MAX_PEERS
		   ? -ENOSPC
		   : 0;
}

int
policy_peer(struct policy_env *e, struct want *w)
{
	int err;

	if (!check_name(w->name, w->namelen))
		return -EINVAL;
	if (memcmp(w->w.key, e->pubkey, WG_KEY_LEN) == 0 ||
	    !wgkey_usable(w->w.key))
		return -EKEYREJECTED;
	if ((err = check_addr(e, w)) != 0 || (err = check_ep(e, w)) != 0 ||
	    (err = check_holder(e, w)) != 0)
		return err;
	return check_room(e, w);
}
