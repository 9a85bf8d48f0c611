#ifndef WESHER_PRIVFIND_H
#define WESHER_PRIVFIND_H

#include <sys/types.h>

#include <limits.h>
#include <stddef.h>

/*
 * Find wesher-priv: explicit (--priv; it and all its parents must be root's and
 * not writable by others), else beside the executable self_fd (owned by root
 * or by that one's owner, not writable by others), else in the installation's
 * libexec folder. path gets its canonical name. 0, or -1 with a line in err.
 */
int privfind(const char *explicit, int self_fd, char path[PATH_MAX], char *err,
    size_t errlen);

/*
 * For tests: the checks alone, of a canonical path. beside_owner is a second
 * owner that is accepted, as is any kind of parent; NULL demands root for the
 * file and its parents.
 */
int privfind_check(
    const char *canonical, const uid_t *beside_owner, char *err, size_t errlen);

#endif
