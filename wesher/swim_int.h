#ifndef WESHER_SWIM_INT_H
#define WESHER_SWIM_INT_H

#include <sys/queue.h>
#include <sys/tree.h>

#include "aware.h"
#include "bcast.h"
#include "limit.h"
#include "suspect.h"
#include "swim.h"
#include "wire.h"

/*
 * What the parts of the core share: swim.c (set-up, clock, dispatch), probe.c,
 * relay.c, spread.c (gossip and piggyback), merge.c (alive, suspect, dead of
 * others), hearsay.c (what of it waits), evict.c (a full table), limit.c (what
 * we can be made to send), self.c (the same about ourselves, leave, return),
 * ghost.c (our former addresses), elsewhere.c (names at other addresses),
 * pushpull.c and swim_join.c. Nobody else includes this.
 */

#define SEC   1000000LL /* us */
#define NEVER INT64_MAX

/* protocol.md section 5, "Incarnation". */
#define INCARNATION_MAX 0xF0000000u
/*
 * Only a restart raises the incarnation of one of ours by more than one a
 * second, and it says so itself: hearsay that goes further is not believed, so
 * that nobody can drive a member to the ceiling.
 */
#define INCARNATION_JUMP 4096u
/* "Never send more than 64 entries that a member of the original lacks". */
#define ORIGINAL_BURST 64
#define OURS_BURST     256 /* unicast alives of one portion */
#define OURS_GAP       (SEC / 4)
#define BURST_GAP      (2 * SEC)
#define REFUTE_GAP     SEC /* one burst of refutations */
#define REFUTE_AGAIN   (10 * SEC) /* after another: to many at once */
#define REFUTE_TOLD    64
#define LEAVE_MAX      (5 * SEC) /* a leave ends then in any case */
#define MOVE_SILENCE   SEC /* between a leave and the return elsewhere */
#define MOVE_LEAVE     (SWIM_MOVE_MAX - MOVE_SILENCE)
#define RETURN_ASKED   3 /* push/pulls when we are back */
#define FORMERS	       4
#define MOVED_MAX      64 /* others that moved lately */
#define MOVINGS_MAX    64 /* that failed and may have moved */
#define MOVING_RATE    8 /* probes of them a second */
#define FORMER_TIME    (300 * SEC) /* others may have us there for so long */
#define LISTED_CHECK   (15 * SEC) /* nobody showed that it lists us */
#define HEARSAY_WAIT   (2 * SEC) /* for a refutation */
#define HEARSAY_GAP    SEC /* a member is shown what is said about it */
#define TELL_GAP       (SEC / 4) /* a member that shows us such is answered */
#define RELAYS_MAX     1024
#define FEEDS_MAX      256
#define FEW	       8 /* members told one by one when two groups meet */
#define PUSHPULL_MAX   (7u << 20) /* plain bytes of a state that we send */

enum swim_mode {
	SWIM_RUN,
	SWIM_LEAVING, /* our leave is being broadcast */
	SWIM_GONE, /* it was: answer pings, nothing else */
	SWIM_SILENT /* for a second, before a return */
};

/* Why we left: for good, or to return elsewhere. */
enum swim_after { AFTER_NOTHING, AFTER_ADDR };

/* member.announce: learned by a join, then handed over by swim_announce. */
enum swim_announce_state { ANNOUNCE_NO, ANNOUNCE_LEARNED, ANNOUNCE_DUE };

/* member.mark while one push/pull is handled. */
enum swim_mark { MARK_NONE, MARK_NEWS, MARK_KNOWN };

/* member.evict_class: a full table gives up lower ones first. */
enum evict_class {
	EVICT_NEVER,
	EVICT_DEAD_UNSEEN,
	EVICT_UNSEEN,
	EVICT_DEAD,
	EVICT_HEARD, /* but never answered: a source can be forged */
	EVICT_CLASSES
};
struct evict_list {
	uint32_t first, last; /* ids of members, 0: none */
};

