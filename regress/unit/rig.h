#ifndef REGRESS_RIG_H
#define REGRESS_RIG_H

/*
 * One member of the core alone, its neighbours played by the test: messages
 * are written by hand, what it sends is taken apart and kept, time is virtual
 * and chance has a seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../wesher/swim_int.h"

#define RIG_MSGS   4096
#define RIG_EVENTS 1024
#define RIG_SEEN   64
#define PORT	   7946

struct rig_msg {
	int64_t at;
	struct ipport to;
	unsigned packet; /* messages of one packet share this */
	uint8_t type;
	size_t len;
	uint8_t body[1400];
};

struct rig_event {
	enum swim_event_type type;
	char name[256];
	bool direct, pushpull, joining, back;
	struct ipport addr;
};

struct rig_seen {
	char name[256];
	enum member_state state;
	size_t metalen;
	struct ipport addr;
};

struct rig_stream {
	uint32_t id;
	enum swim_stream_kind kind;
	struct ipport to;
	uint8_t *msg;
	size_t len;
};

struct rig {
	struct swim *s;
	int64_t now;
	uint64_t seed;
	unsigned packets, nmsgs, nevents, nstreams, njoins, nseen;
	struct rig_msg msgs[RIG_MSGS];
	struct rig_event events[RIG_EVENTS];
	struct rig_stream streams[256];
	struct rig_seen seen[RIG_SEEN];
	struct swim_join_result join;
	bool crowded; /* events that find no room are no failure */
	char why[200];
	size_t longest;
	struct wire_scratch ws;
	struct ipport sending; /* scratch of rig_send */
};

static inline struct ipport
ip(const char *a, uint16_t port)
{
	struct ipport p = {.port = port};

	assert_int_equal(ipaddr_parse(a, &p.ip), 0);
	return p;
}

/* splitmix64 */
static inline uint32_t
rig_random(void *arg)
{
	struct rig *r = arg;
	uint64_t z = r->seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)(z >> 32);
}

static inline void
rig_keep(void *arg, uint8_t type, const uint8_t *body, size_t len)
{
	struct rig *r = arg;
	struct rig_msg *m;

	assert_true(r->nmsgs < RIG_MSGS);
	m = &r->msgs[r->nmsgs++];
	m->at = r->now;
	m->to = r->sending;
	m->packet = r->packets;
	m->type = type;
	m->len = len;
	memcpy(m->body, body, len);
}

static inline void
rig_send(void *arg, const struct ipport *to, const uint8_t *plain, size_t len)
{
	struct rig *r = arg;

	if (len > r->longest)
		r->longest = len;
	assert_true(len <= WIRE_PLAIN_MAX);
	r->sending = *to;
	r->packets++;
	assert_int_equal(wire_packet(&r->ws, plain, len, rig_keep, r), 0);
}

static inline void
rig_stream(void *arg, uint32_t id, enum swim_stream_kind kind,
    const struct ipport *to, const uint8_t *msg, size_t len)
{
	struct rig *r = arg;
	struct rig_stream *st;

	assert_true(r->nstreams < 256);
	st = &r->streams[r->nstreams++];
	st->id = id;
	st->kind = kind;
	st->to = *to;
	st->len = len;
	st->msg = malloc(len);
	memcpy(st->msg, msg, len);
}

static inline void
rig_event(void *arg, const struct swim_event *ev)
{
	struct rig *r = arg;
	struct rig_event *e;

	if (r->crowded && r->nevents == RIG_EVENTS)
		return;
	assert_true(r->nevents < RIG_EVENTS);
	e = &r->events[r->nevents++];
	e->type = ev->type;
	snprintf(
	    e->name, sizeof(e->name), "%s", ev->m == NULL ? "" : ev->m->name);
	e->direct = ev->direct;
	e->pushpull = ev->pushpull;
	e->joining = ev->joining;
	e->back = ev->back;
	if (ev->addr != NULL)
		e->addr = *ev->addr;
}

static inline void
rig_join_done(void *arg, const struct swim_join_result *res)
{
	struct rig *r = arg;

	r->join = *res;
	if (res->why != NULL) {
		snprintf(r->why, sizeof(r->why), "%s", res->why);
		r->join.why = r->why;
	}
	r->njoins++;
}

/* Metadata of a member of ours begins with 'X' here. */
static inline bool
rig_is_ours(void *arg, const uint8_t *meta, size_t len)
{
	(void)arg;
	return len > 0 && meta[0] == 'X';
}

