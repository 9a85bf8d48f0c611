#ifndef REGRESS_NETRIG_H
#define REGRESS_NETRIG_H

/*
 * The sockets of the gossip process on loopback, in the test's own loop: what
 * a member of ours takes, and what a stranger sees of it. One per program.
 */
#include <sys/socket.h>
#include <netinet/in.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sodium.h>

#include "../../common/log.h"
#include "../../wesher/accept.h"
#include "../../wesher/gate.h"
#include "../../wesher/net.h"
#include "../../wesher/wire.h"

#define WAIT_MS 5000

static struct {
	struct event_base *base;
	struct seal *seal, *stranger;
	struct ipport at;
	int udp, tcp;
	unsigned packets, requests, replies, failures;
	uint8_t last[70000];
	size_t lastlen;
	uint32_t id;
	char why[128];
	bool noise; /* it does not compress */
	size_t replysize; /* what a request is answered with; 0: nothing */
	unsigned lines;
	int any; /* bound to the wildcard: 4 or 6 */
	bool echo; /* packets are sent back */
	bool confined; /* no stream may go to port 1 */
	struct ipaddr member; /* whose address is a member's; len 0: nobody's */
	/* Who takes packets and requests instead, if set. */
	struct net_handler taker;
} w;

static inline int
on_packet(const struct ipport *from, const uint8_t *plain, size_t len)
{
	if (w.taker.packet != NULL)
		return w.taker.packet(from, plain, len);
	if (w.echo)
		net_send(from, plain, len);
	w.packets++;
	w.lastlen = len;
	memcpy(w.last, plain, len);
	return 0;
}

static inline int
on_request(const struct ipport *from, uint8_t type, const uint8_t *body,
    size_t len, uint8_t **reply, size_t *replylen)
{
	w.requests++;
	if (w.taker.request != NULL)
		return w.taker.request(from, type, body, len, reply, replylen);
	w.lastlen = len;
	if (len <= sizeof(w.last))
		memcpy(w.last, body, len);
	*reply = NULL;
	*replylen = w.replysize;
	if (w.replysize > 0) {
		*reply = calloc(1, w.replysize);
		if (w.noise)
			randombytes_buf(*reply, w.replysize);
		(*reply)[0] = WIRE_ACK;
	}
	return 0;
}

static inline void
on_reply(uint32_t id, uint8_t type, const uint8_t *body, size_t len)
{
	(void)body;
	assert_int_equal(type, WIRE_ACK);
	w.replies++;
	w.id = id;
	w.lastlen = len;
}

static inline void
on_failed(uint32_t id, const char *why)
{
	w.failures++;
	w.id = id;
	strlcpy(w.why, why, sizeof(w.why));
}

static inline void
on_line(enum log_level level, const char *tag, const char *line)
{
	(void)level;
	(void)tag;
	(void)line;
	w.lines++;
}

static inline bool
is_known(const struct ipaddr *ip)
{
	return w.member.len != 0 && ipaddr_eq(ip, &w.member);
}

static inline int
bound(int type)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd = socket(
	    w.any == 6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK, 0);
	int on = 1;

	w.at.port = 0; /* a free one for each */
	if (w.any) {
		memset(&w.at, 0, sizeof(w.at));
		w.at.ip.len = w.any == 6 ? 16 : 4;
	}
	len = ipport_to_sockaddr(&w.at, &ss);
	if (w.any == 6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	else if (w.any)
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));

	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	len = sizeof(ss);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	ipport_from_sockaddr((struct sockaddr *)&ss, len, &w.at);
	return fd;
}

static inline bool
connects(const struct ipport *to)
{
	return !w.confined || to->port != 1;
}

static inline int
setup(void **state)
{
	static const uint8_t keys[2][CLUSTER_KEY_LEN] = {{1}, {2}};
	struct net_config nc = {0};
	const char *why;

	const int any = w.any;

	memset(&w, 0, sizeof(w));
	w.any = any;
	signal(SIGPIPE, SIG_IGN);
	log_init(LOG_D_SINK, LOG_L_WARN, "test", -1);
	log_sink(on_line);
	if (seal_init(false, &why) == -1)
		return -1;
	w.seal = seal_new(keys, 1);
	w.stranger = seal_new(keys + 1, 1);
	w.base = event_base_new();
	ipaddr_parse("127.0.0.1", &w.at.ip);
	nc.udp = w.udp = bound(SOCK_DGRAM);
	nc.tcp = w.tcp = bound(SOCK_STREAM);
	listen(w.tcp, 16);
	nc.stream_ms = *state != NULL ? *(unsigned *)*state : 0;
	nc.base = w.base;
	nc.seal = w.seal;
	nc.known = is_known;
	nc.connects = connects;
	nc.handler = (struct net_handler){
	    on_packet, NULL, on_request, on_reply, on_failed};
	return net_start(&nc);
}

static inline int
teardown(void **state)
{
	static const struct accept all;

	(void)state;
	net_accept(&all);
	net_stop();
	close(w.udp);
	close(w.tcp);
	w.any = 0;
	event_base_free(w.base);
	seal_free(w.seal);
	seal_free(w.stranger);
	return 0;
}

/* Turn the loop until *what has reached n, or a generous time-out. */
static inline void
until(const unsigned *what, unsigned n)
{
	int i;

	for (i = 0; i < WAIT_MS && *what < n; i++) {
		event_base_loop(w.base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	assert_int_equal(*what, n);
}

static inline void
turn(int times)
{
	while (times-- > 0) {
		event_base_loop(w.base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
}

static inline void
udp_to_us(const void *p, size_t len)
{
	struct ipport to = w.at;
	struct sockaddr_storage ss, self;
	socklen_t slen = sizeof(self);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	getsockname(w.udp, (struct sockaddr *)&self, &slen);
	ipport_from_sockaddr((struct sockaddr *)&self, slen, &to);
	slen = ipport_to_sockaddr(&to, &ss);
	assert_int_equal(
	    sendto(fd, p, len, 0, (struct sockaddr *)&ss, slen), len);
	close(fd);
}

static inline int
tcp_from(uint32_t addr)
{
	struct sockaddr_in from = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(addr)};
	struct sockaddr_storage ss;
	socklen_t slen = sizeof(ss);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	getsockname(w.tcp, (struct sockaddr *)&ss, &slen);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, slen), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static inline int
tcp_to_us(void)
{
	return tcp_from(INADDR_LOOPBACK);
}

/* A framed block of plain under a key. Returns its length. */
static inline size_t
block(struct seal *s, const void *plain, size_t len, uint8_t *out)
{
	size_t total = len + SEAL_OVERHEAD;

	out[0] = WIRE_ENCRYPT;
	out[1] = (uint8_t)(total >> 24);
	out[2] = (uint8_t)(total >> 16);
	out[3] = (uint8_t)(total >> 8);
	out[4] = (uint8_t)total;
	assert_int_equal(
	    seal_close(s, plain, len, out, 5, out + 5, total), total);
	return total + 5;
}

/* The other side's view: bytes read until end of file. */
static inline size_t
read_all(int fd, uint8_t *buf, size_t cap)
{
	size_t n = 0;
	ssize_t r;
	int i;

	for (i = 0; i < WAIT_MS; i++) {
		event_base_loop(w.base, EVLOOP_NONBLOCK);
		r = read(fd, buf + n, cap - n);
		if (r == 0)
			return n;
		if (r > 0)
			n += (size_t)r;
		else if (errno == ECONNRESET)
			return n;
		else
			usleep(1000);
	}
	fail_msg("the stream was not closed");
	return 0;
}

#endif
