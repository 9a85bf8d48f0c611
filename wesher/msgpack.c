/*
 * The msgpack subset of memberlist's messages, in the gossip process
 * (protocol.md section 3).
 *
 * Input is hostile: it comes from anybody who holds the cluster key, and from
 * peers' peers. A count or length is compared with what is left of the input
 * before it is used, nothing is allocated, nothing recurses. Strings come
 * out as slices of the input, unjudged.
 *
 * Peers write the dialect from before msgpack had byte strings: one family
 * called raw (a0-bf, da, db) for text and bytes alike. Newer forms are read,
 * never written.
 */
#include <string.h>

#include "msgpack.h"

enum {
	MP_MAP_FIX = 0x80,
	MP_ARRAY_FIX = 0x90,
	MP_RAW_FIX = 0xa0,
	MP_NIL = 0xc0,
	MP_FALSE = 0xc2,
	MP_TRUE = 0xc3,
	MP_BIN8 = 0xc4,
	MP_BIN16 = 0xc5,
	MP_BIN32 = 0xc6,
	MP_EXT8 = 0xc7,
	MP_EXT32 = 0xc9,
	MP_FLOAT32 = 0xca,
	MP_FLOAT64 = 0xcb,
	MP_UINT8 = 0xcc,
	MP_UINT16 = 0xcd,
	MP_UINT32 = 0xce,
	MP_UINT64 = 0xcf,
	MP_INT8 = 0xd0,
	MP_INT64 = 0xd3,
	MP_FIXEXT1 = 0xd4,
	MP_FIXEXT16 = 0xd8,
	MP_STR8 = 0xd9,
	MP_RAW16 = 0xda,
	MP_RAW32 = 0xdb,
	MP_ARRAY16 = 0xdc,
	MP_ARRAY32 = 0xdd,
	MP_MAP16 = 0xde,
	MP_MAP32 = 0xdf,
	MP_NEG_FIX = 0xe0
};

void
mp_in_init(struct mp_in *in, const void *buf, size_t len)
{
	in->p = buf;
	in->end = len == 0 ? in->p : in->p + len;
	in->err = false;
}

static int
in_fail(struct mp_in *in)
{
	in->err = true;
	return -1;
}

static size_t
in_left(const struct mp_in *in)
{
	return in->err ? 0 : (size_t)(in->end - in->p);
}

/* Step over n bytes; NULL when there are fewer. */
static const uint8_t *
in_take(struct mp_in *in, uint64_t n)
{
	const uint8_t *p = in->p;

	if (in->err || n > in_left(in)) {
		in->err = true;
		return NULL;
	}
	in->p += n;
	return p;
}

/* A big-endian number of n bytes. */
static int
in_number(struct mp_in *in, unsigned n, uint64_t *out)
{
	const uint8_t *p = in_take(in, n);

	if (p == NULL)
		return -1;
	for (*out = 0; n > 0; n--)
		*out = *out << 8 | *p++;
	return 0;
}

long
mp_map(struct mp_in *in)
{
	const uint8_t *tag = in_take(in, 1);
	uint64_t n;

	if (tag == NULL)
		return -1;
	if ((*tag & 0xf0) == MP_MAP_FIX)
		n = *tag & 0x0f;
	else if (*tag == MP_MAP16 || *tag == MP_MAP32) {
		if (in_number(in, *tag == MP_MAP16 ? 2 : 4, &n) == -1)
			return -1;
	} else
		return in_fail(in);
	/* A pair has two bytes at least. */
	if (n > in_left(in) / 2)
		return in_fail(in);
	return (long)n;
}

/*
 * The length of a byte string whose tag was read; *n is the bytes that follow
 * its header. Returns 0, 1 when the tag is of another family, or -1.
 */
static int
in_bytes_len(struct mp_in *in, uint8_t tag, uint64_t *n)
{
	if ((tag & 0xe0) == MP_RAW_FIX) {
		*n = tag & 0x1f;
		return 0;
	}
	switch (tag) {
	case MP_STR8:
	case MP_BIN8:
		return in_number(in, 1, n);
	case MP_RAW16:
	case MP_BIN16:
		return in_number(in, 2, n);
	case MP_RAW32:
	case MP_BIN32:
		return in_number(in, 4, n);
	default:
		return 1;
	}
}

int
mp_bytes(struct mp_in *in, struct slice *out)
{
	const uint8_t *tag = in_take(in, 1), *p;
	uint64_t n;

	if (tag == NULL)
		return -1;
	if (*tag == MP_NIL) {
		out->p = NULL;
		out->len = 0;
		return 0;
	}
	if (in_bytes_len(in, *tag, &n) != 0)
		return in_fail(in);
	if ((p = in_take(in, n)) == NULL)
		return -1;
	out->p = p;
	out->len = (size_t)n;
	return 0;
}

int
mp_uint(struct mp_in *in, uint64_t max, uint64_t *out)
{
	const uint8_t *tag = in_take(in, 1);
	unsigned width;
	uint64_t v;

	if (tag == NULL)
		return -1;
	if (*tag < MP_MAP_FIX)
		v = *tag;
	else if (*tag >= MP_UINT8 && *tag <= MP_INT64) {
		/* cc to cf are 1, 2, 4, 8 bytes, d0 to d3 the signed ones. */
		width = 1u << (*tag & 3);
		if (in_number(in, width, &v) == -1)
			return -1;
		if (*tag >= MP_INT8 && v >> (width * 8 - 1) != 0)
			return in_fail(in);
	} else
		return in_fail(in);
	if (v > max)
		return in_fail(in);
	*out = v;
	return 0;
}

