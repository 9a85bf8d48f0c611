/*
 * wesher-priv: the datagram sockets that lines leave by. Both are opened
 * before its sandbox; afterwards only send(2) and connect(2) are used, so not
 * syslog(3). A peer that is slow or gone costs the line, never the mesh.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "logsock.h"

static struct sockaddr_un syslog_addr = {.sun_family = AF_UNIX};
static int syslogfd = -1, notifyfd = -1;

int
syslog_open(const char *path)
{
	strlcpy(syslog_addr.sun_path, path, sizeof(syslog_addr.sun_path));
	syslogfd = socket(
	    AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (syslogfd == -1)
		return -1;
	return connect(
	    syslogfd, (struct sockaddr *)&syslog_addr, sizeof(syslog_addr));
}

int
syslog_fd(void)
{
	return syslogfd;
}

void
syslog_send(enum log_level level, const char *tag, const char *line)
{
	static const int severity[] = {3, 4, 6, 7};
	char buf[1200], when[32] = "";
	time_t now = time(NULL);
	struct tm tm;
	int n;

	if (localtime_r(&now, &tm) != NULL)
		strftime(when, sizeof(when), "%b %e %T", &tm);
	n = snprintf(buf, sizeof(buf), "<%d>%s %s[%d]: %s",
	    3 << 3 | severity[level], when, tag, getpid(), line);
	if (n >= (int)sizeof(buf))
		n = sizeof(buf) - 1;
	if (send(syslogfd, buf, (size_t)n, MSG_NOSIGNAL) != -1 ||
	    errno == EAGAIN)
		return;
	/* The logger was restarted. */
	if (connect(syslogfd, (struct sockaddr *)&syslog_addr,
		sizeof(syslog_addr)) == 0)
		(void)send(syslogfd, buf, (size_t)n, MSG_NOSIGNAL);
}

void
notify_open(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len = path == NULL ? 0 : strlen(path);

	if (len < 2 || len >= sizeof(sun.sun_path))
		return;
	memcpy(sun.sun_path, path, len);
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	notifyfd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notifyfd == -1 ||
	    connect(notifyfd, (struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) ==
		-1)
		log_warn("supervisor's socket");
}

void
notify_send(const char *text)
{
	if (notifyfd != -1)
		(void)send(
		    notifyfd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
notify_alive(unsigned members, unsigned alive, unsigned failed)
{
	static char said[96];
	char text[96];

	log_tick(); /* as often as this comes, at least */
	snprintf(text, sizeof(text),
	    "WATCHDOG=1\nSTATUS=%u members: %u alive, %u failed", members,
	    alive, failed);
	/* It counts itself: none is a start that knows nothing yet. */
	if (members == 0 || strcmp(text, said) == 0) {
		notify_send("WATCHDOG=1");
		return;
	}
	notify_send(text);
	strlcpy(said, text, sizeof(said));
}
