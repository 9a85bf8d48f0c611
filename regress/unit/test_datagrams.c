/*
 * Many packets at once, both ways: none is lost, cut, or takes the place of
 * another. A single one see test_net.c.
 */
#include "netrig.h"

static struct ipport
own_port(void)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct ipport at = {0};

	getsockname(w.udp, (struct sockaddr *)&ss, &len);
	ipport_from_sockaddr((struct sockaddr *)&ss, len, &at);
	return at;
}

/* What leaves together leaves in order, whatever becomes of some of it. */
static void
test_send_many(void **state)
{
	const struct net_counters *c = net_counters();
	struct ipport to = own_port(), bad = to;
	uint64_t sent = c->tx_packets, errors = c->send_errors;
	uint8_t i;

	(void)state;
	bad.port = 0; /* EINVAL */
	for (i = 0; i < 50; i++)
		net_send(i % 7 == 3 ? &bad : &to, &i, 1);
	until(&w.packets, 43);
	assert_int_equal(w.last[0], 49);
	assert_int_equal(c->tx_packets - sent, 43);
	assert_int_equal(c->send_errors - errors, 7);
	/* The last of a row; the only one. */
	net_send(&to, &i, 1);
	net_send(&bad, &i, 1);
	until(&w.packets, 44);
	net_send(&bad, &i, 1);
	turn(2);
	assert_int_equal(c->send_errors - errors, 9);
}

/* What waits when the process ends still leaves: a farewell, for one. */
static void
test_send_and_stop(void **state)
{
	struct ipport to;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	uint8_t in[256];

	(void)state;
	ipport_to_sockaddr(&w.at, &ss);
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&ss, sizeof(struct sockaddr_in)), 0);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	ipport_from_sockaddr((struct sockaddr *)&ss, len, &to);
	net_send(&to, (const uint8_t *)"bye", 3);
	assert_int_equal(recv(fd, in, sizeof(in), 0), -1);
	net_stop();
	assert_int_equal(recv(fd, in, sizeof(in), 0), 3 + SEAL_OVERHEAD);
	close(fd);
}

/* The longest packets that there are, among others. */
static void
test_packets_of_any_length(void **state)
{
	static const size_t len[] = {65507, 1, 65507, 1400, 9000, 0, 4096};
	static uint8_t big[65507], out[65507];
	unsigned i, k, got = 0;

	(void)state;
	randombytes_buf(big, sizeof(big));
	for (k = 0; k < 20; k++)
		for (i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
			size_t n = len[i] < SEAL_OVERHEAD
				       ? len[i]
				       : len[i] - SEAL_OVERHEAD;

			udp_to_us(out, (size_t)seal_close(w.seal, big, n, NULL,
					   0, out, sizeof(out)));
			/* Two and more wait, as far as the buffer goes. */
			if (i % 2 == 1)
				continue;
			got += i == 0 ? 1 : 2;
			until(&w.packets, got);
			assert_int_equal(w.lastlen, n);
			assert_memory_equal(w.last, big, n);
		}
}

/* Answers to packets that came together: each to its asker. */
static void
test_answers_do_not_mix(void **state)
{
	enum { ASKERS = 40 };
	struct ipport to = own_port();
	struct sockaddr_storage ss;
	socklen_t len = ipport_to_sockaddr(&to, &ss);
	uint8_t out[64], in[64], plain[64];
	int fd[ASKERS];
	uint8_t i;

	(void)state;
	w.echo = true;
	for (i = 0; i < ASKERS; i++) {
		fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		seal_close(w.seal, &i, 1, NULL, 0, out, sizeof(out));
		assert_int_equal(sendto(fd[i], out, 1 + SEAL_OVERHEAD, 0,
				     (struct sockaddr *)&ss, len),
		    1 + SEAL_OVERHEAD);
	}
	until(&w.packets, ASKERS);
	for (i = 0; i < ASKERS; i++) {
		assert_int_equal(
		    recv(fd[i], in, sizeof(in), 0), 1 + SEAL_OVERHEAD);
		assert_int_equal(seal_open(w.seal, in, 1 + SEAL_OVERHEAD, NULL,
				     0, plain, sizeof(plain)),
		    1);
		assert_int_equal(plain[0], i);
		close(fd[i]);
	}
}

/* While a mesh changes its key, members have two. */
static void
test_either_key(void **state)
{
	static const uint8_t keys[2][CLUSTER_KEY_LEN] = {{2}, {1}};
	struct seal *both = seal_new(keys, 2), *with[] = {w.seal, w.stranger};
	struct net_config nc = {.base = w.base,
	    .udp = w.udp,
	    .tcp = w.tcp,
	    .seal = both,
	    .handler.packet = on_packet};
	uint8_t out[200], plain[100] = "text";
	unsigned i;

	(void)state;
	net_stop();
	assert_int_equal(net_start(&nc), 0);
	for (i = 0; i < 20; i++) {
		seal_close(with[i % 2], plain, sizeof(plain), NULL, 0, out,
		    sizeof(out));
		udp_to_us(out, sizeof(plain) + SEAL_OVERHEAD);
	}
	until(&w.packets, 20);
	assert_memory_equal(w.last, plain, sizeof(plain));
	net_stop();
	seal_free(both);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_send_many),
	    T(test_send_and_stop),
	    T(test_packets_of_any_length),
	    T(test_answers_do_not_mix),
	    T(test_either_key),
	};

	return cmocka_run_group_tests_name("datagrams", tests, NULL, NULL);
}
