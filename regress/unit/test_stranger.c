/*
 * A stranger on the network, and what a member can wrap: the real sockets on
 * loopback with the real core behind them. A stranger gets no byte back, what
 * is malformed has no effect, and memory is afterwards what it was before.
 * The numbers are those of the README's security chapter.
 */
#include "rig.h"

#include "netrig.h"

#include <sys/wait.h>

#include <malloc.h>
#include <poll.h>
#include <time.h>

#include "../../wesher/frame.h"

#define MIB	 ((size_t)1 << 20)
#define FLOOD_MS 3000

static struct rig *core;

/* Bytes that are allocated; nothing where a sanitizer allocates. */
static size_t
in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static int
core_packet(const struct ipport *from, const uint8_t *plain, size_t len)
{
	w.packets++;
	return swim_packet(core->s, core->now, from, plain, len);
}

static int
core_request(const struct ipport *from, uint8_t type, const uint8_t *body,
    size_t len, uint8_t **reply, size_t *replylen)
{
	return swim_stream_request(
	    core->s, core->now, from, type, body, len, reply, replylen);
}

static int
setup_core(void **state)
{
	core = rig_new();
	if (setup(state) == -1)
		return -1;
	w.taker.packet = core_packet;
	w.taker.request = core_request;
	return 0;
}

static int
teardown_core(void **state)
{
	rig_free(core);
	return teardown(state);
}

/* The core heard of nobody, and said nothing. */
static void
assert_untouched(void)
{
	assert_int_equal(swim_members(core->s)->n, 1);
	assert_int_equal(core->nevents, 0);
	assert_int_equal(core->packets, 0);
}

/* A stranger's UDP socket, connected to us. */
static int
udp_stranger(void)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	getsockname(w.udp, (struct sockaddr *)&ss, &len);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
	return fd;
}

/* Send it, and wait until it has been refused. */
static void
refused_packet(int fd, const void *p, size_t len)
{
	uint64_t before = net_counters()->refused_packets;
	int i;

	assert_int_equal(send(fd, p, len, 0), len);
	for (i = 0; i < WAIT_MS; i++) {
		event_base_loop(w.base, EVLOOP_NONBLOCK);
		if (net_counters()->refused_packets != before)
			break;
		usleep(1000);
	}
	assert_int_equal(net_counters()->refused_packets, before + 1);
}

