/*
 * The mesh of the gossip process: core (who is there), peers (their tunnels),
 * join (whom to ask) and state (what a restart needs), put together.
 *
 * Order of a join (protocol.md section 9): learn, program the tunnels, wait
 * for wesher-priv's answers, only then announce ourselves to the members that
 * were learned: who hears us primes, and finds our side ready.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "../common/log.h"
#include "../common/overlay.h"
#include "../common/clock.h"
#include "mesh_int.h"
#include "privc.h"

#define ALIVE_EVERY (PRIV_ALIVE_INTERVAL * US_PER_S)
#define SYNC_LATEST (60 * US_PER_S)
#define SAVE_DELAY  (2 * US_PER_S)
#define SAVE_RETRY  (30 * US_PER_S)
#define SELF_RETRY  (10 * US_PER_S)
#define STATE_JOINS 1024 /* saved members that are tried */

static uint32_t
mesh_random(void *arg)
{
	(void)arg;
	return randombytes_random();
}

struct mesh *
mesh_new(const struct conf *conf, const struct mesh_ops *ops, struct state *st)
{
	struct mesh *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->conf = *conf;
	sodium_memzero(m->conf.keys, sizeof(m->conf.keys));
	m->ops = *ops;
	(void)sodium_mlock(m->state.key, sizeof(m->state.key));
	m->state = *st;
	sodium_memzero(st, sizeof(*st));
	m->alive_at = m->save_at = m->self_at = m->announce_at = NEVER;
	m->sync_latest = NEVER;
	return m;
}

void
mesh_free(struct mesh *m)
{
	if (m == NULL)
		return;
	peers_free(m->peers);
	swim_free(m->swim);
	join_free(m->join);
	state_clear(&m->state);
	(void)sodium_munlock(m->state.key, sizeof(m->state.key));
	free(m);
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

static const struct peers_ops peers_ops = {
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

	log_debug("joining through %s", ipport_str(to, buf));
	return swim_join(m->swim, m->now, to, 0);
}

static bool
on_known(void *arg, const struct ipport *to)
{
	struct mesh *m = arg;
	const struct member_table *t = swim_members(m->swim);
	struct ipport at;
	unsigned i;

	for (i = 0; i < t->n; i++) {
		if (t->list[i]->is_self || t->list[i]->state != MEMBER_ALIVE)
			continue;
		member_ipport(t->list[i], &at);
		if (ipport_cmp(&at, to) == 0)
			return true;
	}
	return false;
}

static const struct join_ops join_ops = {
    .resolve = on_resolve,
    .attempt = on_attempt,
    .known = on_known,
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
	meta.caps = META_CAP_OURS;
	n = meta_encode(&meta, buf, META_MAX);
	return n > 0 ? (size_t)n : 0;
}

static uint32_t
first_incarnation(const struct mesh *m)
{
	time_t t = time(NULL);
	uint32_t secs = t > 0 ? (uint32_t)t : 1;
	uint32_t saved = m->state.incarnation;

	return saved >= secs ? saved + 1 : secs;
}

static void
add_targets(struct mesh *m, int64_t now)
{
	size_t i, n = 0;

	for (i = 0; i < m->conf.njoin; i++)
		if (join_add(m->join, m->conf.join[i], now) == -1)
			log_warnx("--join %s: neither a name nor an address",
			    m->conf.join[i]);
	if (m->conf.njoin > 0)
		return;
	for (i = 0; i < m->state.nnodes && n < STATE_JOINS; i++) {
		struct ipport to = m->state.nodes[i].addr;

		if (strcmp(m->state.nodes[i].name, m->name) == 0)
			continue;
		if (to.port == 0)
			to.port = m->conf.cluster_port;
		if (join_add_addr(m->join, &to, now) == 0)
			n++;
	}
	if (n > 0)
		log_info("trying the %zu members of the last run", n);
	else
		log_info("no member is known: waiting for others to join");
}

/* Everything is known: the mesh begins. */
static void
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
	sc.port = m->conf.cluster_port;
	sc.metalen = mesh_own_meta(m, meta);
	sc.meta = meta;
	sc.incarnation = first_incarnation(m);
	sc.max_members = MAX_PEERS;
	pc.overlay = m->conf.overlay;
	pc.self_addr = m->self;
	memcpy(pc.self_key, m->pubkey, WG_KEY_LEN);
	pc.wgport = m->wgport;
	pc.hosts = !m->conf.no_etc_hosts;
	m->peers = peers_new(&pc);
	m->join = join_new(&join_ops, m, m->conf.cluster_port);
	m->swim = swim_new(&sc, now);
	if (m->peers == NULL || m->join == NULL || m->swim == NULL)
		fatalx("cannot start the mesh: out of memory");
	log_info("we are %s, overlay address %s, announced at %s", m->name,
	    ipaddr_str(&m->self, buf), ipaddr_str(&m->announced, buf2));
	if (m->adopted == 0)
		m->sync_wanted = true;
	m->sync_latest = now + SYNC_LATEST;
	m->alive_at = now;
	m->save_at = now;
	add_targets(m, now);
}

