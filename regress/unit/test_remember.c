/*
 * Members that failed, as targets of a join, in virtual time: who is
 * remembered and for how long, the pace of the tries counted over hours, and
 * how the members of a half share them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "../../common/check.h"
#include "../../wesher/remember.h"

#define WALL  1700000000
#define HOUR  (3600 * US_PER_S)
#define NODES 64
#define TRIES 4096

struct node {
	struct remember *r;
	char name[16];
	bool ours; /* it has our extension: it tries */
	unsigned tries;
};

static struct {
	struct node node[NODES];
	unsigned n;
	int64_t now;
	uint64_t seed;
	uint32_t id;
	bool silent; /* joins never end */
	bool hidden; /* the targets are out of reach */
	unsigned flying, most;
	struct {
		uint32_t id;
		struct node *of;
	} open[TRIES];
	unsigned nopen, lighter;
	unsigned by_target[REMEMBER_MAX + 64];
	int64_t last[REMEMBER_MAX + 64], gap[REMEMBER_MAX + 64];
	enum remember_outcome how;
} w;

static int64_t
wall(void)
{
	return WALL + w.now / US_PER_S;
}

static struct ipport
at(unsigned i)
{
	struct ipport a = {.port = 7946, .ip.len = 4};

	a.ip.b[0] = 192;
	a.ip.b[2] = (uint8_t)(i >> 8);
	a.ip.b[3] = (uint8_t)i;
	return a;
}

static uint32_t
on_attempt(void *arg, const struct ipport *to)
{
	struct node *n = arg;
	unsigned i = (unsigned)to->ip.b[2] << 8 | to->ip.b[3];

	n->tries++;
	if (w.last[i] != 0 && w.now - w.last[i] > w.gap[i])
		w.gap[i] = w.now - w.last[i];
	w.last[i] = w.now;
	w.by_target[i]++;
	assert_true(w.nopen < TRIES);
	w.open[w.nopen].of = n;
	w.open[w.nopen++].id = ++w.id;
	if (++w.flying > w.most)
		w.most = w.flying;
	return w.id;
}

static const char *
on_spare(void *arg, const struct ipport *to)
{
	(void)arg;
	(void)to;
	return w.hidden ? "out of reach" : NULL;
}

static bool
on_lighter(void *arg, const struct remembered *r, uint64_t slot, uint64_t than)
{
	const struct node *self = arg;
	unsigned i;

	w.lighter++;
	for (i = 0; i < w.n; i++)
		if (w.node[i].ours && &w.node[i] != self &&
		    remember_weight(r->name, r->namelen, slot, w.node[i].name,
			strlen(w.node[i].name)) < than)
			return true;
	return false;
}

static uint32_t
on_random(void *arg)
{
	(void)arg;
	w.seed = w.seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(w.seed >> 33);
}

static const struct remember_ops ops = {
    on_attempt, on_spare, on_lighter, on_random};

static void
half(unsigned n, int64_t forget_after)
{
	unsigned i;

	for (w.n = n, i = 0; i < n; i++) {
		struct node *nd = &w.node[i];

		snprintf(nd->name, sizeof(nd->name), "m%u", i);
		nd->ours = true;
		nd->r = remember_new(&ops, nd, nd->name, forget_after);
		assert_non_null(nd->r);
	}
}

static int
setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	w.seed = 1;
	w.now = US_PER_S;
	w.how = REMEMBER_FAILED;
	return sodium_init() == -1;
}

static int
teardown(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < w.n; i++)
		remember_free(w.node[i].r);
	return 0;
}

static bool
fail_at(struct node *n, unsigned i, int64_t failed)
{
	struct remembered e = {.failed = failed, .at = at(i)};
	char name[32];

	snprintf(name, sizeof(name), "t%u", i);
	e.name = name;
	e.namelen = strlen(name);
	return remember_add(n->r, w.now, wall(), &e);
}

/* All members see them fail now. */
static void
fail_now(unsigned from, unsigned to)
{
	unsigned i, k;

	for (i = from; i < to; i++)
		for (k = 0; k < w.n; k++)
			assert_true(fail_at(&w.node[k], i, wall()));
}

static void
answer(void)
{
	unsigned i;

	for (i = 0; i < w.nopen && !w.silent; i++) {
		(void)remember_tried(w.open[i].of->r, w.open[i].id, w.how);
		w.flying--;
	}
	w.nopen = 0;
}

