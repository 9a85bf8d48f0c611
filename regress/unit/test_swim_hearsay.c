/* What others say about a member that we hold alive waits for its refutation;
 * what others say about us is answered. wesher/hearsay.c, self.c. */
#include "cluster.h"
#include "each_rig.h"

static struct swim_profile quiet; /* no gossip: what is sent is unicast */
static struct ipport m1;

static int
setup(void **state)
{
	(void)state;
	r = rig_new();
	rig_populate(r, 10);
	quiet = swim_wan;
	quiet.gossip_fanout = 0;
	r->s->prof = &quiet;
	r->s->next_probe = r->s->next_pushpull = NEVER;
	member_ipport(rig_member(r, "m1"), &m1);
	evict_answered(r->s, rig_member(r, "m1"));
	return 0;
}

static void
feed_key(const struct ipport *from, uint32_t inc, const char *meta)
{
	struct wire_alive w = alive_of("m1", &m1, inc, meta);

	feed_alive_w(r, from, &w);
}

static bool
has_key(const char *meta)
{
	const struct member *m = rig_member(r, "m1");

	return m->metalen == strlen(meta) &&
	       memcmp(member_meta(m), meta, m->metalen) == 0;
}

static void
an_end_by_others_waits(void **state)
{
	static const char *const from[] = {"m1", "m2"};
	unsigned i;

	for (i = 0; i < 2; i++) {
		feed_accuse(r, WIRE_DEAD, "m1", from[i], 1);
		assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
		/* It is told, and so are the others. */
		assert_int_equal(rig_count_to(r, WIRE_DEAD, &m1), 1);
		assert_int_equal(swim_queued(r->s), 1);
		rig_run(r, HEARSAY_WAIT - SEC / 10);
		assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
		assert_int_equal(rig_count_to(r, WIRE_DEAD, &m1), 2);
		rig_run(r, SEC / 5);
		assert_int_equal(
		    rig_state(r, "m1"), i == 0 ? MEMBER_LEFT : MEMBER_DEAD);
		assert_int_equal(rig_evs(r, SWIM_EV_LEFT), i == 0);
		assert_int_equal(rig_evs(r, SWIM_EV_FAILED), i == 1);
		assert_null(rig_claim(rig_member(r, "m1")));
		(void)teardown(state);
		(void)setup(state);
	}
}

/* As the papers have it; the simulator compares. */
static void
the_wait_can_be_switched_off(void **state)
{
	static struct swim_profile p;

	(void)state;
	p = *r->s->prof;
	assert_false(p.no_hearsay);
	p.no_hearsay = true;
	r->s->prof = &p;
	feed_accuse(r, WIRE_DEAD, "m1", "m2", 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_DEAD);
}

static void
an_end_in_person_does_not(void **state)
{
	struct state_buf b = {0};
	struct ipport stream = {.ip = m1.ip, .port = 40000};

	feed_accuse_from(r, &m1, WIRE_DEAD, "m1", "m1", 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_LEFT);
	assert_true(rig_ev(r, SWIM_EV_LEFT)->direct);
	(void)teardown(state);
	(void)setup(state);
	/* In its own push/pull; from another host of ours it is hearsay. */
	state_add(&b, "m2", "10.1.0.3", 1, WIRE_S_LEFT, "X");
	state_add(&b, "m1", "10.1.0.2", 1, WIRE_S_LEFT, "X");
	free(rig_ask(r, &stream, &b, false, NULL));
	assert_int_equal(rig_state(r, "m1"), MEMBER_LEFT);
	assert_int_equal(rig_state(r, "m2"), MEMBER_ALIVE);
}

static void
a_new_key_by_others_waits(void **state)
{
	struct ipport from = ip("10.1.0.3", PORT);
	struct wire_alive w = alive_of("m1", &m1, 4, "X4");

	(void)state;
	feed_key(&from, 2, "Xforged");
	assert_true(has_key("X"));
	assert_int_equal(rig_member(r, "m1")->incarnation, 1);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &m1), 1);
	assert_int_equal(swim_queued(r->s), 1);
	rig_run(r, HEARSAY_WAIT - SEC / 10);
	assert_true(has_key("X"));
	rig_run(r, SEC / 5);
	assert_true(has_key("Xforged"));
	assert_int_equal(rig_evs(r, SWIM_EV_UPDATE), 1);
	assert_false(rig_ev(r, SWIM_EV_UPDATE)->direct);
	/* In person, at once. */
	feed_key(&m1, 3, "X3");
	assert_true(has_key("X3"));
	/* The original announces itself without metadata first. */
	w.meta.len = 0;
	feed_alive_w(r, &m1, &w);
	feed_key(&from, 5, "X5");
	assert_true(has_key("X5"));
}

