/*
 * The simulator's queue of events. Two heaps with four children a node: one of
 * parcels by time, then by age, so that runs repeat exactly; one of timers, of
 * which each member has one and knows its place, since nearly every packet
 * moves a deadline or leaves it as it was. Parcels stand in chunks that never
 * move and are given out again last in, first out, while they are in the cache.
 */
#include <stdlib.h>
#include <string.h>

#include "queue.h"
#include "sim.h"

#define CHUNK 1024

static void *
must(void *p)
{
	sim_assert(p != NULL);
	return p;
}

void
queue_init(struct queue *q, unsigned members)
{
	unsigned i;

	memset(q, 0, sizeof(*q));
	q->timer = must(calloc(members + 1, sizeof(*q->timer)));
	q->where = must(calloc(members + 1, sizeof(*q->where)));
	for (i = 0; i < members; i++)
		q->where[i] = UINT32_MAX;
}

void
queue_free(struct queue *q)
{
	uint32_t i;

	for (i = 0; i < q->nheap; i++)
		free(parcel(q, q->heap[i].what)->big);
	for (i = 0; i < q->nchunks; i++)
		free(q->chunk[i]);
	free(q->chunk);
	free(q->free);
	free(q->heap);
	free(q->timer);
	free(q->where);
}

struct parcel *
parcel(struct queue *q, uint32_t what)
{
	return &q->chunk[what / CHUNK][what % CHUNK];
}

static void
pool_grow(struct queue *q)
{
	uint32_t n = q->nchunks++, i;

	q->chunk = must(
	    reallocarray(q->chunk, q->nchunks, sizeof(struct parcel *)));
	q->chunk[n] = must(malloc(CHUNK * sizeof(struct parcel)));
	q->free = must(reallocarray(
	    q->free, (size_t)q->nchunks * CHUNK, sizeof(*q->free)));
	for (i = CHUNK; i-- > 0;)
		if (n > 0 || i > 0)
			q->free[q->nfree++] = n * CHUNK + i;
}

uint32_t
parcel_new(struct queue *q)
{
	uint32_t what;

	if (q->nfree == 0)
		pool_grow(q);
	what = q->free[--q->nfree];
	parcel(q, what)->big = NULL;
	return what;
}

void
parcel_free(struct queue *q, uint32_t what)
{
	free(parcel(q, what)->big);
	q->free[q->nfree++] = what;
}

static bool
before(const struct heap_entry *a, const struct heap_entry *b)
{
	/* Ages wrap; far fewer are under way. */
	return a->at != b->at ? a->at < b->at : (int32_t)(a->age - b->age) < 0;
}

static uint32_t
first_child(const struct heap_entry *h, uint32_t n, uint32_t i)
{
	uint32_t k = 4 * i + 1, best = k, end = k + 4 < n ? k + 4 : n;

	for (; ++k < end;)
		if (before(&h[k], &h[best]))
			best = k;
	return best;
}

void
queue_put(struct queue *q, uint32_t what, int64_t at)
{
	struct heap_entry e = {.at = at, .age = q->age++, .what = what};
	uint32_t i, up;

	if (q->nheap == q->capheap) {
		q->capheap = q->capheap * 2 + 1024;
		q->heap = must(
		    reallocarray(q->heap, q->capheap, sizeof(*q->heap)));
	}
	for (i = q->nheap++; i > 0; i = up) {
		up = (i - 1) / 4;
		if (!before(&e, &q->heap[up]))
			break;
		q->heap[i] = q->heap[up];
	}
	q->heap[i] = e;
}

int64_t
queue_next(const struct queue *q)
{
	return q->nheap == 0 ? NEVER : q->heap[0].at;
}

uint32_t
queue_take(struct queue *q)
{
	struct heap_entry last = q->heap[--q->nheap];
	uint32_t what = q->nheap == 0 ? last.what : q->heap[0].what;
	uint32_t i = 0, k;

	while (4 * i + 1 < q->nheap) {
		k = first_child(q->heap, q->nheap, i);
		if (!before(&q->heap[k], &last))
			break;
		q->heap[i] = q->heap[k];
		i = k;
	}
	q->heap[i] = last;
	return what;
}

static void
timer_place(struct queue *q, uint32_t i, struct heap_entry e)
{
	q->timer[i] = e;
	q->where[e.what] = i;
}

static void
timer_up(struct queue *q, uint32_t i, struct heap_entry e)
{
	uint32_t up;

	for (; i > 0; i = up) {
		up = (i - 1) / 4;
		if (!before(&e, &q->timer[up]))
			break;
		timer_place(q, i, q->timer[up]);
	}
	timer_place(q, i, e);
}

static void
timer_down(struct queue *q, uint32_t i, struct heap_entry e)
{
	uint32_t k;

	while (4 * i + 1 < q->ntimer) {
		k = first_child(q->timer, q->ntimer, i);
		if (!before(&q->timer[k], &e))
			break;
		timer_place(q, i, q->timer[k]);
		i = k;
	}
	timer_place(q, i, e);
}

static void
timer_move(struct queue *q, uint32_t i, struct heap_entry e)
{
	if (i > 0 && before(&e, &q->timer[(i - 1) / 4]))
		timer_up(q, i, e);
	else
		timer_down(q, i, e);
}

void
timer_set(struct queue *q, unsigned member, int64_t at)
{
	/* Two of the same moment: by number. */
	struct heap_entry e = {.at = at, .age = member, .what = member};
	uint32_t i = q->where[member];

	if (i != UINT32_MAX && at == NEVER) {
		q->where[member] = UINT32_MAX;
		if (i != --q->ntimer)
			timer_move(q, i, q->timer[q->ntimer]);
	} else if (i != UINT32_MAX) {
		if (q->timer[i].at != at)
			timer_move(q, i, e);
	} else if (at != NEVER) {
		timer_up(q, q->ntimer++, e);
	}
}

int64_t
timer_next(const struct queue *q)
{
	return q->ntimer == 0 ? NEVER : q->timer[0].at;
}

unsigned
timer_first(const struct queue *q)
{
	return q->timer[0].what;
}
