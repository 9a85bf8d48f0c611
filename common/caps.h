#ifndef COMMON_CAPS_H
#define COMMON_CAPS_H

#include <stdint.h>

#include <linux/capability.h>

/*
 * Capabilities of this process, as sets of CAP_BIT()s. 0, or -1 (errno).
 */
#define CAP_BIT(cap) (1ull << (cap))

/* What it is permitted. */
int caps_get(uint64_t *permitted);
/* Permitted, effective and inheritable become exactly caps. */
int caps_set(uint64_t caps);
/*
 * Nothing but keep may ever be gained again, and nothing is ambient. Returns
 * 1 where CAP_SETPCAP is missing: then the bounding set stays as it is.
 */
int caps_bound(uint64_t keep);
/*
 * For good: uid 0 means nothing, neither for exec nor for a change of ids, and
 * nothing becomes ambient. Returns 1 where CAP_SETPCAP is missing.
 */
int caps_lock(void);
/* Nothing is ambient. */
int caps_no_ambient(void);

#endif
