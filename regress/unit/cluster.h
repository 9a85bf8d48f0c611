#ifndef REGRESS_CLUSTER_H
#define REGRESS_CLUSTER_H

/*
 * Several members of the real core in one process: a virtual clock, a seeded
 * random source, and a network with latency, loss, partitions and members that
 * crash. The words are those of tarantool's SWIM tests. A failing run is
 * repeated by its seed, which is in the test.
 */
#include "rig.h"

#define CLUSTER_MAX 160

struct cluster;

struct node {
	struct cluster *c;
	unsigned i;
	char name[16];
	struct ipport addr;
	struct swim *s; /* NULL: crashed, or not started */
	uint32_t incarnation; /* of the next start */
	unsigned life; /* starts so far: old answers find nobody */
	struct swim *asleep; /* it does not run; s is NULL meanwhile */
	int64_t asleep_at, slept; /* its clock is behind by that */
	unsigned group; /* partition */
	bool original; /* metadata without the extension */
	unsigned joins, failed, left, suspected; /* events seen */
	unsigned updates_ready; /* alives from the member itself */
	bool leave_done;
	struct swim_join_result join;
};

enum arrival_kind { A_PACKET, A_REQUEST, A_REPLY, A_FAILED };

/* Something under way; the heap is ordered by time, then by age. */
struct arrival {
	int64_t at;
	uint64_t age;
	enum arrival_kind kind;
	struct node *to, *from;
	unsigned life; /* of the receiver of a reply */
	uint32_t id;
	uint8_t *msg;
	size_t len;
};

struct cluster {
	int64_t now;
	uint64_t seed, age;
	unsigned n;
	const struct swim_profile *prof;
	struct node node[CLUSTER_MAX];
	struct arrival *heap;
	size_t nheap, capheap;
	int64_t latency; /* one way; a quarter of it is jitter */
	double drop; /* of packets, 0 .. 1 */
	uint64_t packets, bytes;
	unsigned most_unknown; /* worst burst of news at an original */
};

static inline uint32_t
cluster_random(struct cluster *c)
{
	uint64_t z = c->seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)(z >> 32);
}

static inline bool
arrival_before(const struct arrival *a, const struct arrival *b)
{
	return a->at != b->at ? a->at < b->at : a->age < b->age;
}

static inline void
arrival_push(struct cluster *c, struct arrival a)
{
	size_t i, up;

	if (c->nheap == c->capheap) {
		c->capheap = c->capheap * 2 + 64;
		c->heap = reallocarray(c->heap, c->capheap, sizeof(a));
		assert_non_null(c->heap);
	}
	a.age = c->age++;
	for (i = c->nheap++; i > 0; i = up) {
		up = (i - 1) / 2;
		if (!arrival_before(&a, &c->heap[up]))
			break;
		c->heap[i] = c->heap[up];
	}
	c->heap[i] = a;
}

static inline struct arrival
arrival_pop(struct cluster *c)
{
	struct arrival top = c->heap[0], last = c->heap[--c->nheap];
	size_t i = 0, k;

	for (; (k = 2 * i + 1) < c->nheap; i = k) {
		if (k + 1 < c->nheap &&
		    arrival_before(&c->heap[k + 1], &c->heap[k]))
			k++;
		if (!arrival_before(&c->heap[k], &last))
			break;
		c->heap[i] = c->heap[k];
	}
	c->heap[i] = last;
	return top;
}

static inline int64_t
node_now(const struct node *n)
{
	return n->c->now - n->slept;
}

static inline struct node *
node_at(struct cluster *c, const struct ipport *a)
{
	unsigned i;

	for (i = 0; i < c->n; i++)
		if (ipport_cmp(&c->node[i].addr, a) == 0)
			return &c->node[i];
	return NULL;
}

static inline bool
connected(const struct node *a, const struct node *b)
{
	return a->s != NULL && b->s != NULL && a->group == b->group;
}

