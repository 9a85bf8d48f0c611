#ifndef REGRESS_SIM_INT_H
#define REGRESS_SIM_INT_H

#include "../../wesher/join.h"
#include "queue.h"
#include "sim.h"

/* What the parts of the simulator share: sim.c (members and time), net.c (the
 * network), warm.c (a mesh that is old), words.c (status). */
#define SIM_GROUPS 8
#define SIM_PORT   7946
/* First bytes of addresses: the next for each move of a host. */
#define SIM_NET	    10
#define SIM_NET_END 60

struct cluster {
	int64_t now;
	unsigned n;
	struct cluster_config cfg;
	struct network net;
	struct node *node;
	struct queue q;
	uint64_t seed; /* of everybody's chance; not changed */
	uint64_t chance; /* state of the experiment's */
	uint64_t net_chance; /* and of the network's */
	uint64_t digest, steps;
	uint8_t cut[SIM_GROUPS]; /* a bit for each group that is not reached */
	bool warm; /* warm.c: streams go nowhere */
	uint32_t warm_id; /* the stream of a join that is answered here */
	unsigned hint; /* who was not done when asked last */
	unsigned dark_hint; /* the same of tunnels */
	struct hosts *hosts; /* NULL: members are cores alone */
};

/* splitmix64: the next of a sequence. */
static inline uint64_t
sim_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline void
sim_digest(struct cluster *c, uint64_t x)
{
	c->digest = (c->digest ^ x) * 0x100000001b3u;
	c->digest ^= c->digest >> 29;
}

/* A daemon, running or not. */
static inline bool
node_is_host(const struct node *n)
{
	return n->host != NULL && !n->original;
}

/* The metadata of a member, as it announces it. Returns the length. */
size_t sim_meta(const struct cluster *c, const struct node *n, uint8_t *buf);
/* The same of a member of the original among hosts. */
size_t host_original_meta(const struct node *n, uint8_t *buf);
/* Members that do not run yet. */
struct cluster *cluster_bare(unsigned n, const struct cluster_config *cfg);
/* Its timer may have changed. */
void sim_rearm(struct node *n);

/* net.c: ops of the core. */
void
net_send(void *arg, const struct ipport *to, const uint8_t *plain, size_t len);
void net_stream(void *arg, uint32_t id, enum swim_stream_kind kind,
    const struct ipport *to, const uint8_t *msg, size_t len);
bool net_is_cut(
    const struct cluster *c, const struct node *from, const struct node *to);
/* Something has come to a member that is not paused; the parcel is used up. */
void net_arrive(struct cluster *c, uint32_t what);
/* What waited while n was paused, in order. */
void net_release(struct cluster *c, struct node *n);
/* It is lost: nobody is there to take it. */
void net_discard(struct cluster *c, struct node *n);

/* warm.c: everybody learns everybody, as in a mesh that is old. */
void warm_up(struct cluster *c);

/* cards.c: what members announced is held once, from the first call on. */
void cards_share(void);

#endif
