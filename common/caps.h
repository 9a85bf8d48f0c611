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
 * Nothing but keep may ever be gained again (needs CAP_SETPCAP), and nothing
 * is ambient.
 */
int caps_bound(uint64_t keep);
/* Nothing is ambient. */
int caps_no_ambient(void);

#endif
