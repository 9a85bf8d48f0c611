/*
 * A member gone bad against the mesh: the real core, peers, joins and state,
 * wesher-priv played by the test, time virtual. What is at stake here: tunnels,
 * first packets into them, the log, the state file. The numbers in the names
 * are those of the list in README.md's chapter on security.
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

static uint32_t
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
static void
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

static void
on_send(const struct ipport *to, const uint8_t *plain, size_t len)
{
	(void)to;
	(void)len;
	w.acks += plain[0] == WIRE_ACK;
}

static void
on_stream(uint32_t id, const struct ipport *to, const uint8_t *msg, size_t len)
{
	(void)id;
	(void)to;
	(void)msg;
	(void)len;
}

static void
on_resolve(unsigned target, const char *name)
{
	(void)target;
	(void)name;
}

static void
on_prime(const struct ipaddr *overlay)
{
	w.primes += ipaddr_eq(overlay, &w.watched);
}

static int
on_save(const struct state *s)
{
	w.saved = s->nnodes;
	return 0;
}

static bool
reaches(const struct ipaddr *ip)
{
	return ip->len == 4;
}

static const struct mesh_ops ops = {
    on_send, on_stream, on_resolve, on_prime, on_save, reaches, NULL};

static void
on_line(enum log_level level, const char *tag, const char *line)
{
	(void)level;
	(void)tag;
	w.lines++;
	w.held += strstr(line, "were held back") != NULL;
	strlcpy(w.line, line, sizeof(w.line));
}

static void
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

static int
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

static int
teardown(void **state)
{
	(void)state;
	mesh_free(w.mesh);
	return 0;
}

/* What a member of ours says of itself by rights. */
static size_t
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
static void
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

static void
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
static void
good(const char *name, uint8_t k)
{
	const uint8_t addr[4] = {192, 0, 2, k};
	uint8_t meta[META_MAX];
	size_t len = good_meta(name, k, meta);

	say(name, addr, 1, meta, len, addr);
	run_for(US_PER_S);
}

static enum peer_why
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

static unsigned
members(void)
{
	struct mesh_view v;

	mesh_view(w.mesh, &v);
	return swim_members(v.swim)->n;
}

/*
 * A victim's address in one alive draws nothing into its tunnel; with a forged
 * source too, so that it seems to have come from there, a few datagrams.
 */
static void
hostile_08_handshakes(void **state)
{
	static const uint8_t victim[4] = {198, 51, 100, 7};
	uint8_t meta[META_MAX];
	size_t len;

	(void)state;
	good("node2", 2);
	len = good_meta("forged", 7, meta);
	overlay_addr(&w.conf.overlay, "forged", 6, 0, &w.watched);
	say("forged", victim, 1, meta, len, liar);
	run_for(600 * US_PER_S);
	assert_int_equal(w.primes, 0);
	len = good_meta("forged2", 8, meta);
	overlay_addr(&w.conf.overlay, "forged2", 7, 0, &w.watched);
	say("forged2", victim, 1, meta, len, victim);
	run_for(600 * US_PER_S);
	assert_in_range(w.primes, 1, 6);
	print_message(
	    "# a forged alive: no prime; with a forged source: %u\n", w.primes);
}

/* Everything that is logged because of others, from a thousand names. */
static void
hostile_11_logs(void **state)
{
	uint8_t addr[4] = {192, 0, 3, 0}, meta[META_MAX];
	unsigned i, round, lines;
	char name[16], *text;
	size_t len;

	(void)state;
	good("node2", 2);
	log_level_set(LOG_L_INFO);
	w.lines = 0;
	for (round = 1; round <= 20; round++) {
		for (i = 0; i < 1000; i++) {
			snprintf(name, sizeof(name), "n%u", i);
			addr[3] = (uint8_t)(i % 250 + 1);
			/* every third with no tunnel, for several reasons */
			len = good_meta(i % 3 ? name : "other", 9, meta);
			say(name, addr, round * 10, meta, len, liar);
			addr[2]++;
			say(name, addr, round * 10, meta, len, liar);
			addr[2]--;
			accuse(WIRE_SUSPECT, name, "node2", round * 10);
			say(name, addr, round * 10 + 1, meta, len, liar);
			accuse(WIRE_DEAD, name, name, round * 10 + 1);
		}
		say("self", liar, 5, meta, 0, liar);
		run_for(3 * US_PER_S);
	}
	lines = w.lines;
	print_message("# a minute of it, 100,000 events: %u lines\n", lines);
	assert_in_range(lines, 3, 128 + 32 + 4 * 60 + 10);
	run_for(60 * US_PER_S);
	assert_true(w.held >= 1);
	text = mesh_status(w.mesh, w.now);
	assert_non_null(text);
	free(text);
}

