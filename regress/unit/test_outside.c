/*
 * What the gossip process reads of the host: the hosts file for --join names,
 * and which address it announces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../wesher/dns.h"
#include "../../wesher/mesh.h"

static const char hosts[] =
    "127.0.0.1 localhost\n"
    "# 192.0.2.9 host1\n"
    "192.0.2.1\thost1 alias1 # comment host9\r\n"
    "10.59.76.237\tnode2\t# ! managed automatically by wesher interface "
    "wgoverlay\n"
    "10.59.76.238 node3 # ! MANAGED AUTOMATICALLY !\n"
    "not-an-address host1\n"
    "2001:db8::1 HOST1\n"
    "\n"
    "192.0.2.2 last";

static size_t
look(const char *name, struct ipaddr *out)
{
	return dns_hosts_lookup(hosts, sizeof(hosts) - 1, name, out, 8);
}

static void
test_hosts(void **state)
{
	struct ipaddr a[8];
	char buf[IPADDR_STRLEN];

	(void)state;
	assert_int_equal(look("host1", a), 2);
	assert_string_equal(ipaddr_str(&a[0], buf), "192.0.2.1");
	assert_string_equal(ipaddr_str(&a[1], buf), "2001:db8::1");
	assert_int_equal(look("alias1", a), 1);
	assert_int_equal(look("last", a), 1);
	assert_int_equal(look("host9", a), 0);
	assert_int_equal(look("host", a), 0);
}

/* They name overlay addresses: joining through them would chase our tail. */
static void
test_managed_lines_do_not_count(void **state)
{
	struct ipaddr a[8];

	(void)state;
	assert_int_equal(look("node2", a), 0);
	assert_int_equal(look("node3", a), 0);
}

static void
test_hosts_is_bounded(void **state)
{
	struct ipaddr a[1];

	(void)state;
	assert_int_equal(
	    dns_hosts_lookup(hosts, sizeof(hosts) - 1, "host1", a, 1), 1);
	assert_int_equal(dns_hosts_lookup("", 0, "x", a, 1), 0);
}

static bool
all(const struct ipaddr *ip)
{
	return ip->len != 0;
}

static bool
v4only(const struct ipaddr *ip)
{
	return ip->len == 4;
}

static void
own(struct priv_net *n, const char *s)
{
	struct ipaddr a;

	ipaddr_parse(s, &a);
	priv_ip_to(&n->addr[n->naddr++], &a);
}

static void
picks(const struct conf *c, const struct priv_net *n,
    bool (*reaches)(const struct ipaddr *), const char *want)
{
	struct ipaddr got;
	char buf[IPADDR_STRLEN];
	bool ok = mesh_pick_addr(c, n, reaches, &got);

	if (want == NULL) {
		assert_false(ok);
		return;
	}
	assert_true(ok);
	assert_string_equal(ipaddr_str(&got, buf), want);
}

static void
test_pick_addr(void **state)
{
	struct conf c = {0};
	struct priv_net n = {0};
	struct ipaddr a;

	(void)state;
	ipnet_parse("10.0.0.0/8", &c.overlay);
	picks(&c, &n, all, NULL);
	own(&n, "169.254.1.1");
	own(&n, "127.0.0.1");
	picks(&c, &n, all, NULL);
	own(&n, "192.168.1.5");
	picks(&c, &n, all, "192.168.1.5");
	own(&n, "172.16.0.9");
	ipaddr_parse("172.16.0.9", &a);
	priv_ip_to(&n.def4, &a);
	picks(&c, &n, all, "172.16.0.9");
	own(&n, "2001:db8::7");
	picks(&c, &n, v4only, "172.16.0.9");
	picks(&c, &n, all, "2001:db8::7");
	own(&n, "203.0.113.4");
	picks(&c, &n, v4only, "203.0.113.4");
	ipaddr_parse("0.0.0.0", &c.bind_addr);
	picks(&c, &n, v4only, "203.0.113.4");
	ipaddr_parse("192.168.1.5", &c.bind_addr);
	picks(&c, &n, all, "192.168.1.5");
	ipaddr_parse("198.51.100.1", &c.advertise_addr);
	picks(&c, &n, all, "198.51.100.1");
}

static void
def(struct priv_ip *to, const char *s)
{
	struct ipaddr a = {0};

	(void)ipaddr_parse(s, &a);
	priv_ip_to(to, &a);
}

static void
test_public_of_the_default_route(void **state)
{
	struct conf c = {0};
	struct priv_net n = {0};

	(void)state;
	ipnet_parse("10.0.0.0/8", &c.overlay);
	own(&n, "203.0.113.4");
	own(&n, "198.51.100.4");
	picks(&c, &n, all, "203.0.113.4");
	def(&n.def4, "198.51.100.4");
	picks(&c, &n, all, "198.51.100.4");
	def(&n.def4, "192.168.1.1");
	picks(&c, &n, all, "203.0.113.4");
}

static bool
keeps(const char *announced, const char *pick, const struct priv_net *was,
    const struct priv_net *is)
{
	struct ipaddr a, p;

	ipaddr_parse(announced, &a);
	ipaddr_parse(pick, &p);
	return mesh_keep_addr(&a, &p, was, is);
}

static void
test_keep_addr(void **state)
{
	struct priv_net was = {0}, is = {0};

	(void)state;
	own(&is, "192.168.1.5");
	own(&is, "192.168.2.5");
	own(&is, "203.0.113.4");
	own(&is, "2001:db8::4");
	/* No default route for a moment. */
	def(&was.def4, "192.168.1.5");
	assert_true(keeps("192.168.1.5", "192.168.2.5", &was, &is));
	assert_false(keeps("192.168.3.5", "192.168.2.5", &was, &is));
	assert_false(keeps("192.168.1.5", "203.0.113.4", &was, &is));
	/* It leads elsewhere. */
	def(&is.def4, "192.168.2.5");
	assert_false(keeps("192.168.1.5", "192.168.2.5", &was, &is));
	/* A public one that was not the default route's stays ... */
	assert_true(keeps("203.0.113.4", "192.168.2.5", &was, &is));
	assert_true(keeps("2001:db8::4", "192.168.2.5", &was, &is));
	/* ... and one that was goes with it. */
	def(&was.def4, "203.0.113.4");
	assert_false(keeps("203.0.113.4", "192.168.2.5", &was, &is));
	def(&is.def4, "");
	assert_true(keeps("203.0.113.4", "192.168.2.5", &was, &is));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hosts),
	    cmocka_unit_test(test_managed_lines_do_not_count),
	    cmocka_unit_test(test_hosts_is_bounded),
	    cmocka_unit_test(test_pick_addr),
	    cmocka_unit_test(test_public_of_the_default_route),
	    cmocka_unit_test(test_keep_addr),
	};

	return cmocka_run_group_tests_name("outside", tests, NULL, NULL);
}
