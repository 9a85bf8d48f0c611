/*
 * The state as text: JSON in the original's form, with keys of ours that it
 * ignores (protocol.md section 8). Runs in the gossip process; state_file.c
 * has the file around it.
 *
 * The text is a file that this or another program wrote: the original, an
 * older release, an editor, a crash in the middle. What cannot be understood
 * as a whole is refused as a whole; a node that makes no sense costs that node
 * alone. A node's name and metadata came from the network once, so they are
 * checked here as they are there. Shape and size are bounded before jansson
 * sees the text, as it would spend far more memory than the text is long.
 *
 * The cluster key is in there: jansson's memory is wiped as it is freed.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

#include "../common/check.h"
#include "meta.h"
#include "state.h"

#define STATE_DEPTH  32 /* we nest 3 deep; room for keys to come */
#define STATE_VALUES (16 * MAX_PEERS) /* we write 10 for each node */

#define INDENT JSON_INDENT(2)
#define B64    sodium_base64_VARIANT_ORIGINAL

void
state_clear(struct state *s)
{
	size_t i;

	for (i = 0; i < s->nnodes; i++) {
		free(s->nodes[i].name);
		free(s->nodes[i].meta);
	}
	free(s->nodes);
	sodium_memzero(s, sizeof(*s));
}

static void
wipe_free(void *p)
{
	if (p == NULL)
		return;
	explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* Something was not to be had: jansson does not always say so, and a state
 * without it would be less than there was. */
static bool starved;

static void *
noting(void *p)
{
	starved = starved || p == NULL;
	return p;
}

static void *
noting_malloc(size_t size)
{
	return noting(malloc(size));
}

/* Fits what was allocated before, so it can be set at any time. */
static void
use_our_memory(void)
{
	starved = false;
	json_set_alloc_funcs(noting_malloc, wipe_free);
}

/* Depth and number of values, strings left out. Returns 0, or -1. */
static int
check_shape(const char *text, size_t len)
{
	size_t i, depth = 0, values = 0;
	bool quoted = false;

	for (i = 0; i < len; i++) {
		if (quoted) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				quoted = false;
			continue;
		}
		if (text[i] == '"')
			quoted = true;
		else if ((text[i] == ']' || text[i] == '}') && depth > 0)
			depth--;
		else if (text[i] == '[' || text[i] == '{')
			depth++, values++;
		else if (text[i] == ',')
			values++;
		if (depth > STATE_DEPTH || values > STATE_VALUES)
			return -1;
	}
	return 0;
}

/*
 * Base64 of at most cap bytes, as Go writes []byte. Returns the length, or -1
 * when j is no string or not that.
 */
static ssize_t
get_bytes(const json_t *j, uint8_t *out, size_t cap)
{
	const char *s = json_string_value(j), *end = NULL;
	size_t len = json_string_length(j), i, n;

	if (s == NULL || len % 4 != 0)
		return -1;
	/* libsodium 1.0.18 takes bytes above 0x7f for digits. */
	for (i = 0; i < len; i++)
		if (s[i] & 0x80)
			return -1;
	if (sodium_base642bin(out, cap, s, len, NULL, &n, &end, B64) == -1 ||
	    end != s + len)
		return -1;
	return (ssize_t)n;
}

/* A string, or {"IP": string, "Mask": ...} as before 0.3; else len 0. */
static void
get_overlay(const json_t *j, struct ipaddr *out)
{
	const char *text;

	if (json_is_object(j))
		j = json_object_get(j, "IP");
	text = json_string_value(j);
	if (text == NULL || ipaddr_parse(text, out) == -1)
		memset(out, 0, sizeof(*out));
}

/* An integer of 0..max; 0 when it is none. */
static uint32_t
get_number(const json_t *o, const char *key, uint32_t max)
{
	const json_t *j = json_object_get(o, key);
	json_int_t v = json_integer_value(j);

	return v > 0 && v <= (json_int_t)max ? (uint32_t)v : 0;
}

/* 0 is a number too. */
static bool
has_number(const json_t *o, const char *key, uint32_t max)
{
	const json_t *j = json_object_get(o, key);

	return json_is_integer(j) && json_integer_value(j) >= 0 &&
	       json_integer_value(j) <= (json_int_t)max;
}

static uint64_t
get_count(const json_t *o, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(o, key));

	return v > 0 ? (uint64_t)v : 0;
}

