/*
 * The operator's command: wesher leave. Runs as root all the time, because
 * wesher-priv takes its signals from root alone, and reads one number from a
 * file that root alone can write. With no daemon there is nobody to say
 * goodbye; wesher-priv then removes what is left.
 */
#include <sys/file.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/log.h"
#include "commands.h"
#include "launch.h"
#include "pidlock.h"

#define LEAVE_WAIT 15 /* seconds; wesher-priv gives up after 10 */

static int
wait_end(int pidfd)
{
	struct pollfd pfd = {.fd = pidfd, .events = POLLIN};
	int n;

	do {
		n = poll(&pfd, 1, LEAVE_WAIT * 1000);
	} while (n == -1 && errno == EINTR);
	if (n == 0)
		log_errorx("wesher is still there after %d s: see its log",
		    LEAVE_WAIT);
	else if (n == -1)
		log_error("poll");
	return n == 1 ? 0 : 1;
}

/* Ask the daemon to leave and wait for its end. */
static int
tell(int pidfd, const char *interface)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGINT, NULL, 0) == -1) {
		if (errno == ESRCH)
			return 0;
		log_error("cannot signal wesher");
		return 1;
	}
	if (wait_end(pidfd) != 0)
		return 1;
	if (if_nametoindex(interface) != 0) {
		log_errorx("wesher has ended, but %s is still there: see its "
			   "log, and run wesher leave again",
		    interface);
		return 1;
	}
	return 0;
}

int
leave_main(const struct conf *c, const struct options *o, char *const *envp)
{
	char path[128], err[OPT_LINE];
	int pidfd, ret;

	if (need_root("leave") == -1)
		return 1;
	snprintf(path, sizeof(path), RUN_DIR "/%s.pid", c->interface);
	ret = pidlock_find(path, &pidfd);
	if (ret == PIDLOCK_NONE) {
		launch_remove(c, o, envp, err, sizeof(err));
		log_errorx("%s", err);
		return 1;
	}
	if (ret == PIDLOCK_ERROR) {
		log_error("%s: cannot tell which process is wesher", path);
		return 1;
	}
	ret = tell(pidfd, c->interface);
	close(pidfd);
	return ret;
}
