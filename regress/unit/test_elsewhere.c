/* A name at another address than the known one: taken when it failed and its
 * old address is silent, else a conflict. wesher/elsewhere.c, merge.c. */
#include "each_rig.h"

#define OLD "10.1.0.2" /* of m1 */
#define NEW "10.9.9.9"

static struct swim_profile
    quiet; /* no gossip, no probes but those in question */
static struct ipport m1, new;

/* m1 has failed, with incarnation 1. */
static int
setup(void **state)
{
	(void)state;
	r = rig_new();
	rig_populate(r, 10);
	quiet = swim_wan;
	quiet.gossip_fanout = 0;
	quiet.probe_interval = quiet.pushpull_interval = 3600 * SEC;
	r->s->prof = &quiet;
	r->s->next_probe = r->s->next_pushpull = NEVER;
	member_ipport(rig_member(r, "m1"), &m1);
	new = ip(NEW, PORT);
	evict_answered(r->s, rig_member(r, "m1"));
	feed_end(r, "m1", "m2", 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_DEAD);
	bcast_clear(&r->s->queue);
	rig_clear(r);
	return 0;
}

/* The same, but m1 lives. */
static int
setup_living(void **state)
{
	(void)setup(state);
	feed_alive(r, "m1", OLD, 2);
	evict_answered(r->s, rig_member(r, "m1"));
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	rig_clear(r);
	return 0;
}

static bool
is_at(const char *name, const struct ipport *at)
{
	struct ipport is;

	member_ipport(rig_member(r, name), &is);
	return ipport_cmp(&is, at) == 0;
}

static void
assert_still_dead(void)
{
	assert_int_equal(rig_state(r, "m1"), MEMBER_DEAD);
	assert_true(is_at("m1", &m1));
	assert_int_equal(rig_evs(r, SWIM_EV_JOIN), 0);
}

static void
assert_taken(uint32_t inc)
{
	const struct member *m = rig_member(r, "m1");

	assert_int_equal(m->state, MEMBER_ALIVE);
	assert_true(is_at("m1", &new));
	assert_int_equal(m->incarnation, inc);
	assert_false(m->answered);
	assert_int_equal(rig_evs(r, SWIM_EV_JOIN), 1);
	assert_string_equal(rig_ev(r, SWIM_EV_JOIN)->name, "m1");
	assert_int_equal(rig_evs(r, SWIM_EV_CONFLICT), 0);
	assert_int_equal(swim_queued(r->s), 1);
}

static void
assert_conflict_at(const struct ipport *at)
{
	assert_int_equal(rig_evs(r, SWIM_EV_CONFLICT), 1);
	assert_int_equal(ipport_cmp(&rig_ev(r, SWIM_EV_CONFLICT)->addr, at), 0);
}

static void
silence_lets_it_move(void **state)
{
	char name[256];

	(void)state;
	feed_alive(r, "m1", NEW, 2);
	assert_int_equal(rig_count(r, WIRE_PING), 1);
	assert_int_equal(rig_count_to(r, WIRE_PING, &m1), 1);
	(void)ping_of(rig_msg(r, WIRE_PING, 0), name);
	assert_string_equal(name, "m1");
	assert_int_equal(r->nstreams, 1);
	assert_int_equal(r->streams[0].kind, SWIM_STREAM_PING);
	assert_int_equal(ipport_cmp(&r->streams[0].to, &m1), 0);
	assert_true(swim_deadline(r->s) <= r->now + quiet.probe_timeout);
	rig_run(r, quiet.probe_timeout - 1);
	assert_still_dead();
	rig_run(r, 1);
	assert_taken(2);
	rig_run(r, 10 * SEC);
	assert_int_equal(rig_count(r, WIRE_PING), 1);
}

static void
assert_refused_and_asked(void)
{
	struct wire_accuse a;

	assert_conflict_at(&new);
	assert_int_equal(rig_count_to(r, WIRE_SUSPECT, &m1), 1);
	a = accuse_in(rig_msg(r, WIRE_SUSPECT, 0));
	assert_true(is_name(a.node, "m1"));
	assert_int_equal(a.incarnation, 1);
	rig_run(r, 2 * quiet.probe_timeout);
	assert_still_dead();
	/* What it says then. */
	feed_alive(r, "m1", OLD, 2);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	assert_true(is_at("m1", &m1));
}

static void
an_ack_keeps_it(void **state)
{
	(void)state;
	feed_alive(r, "m1", NEW, 2);
	/* Another one is none. */
	feed_ack(r, &m1, ping_of(rig_msg(r, WIRE_PING, 0), NULL) + 1);
	assert_int_equal(rig_evs(r, SWIM_EV_CONFLICT), 0);
	feed_ack(r, &m1, ping_of(rig_msg(r, WIRE_PING, 0), NULL));
	assert_refused_and_asked();
}

