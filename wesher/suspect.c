/*
 * Suspicions, part of the core in the gossip process: Lifeguard's time-out
 * that shrinks as independent accusers confirm. Accusers are named by other
 * members and may lie; the caller lets only known ones through, and an accuser
 * counts once.
 */
#include <math.h>
#include <stdlib.h>

#include "member.h"
#include "suspect.h"

int64_t
suspect_min(unsigned mult, unsigned n, int64_t interval)
{
	double scale = n > 10 ? log10(n) : 1.0;

	return (int64_t)(mult * scale * (double)interval);
}

int64_t
suspect_timeout(unsigned c, unsigned k, int64_t min, int64_t max)
{
	double frac;
	int64_t t;

	if (c >= k) /* whatever log(3) rounds */
		return min;
	frac = log(c + 1.0) / log(k + 1.0);
	t = max - (int64_t)(frac * (double)(max - min));
	return t < min ? min : t;
}

static void
heap_set(struct suspect_heap *h, unsigned i, struct suspicion *sp)
{
	h->v[i] = sp;
	sp->pos = i;
}

static void
heap_up(struct suspect_heap *h, struct suspicion *sp)
{
	unsigned i = sp->pos, up;

	for (; i > 0; i = up) {
		up = (i - 1) / 2;
		if (h->v[up]->deadline <= sp->deadline)
			break;
		heap_set(h, i, h->v[up]);
	}
	heap_set(h, i, sp);
}

static void
heap_down(struct suspect_heap *h, struct suspicion *sp)
{
	unsigned i = sp->pos, c;

	for (; (c = 2 * i + 1) < h->n; i = c) {
		if (c + 1 < h->n && h->v[c + 1]->deadline < h->v[c]->deadline)
			c++;
		if (sp->deadline <= h->v[c]->deadline)
			break;
		heap_set(h, i, h->v[c]);
	}
	heap_set(h, i, sp);
}

int
suspect_start(struct suspect_heap *h, struct member *m, uint64_t from,
    unsigned k, int64_t min, int64_t max, int64_t now)
{
	struct suspicion *sp, **v;
	unsigned cap;

	if (h->n == h->cap) {
		cap = h->cap == 0 ? 8 : h->cap * 2;
		v = reallocarray(h->v, cap, sizeof(struct suspicion *));
		if (v == NULL)
			return -1;
		h->v = v;
		h->cap = cap;
	}
	sp = calloc(1, sizeof(*sp) + (k + 1) * sizeof(sp->from[0]));
	if (sp == NULL)
		return -1;
	sp->m = m;
	sp->start = now;
	sp->min = min;
	sp->max = max;
	sp->k = k;
	sp->from[0] = from;
	sp->deadline = now + suspect_timeout(0, k, min, max);
	sp->pos = h->n++;
	heap_up(h, sp);
	m->suspicion = sp;
	return 0;
}

bool
suspect_confirm(struct suspect_heap *h, struct suspicion *sp, uint64_t from)
{
	unsigned i;

	if (sp->c >= sp->k)
		return false;
	for (i = 0; i <= sp->c; i++)
		if (sp->from[i] == from)
			return false;
	sp->from[++sp->c] = from;
	sp->deadline = sp->start +
		       suspect_timeout(sp->c, sp->k, sp->min, sp->max);
	heap_up(h, sp);
	return true;
}

void
suspect_stop(struct suspect_heap *h, struct member *m)
{
	struct suspicion *sp = m->suspicion, *last;

	if (sp == NULL)
		return;
	m->suspicion = NULL;
	last = h->v[--h->n];
	if (last != sp) {
		heap_set(h, sp->pos, last);
		heap_up(h, last);
		heap_down(h, last);
	}
	free(sp);
}

int64_t
suspect_deadline(const struct suspect_heap *h)
{
	return h->n == 0 ? INT64_MAX : h->v[0]->deadline;
}

struct member *
suspect_due(const struct suspect_heap *h, int64_t now)
{
	return suspect_deadline(h) <= now ? h->v[0]->m : NULL;
}

void
suspect_free(struct suspect_heap *h)
{
	while (h->n > 0)
		suspect_stop(h, h->v[0]->m);
	free(h->v);
	h->v = NULL;
	h->cap = 0;
}
