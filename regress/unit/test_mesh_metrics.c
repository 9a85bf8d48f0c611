/*
 * Prometheus' page as text: in form whatever members call themselves, and the
 * manual page and the dashboard know the same metrics.
 */
#include <jansson.h>

#include "mesh_rig.h"

#include "../../wesher/prom.h"

#define FAMILIES 64

static char *page;
static char family[FAMILIES][64];
static unsigned nfamilies;

/* The name at s, of its whole length. */
static size_t
name_len(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz_");
}

static bool
is_family(const char *s)
{
	unsigned i;

	for (i = 0; i < nfamilies; i++)
		if (strlen(family[i]) == name_len(s) &&
		    strncmp(family[i], s, name_len(s)) == 0)
			return true;
	return false;
}

/* name{label="value",...} number: the end of the labels, or NULL. */
static const char *
labels_end(const char *s)
{
	s += name_len(s);
	if (*s == ' ')
		return s;
	while (*s == '{' || *s == ',') {
		s++;
		if (name_len(s) == 0)
			return NULL;
		s += name_len(s);
		if (strncmp(s, "=\"", 2) != 0)
			return NULL;
		for (s += 2; *s != '"'; s++) {
			if (*s == '\\' && strchr("\\\"n", *++s) == NULL)
				return NULL;
			if (*s == '\n' || *s == '\0')
				return NULL;
		}
		s++;
	}
	return *s == '}' ? s + 1 : NULL;
}

static void
check_line(const char *line, const char *end, const char *from)
{
	const char *at, *again;
	char *rest;

	if (strncmp(line, "# HELP ", 7) == 0) {
		assert_false(is_family(line + 7));
		assert_true(nfamilies < FAMILIES);
		snprintf(family[nfamilies++], sizeof(family[0]), "%.*s",
		    (int)name_len(line + 7), line + 7);
		return;
	}
	/* Each line belongs to the family that was begun last. */
	at = strncmp(line, "# TYPE ", 7) == 0 ? line + 7 : line;
	assert_int_equal(name_len(at), strlen(family[nfamilies - 1]));
	assert_true(strncmp(at, family[nfamilies - 1], name_len(at)) == 0);
	if (at != line)
		return;
	at = labels_end(line);
	if (at == NULL || *at != ' ' || at > end)
		fail_msg("no sample: %.*s", (int)(end - line), line);
	(void)strtod(at + 1, &rest);
	assert_ptr_equal(rest, end);
	for (again = from; again < line; again = strchr(again, '\n') + 1)
		if (strncmp(again, line, (size_t)(at - line) + 1) == 0)
			fail_msg("twice: %.*s", (int)(end - line), line);
}

static void
take_page(void)
{
	const char *line, *end;
	size_t len;
	json_t *utf8;

	free(page);
	nfamilies = 0;
	page = mesh_metrics(w.mesh, &len);
	assert_non_null(page);
	assert_int_equal(strlen(page), len);
	utf8 = json_string(page); /* it takes nothing else */
	assert_non_null(utf8);
	json_decref(utf8);
	for (line = page; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		check_line(line, end, page);
	}
}

static void
has(const char *line)
{
	const char *p = page;
	size_t n = strlen(line);

	while ((p = strstr(p, line)) != NULL) {
		if ((p == page || p[-1] == '\n') && p[n] == '\n')
			return;
		p++;
	}
	fail_msg("not there: %s", line);
}

static void
start(void)
{
	begin();
	hello(0);
	net("192.0.2.1", "");
	answer(0);
	run_for(0, false);
}

static int
teardown_page(void **state)
{
	free(page);
	page = NULL;
	return teardown(state);
}

static void
the_page(void **state)
{
	struct node gone = two[1];

	(void)state;
	start();
	alive(&two[0]);
	alive(&two[1]);
	answer(0);
	leaves(&gone);
	take_page();
	has("wesher_build_info{version=\"" WESHER_VERSION "\"} 1");
	has("wesher_members{state=\"alive\"} 2");
	has("wesher_members{state=\"left\"} 1");
	has("wesher_peer_tunnel{member=\"node2\"} 1");
	assert_null(strstr(page, "wesher_peer_tunnel{member=\"node3\"}"));
	assert_null(strstr(page, "wesher_peer_tunnel{member=\"node1\"}"));
	has("wesher_messages_total{direction=\"in\",type=\"alive\"} 2");
	has("wesher_messages_total{direction=\"in\",type=\"dead\"} 1");
	has("wesher_refusals_total{reason=\"bad_message\"} 0");
	has("wesher_key_sealed_messages_total{by=\"self\"} 0");
}

/* The kernel's counters, the sockets' and wesher-priv's answers. */
static void
what_others_count(void **state)
{
	struct priv_stat s = {.handshake = 999, .rx = 12, .tx = 34};

	(void)state;
	start();
	alive(&two[0]);
	answer(EXDEV);
	take_page();
	has("wesher_peer_tunnel{member=\"node2\"} 0");
	has("wesher_netlink_errors_total{errno=\"EXDEV\"} 1");
	run_for(11 * US_PER_S, false);
	answer(0);
	memset(s.key, two[0].k, sizeof(s.key));
	w.wall = 1003;
	mesh_stat(w.mesh, w.now, &s);
	w.sealed += 5;
	w.counters.rx_bytes = 1400;
	w.counters.refused[NET_REPLAY] = 7;
	take_page();
	has("wesher_peer_handshake_age_seconds{member=\"node2\"} 4");
	has("wesher_peer_receive_bytes_total{member=\"node2\"} 12");
	has("wesher_peer_transmit_bytes_total{member=\"node2\"} 34");
	has("wesher_peer_tunnel{member=\"node2\"} 1");
	has("wesher_packet_bytes_total{direction=\"in\"} 1400");
	has("wesher_refusals_total{reason=\"replay\"} 7");
	has("wesher_key_sealed_messages_total{by=\"self\"} 5");
}

