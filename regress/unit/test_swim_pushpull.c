/* Full exchanges and joins: protocol.md section 5, "Push/pull merge", "Join",
 * "Never send more than 64"; section 4, "Addr". */
#include <math.h>

#include "each_rig.h"

static struct state_view view;

static const struct ipport *
at(const char *a, uint16_t port)
{
	static struct ipport p;

	p = ip(a, port);
	return &p;
}

/* How many alive entries of a state m1.. has. */
static unsigned
count_m(const struct state_view *v)
{
	unsigned i, n = 0;

	for (i = 0; i < v->head.nodes; i++)
		n += v->node[i].name.p[0] == 'm' && v->node[i].name.p[1] != 'e';
	return n;
}

static void
the_answer_is_older_than_the_merge(void **state)
{
	struct state_buf b = {0};
	uint8_t *reply;

	(void)state;
	rig_populate(r, 3);
	state_add(&b, "joiner", "10.5.0.1", 9, WIRE_S_ALIVE, "X");
	reply = rig_ask(r, at("10.5.0.1", 40000), &b, true, &view);
	assert_true(view.head.join);
	assert_int_equal(view.head.nodes, 4);
	assert_null(state_find(&view, "joiner"));
	assert_non_null(state_find(&view, "me"));
	assert_non_null(rig_member(r, "joiner"));
	assert_true(rig_ev(r, SWIM_EV_JOIN)->direct);
	assert_true(rig_ev(r, SWIM_EV_JOIN)->pushpull);
	assert_false(rig_ev(r, SWIM_EV_JOIN)->joining);
	assert_true(rig_member(r, "joiner")->answered);
	free(reply);
}

/* Whoever claims many names at its own address answers for one of them. */
static void
one_stream_is_one_answer(void **state)
{
	struct ipport host = ip("10.5.0.1", PORT);
	struct state_buf b = {0};
	unsigned i, n;
	char name[16];

	(void)state;
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		state_add(&b, name, "10.5.0.1", 1, WIRE_S_ALIVE, "X");
	}
	free(rig_ask(r, at("10.5.0.1", 40000), &b, false, NULL));
	for (i = n = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		n += rig_member(r, name)->answered;
	}
	assert_int_equal(n, 1);
	/* The answer to a join is one too. */
	rig_free(r);
	r = rig_new();
	swim_join(r->s, r->now, &host, 0);
	state_add(&b, "host", "10.5.0.1", 1, WIRE_S_ALIVE, "X");
	state_add(&b, "twin", "10.5.0.1", 1, WIRE_S_ALIVE, "X");
	state_add(&b, "far", "10.5.0.2", 1, WIRE_S_ALIVE, "X");
	rig_answer(r, 0, &b);
	assert_int_equal(
	    rig_member(r, "host")->answered + rig_member(r, "twin")->answered,
	    1);
	assert_false(rig_member(r, "far")->answered);
}

static void
join_flag_is_echoed(void **state)
{
	struct state_buf b = {0};
	uint8_t *reply;

	(void)state;
	reply = rig_ask(r, at("10.5.0.1", 40000), &b, false, &view);
	assert_false(view.head.join);
	free(reply);
}

static void
a_look_gets_the_full_state(void **state)
{
	struct state_buf b = {0};
	uint8_t *reply;

	(void)state;
	rig_populate(r, 150);
	reply = rig_ask(r, at("10.5.0.1", 40000), &b, false, &view);
	assert_int_equal(view.head.nodes, 151);
	assert_int_equal(r->nevents, 0);
	free(reply);
}

static void
entries_are_written_as_they_are(void **state)
{
	struct state_buf b = {0};
	const struct wire_node *n;
	uint8_t *reply;

	(void)state;
	rig_populate(r, 5);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m5", 1);
	feed_end(r, "m2", "m5", 1);
	feed_end(r, "m3", "m3", 1);
	reply = rig_ask(r, at("10.5.0.1", 40000), &b, false, &view);
	assert_int_equal(state_find(&view, "m1")->state, WIRE_S_SUSPECT);
	assert_int_equal(state_find(&view, "m2")->state, WIRE_S_DEAD);
	assert_int_equal(state_find(&view, "m3")->state, WIRE_S_LEFT);
	n = state_find(&view, "me");
	assert_int_equal(n->state, WIRE_S_ALIVE);
	assert_int_equal(n->incarnation, 100);
	assert_int_equal(n->addr.len, 4);
	assert_int_equal(n->vsn.len, 6);
	assert_true(is_name(n->meta, "Xme"));
	free(reply);
}

static void
states_are_merged_by_kind(void **state)
{
	struct state_buf b = {0};

	(void)state;
	rig_populate(r, 5);
	r->s->next_probe = r->s->next_pushpull = NEVER;
	state_add(&b, "m1", "10.1.0.2", 1, WIRE_S_SUSPECT, "X");
	state_add(&b, "m2", "10.1.0.3", 1, WIRE_S_DEAD, "X");
	state_add(&b, "m3", "10.1.0.4", 1, WIRE_S_LEFT, "X");
	state_add(&b, "m4", "10.1.0.5", 2, WIRE_S_ALIVE, "X!");
	state_add(&b, "m5", "10.1.0.6", 1, (enum wire_state)4, "X");
	state_add(&b, "g1", "10.1.0.7", 1, WIRE_S_SUSPECT, "X");
	state_add(&b, "g2", "10.1.0.8", 1, WIRE_S_DEAD, "X");
	state_add(&b, "g3", "10.1.0.9", 1, WIRE_S_LEFT, "X");
	free(rig_ask(r, at("10.5.0.1", 40000), &b, false, NULL));
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
	assert_int_equal(rig_state(r, "m2"), MEMBER_SUSPECT);
	/* What would be the end of it, or another key, is hearsay. */
	assert_int_equal(rig_state(r, "m3"), MEMBER_ALIVE);
	assert_int_equal(rig_member(r, "m4")->metalen, 1);
	assert_int_equal(rig_state(r, "m5"), MEMBER_ALIVE);
	assert_int_equal(r->s->t.n, 6);
	assert_int_equal(swim_counters(r->s)->bad_entry, 1);
	/* By ourselves: that is what we tell the others. */
	rig_run(r, SEC);
	assert_true(is_name(accuse_in(rig_msg(r, WIRE_SUSPECT, 0)).from, "me"));
	rig_run(r, HEARSAY_WAIT);
	assert_int_equal(rig_state(r, "m3"), MEMBER_LEFT);
	assert_int_equal(rig_member(r, "m4")->metalen, 2);
}

