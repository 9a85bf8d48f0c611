/*
 * The simulated network. A packet is lost, doubled, late or too long by the
 * chance of the network alone, which is one sequence of the seed. A stream is
 * what its ends see of TCP: a connection that takes a round trip, a request, an
 * answer; refused where nobody runs, silent where the network is cut or the
 * other end is paused, late where segments were lost.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../wesher/seal.h"
#include "host_int.h"

#define UDP_HEADERS    28 /* IPv4 and UDP */
#define STREAM_HEADERS 300 /* of the packets that open and close one */
#define RTO	       SEC /* the first retransmission of a segment */

const struct network network_lan = {
    .kind = LATENCY_UNIFORM,
    .lo = 100,
    .hi = 1000,
    .jitter = 0.25,
    .mtu = 1500,
    .rate = 125e6,
};

const struct network network_wan = {
    .kind = LATENCY_LOGNORMAL,
    .lo = 10000,
    .hi = 150000,
    .median = 40000,
    .sigma = 0.6,
    .jitter = 0.1,
    .mtu = 1500,
    .rate = 12.5e6,
};

static double
uniform(uint64_t *state)
{
	return ((double)(sim_next(state) >> 11) + 0.5) * 0x1p-53;
}

static bool
chance(struct cluster *c, double p)
{
	return p > 0 && uniform(&c->net_chance) < p;
}

/* What lies between two members, the same in both directions. */
static int64_t
distance(const struct cluster *c, const struct node *a, const struct node *b)
{
	const struct network *net = &c->net;
	uint64_t lo = a->i < b->i ? a->i : b->i, hi = a->i ^ b->i ^ lo;
	uint64_t s = c->seed ^ (lo << 32 | hi) * 0xff51afd7ed558ccdu;
	double u = uniform(&s), z, us;

	if (net->kind == LATENCY_UNIFORM)
		return net->lo + (int64_t)(u * (double)(net->hi - net->lo));
	z = sqrt(-2 * log(u)) * cos(6.283185307179586 * uniform(&s));
	us = (double)net->median * exp(net->sigma * z);
	if (us < (double)net->lo)
		return net->lo;
	return us > (double)net->hi ? net->hi : (int64_t)us;
}

static int64_t
latency(struct cluster *c, const struct node *a, const struct node *b)
{
	double us = (double)distance(c, a, b);

	if (c->net.jitter > 0)
		us *= 1 + c->net.jitter * uniform(&c->net_chance);
	return us < 1 ? 1 : (int64_t)us;
}

bool
net_is_cut(
    const struct cluster *c, const struct node *from, const struct node *to)
{
	return (c->cut[from->group] >> to->group & 1) != 0;
}

static bool
is_lost(struct cluster *c, const struct node *from, const struct node *to)
{
	/* One after the other: each is asked whatever the others say. */
	bool any = chance(c, c->net.drop), out = chance(c, from->drop_out);

	return chance(c, to->drop_in) || any || out;
}

/* So long its packets stay at its door. */
static int64_t
held(const struct node *n)
{
	return n->held_until > n->c->now ? n->held_until - n->c->now : 0;
}

static void
packet_put(struct cluster *c, struct node *from, struct node *to,
    const uint8_t *plain, size_t len)
{
	uint32_t what = parcel_new(&c->q);
	struct parcel *p = parcel(&c->q, what);
	int64_t us = latency(c, from, to);

	p->kind = P_PACKET;
	p->from = from->i;
	p->to = to->i;
	p->len = (uint32_t)len;
	memcpy(p->small, plain, len);
	if (chance(c, c->net.reorder))
		us += (int64_t)((double)us * 4 * uniform(&c->net_chance));
	queue_put(&c->q, what, c->now + held(from) + us);
}

