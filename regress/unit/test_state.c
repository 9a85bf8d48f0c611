/*
 * The state: the forms of the original (as Go's encoding/json writes them) and
 * ours, what is skipped and what is refused, and the file: hostile ones, full
 * disks, and that nothing half-written is ever seen.
 */
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "vec.h"

#include "../../common/check.h"
#include "../../wesher/meta.h"
#include "../../wesher/state.h"

#define KEY64	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define PUB64	"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="
#define NODE	"{\"Name\":\"n\",\"Addr\":\"192.0.2.1\"}"
#define LIST(x) "{\"ClusterKey\":\"" KEY64 "\",\"Nodes\":[" x "]}"
#define NAME	"state.json"
#define ASIDE	NAME ".bad"
#define TMP	NAME ".tmp"

static char folder[] = "/tmp/wesher-state-XXXXXX";
static char why[STATE_WHY];
static int dir = -1;

static int
parse(const char *text, struct state *s)
{
	struct vec v = vec_copy(text, strlen(text));
	int r;

	why[0] = '\0';
	r = state_parse((const char *)v.p, v.len, s, why, sizeof(why));
	free(v.p);
	return r;
}

static void
assert_ip(const struct ipaddr *a, const char *want)
{
	char text[IPADDR_STRLEN];

	assert_string_equal(ipaddr_str(a, text), want);
}

static void
assert_cluster_key(const struct state *s)
{
	unsigned i;

	assert_true(s->has_key);
	for (i = 0; i < CLUSTER_KEY_LEN; i++)
		assert_int_equal(s->key[i], i);
}

static void
assert_pubkey(const struct state_node *n)
{
	uint8_t ab[32];

	memset(ab, 0xab, sizeof(ab));
	assert_true(n->has_pubkey);
	assert_memory_equal(n->pubkey, ab, sizeof(ab));
}

static void
original_form(void **state)
{
	static const char text[] =
	    "{\n  \"ClusterKey\": \"" KEY64 "\",\n  \"Nodes\": [\n"
	    "    {\n      \"Name\": \"node2\",\n"
	    "      \"Addr\": \"192.0.2.2\",\n      \"Meta\": \"Mv+B\",\n"
	    "      \"OverlayAddr\": \"10.59.76.237\",\n"
	    "      \"PubKey\": \"" PUB64 "\"\n    },\n"
	    "    {\n      \"Name\": \"a\\u003cb\\u0026\\\"\xc3\xa9\\\\\",\n"
	    "      \"Addr\": \"2001:db8::5\",\n      \"Meta\": null,\n"
	    "      \"OverlayAddr\": \"\",\n      \"PubKey\": \"\"\n    }\n"
	    "  ]\n}";
	struct state s;

	(void)state;
	assert_int_equal(parse(text, &s), STATE_OK);
	assert_cluster_key(&s);
	assert_int_equal(s.incarnation, 0);
	assert_int_equal(s.attempt, 0);
	assert_int_equal(s.nnodes, 2);
	assert_string_equal(s.nodes[0].name, "node2");
	assert_ip(&s.nodes[0].addr.ip, "192.0.2.2");
	assert_int_equal(s.nodes[0].addr.port, 0);
	assert_int_equal(s.nodes[0].metalen, 3);
	assert_memory_equal(s.nodes[0].meta, "\x32\xff\x81", 3);
	assert_ip(&s.nodes[0].overlay, "10.59.76.237");
	assert_pubkey(&s.nodes[0]);
	assert_string_equal(s.nodes[1].name, "a<b&\"\xc3\xa9\\");
	assert_ip(&s.nodes[1].addr.ip, "2001:db8::5");
	assert_null(s.nodes[1].meta);
	assert_int_equal(s.nodes[1].overlay.len, 0);
	assert_false(s.nodes[1].has_pubkey);
	state_clear(&s);
}

static void
form_before_03(void **state)
{
	static const char text[] =
	    "{\"ClusterKey\": \"" KEY64 "\", \"Nodes\": [{\"Name\": \"node2\","
	    "\"Addr\": \"192.0.2.2\", \"OverlayAddr\": {\"IP\": "
	    "\"10.59.76.237\", \"Mask\": \"/////w==\"}, \"PubKey\": \"" PUB64
	    "\"}, {\"Name\": \"node3\", \"Addr\": \"2001:db8::5\","
	    "\"OverlayAddr\": {\"IP\": \"\", \"Mask\": null}, \"PubKey\": \"\""
	    "}, {\"Name\": \"node4\", \"Addr\": \"192.0.2.4\", \"OverlayAddr\":"
	    "{\"IP\": \"fd00::7\", \"Mask\": \"/////////////////////w==\"},"
	    "\"PubKey\": \"\"}]}";
	struct state s;

	(void)state;
	assert_int_equal(parse(text, &s), STATE_OK);
	assert_cluster_key(&s);
	assert_int_equal(s.nnodes, 3);
	assert_ip(&s.nodes[0].overlay, "10.59.76.237");
	assert_pubkey(&s.nodes[0]);
	assert_null(s.nodes[0].meta);
	assert_int_equal(s.nodes[1].overlay.len, 0);
	assert_ip(&s.nodes[1].addr.ip, "2001:db8::5");
	assert_ip(&s.nodes[2].overlay, "fd00::7");
	state_clear(&s);
}

