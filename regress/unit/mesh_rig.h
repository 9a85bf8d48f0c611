#ifndef REGRESS_MESH_RIG_H
#define REGRESS_MESH_RIG_H

/*
 * The mesh in virtual time: what wesher-priv and the network say goes in by
 * hand, what is asked of them is kept. The real core, peers, join and state
 * are underneath.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <errno.h>

#include "../../common/log.h"
#include "../../common/overlay.h"
#include "../../common/clock.h"
#include "../../wesher/confine.h"
#include "../../wesher/mesh.h"
#include "../../wesher/net.h"
#include "../../wesher/privc.h"
#include "../../wesher/wear.h"
#include "../../wesher/wire.h"

#define ASKED_MAX 16384

struct asked {
	enum priv_type type;
	uint32_t seq;
	uint8_t attempt;
	uint16_t port; /* of the endpoint */
	uint8_t key[WG_KEY_LEN];
};

static struct {
	struct mesh *mesh;
	struct conf conf;
	struct state st;
	int64_t now;
	struct asked asked[ASKED_MAX];
	unsigned nasked, answered;
	unsigned streams, resolves, saves, primes, lines, errors, packets;
	uint32_t pinged; /* the number of the last ping, owed an ack; or 0 */
	uint32_t stream_id, refused;
	bool refuse; /* streams end at once */
	struct ipport stream_to;
	bool looking, joining; /* the last stream: lists nobody; a join */
	unsigned target;
	int save_errno;
	size_t saved_nodes, saved_failed, saved_answered;
	int64_t failed_at, failed_since; /* of the last of those, as saved */
	char failed_name[32];
	unsigned to2; /* streams to 192.0.2.2 */
	unsigned alone; /* lines about that */
	uint64_t sealed, saved_sealed;
	int64_t wall;
	/* own alives by the last byte of where they went */
	unsigned alives[256], leaves[256];
	struct wire_scratch ws;
	struct ipport sending;
	struct accept accept; /* as told last */
	char line[256], error[256]; /* logged last */
	uint8_t attempt[256]; /* of the members that we play, by k */
	struct ipaddr chosen[256]; /* their static addresses, len 0: none */
	uint16_t wgport[256]; /* they announce, 0: none */
	bool forged[256]; /* which do not look like one */
	bool newcomer; /* no address was chosen in an earlier run */
	struct state kept; /* as saved last, without the members */
	bool deaf; /* priv_self and priv_sync are out of memory */
	bool confined; /* the sandbox lets no TCP go to port 7946 */
	struct net_counters counters; /* what the sockets count */
	struct peer_view seen; /* a test's own */
} w;

/* wesher-priv's end, instead of privc.c. */
static inline uint32_t
asked(enum priv_type type, const uint8_t *key)
{
	struct asked *a = &w.asked[w.nasked++];

	assert_true(w.nasked < ASKED_MAX);
	memset(a, 0, sizeof(*a));
	a->type = type;
	a->seq = w.nasked;
	if (key != NULL)
		memcpy(a->key, key, WG_KEY_LEN);
	return a->seq;
}

uint32_t
priv_self(uint8_t attempt)
{
	uint32_t seq;

	if (w.deaf)
		return 0;
	seq = asked(PRIV_SELF, NULL);
	w.asked[w.nasked - 1].attempt = attempt;
	return seq;
}

uint32_t
priv_peer_set(const struct priv_peer_set *m)
{
	uint32_t seq = asked(PRIV_PEER_SET, m->key);
	struct ipport end;

	if (priv_ep_from(&end, &m->endpoint))
		w.asked[w.nasked - 1].port = end.port;
	return seq;
}

uint32_t
priv_peer_del(const uint8_t key[WG_KEY_LEN])
{
	return asked(PRIV_PEER_DEL, key);
}

uint32_t
priv_sync(void)
{
	return w.deaf ? 0 : asked(PRIV_SYNC, NULL);
}

uint32_t
priv_alive(uint32_t members, uint32_t alive, uint32_t failed)
{
	assert_true(alive + failed <= members);
	return asked(PRIV_ALIVE, NULL);
}

uint32_t
priv_stats(void)
{
	return asked(PRIV_STATS, NULL);
}

static inline void
on_message(void *arg, uint8_t type, const uint8_t *body, size_t len)
{
	uint8_t to = w.sending.ip.b[3];
	struct wire_accuse dead;
	struct wire_alive a;
	struct wire_ping ping;

	(void)arg;
	if (type == WIRE_PING && wire_get_ping(body, len, &ping) == 0)
		w.pinged = ping.seqno;
	if (type == WIRE_ALIVE && wire_get_alive(body, len, &a) == 0 &&
	    a.node.len == 4 && memcmp(a.node.p, "self", 4) == 0)
		w.alives[to]++;
	if (type == WIRE_DEAD && wire_get_accuse(body, len, &dead) == 0 &&
	    dead.node.len == 4 && memcmp(dead.node.p, "self", 4) == 0)
		w.leaves[to]++;
}

