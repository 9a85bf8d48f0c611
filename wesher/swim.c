/*
 * The membership core, in the gossip process. This file: set-up, the clock and
 * the dispatch of packets. Its input is authenticated, so it comes from a
 * member that holds the key, and is hostile all the same: every field is
 * judged before it has an effect, and nothing is allocated by a length or
 * count that was received. The core does no I/O and never asks for the time.
 *
 * What SWIM is. n members watch each other without a centre (Das, Gupta,
 * Motivala 2002). Once per interval each one pings one other member, in a
 * shuffled round, so that nobody waits longer than two rounds. Who does not
 * answer is pinged through three others, which tells a dead member from a bad
 * path. If that fails too it is not declared dead but suspected; the suspicion
 * spreads, and the suspect refutes it by announcing itself with a higher
 * incarnation number, which only it may raise. A suspicion that nobody refutes
 * ends in death. News travels in the free room of pings and acks and, with
 * memberlist, in packets of its own to a few random members per tick: a rumour
 * that each repeats 4 * ceil(log10(n + 1)) times reaches everybody.
 *
 * What Lifeguard adds (Dadgar, Phillips, Currey 2017). A slow member used to
 * accuse healthy ones. So (1) whoever misses acks and nacks takes itself for
 * the slow one and waits longer (aware.c); (2) a suspicion starts long and
 * shrinks as independent accusers confirm it (suspect.c); (3) a suspect is
 * told so in the very packet that probes it, to refute at once (probe.c).
 *
 * What memberlist adds. A full exchange of the tables over TCP, at a join and
 * then now and again with somebody at random (pushpull.c), which heals what
 * gossip missed; a ping over TCP where UDP is blocked; left as a state of its
 * own next to dead.
 *
 * Where this differs from memberlist, in ways that its members cannot see:
 * - sequence numbers of probes are random, so an old ack cannot be replayed;
 * - a relay sends its nack early enough to be of use (relay.c);
 * - accusers must be known and neither dead nor left (merge.c);
 * - what others say about a living member's end, key or address waits for its
 *   refutation (hearsay.c);
 * - refutations and leaves go at once, to those whom they concern most, but
 *   refutations at most in one burst a second (self.c);
 * - incarnations have a ceiling: above it nobody is believed but a member of
 *   the original in person, at it one of ours alone, in person (merge.c);
 * - one bad entry of a state is dropped, never the exchange;
 * - members of the original, which cannot swallow more than a hundred events
 *   at once, get a large state in portions (pushpull.c);
 * - what others can make us send is limited, and who was never heard gets
 *   next to nothing (limit.c, spread.c);
 * - a table that is full evicts those who never answered;
 * - timers run only while there is something to time.
 */
#include <stdlib.h>
#include <string.h>

#include "../common/check.h"
#include "swim_int.h"

const struct swim_profile swim_wan = {
    .probe_interval = 5 * SEC,
    .probe_timeout = 3 * SEC,
    .nack_delay = 3 * SEC / 2,
    .gossip_interval = SEC / 2,
    .gossip_to_dead = 60 * SEC,
    .pushpull_interval = 60 * SEC,
    .stream_timeout = 30 * SEC,
    .gossip_fanout = 4,
    .indirect_checks = 3,
    .retransmit_mult = 4,
    .suspicion_mult = 6,
    .suspicion_max_mult = 6,
    .awareness_max = 8,
};

const struct swim_profile swim_lan = {
    .probe_interval = SEC,
    .probe_timeout = SEC / 2,
    .nack_delay = SEC / 4,
    .gossip_interval = SEC / 5,
    .gossip_to_dead = 30 * SEC,
    .pushpull_interval = 30 * SEC,
    .stream_timeout = 10 * SEC,
    .gossip_fanout = 3,
    .indirect_checks = 3,
    .retransmit_mult = 4,
    .suspicion_mult = 4,
    .suspicion_max_mult = 6,
    .awareness_max = 8,
};

