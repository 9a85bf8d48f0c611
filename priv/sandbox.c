/*
 * wesher-priv: what it gives up before it hears the gossip process. Whoever
 * finds a mistake in what follows finds a root without a shell: two
 * capabilities, the descriptors that are open, and these system calls.
 *
 * The lists are what strace(1) saw of a start, peers over a userspace WireGuard,
 * hosts lines by rename and in place, and a leave; and what the same functions
 * call where the mesh is larger, a lock is taken, or kernel, libc or machine are
 * others. They are in groups by what they are for. Arguments are compared where
 * one call does two things of which one is not wanted. Names that an
 * architecture does not have are skipped, so its own form of a call stands
 * beside ours.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../common/caps.h"
#include "../common/fileio.h"
#include "../common/filter.h"
#include "../common/landlock.h"
#include "../common/limits.h"
#include "../common/log.h"
#include "../common/privmsg.h"
#include "../common/resolv.h"
#include "sandbox.h"

#define KEPT (CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_KILL))

/* Bytes: both texts of a hosts file of 16 MiB, and 16,384 peers thrice. */
#define MEMORY_MAX (256ul << 20)
/* The largest hosts file that is read, and a line for each peer. */
#define FILE_SIZE_MAX (32ul << 20)
#define SPARE_FDS     4

static const char *const calls[] = {
    /* waiting, and its end */
    "poll", "ppoll", "ppoll_time64", "restart_syscall", "clock_nanosleep",
    "clock_nanosleep_time64", "nanosleep", "rt_sigreturn", "sigreturn",
    "exit_group",
    /* clocks, where the vDSO does not serve */
    "clock_gettime", "clock_gettime64", "gettimeofday", "time",
    /* memory; mmap and mprotect follow with their arguments */
    "brk", "munmap", "mremap", "madvise",
    /* not seen, but libc's and libsodium's to use when they like */
    "futex", "getrandom",
    /* netlink, boundary, userspace WireGuard, syslog, supervisor */
    "recvfrom", "recvmsg", "sendto",
    /* descriptors that are open: signals, log pipe, inotify, files */
    "read", "write", "close", "pwrite64", "fstat", "fstat64", "ftruncate",
    "ftruncate64", "fsync", "fchown", "fchown32", "flock",
    /* what the new file keeps of the old one */
    "flistxattr", "fgetxattr", "fsetxattr", "fremovexattr",
    /* the pid in a line for syslog, qsort(3), the end of a start */
    "getpid", "sysinfo", "setsid", NULL};

static void
memory(struct filter *f)
{
	/* No file, and never executable. */
	filter_map(f, MAP_ANONYMOUS);
	FILTER_IF(f, "mprotect", 0, FILTER_MASKED(2, PROT_EXEC, 0));
}

static void
files(struct filter *f, const struct sandbox *s)
{
	/* fstat(3) of some libcs. A path with that flag passes too: what
	 * stat(2) tells is all that is to be had of files elsewhere. */
	FILTER_IF(f, "newfstatat", 0, FILTER_EQ(3, AT_EMPTY_PATH));
	FILTER_IF(f, "fstatat64", 0, FILTER_EQ(3, AT_EMPTY_PATH));
	FILTER_IF(
	    f, "statx", 0, FILTER_MASKED(2, ~AT_NO_AUTOMOUNT, AT_EMPTY_PATH));
	FILTER_IF(f, "fchmod", 0, FILTER_MASKED(1, ~0777u, 0));
	if (s->resolv != -1)
		FILTER_IF(f, "openat", 0, FILTER_EQ(0, s->resolv),
		    FILTER_OPEN(f, 2, RESOLV_O));
	if (s->etc == -1)
		return;
	FILTER_IF(f, "openat", 0, FILTER_EQ(0, s->etc),
	    FILTER_OPEN(f, 2, FILE_O_READ));
	FILTER_IF(f, "openat", 0, FILTER_EQ(0, s->etc),
	    FILTER_OPEN(f, 2, FILE_O_WRITE));
	FILTER_IF(f, "openat", 0, FILTER_EQ(0, s->etc),
	    FILTER_OPEN(f, 2, FILE_O_NEW), FILTER_MASKED(3, ~0600u, 0));
	FILTER_IF(f, "unlinkat", 0, FILTER_EQ(0, s->etc), FILTER_EQ(2, 0));
	FILTER_IF(f, "renameat", 0, FILTER_EQ(0, s->etc), FILTER_EQ(2, s->etc));
	FILTER_IF(f, "renameat2", 0, FILTER_EQ(0, s->etc), FILTER_EQ(2, s->etc),
	    FILTER_EQ(4, 0));
}

