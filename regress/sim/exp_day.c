/*
 * A quiet day in the log: thirty whole daemons at level info, from their start
 * on, none of which ever fails. What each says in 24 hours is counted, line by
 * line as it leaves: who reads a log looks for what is not as usual, and will
 * not find it among a thousand lines of all being well.
 */
#include <stdlib.h>
#include <string.h>

#include "hosts.h"

#define HOSTS 30
#define DAY   (24 * 3600 * SEC)
#define START (300 * SEC) /* all have joined */
#define LINES 50 /* each has fewer */

struct day {
	unsigned line[HOSTS];
	char last[HOSTS][256];
	unsigned again; /* the same line within a minute */
	int64_t last_at[HOSTS];
};

static void
on_line(struct cluster *c, unsigned i, enum log_level level, const char *line)
{
	struct day *d = cluster_arg(c);

	(void)level;
	d->line[i]++;
	d->again += strcmp(d->last[i], line) == 0 &&
		    cluster_now(c) - d->last_at[i] < 60 * SEC;
	strlcpy(d->last[i], line, sizeof(d->last[i]));
	d->last_at[i] = cluster_now(c);
}

static unsigned
most(const struct day *d, unsigned *sum)
{
	unsigned i, max = 0;

	for (i = *sum = 0; i < HOSTS; i++) {
		*sum += d->line[i];
		if (d->line[i] > max)
			max = d->line[i];
	}
	return max;
}

static void
a_day(const struct network *net, const char *what, uint64_t seed)
{
	static struct day d;
	struct hosts_config cfg = {.seed = seed,
	    .level = LOG_L_INFO,
	    .network = net,
	    .log = on_line,
	    .arg = &d};
	unsigned i, before, all, max, least = UINT32_MAX;
	struct cluster *c = hosts_new(HOSTS, &cfg);
	double cpu = sim_cpu();

	memset(&d, 0, sizeof(d));
	for (i = 0; i < HOSTS; i++)
		host_join(c, i, "seed");
	host_dns(c, "seed", 0);
	hosts_start(c, 0, HOSTS, 30 * SEC);
	run_for(c, START - 30 * SEC);
	sim_assert(hosts_whole(c));
	(void)most(&d, &before);
	run_for(c, DAY - START);
	max = most(&d, &all);
	for (i = 0; i < HOSTS; i++)
		if (d.line[i] < least)
			least = d.line[i];
	fprintf(stderr, "# digest %016llx\n",
	    (unsigned long long)cluster_digest(c));
	sim_row("day", what, "none",
	    sim_fmt("%u to %u lines each; %u of all %u after the first five "
		    "minutes; %u a minute after the same; %.0f s of one core",
		least, max, all - before, all, d.again, sim_cpu() - cpu),
	    "each below 50, none the same within a minute, all is whole",
	    least > 0 && max < LINES && d.again == 0 && hosts_whole(c));
	cluster_free(c);
}

int
main(int argc, char **argv)
{
	struct sim_options o;
	struct network lossy = network_wan;
	unsigned i, n;

	sim_options(argc, argv, &o);
	lossy.drop = 0.01;
	n = o.length == SIM_SHORT ? 1 : 5;
	for (i = 0; i < n; i++) {
		a_day(NULL, "30 members, 24 hours, level info", o.seed + i);
		a_day(&lossy, "the same, a packet in 100 is lost", o.seed + i);
	}
	return 0;
}
