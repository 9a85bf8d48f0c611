/*
 * The operator's command: wesher status. The daemon's answer, once or again and
 * again, in one of its forms. What is read of it is read without privilege.
 */
#include <sys/wait.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/log.h"
#include "ask.h"
#include "commands.h"
#include "graph.h"
#include "status.h"

#define WATCH_EVERY 2 /* seconds */

static int
print_answer(const char *answer, size_t len, const struct options *o)
{
	int (*form)(const char *, size_t, FILE *, char *, size_t) =
	    o->graph  ? graph_dot
	    : o->json ? status_json
		      : status_table;
	char err[OPT_LINE];
	int ret;

	ret = form(answer, len, stdout, err, sizeof(err));
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
	int ret;

	if (ask_daemon(c, o, o->graph ? "graph" : "status", &answer, &len) ==
	    -1)
		return STATUS_NONE;
	ret = print_answer(answer, len, o);
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
