/*
 * wesher-priv: starts the gossip process. Between fork and exec this is still
 * root's code; everything that must not reach the other program is dropped
 * here: identity, capabilities, environment, descriptors, signal mask.
 */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../common/caps.h"
#include "../common/log.h"
#include "setup.h"

static void __attribute__((noreturn)) die(const char *what)
{
	log_error("cannot start the gossip process: %s", what);
	_exit(127);
}

/* Each to its number; nothing else survives but exe, until execveat. */
static void
place_fds(const struct child *c)
{
	int high[PRIV_FD_NEXT], null, i, exe;

	if ((null = open("/dev/null", O_RDWR)) == -1)
		die("/dev/null");
	for (i = PRIV_FD_BOUNDARY; i < PRIV_FD_NEXT; i++)
		if ((high[i] = fcntl(c->fds[i] == -1 ? null : c->fds[i],
			 F_DUPFD, PRIV_FD_NEXT + 1)) == -1)
			die("descriptors");
	if ((exe = fcntl(c->exe, F_DUPFD, PRIV_FD_NEXT + 1)) == -1 ||
	    dup2(null, STDIN_FILENO) == -1 ||
	    (!isatty(STDOUT_FILENO) && dup2(null, STDOUT_FILENO) == -1) ||
	    dup2(high[PRIV_FD_LOG], STDERR_FILENO) == -1)
		die("descriptors");
	for (i = PRIV_FD_BOUNDARY; i < PRIV_FD_NEXT; i++)
		if (dup2(high[i], i) == -1)
			die("descriptors");
	if (dup3(exe, PRIV_FD_NEXT, O_CLOEXEC) == -1)
		die("descriptors");
	closefrom(PRIV_FD_NEXT + 1);
}

static void
drop_root(const struct child *c)
{
	struct stat st;

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == -1 ||
	    caps_bound(CAP_BIT(CAP_SYS_CHROOT)) == -1 ||
	    runas_ids(&c->user) == -1)
		die("change of user");
	if (caps_set(CAP_BIT(CAP_SYS_CHROOT)) == -1 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_CHROOT, 0, 0) ==
		-1)
		die("CAP_SYS_CHROOT");
	/* It may enter its folder by its own right alone. */
	if (fstat(c->dir, &st) == -1 || st.st_uid != c->user.uid ||
	    fchdir(c->dir) == -1)
		die("state folder");
}

static void __attribute__((noreturn))
child_main(const struct child *c, pid_t parent)
{
	char wesher[] = "wesher", role[] = "--gossip", tz[128];
	char path[] = "PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";
	char *argv[] = {wesher, role, NULL}, *env[] = {path, NULL, NULL};
	sigset_t none;

	log_init(LOG_D_PIPE, LOG_L_INFO, "wesher", c->fds[PRIV_FD_LOG]);
	if (getenv("TZ") != NULL &&
	    snprintf(tz, sizeof(tz), "TZ=%s", getenv("TZ")) < (int)sizeof(tz))
		env[1] = tz;
	sigemptyset(&none);
	if (setsid() == -1 || sigprocmask(SIG_SETMASK, &none, NULL) == -1)
		die("session");
	/* The parent speaks for these; ignored ones stay so over exec. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	drop_root(c);
	(void)umask(077);
	/* Last: a change of ids clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1 ||
	    getppid() != parent)
		die("parent");
	place_fds(c);
	log_init(LOG_D_PIPE, LOG_L_INFO, "wesher", PRIV_FD_LOG);
	/* Not every libc has a function for it. */
	(void)syscall(SYS_execveat, PRIV_FD_NEXT, "", argv, env, AT_EMPTY_PATH);
	die("exec");
}

pid_t
child_start(const struct child *c)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0)
		child_main(c, parent);
	return pid;
}
