/*
 * A reader for Go's gob encoding, as far as node metadata needs it. Runs in
 * the gossip process.
 *
 * The input is a member's Meta as a peer announced or relayed it: hostile. It
 * brings its own type definitions, so it could describe nesting without end,
 * or elements that take no room. Hence no allocation at all: the definitions
 * go into fixed tables, depth has a ceiling, and every count is held against
 * the bytes that are left: an element takes at least one, and where structs at
 * the very end of a message take none, their count is still bounded by it.
 *
 * A stream is a row of messages: [uint length][int id][body]. A negative id
 * defines a type, another one is the value. A struct's closing zero may be
 * missing where its message ends: the original reads it so.
 */
#include <string.h>

#include "gob.h"

#define GOB_WIRE_FIELDS 7 /* one for each kind of definition */

static int skip_value(struct gob *g, int32_t id, unsigned depth);

/* A byte below 0x80 is the number, else (256 - n) and n big-endian bytes. */
static int
take_uint(const uint8_t **p, const uint8_t *end, uint64_t *out)
{
	unsigned n;

	if (*p == end)
		return -1;
	*out = *(*p)++;
	if (*out < 0x80)
		return 0;
	n = 256 - (unsigned)*out;
	if (n > 8 || n > (size_t)(end - *p))
		return -1;
	for (*out = 0; n > 0; n--)
		*out = *out << 8 | *(*p)++;
	return 0;
}

static int
get_uint(struct gob *g, uint64_t *out)
{
	return take_uint(&g->mp, g->mend, out);
}

/* The lowest bit is the sign. */
static int
get_int(struct gob *g, int64_t *out)
{
	uint64_t u;

	if (get_uint(g, &u) == -1)
		return -1;
	*out = (int64_t)(u >> 1);
	if (u & 1)
		*out = ~*out;
	return 0;
}

static int
get_id(struct gob *g, int32_t *out)
{
	int64_t v;

	if (get_int(g, &v) == -1 || v < INT32_MIN || v > INT32_MAX)
		return -1;
	*out = (int32_t)v;
	return 0;
}

/*
 * A length, or a count of elements: no element is smaller than a byte, so
 * both are bounded by what is left of the message.
 */
static int
get_count(struct gob *g, size_t *out)
{
	uint64_t n;

	if (get_uint(g, &n) == -1 || n > (size_t)(g->mend - g->mp))
		return -1;
	*out = (size_t)n;
	return 0;
}

static int
open_message(struct gob *g)
{
	uint64_t len;

	if (take_uint(&g->p, g->end, &len) == -1 ||
	    len > (size_t)(g->end - g->p))
		return -1;
	g->mp = g->p;
	g->mend = g->p += len;
	return 0;
}

int
gob_bytes(struct gob *g, struct gob_bytes *out)
{
	if (get_count(g, &out->len) == -1)
		return -1;
	out->p = g->mp;
	g->mp += out->len;
	return 0;
}

int
gob_next(struct gob *g, unsigned n, int *field)
{
	uint64_t delta;

	if (g->mp == g->mend)
		return 0;
	if (get_uint(g, &delta) == -1)
		return -1;
	if (delta == 0)
		return 0;
	if (delta > (uint64_t)((int)n - 1 - *field))
		return -1;
	*field += (int)delta;
	return 1;
}

/* CommonType and fieldType are alike: a name and an id. */
static int
define_named(struct gob *g, struct gob_field *out)
{
	int field = -1, r;

	memset(out, 0, sizeof(*out));
	while ((r = gob_next(g, 2, &field)) == 1)
		if ((field == 0 ? gob_bytes(g, &out->name)
				: get_id(g, &out->id)) == -1)
			return -1;
	return r;
}

static int
define_fields(struct gob *g, struct gob_type *t)
{
	size_t n, i;

	if (get_count(g, &n) == -1 || n > GOB_FIELDS - g->nfields)
		return -1;
	t->field = g->fields + g->nfields;
	t->nfields = (unsigned)n;
	for (i = 0; i < n; i++)
		if (g->mp == g->mend ||
		    define_named(g, &g->fields[g->nfields++]) == -1)
			return -1;
	return 0;
}

/* One field behind the common part of a definition of t's kind. */
static int
define_part(struct gob *g, struct gob_type *t, int field)
{
	if (t->kind == GOB_K_STRUCT)
		return define_fields(g, t);
	if (t->kind == GOB_K_MAP && field == 1)
		return get_id(g, &t->key);
	if (t->kind == GOB_K_ARRAY && field == 2)
		return get_int(g, &t->len);
	return get_id(g, &t->elem);
}

static int
define_body(struct gob *g, struct gob_type *t)
{
	static const unsigned nfields[] = {
	    [GOB_K_ARRAY] = 3,
	    [GOB_K_SLICE] = 2,
	    [GOB_K_STRUCT] = 2,
	    [GOB_K_MAP] = 3,
	    [GOB_K_GOB] = 1,
	    [GOB_K_BINARY] = 1,
	    [GOB_K_TEXT] = 1,
	};
	struct gob_field common;
	int field = -1, r;

	while ((r = gob_next(g, nfields[t->kind], &field)) == 1)
		if ((field == 0 ? define_named(g, &common)
				: define_part(g, t, field)) == -1)
			return -1;
	return r;
}

