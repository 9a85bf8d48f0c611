#ifndef WESHER_MONITOR_H
#define WESHER_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* How following the daemon's events ended. */
enum monitor_exit {
	MONITOR_DONE = 0, /* nobody reads us any more */
	MONITOR_REFUSED = 1,
	MONITOR_NONE = 2 /* no daemon, it ended, or what it says is no event */
};

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
