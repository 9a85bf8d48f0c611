#ifndef PRIV_LOGFWD_H
#define PRIV_LOGFWD_H

#include "../common/bucket.h"
#include "../common/log.h"

#define LOGFWD_LINE 512 /* printable bytes of a forwarded line */

/* The gossip process's log pipe. */
struct logfwd {
	int fd;
	struct bucket bucket;
	unsigned long dropped;
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

/*
 * Our own socket to syslog: open before the sandbox, connected again with
 * connect(2) alone. syslog_send suits log_sink().
 */
int syslog_open(const char *path);
void syslog_send(enum log_level level, const char *tag, const char *line);

/* The supervisor's socket (NOTIFY_SOCKET), if any; opened likewise. */
void notify_open(const char *path);
void notify_send(const char *text);

#endif
