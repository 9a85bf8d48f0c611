/*
 * Message maps written by hand: order, unknown, missing and duplicate keys,
 * every form of a value, values that do not fit, wrong kinds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../wesher/wire.h"
#include "vec.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

/* Keys with their msgpack header. */
#define NODE	    "a44e6f6465"
#define SEQNO	    "a55365714e6f"
#define INCARNATION "ab496e6361726e6174696f6e"
#define FROM	    "a446726f6d"
#define PORT	    "a4506f7274"
#define META	    "a44d657461"
#define NACK	    "a44e61636b"
#define STATE	    "a55374617465"
#define NODES	    "a54e6f646573"
#define JOIN	    "a44a6f696e"
#define USERLEN	    "ac5573657253746174654c656e"
#define UNKNOWN	    "a378797a"

static struct vec last;

static int
ping(const char *hex, struct wire_ping *m)
{
	free(last.p);
	last = vec_hex(hex);
	return wire_get_ping(last.p, last.len, m);
}

static void
keys(void **state)
{
	/* An unknown key may hold anything, and be called anything. */
	static const char *unknown[] = {"00", "ff", "c0", "c3", "a161",
	    "d90161", "c40100", "cb3ff0000000000000", "d3ffffffffffffffff",
	    "93010203", "82a16101a16202", "8101c0", "9191918100c0", "d40100",
	    "c7020161 62", "dc0000", "df00000000"};
	char hex[256];
	struct wire_ping m;
	size_t i;

	(void)state;
	/* Any order; what is missing is zero. */
	assert_int_equal(ping("82" SEQNO "07" NODE "a178", &m), 0);
	assert_int_equal(m.seqno, 7);
	assert_memory_equal(m.node.p, "x", 1);
	assert_true(m.src_addr.len == 0 && m.src_port == 0);
	assert_int_equal(ping("80", &m), 0);
	assert_true(m.seqno == 0 && m.node.len == 0);
	/* Behind the map anything may follow. */
	assert_int_equal(ping("81" SEQNO "07c1c1c1", &m), 0);
	assert_int_equal(m.seqno, 7);

	for (i = 0; i < NELEM(unknown); i++) {
		snprintf(hex, sizeof(hex), "83" UNKNOWN "%s" SEQNO "07a0%s",
		    unknown[i], unknown[i]);
		assert_int_equal(ping(hex, &m), 0);
		assert_int_equal(m.seqno, 7);
	}
	/* The key itself in the newer forms, and as nil. */
	assert_int_equal(ping("81d90553 65714e6f09", &m), 0);
	assert_int_equal(m.seqno, 9);
	assert_int_equal(ping("81c40553 65714e6f0a", &m), 0);
	assert_int_equal(m.seqno, 10);
	assert_int_equal(ping("82c007" SEQNO "08", &m), 0);
	assert_int_equal(m.seqno, 8);

	/* Twice; a number as key; a key that only begins like ours. */
	assert_int_equal(ping("82" SEQNO "07" SEQNO "07", &m), -1);
	assert_int_equal(ping("83" SEQNO "07" UNKNOWN "00" SEQNO "08", &m), -1);
	assert_int_equal(ping("8105"
			      "07",
			     &m),
	    -1);
	assert_int_equal(ping("81a45365714e07", &m), 0);
	assert_int_equal(m.seqno, 0);
	assert_int_equal(ping("81a6536571 4e6f6f07", &m), 0);
	assert_int_equal(m.seqno, 0);
}

static void
wrong_values(void **state)
{
	static const char *bad[] = {"", "00", "c0", "90", "a0", "c1",
	    "91" SEQNO, /* no map */
	    "81", "81" SEQNO, "82" SEQNO "07", /* short */
	    "de0001", "df00000001", "dfffffffff" SEQNO "07", "81" SEQNO "ff",
	    "81" SEQNO "d0ff", /* negative */
	    "81" SEQNO "d3ffffffffffffffff", "81" SEQNO "d2ffffffff",
	    "81" SEQNO "d1ffff", "81" SEQNO "cf0000000100000000", /* too big */
	    "81" SEQNO "c0", "81" SEQNO "a107", "81" SEQNO "c3", /* kinds */
	    "81" SEQNO "9107", "81" SEQNO "80", "81" SEQNO "ca3f800000",
	    "81" NODE "07", "81" NODE "91a161", "81" NODE "c2", "81" NODE "80",
	    "81" NODE "a5616263", "81" NODE "dbffffffff61", "81" UNKNOWN "c1",
	    "81" UNKNOWN "ddffffffff",
	    "81aa536f75726365506f7274cd", /* SourcePort */
	    "81aa536f75726365506f7274ce00010000"};
	struct wire_ping m;
	size_t i;

	(void)state;
	for (i = 0; i < NELEM(bad); i++) {
		if (ping(bad[i], &m) != -1)
			fail_msg("taken: %s", bad[i]);
	}
}

