#ifndef WESHER_PEERS_INT_H
#define WESHER_PEERS_INT_H

#include <sys/queue.h>

#include "../common/clock.h"
#include "holders.h"
#include "peers.h"
#include "quiet.h"
#include "swim.h"

#define RETRY_MIN   (5 * US_PER_S) /* after a refusal, doubled each time */
#define SPREAD_FROM 64 /* peers, above which work is spread */
#define PRIME_LATER (2 * US_PER_S) /* the other end had its chance */

/* Shared by peers.c, peer_*.c, hold.c and prime.c alone. */

#define CLAIM_TICK (US_PER_S / 10) /* of a slot's `seen` */

/* What the kernel shall have, or has. */
struct tunnel {
	uint8_t key[WG_KEY_LEN];
	struct ipport endpoint;
	struct ipaddr addr;
	uint8_t attempt;
	bool plain; /* a member without X */
	bool is_static; /* its name does not derive the address */
};

/* hold.c: its tunnel stays though it is called gone; not any more. */
enum peer_hold { HOLD_NO, HOLD_ON, HOLD_OVER };

enum peer_busy { PEER_IDLE, PEER_QUEUED, PEER_SETTING, PEER_DELETING };

/*
 * What is kept of each member's peer for good; hangs off its udata. Of most of
 * ten thousand peers nothing is wanted at the moment: they are at rest, and
 * this is all that there is of them.
 */
struct peer_slot {
	TAILQ_ENTRY(peer_slot) all;
	struct peer_slot *addr_next; /* held: in the index */
	struct peer_slot *key_next; /* keyed: the same */
	struct member *m; /* NULL: forgotten, kept as a ghost for a while */
	struct peer *p; /* NULL: at rest */
	uint32_t logged; /* the last warning about it, in s; 0: never */
	struct tunnel t; /* in the index; at rest: want, and have */

	/* What it claims to hold, an address and a key, by right or not. */
	uint32_t seen; /* claims: this address, since then, CLAIM_TICK */
	uint32_t since; /* the same, wall s, or of the saved table; or 0 */

	/* At rest, as in struct peer. */
	uint8_t why;
	uint8_t hold : 2, news : 2;
	bool decoded : 1, ours : 1, v02 : 1;
	bool wanted : 1, applied : 1, had : 1;
	bool claims : 1; /* the address that its name derives, or may */
	bool known : 1; /* that it did, in an earlier run or before it failed */
	bool held : 1, keyed : 1; /* it holds the address, the key */
	bool line_told : 1, uncrossed : 1, has_stat : 1;
	bool parked : 1; /* to be primed as soon as it answers */
	bool up : 1; /* of peer_event.c, as is the next */
	uint8_t tries : 2; /* 1: it sends without a session; 2: since a look */
	struct ipport endpoint;
	uint32_t handshake; /* until 2106 */
	union {
		struct {
			uint64_t rx, tx;
		};
		/* Another holds its address or key: it has no tunnel. */
		TAILQ_ENTRY(peer_slot) blocked;
	};
};

/* A peer with which something goes on. */
struct peer {
	TAILQ_ENTRY(peer) awake, queue;
	TAILQ_ENTRY(peer) ghost;
	struct peer_slot *slot;
	struct member *m; /* as in slot */
	const char *name; /* behind the struct */
	uint8_t namelen;
	enum peer_why why;
	int refused; /* errno of wesher-priv */
	bool decoded, wanted, applied;
	bool had; /* have.key was in the kernel once */
	struct meta meta;
	struct tunnel want; /* when wanted */
	struct tunnel sent; /* while setting */
	struct tunnel have; /* when applied */
	enum peer_busy busy;
	uint32_t seq;
	int64_t retry_at, backoff;
	bool awaits; /* until retry_at, the end of whom it displaced */
	int64_t got_at; /* its address was free until then */
	bool line_told; /* that it gets no hosts line */
	int64_t ghost_until; /* forgotten: a new key still names the old */

	/* called gone */
	enum peer_hold hold;
	enum peers_news hold_news; /* the last that it had no part in */
	bool hold_said; /* it said goodbye itself */
	bool hold_left; /* it left, else it failed */
	bool hold_based; /* hold_rx has been taken */
	bool hold_proven; /* received bytes rose since */
	int64_t hold_since, hold_rose;
	int64_t hold_at; /* the next look, NEVER: none */
	int64_t hold_due; /* older counters do not serve for it */
	uint64_t hold_rx;

