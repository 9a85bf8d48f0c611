#ifndef PRIV_SANDBOX_H
#define PRIV_SANDBOX_H

#include <sys/types.h>

#include <stdint.h>

/* What wesher-priv keeps when it gives up the rest; -1: has none. */
struct sandbox {
	pid_t child; /* the one process that it may kill */
	int etc; /* the hosts file's folder */
	int resolv, resolv_to; /* resolv_dirs() */
	int syslog, uapi; /* sockets */
	uint8_t layers, abi; /* set by sandbox_enter(), as in NET */
};

/*
 * From here on this process neither forks nor executes, opens no socket, and
 * no file but beneath those folders; design.md section 1. Ends the process
 * when that fails; where the kernel or the container lacks a layer it says so
 * and goes on with the others.
 */
void sandbox_enter(struct sandbox *s);

/* The system calls of a struct sandbox on an architecture (0: this one); the
 * caller frees it. Exported for tests. */
struct filter *sandbox_filter(uint32_t arch, const void *sandbox);

#endif