static void
one_bad_entry_does_not_spoil_the_rest(void **state)
{
	static const uint8_t odd[] = {1, 5, 2};
	struct state_buf b = {0};
	struct wire_node n = {.name = swim_str("short"),
	    .addr = {odd, 3},
	    .port = PORT,
	    .incarnation = 1,
	    .vsn = {odd, 3}};
	unsigned i;

	(void)state;
	state_add(&b, "a", "10.5.0.1", 1, WIRE_S_ALIVE, "X");
	for (i = 0; i <= WIRE_S_LEFT; i++) {
		n.state = (uint8_t)i;
		state_add_w(&b, &n);
	}
	n.addr.len = 0;
	n.name.len = 0;
	state_add_w(&b, &n);
	state_add(&b, "b", "10.5.0.2", 1, WIRE_S_ALIVE, "X");
	free(rig_ask(r, at("10.9.0.1", 40000), &b, true, NULL));
	assert_int_equal(r->s->t.n, 3);
	assert_non_null(rig_member(r, "b"));
	assert_int_equal(swim_counters(r->s)->bad_entry, 5);
}

static void
user_state_is_stepped_over(void **state)
{
	struct wire_pushpull h = {.nodes = 0, .user_len = 5};
	struct ipport from = ip("10.5.0.1", 1);
	uint8_t buf[128], *reply;
	size_t len;
	ssize_t n;

	(void)state;
	n = wire_put_pushpull(buf, sizeof(buf), &h);
	memset(buf + n, 0xc1, 5);
	assert_int_equal(swim_stream_request(r->s, r->now, &from, buf[0],
			     buf + 1, (size_t)n + 4, &reply, &len),
	    0);
	assert_int_equal(reply[0], WIRE_PUSHPULL);
	free(reply);
	/* One byte short. */
	assert_int_equal(swim_stream_request(r->s, r->now, &from, buf[0],
			     buf + 1, (size_t)n + 3, &reply, &len),
	    -1);
	assert_int_equal(reply[0], WIRE_ERR);
	free(reply);
}

/* What the header promises must stand behind the entries. */
static void
user_state_may_not_overlap_the_entries(void **state)
{
	struct wire_pushpull h = {.nodes = 1, .user_len = 5};
	struct ipport from = ip("10.5.0.1", 1);
	struct state_buf b = {0};
	uint8_t buf[512], *reply;
	size_t len;
	ssize_t n;

	(void)state;
	state_add(&b, "a", "10.5.0.1", 1, WIRE_S_ALIVE, "X");
	n = wire_put_pushpull(buf, sizeof(buf), &h);
	memcpy(buf + n, b.buf, b.len);
	n += (ssize_t)b.len;
	free(b.buf);
	memset(buf + n, 0, 5);
	assert_int_equal(swim_stream_request(r->s, r->now, &from, buf[0],
			     buf + 1, (size_t)n + 3, &reply, &len),
	    -1);
	free(reply);
	assert_int_equal(r->s->t.n, 1);
	assert_int_equal(swim_stream_request(r->s, r->now, &from, buf[0],
			     buf + 1, (size_t)n + 4, &reply, &len),
	    0);
	free(reply);
	assert_int_equal(r->s->t.n, 2);
}

/* A stream holds half a million entries; no mesh does. */
static void
one_exchange_has_bounded_effects(void **state)
{
	struct state_buf b = {0};
	unsigned i;

	(void)state;
	rig_populate(r, 1);
	for (i = 1; i < 4 * 16384; i++)
		state_add(&b, "m1", "10.1.0.2", 1, WIRE_S_ALIVE, "X");
	state_add(&b, "last", "10.5.0.1", 1, WIRE_S_ALIVE, "X");
	state_add(&b, "one too many", "10.5.0.2", 1, WIRE_S_ALIVE, "X");
	free(rig_ask(r, at("10.9.0.1", 40000), &b, false, NULL));
	assert_non_null(rig_member(r, "last"));
	assert_null(rig_member(r, "one too many"));
}

static void
a_cut_state_has_no_effect(void **state)
{
	struct ipport from = ip("10.5.0.1", 1);
	struct state_buf b = {0};
	uint8_t *msg, *reply;
	size_t len, cut, n;

	(void)state;
	state_add(&b, "a", "10.5.0.1", 1, WIRE_S_ALIVE, "X");
	state_add(&b, "b", "10.5.0.2", 1, WIRE_S_ALIVE, "X");
	msg = state_finish(&b, true, &len);
	for (cut = 1; cut < len; cut++) {
		assert_int_equal(swim_stream_request(r->s, r->now, &from,
				     msg[0], msg + 1, cut - 1, &reply, &n),
		    -1);
		assert_int_equal(reply[0], WIRE_ERR);
		free(reply);
	}
	assert_int_equal(r->s->t.n, 1);
	assert_int_equal(swim_counters(r->s)->bad_message, len - 1);
	free(msg);
}

static void
accusations_in_a_request_are_refuted_to_the_asker(void **state)
{
	struct ipport asker = ip("10.1.0.2", PORT);
	struct state_buf b = {0};

	(void)state;
	rig_populate(r, 30);
	state_add(&b, "m1", "10.1.0.2", 1, WIRE_S_ALIVE, "X");
	state_add(&b, "me", "10.0.0.1", 130, WIRE_S_DEAD, "Xme");
	free(rig_ask(r, at("10.1.0.2", 40000), &b, false, NULL));
	assert_int_equal(swim_incarnation(r->s), 131);
	/* The first to hear of it. */
	assert_int_equal(ipport_cmp(&rig_msg(r, WIRE_ALIVE, 0)->to, &asker), 0);
	assert_int_equal(rig_state(r, "me"), MEMBER_ALIVE);
}

static void
a_join_sends_and_merges(void **state)
{
	struct state_buf b = {0};
	uint32_t id = swim_join(r->s, r->now, at("10.1.0.1", PORT), 0);

	(void)state;
	assert_int_equal(r->nstreams, 1);
	assert_int_equal(r->streams[0].id, id);
	assert_int_equal(r->streams[0].kind, SWIM_STREAM_PUSHPULL);
	state_read(r->streams[0].msg, r->streams[0].len, &view);
	assert_true(view.head.join);
	assert_int_equal(view.head.nodes, 1);
	assert_true(is_name(view.node[0].name, "me"));
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
	state_add(&b, "gone", "10.1.0.9", 3, WIRE_S_LEFT, "X");
	state_add(&b, "far", "10.1.0.2", 3, WIRE_S_ALIVE, "X");
	rig_answer(r, 0, &b);
	assert_int_equal(r->njoins, 1);
	assert_int_equal(r->join.id, id);
	assert_true(r->join.ok);
	assert_false(
	    r->join.only_self || r->join.refused_name || r->join.listed);
	assert_int_equal(r->join.members, 3);
	assert_int_equal(r->join.learned, 2);
	assert_true(r->events[0].direct);
	assert_true(r->events[0].joining);
	assert_false(r->events[1].direct);
	/* A newcomer has nobody to tell what everybody there knows. */
	assert_int_equal(swim_queued(r->s), 0);
}

