/*
 * The control socket of the gossip process: local clients, one line in, one
 * JSON document out, or a stream of them. The socket's mode decides who may
 * connect and look, and what the kernel knows of the client (SO_PEERCRED) who
 * may steer; nothing that a client writes does. Each is bounded in bytes, time
 * and number: members of the group may be many, silent, slow or noisy, and
 * neither the mesh nor root at the same socket may notice.
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <jansson.h>

#include "../common/clock.h"
#include "control.h"
#include "jsontext.h"

#define CLIENTS_MAX    16
#define CLIENTS_ROOT   4 /* more, for root alone */
#define FOLLOWERS_MAX  8
#define FOLLOWERS_ROOT 2 /* more, likewise */
#define FOLLOWER_ROOM  131072 /* bytes that wait for one */
#define FOLLOWER_TIME  30 /* seconds without reading */
#define CLIENT_TIME    10 /* seconds */
#define REFRESH_TIME   1
#define REFRESH_EVERY  (200 * US_PER_MS)
#define REST_TIME      200000 /* microseconds */

enum what { NOTHING, STATUS, GRAPH, KINDS };

struct client {
	TAILQ_ENTRY(client) entry;
	struct bufferevent *bev;
	struct event deadline; /* however many bytes came or went */
	bool root;
	enum what waiting; /* for counters, before it is answered */
	bool closing, follows;
	unsigned long missed; /* lines, by one that follows */
	size_t noise; /* bytes behind the command */
};
TAILQ_HEAD(client_list, client);

static struct {
	struct event_base *base;
	struct event ev_accept, ev_rested, ev_refresh;
	struct client_list clients;
	unsigned n, followers;
	int64_t refreshed; /* 0: never */
	const struct control_ops *ops;
} ctl;

static void
client_free(struct client *c)
{
	bool last = c->follows && --ctl.followers == 0;

	TAILQ_REMOVE(&ctl.clients, c, entry);
	ctl.n--;
	event_del(&c->deadline);
	bufferevent_free(c->bev);
	free(c);
	if (last)
		ctl.ops->followed(false);
}

/* A line, or nothing of it: false when out of memory. */
static bool
put(struct client *c, const char *text)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	size_t len = strlen(text);

	return evbuffer_expand(out, len + 1) == 0 &&
	       evbuffer_add(out, text, len) == 0 &&
	       evbuffer_add(out, "\n", 1) == 0;
}

/* The answer, NULL: out of memory; then the end. */
static void
say(struct client *c, const char *text)
{
	c->waiting = NOTHING;
	c->closing = true;
	if (!put(c, text != NULL ? text : "{\"error\": \"out of memory\"}"))
		client_free(c);
}

static void
say_words(struct client *c, bool ok, const char *words)
{
	json_t *doc = json_pack("{s:o}", ok ? "ok" : "error", jsontext(words));
	char *text = doc == NULL ? NULL : json_dumps(doc, 0);

	say(c, text);
	free(text);
	json_decref(doc);
}

void
control_refreshed(void)
{
	char *doc[KINDS] = {NULL};
	struct client *c, *next;
	enum what k;

	event_del(&ctl.ev_refresh);
	for (c = TAILQ_FIRST(&ctl.clients); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if ((k = c->waiting) == NOTHING)
			continue;
		if (doc[k] == NULL)
			doc[k] = k == STATUS ? ctl.ops->status()
					     : ctl.ops->graph();
		say(c, doc[k]);
	}
	free(doc[STATUS]);
	free(doc[GRAPH]);
}

static void
on_refresh_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	control_refreshed();
}

/* One question to the kernel for all who wait, and not too often. */
static void
wait_for(struct client *c, enum what what)
{
	struct timeval tv = {.tv_sec = REFRESH_TIME};
	int64_t now = clock_now();

	c->waiting = what;
	if (evtimer_pending(&ctl.ev_refresh, NULL))
		return;
	evtimer_add(&ctl.ev_refresh, &tv);
	if (ctl.refreshed != 0 && now - ctl.refreshed < REFRESH_EVERY) {
		control_refreshed();
		return;
	}
	ctl.refreshed = now;
	ctl.ops->refresh();
}

