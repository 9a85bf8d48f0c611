/* Many members at once: what the rules add up to. */
#include "cluster.h"

static void
three_know_each_other_at_once(void **state)
{
	struct cluster *c = cluster_new(3, &swim_wan, 1);
	int64_t took;

	(void)state;
	cluster_join(c, 1, 0);
	run_for(c, SEC);
	cluster_join(c, 2, 0);
	took = wait_fullmesh(c, 5 * SEC);
	/* A stream and one unicast alive: no gossip tick is waited for. */
	assert_in_range(took, 0, SEC / 5);
	assert_true(c->node[2].join.ok);
	assert_int_equal(c->node[2].join.learned, 2);
	cluster_free(c);
}

/* Of each pair exactly the older one is told to prime. */
static void
the_newcomer_is_heard_in_person_once(void **state)
{
	struct cluster *c = cluster_new_mesh(3, &swim_wan, 2);
	unsigned before0 = c->node[0].updates_ready;
	unsigned before1 = c->node[1].updates_ready;

	(void)state;
	assert_int_equal(c->node[2].updates_ready, 0);
	assert_int_equal(before0, 2);
	assert_int_equal(before1, 1);
	run_for(c, 120 * SEC);
	assert_int_equal(c->node[0].updates_ready, before0);
	assert_int_equal(c->node[1].updates_ready, before1);
	cluster_free(c);
}

static void
all_join_each_other_at_once(void **state)
{
	struct cluster *c = cluster_new(3, &swim_wan, 3);
	unsigned i, j;

	(void)state;
	for (i = 0; i < 3; i++)
		for (j = 0; j < 3; j++)
			cluster_join(c, i, j);
	assert_true(wait_fullmesh(c, 2 * SEC) != -1);
	for (i = 0; i < 3; i++)
		assert_int_equal(c->node[i].joins, 2);
	cluster_free(c);
}

/* It is asked while it asks: one that knew it alone is not left behind. */
static void
a_chain_of_joins_at_once(void **state)
{
	struct cluster *c;
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 100; seed++) {
		c = cluster_new(6, &swim_wan, seed);
		cluster_join(c, 1, 0);
		cluster_join(c, 2, 0);
		cluster_join(c, 3, 0);
		run_for(c, 20 * SEC);
		cluster_join(c, 4, 3);
		cluster_join(c, 5, 4);
		assert_true(wait_fullmesh(c, 5 * SEC) != -1);
		cluster_free(c);
	}
}

/* A power cut: thirty start with the same two seeds, of which each finds one. */
static void
thirty_start_at_once(void **state)
{
	struct cluster *c;
	uint64_t seed;
	unsigned i;

	(void)state;
	for (seed = 1; seed <= 20; seed++) {
		c = cluster_new(30, &swim_wan, seed);
		for (i = 2; i < 30; i++)
			cluster_join(c, i, i % 2);
		cluster_join(c, 1, 0);
		cluster_join(c, 0, 1);
		assert_true(wait_fullmesh(c, 10 * SEC) != -1);
		run_for(c, 60 * SEC);
		for (i = 0; i < 30; i++)
			assert_int_equal(c->node[i].suspected, 0);
		cluster_free(c);
	}
}

static void
nobody_is_suspected_at_rest(void **state)
{
	struct cluster *c = cluster_new_mesh(10, &swim_wan, 4);
	unsigned i;

	(void)state;
	run_for(c, 600 * SEC);
	assert_true(fullmesh(c));
	for (i = 0; i < c->n; i++) {
		assert_int_equal(c->node[i].suspected, 0);
		assert_int_equal(swim_health(c->node[i].s), 0);
	}
	cluster_free(c);
}

static void
loss_kills_nobody(void **state)
{
	struct cluster *c = cluster_new_mesh(20, &swim_wan, 5);
	unsigned i, failed = 0;

	(void)state;
	set_drop(c, 0.2);
	run_for(c, 1200 * SEC);
	for (i = 0; i < c->n; i++)
		failed += c->node[i].failed;
	assert_int_equal(failed, 0);
	set_drop(c, 0);
	assert_true(wait_fullmesh(c, 60 * SEC) != -1);
	cluster_free(c);
}

