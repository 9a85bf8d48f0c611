/*
 * The boundary's records: sizes, conversions, and one record at a time over a
 * SOCK_SEQPACKET socket whose other end is hostile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../common/privmsg.h"
#include "../../common/seqpacket.h"

static void
test_types(void **state)
{
	static const struct {
		unsigned type;
		const char *name;
		size_t size;
	} t[] = {
	    {PRIV_READY, "READY", 8},
	    {PRIV_SELF, "SELF", 12},
	    {PRIV_PEER_SET, "PEER_SET", sizeof(struct priv_peer_set)},
	    {PRIV_PEER_DEL, "PEER_DEL", 40},
	    {PRIV_SYNC, "SYNC", 8},
	    {PRIV_ALIVE, "ALIVE", 20},
	    {PRIV_STATS, "STATS", 8},
	    {PRIV_HELLO, "HELLO", sizeof(struct priv_hello)},
	    {PRIV_NET, "NET", sizeof(struct priv_net)},
	    {PRIV_RESULT, "RESULT", sizeof(struct priv_result)},
	    {PRIV_STAT, "STAT", sizeof(struct priv_stat)},
	    {PRIV_LEAVE, "LEAVE", 8},
	    {PRIV_STOP, "STOP", 8},
	};
	size_t i, known = 0;
	unsigned type;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_string_equal(priv_type_name(t[i].type), t[i].name);
		assert_int_equal(priv_type_size(t[i].type), t[i].size);
		assert_true(t[i].size <= sizeof(union priv_msg));
	}
	for (type = 0; type < 65536; type++) {
		if (priv_type_size(type) == 0)
			assert_string_equal(priv_type_name(type), "?");
		else
			known++;
	}
	assert_int_equal(known, sizeof(t) / sizeof(t[0]));
	assert_int_equal(priv_type_size(65536 + PRIV_READY), 0);
}

/* Every field lies where its neighbours end: no byte escapes a check. */
static void
test_layout(void **state)
{
	(void)state;
	assert_int_equal(offsetof(struct priv_peer_set, name), 12);
	assert_int_equal(offsetof(struct priv_peer_set, addr), 268);
	assert_int_equal(offsetof(struct priv_peer_set, key), 288);
	assert_int_equal(offsetof(struct priv_peer_set, endpoint), 352);
	assert_int_equal(offsetof(struct priv_hello, key), 24);
	assert_int_equal(offsetof(struct priv_hello, name), 60);
	assert_int_equal(offsetof(struct priv_stat, flags), 84);
	assert_int_equal(offsetof(struct priv_stat, handshake), 88);
	assert_int_equal(sizeof(struct priv_stat), 112);
}

static void
test_ip(void **state)
{
	static const char *const all[] = {"10.1.2.3", "2001:db8::1"};
	struct ipaddr in = {0}, out;
	struct priv_ip w, bad;
	size_t i, j;

	(void)state;
	memset(&w, 0xaa, sizeof(w));
	priv_ip_to(&w, &in);
	assert_true(check_is_zero(&w, sizeof(w)));
	assert_true(priv_ip_from(&out, &w));
	assert_int_equal(out.len, 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(ipaddr_parse(all[i], &in), 0);
		memset(&w, 0xaa, sizeof(w));
		priv_ip_to(&w, &in);
		memset(&out, 0xaa, sizeof(out));
		assert_true(priv_ip_from(&out, &w));
		assert_memory_equal(&out, &in, sizeof(in));
		for (j = 0; j < sizeof(w.pad); j++) {
			bad = w;
			bad.pad[j] = 1;
			assert_false(priv_ip_from(&out, &bad));
		}
		for (j = in.len; j < sizeof(w.b); j++) {
			bad = w;
			bad.b[j] = 0x80;
			assert_false(priv_ip_from(&out, &bad));
		}
	}
	for (i = 0; i < 256; i++) {
		memset(&bad, 0, sizeof(bad));
		bad.len = (uint8_t)i;
		assert_int_equal(
		    priv_ip_from(&out, &bad), i == 0 || i == 4 || i == 16);
	}
	/* IPv4 in the form of IPv6. */
	memset(&bad, 0, sizeof(bad));
	bad.len = 16;
	bad.b[10] = bad.b[11] = 0xff;
	bad.b[12] = 127;
	assert_false(priv_ip_from(&out, &bad));
	/* No address, yet bytes. */
	memset(&bad, 0, sizeof(bad));
	bad.b[0] = 1;
	assert_false(priv_ip_from(&out, &bad));
}

static void
test_ep(void **state)
{
	struct ipport in = {.port = 51820}, out;
	struct priv_ep w;

	(void)state;
	assert_int_equal(ipaddr_parse("192.0.2.1", &in.ip), 0);
	memset(&w, 0xaa, sizeof(w));
	priv_ep_to(&w, &in);
	assert_true(priv_ep_from(&out, &w));
	assert_int_equal(ipport_cmp(&in, &out), 0);
	w.pad = 1;
	assert_false(priv_ep_from(&out, &w));
	w.pad = 0;
	w.ip.pad[1] = 1;
	assert_false(priv_ep_from(&out, &w));
}