static void
a_refutation_ends_it(void **state)
{
	struct ipport from = ip("10.1.0.3", PORT);
	unsigned i;

	(void)state;
	/* In person, or passed on: with what it had before. */
	for (i = 0; i < 2; i++) {
		feed_accuse(r, WIRE_DEAD, "m1", "m1", 5 + 10 * i);
		feed_key(&from, 6 + 10 * i, "Xforged");
		feed_key(i == 0 ? &m1 : &from, 7 + 10 * i, "X");
		rig_run(r, 10 * SEC);
		assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
		assert_true(has_key("X"));
		assert_null(rig_claim(rig_member(r, "m1")));
	}
	assert_int_equal(rig_evs(r, SWIM_EV_LEFT), 0);
	/* Below it is none, at its height an end is not refuted. */
	feed_accuse(r, WIRE_DEAD, "m1", "m2", 30);
	feed_key(&m1, 30, "X");
	rig_run(r, 3 * SEC);
	assert_int_equal(rig_state(r, "m1"), MEMBER_DEAD);
}

/* A liar drove it so far that its refutation is not believed as hearsay. */
static void
a_refutation_that_leaps_is_asked_for(void **state)
{
	struct ipport from = ip("10.1.0.3", PORT);
	const uint32_t far = 1 + INCARNATION_JUMP;

	(void)state;
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", far);
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
	rig_clear(r);
	feed_key(&from, far + 1, "X");
	feed_key(&from, far + 1, "X");
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
	assert_int_equal(rig_count_to(r, WIRE_SUSPECT, &m1), 1);
	feed_key(&m1, far + 1, "X");
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	/* Once a second. */
	feed_key(&from, 2 * far + 2, "X");
	assert_int_equal(rig_count_to(r, WIRE_SUSPECT, &m1), 1);
	rig_run(r, HEARSAY_GAP);
	feed_key(&from, 2 * far + 2, "X");
	assert_int_equal(rig_count_to(r, WIRE_SUSPECT, &m1), 2);
	assert_int_equal(rig_member(r, "m1")->incarnation, far + 1);
}

/* The second claim has its own two seconds. */
static void
what_comes_meanwhile_has_its_turn(void **state)
{
	struct ipport from = ip("10.1.0.3", PORT);

	(void)state;
	feed_key(&from, 2, "X2");
	rig_run(r, SEC);
	feed_key(&from, 4, "X4");
	feed_key(&from, 3, "X3");
	rig_run(r, SEC + SEC / 10);
	assert_true(has_key("X2"));
	rig_run(r, SEC);
	assert_true(has_key("X2"));
	rig_run(r, SEC + SEC / 10);
	assert_true(has_key("X4"));
	/* Refuted, and the next is not. */
	feed_key(&from, 5, "X5");
	feed_key(&from, 9, "X9");
	feed_key(&m1, 6, "X4");
	rig_run(r, SEC);
	assert_true(has_key("X4"));
	rig_run(r, 2 * SEC);
	assert_true(has_key("X9"));
}

static void
a_flood_puts_nothing_off(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 230; i++) {
		feed_accuse(r, WIRE_DEAD, "m1", "m1", 2 + i);
		rig_run(r, SEC / 100);
	}
	assert_int_equal(rig_state(r, "m1"), MEMBER_LEFT);
	/* And draws at most a packet a second. */
	assert_in_range(rig_count_to(r, WIRE_DEAD, &m1), 2, 3);
}

static void
a_flood_takes_nothing_from_who_refutes(void **state)
{
	struct ipport from = ip("10.1.0.3", PORT);
	uint32_t inc = 1, said = 1;
	unsigned i;

	(void)state;
	for (i = 0; i < 2000; i++) {
		inc += i % 7;
		if (i % 2)
			feed_accuse(
			    r, WIRE_DEAD, "m1", i % 4 == 1 ? "m1" : "m2", inc);
		else
			feed_key(&from, inc, "Xforged");
		/* Once a second, above all that it heard. */
		if (i % 100 == 50)
			feed_key(&m1, said = inc + 1, "X");
		rig_run(r, SEC / 100);
		rig_clear(r);
		assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
		assert_true(has_key("X"));
	}
	assert_true(said > 5000);
}

