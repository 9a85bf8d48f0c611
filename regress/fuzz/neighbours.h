#ifndef REGRESS_FUZZ_NEIGHBOURS_H
#define REGRESS_FUZZ_NEIGHBOURS_H

/*
 * One member of the real core in virtual time, for harnesses that play its
 * neighbours: what it sends is checked, the streams that it asks for are kept
 * until they are answered or too old, and after every event the promises of
 * protocol.md section 5 are compared with what was there before.
 */
#include "../../wesher/swim_int.h"
#include "fuzz.h"

#define ME	     "me"
#define CORE_PORT    7946
#define CORE_STREAMS 4096

/* A member as it was when we looked last; hangs at its udata. */
struct shadow {
	uint32_t inc;
	uint8_t state;
	struct ipport addr;
};

static struct core {
	struct swim *s;
	int64_t now;
	uint64_t seed;
	unsigned max;
	unsigned sent; /* packets since the last event */
	uint32_t seqno; /* of the last ping that was sent */
	uint32_t inc; /* our own, as it was */
	unsigned nstreams;
	struct {
		uint32_t id;
		enum swim_stream_kind kind;
		uint32_t seqno;
		int64_t end;
	} stream[CORE_STREAMS];
	struct wire_scratch ws;
} core;

static inline struct ipport
at(const char *a, uint16_t port)
{
	struct ipport p = {.port = port};

	must(ipaddr_parse(a, &p.ip) == 0);
	return p;
}

static inline void
core_sent(void *arg, uint8_t type, const uint8_t *body, size_t len)
{
	struct wire_ping p;
	struct wire_indirect i;

	(void)arg;
	if (type == WIRE_PING && wire_get_ping(body, len, &p) == 0)
		core.seqno = p.seqno;
	if (type == WIRE_INDIRECT_PING && wire_get_indirect(body, len, &i) == 0)
		core.seqno = i.seqno;
}

static inline void
core_send(void *arg, const struct ipport *to, const uint8_t *plain, size_t len)
{
	(void)arg;
	must(len > 0 && len <= WIRE_PLAIN_MAX);
	must(to->ip.len == 4 || to->ip.len == 16);
	must(wire_packet(&core.ws, plain, len, core_sent, NULL) == 0);
	core.sent++;
}

static inline void
check_own_state(const uint8_t *body, size_t len)
{
	struct wire_pushpull head;
	struct wire_node n;
	struct mp_in in;
	uint32_t i;

	mp_in_init(&in, body, len);
	must(wire_get_pushpull(&in, &head) == 0);
	must(head.nodes <= core.max && head.user_len == 0);
	for (i = 0; i < head.nodes; i++) {
		must(wire_get_node(&in, &n) == 0);
		/* Odd versions would make a real peer refuse everybody. */
		must(merge_vsn_ok(&n.vsn) && n.state <= WIRE_S_LEFT);
		must(n.addr.len == 4 || n.addr.len == 16);
	}
	must(in.p == in.end);
}

static inline void
core_stream(void *arg, uint32_t id, enum swim_stream_kind kind,
    const struct ipport *to, const uint8_t *msg, size_t len)
{
	struct wire_ping p = {.seqno = 0};
	unsigned i;

	(void)arg;
	must(len > 1 && to->ip.len != 0);
	if (kind == SWIM_STREAM_PUSHPULL) {
		must(msg[0] == WIRE_PUSHPULL);
		check_own_state(msg + 1, len - 1);
	} else {
		must(msg[0] == WIRE_PING &&
		     wire_get_ping(msg + 1, len - 1, &p) == 0);
	}
	must(core.nstreams < CORE_STREAMS);
	i = core.nstreams++;
	core.stream[i].id = id;
	core.stream[i].kind = kind;
	core.stream[i].seqno = p.seqno;
	core.stream[i].end = core.now + core.s->prof->stream_timeout;
}

/* Take stream i off the list; returns its id. */
static inline uint32_t
core_stream_end(unsigned i)
{
	uint32_t id = core.stream[i].id;

	core.stream[i] = core.stream[--core.nstreams];
	return id;
}

/*
 * Incarnations never fall, and the dead do not return without a higher one (but
 * at the ceiling, in person); but a name that left may be anybody's at another
 * address, and one that failed, too, with a higher one.
 */
static inline void
check_member(struct member *m)
{
	struct shadow *was = m->udata;
	struct ipport addr;
	bool moved;

	must(m->namelen == strlen(m->name) && m->metalen <= WIRE_META_MAX);
	if (m->is_self)
		return;
	member_ipport(m, &addr);
	if (was == NULL) {
		must((was = malloc(sizeof(*was))) != NULL);
		m->udata = was;
	} else {
		moved = ipport_cmp(&addr, &was->addr) != 0;
		must(!moved || was->state == MEMBER_LEFT ||
		     (was->state == MEMBER_DEAD && m->incarnation > was->inc));
		must(m->incarnation >= was->inc || moved);
		if (was->state >= MEMBER_DEAD && m->state < MEMBER_DEAD)
			must(moved || m->incarnation > was->inc ||
			     m->incarnation == INCARNATION_MAX);
		if (was->state == MEMBER_LEFT && m->state == MEMBER_DEAD)
			must(!"the left become no dead");
	}
	*was = (struct shadow){m->incarnation, m->state, addr};
}

