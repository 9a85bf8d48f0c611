/*
 * How the mesh finds those again that it lost, in virtual time: who is
 * remembered and tried, over a restart too, and what a member says that is
 * alone. The pace of the tries is in test_remember.c and test_join.c.
 */
#include "mesh_rig.h"

/* Hours of it, in which wesher-priv's requests are many. */
static void
run_minutes(unsigned n)
{
	while (n-- > 0) {
		run_for(60 * US_PER_S, true);
		w.wall += 60;
		w.nasked = w.answered = 0;
	}
}

/* Who answered once and failed, nobody else: not who left, nor of whom we
 * only heard. */
static void
test_failed_are_remembered(void **state)
{
	struct node three[] = {
	    two[0], two[1], {"node4", 4, 1, 5, WIRE_S_ALIVE}};

	(void)state;
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	join_answer(three, 3);
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.saved_failed, 0);
	three[2].inc++;
	leaves(&three[2]);
	w.refuse = true;
	run_minutes(10);
	assert_int_equal(w.saved_failed, 1);
	assert_string_equal(w.failed_name, "node2");
	assert_true(w.failed_at >= w.wall - 660);
	/* It is tried as well as the name, each in its own time. */
	w.streams = w.resolves = w.to2 = 0;
	run_minutes(60);
	assert_true(w.to2 >= 80 && w.to2 <= 140);
	assert_true(w.resolves >= 1);
	w.refuse = false;
	run_minutes(1);
	/* Back: it is nobody that failed any more. */
	three[0].inc++;
	join_answer(three, 1);
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.saved_failed, 0);
}

static void
test_none_are_remembered_with_zero(void **state)
{
	(void)state;
	w.conf.forget_after = 0;
	up(0);
	alive(&two[0]);
	run_minutes(10);
	assert_int_equal(w.saved_failed, 0);
}

static void
saved_failed(size_t i, const char *name, const char *at, int64_t ago)
{
	struct state_node *n = &w.st.nodes[i];

	n->name = strdup(name);
	ipaddr_parse(at, &n->addr.ip);
	n->failed = w.wall - ago;
	n->since = 7;
}

/* Those of the state file, unless it was too long ago, or at an address that
 * is out of reach. */
static void
test_saved_failed_are_tried(void **state)
{
	(void)state;
	w.refuse = true;
	w.st.nodes = calloc(4, sizeof(*w.st.nodes));
	w.st.nnodes = 4;
	w.st.nodes[0].name = strdup("node5");
	ipaddr_parse("192.0.2.5", &w.st.nodes[0].addr.ip);
	saved_failed(1, "node2", "192.0.2.2", 3600);
	saved_failed(2, "node3", "192.0.2.3", 73 * 3600);
	saved_failed(3, "node4", "2001:db8::4", 3600);
	up(0);
	/* Not as those that were alive. */
	assert_int_equal(w.resolves, 1);
	run_minutes(10);
	assert_true(w.to2 >= 10);
	assert_true(w.streams == w.to2);
	assert_int_equal(w.saved_failed, 2);
	assert_true(w.failed_since == 7);
}

/* Two members of a run that ended a minute ago. */
static void
last_run(bool answered)
{
	unsigned i;

	saved_two();
	w.st.saved = w.wall - 60;
	for (i = 0; i < 2; i++) {
		w.st.nodes[i].since = 7;
		w.st.nodes[i].answered = answered;
	}
}

/* node2 goes on, so many times 5 s. */
static void
node2_lives(unsigned n)
{
	struct node two2 = two[0];

	while (n-- > 0) {
		two2.inc++;
		alive(&two2);
		run_for(5 * US_PER_S, true);
		w.wall += 5;
	}
}

/* Who of the last run is not back: in the saved list at first, then among
 * those that failed. A second crash loses nobody. */
static void
test_the_missing_are_kept(void **state)
{
	(void)state;
	last_run(true);
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	join_answer(two, 1);
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.saved_nodes, 2);
	assert_int_equal(w.saved_failed, 0);
	assert_true(w.kept.saved == w.wall - 60);
	node2_lives(19);
	assert_int_equal(w.saved_nodes, 1);
	assert_int_equal(w.saved_failed, 1);
	assert_string_equal(w.failed_name, "node3");
	assert_true(w.failed_since == 7);
	assert_true(w.failed_at >= w.wall - 200 && w.failed_at < w.wall - 100);
	assert_true(w.kept.saved > w.wall - 60);
	alive(&two[1]);
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.saved_nodes, 2);
	assert_int_equal(w.saved_failed, 0);
}

/* Those that we never spoke to, and those that said goodbye, are not. */
static void
test_the_missing_that_are_forgotten(void **state)
{
	struct node n = two[1];

	(void)state;
	last_run(false);
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	join_answer(two, 1);
	node2_lives(19);
	assert_int_equal(w.saved_nodes, 1);
	assert_int_equal(w.saved_failed, 0);
	teardown(state);
	setup(state);
	last_run(true);
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	join_answer(two, 2);
	n.inc++;
	leaves(&n);
	node2_lives(40);
	assert_int_equal(w.saved_nodes, 1);
	assert_int_equal(w.saved_failed, 0);
	/* Nor when nobody is left, and the last list stays. */
	teardown(state);
	setup(state);
	last_run(true);
	up(0);
	resolved("192.0.2.2");
	join_answer(two, 2);
	node2_lives(1);
	n = two[0];
	n.inc = 100;
	leaves(&n);
	run_for(5 * US_PER_S, true);
	n = two[1];
	n.inc = 100;
	leaves(&n);
	run_for(5 * US_PER_S, true);
	assert_true(w.saved_nodes >= 1);
	assert_int_equal(w.saved_answered, 0);
}

