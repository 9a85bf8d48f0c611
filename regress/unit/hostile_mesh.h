#ifndef REGRESS_HOSTILE_MESH_H
#define REGRESS_HOSTILE_MESH_H

/*
 * The mesh and a member gone bad: the real core, peers, joins and state are
 * underneath, wesher-priv is played (whatever it is asked for succeeds), time
 * is virtual.
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
#include <jansson.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "../../common/overlay.h"
#include "../../wesher/mesh.h"
#include "../../wesher/privc.h"
#include "../../wesher/wire.h"

static struct {
	struct mesh *mesh;
	struct conf conf;
	struct state st;
	int64_t now;
	/* open requests to wesher-priv, and what the kernel would hold */
	struct priv_result open[1024];
	unsigned nopen, most_open, sets, dels, acks;
	uint32_t stats_seq; /* 0: answered */
	struct ipaddr watched; /* primes are counted to */
	unsigned primes;
	bool deleted[256]; /* by the first byte of the key */
	unsigned lines, held;
	char line[512]; /* logged last */
	size_t saved;
} w;

static inline uint32_t
request(enum priv_type type, const uint8_t *key)
{
	static uint32_t seq;
	struct priv_result *r;

	if (type != PRIV_SELF && type != PRIV_PEER_SET && type != PRIV_PEER_DEL)
		return ++seq;
	assert_in_range(w.nopen, 0, 1023);
	r = &w.open[w.nopen++];
	memset(r, 0, sizeof(*r));
	r->h.seq = ++seq;
	r->request = (uint16_t)type;
	if (key != NULL)
		memcpy(r->key, key, WG_KEY_LEN);
	if (w.nopen > w.most_open)
		w.most_open = w.nopen;
	return seq;
}

uint32_t
priv_self(uint8_t attempt)
{
	(void)attempt;
	return request(PRIV_SELF, NULL);
}

uint32_t
priv_peer_set(const struct priv_peer_set *m)
{
	w.sets++;
	return request(PRIV_PEER_SET, m->key);
}

uint32_t
priv_peer_del(const uint8_t key[WG_KEY_LEN])
{
	w.dels++;
	if (key[1] == 0) /* the good ones' keys are one byte repeated */
		return request(PRIV_PEER_DEL, key);
	w.deleted[key[0]] = key[0] == key[31];
	return request(PRIV_PEER_DEL, key);
}

uint32_t
priv_sync(void)
{
	return request(PRIV_SYNC, NULL);
}

uint32_t
priv_alive(uint32_t members, uint32_t alive, uint32_t failed)
{
	assert_true(alive + failed <= members);
	return request(PRIV_ALIVE, NULL);
}

uint32_t
priv_stats(void)
{
	return w.stats_seq = request(PRIV_STATS, NULL);
}

/* All that is open succeeds. */
static inline void
kernel_answers(void)
{
	struct priv_result r;
	struct ipaddr a;

	while (w.nopen > 0) {
		r = w.open[0];
		memmove(w.open, w.open + 1, --w.nopen * sizeof(r));
		if (r.request == PRIV_SELF) {
			overlay_addr(&w.conf.overlay, "self", 4, 0, &a);
			priv_ip_to(&r.addr, &a);
		}
		mesh_result(w.mesh, w.now, &r);
	}
	/* No tunnel has seen a handshake. */
	if (w.stats_seq != 0) {
		struct priv_stat s = {
		    .h.seq = w.stats_seq, .flags = PRIV_STAT_LAST};

		w.stats_seq = 0;
		mesh_stat(w.mesh, w.now, &s);
	}
}

static inline void
on_send(const struct ipport *to, const uint8_t *plain, size_t len)
{
	(void)to;
	(void)len;
	w.acks += plain[0] == WIRE_ACK;
}

static inline void
on_stream(uint32_t id, const struct ipport *to, const uint8_t *msg, size_t len)
{
	(void)id;
	(void)to;
	(void)msg;
	(void)len;
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
	w.primes += ipaddr_eq(overlay, &w.watched);
}

static inline int
on_save(const struct state *s)
{
	w.saved = s->nnodes;
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
};

static inline void
on_line(enum log_level level, const char *tag, const char *line)
{
	(void)level;
	(void)tag;
	w.lines++;
	w.held += strstr(line, "were held back") != NULL;
	strlcpy(w.line, line, sizeof(w.line));
}

