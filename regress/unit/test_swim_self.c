/* What concerns ourselves: protocol.md section 5, "About ourselves",
 * "Incarnation", "Leave"; swim_announce of section 9. */
#include "each_rig.h"

static int
setup(void **state)
{
	(void)state;
	r = rig_new();
	rig_populate(r, 10);
	/* Only what the test asks for. */
	r->s->next_probe = r->s->next_pushpull = NEVER;
	return 0;
}

static struct ipport accuser;

static void
accuse(enum wire_type type, const char *from, uint32_t inc)
{
	accuser = ip("192.0.2.9", 1234);
	feed_accuse(r, type, "me", from, inc);
}

static void
alive_me(uint32_t inc, const char *addr, const char *meta)
{
	struct ipport a = ip(addr, PORT);
	struct wire_alive w = alive_of("me", &a, inc, meta);

	accuser = ip("192.0.2.9", 1234);
	feed_alive_w(r, &accuser, &w);
}

/* So many refutations later. */
static void
come_to(uint32_t inc)
{
	r->s->inc = r->s->self->incarnation = inc;
}

static void
accusations_are_refuted_at_once(void **state)
{
	static const enum wire_type types[] = {
	    WIRE_SUSPECT, WIRE_DEAD, WIRE_DEAD};
	static const char *const from[] = {"m1", "m1", "me"};
	unsigned i;

	(void)state;
	for (i = 0; i < 3; i++) {
		uint32_t inc = swim_incarnation(r->s) + 5;

		rig_clear(r);
		accuse(types[i], from[i], inc);
		assert_int_equal(swim_incarnation(r->s), inc + 1);
		assert_int_equal(rig_count_to(r, WIRE_ALIVE, &accuser), 1);
		/* To the accuser and to four others, now. */
		assert_int_equal(rig_count(r, WIRE_ALIVE), 5);
		assert_int_equal(
		    alive_in(rig_msg(r, WIRE_ALIVE, 0)).incarnation, inc + 1);
		/* Without a probe of ours in between our health suffers once. */
		assert_int_equal(swim_health(r->s), 1);
		assert_int_equal(rig_state(r, "me"), MEMBER_ALIVE);
		assert_int_equal(r->nevents, 0);
		rig_run(r, REFUTE_AGAIN);
	}
	/* To everybody, when it goes on like that. */
	rig_clear(r);
	accuse(WIRE_DEAD, "m1", swim_incarnation(r->s));
	rig_run(r, SEC);
	rig_clear(r);
	accuse(WIRE_DEAD, "m1", swim_incarnation(r->s));
	assert_int_equal(rig_count(r, WIRE_ALIVE), 5 + 10);
}

static void
an_unknown_accuser_is_refuted_too(void **state)
{
	(void)state;
	accuse(WIRE_SUSPECT, "ghost", 100);
	assert_int_equal(swim_incarnation(r->s), 101);
}

static void
lower_accusations_are_ignored(void **state)
{
	(void)state;
	accuse(WIRE_SUSPECT, "m1", 99);
	accuse(WIRE_DEAD, "m1", 99);
	accuse(WIRE_DEAD, "me", 99);
	alive_me(99, "10.0.0.1", "other");
	assert_int_equal(swim_incarnation(r->s), 100);
	assert_int_equal(r->nmsgs, 0);
	assert_int_equal(swim_queued(r->s), 0);
}

static void
a_greater_alive_is_refuted_even_if_equal(void **state)
{
	(void)state;
	alive_me(150, "10.0.0.1", "Xme");
	assert_int_equal(swim_incarnation(r->s), 151);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &accuser), 1);
}

static void
an_equal_alive_with_other_content_is_refuted(void **state)
{
	(void)state;
	alive_me(100, "10.0.0.1", "Xme");
	assert_int_equal(swim_incarnation(r->s), 100);
	alive_me(100, "10.0.0.1", "Xyou");
	assert_int_equal(swim_incarnation(r->s), 101);
}

static void
another_address_is_our_conflict(void **state)
{
	struct ipport a = ip("10.0.0.2", PORT);

	(void)state;
	alive_me(500, "10.0.0.2", "Xme");
	assert_int_equal(swim_incarnation(r->s), 100);
	assert_int_equal(r->nmsgs, 0);
	assert_int_equal(rig_evs(r, SWIM_EV_SELF_CONFLICT), 1);
	assert_int_equal(
	    ipport_cmp(&rig_ev(r, SWIM_EV_SELF_CONFLICT)->addr, &a), 0);
}

