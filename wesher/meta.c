/*
 * Node metadata, read and written (protocol.md section 6). Runs in the gossip
 * process.
 *
 * What is decoded comes from a member, possibly through others: it is
 * authenticated as the mesh's, but any member may be hostile. One bad member
 * must cost that member alone, so the verdict is per buffer and nothing here
 * logs, allocates or ends. Whether the address is the one that the name
 * derives is for the caller to check; so is a key of zeros.
 *
 * The two dialects differ in OverlayAddr only: a marshaler's payload (v0.3)
 * or a struct of IP and Mask (v0.2). Each of the original's decoders refuses
 * the other's; ours reads both, field by field, and otherwise refuses what
 * they refuse: a known field of another type, or no known field at all. X is
 * ours, and a peer's decoder skips it.
 */
#include <string.h>

#include <sodium.h>

#include "gob.h"
#include "meta.h"

#define KEY_TEXT 44 /* base64 of 32 bytes */

#define X_VERSION 1
enum x_type { X_ATTEMPT = 1, X_WGPORT, X_STATIC, X_CAPS };

/* What a field of the announced struct is to us. */
enum field { F_OTHER, F_OVERLAY_V03, F_OVERLAY_V02, F_PUBKEY, F_X, F_BAD };

/* Of base64; 64 when it is none. */
static unsigned
digit(char c)
{
	/* From '+' to 'z'. */
	static const uint8_t value[] = {62, 64, 64, 64, 63, 52, 53, 54, 55, 56,
	    57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64, 64, 0, 1, 2, 3, 4, 5, 6,
	    7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
	    25, 64, 64, 64, 64, 64, 64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
	    36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51};
	unsigned i = (unsigned char)c - (unsigned)'+';

	return i < sizeof(value) ? value[i] : 64;
}

int
meta_key_parse(const char *s, size_t len, uint8_t key[32])
{
	char b[KEY_TEXT];
	uint32_t bits = 0;
	size_t i, n = 0;
	unsigned v, bad = 0, nbits = 0;

	for (i = 0; i < len; i++) {
		if (s[i] == '\r' || s[i] == '\n')
			continue;
		if (n == sizeof(b))
			return -1;
		b[n++] = s[i];
	}
	if (n != sizeof(b) || b[n - 1] != '=')
		return -1;
	/* Two bits are left over: Go ignores them. */
	for (i = 0; i < n - 1; i++) {
		v = digit(b[i]);
		bad |= v;
		bits = bits << 6 | (v & 63);
		if ((nbits += 6) >= 8)
			*key++ = (uint8_t)(bits >> (nbits -= 8));
	}
	return bad & 64 ? -1 : 0;
}

static bool
named(const struct gob_field *f, const char *name)
{
	return f->name.len == strlen(name) &&
	       memcmp(f->name.p, name, f->name.len) == 0;
}

/* The struct of the old dialect: both fields, when there, are bytes. */
static int
check_ipnet(struct gob *g, const struct gob_type *t)
{
	const struct gob_field *f;
	unsigned i;

	for (i = 0; i < t->nfields; i++) {
		f = &t->field[i];
		if ((named(f, "IP") || named(f, "Mask")) && f->id != GOB_BYTES)
			return -1;
	}
	return gob_check(g, t->id);
}

static enum field
classify_overlay(struct gob *g, int32_t id)
{
	const struct gob_type *t = gob_type(g, id);

	if (t != NULL && t->kind == GOB_K_BINARY)
		return F_OVERLAY_V03;
	if (t != NULL && t->kind == GOB_K_STRUCT && check_ipnet(g, t) == 0)
		return F_OVERLAY_V02;
	return F_BAD;
}

static enum field
classify(struct gob *g, const struct gob_field *f)
{
	if (named(f, "OverlayAddr"))
		return classify_overlay(g, f->id);
	if (named(f, "PubKey"))
		return f->id == GOB_STRING ? F_PUBKEY : F_BAD;
	if (named(f, "X") && f->id == GOB_BYTES)
		return F_X;
	return f->name.len == 0 || gob_check(g, f->id) == -1 ? F_BAD : F_OTHER;
}

/*
 * The original compiles a decoder before it reads the value, so a definition
 * counts whether or not its field was sent. Returns 0, or -1.
 */
static int
check_fields(struct gob *g, const struct gob_type *t, struct meta *out)
{
	unsigned i, known = 0, dialects = 0;
	enum field f;

	for (i = 0; i < t->nfields; i++) {
		f = classify(g, &t->field[i]);
		if (f == F_BAD)
			return -1;
		if (f == F_OVERLAY_V02)
			out->dialect = META_V02;
		if (f == F_OVERLAY_V03 || f == F_OVERLAY_V02)
			dialects |= 1u << f;
		known += f != F_OTHER && f != F_X;
	}
	if (dialects == (1u << F_OVERLAY_V03 | 1u << F_OVERLAY_V02))
		return -1;
	return known == 0 && t->nfields != 0 ? -1 : 0;
}

