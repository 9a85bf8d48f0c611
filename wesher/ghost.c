/*
 * Who is still believed where it was announced before, part of the core in the
 * gossip process. A living name's other address is a conflict to everybody, so
 * whoever missed the leave of a member that moved (having moved itself at that
 * time, for one) would refuse it for minutes; and who missed ours would take us
 * for a stranger when we join. They are told of the leave, and a second later
 * of the new address again. Any holder of the key can claim such things: the
 * answer is a packet a second for each member that moved lately, and says no
 * more than what was said before.
 */
#include "swim_int.h"

void
ghost_remember(struct swim *s, const struct ipport *at)
{
	unsigned i = s->nformer++ % FORMERS;

	s->former[i].at = *at;
	s->former[i].until = s->now + FORMER_TIME;
}

bool
ghost_is(const struct swim *s, const struct ipport *at)
{
	struct ipport mine;
	unsigned i;

	member_ipport(s->self, &mine);
	if (ipport_cmp(&mine, at) == 0)
		return false;
	for (i = 0; i < FORMERS; i++)
		if (s->now < s->former[i].until &&
		    ipport_cmp(&s->former[i].at, at) == 0)
			return true;
	return false;
}

/* A leave, to one who missed it. */
static void
tell_left(struct swim *s, const struct member *m, uint32_t inc,
    const struct ipport *to)
{
	struct wire_accuse a = {.incarnation = inc,
	    .node = swim_str(m->name),
	    .from = swim_str(m->name)};
	uint8_t msg[1024];
	ssize_t n = wire_put_accuse(msg, sizeof(msg), WIRE_DEAD, &a);

	if (n != -1)
		spread_send(s, to, msg, (size_t)n);
}

void
ghost_leave(struct swim *s, uint32_t inc, const struct ipport *to)
{
	struct member *m;

	/* Of the present incarnation it would be our end here as well. */
	if (s->mode != SWIM_RUN || inc >= s->inc || to->ip.len == 0 ||
	    s->now < s->ghost_at)
		return;
	s->ghost_at = s->now + REFUTE_GAP;
	tell_left(s, s->self, inc, to);
	/* Peers take the newest message of a packet first: not both at once. */
	if ((m = member_find_addr(&s->t, to)) == NULL || m->is_self)
		return;
	m->announce = ANNOUNCE_DUE;
	if (s->announce_at == NEVER)
		s->announce_at = s->now + MOVE_SILENCE;
}

void
ghost_moved(
    struct swim *s, struct member *m, const struct ipport *from, uint32_t inc)
{
	ghost_forget(s, m);
	s->moved[s->nmoved++ % MOVED_MAX] = (struct moved){
	    m, *from, inc, s->now + FORMER_TIME, NEVER};
}

void
ghost_forget(struct swim *s, const struct member *m)
{
	unsigned i;

	for (i = 0; i < MOVED_MAX; i++)
		if (s->moved[i].m == m)
			s->moved[i].m = NULL;
}

bool
ghost_stale(struct swim *s, const struct member *m, const struct ipport *at,
    uint32_t inc, const struct via *v)
{
	struct moved *g = NULL;
	unsigned i;

	for (i = 0; i < MOVED_MAX && g == NULL; i++)
		if (s->moved[i].m == m)
			g = &s->moved[i];
	if (g == NULL || s->now >= g->until || inc > g->inc ||
	    ipport_cmp(&g->from, at) != 0)
		return false;
	/*
	 * A name that left may be back below the incarnation it left with: the
	 * leave, passed on, would be its end at the new address, too.
	 */
	if (s->mode == SWIM_RUN && g->retell_at == NEVER &&
	    m->incarnation > g->inc && v->sender.ip.len != 0) {
		tell_left(s, m, g->inc, &v->sender);
		g->retell_at = s->now + MOVE_SILENCE;
	}
	return true;
}

void
ghost_run(struct swim *s)
{
	unsigned i;

	for (i = 0; i < MOVED_MAX; i++) {
		struct moved *g = &s->moved[i];

		if (g->m == NULL || s->now < g->retell_at)
			continue;
		g->retell_at = NEVER;
		if (g->m->state < MEMBER_DEAD)
			spread_alive(s, g->m, false);
	}
}

int64_t
ghost_deadline(const struct swim *s)
{
	int64_t d = NEVER;
	unsigned i;

	for (i = 0; i < MOVED_MAX; i++)
		if (s->moved[i].m != NULL && s->moved[i].retell_at < d)
			d = s->moved[i].retell_at;
	return d;
}
