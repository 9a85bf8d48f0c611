/*
 * memberlist's messages, in the gossip process: what stands behind the type
 * byte (protocol.md sections 3 and 4).
 *
 * Input is hostile even though it was authenticated: any member can send or
 * relay it. A message is a msgpack map from field name to value; fields come
 * in any order, unknown ones are skipped, missing ones are zero, a known one
 * that comes twice is refused. What the values mean is judged by the core.
 *
 * Each message is described once, by a table of its fields in alphabetical
 * order, and both directions walk that table. Peers compare none of these
 * bytes, but writing exactly what they write lets tests compare with captured
 * messages.
 */
#include <string.h>

#include "wire.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

#define WIRE_NODES_MAX 1000000

enum kind {
	K_U8,
	K_U16,
	K_U32,
	K_BOOL,
	K_STR, /* a slice, written as raw even when empty */
	K_BYTES /* a slice, written as nil when its p is NULL */
};

struct field {
	const char *name;
	uint8_t namelen;
	uint8_t kind;
	bool optional; /* not written when zero or empty */
	uint16_t off; /* of its value in the message's struct */
};

#define F(name, kind, type, memb)                                         \
	{                                                                 \
		name, sizeof(name) - 1, kind, false, offsetof(type, memb) \
	}
#define OPT(name, kind, type, memb)                                      \
	{                                                                \
		name, sizeof(name) - 1, kind, true, offsetof(type, memb) \
	}

/* Messages that nobody else needs as a struct. */
struct wire_compress {
	uint8_t algo; /* 0: LZW, the only one there is */
	struct slice buf;
};
struct wire_nack {
	uint32_t seqno;
};
struct wire_err {
	struct slice text;
};

static const struct field ping_fields[] = {
    F("Node", K_STR, struct wire_ping, node),
    F("SeqNo", K_U32, struct wire_ping, seqno),
    OPT("SourceAddr", K_BYTES, struct wire_ping, src_addr),
    OPT("SourceNode", K_STR, struct wire_ping, src_node),
    OPT("SourcePort", K_U16, struct wire_ping, src_port),
};

static const struct field indirect_fields[] = {
    F("Nack", K_BOOL, struct wire_indirect, nack),
    F("Node", K_STR, struct wire_indirect, node),
    F("Port", K_U16, struct wire_indirect, port),
    F("SeqNo", K_U32, struct wire_indirect, seqno),
    OPT("SourceAddr", K_BYTES, struct wire_indirect, src_addr),
    OPT("SourceNode", K_STR, struct wire_indirect, src_node),
    OPT("SourcePort", K_U16, struct wire_indirect, src_port),
    F("Target", K_BYTES, struct wire_indirect, target),
};

static const struct field ack_fields[] = {
    F("Payload", K_BYTES, struct wire_ack, payload),
    F("SeqNo", K_U32, struct wire_ack, seqno),
};

static const struct field nack_fields[] = {
    F("SeqNo", K_U32, struct wire_nack, seqno),
};

static const struct field accuse_fields[] = {
    F("From", K_STR, struct wire_accuse, from),
    F("Incarnation", K_U32, struct wire_accuse, incarnation),
    F("Node", K_STR, struct wire_accuse, node),
};

static const struct field alive_fields[] = {
    F("Addr", K_BYTES, struct wire_alive, addr),
    F("Incarnation", K_U32, struct wire_alive, incarnation),
    F("Meta", K_BYTES, struct wire_alive, meta),
    F("Node", K_STR, struct wire_alive, node),
    F("Port", K_U16, struct wire_alive, port),
    F("Vsn", K_BYTES, struct wire_alive, vsn),
};

static const struct field err_fields[] = {
    F("Error", K_STR, struct wire_err, text),
};

static const struct field compress_fields[] = {
    F("Algo", K_U8, struct wire_compress, algo),
    F("Buf", K_BYTES, struct wire_compress, buf),
};

static const struct field pushpull_fields[] = {
    F("Join", K_BOOL, struct wire_pushpull, join),
    F("Nodes", K_U32, struct wire_pushpull, nodes),
    F("UserStateLen", K_U32, struct wire_pushpull, user_len),
};

static const struct field node_fields[] = {
    F("Addr", K_BYTES, struct wire_node, addr),
    F("Incarnation", K_U32, struct wire_node, incarnation),
    F("Meta", K_BYTES, struct wire_node, meta),
    F("Name", K_STR, struct wire_node, name),
    F("Port", K_U16, struct wire_node, port),
    F("State", K_U8, struct wire_node, state),
    F("Vsn", K_BYTES, struct wire_node, vsn),
};

