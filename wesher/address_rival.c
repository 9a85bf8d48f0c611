/*
 * Who else claims our overlay address, and whether we leave it, part of the
 * mesh of the gossip process.
 *
 * What others claim is hostile: a member gone bad may claim any address that
 * it finds a name for, and must not drive us about. So we go on to another
 * attempt only while our own claim is young: the mesh has not had us there
 * before, and for half a minute after each choice, a minute in all. The order
 * of claims (claim.h) says who goes; a rival that should and does not is an old
 * one, which knows that it is. And after a heal, when two parts of a mesh may
 * have given one address to two members, the worse claim goes, once a day at
 * most. Otherwise we stay whatever is claimed: the others hold with the one
 * that they saw first (peer_claim.c).
 */
#include <stdlib.h>
#include <string.h>

#include "../common/check.h"
#include "../common/log.h"
#include "../common/overlay.h"
#include "event.h"
#include "mesh_int.h"

#define SETTLE	  (60 * US_PER_S) /* of one claim after the other */
#define HEAL	  (60 * US_PER_S) /* a return counts for so long */
#define OLD_RIVAL (20 * US_PER_S) /* one that is to leave would have */
#define DAY	  86400 /* s */
#define MOVES_MAX 32 /* while we settle: then somebody drives us about */
#define HEAL_MAX  4 /* of these after a heal: all claims are known then */
#define LOOK_FULL (60 * US_PER_S) /* for an address that has become free */
#define LOOK_SOON (1 * US_PER_S) /* memory was short */
#define SAY_EVERY (3600 * US_PER_S)

bool
address_claim(const struct mesh *m, const char *name, size_t namelen,
    const uint8_t *meta, size_t len, struct claimed *c)
{
	const struct ipnet *net = &m->conf->overlay;
	struct ipaddr derived;
	struct meta md;

	if (len == 0 || meta_decode(meta, len, &md) == -1)
		return false;
	c->addr = md.overlay;
	c->is_static = md.has_x && md.is_static;
	c->by = (struct claim){.name = name,
	    .namelen = namelen,
	    .movable = md.has_x && !md.is_static};
	if (c->is_static)
		return check_overlay_host(net, &c->addr);
	overlay_addr(net, name, namelen, md.has_x ? md.attempt : 0, &derived);
	return ipaddr_eq(&c->addr, &derived);
}

static bool
is_static(const struct mesh *m)
{
	return m->conf->overlay_addr.len != 0;
}

/* By the order of claims alone. */
static bool
beats_us(const struct mesh *m, const struct claimed *c)
{
	const struct claim ours = {.name = m->name,
	    .namelen = strlen(m->name),
	    .movable = !is_static(m)};

	return claim_wins(&c->by, &ours);
}

enum attempt_use
address_use(
    const struct mesh *m, const struct claimed *c, enum member_state state)
{
	if (state == MEMBER_LEFT)
		return ATTEMPT_FREE;
	if (state == MEMBER_DEAD)
		return ATTEMPT_GONE;
	return beats_us(m, c) ? ATTEMPT_STRONG : ATTEMPT_WEAK;
}

void
address_mark(struct mesh *m, struct attempts *all)
{
	const struct member_table *t = swim_members(m->swim);
	const struct member *mb;
	struct claimed c;
	unsigned i;

	for (i = 0; i < t->n; i++) {
		mb = t->list[i];
		if (!mb->is_self && address_claim(m, mb->name, mb->namelen,
					member_meta(mb), mb->metalen, &c))
			attempts_mark(all, &c.addr,
			    address_use(m, &c, (enum member_state)mb->state));
	}
}

/* Does it claim our address, now and by right? Most do not have it in their
 * metadata in any form. */
static bool
is_rival(const struct mesh *m, const struct member *mb, struct claimed *c)
{
	return !mb->is_self && mb->state <= MEMBER_SUSPECT && mb->metalen > 0 &&
	       memmem(member_meta(mb), mb->metalen, m->self.b, m->self.len) !=
		   NULL &&
	       address_claim(
		   m, mb->name, mb->namelen, member_meta(mb), mb->metalen, c) &&
	       ipaddr_eq(&c->addr, &m->self) &&
	       (!c->is_static || m->conf->allow_static);
}

/* The best of those that claim our address. False: nobody does. */
static bool
find_rival(struct mesh *m, struct claimed *best)
{
	const struct member_table *t = swim_members(m->swim);
	struct claimed c;
	bool found = false;
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (is_rival(m, t->list[i], &c) &&
		    (!found || claim_wins(&c.by, &best->by))) {
			found = true;
			*best = c;
		}
	return found;
}

void
address_news(struct mesh *m, int64_t now, const struct member *mb)
{
	struct address *a = &m->addr;
	struct claimed c;

	if (a->settle_at == NEVER && now >= a->ask_until)
		a->settle_at = a->claimed_at = now;
	if (!a->contested && is_rival(m, mb, &c))
		a->contested = true;
}

void
address_healed(struct mesh *m, int64_t now)
{
	m->addr.healed_until = now + HEAL;
	m->addr.contested = true;
}

/*
 * Has it been in a mesh for long, and not in ours? The incarnation of one of
 * ours is not below the second of its start. Who has come since the mesh fell
 * apart never held the others as failed; yet it has met them all the same.
 * A rival alone proves nothing: it would be its own witness.
 */
void
address_unknown(struct mesh *m, int64_t now, const struct member *mb)
{
	int64_t settle = m->addr.settle_at;
	struct claimed c;

	if (mb->ours && settle != NEVER && now >= settle + CLAIM_YOUNG &&
	    mesh_wall(m) - mb->incarnation >= HEAL / US_PER_S &&
	    !is_rival(m, mb, &c))
		address_healed(m, now);
}

