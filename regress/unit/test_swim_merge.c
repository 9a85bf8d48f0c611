/* What is said about others: protocol.md section 5, "Suspicion", "Precedence",
 * "dead with Node = From"; section 4 for entries that are no good. */
#include "each_rig.h"

static int
setup(void **state)
{
	(void)state;
	r = rig_new();
	rig_populate(r, 10);
	return 0;
}

/* Nobody answers here: only the time of a suspicion is of interest. */
static void
no_probes(void)
{
	r->s->next_probe = r->s->next_pushpull = NEVER;
}

static void
alive_inserts_and_is_passed_on(void **state)
{
	const struct rig_event *e;

	(void)state;
	feed_alive(r, "new", "10.2.0.1", 7);
	e = rig_ev(r, SWIM_EV_JOIN);
	assert_non_null(e);
	assert_string_equal(e->name, "new");
	assert_false(e->direct);
	assert_false(e->joining);
	assert_true(rig_member(r, "new")->ours);
	assert_int_equal(swim_queued(r->s), 1);
	rig_run(r, SEC);
	assert_int_equal(alive_in(rig_msg(r, WIRE_ALIVE, 0)).incarnation, 7);
}

static void
alive_needs_a_greater_incarnation(void **state)
{
	(void)state;
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 1);
	feed_alive(r, "m1", "10.1.0.2", 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
	feed_alive(r, "m1", "10.1.0.2", 2);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	assert_int_equal(rig_evs(r, SWIM_EV_REFUTED), 1);
	assert_int_equal(rig_evs(r, SWIM_EV_UPDATE), 0);
	assert_null(rig_member(r, "m1")->suspicion);
}

static void
new_metadata_is_an_update(void **state)
{
	struct ipport a = ip("10.1.0.2", PORT);
	struct wire_alive w = alive_of("m1", &a, 2, "original");

	(void)state;
	feed_alive_w(r, &a, &w);
	assert_int_equal(rig_evs(r, SWIM_EV_UPDATE), 1);
	assert_false(rig_member(r, "m1")->ours);
	assert_int_equal(rig_member(r, "m1")->metalen, 8);
	w.meta.len = 0;
	w.incarnation = 3;
	feed_alive_w(r, &a, &w);
	assert_int_equal(rig_evs(r, SWIM_EV_UPDATE), 2);
	assert_null(member_meta(rig_member(r, "m1")));
}

static void
a_newer_incarnation_by_hearsay_is_silent(void **state)
{
	(void)state;
	feed_alive(r, "m1", "10.1.0.2", 5);
	assert_int_equal(rig_member(r, "m1")->incarnation, 5);
	assert_int_equal(r->nevents, 0);
}

static void
a_direct_alive_is_told_once(void **state)
{
	struct ipport a = ip("10.1.0.2", PORT);
	struct wire_alive w = alive_of("m1", &a, 1, "X");

	(void)state;
	feed_alive_w(r, &a, &w);
	assert_int_equal(rig_evs(r, SWIM_EV_UPDATE), 1);
	assert_true(rig_ev(r, SWIM_EV_UPDATE)->direct);
	assert_false(rig_ev(r, SWIM_EV_UPDATE)->pushpull);
	feed_alive_w(r, &a, &w);
	assert_int_equal(rig_evs(r, SWIM_EV_UPDATE), 1);
	w.incarnation = 2;
	feed_alive_w(r, &a, &w);
	assert_int_equal(rig_evs(r, SWIM_EV_UPDATE), 2);
	feed_alive_w(r, &a, &w);
	assert_int_equal(rig_evs(r, SWIM_EV_UPDATE), 2);
}

/* What others made up at its incarnation it has not said by saying its own. */
static void
a_direct_alive_stands_for_itself(void **state)
{
	struct ipport a = ip("10.1.0.2", PORT), by = ip("10.1.0.3", PORT);
	struct wire_alive forged = alive_of("m1", &a, 2, "Xforged");
	struct wire_alive own = alive_of("m1", &a, 2, "X");

	(void)state;
	feed_alive_w(r, &by, &forged);
	rig_run(r, 3 * SEC);
	assert_int_equal(rig_evs(r, SWIM_EV_UPDATE), 1);
	assert_int_equal(rig_member(r, "m1")->metalen, 7);
	feed_alive_w(r, &a, &own);
	assert_int_equal(rig_evs(r, SWIM_EV_UPDATE), 1);
	/* Its refutation. */
	own.incarnation = 3;
	feed_alive_w(r, &a, &own);
	assert_int_equal(rig_evs(r, SWIM_EV_UPDATE), 2);
	assert_int_equal(rig_member(r, "m1")->metalen, 1);
}

static void
direct_needs_address_and_port(void **state)
{
	struct ipport a = ip("10.1.0.2", PORT), near = ip("10.1.0.2", 1);
	struct wire_alive w = alive_of("m1", &a, 1, "X");

	(void)state;
	feed_alive_w(r, &near, &w);
	assert_int_equal(r->nevents, 0);
	a = ip("10.2.0.1", PORT);
	w = alive_of("new", &a, 1, "X");
	feed_alive_w(r, &a, &w);
	assert_true(rig_ev(r, SWIM_EV_JOIN)->direct);
}

