/* Probes and relays: protocol.md section 5, "Probe", "Relay", "SeqNo",
 * "Health". */
#include "each_rig.h"

static struct ipport
addr_of(const char *name)
{
	struct ipport a;

	assert_non_null(rig_member(r, name));
	member_ipport(rig_member(r, name), &a);
	return a;
}

static void
feed_ping(
    const struct ipport *from, const char *node, const char *src, uint16_t port)
{
	struct ipport s = ip(src == NULL ? "0.0.0.0" : src, port);
	struct wire_ping p = {.seqno = 77, .node = swim_str(node)};
	uint8_t buf[512];

	if (src != NULL) {
		p.src_addr.p = s.ip.b;
		p.src_addr.len = s.ip.len;
		p.src_port = port;
		p.src_node = swim_str("asker");
	}
	feed(r, from, buf, wire_put_ping(buf, sizeof(buf), &p));
}

static void
feed_indirect(
    const struct ipport *from, const char *node, const char *target, bool nack)
{
	struct ipport t = ip(target, PORT);
	struct wire_indirect w = {.seqno = 88,
	    .target = {t.ip.b, t.ip.len},
	    .port = PORT,
	    .node = swim_str(node),
	    .nack = nack};
	uint8_t buf[512];

	feed(r, from, buf, wire_put_indirect(buf, sizeof(buf), &w));
}

static uint32_t
ack_seqno(const struct rig_msg *m)
{
	struct wire_ack a;

	assert_non_null(m);
	assert_int_equal(wire_get_ack(m->body, m->len, &a), 0);
	return a.seqno;
}

static void
a_round_reaches_everybody_once(void **state)
{
	bool seen[21] = {false};
	unsigned i, who;
	char name[256];
	struct ipport a;

	(void)state;
	rig_populate(r, 20);
	/* Newcomers stand anywhere in the order: begin with a fresh round. */
	while (r->s->probe_index < r->s->t.n) {
		uint32_t seq = rig_next_ping(r, name);

		a = addr_of(name);
		feed_ack(r, &a, seq);
	}
	for (i = 0; i < 20; i++) {
		uint32_t seq = rig_next_ping(r, name);

		who = (unsigned)atoi(name + 1);
		assert_false(seen[who]);
		seen[who] = true;
		a = addr_of(name);
		feed_ack(r, &a, seq);
	}
}

static void
one_probe_per_interval(void **state)
{
	char name[256];
	struct ipport a;
	int64_t last = 0;
	unsigned i;

	(void)state;
	rig_populate(r, 3);
	for (i = 0; i < 6; i++) {
		uint32_t seq = rig_next_ping(r, name);

		if (i > 0)
			assert_int_equal(r->now - last, 5 * SEC);
		last = r->now;
		a = addr_of(name);
		feed_ack(r, &a, seq);
	}
}

static void
dead_and_left_are_not_probed(void **state)
{
	char name[256];
	unsigned i;
	struct ipport a;

	(void)state;
	rig_populate(r, 3);
	feed_end(r, "m1", "m3", 1);
	feed_end(r, "m2", "m2", 1);
	for (i = 0; i < 6; i++) {
		uint32_t seq = rig_next_ping(r, name);

		assert_string_equal(name, "m3");
		a = addr_of(name);
		feed_ack(r, &a, seq);
	}
}

static void
seqnos_are_random(void **state)
{
	char name[256];
	struct ipport a;
	uint32_t seq[8];
	unsigned i, j, far = 0;

	(void)state;
	rig_populate(r, 3);
	for (i = 0; i < 8; i++) {
		seq[i] = rig_next_ping(r, name);
		a = addr_of(name);
		feed_ack(r, &a, seq[i]);
		for (j = 0; j < i; j++)
			assert_int_not_equal(seq[i], seq[j]);
		far += seq[i] > 1u << 24;
	}
	assert_true(far >= 6);
}

static void
ping_names_its_source(void **state)
{
	struct wire_ping p;
	const struct rig_msg *m;

	(void)state;
	rig_populate(r, 1);
	rig_next_ping(r, NULL);
	m = rig_msg(r, WIRE_PING, 0);
	assert_int_equal(wire_get_ping(m->body, m->len, &p), 0);
	assert_true(is_name(p.node, "m1"));
	assert_true(is_name(p.src_node, "me"));
	assert_int_equal(p.src_port, PORT);
	assert_int_equal(p.src_addr.len, 4);
}

