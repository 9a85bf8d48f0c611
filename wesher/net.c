/*
 * Membership traffic of the gossip process: UDP here, TCP in stream.c.
 *
 * Every byte that arrives is a stranger's until it opens under a cluster key.
 * Until then it is only measured: no allocation, no answer, at most one log
 * line per source and minute. The sockets were bound by wesher-priv; this
 * process could not bind a port below 1024.
 */
#include <sys/socket.h>
#include <netinet/in.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sodium.h>

#include "../common/log.h"
#include "../common/clock.h"
#include "net.h"
#include "replay.h"
#include "stream.h"
#include "wire.h"

#define PACKET_MAX	 65535
#define PACKETS_PER_WAKE 64
#define REFUSED_SLOTS	 256
#define REFUSED_INTERVAL (60 * US_PER_S)
#define DISCARD_PORT	 9
#define NET_CMSG_MAX	 256

/* Sources that were logged lately; direct-mapped, so it cannot grow. */
struct refused {
	int64_t at;
	uint64_t suppressed;
};

static struct {
	struct net_config cfg;
	struct event ev_udp;
	bool started, mapped; /* mapped: the UDP socket is dual-stack v6 */
	bool v4, v6;
	int prime4, prime6;
	struct net_counters count;
	struct accept accept;
	struct ipaddr asker, asked; /* of the packet that is handled */
	struct refused refused[REFUSED_SLOTS];
	struct replay heard;
	uint8_t hashkey[crypto_shorthash_KEYBYTES];
	uint8_t in[PACKET_MAX], plain[PACKET_MAX];
} net;

void
net_refused(const struct ipport *from, const char *what, const char *why)
{
	uint8_t h[crypto_shorthash_BYTES];
	char buf[IPPORT_STRLEN];
	struct refused *r;
	int64_t now = clock_now();

	crypto_shorthash(
	    h, (const uint8_t *)&from->ip, sizeof(from->ip), net.hashkey);
	r = &net.refused[h[0]];
	if (r->at != 0 && now - r->at < REFUSED_INTERVAL) {
		r->suppressed++;
		return;
	}
	if (r->suppressed > 0)
		log_warnx("%s from %s refused: %s (and %llu others before)",
		    what, ipport_str(from, buf), why,
		    (unsigned long long)r->suppressed);
	else
		log_warnx(
		    "%s from %s refused: %s", what, ipport_str(from, buf), why);
	r->at = now;
	r->suppressed = 0;
}

static void
one_packet(const struct ipport *from, size_t len)
{
	ssize_t n;
	int err;

	net.count.rx_packets++;
	net.count.rx_bytes += len;
	n = seal_open(
	    net.cfg.seal, net.in, len, NULL, 0, net.plain, sizeof(net.plain));
	if (n == -1) {
		net.count.refused_packets++;
		net_refused(from, "packet",
		    len < SEAL_OVERHEAD
			? "too short to be one of ours"
			: "not sealed with our cluster key (another mesh, or "
			  "a member with another --cluster-key)");
		return;
	}
	/* The network may double one: no reason to speak of it. */
	if (replay_seen(&net.heard, net.in + SEAL_NONCE_OFFSET)) {
		net.count.replays++;
		return;
	}
	err = net.cfg.handler.packet(from, net.plain, (size_t)n);
	if (err < 0) {
		net.count.refused_packets++;
		net_refused(from, "packet", wire_error_str(err));
	}
}

void
net_accept(const struct accept *a)
{
	net.accept = *a;
}

bool
net_takes(const struct ipport *from, const struct net_local *at)
{
	const char *why;

	if (accept_ok(&net.accept, &at->ip, at->ifindex, &why))
		return true;
	net.count.strays++;
	net_refused(from, at->stream ? "stream" : "packet", why);
	return false;
}

/* Read it from the IP(V6)_PKTINFO of a datagram, or of a stream's options. */
static void
local_cmsg(struct msghdr *m, struct net_local *at)
{
	struct cmsghdr *c;
	struct in_pktinfo p4;
	struct in6_pktinfo p6;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
		    c->cmsg_len >= CMSG_LEN(sizeof(p4))) {
			memcpy(&p4, CMSG_DATA(c), sizeof(p4));
			at->ifindex = (unsigned)p4.ipi_ifindex;
			(void)ipaddr_from_bytes(&p4.ipi_addr, 4, &at->ip);
		} else if (c->cmsg_level == IPPROTO_IPV6 &&
			   c->cmsg_type == IPV6_PKTINFO &&
			   c->cmsg_len >= CMSG_LEN(sizeof(p6))) {
			memcpy(&p6, CMSG_DATA(c), sizeof(p6));
			at->ifindex = p6.ipi6_ifindex;
			(void)ipaddr_from_bytes(&p6.ipi6_addr, 16, &at->ip);
		}
}

