#ifndef REGRESS_SIM_H
#define REGRESS_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../../wesher/swim_int.h"

/*
 * The simulator: thousands of members in one process, each the production core
 * with its codecs, under a virtual clock (us) and over a network that has
 * latency, loss, duplication, reordering, partitions and an MTU. One seed
 * gives all chance; a run with the same seed is the same run to the last byte.
 * The words are those of tarantool's SWIM tests. Members are numbered from 0;
 * a wrong number or a lack of memory ends the program with a message.
 *
 * Not modelled: sealing (29 bytes are counted for it), the contention of links
 * and processors (everybody handles a packet at the moment at which it comes),
 * limits of socket buffers, and TCP beyond its round trips and retransmissions.
 */

struct cluster;
struct host;
struct join;

enum latency_kind {
	LATENCY_UNIFORM, /* lo .. hi */
	LATENCY_LOGNORMAL /* median and sigma, cut to lo .. hi */
};

/* Each pair of members has its own latency, drawn once; jitter comes on top. */
struct network {
	enum latency_kind kind;
	int64_t lo, hi, median; /* us, one way */
	double sigma; /* of the logarithm */
	double jitter; /* up to that share of the pair's latency more */
	double drop, duplicate; /* of packets: 0 .. 1 */
	double reorder; /* that many are late by up to four latencies */
	size_t mtu; /* longer IP packets are lost */
	double rate; /* bytes a second of a stream, 0: no limit */
};
extern const struct network network_lan, network_wan;

struct cluster_config {
	const struct swim_profile *profile; /* kept, not copied */
	const struct network *network; /* NULL: of the profile, WAN or LAN */
	uint64_t seed;
	size_t metalen; /* of made-up metadata, 1 .. 512; 0: real metadata */
	bool warm; /* everybody knows everybody, and has heard from them */
	unsigned strangers; /* but the last so many: cold, and not known */
	/* The first `originals` are to others what the original is: metadata
	 * without the extension (so that hearsay, portions and prime rules for
	 * such apply to them) and incarnation 1 at each start. The dead are
	 * forgotten after the profile's gossip_to_dead, as it does (a minute in
	 * WAN). Beneath is our core: it holds hearsay back, sends nacks early
	 * and does not deadlock, and its first alive has its metadata. */
	unsigned originals;
	/* Taps; NULL: none. They may look, and not call back. */
	void (*event)(
	    struct cluster *c, unsigned i, const struct swim_event *ev);
	void (*packet)(struct cluster *c, unsigned from, unsigned to,
	    const uint8_t *plain, size_t len); /* sent, lost or not */
	void (*arrive)(struct cluster *c, unsigned from, unsigned to,
	    const uint8_t *plain, size_t len); /* handled */
	void (*stream)(struct cluster *c, unsigned from, unsigned to,
	    const uint8_t *msg, size_t len); /* tried, whatever comes of it */
	void *arg; /* for the taps: cluster_arg() */
};

struct node {
	struct cluster *c;
	unsigned i;
	struct swim *s; /* NULL: it does not run */
	struct host *host; /* of a daemon, or of its original (hosts.h) */
	uint64_t seed; /* the state of its own chance */
	uint32_t incarnation; /* of the next start */
	unsigned life; /* starts so far: old answers find nobody */
	bool paused, original;
	int64_t held_until;
	uint8_t group; /* of the partition */
	double drop_in, drop_out;
	struct join *join; /* the mesh's, while it tries saved members */
	uint32_t first, last; /* what waits for it while it is paused */
	char name[64];
	struct ipport addr;
	bool leave_done;
	struct swim_join_result joined; /* its last join; why is NULL */
	unsigned joins, failed, left, suspected, refuted; /* events seen */
	uint64_t packets, bytes, streams, stream_bytes; /* sent; IP bytes */
};

/* n members that run and know nobody, or everybody (cfg->warm). */
struct cluster *cluster_new(unsigned n, const struct cluster_config *cfg);
void cluster_free(struct cluster *c);

int64_t cluster_now(const struct cluster *c); /* us */
unsigned cluster_size(const struct cluster *c);
void *cluster_arg(const struct cluster *c);
struct node *cluster_node(struct cluster *c, unsigned i);
/* The number of the member at this address, or -1. */
int cluster_at(const struct cluster *c, const struct ipport *a);
/* The number of a table's member: by its address. */
int cluster_of(const struct cluster *c, const struct member *m);
/* Chance for experiments: 32 bits, or one of 0 .. n-1, of the cluster's seed. */
uint32_t cluster_random(struct cluster *c);
unsigned cluster_random_of(struct cluster *c, unsigned n);
/* Over all events and packets so far: equal for equal runs. */
uint64_t cluster_digest(const struct cluster *c);
/* Events of the queue handled so far. */
uint64_t cluster_steps(const struct cluster *c);

