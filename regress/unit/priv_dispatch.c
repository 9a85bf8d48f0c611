/*
 * The boundary as root sees it, against a hostile sender and a kernel of
 * arrays: every message in every state and size, every reserved byte, what
 * the kernel is asked to do, and how it is repaired. Time is a number here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include <sodium.h>

#include <poll.h>

#include "fake_kernel.h"

#include "../../common/log.h"
#include "../../common/overlay.h"
#include "../../common/seqpacket.h"
#include "../../priv/priv.h"

static struct policy pol;
static struct wgkey wgkey;
static struct priv *p;
static int peer_end; /* the child's end of the boundary */

static struct ipaddr
ip(const char *s)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(s, &a), 0);
	return a;
}

/* A valid public key per number. */
static const uint8_t *
key(unsigned n)
{
	static uint8_t keys[8][WG_KEY_LEN];
	static unsigned at;
	uint8_t seed[WG_KEY_LEN] = {0x77, (uint8_t)n, (uint8_t)(n >> 8), 1};
	uint8_t *k = keys[at++ % 8];

	crypto_scalarmult_base(k, seed);
	return k;
}

static int
setup(void **state)
{
	int sv[2];

	(void)state;
	memset(&fk, 0, sizeof(fk));
	p = calloc(1, sizeof(*p));
	pol = (struct policy){.wireguard_port = 51820, .mtu = 1420};
	strcpy(pol.interface, "wgtest");
	assert_int_equal(ipnet_parse("10.0.0.0/8", &pol.overlay), 0);
	wgkey.priv = sodium_malloc(WG_KEY_LEN);
	memset(wgkey.priv, 0x40, WG_KEY_LEN);
	crypto_scalarmult_base(wgkey.pub, wgkey.priv);
	assert_int_equal(seqpacket_pair(sv), 0);
	peer_end = sv[1];
	p->boundary = sv[0];
	p->env.pol = &pol;
	p->env.now = 1000000;
	p->env.wall = 1700000000;
	p->heard = p->sent = p->env.now;
	p->wgkey = &wgkey;
	p->hosts = (struct hosts *)&fk;
	p->said = (struct bucket){.rate = 1, .burst = 100};
	p->changes = (struct bucket){.rate = 1000, .burst = MAX_PEERS};
	memcpy(p->env.pubkey, wgkey.pub, WG_KEY_LEN);
	strcpy(p->name, "me");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	peers_clear(&p->env.peers);
	close(p->boundary);
	close(peer_end);
	sodium_free(wgkey.priv);
	free(p);
	return 0;
}

/* Interface made, child at the given state. */
static void
begin(enum priv_state st)
{
	const char *why;
	bool created;

	assert_int_equal(
	    setup_link(&pol, &wgkey, &p->env.ifindex, &created, &why), 0);
	assert_int_equal(repair_adopt(p), 0);
	if (st == PS_UP) {
		overlay_addr(&pol.overlay, "me", 2, 0, &p->env.self);
		fk.addr = p->env.self;
	}
	p->state = st;
}

/* Hand in one message; what was gathered goes to the kernel. */
static int
say(const void *m, size_t len)
{
	union priv_msg u;
	int rv;

	memset(&u, 0, sizeof(u));
	memcpy(&u, m, len < sizeof(u) ? len : sizeof(u));
	rv = dispatch_one(p, &u, len);
	apply_flush(p);
	return rv;
}

/* The next queued record, which must be of this type; NULL: none queued. */
static const union priv_msg *
next(unsigned type)
{
	static union priv_msg m;

	if (p->nout == 0)
		return NULL;
	m = p->out[p->outhead];
	p->outhead = (p->outhead + 1) % OUTQ_MAX;
	p->nout--;
	assert_int_equal(m.h.type, type);
	return &m;
}

static struct priv_peer_set
peer(const char *name, unsigned k, const char *ep)
{
	struct priv_peer_set s = {.h = {.type = PRIV_PEER_SET, .seq = k},
	    .namelen = (uint8_t)strlen(name),
	    .flags = PRIV_PEER_HOSTS};
	struct ipport e = {.ip = ip(ep), .port = 51820};

	memcpy(s.name, name, s.namelen);
	memcpy(s.key, key(k), WG_KEY_LEN);
	priv_ep_to(&s.endpoint, &e);
	return s;
}

/* Set a peer; returns the RESULT's error. */
static int
set(const struct priv_peer_set *s)
{
	const union priv_msg *r;

	assert_int_equal(say(s, sizeof(*s)), 0);
	r = next(PRIV_RESULT);
	assert_non_null(r);
	assert_int_equal(r->result.h.seq, s->h.seq);
	assert_int_equal(r->result.request, PRIV_PEER_SET);
	assert_memory_equal(r->result.key, s->key, WG_KEY_LEN);
	assert_int_equal(p->nout, 0);
	return r->result.error;
}

static int
del(unsigned k)
{
	struct priv_peer_del d = {.h = {.type = PRIV_PEER_DEL, .seq = 9}};
	const union priv_msg *r;

	memcpy(d.key, key(k), WG_KEY_LEN);
	assert_int_equal(say(&d, sizeof(d)), 0);
	r = next(PRIV_RESULT);
	assert_non_null(r);
	return r->result.error;
}

static struct ipaddr
addr_of(const char *name)
{
	struct ipaddr a;

	overlay_addr(&pol.overlay, name, strlen(name), 0, &a);
	return a;
}

static void
later(int64_t ms)
{
	p->env.now += ms;
	p->env.wall += ms / 1000;
}

static const unsigned types[] = {PRIV_READY, PRIV_SELF, PRIV_PEER_SET,
    PRIV_PEER_DEL, PRIV_SYNC, PRIV_ALIVE, PRIV_STATS};

/* A harmless message of each type. */
static size_t
sample(unsigned type, union priv_msg *m)
{
	memset(m, 0, sizeof(*m));
	if (type == PRIV_PEER_SET)
		m->peer_set = peer("other", 1, "192.0.2.1");
	if (type == PRIV_PEER_DEL)
		memcpy(m->peer_del.key, key(1), WG_KEY_LEN);
	m->h.type = (uint16_t)type;
	return priv_type_size(type);
}

