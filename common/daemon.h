#ifndef COMMON_DAEMON_H
#define COMMON_DAEMON_H

#include <stdbool.h>

struct policy;

/*
 * Into the background, with an exit status that means something: the front
 * process stays until the daemon is ready, or has failed.
 */

/*
 * 0 to 2 exist, and beside them these two alone, as 3 and 4. Everything else
 * is closed. fatal()s.
 */
void daemon_fds(int *a, int *b);

/*
 * Returns in the daemon; the front process ends with 0 after daemon_ready(),
 * with 1 when the daemon ends before. fatal()s. Call before any sandbox.
 */
void daemon_fork(void);

/*
 * Let the front process return to the shell, and leave its session and
 * terminal. 1: done, 0: daemon_fork() was not called (any more), -1: done, but
 * the front process was interrupted meanwhile.
 */
int daemon_ready(void);

/* A non-blocking signalfd of INT, TERM, HUP and CHLD, which are blocked; PIPE
 * is ignored. From now on the log is limited (log_limit), and what a
 * restart would find is compared with what pol's start found. fatal()s. */
int daemon_signals(const struct policy *pol);
/* Says how the child ended; wanted: it was told to. */
void daemon_child(int status, bool wanted);
/* The answer to HUP, in the log. */
void daemon_hup(void);

/* For daemon.c: before the sandbox; and when the start is over. */
void hup_prepare(const struct policy *pol);
void hup_ready(void);

#endif
