/*
 * Meshes that were cut in parts, longer than anybody's memory of the dead:
 * whole daemons find each other again from those that they remember, and from
 * the names that they were given. Nobody is told when the network is back.
 */
#include <stdlib.h>
#include <string.h>

#include "hosts.h"

#define PARTS 3
#define BACK  (60 * SEC) /* until a first contact, at most; and to all alive */

struct parting {
	const char *what;
	unsigned n, originals;
	unsigned part[PARTS]; /* how many are in each; originals in turn */
	int64_t hours_us; /* it lasts */
	bool names; /* the target of --join still resolves */
};

struct watch {
	uint8_t *group;
	unsigned size[PARTS];
	bool cut;
	uint64_t tries[PARTS]; /* streams to another part */
	uint64_t late[PARTS]; /* of them in the last ten minutes */
	int64_t late_from;
	unsigned alone; /* lines that say so */
};

static void
on_stream(struct cluster *c, unsigned from, unsigned to, const uint8_t *msg,
    size_t len)
{
	struct watch *w = cluster_arg(c);

	(void)msg;
	(void)len;
	if (!w->cut || w->group[from] == w->group[to])
		return;
	w->tries[w->group[from]]++;
	if (cluster_now(c) >= w->late_from)
		w->late[w->group[from]]++;
}

static void
on_line(struct cluster *c, unsigned i, enum log_level level, const char *line)
{
	struct watch *w = cluster_arg(c);

	(void)i;
	(void)level;
	w->alone += w->cut && strstr(line, "alone") != NULL;
}

/* The originals first, in turn, then the rest. */
static void
divide(struct watch *w, const struct parting *p)
{
	unsigned i, g = 0;

	w->group = calloc(p->n, 1);
	sim_assert(w->group != NULL);
	for (i = 0; i < p->n; i++) {
		while (w->size[g] == p->part[g])
			g = (g + 1) % PARTS;
		w->group[i] = (uint8_t)g;
		w->size[g]++;
		if (i < p->originals)
			g = (g + 1) % PARTS;
	}
}

static struct cluster *
whole_mesh(const struct parting *p, struct watch *w, uint64_t seed)
{
	struct hosts_config cfg = {.seed = seed,
	    .originals = p->originals,
	    .level = LOG_L_WARN,
	    .stream = on_stream,
	    .log = on_line,
	    .arg = w};
	struct cluster *c = hosts_new(p->n, &cfg);
	const unsigned seedling = p->n - 1;
	unsigned i;

	host_dns(c, "seed", seedling);
	start_member(c, seedling);
	run_for(c, SEC);
	for (i = 0; i < seedling; i++) {
		if (i >= p->originals)
			host_join(c, i, "seed");
		start_member(c, i);
		if (i < p->originals)
			join_saved(c, i, &seedling, 1);
		run_for(c, SEC / 20);
	}
	sim_assert(wait_fullmesh(c, 300 * SEC) != -1);
	run_for(c, 120 * SEC);
	if (!p->names)
		host_dns(c, "seed", p->n);
	return c;
}

static bool
has_contact(struct cluster *c, void *arg)
{
	struct watch *w = arg;
	const struct member_table *t;
	unsigned i, k;
	int j;

	for (i = 0; i < cluster_size(c); i++) {
		t = swim_members(cluster_node(c, i)->s);
		for (k = 0; k < t->n; k++) {
			j = cluster_of(c, t->list[k]);
			if (j != -1 && t->list[k]->state == MEMBER_ALIVE &&
			    w->group[j] != w->group[i])
				return true;
		}
	}
	return false;
}

static uint64_t
sent(struct cluster *c)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < cluster_size(c); i++)
		n += cluster_node(c, i)->bytes +
		     cluster_node(c, i)->stream_bytes;
	return n;
}

static double
seconds(int64_t us)
{
	return us < 0 ? -1 : (double)us / SEC;
}

/* The most attempts a second of a part: in all, and at the end. */
static void
busiest(
    const struct parting *p, const struct watch *w, double *all, double *late)
{
	unsigned g;

	*all = *late = 0;
	for (g = 0; g < PARTS; g++) {
		double a = (double)w->tries[g] * SEC / (double)p->hours_us;
		double l = (double)w->late[g] / 600;

		*all = a > *all ? a : *all;
		*late = l > *late ? l : *late;
	}
}

static void
part_and_heal(const struct parting *p, uint64_t seed)
{
	struct watch w = {.cut = false};
	int64_t contact, alive, tunnels;
	double cpu = sim_cpu(), all, late;
	uint64_t bytes, part_bytes;
	struct cluster *c;
	unsigned i;
	bool good;

	divide(&w, p);
	c = whole_mesh(p, &w, seed);
	for (i = 0; i < p->n; i++)
		set_partition(c, i, i + 1, w.group[i]);
	w.cut = true;
	w.late_from = cluster_now(c) + p->hours_us - 600 * SEC;
	bytes = sent(c);
	run_for(c, p->hours_us);
	part_bytes = sent(c) - bytes;
	w.cut = false;
	heal(c);
	contact = run_until(c, SEC / 2, 600 * SEC, has_contact, &w);
	alive = wait_fullmesh(c, 600 * SEC);
	tunnels = wait_whole(c, 600 * SEC);
	busiest(p, &w, &all, &late);
	/* A few hosts make an attempt each 45 s, a few more at first. */
	good = contact != -1 && contact <= BACK && alive != -1 &&
	       alive <= BACK && tunnels != -1 && late <= 1.5;
	fprintf(stderr, "# digest %016llx\n",
	    (unsigned long long)cluster_digest(c));
	sim_row("heal", p->what, "memberlist: apart for good",
	    sim_fmt("contact after %.1f s, all alive %.1f s later, all tunnels "
		    "%.1f s later; at most %.2f attempts a second in a part "
		    "(%.2f at the end); %.0f bytes/s each; %u lines of being "
		    "alone; %.0f s of one core",
		seconds(contact), seconds(alive), seconds(tunnels), all, late,
		(double)part_bytes * SEC / (double)p->hours_us / p->n, w.alone,
		sim_cpu() - cpu),
	    "contact within 60 s, all alive 60 s later, then all is whole; "
	    "about one attempt a "
	    "second in a part",
	    good);
	cluster_free(c);
	free(w.group);
}

static const struct parting brief[] = {
    {"100 + 100, an hour", 200, 0, {100, 100}, 3600 * SEC, false},
    {"2 + 2, one original in each, an hour", 4, 2, {2, 2}, 3600 * SEC, false},
    {"1 + 29, three hours", 30, 0, {1, 29}, 3 * 3600 * SEC, false},
    {"20 + 20 + 20, 6 originals, an hour", 60, 6, {20, 20, 20}, 3600 * SEC,
	false},
    {"30 + 30 by the name of --join, a day", 60, 0, {30, 30}, 24 * 3600 * SEC,
	true},
};

static const struct parting large[] = {
    {"500 + 500, an hour", 1000, 0, {500, 500}, 3600 * SEC, false},
};

int
main(int argc, char **argv)
{
	struct sim_options o;
	unsigned i;

	sim_options(argc, argv, &o);
	for (i = 0; i < sizeof(brief) / sizeof(brief[0]); i++)
		part_and_heal(&brief[i], o.seed);
	if (o.length == SIM_SHORT)
		return 0;
	for (i = 0; i < sizeof(large) / sizeof(large[0]); i++)
		part_and_heal(&large[i], o.seed);
	return 0;
}