static void
test_states(void **state)
{
	/* In the order of types[]: START, READY, UP, SYNCED, LEAVING. */
	static const bool allowed[][5] = {
	    {true, false, false, false, true},
	    {false, true, true, true, true},
	    {false, false, true, true, true},
	    {false, false, true, true, true},
	    {false, false, true, false, true},
	    {true, true, true, true, true},
	    {false, false, true, true, true},
	};
	union priv_msg m;
	size_t i, st, len;

	for (i = 0; i < 7; i++)
		for (st = 0; st < 5; st++) {
			begin((enum priv_state)st);
			len = sample(types[i], &m);
			assert_int_equal(say(&m, len), allowed[i][st] ? 0 : -1);
			if (st == PS_LEAVING) {
				assert_int_equal(p->nout, 0);
				assert_int_equal(fk.npeers, 0);
				assert_int_equal(p->state, PS_LEAVING);
			}
			teardown(state);
			setup(state);
		}
}

static void
test_sizes(void **state)
{
	uint8_t buf[2 * sizeof(union priv_msg)];
	union priv_msg m;
	size_t i, n, len;

	(void)state;
	for (i = 0; i < 7; i++) {
		len = sample(types[i], &m);
		begin(types[i] == PRIV_READY ? PS_START : PS_UP);
		memset(buf, 0, sizeof(buf));
		memcpy(buf, &m, sizeof(m));
		for (n = 0; n <= 2 * len; n++)
			if (n != len)
				assert_int_equal(say(buf, n), -1);
		assert_int_equal(p->nout, 0);
	}
}

static void
test_unknown_types(void **state)
{
	struct priv_bare b = {.h = {0}};
	unsigned t;

	(void)state;
	begin(PS_UP);
	for (t = 0; t < 0x10000; t += t < 80 ? 1 : 997) {
		b.h.type = (uint16_t)t;
		if (t == 0 || t > PRIV_TYPE_MAX_TO_PRIV)
			assert_int_equal(say(&b, sizeof(b)), -1);
	}
}

/* Each byte that has to be zero, for each type. */
static void
test_reserved(void **state)
{
	union priv_msg m;
	size_t i, j, len;

	for (i = 0; i < 7; i++) {
		len = sample(types[i], &m);
		begin(types[i] == PRIV_READY ? PS_START : PS_UP);
		m.h.pad = 1;
		assert_int_equal(say(&m, len), -1);
		m.h.pad = 0x100;
		assert_int_equal(say(&m, len), -1);
	}
	sample(PRIV_SELF, &m);
	for (j = 0; j < 3; j++) {
		m.self.pad[j] = 1;
		assert_int_equal(say(&m, sizeof(m.self)), -1);
		m.self.pad[j] = 0;
	}
#define BAD(field, bad)                                            \
	do {                                                       \
		sample(PRIV_PEER_SET, &m);                         \
		m.peer_set.field = (bad);                          \
		assert_int_equal(say(&m, sizeof(m.peer_set)), -1); \
	} while (0)
	BAD(pad, 1);
	for (j = 2; j < 8; j++)
		BAD(flags, (uint8_t)(1 << j));
	for (j = strlen("other"); j < sizeof(m.peer_set.name); j++)
		BAD(name[j], 'x');
	for (j = 1; j < 256; j++)
		if (j != 4 && j != 16)
			BAD(endpoint.ip.len, (uint8_t)j);
	for (j = 1; j < 256; j++)
		if (j != 4 && j != 16)
			BAD(addr.len, (uint8_t)j);
	for (j = 0; j < 3; j++) {
		BAD(addr.pad[j], 1);
		BAD(endpoint.ip.pad[j], 1);
	}
	for (j = 0; j < 16; j++)
		BAD(addr.b[j], 1);
	for (j = 4; j < 16; j++)
		BAD(endpoint.ip.b[j], 1);
	BAD(endpoint.pad, 1);
	/* The original's function has no attempts. */
	sample(PRIV_PEER_SET, &m);
	m.peer_set.flags = PRIV_PEER_PLAIN;
	m.peer_set.attempt = 1;
	assert_int_equal(say(&m, sizeof(m.peer_set)), -1);
	assert_int_equal(fk.npeers, 0);
	(void)state;
}

static void
test_over_the_socket(void **state)
{
	union priv_msg m;
	char big[4096] = {0};
	size_t len;

	begin(PS_START);
	len = sample(PRIV_READY, &m);
	assert_int_equal(seqpacket_send(peer_end, &m, len), 0);
	len = sample(PRIV_ALIVE, &m);
	m.alive.members = 3;
	assert_int_equal(seqpacket_send(peer_end, &m, len), 0);
	assert_int_equal(dispatch_read(p), 0);
	assert_int_equal(p->state, PS_READY);
	assert_int_equal(p->alive.members, 3);
	/* A record that is longer than any. */
	memcpy(big, &m, len);
	assert_int_equal(seqpacket_send(peer_end, big, sizeof(big)), 0);
	assert_int_equal(dispatch_read(p), -1);
	teardown(state);
	setup(state);
	/* An empty record. */
	assert_int_equal(seqpacket_send(peer_end, big, 0), 0);
	assert_int_equal(dispatch_read(p), -1);
	teardown(state);
	setup(state);
	/* A descriptor. */
	{
		char ctl[CMSG_SPACE(sizeof(int))] = {0};
		struct iovec iov = {.iov_base = &m, .iov_len = len};
		struct msghdr mh = {.msg_iov = &iov,
		    .msg_iovlen = 1,
		    .msg_control = ctl,
		    .msg_controllen = sizeof(ctl)};
		struct cmsghdr *c = CMSG_FIRSTHDR(&mh);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &peer_end, sizeof(int));
		assert_true(sendmsg(peer_end, &mh, 0) > 0);
		assert_int_equal(dispatch_read(p), -1);
	}
}

static void
test_self(void **state)
{
	struct priv_self s = {.h = {.type = PRIV_SELF, .seq = 4}};
	const union priv_msg *r;
	struct ipaddr a, want;

	(void)state;
	begin(PS_READY);
	assert_int_equal(say(&s, sizeof(s)), 0);
	r = next(PRIV_RESULT);
	assert_int_equal(r->result.error, 0);
	assert_int_equal(r->result.request, PRIV_SELF);
	assert_true(priv_ip_from(&a, &r->result.addr));
	want = addr_of("me");
	assert_true(ipaddr_eq(&a, &want));
	assert_true(ipaddr_eq(&fk.addr, &want));
	assert_int_equal(p->state, PS_UP);
	/* Another attempt moves us. */
	s.attempt = 1;
	assert_int_equal(say(&s, sizeof(s)), 0);
	r = next(PRIV_RESULT);
	assert_int_equal(r->result.error, 0);
	assert_false(ipaddr_eq(&fk.addr, &want));
	/* An address that the host uses itself is no good. */
	fk.host.own[0] = want;
	fk.host.nown = 1;
	p->env.host = fk.host;
	s.attempt = 0;
	assert_int_equal(say(&s, sizeof(s)), 0);
	assert_int_equal(next(PRIV_RESULT)->result.error, ENOTUNIQ);
	assert_false(ipaddr_eq(&fk.addr, &want));
}

