/*
 * Priming: who sends the first datagram into a new tunnel, and when, so that
 * exactly one end initiates the handshake (protocol.md section 9). Two
 * initiations that cross cost 5 s.
 *
 * One forged alive must not draw everybody's handshakes to a victim: nothing
 * is sent before an authenticated packet came from that address.
 */
#include <string.h>

#include "../common/log.h"
#include "peers_int.h"

#define LATER	    PRIME_LATER
#define JITTER	    (1 * US_PER_S)
#define GOSSIP_WAIT (300 * US_PER_MS) /* its direct alive may still come */
#define STATS_WAIT  (250 * US_PER_MS) /* for the answer of wesher-priv */
#define STATS_OLD   (1 * US_PER_S)
#define GRAIN	    (50 * US_PER_MS) /* of primings in a large mesh */
#define PRIMES_MAX  4
#define CROSS_WAIT  (600 * US_PER_MS) /* and no handshake: they crossed */
/* And no handshake, but something came: the same. WireGuard takes initiations
 * of one peer that are 20 ms apart. */
#define CROSS_SOON  (22 * US_PER_MS)
#define CROSS_LOOKS 3
#define POKE_AFTER  (1 * US_PER_S)
/* Who received something and has nothing to send says so after 10 s. */
#define PASSIVE (12 * US_PER_S)

static int64_t
jitter(struct peers *ps, int64_t span)
{
	return (int64_t)(ps->cfg.ops->random(ps->cfg.arg) % 1024) * span / 1024;
}

static void
plan(struct peers *ps, struct peer *p, int64_t now)
{
	int64_t at = now;

	switch (p->news) {
	case PEERS_DIRECT:
		/* A newcomer in a large mesh: not all of us at once. */
		if (ps->n > SPREAD_FROM)
			at += jitter(ps, (int64_t)ps->n * 10 * US_PER_MS);
		break;
	case PEERS_GOSSIP:
		if (memcmp(ps->cfg.self_key, p->have.key, WG_KEY_LEN) < 0) {
			at += GOSSIP_WAIT + jitter(ps, GOSSIP_WAIT);
			break;
		}
		/* FALLTHROUGH */
	case PEERS_JOINING:
	case PEERS_ASKED:
		at += LATER + jitter(ps, JITTER);
		break;
	}
	/* Each wake-up looks at all peers: few of them for many. */
	if (ps->n > SPREAD_FROM && at > now)
		at += GRAIN - at % GRAIN;
	p->primes = 0;
	peer_at(ps, &p->prime_at, at);
}

/* Does the kernel have, or get, the key and endpoint that are wanted? */
static bool
is_same_end(const struct peer *p)
{
	const struct tunnel *t = p->busy == PEER_SETTING ? &p->sent : &p->have;

	return (p->applied || p->busy == PEER_SETTING) &&
	       memcmp(t->key, p->want.key, WG_KEY_LEN) == 0 &&
	       ipport_cmp(&t->endpoint, &p->want.endpoint) == 0;
}

void
prime_news(struct peers *ps, struct peer *p, int64_t now, enum peers_news news)
{
	if (!p->wanted) {
		p->prime_at = p->poke_at = NEVER;
		return;
	}
	/* Hearsay about who we know does not change whose turn it is. */
	if (news == PEERS_GOSSIP && is_same_end(p))
		return;
	p->news = news;
	p->uncrossed = false;
	p->looks = 0;
	if (!p->applied || news != PEERS_DIRECT || p->nudge != NUDGE_NO)
		return;
	/*
	 * It may have lost its session, and be unable to begin another: its
	 * clock is behind, so that its initiations pass for replays. What we
	 * send finds that out, and WireGuard begins one from this end.
	 */
	p->knock = p->handshake != 0;
	if (p->knock || p->primes == 0 || now - p->primed_at > LATER)
		plan(ps, p, now);
}

void
prime_applied(
    struct peers *ps, struct peer *p, int64_t now, bool fresh, bool moved)
{
	p->nudge = moved && !fresh ? NUDGE_SEND : NUDGE_NO;
	p->patient = false;
	if (fresh || moved) {
		p->knock = false;
		plan(ps, p, now);
	}
	p->poke_step = 0;
}

