/*
 * The operator's command: the way to wesher-priv. Runs as root. The options in
 * struct conf are checked; the environment is not, so wesher-priv gets a new
 * one. The cluster key leaves this process through a sealed memfd alone, never
 * as an argument or variable, and wesher-priv does not map it.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/log.h"
#include "../common/privmsg.h"
#include "launch.h"
#include "privfind.h"

#define PATH_SAFE "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

/* Append one formatted word. */
static int __attribute__((format(printf, 2, 3)))
add(struct launch_vec *vec, const char *fmt, ...)
{
	size_t room = sizeof(vec->text) - vec->used;
	char *at = vec->text + vec->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(at, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room || vec->n + 1 >= LAUNCH_ARGV)
		return -1;
	vec->used += (size_t)n + 1;
	vec->v[vec->n++] = at;
	vec->v[vec->n] = NULL;
	return 0;
}

static int
add_text(struct launch_vec *vec, const char *opt, const char *value)
{
	return add(vec, "%s", opt) == -1 ? -1 : add(vec, "%s", value);
}

static int
add_number(struct launch_vec *vec, const char *opt, long long n)
{
	return add(vec, "%s", opt) == -1 ? -1 : add(vec, "%lld", n);
}

static int
add_if(struct launch_vec *vec, bool given, const char *opt)
{
	return given ? add(vec, "%s", opt) : 0;
}

static void
begin(struct launch_vec *vec)
{
	vec->n = vec->used = 0;
	vec->v[0] = NULL;
}

int
launch_argv(
    const struct conf *c, int conf_fd, int gossip_fd, struct launch_vec *out)
{
	char net[IPNET_STRLEN], addr[IPADDR_STRLEN];
	enum log_level level = (enum log_level)c->log_level;

	begin(out);
	if (add(out, "wesher-priv") == -1 ||
	    add_text(out, "--interface", c->interface) == -1 ||
	    add_text(out, "--overlay-net", ipnet_str(&c->overlay, net)) == -1 ||
	    add_number(out, "--cluster-port", c->cluster_port) == -1 ||
	    add_number(out, "--wireguard-port", c->wireguard_port) == -1 ||
	    add_number(out, "--mtu", c->mtu) == -1 ||
	    add_number(out, "--keepalive", c->keepalive) == -1 ||
	    add_text(out, "--user", c->user) == -1 ||
	    add_text(out, "--log-level", log_level_name(level)) == -1)
		return -1;
	if (c->bind_addr.len != 0 &&
	    add_text(out, "--bind-addr", ipaddr_str(&c->bind_addr, addr)) == -1)
		return -1;
	if (c->bind_iface[0] != '\0' &&
	    add_text(out, "--bind-iface", c->bind_iface) == -1)
		return -1;
	if (add_if(out, c->keep_interface, "--keep-interface") == -1 ||
	    add_if(out, c->no_etc_hosts, "--no-etc-hosts") == -1 ||
	    add_if(out, c->init, "--init") == -1 ||
	    add_if(out, c->foreground, "--foreground") == -1)
		return -1;
	if (add_number(out, "--conf-fd", conf_fd) == -1)
		return -1;
	return add_number(out, "--gossip-fd", gossip_fd);
}

int
launch_argv_remove(const struct conf *c, struct launch_vec *out)
{
	begin(out);
	if (add(out, "wesher-priv") == -1 || add(out, "--remove") == -1 ||
	    add_text(out, "--interface", c->interface) == -1)
		return -1;
	return add_if(out, c->no_etc_hosts, "--no-etc-hosts");
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
launch_environ(char *const *envp, struct launch_vec *out)
{
	static const char *const pass[] = {"TZ", "NOTIFY_SOCKET",
	    "SYSTEMD_EXEC_PID", "WATCHDOG_USEC", "WATCHDOG_PID"};
	size_t i;

	begin(out);
	if (add(out, "%s", PATH_SAFE) == -1)
		return -1;
	for (i = 0; i < sizeof(pass) / sizeof(pass[0]); i++) {
		const char *value = variable(envp, pass[i]);

		if (value != NULL && add(out, "%s=%s", pass[i], value) == -1)
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

static int
write_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
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
	if (write_all(fd, c, sizeof(*c)) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
	    fcntl(fd, F_ADD_SEALS, seals) == 0)
		return fd;
	saved = errno;
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
run(const char *path, struct launch_vec *argv, char *const *envp, char *err,
    size_t errlen)
{
	struct launch_vec env;

	if (launch_environ(envp, &env) == -1) {
		snprintf(err, errlen,
		    "TZ or a supervisor's variable is too long: shorten it");
		return -1;
	}
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
	struct launch_vec argv;
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
launch_remove(const struct conf *c, const struct options *o, char *const *envp,
    char *err, size_t errlen)
{
	char path[PATH_MAX];
	struct launch_vec argv;
	int self;

	if (prepare(o, &self, path, err, errlen) == -1)
		return -1;
	if (launch_argv_remove(c, &argv) == -1) {
		snprintf(err, errlen, "the options are too long: shorten them");
		return -1;
	}
	return run(path, &argv, envp, err, errlen);
}
