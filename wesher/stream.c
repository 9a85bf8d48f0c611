/*
 * TCP streams of the gossip process. A stream is one sealed block each way:
 * [10][length u32 BE][block], whose first 5 bytes are authenticated with it.
 *
 * Hostile until the block opens: a stranger may declare any length, send
 * slowly, or connect a thousand times. Memory grows with bytes received, all
 * unauthenticated streams share one budget, each phase has its time-out, and
 * nothing is answered to who has no key.
 */
#include <sys/queue.h>
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

#include "../common/log.h"
#include "stream.h"
#include "wire.h"

#define HEADER_LEN 5

struct conn {
	TAILQ_ENTRY(conn) entry;
	struct bufferevent *bev;
	struct event deadline; /* of the phase, however many bytes came */
	struct ipport peer;
	bool incoming;
	bool answering; /* the answer is on its way, then close */
	bool connected;
	uint32_t id; /* outgoing: the core's */
	uint32_t need; /* block length, 0 = header not seen */
	size_t held; /* our share of the budget */
	size_t pending; /* length of our answer */
};
TAILQ_HEAD(conn_list, conn);

static struct {
	struct net_config cfg;
	struct net_counters *count;
	struct event ev_accept;
	struct conn_list conns;
	unsigned nincoming;
	size_t held, pending;
	bool started;
	struct lzw_encoder lzw;
} st;

static void
conn_free(struct conn *c)
{
	TAILQ_REMOVE(&st.conns, c, entry);
	if (c->incoming)
		st.nincoming--;
	st.held -= c->held;
	st.pending -= c->pending;
	event_del(&c->deadline);
	bufferevent_free(c->bev);
	free(c);
}

/* A phase begins: who sends a byte now and then gains no time. */
static void
phase(struct conn *c)
{
	unsigned ms = st.cfg.stream_ms != 0 ? st.cfg.stream_ms : STREAM_TIMEOUT;
	struct timeval tv = {
	    .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	evtimer_add(&c->deadline, &tv);
}

/* Give up on a stream; an asker inside is told why. */
static void
conn_fail(struct conn *c, const char *why)
{
	uint32_t id = c->id;
	bool tell = !c->incoming;

	if (c->incoming && !c->answering) {
		st.count->refused_streams++;
		net_refused(&c->peer, "stream", why);
	}
	conn_free(c);
	if (tell)
		st.cfg.handler.failed(id, why);
}

/* Compress where it pays, seal, frame. 0, or -1. */
static int
put_block(struct evbuffer *out, const uint8_t *msg, size_t len)
{
	uint8_t head[HEADER_LEN] = {WIRE_ENCRYPT}, *packed = NULL, *block;
	ssize_t n = -1;

	if (len >= STREAM_COMPRESS && (packed = malloc(len)) != NULL)
		n = wire_put_compress(&st.lzw, packed, len, msg, len);
	if (n > 0) {
		msg = packed;
		len = (size_t)n;
	}
	block = malloc(len + SEAL_OVERHEAD);
	n = -1;
	if (block != NULL) {
		uint32_t total = (uint32_t)(len + SEAL_OVERHEAD);

		head[1] = (uint8_t)(total >> 24);
		head[2] = (uint8_t)(total >> 16);
		head[3] = (uint8_t)(total >> 8);
		head[4] = (uint8_t)total;
		n = seal_close(
		    st.cfg.seal, msg, len, head, sizeof(head), block, total);
	}
	if (n > 0 && (evbuffer_add(out, head, sizeof(head)) == -1 ||
			 evbuffer_add(out, block, (size_t)n) == -1))
		n = -1;
	free(packed);
	free(block);
	return n > 0 ? 0 : -1;
}

static void
answer(struct conn *c, uint8_t *reply, size_t len)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	c->answering = true;
	if (reply == NULL || st.pending > STREAM_PENDING ||
	    put_block(out, reply, len) == -1) {
		free(reply);
		conn_free(c);
		return;
	}
	free(reply);
	c->pending = evbuffer_get_length(out);
	st.pending += c->pending;
	phase(c);
	/* on_write closes when it is all out. */
	bufferevent_enable(c->bev, EV_WRITE);
}

/* A whole plain message has come. */
static void
deliver(struct conn *c, uint8_t *plain, size_t len)
{
	uint8_t type, *owned = NULL, *reply = NULL;
	const uint8_t *body;
	size_t bodylen, replylen = 0;
	int err;

	err = wire_stream_unwrap(
	    plain, len, WIRE_INFLATE_STREAM, &type, &body, &bodylen, &owned);
	if (err < 0) {
		conn_fail(c, wire_error_str(err));
	} else if (!c->incoming) {
		uint32_t id = c->id;

		conn_free(c);
		st.cfg.handler.reply(id, type, body, bodylen);
	} else {
		if (st.cfg.handler.request(&c->peer, type, body, bodylen,
			&reply, &replylen) == -1) {
			st.count->refused_streams++;
			net_refused(&c->peer, "stream", "malformed message");
		}
		answer(c, reply, replylen);
	}
	free(owned);
}

