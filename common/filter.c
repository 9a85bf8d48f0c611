/*
 * System call filters for both processes, by libseccomp. It writes the
 * program; the kernel gets it from here, with a few instructions in front:
 * libseccomp has one answer for all calls outside of the list, and death is
 * the wrong one for a call that did not exist when the list was made. A libc
 * that tries such a call first expects ENOSYS.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter.h"

#define PROLOGUE 8
#define X32_BIT	 0x40000000u /* the other table of x86_64 */
#define NR_END	 1024 /* no architecture of ours counts that far */

struct filter {
	scmp_filter_ctx ctx;
	uint32_t arch;
	int err;
};

/* In memory that is shared with the process that makes it. */
struct filter_program {
	int err;
	unsigned short len;
	struct sock_filter ins[BPF_MAXINSNS];
};

static void
note(struct filter *f, int r)
{
	if (f->err == 0 && r < 0)
		f->err = r;
}

struct filter *
filter_new(uint32_t arch)
{
	struct filter *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->arch = arch != 0 ? arch : seccomp_arch_native();
	if ((f->ctx = seccomp_init(SCMP_ACT_KILL_PROCESS)) == NULL) {
		free(f);
		return NULL;
	}
	if (f->arch != seccomp_arch_native()) {
		/* First: of two, both have the same order of bytes. */
		note(f, seccomp_arch_remove(f->ctx, seccomp_arch_native()));
		note(f, seccomp_arch_add(f->ctx, f->arch));
	}
	note(f, seccomp_attr_set(
		    f->ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
	/* A binary tree: every call pays for the search. */
	note(f, seccomp_attr_set(f->ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2));
	return f;
}

void
filter_free(struct filter *f)
{
	if (f == NULL)
		return;
	seccomp_release(f->ctx);
	free(f);
}

/* Sockets have numbers below zero where socketcall(2) makes them too. */
static bool
has_call(uint32_t arch, const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(arch, name);

	return nr >= 0 || (nr <= -101 && nr >= -120);
}

void
filter_if(struct filter *f, const char *name, int error, unsigned n,
    const struct scmp_arg_cmp *args)
{
	uint32_t what = error == 0 ? SCMP_ACT_ALLOW
				   : SCMP_ACT_ERRNO((uint32_t)error);
	int nr = seccomp_syscall_resolve_name(name);

	if (nr == __NR_SCMP_ERROR) {
		note(f, -EINVAL);
		return;
	}
	/* Known by name, but not to this architecture: nothing to allow. */
	if (!has_call(f->arch, name))
		return;
	note(f, seccomp_rule_add_array(f->ctx, what, nr, n, args));
}

static bool
is_arm(const struct filter *f)
{
	return f->arch == SCMP_ARCH_AARCH64 || f->arch == SCMP_ARCH_ARM;
}

uint32_t
filter_open_flags(const struct filter *f, int flags)
{
	const uint32_t rest = (uint32_t)(flags & ~(O_NOFOLLOW | O_LARGEFILE));

	if (!(flags & O_NOFOLLOW))
		return rest;
	if (f->arch == seccomp_arch_native())
		return rest | O_NOFOLLOW;
	return rest | (is_arm(f) ? 0100000 : 0400000);
}

uint32_t
filter_open_large(const struct filter *f)
{
	return is_arm(f) ? 0400000 : 0100000;
}

void
filter_map(struct filter *f, int flags)
{
	static const char *const old[] = {"mmap", NULL};

	if (has_call(f->arch, "mmap2"))
		FILTER_IF(f, "mmap2", 0, FILTER_MASKED(2, PROT_EXEC, 0),
		    FILTER_MASKED(3, flags, flags));
	else if (f->arch == SCMP_ARCH_S390X)
		filter_allow(f, old);
	else
		FILTER_IF(f, "mmap", 0, FILTER_MASKED(2, PROT_EXEC, 0),
		    FILTER_MASKED(3, flags, flags));
}

void
filter_refuse(struct filter *f, const char *const *names, int error)
{
	for (; *names != NULL; names++)
		filter_if(f, *names, error, 0, NULL);
}

void
filter_allow(struct filter *f, const char *const *names)
{
	filter_refuse(f, names, 0);
}

/* The highest call that libseccomp has a name for. */
static uint32_t
last_known(uint32_t arch)
{
	char *name = NULL;
	int nr;

	for (nr = NR_END; nr > 0 && name == NULL; nr--)
		name = seccomp_syscall_resolve_num_arch(arch, nr - 1);
	free(name);
	return (uint32_t)nr;
}

/*
 * Its arguments lie in memory, so that what the list says of the arguments of
 * socket(2) and others, libseccomp cannot say of it, and allows it whole where
 * one of them is allowed. Nothing of ours uses it: common/direct.c.
 */
static uint32_t
multiplexer(uint32_t arch)
{
	return has_call(arch, "socketcall")
		   ? (uint32_t)seccomp_syscall_resolve_name_arch(
			 arch, "socketcall")
		   : UINT32_MAX;
}

static void
prologue(struct sock_filter ins[PROLOGUE], uint32_t arch)
{
	const struct sock_filter p[PROLOGUE] = {
	    BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, 6),
	    BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, multiplexer(arch), 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last_known(arch), 0, 2),
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};

	memcpy(ins, p, sizeof(p));
}

/* libseccomp's program behind ours. */
static int
export_program(const struct filter *f, struct filter_program *p)
{
	const size_t size = sizeof(p->ins[0]);
	const size_t room = sizeof(p->ins) - PROLOGUE * size;
	int fd = memfd_create("filter", MFD_CLOEXEC), err = -EIO;
	off_t len;

	if (fd == -1)
		return -errno;
	if ((err = seccomp_export_bpf(f->ctx, fd)) == 0) {
		len = lseek(fd, 0, SEEK_END);
		prologue(p->ins, f->arch);
		if (len <= 0 || (size_t)len % size != 0 || (size_t)len > room ||
		    pread(fd, p->ins + PROLOGUE, (size_t)len, 0) != len)
			err = -EIO;
		else
			p->len =
			    (unsigned short)(PROLOGUE + (size_t)len / size);
	}
	close(fd);
	return err;
}

static void
make(struct filter_program *p,
    struct filter *(*rules)(uint32_t arch, const void *arg), const void *arg)
{
	struct filter *f = rules(0, arg);
	int err = f == NULL ? -ENOMEM : f->err;

	if (err == 0)
		err = export_program(f, p);
	filter_free(f);
	p->err = err; /* last: who is killed before has failed */
}

int
filter_make(struct filter_program **out,
    struct filter *(*rules)(uint32_t arch, const void *arg), const void *arg)
{
	struct filter_program *p = mmap(NULL, sizeof(*p),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	int err;

	*out = NULL;
	if (p == MAP_FAILED)
		return -errno;
	p->err = -ECHILD; /* unless it gets to an end */
	if ((pid = fork()) == 0) {
		make(p, rules, arg);
		_exit(0);
	}
	if (pid == -1) /* by a limit, which must not keep us from ours */
		make(p, rules, arg);
	else
		while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
			;
	if ((err = p->err) != 0)
		(void)munmap(p, sizeof(*p));
	else
		*out = p;
	return err;
}

int
filter_load(struct filter_program *p)
{
	const struct sock_fprog prog = {p->len, p->ins};
	int err = 0;

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == -1)
		err = -errno;
	(void)munmap(p, sizeof(*p));
	return err;
}

int
filter_pfc(struct filter *f, int fd)
{
	return f->err != 0 ? f->err : seccomp_export_pfc(f->ctx, fd);
}
