/*
 * Joining in virtual time: targets, back-off, several addresses of a name,
 * ourselves, and saved members.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "../../wesher/join.h"

static struct {
	unsigned resolves, attempts;
	unsigned target;
	char name[300];
	uint32_t id;
	struct ipport to[64];
	bool known, poor;
	uint8_t nknown; /* members at .1 to .nknown */
	unsigned lines;
	unsigned living;
} w;

static void
on_resolve(void *arg, unsigned target, const char *name)
{
	(void)arg;
	w.resolves++;
	w.target = target;
	snprintf(w.name, sizeof(w.name), "%s", name);
}

static uint32_t
on_attempt(void *arg, const struct ipport *to)
{
	(void)arg;
	if (w.poor)
		return 0;
	w.to[w.attempts++ % 64] = *to;
	return ++w.id;
}

static bool
on_known(void *arg, const struct ipport *to)
{
	(void)arg;
	return w.known || to->ip.b[3] <= w.nknown;
}

static unsigned
on_living(void *arg)
{
	(void)arg;
	return w.living;
}

static uint32_t
on_random(void *arg)
{
	(void)arg;
	return 500;
}

static const struct join_ops ops = {
    on_resolve, on_attempt, on_known, on_living, on_random};

static int
setup(void **state)
{
	memset(&w, 0, sizeof(w));
	w.living = 1;
	*state = join_new(&ops, NULL, 7946);
	return *state == NULL;
}

static int
teardown(void **state)
{
	join_free(*state);
	return 0;
}

static void
addr(const char *s, struct ipaddr *out)
{
	assert_int_equal(ipaddr_parse(s, out), 0);
}

static void
test_forms(void **state)
{
	static const struct {
		const char *spec, *host;
		int port; /* -1: malformed */
	} t[] = {
	    {"host1", "host1", 0},
	    {"host1:1234", "host1", 1234},
	    {"10.1.2.3", "10.1.2.3", 0},
	    {"10.1.2.3:80", "10.1.2.3", 80},
	    {"fd00::1", "fd00::1", 0},
	    {"[fd00::1]", "fd00::1", 0},
	    {"[fd00::1]:7", "fd00::1", 7},
	    {"", NULL, -1},
	    {":7", NULL, -1},
	    {"[]", NULL, -1},
	    {"[fd00::1", NULL, -1},
	    {"[fd00::1]7", NULL, -1},
	    {"[fd00::1]:", NULL, -1},
	    {"host:", NULL, -1},
	    {"host:0", NULL, -1},
	    {"host:65536", NULL, -1},
	    {"host:-1", NULL, -1},
	    {"host: 1", NULL, -1},
	    {"a:b:c", NULL, -1},
	};
	char host[64];
	uint16_t port;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int r = join_parse(t[i].spec, host, sizeof(host), &port);

		if (t[i].port == -1) {
			if (r != -1)
				fail_msg("'%s' was accepted", t[i].spec);
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(host, t[i].host);
		assert_int_equal(port, t[i].port);
	}
}

static void
test_every_address_is_tried(void **state)
{
	struct join *j = *state;
	struct ipaddr a[3];

	addr("192.0.2.1", &a[0]);
	addr("192.0.2.2", &a[1]);
	addr("2001:db8::1", &a[2]);
	assert_int_equal(join_add(j, "seed:1234", 0), 0);
	join_tick(j, 0);
	assert_int_equal(w.resolves, 1);
	assert_string_equal(w.name, "seed");
	join_resolved(j, 0, w.target, a, 3, NULL);
	assert_int_equal(w.attempts, 3);
	assert_int_equal(w.to[2].port, 1234);
	join_tried(j, 0, 1, JOIN_FAILED, "connection refused");
	w.nknown = 2;
	join_tried(j, 0, 2, JOIN_REACHED, NULL);
	assert_int_equal(join_pending(j), 1); /* one is still under way */
	join_tried(j, 0, 3, JOIN_FAILED, "time-out");
	assert_true(join_any(j));
	assert_int_equal(join_pending(j), 0);
	assert_true(join_deadline(j) == NEVER);
}

