/*
 * The mesh's side of the WireGuard peers: for each member what is wanted, what
 * was asked for, and what wesher-priv confirmed. One changed member is one
 * small request; nothing is ever replaced as a whole.
 *
 * An address or key belongs to the member that held it first, for as long as
 * that one is neither failed nor left, or its tunnel shows that it lives
 * (hold.c): a newcomer that claims it gets no tunnel, the holder notices
 * nothing. Who was first when both came at about one time: peer_claim.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/check.h"
#include "../common/log.h"
#include "peers_int.h"

/* wesher-priv keeps an address for its old key as long as a session lives. */
#define GHOST_TIME (180 * US_PER_S)
#define GHOSTS_MAX 1024
/* More than that wait for others' addresses or keys: no mishap any more. */
#define BLOCKED_MANY 64
#define HANDOVER     (250 * US_PER_MS) /* for a request about whom it lost */
#define WALK_GAP     (50 * US_PER_MS) /* between two looks at many peers */

struct peers *
peers_new(const struct peers_config *cfg)
{
	struct peers *ps = calloc(1, sizeof(*ps));

	if (ps == NULL)
		return NULL;
	ps->cfg = *cfg;
	ps->next = NEVER;
	ps->stats_at = ps->stats_got = ps->unblocked_at = INT64_MIN / 2;
	ps->walked_at = INT64_MIN / 2;
	ps->unblock_at = ps->park_at = ps->watch_at = NEVER;
	quiet_init(&ps->quiet, "warnings about members", true, 32);
	TAILQ_INIT(&ps->blocked);
	TAILQ_INIT(&ps->ghosts);
	TAILQ_INIT(&ps->all);
	TAILQ_INIT(&ps->awake);
	TAILQ_INIT(&ps->queue);
	TAILQ_INIT(&ps->flight);
	if (peer_index_init(ps) == -1) {
		peers_free(ps);
		return NULL;
	}
	return ps;
}

void
peers_free(struct peers *ps)
{
	struct peer_slot *s;

	if (ps == NULL)
		return;
	while ((s = TAILQ_FIRST(&ps->all)) != NULL) {
		if (s->m != NULL)
			s->m->udata = NULL;
		if (s->p != NULL) {
			peer_free(ps, s->p);
			continue;
		}
		TAILQ_REMOVE(&ps->all, s, all);
		free(s);
	}
	peer_blocks_free(ps);
	peer_index_free(ps);
	holders_free(ps->saved);
	free(ps);
}

/* Forgotten by the core, but lately in the kernel under that name. */
static struct peer *
ghost_of(struct peers *ps, const struct member *m)
{
	struct peer *p;

	TAILQ_FOREACH (p, &ps->ghosts, ghost)
		if (strcmp(p->name, m->name) == 0)
			return p;
	return NULL;
}

static struct peer *
peer_of(struct peers *ps, struct member *m)
{
	struct peer *p;

	if (m->udata != NULL)
		return peer_wake(ps, m->udata);
	if ((p = ghost_of(ps, m)) == NULL)
		return peer_new(ps, m);
	TAILQ_REMOVE(&ps->ghosts, p, ghost);
	ps->nghosts--;
	p->m = p->slot->m = m;
	m->udata = p->slot;
	return p;
}

/* Changed needs are asked for at once, refused ones when it is time. */
static void
judge_retry(struct peer *p, bool was, const struct tunnel *old)
{
	if (p->wanted != was || (p->wanted && !peer_tunnel_eq(old, &p->want))) {
		p->retry_at = NEVER;
		p->awaits = false;
	} else if (p->wanted && p->retry_at != NEVER && !p->awaits)
		p->why = PEER_REFUSED;
}

/* What it is now, said and listed, after it was `before`. */
static void
judged(struct peers *ps, struct peer *p, enum peer_why before)
{
	if (peer_is_blocked(p->why)) {
		ps->nblocked++;
		TAILQ_INSERT_TAIL(&ps->blocked, p->slot, blocked);
	}
	if (p->why != before && p->why > PEER_NO_META && p->why != PEER_REFUSED)
		peer_log_why(ps, p);
}