/* All are known again, but one of them as failed. */
static void
test_the_missing_that_others_hold_for_dead(void **state)
{
	struct node n = two[1];

	(void)state;
	last_run(true);
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	n.state = WIRE_S_DEAD;
	join_answer((struct node[]){two[0], n}, 2);
	node2_lives(19);
	assert_int_equal(w.saved_nodes, 1);
	assert_int_equal(w.saved_failed, 1);
	assert_string_equal(w.failed_name, "node3");
}

/* The list is that of a time not long ago, whatever happens in the mesh. */
static void
test_the_time_of_the_list_goes_on(void **state)
{
	(void)state;
	w.conf.forget_after = 1600;
	up(0);
	node2_lives(1);
	assert_true(w.kept.saved >= w.wall - 5);
	node2_lives(100);
	assert_true(w.kept.saved >= w.wall - 280);
}

/* A host whose clock begins in 1970 and is set later. */
static void
test_failed_when_the_clock_was_wrong(void **state)
{
	int64_t right = w.wall;

	(void)state;
	w.wall = 1000;
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	join_answer(two, 1);
	run_for(5 * US_PER_S, true);
	w.refuse = true;
	run_minutes(5);
	assert_int_equal(w.saved_failed, 1);
	w.wall = right;
	alive(&two[1]);
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.saved_failed, 1);
	assert_true(w.failed_at > right - 3600 && w.failed_at <= right);
}

/* Members that are made up, and that nobody ever heard, own no target: else
 * whoever holds the key could keep the parts of a mesh apart. */
static void
test_made_up_members_try_nobody(void **state)
{
	static char names[100][8];
	struct node made[100];
	unsigned i;

	(void)state;
	w.wall = 1700000000;
	w.st.nodes = calloc(1, sizeof(*w.st.nodes));
	w.st.nnodes = 1;
	saved_failed(0, "node2", "192.0.2.2", 60);
	seed("seed");
	up(0);
	resolved("192.0.2.200");
	for (i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "m%u", i);
		made[i] = (struct node){
		    names[i], (uint8_t)(100 + i), 1, 5, WIRE_S_ALIVE};
	}
	join_answer(made, 100);
	w.refuse = true;
	run_for(180 * US_PER_S, true);
	assert_true(w.to2 >= 2);
}

/* Where the sandbox lets no connection go nothing is tried. */
static void
test_failed_behind_the_sandbox(void **state)
{
	(void)state;
	w.confined = true;
	w.st.nodes = calloc(1, sizeof(*w.st.nodes));
	w.st.nnodes = 1;
	saved_failed(0, "node2", "192.0.2.2", 60);
	up(0);
	run_minutes(10);
	assert_int_equal(w.streams, 0);
}

static void
test_no_tries_while_leaving(void **state)
{
	(void)state;
	w.st.nodes = calloc(1, sizeof(*w.st.nodes));
	w.st.nnodes = 1;
	saved_failed(0, "node2", "192.0.2.2", 60);
	up(0);
	alive(&two[1]);
	mesh_leave(w.mesh, w.now);
	run_for(60 * US_PER_S, true);
	assert_int_equal(w.to2, 0);
}

/* Alone: at once, once an hour, and the end of it. */
static void
test_alone_is_said(void **state)
{
	struct node n = two[0];

	(void)state;
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	join_answer(&n, 1);
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.alone, 0);
	run_minutes(5);
	assert_int_equal(w.alone, 1);
	run_minutes(3 * 60);
	assert_int_equal(w.alone, 4);
	n.inc++;
	join_answer(&n, 1);
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.alone, 5);
}

static void
test_alone_without_targets(void **state)
{
	struct node n = two[0];

	(void)state;
	up(0);
	alive(&n);
	run_for(5 * US_PER_S, true);
	n.inc++;
	leaves(&n);
	run_minutes(3 * 60);
	assert_int_equal(w.alone, 0);
}

/* Somebody who comes and goes is no reason to say it more often. */
static void
test_alone_now_and_then(void **state)
{
	struct node n = two[0];
	unsigned i;

	(void)state;
	seed("seed");
	up(0);
	w.refuse = true;
	for (i = 0; i < 300; i++) {
		n.inc += 2;
		alive(&n);
		run_for(2 * US_PER_S, true);
		n.inc++;
		leaves(&n);
		run_for(8 * US_PER_S, true);
		w.nasked = w.answered = 0;
	}
	assert_true(w.alone >= 1 && w.alone <= 4);
}

/* With members of the last run alone to try. */
static void
test_alone_since_the_start(void **state)
{
	(void)state;
	last_run(true);
	w.refuse = true;
	up(0);
	run_minutes(3 * 60 + 5);
	assert_int_equal(w.alone, 4);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_failed_are_remembered),
	    T(test_none_are_remembered_with_zero),
	    T(test_saved_failed_are_tried),
	    T(test_made_up_members_try_nobody),
	    T(test_failed_behind_the_sandbox),
	    T(test_no_tries_while_leaving),
	    T(test_alone_is_said),
	    T(test_alone_without_targets),
	    T(test_alone_now_and_then),
	    T(test_alone_since_the_start),
	    T(test_the_missing_are_kept),
	    T(test_the_missing_that_are_forgotten),
	    T(test_the_missing_that_others_hold_for_dead),
	    T(test_the_time_of_the_list_goes_on),
	    T(test_failed_when_the_clock_was_wrong),
	};

	return cmocka_run_group_tests_name("heal", tests, NULL, NULL);
}
