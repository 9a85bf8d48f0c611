/*
 * The models beside which the experiments put the core's figures. Written
 * from the papers' words alone (Das, Gupta, Motivala 2002; Dadgar, Phillips,
 * Currey 2017): a model that shared code with the core would share its errors.
 */
#include <err.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define FANOUT_MAX 16

static uint64_t
next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static unsigned
below(uint64_t *state, unsigned n)
{
	return (unsigned)((next(state) >> 32) * n >> 32);
}

/* In (0, 1]: its logarithm is finite. */
static double
unit(uint64_t *state)
{
	return ((double)(next(state) >> 11) + 1) * 0x1p-53;
}

static double
exponential(uint64_t *state)
{
	return -log(unit(state));
}

struct rumour {
	uint64_t chance;
	unsigned n, fanout, limit;
	double loss;
	unsigned *who; /* those who know, in the order in which they heard */
	unsigned *sent; /* by the one at the same place */
	bool *knows;
	unsigned nwho;
};

/* k others, all different. */
static void
choose(struct rumour *r, unsigned self, unsigned k, unsigned *out)
{
	unsigned i, j;

	for (i = 0; i < k; i++) {
		do {
			out[i] = below(&r->chance, r->n);
			for (j = 0; j < i && out[j] != out[i]; j++)
				;
		} while (out[i] == self || j < i);
	}
}

static void
tell(struct rumour *r, unsigned at)
{
	unsigned to[FANOUT_MAX], i, k = r->fanout;

	if (k > r->limit - r->sent[at])
		k = r->limit - r->sent[at];
	r->sent[at] += k;
	choose(r, r->who[at], k, to);
	for (i = 0; i < k; i++) {
		if (r->knows[to[i]] || unit(&r->chance) <= r->loss)
			continue;
		r->knows[to[i]] = true;
		r->sent[r->nwho] = 0;
		r->who[r->nwho++] = to[i];
	}
}

/* Returns the rounds that it took, 0: somebody was missed. */
static unsigned
spread_once(struct rumour *r)
{
	unsigned round, i, old, first = 0;

	memset(r->knows, 0, r->n * sizeof(*r->knows));
	r->who[0] = 0;
	r->sent[0] = 0;
	r->knows[0] = true;
	r->nwho = 1;
	for (round = 1; first < r->nwho; round++) {
		for (i = first, old = r->nwho; i < old; i++)
			tell(r, i);
		if (r->nwho == r->n)
			return round;
		while (first < r->nwho && r->sent[first] == r->limit)
			first++;
	}
	return 0;
}

static void *
array(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL)
		err(1, NULL);
	return p;
}

void
model_spread(uint64_t seed, unsigned n, unsigned fanout, unsigned limit,
    double loss, unsigned runs, struct model_spread *out)
{
	struct rumour r = {.chance = seed,
	    .n = n,
	    .fanout = fanout,
	    .limit = limit,
	    .loss = loss,
	    .who = array(n, sizeof(*r.who)),
	    .sent = array(n, sizeof(*r.sent)),
	    .knows = array(n, sizeof(*r.knows))};
	unsigned i, rounds;
	double sum = 0;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < runs; i++) {
		if ((rounds = spread_once(&r)) == 0) {
			out->missed++;
			continue;
		}
		sum += rounds;
		if (rounds > out->max)
			out->max = rounds;
	}
	if (out->missed < runs)
		out->mean = sum / (runs - out->missed);
	free(r.who);
	free(r.sent);
	free(r.knows);
}

void
model_crash_plain(unsigned n, unsigned mult, struct model_crash *out)
{
	out->min = mult * log10(n);
	out->p50 = 1 + out->min - log(0.5);
	out->p99 = 1 + out->min - log(0.01);
	out->p999 = 1 + out->min - log(0.001);
}

/* How long a suspicion lasts, with confirmations k of them awaited. */
static double
suspicion(uint64_t *chance, double min, double max, unsigned k)
{
	double at = 0, ends = max;
	unsigned c;

	for (c = 1; c <= k; c++) {
		at += exponential(chance);
		if (at >= ends)
			break;
		ends = max - (max - min) * log(c + 1) / log(k + 1);
		if (ends < at)
			ends = at;
	}
	return ends;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double
model_quantile(double *v, unsigned n, double q)
{
	unsigned i = (unsigned)(q * n);

	qsort(v, n, sizeof(*v), compare);
	return v[i < n ? i : n - 1];
}

void
model_crash(uint64_t seed, unsigned n, unsigned mult, unsigned max_mult,
    unsigned runs, struct model_crash *out)
{
	double *v = array(runs, sizeof(*v));
	uint64_t chance = seed;
	unsigned i;

	out->min = mult * log10(n);
	for (i = 0; i < runs; i++)
		v[i] = exponential(&chance) + 1 +
		       suspicion(
			   &chance, out->min, max_mult * out->min, mult - 2);
	out->p50 = model_quantile(v, runs, 0.5);
	out->p99 = model_quantile(v, runs, 0.99);
	out->p999 = model_quantile(v, runs, 0.999);
	free(v);
}
