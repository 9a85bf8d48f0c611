/*
 * Metadata of a member gone bad, through the real mesh: all that gob's own type
 * definitions can describe, and every way to spoil the extension field. (What
 * the decoder makes of each stream is test_meta.c's.)
 */
#include "hostile_mesh.h"

/* One gob message: its length, then the bytes given in hex. */
static size_t
put(uint8_t *to, const char *hex)
{
	size_t n = strlen(hex) / 2, i;
	unsigned b;

	assert_true(n < 0x80);
	to[0] = (uint8_t)n;
	for (i = 0; i < n; i++) {
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &b), 1);
		to[i + 1] = (uint8_t)b;
	}
	return n + 1;
}

/* The id of type n as gob writes it, negative for a definition. */
static void
id(char hex[5], unsigned n, bool define)
{
	snprintf(hex, 5, "ff%02x", define ? 2 * n - 1 : 2 * n);
}

/* Slices of slices of slices ..., 60 deep, which ends nowhere. */
static size_t
deep(uint8_t *to)
{
	char hex[64], def[5], own[5], next[5];
	unsigned i, t;
	size_t n;

	n = put(to, "ff8103010101540102ff8200010101015801ff84000000");
	for (i = 0; i < 30; i++) {
		t = 66 + i;
		id(def, t, true);
		id(own, t, false);
		id(next, i == 29 ? 66 : t + 1, false);
		snprintf(
		    hex, sizeof(hex), "%s020101%s0001%s0000", def, own, next);
		n += put(to + n, hex);
	}
	/* the value: one element in one element in ... */
	n += put(to + n, "ff82010101010101010101010101010101010101010101010101"
			 "01010101010101010101010101010101010101010101010101"
			 "0101010101010101");
	return n;
}

static size_t
hostile_meta(unsigned k, uint8_t *to)
{
	/* One struct T { X } of a type that the second message defines. */
#define OF_X             \
	"ff810301010154" \
	"01ff8200010101015801ff84000000"
	static const char *const second[] = {
	    /* a slice of itself, an array of itself, a map of itself */
	    "ff8302010101ff840001ff840000",
	    "ff8301010101ff840001ff8401fe02000000",
	    "ff8304010101ff840001ff8401ff840000",
	    /* a struct that contains itself, and one that contains T */
	    "ff83030101014c01ff8400010101014101ff84000000",
	    "ff83030101014c01ff8400010101014101ff82000000",
	    /* an array of 2^63 - 1 elements, of -1 */
	    "ff8301010101ff8400010601f8fffffffffffffffe0000",
	    "ff8301010101ff84000106010100",
	    /* a struct of 2^64 - 1 fields */
	    "ff83030101014c01ff840001f8ffffffffffffffff",
	    /* of a type that is never defined */
	    "ff8302010101ff840001fe03e80000",
	};
	static const char *const value[] = {
	    /* counts of 2^64 - 1 and of everything that is left */
	    "ff8201f8ffffffffffffffff",
	    "ff82010401010101",
	    "ff820101010101010101010101010101010101010101",
	    /* a field number beyond all */
	    "ff82f8ffffffffffffffff",
	};
	size_t n;

	if (k == 0)
		return deep(to);
	k--;
	n = put(to, OF_X);
	n += put(to + n, second[k % 9]);
	return n + put(to + n, value[k / 9 % 4]);
}
#define NHOSTILE 37

/* Metadata like ours, but for its extension field: k spoils that. */
static size_t
hostile_x(unsigned k, uint8_t *meta)
{
	static const uint8_t bad[][6] = {
	    {1, 1, 0}, /* an attempt without a byte */
	    {1, 1, 255, 0}, /* longer than what is left */
	    {1, 2, 1, 9}, /* a port of one byte */
	    {1, 2, 2, 0, 0}, /* of 0 */
	    {1, 3, 1, 0}, /* static with a value */
	    {2, 1, 1, 0}, /* another version */
	    {0}, /* none */
	    {1, 4, 1, 1}, /* capabilities of one byte */
	    {1, 4, 0, 1, 1, 0}, /* falling order */
	    {1, 1, 1, 0, 1, 1}, /* twice, cut */
	};
	size_t len = good_meta("bad", 9, meta), i;

	/* The extension is 01 01 01 00 04 04 ...: find and overwrite it. */
	for (i = 0; i + 6 < len; i++)
		if (memcmp(meta + i, "\1\1\1\0\4\4", 6) == 0)
			break;
	assert_true(i + 6 < len);
	memcpy(meta + i, bad[k % 10], 6);
	return len;
}

static uint32_t
chance(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 32);
}

/*
 * Metadata as gob can describe it: nested, recursive, without end. It costs
 * its own member the tunnel, takes no time, and the others notice nothing.
 */
static void
hostile_12_metadata(void **state)
{
	const uint8_t addr[4] = {192, 0, 2, 9};
	uint8_t meta[2 * META_MAX];
	struct meta m;
	uint32_t inc = 1;
	char detail[512];
	int64_t ms;
	unsigned i, k;
	size_t len;

	(void)state;
	good("node2", 2);
	for (k = 0; k < NHOSTILE; k++) {
		len = hostile_meta(k, meta);
		assert_in_range(len, 1, META_MAX);
		say("bad", addr, inc++, meta, len, addr);
		run_for(US_PER_S / 10);
		assert_true(why_of("bad", detail) == PEER_BAD_META ||
			    why_of("bad", detail) == PEER_BAD_KEY);
		assert_true(strlen(detail) > 0);
	}
	/* A bad extension makes it a member without one: not derived, or the
	 * original's address, and at that a tunnel. */
	for (k = 0; k < 10; k++) {
		len = hostile_x(k, meta);
		say("bad", addr, inc++, meta, len, addr);
		run_for(US_PER_S / 10);
		assert_int_equal(meta_decode(meta, len, &m), 0);
		assert_false(m.has_x);
		assert_int_equal(why_of("bad", NULL), PEER_OK);
	}
	ms = cpu_ms();
	for (i = 0; i < 200000; i++) {
		len = i % 2 ? hostile_meta(chance() % NHOSTILE, meta)
			    : good_meta("bad", 9, meta);
		for (k = chance() % 4 + 1; k > 0; k--)
			meta[chance() % len] = (uint8_t)chance();
		(void)meta_decode(meta, len - chance() % 3, &m);
	}
	print_message("# 200000 mutations decoded in %lld ms\n",
	    (long long)(cpu_ms() - ms));
	assert_int_equal(why_of("node2", NULL), PEER_OK);
	assert_false(w.deleted[2]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {T(hostile_12_metadata)};

	return cmocka_run_group_tests_name("hostile meta", tests, NULL, NULL);
}