static void
small_forms(void **state)
{
	static const char *const t[] = {
	    "{\"ClusterKey\":\"" KEY64 "\",\"Nodes\":null}",
	    "{\"ClusterKey\":\"" KEY64 "\",\"Nodes\":[]}",
	    "{\"ClusterKey\":\"" KEY64 "\"}",
	    "{\"Later\":[{\"a\":[1.5,true]}],\"ClusterKey\":\"" KEY64
	    "\",\"More\":{}}",
	};
	static const char *const none[] = {
	    "{\"Nodes\":null}",
	    "{\"ClusterKey\":null,\"Nodes\":[]}",
	    "{\"ClusterKey\":\"\"}",
	};
	struct state s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(parse(t[i], &s), STATE_OK);
		assert_cluster_key(&s);
		assert_int_equal(s.nnodes, 0);
		state_clear(&s);
		assert_false(s.has_key);
		assert_true(check_is_zero(s.key, sizeof(s.key)));
	}
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(parse(none[i], &s), STATE_OK);
		assert_false(s.has_key);
		state_clear(&s);
	}
}

/* A node that nobody could be reached as is left out, its neighbours stay. */
static void
nodes_skipped(void **state)
{
	static const char *const t[] = {
	    "7",
	    "null",
	    "[]",
	    "\"node\"",
	    "{}",
	    "{\"Name\":\"n\"}",
	    "{\"Addr\":\"192.0.2.1\"}",
	    "{\"Name\":\"\",\"Addr\":\"192.0.2.1\"}",
	    "{\"Name\":7,\"Addr\":\"192.0.2.1\"}",
	    "{\"Name\":\"a\\nb\",\"Addr\":\"192.0.2.1\"}",
	    "{\"Name\":\"a\\u0000b\",\"Addr\":\"192.0.2.1\"}",
	    "{\"Name\":\"n\",\"Addr\":\"\"}",
	    "{\"Name\":\"n\",\"Addr\":\"?\"}",
	    "{\"Name\":\"n\",\"Addr\":\"192.0.2.1:1\"}",
	    "{\"Name\":\"n\",\"Addr\":[192]}",
	};
	char text[1024], name[300];
	struct state s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(text, sizeof(text), LIST(NODE ",%s," NODE), t[i]);
		assert_int_equal(parse(text, &s), STATE_OK);
		if (s.nnodes != 2)
			fail_msg("%s", t[i]);
		state_clear(&s);
	}
	for (i = 255; i <= 256; i++) {
		memset(name, 'n', i);
		name[i] = '\0';
		snprintf(text, sizeof(text),
		    LIST("{\"Name\":\"%s\",\"Addr\":\"192.0.2.1\"}"), name);
		assert_int_equal(parse(text, &s), STATE_OK);
		assert_int_equal(s.nnodes, i == 255 ? 1 : 0);
		state_clear(&s);
	}
}

/* A detail that makes no sense is left out, the node stays. */
static void
details_dropped(void **state)
{
	static const char *const t[] = {
	    "\"Meta\":\"*\"",
	    "\"Meta\":\"Mv+\"",
	    "\"Meta\":\"Mv+B=\"",
	    "\"Meta\":\"M\\u00ff+B\"",
	    "\"Meta\":7",
	    "\"Meta\":\"\"",
	    "\"OverlayAddr\":\"fe80::1%eth0\"",
	    "\"OverlayAddr\":7",
	    "\"OverlayAddr\":{}",
	    "\"OverlayAddr\":{\"IP\":{}}",
	    "\"OverlayAddr\":{\"IP\":\"CjtM7Q==\"}",
	    "\"OverlayAddr\":null",
	    "\"PubKey\":\"AAAA\"",
	    "\"PubKey\":7",
	    "\"PubKey\":null",
	    "\"Port\":65536",
	    "\"Port\":-1",
	    "\"Port\":\"1\"",
	    "\"Port\":1.5",
	};
	char text[1024];
	struct state s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(text, sizeof(text),
		    LIST("{\"Name\":\"n\",\"Addr\":\"192.0.2.1\",%s}"), t[i]);
		assert_int_equal(parse(text, &s), STATE_OK);
		if (s.nnodes != 1)
			fail_msg("%s", t[i]);
		assert_null(s.nodes[0].meta);
		assert_int_equal(s.nodes[0].metalen, 0);
		assert_int_equal(s.nodes[0].overlay.len, 0);
		assert_false(s.nodes[0].has_pubkey);
		assert_int_equal(s.nodes[0].addr.port, 0);
		state_clear(&s);
	}
}

