/*
 * The boundary as root sees it, with a kernel of arrays: the input is a byte
 * string of records, sizes and moments. Whatever comes, the kernel holds only
 * what policy allows: one address of the overlay network for each peer, the
 * one that its name derives (or a free one with --allow-static), none that the
 * host needs, no route but to a peer, no endpoint inside of the overlay; an
 * address changes hands late, or with its owner's old key.
 */
#include <poll.h>

#include "../unit/fake_kernel.h"

#include "../../common/log.h"
#include "../../common/overlay.h"
#include "../../common/seqpacket.h"
#include "../../priv/priv.h"
#include "fuzz.h"

#define KEYS  12
#define NAMES 14
#define WALL  1700000000

static const char *const nets[] = {"10.0.0.0/8", "10.7.7.0/29", "fd00:1::/64"};
static const char *const names[NAMES] = {"a", "b", "c", "node1", "node2", "me",
    "localhost", "wpad", "with.dot", "-bad", "under_score", "line\nbreak",
    "\xc3\xa4", ""};
static const char *const addrs[] = {"192.0.2.1", "192.0.2.2", "198.51.100.7",
    "10.0.0.5", "10.7.7.3", "127.0.0.1", "169.254.0.1", "224.0.0.1", "0.0.0.0",
    "255.255.255.255", "2001:db8::1", "fe80::1", "::1", "fd00:1::5", "ff02::1",
    "192.0.2.77"};
#define ADDRS (sizeof(addrs) / sizeof(addrs[0]))

static struct fz in;
static struct priv *p;
static struct policy pol;
static struct wgkey wgkey;
static uint8_t keys[KEYS][WG_KEY_LEN], privkey[WG_KEY_LEN];
static struct ipaddr addr_of[ADDRS];
static int peer_end;
static bool faults, batched;
/* The last PEER_SET. */
static struct priv_peer_set asked;

/* Who held an address last, as far as the rule of 180 s is concerned. */
static struct holder {
	struct ipaddr addr;
	uint8_t key[WG_KEY_LEN];
	char name[NAME_MAX_LEN + 1];
	bool named;
	int64_t handshake;
} holders[64];
static size_t nholders;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t seed[WG_KEY_LEN] = {0x77, 1};
	unsigned i;
	int sv[2];

	(void)argc;
	(void)argv;
	log_init(LOG_D_STDERR, LOG_L_ERROR, "fuzz", -1);
	must(sodium_init() != -1);
	for (i = 0; i < KEYS; i++) {
		seed[2] = (uint8_t)i;
		(void)crypto_scalarmult_base(keys[i], seed);
	}
	for (i = 0; i < ADDRS; i++)
		must(ipaddr_parse(addrs[i], &addr_of[i]) == 0);
	wgkey.priv = sodium_malloc(WG_KEY_LEN);
	memset(privkey, 0x40, WG_KEY_LEN);
	memcpy(wgkey.priv, privkey, WG_KEY_LEN);
	(void)crypto_scalarmult_base(wgkey.pub, wgkey.priv);
	p = calloc(1, sizeof(*p));
	must(p != NULL && seqpacket_pair(sv) == 0);
	p->boundary = sv[0];
	peer_end = sv[1];
	return 0;
}

/* The large arrays are looked at as far as their counters go. */
static void
clear(void)
{
	int boundary = p->boundary;
	size_t mid = offsetof(struct priv, out), end = mid + sizeof(p->out);

	memset(p, 0, mid);
	memset((char *)p + end, 0, sizeof(*p) - end);
	p->boundary = boundary;
	memset(&fk, 0, offsetof(__typeof__(fk), peers));
	fk.npeers = fk.nroutes = fk.nlast = 0;
	memset(&fk.addr, 0, sizeof(fk) - offsetof(__typeof__(fk), addr));
}

static void
a_host(void)
{
	fk.host.own[fk.host.nown++] = addr_of[0];
	fk.host.own[fk.host.nown++] = addr_of[3];
	fk.host.gw[fk.host.ngw++] = addr_of[4];
	must(ipnet_parse("192.0.2.0/24", &fk.host.onlink[0]) == 0);
	must(ipnet_parse("10.128.0.0/10", &fk.host.onlink[1]) == 0);
	must(ipnet_parse("fd00:1::/72", &fk.host.onlink[2]) == 0);
	fk.host.nonlink = 3;
	p->env.dns[0] = addr_of[2];
	p->env.ndns = 1;
	must(ipaddr_parse("203.0.113.9", &fk.inside) == 0);
}

