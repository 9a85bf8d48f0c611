/*
 * Landlock, for both processes: files beneath named folders, TCP ports,
 * signals and abstract sockets. The numbers of the kernel's interface are
 * here because a distribution's headers are older than the kernels that it
 * runs under; what a kernel does not know it is not asked for.
 */
#include <sys/syscall.h>

#include <errno.h>
#include <unistd.h>

#include "landlock.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule	    445
#define SYS_landlock_restrict_self  446
#endif

#define CREATE_VERSION 1u
#define RULE_PATH      1
#define RULE_PORT      2

enum {
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_ABI1 = (1 << 13) - 1,
	FS_REFER = 1 << 13, /* ABI 2 */
	FS_TRUNCATE = 1 << 14, /* 3 */
	FS_IOCTL_DEV = 1 << 15, /* 5 */
};
enum { NET_BIND_TCP = 1, NET_CONNECT_TCP = 2 };
enum { SCOPE_ABSTRACT_SOCKET = 1, SCOPE_SIGNAL = 2 };

struct ruleset {
	uint64_t fs, net, scoped;
};
struct __attribute__((packed)) path_rule {
	uint64_t allowed;
	int32_t fd;
};
struct port_rule {
	uint64_t allowed, port;
};

int
landlock_abi(void)
{
	long abi = syscall(
	    SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

/* All that this ABI can refuse. */
static struct ruleset
handled(int abi, const struct box *b)
{
	struct ruleset r = {.fs = FS_ABI1};

	if (abi >= 2)
		r.fs |= FS_REFER;
	if (abi >= 3)
		r.fs |= FS_TRUNCATE;
	if (abi >= 4)
		r.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		r.scoped = (b->scope_signals ? SCOPE_SIGNAL : 0) |
			   (b->scope_sockets ? SCOPE_ABSTRACT_SOCKET : 0);
	return r;
}

static uint64_t
fs_rights(unsigned may)
{
	uint64_t r = 0;

	if (may & BOX_READ)
		r |= FS_READ_FILE | FS_READ_DIR;
	if (may & BOX_WRITE)
		r |= FS_WRITE_FILE | FS_TRUNCATE;
	if (may & BOX_MAKE)
		r |= FS_MAKE_REG;
	if (may & BOX_REMOVE)
		r |= FS_REMOVE_FILE;
	if (may & BOX_DIRS)
		r |= FS_MAKE_DIR | FS_REMOVE_DIR;
	return r;
}

static int
add_port(int rules, uint64_t allowed, uint16_t port)
{
	const struct port_rule r = {allowed, port};

	return (int)syscall(SYS_landlock_add_rule, rules, RULE_PORT, &r, 0);
}

static int
add_rules(int rules, const struct ruleset *rs, const struct box *b)
{
	struct path_rule p;
	size_t i;

	for (i = 0; i < b->ndirs; i++) {
		p.fd = b->dirs[i].fd;
		p.allowed = fs_rights(b->dirs[i].may) & rs->fs;
		if (syscall(SYS_landlock_add_rule, rules, RULE_PATH, &p, 0))
			return -1;
	}
	for (i = 0; rs->net != 0 && i < b->nports; i++)
		if (add_port(rules, NET_CONNECT_TCP, b->ports[i]) == -1)
			return -1;
	if (rs->net != 0 && b->bind_any_port)
		return add_port(rules, NET_BIND_TCP, 0);
	return 0;
}

int
landlock_enter(int abi, const struct box *b)
{
	const struct ruleset rs = handled(abi, b);
	/* An old kernel knows a shorter struct, and wants zeros behind it. */
	int fd, err = 0;

	if (abi <= 0)
		return 0;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rs, sizeof(rs), 0);
	if (fd == -1)
		return -errno;
	if (add_rules(fd, &rs, b) == -1 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) == -1)
		err = -errno;
	close(fd);
	return err;
}
