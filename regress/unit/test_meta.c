/*
 * Node metadata against captured bytes: both dialects both ways, what the
 * original's decoder accepts and refuses, the extension field, and every way
 * in which a definition or a value can be broken. Inputs are copies of exact
 * size, so that a sanitizer sees any byte read too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>

#include "vec.h"

#include "../../wesher/meta.h"

#define KEY_TEXT "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="
#define KEY_HEX                                                                \
	"71367572713675727136757271367572713675727136757271367572713675727136" \
	"7"                                                                    \
	"572713675727136733d"

/*
 * The pieces of handmade streams: hex, each message in brackets, which stand
 * for its length. DEF defines the struct (65) of our two fields and more, ADDR
 * the marshaler (66), VALUE holds both fields and what follows them.
 */
#define FIELDS	    "010b4f7665726c61794164647201ff840001065075624b6579010c00"
#define STRUCT(n)   "ff81030101086e6f64654d65746101ff820001" n
#define DEF	    "[" STRUCT("02") FIELDS "0000]"
#define DEF3(field) "[" STRUCT("03") FIELDS field "0000]"
#define ADDR	    "[ff83060101044164647201ff84000000]"
#define IPNET                                 \
	"[ff830301010549504e657401ff84000102" \
	"010249"                              \
	"50010a0001044d61736b010a000000]"
#define VALUE(rest)	"[ff8201040a010203012c" KEY_HEX rest "]"
#define VALUE_V02(rest) "[ff820101040a0102030104ffffffff00012c" KEY_HEX rest "]"
#define X_FIELD		"010158010a00" /* X []byte */
#define Y_FIELD		"01015901ff8600" /* Y, of type 67 */

static struct vec
stream(const char *s)
{
	uint8_t b[2 * META_MAX];
	size_t n = 0, start = 0;

	for (; *s != '\0'; s++) {
		if (*s == '[') {
			start = n++;
		} else if (*s == ']') {
			assert_true(n - start - 1 < 0x80);
			b[start] = (uint8_t)(n - start - 1);
		} else {
			b[n++] =
			    (uint8_t)(vec_nibble(s[0]) << 4 | vec_nibble(s[1]));
			s++;
		}
		assert_true(n < sizeof(b));
	}
	return vec_copy(b, n);
}

static int
decode(struct vec v, struct meta *m)
{
	struct vec copy = vec_copy(v.p, v.len);
	int r = meta_decode(copy.p, copy.len, m);

	assert_int_equal(meta_is_ours(copy.p, copy.len), r == 0 && m->has_x);
	free(copy.p);
	return r;
}

static int
decode_stream(const char *s, struct meta *m)
{
	struct vec v = stream(s);
	int r = meta_decode(v.p, v.len, m);

	assert_int_equal(meta_is_ours(v.p, v.len), r == 0 && m->has_x);
	free(v.p);
	return r;
}

/* "10.1.2.3", with or without a prefix or zone, against what was read. */
static void
assert_overlay(const struct meta *m, const char *want)
{
	struct ipaddr a = {0};
	char text[128];

	snprintf(text, sizeof(text), "%s", want);
	text[strcspn(text, "/%")] = '\0';
	if (strcmp(want, "invalid IP") != 0)
		assert_int_equal(ipaddr_parse(text, &a), 0);
	assert_true(ipaddr_eq(&a, &m->overlay));
}

static void
assert_key(const struct meta *m, const char *want)
{
	uint8_t ab[32];

	memset(ab, 0xab, sizeof(ab));
	assert_int_equal(m->has_pubkey, strcmp(want, KEY_TEXT) == 0);
	if (m->has_pubkey)
		assert_memory_equal(m->pubkey, ab, sizeof(ab));
}

/*
 * The old layout, which HEAD refuses, is the other dialect to us; and HEAD's
 * bytes, which the old decoder refuses, are HEAD's.
 */