static inline void
core_event(void *arg, const struct swim_event *ev)
{
	(void)arg;
	if (ev->m == NULL || ev->m->is_self)
		return;
	if (ev->type == SWIM_EV_REAPED) {
		free(ev->m->udata);
		ev->m->udata = NULL;
	} else {
		check_member(ev->m);
	}
}

static inline void
core_join_done(void *arg, const struct swim_join_result *res)
{
	(void)arg;
	must(res->ok || res->why != NULL);
	must(res->learned <= res->members);
}

static inline bool
core_is_ours(void *arg, const uint8_t *meta, size_t len)
{
	(void)arg;
	return len > 0 && meta[0] == 'X';
}

static inline uint32_t
core_random(void *arg)
{
	uint64_t z = core.seed += 0x9e3779b97f4a7c15u;

	(void)arg;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)(z >> 32);
}

/* "me" at 10.0.0.1 among nobody, in a table of at most max. */
static inline void
core_begin(uint64_t seed, unsigned max, uint32_t inc)
{
	static const struct swim_ops ops = {core_send, core_stream, core_event,
	    core_join_done, core_is_ours, core_random, NULL};
	struct swim_config cfg = {.profile = seed & 1 ? &swim_lan : &swim_wan,
	    .ops = &ops,
	    .name = ME,
	    .addr = at("10.0.0.1", 0).ip,
	    .port = CORE_PORT,
	    .meta = (const uint8_t *)"Xme",
	    .metalen = 3,
	    .incarnation = inc,
	    .max_members = max};

	core.now = 1000 * SEC;
	core.seed = seed;
	core.max = max;
	core.nstreams = core.sent = 0;
	core.inc = inc;
	core.s = swim_new(&cfg, core.now);
	must(core.s != NULL);
}

static inline void
core_end(void)
{
	unsigned i;

	for (i = 0; i < core.s->t.n; i++)
		free(core.s->t.list[i]->udata);
	swim_free(core.s);
}

/* Nobody is remembered who was forgotten; not a byte of m is read. */
static inline bool
in_table(const struct member *m)
{
	unsigned i;

	for (i = 0; i < core.s->t.n; i++)
		if (core.s->t.list[i] == m)
			return true;
	return false;
}

/* Every promise, after something has happened. */
static inline void
core_check(void)
{
	struct swim *s = core.s;
	unsigned i, suspects = 0, asked = 0;
	struct asked *a;

	must(s->t.n >= 1 && s->t.n <= core.max && swim_queued(s) <= s->t.n);
	for (i = 0; i < s->t.n; i++) {
		struct member *m = s->t.list[i];

		must(m->slot == i);
		check_member(m);
		must((m->suspicion != NULL) == (m->state == MEMBER_SUSPECT));
		suspects += m->suspicion != NULL;
	}
	must(s->suspects.n == suspects);
	must(s->nrelays <= RELAYS_MAX && s->nfeeds <= FEEDS_MAX);
	for (i = 0; i < MOVED_MAX; i++)
		must(s->moved[i].m == NULL || in_table(s->moved[i].m));
	must(s->probe.m == NULL || in_table(s->probe.m));
	must(swim_health(s) < s->prof->awareness_max);
	TAILQ_FOREACH (a, &s->streams, entry)
		asked++;
	must(asked == core.nstreams);
	must(swim_incarnation(s) >= core.inc);
	core.inc = swim_incarnation(s);
	must(s->self != NULL && s->self->incarnation == core.inc);
	/* One message moves a bounded number of packets. */
	must(core.sent <= OURS_BURST + core.max + 64);
	core.sent = 0;
}

/* Streams that nobody answered, as net.c does it. */
static inline void
core_time_out(void)
{
	unsigned i;

	for (i = 0; i < core.nstreams;) {
		if (core.stream[i].end > core.now)
			i++;
		else
			swim_stream_failed(core.s, core.now, core_stream_end(i),
			    "no answer in time");
	}
}

/*
 * Time passes; the core is woken when it asks for it. What one tick began (a
 * return from silence) the next may have to end, but then the deadline moves.
 */
static inline void
core_run(int64_t us)
{
	int64_t end = core.now + us, due;
	unsigned ticks = 0, same = 0;

	while ((due = swim_deadline(core.s)) <= end) {
		same = due > core.now ? 0 : same + 1;
		must(same < 4);
		if (due > core.now)
			core.now = due;
		core_time_out();
		swim_tick(core.s, core.now);
		core_check();
		must(ticks++ < 1000 + us / 1000);
	}
	core.now = end;
	core_time_out();
	core_check();
}

#endif
