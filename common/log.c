/*
 * Logging of both programs. Lines may hold a peer's bytes; they are escaped
 * here and nowhere else. wesher-priv gets the gossip process's lines through
 * a pipe, one write(2) a line, and never trusts their form.
 */
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#define LIBBSD_NETBSD_VIS /* silences a warning about strnvis(3), unused */
#include <vis.h>

#include "log.h"

#define LINE_LEN 1024

static enum log_dest dest = LOG_D_PLAIN;
static enum log_level maxlevel = LOG_L_WARN;
static const char *tag = "wesher";
static int pipefd = -1;
static void (*sink)(enum log_level, const char *, const char *);

static const char *const names[] = {"error", "warn", "info", "debug"};
static bool journal; /* has a clock of its own, and wants priorities */
static const int severity[] = {3, 4, 6, 7}; /* syslog(3)'s */

/* systemd says which file the journal reads; it may have been redirected. */
static bool
is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[48];
	struct stat st;

	if (stream == NULL || fstat(fd, &st) == -1)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(own, stream) == 0;
}

void
log_init(enum log_dest d, enum log_level level, const char *t, int fd)
{
	dest = d;
	maxlevel = level;
	tag = t;
	pipefd = fd;
	if (d == LOG_D_STDERR || d == LOG_D_PLAIN)
		journal = is_journal(STDERR_FILENO);
}

void
log_sink(void (*fn)(enum log_level, const char *, const char *))
{
	sink = fn;
}

enum log_level
log_level_get(void)
{
	return maxlevel;
}

void
log_level_set(enum log_level level)
{
	maxlevel = level;
}

int
log_level_parse(const char *s)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(s, names[i]) == 0)
			return (int)i;
	return -1;
}

const char *
log_level_name(enum log_level level)
{
	return names[level];
}

/* Length of one valid UTF-8 sequence beyond ASCII at p, or 0 (RFC 3629). */
static size_t
utf8_len(const unsigned char *p, size_t n)
{
	static const uint32_t min[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c;
	size_t len, i;

	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2, c = p[0] & 0x1f;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3, c = p[0] & 0x0f;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4, c = p[0] & 0x07;
	else
		return 0;
	if (n < len)
		return 0;
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	/* C1 controls, surrogates, bidi controls and the like are not text. */
	if (c < min[len] || c > 0x10ffff || c < 0xa0 ||
	    (c >= 0xd800 && c <= 0xdfff) || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x206f) ||
	    c == 0xfeff)
		return 0;
	return len;
}

const char *
log_vis(char *dst, size_t dstlen, const void *src, size_t n)
{
	const unsigned char *p = src;
	char tmp[8];
	size_t i, len, out = 0;

	for (i = 0; i < n; i += len) {
		size_t put;

		len = utf8_len(p + i, n - i);
		if (len != 0) {
			memcpy(tmp, p + i, len);
			put = len;
		} else {
			len = 1;
			put = (size_t)(vis(tmp, p[i],
					   VIS_CSTYLE | VIS_OCTAL | VIS_NL |
					       VIS_TAB | VIS_NOSLASH,
					   0) -
				       tmp);
		}
		if (out + put >= dstlen)
			break;
		memcpy(dst + out, tmp, put);
		out += put;
	}
	if (dstlen > 0)
		dst[out] = '\0';
	return dst;
}

/*
 * One line, one write(2): dprintf(3) would ask what it writes to, which a
 * sandbox forbids. A full pipe loses the line, never blocks the mesh.
 */
static void __attribute__((format(printf, 2, 3)))
to_fd(int fd, const char *fmt, ...)
{
	char buf[LINE_LEN + 128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(buf))
		n = sizeof(buf) - 1;
	if (n > 0 && write(fd, buf, (size_t)n) == -1)
		return;
}

static void
to_stderr(enum log_level level, const char *as, const char *line)
{
	struct timeval tv;
	struct tm tm;
	char when[32] = "";

	if (journal) {
		to_fd(STDERR_FILENO, "<%d>%s: %s\n", severity[level], as, line);
		return;
	}
	gettimeofday(&tv, NULL);
	if (localtime_r(&tv.tv_sec, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	to_fd(STDERR_FILENO, "%s.%03ld %s %s: %s\n", when,
	    (long)tv.tv_usec / 1000, as, names[level], line);
}

void
log_line(enum log_level level, const char *as, const char *line)
{
	switch (dest) {
	case LOG_D_STDERR:
		to_stderr(level, as, line);
		break;
	case LOG_D_PLAIN:
		if (journal)
			to_stderr(level, as, line);
		else
			to_fd(STDERR_FILENO, "%s: %s\n", as, line);
		break;
	case LOG_D_PIPE:
		to_fd(pipefd, "<%d>%s\n", severity[level], line);
		break;
	case LOG_D_SINK:
		if (sink != NULL)
			sink(level, as, line);
		break;
	}
}

static void __attribute__((format(printf, 3, 0)))
vlog(enum log_level level, bool with_errno, const char *fmt, va_list ap)
{
	char raw[LINE_LEN], line[LINE_LEN];
	int saved = errno, n;

	if (level > maxlevel)
		return;
	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	if (n < 0)
		n = 0;
	if ((size_t)n >= sizeof(raw))
		n = sizeof(raw) - 1;
	if (with_errno)
		snprintf(
		    raw + n, sizeof(raw) - (size_t)n, ": %s", strerror(saved));
	log_line(level, tag, log_vis(line, sizeof(line), raw, strlen(raw)));
	errno = saved;
}

#define LOGGER(name, level, with_errno)           \
	void name(const char *fmt, ...)           \
	{                                         \
		va_list ap;                       \
                                                  \
		va_start(ap, fmt);                \
		vlog(level, with_errno, fmt, ap); \
		va_end(ap);                       \
	}

LOGGER(log_error, LOG_L_ERROR, true)
LOGGER(log_errorx, LOG_L_ERROR, false)
LOGGER(log_warn, LOG_L_WARN, true)
LOGGER(log_warnx, LOG_L_WARN, false)
LOGGER(log_info, LOG_L_INFO, false)
LOGGER(log_debug, LOG_L_DEBUG, false)

void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_L_ERROR, true, fmt, ap);
	va_end(ap);
	exit(1);
}

void
fatalx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_L_ERROR, false, fmt, ap);
	va_end(ap);
	exit(1);
}
