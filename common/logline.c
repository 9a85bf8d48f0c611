/*
 * How a line of the log is composed (logline.h). Both programs; strings among
 * the arguments may be anybody's. The format's arguments are walked once by
 * printf(3) for the sentence, and once here: to know what the line is about,
 * and for the pairs, whose values printf could not quote.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "logline.h"

#define FORMAT_MAX 512 /* of a sentence */

struct conversion {
	char kind; /* 's', 'd', 'u', 'x', ... ; 0: the format ends */
	int longs; /* 1: long, 2: long long, size_t and intmax_t as they are */
	bool stars; /* its precision is an argument */
};

/* From behind a '%' to behind the conversion. */
static const char *
parse(const char *p, struct conversion *c)
{
	memset(c, 0, sizeof(*c));
	for (; *p != '\0' && strchr("-+ #0123456789.*", *p) != NULL; p++)
		c->stars |= *p == '*';
	for (; *p != '\0' && strchr("hlzjt", *p) != NULL; p++)
		if (*p != 'h')
			c->longs += *p == 'j' && sizeof(intmax_t) > sizeof(long)
					? 2
					: 1;
	if (*p != '\0')
		c->kind = *p++;
	return p;
}

/* A list of arguments, where a function can hand it on. */
struct args {
	va_list ap;
};

/* The next argument: a string, or a number as text. NULL: none of both. */
static const char *
next(struct args *a, const struct conversion *c, char buf[32], int *len)
{
	*len = -1;
	if (c->stars)
		*len = va_arg(a->ap, int);
	switch (c->kind) {
	case 's':
		return va_arg(a->ap, const char *);
	case 'd':
	case 'i':
	case 'c':
		snprintf(buf, 32, "%lld",
		    c->longs == 0   ? (long long)va_arg(a->ap, int)
		    : c->longs == 1 ? (long long)va_arg(a->ap, long)
				    : va_arg(a->ap, long long));
		return buf;
	case 'u':
	case 'x':
	case 'o':
		snprintf(buf, 32, "%llu",
		    c->longs == 0 ? (unsigned long long)va_arg(a->ap, unsigned)
		    : c->longs == 1
			? (unsigned long long)va_arg(a->ap, unsigned long)
			: va_arg(a->ap, unsigned long long));
		return buf;
	case 'f':
	case 'g':
		snprintf(buf, 32, "%.3f", va_arg(a->ap, double));
		return buf;
	}
	return NULL;
}

static void
about(struct logline *l, const char *s, int max)
{
	size_t room = sizeof(l->subject) - l->nsubject;
	size_t n = strnlen(s, max < 0 ? room : (size_t)max);

	if (n >= room)
		n = room - 1;
	memcpy(l->subject + l->nsubject, s, n);
	l->nsubject += n;
	if (n + 1 < room)
		l->subject[l->nsubject++] = '\0';
}

/* The arguments of the sentence are passed by; its strings are the subject. */
static void
pass(struct logline *l, const char *fmt, struct args *a)
{
	struct conversion c;
	char number[32];
	const char *s;
	int len;

	while ((fmt = strchr(fmt, '%')) != NULL) {
		if (fmt[1] == '%') {
			fmt += 2;
			continue;
		}
		fmt = parse(fmt + 1, &c);
		s = next(a, &c, number, &len);
		if (s != NULL && c.kind == 's')
			about(l, s, len);
	}
}

/* "=" would be taken for that of a pair. */
static void
no_pairs(char *text, size_t size)
{
	char *p = text;

	while ((p = strchr(p, '=')) != NULL) {
		size_t rest = strlen(p + 1);

		if ((size_t)(p - text) + 4 >= size) {
			*p = '\0';
			return;
		}
		if ((size_t)(p - text) + 4 + rest >= size)
			rest = size - 5 - (size_t)(p - text);
		memmove(p + 4, p + 1, rest);
		memcpy(p, "\\075", 4);
		p += 4;
		p[rest] = '\0';
	}
}

