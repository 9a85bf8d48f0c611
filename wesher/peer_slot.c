/*
 * The memory of peers, in the gossip process: one small slot for each member,
 * and a large struct for those alone with which something goes on. Who is set
 * up and in step with the kernel, has its handshake or waits for a first
 * answer, is at rest.
 *
 * Also the index of overlay addresses and keys. Members choose both, so the
 * hashes are keyed: nobody can build long chains.
 */
#include <sys/mman.h>

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "../common/log.h"
#include "peers_int.h"
#include "poison.h"

#define HASH_MIN  16
#define LOAD	  2 /* slots per chain, as a rule */
#define NAME_ROOM 256

/*
 * Thousands wake up when many join at once, and are all at rest soon: their
 * memory is kept apart from what stays, so that it can be given back.
 */
struct berth {
	struct peer p;
	struct peer_block *block;
	char name[NAME_ROOM];
};

struct peer_block {
	LIST_ENTRY(peer_block) entry; /* while there is room */
	uint64_t taken; /* one bit each */
	struct berth v[64];
};
#define BLOCK_FULL UINT64_MAX

_Static_assert(
    sizeof(((struct peers *)0)->hashkey) == crypto_shorthash_KEYBYTES,
    "hash key");

static struct peer_slot **
bucket(
    const struct peers *ps, struct peer_slot **index, const void *b, size_t len)
{
	uint8_t out[crypto_shorthash_BYTES], key[crypto_shorthash_KEYBYTES];
	uint64_t h;

	memcpy(key, ps->hashkey, sizeof(key));
	crypto_shorthash(out, b, len, key);
	memcpy(&h, out, sizeof(h));
	return &index[h & (ps->hashsize - 1)];
}

static struct peer_slot **
addr_bucket(const struct peers *ps, const struct ipaddr *addr)
{
	return bucket(ps, ps->by_addr, addr, sizeof(*addr));
}

static struct peer_slot **
key_bucket(const struct peers *ps, const uint8_t key[WG_KEY_LEN])
{
	return bucket(ps, ps->by_key, key, WG_KEY_LEN);
}

int
peer_index_init(struct peers *ps)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		ps->hashkey[i] = ps->cfg.ops->random(ps->cfg.arg);
	ps->hashsize = HASH_MIN;
	ps->by_addr = calloc(ps->hashsize, sizeof(struct peer_slot *));
	ps->by_key = calloc(ps->hashsize, sizeof(struct peer_slot *));
	return ps->by_addr == NULL || ps->by_key == NULL ? -1 : 0;
}

void
peer_index_free(struct peers *ps)
{
	free(ps->by_addr);
	free(ps->by_key);
}

struct peer_slot *
peer_by_addr(const struct peers *ps, const struct ipaddr *addr)
{
	struct peer_slot *s = *addr_bucket(ps, addr);

	while (s != NULL && !ipaddr_eq(&s->t.addr, addr))
		s = s->addr_next;
	return s;
}

struct peer_slot *
peer_by_key(const struct peers *ps, const uint8_t key[WG_KEY_LEN])
{
	struct peer_slot *s = *key_bucket(ps, key);

	while (s != NULL && memcmp(s->t.key, key, WG_KEY_LEN) != 0)
		s = s->key_next;
	return s;
}

static void
link_addr(struct peers *ps, struct peer_slot *s)
{
	struct peer_slot **q = addr_bucket(ps, &s->t.addr);

	s->addr_next = *q;
	*q = s;
}

static void
link_key(struct peers *ps, struct peer_slot *s)
{
	struct peer_slot **q = key_bucket(ps, s->t.key);

	s->key_next = *q;
	*q = s;
}

/* Short of memory the chains become longer. */
static void
index_grow(struct peers *ps)
{
	struct peer_slot **by_addr, **by_key, *s;
	unsigned n = ps->hashsize * 2;

	by_addr = calloc(n, sizeof(struct peer_slot *));
	by_key = calloc(n, sizeof(struct peer_slot *));
	if (by_addr == NULL || by_key == NULL) {
		free(by_addr);
		free(by_key);
		return;
	}
	peer_index_free(ps);
	ps->by_addr = by_addr;
	ps->by_key = by_key;
	ps->hashsize = n;
	TAILQ_FOREACH (s, &ps->all, all) {
		if (s->held)
			link_addr(ps, s);
		if (s->keyed)
			link_key(ps, s);
	}
}

