/*
 * Metrics of the gossip process, by libevent's HTTP server. Who may connect is
 * up to the operator's choice of the address; all that comes from there is
 * hostile nevertheless, and can cost no more than METRICS_CLIENTS connections,
 * each of METRICS_TIME seconds and METRICS_HEAD bytes, and one page a second.
 *
 * libevent's server alone bounds neither their number nor their time: we make
 * what it reads each connection by, keep a reference, and look now and then
 * which of them it has let go, and which it has to. No name is looked up for
 * who connects: see getnameinfo() below.
 */
#include <sys/queue.h>
#include <sys/socket.h>
#include <netdb.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "../common/clock.h"
#include "metrics.h"

#define REFRESH_TIME 1 /* second that counters may take */
#define PAGE_FRESH   1 /* second that one page serves all */
#define LOOK_TIME    50000 /* us, between looks at the connections */
#define REST_TIME    200000 /* us, without a descriptor or memory */

struct client {
	TAILQ_ENTRY(client) entry;
	struct bufferevent *bev;
	int64_t until;
};
TAILQ_HEAD(client_list, client);

struct waiting {
	TAILQ_ENTRY(waiting) entry;
	struct evhttp_request *req;
};
TAILQ_HEAD(waiting_list, waiting);

/* Shared by all answers that it is in. */
struct page {
	char *text;
	size_t len;
	unsigned refs;
};

static struct {
	struct metrics_config cfg;
	struct evhttp *http;
	struct evconnlistener *listener;
	struct event ev_refresh, ev_rested, ev_look, ev_stale;
	struct client_list clients;
	struct waiting_list waiting;
	unsigned n;
	bool resting;
	struct page *page; /* the last one */
	int64_t fresh_at; /* when the counters came */
} mx;

/*
 * libevent's server asks for the text of each client's address, which it needs
 * nowhere. libc would ask the kernel for the name of an interface when it is a
 * link-local one, by system calls that are not ours to make (confine_filter.c):
 * any neighbour could end us. Nobody else in this program asks for names.
 */
int
getnameinfo(const struct sockaddr *sa, socklen_t salen, char *host,
    socklen_t hostlen, char *serv, socklen_t servlen, int flags)
{
	(void)sa;
	(void)salen;
	(void)flags;
	if (host != NULL && hostlen > 0)
		strlcpy(host, "-", hostlen);
	if (serv != NULL && servlen > 0)
		strlcpy(serv, "0", servlen);
	return 0;
}

static void
page_unref(struct page *p)
{
	if (p == NULL || --p->refs > 0)
		return;
	free(p->text);
	free(p);
}

static void
sent(const void *data, size_t len, void *page)
{
	(void)data;
	(void)len;
	page_unref(page);
}

/* That of a large mesh is megabytes, and nobody may ask for minutes. */
static void
on_stale(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	page_unref(mx.page);
	mx.page = NULL;
}

/* The page of this second; NULL when out of memory. */
static struct page *
page_now(void)
{
	struct timeval tv = {.tv_sec = PAGE_FRESH};
	struct page *p;

	if (mx.page != NULL)
		return mx.page;
	if ((p = calloc(1, sizeof(*p))) == NULL ||
	    (p->text = mx.cfg.page(&p->len)) == NULL) {
		free(p);
		return NULL;
	}
	p->refs = 1;
	mx.page = p;
	evtimer_add(&mx.ev_stale, &tv);
	return p;
}

/* Takes the request, also one whose client has gone. */
static void
reply(struct evhttp_request *req)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evbuffer_new();
	struct page *p = page_now();

	evhttp_add_header(headers, "Connection", "close");
	if (p != NULL && body != NULL) {
		p->refs++;
		if (evbuffer_add_reference(body, p->text, p->len, sent, p) ==
		    -1) {
			page_unref(p);
			p = NULL;
		}
	}
	if (p == NULL || body == NULL)
		evhttp_send_reply(req, 503, "Out of memory", NULL);
	else {
		evhttp_add_header(headers, "Content-Type",
		    "text/plain; version=0.0.4; charset=utf-8");
		evhttp_send_reply(req, HTTP_OK, "OK", body);
	}
	if (body != NULL)
		evbuffer_free(body);
}

static void
reply_all(void)
{
	struct waiting *w;

	event_del(&mx.ev_refresh);
	while ((w = TAILQ_FIRST(&mx.waiting)) != NULL) {
		TAILQ_REMOVE(&mx.waiting, w, entry);
		reply(w->req);
		free(w);
	}
}

void
metrics_refreshed(void)
{
	if (mx.http == NULL)
		return;
	mx.fresh_at = clock_now();
	reply_all();
}

static void
on_refresh_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	metrics_refreshed();
}

static void
refuse(struct evhttp_request *req, int code, const char *why)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);

	evhttp_add_header(headers, "Connection", "close");
	if (code == HTTP_BADMETHOD)
		evhttp_add_header(headers, "Allow", "GET");
	evhttp_send_reply(req, code, why, NULL);
}

static void
on_other(struct evhttp_request *req, void *arg)
{
	(void)arg;
	refuse(req, HTTP_NOTFOUND, "Not Found");
}