static inline void
on_send(const struct ipport *to, const uint8_t *plain, size_t len)
{
	w.sending = *to;
	w.packets++;
	assert_int_equal(wire_packet(&w.ws, plain, len, on_message, NULL), 0);
}

static inline void
on_stream(uint32_t id, const struct ipport *to, const uint8_t *msg, size_t len)
{
	struct wire_pushpull head;
	struct mp_in in;

	if (msg[0] != WIRE_PUSHPULL)
		return;
	mp_in_init(&in, msg + 1, len - 1);
	assert_int_equal(wire_get_pushpull(&in, &head), 0);
	w.looking = head.nodes == 0;
	w.joining = head.join;
	w.streams++;
	w.to2 += to->ip.b[3] == 2;
	w.stream_id = id;
	w.stream_to = *to;
}

static inline void
on_resolve(unsigned target, const char *name)
{
	(void)name;
	w.resolves++;
	w.target = target;
}

static inline void
on_prime(const struct ipaddr *overlay)
{
	(void)overlay;
	w.primes++;
}

static inline int
on_save(const struct state *s)
{
	size_t i;

	w.saves++;
	w.saved_nodes = w.saved_failed = w.saved_answered = 0;
	for (i = 0; i < s->nnodes; i++) {
		const struct state_node *n = &s->nodes[i];

		w.saved_answered += n->answered;
		if (n->failed == 0) {
			w.saved_nodes++;
			continue;
		}
		w.saved_failed++;
		w.failed_at = n->failed;
		w.failed_since = n->since;
		strlcpy(w.failed_name, n->name, sizeof(w.failed_name));
	}
	w.saved_sealed = s->sealed;
	w.kept = (struct state){.incarnation = s->incarnation,
	    .has_attempt = s->has_attempt,
	    .attempt = s->attempt,
	    .moved = s->moved,
	    .saved = s->saved};
	errno = w.save_errno;
	return w.save_errno == 0 ? 0 : -1;
}

static inline bool
reaches(const struct ipaddr *ip)
{
	return ip->len == 4;
}

static inline void
on_accept(const struct accept *a)
{
	w.accept = *a;
}

static inline bool
connects(const struct ipport *to)
{
	return !w.confined || to->port != 7946;
}

static inline const struct layers *
get_layers(void)
{
	static const struct layers l = {
	    .uid = 990, .filtered = true, .landlock = 7};

	return &l;
}

static inline uint64_t
on_sealed(void)
{
	return w.sealed;
}

static inline int64_t
on_wall(void)
{
	return w.wall;
}

static inline const struct net_counters *
on_net(void)
{
	return &w.counters;
}

static const struct mesh_ops ops = {
    .send = on_send,
    .stream = on_stream,
    .resolve = on_resolve,
    .prime = on_prime,
    .save = on_save,
    .reaches = reaches,
    .accept = on_accept,
    .connects = connects,
    .layers = get_layers,
    .sealed = on_sealed,
    .net = on_net,
    .wall = on_wall,
};

static inline void
on_line(enum log_level level, const char *tag, const char *line)
{
	(void)tag;
	strlcpy(w.line, line, sizeof(w.line));
	w.lines++;
	w.alone += strstr(line, " alone") != NULL;
	if (level != LOG_L_ERROR)
		return;
	strlcpy(w.error, line, sizeof(w.error));
	w.errors++;
}

static inline int
setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	log_init(LOG_D_SINK, LOG_L_WARN, "test", -1);
	log_sink(on_line);
	ipnet_parse("10.0.0.0/8", &w.conf.overlay);
	strlcpy(w.conf.interface, "wg", sizeof(w.conf.interface));
	w.conf.cluster_port = 7946;
	w.conf.forget_after = 72 * 3600;
	w.conf.wireguard_port = 51820;
	w.now = 1000 * US_PER_S;
	w.wall = time(NULL);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	mesh_free(w.mesh);
	return 0;
}

static inline void
seed(const char *name)
{
	strlcpy(w.conf.join[w.conf.njoin++], name, CONF_JOINLEN);
}

static inline void
begin(void)
{
	/* Whoever has none yet looks first. */
	if (!w.newcomer)
		w.st.has_attempt = true;
	w.mesh = mesh_new(&w.conf, &ops, &w.st);
	assert_non_null(w.mesh);
}