/* Its own place in a mesh may be one's own attempt of an earlier run, too. */
void
address_listed(struct mesh *m, const struct swim_join_result *res)
{
	struct address *a = &m->addr;
	struct ipaddr derived;
	struct meta md;

	if (a->ask_until > m->now) {
		/* The first answer says whether it had us before. */
		a->ask_until = m->now;
		a->settle_at = a->claimed_at = m->now;
		a->contested = true;
	}
	/* Soon they list what they have just heard from us. */
	if ((a->settle_at != NEVER && a->settle_at != m->now) ||
	    res->self_inc == a->first_inc || res->self_metalen == 0 ||
	    meta_decode(res->self_meta, res->self_metalen, &md) == -1 ||
	    !md.has_x)
		return;
	if (ipaddr_eq(&md.overlay, &m->self))
		a->settled = true;
	overlay_addr(
	    &m->conf->overlay, m->name, strlen(m->name), md.attempt, &derived);
	if (!md.is_static && ipaddr_eq(&md.overlay, &derived))
		a->own = md.attempt;
}

/* May it still turn out that our address is another's? */
static bool
is_young(const struct address *a, int64_t now)
{
	return !a->settled && a->settle_at != NEVER &&
	       now < a->claimed_at + CLAIM_YOUNG &&
	       now < a->settle_at + SETTLE && a->moves < MOVES_MAX;
}

/* A day has passed since the last move after a heal. A clock that was set back
 * makes it two at most. */
static bool
may_heal(const struct mesh *m, int64_t now)
{
	int64_t ago = mesh_wall(m) - m->state.moved;

	return now < m->addr.healed_until &&
	       (m->state.moved == 0 || ago >= DAY || ago < -DAY);
}

void
address_full(struct mesh *m, int64_t now, const struct attempts *all)
{
	struct address *a = &m->addr;
	char net[IPNET_STRLEN];

	a->full = true;
	a->look_at = now + LOOK_FULL;
	if (now < a->said_at + SAY_EVERY)
		return;
	a->said_at = now;
	log_errorx("all %u overlay addresses that our name %s derives in %s "
		   "are taken: we get no tunnels; choose a wider "
		   "--overlay-net\tevent=no-address",
	    attempts_count(all), m->name, ipnet_str(&m->conf->overlay, net));
}

static const char one_address[] = "two hosts have one address";

static void
leave_to(struct mesh *m, int64_t now, const struct claimed *c)
{
	struct event_news news = {.kind = EVENT_CONFLICT,
	    .level = LOG_L_INFO,
	    .member = c->by.name,
	    .overlay = m->self,
	    .why = one_address};
	struct attempts *all = malloc(sizeof(*all));
	char buf[IPADDR_STRLEN];
	int next;

	if (all == NULL) {
		m->addr.contested = true;
		m->addr.look_at = now + LOOK_SOON;
		return;
	}
	attempts_init(all, &m->conf->overlay, m->name);
	address_mark(m, all);
	if ((next = attempts_pick(all, address_from(m))) == -1) {
		/* By order it is ours: it claims it as it found no other. */
		if (m->addr.full || beats_us(m, c))
			address_full(m, now, all);
		free(all);
		return;
	}
	event_sayf(&news,
	    "our overlay address %s is that of %s: taking another",
	    ipaddr_str(&m->self, buf), c->by.name);
	free(m->addr.seen);
	m->addr.seen = all;
	m->addr.moves++;
	address_ask(m, now, (unsigned)next);
}

/* The last move was of two parts that are one again: all begins anew. */
static void
heal(struct mesh *m, int64_t now, const struct claimed *c)
{
	struct address *a = &m->addr;

	m->state.moved = mesh_wall(m);
	a->own = -1;
	a->settled = false;
	a->settle_at = now;
	a->moves = MOVES_MAX - HEAL_MAX;
	leave_to(m, now, c);
}

static void
say_static(struct mesh *m, int64_t now, const struct claimed *c)
{
	struct event_news news = {.kind = EVENT_CONFLICT,
	    .level = LOG_L_ERROR,
	    .member = c->by.name,
	    .overlay = m->self,
	    .why = one_address};
	char buf[IPADDR_STRLEN];

	if (now < m->addr.said_at + SAY_EVERY)
		return;
	m->addr.said_at = now;
	event_sayf(&news,
	    "our --overlay-addr %s is claimed by %s too: who had it "
	    "first gets the tunnels, choose another",
	    ipaddr_str(&m->self, buf), c->by.name);
}

/* Somebody claims our address. */
static void
judge(struct mesh *m, int64_t now, const struct claimed *c)
{
	struct address *a = &m->addr;

	if (a->rival_at == NEVER)
		a->rival_at = now;
	if (is_static(m))
		say_static(m, now, c);
	else if (a->full)
		leave_to(m, now, c);
	else if (is_young(a, now) &&
		 (beats_us(m, c) || now >= a->rival_at + OLD_RIVAL))
		leave_to(m, now, c);
	else if (is_young(a, now))
		a->look_at = a->rival_at + OLD_RIVAL;
	else if (may_heal(m, now) && beats_us(m, c))
		heal(m, now, c);
}

void
address_rival_follow(struct mesh *m, int64_t now)
{
	struct address *a = &m->addr;
	struct claimed c;

	if (a->moving || !a->chosen || (!a->contested && now < a->look_at))
		return;
	a->contested = false;
	a->look_at = NEVER;
	if (find_rival(m, &c)) {
		judge(m, now, &c);
		return;
	}
	a->rival_at = NEVER;
	a->full = false;
}