static int64_t
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One gob message: its length, then the bytes given in hex. */
static size_t
put(uint8_t *to, const char *hex)
{
	size_t n = strlen(hex) / 2, i;
	unsigned b;

	assert_true(n < 0x80);
	to[0] = (uint8_t)n;
	for (i = 0; i < n; i++) {
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &b), 1);
		to[i + 1] = (uint8_t)b;
	}
	return n + 1;
}

/* The id of type n as gob writes it, negative for a definition. */
static void
id(char hex[5], unsigned n, bool define)
{
	snprintf(hex, 5, "ff%02x", define ? 2 * n - 1 : 2 * n);
}

/* Slices of slices of slices ..., 60 deep, which ends nowhere. */
static size_t
deep(uint8_t *to)
{
	char hex[64], def[5], own[5], next[5];
	unsigned i, t;
	size_t n;

	n = put(to, "ff8103010101540102ff8200010101015801ff84000000");
	for (i = 0; i < 30; i++) {
		t = 66 + i;
		id(def, t, true);
		id(own, t, false);
		id(next, i == 29 ? 66 : t + 1, false);
		snprintf(
		    hex, sizeof(hex), "%s020101%s0001%s0000", def, own, next);
		n += put(to + n, hex);
	}
	/* the value: one element in one element in ... */
	n += put(to + n, "ff82010101010101010101010101010101010101010101010101"
			 "01010101010101010101010101010101010101010101010101"
			 "0101010101010101");
	return n;
}

static size_t
hostile_meta(unsigned k, uint8_t *to)
{
	/* One struct T { X } of a type that the second message defines. */
#define OF_X             \
	"ff810301010154" \
	"01ff8200010101015801ff84000000"
	static const char *const second[] = {
	    /* a slice of itself, an array of itself, a map of itself */
	    "ff8302010101ff840001ff840000",
	    "ff8301010101ff840001ff8401fe02000000",
	    "ff8304010101ff840001ff8401ff840000",
	    /* a struct that contains itself, and one that contains T */
	    "ff83030101014c01ff840001010101410"
	    "1ff84000000",
	    "ff83030101014c01ff8400010101014101ff82000000",
	    /* an array of 2^63 - 1 elements, of -1 */
	    "ff8301010101ff8400010601f8fffffffffffffffe0000",
	    "ff8301010101ff84000106010100",
	    /* a struct of 2^64 - 1 fields */
	    "ff83030101014c01ff840001f8ffffffffffffffff",
	    /* of a type that is never defined */
	    "ff8302010101ff840001fe03e80000",
	};
	static const char *const value[] = {
	    /* counts of 2^64 - 1 and of everything that is left */
	    "ff8201f8ffffffffffffffff",
	    "ff82010401010101",
	    "ff820101010101010101010101010101010101010101",
	    /* a field number beyond all */
	    "ff82f8ffffffffffffffff",
	};
	size_t n;

	if (k == 0)
		return deep(to);
	k--;
	n = put(to, OF_X);
	n += put(to + n, second[k % 9]);
	return n + put(to + n, value[k / 9 % 4]);
}
#define NHOSTILE 37

/* Metadata like ours, but for its extension field: k spoils that. */
static size_t
hostile_x(unsigned k, uint8_t *meta)
{
	static const uint8_t bad[][6] = {
	    {1, 1, 0}, /* an attempt without a byte */
	    {1, 1, 255, 0}, /* longer than what is left */
	    {1, 2, 1, 9}, /* a port of one byte */
	    {1, 2, 2, 0, 0}, /* of 0 */
	    {1, 3, 1, 0}, /* static with a value */
	    {2, 1, 1, 0}, /* another version */
	    {0}, /* none */
	    {1, 4, 1, 1}, /* capabilities of one byte */
	    {1, 4, 0, 1, 1, 0}, /* falling order */
	    {1, 1, 1, 0, 1, 1}, /* twice, cut */
	};
	size_t len = good_meta("bad", 9, meta), i;

	/* The extension is 01 01 01 00 04 04 ...: find and overwrite it. */
	for (i = 0; i + 6 < len; i++)
		if (memcmp(meta + i, "\1\1\1\0\4\4", 6) == 0)
			break;
	assert_true(i + 6 < len);
	memcpy(meta + i, bad[k % 10], 6);
	return len;
}

static uint32_t
chance(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 32);
}