static void
an_ack_on_the_stream_keeps_it(void **state)
{
	struct wire_ack a = {.seqno = 0};
	uint8_t buf[64];
	ssize_t n;

	(void)state;
	feed_alive(r, "m1", NEW, 2);
	a.seqno = ping_of(rig_msg(r, WIRE_PING, 0), NULL);
	n = wire_put_ack(buf, sizeof(buf), &a);
	assert_true(n > 0);
	swim_stream_reply(
	    r->s, r->now, r->streams[0].id, buf[0], buf + 1, (size_t)n - 1);
	assert_refused_and_asked();
}

static void
nothing_newer_is_a_conflict(void **state)
{
	uint32_t inc;

	(void)state;
	for (inc = 0; inc < 2; inc++) {
		feed_alive(r, "m1", NEW, inc);
		assert_conflict_at(&new);
		assert_int_equal(rig_count(r, WIRE_PING), 0);
		rig_clear(r);
	}
	rig_run(r, 2 * quiet.probe_timeout);
	assert_still_dead();
}

static void
who_never_answered_is_not_asked(void **state)
{
	(void)state;
	rig_member(r, "m1")->answered = false;
	feed_alive(r, "m1", NEW, 2);
	assert_taken(2);
	assert_int_equal(rig_count(r, WIRE_PING), 0);
	assert_int_equal(r->nstreams, 0);
}

static void
what_happens_meanwhile_ends_it(void **state)
{
	struct ipport at;

	/* It is back. */
	feed_alive(r, "m1", NEW, 2);
	feed_alive(r, "m1", OLD, 2);
	rig_run(r, 2 * quiet.probe_timeout);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	assert_true(is_at("m1", &m1));
	/* Back, and failed again: that needs a probe of its own. */
	(void)teardown(state);
	(void)setup(state);
	feed_alive(r, "m1", NEW, 4);
	feed_alive(r, "m1", OLD, 2);
	feed_end(r, "m1", "m2", 2);
	rig_clear(r);
	rig_run(r, 2 * quiet.probe_timeout);
	assert_still_dead();
	/* It left. */
	(void)teardown(state);
	(void)setup(state);
	feed_alive(r, "m1", NEW, 2);
	feed_end(r, "m1", "m1", 1);
	rig_run(r, 2 * quiet.probe_timeout);
	assert_int_equal(rig_state(r, "m1"), MEMBER_LEFT);
	member_ipport(rig_member(r, "m1"), &at);
	assert_int_equal(ipport_cmp(&at, &m1), 0);
	/* It is forgotten. */
	(void)teardown(state);
	(void)setup(state);
	feed_alive(r, "m1", NEW, 2);
	swim_forget(r->s, rig_member(r, "m1"));
	assert_int_equal(r->s->nmovings, 0);
	rig_run(r, 2 * quiet.probe_timeout);
	assert_null(rig_member(r, "m1"));
}

static void
a_newer_claim_has_the_same_probe(void **state)
{
	(void)state;
	feed_alive(r, "m1", "10.9.9.8", 2);
	rig_run(r, quiet.probe_timeout / 2);
	feed_alive(r, "m1", NEW, 4);
	feed_alive(r, "m1", "10.9.9.7", 3);
	rig_run(r, quiet.probe_timeout);
	assert_taken(4);
	assert_int_equal(rig_count(r, WIRE_PING), 1);
	assert_int_equal(r->nstreams, 1);
}

/* Names d<from>.. that failed after they had answered. */
static void
dead_names(unsigned n)
{
	char name[16], addr[24];
	unsigned i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		snprintf(addr, sizeof(addr), "10.2.0.%u", i + 1);
		feed_alive(r, name, addr, 1);
		evict_answered(r->s, rig_member(r, name));
		feed_end(r, name, "m2", 1);
		assert_int_equal(rig_state(r, name), MEMBER_DEAD);
	}
	bcast_clear(&r->s->queue);
	rig_clear(r);
}

/* All of them are claimed elsewhere. */
static void
claim_names(unsigned n)
{
	char name[16], addr[24];
	unsigned i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		snprintf(addr, sizeof(addr), "10.3.0.%u", i + 1);
		feed_alive(r, name, addr, 2);
	}
}

