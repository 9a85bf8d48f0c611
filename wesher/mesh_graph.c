/*
 * Who sees whom, for people (control.h): who of the members has a fresh
 * handshake with us, and whom each of them had as alive in its last push/pull
 * with us. In the gossip process; what a member reports is its own word, and
 * what is kept of it is bounded: so many bits of so many of them.
 */
#include <stdlib.h>
#include <string.h>

#include "jsontext.h"
#include "mesh_int.h"
#include "peers_int.h"

#define NAMES_MAX (4u << 20) /* bytes of names in the reports */

void
mesh_reported(void *arg, const struct member *from,
    const uint8_t alive[SWIM_REPORTED / 8])
{
	struct mesh *m = arg;
	struct report *r = &m->reports[0];
	unsigned i;

	/* Its own place, a free one (at is 0 there), or the oldest. */
	for (i = 0; i < REPORTS; i++) {
		if (m->reports[i].id == from->id) {
			r = &m->reports[i];
			break;
		}
		if (m->reports[i].at < r->at)
			r = &m->reports[i];
	}
	r->id = from->id;
	r->at = m->now;
	memcpy(r->alive, alive, sizeof(r->alive));
}

void
mesh_reported_forget(struct mesh *m, const struct member *mb)
{
	struct report *r;

	for (r = m->reports; r < m->reports + REPORTS; r++) {
		if (r->id == mb->id)
			memset(r, 0, sizeof(*r));
		if (mb->id <= SWIM_REPORTED)
			r->alive[(mb->id - 1) / 8] &= (uint8_t) ~(
			    1u << (mb->id - 1) % 8);
	}
}

static json_t *
member_doc(const struct mesh *m, const struct member *mb)
{
	struct peer_view v;
	int64_t age = -1;

	peers_view(m->peers, mb, &v);
	/* Of a tunnel that there is. */
	if (v.why == PEER_OK || v.connected)
		age = mesh_handshake_age(m, &v);
	return json_pack("{s:o, s:s, s:o, s:b}", "name", jsontext(mb->name),
	    "state", member_state_name(mb->state), "handshake",
	    age == -1 ? json_null() : json_integer(age), "fresh",
	    age != -1 && age <= PEER_SESSION);
}

static json_t *
members_doc(const struct mesh *m)
{
	const struct member_table *t = swim_members(m->swim);
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (!t->list[i]->is_self && t->list[i]->id <= SWIM_REPORTED)
			json_array_append_new(list, member_doc(m, t->list[i]));
	return list;
}

static json_t *
alive_doc(const struct mesh *m, const struct report *r, size_t *bytes)
{
	const struct member_table *t = swim_members(m->swim);
	json_t *list = json_array();
	const struct member *mb;
	unsigned i;

	for (i = 0; i < t->n && *bytes < NAMES_MAX; i++) {
		mb = t->list[i];
		if (mb->id > SWIM_REPORTED ||
		    !(r->alive[(mb->id - 1) / 8] & 1u << (mb->id - 1) % 8))
			continue;
		*bytes += 4u * mb->namelen;
		json_array_append_new(list, jsontext(mb->name));
	}
	return list;
}

/* Who is gone reports nothing any more. */
static json_t *
reports_doc(const struct mesh *m)
{
	const struct member_table *t = swim_members(m->swim);
	json_t *list = json_array();
	const struct member *from;
	const struct report *r;
	size_t bytes = 0;

	for (r = m->reports; r < m->reports + REPORTS; r++) {
		if (r->id == 0 || bytes >= NAMES_MAX)
			continue;
		from = member_by_id(t, r->id);
		if (from->state >= MEMBER_DEAD)
			continue;
		json_array_append_new(list,
		    json_pack("{s:o, s:I, s:o}", "from", jsontext(from->name),
			"age", (json_int_t)((m->now - r->at) / US_PER_S),
			"alive", alive_doc(m, r, &bytes)));
	}
	return list;
}

char *
mesh_graph(struct mesh *m, int64_t now)
{
	bool up = m->swim != NULL;
	json_t *doc;
	char *out;

	m->now = now;
	doc = json_pack("{s:o, s:o, s:o}", "name", jsontext(m->name), "members",
	    up ? members_doc(m) : json_array(), "reports",
	    up ? reports_doc(m) : json_array());
	out = doc == NULL ? NULL : json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	return out;
}
