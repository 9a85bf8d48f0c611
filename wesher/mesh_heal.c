/*
 * How the mesh finds members again that it lost, part of the gossip process:
 * who failed is remembered (remember.c) and tried, with a join like any other;
 * the --join names are tried whenever nobody is at them any more (join.c).
 * Whom a member remembers is nobody else's business: it comes from what the
 * core saw itself, and from the state file, which only we write.
 *
 * A member that is alone says so, once an hour, and goes on for ever.
 */
#include <stdlib.h>
#include <string.h>

#include "../common/log.h"
#include "mesh_int.h"
#include "pool.h"

#define ALONE_AT_FIRST (60 * US_PER_S) /* of a start, which is no loss */
#define ALONE_SINCE    (5 * US_PER_S) /* it may be but a moment */
#define ALONE_EVERY    (3600 * US_PER_S)
#define RECALL	       (60 * US_PER_S) /* from when somebody is there */

static uint32_t
on_attempt(void *arg, const struct ipport *to)
{
	struct mesh *m = arg;

	return m->leaving ? 0 : swim_join(m->swim, m->now, to, 0);
}

static const char *
on_spare(void *arg, const struct ipport *to)
{
	struct mesh *m = arg;

	if (mesh_known(m, to))
		return "somebody else is there";
	if (!mesh_reaches(m, &to->ip))
		return "this host has no address of that family";
	if (!mesh_connects(m, to))
		return "the sandbox allows no connection to that port";
	return NULL;
}

static bool
on_lighter(void *arg, const struct remembered *r, uint64_t slot, uint64_t than)
{
	struct mesh *m = arg;
	const struct member_table *t = swim_members(m->swim);
	const struct member *mb;
	unsigned i;

	/* Of n, one among the first few is as a rule. Those that were never
	 * heard may be made up, and try nobody. */
	for (i = 0; i < t->n; i++) {
		mb = t->list[i];
		if (mb->is_self || !mb->ours || mb->state > MEMBER_SUSPECT ||
		    !(mb->answered || mb->heard))
			continue;
		if (remember_weight(r->name, r->namelen, slot, mb->name,
			mb->namelen) < than)
			return true;
	}
	return false;
}

static uint32_t
on_random(void *arg)
{
	(void)arg;
	return pool_random();
}

static const struct remember_ops remember_ops = {
    .attempt = on_attempt,
    .spare = on_spare,
    .lighter = on_lighter,
    .random = on_random,
};

bool
mesh_known(const struct mesh *m, const struct ipport *to)
{
	const struct member *mb = member_find_addr(swim_members(m->swim), to);

	return mb != NULL && !mb->is_self && mb->state == MEMBER_ALIVE;
}

static void
take_one(
    struct mesh *m, int64_t now, const struct state_node *n, int64_t failed)
{
	struct remembered e = {.name = n->name,
	    .namelen = strlen(n->name),
	    .at = n->addr,
	    .failed = failed,
	    .overlay = n->overlay,
	    .has_pubkey = n->has_pubkey,
	    .since = n->since};

	memcpy(e.pubkey, n->pubkey, sizeof(e.pubkey));
	if (e.at.port == 0)
		e.at.port = m->conf->cluster_port;
	(void)remember_add(m->remember, now, mesh_wall(m), &e);
}

/* Those that failed before this run; the others stay in the state. */
static void
take_failed(struct mesh *m, int64_t now)
{
	struct state_node *n;
	size_t i, kept = 0;

	for (i = 0; i < m->state.nnodes; i++) {
		n = &m->state.nodes[i];
		if (n->failed == 0) {
			m->state.nodes[kept++] = *n;
			continue;
		}
		take_one(m, now, n, n->failed);
		free(n->name);
		free(n->meta);
	}
	m->state.nnodes = kept;
}

static bool
is_remembered(const struct mesh *m, const char *name)
{
	const struct remembered *r;
	size_t i, len = strlen(name);

	for (i = 0; i < remember_count(m->remember); i++) {
		r = remember_get(m->remember, i);
		if (r->namelen == len && memcmp(r->name, name, len) == 0)
			return true;
	}
	return false;
}

