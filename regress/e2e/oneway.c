/*
 * oneway: traffic in one direction, so that nothing but the packets themselves
 * keeps a tunnel alive. Test tool, not installed.
 *
 *	oneway ADDR PORT   send 100 numbered datagrams a second until SIGTERM,
 *	                   then tell how many there were
 *	oneway -l PORT     receive until the sender's end (or 60 s of silence
 *	                   after the first), then print
 *	                   "sent N lost M hole H duplicates D gap G ms"
 *
 * The gap is the longest time between two arrivals, the hole the most that were
 * lost in a row. Late packets are not lost.
 */
#include <sys/socket.h>
#include <sys/types.h>

#include <arpa/inet.h>
#include <err.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PERIOD_NS   10000000L /* 100 a second */
#define END_REPEAT  20 /* the end itself may be lost */
#define MAX_PACKETS (1u << 20)

struct packet {
	uint32_t seq; /* from 0; network order */
	uint32_t total; /* 0, or in the end packets how many there were */
};

static volatile sig_atomic_t quit;

static void
on_term(int sig)
{
	(void)sig;
	quit = 1;
}

static int
open_socket(const char *host, const char *port, struct addrinfo **ai)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
	int error, s, room = 1 << 22;

	hints.ai_flags = host == NULL ? AI_PASSIVE : AI_NUMERICHOST;
	hints.ai_family = host == NULL ? AF_INET6 : AF_UNSPEC;
	if ((error = getaddrinfo(host, port, &hints, ai)) != 0)
		errx(1, "%s: %s", port, gai_strerror(error));
	if ((s = socket((*ai)->ai_family, SOCK_DGRAM, 0)) == -1)
		err(1, "socket");
	/* Nobody loses a packet because the receiver had to wait. */
	if (setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ==
	    -1)
		(void)setsockopt(s, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return s;
}

/*
 * The next tick of a grid, so that a late tick does not move the others: but
 * for one that is so late that a burst of hundreds would have to catch up.
 */
static void
tick(struct timespec *next)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - next->tv_sec > 1)
		*next = now;
	next->tv_nsec += PERIOD_NS;
	if (next->tv_nsec >= 1000000000L) {
		next->tv_nsec -= 1000000000L;
		next->tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

static int
send_all(const char *host, const char *port)
{
	struct addrinfo *ai;
	struct packet p = {0};
	struct timespec next;
	uint32_t n, errors = 0;
	int i, s;

	s = open_socket(host, port, &ai);
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (n = 0; !quit && n < MAX_PACKETS; n++) {
		p.seq = htonl(n);
		if (sendto(s, &p, sizeof(p), 0, ai->ai_addr, ai->ai_addrlen) ==
		    -1)
			errors++;
		tick(&next);
	}
	p.total = htonl(n);
	for (i = 0; i < END_REPEAT; i++) {
		sendto(s, &p, sizeof(p), 0, ai->ai_addr, ai->ai_addrlen);
		tick(&next);
	}
	freeaddrinfo(ai);
	printf("sent %u, %u refused by the kernel\n", n, errors);
	return 0;
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int
receive_all(const char *port)
{
	static bool seen[MAX_PACKETS];
	struct addrinfo *ai;
	struct packet p;
	struct pollfd pfd = {.events = POLLIN};
	uint32_t got = 0, duplicates = 0, total = 0, seq, highest = 0;
	uint32_t row = 0, hole = 0;
	int64_t last = 0, gap = 0, t;

	pfd.fd = open_socket(NULL, port, &ai);
	if (bind(pfd.fd, ai->ai_addr, ai->ai_addrlen) == -1)
		err(1, "bind");
	freeaddrinfo(ai);
	while (total == 0) {
		if (poll(&pfd, 1, last == 0 ? -1 : 60000) <= 0)
			break;
		if (recv(pfd.fd, &p, sizeof(p), 0) != (ssize_t)sizeof(p))
			continue;
		t = now_ms();
		if (last != 0 && t - last > gap)
			gap = t - last;
		last = t;
		total = ntohl(p.total);
		if (total != 0)
			break;
		if ((seq = ntohl(p.seq)) >= MAX_PACKETS)
			continue;
		highest = seq > highest ? seq : highest;
		duplicates += seen[seq];
		got += !seen[seq];
		seen[seq] = true;
	}
	if (total == 0) /* the sender vanished */
		total = highest + 1;
	for (seq = 0; seq < total && seq < MAX_PACKETS; seq++) {
		row = seen[seq] ? 0 : row + 1;
		hole = row > hole ? row : hole;
	}
	printf("sent %u lost %u hole %u duplicates %u gap %lld ms\n", total,
	    total - got, hole, duplicates, (long long)gap);
	return 0;
}

int
main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_term};

	if (argc != 3)
		errx(2, "usage: oneway ADDR PORT | oneway -l PORT");
	if (strcmp(argv[1], "-l") == 0)
		return receive_all(argv[2]);
	sigaction(SIGTERM, &sa, NULL);
	return send_all(argv[1], argv[2]);
}
