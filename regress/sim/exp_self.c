/*
 * Tests of the simulator itself; this program speaks TAP. Where chance is
 * measured the run is fixed by the seed in the test, so a result is the same
 * each time.
 */
#include <stdlib.h>
#include <string.h>

#include "sim_int.h"

static unsigned tests, failures;

static void
ok(bool good, const char *what)
{
	failures += !good;
	printf("%sok %u - %s\n", good ? "" : "not ", ++tests, what);
}

/* What came to member 1 from member 0, by the number in it. */
struct seen {
	unsigned n, disorder;
	uint32_t last;
	int64_t first_at, last_at;
};

static void
on_arrive(struct cluster *c, unsigned from, unsigned to, const uint8_t *plain,
    size_t len)
{
	struct seen *seen = cluster_arg(c);
	uint32_t number;

	if (from != 0 || to != 1 || len < 2 || plain[0] != WIRE_NACK ||
	    wire_get_nack(plain + 1, len - 1, &number) == -1)
		return;
	seen->disorder += seen->n > 0 && number < seen->last;
	seen->last = number;
	seen->last_at = cluster_now(c);
	if (seen->n++ == 0)
		seen->first_at = seen->last_at;
}

/* Strangers to each other, who say nothing by themselves. */
static struct cluster *
strangers(unsigned n, struct seen *seen, const struct network *net)
{
	struct cluster_config cfg = {.profile = &swim_lan,
	    .seed = 77,
	    .arrive = on_arrive,
	    .arg = seen,
	    .network = net};

	memset(seen, 0, sizeof(*seen));
	return cluster_new(n, &cfg);
}

/* n numbered packets, `gap` us apart, each handled by whoever gets it. */
static void
send_numbered(struct cluster *c, unsigned n, int64_t gap)
{
	uint8_t msg[64];
	ssize_t len;
	unsigned i;

	for (i = 1; i <= n; i++) {
		len = wire_put_nack(msg, sizeof(msg), i);
		net_send(&c->node[0], &c->node[1].addr, msg, (size_t)len);
		if (gap > 0)
			run_for(c, gap);
	}
}

static uint64_t
digest_of(uint64_t seed)
{
	struct cluster_config cfg = {
	    .profile = &swim_lan, .seed = seed, .warm = true};
	struct cluster *c = cluster_new(40, &cfg);
	uint64_t d;

	set_drop(c, 0.1);
	set_duplicate(c, 0.1);
	set_reorder(c, 0.1);
	crash_member(c, 7);
	run_for(c, 60 * SEC);
	d = cluster_digest(c);
	cluster_free(c);
	return d;
}

static void
test_replay(void)
{
	uint64_t one = digest_of(1), two = digest_of(2);

	ok(one == digest_of(1) && two == digest_of(2),
	    "a seed repeats a run to the last event");
	ok(one != two && one != digest_of(3) && two != digest_of(3),
	    "another seed is another run");
}

static void
test_latency(void)
{
	struct network net = {
	    .kind = LATENCY_UNIFORM, .lo = 2000, .hi = 3000, .mtu = 1500};
	struct seen seen;
	struct cluster *c = strangers(2, &seen, &net);
	int64_t sent = cluster_now(c);

	send_numbered(c, 1, 0);
	run_for(c, SEC);
	ok(seen.n == 1 && seen.first_at >= sent + 2000 &&
		seen.first_at <= sent + 3000,
	    "a packet takes the latency of its pair");
	sent = seen.first_at - sent;
	memset(&seen, 0, sizeof(seen));
	send_numbered(c, 1000, 100);
	run_for(c, SEC);
	ok(seen.n == 1000 && seen.disorder == 0,
	    "without jitter packets stay in order");
	(void)sent;
	cluster_free(c);
}

/* The share of 20,000 packets that arrive. */
static double
share(struct cluster *c, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	send_numbered(c, 20000, 10);
	run_for(c, SEC);
	return seen->n / 20000.0;
}

static bool
near(double x, double wanted)
{
	return x > wanted - 0.01 && x < wanted + 0.01;
}

static void
test_chance(void)
{
	struct seen seen;
	struct cluster *c = strangers(2, &seen, &network_lan);

	ok(share(c, &seen) == 1, "without loss everything arrives once");
	set_drop(c, 0.2);
	ok(near(share(c, &seen), 0.8), "set_drop: that share is lost");
	set_drop_in(c, 1, 0.5);
	ok(near(share(c, &seen), 0.4), "set_drop_in comes on top");
	set_drop(c, 0);
	set_drop_in(c, 1, 0);
	set_drop_out(c, 0, 0.3);
	ok(near(share(c, &seen), 0.7), "set_drop_out of the sender");
	set_drop_out(c, 0, 0);
	set_drop_out(c, 1, 1);
	ok(share(c, &seen) == 1, "that of the receiver is nothing to it");
	set_duplicate(c, 0.1);
	ok(near(share(c, &seen), 1.1), "set_duplicate: that share comes twice");
	cluster_free(c);
}