static void
a_crash_is_seen_by_all(void **state)
{
	struct cluster *c = cluster_new_mesh(10, &swim_wan, 6);
	int64_t took;

	(void)state;
	cluster_crash(c, 4);
	took = wait_status(c, 4, MEMBER_DEAD, 600 * SEC);
	/* Found within two rounds, then at least the shortest suspicion. */
	assert_in_range(took, 30 * SEC, 300 * SEC);
	cluster_free(c);
}

static void
the_dead_are_forgotten(void **state)
{
	struct cluster *c = cluster_new_mesh(3, &swim_wan, 7);
	int64_t took;

	(void)state;
	cluster_crash(c, 2);
	assert_true(wait_status(c, 2, MEMBER_DEAD, 120 * SEC) != -1);
	took = wait_status(c, 2, -1, 200 * SEC);
	assert_in_range(took, 55 * SEC, 100 * SEC);
	cluster_free(c);
}

static void
a_crashed_member_returns(void **state)
{
	struct cluster *c = cluster_new_mesh(5, &swim_wan, 8);

	(void)state;
	cluster_crash(c, 3);
	assert_true(wait_status(c, 3, MEMBER_DEAD, 300 * SEC) != -1);
	cluster_start(c, 3);
	cluster_join(c, 3, 0);
	assert_in_range(wait_fullmesh(c, 5 * SEC), 0, SEC);
	cluster_free(c);
}

/* It comes back with a lower number than it had: refuted from there. */
static void
a_member_that_forgot_its_incarnation_returns(void **state)
{
	struct cluster *c = cluster_new_mesh(5, &swim_wan, 9);

	(void)state;
	cluster_crash(c, 3);
	assert_true(wait_status(c, 3, MEMBER_DEAD, 300 * SEC) != -1);
	c->node[3].incarnation = 1;
	cluster_start(c, 3);
	cluster_join(c, 3, 0);
	assert_true(wait_fullmesh(c, 30 * SEC) != -1);
	cluster_free(c);
}

/* Five, and a sixth host that will have the name of the fourth. */
static struct cluster *
five_and_a_new_home(uint64_t seed)
{
	struct cluster *c = cluster_new(6, &swim_wan, seed);
	unsigned i;

	cluster_crash(c, 5);
	for (i = 1; i < 5; i++) {
		cluster_join(c, i, 0);
		run_for(c, SEC / 5);
	}
	assert_true(wait_fullmesh(c, 60 * SEC) != -1);
	snprintf(c->node[5].name, sizeof(c->node[5].name), "node3");
	c->node[5].incarnation = 5000;
	return c;
}

/* Do the first five that run have the name there, in no worse state? */
static bool
all_have_it_at(struct cluster *c, unsigned at, enum member_state worst)
{
	struct ipport is;
	unsigned i;

	for (i = 0; i < 5; i++) {
		if (i == 3)
			continue;
		if (status(c, i, 3) == -1 || status(c, i, 3) > (int)worst)
			return false;
		member_ipport(member_find(swim_members(c->node[i].s), "node3",
				  strlen("node3")),
		    &is);
		if (ipport_cmp(&is, &c->node[at].addr) != 0)
			return false;
	}
	return true;
}

static void
a_failed_name_has_a_new_home(void **state)
{
	struct cluster *c = five_and_a_new_home(30);
	unsigned failed[5], i;

	(void)state;
	cluster_crash(c, 3);
	assert_true(wait_status(c, 3, MEMBER_DEAD, 300 * SEC) != -1);
	cluster_start(c, 5);
	cluster_join(c, 5, 0);
	run_for(c, 10 * SEC);
	assert_true(all_have_it_at(c, 5, MEMBER_ALIVE));
	/* The old host, with a greater number: refused, and no harm. */
	for (i = 0; i < 5; i++)
		failed[i] = c->node[i].failed;
	c->node[3].incarnation = 9000;
	cluster_start(c, 3);
	for (i = 0; i < 60; i++) {
		if (i % 10 == 0)
			cluster_join(c, 3, 0);
		run_for(c, SEC);
		assert_true(all_have_it_at(c, 5, MEMBER_ALIVE));
	}
	for (i = 0; i < 5; i++)
		if (i != 3)
			assert_int_equal(c->node[i].failed, failed[i]);
	cluster_free(c);
}

