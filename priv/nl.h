#ifndef PRIV_NL_H
#define PRIV_NL_H

#include <libmnl/libmnl.h>

#include <stddef.h>
#include <stdint.h>

/*
 * Shared libmnl send/receive. One request at a time on a socket; every wait
 * is bounded (5 s), so that a lost answer becomes ETIMEDOUT.
 */
struct nl {
	struct mnl_socket *sock;
	uint32_t seq;
	unsigned portid;
	uint8_t *buf; /* receive and send buffer */
	size_t bufsize;
};

/* bus is NETLINK_ROUTE or NETLINK_GENERIC. 0, or -1 (errno). */
int nl_open(struct nl *nl, int bus);
void nl_close(struct nl *nl);
/* The file descriptor. */
int nl_fd(const struct nl *nl);

/* A request header at the start of nl->buf: type, flags | NLM_F_REQUEST. */
struct nlmsghdr *nl_request(struct nl *nl, uint16_t type, uint16_t flags);

/*
 * Send and wait for the acknowledgement. Returns 0, or -errno of the kernel
 * (also -ETIMEDOUT, -ENOBUFS).
 */
int nl_ack(struct nl *nl, struct nlmsghdr *nlh);

/*
 * Send a dump request and call cb for each message; a dump that was
 * interrupted (NLM_F_DUMP_INTR) is repeated up to 10 times from the start,
 * after restart(arg) was called. Returns 0, or -errno.
 */
int nl_dump(struct nl *nl, struct nlmsghdr *nlh, mnl_cb_t cb,
    void (*restart)(void *arg), void *arg);

#endif
