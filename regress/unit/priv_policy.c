/*
 * The rows of the policy's table (priv/policy.h): for each rule a request
 * that just passes and one that just does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_kernel.h"

#include "../../common/overlay.h"
#include "../../priv/policy.h"

static struct policy pol;
static struct policy_env e;
static struct want w;
static uint8_t ours[WG_KEY_LEN], k1[WG_KEY_LEN], k2[WG_KEY_LEN], k3[WG_KEY_LEN];

static struct ipaddr
ip(const char *s)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(s, &a), 0);
	return a;
}

static struct ipaddr
derived(const char *name, unsigned attempt)
{
	struct ipaddr a;

	overlay_addr(&pol.overlay, name, strlen(name), attempt, &a);
	return a;
}

/* A request that passes; each test spoils one thing. */
static void
good(const char *name, const uint8_t *key)
{
	memset(&w, 0, sizeof(w));
	w.name = name;
	w.namelen = strlen(name);
	memcpy(w.w.key, key, WG_KEY_LEN);
	w.w.endpoint = (struct ipport){ip("192.0.2.1"), 51820};
}

static int
setup(void **state)
{
	uint8_t seed[WG_KEY_LEN] = {9};

	(void)state;
	memset(&fk, 0, sizeof(fk));
	memset(&e, 0, sizeof(e));
	memset(&pol, 0, sizeof(pol));
	fk.ifindex = 5;
	ipnet_parse("10.0.0.0/8", &pol.overlay);
	e.pol = &pol;
	e.ifindex = 5;
	e.now = 1000000;
	e.wall = 1700000000;
	crypto_scalarmult_base(ours, seed);
	seed[1]++; /* clamping drops the low bits of the first */
	crypto_scalarmult_base(k1, seed);
	seed[1]++; /* clamping drops the low bits of the first */
	crypto_scalarmult_base(k2, seed);
	seed[1]++; /* clamping drops the low bits of the first */
	crypto_scalarmult_base(k3, seed);
	memcpy(e.pubkey, ours, WG_KEY_LEN);
	e.self = derived("me", 0);
	good("test1", k1);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	peers_clear(&e.peers);
	return 0;
}

static struct peer *
hold(const char *name, const uint8_t *key)
{
	struct wg_peer p = {.endpoint = {ip("198.51.100.1"), 1}};
	struct peer *q;

	memcpy(p.key, key, WG_KEY_LEN);
	p.addr = derived(name, 0);
	q = peers_add(&e.peers, &p, name, strlen(name));
	assert_non_null(q);
	return q;
}

static void
test_accepted(void **state)
{
	struct ipaddr a = ip("10.171.249.28"); /* protocol.md section 7 */

	(void)state;
	assert_int_equal(policy_peer(&e, &w), 0);
	assert_true(ipaddr_eq(&w.w.addr, &a));
	good("test1", k1);
	w.attempt = 7;
	assert_int_equal(policy_peer(&e, &w), 0);
	a = derived("test1", 7);
	assert_true(ipaddr_eq(&w.w.addr, &a));
}

static void
test_name(void **state)
{
	char name[257];

	(void)state;
	memset(name, 'a', sizeof(name));
	w.name = name;
	w.namelen = 255;
	assert_int_equal(policy_peer(&e, &w), 0);
	good("test1", k1);
	w.namelen = 0;
	assert_int_equal(policy_peer(&e, &w), -EINVAL);
	good("a\nb", k1);
	assert_int_equal(policy_peer(&e, &w), -EINVAL);
}

static void
test_static(void **state)
{
	struct ipaddr a = ip("10.1.2.3");
	struct peer *q;

	(void)state;
	w.w.addr = a;
	assert_int_equal(policy_peer(&e, &w), -EPERM);
	pol.allow_static = true;
	assert_int_equal(policy_peer(&e, &w), 0);
	/* The same checks apply to it. */
	w.w.addr = ip("11.1.2.3");
	assert_int_equal(policy_peer(&e, &w), -EADDRNOTAVAIL);
	w.w.addr = ip("10.0.0.0");
	assert_int_equal(policy_peer(&e, &w), -EADDRNOTAVAIL);
	w.w.addr = ip("10.255.255.255");
	assert_int_equal(policy_peer(&e, &w), -EADDRNOTAVAIL);
	w.w.addr = ip("fd00::1");
	assert_int_equal(policy_peer(&e, &w), -EADDRNOTAVAIL);
	w.w.addr = e.self;
	assert_int_equal(policy_peer(&e, &w), -EEXIST);
	w.w.addr = a;
	e.host.gw[0] = a;
	e.host.ngw = 1;
	assert_int_equal(policy_peer(&e, &w), -ENOTUNIQ);
	e.host.ngw = 0;
	ipnet_parse("10.1.2.0/24", &e.host.onlink[0]);
	e.host.nonlink = 1;
	assert_int_equal(policy_peer(&e, &w), -EXDEV);
	e.host.nonlink = 0;
	w.w.endpoint.ip = a;
	assert_int_equal(policy_peer(&e, &w), -ELOOP);
	good("test1", k1);
	/* Free means nobody's: neither held nor held a moment ago. */
	q = hold("test2", k2);
	w.w.addr = q->w.addr;
	assert_int_equal(policy_peer(&e, &w), -EADDRINUSE);
	q->k.handshake = e.wall;
	peers_remove(&e.peers, q, e.now, e.wall);
	assert_int_equal(policy_peer(&e, &w), -EAGAIN);
}

