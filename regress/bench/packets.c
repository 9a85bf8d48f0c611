/*
 * packets: floods one member on loopback, of ours or of memberlist's, and says
 * what it made of that.
 *
 *	packets pings|junk NAME PID ADDR PORT SECONDS
 *
 * pings: as four members, which it becomes first by an alive message each, it
 * sends sealed pings (fresh nonces, with memberlist's checksum) as fast as it
 * can and counts the acks that come back: each is opened and read. junk: the
 * same from strangers with what must be refused; what was refused is what was
 * sent less what the kernel dropped since the member's buffer was full.
 *
 * Prints `N WALL CPU`: packets answered or refused; seconds; processor seconds
 * of the member, both modes, all its threads. The load does not wait for
 * answers: the member's buffer is full all the time, so that it is never idle.
 * All is sealed beforehand. To be pinned to another core than the member.
 */
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "../../common/clock.h"
#include "../../wesher/crc.h"
#include "../../wesher/seal.h"
#include "../../wesher/wire.h"

#define SOURCES 4
#define BATCHES \
	4096 /* prepared, then sent again: 16 times what a member of
		      * ours can tell from a recording */
#define EACH	     16 /* packets of a batch, all of one length */
#define LOAD_PORT(p) ((uint16_t)((p) + 1)) /* a wildcard has the other */
#define DRAIN	     (5 * US_PER_S)

struct batch {
	uint8_t *packets; /* EACH times len bytes */
	size_t len;
};

static struct batch batches[BATCHES];
static struct seal *seal, *stranger;
static struct ipport member;
static int source[SOURCES];
static uint64_t acks;

/* ---- what is sent */

static size_t
sealed(struct seal *with, const void *plain, size_t len, uint8_t *out)
{
	ssize_t n = seal_close(with, plain, len, NULL, 0, out, WIRE_PACKET_MAX);

	if (n == -1)
		errx(1, "seal");
	return (size_t)n;
}

/* [12][checksum] before the message at out + 5. */
static size_t
checked(uint8_t *out, ssize_t len)
{
	uint32_t c;

	if (len == -1)
		errx(1, "encoding");
	c = htonl(crc32_ieee(out + 5, (size_t)len));
	out[0] = WIRE_CRC;
	memcpy(out + 1, &c, sizeof(c));
	return (size_t)len + 5;
}

static struct slice
text(const char *s)
{
	return (struct slice){(const uint8_t *)s, strlen(s)};
}

static size_t
ping(struct seal *with, unsigned from, const char *to, uint8_t *out)
{
	static uint32_t seqno = 1u << 20; /* of one width in MessagePack */
	uint8_t plain[WIRE_PLAIN_MAX], ip[4] = {127, 0, 1, 0};
	char name[16];
	struct wire_ping p = {.seqno = seqno++, .node = text(to)};

	ip[3] = (uint8_t)(from + 1);
	snprintf(name, sizeof(name), "load%u", from);
	p.src_addr = (struct slice){ip, 4};
	p.src_port = LOAD_PORT(member.port);
	p.src_node = text(name);
	return sealed(with, plain,
	    checked(plain, wire_put_ping(plain + 5, sizeof(plain) - 5, &p)),
	    out);
}

/* One of several kinds of packets that nobody must take. */
static size_t
junk(unsigned kind, const char *to, uint8_t *out)
{
	uint8_t plain[WIRE_PLAIN_MAX] = {0};
	size_t n = ping(seal, 0, to, out);

	switch (kind) {
	case 0: /* noise */
		randombytes_buf(out, n);
		return n;
	case 1: /* another mesh's */
		return ping(stranger, 0, to, out);
	case 2: /* the same, as long as packets become */
		return sealed(stranger, plain, sizeof(plain), out);
	case 3: /* ours, cut off */
		return n - 10;
	default: /* the same, before its tag even begins */
		return SEAL_OVERHEAD - 1;
	}
}

static void
prepare(bool pings, const char *to)
{
	uint8_t buf[WIRE_PACKET_MAX];
	unsigned i, k;

	for (i = 0; i < BATCHES; i++) {
		struct batch *b = &batches[i];

		for (k = 0; k < EACH; k++) {
			b->len = pings ? ping(seal, i % SOURCES, to, buf)
				       : junk(i % 5, to, buf);
			if (b->packets == NULL &&
			    (b->packets = malloc(EACH * b->len)) == NULL)
				err(1, "malloc");
			memcpy(b->packets + k * b->len, buf, b->len);
		}
	}
}