static int
get_number(struct mp_in *in, unsigned kind, void *dst)
{
	uint64_t v, max = UINT32_MAX;
	uint16_t v16;
	uint32_t v32;

	if (kind == K_U8)
		max = UINT8_MAX;
	else if (kind == K_U16)
		max = UINT16_MAX;
	if (mp_uint(in, max, &v) == -1)
		return -1;
	if (kind == K_U8)
		*(uint8_t *)dst = (uint8_t)v;
	else if (kind == K_U16) {
		v16 = (uint16_t)v;
		memcpy(dst, &v16, sizeof(v16));
	} else {
		v32 = (uint32_t)v;
		memcpy(dst, &v32, sizeof(v32));
	}
	return 0;
}

static int
get_value(struct mp_in *in, const struct field *f, void *msg)
{
	void *dst = (uint8_t *)msg + f->off;
	struct slice s;
	bool b;

	switch (f->kind) {
	case K_BOOL:
		if (mp_bool(in, &b) == -1)
			return -1;
		memcpy(dst, &b, sizeof(b));
		return 0;
	case K_STR:
	case K_BYTES:
		if (mp_bytes(in, &s) == -1)
			return -1;
		memcpy(dst, &s, sizeof(s));
		return 0;
	default:
		return get_number(in, f->kind, dst);
	}
}

/* The field called key, looked for from `from` on, where it usually is. */
static size_t
find_field(
    const struct field *fields, size_t n, size_t from, const struct slice *key)
{
	size_t i, at;

	for (i = 0; i < n; i++) {
		at = from + i < n ? from + i : from + i - n;
		if (fields[at].namelen == key->len &&
		    memcmp(fields[at].name, key->p, key->len) == 0)
			return at;
	}
	return n;
}

/* A map into the struct at msg (size bytes, zeroed first). 0, or -1. */
static int
get_map(struct mp_in *in, const struct field *fields, size_t n, void *msg,
    size_t size)
{
	long pairs = mp_map(in);
	struct slice key;
	unsigned seen = 0;
	size_t at, next = 0;

	memset(msg, 0, size);
	for (; pairs > 0; pairs--) {
		if (mp_bytes(in, &key) == -1)
			return -1;
		if ((at = find_field(fields, n, next, &key)) == n) {
			if (mp_skip(in) == -1)
				return -1;
			continue;
		}
		if (seen & 1u << at) {
			in->err = true;
			return -1;
		}
		seen |= 1u << at;
		next = at + 1;
		if (get_value(in, &fields[at], msg) == -1)
			return -1;
	}
	return pairs == -1 ? -1 : 0;
}

/* A whole message of one map. */
static int
get_message(const void *b, size_t len, const struct field *fields, size_t n,
    void *msg, size_t size)
{
	struct mp_in in;

	mp_in_init(&in, b, len);
	return get_map(&in, fields, n, msg, size);
}

#define GET(b, len, fields, out) \
	get_message(b, len, fields, NELEM(fields), out, sizeof(*(out)))

int
wire_get_ping(const void *b, size_t len, struct wire_ping *out)
{
	return GET(b, len, ping_fields, out);
}

int
wire_get_indirect(const void *b, size_t len, struct wire_indirect *out)
{
	return GET(b, len, indirect_fields, out);
}

int
wire_get_ack(const void *b, size_t len, struct wire_ack *out)
{
	return GET(b, len, ack_fields, out);
}

int
wire_get_nack(const void *b, size_t len, uint32_t *seqno)
{
	struct wire_nack m;

	if (GET(b, len, nack_fields, &m) == -1)
		return -1;
	*seqno = m.seqno;
	return 0;
}

int
wire_get_accuse(const void *b, size_t len, struct wire_accuse *out)
{
	return GET(b, len, accuse_fields, out);
}

int
wire_get_alive(const void *b, size_t len, struct wire_alive *out)
{
	return GET(b, len, alive_fields, out);
}

int
wire_get_err(const void *b, size_t len, struct slice *text)
{
	struct wire_err m;

	if (GET(b, len, err_fields, &m) == -1)
		return -1;
	*text = m.text;
	return 0;
}

int
wire_get_compress(const void *b, size_t len, struct slice *lzw)
{
	struct wire_compress m;

	if (GET(b, len, compress_fields, &m) == -1 || m.algo != 0)
		return -1;
	*lzw = m.buf;
	return 0;
}

int
wire_get_pushpull(struct mp_in *in, struct wire_pushpull *out)
{
	size_t left;

	if (get_map(in, pushpull_fields, NELEM(pushpull_fields), out,
		sizeof(*out)) == -1)
		return -1;
	/* An entry has one byte at least. */
	left = (size_t)(in->end - in->p);
	if (out->nodes > WIRE_NODES_MAX || out->user_len > left ||
	    out->nodes > left - out->user_len) {
		in->err = true;
		return -1;
	}
	return 0;
}