static void
suspect_of_equal_incarnation_counts(void **state)
{
	struct wire_accuse a;

	(void)state;
	feed_alive(r, "m1", "10.1.0.2", 5);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 4);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 5);
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
	assert_int_equal(rig_evs(r, SWIM_EV_SUSPECT), 1);
	rig_run(r, SEC);
	a = accuse_in(rig_msg(r, WIRE_SUSPECT, 0));
	assert_true(is_name(a.from, "m2"));
}

static void
suspect_does_not_wake_the_dead(void **state)
{
	(void)state;
	feed_end(r, "m1", "m2", 1);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 9);
	assert_int_equal(rig_state(r, "m1"), MEMBER_DEAD);
	assert_int_equal(rig_member(r, "m1")->incarnation, 1);
}

static void
unknown_names_insert_nothing(void **state)
{
	(void)state;
	feed_accuse(r, WIRE_SUSPECT, "ghost", "m2", 1);
	feed_accuse(r, WIRE_DEAD, "ghost", "m2", 1);
	feed_accuse(r, WIRE_DEAD, "ghost", "ghost", 1);
	assert_null(rig_member(r, "ghost"));
	assert_int_equal(r->nevents, 0);
	assert_int_equal(swim_queued(r->s), 0);
}

static void
accusers_must_be_in_good_standing(void **state)
{
	(void)state;
	feed_end(r, "m3", "m2", 1);
	feed_end(r, "m4", "m4", 1);
	feed_accuse(r, WIRE_SUSPECT, "m1", "ghost", 1);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m3", 1);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m4", 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m5", 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
	feed_accuse(r, WIRE_SUSPECT, "m1", "ghost", 1);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m3", 1);
	assert_int_equal(rig_member(r, "m1")->suspicion->c, 0);
}

static void
confirmations_shorten_and_spread(void **state)
{
	int64_t start = r->now;
	unsigned sent;

	(void)state;
	no_probes();
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 1);
	/* n = 11: min = 6 * log10(11) * 5 s, max = 6 * min, k = 4. */
	assert_in_range(rig_member(r, "m1")->suspicion->deadline - start,
	    187 * SEC, 188 * SEC);
	rig_run(r, 20 * SEC);
	assert_int_equal(swim_queued(r->s), 0);
	rig_clear(r);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 1);
	assert_int_equal(swim_queued(r->s), 0);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m3", 1);
	assert_int_equal(swim_queued(r->s), 1);
	rig_run(r, 20 * SEC);
	sent = rig_count(r, WIRE_SUSPECT);
	assert_int_equal(sent, 8);
	assert_true(is_name(accuse_in(rig_msg(r, WIRE_SUSPECT, 0)).from, "m3"));
	feed_accuse(r, WIRE_SUSPECT, "m1", "m3", 1);
	assert_int_equal(swim_queued(r->s), 0);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m4", 1);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m5", 1);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m6", 1);
	assert_true(
	    rig_member(r, "m1")->suspicion == NULL ||
	    rig_member(r, "m1")->suspicion->deadline - start < 32 * SEC);
}

static void
an_unrefuted_suspicion_is_death(void **state)
{
	struct wire_accuse a;

	(void)state;
	no_probes();
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 1);
	rig_run(r, 187 * SEC);
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
	rig_clear(r);
	rig_run(r, 2 * SEC);
	assert_int_equal(rig_state(r, "m1"), MEMBER_DEAD);
	assert_int_equal(rig_evs(r, SWIM_EV_FAILED), 1);
	a = accuse_in(rig_msg(r, WIRE_DEAD, 0));
	assert_true(is_name(a.from, "me"));
}

/* n - 2 < k: the minimum applies. */
static void
few_members_have_no_confirmations(void **state)
{
	struct rig *three = rig_new();
	struct rig *keep = r;

	(void)state;
	rig_populate(three, 2);
	r = three;
	no_probes();
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 1);
	rig_run(r, 30 * SEC - 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
	rig_run(r, 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_DEAD);
	r = keep;
	rig_free(three);
}

static void
dead_of_equal_incarnation_kills(void **state)
{
	(void)state;
	feed_alive(r, "m1", "10.1.0.2", 5);
	feed_end(r, "m1", "m2", 4);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	feed_end(r, "m1", "m2", 5);
	assert_int_equal(rig_state(r, "m1"), MEMBER_DEAD);
	feed_alive(r, "m1", "10.1.0.2", 5);
	assert_int_equal(rig_state(r, "m1"), MEMBER_DEAD);
	rig_clear(r);
	feed_alive(r, "m1", "10.1.0.2", 6);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	assert_int_equal(rig_evs(r, SWIM_EV_JOIN), 1);
}

static void
the_dead_die_once(void **state)
{
	(void)state;
	feed_end(r, "m1", "m2", 1);
	feed_end(r, "m3", "m3", 1);
	bcast_clear(&r->s->queue);
	rig_clear(r);
	feed_end(r, "m1", "m4", 9);
	feed_end(r, "m3", "m4", 9);
	feed_end(r, "m3", "m3", 9);
	assert_int_equal(rig_state(r, "m1"), MEMBER_DEAD);
	assert_int_equal(rig_state(r, "m3"), MEMBER_LEFT);
	assert_int_equal(rig_member(r, "m1")->incarnation, 1);
	assert_int_equal(r->nevents, 0);
	assert_int_equal(swim_queued(r->s), 0);
}

