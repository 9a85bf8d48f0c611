/*
 * Names at another address than the one that we know, part of the core in the
 * gossip process. A member that failed may come back elsewhere: its disk was
 * put into another host, or its address has changed while it was away. It is
 * taken there once its old address has not answered a probe; without that,
 * whoever holds the key could have the name of a host that was slow for a
 * moment. Nobody is believed about the probe but whoever answers it.
 *
 * A living member keeps its name: it and the claimant are told of each other.
 *
 * Such claims can be made up by the thousand. So a name has one probe at a time,
 * all names together a few a second, and only an address that has answered us
 * once is probed at all, over TCP as well as by a packet. What a claimant or an
 * incumbent is told is one packet a second.
 */
#include <stdlib.h>
#include <string.h>

#include "swim_int.h"

#define ALIVE_MAX 1024 /* bytes of one message, encoded */

/* A claim that waits for the probe of the old address. */
struct moving {
	TAILQ_ENTRY(moving) entry; /* in the order of `until` */
	struct member *m;
	uint32_t seqno, incarnation;
	int64_t until;
	size_t len;
	uint8_t msg[ALIVE_MAX];
};

static struct moving *
moving_of(const struct swim *s, const struct member *m)
{
	struct moving *g;

	TAILQ_FOREACH (g, &s->movings, entry)
		if (g->m == m)
			return g;
	return NULL;
}

static void
drop(struct swim *s, struct moving *g)
{
	TAILQ_REMOVE(&s->movings, g, entry);
	s->nmovings--;
	free(g);
}

/* Whoever was asked while we were slow has longer: mostly the last. */
static void
insert(struct swim *s, struct moving *g)
{
	struct moving *o;

	s->nmovings++;
	TAILQ_FOREACH_REVERSE(o, &s->movings, moving_list, entry)
	if (o->until <= g->until) {
		TAILQ_INSERT_AFTER(&s->movings, o, g, entry);
		return;
	}
	TAILQ_INSERT_HEAD(&s->movings, g, entry);
}

static bool
keep(struct moving *g, const struct wire_alive *a)
{
	ssize_t n = wire_put_alive(g->msg, sizeof(g->msg), a);

	g->len = n == -1 ? 0 : (size_t)n;
	g->incarnation = a->incarnation;
	return n != -1;
}

static void
probe_old(struct swim *s, const struct moving *g)
{
	struct wire_ping p = {.seqno = g->seqno, .node = swim_str(g->m->name)};
	struct asked *st;
	struct ipport to;
	uint8_t msg[1024];
	ssize_t n;

	member_ipport(g->m, &to);
	probe_source(s, &p.src_addr, &p.src_port, &p.src_node);
	if ((n = wire_put_ping(msg, sizeof(msg), &p)) == -1)
		return;
	s->count.pings++;
	spread_send(s, &to, msg, (size_t)n);
	if (!swim_connects(s, &to) ||
	    (st = asked_new(s, USE_PING, &to)) == NULL)
		return;
	s->count.tcp_pings++;
	st->seqno = g->seqno;
	s->ops->stream(s->arg, st->id, SWIM_STREAM_PING, &to, msg, (size_t)n);
}

/* Nobody is where it was: it is where it says. */
static void
take(struct swim *s, struct member *m, const struct wire_alive *a)
{
	struct ipport was;

	member_ipport(m, &was);
	ghost_moved(s, m, &was, m->incarnation);
	merge_moved(s, m, a);
}

/* A second has its number of probes. */
static bool
may_probe(struct swim *s)
{
	if (s->now - s->moving_since >= SEC) {
		s->moving_since = s->now;
		s->nprobed = 0;
	}
	return s->nprobed++ < MOVING_RATE;
}

bool
elsewhere_failed(struct swim *s, struct member *m, const struct wire_alive *a)
{
	struct moving *g = moving_of(s, m);

	if (a->incarnation <= m->incarnation || s->mode != SWIM_RUN)
		return false;
	if (g != NULL) {
		if (a->incarnation > g->incarnation)
			(void)keep(g, a);
		return true;
	}
	if (!m->answered) {
		take(s, m, a);
		return true;
	}
	if (s->nmovings >= MOVINGS_MAX || !may_probe(s) ||
	    (g = calloc(1, sizeof(*g))) == NULL)
		return true; /* it will be said again */
	g->m = m;
	g->seqno = s->ops->random(s->arg);
	g->until = s->now + aware_scale(&s->aware, s->prof->probe_timeout);
	if (!keep(g, a)) {
		free(g);
		return true;
	}
	insert(s, g);
	probe_old(s, g);
	return true;
}

