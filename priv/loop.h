#ifndef PRIV_LOOP_H
#define PRIV_LOOP_H

#include <sys/types.h>

#include "dispatch.h"

struct loop {
	struct priv *p;
	pid_t child;
	int logfd; /* the read end of the child's log pipe */
	int sigfd; /* signalfd: INT, TERM, HUP, CHLD */
	int dnsfd; /* resolv_open(), -1: none */
	int readyfd; /* the waiting front process, -1: none */
	int nullfd; /* /dev/null */
};

/* Set env.now and env.wall. */
void loop_clock(struct priv *p);
/*
 * Serve until the child has ended, and reap it. Returns the exit status: 0
 * after a leave or a stop. Interface and hosts lines are removed after a leave
 * alone.
 */
int loop_run(struct loop *l);

#endif