/* Who has a member where it was before is told, as it would not believe the
 * new address; it is no other host's claim. */
static void
a_former_address_is_no_conflict(void **state)
{
	struct ipport from = ip("10.1.0.9", PORT), at = ip("10.1.0.2", PORT);
	struct wire_alive w = alive_of("m1", &at, 2, "X");
	struct ipport was;

	(void)state;
	member_ipport(rig_member(r, "m1"), &was);
	w.addr = (struct slice){was.ip.b, was.ip.len};
	feed_end(r, "m1", "m1", 2);
	feed_alive(r, "m1", "10.1.9.9", 3);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	rig_run(r, 5 * SEC);
	bcast_clear(&r->s->queue);
	rig_clear(r);
	feed_alive_w(r, &from, &w);
	feed_alive_w(r, &from, &w);
	assert_int_equal(rig_evs(r, SWIM_EV_CONFLICT), 0);
	assert_int_equal(rig_count_to(r, WIRE_DEAD, &from), 1);
	assert_int_equal(accuse_in(rig_msg(r, WIRE_DEAD, 0)).incarnation, 2);
	assert_int_equal(swim_queued(r->s), 0);
	rig_run(r, SEC);
	assert_true(rig_count(r, WIRE_ALIVE) > 0 || swim_queued(r->s) > 0);
	/* A greater incarnation there was never said by it. */
	w.incarnation = 3;
	feed_alive_w(r, &from, &w);
	assert_int_equal(rig_evs(r, SWIM_EV_CONFLICT), 1);
	/* Nor is it believed for ever. */
	w.incarnation = 2;
	r->now += FORMER_TIME;
	feed_alive_w(r, &from, &w);
	assert_int_equal(rig_evs(r, SWIM_EV_CONFLICT), 2);
}

/* A member of the original starts at 1 wherever it is: the leave that its old
 * address deserves would be believed of the new one. */
static void
a_leave_is_not_told_of_who_began_anew(void **state)
{
	struct ipport from = ip("10.1.0.9", PORT), was;
	struct wire_alive w;

	(void)state;
	member_ipport(rig_member(r, "m1"), &was);
	w = alive_of("m1", &was, 2, "X");
	feed_end(r, "m1", "m1", 2);
	feed_alive(r, "m1", "10.1.9.9", 1);
	feed_alive(r, "m1", "10.1.9.9", 2);
	rig_run(r, 5 * SEC);
	rig_clear(r);
	feed_alive_w(r, &from, &w);
	assert_int_equal(rig_evs(r, SWIM_EV_CONFLICT), 0);
	assert_int_equal(rig_count_to(r, WIRE_DEAD, &from), 0);
	feed_alive(r, "m1", "10.1.9.9", 3);
	feed_alive_w(r, &from, &w);
	assert_int_equal(rig_count_to(r, WIRE_DEAD, &from), 1);
}

/* It was cut off, and is on its way to another address. */
static void
the_dead_may_leave(void **state)
{
	(void)state;
	evict_answered(r->s, rig_member(r, "m1"));
	feed_end(r, "m1", "m2", 2);
	feed_alive(r, "m1", "10.1.9.9", 5);
	feed_end(r, "m1", "m1", 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_DEAD);
	rig_clear(r);
	feed_end(r, "m1", "m1", 2);
	assert_int_equal(rig_state(r, "m1"), MEMBER_LEFT);
	assert_int_equal(rig_evs(r, SWIM_EV_LEFT), 1);
	feed_alive(r, "m1", "10.1.9.9", 3);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
}

static void
dead_by_itself_is_a_leave(void **state)
{
	(void)state;
	feed_end(r, "m1", "m1", 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_LEFT);
	assert_int_equal(rig_evs(r, SWIM_EV_LEFT), 1);
	assert_int_equal(rig_evs(r, SWIM_EV_FAILED), 0);
}

/* A death counts whoever says so, but no name that is none is relayed. */
static void
accusers_without_a_name_are_not_relayed(void **state)
{
	char names[][1200] = {"", "new\nline", ""};
	struct wire_accuse a;
	char who[8];
	unsigned i;

	(void)state;
	no_probes();
	memset(names[2], 'n', sizeof(names[2]) - 1);
	for (i = 0; i < 3; i++) {
		struct wire_accuse w = {.incarnation = 1};
		struct ipport src;
		uint8_t buf[2048];

		snprintf(who, sizeof(who), "m%u", i + 1);
		w.node = swim_str(who);
		w.from = swim_str(names[i]);
		rig_clear(r);
		member_ipport(rig_member(r, who), &src);
		feed(r, &src, buf,
		    wire_put_accuse(buf, sizeof(buf), WIRE_DEAD, &w));
		assert_int_equal(rig_state(r, who), MEMBER_DEAD);
		rig_run(r, 20 * SEC);
		a = accuse_in(rig_msg(r, WIRE_DEAD, 0));
		assert_true(is_name(a.node, who));
		assert_true(is_name(a.from, "me"));
	}
}

