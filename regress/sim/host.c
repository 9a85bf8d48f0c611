/*
 * A simulated daemon: the production mesh, called as the gossip process would
 * call it, with the simulator's network in the place of sockets, a resolver of
 * its own, and a state file that is kept in memory as the text that would be
 * on the disk. Its time stands still while it is paused, as the daemon's does.
 */
#include <stdlib.h>
#include <string.h>

#include "../../common/overlay.h"
#include "../../wesher/meta.h"
#include "../../wesher/pool.h"
#include "host_int.h"

#define EPOCH	1790000000 /* seconds since 1970 when the simulation began */
#define DNS_MAX 16
#define ASLEEP	(5 * SEC) /* AWAKE_LATE */
#define RESOLVE (2 * US_PER_MS)

struct hosts {
	struct hosts_config cfg;
	struct ipnet overlay;
	struct {
		char name[CONF_JOINLEN];
		unsigned i;
	} dns[DNS_MAX];
	unsigned ndns;
};

struct node *host_current;

/* In the place of pool.c: each host has chance of its own. */
uint32_t
pool_random(void)
{
	return (uint32_t)(sim_next(&host_current->seed) >> 32);
}

int64_t
host_wall(const struct node *n)
{
	return EPOCH + n->c->now / SEC + n->host->clock;
}

int64_t
host_now(const struct node *n)
{
	return n->c->now - n->host->slept;
}

static int64_t
on_wall(void)
{
	return host_wall(host_current);
}

static void
on_send(const struct ipport *to, const uint8_t *plain, size_t len)
{
	net_send(host_current, to, plain, len);
}

static void
on_stream(uint32_t id, const struct ipport *to, const uint8_t *msg, size_t len)
{
	net_stream(host_current, id, SWIM_STREAM_PUSHPULL, to, msg, len);
}

static void
on_resolve(unsigned target, const char *name)
{
	struct node *n = host_current;
	uint32_t what = parcel_new(&n->c->q);
	struct parcel *p = parcel(&n->c->q, what);

	p->kind = P_NAME;
	p->from = p->to = n->i;
	p->life = n->life;
	p->id = target;
	p->len = (uint32_t)strlen(name);
	sim_assert(p->len < sizeof(p->small));
	memcpy(p->small, name, p->len + 1);
	queue_put(&n->c->q, what, n->c->now + RESOLVE);
}

static void
on_prime(const struct ipaddr *overlay)
{
	(void)overlay;
}

static int
on_save(const struct state *s)
{
	struct host *h = host_current->host;

	free(h->text);
	h->text = state_format(s, &h->textlen);
	sim_assert(h->text != NULL);
	return 0;
}

static bool
on_reaches(const struct ipaddr *ip)
{
	return ip->len == 4;
}

static const struct mesh_ops host_ops = {
    .send = on_send,
    .stream = on_stream,
    .resolve = on_resolve,
    .prime = on_prime,
    .save = on_save,
    .reaches = on_reaches,
    .wall = on_wall,
};

static void
on_line(enum log_level level, const char *tag, const char *line)
{
	struct node *n = host_current;

	(void)tag;
	if (n == NULL || n->host == NULL)
		return;
	n->host->lines[level]++;
	if (n->c->hosts->cfg.log != NULL)
		n->c->hosts->cfg.log(n->c, n->i, level, line);
}

void
host_key(struct cluster *c, unsigned i, unsigned nth, uint8_t key[WG_KEY_LEN])
{
	uint64_t s = c->seed ^ ((uint64_t)nth << 32 | i) ^ 0x6b6579;
	unsigned k;

	for (k = 0; k + 8 <= WG_KEY_LEN; k += 8) {
		uint64_t word = sim_next(&s);

		memcpy(key + k, &word, sizeof(word));
	}
	memcpy(key + WG_KEY_LEN - sizeof(i), &i, sizeof(i));
}

int
host_of_key(const struct cluster *c, const uint8_t key[WG_KEY_LEN])
{
	unsigned i;

	memcpy(&i, key + WG_KEY_LEN - sizeof(i), sizeof(i));
	if (i >= c->n || memcmp(c->node[i].host->pubkey, key, WG_KEY_LEN) != 0)
		return -1;
	return (int)i;
}

/* Whatever it was told may have started, moved or ended the core. */
static void
follow(struct node *n)
{
	struct mesh_view v;

	mesh_view(n->host->mesh, &v);
	n->s = v.swim;
	if (!mesh_finished(n->host->mesh))
		return;
	n->leave_done = true;
	crash_member(n->c, n->i);
	kernel_wipe(n->host->k);
}

