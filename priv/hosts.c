/*
 * The managed lines of /etc/hosts, in wesher-priv, as root, inside the
 * sandbox: the one file outside of its own folders that it ever writes.
 *
 * What the new text is, common/hostsfile.c says; here are the files. The file
 * belongs to the administrator: a half-written one must never be seen. Where it
 * cannot be renamed into place (a container's bind mount), the finished text
 * is put beside it first; a torn write is rolled forward from there.
 */
#include <sys/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/fileio.h"
#include "hosts.h"

#define FILE_NOW  "hosts"
#define FILE_COPY "hosts.wesher-copy"
#define FILE_MAX  (16 * 1024 * 1024)

struct hosts {
	int dirfd, lockfd;
	char interface[16];
	char new[40]; /* the file beside: one per mesh */
};

/* Overwrite hosts with buf, else put back old (if any); then the copy goes. */
static int
write_in_place(struct hosts *h, const char *buf, size_t len, const char *old,
    size_t oldlen)
{
	int fd = openat(h->dirfd, FILE_NOW, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	int r, back;

	if (fd == -1)
		return -errno;
	back = r = file_overwrite(fd, buf, len);
	if (r != 0 && old != NULL)
		back = file_overwrite(fd, old, oldlen);
	close(fd);
	if (back == 0) {
		(void)unlinkat(h->dirfd, FILE_COPY, 0);
		(void)fsync(h->dirfd);
	}
	return r;
}

/* Roll a torn write forward; 0 when there is none. */
static int
repair(struct hosts *h)
{
	struct stat st;
	size_t len;
	char *buf = file_read(h->dirfd, FILE_COPY, FILE_MAX, &len, &st);
	int r;

	if (buf == NULL)
		return errno == ENOENT ? 0 : -errno;
	r = write_in_place(h, buf, len, NULL, 0);
	free(buf);
	return r;
}

static int
replace(struct hosts *h, const struct stat *st, const char *old, size_t oldlen,
    const char *new, size_t newlen)
{
	int r = file_new(h->dirfd, h->new, new, newlen, st);

	if (r != 0)
		return r;
	if (renameat(h->dirfd, h->new, h->dirfd, FILE_NOW) == 0) {
		(void)fsync(h->dirfd);
		return 0;
	}
	r = -errno;
	/* By rename, so that what bears the copy's name is complete. */
	if ((r == -EBUSY || r == -EXDEV) &&
	    renameat(h->dirfd, h->new, h->dirfd, FILE_COPY) == 0) {
		(void)fsync(h->dirfd);
		return write_in_place(h, new, newlen, old, oldlen);
	}
	(void)unlinkat(h->dirfd, h->new, 0);
	return r;
}

struct hosts *
hosts_open(int dirfd, const char *interface, int lockfd)
{
	struct hosts *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->dirfd = dirfd;
	h->lockfd = lockfd;
	strlcpy(h->interface, interface, sizeof(h->interface));
	snprintf(h->new, sizeof(h->new), "hosts.wesher-new.%s", h->interface);
	(void)repair(h); /* else at the next write */
	return h;
}

void
hosts_close(struct hosts *h)
{
	free(h);
}

/* Read, change, write: under the lock. */
static int
update(struct hosts *h, const struct hosts_entry *e, size_t n)
{
	struct stat st;
	size_t oldlen, newlen;
	char *old, *new;
	int r;

	if ((r = repair(h)) != 0)
		return r;
	old = file_read(h->dirfd, FILE_NOW, FILE_MAX, &oldlen, &st);
	if (old == NULL)
		return -errno;
	new = hosts_render(old, oldlen, h->interface, e, n, &newlen);
	if (new == NULL)
		r = -ENOMEM;
	else if (newlen != oldlen || memcmp(old, new, oldlen) != 0)
		r = replace(h, &st, old, oldlen, new, newlen);
	free(old);
	free(new);
	return r;
}

int
hosts_write(struct hosts *h, const struct hosts_entry *e, size_t n)
{
	int r;

	if (h->lockfd == -1)
		return update(h, e, n);
	if (flock(h->lockfd, LOCK_EX | LOCK_NB) == -1)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	r = update(h, e, n);
	(void)flock(h->lockfd, LOCK_UN);
	return r;
}

int
hosts_clear(struct hosts *h)
{
	int r, i;

	for (i = 0; (r = hosts_write(h, NULL, 0)) == -EAGAIN && i < 40; i++)
		(void)usleep(50000);
	return r;
}
