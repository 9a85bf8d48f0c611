#ifndef COMMON_RESOLV_H
#define COMMON_RESOLV_H

#include <fcntl.h>
#include <stddef.h>

#include "addr.h"

/*
 * The nameserver lines of resolv.conf in etcdir, and an inotify descriptor
 * that becomes readable when the file (or what its link leads to) may have
 * changed. Call once, before the sandbox. Returns the descriptor, or -1: no
 * notice of changes, reading works.
 */
int resolv_open(const char *etcdir);
/* Empty the inotify queue. */
void resolv_drain(void);
/*
 * Read the file: *n addresses, at most max, to out. Both stay as they are when
 * it may not be read any more, which is said once: the sandbox knows the
 * folder that its link led to at the start.
 */
void resolv_get(struct ipaddr *out, size_t max, size_t *n);

/* For a sandbox: opened with RESOLV_O in *etc, stands in *etc or *to (-1). */
#define RESOLV_O (O_RDONLY | O_NONBLOCK | O_CLOEXEC)
void resolv_dirs(int *etc, int *to);

/*
 * The "nameserver ADDRESS" lines of text, at most max; all else is ignored.
 * Returns how many went to out. Pure.
 */
size_t
resolv_parse(const char *text, size_t len, struct ipaddr *out, size_t max);

#endif
