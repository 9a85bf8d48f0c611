/*
 * What is asked of wesher-priv for the tunnels, and its answers. Each peer has
 * one request under way at most; an answer is about what was asked, which may
 * not be what is wanted any more. What is refused is asked again later.
 */
#include <errno.h>
#include <string.h>

#include "../common/log.h"
#include "peers_int.h"

#define IN_FLIGHT_MAX 256
#define RETRY_MAX     (60 * US_PER_S)

bool
peer_tunnel_eq(const struct tunnel *a, const struct tunnel *b)
{
	return memcmp(a->key, b->key, WG_KEY_LEN) == 0 &&
	       ipport_cmp(&a->endpoint, &b->endpoint) == 0 &&
	       ipaddr_eq(&a->addr, &b->addr) && a->attempt == b->attempt &&
	       a->plain == b->plain;
}

static bool
in_step(const struct peer *p)
{
	if (!p->wanted)
		return !p->applied;
	return p->applied && !p->reset && peer_tunnel_eq(&p->want, &p->have);
}

/* Has another member the key that we had in the kernel? Then it is theirs:
 * neither to be deleted nor to be named as the one we replace. */
static bool
key_moved(struct peers *ps, const struct peer *p)
{
	const struct peer_slot *s = peer_by_key(ps, p->have.key);
	const struct peer *q;

	if (s == NULL || (q = s->p) == p)
		return false;
	if (q == NULL)
		return s->applied;
	return (q->applied &&
		   memcmp(q->have.key, p->have.key, WG_KEY_LEN) == 0) ||
	       (q->busy == PEER_SETTING &&
		   memcmp(q->sent.key, p->have.key, WG_KEY_LEN) == 0);
}

static void
send_set(struct peers *ps, struct peer *p)
{
	struct priv_peer_set m = {0};

	m.namelen = p->namelen;
	memcpy(m.name, p->name, p->namelen);
	m.attempt = p->want.attempt;
	if (p->want.plain)
		m.flags |= PRIV_PEER_PLAIN;
	if (ps->cfg.hosts && peer_no_line(&ps->cfg, p) == NULL)
		m.flags |= PRIV_PEER_HOSTS;
	if (p->want.is_static)
		priv_ip_to(&m.addr, &p->want.addr);
	memcpy(m.key, p->want.key, WG_KEY_LEN);
	/* The same key twice asks for a reset of its session. */
	if (p->had && !key_moved(ps, p) &&
	    (p->reset || memcmp(p->have.key, p->want.key, WG_KEY_LEN) != 0))
		memcpy(m.oldkey, p->have.key, WG_KEY_LEN);
	priv_ep_to(&m.endpoint, &p->want.endpoint);
	p->sent = p->want;
	p->busy = PEER_SETTING;
	p->seq = ps->cfg.ops->set(ps->cfg.arg, &m);
}

/* Its request was refused: try again later. */
static void
postpone(struct peers *ps, struct peer *p)
{
	peer_at(ps, &p->retry_at, ps->now + p->backoff);
	p->backoff = p->backoff * 2 > RETRY_MAX ? RETRY_MAX : p->backoff * 2;
}

/* One request; false when there is nothing to wait for. */
static bool
ask(struct peers *ps, struct peer *p)
{
	if (p->wanted) {
		send_set(ps, p);
	} else if (key_moved(ps, p)) {
		p->applied = p->reset = p->had = false;
		return false;
	} else {
		p->busy = PEER_DELETING;
		p->seq = ps->cfg.ops->del(ps->cfg.arg, p->have.key);
	}
	if (p->seq != 0)
		return true;
	p->busy = PEER_IDLE; /* out of memory: no answer will come */
	postpone(ps, p);
	return false;
}

/* One more that was asked for, or need not be: they are served in turn. */
static void
served(struct peers *ps)
{
	if (ps->ahead > 0)
		ps->ahead--;
}

/* Ask for what is not in step, a bounded number at a time. */
void
peer_pump(struct peers *ps)
{
	struct peer *p;

	while (ps->nflight < IN_FLIGHT_MAX &&
	       (p = TAILQ_FIRST(&ps->queue)) != NULL) {
		TAILQ_REMOVE(&ps->queue, p, queue);
		ps->nqueued--;
		p->busy = PEER_IDLE;
		if (in_step(p) || !ask(ps, p)) {
			served(ps);
			continue;
		}
		TAILQ_INSERT_TAIL(&ps->flight, p, queue);
		ps->nflight++;
	}
}

