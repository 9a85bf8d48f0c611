/*
 * What concerns ourselves, part of the core in the gossip process: refuting
 * what is said about us, announcing, leaving, and returning. Whoever holds the
 * key can accuse us as often as it likes; so refutations are limited, our
 * incarnation has a ceiling, and a claim of our name at another address is
 * reported, never fought over (protocol.md section 5, "About ourselves",
 * "Incarnation", "Leave"; section 9).
 */
#include <string.h>

#include "swim_int.h"

static void leave_begin(struct swim *, enum swim_after);

void
self_unicast(struct swim *s, const struct ipport *to)
{
	uint8_t msg[WIRE_PLAIN_MAX];
	ssize_t n = spread_encode_alive(s->self, msg, sizeof(msg));

	if (n != -1)
		spread_send(s, to, msg, (size_t)n);
}

/*
 * The next incarnation. At the ceiling it stays: peers of ours believe there
 * what we say in person (merge.c). To leave and return low would hand a member
 * gone bad a way to switch us off.
 */
static uint32_t
above(uint32_t inc)
{
	return inc < INCARNATION_MAX ? inc + 1 : INCARNATION_MAX;
}

/* A new incarnation of what we say about ourselves. */
static void
self_renew(struct swim *s, uint32_t inc)
{
	s->inc = s->self->incarnation = inc;
	spread_alive(s, s->self, false);
}

/* Somebody keeps at it: gossip may be too slow, and is hearsay itself. */
static void
refute_loudly(struct swim *s)
{
	struct member *m[REFUTE_TOLD];
	struct ipport to;
	unsigned i, n = spread_pick(s, REFUTE_TOLD, spread_is_alive, NULL, m);

	for (i = 0; i < n; i++) {
		member_ipport(m[i], &to);
		self_unicast(s, &to);
	}
}

static void
refute(struct swim *s, uint32_t inc, const struct ipport *to)
{
	bool again = s->now < s->refuted_at + REFUTE_AGAIN;

	s->refuted_at = s->now;
	s->refute_at = NEVER;
	s->count.refutations++;
	/* Once for each probe of ours: a liar shall not slow them all down. */
	if (!s->blamed)
		aware_apply(&s->aware, 1);
	s->blamed = true;
	self_renew(s, above(inc));
	if (to->ip.len != 0)
		self_unicast(s, to);
	spread_now(s);
	if (again)
		refute_loudly(s);
}

/* At once, or when a second has passed since the last burst. */
static void
refute_soon(struct swim *s, uint32_t inc, const struct ipport *to)
{
	if (s->now >= s->refuted_at + REFUTE_GAP) {
		refute(s, inc, to);
		return;
	}
	s->count.limited++;
	if (s->refute_at == NEVER || inc > s->refute_inc)
		s->refute_inc = inc;
	s->refute_to = *to;
	s->refute_at = s->refuted_at + REFUTE_GAP;
}

/* A member missed what we said last, or believes what we never said. */
static void
tell_again(struct swim *s, const struct ipport *to)
{
	struct member *m;
	struct talk *k;

	if (to->ip.len == 0 || (m = member_find_addr(&s->t, to)) == NULL ||
	    m->is_self || (k = hearsay_talk(s, m)) == NULL ||
	    s->now < k->told_at + TELL_GAP)
		return;
	k->told_at = s->now;
	self_unicast(s, to);
}

void
self_accused(struct swim *s, uint32_t inc, const struct via *v)
{
	bool leap = inc > s->inc && inc - s->inc > INCARNATION_JUMP;

	if (s->mode != SWIM_RUN || inc > INCARNATION_MAX)
		return;
	/* In the answer to our join it may be a life that we have forgotten. */
	if (inc < s->inc || (leap && !v->joining))
		tell_again(s, &v->sender);
	else
		refute_soon(s, inc, &v->sender);
}

static bool
is_our_content(const struct swim *s, const struct wire_alive *a)
{
	const struct member *m = s->self;
	const struct member_card *c = member_card(m);

	return m->metalen == a->meta.len && c->addrlen == a->addr.len &&
	       memcmp(c->addr, a->addr.p, c->addrlen) == 0 &&
	       memcmp(c->vsn, a->vsn.p, sizeof(c->vsn)) == 0 &&
	       (m->metalen == 0 ||
		   memcmp(member_meta(m), a->meta.p, m->metalen) == 0);
}

void
self_alive(struct swim *s, const struct wire_alive *a,
    const struct ipport *addr, const struct via *v)
{
	struct ipport mine;

	if (s->mode != SWIM_RUN)
		return;
	member_ipport(s->self, &mine);
	if (ipport_cmp(&mine, addr) != 0) {
		if (ghost_is(s, addr))
			ghost_leave(s, a->incarnation, &v->sender);
		else
			swim_emit_conflict(s, s->self, addr);
		return;
	}
	if (a->incarnation > s->inc || !is_our_content(s, a))
		self_accused(s, a->incarnation, v);
}

