#ifndef WESHER_MESH_INT_H
#define WESHER_MESH_INT_H

#include "../common/clock.h"
#include "address.h"
#include "mesh.h"
#include "quiet.h"
#include "remember.h"
#include "wear.h"

#define ADOPTED_MAX  64 /* of whose endpoints are tried */
#define FORMER_TAKEN (60 * US_PER_S) /* an address after a move */
#define ROUTE_WAIT   (10 * US_PER_S) /* for a default route to come back */
#define SYNC_LATEST  (60 * US_PER_S) /* after the start, if anybody answered */

#define MESH_ERRNOS 134 /* errno values that are told apart */

#define CONFLICTS 16 /* names that two hosts claim */

/* mesh_conflict.c */
struct conflict {
	uint32_t id; /* of the member; 0: our own name */
	struct ipport at; /* where else it is claimed; ip.len 0: free */
	int64_t seen;
};

#define REPORTS 64 /* members whose last push/pull is remembered */

/* mesh_graph.c */
struct report {
	uint32_t id; /* of the member; 0: free */
	int64_t at;
	uint8_t alive[SWIM_REPORTED / 8]; /* a bit for each id */
};

/* Shared by mesh.c and mesh_*.c alone. */
struct mesh {
	const struct conf *conf; /* the caller's */
	struct mesh_ops ops;
	struct state state;
	struct swim *swim;
	struct peers *peers;
	struct join *join;
	struct remember *remember;
	int64_t now; /* of the call under way */

	char name[NAME_MAX_LEN + 1];
	uint8_t pubkey[WG_KEY_LEN];
	uint16_t wgport;
	bool userspace; /* WireGuard is not the kernel's */
	uint8_t attempt; /* that wesher-priv gave us */
	struct address addr;
	unsigned adopted;
	size_t nback; /* of state.nodes, from the first: known again */
	bool recalled; /* whoever of them is not back has failed */
	int64_t recall_at; /* when we wait for them no more */
	struct ipaddr ends[ADOPTED_MAX]; /* endpoints of adopted tunnels */
	unsigned nends;
	struct ipaddr self, announced;
	struct ipaddr former; /* announced before; len 0: taken no more */
	int64_t former_until;
	struct priv_net net; /* as told last */
	int64_t route_at; /* patience with no default route; NEVER: not lost */
	bool has4, has6; /* the host had such an address */
	bool offline; /* it has none to announce any more */
	bool rejoin; /* we were away: see who is where */
	enum meta_dialect dialect;
	bool mixed_warned;

	bool anybody; /* somebody answered or joined */
	bool stirred; /* the membership changed in this call */
	bool synced, sync_wanted, sync_anyway, leaving, finished, save_failed;
	int64_t saved_at;
	int64_t alive_at, save_at, announce_at, sync_latest;
	int64_t alone_at; /* the next line about that; NEVER: we are not */
	bool alone_said;
	int64_t alone_told; /* that line, the last time */
	int64_t unsaved_since; /* while save_at is set */
	int64_t conflict_logged, self_conflict_logged;
	struct conflict conflicts[CONFLICTS];
	struct quiet quiet; /* lines about members that come and go */
	int64_t stir_at; /* before that the stirred wait */
	struct wear wear;
	uint64_t sealed; /* of them, counted so far */
	uint32_t errors[MESH_ERRNOS]; /* RESULTs, by errno; 0: any other */
	struct report reports[REPORTS];
	int64_t started; /* when HELLO came */
	bool watched; /* somebody follows events */
};

/* mesh_net.c */
/* Patience with a lost default route is over. */
void mesh_net_tick(struct mesh *m, int64_t now);

/* mesh_start.c */
/* Seconds since 1970, by a clock that may be set. */
int64_t mesh_wall(const struct mesh *m);
/* A tunnel of an earlier run: who sits at its end may be joined. */
void mesh_adopted(struct mesh *m, const struct priv_stat *s);
/* Targets from the state file; how many. */
size_t mesh_join_saved(struct mesh *m, int64_t now);
/*
 * Is every member of the last run known again, whatever became of it? Whoever
 * answers first may have just started, too, and know nobody else yet.
 */
bool mesh_all_back(struct mesh *m);
/* Everything is known: the mesh begins. */
void mesh_up(struct mesh *m, int64_t now);
/* Our metadata in the dialect in force; returns its length. */
size_t mesh_own_meta(struct mesh *m, uint8_t buf[META_MAX]);

/* mesh_net.c */
/* Is it one of the host's (addrsel.c)? */
bool mesh_is_own(const struct priv_net *net, const struct ipaddr *ip);
/* Can we speak to that address: the sockets, and the host? */
bool mesh_reaches(const struct mesh *m, const struct ipaddr *ip);
/* May a stream of ours go there: does the sandbox let it? */
bool mesh_connects(const struct mesh *m, const struct ipport *to);
/* What may be asked of us has changed. */
void mesh_accept(struct mesh *m);
/* We were away, or are elsewhere: the others may be, too. */
void mesh_rejoin(struct mesh *m, int64_t now);

/* mesh_event.c */
extern const struct swim_ops mesh_swim_ops;
/* Write the dialect that the members of the original can read. */
void mesh_dialect(struct mesh *m, int64_t now);
void mesh_count(struct mesh *m, unsigned *alive, unsigned *failed);
/* Tunnels for members that memory was short for when they came. */
void mesh_catch_up(struct mesh *m);

/* mesh_heal.c */
/* With the failed ones of the state, which it takes out. */
void mesh_heal_up(struct mesh *m, int64_t now);
/* Is an alive member, other than us, known at this address? */
bool mesh_known(const struct mesh *m, const struct ipport *to);
/* Before the member's peer changes. True: it is back, and was remembered as
 * failed. */
bool mesh_heal_event(struct mesh *m, const struct swim_event *ev);
/* A join has ended; false: it was none of those. */
bool mesh_heal_tried(struct mesh *m, uint32_t id, enum join_outcome how);
/* The last run's members that are not back are remembered as failed. */
void mesh_heal_missing(struct mesh *m);
/* The membership has changed. */
void mesh_heal_stir(struct mesh *m, int64_t now);
void mesh_heal_tick(struct mesh *m, int64_t now);
int64_t mesh_heal_deadline(const struct mesh *m);

/* mesh_conflict.c */
/* Somebody at another address claims the name of a member (NULL: ours). */
void mesh_conflict(
    struct mesh *m, const struct member *mb, const struct ipport *other);
/* The last such claim, of ten minutes; or NULL. */
const struct conflict *
mesh_conflict_of(const struct mesh *m, const struct member *mb, int64_t now);
void mesh_conflict_forget(struct mesh *m, const struct member *mb);

/* mesh_status.c */
/* Seconds since the tunnel's last handshake, not below 0; -1: there was none. */
int64_t mesh_handshake_age(const struct mesh *m, const struct peer_view *v);

/* mesh_graph.c */
/* As struct swim_config's reported. */
void mesh_reported(void *arg, const struct member *from,
    const uint8_t alive[SWIM_REPORTED / 8]);
/* It is about to be freed. */
void mesh_reported_forget(struct mesh *m, const struct member *mb);

/* mesh_metrics.c */
/* A RESULT had this errno, or 0. */
void mesh_error(struct mesh *m, int error);

/* mesh_save.c */
/* Save m->state with the members of the table. As ops->save, 0 or -1. */
int mesh_save(struct mesh *m);

#endif
