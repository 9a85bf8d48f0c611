/*
 * A member gone bad (it holds the cluster key) against the real core, one test
 * for each thing that it may try; the names' numbers are those of the list in
 * README.md's chapter on security. Its packets and states are handmade, from
 * its own address, from a made-up one, or, as one can forge the source of a
 * datagram, from another member's.
 */
#include <malloc.h>
#include <stdio.h>
#include <time.h>

#include "../../common/check.h"
#include "cluster.h"
#include "each_rig.h"

static struct state_view view;

static int
setup(void **state)
{
	(void)state;
	r = rig_new();
	rig_populate(r, 8);
	return 0;
}

static const struct {
	size_t len;
	uint8_t v[8];
} odd[] = {{0, {0}}, {1, {1}}, {2, {1, 5}}, {3, {1, 5, 2}}, {4, {1, 5, 2, 0}},
    {5, {1, 5, 2, 0, 0}}, {7, {1, 5, 2, 0, 0, 0, 0}}, {6, {0, 5, 2, 0, 0, 0}},
    {6, {3, 5, 3, 0, 0, 0}}, {6, {1, 1, 1, 0, 0, 0}}, {6, {2, 5, 1, 0, 0, 0}},
    {6, {1, 5, 6, 0, 0, 0}}, {6, {1, 5, 3, 0, 0, 0}}, {6, {1, 5, 2, 1, 0, 0}},
    {6, {1, 5, 2, 0, 0, 9}}, {6, {255, 255, 255, 255, 255, 255}}};
#define NODD (sizeof(odd) / sizeof(odd[0]))

/* Whatever the core says has the six bytes that everybody can read. */
static void
assert_sound(void)
{
	static const uint8_t vsn[6] = {1, 5, 2, 0, 0, 0};
	unsigned i;

	for (i = 0; i < r->nmsgs; i++)
		if (r->msgs[i].type == WIRE_ALIVE) {
			struct wire_alive a = alive_in(&r->msgs[i]);

			assert_int_equal(a.vsn.len, 6);
			assert_memory_equal(a.vsn.p, vsn, 6);
		}
}

static void
odd_alive(unsigned k, const char *name, const struct ipport *at,
    const struct ipport *from)
{
	struct wire_alive w = alive_of(name, at, 50, "X");

	w.vsn = (struct slice){odd[k].v, odd[k].len};
	feed_alive_w(r, from, &w);
}

static void
odd_node(struct state_buf *b, unsigned k, const char *name, uint8_t state)
{
	static const uint8_t addr[4] = {10, 1, 0, 2};
	struct wire_node n = {.name = swim_str(name),
	    .addr = {addr, 4},
	    .port = PORT,
	    .meta = swim_str("X"),
	    .incarnation = 50,
	    .state = state,
	    .vsn = {odd[k].v, odd[k].len}};

	state_add_w(b, &n);
}

static void
odd_state(struct state_buf *b, const char *good)
{
	char name[16];
	unsigned k;

	for (k = 0; k < NODD; k++) {
		snprintf(name, sizeof(name), "odd%u", k);
		odd_node(b, k, name, WIRE_S_ALIVE);
		odd_node(b, k, "m1", (uint8_t)(k % 4));
	}
	state_add(b, good, "10.7.0.1", 1, WIRE_S_ALIVE, "X");
}

