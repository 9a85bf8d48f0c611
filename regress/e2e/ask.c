/*
 * ask: does a member answer at an address? Test tool, not installed; root, in
 * a host of a scenario that is a member itself. It has no key: it replays a
 * packet of its own host (sealed packets may be replayed).
 *
 *	ask udp IFACE ADDR=ADDR,...  for each: catch packets of this host on IFACE
 *	    ...                      until one is found that the first ADDR answers
 *	                             (a ping of that member), send it to the others,
 *	                             print "ADDR from ..." with who answered, or
 *	                             "ADDR silent"
 *	ask tcp ADDR...              connect, print "ADDR open", "ADDR closed"
 *
 * The port is 7946. Answers go to the host's member, so they are counted on the
 * wire: of 20 packets most must be answered.
 */
#include <sys/socket.h>

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PORT	   7946
#define PACKETS	   20
#define ENOUGH	   15
#define LISTEN_MS  3000
#define PATIENCE_S 180 /* who listens misses pings of others */

struct frame {
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	uint16_t sport, dport;
	bool outgoing;
	const uint8_t *payload;
	size_t len;
};

static int wire;
static uint8_t buf[65536], ping[65536];
static size_t pinglen;

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool
parse(const uint8_t *p, size_t n, struct frame *f)
{
	struct udphdr udp;
	size_t off;

	if (n >= sizeof(struct ip) && p[0] >> 4 == 4 && p[9] == IPPROTO_UDP) {
		off = (size_t)(p[0] & 15) * 4;
		inet_ntop(AF_INET, p + 12, f->src, sizeof(f->src));
		inet_ntop(AF_INET, p + 16, f->dst, sizeof(f->dst));
	} else if (n >= sizeof(struct ip6_hdr) && p[0] >> 4 == 6 &&
		   p[6] == IPPROTO_UDP) {
		off = sizeof(struct ip6_hdr);
		inet_ntop(AF_INET6, p + 8, f->src, sizeof(f->src));
		inet_ntop(AF_INET6, p + 24, f->dst, sizeof(f->dst));
	} else
		return false;
	if (n < off + sizeof(udp))
		return false;
	memcpy(&udp, p + off, sizeof(udp));
	f->sport = ntohs(udp.uh_sport);
	f->dport = ntohs(udp.uh_dport);
	f->payload = p + off + sizeof(udp);
	f->len = n - off - sizeof(udp);
	return true;
}

/* The next datagram on the wire; false when the time is over. */
static bool
next(int64_t end, struct frame *f)
{
	struct pollfd pf = {.fd = wire, .events = POLLIN};
	struct sockaddr_ll ll;
	socklen_t len;
	ssize_t n;
	int64_t left;

	while ((left = end - now_ms()) > 0) {
		if (poll(&pf, 1, (int)left) <= 0)
			continue;
		len = sizeof(ll);
		n = recvfrom(wire, buf, sizeof(buf), MSG_DONTWAIT,
		    (struct sockaddr *)&ll, &len);
		if (n <= 0 || !parse(buf, (size_t)n, f))
			continue;
		f->outgoing = ll.sll_pkttype == PACKET_OUTGOING;
		return true;
	}
	return false;
}

static int
open_to(const char *addr, int type, struct addrinfo **ai)
{
	struct addrinfo hints = {
	    .ai_socktype = type, .ai_flags = AI_NUMERICHOST};
	int s, one = 1;

	if (getaddrinfo(addr, "7946", &hints, ai) != 0)
		errx(1, "%s: no address", addr);
	if ((s = socket((*ai)->ai_family, type, 0)) == -1)
		err(1, "socket");
	if (type == SOCK_DGRAM)
		setsockopt(s, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	return s;
}

/* Send the packet often; who answers at least ENOUGH times goes to src. */
static bool
answered(const char *addr, char src[INET6_ADDRSTRLEN])
{
	struct addrinfo *ai;
	struct frame f;
	int s = open_to(addr, SOCK_DGRAM, &ai), i, n = 0;
	int64_t end;

	while (next(now_ms() + 1, &f))
		;
	for (i = 0; i < PACKETS; i++)
		(void)sendto(s, ping, pinglen, 0, ai->ai_addr, ai->ai_addrlen);
	end = now_ms() + LISTEN_MS;
	while (n < ENOUGH && next(end, &f))
		if (!f.outgoing && f.sport == PORT) {
			memcpy(src, f.src, sizeof(f.src));
			n++;
		}
	freeaddrinfo(ai);
	close(s);
	return n >= ENOUGH;
}

static void
ask(const char *addr)
{
	char src[INET6_ADDRSTRLEN];

	if (answered(addr, src))
		printf("%s from %s\n", addr, src);
	else
		printf("%s silent\n", addr);
}

/* Is the packet a ping to one of them? Then its addresses are asked, and it is
 * done (*set becomes NULL). */
static void
try(char **set, const struct frame *f)
{
	size_t n = strcspn(*set, "=");
	char src[INET6_ADDRSTRLEN], control[INET6_ADDRSTRLEN], *addr, *rest;

	if (n != strlen(f->dst) || strncmp(*set, f->dst, n) != 0)
		return;
	memcpy(ping, f->payload, f->len);
	pinglen = f->len;
	memcpy(control, f->dst, sizeof(control));
	if (!answered(control, src))
		return;
	rest = *set + n + 1;
	while ((addr = strsep(&rest, ",")) != NULL)
		ask(addr);
	*set = NULL;
}

static void
ask_udp(const char *iface, char **sets, int n)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET,
	    .sll_protocol = htons(ETH_P_ALL),
	    .sll_ifindex = (int)if_nametoindex(iface)};
	int64_t end = now_ms() + PATIENCE_S * 1000;
	struct frame f;
	int i, left = n;

	wire = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
	if (wire == -1 || bind(wire, (struct sockaddr *)&ll, sizeof(ll)) == -1)
		err(1, "%s", iface);
	while (left > 0 && next(end, &f)) {
		if (!f.outgoing || f.dport != PORT || f.sport != PORT)
			continue;
		for (i = 0; i < n; i++)
			if (sets[i] != NULL) {
				try(&sets[i], &f);
				left -= sets[i] == NULL;
			}
	}
	if (left > 0)
		errx(1, "%d members answered no ping that was seen", left);
}

/* Whoever takes a stream waits for its first bytes, 30 s. */
static bool
is_open(const char *addr)
{
	struct addrinfo *ai;
	struct timeval tv = {.tv_sec = 3};
	int s = open_to(addr, SOCK_STREAM, &ai);
	bool open;
	char c;

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	open = connect(s, ai->ai_addr, ai->ai_addrlen) == 0;
	/* EAGAIN: it still waits. */
	open = open && recv(s, &c, 1, 0) == -1 && errno == EAGAIN;
	freeaddrinfo(ai);
	close(s);
	return open;
}

int
main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 3 && strcmp(argv[1], "udp") == 0)
		ask_udp(argv[2], argv + 3, argc - 3);
	else if (argc > 2 && strcmp(argv[1], "tcp") == 0)
		for (argv += 2; *argv != NULL; argv++)
			printf("%s %s\n", *argv,
			    is_open(*argv) ? "open" : "closed");
	else
		errx(1, "usage: ask udp IFACE ADDR=ADDR,... ... | tcp ADDR...");
	return 0;
}
