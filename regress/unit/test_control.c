/*
 * The control socket: one line in, one document out, and local clients that
 * stall, flood, hang up or never ask.
 */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "../../wesher/control.h"
#include "served.h"

static struct {
	int fd;
	unsigned refreshes, answers;
	bool prompt; /* the counters come at once */
	size_t big; /* length of the document, 0: a small one */
	uid_t uid; /* of those that connect */
	bool nobody; /* the kernel does not tell of whom */
	unsigned steered, graphs, follows, unfollows;
	char operand[600];
	bool refuses;
	bool hasty;
} w;

int
getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	struct ucred *cred = value;

	if (level != SOL_SOCKET || name != SO_PEERCRED)
		return (int)syscall(
		    SYS_getsockopt, fd, level, name, value, len);
	if (w.nobody) {
		errno = ENOPROTOOPT;
		return -1;
	}
	assert_true(*len == sizeof(*cred));
	*cred = (struct ucred){.pid = 1, .uid = w.uid, .gid = 0};
	return 0;
}

/* Half a minute is half a second, for a test in haste. */
int
bufferevent_set_timeouts(struct bufferevent *bev, const struct timeval *in,
    const struct timeval *out)
{
	static int (*real)(struct bufferevent *, const struct timeval *,
	    const struct timeval *);
	const struct timeval soon = {.tv_usec = 500000};

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "bufferevent_set_timeouts");
	assert_null(in);
	assert_int_equal(out->tv_sec, 30);
	return real(bev, NULL, w.hasty ? &soon : out);
}

static char *
on_answer(void)
{
	char *doc;

	w.answers++;
	if (w.big == 0)
		return strdup("{\"name\": \"node1\"}");
	doc = malloc(w.big + 1);
	memset(doc, 'x', w.big);
	doc[w.big] = '\0';
	return doc;
}

static void
on_refresh(void)
{
	w.refreshes++;
	if (w.prompt)
		control_refreshed();
}

static char *
on_graph(void)
{
	w.graphs++;
	return strdup("{\"reports\": []}");
}

static char *
on_hello(void)
{
	return strdup("{\"event\": \"hello\"}");
}

static bool
on_steer(const char *operand, char *words)
{
	w.steered++;
	strlcpy(w.operand, operand, sizeof(w.operand));
	snprintf(words, CONTROL_WORDS, "%s \"%s\"", w.refuses ? "not" : "done",
	    operand);
	return !w.refuses;
}

static void
on_followed(bool yes)
{
	if (yes)
		w.follows++;
	else
		w.unfollows++;
}

static const struct control_ops ops = {
    .status = on_answer,
    .graph = on_graph,
    .hello = on_hello,
    .refresh = on_refresh,
    .forget = on_steer,
    .join = on_steer,
    .log_level = on_steer,
    .followed = on_followed,
};

static int
setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	memset(&served, 0, sizeof(served));
	signal(SIGPIPE, SIG_IGN);
	served.base = event_base_new();
	w.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	served.at.ss_family = AF_UNIX;
	/* An abstract name of the kernel's choice: no file. */
	assert_int_equal(
	    bind(w.fd, (struct sockaddr *)&served.at, sizeof(sa_family_t)), 0);
	served.len = sizeof(served.at);
	getsockname(w.fd, (struct sockaddr *)&served.at, &served.len);
	assert_int_equal(listen(w.fd, 64), 0);
	return control_start(served.base, w.fd, &ops);
}

static int
teardown(void **state)
{
	(void)state;
	control_stop();
	event_base_free(served.base);
	close(w.fd);
	return 0;
}

/* The next clients are that user's. */
static void
become(uid_t uid)
{
	w.uid = uid;
}

/* What has come so far, which is lines. */
static size_t
look(int fd, char *buf, size_t cap)
{
	size_t n = 0;
	ssize_t r;
	int i;

	for (i = 0; i < 20; i++) {
		turn(1);
		r = read(fd, buf + n, cap - 1 - n);
		if (r > 0) {
			n += (size_t)r;
			i = 0;
		}
	}
	buf[n] = '\0';
	return n;
}

