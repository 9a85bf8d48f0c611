/*
 * TCP streams of the gossip process. A stream is one sealed block each way:
 * [10][length u32 BE][block], whose first 5 bytes are authenticated with it.
 *
 * Hostile until the block opens: a stranger may declare any length, send
 * slowly, or connect a thousand times. Memory grows with bytes received, all
 * unauthenticated streams share one budget (gate.c), each phase and the whole
 * have their time-outs, and nothing is answered to who has no key, nor to who
 * repeats a block that was heard. What opened is inflated, handled and let go
 * before the next stream is looked at: one inflated text at a time.
 */
#include <sys/socket.h>
#include <netinet/in.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sodium.h>

#include "../common/clock.h"
#include "../common/log.h"
#include "frame.h"
#include "gate.h"
#include "replay.h"
#include "stream.h"
#include "wire.h"

#define READ_PIECE 4096 /* libevent's */
#define READ_MOST  65536 /* ours */
#define READ_TURNS 16 /* before others have their turn */

struct conn {
	struct gate_entry gate; /* first: see conn_of */
	struct bufferevent *bev;
	struct event deadline; /* of the phase, however many bytes came */
	struct ipport peer;
	bool incoming;
	bool answering; /* the answer is on its way, then close */
	bool connected;
	uint32_t id; /* outgoing: the core's */
	uint32_t need; /* block length, 0 = header not seen */
	uint8_t *block; /* what has come of it, with its header */
	size_t have, room;
};

static struct {
	struct net_config cfg;
	struct net_counters *count;
	struct event ev_accept, ev_resume;
	struct gate gate;
	struct replay heard;
	bool started;
	struct lzw_encoder lzw;
} st;

static struct conn *
conn_of(struct gate_entry *e)
{
	return (struct conn *)(void *)e;
}

static void
block_free(struct conn *c)
{
	free(c->block);
	c->block = NULL;
	c->have = c->room = 0;
}

static void
conn_free(struct conn *c)
{
	gate_leave(&st.gate, &c->gate);
	event_del(&c->deadline);
	bufferevent_free(c->bev);
	block_free(c);
	free(c);
}

/* A phase begins: who sends a byte now and then gains no time. */
static void
phase(struct conn *c)
{
	unsigned ms = st.cfg.stream_ms != 0 ? st.cfg.stream_ms : STREAM_TIMEOUT;
	int64_t now = clock_now();
	int64_t us = gate_deadline(&c->gate, ms * US_PER_MS, now) - now;
	struct timeval tv = {0};

	if (us > 0) {
		tv.tv_sec = us / US_PER_S;
		tv.tv_usec = us % US_PER_S;
	}
	evtimer_add(&c->deadline, &tv);
}

static void
refuse_stream(const struct conn *c, enum net_reason reason, const char *why)
{
	st.count->refused_streams++;
	st.count->refused[reason]++;
	net_refused(&c->peer, "stream", why);
}

/* Give up on a stream; an asker inside is told why. */
static void
conn_fail(struct conn *c, enum net_reason reason, const char *why)
{
	uint32_t id = c->id;
	bool tell = !c->incoming;

	if (c->incoming && !c->answering)
		refuse_stream(c, reason, why);
	conn_free(c);
	if (tell)
		st.cfg.handler.failed(id, why);
}

/* c came, or got bytes: end who has to go for that. True when c was among
 * them. */
static bool
give_way(struct conn *c, const char *why)
{
	struct gate_entry *e;

	while ((e = gate_surplus(&st.gate, &c->gate, clock_now())) != NULL) {
		conn_fail(conn_of(e), NET_CROWD, why);
		if (e == &c->gate)
			return true;
	}
	return false;
}

static void
sent_free(const void *p, size_t len, void *block)
{
	(void)p;
	(void)len;
	free(block);
}

/* 0, or -1. */
static int
put_block(struct evbuffer *out, const uint8_t *msg, size_t len)
{
	size_t n;
	uint8_t *block = frame_seal(st.cfg.seal, &st.lzw, msg, len, &n);

	if (block == NULL)
		return -1;
	if (evbuffer_add_reference(out, block, n, sent_free, block) == 0)
		return 0;
	free(block);
	return -1;
}

