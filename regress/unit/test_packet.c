/* Layers: every allowed nesting, every other, compounds, checksums, bombs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../wesher/crc.h"
#include "../../wesher/wire.h"
#include "vec.h"

static struct wire_scratch scratch;
static struct lzw_encoder enc;
static struct lzw_decoder dec;
static const uint8_t ack[] = {WIRE_ACK, 0x81, 0xa5, 'S', 'e', 'q', 'N', 'o', 7};

/* Types and lengths of the messages of the last packet. */
static struct {
	unsigned n;
	uint8_t type[WIRE_COMPOUND_MAX];
	size_t len[WIRE_COMPOUND_MAX];
	uint8_t first[WIRE_COMPOUND_MAX];
} got;

static void
note(void *arg, uint8_t type, const uint8_t *body, size_t len)
{
	assert_ptr_equal(arg, &got);
	assert_true(got.n < WIRE_COMPOUND_MAX);
	got.type[got.n] = type;
	got.len[got.n] = len;
	got.first[got.n++] = len > 0 ? body[0] : 0;
}

static int
packet(struct vec v)
{
	int e;

	got.n = 0;
	e = wire_packet(&scratch, v.p, v.len, note, &got);
	if (e != WIRE_OK)
		assert_int_equal(got.n, 0);
	return e;
}

static int
packet_hex(const char *hex)
{
	struct vec v = vec_hex(hex);
	int e = packet(v);

	free(v.p);
	return e;
}