/* ---- sockets */

static void
open_sources(void)
{
	struct sockaddr_storage ss;
	struct ipport at = {.port = LOAD_PORT(member.port)};
	unsigned i;
	int size = 8 << 20;

	for (i = 0; i < SOURCES; i++) {
		at.ip = (struct ipaddr){4, {127, 0, 1, (uint8_t)(i + 1)}};
		source[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		setsockopt(
		    source[i], SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
		if (bind(source[i], (struct sockaddr *)&ss,
			ipport_to_sockaddr(&at, &ss)) == -1 ||
		    connect(source[i], (struct sockaddr *)&ss,
			ipport_to_sockaddr(&member, &ss)) == -1)
			err(1, "source");
	}
}

/* A batch in one call. Returns how many packets went out: all, or none. */
static unsigned
send_batch(int fd, const struct batch *b)
{
	union {
		struct cmsghdr align;
		uint8_t b[CMSG_SPACE(sizeof(uint16_t))];
	} control = {.b = {0}};
	struct iovec iov = {b->packets, EACH * b->len};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.b,
	    .msg_controllen = sizeof(control.b)};
	uint16_t len = (uint16_t)b->len;

	control.align.cmsg_level = SOL_UDP;
	control.align.cmsg_type = UDP_SEGMENT;
	control.align.cmsg_len = CMSG_LEN(sizeof(len));
	memcpy(CMSG_DATA(&control.align), &len, sizeof(len));
	if (sendmsg(fd, &m, MSG_DONTWAIT) != -1)
		return EACH;
	if (errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
		err(1, "send");
	return 0;
}

static void
on_message(void *arg, uint8_t type, const uint8_t *body, size_t len)
{
	struct wire_ack ack;

	(void)arg;
	if (type == WIRE_ACK && wire_get_ack(body, len, &ack) == 0 &&
	    ack.seqno >= 1u << 20)
		acks++;
}

/* What came back to one source. Returns whether anything did. */
static bool
receive(int fd)
{
	static struct wire_scratch scratch;
	static uint8_t in[64][WIRE_PACKET_MAX + 100];
	uint8_t plain[WIRE_PACKET_MAX + 100];
	struct iovec iov[64];
	struct mmsghdr m[64];
	ssize_t n;
	int i, got;

	for (i = 0; i < 64; i++) {
		iov[i] = (struct iovec){in[i], sizeof(in[i])};
		m[i].msg_hdr = (struct msghdr){
		    .msg_iov = &iov[i], .msg_iovlen = 1};
	}
	got = recvmmsg(fd, m, 64, MSG_DONTWAIT, NULL);
	for (i = 0; i < got; i++) {
		n = seal_open(
		    seal, in[i], m[i].msg_len, NULL, 0, plain, sizeof(plain));
		if (n != -1)
			(void)wire_packet(
			    &scratch, plain, (size_t)n, on_message, NULL);
	}
	return got > 0;
}

static bool
receive_all(void)
{
	bool any = false;
	unsigned i;

	for (i = 0; i < SOURCES; i++)
		any |= receive(source[i]);
	return any;
}

/* ---- what the kernel says of the member */

/* Of its socket: bytes that wait, and packets dropped so far. */
static uint64_t
drops(uint64_t *waiting)
{
	static const char *const files[] = {"/proc/net/udp", "/proc/net/udp6"};
	char line[512], *p;
	uint64_t n = 0;
	unsigned i, port;
	FILE *f;

	*waiting = 0;
	for (i = 0; i < 2; i++) {
		if ((f = fopen(files[i], "r")) == NULL)
			continue;
		while (fgets(line, sizeof(line), f) != NULL) {
			unsigned long rx, local;

			if (sscanf(line,
				" %*d: %*[0-9A-F]:%x %*[0-9A-F]:%lx "
				"%*x %*x:%lx",
				&port, &local, &rx) != 3 ||
			    port != member.port || local != 0)
				continue;
			line[strcspn(line, "\n")] = '\0';
			while ((p = strrchr(line, ' ')) != NULL && p[1] == '\0')
				*p = '\0';
			*waiting += rx;
			n += strtoull(p + 1, NULL, 10);
		}
		fclose(f);
	}
	return n;
}

/* Processor seconds of a process so far. */
static double
cpu(const char *pid)
{
	char path[64], buf[1024], *p;
	unsigned long user, sys;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	if ((f = fopen(path, "r")) == NULL ||
	    fgets(buf, sizeof(buf), f) == NULL ||
	    (p = strrchr(buf, ')')) == NULL ||
	    sscanf(p + 2,
		"%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		"%lu %lu",
		&user, &sys) != 2)
		errx(1, "the member has ended");
	fclose(f);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- phases */

/* Our four addresses become members'. */
static void
become_members(void)
{
	static const uint8_t vsn[6] = {1, 5, 2, 0, 0, 0};
	uint8_t plain[WIRE_PLAIN_MAX], out[WIRE_PACKET_MAX],
	    ip[4] = {127, 0, 1};
	struct wire_alive a = {
	    .incarnation = 1, .port = LOAD_PORT(member.port)};
	char name[16];
	size_t n;
	unsigned i;

	for (i = 0; i < SOURCES; i++) {
		ip[3] = (uint8_t)(i + 1);
		snprintf(name, sizeof(name), "load%u", i);
		a.node = text(name);
		a.addr = (struct slice){ip, 4};
		a.vsn = (struct slice){vsn, sizeof(vsn)};
		a.meta = (struct slice){vsn, 0};
		n = sealed(seal, plain,
		    checked(plain,
			wire_put_alive(plain + 5, sizeof(plain) - 5, &a)),
		    out);
		if (send(source[i], out, n, 0) == -1)
			err(1, "alive");
	}
	usleep(100000);
}

/* An honest member is always answered: a hundred times each, paced. */
static void
check_answered(void)
{
	unsigned i, k;

	for (i = 0; i < 100; i++)
		for (k = 0; k < SOURCES; k++) {
			struct batch *b = &batches[i / EACH * SOURCES + k];

			(void)send(source[k], b->packets + i % EACH * b->len,
			    b->len, 0);
			usleep(500);
			(void)receive_all();
		}
	usleep(100000);
	while (receive_all())
		;
	if (acks != 100 * SOURCES)
		errx(1, "%llu of %d pings were answered",
		    (unsigned long long)acks, 100 * SOURCES);
}

/* Until then, and then until the member has read everything. */
static uint64_t
flood(bool pings, int64_t end)
{
	uint64_t sent = 0, waiting;
	/* What check_answered sent is known. */
	unsigned i = BATCHES / 2;
	int64_t t;

	while ((t = clock_now()) < end)
		do {
			sent += send_batch(
			    source[i % SOURCES], &batches[i % BATCHES]);
			i++;
			if (pings && i % SOURCES == 0)
				(void)receive_all();
		} while (i % 64 != 0);
	for (end += DRAIN; clock_now() < end; usleep(1000)) {
		while (pings && receive_all())
			;
		if (drops(&waiting), waiting == 0)
			break;
	}
	usleep(20000);
	while (pings && receive_all())
		;
	return sent;
}

static void
measure(bool pings, const char *pid, int seconds)
{
	uint64_t sent, waiting, before, lost;
	int64_t start;
	double used;

	acks = 0;
	before = drops(&waiting);
	used = cpu(pid);
	start = clock_now();
	sent = flood(pings, start + seconds * US_PER_S);
	used = cpu(pid) - used;
	lost = drops(&waiting) - before;
	fprintf(stderr, "sent %llu, dropped %llu\n", (unsigned long long)sent,
	    (unsigned long long)lost);
	printf("%llu %.3f %.3f\n",
	    (unsigned long long)(pings ? acks : sent - lost),
	    (double)(clock_now() - start) / 1e6, used);
}

int
main(int argc, char **argv)
{
	uint8_t keys[2][CLUSTER_KEY_LEN];
	const char *why;
	bool pings;

	if (argc != 7)
		errx(1, "usage: packets pings|junk NAME PID ADDR PORT SECONDS");
	pings = strcmp(argv[1], "pings") == 0;
	if (ipaddr_parse(argv[4], &member.ip) == -1)
		errx(1, "not an address: %s", argv[4]);
	member.port = (uint16_t)atoi(argv[5]);
	if (seal_init(false, &why) == -1)
		errx(1, "%s", why);
	/* The test's key, as in gossip.c and peer/packets.go. */
	memset(keys[0], 'k', sizeof(keys[0]));
	memset(keys[1], 's', sizeof(keys[1]));
	seal = seal_new(&keys[0], 1);
	stranger = seal_new(&keys[1], 1);
	open_sources();
	prepare(pings, argv[2]);
	if (pings) {
		become_members();
		check_answered();
	}
	measure(pings, argv[3], atoi(argv[6]));
	return 0;
}