static inline void
run_for(int64_t us)
{
	int64_t end = w.now + us, d;

	kernel_answers();
	while ((d = mesh_deadline(w.mesh)) <= end) {
		if (d > w.now)
			w.now = d;
		mesh_tick(w.mesh, w.now);
		kernel_answers();
	}
	w.now = end;
}

static inline int
setup(void **state)
{
	struct priv_hello h = {
	    .version = PRIV_VERSION, .wgport = 51820, .namelen = 4};
	struct priv_net n = {.naddr = 1};
	struct ipaddr a;

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
	w.mesh = mesh_new(&w.conf, &ops, &w.st);
	assert_non_null(w.mesh);
	strlcpy(h.name, "self", sizeof(h.name));
	memset(h.key, 0x80, WG_KEY_LEN);
	mesh_hello(w.mesh, w.now, &h);
	ipaddr_parse("192.0.2.1", &a);
	priv_ip_to(&n.addr[0], &a);
	mesh_net(w.mesh, w.now, &n);
	run_for(0);
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	mesh_free(w.mesh);
	return 0;
}

/* What a member of ours says of itself by rights. */
static inline size_t
good_meta(const char *name, uint8_t k, uint8_t buf[META_MAX])
{
	struct meta m = {.has_pubkey = true, .has_x = true};
	ssize_t len;

	overlay_addr(&w.conf.overlay, name, strlen(name), 0, &m.overlay);
	memset(m.pubkey, k, WG_KEY_LEN);
	len = meta_encode(&m, buf, META_MAX);
	assert_true(len > 0);
	return (size_t)len;
}

static const uint8_t vsn[6] = {1, 5, 2, 0, 0, 0};
static const uint8_t liar[4] = {192, 0, 2, 66};

/* An alive about name at addr, in a packet whose source is from. */
static inline void
say(const char *name, const uint8_t addr[4], uint32_t inc, const uint8_t *meta,
    size_t len, const uint8_t from[4])
{
	struct wire_alive a = {.incarnation = inc,
	    .node = {(const uint8_t *)name, strlen(name)},
	    .addr = {addr, 4},
	    .port = 7946,
	    .meta = {meta, len},
	    .vsn = {vsn, 6}};
	struct ipport src = {.port = 7946};
	uint8_t buf[2048];
	ssize_t n = wire_put_alive(buf, sizeof(buf), &a);

	assert_true(n > 0);
	ipaddr_from_bytes(from, 4, &src.ip);
	assert_int_equal(mesh_packet(w.mesh, w.now, &src, buf, (size_t)n), 0);
}

static inline void
accuse(enum wire_type type, const char *name, const char *by, uint32_t inc)
{
	struct wire_accuse a = {.incarnation = inc,
	    .node = {(const uint8_t *)name, strlen(name)},
	    .from = {(const uint8_t *)by, strlen(by)}};
	struct ipport src = {.port = 7946};
	uint8_t buf[1024];
	ssize_t n = wire_put_accuse(buf, sizeof(buf), type, &a);

	ipaddr_from_bytes(liar, 4, &src.ip);
	assert_int_equal(mesh_packet(w.mesh, w.now, &src, buf, (size_t)n), 0);
}

/* A member in good standing, with its tunnel. */
static inline void
good(const char *name, uint8_t k)
{
	const uint8_t addr[4] = {192, 0, 2, k};
	uint8_t meta[META_MAX];
	size_t len = good_meta(name, k, meta);

	say(name, addr, 1, meta, len, addr);
	run_for(US_PER_S);
}

static inline enum peer_why
why_of(const char *name, char detail[512])
{
	struct peer_view pv;
	struct mesh_view v;
	struct member *m;

	mesh_view(w.mesh, &v);
	m = member_find(swim_members(v.swim), name, strlen(name));
	assert_non_null(m);
	peers_view(v.peers, m, &pv);
	if (detail != NULL)
		strlcpy(detail, pv.detail, 512);
	return pv.why;
}

static inline unsigned
members(void)
{
	struct mesh_view v;

	mesh_view(w.mesh, &v);
	return swim_members(v.swim)->n;
}

static inline int64_t
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#endif
