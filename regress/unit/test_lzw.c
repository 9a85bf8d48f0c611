/* LZW: Go's bytes both ways, hostile input, positions and caps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>
#include <sodium.h>

#include "../../wesher/lzw.h"
#include "vec.h"

#define BIG (1u << 20)

static struct lzw_decoder dec;
static struct lzw_encoder enc;
static uint8_t out[BIG];

/* For each vector. */
static void
each(void (*fn)(struct vec lzw, struct vec plain))
{
	json_t *file = vec_load("lzw.json"), *rec;
	struct vec lzw, plain;
	size_t i;

	assert_true(json_array_size(file) > 20);
	json_array_foreach(file, i, rec)
	{
		lzw = vec_hexof(rec, "lzw_hex");
		plain = vec_hexof(rec, "plain_hex");
		fn(lzw, plain);
		free(lzw.p);
		free(plain.p);
	}
	json_decref(file);
}

static void
check_decode(struct vec lzw, struct vec plain)
{
	struct vec room = vec_copy(plain.p, plain.len);

	memset(room.p, 0x55, room.len);
	assert_int_equal(
	    lzw_decode(&dec, lzw.p, lzw.len, room.p, room.len), plain.len);
	assert_memory_equal(room.p, plain.p, plain.len);
	if (plain.len > 0)
		assert_int_equal(
		    lzw_decode(&dec, lzw.p, lzw.len, room.p, room.len - 1), -1);
	free(room.p);
}

static void
check_encode(struct vec lzw, struct vec plain)
{
	struct vec room = vec_copy(lzw.p, lzw.len);

	memset(room.p, 0x55, room.len);
	assert_int_equal(
	    lzw_encode(&enc, plain.p, plain.len, room.p, room.len), lzw.len);
	assert_memory_equal(room.p, lzw.p, lzw.len);
	assert_int_equal(
	    lzw_encode(&enc, plain.p, plain.len, room.p, room.len - 1), -1);
	assert_int_equal(lzw_encode(&enc, plain.p, plain.len, room.p, 0), -1);
	free(room.p);
}

/* Without its end code a stream is corrupt, wherever it was cut. */
static void
check_truncated(struct vec lzw, struct vec plain)
{
	size_t n, step = lzw.len > 600 ? 97 : 1;
	struct vec cut;

	assert_true(plain.len <= BIG);
	for (n = 0; n < lzw.len; n += step) {
		cut = vec_copy(lzw.p, n);
		assert_int_equal(lzw_decode(&dec, cut.p, n, out, BIG), -1);
		free(cut.p);
	}
	assert_int_equal(lzw_decode(&dec, lzw.p, lzw.len - 1, out, BIG), -1);
}

/* In portions of one byte in and one byte out the result is the same. */
static void
check_portions(struct vec lzw, struct vec plain)
{
	size_t inpos = 0, outpos = 0, in = 0, room = 0, before;
	enum lzw_status st;

	lzw_decode_init(&dec);
	for (;;) {
		before = inpos + outpos;
		st = lzw_decode_some(
		    &dec, lzw.p, in, &inpos, out, room, &outpos);
		assert_true(inpos <= in && outpos <= room);
		if (st != LZW_MORE)
			break;
		if (inpos + outpos != before)
			continue;
		assert_true(inpos == in || outpos == room);
		if (inpos == in)
			in++;
		if (outpos == room)
			room++;
		assert_true(in <= lzw.len && room <= plain.len + lzw.len);
	}
	assert_int_equal(st, LZW_END);
	assert_int_equal(outpos, plain.len);
	assert_memory_equal(out, plain.p, plain.len);
	assert_int_equal(
	    lzw_decode_some(&dec, lzw.p, lzw.len, &inpos, out, BIG, &outpos),
	    LZW_END);
	assert_int_equal(outpos, plain.len);
}

static void
decode_vectors(void **state)
{
	(void)state;
	each(check_decode);
}

static void
encode_vectors(void **state)
{
	(void)state;
	each(check_encode);
}

static void
truncated(void **state)
{
	(void)state;
	each(check_truncated);
}

static void
portions(void **state)
{
	(void)state;
	each(check_portions);
}