/* The network. */
void set_drop(struct cluster *c, double drop);
void set_drop_in(struct cluster *c, unsigned i, double drop);
void set_drop_out(struct cluster *c, unsigned i, double drop);
void set_duplicate(struct cluster *c, double share);
void set_reorder(struct cluster *c, double share);
void set_mtu(struct cluster *c, size_t mtu);
/* Members first .. last-1 go to group 0..7: different groups are cut off from
 * each other. Everybody is in group 0 at first. */
void
set_partition(struct cluster *c, unsigned first, unsigned last, unsigned group);
/* Cut, or join, what goes from one group to another, that way alone. */
void set_one_way(struct cluster *c, unsigned from, unsigned to, bool cut);
/* Everybody is in group 0 again, and set_one_way is forgotten. */
void heal(struct cluster *c);

/*
 * Members. A paused one (SIGSTOP) runs no timer and sends nothing; packets and
 * streams to it queue without limit. wake_member: what queued is handled in
 * order, then its timers, whose clock ran on; all that it sends leaves then.
 */
void pause_member(struct cluster *c, unsigned i);
void wake_member(struct cluster *c, unsigned i);
/*
 * The other kind of pause: for so long all that it sends waits at its door, and
 * what comes to it too, while its timers run. Then both go on, in order.
 */
void hold_member(struct cluster *c, unsigned i, int64_t us);
/* kill -9: what it sent still arrives, connections to it are refused. */
void crash_member(struct cluster *c, unsigned i);
/* Start it (again): an empty table, a higher incarnation (originals: 1). */
void start_member(struct cluster *c, unsigned i);
/* crash_member and start_member at once. */
void restart_member(struct cluster *c, unsigned i);
/* Say goodbye; node.leave_done follows. */
void leave(struct cluster *c, unsigned i);
/* i asks j once, as --join does; node.joined tells how it ended. */
void join(struct cluster *c, unsigned i, unsigned j);
/* i tries these members as a daemon does those of its state file: several at
 * a time, again and again until one answers (join.c). */
void join_saved(struct cluster *c, unsigned i, const unsigned *who, unsigned n);

/* Time passes. */
void run_for(struct cluster *c, int64_t us);
/* Until done() holds, asked every `step` us. Returns the time that it took, or
 * -1 when it took more than max. */
int64_t run_until(struct cluster *c, int64_t step, int64_t max,
    bool (*done)(struct cluster *c, void *arg), void *arg);

/* What i holds about j: an enum member_state, or -1: nothing. */
int member_status(struct cluster *c, unsigned i, unsigned j);
/* How many running members other than j hold it in that state. */
unsigned status_count(struct cluster *c, unsigned j, int state);
/* Does everybody who runs hold everybody who runs alive, and nobody else? */
bool is_fullmesh(struct cluster *c);
/* Pairs of running members (i, j) where i does not hold j alive. */
uint64_t missing(struct cluster *c);
/* These return the virtual time that it took (to SIM_STEP), or -1 after max. */
#define SIM_STEP (SEC / 20)
int64_t wait_fullmesh(struct cluster *c, int64_t max);
int64_t
wait_status(struct cluster *c, unsigned i, unsigned j, int state, int64_t max);
int64_t
wait_status_everywhere(struct cluster *c, unsigned j, int state, int64_t max);

/*
 * What the programs share: PROGRAM [-s SEED] [short|full|long]. The seed is
 * told on standard error.
 */
enum sim_length { SIM_SHORT, SIM_FULL, SIM_LONG };
struct sim_options {
	uint64_t seed;
	enum sim_length length;
};
void sim_options(int argc, char **argv, struct sim_options *o);
/*
 * One line of the table: tab-separated EXPERIMENT, PARAMETERS, REFERENCE, OURS,
 * MARK, and yes, no or - (only told) on standard output. Use the macro's
 * formats freely: every argument is copied at once.
 */
void sim_row(const char *experiment, const char *parameters,
    const char *reference, const char *ours, const char *mark, int reached);
#define SIM_TOLD (-1)
/* A formatted string in one of 16 rotating buffers. */
const char *sim_fmt(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
double sim_cpu(void); /* seconds of this process so far */
size_t sim_rss(void); /* its peak, bytes */
/* End with a message when it does not hold. */
#define sim_assert(x) ((x) ? (void)0 : sim_fail(__FILE__, __LINE__, #x))
_Noreturn void sim_fail(const char *file, int line, const char *what);

#endif
