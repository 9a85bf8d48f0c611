/*
 * The text of /etc/hosts with our lines in it; a pure function, no file is
 * touched. Used by wesher-priv as root, so both inputs count as hostile.
 *
 * Names come from the gossip process: only what check_hostname lets pass gets
 * into the text, so that no name can carry a line break or hide localhost.
 * The old text is the administrator's and may hold any bytes: what is not
 * marked as ours is kept byte for byte, and never read beyond its length.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "check.h"
#include "hostsfile.h"

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
	return ends_with(s, len, HOSTS_MARK, interface) ||
	       ends_with(s, len, HOSTS_MARK_OLD, "");
}

/* A line of any mesh on this host: names there are not the administrator's,
 * and each mesh may have the same ones. */
static bool
is_anybodys(const char *s, size_t len)
{
	return memmem(s, len, HOSTS_MARK, sizeof(HOSTS_MARK) - 1) != NULL;
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
			p += sprintf(p, "%s\t%s\t" HOSTS_MARK "%s\n",
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
		       sizeof(HOSTS_MARK) + strlen(interface) + 3;
	if ((out = p = malloc(cap)) == NULL)
		goto out;
	for (s = old; s < end; s += len) {
		len = line_len(s, end);
		if (!is_managed(s, len, interface) && !is_anybodys(s, len))
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
