/*
 * Membership traffic of the gossip process: UDP here, TCP in stream.c.
 *
 * Every byte that arrives is a stranger's until it opens under a cluster key.
 * Until then it is only measured: no allocation, no answer, at most one log
 * line per source and minute. The sockets were bound by wesher-priv; this
 * process could not bind a port below 1024.
 */
#include <sys/mman.h>
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
#include "event.h"
#include "net.h"
#include "outbox.h"
#include "quiet.h"
#include "replay.h"
#include "stream.h"
#include "wire.h"

#define PACKET_MAX	 65536 /* of any length, and whole pages */
#define SLOTS		 16 /* packets received by one call */
#define PACKETS_PER_WAKE 64
#define REFUSED_SLOTS	 256
#define REFUSED_BURST	 64 /* lines at once */
#define REFUSED_INTERVAL (60 * US_PER_S)
#define DISCARD_PORT	 9
#define NET_CMSG_MAX	 256

/* Sources that were logged lately; direct-mapped, so it cannot grow. */
struct refused {
	int64_t at;
	uint64_t suppressed;
};

struct slot {
	struct sockaddr_storage ss;
	struct iovec iov;
	_Alignas(struct cmsghdr) uint8_t control[NET_CMSG_MAX];
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
	int64_t now; /* when those came that are handled, or 0 */
	struct refused refused[REFUSED_SLOTS];
	struct quiet quiet; /* of whatever source */
	struct replay heard;
	uint8_t hashkey[crypto_shorthash_KEYBYTES];
	size_t page;
	struct mmsghdr msg[SLOTS];
	struct slot slot[SLOTS];
	uint8_t (*in)[PACKET_MAX]; /* SLOTS; in memory is what was filled */
	uint8_t plain[PACKET_MAX]; /* untouched where packets open in place */
} net;

void
net_refused(const struct ipport *from, const char *what, const char *why)
{
	struct event_news news = {.kind = EVENT_REFUSED,
	    .level = LOG_L_WARN,
	    .addr = *from,
	    .why = why};
	uint8_t h[crypto_shorthash_BYTES];
	char buf[IPPORT_STRLEN];
	struct refused *r;
	int64_t now = net.now != 0 ? net.now : clock_now();

	crypto_shorthash(
	    h, (const uint8_t *)&from->ip, sizeof(from->ip), net.hashkey);
	r = &net.refused[h[0]];
	if (r->at != 0 && now - r->at < REFUSED_INTERVAL) {
		r->suppressed++;
		return;
	}
	news.unlogged = !quiet_may(&net.quiet, now);
	if (r->suppressed > 0)
		event_sayf(&news,
		    "%s from %s refused: %s (and %llu others before)", what,
		    ipport_str(from, buf), why,
		    (unsigned long long)r->suppressed);
	else
		event_sayf(&news, "%s from %s refused: %s", what,
		    ipport_str(from, buf), why);
	r->at = now;
	r->suppressed = 0;
}

static void
refuse_packet(
    const struct ipport *from, enum net_reason reason, const char *why)
{
	net.count.refused_packets++;
	net.count.refused[reason]++;
	net_refused(from, "packet", why);
}

static void
one_packet(const struct ipport *from, uint8_t *block, size_t len)
{
	uint8_t *plain = net.plain;
	ssize_t n;
	int err;

	net.count.rx_packets++;
	net.count.rx_bytes += len;
	if (seal_opens_here(net.cfg.seal))
		plain = block + SEAL_TEXT_OFFSET;
	n = seal_open(net.cfg.seal, block, len, NULL, 0, plain, PACKET_MAX);
	if (n == -1) {
		if (len < SEAL_OVERHEAD)
			refuse_packet(
			    from, NET_LENGTH, "too short to be one of ours");
		else
			refuse_packet(from, NET_NOT_SEALED,
			    "not sealed with our cluster key (another mesh, "
			    "or a member with another --cluster-key)");
		return;
	}
	/* The network may double one: no reason to speak of it. */
	if (replay_seen(&net.heard, block + SEAL_NONCE_OFFSET)) {
		net.count.refused[NET_REPLAY]++;
		return;
	}
	err = net.cfg.handler.packet(from, plain, (size_t)n);
	if (err < 0)
		refuse_packet(from, NET_MALFORMED, wire_error_str(err));
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
	net.count.refused[NET_STRAY]++;
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

/* A kernel of 64 bits answers IPV6_2292PKTOPTIONS in its own form, whoever
 * asks; a program of 32 bits has seen nothing in it. */
static void
local_wide(const uint8_t *b, size_t len, struct net_local *at)
{
	struct {
		uint64_t len;
		int level, type;
	} h;
	struct in6_pktinfo p6;

	for (; len >= sizeof(h); b += h.len, len -= (size_t)h.len) {
		memcpy(&h, b, sizeof(h));
		if (h.len < sizeof(h) || h.len > len)
			return;
		if (h.level == IPPROTO_IPV6 && h.type == IPV6_PKTINFO &&
		    h.len >= sizeof(h) + sizeof(p6)) {
			memcpy(&p6, b + sizeof(h), sizeof(p6));
			at->ifindex = p6.ipi6_ifindex;
		}
		h.len = (h.len + 7) & ~7ull;
		if (h.len > len)
			return;
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
		if (v6 && at->ifindex == 0 && sizeof(size_t) == 4)
			local_wide(opts.b, len, at);
	}
	at->ip.len = 0;
	len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
	    ipport_from_sockaddr((struct sockaddr *)&ss, len, &local) == 0)
		at->ip = local.ip;
}

