/*
 * How the mesh of the gossip process begins, and what it is told about this
 * host: wesher-priv gives our name, WireGuard key, overlay address and the
 * addresses of the host. Nothing here was chosen by the network, except the
 * saved members that are tried again, which were checked when they were read.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "../common/check.h"
#include "../common/log.h"
#include "../common/clock.h"
#include "holders.h"
#include "mesh_int.h"
#include "pool.h"
#include "privc.h"

#define STATE_JOINS 1024 /* saved members that are tried */
#define SAVED_LATER (5 * US_PER_S) /* than --join */

static uint32_t
mesh_random(void *arg)
{
	(void)arg;
	return pool_random();
}

static uint32_t
on_peer_set(void *arg, const struct priv_peer_set *p)
{
	(void)arg;
	return priv_peer_set(p);
}

static uint32_t
on_peer_del(void *arg, const uint8_t key[WG_KEY_LEN])
{
	(void)arg;
	return priv_peer_del(key);
}

static uint32_t
on_peer_stats(void *arg)
{
	(void)arg;
	return priv_stats();
}

static void
on_prime(void *arg, const struct ipaddr *overlay)
{
	struct mesh *m = arg;

	m->ops.prime(overlay);
}

static bool
on_reaches(void *arg, const struct ipaddr *ip)
{
	return mesh_reaches(arg, ip);
}

int64_t
mesh_wall(const struct mesh *m)
{
	return m->ops.wall != NULL ? m->ops.wall() : (int64_t)time(NULL);
}

static int64_t
on_wall(void *arg)
{
	return mesh_wall(arg);
}

static const struct peers_ops peers_ops = {
    .wall = on_wall,
    .reaches = on_reaches,
    .set = on_peer_set,
    .del = on_peer_del,
    .stats = on_peer_stats,
    .prime = on_prime,
    .random = mesh_random,
};

static void
on_resolve(void *arg, unsigned target, const char *name)
{
	struct mesh *m = arg;

	m->ops.resolve(target, name);
}

static uint32_t
on_attempt(void *arg, const struct ipport *to)
{
	struct mesh *m = arg;
	char buf[IPPORT_STRLEN];

	if (m->leaving)
		return 0;
	log_debug("joining through %s", ipport_str(to, buf));
	return address_join(m, m->now, to);
}

static bool
on_known(void *arg, const struct ipport *to)
{
	return mesh_known(arg, to);
}

static unsigned
on_living(void *arg)
{
	unsigned alive, failed;

	mesh_count(arg, &alive, &failed);
	return alive;
}

static const struct join_ops join_ops = {
    .resolve = on_resolve,
    .attempt = on_attempt,
    .known = on_known,
    .living = on_living,
    .random = mesh_random,
};

size_t
mesh_own_meta(struct mesh *m, uint8_t buf[META_MAX])
{
	struct meta meta = {0};
	ssize_t n;

	meta.dialect = m->dialect;
	meta.overlay = m->self;
	memcpy(meta.pubkey, m->pubkey, sizeof(meta.pubkey));
	meta.has_pubkey = meta.has_x = meta.has_caps = true;
	meta.attempt = m->attempt;
	meta.is_static = m->conf->overlay_addr.len != 0;
	meta.has_wgport = m->wgport != DEF_WIREGUARD_PORT;
	meta.wgport = m->wgport;
	meta.caps = META_CAP_OURS;
	n = meta_encode(&meta, buf, META_MAX);
	return n > 0 ? (size_t)n : 0;
}

static uint32_t
first_incarnation(const struct mesh *m)
{
	int64_t t = mesh_wall(m);
	uint32_t secs = t > 0 ? (uint32_t)t : 1;
	uint32_t saved = m->state.incarnation;

	return saved >= secs && saved < UINT32_MAX ? saved + 1 : secs;
}

void
mesh_adopted(struct mesh *m, const struct priv_stat *s)
{
	struct ipport end;

	if (m->nends < ADOPTED_MAX && priv_ep_from(&end, &s->endpoint) &&
	    end.ip.len != 0)
		m->ends[m->nends++] = end.ip;
}

size_t
mesh_join_saved(struct mesh *m, int64_t now)
{
	size_t i, n = 0;

	for (i = 0; i < m->state.nnodes && n < STATE_JOINS; i++) {
		struct ipport to = m->state.nodes[i].addr;

		if (strcmp(m->state.nodes[i].name, m->name) == 0)
			continue;
		if (to.port == 0)
			to.port = m->conf->cluster_port;
		if (join_add_addr(m->join, &to, now) == 0)
			n++;
	}
	return n;
}

static void
add_targets(struct mesh *m, int64_t now)
{
	size_t i, n;

	for (i = 0; i < m->conf->njoin; i++)
		if (join_add(m->join, m->conf->join[i], now) == -1)
			log_warnx("--join %s: neither a name nor an address",
			    m->conf->join[i]);
	if (m->conf->njoin > 0) {
		/* None of these may answer today, or have an address. */
		(void)mesh_join_saved(m, now + SAVED_LATER);
		return;
	}
	n = mesh_join_saved(m, now);
	/* A crash before the first save: the tunnels remember. */
	for (i = 0; n == 0 && i < m->nends; i++) {
		struct ipport to = {m->ends[i], m->conf->cluster_port};

		(void)join_add_addr(m->join, &to, now);
	}
	if (n == 0)
		n = m->nends;
	if (n > 0)
		log_info("trying the %zu members of the last run\tevent=trying "
			 "members=%zu",
		    n, n);
	else
		log_info("no member is known: waiting for others to "
			 "join\tevent=waiting");
}

