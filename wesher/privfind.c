/*
 * The operator's command: which wesher-priv will run as root. A program that
 * somebody else can replace would hand root to him, so its file, and for a path
 * that was typed every folder above it, must be out of reach. Beside our own
 * executable (a build tree, a private copy) whoever owns that one could have
 * changed it already, and is trusted as much as it is.
 */
#include <sys/stat.h>
#include <sys/types.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "privfind.h"

#define NAME	  "wesher-priv"
#define INSTALLED WESHER_LIBEXECDIR "/" NAME

/* Every folder above path is root's and nobody else's to write. */
static int
check_parents(const char *path, char *err, size_t errlen)
{
	char dir[PATH_MAX];
	struct stat st;

	if (strlcpy(dir, path, sizeof(dir)) >= sizeof(dir))
		return -1;
	do {
		char *slash = strrchr(dir, '/');

		slash[slash == dir ? 1 : 0] = '\0';
		if (lstat(dir, &st) == -1 || !S_ISDIR(st.st_mode) ||
		    st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH))) {
			snprintf(err, errlen,
			    "--priv %s: %s has to be root's, and writable by "
			    "root alone: move the program",
			    path, dir);
			return -1;
		}
	} while (dir[1] != '\0');
	return 0;
}

int
privfind_check(
    const char *path, const uid_t *beside_owner, char *err, size_t errlen)
{
	struct stat st;

	if (lstat(path, &st) == -1) {
		snprintf(err, errlen, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode) || !(st.st_mode & S_IXUSR)) {
		snprintf(err, errlen, "%s: expected a program", path);
		return -1;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(err, errlen,
		    "%s: others can write to it: try chmod go-w", path);
		return -1;
	}
	if (st.st_uid != 0 &&
	    (beside_owner == NULL || st.st_uid != *beside_owner)) {
		snprintf(err, errlen, "%s: expected to be %s: try chown", path,
		    beside_owner == NULL ? "root's" : "root's or our own's");
		return -1;
	}
	return beside_owner == NULL ? check_parents(path, err, errlen) : 0;
}

/* The name beside our executable. 0, or -1: there is none. */
static int
beside(char path[PATH_MAX])
{
	char exe[PATH_MAX], file[PATH_MAX + sizeof(NAME) + 1];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0 || exe[0] != '/')
		return -1;
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	snprintf(file, sizeof(file), "%s/" NAME, exe);
	return realpath(file, path) == NULL ? -1 : 0;
}

int
privfind(const char *explicit, int self_fd, char path[PATH_MAX], char *err,
    size_t errlen)
{
	static const uid_t root = 0;
	struct stat self;

	if (explicit != NULL) {
		if (realpath(explicit, path) != NULL)
			return privfind_check(path, NULL, err, errlen);
		snprintf(err, errlen, "--priv %s: %s: expected a program",
		    explicit, strerror(errno));
		return -1;
	}
	if (fstat(self_fd, &self) == -1) {
		snprintf(
		    err, errlen, "our own executable: %s", strerror(errno));
		return -1;
	}
	if (beside(path) == 0)
		return privfind_check(path, &self.st_uid, err, errlen);
	/* Debian lets group staff write /usr/local: the file alone counts. */
	if (realpath(INSTALLED, path) != NULL)
		return privfind_check(path, &root, err, errlen);
	snprintf(err, errlen,
	    NAME " is neither beside wesher nor at " INSTALLED
		 ": install wesher again");
	return -1;
}
