#ifndef WESHER_TICK_H
#define WESHER_TICK_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event_struct.h>

/*
 * The one timer of the gossip process, which is set anew with every packet.
 * libevent takes a timer that has expired and is set again before it could run
 * from the queue, behind the sockets: members that send without a pause would
 * keep it from ever running. One that is due therefore stays as it is.
 */
struct event_base;

struct tick {
	struct event ev;
	bool overdue; /* it runs as soon as possible */
	void (*run)(void);
};

/* run() is called when it is time; the tick is off by then. Returns 0, or -1.
 */
int tick_init(struct tick *t, struct event_base *base, void (*run)(void));
/* Run in so many microseconds, 0: at once, NEVER (clock.h): not at all. */
void tick_in(struct tick *t, int64_t us);

#endif