static bool judge(struct peers *ps, struct peer *p, enum peers_news news);

/* They lost to p, who takes nothing from one that is held down. Theirs is
 * removed before p's is set. */
static void
judge_lost(struct peers *ps, struct peer *p, struct peer *const lost[2])
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		if (lost[i] == NULL)
			continue;
		(void)judge(ps, lost[i], PEERS_DIRECT);
		if (lost[i]->retry_at == NEVER)
			peer_enqueue(ps, lost[i]);
		if (lost[i]->busy != PEER_SETTING)
			continue;
		p->awaits = true;
		peer_at(ps, &p->retry_at, ps->now + HANDOVER);
	}
}

/* To another address, or one that those who wait may now be better than. */
static bool
is_other_claim(const struct tunnel *a, const struct tunnel *b)
{
	return !ipaddr_eq(&a->addr, &b->addr) || a->plain != b->plain ||
	       a->is_static != b->is_static;
}

/* Judge the member anew; true when who waits is to be judged, too: it let go of
 * an address or key, took one from somebody, or holds it by a lesser right. */
static bool
judge(struct peers *ps, struct peer *p, enum peers_news news)
{
	struct tunnel old = p->want;
	struct peer_slot *s = p->slot;
	bool held = s->held, keyed = s->keyed, was = p->wanted;
	struct peer *lost[2] = {NULL, NULL};
	enum peer_why why, before = p->why;

	if (hold_keeps(ps, p, news))
		return false;
	if (peer_is_blocked(p->why)) {
		ps->nblocked--;
		TAILQ_REMOVE(&ps->blocked, s, blocked);
	}
	peer_release_addr(ps, s);
	peer_release_key(ps, s);
	why = p->m == NULL ? PEER_GONE : peer_judge(&ps->cfg, p);
	peer_claim_note(ps, p, &old, why, held);
	p->why = peer_claim(ps, p, why, lost);
	if (lost[1] != NULL)
		p->got_at = lost[1]->got_at;
	else if (s->held && (!held || !ipaddr_eq(&old.addr, &p->want.addr)))
		p->got_at = ps->now;
	p->wanted = s->held && s->keyed && p->why == PEER_PENDING;
	if (p->wanted && p->applied && peer_tunnel_eq(&p->want, &p->have))
		p->why = PEER_OK;
	judge_retry(p, was, &old);
	judged(ps, p, before);
	judge_lost(ps, p, lost);
	return lost[0] != NULL || lost[1] != NULL ||
	       (held && (!s->held || is_other_claim(&old, &p->want))) ||
	       (keyed && (!s->keyed ||
			     memcmp(old.key, p->want.key, WG_KEY_LEN) != 0));
}

/*
 * Somebody let go: those that waited may have it now. Thousands that wait were
 * made up, and whoever did so can let go as often: then once a second.
 */
static void
judge_blocked(struct peers *ps, const struct peer *in_hand)
{
	unsigned n = ps->nblocked;
	struct peer_slot *s;
	struct peer *p;

	if (n > BLOCKED_MANY && ps->now - ps->unblocked_at < US_PER_S) {
		peer_at(ps, &ps->unblock_at, ps->unblocked_at + US_PER_S);
		return;
	}
	ps->unblocked_at = ps->now;
	ps->unblock_at = NEVER;
	/* Those that stay go to the end. */
	while (n-- > 0 && (s = TAILQ_FIRST(&ps->blocked)) != NULL &&
	       (p = peer_wake(ps, s)) != NULL) {
		(void)judge(ps, p, PEERS_GOSSIP);
		if (p->retry_at == NEVER)
			peer_enqueue(ps, p);
		if (p != in_hand)
			peer_settle(ps, p);
	}
}

/*
 * Judge it by news about itself, and see who primes by how the last news came
 * that it did without while it was held. True as for judge().
 */
