#ifndef KERNEL_SOCKETS_H
#define KERNEL_SOCKETS_H

#include "../common/addr.h"

/*
 * The sockets that the gossip process inherits: non-blocking, close-on-exec.
 * -1: errno. Only before the sandbox.
 */

/*
 * A membership socket, for packets (SOCK_DGRAM) or streams (SOCK_STREAM), not
 * yet bound; it tells to which address each packet or stream came. Of ip's
 * family; len 0 becomes ::, which takes IPv4 as well, or 0.0.0.0 where there
 * is no IPv6. iface: the one to be bound to, or "".
 */
int sockets_open(struct ipaddr *ip, int type, const char *iface);
/* Bind it; one for streams listens. 0, or -1 (errno), and it is closed. */
int sockets_bind(int fd, const struct ipport *at, int type);

/* Members of this group look at the mesh; root steers (control.h). */
#define SOCKETS_GROUP "wesher"

/*
 * The control socket, in place of what bears the name: root's, and of that
 * group where there is one (and CAP_SETGID), else root's alone. The group id
 * of the calling process changes meanwhile. -1 on error (errno).
 */
int sockets_control(const char *path, const char *group);

/*
 * The socket for metrics: at ADDR:PORT, or at unix:PATH as the control socket,
 * in a folder that nobody but root may write to.
 */
int sockets_metrics(const char *where);

#endif