/* Until then; returns how many tries there were. */
static unsigned
run(int64_t until)
{
	unsigned i, tries = 0;
	int64_t d = 0;

	for (i = 0; i < w.n; i++)
		tries -= w.node[i].tries;
	for (;;) {
		for (d = NEVER, i = 0; i < w.n; i++)
			if (w.node[i].ours &&
			    remember_deadline(w.node[i].r) < d)
				d = remember_deadline(w.node[i].r);
		if (d > until)
			break;
		w.now = d > w.now ? d : w.now;
		for (i = 0; i < w.n; i++)
			if (w.node[i].ours)
				remember_tick(w.node[i].r, w.now, wall());
		answer();
	}
	w.now = until;
	for (i = 0; i < w.n; i++)
		tries += w.node[i].tries;
	return tries;
}

static void
assert_between(unsigned n, unsigned low, unsigned high)
{
	if (n < low || n > high)
		fail_msg("%u is not from %u to %u", n, low, high);
}

static void
test_backoff(void **state)
{
	int64_t age, b, last = 0;

	(void)state;
	assert_true(remember_backoff(0) == 5 * US_PER_S);
	assert_true(remember_backoff(60 * US_PER_S) == 45 * US_PER_S);
	assert_true(remember_backoff(6 * HOUR - 1) == 45 * US_PER_S);
	assert_true(remember_backoff(12 * HOUR) == 90 * US_PER_S);
	assert_true(remember_backoff(40 * HOUR) == 300 * US_PER_S);
	assert_true(remember_backoff(INT64_MAX) == 300 * US_PER_S);
	for (age = 0; age < 80 * HOUR; age += 7 * US_PER_S) {
		b = remember_backoff(age);
		assert_true(b >= last);
		assert_true(b <= (age < 6 * HOUR ? 45 : 300) * US_PER_S);
		last = b;
	}
}

/* One that failed, one member: 5 s to 45 s, then up to 5 min. */
static void
test_pace_of_one(void **state)
{
	int64_t t0 = w.now;

	(void)state;
	half(1, 72 * HOUR);
	fail_now(0, 1);
	assert_between(run(t0 + 60 * US_PER_S), 3, 7);
	assert_between(run(t0 + HOUR), 3540 / 45, 3540 / 33);
	assert_true(w.gap[0] <= 45 * US_PER_S);
	run(t0 + 6 * HOUR);
	assert_true(w.gap[0] <= 45 * US_PER_S);
	run(t0 + 48 * HOUR);
	assert_between(run(t0 + 50 * HOUR), 7200 / 300, 7200 / 220);
	assert_true(w.gap[0] <= 300 * US_PER_S);
}

/* However many they are: about one a second, and each has its turn. */
static void
test_pace_of_many(void **state)
{
	int64_t t0 = w.now;
	unsigned i;

	(void)state;
	half(1, 72 * HOUR);
	fail_now(0, 1000);
	assert_between(run(t0 + 60 * US_PER_S), 20, 130);
	assert_between(run(t0 + HOUR), 2500, 5000);
	assert_between(run(t0 + 2 * HOUR), 3000, 5000);
	for (i = 0; i < 1000; i++)
		assert_true(w.by_target[i] >= 4);
	/* The last ones more often. */
	assert_true(w.by_target[999] > 100);
	assert_true(w.by_target[0] < 12);
}

/* All in a half together, not each. */
static void
test_members_share(void **state)
{
	int64_t t0 = w.now;
	unsigned i, all;

	(void)state;
	half(40, 72 * HOUR);
	fail_now(0, 200);
	run(t0 + 600 * US_PER_S);
	all = run(t0 + HOUR);
	assert_between(all, 2400, 4800);
	for (i = 0; i < 40; i++)
		assert_between(w.node[i].tries, all / 40 / 2, all / 40 * 2);
	for (i = 0; i < 200; i++)
		assert_true(w.by_target[i] > 0);
}

/* As few are tried as often by forty as by one. */
static void
test_few_of_many_members(void **state)
{
	int64_t t0 = w.now;

	(void)state;
	half(40, 72 * HOUR);
	fail_now(0, 1);
	run(t0 + 600 * US_PER_S);
	assert_between(run(t0 + 2 * HOUR), 6600 / 60, 6600 / 30);
	/* Not for long by nobody: the owner is another one after 64 s. */
	assert_true(w.gap[0] <= 120 * US_PER_S);
}