/*
 * Metadata as gob can describe it: nested, recursive, without end. It costs
 * its own member the tunnel, takes no time, and the others notice nothing.
 */
static void
hostile_12_metadata(void **state)
{
	const uint8_t addr[4] = {192, 0, 2, 9};
	uint8_t meta[2 * META_MAX];
	struct meta m;
	uint32_t inc = 1;
	char detail[512];
	int64_t ms;
	unsigned i, k;
	size_t len;

	(void)state;
	good("node2", 2);
	for (k = 0; k < NHOSTILE; k++) {
		len = hostile_meta(k, meta);
		assert_in_range(len, 1, META_MAX);
		say("bad", addr, inc++, meta, len, addr);
		run_for(US_PER_S / 10);
		assert_true(why_of("bad", detail) == PEER_BAD_META ||
			    why_of("bad", detail) == PEER_BAD_KEY);
		assert_true(strlen(detail) > 0);
	}
	/* A bad extension makes it a member without one: not derived, or the
	 * original's address, and at that a tunnel. */
	for (k = 0; k < 10; k++) {
		len = hostile_x(k, meta);
		say("bad", addr, inc++, meta, len, addr);
		run_for(US_PER_S / 10);
		assert_int_equal(meta_decode(meta, len, &m), 0);
		assert_false(m.has_x);
		assert_int_equal(why_of("bad", NULL), PEER_OK);
	}
	ms = cpu_ms();
	for (i = 0; i < 200000; i++) {
		len = i % 2 ? hostile_meta(chance() % NHOSTILE, meta)
			    : good_meta("bad", 9, meta);
		for (k = chance() % 4 + 1; k > 0; k--)
			meta[chance() % len] = (uint8_t)chance();
		(void)meta_decode(meta, len - chance() % 3, &m);
	}
	print_message("# 200000 mutations decoded in %lld ms\n",
	    (long long)(cpu_ms() - ms));
	assert_int_equal(why_of("node2", NULL), PEER_OK);
	assert_false(w.deleted[2]);
}

/* What a member without a right to a tunnel announces, and what is said. */
static void
hostile_13_tunnels(void **state)
{
	static const struct {
		const char *addr; /* NULL: derived from its name */
		uint8_t key, attempt;
		bool is_static, x;
		const char *words;
	} rows[] = {
	    {"192.0.2.50", 9, 0, false, true, "outside of our --overlay-net"},
	    {"11.0.0.1", 9, 0, false, false, "outside of our --overlay-net"},
	    {"self", 9, 0, false, true, "it claims our overlay address"},
	    {"node2", 9, 0, false, true, "does not derive from its name"},
	    {"10.1.2.3", 9, 0, false, true, "does not derive from its name"},
	    {NULL, 9, 1, false, true, "does not derive from its name"},
	    {"10.1.2.3", 9, 0, false, false, "does not derive from its name"},
	    {"10.1.2.3", 9, 0, true, true, "a static one"},
	    {"node2", 9, 0, true, true, "a static one"},
	    {NULL, 0, 0, false, true, "key is missing or malformed"},
	    {NULL, 0x80, 0, false, true, "our own WireGuard key"},
	    {NULL, 2, 0, false, true, "its WireGuard key is that of node2"},
	};
	const uint8_t addr[4] = {192, 0, 2, 9};
	uint8_t buf[META_MAX];
	struct meta m;
	char detail[512];
	ssize_t len;
	unsigned i;

	(void)state;
	good("node2", 2);
	assert_int_equal(why_of("node2", NULL), PEER_OK);
	w.sets = w.dels = 0;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *of = rows[i].addr != NULL ? rows[i].addr : "bad";

		memset(&m, 0, sizeof(m));
		m.has_pubkey = true;
		m.has_x = rows[i].x;
		m.attempt = rows[i].attempt;
		m.is_static = rows[i].is_static;
		memset(m.pubkey, rows[i].key, WG_KEY_LEN);
		if (ipaddr_parse(of, &m.overlay) == -1)
			overlay_addr(
			    &w.conf.overlay, of, strlen(of), 0, &m.overlay);
		len = meta_encode(&m, buf, sizeof(buf));
		assert_true(len > 0);
		say("bad", addr, i + 1, buf, (size_t)len, addr);
		run_for(US_PER_S / 2);
		if (why_of("bad", detail) == PEER_OK ||
		    strstr(detail, rows[i].words) == NULL)
			fail_msg("row %u: %s", i, detail);
	}
	/* Nothing was asked of wesher-priv, and the holder has all. */
	assert_int_equal(w.sets, 0);
	assert_int_equal(w.dels, 0);
	assert_int_equal(why_of("node2", NULL), PEER_OK);
	/* With what is its own it gets its tunnel at last. */
	len = (ssize_t)good_meta("bad", 9, buf);
	say("bad", addr, 99, buf, (size_t)len, addr);
	run_for(US_PER_S / 2);
	assert_int_equal(why_of("bad", NULL), PEER_OK);
	assert_int_equal(w.sets, 1);
}

