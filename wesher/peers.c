/*
 * The mesh's side of the WireGuard peers: for each member what is wanted, what
 * was asked for, and what wesher-priv confirmed. One changed member is one
 * small request; nothing is ever replaced as a whole.
 *
 * An address or key belongs to the member that held it first, for as long as
 * that one is neither failed nor left, or its tunnel shows that it lives
 * (hold.c): a newcomer that claims it gets no tunnel, the holder notices
 * nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/check.h"
#include "../common/log.h"
#include "peers_int.h"

#define LOG_EVERY (60 * US_PER_S) /* for one member */
/* wesher-priv keeps an address for its old key as long as a session lives. */
#define GHOST_TIME (180 * US_PER_S)
#define GHOSTS_MAX 1024
/* More than that wait for others' addresses or keys: no mishap any more. */
#define BLOCKED_MANY 64

int
peer_addr_cmp(const struct peer *a, const struct peer *b)
{
	return ipaddr_cmp(&a->want.addr, &b->want.addr);
}

int
peer_key_cmp(const struct peer *a, const struct peer *b)
{
	return memcmp(a->want.key, b->want.key, WG_KEY_LEN);
}

RB_GENERATE(peer_addrs, peer, by_addr, peer_addr_cmp)
RB_GENERATE(peer_keys, peer, by_key, peer_key_cmp)

struct peers *
peers_new(const struct peers_config *cfg)
{
	struct peers *ps = calloc(1, sizeof(*ps));

	if (ps == NULL)
		return NULL;
	ps->cfg = *cfg;
	ps->next = NEVER;
	ps->stats_at = ps->stats_got = ps->unblocked_at = INT64_MIN / 2;
	ps->unblock_at = NEVER;
	quiet_init(&ps->quiet, "warnings about members", true, 32);
	TAILQ_INIT(&ps->blocked);
	TAILQ_INIT(&ps->ghosts);
	TAILQ_INIT(&ps->all);
	TAILQ_INIT(&ps->queue);
	TAILQ_INIT(&ps->flight);
	RB_INIT(&ps->addrs);
	RB_INIT(&ps->keys);
	return ps;
}

/* It goes: who waited for it waits for nobody in particular. */
static void
unblock(struct peers *ps, struct peer *p)
{
	struct peer *other;

	if (p->holds_off == 0)
		return;
	TAILQ_FOREACH (other, &ps->blocked, aside)
		if (other->holder == p)
			other->holder = NULL;
	p->holds_off = 0;
}

static void
peer_free(struct peers *ps, struct peer *p)
{
	TAILQ_REMOVE(&ps->all, p, all);
	ps->n--;
	free(p->name);
	free(p);
}

void
peers_free(struct peers *ps)
{
	struct peer *p;

	if (ps == NULL)
		return;
	while ((p = TAILQ_FIRST(&ps->all)) != NULL) {
		if (p->m != NULL)
			p->m->udata = NULL;
		peer_free(ps, p);
	}
	free(ps);
}

/* Forgotten by the core, but lately in the kernel under that name. */
static struct peer *
ghost_of(struct peers *ps, const struct member *m)
{
	struct peer *p;

	TAILQ_FOREACH (p, &ps->ghosts, aside)
		if (strcmp(p->name, m->name) == 0)
			return p;
	return NULL;
}

static struct peer *
peer_of(struct peers *ps, struct member *m)
{
	struct peer *p = m->udata;

	if (p != NULL)
		return p;
	if ((p = ghost_of(ps, m)) != NULL) {
		TAILQ_REMOVE(&ps->ghosts, p, aside);
		ps->nghosts--;
		p->m = m;
		m->udata = p;
		return p;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL || (p->name = strdup(m->name)) == NULL) {
		log_warn("peer of %s", m->name);
		free(p);
		return NULL;
	}
	p->namelen = m->namelen;
	p->m = m;
	p->backoff = RETRY_MIN;
	p->logged_at = INT64_MIN / 2;
	p->retry_at = p->prime_at = p->poke_at = p->ghost_until = NEVER;
	p->hold_at = NEVER;
	TAILQ_INSERT_TAIL(&ps->all, p, all);
	ps->n++;
	m->udata = p;
	return p;
}