static bool
is_open(int fd)
{
	char c;

	return read(fd, &c, 1) == -1 && errno == EAGAIN;
}

static void
test_status(void **state)
{
	char buf[256];

	(void)state;
	w.prompt = true;
	take(client("status\n"), buf, sizeof(buf));
	assert_string_equal(buf, "{\"name\": \"node1\"}\n");
	assert_int_equal(w.refreshes, 1);
	take(client("status\r\n"), buf, sizeof(buf));
	assert_string_equal(buf, "{\"name\": \"node1\"}\n");
}

/* wesher-priv does not answer: what is known is told after a second. */
static void
test_status_without_counters(void **state)
{
	char buf[256];

	(void)state;
	take(client("status\n"), buf, sizeof(buf));
	assert_string_equal(buf, "{\"name\": \"node1\"}\n");
	assert_int_equal(w.refreshes, 1);
}

static void
test_other_commands(void **state)
{
	char buf[256], line[400];

	(void)state;
	take(client("leave\n"), buf, sizeof(buf));
	assert_non_null(strstr(buf, "unknown command"));
	take(client("\n"), buf, sizeof(buf));
	assert_non_null(strstr(buf, "unknown command"));
	take(client("STATUS\n"), buf, sizeof(buf));
	assert_non_null(strstr(buf, "unknown command"));
	memset(line, 'a', sizeof(line));
	line[398] = '\n';
	line[399] = '\0';
	take(client(line), buf, sizeof(buf));
	assert_non_null(strstr(buf, "unknown command"));
	assert_int_equal(w.refreshes, 0);
}

static void
test_line_without_end(void **state)
{
	char line[CONTROL_LINE_MAX + 2], buf[64];

	(void)state;
	memset(line, 'a', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(take(client(line), buf, sizeof(buf)), 0);
}

static void
test_byte_by_byte(void **state)
{
	int fd = client("");
	char buf[64];
	const char *p;

	(void)state;
	w.prompt = true;
	for (p = "status\n"; *p != '\0'; p++) {
		assert_int_equal(write(fd, p, 1), 1);
		turn(2);
	}
	assert_true(take(fd, buf, sizeof(buf)) > 0);
}

static void
test_half_closed_client_is_answered(void **state)
{
	static char buf[3000000];
	int fd = client("status\n");

	(void)state;
	w.big = 2000000;
	shutdown(fd, SHUT_WR);
	assert_int_equal(take(fd, buf, sizeof(buf)), w.big + 1);
}

static void
test_clients_that_hang_up(void **state)
{
	char buf[64];
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		close(client(i % 3 == 0 ? "status\n" : i % 3 == 1 ? "st" : ""));
		turn(1);
	}
	control_refreshed();
	turn(5);
	w.prompt = true;
	assert_true(take(client("status\n"), buf, sizeof(buf)) > 0);
}

/* Many who ask at once cost one question to the kernel, and one document. */
static void
test_refreshes_are_shared(void **state)
{
	int fds[10], i;
	char buf[64];

	(void)state;
	for (i = 0; i < 10; i++)
		fds[i] = client("status\n");
	turn(50);
	assert_int_equal(w.refreshes, 1);
	control_refreshed();
	assert_int_equal(w.answers, 1);
	for (i = 0; i < 10; i++)
		assert_true(take(fds[i], buf, sizeof(buf)) > 0);
}

/* Without descriptors the loop does not spin, and they are not missed. */
static void
test_no_descriptors(void **state)
{
	char buf[64];
	int fd;

	(void)state;
	served.full = w.prompt = true;
	fd = client("status\n");
	turn(300);
	assert_true(served.accepts >= 1);
	assert_true(served.accepts < 100);
	served.full = false;
	assert_true(take(fd, buf, sizeof(buf)) > 0);
}

/* A client that never comes to its end loses its place; one that follows
 * has no end. */
