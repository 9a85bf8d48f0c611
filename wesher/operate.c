/*
 * Between the control socket and the mesh, in the gossip process: what local
 * clients ask for (control.c has seen to it that only root steers) is looked
 * up or done here. Who follows hears of events as long as it does; nobody else
 * pays for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "../common/log.h"
#include "control.h"
#include "event.h"
#include "jsontext.h"
#include "mesh.h"
#include "operate.h"
#include "privc.h"

static struct operate op;

static int64_t
wall_ms(void)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	return (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000;
}

static char *
status(void)
{
	return mesh_status(op.mesh, op.now());
}

static char *
graph(void)
{
	return mesh_graph(op.mesh, op.now());
}

static void
refresh(void)
{
	if (!mesh_may_ask(op.mesh) || priv_stats() == 0)
		control_refreshed();
}

static char *
hello(void)
{
	struct mesh_view v;
	json_t *doc;
	char *line;

	mesh_view(op.mesh, &v);
	doc = json_pack("{s:s, s:f, s:o, s:o, s:s}", "event", "hello", "time",
	    (double)wall_ms() / 1000, "name", jsontext(v.name), "interface",
	    jsontext(v.conf->interface), "version", WESHER_VERSION);
	line = doc == NULL ? NULL : json_dumps(doc, EVENT_JSON_FLAGS);
	json_decref(doc);
	return line;
}

static void
on_event(const struct event_news *ev, void *arg)
{
	char *line = event_json(ev, wall_ms());

	(void)arg;
	if (line != NULL)
		control_tell(line);
	free(line);
}

static void
followed(bool yes)
{
	event_follow(yes ? on_event : NULL, NULL);
	mesh_watch(op.mesh, op.now(), yes);
	op.changed();
}

static bool
forget(const char *name, char *words)
{
	bool ok = mesh_forget(op.mesh, op.now(), name, words, CONTROL_WORDS);

	op.changed();
	return ok;
}

static bool
join(const char *where, char *words)
{
	bool ok = mesh_join_now(op.mesh, op.now(), where, words, CONTROL_WORDS);

	op.changed();
	return ok;
}

/* Said at the old level or the new one, whichever says more. */
static bool
set_log_level(const char *level, char *words)
{
	enum log_level was = log_level_get();
	int is = log_level_parse(level);

	if (is == -1) {
		snprintf(words, CONTROL_WORDS,
		    "LEVEL is one of debug, info, warn and error");
		return false;
	}
	snprintf(words, CONTROL_WORDS,
	    "the log level is %s until the next start, it was %s",
	    log_level_name((enum log_level)is), log_level_name(was));
	if (is > (int)was)
		log_level_set((enum log_level)is);
	log_info("%s\tevent=log-level level=%s", words, level);
	log_level_set((enum log_level)is);
	return true;
}

int
operate_start(const struct operate *o)
{
	static const struct control_ops ops = {
	    .status = status,
	    .graph = graph,
	    .hello = hello,
	    .refresh = refresh,
	    .forget = forget,
	    .join = join,
	    .log_level = set_log_level,
	    .followed = followed,
	};

	op = *o;
	return control_start(op.base, op.fd, &ops);
}

void
operate_stop(void)
{
	control_stop();
}
