/*
 * Who runs a program, and whom it becomes: the operator's command until
 * runas_become, wesher-priv's child between fork and exec. Both have full
 * privilege before; nothing of the network or of a file that _wesher can write
 * is read until then.
 */
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/types.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "check.h"
#include "runas.h"

/* (uid_t)-1 means "leave it" to setresuid(2). */
#define UID_LAST (UINT32_MAX - 1)

int
runas_find(const char *user, struct runas *out, char *err, size_t errlen)
{
	struct passwd *pw;
	uint32_t n = 0;

	if (check_number(user, 0, UID_LAST, &n)) {
		pw = getpwuid(n);
		out->uid = n;
		out->gid = n;
	} else if ((pw = getpwnam(user)) == NULL) {
		snprintf(err, errlen,
		    "there is no user %s: try useradd --system "
		    "--no-create-home --shell /usr/sbin/nologin %s, or name "
		    "another one with --user",
		    user, user);
		return -1;
	}
	if (pw != NULL) {
		out->uid = pw->pw_uid;
		out->gid = pw->pw_gid;
	}
	if (out->uid != 0 && out->gid != 0)
		return 0;
	snprintf(err, errlen,
	    "user %s is root or of root's group: name an unprivileged one "
	    "with --user",
	    user);
	return -1;
}

int
runas_ids(const struct runas *as)
{
	if (setgroups(0, NULL) == -1 ||
	    setresgid(as->gid, as->gid, as->gid) == -1)
		return -1;
	return setresuid(as->uid, as->uid, as->uid);
}

int
runas_become(const struct runas *as)
{
	if (geteuid() != 0)
		return 0;
	if (as->uid == 0 || as->gid == 0) {
		errno = EINVAL;
		return -1;
	}
	if (runas_ids(as) == -1)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int
runas_elevated(void)
{
	return getauxval(AT_SECURE) != 0 || getuid() != geteuid() ||
	       getgid() != getegid();
}
