/*
 * What operators steer and look at in a running mesh, in virtual time: members
 * are forgotten, hosts are joined, others' reports are kept within bounds
 * whatever they list, tunnels come up and grow stale.
 */
#include "mesh_rig.h"

#include <jansson.h>

#include "../../wesher/event.h"
#include "../../wesher/mesh_int.h"

static struct {
	char words[512];
	unsigned kinds[EVENT_TUNNEL_STALE + 1];
	char text[768];
} told;

static void
on_told(const struct event_news *ev, void *arg)
{
	(void)arg;
	told.kinds[ev->kind]++;
	strlcpy(told.text, ev->text, sizeof(told.text));
}

static int
setup_steer(void **state)
{
	memset(&told, 0, sizeof(told));
	event_follow(on_told, NULL);
	return setup(state);
}

static int
teardown_steer(void **state)
{
	event_follow(NULL, NULL);
	return teardown(state);
}

static bool
forget(const char *name)
{
	return mesh_forget(w.mesh, w.now, name, told.words, sizeof(told.words));
}

static bool
join(const char *where)
{
	return mesh_join_now(
	    w.mesh, w.now, where, told.words, sizeof(told.words));
}

static void
says(const char *text)
{
	if (strstr(told.words, text) == NULL)
		fail_msg("'%s' is not in '%s'", text, told.words);
}

static bool
knows(const char *name)
{
	struct mesh_view v;

	mesh_view(w.mesh, &v);
	return member_find(swim_members(v.swim), name, strlen(name)) != NULL;
}

static void
up_with(const struct node *nodes, unsigned n)
{
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	join_answer(nodes, n);
	run_for(5 * US_PER_S, true);
}

/* Before there is a mesh, and while it ends. */
static void
test_not_now(void **state)
{
	(void)state;
	begin();
	assert_false(forget("node2"));
	says("no address to announce yet");
	assert_false(join("host"));
	says("no address to announce yet");
	hello(0);
	net("192.0.2.1", "");
	answer(0);
	run_for(0, false);
	alive(&two[0]);
	mesh_leave(w.mesh, w.now);
	assert_false(forget("node2"));
	says("leaving");
	assert_false(join("host"));
	says("leaving");
}

static void
test_who_lives_is_not_forgotten(void **state)
{
	(void)state;
	up_with(two, 2);
	assert_false(forget("node2"));
	says("it counts as alive");
	assert_false(forget("self"));
	says("that is this host");
	assert_false(forget("node"));
	says("no member of that name");
	assert_false(forget("node22"));
	says("no member of that name");
	assert_true(knows("node2") && knows("node3") && knows("self"));
}

static void
test_forget_who_left(void **state)
{
	unsigned dels;

	(void)state;
	up_with(two, 2);
	leaves(&two[0]);
	run_for(5 * US_PER_S, true);
	assert_true(knows("node2"));
	dels = count(PRIV_PEER_DEL);
	assert_true(forget("node2"));
	says("forgotten here");
	assert_false(knows("node2"));
	assert_true(knows("node3"));
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.saved_nodes, 1);
	assert_int_equal(w.saved_failed, 0);
	assert_true(count(PRIV_PEER_DEL) >= dels);
	/* It may come again. */
	alive(&two[0]);
	assert_true(knows("node2"));
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.saved_nodes, 2);
	assert_false(forget("node2"));
}

/* Who failed is remembered if it ever answered, saved, and tried again and
 * again. */
static void
test_forget_who_failed(void **state)
{
	(void)state;
	up_with(two, 2);
	w.refuse = true;
	run_for(600 * US_PER_S, true);
	assert_int_equal(w.saved_failed, 1);
	assert_string_equal(w.failed_name, "node2");
	w.to2 = 0;
	run_for(600 * US_PER_S, true);
	assert_true(w.to2 > 0);
	assert_true(forget("node2"));
	assert_false(knows("node2"));
	(void)forget("node3"); /* it may be gone by itself */
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.saved_nodes + w.saved_failed, 0);
	assert_false(forget("node3"));
	/* The name that the operator gave is tried all the same. */
	w.resolves = 0;
	run_for(3600 * US_PER_S, true);
	assert_true(w.resolves > 0);
}

/* Who was there in the last run alone is tried until it is forgotten. */
static void
test_forget_who_is_saved(void **state)
{
	(void)state;
	saved_two();
	up(0);
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.saved_nodes, 2);
	assert_true(forget("node2"));
	run_for(60 * US_PER_S, true);
	assert_int_equal(w.saved_nodes, 1);
	w.resolves = 0;
	run_for(600 * US_PER_S, true);
	assert_true(w.resolves > 0);
	assert_true(forget("node3"));
	assert_false(forget("node3"));
	run_for(60 * US_PER_S, true);
	assert_int_equal(w.saved_nodes, 0);
	w.resolves = 0;
	run_for(3600 * US_PER_S, true);
	assert_int_equal(w.resolves, 0);
}

