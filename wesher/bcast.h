#ifndef WESHER_BCAST_H
#define WESHER_BCAST_H

#include <sys/tree.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

struct member;

/*
 * The queue of broadcasts (protocol.md section 5, "Broadcast queue"). One
 * entry per node name: whoever queues gives the slot (in the member) where its
 * entry hangs, and a newer one replaces what is there. Ten thousand members
 * may be new at once: that a member is alive is written when it is sent.
 */
#define BCAST_MANY  64 /* more at once are sent less often */
#define BCAST_LEAST 2

struct bcast {
	RB_ENTRY(bcast) entry;
	struct bcast **slot; /* points back at us */
	uint32_t id;
	uint16_t len;
	uint8_t sent;
	bool alive; /* no msg: the slot is a member's */
	bool newcomer;
	uint8_t most; /* transmissions, when there were too many; or 0 */
	uint8_t msg[];
};

RB_HEAD(bcast_tree, bcast);

struct bcast_queue {
	struct bcast_tree tree; /* least sent, then longest, then newest */
	unsigned n;
	uint32_t next_id;
	/* Writes that a member is alive; the length, or -1. */
	ssize_t (*encode)(const struct member *m, uint8_t *buf, size_t cap);
};

void bcast_init(struct bcast_queue *q);
/* Drop everything; all slots become NULL. */
void bcast_clear(struct bcast_queue *q);

/*
 * Queue a copy of one encoded message, replacing what hangs at *slot. Returns
 * 0, or -1 when out of memory (the old entry is gone all the same: it is
 * outdated).
 */
int bcast_put(
    struct bcast_queue *q, struct bcast **slot, const void *msg, size_t len);
/* The same for the alive of m, by q->encode. Newcomers by the hundred are sent
 * less often. */
int bcast_put_alive(struct bcast_queue *q, struct member *m, bool newcomer);
/* Drop the entry at *slot, if any. */
void bcast_drop(struct bcast_queue *q, struct bcast **slot);

/*
 * Fill up c: least sent first, then the largest that fits. Each counts as one
 * transmission; after `limit` of them an entry is gone and its slot NULL.
 * Returns how many were added.
 */
unsigned
bcast_fill(struct bcast_queue *q, unsigned limit, struct wire_compound *c);

/*
 * Somebody else tells what hangs at *slot, too. As long as there is too much to
 * tell that is as good as one transmission of ours.
 */
void bcast_heard(struct bcast_queue *q, struct bcast **slot, unsigned limit);

/* mult * ceil(log10(n + 1)). */
unsigned bcast_limit(unsigned mult, unsigned n);

#endif
