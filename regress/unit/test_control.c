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

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <event2/event.h>

#include "../../wesher/control.h"

#define WAIT_MS 20000

static struct {
	struct event_base *base;
	struct sockaddr_un at;
	socklen_t len;
	int fd;
	unsigned refreshes, answers;
	bool prompt; /* the counters come at once */
	bool full; /* no descriptor is left */
	unsigned accepts;
	size_t big; /* length of the document, 0: a small one */
} w;

int
accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	w.accepts++;
	if (!w.full || w.accepts > 1000)
		return (int)syscall(SYS_accept4, fd, sa, len, flags);
	errno = EMFILE;
	return -1;
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

static int
setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	signal(SIGPIPE, SIG_IGN);
	w.base = event_base_new();
	w.fd = socket(AF_UNIX, SOCK_STREAM, 0);
	w.at.sun_family = AF_UNIX;
	/* An abstract name of the kernel's choice: no file. */
	assert_int_equal(
	    bind(w.fd, (struct sockaddr *)&w.at, sizeof(sa_family_t)), 0);
	w.len = sizeof(w.at);
	getsockname(w.fd, (struct sockaddr *)&w.at, &w.len);
	assert_int_equal(listen(w.fd, 64), 0);
	return control_start(w.base, w.fd, on_answer, on_refresh);
}

static int
teardown(void **state)
{
	(void)state;
	control_stop();
	event_base_free(w.base);
	close(w.fd);
	return 0;
}

static int
client(const char *text)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t len = strlen(text);

	assert_int_equal(connect(fd, (struct sockaddr *)&w.at, w.len), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (len > 0)
		assert_int_equal(write(fd, text, len), len);
	return fd;
}

static void
turn(int times)
{
	while (times-- > 0) {
		event_base_loop(w.base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
}

/* All that the daemon says until it closes. Closes fd. */
static size_t
take(int fd, char *buf, size_t cap)
{
	size_t n = 0;
	ssize_t r;
	int i;

	for (i = 0; i < WAIT_MS; i++) {
		event_base_loop(w.base, EVLOOP_NONBLOCK);
		r = read(fd, buf + n, cap - 1 - n);
		if (r == 0 || (r == -1 && errno == ECONNRESET)) {
			close(fd);
			buf[n] = '\0';
			return n;
		}
		if (r > 0)
			n += (size_t)r;
		else
			usleep(1000);
	}
	fail_msg("the client was not let go");
	return 0;
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
	w.full = w.prompt = true;
	fd = client("status\n");
	turn(300);
	assert_true(w.accepts >= 1);
	assert_true(w.accepts < 100);
	w.full = false;
	assert_true(take(fd, buf, sizeof(buf)) > 0);
}

/* A client that never comes to its end loses its place. */
static void
test_slow_client_is_let_go(void **state)
{
	int fd = client(""), i, err = 0;
	char c;

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
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
