/*
 * The gossip process: `wesher --gossip`, uid _wesher, root directory
 * /var/lib/wesher/<interface>. All network-facing work happens here; the
 * kernel's side is asked for over the boundary (privc.c) and done, or
 * refused, by wesher-priv. This file is the wiring: libevent on one side, the
 * mesh that knows no libevent on the other.
 *
 * Order: what must be opened outside (libraries, resolv.conf, the hosts file),
 * then the sandbox is entered (confine.c), and only then the first byte of
 * state or network is read. Keys stand in sodium_malloc memory (guarded, locked
 * where the limit allows it, not dumped) and are wiped where they pass through
 * another place.
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <sodium.h>

#include "../common/conf.h"
#include "../common/log.h"
#include "../common/privmsg.h"
#include "../common/clock.h"
#include "confine.h"
#include "control.h"
#include "dns.h"
#include "gossip.h"
#include "mesh.h"
#include "metrics.h"
#include "net.h"
#include "operate.h"
#include "privc.h"
#include "seal.h"
#include "state.h"
#include "tick.h"

#define OFF	   INT64_MIN
#define STATE_FILE "state.json"
#define KEY_TEXT                   \
	sodium_base64_ENCODED_LEN( \
	    CLUSTER_KEY_LEN, sodium_base64_VARIANT_ORIGINAL)

static struct {
	struct conf conf; /* without the keys */
	uint8_t (*keys)[CLUSTER_KEY_LEN]; /* sodium_malloc */
	struct confine confine;
	struct event_base *base;
	struct tick tick;
	int64_t armed; /* what the tick is set to; OFF once it ran */
	struct awake clock;
	int64_t packet_at; /* the time of those that came together, or 0 */
	struct mesh *mesh;
	struct seal *seal;
	int null; /* /dev/null, opened outside */
	bool bad_state; /* the saved key may be lost */
	int status;
} g;

/* The time for the mesh, which hears when it stood still. */
static int64_t
now(void)
{
	int64_t before = g.clock.slept, t = awake_now(&g.clock);

	if (g.clock.slept != before)
		mesh_woke(g.mesh, t, g.clock.slept - before);
	return t;
}

/* Arm the one timer for what the mesh wants next, or end. */
static void
rearm(void)
{
	int64_t d, t;

	if (mesh_finished(g.mesh)) {
		g.status = 0;
		event_base_loopbreak(g.base);
		return;
	}
	d = mesh_deadline(g.mesh);
	if (d == g.armed)
		return;
	g.armed = d;
	g.clock.due = 0;
	if (d != NEVER) {
		t = now();
		d = d > t ? d - t : 0;
		g.clock.due = t + d;
	}
	tick_in(&g.tick, d);
}

static void
on_tick(void)
{
	g.armed = OFF;
	mesh_tick(g.mesh, now());
	log_tick();
	rearm();
}

static int
on_packet(const struct ipport *from, const uint8_t *plain, size_t len)
{
	if (g.packet_at == 0)
		g.packet_at = now();
	return mesh_packet(g.mesh, g.packet_at, from, plain, len);
}

/* Once for all that had come together. */
static void
on_taken(void)
{
	g.packet_at = 0;
	rearm();
}

static int
on_request(const struct ipport *from, uint8_t type, const uint8_t *body,
    size_t len, uint8_t **reply, size_t *replylen)
{
	int err = mesh_request(
	    g.mesh, now(), from, type, body, len, reply, replylen);

	rearm();
	return err;
}

static void
on_reply(uint32_t id, uint8_t type, const uint8_t *body, size_t len)
{
	mesh_reply(g.mesh, now(), id, type, body, len);
	rearm();
}

static void
on_failed(uint32_t id, const char *why)
{
	mesh_failed(g.mesh, now(), id, why);
	rearm();
}

static bool
is_known(const struct ipaddr *ip)
{
	return mesh_knows(g.mesh, ip);
}

static void
on_resolved(void *arg, const struct ipaddr *addrs, size_t n, const char *why)
{
	mesh_resolved(g.mesh, now(), (unsigned)(uintptr_t)arg, addrs, n, why);
	rearm();
}

static void
resolve(unsigned target, const char *name)
{
	dns_resolve(name, on_resolved, (void *)(uintptr_t)target);
}

static int
save(const struct state *s)
{
	return state_save(g.confine.root, STATE_FILE, s);
}

static bool
connects(const struct ipport *to)
{
	return confine_connects(to->port);
}

static uint64_t
sealed(void)
{
	return seal_count(g.seal);
}

static const struct mesh_ops mesh_ops = {
    .sealed = sealed,
    .net = net_counters,
    .send = net_send,
    .stream = net_stream,
    .resolve = resolve,
    .prime = net_prime,
    .save = save,
    .reaches = net_reaches,
    .accept = net_accept,
    .connects = connects,
    .layers = confine_layers,
};

static void
on_hello(const struct priv_hello *h)
{
	mesh_hello(g.mesh, now(), h);
	rearm();
}

