#ifndef REGRESS_SIM_QUEUE_H
#define REGRESS_SIM_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "../../common/addr.h"
#include "../../wesher/wire.h"

/*
 * What is to come: parcels (packets and streams under way) in a heap by time
 * and age, and one timer for each member in another. Entries are small and
 * stand in arrays; parcels are pooled and found by number, 0 is none.
 */
enum parcel_kind {
	P_PACKET,
	P_REQUEST,
	P_REPLY,
	P_FAILED,
	P_ASK, /* these three stay within a host */
	P_TELL,
	P_NAME
};

struct parcel {
	uint32_t from, to;
	uint32_t life; /* of the receiver of a reply */
	uint32_t id; /* of a stream */
	uint32_t len;
	uint32_t next; /* of what waits for the same member */
	uint8_t kind;
	uint8_t *big; /* a stream's message, malloc'ed, or NULL */
	uint8_t small[WIRE_PLAIN_MAX];
};

struct heap_entry {
	int64_t at;
	uint32_t age, what;
};

struct queue {
	struct heap_entry *heap, *timer;
	uint32_t nheap, capheap, ntimer, age;
	uint32_t *where; /* of a member's timer in the heap, for all */
	struct parcel **chunk;
	uint32_t nchunks, nfree;
	uint32_t *free;
};

void queue_init(struct queue *q, unsigned members);
void queue_free(struct queue *q);

/* A parcel, its fields unset but big, which is NULL. */
uint32_t parcel_new(struct queue *q);
struct parcel *parcel(struct queue *q, uint32_t what);
void parcel_free(struct queue *q, uint32_t what);

/* It arrives then. */
void queue_put(struct queue *q, uint32_t what, int64_t at);
/* When the next parcel comes (NEVER: none), and take it. */
int64_t queue_next(const struct queue *q);
uint32_t queue_take(struct queue *q);

/* Set a member's timer, NEVER: off. */
void timer_set(struct queue *q, unsigned member, int64_t at);
/* When the next timer is due, and whose it is. */
int64_t timer_next(const struct queue *q);
unsigned timer_first(const struct queue *q);

#endif
