#ifndef KERNEL_USERSPACE_H
#define KERNEL_USERSPACE_H

#include <stddef.h>

/*
 * Start a userspace WireGuard for a new interface, as wg-quick(8) does: the
 * program that WG_QUICK_USERSPACE_IMPLEMENTATION names, else wireguard-go. It
 * makes the interface, goes into the background by itself, and outlives us.
 * 0 once its socket answers; -EOPNOTSUPP: there is no such program that is
 * root's alone; -EBUSY: another interface of that name is served already;
 * otherwise -errno, logged. Only before the sandbox: it forks.
 */
int userspace_start(const char *name);

/*
 * The path of the program to start, into buf: wanted (a path or a name, may
 * be NULL) when it is an executable of root's that nobody else can replace,
 * else wireguard-go. NULL: neither. Exported for tests.
 */
const char *userspace_find(const char *wanted, char *buf, size_t size);

#endif
