/* The broadcast queue: replacement, order, fit, limit. */
#include "rig.h"

static struct bcast_queue q;
static struct bcast *slot[8];
static uint8_t pkt[WIRE_PLAIN_MAX];

static int
setup(void **state)
{
	(void)state;
	bcast_init(&q);
	memset(slot, 0, sizeof(slot));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	bcast_clear(&q);
	return 0;
}

/* A message of len bytes whose type is user, so that it can be told apart. */
static void
put(unsigned i, size_t len, char mark)
{
	uint8_t msg[1400];

	memset(msg, mark, sizeof(msg));
	msg[0] = WIRE_USER;
	assert_int_equal(bcast_put(&q, &slot[i], msg, len), 0);
}

struct got {
	char marks[64];
	unsigned n;
};

static void
collect(void *arg, uint8_t type, const uint8_t *body, size_t len)
{
	struct got *g = arg;

	assert_int_equal(type, WIRE_USER);
	assert_true(len > 0);
	g->marks[g->n++] = (char)body[0];
}

/* Fill one packet and return the marks in it, in order. */
static const char *
fill(unsigned limit, size_t cap)
{
	static struct got g;
	static struct wire_scratch ws;
	struct wire_compound c;
	uint8_t *out;
	size_t len;

	memset(&g, 0, sizeof(g));
	wire_compound_init(&c, pkt, cap);
	bcast_fill(&q, limit, &c);
	len = wire_compound_finish(&c, &out);
	if (len > 0)
		assert_int_equal(wire_packet(&ws, out, len, collect, &g), 0);
	return g.marks;
}

static void
newer_replaces(void **state)
{
	(void)state;
	put(0, 50, 'a');
	put(0, 40, 'b');
	assert_int_equal(q.n, 1);
	assert_string_equal(fill(9, sizeof(pkt)), "b");
}

static void
replacement_starts_over(void **state)
{
	(void)state;
	put(0, 50, 'a');
	fill(2, sizeof(pkt));
	put(0, 50, 'b');
	assert_string_equal(fill(2, sizeof(pkt)), "b");
	assert_string_equal(fill(2, sizeof(pkt)), "b");
	assert_string_equal(fill(2, sizeof(pkt)), "");
}

static void
least_sent_first_then_longest(void **state)
{
	(void)state;
	put(0, 900, 'a');
	fill(9, sizeof(pkt));
	put(1, 50, 'b');
	put(2, 100, 'c');
	assert_string_equal(fill(9, sizeof(pkt)), "cba");
}

static void
largest_that_fits(void **state)
{
	(void)state;
	put(0, 900, 'a');
	put(1, 800, 'b');
	put(2, 300, 'c');
	/* 900 + 800 is too much, 300 still goes. */
	assert_string_equal(fill(9, 1300), "ac");
	/* Now b was sent least. */
	assert_string_equal(fill(9, 1300), "bc");
}

static void
too_long_for_now_is_passed_over(void **state)
{
	(void)state;
	put(0, 900, 'a');
	put(1, 50, 'b');
	fill(9, 100);
	put(2, 800, 'c');
	assert_string_equal(fill(9, 100), "b");
	assert_int_equal(q.n, 3);
}

static void
limit_ends_it(void **state)
{
	unsigned i;

	(void)state;
	put(0, 50, 'a');
	for (i = 0; i < 4; i++) {
		assert_non_null(slot[0]);
		assert_string_equal(fill(4, sizeof(pkt)), "a");
	}
	assert_null(slot[0]);
	assert_int_equal(q.n, 0);
}

static void
newest_of_equals_first(void **state)
{
	(void)state;
	put(0, 50, 'a');
	put(1, 50, 'b');
	assert_string_equal(fill(9, sizeof(pkt)), "ba");
}

static void
dropped_is_gone(void **state)
{
	(void)state;
	put(0, 50, 'a');
	put(1, 60, 'b');
	bcast_drop(&q, &slot[0]);
	bcast_drop(&q, &slot[0]);
	assert_null(slot[0]);
	assert_string_equal(fill(9, sizeof(pkt)), "b");
}

static void
limits_by_size_of_the_mesh(void **state)
{
	(void)state;
	/* 4 * ceil(log10(n + 1)) */
	assert_int_equal(bcast_limit(4, 1), 4);
	assert_int_equal(bcast_limit(4, 9), 4);
	assert_int_equal(bcast_limit(4, 10), 8);
	assert_int_equal(bcast_limit(4, 99), 8);
	assert_int_equal(bcast_limit(4, 100), 12);
	assert_int_equal(bcast_limit(4, 10000), 20);
}

/* Alives of members that are told apart by their port; one fills a packet. */
static struct member crowd[200];
static unsigned said[200];