static void
check_accepted(json_t *rec)
{
	const char *verdict = json_string_value(
	    json_object_get(rec, "decode_as_HEAD"));
	const char *name = vec_str(rec, "case");
	bool old = strcmp(name, "v0.2.6 layout (IPNet)") == 0;
	bool both = verdict == NULL || old;
	bool ok = both || strcmp(verdict, "ok") == 0;
	struct vec v = vec_hexof(rec, "hex");
	struct meta m;

	if (meta_decode(v.p, v.len, &m) != (ok ? 0 : -1))
		fail_msg("%s: expected %s", name, ok ? "ok" : "refusal");
	free(v.p);
	if (!ok)
		return;
	assert_int_equal(m.dialect, old ? META_V02 : META_V03);
	assert_overlay(&m, both ? "10.1.2.3" : vec_str(rec, "overlay"));
	assert_key(&m, both ? KEY_TEXT : vec_str(rec, "pubkey"));
	assert_false(m.has_x);
}

static void
check_file(const char *file, size_t least)
{
	json_t *all = vec_load(file), *rec;
	size_t i;

	assert_true(json_array_size(all) >= least);
	json_array_foreach(all, i, rec) check_accepted(rec);
	json_decref(all);
}

static void
accepted_vectors(void **state)
{
	(void)state;
	check_file("gob-accepted.json", 34);
}

static void
handmade_vectors(void **state)
{
	(void)state;
	check_file("gob-handmade.json", 11);
}

/* Captured metadata; encoded again it is the same bytes, where we write it. */
static int
check_captured(json_t *rec, enum meta_dialect dialect)
{
	struct vec v = vec_hexof(rec, "meta_hex");
	const char *pubkey = vec_str(rec, "pubkey"),
		   *overlay = vec_str(rec, "overlay");
	bool none = strcmp(overlay, "(zero netip.Addr)") == 0;
	uint8_t buf[META_MAX];
	struct meta m;
	int same;

	assert_int_equal(vec_int(rec, "len"), v.len);
	assert_int_equal(decode(v, &m), 0);
	assert_overlay(&m, none ? "invalid IP" : overlay);
	assert_key(&m, pubkey);
	if (!none)
		assert_int_equal(m.dialect, dialect);
	/* Mapped forms, zones and foreign keys we only read. */
	same = !none && (strchr(overlay, ':') != NULL) == (m.overlay.len == 16);
	same = same && strchr(overlay, '%') == NULL && strlen(pubkey) != 1;
	same = same &&
	       (dialect == META_V03 || vec_int(rec, "iplen") == m.overlay.len);
	if (same) {
		assert_int_equal(meta_encode(&m, buf, sizeof(buf)), v.len);
		assert_memory_equal(buf, v.p, v.len);
		assert_int_equal(meta_encode(&m, buf, v.len), v.len);
		assert_int_equal(meta_encode(&m, buf, v.len - 1), -1);
	}
	free(v.p);
	return same;
}

static void
check_dialect(const char *file, enum meta_dialect dialect, int want)
{
	json_t *all = vec_load(file), *rec;
	size_t i;
	int encoded = 0;

	json_array_foreach(
	    all, i, rec) if (json_object_get(rec, "meta_hex") != NULL)
	    encoded += check_captured(rec, dialect);
	assert_int_equal(encoded, want);
	json_decref(all);
}

static void
dialect_v03(void **state)
{
	(void)state;
	check_dialect("meta-v0.3.json", META_V03, 8);
}

static void
dialect_v02(void **state)
{
	(void)state;
	check_dialect("meta-v0.2.6.json", META_V02, 13);
}

static void
encode_refuses(void **state)
{
	struct meta m = {.dialect = META_V03};
	uint8_t buf[META_MAX];

	(void)state;
	assert_int_equal(meta_encode(&m, buf, sizeof(buf)), -1);
	m.overlay.len = 4;
	assert_int_equal(meta_encode(&m, buf, sizeof(buf)), 78);
	assert_int_equal(meta_encode(&m, buf, 0), -1);
}

/*
 * What Go's encoder makes of a struct with a third field X, its type ids
 * renumbered to start at 65: ours must be the same, so that Go can skip it.
 */
