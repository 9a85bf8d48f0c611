/*
 * How much the simulator carries: a mesh at rest, and a join, a crash and a
 * partition of a large one. What a run costs is counted by the processor's
 * time of this process, the set-up included.
 */
#include "sim.h"

static void
at_rest(const struct sim_options *o, unsigned n, int64_t minutes)
{
	struct cluster_config cfg = {
	    .profile = &swim_wan, .seed = o->seed, .warm = true};
	double cpu = sim_cpu();
	struct cluster *c = cluster_new(n, &cfg);
	unsigned i, failed = 0;

	run_for(c, minutes * 60 * SEC);
	for (i = 0; i < n; i++)
		failed += cluster_node(c, i)->failed;
	cpu = sim_cpu() - cpu;
	fprintf(stderr, "# %u at rest: %llu steps, digest %016llx\n", n,
	    (unsigned long long)cluster_steps(c),
	    (unsigned long long)cluster_digest(c));
	sim_row("at rest", sim_fmt("%u members, WAN, %d min", n, (int)minutes),
	    "-", sim_fmt("%.1f s of one core, %zu MB", cpu, sim_rss() >> 20),
	    "all alive", is_fullmesh(c) && failed == 0);
	cluster_free(c);
}

int
main(int argc, char **argv)
{
	struct sim_options o;

	sim_options(argc, argv, &o);
	at_rest(&o, o.length == SIM_SHORT ? 300 : 1000,
	    o.length == SIM_SHORT ? 2 : 10);
	return 0;
}
