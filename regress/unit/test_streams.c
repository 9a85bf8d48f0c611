/*
 * Too many streams, and recordings. The limits are tried in virtual time
 * (gate.h), then on real sockets with ten thousand connections from as many
 * addresses of the loopback network. Memory is counted in bytes that are
 * allocated, not by what the kernel says.
 */
#include "cluster.h"

#include "netrig.h"

#include <sys/resource.h>

#include <malloc.h>

#include "../../wesher/frame.h"
#include "../../wesher/replay.h"
#include "../../wesher/stream.h"

#define MIB	((size_t)1 << 20)
#define STRANGE 0x7f020000u /* 127.2.0.0: nobody's address */
#define MEMBER	0x7f090001u /* 127.9.0.1 */
#define JOINER	0x7f0a0001u

/* Bytes that are allocated; nothing where a sanitizer allocates. */
static size_t
in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static struct ipaddr
addr(const char *text)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(text, &a), 0);
	return a;
}

/* Streams of one gate, each its own address unless it is given. */
struct many {
	struct gate g;
	struct gate_entry e[GATE_STREAMS + 2];
	unsigned n;
	int64_t now;
};

static struct gate_entry *
enter(struct many *m, enum gate_who who, const char *from)
{
	struct gate_entry *e = &m->e[m->n++];
	struct ipaddr a;
	char text[24];

	snprintf(text, sizeof(text), "10.0.%u.%u", m->n / 250, m->n % 250);
	a = addr(from != NULL ? from : text);
	gate_enter(&m->g, e, who, &a, m->now);
	return e;
}

static void
hostile_09_two_for_each_source(void **state)
{
	static const char *const same[][3] = {
	    {"192.0.2.1", "192.0.2.1", "192.0.2.1"},
	    {"2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:2::3"}};
	static const char *const other[] = {"192.0.2.2", "2001:db8:1:3::1"};
	struct gate_entry *e[3], *one;
	struct many m;
	int i, k;

	(void)state;
	for (i = 0; i < 2; i++) {
		memset(&m, 0, sizeof(m));
		gate_init(&m.g);
		for (k = 0; k < 3; k++) {
			m.now += 2 * GATE_WINDOW;
			e[k] = enter(&m, GATE_STRANGER, same[i][k]);
			if (k < 2)
				assert_null(gate_surplus(&m.g, e[k], m.now));
		}
		one = enter(&m, GATE_STRANGER, other[i]);
		assert_null(gate_surplus(&m.g, one, m.now));
		/* The first has got on, the second has not. */
		gate_holds(&m.g, e[0], 100, m.now);
		assert_ptr_equal(gate_surplus(&m.g, e[2], m.now), e[1]);
		gate_leave(&m.g, e[1]);
		assert_null(gate_surplus(&m.g, e[2], m.now));
		/* A member of that network has nothing to do with them. */
		one = enter(&m, GATE_MEMBER, same[i][0]);
		assert_null(gate_surplus(&m.g, one, m.now));
		/* Who has shown the key does not count. */
		gate_opened(&m.g, e[0], m.now);
		one = enter(&m, GATE_STRANGER, same[i][0]);
		assert_null(gate_surplus(&m.g, one, m.now));
	}
}