struct claim; /* of hearsay.c */
TAILQ_HEAD(claim_list, claim);

/*
 * What is going on with a member, beyond its state; most have none. It goes
 * when the claim is over and the times are past (hearsay_tidy).
 */
struct talk {
	TAILQ_ENTRY(talk) entry; /* the longest untouched first */
	struct member *m;
	struct claim *claim; /* hearsay about it that waits */
	int64_t shown_at; /* the last claim about it, to it */
	int64_t told_at; /* our alive, as it was behind */
};
TAILQ_HEAD(talk_list, talk);

/* Where a piece of news came from. */
struct via {
	struct ipport src; /* ip.len 0: ourselves */
	bool request; /* a stream that we accepted: src.port says nothing */
	bool stream; /* push/pull in either direction */
	bool joining; /* the answer to our join */
	bool settled; /* it waited, and nobody refuted it */
	bool quiet; /* not worth a broadcast: we know nobody else */
	struct ipport sender; /* where a refutation goes; ip.len 0: nowhere */
};

/* The one probe under way. m is NULL when there is none. */
struct probe {
	struct member *m;
	uint32_t seqno, incarnation;
	int64_t sent_at, indirect_at, end;
	bool indirect; /* the indirect phase has begun */
	unsigned asked, nacks;
};

/* A probe on behalf of somebody else. */
struct relay {
	TAILQ_ENTRY(relay) fifo; /* oldest first; nack_at and end rise */
	RB_ENTRY(relay) entry;
	uint32_t seqno; /* ours */
	uint32_t wanted; /* the requester's */
	struct ipport to;
	bool nack; /* asked for and not sent yet */
	int64_t nack_at, end;
};
TAILQ_HEAD(relay_fifo, relay);
RB_HEAD(relay_tree, relay);

enum stream_use {
	USE_PERIODIC,
	USE_JOIN,
	USE_LOOK, /* a join that only looks */
	USE_FEED, /* Nodes = 0, to learn what an original lacks */
	USE_PING
};

/* A stream that we asked for. */
struct asked {
	TAILQ_ENTRY(asked) entry;
	uint32_t id;
	enum stream_use use;
	struct ipport to;
	uint32_t seqno; /* USE_PING */
	unsigned lacked; /* USE_FEED: what the last look found, 0 at first */
};
TAILQ_HEAD(asked_list, asked);

/* An original that lacks more than one exchange may carry. */
struct feed {
	TAILQ_ENTRY(feed) entry;
	struct ipport to;
	int64_t at;
	unsigned lacked;
};
TAILQ_HEAD(feed_list, feed);

struct moving; /* of elsewhere.c */
TAILQ_HEAD(moving_list, moving);

struct swim {
	const struct swim_profile *prof;
	const struct swim_ops *ops;
	void *arg;
	bool (*connects)(void *arg, const struct ipport *to);
	void (*reported)(void *arg, const struct member *from,
	    const uint8_t alive[SWIM_REPORTED / 8]);
	int64_t now;
	unsigned max_members;
	uint32_t inc;
	struct member_table t;
	struct member *self;
	unsigned others_alive; /* alive or suspect, without ourselves */
	struct evict_list evict[EVICT_CLASSES];

	struct aware aware;
	struct suspect_heap suspects;
	struct talk_list talks;
	struct claim_list claims;
	int64_t claims_at; /* when to look at them */
	struct bcast_queue queue;
	struct swim_counters count;
	struct wire_scratch *scratch;
	struct limits limits;

	struct probe probe;
	unsigned probe_index;
	int64_t next_probe;
	struct relay_fifo relays;
	struct relay_tree relay_by_seqno;
	struct relay *next_nack; /* first that still owes one, or NULL */
	unsigned nrelays;

