/*
 * Streams that we ask for, and joins, part of the core in the gossip process.
 * The answer comes from whoever sits at the address that the operator or a
 * name server gave us, and holds the key. A join that would steal a name, or
 * that reaches ourselves, is recognised before anything of it is merged
 * (protocol.md section 5, "Push/pull merge", "Join").
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "swim_int.h"

#define SECOND_EXCHANGE (4 * SEC)
#define JOIN_TIME	(30 * SEC)
#define RETURN_TIME	(20 * SEC) /* many in it are a heal */
#define RETURN_MANY	8
#define RETURN_SHARE	10 /* of one in so many members, at least */
#define RETURN_LATEST	(12 * SEC) /* however long more of them come */
#define RETURN_EACH	(120 * SEC) /* whoever makes them come and go */

struct asked *
asked_new(struct swim *s, enum stream_use use, const struct ipport *to)
{
	struct asked *st = calloc(1, sizeof(*st));

	if (st == NULL)
		return NULL;
	if (++s->next_id == 0)
		++s->next_id;
	st->id = s->next_id;
	st->use = use;
	st->to = *to;
	TAILQ_INSERT_TAIL(&s->streams, st, entry);
	return st;
}

/* Take the stream out of the list; the caller frees it. */
static struct asked *
asked_take(struct swim *s, uint32_t id)
{
	struct asked *st;

	TAILQ_FOREACH (st, &s->streams, entry)
		if (st->id == id) {
			TAILQ_REMOVE(&s->streams, st, entry);
			return st;
		}
	return NULL;
}

void
asked_free(struct swim *s)
{
	struct asked *st;

	while ((st = TAILQ_FIRST(&s->streams)) != NULL) {
		TAILQ_REMOVE(&s->streams, st, entry);
		free(st);
	}
}

uint32_t
swim_join(struct swim *s, int64_t now, const struct ipport *to, unsigned flags)
{
	if (now > s->now)
		s->now = now;
	if (flags & SWIM_JOIN_LOOK)
		return pushpull_send(s, to, USE_LOOK, STATE_NONE, false);
	return pushpull_send(
	    s, to, USE_JOIN, pushpull_is_big(s) ? STATE_NEWS : STATE_ALL, true);
}

static void
join_failed(struct swim *s, const struct asked *st, const char *why)
{
	struct swim_join_result res = {.id = st->id, .to = st->to, .why = why};

	if (st->use != USE_PING)
		s->count.ours_failed++;
	if (st->use == USE_JOIN || st->use == USE_LOOK)
		s->ops->join_done(s->arg, &res);
}

/* What the answer says about us, before it is merged. */
static void
join_judge(struct swim *s, const struct pushpull_look *look,
    struct swim_join_result *res)
{
	struct ipport mine;

	member_ipport(s->self, &mine);
	res->members = look->entries;
	res->only_self = ipport_cmp(&mine, &res->to) == 0 ||
			 (look->entries == 1 && look->self_here);
	if (!look->self || res->only_self)
		return;
	res->self_meta = look->self_meta.p;
	res->self_metalen = look->self_meta.len;
	res->self_inc = look->self_inc;
	res->listed = look->self_here && look->self_state < WIRE_S_DEAD;
	res->refused_name = !look->self_here && look->self_state < WIRE_S_DEAD;
	/* Who left may return in any form; ours has just been taken so. */
	if (look->self_here && look->self_state != WIRE_S_LEFT)
		self_adopt(s, &look->self_addr);
}

/*
 * Others that join now may miss us, and we them: their news is on its way
 * while we ask, and gossip reaches nearly everybody. One more exchange when it
 * has died down, instead of up to a minute later, and another as long as they
 * bring newcomers.
 */
void
join_exchange_soon(struct swim *s)
{
	int64_t at = s->now + SECOND_EXCHANGE + swim_random(s, SEC);

	if (at < s->next_pushpull)
		s->next_pushpull = at;
}

/*
 * When a mesh that was cut is whole again the news of all those is more than
 * gossip carries to everybody, and the next usual exchange is minutes away in a
 * large one: the same as behind a join, when the news has died down. Not at
 * anybody's whim: now and again, however often names come and go. (Whoever has
 * failed long ago is forgotten, so a return looks as any newcomer does.)
 */
void
join_returned(struct swim *s)
{
	int64_t latest;

	if (s->now - s->returns_at > RETURN_TIME) {
		s->returns_at = s->now;
		s->returns = 0;
		s->returns_end = 0;
	}
	s->returns++;
	if (s->returns < RETURN_MANY || s->returns < s->t.n / RETURN_SHARE ||
	    (s->returns_end != 0 && s->now >= s->returns_end))
		return;
	if (s->returns_end == 0) {
		if (s->now < s->returns_next || s->now < s->join_ends)
			return;
		s->returns_next = s->now + RETURN_EACH;
		s->returns_end = s->now + RETURN_LATEST;
		s->join_ends = s->returns_end + JOIN_TIME;
	}
	latest = s->now + SECOND_EXCHANGE + swim_random(s, 4 * SEC);
	s->next_pushpull = latest < s->returns_end ? latest : s->returns_end;
}

