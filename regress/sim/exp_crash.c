/*
 * How soon a crash is declared: n = 128, LAN, suspicion multiplier 5. One
 * member after the other is killed; the time until the first other one holds
 * it dead is taken, then it starts again and the mesh comes to rest. Every
 * crash is a sample of the same mesh, at a random moment of its probes.
 */
#include <stdlib.h>

#include "model.h"
#include "sim_int.h"

#define N      128
#define MULT   5
#define REST   (8 * SEC)
#define LONG   (300 * SEC)
#define LOOK   (SEC / 100)
#define WITHIN 0.10

struct watch {
	unsigned who; /* is down */
	int64_t at; /* declared, or 0 */
};

static void
look(struct cluster *c, unsigned i, const struct swim_event *ev)
{
	struct watch *w = cluster_arg(c);

	(void)i;
	if (ev->type == SWIM_EV_FAILED && w->at == 0 &&
	    cluster_of(c, ev->m) == (int)w->who)
		w->at = cluster_now(c);
}

static bool
is_declared(struct cluster *c, void *arg)
{
	(void)c;
	return ((struct watch *)arg)->at != 0;
}

/* Seconds from the crash of one until the first declares it. */
static double
crash_one(struct cluster *c, struct watch *w)
{
	int64_t start;

	/* The moment is nobody's: neither a probe's nor an event's. */
	run_for(c, REST + cluster_random_of(c, (unsigned)SEC));
	sim_assert(is_fullmesh(c));
	w->who = cluster_random_of(c, N);
	w->at = 0;
	crash_member(c, w->who);
	start = cluster_now(c);
	sim_assert(run_until(c, LOOK, LONG, is_declared, w) >= 0);
	sim_assert(wait_status_everywhere(c, w->who, MEMBER_DEAD, LONG) >= 0);
	start_member(c, w->who);
	join(c, w->who, w->who == 0 ? 1 : w->who - 1);
	sim_assert(wait_fullmesh(c, LONG) >= 0);
	return (double)(w->at - start) / (double)SEC;
}

static void
row(const char *what, unsigned runs, double issue, double model, double ours,
    bool judge)
{
	bool near = ours >= issue * (1 - WITHIN) &&
		    ours <= issue * (1 + WITHIN);

	sim_row("detection of a crash",
	    sim_fmt("n=%d, LAN, multiplier %d, %u crashes, %s", N, MULT, runs,
		what),
	    sim_fmt("%.1f s; model now %.2f s", issue, model),
	    sim_fmt("%.2f s", ours), judge ? "within 10 %" : "-",
	    judge ? near : SIM_TOLD);
}

int
main(int argc, char **argv)
{
	struct swim_profile lan5 = swim_lan;
	struct watch w = {.at = 0};
	struct sim_options o;
	struct cluster_config cfg = {.profile = &lan5,
	    .metalen = 124,
	    .warm = true,
	    .event = look,
	    .arg = &w};
	struct model_crash m;
	struct cluster *c;
	unsigned i, runs;
	double *took;

	sim_options(argc, argv, &o);
	lan5.suspicion_mult = MULT;
	cfg.seed = o.seed;
	runs = o.length == SIM_SHORT ? 60 : 2000;
	took = calloc(runs, sizeof(*took));
	sim_assert(took != NULL);
	c = cluster_new(N, &cfg);
	for (i = 0; i < runs; i++)
		took[i] = crash_one(c, &w);
	cluster_free(c);
	model_crash(o.seed, N, MULT, lan5.suspicion_max_mult, 1000000, &m);
	row("p50", runs, 12.2, m.p50, model_quantile(took, runs, 0.5), true);
	/* Of a few crashes it is only the slowest. */
	row("p99", runs, 16.1, m.p99, model_quantile(took, runs, 0.99),
	    o.length > SIM_SHORT);
	row("p99.9", runs, 18.4, m.p999, model_quantile(took, runs, 0.999),
	    false);
	fprintf(stderr,
	    "# crash: fastest %.2f s, shortest suspicion %.2f s, "
	    "%.1f s of one core\n",
	    took[0], m.min, sim_cpu());
	free(took);
	return 0;
}
