/*
 * Probing, part of the core in the gossip process: one member per interval,
 * directly, then through others and over TCP; and the answers to the probes of
 * others. Acks come from anybody who holds the key: one counts only by its
 * random sequence number. An answer must never go to an address that the asker
 * made up (protocol.md section 5, "Probe").
 */
#include <string.h>

#include "swim_int.h"

/* memberlist: who speaks at least protocol 3 (TCP pings), 4 (nacks). */
#define PMAX_TCP_PING 3
#define PMAX_NACK     4
#define INDIRECT_MAX  16

void
probe_source(const struct swim *s, struct slice *addr, uint16_t *port,
    struct slice *node)
{
	const struct member_card *c = member_card(s->self);

	addr->p = c->addr;
	addr->len = c->addrlen;
	*port = c->port;
	*node = swim_str(s->self->name);
}

/* The probe order ran out: forget the long dead, shuffle the rest. */
static void
probe_wrap(struct swim *s)
{
	struct member_table *t = &s->t;
	struct member *m;
	unsigned i;

	for (i = 0; i < t->n;) {
		m = t->list[i];
		if (m->state < MEMBER_DEAD || m->is_self ||
		    s->now - m->since <= s->prof->gossip_to_dead) {
			i++;
		} else if (m->connected) {
			/* As good as forgotten, but for status. */
			m->incarnation = 0;
			i++;
		} else
			swim_forget(s, m);
	}
	for (i = t->n; i > 1; i--)
		member_swap(t, i - 1, swim_random(s, i));
	s->probe_index = 0;
}

static struct member *
probe_pick(struct swim *s)
{
	struct member *m;
	unsigned checked;

	for (checked = 0; checked <= s->t.n; checked++) {
		if (s->probe_index >= s->t.n)
			probe_wrap(s);
		m = s->t.list[s->probe_index++];
		if (!m->is_self && m->state < MEMBER_DEAD)
			return m;
	}
	return NULL;
}

static size_t
probe_encode_ping(const struct swim *s, uint32_t seqno, const struct member *m,
    uint8_t *buf, size_t cap)
{
	struct wire_ping p = {.seqno = seqno, .node = swim_str(m->name)};
	ssize_t n;

	probe_source(s, &p.src_addr, &p.src_port, &p.src_node);
	n = wire_put_ping(buf, cap, &p);
	return n == -1 ? 0 : (size_t)n;
}

/* A suspect hears of the suspicion in the packet that probes it. */
static void
probe_send_suspect(struct swim *s, const struct member *m,
    const struct ipport *to, const uint8_t *ping, size_t len)
{
	uint8_t pkt[WIRE_PLAIN_MAX], msg[1024], *out;
	struct wire_compound c;
	struct wire_accuse a = {.incarnation = m->incarnation,
	    .node = swim_str(m->name),
	    .from = swim_str(s->self->name)};
	ssize_t n = wire_put_accuse(msg, sizeof(msg), WIRE_SUSPECT, &a);
	size_t plain;

	wire_compound_init(&c, pkt, sizeof(pkt));
	(void)wire_compound_add(&c, ping, len);
	if (n != -1)
		(void)wire_compound_add(&c, msg, (size_t)n);
	swim_count_all(&s->count.out, &c);
	plain = wire_compound_finish(&c, &out);
	s->ops->send(s->arg, to, out, plain);
}

static void
probe_start(struct swim *s)
{
	struct probe *p = &s->probe;
	struct member *m = probe_pick(s);
	struct ipport to;
	uint8_t msg[1024];
	size_t len;

	if (m == NULL)
		return;
	memset(p, 0, sizeof(*p));
	p->m = m;
	p->seqno = s->ops->random(s->arg);
	p->incarnation = m->incarnation;
	p->sent_at = s->now;
	p->indirect_at = s->now + s->prof->probe_timeout;
	p->end = s->now + aware_scale(&s->aware, s->prof->probe_interval);
	s->count.pings++;
	s->blamed = false;
	member_ipport(m, &to);
	len = probe_encode_ping(s, p->seqno, m, msg, sizeof(msg));
	if (m->state == MEMBER_SUSPECT && !s->prof->no_buddy)
		probe_send_suspect(s, m, &to, msg, len);
	else
		spread_send_full(s, &to, msg, len);
}

static void
probe_ask(struct swim *s, const struct member *via, const struct member *m)
{
	const struct member_card *c = member_card(m);
	struct wire_indirect r = {.seqno = s->probe.seqno,
	    .port = c->port,
	    .node = swim_str(m->name),
	    .target = {c->addr, c->addrlen}};
	struct ipport to;
	uint8_t msg[1024];
	ssize_t n;

	r.nack = member_card(via)->vsn[1] >= PMAX_NACK &&
		 !s->prof->no_awareness;
	probe_source(s, &r.src_addr, &r.src_port, &r.src_node);
	n = wire_put_indirect(msg, sizeof(msg), &r);
	if (n == -1)
		return;
	s->count.indirect++;
	if (r.nack)
		s->probe.asked++;
	member_ipport(via, &to);
	spread_send_full(s, &to, msg, (size_t)n);
}