static void
our_numbers(void **state)
{
	static const struct {
		const char *value;
		uint32_t incarnation, attempt;
		bool chosen;
		int64_t moved;
	} t[] = {
	    {"0", 0, 0, true, 0},
	    {"255", 255, 255, true, 255},
	    {"256", 256, 0, false, 256},
	    {"4294967295", UINT32_MAX, 0, false, UINT32_MAX},
	    {"4294967296", 0, 0, false, 4294967296},
	    {"-1", 0, 0, false, 0},
	    {"\"1\"", 0, 0, false, 0},
	    {"1.0", 0, 0, false, 0},
	    {"null", 0, 0, false, 0},
	};
	char text[256];
	struct state s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(text, sizeof(text),
		    "{\"Nodes\":[],\"Incarnation\":%s,\"Attempt\":%s,"
		    "\"Moved\":%s}",
		    t[i].value, t[i].value, t[i].value);
		assert_int_equal(parse(text, &s), STATE_OK);
		assert_int_equal(s.incarnation, t[i].incarnation);
		assert_int_equal(s.attempt, t[i].attempt);
		assert_int_equal(s.has_attempt, t[i].chosen);
		assert_true(s.moved == t[i].moved);
		state_clear(&s);
	}
}

/* Refused as a whole, with a reason that does not quote the key. */
static void
refused(void **state)
{
	static const char *const t[] = {
	    "",
	    " ",
	    "null",
	    "7",
	    "[]",
	    "\"" KEY64 "\"",
	    "{}",
	    "{\"Other\":1}",
	    "{\"ClusterKey\":\"" KEY64 "\"",
	    "{\"ClusterKey\":\"" KEY64 "\",}",
	    "{\"ClusterKey\":\"" KEY64 "\"} {}",
	    "{\"ClusterKey\":\"" KEY64 "\"}\n\"" KEY64 "\"",
	    "{\"ClusterKey\":" KEY64 "}",
	    "{\"ClusterKey\":7}",
	    "{\"ClusterKey\":[\"" KEY64 "\"]}",
	    "{\"ClusterKey\":\"AAEC\"}",
	    "{\"ClusterKey\":\"AA" KEY64 "\"}",
	    "{\"ClusterKey\":\"" KEY64 KEY64 "\"}",
	    "{\"ClusterKey\":\"!AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}",
	    "{\"ClusterKey\":\"" KEY64 "\",\"Nodes\":{}}",
	    "{\"ClusterKey\":\"" KEY64 "\",\"Nodes\":\"\"}",
	    LIST("{\"Name\":\"\xff\xfe\",\"Addr\":\"192.0.2.1\"}"),
	    LIST("{\"Name\":\"\\ud800\",\"Addr\":\"192.0.2.1\"}"),
	};
	struct state s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (parse(t[i], &s) != STATE_BAD)
			fail_msg("accepted: %s", t[i]);
		assert_string_not_equal(why, "");
		assert_null(strstr(why, "AAEC"));
		assert_null(s.nodes);
		assert_false(s.has_key);
	}
}

static struct state
sample(unsigned n)
{
	struct state s = {.has_key = true, .incarnation = 1700000000};
	struct state_node *p;
	char name[32];
	unsigned i;

	for (i = 0; i < CLUSTER_KEY_LEN; i++)
		s.key[i] = (uint8_t)i;
	s.has_attempt = true;
	s.attempt = 3;
	s.moved = 1700000001;
	s.saved = 1700000002;
	s.nodes = calloc(n + 1, sizeof(*s.nodes));
	for (i = 0; i < n; i++) {
		p = &s.nodes[s.nnodes++];
		snprintf(name, sizeof(name), "node\xc3\xa9%u", i);
		p->name = strdup(name);
		ipaddr_parse("2001:db8::1", &p->addr.ip);
		p->addr.ip.b[15] = (uint8_t)i;
		p->addr.port = (uint16_t)(i % 3 == 0 ? 0 : 7000 + i);
		p->metalen = i % 5 == 0 ? 0 : META_MAX;
		p->meta = p->metalen == 0 ? NULL : malloc(p->metalen);
		if (p->meta != NULL)
			memset(p->meta, (int)i, p->metalen);
		if (i % 2 == 0)
			ipaddr_parse("10.1.2.3", &p->overlay);
		p->since = i % 7 == 6 ? 1700000000 + i : 0;
		p->answered = i % 6 == 5;
		p->has_pubkey = i % 4 != 0;
		if (p->has_pubkey)
			memset(p->pubkey, 0xab, sizeof(p->pubkey));
	}
	return s;
}