int
wire_get_node_any(struct mp_in *in, struct wire_node *out)
{
	return get_map(in, node_fields, NELEM(node_fields), out, sizeof(*out));
}

/* The value of a numeric or bool field. */
static uint32_t
number_at(const struct field *f, const void *src)
{
	uint16_t v16;
	uint32_t v32;
	bool b;

	switch (f->kind) {
	case K_U8:
		return *(const uint8_t *)src;
	case K_U16:
		memcpy(&v16, src, sizeof(v16));
		return v16;
	case K_BOOL:
		memcpy(&b, src, sizeof(b));
		return b;
	default:
		memcpy(&v32, src, sizeof(v32));
		return v32;
	}
}

static bool
is_slice(const struct field *f)
{
	return f->kind == K_STR || f->kind == K_BYTES;
}

/* Is the field left out of what we write? */
static bool
is_omitted(const struct field *f, const void *msg)
{
	const void *src = (const uint8_t *)msg + f->off;
	struct slice s;

	if (!f->optional)
		return false;
	if (!is_slice(f))
		return number_at(f, src) == 0;
	memcpy(&s, src, sizeof(s));
	return s.len == 0;
}

static void
put_field(struct mp_out *out, const struct field *f, const void *msg)
{
	const void *src = (const uint8_t *)msg + f->off;
	struct slice s;

	mp_put_raw(out, f->name, f->namelen);
	if (is_slice(f)) {
		memcpy(&s, src, sizeof(s));
		if (f->kind == K_BYTES)
			mp_put_bytes(out, s.p, s.len);
		else
			mp_put_raw(out, s.p, s.len);
	} else if (f->kind == K_BOOL)
		mp_put_bool(out, number_at(f, src) != 0);
	else
		mp_put_uint(out, number_at(f, src));
}

static void
put_map(
    struct mp_out *out, const struct field *fields, size_t n, const void *msg)
{
	unsigned present = 0;
	size_t i;

	for (i = 0; i < n; i++)
		present += !is_omitted(&fields[i], msg);
	mp_put_map(out, present);
	for (i = 0; i < n; i++) {
		if (!is_omitted(&fields[i], msg))
			put_field(out, &fields[i], msg);
	}
}

/* Type byte (unless it is -1) and map. */
static ssize_t
put_message(void *b, size_t cap, int type, const struct field *fields, size_t n,
    const void *msg)
{
	struct mp_out out;

	mp_out_init(&out, b, cap);
	if (type != -1) {
		if (cap == 0)
			return -1;
		*out.p++ = (uint8_t)type;
	}
	put_map(&out, fields, n, msg);
	return out.err ? -1 : out.p - (uint8_t *)b;
}

#define PUT(b, cap, type, fields, m) \
	put_message(b, cap, type, fields, NELEM(fields), m)

ssize_t
wire_put_ping(void *b, size_t cap, const struct wire_ping *m)
{
	return PUT(b, cap, WIRE_PING, ping_fields, m);
}

ssize_t
wire_put_indirect(void *b, size_t cap, const struct wire_indirect *m)
{
	return PUT(b, cap, WIRE_INDIRECT_PING, indirect_fields, m);
}

ssize_t
wire_put_ack(void *b, size_t cap, const struct wire_ack *m)
{
	return PUT(b, cap, WIRE_ACK, ack_fields, m);
}

ssize_t
wire_put_nack(void *b, size_t cap, uint32_t seqno)
{
	struct wire_nack m = {seqno};

	return PUT(b, cap, WIRE_NACK, nack_fields, &m);
}

ssize_t
wire_put_accuse(
    void *b, size_t cap, enum wire_type type, const struct wire_accuse *m)
{
	return PUT(b, cap, (int)type, accuse_fields, m);
}

ssize_t
wire_put_alive(void *b, size_t cap, const struct wire_alive *m)
{
	return PUT(b, cap, WIRE_ALIVE, alive_fields, m);
}

ssize_t
wire_put_err(void *b, size_t cap, const char *text)
{
	struct wire_err m = {{(const uint8_t *)text, strlen(text)}};

	return PUT(b, cap, WIRE_ERR, err_fields, &m);
}

ssize_t
wire_put_pushpull(void *b, size_t cap, const struct wire_pushpull *m)
{
	return PUT(b, cap, WIRE_PUSHPULL, pushpull_fields, m);
}

ssize_t
wire_put_node_any(void *b, size_t cap, const struct wire_node *m)
{
	return PUT(b, cap, -1, node_fields, m);
}
