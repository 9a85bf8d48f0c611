#ifndef WESHER_QUIET_H
#define WESHER_QUIET_H

#include "../common/bucket.h"

/*
 * A limit on log lines that others can cause. Whoever holds the key can make
 * up names, and each has news, so a limit for each member is none. In the
 * gossip process; times are microseconds.
 */
#define QUIET_RATE 1 /* lines a second in the long run, of one kind */

struct quiet {
	struct bucket bucket;
	const char *what; /* not copied */
	bool warn; /* the kind of its lines: warnings, or info */
	unsigned long held; /* back, since the last one told */
	int64_t told; /* of those held back, the last time */
};

/* At most burst lines at once; what: the lines, in the plural. */
void quiet_init(struct quiet *q, const char *what, bool warn, unsigned burst);
/* May a line be logged now? Those held back are counted in a line of their
 * own, once a minute. */
bool quiet_may(struct quiet *q, int64_t now);
/* Call it now and then: tells of those held back though no other came. */
void quiet_flush(struct quiet *q, int64_t now);

#endif