static int
pair(void **state)
{
	static int sv[2];

	if (seqpacket_pair(sv) == -1)
		return -1;
	*state = sv;
	return 0;
}

static int
unpair(void **state)
{
	int *sv = *state;

	close(sv[0]);
	if (sv[1] != -1)
		close(sv[1]);
	return 0;
}

static void
test_records(void **state)
{
	int *sv = *state;
	char buf[64];

	assert_int_equal(fcntl(sv[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(sv[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	errno = 0;
	assert_int_equal(seqpacket_recv(sv[0], buf, sizeof(buf)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(seqpacket_send(sv[1], "one", 3), 0);
	assert_int_equal(seqpacket_send(sv[1], "second", 6), 0);
	assert_int_equal(seqpacket_recv(sv[0], buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "one", 3);
	assert_int_equal(seqpacket_recv(sv[0], buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "second", 6);
}

/* Its real length is told, and nothing is written beyond cap. */
static void
test_oversize(void **state)
{
	int *sv = *state;
	char big[1000], buf[17];

	memset(big, 'b', sizeof(big));
	memset(buf, 'Z', sizeof(buf));
	assert_int_equal(seqpacket_send(sv[1], big, sizeof(big)), 0);
	assert_int_equal(seqpacket_send(sv[1], "next", 4), 0);
	assert_int_equal(seqpacket_recv(sv[0], buf, 16), sizeof(big));
	assert_int_equal(buf[15], 'b');
	assert_int_equal(buf[16], 'Z');
	/* The rest of it is gone, not the next record. */
	assert_int_equal(seqpacket_recv(sv[0], buf, 16), 4);
	assert_memory_equal(buf, "next", 4);
}

static void
test_empty(void **state)
{
	int *sv = *state;
	char buf[16];

	assert_int_equal(seqpacket_send(sv[1], "", 0), 0);
	assert_int_equal(seqpacket_recv(sv[0], buf, sizeof(buf)), 0);
	close(sv[1]);
	sv[1] = -1;
	assert_int_equal(seqpacket_recv(sv[0], buf, sizeof(buf)), 0);
}

static void
send_with_fd(int fd, const void *data, size_t len, int passed)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u;
	char copy[16];
	struct iovec iov = {.iov_base = copy, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = u.buf,
	    .msg_controllen = sizeof(u.buf)};
	struct cmsghdr *c;

	memcpy(copy, data, len);
	memset(&u, 0, sizeof(u));
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &passed, sizeof(int));
	assert_int_equal(sendmsg(fd, &msg, 0), (ssize_t)len);
}

static int
count_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* A descriptor is refused, and none is left open. */
static void
test_descriptor(void **state)
{
	int *sv = *state, before = count_fds();
	char buf[16];

	send_with_fd(sv[1], "data", 4, STDERR_FILENO);
	send_with_fd(sv[1], "", 0, STDERR_FILENO);
	assert_int_equal(seqpacket_send(sv[1], "next", 4), 0);
	errno = 0;
	assert_int_equal(seqpacket_recv(sv[0], buf, sizeof(buf)), -1);
	assert_int_equal(errno, EBADMSG);
	errno = 0;
	assert_int_equal(seqpacket_recv(sv[0], buf, sizeof(buf)), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(seqpacket_recv(sv[0], buf, sizeof(buf)), 4);
	assert_int_equal(count_fds(), before);
}

/* A reader that sleeps gives EAGAIN, one that died EPIPE and no signal. */
static void
test_full(void **state)
{
	int *sv = *state, i, ret = 0;
	char buf[1024] = {0};

	for (i = 0; i < 1000000 && ret == 0; i++)
		ret = seqpacket_send(sv[0], buf, sizeof(buf));
	assert_int_equal(ret, -1);
	assert_int_equal(errno, EAGAIN);
	close(sv[1]);
	sv[1] = -1;
	assert_int_equal(seqpacket_send(sv[0], buf, 1), -1);
	assert_true(errno == EPIPE || errno == ECONNRESET);
}

static void
test_reasons(void **state)
{
	(void)state;
	assert_string_equal(
	    priv_reason(EADDRINUSE), "another key holds the address");
	assert_string_equal(priv_reason(ENODEV), strerror(ENODEV));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reasons),
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_layout),
	    cmocka_unit_test(test_ip),
	    cmocka_unit_test(test_ep),
	    cmocka_unit_test_setup_teardown(test_records, pair, unpair),
	    cmocka_unit_test_setup_teardown(test_oversize, pair, unpair),
	    cmocka_unit_test_setup_teardown(test_empty, pair, unpair),
	    cmocka_unit_test_setup_teardown(test_descriptor, pair, unpair),
	    cmocka_unit_test_setup_teardown(test_full, pair, unpair),
	};

	return cmocka_run_group_tests_name("privmsg", tests, NULL, NULL);
}
