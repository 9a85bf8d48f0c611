/*
 * Members that failed, as targets of a join: whom to try when. Part of the
 * gossip process. Names and addresses are a peer's choice; they were checked
 * for form by the core (or when the state was read), and only those are added
 * that once answered us from there with the cluster key.
 *
 * Many members remember the same ones, so they share the work without a word
 * (remember_weight): a target's turn comes at its interval with everybody, and
 * whoever owns it in this slot tries. All targets together make about one try
 * a second in a half, however many they are; the few that failed last go by
 * their back-off alone, as they are the likeliest to be back. The interval
 * goes by the age of the failure and not by the tries, so the next owner goes
 * on where the last one was.
 *
 * Never told to anybody, never asked about who is who: a join, no more.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "../common/check.h"
#include "../common/log.h"
#include "remember.h"

#define BACKOFF_MIN (5 * US_PER_S)
#define BACKOFF_DAY (45 * US_PER_S)
#define BACKOFF_MAX (300 * US_PER_S)
#define EARLY	    (6 * 3600 * US_PER_S)
#define FRESH	    8 /* that failed last: they do not wait for the others */
#define IN_FLIGHT   8
#define SILENCE	    (300 * US_PER_S) /* longer than any stream lives */
#define SLOT	    64 /* s: each has its turn in it, in the first hours */

struct entry {
	struct remembered r;
	int64_t failed, next; /* us, of our clock */
	int64_t tried_at;
	uint32_t id; /* of the join under way, or 0 */
	bool fresh; /* it was among the last ones when next was set */
	bool told;
	char name[];
};

struct remember {
	struct remember_ops ops;
	void *arg;
	char self[NAME_MAX_LEN + 1];
	size_t selflen;
	int64_t forget_after;
	struct entry *e[REMEMBER_MAX]; /* the oldest failure first */
	unsigned n, flying;
	bool shrunk; /* who is left is tried more often */
	int64_t next;
};

int64_t
remember_backoff(int64_t age)
{
	if (age < BACKOFF_MIN)
		return BACKOFF_MIN;
	if (age < BACKOFF_DAY)
		return age;
	if (age < EARLY)
		return BACKOFF_DAY;
	/* No overflow, and no more than the most. */
	if (age / EARLY >= BACKOFF_MAX / BACKOFF_DAY + 1)
		return BACKOFF_MAX;
	age = BACKOFF_DAY / US_PER_S * (age / US_PER_S) / (EARLY / US_PER_S) *
	      US_PER_S;
	return age < BACKOFF_MAX ? age : BACKOFF_MAX;
}

uint64_t
remember_slot(int64_t wall)
{
	return wall > 0 ? (uint64_t)wall / SLOT : 0;
}

uint64_t
remember_weight(const char *target, size_t targetlen, uint64_t slot,
    const char *member, size_t len)
{
	/* No secret: the others shall come to the same. */
	static const uint8_t key[crypto_shorthash_KEYBYTES] = "wesher remember";
	uint8_t buf[2 * NAME_MAX_LEN + 9], out[crypto_shorthash_BYTES];
	uint64_t w = 0;
	size_t i, n = 0;

	for (i = 0; i < 8; i++)
		buf[n++] = (uint8_t)(slot >> (8 * i));
	buf[n++] = (uint8_t)targetlen;
	memcpy(buf + n, target, targetlen);
	n += targetlen;
	memcpy(buf + n, member, len);
	n += len;
	crypto_shorthash(out, buf, n, key);
	for (i = 0; i < sizeof(out); i++)
		w |= (uint64_t)out[i] << (8 * i);
	return w;
}

struct remember *
remember_new(const struct remember_ops *ops, void *arg, const char *self,
    int64_t forget_after)
{
	struct remember *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->ops = *ops;
	r->arg = arg;
	strlcpy(r->self, self, sizeof(r->self));
	r->selflen = strlen(r->self);
	r->forget_after = forget_after;
	r->next = NEVER;
	return r;
}