/* It shall say that it lives; it may not know that it was called dead. */
static void
ask(struct swim *s, struct member *m)
{
	struct wire_accuse a = {.incarnation = m->incarnation,
	    .node = swim_str(m->name),
	    .from = swim_str(s->self->name)};
	uint8_t msg[ALIVE_MAX];
	ssize_t n = wire_put_accuse(msg, sizeof(msg), WIRE_SUSPECT, &a);
	struct ipport at;

	member_ipport(m, &at);
	if (n != -1)
		spread_send(s, &at, msg, (size_t)n);
}

void
elsewhere_ack(struct swim *s, uint32_t seqno)
{
	struct moving *g;
	struct wire_alive a;
	struct ipport at;
	struct member *m;

	TAILQ_FOREACH (g, &s->movings, entry)
		if (g->seqno == seqno)
			break;
	if (g == NULL)
		return;
	m = g->m;
	ask(s, m);
	if (wire_get_alive(g->msg + 1, g->len - 1, &a) == 0 &&
	    ipaddr_from_bytes(a.addr.p, a.addr.len, &at.ip) == 0) {
		at.port = swim_port(s, a.port);
		swim_emit_conflict(s, m, &at);
	}
	drop(s, g);
}

/* The incumbent's entry, to who claims its name from its own address. */
static void
tell_claimant(struct swim *s, const struct member *m, const struct ipport *to)
{
	uint8_t msg[ALIVE_MAX];
	ssize_t n = spread_encode_alive(m, msg, sizeof(msg));

	if (n == -1 || s->now < s->claimant_at)
		return;
	s->claimant_at = s->now + HEARSAY_GAP;
	spread_send(s, to, msg, (size_t)n);
}

static void
tell_incumbent(struct swim *s, struct member *m, const struct wire_alive *a)
{
	uint8_t msg[ALIVE_MAX];
	ssize_t n = wire_put_alive(msg, sizeof(msg), a);
	struct talk *k = n == -1 || !m->answered ? NULL : hearsay_talk(s, m);
	struct ipport at;

	if (k == NULL || s->now < k->shown_at + HEARSAY_GAP)
		return;
	k->shown_at = s->now;
	member_ipport(m, &at);
	spread_send(s, &at, msg, (size_t)n);
}

void
elsewhere_conflict(struct swim *s, struct member *m, const struct wire_alive *a,
    const struct ipport *addr, const struct via *v)
{
	if (s->mode == SWIM_RUN && m->state < MEMBER_DEAD) {
		tell_incumbent(s, m, a);
		if (!v->stream && merge_direct(v, addr))
			tell_claimant(s, m, addr);
	}
	swim_emit_conflict(s, m, addr);
}

void
elsewhere_run(struct swim *s)
{
	struct moving *g;
	struct wire_alive a;
	struct member *m;

	while ((g = TAILQ_FIRST(&s->movings)) != NULL && s->now >= g->until) {
		TAILQ_REMOVE(&s->movings, g, entry);
		s->nmovings--;
		m = g->m;
		if (s->mode == SWIM_RUN &&
		    wire_get_alive(g->msg + 1, g->len - 1, &a) == 0)
			take(s, m, &a);
		free(g);
	}
}

int64_t
elsewhere_deadline(const struct swim *s)
{
	const struct moving *g = TAILQ_FIRST(&s->movings);

	return g == NULL ? NEVER : g->until;
}

void
elsewhere_forget(struct swim *s, const struct member *m)
{
	struct moving *g = moving_of(s, m);

	if (g != NULL)
		drop(s, g);
}

void
elsewhere_free(struct swim *s)
{
	struct moving *g;

	while ((g = TAILQ_FIRST(&s->movings)) != NULL)
		drop(s, g);
}
