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

#include "clock.h"
#include "log.h"
#include "logline.h"
#include "repeat.h"

static enum log_dest dest = LOG_D_PLAIN;
static enum log_level maxlevel = LOG_L_WARN;
static const char *tag = "wesher";
static int pipefd = -1;
static void (*sink)(enum log_level, const char *, const char *);

static const char *const names[] = {"error", "warn", "info", "debug"};
static bool journal; /* has a clock of its own, and wants priorities */
static const int severity[] = {3, 4, 6, 7}; /* syslog(3)'s */
static bool limited;
static struct repeat repeat;
static uint64_t elsewhere; /* lines held back by other limits */

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

/*
 * One line, one write(2): dprintf(3) would ask what it writes to, which a
 * sandbox forbids. A full pipe loses the line, never blocks the mesh.
 */
static void __attribute__((format(printf, 2, 3)))
to_fd(int fd, const char *fmt, ...)
{
	char buf[LOG_LINE + 128];
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
	if (dest == LOG_D_PLAIN) {
		to_fd(STDERR_FILENO, "%s: %s\n", as, line);
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
	case LOG_D_PLAIN:
		to_stderr(level, as, line);
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

static void
say_again(
    int level, const char *text, unsigned held, int64_t seconds, int64_t ago)
{
	char line[LOG_LINE];

	snprintf(line, sizeof(line),
	    "%u more in %lld s, the last %lld s ago: %s", held,
	    (long long)seconds, (long long)ago, text);
	log_line((enum log_level)level, tag, line);
}

void
log_limit(void)
{
	repeat_init(&repeat);
	limited = true;
}

void
log_tick(void)
{
	if (limited)
		repeat_tick(&repeat, clock_now() / US_PER_MS, say_again);
}

uint64_t
log_held(void)
{
	return repeat.held + elsewhere;
}

void
log_hold(void)
{
	elsewhere++;
}

/* The place in the source is its format. */
static bool
passes(enum log_level level, const char *fmt, const struct logline *l)
{
	struct repeat_news news = {.site = fmt,
	    .subject = l->subject,
	    .nsubject = l->nsubject,
	    .level = (int)level,
	    .text = l->text,
	    .sentence = l->sentence};

	if (!limited || maxlevel == LOG_L_DEBUG)
		return true;
	news.now = clock_now() / US_PER_MS;
	return repeat_may(&repeat, &news, say_again);
}

static void __attribute__((format(printf, 4, 0)))
vlog(enum log_level level, int err, bool last, const char *fmt, va_list ap)
{
	struct logline l;
	int saved = errno;

	if (level > maxlevel)
		return;
	logline_make(&l, err, dest == LOG_D_PLAIN, fmt, ap);
	if (last || passes(level, fmt, &l))
		log_line(level, tag, l.text);
	errno = saved;
}

#define LOGGER(name, level, err)                  \
	void name(const char *fmt, ...)           \
	{                                         \
		va_list ap;                       \
                                                  \
		va_start(ap, fmt);                \
		vlog(level, err, false, fmt, ap); \
		va_end(ap);                       \
	}

LOGGER(log_error, LOG_L_ERROR, errno)
LOGGER(log_errorx, LOG_L_ERROR, LOGLINE_OK)
LOGGER(log_warn, LOG_L_WARN, errno)
LOGGER(log_warnx, LOG_L_WARN, LOGLINE_OK)
LOGGER(log_info, LOG_L_INFO, LOGLINE_OK)
LOGGER(log_debug, LOG_L_DEBUG, LOGLINE_OK)

void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_L_ERROR, errno, true, fmt, ap);
	va_end(ap);
	exit(1);
}

void
fatalx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_L_ERROR, LOGLINE_OK, true, fmt, ap);
	va_end(ap);
	exit(1);
}
