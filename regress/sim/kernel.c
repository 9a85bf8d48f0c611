/*
 * wesher-priv of a simulated host, and its kernel. The code of the boundary is
 * production's: dispatch, apply, policy and the table of peers. Below it, in
 * the place of netlink, is a kernel that does as it is told, and what the two
 * processes say to each other takes a moment. The table stands for the kernel,
 * since nothing that it asks for fails. A counter of a peer moves while its
 * tunnel works, as with light traffic that never stops.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/seqpacket.h"
#include "../../common/wgkey.h"
#include "../../priv/priv.h"
#include "../../wesher/privc.h"
#include "host_int.h"

#define BOUNDARY 200 /* us, and up to as much more */
#define REKEY	 120 /* seconds: a session in use has another one then */

struct kernel {
	struct host *h;
	struct policy pol;
	struct priv *p;
	union priv_msg *in; /* asked, and on its way */
	size_t nin, capin;
	uint8_t *out; /* records, one after the other */
	size_t nout, capout;
	uint32_t seq;
	struct ipaddr self; /* of the interface */
};

static struct kernel *current; /* whose dispatch runs */

static void *
grown(void *p, size_t *cap, size_t need, size_t size)
{
	if (need <= *cap)
		return p;
	*cap = need * 2;
	p = reallocarray(p, *cap, size);
	sim_assert(p != NULL);
	return p;
}

/* It comes to the other process of the same host. */
static void
boundary_put(struct node *n, enum parcel_kind kind, uint8_t *big, size_t len)
{
	uint32_t what = parcel_new(&n->c->q);
	struct parcel *p = parcel(&n->c->q, what);

	p->kind = (uint8_t)kind;
	p->from = p->to = n->i;
	p->life = n->life;
	p->big = big;
	p->len = (uint32_t)len;
	queue_put(&n->c->q, what,
	    n->c->now + BOUNDARY + (int64_t)(sim_next(&n->seed) % BOUNDARY));
}

/* The daemon's end, in the place of privc.c. */
static uint32_t
ask(union priv_msg *m, enum priv_type type)
{
	struct kernel *k = host_current->host->k;

	m->h = (struct priv_hdr){.type = (uint16_t)type, .seq = ++k->seq};
	k->in = grown(k->in, &k->capin, k->nin + 1, sizeof(*k->in));
	k->in[k->nin++] = *m;
	if (k->nin == 1)
		boundary_put(host_current, P_ASK, NULL, 0);
	return k->seq;
}

uint32_t
priv_ready(void)
{
	union priv_msg m = {0};

	return ask(&m, PRIV_READY);
}

uint32_t
priv_self(uint8_t attempt)
{
	union priv_msg m = {.self = {.attempt = attempt}};

	return ask(&m, PRIV_SELF);
}

uint32_t
priv_peer_set(const struct priv_peer_set *s)
{
	union priv_msg m = {.peer_set = *s};

	return ask(&m, PRIV_PEER_SET);
}

uint32_t
priv_peer_del(const uint8_t key[WG_KEY_LEN])
{
	union priv_msg m = {0};

	memcpy(m.peer_del.key, key, WG_KEY_LEN);
	return ask(&m, PRIV_PEER_DEL);
}

uint32_t
priv_sync(void)
{
	union priv_msg m = {0};

	return ask(&m, PRIV_SYNC);
}

uint32_t
priv_alive(uint32_t members, uint32_t alive, uint32_t failed)
{
	union priv_msg m = {
	    .alive = {.members = members, .alive = alive, .failed = failed}};

	sim_assert(alive + failed <= members);
	return ask(&m, PRIV_ALIVE);
}

uint32_t
priv_stats(void)
{
	union priv_msg m = {0};

	return ask(&m, PRIV_STATS);
}

/* wesher-priv's end, in the place of seqpacket.c. */
ssize_t
seqpacket_recv(int fd, void *buf, size_t cap)
{
	(void)fd;
	(void)buf;
	(void)cap;
	errno = EAGAIN;
	return -1;
}

