/*
 * The WireGuard device over generic netlink: <linux/wireguard.h> is the
 * contract. wesher-priv alone. Input is the kernel's; what is written was
 * checked by policy before.
 *
 * Must never: replace all peers (that wipes the sessions of everybody), nor
 * leave a key behind. The private key passes through the netlink buffer on
 * its way in and, as part of every dump, out; it is wiped after each.
 */
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "nl.h"
#include "wg_int.h"

/* Peers in one message: at most 132 bytes each, so below 24 KiB. */
#define PEERS_BATCH 180
#define RESENDS	    3

static struct nl genl;
static uint16_t family;

static int
family_cb(const struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *a;

	(void)arg;
	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID &&
		    mnl_attr_validate(a, MNL_TYPE_U16) == 0)
			family = mnl_attr_get_u16(a);
	}
	return MNL_CB_OK;
}

static struct nlmsghdr *
request(uint16_t type, uint16_t flags, uint8_t cmd, uint8_t version)
{
	struct nlmsghdr *nlh = nl_request(&genl, type, flags);
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));

	g->cmd = cmd;
	g->version = version;
	return nlh;
}

static struct nlmsghdr *
device_request(uint8_t cmd, uint16_t flags, unsigned ifindex)
{
	struct nlmsghdr *nlh = request(family, flags, cmd, WG_GENL_VERSION);

	mnl_attr_put_u32(nlh, WGDEVICE_A_IFINDEX, ifindex);
	return nlh;
}

static void
netlink_close(void)
{
	nl_close(&genl);
}

