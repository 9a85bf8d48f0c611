/*
 * Random numbers for the core, in the gossip process. A system call for each
 * is what a member costs most when ten thousand come at once, so they are
 * fetched a handful at a time. Nobody outside may foresee them (sequence
 * numbers of probes), and none is handed out twice: it is wiped when it goes.
 */
#include <stddef.h>

#include <sodium.h>

#include "pool.h"

#define POOL_WORDS 64

uint32_t
pool_random(void)
{
	static uint32_t pool[POOL_WORDS];
	static size_t left;
	uint32_t v;

	if (left == 0) {
		randombytes_buf(pool, sizeof(pool));
		left = POOL_WORDS;
	}
	v = pool[--left];
	pool[left] = 0;
	return v;
}