static void
a_join_between_meshes_is_passed_on(void **state)
{
	struct state_buf b = {0};

	(void)state;
	rig_populate(r, 3);
	swim_join(r->s, r->now, at("10.7.0.1", PORT), 0);
	state_add(&b, "host", "10.7.0.1", 3, WIRE_S_ALIVE, "X");
	state_add(&b, "far", "10.7.0.2", 3, WIRE_S_ALIVE, "X");
	rig_answer(r, 0, &b);
	assert_int_equal(swim_queued(r->s), 2);
}

/* How often the core asked there for an exchange. */
static unsigned
asked_of(const char *addr)
{
	struct ipport to = ip(addr, PORT);
	unsigned i, n = 0;

	for (i = 0; i < r->nstreams; i++)
		n += r->streams[i].kind == SWIM_STREAM_PUSHPULL &&
		     ipport_cmp(&r->streams[i].to, &to) == 0;
	return n;
}

static void
few_are_told_when_groups_meet(void **state)
{
	struct state_buf b = {0};

	(void)state;
	/* It asked us before our own join was answered. */
	swim_join(r->s, r->now, at("10.1.0.1", PORT), 0);
	state_add(&b, "early", "10.5.0.1", 9, WIRE_S_ALIVE, "X");
	free(rig_ask(r, at("10.5.0.1", 40000), &b, true, NULL));
	assert_int_equal(r->nstreams, 1);
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
	state_add(&b, "far", "10.1.0.2", 3, WIRE_S_ALIVE, "X");
	rig_answer(r, 0, &b);
	assert_int_equal(r->nstreams, 2);
	assert_int_equal(asked_of("10.5.0.1"), 1);
	state_read(r->streams[1].msg, r->streams[1].len, &view);
	assert_int_equal(view.head.nodes, 4);
	/* Once: what is known is no news. */
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
	state_add(&b, "far", "10.1.0.2", 3, WIRE_S_ALIVE, "X");
	free(rig_ask(r, at("10.1.0.1", 40000), &b, false, NULL));
	assert_int_equal(r->nstreams, 2);
	/* The other way round, later: a group asks us. */
	r->now += BURST_GAP;
	state_add(&b, "new1", "10.6.0.1", 3, WIRE_S_ALIVE, "X");
	state_add(&b, "new2", "10.6.0.2", 3, WIRE_S_ALIVE, "X");
	free(rig_ask(r, at("10.6.0.1", 40000), &b, true, NULL));
	assert_int_equal(r->nstreams, 4);
	assert_int_equal(asked_of("10.6.0.1"), 0);
	/* Never heard: it may have been made up. */
	assert_int_equal(asked_of("10.1.0.2"), 0);
}

/* Two names that come and go as fast as somebody can send. */
static void
few_are_not_told_without_end(void **state)
{
	struct state_buf b = {0};
	unsigned i;

	(void)state;
	rig_populate(r, 8);
	for (i = 1; i <= 20; i++) {
		state_add(&b, "on", "10.6.0.1", i, WIRE_S_ALIVE, "X");
		state_add(&b, "off", "10.6.0.2", i, WIRE_S_ALIVE, "X");
		free(rig_ask(r, at("10.1.0.2", 40000), &b, false, NULL));
		feed_end(r, "on", "on", i);
		feed_end(r, "off", "off", i);
	}
	assert_int_equal(r->nstreams, 8);
	/* What came meanwhile is told together, and not to who is gone. */
	feed_end(r, "m3", "m3", 1);
	r->s->next_pushpull = NEVER;
	rig_run(r, BURST_GAP);
	assert_int_equal(r->nstreams, 8 + 7);
	rig_run(r, BURST_GAP);
	assert_int_equal(r->nstreams, 8 + 7);
}

static void
one_newcomer_or_many_others_cost_no_exchange(void **state)
{
	struct state_buf b = {0};

	(void)state;
	rig_populate(r, 8);
	state_add(&b, "new", "10.5.0.1", 9, WIRE_S_ALIVE, "X");
	free(rig_ask(r, at("10.5.0.1", 40000), &b, true, NULL));
	assert_int_equal(r->nstreams, 0);
	/* Now they are nine. */
	state_add(&b, "new1", "10.6.0.1", 3, WIRE_S_ALIVE, "X");
	state_add(&b, "new2", "10.6.0.2", 3, WIRE_S_ALIVE, "X");
	free(rig_ask(r, at("10.6.0.1", 40000), &b, true, NULL));
	assert_int_equal(r->nstreams, 0);
}

static void
a_look_is_not_seen_and_merges_nothing(void **state)
{
	struct state_buf b = {0};

	(void)state;
	swim_join(r->s, r->now, at("10.1.0.1", PORT), SWIM_JOIN_LOOK);
	state_read(r->streams[0].msg, r->streams[0].len, &view);
	assert_int_equal(view.head.nodes, 0);
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
	state_add(&b, "me", "10.0.0.1", 3, WIRE_S_ALIVE, "Xme");
	rig_answer(r, 0, &b);
	assert_true(r->join.ok);
	assert_true(r->join.listed);
	assert_int_equal(r->join.members, 2);
	assert_int_equal(r->s->t.n, 1);
	assert_int_equal(r->nevents, 0);
	assert_int_equal(swim_incarnation(r->s), 100);
	assert_int_equal(r->join.self_metalen, 3);
	assert_int_equal(r->nseen, 1);
	assert_string_equal(r->seen[0].name, "host");
	assert_int_equal(r->seen[0].metalen, 1);
	assert_int_equal(ipport_cmp(&r->seen[0].addr, at("10.1.0.1", PORT)), 0);
}

