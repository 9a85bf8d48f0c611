/*
 * wesher-priv's command line: what is encoded decodes to the same, every
 * option by itself, and nothing that is not exactly an option is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../common/log.h"
#include "../../common/privargs.h"

static char err[256];

/* Through both halves. */
static void
round_trip(const struct policy *p, struct policy *back, size_t words)
{
	struct argvec vec = {0};

	assert_int_equal(privargs_encode(p, &vec), 0);
	if (words != 0)
		assert_int_equal(vec.n, words);
	assert_null(vec.v[vec.n]);
	if (privargs_decode(vec.v, back, err, sizeof(err)) != 0)
		fail_msg("%s", err);
}

static void
same(const struct policy *a, const struct policy *b)
{
	assert_string_equal(a->interface, b->interface);
	assert_int_equal(
	    memcmp(&a->overlay, &b->overlay, sizeof(a->overlay)), 0);
	assert_int_equal(a->cluster_port, b->cluster_port);
	assert_int_equal(a->wireguard_port, b->wireguard_port);
	assert_int_equal(a->mtu, b->mtu);
	assert_int_equal(a->keepalive, b->keepalive);
	assert_true(ipaddr_eq(&a->overlay_addr, &b->overlay_addr));
	assert_true(ipaddr_eq(&a->bind_addr, &b->bind_addr));
	assert_string_equal(a->bind_iface, b->bind_iface);
	assert_string_equal(a->user, b->user);
	assert_string_equal(a->hosts_domains, b->hosts_domains);
	assert_string_equal(a->metrics, b->metrics);
	assert_int_equal(a->keep_interface, b->keep_interface);
	assert_int_equal(a->no_etc_hosts, b->no_etc_hosts);
	assert_int_equal(a->foreground, b->foreground);
	assert_int_equal(a->allow_static, b->allow_static);
	assert_int_equal(a->init, b->init);
	assert_int_equal(a->remove, b->remove);
	assert_int_equal(a->new_key, b->new_key);
	assert_int_equal(a->log_level, b->log_level);
	assert_int_equal(a->conf_fd, b->conf_fd);
	assert_int_equal(a->gossip_fd, b->gossip_fd);
	assert_string_equal(a->statedir, b->statedir);
	assert_string_equal(a->etcdir, b->etcdir);
}

static void
test_default(void **state)
{
	char name[] = "wesher-priv", *argv[] = {name, NULL};
	struct policy def, back;

	(void)state;
	privargs_default(&def);
	assert_int_equal(privargs_decode(argv, &back, err, sizeof(err)), 0);
	same(&def, &back);
	round_trip(&def, &back, 17); /* eight with a value */
	same(&def, &back);
	assert_string_equal(back.interface, "wgoverlay");
	assert_int_equal(back.overlay.bits, 8);
	assert_int_equal(back.log_level, LOG_L_WARN);
	assert_int_equal(back.conf_fd, -1);
}

static void
test_full(void **state)
{
	struct policy p, back;
	size_t i;

	(void)state;
	privargs_default(&p);
	strcpy(p.interface, "fifteen-bytes-x");
	assert_int_equal(ipnet_parse("fd00:1234::/20", &p.overlay), 0);
	assert_int_equal(ipaddr_parse("fd00:1234::9", &p.overlay_addr), 0);
	p.cluster_port = 1;
	p.wireguard_port = 65535;
	p.mtu = 576;
	p.keepalive = 65535;
	assert_int_equal(ipaddr_parse("2001:db8::1", &p.bind_addr), 0);
	strcpy(p.bind_iface, "eth0");
	memset(p.user, 'u', sizeof(p.user) - 1);
	for (i = 0; i + 2 < sizeof(p.hosts_domains); i += 2)
		strcat(p.hosts_domains, "a,");
	strcat(p.hosts_domains, "b");
	snprintf(p.metrics, sizeof(p.metrics), "unix:/%0*d",
	    (int)sizeof(p.metrics) - 7, 1); /* the longest */
	p.keep_interface = p.no_etc_hosts = p.foreground = true;
	p.allow_static = p.init = true;
	p.log_level = LOG_L_DEBUG;
	p.conf_fd = 3;
	p.gossip_fd = 1 << 20;
	round_trip(&p, &back, 0);
	same(&p, &back);
}

/* One switch at a time: none stands for another. */
static void
test_switches(void **state)
{
	static const size_t at[] = {offsetof(struct policy, keep_interface),
	    offsetof(struct policy, no_etc_hosts),
	    offsetof(struct policy, foreground),
	    offsetof(struct policy, allow_static),
	    offsetof(struct policy, init), offsetof(struct policy, remove),
	    offsetof(struct policy, new_key)};
	struct policy p, back;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		privargs_default(&p);
		*(bool *)((char *)&p + at[i]) = true;
		round_trip(&p, &back, 0);
		same(&p, &back);
	}
}

/* These say what they use, and no more. */
static void
test_instead(void **state)
{
	struct policy p, back;

	(void)state;
	privargs_default(&p);
	strcpy(p.interface, "wg7");
	p.cluster_port = 99;
	p.conf_fd = 5;
	p.remove = p.no_etc_hosts = true;
	round_trip(&p, &back, 5);
	assert_string_equal(back.interface, "wg7");
	assert_true(back.remove && back.no_etc_hosts);
	assert_int_equal(back.cluster_port, 7946);
	assert_int_equal(back.conf_fd, -1);
}

