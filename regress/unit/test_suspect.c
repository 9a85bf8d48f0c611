/* Suspicion time-outs, confirmations, the heap; and the health score. */
#include "rig.h"

static void
minimum_by_size(void **state)
{
	(void)state;
	/* mult * max(1, log10 n) * interval */
	assert_int_equal(suspect_min(6, 3, 5 * SEC), 30 * SEC);
	assert_int_equal(suspect_min(6, 10, 5 * SEC), 30 * SEC);
	assert_int_equal(suspect_min(6, 100, 5 * SEC), 60 * SEC);
	assert_int_equal(suspect_min(4, 1000, SEC), 12 * SEC);
}

static void
timeout_by_confirmations(void **state)
{
	(void)state;
	assert_int_equal(suspect_timeout(0, 4, 30, 180), 180);
	/* 180 - 150 * log(2) / log(5) = 115.4, log(3): 77.6, log(4): 50.8 */
	assert_in_range(suspect_timeout(1, 4, 30, 180), 115, 116);
	assert_in_range(suspect_timeout(2, 4, 30, 180), 77, 78);
	assert_in_range(suspect_timeout(3, 4, 30, 180), 50, 51);
	assert_int_equal(suspect_timeout(4, 4, 30, 180), 30);
	assert_int_equal(suspect_timeout(0, 0, 30, 180), 30);
}

static void
an_accuser_counts_once(void **state)
{
	struct suspect_heap h = {0};
	struct member m = {0};

	(void)state;
	assert_int_equal(suspect_start(&h, &m, 1, 2, 30, 180, 1000), 0);
	assert_int_equal(suspect_deadline(&h), 1180);
	assert_false(suspect_confirm(&h, m.suspicion, 1));
	assert_true(suspect_confirm(&h, m.suspicion, 2));
	assert_false(suspect_confirm(&h, m.suspicion, 2));
	assert_int_not_equal(suspect_deadline(&h), 1180);
	assert_true(suspect_confirm(&h, m.suspicion, 3));
	assert_int_equal(suspect_deadline(&h), 1030);
	/* k is reached: nothing more to tell. */
	assert_false(suspect_confirm(&h, m.suspicion, 4));
	suspect_free(&h);
	assert_null(m.suspicion);
}

static void
the_heap_knows_who_is_next(void **state)
{
	struct suspect_heap h = {0};
	static struct member m[100];
	unsigned i, left = 100;
	int64_t last = 0;

	(void)state;
	memset(m, 0, sizeof(m));
	for (i = 0; i < 100; i++)
		assert_int_equal(
		    suspect_start(&h, &m[i], 0, 1, 10, 100 + (i * 37) % 101, 0),
		    0);
	for (i = 0; i < 100; i += 3) {
		suspect_stop(&h, &m[i]);
		left--;
	}
	for (i = 1; i < 100; i += 3)
		assert_true(suspect_confirm(&h, m[i].suspicion, 1 + i));
	assert_null(suspect_due(&h, 9));
	for (; left > 0; left--) {
		assert_true(suspect_deadline(&h) >= last);
		last = suspect_deadline(&h);
		suspect_stop(&h, suspect_due(&h, last));
	}
	assert_int_equal(suspect_deadline(&h), INT64_MAX);
	suspect_free(&h);
}

/* Against a plain search, with a small generator of numbers. */
static void
the_heap_agrees_with_a_search(void **state)
{
	struct suspect_heap h = {0};
	static struct member m[64];
	uint32_t x = 1;
	unsigned i, k, step;

	(void)state;
	memset(m, 0, sizeof(m));
	for (step = 0; step < 20000; step++) {
		int64_t first = INT64_MAX;

		x = x * 1664525u + 1013904223u;
		i = x >> 26;
		if (m[i].suspicion != NULL)
			suspect_stop(&h, &m[i]);
		else
			assert_int_equal(suspect_start(&h, &m[i], 0, 0,
					     (x >> 8) % 1000, 5000, step),
			    0);
		for (k = 0; k < 64; k++)
			if (m[k].suspicion != NULL &&
			    m[k].suspicion->deadline < first)
				first = m[k].suspicion->deadline;
		assert_true(suspect_deadline(&h) == first);
	}
	suspect_free(&h);
}

static void
health_stays_in_range(void **state)
{
	struct aware a = {.max = 8}, off = {0};

	(void)state;
	aware_apply(&a, -1);
	assert_int_equal(a.score, 0);
	aware_apply(&a, 3);
	assert_int_equal(aware_scale(&a, 5), 20);
	aware_apply(&a, 100);
	assert_int_equal(a.score, 7);
	assert_int_equal(aware_scale(&a, 5), 40);
	aware_apply(&off, 5);
	assert_int_equal(off.score, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(minimum_by_size),
	    cmocka_unit_test(timeout_by_confirmations),
	    cmocka_unit_test(an_accuser_counts_once),
	    cmocka_unit_test(the_heap_knows_who_is_next),
	    cmocka_unit_test(the_heap_agrees_with_a_search),
	    cmocka_unit_test(health_stays_in_range),
	};

	return cmocka_run_group_tests_name("suspect", tests, NULL, NULL);
}
