/* The gossip process' timer, beside a socket that never rests. */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "../../common/clock.h"
#include "../../wesher/tick.h"

#define PACKETS 1000

static struct event_base *base;
static struct tick tick;
static unsigned ticks, packets;
static int64_t in_us; /* what a packet sets the timer to */
static int sv[2];
static unsigned waits;

/* libevent's call comes to this one. */
int
epoll_wait(int fd, struct epoll_event *ev, int n, int timeout)
{
	waits++;
	return epoll_pwait(fd, ev, n, timeout, NULL);
}

static void
on_time(void)
{
	ticks++;
	if (packets == 0)
		event_base_loopbreak(base);
}

/* Each packet is followed by the next, and sets the timer. */
static void
on_packet(evutil_socket_t fd, short what, void *arg)
{
	char c;

	(void)what;
	(void)arg;
	assert_int_equal(read(fd, &c, 1), 1);
	if (++packets == PACKETS) {
		event_base_loopbreak(base);
		return;
	}
	assert_int_equal(write(sv[1], &c, 1), 1);
	tick_in(&tick, in_us);
}

static unsigned
flood(int64_t us)
{
	struct event *ev;

	ticks = packets = 0;
	in_us = us;
	ev = event_new(base, sv[0], EV_READ | EV_PERSIST, on_packet, NULL);
	assert_non_null(ev);
	assert_int_equal(event_add(ev, NULL), 0);
	assert_int_equal(write(sv[1], "", 1), 1);
	event_base_dispatch(base);
	event_free(ev);
	return ticks;
}

static void
what_is_due_is_not_put_off(void **state)
{
	(void)state;
	assert_true(flood(0) > PACKETS / 4);
}

static void
what_is_not_due_waits(void **state)
{
	(void)state;
	assert_int_equal(flood(3600 * US_PER_S), 0);
	tick_in(&tick, 0);
	assert_int_equal(flood(NEVER), 0);
}

static void
it_runs_alone(void **state)
{
	(void)state;
	ticks = packets = 0;
	tick_in(&tick, 3600 * US_PER_S);
	tick_in(&tick, 1000);
	event_base_dispatch(base);
	assert_int_equal(ticks, 1);
	tick_in(&tick, -5);
	event_base_dispatch(base);
	assert_int_equal(ticks, 2);
	/* Off, and nothing else to wait for. */
	tick_in(&tick, 0);
	tick_in(&tick, NEVER);
	event_base_dispatch(base);
	assert_int_equal(ticks, 2);
}

/* An ack that waits with it, because we were late, was in time. */
static void
what_has_come_goes_first(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		tick_in(&tick, 1000);
		usleep(5000);
		assert_int_equal(flood(3600 * US_PER_S), 0);
	}
}

/* The same, seen in the other order. */
static void
what_is_set_anew_waits(void **state)
{
	struct event *ev;

	(void)state;
	ticks = packets = 0;
	in_us = 3600 * US_PER_S;
	ev = event_new(base, sv[0], EV_READ | EV_PERSIST, on_packet, NULL);
	assert_non_null(ev);
	assert_int_equal(event_add(ev, NULL), 0);
	assert_int_equal(write(sv[1], "", 1), 1);
	tick_in(&tick, 1000);
	usleep(5000);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_true(packets > 0);
	assert_int_equal(ticks, 0);
	event_free(ev);
}

/* Not too early, to find that it has to sleep again. */
static void
it_wakes_once(void **state)
{
	int64_t start = clock_now();
	unsigned i;

	(void)state;
	waits = 0;
	packets = 0;
	for (i = 1; i <= 20; i++) {
		tick_in(&tick, 1000 * i + 317);
		event_base_dispatch(base);
	}
	assert_int_equal(waits, 20);
	assert_true(clock_now() - start >= 1000 * 210 + 20 * 317);
}

static int
setup(void **state)
{
	(void)state;
	base = event_base_new();
	return base == NULL || tick_init(&tick, base, on_time) == -1 ||
		       socketpair(AF_UNIX, SOCK_DGRAM, 0, sv) == -1
		   ? -1
		   : 0;
}

static int
teardown(void **state)
{
	(void)state;
	tick_stop(&tick);
	close(sv[0]);
	close(sv[1]);
	event_base_free(base);
	return 0;
}

static void
libevent_has_our_time(void **state)
{
	(void)state;
	assert_true(tick_same_timeval(base));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(libevent_has_our_time),
	    T(what_is_due_is_not_put_off),
	    T(what_is_not_due_waits),
	    T(it_runs_alone),
	    T(what_has_come_goes_first),
	    T(what_is_set_anew_waits),
	    T(it_wakes_once),
	};

	return cmocka_run_group_tests_name("tick", tests, NULL, NULL);
}
