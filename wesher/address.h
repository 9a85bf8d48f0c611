#ifndef WESHER_ADDRESS_H
#define WESHER_ADDRESS_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "../common/privmsg.h"
#include "attempts.h"
#include "claim.h"
#include "swim.h"

/*
 * Our own overlay address: which of those that our name derives we take, when
 * we leave it to somebody else, and what --overlay-addr changes. Of mesh.c and
 * mesh_*.c alone; pure as the mesh is.
 */
struct mesh;
struct look;

struct address {
	uint8_t asked; /* the attempt that wesher-priv was asked for */
	bool moving; /* it was, and we run */
	bool told; /* the operator, that it refuses */
	int64_t self_at; /* to ask again, NEVER: no need */

	/* address_look.c */
	bool chosen; /* joins need no look any more */
	bool decide; /* a look has come back */
	int own; /* the attempt that it lists as ours, -1: none */
	int64_t hidden_until; /* what comes from others is for nobody */
	TAILQ_HEAD(, look) looks;
	struct attempts *seen; /* by the looks; NULL: no look yet */

	/* address_rival.c */
	uint32_t first_inc; /* the incarnation that this run began with */
	int64_t ask_until; /* whether a mesh has us: nobody moves us yet */
	bool settled; /* the others had us at our address before */
	bool contested; /* somebody may claim it too: see */
	bool full; /* it is another's, and no other one is free */
	unsigned moves; /* since settle_at */
	int64_t claimed_at; /* our address is ours since */
	int64_t settle_at; /* since then it may turn out to be another's */
	int64_t
	    rival_at; /* when a rival was first seen, NEVER: there is none */
	int64_t look_at; /* for rivals again, NEVER: when there is news */
	int64_t healed_until; /* somebody who had failed is back */
	int64_t said_at; /* that there is a rival to no end */
};

/* address.c */
void address_init(struct address *a);
void address_free(struct address *a);
/* wesher-priv has said who we are: ask it for an address. */
void address_hello(struct mesh *m, int64_t now);
/* Its answer. */
void address_result(struct mesh *m, int64_t now, const struct priv_result *r);
/* Another attempt than the one that we have, when wesher-priv gives it. */
void address_ask(struct mesh *m, int64_t now, unsigned attempt);
/* The attempt that ours are tried from. */
unsigned address_from(const struct mesh *m);
void address_tick(struct mesh *m, int64_t now);

/* address_look.c */
/* Our targets are known: do we look before we join? */
void address_up(struct mesh *m, int64_t now);
/* Nobody shall learn of us yet. */
bool address_hidden(const struct mesh *m, int64_t now);
/* Join there, with a look before it where it is due. As swim_join. */
uint32_t address_join(struct mesh *m, int64_t now, const struct ipport *to);
/* An entry of a look's answer. */
void address_seen(struct mesh *m, const struct swim_seen *e);
/*
 * A join or look has ended. *id is set to what address_join returned for it.
 * True: it was a look, and the join follows.
 */
bool address_looked(
    struct mesh *m, const struct swim_join_result *res, uint32_t *id);
/* Choose, when a look says what there is, and join who waits for it. */
void address_look_follow(struct mesh *m, int64_t now);
/* We have an address to be told. */
void address_chosen(struct mesh *m, int64_t now);
void address_look_free(struct address *a);

/* address_rival.c */
/* An address that a member claims and may have, by its name or as a static one;
 * of the latter some members want to know nothing. */
struct claimed {
	struct ipaddr addr;
	struct claim by; /* since: 0 */
	bool is_static;
};
/* What this metadata claims. False: nothing that it may have. */
bool address_claim(const struct mesh *m, const char *name, size_t namelen,
    const uint8_t *meta, size_t len, struct claimed *c);
/* How much a member in that state is in the way. */
enum attempt_use address_use(
    const struct mesh *m, const struct claimed *c, enum member_state state);
/* Mark what all members of the table claim. */
void address_mark(struct mesh *m, struct attempts *all);
/* Another member came, changed, or is alive again. */
void address_news(struct mesh *m, int64_t now, const struct member *mb);
/*
 * A member that we held as failed, in the table or remembered, is back: two
 * parts of a mesh may have found each other, in which two names have taken one
 * address.
 */
void address_healed(struct mesh *m, int64_t now);
/* A member is alive that we do not know: it may be of such a part. */
void address_unknown(struct mesh *m, int64_t now, const struct member *mb);
/* A mesh has answered: if it lists us at our address, as of an earlier run, we
 * are not new there. */
void address_listed(struct mesh *m, const struct swim_join_result *res);
/* Leave our address to a rival, if that is due; not from within the core. */
void address_rival_follow(struct mesh *m, int64_t now);
/* Nothing is free: tell so, now and again. */
void address_full(struct mesh *m, int64_t now, const struct attempts *all);

#endif
