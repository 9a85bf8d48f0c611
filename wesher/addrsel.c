/*
 * Which of the host's addresses the others are told. Pure.
 */
#include <string.h>

#include "mesh_int.h"

static bool
usable(const struct ipaddr *a, bool (*reaches)(const struct ipaddr *ip))
{
	return a->len != 0 && !ipaddr_is_any(a) && !ipaddr_is_loopback(a) &&
	       !ipaddr_is_linklocal(a) && !ipaddr_is_multicast(a) && reaches(a);
}

static bool
is_public(const struct conf *conf, const struct ipaddr *a)
{
	return a->len != 0 && !ipaddr_is_private(a) &&
	       !ipnet_contains(&conf->overlay, a);
}

bool
mesh_pick_addr(const struct conf *conf, const struct priv_net *net,
    bool (*reaches)(const struct ipaddr *ip), struct ipaddr *out)
{
	struct ipaddr a, def4 = {0}, def6 = {0}, any = {0};
	unsigned i;

	if (conf->advertise_addr.len != 0) {
		*out = conf->advertise_addr;
		return true;
	}
	if (conf->bind_addr.len != 0 && !ipaddr_is_any(&conf->bind_addr)) {
		*out = conf->bind_addr;
		return true;
	}
	if (!priv_ip_from(&def4, &net->def4) || !usable(&def4, reaches))
		def4.len = 0;
	if (!priv_ip_from(&def6, &net->def6) || !usable(&def6, reaches))
		def6.len = 0;
	*out = def4;
	if (is_public(conf, out))
		return true;
	*out = def6;
	if (is_public(conf, out))
		return true;
	for (i = 0; i < net->naddr && i < PRIV_NET_ADDRS; i++) {
		if (!priv_ip_from(&a, &net->addr[i]) || !usable(&a, reaches))
			continue;
		*out = a;
		if (is_public(conf, out))
			return true;
		if (any.len == 0)
			any = a;
	}
	*out = def4.len != 0 ? def4 : def6.len != 0 ? def6 : any;
	return out->len != 0;
}

bool
mesh_is_own(const struct priv_net *net, const struct ipaddr *ip)
{
	struct ipaddr a;
	unsigned i;

	for (i = 0; i < net->naddr && i < PRIV_NET_ADDRS; i++)
		if (priv_ip_from(&a, &net->addr[i]) && ipaddr_eq(&a, ip))
			return true;
	return false;
}

bool
mesh_keep_addr(const struct ipaddr *announced, const struct ipaddr *pick,
    const struct priv_net *before, const struct priv_net *net)
{
	bool v4 = announced->len == 4;
	struct ipaddr was, is;

	if (announced->len == 0 || !mesh_is_own(net, announced) ||
	    (ipaddr_is_private(announced) && !ipaddr_is_private(pick)))
		return false;
	if (net->def4.len == 0 && net->def6.len == 0)
		return true;
	if (ipaddr_is_private(announced))
		return false;
	return !priv_ip_from(&is, v4 ? &net->def4 : &net->def6) ||
	       is.len == 0 || ipaddr_eq(&is, announced) ||
	       !priv_ip_from(&was, v4 ? &before->def4 : &before->def6) ||
	       !ipaddr_eq(&was, announced);
}
