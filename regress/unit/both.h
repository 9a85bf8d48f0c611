#ifndef REGRESS_BOTH_H
#define REGRESS_BOTH_H

/*
 * Both halves of one daemon in one program: the real mesh (core, peers, joins,
 * state) asks wesher-priv's real code of the boundary (dispatch, apply, policy)
 * above a kernel of arrays. Around it stand actors, members that answer pings
 * and refute what is said about them, as long as they live; time is virtual,
 * and wall clock and kernel go with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"

#include "../../common/clock.h"
#include "../../common/log.h"
#include "../../common/overlay.h"
#include "../../priv/priv.h"
#include "../../wesher/member.h"
#include "../../wesher/mesh.h"
#include "../../wesher/privc.h"
#include "../../wesher/wire.h"

#define ACTORS	  8
#define INBOX	  4096
#define STATE_CAP (1u << 20)
#define WALL	  1700000000

struct actor {
	char name[64];
	uint8_t at[4], key[WG_KEY_LEN];
	uint8_t meta[META_MAX];
	size_t metalen;
	struct ipaddr addr;
	uint32_t inc;
	bool lives;
	bool silent; /* its kernel does not answer either */
};

/* One packet or stream's answer that comes to us as soon as we can take it. */
struct mail {
	struct ipport from;
	uint32_t stream; /* 0: a packet */
	size_t len;
	uint8_t b[600];
};

static struct {
	struct mesh *mesh;
	struct conf conf;
	struct state st, saved;
	struct priv *p;
	struct policy pol;
	int64_t now;
	uint32_t seq;
	struct actor a[ACTORS];
	unsigned nactors;
	struct mail in[INBOX];
	unsigned nin;
	struct wire_scratch ws;
	struct actor *to; /* whose packet is taken apart */
	/* A state that who sits at 192.0.2.66 answers ours with. */
	uint8_t lies[STATE_CAP];
	size_t lieslen;
	unsigned selfs, sets; /* SELF that took effect; PEER_SET asked for */
	char line[512]; /* logged last */
	void (*watch)(void); /* after every step */
	int64_t traffic_at;
} b;

static const uint8_t vsn[6] = {1, 5, 2, 0, 0, 0};
static const uint8_t liar[4] = {192, 0, 2, 66};

static inline int64_t
wall(void)
{
	return WALL + b.now / US_PER_S;
}

/* To wesher-priv. */
static inline uint32_t
ask(union priv_msg *m, enum priv_type type)
{
	m->h.type = type;
	m->h.seq = ++b.seq;
	b.p->env.now = b.now / 1000;
	b.p->env.wall = wall();
	assert_int_equal(dispatch_one(b.p, m, priv_type_size(type)), 0);
	apply_flush(b.p);
	return b.seq;
}

uint32_t
priv_self(uint8_t attempt)
{
	union priv_msg m = {.self.attempt = attempt};

	return ask(&m, PRIV_SELF);
}

uint32_t
priv_peer_set(const struct priv_peer_set *set)
{
	union priv_msg m = {.peer_set = *set};

	b.sets++;
	return ask(&m, PRIV_PEER_SET);
}

uint32_t
priv_peer_del(const uint8_t key[WG_KEY_LEN])
{
	union priv_msg m = {.h = {0}};

	memcpy(m.peer_del.key, key, WG_KEY_LEN);
	return ask(&m, PRIV_PEER_DEL);
}

uint32_t
priv_sync(void)
{
	union priv_msg m = {.h = {0}};

	return ask(&m, PRIV_SYNC);
}

uint32_t
priv_alive(uint32_t members, uint32_t alive, uint32_t failed)
{
	union priv_msg m = {
	    .alive = {.members = members, .alive = alive, .failed = failed}};

	return ask(&m, PRIV_ALIVE);
}

uint32_t
priv_stats(void)
{
	union priv_msg m = {.h = {0}};

	return ask(&m, PRIV_STATS);
}

