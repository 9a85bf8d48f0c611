/*
 * The order of two claims to one overlay address: total, antisymmetric and
 * transitive, by brute force over all kinds of claims; and each rule by name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../wesher/claim.h"

static struct claim
claim(const char *name, bool movable, int64_t since)
{
	struct claim c = {name, strlen(name), movable, since};

	return c;
}

#define WINS(a, b)                                \
	do {                                      \
		struct claim x = a, y = b;        \
		assert_true(claim_wins(&x, &y));  \
		assert_false(claim_wins(&y, &x)); \
	} while (0)

static void
test_what_is_saved_comes_first(void **state)
{
	(void)state;
	WINS(claim("z", true, 1700000000), claim("a", false, 0));
	WINS(claim("z", true, 5), claim("a", false, 6));
	/* What is no time is none. */
	WINS(claim("z", true, 5), claim("a", false, -1));
	WINS(claim("a", true, -1), claim("b", true, 0));
}

static void
test_who_cannot_move_is_next(void **state)
{
	(void)state;
	WINS(claim("z", false, 0), claim("a", true, 0));
	WINS(claim("z", false, 7), claim("a", true, 7));
}

static void
test_the_smaller_name_is_last(void **state)
{
	(void)state;
	WINS(claim("a", true, 0), claim("b", true, 0));
	WINS(claim("a", false, 7), claim("b", false, 7));
	WINS(claim("node", true, 0), claim("node1", true, 0));
	WINS(claim("node10", true, 0), claim("node9", true, 0));
	/* Bytes, not characters of any sign. */
	WINS(claim("~", true, 0), claim("\xc3\xa4", true, 0));
	WINS(claim("", true, 0), claim("a", true, 0));
}

static void
test_a_name_ends_where_it_ends(void **state)
{
	struct claim a = {"ab", 1, true, 0}, b = {"aa", 2, true, 0};

	(void)state;
	assert_true(claim_wins(&a, &b));
	assert_false(claim_wins(&b, &a));
}

/* Every two of every kind have one winner, and no three go in a circle. */
static void
test_order(void **state)
{
	static const char *const names[] = {"a", "aa", "ab", "b", "\xff"};
	static const int64_t since[] = {0, 1, 2, INT64_MAX - 1};
	struct claim c[40];
	unsigned n = 0, i, j, k;

	(void)state;
	for (i = 0; i < 5; i++)
		for (j = 0; j < 4; j++)
			for (k = 0; k < 2; k++)
				c[n++] = claim(names[i], k == 0, since[j]);
	for (i = 0; i < n; i++) {
		assert_false(claim_wins(&c[i], &c[i]));
		for (j = 0; j < n; j++) {
			if (i == j)
				continue;
			assert_true(claim_wins(&c[i], &c[j]) !=
				    claim_wins(&c[j], &c[i]));
			for (k = 0; k < n; k++)
				if (claim_wins(&c[i], &c[j]) &&
				    claim_wins(&c[j], &c[k]))
					assert_true(claim_wins(&c[i], &c[k]));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_saved_comes_first),
	    cmocka_unit_test(test_who_cannot_move_is_next),
	    cmocka_unit_test(test_the_smaller_name_is_last),
	    cmocka_unit_test(test_a_name_ends_where_it_ends),
	    cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