static void
test_slow_client_is_let_go(void **state)
{
	int monitor = client("monitor\n"), fd = client(""), i, err = 0;
	char c, buf[256];

	(void)state;
	for (i = 0; i < WAIT_MS / 100 && err == 0; i++) {
		if (i % 10 == 0 && write(fd, "a", 1) == -1)
			err = errno;
		turn(100);
		if (read(fd, &c, 1) == 0)
			err = EPIPE;
	}
	assert_int_not_equal(err, 0);
	close(fd);
	look(monitor, buf, sizeof(buf));
	assert_string_equal(buf, "{\"event\": \"hello\"}\n");
	assert_true(is_open(monitor));
	close(monitor);
}

/* Root steers, and what it says comes as it is. */
static void
test_root_steers(void **state)
{
	static const struct {
		const char *line, *operand;
	} t[] = {
	    {"forget node2\n", "node2"},
	    {"forget a name with blanks\n", "a name with blanks"},
	    {"forget  node2\n", " node2"},
	    {"join host:7946\r\n", "host:7946"},
	    {"log-level debug\n", "debug"},
	};
	char buf[1024], want[1024];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		w.refuses = i % 2 == 1;
		take(client(t[i].line), buf, sizeof(buf));
		assert_string_equal(w.operand, t[i].operand);
		snprintf(want, sizeof(want), "{\"%s\": \"%s \\\"%s\\\"\"}\n",
		    w.refuses ? "error" : "ok", w.refuses ? "not" : "done",
		    t[i].operand);
		assert_string_equal(buf, want);
	}
	assert_int_equal(w.steered, i);
}

/* Bytes that are no UTF-8 are text all the same. */
static void
test_any_bytes(void **state)
{
	char buf[1024];

	(void)state;
	take(client("forget \377\001\"\\\n"), buf, sizeof(buf));
	assert_int_equal(w.steered, 1);
	assert_memory_equal(w.operand, "\377\001\"\\", 4);
	assert_non_null(strstr(buf, "{\"ok\": "));
	assert_null(strchr(buf, '\377'));
}

static void
refused_to(const char *line, const char *words)
{
	char buf[1024];

	take(client(line), buf, sizeof(buf));
	assert_non_null(strstr(buf, "{\"error\": "));
	assert_non_null(strstr(buf, words));
	assert_int_equal(w.steered, 0);
}

/* The group looks; so does who is not known. */
static void
test_others_look(void **state)
{
	static const uid_t uids[] = {1, 65534, (uid_t)-1, 0};
	char buf[1024];
	size_t i;

	(void)state;
	w.prompt = true;
	for (i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
		become(uids[i]);
		w.nobody = uids[i] == 0;
		refused_to("forget node2\n", "only root may");
		refused_to("join host\n", "only root may");
		refused_to("log-level debug\n", "only root may");
		refused_to("forget\n", "only root may");
		take(client("status\n"), buf, sizeof(buf));
		assert_string_equal(buf, "{\"name\": \"node1\"}\n");
		take(client("graph\n"), buf, sizeof(buf));
		assert_string_equal(buf, "{\"reports\": []}\n");
	}
}

static void
test_operands(void **state)
{
	(void)state;
	refused_to("forget\n", "wants one operand: NAME");
	refused_to("forget \n", "wants one operand: NAME");
	refused_to("join\n", "HOST[:PORT]");
	refused_to("log-level\n", "LEVEL");
	refused_to("status all\n", "unknown command");
	refused_to("status \n", "unknown command");
	refused_to("forgetting x\n", "unknown command");
	refused_to("forge x\n", "unknown command");
	refused_to(" forget x\n", "unknown command");
}

/* A line goes on behind a NUL: it is none. */
static void
test_nul(void **state)
{
	static const char line[] = "forget a\0b\n";
	char buf[256];
	int fd = client("");

	(void)state;
	assert_int_equal(write(fd, line, sizeof(line) - 1), sizeof(line) - 1);
	take(fd, buf, sizeof(buf));
	assert_non_null(strstr(buf, "unknown command"));
	assert_int_equal(w.steered, 0);
}

/* One command a client: what follows it has no effect. */
static void
test_one_command(void **state)
{
	char buf[256];

	(void)state;
	take(client("forget a\nforget b\njoin c\n"), buf, sizeof(buf));
	assert_int_equal(w.steered, 1);
	assert_string_equal(w.operand, "a");
}

