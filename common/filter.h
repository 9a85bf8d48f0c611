#ifndef COMMON_FILTER_H
#define COMMON_FILTER_H

#include <stdint.h>

#include <seccomp.h>

/*
 * A system call filter: an allow list by names. A call that libseccomp knows
 * and the list does not have kills the process; one that is newer than
 * libseccomp gets ENOSYS, so that a newer libc falls back.
 *
 * Errors are kept and told by filter_make() and filter_pfc() alone.
 */
struct filter;

/* For the architecture `arch` (SCMP_ARCH_*; 0: this machine's). The caller
 * frees it. NULL: out of memory, or an architecture unknown to libseccomp. */
struct filter *filter_new(uint32_t arch);
void filter_free(struct filter *f);

/* Allow these calls, whatever their arguments. names ends with NULL; one that
 * the architecture does not have is skipped, an unknown one is an error. */
void filter_allow(struct filter *f, const char *const *names);
/* Have these calls fail with the errno `error`. */
void filter_refuse(struct filter *f, const char *const *names, int error);
/* The argument number i, its low 32 bits: equal to v, or equal under a mask. */
#define FILTER_EQ(i, v)                                             \
	{                                                           \
		(i), SCMP_CMP_MASKED_EQ, 0xffffffffu, (uint32_t)(v) \
	}
#define FILTER_MASKED(i, mask, v)                                        \
	{                                                                \
		(i), SCMP_CMP_MASKED_EQ, (uint32_t)(mask), (uint32_t)(v) \
	}
/* Allow (error 0) or refuse with `error` the call when all n arguments
 * compare so (FILTER_EQ(), FILTER_MASKED()); rules of one call are alternatives,
 * and what none of them says kills. */
void filter_if(struct filter *f, const char *name, int error, unsigned n,
    const struct scmp_arg_cmp *args);
/* The same with the arguments' conditions one by one. */
#define FILTER_IF(f, name, error, ...)                                        \
	do {                                                                  \
		const struct scmp_arg_cmp if_[] = {__VA_ARGS__};              \
                                                                              \
		filter_if(f, name, error, sizeof(if_) / sizeof(if_[0]), if_); \
	} while (0)
/* The flags of open(2) as f's architecture has them, without O_LARGEFILE; of
 * those whose bits differ between architectures only O_NOFOLLOW may be among
 * them. And the bit of O_LARGEFILE, which some libcs add everywhere. */
uint32_t filter_open_flags(const struct filter *f, int flags);
uint32_t filter_open_large(const struct filter *f);
#define FILTER_OPEN(f, i, flags) \
	FILTER_MASKED(i, ~filter_open_large(f), filter_open_flags(f, flags))
/* Allow memory that is not executable to be mapped with all of these flags.
 * On s390x mmap(2) has its arguments in memory: there it is allowed whole. */
void filter_map(struct filter *f, int flags);

/*
 * The program of the filter that rules(0, arg) makes, or NULL when out of memory.
 * Both run in a process of their own, which is waited for: libseccomp takes ten
 * times the memory that a daemon does, and leaves it in pieces. filter_load()
 * frees *out. Returns 0 or -errno.
 */
struct filter_program;
int filter_make(struct filter_program **out,
    struct filter *(*rules)(uint32_t arch, const void *arg), const void *arg);
/*
 * Put it on this process, for good; no_new_privs must be set. Needs no
 * privilege. Returns 0 or -errno, and then nothing is in force.
 */
int filter_load(struct filter_program *p);
/* Write it in libseccomp's readable form to fd. Returns 0 or -errno. */
int filter_pfc(struct filter *f, int fd);

#endif
