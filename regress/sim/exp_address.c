/*
 * Overlay addresses among whole daemons: newcomers that derive one address
 * settle on different ones, whether they come one after the other or all at
 * once, alone or with members of the original, which cannot move; two halves
 * that gave one address twice; and a network that is full.
 */
#include <stdlib.h>
#include <string.h>

#include "../../common/overlay.h"
#include "hosts.h"

/* wesher-priv gives an address to another key that long after the last
 * handshake of the old one. */
#define HANDS_OVER (200 * SEC)

#define AFTER  (10 * SEC) /* of the last join all is settled */
#define SAMPLE (SEC / 2)

struct settling {
	const char *what, *net;
	unsigned n, originals;
	int64_t within; /* they start */
	unsigned seeds;
};

/* Joins the first of all; originals do as their daemon would. */
static void
begin(struct cluster *c, unsigned i, unsigned originals)
{
	const unsigned to = 0;

	start_member(c, i);
	if (i < originals && i != to)
		join_saved(c, i, &to, 1);
}

static uint64_t
addresses(struct cluster *c)
{
	uint64_t h = 0;
	struct ipaddr a;
	unsigned i, k;

	for (i = 0; i < cluster_size(c); i++) {
		a = host_overlay(c, i);
		for (k = 0; k < a.len; k++)
			h = (h ^ a.b[k]) * 0x100000001b3u;
		h ^= h >> 29;
	}
	return h;
}

/* In which order they come: by chance, but the first comes first. */
static void
shuffle(struct cluster *c, unsigned *order, unsigned n)
{
	unsigned i, k, x;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = n - 1; i > 1; i--) {
		k = 1 + cluster_random_of(c, i);
		x = order[i];
		order[i] = order[k];
		order[k] = x;
	}
}

/* When the last address changed or two were one, in us after the last join; at
 * most what is watched: `max`. */
static int64_t
settled(struct cluster *c, int64_t max)
{
	int64_t start = cluster_now(c), last = 0;
	uint64_t was = addresses(c), is;

	while (cluster_now(c) - start < max) {
		run_for(c, SAMPLE);
		is = addresses(c);
		if (is != was || hosts_collisions(c) > 0)
			last = cluster_now(c) - start;
		was = is;
	}
	return last;
}

static int64_t
one_mesh(const struct settling *s, uint64_t seed)
{
	struct hosts_config cfg = {.seed = seed,
	    .overlay = s->net,
	    .originals = s->originals,
	    .level = LOG_L_ERROR};
	struct cluster *c = hosts_new(s->n, &cfg);
	unsigned *order = calloc(s->n, sizeof(*order)), i;
	int64_t took;

	sim_assert(order != NULL);
	shuffle(c, order, s->n);
	host_dns(c, "seed", 0);
	for (i = 0; i < s->n; i++) {
		if (order[i] >= s->originals)
			host_join(c, order[i], "seed");
		begin(c, order[i], s->originals);
		run_for(c, s->within / s->n);
	}
	took = settled(c, 2 * AFTER);
	if (took > AFTER)
		fprintf(stderr, "# %s: seed %llu: %.1f s, %u collide\n",
		    s->what, (unsigned long long)seed, (double)took / SEC,
		    hosts_collisions(c));
	free(order);
	cluster_free(c);
	return took;
}

static void
settle(const struct sim_options *o, const struct settling *s)
{
	double cpu = sim_cpu();
	int64_t took, worst = 0;
	unsigned i, late = 0;

	for (i = 0; i < s->seeds; i++) {
		took = one_mesh(s, o->seed * 100000 + i);
		late += took > AFTER;
		worst = took > worst ? took : worst;
	}
	sim_row("address",
	    sim_fmt("%u in %s, %s, %u seeds", s->n, strchr(s->net, '/'),
		s->what, s->seeds),
	    "the original: collisions stay",
	    sim_fmt("%u not settled after %d s, the latest after %.1f s; %.0f "
		    "s of one core",
		late, (int)(AFTER / SEC), (double)worst / SEC, sim_cpu() - cpu),
	    "settled within 10 s of the last join, without a collision",
	    late == 0);
}

/* A network of 14 addresses, and 16 hosts. */
#define FULL 16

static void
hear_full(struct cluster *c, unsigned i, enum log_level level, const char *line)
{
	bool *said = cluster_arg(c);

	if (level <= LOG_L_WARN && strstr(line, "wider --overlay-net") != NULL)
		said[i] = true;
}

/* Two daemons that did not say that they are without an address have one. */
static unsigned
true_collisions(struct cluster *c, const bool *said)
{
	struct ipaddr a, b;
	unsigned i, j, n = 0;

	for (i = 0; i < FULL; i++)
		for (j = i + 1; j < FULL; j++) {
			a = host_overlay(c, i);
			b = host_overlay(c, j);
			n += !said[i] && !said[j] && ipaddr_eq(&a, &b);
		}
	return n;
}

