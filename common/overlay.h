#ifndef COMMON_OVERLAY_H
#define COMMON_OVERLAY_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

/*
 * The overlay address that a name derives (protocol.md section 7): the last
 * (address bits - prefix bits) bits of net are replaced by the last bits of
 * FNV-1a 128 over the name's bytes; for attempt > 0 over name, a zero byte and
 * the attempt in decimal. Any prefix length. Writes *out, cannot fail. Whether
 * the result is usable (not network, not broadcast) is check_overlay_host's.
 */
void overlay_addr(const struct ipnet *net, const char *name, size_t namelen,
    unsigned attempt, struct ipaddr *out);

/*
 * The first attempt >= from (up to 255) whose address is a usable host address
 * of net. Returns it, or -1 when there is none.
 */
int overlay_first(const struct ipnet *net, const char *name, size_t namelen,
    unsigned from, struct ipaddr *out);

#endif