static inline int64_t
latency(struct cluster *c)
{
	return c->latency + cluster_random(c) % (c->latency / 4 + 1);
}

static inline uint8_t *
copy_of(const uint8_t *msg, size_t len)
{
	uint8_t *p = malloc(len == 0 ? 1 : len);

	assert_non_null(p);
	memcpy(p, msg, len);
	return p;
}

static inline void
node_send(void *arg, const struct ipport *to, const uint8_t *plain, size_t len)
{
	struct node *n = arg;
	struct arrival a = {.kind = A_PACKET, .from = n, .len = len};

	assert_true(len <= WIRE_PLAIN_MAX);
	n->c->packets++;
	n->c->bytes += len;
	a.to = node_at(n->c, to);
	if (a.to == NULL || n->group != a.to->group ||
	    cluster_random(n->c) < n->c->drop * 4294967296.0)
		return;
	a.at = n->c->now + latency(n->c);
	a.msg = copy_of(plain, len);
	arrival_push(n->c, a);
}

static inline void
node_stream(void *arg, uint32_t id, enum swim_stream_kind kind,
    const struct ipport *to, const uint8_t *msg, size_t len)
{
	struct node *n = arg;
	struct cluster *c = n->c;
	struct arrival a = {
	    .kind = A_REQUEST, .from = n, .id = id, .life = n->life};

	(void)kind;
	a.to = node_at(c, to);
	a.at = c->now + 2 * latency(c);
	a.msg = copy_of(msg, len);
	a.len = len;
	/* Refused at once, or no answer until the time is over. */
	if (a.to == NULL || !connected(n, a.to)) {
		a.kind = A_FAILED;
		if (a.to == NULL || a.to->group != n->group)
			a.at = c->now + c->prof->stream_timeout;
		a.to = n;
	}
	arrival_push(c, a);
}

static inline void
node_event(void *arg, const struct swim_event *ev)
{
	struct node *n = arg;

	n->joins += ev->type == SWIM_EV_JOIN;
	n->failed += ev->type == SWIM_EV_FAILED;
	n->left += ev->type == SWIM_EV_LEFT;
	n->suspected += ev->type == SWIM_EV_SUSPECT;
	n->leave_done |= ev->type == SWIM_EV_LEAVE_DONE;
	n->updates_ready +=
	    ev->direct && !ev->pushpull &&
	    (ev->type == SWIM_EV_UPDATE || ev->type == SWIM_EV_JOIN);
}

static inline void
node_join_done(void *arg, const struct swim_join_result *res)
{
	struct node *n = arg;

	n->join = *res;
	n->join.why = NULL;
}

static inline uint32_t
node_random(void *arg)
{
	return cluster_random(((struct node *)arg)->c);
}

static const struct swim_ops node_ops = {node_send, node_stream, node_event,
    node_join_done, rig_is_ours, node_random, NULL};

static inline void
cluster_start(struct cluster *c, unsigned i)
{
	struct node *n = &c->node[i];
	struct swim_config cfg = {.profile = c->prof,
	    .ops = &node_ops,
	    .arg = n,
	    .name = n->name,
	    .addr = n->addr.ip,
	    .port = PORT,
	    .meta = (const uint8_t *)(n->original ? "O" : "X"),
	    .metalen = 1,
	    .incarnation = n->incarnation,
	    .max_members = 16384};

	assert_null(n->s);
	n->s = swim_new(&cfg, c->now);
	assert_non_null(n->s);
	n->life++;
	n->leave_done = false;
	n->incarnation += 1000;
}

/* n members, node0.. at 10.0.x.y, started, who know nobody yet. */
static inline struct cluster *
cluster_new(unsigned n, const struct swim_profile *prof, uint64_t seed)
{
	struct cluster *c = calloc(1, sizeof(*c));
	char addr[24];
	unsigned i;

	assert_non_null(c);
	assert_true(n <= CLUSTER_MAX);
	c->n = n;
	c->seed = seed;
	c->prof = prof;
	c->now = SEC;
	c->latency = 20000;
	for (i = 0; i < n; i++) {
		struct node *p = &c->node[i];

		p->c = c;
		p->i = i;
		p->incarnation = 1000;
		snprintf(p->name, sizeof(p->name), "node%u", i);
		snprintf(
		    addr, sizeof(addr), "10.0.%u.%u", i / 200, i % 200 + 1);
		p->addr = ip(addr, PORT);
		cluster_start(c, i);
	}
	return c;
}

