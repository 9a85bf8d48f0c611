/*
 * The broadcast queue, part of the core in the gossip process. Messages come
 * from our own encoders. A tree in the order of transmission, so that filling
 * a packet costs a search per message and not a walk over thousands of entries
 * when many members come and go at once.
 */
#include <stdlib.h>
#include <string.h>

#include "bcast.h"
#include "member.h"

static int
bcast_cmp(const struct bcast *a, const struct bcast *b)
{
	if (a->sent != b->sent)
		return a->sent < b->sent ? -1 : 1;
	if (a->len != b->len)
		return a->len > b->len ? -1 : 1;
	if (a->id != b->id)
		return a->id > b->id ? -1 : 1;
	return 0;
}

RB_PROTOTYPE(bcast_tree, bcast, entry, bcast_cmp);
RB_GENERATE(bcast_tree, bcast, entry, bcast_cmp);

void
bcast_init(struct bcast_queue *q)
{
	memset(q, 0, sizeof(*q));
	RB_INIT(&q->tree);
}

static void
bcast_free(struct bcast_queue *q, struct bcast *b)
{
	q->n--;
	*b->slot = NULL;
	free(b);
}

void
bcast_clear(struct bcast_queue *q)
{
	struct bcast *b;

	while ((b = RB_MIN(bcast_tree, &q->tree)) != NULL) {
		RB_REMOVE(bcast_tree, &q->tree, b);
		bcast_free(q, b);
	}
}

void
bcast_drop(struct bcast_queue *q, struct bcast **slot)
{
	struct bcast *b = *slot;

	if (b == NULL)
		return;
	RB_REMOVE(bcast_tree, &q->tree, b);
	bcast_free(q, b);
}

/* One of len bytes, of which `own` are its own. */
static struct bcast *
put(struct bcast_queue *q, struct bcast **slot, size_t len, size_t own)
{
	struct bcast *b;

	bcast_drop(q, slot);
	if (len == 0 || len > UINT16_MAX)
		return NULL;
	b = malloc(sizeof(*b) + own);
	if (b == NULL)
		return NULL;
	*b = (struct bcast){
	    .slot = slot, .id = q->next_id++, .len = (uint16_t)len};
	RB_INSERT(bcast_tree, &q->tree, b);
	q->n++;
	*slot = b;
	return b;
}

int
bcast_put(
    struct bcast_queue *q, struct bcast **slot, const void *msg, size_t len)
{
	struct bcast *b = put(q, slot, len, len);

	if (b == NULL)
		return -1;
	memcpy(b->msg, msg, len);
	return 0;
}

int
bcast_put_alive(struct bcast_queue *q, struct member *m, bool newcomer)
{
	uint8_t msg[WIRE_PLAIN_MAX];
	ssize_t len = q->encode(m, msg, sizeof(msg));
	struct bcast *b = put(q, &m->bcast, len == -1 ? 0 : (size_t)len, 0);

	if (b == NULL)
		return -1;
	b->alive = true;
	b->newcomer = newcomer;
	return 0;
}

/* The message of b, in buf or its own. NULL: it has another length by now, so
 * that its place in the tree is another one. */
static const uint8_t *
message(struct bcast_queue *q, struct bcast *b, uint8_t buf[WIRE_PLAIN_MAX])
{
	const struct member *m;
	ssize_t len;

	if (!b->alive)
		return b->msg;
	m = (const void *)((const char *)b->slot -
			   offsetof(struct member, bcast));
	len = q->encode(m, buf, WIRE_PLAIN_MAX);
	if (len == b->len)
		return buf;
	RB_REMOVE(bcast_tree, &q->tree, b);
	if (len == -1) {
		bcast_free(q, b);
		return NULL;
	}
	b->len = (uint16_t)len;
	RB_INSERT(bcast_tree, &q->tree, b);
	return NULL;
}

/*
 * The first in order, from tier `sent` on, that fits into room. A tier whose
 * entries are all too long is passed over.
 */
static struct bcast *
bcast_next(struct bcast_queue *q, unsigned sent, size_t room)
{
	struct bcast key = {.id = UINT32_MAX, .sent = (uint8_t)sent}, *b;

	key.len = room > UINT16_MAX ? UINT16_MAX : (uint16_t)room;
	while ((b = RB_NFIND(bcast_tree, &q->tree, &key)) != NULL) {
		if (b->sent == key.sent)
			return b;
		key.sent = b->sent;
	}
	return NULL;
}

/*
 * How often b is sent. Where hundreds of members come at once, each told of as
 * often as a single one, all would be busy for minutes with what nearly all
 * know; the exchanges of the newcomers bring it sooner. What was touched then
 * keeps to that. Whatever else there is to say, a refutation first of all, is
 * sent as often as ever: names that somebody makes up must not silence it.
 */
static unsigned
bcast_most(const struct bcast_queue *q, struct bcast *b, unsigned limit)
{
	unsigned most;

	if (q->n > BCAST_MANY && b->newcomer) {
		most = limit * BCAST_MANY / q->n;
		if (most < BCAST_LEAST)
			most = BCAST_LEAST;
		if (b->most == 0 || most < b->most)
			b->most = (uint8_t)most;
	}
	return b->most != 0 && b->most < limit ? b->most : limit;
}

unsigned
bcast_fill(struct bcast_queue *q, unsigned limit, struct wire_compound *c)
{
	struct bcast *b, *taken = NULL;
	unsigned sent = 0, n = 0;
	uint8_t buf[WIRE_PLAIN_MAX];
	const uint8_t *msg;

	/* Taken ones stay out of the tree, so that none is taken twice. */
	while ((b = bcast_next(q, sent, wire_compound_room(c))) != NULL) {
		sent = b->sent;
		if ((msg = message(q, b, buf)) == NULL)
			continue;
		if (wire_compound_add(c, msg, b->len) == -1)
			break;
		RB_REMOVE(bcast_tree, &q->tree, b);
		RB_LEFT(b, entry) = taken;
		taken = b;
		n++;
	}
	while ((b = taken) != NULL) {
		taken = RB_LEFT(b, entry);
		if (++b->sent >= bcast_most(q, b, limit))
			bcast_free(q, b);
		else
			RB_INSERT(bcast_tree, &q->tree, b);
	}
	return n;
}

void
bcast_heard(struct bcast_queue *q, struct bcast **slot, unsigned limit)
{
	struct bcast *b = *slot;
	unsigned most;

	if (b == NULL)
		return;
	most = bcast_most(q, b, limit);
	if (b->most == 0)
		return;
	RB_REMOVE(bcast_tree, &q->tree, b);
	if (++b->sent >= most)
		bcast_free(q, b);
	else
		RB_INSERT(bcast_tree, &q->tree, b);
}

unsigned
bcast_limit(unsigned mult, unsigned n)
{
	uint64_t p = 1;
	unsigned digits = 0;

	for (; p < (uint64_t)n + 1; p *= 10)
		digits++;
	return mult * digits;
}
