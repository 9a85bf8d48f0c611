/*
 * mesh: many members started at once, which all join through the first; how
 * long, how much processor time and how many bytes until everybody sees
 * everybody, and what they use afterwards, when nothing happens.
 *
 *	mesh ours|theirs PROGRAM DIR MEMBERS SECONDS REST
 *
 * PROGRAM is wesher or the benchmark's peer; DIR is an empty folder. Waits
 * SECONDS at most, then for REST seconds of rest. Prints one line: members,
 * seconds, CPU s, bytes per member; pairs of which one misses the other at
 * SECONDS or at the end; CPU s and bytes per member of the rest (- without one).
 *
 * Counted for both alike: the CPU time of all threads of all members from their
 * fork on, of nobody else; all bytes that left the loopback interface, headers
 * included. A member sees another when the program around it has been told: a
 * PEER_SET to wesher-priv (here a stub, member.c), or an event of memberlist's.
 * Run as root in a network namespace whose loopback has NET.
 */
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "member.h"

#define NET   0xac100000u /* 172.16.0.0/16 */
#define KEY   'k'
#define LOOK  10 /* ms between two looks */
#define CALM  (15 * US_PER_S) /* after everybody was seen, before the rest */
#define TRIES 200 /* for a program's memory to be mapped */

static struct {
	const char *program, *dir;
	unsigned n;
	bool ours;
	int epoll, exe, null;
	struct member_stub *stub; /* ours */
	volatile uint32_t *seen; /* theirs: how many others each sees */
	pid_t *pid;
} mesh;

static void
address(unsigned i, struct ipaddr *ip)
{
	uint32_t a = NET + 256 * (i / 250) + i % 250 + 1;
	const uint8_t b[4] = {(uint8_t)(a >> 24), (uint8_t)(a >> 16),
	    (uint8_t)(a >> 8), (uint8_t)a};

	(void)ipaddr_from_bytes(b, 4, ip);
}

static void
start_ours(unsigned i, const char *seed)
{
	struct member_stub *m = &mesh.stub[i];
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = m};
	struct ipaddr at;
	char dir[256];

	address(i, &at);
	member_conf(&m->conf, &at, KEY, i == 0 ? NULL : seed);
	snprintf(m->name, sizeof(m->name), "member%u", i);
	m->index = i;
	snprintf(dir, sizeof(dir), "%s/%u", mesh.dir, i);
	member_start(m, mesh.exe, dir, mesh.null);
	mesh.pid[i] = m->pid;
	if (epoll_ctl(mesh.epoll, EPOLL_CTL_ADD, m->boundary, &ev) == -1)
		err(1, "epoll_ctl");
}

static void
start_theirs(unsigned i, const char *seed)
{
	char name[32], at[IPADDR_STRLEN], index[16], seen[256];
	struct ipaddr ip;
	pid_t parent = getpid();

	address(i, &ip);
	ipaddr_str(&ip, at);
	snprintf(name, sizeof(name), "member%u", i);
	snprintf(index, sizeof(index), "%u", i);
	snprintf(seen, sizeof(seen), "%s/seen", mesh.dir);
	if ((mesh.pid[i] = fork()) == -1)
		err(1, "fork");
	if (mesh.pid[i] != 0)
		return;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != parent ||
	    dup2(mesh.null, STDOUT_FILENO) == -1)
		_exit(127);
	execl(mesh.program, "peer", "mesh", name, at, index, seen,
	    i == 0 ? NULL : seed, (char *)NULL);
	_exit(127);
}

static void
share(void)
{
	const size_t len = MEMBER_MAX * sizeof(*mesh.seen);
	char path[256];
	void *p;
	int fd;

	snprintf(path, sizeof(path), "%s/seen", mesh.dir);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 || ftruncate(fd, (off_t)len) == -1)
		err(1, "%s", path);
	p = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		err(1, "mmap");
	mesh.seen = p;
	close(fd);
}

static void
start(void)
{
	char seed[IPADDR_STRLEN];
	struct ipaddr ip;
	unsigned i;

	address(0, &ip);
	ipaddr_str(&ip, seed);
	if (!mesh.ours)
		share();
	for (i = 0; i < mesh.n; i++)
		(mesh.ours ? start_ours : start_theirs)(i, seed);
}