void
host_start(struct node *n)
{
	struct host *h = n->host;
	struct state st;
	char why[STATE_WHY];

	host_current = n;
	memset(&st, 0, sizeof(st));
	if (h->text != NULL)
		sim_assert(state_parse(h->text, h->textlen, &st, why,
			       sizeof(why)) == 0);
	h->slept = 0;
	h->mesh = mesh_new(&h->conf, &host_ops, &st);
	sim_assert(h->mesh != NULL);
	kernel_start(n);
}

void
host_stop(struct node *n)
{
	host_current = n;
	mesh_free(n->host->mesh);
	n->host->mesh = NULL;
	n->s = NULL;
}

void
host_leave(struct node *n)
{
	host_current = n;
	mesh_leave(n->host->mesh, host_now(n));
	follow(n);
}

void
host_tick(struct node *n)
{
	host_current = n;
	if (n->host->mesh == NULL || mesh_deadline(n->host->mesh) > host_now(n))
		return;
	mesh_tick(n->host->mesh, host_now(n));
	follow(n);
}

void
host_pause(struct node *n)
{
	n->host->paused_at = n->c->now;
}

void
host_wake(struct node *n)
{
	int64_t slept = n->c->now - n->host->paused_at;

	if (slept < ASLEEP)
		return;
	n->host->slept += slept;
	host_current = n;
	mesh_woke(n->host->mesh, host_now(n), slept);
	follow(n);
}

int64_t
host_deadline(const struct node *n)
{
	int64_t d = NEVER;

	if (n->host->mesh != NULL)
		d = mesh_deadline(n->host->mesh);
	return d == NEVER ? NEVER : d + n->host->slept;
}

/* Who a name leads to: -1 nobody. */
static int
lookup(const struct cluster *c, const char *name)
{
	unsigned i;

	for (i = c->hosts->ndns; i-- > 0;)
		if (strcmp(c->hosts->dns[i].name, name) == 0)
			return c->hosts->dns[i].i < c->n
				   ? (int)c->hosts->dns[i].i
				   : -1;
	for (i = 0; i < c->n; i++)
		if (strcmp(c->node[i].name, name) == 0)
			return (int)i;
	return -1;
}

static void
resolved(struct node *n, const struct parcel *p)
{
	const char *name = (const char *)p->small;
	struct ipaddr ip;
	size_t found = 1;
	int i;

	if (ipaddr_parse(name, &ip) == -1) {
		i = lookup(n->c, name);
		found = i != -1;
		ip = n->c->node[i != -1 ? i : 0].addr.ip;
	}
	mesh_resolved(n->host->mesh, host_now(n), p->id, &ip, found,
	    found ? NULL : "no such name");
}

void
host_record(struct node *n, const union priv_msg *m)
{
	struct mesh *mesh = n->host->mesh;
	int64_t now = host_now(n);

	switch ((enum priv_type)m->h.type) {
	case PRIV_HELLO:
		mesh_hello(mesh, now, &m->hello);
		break;
	case PRIV_NET:
		mesh_net(mesh, now, &m->net);
		break;
	case PRIV_RESULT:
		mesh_result(mesh, now, &m->result);
		break;
	case PRIV_STAT:
		mesh_stat(mesh, now, &m->stat);
		break;
	default:
		sim_assert(!"a record that wesher-priv sends");
	}
}

void
host_take(struct node *n, struct parcel *p)
{
	struct mesh *m = n->host->mesh;
	int64_t now = host_now(n);

	host_current = n;
	/* The two processes die together. */
	if (m == NULL)
		return;
	switch ((enum parcel_kind)p->kind) {
	case P_PACKET:
		(void)mesh_packet(
		    m, now, &n->c->node[p->from].addr, p->small, p->len);
		break;
	case P_REPLY:
		mesh_reply(m, now, p->id, p->big[0], p->big + 1, p->len - 1);
		break;
	case P_FAILED:
		mesh_failed(m, now, p->id, "no answer");
		break;
	case P_ASK:
		kernel_take(n);
		return;
	case P_TELL:
		kernel_answers(n, p);
		break;
	case P_NAME:
		resolved(n, p);
		break;
	case P_REQUEST:
		break;
	}
	follow(n);
}

