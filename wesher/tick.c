/*
 * The gossip process' timer: what is due is not put off by what comes in.
 * Time that the host sleeps through counts, so that it wakes for it.
 */
#include <sys/timerfd.h>

#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "../common/clock.h"
#include "tick.h"

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct tick *t = arg;
	uint64_t times;

	(void)what;
	/* Not if it was set anew since. */
	if (read(fd, &times, sizeof(times)) != sizeof(times))
		return;
	t->come = true;
	event_active(&t->late, EV_TIMEOUT, 0);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct tick *t = arg;

	(void)fd;
	(void)what;
	t->come = t->overdue = false;
	t->run();
}

bool
tick_same_timeval(struct event_base *base)
{
	union {
		struct timeval tv;
		uint8_t b[32]; /* room for the larger one */
	} now;
	size_t i;

	memset(&now, 0xff, sizeof(now));
	if (event_base_gettimeofday_cached(base, &now.tv) == -1 ||
	    now.tv.tv_usec < 0)
		return false;
	for (i = sizeof(now.tv); i < sizeof(now); i++)
		if (now.b[i] != 0xff)
			return false;
	return true;
}

int
tick_init(struct tick *t, struct event_base *base, void (*run)(void))
{
	t->waits = t->come = t->overdue = false;
	t->run = run;
	t->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (t->fd == -1)
		return -1;
	if (event_assign(&t->late, base, -1, 0, on_late, t) == -1)
		return -1;
	return event_assign(
	    &t->ev, base, t->fd, EV_READ | EV_PERSIST, on_time, t);
}

void
tick_stop(struct tick *t)
{
	event_del(&t->ev);
	event_del(&t->late);
	close(t->fd);
}

/* Is there a time to wait for? A loop with nothing to wait for ends. */
static void
wait_for(struct tick *t, bool on)
{
	if (on != t->waits)
		(void)(on ? event_add(&t->ev, NULL) : event_del(&t->ev));
	t->waits = on;
}

void
tick_in(struct tick *t, int64_t us)
{
	struct itimerspec its = {.it_interval = {0, 0}};

	if (us <= 0 && (t->overdue || t->come))
		return;
	t->overdue = us <= 0;
	if (t->come)
		event_del(&t->late);
	t->come = false;
	if (us != NEVER) {
		us = us > 0 ? us : 0;
		its.it_value.tv_sec = (time_t)(us / US_PER_S);
		/* 0 would be never. */
		its.it_value.tv_nsec = (long)(us % US_PER_S) * 1000 + 1;
	}
	(void)timerfd_settime(t->fd, 0, &its, NULL);
	wait_for(t, us != NEVER);
}