/* No ack in time: ask others, and try TCP. */
static void
probe_indirect(struct swim *s)
{
	struct member *m = s->probe.m, *via[INDIRECT_MAX];
	unsigned i, k = s->prof->indirect_checks;
	struct asked *st;
	struct ipport to;
	uint8_t msg[1024];
	size_t len;

	s->probe.indirect = true;
	k = spread_pick_alive(s, k > INDIRECT_MAX ? INDIRECT_MAX : k, m, via);
	for (i = 0; i < k; i++)
		probe_ask(s, via[i], m);
	if (member_card(m)->vsn[1] < PMAX_TCP_PING)
		return;
	member_ipport(m, &to);
	if (!swim_connects(s, &to) ||
	    (st = asked_new(s, USE_PING, &to)) == NULL)
		return;
	s->count.tcp_pings++;
	st->seqno = s->probe.seqno;
	len = probe_encode_ping(s, st->seqno, m, msg, sizeof(msg));
	swim_count(&s->count.out, WIRE_PING, len);
	s->ops->stream(s->arg, st->id, SWIM_STREAM_PING, &to, msg, len);
}

static void
probe_failed(struct swim *s)
{
	struct probe p = s->probe;
	struct wire_accuse a = {.incarnation = p.incarnation,
	    .node = swim_str(p.m->name),
	    .from = swim_str(s->self->name)};
	struct via v = {.stream = false};

	s->probe.m = NULL;
	s->count.probes_failed++;
	if (p.asked > 0)
		aware_apply(&s->aware,
		    p.nacks < p.asked ? (int)(p.asked - p.nacks) : 0);
	else
		aware_apply(&s->aware, 1);
	merge_suspect(s, &a, &v);
}

void
probe_run(struct swim *s)
{
	struct probe *p = &s->probe;

	if (p->m != NULL && !p->indirect && s->now >= p->indirect_at &&
	    s->now < p->end)
		probe_indirect(s);
	if (p->m != NULL && s->now >= p->end)
		probe_failed(s);
	if (p->m != NULL || s->now < s->next_probe || s->mode != SWIM_RUN)
		return;
	s->next_probe += s->prof->probe_interval;
	if (s->next_probe <= s->now)
		s->next_probe = s->now + s->prof->probe_interval;
	probe_start(s);
	/* Nobody is left in the table: sleep until somebody comes. */
	if (s->t.n < 2)
		s->next_probe = NEVER;
}

int64_t
probe_deadline(const struct swim *s)
{
	const struct probe *p = &s->probe;

	if (p->m == NULL)
		return s->mode == SWIM_RUN ? s->next_probe : NEVER;
	return !p->indirect && p->indirect_at < p->end ? p->indirect_at
						       : p->end;
}

void
probe_ack(struct swim *s, uint32_t seqno)
{
	struct probe *p = &s->probe;

	/* Late only when we were late ourselves: it came, that counts. */
	if (p->m == NULL || p->seqno != seqno)
		return;
	s->count.acks++;
	evict_answered(s, p->m);
	/* Later it may have come another way, or have waited for us. */
	if (!p->indirect && s->now < p->indirect_at)
		member_measured(p->m, s->now - p->sent_at);
	p->m = NULL;
	aware_apply(&s->aware, -1);
}

bool
probe_nack(struct swim *s, uint32_t seqno)
{
	struct probe *p = &s->probe;

	if (p->m == NULL || p->seqno != seqno)
		return false;
	s->count.nacks++;
	if (p->nacks < p->asked)
		p->nacks++;
	return true;
}

void
probe_forget(struct swim *s, struct member *m)
{
	if (s->probe.m == m)
		s->probe.m = NULL;
}

void
probe_reply_to(const struct swim *s, const struct slice *addr, uint16_t port,
    const struct ipport *from, struct ipport *out)
{
	struct ipport said = {.port = port};

	*out = *from;
	if (addr->len == 0 || port == 0 ||
	    ipaddr_from_bytes(addr->p, addr->len, &said.ip) == -1)
		return;
	if (member_find_addr(&s->t, &said) != NULL)
		*out = said;
}

void
probe_ping(struct swim *s, const struct ipport *from, const struct wire_ping *p)
{
	struct wire_ack ack = {.seqno = p->seqno};
	struct ipport to;
	uint8_t msg[64];
	ssize_t n;

	if (p->node.len != 0) {
		if (p->node.len != s->self->namelen ||
		    memcmp(p->node.p, s->self->name, p->node.len) != 0)
			return;
		self_listed(s);
	}
	probe_reply_to(s, &p->src_addr, p->src_port, from, &to);
	n = wire_put_ack(msg, sizeof(msg), &ack);
	if (n != -1 && limit_answer(s, from, &to))
		spread_answer(s, &to, msg, (size_t)n);
}