void
mesh_hello(struct mesh *m, int64_t now, const struct priv_hello *h)
{
	struct ipaddr addr;
	int attempt;

	(void)now;
	if (h->version != PRIV_VERSION || !check_name(h->name, h->namelen))
		fatalx("host name: expected 1 to 255 bytes without control "
		       "characters; set one with hostname(1)");
	memcpy(m->name, h->name, h->namelen);
	m->name[h->namelen] = '\0';
	memcpy(m->pubkey, h->key, WG_KEY_LEN);
	m->wgport = h->wgport;
	m->adopted = h->adopted;
	if (m->adopted > 0)
		log_info("%u tunnels of an earlier run were found", m->adopted);
	attempt = overlay_first(&m->conf.overlay, m->name, h->namelen,
	    m->conf.init ? 0 : m->state.attempt, &addr);
	if (attempt == -1)
		attempt = overlay_first(
		    &m->conf.overlay, m->name, h->namelen, 0, &addr);
	if (attempt == -1)
		fatalx(
		    "no usable address for %s in the overlay network", m->name);
	m->attempt = (uint8_t)attempt;
	(void)priv_self(m->attempt);
}

void
mesh_net(struct mesh *m, int64_t now, const struct priv_net *net)
{
	struct ipaddr addr;
	char buf[IPADDR_STRLEN];

	m->now = now;
	if (!mesh_pick_addr(&m->conf, net, m->ops.reaches, &addr)) {
		if (m->swim == NULL)
			log_warnx("this host has no address to announce yet: "
				  "waiting for one (or use "
				  "--advertise-addr)");
		return;
	}
	if (ipaddr_eq(&addr, &m->announced))
		return;
	m->announced = addr;
	if (m->swim != NULL) {
		log_info("now announced at %s", ipaddr_str(&addr, buf));
		swim_set_addr(m->swim, now, &addr, m->conf.cluster_port);
		join_hurry(m->join, now);
	}
	mesh_up(m, now);
}

static void
self_result(struct mesh *m, int64_t now, const struct priv_result *r)
{
	if (r->error != 0) {
		log_errorx("our overlay address: wesher-priv: %s; trying again",
		    priv_reason(r->error));
		m->self_at = now + SELF_RETRY;
		return;
	}
	if (!priv_ip_from(&m->self, &r->addr))
		return;
	m->state.attempt = m->attempt;
	mesh_up(m, now);
}

/* What has become possible: announce, synchronise, change the dialect. */
static void
follow_up(struct mesh *m, int64_t now)
{
	if (m->swim == NULL || m->leaving)
		return;
	if (m->announce_at != NEVER &&
	    (peers_settled(m->peers) || now >= m->announce_at)) {
		m->announce_at = NEVER;
		swim_announce(m->swim, now);
	}
	if (!m->synced && m->anybody && now >= m->sync_latest)
		m->sync_wanted = true;
	if (m->sync_wanted && !m->synced && peers_settled(m->peers)) {
		m->synced = true;
		(void)priv_sync();
	}
	if (m->stirred) {
		m->stirred = false;
		mesh_dialect(m, now);
		peers_stir(m->peers, now);
		if (m->save_at == NEVER)
			m->save_at = now + SAVE_DELAY;
	}
}

void
mesh_result(struct mesh *m, int64_t now, const struct priv_result *r)
{
	m->now = now;
	if (r->request == PRIV_SELF)
		self_result(m, now, r);
	else if (m->peers != NULL &&
		 (r->request == PRIV_PEER_SET || r->request == PRIV_PEER_DEL))
		peers_result(m->peers, now, r);
	else if (r->error != 0)
		log_debug("wesher-priv: %s: %s", priv_type_name(r->request),
		    priv_reason(r->error));
	follow_up(m, now);
}