	/* priming */
	enum peers_news news;
	int64_t prime_at; /* NEVER: nothing planned */
	int64_t primed_at;
	unsigned primes;
	int64_t asked; /* prime_at while it waits for counters */
	bool knock; /* one datagram, whatever the handshake says */
	/* One end has moved: send, whatever the session, note what has been
	 * received, send again and listen. */
	enum { NUDGE_NO, NUDGE_SEND, NUDGE_MARK, NUDGE_LISTEN } nudge;
	bool patient; /* listen for long: it may have been nothing */
	bool uncrossed; /* it was, since crossed initiations were likely */
	uint8_t looks; /* how often it was before CROSS_WAIT */
	bool reset; /* to be removed and added, for a fresh handshake */
	uint64_t rx_mark; /* received bytes when it was poked */
	int64_t poke_at; /* members of the original: after each event */
	int64_t poke_since; /* counters asked for before do not count */
	unsigned poke_step;

	bool has_stat;
	struct ipport endpoint; /* the kernel's */
	int64_t handshake;
	uint64_t rx, tx;
};

TAILQ_HEAD(peer_list, peer);
TAILQ_HEAD(peer_slots, peer_slot);

struct peer_block;

struct peers {
	struct peers_config cfg;
	struct peer_slots all, blocked;
	struct peer_list awake, queue, flight, ghosts;
	/* Who holds an overlay address or a key: hash chains, keyed. */
	struct peer_slot **by_addr, **by_key;
	unsigned hashsize, nheld; /* addresses and keys */
	uint32_t hashkey[4];
	struct holders *saved; /* NULL: of no use any more */
	int64_t saved_until;
	unsigned n, nghosts, nqueued, nflight, nblocked;
	LIST_HEAD(, peer_block) room; /* for more that wake up */
	int64_t park_at; /* the next look at the parked, NEVER: none */
	int64_t now; /* of the call under way */
	int64_t stats_at, stats_got; /* the last STATS, and its whole answer */
	uint32_t stats_seq;
	struct quiet quiet; /* warnings about members */
	int64_t unblocked_at, unblock_at; /* the last walk, and the next */
	unsigned ahead; /* of those that were waited for: see peers_mark() */
	int64_t walked_at; /* peers_tick looked at all */
	enum { WATCH_OFF, WATCH_BASE, WATCH_ON } watch;
	int64_t watch_since, watch_at; /* the next look, NEVER: none */
	uint32_t watch_seq; /* of the last look */
	int64_t next; /* the earliest of all peers' times, or earlier */
};

/* Set one of a peer's times and remember the earliest. */
static inline void
peer_at(struct peers *ps, int64_t *which, int64_t at)
{
	*which = at;
	if (at < ps->next)
		ps->next = at;
}

/* peer_slot.c */
/* 0, or -1 when out of memory. */
int peer_index_init(struct peers *ps);
void peer_index_free(struct peers *ps);
/* Who holds this address or key, or NULL. */
struct peer_slot *
peer_by_addr(const struct peers *ps, const struct ipaddr *addr);
struct peer_slot *
peer_by_key(const struct peers *ps, const uint8_t key[WG_KEY_LEN]);
/* Hold p->want's, which nobody does; and let go of it again, if it does. */
void peer_hold_addr(struct peers *ps, struct peer *p);
void peer_hold_key(struct peers *ps, struct peer *p);
void peer_release_addr(struct peers *ps, struct peer_slot *s);
void peer_release_key(struct peers *ps, struct peer_slot *s);
/* A peer for a new member, awake; hangs off its udata. NULL when out of
 * memory. */
struct peer *peer_new(struct peers *ps, struct member *m);
/* The peer of a slot, woken if it is at rest; NULL when out of memory. */
struct peer *peer_wake(struct peers *ps, struct peer_slot *slot);
/* What it would be awake, with a name that lives as long as the member's. */
void peer_expand(const struct peer_slot *slot, struct peer *p);
/* If nothing goes on with it p is freed, and its slot is at rest. */
void peer_settle(struct peers *ps, struct peer *p);
/* Free all memory of those that are awake, which are none any more. */
void peer_blocks_free(struct peers *ps);
/* Both are freed. */
void peer_free(struct peers *ps, struct peer *p);
/* A slot at rest is freed, as memory is too short to wake it: its tunnel goes,
 * if wesher-priv does not refuse. */