static void
come_from_elsewhere(uint32_t inc)
{
	struct ipport at = ip("10.9.9.9", PORT);
	struct wire_alive w = alive_of("m1", &at, inc, "X");

	feed_alive_w(r, &at, &w);
}

static struct ipport
where(void)
{
	struct ipport at;

	member_ipport(rig_member(r, "m1"), &at);
	return at;
}

/* A forged leave, then an alive from another address. */
static void
a_forged_move_is_refuted(void **state)
{
	struct ipport at;

	(void)state;
	feed_accuse(r, WIRE_DEAD, "m1", "m1", 1);
	come_from_elsewhere(2);
	rig_run(r, SEC);
	come_from_elsewhere(50);
	feed_key(&m1, 2, "X");
	rig_run(r, 10 * SEC);
	at = where();
	assert_int_equal(ipport_cmp(&at, &m1), 0);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	assert_int_equal(rig_evs(r, SWIM_EV_LEFT), 0);
	assert_int_equal(rig_evs(r, SWIM_EV_CONFLICT), 1);
	/* Without a leave it is nothing but a conflict. */
	come_from_elsewhere(51);
	assert_int_equal(rig_evs(r, SWIM_EV_CONFLICT), 2);
	rig_run(r, 10 * SEC);
	at = where();
	assert_int_equal(ipport_cmp(&at, &m1), 0);
}

static void
a_forged_move_by_pushpull_is_refuted(void **state)
{
	struct ipport bad = ip("10.9.9.9", 40000), at;
	struct state_buf b = {0};

	(void)state;
	state_add(&b, "m1", "10.1.0.2", 1, WIRE_S_LEFT, "X");
	free(rig_ask(r, &bad, &b, false, NULL));
	state_add(&b, "m1", "10.9.9.9", 2, WIRE_S_ALIVE, "X");
	free(rig_ask(r, &bad, &b, false, NULL));
	assert_int_equal(rig_count_to(r, WIRE_DEAD, &m1), 1);
	rig_run(r, SEC);
	feed_key(&m1, 2, "X");
	rig_run(r, 10 * SEC);
	at = where();
	assert_int_equal(ipport_cmp(&at, &m1), 0);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	assert_int_equal(rig_evs(r, SWIM_EV_LEFT), 0);
}

/* Whose address is gone says goodbye from the new one. */
static void
a_true_move_takes_three_seconds(void **state)
{
	struct ipport at = ip("10.9.9.9", PORT), now;

	(void)state;
	feed_accuse_from(r, &at, WIRE_DEAD, "m1", "m1", 1);
	rig_run(r, SEC);
	come_from_elsewhere(2);
	rig_run(r, SEC + SEC / 10);
	assert_int_equal(rig_state(r, "m1"), MEMBER_LEFT);
	rig_run(r, SEC);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	now = where();
	assert_int_equal(ipport_cmp(&at, &now), 0);
}

/* Its address may be a victim's. */
static void
who_never_answered_is_shown_nothing(void **state)
{
	(void)state;
	rig_member(r, "m1")->answered = false;
	feed_accuse(r, WIRE_DEAD, "m1", "m1", 1);
	rig_run(r, 5 * SEC);
	assert_int_equal(rig_count_to(r, WIRE_DEAD, &m1), 0);
	assert_int_equal(rig_state(r, "m1"), MEMBER_LEFT);
}

static void
a_forgotten_member_takes_its_claims_along(void **state)
{
	(void)state;
	feed_accuse(r, WIRE_DEAD, "m1", "m1", 5);
	feed_accuse(r, WIRE_DEAD, "m1", "m1", 6);
	swim_forget(r->s, rig_member(r, "m1"));
	rig_run(r, 5 * SEC);
	assert_true(TAILQ_EMPTY(&r->s->claims));
	/* What still waits is freed with the core. */
	feed_accuse(r, WIRE_DEAD, "m2", "m2", 5);
	feed_accuse(r, WIRE_DEAD, "m2", "m2", 6);
	assert_false(TAILQ_EMPTY(&r->s->claims));
}