/* Serve the stubs until then, or merely wait. */
static void
serve(int64_t until)
{
	struct epoll_event ev[64];
	int64_t left;
	int i, n;

	while ((left = until - clock_now()) > 0) {
		n = epoll_wait(
		    mesh.epoll, ev, 64, (int)((left + 999) / US_PER_MS));
		for (i = 0; i < n; i++)
			if (member_serve(ev[i].data.ptr) == -1)
				errx(1, "a member has ended");
	}
}

static unsigned
missing(void)
{
	unsigned i, seen, sum = 0;

	for (i = 0; i < mesh.n; i++) {
		seen = mesh.ours ? mesh.stub[i].npeers : mesh.seen[i];
		sum += mesh.n - 1 - (seen < mesh.n ? seen : mesh.n - 1);
	}
	return sum;
}

/* Who misses how many, for people. */
static void
tell(void)
{
	unsigned i, seen;

	for (i = 0; i < mesh.n; i++) {
		seen = mesh.ours ? mesh.stub[i].npeers : mesh.seen[i];
		if (seen < mesh.n - 1)
			fprintf(
			    stderr, "mesh: member%u sees %u others\n", i, seen);
	}
}

/* Seconds of CPU that all members have used, threads that ended included. */
static double
used(void)
{
	struct timespec ts;
	double sum = 0;
	clockid_t clock;
	unsigned i;

	for (i = 0; i < mesh.n; i++) {
		if (clock_getcpuclockid(mesh.pid[i], &clock) != 0 ||
		    clock_gettime(clock, &ts) == -1)
			errx(1, "member %u has ended", i);
		sum += (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
	}
	return sum;
}

/* Bytes that have left the loopback interface. */
static double
sent(void)
{
	unsigned long long n = 0;
	char line[512];
	FILE *f = fopen("/proc/self/net/dev", "re");
	bool found = false;

	if (f == NULL)
		err(1, "/proc/self/net/dev");
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line,
			    " lo: %*u %*u %*u %*u %*u %*u %*u %*u %llu",
			    &n) == 1;
	fclose(f);
	if (!found)
		errx(1, "no loopback interface");
	return (double)n;
}

static void
measure(int64_t limit, int64_t rest)
{
	int64_t began = clock_now(), now = began;
	double bytes = sent(), cpu;
	unsigned miss;

	start();
	do {
		serve(now + LOOK * US_PER_MS);
		now = clock_now();
	} while ((miss = missing()) > 0 && now - began < limit);
	printf("%u %.2f %.3f %.0f", mesh.n, (double)(now - began) / 1e6, used(),
	    (sent() - bytes) / mesh.n);
	if (miss > 0)
		tell();
	serve(now + (rest > 0 ? CALM : 0));
	cpu = used();
	bytes = sent();
	serve(clock_now() + rest);
	printf(" %u", miss > missing() ? miss : missing());
	if (rest > 0)
		printf(" %.3f %.0f\n", used() - cpu, (sent() - bytes) / mesh.n);
	else
		printf(" - -\n");
}

static void
end(void)
{
	unsigned i;

	for (i = 0; i < mesh.n; i++)
		kill(mesh.pid[i], SIGKILL);
	/* The next mesh wants their addresses. */
	for (i = 0; i < mesh.n; i++)
		(void)waitpid(mesh.pid[i], NULL, 0);
}

int
main(int argc, char **argv)
{
	struct rlimit files = {65536, 65536};

	if (argc != 7)
		errx(1, "usage: mesh ours|theirs PROGRAM DIR MEMBERS SECONDS "
			"REST");
	closefrom(STDERR_FILENO + 1);
	log_init(LOG_D_STDERR, LOG_L_WARN, "mesh", -1);
	mesh.ours = strcmp(argv[1], "ours") == 0;
	mesh.program = argv[2];
	mesh.dir = argv[3];
	mesh.n = (unsigned)atoi(argv[4]);
	if (mesh.n < 2 || mesh.n > MEMBER_MAX)
		errx(1, "2 to %d members", MEMBER_MAX);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	mesh.stub = calloc(mesh.n, sizeof(*mesh.stub));
	mesh.pid = calloc(mesh.n, sizeof(*mesh.pid));
	mesh.epoll = epoll_create1(EPOLL_CLOEXEC);
	mesh.exe = open(mesh.program, O_RDONLY | O_CLOEXEC);
	mesh.null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (mesh.stub == NULL || mesh.pid == NULL || mesh.epoll == -1 ||
	    mesh.exe == -1 || mesh.null == -1)
		err(1, "%s", mesh.program);
	measure(atoi(argv[5]) * US_PER_S, atoi(argv[6]) * US_PER_S);
	end();
	return 0;
}