/* Layers around v, which is freed. */
static struct vec
crc(struct vec v)
{
	struct vec r = vec_copy("", 0);
	uint32_t c = UINT32_MAX;
	size_t i;
	int bit;

	for (i = 0; i < v.len; i++) {
		c ^= v.p[i];
		for (bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
	}
	c = ~c;
	free(r.p);
	if ((r.p = malloc(v.len + 5)) == NULL)
		err(1, "malloc");
	r.len = v.len + 5;
	r.p[0] = WIRE_CRC;
	r.p[1] = (uint8_t)(c >> 24);
	r.p[2] = (uint8_t)(c >> 16);
	r.p[3] = (uint8_t)(c >> 8);
	r.p[4] = (uint8_t)c;
	memcpy(r.p + 5, v.p, v.len);
	free(v.p);
	return r;
}

static struct vec
squeeze(struct vec v)
{
	size_t cap = v.len * 2 + 64;
	uint8_t *b = malloc(cap);
	struct vec r;
	ssize_t n;

	assert_non_null(b);
	n = wire_put_compress(&enc, b, cap, v.p, v.len);
	assert_true(n > 0);
	r = vec_copy(b, (size_t)n);
	free(b);
	free(v.p);
	return r;
}

/* A compound of the message twice. */
static struct vec
twice(struct vec v)
{
	struct wire_compound c;
	size_t cap = 6 + 2 * v.len;
	uint8_t *b = malloc(cap), *out;
	struct vec r;

	assert_non_null(b);
	wire_compound_init(&c, b, cap);
	assert_int_equal(wire_compound_add(&c, v.p, v.len), 0);
	assert_int_equal(wire_compound_add(&c, v.p, v.len), 0);
	assert_int_equal(wire_compound_finish(&c, &out), cap);
	r = vec_copy(out, cap);
	free(b);
	free(v.p);
	return r;
}

static struct vec
bare(void)
{
	return vec_copy(ack, sizeof(ack));
}

static void
expect(struct vec v, int error, unsigned n)
{
	assert_int_equal(packet(v), error);
	assert_int_equal(got.n, n);
	while (n-- > 0) {
		assert_int_equal(got.type[n], WIRE_ACK);
		assert_int_equal(got.len[n], sizeof(ack) - 1);
	}
	free(v.p);
}

static void
nesting_allowed(void **state)
{
	(void)state;
	expect(bare(), WIRE_OK, 1);
	expect(twice(bare()), WIRE_OK, 2);
	expect(squeeze(bare()), WIRE_OK, 1);
	expect(crc(bare()), WIRE_OK, 1);
	expect(squeeze(twice(bare())), WIRE_OK, 2);
	expect(crc(twice(bare())), WIRE_OK, 2);
	expect(crc(squeeze(bare())), WIRE_OK, 1);
	expect(crc(squeeze(twice(bare()))), WIRE_OK, 2);
}

/* The sum of bytes of any number, at any address. */
static void
checksums(void **state)
{
	uint8_t b[80];
	size_t at, len;
	struct vec v;

	(void)state;
	for (len = 0; len < sizeof(b); len++)
		b[len] = (uint8_t)(len * 167 + 91);
	for (at = 0; at < 8; at++)
		for (len = 1; at + len <= sizeof(b); len++) {
			v = crc(vec_copy(b + at, len));
			assert_int_equal(crc32_ieee(b + at, len),
			    (uint32_t)v.p[1] << 24 | v.p[2] << 16 |
				v.p[3] << 8 | v.p[4]);
			free(v.p);
		}
	assert_int_equal(
	    crc32_ieee((const uint8_t *)"123456789", 9), 0xcbf43926);
	assert_int_equal(crc32_ieee(b, 0), 0);
}

static void
nesting_refused(void **state)
{
	static const uint8_t layer[] = {WIRE_ENCRYPT, WIRE_LABEL};
	struct vec v;
	size_t i;

	(void)state;
	expect(crc(crc(bare())), WIRE_E_NESTING, 0);
	expect(squeeze(crc(bare())), WIRE_E_NESTING, 0);
	expect(squeeze(squeeze(bare())), WIRE_E_NESTING, 0);
	expect(twice(crc(bare())), WIRE_E_NESTING, 0);
	expect(twice(squeeze(bare())), WIRE_E_NESTING, 0);
	expect(twice(twice(bare())), WIRE_E_NESTING, 0);
	expect(crc(squeeze(twice(squeeze(bare())))), WIRE_E_NESTING, 0);
	for (i = 0; i < sizeof(layer); i++) {
		v = bare();
		v.p[0] = layer[i];
		expect(vec_copy(v.p, v.len), WIRE_E_NESTING, 0);
		expect(twice(vec_copy(v.p, v.len)), WIRE_E_NESTING, 0);
		expect(crc(squeeze(v)), WIRE_E_NESTING, 0);
	}
}

/* Types: what packets have, and nothing else. */
static void
types(void **state)
{
	unsigned t;
	bool known, layer;
	uint8_t b[2] = {0, 0x80};

	(void)state;
	for (t = 0; t < 256; t++) {
		b[0] = (uint8_t)t;
		known = t <= WIRE_DEAD || t == WIRE_USER || t == WIRE_NACK;
		layer = t == WIRE_COMPOUND || t == WIRE_COMPRESS ||
			t == WIRE_ENCRYPT || t == WIRE_CRC || t == WIRE_LABEL;
		if (!layer)
			assert_int_equal(packet((struct vec){b, 2}),
			    known ? WIRE_OK : WIRE_E_TYPE);
		else
			assert_true(packet((struct vec){b, 2}) != WIRE_OK);
	}
	/* A message may have no body at all; that is its decoder's affair. */
	assert_int_equal(packet_hex("08"), WIRE_OK);
	assert_true(got.n == 1 && got.len[0] == 0);
	assert_int_equal(packet_hex(""), WIRE_E_EMPTY);
	/* Unknown ones beside known ones are passed over. */
	assert_int_equal(
	    packet_hex("0703 0002 0002 0002 0880 6380 0b80"), WIRE_OK);
	assert_int_equal(got.n, 2);
	assert_true(got.type[0] == WIRE_USER && got.type[1] == WIRE_NACK);
	assert_int_equal(packet_hex("0702 0002 0002 6380 0680"), WIRE_E_TYPE);
}

static void
compound_refused(void **state)
{
	static const char *bad[] = {"07", "0700", "0700 0001 08", "0701",
	    "0701 00", "0701 0001", "0701 0000", "0702 0001 0000 08",
	    "0702 0000 0001 08", "0702 0001 0001 08", "0702 0001 ffff 08 08",
	    "0702 0001 0003 08 0b80", "07ff 0001 08", "0702 0001 00"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (packet_hex(bad[i]) != WIRE_E_COMPOUND)
			fail_msg("not refused: %s", bad[i]);
	}
	/* One part is fine, and so are bytes behind the parts. */
	assert_int_equal(packet_hex("0701 0001 08"), WIRE_OK);
	assert_int_equal(got.n, 1);
	assert_int_equal(packet_hex("0702 0001 0002 08 0b80 ffff"), WIRE_OK);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.len[1], 1);
}

static void
crc_refused(void **state)
{
	(void)state;
	assert_int_equal(packet_hex("0c"), WIRE_E_CRC);
	assert_int_equal(packet_hex("0c000000"), WIRE_E_CRC);
	assert_int_equal(packet_hex("0c0000000108"), WIRE_E_CRC);
	/* The checksum of nothing is 0. */
	assert_int_equal(packet_hex("0c00000000"), WIRE_E_EMPTY);
}

/* len zeros behind a user message's type byte. */
static struct vec
zeros(size_t len)
{
	struct vec v = {calloc(1, len), len};

	assert_non_null(v.p);
	v.p[0] = WIRE_USER;
	return v;
}

