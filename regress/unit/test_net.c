/*
 * The sockets of the gossip process on loopback: what opens under the key is
 * delivered, everything else is dropped, counted and never answered.
 */
#include "../../wesher/stream.h"
#include "netrig.h"

static void
test_packet(void **state)
{
	uint8_t out[256];
	ssize_t n;

	(void)state;
	n = seal_close(w.seal, "hello", 5, NULL, 0, out, sizeof(out));
	udp_to_us(out, (size_t)n);
	until(&w.packets, 1);
	assert_int_equal(w.lastlen, 5);
	assert_memory_equal(w.last, "hello", 5);
}

static void
test_packets_of_strangers(void **state)
{
	uint8_t out[256];
	ssize_t n;
	int i;

	(void)state;
	n = seal_close(w.stranger, "hello", 5, NULL, 0, out, sizeof(out));
	udp_to_us(out, (size_t)n);
	udp_to_us("", 0);
	udp_to_us("x", 1);
	for (i = 0; i < 100; i++)
		udp_to_us(out, 28);
	n = seal_close(w.seal, "hello", 5, NULL, 0, out, sizeof(out));
	out[n - 1] ^= 1;
	udp_to_us(out, (size_t)n);
	turn(50);
	assert_int_equal(w.packets, 0);
	assert_int_equal(net_counters()->refused_packets, 104);
	assert_int_equal(net_counters()->refused[NET_LENGTH], 102);
	assert_int_equal(net_counters()->refused[NET_NOT_SEALED], 2);
	/* One line for one source and minute. */
	assert_int_equal(w.lines, 1);
}

static void
test_send(void **state)
{
	struct ipport to = {0};
	struct sockaddr_storage ss;
	socklen_t slen = sizeof(ss);

	(void)state;
	getsockname(w.udp, (struct sockaddr *)&ss, &slen);
	ipport_from_sockaddr((struct sockaddr *)&ss, slen, &to);
	net_send(&to, (const uint8_t *)"to myself", 9);
	until(&w.packets, 1);
	assert_memory_equal(w.last, "to myself", 9);
	ipaddr_parse("::1", &to.ip);
	assert_false(net_reaches(&to.ip));
	net_send(&to, (const uint8_t *)"x", 1);
	assert_int_equal(net_counters()->send_errors, 1);
}

static void
test_request_and_answer(void **state)
{
	uint8_t out[256], in[1024], plain[1024];
	size_t n;
	int fd = tcp_to_us();

	(void)state;
	w.replysize = 100;
	n = block(w.seal, "\000ping", 5, out);
	assert_int_equal(write(fd, out, n), n);
	n = read_all(fd, in, sizeof(in));
	assert_int_equal(w.requests, 1);
	assert_int_equal(n, 5 + 100 + SEAL_OVERHEAD);
	assert_int_equal(in[0], WIRE_ENCRYPT);
	assert_int_equal(
	    seal_open(w.seal, in + 5, n - 5, in, 5, plain, sizeof(plain)), 100);
	close(fd);
}

static void
test_request_byte_by_byte(void **state)
{
	uint8_t out[256], in[64];
	size_t n, i;
	int fd = tcp_to_us();

	(void)state;
	n = block(w.seal, "\000ping", 5, out);
	for (i = 0; i < n; i++) {
		assert_int_equal(write(fd, out + i, 1), 1);
		turn(1);
	}
	until(&w.requests, 1);
	/* Nothing to answer: closed without a byte. */
	assert_int_equal(read_all(fd, in, sizeof(in)), 0);
	close(fd);
}

static unsigned refusals;

static void
count_refusal(enum log_level level, const char *tag, const char *line)
{
	(void)tag;
	assert_int_equal(level, LOG_L_WARN);
	refusals += strstr(line, "refused: ") != NULL;
}

/* Sources are easily made up: of many, few have a line. */
static void
test_few_lines_of_strangers(void **state)
{
	struct ipport from = {.ip = {.len = 4, .b = {192, 0, 2, 0}}, .port = 1};
	const enum log_level was = log_level_get();
	unsigned i;

	(void)state;
	refusals = 0;
	log_sink(count_refusal);
	log_init(LOG_D_SINK, LOG_L_WARN, "test", -1);
	for (i = 0; i < 200000; i++) {
		memcpy(from.ip.b, &i, 3);
		net_refused(&from, "packet", "not sealed with a key of ours");
	}
	log_init(LOG_D_PLAIN, was, "test", -1);
	log_sink(NULL);
	/* So many at once, then one a second. */
	assert_in_range(refusals, 10, 64 + 30);
}