static bool
one_full(uint64_t seed, int64_t within)
{
	bool said[FULL] = {false};
	struct hosts_config cfg = {.seed = seed,
	    .overlay = "172.16.5.16/28",
	    .level = LOG_L_WARN,
	    .log = hear_full,
	    .arg = said};
	struct cluster *c = hosts_new(FULL, &cfg);
	unsigned i, n = 0, collide;

	for (i = 0; i < FULL; i++)
		host_join(c, i, cluster_node(c, 0)->name);
	hosts_start(c, 0, FULL, within);
	run_for(c, 60 * SEC);
	for (i = 0; i < FULL; i++)
		n += said[i];
	collide = true_collisions(c, said);
	if (n != 2 || collide != 0)
		fprintf(stderr, "# full: seed %llu: %u say so, %u collide\n",
		    (unsigned long long)seed, n, collide);
	cluster_free(c);
	return n == 2 && collide == 0;
}

static void
full(const struct sim_options *o, unsigned seeds)
{
	unsigned i, good = 0;

	for (i = 0; i < seeds; i++)
		good += one_full(
		    o->seed * 100000 + i, i % 2 == 0 ? 16 * SEC : 2 * SEC);
	sim_row("address", sim_fmt("%u in /28, %u seeds", FULL, seeds), "-",
	    sim_fmt("in %u runs exactly two said that no address is free, and "
		    "no two of the others had one",
		good),
	    "in every run", good == seeds);
}

/*
 * Two halves that have met before are apart, and each takes in newcomers whose
 * names derive the address that one in the other half has.
 */
#define OLD   40 /* half of them in each half */
#define PAIRS 3
#define LATE  (OLD + 2 * PAIRS) /* comes in the second parting */
#define ALL   (LATE + 1)

struct halves {
	char text[ALL][64];
	const char *name[ALL];
	struct ipnet net;
	bool counting;
	unsigned touched; /* tunnels within a half, of who has no part in it */
	bool mover[ALL];
};

/* Who goes where: newcomers OLD + 2k in the first half, OLD + 2k + 1 in the
 * other. */
static unsigned
half_of(unsigned i)
{
	if (i < OLD)
		return i >= OLD / 2;
	return (i - OLD) % 2;
}

static void
name_like(
    struct halves *h, unsigned i, const char *prefix, const struct ipaddr *want)
{
	struct ipaddr a;
	unsigned k = 0;

	do {
		snprintf(h->text[i], sizeof(h->text[i]), "%s%u", prefix, k++);
		overlay_addr(&h->net, h->text[i], strlen(h->text[i]), 0, &a);
	} while (!ipaddr_eq(&a, want));
}

static void
name_all(struct halves *h, uint64_t seed)
{
	struct ipaddr a;
	unsigned i;

	sim_assert(ipnet_parse("172.16.0.0/20", &h->net) == 0);
	for (i = 0; i < ALL; i++) {
		h->name[i] = h->text[i];
		snprintf(h->text[i], sizeof(h->text[i]), "m%u-%llu", i,
		    (unsigned long long)seed);
	}
	/* The smaller name, in turn, is in this half or in that. */
	for (i = OLD; i < LATE; i += 2) {
		overlay_addr(&h->net, h->name[i], strlen(h->name[i]), 0, &a);
		name_like(h, i + 1, i % 4 == 0 ? "z" : "a", &a);
	}
	/* The first pair's greater one goes there. */
	overlay_addr(
	    &h->net, h->name[OLD + 1], strlen(h->name[OLD + 1]), 1, &a);
	name_like(h, LATE, "b", &a);
}

static void
on_touch(struct cluster *c, unsigned i, unsigned j)
{
	struct halves *h = cluster_arg(c);

	if (h->counting && half_of(i) == half_of(j) && !h->mover[i] &&
	    !h->mover[j])
		h->touched++;
}

static void
part(struct cluster *c)
{
	unsigned i;

	for (i = 0; i < ALL; i++)
		set_partition(c, i, i + 1, half_of(i));
}

/* Apart for so long; newcomers come after a minute. */
static void
apart(struct cluster *c, unsigned first, unsigned last, int64_t us)
{
	part(c);
	run_for(c, 60 * SEC);
	hosts_start(c, first, last, 10 * SEC);
	run_for(c, us - 70 * SEC);
	heal(c);
}

static bool
is_distinct(struct cluster *c, void *arg)
{
	(void)arg;
	return hosts_collisions(c) == 0 && is_fullmesh(c);
}

