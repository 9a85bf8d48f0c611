/*
 * wesher monitor: events from a daemon that may say anything, in any pieces,
 * and the ends of both sides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../wesher/monitor.h"

#define HELLO                                                          \
	"{\"event\":\"hello\",\"time\":1700000000.123,\"name\":\"a\"," \
	"\"interface\":\"wg0\",\"version\":\"1\"}"
#define STALE                                                         \
	"{\"event\":\"tunnel-stale\",\"time\":1700000001,\"member\":" \
	"\"b\",\"text\":\"the tunnel to b is stale\",\"why\":\"no answer\"}"

static char out[1 << 16], err[256];

static int
line(const char *text, bool json)
{
	FILE *f = fmemopen(out, sizeof(out), "w");
	int ret;

	memset(out, 0, 4096);
	err[0] = '\0';
	ret = monitor_line(text, strlen(text), json, f, err, sizeof(err));
	fclose(f);
	return ret;
}

static void
for_people(void **state)
{
	(void)state;
	assert_int_equal(line(HELLO, false), 0);
	assert_string_equal(
	    out, "22:13:20  hello         a on wg0, wesher 1\n");
	assert_int_equal(line(STALE, false), 0);
	assert_string_equal(out,
	    "22:13:21  tunnel-stale  the tunnel to b is stale: no answer\n");
	/* A reason that stands in the sentence is not said again. */
	assert_int_equal(line("{\"event\":\"refused\",\"time\":0,\"text\":"
			      "\"b gets no tunnel: x\",\"why\":\"x\"}",
			     false),
	    0);
	assert_string_equal(
	    out, "--:--:--  refused       b gets no tunnel: x\n");
	assert_int_equal(line("{\"event\":\"missed\",\"count\":7}", false), 0);
	assert_string_equal(
	    out, "--:--:--  missed        7 events: too slow for these\n");
}

static void
for_programs(void **state)
{
	(void)state;
	assert_int_equal(line(HELLO, true), 0);
	assert_string_equal(out, HELLO "\n");
	assert_int_equal(
	    line("{\"event\":\"joined\",\"text\":\"\\u009b\"}", true), 0);
	assert_string_equal(
	    out, "{\"event\":\"joined\",\"text\":\"\\u009B\"}\n");
}

static void
hostile_17_lines(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "7", "{}",
	    "{\"event\":7}", "{\"error\":\"\\u001b\"}",
	    "{\"event\":\"a\",\"event\":\"b\"}", "hello"};
	static const char evil[] =
	    "{\"event\":\"\\u001b[2J\\n\",\"time\":1e300,\"text\":"
	    "\"\\u001b]0;x\\u0007\\r\\n\\u202e\",\"why\":\"\\u009b1m\"}";
	size_t i;
	char *p;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(line(bad[i], false), -1);
		assert_string_equal(out, "");
		assert_true(err[0] != '\0' && strchr(err, '\033') == NULL);
	}
	assert_int_equal(line(evil, false), 0);
	for (p = out; p[1] != '\0'; p++)
		assert_true(*p >= 0x20 && *p < 0x7f);
	assert_int_equal(*p, '\n');
}

/* A daemon that says so much, and ends; or waits, if it shall. */
static int
follow(const char *text, size_t len, int reader, bool wait)
{
	FILE *f = reader == -1 ? fmemopen(out, sizeof(out), "w")
			       : fdopen(reader, "w");
	int fds[2], status, ret;
	pid_t pid;

	memset(out, 0, sizeof(out));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	if ((pid = fork()) == 0) {
		size_t i, n;

		close(fds[0]);
		for (i = 0; i < len; i += n) {
			n = len - i > 7 ? 7 : len - i;
			if (write(fds[1], text + i, n) != (ssize_t)n)
				_exit(1);
		}
		while (wait)
			pause();
		_exit(0);
	}
	close(fds[1]);
	err[0] = '\0';
	ret = monitor(fds[0], false, f, err, sizeof(err));
	fclose(f);
	close(fds[0]);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return ret;
}

static void
the_daemon_ends(void **state)
{
	static const char text[] = HELLO "\n" STALE "\n{\"event\":";

	(void)state;
	assert_int_equal(follow(text, sizeof(text) - 1, -1, false), 2);
	assert_string_equal(err, "wesher has ended");
	assert_non_null(strstr(out, "hello"));
	assert_non_null(strstr(out, "no answer\n"));
	assert_int_equal(follow("", 0, -1, false), 2);
}

static void
it_refuses(void **state)
{
	static const char text[] = "{\"error\":\"as many follow as may\"}\n";
	static const char later[] = HELLO "\n{\"error\":\"x\"}\n";

	(void)state;
	assert_int_equal(follow(text, sizeof(text) - 1, -1, false), 1);
	assert_string_equal(err, "the daemon says: as many follow as may");
	assert_int_equal(follow(later, sizeof(later) - 1, -1, false), 2);
}

static void
hostile_17_a_line_without_end(void **state)
{
	static char text[100000];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(follow(text, sizeof(text), -1, true), 1);
	assert_non_null(strstr(err, "longer than any event"));
}

/* Nobody reads us any more, and nothing happens. */
static void
the_reader_ends(void **state)
{
	static const char text[] = HELLO "\n";
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(follow(text, sizeof(text) - 1, fds[1], true), 0);
}

/* What somebody wants to keep has no room: that is no good end. */
static void
a_full_disk(void **state)
{
	static const char text[] = HELLO "\n";
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_int_equal(follow(text, sizeof(text) - 1, fd, true), 2);
	assert_string_equal(err, "standard output: No space left on device");
}

/* Of a child that follows and is sent sig; first: what it does with it. */
static int
signalled(int sig, void (*first)(int))
{
	int fds[2], p[2], status;
	char c;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(pipe(p), 0);
	if ((pid = fork()) == 0) {
		close(p[0]);
		close(fds[1]);
		fcntl(fds[0], F_SETFL, O_NONBLOCK);
		signal(sig, first);
		monitor_signals();
		_exit(monitor(
		    fds[0], false, fdopen(p[1], "w"), err, sizeof(err)));
	}
	close(p[1]);
	close(fds[0]);
	assert_int_equal(
	    write(fds[1], HELLO "\n", sizeof(HELLO)), sizeof(HELLO));
	assert_int_equal(read(p[0], &c, 1), 1); /* it follows */
	kill(pid, sig);
	if (first == SIG_IGN)
		close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(p[0]);
	if (first != SIG_IGN)
		close(fds[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
somebody_ends_it(void **state)
{
	(void)state;
	assert_int_equal(signalled(SIGINT, SIG_DFL), 0);
	/* In a script's background it is no matter of ours. */
	assert_int_equal(signalled(SIGINT, SIG_IGN), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(for_people),
	    cmocka_unit_test(for_programs),
	    cmocka_unit_test(hostile_17_lines),
	    cmocka_unit_test(the_daemon_ends),
	    cmocka_unit_test(it_refuses),
	    cmocka_unit_test(hostile_17_a_line_without_end),
	    cmocka_unit_test(the_reader_ends),
	    cmocka_unit_test(a_full_disk),
	    cmocka_unit_test(somebody_ends_it),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