/* Dropped entry by entry, never passed on, and the exchange goes on. */
static void
hostile_04_versions(void **state)
{
	struct ipport m1 = ip("10.1.0.2", PORT), bad = ip("10.1.0.3", PORT);
	struct state_buf b = {0};
	uint8_t *reply;
	unsigned k;

	(void)state;
	for (k = 0; k < NODD; k++) {
		odd_alive(k, "m1", &m1, &m1); /* of itself */
		odd_alive(k, "m1", &m1, &bad); /* a third one */
		odd_alive(k, "odd", &bad, &bad);
	}
	assert_int_equal(swim_counters(r->s)->bad_vsn, 3 * NODD);
	odd_state(&b, "good1");
	reply = rig_ask(r, &bad, &b, true, &view);
	for (k = 0; k < view.head.nodes; k++)
		assert_int_equal(view.node[k].vsn.len, 6);
	free(reply);
	rig_clear(r);
	swim_join(r->s, r->now, &bad, 0);
	odd_state(&b, "good2");
	rig_answer(r, 0, &b);
	assert_true(r->join.ok);
	assert_int_equal(rig_state(r, "good1"), MEMBER_ALIVE);
	assert_int_equal(rig_state(r, "good2"), MEMBER_ALIVE);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	assert_int_equal(rig_member(r, "m1")->incarnation, 1);
	assert_int_equal(swim_counters(r->s)->bad_vsn, 7 * NODD);
	rig_run(r, 10 * SEC);
	assert_true(rig_count(r, WIRE_ALIVE) > 0);
	assert_sound();
	assert_int_equal(r->s->t.n, 11);
}

static const uint32_t high[] = {
    0xFFFFFFFFu, 0xFFFFFFFEu, 0xF0000001u, 0xF0000000u, 0xEFFFFFFFu};

static void
lie(struct cluster *c, unsigned to, const uint8_t *msg, ssize_t n)
{
	struct ipport from = ip("192.0.2.66", 1234);
	struct node *p = &c->node[to];

	assert_true(n > 0);
	if (p->s != NULL)
		assert_int_equal(
		    swim_packet(p->s, node_now(p), &from, msg, (size_t)n), 0);
}

/* Everything that can be said about a member, to each member. */
static void
lie_about(struct cluster *c, unsigned victim, uint32_t inc)
{
	static const enum wire_type types[] = {
	    WIRE_SUSPECT, WIRE_DEAD, WIRE_DEAD};
	struct node *v = &c->node[victim];
	const char *by[] = {"node4", "node4", v->name};
	struct wire_alive w = alive_of(v->name, &v->addr, inc, "X");
	uint8_t msg[1024];
	unsigned i, k;

	for (i = 0; i < c->n; i++) {
		lie(c, i, msg, wire_put_alive(msg, sizeof(msg), &w));
		for (k = 0; k < 3; k++) {
			struct wire_accuse a = {.incarnation = inc,
			    .node = swim_str(v->name),
			    .from = swim_str(by[k])};

			lie(c, i, msg,
			    wire_put_accuse(msg, sizeof(msg), types[k], &a));
		}
	}
}

/* The same as entries of a state, one state after another. */
static void
exchange_lies(struct cluster *c, unsigned victim, uint32_t inc)
{
	struct ipport from = ip("192.0.2.66", 40000);
	struct node *v = &c->node[victim];
	char addr[IPADDR_STRLEN];
	struct state_buf b = {0};
	uint8_t *msg, *reply;
	unsigned i, state;
	size_t len, n;

	ipaddr_str(&v->addr.ip, addr);
	for (i = 0; i < c->n; i++)
		for (state = WIRE_S_ALIVE; state <= WIRE_S_LEFT; state++) {
			state_add(&b, v->name, addr, inc, state, "X");
			msg = state_finish(&b, false, &len);
			assert_int_equal(
			    swim_stream_request(c->node[i].s,
				node_now(&c->node[i]), &from, msg[0], msg + 1,
				len - 1, &reply, &n),
			    0);
			free(reply);
			free(msg);
		}
}

/*
 * Members of ours stay reachable among ours, whatever number is said of them;
 * from the ceiling on they are not lost for a moment.
 */
