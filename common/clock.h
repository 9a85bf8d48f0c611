#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

#define US_PER_MS 1000LL
#define US_PER_S  1000000LL
#define NEVER	  INT64_MAX

/*
 * Microseconds of CLOCK_MONOTONIC, for what waits a moment or limits the log.
 * The `now` of the mesh and of wesher-priv's duties (there in milliseconds) is
 * that of struct awake.
 */
int64_t clock_now(void);

/*
 * A clock that stands still while the process does: stopped, starved, or the
 * whole host suspended. Nobody's silence, and no time-out, may be judged by
 * time that the judge has slept through. The owner sets due to the time of
 * this clock when it means to be awake again (0: whenever).
 */
struct awake {
	int64_t due, slept; /* us; slept: in all */
};
#define AWAKE_LATE (5 * US_PER_S) /* later than that is not busy but asleep */

/* The time now. */
int64_t awake_now(struct awake *a);
/* The same by a clock that never stands still; exported for tests. */
int64_t awake_at(struct awake *a, int64_t raw);

#endif
