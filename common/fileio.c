/*
 * Small files as a whole, for both programs. What stands under a name may be
 * anything (a link, a fifo that would block for ever, a device, a file without
 * end), and the disk may be full: a write must never leave less than there
 * was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

int
file_new(int dirfd, const char *name, const void *buf, size_t len,
    const struct stat *like)
{
	int fd, r;

	(void)unlinkat(dirfd, name, 0);
	if ((fd = openat(dirfd, name, FILE_O_NEW, 0600)) == -1)
		return -errno;
	/* The owner as far as we may: without CAP_CHOWN it stays ours. */
	if (like != NULL)
		r = fchown(fd, like->st_uid, like->st_gid);
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

/* Overwrite the file with buf, else put back old (if any); the copy goes. */
static int
write_in_place(const struct file_place *at, const char *buf, size_t len,
    const char *old, size_t oldlen)
{
	int fd = openat(at->dirfd, at->name, FILE_O_WRITE);
	int r, back;

	if (fd == -1) {
		r = -errno;
		if (old != NULL) /* untouched: a copy would only grow old */
			(void)unlinkat(at->dirfd, at->copy, 0);
		return r;
	}
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
	int r;

	if (buf == NULL)
		return errno == ENOENT ? 0 : -errno;
	r = write_in_place(at, buf, len, NULL, 0);
	free(buf);
	return r;
}

int
file_install(const struct file_place *at, const char *old, size_t oldlen,
    const char *new, size_t newlen, const struct stat *like)
{
	int r = file_new(at->dirfd, at->beside, new, newlen, like);

	if (r != 0)
		return r;
	if (renameat(at->dirfd, at->beside, at->dirfd, at->name) == 0) {
		(void)file_sync_dir(at->dirfd);
		return 0;
	}
	r = -errno;
	/* By rename, so that what bears the copy's name is complete. */
	if ((r == -EBUSY || r == -EXDEV) &&
	    renameat(at->dirfd, at->beside, at->dirfd, at->copy) == 0) {
		(void)file_sync_dir(at->dirfd);
		return write_in_place(at, new, newlen, old, oldlen);
	}
	(void)unlinkat(at->dirfd, at->beside, 0);
	return r;
}
