/*
 * The host's nameservers, for wesher-priv; no privilege is used. The file is
 * root's, or of the service that root's link leads to; an unusable line is
 * skipped, never an error.
 */
#include <sys/inotify.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "resolv.h"

static int notify = -1, dirfd_etc = -1, dirfd_to = -1;

int
resolv_open(const char *etcdir)
{
	const uint32_t mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE |
			      IN_DELETE | IN_ONLYDIR;
	char path[PATH_MAX], *real, *dir;

	dirfd_etc = open(etcdir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (notify == -1)
		return -1;
	(void)inotify_add_watch(notify, etcdir, mask);
	snprintf(path, sizeof(path), "%s/resolv.conf", etcdir);
	if ((real = realpath(path, NULL)) != NULL) {
		dir = dirname(real);
		(void)inotify_add_watch(notify, dir, mask);
		dirfd_to = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	free(real);
	return notify;
}

void
resolv_drain(void)
{
	char buf[4096];

	while (read(notify, buf, sizeof(buf)) > 0)
		;
}

size_t
resolv_parse(const char *text, size_t len, struct ipaddr *out, size_t max)
{
	const char *end = text + len, *nl;
	char line[128], word[64];
	size_t n = 0;

	for (; text < end && n < max; text = nl + 1) {
		if ((nl = memchr(text, '\n', (size_t)(end - text))) == NULL)
			nl = end;
		if ((size_t)(nl - text) >= sizeof(line))
			continue;
		memcpy(line, text, (size_t)(nl - text));
		line[nl - text] = '\0';
		if (sscanf(line, "nameserver%*[ \t]%63[^ \t\r]", word) == 1 &&
		    ipaddr_parse(word, &out[n]) == 0)
			n++;
	}
	return n;
}

void
resolv_get(struct ipaddr *out, size_t max, size_t *count)
{
	static bool said;
	char buf[16384];
	ssize_t n;
	int fd = -1;

	errno = EBADF;
	if (dirfd_etc != -1) /* else not even to be tried */
		fd = openat(dirfd_etc, "resolv.conf", RESOLV_O);
	if (fd == -1 && (errno == EACCES || errno == EPERM)) {
		if (!said)
			log_warn("resolv.conf: the nameservers known so far "
				 "are used until the next start");
		said = true;
		return;
	}
	*count = 0;
	if (fd == -1)
		return;
	if ((n = read(fd, buf, sizeof(buf))) > 0)
		*count = resolv_parse(buf, (size_t)n, out, max);
	close(fd);
}

void
resolv_dirs(int *etc, int *to)
{
	*etc = dirfd_etc;
	*to = dirfd_to;
}