static void
x_as_go_writes_it(void **state)
{
	static const struct {
		enum meta_dialect dialect;
		const char *hex;
	} t[] = {
	    {META_V03, DEF3(X_FIELD) ADDR VALUE("010a0101010304040000000000")},
	    {META_V02,
		DEF3(X_FIELD) IPNET VALUE_V02("010a0101010304040000000000")},
	};
	uint8_t buf[META_MAX];
	struct meta m;
	struct vec v;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		v = stream(t[i].hex);
		assert_int_equal(decode(v, &m), 0);
		assert_int_equal(m.dialect, t[i].dialect);
		assert_true(m.has_x && m.has_caps);
		assert_int_equal(m.attempt, 3);
		assert_false(m.has_wgport || m.is_static);
		assert_int_equal(meta_encode(&m, buf, sizeof(buf)), v.len);
		assert_memory_equal(buf, v.p, v.len);
		free(v.p);
	}
}

static struct meta
full_meta(enum meta_dialect dialect)
{
	struct meta m = {.dialect = dialect,
	    .has_pubkey = true,
	    .has_x = true,
	    .attempt = 255,
	    .has_wgport = true,
	    .wgport = 51820,
	    .is_static = true,
	    .has_caps = true,
	    .caps = 0x01020304};

	assert_int_equal(ipaddr_parse("fd12::1", &m.overlay), 0);
	memset(m.pubkey, 0x5a, sizeof(m.pubkey));
	return m;
}

static void
assert_same(const struct meta *a, const struct meta *b)
{
	assert_int_equal(a->dialect, b->dialect);
	assert_true(ipaddr_eq(&a->overlay, &b->overlay));
	assert_int_equal(a->has_pubkey, b->has_pubkey);
	assert_memory_equal(a->pubkey, b->pubkey, sizeof(a->pubkey));
	assert_int_equal(a->has_x, b->has_x);
	assert_int_equal(a->attempt, b->attempt);
	assert_int_equal(a->has_wgport, b->has_wgport);
	assert_int_equal(a->wgport, b->wgport);
	assert_int_equal(a->is_static, b->is_static);
	assert_int_equal(a->caps, b->caps);
}

static void
round_trip(void **state)
{
	uint8_t buf[META_MAX];
	struct meta m, got;
	ssize_t len;
	int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		m = full_meta(i & 1 ? META_V02 : META_V03);
		if (i & 2)
			memset(m.pubkey, 0, sizeof(m.pubkey));
		m.has_pubkey = !(i & 2);
		if (i & 4)
			m.is_static = m.has_wgport = false, m.wgport = 0;
		len = meta_encode(&m, buf, sizeof(buf));
		assert_in_range(len, 1, META_MAX);
		assert_int_equal(meta_decode(buf, (size_t)len, &got), 0);
		assert_same(&m, &got);
	}
}

/* A stream whose X holds these bytes. */
static int
decode_x(const char *xhex, struct meta *m)
{
	char s[1024];

	snprintf(s, sizeof(s), DEF3(X_FIELD) ADDR VALUE("01%02zx%s00"),
	    strlen(xhex) / 2, xhex);
	return decode_stream(s, m);
}

static void
x_accepted(void **state)
{
	struct meta m;

	(void)state;
	assert_int_equal(decode_x("01", &m), 0);
	assert_true(m.has_x && !m.has_caps && m.attempt == 0);
	assert_int_equal(decode_x("01010107020200500300", &m), 0);
	assert_true(m.has_x && m.attempt == 7 && m.has_wgport);
	assert_int_equal(m.wgport, 80);
	assert_true(m.is_static && !m.has_caps);
	/* Unknown types, before, between and behind. */
	assert_int_equal(
	    decode_x("0100000101090404ffffffff0502abcdff00", &m), 0);
	assert_true(m.has_x && m.attempt == 9 && m.caps == 0xffffffff);
}