/* One more will be in the index. */
static void
index_one(struct peers *ps, struct peer *p)
{
	if (++ps->nheld > ps->hashsize * LOAD * 2)
		index_grow(ps);
	p->slot->t = p->want;
}

void
peer_hold_addr(struct peers *ps, struct peer *p)
{
	index_one(ps, p);
	p->slot->held = true;
	link_addr(ps, p->slot);
}

void
peer_hold_key(struct peers *ps, struct peer *p)
{
	index_one(ps, p);
	p->slot->keyed = true;
	link_key(ps, p->slot);
}

void
peer_release_addr(struct peers *ps, struct peer_slot *s)
{
	struct peer_slot **q;

	if (!s->held)
		return;
	for (q = addr_bucket(ps, &s->t.addr); *q != s; q = &(*q)->addr_next)
		;
	*q = s->addr_next;
	s->held = false;
	ps->nheld--;
}

void
peer_release_key(struct peers *ps, struct peer_slot *s)
{
	struct peer_slot **q;

	if (!s->keyed)
		return;
	for (q = key_bucket(ps, s->t.key); *q != s; q = &(*q)->key_next)
		;
	*q = s->key_next;
	s->keyed = false;
	ps->nheld--;
}

void
peer_expand(const struct peer_slot *s, struct peer *p)
{
	*p = (struct peer){.m = s->m,
	    .name = s->m->name,
	    .namelen = s->m->namelen,
	    .why = s->why,
	    .decoded = s->decoded,
	    .wanted = s->wanted,
	    .applied = s->applied,
	    .had = s->had,
	    .want = s->t,
	    .backoff = RETRY_MIN,
	    .retry_at = NEVER,
	    .got_at = INT64_MIN,
	    .line_told = s->line_told,
	    .ghost_until = NEVER,
	    .hold = s->hold,
	    .hold_at = NEVER,
	    .news = s->news,
	    .prime_at = NEVER,
	    .poke_at = NEVER,
	    .uncrossed = s->uncrossed,
	    .has_stat = s->has_stat,
	    .endpoint = s->endpoint,
	    .handshake = s->handshake};
	if (!peer_is_blocked(s->why)) {
		p->rx = s->rx;
		p->tx = s->tx;
	}
	if (s->applied || s->had)
		p->have = s->t;
	if (s->decoded)
		(void)meta_decode(member_meta(s->m), s->m->metalen, &p->meta);
}

/* One that is not taken, with whatever was in it. */
static struct berth *
take(struct peers *ps)
{
	struct peer_block *b = LIST_FIRST(&ps->room);
	unsigned i = 0;

	if (b == NULL) {
		b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (b == MAP_FAILED)
			return NULL;
		LIST_INSERT_HEAD(&ps->room, b, entry);
	}
	while (b->taken & UINT64_C(1) << i)
		i++;
	b->taken |= UINT64_C(1) << i;
	if (b->taken == BLOCK_FULL)
		LIST_REMOVE(b, entry);
	UNPOISON(&b->v[i], sizeof(b->v[i]));
	b->v[i].block = b;
	return &b->v[i];
}

/* One empty block stays, so that rare news costs no call of the system. */
static void
give(struct peers *ps, struct berth *a)
{
	struct peer_block *b = a->block;

	if (b->taken == BLOCK_FULL)
		LIST_INSERT_HEAD(&ps->room, b, entry);
	b->taken &= ~(UINT64_C(1) << (a - b->v));
	POISON(a, sizeof(*a));
	if (b->taken != 0 ||
	    (LIST_FIRST(&ps->room) == b && LIST_NEXT(b, entry) == NULL))
		return;
	LIST_REMOVE(b, entry);
	UNPOISON(b, sizeof(*b));
	(void)munmap(b, sizeof(*b));
}

void
peer_blocks_free(struct peers *ps)
{
	struct peer_block *b;

	while ((b = LIST_FIRST(&ps->room)) != NULL) {
		LIST_REMOVE(b, entry);
		UNPOISON(b, sizeof(*b));
		(void)munmap(b, sizeof(*b));
	}
}

