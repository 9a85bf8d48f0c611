/*
 * rtnl.c and rtnl_host.c against the real kernel in a network namespace of
 * their own. A veth pair stands in for the WireGuard interface (t0) and for
 * the LAN (lan0), so no WireGuard is needed.
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../kernel/rtnl.h"

#define ROUTES 1500

static unsigned t0, lan0;

static void
sh(const char *cmd)
{
	if (system(cmd) != 0)
		fail_msg("%s", cmd);
}

/* How many lines a command prints. */
static int
lines(const char *cmd)
{
	FILE *f = popen(cmd, "r");
	char line[512];
	int n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		n++;
	pclose(f);
	return n;
}

static struct ipaddr
ip(const char *s)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(s, &a), 0);
	return a;
}

static int
setup(void **state)
{
	struct rtnl_link l;

	(void)state;
	sh("ip link set lo up");
	sh("ip link add t0 type veth peer name t1");
	sh("ip link add lan0 type veth peer name lan1");
	sh("ip link set t1 up; ip link set lan0 up; ip link set lan1 up");
	if (rtnl_open() != 0 || rtnl_link_get("t0", &l) != 0)
		return -1;
	t0 = l.ifindex;
	if (rtnl_link_get("lan0", &l) != 0)
		return -1;
	lan0 = l.ifindex;
	return rtnl_link_up(t0, 0);
}

static int
teardown(void **state)
{
	(void)state;
	rtnl_close();
	sh("ip link del t0; ip link del lan0");
	return 0;
}

static void
test_link(void **state)
{
	struct rtnl_link l;

	(void)state;
	assert_int_equal(rtnl_link_get("nosuch", &l), -ENODEV);
	sh("ip link set t0 down");
	assert_int_equal(rtnl_link_get("t0", &l), 0);
	assert_false(l.up);
	assert_string_equal(l.kind, "veth");
	assert_int_equal(rtnl_link_up(l.ifindex, 1420), 0);
	assert_int_equal(rtnl_link_get("t0", &l), 0);
	assert_true(l.up);
	assert_int_equal(l.mtu, 1420);
	assert_int_equal(rtnl_link_get("lo", &l), 0);
	assert_string_equal(l.kind, "");
	assert_int_equal(rtnl_link_up(9999, 0), -ENODEV);
	assert_int_equal(rtnl_link_delete("nosuch"), -ENODEV);
}

/* With WireGuard in the kernel it is made, without it says so. */
static void
test_create(void **state)
{
	struct rtnl_link l;
	int r = rtnl_link_create("wgtest0");

	(void)state;
	if (r == 0) {
		assert_int_equal(rtnl_link_get("wgtest0", &l), 0);
		assert_string_equal(l.kind, "wireguard");
		assert_int_equal(rtnl_link_create("wgtest0"), -EEXIST);
		assert_int_equal(rtnl_link_delete("wgtest0"), 0);
	} else {
		assert_int_equal(r, -EOPNOTSUPP);
	}
	assert_int_equal(rtnl_link_get("wgtest0", &l), -ENODEV);
}

static void
test_addr(void **state)
{
	struct ipaddr a = ip("10.1.2.3"), b = ip("10.1.2.4");

	(void)state;
	assert_int_equal(rtnl_addr_has(t0, &a), 0);
	sh("ip addr add 192.168.7.1/24 dev t0");
	sh("ip addr add 192.168.7.2/24 dev t0"); /* a secondary */
	sh("ip addr add 10.1.2.3/8 dev t0");
	sh("ip -6 addr add fd00::5/64 dev t0 nodad");
	assert_int_equal(rtnl_addr_has(t0, &a), 0); /* other prefix */
	assert_int_equal(rtnl_addr_set(t0, &a), 0);
	assert_int_equal(rtnl_addr_has(t0, &a), 1);
	assert_int_equal(
	    lines("ip -o addr show dev t0 scope global | grep ."), 1);
	assert_int_equal(lines("ip -o addr show dev t0 | grep 10.1.2.3/32"), 1);
	assert_int_equal(rtnl_addr_set(t0, &b), 0);
	assert_int_equal(rtnl_addr_has(t0, &a), 0);
	assert_int_equal(rtnl_addr_has(t0, &b), 1);
	assert_int_equal(lines("ip route show dev t0"), 0);
	assert_int_equal(rtnl_addr_set(9999, &a), -ENODEV);
}

