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
struct talk;

/*
 * What a member announced, in one block: the name stands behind the struct,
 * NUL-terminated, then the metadata. Simulated members may share it, so it is
 * read by everybody and written by member.c alone.
 */
struct member_card {
	uint8_t addr[16]; /* as received; relayed exactly so */
	uint16_t port; /* never 0: a received 0 is the cluster port */
	uint16_t wire_port; /* port as received, relayed so */
	uint8_t vsn[6];
	uint8_t addrlen; /* 4 or 16; 0 before the first address */
	uint8_t namelen;
	uint16_t metalen;
	uint16_t room; /* for metadata, metalen at least */
	char name[];
};

/* 96 bytes, as a mesh of 10,000 simulated members has 100 million of them. */
struct member {
	const char *name; /* valid as check_name has it; within the card */
	void *udata; /* for the mesh; NULL at first */
	int64_t since; /* us: last change of state */

	/* the core's own */
	struct suspicion *suspicion;
	struct talk *talk; /* of hearsay.c: what was said lately */
	struct bcast *bcast; /* its entry in the broadcast queue */
	uint32_t slot; /* position in the probe order */
	uint32_t id; /* of the record, as long as it lives */
	uint32_t name_next; /* ids; 0: none */
	uint32_t addr_next, addr_prev;
	uint32_t evict_next, evict_prev;

	uint32_t incarnation;
	uint32_t direct_inc; /* last incarnation it told us in person */
	uint32_t spoken_inc; /* the same, or in a push/pull, or as it came */
	uint16_t rtt; /* see member_rtt() */
	uint16_t metalen : 10; /* 512 at most */
	uint16_t state : 2; /* enum member_state */
	uint16_t mark : 2; /* during one exchange: what the peer listed */
	uint16_t announce : 2; /* enum swim_announce_state */
	uint8_t namelen;
	uint8_t name_tag, addr_tag; /* of the hashes */
	uint8_t evict_class : 3; /* enum evict_class */
	bool ours : 1; /* metadata carries our extension */
	bool is_self : 1;
	bool connected : 1; /* the mesh: gone, and its tunnel lives */
	bool answered : 1; /* an ack or stream came from it once */
	bool heard : 1; /* or any packet, from its own address */
};

struct member_chunk;

struct member_table {
	struct member **list; /* n members in probe order */
	unsigned n, cap;
	/* Records never move: they stand in chunks, and an id is a place. */
	struct member_chunk **chunk; /* NULL: given back */
	unsigned nchunks, chunkcap, holes;
	LIST_HEAD(, member_chunk) room; /* those with a free record */
	uint32_t *byname, *byaddr; /* first ids of chains */
	unsigned hashsize; /* a power of two */
	uint64_t hashkey[2];
};

/* NULL when there is none. */
struct member *
member_find(const struct member_table *t, const char *name, size_t len);

/* A member that announced this address and port, or NULL. */
struct member *
member_find_addr(const struct member_table *t, const struct ipport *a);

/* The member with this id, which there must be; NULL for 0. */
struct member *member_by_id(const struct member_table *t, uint32_t id);

static inline const struct member_card *
member_card(const struct member *m)
{
	return (
	    const struct member_card *)(uintptr_t)(m->name -
						   offsetof(struct member_card,
						       name));
}

/* Its metadata, metalen bytes; NULL when there is none. */
static inline const uint8_t *
member_meta(const struct member *m)
{
	return m->metalen == 0 ? NULL
			       : (const uint8_t *)m->name + m->namelen + 1;
}

/*
 * Its smoothed round-trip time in us: of our own pings that it answered by
 * UDP, directly, an eighth of each new one. -1 before the first, and after it
 * has failed or left.
 */
#define MEMBER_RTT_UNIT 100 /* us; up to 6.5 s */
static inline int64_t
member_rtt(const struct member *m)
{
	return m->rtt == 0 ? -1 : (int64_t)m->rtt * MEMBER_RTT_UNIT;
}
/* For the core alone: another one has been measured. */
void member_measured(struct member *m, int64_t us);

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
/* The same with its hash known, h as member_hash has it; so is finding. */
struct member *member_add_hashed(struct member_table *t, uint64_t h,
    const char *name, size_t len, size_t metaroom, uint32_t pos);
struct member *member_find_hashed(
    const struct member_table *t, uint64_t h, const char *name, size_t len);
/* There will be n members soon: the index grows at once, not by and by. */
void member_expect(struct member_table *t, unsigned n);
/* Unlink and free; the last of the list takes its position. */
void member_remove(struct member_table *t, struct member *m);

/* All that a member announces beside its name. */
struct member_news {
	const void *addr;
	size_t addrlen; /* 4 or 16 */
	uint16_t wire_port, port; /* as received; what its 0 means */
	const void *vsn; /* 6 bytes */
	const void *meta;
	size_t metalen;
};
/* 0, or -1 when out of memory (nothing is changed then). */
int member_set(
    struct member_table *t, struct member *m, const struct member_news *news);

/* Parts of that. len 4 or 16; port is what a wire_port of 0 means. Cannot
 * fail. */
void member_set_addr(struct member_table *t, struct member *m, const void *addr,
    size_t len, uint16_t wire_port, uint16_t port);
void member_set_vsn(struct member *m, const uint8_t vsn[6]);
/* 0, or -1 when out of memory (the old metadata stays). */
int member_set_meta(struct member *m, const void *meta, size_t len);
/* Exchange two probe positions. */
void member_swap(struct member_table *t, unsigned a, unsigned b);

/*
 * For a simulator, before its first table: cards of all tables of the process
 * that are the same, byte for byte, may be one. get returns a card equal to
 * the draft of size bytes (NULL: out of memory), to be given back by put as
 * often. A change is a get of the new card and a put of the old one. NULL:
 * each member has its own (as at first).
 */
struct member_cards {
	const struct member_card *(*get)(
	    void *arg, const struct member_card *draft, size_t size);
	void (*put)(void *arg, const struct member_card *card);
	void *arg;
};
void member_share_cards(const struct member_cards *cards);

#endif
