/*
 * Prometheus' text format, in the gossip process. Values of labels are the
 * names of members, so hostile: anything but a control character. What would
 * end a value, or make the page unreadable as a whole, is escaped.
 */
#include <stdbool.h>
#include <string.h>

#include "prom.h"

void
prom_family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* How long is the UTF-8 character at s? 0: it is none. */
static unsigned
utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char mask, lead, low, high; /* of the second byte */
		unsigned n;
	} form[] = {{0x80, 0x00, 0, 0, 1}, {0xff, 0xe0, 0xa0, 0xbf, 3},
	    {0xff, 0xed, 0x80, 0x9f, 3}, {0xf0, 0xe0, 0x80, 0xbf, 3},
	    {0xff, 0xf0, 0x90, 0xbf, 4}, {0xff, 0xf4, 0x80, 0x8f, 4},
	    {0xfc, 0xf0, 0x80, 0xbf, 4}, {0xe0, 0xc0, 0x80, 0xbf, 2}};
	unsigned i, k;

	if (s[0] == 0xc0 || s[0] == 0xc1)
		return 0;
	for (i = 0; i < sizeof(form) / sizeof(form[0]); i++)
		if ((s[0] & form[i].mask) == form[i].lead)
			break;
	if (i == sizeof(form) / sizeof(form[0]))
		return 0;
	if (form[i].n > 1 && (s[1] < form[i].low || s[1] > form[i].high))
		return 0;
	for (k = 2; k < form[i].n; k++)
		if ((s[k] & 0xc0) != 0x80)
			return 0;
	return form[i].n;
}

static void
put_value(FILE *out, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;
	unsigned n;

	for (; *s != '\0'; s += n) {
		n = utf8_length(s);
		if (n == 0 || *s == '\\') {
			fprintf(out, "\\\\x%02x", *s);
			n = 1;
		} else if (*s == '"')
			fputs("\\\"", out);
		else if (*s == '\n')
			fputs("\\n", out);
		else
			(void)fwrite(s, 1, n, out);
	}
}

static void
put_name(FILE *out, const char *name, const char *const *labels)
{
	char before = '{';

	fputs(name, out);
	if (labels == NULL || labels[0] == NULL) {
		fputc(' ', out);
		return;
	}
	for (; labels[0] != NULL; labels += 2) {
		fprintf(out, "%c%s=\"", before, labels[0]);
		put_value(out, labels[1]);
		fputc('"', out);
		before = ',';
	}
	fputs("} ", out);
}

void
prom_count(
    FILE *out, const char *name, const char *const *labels, uint64_t value)
{
	put_name(out, name, labels);
	fprintf(out, "%llu\n", (unsigned long long)value);
}

void
prom_real(FILE *out, const char *name, const char *const *labels, double value)
{
	put_name(out, name, labels);
	fprintf(out, "%.10g\n", value);
}
