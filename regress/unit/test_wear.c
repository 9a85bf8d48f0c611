/*
 * How many messages were sealed under the cluster key: counted over restarts,
 * said once at half of what it bears and once at all of it, never before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/log.h"
#include "../../wesher/seal.h"
#include "../../wesher/state.h"
#include "../../wesher/wear.h"

static unsigned lines;
static char said[512];

static void
on_line(enum log_level level, const char *tag, const char *line)
{
	(void)tag;
	assert_int_equal(level, LOG_L_WARN);
	lines++;
	strlcpy(said, line, sizeof(said));
}

static int
listen_to_log(void **state)
{
	(void)state;
	lines = 0;
	log_init(LOG_D_SINK, LOG_L_WARN, "test", -1);
	log_sink(on_line);
	return 0;
}

static void
warns_twice(void **state)
{
	struct wear w = {0};

	(void)state;
	/* Ten of us, and a tenth of the half is ours. */
	wear_add(&w, WEAR_BOUND / 20 - 1, 10);
	assert_int_equal(lines, 0);
	wear_add(&w, 2, 10);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(said, "half of 2^32"));
	assert_non_null(strstr(said, "roll the key"));
	/* All can open it before anybody seals with it. */
	assert_non_null(strstr(said, "OLD,NEW on all members, then NEW,OLD"));
	wear_add(&w, 1000, 10);
	assert_int_equal(lines, 1);
	wear_add(&w, WEAR_BOUND / 2, 1);
	assert_int_equal(lines, 2);
	assert_non_null(strstr(said, "that is 2^32"));
	wear_add(&w, 1000, 10);
	assert_int_equal(lines, 2);
	/* Both at once is said once. */
	memset(&w, 0, sizeof(w));
	wear_add(&w, UINT64_MAX, 0);
	wear_add(&w, UINT64_MAX, 1000);
	assert_int_equal(lines, 3);
	assert_true(w.own == UINT64_MAX && w.all == UINT64_MAX);
}

static void
saved_and_read(void **state)
{
	static const uint64_t v[] = {
	    0, 1, WEAR_BOUND - 1, WEAR_BOUND * 1000, INT64_MAX};
	struct state s = {.has_key = true}, got;
	char why[STATE_WHY], *text;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		s.sealed = v[i];
		s.sealed_all = v[sizeof(v) / sizeof(v[0]) - 1 - i];
		text = state_format(&s, &len);
		assert_non_null(text);
		assert_int_equal(
		    state_parse(text, len, &got, why, sizeof(why)), STATE_OK);
		assert_true(got.sealed == s.sealed);
		assert_true(got.sealed_all == s.sealed_all);
		free(text);
		state_clear(&got);
	}
	/* Of no use, and no harm. */
	text = strdup("{\"Nodes\":[],\"Sealed\":-5,\"SealedByAll\":\"x\"}");
	assert_int_equal(
	    state_parse(text, strlen(text), &got, why, sizeof(why)), STATE_OK);
	assert_true(got.sealed == 0 && got.sealed_all == 0);
	free(text);
}

static void
each_seal_counts(void **state)
{
	static const uint8_t key[1][CLUSTER_KEY_LEN] = {{1}};
	uint8_t out[64];
	const char *why;
	struct seal *s;
	int i;

	(void)state;
	assert_int_equal(seal_init(false, &why), 0);
	s = seal_new(key, 1);
	for (i = 0; i < 10; i++)
		assert_true(
		    seal_close(s, "x", 1, NULL, 0, out, sizeof(out)) > 0);
	/* What was not sealed does not count, nor what was opened. */
	assert_int_equal(seal_close(s, "x", 1, NULL, 0, out, 5), -1);
	assert_int_equal(seal_open(s, out, 30, NULL, 0, out + 32, 32), 1);
	assert_int_equal(seal_count(s), 10);
	seal_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(warns_twice, listen_to_log),
	    cmocka_unit_test_setup(saved_and_read, listen_to_log),
	    cmocka_unit_test_setup(each_seal_counts, listen_to_log),
	};

	return cmocka_run_group_tests_name("wear", tests, NULL, NULL);
}