/* Members of the original do not try: they own nothing. */
static void
test_originals_own_nothing(void **state)
{
	int64_t t0 = w.now;
	unsigned i;

	(void)state;
	half(20, 72 * HOUR);
	for (i = 1; i < 20; i++)
		w.node[i].ours = false;
	fail_now(0, 2);
	run(t0 + HOUR);
	assert_between(w.node[0].tries, 2 * 3540 / 45, 2 * 3540 / 30);
	for (i = 1; i < 20; i++)
		assert_int_equal(w.node[i].tries, 0);
	assert_true(w.gap[0] <= 45 * US_PER_S);
}

/* A member that owns all and does nothing does not keep them for ever. */
static void
test_owners_change(void **state)
{
	int64_t t0 = w.now;
	unsigned i;

	(void)state;
	half(8, 72 * HOUR);
	fail_now(0, 3);
	for (i = 1; i < 8; i += 2) /* they know of nobody */
		while (remember_count(w.node[i].r) > 0)
			remember_drop(
			    w.node[i].r, remember_get(w.node[i].r, 0)->name, 2);
	run(t0 + HOUR);
	for (i = 0; i < 3; i++) {
		assert_between(w.by_target[i], 20, 110);
		assert_true(w.gap[i] <= 20 * 64 * US_PER_S);
	}
}

/* Who looks for the owner looks when somebody is due, not all the time. */
static void
test_few_looks(void **state)
{
	int64_t t0 = w.now;

	(void)state;
	half(2, 72 * HOUR);
	fail_now(0, 1000);
	run(t0 + HOUR);
	w.lighter = 0;
	run(t0 + 2 * HOUR);
	assert_between(w.lighter, 1, 2 * 2 * 3600);
}

static void
test_forgotten_after(void **state)
{
	int64_t t0 = w.now;

	(void)state;
	half(1, 2 * HOUR);
	fail_now(0, 20);
	run(t0 + HOUR);
	fail_now(20, 21);
	assert_int_equal(remember_count(w.node[0].r), 21);
	run(t0 + 2 * HOUR + 60 * US_PER_S);
	assert_int_equal(remember_count(w.node[0].r), 1);
	run(t0 + 3 * HOUR + 60 * US_PER_S);
	assert_int_equal(remember_count(w.node[0].r), 0);
	assert_true(remember_deadline(w.node[0].r) == NEVER);
}

/* As loaded: too old ones are not taken, the clock may have gone back. */
static void
test_loaded(void **state)
{
	int64_t t0;

	(void)state;
	half(1, 2 * HOUR);
	w.now = 3 * HOUR; /* the clock counts from the boot, or not */
	t0 = w.now;
	assert_false(fail_at(&w.node[0], 0, wall() - 7200));
	assert_false(fail_at(&w.node[0], 1, 1));
	assert_true(fail_at(&w.node[0], 2, wall() - 7100));
	assert_true(fail_at(&w.node[0], 3, wall() + 999999));
	assert_true(fail_at(&w.node[0], 4, wall() - 60));
	assert_int_equal(remember_count(w.node[0].r), 3);
	/* The newest first. */
	assert_string_equal(remember_get(w.node[0].r, 0)->name, "t3");
	assert_true(remember_get(w.node[0].r, 0)->failed == wall());
	assert_string_equal(remember_get(w.node[0].r, 2)->name, "t2");
	run(t0 + 200 * US_PER_S);
	assert_int_equal(remember_count(w.node[0].r), 2);
	run(t0 + 2 * HOUR + 60 * US_PER_S);
	assert_int_equal(remember_count(w.node[0].r), 0);
}

static void
test_none_with_zero(void **state)
{
	(void)state;
	half(1, 0);
	assert_false(fail_at(&w.node[0], 0, wall()));
	assert_int_equal(remember_count(w.node[0].r), 0);
}

