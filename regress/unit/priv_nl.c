/*
 * nl.c against a scripted kernel: this program's own recvmsg, sendto and poll
 * come before libc's. Without a script they are the real ones.
 */
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "../../kernel/nl.h"

struct step {
	int error; /* recvmsg fails with it */
	uint16_t type, flags;
	int code; /* of NLMSG_ERROR and NLMSG_DONE */
	int seq; /* relative to the first request of the last write */
	bool other_port; /* meant for somebody else */
	unsigned from; /* sender: 0 is the kernel */
	bool more; /* the next step is in the same datagram */
};

static const struct step *script;
static size_t steps, at;
static unsigned sends;
static uint32_t sent_seq;
static struct nl nl;

ssize_t
sendto(int fd, const void *buf, size_t len, int flags,
    const struct sockaddr *to, socklen_t tolen)
{
	struct nlmsghdr h;

	if (script == NULL)
		return syscall(SYS_sendto, fd, buf, len, flags, to, tolen);
	memcpy(&h, buf, sizeof(h));
	sent_seq = h.nlmsg_seq;
	sends++;
	return (ssize_t)len;
}

/* Not every machine has the call poll(2). */
static int
really_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	const struct timespec t = {timeout / 1000, timeout % 1000 * 1000000L};

	return ppoll(fds, n, timeout < 0 ? NULL : &t, NULL);
}

int
poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (script == NULL)
		return really_poll(fds, n, timeout);
	assert_int_equal(timeout, 5000);
	return 0;
}

ssize_t
recvmsg(int fd, struct msghdr *m, int flags)
{
	struct sockaddr_nl from = {.nl_family = AF_NETLINK};
	const struct step *s;
	size_t len = 0;

	if (script == NULL)
		return syscall(SYS_recvmsg, fd, m, flags);
	do {
		if (at == steps) {
			errno = EAGAIN;
			return -1;
		}
		s = &script[at++];
		if (s->error != 0) {
			errno = s->error;
			return -1;
		}
		struct nlmsghdr h = {.nlmsg_len = NLMSG_LENGTH(sizeof(int)),
		    .nlmsg_type = s->type,
		    .nlmsg_flags = s->flags,
		    .nlmsg_seq = sent_seq + (uint32_t)s->seq,
		    .nlmsg_pid = nl.portid + s->other_port};
		uint8_t *p = (uint8_t *)m->msg_iov[0].iov_base + len;

		memcpy(p, &h, sizeof(h));
		memcpy(p + sizeof(h), &s->code, sizeof(int));
		len += h.nlmsg_len;
		from.nl_pid = s->from;
	} while (s->more);
	memcpy(m->msg_name, &from, sizeof(from));
	return (ssize_t)len;
}

#define RUN(s) run(s, sizeof(s) / sizeof((s)[0]))

static void
run(const struct step *s, size_t n)
{
	script = s;
	steps = n;
	at = 0;
	sends = 0;
}

static int
setup(void **state)
{
	(void)state;
	script = NULL;
	return nl_open(&nl, NETLINK_ROUTE);
}

static int
teardown(void **state)
{
	(void)state;
	script = NULL;
	nl_close(&nl);
	return 0;
}

static int
ack(void)
{
	return nl_ack(&nl, nl_request(&nl, RTM_NEWLINK, 0));
}

static void
test_ack(void **state)
{
	static const struct step ok[] = {{.type = NLMSG_ERROR}};
	static const struct step no[] = {{.type = NLMSG_ERROR, .code = -EPERM}};

	(void)state;
	RUN(ok);
	assert_int_equal(ack(), 0);
	RUN(no);
	assert_int_equal(ack(), -EPERM);
	assert_int_equal(sends, 1);
}

/* Of a long request and its short answer nothing is left. */
static void
test_wipe(void **state)
{
	static const struct step s[] = {{.type = NLMSG_ERROR}};
	struct nlmsghdr *nlh;

	(void)state;
	RUN(s);
	nlh = nl_request(&nl, RTM_NEWLINK, 0);
	memset(mnl_nlmsg_put_extra_header(nlh, 9000), 0x5a, 9000);
	assert_int_equal(nl_ack(&nl, nlh), 0);
	assert_false(sodium_is_zero(nl.buf, nl.bufsize));
	nl_wipe(&nl);
	assert_true(sodium_is_zero(nl.buf, nl.bufsize));
}

static void
test_strangers(void **state)
{
	static const struct step s[] = {
	    {.type = NLMSG_ERROR, .code = -EPERM, .from = 4711},
	    {.type = NLMSG_ERROR, .code = -EIO, .seq = -1},
	    {.type = NLMSG_ERROR, .code = -EIO, .seq = 1},
	    {.type = NLMSG_ERROR, .code = -EACCES, .other_port = true},
	    {.type = NLMSG_ERROR, .code = -EEXIST}};

	(void)state;
	RUN(s);
	assert_int_equal(ack(), -EEXIST);
}

static void
test_timeout(void **state)
{
	static const struct step s[] = {
	    {.error = EINTR}, {.type = NLMSG_ERROR, .code = 0, .seq = 7}};

	(void)state;
	RUN(s);
	assert_int_equal(ack(), -ETIMEDOUT);
	assert_int_equal(at, 2);
}

static int
count_cb(const struct nlmsghdr *nlh, void *arg)
{
	assert_int_equal(nlh->nlmsg_type, RTM_NEWROUTE);
	++*(int *)arg;
	return MNL_CB_OK;
}

