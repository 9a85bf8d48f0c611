/*
 * Whom a full table gives up for a newcomer, part of the core in the gossip
 * process. Whoever holds the key can invent names without end, thousands in
 * one exchange; so a victim is found without a search, and what we know for
 * long does not give way to what was invented just now.
 *
 * First go the dead who never answered, the oldest first; then the living who
 * were never heard, the newest first, so that a flood displaces itself; then
 * the other dead; then those whose packets came but no answer, a newcomer whose
 * turn to be probed has not come yet. Nobody else is given up.
 */
#include "swim_int.h"

static enum evict_class
class_of(const struct member *m)
{
	bool dead = m->state >= MEMBER_DEAD;

	if (m->is_self)
		return EVICT_NEVER;
	if (!m->answered)
		return dead	  ? EVICT_DEAD_UNSEEN
		       : m->heard ? EVICT_HEARD
				  : EVICT_UNSEEN;
	return dead ? EVICT_DEAD : EVICT_NEVER;
}

void
evict_init(struct swim *s)
{
	unsigned i;

	for (i = 0; i < EVICT_CLASSES; i++)
		s->evict[i].first = s->evict[i].last = 0;
}

/* Between two neighbours in the list, one of which may be its end (0). */
static void
join(struct swim *s, struct evict_list *l, uint32_t prev, uint32_t next)
{
	struct member *a = member_by_id(&s->t, prev);
	struct member *b = member_by_id(&s->t, next);

	*(a != NULL ? &a->evict_next : &l->first) = next;
	*(b != NULL ? &b->evict_prev : &l->last) = prev;
}

static void
insert(struct swim *s, struct member *m, uint32_t prev, uint32_t next)
{
	struct evict_list *l = &s->evict[m->evict_class];

	join(s, l, prev, m->id);
	join(s, l, m->id, next);
}

void
evict_remove(struct swim *s, struct member *m)
{
	if (m->evict_class != EVICT_NEVER)
		join(
		    s, &s->evict[m->evict_class], m->evict_prev, m->evict_next);
	m->evict_class = EVICT_NEVER;
}

void
evict_sort(struct swim *s, struct member *m)
{
	enum evict_class to = class_of(m);

	if (to == m->evict_class)
		return;
	evict_remove(s, m);
	m->evict_class = to & 7;
	if (to == EVICT_UNSEEN || to == EVICT_HEARD)
		insert(s, m, 0, s->evict[to].first);
	else if (to != EVICT_NEVER)
		insert(s, m, s->evict[to].last, 0);
}

void
evict_answered(struct swim *s, struct member *m)
{
	m->answered = true;
	evict_sort(s, m);
}

bool
evict_one(struct swim *s)
{
	struct member *m = NULL;
	unsigned i;

	for (i = EVICT_NEVER + 1; i < EVICT_CLASSES && m == NULL; i++)
		m = member_by_id(&s->t, s->evict[i].first);
	if (m == NULL)
		return false;
	swim_forget(s, m);
	return true;
}