/* Its tunnel lives: it stays in the table, and may return with anything. */
static void
the_connected_are_not_reaped(void **state)
{
	(void)state;
	feed_end(r, "m1", "m2", 900);
	rig_member(r, "m1")->connected = true;
	r->s->next_probe = r->now;
	rig_run(r, 1500 * SEC);
	assert_non_null(rig_member(r, "m1"));
	assert_int_equal(rig_member(r, "m1")->incarnation, 0);
	feed_alive(r, "m1", "10.1.0.2", 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	feed_end(r, "m1", "m2", 900);
	rig_member(r, "m1")->connected = false;
	rig_run(r, 1500 * SEC);
	assert_null(rig_member(r, "m1"));
}

/* ---- about us */

/* Whoever shows us an old claim missed what we answered to it. */
static void
old_claims_about_us_are_answered(void **state)
{
	struct ipport m2 = ip("10.1.0.3", PORT), stranger = ip("10.8.0.1", 1);
	struct ipport me = ip("10.0.0.1", PORT);
	struct wire_alive w = alive_of("me", &me, 90, "Xforged");
	unsigned i;

	(void)state;
	for (i = 0; i < 100; i++) {
		feed_accuse_from(r, &m1, WIRE_DEAD, "me", "m2", 99);
		feed_alive_w(r, &m2, &w);
		feed_accuse_from(r, &stranger, WIRE_DEAD, "me", "m2", 99);
		rig_run(r, SEC / 100);
	}
	assert_int_equal(swim_incarnation(r->s), 100);
	assert_in_range(rig_count_to(r, WIRE_ALIVE, &m1), 4, 5);
	assert_in_range(rig_count_to(r, WIRE_ALIVE, &m2), 4, 5);
	assert_in_range(rig_count(r, WIRE_ALIVE), 8, 10);
	rig_run(r, SEC);
	rig_clear(r);
	feed_accuse_from(r, &m1, WIRE_SUSPECT, "me", "m2", 99);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &m1), 1);
	/* An old alive with what we say is none. */
	w.meta = swim_str("Xme");
	rig_run(r, 2 * SEC);
	feed_alive_w(r, &m2, &w);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &m2), 0);
}

static void
leaps_about_us_are_not_followed(void **state)
{
	const uint32_t leap = INCARNATION_JUMP;

	(void)state;
	feed_accuse_from(r, &m1, WIRE_DEAD, "me", "m2", 101 + leap);
	feed_accuse_from(r, &m1, WIRE_SUSPECT, "me", "m2", 0xEFFFFFFFu);
	assert_int_equal(swim_incarnation(r->s), 100);
	assert_int_equal(rig_count_to(r, WIRE_ALIVE, &m1), 1);
	feed_accuse_from(r, &m1, WIRE_DEAD, "me", "m2", 100 + leap);
	assert_int_equal(swim_incarnation(r->s), 101 + leap);
}

/* A former life of ours, which we have forgotten. */
static void
leaps_are_followed_as_we_join(void **state)
{
	struct state_buf b = {0};

	(void)state;
	swim_join(r->s, r->now, &m1, 0);
	state_add(&b, "m1", "10.1.0.2", 1, WIRE_S_ALIVE, "X");
	state_add(&b, "me", "10.0.0.1", 1000000, WIRE_S_ALIVE, "Xold");
	rig_answer(r, r->nstreams - 1, &b);
	assert_int_equal(swim_incarnation(r->s), 1000001);
}

/* ---- a mesh, and a member gone bad */

struct forger {
	struct cluster *c;
	unsigned nth;
};

static uint32_t
forged_inc(struct forger *f, unsigned victim)
{
	static const uint32_t far[] = {
	    0xEFFFFFFFu, 0xF0000000u, 0xF0000001u, 0xFFFFFFFEu, 0xFFFFFFFFu};
	uint32_t inc = swim_incarnation(f->c->node[victim].s);

	if (f->nth % 8 == 7)
		return far[cluster_random(f->c) % 5];
	return inc + cluster_random(f->c) % (2 * INCARNATION_JUMP);
}

