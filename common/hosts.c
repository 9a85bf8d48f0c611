/*
 * The managed lines of /etc/hosts. In wesher-priv alone, as root, inside the
 * sandbox: the one file outside of its own folders that it ever writes.
 *
 * What the new text is, hostsfile.c says, and fileio.c how it gets to the
 * disk: the file belongs to the administrator, a half-written one must never
 * be seen. Here is the order of reading and writing under a lock.
 */
#include <sys/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fileio.h"
#include "hosts.h"
#include "log.h"

#define FILE_MAX (16 * 1024 * 1024)

struct hosts {
	int lockfd;
	char interface[16];
	char beside[40]; /* one per mesh */
	struct file_place at;
};

struct hosts *
hosts_open(int dirfd, const char *interface, int lockfd)
{
	struct hosts *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->lockfd = lockfd;
	strlcpy(h->interface, interface, sizeof(h->interface));
	snprintf(
	    h->beside, sizeof(h->beside), "hosts.wesher-new.%s", h->interface);
	h->at = (struct file_place){
	    dirfd, "hosts", h->beside, "hosts.wesher-copy", FILE_MAX};
	/* Else at the next write; a copy may be of one that goes on. */
	if (flock(lockfd, LOCK_EX | LOCK_NB) == 0) {
		(void)file_mend(&h->at);
		(void)flock(lockfd, LOCK_UN);
	}
	return h;
}

/* Without CAP_CHOWN a new file is root's; once, since it is root's then. */
static void
say_owner(const struct hosts *h, const struct stat *was)
{
	int fd = openat(h->at.dirfd, h->at.name, FILE_O_READ);
	struct stat st;

	if (fd != -1 && fstat(fd, &st) == 0 &&
	    (st.st_uid != was->st_uid || st.st_gid != was->st_gid))
		log_warnx("hosts file: belonged to %u:%u, is root's now",
		    was->st_uid, was->st_gid);
	if (fd != -1)
		close(fd);
}

/* Read, change, write: under the lock. */
static int
update(struct hosts *h, const struct hosts_entry *e, size_t n)
{
	struct stat st;
	size_t oldlen, newlen;
	char *old, *new;
	int r;

	if ((r = file_mend(&h->at)) != 0)
		return r;
	old = file_read(h->at.dirfd, h->at.name, FILE_MAX, &oldlen, &st);
	if (old == NULL)
		return -errno;
	new = hosts_render(old, oldlen, h->interface, e, n, &newlen);
	if (new == NULL)
		r = -ENOMEM;
	else if (newlen != oldlen || memcmp(old, new, oldlen) != 0) {
		r = file_install(&h->at, old, oldlen, new, newlen, &st);
		if (r == 0)
			say_owner(h, &st);
		r = r == 0 ? 1 : r;
	}
	free(old);
	free(new);
	return r;
}

int
hosts_write(struct hosts *h, const struct hosts_entry *e, size_t n)
{
	int r;

	if (flock(h->lockfd, LOCK_EX | LOCK_NB) == -1)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	r = update(h, e, n);
	(void)flock(h->lockfd, LOCK_UN);
	return r;
}

int
hosts_fd(const struct hosts *h)
{
	return h->at.dirfd;
}

int
hosts_clear(struct hosts *h)
{
	int r, i;

	for (i = 0; (r = hosts_write(h, NULL, 0)) == -EAGAIN && i < 40; i++)
		(void)usleep(50000);
	return r;
}