static void
test_more_addresses_than_at_once(void **state)
{
	struct join *j = *state;
	struct ipaddr a[20];
	uint32_t id;
	int i;

	for (i = 0; i < 20; i++) {
		addr("192.0.2.1", &a[i]);
		a[i].b[3] = (uint8_t)(i + 1);
	}
	join_add(j, "seed", 0);
	join_tick(j, 0);
	join_resolved(j, 0, 0, a, 20, NULL);
	assert_true(w.attempts < 20);
	for (id = 1; id <= 20; id++)
		join_tried(j, 0, id, JOIN_FAILED, "refused");
	assert_int_equal(w.attempts, 20);
	assert_true(join_deadline(j) != NEVER);
}

static void
test_retried_for_ever_with_back_off(void **state)
{
	struct join *j = *state;
	int64_t now = 0, last = 0, gap = 0, d;
	int i;

	join_add(j, "nowhere", now);
	for (i = 0; i < 100; i++) {
		join_tick(j, now);
		assert_int_equal(w.resolves, i + 1);
		join_resolved(j, now, 0, NULL, 0, "no such name");
		d = join_deadline(j);
		assert_true(d > now && d <= now + 61 * US_PER_S);
		gap = d - now;
		if (i > 0 && i < 5)
			assert_true(gap > last);
		last = gap;
		now = d;
	}
	assert_true(gap >= 30 * US_PER_S);
	assert_false(join_any(j));
}

static void
test_ourselves_is_not_a_join(void **state)
{
	struct join *j = *state;
	struct ipaddr a;

	addr("192.0.2.1", &a);
	join_add(j, "me", 0);
	join_tick(j, 0);
	join_resolved(j, 0, 0, &a, 1, NULL);
	join_tried(j, 0, 1, JOIN_SELF, NULL);
	assert_false(join_any(j));
	assert_true(join_deadline(j) == NEVER);
}

static void
test_ourselves_among_others(void **state)
{
	struct join *j = *state;
	struct ipaddr a[2];

	addr("192.0.2.1", &a[0]);
	addr("192.0.2.2", &a[1]);
	join_add(j, "all", 0);
	join_tick(j, 0);
	join_resolved(j, 0, 0, a, 2, NULL);
	join_tried(j, 0, 1, JOIN_SELF, "");
	join_tried(j, 0, 2, JOIN_FAILED, "refused");
	assert_true(join_deadline(j) != NEVER);
}

static void
test_known_member_is_not_asked(void **state)
{
	struct join *j = *state;
	struct ipaddr a;

	w.known = true;
	addr("192.0.2.1", &a);
	join_add(j, "seed", 0);
	join_tick(j, 0);
	join_resolved(j, 0, 0, &a, 1, NULL);
	assert_int_equal(w.attempts, 0);
	assert_int_equal(join_pending(j), 0);
}

static void
test_saved_members_stop_at_the_first_answer(void **state)
{
	struct join *j = *state;
	struct ipport to = {.port = 7946};
	unsigned i;

	addr("192.0.2.1", &to.ip);
	for (i = 0; i < 100; i++) {
		to.ip.b[3] = (uint8_t)i;
		assert_int_equal(join_add_addr(j, &to, 0), 0);
	}
	join_tick(j, 0);
	/* Not a hundred connections at once. */
	assert_true(w.resolves > 0 && w.resolves <= 8);
	join_resolved(j, 0, 0, &to.ip, 1, NULL);
	join_tried(j, 0, 1, JOIN_REACHED, NULL);
	w.resolves = 0;
	join_tick(j, 0);
	assert_int_equal(w.resolves, 0);
}

