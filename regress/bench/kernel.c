/*
 * kernel: what wesher-priv asks of a kernel with WireGuard, against the tools.
 *
 *	kernel full|short		(root; in a network namespace of its own)
 *
 * The first synchronisation: on an interface without a peer, the set of peers
 * and routes as apply.c brings it there, a flush for every DISPATCH_ROUND
 * requests as in dispatch_read(), against `wg setconf` and `ip -batch` of the
 * same set. The same once more from records on, with all that policy asks.
 *
 * One change: a record (PEER_SET, PEER_DEL) judged, applied and answered,
 * against all peers being replaced in the least that this can take, the bare
 * netlink messages, since the original is such a program itself.
 *
 * Wall time, since WireGuard works in threads of its own and a removal waits
 * for the kernel; order alternates, medians. Prints lines for regress/bench/run.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include <err.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "../../common/clock.h"
#include "../../common/overlay.h"
#include "../../kernel/nl.h"
#include "../../common/wgkey.h"
#include "../../priv/priv.h"

#define IFACE  "wgbench"
#define EXTRA  64 /* those that join and leave */
#define MAXSET (5000 + EXTRA)
#define CHUNK  180 /* peers in a message */

struct one {
	union priv_msg m; /* its PEER_SET */
	struct want w;
};

static struct one set[MAXSET];
static struct policy pol;
static struct priv *p;
static struct nl genl;
static uint16_t family;
static uint8_t privkey[WG_KEY_LEN];
static struct ipaddr self;
static char conf[] = "/tmp/kernel.conf.XXXXXX";
static char batch[] = "/tmp/kernel.batch.XXXXXX";

static double
ms_since(int64_t us)
{
	return (double)(clock_now() - us) / 1000;
}

static int
by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

/* ---- the set */

static void
one_make(size_t i)
{
	struct one *o = &set[i];
	struct priv_peer_set *s = &o->m.peer_set;
	struct wg_peer *w = &o->w.w;
	const uint8_t ep[4] = {172, 16, (uint8_t)(i >> 8), (uint8_t)i};

	s->h.type = PRIV_PEER_SET;
	s->h.seq = (uint32_t)i;
	s->namelen = (uint8_t)snprintf(s->name, sizeof(s->name), "m%zu", i);
	randombytes_buf(w->key, WG_KEY_LEN);
	w->key[31] &= 0x7f;
	(void)ipaddr_from_bytes(ep, 4, &w->endpoint.ip);
	w->endpoint.port = 51820;
	/* Two names may derive one address: the next attempt. */
	do {
		overlay_addr(
		    &pol.overlay, s->name, s->namelen, s->attempt, &w->addr);
	} while ((ipaddr_eq(&w->addr, &self) ||
		     peers_by_addr(&p->env.peers, &w->addr) != NULL) &&
		 ++s->attempt != 0);
	if (peers_add(&p->env.peers, w, s->name, s->namelen) == NULL)
		err(1, NULL);
	memcpy(s->key, w->key, WG_KEY_LEN);
	priv_ep_to(&s->endpoint, &w->endpoint);
	o->w.name = s->name;
	o->w.namelen = s->namelen;
}

/* The same for wg(8) and ip(8). */
static void
write_files(size_t n)
{
	FILE *c = fopen(conf, "w"), *b = fopen(batch, "w");
	char k[WGKEY_TEXT], a[IPADDR_STRLEN], s[IPADDR_STRLEN];
	size_t i;

	if (c == NULL || b == NULL)
		err(1, "files");
	wgkey_text(privkey, k);
	fprintf(c, "[Interface]\nPrivateKey = %.44s\nListenPort = 51820\n", k);
	for (i = 0; i < n; i++) {
		const struct wg_peer *w = &set[i].w.w;

		wgkey_text(w->key, k);
		fprintf(c, "[Peer]\nPublicKey = %.44s\n", k);
		fprintf(c, "Endpoint = %s:%d\nAllowedIPs = %s/32\n",
		    ipaddr_str(&w->endpoint.ip, a), w->endpoint.port,
		    ipaddr_str(&w->addr, s));
		fprintf(b, "route replace %s/32 dev %s scope link src %s\n", s,
		    IFACE, ipaddr_str(&self, a));
	}
	if (fclose(c) != 0 || fclose(b) != 0)
		err(1, "files");
}