void
self_adopt(struct swim *s, const struct slice *addr)
{
	struct member *m = s->self;
	const struct member_card *c = member_card(m);

	if (c->addrlen == addr->len)
		return;
	member_set_addr(&s->t, m, addr->p, addr->len, c->wire_port, c->port);
	if (s->mode != SWIM_RUN)
		return;
	/* What we sent under the other form may have been refused. */
	s->listed = false;
	s->listed_gap = LISTED_CHECK;
	s->listed_at = s->now + SEC;
}

void
self_listed(struct swim *s)
{
	s->listed = true;
	s->listed_at = NEVER;
}

void
self_listed_check(struct swim *s, int64_t in)
{
	s->listed = false;
	s->listed_gap = in;
	s->listed_at = s->now + in;
}

/*
 * A join may have been refused without a word: as long as nobody pings us or
 * lists us, tell somebody again, ever less often until the usual exchange
 * does as well.
 */
static void
listed_run(struct swim *s)
{
	struct member *m;
	struct ipport to;

	if (s->now < s->listed_at)
		return;
	s->listed_at = NEVER;
	s->listed_gap *= 2;
	if (s->listed_gap < pushpull_interval(s))
		s->listed_at = s->now + s->listed_gap;
	if (s->mode != SWIM_RUN || pushpull_pick(s, 1, &m) == 0)
		return;
	member_ipport(m, &to);
	pushpull_start(s, &to, USE_PERIODIC);
}

/* One portion of unicast alives; more follow when some are left. */
static void
announce_run(struct swim *s)
{
	unsigned i, left, budget = OURS_BURST;
	struct ipport to;

	if (s->now < s->announce_at)
		return;
	s->announce_at = NEVER;
	for (i = 0; i < s->t.n; i++)
		if (s->t.list[i]->state < MEMBER_DEAD && !s->t.list[i]->ours &&
		    !s->t.list[i]->is_self)
			budget = ORIGINAL_BURST;
	for (i = 0, left = 0; i < s->t.n; i++) {
		struct member *m = s->t.list[i];

		if (m->announce != ANNOUNCE_DUE || left++ >= budget)
			continue;
		m->announce = ANNOUNCE_NO;
		member_ipport(m, &to);
		self_unicast(s, &to);
	}
	if (left > budget)
		s->announce_at = s->now +
				 (budget == OURS_BURST ? OURS_GAP : BURST_GAP);
}

/* Hand over those with a given mark, and begin if no portion is waiting. */
static void
announce_to(struct swim *s, bool everybody)
{
	bool any = false;
	unsigned i;

	for (i = 0; i < s->t.n; i++) {
		struct member *m = s->t.list[i];

		if (m->is_self || m->state >= MEMBER_DEAD)
			continue;
		if (everybody || m->announce == ANNOUNCE_LEARNED) {
			m->announce = ANNOUNCE_DUE;
			any = true;
		}
	}
	/*
	 * No broadcast besides: it would reach later newcomers from our own
	 * address and make them prime too. Whoever we joined passes us on.
	 */
	if (any && s->announce_at == NEVER) {
		s->announce_at = s->now;
		announce_run(s);
	}
}

void
swim_announce(struct swim *s, int64_t now)
{
	if (now > s->now)
		s->now = now;
	if (s->mode == SWIM_RUN)
		announce_to(s, false);
}

void
swim_announce_all(struct swim *s, int64_t now)
{
	if (now > s->now)
		s->now = now;
	if (s->mode == SWIM_RUN)
		announce_to(s, true);
}

void
swim_set_meta(struct swim *s, int64_t now, const uint8_t *meta, size_t len)
{
	if (now > s->now)
		s->now = now;
	if (len > WIRE_META_MAX || member_set_meta(s->self, meta, len) == -1)
		return;
	s->self->ours = s->ops->is_ours(s->arg, meta, len);
	if (s->mode != SWIM_RUN)
		return;
	/* At the ceiling only what we say in person is believed. */
	if (s->inc >= INCARNATION_MAX)
		announce_to(s, true);
	self_renew(s, above(s->inc));
}

void
swim_set_addr(
    struct swim *s, int64_t now, const struct ipaddr *addr, uint16_t port)
{
	struct ipport mine, want = {.ip = *addr, .port = port};

	if (now > s->now)
		s->now = now;
	member_ipport(s->self, &mine);
	if (s->after != AFTER_ADDR && ipport_cmp(&mine, &want) == 0) {
		/* One that waits for our return is none any more. */
		s->new_addr.len = 0;
		return;
	}
	s->new_addr = *addr;
	s->new_port = port;
	if (s->mode == SWIM_RUN)
		leave_begin(s, AFTER_ADDR);
}

static void
take_new_addr(struct swim *s)
{
	struct ipport was;

	if (s->new_addr.len == 0)
		return;
	member_ipport(s->self, &was);
	ghost_remember(s, &was);
	member_set_addr(&s->t, s->self, s->new_addr.b, s->new_addr.len,
	    s->new_port, s->new_port);
	s->new_addr.len = 0;
}

/* What we missed. One may have moved as well, or be dead since we were cut
 * off. */
