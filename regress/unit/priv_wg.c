/*
 * wg.c with a netlink of the test's own: this program defines all of nl.o's
 * symbols, decodes what would be sent and plays back dumps.
 */
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../kernel/nl.h"
#include "../../kernel/wg.h"

#define FAMILY	0x1d
#define MAXSENT 16384
#define MAXMSGS 8192
#define IFINDEX 42

/* What one peer of a sent message said. */
struct sent {
	unsigned msg; /* number of the message */
	uint8_t key[WG_KEY_LEN];
	uint32_t flags;
	int keepalive; /* -1: absent */
	unsigned nallowed;
	struct ipaddr addr;
	uint8_t bits;
	struct ipport endpoint;
};

static struct sent sent[MAXSENT];
static size_t nsent, msgs, msgsize[MAXMSGS], devflags;
static uint8_t privkey[WG_KEY_LEN];
static int port = -1;
static int (*verdict)(const struct sent *s, size_t n);
static uint8_t buffer[65536];
static int no_family;
static uint8_t *dumped[8]; /* messages of the dump */
static size_t ndumped, restarts;
static int dump_error;

int
nl_open(struct nl *nl, int bus)
{
	assert_int_equal(bus, NETLINK_GENERIC);
	nl->buf = buffer;
	nl->bufsize = sizeof(buffer);
	return 0;
}

void
nl_close(struct nl *nl)
{
	(void)nl;
}

void
nl_wipe(struct nl *nl)
{
	memset(nl->buf, 0, nl->bufsize);
}

int
nl_fd(const struct nl *nl)
{
	(void)nl;
	return -1;
}

struct nlmsghdr *
nl_request_at(struct nl *nl, size_t off, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(nl->buf + off);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags | NLM_F_REQUEST;
	return nlh;
}

struct nlmsghdr *
nl_request(struct nl *nl, uint16_t type, uint16_t flags)
{
	return nl_request_at(nl, 0, type, flags);
}

int
nl_batch(struct nl *nl, size_t len, size_t n, int *err)
{
	(void)nl, (void)len, (void)n, (void)err;
	fail();
	return -1;
}

ssize_t
nl_receive(struct nl *nl, int timeout)
{
	(void)nl, (void)timeout;
	fail();
	return -1;
}

static void
decode_allowed(const struct nlattr *list, struct sent *s)
{
	struct nlattr *ip, *a;
	uint16_t family = 0;

	mnl_attr_for_each_nested(ip, list)
	{
		s->nallowed++;
		mnl_attr_for_each_nested(a, ip)
		{
			uint16_t len = mnl_attr_get_payload_len(a);

			if (mnl_attr_get_type(a) == WGALLOWEDIP_A_FAMILY)
				family = mnl_attr_get_u16(a);
			else if (mnl_attr_get_type(a) == WGALLOWEDIP_A_IPADDR)
				assert_int_equal(
				    ipaddr_from_bytes(
					mnl_attr_get_payload(a), len, &s->addr),
				    0);
			else
				s->bits = mnl_attr_get_u8(a);
		}
		assert_int_equal(family, s->addr.len == 4 ? AF_INET : AF_INET6);
	}
}

static void
decode_peer(const struct nlattr *nest)
{
	struct sent *s = &sent[nsent++];
	struct nlattr *a;

	assert_true(nsent <= MAXSENT);
	memset(s, 0, sizeof(*s));
	s->msg = (unsigned)msgs;
	s->keepalive = -1;
	mnl_attr_for_each_nested(a, nest)
	{
		void *p = mnl_attr_get_payload(a);
		uint16_t len = mnl_attr_get_payload_len(a);

		switch (mnl_attr_get_type(a)) {
		case WGPEER_A_PUBLIC_KEY:
			assert_int_equal(len, WG_KEY_LEN);
			memcpy(s->key, p, len);
			break;
		case WGPEER_A_FLAGS:
			s->flags = mnl_attr_get_u32(a);
			break;
		case WGPEER_A_ENDPOINT:
			/* The kernel wants exactly one of the two sizes. */
			assert_true(len == 16 || len == 28);
			assert_int_equal(
			    ipport_from_sockaddr(p, len, &s->endpoint), 0);
			break;
		case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
			s->keepalive = mnl_attr_get_u16(a);
			break;
		case WGPEER_A_ALLOWEDIPS:
			decode_allowed(a, s);
			break;
		default:
			fail();
		}
	}
}

