/*
 * What others say about a member that we hold alive, part of the core in the
 * gossip process: that it left or died, or has another key or address. Whoever
 * holds the cluster key can say so, a hundred times a second; so nothing of it
 * applies at once. It is passed on, as any member of the original would, and
 * shown to the member itself, which refutes what is wrong: an alive from it
 * with a greater incarnation ends the claim. What stands for two seconds is
 * applied.
 *
 * Each member has one claim at a time, and a second one in waiting: the
 * strongest that came meanwhile. So a flood can neither put off the first nor
 * grow without bound. Who claims to be the member shows it by its address: its
 * own packet, or its own push/pull, needs no wait (merge.c). A member with the
 * key that forges the source of packets can still speak for others.
 */
#include <stdlib.h>
#include <string.h>

#include "swim_int.h"

#define SAID_MAX 1024 /* bytes of one message, encoded */
/* Claims become due together, so that many of them cost few looks. */
#define GRAIN	   (SEC / 20)
#define TIDY_LOOKS 64 /* a tick */

/* One message as it was understood, encoded anew. */
struct said {
	uint32_t inc;
	uint8_t type;
	uint16_t len;
	uint8_t msg[];
};

struct claim {
	TAILQ_ENTRY(claim) entry;
	struct member *m;
	struct said *first; /* NULL: refuted, the other has its turn */
	struct said *next;
	int64_t due, tell_at;
};

static int64_t
grain(int64_t at)
{
	return at + GRAIN - at % GRAIN;
}

bool
hearsay_waits(const struct member *m, const struct via *v)
{
	struct ipport known;

	if (m->state >= MEMBER_DEAD || v->settled || v->src.ip.len == 0)
		return false;
	member_ipport(m, &known);
	return !merge_direct(v, &known);
}

static bool
is_stronger(const struct said *a, const struct said *b)
{
	if (a->inc != b->inc)
		return a->inc > b->inc;
	return a->type != WIRE_ALIVE && b->type == WIRE_ALIVE;
}

static struct said *
said_new(uint8_t type, uint32_t inc, const uint8_t *msg, ssize_t len)
{
	struct said *sd = len == -1 ? NULL : malloc(sizeof(*sd) + (size_t)len);

	if (sd == NULL)
		return NULL;
	sd->inc = inc;
	sd->type = type;
	sd->len = (uint16_t)len;
	memcpy(sd->msg, msg, sd->len);
	return sd;
}

static void
wake_at(struct swim *s, int64_t at)
{
	if (at < s->claims_at)
		s->claims_at = at;
}

struct talk *
hearsay_talk(struct swim *s, struct member *m)
{
	struct talk *k = m->talk;

	if (k != NULL) {
		TAILQ_REMOVE(&s->talks, k, entry);
		TAILQ_INSERT_TAIL(&s->talks, k, entry);
		return k;
	}
	if ((k = calloc(1, sizeof(*k))) == NULL)
		return NULL;
	k->m = m;
	k->shown_at = k->told_at = INT64_MIN / 2;
	m->talk = k;
	TAILQ_INSERT_TAIL(&s->talks, k, entry);
	return k;
}

static void
talk_free(struct swim *s, struct talk *k)
{
	TAILQ_REMOVE(&s->talks, k, entry);
	k->m->talk = NULL;
	free(k);
}

void
hearsay_tidy(struct swim *s)
{
	unsigned looks = TIDY_LOOKS;
	struct talk *k;

	while (looks-- > 0 && (k = TAILQ_FIRST(&s->talks)) != NULL) {
		if (k->claim != NULL)
			(void)hearsay_talk(s, k->m); /* to the end */
		else if (s->now >= k->shown_at + HEARSAY_GAP &&
			 s->now >= k->told_at + TELL_GAP)
			talk_free(s, k);
		else
			break;
	}
}

static struct claim *
claim_of(const struct member *m)
{
	return m->talk == NULL ? NULL : m->talk->claim;
}

static struct claim *
claim_new(struct swim *s, struct member *m)
{
	struct talk *k = hearsay_talk(s, m);
	struct claim *c = k == NULL ? NULL : calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->m = m;
	k->claim = c;
	TAILQ_INSERT_TAIL(&s->claims, c, entry);
	return c;
}

