/*
 * The managed lines of /etc/hosts, in wesher-priv, as root, inside the
 * sandbox: the one file outside of its own folders that it ever writes.
 *
 * Names come from the gossip process; only what check_hostname lets pass gets
 * into the file, so that no name can carry a line break or hide localhost.
 * The file itself belongs to the administrator: what is not marked as ours is
 * kept byte for byte, and a half-written file must never be seen. Where it
 * cannot be renamed into place (a container's bind mount), the finished text
 * is put beside it first; a torn write is rolled forward from there.
 */
#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "../common/check.h"
#include "hosts.h"

#define MARK_NEW  "# ! managed automatically by wesher interface "
#define MARK_OLD  "# ! MANAGED AUTOMATICALLY !"
#define FILE_NOW  "hosts"
#define FILE_COPY "hosts.wesher-copy"
#define FILE_MAX  (16 * 1024 * 1024)

struct hosts {
	int dirfd;
	char interface[16];
	char new[40]; /* the file beside: one per mesh */
};

/* text */

static bool
ends_with(const char *s, size_t len, const char *end, const char *end2)
{
	size_t n = strlen(end), n2 = strlen(end2);

	return len >= n + n2 && memcmp(s + len - n2, end2, n2) == 0 &&
	       memcmp(s + len - n2 - n, end, n) == 0;
}

static bool
is_managed(const char *s, size_t len, const char *interface)
{
	while (len > 0 && isspace((unsigned char)s[len - 1]))
		len--;
	return ends_with(s, len, MARK_NEW, interface) ||
	       ends_with(s, len, MARK_OLD, "");
}

struct item {
	const struct hosts_entry *e;
	bool drop;
};

static int
by_name(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c = strcasecmp(x->e->name, y->e->name);

	return c != 0 ? c : ipaddr_cmp(&x->e->addr, &y->e->addr);
}

static int
by_addr(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c = ipaddr_cmp(&x->e->addr, &y->e->addr);

	return c != 0 ? c : strcasecmp(x->e->name, y->e->name);
}

struct word {
	const char *s;
	size_t len;
};

static int
find_name(const void *key, const void *elem)
{
	const struct word *w = key;
	const struct item *it = elem;
	int c = strncasecmp(w->s, it->e->name, w->len);

	return c != 0 ? c : -(it->e->name[w->len] != '\0');
}

/* An unmanaged line: its names are not ours to define. */
static void
drop_names(const char *s, size_t len, struct item *it, size_t n)
{
	const char *end = memchr(s, '#', len);
	struct word w;
	struct item *found;
	bool first = true;

	if (end == NULL)
		end = s + len;
	for (;; s = w.s + w.len) {
		while (s < end && isspace((unsigned char)*s))
			s++;
		if (s == end)
			return;
		for (w.s = s; s < end && !isspace((unsigned char)*s); s++)
			continue;
		w.len = (size_t)(s - w.s);
		found = first ? NULL
			      : bsearch(&w, it, n, sizeof(*it), find_name);
		if (found != NULL)
			found->drop = true;
		first = false; /* the address */
	}
}

/* The entries that may stand in the file, one for a name, sorted by name. */
static size_t
select_items(const struct hosts_entry *e, size_t n, struct item *it)
{
	size_t i, m = 0, k = 0;

	for (i = 0; i < n; i++)
		if (e[i].addr.len != 0 &&
		    check_hostname(e[i].name, strlen(e[i].name)))
			it[m++] = (struct item){.e = &e[i]};
	qsort(it, m, sizeof(*it), by_name);
	for (i = 0; i < m; i++)
		if (k == 0 || strcasecmp(it[k - 1].e->name, it[i].e->name) != 0)
			it[k++] = it[i];
	return k;
}

/* The line at s, its line break included. */
static size_t
line_len(const char *s, const char *end)
{
	const char *nl = memchr(s, '\n', (size_t)(end - s));

	return (size_t)((nl == NULL ? end : nl + 1) - s);
}

static char *
put_items(char *p, const struct item *it, size_t n, const char *interface)
{
	char ip[IPADDR_STRLEN];
	size_t i;

	for (i = 0; i < n; i++)
		if (!it[i].drop)
			p += sprintf(p, "%s\t%s\t" MARK_NEW "%s\n",
			    ipaddr_str(&it[i].e->addr, ip), it[i].e->name,
			    interface);
	return p;
}