static void
on_net(const struct priv_net *n)
{
	struct ipaddr ns[PRIV_NET_DNS];
	size_t i, k = 0;

	for (i = 0; i < n->ndns && i < PRIV_NET_DNS; i++)
		if (priv_ip_from(&ns[k], &n->dns[i]))
			k++;
	dns_nameservers(ns, k);
	mesh_net(g.mesh, now(), n);
	rearm();
}

static void
on_result(const struct priv_result *r)
{
	mesh_result(g.mesh, now(), r);
	rearm();
}

static void
on_stat(const struct priv_stat *s)
{
	mesh_stat(g.mesh, now(), s);
	if (s->flags & PRIV_STAT_LAST) {
		control_refreshed();
		metrics_refreshed();
	}
	rearm();
}

static void
on_leave(void)
{
	mesh_leave(g.mesh, now());
	rearm();
}

static void
on_stop(void)
{
	mesh_stop(g.mesh, now());
	rearm();
}

static void
on_gone(const char *why)
{
	log_errorx("%s: ending; the tunnels stay", why);
	event_base_loopbreak(g.base);
}

static char *
metrics_page(size_t *len)
{
	return mesh_metrics(g.mesh, len);
}

static void
metrics_refresh(void)
{
	if (!mesh_may_ask(g.mesh) || priv_stats() == 0)
		metrics_refreshed();
}

/* Keys shall not be swapped, as far as wesher-priv's limit goes. */
static void
allow_mlock(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_MEMLOCK, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_MEMLOCK, &r);
	}
}

/* Guarded memory, also where none may be locked. */
static void *
secret(size_t size)
{
	void *p = sodium_malloc(size);

	if (p == NULL)
		fatalx("out of memory");
	memset(p, 0, size);
	return p;
}

/* The memfd into *conf, but for the keys; what it has none of stays untouched,
 * which takes no memory. */
static bool
conf_take(struct conf *conf, uint8_t (*keys)[CLUSTER_KEY_LEN])
{
	const size_t at = offsetof(struct conf, keys);
	const size_t behind = at + sizeof(conf->keys);
	const size_t join = offsetof(struct conf, join);
	struct iovec iov[] = {
	    {conf, at},
	    {keys, sizeof(conf->keys)},
	    {(uint8_t *)conf + behind, join - behind},
	};
	size_t len;

	if (preadv(PRIV_FD_CONF, iov, 3, 0) != (ssize_t)join ||
	    conf->magic != CONF_MAGIC || conf->size != sizeof(*conf) ||
	    conf->nkeys > CONF_KEYS || conf->njoin > CONF_JOIN)
		return false;
	len = conf->njoin * sizeof(conf->join[0]);
	return pread(PRIV_FD_CONF, conf->join, len, (off_t)join) ==
	       (ssize_t)len;
}

/* The operator's options, from the sealed memfd. */
static void
conf_read(void)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	struct stat st;
	int have;

	allow_mlock();
	if (sodium_init() == -1)
		fatalx("libsodium cannot start: is there a /dev/urandom?");
	g.keys = secret(sizeof(g.conf.keys));
	have = fcntl(PRIV_FD_CONF, F_GET_SEALS);
	if (have == -1 || (have & seals) != seals ||
	    fstat(PRIV_FD_CONF, &st) == -1 ||
	    st.st_size != (off_t)sizeof(g.conf) || !conf_take(&g.conf, g.keys))
		fatalx("--gossip: no valid options on descriptor %d: it is "
		       "started by wesher-priv alone",
		    PRIV_FD_CONF);
	close(PRIV_FD_CONF);
}

/* The saved state: ours, else the original's, unless --init. */
static void
load_state(struct state *st)
{
	char why[256];
	int err;

	memset(st, 0, sizeof(*st));
	if (g.conf.init)
		return;
	err = state_load(g.confine.root, STATE_FILE, st, why, sizeof(why));
	if (err == STATE_BAD)
		log_warnx("the state file is unusable (%s): kept aside as "
			  "%s.bad, starting without it",
		    why, STATE_FILE);
	/* A key that is there must not be written over with a new one. */
	else if (err == STATE_IO && g.conf.nkeys == 0)
		fatalx("the state file cannot be read: %s (repair it, or give "
		       "the key with --cluster-key-file)",
		    why);
	else if (err == STATE_IO)
		log_warnx("the state file cannot be read: %s", why);
	g.bad_state = err == STATE_BAD;
	if (err != STATE_NONE)
		return;
	err = state_load_fd(PRIV_FD_OLDSTATE, st, why, sizeof(why));
	if (err == STATE_OK)
		log_info("taking over the original's state");
	else if (err != STATE_NONE)
		log_warnx("the original's state file is unusable: %s", why);
}

/* On the operator's terminal, and not by stdio, which keeps a copy. */
static void
show_key(void)
{
	static const char head[] = "new cluster key generated: ";
	const size_t at = sizeof(head) - 1;
	char line[sizeof(head) + KEY_TEXT + 1];
	size_t len;

	memcpy(line, head, at);
	sodium_bin2base64(line + at, KEY_TEXT, g.keys[0], CLUSTER_KEY_LEN,
	    sodium_base64_VARIANT_ORIGINAL);
	len = strlen(line);
	line[len++] = '\n';
	if (write(STDOUT_FILENO, line, len) == -1)
		log_warn("cannot print the new cluster key (`wesher key` can)");
	sodium_memzero(line, sizeof(line));
}