/* Counters are told one by one as the boundary drains; here there is none. */
static inline void
tell_stats(void)
{
	struct priv_stat st;
	struct peer *q;
	uint32_t seq = b.p->stats_seq;

	if (!b.p->stats)
		return;
	b.p->stats = false;
	for (q = peers_from(&b.p->env.peers, NULL); q; q = peers_next(q)) {
		st = (struct priv_stat){.h.seq = seq,
		    .handshake = q->k.handshake,
		    .rx = q->k.rx,
		    .tx = q->k.tx};
		memcpy(st.key, q->w.key, WG_KEY_LEN);
		priv_ep_to(&st.endpoint, &q->k.endpoint);
		priv_ip_to(&st.addr, &q->w.addr);
		mesh_stat(b.mesh, b.now, &st);
	}
	st = (struct priv_stat){.h.seq = seq, .flags = PRIV_STAT_LAST};
	mesh_stat(b.mesh, b.now, &st);
}

static inline void
hear_priv(void)
{
	union priv_msg m;

	while (b.p->nout > 0) {
		m = b.p->out[b.p->outhead];
		b.p->outhead = (b.p->outhead + 1) % OUTQ_MAX;
		b.p->nout--;
		if (m.h.type != PRIV_RESULT)
			continue;
		b.selfs += m.result.request == PRIV_SELF && !m.result.error;
		mesh_result(b.mesh, b.now, &m.result);
	}
	tell_stats();
}

static inline struct ipport
at(const uint8_t addr[4])
{
	struct ipport p = {.port = 7946};

	ipaddr_from_bytes(addr, 4, &p.ip);
	return p;
}

static inline void
post(const uint8_t from[4], uint32_t stream, const uint8_t *m, ssize_t len)
{
	struct mail *l = &b.in[b.nin];

	assert_true(len > 0 && (size_t)len <= sizeof(l->b));
	if (b.nin == INBOX)
		return;
	b.nin++;
	l->from = at(from);
	l->stream = stream;
	l->len = (size_t)len;
	memcpy(l->b, m, l->len);
}

static inline struct wire_alive
alive_of(const struct actor *a)
{
	return (struct wire_alive){.incarnation = a->inc,
	    .node = {(const uint8_t *)a->name, strlen(a->name)},
	    .addr = {a->at, 4},
	    .port = 7946,
	    .meta = {a->meta, a->metalen},
	    .vsn = {vsn, 6}};
}

/* It says of itself what it is. */
static inline void
speak(const struct actor *a)
{
	struct wire_alive w = alive_of(a);
	uint8_t buf[1024];

	post(a->at, 0, buf, wire_put_alive(buf, sizeof(buf), &w));
}

static inline bool
is_name(const struct slice *s, const struct actor *a)
{
	return s->len == strlen(a->name) && !memcmp(s->p, a->name, s->len);
}

static inline void
refute(struct actor *a, uint32_t inc)
{
	if (inc < a->inc)
		return;
	a->inc = inc + 1;
	speak(a);
}

/* A message that we sent to an actor. */
static inline void
act(void *arg, uint8_t type, const uint8_t *body, size_t len)
{
	struct actor *a = b.to;
	struct wire_ping ping;
	struct wire_accuse bad;
	struct wire_alive alive;
	uint8_t buf[64];

	(void)arg;
	if (type == WIRE_PING && wire_get_ping(body, len, &ping) == 0) {
		struct wire_ack ack = {.seqno = ping.seqno};

		if (ping.node.len == 0 || is_name(&ping.node, a))
			post(a->at, 0, buf,
			    wire_put_ack(buf, sizeof(buf), &ack));
	}
	if ((type == WIRE_SUSPECT || type == WIRE_DEAD) &&
	    wire_get_accuse(body, len, &bad) == 0 && is_name(&bad.node, a))
		refute(a, bad.incarnation);
	if (type == WIRE_ALIVE && wire_get_alive(body, len, &alive) == 0 &&
	    is_name(&alive.node, a) && memcmp(alive.addr.p, a->at, 4) == 0 &&
	    (alive.incarnation > a->inc || alive.meta.len != a->metalen ||
		memcmp(alive.meta.p, a->meta, a->metalen) != 0))
		refute(a, alive.incarnation);
}

static inline struct actor *
actor_at(const struct ipport *to)
{
	unsigned i;

	for (i = 0; i < b.nactors; i++)
		if (b.a[i].lives && memcmp(b.a[i].at, to->ip.b, 4) == 0)
			return &b.a[i];
	return NULL;
}

static inline void
on_send(const struct ipport *to, const uint8_t *plain, size_t len)
{
	unsigned i;

	/* Several names may sit at one address. */
	for (i = 0; i < b.nactors; i++) {
		b.to = &b.a[i];
		if (b.to->lives && memcmp(b.to->at, to->ip.b, 4) == 0)
			(void)wire_packet(&b.ws, plain, len, act, NULL);
	}
}

