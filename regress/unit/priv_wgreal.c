/*
 * The whole way to a kernel with WireGuard: interface, key, port, thousands
 * of peers, dump, changes. In a network namespace of its own; skipped where
 * the kernel has none.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "../../kernel/rtnl.h"
#include "../../kernel/wg.h"

#define NAME  "wgreal0"
#define PEERS 3000

static unsigned ifindex;
static struct wg_change ch[PEERS + 8];
static int err[PEERS + 8];

static struct wg_peer
peer(unsigned i)
{
	struct wg_peer p = {.keepalive = 0};

	memset(p.key, 0x40, WG_KEY_LEN);
	memcpy(p.key, &i, sizeof(i));
	p.endpoint.port = (uint16_t)(1 + i);
	p.endpoint.ip = (struct ipaddr){4, {192, 0, 2, (uint8_t)(1 + i % 250)}};
	if (i % 2)
		p.endpoint.ip = (struct ipaddr){16, {0x20, 1, [15] = 1}};
	p.addr = (struct ipaddr){4, {10, 99, (uint8_t)(i >> 8), (uint8_t)i}};
	return p;
}

static int
by_key(const void *a, const void *b)
{
	const struct wg_peer *x = a, *y = b;

	return memcmp(x->key, y->key, WG_KEY_LEN);
}

static void
device(struct wg_device *d, size_t want)
{
	assert_int_equal(wg_device_get(ifindex, d), 0);
	assert_int_equal(d->npeers, want);
	qsort(d->peers, d->npeers, sizeof(*d->peers), by_key);
}

static const struct wg_peer *
find(const struct wg_device *d, unsigned i)
{
	struct wg_peer p = peer(i);

	return bsearch(&p, d->peers, d->npeers, sizeof(p), by_key);
}

static void
test_key_and_port(void **state)
{
	uint8_t key[WG_KEY_LEN], pub[WG_KEY_LEN];
	struct wg_device d;
	struct rtnl_link l;

	(void)state;
	randombytes_buf(key, sizeof(key));
	assert_int_equal(wg_device_set(ifindex, key, 51999), 0);
	device(&d, 0);
	assert_int_equal(d.port, 51999);
	assert_int_equal(crypto_scalarmult_curve25519_base(pub, key), 0);
	assert_memory_equal(d.pubkey, pub, WG_KEY_LEN);
	wg_device_free(&d);
	assert_int_equal(rtnl_link_up(ifindex, 1380), 0);
	assert_int_equal(rtnl_link_get(NAME, &l), 0);
	assert_true(l.up);
	assert_int_equal(l.mtu, 1380);
	assert_string_equal(l.kind, "wireguard");
}

static void
test_many(void **state)
{
	struct wg_device d;
	unsigned i;

	(void)state;
	for (i = 0; i < PEERS; i++) {
		ch[i].op = WG_ADD;
		ch[i].peer = peer(i);
		err[i] = 1;
	}
	assert_int_equal(wg_apply(ifindex, ch, PEERS, err), 0);
	for (i = 0; i < PEERS; i++)
		assert_int_equal(err[i], 0);
	device(&d, PEERS);
	for (i = 0; i < PEERS; i++) {
		const struct wg_peer *p = find(&d, i);

		assert_non_null(p);
		assert_int_equal(p->nallowed, 1);
		assert_true(ipaddr_eq(&p->addr, &ch[i].peer.addr));
		assert_int_equal(
		    ipport_cmp(&p->endpoint, &ch[i].peer.endpoint), 0);
		assert_int_equal(p->handshake, 0);
	}
	wg_device_free(&d);
}

/* One peer with more allowed IPs than a message of a dump holds. */
static void
test_spanning(void **state)
{
	struct wg_device d;
	char cmd[160];
	FILE *f;
	int i;

	(void)state;
	if (system("command -v wg >/dev/null") != 0)
		skip();
	snprintf(cmd, sizeof(cmd), "wg addconf " NAME " /proc/self/fd/0");
	f = popen(cmd, "w");
	assert_non_null(f);
	fputs("[Peer]\nPublicKey = "
	      "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\n",
	    f);
	for (i = 0; i < 4000; i++)
		fprintf(f, "AllowedIPs = 10.100.%d.%d/32\n", i >> 8, i & 255);
	assert_int_equal(pclose(f), 0);
	device(&d, PEERS + 1);
	for (i = 0; i <= PEERS; i++)
		if (d.peers[i].nallowed != 1)
			break;
	assert_true(i <= PEERS);
	assert_int_equal(d.peers[i].nallowed, 4000);
	assert_int_equal(d.peers[i].addr.len, 0);
	ch[0].op = WG_DEL;
	ch[0].peer = d.peers[i];
	wg_device_free(&d);
	assert_int_equal(wg_apply(ifindex, ch, 1, err), 0);
	device(&d, PEERS);
	wg_device_free(&d);
}

