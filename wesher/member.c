/*
 * The member table, part of the core in the gossip process. Names and
 * addresses come from authenticated but possibly hostile members: they are
 * hashed with a secret key, so that nobody can build long chains, and their
 * validity was judged by the caller. Nothing here knows time or network.
 *
 * A record is small, for there may be ten thousand of them (and their square
 * in a simulator): records stand in chunks and never move, so that a 32-bit id
 * serves as a link; two indices, by name and by address, are chains of such
 * links, and one array is the probe order. What a member announced is a block
 * of its own, its card (card.c).
 */
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "card.h"
#include "member.h"
#include "poison.h"

#define HASH_MIN 16 /* buckets of an empty table */
#define LOAD	 2 /* members per bucket; a tag tells most of them apart */
#define CHUNK	 16 /* records */

struct member_chunk {
	LIST_ENTRY(member_chunk) entry; /* while there is room */
	unsigned index;
	uint16_t taken; /* one bit each */
	struct member m[CHUNK];
};
#define CHUNK_FULL UINT16_MAX

_Static_assert(
    sizeof(((struct member_table *)0)->hashkey) == crypto_shorthash_KEYBYTES,
    "hash key");

uint64_t
member_hash(const struct member_table *t, const void *name, size_t len)
{
	uint8_t out[crypto_shorthash_BYTES], key[crypto_shorthash_KEYBYTES];
	uint64_t h;

	memcpy(key, t->hashkey, sizeof(key));
	crypto_shorthash(out, name, len, key);
	memcpy(&h, out, sizeof(h));
	return h;
}

static uint64_t
hash_addr(const struct member_table *t, const struct ipport *a)
{
	uint8_t b[19];

	b[0] = a->ip.len;
	memcpy(b + 1, a->ip.b, 16);
	memcpy(b + 17, &a->port, 2);
	return member_hash(t, b, sizeof(b));
}

/* The bucket takes the low bits of a hash. */
static uint8_t
tag_of(uint64_t hash)
{
	return (uint8_t)(hash >> 56);
}

static uint32_t *
bucket(const struct member_table *t, uint32_t *index, uint64_t hash)
{
	return &index[hash & (t->hashsize - 1)];
}

struct member *
member_by_id(const struct member_table *t, uint32_t id)
{
	return id == 0 ? NULL
		       : &t->chunk[(id - 1) / CHUNK]->m[(id - 1) % CHUNK];
}

struct member *
member_find(const struct member_table *t, const char *name, size_t len)
{
	return member_find_hashed(t, member_hash(t, name, len), name, len);
}

struct member *
member_find_hashed(
    const struct member_table *t, uint64_t h, const char *name, size_t len)
{
	uint32_t id = *bucket(t, t->byname, h);
	struct member *m;

	for (; (m = member_by_id(t, id)) != NULL; id = m->name_next)
		if (m->name_tag == tag_of(h) && m->namelen == len &&
		    memcmp(m->name, name, len) == 0)
			return m;
	return NULL;
}

struct member *
member_find_addr(const struct member_table *t, const struct ipport *a)
{
	uint64_t h = hash_addr(t, a);
	uint32_t id = *bucket(t, t->byaddr, h);
	struct ipport mine;
	struct member *m;

	for (; (m = member_by_id(t, id)) != NULL; id = m->addr_next) {
		if (m->addr_tag != tag_of(h))
			continue;
		member_ipport(m, &mine);
		if (ipport_cmp(&mine, a) == 0)
			return m;
	}
	return NULL;
}

void
member_ipport(const struct member *m, struct ipport *out)
{
	const struct member_card *c = member_card(m);

	/* The length was checked when it was set. */
	(void)ipaddr_from_bytes(c->addr, c->addrlen, &out->ip);
	out->port = c->port;
}

