#ifndef REGRESS_FORGERY_H
#define REGRESS_FORGERY_H

/*
 * A member gone bad that claims a victim's overlay address: what it can say
 * that it is, and how. In a network of 16 host bits, where names that derive a
 * given address are soon found.
 */
#include "both.h"

/* What it says that it is. */
enum form {
	SMALL, /* another attempt of a smaller name, searched for */
	GREAT, /* of a greater one */
	PLAIN, /* a name of an original that derives it, v0.3 */
	PLAIN_V02,
	X_V02, /* SMALL in the old dialect */
	STATIC, /* a static address */
	UNDERIVED, /* its own name, which derives another */
	UNDERIVED_PLAIN,
	TWIN, /* SMALL with the victim's key */
	KEY, /* an address of its own with the victim's key */
	NAMESAKE, /* the victim's name at its own host, with its own key */
	MASK, /* the victim's name and host, with its own key */
	FORMS
};

/* How it says so. */
enum channel {
	DIRECT, /* its own packet */
	GOSSIP, /* a packet of another member */
	STATE, /* its push/pull */
	BEFORE, /* its push/pull, with the victim behind it */
	BEHIND, /* and before it */
	ANSWER, /* the answer to ours */
	PACKET, /* one packet, with the victim's own alive */
	CHANNELS
};

static const char *const form_names[] = {"small", "great", "plain",
    "plain v0.2", "x in v0.2", "static", "underived", "underived plain", "twin",
    "key", "namesake", "mask"};
static const char *const channel_names[] = {
    "direct", "gossip", "state", "before", "behind", "answer", "packet"};
static struct actor *victim, *forger, *friend;

/*
 * The next name that begins so, and an attempt of it, which derive an address:
 * in a network of 16 host bits one of 256 names has such an attempt.
 */
static inline uint8_t
search(const struct ipaddr *want, const char *first, bool plain, char name[64])
{
	static struct {
		struct ipaddr want;
		char first[8];
		bool plain;
		unsigned i, attempt;
	} known[256], *k;
	static unsigned nknown;
	unsigned i = 0, attempt;
	struct ipaddr a;

	for (k = known; k < known + 256; k++)
		if (strcmp(k->first, first) == 0 && k->plain == plain &&
		    ipaddr_eq(&k->want, want)) {
			snprintf(name, 64, "%s%u", first, k->i);
			return (uint8_t)k->attempt;
		}
	for (;; i++) {
		snprintf(name, 64, "%s%u", first, i);
		for (attempt = 0; attempt < (plain ? 1 : 256); attempt++) {
			overlay_addr(
			    &b.conf.overlay, name, strlen(name), attempt, &a);
			if (ipaddr_eq(&a, want))
				goto found;
		}
	}
found:
	k = &known[nknown++ % 256];
	k->want = *want;
	strlcpy(k->first, first, sizeof(k->first));
	k->plain = plain;
	k->i = i;
	k->attempt = attempt;
	return (uint8_t)attempt;
}

/* Dress the forger. */
static inline void
dress(enum form form)
{
	struct actor *f = forger;
	struct meta m = {.has_pubkey = true, .has_x = true};
	bool plain = form == PLAIN || form == PLAIN_V02;
	ssize_t len;

	m.overlay = victim->addr;
	key_of(66, m.pubkey);
	if (form == SMALL || form == X_V02 || form == TWIN || plain)
		m.attempt = search(&m.overlay, "a", plain, f->name);
	if (form == GREAT)
		m.attempt = search(&m.overlay, "z", false, f->name);
	if (form == NAMESAKE || form == MASK)
		strlcpy(f->name, victim->name, sizeof(f->name));
	if (form == MASK)
		memcpy(f->at, victim->at, 4);
	if (form == KEY)
		overlay_addr(
		    &b.conf.overlay, f->name, strlen(f->name), 0, &m.overlay);
	if (form == TWIN || form == KEY)
		memcpy(m.pubkey, victim->key, WG_KEY_LEN);
	if (form == PLAIN_V02 || form == X_V02)
		m.dialect = META_V02;
	m.has_x = !plain && form != UNDERIVED_PLAIN;
	m.is_static = form == STATIC;
	len = meta_encode(&m, f->meta, META_MAX);
	assert_true(len > 0);
	f->metalen = (size_t)len;
	memcpy(f->key, m.pubkey, WG_KEY_LEN);
}