static inline void
rig_seen(void *arg, const struct swim_seen *e)
{
	struct rig *r = arg;
	struct rig_seen *k = &r->seen[r->nseen++];

	assert_true(r->nseen <= RIG_SEEN);
	snprintf(k->name, sizeof(k->name), "%.*s", (int)e->namelen, e->name);
	k->state = e->state;
	k->metalen = e->metalen;
	k->addr = e->addr;
}

static const struct swim_ops rig_ops = {rig_send, rig_stream, rig_event,
    rig_join_done, rig_is_ours, rig_random, rig_seen};

/* "me" at 10.0.0.1, incarnation 100. */
static inline struct rig *
rig_new_max(const struct swim_profile *prof, unsigned max)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct swim_config cfg = {.profile = prof,
	    .ops = &rig_ops,
	    .arg = r,
	    .name = "me",
	    .addr = ip("10.0.0.1", PORT).ip,
	    .port = PORT,
	    .meta = (const uint8_t *)"Xme",
	    .metalen = 3,
	    .incarnation = 100,
	    .max_members = max};

	assert_non_null(r);
	r->seed = 42;
	r->now = 1000 * SEC;
	r->s = swim_new(&cfg, r->now);
	assert_non_null(r->s);
	return r;
}

static inline struct rig *
rig_new(void)
{
	return rig_new_max(&swim_wan, 16384);
}

static inline void
rig_clear(struct rig *r)
{
	unsigned i;

	for (i = 0; i < r->nstreams; i++)
		free(r->streams[i].msg);
	r->nmsgs = r->nevents = r->nstreams = 0;
}

static inline void
rig_free(struct rig *r)
{
	rig_clear(r);
	swim_free(r->s);
	free(r);
}

/* Let time pass, waking the core exactly when it asks for it. */
static inline void
rig_run(struct rig *r, int64_t us)
{
	int64_t end = r->now + us, due;
	unsigned guard = 0;

	while ((due = swim_deadline(r->s)) <= end) {
		if (due > r->now) {
			r->now = due;
			guard = 0;
		}
		assert_true(++guard < 100); /* a deadline that stays */
		swim_tick(r->s, r->now);
	}
	r->now = end;
}

static inline struct wire_alive
alive_of(
    const char *name, const struct ipport *a, uint32_t inc, const char *meta)
{
	static const uint8_t vsn[6] = {1, 5, 2, 0, 0, 0};
	struct wire_alive w = {.incarnation = inc,
	    .node = swim_str(name),
	    .addr = {a->ip.b, a->ip.len},
	    .port = a->port,
	    .meta = swim_str(meta),
	    .vsn = {vsn, 6}};

	return w;
}

static inline void
feed(struct rig *r, const struct ipport *from, const uint8_t *msg, ssize_t n)
{
	assert_true(n > 0);
	assert_int_equal(swim_packet(r->s, r->now, from, msg, (size_t)n), 0);
}

static inline void
feed_alive_w(
    struct rig *r, const struct ipport *from, const struct wire_alive *w)
{
	uint8_t buf[2048];

	feed(r, from, buf, wire_put_alive(buf, sizeof(buf), w));
}

/* An alive as hearsay, from a stranger. */
static inline void
feed_alive(struct rig *r, const char *name, const char *addr, uint32_t inc)
{
	struct ipport a = ip(addr, PORT), from = ip("192.0.2.9", 1234);
	struct wire_alive w = alive_of(name, &a, inc, "X");

	feed_alive_w(r, &from, &w);
}

static inline void
feed_accuse_from(struct rig *r, const struct ipport *src, enum wire_type type,
    const char *node, const char *from, uint32_t inc)
{
	struct wire_accuse a = {
	    .incarnation = inc, .node = swim_str(node), .from = swim_str(from)};
	uint8_t buf[1024];

	feed(r, src, buf, wire_put_accuse(buf, sizeof(buf), type, &a));
}

/* An accusation as hearsay, from a stranger. */
static inline void
feed_accuse(struct rig *r, enum wire_type type, const char *node,
    const char *from, uint32_t inc)
{
	struct ipport src = ip("192.0.2.9", 1234);

	feed_accuse_from(r, &src, type, node, from, inc);
}

/* The same from the accused's own address, which needs no confirmation. */
static inline void
feed_end(struct rig *r, const char *node, const char *from, uint32_t inc)
{
	struct member *m = member_find(swim_members(r->s), node, strlen(node));
	struct ipport src;

	assert_non_null(m);
	member_ipport(m, &src);
	feed_accuse_from(r, &src, WIRE_DEAD, node, from, inc);
}