static void
another_address_is_a_conflict(void **state)
{
	struct ipport other = ip("10.9.9.9", PORT);

	(void)state;
	feed_alive(r, "m1", "10.9.9.9", 99);
	assert_int_equal(rig_member(r, "m1")->incarnation, 1);
	assert_int_equal(rig_evs(r, SWIM_EV_CONFLICT), 1);
	assert_int_equal(
	    ipport_cmp(&rig_ev(r, SWIM_EV_CONFLICT)->addr, &other), 0);
	evict_answered(r->s, rig_member(r, "m1"));
	feed_end(r, "m1", "m2", 1);
	feed_alive(r, "m1", "10.9.9.9", 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_DEAD);
	assert_int_equal(rig_evs(r, SWIM_EV_CONFLICT), 2);
}

static void
a_name_that_left_may_move(void **state)
{
	struct ipport a;

	(void)state;
	feed_alive(r, "m1", "10.1.0.2", 50);
	feed_end(r, "m1", "m1", 50);
	/* The same address only above, another one at any incarnation. */
	feed_alive(r, "m1", "10.1.0.2", 50);
	assert_int_equal(rig_state(r, "m1"), MEMBER_LEFT);
	evict_answered(r->s, rig_member(r, "m1"));
	feed_alive(r, "m1", "10.9.9.9", 3);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	member_ipport(rig_member(r, "m1"), &a);
	assert_int_equal(a.ip.b[1], 9);
	assert_int_equal(rig_member(r, "m1")->incarnation, 3);
	/* It has not answered there: nothing is primed towards it yet. */
	assert_false(rig_member(r, "m1")->answered);
}

static void
the_other_form_of_an_address_is_the_same(void **state)
{
	struct ipport a = ip("10.1.0.2", PORT), from = ip("192.0.2.1", 1);
	struct wire_alive w = alive_of("m1", &a, 2, "X");
	uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, 10, 1, 0, 2};

	(void)state;
	w.addr.p = mapped;
	w.addr.len = 16;
	feed_alive_w(r, &from, &w);
	assert_int_equal(r->nevents, 0);
	assert_int_equal(rig_member(r, "m1")->incarnation, 2);
	/* It is relayed as it came. */
	rig_run(r, SEC);
	w = alive_in(rig_msg(r, WIRE_ALIVE, 0));
	assert_int_equal(w.addr.len, 16);
	assert_memory_equal(w.addr.p, mapped, 16);
}

static void
port_0_means_the_cluster_port(void **state)
{
	struct ipport a = ip("10.2.0.1", 0), from = ip("192.0.2.1", 1), got;
	struct wire_alive w = alive_of("zero", &a, 2, "X");

	(void)state;
	feed_alive_w(r, &from, &w);
	member_ipport(rig_member(r, "zero"), &got);
	assert_int_equal(got.port, PORT);
	rig_run(r, SEC);
	assert_int_equal(alive_in(rig_msg(r, WIRE_ALIVE, 0)).port, 0);
}

static void
poisonous_versions_are_dropped(void **state)
{
	static const uint8_t bad[][6] = {{0, 5, 2, 0, 0, 0}, {3, 5, 4, 0, 0, 0},
	    {1, 1, 1, 0, 0, 0}, {2, 5, 1, 0, 0, 0}, {1, 5, 6, 0, 0, 0},
	    {1, 5, 2, 1, 1, 0}, {1, 5, 2, 0, 0, 1},
	    /* Versions that nobody speaks by default. */
	    {1, 5, 1, 0, 0, 0}, {1, 5, 3, 0, 0, 0}};
	static const uint8_t good[][6] = {
	    {1, 2, 2, 0, 0, 0}, {2, 9, 2, 0, 4, 0}, {1, 5, 2, 0, 0, 0}};
	struct ipport a = ip("10.2.0.1", PORT), from = ip("192.0.2.1", 1);
	struct wire_alive w = alive_of("v", &a, 2, "X");
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bad) / 6; i++) {
		w.vsn.p = bad[i];
		feed_alive_w(r, &from, &w);
		assert_int_equal(swim_counters(r->s)->bad_vsn, i + 1);
	}
	for (w.vsn.len = 0; w.vsn.len < 6; w.vsn.len++)
		feed_alive_w(r, &from, &w);
	assert_null(rig_member(r, "v"));
	w.vsn.len = 6;
	for (i = 0; i < sizeof(good) / 6; i++) {
		w.vsn.p = good[i];
		w.incarnation++;
		feed_alive_w(r, &from, &w);
		assert_memory_equal(
		    member_card(rig_member(r, "v"))->vsn, good[i], 6);
	}
}

