#ifndef COMMON_SEQPACKET_H
#define COMMON_SEQPACKET_H

#include <stddef.h>
#include <sys/types.h>

/*
 * One record in, one record out over a non-blocking SOCK_SEQPACKET socket.
 * Descriptors that come along are closed unseen (MSG_CTRUNC): none is accepted.
 */

/* A connected pair, non-blocking, close-on-exec. Returns 0, or -1 (errno). */
int seqpacket_pair(int sv[2]);

/*
 * Receive one record. Returns its real length (it may exceed cap: treat as
 * malformed), 0 for end of file or an empty record (both fatal to the child),
 * or -1 with errno (EAGAIN: nothing there). A record that carried ancillary
 * data yields -1 with EBADMSG.
 */
ssize_t seqpacket_recv(int fd, void *buf, size_t cap);

/*
 * Send one record without SIGPIPE. Returns 0, or -1 with errno (EAGAIN: full,
 * or the kernel is short of memory; again later).
 */
int seqpacket_send(int fd, const void *buf, size_t len);

#endif
