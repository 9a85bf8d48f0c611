/*
 * wesher-priv when a netlink conversation fails, or memory runs out: in a life
 * that has everything in it, each question and each change in turn is not
 * done, or is done and its answer lost, and each allocation fails. A child that asks again what was refused, as peer_ask.c does,
 * and the repair reach the wanted state by themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>

#include <sys/syscall.h>

#include "oom.h"

#include "fake_kernel.h"

#include "../../common/log.h"
#include "../../common/overlay.h"
#include "../../common/seqpacket.h"
#include "../../priv/priv.h"

#define TRIES 16
#define ROW   12 /* calls */

static struct policy pol;
static struct wgkey wgkey;
static struct priv *p;
static int peer_end;
static const char *what; /* the fault that is tried */

static const int *send_errors; /* up to 0: what the next send(2)s fail with */

ssize_t
send(int fd, const void *buf, size_t len, int flags)
{
	if (send_errors != NULL && *send_errors != 0) {
		errno = *send_errors++;
		return -1;
	}
	return syscall(SYS_sendto, fd, buf, len, flags, NULL, 0);
}

static void
key(unsigned n, uint8_t out[WG_KEY_LEN])
{
	uint8_t seed[WG_KEY_LEN] = {0x77, (uint8_t)n, 1};

	crypto_scalarmult_base(out, seed);
}

static void
begin(void)
{
	static const struct bucket changes = {.rate = 1000, .burst = MAX_PEERS};
	int sv[2];

	memset(&fk, 0, sizeof(fk));
	fk.ifindex = 10;
	p = calloc(1, sizeof(*p));
	assert_int_equal(seqpacket_pair(sv), 0);
	p->boundary = sv[0];
	peer_end = sv[1];
	p->env.pol = &pol;
	p->env.now = 1000000;
	p->env.wall = 1700000000;
	p->heard = p->sent = p->env.now;
	p->wgkey = &wgkey;
	p->hosts = (struct hosts *)&fk;
	p->changes = changes;
	memcpy(p->env.pubkey, wgkey.pub, WG_KEY_LEN);
	strcpy(p->name, "me");
	p->state = PS_READY;
}

static void
end(void)
{
	peers_clear(&p->env.peers);
	close(p->boundary);
	close(peer_end);
	free(p);
}

/* The child is heard of, and reads. */
static void
later(int64_t ms)
{
	p->env.now += ms;
	p->env.wall += ms / 1000;
	p->heard = p->sent = p->env.now;
	assert_int_equal(duties_run(p), 0);
}

/* The error that a request is answered with; -1: no answer. */
static int
ask(const void *m, size_t len, uint32_t seq)
{
	union priv_msg u = {0};
	int err = -1;

	memcpy(&u, m, len);
	assert_int_equal(dispatch_one(p, &u, len), 0);
	apply_flush(p);
	for (; p->nout > 0; p->nout--) {
		u = p->out[p->outhead];
		p->outhead = (p->outhead + 1) % OUTQ_MAX;
		if (u.h.type == PRIV_RESULT && u.h.seq == seq)
			err = u.result.error;
	}
	return err;
}

/* Until it is granted, with the pauses of a patient child. */
static void
insist(const void *m, size_t len, uint32_t seq)
{
	int i, err = 0;

	for (i = 0; i < TRIES; i++) {
		if ((err = ask(m, len, seq)) == 0)
			return;
		later(1000);
	}
	fail_msg("%s, call %u: refused for ever: %s", what, fk.fault_at,
	    strerror(err));
}

static void
set(const char *name, unsigned k, unsigned oldk, const char *ep)
{
	struct priv_peer_set s = {.h = {.type = PRIV_PEER_SET, .seq = 7},
	    .namelen = (uint8_t)strlen(name),
	    .flags = PRIV_PEER_HOSTS};
	struct ipport e = {.port = 51820};

	memcpy(s.name, name, s.namelen);
	key(k, s.key);
	if (oldk != 0)
		key(oldk, s.oldkey);
	assert_int_equal(ipaddr_parse(ep, &e.ip), 0);
	priv_ep_to(&s.endpoint, &e);
	insist(&s, sizeof(s), 7);
}

