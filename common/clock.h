#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

#define US_PER_MS 1000LL
#define US_PER_S  1000000LL
#define NEVER	  INT64_MAX

/*
 * Microseconds of CLOCK_MONOTONIC: the `now` that is passed to the core of the
 * gossip process. wesher-priv counts in milliseconds.
 */
int64_t clock_now(void);

#endif