/* Too early: the old entry lives. It gets in as it asks again. */
static void
a_new_home_waits_for_the_failure(void **state)
{
	struct cluster *c = five_and_a_new_home(31);
	unsigned i, late = 0;

	(void)state;
	cluster_crash(c, 3);
	run_for(c, 5 * SEC);
	cluster_start(c, 5);
	cluster_join(c, 5, 0);
	run_for(c, SEC);
	assert_true(all_have_it_at(c, 3, MEMBER_SUSPECT));
	for (i = 0; i < 60 && !all_have_it_at(c, 5, MEMBER_ALIVE); i++) {
		cluster_join(c, 5, 0);
		run_for(c, 5 * SEC);
		late += !all_have_it_at(c, 3, MEMBER_SUSPECT);
	}
	/* Long before the dead are forgotten. */
	assert_true(all_have_it_at(c, 5, MEMBER_ALIVE));
	assert_in_range(late, 1, 5);
	cluster_free(c);
}

static void
a_quick_restart_goes_unnoticed(void **state)
{
	struct cluster *c = cluster_new_mesh(5, &swim_wan, 10);

	(void)state;
	cluster_crash(c, 3);
	run_for(c, SEC);
	cluster_start(c, 3);
	cluster_join(c, 3, 0);
	assert_in_range(wait_fullmesh(c, 5 * SEC), 0, SEC);
	run_for(c, 120 * SEC);
	assert_true(fullmesh(c));
	assert_int_equal(c->node[0].failed, 0);
	/* In person: its old tunnel is dead, the others must prime. */
	assert_true(c->node[1].updates_ready > 0);
	cluster_free(c);
}

static void
a_leave_is_seen_at_once(void **state)
{
	struct cluster *c = cluster_new_mesh(20, &swim_wan, 11);
	unsigned i;

	(void)state;
	swim_leave(c->node[7].s, c->now);
	assert_in_range(wait_status(c, 7, MEMBER_LEFT, 5 * SEC), 0, SEC / 10);
	run_for(c, 5 * SEC);
	assert_true(c->node[7].leave_done);
	cluster_crash(c, 7);
	run_for(c, 300 * SEC);
	for (i = 0; i < c->n; i++)
		assert_int_equal(c->node[i].failed, 0);
	assert_int_equal(status(c, 0, 7), -1);
	cluster_free(c);
}

static void
a_leave_gets_through_loss(void **state)
{
	struct cluster *c = cluster_new_mesh(20, &swim_wan, 12);

	(void)state;
	set_drop(c, 0.4);
	swim_leave(c->node[7].s, c->now);
	assert_in_range(wait_status(c, 7, MEMBER_LEFT, 10 * SEC), 0, 6 * SEC);
	cluster_free(c);
}

static void
a_member_that_left_returns_elsewhere(void **state)
{
	struct cluster *c = cluster_new_mesh(5, &swim_wan, 13);

	(void)state;
	swim_leave(c->node[2].s, c->now);
	run_for(c, 5 * SEC);
	cluster_crash(c, 2);
	c->node[2].addr = ip("10.0.9.9", PORT);
	c->node[2].incarnation = 1;
	cluster_start(c, 2);
	cluster_join(c, 2, 0);
	assert_in_range(wait_fullmesh(c, 10 * SEC), 0, 5 * SEC);
	cluster_free(c);
}

static void
a_moved_member_is_followed(void **state)
{
	struct cluster *c = cluster_new_mesh(5, &swim_wan, 14);
	struct ipport to = ip("10.0.9.9", PORT), got;
	unsigned i;

	(void)state;
	swim_set_addr(c->node[2].s, c->now, &to.ip, PORT);
	run_for(c, SEC / 2);
	assert_true(status_everywhere(c, 2, MEMBER_LEFT));
	run_for(c, SEC);
	c->node[2].addr = to;
	assert_in_range(wait_fullmesh(c, 10 * SEC), 0, 5 * SEC);
	for (i = 0; i < 5; i++) {
		member_ipport(
		    member_find(swim_members(c->node[i].s), "node2", 5), &got);
		assert_int_equal(ipport_cmp(&got, &to), 0);
	}
	cluster_free(c);
}

/* Each of two misses the other's leave: a third one tells them. */
static void
two_that_move_at_once_find_each_other(void **state)
{
	struct ipport to[2], got;
	unsigned seed, i, k;

	(void)state;
	for (seed = 0; seed < 20; seed++) {
		struct cluster *c = cluster_new_mesh(4, &swim_wan, 400 + seed);

		for (k = 0; k < 2; k++) {
			to[k] = ip(k ? "10.0.9.8" : "10.0.9.9", PORT);
			swim_set_addr(c->node[k].s, c->now, &to[k].ip, PORT);
			c->node[k].addr = to[k];
		}
		run_for(c, 12 * SEC);
		for (i = 0; i < 4; i++)
			for (k = 0; k < 2; k++) {
				member_ipport(
				    member_find(swim_members(c->node[i].s),
					c->node[k].name, 5),
				    &got);
				assert_int_equal(ipport_cmp(&got, &to[k]), 0);
				assert_int_equal(status(c, i, k), MEMBER_ALIVE);
			}
		cluster_free(c);
	}
}

