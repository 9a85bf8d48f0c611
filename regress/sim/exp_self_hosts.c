/*
 * Tests of the simulator's whole daemons; this program speaks TAP. What is
 * judged here is the simulator: that a kill leaves the tunnels, that a state
 * file comes back, that names resolve, that the rules of the boundary are in
 * force. What daemons make of it is for the experiments.
 */
#include <stdlib.h>
#include <string.h>

#include "hosts.h"

static unsigned tests, failures;

static void
ok(bool good, const char *what)
{
	failures += !good;
	printf("%sok %u - %s\n", good ? "" : "not ", ++tests, what);
}

/* Lines with some text, of all hosts. */
struct heard {
	const char *text;
	unsigned n;
};

static void
on_line(struct cluster *c, unsigned i, enum log_level level, const char *line)
{
	struct heard *h = cluster_arg(c);

	(void)i;
	(void)level;
	h->n += h->text != NULL && strstr(line, h->text) != NULL;
}

static struct cluster *
mesh(unsigned n, uint64_t seed, struct heard *h)
{
	struct hosts_config cfg = {
	    .seed = seed, .level = LOG_L_INFO, .log = on_line, .arg = h};
	struct cluster *c = hosts_new(n, &cfg);
	unsigned i;

	for (i = 0; i < n; i++)
		host_join(c, i, "seed");
	host_dns(c, "seed", 0);
	hosts_start(c, 0, n, SEC);
	return c;
}

static struct cluster *
whole(unsigned n, struct heard *h)
{
	struct cluster *c = mesh(n, 7, h);

	sim_assert(wait_whole(c, 300 * SEC) != -1);
	run_for(c, 60 * SEC);
	return c;
}

static uint64_t
digest(uint64_t seed)
{
	struct heard h = {.n = 0};
	struct cluster *c = mesh(8, seed, &h);
	uint64_t d;

	run_for(c, 30 * SEC);
	crash_member(c, 3);
	run_for(c, 10 * SEC);
	start_member(c, 3);
	run_for(c, 60 * SEC);
	d = cluster_digest(c);
	cluster_free(c);
	return d;
}

static void
test_seed(void)
{
	uint64_t one = digest(1);

	ok(one == digest(1), "a seed repeats a run of daemons");
	ok(one != digest(2), "another seed is another run");
}

static void
test_mesh(void)
{
	struct heard h = {.text = "joined through"};
	struct cluster *c = mesh(5, 7, &h);
	struct ipaddr a;

	ok(wait_whole(c, 60 * SEC) != -1, "five daemons become a mesh");
	ok(h.n >= 4, "what they log is heard");
	ok(host_lines(c, 1, LOG_L_INFO) > 0, "and counted");
	a = host_overlay(c, 2);
	ok(a.len == 4 && host_route(c, 1, &a) == 2,
	    "who has an overlay address is found in a kernel");
	ok(hosts_dark(c) == 0, "no pair is dark");
	set_partition(c, 1, 2, 1);
	ok(hosts_dark(c) == 4, "a cut makes its pairs dark");
	heal(c);
	ok(hosts_dark(c) == 0, "and healing ends that");
	cluster_free(c);
}

static void
test_kill(void)
{
	struct heard h = {.text = "tunnels of an earlier run"};
	struct cluster *c = whole(5, &h);

	crash_member(c, 2);
	ok(host_has(c, 2, 1), "a kill leaves the tunnels");
	ok(hosts_dark(c) == 0, "who does not run is nobody's dark pair");
	host_dns(c, "seed", cluster_size(c));
	start_member(c, 2);
	ok(wait_whole(c, 60 * SEC) != -1 && h.n == 1,
	    "they are adopted, and the state tells whom to join");
	crash_member(c, 2);
	host_reboot(c, 2);
	ok(!host_has(c, 2, 1) && host_overlay(c, 2).len == 0,
	    "a reboot ends them");
	host_forget(c, 2);
	start_member(c, 2);
	run_for(c, 5 * SEC);
	ok(member_status(c, 2, 1) == -1,
	    "without a state, and with no name that resolves, it is alone");
	host_dns(c, "seed", 1);
	ok(wait_whole(c, 300 * SEC) != -1, "until the name resolves again");
	cluster_free(c);
}

