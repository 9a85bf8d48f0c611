/* The clock that stands still while its process does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../common/clock.h"

#define S US_PER_S

static void
time_goes_on(void **state)
{
	struct awake a = {0};

	(void)state;
	assert_int_equal(awake_at(&a, 100 * S), 100 * S);
	assert_int_equal(awake_at(&a, 900 * S), 900 * S); /* no promise made */
	a.due = 901 * S;
	assert_int_equal(awake_at(&a, 900 * S + 5), 900 * S + 5);
	assert_int_equal(awake_at(&a, 901 * S), 901 * S);
	/* Busy, not asleep. */
	assert_int_equal(awake_at(&a, 901 * S + AWAKE_LATE), 906 * S);
	assert_int_equal(a.slept, 0);
}

static void
sleep_does_not_count(void **state)
{
	struct awake a = {.due = 101 * S};

	(void)state;
	assert_int_equal(awake_at(&a, 100 * S), 100 * S);
	assert_int_equal(awake_at(&a, 700 * S), 101 * S);
	assert_int_equal(a.slept, 599 * S);
	/* It goes on from there, and is found once. */
	assert_int_equal(awake_at(&a, 702 * S), 103 * S);
	a.due = 104 * S;
	assert_int_equal(awake_at(&a, 703 * S), 104 * S);
	assert_int_equal(awake_at(&a, 803 * S), 104 * S);
	assert_int_equal(a.slept, 699 * S);
}

/* Whatever is promised and slept. */
static void
it_never_goes_back(void **state)
{
	struct awake a = {0};
	int64_t raw = 50 * S, last = 0, t;
	unsigned i, r = 1;

	(void)state;
	for (i = 0; i < 10000; i++) {
		r = r * 1103515245u + 12345u;
		raw += (r >> 8) % (20 * (unsigned)S);
		t = awake_at(&a, raw);
		assert_true(t >= last);
		last = t;
		r = r * 1103515245u + 12345u;
		a.due = t + (r >> 8) % (10 * (unsigned)S);
	}
	assert_true(a.slept > 0);
	assert_true(awake_now(&(struct awake){0}) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(time_goes_on),
	    cmocka_unit_test(sleep_does_not_count),
	    cmocka_unit_test(it_never_goes_back),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