/* A broken extension costs the extension and nothing else. */
static void
x_dropped(void **state)
{
	static const char *const t[] = {
	    "02010103", /* version */
	    "00010103", "0101", /* cut */
	    "010101", "01010103040400", "010103", /* no value */
	    "01010103010104", /* twice */
	    "01040400000000010103", /* falling */
	    "010700070101", /* unknown twice */
	    "01010203000000", /* lengths */
	    "010100", "01020100", "0102030050ff", "01030101", "01040300000000",
	    "0102020000", /* port 0 */
	    "0101010301", /* half an item */
	};
	struct meta m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (decode_x(t[i], &m) == -1 || m.has_x)
			fail_msg("X %s", t[i]);
		assert_overlay(&m, "10.1.2.3");
		assert_key(&m, KEY_TEXT);
		assert_false(m.has_wgport || m.is_static || m.has_caps);
		assert_int_equal(m.attempt, 0);
	}
}

/* X of another type is a stranger's field. */
static void
x_of_another_kind(void **state)
{
	struct meta m;

	(void)state;
	assert_int_equal(
	    decode_stream(
		DEF3("010158010c00") ADDR VALUE("01040101010300"), &m),
	    0);
	assert_false(m.has_x);
	assert_key(&m, KEY_TEXT);
	/* X alone is no node metadata: the original finds no field. */
	assert_int_equal(
	    decode_stream("[" STRUCT("01") X_FIELD "0000]"
						   "[ff82010a010101030404"
						   "0000000000]",
		&m),
	    -1);
}

/* Streams of Go's encoder with kinds that the vectors do not have. */
static void
unknown_kinds(void **state)
{
	static const char *const t[] = {
	    /* complex, float, bool, uint, array */
	    "53ff81030101086e6f64654d65746101ff82000107010143010e0001014601080"
	    "0010142010200010155010600010341727201ff8400010b4f7665726c6179416"
	    "4647201ff860001065075624b6579010c00000016ff83010101065b335d696e7"
	    "401ff840001040106000010ff85060101044164647201ff860000004bff8201f"
	    "ef03f4001fef83f0101010701030203fe025801040a010203012c" KEY_HEX
	    "00",
	    /* a struct that refers to itself, straight and by a slice */
	    "3bff87030101086e6f64654d65746101ff88000103010352656301ff8a00010b4"
	    "f7665726c61794164647201ff860001065075624b6579010c00000026ff89030"
	    "101015201ff8a00010301014101040001044e65787401ff8a0001014c01ff8c0"
	    "0000017ff8b020101085b5d6d61696e2e5201ff8c0001ff8a000010ff8506010"
	    "1044164647201ff8600000047ff8801010201010402020106000108000000010"
	    "40a010203012c" KEY_HEX "00",
	    /* an interface that holds a string */
	    "38ff8d030101086e6f64654d65746101ff8e000103010149011000010b4f76657"
	    "26c61794164647201ff860001065075624b6579010c00000010ff85060101044"
	    "164647201ff8600000045ff8e0106737472696e670c040002686901040a01020"
	    "3012c" KEY_HEX "00",
	    /* an interface that brings its definitions in further messages */
	    "38ff8d030101086e6f64654d65746101ff8e000103010149011000010b4f76657"
	    "26c61794164647201ff860001065075624b6579010c00000010ff85060101044"
	    "164647201ff8600000029ff8e01076d61696e2e5431ff8f03010102543101ff9"
	    "000010201015101ff920001015301ff9400000035ff910301011b73747275637"
	    "4207b205a20696e743b204620666c6f61743634207d01ff9200010201015a010"
	    "400010146010800000016ff93020101085b5d737472696e6701ff9400010c000"
	    "041ff900901010a00010101610001040a010203012c" KEY_HEX "00",
	    /* marshalers, maps in slices in maps */
	    "47ff9b030101086e6f64654d65746101ff9c00010501015401ff9e0001014701f"
	    "fa00001014d01ffa600010b4f7665726c61794164647201ff860001065075624"
	    "b6579010c00000010ff9d0501010454696d6501ff9e0000000aff9f050102ffa"
	    "80000002cffa50401011b6d61705b737472696e675d5b5d6d61705b696e745d7"
	    "37472696e6701ffa600010c01ffa400000dffa3020102ffa40001ffa200000ef"
	    "fa1040102ffa2000104010c000010ff85060101044164647201ff8600000056f"
	    "f9c010f010000000e7791f70000000000ffff010202630101016b02010201780"
	    "001040a010203012c" KEY_HEX "00",
	};
	struct meta m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (decode_stream(t[i], &m) == -1)
			fail_msg("stream %zu refused", i);
		assert_overlay(&m, "10.1.2.3");
		assert_key(&m, KEY_TEXT);
	}
}

