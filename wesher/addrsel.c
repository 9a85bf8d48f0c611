/*
 * Which of the host's addresses the others are told. Pure.
 */
#include <string.h>

#include "mesh.h"

static bool
usable(const struct ipaddr *a, bool (*reaches)(const struct ipaddr *ip))
{
	return a->len != 0 && !ipaddr_is_any(a) && !ipaddr_is_loopback(a) &&
	       !ipaddr_is_linklocal(a) && !ipaddr_is_multicast(a) && reaches(a);
}

bool
mesh_pick_addr(const struct conf *conf, const struct priv_net *net,
    bool (*reaches)(const struct ipaddr *ip), struct ipaddr *out)
{
	struct ipaddr a, any = {0};
	unsigned i;

	if (conf->advertise_addr.len != 0) {
		*out = conf->advertise_addr;
		return true;
	}
	if (conf->bind_addr.len != 0 && !ipaddr_is_any(&conf->bind_addr)) {
		*out = conf->bind_addr;
		return true;
	}
	for (i = 0; i < net->naddr && i < PRIV_NET_ADDRS; i++) {
		if (!priv_ip_from(&a, &net->addr[i]) || !usable(&a, reaches))
			continue;
		if (!ipaddr_is_private(&a) &&
		    !ipnet_contains(&conf->overlay, &a)) {
			*out = a;
			return true;
		}
		if (any.len == 0)
			any = a;
	}
	if ((priv_ip_from(&a, &net->def4) && usable(&a, reaches)) ||
	    (priv_ip_from(&a, &net->def6) && usable(&a, reaches)))
		any = a;
	*out = any;
	return any.len != 0;
}