static void
value_forms(void **state)
{
	static const char *seven[] = {"07", "cc07", "cd0007", "ce00000007",
	    "cf0000000000000007", "d007", "d10007", "d200000007",
	    "d30000000000000007"};
	static const char *text[] = {"a26869", "d9026869", "da00026869",
	    "db000000026869", "c4026869", "c500026869", "c6000000026869"};
	char hex[128];
	struct wire_ping m;
	size_t i;

	(void)state;
	for (i = 0; i < NELEM(seven); i++) {
		snprintf(hex, sizeof(hex), "81" SEQNO "%s", seven[i]);
		assert_int_equal(ping(hex, &m), 0);
		assert_int_equal(m.seqno, 7);
		snprintf(
		    hex, sizeof(hex), "81aa536f75726365506f7274%s", seven[i]);
		assert_int_equal(ping(hex, &m), 0);
		assert_int_equal(m.src_port, 7);
	}
	for (i = 0; i < NELEM(text); i++) {
		snprintf(hex, sizeof(hex), "81" NODE "%s", text[i]);
		assert_int_equal(ping(hex, &m), 0);
		assert_int_equal(m.node.len, 2);
		assert_memory_equal(m.node.p, "hi", 2);
	}
	assert_int_equal(ping("81" NODE "c0", &m), 0);
	assert_int_equal(m.node.len, 0);
	assert_int_equal(ping("81" SEQNO "ceffffffff", &m), 0);
	assert_int_equal(m.seqno, UINT32_MAX);
}

/* nil and empty, present and absent, go out as they came in. */
static void
nil_and_empty(void **state)
{
	static const char *acks[] = {"82a75061796c6f6164c0" SEQNO "01",
	    "82a75061796c6f6164a0" SEQNO "01",
	    "82a75061796c6f6164a2abcd" SEQNO "01"};
	struct wire_ack ack;
	struct wire_ping m;
	struct wire_indirect ind;
	uint8_t b[256];
	struct vec v;
	size_t i;

	(void)state;
	for (i = 0; i < NELEM(acks); i++) {
		v = vec_hex(acks[i]);
		assert_int_equal(wire_get_ack(v.p, v.len, &ack), 0);
		assert_int_equal(wire_put_ack(b, sizeof(b), &ack), v.len + 1);
		assert_memory_equal(b + 1, v.p, v.len);
		free(v.p);
	}
	/* A ping of an older peer has no source; nor has one of nobody. */
	v = vec_hex("82" NODE "a178" SEQNO "07");
	assert_int_equal(wire_get_ping(v.p, v.len, &m), 0);
	assert_int_equal(wire_put_ping(b, sizeof(b), &m), v.len + 1);
	assert_memory_equal(b + 1, v.p, v.len);
	free(v.p);
	memset(&ind, 0, sizeof(ind));
	assert_true(wire_put_indirect(b, sizeof(b), &ind) > 0);
	v = vec_hex(
	    "0185" NACK "c2" NODE "a0" PORT "00" SEQNO "00a6546172676574c0");
	assert_memory_equal(b, v.p, v.len);
	free(v.p);
}

static int
pushpull(const char *hex, struct wire_pushpull *m)
{
	struct mp_in in;

	free(last.p);
	last = vec_hex(hex);
	mp_in_init(&in, last.p, last.len);
	return wire_get_pushpull(&in, m);
}

