/*
 * Netlink conversations of wesher-priv: requests, their answers, and an end
 * that always comes. As root under seccomp: sockets and buffer are made once.
 *
 * The kernel is believed, nobody else is: datagrams whose sender is not port 0
 * and answers to another sequence number or port are thrown away. Left-overs
 * of a conversation that was given up are read away before the next request,
 * which also ends a dump that is still open on the socket; the kernel would
 * refuse the next one with EBUSY.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <linux/netlink.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "nl.h"

#define NL_TIMEOUT 5000 /* ms */
#define NL_BUFSIZE (64 * 1024)
#define NL_RCVBUF  (1024 * 1024)
#define NL_TRIES   10
#define NL_REQUEST 256
#define NL_DRAIN   4096 /* datagrams */

int
nl_open(struct nl *nl, int bus)
{
	static const int comforts[] = {NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK};
	int on = 1, size = NL_RCVBUF, saved;
	size_t i;

	memset(nl, 0, sizeof(*nl));
	nl->bufsize = NL_BUFSIZE;
	nl->buf = mmap(NULL, NL_BUFSIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (nl->buf == MAP_FAILED) {
		nl->buf = NULL;
		return -1;
	}
	/*
	 * Best effort: the WireGuard private key passes through it. Only what
	 * is used takes memory, which seldom is more than a page.
	 */
	(void)mlock2(nl->buf, NL_BUFSIZE, MLOCK_ONFAULT);
	(void)madvise(nl->buf, NL_BUFSIZE, MADV_DONTDUMP);
	if ((nl->sock = mnl_socket_open2(bus, SOCK_CLOEXEC)) == NULL ||
	    mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) == -1) {
		saved = errno;
		nl_close(nl);
		errno = saved;
		return -1;
	}
	nl->portid = mnl_socket_get_portid(nl->sock);
	for (i = 0; i < sizeof(comforts) / sizeof(comforts[0]); i++)
		(void)mnl_socket_setsockopt(
		    nl->sock, comforts[i], &on, sizeof(on));
	(void)setsockopt(
	    nl_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return 0;
}

void
nl_close(struct nl *nl)
{
	if (nl->sock != NULL)
		mnl_socket_close(nl->sock);
	if (nl->buf != NULL) {
		nl_wipe(nl);
		(void)munmap(nl->buf, nl->bufsize);
	}
	memset(nl, 0, sizeof(*nl));
}

void
nl_wipe(struct nl *nl)
{
	sodium_memzero(nl->buf, nl->used);
	nl->used = 0;
}

static void
note_used(struct nl *nl, size_t len)
{
	if (len > nl->used)
		nl->used = len < nl->bufsize ? len : nl->bufsize;
}

int
nl_fd(const struct nl *nl)
{
	return mnl_socket_get_fd(nl->sock);
}

struct nlmsghdr *
nl_request_at(struct nl *nl, size_t off, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(nl->buf + off);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags | NLM_F_REQUEST;
	nlh->nlmsg_seq = ++nl->seq;
	return nlh;
}

struct nlmsghdr *
nl_request(struct nl *nl, uint16_t type, uint16_t flags)
{
	return nl_request_at(nl, 0, type, flags);
}

ssize_t
nl_receive(struct nl *nl, int timeout)
{
	struct pollfd pfd = {.fd = nl_fd(nl), .events = POLLIN};
	struct iovec iov = {.iov_base = nl->buf, .iov_len = nl->bufsize};
	struct sockaddr_nl from;
	struct msghdr msg;
	ssize_t len;

	for (;;) {
		memset(&msg, 0, sizeof(msg));
		msg.msg_name = &from;
		msg.msg_namelen = sizeof(from);
		msg.msg_iov = &iov;
		msg.msg_iovlen = 1;
		len = recvmsg(pfd.fd, &msg, MSG_DONTWAIT);
		if (len > 0)
			note_used(nl, (size_t)len);
		if (len != -1 && from.nl_pid == 0)
			return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : len;
		if (len != -1 || errno == EINTR)
			continue;
		if (errno != EAGAIN || poll(&pfd, 1, timeout) == 0)
			return -errno;
	}
}

/* The ends of n requests from sequence number first on. */
struct waiting {
	uint32_t first;
	size_t n, left;
	int *err; /* 1: not answered yet */
	mnl_cb_t cb;
	void *arg;
	int cberr;
	bool interrupted;
};

static void
answer(struct waiting *w, const struct nlmsghdr *nlh)
{
	int *err = &w->err[nlh->nlmsg_seq - w->first];

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		w->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
		if (*err == 1)
			w->left--;
		*err = 0;
		/* Both begin with the code, DONE not in old kernels. */
		if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(*err))
			memcpy(err, mnl_nlmsg_get_payload(nlh), sizeof(*err));
	} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && w->cb != NULL &&
		   w->cberr == 0 && w->cb(nlh, w->arg) < 0) {
		w->cberr = -errno;
	}
}