void
peers_moved(struct peers *ps, int64_t now, bool surely)
{
	struct peer_slot *s;
	struct peer *p;

	ps->now = now;
	TAILQ_FOREACH (s, &ps->all, all) {
		if ((s->p == NULL && (!s->applied || !s->wanted)) ||
		    (p = peer_wake(ps, s)) == NULL || !p->applied || !p->wanted)
			continue;
		p->patient = !surely && (p->patient || p->nudge == NUDGE_NO);
		p->nudge = NUDGE_SEND;
		p->primes = 0;
		peer_at(ps, &p->prime_at, now);
		if (ps->n > SPREAD_FROM)
			p->prime_at += jitter(
			    ps, (int64_t)ps->n * US_PER_MS / 2);
	}
}

void
prime_listen(struct peers *ps, struct peer *p, int64_t now)
{
	p->patient = true;
	p->nudge = NUDGE_SEND;
	p->primes = 0;
	peer_at(ps, &p->prime_at, now);
}

void
peers_stir(struct peers *ps, int64_t now)
{
	struct peer_slot *s;
	struct peer *p;

	ps->now = now;
	TAILQ_FOREACH (s, &ps->all, all) {
		/* Who never answered has no session to lose. */
		if ((s->p == NULL && (!s->applied || !s->wanted ||
					 !s->t.plain || s->parked)) ||
		    (p = peer_wake(ps, s)) == NULL || !p->applied ||
		    !p->wanted || !p->have.plain || p->hold == HOLD_ON)
			continue;
		p->poke_step = 0;
		p->poke_since = now + POKE_AFTER;
		peer_at(ps, &p->poke_at, p->poke_since);
	}
}

void
prime_counted(struct peers *ps, int64_t now)
{
	struct peer *p;

	TAILQ_FOREACH (p, &ps->awake, awake)
		if (p->prime_at == p->asked)
			peer_at(ps, &p->prime_at, now);
}

bool
peer_stats_fresh(struct peers *ps, int64_t now, int64_t since)
{
	bool answered = ps->stats_got >= ps->stats_at;

	if (answered && ps->stats_at >= since)
		return true;
	if (answered || now - ps->stats_at >= STATS_OLD) {
		ps->stats_at = now;
		ps->stats_seq = ps->cfg.ops->stats(ps->cfg.arg);
	}
	return false;
}

/* A busy machine takes longer: each look is twice as late as the one before. */
static int64_t
first_look(struct peers *ps, const struct peer *p)
{
	int64_t soon = CROSS_SOON << p->looks;

	return p->looks == CROSS_LOOKS || ps->n > SPREAD_FROM
		   ? CROSS_WAIT
		   : soon + jitter(ps, soon / 2);
}

static bool
may_have_crossed(const struct peer *p)
{
	return p->news == PEERS_DIRECT && p->primes == 1 && !p->uncrossed;
}

/* How young the counters have to be, for this look at the peer. */
static int64_t
stats_since(const struct peer *p, int64_t now)
{
	if (!may_have_crossed(p))
		return now - STATS_OLD;
	if (now < p->primed_at + CROSS_WAIT)
		return p->primed_at + CROSS_SOON;
	return p->primed_at + CROSS_WAIT;
}

/*
 * Our prime met a packet of the other end: both sent an initiation, each took
 * the other's and refused the response. WireGuard tries again after 5 s; the
 * end that primed removes and adds the peer instead, once. True: that was it,
 * or it is too early to tell. Both ends do not look at the same moment.
 */
static bool
uncross(struct peers *ps, struct peer *p, int64_t now)
{
	if (!may_have_crossed(p))
		return false;
	if (p->rx == 0 && p->looks == 0 && now < p->primed_at + CROSS_WAIT) {
		p->prime_at = p->primed_at + CROSS_WAIT;
		return true;
	}
	/* WireGuard may have taken the second for a flood: more looks. */
	if (now < p->primed_at + CROSS_WAIT)
		p->looks++;
	else
		p->uncrossed = true;
	log_debug("no handshake with %s yet: anew", p->name);
	p->prime_at = NEVER;
	peer_reset(ps, p);
	return true;
}

/* Nothing came back: the peer is removed and added, by one end at first. */
static void
nudge_over(struct peers *ps, struct peer *p)
{
	p->nudge = NUDGE_NO;
	p->prime_at = NEVER;
	if (p->rx != p->rx_mark)
		return;
	log_debug("%s does not answer after a move: anew", p->name);
	p->news = PEERS_DIRECT;
	p->uncrossed = false;
	peer_reset(ps, p);
}