static void
hostile_05_incarnations(void **state)
{
	struct cluster *c = cluster_new_mesh(5, &swim_wan, 5);
	unsigned i, k;

	(void)state;
	for (k = 0; k < sizeof(high) / sizeof(high[0]); k++)
		for (i = 1; i < 5; i++) {
			lie_about(c, i, high[k]);
			exchange_lies(c, i, high[k]);
			run_for(c, SEC);
			assert_true(high[k] < INCARNATION_MAX || fullmesh(c));
			assert_true(wait_fullmesh(c, 30 * SEC) != -1);
			assert_in_range(
			    swim_incarnation(c->node[i].s), 1, INCARNATION_MAX);
		}
	/* One that stands at the ceiling, and is accused there every second. */
	assert_true(swim_incarnation(c->node[1].s) < INCARNATION_MAX / 2);
	c->node[1].s->inc = c->node[1].s->self->incarnation = INCARNATION_MAX;
	swim_set_meta(c->node[1].s, c->now, (const uint8_t *)"Xtop", 4);
	run_for(c, 5 * SEC);
	for (k = 0; k < 120; k++) {
		lie_about(c, 1, INCARNATION_MAX);
		run_for(c, SEC);
		assert_true(fullmesh(c));
	}
	/* What it says itself is believed there: new metadata, a death. */
	swim_set_meta(c->node[1].s, c->now, (const uint8_t *)"Xnew", 4);
	run_for(c, 5 * SEC);
	for (i = 0; i < 5; i++)
		assert_int_equal(
		    member_find(swim_members(c->node[i].s), "node1", 5)
			->metalen,
		    4);
	cluster_crash(c, 1);
	assert_true(wait_status(c, 1, MEMBER_DEAD, 600 * SEC) != -1);
	cluster_start(c, 1);
	cluster_join(c, 1, 0);
	assert_true(wait_fullmesh(c, 60 * SEC) != -1);
	cluster_free(c);
}

/* Only members in good standing count as accusers. */
static void
hostile_07_accusers(void **state)
{
	int64_t deadline;
	unsigned i;
	char name[16];

	(void)state;
	r->s->next_probe = r->s->next_pushpull = NEVER;
	feed_accuse(r, WIRE_DEAD, "m8", "m1", 1);
	feed_accuse_from(r, &(struct ipport){ip("10.1.0.8", PORT).ip, PORT},
	    WIRE_DEAD, "m7", "m7", 1);
	rig_run(r, 5 * SEC);
	assert_true(rig_state(r, "m7") >= MEMBER_DEAD);
	assert_true(rig_state(r, "m8") >= MEMBER_DEAD);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m7", 1);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m8", 1);
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "ghost%u", i);
		feed_accuse(r, WIRE_SUSPECT, "m1", name, 1);
	}
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
	/* One that counts, and then none of the others hurries it. */
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_SUSPECT);
	deadline = suspect_deadline(&r->s->suspects);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m2", 1);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m7", 1);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m8", 1);
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "ghost%u", i);
		feed_accuse(r, WIRE_SUSPECT, "m1", name, 1);
	}
	assert_true(suspect_deadline(&r->s->suspects) == deadline);
	feed_accuse(r, WIRE_SUSPECT, "m1", "m3", 1);
	assert_true(suspect_deadline(&r->s->suspects) < deadline);
}

/*
 * A hundred suspicions about us a second: one burst of refutations a second,
 * each to the accuser and a few others, and we do not take ourselves for slow.
 */
static void
hostile_07_flood_about_us(void **state)
{
	unsigned i, sent = 0, worst = 0;

	(void)state;
	for (i = 0; i < 6000; i++) {
		feed_accuse(r, i % 2 ? WIRE_SUSPECT : WIRE_DEAD, "me", "m1",
		    swim_incarnation(r->s) + i % 3);
		rig_run(r, SEC / 100);
		sent += rig_count(r, WIRE_ALIVE);
		rig_answer_probes(r);
		if (swim_health(r->s) > worst)
			worst = swim_health(r->s);
	}
	assert_in_range(swim_counters(r->s)->refutations, 59, 61);
	assert_in_range(worst, 0, 1);
	/* A burst is five; gossip is at most four packets each half second. */
	assert_in_range(sent, 1, 61 * (5 + 8));
	assert_int_equal(rig_state(r, "me"), MEMBER_ALIVE);
	print_message(
	    "# 6000 suspicions in 60 s: %u packets with our alive\n", sent);
}