static void
test_strangers_get_no_byte(void **state)
{
	static const uint8_t heads[][5] = {
	    {WIRE_ENCRYPT, 0xff, 0xff, 0xff, 0xff},
	    {WIRE_ENCRYPT, 0, 0, 0, 0},
	    {WIRE_ENCRYPT, 0, 0, 0, SEAL_OVERHEAD},
	    {WIRE_PUSHPULL, 1, 2, 3, 4},
	    {WIRE_LABEL, 3, 'a', 'b', 'c'},
	    {'G', 'E', 'T', ' ', '/'},
	};
	uint8_t out[256], in[64];
	size_t i, n;
	int fd;

	(void)state;
	w.replysize = 10;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		fd = tcp_to_us();
		assert_int_equal(write(fd, heads[i], 5), 5);
		assert_int_equal(read_all(fd, in, sizeof(in)), 0);
		close(fd);
	}
	fd = tcp_to_us();
	n = block(w.stranger, "\000ping", 5, out);
	assert_int_equal(write(fd, out, n), n);
	assert_int_equal(read_all(fd, in, sizeof(in)), 0);
	close(fd);
	/* Another length than the authenticated one. */
	fd = tcp_to_us();
	n = block(w.seal, "\000ping", 5, out);
	out[4]++;
	assert_int_equal(write(fd, out, n), n);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read_all(fd, in, sizeof(in)), 0);
	close(fd);
	assert_int_equal(w.requests, 0);
	assert_int_equal(net_counters()->refused_streams, i + 2);
}

static void
test_budget_before_authentication(void **state)
{
	static uint8_t junk[1 << 20];
	uint8_t head[5] = {WIRE_ENCRYPT, 0, 0x70, 0, 0}; /* 7 MiB declared */
	int fd[3], i, k, round;
	unsigned before = (unsigned)net_counters()->refused_streams;

	(void)state;
	for (i = 0; i < 3; i++) {
		fd[i] = tcp_to_us();
		assert_int_equal(write(fd[i], head, 5), 5);
	}
	/* Three strangers send 6 MiB each: at most 8 MiB are held. */
	for (round = 0; round < 600; round++)
		for (i = 0; i < 3; i++) {
			for (k = 0; k < 4; k++)
				if (write(fd[i], junk, 16384) == -1)
					break;
			event_base_loop(w.base, EVLOOP_NONBLOCK);
		}
	assert_true(net_counters()->refused_streams > before);
	assert_true(net_counters()->refused[NET_CROWD] > 0);
	for (i = 0; i < 3; i++)
		close(fd[i]);
	turn(50);
}

static void
test_stream_out(void **state)
{
	struct ipport to = {0};
	struct sockaddr_storage ss;
	socklen_t slen = sizeof(ss);
	static uint8_t big[100000];

	(void)state;
	getsockname(w.tcp, (struct sockaddr *)&ss, &slen);
	ipport_from_sockaddr((struct sockaddr *)&ss, slen, &to);
	w.replysize = 50000; /* compressed both ways */
	big[0] = WIRE_PUSHPULL;
	net_stream(7, &to, big, sizeof(big));
	until(&w.replies, 1);
	assert_int_equal(w.id, 7);
	assert_int_equal(w.lastlen, 50000 - 1);
	assert_int_equal(w.failures, 0);
}

static void
test_stream_out_without_answer(void **state)
{
	struct ipport to = {0};
	struct sockaddr_storage ss;
	socklen_t slen = sizeof(ss);

	(void)state;
	getsockname(w.tcp, (struct sockaddr *)&ss, &slen);
	ipport_from_sockaddr((struct sockaddr *)&ss, slen, &to);
	net_stream(8, &to, (const uint8_t *)"\006x", 2);
	until(&w.failures, 1);
	assert_int_equal(w.id, 8);
	assert_int_equal(w.replies, 0);
}

static void
test_stream_out_refused(void **state)
{
	struct ipport to = {.port = 1};

	(void)state;
	ipaddr_parse("127.0.0.1", &to.ip);
	net_stream(9, &to, (const uint8_t *)"\006x", 2);
	assert_int_equal(w.failures, 0); /* never from within the call */
	until(&w.failures, 1);
	assert_int_equal(w.id, 9);
	assert_non_null(strstr(w.why, "refused"));
}

