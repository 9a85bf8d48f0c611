/*
 * The operator's command: one question over the control socket. The gossip
 * process at the other end may be taken over: its answer is bounded in size
 * and time, and the caller has given its privilege up before the first byte of
 * it is read.
 */
#include <sys/param.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "control.h"

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
client_connect(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd, saved;

	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	/* On a unix socket this succeeds, fails, or the backlog is full. */
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Wait until fd is ready. 0, or -1 with errno. */
static int
ready(int fd, short events, int64_t deadline)
{
	struct pollfd pfd = {.fd = fd, .events = events};
	int64_t left;
	int n;

	do {
		left = deadline - now_ms();
		n = poll(&pfd, 1, left > 0 ? (int)left : 0);
	} while (n == -1 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n == 1 ? 0 : -1;
}

static int
send_line(int fd, const char *command, int64_t deadline)
{
	char line[CONTROL_LINE_MAX];
	int n = snprintf(line, sizeof(line), "%s\n", command);
	size_t len = (size_t)n, done = 0;

	if (n < 0 || len >= sizeof(line)) {
		errno = EMSGSIZE;
		return -1;
	}
	while (done < len) {
		ssize_t w;

		if (ready(fd, POLLOUT, deadline) == -1)
			return -1;
		w = send(fd, line + done, len - done, MSG_NOSIGNAL);
		if (w == -1 && errno != EAGAIN && errno != EINTR)
			return -1;
		done += w > 0 ? (size_t)w : 0;
	}
	return 0;
}

/* Make room for more, up to max and one byte that tells "too much". */
static int
grow(char **buf, size_t *cap, size_t max)
{
	size_t want = MIN(*cap == 0 ? 65536 : *cap * 2, max + 1);
	char *p;

	if (*cap == max + 1) {
		errno = EMSGSIZE;
		return -1;
	}
	if ((p = realloc(*buf, want)) == NULL)
		return -1;
	*buf = p;
	*cap = want;
	return 0;
}

static int
read_all(int fd, size_t max, int64_t deadline, char **buf, size_t *len)
{
	size_t cap = 0;
	ssize_t n;

	for (;;) {
		if (*len == cap && grow(buf, &cap, max) == -1)
			return -1;
		if (ready(fd, POLLIN, deadline) == -1)
			return -1;
		n = read(fd, *buf + *len, cap - *len);
		if (n == 0)
			return 0;
		if (n == -1 && errno != EAGAIN && errno != EINTR)
			return -1;
		*len += n > 0 ? (size_t)n : 0;
	}
}

int
client_send(int fd, const char *command, int timeout)
{
	return send_line(fd, command, now_ms() + (int64_t)timeout * 1000);
}

int
client_ask(int fd, const char *command, size_t max, int timeout, char **answer,
    size_t *len)
{
	int64_t deadline = now_ms() + (int64_t)timeout * 1000;
	int saved;

	*answer = NULL;
	*len = 0;
	if (send_line(fd, command, deadline) == 0 &&
	    read_all(fd, max, deadline, answer, len) == 0)
		return 0;
	saved = errno;
	free(*answer);
	*answer = NULL;
	errno = saved;
	return -1;
}
