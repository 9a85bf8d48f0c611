/*
 * wesher-priv: lines of the gossip process on their way to the log, and the
 * sockets that lines leave by. The pipe's bytes are hostile: they are cut,
 * escaped, and limited in number before they reach anybody's log.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "logfwd.h"

void
logfwd_init(struct logfwd *l, int fd, unsigned rate, unsigned burst)
{
	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->bucket = (struct bucket){.rate = rate, .burst = burst};
}

/* "<N>text"; whatever else comes is a warning. */
static enum log_level
level_of(const char **text, size_t *len)
{
	const char *s = *text;
	int level = -1;

	if (*len >= 3 && s[0] == '<' && s[2] == '>')
		level = s[1] == '3'   ? LOG_L_ERROR
			: s[1] == '4' ? LOG_L_WARN
			: s[1] == '6' ? LOG_L_INFO
			: s[1] == '7' ? LOG_L_DEBUG
				      : -1;
	if (level == -1)
		return LOG_L_WARN;
	*text += 3;
	*len -= 3;
	return (enum log_level)level;
}

static void
forward(struct logfwd *l, int64_t now)
{
	char line[LOGFWD_LINE + 1];
	const char *text = l->buf;
	size_t len = l->len;
	enum log_level level = level_of(&text, &len);

	if (level > log_level_get())
		return;
	if (!bucket_take(&l->bucket, now)) {
		l->dropped++;
		return;
	}
	if (l->dropped > 0)
		log_warnx(
		    "%lu lines of the gossip process were dropped", l->dropped);
	l->dropped = 0;
	log_line(level, "wesher", log_vis(line, sizeof(line), text, len));
}

void
logfwd_bytes(struct logfwd *l, const char *p, size_t n, int64_t now)
{
	for (; n > 0; p++, n--) {
		if (*p != '\n' && l->len < sizeof(l->buf)) {
			l->buf[l->len++] = *p;
			continue;
		}
		/* What is too long is forwarded cut, its rest skipped. */
		if (!l->skip)
			forward(l, now);
		l->skip = *p != '\n';
		if (!l->skip)
			l->len = 0;
	}
}

bool
logfwd_read(struct logfwd *l, int64_t now)
{
	char buf[4096];
	ssize_t n = -1;
	int i;

	for (i = 0; i < 16; i++) {
		if ((n = read(l->fd, buf, sizeof(buf))) <= 0)
			break;
		logfwd_bytes(l, buf, (size_t)n, now);
	}
	return n != 0;
}

static struct sockaddr_un syslog_addr = {.sun_family = AF_UNIX};
static int syslog_fd = -1, notify_fd = -1;

int
syslog_open(const char *path)
{
	strlcpy(syslog_addr.sun_path, path, sizeof(syslog_addr.sun_path));
	syslog_fd = socket(
	    AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (syslog_fd == -1)
		return -1;
	return connect(
	    syslog_fd, (struct sockaddr *)&syslog_addr, sizeof(syslog_addr));
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
	if (send(syslog_fd, buf, (size_t)n, MSG_NOSIGNAL) != -1 ||
	    errno == EAGAIN)
		return;
	/* The logger was restarted. */
	if (connect(syslog_fd, (struct sockaddr *)&syslog_addr,
		sizeof(syslog_addr)) == 0)
		(void)send(syslog_fd, buf, (size_t)n, MSG_NOSIGNAL);
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
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify_fd == -1 ||
	    connect(notify_fd, (struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) ==
		-1)
		log_warn("supervisor's socket");
}

void
notify_send(const char *text)
{
	if (notify_fd != -1)
		(void)send(
		    notify_fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}
