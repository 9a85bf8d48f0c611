/*
 * Who holds an overlay address, in the gossip process. Members choose names,
 * keys, addresses, dialect and flags, so only time speaks: whoever was seen
 * first to claim an address holds it while it is alive or its tunnel is held
 * down (hold.c), against whatever comes later.
 *
 * Gossip does not bring everybody the same news first. So for half a minute a
 * holder is contested, and the order of claim.c decides between those that were
 * first seen in half a minute: all who saw them agree. What came in one
 * push/pull came at one moment. A claim is as old as the first sight of this
 * name with this address, however often it is repeated and with whatever key;
 * it ends when the name claims something else, or is gone.
 *
 * An address is held also where it brings no tunnel (an endpoint that this host
 * cannot reach, a key that another has): nobody else shall get the packets.
 * A key is contested only by who had it in an earlier run of ours: it is no
 * choice, so two never have one by chance.
 */
#include <stdlib.h>
#include <string.h>

#include "../common/log.h"
#include "claim.h"
#include "event.h"
#include "peers_int.h"

static uint32_t
ticks(int64_t us)
{
	return (uint32_t)(us / CLAIM_TICK);
}

static bool
is_claim(const struct peers *ps, const struct peer *p, enum peer_why why)
{
	if (why == PEER_OUR_ADDR)
		return ipaddr_eq(&p->want.addr, &ps->cfg.self_addr);
	return why == PEER_PENDING || why == PEER_BAD_ENDPOINT ||
	       why == PEER_NO_FAMILY;
}

/* In a slot's `since`; 0: unknown. */
static uint32_t
wall_of(const struct peers *ps)
{
	int64_t t = 0;

	if (ps->cfg.ops->wall != NULL)
		t = ps->cfg.ops->wall(ps->cfg.arg);
	return t > 0 && t < UINT32_MAX ? (uint32_t)t : 0;
}

/* What the saved table says of p's want; 0: nothing. */
static uint32_t
take_saved(struct peers *ps, const struct peer *p)
{
	const struct holder h = {
	    p->name, p->namelen, p->want.key, &p->want.addr};
	int64_t since = 0;

	if (ps->saved == NULL)
		return 0;
	if (ps->now < ps->saved_until)
		since = holders_take(ps->saved, &h);
	if (ps->now >= ps->saved_until || holders_left(ps->saved) == 0) {
		holders_free(ps->saved);
		ps->saved = NULL;
	}
	return since < UINT32_MAX ? (uint32_t)since : 0;
}

/* It claims nothing now. Who failed may be back, and is the same then; but who
 * held nothing has nothing to come back to. */
static void
claim_ends(struct peer *p, enum peer_why why, bool held)
{
	struct peer_slot *s = p->slot;

	s->known = held && s->since != 0 && why == PEER_GONE &&
		   (p->m == NULL || p->m->state == MEMBER_DEAD);
	if (!s->known)
		s->since = 0;
	s->claims = false;
}

void
peer_claim_note(struct peers *ps, struct peer *p, const struct tunnel *old,
    enum peer_why why, bool held)
{
	struct peer_slot *s = p->slot;
	bool same_addr = ipaddr_eq(&old->addr, &p->want.addr);
	bool same_key = memcmp(old->key, p->want.key, WG_KEY_LEN) == 0;
	bool again = s->claims && same_addr;
	uint32_t saved;

	if (!is_claim(ps, p, why)) {
		if (s->claims || why != PEER_GONE)
			claim_ends(p, why, held);
		return;
	}
	s->claims = true;
	if (again && same_key)
		return;
	if (!again)
		s->seen = ticks(ps->now);
	s->known = s->known && same_addr && (again || same_key);
	if (!again && !s->known)
		s->since = wall_of(ps);
	saved = take_saved(ps, p);
	if (saved != 0) {
		s->since = saved;
		s->known = true;
	}
}

static struct claim
claim_of(const struct peer_slot *s, const struct tunnel *t)
{
	struct claim c = {s->m->name, s->m->namelen,
	    .movable = !t->plain && !t->is_static,
	    .since = s->known ? s->since : 0};

	return c;
}

/* May its holder lose what it holds? */
static bool
is_contested(const struct peers *ps, const struct peer_slot *s)
{
	uint32_t age = ticks(ps->now) - s->seen;

	if (s->m == NULL || (s->p != NULL && s->p->hold == HOLD_ON))
		return false;
	return age < ticks(CLAIM_YOUNG) ||
	       (s->p != NULL && s->p->got_at == ps->now);
}

