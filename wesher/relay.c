/*
 * Probes on behalf of others, part of the core in the gossip process. A relay
 * pings only members that it knows, at the address that it knows, so nobody
 * can point it at a stranger; how many are under way, and asked for in a
 * second, is bounded (limit.c; protocol.md section 5, "Relay").
 */
#include <stdlib.h>
#include <string.h>

#include "swim_int.h"

static int
relay_cmp(const struct relay *a, const struct relay *b)
{
	return a->seqno < b->seqno ? -1 : a->seqno > b->seqno;
}

RB_PROTOTYPE(relay_tree, relay, entry, relay_cmp);
RB_GENERATE(relay_tree, relay, entry, relay_cmp);

static void
relay_end(struct swim *s, struct relay *r)
{
	if (s->next_nack == r)
		s->next_nack = TAILQ_NEXT(r, fifo);
	TAILQ_REMOVE(&s->relays, r, fifo);
	RB_REMOVE(relay_tree, &s->relay_by_seqno, r);
	s->nrelays--;
	free(r);
}

void
relay_free(struct swim *s)
{
	struct relay *r;

	while ((r = TAILQ_FIRST(&s->relays)) != NULL)
		relay_end(s, r);
}

/* A relay remembers a probe as long as the slowest asker may wait. */
static struct relay *
relay_new(struct swim *s)
{
	struct relay *r;

	if (s->nrelays >= RELAYS_MAX)
		relay_end(s, TAILQ_FIRST(&s->relays));
	if ((r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	do
		r->seqno = s->ops->random(s->arg);
	while (RB_FIND(relay_tree, &s->relay_by_seqno, r) != NULL);
	r->nack_at = s->now + s->prof->nack_delay;
	r->end = s->now +
		 s->prof->probe_interval *
		     (s->prof->awareness_max > 0 ? s->prof->awareness_max : 1);
	RB_INSERT(relay_tree, &s->relay_by_seqno, r);
	TAILQ_INSERT_TAIL(&s->relays, r, fifo);
	if (s->next_nack == NULL)
		s->next_nack = r;
	s->nrelays++;
	return r;
}

static void
relay_send_nack(struct swim *s, const struct ipport *to, uint32_t seqno)
{
	uint8_t msg[64];
	ssize_t n = wire_put_nack(msg, sizeof(msg), seqno);

	if (n != -1)
		spread_answer(s, to, msg, (size_t)n);
}

static void
relay_send_ack(struct swim *s, const struct ipport *to, uint32_t seqno)
{
	struct wire_ack ack = {.seqno = seqno};
	uint8_t msg[64];
	ssize_t n = wire_put_ack(msg, sizeof(msg), &ack);

	if (n != -1)
		spread_answer(s, to, msg, (size_t)n);
}

/*
 * By name; peers always write one, but an empty one is legal in a ping. Of one
 * that we know elsewhere we say nothing: our ack would keep a member alive in
 * the asker's table at an address that it has left.
 */
static struct member *
relay_target(struct swim *s, const struct wire_indirect *r)
{
	struct ipport a = {.port = swim_port(s, r->port)}, known;
	struct member *m;

	if (ipaddr_from_bytes(r->target.p, r->target.len, &a.ip) == -1)
		return NULL;
	if (r->node.len == 0)
		return member_find_addr(&s->t, &a);
	m = member_find(&s->t, (const char *)r->node.p, r->node.len);
	if (m == NULL || m->is_self)
		return m;
	member_ipport(m, &known);
	return ipport_cmp(&known, &a) == 0 ? m : NULL;
}

void
relay_request(
    struct swim *s, const struct ipport *from, const struct wire_indirect *req)
{
	struct member *m = relay_target(s, req);
	struct wire_ping p = {.seqno = 0};
	struct ipport to, back;
	struct relay *r;
	uint8_t msg[1024];
	ssize_t n;

	if (!limit_relay(s, from))
		return;
	probe_reply_to(s, &req->src_addr, req->src_port, from, &back);
	if (m != NULL && m->is_self) {
		relay_send_ack(s, &back, req->seqno);
		return;
	}
	if (s->mode != SWIM_RUN || m == NULL || (r = relay_new(s)) == NULL) {
		if (req->nack)
			relay_send_nack(s, &back, req->seqno);
		return;
	}
	r->wanted = req->seqno;
	r->to = back;
	r->nack = req->nack;
	p.seqno = r->seqno;
	p.node = swim_str(m->name);
	probe_source(s, &p.src_addr, &p.src_port, &p.src_node);
	member_ipport(m, &to);
	s->count.relayed++;
	if ((n = wire_put_ping(msg, sizeof(msg), &p)) != -1)
		spread_send_full(s, &to, msg, (size_t)n);
}

void
relay_ack(struct swim *s, uint32_t seqno)
{
	struct relay key = {.seqno = seqno}, *r;

	r = RB_FIND(relay_tree, &s->relay_by_seqno, &key);
	if (r == NULL)
		return;
	relay_send_ack(s, &r->to, r->wanted);
	relay_end(s, r);
}

/* Skip those that owe no nack. */
static struct relay *
relay_owing(struct swim *s)
{
	while (s->next_nack != NULL && !s->next_nack->nack)
		s->next_nack = TAILQ_NEXT(s->next_nack, fifo);
	return s->next_nack;
}

void
relay_run(struct swim *s)
{
	struct relay *r;

	while ((r = relay_owing(s)) != NULL && r->nack_at <= s->now) {
		r->nack = false;
		relay_send_nack(s, &r->to, r->wanted);
	}
	while ((r = TAILQ_FIRST(&s->relays)) != NULL && r->end <= s->now)
		relay_end(s, r);
}

int64_t
relay_deadline(const struct swim *s)
{
	const struct relay *r = s->next_nack;

	while (r != NULL && !r->nack)
		r = TAILQ_NEXT(r, fifo);
	/* A relay that owes nothing may lie around until something wakes us. */
	return r == NULL ? NEVER : r->nack_at;
}
