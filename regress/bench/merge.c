/*
 * merge: what a full state costs who receives it. A process of ours (the
 * production core, sockets, seal and codecs, without wesher-priv and tunnels)
 * or the peer's (peer/merge.go) gets, over loopback, three push/pulls in turn
 * from a sender that this program plays:
 *
 *	first	N members of which it knows none: decrypt, inflate, decode,
 *		merge; the answer lists itself alone
 *	look	nobody: nothing to merge, the answer lists all
 *	again	the same N, all known by now, and the answer lists all
 *
 * Both get the same plain bytes, and what is counted is the same: the CPU time
 * of the whole process (clock_getcpuclockid(3): all threads, user and kernel)
 * from the connection until it closed it, which both do when all is merged.
 * Memory is the peak of what is resident during `again`, above what was before.
 *
 *	merge MEMBERS RUNS PEER		prints the medians as `NAME OURS THEIRS`
 *	merge member			the process of ours
 *
 * Run: in a network namespace of its own. It fails when a process does not
 * know all N afterwards, or an answer does not list them.
 */
#include <sys/socket.h>
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

#include <event2/event.h>
#include <sodium.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "../../wesher/frame.h"
#include "../../wesher/meta.h"
#include "../../wesher/net.h"
#include "../../wesher/pool.h"
#include "../../wesher/swim.h"
#include "../../wesher/wire.h"

#define TARGET	 0x7f000001u /* 127.0.0.1: the process that is measured */
#define SENDER	 0x7f400000u /* 127.64.0.0: the sender, the others follow */
#define RUNS_MAX 31

/* The key is of no use outside of the namespace. */
static const uint8_t key[1][CLUSTER_KEY_LEN] = {
    "a key for the benchmark, public"};

#include "exchange.h"

/* ---- the process of ours */

static struct event_base *base;
static struct event *timer;
static struct swim *swim;

static void
rearm(void)
{
	struct timeval tv = {0};
	int64_t left = swim_deadline(swim) - clock_now();

	if (left > 3600 * US_PER_S)
		left = 3600 * US_PER_S;
	if (left > 0) {
		tv.tv_sec = left / US_PER_S;
		tv.tv_usec = left % US_PER_S;
	}
	evtimer_add(timer, &tv);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	swim_tick(swim, clock_now());
	rearm();
}

static int
on_packet(const struct ipport *from, const uint8_t *plain, size_t len)
{
	int error = swim_packet(swim, clock_now(), from, plain, len);

	rearm();
	return error;
}

static int
on_request(const struct ipport *from, uint8_t type, const uint8_t *body,
    size_t len, uint8_t **reply, size_t *replylen)
{
	int error = swim_stream_request(
	    swim, clock_now(), from, type, body, len, reply, replylen);

	rearm();
	return error;
}

static void
on_reply(uint32_t id, uint8_t type, const uint8_t *body, size_t len)
{
	swim_stream_reply(swim, clock_now(), id, type, body, len);
	rearm();
}

static void
on_failed(uint32_t id, const char *why)
{
	swim_stream_failed(swim, clock_now(), id, why);
	rearm();
}

static void
do_send(void *arg, const struct ipport *to, const uint8_t *plain, size_t len)
{
	(void)arg;
	net_send(to, plain, len);
}

static void
do_stream(void *arg, uint32_t id, enum swim_stream_kind kind,
    const struct ipport *to, const uint8_t *msg, size_t len)
{
	(void)arg;
	(void)kind;
	net_stream(id, to, msg, len);
}

/* The peer has no delegate for these. */
static void
on_event(void *arg, const struct swim_event *ev)
{
	(void)arg;
	(void)ev;
}

static void
on_join(void *arg, const struct swim_join_result *res)
{
	(void)arg;
	(void)res;
}

static bool
is_ours(void *arg, const uint8_t *meta, size_t len)
{
	(void)arg;
	return meta_is_ours(meta, len);
}

static uint32_t
random32(void *arg)
{
	(void)arg;
	return pool_random();
}

/* Any byte asks for the number of members; the end of input ends us. */
static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	char c;

	(void)what;
	(void)arg;
	if (read(fd, &c, 1) != 1)
		_exit(0);
	printf("%u\n", swim_members(swim)->n);
}

static void
member_start(void)
{
	static const struct swim_ops ops = {
	    do_send, do_stream, on_event, on_join, is_ours, random32, NULL};
	uint8_t meta[META_MAX];
	struct ipport at = address(TARGET);
	struct net_config net = {.base = base,
	    .udp = bound(TARGET, PORT, SOCK_DGRAM | SOCK_NONBLOCK),
	    .tcp = bound(TARGET, PORT, SOCK_STREAM | SOCK_NONBLOCK),
	    .seal = seal_make(),
	    .bind_addr = at.ip,
	    .handler = {.packet = on_packet,
		.request = on_request,
		.reply = on_reply,
		.failed = on_failed}};
	struct swim_config cfg = {.profile = &swim_wan,
	    .ops = &ops,
	    .name = "target",
	    .addr = at.ip,
	    .port = PORT,
	    .meta = meta,
	    .metalen = metadata("target", meta),
	    .incarnation = 1,
	    .max_members = 16384};

	if (listen(net.tcp, 128) == -1 || net_start(&net) == -1)
		err(1, "net");
	if ((swim = swim_new(&cfg, clock_now())) == NULL)
		errx(1, "no core");
}