static void
test_self_unusable(void **state)
{
	struct priv_self s = {.h = {.type = PRIV_SELF}};
	struct ipaddr a;
	unsigned i;

	(void)state;
	/* In a /30 half of the addresses are network and broadcast. */
	assert_int_equal(ipnet_parse("10.9.8.0/30", &pol.overlay), 0);
	begin(PS_READY);
	for (i = 0; i < 256; i++) {
		overlay_addr(&pol.overlay, "me", 2, i, &a);
		if (!check_overlay_host(&pol.overlay, &a))
			break;
	}
	assert_true(i < 256);
	s.attempt = (uint8_t)i;
	assert_int_equal(say(&s, sizeof(s)), 0);
	assert_int_equal(next(PRIV_RESULT)->result.error, EADDRNOTAVAIL);
	assert_int_equal(p->state, PS_READY);
}

static void
test_set_and_del(void **state)
{
	struct priv_peer_set s = peer("test1", 1, "192.0.2.1");
	struct ipaddr a = addr_of("test1");
	const struct wg_peer *q;

	(void)state;
	pol.keepalive = 25;
	begin(PS_UP);
	memset(fk.log, 0, sizeof(fk.log));
	assert_int_equal(set(&s), 0);
	q = fk_peer(key(1));
	assert_non_null(q);
	assert_true(ipaddr_eq(&q->addr, &a));
	assert_int_equal(q->keepalive, 25);
	assert_int_equal(q->endpoint.port, 51820);
	assert_true(fk_route(&a));
	assert_string_equal(fk.log, "wa"); /* the route after its peer */
	memset(fk.log, 0, sizeof(fk.log));
	assert_int_equal(del(1), 0);
	assert_string_equal(fk.log, "dw"); /* and before it */
	assert_int_equal(fk.npeers, 0);
	assert_int_equal(fk.nroutes, 0);
	assert_int_equal(del(1), ENOENT);
}

static void
test_endpoint_only_when_changed(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");
	unsigned was;

	(void)state;
	begin(PS_UP);
	assert_int_equal(set(&s), 0);
	fk_peer(key(1))->endpoint.port = 7; /* it roamed */
	was = fk.applies;
	assert_int_equal(set(&s), 0);
	assert_int_equal(fk.applies, was);
	assert_int_equal(fk_peer(key(1))->endpoint.port, 7);
	s.endpoint.port = 8;
	assert_int_equal(set(&s), 0);
	assert_int_equal(fk.nlast, 1);
	assert_int_equal(fk.last[0].op, WG_ENDPOINT);
	assert_int_equal(fk_peer(key(1))->endpoint.port, 8);
}

static void
test_replace_key_is_one_batch(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");
	struct ipaddr a = addr_of("a");
	unsigned was, routes;

	(void)state;
	begin(PS_UP);
	assert_int_equal(set(&s), 0);
	fk_peer(key(1))->handshake = p->env.wall - 5;
	/* Without naming the old key: refused. */
	memcpy(s.key, key(2), WG_KEY_LEN);
	assert_int_equal(set(&s), EADDRINUSE);
	memcpy(s.oldkey, key(1), WG_KEY_LEN);
	was = fk.applies;
	routes = fk.route_calls;
	memset(fk.log, 0, sizeof(fk.log));
	assert_int_equal(set(&s), 0);
	assert_int_equal(fk.applies, was + 1);
	assert_int_equal(fk.nlast, 2);
	assert_int_equal(fk.last[0].op, WG_DEL);
	assert_memory_equal(fk.last[0].peer.key, key(1), WG_KEY_LEN);
	assert_int_equal(fk.last[1].op, WG_ADD);
	assert_int_equal(fk.npeers, 1);
	/* The route was never away. */
	assert_true(fk.route_calls - routes <= 1);
	assert_null(strchr(fk.log, 'd'));
	assert_true(fk_route(&a));
}

/* The same key as its old one: end the session, in one message. */
static void
test_reset_of_a_session(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");
	struct ipaddr a = addr_of("a");

	(void)state;
	begin(PS_UP);
	assert_int_equal(set(&s), 0);
	memcpy(s.oldkey, key(1), WG_KEY_LEN);
	memset(fk.log, 0, sizeof(fk.log));
	assert_int_equal(set(&s), 0);
	assert_int_equal(fk.nlast, 2);
	assert_int_equal(fk.last[0].op, WG_DEL);
	assert_int_equal(fk.last[1].op, WG_ADD);
	assert_int_equal(fk.last[1].peer.endpoint.ip.len, 4);
	assert_int_equal(fk.npeers, 1);
	assert_null(strchr(fk.log, 'd'));
	assert_true(fk_route(&a));
}

static void
test_replace_under_another_name(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");
	struct priv_peer_set t = peer("b", 2, "192.0.2.2");

	(void)state;
	begin(PS_UP);
	assert_int_equal(set(&s), 0);
	memcpy(t.oldkey, key(1), WG_KEY_LEN);
	assert_int_equal(set(&t), ESTALE);
	assert_non_null(fk_peer(key(1)));
}

static void
test_handover_waits(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");

	(void)state;
	begin(PS_UP);
	assert_int_equal(set(&s), 0);
	fk_peer(key(1))->handshake = p->env.wall - 100;
	later(2000);
	assert_int_equal(del(1), 0);
	memcpy(s.key, key(2), WG_KEY_LEN);
	assert_int_equal(set(&s), EAGAIN);
	later(77000); /* the handshake is 179 s old */
	assert_int_equal(set(&s), EAGAIN);
	/* The old key itself may come back, and go. */
	memcpy(s.key, key(1), WG_KEY_LEN);
	assert_int_equal(set(&s), 0);
	assert_int_equal(del(1), 0);
	memcpy(s.key, key(2), WG_KEY_LEN);
	assert_int_equal(set(&s), EAGAIN);
	later(1000);
	assert_int_equal(set(&s), 0);
}

