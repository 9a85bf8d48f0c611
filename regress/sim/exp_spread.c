/*
 * How fast one alive reaches everybody by gossip alone: no probe, no exchange,
 * so nothing rides along. A round is an interval of gossip (0.5 s), counted
 * from the announcement and begun ones in full; ours have each a phase of
 * their own and a network between them, the model's go in step and hear at
 * once. Both are run as often.
 *
 * Members send next to no gossip to who was never heard (limit.c), so each row
 * is measured in two meshes: one where everybody has heard everybody, and one
 * where nobody has heard anybody, as if all had just read their state files.
 */
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "sim_int.h"

#define LOOK	 (SEC / 100)
#define FAR	 (1000000 * SEC)
#define EXCHANGE (10 * SEC)

struct spread {
	const char *mesh; /* the words of the table */
	bool unheard;
	unsigned n, runs;
	double loss;
	/* What the issue saw of the model. */
	double mean;
	unsigned max;
};

struct result {
	unsigned runs, missed, lost; /* lost: missed by an exchange too */
	unsigned max;
	double sum;
	uint64_t packets;
};

/* Those who do not know yet, and what they shall know. */
struct rumour {
	unsigned about, *who, n;
	uint32_t inc;
};

static struct swim_profile gossip_alone;

static bool
knows(struct cluster *c, unsigned i, const struct rumour *r)
{
	const struct node *about = cluster_node(c, r->about);
	const struct member *m = member_find(
	    swim_members(cluster_node(c, i)->s), about->name,
	    strlen(about->name));

	return m != NULL && m->incarnation >= r->inc;
}

static bool
all_know(struct cluster *c, struct rumour *r)
{
	unsigned i;

	for (i = 0; i < r->n;) {
		if (knows(c, r->who[i], r))
			r->who[i] = r->who[--r->n];
		else
			i++;
	}
	return r->n == 0;
}

static bool
is_silent(struct cluster *c, void *arg)
{
	unsigned i;

	(void)arg;
	for (i = 0; i < cluster_size(c); i++)
		if (swim_queued(cluster_node(c, i)->s) > 0)
			return false;
	return true;
}

/* All know, or nobody talks of it any more. */
static bool
is_over(struct cluster *c, void *arg)
{
	struct rumour *r = arg;

	return all_know(c, r) ||
	       (cluster_now(c) % SEC == 0 && is_silent(c, NULL));
}

static void
forget_hearing(struct swim *s)
{
	unsigned i;

	for (i = 0; i < s->t.n; i++) {
		struct member *m = s->t.list[i];

		if (m->is_self)
			continue;
		m->heard = m->answered = false;
		evict_sort(s, m);
	}
}

static void
prepare(struct cluster *c, const struct spread *e)
{
	unsigned i;

	for (i = 0; i < e->n; i++) {
		struct swim *s = cluster_node(c, i)->s;

		s->next_probe = s->next_pushpull = cluster_now(c) + FAR;
		if (e->unheard)
			forget_hearing(s);
	}
}

/* Not at a moment that all runs share. */
static void
announce(struct cluster *c, struct rumour *r)
{
	uint8_t meta[WIRE_META_MAX];
	struct node *n;
	unsigned i;

	run_for(c, LOOK * cluster_random_of(c, 100));
	r->about = cluster_random_of(c, cluster_size(c));
	n = cluster_node(c, r->about);
	swim_set_meta(n->s, cluster_now(c), meta, sim_meta(c, n, meta));
	sim_rearm(n);
	r->inc = swim_incarnation(n->s);
	for (i = r->n = 0; i < cluster_size(c); i++)
		if (i != r->about)
			r->who[r->n++] = i;
}

/* Whoever was missed has one push/pull with somebody. */
static void
exchange(struct cluster *c, struct rumour *r, struct result *res)
{
	unsigned i, j;

	res->missed++;
	for (i = 0; i < r->n; i++) {
		while ((j = cluster_random_of(c, cluster_size(c))) == r->who[i])
			;
		join(c, r->who[i], j);
	}
	run_for(c, EXCHANGE);
	res->lost += !all_know(c, r);
}