static void
del(unsigned k)
{
	struct priv_peer_del d = {.h = {.type = PRIV_PEER_DEL, .seq = 8}};
	int i, err = 0;

	key(k, d.key);
	for (i = 0; i < TRIES; i++) {
		err = ask(&d, sizeof(d), 8);
		if (err == 0 || err == ENOENT) /* as del_done() has it */
			return;
		later(1000);
	}
	fail_msg(
	    "%s, call %u: not removed: %s", what, fk.fault_at, strerror(err));
}

static struct ipaddr
addr_of(const char *name)
{
	struct ipaddr a;

	overlay_addr(&pol.overlay, name, strlen(name), 0, &a);
	return a;
}

/* A tunnel that a former process left, with another keepalive. */
static void
left_behind(const char *name, unsigned k)
{
	struct wg_change c = {.op = WG_ADD};

	key(k, c.peer.key);
	c.peer.addr = addr_of(name);
	c.peer.keepalive = 25;
	c.peer.endpoint.port = 1;
	assert_int_equal(ipaddr_parse("192.0.2.99", &c.peer.endpoint.ip), 0);
	fk_change(&c);
	fk.routes[fk.nroutes++] = c.peer.addr;
}

static void
is_set(const char *name, unsigned k, const char *ep)
{
	struct ipaddr a = addr_of(name), e;
	uint8_t kk[WG_KEY_LEN];
	struct wg_peer *q;

	key(k, kk);
	assert_int_equal(ipaddr_parse(ep, &e), 0);
	if ((q = fk_peer(kk)) == NULL || q->nallowed != 1 ||
	    !ipaddr_eq(&q->addr, &a))
		fail_msg(
		    "%s, call %u: no tunnel to %s", what, fk.fault_at, name);
	if (!ipaddr_eq(&q->endpoint.ip, &e) || q->endpoint.port != 51820)
		fail_msg("%s, call %u: %s is asked at another place", what,
		    fk.fault_at, name);
	if (q->keepalive != 0)
		fail_msg("%s, call %u: %s has another keepalive", what,
		    fk.fault_at, name);
	if (!fk_route(&a))
		fail_msg(
		    "%s, call %u: no route to %s", what, fk.fault_at, name);
}

/* Everything that happens to a member of a mesh. */
static void
live(void)
{
	struct priv_self self = {.h = {.type = PRIV_SELF, .seq = 1}};
	struct priv_bare sync = {.h = {.type = PRIV_SYNC}};

	insist(&self, sizeof(self), 1);
	set("a", 1, 0, "192.0.2.1");
	set("b", 2, 0, "192.0.2.2");
	set("old", 8, 0, "192.0.2.8");
	(void)ask(&sync, sizeof(sync), 0);
	later(1000);
	set("a", 1, 0, "192.0.2.11"); /* it moved */
	set("b", 3, 2, "192.0.2.2"); /* another key */
	set("b", 3, 3, "192.0.2.2"); /* its session is reset */
	set("c", 4, 0, "192.0.2.4");
	del(4);
	later(REPAIR_EVERY);
	is_set("a", 1, "192.0.2.11");
	is_set("b", 3, "192.0.2.2");
	is_set("old", 8, "192.0.2.8");
	/* Somebody has taken the interface away, and put it there again. */
	fk.link = false;
	fk.npeers = fk.nroutes = 0;
	p->repair_at = p->env.now;
	later(1000);
	set("d", 5, 0, "192.0.2.5");
}

