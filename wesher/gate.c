/*
 * Streams before they have shown the key, in the gossip process: which of them
 * give way when there are too many, or when they hold too much.
 *
 * All of these are strangers who may declare any length, send a byte a minute
 * and come from ten thousand addresses. Nothing is counted but what they sent.
 * A place is lost to who makes more progress, so that those who only wait keep
 * nobody out; a quarter of the places and of the memory is closed to strangers
 * with larger streams, so that members, and joiners whose first state is small,
 * get through a flood of them.
 *
 * The limit for one source counts the streams that have not shown the key: for
 * a member that is one round trip, so members behind one address do not meet
 * it, and a member's own address does not count for its /64.
 */
#include <string.h>

#include "gate.h"

#define OPEN_MIN 1000000 /* us: an answer may take that undisturbed */

void
gate_init(struct gate *g)
{
	memset(g, 0, sizeof(*g));
	TAILQ_INIT(&g->list);
}

void
gate_enter(struct gate *g, struct gate_entry *e, enum gate_who who,
    const struct ipaddr *source, int64_t now)
{
	memset(e, 0, sizeof(*e));
	e->who = who;
	e->source = *source;
	/* Who has one IPv6 address has 2^64. */
	if (who == GATE_STRANGER && source->len == 16)
		memset(e->source.b + 8, 0, 8);
	e->since = e->window = now;
	/* A newcomer shall not be the idlest of all. */
	e->progress[0] = GATE_SMALL;
	TAILQ_INSERT_TAIL(&g->list, e, entry);
	g->streams += who != GATE_ASKED;
}

void
gate_leave(struct gate *g, struct gate_entry *e)
{
	TAILQ_REMOVE(&g->list, e, entry);
	g->streams -= e->who != GATE_ASKED;
	g->held -= e->held;
	g->owed -= e->owed;
}

/* Let the windows of its progress move on. */
static void
slide(struct gate_entry *e, int64_t now)
{
	if (now - e->window < GATE_WINDOW)
		return;
	e->progress[1] = now - e->window < 2 * GATE_WINDOW ? e->progress[0] : 0;
	e->progress[0] = 0;
	e->window = now;
}

void
gate_holds(struct gate *g, struct gate_entry *e, size_t held, int64_t now)
{
	slide(e, now);
	if (held > e->held)
		e->progress[0] += held - e->held;
	g->held += held - e->held;
	e->held = held;
}

void
gate_opened(struct gate *g, struct gate_entry *e, int64_t now)
{
	g->held -= e->held;
	e->held = 0;
	e->open = true;
	e->answered = now;
}

void
gate_owes(struct gate *g, struct gate_entry *e, size_t bytes)
{
	g->owed += bytes;
	e->owed += bytes;
}

static bool
is_strange(const struct gate_entry *e, const struct gate_entry *than)
{
	(void)than;
	return e->who == GATE_STRANGER && !e->open;
}

static bool
is_unproven(const struct gate_entry *e, const struct gate_entry *than)
{
	(void)than;
	return e->who != GATE_ASKED && !e->open;
}

/* Of one source, and equally unproven. */
static bool
is_twin(const struct gate_entry *e, const struct gate_entry *than)
{
	return !e->open && e->who == than->who &&
	       ipaddr_eq(&e->source, &than->source);
}

static bool
is_large_stranger(const struct gate_entry *e, const struct gate_entry *than)
{
	return is_strange(e, than) && e->held > GATE_SMALL;
}

static bool
holds(const struct gate_entry *e, const struct gate_entry *than)
{
	(void)than;
	return e->held > 0;
}

typedef bool pick_fn(const struct gate_entry *e, const struct gate_entry *than);

/* How many, and how many bytes of them are held. */
static unsigned
count(const struct gate *g, pick_fn *pick, const struct gate_entry *than,
    size_t *held)
{
	const struct gate_entry *e;
	unsigned n = 0;

	*held = 0;
	TAILQ_FOREACH (e, &g->list, entry)
		if (pick(e, than)) {
			n++;
			*held += e->held;
		}
	return n;
}

static size_t
progress(struct gate_entry *e, int64_t now)
{
	slide(e, now);
	return e->progress[0] + e->progress[1];
}

/* Of equally slow ones, who holds most; of those, who came first. */
static struct gate_entry *
slowest(
    struct gate *g, pick_fn *pick, const struct gate_entry *than, int64_t now)
{
	struct gate_entry *e, *worst = NULL;
	size_t have, least = 0;

	TAILQ_FOREACH (e, &g->list, entry) {
		if (!pick(e, than))
			continue;
		have = progress(e, now);
		if (worst == NULL || have < least ||
		    (have == least && e->held > worst->held)) {
			worst = e;
			least = have;
		}
	}
	return worst;
}

/* A member that does not take its answer: whose has waited longest. Each may
 * be a moment undisturbed, then it is e that goes. */
static struct gate_entry *
idlest(struct gate *g, struct gate_entry *e, int64_t now)
{
	struct gate_entry *q, *oldest = NULL;

	TAILQ_FOREACH (q, &g->list, entry)
		if (q->open && q != e &&
		    (oldest == NULL || q->answered < oldest->answered))
			oldest = q;
	return oldest != NULL && now - oldest->answered >= OPEN_MIN ? oldest
								    : e;
}

/* All places are taken. */
static struct gate_entry *
make_room(struct gate *g, struct gate_entry *e, int64_t now)
{
	struct gate_entry *q;

	if ((q = slowest(g, is_strange, e, now)) != NULL && q != e)
		return q;
	if ((q = slowest(g, is_unproven, e, now)) != NULL && q != e)
		return q;
	return idlest(g, e, now);
}

/* The memory is full: members' streams need more than their quarter. */
static struct gate_entry *
make_space(struct gate *g, const struct gate_entry *e, int64_t now)
{
	struct gate_entry *q = slowest(g, is_large_stranger, e, now);

	return q != NULL ? q : slowest(g, holds, e, now);
}

struct gate_entry *
gate_surplus(struct gate *g, struct gate_entry *e, int64_t now)
{
	unsigned most = e->who == GATE_MEMBER ? GATE_PER_MEMBER
					      : GATE_PER_SOURCE;
	size_t held;

	if (is_unproven(e, e) && count(g, is_twin, e, &held) > most)
		return slowest(g, is_twin, e, now);
	if (is_strange(e, e) && count(g, is_strange, e, &held) > GATE_STRANGERS)
		return slowest(g, is_strange, e, now);
	if (g->streams > GATE_STREAMS)
		return make_room(g, e, now);
	if (g->owed > GATE_OWED)
		return idlest(g, e, now);
	if (is_large_stranger(e, e)) {
		(void)count(g, is_large_stranger, e, &held);
		if (held > GATE_STRANGE)
			return slowest(g, is_large_stranger, e, now);
	}
	return g->held > GATE_BYTES ? make_space(g, e, now) : NULL;
}

int64_t
gate_deadline(const struct gate_entry *e, int64_t phase, int64_t now)
{
	int64_t whole = e->since + phase + phase / 2;

	return now + phase < whole ? now + phase : whole;
}
