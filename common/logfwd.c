/*
 * wesher-priv: lines of the gossip process on their way to the log. The
 * pipe's bytes are hostile: they are cut, escaped, and limited in number
 * before they reach anybody's log. Those above our own level are what
 * `wesher log-level` asked for: limited apart, they displace no other.
 */
#include <string.h>
#include <unistd.h>

#include "logfwd.h"

#define TELL_EVERY 60000 /* ms: the log does not repeat itself sooner */

void
logfwd_init(struct logfwd *l, int fd, unsigned rate, unsigned burst)
{
	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->bucket = (struct bucket){.rate = rate, .burst = burst};
	l->extra = l->bucket;
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
	struct bucket *bucket;

	bucket = level > log_level_get() ? &l->extra : &l->bucket;
	if (!bucket_take(bucket, now)) {
		l->dropped++;
		return;
	}
	if (l->dropped > 0 && (l->told == 0 || now - l->told >= TELL_EVERY)) {
		log_warnx(
		    "%lu lines of the gossip process were dropped", l->dropped);
		l->dropped = 0;
		l->told = now;
	}
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
