/*
 * The one place that reads a clock for what is passed a `now`.
 */
#include <time.h>

#include "clock.h"

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

int64_t
clock_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
awake_at(struct awake *a, int64_t raw)
{
	int64_t late = raw - a->slept - a->due;

	if (a->due != 0 && late > AWAKE_LATE)
		a->slept += late;
	return raw - a->slept;
}

int64_t
awake_now(struct awake *a)
{
	return awake_at(a, read_clock(CLOCK_BOOTTIME));
}