static void
release(struct peers *ps, struct peer *p)
{
	if (!p->held)
		return;
	RB_REMOVE(peer_addrs, &ps->addrs, p);
	RB_REMOVE(peer_keys, &ps->keys, p);
	p->held = false;
}

static void
hold_off(struct peer *holder, struct peer *p)
{
	p->holder = holder;
	holder->holds_off++;
}

/* Take address and key, or say who holds them. */
static enum peer_why
claim(struct peers *ps, struct peer *p)
{
	struct peer *other;

	if ((other = RB_FIND(peer_addrs, &ps->addrs, p)) != NULL) {
		hold_off(other, p);
		return PEER_ADDR_TAKEN;
	}
	if ((other = RB_FIND(peer_keys, &ps->keys, p)) != NULL) {
		hold_off(other, p);
		return PEER_KEY_TAKEN;
	}
	RB_INSERT(peer_addrs, &ps->addrs, p);
	RB_INSERT(peer_keys, &ps->keys, p);
	p->held = true;
	return PEER_PENDING;
}

static bool
is_blocked(const struct peer *p)
{
	return p->why == PEER_ADDR_TAKEN || p->why == PEER_KEY_TAKEN;
}

/* A member gone bad may change its mind with every packet. */
void
peer_log_why(struct peers *ps, struct peer *p)
{
	char buf[320];

	peer_words(p, buf, sizeof(buf));
	if (ps->now - p->logged_at < LOG_EVERY ||
	    !quiet_may(&ps->quiet, ps->now)) {
		log_debug("%s gets no tunnel: %s", p->name, buf);
		return;
	}
	p->logged_at = ps->now;
	log_warnx("%s gets no tunnel: %s", p->name, buf);
}

/* Changed needs are asked for at once, refused ones when it is time. */
static void
judge_retry(struct peer *p, bool was, const struct tunnel *old)
{
	if (p->wanted != was || (p->wanted && !peer_tunnel_eq(old, &p->want)))
		p->retry_at = NEVER;
	else if (p->wanted && p->retry_at != NEVER)
		p->why = PEER_REFUSED;
}

/* Judge the member anew; true when it let go of an address or key. */
static bool
judge(struct peers *ps, struct peer *p, enum peers_news news)
{
	struct tunnel old = p->want;
	bool had = p->held, was = p->wanted, let_go = false;
	enum peer_why why, before = p->why;

	if (hold_keeps(ps, p, news))
		return false;
	if (is_blocked(p)) {
		ps->nblocked--;
		TAILQ_REMOVE(&ps->blocked, p, aside);
		if (p->holder != NULL)
			p->holder->holds_off--;
		p->holder = NULL;
	}
	/* The trees are ordered by want: out before it changes. */
	release(ps, p);
	why = p->m == NULL ? PEER_GONE : peer_judge(&ps->cfg, p);
	if (why == PEER_PENDING)
		why = claim(ps, p);
	if (had)
		let_go = !p->held || !ipaddr_eq(&old.addr, &p->want.addr) ||
			 memcmp(old.key, p->want.key, WG_KEY_LEN) != 0;
	p->wanted = p->held;
	p->why = why;
	if (p->wanted && p->applied && peer_tunnel_eq(&p->want, &p->have))
		p->why = PEER_OK;
	judge_retry(p, was, &old);
	if (is_blocked(p)) {
		ps->nblocked++;
		TAILQ_INSERT_TAIL(&ps->blocked, p, aside);
	}
	if (p->why != before && p->why > PEER_NO_META && p->why != PEER_REFUSED)
		peer_log_why(ps, p);
	return let_go;
}

/*
 * Somebody let go: those that waited may have it now. Thousands that wait were
 * made up, and whoever did so can let go as often: then once a second.
 */
