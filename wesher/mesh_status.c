/*
 * The document of `wesher status` (control.h). Names are peers' choice:
 * they go out by jsontext(), and the client escapes once more what it prints.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

#include "confine.h"
#include "jsontext.h"
#include "mesh_int.h"

#define NOTE 256

void
mesh_view(struct mesh *m, struct mesh_view *v)
{
	memset(v, 0, sizeof(*v));
	v->conf = m->conf;
	v->name = m->name;
	v->overlay = m->self;
	v->announced.ip = m->announced;
	v->announced.port = m->announced.len != 0 ? m->conf->cluster_port : 0;
	memcpy(v->pubkey, m->pubkey, sizeof(v->pubkey));
	v->swim = m->swim;
	v->peers = m->peers;
}

static json_t *
addr_or_null(const struct ipaddr *a)
{
	char buf[IPADDR_STRLEN];

	return a->len == 0 ? json_null() : json_string(ipaddr_str(a, buf));
}

static json_t *
ipport_or_null(const struct ipport *a)
{
	char buf[IPPORT_STRLEN];

	return a->ip.len == 0 ? json_null() : json_string(ipport_str(a, buf));
}

static const char *
dialect(const struct peer_view *v)
{
	if (!v->decoded)
		return "none";
	if (v->meta.has_x)
		return "ours";
	return v->meta.dialect == META_V02 ? "v0.2" : "v0.3";
}

/* {addr, age} of a claim to that name from elsewhere, or null. */
static json_t *
conflict_or_null(const struct mesh *m, const struct member *mb)
{
	const struct conflict *c = mesh_conflict_of(m, mb, m->now);

	if (c == NULL)
		return json_null();
	return json_pack("{s:o, s:I}", "addr", ipport_or_null(&c->at), "age",
	    (json_int_t)((m->now - c->seen) / US_PER_S));
}

/* What is to be said of a tunnel that stands, or of the talk with its member. */
static const char *
note(const struct mesh *m, const struct member *mb, const struct ipport *at,
    const struct peer_view *v, char buf[NOTE])
{
	const struct conflict *c = mesh_conflict_of(m, mb, m->now);
	const char *line = v->no_line, *left = "failed";
	char other[IPPORT_STRLEN];

	if (mb->state == MEMBER_LEFT)
		left = "left";
	buf[0] = '\0';
	if (v->connected)
		snprintf(buf, NOTE, "%s but connected", left);
	else if (v->kept)
		snprintf(buf, NOTE, "gone: its tunnel is kept for a moment");
	else if (line != NULL)
		snprintf(buf, NOTE, "no hosts line: %s", line);
	if (c != NULL)
		snprintf(buf + strlen(buf), NOTE - strlen(buf),
		    "%sits name is also claimed at %s, %llds ago",
		    buf[0] != '\0' ? "; " : "", ipport_str(&c->at, other),
		    (long long)((m->now - c->seen) / US_PER_S));
	if (mb->state < MEMBER_DEAD && !mesh_connects(m, at))
		snprintf(buf + strlen(buf), NOTE - strlen(buf),
		    "%sreached by UDP alone: the sandbox lets no TCP go to "
		    "port %u (it does when --join names that)",
		    buf[0] != '\0' ? "; " : "", at->port);
	return buf[0] == '\0' ? NULL : buf;
}

/* Milliseconds, or null when it was not measured. */
static json_t *
rtt_or_null(const struct member *mb)
{
	int64_t us = member_rtt(mb);

	return us < 0 ? json_null() : json_real((double)us / 1000);
}

int64_t
mesh_handshake_age(const struct mesh *m, const struct peer_view *v)
{
	int64_t age = mesh_wall(m) - v->handshake;

	if (v->handshake == 0)
		return -1;
	return age < 0 ? 0 : age;
}

static json_t *
member_doc(const struct mesh *m, const struct member *mb)
{
	struct ipaddr none = {0};
	struct peer_view v;
	struct ipport at;
	int64_t age;
	char buf[NOTE];

	member_ipport(mb, &at);
	peers_view(m->peers, mb, &v);
	age = mesh_handshake_age(m, &v);
	if (v.why != PEER_OK)
		v.endpoint.ip.len = 0;
	return json_pack(
	    "{s:o, s:s, s:I, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:s, s:o, "
	    "s:o, s:s?}",
	    "name", jsontext(mb->name), "state", member_state_name(mb->state),
	    "since", (json_int_t)((m->now - mb->since) / US_PER_S), "addr",
	    ipport_or_null(&at), "overlay",
	    addr_or_null(v.decoded ? &v.meta.overlay : &none), "endpoint",
	    ipport_or_null(&v.endpoint), "handshake",
	    age == -1 ? json_null() : json_integer(age), "rx", (json_int_t)v.rx,
	    "tx", (json_int_t)v.tx, "rtt", rtt_or_null(mb), "dialect",
	    dialect(&v), "why",
	    v.why == PEER_OK ? json_null() : jsontext(v.detail), "conflict",
	    conflict_or_null(m, mb), "note", note(m, mb, &at, &v, buf));
}