int
seqpacket_send(int fd, const void *buf, size_t len)
{
	struct kernel *k = current;

	(void)fd;
	k->out = grown(k->out, &k->capout, k->nout + len, 1);
	memcpy(k->out + k->nout, buf, len);
	k->nout += len;
	return 0;
}

/* The kernel, in the place of netlink, and what hangs off it. */
int
rtnl_addr_set(unsigned ifindex, const struct ipaddr *addr)
{
	(void)ifindex;
	current->self = *addr;
	return 0;
}

int
rtnl_route_lookup(const struct ipaddr *dst)
{
	(void)dst;
	return -ENETUNREACH;
}

int
rtnl_routes(unsigned ifindex, const struct ipaddr *src,
    const struct rtnl_change *ch, size_t n, int *err)
{
	(void)ifindex;
	(void)src;
	(void)ch;
	memset(err, 0, n * sizeof(*err));
	return 0;
}

int
wg_apply(unsigned ifindex, const struct wg_change *ch, size_t n, int *err)
{
	struct host *h = current->h;
	size_t i;
	int j;

	(void)ifindex;
	h->changes += (unsigned)n;
	for (i = 0; i < n && h->change != NULL; i++)
		if ((j = host_of_key(h->n->c, ch[i].peer.key)) != -1)
			h->change(h->n->c, h->n->i, (unsigned)j);
	memset(err, 0, n * sizeof(*err));
	return 0;
}

int
wg_event_fd(void)
{
	return -1;
}

void
duty_hosts_changed(struct priv *p)
{
	(void)p;
}

/* The keys here are made by chance, and no curve's. */
bool
wgkey_usable(const uint8_t key[WG_KEY_LEN])
{
	return !check_is_zero(key, WG_KEY_LEN);
}

void
repair_dump(struct priv *p)
{
	struct node *n = current->h->n;
	struct peer *q;
	int i;

	if (p->dumped != 0 && p->env.now - p->dumped < DUMP_AGE(p))
		return;
	p->dumped = p->env.now;
	for (q = peers_from(&p->env.peers, NULL); q; q = peers_next(q)) {
		i = host_of_key(n->c, q->w.key);
		if (i == -1 || !host_reaches(n->c, n->i, (unsigned)i))
			continue;
		q->k.rx += 148;
		q->k.tx += 148;
		if (q->k.handshake == 0 ||
		    p->env.wall - q->k.handshake >= REKEY ||
		    q->k.handshake > p->env.wall)
			q->k.handshake = p->env.wall;
	}
}

static void
set_clock(struct kernel *k)
{
	current = k;
	k->p->env.now = k->h->n->c->now / 1000;
	k->p->env.wall = host_wall(k->h->n);
}

static void
tell(struct node *n)
{
	struct kernel *k = n->host->k;
	uint8_t *copy;

	sim_assert(dispatch_write(k->p) == 0);
	if (k->nout == 0)
		return;
	copy = malloc(k->nout);
	sim_assert(copy != NULL);
	memcpy(copy, k->out, k->nout);
	boundary_put(n, P_TELL, copy, k->nout);
	k->nout = 0;
}

void
kernel_take(struct node *n)
{
	struct kernel *k = n->host->k;
	size_t i, many = k->nin;

	set_clock(k);
	k->nin = 0;
	for (i = 0; i < many; i++)
		sim_assert(dispatch_one(k->p, &k->in[i],
			       priv_type_size(k->in[i].h.type)) == 0);
	apply_flush(k->p);
	tell(n);
}

void
kernel_answers(struct node *n, struct parcel *p)
{
	union priv_msg m;
	size_t at, len;

	for (at = 0; at < p->len && n->host->mesh != NULL; at += len) {
		memcpy(&m.h, p->big + at, sizeof(m.h));
		len = priv_type_size(m.h.type);
		memcpy(&m, p->big + at, len);
		host_record(n, &m);
	}
}