static void
probes_are_few(void **state)
{
	unsigned i;

	(void)state;
	dead_names(100);
	quiet.probe_timeout = 60 * SEC;
	for (i = 1; i <= 20; i++) {
		claim_names(100);
		claim_names(100);
		assert_int_equal(rig_count(r, WIRE_PING),
		    i * MOVING_RATE < MOVINGS_MAX ? i * MOVING_RATE
						  : MOVINGS_MAX);
		assert_int_equal(r->s->nmovings, rig_count(r, WIRE_PING));
		rig_run(r, SEC);
	}
	assert_int_equal(rig_evs(r, SWIM_EV_CONFLICT), 0);
	/* Those that are over make room. */
	rig_run(r, 60 * SEC);
	assert_int_equal(r->s->nmovings, 0);
	assert_int_equal(rig_evs(r, SWIM_EV_JOIN), MOVINGS_MAX);
	claim_names(100);
	assert_int_equal(r->s->nmovings, MOVING_RATE);
}

/* One that was asked while we were slow does not hold up the others. */
static void
each_has_its_own_time(void **state)
{
	(void)state;
	dead_names(2);
	r->s->aware.score = 7;
	claim_names(1);
	r->s->aware.score = 0;
	claim_names(2);
	assert_int_equal(r->s->nmovings, 2);
	rig_run(r, quiet.probe_timeout);
	assert_int_equal(rig_state(r, "d1"), MEMBER_ALIVE);
	assert_int_equal(rig_state(r, "d0"), MEMBER_DEAD);
	rig_run(r, 7 * quiet.probe_timeout);
	assert_int_equal(rig_state(r, "d0"), MEMBER_ALIVE);
}

static void
feed_from(const struct ipport *from, uint32_t inc)
{
	struct wire_alive w = alive_of("m1", &new, inc, "X");

	feed_alive_w(r, from, &w);
}

static void
the_claimant_is_told(void **state)
{
	struct ipport port = ip(NEW, PORT + 1);
	struct wire_alive a;

	(void)state;
	/* Not who only says so: another could be flooded with it. */
	feed_alive(r, "m1", NEW, 9);
	feed_from(&port, 9);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &new), 0);
	assert_int_equal(rig_evs(r, SWIM_EV_CONFLICT), 2);
	feed_from(&new, 9);
	feed_from(&new, 10);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &new), 1);
	a = alive_in(rig_msg(r, WIRE_ALIVE, rig_count(r, WIRE_ALIVE) - 1));
	assert_true(is_name(a.node, "m1"));
	assert_memory_equal(a.addr.p, m1.ip.b, m1.ip.len);
	rig_run(r, SEC);
	feed_from(&new, 9);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &new), 2);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	assert_true(is_at("m1", &m1));
}

static void
the_incumbent_is_told(void **state)
{
	struct wire_alive a;

	(void)state;
	feed_alive(r, "m1", NEW, 9);
	feed_alive(r, "m1", NEW, 10);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &m1), 1);
	a = alive_in(rig_msg(r, WIRE_ALIVE, 0));
	assert_memory_equal(a.addr.p, new.ip.b, new.ip.len);
	assert_int_equal(a.incarnation, 9);
	rig_run(r, SEC);
	feed_alive(r, "m1", NEW, 9);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &m1), 2);
	/* Nor one that never answered where it is said to be. */
	rig_run(r, SEC);
	rig_member(r, "m1")->answered = false;
	feed_alive(r, "m1", NEW, 9);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &m1), 2);
	assert_int_equal(rig_evs(r, SWIM_EV_CONFLICT), 4);
}

static void
who_leaves_tells_nobody(void **state)
{
	(void)state;
	swim_leave(r->s, r->now);
	rig_clear(r);
	feed_from(&new, 9);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &new), 0);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &m1), 0);
}

/* Neither a new probe, nor what the old one would have had for an effect. */
static void
who_leaves_takes_nobody(void **state)
{
	(void)state;
	feed_alive(r, "m1", NEW, 2);
	swim_leave(r->s, r->now);
	rig_clear(r);
	feed_alive(r, "m1", NEW, 3);
	assert_int_equal(rig_count(r, WIRE_PING), 0);
	rig_run(r, 2 * quiet.probe_timeout);
	assert_still_dead();
}

#define DEAD(t)	  cmocka_unit_test_setup_teardown(t, setup, teardown)
#define LIVING(t) cmocka_unit_test_setup_teardown(t, setup_living, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    DEAD(silence_lets_it_move),
	    DEAD(an_ack_keeps_it),
	    DEAD(an_ack_on_the_stream_keeps_it),
	    DEAD(nothing_newer_is_a_conflict),
	    DEAD(who_never_answered_is_not_asked),
	    DEAD(what_happens_meanwhile_ends_it),
	    DEAD(a_newer_claim_has_the_same_probe),
	    DEAD(probes_are_few),
	    DEAD(each_has_its_own_time),
	    LIVING(the_claimant_is_told),
	    LIVING(the_incumbent_is_told),
	    LIVING(who_leaves_tells_nobody),
	    DEAD(who_leaves_takes_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
