/*
 * Everything that befalls daemons, by chance: kills and restarts with their
 * state, with an older one, without any; clocks that are wrong; hosts that
 * move, sleep, reboot, get another key, or say goodbye; cuts, loss, and all of
 * them restarted within a second. Then it is quiet, and everybody must hold
 * everybody alive, all tunnels must work, and no address be given twice.
 */
#include <stdlib.h>
#include <string.h>

#include "../../common/check.h"
#include "../../common/overlay.h"
#include "hosts.h"

#define NET   "172.16.0.0/20"
#define MOST  64
#define QUIET (1800 * SEC)
#define SEEDS 2 /* names that --join has */

struct chaos {
	const char *what;
	unsigned n, originals, seeds;
	int64_t us; /* so long */
	int64_t gap; /* from one event to the next, the mean */
	double loss;
};

struct run {
	const struct chaos *k;
	struct cluster *c;
	char text[MOST][64];
	const char *name[MOST];
	bool paused[MOST];
	unsigned events, errors;
};

static void
on_line(struct cluster *c, unsigned i, enum log_level level, const char *line)
{
	struct run *r = cluster_arg(c);

	if (level == LOG_L_ERROR && getenv("CHAOS_LOG") != NULL)
		fprintf(stderr, "# %.3f host %u: %s\n",
		    (double)cluster_now(c) / SEC, i, line);
	r->errors += level == LOG_L_ERROR;
}

/* Members of the original cannot move: two on one address stay so. */
static void
name_all(struct run *r, uint64_t seed)
{
	struct ipaddr a, b;
	struct ipnet net;
	unsigned i, j, k = 0;

	sim_assert(ipnet_parse(NET, &net) == 0 && r->k->n <= MOST);
	for (i = 0; i < r->k->n; i++) {
		do {
			snprintf(r->text[i], sizeof(r->text[i]), "h%u-%x-%u", i,
			    (unsigned)seed, k++);
			overlay_addr(
			    &net, r->text[i], strlen(r->text[i]), 0, &a);
			for (j = 0; j < i && j < r->k->originals; j++) {
				overlay_addr(&net, r->text[j],
				    strlen(r->text[j]), 0, &b);
				if (ipaddr_eq(&a, &b))
					break;
			}
		} while (i < r->k->originals &&
			 (j < i || !check_overlay_host(&net, &a)));
		r->name[i] = r->text[i];
	}
}

static bool
runs(struct run *r, unsigned i)
{
	return r->paused[i] || cluster_node(r->c, i)->s != NULL;
}

static bool
one_in(struct run *r, unsigned n)
{
	return cluster_random_of(r->c, n) == 0;
}

/* What may have happened to a host that is started. */
static void
start(struct run *r, unsigned i)
{
	unsigned everybody[MOST], k;

	if (i >= r->k->originals) {
		if (one_in(r, 8))
			host_forget(r->c, i);
		else if (one_in(r, 8))
			host_restore(r->c, i);
		if (one_in(r, 4))
			host_reboot(r->c, i);
		if (one_in(r, 12))
			host_rekey(r->c, i);
		if (one_in(r, 8))
			host_clock(r->c, i,
			    (int64_t)cluster_random_of(r->c, 20 * 86400) -
				10 * 86400);
	}
	if (one_in(r, 10) && cluster_node(r->c, i)->addr.ip.b[0] < 50)
		host_move(r->c, i);
	start_member(r->c, i);
	for (k = 0; k < r->k->n; k++)
		everybody[k] = k;
	if (i < r->k->originals)
		join_saved(r->c, i, everybody, r->k->n);
}

static void
stop(struct run *r, unsigned i)
{
	crash_member(r->c, i);
	r->paused[i] = false;
}

static void
cut(struct run *r)
{
	unsigned i, parts = 2 + cluster_random_of(r->c, 2);

	for (i = 0; i < r->k->n; i++)
		set_partition(r->c, i, i + 1, cluster_random_of(r->c, parts));
}

static void
restart_all(struct run *r)
{
	unsigned i;

	for (i = 0; i < r->k->n; i++)
		if (runs(r, i))
			stop(r, i);
	for (i = 0; i < r->k->n; i++) {
		start(r, i);
		run_for(r->c, SEC / r->k->n);
	}
}

static void
up_or_down(struct run *r, unsigned i)
{
	bool ours = i >= r->k->originals;

	if (!runs(r, i))
		start(r, i);
	else if (one_in(r, 6) && !r->paused[i])
		leave(r->c, i);
	else if (one_in(r, 2)) {
		stop(r, i);
		if (ours && one_in(r, 2))
			host_snapshot(r->c, i);
	} else {
		stop(r, i);
		start(r, i);
	}
}

