#ifndef WESHER_MEMBER_H
#define WESHER_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"

/*
 * The member table of the core: who is known, with what address, metadata,
 * incarnation and state. Owned by the core; others read it.
 */
enum member_state { MEMBER_ALIVE, MEMBER_SUSPECT, MEMBER_DEAD, MEMBER_LEFT };

struct suspicion;

struct member {
	const char *name; /* NUL-terminated; valid as check_name has it */
	const uint8_t *meta; /* metalen bytes, NULL when 0 */
	uint16_t metalen;
	uint8_t namelen;
	uint8_t addrlen; /* 4 or 16 */
	uint8_t addr[16]; /* as received; relayed exactly so */
	uint16_t port;
	uint8_t vsn[6];
	uint8_t state; /* enum member_state */
	bool ours; /* metadata carries our extension */
	bool is_self;
	bool answered; /* an ack or stream came from it once */
	uint32_t incarnation;
	int64_t since; /* us: last change of state */
	void *udata; /* for the mesh; NULL at first */

	/* the core's own */
	struct suspicion *suspicion;
	unsigned slot; /* position in the probe order */
	struct member *hash_next;
};

struct member_table {
	struct member **list; /* n members in probe order */
	unsigned n, cap;
	struct member **hash;
	unsigned hashsize; /* a power of two */
	uint64_t hashkey[2];
};

/* NULL when there is none. */
struct member *
member_find(const struct member_table *t, const char *name, size_t len);

/* Canonical address and port (v4-mapped becomes v4). */
void member_ipport(const struct member *m, struct ipport *out);

/* "alive", "suspect", "failed", "left". */
const char *member_state_name(unsigned state);

#endif
