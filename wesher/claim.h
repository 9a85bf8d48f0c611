#ifndef WESHER_CLAIM_H
#define WESHER_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/clock.h"

/*
 * Two members claim one overlay address: who has it by right, when it is not
 * simply the one that was there first. Pure.
 */

/* A holder is contested for so long, from when its claim was first seen; who
 * moves away by itself does so while its own claim is younger. */
#define CLAIM_YOUNG (30 * US_PER_S)

struct claim {
	const char *name; /* need not be terminated */
	size_t namelen;
	bool movable; /* it carries X and its address is no static one */
	int64_t since; /* wall s, of the saved holder table; 0: not in it */
};

/*
 * Is a's the better claim? A strict total order of claims with different names:
 * one that the saved table knows, the older first; one that cannot move; the
 * smaller name (memcmp, of a name and its beginning the beginning). No claim
 * wins over itself.
 */
bool claim_wins(const struct claim *a, const struct claim *b);

#endif