static void
before_the_start(void **state)
{
	(void)state;
	begin();
	take_page();
	assert_null(strstr(page, "wesher_members{"));
}

/* A name may be anything but a control character; none can write a line, make
 * the page unreadable, or be taken for another. */
static void
hostile_17_names(void **state)
{
	static const char *const names[] = {"a\"} 1", "back\\slash",
	    "back\\x5cslash", "\xff\xfe", "\xc3\xa4", "\xc3", "\xc0\xaf",
	    "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x9f\x98\x80", "\\",
	    "\\xff\\xfe", "x\xe2\x80\xa8y", "\xf8\x88\x80\x80\x80"};
	struct node n = {"", 0, 1, 5, WIRE_S_ALIVE};
	unsigned i;

	(void)state;
	start();
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		n.name = names[i];
		n.k = (uint8_t)(i + 10);
		alive(&n);
	}
	answer(0);
	take_page();
	has("wesher_peer_tunnel{member=\"a\\\"} 1\"} 1");
	has("wesher_peer_tunnel{member=\"\\\\xff\\\\xfe\"} 1");
	has("wesher_peer_tunnel{member=\"\\\\x5cxff\\\\x5cxfe\"} 1");
	has("wesher_peer_tunnel{member=\"\xc3\xa4\"} 1");
	has("wesher_peer_tunnel{member=\"\xf0\x9f\x98\x80\"} 1");
}

static char *
file_of(const char *name)
{
	const char *dir = getenv("WESHER_VECTORS");
	char path[512];
	char *text = NULL;
	size_t cap = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/../../%s",
	    dir == NULL ? "regress/vectors" : dir, name);
	if ((f = fopen(path, "r")) == NULL)
		fail_msg("%s: not there", path);
	assert_true(getdelim(&text, &cap, '\0', f) > 0);
	fclose(f);
	return text;
}

static void
the_manual_has_the_same_list(void **state)
{
	static const char item[] = "\n.It Cm wesher_";
	const char *p;
	char *text = file_of("man/wesher.8");
	char line[128];
	unsigned i, n = 0;

	(void)state;
	start();
	take_page();
	for (p = text; (p = strstr(p, item)) != NULL; n++) {
		p += strlen("\n.It Cm ");
		if (!is_family(p))
			fail_msg("no such metric: %.40s", p);
	}
	assert_true(nfamilies > 20);
	for (i = 0; i < nfamilies; i++) {
		snprintf(line, sizeof(line), ".It Cm %.64s", family[i]);
		p = strstr(text, line);
		if (p == NULL || name_len(p + 7) != strlen(family[i]))
			fail_msg("not in the manual: %s", family[i]);
	}
	assert_int_equal(n, nfamilies);
	free(text);
}

/* All strings of a document, whatever they are called. */
static unsigned
metrics_in(const json_t *j)
{
	const char *key, *p;
	json_t *value;
	unsigned n = 0;
	size_t i;

	if (json_is_object(j)) {
		json_object_foreach((json_t *)(uintptr_t)j, key, value)
		    n += metrics_in(value);
	} else if (json_is_array(j)) {
		for (i = 0; i < json_array_size(j); i++)
			n += metrics_in(json_array_get(j, i));
	} else if (json_is_string(j)) {
		for (p = json_string_value(j);
		     (p = strstr(p, "wesher_")) != NULL; p += name_len(p), n++)
			if (!is_family(p))
				fail_msg("no such metric: %s", p);
	}
	return n;
}

static void
the_dashboard_asks_for_what_there_is(void **state)
{
	char *text = file_of("dist/grafana/wesher.json");
	json_error_t e;
	json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, &e);

	(void)state;
	free(text);
	if (doc == NULL)
		fail_msg("line %d: %s", e.line, e.text);
	start();
	take_page();
	assert_true(metrics_in(doc) > 15);
	json_decref(doc);
}

static void
large_numbers(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	prom_family(out, "a_total", "counter", "A.");
	prom_count(out, "a_total", NULL, UINT64_MAX);
	prom_real(out, "b", PROM_LABELS("c", "", "d", "\n"), 0.0001);
	fclose(out);
	assert_string_equal(text,
	    "# HELP a_total A.\n# TYPE a_total counter\n"
	    "a_total 18446744073709551615\nb{c=\"\",d=\"\\n\"} 0.0001\n");
	free(text);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown_page)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(the_page),
	    T(what_others_count),
	    T(before_the_start),
	    T(hostile_17_names),
	    T(the_manual_has_the_same_list),
	    T(the_dashboard_asks_for_what_there_is),
	    cmocka_unit_test(large_numbers),
	};

	return cmocka_run_group_tests_name("mesh metrics", tests, NULL, NULL);
}
