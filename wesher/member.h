#ifndef WESHER_MEMBER_H
#define WESHER_MEMBER_H

#include <sys/queue.h>

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
struct bcast;

/* One allocation: the name and the first metadata stand behind the struct. */
struct member {
	const char *name; /* NUL-terminated; valid as check_name has it */
	const uint8_t *meta; /* metalen bytes, NULL when 0 */
	uint16_t metalen;
	uint8_t namelen;
	uint8_t addrlen; /* 4 or 16 */
	uint8_t addr[16]; /* as received; relayed exactly so */
	uint16_t port; /* never 0: a received 0 is the cluster port */
	uint8_t vsn[6];
	uint8_t state; /* enum member_state */
	bool ours; /* metadata carries our extension */
	bool is_self;
	bool connected; /* the mesh: gone, and its tunnel lives */
	bool answered; /* an ack or stream came from it once */
	bool heard; /* or any packet, from its own address */
	uint32_t incarnation;
	int64_t since; /* us: last change of state */
	void *udata; /* for the mesh; NULL at first */

	/* the core's own */
	struct suspicion *suspicion;
	struct claim *claim; /* hearsay about it that waits */
	struct bcast *bcast; /* its entry in the broadcast queue */
	struct member *hash_next;
	LIST_ENTRY(member) addr_entry;
	TAILQ_ENTRY(member) evict;
	int64_t shown_at; /* the last claim about it, to it */
	int64_t told_at; /* our alive, as it was behind */
	unsigned slot; /* position in the probe order */
	uint32_t direct_inc; /* last incarnation it told us in person */
	uint32_t spoken_inc; /* the same, or in a push/pull, or as it came */
	uint16_t wire_port; /* port as received, relayed so */
	uint16_t metacap; /* bytes behind the name for metadata */
	uint8_t mark; /* during one exchange: what the peer listed */
	uint8_t announce; /* enum swim_announce_state */
	uint8_t evict_class; /* enum evict_class */
	char store[];
};

/*
 * Any number of members may claim one address, so the chains of that index
 * must be cheap to leave.
 */
LIST_HEAD(member_chain, member);

struct member_table {
	struct member **list; /* n members in probe order */
	unsigned n, cap;
	struct member **hash;
	struct member_chain *addrhash;
	unsigned hashsize; /* a power of two */
	uint64_t hashkey[2];
};

/* NULL when there is none. */
struct member *
member_find(const struct member_table *t, const char *name, size_t len);

/* A member that announced this address and port, or NULL. */
struct member *
member_find_addr(const struct member_table *t, const struct ipport *a);

/* Canonical address and port (v4-mapped becomes v4). */
void member_ipport(const struct member *m, struct ipport *out);

/* "alive", "suspect", "failed", "left". */
const char *member_state_name(unsigned state);

/*
 * For the core alone. An empty table with a keyed hash (so that nobody can
 * choose names that collide). 0, or -1 when out of memory.
 */
int member_table_init(struct member_table *t, const uint64_t hashkey[2]);
void member_table_free(struct member_table *t);

/* The keyed hash of a name. */
uint64_t
member_hash(const struct member_table *t, const void *name, size_t len);

/*
 * Add a name that is not there yet, at probe position pos % (n + 1): whoever
 * stood there goes to the end. The address is unset until member_set_addr;
 * metaroom bytes of metadata will need no further allocation. NULL when out
 * of memory.
 */
struct member *member_add(struct member_table *t, const char *name, size_t len,
    size_t metaroom, uint32_t pos);
/* Unlink and free; the last of the list takes its position. */
void member_remove(struct member_table *t, struct member *m);

/* len 4 or 16; port is what a wire_port of 0 means. Cannot fail. */
void member_set_addr(struct member_table *t, struct member *m, const void *addr,
    size_t len, uint16_t wire_port, uint16_t port);
/* 0, or -1 when out of memory (the old metadata stays). */
int member_set_meta(struct member *m, const void *meta, size_t len);
/* Exchange two probe positions. */
void member_swap(struct member_table *t, unsigned a, unsigned b);

#endif
