/*
 * What members announced, part of the core in the gossip process: name,
 * address, versions and metadata in one block per member. The bytes come from
 * authenticated but possibly hostile members, their lengths were judged by the
 * caller: a name of at most 255 bytes, metadata of at most WIRE_META_MAX.
 *
 * In a daemon each member has a card of its own, which is written in place. In
 * a simulator thousands of tables hold the same ten thousand cards: it hooks
 * in a pool (member_share_cards), and a card is then never written, but given
 * back for another one.
 */
#include <stdlib.h>
#include <string.h>

#include "card.h"
#include "wire.h"

#define NAME_MAX_LEN 255

static const struct member_cards *shared;

/* Large enough for every card. */
union draft {
	struct member_card c;
	char bytes[sizeof(struct member_card) + NAME_MAX_LEN + 1 +
		   WIRE_META_MAX];
};

void
member_share_cards(const struct member_cards *cards)
{
	shared = cards;
}

static size_t
size_of(size_t namelen, size_t room)
{
	return sizeof(struct member_card) + namelen + 1 + room;
}

static struct member_card *
own(const struct member *m)
{
	return (struct member_card *)(uintptr_t)member_card(m);
}

static void
hang(struct member *m, const struct member_card *c)
{
	m->name = c->name;
	m->namelen = c->namelen;
	m->metalen = c->metalen;
}

/* Metadata first: it may stand in the card that is written. */
static void
fill(struct member_card *c, const struct member_news *n)
{
	if (n->metalen > 0)
		memmove(c->name + c->namelen + 1, n->meta, n->metalen);
	c->metalen = (uint16_t)n->metalen;
	if (n->addr != c->addr) {
		memset(c->addr, 0, sizeof(c->addr));
		memcpy(c->addr, n->addr, n->addrlen);
	}
	c->addrlen = (uint8_t)n->addrlen;
	c->wire_port = n->wire_port;
	c->port = n->port;
	if (n->vsn != c->vsn)
		memcpy(c->vsn, n->vsn, sizeof(c->vsn));
}

int
card_new(struct member *m, const char *name, size_t len, size_t metaroom)
{
	union draft d;
	const struct member_card *c = &d.c;
	struct member_card *mine;

	memset(&d.c, 0, sizeof(d.c));
	d.c.namelen = (uint8_t)len;
	memcpy(d.c.name, name, len);
	d.c.name[len] = '\0';
	if (shared != NULL) {
		c = shared->get(shared->arg, &d.c, size_of(len, 0));
		if (c == NULL)
			return -1;
	} else {
		mine = malloc(size_of(len, metaroom));
		if (mine == NULL)
			return -1;
		memcpy(mine, &d.c, size_of(len, 0));
		mine->room = (uint16_t)metaroom;
		c = mine;
	}
	hang(m, c);
	return 0;
}

void
card_news(const struct member *m, struct member_news *news)
{
	const struct member_card *c = member_card(m);

	*news = (struct member_news){c->addr, c->addrlen, c->wire_port, c->port,
	    c->vsn, member_meta(m), c->metalen};
}

static int
set_shared(struct member *m, const struct member_news *news)
{
	const struct member_card *c = member_card(m);
	union draft d;

	memcpy(&d.c, c, size_of(c->namelen, 0));
	d.c.room = (uint16_t)news->metalen;
	fill(&d.c, news);
	c = shared->get(shared->arg, &d.c, size_of(d.c.namelen, d.c.metalen));
	if (c == NULL)
		return -1;
	shared->put(shared->arg, member_card(m));
	hang(m, c);
	return 0;
}

int
card_set(struct member *m, const struct member_news *news)
{
	struct member_card *c = own(m), *old = c;

	if (shared != NULL)
		return set_shared(m, news);
	if (news->metalen > c->room) {
		c = malloc(size_of(c->namelen, news->metalen));
		if (c == NULL)
			return -1;
		memcpy(c, old, size_of(old->namelen, 0));
		c->room = (uint16_t)news->metalen;
	}
	fill(c, news);
	hang(m, c);
	if (c != old)
		free(old);
	return 0;
}

void
card_free(struct member *m)
{
	if (shared != NULL)
		shared->put(shared->arg, member_card(m));
	else
		free(own(m));
}
