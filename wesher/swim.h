#ifndef WESHER_SWIM_H
#define WESHER_SWIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"
#include "member.h"

/*
 * The membership core: SWIM with Lifeguard as memberlist speaks it
 * (protocol.md section 5). No I/O, no clock, no libevent, no global state: the
 * caller passes `now` (microseconds of any monotonic clock, never falling) and
 * plain (decrypted) packets and stream messages in, and gets packets, streams
 * and events through the callbacks. Callbacks may not call back into the core,
 * except swim_* functions marked "reentrant".
 */

struct swim_profile {
	int64_t probe_interval, probe_timeout; /* us */
	int64_t nack_delay; /* ours: a relay's nack after this */
	int64_t gossip_interval;
	int64_t gossip_to_dead;
	int64_t pushpull_interval;
	int64_t stream_timeout;
	unsigned gossip_fanout;
	unsigned indirect_checks;
	unsigned retransmit_mult;
	unsigned suspicion_mult, suspicion_max_mult;
	unsigned awareness_max; /* scores 0..max-1 */
	/* Experiments: parts of Lifeguard switched off. no_awareness: the
	 * probe part (scaled interval, nacks); no_suspicion_scaling: every
	 * suspicion lasts the minimum; no_buddy: suspects are probed with a
	 * plain ping; no_hearsay: deaths told by others count at once. */
	bool no_awareness, no_suspicion_scaling, no_buddy, no_hearsay;
};
extern const struct swim_profile swim_wan, swim_lan;

enum swim_event_type {
	SWIM_EV_JOIN, /* new, or back from dead or left */
	SWIM_EV_UPDATE, /* metadata changed, or a direct alive of a newer
			   * incarnation, or the first packet in which the member
			   * itself told us the incarnation that we knew (once) */
	SWIM_EV_SUSPECT, /* alive -> suspect */
	SWIM_EV_REFUTED, /* suspect -> alive */
	SWIM_EV_FAILED, /* -> dead */
	SWIM_EV_LEFT, /* -> left */
	SWIM_EV_REAPED, /* about to be forgotten; m is freed afterwards */
	SWIM_EV_CONFLICT, /* its name was claimed at *addr, ignored */
	SWIM_EV_SELF_CONFLICT, /* our name was claimed at *addr; m is NULL */
	SWIM_EV_RETURNED, /* we are back after a change of address; m is NULL */
	SWIM_EV_LEAVE_DONE /* our leave was sent often enough; m is NULL */
};

struct swim_event {
	enum swim_event_type type;
	struct member *m;
	/* True when the news came in the member's own packet or push/pull: the
	 * authenticated source address is its announced one (of a leave or
	 * death: the one that it had). */
	bool direct;
	/* True when it came in a push/pull, false: in a packet. */
	bool pushpull;
	/* True when it came in a push/pull that we asked for as a join. */
	bool joining;
	/* SWIM_EV_JOIN of one that had failed here: back, not new. */
	bool back;
	/* SWIM_EV_JOIN of a name that was not in the table at all. */
	bool is_new;
	/* SWIM_EV_UPDATE with other metadata or another address. */
	bool changed;
	const struct ipport *addr; /* conflicts: the other address */
};

/* An entry of a look's answer, another's than ours. Its form was checked as for
 * a merge, what it says is hearsay. Valid during the call. */
struct swim_seen {
	const char *name; /* not terminated */
	size_t namelen;
	const uint8_t *meta;
	size_t metalen;
	enum member_state state;
	struct ipport addr;
};

enum swim_stream_kind { SWIM_STREAM_PUSHPULL, SWIM_STREAM_PING };

/* How a join ended. */
struct swim_join_result {
	uint32_t id;
	struct ipport to;
	bool ok; /* a valid answer was merged (or looked at) */
	bool only_self; /* we reached ourselves */
	bool refused_name; /* our name is held by somebody else there */
	bool listed; /* the answer lists us at our address */
	unsigned members; /* entries in the answer */
	unsigned learned; /* of which new to us */
	/* What it lists as our metadata, valid in the call; NULL: nothing. */
	const uint8_t *self_meta;
	size_t self_metalen;
	uint32_t self_inc;
	const char *why; /* when !ok: a sentence, static or valid in the call */
};

struct swim_ops {
	/* One plain packet of at most WIRE_PLAIN_MAX bytes to seal and send. */
	void (*send)(void *arg, const struct ipport *to, const uint8_t *plain,
	    size_t len);
	/*
	 * Connect to `to`, send msg (plain, type byte first) as one block,
	 * read one block, hand it to swim_stream_reply; or call
	 * swim_stream_failed. Never from within this call. msg is valid during
	 * the call only.
	 */
	void (*stream)(void *arg, uint32_t id, enum swim_stream_kind kind,
	    const struct ipport *to, const uint8_t *msg, size_t len);
	void (*event)(void *arg, const struct swim_event *ev);
	void (*join_done)(void *arg, const struct swim_join_result *res);
	/* Does this metadata carry our extension field (a member of ours)? */
	bool (*is_ours)(void *arg, const uint8_t *meta, size_t len);
	/* 32 random bits; the only source of randomness. */
	uint32_t (*random)(void *arg);
	/* What a look saw, one entry after the other, before its join_done.
	 * May be NULL. */
	void (*seen)(void *arg, const struct swim_seen *e);
};

#define SWIM_REPORTED 256 /* members, of struct swim_config's reported */