static int
by_name(const void *a, const void *b)
{
	const struct member *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* The members but ourselves, by name; counts by state. */
static json_t *
members_doc(const struct mesh *m, unsigned count[4])
{
	const struct member_table *t = swim_members(m->swim);
	struct member **sorted;
	json_t *list = json_array();
	unsigned i;

	sorted = calloc(t->n + 1, sizeof(struct member *));
	if (sorted == NULL || list == NULL) {
		free(sorted);
		json_decref(list);
		return NULL;
	}
	memcpy(sorted, t->list, t->n * sizeof(struct member *));
	qsort(sorted, t->n, sizeof(struct member *), by_name);
	for (i = 0; i < t->n; i++) {
		count[sorted[i]->state & 3]++;
		if (!sorted[i]->is_self)
			json_array_append_new(list, member_doc(m, sorted[i]));
	}
	free(sorted);
	return list;
}

/* The layers of both sandboxes, as far as they are known. */
static json_t *
sandbox_doc(const struct mesh *m)
{
	const struct layers none = {0}, *l = &none;
	const struct priv_net *net = &m->net;

	if (m->ops.layers != NULL)
		l = m->ops.layers();
	return json_pack("{s:{s:I, s:b, s:b, s:b, s:b, s:b, s:i}, "
			 "s:{s:b, s:b, s:i}}",
	    "wesher", "uid", (json_int_t)l->uid, "chroot", l->rooted,
	    "no_capabilities", l->no_caps, "no_new_privs", l->no_new_privs,
	    "limits", l->limited, "seccomp", l->filtered, "landlock",
	    l->landlock, "wesher-priv", "bounded",
	    (net->box & PRIV_BOX_BOUND) != 0, "seccomp",
	    (net->box & PRIV_BOX_SECCOMP) != 0, "landlock",
	    (net->box & PRIV_BOX_LANDLOCK) != 0 ? net->landlock : 0);
}

static void
refused(void *doc, const char *reason, uint64_t n)
{
	json_object_set_new(doc, reason, json_integer((json_int_t)n));
}

/* What was not taken, by reason. */
static json_t *
refused_doc(const struct mesh *m)
{
	json_t *doc = json_object();

	if (doc != NULL)
		mesh_refused(m, refused, doc);
	return doc;
}

static json_int_t
uptime(const struct mesh *m)
{
	return m->started == 0 ? 0 : (m->now - m->started) / US_PER_S;
}

static json_t *
head_doc(struct mesh *m)
{
	char net[IPNET_STRLEN], key[sodium_base64_ENCODED_LEN(WG_KEY_LEN,
				    sodium_base64_VARIANT_ORIGINAL)];
	struct mesh_view v;

	mesh_view(m, &v);
	sodium_bin2base64(key, sizeof(key), v.pubkey, sizeof(v.pubkey),
	    sodium_base64_VARIANT_ORIGINAL);
	return json_pack(
	    "{s:o, s:o, s:o, s:s, s:o, s:s, s:s, s:I, s:i, s:i, s:i, s:I, s:I, "
	    "s:o}",
	    "name", jsontext(v.name), "interface", jsontext(m->conf->interface),
	    "overlay_addr", addr_or_null(&v.overlay), "overlay_net",
	    ipnet_str(&m->conf->overlay, net), "addr",
	    ipport_or_null(&v.announced), "pubkey", key, "version",
	    WESHER_VERSION, "uptime", uptime(m), "attempt", (int)m->attempt,
	    "health", m->swim == NULL ? 0 : (int)swim_health(m->swim), "queue",
	    m->swim == NULL ? 0 : (int)swim_queued(m->swim), "sealed",
	    (json_int_t)m->wear.own, "sealed_by_all", (json_int_t)m->wear.all,
	    "conflict", conflict_or_null(m, NULL));
}

char *
mesh_status(struct mesh *m, int64_t now)
{
	unsigned count[4] = {0};
	json_t *doc, *list;
	char *out;

	m->now = now;
	doc = head_doc(m);
	list = m->swim == NULL ? json_array() : members_doc(m, count);
	if (doc == NULL || list == NULL) {
		json_decref(doc);
		json_decref(list);
		return NULL;
	}
	json_object_set_new(doc, "sandbox", sandbox_doc(m));
	json_object_set_new(doc, "refused", refused_doc(m));
	json_object_set_new(doc, "mesh",
	    json_pack("{s:i, s:i, s:i, s:i, s:i}", "members",
		(int)(count[0] + count[1] + count[2] + count[3]), "alive",
		(int)count[MEMBER_ALIVE], "suspect", (int)count[MEMBER_SUSPECT],
		"failed", (int)count[MEMBER_DEAD], "left",
		(int)count[MEMBER_LEFT]));
	json_object_set_new(doc, "members", list);
	out = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	return out;
}