static void
assert_same(const struct state *a, const struct state *b)
{
	size_t i;

	assert_int_equal(a->has_key, b->has_key);
	assert_memory_equal(a->key, b->key, sizeof(a->key));
	assert_int_equal(a->incarnation, b->incarnation);
	assert_int_equal(a->has_attempt, b->has_attempt);
	assert_int_equal(a->attempt, b->attempt);
	assert_true(a->moved == b->moved);
	assert_true(a->saved == b->saved);
	assert_int_equal(a->nnodes, b->nnodes);
	for (i = 0; i < a->nnodes; i++) {
		const struct state_node *x = &a->nodes[i], *y = &b->nodes[i];

		assert_string_equal(x->name, y->name);
		assert_int_equal(ipport_cmp(&x->addr, &y->addr), 0);
		assert_int_equal(x->metalen, y->metalen);
		if (x->metalen != 0)
			assert_memory_equal(x->meta, y->meta, x->metalen);
		assert_true(ipaddr_eq(&x->overlay, &y->overlay));
		assert_int_equal(x->has_pubkey, y->has_pubkey);
		assert_true(x->since == y->since);
		assert_true(x->failed == y->failed);
		assert_int_equal(x->answered, y->answered);
		assert_memory_equal(x->pubkey, y->pubkey, sizeof(x->pubkey));
	}
}

static void
round_trip(void **state)
{
	struct state s = sample(50), got;
	size_t i, len;
	char *text;

	(void)state;
	for (i = 40; i < 50; i++)
		s.nodes[i].failed = 1700000000 + (int64_t)i;
	text = state_format(&s, &len);
	assert_non_null(text);
	assert_int_equal(strlen(text), len);
	assert_int_equal(parse(text, &got), STATE_OK);
	assert_same(&s, &got);
	state_clear(&got);
	state_clear(&s);
	free(text);
}

/* The exact text: keys and types are the original's, and its order. */
static void
our_form(void **state)
{
	static const char want[] =
	    "{\n  \"ClusterKey\": \"" KEY64 "\",\n  \"Nodes\": [\n    {\n"
	    "      \"Name\": \"node\xc3\xa9"
	    "0\",\n      \"Addr\": \"2001:db8::\",\n      \"Meta\": \"\",\n"
	    "      \"OverlayAddr\": \"10.1.2.3\",\n      \"PubKey\": \"\"\n"
	    "    },\n    {\n      \"Name\": \"other\",\n"
	    "      \"Addr\": \"192.0.2.9\",\n      \"Port\": 7001,\n"
	    "      \"Meta\": \"Mv+B\",\n      \"OverlayAddr\": \"\",\n"
	    "      \"PubKey\": \"" PUB64 "\"\n    }\n  ],\n"
	    "  \"Incarnation\": 1700000000,\n  \"Attempt\": 3,\n"
	    "  \"Moved\": 1700000001,\n  \"Saved\": 1700000002\n}\n";
	struct state s = sample(2);
	size_t len;
	char *text;

	(void)state;
	strlcpy(s.nodes[1].name, "other", 6);
	memcpy(s.nodes[1].meta, "\x32\xff\x81", s.nodes[1].metalen = 3);
	ipaddr_parse("192.0.2.9", &s.nodes[1].addr.ip);
	text = state_format(&s, &len);
	assert_non_null(text);
	assert_string_equal(text, want);
	state_clear(&s);
	free(text);
}

