/*
 * The gossip process' timer: what is due is not put off by what comes in.
 */
#include <event2/event.h>

#include "../common/clock.h"
#include "tick.h"

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct tick *t = arg;

	(void)fd;
	(void)what;
	t->overdue = false;
	t->run();
}

int
tick_init(struct tick *t, struct event_base *base, void (*run)(void))
{
	t->overdue = false;
	t->run = run;
	return evtimer_assign(&t->ev, base, on_tick, t);
}

void
tick_in(struct tick *t, int64_t us)
{
	struct timeval tv;

	if (us <= 0 && t->overdue)
		return;
	t->overdue = us <= 0;
	if (us == NEVER) {
		evtimer_del(&t->ev);
		return;
	}
	us = us > 0 ? us : 0;
	tv.tv_sec = (time_t)(us / US_PER_S);
	tv.tv_usec = (suseconds_t)(us % US_PER_S);
	evtimer_add(&t->ev, &tv);
}
