/*
 * The state as a file: read with suspicion, replaced as a whole. Runs in the
 * gossip process, relative to its root; the original's file comes as an open
 * descriptor from wesher-priv.
 *
 * What stands under the name may be anything (a fifo that would block for
 * ever, a link, a device, a file without end): it is opened without following
 * and without waiting, and must be a regular file of bounded size. A write
 * must never leave less than there was: a new file beside, synced, then
 * renamed; when the disk is full the old one stays as it is. A folder that the
 * process before has put in the way is renamed.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "../common/fileio.h"
#include "../common/log.h"
#include "state.h"

static int
fail(char *why, size_t whylen, int error, const char *what)
{
	strlcpy(why, what, whylen);
	return error;
}

static int
fail_errno(char *why, size_t whylen, const char *what)
{
	int saved = errno;

	snprintf(why, whylen, "%s: %s", what, strerror(saved));
	errno = saved;
	return STATE_IO;
}

/* Up to cap bytes; fewer when the file is shorter. Returns -1 with errno. */
static ssize_t
read_all(int fd, char *buf, size_t cap)
{
	size_t n = 0;
	ssize_t r;

	while (n < cap) {
		r = pread(fd, buf + n, cap - n, (off_t)n);
		if (r == -1 && errno == EINTR)
			continue;
		if (r == -1)
			return -1;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

static int
read_state(int fd, size_t size, struct state *s, char *why, size_t whylen)
{
	char *buf = malloc(size);
	ssize_t n;
	int r;

	if (buf == NULL)
		return fail_errno(why, whylen, "cannot be read");
	if ((n = read_all(fd, buf, size)) == -1)
		r = fail_errno(why, whylen, "cannot be read");
	else
		r = state_parse(buf, (size_t)n, s, why, whylen);
	explicit_bzero(buf, size);
	free(buf);
	return r;
}

/* Returns STATE_OK with the size, or what is wrong with such a file. */
static int
check_file(int fd, size_t *size, char *why, size_t whylen)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return fail_errno(why, whylen, "cannot be examined");
	if (S_ISCHR(st.st_mode))
		return fail(why, whylen, STATE_NONE, "a device");
	if (!S_ISREG(st.st_mode))
		return fail(why, whylen, STATE_BAD, "not a regular file");
	if (st.st_size == 0)
		return fail(why, whylen, STATE_NONE, "empty");
	if (st.st_size > (off_t)STATE_MAX)
		return fail(
		    why, whylen, STATE_BAD, "larger than a state can be");
	*size = (size_t)st.st_size;
	return STATE_OK;
}

int
state_load_fd(int fd, struct state *s, char *why, size_t whylen)
{
	size_t size;
	int r;

	memset(s, 0, sizeof(*s));
	if ((r = check_file(fd, &size, why, whylen)) != STATE_OK)
		return r;
	return read_state(fd, size, s, why, whylen);
}

static int
open_state(int dirfd, const char *name, int *fd, char *why, size_t whylen)
{
	*fd = openat(dirfd, name, FILE_O_READ);
	if (*fd != -1)
		return STATE_OK;
	if (errno == ENOENT)
		return fail(why, whylen, STATE_NONE, "no such file");
	if (errno == ELOOP)
		return fail(why, whylen, STATE_BAD, "a symbolic link");
	if (errno == ENXIO)
		return fail(why, whylen, STATE_BAD, "not a regular file");
	return fail_errno(why, whylen, "cannot be opened");
}

/* NAME with a suffix. Returns 0, or -1 with ENAMETOOLONG. */
static int
with_suffix(char buf[NAME_MAX + 1], const char *name, const char *suffix)
{
	int n = snprintf(buf, NAME_MAX + 1, "%s%s", name, suffix);

	if (n >= 0 && n <= NAME_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/* A file that stays in the way would be read again at each start. */
static void
put_aside(int dirfd, const char *name, char *why, size_t whylen)
{
	char aside[NAME_MAX + 1];
	size_t n = strlen(why);

	if (with_suffix(aside, name, ".bad") == 0 &&
	    renameat(dirfd, name, dirfd, aside) == 0)
		return;
	snprintf(why + n, whylen - n, " (and cannot be put aside: %s)",
	    strerror(errno));
}

int
state_load(
    int dirfd, const char *name, struct state *s, char *why, size_t whylen)
{
	int fd, r;

	memset(s, 0, sizeof(*s));
	r = open_state(dirfd, name, &fd, why, whylen);
	if (r == STATE_OK) {
		r = state_load_fd(fd, s, why, whylen);
		close(fd);
		/* The file is there, so it was half written or is no file. */
		if (r == STATE_NONE)
			r = STATE_BAD;
	}
	if (r == STATE_BAD)
		put_aside(dirfd, name, why, whylen);
	return r;
}

/* A folder of that name cannot be replaced by a file: it gets another one. */
static bool
push_aside(int dirfd, const char *name)
{
	char suffix[16], aside[NAME_MAX + 1];

	snprintf(suffix, sizeof(suffix), ".%08x", randombytes_random());
	if (with_suffix(aside, name, suffix) == -1 ||
	    renameat(dirfd, name, dirfd, aside) == -1)
		return false;
	log_warnx("%s was in the way: it is %s now", name, aside);
	return true;
}

static int
replace(
    int dirfd, const char *name, const char *tmp, const char *text, size_t len)
{
	int r = file_replace(dirfd, name, tmp, text, len);

	/* It was unlinked before, so what is still there is a folder. */
	if (r == -EEXIST && push_aside(dirfd, tmp))
		r = file_replace(dirfd, name, tmp, text, len);
	if ((r == -EISDIR || r == -ENOTEMPTY) && push_aside(dirfd, name))
		r = file_replace(dirfd, name, tmp, text, len);
	return r;
}

int
state_save(int dirfd, const char *name, const struct state *s)
{
	char tmp[NAME_MAX + 1], *text;
	size_t len;
	int r;

	if (with_suffix(tmp, name, ".tmp") == -1)
		return -1;
	if ((text = state_format(s, &len)) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	r = replace(dirfd, name, tmp, text, len);
	explicit_bzero(text, len);
	free(text);
	errno = -r;
	return r == 0 ? 0 : -1;
}