/* What no merge would take is not told; a join tells nothing of the kind. */
static void
a_look_sees_what_is_well_formed(void **state)
{
	static const uint8_t bad[6] = {1, 0, 0, 0, 0, 0}, good[6] = {1, 5, 2};
	uint8_t addr[4] = {10, 1, 0, 2};
	struct wire_node n = {.name = swim_str("bad"),
	    .addr = {addr, 4},
	    .vsn = {bad, 6},
	    .port = PORT};
	struct state_buf b = {0};

	(void)state;
	swim_join(r->s, r->now, at("10.1.0.1", PORT), SWIM_JOIN_LOOK);
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_SUSPECT, "X");
	state_add(&b, "dead", "10.1.0.3", 3, WIRE_S_DEAD, "");
	state_add_w(&b, &n); /* its versions */
	n.vsn.p = good;
	n.state = WIRE_S_LEFT + 1;
	state_add_w(&b, &n);
	n.state = WIRE_S_ALIVE;
	n.name = swim_str("a\nb");
	state_add_w(&b, &n);
	n.name = swim_str("bad");
	n.addr.len = 3;
	state_add_w(&b, &n);
	rig_answer(r, 0, &b);
	assert_int_equal(r->nseen, 2);
	assert_int_equal(r->seen[0].state, MEMBER_SUSPECT);
	assert_string_equal(r->seen[1].name, "dead");
	assert_int_equal(r->seen[1].state, MEMBER_DEAD);
	assert_int_equal(r->s->t.n, 1);
	swim_join(r->s, r->now, at("10.1.0.1", PORT), 0);
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
	rig_answer(r, 1, &b);
	assert_int_equal(r->nseen, 2);
}

/* Who had failed is back, which is not so of a newcomer, nor after a leave. */
static void
the_failed_come_back(void **state)
{
	(void)state;
	feed_alive(r, "peer", "10.1.0.7", 1);
	assert_false(rig_ev(r, SWIM_EV_JOIN)->back);
	r->nevents = 0;
	feed_end(r, "peer", "me", 1);
	feed_alive(r, "peer", "10.1.0.7", 2);
	assert_true(rig_ev(r, SWIM_EV_JOIN)->back);
	r->nevents = 0;
	feed_end(r, "peer", "peer", 2);
	feed_alive(r, "peer", "10.1.0.7", 3);
	assert_false(rig_ev(r, SWIM_EV_JOIN)->back);
}

static void
reaching_ourselves_is_detected(void **state)
{
	struct state_buf b = {0};

	(void)state;
	swim_join(r->s, r->now, at("127.0.0.1", PORT), 0);
	state_add(&b, "me", "10.0.0.1", 100, WIRE_S_ALIVE, "Xme");
	rig_answer(r, 0, &b);
	assert_true(r->join.only_self);
	assert_int_equal(r->join.learned, 0);
	/* By address too, however many there are. */
	swim_join(r->s, r->now, at("10.0.0.1", PORT), 0);
	state_add(&b, "me", "10.0.0.1", 100, WIRE_S_ALIVE, "Xme");
	state_add(&b, "m1", "10.1.0.1", 1, WIRE_S_ALIVE, "X");
	rig_answer(r, 1, &b);
	assert_true(r->join.only_self);
	assert_false(r->join.listed);
	assert_int_equal(r->s->t.n, 1);
}

static void
a_taken_name_is_no_join(void **state)
{
	struct state_buf b = {0};

	(void)state;
	swim_join(r->s, r->now, at("10.1.0.1", PORT), 0);
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
	state_add(&b, "me", "10.0.0.2", 3, WIRE_S_ALIVE, "Xme");
	rig_answer(r, 0, &b);
	assert_true(r->join.refused_name);
	assert_false(r->join.ok);
	assert_non_null(r->join.why);
	assert_int_equal(r->s->t.n, 1);
	/* One that left or died elsewhere does not hold it. */
	swim_join(r->s, r->now, at("10.1.0.1", PORT), 0);
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
	state_add(&b, "me", "10.0.0.2", 3, WIRE_S_LEFT, "Xme");
	rig_answer(r, 1, &b);
	assert_false(r->join.refused_name);
	assert_true(r->join.ok);
	assert_false(r->join.listed);
	/* Nor does it count that we were there once. */
	swim_join(r->s, r->now, at("10.1.0.1", PORT), SWIM_JOIN_LOOK);
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
	state_add(&b, "me", "10.0.0.1", 3, WIRE_S_DEAD, "Xme");
	rig_answer(r, r->nstreams - 1, &b);
	assert_true(r->join.ok);
	assert_false(r->join.listed);
}

/* The mesh of our namesake, seen from its other members and from itself. */
static void
add_namesakes_mesh(struct state_buf *b, enum wire_state state)
{
	state_add(b, "me", "10.0.0.2", 3, state, "Xme");
	state_add(b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
}

static void
alone_we_merge_no_mesh_of_a_namesake(void **state)
{
	struct state_buf b = {0};
	uint8_t *reply;
	size_t n;

	(void)state;
	add_namesakes_mesh(&b, WIRE_S_ALIVE);
	reply = rig_ask(r, at("10.0.0.2", 40000), &b, true, &view);
	assert_int_equal(view.head.nodes, 1);
	assert_non_null(state_find(&view, "me"));
	assert_int_equal(r->s->t.n, 1);
	assert_int_equal(rig_evs(r, SWIM_EV_SELF_CONFLICT), 1);
	assert_int_equal(rig_ev(r, SWIM_EV_SELF_CONFLICT)->addr.port, PORT);
	free(reply);
	/* Another one must not take our answer for a join. */
	add_namesakes_mesh(&b, WIRE_S_SUSPECT);
	assert_null(rig_try(r, at("10.1.0.1", 40000), &b, true, &n));
	assert_int_equal(r->s->t.n, 1);
	assert_int_equal(rig_evs(r, SWIM_EV_SELF_CONFLICT), 2);
	/* Nothing of it is told to anybody, by a leave for instance. */
	swim_leave(r->s, r->now);
	rig_run(r, 10 * SEC);
	assert_int_equal(r->nmsgs, 0);
}

static void
a_name_that_was_given_up_is_merged(void **state)
{
	struct state_buf b = {0};

	(void)state;
	add_namesakes_mesh(&b, WIRE_S_LEFT);
	free(rig_ask(r, at("10.1.0.1", 40000), &b, true, NULL));
	assert_int_equal(rig_state(r, "host"), MEMBER_ALIVE);
	assert_int_equal(rig_evs(r, SWIM_EV_SELF_CONFLICT), 0);
}

/* Whoever has a mesh of its own goes on exchanging with everybody. */
static void
a_member_merges_beside_a_namesake(void **state)
{
	struct state_buf b = {0};

	(void)state;
	rig_populate(r, 3);
	add_namesakes_mesh(&b, WIRE_S_ALIVE);
	free(rig_ask(r, at("10.1.0.1", 40000), &b, false, NULL));
	assert_non_null(rig_member(r, "host"));
	assert_int_equal(rig_evs(r, SWIM_EV_SELF_CONFLICT), 1);
}

static void
our_former_life_is_refuted(void **state)
{
	struct state_buf b = {0};
	struct ipport host = ip("10.1.0.1", PORT);

	(void)state;
	swim_join(r->s, r->now, &host, 0);
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
	state_add(&b, "me", "10.0.0.1", 777, WIRE_S_ALIVE, "Xme");
	rig_answer(r, 0, &b);
	assert_true(r->join.listed);
	assert_int_equal(swim_incarnation(r->s), 778);
	assert_true(rig_count_to(r, WIRE_ALIVE, &host) >= 1);
}

/* An answer that lists us as n; what the next join says is in view. */
static void
look_and_join(const struct wire_node *n)
{
	struct state_buf b = {0};

	swim_join(r->s, r->now, at("10.1.0.1", PORT), SWIM_JOIN_LOOK);
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
	state_add_w(&b, n);
	rig_answer(r, r->nstreams - 1, &b);
	swim_join(r->s, r->now, at("10.1.0.1", PORT), 0);
	state_read(r->streams[r->nstreams - 1].msg,
	    r->streams[r->nstreams - 1].len, &view);
}

static void
the_listed_form_of_our_address_is_adopted(void **state)
{
	uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1};
	static const uint8_t vsn[6] = {1, 5, 2, 0, 0, 0};
	struct wire_node n = {.name = swim_str("me"),
	    .addr = {mapped, 16},
	    .port = PORT,
	    .incarnation = 3,
	    .vsn = {vsn, 6}};

	(void)state;
	/* Gone by a leave, the others take any form, and have taken ours. */
	n.state = WIRE_S_LEFT;
	look_and_join(&n);
	assert_int_equal(view.node[0].addr.len, 4);
	n.state = WIRE_S_DEAD;
	look_and_join(&n);
	assert_int_equal(view.node[0].addr.len, 16);
	assert_memory_equal(view.node[0].addr.p, mapped, 16);
}