static void
one_burst_a_second(void **state)
{
	unsigned i, n;

	(void)state;
	accuse(WIRE_SUSPECT, "m1", 100);
	n = rig_count(r, WIRE_ALIVE);
	for (i = 0; i < 50; i++)
		accuse(WIRE_SUSPECT, "m1", 200 + i);
	assert_int_equal(rig_count(r, WIRE_ALIVE), n);
	assert_int_equal(swim_incarnation(r->s), 101);
	assert_int_equal(swim_counters(r->s)->refutations, 1);
	assert_int_equal(swim_counters(r->s)->limited, 50);
	rig_run(r, SEC);
	/* The greatest of them is answered then, by one burst. */
	assert_int_equal(swim_incarnation(r->s), 250);
	assert_int_equal(swim_counters(r->s)->refutations, 2);
}

static void
the_greatest_of_a_burst_is_answered(void **state)
{
	(void)state;
	accuse(WIRE_SUSPECT, "m1", 100);
	accuse(WIRE_SUSPECT, "m1", 300);
	accuse(WIRE_SUSPECT, "m1", 200);
	rig_run(r, SEC);
	assert_int_equal(swim_incarnation(r->s), 301);
	/* One that was overtaken meanwhile needs no answer. */
	rig_run(r, SEC);
	accuse(WIRE_SUSPECT, "m1", 301);
	accuse(WIRE_SUSPECT, "m1", 302);
	assert_int_equal(swim_incarnation(r->s), 302);
	swim_set_meta(r->s, r->now, (const uint8_t *)"Xnew", 4);
	swim_set_meta(r->s, r->now, (const uint8_t *)"Xnewer", 6);
	assert_int_equal(swim_incarnation(r->s), 304);
	rig_run(r, 5 * SEC);
	assert_int_equal(swim_incarnation(r->s), 304);
}

/* What we speak is part of what we say. */
static void
an_equal_alive_with_other_versions_is_refuted(void **state)
{
	static const uint8_t vsn[6] = {1, 4, 2, 0, 0, 0};
	struct ipport a = ip("10.0.0.1", PORT), from = ip("192.0.2.9", 1234);
	struct wire_alive w = alive_of("me", &a, 100, "Xme");

	(void)state;
	w.vsn.p = vsn;
	feed_alive_w(r, &from, &w);
	assert_int_equal(swim_incarnation(r->s), 101);
}

static void
hearsay_above_the_ceiling_about_us(void **state)
{
	(void)state;
	accuse(WIRE_SUSPECT, "m1", 0xF0000001u);
	accuse(WIRE_DEAD, "m1", 0xFFFFFFFFu);
	alive_me(0xF0000001u, "10.0.0.1", "Xme");
	assert_int_equal(swim_incarnation(r->s), 100);
	assert_int_equal(r->nmsgs, 0);
}

static void
just_below_the_ceiling_we_still_refute(void **state)
{
	(void)state;
	come_to(0xEFFFFFF0u);
	accuse(WIRE_SUSPECT, "m1", 0xEFFFFFFFu);
	assert_int_equal(swim_incarnation(r->s), 0xF0000000u);
	assert_int_equal(rig_state(r, "me"), MEMBER_ALIVE);
}

/* To be silent until all have forgotten us would be the accuser's gain. */
static void
at_the_ceiling_we_stay(void **state)
{
	unsigned i;

	(void)state;
	come_to(0xEFFFFFF0u);
	for (i = 0; i < 5; i++) {
		rig_clear(r);
		accuse(WIRE_SUSPECT, "m1", 0xF0000000u);
		assert_int_equal(swim_incarnation(r->s), 0xF0000000u);
		assert_int_equal(rig_state(r, "me"), MEMBER_ALIVE);
		assert_int_equal(rig_count_to(r, WIRE_ALIVE, &accuser), 1);
		assert_int_equal(rig_count(r, WIRE_DEAD), 0);
		rig_run(r, SEC);
	}
}