static int
fail_cb(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	++*(int *)arg;
	errno = ENOMEM;
	return MNL_CB_ERROR;
}

static void
zero(void *arg)
{
	*(int *)arg = 0;
}

static int
dump(mnl_cb_t cb, int *count)
{
	*count = 0;
	return nl_dump(
	    &nl, nl_request(&nl, RTM_GETROUTE, NLM_F_DUMP), cb, zero, count);
}

static void
test_dump(void **state)
{
	static const struct step s[] = {{.type = RTM_NEWROUTE, .more = true},
	    {.type = RTM_NEWROUTE, .more = true},
	    {.type = RTM_NEWROUTE, .seq = 1}, {.type = RTM_NEWROUTE},
	    {.type = NLMSG_DONE}};
	static const struct step failed[] = {
	    {.type = RTM_NEWROUTE}, {.type = NLMSG_DONE, .code = -ENODEV}};
	int n;

	(void)state;
	RUN(s);
	assert_int_equal(dump(count_cb, &n), 0);
	assert_int_equal(n, 3);
	RUN(failed);
	assert_int_equal(dump(count_cb, &n), -ENODEV);
}

static void
test_dump_interrupted(void **state)
{
	static const struct step s[] = {{.type = RTM_NEWROUTE},
	    {.type = RTM_NEWROUTE, .flags = NLM_F_DUMP_INTR},
	    {.type = NLMSG_DONE}, {.type = RTM_NEWROUTE}, {.error = ENOBUFS},
	    {.type = RTM_NEWROUTE}, {.type = NLMSG_DONE}};
	int n;

	(void)state;
	RUN(s);
	assert_int_equal(dump(count_cb, &n), 0);
	assert_int_equal(n, 1); /* counted anew */
	assert_int_equal(sends, 3);
	assert_int_equal(at, steps);
}

static void
test_dump_never_quiet(void **state)
{
	static struct step s[40];
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < 40; i++)
		s[i] = (struct step){
		    .type = NLMSG_DONE, .flags = NLM_F_DUMP_INTR};
	RUN(s);
	assert_int_equal(dump(count_cb, &n), -EINTR);
	assert_int_equal(sends, 10);
}

static void
test_dump_cb_error(void **state)
{
	static const struct step s[] = {{.type = RTM_NEWROUTE},
	    {.type = RTM_NEWROUTE}, {.type = NLMSG_DONE}};
	int n;

	(void)state;
	RUN(s);
	assert_int_equal(dump(fail_cb, &n), -ENOMEM);
	assert_int_equal(n, 1);
	assert_int_equal(at, 3); /* read to its end */
}

static int
batch(int err[4])
{
	struct nlmsghdr *nlh;
	size_t len = 0, i;

	for (i = 0; i < 4; i++) {
		nlh = nl_request_at(&nl, len, RTM_NEWROUTE, NLM_F_ACK);
		len += MNL_ALIGN(nlh->nlmsg_len);
	}
	return nl_batch(&nl, len, 4, err);
}

static void
test_batch(void **state)
{
	static const struct step s[] = {{.type = NLMSG_ERROR, .seq = 0},
	    {.type = NLMSG_ERROR, .seq = 2, .code = -EEXIST, .more = true},
	    {.type = NLMSG_ERROR, .seq = 1, .code = -EINVAL},
	    {.type = NLMSG_ERROR, .seq = 4, .code = -EIO},
	    {.type = NLMSG_ERROR, .seq = 3}};
	static const struct step lost[] = {{.type = NLMSG_ERROR, .seq = 1},
	    {.type = NLMSG_ERROR, .seq = 2, .code = -EPERM},
	    {.error = ENOBUFS}};
	int err[4];

	(void)state;
	RUN(s);
	assert_int_equal(batch(err), 0);
	assert_int_equal(err[0], 0);
	assert_int_equal(err[1], -EINVAL);
	assert_int_equal(err[2], -EEXIST);
	assert_int_equal(err[3], 0);
	RUN(lost);
	assert_int_equal(batch(err), -ENOBUFS);
	assert_int_equal(err[0], -ENOBUFS);
	assert_int_equal(err[1], 0);
	assert_int_equal(err[2], -EPERM);
	assert_int_equal(err[3], -ENOBUFS);
	assert_int_equal(sends, 1);
}

static int
lo_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	*(int *)arg += ifi->ifi_index == 1;
	return MNL_CB_OK;
}

/* The real kernel; what was left over before must not disturb. */
static void
test_real(void **state)
{
	struct nlmsghdr *nlh;
	int n = 0, i;

	(void)state;
	for (i = 0; i < 2; i++) {
		nlh = nl_request(&nl, RTM_GETLINK, NLM_F_DUMP);
		mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
		assert_true(
		    mnl_socket_sendto(nl.sock, nlh, nlh->nlmsg_len) > 0);
	}
	nlh = nl_request(&nl, RTM_GETLINK, NLM_F_DUMP);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	assert_int_equal(nl_dump(&nl, nlh, lo_cb, zero, &n), 0);
	assert_int_equal(n, 1);
	nlh = nl_request(&nl, RTM_DELLINK, 0);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "nosuchlink");
	assert_true(nl_ack(&nl, nlh) < 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {T(test_ack), T(test_wipe),
	    T(test_strangers), T(test_timeout), T(test_dump),
	    T(test_dump_interrupted), T(test_dump_never_quiet),
	    T(test_dump_cb_error), T(test_batch), T(test_real)};

	return cmocka_run_group_tests_name("priv_nl", tests, NULL, NULL);
}
