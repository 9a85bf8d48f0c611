/*
 * The saved holder table, in the gossip process. Filled once at the start from
 * our own state file, and asked whenever a member is seen to claim an address.
 * Members choose what is asked for, but not the key of the hash: nobody can
 * find a name, key or address that is taken for another.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "holders.h"

struct entry {
	uint64_t hash;
	int64_t since; /* 0: taken */
};

struct holders {
	uint8_t key[crypto_shorthash_KEYBYTES];
	size_t n, most, left;
	int sorted;
	struct entry v[];
};

struct holders *
holders_new(const uint32_t hashkey[4], size_t most)
{
	struct holders *hs;

	if (most > 2 * MAX_PEERS)
		most = 2 * MAX_PEERS;
	hs = calloc(1, sizeof(*hs) + most * sizeof(hs->v[0]));
	if (hs == NULL)
		return NULL;
	memcpy(hs->key, hashkey, sizeof(hs->key));
	hs->most = most;
	return hs;
}

void
holders_free(struct holders *hs)
{
	free(hs);
}

/* The parts that vary in length come last, and there is one alone. */
static uint64_t
hash_of(const struct holders *hs, const struct holder *h)
{
	uint8_t b[WG_KEY_LEN + sizeof(*h->addr) + NAME_MAX_LEN];
	uint8_t out[crypto_shorthash_BYTES];
	size_t len = h->namelen < NAME_MAX_LEN ? h->namelen : NAME_MAX_LEN;
	uint64_t hash;

	memcpy(b, h->key, WG_KEY_LEN);
	memcpy(b + WG_KEY_LEN, h->addr, sizeof(*h->addr));
	memcpy(b + WG_KEY_LEN + sizeof(*h->addr), h->name, len);
	crypto_shorthash(out, b, WG_KEY_LEN + sizeof(*h->addr) + len, hs->key);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

void
holders_add(struct holders *hs, const struct holder *h, int64_t since)
{
	if (hs->n == hs->most || since <= 0)
		return;
	hs->v[hs->n].hash = hash_of(hs, h);
	hs->v[hs->n].since = since;
	hs->n++;
	hs->left++;
	hs->sorted = 0;
}

static int
entry_cmp(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

int64_t
holders_take(struct holders *hs, const struct holder *h)
{
	struct entry want = {.hash = hash_of(hs, h)}, *e;
	int64_t since;

	if (!hs->sorted)
		qsort(hs->v, hs->n, sizeof(hs->v[0]), entry_cmp);
	hs->sorted = 1;
	e = bsearch(&want, hs->v, hs->n, sizeof(hs->v[0]), entry_cmp);
	if (e == NULL || e->since == 0)
		return 0;
	since = e->since;
	e->since = 0;
	hs->left--;
	return since;
}

size_t
holders_left(const struct holders *hs)
{
	return hs->left;
}
