/*
 * Joining: targets, each with its own back-off. A target is done when one of
 * its addresses answered once; what is not reached is tried again for ever,
 * since a seed may come up after us and a name may resolve later. What the
 * operator named is watched from then on: when nobody is at any of its
 * addresses any more it is tried again, resolved anew each time, with the
 * back-off of those that failed (remember.c).
 *
 * All members of a mesh have the same seeds as a rule, so each waits longer
 * the more there are: together they make about one try a second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/conf.h"
#include "../common/log.h"
#include "../common/clock.h"
#include "join.h"
#include "remember.h"

#define BACKOFF_MIN (1 * US_PER_S)
#define BACKOFF_MAX (60 * US_PER_S)
#define IN_FLIGHT   8 /* joins of one target at a time */
#define SAVED_BUSY  8 /* saved members tried at a time */
#define PATIENCE    (120 * US_PER_S) /* with a resolver that is silent */
#define SILENCE	    (300 * US_PER_S) /* longer than any stream lives */
#define TELL_AFTER  (2 * US_PER_S) /* failures before may be a moment's */
#define TRANSLATED  (300 * US_PER_S) /* between looks at such an address */

enum target_state { T_WAITING, T_RESOLVING, T_TRYING, T_DONE };

struct target {
	char host[CONF_JOINLEN];
	uint16_t port;
	bool from_state, warned;
	bool dropped; /* from the state, and forgotten */
	enum target_state state;
	int64_t since, next, backoff;
	int64_t lost; /* reached, and nobody is there since; 0: it is not so */
	struct ipaddr *addrs; /* of the last resolution */
	size_t naddrs, nexttry;
	uint32_t ids[IN_FLIGHT]; /* 0: free */
	bool reached, self, translated;
	char why[128];
};

struct join {
	struct join_ops ops;
	void *arg;
	uint16_t port;
	struct target *targets;
	unsigned n;
	bool any;
};

struct join *
join_new(const struct join_ops *ops, void *arg, uint16_t port)
{
	struct join *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	j->ops = *ops;
	j->arg = arg;
	j->port = port;
	return j;
}

void
join_free(struct join *j)
{
	unsigned i;

	if (j == NULL)
		return;
	for (i = 0; i < j->n; i++)
		free(j->targets[i].addrs);
	free(j->targets);
	free(j);
}

static int
parse_port(const char *s, uint16_t *port)
{
	const char *errstr;
	long long v;

	if (*s < '0' || *s > '9')
		return -1;
	v = strtonum(s, 1, 65535, &errstr);
	if (errstr != NULL)
		return -1;
	*port = (uint16_t)v;
	return 0;
}

int
join_parse(const char *spec, char *host, size_t cap, uint16_t *port)
{
	const char *colon = strrchr(spec, ':'), *close;
	struct ipaddr ip;
	size_t len = strlen(spec);

	*port = 0;
	if (spec[0] == '[') {
		close = strchr(spec, ']');
		if (close == NULL ||
		    (close[1] != '\0' &&
			(close[1] != ':' || parse_port(close + 2, port) == -1)))
			return -1;
		len = (size_t)(close - spec) - 1;
		spec++;
	} else if (colon != NULL && strchr(spec, ':') == colon) {
		if (parse_port(colon + 1, port) == -1)
			return -1;
		len = (size_t)(colon - spec);
	} else if (colon != NULL && ipaddr_parse(spec, &ip) == -1) {
		return -1;
	}
	if (len == 0 || len >= cap)
		return -1;
	memcpy(host, spec, len);
	host[len] = '\0';
	return 0;
}

static int
add(struct join *j, const char *host, uint16_t port, bool from_state,
    int64_t now)
{
	struct target *t;

	t = recallocarray(j->targets, j->n, j->n + 1, sizeof(*t));
	if (t == NULL)
		return -1;
	j->targets = t;
	t = &j->targets[j->n++];
	strlcpy(t->host, host, sizeof(t->host));
	t->port = port != 0 ? port : j->port;
	t->from_state = from_state;
	t->since = t->next = now;
	t->backoff = BACKOFF_MIN;
	return 0;
}

