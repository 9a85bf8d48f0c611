/*
 * The simulated members and their time. Each is the production core, called
 * when a parcel comes or its timer is due, as the gossip process would; it
 * has a sequence of chance of its own, so that what one does moves nobody
 * else's. Where the daemon's mesh layer would act, this does: it announces
 * after a join and tries the members of the state file (join.c).
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../../wesher/meta.h"
#include "host_int.h"

#define FIRST_INCARNATION 1000

static uint32_t
node_random(void *arg)
{
	return (uint32_t)(sim_next(&((struct node *)arg)->seed) >> 32);
}

static void
node_event(void *arg, const struct swim_event *ev)
{
	struct node *n = arg;

	n->joins += ev->type == SWIM_EV_JOIN;
	n->failed += ev->type == SWIM_EV_FAILED;
	n->left += ev->type == SWIM_EV_LEFT;
	n->suspected += ev->type == SWIM_EV_SUSPECT;
	n->refuted += ev->type == SWIM_EV_REFUTED;
	n->leave_done |= ev->type == SWIM_EV_LEAVE_DONE;
	sim_digest(n->c, (uint64_t)n->c->now << 8 ^ ev->type);
	sim_digest(n->c,
	    (uint64_t)n->i << 32 | (ev->m == NULL ? 0 : ev->m->incarnation));
	if (n->c->cfg.event != NULL)
		n->c->cfg.event(n->c, n->i, ev);
}

static void
node_join_done(void *arg, const struct swim_join_result *res)
{
	struct node *n = arg;
	enum join_outcome how = JOIN_FAILED;

	n->joined = *res;
	n->joined.why = NULL;
	if (res->ok)
		how = res->only_self ? JOIN_SELF : JOIN_REACHED;
	if (n->join != NULL)
		join_tried(n->join, n->c->now, res->id, how,
		    res->why != NULL ? res->why : "");
}

static bool
node_is_ours(void *arg, const uint8_t *meta, size_t len)
{
	struct node *n = arg;

	if (n->c->cfg.metalen != 0)
		return len > 0 && meta[0] == 'X';
	return meta_is_ours(meta, len);
}

static const struct swim_ops node_ops = {net_send, net_stream, node_event,
    node_join_done, node_is_ours, node_random, NULL};

/* The mesh's list of members to try; all addresses are literal. */
static void
saved_resolve(void *arg, unsigned target, const char *name)
{
	struct node *n = arg;
	struct ipaddr ip;

	sim_assert(ipaddr_parse(name, &ip) == 0);
	join_resolved(n->join, n->c->now, target, &ip, 1, NULL);
}

static uint32_t
saved_attempt(void *arg, const struct ipport *to)
{
	struct node *n = arg;

	return swim_join(n->s, n->c->now, to, 0);
}

static bool
saved_known(void *arg, const struct ipport *to)
{
	struct node *n = arg;
	const struct member *m = member_find_addr(swim_members(n->s), to);

	return m != NULL && !m->is_self && m->state == MEMBER_ALIVE;
}

/* Who tries saved members knows nobody. */
static unsigned
saved_living(void *arg)
{
	(void)arg;
	return 1;
}

static const struct join_ops saved_ops = {
    saved_resolve, saved_attempt, saved_known, saved_living, node_random};

size_t
sim_meta(const struct cluster *c, const struct node *n, uint8_t *buf)
{
	struct meta m = {.has_pubkey = true, .has_x = !n->original};
	uint64_t key = c->seed ^ n->i;
	ssize_t len;
	size_t i;

	if (n->host != NULL)
		return host_original_meta(n, buf);
	for (i = 0; i < c->cfg.metalen; i++)
		buf[i] = (uint8_t)sim_next(&key);
	if (c->cfg.metalen > 0) {
		buf[0] = n->original ? 'O' : 'X';
		return c->cfg.metalen;
	}
	for (i = 0; i < sizeof(m.pubkey); i++)
		m.pubkey[i] = (uint8_t)sim_next(&key);
	m.overlay = n->addr.ip;
	m.overlay.b[0] = 11;
	len = meta_encode(&m, buf, META_MAX);
	sim_assert(len > 0);
	return (size_t)len;
}

void
sim_rearm(struct node *n)
{
	int64_t due = NEVER, join;

	if (node_is_host(n)) {
		if (!n->paused)
			due = host_deadline(n);
	} else if (n->s != NULL && !n->paused) {
		due = swim_deadline(n->s);
		join = n->join != NULL ? join_deadline(n->join) : NEVER;
		due = join < due ? join : due;
	}
	timer_set(&n->c->q, n->i, due);
}