static bool
is_bare(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~' || strchr("\"=\\;", *s) != NULL)
			return false;
	return true;
}

/* In quotes; the length, or 0: it does not fit. */
static size_t
quoted(char *to, size_t size, const char *s)
{
	size_t n = strlen(s), i, took, put, out = 0;
	char one[LOGVIS_MAX];

	if (size < 3)
		return 0;
	to[out++] = '"';
	for (i = 0; i < n; i += took) {
		put = logvis_one(one, s + i, n - i, &took);
		if (s[i] == '=')
			put = (size_t)snprintf(one, sizeof(one), "\\075");
		else if (s[i] == '"' || s[i] == '\\')
			put = (size_t)snprintf(one, sizeof(one), "\\%c", s[i]);
		if (out + put + 2 > size)
			return 0;
		memcpy(to + out, one, put);
		out += put;
	}
	to[out++] = '"';
	to[out] = '\0';
	return out;
}

/* 0, or -1: it does not fit. */
static int
put_pair(struct logline *l, const char *key, size_t keylen, const char *value)
{
	size_t at = strlen(l->text), room = sizeof(l->text) - at, n;
	char *to = l->text + at;

	n = (size_t)snprintf(to, room,
	    "%s%.*s=", at == l->sentence ? "; " : " ", (int)keylen, key);
	if (n < room && is_bare(value)) {
		if (strlcpy(to + n, value, room - n) < room - n)
			return 0;
	} else if (n < room && quoted(to + n, room - n, value) != 0) {
		return 0;
	}
	*to = '\0';
	return -1;
}

/* "key=%s key=%u key=word" */
static void
pairs(struct logline *l, const char *fmt, struct args *a)
{
	while (*fmt != '\0') {
		size_t keylen = strcspn(fmt, "=");
		const char *key = fmt, *value, *end;
		struct conversion c;
		char word[32];
		int len;

		fmt += keylen;
		if (*fmt == '=')
			fmt++;
		if (*fmt == '%') {
			end = parse(fmt + 1, &c);
			value = next(a, &c, word, &len);
		} else {
			end = fmt + strcspn(fmt, " ");
			snprintf(
			    word, sizeof(word), "%.*s", (int)(end - fmt), fmt);
			value = word;
		}
		fmt = end + strspn(end, " ");
		if (value != NULL && value[0] != '\0' &&
		    put_pair(l, key, keylen, value) == -1)
			return;
	}
}

void
logline_make(struct logline *l, int err, bool asis, const char *fmt, va_list ap)
{
	char raw[LOG_LINE], sentence[FORMAT_MAX];
	const char *tab = strchr(fmt, '\t');
	struct args a;
	size_t n, size = tab == NULL ? sizeof(l->text) : LOG_SENTENCE;

	if (tab != NULL) {
		n = (size_t)(tab - fmt);
		if (n >= sizeof(sentence))
			n = sizeof(sentence) - 1;
		memcpy(sentence, fmt, n);
		sentence[n] = '\0';
	}
	va_copy(a.ap, ap);
	if (vsnprintf(raw, sizeof(raw), tab == NULL ? fmt : sentence, ap) < 0)
		raw[0] = '\0';
	n = strlen(raw);
	if (err != LOGLINE_OK)
		snprintf(raw + n, sizeof(raw) - n, ": %s", strerror(err));
	log_vis(l->text, size, raw, strlen(raw));
	l->nsubject = 0;
	pass(l, tab == NULL ? fmt : sentence, &a);
	if (err != LOGLINE_OK)
		about(l, strerror(err), -1);
	if (tab != NULL || !asis)
		no_pairs(l->text, size);
	l->sentence = strlen(l->text);
	if (tab != NULL)
		pairs(l, tab + 1, &a);
	va_end(a.ap);
}
