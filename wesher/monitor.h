#ifndef WESHER_MONITOR_H
#define WESHER_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* How following the daemon's events ended. */
enum monitor_exit {
	MONITOR_DONE = 0, /* interrupted, or nobody reads us any more */
	MONITOR_REFUSED = 1,
	MONITOR_NONE = 2 /* no daemon, it ended, what it says is no event, or
			    what we say cannot be written */
};

/*
 * From now on SIGINT, unless it was ignored, ends the process with
 * MONITOR_DONE, and SIGPIPE is an error of write(2).
 */
void monitor_signals(void);

/*
 * Follow the events (control.h) that come from fd, connected and non-blocking,
 * until one of both ends is gone: one line each, for people, or the daemon's
 * objects. Returns an enum monitor_exit; with a line in err unless it is 0.
 */
int monitor(int fd, bool json, FILE *out, char *err, size_t errlen);

/* One event of the daemon's, len bytes without the end. -1: with err. */
int monitor_line(const char *line, size_t len, bool json, FILE *out, char *err,
    size_t errlen);

#endif