static inline void
hello_as(const char *name, unsigned adopted)
{
	struct priv_hello h = {.version = PRIV_VERSION,
	    .adopted = adopted,
	    .wgport = 51820,
	    .namelen = (uint8_t)strlen(name)};

	strlcpy(h.name, name, sizeof(h.name));
	memset(h.key, 0x80, WG_KEY_LEN);
	mesh_hello(w.mesh, w.now, &h);
}

static inline void
hello(unsigned adopted)
{
	hello_as("self", adopted);
}

/* The host's addresses; "" for none. */
static inline void
net(const char *first, const char *second)
{
	struct priv_net n = {0};
	struct ipaddr a;

	if (ipaddr_parse(first, &a) == 0)
		priv_ip_to(&n.addr[n.naddr++], &a);
	if (ipaddr_parse(second, &a) == 0)
		priv_ip_to(&n.addr[n.naddr++], &a);
	mesh_net(w.mesh, w.now, &n);
}

static inline void
result(const struct asked *a, int error)
{
	struct priv_result r = {
	    .h.seq = a->seq, .request = (uint16_t)a->type, .error = error};
	struct ipaddr addr;

	memcpy(r.key, a->key, WG_KEY_LEN);
	if (a->type == PRIV_SELF) {
		addr = w.conf.overlay_addr;
		if (addr.len == 0)
			overlay_addr(
			    &w.conf.overlay, "self", 4, a->attempt, &addr);
		priv_ip_to(&r.addr, &addr);
	}
	if (a->type == PRIV_SELF || a->type == PRIV_PEER_SET ||
	    a->type == PRIV_PEER_DEL)
		mesh_result(w.mesh, w.now, &r);
}

/* wesher-priv answers all that is open. */
static inline void
answer(int error)
{
	while (w.answered < w.nasked)
		result(&w.asked[w.answered++], error);
}

static inline unsigned
count(enum priv_type type)
{
	unsigned i, n = 0;

	for (i = 0; i < w.nasked; i++)
		n += w.asked[i].type == type;
	return n;
}

/* Run the clock; a deadline that does not move on is a busy loop. */
static inline void
run_for(int64_t us, bool answering)
{
	int64_t end = w.now + us, d;
	unsigned same = 0;

	while ((d = mesh_deadline(w.mesh)) <= end && !mesh_finished(w.mesh)) {
		same = d > w.now ? 0 : same + 1;
		assert_true(same < 100);
		w.now = d > w.now ? d : w.now;
		mesh_tick(w.mesh, w.now);
		if (answering)
			answer(0);
		if (w.refuse && w.refused != w.stream_id) {
			w.refused = w.stream_id;
			mesh_failed(w.mesh, w.now, w.refused, "refused");
		}
	}
	w.now = end;
}

static inline void
up(unsigned adopted)
{
	begin();
	hello(adopted);
	net("192.0.2.1", "");
	answer(0);
	run_for(0, false);
}

/* A member that we play. */
struct node {
	const char *name;
	uint8_t k; /* of its address and key */
	int x; /* 1: ours, 0: v0.3, -1: v0.2 */
	uint32_t inc;
	enum wire_state state;
};

static inline size_t
node_meta(const struct node *n, uint8_t buf[META_MAX])
{
	struct meta m = {.has_pubkey = true, .has_x = n->x == 1};
	ssize_t len;

	m.dialect = n->x == -1 ? META_V02 : META_V03;
	m.attempt = w.attempt[n->k];
	m.wgport = w.wgport[n->k];
	m.has_wgport = m.wgport != 0;
	overlay_addr(
	    &w.conf.overlay, n->name, strlen(n->name), m.attempt, &m.overlay);
	if (w.chosen[n->k].len != 0) {
		m.overlay = w.chosen[n->k];
		m.is_static = !w.forged[n->k];
	}
	memset(m.pubkey, n->k, WG_KEY_LEN);
	len = meta_encode(&m, buf, META_MAX);
	assert_true(len > 0);
	return (size_t)len;
}

static const uint8_t vsn[6] = {1, 5, 2, 0, 0, 0};

/* Answer the last join (or exchange) with these members. */
static inline void
join_answer(const struct node *nodes, unsigned n)
{
	static uint8_t buf[65536];
	struct wire_pushpull head = {.nodes = n};
	ssize_t len = wire_put_pushpull(buf, sizeof(buf), &head), r;
	uint8_t meta[META_MAX];
	unsigned i;

	for (i = 0; i < n; i++) {
		uint8_t addr[4] = {192, 0, 2, nodes[i].k};
		struct wire_node e = {.name = {(const uint8_t *)nodes[i].name,
					  strlen(nodes[i].name)},
		    .addr = {addr, 4},
		    .port = 7946,
		    .incarnation = nodes[i].inc,
		    .state = (uint8_t)nodes[i].state,
		    .vsn = {vsn, 6}};

		e.meta = (struct slice){meta, node_meta(&nodes[i], meta)};
		r = wire_put_node(buf + len, sizeof(buf) - (size_t)len, &e);
		assert_true(r > 0);
		len += r;
	}
	mesh_reply(
	    w.mesh, w.now, w.stream_id, buf[0], buf + 1, (size_t)len - 1);
}

