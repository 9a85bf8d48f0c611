#ifndef TRACER_H
#define TRACER_H

/*
 * A process that is killed, or whose system calls fail, at one exact system
 * call: a function runs in a child that this program traces. So that "at
 * every call" is a loop over n until the function ends by itself.
 */
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum trace_how {
	TRACE_ENTRY, /* killed before the n-th call is done */
	TRACE_EXIT, /* killed when it is done */
	TRACE_FAIL, /* the n-th call of a file fails and does nothing */
	TRACE_FAIL_ON /* that one, and all behind it */
};

struct trace {
	enum trace_how how;
	unsigned n; /* from 1 */
	int error; /* what a call fails with */
	bool torn; /* each pwrite(2) writes half of what it was asked */
};

#define TRACE_KILLED (-1) /* not an exit status */
#define TRACE_ENDED  (-2) /* it never came to an n-th call */

/* Calls that may be made to fail: memory is another matter. */
static inline bool
trace_is_file(uint64_t nr)
{
	static const long calls[] = {
	    SYS_openat,
	    SYS_close,
	    SYS_read,
	    SYS_pread64,
	    SYS_pwrite64,
	    SYS_ftruncate,
	    SYS_fsync,
	    SYS_fchmod,
	    SYS_fchown,
	    SYS_unlinkat,
	    SYS_flock,
	    SYS_statx,
	    SYS_renameat2,
#ifdef SYS_fstat
	    SYS_fstat,
#endif
#ifdef SYS_newfstatat
	    SYS_newfstatat,
#endif
#ifdef SYS_fstat64 /* these on 32-bit machines */
	    SYS_fstat64,
	    SYS_fstatat64,
	    SYS_ftruncate64,
#endif
#ifdef SYS_renameat
	    SYS_renameat,
#endif
#ifdef SYS_rename
	    SYS_rename,
#endif
#ifdef SYS_open
	    SYS_open,
#endif
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (nr == (uint64_t)calls[i])
			return true;
	return false;
}

#if defined(__x86_64__) || defined(__i386__)
#define TRACE_CAN_FAIL true
#ifdef __i386__
#define orig_rax orig_eax
#define rax	 eax
#define rdx	 edx
#endif

/* The call that is about to be done becomes none. */
static inline void
trace_skip(pid_t pid)
{
	struct user_regs_struct r;

	ptrace(PTRACE_GETREGS, pid, NULL, &r);
	r.orig_rax = (__typeof__(r.orig_rax))-1;
	ptrace(PTRACE_SETREGS, pid, NULL, &r);
}

static inline void
trace_result(pid_t pid, int error)
{
	struct user_regs_struct r;

	ptrace(PTRACE_GETREGS, pid, NULL, &r);
	r.rax = (__typeof__(r.rax))-error;
	ptrace(PTRACE_SETREGS, pid, NULL, &r);
}

static inline void
trace_halve(pid_t pid)
{
	struct user_regs_struct r;

	ptrace(PTRACE_GETREGS, pid, NULL, &r);
	r.rdx = (r.rdx + 1) / 2;
	ptrace(PTRACE_SETREGS, pid, NULL, &r);
}
#else
#define TRACE_CAN_FAIL		 false
#define trace_skip(pid)		 ((void)(pid))
#define trace_result(pid, error) ((void)(pid), (void)(error))
#define trace_halve(pid)	 ((void)(pid))
#endif

static inline int
trace_kill(pid_t pid)
{
	int status;

	(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
		;
	return TRACE_KILLED;
}

/* On to the next call's entry or exit. False: it has ended, with *status. */
static inline bool
trace_step(pid_t pid, int *status)
{
	long sig = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, sig) == -1 ||
		    waitpid(pid, status, 0) != pid)
			abort();
		if (!WIFSTOPPED(*status))
			return false;
		if (WSTOPSIG(*status) == (SIGTRAP | 0x80))
			return true;
		sig = WSTOPSIG(*status);
	}
}

static inline pid_t
trace_start(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			_exit(255);
		(void)raise(SIGSTOP);
		_exit(fn());
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL,
		PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == -1)
		abort();
	return pid;
}

/*
 * Run fn as t wants it. Returns fn's result (0 to 255), when it was let run;
 * TRACE_KILLED; or TRACE_ENDED: it has fewer calls, and was not disturbed.
 */
static inline int
trace_run(int (*fn)(void), const struct trace *t)
{
	struct __ptrace_syscall_info si;
	bool fails = t->how == TRACE_FAIL || t->how == TRACE_FAIL_ON;
	bool failing = false, hit = false;
	pid_t pid = trace_start(fn);
	unsigned n = 0;
	int status;

	while (trace_step(pid, &status)) {
		memset(&si, 0, sizeof(si));
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(si), &si) <= 0)
			abort();
		if (si.op == PTRACE_SYSCALL_INFO_ENTRY) {
			if (si.entry.nr == SYS_exit_group && !fails) {
				(void)trace_kill(pid);
				return TRACE_ENDED;
			}
			n += !fails || trace_is_file(si.entry.nr);
			if (t->how == TRACE_ENTRY && n == t->n)
				return trace_kill(pid);
			failing = fails && trace_is_file(si.entry.nr) &&
				  (n == t->n ||
				      (t->how == TRACE_FAIL_ON && n > t->n));
			hit = hit || failing;
			if (failing)
				trace_skip(pid);
			else if (t->torn && si.entry.nr == SYS_pwrite64)
				trace_halve(pid);
		} else if (si.op == PTRACE_SYSCALL_INFO_EXIT) {
			if (failing)
				trace_result(pid, t->error);
			failing = false;
			if (t->how == TRACE_EXIT && n > 0 && n == t->n)
				return trace_kill(pid);
		}
	}
	if (!WIFEXITED(status))
		abort();
	return hit ? WEXITSTATUS(status) : TRACE_ENDED;
}

#define TRACE_MAX 2000

/*
 * fn at every n in turn until there is no n-th call: before() each, after()
 * with the result. Returns how many calls there were.
 */
static inline unsigned
trace_sweep(struct trace t, int (*fn)(void), void (*before)(void),
    void (*after)(int result))
{
	int r;

	for (t.n = 1; t.n <= TRACE_MAX; t.n++) {
		before();
		r = trace_run(fn, &t);
		after(r);
		if (r == TRACE_ENDED)
			return t.n - 1;
	}
	abort();
}

#endif