static void
inflate_refused(void **state)
{
	struct vec v;

	(void)state;
	assert_int_equal(packet_hex("09"), WIRE_E_INFLATE);
	assert_int_equal(packet_hex("0980"), WIRE_E_INFLATE);
	assert_int_equal(
	    packet_hex("0982a4416c676f00a3427566c0"), WIRE_E_INFLATE);
	/* Nothing, compressed. */
	assert_int_equal(
	    packet_hex("0982a4416c676f00a3427566a3000302"), WIRE_E_INFLATE);
	/* Bytes behind the end code and behind the map do not matter. */
	assert_int_equal(packet_hex("0982a4416c676f00a3427566 a6 001104 04 ffff"
				    "c1"),
	    WIRE_OK);
	assert_int_equal(got.n, 1);
	/* Another algorithm. */
	assert_int_equal(
	    packet_hex("0982a4416c676f01a3427566 a4 00110404"), WIRE_E_INFLATE);

	/* As large as allowed, and one more. */
	v = squeeze(zeros(WIRE_INFLATE_PACKET));
	assert_int_equal(packet(v), WIRE_OK);
	assert_int_equal(got.len[0], WIRE_INFLATE_PACKET - 1);
	free(v.p);
	v = squeeze(zeros(WIRE_INFLATE_PACKET + 1));
	assert_int_equal(packet(v), WIRE_E_INFLATE);
	free(v.p);
	v = squeeze(zeros(8u << 20));
	assert_true(v.len < 65536);
	assert_int_equal(packet(v), WIRE_E_INFLATE);
	free(v.p);
}

static int
unwrap(struct vec v, size_t cap, size_t *len)
{
	const uint8_t *body;
	uint8_t type, *owned;
	int e;

	e = wire_stream_unwrap(v.p, v.len, cap, &type, &body, len, &owned);
	if (e != WIRE_OK)
		assert_null(owned);
	else
		assert_ptr_equal(body, (owned != NULL ? owned : v.p) + 1);
	free(owned);
	return e;
}

/* As unwrap, and frees v. */
static int
unwrap_free(struct vec v)
{
	size_t len;
	int e = unwrap(v, 1 << 20, &len);

	free(v.p);
	return e;
}

static void
stream_caps(void **state)
{
	static const size_t sizes[] = {
	    1, 2, 16383, 16384, 16385, 32768, 100000, 1u << 20};
	struct vec v;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		v = squeeze(zeros(sizes[i]));
		assert_int_equal(unwrap(v, sizes[i], &len), WIRE_OK);
		assert_int_equal(len, sizes[i] - 1);
		assert_int_equal(unwrap(v, WIRE_INFLATE_STREAM, &len), WIRE_OK);
		assert_int_equal(len, sizes[i] - 1);
		assert_int_equal(unwrap(v, sizes[i] - 1, &len), WIRE_E_INFLATE);
		assert_int_equal(unwrap(v, 0, &len), WIRE_E_INFLATE);
		free(v.p);
	}
	/* A bomb stops at the cap. */
	v = squeeze(zeros(WIRE_INFLATE_STREAM + 1));
	assert_int_equal(unwrap(v, WIRE_INFLATE_STREAM, &len), WIRE_E_INFLATE);
	free(v.p);
}

static void
stream_layers(void **state)
{
	unsigned t;
	bool known;
	struct vec v;

	(void)state;
	assert_int_equal(unwrap_free(bare()), WIRE_OK);
	assert_int_equal(unwrap_free(squeeze(bare())), WIRE_OK);
	assert_int_equal(unwrap_free(squeeze(squeeze(bare()))), WIRE_E_NESTING);
	assert_int_equal(unwrap_free(crc(bare())), WIRE_E_NESTING);
	assert_int_equal(unwrap_free(squeeze(crc(bare()))), WIRE_E_NESTING);
	assert_int_equal(unwrap_free(twice(bare())), WIRE_E_NESTING);
	assert_int_equal(unwrap_free(squeeze(twice(bare()))), WIRE_E_NESTING);
	assert_int_equal(unwrap_free(vec_hex("0af4")), WIRE_E_NESTING);
	assert_int_equal(unwrap_free(vec_hex("f400")), WIRE_E_NESTING);
	assert_int_equal(unwrap_free(vec_hex("")), WIRE_E_EMPTY);
	assert_int_equal(
	    unwrap_free(vec_hex("0982a4416c676f00a3427566a3000302")),
	    WIRE_E_INFLATE);
	for (t = 0; t < 256; t++) {
		if (t == WIRE_COMPRESS)
			continue;
		v = bare();
		v.p[0] = (uint8_t)t;
		known = t == WIRE_PING || t == WIRE_ACK || t == WIRE_PUSHPULL ||
			t == WIRE_USER || t == WIRE_ERR;
		assert_true((unwrap_free(v) == WIRE_OK) == known);
	}
}