/* What a definition or a message may not do; the original refuses it too. */
static void
refused_streams(void **state)
{
	static const struct {
		const char *why, *s;
	} t[] = {
	    {"empty message", "[]" DEF ADDR VALUE("00")},
	    {"value of an unknown type", DEF ADDR "[ffaa00]"},
	    {"value of a builtin type", DEF ADDR "[04000a]"},
	    {"value of the marshaler", DEF ADDR "[ff8400040a010203]"},
	    {"no value", DEF ADDR},
	    {"marshaler not defined", DEF VALUE("00")},
	    {"defined twice", DEF ADDR ADDR VALUE("00")},
	    {"id below 64", "[7d0601000000]" DEF ADDR VALUE("00")},
	    {"bytes behind a definition",
		"[" STRUCT("02") FIELDS "000000]" ADDR VALUE("00")},
	    {"field beyond the last", DEF ADDR VALUE("010100")},
	    {"field far beyond", DEF ADDR VALUE("f87fffffffffffffff")},
	    {"negative field number", DEF ADDR VALUE("f8ffffffffffffffff")},
	    {"number of 9 bytes", DEF ADDR VALUE("f7010000000000000000")},
	    {"cut number", DEF ADDR VALUE("fe01")},
	    {"key is bytes",
		"[" STRUCT(
		    "02") "010b4f7665726c61794164647201ff840001065075624b"
			  "6579010a000000]" ADDR VALUE("00")},
	    {"overlay is bytes",
		"[" STRUCT(
		    "02") "010b4f7665726c617941646472010a0001065075624b65"
			  "79010c000000]" VALUE("00")},
	    {"overlay is another marshaler",
		DEF "[ff83050101044164647201ff84000000]" VALUE("00")},
	    {"unknown field of an undefined type",
		DEF3(Y_FIELD) ADDR VALUE("00")},
	    {"unknown field of an empty type",
		DEF3(Y_FIELD) ADDR "[ff8500]" VALUE("00")},
	    {"undefined type further down",
		DEF3(Y_FIELD) ADDR "[ff8502010001ff880000]" VALUE("00")},
	    {"field without a name", DEF3("020a00") ADDR VALUE("00")},
	    {"overlay in both forms",
		DEF3("010b4f7665726c61794164647201ff8600") ADDR
		"[ff850301010549504e657401ff86000102010249"
		"50010a0001044d61736b010a000000]" VALUE("00")},
	    {"IP as a string",
		DEF "[ff830301010549504e657401ff84000102010249"
		    "50010c0001044d61736b010a000000]" VALUE_V02("00")},
	};
	struct meta m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (decode_stream(t[i].s, &m) == 0)
			fail_msg("accepted: %s", t[i].why);
}

/* The oddities that the original lets pass. */
static void
tolerated_streams(void **state)
{
	static const struct {
		const char *why, *s;
	} t[] = {
	    {"no closing zero", DEF ADDR VALUE("")},
	    {"more in the value's message", DEF ADDR VALUE("00ffff")},
	    {"long form of small numbers",
		DEF ADDR "[fc00000082ff01fe00040a010203012c" KEY_HEX "]"},
	    {"unknown type that nobody refers to",
		"[ff8500]" DEF ADDR VALUE("00")},
	    {"unknown field of a defined type, not sent",
		DEF3(Y_FIELD) ADDR "[ff85020100010c0000]" VALUE("00")},
	    {"definition cut at its end",
		DEF "[ff83060101044164647201ff84]" VALUE("00")},
	    {"the old form", DEF IPNET VALUE_V02("00")},
	};
	struct meta m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (decode_stream(t[i].s, &m) == -1)
			fail_msg("refused: %s", t[i].why);
		assert_overlay(&m, "10.1.2.3");
		assert_key(&m, KEY_TEXT);
	}
}

