/*
 * The sockets of the gossip process. wesher-priv makes them, as root before
 * its sandbox, so that a port below 1024 works too; it hears nothing from
 * them itself.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../common/check.h"
#include "../common/log.h"
#include "../common/owned.h"
#include "sockets.h"

#define METRICS_BACKLOG 16

static int
closed(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

static int
set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* What has to be said before bind(2). 0, or -1 (errno). */
static int
prepare(int fd, int af, int type, const char *iface)
{
	int rv = 0;

	if (af == AF_INET6)
		rv |= set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (type == SOCK_STREAM)
		rv |= set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	/* Where did it come in? Accepted streams inherit this. */
	if (af == AF_INET6)
		rv |= set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	else
		rv |= set(fd, IPPROTO_IP, IP_PKTINFO, 1);
	if (type == SOCK_DGRAM) /* a smaller buffer works, too */
		(void)set(fd, SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20);
	if (iface[0] != '\0')
		rv |= setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, iface,
		    (socklen_t)strlen(iface));
	return rv;
}

int
sockets_open(struct ipaddr *ip, int type, const char *iface)
{
	const int flags = type | SOCK_NONBLOCK | SOCK_CLOEXEC;
	bool any = ip->len == 0;
	int fd, af;

	if (any)
		ip->len = 16;
	fd = socket(af = ip->len == 16 ? AF_INET6 : AF_INET, flags, 0);
	if (fd == -1 && errno == EAFNOSUPPORT && any) {
		ip->len = 4;
		fd = socket(af = AF_INET, flags, 0);
	}
	if (fd != -1 && prepare(fd, af, type, iface) != 0)
		return closed(fd);
	return fd;
}

int
sockets_bind(int fd, const struct ipport *at, int type)
{
	struct sockaddr_storage ss;
	socklen_t len = ipport_to_sockaddr(at, &ss);

	if (bind(fd, (struct sockaddr *)&ss, len) == -1 ||
	    (type == SOCK_STREAM && listen(fd, 256) == -1))
		return closed(fd);
	return 0;
}

/*
 * Whoever makes a socket gives it a group: to hand it to one afterwards takes
 * CAP_CHOWN, which a supervisor may have kept from us.
 */
int
sockets_control(const char *path, const char *group)
{
	const int flags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const struct group *g = getgrnam(group);
	gid_t own = getegid();
	bool shared = g != NULL && setegid(g->gr_gid) == 0;
	mode_t old = umask(shared ? 0117 : 0177);
	int fd = socket(AF_UNIX, flags, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	(void)unlink(sun.sun_path);
	if (fd != -1 && (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
			    listen(fd, 16) == -1))
		fd = closed(fd);
	(void)umask(old);
	if (shared && setegid(own) == -1)
		fatal("group id");
	return fd;
}

/* A path, in a folder that nobody can replace meanwhile. */
static int
metrics_unix(const char *path)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path);
	char real[PATH_MAX];
	struct stat st;
	size_t n;

	if (owned_place(path, real) == -1)
		return -1;
	n = strlen(real);
	if (n + strlen(strrchr(path, '/')) >= max) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(real + n, sizeof(real) - n, "%s",
	    strrchr(path, '/') + (real[n - 1] == '/'));
	/* Of the last run; but no file, which may be a mistake. */
	if (lstat(real, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	return sockets_control(real, SOCKETS_GROUP);
}

int
sockets_metrics(const char *where)
{
	struct ipport at;
	int fd;

	if (!check_metrics(where, &at)) {
		errno = EINVAL;
		return -1;
	}
	if (at.ip.len == 0)
		return metrics_unix(where + strlen("unix:"));
	fd = sockets_open(&at.ip, SOCK_STREAM, "");
	if (fd == -1 || sockets_bind(fd, &at, SOCK_STREAM) == -1)
		return -1;
	/* Who scrapes is one or two. */
	(void)listen(fd, METRICS_BACKLOG);
	return fd;
}