	int64_t gossip_phase, next_gossip;
	int64_t next_pushpull;
	int64_t
	    join_ends; /* exchanges that bring newcomers are repeated soon */
	int64_t returns_at, returns_end, returns_next; /* swim_join.c */
	unsigned returns; /* members that came since returns_at */
	struct asked_list streams;
	struct feed_list feeds;
	unsigned nfeeds;
	struct ipport few[FEW]; /* to be told at few_at */
	unsigned nfew;
	int64_t few_at; /* before that nobody is told one by one again */
	uint32_t next_id;

	enum swim_mode mode;
	enum swim_after after;
	int64_t leave_end, wake_at;
	struct ipaddr new_addr;
	uint16_t new_port;
	struct {
		struct ipport at;
		int64_t until;
	} former[FORMERS]; /* where we were announced before */
	unsigned nformer;
	int64_t ghost_at; /* before that nobody is told of it again */
	struct moved {
		struct member *m; /* NULL: free */
		struct ipport from;
		uint32_t inc; /* it left there with that one */
		int64_t until;
		int64_t retell_at; /* announce it again then, or NEVER */
	} moved[MOVED_MAX];
	unsigned nmoved;
	struct moving_list movings;
	unsigned nmovings, nprobed; /* probes since moving_since */
	int64_t moving_since;
	int64_t claimant_at; /* before that no claimant is told anything */
	int64_t refuted_at; /* the last burst */
	int64_t refute_at; /* one that was put off, or NEVER */
	uint32_t refute_inc;
	bool blamed; /* our health has suffered by one since the last probe */
	struct ipport refute_to;
	int64_t catch_up_at; /* what we missed, once more, or NEVER */
	int64_t announce_at; /* the next portion, or NEVER */
	unsigned learned; /* by the join that is being merged */
	unsigned joined; /* members that became alive, ever */
	bool back; /* the last that joined had failed */
	bool is_new; /* or was not known */
	bool changed; /* the update under way is one of content */
	bool listed; /* somebody showed that it knows us */
	int64_t listed_at, listed_gap; /* when to ask again if not */
};

/* swim.c */
/* The earliest of n times, NEVER when n is 0. */
int64_t swim_earliest(const int64_t *at, size_t n);
uint32_t swim_random(struct swim *s, uint32_t n); /* 0 .. n - 1, n > 0 */
void swim_emit(struct swim *s, enum swim_event_type type, struct member *m,
    const struct via *v, bool direct);
void
swim_emit_conflict(struct swim *s, struct member *m, const struct ipport *addr);
/* Could a stream of ours go there? */
bool swim_connects(const struct swim *s, const struct ipport *to);
/* Start probe and push/pull timers if there is somebody and they stand. */
void swim_arm(struct swim *s);
void swim_disarm(struct swim *s);
/* The only place where a member's state changes. */
void swim_set_state(struct swim *s, struct member *m, enum member_state state);
void swim_forget(struct swim *s, struct member *m); /* reap or evict */
/* The slice of a NUL-terminated string. */
struct slice swim_str(const char *s);
/* A port as received: 0 is the cluster port. */
uint16_t swim_port(const struct swim *s, uint16_t port);

/* Count one message: its type, its length with the type byte. */
static inline void
swim_count(struct swim_traffic *t, uint8_t type, size_t len)
{
	if (type < SWIM_TYPES) {
		t->n[type]++;
		t->bytes[type] += len;
	}
}
/* The same of those that are in c, which was not finished yet. */
void swim_count_all(struct swim_traffic *t, const struct wire_compound *c);

/* probe.c */
void probe_run(struct swim *s);
int64_t probe_deadline(const struct swim *s);
void probe_ack(struct swim *s, uint32_t seqno);
/* False when seqno is no probe of ours. */
bool probe_nack(struct swim *s, uint32_t seqno);
void probe_forget(struct swim *s, struct member *m);
void probe_ping(
    struct swim *s, const struct ipport *from, const struct wire_ping *p);
/* Fill in our half of a ping. */
void probe_source(const struct swim *s, struct slice *addr, uint16_t *port,
    struct slice *node);