static void
test_snapshot(void)
{
	struct heard h = {.n = 0};
	struct cluster *c = whole(3, &h);
	char *was = strdup(host_state(c, 1));

	sim_assert(was != NULL);
	host_snapshot(c, 1);
	ok(strstr(was, cluster_node(c, 2)->name) != NULL,
	    "the state file is kept as its text");
	crash_member(c, 1);
	host_forget(c, 1);
	ok(host_state(c, 1) == NULL, "it can be lost");
	host_restore(c, 1);
	ok(strcmp(was, host_state(c, 1)) == 0, "and be put back");
	free(was);
	host_clock(c, 1, -86400 * 30LL);
	start_member(c, 1);
	ok(wait_whole(c, 120 * SEC) != -1, "with a clock a month behind, too");
	cluster_free(c);
}

static void
test_leave(void)
{
	struct heard h = {.n = 0};
	struct cluster *c = whole(3, &h);

	leave(c, 1);
	run_for(c, 30 * SEC);
	ok(cluster_node(c, 1)->leave_done && cluster_node(c, 1)->s == NULL,
	    "one that left has ended");
	ok(!host_has(c, 1, 0) && !host_has(c, 0, 1) && host_has(c, 0, 2),
	    "its tunnels are gone, here and there");
	cluster_free(c);
}

static void
test_move(void)
{
	struct heard h = {.n = 0};
	struct cluster *c = whole(4, &h);
	struct ipport was = cluster_node(c, 1)->addr;

	host_move(c, 1);
	ok(cluster_at(c, &was) == -1 &&
		cluster_at(c, &cluster_node(c, 1)->addr) == 1,
	    "one that moved is at its new address");
	ok(wait_whole(c, 120 * SEC) != -1, "the others follow");
	crash_member(c, 1);
	host_rekey(c, 1);
	ok(!host_reaches(c, 0, 1), "another key is another tunnel");
	start_member(c, 1);
	ok(wait_whole(c, 300 * SEC) != -1, "which is made");
	cluster_free(c);
}

static void
test_pause(void)
{
	struct heard h = {.text = "awake again after 40 s"};
	struct cluster *c = whole(4, &h);

	pause_member(c, 1);
	run_for(c, 40 * SEC);
	wake_member(c, 1);
	ok(h.n == 1, "a pause is told to the mesh");
	ok(wait_whole(c, 120 * SEC) != -1, "which goes on");
	cluster_free(c);
}

/* Another key for an address that had a young session: wesher-priv waits. */
static void
test_boundary(void)
{
	struct heard h = {.text = "changed hands less than 180 s ago"};
	struct hosts_config cfg = {.seed = 7,
	    .overlay = "172.16.5.16/28",
	    .level = LOG_L_INFO,
	    .originals = 2,
	    .log = on_line,
	    .arg = &h};
	/* Both derive 172.16.5.20. */
	static const char *const names[] = {"o11", "o20", "third"};
	const unsigned third = 2;
	struct cluster *c;
	struct ipaddr a, b;

	cfg.names = names;
	c = hosts_new(3, &cfg);
	start_member(c, 2);
	start_member(c, 0);
	join_saved(c, 0, &third, 1);
	run_for(c, 60 * SEC);
	a = host_overlay(c, 0);
	b = host_overlay(c, 1);
	sim_assert(ipaddr_eq(&a, &b));
	ok(host_route(c, 2, &a) == 0, "one holds the address");
	leave(c, 0);
	run_for(c, 5 * SEC);
	crash_member(c, 0);
	start_member(c, 1);
	join_saved(c, 1, &third, 1);
	run_for(c, 60 * SEC);
	ok(h.n > 0 && host_route(c, 2, &a) == -1,
	    "another may not have it within 180 s");
	run_for(c, 240 * SEC);
	ok(host_route(c, 2, &a) == 1, "and then it may");
	cluster_free(c);
}

int
main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	test_seed();
	test_mesh();
	test_kill();
	test_snapshot();
	test_leave();
	test_move();
	test_pause();
	test_boundary();
	printf("1..%u\n", tests);
	return failures != 0;
}