/* netip.Addr: nothing, 4 bytes, 16 bytes, or 16 and a zone. */
static int
read_addr(struct gob *g, struct ipaddr *out)
{
	struct gob_bytes b;

	if (gob_bytes(g, &b) == -1)
		return -1;
	memset(out, 0, sizeof(*out));
	if (b.len == 0)
		return 0;
	return ipaddr_from_bytes(b.p, b.len > 16 ? 16 : b.len, out);
}

/* net.IPNet: an IP of an odd length decodes, but is no address. */
static int
read_ipnet(struct gob *g, const struct gob_type *t, struct ipaddr *out)
{
	struct gob_bytes b;
	int field = -1, r;

	memset(out, 0, sizeof(*out));
	while ((r = gob_next(g, t->nfields, &field)) == 1) {
		if (!named(&t->field[field], "IP")) {
			if (gob_skip(g, t->field[field].id) == -1)
				return -1;
			continue;
		}
		if (gob_bytes(g, &b) == -1)
			return -1;
		if (ipaddr_from_bytes(b.p, b.len, out) == -1)
			memset(out, 0, sizeof(*out));
	}
	return r;
}

static int
read_pubkey(struct gob *g, struct meta *out)
{
	char text[META_MAX];
	struct gob_bytes b;

	if (gob_bytes(g, &b) == -1 || b.len > sizeof(text))
		return -1;
	memcpy(text, b.p, b.len);
	out->has_pubkey = meta_key_parse(text, b.len, out->pubkey) == 0;
	if (!out->has_pubkey)
		memset(out->pubkey, 0, sizeof(out->pubkey));
	return 0;
}

static uint32_t
be(const uint8_t *p, size_t len)
{
	uint32_t v = 0;

	while (len-- > 0)
		v = v << 8 | *p++;
	return v;
}

/* One known type of the extension, or an unknown one. Returns 0, or -1. */
static int
x_item(struct meta *m, uint8_t type, const uint8_t *p, size_t len)
{
	switch (type) {
	case X_ATTEMPT:
		m->attempt = len == 1 ? p[0] : 0;
		return len == 1 ? 0 : -1;
	case X_WGPORT:
		m->has_wgport = true;
		m->wgport = len == 2 ? (uint16_t)be(p, len) : 0;
		return m->wgport != 0 ? 0 : -1;
	case X_STATIC:
		m->is_static = true;
		return len == 0 ? 0 : -1;
	case X_CAPS:
		m->has_caps = true;
		m->caps = len == 4 ? be(p, len) : 0;
		return len == 4 ? 0 : -1;
	default:
		return 0;
	}
}

/* Version, then (type, length, value) in rising order. Returns 0, or -1. */
static int
x_parse(struct meta *m, const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len;
	int last = -1;

	if (len == 0 || *p++ != X_VERSION)
		return -1;
	while (p < end) {
		if (end - p < 2 || p[1] > end - p - 2 || p[0] <= last)
			return -1;
		last = p[0];
		if (x_item(m, p[0], p + 2, p[1]) == -1)
			return -1;
		p += 2 + p[1];
	}
	return 0;
}

static void
x_copy(struct meta *to, const struct meta *from)
{
	to->attempt = from->attempt;
	to->has_wgport = from->has_wgport;
	to->wgport = from->wgport;
	to->is_static = from->is_static;
	to->has_caps = from->has_caps;
	to->caps = from->caps;
}

/* All of the extension or nothing of it. */
static int
read_x(struct gob *g, struct meta *out)
{
	struct meta x = {0};
	struct gob_bytes b;

	if (gob_bytes(g, &b) == -1)
		return -1;
	out->has_x = x_parse(&x, b.p, b.len) == 0;
	if (!out->has_x)
		memset(&x, 0, sizeof(x));
	x_copy(out, &x);
	return 0;
}

static int
read_field(struct gob *g, const struct gob_field *f, struct meta *out)
{
	switch (classify(g, f)) {
	case F_OVERLAY_V03:
		return read_addr(g, &out->overlay);
	case F_OVERLAY_V02:
		return read_ipnet(g, gob_type(g, f->id), &out->overlay);
	case F_PUBKEY:
		return read_pubkey(g, out);
	case F_X:
		return read_x(g, out);
	case F_OTHER:
		return gob_skip(g, f->id);
	default:
		return -1;
	}
}

int
meta_decode(const void *buf, size_t len, struct meta *out)
{
	const struct gob_type *t;
	struct gob g;
	int field = -1, r = -1;

	memset(out, 0, sizeof(*out));
	if (len == 0 || len > META_MAX)
		return -1;
	gob_init(&g, buf, len);
	if ((t = gob_value(&g)) == NULL || check_fields(&g, t, out) == -1)
		goto bad;
	while ((r = gob_next(&g, t->nfields, &field)) == 1)
		if (read_field(&g, &t->field[field], out) == -1)
			goto bad;
	if (r == 0)
		return 0;
bad:
	memset(out, 0, sizeof(*out));
	return -1;
}

/*
 * The name of our field behind its length, without which there is no field of
 * that name: most that are not ours are told by that.
 */