/* A definition comes once, and is of one kind. */
static int
define_type(struct gob *g, int64_t id)
{
	struct gob_type *t;
	int field = -1, r;

	if (id < GOB_USER || id > INT32_MAX || g->ntypes == GOB_TYPES ||
	    gob_type(g, (int32_t)id) != NULL)
		return -1;
	t = &g->types[g->ntypes];
	memset(t, 0, sizeof(*t));
	t->id = (int32_t)id;
	while ((r = gob_next(g, GOB_WIRE_FIELDS, &field)) == 1) {
		if (t->kind != GOB_K_NONE)
			return -1;
		t->kind = (enum gob_kind)(GOB_K_ARRAY + field);
		if (define_body(g, t) == -1)
			return -1;
	}
	g->ntypes++;
	return r;
}

/*
 * Take definitions until a value's id comes. Inside an interface they stand
 * in the open message, each followed by a length that is of no use.
 */
static int
type_sequence(struct gob *g, bool interface, int32_t *out)
{
	uint64_t unused;
	int64_t id;

	for (;;) {
		if (g->mp == g->mend && open_message(g) == -1)
			return -1;
		if (get_int(g, &id) == -1 || id > INT32_MAX)
			return -1;
		if (id >= 0)
			break;
		if (id < INT32_MIN || define_type(g, -id) == -1)
			return -1;
		if (g->mp == g->mend)
			continue;
		if (!interface || get_uint(g, &unused) == -1)
			return -1;
	}
	*out = (int32_t)id;
	return 0;
}

void
gob_init(struct gob *g, const void *buf, size_t len)
{
	/* Not the tables: their first ones count. */
	g->ntypes = g->nfields = 0;
	g->p = g->mp = g->mend = buf;
	g->end = g->p + len;
}

const struct gob_type *
gob_value(struct gob *g)
{
	const struct gob_type *t;
	int32_t id;

	if (type_sequence(g, false, &id) == -1)
		return NULL;
	t = gob_type(g, id);
	return t != NULL && t->kind == GOB_K_STRUCT ? t : NULL;
}

const struct gob_type *
gob_type(const struct gob *g, int32_t id)
{
	unsigned i;

	for (i = 0; i < g->ntypes; i++)
		if (g->types[i].id == id)
			return &g->types[i];
	return NULL;
}

static int
check_struct(struct gob *g, const struct gob_type *t)
{
	unsigned i;

	for (i = 0; i < t->nfields; i++)
		if (t->field[i].name.len == 0 ||
		    gob_check(g, t->field[i].id) == -1)
			return -1;
	return 0;
}

/* Recursion ends because each definition is entered once. */
int
gob_check(struct gob *g, int32_t id)
{
	struct gob_type *t = NULL;
	unsigned i;

	if (id >= GOB_BOOL && id <= GOB_INTERFACE)
		return 0;
	for (i = 0; i < g->ntypes && t == NULL; i++)
		if (g->types[i].id == id)
			t = &g->types[i];
	if (t == NULL || t->kind == GOB_K_NONE)
		return -1;
	if (t->checked)
		return 0;
	t->checked = true;
	if (t->kind == GOB_K_STRUCT)
		return check_struct(g, t);
	if (t->kind == GOB_K_MAP && gob_check(g, t->key) == -1)
		return -1;
	if (t->kind <= GOB_K_SLICE || t->kind == GOB_K_MAP)
		return gob_check(g, t->elem);
	return 0;
}

/* A name, definitions that were not sent before, a delimited value. */
static int
skip_interface(struct gob *g)
{
	struct gob_bytes unused;
	int32_t id;

	if (gob_bytes(g, &unused) == -1 || type_sequence(g, true, &id) == -1)
		return -1;
	return gob_bytes(g, &unused);
}

static int
skip_struct(struct gob *g, const struct gob_type *t, unsigned depth)
{
	int field = -1, r;

	while ((r = gob_next(g, t->nfields, &field)) == 1)
		if (skip_value(g, t->field[field].id, depth) == -1)
			return -1;
	return r;
}

static int
skip_elements(struct gob *g, const struct gob_type *t, unsigned depth)
{
	size_t n, i;

	if (get_count(g, &n) == -1)
		return -1;
	if (t->kind == GOB_K_ARRAY && (t->len < 0 || (uint64_t)t->len != n))
		return -1;
	for (i = 0; i < n; i++) {
		if (t->kind == GOB_K_MAP && skip_value(g, t->key, depth) == -1)
			return -1;
		if (t->kind != GOB_K_MAP && g->mp == g->mend)
			return -1;
		if (skip_value(g, t->elem, depth) == -1)
			return -1;
	}
	return 0;
}

static int
skip_builtin(struct gob *g, int32_t id)
{
	struct gob_bytes unused;
	uint64_t u;

	switch (id) {
	case GOB_BYTES:
	case GOB_STRING:
		return gob_bytes(g, &unused);
	case GOB_INTERFACE:
		return skip_interface(g);
	case GOB_COMPLEX:
		if (get_uint(g, &u) == -1)
			return -1;
		/* FALLTHROUGH */
	default:
		return get_uint(g, &u);
	}
}

static int
skip_value(struct gob *g, int32_t id, unsigned depth)
{
	const struct gob_type *t;
	struct gob_bytes unused;

	if (depth == GOB_DEPTH)
		return -1;
	if (id < GOB_USER)
		return skip_builtin(g, id);
	if ((t = gob_type(g, id)) == NULL)
		return -1;
	switch (t->kind) {
	case GOB_K_STRUCT:
		return skip_struct(g, t, depth + 1);
	case GOB_K_ARRAY:
	case GOB_K_SLICE:
	case GOB_K_MAP:
		return skip_elements(g, t, depth + 1);
	default:
		return gob_bytes(g, &unused);
	}
}

int
gob_skip(struct gob *g, int32_t id)
{
	return skip_value(g, id, 0);
}