/* Nobody's streams are answered but the liar's, in its own way. */
static inline void
on_stream(uint32_t id, const struct ipport *to, const uint8_t *msg, size_t len)
{
	uint8_t none = 0;

	(void)len;
	if (msg[0] == WIRE_PUSHPULL || actor_at(to) == NULL)
		post(to->ip.b, id, &none, 1);
}

static inline void
on_resolve(unsigned target, const char *name)
{
	(void)target;
	(void)name;
}

static inline void
on_prime(const struct ipaddr *overlay)
{
	(void)overlay;
}

static inline int
on_save(const struct state *s)
{
	char why[128], *text;
	size_t len;

	text = state_format(s, &len);
	assert_non_null(text);
	state_clear(&b.saved);
	assert_int_equal(state_parse(text, len, &b.saved, why, sizeof(why)), 0);
	free(text);
	return 0;
}

static inline bool
reaches(const struct ipaddr *ip)
{
	return ip->len == 4;
}

static const struct mesh_ops ops = {
    .send = on_send,
    .stream = on_stream,
    .resolve = on_resolve,
    .prime = on_prime,
    .save = on_save,
    .reaches = reaches,
    .wall = wall,
};

static inline void
on_line(enum log_level level, const char *tag, const char *line)
{
	(void)level;
	(void)tag;
	strlcpy(b.line, line, sizeof(b.line));
}

static inline void
deliver(const struct mail *l)
{
	if (l->stream == 0)
		(void)mesh_packet(b.mesh, b.now, &l->from, l->b, l->len);
	else if (memcmp(l->from.ip.b, liar, 4) == 0 && b.lieslen > 0)
		mesh_reply(b.mesh, b.now, l->stream, WIRE_PUSHPULL, b.lies + 1,
		    b.lieslen - 1);
	else
		mesh_failed(b.mesh, b.now, l->stream, "no answer");
}

/* All that is open is answered; who watches sees every step. */
static inline void
settle(void)
{
	struct mail l;

	do {
		hear_priv();
		if (b.watch != NULL)
			b.watch();
		if (b.nin == 0)
			break;
		l = b.in[0];
		memmove(b.in, b.in + 1, --b.nin * sizeof(l));
		deliver(&l);
	} while (true);
}

/* The living send light traffic, through whichever tunnel they have. */
static inline void
traffic(void)
{
	struct wg_peer *q;
	unsigned i;

	b.traffic_at = b.now + US_PER_S;
	for (i = 0; i < b.nactors; i++) {
		q = b.a[i].silent ? NULL : fk_peer(b.a[i].key);
		if (q == NULL || q->addr.len == 0)
			continue;
		q->rx += 100;
		if (wall() - q->handshake >= 120)
			q->handshake = wall();
	}
}

static inline void
run_for(int64_t us)
{
	int64_t end = b.now + us, d;

	settle();
	while ((d = mesh_deadline(b.mesh)) <= end || b.traffic_at <= end) {
		if (b.traffic_at < d)
			d = b.traffic_at;
		if (d > b.now)
			b.now = d;
		if (b.traffic_at <= b.now)
			traffic();
		mesh_tick(b.mesh, b.now);
		settle();
	}
	b.now = end;
}

/* A public key for each number. */
static inline void
key_of(unsigned n, uint8_t key[WG_KEY_LEN])
{
	uint8_t seed[WG_KEY_LEN] = {0x55, (uint8_t)n, (uint8_t)(n >> 8), 1};

	crypto_scalarmult_base(key, seed);
}

static inline void
begin(void)
{
	struct priv_hello h = {
	    .version = PRIV_VERSION, .wgport = 51820, .namelen = 4};
	struct priv_net n = {.naddr = 1};
	struct ipport mine = at((uint8_t[]){192, 0, 2, 1});

	b.mesh = mesh_new(&b.conf, &ops, &b.st);
	assert_non_null(b.mesh);
	strlcpy(h.name, "self", sizeof(h.name));
	memcpy(h.key, b.p->env.pubkey, WG_KEY_LEN);
	h.adopted = (uint32_t)b.p->env.peers.nadopted;
	mesh_hello(b.mesh, b.now, &h);
	priv_ip_to(&n.addr[0], &mine.ip);
	mesh_net(b.mesh, b.now, &n);
	run_for(0);
}