/* Where to answer a ping that names a source and came from `from`. */
void probe_reply_to(const struct swim *s, const struct slice *addr,
    uint16_t port, const struct ipport *from, struct ipport *out);

/* relay.c */
void relay_request(
    struct swim *s, const struct ipport *from, const struct wire_indirect *r);
void relay_ack(struct swim *s, uint32_t seqno);
void relay_run(struct swim *s);
int64_t relay_deadline(const struct swim *s);
void relay_free(struct swim *s);

/* spread.c */
void spread_send(
    struct swim *s, const struct ipport *to, const void *msg, size_t len);
/* With broadcasts in the room that is left, if `to` is a member's address. */
void spread_send_full(
    struct swim *s, const struct ipport *to, const void *msg, size_t len);
/* Queue an encoded message about m. */
void spread_message(
    struct swim *s, struct member *m, const uint8_t *msg, size_t len);
/* Queue m as it stands in the table; a newcomer is new, or was gone. */
void spread_alive(struct swim *s, struct member *m, bool newcomer);
/* Queue an accusation of m (suspect, or dead; dead by itself is a leave). */
void spread_accuse(struct swim *s, struct member *m, enum wire_type type,
    uint32_t inc, struct slice from);
ssize_t spread_encode_alive(const struct member *m, uint8_t *buf, size_t cap);
/* The same for what somebody asked for: with few broadcasts (limit.c). */
void spread_answer(
    struct swim *s, const struct ipport *to, const void *msg, size_t len);
/* Somebody told us of m, in a packet, what we tell ourselves. */
void spread_known(struct swim *s, struct member *m);
void spread_run(struct swim *s);
int64_t spread_deadline(const struct swim *s);
/* There may be something to say and somebody to hear it: wait for the beat. */
void spread_arm(struct swim *s);
void spread_now(struct swim *s); /* one round, off the beat */
/*
 * Up to k different random members for which want() holds, never ourselves.
 * Returns how many.
 */
unsigned spread_pick(struct swim *s, unsigned k,
    bool (*want)(const struct swim *, const struct member *),
    const struct member *except, struct member **out);
bool spread_is_alive(const struct swim *s, const struct member *m);
/* The same of the living who were heard once; one of the others if there are
 * none: an address may be announced without its owner's knowledge. */
unsigned spread_pick_alive(struct swim *s, unsigned k,
    const struct member *except, struct member **out);
/* Has a packet or stream come from its address? */
bool spread_is_heard(const struct member *m);
/* An authenticated packet came from there. */
void spread_heard(struct swim *s, const struct ipport *from);

/* merge.c */
void
merge_alive(struct swim *s, const struct wire_alive *a, const struct via *v);
void
merge_suspect(struct swim *s, const struct wire_accuse *a, const struct via *v);
void
merge_dead(struct swim *s, const struct wire_accuse *a, const struct via *v);
/* Is the entry's form good? If so its address in canonical form is set. */
bool
merge_node_ok(struct swim *s, const struct wire_node *n, struct ipport *addr);
void merge_node(struct swim *s, const struct wire_node *n, const struct via *v);
/* Is the news about this address from that address itself? */
bool merge_direct(const struct via *v, const struct ipport *about);
bool merge_vsn_ok(const struct slice *vsn);
void merge_suspects_run(struct swim *s);
/* m, which failed, is at the address that a names. */
void merge_moved(struct swim *s, struct member *m, const struct wire_alive *a);

/* hearsay.c */
/* Is the end, a new key or a new address of m hearsay, to be waited with? */
bool hearsay_waits(const struct member *m, const struct via *v);
/* Its new metadata, or its end, as somebody else told it. */
void
hearsay_alive(struct swim *s, struct member *m, const struct wire_alive *a);
void hearsay_dead(
    struct swim *s, struct member *m, uint32_t inc, const struct slice *from);
/* The same with another address: true when m is said to have left, so that
 * this may be its return. */