static void
hostile_09_a_quarter_is_kept(void **state)
{
	struct gate_entry *e = NULL, *member, *small;
	struct many m = {.now = 1};
	unsigned i;

	(void)state;
	gate_init(&m.g);
	for (i = 0; i < GATE_STRANGERS; i++) {
		e = enter(&m, GATE_STRANGER, NULL);
		assert_null(gate_surplus(&m.g, e, m.now));
	}
	/* Places: strangers push each other out, the oldest idle one first. */
	e = enter(&m, GATE_STRANGER, NULL);
	assert_ptr_equal(gate_surplus(&m.g, e, m.now), &m.e[0]);
	gate_leave(&m.g, &m.e[0]);
	for (i = 0; i < GATE_STREAMS - GATE_STRANGERS; i++) {
		member = enter(&m, GATE_MEMBER, NULL);
		assert_null(gate_surplus(&m.g, member, m.now));
	}
	/* All are taken: a member pushes a stranger out, never the reverse. */
	member = enter(&m, GATE_MEMBER, NULL);
	e = gate_surplus(&m.g, member, m.now);
	assert_non_null(e);
	assert_int_equal(e->who, GATE_STRANGER);

	memset(&m, 0, sizeof(m));
	gate_init(&m.g);
	/* Memory: two strangers have all that strangers may have. */
	e = enter(&m, GATE_STRANGER, NULL);
	gate_holds(&m.g, e, GATE_STRANGE / 2, m.now);
	assert_null(gate_surplus(&m.g, e, m.now));
	m.now += 3 * GATE_WINDOW;
	e = enter(&m, GATE_STRANGER, NULL);
	gate_holds(&m.g, e, GATE_STRANGE / 2, m.now);
	assert_null(gate_surplus(&m.g, e, m.now));
	/* One byte more, and the one that stands still goes. */
	gate_holds(&m.g, e, GATE_STRANGE / 2 + 1, m.now);
	assert_ptr_equal(gate_surplus(&m.g, e, m.now), &m.e[0]);
	gate_holds(&m.g, e, GATE_STRANGE / 2, m.now);
	small = enter(&m, GATE_STRANGER, NULL);
	gate_holds(&m.g, small, GATE_SMALL, m.now);
	assert_null(gate_surplus(&m.g, small, m.now));
	member = enter(&m, GATE_MEMBER, NULL);
	gate_holds(&m.g, member, GATE_BYTES - GATE_STRANGE - GATE_SMALL, m.now);
	assert_null(gate_surplus(&m.g, member, m.now));
	/* More than its quarter: still before the strangers. */
	gate_holds(&m.g, member, GATE_BYTES / 2, m.now);
	assert_ptr_equal(gate_surplus(&m.g, member, m.now), &m.e[0]);
}

/* Who sent much at once and then a byte now and then has no merit. */
static void
hostile_09_the_least_progressing(void **state)
{
	struct gate_entry *slow, *steady;
	struct many m = {.now = 1};
	size_t i;

	(void)state;
	gate_init(&m.g);
	slow = enter(&m, GATE_STRANGER, NULL);
	gate_holds(&m.g, slow, 4 * MIB, m.now);
	steady = enter(&m, GATE_STRANGER, NULL);
	for (i = 1; i <= 20; i++) {
		m.now += GATE_WINDOW / 2;
		gate_holds(&m.g, slow, 4 * MIB + i, m.now);
		gate_holds(&m.g, steady, i * 100000, m.now);
		assert_null(gate_surplus(&m.g, steady, m.now));
	}
	gate_holds(&m.g, steady, 2 * MIB + 1, m.now);
	assert_ptr_equal(gate_surplus(&m.g, steady, m.now), slow);
}

static void
hostile_09_deadline_of_the_whole(void **state)
{
	const int64_t s = 1000000, phase = 30 * s;
	struct gate_entry *e;
	struct many m = {.now = 100 * s};

	(void)state;
	gate_init(&m.g);
	e = enter(&m, GATE_STRANGER, NULL);
	assert_int_equal(gate_deadline(e, phase, 100 * s), 130 * s);
	assert_int_equal(gate_deadline(e, phase, 110 * s), 140 * s);
	/* However late the next phase begins. */
	assert_int_equal(gate_deadline(e, phase, 129 * s), 145 * s);
	assert_int_equal(gate_deadline(e, phase, 144 * s), 145 * s);
}

/* Send all of it, or until the stream is closed. True when it is all out. */
static bool
push(int fd, const uint8_t *p, size_t len)
{
	size_t sent = 0;
	ssize_t r;
	int i;

	for (i = 0; i < WAIT_MS && sent < len; i++) {
		r = send(fd, p + sent, len - sent, MSG_NOSIGNAL);
		if (r > 0)
			sent += (size_t)r;
		else if (errno != EAGAIN)
			return false;
		else
			usleep(100);
		event_base_loop(w.base, EVLOOP_NONBLOCK);
	}
	return sent == len;
}

/* A ping from there is answered. */
static bool
is_served(uint32_t from)
{
	uint8_t out[256], in[1024];
	size_t n = block(w.seal, "\000ping", 5, out), size = w.replysize;
	int fd = tcp_from(from);

	w.replysize = 100;
	n = push(fd, out, n) ? read_all(fd, in, sizeof(in)) : 0;
	w.replysize = size;
	close(fd);
	return n == FRAME_HEAD + 100 + SEAL_OVERHEAD;
}

static void
all_gone(void)
{
	int i;

	for (i = 0; i < WAIT_MS && stream_gate()->streams > 0; i++)
		turn(1);
	assert_int_equal(stream_gate()->streams, 0);
	assert_int_equal(stream_gate()->held, 0);
}

static bool
is_open(int fd)
{
	uint8_t c;

	return recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) == -1 &&
	       errno == EAGAIN;
}

