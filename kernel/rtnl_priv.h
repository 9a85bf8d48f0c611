#ifndef KERNEL_RTNL_PRIV_H
#define KERNEL_RTNL_PRIV_H

#include <stdbool.h>

#include "../common/addr.h"
#include "nl.h"

/* What rtnl.c and rtnl_host.c share; nobody else includes this. */

extern struct nl rtnl_req; /* the request socket */

#define rtnl_family(a) ((uint8_t)((a)->len == 4 ? AF_INET : AF_INET6))

/* Index a message's attributes by type into tb[n]. */
void rtnl_attrs(
    const struct nlmsghdr *nlh, size_t hdrlen, struct nlattr **tb, size_t n);
/* 0 for NULL; false when the attribute is NULL or no address. */
uint32_t rtnl_u32(const struct nlattr *a);
bool rtnl_addr(const struct nlattr *a, struct ipaddr *out);
/* Dump the routes: all, or (a hint only) the main table's over oif. */
int rtnl_route_dump(int family, unsigned oif, mnl_cb_t cb,
    void (*restart)(void *arg), void *arg);

#endif