/* Nobody looks at thousands of peers as one goes: its session may be young. */
static void
test_handover_in_a_large_mesh(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");
	struct priv_peer_set t;
	char name[8];
	unsigned i, dumps;

	(void)state;
	begin(PS_UP);
	assert_int_equal(set(&s), 0);
	for (i = 2; i < 2 + DUMP_FEW; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		t = peer(name, (uint8_t)i, "192.0.2.2");
		assert_int_equal(set(&t), 0);
	}
	later(2000);
	dumps = fk.dumps;
	assert_int_equal(del(1), 0);
	assert_int_equal(fk.dumps, dumps);
	memcpy(s.key, key(200), WG_KEY_LEN);
	assert_int_equal(set(&s), EAGAIN);
	later((PEER_FRESH - 1) * 1000);
	assert_int_equal(set(&s), EAGAIN);
	later(1000);
	assert_int_equal(set(&s), 0);
}

static void
test_handover_by_name(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");

	(void)state;
	begin(PS_UP);
	assert_int_equal(set(&s), 0);
	fk_peer(key(1))->handshake = p->env.wall;
	assert_int_equal(del(1), 0);
	memcpy(s.key, key(2), WG_KEY_LEN);
	memcpy(s.oldkey, key(3), WG_KEY_LEN); /* not the one */
	assert_int_equal(set(&s), EAGAIN);
	memcpy(s.oldkey, key(1), WG_KEY_LEN);
	assert_int_equal(set(&s), 0);
}

/* An address that another name won (wesher/peer_claim.c): the holder goes, the
 * other waits for the end of its session, a third one hears of neither. */
static void
test_handover_to_another_name(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");
	struct priv_peer_set t = peer("winner", 2, "192.0.2.2");
	struct priv_peer_set third = peer("c", 3, "192.0.2.3");
	struct ipaddr a = addr_of("a");
	unsigned applies;

	(void)state;
	pol.allow_static = true;
	begin(PS_UP);
	priv_ip_to(&t.addr, &a);
	assert_int_equal(set(&s), 0);
	assert_int_equal(set(&third), 0);
	fk_peer(key(1))->handshake = p->env.wall;
	fk_peer(key(3))->handshake = p->env.wall;
	assert_int_equal(set(&t), EADDRINUSE);
	later(2000);
	assert_int_equal(del(1), 0);
	applies = fk.applies;
	assert_int_equal(set(&t), EAGAIN);
	later(170000);
	assert_int_equal(set(&t), EAGAIN);
	assert_int_equal(fk.applies, applies);
	assert_null(fk_peer(key(2)));
	later(8000);
	assert_int_equal(set(&t), 0);
	assert_int_equal(fk.applies, applies + 1);
	assert_non_null(fk_peer(key(2)));
	assert_int_equal(fk_peer(key(3))->handshake, p->env.wall - 180);
}

/* Two changes of one peer in one round of reading keep their order. */
static void
test_same_peer_twice_in_a_round(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");
	struct priv_peer_del d = {.h = {.type = PRIV_PEER_DEL}};
	int i;

	(void)state;
	begin(PS_UP);
	memcpy(d.key, key(1), WG_KEY_LEN);
	for (i = 0; i < 3; i++) {
		seqpacket_send(peer_end, &s, sizeof(s));
		seqpacket_send(peer_end, &d, sizeof(d));
	}
	seqpacket_send(peer_end, &s, sizeof(s));
	assert_int_equal(dispatch_read(p), 0);
	for (i = 0; i < 7; i++)
		assert_int_equal(next(PRIV_RESULT)->result.error, 0);
	assert_int_equal(fk.npeers, 1);
	assert_int_equal(fk.nroutes, 1);
}

static void
test_round_is_one_batch(void **state)
{
	struct priv_peer_set s;
	char name[16];
	unsigned i;

	(void)state;
	begin(PS_UP);
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "node%u", i);
		s = peer(name, i + 1, "192.0.2.1");
		assert_int_equal(seqpacket_send(peer_end, &s, sizeof(s)), 0);
	}
	memset(fk.log, 0, sizeof(fk.log));
	assert_int_equal(dispatch_read(p), 0);
	assert_string_equal(fk.log, "wa");
	assert_int_equal(p->nout, 100);
	assert_int_equal(fk.npeers, 100);
	assert_int_equal(fk.nroutes, 100);
}

static void
test_kernel_refuses(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");

	(void)state;
	begin(PS_UP);
	fk.wg_error = -ENOMEM;
	assert_int_equal(set(&s), ENOMEM);
	assert_int_equal(fk.nroutes, 0); /* no route without its peer */
	assert_int_equal(p->env.peers.n, 0);
	fk.wg_error = 0;
	assert_int_equal(set(&s), 0);
}

static void
test_rate_limit(void **state)
{
	struct priv_peer_del d = {.h = {.type = PRIV_PEER_DEL}};
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");
	unsigned i;

	(void)state;
	begin(PS_UP);
	memcpy(d.key, key(2), WG_KEY_LEN);
	assert_int_equal(set(&s), 0);
	for (i = 1; i < MAX_PEERS; i++)
		assert_int_equal(set(&s), 0);
	assert_int_equal(set(&s), EBUSY);
	assert_int_equal(del(1), EBUSY);
	later(10);
	for (i = 0; i < 10; i++)
		assert_int_equal(set(&s), 0);
	assert_int_equal(set(&s), EBUSY);
}

/* An interface that a former process left: key and port set, two peers. */
static void
leftover(void)
{
	struct wg_change c = {.op = WG_ADD};
	struct rtnl_change rc = {0};
	int err;

	rtnl_link_create("wgtest");
	fk.up = true;
	fk.mtu = 1420;
	fk.port = 51820;
	memcpy(fk.pubkey, wgkey.pub, WG_KEY_LEN);
	memcpy(c.peer.key, key(1), WG_KEY_LEN);
	c.peer.addr = addr_of("a");
	c.peer.endpoint = (struct ipport){ip("192.0.2.1"), 40000};
	fk_change(&c);
	memcpy(c.peer.key, key(2), WG_KEY_LEN);
	c.peer.addr = addr_of("b");
	fk_change(&c);
	memcpy(c.peer.key, key(3), WG_KEY_LEN);
	c.peer.addr = ip("172.16.0.1"); /* no peer of ours */
	fk_change(&c);
	memcpy(c.peer.key, key(4), WG_KEY_LEN);
	c.peer.addr = addr_of("d");
	fk_change(&c);
	fk_peer(key(4))->nallowed = 2;
	rc.dst = addr_of("a");
	rtnl_routes(1, NULL, &rc, 1, &err);
	rc.dst = addr_of("b");
	rtnl_routes(1, NULL, &rc, 1, &err);
	fk.keysets = fk.applies = fk.creates = 0;
}