/* Who never showed itself there is told nothing: its address may be one that
 * somebody else shall be flooded at. */
static void
tell(struct swim *s, struct claim *c)
{
	struct talk *k = c->m->talk;
	struct ipport at;

	c->tell_at = NEVER;
	if (!c->m->answered)
		return;
	if (s->now < k->shown_at + HEARSAY_GAP) {
		c->tell_at = grain(k->shown_at + HEARSAY_GAP);
		return;
	}
	k->shown_at = s->now;
	c->tell_at = grain(s->now + HEARSAY_GAP);
	member_ipport(c->m, &at);
	spread_send(s, &at, c->first->msg, c->first->len);
}

/* It is the member's claim from now on. */
static void
begin(struct swim *s, struct claim *c, struct said *sd)
{
	c->first = sd;
	c->due = grain(s->now + HEARSAY_WAIT);
	spread_message(s, c->m, sd->msg, sd->len);
	tell(s, c);
	wake_at(s, c->due < c->tell_at ? c->due : c->tell_at);
}

static void
put(struct swim *s, struct member *m, struct said *sd, bool anyway)
{
	struct claim *c = claim_of(m);

	if (sd == NULL)
		return;
	if (c == NULL) {
		if ((c = claim_new(s, m)) != NULL)
			begin(s, c, sd);
		else
			free(sd);
		return;
	}
	if ((c->first != NULL && !anyway && !is_stronger(sd, c->first)) ||
	    (c->next != NULL && !is_stronger(sd, c->next))) {
		free(sd);
		return;
	}
	free(c->next);
	c->next = sd;
}

void
hearsay_alive(struct swim *s, struct member *m, const struct wire_alive *a)
{
	uint8_t msg[SAID_MAX];

	put(s, m,
	    said_new(WIRE_ALIVE, a->incarnation, msg,
		wire_put_alive(msg, sizeof(msg), a)),
	    false);
}

bool
hearsay_elsewhere(struct swim *s, struct member *m, const struct wire_alive *a)
{
	const struct claim *c = claim_of(m);
	uint8_t msg[SAID_MAX];

	if (c == NULL || c->first == NULL || c->first->type == WIRE_ALIVE)
		return false;
	/* Who left may return elsewhere with any incarnation. */
	put(s, m,
	    said_new(WIRE_ALIVE, a->incarnation, msg,
		wire_put_alive(msg, sizeof(msg), a)),
	    true);
	return true;
}

void
hearsay_dead(
    struct swim *s, struct member *m, uint32_t inc, const struct slice *from)
{
	struct wire_accuse a = {.incarnation = inc,
	    .node = {(const uint8_t *)m->name, m->namelen},
	    .from = *from};
	uint8_t msg[SAID_MAX];

	put(s, m,
	    said_new(WIRE_DEAD, inc, msg,
		wire_put_accuse(msg, sizeof(msg), WIRE_DEAD, &a)),
	    false);
}

void
hearsay_pass(struct swim *s, const struct member *m, const struct via *v)
{
	const struct claim *c = claim_of(m);

	if (c == NULL || c->first == NULL || c->first->type == WIRE_ALIVE ||
	    v->sender.ip.len == 0 ||
	    member_find_addr(&s->t, &v->sender) == NULL)
		return;
	spread_send(s, &v->sender, c->first->msg, c->first->len);
}

void
hearsay_ask(struct swim *s, struct member *m)
{
	struct wire_accuse a = {.incarnation = m->incarnation,
	    .node = swim_str(m->name),
	    .from = swim_str(s->self->name)};
	uint8_t msg[SAID_MAX];
	struct ipport at;
	struct talk *k;
	ssize_t n;

	/* A claim is shown to it anyway. */
	if (s->mode != SWIM_RUN || m->state >= MEMBER_DEAD || !m->answered ||
	    claim_of(m) != NULL || (k = hearsay_talk(s, m)) == NULL ||
	    s->now < k->shown_at + HEARSAY_GAP)
		return;
	if ((n = wire_put_accuse(msg, sizeof(msg), WIRE_SUSPECT, &a)) == -1)
		return;
	k->shown_at = s->now;
	member_ipport(m, &at);
	spread_send(s, &at, msg, (size_t)n);
}

