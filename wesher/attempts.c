/*
 * The addresses that a name derives, in the gossip process: a table of all 256,
 * so that one look at many members tells which are free, however many of them
 * claim what. What they claim is marked by address: in a small network several
 * attempts derive the same one.
 */
#include <string.h>

#include "../common/check.h"
#include "../common/overlay.h"
#include "attempts.h"

void
attempts_init(struct attempts *a, const struct ipnet *net, const char *name)
{
	unsigned i;

	for (i = 0; i < ATTEMPTS; i++) {
		overlay_addr(net, name, strlen(name), i, &a->at[i]);
		a->use[i] = check_overlay_host(net, &a->at[i]) ? ATTEMPT_FREE
							       : ATTEMPT_NEVER;
	}
}

void
attempts_mark(
    struct attempts *a, const struct ipaddr *addr, enum attempt_use use)
{
	unsigned i;

	for (i = 0; i < ATTEMPTS; i++)
		if (a->use[i] < use && ipaddr_eq(&a->at[i], addr))
			a->use[i] = (uint8_t)use;
}

static int
first(const struct attempts *a, unsigned from, unsigned end, enum attempt_use u)
{
	for (; from < end; from++)
		if (a->use[from] == u)
			return (int)from;
	return -1;
}

int
attempts_find(const struct attempts *a, enum attempt_use use)
{
	return first(a, 0, ATTEMPTS, use);
}

int
attempts_pick(const struct attempts *a, unsigned from)
{
	enum attempt_use u;
	int i;

	for (u = ATTEMPT_FREE; u <= ATTEMPT_GONE; u++) {
		if ((i = first(a, from, ATTEMPTS, u)) == -1)
			i = first(a, 0, from, u);
		if (i != -1)
			return i;
	}
	return -1;
}

unsigned
attempts_count(const struct attempts *a)
{
	unsigned i, k, n = 0;

	for (i = 0; i < ATTEMPTS; i++) {
		if (a->use[i] == ATTEMPT_NEVER)
			continue;
		for (k = 0; k < i && !ipaddr_eq(&a->at[k], &a->at[i]); k++)
			;
		n += k == i;
	}
	return n;
}