static void
befall(struct run *r)
{
	unsigned i = cluster_random_of(r->c, r->k->n);
	struct node *n = cluster_node(r->c, i);

	r->events++;
	switch (cluster_random_of(r->c, 12)) {
	case 0:
		cut(r);
		break;
	case 1:
	case 2:
		heal(r->c);
		break;
	case 3:
		set_drop(r->c, one_in(r, 2) ? r->k->loss : 0);
		break;
	case 4:
		if (r->paused[i])
			wake_member(r->c, i);
		else if (n->s != NULL)
			pause_member(r->c, i);
		r->paused[i] = n->paused;
		break;
	case 5:
		if (i >= r->k->originals && !r->paused[i] && n->s != NULL &&
		    n->addr.ip.b[0] < 50)
			host_move(r->c, i);
		break;
	case 6:
		if (one_in(r, 10))
			restart_all(r);
		break;
	default:
		up_or_down(r, i);
		break;
	}
}

/* One that left has ended by itself. */
static void
calm(struct run *r)
{
	unsigned i;

	heal(r->c);
	set_drop(r->c, 0);
	run_for(r->c, 30 * SEC);
	for (i = 0; i < r->k->n; i++) {
		if (r->paused[i])
			wake_member(r->c, i);
		r->paused[i] = false;
		if (cluster_node(r->c, i)->leave_done && runs(r, i))
			stop(r, i);
		if (!runs(r, i))
			start(r, i);
	}
}

static int64_t
one_chaos(const struct chaos *k, uint64_t seed)
{
	struct run r = {.k = k};
	struct hosts_config cfg = {.seed = seed,
	    .overlay = NET,
	    .names = r.name,
	    .originals = k->originals,
	    .level = LOG_L_ERROR,
	    .log = on_line,
	    .arg = &r};
	int64_t took, end;
	unsigned i;

	name_all(&r, seed);
	r.c = hosts_new(k->n, &cfg);
	for (i = 0; i < k->n; i++) {
		if (i >= k->originals) {
			host_join(r.c, i, r.name[k->n - 1]);
			host_join(r.c, i, r.name[k->n - 2]);
		}
		start(&r, i);
		run_for(r.c, SEC / 4);
	}
	for (end = cluster_now(r.c) + k->us; cluster_now(r.c) < end;) {
		run_for(r.c,
		    (int64_t)cluster_random_of(r.c, (unsigned)(2 * k->gap)));
		befall(&r);
	}
	calm(&r);
	took = wait_whole(r.c, QUIET);
	fprintf(stderr,
	    "# %s: seed %llu: %u events, whole after %.1f s, "
	    "digest %016llx\n",
	    k->what, (unsigned long long)seed, r.events,
	    took < 0 ? -1 : (double)took / SEC,
	    (unsigned long long)cluster_digest(r.c));
	if (took == -1)
		hosts_explain(r.c, stderr, 10);
	cluster_free(r.c);
	return took;
}

static void
chaos(const struct sim_options *o, const struct chaos *k, unsigned seeds)
{
	double cpu = sim_cpu();
	int64_t took, worst = 0;
	unsigned i, bad = 0;

	for (i = 0; i < seeds; i++) {
		took = one_chaos(k, o->seed * 100000 + i);
		bad += took == -1;
		worst = took > worst ? took : worst;
	}
	sim_row("chaos", sim_fmt("%s, %u seeds", k->what, seeds), "-",
	    sim_fmt("%u runs did not end well, the others at most %.1f s "
		    "after; %.0f s of one core",
		bad, (double)worst / SEC, sim_cpu() - cpu),
	    "all alive everywhere, all tunnels, no address twice", bad == 0);
}

int
main(int argc, char **argv)
{
	static const struct chaos all[] = {
	    {"12 hosts, 2 hours", 12, 0, 0, 7200 * SEC, 20 * SEC, 0.2},
	    {"16 hosts, 4 of the original, 2 hours", 16, 4, 0, 7200 * SEC,
		20 * SEC, 0.2},
	    {"40 hosts, 10 minutes of hurry", 40, 0, 0, 600 * SEC, 2 * SEC,
		0.05},
	};
	struct sim_options o;
	unsigned i;

	sim_options(argc, argv, &o);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		chaos(&o, &all[i], o.length == SIM_SHORT ? 5 : 100);
	return 0;
}
