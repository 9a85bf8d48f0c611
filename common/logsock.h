#ifndef COMMON_LOGSOCK_H
#define COMMON_LOGSOCK_H

#include "log.h"

/*
 * Our own socket to syslog: open before the sandbox, connected again with
 * connect(2) alone. syslog_send suits log_sink().
 */
int syslog_open(const char *path);
int syslog_fd(void); /* -1: not open */
void syslog_send(enum log_level level, const char *tag, const char *line);

/* The supervisor's socket (NOTIFY_SOCKET), if any; opened likewise. */
void notify_open(const char *path);
void notify_send(const char *text);
/* What the gossip process is heard to say feeds the watchdog; its count of the
 * mesh is the status line, said when it has changed. */
void notify_alive(unsigned members, unsigned alive, unsigned failed);

#endif