static void
node_stop(struct node *n)
{
	if (node_is_host(n))
		host_stop(n);
	swim_free(n->s);
	join_free(n->join);
	n->s = NULL;
	n->join = NULL;
	n->paused = false;
	net_discard(n->c, n);
	sim_rearm(n);
}

static void
core_start(struct cluster *c, struct node *n)
{
	uint8_t meta[META_MAX];
	struct swim_config cfg = {.profile = c->cfg.profile,
	    .ops = &node_ops,
	    .arg = n,
	    .name = n->name,
	    .addr = n->addr.ip,
	    .port = n->addr.port,
	    .meta = meta,
	    .metalen = sim_meta(c, n, meta),
	    .incarnation = n->original ? 1 : n->incarnation,
	    .max_members = c->n + 64};

	n->s = swim_new(&cfg, c->now);
	sim_assert(n->s != NULL);
}

void
start_member(struct cluster *c, unsigned i)
{
	struct node *n = cluster_node(c, i);
	uint64_t key = c->seed ^ ((uint64_t)n->life << 32 | i);

	sim_assert(n->s == NULL);
	n->seed = sim_next(&key);
	n->life++;
	n->leave_done = false;
	if (node_is_host(n)) {
		host_start(n);
	} else {
		if (n->host != NULL)
			host_key(c, i, n->life, n->host->pubkey);
		core_start(c, n);
	}
	n->incarnation += FIRST_INCARNATION;
	memset(&n->joined, 0, sizeof(n->joined));
	sim_rearm(n);
}

static void
node_init(struct cluster *c, unsigned i)
{
	struct node *n = &c->node[i];
	unsigned host = i + 1;

	n->c = c;
	n->i = i;
	n->original = i < c->cfg.originals;
	n->incarnation = FIRST_INCARNATION;
	snprintf(n->name, sizeof(n->name), "node%u", i);
	n->addr.ip.len = 4;
	n->addr.ip.b[0] = SIM_NET;
	n->addr.ip.b[1] = (uint8_t)(host >> 16);
	n->addr.ip.b[2] = (uint8_t)(host >> 8);
	n->addr.ip.b[3] = (uint8_t)host;
	n->addr.port = SIM_PORT;
}

struct cluster *
cluster_bare(unsigned n, const struct cluster_config *cfg)
{
	struct cluster *c = calloc(1, sizeof(*c));
	unsigned i;

	sim_assert(c != NULL);
	cards_share();
	c->cfg = *cfg;
	c->net = cfg->profile->gossip_interval < SEC / 2 ? network_lan
							 : network_wan;
	if (cfg->network != NULL)
		c->net = *cfg->network;
	c->n = n;
	c->now = SEC;
	c->chance = c->net_chance = cfg->seed;
	c->seed = sim_next(&c->chance);
	c->net_chance = sim_next(&c->chance);
	c->node = calloc(n, sizeof(*c->node));
	sim_assert(c->node != NULL && n > 0 && cfg->metalen <= META_MAX);
	queue_init(&c->q, n);
	heal(c);
	for (i = 0; i < n; i++)
		node_init(c, i);
	return c;
}

struct cluster *
cluster_new(unsigned n, const struct cluster_config *cfg)
{
	struct cluster *c = cluster_bare(n, cfg);
	unsigned i;

	for (i = 0; i < n; i++)
		start_member(c, i);
	if (cfg->warm)
		warm_up(c);
	return c;
}

void
cluster_free(struct cluster *c)
{
	unsigned i;

	for (i = 0; i < c->n; i++)
		node_stop(&c->node[i]);
	for (i = 0; i < c->n; i++)
		host_free(c->node[i].host);
	free(c->hosts);
	queue_free(&c->q);
	free(c->node);
	free(c);
}

int64_t
cluster_now(const struct cluster *c)
{
	return c->now;
}

unsigned
cluster_size(const struct cluster *c)
{
	return c->n;
}

void *
cluster_arg(const struct cluster *c)
{
	return c->cfg.arg;
}

struct node *
cluster_node(struct cluster *c, unsigned i)
{
	sim_assert(i < c->n);
	return &c->node[i];
}

int
cluster_at(const struct cluster *c, const struct ipport *a)
{
	unsigned host = (unsigned)a->ip.b[1] << 16 | a->ip.b[2] << 8 |
			a->ip.b[3];

	if (a->ip.len != 4 || a->port != SIM_PORT || host == 0 || host > c->n ||
	    a->ip.b[0] != c->node[host - 1].addr.ip.b[0])
		return -1;
	return (int)host - 1;
}