/* Would it change nothing any more? */
static bool
is_over(const struct member *m, const struct said *sd)
{
	if (m->state >= MEMBER_DEAD)
		return sd->type != WIRE_ALIVE;
	return sd->type == WIRE_ALIVE ? sd->inc <= m->incarnation
				      : sd->inc < m->incarnation;
}

static void
claim_free(struct swim *s, struct claim *c)
{
	TAILQ_REMOVE(&s->claims, c, entry);
	c->m->talk->claim = NULL;
	free(c->first);
	free(c->next);
	free(c);
}

void
hearsay_forget(struct swim *s, struct member *m)
{
	struct talk *k = m->talk;

	if (k == NULL)
		return;
	if (k->claim != NULL)
		claim_free(s, k->claim);
	talk_free(s, k);
}

void
hearsay_settle(struct swim *s, struct member *m)
{
	struct claim *c = claim_of(m);

	if (c == NULL)
		return;
	if (c->first != NULL && is_over(m, c->first)) {
		free(c->first);
		c->first = NULL;
		c->tell_at = NEVER;
		c->due = grain(s->now);
		wake_at(s, c->due);
	}
	if (c->next != NULL && is_over(m, c->next)) {
		free(c->next);
		c->next = NULL;
	}
	if (c->first == NULL && c->next == NULL)
		claim_free(s, c);
}

/* Judge it again: as settled, or as heard just now. */
static void
merge(struct swim *s, const struct said *sd, bool settled)
{
	struct via v = {.settled = settled};
	struct wire_alive alive;
	struct wire_accuse accuse;

	/* Nobody's address: it came from somewhere. */
	v.src.ip.len = 4;
	if (sd->type == WIRE_ALIVE) {
		if (wire_get_alive(sd->msg + 1, sd->len - 1u, &alive) == 0)
			merge_alive(s, &alive, &v);
	} else if (wire_get_accuse(sd->msg + 1, sd->len - 1u, &accuse) == 0)
		merge_dead(s, &accuse, &v);
}

/* Its return. Peers take the newest message of a packet first, so they are told
 * of its end before. */
static void
come_back(struct swim *s, struct member *m, struct said *sd)
{
	struct claim *c = claim_new(s, m);

	if (c == NULL) {
		free(sd);
		return;
	}
	c->next = sd;
	c->tell_at = NEVER;
	c->due = grain(s->now + s->prof->gossip_interval);
	wake_at(s, c->due);
}

static void
claim_due(struct swim *s, struct claim *c)
{
	struct said *first = c->first, *next = c->next;
	struct member *m = c->m;

	c->first = c->next = NULL;
	claim_free(s, c);
	if (first != NULL)
		merge(s, first, true);
	if (next != NULL && first != NULL && m->state >= MEMBER_DEAD)
		come_back(s, m, next);
	else if (next != NULL) {
		merge(s, next, false);
		free(next);
	}
	free(first);
}

void
hearsay_run(struct swim *s)
{
	struct claim *c, *tmp;

	if (s->now < s->claims_at || s->mode > SWIM_LEAVING)
		return;
	s->claims_at = NEVER;
	TAILQ_FOREACH_SAFE (c, &s->claims, entry, tmp) {
		if (s->now >= c->due) {
			claim_due(s, c);
			continue;
		}
		if (s->now >= c->tell_at)
			tell(s, c);
		wake_at(s, c->due < c->tell_at ? c->due : c->tell_at);
	}
}

int64_t
hearsay_deadline(const struct swim *s)
{
	return s->mode > SWIM_LEAVING ? NEVER : s->claims_at;
}

void
hearsay_free(struct swim *s)
{
	struct claim *c;

	struct talk *k;

	while ((c = TAILQ_FIRST(&s->claims)) != NULL)
		claim_free(s, c);
	while ((k = TAILQ_FIRST(&s->talks)) != NULL)
		talk_free(s, k);
}