/* Nobody chose it so: hosts of such a network may be hidden by tunnels. */
static void
warn_inside(const struct mesh *m)
{
	char addr[IPADDR_STRLEN], net[IPNET_STRLEN];

	if (m->conf->advertise_addr.len == 0 && m->conf->bind_addr.len == 0 &&
	    ipnet_contains(&m->conf->overlay, &m->announced))
		log_warnx("announced at %s, which lies inside the overlay "
			  "network %s: tunnels may hide hosts beyond this "
			  "network, another --overlay-net avoids that",
		    ipaddr_str(&m->announced, addr),
		    ipnet_str(&m->conf->overlay, net));
}

/* What cannot work is said once, at the start. */
static void
say_families(const struct mesh *m)
{
	const struct ipaddr any4 = {.len = 4}, any6 = {.len = 16};
	bool v4 = mesh_reaches(m, &any4), v6 = mesh_reaches(m, &any6);
	char buf[IPADDR_STRLEN];

	if (!m->ops.reaches(&m->announced))
		log_warnx("the announced address %s is of another family than "
			  "--bind-addr: the others will not reach us",
		    ipaddr_str(&m->announced, buf));
	else if (v4 != v6)
		log_info("this host has %s alone: members announced at %s "
			 "addresses are out of reach",
		    v4 ? "IPv4" : "IPv6", v4 ? "IPv6" : "IPv4");
}

static bool
connects(void *arg, const struct ipport *to)
{
	return mesh_connects(arg, to);
}

/* Who held which overlay address in the last run, and since when. */
static void
remember_holders(struct mesh *m, int64_t now)
{
	const struct state_node *n = m->state.nodes;
	int64_t oldest = mesh_wall(m) - m->conf->forget_after;
	int64_t saved = m->state.saved, seen;
	struct holder h;
	size_t i;

	peers_expect(m->peers, now, m->state.nnodes);
	for (i = 0; i < m->state.nnodes; i++, n++) {
		seen = n->failed != 0 ? n->failed : saved;
		if (n->since == 0 || n->overlay.len == 0 || !n->has_pubkey ||
		    (seen != 0 && seen < oldest))
			continue;
		h.name = n->name;
		h.namelen = strlen(n->name);
		h.key = n->pubkey;
		h.addr = &n->overlay;
		peers_remember(m->peers, &h, n->since);
	}
}

/* Everything is known: the mesh begins. */
void
mesh_up(struct mesh *m, int64_t now)
{
	char buf[IPADDR_STRLEN], buf2[IPADDR_STRLEN];
	struct swim_config sc = {.profile = &swim_wan, .arg = m};
	struct peers_config pc = {.ops = &peers_ops, .arg = m};
	uint8_t meta[META_MAX];

	if (m->swim != NULL || m->self.len == 0 || m->announced.len == 0)
		return;
	sc.ops = &mesh_swim_ops;
	sc.name = m->name;
	sc.addr = m->announced;
	sc.port = m->conf->cluster_port;
	sc.metalen = mesh_own_meta(m, meta);
	sc.meta = meta;
	sc.incarnation = first_incarnation(m);
	sc.max_members = MAX_PEERS;
	sc.connects = connects;
	sc.reported = mesh_reported;
	pc.overlay = m->conf->overlay;
	pc.self_addr = m->self;
	memcpy(pc.self_key, m->pubkey, WG_KEY_LEN);
	pc.wgport = m->wgport;
	pc.allow_static = m->conf->allow_static;
	pc.hosts = !m->conf->no_etc_hosts;
	pc.self_name = m->name;
	pc.hosts_domains = m->conf->hosts_domains;
	pc.hold_down = m->conf->hold_down * US_PER_S;
	pc.forget_after = m->conf->forget_after * US_PER_S;
	m->peers = peers_new(&pc);
	m->join = join_new(&join_ops, m, m->conf->cluster_port);
	m->swim = swim_new(&sc, now);
	if (m->peers == NULL || m->join == NULL || m->swim == NULL)
		fatalx("cannot start the mesh: out of memory");
	remember_holders(m, now);
	mesh_heal_up(m, now);
	if (m->watched)
		peers_watch(m->peers, now, true);
	if (!check_hostname(m->name, strlen(m->name)))
		log_warnx("our name %s is no legal host name (RFC 1123): "
			  "members get no line in /etc/hosts for it",
		    m->name);
	log_info("we are %s, overlay address %s, announced at %s"
		 "\tevent=started member=%s overlay=%s addr=%s",
	    m->name, ipaddr_str(&m->self, buf), ipaddr_str(&m->announced, buf2),
	    m->name, buf, buf2);
	warn_inside(m);
	say_families(m);
	mesh_accept(m);
	if (m->adopted == 0)
		m->sync_wanted = m->sync_anyway = true;
	m->sync_latest = now + SYNC_LATEST;
	m->save_at = now;
	add_targets(m, now);
	address_up(m, now);
}

void
mesh_hello(struct mesh *m, int64_t now, const struct priv_hello *h)
{
	if (h->version != PRIV_VERSION)
		fatalx("wesher-priv is of another version: install both "
		       "programs from one");
	if (!check_name(h->name, h->namelen))
		fatalx("host name: expected 1 to 255 bytes without control "
		       "characters; set one with hostname(1)");
	memcpy(m->name, h->name, h->namelen);
	m->name[h->namelen] = '\0';
	memcpy(m->pubkey, h->key, WG_KEY_LEN);
	m->wgport = h->wgport;
	m->userspace = h->flags & PRIV_HELLO_USERSPACE;
	m->adopted = h->adopted;
	m->started = now;
	if (m->adopted > 0)
		log_info("%u tunnels of an earlier run were found"
			 "\tevent=adopted tunnels=%u",
		    m->adopted, m->adopted);
	/* wesher-priv wants to hear from us also while we wait. */
	m->alive_at = now;
	address_hello(m, now);
}