char *
hosts_render(const char *old, size_t oldlen, const char *interface,
    const struct hosts_entry *e, size_t n, size_t *newlen)
{
	const char *s, *end = old + oldlen;
	struct item *it = calloc(n + 1, sizeof(*it));
	char *out = NULL, *p;
	bool placed = false;
	size_t i, len, cap = oldlen + 2;

	if (it == NULL)
		return NULL;
	n = select_items(e, n, it);
	for (i = 0; i < n; i++)
		cap += IPADDR_STRLEN + strlen(it[i].e->name) +
		       sizeof(MARK_NEW) + strlen(interface) + 3;
	if ((out = p = malloc(cap)) == NULL)
		goto out;
	for (s = old; s < end; s += len) {
		len = line_len(s, end);
		if (!is_managed(s, len, interface))
			drop_names(s, len, it, n);
	}
	qsort(it, n, sizeof(*it), by_addr);
	for (s = old; s < end; s += len) {
		len = line_len(s, end);
		if (!is_managed(s, len, interface)) {
			memcpy(p, s, len);
			p += len;
		} else if (!placed) {
			p = put_items(p, it, n, interface);
			placed = true;
		}
	}
	for (i = 0; i < n && it[i].drop; i++)
		continue;
	if (!placed && i < n) {
		if (p > out && p[-1] != '\n')
			*p++ = '\n';
		p = put_items(p, it, n, interface);
	}
	*newlen = (size_t)(p - out);
out:
	free(it);
	return out;
}

/* files */

/* The whole of a regular file, malloc'ed, or NULL with errno. */
static char *
read_file(int dirfd, const char *name, size_t *len, struct stat *st)
{
	int fd = openat(
	    dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	char *buf = NULL;
	ssize_t n = -1;
	size_t got = 0;

	if (fd == -1)
		return NULL;
	if (fstat(fd, st) == -1)
		goto out;
	errno = !S_ISREG(st->st_mode) ? EINVAL : EFBIG;
	if (!S_ISREG(st->st_mode) || st->st_size > FILE_MAX ||
	    (buf = malloc((size_t)st->st_size + 1)) == NULL)
		goto out;
	while ((n = read(fd, buf + got, (size_t)st->st_size - got)) > 0)
		got += (size_t)n;
	*len = got;
out:
	if (n == -1) {
		free(buf);
		buf = NULL;
	}
	close(fd);
	return buf;
}

/* Make fd exactly buf, on disk. 0 or -errno. */
static int
overwrite(int fd, const char *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pwrite(fd, buf + done, len - done, (off_t)done);
		if (n == -1)
			return -errno;
		done += (size_t)n;
	}
	if (ftruncate(fd, (off_t)len) == -1 || fsync(fd) == -1)
		return -errno;
	return 0;
}

static int
write_beside(
    struct hosts *h, const char *buf, size_t len, const struct stat *st)
{
	int fd, r;

	(void)unlinkat(h->dirfd, h->new, 0);
	fd = openat(h->dirfd, h->new,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return -errno;
	/* The owner as far as we may: CAP_CHOWN is gone in the sandbox. */
	if (fchown(fd, st->st_uid, st->st_gid) == -1)
		r = 0;
	r = fchmod(fd, st->st_mode & 0777) == -1 ? -errno : 0;
	if (r == 0)
		r = overwrite(fd, buf, len);
	close(fd);
	if (r != 0)
		(void)unlinkat(h->dirfd, h->new, 0);
	return r;
}

/* Overwrite hosts with buf, else put back old (if any); then the copy goes. */
static int
write_in_place(struct hosts *h, const char *buf, size_t len, const char *old,
    size_t oldlen)
{
	int fd = openat(h->dirfd, FILE_NOW, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	int r, back;

	if (fd == -1)
		return -errno;
	back = r = overwrite(fd, buf, len);
	if (r != 0 && old != NULL)
		back = overwrite(fd, old, oldlen);
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
	char *buf = read_file(h->dirfd, FILE_COPY, &len, &st);
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
	int r = write_beside(h, new, newlen, st);

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
hosts_open(int dirfd, const char *interface)
{
	struct hosts *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->dirfd = dirfd;
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

int
hosts_write(struct hosts *h, const struct hosts_entry *e, size_t n)
{
	struct stat st;
	size_t oldlen, newlen;
	char *old, *new;
	int r;

	if ((r = repair(h)) != 0)
		return r;
	if ((old = read_file(h->dirfd, FILE_NOW, &oldlen, &st)) == NULL)
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