static void
test_adopt(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");
	struct priv_bare sync = {.h = {.type = PRIV_SYNC}};
	const union priv_msg *m;
	union priv_msg got;

	(void)state;
	leftover();
	begin(PS_UP);
	/* Sessions live on: nothing was set. */
	assert_int_equal(fk.creates, 0);
	assert_int_equal(fk.keysets, 0);
	assert_int_equal(fk.npeers, 2); /* the foreign ones are gone */
	assert_int_equal(fk.nroutes, 2);
	dispatch_hello(p);
	assert_false((dispatch_events(p) & POLLIN));
	assert_int_equal(dispatch_write(p), 0);
	assert_true((dispatch_events(p) & POLLIN));
	assert_int_equal(
	    seqpacket_recv(peer_end, &got, sizeof(got)), sizeof(got.hello));
	assert_int_equal(got.hello.adopted, 2);
	assert_memory_equal(got.hello.key, wgkey.pub, WG_KEY_LEN);
	assert_string_equal(got.hello.name, "me");
	assert_int_equal(got.hello.flags, 0);
	assert_int_equal(
	    seqpacket_recv(peer_end, &got, sizeof(got)), sizeof(got.stat));
	assert_int_equal(got.stat.flags, PRIV_STAT_ADOPTED);
	assert_int_equal(
	    seqpacket_recv(peer_end, &got, sizeof(got)), sizeof(got.stat));
	assert_int_equal(seqpacket_recv(peer_end, &got, sizeof(got)), -1);
	fk.userspace = true;
	dispatch_hello(p);
	fk.userspace = false;
	assert_int_equal(dispatch_write(p), 0);
	assert_int_equal(
	    seqpacket_recv(peer_end, &got, sizeof(got)), sizeof(got.hello));
	assert_int_equal(got.hello.flags, PRIV_HELLO_USERSPACE);
	while (seqpacket_recv(peer_end, &got, sizeof(got)) != -1)
		;

	/* A live session keeps the endpoint that the kernel learned. */
	fk_peer(key(1))->handshake = p->env.wall - 10;
	p->dumped = 0;
	repair_dump(p);
	fk.applies = 0;
	assert_int_equal(set(&s), 0);
	assert_int_equal(fk.applies, 0);
	assert_int_equal(fk_peer(key(1))->endpoint.port, 40000);
	/* One without gets the announced. */
	s = peer("b", 2, "192.0.2.2");
	assert_int_equal(set(&s), 0);
	assert_int_equal(fk_peer(key(2))->endpoint.port, 51820);
	assert_int_equal(say(&sync, sizeof(sync)), 0);
	assert_int_equal(fk.npeers, 2);
	m = next(PRIV_RESULT);
	assert_null(m); /* SYNC is not answered */
	assert_int_equal(say(&sync, sizeof(sync)), -1); /* once */
}

/* The clock was set back: how old is a handshake of the future? */
static void
test_adopt_behind_the_clock(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");

	(void)state;
	leftover();
	begin(PS_UP);
	fk_peer(key(1))->handshake = p->env.wall + 86400;
	p->dumped = 0;
	repair_dump(p);
	assert_int_equal(set(&s), 0);
	assert_int_equal(fk_peer(key(1))->endpoint.port, 51820);
}

/* A session keeps the endpoint that the kernel knows: that is in use, too. */
static void
test_endpoint_of_the_kernel(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");
	struct priv_peer_set t = peer("x", 5, "192.0.2.5");
	struct ipaddr roamed = ip("10.1.2.3");

	(void)state;
	pol.allow_static = true;
	leftover();
	fk_peer(key(1))->endpoint.ip = roamed;
	fk_peer(key(1))->handshake = p->env.wall - 10;
	begin(PS_UP);
	assert_int_equal(set(&s), 0);
	assert_true(ipaddr_eq(&fk_peer(key(1))->endpoint.ip, &roamed));
	priv_ip_to(&t.addr, &roamed);
	assert_int_equal(set(&t), ENOTUNIQ);
	assert_int_equal(del(1), 0);
	assert_int_equal(set(&t), 0);
}

static void
test_sync_removes_adopted(void **state)
{
	struct priv_peer_set s = peer("b", 2, "192.0.2.2");
	struct priv_bare sync = {.h = {.type = PRIV_SYNC}};
	struct ipaddr a = addr_of("a"), b = addr_of("b");

	(void)state;
	leftover();
	begin(PS_UP);
	assert_int_equal(set(&s), 0);
	/* The lines of those that are not set stay until SYNC. */
	later(HOSTS_DELAY);
	assert_int_equal(duties_run(p), 0);
	assert_int_equal(fk.hosts_writes, 0);
	memset(fk.log, 0, sizeof(fk.log));
	assert_int_equal(say(&sync, sizeof(sync)), 0);
	assert_string_equal(fk.log, "dw");
	assert_int_equal(fk.npeers, 1);
	assert_false(fk_route(&a));
	assert_true(fk_route(&b));
	later(HOSTS_DELAY);
	assert_int_equal(duties_run(p), 0);
	assert_int_equal(fk.nhosts, 1);
	assert_string_equal(fk.hosts[0], "b");
}

