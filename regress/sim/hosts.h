#ifndef REGRESS_SIM_HOSTS_H
#define REGRESS_SIM_HOSTS_H

#include "../../common/log.h"
#include "sim.h"

/*
 * The simulator's other kind of member: a whole daemon without its sockets.
 * Each is the production mesh (core, peers, join, state) and wesher-priv's own
 * code of the boundary (dispatch, apply, policy, peers) above a kernel that
 * does as it is told; a request or an answer takes a moment. The words of sim.h
 * work here too: start_member, crash_member (the tunnels stand), leave (they
 * go), pause_member, hold_member, partitions, is_fullmesh and the rest. Those
 * that join are not for daemons: host_join() is --join.
 *
 * Not modelled: /etc/hosts, the handshake's packets (a tunnel works while both
 * kernels have the other's key and address and one of them its endpoint; its
 * traffic is light and never stops), and a kernel that refuses.
 */
struct hosts_config {
	uint64_t seed;
	const char *overlay; /* its network; NULL: 100.64.0.0/10 */
	const char *const *names; /* of all; NULL: made by the seed */
	/* The first so many are members of the original as in sim.h, with a
	 * key of each start; they join by join_saved() or cluster join(). */
	unsigned originals;
	const struct network *network; /* NULL: WAN */
	bool allow_static;
	uint32_t hold_down; /* seconds, 0: the default */
	enum log_level level; /* what is logged at all: LOG_L_ERROR is little */
	/* Taps; NULL: none. They may look, and not call back. */
	void (*log)(struct cluster *c, unsigned i, enum log_level level,
	    const char *line);
	void (*packet)(struct cluster *c, unsigned from, unsigned to,
	    const uint8_t *plain, size_t len);
	void (*stream)(struct cluster *c, unsigned from, unsigned to,
	    const uint8_t *msg, size_t len);
	/* Something about its peer j is changed in i's kernel. */
	void (*change)(struct cluster *c, unsigned i, unsigned j);
	void *arg; /* cluster_arg() */
};

/* n hosts, none of which runs: start_member(). cluster_free() ends it. */
struct cluster *hosts_new(unsigned n, const struct hosts_config *cfg);

/* Start first .. last-1 within so many us, one after the other. */
void hosts_start(struct cluster *c, unsigned first, unsigned last, int64_t us);
/* From its next start on. text: HOST or HOST:PORT; hosts' names resolve. */
void host_join(struct cluster *c, unsigned i, const char *text);
/* A name for --join leads to that host, wherever it is: from now on, and to
 * none where i is the number of hosts. */
void host_dns(struct cluster *c, const char *name, unsigned i);
/* The file of its state: lost; as it is now kept aside; as then put back. */
void host_forget(struct cluster *c, unsigned i);
void host_snapshot(struct cluster *c, unsigned i);
void host_restore(struct cluster *c, unsigned i);
/* One that does not run: its interface goes, as in a reboot. */
void host_reboot(struct cluster *c, unsigned i);
/* One that does not run: another WireGuard key, for the next start. */
void host_rekey(struct cluster *c, unsigned i);
/* It has another address in the network from now on, running or not. */
void host_move(struct cluster *c, unsigned i);
/* Its wall clock is off by so many seconds. */
void host_clock(struct cluster *c, unsigned i, int64_t off);

/* Its overlay address as its kernel has it; len 0: none. */
struct ipaddr host_overlay(struct cluster *c, unsigned i);
/* The state file's text, or NULL. */
const char *host_state(struct cluster *c, unsigned i);
/* Lines so far of that level. */
unsigned host_lines(struct cluster *c, unsigned i, enum log_level level);
/* Peers that were set, or removed, in its kernel so far. */
unsigned host_changes(struct cluster *c, unsigned i);
/* Has i's kernel the tunnel to j: j's key with j's overlay address? */
bool host_has(struct cluster *c, unsigned i, unsigned j);
/* Would a packet from i to j's overlay address, and back, arrive? */
bool host_reaches(struct cluster *c, unsigned i, unsigned j);
/* To whom i's kernel sends what is for this overlay address; -1: nobody. */
int host_route(struct cluster *c, unsigned i, const struct ipaddr *a);

/* Pairs of running daemons that have one overlay address. */
unsigned hosts_collisions(struct cluster *c);
/* Pairs of running daemons, and of daemon and original, without a tunnel that
 * works. */
uint64_t hosts_dark(struct cluster *c);
/* Does everybody hold everybody alive, with all tunnels and no collision? */
bool hosts_whole(struct cluster *c);
/* Why not, for at most so many pairs. */
void hosts_explain(struct cluster *c, FILE *to, unsigned max);
/* The virtual time until that was so (to SIM_STEP), or -1 after max. */
int64_t wait_whole(struct cluster *c, int64_t max);

#endif