/* Entries that nobody may take, one by one; good is never any of them. */
static void
spoil(unsigned k, struct wire_alive *w, char *name)
{
	static const uint8_t bytes[600];

	memset(name, 'n', 300);
	w->node.p = (const uint8_t *)name;
	w->node.len = 20;
	switch (k) {
	case 0:
		w->node.len = 300;
		break;
	case 1:
		w->node.len = 256;
		break;
	case 2:
		w->node.len = 0;
		break;
	case 3:
		name[3] = '\n';
		break;
	case 4:
		name[0] = 0x1b;
		break;
	case 5:
		name[19] = '\0';
		break;
	case 6:
		name[7] = 0x7f;
		break;
	case 7:
		w->addr.len = 0;
		break;
	case 8:
		w->addr.len = 3;
		break;
	case 9:
		w->addr.len = 5;
		break;
	case 10:
		w->addr = (struct slice){bytes, 17};
		break;
	case 11: /* 0.0.0.0 */
		w->addr = (struct slice){bytes, 4};
		break;
	case 12: /* :: */
		w->addr = (struct slice){bytes, 16};
		break;
	case 13:
		w->meta = (struct slice){bytes, 513};
		break;
	}
}
#define NSPOILS 14

static void
hostile_11_entries(void **state)
{
	struct ipport at = ip("10.7.0.1", 0), from = ip("192.0.2.66", 1), got;
	struct wire_alive w;
	struct wire_node n;
	struct state_buf b = {0};
	char name[300];
	unsigned k;

	(void)state;
	for (k = 0; k < NSPOILS; k++) {
		w = alive_of("", &at, 5, "X");
		spoil(k, &w, name);
		feed_alive_w(r, &from, &w);
		assert_int_equal(r->s->t.n, 9);
		n = (struct wire_node){.name = w.node,
		    .addr = w.addr,
		    .port = w.port,
		    .meta = w.meta,
		    .incarnation = 5,
		    .state = (uint8_t)(k % 4),
		    .vsn = w.vsn};
		state_add_w(&b, &n);
	}
	/* An unknown state, and one good entry behind it all. */
	n.name = swim_str("state9");
	n.addr = (struct slice){at.ip.b, 4};
	n.meta = swim_str("X");
	n.state = 9;
	state_add_w(&b, &n);
	state_add(&b, "good", "10.7.0.2", 1, WIRE_S_ALIVE, "X");
	free(rig_ask(r, &from, &b, true, &view));
	assert_int_equal(r->s->t.n, 10);
	assert_int_equal(rig_state(r, "good"), MEMBER_ALIVE);
	/* 255 bytes are a name, port 0 the cluster port, 512 bytes metadata. */
	w = alive_of("", &at, 5, "X");
	memset(name, 'n', 255);
	w.node = (struct slice){(const uint8_t *)name, 255};
	w.meta = (struct slice){(const uint8_t[512]){'X'}, 512};
	feed_alive_w(r, &from, &w);
	assert_int_equal(r->s->t.n, 11);
	member_ipport(member_find(&r->s->t, name, 255), &got);
	assert_int_equal(got.port, PORT);
	/* No accusation about, or in the name of, what is no name. */
	memset(name, 'n', sizeof(name));
	name[299] = '\0';
	feed_accuse(r, WIRE_SUSPECT, "m1", name, 1);
	feed_accuse(r, WIRE_SUSPECT, name, "m1", 1);
	feed_accuse(r, WIRE_SUSPECT, "m1", "new\nline", 1);
	assert_int_equal(rig_state(r, "m1"), MEMBER_ALIVE);
}

static int64_t
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#define INVENTED 100000

static void
invent(unsigned i, char name[16], char addr[24])
{
	snprintf(name, 16, "x%u", i);
	snprintf(
	    addr, 24, "172.%u.%u.%u", 16 + (i >> 16), i >> 8 & 255, i & 255);
}

