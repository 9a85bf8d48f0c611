/* msgpack: every form that is read and written, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../wesher/msgpack.h"
#include "vec.h"

/* A cursor over an exact copy of hex; the copy lives until the next call. */
static struct mp_in
in_hex(const char *hex)
{
	static struct vec v;
	struct mp_in in;

	free(v.p);
	v = vec_hex(hex);
	mp_in_init(&in, v.p, v.len);
	return in;
}

static void
read_uint(void **state)
{
	static const struct {
		const char *hex;
		uint64_t v;
	} good[] = {
	    {"00", 0},
	    {"7f", 127},
	    {"cc00", 0},
	    {"ccff", 255},
	    {"cd0007", 7},
	    {"cdffff", 65535},
	    {"ce00000001", 1},
	    {"ceffffffff", UINT32_MAX},
	    {"cf0000000000000002", 2},
	    {"cfffffffffffffffff", UINT64_MAX},
	    {"d07f", 127},
	    {"d17fff", 32767},
	    {"d27fffffff", 0x7fffffff},
	    {"d37fffffffffffffff", 0x7fffffffffffffff},
	    {"d300000000000000ff", 255},
	};
	static const char *bad[] = {"", "ff", "e0", "d080", "d0ff", "d18000",
	    "d2ffffffff", "d3ffffffffffffffff", "c0", "c2", "a0", "80", "90",
	    "ca3f800000", "cb3ff0000000000000", "c1", "cc", "cd00", "ce000000",
	    "cf00000000000000", "d0", "d100", "d2000000", "d300000000000000"};
	struct mp_in in;
	uint64_t v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		in = in_hex(good[i].hex);
		assert_int_equal(mp_uint(&in, UINT64_MAX, &v), 0);
		assert_true(v == good[i].v);
		assert_ptr_equal(in.p, in.end);
		in = in_hex(good[i].hex);
		assert_int_equal(mp_uint(&in, good[i].v, &v), 0);
		if (good[i].v == 0)
			continue;
		in = in_hex(good[i].hex);
		assert_int_equal(mp_uint(&in, good[i].v - 1, &v), -1);
		assert_true(in.err);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		in = in_hex(bad[i]);
		assert_int_equal(mp_uint(&in, UINT64_MAX, &v), -1);
		assert_true(in.err);
	}
}

static void
read_bytes(void **state)
{
	static const char *good[] = {"a3616263", "d903616263", "da0003616263",
	    "db00000003616263", "c403616263", "c50003616263",
	    "c600000003616263"};
	static const char *bad[] = {"", "a1", "a36162", "d9", "d90361", "da00",
	    "da000361", "db000000", "db0000000361", "dbffffffff61", "c4",
	    "c40361", "c500", "c5000361", "c6000000", "c6ffffffff61", "01",
	    "c2", "80", "90", "c70161", "c1", "ff"};
	struct mp_in in;
	struct slice s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		in = in_hex(good[i]);
		assert_int_equal(mp_bytes(&in, &s), 0);
		assert_int_equal(s.len, 3);
		assert_memory_equal(s.p, "abc", 3);
		assert_ptr_equal(in.p, in.end);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		in = in_hex(bad[i]);
		assert_int_equal(mp_bytes(&in, &s), -1);
		assert_true(in.err);
	}
	in = in_hex("c0");
	assert_int_equal(mp_bytes(&in, &s), 0);
	assert_true(s.p == NULL && s.len == 0);
	in = in_hex("a0");
	assert_int_equal(mp_bytes(&in, &s), 0);
	assert_true(s.p != NULL && s.len == 0);
}

static void
read_map_and_bool(void **state)
{
	static const char *bad[] = {"", "90", "c0", "81", "81a0", "de", "de00",
	    "de0001a0", "df000000", "dfffffffffa0a0", "de0002a0a0a0", "01"};
	struct mp_in in;
	size_t i;
	bool b;

	(void)state;
	in = in_hex("80");
	assert_int_equal(mp_map(&in), 0);
	in = in_hex("82a000a100a000");
	assert_int_equal(mp_map(&in), 2);
	in = in_hex("de0001a000");
	assert_int_equal(mp_map(&in), 1);
	in = in_hex("df00000001a000");
	assert_int_equal(mp_map(&in), 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		in = in_hex(bad[i]);
		assert_int_equal(mp_map(&in), -1);
		assert_true(in.err);
	}
	in = in_hex("c3c200");
	assert_int_equal(mp_bool(&in, &b), 0);
	assert_true(b);
	assert_int_equal(mp_bool(&in, &b), 0);
	assert_false(b);
	assert_int_equal(mp_bool(&in, &b), -1);
}

/* A failure is remembered, whatever is still there to be read. */
static void
errors_stick(void **state)
{
	struct mp_in in = in_hex("ff00a080c2");
	struct slice s;
	uint64_t v;
	bool b;

	(void)state;
	assert_int_equal(mp_uint(&in, 10, &v), -1);
	assert_int_equal(mp_uint(&in, 10, &v), -1);
	in.p++;
	assert_int_equal(mp_bytes(&in, &s), -1);
	assert_int_equal(mp_map(&in), -1);
	assert_int_equal(mp_bool(&in, &b), -1);
	assert_int_equal(mp_skip(&in), -1);
}