static void
ack_from_another_address_counts(void **state)
{
	struct ipport other = ip("203.0.113.5", 999);
	uint32_t seq;

	(void)state;
	rig_populate(r, 1);
	seq = rig_next_ping(r, NULL);
	feed_ack(r, &other, seq);
	assert_true(rig_member(r, "m1")->answered);
	rig_run(r, 4 * SEC);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	assert_int_equal(r->nstreams, 0);
}

/* We slept: the ack waited in the socket while the time ran out. */
static void
an_ack_before_the_tick_counts(void **state)
{
	struct ipport a;
	uint32_t seq;

	(void)state;
	rig_populate(r, 1);
	seq = rig_next_ping(r, NULL);
	a = addr_of("m1");
	r->now += 20 * SEC;
	feed_ack(r, &a, seq);
	swim_tick(r->s, r->now);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
}

static void
wrong_seqno_does_not_count(void **state)
{
	struct ipport a;
	uint32_t seq;

	(void)state;
	rig_populate(r, 1);
	seq = rig_next_ping(r, NULL);
	a = addr_of("m1");
	feed_ack(r, &a, seq + 1);
	assert_false(rig_member(r, "m1")->answered);
	rig_run(r, 5 * SEC);
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
}

static void
silence_asks_three_others_and_tcp(void **state)
{
	char name[256];
	int64_t start;
	struct wire_indirect w;
	const struct rig_msg *m;
	struct ipport a;

	(void)state;
	rig_populate(r, 10);
	rig_next_ping(r, name);
	start = r->now;
	a = addr_of(name);
	rig_run(r, 3 * SEC - 1);
	assert_int_equal(rig_count(r, WIRE_INDIRECT_PING), 0);
	rig_run(r, 1);
	assert_int_equal(r->now - start, 3 * SEC);
	assert_int_equal(rig_count(r, WIRE_INDIRECT_PING), 3);
	assert_int_equal(rig_count_to(r, WIRE_INDIRECT_PING, &a), 0);
	m = rig_msg(r, WIRE_INDIRECT_PING, 0);
	assert_int_equal(wire_get_indirect(m->body, m->len, &w), 0);
	assert_true(is_name(w.node, name));
	assert_true(w.nack);
	assert_int_equal(w.target.len, 4);
	assert_memory_equal(w.target.p, a.ip.b, 4);
	assert_int_equal(w.port, PORT);
	assert_int_equal(r->nstreams, 1);
	assert_int_equal(r->streams[0].kind, SWIM_STREAM_PING);
	assert_int_equal(ipport_cmp(&r->streams[0].to, &a), 0);
	rig_run(r, 2 * SEC - 1);
	assert_int_equal(rig_state(r, name), MEMBER_ALIVE);
	rig_run(r, 1);
	assert_int_equal(rig_state(r, name), MEMBER_SUSPECT);
}

static void
old_members_get_no_nack_and_no_tcp(void **state)
{
	struct wire_indirect w;
	const struct rig_msg *m;
	unsigned i;

	(void)state;
	rig_populate(r, 3);
	for (i = 0; i < r->s->t.n; i++)
		if (!r->s->t.list[i]->is_self)
			rig_pmax(r->s->t.list[i], 2);
	rig_next_ping(r, NULL);
	rig_run(r, 3 * SEC);
	assert_int_equal(r->nstreams, 0);
	m = rig_msg(r, WIRE_INDIRECT_PING, 0);
	assert_int_equal(wire_get_indirect(m->body, m->len, &w), 0);
	assert_false(w.nack);
	/* None was asked for: one point for the failure. */
	rig_run(r, 2 * SEC);
	assert_int_equal(swim_health(r->s), 1);
}

/* From protocol 3 on they answer TCP, from 4 on they send nacks. */
static void
what_old_members_are_asked(void **state)
{
	struct wire_indirect w;
	const struct rig_msg *m;
	unsigned i, pmax;

	(void)state;
	for (pmax = 2; pmax <= 5; pmax++) {
		rig_free(r);
		r = rig_new();
		rig_populate(r, 3);
		for (i = 0; i < r->s->t.n; i++)
			if (!r->s->t.list[i]->is_self)
				rig_pmax(r->s->t.list[i], pmax);
		rig_next_ping(r, NULL);
		rig_run(r, 3 * SEC);
		assert_int_equal(r->nstreams, pmax >= 3);
		m = rig_msg(r, WIRE_INDIRECT_PING, 0);
		assert_non_null(m);
		assert_int_equal(wire_get_indirect(m->body, m->len, &w), 0);
		assert_int_equal(w.nack, pmax >= 4);
	}
}