struct swim_config {
	const struct swim_profile *profile;
	const struct swim_ops *ops;
	void *arg;
	const char *name; /* copied */
	struct ipaddr addr; /* announced; v4 as 4 bytes */
	uint16_t port;
	const uint8_t *meta; /* copied, <= 512 bytes, may be empty */
	size_t metalen;
	uint32_t incarnation; /* the first one to announce */
	unsigned max_members; /* cap of the table, ourselves included */
	/*
	 * A push/pull has been merged: whom its sender has as alive, one bit
	 * for each member with an id up to SWIM_REPORTED. Reentrant swim_* alone
	 * may be called. NULL: no matter.
	 */
	void (*reported)(void *arg, const struct member *from,
	    const uint8_t alive[SWIM_REPORTED / 8]);
	/* May a stream of ours go there? NULL: anywhere. Where it may not, the
	 * member is reached by packets alone. */
	bool (*connects)(void *arg, const struct ipport *to);
};

struct swim;

/* NULL when out of memory or the configuration is impossible. */
struct swim *swim_new(const struct swim_config *cfg, int64_t now);
void swim_free(struct swim *s);

/* Run what is due at now. */
void swim_tick(struct swim *s, int64_t now);
/* When swim_tick is wanted next (INT64_MAX: never). Reentrant. */
int64_t swim_deadline(const struct swim *s);

/*
 * An authenticated packet, decrypted, from an observed source. Returns 0 or a
 * negative enum wire_error (the packet had no effect); malformed messages
 * inside are counted and skipped.
 */
int swim_packet(struct swim *s, int64_t now, const struct ipport *from,
    const uint8_t *plain, size_t len);

/*
 * An authenticated request on an accepted stream: type and body after
 * wire_stream_unwrap. *reply is set to a malloc'ed plain message (type byte
 * first) to send back, or NULL when nothing is to be answered. Returns 0, or
 * -1 when the stream was unusable (*reply may then hold an err message).
 */
int swim_stream_request(struct swim *s, int64_t now, const struct ipport *from,
    uint8_t type, const uint8_t *body, size_t len, uint8_t **reply,
    size_t *replylen);

/* The answer to a stream that ops->stream asked for. */
void swim_stream_reply(struct swim *s, int64_t now, uint32_t id, uint8_t type,
    const uint8_t *body, size_t len);
/* It failed; why is a short clause ("connection refused"). */
void
swim_stream_failed(struct swim *s, int64_t now, uint32_t id, const char *why);

#define SWIM_JOIN_LOOK 0x01 /* Nodes = 0: look, merge nothing, be unseen */

/* Start a join (push/pull) with an address. Returns its id for join_done. */
uint32_t
swim_join(struct swim *s, int64_t now, const struct ipport *to, unsigned flags);

/*
 * Unicast our alive to the members learned by joins since the last call (up
 * to 256 of ours, up to 64 when the mesh has members of the original; the
 * rest in further portions 2 s apart). Call it when their tunnels are
 * programmed: the receiver primes (protocol.md section 9).
 */
void swim_announce(struct swim *s, int64_t now);
/* The same to everybody who lives: what has changed is news that shall not wait
 * for gossip. */
void swim_announce_all(struct swim *s, int64_t now);

/*
 * Announce new metadata with a higher incarnation, or a new address: a live
 * member's other address is a conflict to its peers, so the latter leaves
 * under the old address and returns under the new one, SWIM_MOVE_MAX later at
 * most (SWIM_EV_RETURNED). Who still has us at the old one afterwards is told
 * again.
 */
#define SWIM_MOVE_MAX 2000000 /* us */
void
swim_set_meta(struct swim *s, int64_t now, const uint8_t *meta, size_t len);
void swim_set_addr(
    struct swim *s, int64_t now, const struct ipaddr *addr, uint16_t port);

/*
 * We did not run for so long (us), which now does not count. Who was silent
 * meanwhile is not to blame; if it was long enough for the others to declare
 * us failed, or to forget us, they are told that we are back.
 */
void swim_woke(struct swim *s, int64_t now, int64_t slept);

/* Say goodbye: SWIM_EV_LEAVE_DONE follows (at once when we are alone). */
void swim_leave(struct swim *s, int64_t now);

/* Forget a member that failed or left, now. False: it lives, or is us. */
bool swim_drop(struct swim *s, int64_t now, struct member *m);

/* Our current incarnation, to be saved. Reentrant. */
uint32_t swim_incarnation(const struct swim *s);
/* Health score, 0 = healthy. Reentrant. */
unsigned swim_health(const struct swim *s);
/* The table, ourselves included. Reentrant. */
struct member_table *swim_members(struct swim *s);
/* Queue length of broadcasts. Reentrant. */
unsigned swim_queued(const struct swim *s);

/* Messages by their type (enum wire_type), and their plain bytes. */
#define SWIM_TYPES 14
struct swim_traffic {
	uint64_t n[SWIM_TYPES], bytes[SWIM_TYPES];
};

struct swim_counters {
	uint64_t pings, acks, indirect, nacks, tcp_pings, probes_failed;
	uint64_t suspicions, refutations, pushpulls, conflicts;
	/* Push/pulls that others asked for, and ours, joins and looks too. */
	uint64_t asked_ok, asked_failed, ours_ok, ours_failed;
	uint64_t relayed; /* probes on behalf of others */
	struct swim_traffic in, out; /* in packets and streams */
	uint64_t bad_message; /* malformed, inside a good packet or stream */
	uint64_t bad_entry; /* name, address, metadata or state: dropped */
	uint64_t bad_vsn; /* dropped entries with poisonous versions */
	uint64_t limited; /* refutations put off by the burst limit */
	uint64_t table_full; /* newcomers dropped */
};
const struct swim_counters *swim_counters(const struct swim *s);

#endif
