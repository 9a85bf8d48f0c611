#ifndef WESHER_STATE_H
#define WESHER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"
#include "../common/conf.h"

/*
 * The state file: the original's JSON (protocol.md section 8) plus keys of
 * ours that the original ignores: "Incarnation", "Attempt", "Moved",
 * "Saved", "Sealed", "SealedByAll", per node "Port", "Since" and "Answered";
 * "Failed", a list of those that failed, with "FailedAt".
 * Read and written by the gossip process alone, relative to its root.
 */
struct state_node {
	char *name; /* malloc'ed, valid as check_name has it */
	struct ipport addr; /* port 0: the cluster port */
	uint8_t *meta; /* as announced; may be NULL */
	size_t metalen;
	struct ipaddr overlay; /* len 0 when absent */
	uint8_t pubkey[32];
	bool has_pubkey;
	int64_t since; /* wall s of its claim to overlay and key; 0: unknown */
	int64_t failed; /* wall s; 0: alive when saved */
	bool answered; /* an ack or stream came from there once */
};

struct state {
	bool has_key;
	uint8_t key[CLUSTER_KEY_LEN];
	uint32_t incarnation; /* 0: none saved */
	/* Of our overlay address; chosen once another member was looked at. */
	bool has_attempt;
	uint8_t attempt;
	int64_t moved; /* wall s: to another after a heal; 0: never */
	int64_t saved; /* wall s: the nodes were alive then; 0: unknown */
	/* Messages under that key, by us and by all (wear.h). */
	uint64_t sealed, sealed_all;
	struct state_node *nodes; /* those that failed come last when parsed */
	size_t nnodes;
};

#define STATE_FAILED 1024 /* that failed, written and read; the first ones */
#define STATE_MAX    (32u << 20) /* larger files are refused */
#define STATE_WHY    160 /* room for any sentence of why */

enum state_error {
	STATE_OK = 0,
	STATE_NONE = 1, /* no such file, or empty descriptor */
	STATE_BAD = -1, /* truncated, foreign or half written */
	STATE_IO = -2 /* errno */
};

/* Release what s owns and wipe the key. */
void state_clear(struct state *s);

/*
 * Parse text of all known forms: ours, the original's, the pre-0.3 one.
 * Unusable nodes (no legal name, no address) are skipped one by one, an
 * unusable detail of a node is left out; at most MAX_PEERS are taken, then
 * those that failed. Returns 0, or STATE_BAD (not JSON, not ours, a key that
 * is none), or STATE_IO with ENOMEM; then *s is empty and why holds a sentence
 * without a full stop.
 */
int state_parse(
    const char *text, size_t len, struct state *s, char *why, size_t whylen);
/*
 * The JSON text, malloc'ed and terminated, or NULL when out of memory; the
 * caller wipes it as it holds the key. Nodes whose names are not UTF-8 cannot
 * stand in JSON and are left out.
 */
char *state_format(const struct state *s, size_t *len);

/*
 * Read a file in directory dirfd (AT_FDCWD is possible). One that is not a
 * regular file or does not parse is renamed to NAME.bad. Returns an enum
 * state_error; why as above, also for STATE_IO.
 */
int state_load(
    int dirfd, const char *name, struct state *s, char *why, size_t whylen);
/*
 * The same from an open descriptor (the original's file), from its start;
 * never renames. A device (/dev/null) or an empty file is STATE_NONE.
 */
int state_load_fd(int fd, struct state *s, char *why, size_t whylen);
/*
 * dirfd is open for reading. Write beside (NAME.tmp), fsync, rename, fsync the
 * directory; mode 0600. A folder that has one of the names gets another one.
 * Returns 0, or -1 with errno; the old file is then intact (or replaced by the
 * whole new one, when only the directory's fsync failed).
 */
int state_save(int dirfd, const char *name, const struct state *s);

#endif
