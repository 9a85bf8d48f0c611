#ifndef COMMON_DAEMON_H
#define COMMON_DAEMON_H

/*
 * Into the background, with an exit status that means something: the front
 * process stays until the daemon is ready, or has failed.
 */

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

#endif
