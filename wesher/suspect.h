#ifndef WESHER_SUSPECT_H
#define WESHER_SUSPECT_H

#include <stdbool.h>
#include <stdint.h>

struct member;

/*
 * Suspicions and their deadlines: only suspects cost memory, and one heap
 * knows who is due next (protocol.md section 5, "Suspicion").
 */
struct suspicion {
	struct member *m;
	int64_t start, min, max, deadline; /* us */
	unsigned pos; /* in the heap */
	unsigned k, c; /* confirmations wanted, and seen */
	uint64_t from[]; /* hashes of the accusers, c + 1 of them */
};

struct suspect_heap {
	struct suspicion **v;
	unsigned n, cap;
};

/* mult * max(1, log10 n) * interval, in us. */
int64_t suspect_min(unsigned mult, unsigned n, int64_t interval);
/* max - (max - min) * log(c + 1) / log(k + 1), never below min; min if !k. */
int64_t suspect_timeout(unsigned c, unsigned k, int64_t min, int64_t max);

/*
 * Begin: hangs itself at m->suspicion. from is the hash of the first accuser,
 * who can no longer confirm. Returns 0, or -1 when out of memory.
 */
int suspect_start(struct suspect_heap *h, struct member *m, uint64_t from,
    unsigned k, int64_t min, int64_t max, int64_t now);
/* True when this accuser is new and wanted: the deadline came nearer. */
bool
suspect_confirm(struct suspect_heap *h, struct suspicion *sp, uint64_t from);
/* End m's suspicion, if any. */
void suspect_stop(struct suspect_heap *h, struct member *m);

/* The first deadline, INT64_MAX when there is none. */
int64_t suspect_deadline(const struct suspect_heap *h);
/* The suspect whose time is over at now, or NULL; stays in the heap. */
struct member *suspect_due(const struct suspect_heap *h, int64_t now);
/* End all of them. */
void suspect_free(struct suspect_heap *h);

#endif