/* Who waits for two documents gets each its own, after one question. */
static void
test_graph_and_status(void **state)
{
	int a = client("graph\n"), b = client("status\n");
	char buf[256];

	(void)state;
	turn(50);
	assert_int_equal(w.refreshes, 1);
	control_refreshed();
	take(a, buf, sizeof(buf));
	assert_string_equal(buf, "{\"reports\": []}\n");
	take(b, buf, sizeof(buf));
	assert_string_equal(buf, "{\"name\": \"node1\"}\n");
	assert_int_equal(w.answers + w.graphs, 2);
}

/* Whoever may look may ask as often as it likes: the kernel is not asked each
 * time. */
static void
test_questions_are_few(void **state)
{
	char buf[256];
	int i;

	(void)state;
	w.prompt = true;
	for (i = 0; i < 200; i++)
		take(client("status\n"), buf, sizeof(buf));
	assert_int_equal(w.answers, 200);
	assert_true(w.refreshes < 100);
}

static void
test_monitor(void **state)
{
	char buf[256];
	int a, b;

	(void)state;
	become(65534);
	a = client("monitor\n");
	look(a, buf, sizeof(buf));
	assert_string_equal(buf, "{\"event\": \"hello\"}\n");
	assert_int_equal(w.follows, 1);
	b = client("monitor\n");
	look(b, buf, sizeof(buf));
	assert_int_equal(w.follows, 1);
	control_tell("{1}");
	control_tell("{2}");
	look(a, buf, sizeof(buf));
	assert_string_equal(buf, "{1}\n{2}\n");
	look(b, buf, sizeof(buf));
	assert_string_equal(buf, "{1}\n{2}\n");
	close(a);
	turn(5);
	assert_int_equal(w.unfollows, 0);
	control_tell("{3}");
	look(b, buf, sizeof(buf));
	assert_string_equal(buf, "{3}\n");
	close(b);
	turn(5);
	assert_int_equal(w.unfollows, 1);
	control_tell("{4}");
}

static void
test_monitors_are_few(void **state)
{
	char buf[256];
	int fds[9], i;

	(void)state;
	w.prompt = true;
	become(65534);
	for (i = 0; i < 8; i++) {
		fds[i] = client("monitor\n");
		look(fds[i], buf, sizeof(buf));
		assert_non_null(strstr(buf, "hello"));
	}
	take(client("monitor\n"), buf, sizeof(buf));
	assert_non_null(strstr(buf, "{\"error\": "));
	take(client("status\n"), buf, sizeof(buf));
	assert_non_null(strstr(buf, "node1"));
	close(fds[3]);
	turn(5);
	fds[3] = client("monitor\n");
	look(fds[3], buf, sizeof(buf));
	assert_non_null(strstr(buf, "hello"));
	for (i = 0; i < 8; i++)
		close(fds[i]);
	turn(5);
	assert_int_equal(w.unfollows, 1);
}

/* One that reads too slowly is told so; the others miss nothing. */
static void
test_slow_monitor(void **state)
{
	static char buf[4000000], line[1000];
	unsigned i, n = 0, missed = 0;
	int slow = client("monitor\n"), quick = client("monitor\n");
	char *p;

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	look(quick, buf, sizeof(buf));
	for (i = 0; i < 3000; i++) {
		control_tell(line);
		if (i % 50 == 49)
			n += (unsigned)look(quick, buf, sizeof(buf));
	}
	assert_int_equal(n, 3000 * sizeof(line));
	n = (unsigned)look(slow, buf, sizeof(buf));
	assert_true(n < 1000000);
	p = strstr(buf, "\"missed\"");
	assert_non_null(p);
	assert_int_equal(sscanf(p, "\"missed\", \"count\": %u}", &missed), 1);
	for (i = 0, p = buf; (p = strstr(p, "xxx\n")) != NULL; p += 4)
		i++;
	assert_int_equal(i + missed, 3000);
	control_tell("{after}");
	look(slow, buf, sizeof(buf));
	assert_string_equal(buf, "{after}\n");
	close(slow);
	close(quick);
}