int
mp_bool(struct mp_in *in, bool *out)
{
	const uint8_t *tag = in_take(in, 1);

	if (tag == NULL)
		return -1;
	if (*tag != MP_FALSE && *tag != MP_TRUE)
		return in_fail(in);
	*out = *tag == MP_TRUE;
	return 0;
}

/* What follows a tag without children: a number, a float, an extension. */
static int
skip_scalar(struct mp_in *in, uint8_t tag)
{
	uint64_t n = 0;
	int other;

	if (tag < MP_MAP_FIX || tag >= MP_NEG_FIX || tag == MP_NIL ||
	    tag == MP_FALSE || tag == MP_TRUE)
		return 0;
	if ((other = in_bytes_len(in, tag, &n)) == -1)
		return -1;
	if (other == 0)
		return in_take(in, n) == NULL ? -1 : 0;
	if (tag >= MP_UINT8 && tag <= MP_INT64)
		n = 1u << (tag & 3);
	else if (tag == MP_FLOAT32 || tag == MP_FLOAT64)
		n = tag == MP_FLOAT32 ? 4 : 8;
	else if (tag >= MP_FIXEXT1 && tag <= MP_FIXEXT16)
		n = 1 + (1u << (tag - MP_FIXEXT1));
	else if (tag >= MP_EXT8 && tag <= MP_EXT32) {
		if (in_number(in, 1u << (tag - MP_EXT8), &n) == -1)
			return -1;
		n++;
	} else
		return in_fail(in);
	return in_take(in, n) == NULL ? -1 : 0;
}

/* How many values a container's tag announces; 0 for any other tag. */
static int
skip_children(struct mp_in *in, uint8_t tag, bool *container, uint64_t *n)
{
	bool map = (tag & 0xf0) == MP_MAP_FIX || tag == MP_MAP16 ||
		   tag == MP_MAP32;

	*container = map || (tag & 0xf0) == MP_ARRAY_FIX || tag == MP_ARRAY16 ||
		     tag == MP_ARRAY32;
	*n = 0;
	if (!*container)
		return 0;
	if (tag < MP_RAW_FIX)
		*n = tag & 0x0f;
	else if (in_number(
		     in, tag == MP_MAP16 || tag == MP_ARRAY16 ? 2 : 4, n) == -1)
		return -1;
	if (map)
		*n *= 2;
	return 0;
}

int
mp_skip(struct mp_in *in)
{
	const uint8_t *tag;
	uint64_t todo = 1, n;
	bool container;

	/* Values still to come, over all levels: no stack is needed. */
	while (todo > 0) {
		if ((tag = in_take(in, 1)) == NULL ||
		    skip_children(in, *tag, &container, &n) == -1)
			return -1;
		if (!container && skip_scalar(in, *tag) == -1)
			return -1;
		todo += n - 1;
		if (todo > in_left(in))
			return in_fail(in);
	}
	return 0;
}

void
mp_out_init(struct mp_out *out, void *buf, size_t cap)
{
	out->p = buf;
	out->end = cap == 0 ? out->p : out->p + cap;
	out->err = false;
}

static void
out_bytes(struct mp_out *out, const void *p, size_t len)
{
	if (out->err || len > (size_t)(out->end - out->p)) {
		out->err = true;
		return;
	}
	if (len != 0)
		memmove(out->p, p, len);
	out->p += len;
}

/* A tag and the low `width` bytes of v, big-endian. */
static void
out_tag(struct mp_out *out, uint8_t tag, unsigned width, uint64_t v)
{
	uint8_t b[9] = {tag};
	unsigned i;

	for (i = width; i > 0; i--, v >>= 8)
		b[i] = (uint8_t)v;
	out_bytes(out, b, 1 + width);
}

void
mp_put_map(struct mp_out *out, unsigned n)
{
	if (n < 16)
		out_tag(out, (uint8_t)(MP_MAP_FIX | n), 0, 0);
	else if (n <= UINT16_MAX)
		out_tag(out, MP_MAP16, 2, n);
	else
		out_tag(out, MP_MAP32, 4, n);
}

void
mp_put_raw(struct mp_out *out, const void *p, size_t len)
{
	if (len < 32)
		out_tag(out, (uint8_t)(MP_RAW_FIX | len), 0, 0);
	else if (len <= UINT16_MAX)
		out_tag(out, MP_RAW16, 2, len);
	else if (len <= UINT32_MAX)
		out_tag(out, MP_RAW32, 4, len);
	else
		out->err = true;
	out_bytes(out, p, len);
}

void
mp_put_str(struct mp_out *out, const char *s)
{
	mp_put_raw(out, s, strlen(s));
}

void
mp_put_bytes(struct mp_out *out, const void *p, size_t len)
{
	if (p == NULL)
		out_tag(out, MP_NIL, 0, 0);
	else
		mp_put_raw(out, p, len);
}

void
mp_put_uint(struct mp_out *out, uint64_t v)
{
	if (v < MP_MAP_FIX)
		out_tag(out, (uint8_t)v, 0, 0);
	else if (v <= UINT8_MAX)
		out_tag(out, MP_UINT8, 1, v);
	else if (v <= UINT16_MAX)
		out_tag(out, MP_UINT16, 2, v);
	else if (v <= UINT32_MAX)
		out_tag(out, MP_UINT32, 4, v);
	else
		out_tag(out, MP_UINT64, 8, v);
}

void
mp_put_bool(struct mp_out *out, bool v)
{
	out_tag(out, v ? MP_TRUE : MP_FALSE, 0, 0);
}
