#ifndef COMMON_RUNAS_H
#define COMMON_RUNAS_H

#include <sys/types.h>

#include <stddef.h>

/* The unprivileged user. */
struct runas {
	uid_t uid;
	gid_t gid;
};

/*
 * Look a name or number up (NSS, so before any sandbox). A number without an
 * entry is its own group. Refused: nobody of that name, uid 0, gid 0. Returns
 * 0, or -1 with a line in err that names the remedy.
 */
int runas_find(const char *user, struct runas *out, char *err, size_t errlen);

/*
 * Groups and all user and group ids, for good. Capabilities go with them,
 * unless PR_SET_KEEPCAPS is set. Returns 0, or -1 with errno.
 */
int runas_ids(const struct runas *as);

/*
 * As root: become that user for good, without groups, capabilities or the
 * chance of a new program with more. As somebody else: do nothing. Returns 0,
 * or -1 with errno; then the caller must not go on.
 */
int runas_become(const struct runas *as);

/*
 * Is this process set-user-ID, or did its file give it capabilities? Such a
 * start is refused: it would let anybody choose our options.
 */
int runas_elevated(void);

#endif