static void
test_reorder(void)
{
	struct network net = network_lan;
	struct seen seen;
	struct cluster *c;

	net.jitter = 0;
	net.lo = net.hi = 1000;
	c = strangers(2, &seen, &net);
	set_reorder(c, 0.1);
	send_numbered(c, 10000, 1000);
	run_for(c, SEC);
	/* One late by up to 4 ms overtakes nobody, is overtaken by 0 to 4. */
	ok(seen.n == 10000 && seen.disorder > 500 && seen.disorder < 1100,
	    "set_reorder: that share is overtaken");
	cluster_free(c);
}

static void
test_mtu(void)
{
	uint8_t msg[WIRE_PLAIN_MAX] = {WIRE_USER};
	struct seen seen;
	struct cluster *c = strangers(2, &seen, NULL);

	set_mtu(c, 1000);
	net_send(&c->node[0], &c->node[1].addr, msg, 1000 - 57 + 1);
	ok(queue_next(&c->q) == NEVER, "a packet above the MTU is lost");
	net_send(&c->node[0], &c->node[1].addr, msg, 1000 - 57);
	ok(queue_next(&c->q) != NEVER, "one of just that size is not");
	cluster_free(c);
}

static void
test_cuts(void)
{
	struct seen seen;
	struct cluster *c = strangers(3, &seen, NULL);

	set_partition(c, 1, 2, 3);
	send_numbered(c, 10, 1000);
	run_for(c, SEC);
	ok(seen.n == 0, "a partition cuts");
	set_one_way(c, 0, 3, false);
	send_numbered(c, 10, 1000);
	run_for(c, SEC);
	ok(seen.n == 10, "and can be open one way");
	join(c, 1, 2);
	run_for(c, 9 * SEC);
	ok(!c->node[1].joined.ok && c->node[1].s->t.n == 1 &&
		!TAILQ_EMPTY(&c->node[1].s->streams),
	    "a stream needs both, and waits");
	run_for(c, 2 * SEC);
	ok(c->node[1].joined.id != 0 && !c->node[1].joined.ok,
	    "until its time-out");
	heal(c);
	join(c, 1, 2);
	run_for(c, SEC);
	ok(c->node[1].joined.ok && c->node[2].s->t.n == 2,
	    "after heal it gets through");
	cluster_free(c);
}

static void
test_refused(void)
{
	struct seen seen;
	struct cluster *c = strangers(2, &seen, NULL);

	crash_member(c, 1);
	join(c, 0, 1);
	run_for(c, SEC / 10);
	ok(c->node[0].joined.id != 0 && !c->node[0].joined.ok,
	    "a dead process refuses a stream at once");
	start_member(c, 1);
	pause_member(c, 1);
	join(c, 0, 1);
	run_for(c, 9 * SEC);
	ok(c->node[0].joined.id == 0, "a paused one lets it wait");
	wake_member(c, 1);
	run_for(c, SEC / 10);
	ok(c->node[0].joined.ok, "and answers when it wakes");
	cluster_free(c);
}

static void
test_pause(void)
{
	struct cluster_config cfg = {
	    .profile = &swim_lan, .seed = 78, .warm = true};
	struct seen seen = {0};
	struct cluster *c;
	uint64_t before;

	cfg.arrive = on_arrive;
	cfg.arg = &seen;
	c = cluster_new(10, &cfg);
	run_for(c, 5 * SEC);
	pause_member(c, 1);
	before = c->node[1].packets;
	send_numbered(c, 10, SEC / 10);
	run_for(c, SEC);
	ok(c->node[1].packets == before && seen.n == 0,
	    "a paused member handles and sends nothing");
	ok(c->node[1].s->now <= cluster_now(c) - 2 * SEC,
	    "its timers do not run");
	wake_member(c, 1);
	ok(seen.n == 10 && seen.disorder == 0 &&
		seen.first_at == seen.last_at && c->node[1].packets > before,
	    "what queued is handled in order as it wakes, and answered then");
	run_for(c, SEC);
	ok(wait_fullmesh(c, 30 * SEC) != -1, "all is well again");
	pause_member(c, 2);
	ok(wait_status_everywhere(c, 2, MEMBER_DEAD, 60 * SEC) != -1,
	    "who is paused for long is declared dead");
	wake_member(c, 2);
	ok(wait_fullmesh(c, 60 * SEC) != -1, "and refutes it");
	cluster_free(c);
}