static void
test_join(void **state)
{
	static const char *const bad[] = {
	    "", " ", "a b", "host:", "host:0", "host:70000", "[::1", "a,b"};
	char host[32];
	unsigned i;

	(void)state;
	up(0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (join(bad[i]))
			fail_msg("'%s' is joined", bad[i]);
		says("HOST is");
	}
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.resolves, 0);
	assert_true(join("host"));
	says("host is tried now");
	run_for(US_PER_S / 10, true);
	assert_int_equal(w.resolves, 1);
	resolved("192.0.2.2");
	join_answer(two, 2);
	run_for(US_PER_S, true);
	assert_true(knows("node3"));
	/* Again; a literal address; and so many in all. */
	assert_true(join("host"));
	run_for(US_PER_S, true);
	assert_int_equal(w.resolves, 2);
	assert_true(join("192.0.2.2:7000"));
	run_for(US_PER_S, true);
	w.streams = 0;
	resolved("192.0.2.2");
	assert_int_equal(w.streams, 1);
	assert_int_equal(w.stream_to.port, 7000);
	for (i = 2; i < CONF_JOIN; i++) {
		snprintf(host, sizeof(host), "host%u", i);
		assert_true(join(host));
	}
	assert_false(join("onemore"));
	says("64 hosts");
	assert_true(join("host2"));
}

/* No TCP goes to that port from in here: said, and not tried. */
static void
test_join_confined(void **state)
{
	(void)state;
	w.confined = true;
	up(0);
	assert_false(join("192.0.2.2"));
	says("lets no TCP go to port 7946");
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.streams, 0);
	assert_true(join("192.0.2.2:7000"));
	run_for(US_PER_S, true);
	w.streams = 0;
	resolved("192.0.2.2");
	assert_int_equal(w.streams, 1);
}

static json_t *
graph(void)
{
	char *text = mesh_graph(w.mesh, w.now);
	json_t *doc;

	assert_non_null(text);
	doc = json_loads(text, 0, NULL);
	assert_non_null(doc);
	assert_true(strlen(text) < 8u << 20);
	free(text);
	return doc;
}

static void
test_graph(void **state)
{
	json_t *doc, *reports, *r, *alive_list;

	(void)state;
	begin();
	json_decref(graph()); /* nothing yet */
	mesh_free(w.mesh);
	memset(&w.st, 0, sizeof(w.st));
	up_with(two, 2);
	doc = graph();
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 2);
	reports = json_object_get(doc, "reports");
	assert_int_equal(json_array_size(reports), 1);
	r = json_array_get(reports, 0);
	assert_string_equal(
	    json_string_value(json_object_get(r, "from")), "node2");
	alive_list = json_object_get(r, "alive");
	assert_int_equal(json_array_size(alive_list), 2);
	json_decref(doc);
	/* Whoever is forgotten is in nobody's report. */
	leaves(&two[1]);
	run_for(US_PER_S, true);
	assert_true(forget("node3"));
	doc = graph();
	r = json_array_get(json_object_get(doc, "reports"), 0);
	assert_int_equal(json_array_size(json_object_get(r, "alive")), 1);
	json_decref(doc);
	/* Nor does its own report stay. */
	leaves(&two[0]);
	run_for(US_PER_S, true);
	/* Who has gone reports nothing any more. */
	doc = graph();
	assert_int_equal(json_array_size(json_object_get(doc, "reports")), 0);
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 1);
	json_decref(doc);
	assert_true(forget("node2"));
	doc = graph();
	assert_int_equal(json_array_size(json_object_get(doc, "reports")), 0);
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 0);
	json_decref(doc);
}

/* All have the members of the first so many bytes as alive: of how many of them
 * is that shown? */
static size_t
reported_by_all(size_t bytes)
{
	uint8_t bits[SWIM_REPORTED / 8] = {0};
	json_t *doc, *reports;
	struct mesh_view v;
	size_t i, n;

	mesh_view(w.mesh, &v);
	memset(bits, 0xff, bytes);
	for (i = 0; i < swim_members(v.swim)->n; i++)
		mesh_reported(w.mesh, swim_members(v.swim)->list[i], bits);
	doc = graph();
	assert_int_equal(json_array_size(json_object_get(doc, "members")), 255);
	reports = json_object_get(doc, "reports");
	n = json_array_size(reports);
	for (i = 0; i < n; i++)
		assert_in_range(json_array_size(json_object_get(
				    json_array_get(reports, i), "alive")),
		    1, bytes * 8);
	json_decref(doc);
	return n;
}

/* Many members, each with hundreds in its list, with names of any bytes: of so
 * many reporters so many members are kept, and of long names fewer are shown. */
