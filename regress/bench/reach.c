/*
 * reach: when each of some addresses answers first.
 *
 *	reach SECONDS INTERVAL ADDR...
 *	reach -x FILE COMMAND...
 *
 * Sends an echo request (ICMP, IPv4) to each address every INTERVAL ms, from
 * one raw socket, and prints "ADDR TIME" once for each whose reply came; TIME
 * in microseconds since 1970, as the kernel saw the packet. Ends when all have
 * answered (0) or the seconds are over (1). With -x it leaves the time in FILE
 * and becomes the command.
 */
#include <sys/socket.h>
#include <sys/time.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/icmp.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"

#define TARGETS 64

static struct {
	struct sockaddr_in to;
	const char *name;
	bool there;
} target[TARGETS];
static unsigned ntargets, nthere;
static int sock;

static void
become(char **argv)
{
	struct timeval tv;
	FILE *f = fopen(argv[0], "w");

	if (f == NULL)
		err(2, "%s", argv[0]);
	gettimeofday(&tv, NULL);
	fprintf(f, "%lld%06ld\n", (long long)tv.tv_sec, (long)tv.tv_usec);
	fclose(f);
	execvp(argv[1], argv + 1);
	err(2, "%s", argv[1]);
}

static uint16_t
sum(const void *data, size_t len)
{
	const uint16_t *w = data;
	uint32_t s = 0;

	for (; len > 1; len -= 2)
		s += *w++;
	s = (s & 0xffff) + (s >> 16);
	return (uint16_t) ~(s + (s >> 16));
}

static void
ask_all(uint16_t seq)
{
	struct icmphdr h = {.type = ICMP_ECHO};
	unsigned i;

	h.un.echo.id = (uint16_t)getpid();
	h.un.echo.sequence = seq;
	h.checksum = sum(&h, sizeof(h));
	/* Without a route yet, or a peer: refused. */
	for (i = 0; i < ntargets; i++)
		if (!target[i].there)
			(void)sendto(sock, &h, sizeof(h), MSG_DONTWAIT,
			    (struct sockaddr *)&target[i].to,
			    sizeof(target[i].to));
}

static void
note(const struct sockaddr_in *from, const struct timeval *tv)
{
	unsigned i;

	for (i = 0; i < ntargets; i++) {
		if (target[i].there ||
		    target[i].to.sin_addr.s_addr != from->sin_addr.s_addr)
			continue;
		target[i].there = true;
		nthere++;
		printf("%s %lld%06ld\n", target[i].name, (long long)tv->tv_sec,
		    (long)tv->tv_usec);
		fflush(stdout);
	}
}

static void
take(void)
{
	uint8_t buf[512], ctl[128];
	struct sockaddr_in from;
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr m = {.msg_name = &from,
	    .msg_namelen = sizeof(from),
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = ctl,
	    .msg_controllen = sizeof(ctl)};
	ssize_t n = recvmsg(sock, &m, MSG_DONTWAIT);
	struct cmsghdr *c = n == -1 ? NULL : CMSG_FIRSTHDR(&m);
	struct icmphdr h;
	struct timeval tv;
	size_t skip = (size_t)(buf[0] & 15) * 4;

	if (c == NULL || c->cmsg_type != SO_TIMESTAMP ||
	    (size_t)n < skip + sizeof(h))
		return;
	memcpy(&h, buf + skip, sizeof(h));
	memcpy(&tv, CMSG_DATA(c), sizeof(tv));
	if (h.type == ICMP_ECHOREPLY && h.un.echo.id == (uint16_t)getpid())
		note(&from, &tv);
}

int
main(int argc, char **argv)
{
	struct pollfd p = {.events = POLLIN};
	int64_t now = clock_now(), every, next = now, end;
	uint16_t seq = 0;
	int on = 1, i;

	if (argc > 3 && strcmp(argv[1], "-x") == 0)
		become(argv + 2);
	if (argc < 4 || argc - 3 > TARGETS)
		errx(2, "usage: reach SECONDS INTERVAL ADDR...");
	end = now + atoi(argv[1]) * US_PER_S;
	every = atoi(argv[2]) * US_PER_MS;
	for (i = 3; i < argc; i++, ntargets++) {
		target[ntargets].name = argv[i];
		target[ntargets].to.sin_family = AF_INET;
		if (inet_pton(
			AF_INET, argv[i], &target[ntargets].to.sin_addr) != 1)
			errx(2, "%s: no address", argv[i]);
	}
	p.fd = sock = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (sock == -1 ||
	    setsockopt(sock, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)) == -1)
		err(2, "socket");
	while (nthere < ntargets && (now = clock_now()) < end) {
		if (now >= next) {
			ask_all(seq++);
			next = now + every;
		}
		if (poll(&p, 1, (int)((next - now) / US_PER_MS)) == 1)
			take();
	}
	return nthere < ntargets;
}