static void
unusable_entries_are_dropped(void **state)
{
	struct ipport a = ip("10.2.0.1", PORT), from = ip("192.0.2.1", 1);
	struct wire_alive good = alive_of("g", &a, 2, "X"), w;
	uint8_t name[300], big[600], any[16] = {0};
	unsigned before = r->s->t.n;
	size_t len;

	(void)state;
	memset(name, 'n', sizeof(name));
	memset(big, 'X', sizeof(big));
	for (len = 0; len <= 18; len++) {
		if (len == 4 || len == 16)
			continue;
		w = good;
		w.addr.p = big;
		w.addr.len = len;
		feed_alive_w(r, &from, &w);
	}
	w = good;
	w.addr.p = any;
	w.addr.len = 16;
	feed_alive_w(r, &from, &w);
	w.addr.len = 4;
	feed_alive_w(r, &from, &w);
	w = good;
	any[0] = 224;
	w.addr.p = any;
	w.addr.len = 4;
	feed_alive_w(r, &from, &w);
	w = good;
	w.node.p = name;
	w.node.len = 0;
	feed_alive_w(r, &from, &w);
	w.node.len = 256;
	feed_alive_w(r, &from, &w);
	w.node = swim_str("new\nline");
	feed_alive_w(r, &from, &w);
	w = good;
	w.meta.p = big;
	w.meta.len = 513;
	feed_alive_w(r, &from, &w);
	assert_int_equal(r->s->t.n, before);
	assert_int_equal(swim_counters(r->s)->bad_entry, 24);
	/* The limits themselves are fine. */
	w = good;
	w.node.p = name;
	w.node.len = 255;
	w.meta.p = big;
	w.meta.len = 512;
	feed_alive_w(r, &from, &w);
	assert_int_equal(r->s->t.n, before + 1);
	rig_run(r, SEC);
	assert_int_equal(alive_in(rig_msg(r, WIRE_ALIVE, 0)).meta.len, 512);
}

static void
hearsay_above_the_ceiling_is_ignored(void **state)
{
	(void)state;
	feed_alive(r, "m1", "10.1.0.2", 0xF0000001u);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 0xF0000001u);
	feed_accuse(r, WIRE_DEAD, "m1", "m2", 0xFFFFFFFFu);
	feed_accuse(r, WIRE_DEAD, "m1", "m1", 0xFFFFFFFFu);
	feed_alive(r, "new", "10.2.0.1", 0xFFFFFFFFu);
	assert_int_equal(rig_member(r, "m1")->incarnation, 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	assert_null(rig_member(r, "new"));
	rig_member(r, "m1")->spoken_inc = 0xF0000000u - INCARNATION_JUMP;
	feed_alive(r, "m1", "10.1.0.2", 0xF0000000u);
	assert_int_equal(rig_member(r, "m1")->incarnation, 0xF0000000u);
}

/* Nobody but itself takes a member of ours further than that. */
static void
hearsay_of_a_leap_is_ignored(void **state)
{
	const uint32_t leap = INCARNATION_JUMP;
	struct ipport a = ip("10.1.0.2", PORT);
	struct wire_alive w = alive_of("m1", &a, 2 + 5 * leap, "X");
	unsigned i;

	(void)state;
	for (i = 0; i < 10; i++)
		feed_alive(r, "m1", "10.1.0.2", 1 + (i + 1) * leap);
	assert_int_equal(rig_member(r, "m1")->incarnation, 1 + leap);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 2 + leap);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	feed_alive_w(r, &a, &w);
	assert_int_equal(rig_member(r, "m1")->incarnation, 2 + 5 * leap);
	feed_alive(r, "m1", "10.1.0.2", 2 + 6 * leap);
	assert_int_equal(rig_member(r, "m1")->incarnation, 2 + 6 * leap);
	/* Members of the original refute whatever it is. */
	w.incarnation += 2 * leap;
	w.meta = swim_str("original");
	feed_alive_w(r, &a, &w);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", w.incarnation + 2 * leap);
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
}

/* A member that peers drove beyond the ceiling speaks for itself. */
static void
above_the_ceiling_in_person(void **state)
{
	struct ipport a = ip("10.1.0.2", PORT), b = ip("10.1.0.3", PORT);
	struct wire_alive w = alive_of("m1", &a, 0xF0000005u, "O");

	(void)state;
	feed_alive_w(r, &b, &w);
	assert_int_equal(rig_member(r, "m1")->incarnation, 1);
	/* Ours never get there. */
	feed_alive_w(r, &a, &w);
	assert_int_equal(rig_member(r, "m1")->incarnation, 1);
	rig_member(r, "m1")->ours = false;
	feed_alive_w(r, &a, &w);
	assert_int_equal(rig_member(r, "m1")->incarnation, 0xF0000005u);
	feed_accuse_from(r, &b, WIRE_DEAD, "m1", "m1", 0xF0000005u);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	feed_accuse_from(r, &a, WIRE_DEAD, "m1", "m1", 0xF0000005u);
	assert_int_equal(rig_state(r, "m1"), MEMBER_LEFT);
}

/* A suspicion carries an incarnation of its own: only above it is alive. */
static void
a_suspicion_raises_the_incarnation(void **state)
{
	(void)state;
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 9);
	assert_int_equal(rig_member(r, "m1")->incarnation, 9);
	feed_alive(r, "m1", "10.1.0.2", 9);
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
	feed_end(r, "m1", "m2", 8);
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
	feed_alive(r, "m1", "10.1.0.2", 10);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	feed_end(r, "m1", "m2", 12);
	feed_alive(r, "m1", "10.1.0.2", 12);
	assert_int_equal(rig_state(r, "m1"), MEMBER_DEAD);
}