static void
once(struct cluster *c, const struct spread *e, struct result *res)
{
	struct rumour r = {.who = calloc(e->n, sizeof(*r.who))};
	int64_t start, took, round = gossip_alone.gossip_interval;
	unsigned rounds;

	sim_assert(r.who != NULL);
	prepare(c, e);
	announce(c, &r);
	start = cluster_now(c);
	sim_assert(run_until(c, LOOK, 600 * SEC, is_over, &r) >= 0);
	took = cluster_now(c) - start;
	rounds = (unsigned)((took + round - 1) / round);
	res->runs++;
	if (r.n > 0) {
		exchange(c, &r, res);
	} else {
		res->sum += rounds;
		if (rounds > res->max)
			res->max = rounds;
	}
	sim_assert(run_until(c, SEC, 600 * SEC, is_silent, NULL) >= 0);
	free(r.who);
}

static void
print(const struct spread *e, const struct model_spread *m,
    const struct result *r)
{
	double mean = r->missed < r->runs ? r->sum / (r->runs - r->missed) : 0;

	sim_row(sim_fmt("spread of one alive, %s", e->mesh),
	    sim_fmt(
		"n=%u, loss %.0f %%, %u runs", e->n, e->loss * 100, r->runs),
	    sim_fmt("%.1f (%u); model now %.2f (%u)", e->mean, e->max, m->mean,
		m->max),
	    sim_fmt("%.2f (%u), missed somebody in %u, after an exchange in %u",
		mean, r->max, r->missed, r->lost),
	    "mean and max <= 1.3 x, missed <= 1 %, then 0",
	    r->missed < r->runs && mean <= 1.3 * e->mean &&
		r->max <= 1.3 * (e->max > m->max ? e->max : m->max) &&
		r->missed * 100 <= r->runs && r->lost == 0);
}

static void
measure(const struct sim_options *o, const struct spread *e)
{
	struct network wan = network_wan;
	struct cluster_config cfg = {.profile = &gossip_alone,
	    .network = &wan,
	    .seed = o->seed,
	    .metalen = 124,
	    .warm = true};
	struct model_spread m;
	struct result r = {.runs = 0};
	struct cluster *c;
	unsigned i;

	wan.drop = e->loss;
	c = cluster_new(e->n, &cfg);
	for (i = 0; i < e->runs; i++)
		once(c, e, &r);
	model_spread(o->seed, e->n, gossip_alone.gossip_fanout,
	    bcast_limit(gossip_alone.retransmit_mult, e->n), e->loss, e->runs,
	    &m);
	print(e, &m, &r);
	fprintf(
	    stderr, "# spread: %.1f s, %zu MB\n", sim_cpu(), sim_rss() >> 20);
	cluster_free(c);
}

/* n, runs in short, full, loss, mean and max of the issue. */
static const struct row {
	unsigned n, runs[2];
	double loss, mean;
	unsigned max;
} rows[] = {
    {128, {100, 1000}, 0, 5.2, 6},
    {1000, {4, 200}, 0, 6.9, 7},
    {10000, {0, 4}, 0, 8.8, 10},
    {128, {100, 1000}, 0.2, 6.1, 6},
    {1000, {4, 200}, 0.2, 7.9, 8},
    {10000, {0, 4}, 0.2, 10.5, 11},
};

int
main(int argc, char **argv)
{
	struct sim_options o;
	unsigned i, unheard;

	sim_options(argc, argv, &o);
	gossip_alone = swim_wan;
	gossip_alone.probe_interval = gossip_alone.pushpull_interval = 4000 *
								       SEC;
	for (unheard = 0; unheard < 2; unheard++)
		for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			const struct row *w = &rows[i];
			struct spread e = {
			    .mesh = unheard ? "nobody heard" : "all heard",
			    .unheard = unheard,
			    .n = w->n,
			    .runs = w->runs[o.length > SIM_SHORT],
			    .loss = w->loss,
			    .mean = w->mean,
			    .max = w->max};

			if (e.runs > 0)
				measure(&o, &e);
		}
	return 0;
}
