/*
 * Gossip and piggyback, part of the core in the gossip process: how news
 * leaves, in packets of its own on the beat and in the free room of probes.
 * Broadcasts go to members' addresses only: whoever merely pings us gets an
 * ack and nothing else. (gossip.c is the process; this is what it spreads.)
 */
#include <string.h>

#include "swim_int.h"

#define PICK_MAX 16
#define PICK_ALL 64 /* tables up to here are searched exactly */

bool
spread_is_alive(const struct swim *s, const struct member *m)
{
	(void)s;
	return m->state == MEMBER_ALIVE;
}

bool
spread_is_heard(const struct member *m)
{
	return m->answered || m->heard;
}

void
spread_heard(struct swim *s, const struct ipport *from)
{
	struct member *m = member_find_addr(&s->t, from);

	if (m == NULL || m->heard)
		return;
	m->heard = true;
	evict_sort(s, m);
}

static bool
is_alive_heard(const struct swim *s, const struct member *m)
{
	return spread_is_alive(s, m) && spread_is_heard(m);
}

/* The dead hear of their death for a while, and may refute; left never. */
static bool
wants_gossip(const struct swim *s, const struct member *m)
{
	return spread_is_heard(m) &&
	       (m->state < MEMBER_DEAD ||
		   (m->state == MEMBER_DEAD &&
		       s->now - m->since <= s->prof->gossip_to_dead));
}

static bool
wants_first_gossip(const struct swim *s, const struct member *m)
{
	(void)s;
	return m->state < MEMBER_DEAD && !spread_is_heard(m);
}

/* Reservoir sampling over the whole of a small table. */
static unsigned
pick_exact(struct swim *s, unsigned k,
    bool (*want)(const struct swim *, const struct member *),
    const struct member *except, struct member **out)
{
	unsigned i, j, seen = 0;

	for (i = 0; i < s->t.n; i++) {
		struct member *m = s->t.list[i];

		if (m->is_self || m == except || !want(s, m))
			continue;
		if (seen++ < k)
			out[seen - 1] = m;
		else if ((j = swim_random(s, seen)) < k)
			out[j] = m;
	}
	return seen < k ? seen : k;
}

unsigned
spread_pick(struct swim *s, unsigned k,
    bool (*want)(const struct swim *, const struct member *),
    const struct member *except, struct member **out)
{
	unsigned i, n = 0, tries;

	if (k == 0)
		return 0;
	if (s->t.n <= PICK_ALL)
		return pick_exact(s, k, want, except, out);
	for (tries = 3 * s->t.n; tries > 0 && n < k; tries--) {
		struct member *m = s->t.list[swim_random(s, s->t.n)];

		if (m->is_self || m == except || !want(s, m))
			continue;
		for (i = 0; i < n && out[i] != m; i++)
			;
		if (i == n)
			out[n++] = m;
	}
	return n;
}

unsigned
spread_pick_alive(struct swim *s, unsigned k, const struct member *except,
    struct member **out)
{
	unsigned n = spread_pick(s, k, is_alive_heard, except, out);

	return n > 0 ? n : spread_pick(s, 1, spread_is_alive, except, out);
}

void
spread_send(
    struct swim *s, const struct ipport *to, const void *msg, size_t len)
{
	swim_count(&s->count.out, *(const uint8_t *)msg, len);
	s->ops->send(s->arg, to, msg, len);
}

/* Top up with broadcasts and send, unless there is nothing to send. */
static void
send_filled(struct swim *s, const struct ipport *to, struct wire_compound *c)
{
	uint8_t *out;
	size_t len;

	(void)bcast_fill(
	    &s->queue, bcast_limit(s->prof->retransmit_mult, s->t.n), c);
	swim_count_all(&s->count.out, c);
	len = wire_compound_finish(c, &out);
	if (len > 0)
		s->ops->send(s->arg, to, out, len);
	if (s->mode == SWIM_LEAVING && s->self->bcast == NULL)
		self_spread_done(s);
}

void
spread_send_full(
    struct swim *s, const struct ipport *to, const void *msg, size_t len)
{
	const struct member *m = member_find_addr(&s->t, to);
	uint8_t buf[WIRE_PLAIN_MAX];
	struct wire_compound c;

