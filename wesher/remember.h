#ifndef WESHER_REMEMBER_H
#define WESHER_REMEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"
#include "../common/clock.h"

/*
 * Members that failed, remembered as targets of a join and nothing else, so
 * that the halves of a mesh find each other when the network returns. Pure:
 * time is passed in, now in microseconds of the monotonic clock, wall in
 * seconds since 1970; joins are asked for by a callback and answered by
 * remember_tried. Nothing here is ever told to another member.
 */
struct remember;

#define REMEMBER_MAX 1024

/*
 * How long until the next try of somebody who has been gone for `age` (us): 5
 * seconds at first, 45 from the first minute to the end of the sixth hour,
 * then more, up to five minutes.
 */
int64_t remember_backoff(int64_t age);

/*
 * Who tries whom: of all living members of ours the one with the least weight
 * for that name, another one in each slot of wall time, so that nobody can
 * keep a target for himself (by being new, or hostile). Of the slot of a time
 * in seconds; all members compute the same.
 */
uint64_t remember_slot(int64_t wall);
uint64_t remember_weight(const char *target, size_t targetlen, uint64_t slot,
    const char *member, size_t len);

struct remembered {
	const char *name;
	size_t namelen; /* at most NAME_MAX_LEN */
	struct ipport at;
	int64_t failed; /* seconds since 1970 */
	/* For the state file alone (state.h). */
	struct ipaddr overlay;
	uint8_t pubkey[32];
	bool has_pubkey;
	int64_t since;
};

struct remember_ops {
	/* Start a join; returns its id, answered by remember_tried, 0: out of
	 * memory. */
	uint32_t (*attempt)(void *arg, const struct ipport *to);
	/* Has it no sense now? NULL: try it; else a sentence why. */
	const char *(*spare)(void *arg, const struct ipport *to);
	/*
	 * Is one of the living members of ours, other than ourselves, below
	 * that weight? Asked for a target that is due, at most.
	 */
	bool (*lighter)(void *arg, const struct remembered *r, uint64_t slot,
	    uint64_t than);
	uint32_t (*random)(void *arg);
};

/* self is our name, copied; forget_after in us, 0: nobody is remembered. NULL
 * when out of memory. */
struct remember *remember_new(const struct remember_ops *ops, void *arg,
    const char *self, int64_t forget_after);
void remember_free(struct remember *r);

/*
 * Somebody failed, or had when the state was saved; a failure to come is taken
 * for one of now. The name is copied. With 1,024 of them the oldest goes,
 * which is the least likely to come back to where it was; but first one at the
 * same IP address, so that a key holder with many names displaces his own.
 * False when it is not remembered: too old, ourselves, or out of memory.
 */
bool remember_add(
    struct remember *r, int64_t now, int64_t wall, const struct remembered *e);
/* It is alive, or it left. True if it was remembered. */
bool remember_drop(struct remember *r, const char *name, size_t len);

/* How many; the i-th of them, the newest first, valid until the next call. */
size_t remember_count(const struct remember *r);
const struct remembered *remember_get(const struct remember *r, size_t i);
/* How long ago that one failed, in seconds. */
int64_t remember_age(const struct remember *r, size_t i, int64_t now);

void remember_tick(struct remember *r, int64_t now, int64_t wall);
int64_t remember_deadline(const struct remember *r);
enum remember_outcome {
	REMEMBER_REACHED,
	REMEMBER_SELF, /* the address is ours now: forgotten */
	REMEMBER_FAILED
};
/* A join has ended. False: it is none of these. */
bool remember_tried(struct remember *r, uint32_t id, enum remember_outcome how);
/* Something changed about this host's network: try all soon. */
void remember_hurry(struct remember *r, int64_t now);

#endif