int
nl_ack(struct nl *nl, struct nlmsghdr *nlh)
{
	const struct genlmsghdr *g = mnl_nlmsg_get_payload(nlh);
	size_t before = nsent;
	struct nlattr *a, *p;
	uint32_t ifindex = 0;

	(void)nl;
	assert_int_equal(nlh->nlmsg_type, FAMILY);
	assert_int_equal(g->cmd, WG_CMD_SET_DEVICE);
	assert_int_equal(g->version, 1);
	mnl_attr_for_each(a, nlh, sizeof(*g))
	{
		switch (mnl_attr_get_type(a)) {
		case WGDEVICE_A_IFINDEX:
			ifindex = mnl_attr_get_u32(a);
			break;
		case WGDEVICE_A_FLAGS:
			devflags |= mnl_attr_get_u32(a);
			break;
		case WGDEVICE_A_PRIVATE_KEY:
			memcpy(privkey, mnl_attr_get_payload(a), WG_KEY_LEN);
			break;
		case WGDEVICE_A_LISTEN_PORT:
			port = mnl_attr_get_u16(a);
			break;
		case WGDEVICE_A_PEERS:
			mnl_attr_for_each_nested(p, a) decode_peer(p);
			break;
		default:
			fail();
		}
	}
	assert_int_equal(ifindex, IFINDEX);
	assert_true(msgs < MAXMSGS);
	msgsize[msgs++] = nlh->nlmsg_len;
	return verdict != NULL ? verdict(sent + before, nsent - before) : 0;
}

static int
get_family(mnl_cb_t cb, void *arg)
{
	union {
		struct nlmsghdr h;
		uint8_t b[256];
	} m;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(&m);

	if (no_family)
		return -ENOENT;
	nlh->nlmsg_type = GENL_ID_CTRL;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct genlmsghdr));
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "wireguard");
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, FAMILY);
	return cb(nlh, arg) < 0 ? -errno : 0;
}

/* The scripted dump; a restart plays its first message twice. */
int
nl_dump(struct nl *nl, struct nlmsghdr *nlh, mnl_cb_t cb,
    void (*restart)(void *arg), void *arg)
{
	size_t i;

	(void)nl;
	if (nlh->nlmsg_type == GENL_ID_CTRL)
		return get_family(cb, arg);
	assert_int_equal(nlh->nlmsg_flags & NLM_F_DUMP, NLM_F_DUMP);
	for (i = 0; i < restarts; i++) {
		assert_true(cb((struct nlmsghdr *)dumped[0], arg) >= 0);
		restart(arg);
	}
	for (i = 0; i < ndumped; i++)
		if (cb((struct nlmsghdr *)dumped[i], arg) < 0)
			return -errno;
	memset(buffer, 0x55, sizeof(buffer)); /* as if received here */
	return dump_error;
}

/* building dumps */

static struct nlmsghdr *
dump_message(void)
{
	struct nlmsghdr *nlh;

	assert_true(ndumped < 8);
	dumped[ndumped] = calloc(1, 32768);
	assert_non_null(dumped[ndumped]);
	nlh = mnl_nlmsg_put_header(dumped[ndumped++]);
	nlh->nlmsg_type = FAMILY;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct genlmsghdr));
	return nlh;
}

static void
key_of(unsigned i, uint8_t key[WG_KEY_LEN])
{
	memset(key, 0xa5, WG_KEY_LEN);
	memcpy(key, &i, sizeof(i));
}