/* Those that failed stand apart, where the original does not look. */
static void
failed_form(void **state)
{
	static const char want[] =
	    "{\n  \"ClusterKey\": \"\",\n  \"Nodes\": [\n    {\n"
	    "      \"Name\": \"b\",\n      \"Addr\": \"192.0.2.2\",\n"
	    "      \"Meta\": \"\",\n      \"OverlayAddr\": \"\",\n"
	    "      \"PubKey\": \"\",\n      \"Since\": 7,\n      \"Answered\": "
	    "true\n    }\n  ],\n"
	    "  \"Failed\": [\n    {\n"
	    "      \"Name\": \"a\",\n      \"Addr\": \"192.0.2.1\",\n"
	    "      \"Meta\": \"\",\n      \"OverlayAddr\": \"\",\n"
	    "      \"PubKey\": \"\",\n      \"FailedAt\": 9\n    }\n  ],\n"
	    "  \"Incarnation\": 0\n}\n";
	struct state_node n[2] = {{.name = (char[]){"a"}, .failed = 9},
	    {.name = (char[]){"b"}, .since = 7, .answered = true}};
	struct state s = {.nodes = n, .nnodes = 2};
	size_t len;
	char *text;

	(void)state;
	ipaddr_parse("192.0.2.1", &n[0].addr.ip);
	ipaddr_parse("192.0.2.2", &n[1].addr.ip);
	text = state_format(&s, &len);
	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

/* Without a time they are none; what is no list has none. */
static void
failed_is_checked(void **state)
{
	static const struct {
		const char *failed;
		size_t n;
	} t[] = {
	    {"null", 0},
	    {"7", 0},
	    {"{}", 0},
	    {"[7, null, []]", 0},
	    {"[" NODE "]", 0},
	    {"[{\"Name\":\"f\",\"Addr\":\"192.0.2.3\",\"FailedAt\":0}]", 0},
	    {"[{\"Name\":\"f\",\"Addr\":\"192.0.2.3\",\"FailedAt\":-5}]", 0},
	    {"[{\"Name\":\"f\",\"Addr\":\"192.0.2.3\",\"FailedAt\":\"5\"}]", 0},
	    {"[{\"Name\":\"f\",\"Addr\":\"192.0.2.3\",\"FailedAt\":1.5}]", 0},
	    {"[{\"Name\":\"\\n\",\"Addr\":\"192.0.2.3\",\"FailedAt\":5}]", 0},
	    {"[{\"Name\":\"f\",\"Addr\":\"x\",\"FailedAt\":5}]", 0},
	    {"[{\"Name\":\"f\",\"Addr\":\"192.0.2.3\",\"FailedAt\":5}]", 1},
	};
	struct state s;
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(text, sizeof(text), "{\"Nodes\":[%s],\"Failed\":%s}",
		    i % 2 == 0 ? NODE : "", t[i].failed);
		assert_int_equal(parse(text, &s), STATE_OK);
		assert_int_equal(s.nnodes, t[i].n + (i % 2 == 0));
		if (t[i].n > 0)
			assert_true(s.nodes[s.nnodes - 1].failed == 5);
		state_clear(&s);
	}
}

/* A time in Nodes fails nobody: it may be an older release's key. */
static void
alive_are_not_failed(void **state)
{
	struct state s;

	(void)state;
	assert_int_equal(parse("{\"Nodes\":[{\"Name\":\"n\",\"Addr\":"
			       "\"192.0.2.1\",\"FailedAt\":5,\"Since\":6}]}",
			     &s),
	    STATE_OK);
	assert_int_equal(s.nnodes, 1);
	assert_true(s.nodes[0].failed == 0);
	assert_true(s.nodes[0].since == 6);
	state_clear(&s);
}

static void
failed_are_bounded(void **state)
{
	struct state s = sample(STATE_FAILED + 5), got;
	size_t i, len;
	char *text, *p;

	(void)state;
	for (i = 0; i < s.nnodes; i++)
		s.nodes[i].failed = 1 + (int64_t)i;
	text = state_format(&s, &len);
	assert_int_equal(parse(text, &got), STATE_OK);
	assert_int_equal(got.nnodes, STATE_FAILED);
	assert_string_equal(got.nodes[0].name, s.nodes[0].name);
	state_clear(&got);
	state_clear(&s);
	free(text);
	/* And whoever wrote more is read to there. */
	p = text = malloc(64 * (STATE_FAILED + 8));
	p += sprintf(p, "{\"Nodes\":[],\"Failed\":[");
	for (i = 0; i < STATE_FAILED + 5; i++)
		p += sprintf(p,
		    "%s{\"Name\":\"n\",\"Addr\":\"192.0.2.1\","
		    "\"FailedAt\":5}",
		    i > 0 ? "," : "");
	strcpy(p, "]}");
	assert_int_equal(parse(text, &got), STATE_OK);
	assert_int_equal(got.nnodes, STATE_FAILED);
	state_clear(&got);
	free(text);
}

