/*
 * Is it noticed that libevent has another time_t? Built twice for a 32-bit
 * machine whose libevent has 32 bits: as it is, and with _TIME_BITS=64, when
 * this program ends with 1. Run by regress/cross/run.
 */
#include <stdlib.h>

#include <event2/event.h>

#include "../../wesher/tick.h"

int
main(void)
{
	struct event_base *base = event_base_new();

	if (base == NULL)
		abort();
	return tick_same_timeval(base) ? 0 : 1;
}
