#ifndef PRIV_PRIV_H
#define PRIV_PRIV_H

#include "../common/bucket.h"
#include "setup.h"

/* wesher-priv while it serves: dispatch, apply, duties, repair, loop. */

/* What the child may ask depends on these; the names are the log's. */
enum priv_state { PS_START, PS_READY, PS_UP, PS_SYNCED, PS_LEAVING };

/*
 * Changes of the table on their way to the kernel. A batch becomes one
 * rtnl_routes() for what goes, one wg_apply(), one rtnl_routes() for what
 * comes; then every request of it is answered.
 */
struct pend {
	struct priv_result res;
	struct peer *p; /* NULL: PEER_DEL */
	int wg, rt; /* index of its last change, -1: none */
	bool fresh, route;
};

#define BATCH 512
struct batch {
	struct wg_change wg[BATCH];
	struct rtnl_change del[BATCH], add[BATCH];
	int wgerr[BATCH], delerr[BATCH], adderr[BATCH];
	size_t nwg, ndel, nadd, npend;
	struct pend pend[BATCH];
};

#define OUTQ_MAX       4352
#define DISPATCH_ROUND 256 /* records taken in one go */

/* env.now and env.wall are the caller's to set. */
struct priv {
	struct policy_env env;
	enum priv_state state;
	int boundary;
	struct wgkey *wgkey;
	char name[NAME_MAX_LEN + 1]; /* the kernel's host name */
	struct batch batch;
	struct bucket changes, said; /* said: lines that others cause */
	uint64_t refused;
	struct priv_alive alive; /* what the child said last */

	/* towards the child */
	union priv_msg out[OUTQ_MAX];
	size_t outhead, nout;
	bool adopting, stats; /* an answer in STATs is under way */
	uint32_t stats_seq;
	uint8_t stats_at[WG_KEY_LEN]; /* the next key to tell of */
	struct priv_net net; /* as sent last */
	uint8_t box, landlock; /* as in NET */

	/* when something is due, ms; 0: not */
	int64_t heard, sent, dumped, repair_at, net_at, hosts_at;
	bool hosts_failed, hosts_look; /* look: nothing of ours has changed */
	struct hosts *hosts; /* NULL: --no-etc-hosts */
};

/* Queue HELLO and the STAT of each adopted peer. */
void dispatch_hello(struct priv *p);
/* Take what the child has sent. 0, or -1 (logged): the child must die. */
int dispatch_read(struct priv *p);
/* One record of n bytes; exported for tests. Answers follow apply_flush(). */
int dispatch_one(struct priv *p, const union priv_msg *m, size_t n);
/* Send what is queued, as far as the child reads. 0, or -1: it is gone. */
int dispatch_write(struct priv *p);
/* What to poll the boundary for. */
short dispatch_events(const struct priv *p);
/* Queue one record; it is never lost. */
void dispatch_put(struct priv *p, const void *rec);
/* LEAVE or STOP: nothing is answered from now on. */
void dispatch_end(struct priv *p, enum priv_type how);

/*
 * Accept a request that the policy let through; the table changes now, the
 * kernel with apply_flush(), which answers too. 0, or -ENOMEM.
 */
int apply_set(struct priv *p, const struct want *w, struct priv_result *r);
void apply_del(struct priv *p, struct peer *q, struct priv_result *r);
/*
 * Single changes without an answer. Room for a few of them, or for a request,
 * is made before: it may flush.
 */
void apply_room(struct priv *p);
void apply_wg(struct priv *p, enum wg_op op, const struct wg_peer *w);
void apply_route(struct priv *p, bool del, const struct ipaddr *dst);
void apply_flush(struct priv *p);

/* What is done by the clock, not on demand. */
#define HOSTS_DELAY  200 /* ms; rewrites are coalesced */
#define HOSTS_RETRY  10000
#define NET_DELAY    1000
#define REPAIR_EVERY 60000
#define DUMP_FEW     64 /* peers that one datagram tells of */
#define STATS_EVERY  200
#define DUMP_AGE(p)  ((p)->env.peers.n <= DUMP_FEW ? 20 : STATS_EVERY)

/* Note that the hosts lines, or the host's own network, may have changed. */
void duty_hosts_changed(struct priv *p);
void duty_net_changed(struct priv *p);
/* A fresh picture of the host for the policy, and a NET when it differs. */
void duty_net(struct priv *p);
/* Do what is due. 0, or -1 (logged): the child is silent or does not read. */
int duties_run(struct priv *p);
/*
 * ms from env.now until something is due. At most WAIT_MAX: so much of a wait
 * may be counted as time when the host sleeps through it, and the child's
 * silence then must still be far from too long.
 */
#define WAIT_MAX 10000
int duties_wait(const struct priv *p);

/*
 * Start: the peers of an adopted interface enter the table; those without
 * exactly one allowed IP inside of the overlay are removed. 0 or -errno.
 */
int repair_adopt(struct priv *p);
/* Renew the peers' counters unless they are younger than DUMP_AGE. */
void repair_dump(struct priv *p);
/* Compare the kernel with what is wanted, and mend it. */
void repair(struct priv *p);

struct loop {
	struct priv *p;
	pid_t child;
	int logfd; /* the read end of the child's log pipe */
	int sigfd; /* signalfd: INT, TERM, HUP, CHLD */
	int dnsfd; /* resolv_open(), -1: none */
};

/* Set env.now and env.wall. */
void loop_clock(struct priv *p);
/*
 * Serve until the child has ended, and reap it. Returns the exit status: 0
 * after a leave or a stop. Interface and hosts lines are removed after a leave
 * alone.
 */
int loop_run(struct loop *l);

#endif
