#ifndef PRIV_DUTIES_H
#define PRIV_DUTIES_H

#include "dispatch.h"

/* What wesher-priv does by the clock, not on demand. */
#define HOSTS_DELAY  200 /* ms; rewrites are coalesced */
#define HOSTS_RETRY  10000
#define NET_DELAY    1000
#define REPAIR_EVERY 60000
#define STATS_EVERY  1000

/* Note that the hosts lines, or the host's own network, may have changed. */
void duty_hosts_changed(struct priv *p);
void duty_net_changed(struct priv *p);
/* A fresh picture of the host for the policy, and a NET when it differs. */
void duty_net(struct priv *p);
/* Do what is due. 0, or -1 (logged): the child is silent or does not read. */
int duties_run(struct priv *p);
/* ms from env.now until something is due, at most 1,000. */
int duties_wait(const struct priv *p);

/*
 * Start: the peers of an adopted interface enter the table; those without
 * exactly one allowed IP inside of the overlay are removed. 0 or -errno.
 */
int repair_adopt(struct priv *p);
/* Renew the peers' counters unless they are younger than STATS_EVERY. */
void repair_dump(struct priv *p);
/* Compare the kernel with what is wanted, and mend it. */
void repair(struct priv *p);

#endif
