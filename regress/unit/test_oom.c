/*
 * The core of membership when memory runs out: each allocation in turn,
 * and each with the next ones, fails in a mesh of four that live through all
 * that happens to members. Nothing crashes, nothing is lost for good, and when memory is back the mesh is what
 * it would have been. (Leaks: the same program under ASan.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "oom.h"

#include "cluster.h"

#define MEMBERS 4
#define ROW	40 /* allocations */

/* Joins, a crash that is noticed, a return, a leave. */
static void
live(struct cluster *c)
{
	unsigned i;

	for (i = 1; i < MEMBERS; i++)
		cluster_join(c, i, 0);
	run_for(c, 5 * SEC);
	cluster_crash(c, 3);
	run_for(c, 20 * SEC);
	swim_leave(c->node[2].s, c->now);
	run_for(c, 5 * SEC);
}

/* What join.c does with a target that was not reached. */
static void
join_again(struct cluster *c)
{
	unsigned i;

	for (i = 1; i < 3; i++)
		if (c->node[i].s != NULL)
			cluster_join(c, i, 0);
}

/* Nobody takes it for alive any more. */
static bool
wait_gone(struct cluster *c, unsigned j, int64_t max)
{
	int64_t end = c->now + max;
	unsigned i;
	int st;

	for (i = 0; i < c->n && c->now < end;) {
		st = c->node[i].s == NULL ? -1 : status(c, i, j);
		if (st == -1 || st == MEMBER_DEAD || st == MEMBER_LEFT)
			i++;
		else
			run_for(c, SEC);
	}
	return i == c->n;
}

/* True: there was no such allocation. */
static bool
one_life(unsigned n, unsigned row)
{
	struct cluster *c = cluster_new(MEMBERS, &swim_lan, 7);
	bool none;

	oom_arm(n, row);
	live(c);
	none = oom_disarm();
	/* The leaver ends, and starts again as it does. */
	cluster_crash(c, 2);
	cluster_start(c, 2);
	join_again(c);
	run_for(c, 10 * SEC);
	c->n = 3; /* the crashed one does not count */
	if (wait_fullmesh(c, 120 * SEC) == -1)
		fail_msg("allocation %u, %u: not everybody is known", n, row);
	c->n = MEMBERS;
	if (!wait_gone(c, 3, 300 * SEC))
		fail_msg("allocation %u, %u: a crash is not noticed", n, row);
	/* Nothing is wrong with any of them later. */
	cluster_start(c, 3);
	cluster_join(c, 3, 1);
	if (wait_fullmesh(c, 120 * SEC) == -1)
		fail_msg("allocation %u, %u: it does not return", n, row);
	cluster_free(c);
	return none;
}

static void
test_core(void **state)
{
	unsigned n = 0;

	(void)state;
	while (!one_life(++n, 1))
		;
	print_message("# %u allocations\n", n - 1);
	assert_true(n > 50);
}

static void
test_core_for_a_while(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; !one_life(n, ROW); n += ROW / 4)
		;
}

static void
test_new(void **state)
{
	struct cluster *c = cluster_new(1, &swim_lan, 7);
	struct swim_config cfg = {.profile = &swim_lan,
	    .ops = &node_ops,
	    .arg = &c->node[0],
	    .name = "node",
	    .addr = ip("10.0.0.1", PORT).ip,
	    .port = PORT,
	    .meta = (const uint8_t *)"X",
	    .metalen = 1,
	    .max_members = 100};
	struct swim *s;
	unsigned n;

	(void)state;
	for (n = 1;; n++) {
		oom_arm(n, 1);
		s = swim_new(&cfg, SEC);
		if (oom_disarm())
			break;
		assert_null(s);
	}
	assert_true(n > 3);
	swim_free(s);
	cluster_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_core),
	    cmocka_unit_test(test_core_for_a_while),
	    cmocka_unit_test(test_new)};

	return cmocka_run_group_tests_name("oom", tests, NULL, NULL);
}
