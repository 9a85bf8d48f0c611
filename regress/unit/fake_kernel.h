#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

/*
 * A kernel for tests of wesher-priv: every function of rtnl.h, wg.h and
 * hosts.h, so that the archive's own objects are not linked. Peers, routes
 * and the address are arrays that a test looks into and spoils.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "../../priv/setup.h"
#include "../../priv/policy.h"
#include "../../kernel/rtnl.h"
#include "../../kernel/wg.h"

#define FK_MAX 17000

static struct {
	bool link, up;
	char kind[16];
	unsigned ifindex;
	uint32_t mtu;
	uint8_t privkey[WG_KEY_LEN], pubkey[WG_KEY_LEN];
	uint16_t port;
	struct wg_peer peers[FK_MAX];
	size_t npeers;
	struct ipaddr routes[FK_MAX];
	size_t nroutes;
	struct ipaddr addr;
	struct rtnl_host host;
	struct ipaddr inside; /* routed through our own interface */

	unsigned greetings; /* keepalives sent as they are switched on */
	unsigned applies, dumps, keysets, creates, route_calls;
	struct wg_change last[512];
	size_t nlast;
	int create_error, up_error, start_error;
	int host_error; /* the look at the host breaks off with this */
	bool userspace; /* the link that is started, and the way to it */
	int wg_error; /* every change is answered with this */
	char log[256]; /* order of calls: d(el route) w(g) a(dd route) */

	char hosts[64][64];
	size_t nhosts;
	/* Calls number fault_at, from 1, to fault_end fail with `fault`: they
	 * have not been done, or (lost) have, and the answer did not come. */
	unsigned fault_at, fault_end, calls;
	int fault;
	bool lost;

	unsigned hosts_writes;
	bool hosts_spoiled; /* by somebody: the next write finds it */
	int hosts_error;
} fk;

/* Is this the call that fails? */
static bool
fk_fails(void)
{
	fk.calls++;
	return fk.calls >= fk.fault_at && fk.calls <= fk.fault_end;
}

/* What a change returns that was done; f: fk_fails() said so. */
#define FK_CHANGE(f)                     \
	do {                             \
		if ((f) && !fk.lost)     \
			return fk.fault; \
	} while (0)
#define FK_DONE(f) ((f) ? fk.fault : 0)

static struct wg_peer *__attribute__((unused)) fk_peer(const uint8_t *key)
{
	size_t i;

	for (i = 0; i < fk.npeers; i++)
		if (memcmp(fk.peers[i].key, key, WG_KEY_LEN) == 0)
			return &fk.peers[i];
	return NULL;
}

static bool __attribute__((unused)) fk_route(const struct ipaddr *a)
{
	size_t i;

	for (i = 0; i < fk.nroutes; i++)
		if (ipaddr_eq(&fk.routes[i], a))
			return true;
	return false;
}

static void __attribute__((unused)) fk_log(char c)
{
	size_t n = strlen(fk.log);

	if (n + 1 < sizeof(fk.log))
		fk.log[n] = c;
}

int
rtnl_open(void)
{
	return 0;
}

void
rtnl_close(void)
{
}

int
rtnl_link_get(const char *name, struct rtnl_link *out)
{
	if (fk_fails())
		return fk.fault;
	(void)name;
	if (!fk.link)
		return -ENODEV;
	*out = (struct rtnl_link){
	    .ifindex = fk.ifindex, .up = fk.up, .mtu = fk.mtu};
	memcpy(out->kind, fk.kind, sizeof(fk.kind));
	return 0;
}

int
rtnl_link_create(const char *name)
{
	bool fails = fk_fails();

	FK_CHANGE(fails);
	(void)name;
	if (fk.create_error != 0)
		return fk.create_error;
	fk.creates++;
	fk.link = true;
	fk.up = false;
	fk.ifindex++;
	fk.mtu = 1500;
	fk.npeers = fk.nroutes = 0;
	fk.addr.len = 0;
	fk.port = 0;
	memset(fk.pubkey, 0, sizeof(fk.pubkey));
	strcpy(fk.kind, "wireguard");
	return FK_DONE(fails);
}

