/*
 * The layers around memberlist's messages behind the encryption, in the
 * gossip process (protocol.md section 2):
 *
 *   packet   crc( compress( compound( messages ) ) ), each layer optional
 *   stream   compress( message ), optional
 *
 * Input is hostile, as in wire.c. A packet is checked as a whole before the
 * first of its messages is handed on, so that a refused one had no effect.
 * Layers in any other order are refused, which bounds the work: one inflation
 * at most, into a buffer of fixed size for packets, into one that grows with
 * what really came out, up to the caller's cap, for streams.
 */
#include <endian.h>

#include <stdlib.h>
#include <string.h>

#include "crc.h"
#include "wire.h"

#define INFLATE_FIRST 16384 /* a stream's first buffer */

const char *
wire_error_str(int err)
{
	switch (err) {
	case WIRE_OK:
		return "no error";
	case WIRE_E_EMPTY:
		return "empty";
	case WIRE_E_CRC:
		return "wrong checksum";
	case WIRE_E_INFLATE:
		return "cannot be inflated";
	case WIRE_E_NESTING:
		return "layers in a wrong order";
	case WIRE_E_COMPOUND:
		return "malformed compound";
	case WIRE_E_TYPE:
		return "unknown message type";
	default:
		return "unknown error";
	}
}

/* A type byte that is no message but a layer. */
static bool
is_layer(uint8_t type)
{
	switch (type) {
	case WIRE_COMPOUND:
	case WIRE_COMPRESS:
	case WIRE_ENCRYPT:
	case WIRE_CRC:
	case WIRE_LABEL:
		return true;
	default:
		return false;
	}
}

static int
packet_type(uint8_t type)
{
	switch (type) {
	case WIRE_PING:
	case WIRE_INDIRECT_PING:
	case WIRE_ACK:
	case WIRE_SUSPECT:
	case WIRE_ALIVE:
	case WIRE_DEAD:
	case WIRE_USER:
	case WIRE_NACK:
		return WIRE_OK;
	default:
		return is_layer(type) ? WIRE_E_NESTING : WIRE_E_TYPE;
	}
}

static int
stream_type(uint8_t type)
{
	switch (type) {
	case WIRE_PING:
	case WIRE_ACK:
	case WIRE_PUSHPULL:
	case WIRE_USER:
	case WIRE_ERR:
		return WIRE_OK;
	default:
		return is_layer(type) ? WIRE_E_NESTING : WIRE_E_TYPE;
	}
}

/* [12][crc][rest]: leave the rest in *s. */
static int
strip_crc(struct slice *s)
{
	uint32_t want;

	if (s->len < 1 + sizeof(want))
		return WIRE_E_CRC;
	memcpy(&want, s->p + 1, sizeof(want));
	s->p += 1 + sizeof(want);
	s->len -= 1 + sizeof(want);
	if (crc32_ieee(s->p, s->len) != be32toh(want))
		return WIRE_E_CRC;
	return s->len == 0 ? WIRE_E_EMPTY : WIRE_OK;
}

/* [9]{Algo, Buf}: inflate into ws->buf, and let *s be that. */
static int
inflate_packet(struct wire_scratch *ws, struct slice *s)
{
	struct slice lzw;
	ssize_t n;

	if (wire_get_compress(s->p + 1, s->len - 1, &lzw) == -1)
		return WIRE_E_INFLATE;
	n = lzw_decode(&ws->lzw, lzw.p, lzw.len, ws->buf, sizeof(ws->buf));
	if (n <= 0)
		return WIRE_E_INFLATE;
	s->p = ws->buf;
	s->len = (size_t)n;
	return WIRE_OK;
}

/*
 * The parts of [7][count][lengths][parts]. With fn NULL they are checked and
 * not handed on.
 */
static int
walk_compound(const struct slice *s, wire_message_fn *fn, void *arg)
{
	size_t count, i, n, known = 0;
	const uint8_t *lens = s->p + 2, *part;
	int error;

	if (s->len < 2 || (count = s->p[1]) == 0 || s->len - 2 < 2 * count)
		return WIRE_E_COMPOUND;
	part = lens + 2 * count;
	for (i = 0; i < count; i++, lens += 2, part += n) {
		n = (size_t)lens[0] << 8 | lens[1];
		if (n == 0 || n > (size_t)(s->p + s->len - part))
			return WIRE_E_COMPOUND;
		if ((error = packet_type(part[0])) == WIRE_E_NESTING)
			return error;
		if (error != WIRE_OK)
			continue;
		known++;
		if (fn != NULL)
			fn(arg, part[0], part + 1, n - 1);
	}
	return known > 0 ? WIRE_OK : WIRE_E_TYPE;
}

int
wire_packet(struct wire_scratch *ws, const void *plain, size_t len,
    wire_message_fn *fn, void *arg)
{
	struct slice s = {plain, len};
	int error;

	if (s.len == 0)
		return WIRE_E_EMPTY;
	if (s.p[0] == WIRE_CRC && (error = strip_crc(&s)) != WIRE_OK)
		return error;
	if (s.p[0] == WIRE_COMPRESS &&
	    (error = inflate_packet(ws, &s)) != WIRE_OK)
		return error;
	if (s.p[0] == WIRE_COMPOUND) {
		if ((error = walk_compound(&s, NULL, NULL)) != WIRE_OK)
			return error;
		return walk_compound(&s, fn, arg);
	}
	if ((error = packet_type(s.p[0])) == WIRE_OK)
		fn(arg, s.p[0], s.p + 1, s.len - 1);
	return error;
}

