#ifndef COMMON_HOSTSFILE_H
#define COMMON_HOSTSFILE_H

#include <stddef.h>

#include "addr.h"
#include "bucket.h"

/* The managed lines of /etc/hosts, protocol.md section 8: how they end, ours
 * before the interface's name, and those of the original before 0.3. */
#define HOSTS_MARK     "# ! managed automatically by wesher interface "
#define HOSTS_MARK_OLD "# ! MANAGED AUTOMATICALLY !"

/*
 * May a member's name stand in our hosts file? Legal (check_hostname), not our
 * own in its short or long form, and without a dot unless what follows the
 * first one is our own domain or in domains (D[,D]..., as check_domains has
 * it). self is the kernel's host name. NULL, or why not: "its name is ...".
 */
const char *hosts_unfit(
    const char *name, size_t len, const char *self, const char *domains);

/* Why an entry has no line (NULL: it has), and what was said about that. */
struct hosts_line {
	const char *why, *told;
};

struct hosts_entry {
	struct ipaddr addr;
	const char *name; /* passed hosts_unfit() before */
	struct hosts_line *line; /* NULL, or why is set by hosts_render() */
};

/*
 * The new text of a hosts file, malloc'ed: old with exactly the n entries
 * (sorted by address here) as the managed lines of this interface; lines of
 * the pre-0.3 form ("# ! MANAGED AUTOMATICALLY !") are removed. A name that an
 * unmanaged line defines is left out, as is a second entry for one name in any
 * letters: the one that old has stays, else that of the lowest address. The
 * lines stay where the first of them was, else go to the end.
 * Pure, for tests and fuzzing too. NULL when out of memory.
 */
char *hosts_render(const char *old, size_t oldlen, const char *interface,
    const struct hosts_entry *e, size_t n, size_t *newlen);

/*
 * Log what was not said yet of entries that have a line: who is not in the
 * file, and why. As often as b allows, the rest at the next call; now: ms.
 */
void hosts_tell(
    const struct hosts_entry *e, size_t n, struct bucket *b, int64_t now);

#endif