static void
failures_are_told(void **state)
{
	uint32_t id = swim_join(r->s, r->now, at("10.1.0.1", PORT), 0);
	uint8_t err[64], junk[] = {0x81, 0xc1};
	ssize_t n;

	(void)state;
	swim_stream_failed(r->s, r->now, id, "connection refused");
	assert_int_equal(r->njoins, 1);
	assert_false(r->join.ok);
	assert_string_equal(r->join.why, "connection refused");
	id = swim_join(r->s, r->now, at("10.1.0.1", PORT), 0);
	n = wire_put_err(err, sizeof(err), "no room");
	swim_stream_reply(r->s, r->now, id, err[0], err + 1, (size_t)n - 1);
	assert_string_equal(r->join.why, "the other side says: no room");
	id = swim_join(r->s, r->now, at("10.1.0.1", PORT), 0);
	swim_stream_reply(r->s, r->now, id, WIRE_PUSHPULL, junk, 2);
	assert_false(r->join.ok);
	id = swim_join(r->s, r->now, at("10.1.0.1", PORT), 0);
	swim_stream_reply(r->s, r->now, id, WIRE_PING, junk, 2);
	assert_int_equal(r->njoins, 4);
	assert_false(r->join.ok);
	/* A second end of the same stream is nothing. */
	swim_stream_failed(r->s, r->now, id, "again");
	assert_int_equal(r->njoins, 4);
}

/* The answer to a join cannot list us: make sure afterwards. */
static void
unlisted_we_ask_again(void **state)
{
	struct state_buf b = {0};

	(void)state;
	swim_join(r->s, r->now, at("10.1.0.1", PORT), 0);
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
	rig_answer(r, 0, &b);
	r->s->next_probe = r->s->next_pushpull = NEVER;
	rig_clear(r);
	rig_run(r, 14 * SEC);
	assert_int_equal(r->nstreams, 0);
	rig_run(r, SEC);
	assert_int_equal(r->nstreams, 1);
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
	state_add(&b, "me", "10.0.0.1", 100, WIRE_S_ALIVE, "Xme");
	rig_answer(r, 0, &b);
	rig_run(r, 100 * SEC);
	assert_int_equal(r->nstreams, 1);
}

/* 15 s, 30 s later again; then the usual exchange is as good. */
static void
unlisted_we_ask_less_and_less(void **state)
{
	struct state_buf b = {0};

	(void)state;
	swim_join(r->s, r->now, at("10.1.0.1", PORT), 0);
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
	rig_answer(r, 0, &b);
	r->s->next_probe = r->s->next_pushpull = NEVER;
	rig_clear(r);
	rig_run(r, 45 * SEC - 1);
	assert_int_equal(r->nstreams, 1);
	rig_run(r, 1);
	assert_int_equal(r->nstreams, 2);
	rig_run(r, 300 * SEC);
	assert_int_equal(r->nstreams, 2);
}

static void
a_ping_shows_that_we_are_listed(void **state)
{
	struct ipport from = ip("10.1.0.1", PORT);
	struct wire_ping p = {.seqno = 1, .node = swim_str("me")};
	struct state_buf b = {0};
	uint8_t buf[128];
	ssize_t n = wire_put_ping(buf, sizeof(buf), &p);

	(void)state;
	swim_join(r->s, r->now, &from, 0);
	state_add(&b, "host", "10.1.0.1", 3, WIRE_S_ALIVE, "X");
	rig_answer(r, 0, &b);
	r->s->next_probe = r->s->next_pushpull = NEVER;
	rig_clear(r);
	feed(r, &from, buf, n);
	rig_run(r, 100 * SEC);
	assert_int_equal(r->nstreams, 0);
}

static void
exchanges_come_once_a_minute_with_the_living(void **state)
{
	struct ipport m2 = ip("10.1.0.3", PORT);
	unsigned i;

	(void)state;
	rig_populate(r, 3);
	feed_end(r, "m1", "m2", 1);
	feed_end(r, "m3", "m3", 1);
	r->s->next_probe = NEVER;
	rig_clear(r);
	rig_run(r, 60 * SEC);
	assert_int_equal(r->nstreams, 1);
	rig_run(r, 120 * SEC);
	assert_int_equal(r->nstreams, 3);
	for (i = 0; i < 3; i++)
		assert_int_equal(ipport_cmp(&r->streams[i].to, &m2), 0);
	state_read(r->streams[0].msg, r->streams[0].len, &view);
	assert_false(view.head.join);
	assert_int_equal(view.head.nodes, 4);
}

