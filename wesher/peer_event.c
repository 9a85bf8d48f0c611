/*
 * What is told about tunnels, in the gossip process: why a member gets none,
 * and, while somebody follows, which of them come up or grow stale. The kernel
 * says neither of these, so its counters are asked for now and then, and
 * compared; they are wesher-priv's word.
 *
 * A tunnel that nobody uses makes no handshake, and nothing is wrong with it.
 * One whose session is over and that sends all the same begins handshakes: if
 * the looks after that find none, nobody answers them.
 */
#include <stdio.h>

#include "event.h"
#include "peers_int.h"

#define LOG_EVERY  60 /* s, for one member */
#define LOOK_EVERY (5 * US_PER_S)

/* A member gone bad may change its mind with every packet. */
void
peer_log_why(struct peers *ps, struct peer *p)
{
	uint32_t now = (uint32_t)(ps->now / US_PER_S) + 1;
	struct event_news ev = {.kind = EVENT_REFUSED,
	    .level = LOG_L_WARN,
	    .member = p->name,
	    .overlay = p->meta.overlay};
	struct peer_slot *s = p->slot;
	char why[320];

	peer_words(ps, p, why, sizeof(why));
	if (p->m != NULL)
		member_ipport(p->m, &ev.addr);
	ev.why = why;
	if ((s->logged != 0 && now - s->logged < LOG_EVERY) ||
	    !quiet_may(&ps->quiet, ps->now))
		ev.level = LOG_L_DEBUG;
	else
		s->logged = now;
	event_sayf(&ev, "%s gets no tunnel: %s", p->name, why);
}

void
peers_watch(struct peers *ps, int64_t now, bool on)
{
	/* What is up by then was so before anybody asked. */
	ps->watch = on ? WATCH_BASE : WATCH_OFF;
	ps->watch_at = NEVER;
	ps->watch_since = now;
	if (on)
		peer_at(ps, &ps->watch_at, now);
}

void
peer_watch_tick(struct peers *ps)
{
	if (ps->watch_at > ps->now) {
		peer_at(ps, &ps->watch_at, ps->watch_at);
		return;
	}
	(void)peer_stats_fresh(ps, ps->now, ps->now);
	ps->watch_seq = ps->stats_seq;
	peer_at(ps, &ps->watch_at, ps->now + LOOK_EVERY);
}

static struct event_news
news_of(const struct peer_slot *s, enum event_kind kind)
{
	struct event_news ev = {.kind = kind,
	    .level = LOG_L_DEBUG,
	    .member = s->m->name,
	    .overlay = s->t.addr};

	member_ipport(s->m, &ev.addr);
	return ev;
}

static void
tell_up(const struct peer_slot *s)
{
	struct event_news ev = news_of(s, EVENT_TUNNEL_UP);

	event_sayf(&ev, "the tunnel to %s is up", s->m->name);
}

static void
tell_stale(const struct peer_slot *s, int64_t age)
{
	struct event_news ev = news_of(s, EVENT_TUNNEL_STALE);
	char why[96];

	snprintf(why, sizeof(why),
	    "the last handshake was %lld s ago, and new ones get no answer",
	    (long long)age);
	ev.why = why;
	event_sayf(&ev, "the tunnel to %s is stale", s->m->name);
}

/* Its session is over: does it try to begin another, and since the last look?
 * Others have the counters asked for, too, as often as they like. */
static bool
is_stale(const struct peers *ps, struct peer_slot *s, uint64_t tx,
    const struct priv_stat *st)
{
	if (s->tries == 0 && st->tx > tx)
		s->tries = 1;
	if (s->tries == 0 || st->h.seq != ps->watch_seq)
		return false;
	return s->tries++ == 2;
}

void
peer_watch_stat(struct peers *ps, struct peer_slot *s, uint64_t tx,
    const struct priv_stat *st)
{
	bool tells = ps->watch == WATCH_ON && s->m != NULL, was = s->up;
	int64_t age;

	if (ps->cfg.ops->wall == NULL || ps->watch == WATCH_OFF)
		return;
	age = ps->cfg.ops->wall(ps->cfg.arg) - (int64_t)st->handshake;
	if (st->handshake == 0 || age <= PEER_SESSION) {
		s->tries = 0;
		s->up = st->handshake != 0;
		if (tells && s->up && !was)
			tell_up(s);
		return;
	}
	if (!s->up || !is_stale(ps, s, tx, st))
		return;
	s->up = false;
	s->tries = 0;
	if (tells && s->m->state < MEMBER_DEAD)
		tell_stale(s, age);
}

void
peer_watch_counted(struct peers *ps)
{
	if (ps->watch == WATCH_BASE && ps->stats_at >= ps->watch_since)
		ps->watch = WATCH_ON;
}
