/*
 * The state file when memory runs out, at each allocation in turn, jansson's
 * too: it is written whole or not at all, and a file that could not be read
 * for want of memory is not taken for a damaged one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "oom.h"

#include "../../wesher/state.h"

static struct state
sample(void)
{
	static struct state_node nodes[3];
	static uint8_t meta[] = "metadata";
	static char names[3][8];
	struct state s = {
	    .has_key = true, .incarnation = 5, .nodes = nodes, .nnodes = 3};
	unsigned i;

	for (i = 0; i < 3; i++) {
		snprintf(names[i], sizeof(names[i]), "node%u", i);
		nodes[i].name = names[i];
		(void)ipaddr_parse("192.0.2.1", &nodes[i].addr.ip);
		nodes[i].meta = meta;
		nodes[i].metalen = sizeof(meta);
	}
	return s;
}

static char top[64], why[STATE_WHY];
static int dir;

static int
setup(void **state)
{
	struct state s = sample();

	(void)state;
	strlcpy(top, "/tmp/wesher-oom.XXXXXX", sizeof(top));
	assert_non_null(mkdtemp(top));
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return state_save(dir, "s", &s);
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlinkat(dir, "s", 0);
	close(dir);
	return rmdir(top);
}

/* The whole of it is there. */
static void
loads(void)
{
	struct state got;

	assert_int_equal(
	    state_load(dir, "s", &got, why, sizeof(why)), STATE_OK);
	assert_int_equal(got.nnodes, 3);
	state_clear(&got);
}

static void
test_save(void **state)
{
	struct state s = sample();
	unsigned n;
	int r;

	(void)state;
	for (n = 1;; n++) {
		oom_arm(n, 1);
		errno = 0;
		r = state_save(dir, "s", &s);
		if (oom_disarm())
			break;
		assert_true(r == 0 || errno == ENOMEM);
		loads();
	}
	assert_int_equal(r, 0);
	assert_true(n > 10);
}

static void
test_load(void **state)
{
	struct state got;
	unsigned n;
	int r;

	(void)state;
	for (n = 1;; n++) {
		oom_arm(n, 1);
		errno = 0;
		r = state_load(dir, "s", &got, why, sizeof(why));
		if (oom_disarm())
			break;
		if (r == STATE_OK)
			assert_int_equal(got.nnodes, 3);
		else if (r != STATE_IO || errno != ENOMEM)
			fail_msg("allocation %u: %s", n, why);
		state_clear(&got);
		loads();
	}
	assert_int_equal(r, STATE_OK);
	state_clear(&got);
	assert_true(n > 10);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_save), T(test_load)};

	return cmocka_run_group_tests_name("oom_state", tests, NULL, NULL);
}
