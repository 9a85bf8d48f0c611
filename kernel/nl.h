#ifndef KERNEL_NL_H
#define KERNEL_NL_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

/*
 * Shared libmnl send/receive. One request at a time on a socket; every wait
 * is bounded (5 s), so that a lost answer becomes ETIMEDOUT.
 */
struct nl {
	struct mnl_socket *sock;
	uint32_t seq;
	unsigned portid;
	uint8_t *buf; /* receive and send buffer, locked in memory */
	size_t bufsize; /* 64 KiB */
	size_t used; /* what was sent or received since nl_wipe() is in these */
};

/* bus is NETLINK_ROUTE or NETLINK_GENERIC. 0, or -1 (errno). */
int nl_open(struct nl *nl, int bus);
void nl_close(struct nl *nl);
/* Forget what passed through the buffer. */
void nl_wipe(struct nl *nl);
/* The file descriptor. */
int nl_fd(const struct nl *nl);

/* A request header at the start of nl->buf: type, flags | NLM_F_REQUEST. */
struct nlmsghdr *nl_request(struct nl *nl, uint16_t type, uint16_t flags);
/* The same at offset off (aligned), for the next message of a batch. */
struct nlmsghdr *
nl_request_at(struct nl *nl, size_t off, uint16_t type, uint16_t flags);

/*
 * Send and wait for the acknowledgement. Returns 0, or -errno of the kernel
 * (also -ETIMEDOUT, -ENOBUFS).
 */
int nl_ack(struct nl *nl, struct nlmsghdr *nlh);

/*
 * Send the n messages that fill the first len bytes of nl->buf (made by
 * nl_request_at in order, all with NLM_F_ACK) in one write; err[i] gets 0 or
 * -errno each. Returns 0 when every answer came, else the -errno that is also
 * in err[] of the unanswered ones (which may have been done).
 */
int nl_batch(struct nl *nl, size_t len, size_t n, int *err);

/*
 * Send a dump request (or a get with NLM_F_ACK) of at most 256 bytes and call
 * cb for each message; a dump that was interrupted (NLM_F_DUMP_INTR, ENOBUFS)
 * is repeated up to 10 times from the start, after restart(arg) was called;
 * then it is -EINTR or -ENOBUFS. A cb that returns MNL_CB_ERROR ends it with
 * its errno. Returns 0, or -errno.
 */
int nl_dump(struct nl *nl, struct nlmsghdr *nlh, mnl_cb_t cb,
    void (*restart)(void *arg), void *arg);

/*
 * One datagram from the kernel into nl->buf, waiting at most timeout ms.
 * Senders other than the kernel are ignored. Its length, or -errno (-EAGAIN:
 * nothing within the time).
 */
ssize_t nl_receive(struct nl *nl, int timeout);

#endif