int
join_add(struct join *j, const char *spec, int64_t now)
{
	char host[CONF_JOINLEN];
	uint16_t port;

	if (join_parse(spec, host, sizeof(host), &port) == -1)
		return -1;
	return add(j, host, port, false, now);
}

static struct target *
find(const struct join *j, const char *host, uint16_t port, bool from_state)
{
	struct target *t;
	unsigned i;

	for (i = 0; i < j->n; i++) {
		t = &j->targets[i];
		if (t->from_state == from_state && t->port == port &&
		    strcmp(t->host, host) == 0)
			return t;
	}
	return NULL;
}

int
join_add_addr(struct join *j, const struct ipport *to, int64_t now)
{
	char host[IPADDR_STRLEN];
	struct target *t;

	ipaddr_str(&to->ip, host);
	if ((t = find(j, host, to->port, true)) == NULL)
		return add(j, host, to->port, true, now);
	t->dropped = false;
	return 0;
}

static unsigned
in_flight(const struct target *t)
{
	unsigned i, n = 0;

	for (i = 0; i < IN_FLIGHT; i++)
		n += t->ids[i] != 0;
	return n;
}

/* One warning a target: being alone should not go unnoticed. */
static void
log_failure(struct target *t, int64_t now)
{
	if (t->warned || t->from_state || now - t->since < TELL_AFTER) {
		log_debug(
		    "join %s port %u failed: %s", t->host, t->port, t->why);
		return;
	}
	log_warnx("join %s port %u does not succeed: %s; still trying"
		  "\tevent=join-failed host=%s port=%u",
	    t->host, t->port, t->why, t->host, t->port);
	t->warned = true;
}

/* Is an alive member known at one of its last addresses? */
static bool
is_there(const struct join *j, const struct target *t)
{
	struct ipport to = {.port = t->port};
	size_t i;

	for (i = 0; i < t->naddrs; i++) {
		to.ip = t->addrs[i];
		if (j->ops.known(j->arg, &to))
			return true;
	}
	return false;
}

static bool
is_pending(const struct target *t)
{
	return t->state != T_DONE && !t->from_state;
}

/* In no half of a mesh more than about one try a second, of all names. */
static int64_t
at_least(const struct join *j, int64_t t)
{
	int64_t all = (int64_t)j->ops.living(j->arg) * US_PER_S;
	unsigned i, n = 0;

	for (i = 0; i < j->n; i++)
		n += is_pending(&j->targets[i]);
	all *= n > 0 ? n : 1;
	return t < all ? all : t;
}

/* When to try again what failed. */
static int64_t
again_at(const struct join *j, struct target *t, int64_t now)
{
	int64_t wait = t->lost != 0 ? remember_backoff(now - t->lost)
				    : t->backoff;
	int64_t jitter = j->ops.random(j->arg) % 1000;

	wait = at_least(j, wait);
	t->backoff *= 2;
	if (t->backoff > BACKOFF_MAX)
		t->backoff = BACKOFF_MAX;
	return t->lost != 0 ? now + wait * 3 / 4 + jitter * (wait / 4) / 1000
			    : now + wait * 3 / 4 + jitter * (wait / 2) / 1000;
}

static void
reached(struct join *j, struct target *t, int64_t now)
{
	t->state = T_DONE;
	t->next = NEVER;
	t->lost = 0;
	if (t->warned) /* the trouble is over: as loud */
		log_warnx("join %s port %u succeeds now"
			  "\tevent=join-succeeded host=%s port=%u",
		    t->host, t->port, t->host, t->port);
	t->warned = false;
	/* An address that no member announces: behind a translation. The table
	 * cannot tell whether it is there. */
	t->translated = !t->self && !t->from_state && !is_there(j, t);
	if (t->translated)
		t->next = now + at_least(j, TRANSLATED);
}