struct kernel *
kernel_new(struct host *h, const struct policy *pol)
{
	struct kernel *k = calloc(1, sizeof(*k));

	sim_assert(k != NULL);
	k->h = h;
	k->pol = *pol;
	return k;
}

static void
table_free(struct peers *ps)
{
	struct peer *q;

	while ((q = peers_from(ps, NULL)) != NULL) {
		q->k.handshake = 0;
		peers_remove(ps, q, 0, 0);
	}
	peers_expire(ps, INT64_MAX);
}

static void
kernel_drop(struct kernel *k)
{
	if (k->p == NULL)
		return;
	table_free(&k->p->env.peers);
	free(k->p);
	k->p = NULL;
}

void
kernel_wipe(struct kernel *k)
{
	kernel_drop(k);
	memset(&k->self, 0, sizeof(k->self));
}

void
kernel_free(struct kernel *k)
{
	kernel_wipe(k);
	free(k->in);
	free(k->out);
	free(k);
}

/* What stands in the kernel, as repair_adopt() would find it. */
static void
adopt(struct priv *p, struct priv *old)
{
	struct wg_peer w;
	struct peer *q, *mine;

	if (old == NULL)
		return;
	for (q = peers_from(&old->env.peers, NULL); q; q = peers_next(q)) {
		w = q->w;
		w.handshake = q->k.handshake;
		w.rx = q->k.rx;
		w.tx = q->k.tx;
		w.nallowed = 1;
		mine = peers_add(&p->env.peers, &w, NULL, 0);
		sim_assert(mine != NULL);
		mine->k = w;
	}
}

static void
tell_net(struct node *n)
{
	struct priv_net net = {.h.type = PRIV_NET, .naddr = 1};

	priv_ip_to(&net.addr[0], &n->addr.ip);
	priv_ip_to(&net.def4, &n->addr.ip);
	dispatch_put(n->host->k->p, &net);
}

void
kernel_net(struct node *n)
{
	struct kernel *k = n->host->k;

	set_clock(k);
	k->p->env.host.own[0] = n->addr.ip;
	tell_net(n);
	tell(n);
}

void
kernel_start(struct node *n)
{
	struct host *h = n->host;
	struct kernel *k = h->k;
	struct priv *p = calloc(1, sizeof(*p));

	sim_assert(p != NULL);
	p->boundary = -1;
	p->env.pol = &k->pol;
	p->env.ifindex = 7;
	p->said = (struct bucket){.rate = 1, .burst = 100};
	p->changes = (struct bucket){.rate = 1000, .burst = MAX_PEERS};
	memcpy(p->env.pubkey, h->pubkey, WG_KEY_LEN);
	strlcpy(p->name, n->name, sizeof(p->name));
	p->env.host.own[0] = n->addr.ip;
	p->env.host.nown = 1;
	adopt(p, k->p);
	kernel_drop(k);
	k->p = p;
	k->nin = k->nout = 0;
	set_clock(k);
	dispatch_hello(p);
	tell_net(n);
	tell(n);
	host_current = n;
	(void)priv_ready();
}

struct ipaddr
kernel_self(const struct kernel *k)
{
	return k->self;
}

bool
kernel_peer(struct kernel *k, const uint8_t key[WG_KEY_LEN],
    struct ipaddr *addr, struct ipport *endpoint)
{
	struct peer *q;

	if (k->p == NULL || (q = peers_by_key(&k->p->env.peers, key)) == NULL)
		return false;
	*addr = q->w.addr;
	*endpoint = q->w.endpoint;
	return true;
}

bool
kernel_route(
    struct kernel *k, const struct ipaddr *addr, uint8_t key[WG_KEY_LEN])
{
	struct peer *q;

	if (k->p == NULL || (q = peers_by_addr(&k->p->env.peers, addr)) == NULL)
		return false;
	memcpy(key, q->w.key, WG_KEY_LEN);
	return true;
}