/* Given, else saved, else made. */
static void
decide_key(struct state *st)
{
	if (g.conf.nkeys == 0 && st->has_key) {
		memcpy(g.keys[0], st->key, CLUSTER_KEY_LEN);
		g.conf.nkeys = 1;
	}
	if (g.conf.nkeys == 0) {
		randombytes_buf(g.keys[0], CLUSTER_KEY_LEN);
		g.conf.nkeys = 1;
		if (g.conf.show_key)
			show_key();
		if (g.bad_state)
			log_warnx("a new cluster key was generated: to return "
				  "to the mesh, give its key with "
				  "--cluster-key-file");
		else
			log_info("a new cluster key was generated: `wesher "
				 "key` prints it");
	}
	/* Another key has not been used yet. */
	if (!st->has_key || memcmp(st->key, g.keys[0], CLUSTER_KEY_LEN) != 0)
		st->sealed = st->sealed_all = 0;
	memcpy(st->key, g.keys[0], CLUSTER_KEY_LEN);
	st->has_key = true;
}

static void
start_net(void)
{
	struct net_config nc = {
	    .base = g.base,
	    .udp = PRIV_FD_UDP,
	    .tcp = PRIV_FD_TCP,
	    .seal = g.seal,
	    .bind_addr = g.conf.bind_addr,
	    .connects = connects,
	    .handler = {on_packet, on_taken, on_request, on_reply, on_failed},
	    .known = is_known,
	};

	memcpy(nc.bind_iface, g.conf.bind_iface, sizeof(nc.bind_iface));
	if (net_start(&nc) == -1)
		fatal("cannot use the membership sockets");
}

/* All that needs files outside of our root. */
static void
start_outside(void)
{
	struct event_config *ec = event_config_new();
	const char *why;

	if (seal_init(false, &why) == -1)
		fatalx("%s", why);
	confine_warm_up();
	if (ec == NULL || (g.base = event_base_new_with_config(ec)) == NULL)
		fatalx("cannot start libevent");
	event_config_free(ec);
	if (!tick_same_timeval(g.base))
		fatalx("libevent was built with another time_t: build both "
		       "with one _TIME_BITS");
	g.armed = OFF;
	if (tick_init(&g.tick, g.base, on_tick) == -1)
		fatal("timerfd");
	if (dns_start(g.base, "/etc/hosts", "/etc/resolv.conf") == -1)
		log_warn("/etc/hosts cannot be read: --join finds names "
			 "by DNS alone");
	/* Whatever the terminal was, it is not needed after the key. */
	g.null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (g.null == -1)
		fatal("/dev/null");
}

static void
start_inside(void)
{
	static const struct privc_handler ph = {
	    on_hello, on_net, on_result, on_stat, on_leave, on_stop, on_gone};
	const struct metrics_config mc = {.base = g.base,
	    .fd = PRIV_FD_METRICS,
	    .page = metrics_page,
	    .refresh = metrics_refresh};
	struct operate oc = {.base = g.base,
	    .fd = PRIV_FD_CONTROL,
	    .now = now,
	    .changed = rearm};
	struct state *st = secret(sizeof(*st));

	load_state(st);
	close(PRIV_FD_OLDSTATE);
	decide_key(st);
	if (dup2(g.null, STDOUT_FILENO) == -1)
		fatal("dup2");
	close(g.null);
	g.seal = seal_new(g.keys, g.conf.nkeys);
	sodium_free(g.keys);
	if (g.seal == NULL)
		fatalx("cannot keep the cluster key in guarded memory");
	/* At once: `wesher key` and the next start need it. */
	if (save(st) == -1)
		log_warn("cannot save the state and the cluster key");
	g.mesh = mesh_new(&g.conf, &mesh_ops, st);
	sodium_free(st);
	if (g.mesh == NULL)
		fatalx("out of memory");
	oc.mesh = g.mesh;
	if (privc_start(g.base, PRIV_FD_BOUNDARY, &ph) == -1 ||
	    operate_start(&oc) == -1)
		fatal("cannot start the event loop");
	if (g.conf.metrics[0] != '\0' && metrics_start(&mc) == -1)
		fatal("cannot start the HTTP server of --metrics");
	start_net();
	if (priv_ready() == 0)
		fatalx("out of memory");
}

int
gossip_main(void)
{
	log_init(LOG_D_PIPE, LOG_L_WARN, "wesher", PRIV_FD_LOG);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	confine_check();
	conf_read();
	log_level_set((enum log_level)g.conf.log_level);
	log_limit();
	g.status = 1;
	start_outside();
	confine_plan(&g.confine, &g.conf);
	confine_enter(&g.confine);
	start_inside();
	event_base_dispatch(g.base);
	net_stop();
	operate_stop();
	metrics_stop();
	dns_stop();
	mesh_free(g.mesh);
	seal_free(g.seal);
	tick_stop(&g.tick);
	event_base_free(g.base);
	return g.status;
}
