/*
 * The sockets that lines leave by: a logger that is gone costs its lines
 * alone, one that returns gets the next, and the supervisor's socket may be
 * abstract. Every socket is this test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/logsock.h"

static char dir[] = "/tmp/testlogsock.XXXXXX", path[64];

/* Somebody who listens there; '@' is an abstract name. */
static int
listener(const char *name)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(sun.sun_path, name, len);
	if (name[0] == '@')
		sun.sun_path[0] = '\0';
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	    0);
	return fd;
}

/* The next datagram, or "". */
static const char *
next(int fd)
{
	static char buf[2048];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static void
test_syslog(void **state)
{
	char longest[1500], want[64];
	const char *got;
	int fd;

	(void)state;
	assert_int_equal(syslog_open(path), -1); /* nobody there yet */
	syslog_send(LOG_L_WARN, "wesher", "lost");
	fd = listener(path);
	syslog_send(LOG_L_WARN, "wesher", "one");
	got = next(fd);
	/* facility daemon, severity warning */
	assert_memory_equal(got, "<28>", 4);
	snprintf(want, sizeof(want), " wesher[%d]: one", (int)getpid());
	assert_string_equal(got + strlen(got) - strlen(want), want);

	/* The logger is gone, then it is back. */
	close(fd);
	unlink(path);
	syslog_send(LOG_L_ERROR, "wesher", "lost");
	fd = listener(path);
	syslog_send(LOG_L_ERROR, "wesher", "two");
	assert_memory_equal(next(fd), "<27>", 4);
	assert_string_equal(next(fd), "");

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	syslog_send(LOG_L_DEBUG, "wesher", longest);
	assert_in_range(strlen(next(fd)), 1000, 1199);
	close(fd);
	unlink(path);
}

/* A reader that does not read stops nobody. */
static void
test_syslog_full(void **state)
{
	int fd = listener(path), i;

	(void)state;
	assert_int_equal(syslog_open(path), 0);
	for (i = 0; i < 2000; i++)
		syslog_send(LOG_L_INFO, "wesher", "more and more");
	assert_memory_equal(next(fd), "<30>", 4);
	close(fd);
	unlink(path);
}

static void
test_notify(void **state)
{
	char name[64], toolong[200];
	int fd;

	(void)state;
	notify_send("READY=1"); /* there is no supervisor */
	notify_open(NULL);
	notify_open("");
	memset(toolong, 'x', sizeof(toolong) - 1);
	toolong[sizeof(toolong) - 1] = '\0';
	notify_open(toolong);
	snprintf(name, sizeof(name), "@wesher-test-%d", (int)getpid());
	fd = listener(name);
	notify_open(name);
	notify_send("READY=1");
	assert_string_equal(next(fd), "READY=1");
	close(fd);
	fd = listener(path);
	notify_open(path);
	notify_send("STOPPING=1");
	assert_string_equal(next(fd), "STOPPING=1");
	close(fd);
	notify_send("nobody"); /* gone: nothing happens */
	unlink(path);
}

/* The watchdog is fed each time, the line is said when it has changed. */
static void
test_notify_alive(void **state)
{
	const char *said = "WATCHDOG=1\nSTATUS=3 members: 2 alive, 1 failed";
	int fd = listener(path);

	(void)state;
	notify_open(path);
	notify_alive(0, 0, 0);
	assert_string_equal(next(fd), "WATCHDOG=1");
	notify_alive(3, 2, 1);
	assert_string_equal(next(fd), said);
	notify_alive(3, 2, 1);
	assert_string_equal(next(fd), "WATCHDOG=1");
	notify_alive(3, 3, 0);
	assert_string_equal(
	    next(fd), "WATCHDOG=1\nSTATUS=3 members: 3 alive, 0 failed");
	notify_alive(3, 2, 1);
	assert_string_equal(next(fd), said);
	close(fd);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_syslog),
	    cmocka_unit_test(test_syslog_full),
	    cmocka_unit_test(test_notify),
	    cmocka_unit_test(test_notify_alive),
	};
	int rv;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/log", dir);
	rv = cmocka_run_group_tests_name("logsock", tests, NULL, NULL);
	rmdir(dir);
	return rv;
}