/* All of them, in states of five hundred. */
static void
flood(const struct ipport *from)
{
	struct state_buf b = {0};
	char name[16], addr[24];
	unsigned i;
	size_t len;

	for (i = 0; i < INVENTED; i++) {
		invent(i, name, addr);
		state_add(&b, name, addr, 1, WIRE_S_ALIVE, "Xmetadata");
		if (b.n < 500)
			continue;
		free(rig_try(r, from, &b, true, &len));
		assert_in_range(len, 1, PUSHPULL_MAX + 4096);
		assert_in_range(r->s->t.n, 1, MAX_PEERS);
		r->now += SEC / 10;
		rig_clear(r);
	}
}

static size_t
in_use(void)
{
	return mallinfo2().uordblks;
}

/*
 * A hundred thousand made-up members, in states and then in packets: the table
 * is bounded and what hangs off it, those who answered stay, a newcomer gets
 * in, and when they are gone so is the memory.
 */
static void
hostile_14_invented(void **state)
{
	struct ipport from = ip("192.0.2.66", 40000), joiner;
	struct ipport teller = ip("10.7.0.10", PORT);
	struct wire_alive w;
	struct state_buf b = {0};
	char name[16], addr[24];
	size_t before, full, after;
	int64_t ms;
	unsigned i;

	(void)state;
	r->crowded = true;
	for (i = 1; i <= 8; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		evict_answered(r->s, rig_member(r, name));
	}
	before = in_use();
	ms = cpu_ms();
	flood(&from);
	ms = cpu_ms() - ms;
	full = in_use();
	assert_int_equal(r->s->t.n, MAX_PEERS);
	assert_in_range(swim_queued(r->s), 0, MAX_PEERS);
	for (i = 1; i <= 8; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		assert_int_equal(rig_state(r, name), MEMBER_ALIVE);
	}
	print_message("# %u invented in states: %lld ms, %zu kB\n", INVENTED,
	    (long long)ms, (full - before) / 1000);
	/* One joins through us, another tells us itself; the flood goes on. */
	joiner = ip("10.7.0.9", 40000);
	state_add(&b, "joiner", "10.7.0.9", 1, WIRE_S_ALIVE, "X");
	free(rig_ask(r, &joiner, &b, true, NULL));
	w = alive_of("teller", &teller, 1, "X");
	feed_alive_w(r, &teller, &w);
	ms = cpu_ms();
	for (i = 0; i < INVENTED; i++) {
		invent(INVENTED + i, name, addr);
		feed_alive(r, name, addr, 1);
		rig_clear(r);
	}
	ms = cpu_ms() - ms;
	print_message("# as many in packets: %lld ms\n", (long long)ms);
	assert_int_equal(rig_state(r, "joiner"), MEMBER_ALIVE);
	assert_int_equal(rig_state(r, "teller"), MEMBER_ALIVE);
	assert_int_equal(r->s->t.n, MAX_PEERS);
	/* They are said to be dead, and reaped when the probe order wraps. */
	for (i = 0; i < 2 * INVENTED; i++) {
		invent(i, name, addr);
		feed_accuse(r, WIRE_DEAD, name, "m1", 1);
		rig_clear(r);
	}
	for (i = 0; i < 600 && r->s->t.n > 11; i++) {
		rig_run(r, SEC);
		rig_answer_probes(r);
	}
	assert_int_equal(r->s->t.n, 11);
	assert_in_range(swim_queued(r->s), 0, 11);
	after = in_use();
	/* Arrays keep their size; sanitizers count nothing. */
	assert_true(full == before || after - before < (full - before) / 4);
	print_message("# and gone: %zu kB kept\n", (after - before) / 1000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(hostile_04_versions),
	    T(hostile_05_incarnations),
	    T(hostile_07_accusers),
	    T(hostile_07_flood_about_us),
	    T(hostile_11_entries),
	    T(hostile_14_invented),
	};

	return cmocka_run_group_tests_name("hostile core", tests, NULL, NULL);
}