static void
pushpull_header(void **state)
{
	struct wire_pushpull m;
	struct mp_in in;
	uint8_t *b;
	uint32_t n;
	ssize_t len;

	(void)state;
	assert_int_equal(
	    pushpull("83" JOIN "c3" NODES "00" USERLEN "00", &m), 0);
	assert_true(m.join && m.nodes == 0 && m.user_len == 0);
	assert_int_equal(pushpull("83" JOIN "c2" NODES "02" USERLEN "03"
				  "8080010203",
			     &m),
	    0);
	assert_true(!m.join && m.nodes == 2 && m.user_len == 3);
	/* More promised than there is. */
	assert_int_equal(pushpull("81" USERLEN "04"
				  "010203",
			     &m),
	    -1);
	assert_int_equal(pushpull("81" NODES "04"
				  "808080",
			     &m),
	    -1);
	assert_int_equal(pushpull("82" NODES "02" USERLEN "02"
				  "800101",
			     &m),
	    -1);
	assert_int_equal(pushpull("81" NODES "ceffffffff"
				  "80",
			     &m),
	    -1);
	assert_int_equal(pushpull("82" NODES "ceffffffff" USERLEN "ceffffffff"
				  "80",
			     &m),
	    -1);
	assert_int_equal(pushpull("81" NODES "ff"
				  "80",
			     &m),
	    -1);
	assert_int_equal(pushpull("81" JOIN "01", &m), -1);

	/* A million entries may be announced, one more not. */
	b = calloc(1, 1100000);
	assert_non_null(b);
	for (n = 1000000; n <= 1000001; n++) {
		m = (struct wire_pushpull){false, n, 0};
		len = wire_put_pushpull(b, 64, &m);
		assert_true(len > 0);
		mp_in_init(&in, b + 1, 1100000 - 1);
		assert_int_equal(
		    wire_get_pushpull(&in, &m), n == 1000000 ? 0 : -1);
		assert_true(in.err == (n > 1000000));
	}
	free(b);
}

/* Entries in a row on one cursor; after a bad one nothing can be read. */
static void
pushpull_entries(void **state)
{
	struct vec v = vec_hex("82" STATE "03" PORT "cd1f0a"
			       "81" STATE "ccff"
			       "81" STATE "cd0100"
			       "80");
	struct wire_node m;
	struct mp_in in;

	(void)state;
	mp_in_init(&in, v.p, v.len);
	assert_int_equal(wire_get_node(&in, &m), 0);
	assert_true(m.state == WIRE_S_LEFT && m.port == 7946);
	assert_int_equal(wire_get_node(&in, &m), 0);
	assert_true(m.state == 255 && m.port == 0);
	assert_int_equal(wire_get_node(&in, &m), -1);
	assert_int_equal(wire_get_node(&in, &m), -1);
	free(v.p);
}

static void
other_messages(void **state)
{
	struct wire_accuse acc;
	struct wire_alive alive;
	struct wire_indirect ind;
	struct slice s;
	uint32_t seqno;
	struct vec v;

	(void)state;
	v = vec_hex("83" NODE "a161" FROM "a162" INCARNATION "ceffffffff");
	assert_int_equal(wire_get_accuse(v.p, v.len, &acc), 0);
	assert_int_equal(acc.incarnation, UINT32_MAX);
	assert_memory_equal(acc.node.p, "a", 1);
	assert_memory_equal(acc.from.p, "b", 1);
	free(v.p);
	v = vec_hex("82" FROM "a162" FROM "a162");
	assert_int_equal(wire_get_accuse(v.p, v.len, &acc), -1);
	free(v.p);
	v = vec_hex("82" META "c0" PORT "cdffff");
	assert_int_equal(wire_get_alive(v.p, v.len, &alive), 0);
	assert_true(alive.meta.len == 0 && alive.port == 65535);
	free(v.p);
	v = vec_hex("81" PORT "ce00010000");
	assert_int_equal(wire_get_alive(v.p, v.len, &alive), -1);
	assert_int_equal(wire_get_indirect(v.p, v.len, &ind), -1);
	free(v.p);
	v = vec_hex("81" NACK "01");
	assert_int_equal(wire_get_indirect(v.p, v.len, &ind), -1);
	/* To the others that key means nothing. */
	assert_int_equal(wire_get_nack(v.p, v.len, &seqno), 0);
	assert_int_equal(seqno, 0);
	assert_int_equal(wire_get_err(v.p, v.len, &s), 0);
	assert_int_equal(s.len, 0);
	free(v.p);
	v = vec_hex("82a4416c676f01a342756601");
	assert_int_equal(wire_get_compress(v.p, v.len, &s), -1);
	free(v.p);
	v = vec_hex("82a4416c676f01a3427566a161");
	assert_int_equal(wire_get_compress(v.p, v.len, &s), -1);
	v.p[6] = 0;
	assert_int_equal(wire_get_compress(v.p, v.len, &s), 0);
	assert_memory_equal(s.p, "a", 1);
	free(v.p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys),
	    cmocka_unit_test(wrong_values),
	    cmocka_unit_test(value_forms),
	    cmocka_unit_test(nil_and_empty),
	    cmocka_unit_test(pushpull_header),
	    cmocka_unit_test(pushpull_entries),
	    cmocka_unit_test(other_messages),
	};
	int failed = cmocka_run_group_tests_name("forms", tests, NULL, NULL);

	free(last.p);
	return failed;
}