static void
the_interval_grows_with_the_mesh(void **state)
{
	(void)state;
	r->s->t.n = 32;
	assert_int_equal(pushpull_interval(r->s), 60 * SEC);
	r->s->t.n = 33;
	assert_int_equal(pushpull_interval(r->s), 120 * SEC);
	r->s->t.n = 64;
	assert_int_equal(pushpull_interval(r->s), 120 * SEC);
	r->s->t.n = 65;
	assert_int_equal(pushpull_interval(r->s), 180 * SEC);
	r->s->t.n = 1024;
	assert_int_equal(pushpull_interval(r->s), 360 * SEC);
	r->s->t.n = 1;
}

static void
ours_get_everything_at_once(void **state)
{
	struct state_buf b = {0};
	uint8_t *reply;

	(void)state;
	rig_populate(r, 300);
	state_add(&b, "joiner", "10.5.0.1", 9, WIRE_S_ALIVE, "X");
	reply = rig_ask(r, at("10.5.0.1", 40000), &b, true, &view);
	assert_int_equal(view.head.nodes, 301);
	free(reply);
}

static void
an_original_gets_64_at_once(void **state)
{
	struct ipport joiner = ip("10.5.0.1", PORT);
	struct state_buf b = {0};
	unsigned known = 0, round;
	bool seen[201] = {false};
	uint8_t *reply;
	uint32_t i;
	int64_t last;
	char name[16], addr[24];

	(void)state;
	rig_populate(r, 200);
	r->s->next_probe = r->s->next_pushpull = NEVER;
	state_add(&b, "joiner", "10.5.0.1", 9, WIRE_S_ALIVE, "O");
	reply = rig_ask(r, at("10.5.0.1", 40000), &b, true, &view);
	/* All of it is new to the joiner, ourselves included. */
	assert_int_equal(view.head.nodes, 64);
	r->s->next_probe = r->s->next_pushpull = NEVER;
	for (round = 0; round < 10; round++) {
		for (i = 0; i < view.head.nodes; i++) {
			if (is_name(view.node[i].name, "me") ||
			    is_name(view.node[i].name, "joiner"))
				continue;
			snprintf(name, sizeof(name), "%.*s",
			    (int)view.node[i].name.len,
			    (const char *)view.node[i].name.p);
			assert_false(seen[atoi(name + 1)]);
			seen[atoi(name + 1)] = true;
			known++;
		}
		free(reply);
		reply = NULL;
		if (known == 200)
			break;
		/* Two seconds later we look, and send the next burst. */
		rig_clear(r);
		last = r->now;
		rig_run(r, 2 * SEC - 1);
		assert_int_equal(r->nstreams, 0);
		rig_run(r, 1);
		assert_int_equal(r->now - last, 2 * SEC);
		assert_int_equal(r->nstreams, 1);
		assert_int_equal(ipport_cmp(&r->streams[0].to, &joiner), 0);
		state_read(r->streams[0].msg, r->streams[0].len, &view);
		assert_int_equal(view.head.nodes, 0);
		state_add(&b, "joiner", "10.5.0.1", 9, WIRE_S_ALIVE, "O");
		state_add(&b, "me", "10.0.0.1", 100, WIRE_S_ALIVE, "Xme");
		for (i = 1; i <= 200; i++) {
			if (!seen[i])
				continue;
			snprintf(name, sizeof(name), "m%u", i);
			snprintf(addr, sizeof(addr), "10.1.%u.%u", i / 200,
			    i % 200 + 1);
			state_add(&b, name, addr, 1, WIRE_S_ALIVE, "X");
		}
		rig_answer(r, 0, &b);
		assert_int_equal(r->nstreams, 2);
		state_read(r->streams[1].msg, r->streams[1].len, &view);
		assert_in_range(view.head.nodes, 1, 65);
	}
	assert_int_equal(known, 200);
	/* 63 with the answer, then 63 or 64 at a time. */
	assert_int_equal(round, 3);
}

/* Bursts are two seconds apart, whoever begins the exchange. */
static void
an_original_is_not_fed_twice_at_once(void **state)
{
	struct ipport joiner = ip("10.5.0.1", PORT);
	struct state_buf b = {0};
	uint8_t *reply;
	unsigned i;

	(void)state;
	rig_populate(r, 200);
	r->s->next_probe = r->s->next_pushpull = NEVER;
	for (i = 0; i < 3; i++) {
		state_add(&b, "joiner", "10.5.0.1", 9, WIRE_S_ALIVE, "O");
		state_add(&b, "m1", "10.1.0.2", 1, WIRE_S_ALIVE, "X");
		reply = rig_ask(r, at("10.5.0.1", 40000), &b, i == 0, &view);
		assert_int_equal(view.head.nodes, i == 0 ? 65 : 3);
		assert_non_null(state_find(&view, "me"));
		assert_non_null(state_find(&view, "m1"));
		free(reply);
		rig_clear(r);
		pushpull_start(r->s, &joiner, USE_PERIODIC);
		assert_int_equal(r->nstreams, 0);
	}
	rig_run(r, 2 * SEC);
	assert_int_equal(r->nstreams, 1);
}

/* Its packets come from another address than it announces (a cloud's NAT). */
static void
ours_is_known_behind_another_address(void **state)
{
	struct state_buf b = {0};

	(void)state;
	rig_populate(r, 200);
	state_add(&b, "joiner", "203.0.113.5", 9, WIRE_S_ALIVE, "X");
	free(rig_ask(r, at("10.5.0.1", 40000), &b, true, &view));
	assert_int_equal(view.head.nodes, 201);
	/* With an original in it, it may be the sender. */
	state_add(&b, "joiner2", "203.0.113.6", 9, WIRE_S_ALIVE, "X");
	state_add(&b, "other", "203.0.113.7", 9, WIRE_S_ALIVE, "O");
	free(rig_ask(r, at("10.5.0.1", 40000), &b, true, &view));
	assert_int_equal(view.head.nodes, 64);
	/* One that is gone is not. */
	state_add(&b, "joiner3", "203.0.113.8", 9, WIRE_S_ALIVE, "X");
	state_add(&b, "gone", "203.0.113.7", 9, WIRE_S_LEFT, "O");
	free(rig_ask(r, at("10.5.0.1", 40000), &b, true, &view));
	assert_in_range(view.head.nodes, 202, 210);
	/* Somebody who lists only us has not said what it is. */
	state_add(&b, "me", "10.0.0.1", 9, WIRE_S_ALIVE, "X");
	free(rig_ask(r, at("10.5.0.1", 40000), &b, true, &view));
	assert_int_equal(view.head.nodes, 64);
}

