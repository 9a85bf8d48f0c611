/*
 * What the core counts, and how long a member takes to answer: told by
 * `wesher status` and to Prometheus.
 */
#include "each_rig.h"

static const struct swim_counters *
c(void)
{
	return swim_counters(r->s);
}

static int64_t
rtt_of(const char *name)
{
	return member_rtt(rig_member(r, name));
}

/* m1 is pinged, and answers us us later. */
static void
answered_after(int64_t us)
{
	struct ipport a;
	uint32_t seq = rig_next_ping(r, NULL);

	member_ipport(rig_member(r, "m1"), &a);
	rig_run(r, us);
	feed_ack(r, &a, seq);
}

static void
a_pings_answer_is_timed(void **state)
{
	unsigned i;

	(void)state;
	rig_populate(r, 1);
	assert_int_equal(rtt_of("m1"), -1);
	answered_after(20030);
	assert_int_equal(rtt_of("m1"), 20000);
	/* An eighth of what is new. */
	answered_after(100000);
	assert_int_equal(rtt_of("m1"), 30000);
	for (i = 0; i < 60; i++)
		answered_after(100000);
	assert_int_equal(rtt_of("m1"), 100000);
}

static void
small_times_are_followed_too(void **state)
{
	unsigned i;

	(void)state;
	rig_populate(r, 1);
	answered_after(0);
	assert_int_equal(rtt_of("m1"), 100); /* known, so not 0 */
	for (i = 0; i < 5; i++)
		answered_after(400);
	assert_int_equal(rtt_of("m1"), 400);
	answered_after(300);
	assert_int_equal(rtt_of("m1"), 300);
}

/* Through another, by TCP, or from the time when we slept: says nothing. */
static void
only_direct_answers_in_time_are_timed(void **state)
{
	struct ipport a = ip("203.0.113.5", 999);
	uint32_t seq;

	(void)state;
	rig_populate(r, 1);
	seq = rig_next_ping(r, NULL);
	rig_run(r, swim_wan.probe_timeout + SEC / 10);
	feed_ack(r, &a, seq);
	assert_int_equal(c()->acks, 1);
	assert_int_equal(rtt_of("m1"), -1);
	seq = rig_next_ping(r, NULL);
	r->now += 20 * SEC;
	feed_ack(r, &a, seq);
	assert_int_equal(c()->acks, 2);
	assert_int_equal(rtt_of("m1"), -1);
}

static void
who_has_gone_has_no_time(void **state)
{
	(void)state;
	rig_populate(r, 1);
	answered_after(20000);
	feed_end(r, "m1", "m1", rig_member(r, "m1")->incarnation);
	assert_int_equal(rig_state(r, "m1"), MEMBER_LEFT);
	assert_int_equal(rtt_of("m1"), -1);
}

static void
the_longest_time_fits(void **state)
{
	struct member m = {.rtt = 0};

	(void)state;
	member_measured(&m, 3600 * SEC);
	assert_int_equal(member_rtt(&m), 65535 * MEMBER_RTT_UNIT);
	member_measured(&m, 3600 * SEC);
	assert_int_equal(member_rtt(&m), 65535 * MEMBER_RTT_UNIT);
}

/* Of each message of a packet: its type and its length. */
static void
messages_are_counted_by_type(void **state)
{
	struct ipport a = ip("203.0.113.5", 999);
	uint64_t n[SWIM_TYPES] = {0}, bytes[SWIM_TYPES] = {0};
	unsigned i;

	(void)state;
	rig_populate(r, 3);
	feed_alive(r, "m4", "192.0.2.4", 1);
	for (i = 0; i < 4; i++) {
		feed_ack(r, &a, rig_next_ping(r, NULL));
		rig_answer_probes(r);
	}
	memset(&r->s->count.out, 0, sizeof(r->s->count.out));
	rig_clear(r);
	feed_alive(r, "m5", "192.0.2.5", 1);
	rig_run(r, 20 * SEC); /* nobody answers */
	for (i = 0; i < r->nmsgs; i++) {
		n[r->msgs[i].type]++;
		bytes[r->msgs[i].type] += r->msgs[i].len + 1;
	}
	for (i = 0; i < r->nstreams; i++) {
		n[r->streams[i].msg[0]]++;
		bytes[r->streams[i].msg[0]] += r->streams[i].len;
	}
	assert_true(n[WIRE_ALIVE] > 1 && n[WIRE_PING] > 1 &&
		    n[WIRE_INDIRECT_PING] > 1 && n[WIRE_SUSPECT] > 0);
	assert_memory_equal(c()->out.n, n, sizeof(n));
	assert_memory_equal(c()->out.bytes, bytes, sizeof(bytes));
	assert_int_equal(c()->in.n[WIRE_ALIVE], 5);
	assert_true(c()->in.n[WIRE_ACK] >= 4);
	assert_true(c()->in.bytes[WIRE_ACK] > c()->in.n[WIRE_ACK] * 5);
}