static void
tcp_ack_counts_with_its_seqno(void **state)
{
	struct wire_ack ack = {0};
	uint8_t buf[64];
	uint32_t seq;
	ssize_t n;

	(void)state;
	rig_populate(r, 1);
	seq = rig_next_ping(r, NULL);
	rig_run(r, 3 * SEC);
	assert_int_equal(r->streams[0].msg[0], WIRE_PING);
	ack.seqno = seq;
	n = wire_put_ack(buf, sizeof(buf), &ack);
	swim_stream_reply(
	    r->s, r->now, r->streams[0].id, buf[0], buf + 1, (size_t)n - 1);
	rig_run(r, 2 * SEC - 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	assert_int_equal(swim_counters(r->s)->probes_failed, 0);
}

static void
tcp_ack_with_another_seqno_does_not(void **state)
{
	struct wire_ack ack = {0};
	uint8_t buf[64];
	ssize_t n;

	(void)state;
	rig_populate(r, 1);
	ack.seqno = rig_next_ping(r, NULL) + 1;
	rig_run(r, 3 * SEC);
	n = wire_put_ack(buf, sizeof(buf), &ack);
	swim_stream_reply(
	    r->s, r->now, r->streams[0].id, buf[0], buf + 1, (size_t)n - 1);
	rig_run(r, 2 * SEC);
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
}

static void
missing_nacks_cost_health(void **state)
{
	(void)state;
	rig_populate(r, 10);
	rig_next_ping(r, NULL);
	rig_run(r, 5 * SEC);
	assert_int_equal(swim_health(r->s), 3);
}

static void
nacks_save_health(void **state)
{
	uint32_t seq;
	unsigned i;

	(void)state;
	rig_populate(r, 10);
	seq = rig_next_ping(r, NULL);
	rig_run(r, 4 * SEC);
	for (i = 0; i < 3; i++)
		feed_nack(r, &rig_msg(r, WIRE_INDIRECT_PING, i)->to, seq);
	rig_run(r, SEC);
	assert_int_equal(rig_evs(r, SWIM_EV_SUSPECT), 1);
	assert_int_equal(swim_health(r->s), 0);
}

static void
health_scales_the_interval_not_the_timeout(void **state)
{
	char name[256];
	int64_t start;

	(void)state;
	rig_populate(r, 10);
	aware_apply(&r->s->aware, 2);
	rig_next_ping(r, name);
	start = r->now;
	rig_run(r, 3 * SEC);
	assert_int_equal(rig_count(r, WIRE_INDIRECT_PING), 3);
	rig_run(r, 15 * SEC - 1 - (r->now - start));
	assert_int_equal(rig_state(r, name), MEMBER_ALIVE);
	rig_run(r, 1);
	assert_int_equal(rig_state(r, name), MEMBER_SUSPECT);
}

static void
an_ack_restores_health(void **state)
{
	struct ipport a;
	uint32_t seq;

	(void)state;
	rig_populate(r, 1);
	aware_apply(&r->s->aware, 2);
	seq = rig_next_ping(r, NULL);
	a = addr_of("m1");
	feed_ack(r, &a, seq);
	assert_int_equal(swim_health(r->s), 1);
}

static void
a_suspect_hears_of_it_with_the_ping(void **state)
{
	const struct rig_msg *p, *q;
	struct wire_accuse a;

	(void)state;
	rig_populate(r, 1);
	rig_next_ping(r, NULL);
	rig_run(r, 5 * SEC);
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
	rig_next_ping(r, NULL);
	p = rig_msg(r, WIRE_PING, 0);
	for (q = p; q < r->msgs + r->nmsgs && q->type != WIRE_SUSPECT; q++)
		;
	assert_true(q < r->msgs + r->nmsgs);
	assert_int_equal(p->packet, q->packet);
	a = accuse_in(q);
	assert_true(is_name(a.node, "m1"));
	assert_true(is_name(a.from, "me"));
}

/* That packet carries nothing else, and is no transmission of a broadcast. */
static void
the_suspects_ping_is_no_broadcast(void **state)
{
	unsigned i, n = 0, queued;
	const struct rig_msg *p;

	(void)state;
	rig_populate(r, 2);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 1);
	feed_accuse(r, WIRE_SUSPECT, "m2", "m1", 1);
	queued = swim_queued(r->s);
	assert_int_equal(queued, 2);
	rig_clear(r);
	r->s->next_gossip = NEVER;
	r->s->next_probe = r->now;
	swim_tick(r->s, r->now);
	p = rig_msg(r, WIRE_PING, 0);
	assert_non_null(p);
	for (i = 0; i < r->nmsgs; i++)
		n += r->msgs[i].packet == p->packet;
	assert_int_equal(n, 2);
	assert_int_equal(rig_member(r, "m1")->bcast->sent, 0);
	assert_int_equal(rig_member(r, "m2")->bcast->sent, 0);
}

