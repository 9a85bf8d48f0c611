/*
 * The validators that both sides of the boundary use.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../common/check.h"

/* n times c, and then tail. */
static const char *
many(char c, size_t n, const char *tail)
{
	static char buf[600];

	memset(buf, c, n);
	strcpy(buf + n, tail);
	return buf;
}

static void
test_name(void **state)
{
	char one[1];
	int i;

	(void)state;
	assert_false(check_name("", 0));
	assert_true(check_name(many('x', 255, ""), 255));
	assert_false(check_name(many('x', 256, ""), 256));
	assert_true(check_name("h\303\251llo w\303\266rld", 13));
	assert_false(check_name("a\nb", 3));
	assert_false(check_name("a\0b", 3));
	for (i = 0; i < 256; i++) {
		one[0] = (char)i;
		assert_int_equal(check_name(one, 1), i >= 0x20 && i != 0x7f);
	}
}

static void
test_domains(void **state)
{
	static const char *const good[] = {
	    "a", "example.org", "a.b,c.d,1a", "A_b.x"};
	static const char *const bad[] = {"", ",", "a,", ",a", "a,,b", ".a",
	    "a.", "a b", "a\nb", "10.1", "a,7", "-a", "a..b"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!check_domains(good[i]))
			fail_msg("%s was refused", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (check_domains(bad[i]))
			fail_msg("%s was accepted", bad[i]);
	assert_true(check_listed("B.c", 3, "a,b.c,d"));
	assert_true(check_listed("d", 1, "a,b.c,d"));
	assert_true(check_listed("a", 1, "a"));
	assert_false(check_listed("b", 1, "a,b.c,d"));
	assert_false(check_listed("c", 1, "a,b.c,d"));
	assert_false(check_listed("", 0, "a,b.c,d"));
	assert_false(check_listed("a", 1, ""));
}

static void
test_hostname(void **state)
{
	static const char *const good[] = {"a", "A1", "node-1", "node_1",
	    "a.b.c", "1a", "1.a", "x.localhost.org", "localhosts",
	    "web1.example.org", "wpadx", "xn--bcher-kva.example"};
	static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "-a",
	    "a-", "a.-b", "a b", "a\nb", "a\tb", "a#b", "a/b", "h\303\251llo",
	    "1", "10.0.0.1", "1.2", "localhost", "LocalHost", "x.localhost",
	    "X.LOCALHOST", "localhost.localdomain", "wpad", "WPAD.example.org",
	    "isatap", "a:b", "a%b", "ip6-localhost", "IP6-Loopback",
	    "localhost6.localdomain6", "broadcasthost", "_gateway"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!check_hostname(good[i], strlen(good[i])))
			fail_msg("%s was refused", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (check_hostname(bad[i], strlen(bad[i])))
			fail_msg("%s was accepted", bad[i]);
	assert_false(check_hostname("a\0b", 3));
	assert_true(check_hostname(many('x', 63, ""), 63));
	assert_false(check_hostname(many('x', 64, ""), 64));
	/* Only len bytes are looked at. */
	assert_true(check_hostname("ok bad", 2));
}

/* 253 in all, in labels of at most 63. */
static void
test_hostname_total(void **state)
{
	char name[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(name); i++)
		name[i] = i % 50 == 49 ? '.' : 'x';
	assert_true(check_hostname(name, 253));
	assert_false(check_hostname(name, 254));
}

static void
test_ifname(void **state)
{
	static const char *const good[] = {"a", "wgoverlay", "eth0.7", "br-lan",
	    "123456789012345", "...", "a_b@c"};
	static const char *const bad[] = {"", ".", "..", "1234567890123456",
	    "a b", "a/b", "a:b", "a\tb", "a\nb", "wg%d", "w\303\266", "a\177"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!check_ifname(good[i]))
			fail_msg("%s was refused", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (check_ifname(bad[i]))
			fail_msg("%s was accepted", bad[i]);
}

static void
test_zero(void **state)
{
	uint8_t b[33] = {0};

	(void)state;
	assert_true(check_is_zero(b, sizeof(b)));
	assert_true(check_is_zero(b, 0));
	b[32] = 1;
	assert_false(check_is_zero(b, 33));
	assert_true(check_is_zero(b, 32));
}

static void
test_endpoint(void **state)
{
	static const char *const good[] = {"192.0.2.1", "10.0.0.1", "1.0.0.1",
	    "2001:db8::1", "fd00::1", "::ffff:192.0.2.1"};
	static const char *const bad[] = {"0.0.0.0", "0.1.2.3", "127.0.0.1",
	    "169.254.1.1", "224.0.0.1", "255.255.255.255", "::", "::1",
	    "fe80::1", "ff02::1", "::ffff:127.0.0.1"};
	struct ipport ep = {.port = 1};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(ipaddr_parse(good[i], &ep.ip), 0);
		ep.port = 1;
		if (!check_endpoint(&ep))
			fail_msg("%s was refused", good[i]);
		ep.port = 0;
		assert_false(check_endpoint(&ep));
	}
	ep.port = 1;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ipaddr_parse(bad[i], &ep.ip), 0);
		if (check_endpoint(&ep))
			fail_msg("%s was accepted", bad[i]);
	}
	memset(&ep.ip, 0, sizeof(ep.ip));
	assert_false(check_endpoint(&ep));
}

