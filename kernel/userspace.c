/*
 * Starts a userspace WireGuard where the kernel has none. wesher-priv alone,
 * as root, before its sandbox. The program runs as root and stays; what it
 * does is outside of wesher's promises, so only what root alone could have put
 * there is executed, and it gets nothing of ours: no descriptor (the cluster
 * key is behind one), no variable, no terminal.
 */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/clock.h"
#include "../common/log.h"
#include "rtnl.h"
#include "uapi.h"
#include "userspace.h"

#define SEARCH	 "/usr/sbin:/usr/bin:/sbin:/bin"
#define PATIENCE 5000 /* ms, for each step */
#define STEP	 20

/* Can nobody but root replace it? path has no links, and is spoiled. */
static bool
trusted(char *path)
{
	struct stat st;
	char *slash;

	for (;;) {
		if (stat(*path != '\0' ? path : "/", &st) == -1 ||
		    st.st_uid != geteuid() ||
		    (st.st_mode & (S_IWGRP | S_IWOTH)))
			return false;
		if ((slash = strrchr(path, '/')) == NULL)
			return true;
		*slash = '\0';
	}
}

static const char *
accepted(const char *path, char *buf, size_t size)
{
	char real[PATH_MAX];
	struct stat st;

	if (realpath(path, real) == NULL || stat(real, &st) == -1 ||
	    !S_ISREG(st.st_mode) || access(real, X_OK) == -1 ||
	    strlcpy(buf, real, size) >= size || !trusted(real))
		return NULL;
	return buf;
}

static const char *
search(const char *name, char *buf, size_t size)
{
	char path[PATH_MAX], dirs[] = SEARCH, *dir, *rest = dirs;

	while ((dir = strsep(&rest, ":")) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (accepted(path, buf, size) != NULL)
			return buf;
	}
	return NULL;
}

const char *
userspace_find(const char *wanted, char *buf, size_t size)
{
	const char *found = NULL;

	if (wanted != NULL && wanted[0] != '\0') {
		found = wanted[0] == '/' ? accepted(wanted, buf, size)
			: strchr(wanted, '/') == NULL
			    ? search(wanted, buf, size)
			    : NULL;
		if (found == NULL)
			log_warnx("WG_QUICK_USERSPACE_IMPLEMENTATION: %s is no "
				  "program of root's alone: not used",
			    wanted);
	}
	return found != NULL ? found : search("wireguard-go", buf, size);
}

static _Noreturn void
become(const char *path, const char *name)
{
	char *argv[] = {strdup(path), strdup(name), NULL};
	char *envp[] = {strdup("PATH=" SEARCH), NULL};
	sigset_t none;
	int fd = open("/dev/null", O_RDWR);

	sigemptyset(&none);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0); /* it may like them */
	if (fd == -1 || dup2(fd, 0) == -1 || dup2(fd, 1) == -1 ||
	    dup2(fd, 2) == -1 || setsid() == -1 ||
	    sigprocmask(SIG_SETMASK, &none, NULL) == -1)
		_exit(126);
	closefrom(3);
	execve(path, argv, envp);
	_exit(127);
}

/* Its exit status, or -errno. It is ended when it takes too long. */
static int
run(const char *path, const char *name)
{
	const int64_t end = clock_now() + PATIENCE * US_PER_MS;
	int status = 0;
	pid_t pid = fork(), r;

	if (pid == -1)
		return -errno;
	if (pid == 0)
		become(path, name);
	while ((r = waitpid(pid, &status, WNOHANG)) == 0) {
		if (clock_now() >= end) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, &status, 0);
			return -ETIMEDOUT;
		}
		(void)poll(NULL, 0, STEP);
	}
	if (r == -1)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The one of an interface that was just deleted goes by itself. */
static int
wait_for_former(const char *name)
{
	const int64_t end = clock_now() + PATIENCE * US_PER_MS;

	while (uapi_connect(UAPI_DIR, name, 0) == 0) {
		wg_uapi.close();
		if (clock_now() >= end)
			return -EBUSY;
		(void)poll(NULL, 0, STEP);
	}
	return 0;
}

/*
 * Up, and bound to some port, before it is told its own: wireguard-go says
 * that a port is in use only then. Whoever has no port after a second does
 * without, so nothing here is an error.
 */
static void
bring_up(const char *name)
{
	const int64_t end = clock_now() + US_PER_S;
	struct wg_device d = {0};
	struct wg_dump s = {.d = &d};
	struct rtnl_link l;

	if (rtnl_link_get(name, &l) != 0 || rtnl_link_up(l.ifindex, 0) != 0)
		return;
	while (
	    wg_uapi.get(l.ifindex, &s) == 0 && d.port == 0 && clock_now() < end)
		(void)poll(NULL, 0, STEP);
	wg_device_free(&d);
}

int
userspace_start(const char *name)
{
	char path[PATH_MAX];
	int r;

	if (userspace_find(getenv("WG_QUICK_USERSPACE_IMPLEMENTATION"), path,
		sizeof(path)) == NULL)
		return -EOPNOTSUPP;
	if ((r = wait_for_former(name)) != 0) {
		log_warnx("%s/%s.sock serves another interface of that name, "
			  "of another network namespace",
		    UAPI_DIR, name);
		return r;
	}
	if ((r = run(path, name)) != 0) {
		log_warnx("%s %s: %s %d (is there a /dev/net/tun?)", path, name,
		    r < 0 ? "error" : "ended with status", abs(r));
		return r < 0 ? r : -EIO;
	}
	r = uapi_connect(UAPI_DIR, name, PATIENCE);
	if (r == 0)
		bring_up(name);
	wg_uapi.close();
	if (r != 0)
		/* It said so only to /dev/null, which wg-quick gives it too. */
		log_warnx("%s/%s.sock: %s: what does \"%s -f %s\" say? (a "
			  "limit of fs.inotify, /dev/net/tun)",
		    UAPI_DIR, name, strerror(-r), path, name);
	else
		log_info("%s: no WireGuard in the kernel, %s is started", name,
		    path);
	return r == -EOPNOTSUPP ? -EIO : r;
}
