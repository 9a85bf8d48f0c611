/*
 * System call filters for both processes, by libseccomp. It writes the
 * program; the kernel gets it from here, with a few instructions in front:
 * libseccomp has one answer for all calls outside of the list, and death is
 * the wrong one for a call that did not exist when the list was made. A libc
 * that tries such a call first expects ENOSYS.
 */
#include <sys/mman.h>
#include <sys/syscall.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter.h"

#define PROLOGUE 6
#define X32_BIT	 0x40000000u /* the other table of x86_64 */
#define NR_END	 1024 /* no architecture of ours counts that far */

struct filter {
	scmp_filter_ctx ctx;
	uint32_t arch;
	int err;
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
		note(f, seccomp_arch_add(f->ctx, f->arch));
		note(f, seccomp_arch_remove(f->ctx, seccomp_arch_native()));
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
	/* Ten times what the daemon itself will ever take. */
	(void)malloc_trim(0);
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
	if (seccomp_syscall_resolve_name_arch(f->arch, name) < 0)
		return;
	note(f, seccomp_rule_add_array(f->ctx, what, nr, n, args));
}

uint32_t
filter_open_flags(const struct filter *f, int flags)
{
	const uint32_t rest = (uint32_t)(flags & ~O_NOFOLLOW);

	if (f->arch == seccomp_arch_native() || !(flags & O_NOFOLLOW))
		return (uint32_t)flags;
	return rest | (f->arch == SCMP_ARCH_AARCH64 || f->arch == SCMP_ARCH_ARM
			      ? 0100000
			      : 0400000);
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

static void
prologue(struct sock_filter ins[PROLOGUE], uint32_t arch)
{
	const struct sock_filter p[PROLOGUE] = {
	    BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, 4),
	    BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last_known(arch), 0, 2),
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};

	memcpy(ins, p, sizeof(p));
}

/* libseccomp's program behind ours; prog->filter is the caller's to free. */
static int
export_program(struct filter *f, struct sock_fprog *prog)
{
	const size_t head = PROLOGUE * sizeof(struct sock_filter);
	int fd = memfd_create("filter", MFD_CLOEXEC), err = -EIO;
	struct sock_filter *ins = NULL;
	off_t len;

	if (fd == -1)
		return -errno;
	if ((err = seccomp_export_bpf(f->ctx, fd)) < 0)
		goto out;
	err = -EIO;
	len = lseek(fd, 0, SEEK_END);
	if (len <= 0 || len % (off_t)sizeof(*ins) != 0 ||
	    (size_t)len / sizeof(*ins) + PROLOGUE > BPF_MAXINSNS ||
	    (ins = malloc(head + (size_t)len)) == NULL)
		goto out;
	prologue(ins, f->arch);
	if (pread(fd, ins + PROLOGUE, (size_t)len, 0) != len) {
		free(ins);
		goto out;
	}
	prog->filter = ins;
	prog->len = (unsigned short)(PROLOGUE + (size_t)len / sizeof(*ins));
	err = 0;
out:
	close(fd);
	return err;
}

int
filter_load(struct filter *f)
{
	struct sock_fprog prog;
	int err = f->err;

	if (err != 0 || (err = export_program(f, &prog)) != 0)
		return err;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == -1)
		err = -errno;
	free(prog.filter);
	return err;
}

int
filter_pfc(struct filter *f, int fd)
{
	return f->err != 0 ? f->err : seccomp_export_pfc(f->ctx, fd);
}