/* A member's own alive packet. */
static inline void
alive(const struct node *n)
{
	uint8_t addr[4] = {192, 0, 2, n->k}, meta[META_MAX], buf[1400];
	struct wire_alive a = {.incarnation = n->inc,
	    .node = {(const uint8_t *)n->name, strlen(n->name)},
	    .addr = {addr, 4},
	    .port = 7946,
	    .vsn = {vsn, 6}};
	struct ipport from = {.port = 7946};
	ssize_t len;

	a.meta = (struct slice){meta, node_meta(n, meta)};
	len = wire_put_alive(buf, sizeof(buf), &a);
	ipaddr_from_bytes(addr, 4, &from.ip);
	assert_int_equal(
	    mesh_packet(w.mesh, w.now, &from, buf, (size_t)len), 0);
}

static inline void
leaves(const struct node *n)
{
	struct wire_accuse a = {.incarnation = n->inc,
	    .node = {(const uint8_t *)n->name, strlen(n->name)},
	    .from = {(const uint8_t *)n->name, strlen(n->name)}};
	struct ipport from = {.port = 7946};
	uint8_t buf[1400];
	ssize_t len = wire_put_accuse(buf, sizeof(buf), WIRE_DEAD, &a);

	ipaddr_from_bytes((uint8_t[]){192, 0, 2, n->k}, 4, &from.ip);
	assert_int_equal(
	    mesh_packet(w.mesh, w.now, &from, buf, (size_t)len), 0);
}

/* A name with that beginning which derives the address that our name does with
 * that attempt; the network is a small one. */
static inline const char *
taker(const char *prefix, unsigned attempt, char name[16])
{
	struct ipaddr ours, a;
	int i;

	overlay_addr(&w.conf.overlay, "self", 4, attempt, &ours);
	for (i = 0; i < 100000; i++) {
		snprintf(name, 16, "%s%d", prefix, i);
		overlay_addr(&w.conf.overlay, name, strlen(name), 0, &a);
		if (ipaddr_eq(&a, &ours))
			return name;
	}
	fail();
	return NULL;
}

/* The others know that it has failed; it says so itself, if anybody asks. */
static inline void
fails(const struct node *n)
{
	struct wire_accuse a = {.incarnation = n->inc,
	    .node = {(const uint8_t *)n->name, strlen(n->name)},
	    .from = {(const uint8_t *)"other", 5}};
	struct ipport from = {.port = 7946};
	uint8_t buf[1400];
	ssize_t len = wire_put_accuse(buf, sizeof(buf), WIRE_DEAD, &a);

	ipaddr_from_bytes((uint8_t[]){192, 0, 2, n->k}, 4, &from.ip);
	assert_int_equal(
	    mesh_packet(w.mesh, w.now, &from, buf, (size_t)len), 0);
}

static inline void
resolved(const char *addr)
{
	struct ipaddr a;

	ipaddr_parse(addr, &a);
	mesh_resolved(w.mesh, w.now, w.target, &a, 1, NULL);
}

static inline enum meta_dialect
our_dialect(void)
{
	struct mesh_view v;
	struct member *self;
	struct meta meta;

	mesh_view(w.mesh, &v);
	self = member_find(swim_members(v.swim), "self", 4);
	assert_int_equal(
	    meta_decode(member_meta(self), self->metalen, &meta), 0);
	assert_true(meta.has_x);
	return meta.dialect;
}

static const struct node two[] = {
    {"node2", 2, 1, 5, WIRE_S_ALIVE}, {"node3", 3, 1, 5, WIRE_S_ALIVE}};

/* Both stand in the state. */
static inline void
saved_two(void)
{
	char ip[16];
	unsigned i;

	w.st.nodes = calloc(2, sizeof(*w.st.nodes));
	assert_non_null(w.st.nodes);
	w.st.nnodes = 2;
	for (i = 0; i < 2; i++) {
		snprintf(ip, sizeof(ip), "192.0.2.%u", two[i].k);
		w.st.nodes[i].name = strdup(two[i].name);
		ipaddr_parse(ip, &w.st.nodes[i].addr.ip);
	}
}

#endif
