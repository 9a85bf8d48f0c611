#ifndef WESHER_JOIN_H
#define WESHER_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"

/*
 * Whom to join and when to try again (protocol.md section 5, "Join"). Pure:
 * time is passed in, resolving and joining are asked for by callbacks and
 * answered by join_resolved and join_tried. Retried for ever, with back-off
 * and jitter, until each target was reached once; the operator's also when
 * nobody is there any more.
 */
struct join;

struct join_ops {
	/* Answer later with join_resolved(target). */
	void (*resolve)(void *arg, unsigned target, const char *name);
	/* Start a join; returns its id, answered by join_tried, 0: out of
	 * memory. */
	uint32_t (*attempt)(void *arg, const struct ipport *to);
	/* Is an alive member known at this address? Then it need not be tried. */
	bool (*known)(void *arg, const struct ipport *to);
	/* Members that are alive, ourselves included. */
	unsigned (*living)(void *arg);
	uint32_t (*random)(void *arg);
};

struct join *join_new(const struct join_ops *ops, void *arg, uint16_t port);
void join_free(struct join *j);

/*
 * A target as the operator wrote it: HOST, HOST:PORT, [v6]:PORT, a bare v6
 * address. Returns 0, or -1 when it is malformed or memory is short.
 */
int join_add(struct join *j, const char *spec, int64_t now);
/* A target from the state file; one that is known already is not added. */
int join_add_addr(struct join *j, const struct ipport *to, int64_t now);
/*
 * As join_add, from now on and at once; one that is known already is tried
 * again. 0, or -1 as above and when the operator has named CONF_JOIN of them.
 */
int join_now(struct join *j, const char *spec, int64_t now);
/* Who was there in the last run is forgotten: it is not tried any more. */
void join_drop(struct join *j, const struct ipport *to);
/* Pure part of join_add. host holds cap bytes; *port is 0 when none is given.
 * Returns 0, or -1. */
int join_parse(const char *spec, char *host, size_t cap, uint16_t *port);

void join_tick(struct join *j, int64_t now);
int64_t join_deadline(const struct join *j);

void join_resolved(struct join *j, int64_t now, unsigned target,
    const struct ipaddr *addrs, size_t n, const char *why);
enum join_outcome {
	JOIN_REACHED, /* a member that is not us answered */
	JOIN_SELF, /* it is ourselves: never tried again */
	JOIN_FAILED
};
void join_tried(struct join *j, int64_t now, uint32_t id, enum join_outcome how,
    const char *why);

/*
 * Members have come or gone: what the operator named, and nobody is there any
 * more, is tried again from now on.
 */
void join_lost(struct join *j, int64_t now);
/* Targets that the operator named, without ourselves. */
unsigned join_names(const struct join *j);
/* Targets from the state file that are tried still. */
unsigned join_former(const struct join *j);

/* Has any target ever been reached? */
bool join_any(const struct join *j);
/* Targets that were not reached yet. */
unsigned join_pending(const struct join *j);
/* Something changed about this host's network: try all again at once. */
void join_hurry(struct join *j, int64_t now);
/*
 * We were away or are elsewhere: also try those again that were reached before,
 * the operator's always, saved members when nobody is left.
 */
void join_again(struct join *j, int64_t now, bool alone);

#endif
