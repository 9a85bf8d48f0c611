/*
 * How often others can make us send, part of the core in the gossip process.
 * Whoever holds the key can ask in anybody's name (a ping names the address
 * that wants the answer, and the source of a datagram is easily forged), and
 * can announce members at any address. What comes of it must be few and small
 * packets, or a mesh would be a weapon against those who are no part of it;
 * and it must not use up the transmissions of our broadcasts.
 */
#include "swim_int.h"

static void
set(struct bucket *b, int64_t rate, int64_t burst)
{
	b->rate = rate;
	b->burst = burst;
}

void
limit_init(struct limits *l)
{
	unsigned i;

	set(&l->stranger, LIMIT_STRANGER, 2 * LIMIT_STRANGER);
	set(&l->filled, LIMIT_FILLED, 4 * LIMIT_FILLED);
	set(&l->relays, LIMIT_RELAYS, 4 * LIMIT_RELAYS);
	set(&l->unheard, LIMIT_UNHEARD, 4 * LIMIT_UNHEARD);
	for (i = 0; i < LIMIT_SLOTS; i++) {
		set(&l->claimed[i], LIMIT_CLAIMED, 4 * LIMIT_CLAIMED);
		set(&l->asker[i], LIMIT_ASKER, 4 * LIMIT_ASKER);
	}
}

static bool
take(const struct swim *s, struct bucket *b)
{
	return bucket_take(b, s->now / 1000);
}

/* Ports are easily changed: they do not count. */
static unsigned
slot(const struct swim *s, const struct ipport *a)
{
	return (unsigned)member_hash(&s->t, a->ip.b, a->ip.len) % LIMIT_SLOTS;
}

bool
limit_answer(struct swim *s, const struct ipport *from, const struct ipport *to)
{
	if (!ipaddr_eq(&from->ip, &to->ip))
		return take(s, &s->limits.claimed[slot(s, to)]);
	return member_find_addr(&s->t, to) != NULL ||
	       take(s, &s->limits.stranger);
}

bool
limit_filled(struct swim *s)
{
	return take(s, &s->limits.filled);
}

bool
limit_relay(struct swim *s, const struct ipport *from)
{
	return take(s, &s->limits.asker[slot(s, from)]) &&
	       take(s, &s->limits.relays);
}

bool
limit_unheard(struct swim *s)
{
	return take(s, &s->limits.unheard);
}