void
peer_enqueue(struct peers *ps, struct peer *p)
{
	if (p->busy != PEER_IDLE || in_step(p))
		return;
	p->busy = PEER_QUEUED;
	TAILQ_INSERT_TAIL(&ps->queue, p, queue);
	ps->nqueued++;
}

void
peer_reset(struct peers *ps, struct peer *p)
{
	p->reset = true;
	peer_enqueue(ps, p);
	peer_pump(ps);
}

static void
set_failed(struct peers *ps, struct peer *p, int error)
{
	bool news = p->why != PEER_REFUSED || p->refused != error;

	p->reset = false;
	if (error == ESTALE)
		p->had = false; /* the old key is another name's by now */
	/* What was refused may not be what is wanted any more. */
	if (!p->wanted || in_step(p) || !peer_tunnel_eq(&p->sent, &p->want))
		return;
	p->why = PEER_REFUSED;
	p->refused = error;
	if (news)
		peer_log_why(ps, p);
	postpone(ps, p);
}

/* The kernel has it no more: whoever holds it need not wait for that. */
static void
not_held_up(struct peers *ps, const struct ipaddr *addr)
{
	const struct peer_slot *s = peer_by_addr(ps, addr);
	struct peer *p = s != NULL ? s->p : NULL;

	if (p == NULL || !p->wanted || p->retry_at == NEVER)
		return;
	p->retry_at = NEVER;
	p->awaits = false;
	peer_enqueue(ps, p);
}

static void
del_done(struct peers *ps, struct peer *p, int error)
{
	/* ENOENT: it is not there, which is what we want. */
	if (error == 0 || error == ENOENT) {
		p->applied = p->reset = false;
		p->backoff = RETRY_MIN;
		not_held_up(ps, &p->have.addr);
		return;
	}
	log_debug(
	    "the tunnel of %s cannot be removed: %s", p->name, strerror(error));
	if (!p->wanted)
		postpone(ps, p);
}

/* Once: its name will not change. */
static void
tell_no_line(struct peers *ps, struct peer *p)
{
	const char *why = peer_no_line(&ps->cfg, p);

	if (p->line_told || why == NULL)
		return;
	p->line_told = true;
	if (quiet_may(&ps->quiet, ps->now))
		log_warnx("%s gets no line in /etc/hosts: %s"
			  "\tevent=no-hosts-line member=%s",
		    p->name, why, p->name);
}

static void
set_done(struct peers *ps, struct peer *p, int64_t now)
{
	/* Another key or address is another tunnel. */
	bool fresh = !p->applied || p->reset ||
		     !ipaddr_eq(&p->have.addr, &p->sent.addr) ||
		     memcmp(p->have.key, p->sent.key, WG_KEY_LEN) != 0;
	bool moved = ipport_cmp(&p->have.endpoint, &p->sent.endpoint) != 0;

	p->applied = p->had = true;
	p->reset = false;
	p->have = p->sent;
	p->backoff = RETRY_MIN;
	if (p->wanted && peer_tunnel_eq(&p->have, &p->want))
		p->why = PEER_OK;
	if (fresh) {
		p->has_stat = false;
		p->handshake = 0;
		p->rx = p->tx = 0;
		tell_no_line(ps, p);
	}
	prime_applied(ps, p, now, fresh, moved);
}

void
peers_result(struct peers *ps, int64_t now, const struct priv_result *r)
{
	struct peer *p;
	bool setting;

	ps->now = now;
	TAILQ_FOREACH (p, &ps->flight, queue)
		if (p->seq == r->h.seq)
			break;
	if (p == NULL)
		return;
	TAILQ_REMOVE(&ps->flight, p, queue);
	ps->nflight--;
	served(ps);
	setting = p->busy == PEER_SETTING;
	p->busy = PEER_IDLE;
	p->retry_at = NEVER;
	if (!setting)
		del_done(ps, p, r->error);
	else if (r->error == 0)
		set_done(ps, p, now);
	else
		set_failed(ps, p, r->error);
	if (p->retry_at == NEVER)
		peer_enqueue(ps, p);
	if (p->m != NULL)
		peer_settle(ps, p);
	else
		peer_ghost_expire(ps, p, now);
	peer_pump(ps);
}
