#ifndef REGRESS_INSIDE_H
#define REGRESS_INSIDE_H

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <unistd.h>

/*
 * Try something inside of a sandbox that cannot be left again: in a process of
 * its own. attempt() returns what a system call returns, and sets errno.
 */
#define INSIDE_OK	   0 /* it was allowed */
#define INSIDE_SIGNAL(sig) (-(sig)) /* it was killed so */
#define INSIDE_NOT_ENTERED 255

/* Returns the errno that attempt() met, or one of the above. */
static inline int
inside(int (*enter)(void), long (*attempt)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (enter() != 0)
			_exit(INSIDE_NOT_ENTERED);
		errno = 0;
		_exit(attempt() == -1 ? errno : INSIDE_OK);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid)
		return INSIDE_NOT_ENTERED;
	return WIFSIGNALED(status) ? INSIDE_SIGNAL(WTERMSIG(status))
				   : WEXITSTATUS(status);
}

#ifdef SYS_socketcall
/* All of the calls of sockets by one, which hides their arguments. */
static inline long
try_socketcall(void)
{
	long args[3] = {AF_INET, SOCK_STREAM, 0};

	return syscall(SYS_socketcall, 1, args);
}
#endif

#endif
