#ifndef KERNEL_UAPI_H
#define KERNEL_UAPI_H

#include <stdbool.h>

#include "wg_int.h"

/*
 * The device of a userspace implementation, by the cross-platform
 * configuration protocol: lines "key=value" over a stream socket, an empty
 * line ends a request and an answer. Functions return 0 or -errno.
 */

/* Where the sockets are; tests have their own. Its folder must be root's. */
#define UAPI_DIR "/var/run/wireguard"

/*
 * Connect to the interface's socket in dir and keep that connection, waiting
 * up to `wait` ms for somebody who listens. -ENOENT, -ECONNREFUSED: nobody
 * does; -EPERM: socket, folder or listener are not root's alone.
 */
int uapi_connect(const char *dir, const char *name, int wait);
/* Is there a socket of root's for the interface? */
bool uapi_exists(const char *dir, const char *name);
/* The connection, -1: none. Readable means that it has ended. */
int uapi_fd(void);
/* Is there one, and its other end? */
bool uapi_alive(void);

/*
 * batch: so many changes are less than 4 KiB. All return -ENODEV after the
 * other side has closed, -EPROTO, -ETIMEDOUT (5 s) or -EMSGSIZE when it does
 * not keep to the protocol: the connection is then shut down for good.
 */
extern const struct wg_ops wg_uapi;

#endif