void
net_send(void *arg, const struct ipport *addr, const uint8_t *plain, size_t len)
{
	struct node *n = arg, *to;
	struct cluster *c = n->c;
	int i = cluster_at(c, addr);

	sim_assert(len <= WIRE_PLAIN_MAX);
	n->packets++;
	n->bytes += len + SEAL_OVERHEAD + UDP_HEADERS;
	if (i == -1)
		return;
	to = &c->node[i];
	sim_digest(c, (uint64_t)c->now << 20 ^ (uint64_t)n->i << 40 ^ to->i);
	sim_digest(c, len);
	if (c->cfg.packet != NULL)
		c->cfg.packet(c, n->i, to->i, plain, len);
	if (len + SEAL_OVERHEAD + UDP_HEADERS > c->net.mtu ||
	    net_is_cut(c, n, to) || is_lost(c, n, to))
		return;
	packet_put(c, n, to, plain, len);
	if (chance(c, c->net.duplicate))
		packet_put(c, n, to, plain, len);
}

/* A segment of a stream arrives after so long; NEVER: not in time. */
static int64_t
segment(struct cluster *c, const struct node *from, const struct node *to)
{
	int64_t us = 0, rto = RTO;

	while (is_lost(c, from, to)) {
		us += rto;
		rto *= 2;
		if (us > c->cfg.profile->stream_timeout)
			return NEVER;
	}
	return us + latency(c, from, to);
}

static int64_t
transfer(const struct cluster *c, size_t len)
{
	return c->net.rate <= 0 ? 0
				: (int64_t)((double)len * 1e6 / c->net.rate);
}

/* The asker hears that it failed, so much later. */
static void
fail_in(struct cluster *c, struct node *n, uint32_t id, int64_t us)
{
	uint32_t what = parcel_new(&c->q);
	struct parcel *p = parcel(&c->q, what);

	p->kind = P_FAILED;
	p->from = p->to = n->i;
	p->life = n->life;
	p->id = id;
	p->len = 0;
	queue_put(&c->q, what, c->now + us);
}

static void
stream_put(struct cluster *c, const struct parcel *head, uint8_t *msg,
    size_t len, int64_t us)
{
	uint32_t what = parcel_new(&c->q);
	struct parcel *p = parcel(&c->q, what);

	p->kind = head->kind;
	p->from = head->from;
	p->to = head->to;
	p->id = head->id;
	p->life = head->life;
	p->big = msg;
	p->len = (uint32_t)len;
	queue_put(&c->q, what, c->now + us);
}

/* Connect and send. Where nobody listens it is refused after a round trip. */
static void
stream_open(struct cluster *c, struct node *n, struct node *to, uint32_t id,
    const uint8_t *msg, size_t len)
{
	struct parcel head = {.kind = P_REQUEST, .from = n->i, .to = to->i};
	int64_t syn, back, data;
	uint8_t *copy;

	syn = segment(c, n, to);
	back = segment(c, to, n);
	data = segment(c, n, to);
	if (net_is_cut(c, n, to) || net_is_cut(c, to, n) || syn == NEVER ||
	    back == NEVER || data == NEVER) {
		fail_in(c, n, id, c->cfg.profile->stream_timeout);
		return;
	}
	if (to->s == NULL) {
		fail_in(c, n, id, syn + back);
		return;
	}
	/* Should the other end be paused, or die. */
	syn += held(n);
	fail_in(c, n, id, syn + back + c->cfg.profile->stream_timeout);
	copy = malloc(len + 1);
	sim_assert(copy != NULL);
	memcpy(copy, msg, len);
	head.id = id;
	head.life = n->life;
	stream_put(c, &head, copy, len, syn + back + data + transfer(c, len));
}

void
net_stream(void *arg, uint32_t id, enum swim_stream_kind kind,
    const struct ipport *addr, const uint8_t *msg, size_t len)
{
	struct node *n = arg;
	struct cluster *c = n->c;
	int i = cluster_at(c, addr);

	(void)kind;
	if (c->warm) {
		c->warm_id = id;
		return;
	}
	n->streams++;
	n->stream_bytes += len + SEAL_OVERHEAD + STREAM_HEADERS;
	sim_digest(c, (uint64_t)c->now ^ (uint64_t)n->i << 40);
	sim_digest(c, len);
	if (i != -1 && c->cfg.stream != NULL)
		c->cfg.stream(c, n->i, (unsigned)i, msg, len);
	if (i == -1)
		fail_in(c, n, id, c->cfg.profile->stream_timeout);
	else
		stream_open(c, n, &c->node[i], id, msg, len);
}

