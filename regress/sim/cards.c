/*
 * What members announced, once for all simulated members: ten thousand tables
 * of ten thousand would hold the same bytes ten thousand times. A hash table
 * of cards that counts who uses each. One for the process, as the hook of
 * member.c is.
 */
#include <stdlib.h>
#include <string.h>

#include "sim_int.h"

struct shared {
	struct shared *next;
	uint64_t hash;
	size_t size;
	unsigned users;
	struct member_card card;
};

static struct shared **bucket;
static size_t nbuckets, ncards;

static uint64_t
hash_of(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t h = size, word;

	for (; size >= sizeof(word); size -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, p, size);
	h = (h ^ word) * 0xbf58476d1ce4e5b9u;
	return h ^ h >> 29;
}

static int
cards_grow(void)
{
	size_t n = nbuckets == 0 ? 4096 : 2 * nbuckets, i;
	struct shared **b = calloc(n, sizeof(struct shared *)), *s;

	if (b == NULL)
		return -1;
	for (i = 0; i < nbuckets; i++)
		while ((s = bucket[i]) != NULL) {
			bucket[i] = s->next;
			s->next = b[s->hash & (n - 1)];
			b[s->hash & (n - 1)] = s;
		}
	free(bucket);
	bucket = b;
	nbuckets = n;
	return 0;
}

static const struct member_card *
card_get(void *arg, const struct member_card *draft, size_t size)
{
	uint64_t h = hash_of(draft, size);
	struct shared *s;

	(void)arg;
	if (ncards >= nbuckets && cards_grow() == -1)
		return NULL;
	for (s = bucket[h & (nbuckets - 1)]; s != NULL; s = s->next)
		if (s->hash == h && s->size == size &&
		    memcmp(&s->card, draft, size) == 0)
			break;
	if (s == NULL) {
		s = malloc(offsetof(struct shared, card) + size);
		if (s == NULL)
			return NULL;
		s->hash = h;
		s->size = size;
		s->users = 0;
		memcpy(&s->card, draft, size);
		s->next = bucket[h & (nbuckets - 1)];
		bucket[h & (nbuckets - 1)] = s;
		ncards++;
	}
	s->users++;
	return &s->card;
}

static void
card_put(void *arg, const struct member_card *card)
{
	struct shared *s = (struct shared *)((uintptr_t)card -
					     offsetof(struct shared, card)),
		      **at;

	(void)arg;
	if (--s->users > 0)
		return;
	at = &bucket[s->hash & (nbuckets - 1)];
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s);
	if (--ncards == 0) {
		free(bucket);
		bucket = NULL;
		nbuckets = 0;
	}
}

void
cards_share(void)
{
	static const struct member_cards cards = {
	    .get = card_get, .put = card_put};

	member_share_cards(&cards);
}