static ssize_t
encode_port(const struct member *m, uint8_t *buf, size_t cap)
{
	assert_true(cap >= 1000);
	memset(buf, 0, 1000);
	buf[0] = WIRE_USER;
	buf[1] = (uint8_t)(m - crowd);
	return 1000;
}

static void
count_said(void *arg, uint8_t type, const uint8_t *body, size_t len)
{
	(void)arg;
	(void)type;
	assert_int_equal(len, 999);
	said[body[0]]++;
}

static void
say_all(unsigned limit)
{
	static struct wire_scratch ws;
	struct wire_compound c;
	uint8_t *out;
	size_t len;

	memset(said, 0, sizeof(said));
	for (;;) {
		wire_compound_init(&c, pkt, sizeof(pkt));
		if (bcast_fill(&q, limit, &c) == 0)
			break;
		len = wire_compound_finish(&c, &out);
		assert_int_equal(
		    wire_packet(&ws, out, len, count_said, NULL), 0);
	}
}

static void
crowd_put(unsigned n)
{
	unsigned i;

	q.encode = encode_port;
	memset(crowd, 0, sizeof(crowd));
	for (i = 0; i < n; i++)
		assert_int_equal(bcast_put_alive(&q, &crowd[i], i != n / 2), 0);
}

/* Hundreds of newcomers are told of less often; the one among them who says
 * that it is alive after all, as often as ever. */
static void
newcomers_in_a_crowd(void **state)
{
	unsigned i;

	(void)state;
	crowd_put(200);
	say_all(12);
	for (i = 0; i < 200; i++)
		if (i == 100)
			assert_int_equal(said[i], 12);
		else
			assert_in_range(said[i], BCAST_LEAST, 4);
	crowd_put(BCAST_MANY);
	say_all(12);
	for (i = 0; i < BCAST_MANY; i++)
		assert_int_equal(said[i], 12);
}

/* In a crowd what others say needs not be said; else that counts nothing. */
static void
heard_in_a_crowd(void **state)
{
	unsigned i;

	(void)state;
	crowd_put(200);
	for (i = 0; i < 12; i++) {
		bcast_heard(&q, &crowd[0].bcast, 12);
		bcast_heard(&q, &crowd[100].bcast, 12);
	}
	assert_null(crowd[0].bcast);
	assert_non_null(crowd[100].bcast);
	say_all(12);
	assert_int_equal(said[0], 0);
	assert_int_equal(said[100], 12);
	crowd_put(2);
	for (i = 0; i < 12; i++)
		bcast_heard(&q, &crowd[0].bcast, 12);
	say_all(12);
	assert_int_equal(said[0], 12);
}

static size_t alive_len;

static ssize_t
encode(const struct member *m, uint8_t *buf, size_t cap)
{
	assert_true(alive_len <= cap);
	memset(buf, 'a' + m->state, alive_len);
	buf[0] = WIRE_USER;
	return alive_len == 0 ? -1 : (ssize_t)alive_len;
}

/* It says what the member is when it is sent, and counts as it is long then. */
static void
alive_is_written_when_sent(void **state)
{
	struct member m = {.state = MEMBER_ALIVE};

	(void)state;
	q.encode = encode;
	alive_len = 100;
	assert_int_equal(bcast_put_alive(&q, &m, false), 0);
	put(0, 80, 'x');
	m.state = MEMBER_SUSPECT;
	assert_string_equal(fill(9, WIRE_PLAIN_MAX), "bx");
	m.state = MEMBER_DEAD;
	alive_len = 60;
	assert_string_equal(fill(9, WIRE_PLAIN_MAX), "xc");
	alive_len = 1000;
	assert_string_equal(fill(9, 500), "x");
	assert_string_equal(fill(9, WIRE_PLAIN_MAX), "cx");
	assert_int_equal(q.n, 2);
	/* No longer to be written at all. */
	alive_len = 0;
	assert_string_equal(fill(9, WIRE_PLAIN_MAX), "x");
	assert_null(m.bcast);
	assert_int_equal(q.n, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(newer_replaces, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		replacement_starts_over, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		least_sent_first_then_longest, setup, teardown),
	    cmocka_unit_test_setup_teardown(largest_that_fits, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		too_long_for_now_is_passed_over, setup, teardown),
	    cmocka_unit_test_setup_teardown(limit_ends_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		newest_of_equals_first, setup, teardown),
	    cmocka_unit_test_setup_teardown(dropped_is_gone, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		newcomers_in_a_crowd, setup, teardown),
	    cmocka_unit_test_setup_teardown(heard_in_a_crowd, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		alive_is_written_when_sent, setup, teardown),
	    cmocka_unit_test(limits_by_size_of_the_mesh),
	};

	return cmocka_run_group_tests_name("bcast", tests, NULL, NULL);
}