static void
a_false_death_is_refuted(void **state)
{
	struct cluster *c = cluster_new_mesh(10, &swim_wan, 15);
	struct wire_accuse a = {.incarnation = 1000,
	    .node = swim_str("node3"),
	    .from = swim_str("node1")};
	uint8_t buf[256];
	ssize_t n = wire_put_accuse(buf, sizeof(buf), WIRE_DEAD, &a);

	(void)state;
	assert_int_equal(
	    swim_packet(c->node[5].s, c->now, &c->node[1].addr, buf, (size_t)n),
	    0);
	/* Told of it, node3 refutes it before anybody believes it. */
	run_for(c, 10 * SEC);
	assert_true(fullmesh(c));
	assert_int_equal(c->node[5].failed, 0);
	assert_int_equal(swim_incarnation(c->node[3].s), 1001);
	cluster_free(c);
}

/* One direction blocked is not enough to be killed: relays and TCP help. */
static void
a_short_partition_heals(void **state)
{
	struct cluster *c = cluster_new_mesh(10, &swim_wan, 16);

	(void)state;
	set_partition(c, 7, 10, 1);
	run_for(c, 20 * SEC);
	set_partition(c, 7, 10, 0);
	assert_true(wait_fullmesh(c, 120 * SEC) != -1);
	cluster_free(c);
}

static void
sides_that_lost_each_other_meet_by_a_join(void **state)
{
	struct cluster *c = cluster_new_mesh(10, &swim_wan, 17);

	(void)state;
	set_partition(c, 5, 10, 1);
	run_for(c, 900 * SEC);
	assert_int_equal(status(c, 0, 9), -1);
	assert_int_equal(status(c, 9, 0), -1);
	set_partition(c, 5, 10, 0);
	cluster_join(c, 9, 0);
	assert_in_range(wait_fullmesh(c, 60 * SEC), 0, 10 * SEC);
	cluster_free(c);
}

/* An exchange repairs what no gossip told. */
static void
gossip_that_was_missed_comes_with_an_exchange(void **state)
{
	struct cluster *c = cluster_new_mesh(6, &swim_wan, 18);

	(void)state;
	set_drop(c, 1.0);
	swim_set_meta(c->node[2].s, c->now, (const uint8_t *)"Xnew", 4);
	run_for(c, 4 * SEC);
	set_drop(c, 0);
	run_for(c, 240 * SEC);
	assert_true(fullmesh(c));
	assert_int_equal(
	    member_find(swim_members(c->node[5].s), "node2", 5)->metalen, 4);
	cluster_free(c);
}

static void
a_hundred_join_one_at_once(void **state)
{
	struct cluster *c = cluster_new(100, &swim_wan, 19);
	unsigned i;

	(void)state;
	for (i = 1; i < 100; i++)
		cluster_join(c, i, 0);
	assert_in_range(wait_fullmesh(c, 120 * SEC), 0, 10 * SEC);
	cluster_free(c);
}

/* An original joins 150 of ours: never more than 64 news in one exchange. */
static void
an_original_is_fed_in_portions(void **state)
{
	struct cluster *c = cluster_new(151, &swim_wan, 20);
	unsigned i;
	int64_t took;

	(void)state;
	c->node[150].original = true;
	cluster_crash(c, 150);
	cluster_start(c, 150);
	for (i = 1; i < 150; i++) {
		cluster_join(c, i, 0);
		run_for(c, SEC / 20);
	}
	run_for(c, 30 * SEC);
	cluster_join(c, 150, 0);
	took = wait_fullmesh(c, 60 * SEC);
	assert_in_range(took, 4 * SEC, 20 * SEC);
	assert_in_range(c->most_unknown, 32, 64);
	cluster_free(c);
}

