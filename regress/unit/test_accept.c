/*
 * Which of the host's addresses may be asked: by options, and what never.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "../../wesher/accept.h"

#define OURS 7 /* our interface's index */
#define LAN  2

static struct conf conf;
static struct priv_net net;
static struct accept_from from;
static struct accept a;

static struct ipaddr
ip(const char *s)
{
	struct ipaddr got = {0};

	assert_int_equal(ipaddr_parse(s, &got), 0);
	return got;
}

static void
own(const char *s)
{
	struct ipaddr got = ip(s);

	priv_ip_to(&net.addr[net.naddr++], &got);
}

static int
setup(void **state)
{
	(void)state;
	memset(&conf, 0, sizeof(conf));
	memset(&net, 0, sizeof(net));
	memset(&from, 0, sizeof(from));
	ipnet_parse("10.0.0.0/8", &conf.overlay);
	net.ifindex = OURS;
	own("192.168.1.5");
	own("192.168.2.5");
	own("fd00::5");
	from.conf = &conf;
	from.net = &net;
	from.announced = ip("192.168.1.5");
	from.overlay = ip("10.1.2.3");
	return 0;
}

static bool
takes(const char *local, unsigned ifindex)
{
	struct ipaddr at = {0};
	const char *why;

	if (local[0] != '\0')
		at = ip(local);
	return accept_ok(&a, &at, ifindex, &why);
}

static void
test_all_before_anything_is_known(void **state)
{
	(void)state;
	memset(&a, 0, sizeof(a));
	assert_true(takes("192.168.2.5", LAN));
	assert_true(takes("", 0));
}

static void
test_the_announced_one(void **state)
{
	(void)state;
	accept_fill(&a, &from);
	assert_true(takes("192.168.1.5", LAN));
	assert_true(takes("192.168.1.5", 0));
	assert_false(takes("192.168.2.5", LAN));
	assert_false(takes("192.168.1.255", LAN));
	assert_false(takes("255.255.255.255", LAN));
	assert_false(takes("10.1.2.3", LAN));
	assert_false(takes("", LAN));
	/* What everybody would be asked by in the other family. */
	assert_true(takes("fd00::5", LAN));
	assert_false(takes("fd00::6", LAN));
	/* A window after a move. */
	from.former = ip("192.168.2.5");
	accept_fill(&a, &from);
	assert_true(takes("192.168.2.5", LAN));
}

static void
test_never_through_our_own_tunnels(void **state)
{
	(void)state;
	accept_fill(&a, &from);
	assert_false(takes("192.168.1.5", OURS));
	conf.bind_addr = ip("192.168.1.5");
	accept_fill(&a, &from);
	assert_false(takes("192.168.1.5", OURS));
	assert_true(takes("192.168.1.5", LAN));
	conf.advertise_addr = ip("203.0.113.1");
	accept_fill(&a, &from);
	assert_false(takes("192.168.1.5", OURS));
}

static void
test_behind_nat(void **state)
{
	unsigned i;

	(void)state;
	conf.advertise_addr = from.announced = ip("203.0.113.1");
	accept_fill(&a, &from);
	assert_true(takes("192.168.1.5", LAN));
	assert_true(takes("192.168.2.5", LAN));
	assert_true(takes("fd00::5", LAN));
	assert_false(takes("192.168.3.5", LAN));
	assert_false(takes("192.168.1.255", LAN));
	assert_false(takes("10.1.2.3", LAN));
	/* More than can be listed: any but what is surely wrong. */
	for (i = net.naddr; i < PRIV_NET_ADDRS; i++)
		own("192.168.9.9");
	accept_fill(&a, &from);
	assert_true(takes("192.168.3.5", LAN));
	assert_false(takes("10.1.2.3", LAN));
	assert_false(takes("255.255.255.255", LAN));
	assert_false(takes("ff02::1", LAN));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
	    T(test_all_before_anything_is_known),
	    T(test_the_announced_one),
	    T(test_never_through_our_own_tunnels),
	    T(test_behind_nat),
	};

	return cmocka_run_group_tests_name("accept", tests, NULL, NULL);
}
