#ifndef COMMON_HOSTSFILE_H
#define COMMON_HOSTSFILE_H

#include <stddef.h>

#include "addr.h"

/* The managed lines of /etc/hosts, protocol.md section 8: how they end, ours
 * before the interface's name, and those of the original before 0.3. */
#define HOSTS_MARK     "# ! managed automatically by wesher interface "
#define HOSTS_MARK_OLD "# ! MANAGED AUTOMATICALLY !"

struct hosts_entry {
	struct ipaddr addr;
	const char *name; /* checked by check_hostname before */
};

/*
 * The new text of a hosts file, malloc'ed: old with exactly the n entries as
 * the managed lines of this interface. priv/hosts.h has the rules. Pure, for
 * tests and fuzzing too. NULL when out of memory.
 */
char *hosts_render(const char *old, size_t oldlen, const char *interface,
    const struct hosts_entry *e, size_t n, size_t *newlen);

#endif