void
remember_free(struct remember *r)
{
	unsigned i;

	if (r == NULL)
		return;
	for (i = 0; i < r->n; i++)
		free(r->e[i]);
	free(r);
}

static void
take_out(struct remember *r, unsigned i)
{
	r->flying -= r->e[i]->id != 0;
	free(r->e[i]);
	r->shrunk = true;
	r->next = 0; /* at the next tick */
	r->n--;
	memmove(&r->e[i], &r->e[i + 1], (r->n - i) * sizeof(r->e[0]));
}

static bool
is_named(const struct entry *e, const char *name, size_t len)
{
	return e->r.namelen == len && memcmp(e->name, name, len) == 0;
}

bool
remember_drop(struct remember *r, const char *name, size_t len)
{
	unsigned i;

	for (i = 0; i < r->n; i++)
		if (is_named(r->e[i], name, len)) {
			take_out(r, i);
			return true;
		}
	return false;
}

/* Room for one more at this address. */
static void
make_room(struct remember *r, const struct ipaddr *ip)
{
	unsigned i;

	if (r->n < REMEMBER_MAX)
		return;
	for (i = 0; i < r->n; i++)
		if (ipaddr_eq(&r->e[i]->r.at.ip, ip))
			break;
	take_out(r, i < r->n ? i : 0);
}

/* From 3/4 of it to the whole. */
static int64_t
jitter(struct remember *r, int64_t t)
{
	return t - (int64_t)(r->ops.random(r->arg) % 1000) * (t / 4) / 1000;
}

static bool
is_fresh(const struct remember *r, unsigned i)
{
	return r->n - 1 - i < FRESH;
}

/* For the entry at i. */
static int64_t
interval(const struct remember *r, unsigned i, int64_t now)
{
	int64_t each = remember_backoff(now - r->e[i]->failed);
	/* A bit more, as the jitter makes it less and the fresh come on top. */
	int64_t all = r->n * US_PER_S * 5 / 4;

	return is_fresh(r, i) || each > all ? each : all;
}

/* Its first turn is anywhere in its interval: those of a mass failure shall not
 * all be due at once. */
static void
begin(struct remember *r, unsigned i, int64_t now)
{
	struct entry *e = r->e[i];

	e->fresh = is_fresh(r, i);
	e->next = now + 1 +
		  (int64_t)(r->ops.random(r->arg) % 1000) *
		      interval(r, i, now) / 1000;
}

static void
put_in(struct remember *r, struct entry *e)
{
	unsigned i = r->n;

	while (i > 0 && r->e[i - 1]->failed > e->failed)
		i--;
	memmove(&r->e[i + 1], &r->e[i], (r->n - i) * sizeof(r->e[0]));
	r->e[i] = e;
	r->n++;
}

bool
remember_add(
    struct remember *r, int64_t now, int64_t wall, const struct remembered *m)
{
	int64_t age = m->failed < wall ? wall - m->failed : 0;
	struct entry *e;
	unsigned i;

	if (m->namelen > NAME_MAX_LEN || age >= r->forget_after / US_PER_S ||
	    (m->namelen == r->selflen &&
		memcmp(m->name, r->self, r->selflen) == 0))
		return false;
	(void)remember_drop(r, m->name, m->namelen);
	if ((e = calloc(1, sizeof(*e) + m->namelen + 1)) == NULL)
		return false;
	make_room(r, &m->at.ip);
	e->r = *m;
	memcpy(e->name, m->name, m->namelen);
	e->r.name = e->name;
	e->r.failed = wall - age;
	e->failed = now - age * US_PER_S;
	put_in(r, e);
	for (i = 0; r->e[i] != e; i++)
		;
	begin(r, i, now);
	if (e->next < r->next)
		r->next = e->next;
	return true;
}

size_t
remember_count(const struct remember *r)
{
	return r->n;
}

const struct remembered *
remember_get(const struct remember *r, size_t i)
{
	return &r->e[r->n - 1 - i]->r;
}