/* ---- the interface */

static void
forget(void)
{
	struct peer *q;

	while ((q = peers_from(&p->env.peers, NULL)) != NULL) {
		q->k.handshake = 0;
		peers_remove(&p->env.peers, q, 0, 1000);
	}
}

/* Without a peer, and a table that knows of none. */
static void
fresh(void)
{
	struct rtnl_link l;

	forget();
	if (rtnl_link_get(IFACE, &l) == 0 && rtnl_link_delete(IFACE) != 0)
		errx(1, "%s cannot be removed", IFACE);
	if (rtnl_link_create(IFACE) != 0 || rtnl_link_get(IFACE, &l) != 0 ||
	    wg_device_set(l.ifindex, privkey, 51820) != 0 ||
	    rtnl_addr_set(l.ifindex, &self) != 0 ||
	    rtnl_link_up(l.ifindex, 1420) != 0)
		errx(1, "%s cannot be made", IFACE);
	p->env.ifindex = l.ifindex;
	p->env.self = self;
	p->state = PS_UP;
	p->dumped = 0;
}

static void
must_hold(size_t n)
{
	struct wg_device d;
	struct ipaddr *r;
	size_t nr;

	if (wg_device_get(p->env.ifindex, &d) != 0 ||
	    rtnl_routes_get(p->env.ifindex, &r, &nr) != 0)
		errx(1, "cannot be read back");
	if (d.npeers != n || nr != n)
		errx(1, "%zu peers, %zu routes, not %zu", d.npeers, nr, n);
	wg_device_free(&d);
	free(r);
}

/* All answers must be good. */
static void
answered(size_t n)
{
	size_t i;

	if (p->nout != n)
		errx(1, "%zu answers, not %zu", p->nout, n);
	for (i = 0; i < n; i++)
		if (p->out[(p->outhead + i) % OUTQ_MAX].result.error != 0)
			errx(1, "refused: %s",
			    priv_reason(p->out[(p->outhead + i) % OUTQ_MAX]
					    .result.error));
	p->nout = 0;
}

/* ---- synchronisation */

enum how { KERNEL, TOOLS, RECORDS, HOWS };

static void
spawn(const char *const *argv)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid || status != 0)
		errx(1, "%s has failed", argv[0]);
}

static void
by_tools(void)
{
	spawn((const char *const[]){"wg", "setconf", IFACE, conf, NULL});
	spawn((const char *const[]){"ip", "-batch", batch, NULL});
}

static void
by_us(size_t n, enum how how)
{
	struct priv_result r = {.h.type = PRIV_RESULT};
	size_t i, k;

	for (i = 0; i < n; i += k) {
		for (k = 0; k < DISPATCH_ROUND && i + k < n; k++) {
			struct one *o = &set[i + k];

			if (how == RECORDS) {
				if (dispatch_one(
					p, &o->m, sizeof(o->m.peer_set)) == -1)
					errx(1, "malformed");
				continue;
			}
			apply_room(p);
			if (apply_set(p, &o->w, &r) != 0)
				errx(1, "no memory");
		}
		apply_flush(p);
		answered(k);
	}
}

static double
sync_once(size_t n, enum how how)
{
	int64_t at;
	double ms;

	fresh();
	at = clock_now();
	if (how == TOOLS)
		by_tools();
	else
		by_us(n, how);
	ms = ms_since(at);
	must_hold(n);
	return ms;
}

/* With all that policy asks is worth knowing, and slow: only once. */
static void
sync_rows(size_t n, size_t rounds)
{
	double v[RECORDS][16], m[RECORDS];
	size_t i, k;

	write_files(n);
	for (i = 0; i < rounds; i++)
		for (k = 0; k < RECORDS; k++) { /* another begins each time */
			enum how how = (enum how)((i + k) % RECORDS);

			v[how][i] = sync_once(n, how);
			fprintf(stderr, "%s %zu: %.1f ms\n",
			    how == TOOLS ? "tools" : "ours", n, v[how][i]);
		}
	for (k = 0; k < RECORDS; k++)
		m[k] = median(v[k], rounds);
	printf("first synchronisation of %zu peers, kernel part\tms\t%.1f\t"
	       "%.1f\t<=1.2\n",
	    n, m[KERNEL], m[TOOLS]);
	printf("the same with all that policy asks\tms\t%.1f\t%.1f\t-\n",
	    sync_once(n, RECORDS), m[TOOLS]);
	fflush(stdout);
}

