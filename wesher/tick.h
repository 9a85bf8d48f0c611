#ifndef WESHER_TICK_H
#define WESHER_TICK_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event_struct.h>

/*
 * The one timer of the gossip process, which is set anew with every packet.
 * A descriptor, since libevent's own timers are not exact: it reads a clock
 * that lags behind by up to 4 ms and wakes once a millisecond until that
 * clock has come after.
 *
 * What has come by the time that it is due goes first: when we were late, an
 * ack may have been in time. But members that send without a pause cannot put
 * off what is due already.
 */
struct event_base;

struct tick {
	struct event ev, late;
	int fd; /* timerfd */
	bool waits; /* for the descriptor */
	bool come; /* it did: late runs behind the sockets */
	bool overdue; /* it runs as soon as possible */
	void (*run)(void);
};

/* Has libevent the struct timeval that we have? On 32-bit machines either may
 * be built with _TIME_BITS=64, and then no event of ours is one of its. */
bool tick_same_timeval(struct event_base *base);

/*
 * run() is called when it is time; the tick is off by then. Makes a descriptor,
 * so before the sandbox. Returns 0, or -1 (errno).
 */
int tick_init(struct tick *t, struct event_base *base, void (*run)(void));
void tick_stop(struct tick *t);
/* Run in so many microseconds, 0: at once, NEVER (clock.h): not at all. */
void tick_in(struct tick *t, int64_t us);

#endif
