/*
 * A member gone bad in a mesh of whole daemons, all of which answer as they
 * would: for minutes it claims the others' overlay addresses in every form,
 * calls them suspect, failed and left, and hits most where processes are being
 * started again. After every quarter of a second: to whom would anybody's
 * kernel send what is for a member? Outcomes: README.md, chapter on security.
 */
#include <stdlib.h>
#include <string.h>

#include "../../common/overlay.h"
#include "../../wesher/meta.h"
#include "host_int.h"

#define HOSTS  10
#define FORGER (HOSTS - 1)
#define RAGE   (300 * SEC)
#define LOOK   (SEC / 4)
#define AFTER  (300 * SEC) /* an address that changes hands waits for 180 */
/* Each restart is a return; after one a day a member is moved four times. */
#define MOVES (4 * FORGER)
#define FORMS 8

static const uint8_t vsn[6] = {1, 5, 2, 0, 0, 0};

/* A name that derives an address, and by which attempt. */
struct alias {
	char name[32];
	uint8_t attempt;
};

struct rage {
	struct cluster *c;
	struct ipnet net;
	struct ipaddr addr[HOSTS];
	struct alias small[HOSTS], great[HOSTS], plain[HOSTS];
	uint32_t inc;
	unsigned said, taken, moved;
	uint64_t dark;
};

static void
search(const struct rage *r, const struct ipaddr *want, const char *first,
    unsigned attempts, struct alias *out)
{
	struct ipaddr a;
	unsigned i, k;

	for (i = 0;; i++) {
		snprintf(out->name, sizeof(out->name), "%s%u", first, i);
		for (k = 0; k < attempts; k++) {
			overlay_addr(
			    &r->net, out->name, strlen(out->name), k, &a);
			if (!ipaddr_eq(&a, want))
				continue;
			out->attempt = (uint8_t)k;
			return;
		}
	}
}

/* To everybody, or to one half of them by chance. */
static void
say(struct rage *r, const uint8_t *msg, ssize_t len)
{
	unsigned i, all = cluster_random_of(r->c, 2);

	sim_assert(len > 0);
	for (i = 0; i < FORGER; i++)
		if (all || cluster_random_of(r->c, 2))
			net_send(cluster_node(r->c, FORGER),
			    &cluster_node(r->c, i)->addr, msg, (size_t)len);
	r->said++;
}

static void
claim(struct rage *r, unsigned v, unsigned form)
{
	const struct node *victim = cluster_node(r->c, v), *at = victim;
	struct wire_alive a = {.port = SIM_PORT, .vsn = {vsn, 6}};
	struct meta m = {.has_pubkey = true, .has_x = true};
	const char *name = r->small[v].name;
	uint8_t meta[META_MAX], msg[1024];

	m.overlay = r->addr[v];
	m.attempt = r->small[v].attempt;
	host_key(r->c, form == 5 ? v : FORGER, form == 5 ? 0 : 1, m.pubkey);
	if (form == 1) {
		name = r->great[v].name;
		m.attempt = r->great[v].attempt;
	} else if (form == 2 || form == 3) {
		name = r->plain[v].name;
		m.has_x = false;
	} else if (form == 4)
		m.is_static = true;
	else if (form >= 6) {
		name = victim->name;
		m.attempt = 0;
	}
	m.dialect = form == 3 ? META_V02 : META_V03;
	if (form != 7)
		at = cluster_node(r->c, FORGER);
	a.incarnation = ++r->inc;
	a.node = (struct slice){(const uint8_t *)name, strlen(name)};
	a.addr = (struct slice){at->addr.ip.b, at->addr.ip.len};
	a.meta.p = meta;
	a.meta.len = (size_t)meta_encode(&m, meta, sizeof(meta));
	say(r, msg, wire_put_alive(msg, sizeof(msg), &a));
}