static bool
may_have_x(const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len, *x;

	for (x = p; x < end && (x = memchr(x, 'X', (size_t)(end - x))); x++)
		if (x > p && x[-1] == 1)
			return true;
	return false;
}

bool
meta_is_ours(const void *buf, size_t len)
{
	struct meta m;

	return len > 0 && may_have_x(buf, len) &&
	       meta_decode(buf, len, &m) == 0 && m.has_x;
}

/* Output of at most a message's worth; every message here is below 0x80. */
struct out {
	uint8_t b[128];
	size_t len;
};

static void
put(struct out *o, const void *p, size_t len)
{
	memcpy(o->b + o->len, p, len);
	o->len += len;
}

static void
put_u8(struct out *o, unsigned v)
{
	uint8_t b = (uint8_t)v;

	put(o, &b, 1);
}

/* A field: how many numbers it is ahead, then bytes and their length. */
static void
put_field(struct out *o, unsigned delta, const void *p, size_t len)
{
	put_u8(o, delta);
	put_u8(o, (unsigned)len);
	put(o, p, len);
}

/*
 * The definitions are constant but for X. Each literal's own zero is the end
 * of what it opens. nodeMeta is type 65; its first field is of type 66.
 */
static void
put_struct_def(struct out *o, bool with_x)
{
	static const char head[] = "\xff\x81\x03\x01\x01\x08nodeMeta\x01\xff"
				   "\x82\x00\x01";
	static const char fields[] = "\x01\x0bOverlayAddr\x01\xff\x84\x00"
				     "\x01\x06PubKey\x01\x0c";
	static const char x[] = "\x01\x01X\x01\x0a";

	put(o, head, sizeof(head) - 1);
	put_u8(o, with_x ? 3 : 2);
	put(o, fields, sizeof(fields));
	if (with_x)
		put(o, x, sizeof(x));
	put(o, "\0", 2);
}

static void
put_addr_def(struct out *o, enum meta_dialect dialect)
{
	static const char addr[] = "\xff\x83\x06\x01\x01\x04"
				   "Addr\x01\xff\x84\x00\x00";
	static const char ipnet[] =
	    "\xff\x83\x03\x01\x01\x05IPNet\x01\xff\x84\x00\x01\x02"
	    "\x01\x02IP\x01\x0a\x00\x01\x04Mask\x01\x0a\x00\x00";

	if (dialect == META_V02)
		put(o, ipnet, sizeof(ipnet));
	else
		put(o, addr, sizeof(addr));
}

static void
put_overlay(struct out *o, const struct meta *m)
{
	static const uint8_t ones[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	size_t len = m->overlay.len;

	if (m->dialect == META_V03) {
		put_field(o, 1, m->overlay.b, len);
		return;
	}
	put_u8(o, 1);
	put_field(o, 1, m->overlay.b, len);
	put_field(o, 1, ones, len);
	put_u8(o, 0);
}

static void
put_x(struct out *o, const struct meta *m, unsigned delta)
{
	struct out x = {.len = 0};
	uint8_t port[2] = {(uint8_t)(m->wgport >> 8), (uint8_t)m->wgport};
	uint8_t caps[4] = {(uint8_t)(m->caps >> 24), (uint8_t)(m->caps >> 16),
	    (uint8_t)(m->caps >> 8), (uint8_t)m->caps};

	put_u8(&x, X_VERSION);
	put_field(&x, X_ATTEMPT, &m->attempt, 1);
	if (m->has_wgport)
		put_field(&x, X_WGPORT, port, sizeof(port));
	if (m->is_static)
		put_field(&x, X_STATIC, "", 0);
	put_field(&x, X_CAPS, caps, sizeof(caps));
	put_field(o, delta, x.b, x.len);
}

static void
put_value(struct out *o, const struct meta *m)
{
	char text[KEY_TEXT + 1];
	unsigned delta = 1;

	put(o, "\xff\x82", 2);
	put_overlay(o, m);
	if (m->has_pubkey) {
		sodium_bin2base64(text, sizeof(text), m->pubkey,
		    sizeof(m->pubkey), sodium_base64_VARIANT_ORIGINAL);
		put_field(o, 1, text, KEY_TEXT);
	} else
		delta = 2;
	if (m->has_x)
		put_x(o, m, delta);
	put_u8(o, 0);
}

ssize_t
meta_encode(const struct meta *m, void *buf, size_t cap)
{
	struct out msg[3] = {{.len = 0}};
	uint8_t *p = buf;
	size_t i, total = 0;

	if (m->overlay.len != 4 && m->overlay.len != 16)
		return -1;
	put_struct_def(&msg[0], m->has_x);
	put_addr_def(&msg[1], m->dialect);
	put_value(&msg[2], m);
	for (i = 0; i < 3; i++)
		total += 1 + msg[i].len;
	if (total > cap || total > META_MAX)
		return -1;
	for (i = 0; i < 3; i++) {
		*p++ = (uint8_t)msg[i].len;
		memcpy(p, msg[i].b, msg[i].len);
		p += msg[i].len;
	}
	return (ssize_t)total;
}
