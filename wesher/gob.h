#ifndef WESHER_GOB_H
#define WESHER_GOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A reader for one value of Go's gob encoding (protocol.md section 6): the
 * stream's type definitions are kept in fixed tables, everything that the
 * caller does not know is skipped by its definition.
 */
#define GOB_TYPES  64 /* definitions in one stream */
#define GOB_FIELDS 128 /* fields of all of them together */
#define GOB_DEPTH  32 /* values within values */

/* Ids that need no definition; others start at GOB_USER. */
enum gob_builtin {
	GOB_BOOL = 1,
	GOB_INT,
	GOB_UINT,
	GOB_FLOAT,
	GOB_BYTES,
	GOB_STRING,
	GOB_COMPLEX,
	GOB_INTERFACE,
	GOB_USER = 64
};

/* What a definition describes, in the order of the wire's own fields. */
enum gob_kind {
	GOB_K_NONE,
	GOB_K_ARRAY,
	GOB_K_SLICE,
	GOB_K_STRUCT,
	GOB_K_MAP,
	GOB_K_GOB, /* GobEncoder */
	GOB_K_BINARY, /* BinaryMarshaler */
	GOB_K_TEXT /* TextMarshaler */
};

/* Points into the input. */
struct gob_bytes {
	const uint8_t *p;
	size_t len;
};

struct gob_field {
	struct gob_bytes name;
	int32_t id;
};

struct gob_type {
	int32_t id;
	enum gob_kind kind;
	bool checked;
	int32_t key, elem; /* map; array, slice and map */
	int64_t len; /* array */
	const struct gob_field *field; /* struct */
	unsigned nfields;
};

struct gob {
	const uint8_t *p, *end; /* messages not yet opened */
	const uint8_t *mp, *mend; /* the open message */
	unsigned ntypes, nfields;
	struct gob_type types[GOB_TYPES];
	struct gob_field fields[GOB_FIELDS];
};

/* Start on buf (not NULL), which must outlive g and what is read from it. */
void gob_init(struct gob *g, const void *buf, size_t len);

/*
 * Read definitions up to the first value. Returns its type, which is a
 * struct, with the message open at its first field; or NULL.
 */
const struct gob_type *gob_value(struct gob *g);

/* The definition of id, or NULL (none, or an id that needs none). */
const struct gob_type *gob_type(const struct gob *g, int32_t id);

/*
 * Can a value of this type be skipped: is all that it refers to defined, and
 * has every struct field a name? The original asks this of unknown fields
 * before it reads the value. Returns 0, or -1.
 */
int gob_check(struct gob *g, int32_t id);

/*
 * Step through a struct of n fields: *field starts at -1 and becomes the
 * number of the next one that was sent. Returns 1, 0 at the end, or -1. The
 * caller reads or skips the field's value before the next call.
 */
int gob_next(struct gob *g, unsigned n, int *field);

/* Read a string, bytes or a marshaler's payload. Returns 0, or -1. */
int gob_bytes(struct gob *g, struct gob_bytes *out);

/* Skip one value of a type that gob_check has passed. Returns 0, or -1. */
int gob_skip(struct gob *g, int32_t id);

#endif