bool
hearsay_elsewhere(struct swim *s, struct member *m, const struct wire_alive *a);
/* Somebody's state has m alive: it shall know what is said. */
void hearsay_pass(struct swim *s, const struct member *m, const struct via *v);
/* It is said to be further than hearsay is believed: it shall tell itself where
 * it is, since a liar may have driven it there in one leap. */
void hearsay_ask(struct swim *s, struct member *m);
/* m has changed: what it has outdated is dropped. */
void hearsay_settle(struct swim *s, struct member *m);
void hearsay_forget(struct swim *s, struct member *m);
void hearsay_run(struct swim *s);
int64_t hearsay_deadline(const struct swim *s);
void hearsay_free(struct swim *s);
/* The talk of m, made if there is none; NULL when out of memory. */
struct talk *hearsay_talk(struct swim *s, struct member *m);
/* Free some talks that are over. */
void hearsay_tidy(struct swim *s);

/* evict.c */
void evict_init(struct swim *s);
/* After a change of state: to the list where m belongs. */
void evict_sort(struct swim *s, struct member *m);
void evict_remove(struct swim *s, struct member *m);
/* Note that m answered, or asked us from its own address. */
void evict_answered(struct swim *s, struct member *m);
/* Forget somebody; false when nobody can be spared. No search. */
bool evict_one(struct swim *s);

/* self.c */
void self_alive(struct swim *s, const struct wire_alive *a,
    const struct ipport *addr, const struct via *v);
void self_accused(struct swim *s, uint32_t inc, const struct via *v);
void self_run(struct swim *s);
int64_t self_deadline(const struct swim *s);
void self_spread_done(struct swim *s); /* our broadcast was sent often */
void self_listed(struct swim *s); /* somebody knows us */
void self_listed_check(struct swim *s, int64_t in);
/* Take the bytes under which our address is known elsewhere. */
void self_adopt(struct swim *s, const struct slice *addr);
/* Send our alive to one address. */
void self_unicast(struct swim *s, const struct ipport *to);

/* ghost.c: where others may still have us */
void ghost_remember(struct swim *s, const struct ipport *at);
bool ghost_is(const struct swim *s, const struct ipport *at);
/* Tell `to`, which has us there with incarnation inc, that we left it; only
 * of one that is behind us. */
void ghost_leave(struct swim *s, uint32_t inc, const struct ipport *to);
/* m left `from` with incarnation inc, and is elsewhere now. */
void ghost_moved(
    struct swim *s, struct member *m, const struct ipport *from, uint32_t inc);
/* Somebody has m at another address still: true when it moved from there, and
 * is told so, unless that could be taken for a leave of the new address. */
bool ghost_stale(struct swim *s, const struct member *m,
    const struct ipport *at, uint32_t inc, const struct via *v);
void ghost_forget(struct swim *s, const struct member *m);
void ghost_run(struct swim *s);
int64_t ghost_deadline(const struct swim *s);

/* elsewhere.c: names at other addresses */
/*
 * m failed, and is said to live elsewhere: it will be taken there, once its old
 * address has not answered. False: that says nothing newer than we know.
 */
bool
elsewhere_failed(struct swim *s, struct member *m, const struct wire_alive *a);
/* m lives, or nothing speaks for the claim: it is a conflict. */
void elsewhere_conflict(struct swim *s, struct member *m,
    const struct wire_alive *a, const struct ipport *addr, const struct via *v);
/* An ack came, perhaps to a probe of ours. */
void elsewhere_ack(struct swim *s, uint32_t seqno);
void elsewhere_run(struct swim *s);
int64_t elsewhere_deadline(const struct swim *s);
/* m is back, left, or goes: its probe says nothing any more. */
void elsewhere_forget(struct swim *s, const struct member *m);
void elsewhere_free(struct swim *s);