/* --overlay-addr: our own name and attempt have no say, the checks stay. */
static void
test_own_static(void **state)
{
	struct ipaddr a, want = ip("10.1.2.3");
	unsigned i;

	(void)state;
	pol.overlay_addr = want;
	for (i = 0; i < 3; i++) {
		assert_int_equal(policy_self(&e, "me", 2, i, &a), 0);
		assert_true(ipaddr_eq(&a, &want));
	}
	e.host.gw[0] = want;
	e.host.ngw = 1;
	assert_int_equal(policy_self(&e, "me", 2, 0, &a), -ENOTUNIQ);
	e.host.ngw = 0;
	pol.overlay_addr = ip("11.1.2.3");
	assert_int_equal(policy_self(&e, "me", 2, 0, &a), -EADDRNOTAVAIL);
	pol.overlay_addr = hold("test2", k2)->w.addr;
	assert_int_equal(policy_self(&e, "me", 2, 0, &a), -EADDRINUSE);
}

static void
test_ours(void **state)
{
	(void)state;
	good("me", k1);
	assert_int_equal(policy_peer(&e, &w), -EEXIST);
	w.w.addr.len = 0;
	w.attempt = 1;
	assert_int_equal(policy_peer(&e, &w), 0);
}

static void
test_key(void **state)
{
	static const uint8_t order8[WG_KEY_LEN] = {0xe0, 0xeb, 0x7a, 0x7c, 0x3b,
	    0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
	    0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05,
	    0x16, 0x5f, 0x49, 0xb8, 0x00};

	(void)state;
	memset(w.w.key, 0, WG_KEY_LEN);
	assert_int_equal(policy_peer(&e, &w), -EKEYREJECTED);
	w.w.key[0] = 1; /* order 1 */
	assert_int_equal(policy_peer(&e, &w), -EKEYREJECTED);
	memcpy(w.w.key, order8, WG_KEY_LEN);
	assert_int_equal(policy_peer(&e, &w), -EKEYREJECTED);
	memcpy(w.w.key, ours, WG_KEY_LEN);
	assert_int_equal(policy_peer(&e, &w), -EKEYREJECTED);
	memcpy(w.w.key, k2, WG_KEY_LEN);
	assert_int_equal(policy_peer(&e, &w), 0);
}

static void
test_host_addresses(void **state)
{
	struct ipaddr a = derived("test1", 0);
	struct wg_peer p = {.addr = ip("10.7.7.7"), .endpoint = {a, 9}};

	(void)state;
	e.host.own[0] = a;
	e.host.nown = 1;
	assert_int_equal(policy_peer(&e, &w), -ENOTUNIQ);
	e.host.nown = 0;
	good("test1", k1);
	e.host.gw[0] = a;
	e.host.ngw = 1;
	assert_int_equal(policy_peer(&e, &w), -ENOTUNIQ);
	e.host.ngw = 0;
	good("test1", k1);
	e.dns[0] = a;
	e.ndns = 1;
	assert_int_equal(policy_peer(&e, &w), -ENOTUNIQ);
	e.ndns = 0;
	good("test1", k1);
	memcpy(p.key, k2, WG_KEY_LEN);
	assert_non_null(peers_add(&e.peers, &p, "x", 1));
	assert_int_equal(policy_peer(&e, &w), -ENOTUNIQ);
}

static void
test_on_link(void **state)
{
	(void)state;
	/* test1 derives 10.171.249.28. */
	ipnet_parse("10.171.249.0/24", &e.host.onlink[0]);
	e.host.nonlink = 1;
	assert_int_equal(policy_peer(&e, &w), -EXDEV);
	/* A LAN elsewhere in 10/8 is no obstacle, nor is a default route. */
	good("test1", k1);
	ipnet_parse("10.171.248.0/24", &e.host.onlink[0]);
	ipnet_parse("0.0.0.0/0", &e.host.onlink[1]);
	e.host.nonlink = 2;
	assert_int_equal(policy_peer(&e, &w), 0);
}