static void
open_block(struct conn *c, struct evbuffer *in)
{
	uint8_t *wire, *plain;
	size_t total = HEADER_LEN + c->need;
	ssize_t n = -1;

	wire = evbuffer_pullup(in, (ev_ssize_t)total);
	plain = malloc(c->need);
	if (wire != NULL && plain != NULL)
		n = seal_open(st.cfg.seal, wire + HEADER_LEN, c->need, wire,
		    HEADER_LEN, plain, c->need);
	if (n == -1) {
		conn_fail(c,
		    "not sealed with our cluster key (another mesh, or a "
		    "member with another --cluster-key)");
	} else {
		evbuffer_drain(in, evbuffer_get_length(in));
		st.held -= c->held;
		c->held = 0;
		deliver(c, plain, (size_t)n);
	}
	free(plain);
}

/* The declared length, checked. 0, or -1 when the stream is done for. */
static int
read_header(struct conn *c, struct evbuffer *in)
{
	uint8_t head[HEADER_LEN];

	evbuffer_copyout(in, head, sizeof(head));
	if (head[0] != WIRE_ENCRYPT) {
		conn_fail(c, "not encrypted");
		return -1;
	}
	c->need = (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 |
		  (uint32_t)head[3] << 8 | head[4];
	if (c->need <= SEAL_OVERHEAD || c->need > STREAM_BUDGET - HEADER_LEN) {
		conn_fail(c, "its length is out of range");
		return -1;
	}
	return 0;
}

/* Over the budget: who holds most gives way, so that one stranger who
 * declares much and sends slowly does not shut out the others. True when that
 * was c. */
static bool
shrink(struct conn *c)
{
	struct conn *most = c, *q;

	TAILQ_FOREACH (q, &st.conns, entry)
		if (q->held > most->held)
			most = q;
	conn_fail(most, "too many bytes before authentication");
	return most == c;
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t have = evbuffer_get_length(in);

	if (c->answering) {
		/* Drained, so that closing does not reset the answer away. */
		evbuffer_drain(in, have);
		return;
	}
	st.held += have - c->held;
	c->held = have;
	if (st.held > STREAM_BUDGET && shrink(c))
		return;
	if (c->need == 0 && have >= HEADER_LEN && read_header(c, in) == -1)
		return;
	if (c->need != 0 && have >= HEADER_LEN + (size_t)c->need)
		open_block(c, in);
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
	if ((what & BEV_EVENT_EOF) && c->answering)
		return;
	if (what & BEV_EVENT_EOF)
		conn_fail(c, c->incoming
				 ? "closed before a whole message came"
				 : "closed without an answer (has it another "
				   "--cluster-key, or does it announce another "
				   "address?)");
	else
		conn_fail(c, evutil_socket_error_to_string(err));
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (!c->connected)
		conn_fail(c, "connection timed out");
	else if (c->incoming)
		conn_fail(c, "no whole message in time");
	else
		conn_fail(c, "no answer in time");
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
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	(void)evtimer_assign(&c->deadline, st.cfg.base, on_deadline, c);
	phase(c);
	TAILQ_INSERT_TAIL(&st.conns, c, entry);
	if (incoming)
		st.nincoming++;
	return c;
}

/* Full: the oldest that has not shown the key gives way, so that strangers
 * who hold connections open keep nobody out. False when there is none. */
static bool
make_room(void)
{
	struct conn *c;

	TAILQ_FOREACH (c, &st.conns, entry)
		if (c->incoming && !c->answering) {
			conn_fail(c, "too many streams at once");
			return true;
		}
	return false;
}

/* To which address did it come, and by which interface? */
static void
local_of(int fd, struct net_local *at)
{
	union {
		struct cmsghdr align;
		uint8_t b[NET_CMSG_MAX];
	} opts;
	struct sockaddr_storage ss;
	struct msghdr m = {.msg_control = opts.b};
	struct ipport local;
	socklen_t len = sizeof(opts.b);
	bool v6;

	memset(at, 0, sizeof(*at));
	at->stream = true;
	memset(&opts, 0, sizeof(opts));
	memset(&ss, 0, sizeof(ss));
	/* The interface by which the SYN came is among these. */
	v6 = getsockopt(fd, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, opts.b, &len) ==
	     0;
	if (!v6)
		len = sizeof(opts.b);
	if (v6 ||
	    getsockopt(fd, IPPROTO_IP, IP_PKTOPTIONS, opts.b, &len) == 0) {
		m.msg_controllen = len;
		net_local_cmsg(&m, at);
	}
	at->ip.len = 0;
	len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
	    ipport_from_sockaddr((struct sockaddr *)&ss, len, &local) == 0)
		at->ip = local.ip;
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
	if (s == -1)
		return;
	local_of(s, &at);
	if (ipport_from_sockaddr((struct sockaddr *)&ss, slen, &from) == -1 ||
	    !net_takes(&from, &at) ||
	    (st.nincoming >= STREAM_MAX_IN && !make_room()) ||
	    (c = conn_new(s, &from, true)) == NULL) {
		close(s);
		return;
	}
	st.count->streams_in++;
	c->connected = true;
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
	int fd = client_socket(to);

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
	TAILQ_INIT(&st.conns);
	st.started = true;
	if (event_assign(&st.ev_accept, cfg->base, cfg->tcp,
		EV_READ | EV_PERSIST, on_accept, NULL) == -1)
		return -1;
	return event_add(&st.ev_accept, NULL);
}

void
stream_stop(void)
{
	struct conn *c;

	st.started = false;
	event_del(&st.ev_accept);
	while ((c = TAILQ_FIRST(&st.conns)) != NULL)
		conn_free(c);
}
