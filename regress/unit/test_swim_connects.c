/*
 * The core where the sandbox lets no stream go to some members' port: they are
 * probed by packets alone, and full exchanges are had with the others.
 */
#include "each_rig.h"

#define OTHER_PORT 7950

static bool
connects(void *arg, const struct ipport *to)
{
	assert_ptr_equal(arg, r);
	return to->port == PORT;
}

static int
setup(void **state)
{
	(void)state;
	r = rig_new();
	r->s->connects = connects;
	return 0;
}

/* n members o1.. at 10.9.0.y, on the other port. */
static void
others(unsigned n)
{
	struct ipport from = ip("192.0.2.9", 1234), at;
	char name[16], addr[24];
	struct wire_alive w;
	unsigned i;

	for (i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "o%u", i);
		snprintf(addr, sizeof(addr), "10.9.0.%u", i);
		at = ip(addr, OTHER_PORT);
		w = alive_of(name, &at, 1, "X");
		feed_alive_w(r, &from, &w);
	}
	rig_clear(r);
}

static unsigned
streams_to(uint16_t port)
{
	unsigned i, n = 0;

	for (i = 0; i < r->nstreams; i++)
		n += r->streams[i].to.port == port;
	return n;
}

/* The same hour without the sandbox has them, so this can fail. */
static void
run_an_hour(void)
{
	unsigned i;

	for (i = 0; i < 60; i++) {
		rig_run(r, 60 * SEC);
		r->nmsgs = r->nevents = 0;
	}
}

static void
silence_is_asked_about_by_packets_alone(void **state)
{
	const struct rig_msg *m;
	struct wire_indirect w;
	unsigned i;

	(void)state;
	rig_populate(r, 3);
	others(1);
	for (i = 0; i < 600 && rig_msg(r, WIRE_INDIRECT_PING, i) == NULL; i++)
		rig_run(r, SEC);
	rig_run(r, 20 * SEC);
	for (i = 0; (m = rig_msg(r, WIRE_INDIRECT_PING, i)) != NULL; i++) {
		assert_int_equal(wire_get_indirect(m->body, m->len, &w), 0);
		if (w.port == OTHER_PORT)
			break;
	}
	assert_non_null(m);
	assert_true(streams_to(PORT) > 0);
	assert_int_equal(streams_to(OTHER_PORT), 0);
}

static void
partners_are_those_in_reach(void **state)
{
	(void)state;
	r->s->prof = &swim_wan;
	rig_populate(r, 1);
	others(20);
	rig_member(r, "m1")->ours = true;
	pushpull_run(r->s);
	rig_clear(r);
	r->s->next_pushpull = r->now;
	pushpull_run(r->s);
	assert_int_equal(r->nstreams, 1);
	assert_int_equal(r->streams[0].to.port, PORT);
}

static void
nobody_in_reach_is_no_noise(void **state)
{
	struct ipport to = ip("10.9.0.1", OTHER_PORT);

	(void)state;
	others(3);
	run_an_hour();
	assert_int_equal(r->nstreams, 0);
	pushpull_start(r->s, &to, USE_PERIODIC);
	pushpull_feed(r->s, &to, 0);
	run_an_hour();
	assert_int_equal(r->nstreams, 0);
	assert_int_equal(r->s->nfeeds, 0);
	r->s->connects = NULL;
	others(3);
	pushpull_start(r->s, &to, USE_PERIODIC);
	assert_int_equal(r->nstreams, 1);
}

/* A join was asked for by the operator: it is tried, and told why not. */
static void
a_join_is_tried(void **state)
{
	struct ipport to = ip("10.9.0.1", OTHER_PORT);

	(void)state;
	assert_int_not_equal(swim_join(r->s, r->now, &to, 0), 0);
	assert_int_equal(r->nstreams, 1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(silence_is_asked_about_by_packets_alone),
	    T(partners_are_those_in_reach),
	    T(nobody_in_reach_is_no_noise),
	    T(a_join_is_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