static void
compound_builder(void **state)
{
	uint8_t b[1500], msg[1400] = {WIRE_USER}, *out;
	struct wire_compound c;
	size_t cap = WIRE_PLAIN_MAX, n, room;

	(void)state;
	/* Nothing, and one that stands bare and fills everything. */
	wire_compound_init(&c, b, cap);
	assert_int_equal(wire_compound_finish(&c, &out), 0);
	assert_int_equal(wire_compound_room(&c), cap);
	assert_int_equal(wire_compound_add(&c, msg, 0), -1);
	assert_int_equal(wire_compound_add(&c, msg, cap + 1), -1);
	assert_int_equal(wire_compound_add(&c, msg, cap), 0);
	assert_int_equal(wire_compound_room(&c), 0);
	assert_int_equal(wire_compound_add(&c, msg, 1), -1);
	assert_int_equal(wire_compound_finish(&c, &out), cap);
	assert_int_equal(packet((struct vec){out, cap}), WIRE_OK);
	assert_true(got.n == 1 && got.len[0] == cap - 1);

	/* The second takes what room says, to the byte. */
	wire_compound_init(&c, b, cap);
	assert_int_equal(wire_compound_add(&c, msg, 500), 0);
	room = wire_compound_room(&c);
	assert_int_equal(room, cap - 500 - 6);
	assert_int_equal(wire_compound_add(&c, msg, room + 1), -1);
	assert_int_equal(wire_compound_add(&c, msg, room), 0);
	assert_int_equal(wire_compound_finish(&c, &out), cap);
	assert_int_equal(packet((struct vec){out, cap}), WIRE_OK);
	assert_true(got.n == 2 && got.len[0] == 499);
	assert_int_equal(got.len[1], room - 1);

	/* Small ones until it is full: order is kept, 255 at most. */
	for (cap = 1; cap < sizeof(b); cap += 7) {
		wire_compound_init(&c, b, cap);
		for (n = 0;; n++) {
			msg[1] = (uint8_t)n;
			if (wire_compound_room(&c) < 2)
				break;
			assert_int_equal(wire_compound_add(&c, msg, 2), 0);
		}
		assert_true(n <= WIRE_COMPOUND_MAX);
		room = wire_compound_finish(&c, &out);
		assert_true(room <= cap);
		if (n == 0)
			continue;
		assert_int_equal(packet((struct vec){out, room}), WIRE_OK);
		assert_int_equal(got.n, n);
		while (n-- > 0)
			assert_int_equal(got.first[n], n);
	}
	assert_int_equal(c.n, WIRE_COMPOUND_MAX);
}

/* Our compression: the header of every length, and the exact room. */
static void
compress_room(void **state)
{
	static const size_t sizes[] = {1, 20, 21, 22, 23, 24, 25, 200, 60000};
	static uint8_t plain[60000], room[100000], back[60000];
	struct slice lzw;
	struct vec exact;
	uint32_t x = 3;
	ssize_t n;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(plain); i++) {
		x = x * 1664525 + 1013904223;
		plain[i] = (uint8_t)(x >> 24);
	}
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		n = wire_put_compress(
		    &enc, room, sizeof(room), plain, sizes[i]);
		assert_true(n > 0);
		exact = vec_copy(room, (size_t)n);
		memset(exact.p, 0, exact.len);
		assert_int_equal(wire_put_compress(
				     &enc, exact.p, exact.len, plain, sizes[i]),
		    n);
		assert_memory_equal(exact.p, room, exact.len);
		assert_int_equal(
		    wire_get_compress(exact.p + 1, exact.len - 1, &lzw), 0);
		assert_int_equal(
		    lzw_decode(&dec, lzw.p, lzw.len, back, sizeof(back)),
		    sizes[i]);
		assert_memory_equal(back, plain, sizes[i]);
		for (j = 1; j < 20 && j <= exact.len; j++)
			assert_int_equal(wire_put_compress(&enc, exact.p,
					     exact.len - j, plain, sizes[i]),
			    -1);
		free(exact.p);
	}
	assert_int_equal(
	    wire_put_compress(&enc, room, sizeof(room), plain, 0), -1);
}

static void
error_names(void **state)
{
	int i, j;

	(void)state;
	for (i = WIRE_E_TYPE; i <= 0; i++) {
		assert_non_null(wire_error_str(i));
		for (j = WIRE_E_TYPE - 1; j < i; j++)
			assert_string_not_equal(
			    wire_error_str(i), wire_error_str(j));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nesting_allowed),
	    cmocka_unit_test(checksums),
	    cmocka_unit_test(nesting_refused),
	    cmocka_unit_test(types),
	    cmocka_unit_test(compound_refused),
	    cmocka_unit_test(crc_refused),
	    cmocka_unit_test(inflate_refused),
	    cmocka_unit_test(stream_caps),
	    cmocka_unit_test(stream_layers),
	    cmocka_unit_test(compound_builder),
	    cmocka_unit_test(compress_room),
	    cmocka_unit_test(error_names),
	};

	return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