static void
get_meta(const json_t *j, struct state_node *n)
{
	uint8_t buf[META_MAX];
	ssize_t len = get_bytes(j, buf, sizeof(buf));

	if (len <= 0 || (n->meta = noting(malloc((size_t)len))) == NULL)
		return;
	memcpy(n->meta, buf, (size_t)len);
	n->metalen = (size_t)len;
}

/* Returns 0, or -1: not a node that anybody could be reached as. */
static int
get_node(const json_t *j, struct state_node *n)
{
	const json_t *name = json_object_get(j, "Name"),
		     *key = json_object_get(j, "PubKey");
	const char *addr = json_string_value(json_object_get(j, "Addr"));

	memset(n, 0, sizeof(*n));
	if (!json_is_string(name) || addr == NULL ||
	    !check_name(json_string_value(name), json_string_length(name)) ||
	    ipaddr_parse(addr, &n->addr.ip) == -1)
		return -1;
	if ((n->name = noting(strdup(json_string_value(name)))) == NULL)
		return -1;
	n->addr.port = (uint16_t)get_number(j, "Port", UINT16_MAX);
	n->since = (int64_t)get_count(j, "Since");
	n->answered = json_is_true(json_object_get(j, "Answered"));
	get_meta(json_object_get(j, "Meta"), n);
	get_overlay(json_object_get(j, "OverlayAddr"), &n->overlay);
	n->has_pubkey = json_is_string(key) &&
			meta_key_parse(json_string_value(key),
			    json_string_length(key), n->pubkey) == 0;
	if (!n->has_pubkey)
		memset(n->pubkey, 0, sizeof(n->pubkey));
	return 0;
}

static void
get_nodes(const json_t *list, struct state *s)
{
	size_t i, n = json_array_size(list);

	for (i = 0; i < n && s->nnodes < MAX_PEERS; i++)
		if (get_node(json_array_get(list, i), &s->nodes[s->nnodes]) ==
		    0)
			s->nnodes++;
}

/* Those without the time of their failure are none. */
static void
get_failed(const json_t *list, struct state *s)
{
	size_t i, n = json_array_size(list), last = s->nnodes + STATE_FAILED;

	for (i = 0; i < n && s->nnodes < last; i++) {
		const json_t *j = json_array_get(list, i);
		int64_t failed = (int64_t)get_count(j, "FailedAt");

		if (failed == 0 || get_node(j, &s->nodes[s->nnodes]) == -1)
			continue;
		s->nodes[s->nnodes++].failed = failed;
	}
}

static void
get_lists(const json_t *nodes, const json_t *failed, struct state *s)
{
	size_t n = json_array_size(nodes) + json_array_size(failed);

	if (n == 0 || !(s->nodes = noting(calloc(n, sizeof(*s->nodes)))))
		return;
	get_nodes(nodes, s);
	get_failed(failed, s);
}

static int
bad(char *why, size_t whylen, const char *what)
{
	strlcpy(why, what, whylen);
	return STATE_BAD;
}

static int
get_state(const json_t *j, struct state *s, char *why, size_t whylen)
{
	const json_t *key = json_object_get(j, "ClusterKey"),
		     *nodes = json_object_get(j, "Nodes");

	if (key == NULL && nodes == NULL)
		return bad(why, whylen, "neither ClusterKey nor Nodes in it");
	if (key != NULL && !json_is_null(key)) {
		if (!json_is_string(key))
			return bad(why, whylen, "ClusterKey is not a string");
		s->has_key = json_string_length(key) != 0;
		if (s->has_key &&
		    get_bytes(key, s->key, sizeof(s->key)) != sizeof(s->key))
			return bad(why, whylen,
			    "ClusterKey is not 32 bytes in base64");
	}
	if (nodes != NULL && !json_is_null(nodes) && !json_is_array(nodes))
		return bad(why, whylen, "Nodes is not a list");
	s->incarnation = get_number(j, "Incarnation", UINT32_MAX);
	s->has_attempt = has_number(j, "Attempt", UINT8_MAX);
	s->attempt = (uint8_t)get_number(j, "Attempt", UINT8_MAX);
	s->moved = (int64_t)get_count(j, "Moved");
	s->saved = (int64_t)get_count(j, "Saved");
	s->sealed = get_count(j, "Sealed");
	s->sealed_all = get_count(j, "SealedByAll");
	get_lists(nodes, json_object_get(j, "Failed"), s);
	return 0;
}

