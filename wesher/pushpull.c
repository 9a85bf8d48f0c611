/*
 * Full exchanges, part of the core in the gossip process: the whole table over
 * a stream, at joins and then now and again with somebody at random. The state
 * of the other side is authenticated but may be hostile: its framing is
 * checked to the end before one entry has an effect, its count allocates
 * nothing, and an entry that is no good is dropped alone.
 *
 * Members of the original deadlock for good when more than about 100 events
 * meet them at once, so one exchange carries at most 64 entries that such a
 * member lacks. What it lacks shows from what it lists: an answer is rationed
 * by the request that asked for it, and our own exchange with an original in a
 * larger mesh begins with a look (Nodes = 0), then carries one burst of what
 * the answer lacked; after two seconds the next look tells what is still
 * missing. Nothing has to be remembered between exchanges, so nothing can go
 * stale. Members of ours get everything at once.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../common/check.h"
#include "swim_int.h"

#define HEAD_ROOM 64 /* the header, encoded */
#define NODE_ROOM 96 /* keys and integers of an entry */

/*
 * Entries of one exchange that may have an effect: far more than any mesh has,
 * far fewer than fit into a stream. Each may be an event and a line in the log.
 */
#define MERGE_MAX (4 * MAX_PEERS)

bool
pushpull_is_big(const struct swim *s)
{
	return s->t.n > ORIGINAL_BURST;
}

/* Would the other side see an event if we sent this one? */
static bool
is_lacking(const struct member *m)
{
	return m->mark == MARK_NEWS ||
	       (m->mark == MARK_NONE && m->state == MEMBER_ALIVE);
}

unsigned
pushpull_news(const struct swim *s)
{
	unsigned i, n = 0;

	for (i = 0; i < s->t.n; i++)
		n += is_lacking(s->t.list[i]);
	return n;
}

void
pushpull_unmark(struct swim *s)
{
	unsigned i;

	for (i = 0; i < s->t.n; i++)
		s->t.list[i]->mark = MARK_NONE;
}

static size_t
state_bound(const struct swim *s)
{
	size_t n = HEAD_ROOM;
	unsigned i;

	for (i = 0; i < s->t.n; i++)
		n += NODE_ROOM + s->t.list[i]->namelen + s->t.list[i]->metalen;
	return n;
}

static ssize_t
put_member(uint8_t *buf, size_t cap, const struct member *m)
{
	const struct member_card *c = member_card(m);
	struct wire_node n = {
	    .name = {(const uint8_t *)m->name, m->namelen},
	    .addr = {c->addr, c->addrlen},
	    .port = c->wire_port,
	    .meta = {member_meta(m), m->metalen},
	    .incarnation = m->incarnation,
	    .state = m->state,
	    .vsn = {c->vsn, sizeof(c->vsn)},
	};

	return wire_put_node(buf, cap, &n);
}

/* Does m belong into a state of that kind? Counts the budget down. */
static bool
is_wanted(enum pushpull_what what, const struct member *m, unsigned *budget)
{
	if (what == STATE_ALL)
		return true;
	if (!is_lacking(m))
		return what != STATE_NEWS;
	if (what == STATE_KNOWN || *budget == 0)
		return false;
	(*budget)--;
	return true;
}

/* Encode what is wanted behind the header's room. Returns the end. */
static size_t
put_members(struct swim *s, enum pushpull_what what, uint8_t *buf, size_t cap,
    uint32_t *nodes)
{
	unsigned i, budget = ORIGINAL_BURST - 1;
	unsigned first = swim_random(s, s->t.n);
	size_t len = HEAD_ROOM;
	ssize_t n;

	/* Ourselves always, then from anywhere: should it have to be cut, the
	 * next one begins elsewhere. */
	for (i = 0; i <= s->t.n && len < PUSHPULL_MAX; i++) {
		struct member *m = s->self;

		if (i > 0) {
			m = s->t.list[(first + i) % s->t.n];
			if (m->is_self || !is_wanted(what, m, &budget))
				continue;
		}
		if ((n = put_member(buf + len, cap - len, m)) == -1)
			break;
		len += (size_t)n;
		(*nodes)++;
	}
	return len;
}

