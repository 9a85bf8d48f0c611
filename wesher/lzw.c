/*
 * LZW as memberlist's peers compress with it, in the gossip process
 * (protocol.md section 2): Go's compress/lzw, least significant bit first,
 * 8-bit literals. That is GIF's variant, not TIFF's: the width grows when the
 * next free code needs it, not one code earlier.
 *
 * The decoder's input is hostile. Every code is compared with the newest
 * entry of the table before it is looked up. An entry's text is what the code
 * before it stood for and one byte more, so it stands in the output already:
 * the table holds where, and decoding is copying. How much comes out is the
 * caller's cap alone: 4 KiB of input can stand for 8 MiB.
 *
 * The encoder writes what Go's would, bit by bit, so that its output can be
 * compared with captured bytes.
 */
#include <endian.h>

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
#define PROBES	   32 /* of slots, for one entry */

/* Empty the table: at the start and at a clear code. */
static inline void
decode_clear(struct lzw_state *s)
{
	s->width = WIDTH_MIN;
	s->hi = END;
	s->lastlen = 0;
}

void
lzw_decode_init(struct lzw_decoder *d)
{
	unsigned i;

	memset(&d->s, 0, sizeof(d->s));
	decode_clear(&d->s);
	d->s.status = LZW_MORE;
	for (i = 0; i < CLEAR; i++) {
		d->literal[i] = (uint8_t)i;
		d->at[i] = i;
		d->len[i] = 1;
	}
}

/* Input in whole bytes, many at once where there are so many. */
static inline void
decode_refill(
    struct lzw_state *s, const uint8_t *in, size_t inlen, size_t *inpos)
{
	uint64_t word;

	if (inlen - *inpos >= sizeof(word)) {
		memcpy(&word, in + *inpos, sizeof(word));
		s->bits |= le64toh(word) << s->nbits;
		*inpos += (63 - s->nbits) / 8;
		s->nbits |= 56;
		return;
	}
	for (; s->nbits < s->width && *inpos < inlen; s->nbits += 8)
		s->bits |= (uint64_t)in[(*inpos)++] << s->nbits;
}

/* The next code, or NONE when the input is used up. */
static inline unsigned
decode_code(struct lzw_state *s, const uint8_t *in, size_t inlen, size_t *inpos)
{
	unsigned code;

	if (s->nbits < s->width) {
		decode_refill(s, in, inlen, inpos);
		if (s->nbits < s->width)
			return NONE;
	}
	code = (unsigned)s->bits & ((1u << s->width) - 1);
	s->bits >>= s->width;
	s->nbits -= s->width;
	return code;
}

/* Bytes that were taken and not needed. */
static void
decode_return(struct lzw_state *s, size_t *inpos)
{
	*inpos -= s->nbits / 8;
	s->nbits %= 8;
	s->bits &= (1u << s->nbits) - 1;
}

/* The text of a code, or the rest of it, as far as there is room. */
static void
decode_copy(const struct lzw_decoder *d, struct lzw_state *s, uint8_t *out,
    size_t cap, size_t *outpos)
{
	size_t room = cap - *outpos, n = room < s->left ? room : s->left, i;
	const uint8_t *from = s->code < CLEAR ? d->literal : out;
	uint8_t *to;

	if (n == 0)
		return;
	from += d->at[s->code] + s->done;
	to = out + *outpos;
	/* Byte by byte: the last one may be the first that is written. */
	for (i = 0; i < n; i++)
		to[i] = from[i];
	s->done += (unsigned)n;
	s->left -= (unsigned)n;
	*outpos += n;
}

/* The same of a short one that surely fits; what is behind it is scratch. */
static inline void
decode_wide(
    const struct lzw_decoder *d, unsigned code, const uint8_t *out, uint8_t *to)
{
	const uint8_t *from = (code < CLEAR ? d->literal : out) + d->at[code];
	uint8_t wide[LZW_WIDE];

	memcpy(wide, from, sizeof(wide));
	memcpy(to, wide, sizeof(wide));
}

/*
 * Take a code that the table has or gets now: the newest entry is the text of
 * the code before and the first byte of this one's. Returns its length.
 */
static inline size_t
decode_take(
    struct lzw_decoder *d, struct lzw_state *s, unsigned code, size_t outpos)
{
	if (s->lastlen != 0) {
		d->at[s->hi] = s->last;
		d->len[s->hi] = (uint16_t)(s->lastlen + 1);
	}
	s->lastlen = d->len[code];
	s->last = (uint32_t)outpos;
	if (++s->hi == 1u << s->width) {
		if (s->width < WIDTH_MAX) {
			s->width++;
		} else {
			/* Full: frozen until a clear code. */
			s->hi--;
			s->lastlen = 0;
		}
	}
	return d->len[code];
}

