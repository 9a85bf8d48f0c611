/*
 * Netlink answers: the program's own sendto, recv, recvmsg and poll come
 * before libc's and hand out datagrams made from the input. Their headers get
 * the sequence number and port that are waited for, half of the time, since
 * no other answer is looked at. Every function of rtnl.h and wg.h takes part.
 */
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../kernel/rtnl.h"
#include "../../kernel/rtnl_priv.h"
#include "../../kernel/wg.h"
#include "fuzz.h"

static struct fz input;
static bool scripted;
static uint32_t seq, port;
static unsigned datagrams, sends;

ssize_t
sendto(int fd, const void *buf, size_t len, int flags,
    const struct sockaddr *to, socklen_t tolen)
{
	struct nlmsghdr h;
	struct sockaddr_nl me = {.nl_pid = 0};
	socklen_t melen = sizeof(me);
	size_t at;

	if (!scripted)
		return syscall(SYS_sendto, fd, buf, len, flags, to, tolen);
	must(getsockname(fd, (struct sockaddr *)&me, &melen) == 0);
	port = me.nl_pid;
	/* What is sent is well formed. */
	for (at = 0; at < len; at += NLMSG_ALIGN(h.nlmsg_len)) {
		must(len - at >= sizeof(h));
		memcpy(&h, (const uint8_t *)buf + at, sizeof(h));
		must(h.nlmsg_len >= sizeof(h) && h.nlmsg_len <= len - at);
		seq = h.nlmsg_seq;
	}
	must(++sends < 2000);
	return (ssize_t)len;
}

ssize_t
recv(int fd, void *buf, size_t len, int flags)
{
	if (!scripted)
		return syscall(SYS_recvfrom, fd, buf, len, flags, NULL, NULL);
	errno = EAGAIN;
	return -1;
}

/* Not every machine has the call poll(2). */
static int
really_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	const struct timespec t = {timeout / 1000, timeout % 1000 * 1000000L};

	return ppoll(fds, n, timeout < 0 ? NULL : &t, NULL);
}

int
poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (!scripted)
		return really_poll(fds, n, timeout);
	return 0;
}

/* One message at p; returns its length. */
static size_t
put_message(uint8_t *p, size_t room)
{
	static const uint16_t types[] = {NLMSG_ERROR, NLMSG_DONE, RTM_NEWLINK,
	    RTM_NEWADDR, RTM_NEWROUTE, 0x20, NLMSG_NOOP, NLMSG_OVERRUN};
	struct nlmsghdr h = {.nlmsg_len = sizeof(h)};
	uint8_t how = fz_u8(&input);
	const uint8_t *q;
	int32_t code = -(int32_t)(how >> 5 & 1);
	size_t n;

	h.nlmsg_type = types[how & 7];
	h.nlmsg_seq = how & 8 ? fz_u32(&input) : seq;
	h.nlmsg_pid = how & 16 ? fz_u32(&input) : port;
	h.nlmsg_flags = how & 32 ? NLM_F_MULTI : 0;
	if (how & 64 && how & 8)
		h.nlmsg_flags |= NLM_F_DUMP_INTR;
	q = fz_take(&input, fz_u16(&input) % 2048, &n);
	if (room < sizeof(h) + n + 4)
		return 0;
	memcpy(p + sizeof(h), q, n);
	h.nlmsg_len += (uint32_t)n;
	if ((how & 7) < 2 && how & 128) { /* an acknowledgement */
		memcpy(p + sizeof(h), &code, sizeof(code));
		h.nlmsg_len = sizeof(h) + sizeof(code);
	} else if (how & 128) {
		h.nlmsg_len = fz_u16(&input); /* a lie */
	}
	memcpy(p, &h, sizeof(h));
	return NLMSG_ALIGN(sizeof(h) + n + 4);
}

/* libmnl takes lengths above 2^31 for small ones. */
static size_t
cut_at_nonsense(const uint8_t *p, size_t len)
{
	struct nlmsghdr h;
	size_t off;

	for (off = 0; off + sizeof(h) <= len; off += NLMSG_ALIGN(h.nlmsg_len)) {
		memcpy(&h, p + off, sizeof(h));
		if (h.nlmsg_len > INT32_MAX)
			return off;
		if (h.nlmsg_len < sizeof(h))
			break;
	}
	return len;
}

