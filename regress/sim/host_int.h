#ifndef REGRESS_SIM_HOST_INT_H
#define REGRESS_SIM_HOST_INT_H

#include "../../common/clock.h"
#include "../../common/privargs.h"
/* The core has a STATE_NONE, too. */
#define STATE_NONE STATE_NO_FILE
#include "../../wesher/mesh.h"
#undef STATE_NONE
#include "hosts.h"
#include "sim_int.h"

/* What host.c (the daemon), kernel.c (wesher-priv and its kernel) and
 * hostwords.c share. */
struct kernel;

struct host {
	struct node *n;
	struct conf conf;
	struct mesh *mesh; /* NULL: it does not run */
	struct kernel *k; /* outlives the daemon */
	char *text, *aside; /* the state file, and a snapshot of it */
	size_t textlen, asidelen;
	uint8_t pubkey[WG_KEY_LEN];
	void (*change)(struct cluster *c, unsigned i, unsigned j); /* a tap */
	unsigned keys; /* made so far */
	unsigned lines[LOG_L_DEBUG + 1], changes;
	int64_t clock; /* its wall clock is off by so many seconds */
	int64_t slept, paused_at; /* us; its own time stands still then */
};

/* Whose code runs: ops of the mesh and of wesher-priv have no argument. */
extern struct node *host_current;

/* host.c: sim.c's and net.c's words, for a node with a host. */
void host_start(struct node *n);
void host_stop(struct node *n);
void host_leave(struct node *n);
void host_tick(struct node *n);
void host_pause(struct node *n);
void host_wake(struct node *n);
int64_t host_deadline(const struct node *n); /* in the cluster's time */
void host_take(struct node *n, struct parcel *p); /* but P_REQUEST */
void host_request(struct node *n, const struct ipport *from, struct parcel *p,
    uint8_t **reply, size_t *len);
void host_free(struct host *h);
/* Seconds since 1970 as it believes. */
int64_t host_wall(const struct node *n);
/* What happens to it now, in the time that its mesh knows. */
int64_t host_now(const struct node *n);
/* The public key: who has it can be told from it (host_of_key). */
void
host_key(struct cluster *c, unsigned i, unsigned nth, uint8_t key[WG_KEY_LEN]);
int host_of_key(const struct cluster *c, const uint8_t key[WG_KEY_LEN]);

struct ipaddr host_original_overlay(const struct node *n);

/* kernel.c */
struct kernel *kernel_new(struct host *h, const struct policy *pol);
void kernel_free(struct kernel *k);
/* wesher-priv starts, adopting the tunnels that stand, and says HELLO. */
void kernel_start(struct node *n);
/* The host has another address: NET. */
void kernel_net(struct node *n);
/* All peers and our address go. */
void kernel_wipe(struct kernel *k);
/* What the daemon asked for comes to wesher-priv; its answers are put. */
void kernel_take(struct node *n);
/* The records that wesher-priv sent; each is given to host_record(). */
void kernel_answers(struct node *n, struct parcel *p);
void host_record(struct node *n, const union priv_msg *m);
struct ipaddr kernel_self(const struct kernel *k);
/* The peer with this key: its overlay address and endpoint. */
bool kernel_peer(struct kernel *k, const uint8_t key[WG_KEY_LEN],
    struct ipaddr *addr, struct ipport *endpoint);
/* The key of who has this allowed address. */
bool kernel_route(
    struct kernel *k, const struct ipaddr *addr, uint8_t key[WG_KEY_LEN]);

#endif
