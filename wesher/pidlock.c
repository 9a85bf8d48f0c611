/*
 * The operator's command: does a daemon live, and which process is it? The
 * lock on the pid file says so; the file itself stays behind at every end. The
 * folder is root's, the file's text is one number.
 */
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "../common/check.h"
#include "pidlock.h"

/* 1: somebody holds it, 0: nobody, -1: errno. Never keeps it. */
static int
locked(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		flock(fd, LOCK_UN);
		return 0;
	}
	return errno == EWOULDBLOCK ? 1 : -1;
}

/* The number in the file, or 0: none (yet). */
static uint32_t
read_pid(int fd)
{
	char buf[32];
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);
	uint32_t pid;

	if (n <= 0)
		return 0;
	if (buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return check_number(buf, 1, INT32_MAX, &pid) ? pid : 0;
}

/* Open the holder. 1: done, 0: it is gone, -1: errno. */
static int
open_holder(int fd, int *pidfd)
{
	uint32_t pid = read_pid(fd);
	int held;

	if (pid == 0) {
		errno = EBADMSG;
		return -1;
	}
	*pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (*pidfd == -1)
		return errno == ESRCH && locked(fd) == 0 ? 0 : -1;
	held = locked(fd);
	if (held == 1 && read_pid(fd) == pid)
		return 1;
	close(*pidfd);
	if (held == 1)
		errno = EAGAIN; /* another daemon has just started */
	return held == 1 ? -1 : held;
}

enum pidlock_state
pidlock_find(const char *path, int *pidfd)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int r, saved;

	if (fd == -1)
		return errno == ENOENT ? PIDLOCK_NONE : PIDLOCK_ERROR;
	if ((r = locked(fd)) == 1)
		r = open_holder(fd, pidfd);
	saved = errno;
	close(fd);
	errno = saved;
	return r == 1 ? PIDLOCK_LIVE : r == 0 ? PIDLOCK_NONE : PIDLOCK_ERROR;
}