/*
 * Where we are stricter than the original, on purpose: no encoder writes a
 * definition of two kinds.
 */
static void
two_kinds(void **state)
{
	struct meta m;

	(void)state;
	assert_int_equal(
	    decode_stream(
		"[" STRUCT("02") FIELDS "000200]" ADDR VALUE("00"), &m),
	    -1);
}

/* Y is a slice of its own type, nested as deep as asked, then a zero. */
static void
depth_is_bounded(void **state)
{
	char s[1024], *p;
	struct meta m;
	unsigned depth, i;

	(void)state;
	for (depth = 1; depth < 90; depth++) {
		p = s + sprintf(s, DEF3(Y_FIELD) ADDR "[ff8502010001ff860000]"
						      "[ff8203");
		for (i = 1; i < depth; i++)
			p += sprintf(p, "01");
		sprintf(p, "00]");
		if (decode_stream(s, &m) != (depth <= 32 ? 0 : -1))
			fail_msg("depth %u", depth);
	}
}

/* Counts against what follows, in each kind that has one. */
static void
counts_are_bounded(void **state)
{
#define SLICE "[ff85020100010c0000]" /* of strings */
#define MAP                     \
	"[ff85040100010c010400" \
	"00]" /* string to int */
#define ARRAY                   \
	"[ff85010100010c010400" \
	"00]" /* of 2 strings */
	static const struct {
		int result;
		const char *s;
	} t[] = {
	    {0, SLICE "[ff82030000]"},
	    {0, SLICE "[ff8203020161"
		      "0000]"},
	    {-1, SLICE "[ff8203020161]"},
	    {-1, SLICE "[ff82030102]"},
	    {-1, SLICE "[ff8203f87fffffffffffffff]"},
	    {-1, SLICE "[ff8203f8ffffffffffffffff]"},
	    {0, MAP "[ff82030101610200]"},
	    {-1, MAP "[ff82030201610200]"},
	    {-1, MAP "[ff8203f87fffffffffffffff]"},
	    {0, ARRAY "[ff82030201610000]"},
	    {-1, ARRAY "[ff820301016100]"},
	    {-1, ARRAY "[ff8203030161000000]"},
	    {-1, ARRAY "[ff82030201"
		       "61]"},
	};
	char s[1024];
	struct meta m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(s, sizeof(s), DEF3(Y_FIELD) ADDR "%s", t[i].s);
		if (decode_stream(s, &m) != t[i].result)
			fail_msg("count %zu: %s", i, t[i].s);
	}
}

/* More definitions than the tables hold, more bytes than metadata has. */
static void
sizes_are_bounded(void **state)
{
	struct vec v = stream(DEF ADDR VALUE("00"));
	uint8_t buf[META_MAX + 1] = {0};
	struct meta m;
	unsigned i, n;

	(void)state;
	memcpy(buf, v.p, v.len);
	assert_int_equal(meta_decode(buf, META_MAX, &m), 0);
	assert_int_equal(meta_decode(buf, META_MAX + 1, &m), -1);
	/* n empty definitions of 5 bytes each, ids from 200, then ours. */
	for (n = 60; n < 70; n++) {
		for (i = 0; i < n; i++)
			memcpy(buf + 5 * i,
			    (uint8_t[]){4, 0xfe, (uint8_t)(1 + i / 64),
				(uint8_t)(1 + 2 * (i % 64)), 0},
			    5);
		memcpy(buf + 5 * n, v.p, v.len);
		assert_int_equal(
		    meta_decode(buf, 5 * n + v.len, &m), n <= 62 ? 0 : -1);
	}
	free(v.p);
}