/* k is 4: five members have too few others for it, six have enough. */
static void
confirmations_need_six_members(void **state)
{
	struct rig *keep = r;
	unsigned n;

	(void)state;
	for (n = 5; n <= 6; n++) {
		r = rig_new();
		rig_populate(r, n - 1);
		no_probes();
		feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 1);
		assert_int_equal(
		    rig_member(r, "m1")->suspicion->k, n == 5 ? 0 : 4);
		assert_int_equal(
		    rig_member(r, "m1")->suspicion->deadline - r->now,
		    n == 5 ? 30 * SEC : 180 * SEC);
		rig_free(r);
	}
	r = keep;
	/* The dead and the left count too: n is the whole table. */
	feed_end(r, "m10", "m2", 1);
	feed_end(r, "m9", "m9", 1);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 1);
	assert_in_range(
	    rig_member(r, "m1")->suspicion->min, 31 * SEC, 32 * SEC);
}

static void
a_full_table_gives_up_who_never_answered(void **state)
{
	struct rig *small = rig_new_max(&swim_wan, 5), *keep = r;

	(void)state;
	r = small;
	rig_populate(r, 4);
	evict_answered(r->s, rig_member(r, "m1"));
	evict_answered(r->s, rig_member(r, "m2"));
	feed_end(r, "m3", "m1", 1);
	rig_clear(r);
	feed_alive(r, "a", "10.2.0.1", 1);
	assert_string_equal(rig_ev(r, SWIM_EV_REAPED)->name, "m3");
	assert_non_null(rig_member(r, "a"));
	evict_answered(r->s, rig_member(r, "a"));
	feed_alive(r, "b", "10.2.0.2", 1);
	assert_null(rig_member(r, "m4"));
	evict_answered(r->s, rig_member(r, "b"));
	feed_alive(r, "c", "10.2.0.3", 1);
	assert_null(rig_member(r, "c"));
	assert_int_equal(swim_counters(r->s)->table_full, 1);
	assert_int_equal(r->s->t.n, 5);
	r = keep;
	rig_free(small);
}

/* Whoever is given up while it is probed did not fail. */
static void
a_probe_ends_with_its_member(void **state)
{
	struct rig *small = rig_new_max(&swim_wan, 2), *keep = r;

	(void)state;
	r = small;
	rig_populate(r, 1);
	rig_next_ping(r, NULL);
	feed_alive(r, "new", "10.2.0.1", 1);
	assert_null(rig_member(r, "m1"));
	no_probes();
	rig_run(r, 20 * SEC);
	assert_int_equal(swim_counters(r->s)->probes_failed, 0);
	assert_int_equal(rig_count(r, WIRE_INDIRECT_PING), 0);
	assert_int_equal(r->nstreams, 0);
	r = keep;
	rig_free(small);
}

/* A flood of names displaces itself, not whom we knew before. */
static void
a_flood_displaces_itself(void **state)
{
	struct rig *small = rig_new_max(&swim_wan, 6), *keep = r;
	char name[16], addr[24];
	unsigned i;

	(void)state;
	r = small;
	rig_populate(r, 4);
	for (i = 1; i < 100; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		snprintf(addr, sizeof(addr), "10.2.0.%u", i);
		feed_alive(r, name, addr, 1);
		assert_non_null(rig_member(r, name));
	}
	for (i = 1; i <= 4; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		assert_int_equal(rig_state(r, name), MEMBER_ALIVE);
	}
	/* Of the dead the one that died first. */
	feed_end(r, "m3", "m1", 1);
	feed_end(r, "m2", "m1", 1);
	feed_alive(r, "a", "10.3.0.1", 1);
	assert_null(rig_member(r, "m3"));
	assert_non_null(rig_member(r, "m2"));
	/* And one that came back is no longer among them. */
	feed_alive(r, "m2", "10.1.0.3", 2);
	feed_alive(r, "b", "10.3.0.2", 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	assert_int_equal(rig_state(r, "m4"), MEMBER_ALIVE);
	assert_int_equal(r->s->t.n, 6);
	r = keep;
	rig_free(small);
}

static void
the_dead_hear_gossip_for_a_while(void **state)
{
	struct rig *two = rig_new(), *keep = r;
	struct ipport a = ip("10.1.0.2", PORT);

	(void)state;
	r = two;
	rig_populate(r, 1);
	no_probes();
	feed_end(r, "m1", "zzz", 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_DEAD);
	rig_run(r, 5 * SEC);
	assert_int_equal(rig_count_to(r, WIRE_DEAD, &a), 4);
	rig_run(r, 60 * SEC);
	rig_clear(r);
	swim_set_meta(r->s, r->now, (const uint8_t *)"Xnew", 4);
	rig_run(r, 5 * SEC);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &a), 0);
	r = keep;
	rig_free(two);
}