static inline void
cluster_free(struct cluster *c)
{
	unsigned i;

	for (i = 0; i < c->n; i++) {
		swim_free(c->node[i].s);
		swim_free(c->node[i].asleep);
	}
	while (c->nheap > 0)
		free(arrival_pop(c).msg);
	free(c->heap);
	free(c);
}

/* Gone without a word: what it sent still arrives. */
static inline void
cluster_crash(struct cluster *c, unsigned i)
{
	swim_free(c->node[i].s);
	c->node[i].s = NULL;
}

static inline void
cluster_join(struct cluster *c, unsigned i, unsigned j)
{
	memset(&c->node[i].join, 0, sizeof(c->node[i].join));
	swim_join(c->node[i].s, node_now(&c->node[i]), &c->node[j].addr, 0);
}

/* It does not run for a while, and its clock stands still. */
static inline void
cluster_sleep(struct cluster *c, unsigned i)
{
	struct node *n = &c->node[i];

	n->asleep = n->s;
	n->asleep_at = c->now;
	n->s = NULL;
}

static inline void
cluster_wake(struct cluster *c, unsigned i)
{
	struct node *n = &c->node[i];
	int64_t us = c->now - n->asleep_at;

	n->s = n->asleep;
	n->asleep = NULL;
	n->slept += us;
	swim_woke(n->s, node_now(n), us);
}

static inline void
set_drop(struct cluster *c, double drop)
{
	c->drop = drop;
}

/* Members first..last-1 talk among themselves only; group 0 is the rest. */
static inline void
set_partition(struct cluster *c, unsigned first, unsigned last, unsigned group)
{
	for (; first < last; first++)
		c->node[first].group = group;
}

/* How many of a request's entries its receiver does not have. */
static inline unsigned
unknown_to(const struct node *n, const uint8_t *msg, size_t len)
{
	struct wire_pushpull head;
	struct wire_node e;
	struct mp_in in;
	uint32_t i;
	unsigned news = 0;

	if (len == 0 || msg[0] != WIRE_PUSHPULL)
		return 0;
	mp_in_init(&in, msg + 1, len - 1);
	assert_int_equal(wire_get_pushpull(&in, &head), 0);
	for (i = 0; i < head.nodes; i++) {
		assert_int_equal(wire_get_node(&in, &e), 0);
		news += member_find(swim_members(n->s), (const char *)e.name.p,
			    e.name.len) == NULL;
	}
	return news;
}

static inline void
note_unknown(struct cluster *c, const struct node *n, const struct arrival *a)
{
	unsigned news = n->original ? unknown_to(n, a->msg, a->len) : 0;

	if (news > c->most_unknown)
		c->most_unknown = news;
}

static inline void
arrive_request(struct cluster *c, struct arrival *a)
{
	struct ipport from = {.ip = a->from->addr.ip, .port = 40000};
	struct arrival back = {
	    .kind = A_REPLY, .to = a->from, .life = a->life, .id = a->id};

	note_unknown(c, a->to, a);
	(void)swim_stream_request(a->to->s, node_now(a->to), &from, a->msg[0],
	    a->msg + 1, a->len - 1, &back.msg, &back.len);
	if (back.msg == NULL)
		back.kind = A_FAILED;
	back.at = c->now + latency(c);
	arrival_push(c, back);
}