static void
a_ping_for_us_is_answered(void **state)
{
	struct ipport from = ip("192.0.2.1", 4000);

	(void)state;
	feed_ping(&from, "me", NULL, 0);
	assert_int_equal(rig_count_to(r, WIRE_ACK, &from), 1);
	assert_int_equal(ack_seqno(rig_msg(r, WIRE_ACK, 0)), 77);
}

static void
a_ping_for_another_is_not(void **state)
{
	struct ipport from = ip("192.0.2.1", 4000);

	(void)state;
	feed_ping(&from, "you", NULL, 0);
	assert_int_equal(r->nmsgs, 0);
}

static void
a_ping_for_nobody_is(void **state)
{
	struct ipport from = ip("192.0.2.1", 4000);

	(void)state;
	feed_ping(&from, "", NULL, 0);
	assert_int_equal(rig_count_to(r, WIRE_ACK, &from), 1);
}

static void
ack_goes_to_a_known_source_only(void **state)
{
	struct ipport from = ip("192.0.2.1", 4000), m1, victim;

	(void)state;
	rig_populate(r, 1);
	m1 = addr_of("m1");
	victim = ip("198.51.100.7", 53);
	feed_ping(&from, "me", "198.51.100.7", 53);
	assert_int_equal(rig_count_to(r, WIRE_ACK, &victim), 0);
	assert_int_equal(rig_count_to(r, WIRE_ACK, &from), 1);
	rig_clear(r);
	feed_ping(&from, "me", "10.1.0.2", PORT);
	assert_int_equal(rig_count_to(r, WIRE_ACK, &m1), 1);
	assert_int_equal(rig_count_to(r, WIRE_ACK, &from), 0);
}

static void
strangers_get_no_broadcasts(void **state)
{
	struct ipport from = ip("192.0.2.1", 4000), m1;

	(void)state;
	rig_populate(r, 2);
	feed_end(r, "m2", "m2", 1);
	m1 = addr_of("m1");
	rig_clear(r);
	feed_ping(&from, "me", NULL, 0);
	assert_int_equal(r->nmsgs, 1);
	feed_ping(&m1, "me", NULL, 0);
	assert_int_equal(rig_count_to(r, WIRE_DEAD, &m1), 1);
}

static void
piggyback_counts_as_transmission(void **state)
{
	struct ipport m1;
	unsigned i;

	(void)state;
	rig_populate(r, 2);
	feed_end(r, "m2", "m2", 1);
	m1 = addr_of("m1");
	for (i = 0; i < 6; i++)
		feed_ping(&m1, "me", NULL, 0);
	/* n = 3: four times. */
	assert_int_equal(rig_count(r, WIRE_DEAD), 4);
	assert_int_equal(swim_queued(r->s), 0);
}

static void
a_relay_pings_with_its_own_seqno(void **state)
{
	struct ipport asker, target;
	char name[256];
	uint32_t seq;

	(void)state;
	rig_populate(r, 2);
	asker = addr_of("m1");
	target = addr_of("m2");
	feed_indirect(&asker, "m2", "10.1.0.3", true);
	assert_int_equal(rig_count_to(r, WIRE_PING, &target), 1);
	seq = ping_of(rig_msg(r, WIRE_PING, 0), name);
	assert_string_equal(name, "m2");
	assert_int_not_equal(seq, 88);
	feed_ack(r, &target, seq);
	assert_int_equal(rig_count_to(r, WIRE_ACK, &asker), 1);
	assert_int_equal(ack_seqno(rig_msg(r, WIRE_ACK, 0)), 88);
	rig_run(r, 2 * SEC);
	assert_int_equal(rig_count(r, WIRE_NACK), 0);
}

