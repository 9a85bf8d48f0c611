/*
 * Resource limits, for both processes on their way into the sandbox: what a
 * process under foreign control could exhaust is the host's.
 */
#include <fcntl.h>

#include "limits.h"
#include "log.h"

#define HIGHEST 1024 /* nothing of ours is ever that high */

void
limits_set(int what, rlim_t max)
{
	const struct rlimit l = {max, max};

	if (setrlimit(what, &l) == -1)
		fatal("resource limit %d", what);
}

void
limits_files(unsigned spare)
{
	int fd = HIGHEST;

	while (fd >= 0 && fcntl(fd, F_GETFD) == -1)
		fd--;
	limits_set(RLIMIT_NOFILE, (rlim_t)(fd + 1) + spare);
}
