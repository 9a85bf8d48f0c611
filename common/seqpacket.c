/*
 * Records over the boundary. The receiving end may be root and the sender
 * hostile: one read takes one record, never a descriptor.
 */
#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <string.h>

#include "seqpacket.h"

int
seqpacket_pair(int sv[2])
{
	return socketpair(
	    AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv);
}

ssize_t
seqpacket_recv(int fd, void *buf, size_t cap)
{
	struct iovec iov = {.iov_base = buf, .iov_len = cap};
	/* No control buffer: the kernel drops descriptors and says CTRUNC. */
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	do {
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_TRUNC);
	} while (n == -1 && errno == EINTR);
	if (n >= 0 && (msg.msg_flags & MSG_CTRUNC)) {
		errno = EBADMSG;
		return -1;
	}
	return n;
}

int
seqpacket_send(int fd, const void *buf, size_t len)
{
	ssize_t n;

	do {
		n = send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_EOR);
	} while (n == -1 && errno == EINTR);
	if (n == -1 && (errno == ENOBUFS || errno == ENOMEM))
		errno = EAGAIN;
	return n == -1 ? -1 : 0;
}