int
rtnl_link_delete(const char *name)
{
	bool fails = fk_fails();

	FK_CHANGE(fails);
	(void)name;
	if (!fk.link)
		return -ENODEV;
	fk.link = false;
	fk.npeers = fk.nroutes = 0;
	return FK_DONE(fails);
}

int
rtnl_link_up(unsigned ifindex, uint32_t mtu)
{
	bool fails = fk_fails();

	FK_CHANGE(fails);
	(void)ifindex;
	if (fk.up_error != 0)
		return fk.up_error;
	fk.up = true;
	fk.mtu = mtu;
	return FK_DONE(fails);
}

int
rtnl_addr_set(unsigned ifindex, const struct ipaddr *addr)
{
	bool fails = fk_fails();

	FK_CHANGE(fails);
	(void)ifindex;
	fk.addr = *addr;
	return FK_DONE(fails);
}

int
rtnl_addr_has(unsigned ifindex, const struct ipaddr *addr)
{
	if (fk_fails())
		return fk.fault;
	(void)ifindex;
	return ipaddr_eq(&fk.addr, addr);
}

int
rtnl_routes(unsigned ifindex, const struct ipaddr *src,
    const struct rtnl_change *ch, size_t n, int *err)
{
	bool fails = fk_fails();
	size_t i, j;

	(void)ifindex;
	(void)src;
	for (i = 0; fails && i < n; i++)
		err[i] = fk.fault;
	FK_CHANGE(fails);
	fk.route_calls++;
	fk_log(ch[0].del ? 'd' : 'a');
	for (i = 0; i < n; i++) {
		err[i] = FK_DONE(fails);
		for (j = 0; j < fk.nroutes; j++)
			if (ipaddr_eq(&fk.routes[j], &ch[i].dst))
				fk.routes[j--] = fk.routes[--fk.nroutes];
		if (!ch[i].del)
			fk.routes[fk.nroutes++] = ch[i].dst;
	}
	return FK_DONE(fails);
}

int
rtnl_routes_get(unsigned ifindex, struct ipaddr **out, size_t *n)
{
	if (fk_fails())
		return fk.fault;
	(void)ifindex;
	*out = malloc((fk.nroutes + 1) * sizeof(**out));
	memcpy(*out, fk.routes, fk.nroutes * sizeof(**out));
	*n = fk.nroutes;
	return 0;
}

int
rtnl_host_get(unsigned skip, struct rtnl_host *out)
{
	if (fk_fails())
		return fk.fault;
	(void)skip;
	if (fk.host_error != 0) {
		memset(out, 0, sizeof(*out));
		return fk.host_error;
	}
	*out = fk.host;
	return 0;
}

int
rtnl_route_lookup(const struct ipaddr *dst)
{
	if (fk_fails())
		return fk.fault;
	return ipaddr_eq(dst, &fk.inside) ? (int)fk.ifindex : 2;
}

int
rtnl_event_fd(void)
{
	return -1;
}

bool
rtnl_event_drain(void)
{
	return false;
}

int
wg_start(const char *name)
{
	if (fk.start_error != 0)
		return fk.start_error;
	fk.create_error = 0;
	(void)rtnl_link_create(name);
	strcpy(fk.kind, "tun");
	fk.userspace = true;
	return 0;
}

bool
wg_ours(const char *name, const char *kind)
{
	(void)name;
	return strcmp(kind, fk.userspace ? "tun" : "wireguard") == 0;
}

int
wg_event_fd(void)
{
	return fk.userspace ? STDERR_FILENO : -1;
}

int
wg_open(const char *name, const char *kind)
{
	return wg_ours(name, kind) ? 0 : -EEXIST;
}

void
wg_close(void)
{
}