/* protocol.md section 4: what we announce. */
static const uint8_t our_vsn[6] = {1, 5, 2, 0, 0, 0};

bool
swim_connects(const struct swim *s, const struct ipport *to)
{
	return s->connects == NULL || s->connects(s->arg, to);
}

uint32_t
swim_random(struct swim *s, uint32_t n)
{
	return (uint32_t)(((uint64_t)s->ops->random(s->arg) * n) >> 32);
}

struct slice
swim_str(const char *str)
{
	struct slice sl = {.p = (const uint8_t *)str, .len = strlen(str)};

	return sl;
}

uint16_t
swim_port(const struct swim *s, uint16_t port)
{
	return port != 0 ? port : member_card(s->self)->port;
}

void
swim_emit(struct swim *s, enum swim_event_type type, struct member *m,
    const struct via *v, bool direct)
{
	struct swim_event ev = {.type = type, .m = m, .direct = direct};

	ev.pushpull = v != NULL && v->stream;
	ev.joining = v != NULL && v->joining;
	ev.back = type == SWIM_EV_JOIN && s->back;
	ev.is_new = type == SWIM_EV_JOIN && s->is_new;
	ev.changed = s->changed;
	s->ops->event(s->arg, &ev);
}

void
swim_emit_conflict(struct swim *s, struct member *m, const struct ipport *addr)
{
	struct swim_event ev = {.type = SWIM_EV_CONFLICT, .m = m, .addr = addr};

	s->count.conflicts++;
	if (m->is_self) {
		ev.type = SWIM_EV_SELF_CONFLICT;
		ev.m = NULL;
	}
	s->ops->event(s->arg, &ev);
}

void
swim_arm(struct swim *s)
{
	if (s->mode != SWIM_RUN || s->t.n < 2)
		return;
	/* A random phase, so that a mesh that starts at once spreads out. */
	if (s->next_probe == NEVER)
		s->next_probe =
		    s->now + swim_random(s, (uint32_t)s->prof->probe_interval);
	if (s->next_pushpull == NEVER)
		s->next_pushpull = s->now +
				   swim_random(
				       s, (uint32_t)s->prof->pushpull_interval);
}

void
swim_disarm(struct swim *s)
{
	s->probe.m = NULL;
	s->nfew = 0;
	s->next_probe = s->next_pushpull = NEVER;
	s->refute_at = s->announce_at = s->listed_at = NEVER;
	s->catch_up_at = NEVER;
}

void
swim_set_state(struct swim *s, struct member *m, enum member_state state)
{
	bool was = m->state < MEMBER_DEAD, is = state < MEMBER_DEAD;

	if (m->state == state)
		return;
	if (!m->is_self && was != is)
		s->others_alive += is ? 1 : -1u;
	if (m->state == MEMBER_DEAD)
		elsewhere_forget(s, m);
	m->state = (uint8_t)state;
	m->since = s->now;
	if (!is)
		m->rtt = 0;
	evict_sort(s, m);
}

void
swim_forget(struct swim *s, struct member *m)
{
	swim_emit(s, SWIM_EV_REAPED, m, NULL, false);
	swim_set_state(s, m, MEMBER_DEAD);
	suspect_stop(&s->suspects, m);
	bcast_drop(&s->queue, &m->bcast);
	probe_forget(s, m);
	evict_remove(s, m);
	ghost_forget(s, m);
	elsewhere_forget(s, m);
	hearsay_forget(s, m);
	member_remove(&s->t, m);
}

static int
add_self(struct swim *s, const struct swim_config *cfg)
{
	struct member *m;

	m = member_add(&s->t, cfg->name, strlen(cfg->name), cfg->metalen, 0);
	if (m == NULL || member_set_meta(m, cfg->meta, cfg->metalen) == -1)
		return -1;
	member_set_addr(
	    &s->t, m, cfg->addr.b, cfg->addr.len, cfg->port, cfg->port);
	m->is_self = m->answered = true;
	m->ours = s->ops->is_ours(s->arg, member_meta(m), m->metalen);
	m->incarnation = s->inc;
	m->since = s->now;
	member_set_vsn(m, our_vsn);
	s->self = m;
	return 0;
}

