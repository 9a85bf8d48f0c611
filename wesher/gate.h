#ifndef WESHER_GATE_H
#define WESHER_GATE_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"

/*
 * Who may hold a stream, and how much of it, before it has shown the key: the
 * accounting alone, so that it can be tried in virtual time. Times are
 * microseconds of any clock that does not fall back.
 */
#define GATE_STREAMS	128 /* accepted at once, as peers have it */
#define GATE_STRANGERS	96 /* of which from no member's address */
#define GATE_BYTES	(8u << 20) /* held by all before authentication */
#define GATE_STRANGE	(6u << 20) /* of which by strangers' larger streams */
#define GATE_OWED	(64u << 20) /* answers that were not yet taken */
#define GATE_SMALL	4096 /* streams up to that are no larger ones */
#define GATE_PER_SOURCE 2 /* strangers of one IPv4 address or IPv6 /64 */
#define GATE_PER_MEMBER 8 /* from one member's address */
#define GATE_WINDOW	500000 /* us: progress is what the last two brought */

enum gate_who {
	GATE_STRANGER, /* accepted, from no member's address */
	GATE_MEMBER, /* accepted, from the address of a member */
	GATE_ASKED /* we opened it ourselves: counts with its bytes alone */
};

/* One stream, embedded in its owner's struct. */
struct gate_entry {
	TAILQ_ENTRY(gate_entry) entry; /* the oldest first */
	enum gate_who who;
	struct ipaddr source; /* as it is counted */
	bool open; /* it has shown the key: it is answered */
	int64_t since, answered; /* accepted; shown the key */
	size_t held, owed;
	int64_t window;
	size_t progress[2]; /* bytes of this window and of the one before */
};
TAILQ_HEAD(gate_list, gate_entry);

struct gate {
	struct gate_list list;
	unsigned streams; /* accepted */
	size_t held, owed;
};

void gate_init(struct gate *g);

/* A stream begins or ends. */
void gate_enter(struct gate *g, struct gate_entry *e, enum gate_who who,
    const struct ipaddr *source, int64_t now);
void gate_leave(struct gate *g, struct gate_entry *e);

/* Its bytes that are held by now. */
void gate_holds(struct gate *g, struct gate_entry *e, size_t held, int64_t now);

/* It has shown the key; what it held is let go. */
void gate_opened(struct gate *g, struct gate_entry *e, int64_t now);

/* Its answer waits to be taken: so many bytes. */
void gate_owes(struct gate *g, struct gate_entry *e, size_t bytes);

/*
 * After an entry came, got bytes or owes them: who has to go for it, the least
 * progressing first; it may be e itself. NULL: nobody. The caller ends that
 * stream, and asks again unless it was e.
 */
struct gate_entry *
gate_surplus(struct gate *g, struct gate_entry *e, int64_t now);

/*
 * When a stream's phase that begins now is over: after phase us, and the whole
 * exchange after half as much again, however its phases share that.
 */
int64_t gate_deadline(const struct gate_entry *e, int64_t phase, int64_t now);

#endif