void
host_request(struct node *n, const struct ipport *from, struct parcel *p,
    uint8_t **reply, size_t *len)
{
	host_current = n;
	(void)mesh_request(n->host->mesh, host_now(n), from, p->big[0],
	    p->big + 1, p->len - 1, reply, len);
	follow(n);
}

void
host_free(struct host *h)
{
	if (h == NULL)
		return;
	kernel_free(h->k);
	free(h->text);
	free(h->aside);
	free(h);
}

/* A name as good as another's: the addresses that they derive are by chance. */
static void
name_node(struct cluster *c, struct node *n)
{
	uint64_t s = c->seed ^ n->i;
	const char *const *names = c->hosts->cfg.names;

	if (names != NULL)
		strlcpy(n->name, names[n->i], sizeof(n->name));
	else
		snprintf(n->name, sizeof(n->name), "host%u-%06x", n->i,
		    (unsigned)(sim_next(&s) & 0xffffff));
}

static void
host_new(struct cluster *c, unsigned i)
{
	const struct hosts_config *cfg = &c->hosts->cfg;
	struct node *n = &c->node[i];
	struct host *h = calloc(1, sizeof(*h));
	struct policy pol;

	sim_assert(h != NULL);
	n->host = h;
	h->n = n;
	name_node(c, n);
	privargs_default(&pol);
	pol.overlay = h->conf.overlay = c->hosts->overlay;
	pol.allow_static = h->conf.allow_static = cfg->allow_static;
	pol.no_etc_hosts = h->conf.no_etc_hosts = true;
	h->conf.cluster_port = SIM_PORT;
	h->conf.wireguard_port = DEF_WIREGUARD_PORT;
	strlcpy(h->conf.interface, "wg", sizeof(h->conf.interface));
	h->conf.hold_down = cfg->hold_down != 0 ? cfg->hold_down
						: DEF_HOLD_DOWN;
	h->conf.forget_after = DEF_FORGET;
	h->change = cfg->change;
	h->k = kernel_new(h, &pol);
	host_key(c, i, 0, h->pubkey);
}

struct ipaddr
host_original_overlay(const struct node *n)
{
	struct ipaddr a;

	overlay_addr(&n->c->hosts->overlay, n->name, strlen(n->name), 0, &a);
	return a;
}

size_t
host_original_meta(const struct node *n, uint8_t *buf)
{
	struct meta m = {
	    .has_pubkey = true, .overlay = host_original_overlay(n)};
	ssize_t len;

	memcpy(m.pubkey, n->host->pubkey, WG_KEY_LEN);
	len = meta_encode(&m, buf, META_MAX);
	sim_assert(len > 0);
	return (size_t)len;
}

struct cluster *
hosts_new(unsigned n, const struct hosts_config *cfg)
{
	struct cluster_config cc = {.profile = &swim_wan,
	    .network = cfg->network,
	    .seed = cfg->seed,
	    .originals = cfg->originals,
	    .packet = cfg->packet,
	    .stream = cfg->stream,
	    .arg = cfg->arg};
	struct cluster *c;
	unsigned i;

	c = cluster_bare(n, &cc);
	c->hosts = calloc(1, sizeof(*c->hosts));
	sim_assert(c->hosts != NULL);
	c->hosts->cfg = *cfg;
	sim_assert(
	    ipnet_parse(cfg->overlay != NULL ? cfg->overlay : "100.64.0.0/10",
		&c->hosts->overlay) == 0);
	log_init(LOG_D_SINK, cfg->level, "sim", -1);
	log_sink(on_line);
	for (i = 0; i < n; i++)
		host_new(c, i);
	return c;
}

void
hosts_start(struct cluster *c, unsigned first, unsigned last, int64_t us)
{
	unsigned i, n = last - first;

	for (i = first; i < last; i++) {
		start_member(c, i);
		run_for(c, us / n);
	}
}

void
host_join(struct cluster *c, unsigned i, const char *text)
{
	struct conf *conf = &cluster_node(c, i)->host->conf;

	sim_assert(conf->njoin < CONF_JOIN);
	strlcpy(conf->join[conf->njoin++], text, CONF_JOINLEN);
}

void
host_dns(struct cluster *c, const char *name, unsigned i)
{
	struct hosts *h = c->hosts;
	unsigned k;

	for (k = 0; k < h->ndns && strcmp(h->dns[k].name, name) != 0; k++)
		;
	sim_assert(k < DNS_MAX && i <= c->n);
	strlcpy(h->dns[k].name, name, sizeof(h->dns[k].name));
	h->dns[k].i = i;
	if (k == h->ndns)
		h->ndns++;
}
