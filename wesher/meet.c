/*
 * When two groups of members meet, part of the core in the gossip process.
 * Gossip goes to members at random, a limited number of times, and most of
 * them know already, so it can miss the few of a small group until the next
 * usual exchange. Each of them gets an exchange of its own.
 *
 * Names can be made up and given up as fast as packets are sent, and each of
 * those exchanges is a whole table that makes its receiver tell its few: so it
 * is done now and again, and members of the original get no two portions at
 * once.
 */
#include "swim_int.h"

unsigned
meet_few(const struct swim *s, struct ipport few[FEW])
{
	unsigned i, n = 0;

	for (i = 0; i < s->t.n; i++) {
		if (s->t.list[i]->is_self ||
		    s->t.list[i]->state != MEMBER_ALIVE)
			continue;
		if (n == FEW)
			return 0;
		member_ipport(s->t.list[i], &few[n++]);
	}
	return n;
}

static void
tell(struct swim *s)
{
	unsigned i, n = s->nfew;
	struct member *m;

	s->nfew = 0;
	s->few_at = s->now + BURST_GAP;
	for (i = 0; i < n; i++) {
		m = member_find_addr(&s->t, &s->few[i]);
		if (m != NULL && m->state == MEMBER_ALIVE && spread_is_heard(m))
			pushpull_start(s, &s->few[i], USE_PERIODIC);
	}
}

void
meet_groups(struct swim *s, const struct ipport *few, unsigned n,
    const struct ipport *sender)
{
	unsigned i;

	/* Those who wait will be told of these, too. */
	if (s->mode != SWIM_RUN || s->nfew > 0)
		return;
	for (i = 0; i < n; i++)
		if (ipport_cmp(&few[i], sender) != 0)
			s->few[s->nfew++] = few[i];
	meet_run(s);
}

void
meet_run(struct swim *s)
{
	if (s->nfew > 0 && s->now >= s->few_at)
		tell(s);
}

int64_t
meet_deadline(const struct swim *s)
{
	return s->nfew > 0 ? s->few_at : NEVER;
}
