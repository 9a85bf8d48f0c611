/*
 * The operator's command: the way to the daemon. Root connects (the socket's
 * folder is root's) and becomes _wesher before it reads a byte of what the
 * gossip process says: that may be anything.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/log.h"
#include "../common/runas.h"
#include "ask.h"
#include "client.h"
#include "commands.h"
#include "control.h"

/*
 * The other mesh of this host, when it has one alone: its name into found. How
 * many there are.
 */
static unsigned
other_meshes(char found[IFNAMSIZ])
{
	glob_t g;
	unsigned n = 0;
	char *end;
	size_t i;
	int fd;

	if (glob(RUN_DIR "/*.sock", 0, NULL, &g) != 0)
		return 0;
	for (i = 0; i < g.gl_pathc; i++) {
		if ((fd = client_connect(g.gl_pathv[i])) == -1)
			continue;
		close(fd);
		if ((end = strstr(g.gl_pathv[i], ".sock")) == NULL ||
		    (size_t)(end - g.gl_pathv[i]) >= sizeof(RUN_DIR) + IFNAMSIZ)
			continue;
		*end = '\0';
		if (n++ == 0)
			strlcpy(
			    found, g.gl_pathv[i] + sizeof(RUN_DIR), IFNAMSIZ);
	}
	globfree(&g);
	return n;
}

static int
connect_to(const char *interface)
{
	char path[128];

	snprintf(path, sizeof(path), RUN_DIR "/%s.sock", interface);
	return client_connect(path);
}

static int
connect_daemon(const struct conf *c, const struct options *o)
{
	int fd = connect_to(c->interface);
	char other[IFNAMSIZ];
	unsigned n;

	if (fd != -1)
		return fd;
	if (errno == EACCES)
		log_errorx(RUN_DIR "/%s.sock: not for everybody: try sudo, "
				   "or join the group wesher",
		    c->interface);
	else if (errno != ENOENT && errno != ECONNREFUSED)
		log_error(RUN_DIR "/%s.sock", c->interface);
	else if (o->has_interface || (n = other_meshes(other)) == 0)
		log_errorx("no wesher runs for interface %s", c->interface);
	else if (n == 1)
		return connect_to(other);
	else
		log_errorx("this host has %u meshes, name one of them with "
			   "--interface: ls " RUN_DIR "/*.sock",
		    n);
	return -1;
}

static int
drop(const char *user)
{
	struct runas as;
	char err[OPT_LINE];

	if (geteuid() != 0)
		return 0;
	if (runas_find(user, &as, err, sizeof(err)) == -1) {
		log_errorx("%s", err);
		return -1;
	}
	if (runas_become(&as) == -1) {
		log_error("cannot become user %s", user);
		return -1;
	}
	return 0;
}

int
ask_connect(const struct conf *c, const struct options *o)
{
	int fd = connect_daemon(c, o);

	if (fd == -1 || drop(c->user) == 0)
		return fd;
	close(fd);
	return -1;
}

int
ask_daemon(const struct conf *c, const struct options *o, const char *command,
    char **answer, size_t *len)
{
	int fd = ask_connect(c, o), ret;

	if (fd == -1)
		return -1;
	ret = client_ask(
	    fd, command, CONTROL_ANSWER_MAX, CLIENT_TIMEOUT, answer, len);
	if (ret == -1)
		log_error("no answer from wesher");
	close(fd);
	return ret;
}