static void
the_left_hear_none(void **state)
{
	struct rig *two = rig_new(), *keep = r;

	(void)state;
	r = two;
	rig_populate(r, 1);
	no_probes();
	feed_end(r, "m1", "m1", 1);
	rig_run(r, 5 * SEC);
	assert_int_equal(r->nmsgs, 0);
	r = keep;
	rig_free(two);
}

static void
the_dead_are_reaped_when_the_order_wraps(void **state)
{
	struct rig *three = rig_new(), *keep = r;
	int64_t start;

	(void)state;
	r = three;
	rig_populate(r, 2);
	feed_end(r, "m1", "m2", 1);
	feed_end(r, "m2", "m2", 1);
	start = r->now;
	rig_run(r, 60 * SEC);
	assert_non_null(rig_member(r, "m1"));
	assert_non_null(rig_member(r, "m2"));
	while (r->now - start < 80 * SEC)
		rig_run(r, SEC);
	assert_null(rig_member(r, "m1"));
	assert_null(rig_member(r, "m2"));
	assert_int_equal(rig_evs(r, SWIM_EV_REAPED), 2);
	/* And alone again nothing is timed. */
	rig_run(r, 100 * SEC);
	assert_true(swim_deadline(r->s) == INT64_MAX);
	r = keep;
	rig_free(three);
}

static void
gossip_goes_to_four_different_members(void **state)
{
	unsigned i, j;

	(void)state;
	no_probes();
	feed_alive(r, "new", "10.2.0.1", 7);
	no_probes();
	rig_run(r, SEC / 2);
	assert_int_equal(rig_count(r, WIRE_ALIVE), 4);
	for (i = 0; i < 4; i++)
		for (j = 0; j < i; j++)
			assert_int_not_equal(
			    ipport_cmp(&r->msgs[i].to, &r->msgs[j].to), 0);
	/* n = 12: 8 transmissions, then silence and no timer. */
	rig_run(r, 10 * SEC);
	assert_int_equal(rig_count(r, WIRE_ALIVE), 8);
	assert_true(swim_deadline(r->s) == INT64_MAX);
}

/* How often each of the members c1.. was told of. */
static void
told(unsigned n, unsigned *least, unsigned *most)
{
	unsigned i, j, k;
	char name[16];

	*least = r->nmsgs;
	*most = 0;
	for (i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		for (j = k = 0; j < r->nmsgs; j++)
			k += r->msgs[j].type == WIRE_ALIVE &&
			     is_name(alive_in(&r->msgs[j]).node, name);
		*least = k < *least ? k : *least;
		*most = k > *most ? k : *most;
	}
}

static void
crowd_comes(unsigned n)
{
	char name[16], addr[24];
	unsigned i;

	for (i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		snprintf(
		    addr, sizeof(addr), "10.3.%u.%u", i / 200, i % 200 + 1);
		feed_alive(r, name, addr, 7);
	}
	no_probes();
	rig_clear(r);
}

/* All at once: fewer transmissions for each, and what came alone as before. */
static void
a_crowd_is_told_of_less_often(void **state)
{
	unsigned least, most;

	(void)state;
	crowd_comes(256);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 1);
	no_probes();
	rig_run(r, 60 * SEC);
	told(256, &least, &most);
	assert_in_range(least, BCAST_LEAST, 3);
	assert_in_range(most, BCAST_LEAST, 12 * BCAST_MANY / 256 + 1);
	assert_int_equal(rig_count(r, WIRE_SUSPECT), 12);
	rig_clear(r);
	feed_alive(r, "c1", "10.3.0.2", 8);
	no_probes();
	rig_run(r, 60 * SEC);
	told(1, &least, &most);
	assert_int_equal(least, 12);
}

static void
of_a_crowd_nobody_repeats_what_others_tell(void **state)
{
	char name[16], addr[24];
	unsigned i, k, least, most;

	(void)state;
	crowd_comes(256);
	for (k = 0; k < 3; k++)
		for (i = 1; i <= 100; i++) {
			snprintf(name, sizeof(name), "c%u", i);
			snprintf(addr, sizeof(addr), "10.3.0.%u", i + 1);
			feed_alive(r, name, addr, 7);
		}
	rig_clear(r);
	rig_run(r, 60 * SEC);
	told(100, &least, &most);
	assert_int_equal(most, 0);
	/* Among few it is no reason: they may be few who tell. */
	feed_alive(r, "c1", "10.3.0.2", 8);
	no_probes();
	for (k = 0; k < 20; k++)
		feed_alive(r, "c1", "10.3.0.2", 8);
	rig_clear(r);
	rig_run(r, 60 * SEC);
	told(1, &least, &most);
	assert_int_equal(most, 12);
}

/* Who tells something else of a newcomer does not tell what we do. */
static void
a_crowd_is_not_silenced_by_what_is_untrue(void **state)
{
	struct ipport a, from = ip("10.1.0.2", PORT);
	unsigned k, least, most;
	struct wire_alive w;

	(void)state;
	crowd_comes(256);
	a = ip("10.3.0.2", PORT);
	w = alive_of("c1", &a, 7, "Xother");
	for (k = 0; k < 20; k++)
		feed_alive_w(r, &from, &w);
	rig_clear(r);
	rig_run(r, 60 * SEC);
	told(1, &least, &most);
	assert_true(least >= BCAST_LEAST);
}