static void
test_hurry(void **state)
{
	struct join *j = *state;

	join_add(j, "seed", 0);
	join_tick(j, 0);
	join_resolved(j, 0, 0, NULL, 0, "no");
	assert_true(join_deadline(j) > 0);
	join_hurry(j, 10);
	assert_true(join_deadline(j) == 10);
}

static void
test_late_and_foreign_answers(void **state)
{
	struct join *j = *state;
	struct ipaddr a;

	addr("192.0.2.1", &a);
	join_resolved(j, 0, 7, &a, 1, NULL);
	join_tried(j, 0, 99, JOIN_REACHED, NULL);
	assert_false(join_any(j));
	join_add(j, "seed", 0);
	join_resolved(j, 0, 0, &a, 1, NULL); /* nobody asked */
	assert_int_equal(w.attempts, 0);
}

/* A name whose first addresses are members by now: the others are tried. */
static void
test_known_ones_among_many(void **state)
{
	struct join *j = *state;
	struct ipaddr a[20];
	int i;

	for (i = 0; i < 20; i++) {
		addr("192.0.2.1", &a[i]);
		a[i].b[3] = (uint8_t)(i + 1);
	}
	w.nknown = 12;
	join_add(j, "all", 0);
	join_tick(j, 0);
	join_resolved(j, 0, 0, a, 20, NULL);
	assert_int_equal(w.attempts, 8);
	for (i = 1; i <= 8; i++)
		join_tried(j, 0, (uint32_t)i, JOIN_FAILED, "refused");
	assert_int_equal(join_pending(j), 0);
}

static void
test_no_memory_for_an_attempt(void **state)
{
	struct join *j = *state;
	struct ipaddr a[20];
	int i;

	for (i = 0; i < 20; i++)
		addr("192.0.2.1", &a[i]);
	w.poor = true;
	join_add(j, "all", 0);
	join_tick(j, 0);
	join_resolved(j, 0, 0, a, 20, NULL);
	assert_true(join_deadline(j) != NEVER);
}

/* Without a nameserver a question may stay open until there is one. */
static void
test_resolver_that_never_answers(void **state)
{
	struct join *j = *state;
	int64_t now = 0, d;
	struct ipaddr a;

	join_add(j, "seed", 0);
	join_tick(j, 0);
	while (w.resolves < 2 && now < 600 * US_PER_S) {
		d = join_deadline(j);
		assert_true(d > now && d != NEVER);
		now = d;
		join_tick(j, now);
	}
	assert_int_equal(w.resolves, 2);
	/* The first answer comes after all: as good as the second. */
	addr("192.0.2.1", &a);
	join_resolved(j, now, 0, &a, 1, NULL);
	join_resolved(j, now, 0, &a, 1, NULL);
	assert_int_equal(w.attempts, 1);
}

/* The news that a stream has failed may be lost when memory is short. */
static void
test_attempt_that_never_ends(void **state)
{
	struct join *j = *state;
	int64_t now = 0, d;
	struct ipaddr a[2];

	addr("192.0.2.1", &a[0]);
	addr("192.0.2.2", &a[1]);
	join_add(j, "seed", 0);
	join_tick(j, 0);
	join_resolved(j, 0, 0, a, 2, NULL);
	assert_int_equal(w.attempts, 2);
	while (w.resolves < 2 && now < 3600 * US_PER_S) {
		d = join_deadline(j);
		assert_true(d > now && d != NEVER);
		now = d;
		join_tick(j, now);
	}
	assert_int_equal(w.resolves, 2);
	/* The old answer comes after all, and says nothing. */
	join_tried(j, now, 1, JOIN_FAILED, "too late");
	join_resolved(j, now, 0, a, 2, NULL);
	assert_int_equal(w.attempts, 4);
	join_tried(j, now, 3, JOIN_FAILED, "refused");
	join_tried(j, now, 4, JOIN_REACHED, NULL);
	assert_true(join_any(j));
	assert_int_equal(join_pending(j), 0);
}