/* Up there only our own word counts: everybody hears it. */
static void
at_the_ceiling_changes_are_told_in_person(void **state)
{
	struct ipport to;
	unsigned i;

	(void)state;
	come_to(0xEFFFFFF0u);
	accuse(WIRE_SUSPECT, "m1", 0xF0000000u);
	rig_clear(r);
	swim_set_meta(r->s, r->now, (const uint8_t *)"Xnew", 4);
	assert_int_equal(swim_incarnation(r->s), 0xF0000000u);
	for (i = 0; i < r->s->t.n; i++) {
		if (r->s->t.list[i]->is_self)
			continue;
		member_ipport(r->s->t.list[i], &to);
		assert_int_equal(rig_count_to(r, WIRE_ALIVE, &to), 1);
	}
	assert_true(alive_in(rig_msg(r, WIRE_ALIVE, 0)).meta.len == 4);
}

static void
impossible_configurations(void **state)
{
	char name[300];
	struct swim_config cfg = {.profile = &swim_wan,
	    .ops = &rig_ops,
	    .arg = r,
	    .name = "me",
	    .addr = ip("10.0.0.1", PORT).ip,
	    .port = PORT,
	    .incarnation = 0xFFFFFFFFu,
	    .max_members = 10};
	struct swim *s = swim_new(&cfg, 0);

	(void)state;
	/* A saved incarnation beyond the ceiling is no reason not to start. */
	assert_non_null(s);
	assert_int_equal(swim_incarnation(s), 0xF0000000u);
	swim_free(s);
	cfg.addr.len = 0;
	assert_null(swim_new(&cfg, 0));
	cfg.addr.len = 4;
	cfg.port = 0;
	assert_null(swim_new(&cfg, 0));
	cfg.port = PORT;
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	cfg.name = name;
	assert_null(swim_new(&cfg, 0));
	name[255] = '\0';
	swim_free(s = swim_new(&cfg, 0));
	assert_non_null(s);
	cfg.metalen = 513;
	assert_null(swim_new(&cfg, 0));
}

static void
a_leave_tells_everybody(void **state)
{
	struct wire_accuse a;
	unsigned i;

	(void)state;
	swim_leave(r->s, r->now);
	for (i = 0; i < r->s->t.n; i++) {
		struct ipport to;

		if (r->s->t.list[i]->is_self)
			continue;
		member_ipport(r->s->t.list[i], &to);
		assert_true(rig_count_to(r, WIRE_DEAD, &to) >= 1);
	}
	a = accuse_in(rig_msg(r, WIRE_DEAD, 0));
	assert_true(is_name(a.node, "me"));
	assert_true(is_name(a.from, "me"));
	assert_int_equal(a.incarnation, 100);
	assert_int_equal(rig_evs(r, SWIM_EV_LEAVE_DONE), 0);
	rig_run(r, 2 * SEC);
	assert_int_equal(rig_evs(r, SWIM_EV_LEAVE_DONE), 1);
	/* 10 unicasts and 4 * ceil(log10(12)) transmissions. */
	assert_int_equal(rig_count(r, WIRE_DEAD), 18);
	assert_true(swim_deadline(r->s) == INT64_MAX);
}

/* The gone need no goodbye; and it ends even if nobody can be told. */
static void
a_leave_is_told_to_the_living_and_ends(void **state)
{
	struct ipport dead, left;

	(void)state;
	member_ipport(rig_member(r, "m1"), &dead);
	member_ipport(rig_member(r, "m2"), &left);
	feed_end(r, "m1", "m3", 1);
	feed_end(r, "m2", "m2", 1);
	bcast_clear(&r->s->queue);
	r->s->prof = &(const struct swim_profile){.gossip_interval = 100 * SEC,
	    .probe_interval = 5 * SEC,
	    .retransmit_mult = 4};
	rig_clear(r);
	swim_leave(r->s, r->now);
	assert_int_equal(rig_count(r, WIRE_DEAD), 8);
	assert_int_equal(rig_count_to(r, WIRE_DEAD, &dead), 0);
	assert_int_equal(rig_count_to(r, WIRE_DEAD, &left), 0);
	rig_run(r, 5 * SEC - 1);
	assert_int_equal(rig_evs(r, SWIM_EV_LEAVE_DONE), 0);
	rig_run(r, 1);
	assert_int_equal(rig_evs(r, SWIM_EV_LEAVE_DONE), 1);
	r->s->prof = &swim_wan;
}