static void
catch_up(struct swim *s)
{
	struct member *m[RETURN_ASKED];
	struct ipport to;
	unsigned i, n;

	n = pushpull_pick(s, RETURN_ASKED, m);
	for (i = 0; i < n; i++) {
		member_ipport(m[i], &to);
		pushpull_start(s, &to, USE_PERIODIC);
	}
}

/* Who holds us for gone learns better, in person. */
static void
self_back(struct swim *s, uint32_t inc)
{
	self_renew(s, inc);
	swim_arm(s);
	announce_to(s, true);
	self_listed_check(s, LISTED_CHECK);
	catch_up(s);
	/* Who moves while we do is hearsay to those whom we asked just now. */
	s->catch_up_at = s->now + HEARSAY_WAIT + MOVE_SILENCE;
}

/* Back from silence, under a new address. */
static void
self_return(struct swim *s)
{
	s->wake_at = NEVER;
	s->mode = SWIM_RUN;
	s->after = AFTER_NOTHING;
	take_new_addr(s);
	swim_set_state(s, s->self, MEMBER_ALIVE);
	self_back(s, above(s->inc));
	swim_emit(s, SWIM_EV_RETURNED, NULL, NULL, false);
}

void
swim_woke(struct swim *s, int64_t now, int64_t slept)
{
	const struct swim_profile *p = s->prof;

	if (now > s->now)
		s->now = now;
	s->probe.m = NULL; /* its ack found nobody listening */
	if (s->mode != SWIM_RUN ||
	    slept < suspect_min(p->suspicion_mult, s->t.n, p->probe_interval))
		return;
	self_back(s, above(s->inc));
}

/* Everybody heard it, or time is up. */
static void
leave_end(struct swim *s)
{
	if (s->mode != SWIM_LEAVING)
		return;
	s->leave_end = NEVER;
	if (s->after == AFTER_NOTHING) {
		s->mode = SWIM_GONE;
		swim_emit(s, SWIM_EV_LEAVE_DONE, NULL, NULL, false);
		return;
	}
	s->mode = SWIM_SILENT;
	bcast_clear(&s->queue);
	s->wake_at = s->now + MOVE_SILENCE;
}

void
self_spread_done(struct swim *s)
{
	leave_end(s);
}

static void
leave_unicast(struct swim *s)
{
	struct wire_accuse a = {.incarnation = s->inc,
	    .node = swim_str(s->self->name),
	    .from = swim_str(s->self->name)};
	struct ipport to;
	uint8_t msg[1024];
	ssize_t n = wire_put_accuse(msg, sizeof(msg), WIRE_DEAD, &a);
	unsigned i;

	for (i = 0; n != -1 && i < s->t.n; i++) {
		struct member *m = s->t.list[i];

		/* Who is dead to us may live, when we were cut off. */
		if (m->is_self || m->state == MEMBER_LEFT ||
		    (m->state == MEMBER_DEAD && s->after != AFTER_ADDR))
			continue;
		member_ipport(m, &to);
		spread_send(s, &to, msg, (size_t)n);
	}
}

static void
leave_begin(struct swim *s, enum swim_after after)
{
	s->mode = SWIM_LEAVING;
	s->after = after;
	swim_disarm(s);
	swim_set_state(s, s->self, MEMBER_LEFT);
	s->leave_end = s->now + (after == AFTER_ADDR ? MOVE_LEAVE : LEAVE_MAX);
	leave_unicast(s);
	spread_accuse(s, s->self, WIRE_DEAD, s->inc, swim_str(s->self->name));
	if (s->others_alive == 0)
		leave_end(s);
	else
		spread_now(s);
}

void
swim_leave(struct swim *s, int64_t now)
{
	if (now > s->now)
		s->now = now;
	if (s->mode == SWIM_RUN) {
		leave_begin(s, AFTER_NOTHING);
		return;
	}
	/* A leave with a return was under way: the return is off. */
	s->after = AFTER_NOTHING;
	s->wake_at = NEVER;
	if (s->mode == SWIM_LEAVING)
		return;
	s->mode = SWIM_LEAVING;
	leave_end(s);
}

void
self_run(struct swim *s)
{
	if (s->now >= s->leave_end)
		leave_end(s);
	if (s->now >= s->wake_at)
		self_return(s);
	if (s->mode != SWIM_RUN)
		return;
	if (s->now >= s->refute_at) {
		s->refute_at = NEVER;
		if (s->refute_inc >= s->inc)
			refute(s, s->refute_inc, &s->refute_to);
	}
	if (s->now >= s->catch_up_at) {
		s->catch_up_at = NEVER;
		catch_up(s);
	}
	announce_run(s);
	listed_run(s);
	ghost_run(s);
}

int64_t
self_deadline(const struct swim *s)
{
	/* What is done in SWIM_RUN alone would be due for ever elsewhere. */
	const bool run = s->mode == SWIM_RUN;
	const int64_t all[] = {s->leave_end, s->wake_at,
	    run ? s->refute_at : NEVER, run ? s->announce_at : NEVER,
	    run ? s->listed_at : NEVER, run ? s->catch_up_at : NEVER,
	    run ? ghost_deadline(s) : NEVER};

	return swim_earliest(all, sizeof(all) / sizeof(all[0]));
}