static void
test_hosts(void **state)
{
	struct priv_peer_set s = peer("good", 1, "192.0.2.1");
	unsigned i;

	(void)state;
	begin(PS_UP);
	strcpy(pol.hosts_domains, "lan,example.org");
	assert_int_equal(set(&s), 0);
	s = peer("no host name", 2, "192.0.2.2");
	assert_int_equal(set(&s), 0); /* tunnel yes, line no */
	s = peer("unwanted", 3, "192.0.2.3");
	s.flags = 0;
	assert_int_equal(set(&s), 0);
	/* The decision is taken here, whatever the child wants. */
	s = peer("ME.example.org", 4, "192.0.2.4");
	assert_int_equal(set(&s), 0);
	s = peer("other.example.net", 5, "192.0.2.5");
	assert_int_equal(set(&s), 0);
	s = peer("ip6-localhost", 6, "192.0.2.6");
	assert_int_equal(set(&s), 0);
	s = peer("other.Example.org", 7, "192.0.2.7");
	assert_int_equal(set(&s), 0);
	assert_int_equal(fk.npeers, 7);
	fk.hosts_error = -EROFS;
	later(HOSTS_DELAY - 1);
	duties_run(p);
	assert_int_equal(fk.hosts_writes, 0); /* coalesced */
	later(1);
	duties_run(p);
	assert_int_equal(fk.hosts_writes, 1);
	fk.hosts_error = 0;
	later(HOSTS_RETRY - 1);
	duties_run(p);
	assert_int_equal(fk.hosts_writes, 1);
	later(1);
	duties_run(p);
	assert_int_equal(fk.hosts_writes, 2);
	assert_int_equal(fk.nhosts, 2);
	for (i = 0; i < 2; i++) /* in the order of keys */
		assert_true(strcmp(fk.hosts[i], "good") == 0 ||
			    strcmp(fk.hosts[i], "other.Example.org") == 0);
	assert_string_not_equal(fk.hosts[0], fk.hosts[1]);
}

static void
test_stats(void **state)
{
	struct priv_bare ask = {.h = {.type = PRIV_STATS, .seq = 77}};
	struct priv_peer_set s;
	union priv_msg got;
	unsigned i, dumps;

	(void)state;
	begin(PS_UP);
	assert_int_equal(say(&ask, sizeof(ask)), 0);
	assert_int_equal(dispatch_write(p), 0);
	assert_int_equal(
	    seqpacket_recv(peer_end, &got, sizeof(got)), sizeof(got.stat));
	assert_int_equal(got.stat.flags, PRIV_STAT_LAST);
	assert_true(check_is_zero(got.stat.key, WG_KEY_LEN));
	for (i = 1; i <= 3; i++) {
		char name[2] = {(char)('a' + i), '\0'};

		s = peer(name, i, "192.0.2.1");
		assert_int_equal(set(&s), 0);
		fk_peer(key(i))->rx = i;
		fk_peer(key(i))->handshake = 1700000000;
	}
	later(STATS_EVERY);
	dumps = fk.dumps;
	assert_int_equal(say(&ask, sizeof(ask)), 0);
	assert_int_equal(fk.dumps, dumps + 1);
	/* A second one meanwhile: busy. */
	assert_int_equal(say(&ask, sizeof(ask)), 0);
	assert_int_equal(next(PRIV_RESULT)->result.error, EBUSY);
	assert_int_equal(dispatch_write(p), 0);
	for (i = 1; i <= 3; i++) {
		assert_int_equal(seqpacket_recv(peer_end, &got, sizeof(got)),
		    sizeof(got.stat));
		assert_int_equal(got.stat.h.seq, 77);
		assert_true(got.stat.rx > 0);
		assert_int_equal(got.stat.handshake, 1700000000);
		assert_int_equal(got.stat.flags, i == 3 ? PRIV_STAT_LAST : 0);
	}
	/* Within the second the kernel is not asked again. */
	assert_int_equal(say(&ask, sizeof(ask)), 0);
	assert_int_equal(fk.dumps, dumps + 1);
}

static void
test_net(void **state)
{
	const union priv_msg *m;
	struct ipaddr a = ip("192.0.2.7"), got;

	(void)state;
	begin(PS_READY);
	fk.host.own[0] = ip("127.0.0.1");
	fk.host.own_lo[0] = true;
	fk.host.own[1] = a;
	fk.host.nown = 2;
	fk.host.def4 = a;
	duty_net(p);
	m = next(PRIV_NET);
	assert_non_null(m);
	assert_int_equal(m->net.naddr, 1);
	assert_true(priv_ip_from(&got, &m->net.def4) && ipaddr_eq(&got, &a));
	assert_int_equal(m->net.ifindex, p->env.ifindex);
	duty_net(p); /* no change, no message */
	assert_null(next(PRIV_NET));
	p->env.ifindex++; /* it was made again */
	duty_net(p);
	assert_int_equal(next(PRIV_NET)->net.ifindex, p->env.ifindex);
	fk.host.nown = 1;
	duty_net_changed(p);
	duties_run(p);
	assert_null(next(PRIV_NET)); /* debounced */
	later(NET_DELAY);
	duties_run(p);
	assert_int_equal(next(PRIV_NET)->net.naddr, 0);
}

/* Half a picture would let through what the policy refuses. */
static void
test_net_look_that_fails(void **state)
{
	(void)state;
	begin(PS_READY);
	fk.host.own[0] = ip("192.0.2.7");
	fk.host.nown = 1;
	duty_net(p);
	assert_non_null(next(PRIV_NET));
	fk.host_error = -EINTR;
	duty_net(p);
	assert_null(next(PRIV_NET));
	assert_int_equal(p->env.host.nown, 1);
	assert_true(ipaddr_eq(&p->env.host.own[0], &fk.host.own[0]));
	fk.host_error = 0;
	fk.host.nown = 0;
	later(NET_DELAY);
	duties_run(p);
	assert_int_equal(next(PRIV_NET)->net.naddr, 0);
}

/* With --bind-iface only the addresses of that interface are for telling. */
static void
test_net_of_one_interface(void **state)
{
	const union priv_msg *m;
	struct ipaddr got, a = ip("192.0.2.8");

	(void)state;
	begin(PS_READY);
	strlcpy(pol.bind_iface, "eth1", sizeof(pol.bind_iface));
	fk.host.own[0] = ip("192.0.2.7");
	fk.host.own_if[0] = fk.ifindex + 1;
	fk.host.own[1] = a;
	fk.host.own_if[1] = fk.ifindex;
	fk.host.nown = 2;
	fk.host.def4 = ip("192.0.2.7");
	duty_net(p);
	pol.bind_iface[0] = '\0';
	m = next(PRIV_NET);
	assert_non_null(m);
	assert_int_equal(m->net.naddr, 1);
	assert_true(priv_ip_from(&got, &m->net.addr[0]) && ipaddr_eq(&got, &a));
	assert_int_equal(m->net.def4.len, 0);
}

