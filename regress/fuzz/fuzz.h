#ifndef REGRESS_FUZZ_H
#define REGRESS_FUZZ_H

/*
 * What the harnesses share: a cursor over the input, which never runs out
 * (behind its end stand zeros), and a check that ends the program in a way
 * that libFuzzer and replay.c both notice.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Only where a harness needs it; replay.c has an empty one. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define must(cond)                                              \
	do {                                                    \
		if (!(cond))                                    \
			fuzz_broken(#cond, __FILE__, __LINE__); \
	} while (0)

static inline _Noreturn void
fuzz_broken(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

/* What happens, for whoever looks at a crash: CPPFLAGS=-DFUZZ_TRACE. */
#ifdef FUZZ_TRACE
#define trace(...) fprintf(stderr, __VA_ARGS__)
#else
#define trace(...) ((void)0)
#endif

struct fz {
	const uint8_t *p;
	size_t len;
};

static inline uint8_t
fz_u8(struct fz *f)
{
	if (f->len == 0)
		return 0;
	f->len--;
	return *f->p++;
}

static inline uint16_t
fz_u16(struct fz *f)
{
	uint16_t hi = fz_u8(f);

	return (uint16_t)(hi << 8 | fz_u8(f));
}

static inline uint32_t
fz_u32(struct fz *f)
{
	uint32_t hi = fz_u16(f);

	return hi << 16 | fz_u16(f);
}

/* At most n bytes of the input where they stand; *got says how many. */
static inline const uint8_t *
fz_take(struct fz *f, size_t n, size_t *got)
{
	const uint8_t *p = f->p;

	*got = n < f->len ? n : f->len;
	f->p += *got;
	f->len -= *got;
	return p;
}

/* A copy of exact size, so that a sanitizer sees one byte read too many. */
static inline uint8_t *
fz_copy(const void *p, size_t n)
{
	uint8_t *c = calloc(1, n == 0 ? 1 : n);

	must(c != NULL);
	if (n != 0)
		memcpy(c, p, n);
	return c;
}

/* The same with a NUL behind it. */
static inline char *
fz_string(const void *p, size_t n)
{
	char *c = malloc(n + 1);

	must(c != NULL);
	if (n != 0)
		memcpy(c, p, n);
	c[n] = '\0';
	return c;
}

#endif