/* What cannot stand in the file is left out of it. */
static void
format_leaves_out(void **state)
{
	static const char *const names[] = {
	    "\xff\xfe", "a\nb", "", "\xc3", "\xed\xa0\x80"};
	struct state s, got;
	size_t i, len;
	char *text;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		s = sample(3);
		free(s.nodes[1].name);
		s.nodes[1].name = strdup(names[i]);
		text = state_format(&s, &len);
		assert_non_null(text);
		assert_int_equal(parse(text, &got), STATE_OK);
		assert_int_equal(got.nnodes, 2);
		assert_string_equal(got.nodes[1].name, s.nodes[2].name);
		state_clear(&got);
		state_clear(&s);
		free(text);
	}
	s = sample(2);
	s.nodes[0].addr.ip.len = 0;
	s.has_key = false;
	text = state_format(&s, &len);
	assert_null(strstr(text, KEY64));
	assert_int_equal(parse(text, &got), STATE_OK);
	assert_false(got.has_key);
	assert_int_equal(got.nnodes, 1);
	state_clear(&got);
	state_clear(&s);
	free(text);
}

/* A torn write is always noticed: no prefix of a file is a file. */
static void
truncated(void **state)
{
	struct state s = sample(2), got;
	size_t len, i;
	char *text = state_format(&s, &len);

	(void)state;
	for (i = 0; i < len - 1; i++) {
		struct vec v = vec_copy(text, i);

		assert_int_equal(
		    state_parse((char *)v.p, i, &got, why, sizeof(why)),
		    STATE_BAD);
		free(v.p);
	}
	state_clear(&s);
	free(text);
}

static void
mutated(void **state)
{
	static const char bytes[] = "\"{}[],:\\0\xff\n";
	struct state s = sample(2), got;
	size_t len, i, j;
	char *text, old;
	int r;

	(void)state;
	s.nodes[1].metalen = 8;
	text = state_format(&s, &len);
	for (i = 0; i < len; i++) {
		old = text[i];
		for (j = 0; j < sizeof(bytes); j++) {
			text[i] = bytes[j];
			r = state_parse(text, len, &got, why, sizeof(why));
			assert_true(r == STATE_OK || r == STATE_BAD);
			state_clear(&got);
		}
		text[i] = old;
	}
	state_clear(&s);
	free(text);
}

/* n times one text in a pair of others. */
static char *
repeat(const char *head, const char *body, const char *tail, size_t n)
{
	size_t len = strlen(body);
	char *text = malloc(strlen(head) + n * len + strlen(tail) + 1), *p;

	p = stpcpy(text, head);
	while (n-- > 0)
		p = stpcpy(p, body);
	stpcpy(p, tail);
	return text;
}

static void
shape_is_bounded(void **state)
{
	struct state s;
	char *text;

	(void)state;
	text = repeat("{\"Nodes\":[],\"X\":", "[", "", 1000000);
	assert_int_equal(parse(text, &s), STATE_BAD);
	free(text);
	text = repeat("{\"X\":[1", ",[]", "],\"Nodes\":[]}", 1000);
	assert_int_equal(parse(text, &s), STATE_OK);
	state_clear(&s);
	free(text);
	text = repeat("{\"X\":[1", ",[]", "],\"Nodes\":[]}", 1000000);
	assert_int_equal(parse(text, &s), STATE_BAD);
	free(text);
	/* What stands in a string does not count. */
	text = repeat("{\"X\":\"", "[,\\\"", "\",\"Nodes\":[]}", 1000000);
	assert_int_equal(parse(text, &s), STATE_OK);
	state_clear(&s);
	free(text);
	text = repeat("{\"Nodes\":[" NODE, "," NODE, "]}", MAX_PEERS);
	assert_int_equal(parse(text, &s), STATE_OK);
	assert_int_equal(s.nnodes, MAX_PEERS);
	state_clear(&s);
	free(text);
	text = repeat("{\"Nodes\":null}", " ", "", STATE_MAX);
	assert_int_equal(parse(text, &s), STATE_BAD);
	free(text);
}

static int
enter_folder(void **state)
{
	(void)state;
	strlcpy(strchr(folder, '-') + 1, "state-XXXXXX", 13);
	if (mkdtemp(folder) == NULL)
		return -1;
	dir = open(folder, O_RDONLY | O_DIRECTORY);
	return dir == -1 ? -1 : 0;
}

static int
leave_folder(void **state)
{
	struct dirent *e;
	DIR *d = opendir(folder);

	(void)state;
	while (d != NULL && (e = readdir(d)) != NULL)
		if (unlinkat(dir, e->d_name, 0) == -1)
			unlinkat(dir, e->d_name, AT_REMOVEDIR);
	if (d != NULL)
		closedir(d);
	close(dir);
	return rmdir(folder);
}