/* ---- one change */

static int
family_cb(const struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *a;

	(void)arg;
	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID)
			family = mnl_attr_get_u16(a);
	}
	return MNL_CB_OK;
}

static struct nlmsghdr *
request(uint16_t type, uint8_t cmd)
{
	struct nlmsghdr *nlh = nl_request(&genl, type, NLM_F_ACK);
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));

	g->cmd = cmd;
	g->version = 1;
	return nlh;
}

static void
replace_open(void)
{
	struct nlmsghdr *nlh;

	if (nl_open(&genl, NETLINK_GENERIC) == -1)
		err(1, "netlink");
	nlh = request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
	if (nl_dump(&genl, nlh, family_cb, NULL, NULL) != 0 || family == 0)
		errx(1, "this kernel has no WireGuard");
}

static void
put(struct nlmsghdr *nlh, const struct wg_peer *w)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, 0), *list, *ip;
	struct sockaddr_storage ss;
	socklen_t len = ipport_to_sockaddr(&w->endpoint, &ss);

	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, WG_KEY_LEN, w->key);
	mnl_attr_put_u32(nlh, WGPEER_A_FLAGS, WGPEER_F_REPLACE_ALLOWEDIPS);
	mnl_attr_put(nlh, WGPEER_A_ENDPOINT, len, &ss);
	list = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	ip = mnl_attr_nest_start(nlh, 0);
	mnl_attr_put_u16(nlh, WGALLOWEDIP_A_FAMILY, AF_INET);
	mnl_attr_put(nlh, WGALLOWEDIP_A_IPADDR, 4, w->addr.b);
	mnl_attr_put_u8(nlh, WGALLOWEDIP_A_CIDR_MASK, 32);
	mnl_attr_nest_end(nlh, ip);
	mnl_attr_nest_end(nlh, list);
	mnl_attr_nest_end(nlh, nest);
}