static void
dump_allowed(struct nlmsghdr *nlh, const char *addr, uint8_t bits)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, 0);
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(addr, &a), 0);
	mnl_attr_put_u8(nlh, WGALLOWEDIP_A_CIDR_MASK, bits);
	mnl_attr_put_u16(
	    nlh, WGALLOWEDIP_A_FAMILY, a.len == 4 ? AF_INET : AF_INET6);
	mnl_attr_put(nlh, WGALLOWEDIP_A_IPADDR, a.len, a.b);
	mnl_attr_nest_end(nlh, nest);
}

/* more: the peer goes on from the message before, with its key alone. */
static struct nlattr *
dump_peer_start(struct nlmsghdr *nlh, unsigned i, bool more)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, 0);
	struct ipport ep = {.port = (uint16_t)(1000 + i)};
	struct sockaddr_storage ss;
	uint8_t key[WG_KEY_LEN];
	int64_t when[2] = {1700000000 + i, 999};
	socklen_t len;

	key_of(i, key);
	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, WG_KEY_LEN, key);
	if (more)
		return nest;
	assert_int_equal(
	    ipaddr_parse(i % 2 ? "192.0.2.1" : "2001:db8::1", &ep.ip), 0);
	len = ipport_to_sockaddr(&ep, &ss);
	mnl_attr_put(nlh, WGPEER_A_PRESHARED_KEY, WG_KEY_LEN, key);
	mnl_attr_put(nlh, WGPEER_A_LAST_HANDSHAKE_TIME, sizeof(when), when);
	mnl_attr_put_u16(nlh, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 25);
	mnl_attr_put_u64(nlh, WGPEER_A_RX_BYTES, (1ULL << 40) + i);
	mnl_attr_put_u64(nlh, WGPEER_A_TX_BYTES, (1ULL << 41) + i);
	mnl_attr_put_u32(nlh, WGPEER_A_PROTOCOL_VERSION, 1);
	if (i != 5)
		mnl_attr_put(nlh, WGPEER_A_ENDPOINT, len, &ss);
	return nest;
}

/* Three messages: peers 1 2 3a | 3b 4 | 5; allowed IPs as below. */
static void
three_messages(void)
{
	struct nlmsghdr *nlh = dump_message();
	struct nlattr *peers, *p, *l;
	uint8_t key[WG_KEY_LEN];

	key_of(99, key);
	mnl_attr_put_u16(nlh, WGDEVICE_A_LISTEN_PORT, 51820);
	mnl_attr_put_u32(nlh, WGDEVICE_A_IFINDEX, IFINDEX);
	mnl_attr_put_strz(nlh, WGDEVICE_A_IFNAME, "wgoverlay");
	mnl_attr_put(nlh, WGDEVICE_A_PRIVATE_KEY, WG_KEY_LEN, key);
	mnl_attr_put(nlh, WGDEVICE_A_PUBLIC_KEY, WG_KEY_LEN, key);
	peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
	p = dump_peer_start(nlh, 1, false); /* one host address */
	l = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	dump_allowed(nlh, "10.0.0.1", 32);
	mnl_attr_nest_end(nlh, l);
	mnl_attr_nest_end(nlh, p);
	p = dump_peer_start(nlh, 2, false); /* a network */
	l = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	dump_allowed(nlh, "10.2.0.0", 16);
	mnl_attr_nest_end(nlh, l);
	mnl_attr_nest_end(nlh, p);
	p = dump_peer_start(nlh, 3, false); /* 2 + 3 host addresses */
	l = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	dump_allowed(nlh, "10.0.0.3", 32);
	dump_allowed(nlh, "10.0.0.4", 32);
	mnl_attr_nest_end(nlh, l);
	mnl_attr_nest_end(nlh, p);
	mnl_attr_nest_end(nlh, peers);

	nlh = dump_message();
	peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
	p = dump_peer_start(nlh, 3, true);
	l = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	dump_allowed(nlh, "10.0.0.5", 32);
	dump_allowed(nlh, "10.0.0.6", 32);
	dump_allowed(nlh, "fd00::6", 128);
	mnl_attr_nest_end(nlh, l);
	mnl_attr_nest_end(nlh, p);
	p = dump_peer_start(nlh, 4, false); /* begins with no allowed IP, */
	mnl_attr_nest_end(nlh, p);
	mnl_attr_nest_end(nlh, peers);

	nlh = dump_message();
	peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
	p = dump_peer_start(nlh, 4, true); /* which comes only here */
	l = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	dump_allowed(nlh, "fd00::4", 128);
	mnl_attr_nest_end(nlh, l);
	mnl_attr_nest_end(nlh, p);
	p = dump_peer_start(nlh, 5, false); /* no endpoint, nothing allowed */
	mnl_attr_nest_end(nlh, p);
	mnl_attr_nest_end(nlh, peers);
}

