/*
 * What a test asks of a simulated cluster: cuts and losses, who holds whom in
 * which state, and waiting for it. Questions about everybody remember who was
 * not done when asked last and begin there, since the answer is mostly still
 * no.
 */
#include <string.h>

#include "sim_int.h"

void
set_drop(struct cluster *c, double drop)
{
	c->net.drop = drop;
}

void
set_drop_in(struct cluster *c, unsigned i, double drop)
{
	cluster_node(c, i)->drop_in = drop;
}

void
set_drop_out(struct cluster *c, unsigned i, double drop)
{
	cluster_node(c, i)->drop_out = drop;
}

void
set_duplicate(struct cluster *c, double share)
{
	c->net.duplicate = share;
}

void
set_reorder(struct cluster *c, double share)
{
	c->net.reorder = share;
}

void
set_mtu(struct cluster *c, size_t mtu)
{
	c->net.mtu = mtu;
}

void
set_partition(struct cluster *c, unsigned first, unsigned last, unsigned group)
{
	sim_assert(group < SIM_GROUPS && last <= c->n);
	for (; first < last; first++)
		c->node[first].group = (uint8_t)group;
}

void
set_one_way(struct cluster *c, unsigned from, unsigned to, bool cut)
{
	sim_assert(from < SIM_GROUPS && to < SIM_GROUPS);
	if (cut)
		c->cut[from] |= (uint8_t)(1u << to);
	else
		c->cut[from] &= (uint8_t) ~(1u << to);
}

void
heal(struct cluster *c)
{
	unsigned i;

	for (i = 0; i < c->n; i++)
		c->node[i].group = 0;
	for (i = 0; i < SIM_GROUPS; i++)
		c->cut[i] = (uint8_t) ~(1u << i);
}

int
member_status(struct cluster *c, unsigned i, unsigned j)
{
	const char *name = cluster_node(c, j)->name;
	struct swim *s = cluster_node(c, i)->s;
	const struct member *m;

	sim_assert(s != NULL);
	m = member_find(swim_members(s), name, strlen(name));
	return m == NULL ? -1 : m->state;
}

unsigned
status_count(struct cluster *c, unsigned j, int state)
{
	unsigned i, n = 0;

	for (i = 0; i < c->n; i++)
		n += i != j && c->node[i].s != NULL &&
		     member_status(c, i, j) == state;
	return n;
}

static unsigned
running(const struct cluster *c)
{
	unsigned i, n = 0;

	for (i = 0; i < c->n; i++)
		n += c->node[i].s != NULL;
	return n;
}

/* How many of those who run does this table have alive? *wrong: or others. */
static unsigned
alive_in(const struct cluster *c, const struct swim *s, bool *wrong)
{
	unsigned k, n = 0;
	int i;

	for (k = 0; k < s->t.n; k++) {
		if (s->t.list[k]->state != MEMBER_ALIVE)
			continue;
		i = cluster_of(c, s->t.list[k]);
		if (i != -1 && c->node[i].s != NULL)
			n++;
		else
			*wrong = true;
	}
	return n;
}

bool
is_fullmesh(struct cluster *c)
{
	unsigned k, i, up = running(c);
	bool wrong = false;

	for (k = 0; k < c->n; k++) {
		i = (c->hint + k) % c->n;
		if (c->node[i].s == NULL)
			continue;
		/* The count of others spares a walk through most tables. */
		if (c->node[i].s->others_alive + 1 != up ||
		    alive_in(c, c->node[i].s, &wrong) != up || wrong) {
			c->hint = i;
			return false;
		}
	}
	return true;
}

uint64_t
missing(struct cluster *c)
{
	unsigned i, up = running(c);
	uint64_t n = 0;
	bool wrong;

	for (i = 0; i < c->n; i++)
		if (c->node[i].s != NULL)
			n += up - alive_in(c, c->node[i].s, &wrong);
	return n;
}

static bool
full(struct cluster *c, void *arg)
{
	(void)arg;
	return is_fullmesh(c);
}

int64_t
wait_fullmesh(struct cluster *c, int64_t max)
{
	return run_until(c, SIM_STEP, max, full, NULL);
}

struct wanted {
	unsigned i, j;
	int state;
};

static bool
one_has(struct cluster *c, void *arg)
{
	const struct wanted *w = arg;

	return member_status(c, w->i, w->j) == w->state;
}

int64_t
wait_status(struct cluster *c, unsigned i, unsigned j, int state, int64_t max)
{
	struct wanted w = {i, j, state};

	return run_until(c, SIM_STEP, max, one_has, &w);
}

static bool
all_have(struct cluster *c, void *arg)
{
	const struct wanted *w = arg;
	unsigned k, i;

	for (k = 0; k < c->n; k++) {
		i = (c->hint + k) % c->n;
		if (i == w->j || c->node[i].s == NULL)
			continue;
		if (member_status(c, i, w->j) != w->state) {
			c->hint = i;
			return false;
		}
	}
	return true;
}

int64_t
wait_status_everywhere(struct cluster *c, unsigned j, int state, int64_t max)
{
	struct wanted w = {.j = j, .state = state};

	return run_until(c, SIM_STEP, max, all_have, &w);
}
