#ifndef COMMON_RESOLV_H
#define COMMON_RESOLV_H

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
/* Read the file. Returns how many addresses went to out. */
size_t resolv_get(struct ipaddr *out, size_t max);

/*
 * The "nameserver ADDRESS" lines of text, at most max; all else is ignored.
 * Returns how many went to out. Pure.
 */
size_t
resolv_parse(const char *text, size_t len, struct ipaddr *out, size_t max);

#endif