static inline void
feed_ack(struct rig *r, const struct ipport *from, uint32_t seqno)
{
	struct wire_ack a = {.seqno = seqno};
	uint8_t buf[64];

	feed(r, from, buf, wire_put_ack(buf, sizeof(buf), &a));
}

static inline void
feed_nack(struct rig *r, const struct ipport *from, uint32_t seqno)
{
	uint8_t buf[64];

	feed(r, from, buf, wire_put_nack(buf, sizeof(buf), seqno));
}

static inline struct member *
rig_member(struct rig *r, const char *name)
{
	return member_find(swim_members(r->s), name, strlen(name));
}

/* Hearsay about it that waits, or NULL. */
static inline const struct claim *
rig_claim(const struct member *m)
{
	return m->talk == NULL ? NULL : m->talk->claim;
}

/* The newest protocol that it says it understands. */
static inline void
rig_pmax(struct member *m, unsigned pmax)
{
	uint8_t vsn[6];

	memcpy(vsn, member_card(m)->vsn, sizeof(vsn));
	vsn[1] = (uint8_t)pmax;
	member_set_vsn(m, vsn);
}

static inline int
rig_state(struct rig *r, const char *name)
{
	struct member *m = rig_member(r, name);

	return m == NULL ? -1 : m->state;
}

/* n members m1.. at 10.1.x.y, heard and alive at 1; nothing pending. */
static inline void
rig_populate(struct rig *r, unsigned n)
{
	char name[16], addr[24];
	unsigned i;

	for (i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		snprintf(
		    addr, sizeof(addr), "10.1.%u.%u", i / 200, i % 200 + 1);
		feed_alive(r, name, addr, 1);
		rig_member(r, name)->heard = true;
		rig_clear(r);
	}
	bcast_clear(&r->s->queue);
	rig_clear(r);
}

static inline unsigned
rig_count(const struct rig *r, uint8_t type)
{
	unsigned i, n = 0;

	for (i = 0; i < r->nmsgs; i++)
		n += r->msgs[i].type == type;
	return n;
}

static inline unsigned
rig_count_to(const struct rig *r, uint8_t type, const struct ipport *to)
{
	unsigned i, n = 0;

	for (i = 0; i < r->nmsgs; i++)
		n += r->msgs[i].type == type &&
		     ipport_cmp(&r->msgs[i].to, to) == 0;
	return n;
}

/* The k-th (from 0) message of a type, or NULL. */
static inline const struct rig_msg *
rig_msg(const struct rig *r, uint8_t type, unsigned k)
{
	unsigned i;

	for (i = 0; i < r->nmsgs; i++)
		if (r->msgs[i].type == type && k-- == 0)
			return &r->msgs[i];
	return NULL;
}

static inline const struct rig_event *
rig_ev(const struct rig *r, enum swim_event_type type)
{
	unsigned i;

	for (i = 0; i < r->nevents; i++)
		if (r->events[i].type == type)
			return &r->events[i];
	return NULL;
}

static inline unsigned
rig_evs(const struct rig *r, enum swim_event_type type)
{
	unsigned i, n = 0;

	for (i = 0; i < r->nevents; i++)
		n += r->events[i].type == type;
	return n;
}

static inline uint32_t
ping_of(const struct rig_msg *m, char *name)
{
	struct wire_ping p;

	assert_non_null(m);
	assert_int_equal(wire_get_ping(m->body, m->len, &p), 0);
	if (name != NULL)
		snprintf(
		    name, 256, "%.*s", (int)p.node.len, (const char *)p.node.p);
	return p.seqno;
}

static inline struct wire_alive
alive_in(const struct rig_msg *m)
{
	struct wire_alive a;

	assert_non_null(m);
	assert_int_equal(wire_get_alive(m->body, m->len, &a), 0);
	return a;
}

static inline struct wire_accuse
accuse_in(const struct rig_msg *m)
{
	struct wire_accuse a;

	assert_non_null(m);
	assert_int_equal(wire_get_accuse(m->body, m->len, &a), 0);
	return a;
}

static inline bool
is_name(struct slice s, const char *name)
{
	return s.len == strlen(name) && memcmp(s.p, name, s.len) == 0;
}

/* Every probe of ours is acked; then all is forgotten. */
static inline void
rig_answer_probes(struct rig *r)
{
	unsigned i, n = r->nmsgs;
	struct ipport to;

	for (i = 0; i < n; i++)
		if (r->msgs[i].type == WIRE_PING) {
			to = r->msgs[i].to;
			feed_ack(r, &to, ping_of(&r->msgs[i], NULL));
		}
	rig_clear(r);
}