static void
hostile_09_declared_20_mib(void **state)
{
	const uint8_t huge[] = {WIRE_ENCRYPT, 1, 0x40, 0, 0},
		      large[] = {WIRE_ENCRYPT, 0, 0x70, 0, 0};
	static uint8_t junk[300000];
	size_t before = in_use(), most = 0;
	int fd[60], i;

	(void)state;
	w.member.len = 4;
	memcpy(w.member.b, "\177\011\000\001", 4);
	/* What is beyond all is refused by its head. */
	for (i = 0; i < 10; i++) {
		fd[i] = tcp_from(STRANGE + (uint32_t)i);
		assert_true(push(fd[i], huge, sizeof(huge)));
		assert_int_equal(read_all(fd[i], junk, 1), 0);
		close(fd[i]);
	}
	/* 7 MiB each, 420 in all: only what has come is held. */
	for (i = 0; i < 60; i++) {
		fd[i] = tcp_from(STRANGE + (uint32_t)i);
		assert_true(push(fd[i], large, sizeof(large)));
	}
	turn(20);
	assert_int_equal(stream_gate()->streams, 60);
	assert_int_equal(stream_gate()->held, 60 * sizeof(large));
	assert_true(in_use() < before + MIB);
	for (i = 0; i < 60; i++) {
		(void)push(fd[i], junk, sizeof(junk));
		assert_true(
		    stream_gate()->held <= GATE_STRANGE + 60 * GATE_SMALL);
		if (in_use() > most)
			most = in_use();
	}
	assert_true(stream_gate()->held > GATE_STRANGE / 2);
	assert_true(most < before + GATE_BYTES + 2 * MIB);
	/* Meanwhile others are served. */
	assert_true(is_served(MEMBER));
	assert_true(is_served(JOINER));
	for (i = 0; i < 60; i++)
		close(fd[i]);
	all_gone();
	assert_true(in_use() < before + MIB);
}

static void
hostile_09_ten_thousand_connections(void **state)
{
	static int fd[10000];
	struct rlimit was, more = {16384, 16384};
	size_t before;
	unsigned i, n = 10000, open = 0;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &was);
	if (setrlimit(RLIMIT_NOFILE, &more) == -1) {
		/* Not root: as many as there may be. */
		more.rlim_cur = more.rlim_max = was.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &more);
		n = (unsigned)more.rlim_cur / 2;
		if (n > 10000)
			n = 10000;
	}
	w.member.len = 4;
	memcpy(w.member.b, "\177\011\000\001", 4);
	before = in_use();
	for (i = 0; i < n; i++) {
		fd[i] = tcp_from(STRANGE + i / 2);
		event_base_loop(w.base, EVLOOP_NONBLOCK);
		assert_true(stream_gate()->streams <= GATE_STRANGERS);
		if (i == n / 2) {
			assert_true(is_served(MEMBER));
			assert_true(is_served(JOINER));
		}
	}
	turn(20);
	assert_int_equal(stream_gate()->streams, GATE_STRANGERS);
	assert_true(in_use() < before + 2 * MIB);
	assert_true(is_served(MEMBER));
	assert_true(is_served(JOINER));
	for (i = 0; i < n; i++)
		open += is_open(fd[i]);
	assert_true(open <= GATE_STRANGERS);
	for (i = 0; i < n; i++)
		close(fd[i]);
	all_gone();
	setrlimit(RLIMIT_NOFILE, &was);
}

/* From one address: the third connection ends one of the two before. */
static void
hostile_09_one_address(void **state)
{
	int fd[40], i, open = 0;

	(void)state;
	for (i = 0; i < 40; i++) {
		fd[i] = tcp_from(STRANGE);
		turn(1);
		assert_true(stream_gate()->streams <= GATE_PER_SOURCE);
	}
	turn(20);
	for (i = 0; i < 40; i++)
		open += is_open(fd[i]);
	assert_int_equal(open, GATE_PER_SOURCE);
	/* A member behind that address gets through all the same. */
	assert_true(is_served(STRANGE));
	for (i = 0; i < 40; i++)
		close(fd[i]);
	turn(20);
}