static void
a_relay_sends_its_nack_in_time(void **state)
{
	struct ipport asker;
	uint32_t seq;

	(void)state;
	rig_populate(r, 2);
	asker = addr_of("m1");
	feed_indirect(&asker, "m2", "10.1.0.3", true);
	rig_run(r, 3 * SEC / 2 - 1);
	assert_int_equal(rig_count(r, WIRE_NACK), 0);
	rig_run(r, 1);
	assert_int_equal(rig_count_to(r, WIRE_NACK, &asker), 1);
	assert_int_equal(wire_get_nack(rig_msg(r, WIRE_NACK, 0)->body,
			     rig_msg(r, WIRE_NACK, 0)->len, &seq),
	    0);
	assert_int_equal(seq, 88);
	rig_run(r, 5 * SEC);
	assert_int_equal(rig_count(r, WIRE_NACK), 1);
}

static void
a_relay_forwards_late_acks(void **state)
{
	struct ipport asker, target;
	uint32_t seq;

	(void)state;
	rig_populate(r, 2);
	asker = addr_of("m1");
	target = addr_of("m2");
	feed_indirect(&asker, "m2", "10.1.0.3", true);
	seq = ping_of(rig_msg(r, WIRE_PING, 0), NULL);
	rig_run(r, 4 * SEC);
	rig_clear(r);
	feed_ack(r, &target, seq);
	assert_int_equal(rig_count_to(r, WIRE_ACK, &asker), 1);
}

static void
no_nack_unless_asked(void **state)
{
	struct ipport asker;

	(void)state;
	rig_populate(r, 2);
	asker = addr_of("m1");
	feed_indirect(&asker, "m2", "10.1.0.3", false);
	feed_indirect(&asker, "nobody", "10.1.0.9", false);
	rig_run(r, 2 * SEC);
	assert_int_equal(rig_count(r, WIRE_NACK), 0);
}

static void
unknown_target_is_nacked_at_once(void **state)
{
	struct ipport asker, victim = ip("198.51.100.7", PORT);

	(void)state;
	rig_populate(r, 2);
	asker = addr_of("m1");
	feed_indirect(&asker, "nobody", "198.51.100.7", true);
	assert_int_equal(rig_count_to(r, WIRE_NACK, &asker), 1);
	/* A known name at another address: there it may be gone. */
	feed_indirect(&asker, "m2", "198.51.100.7", true);
	assert_int_equal(rig_count_to(r, WIRE_PING, &victim), 0);
	assert_int_equal(rig_count(r, WIRE_PING), 0);
	assert_int_equal(rig_count_to(r, WIRE_NACK, &asker), 2);
}

/* Peers always write a name; a ping without one is legal all the same. */
static void
a_nameless_target_is_found_by_its_address(void **state)
{
	struct ipport asker, target, zero = ip("10.1.0.3", 0);
	struct wire_indirect w = {
	    .seqno = 88, .target = {zero.ip.b, zero.ip.len}, .nack = true};
	uint8_t buf[512];

	(void)state;
	rig_populate(r, 2);
	asker = addr_of("m1");
	target = addr_of("m2");
	w.node = swim_str("");
	feed(r, &asker, buf, wire_put_indirect(buf, sizeof(buf), &w));
	assert_int_equal(rig_count_to(r, WIRE_PING, &target), 1);
	assert_int_equal(rig_count(r, WIRE_NACK), 0);
	/* And we answer for ourselves. */
	feed_indirect(&asker, "me", "10.0.0.1", true);
	assert_int_equal(rig_count_to(r, WIRE_ACK, &asker), 1);
	assert_int_equal(ack_seqno(rig_msg(r, WIRE_ACK, 0)), 88);
	assert_int_equal(rig_count(r, WIRE_NACK), 0);
	assert_int_equal(rig_count(r, WIRE_PING), 1);
}

static void
after_a_leave_nobody_is_pinged_for_others(void **state)
{
	struct ipport asker;

	(void)state;
	rig_populate(r, 2);
	asker = addr_of("m1");
	swim_leave(r->s, r->now);
	rig_run(r, 5 * SEC);
	rig_clear(r);
	feed_indirect(&asker, "m2", "10.1.0.3", true);
	assert_int_equal(rig_count(r, WIRE_PING), 0);
	assert_int_equal(rig_count_to(r, WIRE_NACK, &asker), 1);
}

