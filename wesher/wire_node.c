/*
 * The entries of a push/pull, in the gossip process: of all messages the one
 * that comes and goes by the ten thousand. Peers and we write an entry in one
 * form, all fields in alphabetical order, which is read and written here
 * without looking at tables. What stands in any other form, or might not fit,
 * is left to wire.c, so that nothing is refused here and nothing read that
 * wire.c would not read alike.
 *
 * Input is hostile: every length is compared with what is left of it.
 */
#include <string.h>

#include "wire.h"

#define NODE_MOST 80 /* of an entry without its strings */

/* The key as it is written; p moves behind it. */
static inline bool
take_key(const uint8_t **p, const uint8_t *end, const char *key, size_t len)
{
	if ((size_t)(end - *p) < len || memcmp(*p, key, len) != 0)
		return false;
	*p += len;
	return true;
}

static inline bool
take_slice(const uint8_t **p, const uint8_t *end, struct slice *out)
{
	const uint8_t *b = *p;
	size_t left = (size_t)(end - b), n;

	if (left >= 1 && (b[0] & 0xe0) == 0xa0) {
		n = b[0] & 0x1f;
		b += 1;
		left -= 1;
	} else if (left >= 3 && b[0] == 0xda) {
		n = (size_t)b[1] << 8 | b[2];
		b += 3;
		left -= 3;
	} else
		return false;
	if (n > left)
		return false;
	out->p = b;
	out->len = n;
	*p = b + n;
	return true;
}

/* Of up to `most` bytes. */
static inline bool
take_number(const uint8_t **p, const uint8_t *end, unsigned most, uint32_t *out)
{
	const uint8_t *b = *p;
	unsigned n;

	if (b == end)
		return false;
	if (*b < 0x80) {
		*out = *b;
		*p = b + 1;
		return true;
	}
	if (*b < 0xcc || *b > 0xce)
		return false;
	n = 1u << (*b++ - 0xcc);
	if (n > most || n > (size_t)(end - b))
		return false;
	for (*out = 0; n > 0; n--)
		*out = *out << 8 | *b++;
	*p = b;
	return true;
}

#define TAKE_KEY(p, end, key) take_key(p, end, key, sizeof(key) - 1)

/* An entry in just the form that peers write; in moves behind it. */
static bool
take_node(struct mp_in *in, struct wire_node *out)
{
	const uint8_t *p = in->p, *end = in->end;
	uint32_t port, state;

	if (in->err || !TAKE_KEY(&p, end, "\207\244Addr") ||
	    !take_slice(&p, end, &out->addr) ||
	    !TAKE_KEY(&p, end, "\253Incarnation") ||
	    !take_number(&p, end, 4, &out->incarnation) ||
	    !TAKE_KEY(&p, end, "\244Meta") ||
	    !take_slice(&p, end, &out->meta) ||
	    !TAKE_KEY(&p, end, "\244Name") ||
	    !take_slice(&p, end, &out->name) ||
	    !TAKE_KEY(&p, end, "\244Port") || !take_number(&p, end, 2, &port) ||
	    !TAKE_KEY(&p, end, "\245State") ||
	    !take_number(&p, end, 1, &state) || !TAKE_KEY(&p, end, "\243Vsn") ||
	    !take_slice(&p, end, &out->vsn))
		return false;
	out->port = (uint16_t)port;
	out->state = (uint8_t)state;
	in->p = p;
	return true;
}

int
wire_get_node(struct mp_in *in, struct wire_node *out)
{
	return take_node(in, out) ? 0 : wire_get_node_any(in, out);
}

static inline uint8_t *
give_bytes(uint8_t *p, const void *bytes, size_t len)
{
	memcpy(p, bytes, len);
	return p + len;
}

/* nil when absent is NULL. */
static inline uint8_t *
give_slice(uint8_t *p, const struct slice *s, const void *absent)
{
	if (absent == NULL) {
		*p++ = 0xc0;
		return p;
	}
	if (s->len < 32) {
		*p++ = (uint8_t)(0xa0 | s->len);
	} else {
		*p++ = 0xda;
		*p++ = (uint8_t)(s->len >> 8);
		*p++ = (uint8_t)s->len;
	}
	return s->len == 0 ? p : give_bytes(p, s->p, s->len);
}

static inline uint8_t *
give_number(uint8_t *p, uint32_t v)
{
	int shift = v > UINT16_MAX ? 24 : v > UINT8_MAX ? 8 : 0;

	if (v < 0x80) {
		*p++ = (uint8_t)v;
		return p;
	}
	*p++ = v > UINT16_MAX ? 0xce : v > UINT8_MAX ? 0xcd : 0xcc;
	for (; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(v >> shift);
	return p;
}

#define GIVE_KEY(p, key) give_bytes(p, key, sizeof(key) - 1)

/* An entry that surely fits. Returns its length. */
static size_t
give_node(uint8_t *b, const struct wire_node *m)
{
	uint8_t *p = GIVE_KEY(b, "\207\244Addr");

	p = give_slice(p, &m->addr, m->addr.p);
	p = give_number(GIVE_KEY(p, "\253Incarnation"), m->incarnation);
	p = give_slice(GIVE_KEY(p, "\244Meta"), &m->meta, m->meta.p);
	p = give_slice(GIVE_KEY(p, "\244Name"), &m->name, "");
	p = give_number(GIVE_KEY(p, "\244Port"), m->port);
	p = give_number(GIVE_KEY(p, "\245State"), m->state);
	p = give_slice(GIVE_KEY(p, "\243Vsn"), &m->vsn, m->vsn.p);
	return (size_t)(p - b);
}

ssize_t
wire_put_node(void *b, size_t cap, const struct wire_node *m)
{
	size_t text = m->addr.len + m->meta.len + m->name.len + m->vsn.len;

	if (text > UINT16_MAX || cap < NODE_MOST + text)
		return wire_put_node_any(b, cap, m);
	return (ssize_t)give_node(b, m);
}