/* Run until the next ping leaves; earlier messages are forgotten. */
static inline uint32_t
rig_next_ping(struct rig *r, char *name)
{
	int64_t end = r->now + 60 * SEC, due;

	rig_clear(r);
	while (rig_msg(r, WIRE_PING, 0) == NULL) {
		due = swim_deadline(r->s);
		assert_true(due <= end);
		if (due > r->now)
			r->now = due;
		swim_tick(r->s, r->now);
	}
	return ping_of(rig_msg(r, WIRE_PING, 0), name);
}

/* A state to feed: entries are added, then it is sent or answered with. */
struct state_buf {
	uint8_t *buf;
	size_t len, cap;
	unsigned n;
};

static inline void
state_add_w(struct state_buf *b, const struct wire_node *n)
{
	ssize_t k;

	if (b->cap - b->len < 2048) {
		b->cap = b->cap * 2 + 8192;
		b->buf = realloc(b->buf, b->cap);
		assert_non_null(b->buf);
	}
	k = wire_put_node(b->buf + b->len, b->cap - b->len, n);
	assert_true(k > 0);
	b->len += (size_t)k;
	b->n++;
}

static inline void
state_add(struct state_buf *b, const char *name, const char *addr, uint32_t inc,
    enum wire_state state, const char *meta)
{
	static const uint8_t vsn[6] = {1, 5, 2, 0, 0, 0};
	struct ipport a = ip(addr, PORT);
	struct wire_node n = {.name = swim_str(name),
	    .addr = {a.ip.b, a.ip.len},
	    .port = PORT,
	    .meta = swim_str(meta),
	    .incarnation = inc,
	    .state = (uint8_t)state,
	    .vsn = {vsn, 6}};

	state_add_w(b, &n);
}

/* The whole message, type byte first; the buffer's content is used up. */
static inline uint8_t *
state_finish(struct state_buf *b, bool join, size_t *len)
{
	struct wire_pushpull h = {.join = join, .nodes = b->n};
	uint8_t *msg = malloc(b->len + 64);
	ssize_t n = wire_put_pushpull(msg, 64, &h);

	assert_true(n > 0);
	if (b->len > 0)
		memcpy(msg + n, b->buf, b->len);
	*len = (size_t)n + b->len;
	free(b->buf);
	memset(b, 0, sizeof(*b));
	return msg;
}

/* Parsed view of a state that the core sent. */
struct state_view {
	struct wire_pushpull head;
	struct wire_node node[2048];
};

static inline void
state_read(const uint8_t *msg, size_t len, struct state_view *v)
{
	struct mp_in in;
	uint32_t i;

	assert_int_equal(msg[0], WIRE_PUSHPULL);
	mp_in_init(&in, msg + 1, len - 1);
	assert_int_equal(wire_get_pushpull(&in, &v->head), 0);
	assert_true(v->head.nodes <= 2048);
	for (i = 0; i < v->head.nodes; i++)
		assert_int_equal(wire_get_node(&in, &v->node[i]), 0);
	assert_ptr_equal(in.p, in.end);
}

static inline const struct wire_node *
state_find(const struct state_view *v, const char *name)
{
	uint32_t i;

	for (i = 0; i < v->head.nodes; i++)
		if (is_name(v->node[i].name, name))
			return &v->node[i];
	return NULL;
}

/* Ask the core with a state. Its answer, or NULL. */
static inline uint8_t *
rig_try(struct rig *r, const struct ipport *from, struct state_buf *b,
    bool join, size_t *n)
{
	uint8_t *reply = NULL, *msg;
	size_t len;

	*n = 0;
	msg = state_finish(b, join, &len);
	assert_int_equal(swim_stream_request(r->s, r->now, from, msg[0],
			     msg + 1, len - 1, &reply, n),
	    0);
	free(msg);
	return reply;
}

/* The same when there must be one; *v points into it. */
static inline uint8_t *
rig_ask(struct rig *r, const struct ipport *from, struct state_buf *b,
    bool join, struct state_view *v)
{
	size_t n;
	uint8_t *reply = rig_try(r, from, b, join, &n);

	assert_non_null(reply);
	if (v != NULL)
		state_read(reply, n, v);
	return reply;
}

/* Answer the k-th stream that the core asked for. */
static inline void
rig_answer(struct rig *r, unsigned k, struct state_buf *b)
{
	uint32_t id;
	uint8_t *msg;
	size_t len;

	assert_true(k < r->nstreams);
	id = r->streams[k].id;
	msg = state_finish(b, false, &len);
	swim_stream_reply(r->s, r->now, id, msg[0], msg + 1, len - 1);
	free(msg);
}

#endif
