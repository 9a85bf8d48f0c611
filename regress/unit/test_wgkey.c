/*
 * WireGuard keys as text and as bytes, against a pair of RFC 7748 section 6.1
 * (Alice's, its text made with base64(1)).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <sodium.h>

#include "../../common/wgkey.h"

static const char text[] = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n";
static const uint8_t first[] = {0x77, 0x07, 0x6d, 0x0a};
static const uint8_t pub[] = {0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54};

static void
test_text(void **state)
{
	uint8_t key[WG_KEY_LEN], q[WG_KEY_LEN];
	char back[WGKEY_TEXT];

	(void)state;
	assert_int_equal(wgkey_parse(text, 45, key), 0);
	assert_memory_equal(key, first, sizeof(first));
	assert_int_equal(crypto_scalarmult_base(q, key), 0);
	assert_memory_equal(q, pub, sizeof(pub));
	wgkey_text(key, back);
	assert_memory_equal(back, text, sizeof(back));
	assert_int_equal(wgkey_parse(text, 44, key), 0); /* no newline */
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {"", "\n", "AAAA",
	    "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LC==",
	    "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCoA",
	    "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LC?=",
	    "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=x"};
	uint8_t key[WG_KEY_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(wgkey_parse(bad[i], strlen(bad[i]), key), -1);
	for (i = 0; i < 44; i++)
		assert_int_equal(wgkey_parse(text, i, key), -1);
}

static void
test_make(void **state)
{
	uint8_t a[WG_KEY_LEN], b[WG_KEY_LEN];
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		wgkey_make(a);
		wgkey_make(b);
		assert_memory_not_equal(a, b, WG_KEY_LEN);
		assert_int_equal(a[0] & 7, 0);
		assert_int_equal(a[31] & 0xc0, 0x40);
	}
}

static void
test_usable(void **state)
{
	/* RFC 7748 curves have these points of small order, too. */
	uint8_t key[WG_KEY_LEN] = {0}, seed[WG_KEY_LEN] = {1, 2, 3};

	(void)state;
	assert_false(wgkey_usable(key));
	key[0] = 1;
	assert_false(wgkey_usable(key));
	memset(key, 0xff, sizeof(key)); /* p - 1 */
	key[0] = 0xec;
	key[31] = 0x7f;
	assert_false(wgkey_usable(key));
	assert_int_equal(crypto_scalarmult_base(key, seed), 0);
	assert_true(wgkey_usable(key));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_make),
	    cmocka_unit_test(test_usable),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests_name("wgkey", tests, NULL, NULL);
}
