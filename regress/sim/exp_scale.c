/*
 * How much the simulator carries: a mesh at rest, and a join, a crash and a
 * partition of a large one. What a run costs is the processor's time of this
 * process, the set-up included; memory is the peak so far.
 */
#include "sim.h"

static const char *
cost(double cpu)
{
	return sim_fmt(
	    "%.1f s of one core, %zu MB", sim_cpu() - cpu, sim_rss() >> 20);
}

static void
at_rest(const struct sim_options *o, unsigned n, int64_t minutes, double most)
{
	struct cluster_config cfg = {
	    .profile = &swim_wan, .seed = o->seed, .warm = true};
	double cpu = sim_cpu();
	struct cluster *c = cluster_new(n, &cfg);
	unsigned i, failed = 0;
	bool good;

	run_for(c, minutes * 60 * SEC);
	for (i = 0; i < n; i++)
		failed += cluster_node(c, i)->failed;
	good = is_fullmesh(c) && failed == 0;
	fprintf(stderr, "# %u at rest: %llu steps, digest %016llx\n", n,
	    (unsigned long long)cluster_steps(c),
	    (unsigned long long)cluster_digest(c));
	/* The short form runs anywhere, beside anything. */
	if (o->length != SIM_SHORT)
		good = good && sim_cpu() - cpu <= most;
	sim_row("scale: at rest",
	    sim_fmt("%u members, WAN, %d min", n, (int)minutes), "-", cost(cpu),
	    o->length == SIM_SHORT ? "all alive"
				   : sim_fmt("all alive, <= %.0f s", most),
	    good);
	cluster_free(c);
}

static double
seconds(int64_t us)
{
	return us < 0 ? -1 : (double)us / SEC;
}

/* One more joins, one crashes, and `cut` members are cut off for a while. */
static void
events(const struct sim_options *o, unsigned n, unsigned cut, int64_t apart,
    double most)
{
	struct cluster_config cfg = {.profile = &swim_wan,
	    .seed = o->seed,
	    .warm = true,
	    .strangers = 1};
	double cpu = sim_cpu();
	struct cluster *c = cluster_new(n, &cfg);
	int64_t joined, crashed, healed;
	unsigned lost;
	bool good;

	fprintf(stderr, "# warm: %s\n", cost(cpu));
	join(c, n - 1, 0);
	joined = wait_fullmesh(c, 600 * SEC);
	fprintf(stderr, "# joined: %.1f s, %s\n", seconds(joined), cost(cpu));
	crash_member(c, 1);
	crashed = wait_status_everywhere(c, 1, MEMBER_DEAD, 1800 * SEC);
	fprintf(stderr, "# crashed: %.1f s, %s\n", seconds(crashed), cost(cpu));
	set_partition(c, 0, cut, 1);
	run_for(c, apart);
	lost = status_count(c, 0, MEMBER_DEAD);
	fprintf(stderr, "# parted: %llu missing, %u hold one dead, %s\n",
	    (unsigned long long)missing(c), lost, cost(cpu));
	heal(c);
	healed = wait_fullmesh(c, 3600 * SEC);
	fprintf(stderr, "# healed: %.1f s, %llu missing, %s\n", seconds(healed),
	    (unsigned long long)missing(c), cost(cpu));
	good = joined != -1 && crashed != -1 && healed != -1;
	if (o->length != SIM_SHORT)
		good = good && sim_cpu() - cpu <= most;
	sim_row("scale: join, crash, partition",
	    sim_fmt("%u members, WAN, %u cut off for %d s", n, cut,
		(int)(apart / SEC)),
	    "-",
	    sim_fmt("seen by all after %.1f, %.1f, %.1f s; %s", seconds(joined),
		seconds(crashed), seconds(healed), cost(cpu)),
	    o->length == SIM_SHORT ? "all three end"
				   : sim_fmt("all three end, <= %.0f s%s", most,
					 n > 5000 ? "" : ", <= 16 GiB"),
	    good && (n > 5000 || sim_rss() >> 20 < 16 << 10));
	cluster_free(c);
}

int
main(int argc, char **argv)
{
	struct sim_options o;

	sim_options(argc, argv, &o);
	switch (o.length) {
	case SIM_SHORT:
		at_rest(&o, 300, 2, 0);
		events(&o, 300, 150, 120 * SEC, 0);
		break;
	case SIM_LONG:
	case SIM_FULL:
		at_rest(&o, 1000, 10, 60);
		events(&o, 1000, 500, 120 * SEC, 600);
		events(&o, 5000, 100, 120 * SEC, 600);
		if (o.length == SIM_FULL)
			break;
		/* Halves would have five thousand suspicions in each table. */
		events(&o, 10000, 100, 120 * SEC, 3600);
		break;
	}
	return 0;
}
