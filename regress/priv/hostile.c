/*
 * hostile: takes the place of the gossip process behind the real wesher-priv,
 * and says what its "memfd" tells it to. Test tool, not installed.
 *
 *	die HOW            0 to 3: exit 0, exit 3, SIGSEGV, exit 0 before READY
 *	size TYPE N        a request of N bytes instead of the right number
 *	byte TYPE AT VALUE a request with one byte changed
 *	order TYPE...      these, one after the other, from the start
 *	type N             a type that does not exist
 *	fd | empty         a descriptor comes along; a record of no bytes
 *	half r|w|c         one direction shut down, or both and closed
 *	silent | deaf      says nothing, reads nothing, for ever
 *	log                a megabyte of log, with all that a terminal obeys
 *	flood N            N requests that have to be refused, as fast as may be
 *	random SEED N      N well-formed requests (hostile.h)
 *
 * hostile --oracle INTERFACE NAME ADDR HOSTS [static], with `wg show INTERFACE
 * dump` as its input, tells what the kernel holds or the file HOSTS has that
 * the policy forbids, a line each. NAME and ADDR are the host's.
 */
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "../../common/hostsfile.h"
#include "../../common/seqpacket.h"
#include "../../common/wgkey.h"
#include "hostile.h"

static struct hostile h;
static unsigned long taken, refused, limited;
static bool self_done;

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	dprintf(PRIV_FD_LOG, "<4>hostile: %s\n", line);
}

static void __attribute__((noreturn)) stay(void)
{
	for (;;)
		pause();
}

/* One record from wesher-priv; its type, or 0 when nothing came in time. */
static unsigned
hear(int timeout)
{
	struct pollfd pf = {.fd = PRIV_FD_BOUNDARY, .events = POLLIN};
	union priv_msg m;
	struct ipaddr a;
	ssize_t n;

	if (poll(&pf, 1, timeout) != 1)
		return 0;
	n = seqpacket_recv(PRIV_FD_BOUNDARY, &m, sizeof(m));
	if (n == -1 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		_exit(4);
	if (m.h.type == PRIV_HELLO) {
		memcpy(h.ours, m.hello.key, WG_KEY_LEN);
		strlcpy(h.self, m.hello.name, sizeof(h.self));
	}
	if (m.h.type == PRIV_STAT && h.nknown < HOSTILE_KNOWN &&
	    m.stat.flags & PRIV_STAT_ADOPTED)
		memcpy(h.known[h.nknown++], m.stat.key, WG_KEY_LEN);
	if (m.h.type == PRIV_RESULT) {
		taken += m.result.error == 0;
		limited += m.result.error == EBUSY;
		refused += m.result.error != 0;
		if (m.result.request == PRIV_SELF && m.result.error == 0 &&
		    priv_ip_from(&a, &m.result.addr)) {
			h.self_addr = a;
			self_done = true;
		}
	}
	return m.h.type;
}

/* Send it whole; answers are read when there is no room. */
static void
tell(const void *m, size_t n)
{
	struct pollfd pf = {.fd = PRIV_FD_BOUNDARY, .events = POLLOUT | POLLIN};

	while (seqpacket_send(PRIV_FD_BOUNDARY, m, n) == -1) {
		if (errno != EAGAIN && errno != ENOBUFS)
			stay(); /* we have been heard enough */
		(void)poll(&pf, 1, 1000);
		if (pf.revents & POLLIN)
			(void)hear(0);
	}
}

/* A request that is right, but for being out of turn perhaps. */
static size_t
sample(unsigned type, union priv_msg *m)
{
	struct ipport e = {{4, {192, 0, 2, 1}}, 51820};

	memset(m, 0, sizeof(*m));
	m->h.type = (uint16_t)type;
	if (type == PRIV_PEER_SET) {
		m->peer_set.namelen = 2;
		memcpy(m->peer_set.name, "n0", 2);
		memcpy(m->peer_set.key, h.keys[0], WG_KEY_LEN);
		priv_ep_to(&m->peer_set.endpoint, &e);
	}
	return priv_type_size(type);
}

static void
tell_type(unsigned type)
{
	union priv_msg m;
	size_t n = sample(type, &m);

	tell(&m, n);
}

/* READY, and an address of ours. */
static void
up(void)
{
	union priv_msg m;
	unsigned attempt;

	tell_type(PRIV_READY);
	for (attempt = 0; attempt < 256 && !self_done; attempt++) {
		sample(PRIV_SELF, &m);
		m.self.attempt = (uint8_t)attempt;
		tell(&m, sizeof(m.self));
		while (hear(-1) != PRIV_RESULT)
			;
	}
	hostile_derive(&h);
}

/* To the state in which a type is allowed. */
static void
for_type(unsigned type)
{
	if (type != PRIV_READY && type != PRIV_SELF)
		up();
	else if (type == PRIV_SELF)
		tell_type(PRIV_READY);
}

static void
do_die(int how)
{
	if (how != 3)
		up();
	if (how == 2) {
		(void)signal(SIGSEGV, SIG_DFL); /* a sanitizer's otherwise */
		(void)raise(SIGSEGV);
	}
	_exit(how == 1 ? 3 : 0);
}

static void
do_changed(unsigned type, long size, long at, long value)
{
	union priv_msg m[2];
	size_t n;

	for_type(type);
	memset(m, 0, sizeof(m));
	n = sample(type, m);
	if (at >= 0)
		((uint8_t *)m)[at] = (uint8_t)value;
	else
		n = (size_t)size;
	tell(m, n);
}

static void
do_order(char *s)
{
	char *word;

	while ((word = strtok(s, " ")) != NULL) {
		s = NULL;
		tell_type((unsigned)atoi(word));
		(void)hear(200); /* not all of them in one round */
	}
}

static void
do_fd(void)
{
	char ctl[CMSG_SPACE(sizeof(int))] = {0};
	union priv_msg m;
	struct iovec iov = {&m, sample(PRIV_ALIVE, &m)};
	struct msghdr mh = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = ctl,
	    .msg_controllen = sizeof(ctl)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
	int fd = PRIV_FD_UDP;

	up();
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(PRIV_FD_BOUNDARY, &mh, 0) == -1)
		say("sendmsg: %s", strerror(errno));
}