int
wg_device_set(
    unsigned ifindex, const uint8_t privkey[WG_KEY_LEN], uint16_t port)
{
	bool fails = fk_fails();

	FK_CHANGE(fails);
	(void)ifindex;
	fk.keysets++;
	memcpy(fk.privkey, privkey, WG_KEY_LEN);
	crypto_scalarmult_base(fk.pubkey, privkey);
	fk.port = port;
	return FK_DONE(fails);
}

int
wg_device_get(unsigned ifindex, struct wg_device *out)
{
	if (fk_fails())
		return fk.fault;
	fk.dumps++;
	if (!fk.link || ifindex != fk.ifindex)
		return -ENODEV;
	*out = (struct wg_device){
	    .ifindex = ifindex, .port = fk.port, .npeers = fk.npeers};
	memcpy(out->pubkey, fk.pubkey, WG_KEY_LEN);
	out->peers = malloc((fk.npeers + 1) * sizeof(*out->peers));
	memcpy(out->peers, fk.peers, fk.npeers * sizeof(*out->peers));
	return 0;
}

void
wg_device_free(struct wg_device *d)
{
	free(d->peers);
	d->peers = NULL;
}

static void __attribute__((unused)) fk_change(const struct wg_change *c)
{
	struct wg_peer *q = fk_peer(c->peer.key);
	size_t i;

	if (c->op == WG_DEL) {
		if (q != NULL)
			*q = fk.peers[--fk.npeers];
		return;
	}
	if (q == NULL && c->op == WG_ENDPOINT)
		return;
	if (q == NULL) {
		q = &fk.peers[fk.npeers++];
		memset(q, 0, sizeof(*q));
		memcpy(q->key, c->peer.key, WG_KEY_LEN);
	}
	if (c->peer.endpoint.ip.len != 0)
		q->endpoint = c->peer.endpoint;
	if (c->op == WG_ENDPOINT)
		return;
	/* As in the kernel: an allowed IP moves to its new owner. */
	for (i = 0; fk.npeers < 1000 && i < fk.npeers; i++)
		if (ipaddr_eq(&fk.peers[i].addr, &c->peer.addr)) {
			fk.peers[i].addr.len = 0;
			fk.peers[i].nallowed = 0;
		}
	q->addr = c->peer.addr;
	q->nallowed = 1;
	fk.greetings += q->keepalive == 0 && c->peer.keepalive != 0;
	q->keepalive = c->peer.keepalive;
}

int
wg_apply(unsigned ifindex, const struct wg_change *ch, size_t n, int *err)
{
	bool fails = fk_fails();
	size_t i;

	if (!fk.link || ifindex != fk.ifindex)
		return -ENODEV;
	FK_CHANGE(fails);
	fk.applies++;
	fk_log('w');
	memcpy(fk.last, ch, n * sizeof(*ch));
	fk.nlast = n;
	for (i = 0; i < n; i++)
		if ((err[i] = fk.wg_error) == 0)
			fk_change(&ch[i]);
	return FK_DONE(fails);
}

struct hosts *
hosts_open(int dirfd, const char *interface, int lockfd)
{
	(void)dirfd;
	(void)interface;
	(void)lockfd;
	return (struct hosts *)&fk;
}

int
hosts_fd(const struct hosts *h)
{
	(void)h;
	return -1;
}

int
hosts_clear(struct hosts *h)
{
	return hosts_write(h, NULL, 0);
}

int
hosts_write(struct hosts *h, const struct hosts_entry *e, size_t n)
{
	size_t i;

	(void)h;
	fk.hosts_writes++;
	if (fk.hosts_error != 0)
		return fk.hosts_error;
	fk.nhosts = n;
	for (i = 0; i < n && i < 64; i++)
		strlcpy(fk.hosts[i], e[i].name, sizeof(fk.hosts[i]));
	return fk.hosts_spoiled;
}

/* Everything out of a table, former holders too. */
static inline void
peers_clear(struct peers *ps)
{
	struct peer *p;

	while ((p = peers_from(ps, NULL)) != NULL)
		peers_remove(ps, p, 0, 0);
	peers_expire(ps, INT64_MAX);
}

#endif