int
cluster_of(const struct cluster *c, const struct member *m)
{
	struct ipport a;

	member_ipport(m, &a);
	return cluster_at(c, &a);
}

uint32_t
cluster_random(struct cluster *c)
{
	return (uint32_t)(sim_next(&c->chance) >> 32);
}

unsigned
cluster_random_of(struct cluster *c, unsigned n)
{
	return (unsigned)(((uint64_t)cluster_random(c) * n) >> 32);
}

uint64_t
cluster_digest(const struct cluster *c)
{
	return c->digest;
}

uint64_t
cluster_steps(const struct cluster *c)
{
	return c->steps;
}

void
pause_member(struct cluster *c, unsigned i)
{
	struct node *n = cluster_node(c, i);

	if (n->s == NULL)
		return;
	n->paused = true;
	if (node_is_host(n))
		host_pause(n);
	sim_rearm(n);
}

static void
node_tick(struct cluster *c, struct node *n)
{
	if (node_is_host(n)) {
		host_tick(n);
		return;
	}
	if (swim_deadline(n->s) <= c->now)
		swim_tick(n->s, c->now);
	if (n->join != NULL)
		join_tick(n->join, c->now);
	/* One that answered tells about all others. */
	if (n->join != NULL && join_any(n->join)) {
		join_free(n->join);
		n->join = NULL;
	}
}

void
wake_member(struct cluster *c, unsigned i)
{
	struct node *n = cluster_node(c, i);

	if (!n->paused)
		return;
	n->paused = false;
	if (node_is_host(n))
		host_wake(n);
	net_release(c, n);
	node_tick(c, n);
	sim_rearm(n);
}

void
hold_member(struct cluster *c, unsigned i, int64_t us)
{
	cluster_node(c, i)->held_until = c->now + us;
}

void
crash_member(struct cluster *c, unsigned i)
{
	node_stop(cluster_node(c, i));
}

void
restart_member(struct cluster *c, unsigned i)
{
	crash_member(c, i);
	start_member(c, i);
}

void
leave(struct cluster *c, unsigned i)
{
	struct node *n = cluster_node(c, i);

	if (node_is_host(n))
		host_leave(n);
	else
		swim_leave(n->s, c->now);
	sim_rearm(n);
}

void
join(struct cluster *c, unsigned i, unsigned j)
{
	struct node *n = cluster_node(c, i);

	sim_assert(!node_is_host(n));
	memset(&n->joined, 0, sizeof(n->joined));
	swim_join(n->s, c->now, &cluster_node(c, j)->addr, 0);
	sim_rearm(n);
}

void
join_saved(struct cluster *c, unsigned i, const unsigned *who, unsigned many)
{
	struct node *n = cluster_node(c, i);
	unsigned k;

	memset(&n->joined, 0, sizeof(n->joined));
	join_free(n->join);
	n->join = join_new(&saved_ops, n, SIM_PORT);
	sim_assert(n->join != NULL);
	for (k = 0; k < many; k++)
		if (who[k] != i)
			sim_assert(
			    join_add_addr(n->join,
				&cluster_node(c, who[k])->addr, c->now) == 0);
	sim_rearm(n);
}

/* The next thing that happens, if it does by end. */
static bool
step(struct cluster *c, int64_t end)
{
	int64_t parcel_at = queue_next(&c->q), timer_at = timer_next(&c->q);
	struct node *n;
	uint32_t what;

	if (parcel_at > end && timer_at > end)
		return false;
	c->steps++;
	if (parcel_at <= timer_at) {
		c->now = parcel_at > c->now ? parcel_at : c->now;
		what = queue_take(&c->q);
		n = &c->node[parcel(&c->q, what)->to];
		net_arrive(c, what);
	} else {
		c->now = timer_at > c->now ? timer_at : c->now;
		n = &c->node[timer_first(&c->q)];
		node_tick(c, n);
	}
	sim_rearm(n);
	return true;
}

void
run_for(struct cluster *c, int64_t us)
{
	int64_t end = c->now + us;

	while (step(c, end))
		;
	c->now = end;
}

int64_t
run_until(struct cluster *c, int64_t every, int64_t max,
    bool (*done)(struct cluster *, void *), void *arg)
{
	int64_t start = c->now;

	while (!done(c, arg)) {
		if (c->now - start >= max)
			return -1;
		run_for(c, every);
	}
	return c->now - start;
}