static bool
config_ok(const struct swim_config *cfg)
{
	return check_name(cfg->name, strlen(cfg->name)) &&
	       (cfg->addr.len == 4 || cfg->addr.len == 16) && cfg->port != 0 &&
	       cfg->metalen <= WIRE_META_MAX && cfg->max_members >= 2;
}

static void
init_idle(struct swim *s)
{
	s->gossip_phase = swim_random(s, (uint32_t)s->prof->gossip_interval);
	s->next_gossip = s->wake_at = s->leave_end = NEVER;
	s->refuted_at = s->now - REFUTE_AGAIN;
	s->ghost_at = s->now;
	swim_disarm(s);
	TAILQ_INIT(&s->relays);
	RB_INIT(&s->relay_by_seqno);
	TAILQ_INIT(&s->streams);
	TAILQ_INIT(&s->feeds);
	TAILQ_INIT(&s->movings);
	s->moving_since = s->claimant_at = s->now - SEC;
	TAILQ_INIT(&s->talks);
	TAILQ_INIT(&s->claims);
	s->claims_at = NEVER;
	bcast_init(&s->queue);
	s->queue.encode = spread_encode_alive;
	evict_init(s);
	limit_init(&s->limits);
	s->aware.max = s->prof->no_awareness ? 0 : s->prof->awareness_max;
}

