/*
 * The operator's commands that steer a running daemon: forget, join, log-level.
 * One line goes out, one sentence comes back. The daemon decides who may (it is
 * root alone); whoever else asks is told so here, in the words of all commands.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../common/log.h"
#include "answer.h"
#include "ask.h"
#include "commands.h"
#include "control.h"

/* What became of it. 0: done, 1: refused, 2: the answer is none. */
static int
tell(const char *answer, size_t len)
{
	char err[CONTROL_WORDS * 4 + 32], words[CONTROL_WORDS * 4];
	json_t *doc = answer_load(answer, len, err, sizeof(err));

	if (doc == NULL) {
		log_errorx("%s", err);
		return 1;
	}
	if (!json_is_string(json_object_get(doc, "ok"))) {
		log_errorx("the daemon's answer says neither yes nor no: is it "
			   "of another version?");
		json_decref(doc);
		return 2;
	}
	printf("%s\n", answer_text(doc, "ok", words, sizeof(words)));
	json_decref(doc);
	return fflush(stdout) == EOF ? 2 : 0;
}

int
steer_main(const struct conf *c, const struct options *o, const char *command)
{
	char line[CONTROL_LINE_MAX];
	char *answer;
	size_t len;
	int ret;

	if (need_root(command) == -1)
		return 1;
	/* The operand is short enough: options.c has seen to it. */
	snprintf(line, sizeof(line), "%s %s", command, o->operand);
	if (ask_daemon(c, o, line, &answer, &len) == -1)
		return 2;
	ret = tell(answer, len);
	free(answer);
	return ret;
}