/* Peers that the interface had, some of them foreign. */
static void
a_past(unsigned n)
{
	struct wg_peer *k;
	unsigned i;

	for (i = 0; i < n; i++) {
		k = &fk.peers[fk.npeers++];
		memset(k, 0, sizeof(*k));
		memcpy(k->key, keys[KEYS - 1 - i], WG_KEY_LEN);
		overlay_addr(
		    &pol.overlay, names[i], strlen(names[i]), 0, &k->addr);
		k->nallowed = (uint16_t)(1 + (i == 3));
		k->handshake = i & 1 ? WALL - 20 : 0;
	}
}

static void
begin(uint8_t how)
{
	struct ipaddr a;
	const char *why;
	bool created;
	unsigned i;

	clear();
	nholders = 0;
	faults = batched = false;
	pol = (struct policy){.wireguard_port = 51820, .mtu = 1420};
	strcpy(pol.interface, "wgtest");
	must(ipnet_parse(nets[how % 3], &pol.overlay) == 0);
	pol.allow_static = how & 16;
	p->env.pol = &pol;
	p->env.now = 1000000;
	p->env.wall = WALL + 1000;
	p->heard = p->sent = p->env.now;
	p->wgkey = &wgkey;
	p->hosts = how & 32 ? (struct hosts *)&fk : NULL;
	p->changes = (struct bucket){.rate = 1000, .burst = MAX_PEERS};
	memcpy(p->env.pubkey, wgkey.pub, WG_KEY_LEN);
	strcpy(p->name, "me");
	a_host();
	must(setup_link(&pol, &wgkey, &p->env.ifindex, &created, &why) == 0);
	a_past(how >> 6);
	p->env.host = fk.host;
	must(repair_adopt(p) == 0);
	/* Most inputs want to get past the beginning. */
	for (i = 0; how & 8 && p->state != PS_UP && i < 256; i++)
		if (policy_self(&p->env, "me", 2, i, &a) == 0) {
			p->state = PS_UP;
			p->env.self = fk.addr = a;
		}
}

static void
later(int64_t ms)
{
	p->env.now += ms;
	p->env.wall = WALL + p->env.now / 1000;
	p->heard = p->sent = p->env.now;
}

static const uint8_t *
a_key(void)
{
	static const uint8_t zero[WG_KEY_LEN], one[WG_KEY_LEN] = {1};
	uint8_t i = fz_u8(&in);

	return i < 200	 ? keys[i % KEYS]
	       : i < 220 ? zero
	       : i < 235 ? one
			 : wgkey.pub;
}

static void
put_set(struct priv_peer_set *s)
{
	uint8_t how = fz_u8(&in);
	struct ipport ep = {.port = 51820};
	const char *name = names[fz_u8(&in) % NAMES];
	struct ipaddr a;

	s->namelen = (uint8_t)strlen(name);
	memcpy(s->name, name, s->namelen);
	s->flags = how & PRIV_PEER_FLAGS;
	s->attempt = s->flags & PRIV_PEER_PLAIN ? 0 : fz_u8(&in) % 4;
	memcpy(s->key, a_key(), WG_KEY_LEN);
	if (how & 4)
		memcpy(s->oldkey, how & 8 ? a_key() : s->key, WG_KEY_LEN);
	ep.ip = addr_of[fz_u8(&in) % ADDRS];
	if (how & 128) /* inside of the overlay, perhaps a peer's */
		overlay_addr(&pol.overlay, names[how % 8],
		    strlen(names[how % 8]), 0, &ep.ip);
	if ((how & 48) == 48) {
		a = pol.overlay.ip;
		a.b[a.len - 1] = fz_u8(&in);
		priv_ip_to(&s->addr, how & 64 ? &a : &ep.ip);
	}
	if (how == 255)
		ep.port = 0;
	priv_ep_to(&s->endpoint, &ep);
}

/* Whoever has a key's session ended could as well replace the key at once. */
static void
forget_session(const uint8_t *key)
{
	size_t i;

	for (i = 0; i < nholders; i++)
		if (memcmp(holders[i].key, key, WG_KEY_LEN) == 0)
			holders[i].handshake = 0;
}