int64_t
remember_age(const struct remember *r, size_t i, int64_t now)
{
	return (now - r->e[r->n - 1 - i]->failed) / US_PER_S;
}

static bool
is_ours_to_try(struct remember *r, const struct entry *e, uint64_t slot)
{
	uint64_t w = remember_weight(
	    e->name, e->r.namelen, slot, r->self, r->selflen);

	return !r->ops.lighter(r->arg, &e->r, slot, w);
}

/* Say once why it is not tried, until it is. */
static void
say_spared(struct entry *e, const char *why)
{
	char buf[IPPORT_STRLEN];

	if (!e->told)
		log_debug("%s failed at %s and is not tried: %s", e->name,
		    ipport_str(&e->r.at, buf), why);
	e->told = true;
}

static void
try(struct remember *r, struct entry *e, int64_t now, uint64_t slot)
{
	char buf[IPPORT_STRLEN];
	const char *why;

	if (!is_ours_to_try(r, e, slot))
		return;
	if ((why = r->ops.spare(r->arg, &e->r.at)) != NULL) {
		say_spared(e, why);
		return;
	}
	e->told = false;
	log_debug("trying %s, which failed at %s", e->name,
	    ipport_str(&e->r.at, buf));
	e->tried_at = now;
	e->id = r->ops.attempt(r->arg, &e->r.at);
	r->flying += e->id != 0;
}

/* Memory may have been short for the news that a stream has failed. */
static void
give_up(struct remember *r, struct entry *e, int64_t now)
{
	if (e->id == 0 || now - e->tried_at < SILENCE)
		return;
	e->id = 0;
	r->flying--;
}

/* The entry at i is due. */
static void
due(struct remember *r, unsigned i, int64_t now, uint64_t slot)
{
	struct entry *e = r->e[i];

	give_up(r, e, now);
	if (r->flying >= IN_FLIGHT && e->id == 0) {
		e->next = now + US_PER_S;
		return;
	}
	if (e->fresh && !is_fresh(r, i)) {
		begin(r, i, now);
		return;
	}
	e->fresh = is_fresh(r, i);
	e->next = now + jitter(r, interval(r, i, now));
	if (e->id == 0)
		try(r, e, now, slot);
}

/* There are fewer than when their times were set. */
static void
hasten(struct remember *r, int64_t now)
{
	unsigned i;

	r->shrunk = false;
	for (i = 0; i < r->n; i++)
		if (r->e[i]->next > now + interval(r, i, now))
			r->e[i]->next = now + jitter(r, interval(r, i, now));
}

void
remember_tick(struct remember *r, int64_t now, int64_t wall)
{
	uint64_t slot = remember_slot(wall);
	unsigned i;

	if (now < r->next)
		return;
	if (r->shrunk)
		hasten(r, now);
	for (i = r->n; i-- > 0;)
		if (r->e[i]->next > now)
			continue;
		else if (now - r->e[i]->failed >= r->forget_after)
			take_out(r, i);
		else
			due(r, i, now, slot);
	r->next = NEVER;
	for (i = 0; i < r->n; i++)
		if (r->e[i]->next < r->next)
			r->next = r->e[i]->next;
}

int64_t
remember_deadline(const struct remember *r)
{
	return r->next;
}

bool
remember_tried(struct remember *r, uint32_t id, enum remember_outcome how)
{
	unsigned i;

	for (i = 0; i < r->n; i++)
		if (r->e[i]->id == id && id != 0)
			break;
	if (i == r->n)
		return false;
	r->e[i]->id = 0;
	r->flying--;
	if (how == REMEMBER_SELF)
		take_out(r, i);
	return true;
}

void
remember_hurry(struct remember *r, int64_t now)
{
	unsigned i;

	for (i = 0; i < r->n; i++) {
		int64_t at = now + (int64_t)(r->n - 1 - i) * US_PER_S / 8;

		if (at < r->e[i]->next)
			r->e[i]->next = at;
		if (r->e[i]->next < r->next)
			r->next = r->e[i]->next;
	}
}