/*
 * A datagram shows the other end where we are, at once. A second one is to be
 * answered, by ICMP as a rule: where nothing comes back WireGuard may still use
 * a source address that is gone (a userspace one does for 15 s). A firewall may
 * keep the ICMP back, so who only may have moved waits for WireGuard's own.
 */
static void
nudge(struct peers *ps, struct peer *p, int64_t now)
{
	bool first = memcmp(ps->cfg.self_key, p->have.key, WG_KEY_LEN) < 0;
	int64_t wait = p->patient ? PASSIVE : LATER;

	if (p->nudge != NUDGE_SEND &&
	    !peer_stats_fresh(ps, now, p->primed_at)) {
		p->prime_at = now + STATS_WAIT;
		return;
	}
	if (p->nudge == NUDGE_LISTEN) {
		nudge_over(ps, p);
		return;
	}
	log_debug("showing %s where we are", p->name);
	ps->cfg.ops->prime(ps->cfg.arg, &p->have.addr);
	p->rx_mark = p->rx;
	if (p->nudge == NUDGE_SEND) {
		p->nudge = NUDGE_MARK;
		p->prime_at = now + POKE_AFTER;
	} else {
		p->nudge = p->handshake != 0 ? NUDGE_LISTEN : NUDGE_NO;
		p->prime_at = now + wait + (first ? 0 : LATER);
	}
	/* Counters have to be younger than what is done next. */
	p->primed_at = p->prime_at;
	p->primes = 1;
}

static void
prime_due(struct peers *ps, struct peer *p, int64_t now)
{
	if (p->applied && p->knock && p->nudge == NUDGE_NO) {
		p->knock = false;
		p->prime_at = NEVER;
		ps->cfg.ops->prime(ps->cfg.arg, &p->have.addr);
		return;
	}
	if (!p->applied ||
	    (p->has_stat && p->handshake != 0 && p->nudge == NUDGE_NO) ||
	    p->primes >= PRIMES_MAX) {
		p->prime_at = NEVER;
		return;
	}
	if (p->news != PEERS_DIRECT && !p->m->answered) {
		p->prime_at = now + US_PER_S - now % US_PER_S;
		return;
	}
	if (p->nudge != NUDGE_NO) {
		nudge(ps, p, now);
		return;
	}
	if ((p->news != PEERS_DIRECT || p->primes > 0) &&
	    !peer_stats_fresh(ps, now, stats_since(p, now))) {
		p->asked = p->prime_at = now + STATS_WAIT;
		return;
	}
	if (uncross(ps, p, now))
		return;
	log_debug("priming the tunnel to %s", p->name);
	ps->cfg.ops->prime(ps->cfg.arg, &p->have.addr);
	p->primed_at = now;
	/* WireGuard itself retries for 90 s; look again now and then. */
	p->prime_at = now + (10 * US_PER_S << (2 * p->primes));
	p->primes++;
	if (may_have_crossed(p))
		p->prime_at = now + first_look(ps, p);
}

/*
 * A member of the original wiped its side of the session: poke it; when
 * nothing comes back, have that one peer removed and added.
 */
static void
poke_due(struct peers *ps, struct peer *p, int64_t now)
{
	p->poke_at = NEVER;
	if (!p->applied || !p->m->answered)
		return;
	p->poke_at = now + STATS_WAIT;
	if (!peer_stats_fresh(ps, now, p->poke_since))
		return;
	switch (p->poke_step) {
	case 0:
		p->rx_mark = p->rx;
		ps->cfg.ops->prime(ps->cfg.arg, &p->have.addr);
		p->poke_at = p->poke_since = now + POKE_AFTER;
		p->poke_step = 2;
		break;
	default:
		p->poke_at = NEVER;
		if (p->rx != p->rx_mark)
			break;
		log_debug("%s does not answer in the tunnel: anew", p->name);
		p->news = PEERS_DIRECT;
		peer_reset(ps, p);
	}
}

void
prime_tick(struct peers *ps, struct peer *p, int64_t now)
{
	if (p->m == NULL || !p->wanted) {
		p->prime_at = p->poke_at = NEVER;
		return;
	}
	if (p->prime_at <= now)
		prime_due(ps, p, now);
	if (p->poke_at <= now)
		poke_due(ps, p, now);
}
