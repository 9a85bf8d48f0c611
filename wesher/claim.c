/*
 * The order of two claims to one overlay address, in the gossip process; the
 * same for an observer (peers.c) and for a member about itself (address.c).
 *
 * Names, and whether a member can move, are its own choice, so this order alone
 * would let anybody take an address by a name that is small enough. It decides
 * only where there is no order in time: between claims that were first seen in
 * the same half minute or in one exchange. What the saved table says comes
 * first: after a restart we learn of everybody at once, and it tells who was
 * there before. Its times are our own, never another member's word.
 */
#include <string.h>

#include "claim.h"

static int64_t
age_rank(const struct claim *c)
{
	return c->since > 0 ? c->since : INT64_MAX;
}

static int
name_cmp(const struct claim *a, const struct claim *b)
{
	size_t n = a->namelen < b->namelen ? a->namelen : b->namelen;
	int d = n == 0 ? 0 : memcmp(a->name, b->name, n);

	if (d != 0)
		return d;
	return (a->namelen > b->namelen) - (a->namelen < b->namelen);
}

bool
claim_wins(const struct claim *a, const struct claim *b)
{
	if (age_rank(a) != age_rank(b))
		return age_rank(a) < age_rank(b);
	if (a->movable != b->movable)
		return !a->movable;
	return name_cmp(a, b) < 0;
}
