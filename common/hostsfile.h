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
 * The new text of a hosts file, malloc'ed: old with exactly the n entries
 * (sorted by address here) as the managed lines of this interface; lines of
 * the pre-0.3 form ("# ! MANAGED AUTOMATICALLY !") are removed. A name that an
 * unmanaged line defines is left out, as is a second entry (by address) for
 * one name. The lines stay where the first of them was, else go to the end.
 * Pure, for tests and fuzzing too. NULL when out of memory.
 */
char *hosts_render(const char *old, size_t oldlen, const char *interface,
    const struct hosts_entry *e, size_t n, size_t *newlen);

#endif