/* One record, whole or spoiled; its length. */
static size_t
a_record(union priv_msg *m)
{
	static const uint16_t types[] = {PRIV_PEER_SET, PRIV_PEER_SET,
	    PRIV_PEER_SET, PRIV_PEER_DEL, PRIV_SELF, PRIV_SYNC, PRIV_ALIVE,
	    PRIV_STATS, PRIV_READY};
	uint8_t how = fz_u8(&in);
	size_t len, at;

	memset(m, 0, sizeof(*m));
	m->h.type = types[how % (sizeof(types) / sizeof(types[0]))];
	m->h.seq = fz_u8(&in);
	len = priv_type_size(m->h.type);
	if (m->h.type == PRIV_PEER_SET)
		put_set(&m->peer_set);
	else if (m->h.type == PRIV_PEER_DEL)
		memcpy(m->peer_del.key, a_key(), WG_KEY_LEN);
	else if (m->h.type == PRIV_SELF)
		m->self.attempt = fz_u8(&in) % 8;
	if (how >= 240) {
		at = fz_u16(&in) % sizeof(*m);
		((uint8_t *)m)[at] = fz_u8(&in);
	} else if (how >= 232) {
		len = fz_u16(&in) % sizeof(*m);
	}
	return len;
}

/* Is it an address that some peer of this name may have? */
static bool
derived(const struct ipaddr *a, const char *name)
{
	struct ipaddr x;
	unsigned i;

	for (i = 0; i < 256; i++) {
		overlay_addr(&pol.overlay, name, strlen(name), i, &x);
		if (ipaddr_eq(&x, a))
			return true;
	}
	return false;
}

static void
check_addr(const struct ipaddr *a)
{
	size_t i;

	must(check_overlay_host(&pol.overlay, a));
	for (i = 0; i < fk.host.nown; i++)
		must(!ipaddr_eq(a, &fk.host.own[i]));
	must(!ipaddr_eq(a, &fk.host.gw[0]) && !ipaddr_eq(a, &p->env.dns[0]));
	for (i = 0; i < fk.host.nonlink; i++)
		must(!ipnet_contains(&fk.host.onlink[i], a));
}

/* The rule of 180 s, for requests that were handled one at a time. */
static void
check_holder(const struct wg_peer *k, const struct peer *q)
{
	struct holder *h;
	size_t i;

	for (i = 0; i < nholders; i++)
		if (ipaddr_eq(&holders[i].addr, &k->addr))
			break;
	if (i == sizeof(holders) / sizeof(holders[0]))
		return;
	h = &holders[i];
	if (i == nholders) {
		nholders++;
		memset(h, 0, sizeof(*h));
	} else if (memcmp(h->key, k->key, WG_KEY_LEN) != 0) {
		trace("%02x of %s (handshake %lld) -> %02x\n", h->key[0],
		    h->name, (long long)h->handshake, k->key[0]);
		must(batched || faults || h->handshake == 0 ||
		     p->env.wall - h->handshake >= PEER_FRESH - 1 ||
		     (memcmp(asked.oldkey, h->key, WG_KEY_LEN) == 0 &&
			 (!h->named || strcmp(h->name, q->name) == 0)));
		memset(h, 0, sizeof(*h));
	}
	h->addr = k->addr;
	memcpy(h->key, k->key, WG_KEY_LEN);
	h->named = q != NULL && q->name != NULL;
	strlcpy(h->name, h->named ? q->name : "", sizeof(h->name));
	if (k->handshake > h->handshake)
		h->handshake = k->handshake;
}

static void
check_peer(const struct wg_peer *k, bool thorough)
{
	struct peer *q = peers_by_key(&p->env.peers, k->key);
	size_t i;

	must(!check_is_zero(k->key, WG_KEY_LEN));
	must(memcmp(k->key, wgkey.pub, WG_KEY_LEN) != 0);
	must(q != NULL || faults);
	if (k->addr.len == 0)
		return;
	if (q == NULL || !q->adopted)
		check_addr(&k->addr);
	must(faults || !ipaddr_eq(&k->addr, &fk.addr) ||
	     (q != NULL && q->adopted));
	for (i = 0; i < fk.npeers; i++) {
		must(faults || &fk.peers[i] == k ||
		     !ipaddr_eq(&fk.peers[i].addr, &k->addr));
		must(faults || !ipaddr_eq(&fk.peers[i].endpoint.ip, &k->addr));
	}
	if (k->endpoint.ip.len != 0)
		must(check_endpoint(&k->endpoint) &&
		     !ipaddr_eq(&k->endpoint.ip, &fk.addr) &&
		     !ipaddr_eq(&k->endpoint.ip, &fk.inside));
	if (thorough && !pol.allow_static && q != NULL && q->name != NULL)
		must(derived(&k->addr, q->name));
	check_holder(k, q);
}