/* Made-up members with all that a tunnel needs, a hundred thousand. */
static void
hostile_14_tunnels(void **state)
{
	uint8_t addr[4] = {0}, meta[META_MAX];
	unsigned i, k;
	char name[16];
	struct meta m;
	ssize_t len;
	int64_t ms;

	(void)state;
	for (k = 2; k < 8; k++) {
		snprintf(name, sizeof(name), "node%u", k);
		good(name, (uint8_t)k);
	}
	ms = cpu_ms();
	for (i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		memset(&m, 0, sizeof(m));
		m.has_pubkey = m.has_x = true;
		overlay_addr(
		    &w.conf.overlay, name, strlen(name), 0, &m.overlay);
		/* Each tenth wants another's key, or none at all. */
		memcpy(m.pubkey, &(uint32_t){i - i % 10 % 2}, sizeof(i));
		m.pubkey[31] = 1;
		len = meta_encode(&m, meta, sizeof(meta));
		addr[0] = 172;
		addr[1] = (uint8_t)(16 + (i >> 16));
		addr[2] = (uint8_t)(i >> 8);
		addr[3] = (uint8_t)i;
		say(name, addr, 1, meta, (size_t)len, liar);
		if (i % 64 == 0)
			run_for(US_PER_S / 100);
		assert_in_range(members(), 1, MAX_PEERS);
	}
	ms = cpu_ms() - ms;
	print_message("# 100000 invented: %lld ms, %u requests, at most %u "
		      "open, %u lines\n",
	    (long long)ms, w.sets + w.dels, w.most_open, w.lines);
	assert_int_equal(members(), MAX_PEERS);
	assert_in_range(w.most_open, 1, 256);
	assert_in_range(w.lines, 0, 200);
	/* The others keep theirs, and who comes gets one. */
	good("joiner", 8);
	run_for(30 * US_PER_S);
	assert_int_equal(why_of("joiner", NULL), PEER_OK);
	for (k = 2; k < 8; k++) {
		snprintf(name, sizeof(name), "node%u", k);
		assert_int_equal(why_of(name, NULL), PEER_OK);
		assert_false(w.deleted[k]);
	}
	run_for(300 * US_PER_S);
	assert_in_range(w.saved, 1, MAX_PEERS);
}

/* The largest table there can be makes a state that the next start reads. */
static void
hostile_14_state(void **state)
{
	struct state s, back;
	char name[256], why[128], *text;
	unsigned i;
	size_t len;

	(void)state;
	memset(&s, 0, sizeof(s));
	s.nodes = calloc(MAX_PEERS, sizeof(*s.nodes));
	s.nnodes = MAX_PEERS;
	for (i = 0; i < MAX_PEERS; i++) {
		memset(name, '"', 255); /* two bytes each in JSON */
		name[255] = '\0';
		memcpy(name,
		    (char[4]){(char)('a' + i % 26), (char)('a' + i / 26 % 26),
			(char)('a' + i / 676 % 26), 'x'},
		    4);
		s.nodes[i].name = strdup(name);
		s.nodes[i].meta = calloc(1, META_MAX);
		s.nodes[i].metalen = META_MAX;
		ipaddr_parse("2001:db8:1111:2222:3333:4444:5555:6666",
		    &s.nodes[i].addr.ip);
		s.nodes[i].addr.port = 65535;
		s.nodes[i].overlay = s.nodes[i].addr.ip;
		s.nodes[i].has_pubkey = true;
	}
	text = state_format(&s, &len);
	assert_non_null(text);
	assert_in_range(len, 1, STATE_MAX);
	assert_int_equal(state_parse(text, len, &back, why, sizeof(why)), 0);
	assert_int_equal(back.nnodes, MAX_PEERS);
	print_message("# the largest state: %zu kB\n", len / 1000);
	free(text);
	state_clear(&back);
	state_clear(&s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(hostile_08_handshakes),
	    T(hostile_11_logs),
	    T(hostile_12_metadata),
	    T(hostile_13_tunnels),
	    T(hostile_14_tunnels),
	    T(hostile_14_state),
	};

	return cmocka_run_group_tests_name("hostile mesh", tests, NULL, NULL);
}
