#ifndef WESHER_METRICS_H
#define WESHER_METRICS_H

#include <stddef.h>

#define METRICS_CLIENTS 8
#define METRICS_TIME	10 /* seconds for a whole connection */
#define METRICS_HEAD	4096 /* bytes of a request */
#define METRICS_FRESH	5 /* seconds between looks at the kernel's counters */

struct event_base;

struct metrics_config {
	struct event_base *base;
	int fd; /* listens; the caller's */
	/* The text, malloc'ed; NULL: out of memory. */
	char *(*page)(size_t *len);
	/* Ask for the kernel's counters: metrics_refreshed() follows. */
	void (*refresh)(void);
	unsigned client_ms; /* 0: METRICS_TIME */
};

/*
 * Prometheus over HTTP: GET /metrics, and nothing else. A page waits for
 * refresh(), for a second at most, unless that was so lately. 0, or -1.
 */
int metrics_start(const struct metrics_config *cfg);
/* The kernel's counters have come, whoever asked for them. */
void metrics_refreshed(void);
void metrics_stop(void);

#endif
