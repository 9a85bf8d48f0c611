/*
 * ask: does a member answer at an address? Test tool, not installed; run in a
 * host of a scenario. It holds the cluster key and pings whoever is there (a
 * ping for no name in particular), each time anew: a recorded one is refused.
 *
 *	ask udp KEY ADDR...	print "ADDR from ..." with who acknowledged, or
 *				"ADDR silent"
 *	ask tcp ADDR...		connect, print "ADDR open" or "ADDR closed"
 *
 * The port is 7946. An ack goes to the source that was observed, which is a
 * port of our own.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "../../common/addr.h"
#include "../../wesher/seal.h"
#include "../../wesher/wire.h"

#define PINGS	  10
#define LISTEN_MS 300 /* after each */

static struct seal *seal;

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

static void
send_ping(int s, const struct addrinfo *ai, uint32_t seqno)
{
	const struct wire_ping p = {.seqno = seqno};
	uint8_t plain[64], block[64 + SEAL_OVERHEAD];
	ssize_t n = wire_put_ping(plain, sizeof(plain), &p);

	if (n != -1)
		n = seal_close(
		    seal, plain, (size_t)n, NULL, 0, block, sizeof(block));
	if (n == -1)
		errx(1, "cannot make a ping");
	/* Some addresses refuse it by themselves: nobody answers there. */
	(void)sendto(s, block, (size_t)n, 0, ai->ai_addr, ai->ai_addrlen);
}

static bool
is_ack(const uint8_t *block, size_t len, uint32_t seqno)
{
	uint8_t plain[2048];
	struct wire_ack a;
	ssize_t n = len > sizeof(plain) ? -1
					: seal_open(seal, block, len, NULL, 0,
					      plain, sizeof(plain));

	return n > 1 && plain[0] == WIRE_ACK &&
	       wire_get_ack(plain + 1, (size_t)n - 1, &a) == 0 &&
	       a.seqno == seqno;
}

/* Who acknowledged it within the time, in src. */
static bool
heard(int s, uint32_t seqno, char src[IPADDR_STRLEN])
{
	struct pollfd pf = {.fd = s, .events = POLLIN};
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	uint8_t buf[2048];
	struct ipport from;
	ssize_t n;

	if (poll(&pf, 1, LISTEN_MS) <= 0)
		return false;
	n = recvfrom(
	    s, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&ss, &len);
	if (n <= 0 || !is_ack(buf, (size_t)n, seqno) ||
	    ipport_from_sockaddr((struct sockaddr *)&ss, len, &from) == -1)
		return false;
	(void)ipaddr_str(&from.ip, src);
	return true;
}

static void
ask(const char *addr)
{
	uint32_t seqno = randombytes_random();
	char src[IPADDR_STRLEN];
	struct addrinfo *ai;
	int s = open_to(addr, SOCK_DGRAM, &ai), i;
	bool ok = false;

	for (i = 0; i < PINGS && !ok; i++) {
		send_ping(s, ai, seqno);
		ok = heard(s, seqno, src);
	}
	if (ok)
		printf("%s from %s\n", addr, src);
	else
		printf("%s silent\n", addr);
	freeaddrinfo(ai);
	close(s);
}

static void
ask_udp(const char *key64, char **addr)
{
	uint8_t key[1][CLUSTER_KEY_LEN];
	const char *why;
	size_t len;

	if (seal_init(false, &why) == -1)
		errx(1, "%s", why);
	if (sodium_base642bin(key[0], sizeof(key[0]), key64, strlen(key64),
		NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    len != sizeof(key[0]) || (seal = seal_new(key, 1)) == NULL)
		errx(1, "no cluster key");
	for (; *addr != NULL; addr++)
		ask(*addr);
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
		ask_udp(argv[2], argv + 3);
	else if (argc > 2 && strcmp(argv[1], "tcp") == 0)
		for (argv += 2; *argv != NULL; argv++)
			printf("%s %s\n", *argv,
			    is_open(*argv) ? "open" : "closed");
	else
		errx(1, "usage: ask udp KEY ADDR... | tcp ADDR...");
	return 0;
}