static void
check_kernel(bool thorough)
{
	size_t i, k;

	must(fk.link && fk.ifindex == p->env.ifindex && fk.creates == 1);
	must(memcmp(fk.privkey, privkey, WG_KEY_LEN) == 0);
	must(fk.npeers <= KEYS + 64 && fk.nroutes <= KEYS + 64);
	for (i = 0; i < fk.npeers; i++)
		check_peer(&fk.peers[i], thorough);
	for (i = 0; i < fk.nroutes; i++) {
		must(check_overlay_host(&pol.overlay, &fk.routes[i]));
		for (k = 0; k < fk.npeers && !faults; k++)
			if (ipaddr_eq(&fk.peers[k].addr, &fk.routes[i]))
				break;
		must(faults || k < fk.npeers);
	}
	if (fk.addr.len != 0) {
		check_addr(&fk.addr);
		must(!thorough || derived(&fk.addr, "me"));
	}
	for (i = 0; i < fk.nhosts && i < 64; i++)
		if (strlen(fk.hosts[i]) < sizeof(fk.hosts[i]) - 1)
			must(check_hostname(fk.hosts[i], strlen(fk.hosts[i])));
	must(p->nout <= OUTQ_MAX && p->env.peers.n <= MAX_PEERS);
}

/* The child reads all that is there for it. */
static void
drain(void)
{
	union priv_msg m;
	ssize_t n;

	do {
		must(dispatch_write(p) == 0);
		while ((n = seqpacket_recv(peer_end, &m, sizeof(m))) > 0)
			must((size_t)n == priv_type_size(m.h.type));
	} while (dispatch_events(p) & POLLOUT);
}

static void
outside(void)
{
	uint8_t what = fz_u8(&in), i = fz_u8(&in);

	trace("outside %d %d of %zu\n", what % 8, i, fk.npeers);
	switch (what % 8) {
	case 0: /* a handshake; nobody looks for a while */
	case 1:
		if (fk.npeers > 0) {
			fk.peers[i % fk.npeers].handshake = p->env.wall;
			check_kernel(false);
		}
		later(1000);
		break;
	case 2: /* somebody removes a peer of ours, or a route; its handshakes
		 * are lost as well */
		nholders = 0;
		if (fk.npeers > 0)
			fk.peers[i % fk.npeers] = fk.peers[fk.npeers - 1];
		fk.npeers -= fk.npeers > 0;
		fk.nroutes -= fk.nroutes > 0;
		faults = true;
		break;
	case 3:
		fk.wg_error = i & 1 ? -ENOMEM : 0;
		faults = true;
		break;
	case 4:
		fk.hosts_error = i & 1 ? -EROFS : 0;
		break;
	default:
		drain();
	}
}

/* 0, or -1: the child must die. */
static int
event(void)
{
	static const int64_t steps[] = {1, 100, 250, 1000, 5000, 61000, 181000};
	uint8_t op = fz_u8(&in);
	union priv_msg m, copy;
	size_t n;
	int r;

	if (op < 40) {
		apply_flush(p);
		trace("%d ms\n", (int)steps[op % 7]);
		later(steps[op % 7]);
		return duties_run(p);
	}
	if (op < 70) {
		apply_flush(p);
		batched = false;
		outside();
		return 0;
	}
	if (op == 255) {
		if (p->state != PS_LEAVING)
			dispatch_end(p, PRIV_LEAVE);
		return 0;
	}
	n = a_record(&m);
	copy = m;
	if (m.h.type == PRIV_PEER_SET)
		asked = m.peer_set;
	trace("%lld %s name %s attempt %u key %02x old %02x\n",
	    (long long)p->env.wall, priv_type_name(m.h.type), asked.name,
	    asked.attempt, asked.key[0], asked.oldkey[0]);
	r = dispatch_one(p, &m, n);
	must(memcmp(&m, &copy, sizeof(m)) == 0);
	if (m.h.type == PRIV_PEER_SET &&
	    memcmp(asked.key, asked.oldkey, WG_KEY_LEN) == 0)
		forget_session(asked.key);
	if (op & 1)
		apply_flush(p);
	else
		batched = true;
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned events = 0, applies;
	bool leaving;
	int r = 0;

	in = (struct fz){data, size};
	memset(&asked, 0, sizeof(asked));
	begin(fz_u8(&in));
	while (r == 0 && in.len > 0 && events++ < 400) {
		leaving = p->state == PS_LEAVING;
		applies = fk.applies + fk.route_calls;
		r = event();
		must(!leaving || applies == fk.applies + fk.route_calls);
		if (p->batch.npend == 0 && p->batch.nwg == 0) {
			check_kernel(false);
			batched = false;
		}
		if (p->nout + DISPATCH_ROUND > OUTQ_MAX)
			drain();
	}
	apply_flush(p);
	check_kernel(true);
	drain();
	peers_clear(&p->env.peers);
	return 0;
}
