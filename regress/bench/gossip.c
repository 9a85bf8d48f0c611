/*
 * gossip: one member of ours (member.c: the real gossip process, started as
 * wesher-priv starts it, with a stub in its place), for figures of it alone.
 *
 *	gossip [-w] [-j ADDR] [-n NAME] WESHER DIR ADDR PORT
 *
 * WESHER is the executable; DIR is made, as its state folder. The sockets are
 * bound to ADDR, or (-w) to the wildcard as an operator's without --bind-addr;
 * -j joins. Prints `pid N` when that process is ready; ends, and ends it, with
 * its standard input. Run as root in a network namespace of its own.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "member.h"

#define KEY 'k' /* as in packets.c and peer/packets.go */

static struct member_stub m = {.name = "ours"};

static void
configure(const char *addr, const char *port, const char *join, bool wildcard)
{
	struct ipaddr ip;

	if (ipaddr_parse(addr, &ip) == -1)
		errx(1, "not an address: %s", addr);
	member_conf(&m.conf, &ip, KEY, join);
	m.conf.cluster_port = (uint16_t)atoi(port);
	if (wildcard) {
		m.conf.advertise_addr = ip;
		memset(&m.conf.bind_addr, 0, sizeof(m.conf.bind_addr));
	}
}

/* What it says is of interest to people alone. Returns what is to be read, so
 * that it never waits. */
static int
start(const char *path, const char *dir)
{
	int log[2], exe = open(path, O_RDONLY | O_CLOEXEC);

	if (exe == -1)
		err(1, "%s", path);
	if (pipe(log) == -1)
		err(1, "pipe");
	member_start(
	    &m, exe, dir, isatty(STDERR_FILENO) ? STDERR_FILENO : log[1]);
	close(log[1]);
	return log[0];
}

static void
serve(void)
{
	bool was = m.ready;

	if (member_serve(&m) == -1)
		errx(1, "the gossip process has ended");
	if (!was && m.ready) {
		printf("pid %d\n", (int)m.pid);
		fflush(stdout);
	}
}

int
main(int argc, char **argv)
{
	struct pollfd p[3] = {{0, POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};
	const char *join = NULL;
	char buf[4096];
	bool wildcard = false;
	int ch;

	while ((ch = getopt(argc, argv, "j:n:w")) != -1)
		if (ch == 'j')
			join = optarg;
		else if (ch == 'w')
			wildcard = true;
		else if (ch != 'n' || strlcpy(m.name, optarg, sizeof(m.name)) >=
					  sizeof(m.name))
			errx(1, "no option, or too long a name: -%c", ch);
	if (argc - optind != 4)
		errx(1, "usage: gossip [options] WESHER DIR ADDR PORT");
	argv += optind;
	closefrom(STDERR_FILENO + 1);
	log_init(LOG_D_STDERR, LOG_L_WARN, "gossip", -1);
	configure(argv[2], argv[3], join, wildcard);
	p[2].fd = start(argv[0], argv[1]);
	p[1].fd = m.boundary;
	while (poll(p, 3, -1) > 0) {
		if (p[0].revents != 0 && read(0, buf, sizeof(buf)) <= 0)
			break;
		if (p[1].revents != 0)
			serve();
		if (p[2].revents != 0 && read(p[2].fd, buf, sizeof(buf)) <= 0)
			p[2].fd = -1;
	}
	kill(m.pid, SIGKILL);
	return 0;
}