static void
test_forged_reports(void **state)
{
	static struct node nodes[400];
	static char names[400][120];
	struct mesh_view v;
	unsigned i;

	(void)state;
	for (i = 0; i < 400; i++) {
		memset(names[i], "\001\377\"\\"[i % 4], sizeof(names[i]) - 1);
		snprintf(names[i] + 100, 20, "%u", i);
		nodes[i] = (struct node){
		    names[i], (uint8_t)(i % 200 + 3), 1, 5, WIRE_S_ALIVE};
	}
	up_with(nodes, 200);
	assert_true(join("seed:7000"));
	run_for(US_PER_S / 10, true);
	resolved("192.0.2.2");
	join_answer(nodes + 200, 200);
	mesh_view(w.mesh, &v);
	assert_true(swim_members(v.swim)->n > SWIM_REPORTED + 1);
	assert_int_equal(reported_by_all(1), 64);
	assert_in_range(reported_by_all(SWIM_REPORTED / 8), 8, 63);
}

/* A counter of the kernel's, of node2's tunnel, as an answer to the last. */
static void
counted(int64_t handshake, uint64_t tx)
{
	struct priv_stat st = {.handshake = (uint32_t)handshake,
	    .tx = tx,
	    .flags = PRIV_STAT_LAST};
	unsigned i;

	for (i = 0; i < w.nasked; i++)
		if (w.asked[i].type == PRIV_STATS)
			st.h.seq = w.asked[i].seq;
	memset(st.key, two[0].k, WG_KEY_LEN);
	mesh_stat(w.mesh, w.now, &st);
}

static unsigned
ups(void)
{
	return told.kinds[EVENT_TUNNEL_UP];
}

static unsigned
stales(void)
{
	return told.kinds[EVENT_TUNNEL_STALE];
}

/* Five seconds on; the kernel is asked once in them. */
static void
look(int64_t age, uint64_t tx)
{
	struct node n = two[0];
	unsigned asked;

	n.inc += (uint32_t)(w.now / US_PER_S);
	alive(&n);
	asked = count(PRIV_STATS);
	run_for(5 * US_PER_S, true);
	assert_true(count(PRIV_STATS) > asked);
	counted(age == -1 ? 0 : w.wall - age, tx);
}

static void
test_tunnels(void **state)
{
	unsigned asked;

	(void)state;
	up_with(two, 1);
	mesh_watch(w.mesh, w.now, true);
	look(-1, 0);
	look(-1, 100);
	assert_int_equal(ups(), 0);
	look(2, 200);
	look(7, 300);
	assert_int_equal(ups(), 1);
	assert_string_equal(told.text, "the tunnel to node2 is up");
	/* Nobody uses it: nothing is wrong. */
	look(500, 300);
	look(505, 300);
	look(510, 300);
	look(515, 300);
	assert_int_equal(stales(), 0);
	/* It begins handshakes, and nobody answers them. */
	look(520, 448);
	look(525, 596);
	look(530, 744);
	look(535, 892);
	assert_int_equal(stales(), 1);
	assert_string_equal(told.text, "the tunnel to node2 is stale");
	look(540, 1000);
	look(545, 1100);
	assert_int_equal(stales(), 1);
	look(1, 1200);
	assert_int_equal(ups(), 2);
	/* Without those that follow the kernel is left alone. */
	mesh_watch(w.mesh, w.now, false);
	asked = count(PRIV_STATS);
	run_for(20 * US_PER_S, true);
	assert_int_equal(count(PRIV_STATS), asked);
	counted(0, 0);
	assert_int_equal(ups() + stales(), 3);
}

/* What was up before anybody followed is no news. */
static void
test_tunnels_before(void **state)
{
	(void)state;
	up_with(two, 1);
	mesh_watch(w.mesh, w.now, true);
	look(2, 100);
	look(7, 200);
	assert_int_equal(ups(), 0);
}

/* News for those that follow, each once however often it is said. */
static void
test_events(void **state)
{
	struct node n = two[0];
	unsigned i;

	(void)state;
	up_with(two, 2);
	assert_int_equal(told.kinds[EVENT_JOINED], 2);
	for (i = 0; i < 5; i++) {
		n.inc++;
		alive(&n);
	}
	assert_int_equal(told.kinds[EVENT_UPDATED], 0);
	w.wgport[n.k] = 5555;
	n.inc++;
	alive(&n);
	assert_int_equal(told.kinds[EVENT_UPDATED], 1);
	leaves(&n);
	assert_int_equal(told.kinds[EVENT_LEFT], 1);
	assert_int_equal(told.kinds[EVENT_FAILED], 0);
}

int
main(void)
{
#define T(name) \
	cmocka_unit_test_setup_teardown(name, setup_steer, teardown_steer)
	const struct CMUnitTest tests[] = {
	    T(test_not_now),
	    T(test_who_lives_is_not_forgotten),
	    T(test_forget_who_left),
	    T(test_forget_who_failed),
	    T(test_forget_who_is_saved),
	    T(test_join),
	    T(test_join_confined),
	    T(test_graph),
	    T(test_forged_reports),
	    T(test_tunnels),
	    T(test_tunnels_before),
	    T(test_events),
	};

	return cmocka_run_group_tests_name("steer", tests, NULL, NULL);
}