static void
accuse(struct rage *r, unsigned v)
{
	const char *name = cluster_node(r->c, v)->name, *by = name;
	struct wire_accuse a = {.incarnation = r->inc};
	uint8_t msg[512];
	unsigned how = cluster_random_of(r->c, 3);

	if (how < 2)
		by = cluster_node(r->c, FORGER)->name;
	a.node = (struct slice){(const uint8_t *)name, strlen(name)};
	a.from = (struct slice){(const uint8_t *)by, strlen(by)};
	say(r, msg,
	    wire_put_accuse(
		msg, sizeof(msg), how == 0 ? WIRE_SUSPECT : WIRE_DEAD, &a));
}

/* Who moved, once after a return, is followed. */
static void
follow(struct rage *r, unsigned v)
{
	struct ipaddr a = host_overlay(r->c, v);

	if (ipaddr_eq(&a, &r->addr[v]))
		return;
	r->moved += r->addr[v].len != 0;
	r->addr[v] = a;
	search(r, &a, "a", 256, &r->small[v]);
	search(r, &a, "zz", 256, &r->great[v]);
	search(r, &a, "o", 1, &r->plain[v]);
}

/* What is for v comes to v, or (where it has just moved) nowhere. */
static void
look(struct rage *r)
{
	unsigned i, v;
	int to;

	for (v = 0; v < FORGER; v++) {
		follow(r, v);
		for (i = 0; i < FORGER; i++) {
			to = host_route(r->c, i, &r->addr[v]);
			r->taken += i != v && to != -1 && to != (int)v;
		}
	}
}

static bool
one(uint64_t seed, struct rage *r)
{
	static const char net[] = "10.77.0.0/16";
	struct hosts_config cfg = {
	    .seed = seed, .overlay = net, .level = LOG_L_ERROR};
	unsigned i, down = FORGER;
	int64_t until;

	memset(r, 0, sizeof(*r));
	r->c = hosts_new(HOSTS, &cfg);
	sim_assert(ipnet_parse(net, &r->net) == 0);
	for (i = 0; i < HOSTS; i++)
		host_join(r->c, i, cluster_node(r->c, 0)->name);
	hosts_start(r->c, 0, HOSTS, 10 * SEC);
	sim_assert(wait_whole(r->c, 60 * SEC) != -1);
	run_for(r->c, 120 * SEC);
	look(r);
	r->inc = (uint32_t)host_wall(cluster_node(r->c, 0)) + 1;
	until = cluster_now(r->c) + RAGE;
	while (cluster_now(r->c) < until) {
		for (i = 0; i < 4; i++)
			claim(r, cluster_random_of(r->c, FORGER),
			    cluster_random_of(r->c, FORMS));
		accuse(r, cluster_random_of(r->c, FORGER));
		if (cluster_random_of(r->c, 80) == 0) {
			if (down < FORGER)
				start_member(r->c, down);
			else
				crash_member(r->c, 1);
			down = down < FORGER ? FORGER : 1;
		}
		run_for(r->c, LOOK);
		look(r);
	}
	if (down < FORGER)
		start_member(r->c, down);
	run_for(r->c, AFTER);
	look(r);
	r->dark = hosts_dark(r->c);
	cluster_free(r->c);
	return r->taken == 0 && r->moved <= MOVES;
}

int
main(int argc, char **argv)
{
	struct sim_options o;
	struct rage r;
	unsigned i, n, good = 0, said = 0, taken = 0, moved = 0, dark = 0;

	sim_options(argc, argv, &o);
	n = o.length == SIM_SHORT ? 1 : 40;
	for (i = 0; i < n; i++) {
		if (one(o.seed * 1000 + i, &r))
			good++;
		else
			fprintf(stderr,
			    "# seed %llu: %u taken, %u moved, %u dark\n",
			    (unsigned long long)(o.seed * 1000 + i), r.taken,
			    r.moved, (unsigned)r.dark);
		moved += r.moved;
		dark += (unsigned)r.dark;
		said += r.said;
		taken += r.taken;
	}
	sim_row("forger",
	    sim_fmt("%u daemons, %u seeds, 5 minutes each", HOSTS, n),
	    "the original believes it",
	    sim_fmt(
		"%u forged messages; what is for others it got %u times; %u "
		"moves, %u tunnels missing five minutes later",
		said, taken, moved, dark),
	    "never, and a restart is no chance to drive us", good == n);
	return 0;
}