/* More addresses than one round removes. */
static void
test_addr_many(void **state)
{
	struct ipaddr a = ip("10.1.2.3");

	(void)state;
	sh("for i in $(seq 1 70); do echo addr add 10.9.0.$i/32 dev t0; done "
	   "| ip -batch -");
	assert_int_equal(rtnl_addr_set(t0, &a), 0);
	assert_int_equal(lines("ip -o -4 addr show dev t0"), 1);
}

static void
test_addr6(void **state)
{
	struct ipaddr a = ip("fd00:1234::77");

	(void)state;
	assert_int_equal(rtnl_addr_set(t0, &a), 0);
	assert_int_equal(rtnl_addr_has(t0, &a), 1);
	assert_int_equal(rtnl_addr_set(t0, &a), 0);
	assert_int_equal(
	    lines("ip -o -6 addr show dev t0 scope global | grep /128"), 1);
	assert_int_equal(lines("ip -o -6 addr show dev t0 | grep tentative "
			       "| grep fd00:"),
	    0);
	assert_int_equal(
	    lines("ip -6 route show dev t0 | grep -v ^fe80 | grep ."), 0);
	assert_int_equal(
	    lines("ip -o -6 addr show dev t0 scope link | grep ."), 1);
}

static int
by_addr(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

static void
routes(const char *src, const char *first)
{
	static struct rtnl_change ch[ROUTES];
	static int err[ROUTES];
	struct ipaddr s = ip(src), d = ip(first), *v;
	size_t i, n;

	assert_int_equal(rtnl_addr_set(t0, &s), 0);
	memset(ch, 0, sizeof(ch));
	for (i = 0; i < ROUTES; i++) {
		d.b[d.len - 2] = (uint8_t)(i >> 8);
		d.b[d.len - 1] = (uint8_t)i;
		ch[i].dst = d;
	}
	assert_int_equal(rtnl_routes(t0, &s, ch, ROUTES, err), 0);
	for (i = 0; i < ROUTES; i++)
		assert_int_equal(err[i], 0);
	/* Again, and with one that is refused in between. */
	ch[77].dst = ip(d.len == 4 ? "224.0.0.1" : "::1");
	ch[77].del = d.len == 16;
	assert_int_equal(rtnl_routes(t0, &s, ch, ROUTES, err), 0);
	for (i = 0; i < ROUTES; i++)
		if (i != 77)
			assert_int_equal(err[i], 0);
	assert_int_equal(rtnl_routes_get(t0, &v, &n), 0);
	assert_int_equal(n, ROUTES + (d.len == 4 && err[77] == 0));
	qsort(v, n, sizeof(*v), by_addr);
	for (i = 1; i < n; i++)
		assert_true(ipaddr_cmp(&v[i - 1], &v[i]) < 0);
	free(v);
	for (i = 0; i < ROUTES; i++)
		ch[i].del = true;
	assert_int_equal(rtnl_routes(t0, &s, ch, ROUTES, err), 0);
	assert_int_equal(err[0], 0);
	assert_int_equal(rtnl_routes(t0, &s, ch, 3, err), 0);
	assert_int_equal(err[1], 0); /* not there: fine */
	assert_int_equal(rtnl_routes_get(t0, &v, &n), 0);
	assert_int_equal(n, 1); /* the one that 77 was at first */
	free(v);
}

static void
test_routes4(void **state)
{
	(void)state;
	routes("10.1.2.3", "10.77.0.0");
}

static void
test_routes6(void **state)
{
	(void)state;
	routes("fd00:1::3", "fd00:77::");
}

static void
test_route_form(void **state)
{
	struct ipaddr s = ip("10.1.2.3");
	struct rtnl_change ch = {.dst = ip("10.5.6.7")};
	struct rtnl_change bad[2] = {
	    {.dst = ip("10.5.6.8")}, {.dst = ip("10.5.6.9")}};
	struct ipaddr *v;
	size_t n;
	int err[2];

	(void)state;
	assert_int_equal(rtnl_addr_set(t0, &s), 0);
	assert_int_equal(rtnl_routes(t0, &s, &ch, 1, err), 0);
	assert_int_equal(lines("ip route show table main | grep '^10.5.6.7 "
			       "dev t0 proto static scope link src 10.1.2.3'"),
	    1);
	assert_int_equal(rtnl_routes(9999, NULL, bad, 2, err), 0);
	assert_int_equal(err[0], -ENODEV);
	assert_int_equal(err[1], -ENODEV);
	/* A network and another interface's routes are not ours. */
	sh("ip route add 10.6.0.0/16 dev t0");
	sh("ip route add 10.6.1.1/32 dev lan0");
	assert_int_equal(rtnl_routes_get(t0, &v, &n), 0);
	assert_int_equal(n, 1);
	assert_true(ipaddr_eq(&v[0], &ch.dst));
	free(v);
}

static void
test_no_routes(void **state)
{
	struct ipaddr *v;
	size_t n;

	(void)state;
	assert_int_equal(rtnl_routes_get(t0, &v, &n), 0);
	assert_int_equal(n, 0);
	assert_null(v);
}

static bool
has(const struct ipaddr *v, size_t n, const char *s)
{
	struct ipaddr a = ip(s);
	size_t i;

	for (i = 0; i < n; i++)
		if (ipaddr_eq(&v[i], &a))
			return true;
	return false;
}

static bool
has_net(const struct rtnl_host *h, const char *s)
{
	struct ipnet n;
	size_t i;

	assert_int_equal(ipnet_parse(s, &n), 0);
	for (i = 0; i < h->nonlink; i++)
		if (ipaddr_eq(&h->onlink[i].ip, &n.ip) &&
		    h->onlink[i].bits == n.bits)
			return true;
	return false;
}

static void
test_host(void **state)
{
	static struct rtnl_host h;
	struct ipaddr a = ip("10.1.2.3");
	size_t i;

	(void)state;
	assert_int_equal(rtnl_addr_set(t0, &a), 0);
	assert_int_equal(rtnl_host_get(t0, &h), 0);
	assert_int_equal(h.def4.len, 0);
	sh("ip addr add 192.168.7.1/24 dev lan0");
	sh("ip addr add fd00:7::1/64 dev lan0 nodad");
	sh("ip addr add 10.200.0.1/32 dev lo");
	sh("ip route add default via 192.168.7.254");
	sh("ip route add default via fd00:7::fe");
	sh("ip route add 10.8.0.0/16 via 192.168.7.253");
	sh("ip route add 10.9.0.0/16 nexthop via 192.168.7.251 "
	   "nexthop via 192.168.7.252");
	sh("ip route add 172.16.0.0/12 dev lan0 table 77");
	sh("ip route add 10.1.0.0/16 dev t0");
	assert_int_equal(rtnl_host_get(t0, &h), 0);
	assert_true(has(h.own, h.nown, "192.168.7.1"));
	assert_true(has(h.own, h.nown, "fd00:7::1"));
	assert_false(has(h.own, h.nown, "10.1.2.3"));
	for (i = 0; i < h.nown; i++) {
		a = h.own[i];
		assert_false(a.len == 16 && ipaddr_is_linklocal(&a));
		assert_int_equal(
		    h.own_lo[i], ipaddr_is_loopback(&a) || a.b[1] == 200);
	}
	assert_true(has(h.gw, h.ngw, "192.168.7.254"));
	assert_true(has(h.gw, h.ngw, "192.168.7.251"));
	assert_true(has(h.gw, h.ngw, "192.168.7.252"));
	assert_true(has(h.gw, h.ngw, "192.168.7.253"));
	assert_true(has(h.gw, h.ngw, "fd00:7::fe"));
	assert_int_equal(h.ngw, 5);
	assert_true(has_net(&h, "192.168.7.0/24"));
	assert_true(has_net(&h, "fd00:7::/64"));
	assert_true(has_net(&h, "172.16.0.0/12"));
	assert_false(has_net(&h, "10.1.0.0/16"));
	assert_false(has_net(&h, "10.8.0.0/16"));
	assert_false(has_net(&h, "fe80::/64"));
	a = ip("192.168.7.1");
	assert_true(ipaddr_eq(&h.def4, &a));
	a = ip("fd00:7::1");
	assert_true(ipaddr_eq(&h.def6, &a));
	assert_false(h.truncated);
	sh("ip addr del 10.200.0.1/32 dev lo");
}

static bool
told(const struct rtnl_host *h, const char *s)
{
	struct ipaddr a = ip(s);
	size_t i;

	for (i = 0; i < h->nown; i++)
		if (ipaddr_eq(&h->own[i], &a))
			return !h->own_lo[i];
	fail_msg("%s is not there", s);
	return false;
}

/* The kernel sets a link's "running" a little later than "up". */
static bool
told_soon(struct rtnl_host *h, const char *addr)
{
	int i;

	for (i = 0; i < 500; i++) {
		assert_int_equal(rtnl_host_get(t0, h), 0);
		if (told(h, addr))
			return true;
		usleep(20000);
	}
	return false;
}

/* Ours, for the policy, but nothing to tell the others. */
static void
test_host_not_told(void **state)
{
	static struct rtnl_host h;
	struct ipaddr a;

	(void)state;
	sh("ip addr add 192.168.7.1/24 dev lan0");
	sh("ip addr add fd00:7::1/64 dev lan0 nodad");
	sh("ip route add default via fd00:7::fe");
	assert_true(told_soon(&h, "192.168.7.1"));
	/* What the kernel makes by itself for privacy, every day. */
	sh("echo 2 >/proc/sys/net/ipv6/conf/lan0/use_tempaddr");
	sh("echo 0 >/proc/sys/net/ipv6/conf/lan0/accept_dad");
	sh("ip addr add fd00:7::2/64 dev lan0 nodad mngtmpaddr "
	   "valid_lft 90000 preferred_lft 80000");
	assert_int_equal(rtnl_host_get(t0, &h), 0);
	assert_true(told(&h, "fd00:7::1"));
	a = ip("fd00:7::");
	assert_int_equal(h.def6.len, 16);
	assert_memory_equal(h.def6.b, a.b, 15);
	sh("ip link set lan0 down");
	assert_int_equal(rtnl_host_get(t0, &h), 0);
	assert_false(told(&h, "192.168.7.1"));
	sh("ip link set lan0 up");
	assert_true(told_soon(&h, "192.168.7.1"));
}

/* Another mesh's host routes do not push networks out. */
static void
test_host_full(void **state)
{
	static struct rtnl_host h;

	(void)state;
	sh("ip addr add 192.168.7.1/24 dev lan0");
	sh("for i in $(seq 1 250); do echo route add 10.3.0.$i/32 dev lan0; "
	   "done | ip -batch -");
	assert_int_equal(rtnl_host_get(t0, &h), 0);
	assert_false(h.truncated);
	assert_true(has_net(&h, "192.168.7.0/24"));
	assert_true(has_net(&h, "10.3.0.1/32"));
	sh("for i in $(seq 1 250); do echo addr add 10.4.$i.1/24 dev lan0; "
	   "done | ip -batch -");
	assert_int_equal(rtnl_host_get(t0, &h), 0);
	assert_true(h.truncated);
	assert_int_equal(h.nown, RTNL_OWN_MAX);
}

static void
test_lookup(void **state)
{
	struct ipaddr s = ip("10.1.2.3"), d = ip("10.5.6.7"),
		      far = ip("8.8.8.8"), far6 = ip("2001:db8::1"),
		      lo = ip("127.0.0.1");
	struct rtnl_change ch = {.dst = d};
	int err;

	(void)state;
	assert_int_equal(rtnl_addr_set(t0, &s), 0);
	assert_int_equal(rtnl_route_lookup(&far), -ENETUNREACH);
	assert_int_equal(rtnl_route_lookup(&far6), -ENETUNREACH);
	assert_int_equal(rtnl_routes(t0, &s, &ch, 1, &err), 0);
	assert_int_equal(rtnl_route_lookup(&d), (int)t0);
	assert_int_equal(rtnl_route_lookup(&lo), 1);
	sh("ip addr add 192.168.7.1/24 dev lan0");
	sh("ip route add default via 192.168.7.254");
	assert_int_equal(rtnl_route_lookup(&far), (int)lan0);
}

static bool
event(void)
{
	struct pollfd pfd = {.fd = rtnl_event_fd(), .events = POLLIN};

	return poll(&pfd, 1, 10000) == 1 && rtnl_event_drain();
}

/*
 * Does our own route change go unnoticed? The kernel's late link-local and
 * carrier events may come in between, so that one try in many is enough.
 */
static bool
own_unnoticed(const struct ipaddr *src, const struct rtnl_change *ch)
{
	int i, err;

	for (i = 0; i < 100; i++) {
		(void)rtnl_event_drain();
		assert_int_equal(rtnl_routes(t0, src, ch, 1, &err), 0);
		assert_int_equal(err, 0);
		if (!rtnl_event_drain())
			return true;
		usleep(20000);
	}
	return false;
}

static void
test_events(void **state)
{
	struct ipaddr s = ip("10.1.2.3");
	struct rtnl_change ch = {.dst = ip("10.5.6.7")};

	(void)state;
	sh("ip addr add 192.168.7.1/24 dev lan0");
	assert_true(event());
	assert_int_equal(rtnl_addr_set(t0, &s), 0);
	assert_true(own_unnoticed(&s, &ch));
	sh("ip route del 10.5.6.7/32 dev t0");
	assert_true(event());
	sh("ip link set lan0 mtu 1300");
	assert_true(event());
	/* More than the socket holds: lost, but noticed and over. */
	sh("for i in $(seq 1 3000); do echo route add 10.3.$((i/250))."
	   "$((i%250))/32 dev lan0; done | ip -batch - 2>/dev/null; true");
	assert_true(event());
	assert_true(own_unnoticed(&s, &ch));
}

/*
 * Events that did not fit are answered by a fresh look: what the request
 * socket did itself does not count, so it is the overrun alone that is told.
 */
static void
test_events_overrun(void **state)
{
	static struct rtnl_change ch[ROUTES];
	static int err[ROUTES];
	struct ipaddr s = ip("10.1.2.3");
	int i, size = 1;

	(void)state;
	assert_int_equal(rtnl_addr_set(t0, &s), 0);
	for (i = 0; i < ROUTES; i++)
		ch[i] = (struct rtnl_change){
		    .dst = {
			4, {10, 3, (uint8_t)(i / 250), (uint8_t)(i % 250)}}};
	assert_true(own_unnoticed(&s, ch));
	assert_int_equal(setsockopt(rtnl_event_fd(), SOL_SOCKET, SO_RCVBUF,
			     &size, sizeof(size)),
	    0);
	assert_int_equal(rtnl_routes(t0, &s, ch, ROUTES, err), 0);
	assert_true(rtnl_event_drain());
	assert_true(own_unnoticed(&s, ch));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {T(test_link), T(test_create),
	    T(test_addr), T(test_addr_many), T(test_addr6), T(test_routes4),
	    T(test_routes6), T(test_route_form), T(test_no_routes),
	    T(test_host), T(test_host_not_told), T(test_host_full),
	    T(test_lookup), T(test_events), T(test_events_overrun)};

	if (geteuid() != 0 || unshare(CLONE_NEWNET) == -1) {
		puts("1..0 # SKIP needs root and network namespaces");
		return 0;
	}
	return cmocka_run_group_tests_name("priv_rtnl", tests, NULL, NULL);
}
