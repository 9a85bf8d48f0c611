/*
 * A daemon's descriptors and signals, and its way into the background: as
 * daemon(3), but for the status that the front process
 * returns. Used by wesher-priv; needs no privilege, and nothing that a sandbox
 * forbids once daemon_fork() has returned.
 */
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"

static int readyfd = -1, nullfd = -1;

void
daemon_fds(int *a, int *b)
{
	int fd, ca, cb;

	while ((fd = open("/dev/null", O_RDWR)) != -1 && fd <= 2)
		;
	close(fd);
	ca = fcntl(*a, F_DUPFD_CLOEXEC, 64);
	cb = fcntl(*b, F_DUPFD_CLOEXEC, 64);
	if (ca == -1 || cb == -1)
		fatal("--conf-fd, --gossip-fd");
	if ((*a = dup3(ca, 3, O_CLOEXEC)) == -1 ||
	    (*b = dup3(cb, 4, O_CLOEXEC)) == -1)
		fatal("descriptors");
	closefrom(5);
}

int
daemon_signals(const struct policy *pol)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL); /* an ignored one loses the status */
	if (sigprocmask(SIG_SETMASK, &set, NULL) == -1 ||
	    (fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) == -1)
		fatal("signals");
	log_limit();
	hup_prepare(pol);
	return fd;
}

void
daemon_child(int status, bool wanted)
{
	if (wanted && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		log_debug("the gossip process has ended");
	else if (WIFSIGNALED(status))
		log_errorx("the gossip process was killed by signal %d"
			   "\tevent=died signal=%d",
		    WTERMSIG(status), WTERMSIG(status));
	else
		log_errorx("the gossip process ended with status %d"
			   "\tevent=died status=%d",
		    WEXITSTATUS(status), WEXITSTATUS(status));
}

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

	hup_ready();
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