/* Ready for the next call: it has overwritten the lengths. */
static void
inbox_clear(unsigned n)
{
	struct slot *s;
	unsigned i;

	for (i = 0; i < n; i++) {
		s = &net.slot[i];
		s->iov = (struct iovec){net.in[i], PACKET_MAX};
		net.msg[i].msg_hdr = (struct msghdr){.msg_name = &s->ss,
		    .msg_namelen = sizeof(s->ss),
		    .msg_iov = &s->iov,
		    .msg_iovlen = 1,
		    .msg_control = s->control,
		    .msg_controllen = sizeof(s->control)};
	}
}

static int
inbox_new(void)
{
	void *p = mmap(NULL, SLOTS * sizeof(*net.in), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	net.in = p;
	net.page = (size_t)sysconf(_SC_PAGESIZE);
	inbox_clear(SLOTS);
	return 0;
}

static void
take(unsigned i)
{
	struct msghdr *m = &net.msg[i].msg_hdr;
	struct net_local at = {.stream = false};
	struct ipport from;

	local_cmsg(m, &at);
	if (ipport_from_sockaddr(m->msg_name, m->msg_namelen, &from) == -1 ||
	    !net_takes(&from, &at))
		return;
	net.asker = from.ip;
	net.asked = at.ip;
	one_packet(&from, net.in[i], net.msg[i].msg_len);
	net.asker.len = 0;
}

/* Few packets are longer than a page: no memory stays behind them. */
static void
trim(unsigned i)
{
	if (net.started && net.msg[i].msg_len > net.page)
		(void)madvise(
		    net.in[i] + net.page, PACKET_MAX - net.page, MADV_DONTNEED);
}

static void
on_udp(evutil_socket_t fd, short what, void *arg)
{
	unsigned i, all = 0;
	int n = SLOTS;

	(void)what;
	(void)arg;
	net.now = clock_now();
	/* Fewer than there is room for: there are no more. */
	while (n == SLOTS && all < PACKETS_PER_WAKE && net.started) {
		n = recvmmsg(fd, net.msg, SLOTS, MSG_DONTWAIT, NULL);
		if (n == -1 && errno != EAGAIN && errno != EINTR)
			/* A late ICMP error of some sent packet. */
			log_debug("recvmmsg: %s", strerror(errno));
		for (i = 0; n > 0 && i < (unsigned)n && net.started; i++) {
			take(i);
			trim(i);
		}
		inbox_clear(n > 0 ? (unsigned)n : 0);
		all += SLOTS;
	}
	net.now = 0;
	if (net.cfg.handler.taken != NULL && net.started)
		net.cfg.handler.taken();
}

bool
net_reaches(const struct ipaddr *ip)
{
	return (ip->len == 4 && net.v4) || (ip->len == 16 && net.v6);
}

void
net_send(const struct ipport *to, const uint8_t *plain, size_t len)
{
	bool answer = !net.accept.bound && net.asker.len != 0 &&
		      net.asked.len == to->ip.len &&
		      ipaddr_eq(&net.asker, &to->ip);
	ssize_t n = -1;

	if (net_reaches(&to->ip))
		n = seal_close(net.cfg.seal, plain, len, NULL, 0, outbox_room(),
		    WIRE_PACKET_MAX);
	if (n == -1)
		net.count.send_errors++;
	else
		outbox_put(to, answer ? &net.asked : NULL, (size_t)n);
}

static void
on_left(const struct ipport *to, size_t len, bool ok)
{
	char buf[IPPORT_STRLEN];

	if (ok) {
		net.count.tx_packets++;
		net.count.tx_bytes += len;
		return;
	}
	net.count.send_errors++;
	log_debug("send to %s: %s", ipport_str(to, buf), strerror(errno));
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
	struct outbox_config oc;

	net.cfg = *cfg;
	randombytes_buf(net.hashkey, sizeof(net.hashkey));
	quiet_init(&net.quiet, "refusals", true, REFUSED_BURST);
	replay_init(&net.heard);
	if (udp_family() == -1 || inbox_new() == -1)
		return -1;
	oc = (struct outbox_config){
	    cfg->base, cfg->udp, net.v6, net.mapped, on_left};
	/* Unbound: the route to the overlay address picks our interface. */
	net.prime4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	net.prime6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (event_assign(&net.ev_udp, cfg->base, cfg->udp, EV_READ | EV_PERSIST,
		on_udp, NULL) == -1 ||
	    event_add(&net.ev_udp, NULL) == -1 || outbox_start(&oc) == -1)
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
	outbox_stop();
	stream_stop();
	sodium_memzero(net.plain, sizeof(net.plain));
	(void)munmap(net.in, SLOTS * sizeof(*net.in));
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