/*
 * Whatever is heard while it leaves sets no time at which nothing is done: the
 * daemon would spin until it ends. rig_run() fails on a deadline that stays.
 */
static void
news_during_a_leave_sets_no_time_that_stays(void **state)
{
	char name[16], addr[16];
	unsigned i;

	(void)state;
	rig_populate(r, 12);
	for (i = 1; i <= 11; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		feed_end(r, name, name, 1);
	}
	bcast_clear(&r->s->queue);
	swim_leave(r->s, r->now);
	for (i = 1; i <= 11; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		snprintf(addr, sizeof(addr), "10.1.0.%u", i + 1);
		feed_alive(r, name, addr, 9);
	}
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	rig_run(r, 60 * SEC);
	assert_int_equal(rig_evs(r, SWIM_EV_LEAVE_DONE), 1);
}

/* Leaving for good while moving: the return is off. */
static void
a_leave_while_moving_is_for_good(void **state)
{
	struct ipaddr to = ip("10.0.0.77", 0).ip;
	unsigned late;

	(void)state;
	for (late = 0; late < 2; late++) {
		swim_set_addr(r->s, r->now, &to, 8000);
		if (late)
			while (r->s->mode == SWIM_LEAVING)
				rig_run(r, SEC / 10);
		rig_clear(r);
		swim_leave(r->s, r->now);
		rig_run(r, 20 * SEC);
		assert_int_equal(rig_evs(r, SWIM_EV_LEAVE_DONE), 1);
		assert_int_equal(rig_count(r, WIRE_ALIVE), 0);
		assert_int_equal(rig_state(r, "me"), MEMBER_LEFT);
		(void)teardown(state);
		(void)setup(state);
	}
}

static void
a_leave_alone_is_done_at_once(void **state)
{
	struct rig *one = rig_new();

	(void)state;
	swim_leave(one->s, one->now);
	assert_int_equal(rig_evs(one, SWIM_EV_LEAVE_DONE), 1);
	rig_free(one);
}

static void
a_leave_ends_with_the_last_dead_neighbour(void **state)
{
	struct rig *two = rig_new();

	(void)state;
	rig_populate(two, 1);
	feed_end(two, "m1", "me", 1);
	swim_leave(two->s, two->now);
	assert_int_equal(rig_evs(two, SWIM_EV_LEAVE_DONE), 1);
	rig_free(two);
}

static void
after_a_leave_only_pings_are_answered(void **state)
{
	struct ipport from = ip("192.0.2.1", 1);
	struct wire_ping p = {.seqno = 1, .node = swim_str("me")};
	uint8_t buf[128];
	ssize_t n = wire_put_ping(buf, sizeof(buf), &p);

	(void)state;
	swim_leave(r->s, r->now);
	accuse(WIRE_SUSPECT, "m1", 100);
	alive_me(500, "10.0.0.1", "Xme");
	rig_run(r, 5 * SEC);
	rig_clear(r);
	accuse(WIRE_SUSPECT, "m1", 100);
	accuse(WIRE_DEAD, "m1", 100);
	alive_me(500, "10.0.0.1", "Xme");
	feed_alive(r, "new", "10.2.0.1", 1);
	assert_null(rig_member(r, "new"));
	rig_run(r, 5 * SEC);
	assert_int_equal(r->nmsgs, 0);
	assert_int_equal(swim_incarnation(r->s), 100);
	assert_int_equal(rig_state(r, "me"), MEMBER_LEFT);
	feed(r, &from, buf, n);
	assert_int_equal(rig_count_to(r, WIRE_ACK, &from), 1);
}

/* A join was under way when we left: its answer starts no timer. */
static void
an_answer_after_a_leave_wakes_nobody(void **state)
{
	uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1};
	static const uint8_t vsn[6] = {1, 5, 2, 0, 0, 0};
	struct wire_node n = {.name = swim_str("me"),
	    .addr = {mapped, 16},
	    .port = PORT,
	    .incarnation = 3,
	    .vsn = {vsn, 6}};
	struct ipport to = ip("10.4.0.1", PORT);
	struct state_buf b = {0};

	(void)state;
	swim_join(r->s, r->now, &to, 0);
	swim_leave(r->s, r->now);
	rig_run(r, 10 * SEC);
	assert_int_equal(rig_evs(r, SWIM_EV_LEAVE_DONE), 1);
	state_add(&b, "host", "10.4.0.1", 3, WIRE_S_ALIVE, "X");
	state_add_w(&b, &n);
	rig_answer(r, 0, &b);
	assert_true(swim_deadline(r->s) == INT64_MAX);
}