/* One forged message about node0 or node1, to everybody else. */
static void
forge(struct forger *f)
{
	unsigned victim = f->nth / 2 % 2, bad = f->c->n - 1, i;
	struct node *v = &f->c->node[victim];
	struct ipport at = f->nth % 3 ? v->addr : f->c->node[bad].addr;
	uint32_t inc = forged_inc(f, victim);
	struct wire_alive w = alive_of(v->name, &at, inc, "Xforged");
	struct wire_accuse a = {.incarnation = inc,
	    .node = swim_str(v->name),
	    .from = swim_str(f->c->node[f->nth % 5 % f->c->n].name)};
	uint8_t buf[512];
	ssize_t n;

	if (f->nth % 2)
		n = wire_put_alive(buf, sizeof(buf), &w);
	else if (f->nth % 5 == 4)
		n = wire_put_accuse(buf, sizeof(buf), WIRE_SUSPECT, &a);
	else {
		if (f->nth % 3 == 0)
			a.from = a.node;
		n = wire_put_accuse(buf, sizeof(buf), WIRE_DEAD, &a);
	}
	f->nth++;
	for (i = 0; i < bad; i++)
		(void)swim_packet(f->c->node[i].s, f->c->now,
		    &f->c->node[bad].addr, buf, (size_t)n);
}

static void
a_forger_takes_nobodys_place(void **state)
{
	unsigned seed, i, k, n;

	(void)state;
	for (seed = 0; seed < 4; seed++) {
		struct cluster *c = cluster_new_mesh(
		    seed < 2 ? 4 : 20, &swim_wan, 900 + seed);
		struct forger f = {.c = c};

		cluster_crash(c, c->n - 1); /* it speaks as forge() does */
		for (n = 0; n < 6000; n++) {
			forge(&f);
			run_for(c, SEC / 100);
		}
		for (i = 0; i + 1 < c->n; i++)
			for (k = 0; k < 2; k++) {
				struct member *m = member_find(
				    swim_members(c->node[i].s), c->node[k].name,
				    5);
				struct ipport at;

				member_ipport(m, &at);
				assert_int_equal(
				    ipport_cmp(&at, &c->node[k].addr), 0);
				assert_int_equal(m->metalen, 1);
			}
		for (i = 0; i + 1 < c->n; i++) {
			assert_int_equal(c->node[i].left, 0);
			/* The forger itself, at most. */
			assert_in_range(c->node[i].failed, 0, 1);
		}
		run_for(c, 60 * SEC);
		for (k = 0; k < 2; k++)
			assert_true(status_everywhere(c, k, MEMBER_ALIVE));
		cluster_free(c);
	}
}

/*
 * One burst of suspicions, as far ahead as hearsay is believed: what refutes
 * them is further, and most of a large mesh hears it from others.
 */
static void
a_leap_of_suspicions_ends_nobody(void **state)
{
	struct cluster *c = cluster_new_mesh(80, &swim_wan, 77);
	unsigned i, bad = c->n - 1;
	struct wire_accuse a = {.node = swim_str(c->node[0].name),
	    .from = swim_str(c->node[bad].name)};
	uint8_t buf[512];
	ssize_t n;

	(void)state;
	run_for(c, 300 * SEC);
	a.incarnation = swim_incarnation(c->node[0].s) + INCARNATION_JUMP;
	n = wire_put_accuse(buf, sizeof(buf), WIRE_SUSPECT, &a);
	for (i = 1; i < bad; i++)
		(void)swim_packet(
		    c->node[i].s, c->now, &c->node[bad].addr, buf, (size_t)n);
	run_for(c, 400 * SEC);
	for (i = 1; i < bad; i++)
		assert_int_equal(c->node[i].failed, 0);
	cluster_free(c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(an_end_by_others_waits),
	    T(the_wait_can_be_switched_off),
	    T(an_end_in_person_does_not),
	    T(a_new_key_by_others_waits),
	    T(a_refutation_ends_it),
	    T(a_refutation_that_leaps_is_asked_for),
	    T(what_comes_meanwhile_has_its_turn),
	    T(a_flood_puts_nothing_off),
	    T(a_flood_takes_nothing_from_who_refutes),
	    T(a_forged_move_is_refuted),
	    T(a_forged_move_by_pushpull_is_refuted),
	    T(a_true_move_takes_three_seconds),
	    T(who_never_answered_is_shown_nothing),
	    T(a_forgotten_member_takes_its_claims_along),
	    T(the_connected_are_not_reaped),
	    T(old_claims_about_us_are_answered),
	    T(leaps_about_us_are_not_followed),
	    T(leaps_are_followed_as_we_join),
	    cmocka_unit_test(a_forger_takes_nobodys_place),
	    cmocka_unit_test(a_leap_of_suspicions_ends_nobody),
	};

	return cmocka_run_group_tests_name("hearsay", tests, NULL, NULL);
}
