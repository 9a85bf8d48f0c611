/*
 * Whom another member has as alive, by its last push/pull with us: part of the
 * core in the gossip process, for people who look at the mesh. It is that
 * member's word, read once more after it was merged; nothing is decided by it.
 * Of many entries a part is looked at.
 */
#include <string.h>

#include "swim_int.h"

#define ENTRIES 1024

void
reports_tell(struct swim *s, const uint8_t *body, size_t len,
    const struct ipport *sender)
{
	uint8_t alive[SWIM_REPORTED / 8] = {0};
	const struct member *m, *from;
	struct wire_pushpull head;
	struct wire_node n;
	struct mp_in in;
	uint32_t i;

	if (s->reported == NULL || sender->ip.len == 0 ||
	    (from = member_find_addr(&s->t, sender)) == NULL || from->is_self)
		return;
	mp_in_init(&in, body, len);
	if (wire_get_pushpull(&in, &head) == -1 || head.nodes == 0)
		return;
	for (i = 0; i < head.nodes && i < ENTRIES; i++) {
		if (wire_get_node(&in, &n) == -1)
			break;
		if (n.state != WIRE_S_ALIVE)
			continue;
		m = member_find(&s->t, (const char *)n.name.p, n.name.len);
		if (m != NULL && m->id <= SWIM_REPORTED)
			alive[(m->id - 1) / 8] |=
			    (uint8_t)(1u << (m->id - 1) % 8);
	}
	s->reported(s->arg, from, alive);
}