enum lzw_status
lzw_decode_some(struct lzw_decoder *d, const uint8_t *in, size_t inlen,
    size_t *inpos, uint8_t *out, size_t cap, size_t *outpos)
{
	struct lzw_state s = d->s;
	size_t ip = *inpos, op = *outpos, len;
	unsigned code = NONE, newest;

	if (cap > UINT32_MAX)
		cap = UINT32_MAX;
	decode_copy(d, &s, out, cap, &op);
	while (s.left == 0 && s.status == LZW_MORE &&
	       (code = decode_code(&s, in, inlen, &ip)) != NONE) {
		newest = s.lastlen != 0 ? s.hi : NONE;
		if (code == CLEAR) {
			decode_clear(&s);
		} else if (code == END) {
			s.status = LZW_END;
		} else if (code > s.hi) {
			s.status = LZW_CORRUPT;
		} else if ((len = decode_take(d, &s, code, op)) <= LZW_WIDE &&
			   cap - op >= LZW_WIDE) {
			decode_wide(d, code, out, out + op);
			/* Its last byte is its first, written just now. */
			if (code == newest)
				out[op + len - 1] = out[op];
			op += len;
		} else {
			s.code = code;
			s.done = 0;
			s.left = (unsigned)len;
			decode_copy(d, &s, out, cap, &op);
		}
	}
	/* What does not make a code stays taken. */
	if (code != NONE)
		decode_return(&s, &ip);
	d->s = s;
	*inpos = ip;
	*outpos = op;
	return (enum lzw_status)s.status;
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
	uint64_t bits;
	unsigned nbits, width;
	unsigned hi; /* the newest code */
	bool full;
};

/* Whole bytes, all at once where there is room. */
static inline void
put_bytes(struct bitout *o)
{
	uint64_t word = htole64(o->bits);
	unsigned n = o->nbits / 8;

	if ((size_t)(o->end - o->p) >= sizeof(word))
		memcpy(o->p, &word, sizeof(word));
	else if ((size_t)(o->end - o->p) >= n)
		memcpy(o->p, &word, n);
	else {
		o->full = true;
		o->bits = o->nbits = n = 0;
	}
	o->p += n;
	o->bits >>= 8 * n;
	o->nbits -= 8 * n;
}

static inline void
put_code(struct bitout *o, unsigned code)
{
	o->bits |= (uint64_t)code << o->nbits;
	o->nbits += o->width;
	if (o->nbits > 64 - WIDTH_MAX - 8)
		put_bytes(o);
}

/*
 * Count the code that the decoder adds now. False when the codes are used up:
 * then a clear code was written, and the table is to be emptied.
 */
static inline bool
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
 * The table's slot for a code and the byte behind it: either its entry or the
 * empty one where it belongs, if that is found soon. At most a quarter is in
 * use; but who writes a text to compress can choose it so that all its entries
 * want the same slots. NULL then: it is as if the entry were not there, which
 * the decoder need not know.
 */
static inline uint32_t *
find_slot(struct lzw_encoder *e, unsigned code, uint8_t byte)
{
	uint32_t key = code << 8 | byte, h = code * 4 + byte * 0x9e5u;
	unsigned i;

	for (i = 0; i < PROBES; i++, h++) {
		uint32_t *slot = &e->table[h & ((1u << TABLE_BITS) - 1)];

		if (*slot == 0 || *slot >> WIDTH_MAX == key)
			return slot;
	}
	return NULL;
}

/* The codes of a text that is not empty. */
static void
encode_body(
    struct lzw_encoder *e, struct bitout *o, const uint8_t *in, size_t inlen)
{
	unsigned code = in[0];
	uint32_t *slot;
	size_t i;

	for (i = 1; i < inlen && !o->full; i++) {
		slot = find_slot(e, code, in[i]);
		if (slot != NULL && *slot != 0) {
			code = *slot & CODE_MAX;
			continue;
		}
		put_code(o, code);
		if (!next_code(o))
			memset(e->table, 0, sizeof(e->table));
		else if (slot != NULL)
			*slot = (code << 8 | in[i]) << WIDTH_MAX | o->hi;
		code = in[i];
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
	o.nbits += 7;
	put_bytes(&o);
	return o.full ? -1 : (ssize_t)(o.p - out);
}