static void
on_line(enum log_level level, const char *tag, const char *line)
{
	(void)level;
	(void)tag;
	(void)line;
	w.lines++;
}

/* At the level info: one line for who was asked for, none for the saved. */
static void
test_failures_are_told_once(void **state)
{
	struct join *j = *state;
	struct ipport to = {.port = 7946};
	int64_t now = 0;
	unsigned i;

	log_init(LOG_D_SINK, LOG_L_INFO, "test", -1);
	log_sink(on_line);
	join_add(j, "seed", 0);
	addr("192.0.2.1", &to.ip);
	join_add_addr(j, &to, 0);
	while (now < 3600 * US_PER_S) {
		join_tick(j, now);
		for (i = 0; i < 2; i++)
			join_resolved(j, now, i, NULL, 0, "no such name");
		now = join_deadline(j);
	}
	assert_int_equal(w.lines, 1);
	/* And the end of it. */
	join_tick(j, now);
	join_resolved(j, now, 0, &to.ip, 1, NULL);
	join_tried(j, now, w.id, JOIN_REACHED, NULL);
	assert_int_equal(w.lines, 2);
}

/* A moment's trouble is none; one slow failure is no moment. */
static void
test_when_a_failure_is_told(void **state)
{
	struct join *j = *state;

	log_init(LOG_D_SINK, LOG_L_INFO, "test", -1);
	log_sink(on_line);
	join_add(j, "quick", 0);
	join_tick(j, 0);
	join_resolved(j, 0, 0, NULL, 0, "no such name");
	join_tick(j, US_PER_S);
	join_resolved(j, US_PER_S, 0, NULL, 0, "no such name");
	assert_int_equal(w.lines, 0);
	join_add(j, "slow", US_PER_S);
	join_tick(j, US_PER_S);
	join_resolved(j, 16 * US_PER_S, 1, NULL, 0, "no answer");
	assert_int_equal(w.lines, 1);
}

/* The first try after a move is a moment, too, however old the target is. */
static void
test_again_is_a_beginning(void **state)
{
	struct join *j = *state;
	struct ipaddr a;

	addr("192.0.2.9", &a);
	join_add(j, "seed", 0);
	join_tick(j, 0);
	join_resolved(j, 0, 0, &a, 1, NULL);
	join_tried(j, 0, w.id, JOIN_REACHED, NULL);
	log_init(LOG_D_SINK, LOG_L_INFO, "test", -1);
	log_sink(on_line);
	join_again(j, 100 * US_PER_S, false);
	join_tick(j, 100 * US_PER_S);
	join_resolved(j, 100 * US_PER_S, 0, NULL, 0, "no answer");
	assert_int_equal(w.lines, 0);
	join_tick(j, 103 * US_PER_S);
	join_resolved(j, 103 * US_PER_S, 0, NULL, 0, "no answer");
	assert_int_equal(w.lines, 1);
}

/* What was never told about needs no all-clear. */
static void
test_quick_success_is_silent(void **state)
{
	struct join *j = *state;
	struct ipaddr a;

	log_init(LOG_D_SINK, LOG_L_WARN, "test", -1);
	log_sink(on_line);
	addr("192.0.2.1", &a);
	join_add(j, "seed", 0);
	join_tick(j, 0);
	join_resolved(j, 0, 0, &a, 1, NULL);
	join_tried(j, 0, w.id, JOIN_FAILED, "connection refused");
	join_tick(j, US_PER_S);
	join_resolved(j, US_PER_S, 0, &a, 1, NULL);
	join_tried(j, US_PER_S, w.id, JOIN_REACHED, NULL);
	assert_int_equal(w.lines, 0);
}

