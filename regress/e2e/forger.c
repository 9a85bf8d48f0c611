/*
 * forger: a member gone bad. It holds the cluster key and tells each host lies
 * about them all: leaves, deaths, suspicions, other keys, other addresses, by
 * packet and by push/pull. Test tool, not installed.
 *
 *	forger KEY SECONDS ACCUSER ADDR...
 *
 * A hundred lies a second about each host (ADDR: a member at the cluster port
 * 7946), told to all of them, with incarnations a little or far above the
 * truth, which one exchange a second with each host shows. ACCUSER is the name
 * of a member in good standing. It must never forge a source address: that is
 * another attacker. Prints "told N in M packets, K of L exchanges answered".
 *
 * Run in a network namespace of a test, never on a host.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "../../wesher/meta.h"
#include "../../wesher/seal.h"
#include "../../wesher/wire.h"

#define PORT	  7946
#define HOSTS_MAX 8
#define STATE_MAX (1 << 16)
#define LIES	  10 /* kinds */

/* What is true of a host, as it says itself. */
struct host {
	struct sockaddr_in at;
	struct wire_node n; /* its slices point below */
	uint8_t name[255], addr[16], meta[512], forged[512], vsn[6];
};

static struct seal *seal;
static struct host hosts[HOSTS_MAX];
static unsigned nhosts, told, packets, asked, answered;
static const char *accuser;
static uint8_t elsewhere[4]; /* our own address */
static int udp;

static struct slice
str(const char *s)
{
	return (struct slice){(const uint8_t *)s, strlen(s)};
}

static struct slice
kept(uint8_t *to, size_t room, const struct slice *s)
{
	if (s->len > room)
		errx(1, "too long");
	memcpy(to, s->p, s->len);
	return (struct slice){to, s->len};
}

/* ---- the lies */

/* A little above the truth, or as far as it goes. */
static uint32_t
some_incarnation(const struct host *h)
{
	static const uint32_t far[] = {
	    0xEFFFFFFF, 0xF0000000, 0xF0000001, 0xFFFFFFFE, 0xFFFFFFFF};
	static uint32_t higher;

	switch (randombytes_uniform(6)) {
	case 0:
		return h->n.incarnation;
	case 1:
		return h->n.incarnation + randombytes_uniform(16);
	case 2:
		return h->n.incarnation + randombytes_uniform(1 << 14);
	case 3:
		return h->n.incarnation + randombytes_uniform(1 << 30);
	case 4:
		return h->n.incarnation + ++higher;
	default:
		return far[randombytes_uniform(5)];
	}
}

/* The same metadata with another key, or port, or address. */
static struct slice
forged_meta(struct host *h)
{
	struct meta m;
	ssize_t n;

	if (meta_decode(h->n.meta.p, h->n.meta.len, &m) == -1)
		errx(1, "no metadata");
	switch (randombytes_uniform(3)) {
	case 0:
		m.has_wgport = true;
		m.wgport = 9;
		break;
	case 1:
		m.overlay.b[3] ^= 1;
		/* FALLTHROUGH */
	default:
		randombytes_buf(m.pubkey, sizeof(m.pubkey));
	}
	if ((n = meta_encode(&m, h->forged, sizeof(h->forged))) == -1)
		errx(1, "metadata");
	return (struct slice){h->forged, (size_t)n};
}

static ssize_t
put_alive(struct host *h, uint8_t *buf, size_t cap, bool other, bool away)
{
	struct wire_alive a = {.incarnation = some_incarnation(h),
	    .node = h->n.name,
	    .addr = away ? (struct slice){elsewhere, 4} : h->n.addr,
	    .port = h->n.port,
	    .meta = other ? forged_meta(h) : h->n.meta,
	    .vsn = h->n.vsn};

	return wire_put_alive(buf, cap, &a);
}

static ssize_t
put_accuse(const struct host *h, uint8_t *buf, size_t cap, enum wire_type type,
    struct slice from)
{
	struct wire_accuse a = {.incarnation = some_incarnation(h),
	    .node = h->n.name,
	    .from = from};