static void
test_bounded(void **state)
{
	struct remembered e = {.failed = WALL, .name = "one more"};
	struct remember *r;
	unsigned i;

	(void)state;
	half(1, 72 * HOUR);
	r = w.node[0].r;
	for (i = 0; i < REMEMBER_MAX + 60; i++)
		assert_true(fail_at(&w.node[0], i, wall() - 60));
	assert_int_equal(remember_count(r), REMEMBER_MAX);
	assert_string_equal(remember_get(r, 0)->name, "t1083");
	assert_string_equal(remember_get(r, REMEMBER_MAX - 1)->name, "t60");
	/* Another name at an address that is there takes that one's place. */
	e.namelen = strlen(e.name);
	e.at = at(500);
	assert_true(remember_add(r, w.now, wall(), &e));
	assert_int_equal(remember_count(r), REMEMBER_MAX);
	assert_false(remember_drop(r, "t500", 4));
	assert_true(remember_drop(r, "t60", 3));
	assert_int_equal(remember_count(r), REMEMBER_MAX - 1);
}

static void
test_once_each(void **state)
{
	(void)state;
	half(1, 72 * HOUR);
	fail_now(0, 1);
	w.now += HOUR;
	fail_now(0, 1);
	assert_int_equal(remember_count(w.node[0].r), 1);
	assert_true(remember_get(w.node[0].r, 0)->failed == wall());
	assert_true(remember_drop(w.node[0].r, "t0", 2));
	assert_false(remember_drop(w.node[0].r, "t0", 2));
	run(w.now + HOUR);
	assert_int_equal(w.node[0].tries, 0);
}

static void
test_not_ourselves(void **state)
{
	struct remembered e = {
	    .failed = WALL, .name = "m0", .namelen = 2, .at = at(1)};

	(void)state;
	half(1, 72 * HOUR);
	assert_false(remember_add(w.node[0].r, w.now, wall(), &e));
	/* Nor at an address that is ours by now. */
	fail_now(0, 1);
	w.how = REMEMBER_SELF;
	run(w.now + 10 * US_PER_S);
	assert_int_equal(w.node[0].tries, 1);
	assert_int_equal(remember_count(w.node[0].r), 0);
}

/* Whom we cannot reach is not tried, and is when we can. */
static void
test_out_of_reach(void **state)
{
	int64_t t0 = w.now;

	(void)state;
	half(1, 72 * HOUR);
	fail_now(0, 1);
	w.hidden = true;
	assert_int_equal(run(t0 + HOUR), 0);
	assert_int_equal(remember_count(w.node[0].r), 1);
	w.hidden = false;
	assert_between(run(t0 + HOUR + 45 * US_PER_S), 1, 2);
}

static void
test_few_in_flight(void **state)
{
	int64_t t0 = w.now;

	(void)state;
	half(1, 72 * HOUR);
	fail_now(0, 100);
	w.silent = true;
	run(t0 + 290 * US_PER_S);
	assert_int_equal(w.most, 8);
	/* News that never comes is not waited for. */
	assert_true(run(t0 + 3 * HOUR) > 8);
	/* And is nobody's when it comes late. */
	assert_false(remember_tried(w.node[0].r, 1, REMEMBER_REACHED));
	assert_false(remember_tried(w.node[0].r, 0, REMEMBER_REACHED));
}

/* Of a thousand two are left: they need not wait for their turn of a
 * thousand. */
static void
test_who_is_left_is_tried(void **state)
{
	int64_t t0 = w.now;
	char name[16];
	unsigned i;

	(void)state;
	half(1, 72 * HOUR);
	fail_now(0, 1000);
	run(t0 + HOUR);
	for (i = 2; i < 1000; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		assert_true(remember_drop(w.node[0].r, name, strlen(name)));
	}
	assert_between(run(t0 + HOUR + 46 * US_PER_S), 2, 4);
}

/* Our network has changed. */
static void
test_hurry(void **state)
{
	int64_t t0 = w.now;

	(void)state;
	half(1, 72 * HOUR);
	fail_now(0, 20);
	run(t0 + 20 * HOUR);
	remember_hurry(w.node[0].r, w.now);
	assert_true(run(w.now + 5 * US_PER_S) >= 20);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_backoff),
	    T(test_pace_of_one),
	    T(test_pace_of_many),
	    T(test_members_share),
	    T(test_few_of_many_members),
	    T(test_originals_own_nothing),
	    T(test_owners_change),
	    T(test_few_looks),
	    T(test_forgotten_after),
	    T(test_loaded),
	    T(test_none_with_zero),
	    T(test_bounded),
	    T(test_once_each),
	    T(test_not_ourselves),
	    T(test_out_of_reach),
	    T(test_few_in_flight),
	    T(test_who_is_left_is_tried),
	    T(test_hurry),
	};

	return cmocka_run_group_tests_name("remember", tests, NULL, NULL);
}