void
net_local_stream(int fd, struct net_local *at)
{
	union {
		struct cmsghdr align;
		uint8_t b[NET_CMSG_MAX];
	} opts;
	struct sockaddr_storage ss;
	struct msghdr m = {.msg_control = opts.b};
	struct ipport local;
	socklen_t len = sizeof(opts.b);
	bool v6;

	memset(at, 0, sizeof(*at));
	at->stream = true;
	memset(&opts, 0, sizeof(opts));
	memset(&ss, 0, sizeof(ss));
	/* The interface by which the SYN came is among these. */
	v6 = getsockopt(fd, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, opts.b, &len) ==
	     0;
	if (!v6)
		len = sizeof(opts.b);
	if (v6 ||
	    getsockopt(fd, IPPROTO_IP, IP_PKTOPTIONS, opts.b, &len) == 0) {
		m.msg_controllen = len;
		local_cmsg(&m, at);
	}
	at->ip.len = 0;
	len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
	    ipport_from_sockaddr((struct sockaddr *)&ss, len, &local) == 0)
		at->ip = local.ip;
}

/* One datagram, whence and whereto. Its length, or -1. */
static ssize_t
receive(int fd, struct ipport *from, struct net_local *at)
{
	union {
		struct cmsghdr align;
		uint8_t b[NET_CMSG_MAX];
	} control;
	struct sockaddr_storage ss;
	struct iovec iov = {net.in, sizeof(net.in)};
	struct msghdr m = {.msg_name = &ss,
	    .msg_namelen = sizeof(ss),
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.b,
	    .msg_controllen = sizeof(control.b)};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	if (n == -1)
		return -1;
	memset(at, 0, sizeof(*at));
	local_cmsg(&m, at);
	if (ipport_from_sockaddr((struct sockaddr *)&ss, m.msg_namelen, from) ==
	    -1)
		from->ip.len = 0;
	return n;
}

static void
on_udp(evutil_socket_t fd, short what, void *arg)
{
	struct net_local at;
	struct ipport from;
	ssize_t n;
	int i;

	(void)what;
	(void)arg;
	for (i = 0; i < PACKETS_PER_WAKE && net.started; i++) {
		n = receive(fd, &from, &at);
		if (n == -1) {
			if (errno == EAGAIN || errno == EINTR)
				return;
			/* A late ICMP error of some sent packet. */
			log_debug("recvmsg: %s", strerror(errno));
			continue;
		}
		if (from.ip.len == 0 || !net_takes(&from, &at))
			continue;
		net.asker = from.ip;
		net.asked = at.ip;
		one_packet(&from, (size_t)n);
		net.asker.len = 0;
	}
}

static void
map4(const struct ipaddr *ip, struct ipaddr *out)
{
	memset(out, 0, sizeof(*out));
	out->len = 16;
	out->b[10] = out->b[11] = 0xff;
	memcpy(out->b + 12, ip->b, 4);
}

/* The address as the UDP socket wants it: v4-mapped on a dual-stack one. */
static socklen_t
udp_sockaddr(const struct ipport *to, struct sockaddr_storage *ss)
{
	struct ipport mapped = {.port = to->port};

	if (!net.mapped || to->ip.len != 4)
		return ipport_to_sockaddr(to, ss);
	map4(&to->ip, &mapped.ip);
	return ipport_to_sockaddr(&mapped, ss);
}

bool
net_reaches(const struct ipaddr *ip)
{
	return (ip->len == 4 && net.v4) || (ip->len == 16 && net.v6);
}

/* The cmsg that names the source of a datagram; returns the space it takes. */
static size_t
put_source(struct cmsghdr *c, const struct ipaddr *ip)
{
	struct in_pktinfo p4 = {0};
	struct in6_pktinfo p6 = {0};
	struct ipaddr mapped;

	c->cmsg_level = net.v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = net.v6 ? IPV6_PKTINFO : IP_PKTINFO;
	if (!net.v6) {
		memcpy(&p4.ipi_spec_dst, ip->b, 4);
		c->cmsg_len = CMSG_LEN(sizeof(p4));
		memcpy(CMSG_DATA(c), &p4, sizeof(p4));
		return CMSG_SPACE(sizeof(p4));
	}
	if (ip->len == 4) {
		map4(ip, &mapped);
		ip = &mapped;
	}
	memcpy(&p6.ipi6_addr, ip->b, 16);
	c->cmsg_len = CMSG_LEN(sizeof(p6));
	memcpy(CMSG_DATA(c), &p6, sizeof(p6));
	return CMSG_SPACE(sizeof(p6));
}

