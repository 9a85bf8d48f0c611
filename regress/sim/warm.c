/*
 * A mesh that is old: everybody knows everybody, has heard from everybody, and
 * has nothing left to say. One state of all is written once, with the real
 * encoder, and each member takes it as the answer to its own join, through the
 * real reader. Then what an hour of probes would have left is set by hand:
 * that each other member answered once, and when the next exchange is.
 */
#include <stdlib.h>
#include <string.h>

#include "../../wesher/meta.h"
#include "sim_int.h"

static size_t
put_node(struct cluster *c, unsigned i, uint8_t *buf, size_t cap)
{
	static const uint8_t vsn[6] = {1, 5, 2, 0, 0, 0};
	struct node *n = &c->node[i];
	uint8_t meta[META_MAX];
	struct wire_node e = {
	    .name = swim_str(n->name),
	    .addr = {n->addr.ip.b, n->addr.ip.len},
	    .port = n->addr.port,
	    .meta = {meta, sim_meta(c, n, meta)},
	    .incarnation = swim_incarnation(n->s),
	    .state = WIRE_S_ALIVE,
	    .vsn = {vsn, sizeof(vsn)},
	};
	ssize_t len = wire_put_node(buf, cap, &e);

	sim_assert(len > 0);
	return (size_t)len;
}

static uint8_t *
state_of_all(struct cluster *c, size_t *len)
{
	unsigned n = c->n - c->cfg.strangers;
	struct wire_pushpull head = {.join = true, .nodes = n};
	size_t cap = 64 + (size_t)n * (META_MAX + 160);
	uint8_t *buf = malloc(cap);
	ssize_t at;
	unsigned i;

	sim_assert(buf != NULL);
	at = wire_put_pushpull(buf, cap, &head);
	sim_assert(at > 0);
	*len = (size_t)at;
	for (i = 0; i < n; i++)
		*len += put_node(c, i, buf + *len, cap - *len);
	return buf;
}

static void
age(struct swim *s)
{
	unsigned i;

	for (i = 0; i < s->t.n; i++) {
		struct member *m = s->t.list[i];

		m->announce = ANNOUNCE_NO;
		if (m->is_self)
			continue;
		m->heard = true;
		evict_answered(s, m);
	}
	s->next_pushpull =
	    s->now + (int64_t)((double)swim_random(s, UINT32_MAX) /
			       4294967296.0 * (double)pushpull_interval(s));
	s->announce_at = NEVER;
}

void
warm_up(struct cluster *c)
{
	size_t len;
	uint8_t *state = state_of_all(c, &len);
	unsigned i, old = c->n - c->cfg.strangers;

	c->warm = true;
	for (i = 0; i < old; i++) {
		struct node *n = &c->node[i];

		join(c, i, (i + 1) % old);
		swim_stream_reply(
		    n->s, c->now, c->warm_id, state[0], state + 1, len - 1);
		sim_assert(n->s->t.n == old && n->s->queue.n == 0);
		age(n->s);
		n->joins = 0;
		sim_rearm(n);
	}
	c->warm = false;
	free(state);
}