static int
netlink_open(const char *name)
{
	struct nlmsghdr *nlh;
	int r;

	(void)name; /* every request names its interface */
	if (nl_open(&genl, NETLINK_GENERIC) == -1)
		return -errno;
	family = 0;
	nlh = request(GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
	r = nl_dump(&genl, nlh, family_cb, NULL, NULL);
	if (r == -ENOENT || (r == 0 && family == 0))
		r = -EOPNOTSUPP;
	if (r != 0)
		netlink_close();
	return r;
}

static int
netlink_set(unsigned ifindex, const uint8_t privkey[WG_KEY_LEN], uint16_t port)
{
	struct nlmsghdr *nlh = device_request(WG_CMD_SET_DEVICE, 0, ifindex);
	int r;

	mnl_attr_put(nlh, WGDEVICE_A_PRIVATE_KEY, WG_KEY_LEN, privkey);
	mnl_attr_put_u16(nlh, WGDEVICE_A_LISTEN_PORT, port);
	r = nl_ack(&genl, nlh);
	nl_wipe(&genl);
	return r;
}

/* Copy an attribute's first len bytes, zero when it is shorter. */
static void
get(const struct nlattr *a, void *out, size_t len)
{
	memset(out, 0, len);
	if (mnl_attr_get_payload_len(a) >= len)
		memcpy(out, mnl_attr_get_payload(a), len);
}

/* One allowed IP. Only a single host address becomes the peer's addr. */
static void
parse_allowed(const struct nlattr *nest, struct wg_peer *p)
{
	struct ipaddr ip = {0};
	struct nlattr *a;
	uint8_t bits = 0;

	mnl_attr_for_each_nested(a, nest)
	{
		if (mnl_attr_get_type(a) == WGALLOWEDIP_A_IPADDR)
			(void)ipaddr_from_bytes(mnl_attr_get_payload(a),
			    mnl_attr_get_payload_len(a), &ip);
		else if (mnl_attr_get_type(a) == WGALLOWEDIP_A_CIDR_MASK)
			get(a, &bits, sizeof(bits));
	}
	memset(&p->addr, 0, sizeof(p->addr));
	if (p->nallowed == 0 && bits == ip.len * 8)
		p->addr = ip;
	if (p->nallowed < UINT16_MAX)
		p->nallowed++;
}

static void
parse_attr(const struct nlattr *a, struct wg_peer *p)
{
	struct nlattr *ip;

	switch (mnl_attr_get_type(a)) {
	case WGPEER_A_ENDPOINT:
		(void)ipport_from_sockaddr(mnl_attr_get_payload(a),
		    mnl_attr_get_payload_len(a), &p->endpoint);
		break;
	case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
		get(a, &p->keepalive, sizeof(p->keepalive));
		break;
	case WGPEER_A_LAST_HANDSHAKE_TIME: /* tv_sec comes first */
		get(a, &p->handshake, sizeof(p->handshake));
		break;
	case WGPEER_A_RX_BYTES:
		get(a, &p->rx, sizeof(p->rx));
		break;
	case WGPEER_A_TX_BYTES:
		get(a, &p->tx, sizeof(p->tx));
		break;
	case WGPEER_A_ALLOWEDIPS:
		mnl_attr_for_each_nested(ip, a) parse_allowed(ip, p);
		break;
	}
}

static int
parse_peer(const struct nlattr *nest, struct wg_dump *s)
{
	struct nlattr *a, *key = NULL;
	struct wg_peer *p;

	mnl_attr_for_each_nested(a, nest)
	{
		if (mnl_attr_get_type(a) == WGPEER_A_PUBLIC_KEY)
			key = a;
	}
	if (key == NULL || mnl_attr_get_payload_len(key) != WG_KEY_LEN)
		return MNL_CB_OK;
	if ((p = wg_dump_peer(s, mnl_attr_get_payload(key))) == NULL)
		return MNL_CB_ERROR;
	mnl_attr_for_each_nested(a, nest) parse_attr(a, p);
	return MNL_CB_OK;
}

static int
device_cb(const struct nlmsghdr *nlh, void *arg)
{
	struct wg_dump *s = arg;
	struct nlattr *a, *peer;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
	{
		switch (mnl_attr_get_type(a)) {
		case WGDEVICE_A_PUBLIC_KEY:
			get(a, s->d->pubkey, WG_KEY_LEN);
			break;
		case WGDEVICE_A_LISTEN_PORT:
			get(a, &s->d->port, sizeof(s->d->port));
			break;
		case WGDEVICE_A_PEERS:
			mnl_attr_for_each_nested(peer, a)
			{
				if (parse_peer(peer, s) != MNL_CB_OK)
					return MNL_CB_ERROR;
			}
			break;
		}
	}
	return MNL_CB_OK;
}

static void
device_restart(void *arg)
{
	struct wg_dump *s = arg;

	s->d->npeers = 0;
}

static int
netlink_get(unsigned ifindex, struct wg_dump *s)
{
	struct nlmsghdr *nlh = device_request(
	    WG_CMD_GET_DEVICE, NLM_F_DUMP, ifindex);
	int r = nl_dump(&genl, nlh, device_cb, device_restart, s);

	nl_wipe(&genl);
	return r;
}

static void
put_allowed(struct nlmsghdr *nlh, const struct ipaddr *addr)
{
	struct nlattr *list = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	struct nlattr *ip = mnl_attr_nest_start(nlh, 0);

	mnl_attr_put_u16(
	    nlh, WGALLOWEDIP_A_FAMILY, addr->len == 4 ? AF_INET : AF_INET6);
	mnl_attr_put(nlh, WGALLOWEDIP_A_IPADDR, addr->len, addr->b);
	mnl_attr_put_u8(nlh, WGALLOWEDIP_A_CIDR_MASK, (uint8_t)(addr->len * 8));
	mnl_attr_nest_end(nlh, ip);
	mnl_attr_nest_end(nlh, list);
}

static void
put_peer(struct nlmsghdr *nlh, const struct wg_change *c)
{
	static const uint32_t flags[] = {
	    [WG_ADD] = WGPEER_F_REPLACE_ALLOWEDIPS,
	    [WG_DEL] = WGPEER_F_REMOVE_ME,
	    [WG_ENDPOINT] = WGPEER_F_UPDATE_ONLY,
	};
	const struct wg_peer *p = &c->peer;
	struct nlattr *nest = mnl_attr_nest_start(nlh, 0);
	struct sockaddr_storage ss;
	socklen_t len;

	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, WG_KEY_LEN, p->key);
	mnl_attr_put_u32(nlh, WGPEER_A_FLAGS, flags[c->op]);
	if (c->op != WG_DEL && p->endpoint.ip.len != 0) {
		len = ipport_to_sockaddr(&p->endpoint, &ss);
		mnl_attr_put(nlh, WGPEER_A_ENDPOINT, len, &ss);
	}
	if (c->op == WG_ADD) {
		mnl_attr_put_u16(
		    nlh, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, p->keepalive);
		if (p->addr.len != 0)
			put_allowed(nlh, &p->addr);
	}
	mnl_attr_nest_end(nlh, nest);
}

/* One message. Repeating it does no harm, so a lost answer is repeated. */
static int
netlink_change(unsigned ifindex, const struct wg_change *ch, size_t n)
{
	struct nlmsghdr *nlh;
	struct nlattr *peers;
	size_t i;
	int try, r = 0;

	for (try = 0; try < RESENDS; try++) {
		nlh = device_request(WG_CMD_SET_DEVICE, 0, ifindex);
		peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
		for (i = 0; i < n; i++)
			put_peer(nlh, &ch[i]);
		mnl_attr_nest_end(nlh, peers);
		if ((r = nl_ack(&genl, nlh)) != -ENOBUFS)
			break;
	}
	return r;
}

const struct wg_ops wg_netlink = {
    .batch = PEERS_BATCH,
    .open = netlink_open,
    .close = netlink_close,
    .set = netlink_set,
    .get = netlink_get,
    .change = netlink_change,
};
