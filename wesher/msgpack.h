#ifndef WESHER_MSGPACK_H
#define WESHER_MSGPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The subset of msgpack that memberlist's messages use (protocol.md section
 * 3): maps with string keys, unsigned integers, bool, nil, raw/bin/str, and
 * arrays and nested values only so that unknown ones can be skipped.
 */

/* A cursor over input. err is sticky: after a failure all reads fail. */
struct mp_in {
	const uint8_t *p, *end;
	bool err;
};

/* A cursor over output. err is sticky: set when cap was too small. */
struct mp_out {
	uint8_t *p, *end;
	bool err;
};

struct slice {
	const uint8_t *p;
	size_t len;
};

/* Reads take bytes buf[0..len), which must stay where they are. */
void mp_in_init(struct mp_in *in, const void *buf, size_t len);
/* Map header. Returns the number of pairs, or -1. */
long mp_map(struct mp_in *in);
/*
 * String or byte string (raw, str8, bin). 0, or -1. nil is empty with p NULL,
 * an empty string has another p: mp_put_bytes writes both as they were.
 */
int mp_bytes(struct mp_in *in, struct slice *out);
/* Any integer form whose value fits 0..max; negative is refused. 0, or -1. */
int mp_uint(struct mp_in *in, uint64_t max, uint64_t *out);
/* 0, or -1. */
int mp_bool(struct mp_in *in, bool *out);
/* Skip one value of any kind, depth and count bounded by the input. 0, -1. */
int mp_skip(struct mp_in *in);

/* Writes go to buf[0..cap); out->p is where the next byte goes. */
void mp_out_init(struct mp_out *out, void *buf, size_t cap);
/* Map header; 2n values follow. */
void mp_put_map(struct mp_out *out, unsigned n);
/* Old raw family: fixraw, raw16, raw32. */
void mp_put_raw(struct mp_out *out, const void *p, size_t len);
/* The same of a terminated string. */
void mp_put_str(struct mp_out *out, const char *s);
/* nil when p is NULL, else raw. */
void mp_put_bytes(struct mp_out *out, const void *p, size_t len);
/* The shortest form. */
void mp_put_uint(struct mp_out *out, uint64_t v);
void mp_put_bool(struct mp_out *out, bool v);

#endif