static void
test_change(void **state)
{
	struct wg_change c[6] = {{WG_ENDPOINT, peer(10)},
	    {WG_ENDPOINT, peer(PEERS + 5)}, {WG_DEL, peer(11)},
	    {WG_ADD, peer(PEERS + 11)}, {WG_ADD, peer(12)}, {WG_DEL, peer(13)}};
	struct wg_device d;
	const struct wg_peer *p;

	(void)state;
	c[0].peer.endpoint.port = 4242;
	c[3].peer.addr = peer(11).addr; /* a new key takes over */
	c[4].peer.endpoint.ip.len = 0; /* left as it is */
	c[4].peer.keepalive = 25;
	assert_int_equal(wg_apply(ifindex, c, 6, err), 0);
	device(&d, PEERS - 1);
	p = find(&d, 10);
	assert_non_null(p);
	assert_int_equal(p->endpoint.port, 4242);
	assert_int_equal(p->nallowed, 1);
	assert_null(find(&d, PEERS + 5)); /* update only */
	assert_null(find(&d, 11));
	assert_null(find(&d, 13));
	p = find(&d, PEERS + 11);
	assert_non_null(p);
	assert_true(ipaddr_eq(&p->addr, &c[3].peer.addr));
	p = find(&d, 12);
	assert_non_null(p);
	assert_int_equal(p->keepalive, 25);
	assert_int_equal(p->endpoint.port, 13);
	wg_device_free(&d);
}

/* The kernel refuses one (three bytes are no address): only that one. */
static void
test_refused(void **state)
{
	struct wg_change c[3] = {
	    {WG_ADD, peer(4000)}, {WG_ADD, peer(4001)}, {WG_ADD, peer(4002)}};
	struct wg_device d;
	unsigned i;

	(void)state;
	c[1].peer.addr.len = 3;
	assert_int_equal(wg_apply(ifindex, c, 3, err), 0);
	assert_int_equal(err[0], 0);
	assert_true(err[1] < 0);
	assert_int_equal(err[2], 0);
	device(&d, PEERS - 1 + 3);
	assert_non_null(find(&d, 4001)); /* half done, as wg.h warns */
	assert_int_equal(find(&d, 4001)->nallowed, 0);
	assert_int_equal(find(&d, 4002)->nallowed, 1);
	for (i = 0; i < d.npeers; i++) {
		ch[i].op = WG_DEL;
		ch[i].peer = d.peers[i];
	}
	i = (unsigned)d.npeers;
	wg_device_free(&d);
	assert_int_equal(wg_apply(ifindex, ch, i, err), 0);
	device(&d, 0);
	wg_device_free(&d);
}

static void
test_gone(void **state)
{
	struct wg_change c = {WG_ADD, peer(1)};
	struct wg_device d;
	int e = 1;

	(void)state;
	assert_int_equal(rtnl_link_delete(NAME), 0);
	assert_int_equal(wg_apply(ifindex, &c, 1, &e), -ENODEV);
	assert_int_equal(e, -ENODEV);
	assert_int_equal(wg_device_get(ifindex, &d), -ENODEV);
	assert_int_equal(wg_apply(1, &c, 1, &e), -EOPNOTSUPP); /* lo */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_key_and_port),
	    cmocka_unit_test(test_many), cmocka_unit_test(test_spanning),
	    cmocka_unit_test(test_change), cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_gone)};
	struct rtnl_link l;
	int r;

	if (geteuid() != 0 || unshare(CLONE_NEWNET) == -1) {
		puts("1..0 # SKIP needs root and network namespaces");
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	if (rtnl_open() != 0)
		return 1;
	if ((r = rtnl_link_create(NAME)) == -EOPNOTSUPP) {
		puts("1..0 # SKIP no WireGuard in this kernel");
		return 0;
	}
	if (r != 0 || rtnl_link_get(NAME, &l) != 0 ||
	    wg_open(NAME, l.kind) != 0) {
		puts("Bail out! no interface");
		return 1;
	}
	ifindex = l.ifindex;
	return cmocka_run_group_tests_name("priv_wgreal", tests, NULL, NULL);
}
