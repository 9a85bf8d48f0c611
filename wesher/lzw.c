/*
 * LZW as memberlist's peers compress with it, in the gossip process
 * (protocol.md section 2): Go's compress/lzw, least significant bit first,
 * 8-bit literals. That is GIF's variant, not TIFF's: the width grows when the
 * next free code needs it, not one code earlier.
 *
 * The decoder's input is hostile. Every code is compared with the newest
 * entry of the table before it is followed; an entry only ever points to an
 * older one, so that a chain ends, and fits the stack. How much comes out is
 * the caller's cap alone: 4 KiB of input can stand for 8 MiB.
 *
 * The encoder writes what Go's would, bit by bit, so that its output can be
 * compared with captured bytes.
 */
#include <stdbool.h>
#include <string.h>

#include "lzw.h"

#define CLEAR	   256u
#define END	   257u
#define WIDTH_MIN  9u
#define WIDTH_MAX  12u
#define CODE_MAX   4095u
#define NONE	   UINT16_MAX
#define TABLE_BITS 14

/* Empty the table: at the start and at a clear code. */
static void
decode_clear(struct lzw_decoder *d)
{
	d->width = WIDTH_MIN;
	d->overflow = 1u << WIDTH_MIN;
	d->hi = END;
	d->last = NONE;
}

void
lzw_decode_init(struct lzw_decoder *d)
{
	decode_clear(d);
	d->bits = d->nbits = d->stacklen = 0;
	d->state = LZW_MORE;
}

/* The next code, or NONE when the input is used up. */
static unsigned
decode_code(
    struct lzw_decoder *d, const uint8_t *in, size_t inlen, size_t *inpos)
{
	unsigned code;

	while (d->nbits < d->width) {
		if (*inpos == inlen)
			return NONE;
		d->bits |= (uint32_t)in[(*inpos)++] << d->nbits;
		d->nbits += 8;
	}
	code = d->bits & ((1u << d->width) - 1);
	d->bits >>= d->width;
	d->nbits -= d->width;
	return code;
}

/*
 * Put what code stands for on the stack, last byte lowest, and add the entry
 * hi (the previous expansion and this one's first byte). A code that names hi
 * itself is the previous expansion followed by its own first byte.
 */
static void
decode_expand(struct lzw_decoder *d, unsigned code)
{
	bool itself = code == d->hi && d->last != NONE;
	unsigned c = itself ? d->last : code, n = itself ? 1 : 0;

	for (; c >= CLEAR; c = d->prefix[c])
		d->stack[n++] = d->suffix[c];
	d->stack[n++] = (uint8_t)c;
	if (itself)
		d->stack[0] = (uint8_t)c;
	d->stacklen = n;
	if (d->last != NONE) {
		d->prefix[d->hi] = (uint16_t)d->last;
		d->suffix[d->hi] = (uint8_t)c;
	}
}

/* After a code: the next free entry, and a wider code when it needs one. */
static void
decode_advance(struct lzw_decoder *d, unsigned code)
{
	d->last = code;
	if (++d->hi < d->overflow)
		return;
	if (d->width == WIDTH_MAX) {
		/* Full: frozen until a clear code. */
		d->last = NONE;
		d->hi--;
		return;
	}
	d->width++;
	d->overflow <<= 1;
}

static void
decode_drain(struct lzw_decoder *d, uint8_t *out, size_t cap, size_t *outpos)
{
	while (d->stacklen > 0 && *outpos < cap)
		out[(*outpos)++] = d->stack[--d->stacklen];
}

enum lzw_status
lzw_decode_some(struct lzw_decoder *d, const uint8_t *in, size_t inlen,
    size_t *inpos, uint8_t *out, size_t cap, size_t *outpos)
{
	unsigned code;

	while (d->state == LZW_MORE) {
		decode_drain(d, out, cap, outpos);
		if (d->stacklen > 0)
			break;
		if ((code = decode_code(d, in, inlen, inpos)) == NONE)
			break;
		if (code == CLEAR)
			decode_clear(d);
		else if (code == END)
			d->state = LZW_END;
		else if (code > d->hi)
			d->state = LZW_CORRUPT;
		else {
			decode_expand(d, code);
			decode_advance(d, code);
		}
	}
	return (enum lzw_status)d->state;
}

ssize_t
lzw_decode(struct lzw_decoder *d, const uint8_t *in, size_t inlen, uint8_t *out,
    size_t cap)
{
	size_t inpos = 0, outpos = 0;

	lzw_decode_init(d);
	if (lzw_decode_some(d, in, inlen, &inpos, out, cap, &outpos) != LZW_END)
		return -1;
	return (ssize_t)outpos;
}

/* Where the encoder's codes go. */
struct bitout {
	uint8_t *p, *end;
	uint32_t bits;
	unsigned nbits, width;
	unsigned hi; /* the newest code */
	bool full;
};

static void
put_byte(struct bitout *o)
{
	if (o->p == o->end)
		o->full = true;
	else
		*o->p++ = (uint8_t)o->bits;
	o->bits >>= 8;
}

static void
put_code(struct bitout *o, unsigned code)
{
	o->bits |= code << o->nbits;
	for (o->nbits += o->width; o->nbits >= 8; o->nbits -= 8)
		put_byte(o);
}

/*
 * Count the code that the decoder adds now. False when the codes are used up:
 * then a clear code was written, and the table is to be emptied.
 */
static bool
next_code(struct bitout *o)
{
	o->hi++;
	if (o->hi == 1u << o->width)
		o->width++;
	if (o->hi < CODE_MAX)
		return true;
	put_code(o, CLEAR);
	o->width = WIDTH_MIN;
	o->hi = END;
	return false;
}

/*
 * The table's slot for key (a code and the byte behind it): either its entry
 * or the empty one where it belongs. At most a quarter is in use.
 */
static uint32_t *
find_slot(struct lzw_encoder *e, uint32_t key)
{
	uint32_t h = key * 2654435761u >> (32 - TABLE_BITS);

	while (e->table[h] != 0 && e->table[h] >> WIDTH_MAX != key)
		h = (h + 1) & ((1u << TABLE_BITS) - 1);
	return &e->table[h];
}

/* The codes of a text that is not empty. */
static void
encode_body(
    struct lzw_encoder *e, struct bitout *o, const uint8_t *in, size_t inlen)
{
	unsigned code = in[0];
	uint32_t key, *slot;
	size_t i;

	for (i = 1; i < inlen && !o->full; i++) {
		key = code << 8 | in[i];
		slot = find_slot(e, key);
		if (*slot != 0) {
			code = *slot & CODE_MAX;
			continue;
		}
		put_code(o, code);
		code = in[i];
		if (next_code(o))
			*slot = key << WIDTH_MAX | o->hi;
		else
			memset(e->table, 0, sizeof(e->table));
	}
	put_code(o, code);
	next_code(o);
}

ssize_t
lzw_encode(struct lzw_encoder *e, const uint8_t *in, size_t inlen, uint8_t *out,
    size_t cap)
{
	struct bitout o = {.p = out,
	    .end = cap == 0 ? out : out + cap,
	    .width = WIDTH_MIN,
	    .hi = END};

	memset(e->table, 0, sizeof(e->table));
	put_code(&o, CLEAR);
	if (inlen != 0)
		encode_body(e, &o, in, inlen);
	put_code(&o, END);
	if (o.nbits > 0)
		put_byte(&o);
	return o.full ? -1 : (ssize_t)(o.p - out);
}
