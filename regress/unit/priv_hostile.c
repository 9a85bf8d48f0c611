/*
 * A hostile gossip process before the stub kernel: WESHER_TEST_REQUESTS records
 * (100,000), most of them well formed, in any order and state, restarts in
 * between; and each message type at every size and with every byte changed.
 * After each step the kernel holds nothing that the policy forbids.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "fake_kernel.h"

#include "../../common/log.h"
#include "../../common/seqpacket.h"
#include "../../priv/priv.h"
#include "../priv/hostile.h"

static struct policy pol;
static struct wgkey wgkey;
static struct hostile h;
static struct priv *p;
static uint8_t secret[WG_KEY_LEN];
static bool failed; /* the kernel did, and was not repaired yet */
static bool any_name; /* besides those that h knows */

/* A start of wesher-priv over the kernel as it is. */
static void
begin(void)
{
	const char *why;
	bool created;

	p = calloc(1, sizeof(*p));
	assert_non_null(p);
	p->boundary = -1;
	p->env.pol = &pol;
	p->env.now = 1000000;
	p->env.wall = 1700000000;
	p->wgkey = &wgkey;
	p->hosts = (struct hosts *)&fk;
	p->changes = (struct bucket){.rate = 1000, .burst = MAX_PEERS};
	p->said = (struct bucket){.rate = 1, .burst = 100};
	p->env.host = fk.host;
	p->env.dns[0] = (struct ipaddr){4, {10, 98, 0, 53}};
	p->env.ndns = 1;
	memcpy(p->env.pubkey, wgkey.pub, WG_KEY_LEN);
	strcpy(p->name, h.self);
	assert_int_equal(
	    setup_link(&pol, &wgkey, &p->env.ifindex, &created, &why), 0);
	assert_int_equal(repair_adopt(p), 0);
}

static void
end(void)
{
	peers_clear(&p->env.peers);
	free(p);
}

static void
host_has(const char *addr, const char *gateway, const char *net)
{
	struct rtnl_host *t = &fk.host;

	assert_int_equal(ipaddr_parse(addr, &t->own[t->nown++]), 0);
	assert_int_equal(ipaddr_parse(gateway, &t->gw[t->ngw++]), 0);
	assert_int_equal(ipnet_parse(net, &t->onlink[t->nonlink++]), 0);
}

static int
setup(void **state)
{
	(void)state;
	memset(&fk, 0, sizeof(fk));
	host_has("172.30.77.1", "172.30.77.254", "172.30.77.0/24");
	host_has("10.99.0.1", "10.99.0.254", "10.99.0.0/24");
	pol = (struct policy){.wireguard_port = 51820, .mtu = 1420};
	strcpy(pol.interface, "wgtest");
	assert_int_equal(ipnet_parse("10.0.0.0/8", &pol.overlay), 0);
	memset(secret, 0x40, WG_KEY_LEN);
	wgkey.priv = sodium_malloc(WG_KEY_LEN);
	memcpy(wgkey.priv, secret, WG_KEY_LEN);
	crypto_scalarmult_base(wgkey.pub, secret);
	h.overlay = pol.overlay;
	strcpy(h.self, "me");
	memcpy(h.ours, wgkey.pub, WG_KEY_LEN);
	hostile_init(&h, 42);
	begin();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	end();
	sodium_free(wgkey.priv);
	return 0;
}

static void
check_peer(const struct wg_peer *q)
{
	const char *bad;
	size_t i;

	if (failed && q->nallowed == 0)
		return; /* another one has it; gone with the next repair */
	assert_int_equal(q->nallowed, 1);
	assert_memory_not_equal(q->key, wgkey.pub, WG_KEY_LEN);
	assert_false(sodium_is_zero(q->key, WG_KEY_LEN));
	if ((bad = hostile_bad_addr(
		 &h, &q->addr, pol.allow_static || any_name, false)))
		fail_msg("a peer's address is %s", bad);
	if ((bad = hostile_bad_endpoint(&q->endpoint)))
		fail_msg("an endpoint has %s", bad);
	for (i = 0; i < fk.npeers; i++) {
		assert_false(
		    !failed && ipaddr_eq(&fk.peers[i].endpoint.ip, &q->addr));
		assert_true(&fk.peers[i] == q ||
			    !ipaddr_eq(&fk.peers[i].addr, &q->addr));
	}
}