/* The daemon is started again, with its state or without; tunnels stand. */
static inline void
restart(bool state)
{
	struct priv *old = b.p;

	mesh_free(b.mesh);
	b.nin = 0;
	b.p = calloc(1, sizeof(*b.p));
	assert_non_null(b.p);
	b.p->env = (struct policy_env){.pol = &b.pol, .ifindex = fk.ifindex};
	memcpy(b.p->env.pubkey, old->env.pubkey, WG_KEY_LEN);
	memcpy(b.p->name, old->name, sizeof(b.p->name));
	b.p->changes = old->changes;
	b.p->said = old->said;
	b.p->state = PS_READY;
	b.p->env.now = b.now / 1000;
	b.p->env.wall = wall();
	peers_clear(&old->env.peers);
	free(old);
	assert_int_equal(repair_adopt(b.p), 0);
	memset(&b.st, 0, sizeof(b.st));
	if (state) {
		b.st = b.saved;
		memset(&b.saved, 0, sizeof(b.saved));
	}
	begin();
}

static inline int
setup_in(const char *net)
{
	static const uint8_t seed[WG_KEY_LEN] = {0x80};

	memset(&b, 0, sizeof(b));
	memset(&fk, 0, sizeof(fk));
	log_init(LOG_D_SINK, LOG_L_WARN, "test", -1);
	log_sink(on_line);
	ipnet_parse(net, &b.conf.overlay);
	b.pol = (struct policy){.wireguard_port = 51820, .mtu = 1420};
	b.pol.overlay = b.conf.overlay;
	strlcpy(b.conf.interface, "wg", sizeof(b.conf.interface));
	b.conf.cluster_port = 7946;
	b.conf.wireguard_port = 51820;
	b.conf.hold_down = 600;
	b.conf.forget_after = 72 * 3600;
	b.now = 1000 * US_PER_S;
	fk.link = true;
	fk.ifindex = 5;
	b.p = calloc(1, sizeof(*b.p));
	assert_non_null(b.p);
	b.p->env = (struct policy_env){.pol = &b.pol, .ifindex = 5};
	crypto_scalarmult_base(b.p->env.pubkey, seed);
	strlcpy(b.p->name, "self", sizeof(b.p->name));
	b.p->changes = (struct bucket){.rate = 1000, .burst = MAX_PEERS};
	b.p->said = (struct bucket){.rate = 1, .burst = 100};
	b.p->state = PS_READY;
	begin();
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	mesh_free(b.mesh);
	peers_clear(&b.p->env.peers);
	free(b.p);
	state_clear(&b.saved);
	return 0;
}

/* A member of ours, at its host's address 192.0.2.host; not started. */
static inline struct actor *
actor(const char *name, uint8_t host)
{
	struct actor *a = &b.a[b.nactors++];
	struct meta m = {.has_pubkey = true, .has_x = true};
	ssize_t len;

	assert_true(b.nactors <= ACTORS);
	memset(a, 0, sizeof(*a));
	strlcpy(a->name, name, sizeof(a->name));
	memcpy(a->at, (uint8_t[]){192, 0, 2, host}, 4);
	key_of(host, a->key);
	overlay_addr(&b.conf.overlay, name, strlen(name), 0, &a->addr);
	m.overlay = a->addr;
	memcpy(m.pubkey, a->key, WG_KEY_LEN);
	len = meta_encode(&m, a->meta, META_MAX);
	assert_true(len > 0);
	a->metalen = (size_t)len;
	a->inc = WALL;
	return a;
}

/* It joins through us, and goes above what it is told of itself. */
static inline void
start(struct actor *a)
{
	const struct member *m;
	struct mesh_view v;

	a->lives = true;
	a->silent = false;
	a->inc++;
	mesh_view(b.mesh, &v);
	m = member_find(swim_members(v.swim), a->name, strlen(a->name));
	if (m != NULL && m->incarnation >= a->inc)
		a->inc = m->incarnation + 1;
	speak(a);
	run_for(US_PER_S);
}

/* Whose key the kernel sends traffic for an address to; NULL: nobody's. */
static inline const uint8_t *
holder(const struct ipaddr *addr)
{
	size_t i;

	for (i = 0; i < fk.npeers; i++)
		if (ipaddr_eq(&fk.peers[i].addr, addr))
			return fk.peers[i].key;
	return NULL;
}

#endif