static void
a_state_with(struct state_buf *b, const char *name, const char *addr)
{
	memset(b, 0, sizeof(*b));
	state_add(b, name, addr, 1, WIRE_S_ALIVE, "X");
}

static void
exchanges_that_others_ask_for(void **state)
{
	static const uint8_t bad[] = {0xc1};
	struct ipport from = ip("192.0.2.1", 40000);
	struct state_view v;
	struct state_buf b;
	uint8_t *reply;
	size_t n;

	(void)state;
	a_state_with(&b, "m1", "192.0.2.1");
	free(rig_ask(r, &from, &b, false, &v));
	assert_int_equal(c()->asked_ok, 1);
	assert_int_equal(c()->asked_failed, 0);
	assert_int_equal(c()->in.n[WIRE_PUSHPULL], 1);
	assert_int_equal(c()->out.n[WIRE_PUSHPULL], 1);
	assert_int_equal(swim_stream_request(r->s, r->now, &from, WIRE_PUSHPULL,
			     bad, sizeof(bad), &reply, &n),
	    -1);
	free(reply);
	assert_int_equal(c()->asked_ok, 1);
	assert_int_equal(c()->asked_failed, 1);
	assert_int_equal(c()->out.n[WIRE_ERR], 1);
}

static void
exchanges_of_ours(void **state)
{
	static const uint8_t bad[] = {0xc1};
	struct ipport to = ip("192.0.2.1", PORT);
	struct state_buf b;
	uint32_t id;

	(void)state;
	(void)swim_join(r->s, r->now, &to, 0);
	assert_int_equal(c()->out.n[WIRE_PUSHPULL], 1);
	assert_int_equal(c()->out.bytes[WIRE_PUSHPULL], r->streams[0].len);
	assert_int_equal(c()->ours_ok + c()->ours_failed, 0);
	a_state_with(&b, "m1", "192.0.2.1");
	rig_answer(r, 0, &b);
	assert_int_equal(c()->ours_ok, 1);
	/* Its name is ours, the connection fails, the answer is nonsense. */
	(void)swim_join(r->s, r->now, &to, 0);
	a_state_with(&b, "me", "192.0.2.77");
	rig_answer(r, 1, &b);
	assert_int_equal(c()->ours_failed, 1);
	id = swim_join(r->s, r->now, &to, 0);
	swim_stream_failed(r->s, r->now, id, "connection refused");
	assert_int_equal(c()->ours_failed, 2);
	id = swim_join(r->s, r->now, &to, 0);
	swim_stream_reply(r->s, r->now, id, WIRE_PUSHPULL, bad, sizeof(bad));
	assert_int_equal(c()->ours_failed, 3);
	assert_int_equal(c()->ours_ok, 1);
	/* One of those now and again. */
	pushpull_start(r->s, &to, USE_PERIODIC);
	a_state_with(&b, "m1", "192.0.2.1");
	rig_answer(r, r->nstreams - 1, &b);
	assert_int_equal(c()->ours_ok, 2);
	pushpull_start(r->s, &to, USE_PERIODIC);
	swim_stream_failed(
	    r->s, r->now, r->streams[r->nstreams - 1].id, "connection refused");
	assert_int_equal(c()->ours_failed, 4);
}

/* A probe by TCP is no exchange. */
static void
a_failed_ping_is_no_exchange(void **state)
{
	(void)state;
	rig_populate(r, 1);
	(void)rig_next_ping(r, NULL);
	rig_run(r, swim_wan.probe_timeout + 1);
	assert_int_equal(r->nstreams, 1);
	swim_stream_failed(
	    r->s, r->now, r->streams[0].id, "connection refused");
	assert_int_equal(c()->tcp_pings, 1);
	assert_int_equal(c()->ours_failed, 0);
	assert_int_equal(c()->out.n[WIRE_PING], 2);
}

static void
relays_are_counted(void **state)
{
	struct ipport from = ip("192.0.2.9", PORT), a;
	struct wire_indirect w = {
	    .seqno = 5, .port = PORT, .node = swim_str("m1")};
	uint8_t buf[256];

	(void)state;
	rig_populate(r, 1);
	member_ipport(rig_member(r, "m1"), &a);
	w.target = (struct slice){a.ip.b, a.ip.len};
	feed(r, &from, buf, wire_put_indirect(buf, sizeof(buf), &w));
	assert_int_equal(c()->relayed, 1);
	assert_int_equal(c()->in.n[WIRE_INDIRECT_PING], 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup_rig, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_pings_answer_is_timed),
	    T(small_times_are_followed_too),
	    T(only_direct_answers_in_time_are_timed),
	    T(who_has_gone_has_no_time),
	    T(the_longest_time_fits),
	    T(messages_are_counted_by_type),
	    T(exchanges_that_others_ask_for),
	    T(exchanges_of_ours),
	    T(a_failed_ping_is_no_exchange),
	    T(relays_are_counted),
	};

	return cmocka_run_group_tests_name("count", tests, NULL, NULL);
}
