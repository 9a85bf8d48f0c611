/*
 * What root steers over the control socket, in the gossip process: a member is
 * forgotten, a host is joined. Names and hosts are root's, and are looked at
 * all the same; whoever is forgotten may have a hostile name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/log.h"
#include "mesh_int.h"
#include "optval.h"

/* Nothing can be steered: why. NULL: it can. */
static const char *
not_now(const struct mesh *m)
{
	if (m->leaving)
		return "this host is leaving the mesh";
	if (m->swim == NULL)
		return "this host has no address to announce yet";
	return NULL;
}

static bool
answer(bool ok, char *words, size_t len, const char *text)
{
	strlcpy(words, text, len);
	return ok;
}

/* Among those that failed. */
static bool
drop_remembered(struct mesh *m, const char *name)
{
	const struct remembered *r;
	size_t i, len = strlen(name);

	for (i = 0; i < remember_count(m->remember); i++) {
		r = remember_get(m->remember, i);
		if (r->namelen != len || memcmp(r->name, name, len) != 0)
			continue;
		join_drop(m->join, &r->at);
		return remember_drop(m->remember, name, len);
	}
	return false;
}

/* Among those that the state has of the last run. */
static bool
drop_saved(struct mesh *m, const char *name)
{
	struct state_node *nodes = m->state.nodes;
	struct ipport at;
	size_t i;

	for (i = 0; i < m->state.nnodes; i++)
		if (strcmp(nodes[i].name, name) == 0)
			break;
	if (i == m->state.nnodes)
		return false;
	at = nodes[i].addr;
	if (at.port == 0)
		at.port = m->conf->cluster_port;
	join_drop(m->join, &at);
	free(nodes[i].name);
	free(nodes[i].meta);
	memmove(
	    &nodes[i], &nodes[i + 1], (--m->state.nnodes - i) * sizeof(*nodes));
	m->nback -= i < m->nback;
	return true;
}

/* It would be back at once; or its tunnel is in use. NULL: it is gone. */
static const char *
still_there(const struct mesh *m, const struct member *mb)
{
	struct peer_view v;

	if (mb->is_self)
		return "that is this host: `wesher leave` ends it";
	if (mb->state < MEMBER_DEAD)
		return "it counts as alive, and would be back at once: stop "
		       "wesher there first";
	peers_view(m->peers, mb, &v);
	if (v.connected)
		return "it is called gone, but its tunnel lives";
	return NULL;
}

static void
drop_member(struct mesh *m, int64_t now, struct member *mb)
{
	struct ipport at;

	member_ipport(mb, &at);
	join_drop(m->join, &at);
	(void)swim_drop(m->swim, now, mb);
}

bool
mesh_forget(
    struct mesh *m, int64_t now, const char *name, char *words, size_t len)
{
	const char *why = not_now(m);
	struct member *mb;
	bool known;

	m->now = now;
	if (why != NULL)
		return answer(false, words, len, why);
	mb = member_find(swim_members(m->swim), name, strlen(name));
	if (mb != NULL && (why = still_there(m, mb)) != NULL)
		return answer(false, words, len, why);
	known = drop_remembered(m, name);
	known = drop_saved(m, name) || known;
	if (mb == NULL && !known)
		return answer(
		    false, words, len, "no member of that name is known");
	if (mb != NULL)
		drop_member(m, now, mb);
	m->stirred = true;
	log_info("%s is forgotten, as root wants it\tevent=forgotten member=%s",
	    name, name);
	return answer(true, words, len,
	    "forgotten here; other members forget it by themselves, or when "
	    "they are told so, too");
}

bool
mesh_join_now(
    struct mesh *m, int64_t now, const char *where, char *words, size_t len)
{
	struct ipport to = {.port = m->conf->cluster_port};
	const char *why = not_now(m);
	char host[CONF_JOINLEN];
	uint16_t port;

	m->now = now;
	if (why != NULL)
		return answer(false, words, len, why);
	if (!optval_is_host(where, strlen(where)) ||
	    join_parse(where, host, sizeof(host), &port) == -1)
		return answer(false, words, len, "HOST is " OPTVAL_HOST);
	if (port != 0)
		to.port = port;
	if (!mesh_connects(m, &to)) {
		snprintf(words, len,
		    "the sandbox lets no TCP go to port %u: start wesher with "
		    "--join %s for that",
		    to.port, where);
		return false;
	}
	if (join_now(m->join, where, now) == -1)
		return answer(false, words, len,
		    "out of memory, or 64 hosts are being joined already");
	log_info("joining %s, as root wants it\tevent=joining host=%s", where,
	    where);
	snprintf(words, len, "%s is tried now, and until it was reached once",
	    where);
	return true;
}
