#ifndef EXCHANGE_H
#define EXCHANGE_H

/*
 * The sender of a benchmark: it plays a member that knows many, and pushes its
 * state to the process that is measured, ours or the peer's. Who includes this
 * has defined TARGET and SENDER, the IPv4 addresses of both as numbers, and
 * key, the cluster key.
 */
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "../../common/overlay.h"
#include "../../common/privmsg.h"
#include "../../wesher/frame.h"
#include "../../wesher/meta.h"
#include "../../wesher/wire.h"

#define PORT	   7946
#define META_LEN   124
#define NODE_ROOM  320
#define ANSWER_MAX (8u << 20)
#define PATIENCE   60 /* seconds for one exchange */

static struct ipport
address(uint32_t ip)
{
	struct ipport a = {.ip.len = 4, .port = PORT};
	unsigned i;

	for (i = 0; i < 4; i++)
		a.ip.b[i] = (uint8_t)(ip >> (24 - 8 * i));
	return a;
}

static int
bound(uint32_t ip, uint16_t port, int type)
{
	struct ipport a = address(ip);
	struct sockaddr_storage ss;
	socklen_t len;
	int fd, one = 1;

	a.port = port;
	len = ipport_to_sockaddr(&a, &ss);
	if ((fd = socket(AF_INET, type | SOCK_CLOEXEC, 0)) == -1)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&ss, len) == -1)
		err(1, "bind");
	return fd;
}

static struct seal *
seal_make(void)
{
	struct seal *s;
	const char *why;

	if (seal_init(false, &why) == -1)
		errx(1, "%s", why);
	if ((s = seal_new(key, 1)) == NULL)
		errx(1, "no seal");
	return s;
}

/* Of a member of the original, whose address its name derives. */
static size_t
metadata(const char *name, uint8_t buf[META_MAX])
{
	struct meta m = {.dialect = META_V03, .has_pubkey = true};
	struct ipnet net;
	ssize_t n;

	ipnet_parse(DEF_OVERLAY_NET, &net);
	overlay_addr(&net, name, strlen(name), 0, &m.overlay);
	randombytes_buf(m.pubkey, sizeof(m.pubkey));
	if ((n = meta_encode(&m, buf, META_MAX)) != META_LEN)
		errx(1, "metadata of %zd bytes", n);
	return (size_t)n;
}

struct block {
	uint8_t *p;
	size_t len;
};

static struct seal *seal;
static struct lzw_encoder lzw;

/* The sender itself is the first of n members. */
static struct block
state_make(unsigned n)
{
	size_t cap = 64 + (size_t)n * NODE_ROOM;
	struct wire_pushpull head = {.nodes = n};
	struct wire_node node = {.port = PORT,
	    .incarnation = 2,
	    .state = WIRE_S_ALIVE,
	    .vsn = {(const uint8_t *)"\1\5\2\0\0\0", 6}};
	struct block b = {.p = malloc(cap)};
	uint8_t meta[META_MAX];
	struct ipport at;
	char name[32];
	unsigned i;

	if (b.p == NULL)
		err(1, NULL);
	b.len = (size_t)wire_put_pushpull(b.p, cap, &head);
	for (i = 0; i < n; i++) {
		node.name.p = (const uint8_t *)name;
		node.name.len = (size_t)snprintf(
		    name, sizeof(name), "host%05u", i);
		at = address(SENDER + i);
		node.addr = (struct slice){at.ip.b, at.ip.len};
		node.meta = (struct slice){meta, metadata(name, meta)};
		b.len += (size_t)wire_put_node(b.p + b.len, cap - b.len, &node);
	}
	return b;
}

static void
all(ssize_t (*io)(int, void *, size_t), int fd, void *buf, size_t len)
{
	uint8_t *p = buf;
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n)
		if ((n = io(fd, p, len)) <= 0)
			errx(1, "stream: %s",
			    n == 0 ? "closed" : strerror(errno));
}

static ssize_t
writes(int fd, void *p, size_t len)
{
	return write(fd, p, len);
}

/* How many members the answer lists. It is not the measured one's time. */
static unsigned
answer_nodes(const uint8_t *frame, size_t len)
{
	struct wire_pushpull head;
	uint8_t *plain = malloc(len), *owned, type;
	const uint8_t *body;
	struct mp_in in;
	size_t bodylen;
	ssize_t n;

	n = seal_open(seal, frame + FRAME_HEAD, len - FRAME_HEAD, frame,
	    FRAME_HEAD, plain, len);
	if (n == -1 || wire_stream_unwrap(plain, (size_t)n, WIRE_INFLATE_STREAM,
			   &type, &body, &bodylen, &owned) != 0)
		errx(1, "the answer cannot be read");
	mp_in_init(&in, body, bodylen);
	if (type != WIRE_PUSHPULL || wire_get_pushpull(&in, &head) == -1)
		errx(1, "the answer is no state");
	free(owned);
	free(plain);
	return head.nodes;
}

/* Send a state, read the answer and wait for the end: all is merged then. It
 * has to list so many, unless that is 0. */
static void
exchange(const struct block *state, unsigned want)
{
	static uint8_t answer[ANSWER_MAX];
	struct timeval tv = {.tv_sec = PATIENCE};
	struct ipport to = address(TARGET);
	struct sockaddr_storage ss;
	socklen_t sslen = ipport_to_sockaddr(&to, &ss);
	size_t len;
	uint8_t *frame = frame_seal(seal, &lzw, state->p, state->len, &len);
	int fd = bound(SENDER, 0, SOCK_STREAM);
	unsigned got;
	char c;

	if (frame == NULL || connect(fd, (struct sockaddr *)&ss, sslen) == -1)
		err(1, "connect");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	all(writes, fd, frame, len);
	all(read, fd, answer, FRAME_HEAD);
	len = frame_length(answer);
	if (len > sizeof(answer) - FRAME_HEAD)
		errx(1, "an answer of %zu bytes", len);
	all(read, fd, answer + FRAME_HEAD, len);
	if (read(fd, &c, 1) != 0)
		errx(1, "no end behind the answer");
	close(fd);
	free(frame);
	got = answer_nodes(answer, FRAME_HEAD + len);
	if (want != 0 && got != want)
		errx(1, "the answer lists %u members, not %u", got, want);
}

#endif