static void
on_metrics(struct evhttp_request *req, void *arg)
{
	struct timeval tv = {.tv_sec = REFRESH_TIME};
	struct waiting *w;

	(void)arg;
	if (evhttp_request_get_command(req) != EVHTTP_REQ_GET) {
		refuse(req, HTTP_BADMETHOD, "Method Not Allowed");
		return;
	}
	if (clock_now() - mx.fresh_at < METRICS_FRESH * US_PER_S ||
	    (w = calloc(1, sizeof(*w))) == NULL) {
		reply(req);
		return;
	}
	w->req = req;
	TAILQ_INSERT_TAIL(&mx.waiting, w, entry);
	/* One question to the kernel for all who wait. */
	if (evtimer_pending(&mx.ev_refresh, NULL))
		return;
	evtimer_add(&mx.ev_refresh, &tv);
	mx.cfg.refresh();
}

/* Accept as long as there is room, and memory. */
static void
listen_or_not(void)
{
	if (mx.n < METRICS_CLIENTS && !mx.resting)
		evconnlistener_enable(mx.listener);
	else
		evconnlistener_disable(mx.listener);
}

/* libevent takes its callbacks away when it frees one; we hold a reference. */
static bool
is_over(const struct client *c)
{
	bufferevent_event_cb event;
	bufferevent_data_cb in, out;
	void *arg;

	bufferevent_getcb(c->bev, &in, &out, &event, &arg);
	return event == NULL;
}

static void
client_free(struct client *c)
{
	TAILQ_REMOVE(&mx.clients, c, entry);
	mx.n--;
	(void)bufferevent_decref(c->bev);
	free(c);
}

/* Now and then as long as there are some: who has gone, and who has to go? */
static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	int64_t now = clock_now();
	struct client *c, *next;

	(void)fd;
	(void)what;
	(void)arg;
	for (c = TAILQ_FIRST(&mx.clients); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (!is_over(c) && now >= c->until)
			bufferevent_trigger_event(
			    c->bev, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
		if (is_over(c))
			client_free(c);
	}
	if (mx.n == 0)
		event_del(&mx.ev_look);
	listen_or_not();
}

/* What the server reads a new connection by. Its descriptor comes later, and
 * is closed with it: a number that was free before would be another's, with
 * events that wait for it. */
static struct bufferevent *
on_connection(struct event_base *base, void *arg)
{
	struct timeval tv = {.tv_usec = LOOK_TIME};
	struct client *c = calloc(1, sizeof(*c));

	(void)arg;
	if (c == NULL || (c->bev = bufferevent_socket_new(
			      base, -1, BEV_OPT_CLOSE_ON_FREE)) == NULL) {
		free(c);
		return NULL;
	}
	bufferevent_incref(c->bev);
	c->until = clock_now() + mx.cfg.client_ms * US_PER_MS;
	TAILQ_INSERT_TAIL(&mx.clients, c, entry);
	if (mx.n++ == 0)
		event_add(&mx.ev_look, &tv);
	listen_or_not();
	return c->bev;
}

/* Short of descriptors the client still waits, and poll would say so for
 * ever: look away for a moment. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct timeval tv = {.tv_usec = REST_TIME};

	(void)listener;
	(void)arg;
	mx.resting = true;
	listen_or_not();
	evtimer_add(&mx.ev_rested, &tv);
}

static void
on_rested(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	mx.resting = false;
	listen_or_not();
}

int
metrics_start(const struct metrics_config *cfg)
{
	memset(&mx, 0, sizeof(mx));
	mx.cfg = *cfg;
	if (cfg->client_ms == 0)
		mx.cfg.client_ms = METRICS_TIME * 1000;
	mx.fresh_at = clock_now() - METRICS_FRESH * US_PER_S;
	TAILQ_INIT(&mx.clients);
	TAILQ_INIT(&mx.waiting);
	(void)evtimer_assign(
	    &mx.ev_refresh, cfg->base, on_refresh_timeout, NULL);
	(void)event_assign(
	    &mx.ev_look, cfg->base, -1, EV_PERSIST, on_look, NULL);
	(void)evtimer_assign(&mx.ev_rested, cfg->base, on_rested, NULL);
	(void)evtimer_assign(&mx.ev_stale, cfg->base, on_stale, NULL);
	/* Backlog 0: it listens already. */
	mx.listener = evconnlistener_new(
	    cfg->base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, cfg->fd);
	if (mx.listener == NULL || (mx.http = evhttp_new(cfg->base)) == NULL ||
	    evhttp_bind_listener(mx.http, mx.listener) == NULL)
		return -1;
	evconnlistener_set_error_cb(mx.listener, on_accept_error);
	evhttp_set_bevcb(mx.http, on_connection, NULL);
	evhttp_set_timeout(mx.http, METRICS_TIME);
	evhttp_set_max_headers_size(mx.http, METRICS_HEAD);
	evhttp_set_max_body_size(mx.http, 0);
	/* Ours to refuse, with the right answer. */
	evhttp_set_allowed_methods(mx.http,
	    EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
		EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
		EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(mx.http, on_other, NULL);
	return evhttp_set_cb(mx.http, "/metrics", on_metrics, NULL);
}

void
metrics_stop(void)
{
	struct evhttp *http = mx.http;

	if (http == NULL)
		return;
	reply_all();
	mx.http = NULL;
	event_del(&mx.ev_rested);
	event_del(&mx.ev_look);
	event_del(&mx.ev_stale);
	evhttp_free(http);
	while (!TAILQ_EMPTY(&mx.clients))
		client_free(TAILQ_FIRST(&mx.clients));
	page_unref(mx.page);
	mx.page = NULL;
}