static int
parse_error(const json_error_t *e, char *why, size_t whylen)
{
	/* Not jansson's text: it quotes the file, which holds the key. */
	snprintf(
	    why, whylen, "not JSON at line %d, column %d", e->line, e->column);
	return STATE_BAD;
}

int
state_parse(
    const char *text, size_t len, struct state *s, char *why, size_t whylen)
{
	json_error_t e;
	json_t *j;
	int r;

	memset(s, 0, sizeof(*s));
	if (len > STATE_MAX)
		return bad(why, whylen, "larger than a state can be");
	if (check_shape(text, len) == -1)
		return bad(why, whylen, "nested or listed beyond all bounds");
	use_our_memory();
	/* A name with a NUL costs its node, not the file. */
	if ((j = json_loadb(text, len, JSON_ALLOW_NUL, &e)) == NULL)
		r = parse_error(&e, why, whylen);
	else if (json_is_object(j))
		r = get_state(j, s, why, whylen);
	else
		r = bad(why, whylen, "not an object");
	json_decref(j);
	if (starved) {
		strlcpy(why, "out of memory", whylen);
		r = STATE_IO;
	}
	if (r != 0)
		state_clear(s);
	if (r == STATE_IO)
		errno = ENOMEM;
	return r;
}

/* The setters below take NULL and return -1 then, so one check will do. */
static json_t *
put_bytes(const uint8_t *p, size_t len)
{
	char text[sodium_base64_ENCODED_LEN(META_MAX, B64)];
	json_t *j;

	if (len > META_MAX)
		return json_string("");
	sodium_bin2base64(text, sizeof(text), p, len, B64);
	j = json_string(text);
	sodium_memzero(text, sizeof(text));
	return j;
}

static json_t *
put_ip(const struct ipaddr *a)
{
	char text[IPADDR_STRLEN];

	return json_string(a->len == 0 ? "" : ipaddr_str(a, text));
}

/* 0: left out. */
static int
put_count(json_t *j, const char *key, uint64_t n)
{
	if (n == 0)
		return 0;
	return json_object_set_new(
	    j, key, json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n));
}

static int
put_time(json_t *j, const char *key, int64_t t)
{
	return put_count(j, key, t > 0 ? (uint64_t)t : 0);
}

/* In the order of the original. Returns a new reference, or NULL. */
static json_t *
put_node(const struct state_node *n)
{
	json_t *j = json_object(), *name = json_string(n->name);
	size_t keylen = n->has_pubkey ? sizeof(n->pubkey) : 0;
	int r = 0;

	r |= json_object_set_new(j, "Name", name);
	r |= json_object_set_new(j, "Addr", put_ip(&n->addr.ip));
	if (n->addr.port != 0)
		r |= json_object_set_new(j, "Port", json_integer(n->addr.port));
	r |= json_object_set_new(
	    j, "Meta", put_bytes(n->meta, n->meta == NULL ? 0 : n->metalen));
	r |= json_object_set_new(j, "OverlayAddr", put_ip(&n->overlay));
	r |= json_object_set_new(j, "PubKey", put_bytes(n->pubkey, keylen));
	r |= put_time(j, "Since", n->since);
	r |= put_time(j, "FailedAt", n->failed);
	if (n->answered)
		r |= json_object_set_new(j, "Answered", json_true());
	if (r == 0)
		return j;
	json_decref(j);
	return NULL;
}

/* Can the name stand in JSON? jansson refuses what is not UTF-8. */
static bool
utf8_name(const char *name)
{
	json_t *j = json_string(name);

	json_decref(j);
	return j != NULL;
}

/* Text that grows; nothing secret in it. */
struct text {
	char *p;
	size_t len, cap;
};

static int
text_add(struct text *t, const char *s, size_t len)
{
	size_t cap = (t->len + len) * 3 / 2 + 4096;
	char *p;

	if (t->len + len > t->cap) {
		if ((p = noting(realloc(t->p, cap))) == NULL)
			return -1;
		t->p = p;
		t->cap = cap;
	}
	memcpy(t->p + t->len, s, len);
	t->len += len;
	return 0;
}