uint8_t *
pushpull_build(struct swim *s, enum pushpull_what what, bool join, size_t *len)
{
	struct wire_pushpull head = {.join = join};
	size_t cap = what == STATE_NONE ? HEAD_ROOM : state_bound(s);
	size_t end = HEAD_ROOM;
	uint8_t *buf = malloc(cap);
	ssize_t n;

	if (buf == NULL)
		return NULL;
	if (what != STATE_NONE)
		end = put_members(s, what, buf, cap, &head.nodes);
	n = wire_put_pushpull(buf, HEAD_ROOM, &head);
	if (n == -1) {
		free(buf);
		return NULL;
	}
	memmove(buf + n, buf + HEAD_ROOM, end - HEAD_ROOM);
	*len = (size_t)n + end - HEAD_ROOM;
	return buf;
}

static bool
is_self(const struct swim *s, const struct wire_node *n)
{
	return n->name.len == s->self->namelen &&
	       memcmp(n->name.p, s->self->name, n->name.len) == 0;
}

/* Remember for a member of ours what the other side said about it. Returns it
 * if that has the metadata that we know. */
static struct member *
scan_mark(struct swim *s, const struct wire_node *n)
{
	struct member *m = s->self;
	bool same_meta;

	if (!is_self(s, n))
		m = s->t.n < 2 ? NULL
			       : member_find(&s->t, (const char *)n->name.p,
				     n->name.len);
	if (m == NULL)
		return NULL;
	same_meta = m->metalen == n->meta.len &&
		    (m->metalen == 0 ||
			memcmp(member_meta(m), n->meta.p, m->metalen) == 0);
	m->mark = MARK_NEWS;
	if ((m->state >= MEMBER_DEAD) == (n->state >= WIRE_S_DEAD) &&
	    (n->incarnation >= m->incarnation || same_meta))
		m->mark = MARK_KNOWN;
	return same_meta ? m : NULL;
}

static void
scan_self(const struct swim *s, const struct wire_node *n,
    const struct ipport *addr, struct pushpull_look *look)
{
	struct ipport mine;

	member_ipport(s->self, &mine);
	look->self = true;
	look->self_here = ipport_cmp(&mine, addr) == 0;
	look->self_ghost = n->state != WIRE_S_LEFT && ghost_is(s, addr);
	look->self_addr = n->addr;
	look->self_meta = n->meta;
	look->self_at = *addr;
	look->self_inc = n->incarnation;
	look->self_state = n->state;
}

static void
scan_node(struct swim *s, const struct wire_node *n, const struct via *v,
    struct pushpull_look *look)
{
	struct ipport addr = {.port = swim_port(s, n->port)};
	const struct member *same = scan_mark(s, n);
	bool ours = same != NULL
			? same->ours
			: s->ops->is_ours(s->arg, n->meta.p, n->meta.len);

	look->entries++;
	if (ipaddr_from_bytes(n->addr.p, n->addr.len, &addr.ip) == -1)
		return;
	if (is_self(s, n)) {
		scan_self(s, n, &addr, look);
		return;
	}
	if (n->state >= WIRE_S_DEAD)
		return;
	look->alive++;
	look->originals += !ours;
	if (!merge_direct(v, &addr))
		return;
	look->ours = look->sender.ip.len == 0 ? ours : look->ours && ours;
	if (look->sender.ip.len == 0 || !ours)
		look->sender = addr;
}