static int
setup(void **state)
{
	(void)state;
	nsent = msgs = devflags = restarts = 0;
	verdict = NULL;
	no_family = dump_error = 0;
	port = -1;
	return wg_open("wgt", "wireguard");
}

static int
teardown(void **state)
{
	(void)state;
	while (ndumped > 0)
		free(dumped[--ndumped]);
	wg_close();
	return 0;
}

static void
test_no_wireguard(void **state)
{
	(void)state;
	wg_close();
	no_family = 1;
	assert_int_equal(wg_open("wgt", "wireguard"), -EOPNOTSUPP);
	no_family = 0;
	assert_int_equal(wg_open("wgt", "wireguard"), 0);
}

static void
assert_wiped(void)
{
	size_t i;

	for (i = 0; i < sizeof(buffer); i++)
		assert_int_equal(buffer[i], 0);
}

static void
test_device_set(void **state)
{
	uint8_t key[WG_KEY_LEN];

	(void)state;
	key_of(7, key);
	assert_int_equal(wg_device_set(IFINDEX, key, 51820), 0);
	assert_memory_equal(privkey, key, WG_KEY_LEN);
	assert_int_equal(port, 51820);
	assert_int_equal(devflags, 0);
	assert_int_equal(nsent, 0);
	assert_wiped();
}

static void
test_dump(void **state)
{
	static const uint16_t nallowed[] = {1, 1, 5, 1, 0};
	static const char *const addr[] = {
	    "10.0.0.1", "none", "none", "fd00::4", "none"};
	struct wg_device d;
	uint8_t key[WG_KEY_LEN];
	char buf[IPPORT_STRLEN];
	unsigned i;

	(void)state;
	three_messages();
	restarts = 2;
	assert_int_equal(wg_device_get(IFINDEX, &d), 0);
	assert_wiped();
	key_of(99, key);
	assert_memory_equal(d.pubkey, key, WG_KEY_LEN);
	assert_int_equal(d.port, 51820);
	assert_int_equal(d.ifindex, IFINDEX);
	assert_int_equal(d.npeers, 5);
	for (i = 0; i < 5; i++) {
		const struct wg_peer *p = &d.peers[i];

		key_of(i + 1, key);
		assert_memory_equal(p->key, key, WG_KEY_LEN);
		assert_int_equal(p->nallowed, nallowed[i]);
		assert_string_equal(ipaddr_str(&p->addr, buf), addr[i]);
		assert_int_equal(p->handshake, 1700000001 + i);
		assert_int_equal(p->keepalive, 25);
		assert_true(p->rx == (1ULL << 40) + i + 1);
		assert_true(p->tx == (1ULL << 41) + i + 1);
	}
	assert_string_equal(
	    ipport_str(&d.peers[0].endpoint, buf), "192.0.2.1:1001");
	assert_string_equal(
	    ipport_str(&d.peers[1].endpoint, buf), "[2001:db8::1]:1002");
	assert_int_equal(d.peers[4].endpoint.ip.len, 0);
	wg_device_free(&d);
	assert_null(d.peers);
}