static void
test_forms(void **state)
{
	char *argv[] = {"wesher-priv", "--mtu=1300", "--bind-iface", "e=0",
	    "--init", "--mtu", "1301", NULL};
	struct policy p;

	(void)state;
	assert_int_equal(privargs_decode(argv, &p, err, sizeof(err)), 0);
	assert_int_equal(p.mtu, 1301);
	assert_string_equal(p.bind_iface, "e=0");
	assert_true(p.init);
}

#define STATIC "--overlay-addr: expected a host address inside of --overlay-net"

static void
test_refused(void **state)
{
	static const struct {
		char *argv[6];
		const char *why;
	} t[] = {
	    {{"--hosts-domain", "a,"},
		"--hosts-domain a,: expected DOMAIN[,DOMAIN]... of up to 511 "
		"characters"},
	    {{"--overlay-addr", "10.0.0.1/8"},
		"--overlay-addr 10.0.0.1/8: expected an address"},
	    {{"--overlay-addr", "fd00::1"}, STATIC},
	    {{"--overlay-addr=10.1.2.3", "--overlay-net=10.2.0.0/16"}, STATIC},
	    {{"--overlay-addr=10.2.0.0", "--overlay-net=10.2.0.0/16"}, STATIC},
	    {{"--overlay-addr=10.2.255.255", "--overlay-net=10.2.0.0/16"},
		STATIC},
	    {{"--mtu", "575"},
		"--mtu 575: expected a number from 576 to 65535"},
	    {{"--mtu=65536"},
		"--mtu 65536: expected a number from 576 to 65535"},
	    {{"--mtu", ""}, "--mtu : expected a number from 576 to 65535"},
	    {{"--mtu", "+1300"},
		"--mtu +1300: expected a number from 576 to 65535"},
	    {{"--mtu", " 1300"},
		"--mtu  1300: expected a number from 576 to 65535"},
	    {{"--mtu"}, "--mtu: expected a value"},
	    {{"--cluster-port", "0"},
		"--cluster-port 0: expected a number from 1 to 65535"},
	    {{"--wireguard-port", "65536"},
		"--wireguard-port 65536: expected a number from 1 to 65535"},
	    {{"--keepalive", "-1"},
		"--keepalive -1: expected a number from 0 to 65535"},
	    {{"--conf-fd", "2"},
		"--conf-fd 2: expected a number from 3 to 1048576"},
	    {{"--gossip-fd", "-1"},
		"--gossip-fd -1: expected a number from 3 to 1048576"},
	    {{"--interface", "sixteen-bytes-xx"},
		"--interface sixteen-bytes-xx: expected an interface's name"},
	    {{"--interface", "../x"},
		"--interface ../x: expected an interface's name"},
	    {{"--interface="}, "--interface : expected an interface's name"},
	    {{"--bind-iface", "a b"},
		"--bind-iface a b: expected an interface's name"},
	    {{"--overlay-net", "10.0.0.0/31"},
		"--overlay-net 10.0.0.0/31: expected ADDRESS/BITS that leaves "
		"2 host bits at least"},
	    {{"--overlay-net", "10.0.0.0"},
		"--overlay-net 10.0.0.0: expected ADDRESS/BITS that leaves 2 "
		"host bits at least"},
	    {{"--bind-addr", "host"}, "--bind-addr host: expected an address"},
	    {{"--log-level", "loud"},
		"--log-level loud: expected debug, info, warn or error"},
	    {{"--user", ""}, "--user : expected a user of up to 63 characters"},
	    {{"--init=1"},
		"--init=1: no such option; wesher(8) starts this program"},
	    {{"--ini"}, "--ini: no such option; wesher(8) starts this program"},
	    {{"--initx"},
		"--initx: no such option; wesher(8) starts this program"},
	    {{"-d"}, "-d: no such option; wesher(8) starts this program"},
	    {{"--"}, "--: no such option; wesher(8) starts this program"},
	    {{"x"}, "x: no such option; wesher(8) starts this program"},
	    {{""}, ": no such option; wesher(8) starts this program"},
	    {{"--remove", "--new-key"},
		"--remove and --new-key exclude each other"},
	};
	char *argv[8] = {"wesher-priv"};
	struct policy p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		memcpy(argv + 1, t[i].argv, sizeof(t[i].argv));
		assert_int_equal(
		    privargs_decode(argv, &p, err, sizeof(err)), -1);
		assert_string_equal(err, t[i].why);
	}
}

static void
test_too_long_a_user(void **state)
{
	char user[65], *argv[] = {"wesher-priv", "--user", user, NULL};
	struct policy p;

	(void)state;
	memset(user, 'u', sizeof(user));
	user[64] = '\0';
	assert_int_equal(privargs_decode(argv, &p, err, sizeof(err)), -1);
	user[63] = '\0';
	assert_int_equal(privargs_decode(argv, &p, err, sizeof(err)), 0);
}

/* A vector that is full says so, and stays terminated. */
static void
test_full_vector(void **state)
{
	struct argvec vec = {0};
	size_t n = 0;

	(void)state;
	while (argvec_add(&vec, "%zu", n) == 0)
		n++;
	assert_int_equal(n, ARGVEC_MAX - 1);
	assert_null(vec.v[n]);
	memset(&vec, 0, sizeof(vec));
	assert_int_equal(argvec_add(&vec, "%4096s", "x"), -1);
	assert_int_equal(vec.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_default),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_switches),
	    cmocka_unit_test(test_instead),
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_too_long_a_user),
	    cmocka_unit_test(test_full_vector),
	};

	return cmocka_run_group_tests_name("privargs", tests, NULL, NULL);
}