int
pushpull_scan(struct swim *s, const uint8_t *body, size_t len,
    const struct via *v, struct pushpull_look *look)
{
	struct wire_node n;
	struct mp_in in;
	uint32_t i;

	memset(look, 0, sizeof(*look));
	mp_in_init(&in, body, len);
	if (wire_get_pushpull(&in, &look->head) == -1)
		return -1;
	for (i = 0; i < look->head.nodes; i++) {
		if (wire_get_node(&in, &n) == -1) {
			pushpull_unmark(s);
			return -1;
		}
		scan_node(s, &n, v, look);
	}
	if ((size_t)(in.end - in.p) < look->head.user_len) {
		pushpull_unmark(s);
		return -1;
	}
	if (look->alive > 0 && look->originals == 0)
		look->ours = true;
	if (look->self && look->self_here && look->self_state < WIRE_S_DEAD)
		self_listed(s);
	if (look->self_ghost)
		ghost_leave(
		    s, look->self_inc, v->request ? &look->sender : &v->src);
	return 0;
}

void
pushpull_report(struct swim *s, const uint8_t *body, size_t len)
{
	struct wire_pushpull head;
	struct swim_seen e;
	struct wire_node n;
	struct mp_in in;
	uint32_t i;

	mp_in_init(&in, body, len);
	if (s->ops->seen == NULL || wire_get_pushpull(&in, &head) == -1)
		return;
	if (head.nodes > MERGE_MAX)
		head.nodes = MERGE_MAX;
	for (i = 0; i < head.nodes && wire_get_node(&in, &n) == 0; i++) {
		if (is_self(s, &n) || !merge_node_ok(s, &n, &e.addr))
			continue;
		e.name = (const char *)n.name.p;
		e.namelen = n.name.len;
		e.meta = n.meta.p;
		e.metalen = n.meta.len;
		e.state = (enum member_state)n.state;
		s->ops->seen(s->arg, &e);
	}
}

void
pushpull_merge(
    struct swim *s, const uint8_t *body, size_t len, const struct via *v)
{
	struct ipport few[FEW];
	unsigned nfew = meet_few(s, few), before = s->joined;
	struct wire_pushpull head;
	struct wire_node n;
	struct mp_in in;
	uint32_t i;

	mp_in_init(&in, body, len);
	if (s->mode > SWIM_LEAVING || wire_get_pushpull(&in, &head) == -1)
		return;
	s->count.pushpulls++;
	if (head.nodes > MERGE_MAX)
		head.nodes = MERGE_MAX;
	/* It was read to the end before: there are so many. */
	member_expect(
	    &s->t, head.nodes < s->max_members ? head.nodes : s->max_members);
	for (i = 0; i < head.nodes && wire_get_node(&in, &n) == 0; i++)
		merge_node(s, &n, v);
	/* One newcomer is news to everybody: gossip does. */
	if (s->joined - before > 1)
		meet_groups(s, few, nfew, &v->sender);
	reports_tell(s, body, len, &v->sender);
}

static uint8_t *
error_message(const char *text, size_t *len)
{
	uint8_t *buf = malloc(128);
	ssize_t n = buf == NULL ? -1 : wire_put_err(buf, 128, text);

	if (n == -1) {
		free(buf);
		return NULL;
	}
	*len = (size_t)n;
	return buf;
}

void
pushpull_answered(struct swim *s, const struct ipport *a)
{
	struct member *m = member_find_addr(&s->t, a);

	if (m != NULL)
		evict_answered(s, m);
}

static struct feed *
feed_find(const struct swim *s, const struct ipport *to)
{
	struct feed *f;

	TAILQ_FOREACH (f, &s->feeds, entry)
		if (ipport_cmp(&f->to, to) == 0)
			return f;
	return NULL;
}

/* What to answer a state with: originals get it in portions. */
static enum pushpull_what
answer_with(const struct swim *s, const struct pushpull_look *look)
{
	/* Whoever lists nobody only looks, and loads nothing. */
	if (look->head.nodes == 0 || look->ours || !pushpull_is_big(s))
		return STATE_ALL;
	return feed_find(s, &look->sender) != NULL ? STATE_KNOWN
						   : STATE_RATIONED;
}