ssize_t
recvmsg(int fd, struct msghdr *m, int flags)
{
	struct sockaddr_nl from = {.nl_family = AF_NETLINK};
	uint8_t *p = m->msg_iov[0].iov_base, how;
	size_t len = 0, n, room = m->msg_iov[0].iov_len;

	if (!scripted)
		return syscall(SYS_recvmsg, fd, m, flags);
	if (input.len == 0 || ++datagrams > 500) {
		errno = EAGAIN;
		return -1;
	}
	do {
		how = fz_u8(&input);
		if (how == 255) {
			errno = fz_u8(&input) & 1 ? ENOBUFS : ENOMEM;
			return -1;
		}
		if ((n = put_message(p + len, room - len)) == 0)
			break;
		len += n;
	} while (how & 1 && input.len > 0);
	from.nl_pid = how & 2 && how & 4 ? 77 : 0;
	if (how & 8 && how & 4)
		len -= len < how ? 0 : how / 8; /* cut off */
	m->msg_flags = how == 254 ? MSG_TRUNC : 0;
	memcpy(m->msg_name, &from, sizeof(from));
	return (ssize_t)cut_at_nonsense(p, len);
}

/* An answer to the question for the family, as wg_open() asks it. */
static const uint8_t family_answer[] = {
    0, 5, 0, 12, 1, 2, 0, 0, 6, 0, 1, 0, 0x20, 0, 0, 0, 0, 0x80, 0, 0};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(rtnl_open() == 0);
	return 0;
}

static void
check_host(void)
{
	static struct rtnl_host h;

	(void)rtnl_host_get(7, &h);
	must(h.nown <= RTNL_OWN_MAX && h.ngw <= RTNL_GW_MAX &&
	     h.nonlink <= RTNL_ONLINK_MAX);
}

static void
check_routes(void)
{
	struct rtnl_change ch[3] = {{.dst = {4, {10, 0, 0, 1}}},
	    {.del = true, .dst = {4, {10, 0, 0, 2}}}, {.dst = {16, {0xfd}}}};
	struct ipaddr *routes, src = {4, {10, 0, 0, 3}};
	size_t i, n;
	int err[3];

	if (rtnl_routes_get(7, &routes, &n) != 0)
		must(routes == NULL && n == 0);
	for (i = 0; i < n; i++)
		must(routes[i].len == 4 || routes[i].len == 16);
	free(routes);
	(void)rtnl_routes(7, &src, ch, 3, err);
	for (i = 0; i < 3; i++)
		must(err[i] != 1 || sends == 0);
}

static void
check_wireguard(void)
{
	struct wg_change ch[2] = {{.op = WG_DEL, .peer = {.key = {1}}},
	    {.op = WG_ADD, .peer = {.key = {2}, .addr = {4, {10, 0, 0, 9}}}}};
	struct fz rest = input;
	struct wg_device d;
	int err[2];
	size_t i;

	input = (struct fz){family_answer, sizeof(family_answer)};
	if (wg_open("wgt", "wireguard") != 0) {
		input = rest;
		return;
	}
	input = rest;
	if (wg_device_get(7, &d) == 0) {
		for (i = 0; i < d.npeers; i++)
			must(d.peers[i].addr.len == 0 ||
			     d.peers[i].nallowed == 1);
		wg_device_free(&d);
	}
	(void)wg_apply(7, ch, 2, err);
	wg_close();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipaddr a = {4, {10, 0, 0, 1}};
	struct rtnl_link l;
	uint8_t what;

	input = (struct fz){data, size};
	what = fz_u8(&input);
	datagrams = sends = 0;
	port = rtnl_req.portid;
	scripted = true;
	switch (what % 8) {
	case 0:
		(void)rtnl_link_get("wgt", &l);
		must(memchr(l.kind, '\0', sizeof(l.kind)) != NULL);
		break;
	case 1:
		check_host();
		break;
	case 2:
		check_routes();
		break;
	case 3:
		(void)rtnl_addr_set(7, &a);
		(void)rtnl_addr_has(7, &a);
		break;
	case 4:
		(void)rtnl_route_lookup(&a);
		break;
	case 5:
		(void)rtnl_event_drain();
		break;
	case 6:
		(void)rtnl_link_create("wgt");
		(void)rtnl_link_up(7, 1420);
		break;
	default:
		check_wireguard();
	}
	scripted = false;
	return 0;
}
