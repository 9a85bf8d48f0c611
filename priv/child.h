#ifndef PRIV_CHILD_H
#define PRIV_CHILD_H

#include <sys/types.h>

#include "../common/privmsg.h"
#include "../common/runas.h"

struct child {
	struct runas user;
	int dir; /* its state folder, O_PATH */
	int exe; /* what to execute, by descriptor */
	int fds[PRIV_FD_NEXT]; /* by enum priv_fd; -1: /dev/null */
};

/*
 * Start the gossip process as design.md section 1 has it. The descriptors stay
 * open here. Returns its pid, or -1 (errno); what fails later is told through
 * the log pipe, and by exit status 127.
 */
pid_t child_start(const struct child *c);

#endif