static void
do_status(struct client *c, const char *operand)
{
	(void)operand;
	wait_for(c, STATUS);
}

static void
do_graph(struct client *c, const char *operand)
{
	(void)operand;
	wait_for(c, GRAPH);
}

static void
do_monitor(struct client *c, const char *operand)
{
	struct timeval tv = {.tv_sec = FOLLOWER_TIME};
	unsigned most = FOLLOWERS_MAX + (c->root ? FOLLOWERS_ROOT : 0);
	char *hello;

	(void)operand;
	if (ctl.followers >= most) {
		say_words(c, false, "as many follow already as may");
		return;
	}
	hello = ctl.ops->hello();
	if (hello == NULL || !put(c, hello)) {
		free(hello);
		client_free(c);
		return;
	}
	free(hello);
	event_del(&c->deadline);
	/* Of a write that does not get on: who has nothing to read may sit. */
	bufferevent_set_timeouts(c->bev, NULL, &tv);
	c->follows = true;
	if (ctl.followers++ == 0)
		ctl.ops->followed(true);
}

static void
steer(struct client *c, bool (*op)(const char *, char *), const char *operand)
{
	char words[CONTROL_WORDS] = "";
	bool ok = op(operand, words);

	say_words(c, ok, words);
}

static void
do_forget(struct client *c, const char *operand)
{
	steer(c, ctl.ops->forget, operand);
}

static void
do_join(struct client *c, const char *operand)
{
	steer(c, ctl.ops->join, operand);
}

static void
do_log_level(struct client *c, const char *operand)
{
	steer(c, ctl.ops->log_level, operand);
}

static const struct command {
	const char *word, *operand; /* operand NULL: it takes none */
	bool root;
	void (*run)(struct client *c, const char *operand);
} commands[] = {
    {"status", NULL, false, do_status},
    {"graph", NULL, false, do_graph},
    {"monitor", NULL, false, do_monitor},
    {"forget", "NAME", true, do_forget},
    {"join", "HOST[:PORT]", true, do_join},
    {"log-level", "LEVEL", true, do_log_level},
};

static const struct command *
find(const char *line, const char **operand)
{
	size_t len = strcspn(line, " "), i;

	*operand = line[len] == ' ' ? line + len + 1 : NULL;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strlen(commands[i].word) == len &&
		    memcmp(commands[i].word, line, len) == 0)
			return &commands[i];
	return NULL;
}

/* What is behind the first blank is the operand, as it is: names may have
 * blanks. */
static void
command(struct client *c, const char *line)
{
	const char *operand;
	const struct command *cmd = find(line, &operand);
	char words[128];

	if (cmd == NULL || (cmd->operand == NULL && operand != NULL)) {
		say_words(c, false, "unknown command");
	} else if (cmd->root && !c->root) {
		snprintf(words, sizeof(words),
		    "only root may use `%s`; the group wesher looks",
		    cmd->word);
		say_words(c, false, words);
	} else if (cmd->operand != NULL &&
		   (operand == NULL || *operand == '\0')) {
		snprintf(words, sizeof(words), "`%s` wants one operand: %s",
		    cmd->word, cmd->operand);
		say_words(c, false, words);
	} else
		cmd->run(c, operand);
}

/* Behind the command nothing is wanted. */
static void
drain(struct client *c, struct evbuffer *in)
{
	c->noise += evbuffer_get_length(in);
	evbuffer_drain(in, evbuffer_get_length(in));
	if (c->follows && c->noise > CONTROL_LINE_MAX)
		client_free(c);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	char *line;
	size_t len;

	if (c->waiting != NOTHING || c->closing || c->follows) {
		drain(c, in);
		return;
	}
	line = evbuffer_readln(in, &len, EVBUFFER_EOL_CRLF);
	if (line != NULL && (len > CONTROL_LINE_MAX || len != strlen(line)))
		say_words(c, false, "unknown command");
	else if (line != NULL)
		command(c, line);
	else if (evbuffer_get_length(in) > CONTROL_LINE_MAX)
		client_free(c);
	free(line);
}

