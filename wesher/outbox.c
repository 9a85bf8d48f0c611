/*
 * Sealed packets on their way out of the gossip process. What one turn of the
 * event loop brought about (a beat of gossip, the answers to a queue full of
 * pings) leaves together, in one system call.
 *
 * Nothing here is hostile but the addresses: members choose them. So an error
 * belongs to one packet, and the others must leave all the same.
 */
#include <sys/socket.h>
#include <netinet/in.h>

#include <errno.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "../common/log.h"
#include "outbox.h"
#include "wire.h"

#define SLOTS 16

struct slot {
	struct ipport to;
	struct sockaddr_storage ss;
	struct iovec iov;
	_Alignas(struct cmsghdr)
	    uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static struct {
	struct outbox_config cfg;
	struct event flush;
	unsigned n;
	struct mmsghdr msg[SLOTS];
	struct slot slot[SLOTS];
	uint8_t data[SLOTS][WIRE_PACKET_MAX];
} box;

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	outbox_flush();
}

int
outbox_start(const struct outbox_config *cfg)
{
	box.cfg = *cfg;
	box.n = 0;
	return event_assign(&box.flush, cfg->base, -1, 0, on_flush, NULL);
}

void
outbox_stop(void)
{
	outbox_flush();
	event_del(&box.flush);
}

uint8_t *
outbox_room(void)
{
	if (box.n == SLOTS)
		outbox_flush();
	return box.data[box.n];
}

static void
map4(const struct ipaddr *ip, struct ipaddr *out)
{
	memset(out, 0, sizeof(*out));
	out->len = 16;
	out->b[10] = out->b[11] = 0xff;
	memcpy(out->b + 12, ip->b, 4);
}

/* The address as the socket wants it: v4-mapped on a dual-stack one. */
static socklen_t
put_dest(const struct ipport *to, struct sockaddr_storage *ss)
{
	struct ipport mapped = {.port = to->port};

	if (!box.cfg.mapped || to->ip.len != 4)
		return ipport_to_sockaddr(to, ss);
	map4(&to->ip, &mapped.ip);
	return ipport_to_sockaddr(&mapped, ss);
}

/* The cmsg that names the source of a datagram; returns the space it takes. */
static size_t
put_source(struct cmsghdr *c, const struct ipaddr *ip)
{
	struct in_pktinfo p4 = {0};
	struct in6_pktinfo p6 = {0};
	struct ipaddr mapped;

	c->cmsg_level = box.cfg.v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = box.cfg.v6 ? IPV6_PKTINFO : IP_PKTINFO;
	if (!box.cfg.v6) {
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

void
outbox_put(const struct ipport *to, const struct ipaddr *from, size_t len)
{
	struct slot *s = &box.slot[box.n];
	struct msghdr *m = &box.msg[box.n].msg_hdr;

	s->to = *to;
	s->iov = (struct iovec){box.data[box.n], len};
	*m = (struct msghdr){.msg_name = &s->ss, .msg_iov = &s->iov};
	m->msg_namelen = put_dest(to, &s->ss);
	m->msg_iovlen = 1;
	if (from != NULL) {
		m->msg_control = s->control;
		m->msg_controllen = put_source(m->msg_control, from);
	}
	if (box.n++ == 0)
		event_active(&box.flush, EV_TIMEOUT, 0);
}

/* It failed at first: the source may not be ours any more, or the error
 * belong to an earlier packet (ICMP). */
static bool
again(struct msghdr *m)
{
	m->msg_control = NULL;
	m->msg_controllen = 0;
	return sendmsg(box.cfg.udp, m, MSG_DONTWAIT) != -1 ||
	       sendmsg(box.cfg.udp, m, MSG_DONTWAIT) != -1;
}

static void
leave(unsigned from, unsigned to, bool ok)
{
	for (; from < to; from++)
		box.cfg.left(
		    &box.slot[from].to, box.slot[from].iov.iov_len, ok);
}

void
outbox_flush(void)
{
	unsigned i, sent;
	int n;

	for (i = 0; i < box.n; i += sent) {
		n = sendmmsg(box.cfg.udp, box.msg + i, box.n - i, MSG_DONTWAIT);
		sent = n > 0 ? (unsigned)n : 1;
		leave(i, i + sent, n > 0 || again(&box.msg[i].msg_hdr));
	}
	box.n = 0;
}