/* Codes written by hand: a value and its width. */
struct codes {
	uint8_t buf[65536];
	size_t len;
	uint32_t bits;
	unsigned n;
};

static void
code(struct codes *c, unsigned v, unsigned width)
{
	c->bits |= v << c->n;
	for (c->n += width; c->n >= 8; c->n -= 8, c->bits >>= 8)
		c->buf[c->len++] = (uint8_t)c->bits;
}

static ssize_t
decode_codes(struct codes *c)
{
	struct vec v;
	ssize_t n;

	if (c->n > 0)
		c->buf[c->len++] = (uint8_t)c->bits;
	v = vec_copy(c->buf, c->len);
	n = lzw_decode(&dec, v.p, v.len, out, BIG);
	free(v.p);
	return n;
}

static void
by_hand(void **state)
{
	struct codes c;

	(void)state;
	/* The leading clear is optional, bytes behind the end are ignored. */
	memset(&c, 0, sizeof(c));
	code(&c, 'a', 9);
	code(&c, 258, 9);
	code(&c, 257, 9);
	code(&c, 0x155, 9);
	code(&c, 0xff, 8);
	assert_int_equal(decode_codes(&c), 3);
	assert_memory_equal(out, "aaa", 3);

	/* Clears in a row, and in the middle. */
	memset(&c, 0, sizeof(c));
	code(&c, 256, 9);
	code(&c, 256, 9);
	code(&c, 'x', 9);
	code(&c, 'y', 9);
	code(&c, 258, 9);
	code(&c, 256, 9);
	code(&c, 'z', 9);
	code(&c, 257, 9);
	assert_int_equal(decode_codes(&c), 5);
	assert_memory_equal(out, "xyxyz", 5);

	/* An entry that is not there: at the start, after one, after a clear. */
	memset(&c, 0, sizeof(c));
	code(&c, 258, 9);
	code(&c, 257, 9);
	assert_int_equal(decode_codes(&c), -1);
	memset(&c, 0, sizeof(c));
	code(&c, 'a', 9);
	code(&c, 259, 9);
	code(&c, 257, 9);
	assert_int_equal(decode_codes(&c), -1);
	memset(&c, 0, sizeof(c));
	code(&c, 'a', 9);
	code(&c, 'b', 9);
	code(&c, 256, 9);
	code(&c, 258, 9);
	code(&c, 257, 9);
	assert_int_equal(decode_codes(&c), -1);
}

/* Corrupt is for good. */
static void
corrupt_sticks(void **state)
{
	const uint8_t in[] = {0xff, 0xff, 0x61, 0x02, 0x02, 0x02};
	size_t inpos = 0, outpos = 0;

	(void)state;
	lzw_decode_init(&dec);
	assert_int_equal(
	    lzw_decode_some(&dec, in, sizeof(in), &inpos, out, BIG, &outpos),
	    LZW_CORRUPT);
	assert_int_equal(
	    lzw_decode_some(&dec, in, sizeof(in), &inpos, out, BIG, &outpos),
	    LZW_CORRUPT);
	assert_int_equal(outpos, 0);
}

/*
 * A table that is filled and never cleared stays as it is: 3,838 codes name
 * the newest entry each, code 4095 then stands for 3,839 bytes again and
 * again, and literals are literals.
 */
static void
frozen_table(void **state)
{
	struct codes c;
	unsigned hi, width = 9, i;
	size_t want = 1;

	(void)state;
	memset(&c, 0, sizeof(c));
	code(&c, 'q', 9);
	for (hi = 258; hi <= 4095; hi++) {
		code(&c, hi, width);
		want += hi - 256;
		if (hi + 1 == 1u << width && width < 12)
			width++;
	}
	assert_true(want > BIG);
	for (i = 0; i < 20; i++)
		code(&c, 4095, 12);
	code(&c, 'r', 12);
	code(&c, 'r', 12);
	code(&c, 4094, 12);
	code(&c, 257, 12);
	assert_int_equal(decode_codes(&c), -1);
	want += 20 * 3839 + 2 + 3838;
	{
		uint8_t *big = malloc(want);

		assert_non_null(big);
		assert_int_equal(
		    lzw_decode(&dec, c.buf, c.len, big, want), want);
		assert_int_equal(big[want - 1], 'q');
		assert_int_equal(big[want - 3838 - 1], 'r');
		assert_int_equal(big[want - 3838 - 2], 'r');
		assert_int_equal(big[want - 3838 - 3], 'q');
		assert_int_equal(
		    lzw_decode(&dec, c.buf, c.len, big, want - 1), -1);
		free(big);
	}
}