/* We were away: who was reached is asked again, saved ones when alone. */
static void
test_again(void **state)
{
	struct join *j = *state;
	struct ipport saved = {.port = 7946};
	struct ipaddr a;

	addr("192.0.2.9", &a);
	addr("192.0.2.8", &saved.ip);
	join_add(j, "seed", 0);
	assert_int_equal(join_add_addr(j, &saved, 0), 0);
	assert_int_equal(join_add_addr(j, &saved, 0), 0);
	join_tick(j, 0);
	assert_int_equal(w.resolves, 2);
	join_resolved(j, 0, 0, &a, 1, NULL);
	join_tried(j, 0, w.attempts, JOIN_REACHED, NULL);
	join_resolved(j, 0, 1, &saved.ip, 1, NULL);
	join_tried(j, 0, w.attempts, JOIN_REACHED, NULL);
	assert_int_equal(join_pending(j), 0);
	join_again(j, 100, false);
	assert_int_equal(join_pending(j), 1);
	join_tick(j, 100);
	assert_int_equal(w.resolves, 3);
	w.known = true;
	join_resolved(j, 100, 0, &a, 1, NULL);
	assert_int_equal(join_pending(j), 0);
	join_again(j, 200, true);
	assert_int_equal(join_pending(j), 2);
	join_tick(j, 200);
	assert_int_equal(w.resolves, 5);
}

static void
reach(struct join *j, int64_t now, const char *at)
{
	struct ipaddr a;

	addr(at, &a);
	join_add(j, "seed", now);
	join_tick(j, now);
	w.known = true;
	join_resolved(j, now, 0, &a, 1, NULL);
	assert_int_equal(join_pending(j), 0);
}

/* Until then, no name resolves; how often it was tried. */
static unsigned
rounds(struct join *j, int64_t until)
{
	unsigned before = w.resolves;
	int64_t d;

	while ((d = join_deadline(j)) <= until) {
		unsigned n = w.resolves;

		join_tick(j, d);
		if (w.resolves > n)
			join_resolved(j, d, w.target, NULL, 0, "no");
		/* Its last address is tried then, and fails. */
		join_tried(j, d, w.id, JOIN_FAILED, "time-out");
	}
	return w.resolves - before;
}

/* Reached once, and nobody is there any more: 5 to 45 s, then 5 min. */
static void
test_lost_is_tried_again(void **state)
{
	const int64_t hour = 3600 * US_PER_S, t0 = 100 * US_PER_S;
	struct join *j = *state;
	struct ipaddr a;
	unsigned n;

	reach(j, t0, "192.0.2.9");
	join_lost(j, t0);
	assert_true(join_deadline(j) == NEVER);
	w.known = false;
	join_lost(j, t0);
	assert_int_equal(join_pending(j), 1);
	assert_true(join_deadline(j) > t0 && join_deadline(j) <= t0 + 5000000);
	n = rounds(j, t0 + hour);
	assert_true(n >= 80 && n <= 110);
	assert_int_equal(w.attempts, n);
	rounds(j, t0 + 48 * hour);
	n = rounds(j, t0 + 50 * hour);
	assert_true(n >= 24 && n <= 33);
	/* Resolved anew: it has another address now. */
	join_tick(j, join_deadline(j));
	addr("192.0.2.7", &a);
	join_resolved(j, t0 + 51 * hour, w.target, &a, 1, NULL);
	assert_int_equal(w.to[(w.attempts - 1) % 64].ip.b[3], 7);
	w.known = true;
	join_tried(j, t0 + 51 * hour, w.id, JOIN_REACHED, NULL);
	assert_true(join_deadline(j) == NEVER);
}

/* A thousand have the same names, and make about a try a second of all. */
static void
test_lost_in_a_crowd(void **state)
{
	const int64_t t0 = 100 * US_PER_S;
	struct join *j = *state;
	unsigned n;

	reach(j, t0, "192.0.2.9");
	w.known = false;
	w.living = 1000;
	join_lost(j, t0);
	n = rounds(j, t0 + 100000 * US_PER_S);
	assert_true(n >= 90 && n <= 125);
}