struct met {
	int64_t took; /* -1: never */
	unsigned moved, wrong, touched;
	uint64_t dark; /* tunnels missing in the end */
	bool again; /* moved a second time on one day */
};

static void
meet(struct cluster *c, struct halves *h, struct met *r)
{
	struct ipaddr was[ALL], is;
	unsigned i;

	for (i = 0; i < LATE; i++)
		was[i] = host_overlay(c, i);
	h->counting = true;
	r->took = run_until(c, SAMPLE, 300 * SEC, is_distinct, NULL);
	run_for(c, HANDS_OVER);
	h->counting = false;
	r->dark = hosts_dark(c);
	for (i = 0; i < LATE; i++) {
		is = host_overlay(c, i);
		r->moved += !ipaddr_eq(&is, &was[i]);
		r->wrong += !ipaddr_eq(&is, &was[i]) && !h->mover[i];
	}
	r->touched = h->touched;
}

static bool
is_good(const struct met *r)
{
	return r->took != -1 && r->moved == PAIRS && r->wrong == 0 &&
	       r->touched == 0 && r->dark == 0 && !r->again;
}

static void
one_meeting(uint64_t seed, struct met *r)
{
	struct halves h = {.counting = false};
	struct hosts_config cfg = {.seed = seed,
	    .overlay = "172.16.0.0/20",
	    .names = h.name,
	    .level = LOG_L_ERROR,
	    .change = on_touch,
	    .arg = &h};
	struct ipaddr was, is;
	struct cluster *c;
	unsigned i;

	memset(r, 0, sizeof(*r));
	name_all(&h, seed);
	for (i = OLD; i < LATE; i += 2)
		h.mover[strcmp(h.name[i], h.name[i + 1]) < 0 ? i + 1 : i] =
		    true;
	c = hosts_new(ALL, &cfg);
	for (i = 0; i < ALL; i++)
		host_join(c, i, h.name[half_of(i) * OLD / 2]);
	hosts_start(c, 0, OLD / 2, 5 * SEC);
	for (i = 0; i < OLD / 2; i++)
		host_join(c, OLD / 2 + i, h.name[0]);
	hosts_start(c, OLD / 2, OLD, 5 * SEC);
	run_for(c, 60 * SEC);
	apart(c, OLD, LATE, 400 * SEC);
	meet(c, &h, r);
	was = host_overlay(c, OLD + 1);
	apart(c, LATE, ALL, 400 * SEC);
	run_for(c, 300 * SEC);
	is = host_overlay(c, OLD + 1);
	r->again = !ipaddr_eq(&is, &was);
	if (!is_good(r))
		fprintf(stderr,
		    "# halves: seed %llu: %.1f s, %u moved, %u wrong, %u "
		    "touched, %llu dark%s\n",
		    (unsigned long long)seed, (double)r->took / SEC, r->moved,
		    r->wrong, r->touched, (unsigned long long)r->dark,
		    r->again ? ", again" : "");
	cluster_free(c);
}

static void
halves(const struct sim_options *o, unsigned seeds)
{
	int64_t worst = 0;
	unsigned i, good = 0, touched = 0;
	struct met r;

	for (i = 0; i < seeds; i++) {
		one_meeting(o->seed * 100000 + i, &r);
		good += is_good(&r);
		worst = r.took > worst ? r.took : worst;
		touched += r.touched;
	}
	sim_row("address",
	    sim_fmt("halves of %u and %u gave %d addresses twice, %u seeds",
		OLD / 2, OLD / 2, PAIRS, seeds),
	    "-",
	    sim_fmt("%u runs end so, the longest after %.1f s; %u changes of "
		    "others' tunnels",
		good, (double)worst / SEC, touched),
	    "the greater names move, once a day, all have tunnels to all, "
	    "and no other tunnel of a half is touched",
	    good == seeds);
}

int
main(int argc, char **argv)
{
	const char *c24 = "172.16.5.0/24", *c28 = "172.16.5.16/28";
	struct sim_options o;
	unsigned many, i;

	sim_options(argc, argv, &o);
	many = o.length == SIM_SHORT ? 100 : 1000;
	const struct settling all[] = {
	    {"joins within 5 s", c24, 150, 0, 5 * SEC, many * 3 / 10},
	    {"all at once", c24, 150, 0, 0, many * 2 / 10},
	    {"30 of the original, within 5 s", c24, 150, 30, 5 * SEC,
		many / 10},
	    {"joins within 2 s", c28, 12, 0, 2 * SEC, many / 2},
	    {"all at once", c28, 12, 0, 0, many / 2},
	    {"4 of the original, within 2 s", c28, 12, 4, 2 * SEC, many / 2},
	};
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		settle(&o, &all[i]);
	full(&o, many);
	halves(&o, o.length == SIM_SHORT ? 2 : 20);
	return 0;
}