/* True: there was no such call, and nothing has failed. */
static bool
one_fault(unsigned n, unsigned memory, unsigned row, int error, bool lost)
{
	bool none;
	struct ipaddr self = addr_of("me");
	unsigned calls;
	const char *why;
	bool created;
	int i;

	begin();
	assert_int_equal(
	    setup_link(&pol, &wgkey, &p->env.ifindex, &created, &why), 0);
	left_behind("old", 8);
	left_behind("gone", 9);
	assert_int_equal(repair_adopt(p), 0);
	fk.calls = 0;
	fk.fault_at = n;
	fk.fault_end = n == 0 ? 0 : n + row - 1;
	fk.fault = error;
	fk.lost = lost;
	oom_arm(memory, row);
	live();
	calls = fk.calls;
	none = oom_disarm();
	for (i = 0; i < (int)row + 1; i++) { /* without a request */
		later(REPAIR_EVERY);
		later(HOSTS_DELAY);
	}
	is_set("a", 1, "192.0.2.11");
	is_set("b", 3, "192.0.2.2");
	is_set("d", 5, "192.0.2.5");
	is_set("old", 8, "192.0.2.8");
	if (fk.npeers != 4 || fk.nroutes != 4 || p->env.peers.n != 4)
		fail_msg("%s, call %u: %zu peers, %zu routes", what, n,
		    fk.npeers, fk.nroutes);
	if (!fk.up || !ipaddr_eq(&fk.addr, &self) || fk.port != 51820 ||
	    memcmp(fk.pubkey, wgkey.pub, WG_KEY_LEN) != 0)
		fail_msg("%s, call %u: the interface is not ours", what, n);
	assert_int_equal(fk.nhosts, 4);
	end();
	return memory != 0 ? none : n > calls;
}

static void
sweep(const char *name, unsigned row, int error, bool lost)
{
	unsigned n = 0;

	what = name;
	while (!one_fault(++n, 0, row, error, lost))
		;
	assert_true(n > 30);
}

static void
test_not_done(void **state)
{
	(void)state;
	sweep("not done", 1, -ENOBUFS, false);
	sweep("no memory", 1, -ENOMEM, false);
}

static void
test_answer_lost(void **state)
{
	(void)state;
	sweep("answer lost", 1, -ETIMEDOUT, true);
	sweep("answer lost", 1, -ENOBUFS, true);
}

static void
test_for_a_while(void **state)
{
	(void)state;
	sweep("not done for a while", ROW, -ENOBUFS, false);
	sweep("answers lost for a while", ROW, -ETIMEDOUT, true);
}

static void
test_no_memory(void **state)
{
	unsigned n, row;

	(void)state;
	what = "no memory";
	for (row = 1; row <= ROW; row += ROW - 1) {
		n = 0;
		while (!one_fault(0, ++n, row, 0, false))
			;
		assert_true(n > 15);
	}
}

/* A kernel that is short of buffers loses no record and ends nothing. */
static void
test_boundary_is_full(void **state)
{
	static const int short_of[] = {
	    ENOBUFS, EINTR, ENOMEM, EAGAIN, ENOBUFS, 0};
	static const int gone[] = {EPIPE, 0};
	struct priv_result r = {.h = {.type = PRIV_RESULT}};
	union priv_msg m;
	uint32_t i;

	(void)state;
	begin();
	for (i = 1; i <= 3; i++) {
		r.h.seq = i;
		dispatch_put(p, &r);
	}
	send_errors = short_of;
	for (i = 0; i < 4; i++) {
		assert_int_equal(dispatch_write(p), 0);
		assert_true(dispatch_events(p) & POLLOUT);
	}
	assert_int_equal(dispatch_write(p), 0);
	assert_int_equal(p->nout, 0);
	for (i = 1; i <= 3; i++) {
		assert_int_equal(
		    seqpacket_recv(peer_end, &m, sizeof(m)), sizeof(r));
		assert_int_equal(m.h.seq, i);
	}
	dispatch_put(p, &r);
	send_errors = gone;
	assert_int_equal(dispatch_write(p), -1);
	send_errors = NULL;
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_not_done),
	    cmocka_unit_test(test_answer_lost),
	    cmocka_unit_test(test_for_a_while),
	    cmocka_unit_test(test_no_memory),
	    cmocka_unit_test(test_boundary_is_full)};

	if (sodium_init() == -1)
		return 1;
	strcpy(pol.interface, "wgtest");
	pol.wireguard_port = 51820;
	pol.mtu = 1420;
	if (ipnet_parse("10.0.0.0/8", &pol.overlay) != 0)
		return 1;
	wgkey.priv = sodium_malloc(WG_KEY_LEN);
	memset(wgkey.priv, 0x40, WG_KEY_LEN);
	crypto_scalarmult_base(wgkey.pub, wgkey.priv);
	/* What fails is told; not here. */
	log_init(LOG_D_SINK, LOG_L_DEBUG, "test", -1);
	return cmocka_run_group_tests_name("priv_faults", tests, NULL, NULL);
}
