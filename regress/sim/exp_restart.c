/*
 * Nine tenths of a mesh restart within half a minute, as when everybody gets
 * an upgrade: killed, started again after one to three seconds with an empty
 * table and a higher incarnation, to join the members of the state file as the
 * daemon does (several at a time, again until one answers). memberlist leaves
 * members dead then (its issue 311).
 */
#include <stdlib.h>

#include "sim.h"

#define WINDOW (30 * SEC)
#define SAVED  64 /* of the state file: any that it knew */

struct act {
	int64_t at;
	unsigned who;
	bool start;
};

struct wave {
	struct cluster *c;
	unsigned (*saved)[SAVED]; /* by member */
	struct act *act;
	unsigned n;
};

static int
by_time(const void *a, const void *b)
{
	const struct act *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->who < y->who ? -1 : x->who > y->who;
}

/* Two acts for each of `many` random members. */
static void
wave_plan(struct wave *w, unsigned many)
{
	unsigned n = cluster_size(w->c), *who = calloc(n, sizeof(*who)), i, k;

	sim_assert(who != NULL);
	for (i = 0; i < n; i++)
		who[i] = i;
	for (i = 0; i < many; i++) {
		k = i + cluster_random_of(w->c, n - i);
		unsigned one = who[k];
		int64_t at = cluster_now(w->c) +
			     cluster_random_of(
				 w->c, (unsigned)(WINDOW - 3 * SEC));
		struct act kill = {.at = at, .who = one},
			   start = {.at = at + SEC +
					  cluster_random_of(w->c, 2 * SEC),
			       .who = one,
			       .start = true};

		who[k] = who[i];
		w->act[w->n++] = kill;
		w->act[w->n++] = start;
	}
	free(who);
	qsort(w->act, w->n, sizeof(w->act[0]), by_time);
}

/* Its state file lists whom it knew, in the order of its table. */
static void
save(struct wave *w, unsigned i)
{
	const struct member_table *t = swim_members(cluster_node(w->c, i)->s);
	unsigned k, n = 0;
	int who;

	for (k = 0; k < t->n && n < SAVED; k++) {
		who = cluster_of(w->c, t->list[k]);
		if (who != -1 && who != (int)i)
			w->saved[i][n++] = (unsigned)who;
	}
	while (n < SAVED)
		w->saved[i][n++] = i; /* join_saved passes itself over */
}

static void
wave_run(struct wave *w)
{
	unsigned i;

	for (i = 0; i < w->n; i++) {
		const struct act *a = &w->act[i];

		run_for(w->c, a->at - cluster_now(w->c));
		if (a->start) {
			start_member(w->c, a->who);
			join_saved(w->c, a->who, w->saved[a->who], SAVED);
		} else {
			save(w, a->who);
			crash_member(w->c, a->who);
		}
	}
}

static void
progress(struct cluster *c, int64_t start)
{
	unsigned i, most = 0;
	uint64_t sum = 0;

	for (i = 0; i < cluster_size(c); i++) {
		unsigned q = swim_queued(cluster_node(c, i)->s);

		sum += q;
		most = q > most ? q : most;
	}
	fprintf(stderr,
	    "# %.1f s: %llu pairs missing, %.0f broadcasts queued (at most "
	    "%u), %.0f s\n",
	    (double)(cluster_now(c) - start) / SEC,
	    (unsigned long long)missing(c), (double)sum / cluster_size(c), most,
	    sim_cpu());
}

/* Returns the seconds from the first kill until everybody has everybody alive,
 * or -1 after `max`. */
static double
until_all(struct cluster *c, int64_t start, int64_t max)
{
	progress(c, start);
	while (!is_fullmesh(c)) {
		if (cluster_now(c) - start >= max)
			return -1;
		if (wait_fullmesh(c, 10 * SEC) == -1)
			progress(c, start);
	}
	return (double)(cluster_now(c) - start) / SEC;
}

static void
restart(const struct sim_options *o, unsigned n, unsigned many)
{
	struct cluster_config cfg = {
	    .profile = &swim_wan, .seed = o->seed, .warm = true};
	struct wave w = {.c = cluster_new(n, &cfg)};
	double cpu = sim_cpu(), took;
	int64_t start;

	w.saved = calloc(n, sizeof(*w.saved));
	w.act = calloc(2 * (size_t)many, sizeof(*w.act));
	sim_assert(w.saved != NULL && w.act != NULL);
	run_for(w.c, 10 * SEC);
	start = cluster_now(w.c);
	wave_plan(&w, many);
	wave_run(&w);
	took = until_all(w.c, start, 600 * SEC);
	fprintf(stderr, "# digest %016llx\n",
	    (unsigned long long)cluster_digest(w.c));
	sim_row("restart", sim_fmt("%u of %u within 30 s, WAN", many, n),
	    "memberlist leaves members dead",
	    took < 0 ? "some not alive after 600 s"
		     : sim_fmt("all alive everywhere %.1f s after the first "
			       "kill; %.0f s of one core, %zu MB",
			   took, sim_cpu() - cpu, sim_rss() >> 20),
	    "<= 120 s", took >= 0 && took <= 120);
	cluster_free(w.c);
	free(w.saved);
	free(w.act);
}

int
main(int argc, char **argv)
{
	struct sim_options o;

	sim_options(argc, argv, &o);
	if (o.length == SIM_SHORT)
		restart(&o, 300, 270);
	else
		restart(&o, 5000, 4500);
	return 0;
}