static void
test_silence(void **state)
{
	struct priv_alive a = {.h = {.type = PRIV_ALIVE}};

	(void)state;
	begin(PS_UP);
	later(PRIV_SILENCE_MAX * 1000);
	p->sent = p->env.now;
	assert_int_equal(duties_run(p), 0);
	assert_int_equal(say(&a, sizeof(a)), 0);
	later(PRIV_SILENCE_MAX * 1000 + 1);
	p->sent = p->env.now;
	assert_int_equal(duties_run(p), -1);
	p->heard = p->env.now; /* it talks, but does not read */
	assert_int_equal(duties_run(p), 0);
	p->sent -= PRIV_SILENCE_MAX * 1000 + 1;
	assert_int_equal(duties_run(p), -1);
}

/* Asleep until something is due. */
static void
test_wait(void **state)
{
	struct priv_bare stop = {.h = {.type = PRIV_STOP}};

	(void)state;
	begin(PS_UP);
	p->net_at = p->hosts_at = p->repair_at = 0;
	assert_int_equal(duties_wait(p), WAIT_MAX);
	p->repair_at = p->env.now + 70;
	assert_int_equal(duties_wait(p), 70);
	p->repair_at = 0;
	p->heard -= PRIV_SILENCE_MAX * 1000 - 5; /* said nothing */
	assert_int_equal(duties_wait(p), 6);
	later(6);
	p->sent = p->env.now;
	assert_int_equal(duties_run(p), -1);
	/* There was nothing to read for it until now. */
	p->heard = p->env.now;
	p->sent = p->env.now - PRIV_SILENCE_MAX * 1000;
	assert_int_equal(duties_wait(p), WAIT_MAX);
	dispatch_put(p, &stop);
	later(WAIT_MAX);
	assert_int_equal(duties_run(p), 0);
	later(PRIV_SILENCE_MAX * 1000 - WAIT_MAX - 5);
	p->heard = p->env.now;
	assert_int_equal(duties_wait(p), 6); /* it does not read */
	later(6);
	assert_int_equal(duties_run(p), -1);
}

/* A queue of 3.7 MB, of which one answer after the other takes a page. */
static void
test_queue_begins_anew(void **state)
{
	struct priv_bare b = {.h = {.type = PRIV_STOP}};
	union priv_msg m;
	int i;

	(void)state;
	begin(PS_UP);
	for (i = 0; i < 2 * OUTQ_MAX; i++) {
		dispatch_put(p, &b);
		assert_ptr_equal(&p->out[p->outhead], &p->out[0]);
		assert_int_equal(dispatch_write(p), 0);
		assert_int_equal(
		    seqpacket_recv(peer_end, &m, sizeof(m)), sizeof(b));
	}
}

/* A child that does not read: answers wait, requests are left alone. */
static void
test_results_are_never_lost(void **state)
{
	struct priv_peer_del d = {.h = {.type = PRIV_PEER_DEL}};
	struct priv_result r;
	size_t sent = 0, got = 0;
	int i;

	(void)state;
	begin(PS_UP);
	for (i = 0; i < 100000; i++) {
		d.h.seq = (uint32_t)sent;
		if (seqpacket_send(peer_end, &d, sizeof(d)) == 0)
			sent++;
		else if (!(dispatch_events(p) & POLLIN))
			break;
		if (dispatch_events(p) & POLLIN)
			assert_int_equal(dispatch_read(p), 0);
		(void)dispatch_write(p);
	}
	assert_false((dispatch_events(p) & POLLIN));
	for (i = 0; i < 100000 && got < sent; i++) {
		while (seqpacket_recv(peer_end, &r, sizeof(r)) > 0)
			assert_int_equal(r.h.seq, got++);
		assert_int_equal(dispatch_write(p), 0);
		if (dispatch_events(p) & POLLIN)
			assert_int_equal(dispatch_read(p), 0);
	}
	assert_int_equal(got, sent);
}

static void
due_repair(void)
{
	later(REPAIR_EVERY);
	p->heard = p->sent = p->env.now;
	p->repair_at = p->env.now;
	assert_int_equal(duties_run(p), 0);
}

static void
test_repair(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");
	struct ipaddr a = addr_of("a"), b = addr_of("b"), out = ip("9.9.9.9");
	struct wg_change c = {.op = WG_ADD};

	(void)state;
	begin(PS_UP);
	assert_int_equal(set(&s), 0);
	/* Nothing wrong: nothing is touched. */
	fk.applies = fk.route_calls = fk.keysets = 0;
	due_repair();
	assert_int_equal(fk.applies + fk.route_calls + fk.keysets, 0);
	/* The hosts lines are looked at as well. */
	later(HOSTS_DELAY);
	fk.hosts_writes = 0;
	due_repair();
	later(HOSTS_DELAY);
	duties_run(p);
	assert_true(fk.hosts_writes > 0);
	/* A foreign peer and its route, one outside of the overlay. */
	memcpy(c.peer.key, key(2), WG_KEY_LEN);
	c.peer.addr = b;
	fk_change(&c);
	fk.routes[fk.nroutes++] = b;
	fk.routes[fk.nroutes++] = out;
	due_repair();
	assert_null(fk_peer(key(2)));
	assert_false(fk_route(&b));
	assert_true(fk_route(&out));
	assert_true(fk_route(&a));
	/* Allowed IP, with a roamed endpoint that stays. */
	fk_peer(key(1))->addr = b;
	fk_peer(key(1))->endpoint.port = 7;
	due_repair();
	assert_true(ipaddr_eq(&fk_peer(key(1))->addr, &a));
	assert_int_equal(fk_peer(key(1))->endpoint.port, 7);
	/* Peer, route, address, link state. */
	fk.npeers = fk.nroutes = 0;
	fk.addr = b;
	fk.up = false;
	due_repair();
	assert_non_null(fk_peer(key(1)));
	assert_int_equal(fk_peer(key(1))->endpoint.port, 51820);
	assert_true(fk_route(&a));
	assert_true(ipaddr_eq(&fk.addr, &p->env.self));
	assert_true(fk.up);
	/* Key and port. */
	memset(fk.pubkey, 1, WG_KEY_LEN);
	due_repair();
	assert_memory_equal(fk.pubkey, wgkey.pub, WG_KEY_LEN);
	fk.port = 7;
	fk.greetings = 0;
	due_repair();
	assert_int_equal(fk.port, 51820);
	/* Who roamed to the other port hears of us at the right one. */
	assert_int_equal(fk.greetings, 1);
	assert_int_equal(fk_peer(key(1))->keepalive, 0);
	assert_int_equal(fk_peer(key(1))->endpoint.port, 51820);
	due_repair();
	assert_int_equal(fk.greetings, 1);
}

