/*
 * The text of /etc/hosts with our lines in it, and which names may be in it;
 * pure functions, no file is touched. Used by wesher-priv as root, so both
 * inputs count as hostile; the gossip process asks hosts_unfit() too, so that
 * it can say beforehand what root would leave out.
 *
 * Names were chosen by the network: only what check_hostname lets pass gets
 * into the text, so that no name can carry a line break or hide localhost, and
 * no name takes the line of a member that had it before.
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
#include "log.h"

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

const char *
hosts_unfit(const char *name, size_t len, const char *self, const char *domains)
{
	const char *dot = memchr(name, '.', len), *own = strchr(self, '.');
	size_t first = dot == NULL ? len : (size_t)(dot - name);
	size_t rest = dot == NULL ? 0 : len - first - 1;
	bool ours = own != NULL && dot != NULL && strlen(own + 1) == rest &&
		    strncasecmp(dot + 1, own + 1, rest) == 0;

	if (check_reserved(name, len))
		return "its name is a reserved one";
	if (!check_hostname(name, len))
		return "its name is no legal host name (RFC 1123)";
	/* A short name is that of any domain. */
	if (strcspn(self, ".") == first &&
	    strncasecmp(name, self, first) == 0 &&
	    (ours || own == NULL || dot == NULL))
		return "its name is our own";
	if (dot != NULL && !ours && !check_listed(dot + 1, rest, domains))
		return "its domain is neither ours nor given by --hosts-domain";
	return NULL;
}

struct item {
	const struct hosts_entry *e;
	bool stands, drop; /* in the old text; not in the new one */
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
	/* Torn files have NUL bytes, and there the word ends. */
	size_t len = strnlen(w->s, w->len);
	int c = strncasecmp(w->s, it->e->name, len);

	return c != 0 ? c : -(it->e->name[len] != '\0');
}

static void
drop(struct item *it, const char *why)
{
	it->drop = true;
	if (it->e->line != NULL)
		it->e->line->why = why;
}

/* One of our own lines, ADDRESS<TAB>NAME<TAB>...: its holder keeps it. */
static void
note_holder(const char *s, size_t len, struct item *it, size_t n)
{
	struct hosts_entry e;
	struct item probe = {.e = &e}, *found;
	char addr[IPADDR_STRLEN], name[254];
	const char *tab = memchr(s, '\t', len), *end;
	size_t alen = tab == NULL ? 0 : (size_t)(tab - s);

	if (tab == NULL || alen >= sizeof(addr) ||
	    (end = memchr(tab + 1, '\t', len - alen - 1)) == NULL ||
	    (size_t)(end - tab) > sizeof(name))
		return;
	memcpy(addr, s, alen);
	addr[alen] = '\0';
	memcpy(name, tab + 1, (size_t)(end - tab) - 1);
	name[end - tab - 1] = '\0';
	e.name = name;
	if (ipaddr_parse(addr, &e.addr) == -1)
		return;
	found = bsearch(&probe, it, n, sizeof(*it), by_name);
	if (found != NULL && strcmp(found->e->name, name) == 0)
		found->stands = true;
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
			drop(found, "another line there defines its name");
		first = false; /* the address */
	}
}

/* The entries that may stand in the file, sorted by name. */
static size_t
select_items(const struct hosts_entry *e, size_t n, struct item *it)
{
	size_t i, m = 0;

	for (i = 0; i < n; i++) {
		if (e[i].line != NULL)
			e[i].line->why = NULL;
		if (e[i].addr.len != 0 &&
		    check_hostname(e[i].name, strlen(e[i].name)))
			it[m++] = (struct item){.e = &e[i]};
	}
	qsort(it, m, sizeof(*it), by_name);
	return m;
}

/* One entry for a name, in whatever letters; the others are dropped. */
static size_t
unite_names(struct item *it, size_t n)
{
	size_t i, k = 0;

	for (i = 0; i < n; i++) {
		struct item x = it[i];

		if (k == 0 || strcasecmp(it[k - 1].e->name, x.e->name) != 0) {
			it[k++] = x;
			continue;
		}
		if (x.stands && !it[k - 1].stands) {
			it[i] = it[k - 1];
			it[k - 1] = x;
		}
		drop(&it[i], "another member has its name");
	}
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
	for (s = old; s < end; s += len) {
		len = line_len(s, end);
		if (is_managed(s, len, interface))
			note_holder(s, len, it, n);
	}
	n = unite_names(it, n);
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

void
hosts_tell(const struct hosts_entry *e, size_t n, struct bucket *b, int64_t now)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct hosts_line *l = e[i].line;

		if (l->why == l->told ||
		    (l->why != NULL && !bucket_take(b, now)))
			continue;
		l->told = l->why;
		if (l->why != NULL)
			log_warnx("%s gets no line in /etc/hosts: %s",
			    e[i].name, l->why);
	}
}