/* One that takes nothing of it is not asked for ever. */
static void
feeding_stops_when_it_does_not_get_on(void **state)
{
	struct state_buf b = {0};
	unsigned looks;

	(void)state;
	rig_populate(r, 200);
	state_add(&b, "joiner", "10.5.0.1", 9, WIRE_S_ALIVE, "O");
	free(rig_ask(r, at("10.5.0.1", 40000), &b, true, NULL));
	r->s->next_probe = r->s->next_pushpull = NEVER;
	for (looks = 0; looks < 10; looks++) {
		rig_clear(r);
		rig_run(r, 2 * SEC);
		if (r->nstreams == 0)
			break;
		state_add(&b, "joiner", "10.5.0.1", 9, WIRE_S_ALIVE, "O");
		rig_answer(r, 0, &b);
	}
	assert_int_equal(looks, 2);
}

static void
what_an_original_knows_is_not_rationed(void **state)
{
	struct state_buf b = {0};
	uint8_t *reply;
	char name[16], addr[24];
	unsigned i;

	(void)state;
	rig_populate(r, 200);
	state_add(&b, "old", "10.5.0.1", 9, WIRE_S_ALIVE, "O");
	for (i = 1; i <= 190; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		snprintf(
		    addr, sizeof(addr), "10.1.%u.%u", i / 200, i % 200 + 1);
		state_add(&b, name, addr, 1, WIRE_S_ALIVE, "X");
	}
	reply = rig_ask(r, at("10.5.0.1", 40000), &b, false, &view);
	assert_int_equal(view.head.nodes, 201);
	assert_int_equal(count_m(&view), 200);
	rig_clear(r);
	free(reply);
	/* And nothing follows. */
	r->s->next_probe = r->s->next_pushpull = NEVER;
	rig_run(r, 3 * SEC);
	assert_int_equal(r->nstreams, 0);
}

/* One of ours and an original behind one address: who of them asks? */
static void
a_shared_address_is_an_originals(void **state)
{
	static const char *const metas[][2] = {{"X", "O"}, {"O", "X"}};
	struct state_buf b = {0};
	unsigned i;

	(void)state;
	rig_populate(r, 200);
	for (i = 0; i < 2; i++) {
		state_add(&b, "a", "10.5.0.1", 9, WIRE_S_ALIVE, metas[i][0]);
		state_add(&b, "b", "10.5.0.1", 9, WIRE_S_ALIVE, metas[i][1]);
		free(rig_ask(r, at("10.5.0.1", 40000), &b, false, &view));
		assert_in_range(view.head.nodes, 3, 66);
	}
}

/* A table that is too large for a stream is cut, and still framed well. */
static void
a_state_fits_into_a_stream(void **state)
{
	struct ipport from = ip("192.0.2.1", 1), a;
	struct state_buf b = {0};
	char name[16], addr[24], meta[513];
	struct pushpull_look look;
	struct via v = {.src = from};
	uint8_t *reply, *msg;
	size_t len, n;
	unsigned i;

	(void)state;
	memset(meta, 'X', 512);
	meta[512] = '\0';
	for (i = 0; i < 16383; i++) {
		struct wire_alive w;

		snprintf(name, sizeof(name), "b%u", i);
		snprintf(addr, sizeof(addr), "10.6.%u.%u", i / 200, i % 200);
		a = ip(addr, PORT);
		w = alive_of(name, &a, 1, meta);
		feed_alive_w(r, &from, &w);
		r->nevents = 0;
	}
	msg = state_finish(&b, false, &len);
	assert_int_equal(swim_stream_request(r->s, r->now, &from, msg[0],
			     msg + 1, len - 1, &reply, &n),
	    0);
	free(msg);
	assert_in_range(n, PUSHPULL_MAX - 4096, PUSHPULL_MAX + 4096);
	assert_int_equal(pushpull_scan(r->s, reply + 1, n - 1, &v, &look), 0);
	assert_true(look.self);
	assert_in_range(look.entries, 10000, 16383);
	free(reply);
}

static void
feeds_are_bounded(void **state)
{
	struct state_buf b = {0};
	char name[16], addr[24];
	unsigned i;

	(void)state;
	rig_populate(r, 200);
	r->s->next_probe = r->s->next_pushpull = NEVER;
	for (i = 0; i < FEEDS_MAX + 50; i++) {
		snprintf(name, sizeof(name), "o%u", i);
		snprintf(addr, sizeof(addr), "10.6.%u.%u", i / 200, i % 200);
		state_add(&b, name, addr, 1, WIRE_S_ALIVE, "O");
		free(rig_ask(r, at(addr, 40000), &b, true, NULL));
	}
	assert_int_equal(r->s->nfeeds, FEEDS_MAX);
	/* Whoever has left feeds nobody. */
	rig_clear(r);
	swim_leave(r->s, r->now);
	rig_run(r, 10 * SEC);
	assert_int_equal(r->nstreams, 0);
	assert_int_equal(r->s->nfeeds, 0);
}

/* What it holds differently is news to it as well. */
static void
what_an_original_holds_differently_is_rationed(void **state)
{
	struct state_buf b = {0};
	char name[16], addr[24];
	unsigned i;

	(void)state;
	rig_populate(r, 200);
	for (i = 1; i <= 200; i++)
		rig_member(r, (snprintf(name, sizeof(name), "m%u", i), name))
		    ->incarnation = 5;
	state_add(&b, "old", "10.5.0.1", 9, WIRE_S_ALIVE, "O");
	for (i = 1; i <= 200; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		snprintf(
		    addr, sizeof(addr), "10.1.%u.%u", i / 200, i % 200 + 1);
		/* 50 as we do, 50 with an older number, the others older, or
		 * dead. */
		state_add(&b, name, addr, i <= 50 ? 5 : 4,
		    i > 150 ? WIRE_S_DEAD : WIRE_S_ALIVE,
		    i <= 100 || i > 150 ? "X" : "other");
	}
	free(rig_ask(r, at("10.5.0.1", 40000), &b, false, &view));
	assert_int_equal(view.head.nodes, 1 + 100 + 63);
}