/* Nothing is accepted that is cut before the value's last field. */
static void
truncated(void **state)
{
	uint8_t buf[META_MAX];
	struct meta m = full_meta(META_V02), got;
	size_t len, n;

	(void)state;
	len = (size_t)meta_encode(&m, buf, sizeof(buf));
	for (n = 0; n < len; n++) {
		assert_int_equal(decode((struct vec){buf, n}, &got), -1);
		assert_false(got.has_pubkey || got.has_x || got.overlay.len);
	}
}

/* Every byte of some streams takes every value; ASan and UBSan watch. */
static void
mutated(void **state)
{
	json_t *all = vec_load("gob-accepted.json");
	size_t i, accepted = 0;
	struct meta m;
	struct vec v;
	unsigned c, r;
	uint8_t old;

	(void)state;
	for (r = 0; r < 2; r++) {
		v = vec_hexof(json_array_get(all, r), "hex");
		for (i = 0; i < v.len; i++) {
			old = v.p[i];
			for (c = 0; c < 256; c++) {
				v.p[i] = (uint8_t)c;
				if (meta_decode(v.p, v.len, &m) == 0)
					accepted++;
				assert_int_equal(
				    meta_is_ours(v.p, v.len), m.has_x);
			}
			v.p[i] = old;
		}
		free(v.p);
	}
	assert_in_range(accepted, 1, 512 * 256);
	json_decref(all);
}

static void
key_text(void **state)
{
	uint8_t key[32], ab[32], any[32];
	char text[64];
	unsigned c;

	(void)state;
	for (c = 0; c < 1000; c++) {
		randombytes_buf(any, sizeof(any));
		sodium_bin2base64(text, sizeof(text), any, sizeof(any),
		    sodium_base64_VARIANT_ORIGINAL);
		assert_int_equal(meta_key_parse(text, 44, key), 0);
		assert_memory_equal(key, any, 32);
	}
	memset(ab, 0xab, sizeof(ab));
	assert_int_equal(meta_key_parse(KEY_TEXT, 44, key), 0);
	assert_memory_equal(key, ab, 32);
	snprintf(text, sizeof(text), "%.20s\r\n%s\n", KEY_TEXT, &KEY_TEXT[20]);
	assert_int_equal(meta_key_parse(text, strlen(text), key), 0);
	assert_memory_equal(key, ab, 32);
	/* The two spare bits. */
	snprintf(text, sizeof(text), "%.42sv=", KEY_TEXT);
	assert_int_equal(meta_key_parse(text, 44, key), 0);
	assert_memory_equal(key, ab, 32);
	assert_int_equal(meta_key_parse(KEY_TEXT, 43, key), -1);
	assert_int_equal(meta_key_parse(KEY_TEXT "=", 45, key), -1);
	assert_int_equal(meta_key_parse("", 0, key), -1);
	assert_int_equal(meta_key_parse(KEY_TEXT KEY_TEXT, 88, key), -1);
	for (c = 0; c < 256; c++) {
		snprintf(text, sizeof(text), "%s", KEY_TEXT);
		text[7] = (char)c;
		assert_int_equal(meta_key_parse(text, 44, key),
		    c != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
				     "klmnopqrstuvwxyz0123456789+/",
				  (int)c) != NULL
			? 0
			: -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(accepted_vectors),
	    cmocka_unit_test(handmade_vectors),
	    cmocka_unit_test(dialect_v03),
	    cmocka_unit_test(dialect_v02),
	    cmocka_unit_test(encode_refuses),
	    cmocka_unit_test(x_as_go_writes_it),
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(x_accepted),
	    cmocka_unit_test(x_dropped),
	    cmocka_unit_test(x_of_another_kind),
	    cmocka_unit_test(unknown_kinds),
	    cmocka_unit_test(refused_streams),
	    cmocka_unit_test(tolerated_streams),
	    cmocka_unit_test(two_kinds),
	    cmocka_unit_test(depth_is_bounded),
	    cmocka_unit_test(counts_are_bounded),
	    cmocka_unit_test(sizes_are_bounded),
	    cmocka_unit_test(truncated),
	    cmocka_unit_test(mutated),
	    cmocka_unit_test(key_text),
	};

	return cmocka_run_group_tests_name("meta", tests, NULL, NULL);
}
