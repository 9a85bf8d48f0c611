#ifndef REGRESS_PEERS_RIG_H
#define REGRESS_PEERS_RIG_H

/*
 * Members of any kind, what is asked of wesher-priv for them, and its answers,
 * in virtual time. One per program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "../../common/log.h"
#include "../../common/overlay.h"
#include "../../common/clock.h"
#include "../../wesher/peers_int.h"
#include "../../wesher/swim.h"

#define WALL 1000 /* the wall clock at the start */

struct asked {
	enum { SET, DEL } what;
	uint32_t seq;
	struct priv_peer_set set;
	uint8_t key[WG_KEY_LEN];
};

static struct {
	struct peers *peers;
	struct peers_config cfg;
	struct asked asked[2048];
	unsigned nasked, answered, stats, primes, lines;
	bool poor; /* no memory for requests */
	bool v4alone; /* the host has no IPv6 */
	uint32_t stats_seq;
	struct ipaddr primed;
	uint32_t seq;
	int64_t now;
} w;

static inline uint32_t
on_set(void *arg, const struct priv_peer_set *m)
{
	struct asked *a = &w.asked[w.nasked++];

	(void)arg;
	if (w.poor) {
		w.nasked--;
		return 0;
	}
	a->what = SET;
	a->set = *m;
	memcpy(a->key, m->key, WG_KEY_LEN);
	return a->seq = ++w.seq;
}

static inline uint32_t
on_del(void *arg, const uint8_t key[WG_KEY_LEN])
{
	struct asked *a = &w.asked[w.nasked++];

	(void)arg;
	a->what = DEL;
	memcpy(a->key, key, WG_KEY_LEN);
	return a->seq = ++w.seq;
}

static inline uint32_t
on_stats(void *arg)
{
	(void)arg;
	w.stats++;
	return w.stats_seq = ++w.seq;
}

static inline void
on_prime(void *arg, const struct ipaddr *overlay)
{
	(void)arg;
	w.primes++;
	w.primed = *overlay;
}

static inline uint32_t
on_random(void *arg)
{
	(void)arg;
	return 512;
}

static inline bool
on_reaches(void *arg, const struct ipaddr *ip)
{
	(void)arg;
	return ip->len == 4 || !w.v4alone;
}

static inline int64_t
on_wall(void *arg)
{
	(void)arg;
	return WALL + w.now / US_PER_S;
}

static const struct peers_ops ops = {
    on_set, on_del, on_stats, on_prime, on_random, on_reaches, on_wall};

static inline void
on_line(enum log_level level, const char *tag, const char *line)
{
	(void)level;
	(void)tag;
	(void)line;
	w.lines++;
}

static inline int
setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	log_init(LOG_D_SINK, LOG_L_WARN, "test", -1);
	log_sink(on_line);
	w.cfg.ops = &ops;
	ipnet_parse("10.0.0.0/8", &w.cfg.overlay);
	ipaddr_parse("10.0.0.1", &w.cfg.self_addr);
	memset(w.cfg.self_key, 0x80, WG_KEY_LEN);
	w.cfg.wgport = 51820;
	w.cfg.hosts = true;
	w.cfg.self_name = "me.example.org";
	w.cfg.hosts_domains = "lan";
	w.cfg.hold_down = 600 * US_PER_S;
	w.peers = peers_new(&w.cfg);
	return w.peers == NULL;
}

static inline int
teardown(void **state)
{
	(void)state;
	peers_free(w.peers);
	return 0;
}

#define CARD_SIZE (sizeof(struct member_card) + 256 + META_MAX)

static inline uint8_t *
addr(struct member *m)
{
	return ((struct member_card *)(void *)(m + 1))->addr;
}

/* The member announces other metadata. */
static inline void
announce_bytes(struct member *m, const void *meta, size_t len)
{
	memcpy((char *)(m + 1) + offsetof(struct member_card, name) +
		   m->namelen + 1,
	    meta, len);
	m->metalen = (uint16_t)len;
}

