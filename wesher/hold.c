/*
 * Tunnels of members that are called gone. Whoever holds the cluster key can
 * call a member failed or left, and the membership may believe it for a while;
 * the tunnel does not: packets that come out of it were sealed by the member
 * itself. So tunnel, route and hosts line of one that left stay 5 s longer, and
 * on while received bytes rise; of one that failed, while its handshake is
 * young and received bytes rise; neither beyond --hold-down. Nobody else gets
 * the address or the key meanwhile, and when the name is back, another key or
 * endpoint is taken only if the member said goodbye itself, or says this from
 * the address that we knew, or WireGuard has followed it there; or, of the same
 * key, if nothing answers in the tunnel.
 *
 * Who is alive to the membership may be away all the same, for the seconds in
 * which its process is started again, and cannot refute that it has another key
 * now. So of a tunnel in use what others say of its key waits likewise; but not
 * of a member of the original, which has a new one at each start and tells none
 * but the member that it joins.
 *
 * A peer that has really gone removed its interface: nothing comes any more.
 */
#include <string.h>

#include "peers_int.h"

#define LEFT_WINDOW (5 * US_PER_S)
/* Who only receives says so after 10 s: WireGuard's passive keepalive. */
#define DEAD_WINDOW (15 * US_PER_S)
/* Nothing heard of who left, nor an answer: it may have moved, as it says. */
#define MOVE_WINDOW (1 * US_PER_S)
#define SESSION	    180 /* s that WireGuard uses one at most */
#define LOOK_EVERY  (1 * US_PER_S)
#define LOOK_RARELY (2 * US_PER_S) /* each is a look at all peers */
#define LOOK_WAIT   (250 * US_PER_MS) /* for the answer of wesher-priv */
#define LOOK_MAX    (5 * US_PER_S)

static bool
is_gone(const struct peer *p)
{
	return p->m == NULL || p->m->state >= MEMBER_DEAD;
}

static bool
has_left(const struct peer *p)
{
	return p->m != NULL && p->m->state == MEMBER_LEFT;
}

static void
set_connected(struct peer *p, bool connected)
{
	if (p->m != NULL)
		p->m->connected = connected;
}

static void
begin(struct peers *ps, struct peer *p, enum peers_news news)
{
	p->hold = HOLD_ON;
	p->hold_said = has_left(p) && news == PEERS_DIRECT;
	p->hold_left = has_left(p);
	p->hold_based = p->hold_proven = false;
	p->hold_since = p->hold_rose = p->hold_due = ps->now;
	p->prime_at = p->poke_at = NEVER;
	p->nudge = NUDGE_NO;
	peer_at(ps, &p->hold_at, ps->now);
}

static void
end(struct peer *p, enum peer_hold how)
{
	p->hold = how;
	p->hold_at = NEVER;
	set_connected(p, false);
}

/* Do others say, of one that was not gone, that it has another key? */
static bool
is_rekeyed(const struct peers *ps, const struct peer *p, enum peers_news news)
{
	struct peer now = *p;

	return p->hold == HOLD_NO && p->wanted && p->applied &&
	       !p->have.plain && p->handshake != 0 &&
	       (news == PEERS_GOSSIP || news == PEERS_JOINING) &&
	       peer_judge(&ps->cfg, &now) == PEER_PENDING &&
	       memcmp(now.want.key, p->have.key, WG_KEY_LEN) != 0;
}

/* The name is alive again. May it have what it announces now? */
static bool
may_return(const struct peers *ps, const struct peer *p, enum peers_news news)
{
	const struct tunnel *have = &p->have;
	struct peer now = *p;
	bool same_key, at_home;

	if (peer_judge(&ps->cfg, &now) != PEER_PENDING)
		return p->hold_said;
	if (p->hold_said || peer_tunnel_eq(&now.want, have))
		return true;
	same_key = memcmp(now.want.key, have->key, WG_KEY_LEN) == 0;
	at_home = ipaddr_eq(&now.want.endpoint.ip, &have->endpoint.ip);
	if ((news == PEERS_DIRECT || news == PEERS_ASKED) && at_home)
		return true;
	if (!same_key || !p->hold_based)
		return false;
	return ipaddr_eq(&now.want.endpoint.ip, &p->endpoint.ip) ||
	       (p->hold_left && !p->hold_proven &&
		   ps->now - p->hold_since >= MOVE_WINDOW);
}

bool
hold_keeps(struct peers *ps, struct peer *p, enum peers_news news)
{
	if (!is_gone(p)) {
		if (is_rekeyed(ps, p, news))
			begin(ps, p, news);
		if (p->hold == HOLD_ON && !may_return(ps, p, news))
			return true;
		end(p, HOLD_NO);
		return false;
	}
	if (p->hold == HOLD_NO && p->wanted && p->applied)
		begin(ps, p, news);
	else if (p->hold == HOLD_ON && has_left(p) && !p->hold_left) {
		/* It was called dead; a leave has its own terms. */
		p->hold_left = true;
		p->hold_said = news == PEERS_DIRECT;
	}
	return p->hold == HOLD_ON;
}

static bool
is_over(const struct peers *ps, const struct peer *p)
{
	int64_t now = ps->now, held = now - p->hold_since;
	int64_t window = p->hold_left ? LEFT_WINDOW : DEAD_WINDOW;
	int64_t wall = 0;

	if (held >= ps->cfg.hold_down && (!p->hold_left || held >= LEFT_WINDOW))
		return true;
	if (now - p->hold_rose >= window)
		return true;
	if (p->hold_left)
		return false;
	if (ps->cfg.ops->wall != NULL)
		wall = ps->cfg.ops->wall(ps->cfg.arg);
	return p->handshake == 0 || wall - p->handshake >= SESSION;
}

static void
look(struct peers *ps, struct peer *p)
{
	if (!p->hold_based) {
		/* Its kernel answers by ICMP as a rule. */
		if (p->handshake != 0)
			ps->cfg.ops->prime(ps->cfg.arg, &p->have.addr);
	} else if (p->rx != p->hold_rx) {
		p->hold_proven = true;
		p->hold_rose = ps->now;
		set_connected(p, is_gone(p));
	}
	p->hold_based = true;
	p->hold_rx = p->rx;
}

bool
hold_look(struct peers *ps, struct peer *p)
{
	int64_t now = ps->now;

	if (p->hold != HOLD_ON || now < p->hold_at)
		return false;
	if (peer_stats_fresh(ps, now, p->hold_due))
		look(ps, p);
	else if (now - p->hold_due < LOOK_MAX) {
		p->hold_at = now + LOOK_WAIT;
		return false;
	}
	if (is_over(ps, p))
		end(p, HOLD_OVER);
	else {
		p->hold_due = now + LOOK_EVERY;
		if (ps->n > SPREAD_FROM)
			p->hold_due = now + LOOK_RARELY;
		p->hold_at = p->hold_due;
	}
	/* Who is alive waits for what has just been seen. */
	return p->hold == HOLD_OVER || !is_gone(p);
}

void
hold_resumed(struct peers *ps, struct peer *p, enum peers_news news)
{
	if (!p->wanted || !p->applied || !peer_tunnel_eq(&p->want, &p->have))
		return;
	if (p->hold_said) {
		/* It has been started again, and knows of no session. */
		p->news = news;
		peer_reset(ps, p);
	} else if (!p->hold_proven)
		prime_listen(ps, p, ps->now);
}
