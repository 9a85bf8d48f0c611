#ifndef OOM_H
#define OOM_H

/*
 * Memory that runs out at one exact allocation, for the programs that the
 * Makefile links with --wrap. A test's own allocations, in what it includes
 * behind this, never fail.
 */
#include <sys/mman.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What mmap is to the linker, with an off_t of 64 bits everywhere. */
#ifdef __GLIBC__
#define __real_mmap __real_mmap64
#define __wrap_mmap __wrap_mmap64
#endif

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *
__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t from);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
void *
__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t from);

/* Allocations number at, from 1, to end fail. */
static struct {
	unsigned at, end, count;
} oom;

static bool
oom_fails(void)
{
	oom.count++;
	if (oom.count < oom.at || oom.count > oom.end)
		return false;
	errno = ENOMEM;
	return true;
}

static inline void
oom_arm(unsigned at, unsigned row)
{
	oom.at = at;
	oom.end = at + row - 1;
	oom.count = 0;
}

/* Memory is back. True when there were fewer allocations than that. */
static inline bool
oom_disarm(void)
{
	unsigned at = oom.at;

	oom.at = 1;
	oom.end = 0;
	return oom.count < at;
}

void *
__wrap_malloc(size_t size)
{
	return oom_fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return oom_fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return oom_fails() ? NULL : __real_realloc(p, size);
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return oom_fails() ? NULL : __real_reallocarray(p, n, size);
}

char *
__wrap_strdup(const char *s)
{
	return oom_fails() ? NULL : __real_strdup(s);
}

char *
__wrap_strndup(const char *s, size_t n)
{
	return oom_fails() ? NULL : __real_strndup(s, n);
}

void *
__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t from)
{
	return oom_fails() ? MAP_FAILED
			   : __real_mmap(at, len, prot, flags, fd, from);
}

#undef strdup
#undef strndup
#define malloc(n)	      __real_malloc(n)
#define calloc(n, size)	      __real_calloc(n, size)
#define realloc(p, n)	      __real_realloc(p, n)
#define reallocarray(p, n, s) __real_reallocarray(p, n, s)
#define strdup(s)	      __real_strdup(s)
#define strndup(s, n)	      __real_strndup(s, n)

#endif
