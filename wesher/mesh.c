/*
 * The mesh of the gossip process: core (who is there), peers (their tunnels),
 * join (whom to ask) and state (what a restart needs), put together.
 *
 * Order of a join (protocol.md section 9): learn, program the tunnels, wait
 * for wesher-priv's answers, only then announce ourselves to the members that
 * were learned: who hears us primes, and finds our side ready.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "../common/log.h"
#include "../common/clock.h"
#include "mesh_int.h"
#include "privc.h"

#define ALIVE_EVERY (PRIV_ALIVE_INTERVAL * US_PER_S)
/* So long before, it goes along with whatever else wakes us: a probe does,
 * after half of the time. */
#define ALIVE_SOON    (ALIVE_EVERY / 2 + ALIVE_EVERY / 20)
#define SAVE_DELAY    (500 * US_PER_MS)
#define SAVE_RETRY    (30 * US_PER_S)
#define SAVE_EACH     (10 * US_PER_MS) /* more for each member */
#define SAVE_PATIENCE 3 /* as many delays at most, with more to come */
#define SAVE_LATEST   (60 * US_PER_S) /* or an eighth of --forget-after */
/* A look at many members after a change waits so long for each of them: whoever
 * makes up names by the thousand shall not cause one with every packet. */
#define STIR_EACH 200 /* us */
#define STIR_MANY 64

struct mesh *
mesh_new(const struct conf *conf, const struct mesh_ops *ops, struct state *st)
{
	/* The state has the cluster key in it. */
	struct mesh *m;

	if (sodium_init() == -1 || (m = sodium_malloc(sizeof(*m))) == NULL)
		return NULL;
	memset(m, 0, sizeof(*m));
	m->conf = conf;
	m->ops = *ops;
	m->state = *st;
	sodium_memzero(st, sizeof(*st));
	m->wear.own = m->wear.saved = m->state.sealed;
	m->wear.all = m->state.sealed_all;
	address_init(&m->addr);
	m->alive_at = m->save_at = m->announce_at = NEVER;
	m->alone_at = m->recall_at = m->sync_latest = m->route_at = NEVER;
	m->alone_told = INT64_MIN / 2;
	m->conflict_logged = m->self_conflict_logged = INT64_MIN / 2;
	m->stir_at = INT64_MIN / 2;
	quiet_init(&m->quiet, "lines about members", false, 128);
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
	remember_free(m->remember);
	address_free(&m->addr);
	state_clear(&m->state);
	sodium_free(m);
}

/*
 * The state is worth saving. Where many come at once each save is work for all
 * that came before: it waits until they have come, but not for ever.
 */
static void
save_soon(struct mesh *m, int64_t now, unsigned n)
{
	int64_t delay = SAVE_DELAY + n * SAVE_EACH;

	if (m->save_at == NEVER)
		m->unsaved_since = now;
	else if (n < STIR_MANY || m->save_failed ||
		 m->save_at >= m->unsaved_since + SAVE_PATIENCE * delay)
		return;
	m->save_at = now + delay;
}

/* The membership has changed. */
static void
stir(struct mesh *m, int64_t now)
{
	unsigned n = swim_members(m->swim)->n;

	m->stirred = false;
	m->stir_at = now + (n < STIR_MANY ? 0 : n * STIR_EACH);
	mesh_dialect(m, now);
	peers_stir(m->peers, now);
	mesh_heal_stir(m, now);
	save_soon(m, now, n);
}

/* What has become possible: announce, synchronise, change the dialect. */
static void
follow_up(struct mesh *m, int64_t now)
{
	if (m->swim == NULL || m->leaving)
		return;
	address_look_follow(m, now);
	address_rival_follow(m, now);
	if (m->announce_at != NEVER &&
	    ((peers_reached(m->peers) && !m->addr.moving) ||
		now >= m->announce_at)) {
		m->announce_at = NEVER;
		swim_announce(m->swim, now);
	}
	if (!m->synced && m->anybody && now >= m->sync_latest)
		m->sync_wanted = m->sync_anyway = true;
	if (m->sync_wanted && !m->synced &&
	    (m->sync_anyway || mesh_all_back(m)) && peers_settled(m->peers)) {
		m->synced = priv_sync() != 0;
		/* A tunnel that goes may have had the address of another. */
		if (m->synced)
			peers_retry(m->peers, now);
	}
	if (m->rejoin) {
		m->rejoin = false;
		mesh_rejoin(m, now);
	}
	if (m->stirred && now >= m->stir_at)
		stir(m, now);
}

void
mesh_result(struct mesh *m, int64_t now, const struct priv_result *r)
{
	m->now = now;
	mesh_error(m, r->error);
	if (r->request == PRIV_SELF)
		address_result(m, now, r);
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
	else if (s->flags & PRIV_STAT_ADOPTED)
		mesh_adopted(m, s);
}

/*
 * The time of the saved list says what it is worth after a crash, so it is to
 * be that of the crash, nearly.
 */
static bool
is_save_old(const struct mesh *m, int64_t now)
{
	int64_t most = m->conf->forget_after * US_PER_S / 8;

	return now - m->saved_at >= (most > SAVE_LATEST ? most : SAVE_LATEST);
}