static void
assert_silence(int fd)
{
	uint8_t c;

	turn(20);
	assert_int_equal(recv(fd, &c, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

/* Send it on a stream of its own, and wait until that is closed. */
static void
refused_stream(const void *p, size_t len)
{
	const uint8_t *b = p;
	uint64_t before = net_counters()->refused_streams;
	int fd = tcp_to_us(), i;
	size_t sent = 0;
	uint8_t in[64];
	ssize_t r;

	for (i = 0; i < WAIT_MS && sent < len; i++) {
		r = send(fd, b + sent, len - sent, MSG_NOSIGNAL);
		if (r > 0)
			sent += (size_t)r;
		else if (errno != EAGAIN)
			break;
		event_base_loop(w.base, EVLOOP_NONBLOCK);
	}
	/* What closes by itself needs no end of file. */
	turn(5);
	if (net_counters()->refused_streams == before)
		shutdown(fd, SHUT_WR);
	assert_int_equal(read_all(fd, in, sizeof(in)), 0);
	assert_int_equal(net_counters()->refused_streams, before + 1);
	close(fd);
}

/* A member's ping to us, as a plain packet. */
static size_t
ping(uint8_t *out, size_t cap, uint32_t seqno)
{
	struct wire_ping p = {.seqno = seqno, .node = swim_str("me")};
	ssize_t n = wire_put_ping(out, cap, &p);

	assert_true(n > 0);
	return (size_t)n;
}

static void
assert_member_is_answered(void)
{
	uint8_t plain[64], out[128], in[256], back[256];
	size_t n = block(w.seal, plain, ping(plain, 64, 77), out);
	struct wire_ack ack;
	int fd = tcp_to_us();

	assert_int_equal(send(fd, out, n, 0), n);
	n = read_all(fd, in, sizeof(in));
	assert_true(n > FRAME_HEAD);
	n = (size_t)seal_open(w.seal, in + FRAME_HEAD, n - FRAME_HEAD, in,
	    FRAME_HEAD, back, sizeof(back));
	assert_int_equal(back[0], WIRE_ACK);
	assert_int_equal(wire_get_ack(back + 1, n - 1, &ack), 0);
	assert_int_equal(ack.seqno, 77);
	close(fd);
}

/* That byte is not authenticated: with 0 a peer would cut padding off. */
static void
hostile_01_version_byte(void **state)
{
	uint8_t plain[64], out[128];
	size_t len = ping(plain, sizeof(plain), 1);
	int fd = udp_stranger(), v;
	ssize_t n;

	(void)state;
	for (v = 0; v < 256; v++) {
		if (v == SEAL_VERSION)
			continue;
		n = seal_close(w.seal, plain, len, NULL, 0, out, sizeof(out));
		out[0] = (uint8_t)v;
		refused_packet(fd, out, (size_t)n);
		n = (ssize_t)block(w.seal, plain, len, out);
		out[FRAME_HEAD] = (uint8_t)v;
		if (v < 8)
			refused_stream(out, (size_t)n);
	}
	assert_silence(fd);
	close(fd);
	assert_int_equal(w.packets, 0);
	assert_int_equal(w.requests, 0);
}

static void
hostile_01_any_bytes(void **state)
{
	uint8_t junk[1500];
	int fd = udp_stranger(), i;
	size_t before;

	(void)state;
	for (i = 0; i < 1500 + 256; i++) {
		randombytes_buf(junk, sizeof(junk));
		if (i >= 1500)
			junk[0] = (uint8_t)(i - 1500);
		if (i == 100)
			before = in_use();
		refused_packet(fd, junk, i < 1500 ? (size_t)i : 600);
	}
	assert_true(in_use() < before + MIB / 16);
	assert_silence(fd);
	close(fd);
	for (i = 0; i < 256; i++) {
		randombytes_buf(junk, sizeof(junk));
		junk[0] = (uint8_t)i;
		/* Half of them as long as they say. */
		junk[1] = junk[2] = 0;
		junk[3] = i % 2 ? 2 : junk[3];
		refused_stream(junk, 5 + (size_t)i * 5);
	}
	assert_true(in_use() < before + MIB / 16);
	assert_int_equal(w.packets, 0);
	assert_int_equal(w.requests, 0);
	assert_member_is_answered();
}

/* [244][length][label] in front of what would open without it. */
static void
hostile_01_labels(void **state)
{
	uint8_t plain[64], out[512] = {WIRE_LABEL};
	size_t len = ping(plain, sizeof(plain), 1), label;
	int fd = udp_stranger();
	ssize_t n;

	(void)state;
	for (label = 0; label < 256; label += 51) {
		out[1] = (uint8_t)label;
		memset(out + 2, 'l', label);
		n = seal_close(w.seal, plain, len, NULL, 0, out + 2 + label,
		    sizeof(out) - 2 - label);
		refused_packet(fd, out, (size_t)n + 2 + label);
		n = (ssize_t)block(w.seal, plain, len, out + 2 + label);
		refused_stream(out, (size_t)n + 2 + label);
	}
	assert_silence(fd);
	close(fd);
	assert_int_equal(w.packets, 0);
	assert_int_equal(w.requests, 0);
}

static void
hostile_01_reset_before_the_first_byte(void **state)
{
	static const struct linger hard = {.l_onoff = 1};
	size_t before = 0;
	int i, fd;

	(void)state;
	for (i = 0; i < 200; i++) {
		if (i == 20)
			before = in_use();
		fd = tcp_to_us();
		if (i % 2)
			turn(1);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		close(fd);
		event_base_loop(w.base, EVLOOP_NONBLOCK);
	}
	turn(20);
	assert_true(in_use() < before + MIB / 16);
	assert_int_equal(w.requests, 0);
	assert_member_is_answered();
}

/* An authentic packet that has no effect. */
static void
sealed_and_refused(int fd, const void *plain, size_t len)
{
	uint8_t out[70000];
	ssize_t n = seal_close(w.seal, plain, len, NULL, 0, out, sizeof(out));

	assert_true(n > 0);
	refused_packet(fd, out, (size_t)n);
	assert_untouched();
}

/* The same as a stream, which is closed without a byte. */
static void
sealed_stream_and_refused(const void *plain, size_t len)
{
	uint8_t *out = malloc(len + SEAL_OVERHEAD + FRAME_HEAD);

	assert_non_null(out);
	refused_stream(out, block(w.seal, plain, len, out));
	free(out);
	assert_untouched();
}

/* [9] {Algo: 0, Buf: lzw} */
static size_t
compressed(uint8_t *out, size_t cap, const void *lzw, size_t len)
{
	struct mp_out o;

	out[0] = WIRE_COMPRESS;
	mp_out_init(&o, out + 1, cap - 1);
	mp_put_map(&o, 2);
	mp_put_raw(&o, "Algo", 4);
	mp_put_uint(&o, 0);
	mp_put_raw(&o, "Buf", 3);
	mp_put_raw(&o, lzw, len);
	assert_false(o.err);
	return (size_t)(o.p - out);
}

/* A text of any kind, compressed. */
static size_t
compress_text(uint8_t *out, size_t cap, const void *text, size_t len)
{
	static struct lzw_encoder e;
	uint8_t lzw[4096];
	ssize_t n = lzw_encode(&e, text, len, lzw, sizeof(lzw));

	assert_true(n >= 0);
	return compressed(out, cap, lzw, (size_t)n);
}

static void
hostile_02_empty(void **state)
{
	/* A part of length 0, alone and before a ping that would count. */
	static const uint8_t parts[][16] = {
	    {3, WIRE_COMPOUND, 1, 0, 0}, {6, WIRE_COMPOUND, 2, 0, 0, 0, 0}};
	uint8_t buf[128], text[128];
	int fd = udp_stranger();
	size_t i, n;

	(void)state;
	sealed_and_refused(fd, "", 0);
	sealed_stream_and_refused("", 0);
	n = compress_text(buf, sizeof(buf), "", 0);
	sealed_and_refused(fd, buf, n);
	sealed_stream_and_refused(buf, n);
	/* No end code either, and no text at all. */
	n = compressed(buf, sizeof(buf), "", 0);
	sealed_and_refused(fd, buf, n);
	sealed_stream_and_refused(buf, n);
	sealed_and_refused(fd, "\014\0\0\0\0", 5); /* crc32 of nothing */
	for (i = 0; i < 2; i++) {
		sealed_and_refused(fd, parts[i] + 1, parts[i][0] + 1);
		n = compress_text(
		    buf, sizeof(buf), parts[i] + 1, parts[i][0] + 1);
		sealed_and_refused(fd, buf, n);
		sealed_stream_and_refused(buf, n);
	}
	memcpy(text, "\007\002\000\000\000", 5);
	n = ping(text + 6, sizeof(text) - 6, 1);
	text[5] = (uint8_t)n;
	sealed_and_refused(fd, text, 6 + n);
	assert_silence(fd);
	close(fd);
	assert_member_is_answered();
}

struct bits {
	uint8_t *p;
	uint32_t have;
	unsigned n;
};

static void
put_bits(struct bits *b, unsigned code, unsigned width)
{
	b->have |= code << b->n;
	for (b->n += width; b->n >= 8; b->n -= 8, b->have >>= 8)
		*b->p++ = (uint8_t)b->have;
}

/* The most text for the least LZW: each code is the one before and a byte. */
static size_t
bomb(uint8_t *out, size_t text)
{
	struct bits b = {.p = out};
	unsigned code, width;
	size_t made = 0;

	put_bits(&b, 256, 9);
	while (made < text) {
		put_bits(&b, 0, 9);
		made++;
		for (code = 258, width = 9; code < 4095; code++) {
			width += code == 1u << width;
			put_bits(&b, code, width);
			made += code - 256;
		}
		put_bits(&b, 256, 12);
	}
	put_bits(&b, 257, 9);
	put_bits(&b, 0, 7);
	return (size_t)(b.p - out);
}

static void
hostile_03_lzw_bomb(void **state)
{
	static uint8_t lzw[300000], out[300000];
	static struct lzw_decoder d;
	uint8_t *text = malloc(8 * MIB);
	int fd = udp_stranger();
	size_t n, before;

	(void)state;
	/* It is one that opens: 7 MiB come out of 6 kB. */
	n = bomb(lzw, 1);
	assert_true(lzw_decode(&d, lzw, n, text, 8 * MIB) > (ssize_t)(7 * MIB));
	free(text);
	before = in_use();
	n = bomb(lzw, 256 * MIB);
	assert_true(n > 150000 && n < 220000);
	n = compressed(out, sizeof(out), lzw, n);
	sealed_stream_and_refused(out, n);
	n = compressed(out, sizeof(out), lzw, bomb(lzw, 1));
	sealed_and_refused(fd, out, n);
	assert_true(in_use() < before + MIB);
	assert_silence(fd);
	close(fd);
	assert_member_is_answered();
}

static void
hostile_03_nested_layers(void **state)
{
	static const uint8_t none[] = {WIRE_COMPOUND, 0},
			     empty[] = {WIRE_COMPOUND},
			     many[] = {WIRE_COMPOUND, 255, 0, 1, WIRE_PING};
	uint8_t p[64], in[256], out[512];
	size_t len = ping(p, sizeof(p), 1), n, i;
	int fd = udp_stranger();

	(void)state;
	n = compress_text(in, sizeof(in), p, len);
	n = compress_text(out, sizeof(out), in, n);
	sealed_and_refused(fd, out, n);
	sealed_stream_and_refused(out, n);
	/* Compound in compound, of one and of 255 parts. */
	memcpy(in, "\007\001\000", 3);
	in[3] = (uint8_t)len;
	memcpy(in + 4, p, len);
	memcpy(out, "\007\001\000", 3);
	out[3] = (uint8_t)(4 + len);
	memcpy(out + 4, in, 4 + len);
	sealed_and_refused(fd, out, 8 + len);
	sealed_and_refused(fd, many, sizeof(many));
	memset(out, 0, sizeof(out));
	memcpy(out, many, 2);
	sealed_and_refused(fd, out, sizeof(out));
	sealed_and_refused(fd, none, sizeof(none));
	sealed_and_refused(fd, empty, sizeof(empty));
	/* Truncated anywhere. */
	for (i = 1; i < 4 + len; i++)
		sealed_and_refused(fd, in, i);
	sealed_stream_and_refused(in, 4 + len);
	assert_silence(fd);
	close(fd);
	assert_member_is_answered();
}

/* A state's header with any number, also a negative one. */
static size_t
header(uint8_t *out, size_t cap, int64_t nodes, int64_t userlen)
{
	const int64_t v[] = {nodes, userlen};
	static const char *const key[] = {"Nodes", "UserStateLen"};
	struct mp_out o;
	int i, k;

	out[0] = WIRE_PUSHPULL;
	mp_out_init(&o, out + 1, cap - 1);
	mp_put_map(&o, 3);
	mp_put_raw(&o, "Join", 4);
	mp_put_bool(&o, true);
	for (i = 0; i < 2; i++) {
		mp_put_raw(&o, key[i], strlen(key[i]));
		if (v[i] >= 0) {
			mp_put_uint(&o, (uint64_t)v[i]);
			continue;
		}
		*o.p++ = 0xd3; /* int64 */
		for (k = 56; k >= 0; k -= 8)
			*o.p++ = (uint8_t)((uint64_t)v[i] >> k);
	}
	return (size_t)(o.p - out);
}

/* Sealed, on a stream: it is told an error at most, and changes nothing. */
static void
bad_state(const void *plain, size_t len)
{
	uint8_t out[1024], in[1024], back[1024];
	size_t n = block(w.seal, plain, len, out);
	int fd = tcp_to_us();

	assert_int_equal(send(fd, out, n, 0), n);
	n = read_all(fd, in, sizeof(in));
	close(fd);
	if (n > 0) {
		assert_true(seal_open(w.seal, in + FRAME_HEAD, n - FRAME_HEAD,
				in, FRAME_HEAD, back, sizeof(back)) > 0);
		assert_int_equal(back[0], WIRE_ERR);
	}
	assert_untouched();
}

static void
hostile_04_counts(void **state)
{
	static const int64_t v[][2] = {{10000000, 0}, {-1, 0}, {INT64_MIN, 0},
	    {-10000000, 0}, {0, 30000000}, {0, -1}, {1, 4294967295},
	    {4294967295, 4294967295}, {4294967296, 0}, {0, -30000000}};
	uint8_t out[512];
	size_t i, n, before;

	(void)state;
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		n = header(out, sizeof(out), v[i][0], v[i][1]);
		/* Something behind it, which is no entry. */
		memset(out + n, 0x80, 64);
		before = i == 0 ? 0 : before;
		bad_state(out, n + 64);
		if (i == 0)
			before = in_use();
	}
	assert_true(in_use() < before + MIB / 16);
	assert_int_equal(swim_counters(core->s)->bad_message, i);
	assert_member_is_answered();
}

static void
hostile_04_user_message(void **state)
{
	uint8_t out[256] = {WIRE_USER}, in[64], sealed[512];
	struct mp_out o;
	size_t n, before = in_use();
	int fd;

	(void)state;
	mp_out_init(&o, out + 1, sizeof(out) - 1);
	mp_put_map(&o, 1);
	mp_put_raw(&o, "UserMsgLen", 10);
	mp_put_uint(&o, 512 * MIB);
	n = block(w.seal, out, (size_t)(o.p - out) + 100, sealed);
	fd = tcp_to_us();
	assert_int_equal(send(fd, sealed, n, 0), n);
	assert_int_equal(read_all(fd, in, sizeof(in)), 0);
	close(fd);
	assert_untouched();
	/* A block of that length is not waited for. */
	memcpy(out, "\012\040\000\000\035", 5);
	refused_stream(out, 200);
	assert_true(in_use() < before + MIB / 16);
	assert_member_is_answered();
}

#define BATCH 64

/* Junk as fast as one process sends it, until it is killed. Each is as costly
 * as can be: it is tried with the key. */
static pid_t
flood(void)
{
	static uint8_t junk[1400];
	static struct mmsghdr m[BATCH];
	static struct iovec iov[BATCH];
	pid_t pid, parent = getpid();
	int fd, i;

	fflush(NULL);
	if ((pid = fork()) != 0)
		return pid;
	fd = udp_stranger();
	randombytes_buf(junk, sizeof(junk));
	junk[0] = SEAL_VERSION;
	for (i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){junk, SEAL_OVERHEAD + (size_t)i * 21};
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	while (getppid() == parent)
		(void)sendmmsg(fd, m, BATCH, 0);
	_exit(0);
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	++*(unsigned *)arg;
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Does the ack of a ping come within the core's own patience? */
static bool
is_answered(int fd, uint32_t seqno)
{
	uint8_t plain[64], out[128];
	size_t len = ping(plain, sizeof(plain), seqno);
	int64_t end = now_ms() + swim_wan.probe_timeout / 1000;
	ssize_t n = seal_close(w.seal, plain, len, NULL, 0, out, sizeof(out));

	assert_int_equal(send(fd, out, (size_t)n, 0), n);
	while (now_ms() < end) {
		event_base_loop(w.base, EVLOOP_NONBLOCK);
		if (recv(fd, out, sizeof(out), MSG_DONTWAIT) > 0)
			return true;
	}
	return false;
}

static void
echo_send(void *arg, const struct ipport *to, const uint8_t *p, size_t len)
{
	(void)arg;
	net_send(to, p, len);
}

/*
 * Pings of a member among the junk, while the flood never stops. The kernel
 * drops some of both: what is not answered in the core's 3 s is repeated by
 * others and by TCP, so half of them is far more than a member needs.
 */
static void
hostile_15_junk_flood(void **state)
{
	static struct swim_ops ops;
	static const struct timeval tick = {.tv_usec = 20000};
	const int rcvbuf = 4 << 20; /* as wesher-priv has it */
	unsigned ticks = 0, answered = 0, asked;
	static struct event ev;
	int fd = udp_stranger();
	int64_t start = now_ms(), at;
	uint64_t junk = net_counters()->refused_packets;
	pid_t pid;

	(void)state;
	(void)setsockopt(
	    w.udp, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf));
	ops = *core->s->ops;
	ops.send = echo_send;
	core->s->ops = &ops;
	event_assign(&ev, w.base, -1, EV_PERSIST, on_second, &ticks);
	event_add(&ev, &tick);
	pid = flood();
	assert_true(pid > 0);
	for (asked = 0; now_ms() - start < FLOOD_MS; asked++) {
		answered += is_answered(fd, 1000 + asked);
		for (at = now_ms(); now_ms() - at < 20;)
			event_base_loop(w.base, EVLOOP_NONBLOCK);
	}
	/* What a prober falls back on. */
	assert_member_is_answered();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	junk = net_counters()->refused_packets - junk;
	print_message("# %u of %u pings answered, %llu junk packets a second\n",
	    answered, asked,
	    (unsigned long long)junk * 1000 /
		(unsigned long long)(now_ms() - start + 1));
	assert_true(junk > 1000);
	assert_true(answered * 2 >= asked);
	assert_true(ticks > 0);
	event_del(&ev);
	close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup_core, teardown_core)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(hostile_01_version_byte),
	    T(hostile_01_any_bytes),
	    T(hostile_01_labels),
	    T(hostile_01_reset_before_the_first_byte),
	    T(hostile_02_empty),
	    T(hostile_03_lzw_bomb),
	    T(hostile_03_nested_layers),
	    T(hostile_04_counts),
	    T(hostile_04_user_message),
	    T(hostile_15_junk_flood),
	};

	return cmocka_run_group_tests_name("stranger", tests, NULL, NULL);
}