static void
put_file(const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd != -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static bool
exists(const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
load(struct state *s)
{
	why[0] = '\0';
	return state_load(dir, NAME, s, why, sizeof(why));
}

static void
save_and_load(void **state)
{
	static const mode_t masks[] = {0, 077, 0777};
	struct state s = sample(20), got;
	struct stat st;
	mode_t old;
	size_t i;

	(void)state;
	assert_int_equal(load(&got), STATE_NONE);
	for (i = 0; i < 3; i++) {
		s.incarnation++;
		old = umask(masks[i]);
		assert_int_equal(state_save(dir, NAME, &s), 0);
		umask(old);
		assert_int_equal(fstatat(dir, NAME, &st, 0), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		assert_false(exists(TMP));
		assert_int_equal(load(&got), STATE_OK);
		assert_same(&s, &got);
		state_clear(&got);
	}
	assert_int_equal(fchdir(dir), 0);
	assert_int_equal(state_save(dir, "other", &s), 0);
	assert_int_equal(
	    state_load(AT_FDCWD, "other", &got, why, sizeof(why)), STATE_OK);
	state_clear(&got);
	state_clear(&s);
	assert_int_equal(chdir("/"), 0);
}

/* Left over by a crash, or planted: replaced, never written through. */
static void
tmp_in_the_way(void **state)
{
	struct state s = sample(1), got;
	struct stat st;

	(void)state;
	put_file(TMP, "half a sta");
	assert_int_equal(state_save(dir, NAME, &s), 0);
	put_file("victim", "untouched");
	assert_int_equal(symlinkat("victim", dir, TMP), 0);
	assert_int_equal(state_save(dir, NAME, &s), 0);
	assert_int_equal(fstatat(dir, "victim", &st, 0), 0);
	assert_int_equal(st.st_size, 9);
	assert_int_equal(mkfifoat(dir, TMP, 0600), 0);
	assert_int_equal(state_save(dir, NAME, &s), 0);
	assert_int_equal(load(&got), STATE_OK);
	assert_same(&s, &got);
	assert_false(exists(TMP));
	state_clear(&got);
	state_clear(&s);
}

/* Bad files go aside, each over the one before, and do not come back. */
static void
bad_goes_aside(void **state)
{
	static const char *const t[] = {
	    "", "{\"ClusterKey\":\"AAE", "[]", "\177ELF"};
	struct state s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct stat st;

		put_file(NAME, t[i]);
		assert_int_equal(load(&s), STATE_BAD);
		assert_string_not_equal(why, "");
		assert_false(exists(NAME));
		assert_int_equal(fstatat(dir, ASIDE, &st, 0), 0);
		assert_int_equal(st.st_size, strlen(t[i]));
		assert_int_equal(load(&s), STATE_NONE);
	}
	/* Where even that fails, why says so. */
	unlinkat(dir, ASIDE, 0);
	assert_int_equal(mkdirat(dir, ASIDE, 0700), 0);
	put_file(NAME, "x");
	assert_int_equal(load(&s), STATE_BAD);
	assert_non_null(strstr(why, "aside"));
}

static void
make_socket(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/" NAME, folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
}

static void
hostile_files(void **state)
{
	struct state s;
	int i, fd;

	(void)state;
	put_file("good", "{\"Nodes\":[]}");
	for (i = 0; i < 6; i++) {
		if (i == 0)
			assert_int_equal(mkfifoat(dir, NAME, 0600), 0);
		else if (i == 1)
			assert_int_equal(symlinkat("good", dir, NAME), 0);
		else if (i == 2)
			assert_int_equal(symlinkat(NAME, dir, NAME), 0);
		else if (i == 3)
			make_socket();
		else if (i == 4) {
			put_file(NAME, "{");
			fd = openat(dir, NAME, O_WRONLY);
			assert_int_equal(ftruncate(fd, 1LL << 40), 0);
			close(fd);
		} else {
			/* A folder cannot replace what is no folder. */
			unlinkat(dir, ASIDE, 0);
			assert_int_equal(mkdirat(dir, NAME, 0700), 0);
		}
		assert_int_equal(load(&s), STATE_BAD);
		assert_string_not_equal(why, "");
		assert_false(exists(NAME));
		assert_true(exists(ASIDE));
	}
	assert_true(exists("good"));
}

static void
from_descriptor(void **state)
{
	struct state s;
	int fd, p[2];

	(void)state;
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(state_load_fd(fd, &s, why, sizeof(why)), STATE_NONE);
	close(fd);
	put_file(NAME, "");
	fd = openat(dir, NAME, O_RDONLY);
	assert_int_equal(state_load_fd(fd, &s, why, sizeof(why)), STATE_NONE);
	put_file(NAME, LIST(NODE));
	/* From its start, wherever the descriptor stands. */
	assert_int_equal(lseek(fd, 5, SEEK_SET), 5);
	assert_int_equal(state_load_fd(fd, &s, why, sizeof(why)), STATE_OK);
	assert_cluster_key(&s);
	assert_int_equal(s.nnodes, 1);
	state_clear(&s);
	put_file(NAME, LIST(NODE) "x");
	assert_int_equal(state_load_fd(fd, &s, why, sizeof(why)), STATE_BAD);
	assert_true(exists(NAME) && !exists(ASIDE));
	close(fd);
	assert_int_equal(state_load_fd(fd, &s, why, sizeof(why)), STATE_IO);
	assert_int_equal(errno, EBADF);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(state_load_fd(p[0], &s, why, sizeof(why)), STATE_BAD);
	close(p[0]);
	close(p[1]);
	assert_int_equal(state_load_fd(dir, &s, why, sizeof(why)), STATE_BAD);
}

/* The old file is what it was, and nothing else lies about. */
static void
assert_intact(const struct state *old)
{
	struct state got;

	assert_false(exists(TMP));
	assert_int_equal(load(&got), STATE_OK);
	assert_same(old, &got);
	state_clear(&got);
}

static void
write_fails(void **state)
{
	struct state small = sample(1), large = sample(200);
	struct rlimit was, tight;
	char name[300];

	(void)state;
	assert_int_equal(state_save(dir, NAME, &small), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	tight = was;
	tight.rlim_cur = 65536;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	assert_int_equal(state_save(dir, NAME, &large), -1);
	assert_int_equal(errno, EFBIG);
	setrlimit(RLIMIT_FSIZE, &was);
	signal(SIGXFSZ, SIG_DFL);
	assert_intact(&small);
	/* A folder cannot be replaced, but renamed. */
	assert_int_equal(mkdirat(dir, "taken", 0700), 0);
	assert_int_equal(state_save(dir, "taken", &small), 0);
	assert_false(exists("taken.tmp"));
	memset(name, 'n', sizeof(name));
	name[253] = '\0';
	assert_int_equal(state_save(dir, name, &small), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_int_equal(state_save(-1, NAME, &small), -1);
	assert_int_equal(errno, EBADF);
	assert_intact(&small);
	state_clear(&small);
	state_clear(&large);
}

/* In a mount namespace of its own: a small tmpfs, full, then read-only. */
static int
on_small_disk(void)
{
	struct state small = sample(1), large = sample(200), got;
	int fd;

	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("tmpfs", folder, "tmpfs", 0, "size=64k") == -1)
		return 77;
	if ((fd = open(folder, O_RDONLY | O_DIRECTORY)) == -1 ||
	    state_save(fd, NAME, &small) == -1)
		return 1;
	if (state_save(fd, NAME, &large) != -1 || errno != ENOSPC)
		return 2;
	if (faccessat(fd, TMP, F_OK, 0) == 0)
		return 3;
	if (mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, NULL) == -1)
		return 4;
	if (state_save(fd, NAME, &large) != -1 || errno != EROFS)
		return 5;
	if (state_load(fd, NAME, &got, why, sizeof(why)) != STATE_OK ||
	    got.nnodes != 1)
		return 6;
	state_clear(&got);
	state_clear(&small);
	state_clear(&large);
	return 0;
}

static void
disk_full(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	fflush(NULL);
	if ((pid = fork()) == 0)
		_exit(on_small_disk());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define IN_FOLDER(f) \
	cmocka_unit_test_setup_teardown(f, enter_folder, leave_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(original_form),
	    cmocka_unit_test(form_before_03),
	    cmocka_unit_test(small_forms),
	    cmocka_unit_test(nodes_skipped),
	    cmocka_unit_test(details_dropped),
	    cmocka_unit_test(our_numbers),
	    cmocka_unit_test(refused),
	    cmocka_unit_test(round_trip),
	    cmocka_unit_test(our_form),
	    cmocka_unit_test(failed_form),
	    cmocka_unit_test(failed_is_checked),
	    cmocka_unit_test(alive_are_not_failed),
	    cmocka_unit_test(failed_are_bounded),
	    cmocka_unit_test(format_leaves_out),
	    cmocka_unit_test(truncated),
	    cmocka_unit_test(mutated),
	    cmocka_unit_test(shape_is_bounded),
	    IN_FOLDER(save_and_load),
	    IN_FOLDER(tmp_in_the_way),
	    IN_FOLDER(bad_goes_aside),
	    IN_FOLDER(hostile_files),
	    IN_FOLDER(from_descriptor),
	    IN_FOLDER(write_fails),
	    IN_FOLDER(disk_full),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
