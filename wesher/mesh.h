#ifndef WESHER_MESH_H
#define WESHER_MESH_H

#include <stdbool.h>
#include <stdint.h>

#include "../common/conf.h"
#include "../common/privmsg.h"
#include "accept.h"
#include "join.h"
#include "peers.h"
#include "state.h"
#include "swim.h"

/*
 * The mesh: puts core, peers, join and state together. No libevent; what goes
 * out is asked for by callbacks, time is passed in. Everything starts to run
 * when wesher-priv has told our key and address and the host has an address
 * to announce.
 */
struct mesh;
struct layers;
struct net_counters;

struct mesh_ops {
	void (*send)(const struct ipport *to, const uint8_t *plain, size_t len);
	void (*stream)(uint32_t id, const struct ipport *to, const uint8_t *msg,
	    size_t len);
	void (*resolve)(unsigned target, const char *name);
	void (*prime)(const struct ipaddr *overlay);
	/* Write the state; 0, or -1 with errno. */
	int (*save)(const struct state *s);
	/* Could we send to this family? */
	bool (*reaches)(const struct ipaddr *ip);
	/* From now on this may be asked of us. NULL: no matter. */
	void (*accept)(const struct accept *a);
	/* May a stream go there? NULL: anywhere. */
	bool (*connects)(const struct ipport *to);
	/* What confines this process. NULL: nothing that is known. */
	const struct layers *(*layers)(void);
	/* Messages sealed since the start. NULL: not counted. */
	uint64_t (*sealed)(void);
	/* What the sockets counted. NULL: not counted. */
	const struct net_counters *(*net)(void);
	/* Seconds since 1970. NULL: time(3). */
	int64_t (*wall)(void);
};

/*
 * Takes over what st owns (and clears it); conf, of which the keys are not
 * looked at, must outlive it. NULL when out of memory.
 */
struct mesh *
mesh_new(const struct conf *conf, const struct mesh_ops *ops, struct state *st);
void mesh_free(struct mesh *m);

/* What wesher-priv says. */
void mesh_hello(struct mesh *m, int64_t now, const struct priv_hello *h);
void mesh_net(struct mesh *m, int64_t now, const struct priv_net *n);
void mesh_result(struct mesh *m, int64_t now, const struct priv_result *r);
void mesh_stat(struct mesh *m, int64_t now, const struct priv_stat *s);
void mesh_leave(struct mesh *m, int64_t now);
void mesh_stop(struct mesh *m, int64_t now);

/* Is that the address of a member, alive or not, at the cluster port? */
bool mesh_knows(const struct mesh *m, const struct ipaddr *ip);

/* What the network says; see struct net_handler. */
int mesh_packet(struct mesh *m, int64_t now, const struct ipport *from,
    const uint8_t *plain, size_t len);
int mesh_request(struct mesh *m, int64_t now, const struct ipport *from,
    uint8_t type, const uint8_t *body, size_t len, uint8_t **reply,
    size_t *replylen);
void mesh_reply(struct mesh *m, int64_t now, uint32_t id, uint8_t type,
    const uint8_t *body, size_t len);
void mesh_failed(struct mesh *m, int64_t now, uint32_t id, const char *why);
void mesh_resolved(struct mesh *m, int64_t now, unsigned target,
    const struct ipaddr *addrs, size_t n, const char *why);

void mesh_tick(struct mesh *m, int64_t now);
/* We were not running for so long (us), which now does not count. */
void mesh_woke(struct mesh *m, int64_t now, int64_t slept);
int64_t mesh_deadline(const struct mesh *m);

/* True when all is said and saved: the process may end with status 0. */
bool mesh_finished(const struct mesh *m);

/* For status. */
struct mesh_view {
	const struct conf *conf;
	const char *name;
	struct ipaddr overlay; /* len 0: none yet */
	struct ipport announced; /* ip.len 0: none yet */
	uint8_t pubkey[WG_KEY_LEN];
	struct swim *swim; /* NULL before the start */
	struct peers *peers;
};
void mesh_view(struct mesh *m, struct mesh_view *v);
/* Does wesher-priv answer about peers yet? It ends who asks too early. */
bool mesh_may_ask(const struct mesh *m);
/* The document of `wesher status` (control.h), malloc'ed; NULL: no memory. */
char *mesh_status(struct mesh *m, int64_t now);
/* That of who sees whom (control.h), likewise. */
char *mesh_graph(struct mesh *m, int64_t now);
/* The page of Prometheus, malloc'ed; NULL: no memory. */
char *mesh_metrics(struct mesh *m, size_t *len);
/* What was not taken, by reason, since the start; all of them, 0 too. */
void mesh_refused(const struct mesh *m,
    void (*each)(void *arg, const char *reason, uint64_t n), void *arg);

/*
 * What root asks for over the control socket: forget a member that failed or
 * left, join a host. True, and what happens now, or false, and why not: a
 * sentence in words.
 */
bool mesh_forget(
    struct mesh *m, int64_t now, const char *name, char *words, size_t len);
bool mesh_join_now(
    struct mesh *m, int64_t now, const char *where, char *words, size_t len);
/* Somebody follows events, or nobody any more: those of tunnels are known by
 * looking alone. */
void mesh_watch(struct mesh *m, int64_t now, bool on);

/*
 * Which address to announce (--advertise-addr, --bind-addr, a public
 * one, that of the default route, any; of public ones the default route's
 * goes first). Pure. False when there is none.
 */
bool mesh_pick_addr(const struct conf *conf, const struct priv_net *net,
    bool (*reaches)(const struct ipaddr *ip), struct ipaddr *out);
/*
 * Stay at `announced` though mesh_pick_addr says `pick`? While it is the host's
 * and either nothing leads elsewhere or it is public and was not the default
 * route's: addresses come and go. Pure.
 */
bool mesh_keep_addr(const struct ipaddr *announced, const struct ipaddr *pick,
    const struct priv_net *before, const struct priv_net *net);

#endif