static void
do_half(char which)
{
	up();
	if (which == 'c')
		close(PRIV_FD_BOUNDARY);
	else
		(void)shutdown(
		    PRIV_FD_BOUNDARY, which == 'r' ? SHUT_RD : SHUT_WR);
	if (which == 'r')
		tell_type(PRIV_STATS); /* it has to answer */
}

/* More than it can send, then a sign of life every second. */
static void
do_deaf(void)
{
	union priv_msg m;
	int i;

	up();
	for (i = 0; i < 2000; i++) {
		sample(PRIV_PEER_DEL, &m);
		(void)seqpacket_send(PRIV_FD_BOUNDARY, &m, sizeof(m.peer_del));
		if (i % 100 == 99)
			(void)poll(NULL, 0, 20);
	}
	for (;;) {
		(void)poll(NULL, 0, 1000);
		sample(PRIV_ALIVE, &m);
		(void)seqpacket_send(PRIV_FD_BOUNDARY, &m, sizeof(m.alive));
	}
}

static void
do_log(void)
{
	char junk[1000];
	unsigned i, j;

	up();
	(void)fcntl(PRIV_FD_LOG, F_SETFL, 0); /* none of it is to be lost */
	for (i = 0; i < 1000; i++) {
		for (j = 0; j < sizeof(junk); j++)
			junk[j] = (char)hostile_random(&h);
		if (i % 2)
			memcpy(junk, "\n<3>\033[2J\033]0;x\007", 15);
		if (write(PRIV_FD_LOG, junk, sizeof(junk)) == -1)
			break;
	}
	_exit(0);
}

/* Nothing of this may change anything. */
static void
do_flood(unsigned long n)
{
	union priv_msg m;
	unsigned long i;

	up();
	for (i = 0; i < n; i++) {
		unsigned type = i % 4 == 0   ? PRIV_STATS
				: i % 4 == 1 ? PRIV_ALIVE
				: i % 4 == 2 ? PRIV_PEER_DEL
					     : PRIV_PEER_SET;
		size_t len = sample(type, &m);

		m.h.seq = (uint32_t)i;
		if (type == PRIV_PEER_DEL)
			memcpy(m.peer_del.key, h.keys[i % 32], WG_KEY_LEN);
		if (type == PRIV_PEER_SET)
			memcpy(m.peer_set.key, h.ours, WG_KEY_LEN);
		tell(&m, len);
	}
	say("%lu sent, %lu refused", n, refused);
	_exit(0);
}

static void
do_random(uint64_t seed, unsigned long n)
{
	union priv_msg m;
	unsigned long i;
	size_t len;

	up();
	h.seed = seed;
	for (i = 0; i < n; i++) {
		if (i == n / 2)
			tell_type(PRIV_SYNC); /* once */
		len = hostile_request(&h, &m);
		tell(&m, len);
		while (i % 64 == 0 && hear(0) != 0)
			;
	}
	while (hear(500) != 0)
		;
	say("%lu sent, %lu taken, %lu refused, %lu as too many", n, taken,
	    refused, limited);
	_exit(0);
}