/* The client has read all that there was. */
static void
on_write(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;
	char words[64];

	if (evbuffer_get_length(bufferevent_get_output(bev)) != 0)
		return;
	if (c->closing) {
		client_free(c);
		return;
	}
	if (c->missed == 0)
		return;
	snprintf(words, sizeof(words),
	    "{\"event\": \"missed\", \"count\": %lu}", c->missed);
	c->missed = 0;
	if (!put(c, words))
		client_free(c);
}

void
control_tell(const char *line)
{
	struct client *c;
	size_t waits;

	TAILQ_FOREACH (c, &ctl.clients, entry) {
		if (!c->follows)
			continue;
		waits = evbuffer_get_length(bufferevent_get_output(c->bev));
		/* Once too slow, nothing until it knows that. */
		if (c->missed > 0 || waits + strlen(line) >= FOLLOWER_ROOM ||
		    !put(c, line))
			c->missed++;
	}
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;

	(void)bev;
	/* A half-closed client still wants its answer. */
	if ((what & BEV_EVENT_EOF) && (c->waiting != NOTHING || c->closing))
		return;
	client_free(c);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_free(arg);
}

/* Short of descriptors the client still waits, and poll would say so for
 * ever: look away for a moment. */
static void
rest(void)
{
	struct timeval tv = {.tv_usec = REST_TIME};

	event_del(&ctl.ev_accept);
	evtimer_add(&ctl.ev_rested, &tv);
}

static void
on_rested(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	event_add(&ctl.ev_accept, NULL);
}

/* As the kernel noted it when the client connected. */
static bool
is_root(int s)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	       len == sizeof(cred) && cred.uid == 0;
}

static struct client *
client_new(int s)
{
	bool root = is_root(s);
	unsigned most = CLIENTS_MAX + (root ? CLIENTS_ROOT : 0);
	struct client *c;

	if (ctl.n >= most || (c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->bev = bufferevent_socket_new(
	    ctl.base, s, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (c->bev == NULL) {
		free(c);
		return NULL;
	}
	c->root = root;
	return c;
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = {.tv_sec = CLIENT_TIME};
	struct client *c;
	int s;

	(void)what;
	(void)arg;
	s = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (s == -1) {
		if (errno != EAGAIN && errno != EINTR)
			rest();
		return;
	}
	if ((c = client_new(s)) == NULL) {
		close(s);
		return;
	}
	TAILQ_INSERT_TAIL(&ctl.clients, c, entry);
	ctl.n++;
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	(void)evtimer_assign(&c->deadline, ctl.base, on_deadline, c);
	evtimer_add(&c->deadline, &tv);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

int
control_start(struct event_base *base, int fd, const struct control_ops *ops)
{
	ctl.base = base;
	ctl.ops = ops;
	ctl.refreshed = 0;
	TAILQ_INIT(&ctl.clients);
	if (evutil_make_socket_nonblocking(fd) == -1 ||
	    evtimer_assign(&ctl.ev_refresh, base, on_refresh_timeout, NULL) ==
		-1 ||
	    evtimer_assign(&ctl.ev_rested, base, on_rested, NULL) == -1 ||
	    event_assign(&ctl.ev_accept, base, fd, EV_READ | EV_PERSIST,
		on_accept, NULL) == -1)
		return -1;
	return event_add(&ctl.ev_accept, NULL);
}

void
control_stop(void)
{
	struct client *c;

	event_del(&ctl.ev_accept);
	event_del(&ctl.ev_rested);
	event_del(&ctl.ev_refresh);
	while ((c = TAILQ_FIRST(&ctl.clients)) != NULL)
		client_free(c);
}