/* The lines of one node, further in: it stands in a list. */
static int
add_node(struct text *t, const struct state_node *n)
{
	json_t *j = put_node(n);
	char buf[4096], *line, *rest = buf;
	size_t len = json_dumpb(j, buf, sizeof(buf) - 1, INDENT);
	int r = -1;

	json_decref(j);
	if (len == 0 || len >= sizeof(buf))
		return -1;
	buf[len] = '\0';
	r = text_add(t, t->len == 0 ? "\n" : ",\n", t->len == 0 ? 1 : 2);
	while ((line = strsep(&rest, "\n")) != NULL) {
		r |= text_add(t, "    ", 4);
		r |= text_add(t, line, strlen(line));
		r |= text_add(t, "\n", rest != NULL);
	}
	return r;
}

/* The state's members, those that failed apart. */
struct lists {
	struct text nodes, failed;
	unsigned nfailed;
};

/*
 * One node after the other: thousands of them at once as objects are many times
 * the text.
 */
static int
add_nodes(struct lists *l, const struct state *s)
{
	size_t i;

	for (i = 0; i < s->nnodes; i++) {
		const struct state_node *n = &s->nodes[i];

		if (!check_name(n->name, strlen(n->name)) ||
		    n->addr.ip.len == 0 || !utf8_name(n->name) ||
		    (n->failed > 0 && l->nfailed++ >= STATE_FAILED))
			continue;
		if (add_node(n->failed > 0 ? &l->failed : &l->nodes, n) != 0)
			return -1;
	}
	if (l->nodes.len > 0 && text_add(&l->nodes, "\n  ", 3) != 0)
		return -1;
	return l->failed.len == 0 ? 0 : text_add(&l->failed, "\n  ", 3);
}

static json_t *
put_state(const struct state *s, const struct lists *l)
{
	json_t *j = json_object();
	int r = 0;

	r |= json_object_set_new(j, "ClusterKey",
	    put_bytes(s->key, s->has_key ? sizeof(s->key) : 0));
	r |= json_object_set_new(j, "Nodes", json_array());
	if (l->failed.len > 0)
		r |= json_object_set_new(j, "Failed", json_array());
	r |= json_object_set_new(
	    j, "Incarnation", json_integer(s->incarnation));
	if (s->has_attempt)
		r |= json_object_set_new(
		    j, "Attempt", json_integer(s->attempt));
	r |= put_time(j, "Moved", s->moved);
	r |= put_time(j, "Saved", s->saved);
	r |= put_count(j, "Sealed", s->sealed);
	r |= put_count(j, "SealedByAll", s->sealed_all);
	if (r == 0)
		return j;
	json_decref(j);
	return NULL;
}

/* Put a list into the empty one that begins with key. Returns the new end. */
static char *
insert(char *text, char *end, const char *key, const struct text *list)
{
	char *at = strstr(text, key);

	if (at == NULL || list->len == 0)
		return end;
	at += strlen(key);
	memmove(at + list->len, at, (size_t)(end - at) + 1);
	memcpy(at, list->p, list->len);
	return end + list->len;
}

/* The whole text, the members put into their empty lists. */
static char *
format(json_t *j, const struct lists *l, size_t *len)
{
	/* Measured first: a buffer that grows leaves the key behind. */
	size_t bare = json_dumpb(j, NULL, 0, INDENT);
	char *text, *end;

	if (bare == 0 ||
	    !(text = malloc(bare + l->nodes.len + l->failed.len + 2)))
		return NULL;
	json_dumpb(j, text, bare, INDENT);
	end = text + bare;
	*end = '\0';
	/* The second of them first: it is found before there are names. */
	end = insert(text, end, "\"Failed\": [", &l->failed);
	end = insert(text, end, "\"Nodes\": [", &l->nodes);
	*end++ = '\n';
	*end = '\0';
	*len = (size_t)(end - text);
	return text;
}

char *
state_format(const struct state *s, size_t *len)
{
	struct lists l = {0};
	char *text = NULL;
	json_t *j = NULL;

	use_our_memory();
	if (add_nodes(&l, s) == 0 && (j = put_state(s, &l)) != NULL)
		text = format(j, &l, len);
	free(l.nodes.p);
	free(l.failed.p);
	json_decref(j);
	if (starved && text != NULL) {
		explicit_bzero(text, *len);
		free(text);
		text = NULL;
	}
	return text;
}
