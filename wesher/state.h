#ifndef WESHER_STATE_H
#define WESHER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"
#include "../common/conf.h"

/*
 * The state file: the original's JSON (protocol.md section 8) plus keys of
 * ours that the original ignores: "Incarnation", "Attempt", per node "Port".
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
};

struct state {
	bool has_key;
	uint8_t key[CLUSTER_KEY_LEN];
	uint32_t incarnation; /* 0: none saved */
	uint8_t attempt;
	struct state_node *nodes;
	size_t nnodes;
};

#define STATE_MAX (32u << 20) /* larger files are refused */

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
 * Unusable nodes are skipped one by one. Returns 0, or STATE_BAD with *why
 * (into whybuf) saying where and what.
 */
int state_parse(
    const char *text, size_t len, struct state *s, char *why, size_t whylen);
/* The JSON text, malloc'ed (wiped by the caller as it holds the key). */
char *state_format(const struct state *s, size_t *len);

/*
 * Read a file in directory dirfd. A bad one is renamed to NAME.bad and
 * reported: returns an enum state_error; why as above.
 */
int state_load(
    int dirfd, const char *name, struct state *s, char *why, size_t whylen);
/* The same from an open descriptor (the original's file); never renames. */
int state_load_fd(int fd, struct state *s, char *why, size_t whylen);
/*
 * Write beside (NAME.tmp), fsync, rename, fsync the directory; mode 0600.
 * Returns 0, or -1 with errno; the old file is then intact.
 */
int state_save(int dirfd, const char *name, const struct state *s);

#endif