/* Does a come before b, which has no tunnel there? */
static bool
was_before(const struct peer_slot *a, const struct peer_slot *b)
{
	bool has_tunnel = b->applied;

	if (b->p != NULL)
		has_tunnel = b->p->applied &&
			     ipaddr_eq(&b->p->have.addr, &b->t.addr);
	return !has_tunnel && a->known && a->since < b->since;
}

/*
 * wesher-priv lets nobody have the address for as long as a session of its
 * former key may live, so who holds it after that one failed may have to wait
 * for its tunnel. Until then nothing is sent there, and who is back has it.
 */
static bool
is_back_in_time(const struct peer_slot *a, const struct peer_slot *holder)
{
	return holder->p != NULL && holder->p->wanted && was_before(a, holder);
}

/* Is p's claim to its address better than that of its holder? */
static bool
takes_addr(const struct peers *ps, const struct peer *p,
    const struct peer_slot *holder)
{
	int32_t later = (int32_t)(p->slot->seen - holder->seen);
	struct claim mine, other;

	if (is_back_in_time(p->slot, holder))
		return true;
	if (!is_contested(ps, holder) || was_before(holder, p->slot))
		return false;
	if (later >= (int32_t)ticks(CLAIM_YOUNG))
		return false;
	if (later <= -(int32_t)ticks(CLAIM_YOUNG))
		return true;
	mine = claim_of(p->slot, &p->want);
	other = claim_of(holder, &holder->t);
	return claim_wins(&mine, &other);
}

static bool
takes_key(const struct peers *ps, const struct peer *p,
    const struct peer_slot *holder)
{
	const struct peer_slot *s = p->slot;

	return is_contested(ps, holder) && s->known &&
	       (!holder->known || s->since < holder->since);
}

static void
say_lost(struct peers *ps, const struct peer *p, const struct peer *lost)
{
	struct event_news news = {.kind = EVENT_CONFLICT,
	    .level = LOG_L_INFO,
	    .member = lost->name,
	    .overlay = p->want.addr,
	    .why = "two hosts have one address",
	    .unlogged = !quiet_may(&ps->quiet, ps->now)};
	char buf[IPADDR_STRLEN];

	event_sayf(&news,
	    "%s and %s claimed the overlay address %s at about "
	    "one time: it is that of %s",
	    p->name, lost->name, ipaddr_str(&p->want.addr, buf), p->name);
}

/* Is it p's, now that nobody or a worse one holds it? NULL in *lost: nobody. */
static bool
gets_key(struct peers *ps, struct peer *p, struct peer **lost)
{
	struct peer_slot *holder = peer_by_key(ps, p->want.key);

	if (holder == NULL)
		return true;
	if (!takes_key(ps, p, holder) ||
	    (*lost = peer_wake(ps, holder)) == NULL)
		return false;
	peer_release_key(ps, holder);
	return true;
}

static bool
gets_addr(struct peers *ps, struct peer *p, struct peer **lost)
{
	struct peer_slot *holder = peer_by_addr(ps, &p->want.addr);

	if (holder == NULL)
		return true;
	if (!p->slot->keyed || !takes_addr(ps, p, holder) ||
	    (*lost = peer_wake(ps, holder)) == NULL)
		return false;
	peer_release_addr(ps, holder);
	say_lost(ps, p, *lost);
	return true;
}

enum peer_why
peer_claim(
    struct peers *ps, struct peer *p, enum peer_why why, struct peer *lost[2])
{
	lost[0] = lost[1] = NULL;
	if (!p->slot->claims)
		return why;
	if (gets_key(ps, p, &lost[0]))
		peer_hold_key(ps, p);
	if (why == PEER_OUR_ADDR)
		return why;
	if (!gets_addr(ps, p, &lost[1]))
		return PEER_ADDR_TAKEN;
	peer_hold_addr(ps, p);
	return p->slot->keyed ? why : PEER_KEY_TAKEN;
}

void
peers_expect(struct peers *ps, int64_t now, size_t n)
{
	uint32_t key[4];
	unsigned i;

	for (i = 0; i < 4; i++)
		key[i] = ps->cfg.ops->random(ps->cfg.arg);
	holders_free(ps->saved);
	ps->saved = n > 0 ? holders_new(key, n) : NULL;
	ps->saved_until = now + ps->cfg.forget_after;
}

void
peers_remember(struct peers *ps, const struct holder *h, int64_t since)
{
	if (ps->saved != NULL)
		holders_add(ps->saved, h, since);
}