static inline void
arrive(struct cluster *c, struct arrival *a)
{
	struct node *n = a->to;
	int64_t now = node_now(n);

	if (n->s == NULL || (a->kind >= A_REPLY && a->life != n->life))
		return;
	switch (a->kind) {
	case A_PACKET:
		assert_int_equal(
		    swim_packet(n->s, now, &a->from->addr, a->msg, a->len), 0);
		break;
	case A_REQUEST:
		arrive_request(c, a);
		break;
	case A_REPLY:
		note_unknown(c, n, a);
		swim_stream_reply(
		    n->s, now, a->id, a->msg[0], a->msg + 1, a->len - 1);
		/* As the mesh does when its tunnels are programmed. */
		swim_announce(n->s, now);
		break;
	case A_FAILED:
		swim_stream_failed(n->s, now, a->id, "no answer");
		break;
	}
}

/* The next moment at which something happens. */
static inline int64_t
cluster_next(struct cluster *c)
{
	int64_t next = c->nheap > 0 ? c->heap[0].at : INT64_MAX, due;
	unsigned i;

	for (i = 0; i < c->n; i++) {
		if (c->node[i].s == NULL)
			continue;
		due = swim_deadline(c->node[i].s);
		if (due != INT64_MAX)
			due += c->node[i].slept;
		if (due < next)
			next = due;
	}
	return next;
}

static inline void
cluster_step(struct cluster *c, int64_t next)
{
	struct arrival a;
	unsigned i;

	if (next > c->now)
		c->now = next;
	while (c->nheap > 0 && c->heap[0].at <= c->now) {
		a = arrival_pop(c);
		arrive(c, &a);
		free(a.msg);
	}
	for (i = 0; i < c->n; i++)
		if (c->node[i].s != NULL &&
		    swim_deadline(c->node[i].s) <= node_now(&c->node[i]))
			swim_tick(c->node[i].s, node_now(&c->node[i]));
}

static inline void
run_for(struct cluster *c, int64_t us)
{
	int64_t end = c->now + us, next;

	while ((next = cluster_next(c)) <= end)
		cluster_step(c, next);
	c->now = end;
}

/* What i holds about j: an enum member_state, or -1 when it knows nothing. */
static inline int
status(struct cluster *c, unsigned i, unsigned j)
{
	const char *name = c->node[j].name;
	struct member *m;

	m = member_find(swim_members(c->node[i].s), name, strlen(name));
	return m == NULL ? -1 : m->state;
}

/* Every running member but j itself holds j in that state. */
static inline bool
status_everywhere(struct cluster *c, unsigned j, int state)
{
	unsigned i;

	for (i = 0; i < c->n; i++)
		if (i != j && c->node[i].s != NULL && status(c, i, j) != state)
			return false;
	return true;
}

static inline bool
fullmesh(struct cluster *c)
{
	unsigned j;

	for (j = 0; j < c->n; j++)
		if (c->node[j].s != NULL &&
		    !status_everywhere(c, j, MEMBER_ALIVE))
			return false;
	return true;
}

/* Both return the virtual time that it took, or -1 when it took too long. */
static inline int64_t
wait_fullmesh(struct cluster *c, int64_t max)
{
	int64_t start = c->now;

	while (!fullmesh(c)) {
		if (c->now - start >= max)
			return -1;
		run_for(c, SEC / 20);
	}
	return c->now - start;
}

static inline int64_t
wait_status(struct cluster *c, unsigned j, int state, int64_t max)
{
	int64_t start = c->now;

	while (!status_everywhere(c, j, state)) {
		if (c->now - start >= max)
			return -1;
		run_for(c, SEC / 20);
	}
	return c->now - start;
}

/* All join member 0, one after another, and know each other. */
static inline struct cluster *
cluster_new_mesh(unsigned n, const struct swim_profile *prof, uint64_t seed)
{
	struct cluster *c = cluster_new(n, prof, seed);
	unsigned i;

	for (i = 1; i < n; i++) {
		cluster_join(c, i, 0);
		run_for(c, SEC / 5);
	}
	assert_true(wait_fullmesh(c, 60 * SEC) != -1);
	return c;
}

#endif