static inline void
announce(struct member *m, const struct meta *meta)
{
	uint8_t b[META_MAX];
	ssize_t len = meta_encode(meta, b, META_MAX);

	assert_true(len > 0);
	announce_bytes(m, b, (size_t)len);
}

/* A member with everything right: key of byte k, address by its name. */
static inline struct member *
member(const char *name, uint8_t k, bool ours)
{
	struct member *m = calloc(1, sizeof(*m) + CARD_SIZE);
	struct member_card *c;
	struct meta meta = {0};

	assert_non_null(m);
	c = (void *)(m + 1);
	m->name = strcpy(c->name, name);
	m->namelen = (uint8_t)strlen(name);
	c->addrlen = 4;
	memcpy(c->addr, (uint8_t[]){192, 0, 2, k}, 4);
	c->port = 7946;
	m->answered = true;
	m->ours = ours;
	overlay_addr(&w.cfg.overlay, name, strlen(name), 0, &meta.overlay);
	memset(meta.pubkey, k, WG_KEY_LEN);
	meta.has_pubkey = true;
	meta.has_x = ours;
	announce(m, &meta);
	return m;
}

static inline void
decode(const struct member *m, struct meta *meta)
{
	assert_int_equal(meta_decode(member_meta(m), m->metalen, meta), 0);
}

static inline void
update(struct member *m, enum peers_news news)
{
	peers_update(w.peers, w.now, m, news);
}

/* wesher-priv answers the first request that it has not answered yet. */
static inline void
answer_one(int error)
{
	struct asked *a = &w.asked[w.answered++];
	struct priv_result r = {.h.seq = a->seq, .error = error};

	r.request = a->what == SET ? PRIV_PEER_SET : PRIV_PEER_DEL;
	memcpy(r.key, a->key, WG_KEY_LEN);
	peers_result(w.peers, w.now, &r);
}

/* wesher-priv answers what was asked, all with error. */
static inline void
answer(int error)
{
	while (w.answered < w.nasked)
		answer_one(error);
}

static inline enum peer_why
why(const struct member *m)
{
	struct peer_view v;

	peers_view(w.peers, m, &v);
	return v.why;
}

static inline void
stat_of(const struct member *m, int64_t handshake, uint64_t rx)
{
	struct priv_stat s = {.h.seq = w.stats_seq,
	    .handshake = handshake,
	    .rx = rx,
	    .flags = PRIV_STAT_LAST};
	struct meta meta;

	decode(m, &meta);
	memcpy(s.key, meta.pubkey, WG_KEY_LEN);
	peers_stat(w.peers, w.now, &s);
}

/* Run the clock, answering STATS with the given handshake. */
static inline void
run_for(int64_t us, const struct member *m, int64_t handshake, uint64_t rx)
{
	int64_t end = w.now + us, d;
	unsigned seen = w.stats, bound = 0;

	while ((d = peers_deadline(w.peers)) <= end && bound++ < 10000) {
		if (d > w.now)
			w.now = d;
		peers_tick(w.peers, w.now);
		if (w.stats != seen) {
			seen = w.stats;
			stat_of(m, handshake, rx);
		}
		answer(0);
	}
	assert_true(bound < 10000);
	w.now = end;
}

static inline bool
is_zero(const uint8_t key[WG_KEY_LEN])
{
	static const uint8_t zero[WG_KEY_LEN];

	return memcmp(key, zero, WG_KEY_LEN) == 0;
}

/* It failed, and no handshake says otherwise. */
static inline void
bury(struct member *m)
{
	m->state = MEMBER_DEAD;
	update(m, PEERS_GOSSIP);
	peers_tick(w.peers, w.now);
	stat_of(m, 0, 0);
	w.now += US_PER_S / 2;
	peers_tick(w.peers, w.now);
}

static inline void
drop(struct member *m)
{
	if (m->udata != NULL)
		peers_forget(w.peers, w.now, m);
	free(m);
}

#endif
