/*
 * The stub in the place of wesher-priv: see member.h. It gives the addresses
 * that wesher-priv would derive, confirms every tunnel, and says of each that
 * its handshake was a minute ago, so that none is looked after as a broken one.
 * What it does itself is counted for nobody.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../common/log.h"
#include "../../common/overlay.h"
#include "../../common/privmsg.h"
#include "../../kernel/sockets.h"
#include "../../priv/setup.h"
#include "../../wesher/launch.h"
#include "member.h"

#define NOBODY	   65534
#define IFINDEX	   99
#define ROUND	   64 /* records of one member before the next has its turn */
#define SEND_QUEUE (8 << 20)

void
member_conf(
    struct conf *conf, const struct ipaddr *addr, char key, const char *join)
{
	memset(conf, 0, sizeof(*conf));
	conf->magic = CONF_MAGIC;
	conf->size = sizeof(*conf);
	memset(conf->keys[0], key, CLUSTER_KEY_LEN);
	conf->nkeys = 1;
	conf->init = true;
	conf->foreground = true;
	conf->log_level = LOG_L_WARN;
	conf->bind_addr = *addr;
	strlcpy(conf->interface, DEF_INTERFACE, sizeof(conf->interface));
	if (ipnet_parse(DEF_OVERLAY_NET, &conf->overlay) == -1)
		errx(1, "overlay network");
	conf->cluster_port = DEF_CLUSTER_PORT;
	conf->wireguard_port = DEF_WIREGUARD_PORT;
	conf->mtu = DEF_MTU;
	conf->hold_down = DEF_HOLD_DOWN;
	strlcpy(conf->user, "nobody", sizeof(conf->user));
	if (join != NULL)
		strlcpy(conf->join[conf->njoin++], join, CONF_JOINLEN);
}

static int
bound(const struct conf *conf, int type)
{
	struct ipport at = {.ip = conf->bind_addr, .port = conf->cluster_port};
	int fd = sockets_open(&at.ip, type, "");

	if (fd == -1 || sockets_bind(fd, &at, type) == -1)
		err(1, "socket");
	return fd;
}

static int
folder(const char *path)
{
	int fd;

	if (mkdir(path, 0700) == -1 || chown(path, NOBODY, NOBODY) == -1 ||
	    (fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1)
		err(1, "%s", path);
	return fd;
}

void
member_start(struct member_stub *m, int exe, const char *dir, int log)
{
	struct child c = {.user = {.uid = NOBODY, .gid = NOBODY}, .exe = exe};
	const int room = SEND_QUEUE;
	char path[128];
	int pair[2], i;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1 ||
	    setsockopt(
		pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) == -1)
		err(1, "socketpair");
	c.dir = folder(dir);
	snprintf(path, sizeof(path), "%s/control", dir);
	c.fds[PRIV_FD_BOUNDARY] = pair[1];
	c.fds[PRIV_FD_CONF] = launch_memfd(&m->conf);
	c.fds[PRIV_FD_UDP] = bound(&m->conf, SOCK_DGRAM);
	c.fds[PRIV_FD_TCP] = bound(&m->conf, SOCK_STREAM);
	c.fds[PRIV_FD_CONTROL] = sockets_control(path, SOCKETS_GROUP);
	c.fds[PRIV_FD_METRICS] = c.fds[PRIV_FD_OLDSTATE] = -1;
	c.fds[PRIV_FD_LOG] = log;
	if ((m->pid = child_start(&c)) == -1)
		err(1, "fork");
	m->boundary = pair[0];
	close(c.dir);
	for (i = PRIV_FD_BOUNDARY; i < PRIV_FD_LOG; i++)
		if (c.fds[i] != -1)
			close(c.fds[i]);
}

/*
 * Its WireGuard key tells who it is; no key (zeroes) is nobody's. The rest looks
 * as random as a key does: what repeats would be compressed away.
 */
static void
key_make(uint8_t key[WG_KEY_LEN], uint32_t index)
{
	uint32_t x = ++index, i;

	memcpy(key, &index, sizeof(index));
	for (i = sizeof(index); i < WG_KEY_LEN; i++) {
		x = x * 1664525 + 1013904223;
		key[i] = (uint8_t)(x >> 24);
	}
}

