#ifndef WESHER_CONFINE_H
#define WESHER_CONFINE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"
#include "../common/conf.h"

/*
 * The gossip process's sandbox (design.md section 1): its root, no capability,
 * Landlock, the filter of system calls (confine_filter.c), limits.
 */
#define CONFINE_PORTS	  (CONF_JOIN + 1)
#define CONFINE_FILES	  1024 /* descriptors: twice what all streams need */
#define CONFINE_MEMORY	  (1ull << 30) /* bytes of address space */
#define CONFINE_FILE_SIZE (32ull << 20) /* bytes: STATE_MAX */

struct confine {
	int abi; /* Landlock's: landlock_abi(), or less in tests; 0: none */
	/* TCP may go to these. */
	uint16_t ports[CONFINE_PORTS];
	size_t nports;
	bool binds; /* outgoing streams choose their address by bind(2) */
	bool to_device; /* they are bound to an interface */
	pid_t pid;
	/* Set by confine_enter: the state folder, open for reading. */
	int root;
};

/* What is in force, each set when it was done and no call of it failed. */
struct layers {
	uid_t uid;
	bool rooted; /* the state folder is "/" */
	bool no_caps, no_new_privs, filtered, limited;
	int landlock; /* the ABI, 0: none */
};

/*
 * Forbid dumps (before a key is read), then refuse to run with more than
 * wesher-priv gives: not as root, no set-user-ID, CAP_SYS_CHROOT at most.
 * Renews PDEATHSIG and checks the parent. fatal()s.
 */
void confine_check(void);

/*
 * Have the libraries read and ask now what they do at first use and may not
 * inside: sources of randomness, the time zone, how much memory there is.
 * sodium_init() comes before. fatal()s.
 */
void confine_warm_up(void);

/* What the operator's options need, for this process and this kernel. */
void confine_plan(struct confine *c, const struct conf *conf);

/*
 * Enter the current directory as root, drop the last capability, and then all
 * else that c does not name; for good. fatal()s on any failure, but a kernel
 * without Landlock is only told of. Nothing of the state or the network may be
 * read before. What needs a file outside, loads a library or makes a
 * descriptor of another kind must have been done.
 */
void confine_enter(struct confine *c);

/* Its parts, for tests. 0, or -1 (errno). */
int confine_limits(void);
int confine_landlock(const struct confine *c);

/* What confine_enter has done. */
const struct layers *confine_layers(void);
/*
 * Does the sandbox let TCP go to that port? Always before ABI 4 of Landlock,
 * which is the first to know of ports.
 */
bool confine_connects(uint16_t port);

/* confine_filter.c: the allow list of a struct confine, NULL when out of
 * memory. The caller frees it. arch as for filter_new(). */
struct filter;
struct filter *confine_filter(uint32_t arch, const void *confine);

#endif