const char *
member_state_name(unsigned state)
{
	static const char *const names[] = {
	    "alive", "suspect", "failed", "left"};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

int
member_table_init(struct member_table *t, const uint64_t hashkey[2])
{
	memset(t, 0, sizeof(*t));
	memcpy(t->hashkey, hashkey, sizeof(t->hashkey));
	t->hashsize = HASH_MIN;
	t->byname = calloc(t->hashsize, sizeof(uint32_t));
	t->byaddr = calloc(t->hashsize, sizeof(uint32_t));
	if (t->byname == NULL || t->byaddr == NULL) {
		member_table_free(t);
		return -1;
	}
	return 0;
}

void
member_table_free(struct member_table *t)
{
	unsigned i;

	for (i = 0; i < t->n; i++)
		card_free(t->list[i]);
	for (i = 0; i < t->nchunks; i++)
		free(t->chunk[i]);
	free(t->chunk);
	free(t->list);
	free(t->byname);
	free(t->byaddr);
	memset(t, 0, sizeof(*t));
}

static void
link_name(struct member_table *t, struct member *m, uint64_t h)
{
	uint32_t *b = bucket(t, t->byname, h);

	m->name_tag = tag_of(h);
	m->name_next = *b;
	*b = m->id;
}

static void
unlink_name(struct member_table *t, struct member *m)
{
	uint32_t *b = bucket(t, t->byname, member_hash(t, m->name, m->namelen));

	while (*b != m->id)
		b = &member_by_id(t, *b)->name_next;
	*b = m->name_next;
}

/* Any number of members may claim one address: these chains must be cheap to
 * leave. */
static void
link_addr(struct member_table *t, struct member *m)
{
	struct ipport a;
	uint32_t *b;
	uint64_t h;

	if (member_card(m)->addrlen == 0)
		return;
	member_ipport(m, &a);
	h = hash_addr(t, &a);
	b = bucket(t, t->byaddr, h);
	m->addr_tag = tag_of(h);
	m->addr_prev = 0;
	m->addr_next = *b;
	if (*b != 0)
		member_by_id(t, *b)->addr_prev = m->id;
	*b = m->id;
}

static void
unlink_addr(struct member_table *t, struct member *m)
{
	struct ipport a;

	if (member_card(m)->addrlen == 0)
		return;
	if (m->addr_next != 0)
		member_by_id(t, m->addr_next)->addr_prev = m->addr_prev;
	if (m->addr_prev != 0) {
		member_by_id(t, m->addr_prev)->addr_next = m->addr_next;
		return;
	}
	member_ipport(m, &a);
	*bucket(t, t->byaddr, hash_addr(t, &a)) = m->addr_next;
}

static int
list_grow(struct member_table *t)
{
	struct member **list;
	unsigned n = t->cap + t->cap / 4 + HASH_MIN;

	if (t->n < t->cap)
		return 0;
	list = reallocarray(t->list, n, sizeof(struct member *));
	if (list == NULL)
		return -1;
	t->list = list;
	t->cap = n;
	return 0;
}

/* Buckets for n members, if there are not so many yet. */
static int
hash_grow(struct member_table *t, unsigned n)
{
	unsigned i, size = t->hashsize;
	uint32_t *byname, *byaddr;

	while (n > size * LOAD)
		size *= 2;
	if (size == t->hashsize)
		return 0;
	byname = calloc(size, sizeof(uint32_t));
	byaddr = calloc(size, sizeof(uint32_t));
	if (byname == NULL || byaddr == NULL) {
		free(byname);
		free(byaddr);
		return -1;
	}
	free(t->byname);
	free(t->byaddr);
	t->byname = byname;
	t->byaddr = byaddr;
	t->hashsize = size;
	for (i = 0; i < t->n; i++) {
		link_name(t, t->list[i],
		    member_hash(t, t->list[i]->name, t->list[i]->namelen));
		link_addr(t, t->list[i]);
	}
	return 0;
}

void
member_expect(struct member_table *t, unsigned n)
{
	(void)hash_grow(t, n);
}

/* A place for one more chunk: its index, or -1. */
static int
chunk_place(struct member_table *t)
{
	struct member_chunk **chunk;
	unsigned i, n = t->chunkcap + t->chunkcap / 4 + 4;

	for (i = 0; t->holes > 0 && i < t->nchunks; i++)
		if (t->chunk[i] == NULL)
			return (int)i;
	if (t->nchunks == t->chunkcap) {
		chunk = reallocarray(
		    t->chunk, n, sizeof(struct member_chunk *));
		if (chunk == NULL)
			return -1;
		t->chunk = chunk;
		t->chunkcap = n;
	}
	t->chunk[t->nchunks++] = NULL;
	t->holes++;
	return (int)t->nchunks - 1;
}

/* Records that nobody has. */
static int
chunk_grow(struct member_table *t)
{
	struct member_chunk *c;
	int i;

	if (!LIST_EMPTY(&t->room))
		return 0;
	if ((i = chunk_place(t)) == -1 || (c = calloc(1, sizeof(*c))) == NULL)
		return -1;
	c->index = (unsigned)i;
	t->chunk[i] = c;
	t->holes--;
	LIST_INSERT_HEAD(&t->room, c, entry);
	return 0;
}

static struct member *
record_take(struct member_table *t)
{
	struct member_chunk *c = LIST_FIRST(&t->room);
	unsigned i = 0;

	while (c->taken & 1u << i)
		i++;
	c->taken |= (uint16_t)(1u << i);
	if (c->taken == CHUNK_FULL)
		LIST_REMOVE(c, entry);
	UNPOISON(&c->m[i], sizeof(c->m[i]));
	memset(&c->m[i], 0, sizeof(c->m[i]));
	c->m[i].id = c->index * CHUNK + i + 1;
	return &c->m[i];
}

static void
record_give(struct member_table *t, struct member *m)
{
	struct member_chunk *c = t->chunk[(m->id - 1) / CHUNK];
	unsigned bit = (m->id - 1) % CHUNK;

	if (c->taken == CHUNK_FULL)
		LIST_INSERT_HEAD(&t->room, c, entry);
	POISON(m, sizeof(*m));
	c->taken &= (uint16_t) ~(1u << bit);
	if (c->taken != 0)
		return;
	LIST_REMOVE(c, entry);
	t->chunk[c->index] = NULL;
	t->holes++;
	free(c);
}

struct member *
member_add(struct member_table *t, const char *name, size_t len,
    size_t metaroom, uint32_t pos)
{
	return member_add_hashed(
	    t, member_hash(t, name, len), name, len, metaroom, pos);
}

struct member *
member_add_hashed(struct member_table *t, uint64_t h, const char *name,
    size_t len, size_t metaroom, uint32_t pos)
{
	struct member *m;

	if (list_grow(t) == -1 || hash_grow(t, t->n + 1) == -1 ||
	    chunk_grow(t) == -1)
		return NULL;
	m = record_take(t);
	if (card_new(m, name, len, metaroom) == -1) {
		record_give(t, m);
		return NULL;
	}
	link_name(t, m, h);
	m->slot = t->n;
	t->list[t->n++] = m;
	member_swap(t, m->slot, pos % t->n);
	return m;
}

void
member_remove(struct member_table *t, struct member *m)
{
	member_swap(t, m->slot, t->n - 1);
	t->n--;
	unlink_name(t, m);
	unlink_addr(t, m);
	card_free(m);
	record_give(t, m);
}

int
member_set(
    struct member_table *t, struct member *m, const struct member_news *news)
{
	const struct member_card *c = member_card(m);
	int rc;

	if (news->addrlen == c->addrlen && news->port == c->port &&
	    memcmp(news->addr, c->addr, c->addrlen) == 0)
		return card_set(m, news);
	unlink_addr(t, m);
	rc = card_set(m, news);
	link_addr(t, m);
	return rc;
}

void
member_set_addr(struct member_table *t, struct member *m, const void *addr,
    size_t len, uint16_t wire_port, uint16_t port)
{
	struct member_news news;

	card_news(m, &news);
	news.addr = addr;
	news.addrlen = len;
	news.wire_port = wire_port;
	news.port = port;
	(void)member_set(t, m, &news);
}

void
member_set_vsn(struct member *m, const uint8_t vsn[6])
{
	struct member_news news;

	card_news(m, &news);
	news.vsn = vsn;
	(void)card_set(m, &news);
}

int
member_set_meta(struct member *m, const void *meta, size_t len)
{
	struct member_news news;

	card_news(m, &news);
	news.meta = meta;
	news.metalen = len;
	return card_set(m, &news);
}

void
member_swap(struct member_table *t, unsigned a, unsigned b)
{
	struct member *m = t->list[a];

	t->list[a] = t->list[b];
	t->list[a]->slot = a;
	t->list[b] = m;
	m->slot = b;
}

void
member_measured(struct member *m, int64_t us)
{
	int64_t rtt = (us + MEMBER_RTT_UNIT / 2) / MEMBER_RTT_UNIT, step;

	if (rtt < 1)
		rtt = 1;
	if (m->rtt != 0) {
		step = rtt - m->rtt;
		/* At least one, or a small change would never be seen. */
		if (step > 8 || step < -8)
			step /= 8;
		else if (step != 0)
			step = step > 0 ? 1 : -1;
		rtt = m->rtt + step;
	}
	m->rtt = (uint16_t)(rtt > UINT16_MAX ? UINT16_MAX : rtt);
}
