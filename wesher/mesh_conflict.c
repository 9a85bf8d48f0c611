/*
 * Names that two hosts claim, part of the mesh of the gossip process, for
 * `wesher status`. Any holder of the key can make such claims, so only the last
 * few are kept, and not for long; nothing is decided by them.
 */
#include "mesh_int.h"

#define CONFLICT_KEPT (600 * US_PER_S)

/* Of that member, or our own; the oldest when there is none. */
static struct conflict *
slot_of(struct mesh *m, uint32_t id)
{
	struct conflict *c, *oldest = &m->conflicts[0];
	unsigned i;

	for (i = 0; i < CONFLICTS; i++) {
		c = &m->conflicts[i];
		if (c->at.ip.len != 0 && c->id == id)
			return c;
		if (c->seen < oldest->seen)
			oldest = c;
	}
	return oldest;
}

void
mesh_conflict(
    struct mesh *m, const struct member *mb, const struct ipport *other)
{
	struct conflict *c = slot_of(m, mb == NULL ? 0 : mb->id);

	c->id = mb == NULL ? 0 : mb->id;
	c->at = *other;
	c->seen = m->now;
}

const struct conflict *
mesh_conflict_of(const struct mesh *m, const struct member *mb, int64_t now)
{
	uint32_t id = mb == NULL ? 0 : mb->id;
	const struct conflict *c;
	unsigned i;

	for (i = 0; i < CONFLICTS; i++) {
		c = &m->conflicts[i];
		if (c->at.ip.len != 0 && c->id == id &&
		    now - c->seen < CONFLICT_KEPT)
			return c;
	}
	return NULL;
}

void
mesh_conflict_forget(struct mesh *m, const struct member *mb)
{
	struct conflict *c = slot_of(m, mb->id);

	if (c->id == mb->id)
		c->at.ip.len = 0;
}