static void
test_endpoint(void **state)
{
	static const char *const bad[] = {"127.0.0.1", "169.254.1.1",
	    "224.0.0.1", "255.255.255.255", "0.0.0.0", "0.1.2.3", "::1",
	    "fe80::1", "ff02::1", "::"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		good("test1", k1);
		w.w.endpoint.ip = ip(bad[i]);
		assert_int_equal(policy_peer(&e, &w), -EDESTADDRREQ);
	}
	good("test1", k1);
	w.w.endpoint.port = 0;
	assert_int_equal(policy_peer(&e, &w), -EDESTADDRREQ);
	good("test1", k1);
	w.w.endpoint.ip.len = 0;
	assert_int_equal(policy_peer(&e, &w), -EDESTADDRREQ);
	good("test1", k1);
	w.w.endpoint.ip = ip("2001:db8::1");
	assert_int_equal(policy_peer(&e, &w), 0);
}

static void
test_endpoint_in_overlay(void **state)
{
	(void)state;
	hold("other", k2);
	w.w.endpoint.ip = derived("other", 0);
	assert_int_equal(policy_peer(&e, &w), -ELOOP);
	good("test1", k1);
	w.w.endpoint.ip = e.self;
	assert_int_equal(policy_peer(&e, &w), -ELOOP);
	good("test1", k1);
	w.w.endpoint.ip = derived("test1", 0); /* its own */
	assert_int_equal(policy_peer(&e, &w), -ELOOP);
	good("test1", k1);
	w.w.endpoint.ip = fk.inside = ip("203.0.113.1");
	assert_int_equal(policy_peer(&e, &w), -ELOOP);
	/* Inside of the overlay's network, but nobody's: a LAN in 10/8. */
	good("test1", k1);
	w.w.endpoint.ip = ip("10.0.0.9");
	assert_int_equal(policy_peer(&e, &w), 0);
}

static void
test_holder(void **state)
{
	struct peer *h = hold("test1", k2);

	(void)state;
	assert_int_equal(policy_peer(&e, &w), -EADDRINUSE);
	good("test1", k1);
	w.oldkey = k3;
	assert_int_equal(policy_peer(&e, &w), -EADDRINUSE);
	good("test1", k1);
	w.oldkey = k2;
	assert_int_equal(policy_peer(&e, &w), 0);
	assert_ptr_equal(w.old, h);
	good("test1", k2); /* itself */
	assert_int_equal(policy_peer(&e, &w), 0);
	hold("third", k3);
	good("test1", k1);
	w.oldkey = k3; /* another name's */
	assert_int_equal(policy_peer(&e, &w), -ESTALE);
}

static void
test_former_holder(void **state)
{
	struct peer *h = hold("test1", k2);

	(void)state;
	h->k.handshake = e.wall - PEER_FRESH + 2;
	peers_remove(&e.peers, h, e.now, e.wall);
	assert_int_equal(policy_peer(&e, &w), -EAGAIN);
	good("test1", k1);
	w.oldkey = k2;
	assert_int_equal(policy_peer(&e, &w), 0);
	good("test1", k2);
	assert_int_equal(policy_peer(&e, &w), 0);
	good("test1", k1);
	e.now += 1999;
	assert_int_equal(policy_peer(&e, &w), -EAGAIN);
	good("test1", k1);
	e.now += 1;
	assert_int_equal(policy_peer(&e, &w), 0);
	/* Without a young handshake nobody waits. */
	h = hold("test2", k2);
	h->k.handshake = e.wall - PEER_FRESH;
	peers_remove(&e.peers, h, e.now, e.wall);
	h = hold("test3", k3);
	peers_remove(&e.peers, h, e.now, e.wall);
	good("test2", k1);
	assert_int_equal(policy_peer(&e, &w), 0);
	good("test3", k1);
	assert_int_equal(policy_peer(&e, &w), 0);
}

static void
test_room(void **state)
{
	struct wg_peer p = {.endpoint = {ip("198.51.100.1"), 1}};
	unsigned i;

	(void)state;
	for (i = 0; i < MAX_PEERS; i++) {
		p.key[30] = (uint8_t)i;
		p.key[31] = (uint8_t)(i >> 8);
		p.addr = ip("10.99.0.0");
		p.addr.b[2] = (uint8_t)(i >> 8);
		p.addr.b[3] = (uint8_t)i;
		if (i == MAX_PEERS - 1)
			assert_int_equal(policy_peer(&e, &w), 0);
		assert_non_null(peers_add(&e.peers, &p, "n", 1));
		w.w.addr.len = 0;
	}
	assert_int_equal(policy_peer(&e, &w), -ENOSPC);
	/* Replacing one of them is no growth. */
	good("n", k1);
	w.oldkey = p.key;
	assert_int_equal(policy_peer(&e, &w), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_accepted),
	    T(test_name),
	    T(test_static),
	    T(test_own_static),
	    T(test_ours),
	    T(test_key),
	    T(test_host_addresses),
	    T(test_on_link),
	    T(test_endpoint),
	    T(test_endpoint_in_overlay),
	    T(test_holder),
	    T(test_former_holder),
	    T(test_room),
	};

	return sodium_init() == -1 ? 1
				   : cmocka_run_group_tests(tests, NULL, NULL);
}
