/*
 * Into the background as daemon(3), but for the status that the front process
 * returns. Used by wesher-priv; needs no privilege, and nothing that a sandbox
 * forbids once daemon_fork() has returned.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"

static int readyfd = -1, nullfd = -1;

void
daemon_fork(void)
{
	int pfd[2];
	char byte;

	if ((nullfd = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1)
		fatal("/dev/null");
	if (pipe2(pfd, O_CLOEXEC) == -1)
		fatal("pipe");
	switch (fork()) {
	case -1:
		fatal("fork");
	case 0:
		close(pfd[0]);
		readyfd = pfd[1];
		return;
	default:
		close(pfd[1]);
		_exit(read(pfd[0], &byte, 1) == 1 ? 0 : 1);
	}
}

int
daemon_ready(void)
{
	int fd, rv;

	if (readyfd == -1)
		return 0;
	rv = write(readyfd, "", 1) == 1 ? 1 : -1;
	close(readyfd);
	readyfd = -1;
	(void)setsid();
	for (fd = 0; fd <= 2; fd++)
		(void)dup2(nullfd, fd);
	close(nullfd);
	return rv;
}