static void
test_dump_many(void **state)
{
	struct nlmsghdr *nlh;
	struct nlattr *peers;
	struct wg_device d;
	unsigned i, m;

	(void)state;
	for (m = 0; m < 4; m++) {
		nlh = dump_message();
		peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
		for (i = 0; i < 100; i++)
			mnl_attr_nest_end(
			    nlh, dump_peer_start(nlh, 100 * m + i, false));
		mnl_attr_nest_end(nlh, peers);
	}
	assert_int_equal(wg_device_get(IFINDEX, &d), 0);
	assert_int_equal(d.npeers, 400);
	for (i = 0; i < 400; i++)
		assert_int_equal(d.peers[i].handshake, 1700000000 + i);
	wg_device_free(&d);
	dump_error = -ENODEV;
	assert_int_equal(wg_device_get(IFINDEX, &d), -ENODEV);
	assert_int_equal(d.npeers, 0);
	assert_null(d.peers);
}

/* Attributes that are too short are zero, not memory behind them. */
static void
test_dump_short(void **state)
{
	struct nlmsghdr *nlh = dump_message();
	struct nlattr *peers, *p, *l, *ip;
	struct wg_device d;
	uint8_t key[WG_KEY_LEN] = {1};

	(void)state;
	mnl_attr_put_u8(nlh, WGDEVICE_A_LISTEN_PORT, 9);
	mnl_attr_put(nlh, WGDEVICE_A_PUBLIC_KEY, 31, key);
	peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
	p = mnl_attr_nest_start(nlh, 0);
	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, 31, key);
	mnl_attr_nest_end(nlh, p);
	p = mnl_attr_nest_start(nlh, 0);
	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, WG_KEY_LEN, key);
	mnl_attr_put_u8(nlh, WGPEER_A_RX_BYTES, 9);
	mnl_attr_put_u8(nlh, WGPEER_A_LAST_HANDSHAKE_TIME, 9);
	mnl_attr_put_u8(nlh, WGPEER_A_ENDPOINT, 2);
	l = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	ip = mnl_attr_nest_start(nlh, 0);
	mnl_attr_put(nlh, WGALLOWEDIP_A_IPADDR, 3, key);
	mnl_attr_nest_end(nlh, ip);
	mnl_attr_nest_end(nlh, l);
	mnl_attr_nest_end(nlh, p);
	mnl_attr_nest_end(nlh, peers);
	assert_int_equal(wg_device_get(IFINDEX, &d), 0);
	assert_int_equal(d.port, 0);
	assert_int_equal(d.npeers, 1);
	assert_int_equal(d.peers[0].rx, 0);
	assert_int_equal(d.peers[0].handshake, 0);
	assert_int_equal(d.peers[0].endpoint.ip.len, 0);
	assert_int_equal(d.peers[0].addr.len, 0);
	wg_device_free(&d);
}