static void
hostile_09_answers_not_taken(void **state)
{
	struct gate_entry *e[3];
	struct many m = {.now = 1};
	int i;

	(void)state;
	gate_init(&m.g);
	for (i = 0; i < 3; i++) {
		m.now += 600000;
		e[i] = enter(&m, GATE_STRANGER, NULL);
		gate_opened(&m.g, e[i], m.now);
		gate_owes(&m.g, e[i], GATE_OWED / 2);
		if (i < 2)
			assert_null(gate_surplus(&m.g, e[i], m.now));
	}
	/* The first had its second, the others have not. */
	assert_ptr_equal(gate_surplus(&m.g, e[2], m.now), e[0]);
	gate_leave(&m.g, e[0]);
	assert_null(gate_surplus(&m.g, e[2], m.now));
	e[0] = enter(&m, GATE_MEMBER, NULL);
	gate_opened(&m.g, e[0], m.now);
	gate_owes(&m.g, e[0], 1);
	assert_ptr_equal(gate_surplus(&m.g, e[0], m.now), e[0]);
}

/* A member gone bad does not take its answers, 128 times and more. */
static void
hostile_09_128_push_pulls(void **state)
{
	const int small = 4096;
	uint8_t out[256];
	int fd[GATE_STREAMS + 32], i, n = GATE_STREAMS + 32;
	size_t len, before = in_use();

	(void)state;
	w.replysize = 400000; /* more than such sockets hold */
	w.noise = true;
	setsockopt(w.tcp, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	for (i = 0; i < n; i++) {
		fd[i] = tcp_from(STRANGE + (uint32_t)i);
		setsockopt(fd[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		len = block(w.seal, "\006state", 6, out);
		assert_true(push(fd[i], out, len));
		turn(1);
		assert_true(stream_gate()->streams <= GATE_STREAMS);
	}
	turn(20);
	assert_int_equal(stream_gate()->streams, GATE_STREAMS);
	assert_true(in_use() < before + GATE_OWED + 2 * MIB);
	/* Each had its second; now they give way. */
	for (i = 0; i < 100 && !is_served(JOINER); i++)
		turn(50);
	assert_true(i < 100);
	for (i = 0; i < n; i++)
		close(fd[i]);
	all_gone();
	assert_int_equal(stream_gate()->owed, 0);
}

/* Out of descriptors: it neither spins nor stays deaf. */
static void
hostile_09_out_of_descriptors(void **state)
{
	static const struct timeval soon = {.tv_usec = 50000};
	struct rlimit was, few;
	int fd[4], i, turns;

	(void)state;
	for (i = 0; i < 4; i++)
		fd[i] = tcp_from(STRANGE + (uint32_t)i);
	getrlimit(RLIMIT_NOFILE, &was);
	few = was;
	few.rlim_cur = (rlim_t)fd[3] + 1;
	setrlimit(RLIMIT_NOFILE, &few);
	event_base_loop(w.base, EVLOOP_NONBLOCK);
	/* One that spins turns ten thousand times until then. */
	event_base_loopexit(w.base, &soon);
	for (turns = 0; !event_base_got_exit(w.base) && turns < 1000; turns++)
		event_base_loop(w.base, EVLOOP_ONCE);
	setrlimit(RLIMIT_NOFILE, &was);
	assert_true(turns < 20);
	assert_int_equal(stream_gate()->streams, 0);
	for (i = 0; i < WAIT_MS && stream_gate()->streams < 4; i++)
		turn(1);
	assert_int_equal(stream_gate()->streams, 4);
	for (i = 0; i < 4; i++)
		close(fd[i]);
	turn(20);
}

static void
hostile_10_recorded_packets(void **state)
{
	uint8_t first[256], out[256], in[64];
	uint64_t replays = net_counters()->refused[NET_REPLAY];
	ssize_t n, len;
	int i, fd;

	(void)state;
	len = seal_close(w.seal, "first", 5, NULL, 0, first, sizeof(first));
	udp_to_us(first, (size_t)len);
	until(&w.packets, 1);
	for (i = 0; i < 10; i++)
		udp_to_us(first, (size_t)len);
	n = seal_close(w.seal, "first", 5, NULL, 0, out, sizeof(out));
	udp_to_us(out, (size_t)n);
	until(&w.packets, 2);
	assert_int_equal(net_counters()->refused[NET_REPLAY], replays + 10);
	/* A stream likewise: heard once, then closed without a byte. */
	w.replysize = 10;
	n = (ssize_t)block(w.seal, "\000ping", 5, out);
	for (i = 0; i < 3; i++) {
		fd = tcp_to_us();
		assert_true(push(fd, out, (size_t)n));
		assert_int_equal(read_all(fd, in, sizeof(in)),
		    i == 0 ? FRAME_HEAD + 10 + SEAL_OVERHEAD : 0);
		close(fd);
	}
	assert_int_equal(w.requests, 1);
	assert_int_equal(net_counters()->refused[NET_REPLAY], replays + 12);
}

static void
hostile_10_cache_of_4096(void **state)
{
	static struct replay r;
	uint8_t nonce[SEAL_NONCE_LEN] = {0};
	uint32_t i;

	(void)state;
	replay_init(&r);
	for (i = 0; i < 20000; i++) {
		memcpy(nonce, &i, sizeof(i));
		assert_false(replay_seen(&r, nonce));
		assert_true(replay_seen(&r, nonce));
	}
	/* The last 4,096 are known, in any order, and none besides. */
	for (i = 0; i < REPLAY_NONCES; i++) {
		uint32_t k = 20000 - 1 - (i * 2057) % REPLAY_NONCES;

		memcpy(nonce, &k, sizeof(k));
		assert_true(replay_seen(&r, nonce));
	}
	i = 20000 - 1 - REPLAY_NONCES;
	memcpy(nonce, &i, sizeof(i));
	assert_false(replay_seen(&r, nonce));
}

/* What a listener recorded of node j's packets to node 0. */
static void
replay_old(struct cluster *c, unsigned j, uint32_t inc)
{
	const char *name = c->node[j].name;
	struct wire_alive a = alive_of(name, &c->node[j].addr, inc, "Xold");
	struct ipport elsewhere = ip("10.99.0.1", PORT);
	struct wire_alive moved = alive_of(name, &elsewhere, inc, "Xold");
	struct wire_accuse left = {
	    .incarnation = inc, .node = swim_str(name), .from = swim_str(name)};
	const struct ipport *from = &c->node[j].addr;
	struct swim *s = c->node[0].s;
	uint8_t buf[512];
	ssize_t n;

	n = wire_put_accuse(buf, sizeof(buf), WIRE_DEAD, &left);
	assert_int_equal(swim_packet(s, c->now, from, buf, (size_t)n), 0);
	n = wire_put_accuse(buf, sizeof(buf), WIRE_SUSPECT, &left);
	assert_int_equal(swim_packet(s, c->now, from, buf, (size_t)n), 0);
	n = wire_put_alive(buf, sizeof(buf), &a);
	assert_int_equal(swim_packet(s, c->now, from, buf, (size_t)n), 0);
	n = wire_put_alive(buf, sizeof(buf), &moved);
	assert_int_equal(swim_packet(s, c->now, from, buf, (size_t)n), 0);
}

/*
 * All were restarted, so that no cache remembers; but each began with a higher
 * incarnation (saved + 1, or the seconds since 1970; test_mesh has that).
 */
static void
hostile_10_stale_after_a_restart(void **state)
{
	struct cluster *c = cluster_new_mesh(3, &swim_wan, 10);
	uint32_t old = swim_incarnation(c->node[1].s);
	const struct member *m;
	unsigned i, joins;

	(void)state;
	for (i = 0; i < 3; i++)
		cluster_crash(c, i);
	for (i = 0; i < 3; i++) {
		c->node[i].incarnation = old + 1;
		cluster_start(c, i);
	}
	/* Before anybody is known, it is all there is; then the truth wins. */
	replay_old(c, 1, old);
	cluster_join(c, 1, 0);
	cluster_join(c, 2, 0);
	assert_true(wait_fullmesh(c, 60 * SEC) != -1);
	run_for(c, 10 * SEC);
	joins = c->node[0].joins;
	for (i = 0; i < 50; i++) {
		replay_old(c, 1, old);
		run_for(c, SEC / 2);
		assert_int_equal(status(c, 0, 1), MEMBER_ALIVE);
	}
	m = member_find(swim_members(c->node[0].s), "node1", 5);
	assert_true(m->incarnation > old);
	assert_int_equal(m->metalen, 1); /* not the old one's */
	assert_int_equal(c->node[0].joins, joins);
	assert_int_equal(c->node[0].failed + c->node[0].suspected, 0);
	cluster_free(c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hostile_09_two_for_each_source),
	    cmocka_unit_test(hostile_09_a_quarter_is_kept),
	    cmocka_unit_test(hostile_09_the_least_progressing),
	    cmocka_unit_test(hostile_09_deadline_of_the_whole),
	    cmocka_unit_test(hostile_09_answers_not_taken),
	    T(hostile_09_declared_20_mib),
	    T(hostile_09_ten_thousand_connections),
	    T(hostile_09_one_address),
	    T(hostile_09_128_push_pulls),
	    T(hostile_09_out_of_descriptors),
	    T(hostile_10_recorded_packets),
	    cmocka_unit_test(hostile_10_cache_of_4096),
	    cmocka_unit_test(hostile_10_stale_after_a_restart),
	};

	return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