void
wire_compound_init(struct wire_compound *c, void *buf, size_t cap)
{
	c->buf = buf;
	c->cap = cap;
	c->len = 0;
	c->n = 0;
}

size_t
wire_compound_room(const struct wire_compound *c)
{
	size_t used = c->len, room;

	if (c->n == WIRE_COMPOUND_MAX)
		return 0;
	/* The first message may stay alone and needs no header then. */
	if (c->n > 0)
		used += 2 + 2 * (c->n + 1);
	room = used < c->cap ? c->cap - used : 0;
	return room < UINT16_MAX ? room : UINT16_MAX;
}

int
wire_compound_add(struct wire_compound *c, const void *msg, size_t len)
{
	if (len == 0 || len > wire_compound_room(c))
		return -1;
	memcpy(c->buf + c->len, msg, len);
	c->len += len;
	c->lens[c->n++] = (uint16_t)len;
	return 0;
}

size_t
wire_compound_finish(struct wire_compound *c, uint8_t **out)
{
	size_t header = 2 + 2 * c->n;
	unsigned i;

	*out = c->buf;
	if (c->n < 2)
		return c->len;
	memmove(c->buf + header, c->buf, c->len);
	c->buf[0] = WIRE_COMPOUND;
	c->buf[1] = (uint8_t)c->n;
	for (i = 0; i < c->n; i++) {
		c->buf[2 + 2 * i] = (uint8_t)(c->lens[i] >> 8);
		c->buf[3 + 2 * i] = (uint8_t)c->lens[i];
	}
	return header + c->len;
}

/* A larger buffer, never above cap. 0, or -1. */
static int
grow(uint8_t **buf, size_t *room, size_t cap)
{
	size_t want = *room == 0 ? INFLATE_FIRST : *room * 2;
	uint8_t *p;

	if (want > cap)
		want = cap;
	if (want == *room || (p = realloc(*buf, want)) == NULL)
		return -1;
	*buf = p;
	*room = want;
	return 0;
}

/* Inflate into a malloc'ed buffer. 0, or -1. */
static int
inflate_stream(
    const struct slice *lzw, size_t cap, uint8_t **out, size_t *outlen)
{
	struct lzw_decoder d;
	size_t inpos = 0, pos = 0, room = 0;
	enum lzw_status st = LZW_MORE;
	uint8_t *buf = NULL, *p;

	lzw_decode_init(&d);
	while (st == LZW_MORE && pos == room) {
		if (grow(&buf, &room, cap) == -1)
			break;
		st = lzw_decode_some(
		    &d, lzw->p, lzw->len, &inpos, buf, room, &pos);
	}
	if (st != LZW_END || pos == 0) {
		free(buf);
		return -1;
	}
	if ((p = realloc(buf, pos)) != NULL)
		buf = p;
	*out = buf;
	*outlen = pos;
	return 0;
}

int
wire_stream_unwrap(const void *plain, size_t len, size_t cap, uint8_t *type,
    const uint8_t **body, size_t *bodylen, uint8_t **owned)
{
	const uint8_t *p = plain;
	struct slice lzw;
	int error;

	*owned = NULL;
	if (len == 0)
		return WIRE_E_EMPTY;
	if (p[0] == WIRE_COMPRESS) {
		if (wire_get_compress(p + 1, len - 1, &lzw) == -1 ||
		    inflate_stream(&lzw, cap, owned, &len) == -1)
			return WIRE_E_INFLATE;
		p = *owned;
	}
	if ((error = stream_type(p[0])) != WIRE_OK) {
		free(*owned);
		*owned = NULL;
		return error;
	}
	*type = p[0];
	*body = p + 1;
	*bodylen = len - 1;
	return WIRE_OK;
}

ssize_t
wire_put_compress(
    struct lzw_encoder *e, void *b, size_t cap, const void *msg, size_t len)
{
	static const uint8_t head[] = {WIRE_COMPRESS, 0x82, 0xa4, 'A', 'l', 'g',
	    'o', 0, 0xa3, 'B', 'u', 'f'};
	struct mp_out out;
	uint8_t *text;
	size_t room, header;
	ssize_t n;

	if (len == 0 || cap <= sizeof(head) + 1)
		return -1;
	memcpy(b, head, sizeof(head));
	text = (uint8_t *)b + sizeof(head);
	room = cap - sizeof(head);
	/* How long its header is can be known only behind the text. */
	n = lzw_encode(e, msg, len, text + 1, room - 1);
	header = n < 32 ? 1 : n <= UINT16_MAX ? 3 : 5;
	if (n == -1 || header + (size_t)n > room)
		return -1;
	memmove(text + header, text + 1, (size_t)n);
	mp_out_init(&out, text, room);
	mp_put_raw(&out, text + header, (size_t)n);
	return out.err ? -1 : out.p - (uint8_t *)b;
}
