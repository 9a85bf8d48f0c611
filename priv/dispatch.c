/*
 * wesher-priv's end of the boundary, design.md section 2. The gossip process
 * is hostile here: each record is checked for state, exact size and reserved
 * bytes before its meaning is. What is malformed ends the child; what is well
 * formed and refused is answered, counted and logged. Nothing is allocated
 * from a length, nothing blocks.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "../common/log.h"
#include "../common/logsock.h"
#include "../common/seqpacket.h"
#include "priv.h"

/* A record, and the answer that goes back or waits for the kernel. */
struct request {
	const union priv_msg *m;
	struct priv_result r;
};

static const char *const state_names[] = {
    "START", "READY", "UP", "SYNCED", "LEAVING"};

static void
transition(struct priv *p, enum priv_state to)
{
	log_debug("child: %s -> %s", state_names[p->state], state_names[to]);
	p->state = to;
}

void
dispatch_put(struct priv *p, const void *rec)
{
	const struct priv_hdr *h = rec;

	if (p->nout == OUTQ_MAX)
		fatalx("the queue towards the gossip process is full");
	if (p->nout == 0) {
		p->outhead = 0; /* the same memory again */
		p->sent = p->env.now; /* its silence begins now */
	}
	memcpy(&p->out[(p->outhead + p->nout++) % OUTQ_MAX], rec,
	    priv_type_size(h->type));
}

static int
do_ready(struct priv *p, struct request *q)
{
	(void)q;
	transition(p, PS_READY);
	p->repair_at = p->env.now + REPAIR_EVERY;
	return 0;
}

static int
do_self(struct priv *p, struct request *q)
{
	struct ipaddr a;
	int err;

	apply_flush(p);
	if (!bucket_take(&p->changes, p->env.now))
		return -EBUSY;
	err = policy_self(
	    &p->env, p->name, strlen(p->name), q->m->self.attempt, &a);
	priv_ip_to(&q->r.addr, &a);
	if (err != 0 || (err = rtnl_addr_set(p->env.ifindex, &a)) != 0)
		return err;
	/* Our old address takes the routes with it: it is their source. */
	if (!ipaddr_eq(&p->env.self, &a))
		p->repair_at = p->env.now;
	p->env.self = a;
	dispatch_put(p, &q->r);
	if (p->state == PS_READY)
		transition(p, PS_UP);
	return 0;
}

/* A second change of one peer waits for the first one's outcome. */
static struct peer *
settled(struct priv *p, const uint8_t *key)
{
	struct peer *q = peers_by_key(&p->env.peers, key);

	if (q == NULL || !q->pending)
		return q;
	apply_flush(p); /* may end in its removal */
	return peers_by_key(&p->env.peers, key);
}

static int
do_peer_set(struct priv *p, struct request *q)
{
	const struct priv_peer_set *s = &q->m->peer_set;
	struct want w = {.name = s->name,
	    .namelen = s->namelen,
	    .attempt = s->attempt,
	    .w = {.keepalive = (uint16_t)p->env.pol->keepalive}};
	int err = -EBUSY;

	memcpy(q->r.key, s->key, WG_KEY_LEN);
	memcpy(w.w.key, s->key, WG_KEY_LEN);
	w.hosts = s->flags & PRIV_PEER_HOSTS &&
		  hosts_unfit(s->name, s->namelen, p->name,
		      p->env.pol->hosts_domains) == NULL;
	w.reset = memcmp(s->oldkey, s->key, WG_KEY_LEN) == 0;
	if (!w.reset && !check_is_zero(s->oldkey, WG_KEY_LEN)) {
		w.oldkey = s->oldkey;
		(void)settled(p, s->oldkey);
	}
	(void)settled(p, s->key);
	if (bucket_take(&p->changes, p->env.now) &&
	    priv_ip_from(&w.w.addr, &s->addr) &&
	    priv_ep_from(&w.w.endpoint, &s->endpoint))
		err = policy_peer(&p->env, &w);
	priv_ip_to(&q->r.addr, &w.w.addr);
	return err != 0 ? err : apply_set(p, &w, &q->r);
}

