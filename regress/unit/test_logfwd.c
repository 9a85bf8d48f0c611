/*
 * The gossip process's log lines: what comes out for what a hostile writer
 * puts into the pipe; and the way to syslog over a logger's restart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/logfwd.h"
#include "../../common/logsock.h"

static struct {
	enum log_level level;
	char tag[32], line[1200];
} got[4096];
static size_t ngot;
static struct logfwd l;

static void
collect(enum log_level level, const char *tag, const char *line)
{
	assert_true(ngot < 4096);
	got[ngot].level = level;
	strlcpy(got[ngot].tag, tag, sizeof(got[0].tag));
	strlcpy(got[ngot++].line, line, sizeof(got[0].line));
}

static int
setup(void **state)
{
	(void)state;
	ngot = 0;
	log_init(LOG_D_SINK, LOG_L_DEBUG, "wesher-priv", -1);
	log_sink(collect);
	logfwd_init(&l, -1, 50, 200);
	return 0;
}

static void
feed(const char *s, int64_t now)
{
	logfwd_bytes(&l, s, strlen(s), now);
}

static void
test_levels(void **state)
{
	(void)state;
	feed("<3>e\n<4>w\n<6>i\n<7>d\n", 1);
	assert_int_equal(ngot, 4);
	assert_int_equal(got[0].level, LOG_L_ERROR);
	assert_int_equal(got[1].level, LOG_L_WARN);
	assert_int_equal(got[2].level, LOG_L_INFO);
	assert_int_equal(got[3].level, LOG_L_DEBUG);
	assert_string_equal(got[3].line, "d");
	assert_string_equal(got[3].tag, "wesher");
}

static void
test_malformed(void **state)
{
	(void)state;
	feed("plain\n<5>five\n<\n\n<66>x\n<6>\n", 1);
	assert_int_equal(ngot, 6);
	assert_int_equal(got[0].level, LOG_L_WARN);
	assert_string_equal(got[0].line, "plain");
	assert_string_equal(got[1].line, "<5>five");
	assert_string_equal(got[4].line, "<66>x");
	assert_int_equal(got[5].level, LOG_L_INFO);
	assert_string_equal(got[5].line, "");
}

static void
test_pieces(void **state)
{
	const char *s = "<6>one\n<4>two\n";

	(void)state;
	for (; *s != '\0'; s++)
		logfwd_bytes(&l, s, 1, 1);
	assert_int_equal(ngot, 2);
	assert_string_equal(got[1].line, "two");
}

static void
test_long_and_unprintable(void **state)
{
	char big[5000];
	size_t i;

	(void)state;
	memset(big, 'x', sizeof(big));
	memcpy(big, "<6>", 3);
	logfwd_bytes(&l, big, sizeof(big), 1);
	feed("\n<6>next\n", 1);
	assert_int_equal(ngot, 2);
	assert_int_equal(strlen(got[0].line), LOGFWD_LINE);
	assert_string_equal(got[1].line, "next");
	/* Escaped, a byte takes more room; the limit is what comes out. */
	memset(big, 1, sizeof(big));
	logfwd_bytes(&l, big, 400, 1);
	logfwd_bytes(&l, "\n", 1, 1);
	assert_true(strlen(got[2].line) <= LOGFWD_LINE);
	logfwd_bytes(&l, "a\0b\033[2J\n", 8, 1);
	for (i = 0; got[3].line[i] != '\0'; i++)
		assert_true(got[3].line[i] >= ' ' && got[3].line[i] < 0x7f);
	assert_non_null(strchr(got[3].line, 'b')); /* NUL ends nothing */
}

static void
test_rate(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		feed("<6>flood\n", 1000);
	assert_int_equal(ngot, 200);
	for (i = 0; i < 1000; i++)
		feed("<6>flood\n", 2000);
	assert_int_equal(ngot, 200 + 50 + 1);
	assert_string_equal(
	    got[200].line, "800 lines of the gossip process were dropped");
	assert_string_equal(got[200].tag, "wesher-priv");
	/* Lines that nobody asked for cost nothing. */
	log_level_set(LOG_L_INFO);
	for (i = 0; i < 1000; i++)
		feed("<7>debug\n", 3000);
	feed("<6>seen\n", 3000);
	assert_string_equal(got[ngot - 1].line, "seen");
	/* Of more it is told when a minute is over, and of all of them. */
	ngot = 0;
	feed("<6>later\n", 61999);
	assert_int_equal(ngot, 1);
	feed("<6>later\n", 62000);
	assert_int_equal(ngot, 3);
	assert_string_equal(
	    got[1].line, "1750 lines of the gossip process were dropped");
}

/* The gossip process may have been told to say more than we do. */
static void
test_more_than_ours(void **state)
{
	int i;

	(void)state;
	log_level_set(LOG_L_WARN);
	feed("<7>d\n<6>i\n<4>w\n", 1000);
	assert_int_equal(ngot, 3);
	assert_int_equal(got[0].level, LOG_L_DEBUG);
	assert_string_equal(got[0].line, "d");
	assert_string_equal(got[1].line, "i");
	/* Ours is as it was. */
	log_info("nobody wants it");
	assert_int_equal(ngot, 3);
	for (i = 0; i < 1000; i++)
		feed("<7>flood\n", 1000);
	assert_int_equal(ngot, 3 + 200 - 2);
	feed("<4>w\n", 1000);
	assert_string_equal(got[ngot - 1].line, "w");
}

static void
test_pipe_end(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	logfwd_init(&l, fds[0], 50, 200);
	assert_true(logfwd_read(&l, 1)); /* empty, not ended */
	assert_int_equal(write(fds[1], "<4>bye\n", 7), 7);
	close(fds[1]);
	assert_false(logfwd_read(&l, 1));
	assert_string_equal(got[0].line, "bye");
	close(fds[0]);
}

static int
listener(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	unlink(path);
	strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static void
test_syslog(void **state)
{
	char dir[] = "/tmp/logfwd.XXXXXX", path[64], buf[2048], want[64];
	ssize_t n;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	fd = listener(path);
	assert_int_equal(syslog_open(path), 0);
	syslog_send(LOG_L_WARN, "wesher", "hello");
	n = recv(fd, buf, sizeof(buf) - 1, 0);
	assert_true(n > 0);
	buf[n] = '\0';
	snprintf(want, sizeof(want), " wesher[%d]: hello", (int)getpid());
	assert_memory_equal(buf, "<28>", 4); /* daemon, warning */
	assert_string_equal(buf + n - strlen(want), want);
	/* "<28>Jan 31 12:00:00 wesher[1]: hello" */
	assert_int_equal(buf[4 + 15], ' ');
	/* The logger is restarted. */
	close(fd);
	syslog_send(LOG_L_WARN, "wesher", "lost");
	fd = listener(path);
	syslog_send(LOG_L_ERROR, "wesher", "again");
	n = recv(fd, buf, sizeof(buf) - 1, 0);
	assert_true(n > 5);
	buf[n] = '\0';
	assert_string_equal(buf + n - 5, "again");
	close(fd);
	unlink(path);
	rmdir(dir);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_levels),
	    T(test_malformed),
	    T(test_pieces),
	    T(test_long_and_unprintable),
	    T(test_rate),
	    T(test_more_than_ours),
	    T(test_pipe_end),
	    T(test_syslog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