static void
a_user_message_is_read_and_nothing_else(void **state)
{
	struct ipport from = ip("10.5.0.1", 1);
	uint8_t msg[] = {0x80}, *reply;
	size_t len;

	(void)state;
	assert_int_equal(swim_stream_request(r->s, r->now, &from, WIRE_USER,
			     msg, 1, &reply, &len),
	    0);
	assert_null(reply);
	assert_int_equal(swim_stream_request(r->s, r->now, &from, WIRE_ALIVE,
			     msg, 1, &reply, &len),
	    -1);
	assert_null(reply);
}

static void
a_big_mesh_joins_a_stranger_with_64(void **state)
{
	struct state_buf b = {0};
	struct ipport to = ip("10.7.0.1", PORT);

	(void)state;
	rig_populate(r, 200);
	swim_join(r->s, r->now, &to, 0);
	state_read(r->streams[0].msg, r->streams[0].len, &view);
	assert_int_equal(view.head.nodes, 64);
	/* It turns out to be of ours: the rest at once. */
	state_add(&b, "host", "10.7.0.1", 9, WIRE_S_ALIVE, "X");
	rig_answer(r, 0, &b);
	assert_int_equal(r->nstreams, 2);
	state_read(r->streams[1].msg, r->streams[1].len, &view);
	assert_int_equal(view.head.nodes, 202);
}

static void
a_periodic_exchange_with_an_original_looks_first(void **state)
{
	struct ipport a = ip("10.5.0.1", PORT), from = ip("192.0.2.1", 1);
	struct wire_alive w = alive_of("old", &a, 1, "O");

	(void)state;
	rig_populate(r, 100);
	feed_alive_w(r, &from, &w);
	rig_clear(r);
	pushpull_start(r->s, &a, USE_PERIODIC);
	state_read(r->streams[0].msg, r->streams[0].len, &view);
	assert_int_equal(view.head.nodes, 0);
	/* In a small mesh there is nothing to fear. */
	rig_free(r);
	r = rig_new();
	rig_populate(r, 20);
	feed_alive_w(r, &from, &w);
	rig_clear(r);
	pushpull_start(r->s, &a, USE_PERIODIC);
	state_read(r->streams[0].msg, r->streams[0].len, &view);
	assert_int_equal(view.head.nodes, 22);
}

static void
after_a_leave_nothing_is_merged(void **state)
{
	struct state_buf b = {0};
	uint8_t *reply;

	(void)state;
	rig_populate(r, 2);
	swim_leave(r->s, r->now);
	rig_run(r, 10 * SEC);
	state_add(&b, "new", "10.5.0.1", 9, WIRE_S_ALIVE, "X");
	reply = rig_ask(r, at("10.5.0.1", 40000), &b, true, &view);
	assert_int_equal(state_find(&view, "me")->state, WIRE_S_LEFT);
	assert_null(rig_member(r, "new"));
	free(reply);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup_rig, teardown)

static unsigned
exchanges(void)
{
	unsigned i, n = 0;

	for (i = 0; i < r->nstreams; i++)
		n += r->streams[i].kind == SWIM_STREAM_PUSHPULL;
	return n;
}

/* So many at once are a mesh that was cut: one exchange when it is over, and
 * whoever goes on making up names gets no more of them. */
static void
many_who_return_are_exchanged_soon(void **state)
{
	char name[16];
	unsigned i;

	(void)state;
	r->crowded = true;
	rig_populate(r, 100);
	rig_run(r, 3 * SEC);
	assert_int_equal(exchanges(), 0);
	rig_run(r, 10 * SEC);
	assert_int_equal(exchanges(), 1);
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		feed_alive(r, name, "10.7.0.1", 1);
		rig_run(r, SEC / 3);
	}
	/* The usual ones among them. */
	assert_true(exchanges() <= 4);
}

/* A few are none. */
static void
few_who_return_are_not(void **state)
{
	int64_t before;

	(void)state;
	r->crowded = true;
	rig_populate(r, 100);
	rig_run(r, 30 * SEC);
	before = r->s->next_pushpull;
	feed_alive(r, "x1", "10.7.0.1", 1);
	feed_alive(r, "x2", "10.7.0.2", 1);
	assert_true(r->s->next_pushpull == before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(the_answer_is_older_than_the_merge),
	    T(one_stream_is_one_answer),
	    T(join_flag_is_echoed),
	    T(a_look_gets_the_full_state),
	    T(entries_are_written_as_they_are),
	    T(states_are_merged_by_kind),
	    T(one_bad_entry_does_not_spoil_the_rest),
	    T(user_state_is_stepped_over),
	    T(user_state_may_not_overlap_the_entries),
	    T(one_exchange_has_bounded_effects),
	    T(a_cut_state_has_no_effect),
	    T(accusations_in_a_request_are_refuted_to_the_asker),
	    T(a_join_sends_and_merges),
	    T(a_join_between_meshes_is_passed_on),
	    T(few_are_told_when_groups_meet),
	    T(few_are_not_told_without_end),
	    T(one_newcomer_or_many_others_cost_no_exchange),
	    T(a_look_is_not_seen_and_merges_nothing),
	    T(a_look_sees_what_is_well_formed),
	    T(the_failed_come_back),
	    T(reaching_ourselves_is_detected),
	    T(a_taken_name_is_no_join),
	    T(alone_we_merge_no_mesh_of_a_namesake),
	    T(a_name_that_was_given_up_is_merged),
	    T(a_member_merges_beside_a_namesake),
	    T(our_former_life_is_refuted),
	    T(the_listed_form_of_our_address_is_adopted),
	    T(failures_are_told),
	    T(unlisted_we_ask_again),
	    T(unlisted_we_ask_less_and_less),
	    T(a_ping_shows_that_we_are_listed),
	    T(exchanges_come_once_a_minute_with_the_living),
	    T(the_interval_grows_with_the_mesh),
	    T(ours_get_everything_at_once),
	    T(an_original_gets_64_at_once),
	    T(an_original_is_not_fed_twice_at_once),
	    T(ours_is_known_behind_another_address),
	    T(feeding_stops_when_it_does_not_get_on),
	    T(what_an_original_knows_is_not_rationed),
	    T(a_shared_address_is_an_originals),
	    T(a_state_fits_into_a_stream),
	    T(feeds_are_bounded),
	    T(what_an_original_holds_differently_is_rationed),
	    T(a_user_message_is_read_and_nothing_else),
	    T(a_big_mesh_joins_a_stranger_with_64),
	    T(a_periodic_exchange_with_an_original_looks_first),
	    T(many_who_return_are_exchanged_soon),
	    T(few_who_return_are_not),
	    T(after_a_leave_nothing_is_merged),
	};

	return cmocka_run_group_tests_name("pushpull", tests, NULL, NULL);
}
