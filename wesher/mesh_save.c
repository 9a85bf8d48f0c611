/*
 * The members in the state file, part of the gossip process: those to be tried
 * after a restart, as the table has them when it is saved. Names and metadata
 * are a peer's choice, which the core has checked for form; state.c does so
 * again.
 */
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "mesh_int.h"

#define NODES_KEPT 256

/* Name and metadata stay the member's. */
static void
collect_node(
    const struct mesh *m, const struct member *mb, struct state_node *n)
{
	struct peer_view v;

	memset(n, 0, sizeof(*n));
	n->name = (char *)(uintptr_t)mb->name;
	member_ipport(mb, &n->addr);
	n->meta = (uint8_t *)(uintptr_t)member_meta(mb);
	n->metalen = mb->metalen;
	peers_view(m->peers, mb, &v);
	if (v.decoded) {
		n->overlay = v.meta.overlay;
		n->has_pubkey = v.meta.has_pubkey;
		memcpy(n->pubkey, v.meta.pubkey, sizeof(n->pubkey));
	}
	n->since = v.since;
	n->answered = mb->answered;
}

/* The members to try after a restart; how many are set in *n. NULL: nobody, or
 * no memory. Room for those that failed is behind them. */
static struct state_node *
collect(const struct mesh *m, size_t *n)
{
	const struct member_table *t = swim_members(m->swim);
	struct state_node *nodes = calloc(
	    t->n + m->state.nnodes + remember_count(m->remember) + 1,
	    sizeof(*nodes));
	unsigned i;

	*n = 0;
	for (i = 0; nodes != NULL && i < t->n; i++)
		if (!t->list[i]->is_self && t->list[i]->state <= MEMBER_SUSPECT)
			collect_node(m, t->list[i], &nodes[(*n)++]);
	return nodes;
}

/* With those that failed behind n nodes. Names stay remember.c's. The time of
 * a failure is reckoned back: the clock may have been set since. */
static size_t
add_failed(const struct mesh *m, struct state_node *nodes, size_t n)
{
	int64_t wall = mesh_wall(m);
	const struct remembered *r;
	size_t i;

	for (i = 0; i < remember_count(m->remember); i++) {
		struct state_node *k = &nodes[n++];
		int64_t failed = wall - remember_age(m->remember, i, m->now);

		r = remember_get(m->remember, i);
		k->name = (char *)(uintptr_t)r->name;
		k->addr = r->at;
		k->overlay = r->overlay;
		k->has_pubkey = r->has_pubkey;
		memcpy(k->pubkey, r->pubkey, sizeof(k->pubkey));
		k->since = r->since;
		k->failed = failed > 0 ? failed : 1;
	}
	return n;
}

/* Some of n nodes as our own. */
static void
keep(struct mesh *m, const struct state_node *nodes, size_t n)
{
	struct state_node *kept, *k;
	size_t i;

	n = n > NODES_KEPT ? NODES_KEPT : n;
	if ((kept = calloc(n, sizeof(*kept))) == NULL)
		return;
	for (i = 0; i < m->state.nnodes; i++) {
		free(m->state.nodes[i].name);
		free(m->state.nodes[i].meta);
	}
	free(m->state.nodes);
	m->state.nodes = kept;
	m->state.nnodes = 0;
	for (i = 0; i < n; i++) {
		k = &kept[m->state.nnodes];
		*k = nodes[i];
		if ((k->name = strdup(nodes[i].name)) == NULL)
			break;
		k->meta = k->metalen == 0 ? NULL : malloc(k->metalen);
		if (k->meta == NULL)
			k->metalen = 0;
		else
			memcpy(k->meta, nodes[i].meta, k->metalen);
		m->state.nnodes++;
	}
}

bool
mesh_all_back(struct mesh *m)
{
	const struct state_node *n;

	for (; m->nback < m->state.nnodes; m->nback++) {
		n = &m->state.nodes[m->nback];
		if (strcmp(n->name, m->name) != 0 &&
		    member_find(swim_members(m->swim), n->name,
			strlen(n->name)) == NULL)
			return false;
	}
	return true;
}

/*
 * Until all of the last run are known again, or we do not wait for them any
 * more, that list stays: the next start may be soon. Then whoever is missing
 * goes to those that failed.
 * With nobody left the last list stays, of a large mesh a part: the original
 * forgot everybody then. Ten thousand members are too many to have twice.
 */
int
mesh_save(struct mesh *m)
{
	struct state_node *nodes = NULL, *had;
	size_t n = 0, nhad;
	int rc;

	if (m->swim != NULL) {
		m->state.incarnation = swim_incarnation(m->swim);
		nodes = collect(m, &n);
	}
	if (nodes == NULL)
		return m->ops.save(&m->state);
	if (n > 0 && (m->recalled || mesh_all_back(m))) {
		if (!m->recalled)
			mesh_heal_missing(m);
		keep(m, nodes, n);
		m->state.saved = mesh_wall(m);
	} else if (m->state.nnodes > 0)
		memcpy(nodes, m->state.nodes,
		    (n = m->state.nnodes) * sizeof(*nodes));
	had = m->state.nodes;
	nhad = m->state.nnodes;
	m->state.nodes = nodes;
	m->state.nnodes = add_failed(m, nodes, n);
	rc = m->ops.save(&m->state);
	m->state.nodes = had;
	m->state.nnodes = nhad;
	free(nodes);
#ifdef __GLIBC__
	/* The text of thousands was in the heap, in small pieces. */
	if (n > NODES_KEPT)
		(void)malloc_trim(0);
#endif
	return rc;
}
