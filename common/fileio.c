/*
 * Small files as a whole, for both programs. What stands under a name may be
 * anything (a link, a fifo that would block for ever, a device, a file without
 * end), and the disk may be full: a write must never leave less than there
 * was.
 */
#include <sys/xattr.h>

#include <linux/limits.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fileio.h"

/* What a file holds now, at most size bytes of it. */
static char *
read_all(int fd, size_t size, size_t *len)
{
	char *buf = malloc(size + 1);
	ssize_t n;

	*len = 0;
	while (buf != NULL && *len < size) {
		n = read(fd, buf + *len, size - *len);
		if (n == 0)
			break;
		if (n > 0)
			*len += (size_t)n;
		else if (errno != EINTR) {
			free(buf);
			buf = NULL;
		}
	}
	return buf;
}

char *
file_read(int dirfd, const char *name, size_t max, size_t *len, struct stat *st)
{
	int fd = openat(dirfd, name, FILE_O_READ);
	char *buf = NULL;
	int saved;

	if (fd == -1)
		return NULL;
	if (fstat(fd, st) == 0) {
		if (!S_ISREG(st->st_mode))
			errno = EINVAL;
		else if ((size_t)st->st_size > max)
			errno = EFBIG;
		else
			buf = read_all(fd, (size_t)st->st_size, len);
	}
	saved = errno;
	close(fd);
	errno = saved;
	return buf;
}

int
file_overwrite(int fd, const void *buf, size_t len)
{
	const char *p = buf;
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pwrite(fd, p + done, len - done, (off_t)done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -errno;
		done += (size_t)n;
	}
	if (ftruncate(fd, (off_t)len) == -1 || fsync(fd) == -1)
		return -errno;
	return 0;
}

#define ACL "system.posix_acl_access"

/*
 * Labels, lists of access and whatever else the new file may have from the old
 * one; what the kernel does not let us set is left out.
 */
static void
keep_xattrs(int from, int to)
{
	char *names = malloc(XATTR_LIST_MAX), *value = malloc(XATTR_SIZE_MAX);
	ssize_t len = -1, n;
	const char *s;

	if (names != NULL && value != NULL)
		len = flistxattr(from, names, XATTR_LIST_MAX);
	/* The folder's default may have given it one. */
	if (len != -1)
		(void)fremovexattr(to, ACL);
	for (s = names; len > 0 && s < names + len; s += strlen(s) + 1)
		if ((n = fgetxattr(from, s, value, XATTR_SIZE_MAX)) != -1)
			(void)fsetxattr(to, s, value, (size_t)n, 0);
	free(names);
	free(value);
}

/* As file_new(); from is open for reading, or -1. */
static int
make_file(int dirfd, const char *name, const void *buf, size_t len,
    const struct stat *like, int from)
{
	int fd, r = 0;

	(void)unlinkat(dirfd, name, 0);
	if ((fd = openat(dirfd, name, FILE_O_NEW, 0600)) == -1)
		return -errno;
	if (from != -1)
		keep_xattrs(from, fd);
	/* The owner as far as we may: without CAP_CHOWN it stays ours. */
	if (like != NULL && fchown(fd, like->st_uid, like->st_gid) == -1)
		r = fchown(fd, (uid_t)-1, like->st_gid);
	if (fchmod(fd, like == NULL ? 0600 : like->st_mode & 0777) == -1)
		r = -errno;
	else
		r = file_overwrite(fd, buf, len);
	if (close(fd) == -1 && r == 0)
		r = -errno;
	if (r != 0)
		(void)unlinkat(dirfd, name, 0);
	return r;
}

int
file_new(int dirfd, const char *name, const void *buf, size_t len,
    const struct stat *like)
{
	return make_file(dirfd, name, buf, len, like, -1);
}

int
file_replace(
    int dirfd, const char *name, const char *tmp, const void *buf, size_t len)
{
	int r = file_new(dirfd, tmp, buf, len, NULL);

	if (r != 0)
		return r;
	if (renameat(dirfd, tmp, dirfd, name) == -1) {
		r = -errno;
		(void)unlinkat(dirfd, tmp, 0);
		return r;
	}
	return file_sync_dir(dirfd);
}

int
file_sync_dir(int dirfd)
{
	if (fsync(dirfd) == 0 || errno == EINVAL || errno == ENOTSUP)
		return 0;
	return -errno;
}

/* The file itself, to be written in place; -1 (errno) when it is none. */
static int
open_place(const struct file_place *at)
{
	int fd = openat(at->dirfd, at->name, FILE_O_WRITE);
	struct stat st;

	if (fd != -1 && (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))) {
		close(fd);
		errno = EINVAL;
		fd = -1;
	}
	return fd;
}

/*
 * Overwrite the file with buf, else put back old (if any); the copy goes once
 * the file is whole. Closes fd.
 */
static int
write_in_place(const struct file_place *at, int fd, const char *buf, size_t len,
    const char *old, size_t oldlen)
{
	int r, back;

	back = r = file_overwrite(fd, buf, len);
	if (r != 0 && old != NULL)
		back = file_overwrite(fd, old, oldlen);
	close(fd);
	if (back == 0) {
		(void)unlinkat(at->dirfd, at->copy, 0);
		(void)file_sync_dir(at->dirfd);
	}
	return r;
}

int
file_mend(const struct file_place *at)
{
	struct stat st;
	size_t len;
	char *buf = file_read(at->dirfd, at->copy, at->max, &len, &st);
	int fd, r;

	if (buf == NULL)
		return errno == ENOENT ? 0 : -errno;
	if ((fd = open_place(at)) == -1)
		r = -errno;
	else
		r = write_in_place(at, fd, buf, len, NULL, 0);
	free(buf);
	return r;
}

/* By rename, so that what bears the copy's name is complete. */
static int
install_in_place(const struct file_place *at, const char *old, size_t oldlen,
    const char *new, size_t newlen)
{
	int r, fd = open_place(at);

	if (fd == -1)
		return -errno;
	if (renameat(at->dirfd, at->beside, at->dirfd, at->copy) == -1) {
		r = -errno;
		close(fd);
		return r;
	}
	(void)file_sync_dir(at->dirfd);
	return write_in_place(at, fd, new, newlen, old, oldlen);
}

int
file_install(const struct file_place *at, const char *old, size_t oldlen,
    const char *new, size_t newlen, const struct stat *like)
{
	int from = openat(at->dirfd, at->name, FILE_O_READ);
	int r;

	r = make_file(at->dirfd, at->beside, new, newlen, like, from);
	if (from != -1)
		close(from);
	if (r != 0)
		return r;
	if (renameat(at->dirfd, at->beside, at->dirfd, at->name) == 0) {
		(void)file_sync_dir(at->dirfd);
		return 0;
	}
	r = -errno;
	if (r == -EBUSY || r == -EXDEV)
		r = install_in_place(at, old, oldlen, new, newlen);
	(void)unlinkat(at->dirfd, at->beside, 0); /* unless it moved */
	return r;
}