/* One that reads nothing at all loses its place. */
static void
test_deaf_monitor(void **state)
{
	int fd = client("monitor\n"), i;
	char line[1000];

	(void)state;
	w.hasty = true;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	turn(5);
	for (i = 0; i < 3000; i++)
		control_tell(line);
	for (i = 0; i < 600 && w.unfollows == 0; i++)
		turn(20);
	assert_int_equal(w.unfollows, 1);
	close(fd);
}

/* It has nothing more to say; a flood of it is not read for ever. */
static void
test_noisy_monitor(void **state)
{
	int fd = client("monitor\n"), i;
	char junk[1000];

	(void)state;
	memset(junk, '\n', sizeof(junk));
	turn(5);
	for (i = 0; i < 100 && w.unfollows == 0; i++) {
		(void)!write(fd, junk, sizeof(junk));
		turn(2);
	}
	assert_int_equal(w.unfollows, 1);
	close(fd);
}

/* A goodbye is the end of the stream, and nobody is asked for more. */
static void
test_half_closed_monitor(void **state)
{
	int fd = client("monitor\n");

	(void)state;
	turn(5);
	shutdown(fd, SHUT_WR);
	turn(5);
	assert_int_equal(w.unfollows, 1);
	close(fd);
}

/* However many sit there and say nothing, root still finds a place. */
static void
test_root_among_many(void **state)
{
	int fds[40], i;
	char buf[256];

	(void)state;
	w.prompt = true;
	become(1000);
	for (i = 0; i < 40; i++)
		fds[i] = client("");
	turn(50);
	become(0);
	take(client("forget node2\n"), buf, sizeof(buf));
	assert_non_null(strstr(buf, "{\"ok\""));
	take(client("status\n"), buf, sizeof(buf));
	assert_non_null(strstr(buf, "node1"));
	become(1000);
	assert_int_equal(take(client(""), buf, sizeof(buf)), 0);
	for (i = 0; i < 40; i++)
		close(fds[i]);
	turn(50);
	take(client("status\n"), buf, sizeof(buf));
	assert_non_null(strstr(buf, "node1"));
}

/* However many of the group follow, root can. */
static void
test_root_follows_among_many(void **state)
{
	int fds[10], i;
	char buf[256];

	(void)state;
	become(1000);
	for (i = 0; i < 8; i++) {
		fds[i] = client("monitor\n");
		look(fds[i], buf, sizeof(buf));
	}
	take(client("monitor\n"), buf, sizeof(buf));
	assert_non_null(strstr(buf, "{\"error\": "));
	become(0);
	for (; i < 10; i++) {
		fds[i] = client("monitor\n");
		look(fds[i], buf, sizeof(buf));
		assert_non_null(strstr(buf, "hello"));
	}
	take(client("monitor\n"), buf, sizeof(buf));
	assert_non_null(strstr(buf, "{\"error\": "));
	for (i = 0; i < 10; i++)
		close(fds[i]);
}

/* The end, with clients of every kind. */
static void
test_stop(void **state)
{
	int fds[] = {client("monitor\n"), client("status\n"), client("")};

	(void)state;
	turn(5);
	control_stop();
	assert_int_equal(w.unfollows, 1);
	control_tell("{}");
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_status),
	    T(test_status_without_counters),
	    T(test_other_commands),
	    T(test_line_without_end),
	    T(test_byte_by_byte),
	    T(test_half_closed_client_is_answered),
	    T(test_clients_that_hang_up),
	    T(test_refreshes_are_shared),
	    T(test_no_descriptors),
	    T(test_slow_client_is_let_go),
	    T(test_root_steers),
	    T(test_any_bytes),
	    T(test_others_look),
	    T(test_operands),
	    T(test_nul),
	    T(test_one_command),
	    T(test_graph_and_status),
	    T(test_questions_are_few),
	    T(test_monitor),
	    T(test_monitors_are_few),
	    T(test_slow_monitor),
	    T(test_deaf_monitor),
	    T(test_noisy_monitor),
	    T(test_half_closed_monitor),
	    T(test_root_among_many),
	    T(test_root_follows_among_many),
	    T(test_stop),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