static void
child(void)
{
	char text[256] = "", what[16] = "";
	ssize_t len = pread(PRIV_FD_CONF, text, sizeof(text) - 1, 0);
	long a = 0, b = 0, c = 0;
	int at = 0;

	if (len <= 0 || sscanf(text, "%15s %n", what, &at) < 1)
		_exit(5);
	(void)sscanf(text + at, "%ld %ld %ld", &a, &b, &c);
	(void)ipnet_parse("10.0.0.0/8", &h.overlay);
	while (hear(-1) != PRIV_HELLO)
		;
	while (hear(0) != 0)
		;
	hostile_init(&h, 1);
	if (strcmp(what, "die") == 0)
		do_die((int)a);
	else if (strcmp(what, "size") == 0)
		do_changed((unsigned)a, b, -1, 0);
	else if (strcmp(what, "byte") == 0)
		do_changed((unsigned)a, 0, b, c);
	else if (strcmp(what, "order") == 0)
		do_order(text + at);
	else if (strcmp(what, "type") == 0) {
		union priv_msg m = {.h = {.type = (uint16_t)a}};

		up();
		tell(&m, sizeof(m.bare));
	} else if (strcmp(what, "fd") == 0)
		do_fd();
	else if (strcmp(what, "empty") == 0) {
		up();
		tell(text, 0);
	} else if (strcmp(what, "half") == 0)
		do_half(text[at]);
	else if (strcmp(what, "deaf") == 0)
		do_deaf();
	else if (strcmp(what, "log") == 0)
		do_log();
	else if (strcmp(what, "flood") == 0)
		do_flood((unsigned long)a);
	else if (strcmp(what, "random") == 0)
		do_random((uint64_t)a, (unsigned long)b);
	else if (strcmp(what, "silent") == 0)
		up();
	stay();
}

/* ---- afterwards ---- */

static unsigned bad;

static void
complain(const char *of, const char *what)
{
	printf("%s: %s\n", of, what);
	bad++;
}

/* The allowed IPs, and the one address in it: ADDRESS/BITS of a whole host. */
static bool
single(char *text, struct ipaddr *out)
{
	char *slash = strchr(text, '/');

	if (slash == NULL || strchr(text, ',') != NULL)
		return false;
	*slash = '\0';
	return ipaddr_parse(text, out) == 0 && atoi(slash + 1) == out->len * 8;
}

static void
judge_peer(char *key, char *end, char *allowed, bool any)
{
	struct ipport e = {0};
	struct ipaddr a;
	const char *what;
	char *colon = strrchr(end, ':');

	if (strcmp(end, "(none)") != 0 && colon != NULL) {
		*colon = '\0';
		e.port = (uint16_t)atoi(colon + 1);
		if (end[0] == '[') {
			end[strlen(end) - 1] = '\0';
			end++;
		}
		if (ipaddr_parse(end, &e.ip) == -1)
			complain(key, "unreadable endpoint");
		if ((what = hostile_bad_endpoint(&e)) != NULL)
			complain(key, what);
	}
	if (!single(allowed, &a))
		complain(key, "not one address of a host");
	else if ((what = hostile_bad_addr(&h, &a, any, false)) != NULL)
		complain(key, what);
}

static void
judge_line(
    char *line, const char *mark, struct hosts_entry *seen, size_t *n, bool any)
{
	char *addr = strtok(line, "\t"), *name = strtok(NULL, "\t");
	char *rest = strtok(NULL, "\n");
	const char *what;
	struct ipaddr a;
	size_t i;

	if (addr == NULL || name == NULL || rest == NULL ||
	    strcmp(rest, mark) != 0 || ipaddr_parse(addr, &a) == -1) {
		complain("hosts", "a line of another form");
		return;
	}
	if ((what = hostile_bad_addr(&h, &a, any, false)) != NULL ||
	    (what = hostile_bad_name(&h, name, true)) != NULL)
		complain(name, what);
	for (i = 0; i < *n; i++)
		if (strcasecmp(seen[i].name, name) == 0)
			complain(name, "twice");
	if (*n < 1000)
		seen[(*n)++].name = strdup(name);
}

static void
judge_hosts(const char *path, const char *interface, bool any)
{
	static struct hosts_entry seen[1000];
	char line[1024], mark[128];
	FILE *f = fopen(path, "r");
	size_t n = 0;

	if (f == NULL)
		err(2, "%s", path);
	snprintf(mark, sizeof(mark), HOSTS_MARK "%s", interface);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, "managed automatically") != NULL)
			judge_line(line, mark, seen, &n, any);
	fclose(f);
}

static int
oracle(char *argv[])
{
	bool any = argv[4] != NULL && strcmp(argv[4], "static") == 0;
	char line[1024], key[64], psk[64], end[80], allowed[256];
	unsigned n = 0;

	(void)ipnet_parse("10.0.0.0/8", &h.overlay);
	strlcpy(h.self, argv[1], sizeof(h.self));
	if (ipaddr_parse(argv[2], &h.self_addr) == -1)
		errx(2, "%s: no address", argv[2]);
	hostile_init(&h, 1);
	if (fgets(line, sizeof(line), stdin) == NULL)
		errx(2, "no dump");
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (sscanf(line, "%63s %63s %79s %255s", key, psk, end,
			allowed) != 4)
			errx(2, "not understood: %s", line);
		judge_peer(key, end, allowed, any);
		n++;
	}
	if (n > MAX_PEERS)
		complain(argv[0], "too many peers");
	judge_hosts(argv[3], argv[0], any);
	printf("%u peers, %u complaints\n", n, bad);
	return bad != 0;
}

int
main(int argc, char *argv[])
{
	if (sodium_init() == -1)
		return 1;
	if (argc > 5 && strcmp(argv[1], "--oracle") == 0)
		return oracle(argv + 2);
	if (argc > 1 && strcmp(argv[1], "--gossip") == 0)
		child();
	errx(2, "see the comment of this file");
}
