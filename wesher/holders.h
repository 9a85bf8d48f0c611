#ifndef WESHER_HOLDERS_H
#define WESHER_HOLDERS_H

#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"
#include "../common/check.h"

/*
 * The saved holder table: which name had which overlay address with which key
 * in an earlier run, and since when. Of each no more is kept than a keyed hash
 * and the time, 16 bytes. It is of use until all have come back.
 */
struct holders;

struct holder {
	const char *name;
	size_t namelen; /* at most NAME_MAX_LEN */
	const uint8_t *key; /* WG_KEY_LEN bytes */
	const struct ipaddr *addr;
};

/* An empty table for up to `most`; hashkey as crypto_shorthash wants it. NULL
 * when out of memory. */
struct holders *holders_new(const uint32_t hashkey[4], size_t most);
void holders_free(struct holders *hs);

/* It holds that since then (seconds since 1970, more than 0); one that there is
 * no room for is forgotten. */
void holders_add(struct holders *hs, const struct holder *h, int64_t since);
/* Since when did it, 0: not known. Who was found once is not found again. */
int64_t holders_take(struct holders *hs, const struct holder *h);
/* How many can be found still. */
size_t holders_left(const struct holders *hs);

#endif