void peer_lose(struct peers *ps, struct peer_slot *slot);

/* peer_claim.c */
/* p has been judged so against everything but other peers: note what it claims
 * now, where old is what it did before, and held that by right or not, and since
 * when. */
void peer_claim_note(struct peers *ps, struct peer *p, const struct tunnel *old,
    enum peer_why why, bool held);
/*
 * Hold the address and key that p claims, or say who does. Two others at most
 * may have lost theirs to it by this; they are set out in lost (else NULL),
 * awake, and to be judged again.
 */
enum peer_why peer_claim(
    struct peers *ps, struct peer *p, enum peer_why why, struct peer *lost[2]);

/* peer_check.c */
/*
 * Judge p's metadata against everything but other peers. Sets decoded, meta;
 * returns PEER_PENDING when it could have a tunnel. Then, and when it lacks
 * nothing but an address of its own or an endpoint for us, want is set, too.
 */
enum peer_why peer_judge(const struct peers_config *cfg, struct peer *p);
/* Why it has no hosts line because of its name, in words; else NULL. */
const char *peer_no_line(const struct peers_config *cfg, const struct peer *p);
/* The sentence of status. */
void
peer_words(const struct peers *ps, const struct peer *p, char *buf, size_t len);

/* Does another hold its address or key? */
static inline bool
peer_is_blocked(enum peer_why why)
{
	return why == PEER_ADDR_TAKEN || why == PEER_KEY_TAKEN;
}

/* peers.c */
/* Free a ghost whose time is over, once the kernel has let it go. */
void peer_ghost_expire(struct peers *ps, struct peer *p, int64_t now);

/* peer_ask.c */
bool peer_tunnel_eq(const struct tunnel *a, const struct tunnel *b);
/* Queue it when the kernel is not in step and nothing is under way. */
void peer_enqueue(struct peers *ps, struct peer *p);
/* Ask for what is queued, a bounded number at a time. */
void peer_pump(struct peers *ps);
/* Have wesher-priv remove and add the peer in one step. */
void peer_reset(struct peers *ps, struct peer *p);

/* peer_event.c */
/* Tell why it has no tunnel; the log, not too often. */
void peer_log_why(struct peers *ps, struct peer *p);
#define PEER_SESSION 180 /* s: no session lives longer */
/* When it is time. */
void peer_watch_tick(struct peers *ps);
/* A peer of the kernel's is counted; it had sent tx bytes before. */
void peer_watch_stat(struct peers *ps, struct peer_slot *s, uint64_t tx,
    const struct priv_stat *st);
/* All of them have been, that were asked for. */
void peer_watch_counted(struct peers *ps);

/* hold.c */
/* News about p: true when its tunnel stays as it is for now. */
bool hold_keeps(struct peers *ps, struct peer *p, enum peers_news news);
/* When it is time; true when p is to be judged again. */
bool hold_look(struct peers *ps, struct peer *p);
/* It is alive again, and has been judged. */
void hold_resumed(struct peers *ps, struct peer *p, enum peers_news news);

/* prime.c */
/* Are the counters all there, asked for since then? Otherwise ask, anew when
 * no answer came (STATS that others asked for make wesher-priv refuse). */
bool peer_stats_fresh(struct peers *ps, int64_t now, int64_t since);
/* Its session may be gone: send, listen, and make it anew if nothing comes. */
void prime_listen(struct peers *ps, struct peer *p, int64_t now);
void
prime_news(struct peers *ps, struct peer *p, int64_t now, enum peers_news news);
/* The kernel has it: fresh without a session, moved with one. */
void prime_applied(
    struct peers *ps, struct peer *p, int64_t now, bool fresh, bool moved);
void prime_tick(struct peers *ps, struct peer *p, int64_t now);
/* All counters have come that were asked for: some wait for them. */
void prime_counted(struct peers *ps, int64_t now);

#endif