static void
new_metadata_rises(void **state)
{
	struct wire_alive a;

	(void)state;
	swim_set_meta(r->s, r->now, (const uint8_t *)"Xnew", 4);
	assert_int_equal(swim_incarnation(r->s), 101);
	rig_run(r, SEC);
	a = alive_in(rig_msg(r, WIRE_ALIVE, 0));
	assert_int_equal(a.incarnation, 101);
	assert_true(is_name(a.meta, "Xnew"));
}

static void
a_new_address_leaves_and_returns(void **state)
{
	struct ipaddr to = ip("10.0.0.77", 0).ip;
	struct wire_alive a;

	(void)state;
	swim_set_addr(r->s, r->now, &to, 8000);
	assert_true(rig_count(r, WIRE_DEAD) >= 10);
	assert_int_equal(rig_count(r, WIRE_ALIVE), 0);
	rig_run(r, 5 * SEC);
	assert_int_equal(rig_evs(r, SWIM_EV_LEAVE_DONE), 0);
	assert_int_equal(swim_incarnation(r->s), 101);
	assert_true(rig_count(r, WIRE_ALIVE) >= 10);
	a = alive_in(rig_msg(r, WIRE_ALIVE, 0));
	assert_int_equal(a.port, 8000);
	assert_int_equal(a.addr.p[3], 77);
	rig_clear(r);
	swim_set_addr(r->s, r->now, &to, 8000);
	assert_int_equal(r->nmsgs, 0);
}

/* An alive about somebody, from whoever believes it. */
static void
feed_alive_from(const struct ipport *from, const char *name,
    const struct ipport *at, uint32_t inc)
{
	struct wire_alive w = alive_of(name, at, inc, "X");

	feed_alive_w(r, from, &w);
}

static struct ipport
self_addr(void)
{
	struct ipport at;

	member_ipport(r->s->self, &at);
	return at;
}

static void
move_to(const char *addr)
{
	struct ipaddr to = ip(addr, 0).ip;

	swim_set_addr(r->s, r->now, &to, PORT);
	rig_run(r, SWIM_MOVE_MAX);
	assert_int_equal(r->s->mode, SWIM_RUN);
	rig_clear(r);
	r->s->next_probe = r->s->next_pushpull = r->s->listed_at = NEVER;
	bcast_clear(&r->s->queue);
}

/* So that others may wait for it with the tunnel; and they are asked. */
static void
a_move_is_over_in_time(void **state)
{
	struct ipaddr to = ip("10.0.0.77", 0).ip;

	(void)state;
	rig_clear(r);
	swim_set_addr(r->s, r->now, &to, PORT);
	rig_run(r, MOVE_SILENCE - 1);
	assert_int_equal(rig_evs(r, SWIM_EV_RETURNED), 0);
	rig_run(r, SWIM_MOVE_MAX - MOVE_SILENCE + 1);
	assert_int_equal(rig_evs(r, SWIM_EV_RETURNED), 1);
	assert_int_equal(r->nstreams, RETURN_ASKED);
}

/* Cut off for long, everybody is dead to us, and we to them. */
static void
a_move_is_told_to_the_dead(void **state)
{
	struct ipaddr to = ip("10.0.0.77", 0).ip;
	struct ipport m1;

	(void)state;
	member_ipport(rig_member(r, "m1"), &m1);
	feed_end(r, "m1", "m2", 1);
	rig_clear(r);
	swim_set_addr(r->s, r->now, &to, PORT);
	assert_true(rig_count_to(r, WIRE_DEAD, &m1) > 0);
}