static void
test_overlay_host(void **state)
{
	static const struct {
		const char *net, *addr;
		bool ok;
	} t[] = {
	    {"10.0.0.0/8", "10.0.0.1", true},
	    {"10.0.0.0/8", "10.255.255.254", true},
	    {"10.0.0.0/8", "10.0.0.0", false},
	    {"10.0.0.0/8", "10.255.255.255", false},
	    {"10.0.0.0/8", "11.0.0.1", false},
	    {"10.0.0.0/8", "10.1.0.0", true},
	    {"10.0.16.0/20", "10.0.31.255", false},
	    {"10.0.16.0/20", "10.0.31.254", true},
	    {"10.0.16.0/20", "10.0.16.0", false},
	    {"10.0.0.4/30", "10.0.0.5", true},
	    {"10.0.0.4/30", "10.0.0.7", false},
	    {"fd00::/64", "fd00::1", true},
	    {"fd00::/64", "fd00::", false},
	    {"fd00::/64", "fd00::ffff:ffff:ffff:ffff", true},
	    {"fd00::/64", "fd00:0:0:1::1", false},
	    {"fd00::/64", "10.0.0.1", false},
	};
	struct ipnet net;
	struct ipaddr a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(ipnet_parse(t[i].net, &net), 0);
		assert_int_equal(ipaddr_parse(t[i].addr, &a), 0);
		if (check_overlay_host(&net, &a) != t[i].ok)
			fail_msg("%s in %s", t[i].addr, t[i].net);
	}
}

static void
test_number(void **state)
{
	static const char *const bad[] = {"", "-1", "+5", " 5", "5 ", "5x",
	    "0x5", "4", "11", "4294967306", "99999999999999999999"};
	uint32_t n = 77;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(check_number(bad[i], 5, 10, &n));
	assert_int_equal(n, 77);
	assert_true(check_number("5", 5, 10, &n));
	assert_int_equal(n, 5);
	assert_true(check_number("0010", 5, 10, &n));
	assert_int_equal(n, 10);
	assert_true(check_number("4294967295", 0, UINT32_MAX, &n));
	assert_int_equal(n, UINT32_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_number),
	    cmocka_unit_test(test_name),
	    cmocka_unit_test(test_hostname),
	    cmocka_unit_test(test_domains),
	    cmocka_unit_test(test_hostname_total),
	    cmocka_unit_test(test_ifname),
	    cmocka_unit_test(test_zero),
	    cmocka_unit_test(test_endpoint),
	    cmocka_unit_test(test_overlay_host),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
