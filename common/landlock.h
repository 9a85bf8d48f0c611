#ifndef COMMON_LANDLOCK_H
#define COMMON_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What may be done beneath a folder; else nothing is allowed anywhere. */
#define BOX_READ   0x1u /* open files and folders for reading */
#define BOX_WRITE  0x2u /* write and truncate files */
#define BOX_MAKE   0x4u /* make regular files, or rename them here */
#define BOX_REMOVE 0x8u /* remove files, or rename them away */
#define BOX_DIRS   0x10u /* make, remove and rename folders */

struct box_dir {
	int fd; /* of the folder, or of a file (then no MAKE, no REMOVE) */
	unsigned may; /* BOX_* */
};

struct box {
	const struct box_dir *dirs;
	size_t ndirs;
	/* TCP (ABI 4): the ports that may be connected to. */
	const uint16_t *ports;
	size_t nports;
	bool bind_any_port; /* bind to port 0, which chooses a free one */
	/* ABI 6: no signal, no abstract unix socket outside of the box. */
	bool scope_signals, scope_sockets;
};

/* The kernel's Landlock ABI; 0 when it has none, or it is not switched on. */
int landlock_abi(void);
/*
 * Restrict this process, for good, to what b says, as far as an ABI `abi`
 * (landlock_abi(), or less in tests) can; 0 does nothing. no_new_privs must be
 * set. Descriptors that are open stay as they are. Returns 0 or -errno.
 */
int landlock_enter(int abi, const struct box *b);

#endif