/* No attempt is made, so that no kernel has anything to refuse or to log. */
static void
test_stream_out_of_the_sandbox(void **state)
{
	struct ipport to = {.port = 1};
	uint64_t out = net_counters()->streams_out;

	(void)state;
	ipaddr_parse("127.0.0.1", &to.ip);
	w.confined = true;
	net_stream(9, &to, (const uint8_t *)"\006x", 2);
	assert_int_equal(w.failures, 0);
	until(&w.failures, 1);
	assert_int_equal(w.id, 9);
	assert_string_equal(
	    w.why, "refused by the sandbox: name the port in --join");
	assert_int_equal(net_counters()->streams_out, out);
}

/* A peer that closes its half behind the request still gets its answer. */
static void
test_half_closed_peer_is_answered(void **state)
{
	static uint8_t in[7000000];
	uint8_t out[256];
	size_t n;
	int fd = tcp_to_us();

	(void)state;
	w.replysize = 6500000; /* more than sockets hold */
	w.noise = true;
	n = block(w.seal, "\000ping", 5, out);
	assert_int_equal(write(fd, out, n), n);
	shutdown(fd, SHUT_WR);
	turn(50); /* the end is seen before the answer is taken */
	n = read_all(fd, in, sizeof(in));
	assert_int_equal(w.requests, 1);
	assert_true(n > w.replysize);
	assert_int_equal(
	    (size_t)in[1] << 24 | in[2] << 16 | in[3] << 8 | in[4], n - 5);
	close(fd);
}

/* A byte now and then gains no time: it would hold its place for ever. */
static void
test_slow_stranger_is_cut(void **state)
{
	int fd = tcp_to_us(), i;
	uint8_t head[5] = {WIRE_ENCRYPT, 0, 1, 0, 0};
	uint64_t before = net_counters()->refused_streams;

	(void)state;
	assert_int_equal(write(fd, head, 5), 5);
	for (i = 0; i < 300 && net_counters()->refused_streams == before; i++) {
		(void)!write(fd, "x", 1);
		turn(20);
	}
	assert_int_equal(net_counters()->refused_streams, before + 1);
	close(fd);
}

/* A stranger who fills the budget gives way to a member. */
static void
test_budget_leaves_room_for_members(void **state)
{
	static uint8_t junk[16384], big[1000000], out[1000064];
	uint8_t head[5] = {WIRE_ENCRYPT, 0, 0x7f, 0xf0, 0}, in[64];
	int stranger = tcp_to_us(), fd, round;
	size_t n, sent;
	ssize_t r;

	(void)state;
	assert_int_equal(write(stranger, head, 5), 5);
	for (sent = 0, round = 0; round < 5000 && sent < 0x7f0000; round++) {
		if ((r = write(stranger, junk, sizeof(junk))) > 0)
			sent += (size_t)r;
		event_base_loop(w.base, EVLOOP_NONBLOCK);
	}
	turn(50);
	fd = tcp_to_us();
	n = block(w.seal, big, sizeof(big), out);
	for (sent = 0, round = 0; round < 5000 && sent < n; round++) {
		if ((r = write(fd, out + sent, n - sent)) > 0)
			sent += (size_t)r;
		event_base_loop(w.base, EVLOOP_NONBLOCK);
	}
	until(&w.requests, 1);
	assert_int_equal(read_all(fd, in, sizeof(in)), 0);
	close(fd);
	close(stranger);
}

/* Strangers who hold all places do not keep a member out. */
static void
test_full_of_strangers(void **state)
{
	int fds[GATE_STREAMS + 10], fd, i;
	uint8_t out[256], in[1024];
	size_t n;

	(void)state;
	for (i = 0; i < GATE_STREAMS + 10; i++) {
		fds[i] = tcp_from(0x7f010000 + (uint32_t)i);
		event_base_loop(w.base, EVLOOP_NONBLOCK);
	}
	turn(20);
	w.replysize = 100;
	fd = tcp_to_us();
	n = block(w.seal, "\000ping", 5, out);
	assert_int_equal(write(fd, out, n), n);
	n = read_all(fd, in, sizeof(in));
	assert_int_equal(n, 5 + 100 + SEAL_OVERHEAD);
	close(fd);
	for (i = 0; i < GATE_STREAMS + 10; i++)
		close(fds[i]);
	turn(20);
}

static int
setup_any4(void **state)
{
	w.any = 4;
	return setup(state);
}

static int
setup_any6(void **state)
{
	w.any = 6;
	return setup(state);
}