static void
judge_blocked(struct peers *ps)
{
	unsigned n = ps->nblocked;
	struct peer *p;

	if (n > BLOCKED_MANY && ps->now - ps->unblocked_at < US_PER_S) {
		peer_at(ps, &ps->unblock_at, ps->unblocked_at + US_PER_S);
		return;
	}
	ps->unblocked_at = ps->now;
	ps->unblock_at = NEVER;
	/* Those that stay go to the end. */
	while (n-- > 0 && (p = TAILQ_FIRST(&ps->blocked)) != NULL) {
		(void)judge(ps, p, PEERS_GOSSIP);
		peer_enqueue(ps, p);
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
	if (held && p->hold == HOLD_NO)
		hold_resumed(ps, p, last);
	return let_go;
}

void
peers_update(
    struct peers *ps, int64_t now, struct member *m, enum peers_news news)
{
	struct peer *p = peer_of(ps, m);
	bool let_go;

	ps->now = now;
	if (p == NULL)
		return;
	let_go = renew(ps, p, news, news);
	if (p->retry_at == NEVER)
		peer_enqueue(ps, p);
	if (let_go)
		judge_blocked(ps);
	peer_pump(ps);
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
	struct peer *p;

	ps->now = now;
	TAILQ_FOREACH (p, &ps->all, all) {
		was = p->wanted;
		let_go = judge(ps, p, PEERS_GOSSIP) || let_go;
		/* Another overlay address as we joined: the others prime. */
		if (p->wanted && !was)
			p->news = PEERS_JOINING;
		if (p->retry_at == NEVER)
			peer_enqueue(ps, p);
	}
	if (let_go)
		judge_blocked(ps);
	peer_pump(ps);
}

/* Free a ghost whose time is over, once the kernel has let it go. */
void
peer_ghost_expire(struct peers *ps, struct peer *p, int64_t now)
{
	if (p->m != NULL || p->held || p->applied || p->busy != PEER_IDLE ||
	    (p->had && now < p->ghost_until))
		return;
	TAILQ_REMOVE(&ps->ghosts, p, aside);
	ps->nghosts--;
	unblock(ps, p);
	peer_free(ps, p);
}

void
peers_forget(struct peers *ps, int64_t now, struct member *m)
{
	struct peer *p = m->udata;

	ps->now = now;
	if (p == NULL)
		return;
	m->udata = NULL;
	p->m = NULL;
	if (judge(ps, p, PEERS_GOSSIP))
		judge_blocked(ps);
	p->prime_at = p->poke_at = NEVER;
	peer_at(ps, &p->ghost_until, now + GHOST_TIME);
	TAILQ_INSERT_HEAD(&ps->ghosts, p, aside);
	ps->nghosts++;
	if (p->retry_at == NEVER)
		peer_enqueue(ps, p);
	if (ps->nghosts > GHOSTS_MAX)
		p->ghost_until = now;
	peer_ghost_expire(ps, p, now);
	peer_pump(ps);
}

void
peers_stat(struct peers *ps, int64_t now, const struct priv_stat *s)
{
	struct peer *p, key;

	if ((s->flags & PRIV_STAT_LAST) && s->h.seq == ps->stats_seq)
		ps->stats_got = now;
	memcpy(key.want.key, s->key, WG_KEY_LEN);
	p = RB_FIND(peer_keys, &ps->keys, &key);
	if (p == NULL || !p->applied ||
	    memcmp(p->have.key, s->key, WG_KEY_LEN) != 0)
		return;
	p->has_stat = priv_ep_from(&p->endpoint, &s->endpoint);
	p->handshake = s->handshake;
	p->rx = s->rx;
	p->tx = s->tx;
}

void
peers_tick(struct peers *ps, int64_t now)
{
	struct peer *p, *tmp;
	bool let_go = false;

	if (now < ps->next)
		return;
	ps->now = now;
	ps->next = NEVER;
	quiet_flush(&ps->quiet, now);
	if (ps->unblock_at <= now)
		let_go = true;
	else
		peer_at(ps, &ps->unblock_at, ps->unblock_at);
	TAILQ_FOREACH_SAFE (p, &ps->all, all, tmp) {
		if (p->retry_at <= now) {
			p->retry_at = NEVER;
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
		peer_ghost_expire(ps, p, now);
	}
	if (let_go)
		judge_blocked(ps);
	peer_pump(ps);
}

int64_t
peers_deadline(const struct peers *ps)
{
	return ps->next;
}

bool
peers_settled(const struct peers *ps)
{
	return ps->nqueued == 0 && ps->nflight == 0;
}