static int
member_main(void)
{
	struct event *input;

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_init(LOG_D_STDERR, LOG_L_WARN, "merge", -1);
	if ((base = event_base_new()) == NULL ||
	    (timer = evtimer_new(base, on_timer, NULL)) == NULL ||
	    (input = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST,
		 on_input, NULL)) == NULL)
		errx(1, "libevent");
	member_start();
	event_add(input, NULL);
	rearm();
	printf("ready\n");
	event_base_dispatch(base);
	return 0;
}

/* ---- what is measured */

struct target {
	pid_t pid;
	int in, out;
	clockid_t clock;
};

static void
line(const struct target *t, char *buf, size_t cap)
{
	size_t n = 0;

	while (n + 1 < cap && read(t->out, buf + n, 1) == 1 && buf[n] != '\n')
		n++;
	buf[n] = '\0';
}

static struct target
target_start(const char *program, const char *mode)
{
	struct target t;
	int in[2], out[2];
	char word[64];

	if (pipe2(in, O_CLOEXEC) == -1 || pipe2(out, O_CLOEXEC) == -1 ||
	    (t.pid = fork()) == -1)
		err(1, "start");
	if (t.pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execl(program, program, mode, (char *)NULL);
		err(1, "%s", program);
	}
	close(in[0]);
	close(out[1]);
	t.in = in[1];
	t.out = out[0];
	line(&t, word, sizeof(word));
	if (strcmp(word, "ready") != 0 ||
	    clock_getcpuclockid(t.pid, &t.clock) != 0)
		errx(1, "%s does not start", program);
	return t;
}

static void
target_stop(const struct target *t)
{
	close(t->in);
	close(t->out);
	kill(t->pid, SIGKILL);
	waitpid(t->pid, NULL, 0);
}

static double
cpu_ms(const struct target *t)
{
	struct timespec ts;

	if (clock_gettime(t->clock, &ts) == -1)
		err(1, "clock_gettime");
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* In kB; "VmRSS:" now, "VmHWM:" the most since the peak was reset. */
static double
status_kb(const struct target *t, const char *word)
{
	char path[64], text[256];
	double kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)t->pid);
	if ((f = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	while (fgets(text, sizeof(text), f) != NULL)
		if (strncmp(text, word, strlen(word)) == 0)
			kb = strtod(text + strlen(word), NULL);
	fclose(f);
	return kb;
}

static void
reset_peak(const struct target *t)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)t->pid);
	if ((fd = open(path, O_WRONLY)) == -1 || write(fd, "5", 1) != 1)
		err(1, "%s", path);
	close(fd);
}

enum { FIRST, LOOK, AGAIN, MEMORY, FIGURES };
static const char *const names[FIGURES] = {"first", "look", "again", "memory"};

static void
settle(void)
{
	struct timespec ts = {.tv_nsec = 300000000};

	nanosleep(&ts, NULL);
}

static double
timed(const struct target *t, const struct block *state, unsigned want)
{
	double before;

	settle();
	before = cpu_ms(t);
	exchange(state, want);
	return cpu_ms(t) - before;
}

static void
measure(const char *program, const char *mode, unsigned n,
    const struct block *state, const struct block *nobody, double f[FIGURES])
{
	struct target t = target_start(program, mode);
	double rest;
	char word[64];

	f[FIRST] = timed(&t, state, 1);
	if (write(t.in, "\n", 1) != 1)
		err(1, "write");
	line(&t, word, sizeof(word));
	if (strtoul(word, NULL, 10) != n + 1)
		errx(1, "%s: %s members known, not %u", program, word, n + 1);
	f[LOOK] = timed(&t, nobody, n + 1);
	settle();
	reset_peak(&t);
	rest = status_kb(&t, "VmRSS:");
	f[AGAIN] = timed(&t, state, n + 1);
	f[MEMORY] = status_kb(&t, "VmHWM:") - rest;
	target_stop(&t);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double v[RUNS_MAX][FIGURES], unsigned runs, unsigned figure)
{
	double sorted[RUNS_MAX];
	unsigned i;

	for (i = 0; i < runs; i++)
		sorted[i] = v[i][figure];
	qsort(sorted, runs, sizeof(double), by_value);
	return sorted[runs / 2];
}

static unsigned
number(const char *s, unsigned max)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*s == '\0' || *end != '\0' || n == 0 || n > max)
		errx(1, "not a number from 1 to %u: %s", max, s);
	return (unsigned)n;
}

int
main(int argc, char **argv)
{
	static double ours[RUNS_MAX][FIGURES], theirs[RUNS_MAX][FIGURES];
	struct block state, nobody;
	unsigned i, k, n, runs;

	if (argc == 2 && strcmp(argv[1], "member") == 0)
		return member_main();
	if (argc != 4)
		errx(1, "usage: merge MEMBERS RUNS PEER");
	signal(SIGPIPE, SIG_IGN);
	n = number(argv[1], 16000);
	runs = number(argv[2], RUNS_MAX);
	seal = seal_make();
	state = state_make(n);
	nobody = state_make(0);
	for (i = 0; i < 2 * runs; i++) {
		k = i / 2;
		/* Now one is first, now the other. */
		if ((i + k) % 2 == 0)
			measure("/proc/self/exe", "member", n, &state, &nobody,
			    ours[k]);
		else
			measure(
			    argv[3], "merge", n, &state, &nobody, theirs[k]);
	}
	for (i = 0; i < FIGURES; i++)
		printf("%s %.3f %.3f\n", names[i], median(ours, runs, i),
		    median(theirs, runs, i));
	return 0;
}
