/*
 * The operator's command: wesher status, the part that talks. Root connects
 * (the socket's folder is root's) and becomes _wesher before it reads a byte of
 * the answer.
 */
#include <sys/wait.h>

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/log.h"
#include "client.h"
#include "commands.h"
#include "control.h"
#include "../common/runas.h"
#include "status.h"

#define WATCH_EVERY 2 /* seconds */

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
		log_errorx(RUN_DIR "/%s.sock: not for everybody: try sudo "
				   "wesher status, or join the group wesher",
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

static int
print_answer(const char *answer, size_t len, bool json)
{
	char err[OPT_LINE];
	int ret;

	ret = (json ? status_json : status_table)(
	    answer, len, stdout, err, sizeof(err));
	if (ret == STATUS_NONE)
		log_errorx("%s", err);
	if (fflush(stdout) == EOF) {
		log_error("standard output");
		return STATUS_NONE;
	}
	return ret;
}

/* One answer, by a process of its own where there will be another. */
static int
status_once(const struct conf *c, const struct options *o)
{
	char *answer;
	size_t len;
	int fd, ret;

	if ((fd = connect_daemon(c, o)) == -1)
		return STATUS_NONE;
	if (drop(c->user) == -1) {
		close(fd);
		return STATUS_NONE;
	}
	ret = client_ask(
	    fd, "status", CONTROL_ANSWER_MAX, CLIENT_TIMEOUT, &answer, &len);
	close(fd);
	if (ret == -1) {
		log_error("no answer from wesher");
		return STATUS_NONE;
	}
	ret = print_answer(answer, len, o->json);
	free(answer);
	return ret;
}

/* Until somebody ends it, or nobody reads. Each answer is read by a child that
 * has dropped its privilege; only root may be able to connect again. */
static int
watch(const struct conf *c, const struct options *o, bool terminal)
{
	int status;
	pid_t pid;

	for (;;) {
		if (terminal)
			fputs("\033[H\033[2J", stdout);
		if (fflush(stdout) == EOF)
			return STATUS_NONE;
		if ((pid = fork()) == -1) {
			log_error("fork");
			return STATUS_NONE;
		}
		if (pid == 0) {
			status = status_once(c, o);
			_exit(fflush(stdout) == EOF ? STATUS_NONE : status);
		}
		while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
			continue;
		if (WIFSIGNALED(status))
			return STATUS_NONE;
		sleep(WATCH_EVERY);
		if (!terminal)
			putchar('\n');
	}
}

int
status_main(const struct conf *c, const struct options *o)
{
	const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");
	bool terminal = isatty(STDOUT_FILENO) == 1 && term != NULL &&
			strcmp(term, "dumb") != 0;

	status_colours(terminal && (plain == NULL || plain[0] == '\0'));
	return o->watch ? watch(c, o, terminal) : status_once(c, o);
}
