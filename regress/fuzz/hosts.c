/*
 * The hosts file: an arbitrary old text, and entries whose names and addresses
 * the input chooses. Lines that are not ours stay, byte for byte and in order;
 * ours are exactly those of legal names; a second run changes nothing; without
 * entries nothing of ours remains.
 */
#include "../../common/check.h"
#include "../../common/hostsfile.h"
#include "fuzz.h"

#define IFNAME "wgoverlay"
#define MAX    8

static const char mark[] = HOSTS_MARK IFNAME;

/* As the file's own rule has it: how the line ends, blanks put aside. */
static bool
managed(const char *s, size_t len)
{
	static const char *const ends[] = {mark, HOSTS_MARK_OLD};
	size_t i, n;

	while (len > 0 && strchr(" \t\n\v\f\r", s[len - 1]) != NULL &&
	       s[len - 1] != '\0')
		len--;
	for (i = 0; i < 2; i++) {
		n = strlen(ends[i]);
		if (len >= n && memcmp(s + len - n, ends[i], n) == 0)
			return true;
	}
	return false;
}

static size_t
line(const char *s, const char *end)
{
	const char *nl = memchr(s, '\n', (size_t)(end - s));

	return (size_t)((nl == NULL ? end : nl + 1) - s);
}

/* The lines that are not ours, one after another. */
static char *
foreign(const char *s, size_t len, size_t *n)
{
	const char *end = s + len;
	char *out = malloc(len + 1);
	size_t k;

	must(out != NULL);
	for (*n = 0; s < end; s += k) {
		k = line(s, end);
		if (managed(s, k))
			continue;
		memcpy(out + *n, s, k);
		*n += k;
	}
	return out;
}

static void
check_foreign(const char *old, size_t oldlen, const char *new, size_t newlen)
{
	size_t a, b;
	char *x = foreign(old, oldlen, &a), *y = foreign(new, newlen, &b);

	/* A last line without an end gets one when lines follow it. */
	if (b == a + 1 && y[b - 1] == '\n' && (a == 0 || x[a - 1] != '\n'))
		b--;
	must(a == b && memcmp(x, y, a) == 0);
	free(x);
	free(y);
}

/* Every line of ours is ADDRESS, NAME and the mark, of an entry. */
static void
check_ours(const char *s, size_t len, const struct hosts_entry *e, size_t n)
{
	const char *end = s + len;
	char text[512], ip[64], name[300], want[512];
	struct ipaddr a;
	size_t k, i;

	for (; s < end; s += k) {
		k = line(s, end);
		if (!managed(s, k))
			continue;
		must(k < sizeof(text));
		memcpy(text, s, k);
		text[k] = '\0';
		must(sscanf(text, "%63s %299s", ip, name) == 2);
		must(ipaddr_parse(ip, &a) == 0);
		must(check_hostname(name, strlen(name)));
		snprintf(want, sizeof(want), "%s\t%s\t" HOSTS_MARK "%s\n", ip,
		    name, IFNAME);
		must(strcmp(text, want) == 0);
		for (i = 0; i < n; i++)
			if (strcmp(e[i].name, name) == 0 &&
			    ipaddr_eq(&e[i].addr, &a))
				break;
		must(i < n);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz f = {data, size};
	struct hosts_entry e[MAX];
	char *names[MAX], *old, *out, *twice, *none;
	size_t i, n = fz_u8(&f) % (MAX + 1), len, outlen, len2, len3;
	const uint8_t *p;

	for (i = 0; i < n; i++) {
		uint8_t how = fz_u8(&f), b[16] = {10};

		memset(b, how & 0x80 ? 0xfd : 10, 16);
		b[3] = b[15] = fz_u8(&f);
		memset(&e[i], 0, sizeof(e[i]));
		if ((how & 0x60) != 0x60)
			(void)ipaddr_from_bytes(
			    b, how & 0x80 ? 16 : 4, &e[i].addr);
		p = fz_take(&f, how & 0x1f, &len);
		e[i].name = names[i] = fz_string(p, len);
	}
	old = (char *)fz_copy(f.p, f.len);
	out = hosts_render(old, f.len, IFNAME, e, n, &outlen);
	must(out != NULL);
	check_foreign(old, f.len, out, outlen);
	check_ours(out, outlen, e, n);
	twice = hosts_render(out, outlen, IFNAME, e, n, &len2);
	must(len2 == outlen && memcmp(out, twice, len2) == 0);
	none = hosts_render(out, outlen, IFNAME, NULL, 0, &len3);
	check_ours(none, len3, NULL, 0);
	check_foreign(old, f.len, none, len3);
	free(none);
	free(twice);
	free(out);
	free(old);
	for (i = 0; i < n; i++)
		free(names[i]);
	return 0;
}