/* pushpull.c */
enum pushpull_what {
	STATE_ALL,
	STATE_NONE, /* Nodes = 0 */
	STATE_RATIONED, /* of what the marks say is lacking one burst only */
	STATE_KNOWN, /* nothing of that: a burst is not two seconds old */
	STATE_NEWS /* one burst of what is lacking, and nothing else */
};
/* A malloc'ed message, or NULL when out of memory. */
uint8_t *
pushpull_build(struct swim *s, enum pushpull_what what, bool join, size_t *len);
void
pushpull_start(struct swim *s, const struct ipport *to, enum stream_use use);
void pushpull_run(struct swim *s);
/* Up to k random partners that are alive, were heard and are in reach of our
 * streams; else one that was not heard yet. */
unsigned pushpull_pick(struct swim *s, unsigned k, struct member **out);
int64_t pushpull_deadline(const struct swim *s);
int64_t pushpull_interval(const struct swim *s);
int pushpull_request(struct swim *s, const struct ipport *from,
    const uint8_t *body, size_t len, uint8_t **reply, size_t *replylen);
/* The answer to one that we asked for, other than a join. 0, or -1. */
int pushpull_reply(
    struct swim *s, const struct asked *st, const uint8_t *body, size_t len);
/* Send a state to `to`; the answer is handled as `use` says. */
uint32_t pushpull_send(struct swim *s, const struct ipport *to,
    enum stream_use use, enum pushpull_what what, bool join);
/* All but the members of the original get everything at once. */
bool pushpull_is_big(const struct swim *s);
/* Look again in two seconds; lacked as in struct asked. */
void pushpull_feed(struct swim *s, const struct ipport *to, unsigned lacked);
/* Members that the last listing lacks or holds differently. */
unsigned pushpull_news(const struct swim *s);
void pushpull_unmark(struct swim *s);

/* What reading a state found, before anything was merged. */
struct pushpull_look {
	struct wire_pushpull head;
	unsigned entries;
	/* Everybody at the sender's address is of ours, or everybody at all:
	 * whoever sends a state is in it. */
	bool ours;
	unsigned alive, originals; /* entries, without ourselves */
	struct ipport sender; /* its announced address; ip.len 0: unclear */
	bool self; /* an entry has our name ... */
	bool self_here; /* ... and our address */
	bool self_ghost; /* ... or one that we had before */
	struct slice self_addr; /* as it was written there */
	struct slice self_meta;
	struct ipport self_at; /* the same */
	uint32_t self_inc;
	uint8_t self_state;
};
/* Check the framing of a whole state and mark members. 0, or -1. */
int pushpull_scan(struct swim *s, const uint8_t *body, size_t len,
    const struct via *v, struct pushpull_look *look);
/* The member that announced this address took part in an exchange. */
void pushpull_answered(struct swim *s, const struct ipport *a);
/* Merge a state that was scanned. */
void pushpull_merge(
    struct swim *s, const uint8_t *body, size_t len, const struct via *v);

/* Report a state that was scanned, merge nothing. */
void pushpull_report(struct swim *s, const uint8_t *body, size_t len);

/* reports.c */
/* A state of that sender has been merged: tell whom it has as alive. */
void reports_tell(struct swim *s, const uint8_t *body, size_t len,
    const struct ipport *sender);

/* swim_join.c */
struct asked *
asked_new(struct swim *s, enum stream_use use, const struct ipport *to);
/* One more exchange when the news of others that join now has died down. */
void join_exchange_soon(struct swim *s);
/* A member has come, or is back: many of them are exchanged soon. */
void join_returned(struct swim *s);
/* Forget those under way. */
void asked_free(struct swim *s);

/* meet.c */
/* The others that are alive, if they are few; else 0. */
unsigned meet_few(const struct swim *s, struct ipport few[FEW]);
/* Several members came with an exchange of sender's: the n few that were here
 * before it are told one by one, at once or at meet_deadline(). */
void meet_groups(struct swim *s, const struct ipport *few, unsigned n,
    const struct ipport *sender);
void meet_run(struct swim *s);
int64_t meet_deadline(const struct swim *s);

#endif
