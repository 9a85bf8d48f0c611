#ifndef COMMON_RESOLVCONF_H
#define COMMON_RESOLVCONF_H

#include <stddef.h>

#include "addr.h"

/*
 * The "nameserver ADDRESS" lines of text; all else is ignored. Returns how many
 * addresses went to out, at most max. Pure.
 */
size_t
resolv_parse(const char *text, size_t len, struct ipaddr *out, size_t max);

#endif
