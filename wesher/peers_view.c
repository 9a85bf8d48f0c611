/*
 * What others may know about the tunnels: for `wesher status`, the state file
 * and the choice of our dialect. Reads only.
 */
#include <string.h>

#include "peers_int.h"

void
peers_view(const struct peers *ps, const struct member *m, struct peer_view *v)
{
	const struct peer_slot *s = m->udata;
	const struct peer *p;
	struct peer rested;

	memset(v, 0, sizeof(*v));
	v->why = PEER_PENDING;
	if (s == NULL)
		return;
	if ((p = s->p) == NULL) {
		peer_expand(s, &rested);
		p = &rested;
	}
	v->why = p->why;
	peer_words(ps, p, v->detail, sizeof(v->detail));
	if (p->why == PEER_OK)
		v->no_line = peer_no_line(&ps->cfg, p);
	v->kept = p->hold == HOLD_ON && m->state >= MEMBER_DEAD;
	v->connected = v->kept && p->hold_proven;
	v->decoded = p->decoded;
	v->meta = p->meta;
	if (s->held || !s->claims)
		v->since = s->since;
	v->endpoint = p->have.endpoint;
	v->has_stat = p->has_stat;
	if (p->has_stat && p->endpoint.ip.len != 0)
		v->endpoint = p->endpoint;
	v->handshake = p->handshake;
	v->rx = p->rx;
	v->tx = p->tx;
}

void
peers_dialects(const struct peers *ps, struct peers_dialects *d)
{
	const struct peer_slot *s;
	const struct peer *p;

	memset(d, 0, sizeof(*d));
	TAILQ_FOREACH (s, &ps->all, all) {
		p = s->p;
		if (s->m == NULL || s->m->state >= MEMBER_DEAD ||
		    !(p != NULL ? p->decoded : s->decoded))
			continue;
		if (p != NULL ? p->meta.has_x : s->ours)
			d->ours++;
		else if (p != NULL ? p->meta.dialect == META_V02 : s->v02)
			d->v02++;
		else
			d->v03++;
	}
}