/* Each of these is one value; cut short anywhere it is none. */
static void
skip_every_kind(void **state)
{
	static const char *one[] = {"00", "7f", "e0", "ff", "c0", "c2", "c3",
	    "a0", "a161", "d90161", "da000161", "db0000000161", "c40161",
	    "c5000161", "c60000000161", "cc80", "cd8000", "ce80000000",
	    "cf8000000000000000", "d080", "d18000", "d280000000",
	    "d38000000000000000", "ca3f800000", "cb3ff0000000000000", "d40161",
	    "d5016162", "d60161626364", "d7016162636465666768",
	    "d80161626364656667686162636465666768", "c7020161 62", "c700 01",
	    "c8000101 61", "c90000000101 61", "80", "90", "81a16100", "9200c0",
	    "dc000200c3", "dd0000000101", "de0001a16100", "df00000001a16100",
	    "82a16192a162c0a16381a16493010203", "9191919191919100"};
	struct mp_in in;
	struct vec v, cut;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
		v = vec_hex(one[i]);
		for (n = 0; n <= v.len; n++) {
			cut = vec_copy(v.p, n);
			mp_in_init(&in, cut.p, cut.len);
			assert_int_equal(mp_skip(&in), n == v.len ? 0 : -1);
			assert_true(in.err == (n != v.len));
			if (n == v.len)
				assert_ptr_equal(in.p, in.end);
			free(cut.p);
		}
		free(v.p);
	}
	in = in_hex("c1");
	assert_int_equal(mp_skip(&in), -1);
	in = in_hex("92c1c0");
	assert_int_equal(mp_skip(&in), -1);
}

/* Counts that promise more than there is, and depth, cost nothing. */
static void
skip_bombs(void **state)
{
	static const char *bomb[] = {"ddffffffff", "dfffffffff",
	    "ddffffffffddffffffffddffffffff", "dfffffffffdfffffffff00",
	    "c6ffffffff", "c9ffffffff00", "dcffff00", "deffff0000"};
	struct mp_in in;
	uint8_t *deep;
	size_t i, n = 1u << 20;

	(void)state;
	for (i = 0; i < sizeof(bomb) / sizeof(bomb[0]); i++) {
		in = in_hex(bomb[i]);
		assert_int_equal(mp_skip(&in), -1);
	}
	deep = malloc(n);
	assert_non_null(deep);
	memset(deep, 0x91, n);
	mp_in_init(&in, deep, n);
	assert_int_equal(mp_skip(&in), -1);
	deep[n - 1] = 0xc0;
	mp_in_init(&in, deep, n);
	assert_int_equal(mp_skip(&in), 0);
	free(deep);
}

/* What was put into buf must be hex; one byte less of room is an error. */
#define assert_put(hex, call)                                  \
	do {                                                   \
		struct vec want = vec_hex(hex), room;          \
		struct mp_out out;                             \
		room = vec_copy(want.p, want.len);             \
		mp_out_init(&out, room.p, room.len);           \
		call;                                          \
		assert_false(out.err);                         \
		assert_ptr_equal(out.p, out.end);              \
		assert_memory_equal(room.p, want.p, want.len); \
		mp_out_init(&out, room.p, room.len - 1);       \
		call;                                          \
		assert_true(out.err);                          \
		free(room.p);                                  \
		free(want.p);                                  \
	} while (0)

static void
write_forms(void **state)
{
	(void)state;
	assert_put("00", mp_put_uint(&out, 0));
	assert_put("7f", mp_put_uint(&out, 127));
	assert_put("cc80", mp_put_uint(&out, 128));
	assert_put("ccff", mp_put_uint(&out, 255));
	assert_put("cd0100", mp_put_uint(&out, 256));
	assert_put("cdffff", mp_put_uint(&out, 65535));
	assert_put("ce00010000", mp_put_uint(&out, 65536));
	assert_put("ceffffffff", mp_put_uint(&out, UINT32_MAX));
	assert_put("cf0000000100000000", mp_put_uint(&out, 1ULL << 32));
	assert_put("c2", mp_put_bool(&out, false));
	assert_put("c3", mp_put_bool(&out, true));
	assert_put("c0", mp_put_bytes(&out, NULL, 0));
	assert_put("a0", mp_put_bytes(&out, "", 0));
	assert_put("a0", mp_put_raw(&out, NULL, 0));
	assert_put("a26869", mp_put_str(&out, "hi"));
	assert_put("80", mp_put_map(&out, 0));
	assert_put("8f", mp_put_map(&out, 15));
	assert_put("de0010", mp_put_map(&out, 16));
	assert_put("df00010000", mp_put_map(&out, 65536));
}

/* The lengths where the header of a raw grows, read back. */
static void
write_raw_lengths(void **state)
{
	static const struct {
		size_t len, header;
	} cases[] = {
	    {31, 1}, {32, 3}, {255, 3}, {256, 3}, {65535, 3}, {65536, 5}};
	static uint8_t data[65536], buf[65536 + 5];
	struct mp_out out;
	struct mp_in in;
	struct slice s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		mp_out_init(&out, buf, sizeof(buf));
		mp_put_raw(&out, data, cases[i].len);
		assert_false(out.err);
		assert_int_equal(out.p - buf, cases[i].header + cases[i].len);
		mp_in_init(&in, buf, (size_t)(out.p - buf));
		assert_int_equal(mp_bytes(&in, &s), 0);
		assert_int_equal(s.len, cases[i].len);
		assert_memory_equal(s.p, data, s.len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(read_uint),
	    cmocka_unit_test(read_bytes),
	    cmocka_unit_test(read_map_and_bool),
	    cmocka_unit_test(errors_stick),
	    cmocka_unit_test(skip_every_kind),
	    cmocka_unit_test(skip_bombs),
	    cmocka_unit_test(write_forms),
	    cmocka_unit_test(write_raw_lengths),
	};

	return cmocka_run_group_tests_name("msgpack", tests, NULL, NULL);
}