static void
answer(struct conn *c, uint8_t *reply, size_t len)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	int r = reply == NULL ? -1 : put_block(out, reply, len);

	free(reply);
	c->answering = true;
	if (r == -1) {
		conn_free(c);
		return;
	}
	gate_owes(&st.gate, &c->gate, evbuffer_get_length(out));
	if (give_way(c, "too many answers wait to be taken"))
		return;
	phase(c);
	/* on_write closes when it is all out. */
	bufferevent_enable(c->bev, EV_WRITE);
}

/* A whole message has come: body, in memory of its own, which is freed. */
static void
deliver(struct conn *c, uint8_t type, const uint8_t *body, size_t len,
    uint8_t *owned)
{
	uint8_t *reply = NULL;
	size_t replylen = 0;
	uint32_t id = c->id;

	if (!c->incoming) {
		conn_free(c);
		st.cfg.handler.reply(id, type, body, len);
		free(owned);
		return;
	}
	if (st.cfg.handler.request(
		&c->peer, type, body, len, &reply, &replylen) == -1)
		refuse_stream(c, NET_MALFORMED, "malformed message");
	free(owned);
	answer(c, reply, replylen);
}

/*
 * It opened: the plain text stands in c's block, what it says in a buffer of
 * its own, so that only one of the two is there while it is handled.
 */
static void
opened(struct conn *c, const uint8_t *plain, size_t len)
{
	uint8_t type, *owned;
	const uint8_t *body;
	size_t bodylen;
	int err;

	gate_opened(&st.gate, &c->gate, clock_now());
	err = wire_stream_unwrap(
	    plain, len, WIRE_INFLATE_STREAM, &type, &body, &bodylen, &owned);
	if (err == 0 && owned == NULL) {
		if ((owned = malloc(bodylen + 1)) == NULL) {
			conn_fail(c, NET_CROWD, strerror(errno));
			return;
		}
		body = memcpy(owned, body, bodylen);
	}
	block_free(c);
	if (err < 0)
		conn_fail(c, NET_MALFORMED, wire_error_str(err));
	else
		deliver(c, type, body, bodylen, owned);
}

static void
open_block(struct conn *c)
{
	uint8_t *wire = c->block, *plain;
	ssize_t n;

	n = seal_open_here(
	    st.cfg.seal, wire + FRAME_HEAD, c->need, wire, FRAME_HEAD, &plain);
	if (n == -1) {
		conn_fail(c, NET_NOT_SEALED,
		    "not sealed with our cluster key (another mesh, or a "
		    "member with another --cluster-key)");
	} else if (replay_seen(
		       &st.heard, wire + FRAME_HEAD + SEAL_NONCE_OFFSET)) {
		conn_fail(c, NET_REPLAY, "a recording of one that came before");
	} else {
		opened(c, plain, (size_t)n);
	}
}

/* The declared length, checked. 0, or -1 when the stream is done for. */
static int
read_header(struct conn *c, struct evbuffer *in)
{
	uint8_t head[FRAME_HEAD];

	evbuffer_copyout(in, head, sizeof(head));
	if (head[0] != WIRE_ENCRYPT) {
		conn_fail(c, NET_NOT_SEALED, "not encrypted");
		return -1;
	}
	c->need = frame_length(head);
	if (c->need <= SEAL_OVERHEAD || c->need > GATE_BYTES - FRAME_HEAD) {
		conn_fail(c, NET_LENGTH, "its length is out of range");
		return -1;
	}
	return 0;
}

/* Room for the next piece of a block: little against what there is already. */
static int
block_grow(struct conn *c)
{
	size_t total = FRAME_HEAD + (size_t)c->need, piece = c->have / 8;
	uint8_t *p;

	if (c->have < c->room)
		return 0;
	if (piece < READ_PIECE)
		piece = READ_PIECE;
	if (piece > READ_MOST)
		piece = READ_MOST;
	if (piece > total - c->have)
		piece = total - c->have;
	if ((p = realloc(c->block, c->have + piece)) == NULL)
		return -1;
	c->block = p;
	c->room = c->have + piece;
	return 0;
}