/* The round is over: done, or again later. */
static void
settle(struct join *j, struct target *t, int64_t now)
{
	if (t->reached || t->self || t->dropped) {
		reached(j, t, now);
		return;
	}
	t->state = T_WAITING;
	t->next = again_at(j, t, now);
	log_failure(t, now);
}

/* Try further addresses of the round while there is room. */
static void
advance(struct join *j, struct target *t, int64_t now)
{
	unsigned i = 0;

	while (i < IN_FLIGHT && t->nexttry < t->naddrs) {
		struct ipport to = {.port = t->port};

		if (t->ids[i] != 0) {
			i++;
			continue;
		}
		to.ip = t->addrs[t->nexttry++];
		if (j->ops.known(j->arg, &to))
			t->reached = true;
		else if ((t->ids[i] = j->ops.attempt(j->arg, &to)) == 0)
			strlcpy(t->why, "out of memory", sizeof(t->why));
	}
	t->next = now + SILENCE;
	if (t->nexttry >= t->naddrs && in_flight(t) == 0)
		settle(j, t, now);
}

/* Memory may have been short for the news that a stream has failed. */
static void
give_up(struct join *j, struct target *t, int64_t now)
{
	memset(t->ids, 0, sizeof(t->ids));
	strlcpy(t->why, "no answer", sizeof(t->why));
	settle(j, t, now);
}

void
join_resolved(struct join *j, int64_t now, unsigned target,
    const struct ipaddr *addrs, size_t n, const char *why)
{
	struct target *t;

	if (target >= j->n || j->targets[target].state != T_RESOLVING)
		return;
	t = &j->targets[target];
	if (n == 0 && t->lost != 0 && t->naddrs > 0) {
		/* The name server is lost, too: where it was last. */
		t->nexttry = 0;
		t->state = T_TRYING;
		advance(j, t, now);
		return;
	}
	free(t->addrs);
	t->addrs = n > 0 ? calloc(n, sizeof(*addrs)) : NULL;
	t->naddrs = t->addrs != NULL ? n : 0;
	t->nexttry = 0;
	t->state = T_TRYING;
	if (t->addrs != NULL)
		memcpy(t->addrs, addrs, n * sizeof(*addrs));
	else
		strlcpy(t->why, why != NULL ? why : "out of memory",
		    sizeof(t->why));
	advance(j, t, now);
}

void
join_tried(struct join *j, int64_t now, uint32_t id, enum join_outcome how,
    const char *why)
{
	unsigned i, k;

	for (i = 0; i < j->n; i++) {
		struct target *t = &j->targets[i];

		for (k = 0; k < IN_FLIGHT; k++)
			if (t->ids[k] == id && id != 0)
				break;
		if (k == IN_FLIGHT)
			continue;
		t->ids[k] = 0;
		if (how == JOIN_REACHED)
			t->reached = j->any = true;
		else if (how == JOIN_SELF && t->naddrs == 1)
			t->self = true;
		else
			strlcpy(t->why, why, sizeof(t->why));
		advance(j, t, now);
		return;
	}
}

static unsigned
saved_busy(const struct join *j)
{
	unsigned i, n = 0;

	for (i = 0; i < j->n; i++)
		n += j->targets[i].from_state &&
		     (j->targets[i].state == T_RESOLVING ||
			 j->targets[i].state == T_TRYING);
	return n;
}

/* Another beginning for one that was done. */
static void
again(struct target *t, int64_t now)
{
	t->state = T_WAITING;
	t->since = t->next = now;
	t->backoff = BACKOFF_MIN;
	t->lost = 0;
	t->reached = t->warned = false;
}