/* The other end closes without an answer. */
static void
closed(struct cluster *c, struct node *n, const struct parcel *p)
{
	struct node *asker = &c->node[p->from];

	if (asker->life == p->life && !net_is_cut(c, n, asker))
		fail_in(c, asker, p->id, latency(c, n, asker));
}

static void
take_request(struct cluster *c, struct node *n, struct parcel *p)
{
	struct node *asker = &c->node[p->from];
	struct ipport from = {.ip = asker->addr.ip, .port = 40000};
	struct parcel head = {.from = n->i, .to = p->from, .kind = P_REPLY};
	uint8_t *reply;
	size_t len;
	int64_t us;

	if (node_is_host(n))
		host_request(n, &from, p, &reply, &len);
	else
		(void)swim_stream_request(n->s, c->now, &from, p->big[0],
		    p->big + 1, p->len - 1, &reply, &len);
	if (reply == NULL) {
		closed(c, n, p);
		return;
	}
	n->stream_bytes += len + SEAL_OVERHEAD + STREAM_HEADERS;
	us = segment(c, n, asker);
	if (net_is_cut(c, n, asker) || us == NEVER) {
		free(reply);
		return;
	}
	head.id = p->id;
	head.life = p->life;
	stream_put(c, &head, reply, len, us + transfer(c, len));
}

static void
take_reply(struct cluster *c, struct node *n, struct parcel *p)
{
	swim_stream_reply(
	    n->s, c->now, p->id, p->big[0], p->big + 1, p->len - 1);
	/* As the mesh does when its tunnels are programmed. */
	swim_announce(n->s, c->now);
}

static void
take(struct cluster *c, struct node *n, struct parcel *p)
{
	int rc;

	if (n->s == NULL && p->kind == P_REQUEST)
		closed(c, n, p);
	if ((n->s == NULL && p->kind < P_ASK) ||
	    (p->kind >= P_REPLY && p->life != n->life))
		return;
	if (node_is_host(n) && p->kind != P_REQUEST) {
		host_take(n, p);
		return;
	}
	switch (p->kind) {
	case P_PACKET:
		if (c->cfg.arrive != NULL)
			c->cfg.arrive(c, p->from, p->to, p->small, p->len);
		rc = swim_packet(
		    n->s, c->now, &c->node[p->from].addr, p->small, p->len);
		sim_assert(rc == 0);
		break;
	case P_REQUEST:
		take_request(c, n, p);
		break;
	case P_REPLY:
		take_reply(c, n, p);
		break;
	case P_FAILED:
		swim_stream_failed(n->s, c->now, p->id, "no answer");
		break;
	default:
		break;
	}
}

void
net_arrive(struct cluster *c, uint32_t what)
{
	struct parcel *p = parcel(&c->q, what);
	struct node *n = &c->node[p->to];

	if (held(n) > 0 && p->kind < P_ASK) {
		queue_put(&c->q, what, n->held_until);
		return;
	}
	if (n->paused && n->s != NULL && p->kind != P_ASK) {
		p->next = 0;
		if (n->last != 0)
			parcel(&c->q, n->last)->next = what;
		else
			n->first = what;
		n->last = what;
		return;
	}
	take(c, n, p);
	parcel_free(&c->q, what);
}

void
net_release(struct cluster *c, struct node *n)
{
	uint32_t what;

	while ((what = n->first) != 0) {
		n->first = parcel(&c->q, what)->next;
		take(c, n, parcel(&c->q, what));
		parcel_free(&c->q, what);
	}
	n->last = 0;
}

void
net_discard(struct cluster *c, struct node *n)
{
	uint32_t what;

	while ((what = n->first) != 0) {
		n->first = parcel(&c->q, what)->next;
		parcel_free(&c->q, what);
	}
	n->last = 0;
}