static struct wg_change
change(enum wg_op op, unsigned i)
{
	struct wg_change c = {.op = op};

	key_of(i, c.peer.key);
	c.peer.keepalive = 25;
	c.peer.addr = (struct ipaddr){
	    4, {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
	c.peer.endpoint.ip = (struct ipaddr){16, {0x20, 1, [15] = (uint8_t)i}};
	c.peer.endpoint.port = (uint16_t)(i + 1);
	return c;
}

static void
test_forms(void **state)
{
	struct wg_change c[5] = {change(WG_ADD, 1), change(WG_ADD, 2),
	    change(WG_ENDPOINT, 3), change(WG_DEL, 4), change(WG_ADD, 5)};
	int err[5];

	(void)state;
	c[1].peer.endpoint.ip.len = 0; /* leave it */
	c[1].peer.keepalive = 0;
	c[4].peer.addr = (struct ipaddr){16, {0xfd, [15] = 5}};
	c[4].peer.endpoint.ip = (struct ipaddr){4, {192, 0, 2, 5}};
	assert_int_equal(wg_apply(IFINDEX, c, 5, err), 0);
	assert_int_equal(msgs, 1);
	assert_int_equal(nsent, 5);
	assert_int_equal(devflags, 0);
	assert_int_equal(sent[0].flags, WGPEER_F_REPLACE_ALLOWEDIPS);
	assert_int_equal(sent[0].nallowed, 1);
	assert_int_equal(sent[0].bits, 32);
	assert_true(ipaddr_eq(&sent[0].addr, &c[0].peer.addr));
	assert_int_equal(ipport_cmp(&sent[0].endpoint, &c[0].peer.endpoint), 0);
	assert_int_equal(sent[0].keepalive, 25);
	assert_int_equal(sent[1].endpoint.ip.len, 0);
	assert_int_equal(sent[1].keepalive, 0);
	assert_int_equal(sent[2].flags, WGPEER_F_UPDATE_ONLY);
	assert_int_equal(sent[2].nallowed, 0);
	assert_int_equal(sent[2].keepalive, -1);
	assert_int_equal(sent[2].endpoint.port, 4);
	assert_int_equal(sent[3].flags, WGPEER_F_REMOVE_ME);
	assert_int_equal(sent[3].nallowed, 0);
	assert_int_equal(sent[3].endpoint.ip.len, 0);
	assert_int_equal(sent[4].bits, 128);
	assert_int_equal(sent[4].endpoint.ip.len, 4);
	assert_memory_equal(sent[4].key, c[4].peer.key, WG_KEY_LEN);
	assert_int_equal(wg_apply(IFINDEX, c, 0, err), 0);
	assert_int_equal(msgs, 1);
}

static void
test_split(void **state)
{
	enum { N = 3000 };
	static struct wg_change c[N];
	static int err[N];
	size_t i;

	(void)state;
	for (i = 0; i < N; i++) {
		c[i] = change(WG_ADD, (unsigned)i);
		c[i].peer.addr = (struct ipaddr){
		    16, {0xfd, [14] = (uint8_t)(i >> 8), (uint8_t)i}};
		err[i] = 1;
	}
	assert_int_equal(wg_apply(IFINDEX, c, N, err), 0);
	assert_int_equal(nsent, N);
	assert_int_equal(msgs, (N + 179) / 180);
	for (i = 0; i < msgs; i++)
		assert_true(msgsize[i] <= 24 * 1024);
	for (i = 0; i < N; i++) {
		assert_int_equal(err[i], 0);
		assert_memory_equal(sent[i].key, c[i].peer.key, WG_KEY_LEN);
	}
}

/* A replaced key is never torn, wherever the border of a message falls. */
static void
test_pairs(void **state)
{
	enum { N = 1001 };
	static struct wg_change c[N];
	static int err[N];
	size_t shift, i;

	(void)state;
	for (shift = 0; shift < 2; shift++) {
		nsent = msgs = 0;
		for (i = 0; i < N; i++)
			c[i] = change(
			    (i + shift) % 2 ? WG_ADD : WG_DEL, (unsigned)i);
		assert_int_equal(wg_apply(IFINDEX, c, N, err), 0);
		assert_int_equal(nsent, N);
		for (i = 0; i + 1 < N; i++)
			if (c[i].op == WG_DEL)
				assert_int_equal(sent[i].msg, sent[i + 1].msg);
		assert_int_equal(msgs, 6);
	}
}

/* Refuses every message with peer 7 or 200. */
static int
refuse_two(const struct sent *s, size_t n)
{
	uint8_t a[WG_KEY_LEN], b[WG_KEY_LEN];
	size_t i;

	key_of(7, a);
	key_of(200, b);
	for (i = 0; i < n; i++)
		if (memcmp(s[i].key, a, sizeof(a)) == 0)
			return -EINVAL;
		else if (memcmp(s[i].key, b, sizeof(b)) == 0)
			return -ENOMEM;
	return 0;
}

static void
test_blame(void **state)
{
	enum { N = 500 };
	static struct wg_change c[N];
	static int err[N];
	size_t i;

	(void)state;
	for (i = 0; i < N; i++)
		c[i] = change(WG_ADD, (unsigned)i);
	verdict = refuse_two;
	assert_int_equal(wg_apply(IFINDEX, c, N, err), 0);
	for (i = 0; i < N; i++)
		assert_int_equal(err[i], i == 7	    ? -EINVAL
					 : i == 200 ? -ENOMEM
						    : 0);
	/* Two messages of 180 were repeated one by one, the third not. */
	assert_int_equal(msgs, 3 + 180 + 180);
}

/* When others are to blame, a replacement is repeated in one message. */
static void
test_blame_pair(void **state)
{
	struct wg_change c[6] = {change(WG_DEL, 1), change(WG_ADD, 2),
	    change(WG_ADD, 7), change(WG_DEL, 3), change(WG_ADD, 200),
	    change(WG_ENDPOINT, 4)};
	static const int want[] = {0, 0, -EINVAL, 0, -ENOMEM, 0};
	int err[6], i;

	(void)state;
	verdict = refuse_two;
	assert_int_equal(wg_apply(IFINDEX, c, 6, err), 0);
	for (i = 0; i < 6; i++)
		assert_int_equal(err[i], want[i]);
	assert_int_equal(sent[6].msg, 1);
	assert_int_equal(sent[7].msg, 1);
	assert_int_equal(sent[8].msg, 2);
	/* 3 and 200 together, then each alone; then the last. */
	assert_int_equal(msgs, 1 + 1 + 1 + 3 + 1);
}

static int
gone(const struct sent *s, size_t n)
{
	(void)s, (void)n;
	return msgs > 1 ? -ENODEV : 0;
}

static void
test_device_gone(void **state)
{
	enum { N = 600 };
	static struct wg_change c[N];
	static int err[N];
	size_t i;

	(void)state;
	for (i = 0; i < N; i++)
		c[i] = change(WG_ADD, (unsigned)i);
	verdict = gone;
	assert_int_equal(wg_apply(IFINDEX, c, N, err), -ENODEV);
	for (i = 0; i < N; i++)
		assert_int_equal(err[i], i < 180 ? 0 : -ENODEV);
	assert_int_equal(msgs, 2); /* not repeated */
}

static int
gone_while_searching(const struct sent *s, size_t n)
{
	(void)s, (void)n;
	return msgs == 1 ? -EINVAL : msgs < 4 ? 0 : -ENODEV;
}

static void
test_gone_while_searching(void **state)
{
	struct wg_change c[6];
	int err[6], i;

	(void)state;
	for (i = 0; i < 6; i++)
		c[i] = change(WG_ADD, (unsigned)i);
	verdict = gone_while_searching;
	assert_int_equal(wg_apply(IFINDEX, c, 6, err), -ENODEV);
	for (i = 0; i < 6; i++)
		assert_int_equal(err[i], i < 2 ? 0 : -ENODEV);
}

static int
lossy(const struct sent *s, size_t n)
{
	(void)s, (void)n;
	return msgs % 3 == 0 ? 0 : -ENOBUFS;
}

static int
lost(const struct sent *s, size_t n)
{
	(void)s, (void)n;
	return -ENOBUFS;
}

static void
test_lost_answers(void **state)
{
	struct wg_change c = change(WG_ADD, 1);
	int err;

	(void)state;
	verdict = lossy;
	assert_int_equal(wg_apply(IFINDEX, &c, 1, &err), 0);
	assert_int_equal(err, 0);
	assert_int_equal(msgs, 3);
	verdict = lost;
	assert_int_equal(wg_apply(IFINDEX, &c, 1, &err), -ENOBUFS);
	assert_int_equal(err, -ENOBUFS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {T(test_no_wireguard),
	    T(test_device_set), T(test_dump), T(test_dump_many),
	    T(test_dump_short), T(test_forms), T(test_split), T(test_pairs),
	    T(test_blame), T(test_blame_pair), T(test_device_gone),
	    T(test_gone_while_searching), T(test_lost_answers)};

	return cmocka_run_group_tests_name("priv_wg", tests, NULL, NULL);
}