/* An answer goes out from the address that was asked, if it still is ours. */
static int
send_one(struct iovec *iov, struct sockaddr_storage *ss, socklen_t slen,
    const struct ipaddr *from)
{
	union {
		struct cmsghdr align;
		uint8_t b[NET_CMSG_MAX];
	} control = {.b = {0}};
	struct msghdr m = {.msg_name = ss,
	    .msg_namelen = slen,
	    .msg_iov = iov,
	    .msg_iovlen = 1};

	if (from != NULL) {
		m.msg_control = control.b;
		m.msg_controllen = put_source(&control.align, from);
		if (sendmsg(net.cfg.udp, &m, MSG_DONTWAIT) != -1)
			return 0;
		m.msg_control = NULL;
		m.msg_controllen = 0;
	}
	/* An error may belong to an earlier packet (ICMP): try once more. */
	return sendmsg(net.cfg.udp, &m, MSG_DONTWAIT) != -1 ||
		       sendmsg(net.cfg.udp, &m, MSG_DONTWAIT) != -1
		   ? 0
		   : -1;
}

void
net_send(const struct ipport *to, const uint8_t *plain, size_t len)
{
	uint8_t out[WIRE_PACKET_MAX];
	struct iovec iov = {.iov_base = out};
	struct sockaddr_storage ss;
	socklen_t slen;
	ssize_t n;
	bool answer;

	n = seal_close(net.cfg.seal, plain, len, NULL, 0, out, sizeof(out));
	if (n == -1 || !net_reaches(&to->ip)) {
		net.count.send_errors++;
		return;
	}
	slen = udp_sockaddr(to, &ss);
	iov.iov_len = (size_t)n;
	answer = !net.accept.bound && net.asker.len != 0 &&
		 net.asked.len == to->ip.len && ipaddr_eq(&net.asker, &to->ip);
	if (send_one(&iov, &ss, slen, answer ? &net.asked : NULL) == -1) {
		char buf[IPPORT_STRLEN];

		net.count.send_errors++;
		log_debug(
		    "send to %s: %s", ipport_str(to, buf), strerror(errno));
		return;
	}
	net.count.tx_packets++;
	net.count.tx_bytes += (size_t)n;
}

void
net_stream(uint32_t id, const struct ipport *to, const uint8_t *msg, size_t len)
{
	stream_open(id, to, msg, len);
}

void
net_prime(const struct ipaddr *overlay)
{
	struct ipport to = {.ip = *overlay, .port = DISCARD_PORT};
	struct sockaddr_storage ss;
	socklen_t slen = ipport_to_sockaddr(&to, &ss);
	int fd = overlay->len == 4 ? net.prime4 : net.prime6;
	char buf[IPADDR_STRLEN];

	if (fd == -1)
		return;
	/* The first call may only report the ICMP answer to an earlier one. */
	if (sendto(fd, "", 1, MSG_DONTWAIT, (struct sockaddr *)&ss, slen) ==
		-1 &&
	    sendto(fd, "", 1, MSG_DONTWAIT, (struct sockaddr *)&ss, slen) == -1)
		log_debug(
		    "prime %s: %s", ipaddr_str(overlay, buf), strerror(errno));
}

/* Which families the bound sockets can reach. */
static int
udp_family(void)
{
	int domain = AF_INET, v6only = 1;
	socklen_t len = sizeof(domain);

	if (getsockopt(net.cfg.udp, SOL_SOCKET, SO_DOMAIN, &domain, &len) == -1)
		return -1;
	if (domain == AF_INET6) {
		len = sizeof(v6only);
		if (getsockopt(net.cfg.udp, IPPROTO_IPV6, IPV6_V6ONLY, &v6only,
			&len) == -1)
			return -1;
	}
	net.v6 = domain == AF_INET6;
	net.mapped =
	    domain == AF_INET6 && !v6only &&
	    (net.cfg.bind_addr.len == 0 || ipaddr_is_any(&net.cfg.bind_addr));
	net.v4 = domain == AF_INET || net.mapped;
	return 0;
}

int
net_start(const struct net_config *cfg)
{
	net.cfg = *cfg;
	randombytes_buf(net.hashkey, sizeof(net.hashkey));
	replay_init(&net.heard);
	if (udp_family() == -1)
		return -1;
	/* Unbound: the route to the overlay address picks our interface. */
	net.prime4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	net.prime6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (event_assign(&net.ev_udp, cfg->base, cfg->udp, EV_READ | EV_PERSIST,
		on_udp, NULL) == -1 ||
	    event_add(&net.ev_udp, NULL) == -1)
		return -1;
	net.started = true;
	return stream_start(cfg, &net.count);
}

void
net_stop(void)
{
	if (!net.started)
		return;
	net.started = false;
	event_del(&net.ev_udp);
	stream_stop();
	sodium_memzero(net.plain, sizeof(net.plain));
	if (net.prime4 != -1)
		close(net.prime4);
	if (net.prime6 != -1)
		close(net.prime6);
}

const struct net_counters *
net_counters(void)
{
	return &net.count;
}