static void
test_repair_interface_gone(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");
	struct ipaddr a = addr_of("a");
	unsigned was;

	(void)state;
	begin(PS_UP);
	assert_int_equal(set(&s), 0);
	was = p->env.ifindex;
	rtnl_link_delete("wgtest");
	due_repair();
	assert_true(fk.link && fk.up);
	assert_int_not_equal(p->env.ifindex, was);
	assert_int_equal(fk.port, 51820);
	assert_int_equal(fk.mtu, 1420);
	assert_memory_equal(fk.pubkey, wgkey.pub, WG_KEY_LEN);
	assert_non_null(fk_peer(key(1)));
	assert_true(fk_route(&a));
	assert_true(ipaddr_eq(&fk.addr, &p->env.self));
}

static unsigned lines;

static void
count_line(enum log_level level, const char *tag, const char *line)
{
	(void)tag;
	(void)line;
	lines += level <= LOG_L_WARN;
}

static void
count_any(enum log_level level, const char *tag, const char *line)
{
	(void)tag;
	(void)line;
	lines += level <= LOG_L_INFO;
}

/* One line for what another program did, and none for the next look. */
static unsigned
told(void)
{
	lines = 0;
	due_repair();
	later(HOSTS_DELAY);
	duties_run(p);
	return lines;
}

static void
test_repair_is_told_once(void **state)
{
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");

	(void)state;
	begin(PS_UP);
	assert_int_equal(set(&s), 0);
	later(HOSTS_DELAY);
	duties_run(p);
	log_sink(count_line);
	fk.hosts_spoiled = true;
	assert_int_equal(told(), 1);
	fk.hosts_spoiled = false;
	assert_int_equal(told(), 0);
	fk.port = 7;
	assert_int_equal(told(), 1);
	memset(fk.pubkey, 1, WG_KEY_LEN);
	assert_int_equal(told(), 1);
	fk.addr.len = 0;
	assert_int_equal(told(), 1);
	fk.nroutes = 0;
	assert_int_equal(told(), 1);
	fk.npeers = 0;
	assert_int_equal(told(), 1);
	assert_int_equal(told(), 0);
	/* Our own change is not somebody else's. */
	fk.hosts_spoiled = true;
	s = peer("b", 2, "192.0.2.2");
	assert_int_equal(set(&s), 0);
	assert_int_equal(told(), 0);
	log_sink(NULL);
}

/* Whatever the child says, it does not fill the log, nor the kernel's time. */
static void
test_floods_are_limited(void **state)
{
	struct priv_peer_set s = peer("a", 1, "127.0.0.1");
	struct priv_self self = {.h = {.type = PRIV_SELF}};
	unsigned i, err = 0;

	(void)state;
	begin(PS_UP);
	log_sink(count_any);
	lines = 0;
	for (i = 0; i < MAX_PEERS; i++)
		assert_int_equal(set(&s), EDESTADDRREQ);
	assert_int_equal(lines, 100);
	assert_int_equal(p->refused, MAX_PEERS);
	later(3000);
	assert_int_equal(set(&s), EDESTADDRREQ);
	assert_int_equal(lines, 101);
	p->changes.millis = 0;
	for (i = 0; i < 20; i++) {
		self.attempt = (uint8_t)i;
		assert_int_equal(say(&self, sizeof(self)), 0);
		err = (unsigned)next(PRIV_RESULT)->result.error;
	}
	assert_int_equal(err, EBUSY);
	log_sink(NULL);
}

/* Its end cannot be written to any more: that is told, and ends it. */
static void
test_end_that_is_shut(void **state)
{
	struct priv_bare b = {.h = {.type = PRIV_STATS}};

	(void)state;
	begin(PS_UP);
	assert_int_equal(shutdown(peer_end, SHUT_RD), 0);
	assert_int_equal(say(&b, sizeof(b)), 0);
	log_sink(count_any);
	lines = 0;
	assert_int_equal(dispatch_write(p), -1);
	assert_int_equal(lines, 1);
	log_sink(NULL);
}

static void
test_leave(void **state)
{
	struct priv_alive a = {.h = {.type = PRIV_ALIVE}};
	struct priv_peer_set s = peer("a", 1, "192.0.2.1");

	(void)state;
	begin(PS_UP);
	dispatch_end(p, PRIV_LEAVE);
	assert_non_null(next(PRIV_LEAVE));
	assert_int_equal(say(&a, sizeof(a)), 0);
	assert_int_equal(say(&s, sizeof(s)), 0); /* ignored */
	assert_int_equal(p->nout, 0);
	assert_int_equal(fk.npeers, 0);
	assert_int_equal(say(&s, sizeof(s) - 1), -1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_states),
	    T(test_sizes),
	    T(test_unknown_types),
	    T(test_reserved),
	    T(test_over_the_socket),
	    T(test_self),
	    T(test_self_unusable),
	    T(test_set_and_del),
	    T(test_endpoint_only_when_changed),
	    T(test_replace_key_is_one_batch),
	    T(test_reset_of_a_session),
	    T(test_replace_under_another_name),
	    T(test_handover_waits),
	    T(test_handover_in_a_large_mesh),
	    T(test_handover_by_name),
	    T(test_handover_to_another_name),
	    T(test_same_peer_twice_in_a_round),
	    T(test_round_is_one_batch),
	    T(test_kernel_refuses),
	    T(test_rate_limit),
	    T(test_adopt),
	    T(test_adopt_behind_the_clock),
	    T(test_endpoint_of_the_kernel),
	    T(test_sync_removes_adopted),
	    T(test_hosts),
	    T(test_stats),
	    T(test_net),
	    T(test_net_look_that_fails),
	    T(test_net_of_one_interface),
	    T(test_silence),
	    T(test_wait),
	    T(test_queue_begins_anew),
	    T(test_results_are_never_lost),
	    T(test_repair),
	    T(test_repair_interface_gone),
	    T(test_repair_is_told_once),
	    T(test_floods_are_limited),
	    T(test_end_that_is_shut),
	    T(test_leave),
	};

	if (sodium_init() == -1)
		return 1;
	/* Refusals are the point here; their lines are not. */
	log_init(LOG_D_SINK, LOG_L_DEBUG, "test", -1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