	return wire_put_accuse(buf, cap, type, &a);
}

static ssize_t
put_lie(struct host *h, unsigned kind, uint8_t *buf, size_t cap)
{
	switch (kind % LIES) {
	case 0:
	case 1:
		return put_accuse(h, buf, cap, WIRE_DEAD, h->n.name);
	case 2:
		return put_alive(h, buf, cap, false, true);
	case 3:
		return put_accuse(h, buf, cap, WIRE_DEAD, str(accuser));
	case 4:
		return put_alive(h, buf, cap, true, false);
	case 5:
		return put_accuse(h, buf, cap, WIRE_SUSPECT, str(accuser));
	case 6:
		return put_alive(h, buf, cap, true, true);
	case 7:
		return put_accuse(h, buf, cap, WIRE_DEAD, str("nobody"));
	case 8:
		return put_alive(h, buf, cap, false, false);
	default:
		return put_accuse(h, buf, cap, WIRE_SUSPECT, str("nobody"));
	}
}

static void
tell(struct host *about)
{
	uint8_t msg[1200], block[1300];
	ssize_t n = put_lie(about, told++, msg, sizeof(msg));
	unsigned i;

	if (n == -1)
		errx(1, "a lie too long");
	n = seal_close(seal, msg, (size_t)n, NULL, 0, block, sizeof(block));
	for (i = 0; n != -1 && i < nhosts; i++)
		packets += sendto(udp, block, (size_t)n, 0,
			       (struct sockaddr *)&hosts[i].at,
			       sizeof(hosts[i].at)) == n;
}

/* ---- exchanges */

static size_t
put_state(uint8_t *buf, size_t cap, bool lie)
{
	struct wire_pushpull head = {.nodes = lie ? 2 * nhosts : 0};
	size_t len = (size_t)wire_put_pushpull(buf, cap, &head);
	unsigned i;

	for (i = 0; i < head.nodes; i++) {
		struct host *h = &hosts[i % nhosts];
		struct wire_node n = h->n;
		ssize_t k;

		n.incarnation = some_incarnation(h);
		n.state = (uint8_t)randombytes_uniform(4);
		if (n.state == WIRE_S_ALIVE && randombytes_uniform(2))
			n.addr = (struct slice){elsewhere, 4};
		if (n.state == WIRE_S_ALIVE && randombytes_uniform(2))
			n.meta = forged_meta(h);
		if ((k = wire_put_node(buf + len, cap - len, &n)) == -1)
			errx(1, "a state too long");
		len += (size_t)k;
	}
	return len;
}

static bool
read_all(int s, uint8_t *buf, size_t len)
{
	size_t have = 0;
	ssize_t n;

	while (have < len && (n = read(s, buf + have, len - have)) > 0)
		have += (size_t)n;
	return have == len;
}

/* What h says about itself is true. */
static void
learn(struct host *h, const uint8_t *body, size_t len)
{
	struct wire_pushpull head;
	struct wire_node n;
	struct mp_in in;
	struct ipaddr ip;
	uint32_t i;

	mp_in_init(&in, body, len);
	if (wire_get_pushpull(&in, &head) == -1)
		errx(1, "a malformed state");
	for (i = 0; i < head.nodes && wire_get_node(&in, &n) == 0; i++) {
		if (ipaddr_from_bytes(n.addr.p, n.addr.len, &ip) == -1 ||
		    memcmp(ip.b, &h->at.sin_addr, 4) != 0)
			continue;
		n.name = kept(h->name, sizeof(h->name), &n.name);
		n.addr = kept(h->addr, sizeof(h->addr), &n.addr);
		n.meta = kept(h->meta, sizeof(h->meta), &n.meta);
		n.vsn = kept(h->vsn, sizeof(h->vsn), &n.vsn);
		h->n = n;
	}
}