void
join_tick(struct join *j, int64_t now)
{
	unsigned i, busy = saved_busy(j);

	for (i = 0; i < j->n; i++) {
		struct target *t = &j->targets[i];

		if (t->next > now)
			continue;
		if (t->lost != 0 && t->state == T_WAITING && is_there(j, t)) {
			reached(j, t, now);
			continue;
		}
		if (t->state == T_DONE)
			again(t, now);
		if (t->state == T_RESOLVING) {
			join_resolved(j, now, i, NULL, 0,
			    "cannot resolve the name: no answer");
			continue;
		}
		if (t->state == T_TRYING) {
			give_up(j, t, now);
			continue;
		}
		/* Saved members: one that answers tells about all others. */
		if (t->from_state && j->any) {
			t->state = T_DONE;
			t->next = NEVER;
			continue;
		}
		if (t->from_state && busy++ >= SAVED_BUSY) {
			t->next = now + US_PER_S;
			continue;
		}
		t->state = T_RESOLVING;
		t->next = now + PATIENCE;
		j->ops.resolve(j->arg, i, t->host);
	}
}

int64_t
join_deadline(const struct join *j)
{
	int64_t d = NEVER;
	unsigned i;

	for (i = 0; i < j->n; i++)
		if (j->targets[i].next < d)
			d = j->targets[i].next;
	return d;
}

void
join_lost(struct join *j, int64_t now)
{
	unsigned i;

	for (i = 0; i < j->n; i++) {
		struct target *t = &j->targets[i];

		if (t->lost != 0 && t->state == T_WAITING && is_there(j, t))
			reached(j, t, now);
		if (t->state != T_DONE || t->from_state || t->self ||
		    t->translated || t->naddrs == 0 || is_there(j, t))
			continue;
		again(t, now);
		t->lost = now;
		t->next = again_at(j, t, now);
	}
}

unsigned
join_names(const struct join *j)
{
	unsigned i, n = 0;

	for (i = 0; i < j->n; i++)
		n += !j->targets[i].from_state && !j->targets[i].self;
	return n;
}

unsigned
join_former(const struct join *j)
{
	unsigned i, n = 0;

	for (i = 0; i < j->n; i++)
		n += j->targets[i].from_state && j->targets[i].state != T_DONE;
	return n;
}

bool
join_any(const struct join *j)
{
	return j->any;
}

unsigned
join_pending(const struct join *j)
{
	unsigned i, n = 0;

	for (i = 0; i < j->n; i++)
		n += j->targets[i].state != T_DONE;
	return n;
}

void
join_again(struct join *j, int64_t now, bool alone)
{
	unsigned i;

	j->any = j->any && !alone;
	for (i = 0; i < j->n; i++) {
		struct target *t = &j->targets[i];

		if (t->state != T_DONE || t->self || t->dropped ||
		    (t->from_state && !alone))
			continue;
		again(t, now);
	}
	join_hurry(j, now);
}

int
join_now(struct join *j, const char *spec, int64_t now)
{
	char host[CONF_JOINLEN];
	struct target *t;
	uint16_t port;

	if (join_parse(spec, host, sizeof(host), &port) == -1)
		return -1;
	t = find(j, host, port != 0 ? port : j->port, false);
	if (t == NULL && join_names(j) >= CONF_JOIN)
		return -1;
	if (t == NULL)
		return add(j, host, port, false, now);
	/* One that is being tried has its round to end first. */
	if (t->state == T_DONE || t->state == T_WAITING)
		again(t, now);
	t->self = false;
	return 0;
}

void
join_drop(struct join *j, const struct ipport *to)
{
	char host[IPADDR_STRLEN];
	struct target *t;

	t = find(j, ipaddr_str(&to->ip, host), to->port, true);
	if (t == NULL)
		return;
	t->dropped = true;
	if (t->state == T_WAITING) {
		t->state = T_DONE;
		t->next = NEVER;
	}
}

void
join_hurry(struct join *j, int64_t now)
{
	unsigned i;

	for (i = 0; i < j->n; i++)
		if (j->targets[i].state == T_WAITING) {
			j->targets[i].next = now;
			j->targets[i].backoff = BACKOFF_MIN;
		}
}
