/*
 * What must be our own, for wesher-priv as root before its sandbox: a link, or
 * a folder that others can write, could make it write where somebody else
 * wants.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "owned.h"

int
owned_dir(const char *path, mode_t mode)
{
	struct stat st;
	int fd;

	if (mkdir(path, mode) == -1 && errno != EEXIST)
		fatal("%s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1)
		fatal("%s", path);
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		fatalx("%s: must belong to root and be writable by no other",
		    path);
	if ((st.st_mode & 07777) != mode && fchmod(fd, mode) == -1)
		fatal("%s", path);
	return fd;
}

int
owned_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd == -1 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
			    st.st_nlink == 1 && st.st_uid == geteuid()))
		return fd;
	log_warnx("%s: not a plain file of root's: not used", path);
	close(fd);
	return -1;
}

int
owned_oldstate(const char *dir, const char *interface)
{
	const char *names[] = {interface, "state"};
	char path[PATH_MAX];
	int i, fd = -1;

	for (i = 0; i < 2 && fd == -1; i++) {
		snprintf(path, sizeof(path), "%s/%s.json", dir, names[i]);
		fd = owned_file(path);
	}
	return fd;
}

/* Who else could put something else in the place of what is in there? */
static bool
is_ours(const char *dir, bool last)
{
	struct stat st;

	if (stat(dir, &st) == -1)
		return false;
	errno = EPERM;
	return (st.st_uid == 0 || st.st_uid == geteuid()) &&
	       (!(st.st_mode & (S_IWGRP | S_IWOTH)) ||
		   (!last && (st.st_mode & S_ISVTX)));
}

int
owned_place(const char *path, char real[PATH_MAX])
{
	const char *name = strrchr(path, '/');
	char dir[PATH_MAX], *p;
	bool ok;

	if (name == NULL || (size_t)(name - path) >= sizeof(dir)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(dir, sizeof(dir), "%.*s/", (int)(name - path), path);
	if (realpath(dir, real) == NULL)
		return -1;
	for (p = real; (p = strchr(p + 1, '/')) != NULL;) {
		*p = '\0';
		ok = is_ours(real, false);
		*p = '/';
		if (!ok)
			return -1;
	}
	return is_ours(real, true) ? 0 : -1;
}

int
owned_lock(const char *path, char pid[16])
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	ssize_t n;

	strlcpy(pid, "?", 16);
	if (fd == -1)
		fatal("%s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		if ((n = read(fd, pid, 15)) > 0)
			pid[n] = '\0';
		pid[strcspn(pid, "\n")] = '\0';
		close(fd);
		return -1;
	}
	if (ftruncate(fd, 0) == -1 || dprintf(fd, "%d\n", getpid()) < 0)
		fatal("%s", path);
	return fd;
}
