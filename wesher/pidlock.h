#ifndef WESHER_PIDLOCK_H
#define WESHER_PIDLOCK_H

enum pidlock_state {
	PIDLOCK_LIVE, /* *pidfd is the daemon's */
	PIDLOCK_NONE, /* no file, or nobody holds its lock: no daemon */
	PIDLOCK_ERROR /* errno */
};

/*
 * Which process holds the pid file (libbsd's pidfile_open, flock(2))? The pid
 * is believed only when the lock is held before and after the pidfd was
 * opened, so that a reused number is never signalled. design.md section 3.
 */
enum pidlock_state pidlock_find(const char *path, int *pidfd);

#endif