static bool
renew(struct peers *ps, struct peer *p, enum peers_news news,
    enum peers_news last)
{
	bool held = p->hold == HOLD_ON, let_go = judge(ps, p, news);

	if (p->hold == HOLD_ON) {
		p->hold_news = last;
		return let_go;
	}
	prime_news(ps, p, ps->now, last);
	if (held && p->hold == HOLD_NO) {
		hold_resumed(ps, p, last);
		return true; /* it may be contested again */
	}
	return let_go;
}

void
peers_update(
    struct peers *ps, int64_t now, struct member *m, enum peers_news news)
{
	struct peer *p;
	bool let_go;

	ps->now = now;
	if ((p = peer_of(ps, m)) == NULL)
		return;
	let_go = renew(ps, p, news, news);
	if (p->retry_at == NEVER)
		peer_enqueue(ps, p);
	if (let_go)
		judge_blocked(ps, p);
	peer_pump(ps);
	peer_settle(ps, p);
}

void
peers_set_self(struct peers *ps, int64_t now, const struct ipaddr *self)
{
	ps->cfg.self_addr = *self;
	peers_rejudge(ps, now);
}

void
peers_rejudge(struct peers *ps, int64_t now)
{
	bool was, let_go = false;
	struct peer_slot *s;
	struct peer *p;

	ps->now = now;
	TAILQ_FOREACH (s, &ps->all, all) {
		if ((p = peer_wake(ps, s)) == NULL)
			continue;
		was = p->wanted;
		let_go = judge(ps, p, PEERS_GOSSIP) || let_go;
		/* Another overlay address as we joined: the others prime. */
		if (p->wanted && !was)
			p->news = PEERS_JOINING;
		if (p->retry_at == NEVER)
			peer_enqueue(ps, p);
		peer_settle(ps, p);
	}
	if (let_go)
		judge_blocked(ps, NULL);
	peer_pump(ps);
}

void
peers_retry(struct peers *ps, int64_t now)
{
	struct peer *p;

	ps->now = now;
	TAILQ_FOREACH (p, &ps->awake, awake) {
		if (p->retry_at == NEVER)
			continue;
		p->retry_at = NEVER;
		p->awaits = false;
		peer_enqueue(ps, p);
	}
	peer_pump(ps);
}

/* Free a ghost whose time is over, once the kernel has let it go. */
void
peer_ghost_expire(struct peers *ps, struct peer *p, int64_t now)
{
	if (p->m != NULL || p->slot->held || p->slot->keyed || p->applied ||
	    p->busy != PEER_IDLE || (p->had && now < p->ghost_until))
		return;
	TAILQ_REMOVE(&ps->ghosts, p, ghost);
	ps->nghosts--;
	peer_free(ps, p);
}

void
peers_forget(struct peers *ps, int64_t now, struct member *m)
{
	struct peer_slot *s = m->udata;
	struct peer *p;

	ps->now = now;
	if (s == NULL)
		return;
	m->udata = NULL;
	if ((p = peer_wake(ps, s)) == NULL) {
		if (peer_is_blocked(s->why)) {
			ps->nblocked--;
			TAILQ_REMOVE(&ps->blocked, s, blocked);
		}
		peer_lose(ps, s);
		return;
	}
	p->m = s->m = NULL;
	if (judge(ps, p, PEERS_GOSSIP))
		judge_blocked(ps, p);
	p->prime_at = p->poke_at = NEVER;
	peer_at(ps, &p->ghost_until, now + GHOST_TIME);
	TAILQ_INSERT_HEAD(&ps->ghosts, p, ghost);
	ps->nghosts++;
	if (p->retry_at == NEVER)
		peer_enqueue(ps, p);
	if (ps->nghosts > GHOSTS_MAX)
		p->ghost_until = now;
	peer_ghost_expire(ps, p, now);
	peer_pump(ps);
}

/* At rest what it has is what is wanted. */
static void
slot_stat(struct peer_slot *slot, const struct priv_stat *s)
{
	if (!slot->applied)
		return;
	slot->has_stat = priv_ep_from(&slot->endpoint, &s->endpoint);
	slot->handshake = (uint32_t)s->handshake;
	slot->rx = s->rx;
	slot->tx = s->tx;
}