/* Of ours, on that address. */
static struct ipport
ours(int fd, const char *addr)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct ipport at;

	getsockname(fd, (struct sockaddr *)&ss, &len);
	ipport_from_sockaddr((struct sockaddr *)&ss, len, &at);
	ipaddr_parse(addr, &at.ip);
	return at;
}

/* Ask there; whence the answer came, "" for none. */
static const char *
answer_from(const char *addr, bool expected)
{
	static char buf[IPADDR_STRLEN];
	struct ipport to = ours(w.udp, addr), from;
	struct sockaddr_storage ss;
	socklen_t len = ipport_to_sockaddr(&to, &ss);
	int i, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	uint8_t out[256];
	ssize_t n, r = -1;

	n = seal_close(w.seal, "hello", 5, NULL, 0, out, sizeof(out));
	assert_int_equal(
	    sendto(fd, out, (size_t)n, 0, (struct sockaddr *)&ss, len), n);
	for (i = 0; i < (expected ? WAIT_MS : 100) && r == -1; i++) {
		turn(1);
		len = sizeof(ss);
		r = recvfrom(
		    fd, out, sizeof(out), 0, (struct sockaddr *)&ss, &len);
	}
	close(fd);
	if (r == -1)
		return "";
	ipport_from_sockaddr((struct sockaddr *)&ss, len, &from);
	return ipaddr_str(&from.ip, buf);
}

/* Is a stream that sends nothing closed at once? */
static bool
is_closed(const char *addr, bool expected)
{
	struct ipport to = ours(w.tcp, addr);
	struct sockaddr_storage ss;
	socklen_t len = ipport_to_sockaddr(&to, &ss);
	int i, fd = socket(AF_INET, SOCK_STREAM, 0);
	ssize_t r = -1;
	char c;

	assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (i = 0; i < (expected ? WAIT_MS : 100) && r == -1; i++) {
		turn(1);
		r = read(fd, &c, 1);
		if (r == -1 && errno == ECONNRESET)
			r = 0;
	}
	close(fd);
	return r == 0;
}

/* Both kinds of sockets that wesher-priv makes, asked by IPv4. */
static void
test_taken_is_what_was_announced(void **state)
{
	struct accept a = {.ready = true, .n = 2};
	uint64_t strays = net_counters()->refused[NET_STRAY];

	(void)state;
	w.echo = true;
	assert_string_equal(answer_from("127.0.0.3", true), "127.0.0.3");
	ipaddr_parse("127.0.0.2", &a.addr[0]);
	ipaddr_parse("127.0.0.4", &a.addr[1]);
	net_accept(&a);
	assert_string_equal(answer_from("127.0.0.2", true), "127.0.0.2");
	assert_string_equal(answer_from("127.0.0.4", true), "127.0.0.4");
	assert_string_equal(answer_from("127.0.0.3", false), "");
	assert_int_equal(net_counters()->refused[NET_STRAY], ++strays);
	assert_false(is_closed("127.0.0.2", false));
	assert_true(is_closed("127.0.0.3", true));
	assert_int_equal(net_counters()->refused[NET_STRAY], ++strays);
	/* By an interface that is our own. */
	a.ifindex = 1; /* lo */
	net_accept(&a);
	assert_string_equal(answer_from("127.0.0.2", false), "");
	assert_true(is_closed("127.0.0.2", true));
	assert_int_equal(net_counters()->refused[NET_STRAY], strays + 2);
	memset(&a, 0, sizeof(a));
	net_accept(&a);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static unsigned brief = 500; /* ms */
	const struct CMUnitTest tests[] = {
	    T(test_packet),
	    T(test_packets_of_strangers),
	    T(test_send),
	    T(test_request_and_answer),
	    T(test_request_byte_by_byte),
	    T(test_few_lines_of_strangers),
	    T(test_strangers_get_no_byte),
	    T(test_budget_before_authentication),
	    T(test_stream_out),
	    T(test_stream_out_without_answer),
	    T(test_stream_out_refused),
	    T(test_stream_out_of_the_sandbox),
	    T(test_half_closed_peer_is_answered),
	    T(test_full_of_strangers),
	    cmocka_unit_test_setup_teardown(
		test_taken_is_what_was_announced, setup_any4, teardown),
	    cmocka_unit_test_setup_teardown(
		test_taken_is_what_was_announced, setup_any6, teardown),
	    cmocka_unit_test_prestate_setup_teardown(
		test_slow_stranger_is_cut, setup, teardown, &brief),
	    T(test_budget_leaves_room_for_members),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