static int
await(struct nl *nl, struct waiting *w)
{
	const struct nlmsghdr *nlh;
	ssize_t n;
	int len;

	while (w->left > 0) {
		if ((n = nl_receive(nl, NL_TIMEOUT)) < 0)
			return n == -EAGAIN ? -ETIMEDOUT : (int)n;
		nlh = (const struct nlmsghdr *)(const void *)nl->buf;
		len = (int)n;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			if (nlh->nlmsg_pid == nl->portid &&
			    nlh->nlmsg_seq - w->first < w->n)
				answer(w, nlh);
	}
	return 0;
}

/* Send and wait; what stays unanswered gets the -errno that is returned. */
static int
exchange(struct nl *nl, const void *buf, size_t len, struct waiting *w)
{
	const struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	uint8_t scrap[64];
	size_t i;
	int r;

	for (i = 0; i < NL_DRAIN; i++)
		if (recv(nl_fd(nl), scrap, sizeof(scrap), MSG_DONTWAIT) == -1 &&
		    errno == EAGAIN)
			break;
	note_used(nl, len); /* a dump's request came from there, too */
	for (i = 0; i < w->n; i++)
		w->err[i] = 1;
	w->left = w->n;
	if (sendto(nl_fd(nl), buf, len, 0, (const struct sockaddr *)&to,
		sizeof(to)) == -1)
		r = -errno;
	else
		r = await(nl, w);
	for (i = 0; i < w->n; i++)
		if (w->err[i] == 1)
			w->err[i] = r;
	return r;
}

int
nl_batch(struct nl *nl, size_t len, size_t n, int *err)
{
	struct waiting w = {
	    .first = nl->seq - (uint32_t)n + 1, .n = n, .err = err};

	return exchange(nl, nl->buf, len, &w);
}

int
nl_ack(struct nl *nl, struct nlmsghdr *nlh)
{
	int err;
	struct waiting w = {.first = nlh->nlmsg_seq, .n = 1, .err = &err};

	nlh->nlmsg_flags |= NLM_F_ACK;
	(void)exchange(nl, nlh, nlh->nlmsg_len, &w);
	return err;
}

int
nl_dump(struct nl *nl, struct nlmsghdr *nlh, mnl_cb_t cb,
    void (*restart)(void *arg), void *arg)
{
	union {
		struct nlmsghdr h;
		uint8_t b[NL_REQUEST];
	} req;
	int try, r = 0;

	if (nlh->nlmsg_len > sizeof(req))
		return -EMSGSIZE;
	memcpy(&req, nlh, nlh->nlmsg_len); /* the answers overwrite it */
	for (try = 0; try < NL_TRIES; try++) {
		struct waiting w = {.first = req.h.nlmsg_seq,
		    .n = 1,
		    .err = &r,
		    .cb = cb,
		    .arg = arg};

		if (try > 0 && restart != NULL)
			restart(arg);
		(void)exchange(nl, &req, req.h.nlmsg_len, &w);
		if (w.interrupted)
			r = -EINTR;
		if (r != -EINTR && r != -ENOBUFS)
			return r != 0 ? r : w.cberr;
		req.h.nlmsg_seq = ++nl->seq;
	}
	return r;
}