void
mesh_heal_missing(struct mesh *m)
{
	int64_t failed = m->state.saved != 0 ? m->state.saved : mesh_wall(m);
	const struct member *mb;
	const struct state_node *n;
	size_t i;

	m->recalled = true;
	m->recall_at = NEVER;
	for (i = 0; i < m->state.nnodes; i++) {
		n = &m->state.nodes[i];
		if (!n->answered)
			continue;
		mb = member_find(
		    swim_members(m->swim), n->name, strlen(n->name));
		if ((mb == NULL || mb->state == MEMBER_DEAD) &&
		    !is_remembered(m, n->name))
			take_one(m, m->now, n, failed);
	}
}

/* In the list that is saved when nobody is left: it has said goodbye. */
static void
forget_saved(struct mesh *m, const struct member *mb)
{
	size_t i;

	for (i = 0; i < m->state.nnodes; i++)
		if (strcmp(m->state.nodes[i].name, mb->name) == 0)
			m->state.nodes[i].answered = false;
}

void
mesh_heal_up(struct mesh *m, int64_t now)
{
	m->remember = remember_new(
	    &remember_ops, m, m->name, m->conf->forget_after * US_PER_S);
	if (m->remember == NULL)
		fatalx("cannot start the mesh: out of memory");
	take_failed(m, now);
	m->alone_at = now + ALONE_AT_FIRST;
}

/* A member that only claimed to be somewhere is nothing to remember. */
static void
remember(struct mesh *m, const struct member *mb)
{
	struct remembered e = {.name = mb->name, .namelen = mb->namelen};
	struct peer_view v;

	if (!mb->answered)
		return;
	member_ipport(mb, &e.at);
	e.failed = mesh_wall(m);
	peers_view(m->peers, mb, &v);
	if (v.decoded) {
		e.overlay = v.meta.overlay;
		e.has_pubkey = v.meta.has_pubkey;
		memcpy(e.pubkey, v.meta.pubkey, sizeof(e.pubkey));
	}
	e.since = v.since;
	(void)remember_add(m->remember, m->now, e.failed, &e);
}

bool
mesh_heal_event(struct mesh *m, const struct swim_event *ev)
{
	if (ev->m->is_self)
		return false;
	if (ev->type == SWIM_EV_LEFT)
		forget_saved(m, ev->m);
	if (ev->type == SWIM_EV_FAILED)
		remember(m, ev->m);
	else if (ev->type == SWIM_EV_JOIN || ev->type == SWIM_EV_LEFT)
		return remember_drop(
			   m->remember, ev->m->name, ev->m->namelen) &&
		       ev->type == SWIM_EV_JOIN;
	return false;
}

bool
mesh_heal_tried(struct mesh *m, uint32_t id, enum join_outcome how)
{
	return remember_tried(m->remember, id,
	    how == JOIN_REACHED ? REMEMBER_REACHED
	    : how == JOIN_SELF	? REMEMBER_SELF
				: REMEMBER_FAILED);
}

void
mesh_heal_stir(struct mesh *m, int64_t now)
{
	unsigned alive, failed;

	join_lost(m->join, now);
	mesh_count(m, &alive, &failed);
	if (alive > 1 && !m->recalled && m->recall_at == NEVER)
		m->recall_at = now + RECALL;
	if (alive > 1) {
		if (m->alone_said)
			log_warnx("not alone any more: %u members are alive"
				  "\tevent=not-alone alive=%u",
			    alive, alive);
		m->alone_at = NEVER;
		m->alone_said = false;
	} else if (m->alone_at == NEVER) {
		m->alone_at = m->alone_told + ALONE_EVERY;
		if (m->alone_at < now + ALONE_SINCE)
			m->alone_at = now + ALONE_SINCE;
	}
}

static void
say_alone(struct mesh *m, int64_t now)
{
	size_t n = remember_count(m->remember) + join_former(m->join);
	unsigned names = join_names(m->join);

	m->alone_at = now + ALONE_EVERY;
	if (n == 0 && names == 0)
		return;
	log_warnx("we are alone: trying %zu former members and %u of "
		  "--join, for as long as it takes\tevent=alone",
	    n, names);
	m->alone_said = true;
	m->alone_told = now;
}

void
mesh_heal_tick(struct mesh *m, int64_t now)
{
	remember_tick(m->remember, now, mesh_wall(m));
	if (now >= m->alone_at)
		say_alone(m, now);
	if (now >= m->recall_at) {
		mesh_heal_missing(m);
		m->save_at = now;
	}
}

int64_t
mesh_heal_deadline(const struct mesh *m)
{
	int64_t d = remember_deadline(m->remember);

	d = d < m->alone_at ? d : m->alone_at;
	return d < m->recall_at ? d : m->recall_at;
}