static void
test_lost_and_found_by_itself(void **state)
{
	const int64_t t0 = 100 * US_PER_S;
	struct join *j = *state;

	reach(j, t0, "192.0.2.9");
	log_init(LOG_D_SINK, LOG_L_WARN, "test", -1);
	log_sink(on_line);
	w.known = false;
	join_lost(j, t0);
	assert_true(rounds(j, t0 + 600 * US_PER_S) > 2);
	assert_int_equal(w.lines, 1);
	w.known = true;
	join_lost(j, t0 + 600 * US_PER_S);
	assert_int_equal(w.lines, 2);
	assert_true(join_deadline(j) == NEVER);
	/* A moment, which nobody tried in: no line. */
	w.known = false;
	join_lost(j, t0 + 700 * US_PER_S);
	w.known = true;
	w.resolves = 0;
	join_tick(j, t0 + 710 * US_PER_S);
	assert_int_equal(w.resolves, 0);
	assert_int_equal(w.lines, 2);
}

/* Whose address is not the announced one is not lost, and asked now and then. */
static void
test_translated(void **state)
{
	const int64_t t0 = 100 * US_PER_S;
	struct join *j = *state;
	struct ipaddr a;

	addr("192.0.2.9", &a);
	join_add(j, "seed", t0);
	join_tick(j, t0);
	join_resolved(j, t0, 0, &a, 1, NULL);
	join_tried(j, t0, w.id, JOIN_REACHED, NULL);
	assert_int_equal(join_pending(j), 0);
	join_lost(j, t0);
	assert_int_equal(join_pending(j), 0);
	assert_true(join_deadline(j) == t0 + 300 * US_PER_S);
	join_tick(j, t0 + 300 * US_PER_S);
	assert_int_equal(w.resolves, 2);
}

/* Neither the saved ones nor ourselves are the operator's names. */
static void
test_lost_are_names_alone(void **state)
{
	const int64_t t0 = 100 * US_PER_S;
	struct ipport saved = {.port = 7946};
	struct join *j = *state;
	struct ipaddr a;

	addr("192.0.2.8", &saved.ip);
	join_add_addr(j, &saved, t0);
	addr("192.0.2.1", &a);
	join_add(j, "me", t0);
	assert_int_equal(join_names(j), 1);
	join_tick(j, t0);
	join_resolved(j, t0, 0, &saved.ip, 1, NULL);
	join_tried(j, t0, w.id, JOIN_REACHED, NULL);
	join_resolved(j, t0, 1, &a, 1, NULL);
	join_tried(j, t0, w.id, JOIN_SELF, NULL);
	assert_int_equal(join_names(j), 0);
	join_lost(j, t0);
	assert_int_equal(join_pending(j), 0);
	assert_true(join_deadline(j) == NEVER);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_forms),
	    T(test_every_address_is_tried),
	    T(test_more_addresses_than_at_once),
	    T(test_retried_for_ever_with_back_off),
	    T(test_ourselves_is_not_a_join),
	    T(test_ourselves_among_others),
	    T(test_known_member_is_not_asked),
	    T(test_saved_members_stop_at_the_first_answer),
	    T(test_hurry),
	    T(test_again),
	    T(test_late_and_foreign_answers),
	    T(test_known_ones_among_many),
	    T(test_no_memory_for_an_attempt),
	    T(test_resolver_that_never_answers),
	    T(test_attempt_that_never_ends),
	    T(test_failures_are_told_once),
	    T(test_when_a_failure_is_told),
	    T(test_again_is_a_beginning),
	    T(test_quick_success_is_silent),
	    T(test_lost_is_tried_again),
	    T(test_lost_in_a_crowd),
	    T(test_lost_and_found_by_itself),
	    T(test_translated),
	    T(test_lost_are_names_alone),
	};

	return cmocka_run_group_tests_name("join", tests, NULL, NULL);
}