static void
lan_is_faster(void **state)
{
	struct cluster *c = cluster_new_mesh(10, &swim_lan, 21);

	(void)state;
	c->latency = 1000;
	cluster_crash(c, 4);
	assert_in_range(
	    wait_status(c, 4, MEMBER_DEAD, 100 * SEC), 4 * SEC, 40 * SEC);
	cluster_free(c);
}

/* What a laptop does: its members go on as if no time had passed. */
static void
sleeps(int64_t us, int state)
{
	struct cluster *c = cluster_new_mesh(5, &swim_wan, 23);
	unsigned i;

	cluster_sleep(c, 2);
	run_for(c, us);
	assert_true(status_everywhere(c, 2, state));
	cluster_wake(c, 2);
	assert_in_range(wait_fullmesh(c, 20 * SEC), 0, SEC);
	run_for(c, 300 * SEC);
	assert_true(fullmesh(c));
	assert_int_equal(c->node[2].suspected + c->node[2].failed, 0);
	for (i = 0; i < c->n; i++)
		assert_in_range(c->node[i].failed, 0, i != 2);
	cluster_free(c);
}

static void
a_sleeper_that_was_declared_failed_returns(void **state)
{
	(void)state;
	sleeps(70 * SEC, MEMBER_DEAD);
}

static void
a_sleeper_that_was_forgotten_returns(void **state)
{
	(void)state;
	sleeps(600 * SEC, -1);
}

/* A nap makes no noise: nobody is told anything. */
static void
a_nap_goes_unnoticed(void **state)
{
	struct cluster *c = cluster_new_mesh(5, &swim_wan, 24);
	uint32_t inc = swim_incarnation(c->node[2].s);

	(void)state;
	cluster_sleep(c, 2);
	run_for(c, 10 * SEC);
	cluster_wake(c, 2);
	assert_int_equal(swim_incarnation(c->node[2].s), inc);
	run_for(c, 60 * SEC);
	assert_true(fullmesh(c));
	assert_int_equal(c->node[2].suspected, 0);
	cluster_free(c);
}

/* The same seed is the same run. */
static void
a_run_can_be_repeated(void **state)
{
	uint64_t packets = 0;
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct cluster *c = cluster_new_mesh(8, &swim_wan, 22);

		set_drop(c, 0.1);
		run_for(c, 100 * SEC);
		assert_true(packets == 0 || packets == c->packets);
		packets = c->packets;
		cluster_free(c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(three_know_each_other_at_once),
	    cmocka_unit_test(the_newcomer_is_heard_in_person_once),
	    cmocka_unit_test(all_join_each_other_at_once),
	    cmocka_unit_test(a_chain_of_joins_at_once),
	    cmocka_unit_test(thirty_start_at_once),
	    cmocka_unit_test(nobody_is_suspected_at_rest),
	    cmocka_unit_test(loss_kills_nobody),
	    cmocka_unit_test(a_crash_is_seen_by_all),
	    cmocka_unit_test(the_dead_are_forgotten),
	    cmocka_unit_test(a_crashed_member_returns),
	    cmocka_unit_test(a_member_that_forgot_its_incarnation_returns),
	    cmocka_unit_test(a_failed_name_has_a_new_home),
	    cmocka_unit_test(a_new_home_waits_for_the_failure),
	    cmocka_unit_test(a_quick_restart_goes_unnoticed),
	    cmocka_unit_test(a_leave_is_seen_at_once),
	    cmocka_unit_test(a_leave_gets_through_loss),
	    cmocka_unit_test(a_member_that_left_returns_elsewhere),
	    cmocka_unit_test(a_moved_member_is_followed),
	    cmocka_unit_test(two_that_move_at_once_find_each_other),
	    cmocka_unit_test(a_false_death_is_refuted),
	    cmocka_unit_test(a_short_partition_heals),
	    cmocka_unit_test(sides_that_lost_each_other_meet_by_a_join),
	    cmocka_unit_test(gossip_that_was_missed_comes_with_an_exchange),
	    cmocka_unit_test(a_hundred_join_one_at_once),
	    cmocka_unit_test(an_original_is_fed_in_portions),
	    cmocka_unit_test(lan_is_faster),
	    cmocka_unit_test(a_sleeper_that_was_declared_failed_returns),
	    cmocka_unit_test(a_sleeper_that_was_forgotten_returns),
	    cmocka_unit_test(a_nap_goes_unnoticed),
	    cmocka_unit_test(a_run_can_be_repeated),
	};

	return cmocka_run_group_tests_name("cluster", tests, NULL, NULL);
}
