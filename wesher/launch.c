/*
 * The operator's command: the way to wesher-priv. Runs as root. The options in
 * struct conf are checked; the environment is not, so wesher-priv gets a new
 * one. The cluster key leaves this process through a sealed memfd alone, never
 * as an argument or variable, and wesher-priv does not map it.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/fileio.h"
#include "../common/privmsg.h"
#include "launch.h"
#include "privfind.h"

#define PATH_SAFE "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

int
launch_argv(
    const struct conf *c, int conf_fd, int gossip_fd, struct argvec *out)
{
	struct policy p;

	privargs_default(&p);
	strlcpy(p.interface, c->interface, sizeof(p.interface));
	strlcpy(p.bind_iface, c->bind_iface, sizeof(p.bind_iface));
	strlcpy(p.user, c->user, sizeof(p.user));
	p.overlay = c->overlay;
	p.overlay_addr = c->overlay_addr;
	p.cluster_port = c->cluster_port;
	p.wireguard_port = c->wireguard_port;
	p.mtu = c->mtu;
	p.keepalive = c->keepalive;
	p.bind_addr = c->bind_addr;
	p.log_level = c->log_level;
	p.keep_interface = c->keep_interface;
	p.no_etc_hosts = c->no_etc_hosts;
	strlcpy(p.hosts_domains, c->hosts_domains, sizeof(p.hosts_domains));
	strlcpy(p.metrics, c->metrics, sizeof(p.metrics));
	p.allow_static = c->allow_static;
	p.init = c->init;
	p.foreground = c->foreground;
	p.remove = gossip_fd == -1;
	p.conf_fd = conf_fd;
	p.gossip_fd = gossip_fd;
	memset(out, 0, sizeof(*out));
	return privargs_encode(&p, out);
}

/* The value of a variable in envp, or NULL. */
static const char *
variable(char *const *envp, const char *name)
{
	size_t n = strlen(name);

	for (; envp != NULL && *envp != NULL; envp++)
		if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
			return *envp + n + 1;
	return NULL;
}

int
launch_environ(char *const *envp, struct argvec *out)
{
	static const char *const pass[] = {"TZ", "NOTIFY_SOCKET",
	    "SYSTEMD_EXEC_PID", "JOURNAL_STREAM", "WATCHDOG_USEC",
	    "WATCHDOG_PID", "WG_QUICK_USERSPACE_IMPLEMENTATION"};
	size_t i;

	memset(out, 0, sizeof(*out));
	if (argvec_add(out, "%s", PATH_SAFE) == -1)
		return -1;
	for (i = 0; i < sizeof(pass) / sizeof(pass[0]); i++) {
		const char *value = variable(envp, pass[i]);

		if (value != NULL &&
		    argvec_add(out, "%s=%s", pass[i], value) == -1)
			return -1;
	}
	return 0;
}

bool
launch_supervised(char *const *envp, long pid)
{
	const char *sock = variable(envp, "NOTIFY_SOCKET");
	const char *exec = variable(envp, "SYSTEMD_EXEC_PID");
	char self[24];

	if (sock != NULL && sock[0] != '\0')
		return true;
	snprintf(self, sizeof(self), "%ld", pid);
	return exec != NULL && strcmp(exec, self) == 0;
}

int
launch_self(void)
{
	return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}

int
launch_memfd(const struct conf *c)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
			  F_SEAL_SEAL;
	int fd = memfd_create("wesher-conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int saved;

	if (fd == -1)
		return -1;
	if ((saved = -file_overwrite(fd, c, sizeof(*c))) == 0 &&
	    fcntl(fd, F_ADD_SEALS, seals) == -1)
		saved = errno;
	if (saved == 0)
		return fd;
	close(fd);
	errno = saved;
	return -1;
}

/*
 * A copy that survives the exec, above the numbers that the gossip process
 * knows its descriptors by, so that wesher-priv can place those in any order.
 */
static int
inherit(int fd)
{
	return fcntl(fd, F_DUPFD, PRIV_FD_NEXT);
}

/* Become wesher-priv; returns only when that failed. */
static int
run(const char *path, struct argvec *argv, char *const *envp, char *err,
    size_t errlen)
{
	struct argvec env;

	if (launch_environ(envp, &env) == -1) {
		snprintf(err, errlen,
		    "TZ or a supervisor's variable is too long: shorten it");
		return -1;
	}
	/* Both daemons touch little of large tables; a huge page has 2 MB. */
	(void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	execve(path, argv->v, env.v);
	snprintf(err, errlen, "cannot run %s: %s: install wesher again", path,
	    strerror(errno));
	return -1;
}

/* Open ourselves (*self) and find wesher-priv. */
static int
prepare(const struct options *o, int *self, char path[PATH_MAX], char *err,
    size_t errlen)
{
	/*
	 * Nothing that came along goes on (make's job pipes). Not before the
	 * options were read: a key file may be /dev/fd/63.
	 */
	closefrom(STDERR_FILENO + 1);
	if ((*self = launch_self()) != -1)
		return privfind(o->priv, *self, path, err, errlen);
	snprintf(err, errlen, "cannot open /proc/self/exe: %s: mount /proc",
	    strerror(errno));
	return -1;
}

int
launch_agent(const struct conf *c, const struct options *o, char *const *envp,
    char *err, size_t errlen)
{
	char path[PATH_MAX];
	struct argvec argv;
	int self, fd;

	if (prepare(o, &self, path, err, errlen) == -1)
		return -1;
	if ((fd = launch_memfd(c)) == -1 || (fd = inherit(fd)) == -1 ||
	    (self = inherit(self)) == -1) {
		snprintf(err, errlen,
		    "memfd: %s: a kernel of 3.17 or newer and some free "
		    "memory are needed",
		    strerror(errno));
		return -1;
	}
	if (launch_argv(c, fd, self, &argv) == -1) {
		snprintf(err, errlen, "the options are too long: shorten them");
		return -1;
	}
	return run(path, &argv, envp, err, errlen);
}

int
launch_new_key(const struct conf *c, const struct options *o, char *const *envp,
    char *err, size_t errlen)
{
	char path[PATH_MAX];
	struct argvec argv = {.n = 0};
	struct policy p;
	int self;

	if (prepare(o, &self, path, err, errlen) == -1)
		return -1;
	privargs_default(&p);
	strlcpy(p.interface, c->interface, sizeof(p.interface));
	p.new_key = true;
	if (privargs_encode(&p, &argv) == -1) {
		snprintf(err, errlen, "the options are too long: shorten them");
		return -1;
	}
	return run(path, &argv, envp, err, errlen);
}

int
launch_remove(const struct conf *c, const struct options *o, char *const *envp,
    char *err, size_t errlen)
{
	char path[PATH_MAX];
	struct argvec argv;
	int self;

	if (prepare(o, &self, path, err, errlen) == -1)
		return -1;
	if (launch_argv(c, -1, -1, &argv) == -1) {
		snprintf(err, errlen, "the options are too long: shorten them");
		return -1;
	}
	return run(path, &argv, envp, err, errlen);
}