static void
relays_are_bounded(void **state)
{
	struct ipport asker;
	unsigned i;

	(void)state;
	rig_populate(r, 2);
	asker = addr_of("m1");
	/* As fast as the limits have it, from many. */
	for (i = 0; i < RELAYS_MAX + 50; i++, r->now += SEC / LIMIT_RELAYS) {
		asker.ip.b[2] = (uint8_t)(i >> 8);
		asker.ip.b[3] = (uint8_t)i;
		feed_indirect(&asker, "m2", "10.1.0.3", true);
		rig_clear(r);
	}
	assert_int_equal(r->s->nrelays, RELAYS_MAX);
}

static void
tcp_pings_are_answered_for_us_only(void **state)
{
	struct wire_ping p = {.seqno = 5, .node = swim_str("me")};
	struct ipport from = ip("192.0.2.1", 4000);
	uint8_t buf[256], *reply;
	size_t len;
	ssize_t n = wire_put_ping(buf, sizeof(buf), &p);
	struct wire_ack a;

	(void)state;
	assert_int_equal(swim_stream_request(r->s, r->now, &from, buf[0],
			     buf + 1, (size_t)n - 1, &reply, &len),
	    0);
	assert_non_null(reply);
	assert_int_equal(reply[0], WIRE_ACK);
	assert_int_equal(wire_get_ack(reply + 1, len - 1, &a), 0);
	assert_int_equal(a.seqno, 5);
	free(reply);
	p.node = swim_str("you");
	n = wire_put_ping(buf, sizeof(buf), &p);
	assert_int_equal(swim_stream_request(r->s, r->now, &from, buf[0],
			     buf + 1, (size_t)n - 1, &reply, &len),
	    0);
	assert_null(reply);
}

static void
alone_nothing_is_timed(void **state)
{
	(void)state;
	assert_true(swim_deadline(r->s) == INT64_MAX);
}

/* At rest: a probe per interval and an exchange per minute, nothing else. */
static void
at_rest_it_wakes_for_probes_only(void **state)
{
	int64_t end = r->now + 100 * SEC, due;
	unsigned wakes = 0, k;
	struct ipport a;

	(void)state;
	rig_populate(r, 1);
	a = addr_of("m1");
	while ((due = swim_deadline(r->s)) <= end) {
		rig_clear(r);
		r->now = due;
		swim_tick(r->s, r->now);
		wakes++;
		for (k = 0; k < r->nmsgs; k++)
			if (r->msgs[k].type == WIRE_PING)
				feed_ack(r, &a, ping_of(&r->msgs[k], NULL));
	}
	assert_in_range(wakes, 20, 23);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup_rig, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_round_reaches_everybody_once),
	    T(one_probe_per_interval),
	    T(dead_and_left_are_not_probed),
	    T(seqnos_are_random),
	    T(ping_names_its_source),
	    T(ack_from_another_address_counts),
	    T(an_ack_before_the_tick_counts),
	    T(wrong_seqno_does_not_count),
	    T(silence_asks_three_others_and_tcp),
	    T(old_members_get_no_nack_and_no_tcp),
	    T(what_old_members_are_asked),
	    T(tcp_ack_counts_with_its_seqno),
	    T(tcp_ack_with_another_seqno_does_not),
	    T(missing_nacks_cost_health),
	    T(nacks_save_health),
	    T(health_scales_the_interval_not_the_timeout),
	    T(an_ack_restores_health),
	    T(a_suspect_hears_of_it_with_the_ping),
	    T(the_suspects_ping_is_no_broadcast),
	    T(a_ping_for_us_is_answered),
	    T(a_ping_for_another_is_not),
	    T(a_ping_for_nobody_is),
	    T(ack_goes_to_a_known_source_only),
	    T(strangers_get_no_broadcasts),
	    T(piggyback_counts_as_transmission),
	    T(a_relay_pings_with_its_own_seqno),
	    T(a_relay_sends_its_nack_in_time),
	    T(a_relay_forwards_late_acks),
	    T(no_nack_unless_asked),
	    T(unknown_target_is_nacked_at_once),
	    T(a_nameless_target_is_found_by_its_address),
	    T(after_a_leave_nobody_is_pinged_for_others),
	    T(relays_are_bounded),
	    T(tcp_pings_are_answered_for_us_only),
	    T(alone_nothing_is_timed),
	    T(at_rest_it_wakes_for_probes_only),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
