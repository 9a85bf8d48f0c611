/*
 * Addresses: text, bytes, order, classes, networks, socket addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "../../common/addr.h"

static struct ipaddr
ip(const char *s)
{
	struct ipaddr a;

	if (ipaddr_parse(s, &a) == -1)
		fail_msg("%s was refused", s);
	return a;
}

static void
test_parse(void **state)
{
	static const struct {
		const char *in, *out;
		unsigned len;
	} good[] = {
	    {"192.0.2.1", "192.0.2.1", 4},
	    {"0.0.0.0", "0.0.0.0", 4},
	    {"255.255.255.255", "255.255.255.255", 4},
	    {"::", "::", 16},
	    {"2001:DB8:0:0::1", "2001:db8::1", 16},
	    {"::ffff:192.0.2.1", "192.0.2.1", 4},
	    {"::192.0.2.1", "::192.0.2.1", 16},
	    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 16},
	};
	static const char *const bad[] = {"", " ", "host", "192.0.2",
	    "1.2.3.4 ", "192.0.2.1:7946", "192.0.2.256", "[::1]",
	    "fe80::1%eth0", "1", "::1::", "2001:db8::/32", "0x7f000001",
	    "192.0.2.1/32"};
	struct ipaddr a;
	char buf[IPADDR_STRLEN];
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		memset(&a, 0xaa, sizeof(a));
		assert_int_equal(ipaddr_parse(good[i].in, &a), 0);
		assert_int_equal(a.len, good[i].len);
		assert_string_equal(ipaddr_str(&a, buf), good[i].out);
		for (j = a.len; j < sizeof(a.b); j++)
			assert_int_equal(a.b[j], 0);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ipaddr_parse(bad[i], &a) != -1)
			fail_msg("\"%s\" was accepted", bad[i]);
	memset(&a, 0, sizeof(a));
	assert_string_equal(ipaddr_str(&a, buf), "none");
	a.len = 7;
	assert_string_equal(ipaddr_str(&a, buf), "none");
}

static void
test_from_bytes(void **state)
{
	static const uint8_t mapped[16] = {
	    [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1};
	uint8_t b[17] = {1, 2, 3, 4, 5};
	struct ipaddr a, v4 = ip("10.0.0.1");
	size_t len;

	(void)state;
	for (len = 0; len <= sizeof(b); len++) {
		int want = len == 4 || len == 16 ? 0 : -1;

		assert_int_equal(ipaddr_from_bytes(b, len, &a), want);
		assert_int_equal(a.len, want == 0 ? len : 0);
	}
	assert_int_equal(ipaddr_from_bytes(mapped, 16, &a), 0);
	assert_true(ipaddr_eq(&a, &v4));
	assert_memory_equal(&a, &v4, sizeof(a));
}

static void
test_order(void **state)
{
	static const char *const up[] = {"0.0.0.0", "10.0.0.1", "10.0.0.2",
	    "255.0.0.0", "::", "::1", "2001:db8::", "ff02::1"};
	struct ipport p = {ip("10.0.0.1"), 5}, q = p;
	size_t i, j, n = sizeof(up) / sizeof(up[0]);

	(void)state;
	for (i = 0; i < n; i++) {
		for (j = 0; j < n; j++) {
			struct ipaddr a = ip(up[i]), b = ip(up[j]);
			int c = ipaddr_cmp(&a, &b);

			assert_true(i == j ? c == 0 : i < j ? c < 0 : c > 0);
			assert_int_equal(ipaddr_eq(&a, &b), i == j);
		}
	}
	assert_int_equal(ipport_cmp(&p, &q), 0);
	q.port = 65535;
	assert_true(ipport_cmp(&p, &q) < 0 && ipport_cmp(&q, &p) > 0);
	q = (struct ipport){ip("10.0.0.0"), 9};
	assert_true(ipport_cmp(&q, &p) < 0);
}

#define ANY   1
#define LOOP  2
#define LINK  4
#define MULTI 8
#define PRIV  16

static unsigned
classes(const struct ipaddr *a)
{
	return (ipaddr_is_any(a) ? ANY : 0) |
	       (ipaddr_is_loopback(a) ? LOOP : 0) |
	       (ipaddr_is_linklocal(a) ? LINK : 0) |
	       (ipaddr_is_multicast(a) ? MULTI : 0) |
	       (ipaddr_is_private(a) ? PRIV : 0);
}

static void
test_classes(void **state)
{
	static const struct {
		const char *s;
		unsigned is;
	} t[] = {
	    {"0.0.0.0", ANY},
	    {"::", ANY},
	    {"127.0.0.1", LOOP},
	    {"127.255.255.255", LOOP},
	    {"126.255.255.255", 0},
	    {"::1", LOOP},
	    {"::2", 0},
	    {"169.254.0.1", LINK},
	    {"169.253.255.255", 0},
	    {"fe80::1", LINK},
	    {"febf::1", LINK},
	    {"fec0::1", 0},
	    {"224.0.0.1", MULTI},
	    {"239.255.255.255", MULTI},
	    {"223.255.255.255", 0},
	    {"240.0.0.1", 0},
	    {"255.255.255.255", MULTI},
	    {"ff02::1", MULTI},
	    {"10.0.0.0", PRIV},
	    {"11.0.0.0", 0},
	    {"172.15.255.255", 0},
	    {"172.16.0.0", PRIV},
	    {"172.31.255.255", PRIV},
	    {"172.32.0.0", 0},
	    {"192.168.1.1", PRIV},
	    {"192.169.1.1", 0},
	    {"100.63.255.255", 0},
	    {"100.64.0.1", PRIV},
	    {"100.127.255.255", PRIV},
	    {"100.128.0.0", 0},
	    {"fc00::1", PRIV},
	    {"fdff::1", PRIV},
	    {"fbff::1", 0},
	    {"2001:db8::1", 0},
	    {"::ffff:127.0.0.1", LOOP},
	};
	struct ipaddr none = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct ipaddr a = ip(t[i].s);

		if (classes(&a) != t[i].is)
			fail_msg(
			    "%s: %x, not %x", t[i].s, classes(&a), t[i].is);
	}
	assert_int_equal(classes(&none), 0);
}

static void
test_net(void **state)
{
	static const struct {
		const char *in, *out, *has, *not ;
	} good[] = {
	    {"10.1.2.3/8", "10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
	    {"10.1.18.3/20", "10.1.16.0/20", "10.1.31.255", "10.1.32.0"},
	    {"10.1.2.3/32", "10.1.2.3/32", "10.1.2.3", "10.1.2.2"},
	    {"10.1.2.3/31", "10.1.2.2/31", "10.1.2.3", "10.1.2.4"},
	    {"1.2.3.4/0", "0.0.0.0/0", "255.1.1.1", "::"},
	    {"128.0.0.0/1", "128.0.0.0/1", "255.0.0.0", "127.255.255.255"},
	    {"fd00:1234::5/64", "fd00:1234::/64", "fd00:1234::1:0:0:0",
		"fd00:1234:0:1::"},
	    {"2001:db8:ffff::/33", "2001:db8:8000::/33", "2001:db8:8000::1",
		"2001:db8:7fff::1"},
	    {"::/0", "::/0", "ff02::1", "0.0.0.0"},
	    {"fd00::1/128", "fd00::1/128", "fd00::1", "fd00::"},
	};
	static const char *const bad[] = {"", "/", "/8", "10.0.0.0",
	    "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
	    "10.0.0.0/ 8", "10.0.0.0/8 ", "10.0.0.0/8/8", "10.0.0/8",
	    "fd00::/129", "host/8", "10.0.0.0/8x", "::ffff:10.0.0.0/104",
	    "10.0.0.0/99999999999999999999",
	    "1111111111111111111111111111111111111111111111111111111111/8"};
	struct ipnet n;
	char buf[IPNET_STRLEN];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ipaddr a = ip(good[i].has), b = ip(good[i].not );

		assert_int_equal(ipnet_parse(good[i].in, &n), 0);
		assert_string_equal(ipnet_str(&n, buf), good[i].out);
		assert_true(ipnet_contains(&n, &a));
		assert_false(ipnet_contains(&n, &b));
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ipnet_parse(bad[i], &n) != -1)
			fail_msg("\"%s\" was accepted", bad[i]);
	memset(&n, 0, sizeof(n));
	assert_false(ipnet_contains(&n, &(struct ipaddr){0}));
}

static void
test_sockaddr(void **state)
{
	static const char *const all[] = {"192.0.2.1", "2001:db8::1"};
	struct sockaddr_storage ss;
	struct sockaddr_in6 sin6 = {
	    .sin6_family = AF_INET6, .sin6_port = 0x100};
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct ipport in = {.port = 7946}, out;
	struct ipaddr v4 = ip("10.0.0.1");
	char buf[IPPORT_STRLEN];
	socklen_t len;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		in.ip = ip(all[i]);
		len = ipport_to_sockaddr(&in, &ss);
		assert_int_equal(len, i == 0 ? sizeof(struct sockaddr_in)
					     : sizeof(struct sockaddr_in6));
		assert_int_equal(
		    ipport_from_sockaddr((struct sockaddr *)&ss, len, &out), 0);
		assert_int_equal(ipport_cmp(&in, &out), 0);
		/* One byte short is no address. */
		assert_int_equal(
		    ipport_from_sockaddr((struct sockaddr *)&ss, len - 1, &out),
		    -1);
	}
	assert_string_equal(ipport_str(&in, buf), "[2001:db8::1]:7946");
	in.ip = v4;
	assert_string_equal(ipport_str(&in, buf), "10.0.0.1:7946");
	memcpy(&sin6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\377\377\12\0\0\1", 16);
	assert_int_equal(
	    ipport_from_sockaddr((struct sockaddr *)&sin6, sizeof(sin6), &out),
	    0);
	assert_true(ipaddr_eq(&out.ip, &v4));
	assert_int_equal(
	    ipport_from_sockaddr((struct sockaddr *)&sun, sizeof(sun), &out),
	    -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_from_bytes),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_classes),
	    cmocka_unit_test(test_net),
	    cmocka_unit_test(test_sockaddr),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
