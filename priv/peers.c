/*
 * wesher-priv: the table of wanted peers, by key, by overlay address and by
 * endpoint. All keys and addresses in it passed the policy (or were found in
 * the kernel at the start); the order of the trees cannot be attacked. Never
 * talks to the kernel and never logs.
 */
#include <stdlib.h>
#include <string.h>

#include "policy.h"

static int
cmp_key(struct peer *a, struct peer *b)
{
	return memcmp(a->w.key, b->w.key, WG_KEY_LEN);
}

static int
cmp_addr(struct peer *a, struct peer *b)
{
	return ipaddr_cmp(&a->w.addr, &b->w.addr);
}

static int
cmp_ep(struct peer *a, struct peer *b)
{
	int c = ipaddr_cmp(&a->w.endpoint.ip, &b->w.endpoint.ip);

	return c != 0 ? c : cmp_key(a, b);
}

RB_PROTOTYPE(tree_key, peer, bykey, cmp_key)
RB_GENERATE(tree_key, peer, bykey, cmp_key)
RB_PROTOTYPE(tree_addr, peer, byaddr, cmp_addr)
RB_GENERATE(tree_addr, peer, byaddr, cmp_addr)
RB_PROTOTYPE(tree_ep, peer, byep, cmp_ep)
RB_GENERATE(tree_ep, peer, byep, cmp_ep)

struct peer *
peers_from(struct peers *ps, const uint8_t *key)
{
	struct peer want;

	memset(&want, 0, sizeof(want));
	if (key != NULL)
		memcpy(want.w.key, key, WG_KEY_LEN);
	return RB_NFIND(tree_key, &ps->bykey, &want);
}

struct peer *
peers_next(struct peer *p)
{
	return RB_NEXT(tree_key, NULL, p);
}

struct peer *
peers_by_key(struct peers *ps, const uint8_t key[WG_KEY_LEN])
{
	struct peer *p = peers_from(ps, key);

	return p != NULL && memcmp(p->w.key, key, WG_KEY_LEN) == 0 ? p : NULL;
}

struct peer *
peers_by_addr(struct peers *ps, const struct ipaddr *a)
{
	struct peer want = {.w = {.addr = *a}};

	return RB_FIND(tree_addr, &ps->byaddr, &want);
}

struct peer *
peers_former(struct peers *ps, const struct ipaddr *a)
{
	struct peer want = {.w = {.addr = *a}};

	return RB_FIND(tree_addr, &ps->former, &want);
}

struct peer *
peers_by_endpoint(struct peers *ps, const struct ipaddr *a)
{
	struct peer want = {.w = {.endpoint = {.ip = *a}}};
	struct peer *p = RB_NFIND(tree_ep, &ps->byep, &want);

	if (p != NULL && ipaddr_eq(&p->w.endpoint.ip, a))
		return p;
	if (!ps->inside)
		return NULL;
	for (p = peers_from(ps, NULL); p != NULL; p = peers_next(p))
		if (ipaddr_eq(&p->k.endpoint.ip, a))
			break;
	return p;
}

struct peer *
peers_add(
    struct peers *ps, const struct wg_peer *w, const char *name, size_t len)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (p == NULL || (name != NULL && !(p->name = strndup(name, len)))) {
		free(p);
		return NULL;
	}
	p->w = *w;
	p->adopted = name == NULL;
	ps->nadopted += p->adopted;
	RB_INSERT(tree_key, &ps->bykey, p);
	RB_INSERT(tree_addr, &ps->byaddr, p);
	RB_INSERT(tree_ep, &ps->byep, p);
	ps->n++;
	return p;
}

struct peer *
peers_set(struct peers *ps, struct peer *p, const struct wg_peer *w,
    const char *name, size_t len)
{
	char *copy = strndup(name, len);

	if (copy == NULL)
		return NULL;
	free(p->name);
	p->name = copy;
	ps->nadopted -= p->adopted;
	p->adopted = false;
	p->w.keepalive = w->keepalive;
	RB_REMOVE(tree_ep, &ps->byep, p);
	p->w.endpoint = w->endpoint;
	RB_INSERT(tree_ep, &ps->byep, p);
	return p;
}

bool
peers_fresh(const struct peer *p, int64_t wall)
{
	return p->k.handshake != 0 && wall - p->k.handshake < PEER_FRESH;
}

static void
former_free(struct peers *ps, struct peer *f)
{
	RB_REMOVE(tree_addr, &ps->former, f);
	ps->nformer--;
	free(f->name);
	free(f);
}

void
peers_remove(struct peers *ps, struct peer *p, int64_t now, int64_t wall)
{
	int64_t age = wall - p->k.handshake;
	struct peer *f;

	RB_REMOVE(tree_key, &ps->bykey, p);
	RB_REMOVE(tree_addr, &ps->byaddr, p);
	RB_REMOVE(tree_ep, &ps->byep, p);
	ps->n--;
	ps->nadopted -= p->adopted;
	if (!peers_fresh(p, wall)) {
		free(p->name);
		free(p);
		return;
	}
	if ((f = peers_former(ps, &p->w.addr)) != NULL)
		former_free(ps, f);
	/* A clock that was set back makes no one wait for longer. */
	p->until = now + (PEER_FRESH - (age > 0 ? age : 0)) * 1000;
	RB_INSERT(tree_addr, &ps->former, p);
	ps->nformer++;
}

void
peers_expire(struct peers *ps, int64_t now)
{
	struct peer *p, *tmp;

	RB_FOREACH_SAFE (p, tree_addr, &ps->former, tmp)
		if (p->until <= now)
			former_free(ps, p);
}
