#ifndef WESHER_POOL_H
#define WESHER_POOL_H

#include <stdint.h>

/*
 * 32 random bits of the kernel's, which is asked for many at once. Not for
 * keys or nonces. A forked child would see what its parent sees: ours forks
 * nowhere.
 */
uint32_t pool_random(void);

#endif