static void
oracle(void)
{
	const char *bad;
	size_t i, j;

	/* A peer that could not be removed is not in the table any more. */
	h.self_addr = failed ? (struct ipaddr){0} : fk.addr;
	if (fk.addr.len != 0) {
		assert_true(
		    ipaddr_eq(&fk.addr, &p->env.self) || p->env.self.len == 0);
		for (i = 0; i < 256; i++) {
			struct ipaddr a;

			overlay_addr(&pol.overlay, "me", 2, (unsigned)i, &a);
			if (ipaddr_eq(&a, &fk.addr))
				break;
		}
		assert_true(i < 256);
	}
	assert_true(fk.npeers <= MAX_PEERS);
	for (i = 0; i < fk.npeers; i++)
		check_peer(&fk.peers[i]);
	for (i = 0; i < fk.nroutes; i++) {
		for (j = 0; j < fk.npeers; j++)
			if (ipaddr_eq(&fk.peers[j].addr, &fk.routes[i]))
				break;
		assert_true(j < fk.npeers);
	}
	for (i = 0; i < fk.nhosts && i < 64; i++)
		if ((bad = hostile_bad_name(&h, fk.hosts[i], false)))
			fail_msg("%s has a line, %s", fk.hosts[i], bad);
	assert_memory_equal(fk.pubkey, wgkey.pub, WG_KEY_LEN);
	assert_int_equal(fk.port, 51820);
	assert_int_equal(fk.mtu, 1420);
	assert_true(p->nout <= OUTQ_MAX);
}

/* One record as it comes out of the socket. False: both end. */
static bool
say(const union priv_msg *m, size_t n)
{
	union priv_msg in;

	memset(&in, 0, sizeof(in));
	memcpy(&in, m, n < sizeof(in) ? n : sizeof(in));
	if (p->nout > OUTQ_MAX / 2)
		p->nout = 0; /* it reads them all */
	if (dispatch_one(p, &in, n) == 0)
		return true;
	apply_flush(p);
	return false;
}

static bool
say_bare(unsigned type)
{
	union priv_msg m;

	memset(&m, 0, sizeof(m));
	m.h.type = (uint16_t)type;
	return say(&m, priv_type_size(type));
}

/* From the start to the state, in which the rest is said. An adopted peer may
 * have our first address. */
static void
reach(enum priv_state to)
{
	union priv_msg m = {.self = {.h = {.type = PRIV_SELF}}};

	if (to >= PS_READY)
		assert_true(say_bare(PRIV_READY));
	for (m.self.attempt = 0; to >= PS_UP && p->state < PS_UP;
	     m.self.attempt++)
		assert_true(say(&m, sizeof(m.self)));
	if (to >= PS_SYNCED)
		assert_true(say_bare(PRIV_SYNC));
	assert_int_equal(p->state, to);
}

static void
restart(void)
{
	end();
	begin();
	reach((enum priv_state)hostile_below(&h, PS_SYNCED + 1));
	oracle();
}

/* Time goes on, the table is compared with the kernel, lines are written. */
static void
pass_time(void)
{
	p->env.now += hostile_below(&h, 4) == 0 ? 200000 : 300;
	p->env.wall += 1 + hostile_below(&h, 200);
	p->heard = p->sent = p->env.now;
	if (hostile_below(&h, 10) == 0) {
		fk.wg_error = -ENOMEM;
		failed = true;
	}
	apply_flush(p);
	assert_int_equal(duties_run(p), 0);
	fk.wg_error = 0;
	if (hostile_below(&h, 4) != 0)
		return;
	repair(p);
	apply_flush(p);
	failed = false;
}