static void
peer_stat(struct peers *ps, const struct priv_stat *s)
{
	struct peer_slot *slot;
	struct peer *p;

	if ((slot = peer_by_key(ps, s->key)) == NULL)
		return;
	if ((p = slot->p) == NULL) {
		if (slot->applied)
			peer_watch_stat(ps, slot, slot->tx, s);
		slot_stat(slot, s);
		return;
	}
	if (!p->applied || memcmp(p->have.key, s->key, WG_KEY_LEN) != 0)
		return;
	peer_watch_stat(ps, slot, p->tx, s);
	p->has_stat = priv_ep_from(&p->endpoint, &s->endpoint);
	p->handshake = s->handshake;
	p->rx = s->rx;
	p->tx = s->tx;
}

void
peers_stat(struct peers *ps, int64_t now, const struct priv_stat *s)
{
	bool all = (s->flags & PRIV_STAT_LAST) && s->h.seq == ps->stats_seq;

	if (all) {
		ps->stats_got = now;
		prime_counted(ps, now);
	}
	peer_stat(ps, s);
	if (all)
		peer_watch_counted(ps);
}

/* Those that wait for a first answer alone. */
static void
look_at_parked(struct peers *ps)
{
	struct peer_slot *s;
	bool more = false;

	if (ps->now < ps->park_at)
		return;
	TAILQ_FOREACH (s, &ps->all, all) {
		if (s->parked && s->m->answered)
			(void)peer_wake(ps, s);
		more = more || s->parked;
	}
	ps->park_at = NEVER;
	if (more)
		ps->park_at = ps->now + US_PER_S - ps->now % US_PER_S;
}

void
peers_tick(struct peers *ps, int64_t now)
{
	struct peer *p, *tmp;
	bool let_go = false;

	if (now < peers_deadline(ps))
		return;
	ps->now = ps->walked_at = now;
	ps->next = NEVER;
	quiet_flush(&ps->quiet, now);
	if (ps->unblock_at <= now)
		let_go = true;
	else
		peer_at(ps, &ps->unblock_at, ps->unblock_at);
	look_at_parked(ps);
	peer_watch_tick(ps);
	TAILQ_FOREACH_SAFE (p, &ps->awake, awake, tmp) {
		if (p->retry_at <= now) {
			p->retry_at = NEVER;
			p->awaits = false;
			peer_enqueue(ps, p);
		}
		if (hold_look(ps, p)) {
			let_go = renew(ps, p, PEERS_GOSSIP, p->hold_news) ||
				 let_go;
			peer_enqueue(ps, p);
		}
		prime_tick(ps, p, now);
		peer_at(ps, &p->hold_at, p->hold_at);
		peer_at(ps, &p->retry_at, p->retry_at);
		peer_at(ps, &p->prime_at, p->prime_at);
		peer_at(ps, &p->poke_at, p->poke_at);
		if (p->m == NULL && p->ghost_until > now)
			peer_at(ps, &p->ghost_until, p->ghost_until);
		if (p->m != NULL)
			peer_settle(ps, p);
		else
			peer_ghost_expire(ps, p, now);
	}
	peer_at(ps, &ps->park_at, ps->park_at);
	if (let_go)
		judge_blocked(ps, NULL);
	peer_pump(ps);
}

int64_t
peers_deadline(const struct peers *ps)
{
	/* A look at many: one for all that is due by then. */
	if (ps->n > SPREAD_FROM && ps->next < ps->walked_at + WALK_GAP)
		return ps->walked_at + WALK_GAP;
	return ps->next;
}

bool
peers_settled(const struct peers *ps)
{
	return ps->nqueued == 0 && ps->nflight == 0;
}

void
peers_mark(struct peers *ps)
{
	ps->ahead = ps->nqueued + ps->nflight;
}

bool
peers_reached(const struct peers *ps)
{
	return ps->ahead == 0;
}