/* One of many is left: chance may miss it, the news must not be lost. */
static void
the_last_one_hears_everything(void **state)
{
	char name[16];
	unsigned i;

	(void)state;
	rig_populate(r, 80);
	for (i = 2; i <= 80; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		feed_end(r, name, name, 1);
	}
	bcast_clear(&r->s->queue);
	for (i = 0; i < 50; i++) {
		no_probes();
		rig_clear(r);
		swim_set_meta(r->s, r->now, (const uint8_t *)"Xnew", 4);
		rig_run(r, 30 * SEC);
		assert_int_equal(rig_count(r, WIRE_ALIVE), 8);
		assert_int_equal(swim_queued(r->s), 0);
	}
}

/* In a table that is too large to be searched as well as in a small one. */
static void
picks_differ_and_are_wanted(void **state)
{
	struct member *out[16];
	unsigned round, i, j, n;

	(void)state;
	for (round = 0; round < 200; round++) {
		if (round == 100)
			rig_populate(r, 70);
		n = spread_pick(
		    r->s, 16, spread_is_alive, rig_member(r, "m5"), out);
		assert_int_equal(n, round < 100 ? 9 : 16);
		for (i = 0; i < n; i++) {
			assert_false(out[i]->is_self);
			assert_string_not_equal(out[i]->name, "m5");
			for (j = 0; j < i; j++)
				assert_ptr_not_equal(out[i], out[j]);
		}
	}
}

static void
packets_stay_below_the_limit(void **state)
{
	char name[256], addr[24], meta[500];
	struct ipport from = ip("192.0.2.1", 1), a;
	struct wire_alive w;
	unsigned i;

	(void)state;
	memset(meta, 'X', sizeof(meta));
	for (i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "%0*u", 1 + (int)i * 4, i);
		snprintf(addr, sizeof(addr), "10.3.0.%u", i + 1);
		a = ip(addr, PORT);
		meta[100 + i * 5] = '\0';
		w = alive_of(name, &a, 1, meta);
		feed_alive_w(r, &from, &w);
		meta[100 + i * 5] = 'X';
	}
	rig_run(r, 5 * SEC);
	/* Filled, but never above (rig_send checks each). */
	assert_in_range(r->longest, 1000, WIRE_PLAIN_MAX);
}

static void
malformed_messages_are_counted(void **state)
{
	struct ipport from = ip("192.0.2.1", 1);
	const uint8_t bad[] = {WIRE_ALIVE, 0x81, 0xff};

	(void)state;
	assert_int_equal(swim_packet(r->s, r->now, &from, bad, sizeof(bad)), 0);
	assert_int_equal(swim_counters(r->s)->bad_message, 1);
	assert_true(swim_packet(r->s, r->now, &from, bad, 0) < 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(alive_inserts_and_is_passed_on),
	    T(alive_needs_a_greater_incarnation),
	    T(new_metadata_is_an_update),
	    T(a_newer_incarnation_by_hearsay_is_silent),
	    T(a_direct_alive_is_told_once),
	    T(a_direct_alive_stands_for_itself),
	    T(direct_needs_address_and_port),
	    T(suspect_of_equal_incarnation_counts),
	    T(suspect_does_not_wake_the_dead),
	    T(unknown_names_insert_nothing),
	    T(accusers_must_be_in_good_standing),
	    T(confirmations_shorten_and_spread),
	    T(an_unrefuted_suspicion_is_death),
	    T(few_members_have_no_confirmations),
	    T(dead_of_equal_incarnation_kills),
	    T(the_dead_die_once),
	    T(the_dead_may_leave),
	    T(a_former_address_is_no_conflict),
	    T(a_leave_is_not_told_of_who_began_anew),
	    T(dead_by_itself_is_a_leave),
	    T(accusers_without_a_name_are_not_relayed),
	    T(another_address_is_a_conflict),
	    T(a_name_that_left_may_move),
	    T(the_other_form_of_an_address_is_the_same),
	    T(port_0_means_the_cluster_port),
	    T(poisonous_versions_are_dropped),
	    T(unusable_entries_are_dropped),
	    T(hearsay_above_the_ceiling_is_ignored),
	    T(hearsay_of_a_leap_is_ignored),
	    T(above_the_ceiling_in_person),
	    T(a_suspicion_raises_the_incarnation),
	    T(confirmations_need_six_members),
	    T(a_full_table_gives_up_who_never_answered),
	    T(a_probe_ends_with_its_member),
	    T(a_flood_displaces_itself),
	    T(the_dead_hear_gossip_for_a_while),
	    T(the_left_hear_none),
	    T(the_dead_are_reaped_when_the_order_wraps),
	    T(gossip_goes_to_four_different_members),
	    T(a_crowd_is_told_of_less_often),
	    T(of_a_crowd_nobody_repeats_what_others_tell),
	    T(a_crowd_is_not_silenced_by_what_is_untrue),
	    T(the_last_one_hears_everything),
	    T(picks_differ_and_are_wanted),
	    T(packets_stay_below_the_limit),
	    T(malformed_messages_are_counted),
	};

	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
