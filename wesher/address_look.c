/*
 * Look before we join, part of the mesh of the gossip process. A newcomer asks
 * for everybody's state without telling its own (a push/pull with Nodes = 0),
 * takes the first of its attempts whose address nobody claims, and joins then.
 * Until it has, it answers nobody. Who has chosen in an earlier run joins at
 * once: the others know it, or will judge (address.c).
 *
 * The answers come from whoever sits at an address that the operator, a name
 * server or the state file gave us, and holds the key. It may claim what it
 * likes in other members' names; a look changes nothing but our choice, and
 * only of addresses that a name could have by right.
 */
#include <stdlib.h>
#include <string.h>

#include "../common/log.h"
#include "mesh_int.h"

/* So long a newcomer is nobody, whether its targets answer or not. */
#define HIDE_MAX (3 * US_PER_S)

/* So long a restarted one waits for a mesh that lists it. */
#define ASK_MAX (30 * US_PER_S)

/* One join that looks first. */
struct look {
	TAILQ_ENTRY(look) entry;
	struct ipport to;
	uint32_t id; /* of the look; join.c knows the whole by it */
	uint32_t now; /* of what is under way, 0: it waits for the choice */
	bool refused; /* a living member has our name there */
};

void
address_look_free(struct address *a)
{
	struct look *l;

	while ((l = TAILQ_FIRST(&a->looks)) != NULL) {
		TAILQ_REMOVE(&a->looks, l, entry);
		free(l);
	}
	free(a->seen);
	a->seen = NULL;
}

void
address_up(struct mesh *m, int64_t now)
{
	struct address *a = &m->addr;

	a->first_inc = swim_incarnation(m->swim);
	if (m->state.has_attempt && !m->conf->init && join_pending(m->join) > 0)
		a->ask_until = now + ASK_MAX;
	if ((m->state.has_attempt && !m->conf->init) ||
	    m->conf->overlay_addr.len != 0 || join_pending(m->join) == 0)
		address_chosen(m, now);
	else
		a->hidden_until = now + HIDE_MAX;
}

bool
address_hidden(const struct mesh *m, int64_t now)
{
	return now < m->addr.hidden_until;
}

void
address_chosen(struct mesh *m, int64_t now)
{
	struct address *a = &m->addr;

	a->chosen = true;
	a->decide = false;
	a->hidden_until = now;
	free(a->seen);
	a->seen = NULL;
	if (m->conf->overlay_addr.len != 0)
		return;
	m->state.has_attempt = true;
	m->state.attempt = m->attempt;
	m->save_at = now;
}

static uint32_t
look_start(struct mesh *m, int64_t now, const struct ipport *to)
{
	struct address *a = &m->addr;
	struct look *l;

	if (a->seen == NULL) {
		if ((a->seen = malloc(sizeof(*a->seen))) == NULL)
			return 0;
		attempts_init(a->seen, &m->conf->overlay, m->name);
	}
	if ((l = calloc(1, sizeof(*l))) == NULL)
		return 0;
	l->to = *to;
	l->id = l->now = swim_join(m->swim, now, to, SWIM_JOIN_LOOK);
	if (l->id == 0) {
		free(l);
		return 0;
	}
	TAILQ_INSERT_TAIL(&a->looks, l, entry);
	return l->id;
}

uint32_t
address_join(struct mesh *m, int64_t now, const struct ipport *to)
{
	/* Somebody has joined us meanwhile: we are known. */
	if (!m->addr.chosen && m->addr.seen == NULL &&
	    swim_members(m->swim)->n > 1)
		address_chosen(m, now);
	return m->addr.chosen ? swim_join(m->swim, now, to, 0)
			      : look_start(m, now, to);
}

void
address_seen(struct mesh *m, const struct swim_seen *e)
{
	struct claimed c;

	if (m->addr.seen != NULL &&
	    address_claim(m, e->name, e->namelen, e->meta, e->metalen, &c))
		attempts_mark(
		    m->addr.seen, &c.addr, address_use(m, &c, e->state));
}

/* Whose join is due. */
static struct look *
look_due(const struct address *a)
{
	struct look *l;

	TAILQ_FOREACH (l, &a->looks, entry)
		if (l->now == 0 && (a->chosen || l->refused))
			return l;
	return NULL;
}

static struct look *
look_find(struct address *a, uint32_t id)
{
	struct look *l;

	TAILQ_FOREACH (l, &a->looks, entry)
		if (l->now == id)
			return l;
	return NULL;
}

/* The look that failed was the last: others may learn of us. */
static void
look_over(struct mesh *m)
{
	if (TAILQ_EMPTY(&m->addr.looks))
		m->addr.hidden_until = m->now;
}

bool
address_looked(struct mesh *m, const struct swim_join_result *res, uint32_t *id)
{
	struct address *a = &m->addr;
	struct look *l = look_find(a, res->id);

	if (res->ok && !res->only_self)
		address_listed(m, res);
	*id = l != NULL ? l->id : res->id;
	if (l == NULL)
		return false;
	if (l->now == l->id && res->ok && !res->only_self) {
		l->now = 0;
		a->decide = !a->chosen;
		return true;
	}
	/* They shall know, too: a join says so, and is refused. */
	if (l->now == l->id && res->refused_name) {
		l->now = 0;
		l->refused = true;
		return true;
	}
	TAILQ_REMOVE(&a->looks, l, entry);
	free(l);
	look_over(m);
	return false;
}

/* The first that is free, but where the others know us we stay. */
static int
choice(const struct mesh *m)
{
	const struct address *a = &m->addr;

	if (!m->conf->init && a->own != -1 &&
	    a->seen->use[a->own] <= ATTEMPT_GONE)
		return a->own;
	return attempts_pick(a->seen, address_from(m));
}

static void
decide(struct mesh *m, int64_t now)
{
	struct address *a = &m->addr;
	char buf[IPADDR_STRLEN];
	int attempt;

	a->decide = false;
	address_mark(m, a->seen);
	if ((attempt = choice(m)) == -1) {
		address_full(m, now, a->seen);
		if ((attempt = attempts_find(a->seen, ATTEMPT_STRONG)) == -1)
			attempt = m->attempt;
	} else if (a->seen->use[m->attempt] > ATTEMPT_GONE)
		log_info("the overlay address %s is another member's: taking "
			 "the next",
		    ipaddr_str(&m->self, buf));
	if (attempt == m->attempt)
		address_chosen(m, now);
	else
		address_ask(m, now, (unsigned)attempt);
}

void
address_look_follow(struct mesh *m, int64_t now)
{
	struct address *a = &m->addr;
	struct look *l;
	uint32_t id;

	if (a->decide && !a->moving)
		decide(m, now);
	while ((l = look_due(a)) != NULL) {
		if ((l->now = swim_join(m->swim, now, &l->to, 0)) != 0)
			continue;
		id = l->id;
		TAILQ_REMOVE(&a->looks, l, entry);
		free(l);
		join_tried(m->join, now, id, JOIN_FAILED, "out of memory");
	}
}