/*
 * We know nobody, and this comes from a mesh that has our name elsewhere: to
 * merge it would be the join that join_judge refuses, from the other end.
 */
static bool
is_namesakes(const struct swim *s, const struct pushpull_look *look)
{
	return s->t.n < 2 && look->self && !look->self_here &&
	       look->self_state < WIRE_S_DEAD;
}

/* The namesake is told who has the name; others shall not think that they have
 * reached us, and ask again. */
static void
refuse_namesake(struct swim *s, const struct ipport *from,
    const struct pushpull_look *look, uint8_t **reply, size_t *replylen)
{
	swim_emit_conflict(s, s->self, &look->self_at);
	if (ipaddr_eq(&look->self_at.ip, &from->ip))
		*reply = pushpull_build(
		    s, STATE_ALL, look->head.join, replylen);
}

/* Who comes can be told to nobody, not even to one that we are asking now. */
static bool
is_alone(const struct swim *s)
{
	return s->t.n < 2 && TAILQ_EMPTY(&s->streams);
}

int
pushpull_request(struct swim *s, const struct ipport *from, const uint8_t *body,
    size_t len, uint8_t **reply, size_t *replylen)
{
	struct via v = {.src = *from,
	    .request = true,
	    .stream = true,
	    .quiet = is_alone(s)};
	struct pushpull_look look;
	enum pushpull_what what;
	unsigned news;

	if (pushpull_scan(s, body, len, &v, &look) == -1) {
		s->count.bad_message++;
		s->count.asked_failed++;
		*reply = error_message("malformed state", replylen);
		return -1;
	}
	if (is_namesakes(s, &look)) {
		s->count.asked_failed++;
		refuse_namesake(s, from, &look, reply, replylen);
		pushpull_unmark(s);
		return 0;
	}
	what = answer_with(s, &look);
	*reply = pushpull_build(s, what, look.head.join, replylen);
	news = what != STATE_ALL ? pushpull_news(s) : 0;
	pushpull_unmark(s);
	v.sender = look.sender;
	s->count.asked_ok++;
	pushpull_merge(s, body, len, &v);
	pushpull_answered(s, &look.sender);
	if (news > ORIGINAL_BURST && look.sender.ip.len != 0)
		pushpull_feed(s, &look.sender, 0);
	return 0;
}

uint32_t
pushpull_send(struct swim *s, const struct ipport *to, enum stream_use use,
    enum pushpull_what what, bool join)
{
	struct asked *st;
	uint8_t *msg;
	size_t len;

	if ((msg = pushpull_build(s, what, join, &len)) == NULL)
		return 0;
	if ((st = asked_new(s, use, to)) == NULL) {
		free(msg);
		return 0;
	}
	swim_count(&s->count.out, WIRE_PUSHPULL, len);
	s->ops->stream(s->arg, st->id, SWIM_STREAM_PUSHPULL, to, msg, len);
	free(msg);
	return st->id;
}

void
pushpull_start(struct swim *s, const struct ipport *to, enum stream_use use)
{
	const struct member *m = member_find_addr(&s->t, to);

	if (use == USE_PERIODIC && pushpull_is_big(s) &&
	    (m == NULL || !m->ours))
		use = USE_FEED;
	if (!swim_connects(s, to))
		return;
	/* It is being fed: the next look is less than two seconds away. */
	if (use == USE_FEED && feed_find(s, to) != NULL)
		return;
	(void)pushpull_send(
	    s, to, use, use == USE_FEED ? STATE_NONE : STATE_ALL, false);
}

int
pushpull_reply(
    struct swim *s, const struct asked *st, const uint8_t *body, size_t len)
{
	struct via v = {.src = st->to, .stream = true, .sender = st->to};
	struct pushpull_look look;
	unsigned news, before = s->joined;

