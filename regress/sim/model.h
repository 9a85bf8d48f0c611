#ifndef REGRESS_SIM_MODEL_H
#define REGRESS_SIM_MODEL_H

#include <stdint.h>

/*
 * What the experiments are held against: models of gossip and of detection
 * that know nothing of our code. They have their own source of chance; the
 * same seed gives the same figures.
 */

/* Rounds until everybody knows, of the runs in which nobody was missed. */
struct model_spread {
	double mean;
	unsigned max;
	unsigned missed; /* runs in which gossip ended before */
};

/*
 * n members in step. Each one that knows tells `fanout` others of its choice
 * in every round, `limit` times in all (a packet that is lost counts), from
 * the round after it heard.
 */
void model_spread(uint64_t seed, unsigned n, unsigned fanout, unsigned limit,
    double loss, unsigned runs, struct model_spread *out);

/* Seconds from a crash until somebody declares it. */
struct model_crash {
	double min; /* the shortest suspicion */
	double p50, p99, p999;
};

/*
 * The simplest model: probes of the crashed member come as a Poisson process,
 * one a second (n - 1 members, each of which probes one of n - 1 every
 * second). The first one ends a second later in a suspicion, which lasts the
 * minimum, mult * log10(n) seconds.
 */
void model_crash_plain(unsigned n, unsigned mult, struct model_crash *out);

/*
 * The same by Monte Carlo, where the suspicion ends sooner than its maximum
 * (max_mult times the minimum) only as further probes confirm it.
 */
void model_crash(uint64_t seed, unsigned n, unsigned mult, unsigned max_mult,
    unsigned runs, struct model_crash *out);

/* The q-quantile (0 .. 1) of n values, which it sorts. */
double model_quantile(double *v, unsigned n, double q);

#endif