	if (s->queue.n == 0 || s->mode > SWIM_LEAVING || m == NULL ||
	    !spread_is_heard(m)) {
		spread_send(s, to, msg, len);
		return;
	}
	wire_compound_init(&c, buf, sizeof(buf));
	if (wire_compound_add(&c, msg, len) == -1)
		spread_send(s, to, msg, len);
	else
		send_filled(s, to, &c);
}

void
spread_answer(
    struct swim *s, const struct ipport *to, const void *msg, size_t len)
{
	if (limit_filled(s))
		spread_send_full(s, to, msg, len);
	else
		spread_send(s, to, msg, len);
}

/* The next beat: every member has its own phase. */
static int64_t
next_beat(const struct swim *s)
{
	int64_t interval = s->prof->gossip_interval;
	int64_t since = s->now - s->gossip_phase;

	if (since < 0)
		return s->gossip_phase;
	return s->gossip_phase + (since / interval + 1) * interval;
}

void
spread_arm(struct swim *s)
{
	if (s->queue.n == 0)
		return;
	if (s->next_gossip == NEVER || s->next_gossip < s->now)
		s->next_gossip = next_beat(s);
}

ssize_t
spread_encode_alive(const struct member *m, uint8_t *buf, size_t cap)
{
	const struct member_card *c = member_card(m);
	struct wire_alive a = {.incarnation = m->incarnation,
	    .node = {(const uint8_t *)m->name, m->namelen},
	    .addr = {c->addr, c->addrlen},
	    .port = c->wire_port,
	    .meta = {member_meta(m), m->metalen},
	    .vsn = {c->vsn, sizeof(c->vsn)}};

	return wire_put_alive(buf, cap, &a);
}

void
spread_message(struct swim *s, struct member *m, const uint8_t *msg, size_t len)
{
	(void)bcast_put(&s->queue, &m->bcast, msg, len);
	spread_arm(s);
}

void
spread_alive(struct swim *s, struct member *m, bool newcomer)
{
	(void)bcast_put_alive(&s->queue, m, newcomer);
	spread_arm(s);
}

void
spread_accuse(struct swim *s, struct member *m, enum wire_type type,
    uint32_t inc, struct slice from)
{
	struct wire_accuse a = {.incarnation = inc,
	    .node = {(const uint8_t *)m->name, m->namelen},
	    .from = from};
	uint8_t msg[WIRE_PLAIN_MAX];
	ssize_t n = wire_put_accuse(msg, sizeof(msg), type, &a);

	if (n != -1)
		spread_message(s, m, msg, (size_t)n);
}

/* One packet to each of a few members. Returns how many there were. */
static unsigned
spread_round(struct swim *s)
{
	struct member *to[PICK_MAX];
	uint8_t buf[WIRE_PLAIN_MAX];
	struct wire_compound c;
	struct ipport a;
	unsigned i, k, most = s->prof->gossip_fanout;

	if (most > PICK_MAX)
		most = PICK_MAX;
	k = spread_pick(s, most, wants_gossip, NULL, to);
	for (i = 0; i < k && s->queue.n > 0; i++) {
		member_ipport(to[i], &a);
		wire_compound_init(&c, buf, sizeof(buf));
		send_filled(s, &a, &c);
	}
	if (k == most || s->queue.n == 0 || !limit_unheard(s) ||
	    spread_pick(s, 1, wants_first_gossip, NULL, to) == 0)
		return k;
	member_ipport(to[0], &a);
	wire_compound_init(&c, buf, LIMIT_UNHEARD_BYTES);
	send_filled(s, &a, &c);
	return k + 1;
}

void
spread_now(struct swim *s)
{
	(void)spread_round(s);
}

void
spread_known(struct swim *s, struct member *m)
{
	bcast_heard(&s->queue, &m->bcast,
	    bcast_limit(s->prof->retransmit_mult, s->t.n));
}

void
spread_run(struct swim *s)
{
	if (s->now < s->next_gossip)
		return;
	s->next_gossip = NEVER;
	if (s->mode > SWIM_LEAVING || s->queue.n == 0)
		return;
	/* With nobody to tell, wait until somebody comes: no timer. In a large
	 * table a round may miss the few who live. */
	if (spread_round(s) > 0 || s->others_alive > 0)
		spread_arm(s);
}

int64_t
spread_deadline(const struct swim *s)
{
	return s->mode > SWIM_LEAVING || s->queue.n == 0 ? NEVER
							 : s->next_gossip;
}
