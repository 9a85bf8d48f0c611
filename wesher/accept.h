#ifndef WESHER_ACCEPT_H
#define WESHER_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/conf.h"
#include "../common/privmsg.h"

/*
 * To which of our addresses may others speak? The sockets are bound to the
 * wildcard unless --bind-addr names an address, and the kernel would take what
 * comes to any of the host's addresses, by any interface. Pure.
 */
#define ACCEPT_MAX (PRIV_NET_ADDRS + 3)

struct accept {
	bool ready; /* false: nothing is known yet, everything is taken */
	uint32_t ifindex; /* our own interface: nothing is taken from there */
	bool bound; /* to one address: the kernel chooses */
	bool all; /* more addresses than wesher-priv can list */
	struct ipaddr overlay; /* never, not even with `all` */
	struct ipaddr addr[ACCEPT_MAX];
	size_t n;
};

struct accept_from {
	const struct conf *conf;
	const struct priv_net *net;
	struct ipaddr announced, former, overlay; /* len 0: none */
};
/* Work out what may be asked for, from the options, the host's addresses and
 * what is announced; keeps nothing of f. */
void accept_fill(struct accept *a, const struct accept_from *f);

/* May it be taken? local is the address that was asked for, ifindex where it
 * came in (0: not known). *why is a clause when it may not. */
bool accept_ok(const struct accept *a, const struct ipaddr *local,
    unsigned ifindex, const char **why);

#endif