/* Another name that begins so, and derives the same address. */
static inline void
redress(const char *first)
{
	struct meta m;
	ssize_t len;

	assert_int_equal(meta_decode(forger->meta, forger->metalen, &m), 0);
	m.attempt = search(&victim->addr, first, false, forger->name);
	len = meta_encode(&m, forger->meta, META_MAX);
	assert_true(len > 0);
	forger->metalen = (size_t)len;
}

/* It says goodbye. */
static inline void
leave(const struct actor *a)
{
	struct wire_accuse m = {.incarnation = a->inc,
	    .node = {(const uint8_t *)a->name, strlen(a->name)},
	    .from = {(const uint8_t *)a->name, strlen(a->name)}};
	uint8_t buf[256];

	post(a->at, 0, buf, wire_put_accuse(buf, sizeof(buf), WIRE_DEAD, &m));
	settle();
}

static inline void
add(uint8_t *buf, size_t *len, const struct actor *a)
{
	struct wire_node n = {
	    .name = {(const uint8_t *)a->name, strlen(a->name)},
	    .addr = {a->at, 4},
	    .port = 7946,
	    .meta = {a->meta, a->metalen},
	    .incarnation = a->inc,
	    .state = WIRE_S_ALIVE,
	    .vsn = {vsn, 6}};
	ssize_t r = wire_put_node(buf + *len, STATE_CAP - *len, &n);

	assert_true(r > 0);
	*len += (size_t)r;
}

/* A whole state. */
static inline size_t
state_of(uint8_t *buf, unsigned n, const struct actor *const *a)
{
	struct wire_pushpull head = {.nodes = n};
	ssize_t r = wire_put_pushpull(buf, STATE_CAP, &head);
	size_t len = (size_t)r;
	unsigned i;

	assert_true(r > 0);
	for (i = 0; i < n; i++)
		add(buf, &len, a[i]);
	return len;
}

static inline void
push(unsigned n, const struct actor *const *a)
{
	static uint8_t buf[STATE_CAP];
	struct ipport from = at(liar);
	uint8_t *reply = NULL;
	size_t len = state_of(buf, n, a), replylen = 0;

	from.port = 40000;
	(void)mesh_request(b.mesh, b.now, &from, WIRE_PUSHPULL, buf + 1,
	    len - 1, &reply, &replylen);
	free(reply);
	settle();
}

static inline void
claim(enum channel c)
{
	const struct actor *both[] = {forger, victim, forger};
	struct wire_alive f, v = alive_of(victim);
	uint8_t buf[2048], msg[1024], *out;
	struct wire_compound comp;
	ssize_t n;

	forger->inc++;
	if (strcmp(forger->name, victim->name) == 0 &&
	    forger->inc <= victim->inc)
		forger->inc = victim->inc + 1;
	f = alive_of(forger);
	n = wire_put_alive(msg, sizeof(msg), &f);
	b.lieslen = 0;
	switch (c) {
	case DIRECT:
		post(liar, 0, msg, n);
		break;
	case GOSSIP:
		post(friend->at, 0, msg, n);
		break;
	case STATE:
		push(1, both);
		break;
	case BEFORE:
		push(2, both);
		break;
	case BEHIND:
		push(2, both + 1);
		break;
	case ANSWER:
		b.lieslen = state_of(b.lies, 2, both);
		break;
	default:
		wire_compound_init(&comp, buf, sizeof(buf));
		assert_int_equal(wire_compound_add(&comp, msg, (size_t)n), 0);
		n = wire_put_alive(msg, sizeof(msg), &v);
		assert_int_equal(wire_compound_add(&comp, msg, (size_t)n), 0);
		n = (ssize_t)wire_compound_finish(&comp, &out);
		post(liar, 0, out, n);
	}
	settle();
}

/* Others' voices are the forger's, too. */
static inline void
accuse(enum wire_type type, const char *by)
{
	struct wire_accuse a = {.incarnation = victim->inc,
	    .node = {(const uint8_t *)victim->name, strlen(victim->name)},
	    .from = {(const uint8_t *)by, strlen(by)}};
	uint8_t buf[256];

	post(liar, 0, buf, wire_put_accuse(buf, sizeof(buf), type, &a));
	settle();
}

#endif
