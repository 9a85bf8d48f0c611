/*
 * The operator's command: wesher status, the part that talks. Root connects
 * (the socket's folder is root's) and becomes _wesher before it reads a byte of
 * the answer.
 */
#include <errno.h>
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

static int
connect_daemon(const char *interface)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), RUN_DIR "/%s.sock", interface);
	if ((fd = client_connect(path)) != -1)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED)
		log_errorx("no wesher runs for interface %s", interface);
	else if (errno == EACCES)
		log_errorx(
		    "%s: not for everybody: try sudo wesher status", path);
	else
		log_error("%s", path);
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

int
status_main(const struct conf *c, const struct options *o)
{
	char *answer;
	size_t len;
	int fd, ret;

	if ((fd = connect_daemon(c->interface)) == -1)
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