static int
do_peer_del(struct priv *p, struct request *q)
{
	const uint8_t *key = q->m->peer_del.key;
	struct peer *old = settled(p, key);

	memcpy(q->r.key, key, WG_KEY_LEN);
	if (old == NULL)
		return -ENOENT;
	if (!bucket_take(&p->changes, p->env.now))
		return -EBUSY;
	apply_del(p, old, &q->r);
	return 0;
}

static int
do_sync(struct priv *p, struct request *q)
{
	struct peer *f, *next;

	(void)q;
	transition(p, PS_SYNCED);
	apply_flush(p);
	repair_dump(p);
	for (f = peers_from(&p->env.peers, NULL); f != NULL; f = next) {
		next = peers_next(f);
		if (!f->adopted)
			continue;
		apply_room(p);
		apply_route(p, true, &f->w.addr);
		apply_wg(p, WG_DEL, &f->w);
		peers_remove(&p->env.peers, f, p->env.now, p->env.wall);
	}
	duty_hosts_changed(p);
	return 0;
}

static int
do_alive(struct priv *p, struct request *q)
{
	p->alive = q->m->alive;
	notify_alive(p->alive.members, p->alive.alive, p->alive.failed);
	return 0;
}

static int
do_stats(struct priv *p, struct request *q)
{
	if (p->stats)
		return -EBUSY;
	apply_flush(p);
	repair_dump(p);
	p->stats = true;
	p->stats_seq = q->m->h.seq;
	memset(p->stats_at, 0, sizeof(p->stats_at));
	return 0;
}

#define IN(s) (1u << PS_##s)
/*
 * What may be asked, and when. A handler returns 0 (and has answered, or
 * apply_flush() will, or there is no answer), or -errno to refuse.
 */
static const struct {
	enum priv_type type;
	unsigned states;
	int (*handler)(struct priv *, struct request *);
} table[] = {
    {PRIV_READY, IN(START), do_ready},
    {PRIV_SELF, IN(READY) | IN(UP) | IN(SYNCED), do_self},
    {PRIV_PEER_SET, IN(UP) | IN(SYNCED), do_peer_set},
    {PRIV_PEER_DEL, IN(UP) | IN(SYNCED), do_peer_del},
    {PRIV_SYNC, IN(UP), do_sync},
    {PRIV_ALIVE, IN(START) | IN(READY) | IN(UP) | IN(SYNCED), do_alive},
    {PRIV_STATS, IN(UP) | IN(SYNCED), do_stats},
};

static int
malformed(const union priv_msg *m, size_t n, const char *what)
{
	log_errorx("boundary: %s: %s (%zu bytes)\tevent=boundary",
	    n < sizeof(m->h) ? "?" : priv_type_name(m->h.type), what, n);
	return -1;
}

static void
refuse(struct priv *p, struct request *q, int err)
{
	char addr[IPADDR_STRLEN];
	struct ipaddr a;

	p->refused++;
	if (bucket_take(&p->said, p->env.now))
		log_info("%s refused: %s %s: %s\tevent=refused",
		    priv_type_name(q->r.request),
		    q->m->h.type == PRIV_PEER_SET ? q->m->peer_set.name : "",
		    priv_ip_from(&a, &q->r.addr) && a.len ? ipaddr_str(&a, addr)
							  : "",
		    priv_reason(-err));
	q->r.error = -err;
	dispatch_put(p, &q->r);
}

int
dispatch_one(struct priv *p, const union priv_msg *m, size_t n)
{
	struct request q = {.m = m, .r = {.h.type = PRIV_RESULT}};
	size_t i, end = sizeof(table) / sizeof(table[0]);
	int err;

	if (n < sizeof(m->h))
		return malformed(m, n, "no header");
	for (i = 0; i < end && table[i].type != m->h.type; i++)
		;
	if (i == end)
		return malformed(m, n, "unknown type");
	/* What was under way when we said LEAVE is no offence. */
	if (p->state != PS_LEAVING && !(table[i].states & (1u << p->state)))
		return malformed(m, n, "not allowed now");
	if (n != priv_type_size(m->h.type))
		return malformed(m, n, "wrong size");
	if (!priv_sane(m))
		return malformed(m, n, "reserved bytes in use");
	p->heard = p->env.now;
	if (p->state == PS_LEAVING)
		return 0;
	apply_room(p);
	q.r.h.seq = m->h.seq;
	q.r.request = m->h.type;
	if ((err = table[i].handler(p, &q)) != 0)
		refuse(p, &q, err);
	return 0;
}