void
mesh_stat(struct mesh *m, int64_t now, const struct priv_stat *s)
{
	if (m->peers != NULL)
		peers_stat(m->peers, now, s);
}

static void
save(struct mesh *m, int64_t now)
{
	mesh_collect(m);
	if (m->ops.save(&m->state) == 0) {
		if (m->save_failed)
			log_info("the state can be saved again");
		m->save_failed = false;
		m->save_at = NEVER;
		return;
	}
	if (!m->save_failed)
		log_warn("cannot save the state (trying again every %d s)",
		    (int)(SAVE_RETRY / US_PER_S));
	m->save_failed = true;
	m->save_at = now + SAVE_RETRY;
}

void
mesh_leave(struct mesh *m, int64_t now)
{
	m->now = now;
	if (m->leaving)
		return;
	m->leaving = true;
	log_info("leaving the mesh");
	save(m, now);
	if (m->swim == NULL)
		m->finished = true;
	else
		swim_leave(m->swim, now);
}

void
mesh_stop(struct mesh *m, int64_t now)
{
	m->now = now;
	save(m, now);
	m->leaving = m->finished = true;
}

bool
mesh_finished(const struct mesh *m)
{
	return m->finished;
}

int
mesh_packet(struct mesh *m, int64_t now, const struct ipport *from,
    const uint8_t *plain, size_t len)
{
	int err;

	if (m->swim == NULL)
		return 0;
	m->now = now;
	err = swim_packet(m->swim, now, from, plain, len);
	follow_up(m, now);
	return err;
}

int
mesh_request(struct mesh *m, int64_t now, const struct ipport *from,
    uint8_t type, const uint8_t *body, size_t len, uint8_t **reply,
    size_t *replylen)
{
	int err;

	*reply = NULL;
	if (m->swim == NULL)
		return 0;
	m->now = now;
	err = swim_stream_request(
	    m->swim, now, from, type, body, len, reply, replylen);
	follow_up(m, now);
	return err;
}

void
mesh_reply(struct mesh *m, int64_t now, uint32_t id, uint8_t type,
    const uint8_t *body, size_t len)
{
	m->now = now;
	swim_stream_reply(m->swim, now, id, type, body, len);
	follow_up(m, now);
}

void
mesh_failed(struct mesh *m, int64_t now, uint32_t id, const char *why)
{
	m->now = now;
	swim_stream_failed(m->swim, now, id, why);
	follow_up(m, now);
}

void
mesh_resolved(struct mesh *m, int64_t now, unsigned target,
    const struct ipaddr *addrs, size_t n, const char *why)
{
	struct ipaddr usable[64];
	size_t i, k = 0;

	m->now = now;
	for (i = 0; i < n && k < sizeof(usable) / sizeof(usable[0]); i++)
		if (m->ops.reaches(&addrs[i]))
			usable[k++] = addrs[i];
	if (n > 0 && k == 0)
		why = "only addresses of a family that we are not bound to";
	join_resolved(m->join, now, target, usable, k, why);
}

void
mesh_tick(struct mesh *m, int64_t now)
{
	unsigned alive, failed;

	m->now = now;
	if (now >= m->self_at) {
		m->self_at = NEVER;
		(void)priv_self(m->attempt);
	}
	if (m->swim == NULL)
		return;
	swim_tick(m->swim, now);
	peers_tick(m->peers, now);
	if (!m->leaving)
		join_tick(m->join, now);
	follow_up(m, now);
	if (now >= m->alive_at) {
		m->alive_at = now + ALIVE_EVERY;
		mesh_count(m, &alive, &failed);
		(void)priv_alive(swim_members(m->swim)->n, alive, failed);
	}
	if (now >= m->save_at)
		save(m, now);
	if (m->sync_latest <= now)
		m->sync_latest = m->synced || m->anybody ? NEVER
							 : now + SYNC_LATEST;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t
mesh_deadline(const struct mesh *m)
{
	int64_t d = earlier(m->self_at, m->save_at);

	if (m->swim == NULL)
		return m->self_at;
	d = earlier(d, swim_deadline(m->swim));
	d = earlier(d, peers_deadline(m->peers));
	if (!m->leaving)
		d = earlier(d, join_deadline(m->join));
	d = earlier(d, m->alive_at);
	d = earlier(d, m->announce_at);
	return earlier(d, m->sync_latest);
}
