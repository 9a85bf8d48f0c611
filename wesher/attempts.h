#ifndef WESHER_ATTEMPTS_H
#define WESHER_ATTEMPTS_H

#include <stdint.h>

#include "../common/addr.h"

/*
 * The addresses that one name derives, attempt by attempt (protocol.md section
 * 7), and who has them as far as we know. Pure.
 */
#define ATTEMPTS 256

/* Of two uses of one address the later in this list counts. */
enum attempt_use {
	ATTEMPT_FREE,
	ATTEMPT_GONE, /* claimed by one that has failed, and may come back */
	ATTEMPT_WEAK, /* claimed, by the order of claims worse than by us */
	ATTEMPT_STRONG, /* claimed, and better */
	ATTEMPT_NEVER /* refused, or no host's address */
};

struct attempts {
	struct ipaddr at[ATTEMPTS];
	uint8_t use[ATTEMPTS]; /* enum attempt_use */
};

void
attempts_init(struct attempts *a, const struct ipnet *net, const char *name);
/* That address is in use so. Others than ours are no matter. */
void attempts_mark(
    struct attempts *a, const struct ipaddr *addr, enum attempt_use use);
/*
 * The first that is free at or after `from`, then below it; if there is none
 * likewise one of a member that is gone. -1: all are taken.
 */
int attempts_pick(const struct attempts *a, unsigned from);
/* The first that is in use so; -1: none is. */
int attempts_find(const struct attempts *a, enum attempt_use use);
/* How many different addresses there are, free or not. */
unsigned attempts_count(const struct attempts *a);

#endif