/*
 * A large block stands in one piece from the beginning, and as much of it is
 * read at once as has come: libevent has read 4 KiB of it, and would so again.
 * An end or an error is left for it to find. 0, or -1 when out of memory.
 */
static int
read_block(struct conn *c, struct evbuffer *in)
{
	size_t total = FRAME_HEAD + (size_t)c->need, want;
	evutil_socket_t fd = bufferevent_getfd(c->bev);
	unsigned turns;
	ssize_t n = 1;

	for (turns = 0; c->have < total && n > 0 && turns < READ_TURNS;
	     turns++) {
		if (block_grow(c) == -1)
			return -1;
		want = c->room - c->have;
		if (evbuffer_get_length(in) > 0)
			n = evbuffer_remove(in, c->block + c->have, want);
		else
			n = read(fd, c->block + c->have, want);
		if (n > 0)
			c->have += (size_t)n;
	}
	return 0;
}

/* What has come fits the budgets? False when c had to go. */
static bool
may_hold(struct conn *c, struct evbuffer *in)
{
	gate_holds(
	    &st.gate, &c->gate, c->have + evbuffer_get_length(in), clock_now());
	return !give_way(c, "too many bytes before authentication");
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);

	if (c->answering) {
		/* Drained, so that closing does not reset the answer away. */
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	if (!may_hold(c, in))
		return;
	if (c->need == 0 && evbuffer_get_length(in) >= FRAME_HEAD &&
	    read_header(c, in) == -1)
		return;
	if (c->need == 0)
		return;
	if (read_block(c, in) == -1)
		conn_fail(c, NET_CROWD, strerror(ENOMEM));
	else if (may_hold(c, in) && c->have == FRAME_HEAD + (size_t)c->need)
		open_block(c);
}

static void
on_write(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->answering &&
	    evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		conn_free(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;
	int err = EVUTIL_SOCKET_ERROR();

	(void)bev;
	if (what & BEV_EVENT_CONNECTED) {
		c->connected = true;
		phase(c);
		return;
	}
	/* A half-closed peer still wants its answer. */
	if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) == BEV_EVENT_EOF &&
	    c->answering)
		return;
	if (what & BEV_EVENT_EOF)
		conn_fail(c, NET_CUT,
		    c->incoming ? "closed before a whole message came"
				: "closed without an answer (has it another "
				  "--cluster-key, or does it announce another "
				  "address?)");
	else
		conn_fail(c, NET_CUT, evutil_socket_error_to_string(err));
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (!c->connected)
		conn_fail(c, NET_TIME, "connection timed out");
	else if (c->incoming)
		conn_fail(c, NET_TIME, "no whole message in time");
	else
		conn_fail(c, NET_TIME, "no answer in time");
}

static enum gate_who
who_is(const struct ipport *peer, bool incoming)
{
	if (!incoming)
		return GATE_ASKED;
	return st.cfg.known != NULL && st.cfg.known(&peer->ip) ? GATE_MEMBER
							       : GATE_STRANGER;
}

static struct conn *
conn_new(int fd, const struct ipport *peer, bool incoming)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->bev = bufferevent_socket_new(
	    st.cfg.base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (c->bev == NULL) {
		free(c);
		return NULL;
	}
	c->peer = *peer;
	c->incoming = incoming;
	gate_enter(
	    &st.gate, &c->gate, who_is(peer, incoming), &peer->ip, clock_now());
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	(void)evtimer_assign(&c->deadline, st.cfg.base, on_deadline, c);
	phase(c);
	return c;
}

/* Short of descriptors or memory: the socket stays readable, so that to try
 * again at once would be to spin. */