static bool
exchange_on(int s, struct host *h, bool lie)
{
	static uint8_t plain[STATE_MAX], block[STATE_MAX + 64];
	size_t len = put_state(plain, sizeof(plain), lie);
	uint8_t head[5] = {WIRE_ENCRYPT}, type, *owned;
	uint32_t n = htonl((uint32_t)(len + SEAL_OVERHEAD));
	const uint8_t *body;
	ssize_t k;

	memcpy(head + 1, &n, 4);
	k = seal_close(seal, plain, len, head, 5, block, sizeof(block));
	if (k == -1 || write(s, head, 5) != 5 ||
	    write(s, block, (size_t)k) != k)
		return false;
	if (!read_all(s, head, 5))
		return false;
	memcpy(&n, head + 1, 4);
	len = ntohl(n);
	if (len > sizeof(block) || !read_all(s, block, len))
		return false;
	k = seal_open(seal, block, len, head, 5, plain, sizeof(plain));
	if (k == -1 || wire_stream_unwrap(plain, (size_t)k, STATE_MAX, &type,
			   &body, &len, &owned) != 0)
		return false;
	if (type == WIRE_PUSHPULL)
		learn(h, body, len);
	free(owned);
	return type == WIRE_PUSHPULL;
}

static void
exchange(struct host *h, bool lie)
{
	struct timeval tv = {.tv_usec = 300000};
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s == -1)
		err(1, "socket");
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	asked++;
	if (connect(s, (struct sockaddr *)&h->at, sizeof(h->at)) == 0)
		answered += exchange_on(s, h, lie);
	close(s);
}

/* ---- */

static void
set_up(const char *key64)
{
	uint8_t key[1][CLUSTER_KEY_LEN];
	struct sockaddr_in mine;
	socklen_t len = sizeof(mine);
	const char *why;
	size_t n;
	int s;

	if (seal_init(false, &why) == -1)
		errx(1, "%s", why);
	if (sodium_base642bin(key[0], sizeof(key[0]), key64, strlen(key64),
		NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) == -1 ||
	    n != sizeof(key[0]) || (seal = seal_new(key, 1)) == NULL)
		errx(1, "key");
	/* Where we sit, by a socket that sends nothing. */
	s = socket(AF_INET, SOCK_DGRAM, 0);
	if (connect(s, (struct sockaddr *)&hosts[0].at, sizeof(mine)) == -1 ||
	    getsockname(s, (struct sockaddr *)&mine, &len) == -1)
		err(1, "no way to the first host");
	memcpy(elsewhere, &mine.sin_addr, 4);
	close(s);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
}

static void
tick(struct timespec *next)
{
	next->tv_nsec += 10000000L;
	if (next->tv_nsec >= 1000000000L) {
		next->tv_nsec -= 1000000000L;
		next->tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

int
main(int argc, char **argv)
{
	struct timespec next;
	unsigned i, n, ticks;

	if (argc < 5 || argc - 4 > HOSTS_MAX)
		errx(2, "usage: forger KEY SECONDS ACCUSER ADDR...");
	ticks = (unsigned)atoi(argv[2]) * 100;
	accuser = argv[3];
	for (nhosts = 0; nhosts + 4 < (unsigned)argc; nhosts++) {
		struct sockaddr_in *at = &hosts[nhosts].at;

		at->sin_family = AF_INET;
		at->sin_port = htons(PORT);
		if (inet_pton(AF_INET, argv[4 + nhosts], &at->sin_addr) != 1)
			errx(2, "%s: no address", argv[4 + nhosts]);
	}
	set_up(argv[1]);
	for (i = 0; i < nhosts; i++) {
		exchange(&hosts[i], false);
		if (hosts[i].n.name.len == 0)
			errx(1, "%s does not answer", argv[4 + i]);
	}
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (n = 0; n < ticks; n++) {
		for (i = 0; i < nhosts; i++)
			tell(&hosts[i]);
		if (n % 100 < nhosts)
			exchange(&hosts[n % 100], true);
		tick(&next);
	}
	printf("told %u in %u packets, %u of %u exchanges answered\n", told,
	    packets, answered, asked);
	return 0;
}
