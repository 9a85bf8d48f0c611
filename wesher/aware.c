/*
 * Local health, part of the core in the gossip process. Its input is what our
 * own probes saw; the score must never leave its range, or a probe would take
 * for ever.
 */
#include "aware.h"

void
aware_apply(struct aware *a, int delta)
{
	int64_t score = (int64_t)a->score + delta;

	if (a->max == 0)
		return;
	if (score < 0)
		score = 0;
	if (score > (int64_t)a->max - 1)
		score = (int64_t)a->max - 1;
	a->score = (unsigned)score;
}

int64_t
aware_scale(const struct aware *a, int64_t interval)
{
	return interval * ((int64_t)a->score + 1);
}
