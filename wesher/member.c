/*
 * The member table, part of the core in the gossip process. Names and
 * addresses come from authenticated but possibly hostile members: they are
 * hashed with a secret key, so that nobody can build long chains, and their
 * validity was judged by the caller. Two indices, by name and by address, and
 * one array, the probe order. Nothing here knows time or network.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "member.h"

#define HASH_MIN 16 /* buckets of an empty table */

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

static struct member **
name_bucket(const struct member_table *t, const char *name, size_t len)
{
	return &t->hash[member_hash(t, name, len) & (t->hashsize - 1)];
}

static struct member_chain *
addr_bucket(const struct member_table *t, const struct ipport *a)
{
	return &t->addrhash[hash_addr(t, a) & (t->hashsize - 1)];
}

struct member *
member_find(const struct member_table *t, const char *name, size_t len)
{
	struct member *m;

	for (m = *name_bucket(t, name, len); m != NULL; m = m->hash_next)
		if (m->namelen == len && memcmp(m->name, name, len) == 0)
			return m;
	return NULL;
}

struct member *
member_find_addr(const struct member_table *t, const struct ipport *a)
{
	struct ipport mine;
	struct member *m;

	LIST_FOREACH (m, addr_bucket(t, a), addr_entry) {
		member_ipport(m, &mine);
		if (ipport_cmp(&mine, a) == 0)
			return m;
	}
	return NULL;
}

void
member_ipport(const struct member *m, struct ipport *out)
{
	/* The length was checked when it was set. */
	(void)ipaddr_from_bytes(m->addr, m->addrlen, &out->ip);
	out->port = m->port;
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
	t->hash = calloc(t->hashsize, sizeof(struct member *));
	t->addrhash = calloc(t->hashsize, sizeof(struct member_chain));
	if (t->hash == NULL || t->addrhash == NULL) {
		member_table_free(t);
		return -1;
	}
	return 0;
}

static void
member_free(struct member *m)
{
	if (m->metalen > m->metacap)
		free((void *)(uintptr_t)m->meta);
	free(m);
}

void
member_table_free(struct member_table *t)
{
	unsigned i;

	for (i = 0; i < t->n; i++)
		member_free(t->list[i]);
	free(t->list);
	free(t->hash);
	free(t->addrhash);
	memset(t, 0, sizeof(*t));
}

static void
link_name(struct member_table *t, struct member *m)
{
	struct member **b = name_bucket(t, m->name, m->namelen);

	m->hash_next = *b;
	*b = m;
}

static void
link_addr(struct member_table *t, struct member *m)
{
	struct ipport a;

	if (m->addrlen == 0)
		return;
	member_ipport(m, &a);
	LIST_INSERT_HEAD(addr_bucket(t, &a), m, addr_entry);
}

static void
unlink_name(struct member_table *t, struct member *m)
{
	struct member **b = name_bucket(t, m->name, m->namelen);

	while (*b != m)
		b = &(*b)->hash_next;
	*b = m->hash_next;
}

static void
unlink_addr(struct member *m)
{
	if (m->addrlen != 0)
		LIST_REMOVE(m, addr_entry);
}

/* Make room for one more in the list and keep the load of the hashes <= 1. */
static int
table_grow(struct member_table *t)
{
	struct member **list, **hash;
	struct member_chain *addrhash;
	unsigned i, n;

	if (t->n == t->cap) {
		n = t->cap == 0 ? HASH_MIN : t->cap * 2;
		list = reallocarray(t->list, n, sizeof(struct member *));
		if (list == NULL)
			return -1;
		t->list = list;
		t->cap = n;
	}
	if (t->n < t->hashsize)
		return 0;
	n = t->hashsize * 2;
	hash = calloc(n, sizeof(struct member *));
	addrhash = calloc(n, sizeof(struct member_chain));
	if (hash == NULL || addrhash == NULL) {
		free(hash);
		free(addrhash);
		return -1;
	}
	free(t->hash);
	free(t->addrhash);
	t->hash = hash;
	t->addrhash = addrhash;
	t->hashsize = n;
	for (i = 0; i < t->n; i++) {
		link_name(t, t->list[i]);
		link_addr(t, t->list[i]);
	}
	return 0;
}

struct member *
member_add(struct member_table *t, const char *name, size_t len,
    size_t metaroom, uint32_t pos)
{
	struct member *m;

	if (table_grow(t) == -1)
		return NULL;
	m = calloc(1, sizeof(*m) + len + 1 + metaroom);
	if (m == NULL)
		return NULL;
	memcpy(m->store, name, len);
	m->name = m->store;
	m->namelen = (uint8_t)len;
	m->metacap = (uint16_t)metaroom;
	link_name(t, m);
	m->shown_at = m->told_at = INT64_MIN / 2;
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
	unlink_addr(m);
	member_free(m);
}

void
member_set_addr(struct member_table *t, struct member *m, const void *addr,
    size_t len, uint16_t wire_port, uint16_t port)
{
	unlink_addr(m);
	memset(m->addr, 0, sizeof(m->addr));
	memcpy(m->addr, addr, len);
	m->addrlen = (uint8_t)len;
	m->wire_port = wire_port;
	m->port = port;
	link_addr(t, m);
}

int
member_set_meta(struct member *m, const void *meta, size_t len)
{
	uint8_t *p = NULL;

	if (len > m->metacap) {
		p = malloc(len);
		if (p == NULL)
			return -1;
	} else if (len > 0)
		p = (uint8_t *)m->store + m->namelen + 1;
	if (p != NULL)
		memmove(p, meta, len);
	if (m->metalen > m->metacap)
		free((void *)(uintptr_t)m->meta);
	m->meta = p;
	m->metalen = (uint16_t)len;
	return 0;
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