struct peer *
peer_wake(struct peers *ps, struct peer_slot *s)
{
	struct peer *p = s->p;
	struct berth *a;

	if (p != NULL)
		return p;
	a = take(ps);
	if (a == NULL) {
		log_warn("peer of %s", s->m->name);
		return NULL;
	}
	p = &a->p;
	peer_expand(s, p);
	p->name = memcpy(a->name, s->m->name, s->m->namelen + 1u);
	p->slot = s;
	s->p = p;
	if (s->parked)
		peer_at(ps, &p->prime_at, ps->park_at);
	s->parked = false;
	TAILQ_INSERT_TAIL(&ps->awake, p, awake);
	return p;
}

struct peer *
peer_new(struct peers *ps, struct member *m)
{
	struct peer_slot *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		log_warn("peer of %s", m->name);
		return NULL;
	}
	s->m = m;
	if (peer_wake(ps, s) == NULL) {
		free(s);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&ps->all, s, all);
	ps->n++;
	m->udata = s;
	return s->p;
}

static void
peer_drop(struct peers *ps, struct peer *p)
{
	TAILQ_REMOVE(&ps->awake, p, awake);
	p->slot->p = NULL;
	give(ps, (struct berth *)p);
}

static void
slot_free(struct peers *ps, struct peer_slot *s)
{
	TAILQ_REMOVE(&ps->all, s, all);
	ps->n--;
	free(s);
}

void
peer_free(struct peers *ps, struct peer *p)
{
	struct peer_slot *s = p->slot;

	peer_drop(ps, p);
	slot_free(ps, s);
}

void
peer_lose(struct peers *ps, struct peer_slot *s)
{
	peer_release_addr(ps, s);
	peer_release_key(ps, s);
	if (s->applied)
		(void)ps->cfg.ops->del(ps->cfg.arg, s->t.key);
	slot_free(ps, s);
}

/* All that is left to do is to prime it once it has answered, for which
 * prime.c looks every full second. */
static bool
is_parked(const struct peers *ps, const struct peer *p)
{
	return p->applied && p->news != PEERS_DIRECT && !p->m->answered &&
	       p->handshake == 0 && p->primes == 0 && !p->knock &&
	       p->nudge == NUDGE_NO && p->prime_at % US_PER_S == 0 &&
	       p->prime_at > ps->now && p->prime_at <= ps->now + US_PER_S;
}

static bool
is_at_rest(const struct peers *ps, const struct peer *p)
{
	if (p->m == NULL || p->busy != PEER_IDLE || p->reset ||
	    (p->applied && !p->wanted) || p->why == PEER_REFUSED ||
	    p->hold == HOLD_ON || p->retry_at != NEVER || p->poke_at != NEVER)
		return false;
	if ((p->applied || p->had) &&
	    (!peer_tunnel_eq(&p->want, &p->have) ||
		p->want.is_static != p->have.is_static))
		return false;
	if (p->prime_at != NEVER)
		return is_parked(ps, p);
	return p->primes == 0 || ps->now - p->primed_at > PRIME_LATER;
}

void
peer_settle(struct peers *ps, struct peer *p)
{
	struct peer_slot *s = p->slot;

	if (!is_at_rest(ps, p))
		return;
	s->t = p->want;
	s->why = (uint8_t)p->why;
	s->hold = p->hold & 3;
	s->news = p->news & 3;
	s->decoded = p->decoded;
	s->ours = p->decoded && p->meta.has_x;
	s->v02 = p->decoded && p->meta.dialect == META_V02;
	s->wanted = p->wanted;
	s->applied = p->applied;
	s->had = p->had;
	s->line_told = p->line_told;
	s->uncrossed = p->uncrossed;
	s->has_stat = p->has_stat;
	s->endpoint = p->endpoint;
	s->handshake = (uint32_t)p->handshake;
	if (!peer_is_blocked(p->why)) {
		s->rx = p->rx;
		s->tx = p->tx;
	}
	s->parked = p->prime_at != NEVER;
	if (s->parked)
		peer_at(ps, &ps->park_at, p->prime_at);
	peer_drop(ps, p);
}