struct filter *
sandbox_filter(uint32_t arch, const void *sandbox)
{
	const struct sandbox *s = sandbox;
	struct filter *f = filter_new(arch);
	int fd;

	if (f == NULL)
		return NULL;
	filter_allow(f, calls);
	memory(f);
	files(f, s);
	/* The child is ended, and its end is awaited. */
	FILTER_IF(f, "kill", 0, FILTER_EQ(0, s->child), FILTER_EQ(1, SIGKILL));
	FILTER_IF(f, "wait4", 0, FILTER_EQ(0, s->child));
	/* The terminal is left: /dev/null over it. */
	for (fd = 0; fd <= 2; fd++) {
		FILTER_IF(f, "dup2", 0, FILTER_EQ(1, fd));
		FILTER_IF(f, "dup3", 0, FILTER_EQ(1, fd), FILTER_EQ(2, 0));
	}
	if (s->syslog != -1) /* again, when the logger was restarted */
		FILTER_IF(f, "connect", 0, FILTER_EQ(0, s->syslog));
	if (s->uapi != -1)
		FILTER_IF(f, "shutdown", 0, FILTER_EQ(0, s->uapi));
	return f;
}

static void
limits(void)
{
	struct stat st;

	limits_files(SPARE_FDS);
	limits_set(RLIMIT_NPROC, 0);
	limits_set(RLIMIT_CORE, 0);
	/* A log that is a file may grow. */
	if (fstat(STDERR_FILENO, &st) == -1 || !S_ISREG(st.st_mode)) {
		(void)signal(SIGXFSZ, SIG_IGN); /* EFBIG instead */
		limits_set(RLIMIT_FSIZE, FILE_SIZE_MAX);
	}
}

#ifndef SANDBOX_NO
static void
landlock(struct sandbox *s)
{
	struct box_dir dirs[3];
	struct box b = {.dirs = dirs, .scope_sockets = true};
	int err;

	if (s->etc != -1)
		dirs[b.ndirs++] = (struct box_dir){
		    s->etc, BOX_READ | BOX_WRITE | BOX_MAKE | BOX_REMOVE};
	if (s->resolv != -1)
		dirs[b.ndirs++] = (struct box_dir){s->resolv, BOX_READ};
	if (s->resolv_to != -1)
		dirs[b.ndirs++] = (struct box_dir){s->resolv_to, BOX_READ};
	s->abi = (uint8_t)landlock_abi();
	if ((err = landlock_enter(s->abi, &b)) != 0)
		fatalx("Landlock: %s", strerror(-err));
	if (s->abi > 0)
		s->layers |= PRIV_BOX_LANDLOCK;
	else
		log_warnx("no Landlock here (Linux 5.13, and \"landlock\" "
			  "among its lsm): going on without it");
}
#endif

void
sandbox_enter(struct sandbox *s)
{
#ifndef SANDBOX_NO
	struct filter_program *program;
	int err = filter_make(&program, sandbox_filter, s);
#endif
	int bound, locked;

	s->layers = s->abi = 0;
	tzset(); /* reads its files once */
	limits();
	bound = caps_bound(KEPT);
	locked = caps_lock();
	if (bound == -1 || locked == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		fatal("giving up privileges");
	if (bound == 0 && locked == 0)
		s->layers |= PRIV_BOX_BOUND;
#ifndef SANDBOX_NO
	landlock(s);
#endif
	if (caps_set(KEPT) == -1)
		fatal("giving up privileges");
#ifndef SANDBOX_NO
	limits_set(RLIMIT_AS, MEMORY_MAX);
	if (err != 0 || (err = filter_load(program)) != 0)
		fatalx("system call filter: %s", strerror(-err));
	s->layers |= PRIV_BOX_SECCOMP;
#endif
	log_info("sandbox:%s%s%s\tevent=sandbox",
	    s->layers & PRIV_BOX_BOUND ? " bounding set," : "",
	    s->layers & PRIV_BOX_LANDLOCK ? " Landlock," : "",
	    s->layers & PRIV_BOX_SECCOMP ? " seccomp" : " no seccomp");
}