/* What was sealed since we looked last, and who is there. */
static void
count(struct mesh *m, int64_t now, unsigned *alive, unsigned *failed)
{
	uint64_t n = m->ops.sealed == NULL ? 0 : m->ops.sealed();

	*alive = *failed = 0;
	if (m->swim != NULL)
		mesh_count(m, alive, failed);
	wear_add(&m->wear, n - m->sealed, *alive);
	m->sealed = n;
	m->state.sealed = m->wear.own;
	m->state.sealed_all = m->wear.all;
	if ((m->wear.own - m->wear.saved >= WEAR_SAVE ||
		(*alive > 1 && is_save_old(m, now))) &&
	    m->save_at == NEVER)
		m->save_at = now;
}

static void
save(struct mesh *m, int64_t now)
{
	unsigned alive, failed;

	count(m, now, &alive, &failed);
	if (mesh_save(m) == 0) {
		m->wear.saved = m->wear.own;
		m->saved_at = now;
		if (m->save_failed)
			log_info("the state can be saved again\tevent=saved");
		m->save_failed = false;
		m->save_at = NEVER;
		return;
	}
	if (!m->save_failed)
		log_warn("cannot save the state (trying again every %d s)"
			 "\tevent=save-failed",
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
	log_info("leaving the mesh\tevent=leaving");
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
mesh_may_ask(const struct mesh *m)
{
	return m->peers != NULL;
}

void
mesh_watch(struct mesh *m, int64_t now, bool on)
{
	m->watched = on;
	if (m->peers != NULL)
		peers_watch(m->peers, now, on);
}

bool
mesh_finished(const struct mesh *m)
{
	return m->finished;
}

bool
mesh_knows(const struct mesh *m, const struct ipaddr *ip)
{
	const struct ipport at = {.ip = *ip, .port = m->conf->cluster_port};

	return m->swim != NULL &&
	       member_find_addr(swim_members(m->swim), &at) != NULL;
}

int
mesh_packet(struct mesh *m, int64_t now, const struct ipport *from,
    const uint8_t *plain, size_t len)
{
	int err;

	if (m->swim == NULL || address_hidden(m, now))
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
	*replylen = 0;
	if (m->swim == NULL || address_hidden(m, now))
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
	char words[160];
	size_t i, k = 0;

	m->now = now;
	if (m->leaving)
		return;
	for (i = 0; i < n && k < sizeof(usable) / sizeof(usable[0]); i++)
		if (mesh_reaches(m, &addrs[i]))
			usable[k++] = addrs[i];
	if (n > 0 && k == 0)
		snprintf(words, sizeof(words),
		    "it has %s addresses alone, which this host does not reach",
		    addrs[0].len == 4 ? "IPv4" : "IPv6");
	else if (k == 0)
		snprintf(words, sizeof(words), "cannot resolve the name: %s",
		    why != NULL ? why : "no answer");
	why = words;
	join_resolved(m->join, now, target, usable, k, why);
}

static void
tell_alive(struct mesh *m, int64_t now)
{
	unsigned n = 0, alive, failed;

	m->alive_at = now + ALIVE_EVERY;
	quiet_flush(&m->quiet, now);
	count(m, now, &alive, &failed);
	if (m->swim != NULL) {
		n = swim_members(m->swim)->n;
		mesh_catch_up(m);
	}
	(void)priv_alive(n, alive, failed);
}

void
mesh_tick(struct mesh *m, int64_t now)
{
	m->now = now;
	address_tick(m, now);
	if (m->alive_at != NEVER && now >= m->alive_at - ALIVE_SOON)
		tell_alive(m, now);
	if (m->swim == NULL)
		return;
	if (m->former.len != 0 && now >= m->former_until) {
		m->former.len = 0;
		mesh_accept(m);
	}
	mesh_net_tick(m, now);
	swim_tick(m->swim, now);
	peers_tick(m->peers, now);
	if (!m->leaving) {
		join_tick(m->join, now);
		mesh_heal_tick(m, now);
	}
	follow_up(m, now);
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

void
mesh_woke(struct mesh *m, int64_t now, int64_t slept)
{
	m->now = now;
	log_info("awake again after %lld s\tevent=awake slept=%lld",
	    (long long)(slept / US_PER_S), (long long)(slept / US_PER_S));
	if (m->swim == NULL || m->leaving)
		return;
	swim_woke(m->swim, now, slept);
	join_hurry(m->join, now);
	remember_hurry(m->remember, now);
}

int64_t
mesh_deadline(const struct mesh *m)
{
	int64_t d = earlier(m->addr.self_at, m->alive_at);

	if (m->swim == NULL)
		return d;
	if (m->former.len != 0)
		d = earlier(d, m->former_until);
	d = earlier(d, m->save_at);
	d = earlier(d, swim_deadline(m->swim));
	d = earlier(d, peers_deadline(m->peers));
	if (!m->leaving) {
		d = earlier(d, join_deadline(m->join));
		d = earlier(d, mesh_heal_deadline(m));
		d = earlier(d, m->announce_at);
		d = earlier(d, m->addr.look_at);
		d = earlier(d, m->route_at);
		if (m->stirred)
			d = earlier(d, m->stir_at);
	}
	return earlier(d, m->sync_latest);
}