static void
run_rounds(unsigned long rounds)
{
	union priv_msg m;
	unsigned long i, dead = 0, most = 0;
	size_t n;

	reach(PS_UP);
	for (i = 0; i < rounds; i++) {
		n = hostile_below(&h, 500) == 0 ? hostile_garbage(&h, &m)
						: hostile_request(&h, &m);
		if (!say(&m, n)) {
			dead++;
			oracle();
			restart();
		}
		if (hostile_below(&h, 50) == 0) {
			pass_time();
			/* Sessions are under way. */
			if (fk.npeers > 0)
				fk.peers[hostile_below(&h, (unsigned)fk.npeers)]
				    .handshake = p->env.wall;
		}
		if (hostile_below(&h, 16) == 0) {
			apply_flush(p);
			oracle();
		}
		if (fk.npeers > most)
			most = fk.npeers;
	}
	apply_flush(p);
	oracle();
	/* It was no idle talk. */
	assert_true(most > 10);
	assert_true(dead > rounds / 2000);
	assert_true(fk.hosts_writes > 10);
	print_message("# %lu records, %lu restarts, at most %lu peers\n",
	    rounds, dead, most);
}

static unsigned long
rounds(void)
{
	const char *s = getenv("WESHER_TEST_REQUESTS");

	return s == NULL ? 100000 : strtoul(s, NULL, 10);
}

static void
test_random(void **state)
{
	(void)state;
	run_rounds(rounds() / 2);
}

static void
test_random_static(void **state)
{
	(void)state;
	pol.allow_static = true;
	h.seed = 43;
	run_rounds(rounds() / 2);
}

/* Each size up to twice the right one, in each state, with each type. */
static void
test_sizes(void **state)
{
	union priv_msg big[2], *m = &big[0];
	unsigned st, type;
	size_t n, right;
	bool taken;

	(void)state;
	for (st = PS_START; st <= PS_LEAVING; st++)
		for (type = 0; type <= PRIV_STOP + 1; type++) {
			right = priv_type_size(type);
			for (n = 0; n <= 2 * (right ? right : 8); n++) {
				p->state = (enum priv_state)st;
				p->stats = false;
				memset(big, 0, sizeof(big));
				m->h.type = (uint16_t)type;
				taken = say(m, n);
				if (n != right || type == 0 ||
				    type > PRIV_TYPE_MAX_TO_PRIV)
					assert_false(taken);
			}
		}
	apply_flush(p);
	oracle();
	assert_int_equal(fk.npeers, 0);
}

/* Each byte of a good request takes each of its values. */
static void
test_bytes(void **state)
{
	union priv_msg m, good;
	unsigned type, b;
	size_t i, n;

	(void)state;
	any_name = true;
	for (type = PRIV_READY; type <= PRIV_TYPE_MAX_TO_PRIV; type++) {
		n = priv_type_size(type);
		memset(&good, 0, sizeof(good));
		if (type == PRIV_PEER_SET) {
			struct ipport e = {.port = 51820};

			(void)ipaddr_parse("192.0.2.1", &e.ip);
			strcpy(good.peer_set.name, "n1");
			good.peer_set.namelen = 2;
			good.peer_set.flags = PRIV_PEER_HOSTS;
			memcpy(good.peer_set.key, h.keys[0], WG_KEY_LEN);
			priv_ep_to(&good.peer_set.endpoint, &e);
		}
		good.h.type = (uint16_t)type;
		for (i = 0; i < n; i++)
			for (b = 0; b < 256; b++) {
				m = good;
				((uint8_t *)&m)[i] = (uint8_t)b;
				p->state = type == PRIV_READY ? PS_START
							      : PS_UP;
				p->stats = false;
				(void)say(&m, n);
				p->env.now += 2; /* within the limit */
				if (b % 64 == 63) {
					apply_flush(p);
					oracle();
				}
			}
	}
	/* Taken and refused, both often. */
	assert_true(fk.applies > 1000);
	assert_true(p->refused > 1000);
	any_name = false;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {T(test_random),
	    T(test_random_static), T(test_sizes), T(test_bytes)};

	if (sodium_init() == -1)
		return 1;
	log_init(LOG_D_SINK, LOG_L_DEBUG, "test", -1);
	return cmocka_run_group_tests_name("priv_hostile", tests, NULL, NULL);
}