/* Any bytes: no crash, no more than the cap. */
static void
noise(void **state)
{
	uint32_t x = 1;
	struct vec v;
	ssize_t n;
	int i;
	size_t j;

	(void)state;
	for (i = 0; i < 3000; i++) {
		v = vec_copy(out, 1 + (size_t)i % 300);
		for (j = 0; j < v.len; j++) {
			x = x * 1664525 + 1013904223;
			v.p[j] = (uint8_t)(x >> 24);
			/* Low codes get further than even noise. */
			if (i % 2 && j % 9 != 0)
				v.p[j] &= 0x0f;
		}
		n = lzw_decode(&dec, v.p, v.len, out, 64);
		assert_true(n >= -1 && n <= 64);
		free(v.p);
	}
}

/* What we write reads back, over several clears. */
static void
round_trip(void **state)
{
	static uint8_t plain[200000], packed[300000];
	uint32_t x = 7;
	ssize_t n;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(plain); i++) {
		x = x * 1664525 + 1013904223;
		plain[i] = (uint8_t)(x >> 24) & (i & 4096 ? 0x07 : 0xff);
	}
	n = lzw_encode(&enc, plain, sizeof(plain), packed, sizeof(packed));
	assert_true(n > 0);
	assert_int_equal(
	    lzw_decode(&dec, packed, (size_t)n, out, BIG), sizeof(plain));
	assert_memory_equal(out, plain, sizeof(plain));
}

/* Where encoders look for two bytes: one before this one, and this one. */
static unsigned
place(unsigned how, unsigned a, unsigned b)
{
	return how == 0 ? (a << 8 | b) * 2654435761u >> 18
			: (a * 4 + b * 0x9e5u) & 0x3fff;
}

/* Pairs of bytes of which none comes again before the table is full, and that
 * are all looked for in few places. */
static void
collide(unsigned how, uint8_t *text, size_t len)
{
	static bool used[256][256];
	unsigned a = 0, b, n = 0, i;
	size_t at;

	for (at = 0; at < len; at++) {
		text[at] = (uint8_t)a;
		if (n++ % 3800 == 0)
			memset(used, 0, sizeof(used));
		b = randombytes_uniform(256);
		for (i = 0; i < 256 && (used[a][b] || place(how, a, b) > 1200);
		     i++)
			b = (b + 1) & 255;
		used[a][b] = true;
		a = b;
	}
}

static double
encode_seconds(const uint8_t *text, size_t len)
{
	static uint8_t packed[BIG];
	clock_t start = clock();
	ssize_t n = lzw_encode(&enc, text, len, packed, BIG);

	assert_true(n > 0);
	assert_int_equal(lzw_decode(&dec, packed, (size_t)n, out, BIG), len);
	assert_memory_equal(out, text, len);
	return (double)(clock() - start) / CLOCKS_PER_SEC;
}

/*
 * Members choose their metadata, which everybody compresses with the state:
 * also a text whose entries want the same slots of the table all takes little
 * longer than another. (It took a hundred times as long.)
 */
static void
hostile_slots(void **state)
{
	static uint8_t text[BIG / 2];
	double usual;
	unsigned how;

	(void)state;
	randombytes_buf(text, sizeof(text));
	usual = encode_seconds(text, sizeof(text));
	for (how = 0; how < 2; how++) {
		collide(how, text, sizeof(text));
		assert_true(
		    encode_seconds(text, sizeof(text)) < 20 * usual + 0.05);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode_vectors),
	    cmocka_unit_test(encode_vectors),
	    cmocka_unit_test(truncated),
	    cmocka_unit_test(portions),
	    cmocka_unit_test(by_hand),
	    cmocka_unit_test(corrupt_sticks),
	    cmocka_unit_test(frozen_table),
	    cmocka_unit_test(noise),
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(hostile_slots),
	};

	return cmocka_run_group_tests_name("lzw", tests, NULL, NULL);
}
