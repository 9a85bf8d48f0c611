#ifndef WESHER_LIMIT_H
#define WESHER_LIMIT_H

#include "../common/bucket.h"
#include "member.h"

/*
 * What others can make the core send, part of the core alone. In an idle mesh
 * a member is pinged five times a minute, whatever the mesh's size, and asked
 * to relay when a probe failed; all bounds are far above that.
 */
#define LIMIT_SLOTS    256 /* addresses share them by a keyed hash */
#define LIMIT_STRANGER 50 /* acks a second to addresses of no member */
#define LIMIT_CLAIMED  8 /* and to one that did not send the ping itself */
#define LIMIT_FILLED   16 /* answers a second that carry broadcasts */
#define LIMIT_RELAYS   64 /* a second in all */
#define LIMIT_ASKER    4 /* of which for one address */
/* Who was never heard may not exist, or be somebody else. */
#define LIMIT_UNHEARD	    1 /* packets of gossip a second, to all of them */
#define LIMIT_UNHEARD_BYTES 400

struct limits {
	struct bucket stranger, filled, relays, unheard;
	struct bucket claimed[LIMIT_SLOTS], asker[LIMIT_SLOTS];
};

struct ipport;
struct swim;

void limit_init(struct limits *l);
/* May a ping seen from `from` be answered to `to`? */
bool limit_answer(
    struct swim *s, const struct ipport *from, const struct ipport *to);
/* May the answer carry broadcasts? */
bool limit_filled(struct swim *s);
/* May `from` have us probe somebody? */
bool limit_relay(struct swim *s, const struct ipport *from);
/* May one of those who were never heard have gossip now? */
bool limit_unheard(struct swim *s);

#endif