static void
test_hold(void)
{
	struct cluster_config cfg = {
	    .profile = &swim_lan, .seed = 81, .warm = true};
	struct seen seen = {0};
	struct cluster *c;
	uint64_t before;

	cfg.arrive = on_arrive;
	cfg.arg = &seen;
	c = cluster_new(10, &cfg);
	run_for(c, 5 * SEC);
	hold_member(c, 1, 4 * SEC);
	before = c->node[1].s->count.probes_failed;
	send_numbered(c, 10, SEC / 10);
	run_for(c, 2 * SEC);
	ok(seen.n == 0, "what comes to a held member waits");
	ok(c->node[1].s->count.probes_failed > before,
	    "its timers run, and nobody answers what does not leave");
	run_for(c, SEC + SEC / 10);
	ok(seen.n == 10 && seen.disorder == 0 && seen.first_at == seen.last_at,
	    "it is handled in order at the end");
	run_for(c, SEC);
	ok(wait_fullmesh(c, 30 * SEC) != -1, "then all is well");
	cluster_free(c);
}

static void
test_words(void)
{
	struct cluster_config cfg = {
	    .profile = &swim_lan, .seed = 79, .warm = true};
	struct cluster *c = cluster_new(50, &cfg);

	ok(is_fullmesh(c) && missing(c) == 0, "a warm mesh is full");
	crash_member(c, 3);
	ok(!is_fullmesh(c) && wait_status(c, 4, 3, MEMBER_DEAD, 60 * SEC) > 0 &&
		wait_status_everywhere(c, 3, MEMBER_DEAD, 60 * SEC) != -1 &&
		is_fullmesh(c) && status_count(c, 3, MEMBER_DEAD) == 49,
	    "a crash is found by everybody");
	start_member(c, 3);
	join(c, 3, 0);
	ok(wait_fullmesh(c, 60 * SEC) != -1, "it returns");
	leave(c, 5);
	ok(wait_status_everywhere(c, 5, MEMBER_LEFT, 60 * SEC) != -1,
	    "a leave is heard by everybody");
	run_for(c, 10 * SEC);
	ok(c->node[5].leave_done, "and it is told that it may go");
	crash_member(c, 5);
	set_partition(c, 0, 20, 1);
	ok(wait_status(c, 0, 30, MEMBER_DEAD, 100 * SEC) != -1 &&
		member_status(c, 0, 1) == MEMBER_ALIVE,
	    "the parts of a partition lose each other");
	ok(missing(c) > 0, "which counts as missing");
	cluster_free(c);
}

static void
test_originals(void)
{
	struct cluster_config cfg = {
	    .profile = &swim_lan, .seed = 80, .warm = true, .originals = 3};
	struct cluster *c = cluster_new(10, &cfg);
	struct member *m;

	m = member_find(swim_members(c->node[9].s), "node1", 5);
	ok(m != NULL && !m->ours && m->incarnation == 1,
	    "an original has no extension and begins with 1");
	crash_member(c, 1);
	(void)wait_status_everywhere(c, 1, MEMBER_DEAD, 60 * SEC);
	start_member(c, 1);
	join(c, 1, 9);
	ok(wait_fullmesh(c, 60 * SEC) != -1 &&
		swim_incarnation(c->node[1].s) == 2,
	    "after a restart it finds that it was there before");
	cluster_free(c);
}

static void
test_saved(void)
{
	struct cluster_config cfg = {
	    .profile = &swim_wan, .seed = 81, .warm = true};
	struct cluster *c = cluster_new(30, &cfg);
	static const unsigned who[] = {1, 2, 3, 4};
	unsigned i;

	for (i = 0; i < 5; i++)
		crash_member(c, i);
	start_member(c, 0);
	join_saved(c, 0, who, 4);
	run_for(c, 20 * SEC);
	ok(c->node[0].s->t.n == 1 && c->node[0].join != NULL,
	    "saved members that are gone are tried again");
	start_member(c, 4);
	join(c, 4, 29);
	run_for(c, 60 * SEC);
	ok(c->node[0].s->t.n > 20, "until one answers");
	cluster_free(c);
}

int
main(int argc, char **argv)
{
	struct sim_options o;

	sim_options(argc, argv, &o);
	test_replay();
	test_latency();
	test_chance();
	test_reorder();
	test_mtu();
	test_cuts();
	test_refused();
	test_pause();
	test_hold();
	test_words();
	test_originals();
	test_saved();
	printf("1..%u\n", tests);
	return failures > 0;
}
