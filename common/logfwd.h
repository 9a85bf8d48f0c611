#ifndef COMMON_LOGFWD_H
#define COMMON_LOGFWD_H

#include "bucket.h"
#include "log.h"

#define LOGFWD_LINE 1023 /* printable bytes of a forwarded line */

/* The gossip process's log pipe. */
struct logfwd {
	int fd;
	struct bucket bucket, extra; /* extra: for lines above our level */
	unsigned long dropped; /* since it was told */
	int64_t told; /* ms, 0: never */
	size_t len;
	bool skip; /* inside of a line that was too long */
	char buf[LOGFWD_LINE + 8];
};

/* Lines a second and at most at once; fd is non-blocking. */
void logfwd_init(struct logfwd *l, int fd, unsigned rate, unsigned burst);
/* Forward what the pipe holds (at most 64 KiB). False at its end. */
bool logfwd_read(struct logfwd *l, int64_t now);
/* The pure part: n bytes of the stream. Exported for tests. */
void logfwd_bytes(struct logfwd *l, const char *p, size_t n, int64_t now);

#endif