static void
join_merge(struct swim *s, const struct asked *st, const uint8_t *body,
    size_t len, const struct pushpull_look *look, struct swim_join_result *res)
{
	struct via v = {.src = st->to,
	    .stream = true,
	    .joining = true,
	    .sender = st->to,
	    .quiet = s->t.n < 2};
	bool few = pushpull_is_big(s);

	s->learned = 0;
	pushpull_merge(s, body, len, &v);
	pushpull_answered(s, &st->to);
	res->learned = s->learned;
	if (s->mode != SWIM_RUN)
		return;
	s->join_ends = s->now + JOIN_TIME;
	join_exchange_soon(s);
	/* The request held only what nobody can choke on: send the rest. */
	if (few && pushpull_news(s) > 0) {
		if (look->ours)
			(void)pushpull_send(
			    s, &st->to, USE_PERIODIC, STATE_ALL, false);
		else
			pushpull_feed(s, &st->to, 0);
	}
	if (!res->listed)
		self_listed_check(s, LISTED_CHECK);
}

static void
join_reply(
    struct swim *s, const struct asked *st, const uint8_t *body, size_t len)
{
	struct swim_join_result res = {.id = st->id, .to = st->to, .ok = true};
	struct via v = {.src = st->to, .stream = true};
	struct pushpull_look look;

	if (pushpull_scan(s, body, len, &v, &look) == -1) {
		s->count.bad_message++;
		join_failed(s, st, "the answer is malformed");
		return;
	}
	join_judge(s, &look, &res);
	if (look.self_ghost && look.self_state < WIRE_S_DEAD) {
		res.ok = res.refused_name = false;
		res.why = "it still has us at our former address";
	} else if (res.refused_name) {
		res.ok = false;
		res.why = "another member holds our name";
	} else if (st->use == USE_JOIN && !res.only_self)
		join_merge(s, st, body, len, &look, &res);
	else if (!res.only_self)
		pushpull_report(s, body, len);
	pushpull_unmark(s);
	if (res.ok)
		s->count.ours_ok++;
	else
		s->count.ours_failed++;
	s->ops->join_done(s->arg, &res);
}

static void
refused(struct swim *s, const struct asked *st, const uint8_t *body, size_t len)
{
	struct slice text;
	char why[160];

	if (wire_get_err(body, len, &text) == -1) {
		join_failed(s, st, "the answer is malformed");
		return;
	}
	snprintf(why, sizeof(why), "the other side says: %.*s",
	    text.len > 120 ? 120 : (int)text.len, (const char *)text.p);
	join_failed(s, st, why);
}

void
swim_stream_reply(struct swim *s, int64_t now, uint32_t id, uint8_t type,
    const uint8_t *body, size_t len)
{
	struct asked *st = asked_take(s, id);
	struct wire_ack ack;

	if (now > s->now)
		s->now = now;
	if (st == NULL)
		return;
	swim_count(&s->count.in, type, len + 1);
	if (st->use == USE_PING) {
		if (type == WIRE_ACK && wire_get_ack(body, len, &ack) == 0 &&
		    ack.seqno == st->seqno) {
			probe_ack(s, ack.seqno);
			elsewhere_ack(s, ack.seqno);
		}
	} else if (type == WIRE_ERR)
		refused(s, st, body, len);
	else if (type != WIRE_PUSHPULL)
		join_failed(s, st, "the answer is no state");
	else if (st->use == USE_JOIN || st->use == USE_LOOK)
		join_reply(s, st, body, len);
	else
		(void)pushpull_reply(s, st, body, len);
	free(st);
}

void
swim_stream_failed(struct swim *s, int64_t now, uint32_t id, const char *why)
{
	struct asked *st = asked_take(s, id);

	if (now > s->now)
		s->now = now;
	if (st == NULL)
		return;
	join_failed(s, st, why);
	free(st);
}

/* A ping over TCP is answered on its stream. */
static int
stream_ping(struct swim *s, const uint8_t *body, size_t len, uint8_t **reply,
    size_t *replylen)
{
	struct wire_ack ack = {.seqno = 0};
	struct wire_ping p;
	ssize_t n;

	if (wire_get_ping(body, len, &p) == -1) {
		s->count.bad_message++;
		return -1;
	}
	if (p.node.len != 0 &&
	    (p.node.len != s->self->namelen ||
		memcmp(p.node.p, s->self->name, p.node.len) != 0))
		return 0;
	ack.seqno = p.seqno;
	if ((*reply = malloc(64)) == NULL)
		return 0;
	n = wire_put_ack(*reply, 64, &ack);
	*replylen = n == -1 ? 0 : (size_t)n;
	return 0;
}

static int
stream_request(struct swim *s, const struct ipport *from, uint8_t type,
    const uint8_t *body, size_t len, uint8_t **reply, size_t *replylen)
{
	switch (type) {
	case WIRE_PING:
		return stream_ping(s, body, len, reply, replylen);
	case WIRE_PUSHPULL:
		return pushpull_request(s, from, body, len, reply, replylen);
	case WIRE_USER:
		return 0;
	}
	s->count.bad_message++;
	return -1;
}

int
swim_stream_request(struct swim *s, int64_t now, const struct ipport *from,
    uint8_t type, const uint8_t *body, size_t len, uint8_t **reply,
    size_t *replylen)
{
	int err;

	*reply = NULL;
	*replylen = 0;
	if (now > s->now)
		s->now = now;
	if (s->mode == SWIM_SILENT)
		return 0;
	swim_count(&s->count.in, type, len + 1);
	err = stream_request(s, from, type, body, len, reply, replylen);
	if (*reply != NULL && *replylen > 0)
		swim_count(&s->count.out, **reply, *replylen);
	return err;
}