/* Who missed the leave has us at the old address: no other host's claim. */
static void
our_former_address_is_no_conflict(void **state)
{
	struct ipport m1, me = self_addr();

	(void)state;
	member_ipport(rig_member(r, "m1"), &m1);
	move_to("10.0.0.77");
	feed_alive_from(&m1, "me", &me, 100);
	assert_int_equal(rig_evs(r, SWIM_EV_SELF_CONFLICT), 0);
	assert_int_equal(rig_count_to(r, WIRE_DEAD, &m1), 1);
	assert_int_equal(accuse_in(rig_msg(r, WIRE_DEAD, 0)).incarnation, 100);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &m1), 0);
	/* Not more than once a second. */
	feed_alive_from(&m1, "me", &me, 100);
	assert_int_equal(rig_count_to(r, WIRE_DEAD, &m1), 1);
	rig_run(r, SEC);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &m1), 1);
	/* Another address is, and this one is after a while. */
	me.ip.b[3]++;
	feed_alive_from(&m1, "me", &me, 100);
	assert_int_equal(rig_evs(r, SWIM_EV_SELF_CONFLICT), 1);
	me.ip.b[3]--;
	r->now += FORMER_TIME;
	feed_alive_from(&m1, "me", &me, 100);
	assert_int_equal(rig_evs(r, SWIM_EV_SELF_CONFLICT), 2);
}

/* Only a leave that does not concern the address where we are now. */
static void
a_former_address_is_left_behind_us_only(void **state)
{
	struct ipport m1, me = self_addr();

	(void)state;
	member_ipport(rig_member(r, "m1"), &m1);
	move_to("10.0.0.77");
	feed_alive_from(&m1, "me", &me, swim_incarnation(r->s));
	feed_alive_from(&m1, "me", &me, 100000);
	assert_int_equal(rig_count(r, WIRE_DEAD), 0);
	assert_int_equal(rig_evs(r, SWIM_EV_SELF_CONFLICT), 0);
	feed_alive_from(&m1, "me", &me, 100);
	assert_int_equal(rig_count_to(r, WIRE_DEAD, &m1), 1);
}

/* The same, heard as we join: it is told, and joined a second time. */
static void
a_join_that_has_us_elsewhere(void **state)
{
	struct ipport to = ip("10.4.0.1", PORT);
	struct state_buf b = {0};
	char me[IPADDR_STRLEN];
	struct ipport was = self_addr();

	(void)state;
	ipaddr_str(&was.ip, me);
	move_to("10.0.0.77");
	swim_join(r->s, r->now, &to, 0);
	state_add(&b, "j1", "10.4.0.1", 1, WIRE_S_ALIVE, "X");
	state_add(&b, "me", me, 100, WIRE_S_ALIVE, "X");
	rig_answer(r, 0, &b);
	assert_false(r->join.ok);
	assert_false(r->join.refused_name);
	assert_int_equal(rig_count_to(r, WIRE_DEAD, &to), 1);
}

/* Learned by a join: n members, of which the last is an original if asked. */
static void
join_many(unsigned n, bool original)
{
	struct ipport to = ip("10.4.0.1", PORT);
	struct state_buf b = {0};
	char name[16], addr[24];
	unsigned i;

	rig_clear(r);
	swim_join(r->s, r->now, &to, 0);
	for (i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "j%u", i);
		snprintf(addr, sizeof(addr), "10.4.%u.%u", i / 250, i % 250);
		state_add(&b, name, addr, 1, WIRE_S_ALIVE,
		    original && i == n ? "O" : "X");
	}
	rig_answer(r, 0, &b);
	assert_true(r->join.ok);
	assert_int_equal(r->join.learned, n);
	assert_int_equal(rig_evs(r, SWIM_EV_JOIN), n);
	assert_true(rig_ev(r, SWIM_EV_JOIN)->joining);
	bcast_clear(&r->s->queue);
	rig_clear(r);
	r->s->next_probe = r->s->next_pushpull = r->s->listed_at = NEVER;
}

/* Packets that carry nothing but our alive, to members that we joined. */
static unsigned
announced(void)
{
	unsigned i, n = 0;

	for (i = 0; i < r->nmsgs; i++)
		n += r->msgs[i].type == WIRE_ALIVE &&
		     is_name(alive_in(&r->msgs[i]).node, "me") &&
		     r->msgs[i].to.ip.b[1] == 4;
	return n;
}

static void
announce_goes_to_the_learned_once(void **state)
{
	(void)state;
	join_many(20, false);
	swim_announce(r->s, r->now);
	assert_int_equal(announced(), 20);
	assert_int_equal(rig_count(r, WIRE_ALIVE), 20);
	assert_int_equal(alive_in(rig_msg(r, WIRE_ALIVE, 0)).incarnation, 100);
	bcast_clear(&r->s->queue);
	rig_clear(r);
	swim_announce(r->s, r->now);
	rig_run(r, 5 * SEC);
	assert_int_equal(announced(), 0);
}

