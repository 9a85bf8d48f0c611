#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Logging in the manner of OpenBSD's daemons. One event, one line. Every byte
 * that is not printable ASCII or valid UTF-8 text is escaped with vis(3)
 * before it leaves, so that hostile strings may be passed as %s. What goes to
 * the journal (JOURNAL_STREAM) bears "<priority>" and no time. A tab in a
 * format begins key=value pairs: logline.h has the form.
 */
enum log_level { LOG_L_ERROR, LOG_L_WARN, LOG_L_INFO, LOG_L_DEBUG };

enum log_dest {
	LOG_D_STDERR, /* "2026-01-31 12:00:00.123 warn: text" on fd 2 */
	LOG_D_PLAIN, /* "wesher: text" on fd 2, for the operator's command */
	LOG_D_PIPE, /* "<4>text\n" in one write(2) to an inherited pipe */
	LOG_D_SINK /* handed to a function (wesher-priv's syslog socket) */
};

/* Set destination, level and (for LOG_D_PIPE) descriptor. tag is not copied. */
void
log_init(enum log_dest dest, enum log_level level, const char *tag, int fd);
/* For LOG_D_SINK: called with one escaped line without newline. */
void log_sink(void (*fn)(enum log_level, const char *tag, const char *line));
enum log_level log_level_get(void);
void log_level_set(enum log_level level);
/* "debug", "info", "warn", "error" -> level, or -1. */
int log_level_parse(const char *s);
const char *log_level_name(enum log_level level);

/* The x forms add nothing, the others ": strerror(errno)". errno survives. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_errorx(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warnx(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * From now on one and the same line (one place in the source, about one
 * subject) is logged once a minute, and those held back are counted; at level
 * debug, and of fatal(), nothing is. To be called before a sandbox.
 */
void log_limit(void);
/* Call it every few seconds: the counts of the minutes that are over. */
void log_tick(void);
/* How many lines were held back so far. */
uint64_t log_held(void);
/* Another limit held one back: it counts, too. */
void log_hold(void);
/* Emit an already composed line at a level, under another program's tag
 * (forwarded child lines), whatever our level is. */
void log_line(enum log_level level, const char *tag, const char *line);

/* Log at error, then exit(1). Process level only, never in a library. */
void
fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void
fatalx(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/*
 * Escape n bytes of src into dst (always terminated, cut at dstlen): printable
 * ASCII stays, everything else becomes \xNN-like vis(3) text. Returns dst.
 */
const char *log_vis(char *dst, size_t dstlen, const void *src, size_t n);

#endif
