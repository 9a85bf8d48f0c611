#ifndef WESHER_WEAR_H
#define WESHER_WEAR_H

#include <stdint.h>

/*
 * How worn the cluster key is. AES-GCM with random nonces bears 2^32 messages
 * under one key, and all members seal under the same one. Each daemon counts
 * its own messages; those of the others are taken to be as many for each.
 */
#define WEAR_BOUND (UINT64_C(1) << 32)
#define WEAR_SAVE  65536 /* own messages after which the count is saved */

struct wear {
	uint64_t own, all;
	uint64_t saved; /* own, when it was saved last */
	unsigned told; /* warnings so far: at half, at the bound */
};

/* We sealed n more, while so many members were alive, ourselves included.
 * Warns once at half of the bound and once at the bound. */
void wear_add(struct wear *w, uint64_t n, unsigned members);

#endif