/* Most know all by then: what is lacking is sent when the answer shows it. */
static void
the_exchange_behind_a_large_join_is_a_look(void **state)
{
	static struct state_view v;
	struct state_buf b = {0};
	unsigned before;

	(void)state;
	join_many(100, false);
	r->s->next_pushpull = r->now + SEC;
	rig_run(r, SEC);
	assert_int_equal(r->nstreams, 1);
	state_read(r->streams[0].msg, r->streams[0].len, &v);
	assert_int_equal(v.head.nodes, 0);
	/* It knows two, and one of them is news: the rest goes there, and there
	 * is another exchange soon. */
	state_add(&b, "j1", "10.4.0.1", 1, WIRE_S_ALIVE, "X");
	state_add(&b, "k1", "10.5.0.1", 1, WIRE_S_ALIVE, "X");
	before = r->nstreams;
	rig_answer(r, 0, &b);
	assert_int_equal(r->nstreams, before + 1);
	state_read(r->streams[before].msg, r->streams[before].len, &v);
	assert_true(v.head.nodes > 100);
	assert_in_range(
	    r->s->next_pushpull, r->now + 4 * SEC, r->now + 5 * SEC);
}

static void
announce_of_ours_in_portions(void **state)
{
	(void)state;
	join_many(600, false);
	swim_announce(r->s, r->now);
	bcast_clear(&r->s->queue);
	assert_int_equal(announced(), 256);
	rig_run(r, SEC / 4 - 1);
	assert_int_equal(announced(), 256);
	rig_run(r, 1);
	assert_int_equal(announced(), 512);
	rig_run(r, SEC / 4);
	assert_int_equal(announced(), 600);
	assert_true(swim_deadline(r->s) == INT64_MAX);
}

static void
announce_among_originals_in_small_ones(void **state)
{
	(void)state;
	join_many(150, true);
	swim_announce(r->s, r->now);
	bcast_clear(&r->s->queue);
	assert_int_equal(announced(), 64);
	rig_run(r, 2 * SEC - 1);
	assert_int_equal(announced(), 64);
	rig_run(r, 1);
	assert_int_equal(announced(), 128);
	rig_run(r, 2 * SEC);
	assert_int_equal(announced(), 150);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(accusations_are_refuted_at_once),
	    T(an_unknown_accuser_is_refuted_too),
	    T(lower_accusations_are_ignored),
	    T(a_greater_alive_is_refuted_even_if_equal),
	    T(an_equal_alive_with_other_content_is_refuted),
	    T(another_address_is_our_conflict),
	    T(one_burst_a_second),
	    T(the_greatest_of_a_burst_is_answered),
	    T(an_equal_alive_with_other_versions_is_refuted),
	    T(hearsay_above_the_ceiling_about_us),
	    T(just_below_the_ceiling_we_still_refute),
	    T(at_the_ceiling_we_stay),
	    T(at_the_ceiling_changes_are_told_in_person),
	    T(impossible_configurations),
	    T(a_leave_tells_everybody),
	    T(a_leave_is_told_to_the_living_and_ends),
	    T(news_during_a_leave_sets_no_time_that_stays),
	    T(a_leave_while_moving_is_for_good),
	    T(a_leave_alone_is_done_at_once),
	    T(a_leave_ends_with_the_last_dead_neighbour),
	    T(after_a_leave_only_pings_are_answered),
	    T(an_answer_after_a_leave_wakes_nobody),
	    T(new_metadata_rises),
	    T(a_new_address_leaves_and_returns),
	    T(a_move_is_over_in_time),
	    T(a_move_is_told_to_the_dead),
	    T(our_former_address_is_no_conflict),
	    T(a_former_address_is_left_behind_us_only),
	    T(a_join_that_has_us_elsewhere),
	    T(announce_goes_to_the_learned_once),
	    T(announce_of_ours_in_portions),
	    T(the_exchange_behind_a_large_join_is_a_look),
	    T(announce_among_originals_in_small_ones),
	};

	return cmocka_run_group_tests_name("self", tests, NULL, NULL);
}