/* All peers go, and n come. */
static double
replace_all(size_t n)
{
	int64_t at = clock_now();
	size_t i, k;

	for (i = 0; i < n; i += CHUNK) {
		struct nlmsghdr *nlh = request(family, WG_CMD_SET_DEVICE);
		struct nlattr *peers;

		mnl_attr_put_u32(nlh, WGDEVICE_A_IFINDEX, p->env.ifindex);
		if (i == 0)
			mnl_attr_put_u32(
			    nlh, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
		peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
		for (k = 0; k < CHUNK && i + k < n; k++)
			put(nlh, &set[i + k].w.w);
		mnl_attr_nest_end(nlh, peers);
		if (nl_ack(&genl, nlh) != 0)
			errx(1, "peers are not replaced");
	}
	return ms_since(at);
}

static double
change(const void *m, size_t len)
{
	int64_t at = clock_now();

	if (dispatch_one(p, m, len) == -1)
		errx(1, "malformed");
	apply_flush(p);
	answered(1);
	return ms_since(at);
}

static double
leave(const struct one *o)
{
	struct priv_peer_del d = {.h.type = PRIV_PEER_DEL};

	memcpy(d.key, o->w.w.key, WG_KEY_LEN);
	/* A second and more between two of them, as far as it knows. */
	p->env.now += 1000;
	return change(&d, sizeof(d));
}

/* The kernel's part alone, and with all that policy asks. */
static double
join(const struct one *o, bool record)
{
	struct priv_result r = {.h.type = PRIV_RESULT};
	int64_t at = clock_now();

	if (record)
		return change(&o->m, sizeof(o->m.peer_set));
	apply_room(p);
	if (apply_set(p, &o->w, &r) != 0)
		errx(1, "no memory");
	apply_flush(p);
	answered(1);
	return ms_since(at);
}

/* A mesh of n: medians of one join, one leave, and all replaced. */
struct cost {
	double join, judged, leave, all;
};

static struct cost
cost_of(size_t n, size_t rounds)
{
	double j[EXTRA], l[EXTRA], r[16], judged;
	size_t i;

	fresh();
	by_us(n, KERNEL);
	for (i = 0; i < EXTRA; i++)
		j[i] = join(&set[n + i], true);
	judged = median(j, EXTRA);
	for (i = 0; i < EXTRA; i++)
		(void)leave(&set[n + i]);
	must_hold(n);
	for (i = 0; i < EXTRA; i++)
		j[i] = join(&set[n + i], false);
	must_hold(n + EXTRA);
	for (i = 0; i < EXTRA; i++)
		l[i] = leave(&set[n + i]);
	must_hold(n);
	for (i = 0; i < rounds; i++)
		r[i] = replace_all(n);
	must_hold(n);
	return (struct cost){
	    median(j, EXTRA), judged, median(l, EXTRA), median(r, rounds)};
}

static void
change_rows(const size_t *sizes, size_t nsizes, size_t rounds)
{
	struct cost c = {0, 0, 0, 0}, first = c;
	size_t i;

	for (i = 0; i < nsizes; i++) {
		c = cost_of(sizes[i], rounds);
		fprintf(stderr, "mesh of %zu: join %.3f leave %.3f all %.1f\n",
		    sizes[i], c.join, c.leave, c.all);
		printf("one join in a mesh of %zu\tms\t%.3f\t%.1f\t%s\n",
		    sizes[i], c.join, c.all, i + 1 < nsizes ? "-" : "<=1/500");
		printf("the same with all that policy asks\tms\t%.3f\t%.1f\t"
		       "-\n",
		    c.judged, c.all);
		printf("one leave in a mesh of %zu\tms\t%.3f\t%.1f\t%s\n",
		    sizes[i], c.leave, c.all, i + 1 < nsizes ? "-" : "<=1/500");
		fflush(stdout);
		if (i == 0)
			first = c;
	}
	if (nsizes < 2)
		return;
	/* Five times the mesh: half as much more would be growth. */
	printf("one join, mesh of %zu and of %zu\tms\t%.3f\t%.3f\t<=1.5\n",
	    sizes[nsizes - 1], sizes[0], c.join, first.join);
	printf("one leave, mesh of %zu and of %zu\tms\t%.3f\t%.3f\t<=1.5\n",
	    sizes[nsizes - 1], sizes[0], c.leave, first.leave);
}

static void
start(void)
{
	uint8_t pub[WG_KEY_LEN];
	int r;

	if (sodium_init() == -1 || unshare(CLONE_NEWNET) == -1)
		err(1, "a network namespace");
	wgkey_make(privkey);
	crypto_scalarmult_base(pub, privkey);
	if (ipnet_parse("10.0.0.0/8", &pol.overlay) != 0 ||
	    (p = calloc(1, sizeof(*p))) == NULL)
		errx(1, "start");
	strlcpy(pol.interface, IFACE, sizeof(pol.interface));
	p->env.pol = &pol;
	p->env.now = 1000;
	p->env.wall = 1700000000;
	p->boundary = -1;
	p->said = (struct bucket){.rate = 1, .burst = 5};
	p->changes = (struct bucket){.rate = 1000000, .burst = MAX_PEERS};
	memcpy(p->env.pubkey, pub, WG_KEY_LEN);
	strlcpy(p->name, "vm", sizeof(p->name));
	(void)overlay_first(&pol.overlay, "vm", 2, 0, &self);
	if ((r = rtnl_open()) != 0 || (r = rtnl_link_create(IFACE)) != 0 ||
	    (r = wg_open(IFACE, "wireguard")) != 0)
		errx(1, "this kernel has no WireGuard: %s", strerror(-r));
	replace_open();
}

int
main(int argc, char **argv)
{
	static const size_t full[] = {1000, 5000}, little[] = {100};
	const size_t *sizes = full, nfull = 2;
	size_t i, n = nfull, rounds = 3;
	int fd;

	if (argc != 2)
		errx(2, "usage: kernel full|short");
	if (strcmp(argv[1], "full") != 0) {
		sizes = little;
		n = rounds = 1;
	}
	start();
	for (i = 0; i < sizes[n - 1] + EXTRA; i++)
		one_make(i);
	if ((fd = mkstemp(conf)) == -1 || close(fd) == -1 ||
	    (fd = mkstemp(batch)) == -1 || close(fd) == -1)
		err(1, "files");
	change_rows(sizes, n, rounds);
	for (i = 0; i < n; i++)
		sync_rows(sizes[i], rounds);
	(void)unlink(conf);
	(void)unlink(batch);
	return 0;
}