int
dispatch_read(struct priv *p)
{
	union priv_msg m;
	ssize_t n;
	int i, rv = 0;

	for (i = 0; i < DISPATCH_ROUND && rv == 0; i++) {
		memset(&m, 0, sizeof(m));
		n = seqpacket_recv(p->boundary, &m, sizeof(m));
		if (n == -1 && errno == EAGAIN)
			break;
		rv = n > 0 ? dispatch_one(p, &m, (size_t)n) : -1;
		/* ECONNRESET: it ended with something unread. */
		if (n == -1 && errno == EBADMSG)
			log_errorx("boundary: a file descriptor came along");
		else if (n == -1 && errno != ECONNRESET)
			log_error("boundary");
		else if (n <= 0 && p->state != PS_LEAVING)
			log_errorx("boundary: end of file or empty record");
	}
	apply_flush(p);
	return rv;
}

void
dispatch_hello(struct priv *p)
{
	struct priv_hello h = {.h = {.type = PRIV_HELLO},
	    .version = PRIV_VERSION,
	    .ifindex = p->env.ifindex,
	    .mtu = p->env.pol->mtu,
	    .adopted = (uint32_t)p->env.peers.nadopted,
	    .wgport = p->env.pol->wireguard_port,
	    .flags = wg_event_fd() == -1 ? 0 : PRIV_HELLO_USERSPACE,
	    .namelen = (uint8_t)strlen(p->name)};

	memcpy(h.key, p->env.pubkey, WG_KEY_LEN);
	memcpy(h.name, p->name, h.namelen);
	dispatch_put(p, &h);
	p->adopting = p->stats = h.adopted > 0;
}

/* One more STAT of the answer under way. */
static void
put_stat(struct priv *p)
{
	struct priv_stat st = {
	    .h = {.type = PRIV_STAT, .seq = p->adopting ? 0 : p->stats_seq}};
	struct peer *q = peers_from(&p->env.peers, p->stats_at), *next = NULL;

	if (q != NULL) {
		memcpy(st.key, q->w.key, WG_KEY_LEN);
		priv_ep_to(&st.endpoint, &q->k.endpoint);
		priv_ip_to(&st.addr, &q->w.addr);
		st.handshake = q->k.handshake;
		st.rx = q->k.rx;
		st.tx = q->k.tx;
		st.flags = q->adopted ? PRIV_STAT_ADOPTED : 0;
		next = peers_next(q);
	}
	if (next != NULL)
		memcpy(p->stats_at, next->w.key, WG_KEY_LEN);
	else if (!p->adopting)
		st.flags |= PRIV_STAT_LAST;
	dispatch_put(p, &st);
	if (next == NULL)
		p->stats = p->adopting = false;
}

int
dispatch_write(struct priv *p)
{
	const union priv_msg *m;

	if (!(dispatch_events(p) & POLLOUT))
		p->sent = p->env.now;
	while (dispatch_events(p) & POLLOUT) {
		if (p->nout == 0)
			put_stat(p);
		m = &p->out[p->outhead];
		if (seqpacket_send(p->boundary, m, priv_type_size(m->h.type)) ==
		    -1) {
			if (errno == EAGAIN)
				return 0;
			if (p->state != PS_LEAVING)
				log_error("boundary: cannot be written");
			return -1;
		}
		p->outhead = (p->outhead + 1) % OUTQ_MAX;
		p->nout--;
		p->sent = p->env.now;
	}
	return 0;
}

short
dispatch_events(const struct priv *p)
{
	short ev = p->nout > 0 || p->stats ? POLLOUT : 0;

	/* The adopted peers are told before any of them can change. */
	if (!p->adopting && p->nout + 2 * DISPATCH_ROUND <= OUTQ_MAX)
		ev |= POLLIN;
	return ev;
}

void
dispatch_end(struct priv *p, enum priv_type how)
{
	struct priv_bare b = {.h = {.type = (uint16_t)how}};

	apply_flush(p);
	transition(p, PS_LEAVING);
	dispatch_put(p, &b);
	p->sent = p->env.now;
}