static void
say(struct member_stub *m, union priv_msg *r, enum priv_type type, uint32_t seq)
{
	r->h.type = (uint16_t)type;
	r->h.seq = seq;
	(void)send(m->boundary, r, priv_type_size(type), MSG_NOSIGNAL);
}

static void
welcome(struct member_stub *m)
{
	union priv_msg r = {
	    .hello = {.version = PRIV_VERSION, .ifindex = IFINDEX}};

	r.hello.mtu = m->conf.mtu;
	r.hello.wgport = m->conf.wireguard_port;
	key_make(r.hello.key, m->index);
	r.hello.namelen = (uint8_t)strlen(m->name);
	memcpy(r.hello.name, m->name, r.hello.namelen);
	say(m, &r, PRIV_HELLO, 0);
	memset(&r, 0, sizeof(r));
	r.net.ifindex = IFINDEX;
	/* Bound to the wildcard it announces what it was told to. */
	r.net.naddr = m->conf.bind_addr.len != 0;
	priv_ip_to(&r.net.addr[0], &m->conf.bind_addr);
	say(m, &r, PRIV_NET, 0);
	m->ready = true;
}

/* It wants, or no longer wants, a tunnel to whose key this is. */
static void
peer(struct member_stub *m, const uint8_t key[WG_KEY_LEN], bool wanted)
{
	uint32_t i;
	bool has;

	memcpy(&i, key, sizeof(i));
	if (i-- == 0 || i >= MEMBER_MAX)
		return;
	has = (m->peer[i / 8] & 1 << i % 8) != 0;
	if (has == wanted)
		return;
	m->peer[i / 8] ^= (uint8_t)(1 << i % 8);
	m->npeers += wanted ? 1 : -1u;
}

static void
stats(struct member_stub *m, uint32_t seq)
{
	union priv_msg r;
	unsigned i, left = m->npeers;

	for (i = 0; i < MEMBER_MAX && left > 0; i++) {
		if ((m->peer[i / 8] & 1 << i % 8) == 0)
			continue;
		memset(&r, 0, sizeof(r));
		key_make(r.stat.key, i);
		r.stat.handshake = time(NULL) - 60;
		r.stat.rx = r.stat.tx = 1000;
		r.stat.flags = --left == 0 ? PRIV_STAT_LAST : 0;
		say(m, &r, PRIV_STAT, seq);
	}
	if (m->npeers > 0)
		return;
	memset(&r, 0, sizeof(r));
	r.stat.flags = PRIV_STAT_LAST;
	say(m, &r, PRIV_STAT, seq);
}

static void
yes(struct member_stub *m, const union priv_msg *q)
{
	union priv_msg r = {.result = {.request = q->h.type}};
	struct ipaddr ip = {.len = 0};

	if (q->h.type == PRIV_SELF)
		overlay_addr(&m->conf.overlay, m->name, strlen(m->name),
		    q->self.attempt, &ip);
	if (q->h.type == PRIV_PEER_SET) {
		memcpy(r.result.key, q->peer_set.key, WG_KEY_LEN);
		overlay_addr(&m->conf.overlay, q->peer_set.name,
		    q->peer_set.namelen, q->peer_set.attempt, &ip);
		peer(m, q->peer_set.oldkey, false);
		peer(m, q->peer_set.key, true);
	}
	if (q->h.type == PRIV_PEER_DEL) {
		memcpy(r.result.key, q->peer_del.key, WG_KEY_LEN);
		peer(m, q->peer_del.key, false);
	}
	priv_ip_to(&r.result.addr, &ip);
	say(m, &r, PRIV_RESULT, q->h.seq);
}

int
member_serve(struct member_stub *m)
{
	union priv_msg q;
	ssize_t n;
	int i;

	for (i = 0; i < ROUND; i++) {
		n = recv(m->boundary, &q, sizeof(q), MSG_DONTWAIT);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < (ssize_t)sizeof(q.h))
			return -1;
		if (q.h.type == PRIV_READY)
			welcome(m);
		else if (q.h.type == PRIV_STATS)
			stats(m, q.h.seq);
		else if (q.h.type != PRIV_ALIVE)
			yes(m, &q);
	}
	return 0;
}
