#ifndef PRIV_APPLY_H
#define PRIV_APPLY_H

#include "../common/privmsg.h"
#include "policy.h"

/*
 * Changes of the table on their way to the kernel. A batch becomes one
 * rtnl_routes() for what goes, one wg_apply(), one rtnl_routes() for what
 * comes; then every request of it is answered.
 */
struct priv;

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

/* Accept a request that the policy let through; the table changes now, the
 * kernel with apply_flush(), which answers too. */
void apply_set(struct priv *p, const struct want *w, struct priv_result *r);
void apply_del(struct priv *p, struct peer *q, struct priv_result *r);
/* Single changes without an answer. */
void apply_wg(struct priv *p, enum wg_op op, const struct wg_peer *w);
void apply_route(struct priv *p, bool del, const struct ipaddr *dst);
void apply_flush(struct priv *p);

#endif
