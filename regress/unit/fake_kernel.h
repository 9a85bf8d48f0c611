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
	unsigned hosts_writes;
	bool hosts_spoiled; /* by somebody: the next write finds it */
	int hosts_error;
} fk;

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
	return 0;
}

int
rtnl_link_delete(const char *name)
{
	(void)name;
	if (!fk.link)
		return -ENODEV;
	fk.link = false;
	fk.npeers = fk.nroutes = 0;
	return 0;
}

int
rtnl_link_up(unsigned ifindex, uint32_t mtu)
{
	(void)ifindex;
	if (fk.up_error != 0)
		return fk.up_error;
	fk.up = true;
	fk.mtu = mtu;
	return 0;
}

int
rtnl_addr_set(unsigned ifindex, const struct ipaddr *addr)
{
	(void)ifindex;
	fk.addr = *addr;
	return 0;
}

int
rtnl_addr_has(unsigned ifindex, const struct ipaddr *addr)
{
	(void)ifindex;
	return ipaddr_eq(&fk.addr, addr);
}

int
rtnl_routes(unsigned ifindex, const struct ipaddr *src,
    const struct rtnl_change *ch, size_t n, int *err)
{
	size_t i, j;

	(void)ifindex;
	(void)src;
	fk.route_calls++;
	fk_log(ch[0].del ? 'd' : 'a');
	for (i = 0; i < n; i++) {
		err[i] = 0;
		for (j = 0; j < fk.nroutes; j++)
			if (ipaddr_eq(&fk.routes[j], &ch[i].dst))
				fk.routes[j--] = fk.routes[--fk.nroutes];
		if (!ch[i].del)
			fk.routes[fk.nroutes++] = ch[i].dst;
	}
	return 0;
}

int
rtnl_routes_get(unsigned ifindex, struct ipaddr **out, size_t *n)
{
	(void)ifindex;
	*out = malloc((fk.nroutes + 1) * sizeof(**out));
	memcpy(*out, fk.routes, fk.nroutes * sizeof(**out));
	*n = fk.nroutes;
	return 0;
}

int
rtnl_host_get(unsigned skip, struct rtnl_host *out)
{
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
	(void)ifindex;
	fk.keysets++;
	memcpy(fk.privkey, privkey, WG_KEY_LEN);
	crypto_scalarmult_base(fk.pubkey, privkey);
	fk.port = port;
	return 0;
}

int
wg_device_get(unsigned ifindex, struct wg_device *out)
{
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
	size_t i;

	if (!fk.link || ifindex != fk.ifindex)
		return -ENODEV;
	fk.applies++;
	fk_log('w');
	memcpy(fk.last, ch, n * sizeof(*ch));
	fk.nlast = n;
	for (i = 0; i < n; i++)
		if ((err[i] = fk.wg_error) == 0)
			fk_change(&ch[i]);
	return 0;
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