struct swim *
swim_new(const struct swim_config *cfg, int64_t now)
{
	struct swim *s;
	uint64_t key[2];
	unsigned i;

	if (!config_ok(cfg) || (s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->prof = cfg->profile;
	s->ops = cfg->ops;
	s->arg = cfg->arg;
	s->connects = cfg->connects;
	s->reported = cfg->reported;
	s->now = now;
	s->max_members = cfg->max_members;
	/* A saved one may have stood at the ceiling. */
	s->inc = cfg->incarnation > INCARNATION_MAX ? INCARNATION_MAX
						    : cfg->incarnation;
	for (i = 0; i < 2; i++) {
		key[i] = s->ops->random(s->arg);
		key[i] = key[i] << 32 | s->ops->random(s->arg);
	}
	init_idle(s);
	s->scratch = malloc(sizeof(*s->scratch));
	if (s->scratch == NULL || member_table_init(&s->t, key) == -1 ||
	    add_self(s, cfg) == -1) {
		swim_free(s);
		return NULL;
	}
	return s;
}

void
swim_free(struct swim *s)
{
	struct feed *f;

	if (s == NULL)
		return;
	suspect_free(&s->suspects);
	hearsay_free(s);
	elsewhere_free(s);
	bcast_clear(&s->queue);
	relay_free(s);
	asked_free(s);
	while ((f = TAILQ_FIRST(&s->feeds)) != NULL) {
		TAILQ_REMOVE(&s->feeds, f, entry);
		free(f);
	}
	member_table_free(&s->t);
	free(s->scratch);
	free(s);
}

static void
set_now(struct swim *s, int64_t now)
{
	if (now > s->now)
		s->now = now;
}

void
swim_tick(struct swim *s, int64_t now)
{
	set_now(s, now);
	relay_run(s);
	probe_run(s);
	merge_suspects_run(s);
	hearsay_run(s);
	hearsay_tidy(s);
	elsewhere_run(s);
	pushpull_run(s);
	self_run(s);
	spread_run(s);
}

int64_t
swim_earliest(const int64_t *at, size_t n)
{
	int64_t first = NEVER;
	size_t i;

	for (i = 0; i < n; i++)
		if (at[i] < first)
			first = at[i];
	return first;
}

int64_t
swim_deadline(const struct swim *s)
{
	const int64_t all[] = {relay_deadline(s), probe_deadline(s),
	    s->mode <= SWIM_LEAVING ? suspect_deadline(&s->suspects) : NEVER,
	    hearsay_deadline(s), elsewhere_deadline(s), pushpull_deadline(s),
	    self_deadline(s), spread_deadline(s)};

	return swim_earliest(all, sizeof(all) / sizeof(all[0]));
}

void
swim_count_all(struct swim_traffic *t, const struct wire_compound *c)
{
	const uint8_t *msg = c->buf;
	unsigned i;

	for (i = 0; i < c->n; msg += c->lens[i++])
		swim_count(t, msg[0], c->lens[i]);
}

/* Probes of others: answered even when we have left. */
static int
dispatch_probe(struct swim *s, const struct via *v, uint8_t type,
    const uint8_t *body, size_t len)
{
	struct wire_ping ping;
	struct wire_indirect ind;
	struct wire_ack ack;
	uint32_t seqno;

	switch (type) {
	case WIRE_PING:
		if (wire_get_ping(body, len, &ping) == -1)
			return -1;
		probe_ping(s, &v->src, &ping);
		return 0;
	case WIRE_INDIRECT_PING:
		if (wire_get_indirect(body, len, &ind) == -1)
			return -1;
		relay_request(s, &v->src, &ind);
		return 0;
	case WIRE_ACK:
		if (wire_get_ack(body, len, &ack) == -1)
			return -1;
		probe_ack(s, ack.seqno);
		relay_ack(s, ack.seqno);
		elsewhere_ack(s, ack.seqno);
		return 0;
	case WIRE_NACK:
		if (wire_get_nack(body, len, &seqno) == -1)
			return -1;
		probe_nack(s, seqno);
		return 0;
	}
	return 0; /* user messages are nothing to us */
}

static int
dispatch_news(struct swim *s, const struct via *v, uint8_t type,
    const uint8_t *body, size_t len)
{
	struct wire_alive alive;
	struct wire_accuse accuse;

	if (s->mode > SWIM_LEAVING)
		return 0;
	if (type == WIRE_ALIVE) {
		if (wire_get_alive(body, len, &alive) == -1)
			return -1;
		merge_alive(s, &alive, v);
		return 0;
	}
	if (wire_get_accuse(body, len, &accuse) == -1)
		return -1;
	if (type == WIRE_SUSPECT)
		merge_suspect(s, &accuse, v);
	else
		merge_dead(s, &accuse, v);
	return 0;
}

struct dispatch {
	struct swim *s;
	struct via via;
};

static void
dispatch(void *arg, uint8_t type, const uint8_t *body, size_t len)
{
	struct dispatch *d = arg;
	bool news = type == WIRE_ALIVE || type == WIRE_SUSPECT ||
		    type == WIRE_DEAD;
	int rc;

	swim_count(&d->s->count.in, type, len + 1);
	rc = (news ? dispatch_news : dispatch_probe)(
	    d->s, &d->via, type, body, len);
	if (rc == -1)
		d->s->count.bad_message++;
}

int
swim_packet(struct swim *s, int64_t now, const struct ipport *from,
    const uint8_t *plain, size_t len)
{
	struct dispatch d = {.s = s, .via = {.src = *from, .sender = *from}};

	set_now(s, now);
	if (s->mode == SWIM_SILENT)
		return 0;
	spread_heard(s, from);
	return wire_packet(s->scratch, plain, len, dispatch, &d);
}

bool
swim_drop(struct swim *s, int64_t now, struct member *m)
{
	set_now(s, now);
	if (m->is_self || m->state < MEMBER_DEAD)
		return false;
	swim_forget(s, m);
	return true;
}

uint32_t
swim_incarnation(const struct swim *s)
{
	return s->inc;
}

unsigned
swim_health(const struct swim *s)
{
	return s->aware.score;
}

struct member_table *
swim_members(struct swim *s)
{
	return &s->t;
}

unsigned
swim_queued(const struct swim *s)
{
	return s->queue.n;
}

const struct swim_counters *
swim_counters(const struct swim *s)
{
	return &s->count;
}
