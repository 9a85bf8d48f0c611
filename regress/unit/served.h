/*
 * For tests of what serves local clients out of an event loop: clients, what
 * they are told, and an accept4(2) of ours that may have no descriptor left.
 * To be included once, behind cmocka.h.
 */
#ifndef SERVED_H
#define SERVED_H

#include <sys/socket.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#define WAIT_MS 20000

static struct {
	struct event_base *base;
	struct sockaddr_storage at; /* where the clients connect */
	socklen_t len;
	bool full; /* no descriptor is left */
	unsigned accepts;
} served;

int
accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	served.accepts++;
	if (!served.full || served.accepts > 1000)
		return (int)syscall(SYS_accept4, fd, sa, len, flags);
	errno = EMFILE;
	return -1;
}

static int
client_n(const char *text, size_t len)
{
	int fd = socket(served.at.ss_family, SOCK_STREAM, 0);

	assert_int_equal(
	    connect(fd, (struct sockaddr *)&served.at, served.len), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (len > 0)
		assert_int_equal(write(fd, text, len), len);
	return fd;
}

static int
client(const char *text)
{
	return client_n(text, strlen(text));
}

static void
turn(int times)
{
	while (times-- > 0) {
		event_base_loop(served.base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
}

/* All that is said until it closes. Closes fd. */
static size_t
take(int fd, char *buf, size_t cap)
{
	size_t n = 0;
	ssize_t r;
	int i;

	for (i = 0; i < WAIT_MS; i++) {
		event_base_loop(served.base, EVLOOP_NONBLOCK);
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

#endif