	if (pushpull_scan(s, body, len, &v, &look) == -1) {
		s->count.bad_message++;
		s->count.ours_failed++;
		return -1;
	}
	s->count.ours_ok++;
	pushpull_merge(s, body, len, &v);
	pushpull_answered(s, &st->to);
	if (s->joined != before && s->now < s->join_ends)
		join_exchange_soon(s);
	news = st->use == USE_FEED ? pushpull_news(s) : 0;
	if (news > 0 && s->mode == SWIM_RUN) {
		(void)pushpull_send(s, &st->to, USE_PERIODIC,
		    look.ours ? STATE_ALL : STATE_NEWS, false);
		/* As long as it gets on: some entries it may never take. */
		if (news > ORIGINAL_BURST && !look.ours &&
		    (st->lacked == 0 || news < st->lacked))
			pushpull_feed(s, &st->to, news);
	}
	pushpull_unmark(s);
	return 0;
}

void
pushpull_feed(struct swim *s, const struct ipport *to, unsigned lacked)
{
	struct feed *f;

	if (feed_find(s, to) != NULL || !swim_connects(s, to))
		return;
	if (s->nfeeds >= FEEDS_MAX || (f = calloc(1, sizeof(*f))) == NULL)
		return;
	f->to = *to;
	f->at = s->now + BURST_GAP;
	f->lacked = lacked;
	TAILQ_INSERT_TAIL(&s->feeds, f, entry);
	s->nfeeds++;
}

static void
feed_run(struct swim *s)
{
	struct feed *f;
	struct asked *st;
	uint32_t id;

	while ((f = TAILQ_FIRST(&s->feeds)) != NULL && f->at <= s->now) {
		TAILQ_REMOVE(&s->feeds, f, entry);
		s->nfeeds--;
		id = s->mode != SWIM_RUN ? 0
					 : pushpull_send(s, &f->to, USE_FEED,
					       STATE_NONE, false);
		st = TAILQ_LAST(&s->streams, asked_list);
		if (id != 0 && st->id == id)
			st->lacked = f->lacked;
		free(f);
	}
}

static bool
pushpull_may(const struct swim *s, const struct member *m)
{
	struct ipport to;

	member_ipport(m, &to);
	return spread_is_alive(s, m) && swim_connects(s, &to);
}

static bool
may_and_heard(const struct swim *s, const struct member *m)
{
	return spread_is_heard(m) && pushpull_may(s, m);
}

unsigned
pushpull_pick(struct swim *s, unsigned k, struct member **out)
{
	unsigned n = spread_pick(s, k, may_and_heard, NULL, out);

	return n > 0 ? n : spread_pick(s, 1, pushpull_may, NULL, out);
}

int64_t
pushpull_interval(const struct swim *s)
{
	int64_t mult = 1;

	if (s->t.n > 32)
		mult = (int64_t)ceil(log2(s->t.n) - 5.0) + 1;
	return s->prof->pushpull_interval * mult;
}

void
pushpull_run(struct swim *s)
{
	struct member *m;
	struct ipport to;

	feed_run(s);
	meet_run(s);
	if (s->now < s->next_pushpull || s->mode != SWIM_RUN)
		return;
	s->next_pushpull = s->t.n < 2 ? NEVER : s->now + pushpull_interval(s);
	if (pushpull_pick(s, 1, &m) == 0)
		return;
	member_ipport(m, &to);
	/* Behind a join most know all by now: look, and send what is lacking. */
	pushpull_start(s, &to,
	    pushpull_is_big(s) && s->now < s->join_ends ? USE_FEED
							: USE_PERIODIC);
}

int64_t
pushpull_deadline(const struct swim *s)
{
	const struct feed *f = TAILQ_FIRST(&s->feeds);
	const int64_t all[] = {f != NULL ? f->at : NEVER, meet_deadline(s),
	    s->mode == SWIM_RUN ? s->next_pushpull : NEVER};

	return swim_earliest(all, sizeof(all) / sizeof(all[0]));
}
