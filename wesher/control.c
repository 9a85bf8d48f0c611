/*
 * The control socket of the gossip process: local clients, one line in, one
 * JSON document out. The socket's mode decides who may connect; a client is
 * still bounded in bytes, time and number.
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "control.h"

#define CLIENTS_MAX  16
#define CLIENT_TIME  10 /* seconds */
#define REFRESH_TIME 1
#define REST_TIME    200000 /* microseconds */

struct client {
	TAILQ_ENTRY(client) entry;
	struct bufferevent *bev;
	struct event deadline; /* however many bytes came or went */
	bool waiting, closing;
};
TAILQ_HEAD(client_list, client);

static struct {
	struct event_base *base;
	struct event ev_accept, ev_rested, ev_refresh;
	struct client_list clients;
	unsigned n;
	char *(*answer)(void);
	void (*refresh)(void);
} ctl;

static void
client_free(struct client *c)
{
	TAILQ_REMOVE(&ctl.clients, c, entry);
	ctl.n--;
	event_del(&c->deadline);
	bufferevent_free(c->bev);
	free(c);
}

static void
say(struct client *c, const char *text)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	c->waiting = false;
	c->closing = true;
	if (evbuffer_add(out, text, strlen(text)) == -1 ||
	    evbuffer_add(out, "\n", 1) == -1)
		client_free(c);
}

void
control_refreshed(void)
{
	struct client *c, *next;
	char *doc = NULL;

	event_del(&ctl.ev_refresh);
	for (c = TAILQ_FIRST(&ctl.clients); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (!c->waiting)
			continue;
		if (doc == NULL)
			doc = ctl.answer();
		say(c, doc != NULL ? doc : "{\"error\": \"out of memory\"}");
	}
	free(doc);
}

static void
on_refresh_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	control_refreshed();
}

static void
command(struct client *c, const char *line)
{
	struct timeval tv = {.tv_sec = REFRESH_TIME};

	if (strcmp(line, "status") != 0) {
		say(c, "{\"error\": \"unknown command\"}");
		return;
	}
	c->waiting = true;
	/* One question to the kernel for all who wait. */
	if (evtimer_pending(&ctl.ev_refresh, NULL))
		return;
	evtimer_add(&ctl.ev_refresh, &tv);
	ctl.refresh();
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	char *line;

	if (c->waiting || c->closing) {
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF);
	if (line != NULL)
		command(c, line);
	else if (evbuffer_get_length(in) > CONTROL_LINE_MAX)
		client_free(c);
	free(line);
}

static void
on_write(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	if (c->closing && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		client_free(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;

	(void)bev;
	/* A half-closed client still wants its answer. */
	if ((what & BEV_EVENT_EOF) && (c->waiting || c->closing))
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

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = {.tv_sec = CLIENT_TIME};
	struct client *c = NULL;
	int s;

	(void)what;
	(void)arg;
	s = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (s == -1) {
		if (errno != EAGAIN && errno != EINTR)
			rest();
		return;
	}
	if (ctl.n >= CLIENTS_MAX || (c = calloc(1, sizeof(*c))) == NULL ||
	    (c->bev = bufferevent_socket_new(ctl.base, s,
		 BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS)) == NULL) {
		free(c);
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
control_start(struct event_base *base, int fd, char *(*answer)(void),
    void (*refresh)(void))
{
	ctl.base = base;
	ctl.answer = answer;
	ctl.refresh = refresh;
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
