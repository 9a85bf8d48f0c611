/*
 * gossip: the real gossip process, started as wesher-priv starts it (its
 * sockets, its user, its sandbox and filter), with a stub in the place of
 * wesher-priv that says yes to everything. For figures of one member alone.
 *
 *	gossip [-w] [-j ADDR] [-n NAME] WESHER DIR ADDR PORT
 *
 * WESHER is the executable; DIR becomes its state folder. The sockets are bound
 * to ADDR, or (-w) to the wildcard as an operator's without --bind-addr; -j
 * joins. Prints `pid N` when that process is ready; ends, and ends it, with its
 * standard input. Run as root in a network namespace of its own.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "../../common/overlay.h"
#include "../../common/privmsg.h"
#include "../../kernel/sockets.h"
#include "../../priv/setup.h"
#include "../../wesher/launch.h"

#define NOBODY 65534

static struct conf conf;
static const char *name = "ours";
static int boundary, its_log;
static pid_t child;

static void
configure(const char *addr, const char *port, bool wildcard)
{
	struct ipaddr ip;

	if (ipaddr_parse(addr, &ip) == -1)
		errx(1, "not an address: %s", addr);
	conf.magic = CONF_MAGIC;
	conf.size = sizeof(conf);
	/* The test's key, as in packets.c and peer/packets.go. */
	memset(conf.keys[0], 'k', CLUSTER_KEY_LEN);
	conf.nkeys = 1;
	conf.init = true;
	conf.foreground = true;
	conf.log_level = LOG_L_WARN;
	if (wildcard)
		conf.advertise_addr = ip;
	else
		conf.bind_addr = ip;
	strlcpy(conf.interface, DEF_INTERFACE, sizeof(conf.interface));
	if (ipnet_parse(DEF_OVERLAY_NET, &conf.overlay) == -1)
		errx(1, "overlay network");
	conf.cluster_port = (uint16_t)atoi(port);
	conf.wireguard_port = DEF_WIREGUARD_PORT;
	conf.mtu = DEF_MTU;
	conf.hold_down = DEF_HOLD_DOWN;
	strlcpy(conf.user, "nobody", sizeof(conf.user));
}

static int
bound(int type)
{
	struct ipport at = {.ip = conf.bind_addr, .port = conf.cluster_port};
	int fd = sockets_open(&at.ip, type, "");

	if (fd == -1 || sockets_bind(fd, &at, type) == -1)
		err(1, "socket");
	return fd;
}

static int
folder(const char *path)
{
	int fd;

	if (chmod(path, 0700) == -1 || chown(path, NOBODY, NOBODY) == -1 ||
	    (fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1)
		err(1, "%s", path);
	return fd;
}

static void
start(const char *exe, const char *dir)
{
	struct child c = {.user = {.uid = NOBODY, .gid = NOBODY}};
	char path[128];
	int pair[2], log[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1 ||
	    pipe(log) == -1)
		err(1, "socketpair");
	boundary = pair[0];
	snprintf(path, sizeof(path), "%s/control", dir);
	c.dir = folder(dir);
	if ((c.exe = open(exe, O_RDONLY | O_CLOEXEC)) == -1)
		err(1, "%s", exe);
	c.fds[PRIV_FD_BOUNDARY] = pair[1];
	c.fds[PRIV_FD_CONF] = launch_memfd(&conf);
	c.fds[PRIV_FD_UDP] = bound(SOCK_DGRAM);
	c.fds[PRIV_FD_TCP] = bound(SOCK_STREAM);
	c.fds[PRIV_FD_CONTROL] = sockets_control(path);
	/* What it says is of interest to people alone. */
	c.fds[PRIV_FD_LOG] = isatty(STDERR_FILENO) ? STDERR_FILENO : log[1];
	c.fds[PRIV_FD_METRICS] = c.fds[PRIV_FD_OLDSTATE] = -1;
	if ((child = child_start(&c)) == -1)
		err(1, "fork");
	close(pair[1]);
	close(log[1]);
	its_log = log[0];
}

static void
say(union priv_msg *m, enum priv_type type, uint32_t seq)
{
	m->h.type = (uint16_t)type;
	m->h.seq = seq;
	if (send(boundary, m, priv_type_size(type), MSG_NOSIGNAL) == -1)
		err(1, "boundary");
}

static void
welcome(void)
{
	union priv_msg m = {.hello = {.version = PRIV_VERSION, .ifindex = 99}};

	m.hello.mtu = conf.mtu;
	m.hello.wgport = conf.wireguard_port;
	memset(m.hello.key, 1, WG_KEY_LEN);
	m.hello.namelen = (uint8_t)strlen(name);
	memcpy(m.hello.name, name, m.hello.namelen);
	say(&m, PRIV_HELLO, 0);
	memset(&m, 0, sizeof(m));
	m.net.ifindex = 99;
	say(&m, PRIV_NET, 0);
	printf("pid %d\n", (int)child);
	fflush(stdout);
}

static void
yes(const union priv_msg *q)
{
	union priv_msg m = {.result = {.request = q->h.type}};
	struct ipaddr ip;

	if (q->h.type == PRIV_SELF) {
		overlay_addr(
		    &conf.overlay, name, strlen(name), q->self.attempt, &ip);
		priv_ip_to(&m.result.addr, &ip);
	} else if (q->h.type == PRIV_PEER_SET) {
		memcpy(m.result.key, q->peer_set.key, WG_KEY_LEN);
		m.result.addr = q->peer_set.addr;
	} else if (q->h.type == PRIV_PEER_DEL)
		memcpy(m.result.key, q->peer_del.key, WG_KEY_LEN);
	say(&m, PRIV_RESULT, q->h.seq);
}

static void
record(void)
{
	union priv_msg q, m = {.stat = {.flags = PRIV_STAT_LAST}};
	ssize_t n = recv(boundary, &q, sizeof(q), 0);

	if (n < (ssize_t)sizeof(q.h))
		errx(1, "the gossip process has ended");
	if (q.h.type == PRIV_READY)
		welcome();
	else if (q.h.type == PRIV_STATS)
		say(&m, PRIV_STAT, q.h.seq);
	else if (q.h.type != PRIV_ALIVE)
		yes(&q);
}

int
main(int argc, char **argv)
{
	struct pollfd p[3] = {{0, POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};
	char buf[4096];
	bool wildcard = false;
	int ch;

	while ((ch = getopt(argc, argv, "j:n:w")) != -1)
		if (ch == 'j')
			strlcpy(conf.join[conf.njoin++], optarg, CONF_JOINLEN);
		else if (ch == 'n')
			name = optarg;
		else if (ch == 'w')
			wildcard = true;
	if (argc - optind != 4 || strlen(name) > 200)
		errx(1, "usage: gossip [options] WESHER DIR ADDR PORT");
	argv += optind;
	closefrom(STDERR_FILENO + 1);
	log_init(LOG_D_STDERR, LOG_L_WARN, "gossip", -1);
	configure(argv[2], argv[3], wildcard);
	start(argv[0], argv[1]);
	p[1].fd = boundary;
	p[2].fd = its_log; /* read, so that it never waits */
	while (poll(p, 3, -1) > 0) {
		if (p[0].revents != 0 && read(0, buf, sizeof(buf)) <= 0)
			break;
		if (p[1].revents != 0)
			record();
		if (p[2].revents != 0 && read(p[2].fd, buf, sizeof(buf)) <= 0)
			p[2].fd = -1;
	}
	kill(child, SIGKILL);
	return 0;
}
