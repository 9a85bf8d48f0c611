/*
 * The gossip process killed at every system call of a rewrite of its state,
 * and each of those calls failing: the next start reads the whole old state or
 * the whole new one, and the next write leaves nothing lying about.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../wesher/state.h"
#include "tracer.h"

#define NAME  "state.json"
#define NODES 40

static char top[64];
static int dir;
static uint32_t old, new; /* incarnations of the two states */
static unsigned oldseen, newseen;

/* A state that its incarnation tells from the other; the larger one has all
 * the nodes. 0, or -1. */
static int
save(uint32_t incarnation)
{
	static char names[NODES][32];
	struct state_node nodes[NODES];
	struct state s = {.has_key = true,
	    .incarnation = incarnation,
	    .nodes = nodes,
	    .nnodes = incarnation > 1 ? NODES : 1};
	size_t i;

	memset(nodes, 0, sizeof(nodes));
	memset(s.key, (int)incarnation, sizeof(s.key));
	for (i = 0; i < s.nnodes; i++) {
		snprintf(names[i], sizeof(names[i]), "node%zu", i);
		nodes[i].name = names[i];
		(void)ipaddr_parse("192.0.2.1", &nodes[i].addr.ip);
	}
	return state_save(dir, NAME, &s);
}

static int
rewrite(void)
{
	return save(new) != 0;
}

/* What the next start reads, as its incarnation. */
static uint32_t
load(void)
{
	struct state s;
	char why[STATE_WHY];
	uint32_t got;
	size_t i;

	if (state_load(dir, NAME, &s, why, sizeof(why)) != STATE_OK)
		fail_msg("no state: %s", why);
	got = s.incarnation;
	assert_true(s.has_key);
	for (i = 0; i < sizeof(s.key); i++)
		assert_int_equal(s.key[i], got);
	assert_int_equal(s.nnodes, got > 1 ? NODES : 1);
	state_clear(&s);
	return got;
}

/* The names in the folder beside the state's own. */
static unsigned
others(void)
{
	DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY));
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || strcmp(e->d_name, NAME) == 0)
			continue;
		n++;
		assert_string_equal(e->d_name, NAME ".tmp");
	}
	closedir(d);
	return n;
}

static void
before(void)
{
	assert_int_equal(save(old), 0);
}

static void
after(int r)
{
	uint32_t got = load();

	assert_true(got == old || got == new);
	oldseen += got == old;
	newseen += got == new;
	if (r == 0 || r == TRACE_ENDED)
		assert_int_equal(got, new);
	else if (r != TRACE_KILLED)
		assert_int_equal(r, 1);
	(void)others();
	assert_int_equal(save(new), 0);
	assert_int_equal(load(), new);
	assert_int_equal(others(), 0);
}

static void
after_failure(int r)
{
	assert_int_equal(others(), 0);
	after(r);
}

static void
sweep(enum trace_how how, int error, bool torn)
{
	struct trace t = {.how = how, .error = error, .torn = torn};
	int i;

	for (i = 0; i < 2; i++) {
		old = i == 0 ? 1 : 2;
		new = i == 0 ? 2 : 1;
		oldseen = newseen = 0;
		/* open, mode, write, truncate, sync, close, rename, sync */
		assert_true(
		    trace_sweep(t, rewrite, before,
			how == TRACE_FAIL ? after_failure : after) >= 8);
		assert_true(newseen >= 1);
		assert_true(oldseen >= 5);
	}
}

static void
test_killed(void **state)
{
	(void)state;
	sweep(TRACE_ENTRY, 0, false);
	sweep(TRACE_EXIT, 0, false);
}

static void
test_killed_while_writing(void **state)
{
	(void)state;
	if (!TRACE_CAN_FAIL)
		skip();
	sweep(TRACE_ENTRY, 0, true);
	sweep(TRACE_EXIT, 0, true);
}

static void
test_failing(void **state)
{
	(void)state;
	if (!TRACE_CAN_FAIL)
		skip();
	sweep(TRACE_FAIL, EIO, true);
	sweep(TRACE_FAIL, ENOSPC, true);
	sweep(TRACE_FAIL, EINTR, true);
	sweep(TRACE_FAIL_ON, EIO, true);
	sweep(TRACE_FAIL_ON, ENOSPC, true);
}

static int
setup(void **state)
{
	(void)state;
	strlcpy(top, "/tmp/wesher-torn.XXXXXX", sizeof(top));
	assert_non_null(mkdtemp(top));
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir == -1 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlinkat(dir, NAME, 0);
	close(dir);
	return rmdir(top);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_killed), T(test_killed_while_writing), T(test_failing)};

	return cmocka_run_group_tests_name("torn", tests, NULL, NULL);
}