static void
rest(int error)
{
	struct timeval tv = {.tv_usec = STREAM_REST * 1000};

	if (error != EMFILE && error != ENFILE && error != ENOBUFS &&
	    error != ENOMEM)
		return;
	log_debug("accept: %s", strerror(error));
	event_del(&st.ev_accept);
	evtimer_add(&st.ev_resume, &tv);
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	event_add(&st.ev_accept, NULL);
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct sockaddr_storage ss;
	socklen_t slen = sizeof(ss);
	struct net_local at;
	struct ipport from;
	struct conn *c;
	int s;

	(void)what;
	(void)arg;
	s = accept4(
	    fd, (struct sockaddr *)&ss, &slen, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (s == -1) {
		rest(errno);
		return;
	}
	net_local_stream(s, &at);
	if (ipport_from_sockaddr((struct sockaddr *)&ss, slen, &from) == -1 ||
	    !net_takes(&from, &at) || (c = conn_new(s, &from, true)) == NULL) {
		close(s);
		return;
	}
	st.count->streams_in++;
	c->connected = true;
	if (!give_way(c, "too many streams at once"))
		bufferevent_enable(c->bev, EV_READ);
}

/* A socket of our own, from the bound address where there is one. */
static int
client_socket(const struct ipport *to)
{
	struct sockaddr_storage ss;
	struct ipport src = {.ip = st.cfg.bind_addr};
	socklen_t slen;
	int fd;

	fd = socket(to->ip.len == 4 ? AF_INET : AF_INET6,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (st.cfg.bind_iface[0] != '\0' &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, st.cfg.bind_iface,
		(socklen_t)strlen(st.cfg.bind_iface)) == -1)
		log_debug("SO_BINDTODEVICE: %s", strerror(errno));
	if (src.ip.len == to->ip.len && !ipaddr_is_any(&src.ip)) {
		slen = ipport_to_sockaddr(&src, &ss);
		if (bind(fd, (struct sockaddr *)&ss, slen) == -1)
			log_debug("bind: %s", strerror(errno));
	}
	return fd;
}

/* Failures are told from the loop, never from within stream_open. */
struct late_failure {
	uint32_t id;
	char why[80];
};

static void
on_late_failure(evutil_socket_t fd, short what, void *arg)
{
	struct late_failure *f = arg;

	(void)fd;
	(void)what;
	if (st.started)
		st.cfg.handler.failed(f->id, f->why);
	free(f);
}

static void
fail_later(uint32_t id, const char *why)
{
	struct timeval zero = {0};
	struct late_failure *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return;
	f->id = id;
	strlcpy(f->why, why, sizeof(f->why));
	if (event_base_once(
		st.cfg.base, -1, EV_TIMEOUT, on_late_failure, f, &zero) == -1)
		free(f);
}

void
stream_open(
    uint32_t id, const struct ipport *to, const uint8_t *msg, size_t len)
{
	struct sockaddr_storage ss;
	socklen_t slen = ipport_to_sockaddr(to, &ss);
	struct conn *c = NULL;
	int fd;

	if (st.cfg.connects != NULL && !st.cfg.connects(to)) {
		fail_later(
		    id, "refused by the sandbox: name the port in --join");
		return;
	}
	fd = client_socket(to);
	st.count->streams_out++;
	if (fd == -1 || (c = conn_new(fd, to, false)) == NULL) {
		fail_later(id, strerror(errno));
		if (fd != -1)
			close(fd);
		return;
	}
	c->id = id;
	if (put_block(bufferevent_get_output(c->bev), msg, len) == -1 ||
	    bufferevent_socket_connect(
		c->bev, (struct sockaddr *)&ss, (int)slen) == -1) {
		fail_later(id, strerror(errno));
		conn_free(c);
		return;
	}
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

int
stream_start(const struct net_config *cfg, struct net_counters *count)
{
	st.cfg = *cfg;
	st.count = count;
	gate_init(&st.gate);
	replay_init(&st.heard);
	st.started = true;
	(void)evtimer_assign(&st.ev_resume, cfg->base, on_resume, NULL);
	if (event_assign(&st.ev_accept, cfg->base, cfg->tcp,
		EV_READ | EV_PERSIST, on_accept, NULL) == -1)
		return -1;
	return event_add(&st.ev_accept, NULL);
}

void
stream_stop(void)
{
	struct gate_entry *e;

	st.started = false;
	event_del(&st.ev_accept);
	event_del(&st.ev_resume);
	while ((e = TAILQ_FIRST(&st.gate.list)) != NULL)
		conn_free(conn_of(e));
}

const struct gate *
stream_gate(void)
{
	return &st.gate;
}
