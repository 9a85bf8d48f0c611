#ifndef REGRESS_UNIT_VEC_H
#define REGRESS_UNIT_VEC_H

/*
 * For unit tests: the vectors of regress/vectors (JSON), hex, and copies of
 * exact size, so that a sanitizer sees one byte read too many. Every helper
 * ends the program on an error: a test without its data must fail.
 * Include it behind cmocka.h. Buffers are malloc'ed, never NULL.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

struct vec {
	uint8_t *p;
	size_t len;
};

/* The folder of the vectors. */
static inline const char *
vec_dir(void)
{
	const char *d = getenv("WESHER_VECTORS");

	return d != NULL && *d != '\0' ? d : "regress/vectors";
}

/* Load a file below the folder, e.g. "lzw.json"; json_decref() it. */
static inline json_t *
vec_load(const char *file)
{
	char path[4096];
	json_error_t e;
	json_t *j;

	snprintf(path, sizeof(path), "%s/%s", vec_dir(), file);
	if ((j = json_load_file(path, JSON_ALLOW_NUL, &e)) == NULL)
		errx(1, "%s:%d: %s", path, e.line, e.text);
	return j;
}

/* A copy of exactly len bytes. */
static inline struct vec
vec_copy(const void *p, size_t len)
{
	struct vec v = {malloc(len), len};

	if (v.p == NULL && (len != 0 || (v.p = malloc(1)) == NULL))
		err(1, "malloc");
	if (len != 0)
		memcpy(v.p, p, len);
	return v;
}

static inline int
vec_nibble(char c)
{
	const char *digits = "0123456789abcdef", *d;

	if (c == '\0' || (d = strchr(digits, c | 0x20)) == NULL)
		errx(1, "not hex: %c", c);
	return (int)(d - digits);
}

/* Decode hex; blanks between bytes are skipped. */
static inline struct vec
vec_hex(const char *s)
{
	struct vec v = vec_copy("", 0), exact;

	free(v.p);
	if ((v.p = malloc(strlen(s) / 2 + 1)) == NULL)
		err(1, "malloc");
	for (; *s != '\0'; s++) {
		if (*s == ' ')
			continue;
		v.p[v.len++] =
		    (uint8_t)(vec_nibble(s[0]) << 4 | vec_nibble(s[1]));
		s++;
	}
	exact = vec_copy(v.p, v.len);
	free(v.p);
	return exact;
}

/* A member of an object that must be there. */
static inline json_t *
vec_get(json_t *o, const char *key)
{
	json_t *j = json_object_get(o, key);

	if (j == NULL)
		errx(1, "vector has no \"%s\"", key);
	return j;
}

/* A string member (NUL-terminated). */
static inline const char *
vec_str(json_t *o, const char *key)
{
	const char *s = json_string_value(vec_get(o, key));

	if (s == NULL)
		errx(1, "\"%s\" is no string", key);
	return s;
}

/* An integer member. */
static inline long long
vec_int(json_t *o, const char *key)
{
	json_t *j = vec_get(o, key);

	if (!json_is_integer(j))
		errx(1, "\"%s\" is no integer", key);
	return json_integer_value(j);
}

/* A string member of hex digits, decoded; free(v.p). */
static inline struct vec
vec_hexof(json_t *o, const char *key)
{
	return vec_hex(vec_str(o, key));
}

/* Call fn for each record of both memberlists; returns how many there were. */
static inline size_t
vec_memberlist(void (*fn)(json_t *rec))
{
	static const char *folders[] = {"memberlist-0.2.2", "memberlist-0.6"};
	static const char *files[] = {"ackResp_tcp", "ackResp_udp", "alive",
	    "compound", "compress", "dead_failed", "dead_left", "err", "hasCrc",
	    "indirectPing", "nackResp", "ping_tcp", "ping_udp",
	    "pushPull_joinfalse_request", "pushPull_joinfalse_response",
	    "pushPull_jointrue_request", "pushPull_jointrue_response",
	    "suspect", "user_tcp", "user_udp"};
	char path[128];
	json_t *file, *rec;
	size_t i, k, n = 0, nfiles = sizeof(files) / sizeof(files[0]);

	for (i = 0; i < 2 * nfiles; i++) {
		snprintf(path, sizeof(path), "%s/%s.json", folders[i / nfiles],
		    files[i % nfiles]);
		file = vec_load(path);
		if (json_array_size(file) == 0)
			errx(1, "%s is empty", path);
		json_array_foreach(file, k, rec)
		{
			fn(rec);
			n++;
		}
		json_decref(file);
	}
	return n;
}

#endif
