/*
 * Overlay addresses against the original's, and our own attempts beyond it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../../common/check.h"
#include "../../common/overlay.h"

static const char *
str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	assert_non_null(s);
	return s;
}

/*
 * One case. Prefixes that the original's command refuses show what its
 * function would do with whole bytes alone; ours has its own answer there.
 */
static bool
try(const json_t *o)
{
	struct ipnet net;
	struct ipaddr want, got;
	const char *name = str(o, "name");
	char buf[IPADDR_STRLEN];

	if (!json_is_true(json_object_get(o, "cli_accepts")))
		return false;
	if (ipnet_parse(str(o, "prefix"), &net) == -1)
		return false; /* v4-mapped: refused by our options */
	assert_int_equal(ipaddr_parse(str(o, "overlay"), &want), 0);
	overlay_addr(&net, name, strlen(name), 0, &got);
	if (!ipaddr_eq(&got, &want))
		fail_msg("%s in %s: %s, not %s", name, str(o, "prefix"),
		    ipaddr_str(&got, buf), str(o, "overlay"));
	return true;
}

static void
test_vectors(void **state)
{
	const char *dir = getenv("WESHER_VECTORS");
	char path[PATH_MAX];
	json_error_t e;
	json_t *all;
	size_t i, tried = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/overlay.json",
	    dir == NULL ? "regress/vectors" : dir);
	if ((all = json_load_file(path, 0, &e)) == NULL)
		fail_msg("%s: %s", path, e.text);
	for (i = 0; i < json_array_size(all); i++)
		tried += try(json_array_get(all, i));
	json_decref(all);
	assert_true(tried >= 100);
}

static void
derive(const char *cidr, const char *name, size_t n, unsigned attempt,
    char buf[IPADDR_STRLEN])
{
	struct ipnet net;
	struct ipaddr a;

	assert_int_equal(ipnet_parse(cidr, &net), 0);
	overlay_addr(&net, name, n, attempt, &a);
	assert_true(ipnet_contains(&net, &a));
	ipaddr_str(&a, buf);
}

/* protocol.md section 7 names these. */
static void
test_known(void **state)
{
	char buf[IPADDR_STRLEN], other[IPADDR_STRLEN];

	(void)state;
	derive("10.0.0.0/8", "", 0, 0, buf);
	assert_string_equal(buf, "10.149.197.141");
	derive("10.0.0.0/8", "test1", 5, 0, buf);
	assert_string_equal(buf, "10.171.249.28");
	derive("fd00:1234::/64", "test1", 5, 0, buf);
	assert_string_equal(buf, "fd00:1234::7081:6934:71ab:f91c");
	/* Bits, not bytes: the /20 keeps 12 bits of the same hash. */
	derive("10.0.0.0/20", "test1", 5, 0, buf);
	assert_string_equal(buf, "10.0.9.28");
	derive("10.0.16.0/20", "test1", 5, 0, buf);
	assert_string_equal(buf, "10.0.25.28");
	/* Attempt i is the address of name, zero byte, i. */
	derive("10.0.0.0/8", "test1", 5, 12, buf);
	derive("10.0.0.0/8", "test1\00012", 8, 0, other);
	assert_string_equal(buf, other);
}

/* In a /30 half of the names' first addresses are unusable. */
static void
test_first(void **state)
{
	struct ipnet net;
	struct ipaddr a, b;
	char name[16];
	int i, n, later = 0;

	(void)state;
	assert_int_equal(ipnet_parse("10.0.0.4/30", &net), 0);
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "node%d", i);
		n = overlay_first(&net, name, strlen(name), 0, &a);
		assert_true(n >= 0 && n <= 255);
		assert_true(check_overlay_host(&net, &a));
		overlay_addr(&net, name, strlen(name), (unsigned)n, &b);
		assert_true(ipaddr_eq(&a, &b));
		later += n > 0;
		n = overlay_first(
		    &net, name, strlen(name), (unsigned)n + 1, &b);
		assert_true(n > 0);
	}
	assert_true(later > 20 && later < 80);
	/* No usable host at all: given up, with no address. */
	assert_int_equal(ipnet_parse("10.0.0.4/32", &net), 0);
	assert_int_equal(overlay_first(&net, "x", 1, 0, &a), -1);
	assert_int_equal(a.len, 0);
	assert_int_equal(ipnet_parse("10.0.0.0/8", &net), 0);
	assert_int_equal(overlay_first(&net, "x", 1, 256, &a), -1);
	assert_int_equal(overlay_first(&net, "x", 1, 255, &a), 255);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_known),
	    cmocka_unit_test(test_first),
	};

	return cmocka_run_group_tests_name("overlay", tests, NULL, NULL);
}
