#ifndef WESHER_AWARE_H
#define WESHER_AWARE_H

#include <stdint.h>

/*
 * Lifeguard's local health: a score that grows while we seem to be the slow
 * one, and slows our accusations down (protocol.md section 5, "Health").
 */
struct aware {
	unsigned score; /* 0 (healthy) .. max - 1 */
	unsigned max; /* 0: switched off */
};

/* Add delta (may be negative) and keep the score in its range. */
void aware_apply(struct aware *a, int delta);
/* The interval times score + 1. */
int64_t aware_scale(const struct aware *a, int64_t interval);

#endif
