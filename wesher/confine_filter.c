/*
 * The system calls of the gossip process, once it is in its root: this list is
 * what is left to somebody who took it over. Derived from traces of
 * scenarios and from what libc, libevent, libsodium and libcrypto do when
 * something fails. What is not here kills; so a library must have loaded,
 * opened and measured what it needs before (gossip.c, start_outside).
 *
 * Never here: exec, fork, another open, mount, ptrace, keys, bpf, a second
 * filter, a change of ids. A call whose arguments matter is allowed by them.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "../common/fileio.h"
#include "../common/filter.h"
#include "confine.h"

#define ALLOW	  0
#define COUNT(a)  ((unsigned)(sizeof(a) / sizeof((a)[0])))
#define TYPE_BITS (~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC))
#define INET_BITS (~(uint32_t)(AF_INET ^ AF_INET6)) /* they share the rest */
_Static_assert(((AF_INET ^ AF_INET6) & ((AF_INET ^ AF_INET6) - 1)) == 0,
    "one bit tells the two families");

/* The event loop, and descriptors that are open. */
static const char *const loop[] = {"epoll_wait", "epoll_pwait", "epoll_ctl",
    "timerfd_settime", "timerfd_settime64", "read", "readv", "write", "writev",
    "close", NULL};

/* Of the network and wesher-priv; to which port, Landlock decides. */
static const char *const net[] = {"accept4", "connect", "recvfrom", "recvmsg",
    "recvmmsg", "recvmmsg_time64", "getsockname", NULL};

/* The state file, once it is open. */
static const char *const file[] = {"fstat", "fstat64", "pread64", "pwrite64",
    "ftruncate", "ftruncate64", "fchmod", "fsync", NULL};

/* Memory of malloc and sodium_malloc; what may be mapped see map_rules. */
static const char *const memory[] = {
    "brk", "munmap", "mremap", "mlock", "munlock", NULL};

/* Time where the vDSO does not tell it, and chance. */
static const char *const facts[] = {"clock_gettime", "clock_gettime64",
    "gettimeofday", "time", "getrandom", "sysinfo", "getpid", "gettid",
    "getppid", NULL};

/* libc's locks, the way back from a signal, and the end: abort(3) too. */
static const char *const ends[] = {"futex", "futex_time64", "rt_sigreturn",
    "sigreturn", "rt_sigprocmask", "rt_sigaction", "restart_syscall",
    "exit_group", "exit", NULL};

/* Refused without a scandal: libevent's HTTP server calls shutdown. prctl:
 * what it could still do is to undo (dumpable) or to name memory. */
static const char *const refused[] = {"shutdown", "listen", "prctl", NULL};

/* TCP's fast open is a connect(2) that Landlock does not see. */
static void
send_rules(struct filter *f)
{
	FILTER_IF(f, "sendto", ALLOW, FILTER_MASKED(3, MSG_FASTOPEN, 0));
	FILTER_IF(f, "sendmsg", ALLOW, FILTER_MASKED(2, MSG_FASTOPEN, 0));
	FILTER_IF(f, "sendmmsg", ALLOW, FILTER_MASKED(3, MSG_FASTOPEN, 0));
}

static void
socket_rules(struct filter *f, const struct confine *c)
{
	static const char *const bind_[] = {"bind", NULL};
	static const char *const set[] = {"setsockopt", NULL};
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
	unsigned i;

	for (i = 0; i < COUNT(types); i++)
		FILTER_IF(f, "socket", ALLOW,
		    FILTER_MASKED(0, INET_BITS, AF_INET),
		    FILTER_MASKED(1, TYPE_BITS, types[i]), FILTER_EQ(2, 0));
	/* connect(2) takes the source address from the route, unless bind(2)
	 * said another (--bind-addr); nothing can listen there. */
	filter_refuse(f, bind_, c->binds ? ALLOW : EPERM);
	if (!c->to_device) {
		filter_refuse(f, set, EPERM);
		return;
	}
	FILTER_IF(f, "setsockopt", ALLOW, FILTER_EQ(1, SOL_SOCKET),
	    FILTER_EQ(2, SO_BINDTODEVICE));
	FILTER_IF(f, "setsockopt", EPERM, {1, SCMP_CMP_NE, SOL_SOCKET, 0});
	FILTER_IF(f, "setsockopt", EPERM, {2, SCMP_CMP_NE, SO_BINDTODEVICE, 0});
}

/* Asked: how a connection ended, what the sockets of wesher-priv can reach,
 * where a stream came to, and who is at the control socket. */
static void
getsockopt_rules(struct filter *f)
{
	static const struct {
		int level, name;
	} get[] = {
	    {SOL_SOCKET, SO_ERROR},
	    {SOL_SOCKET, SO_DOMAIN},
	    {SOL_SOCKET, SO_PEERCRED},
	    {IPPROTO_IPV6, IPV6_V6ONLY},
	    {IPPROTO_IPV6, IPV6_2292PKTOPTIONS},
	    {IPPROTO_IP, IP_PKTOPTIONS},
	};
	unsigned i;

	for (i = 0; i < COUNT(get); i++)
		FILTER_IF(f, "getsockopt", ALLOW, FILTER_EQ(1, get[i].level),
		    FILTER_EQ(2, get[i].name));
}

/* Files of the state folder alone, by its descriptor, as state_file.c and
 * common/fileio.c open, replace and examine them. */
static void
file_rules(struct filter *f, const struct confine *c)
{
	const int dir = c->root;

	FILTER_IF(f, "openat", ALLOW, FILTER_EQ(0, dir),
	    FILTER_OPEN(f, 2, FILE_O_READ));
	FILTER_IF(f, "openat", ALLOW, FILTER_EQ(0, dir),
	    FILTER_OPEN(f, 2, FILE_O_NEW), FILTER_EQ(3, 0600));
	FILTER_IF(f, "unlinkat", ALLOW, FILTER_EQ(0, dir), FILTER_EQ(2, 0));
	FILTER_IF(f, "renameat", ALLOW, FILTER_EQ(0, dir), FILTER_EQ(2, dir));
	FILTER_IF(f, "renameat2", ALLOW, FILTER_EQ(0, dir), FILTER_EQ(2, dir),
	    FILTER_EQ(4, 0));
	/* fstat(3) of some releases of libc, and of some machines. */
	FILTER_IF(f, "newfstatat", ALLOW, FILTER_EQ(3, AT_EMPTY_PATH));
	FILTER_IF(f, "fstatat64", ALLOW, FILTER_EQ(3, AT_EMPTY_PATH));
	FILTER_IF(f, "statx", ALLOW,
	    FILTER_MASKED(2, ~AT_NO_AUTOMOUNT, AT_EMPTY_PATH));
	/* Standard output becomes /dev/null once the key is printed. */
	FILTER_IF(f, "dup2", ALLOW, FILTER_EQ(1, STDOUT_FILENO));
	FILTER_IF(
	    f, "dup3", ALLOW, FILTER_EQ(1, STDOUT_FILENO), FILTER_EQ(2, 0));
}

static void
fcntl_rules(struct filter *f, const char *name)
{
	FILTER_IF(f, name, ALLOW, FILTER_EQ(1, F_GETFL));
	/* No O_ASYNC, whose signals are somebody else's. */
	FILTER_IF(f, name, ALLOW, FILTER_EQ(1, F_SETFL),
	    FILTER_MASKED(2, O_ASYNC, 0));
	FILTER_IF(f, name, ALLOW, FILTER_EQ(1, F_GETFD));
	FILTER_IF(
	    f, name, ALLOW, FILTER_EQ(1, F_SETFD), FILTER_EQ(2, FD_CLOEXEC));
}

static void
fd_rules(struct filter *f)
{
	fcntl_rules(f, "fcntl");
	fcntl_rules(f, "fcntl64");
	FILTER_IF(f, "ioctl", ALLOW, FILTER_EQ(1, FIONREAD));
	FILTER_IF(f, "ioctl", ENOTTY, FILTER_EQ(1, TCGETS)); /* isatty(3) */
}

/* Memory without a file behind it, and nothing that can be executed. */
static void
map_rules(struct filter *f)
{
	static const int advice[] = {MADV_DONTNEED, MADV_FREE, MADV_DONTDUMP,
	    MADV_DODUMP, MADV_HUGEPAGE, MADV_NOHUGEPAGE};
	unsigned i;

	filter_map(f, MAP_PRIVATE | MAP_ANONYMOUS);
	FILTER_IF(f, "mprotect", ALLOW, FILTER_MASKED(2, PROT_EXEC, 0));
	for (i = 0; i < COUNT(advice); i++)
		FILTER_IF(f, "madvise", ALLOW, FILTER_EQ(2, advice[i]));
}

/* What a newer libevent waits by, where libseccomp knows it. */
static void
newer_rules(struct filter *f)
{
	static const char *const newer[] = {"epoll_pwait2", NULL};

	if (seccomp_syscall_resolve_name(newer[0]) != __NR_SCMP_ERROR)
		filter_allow(f, newer);
}

struct filter *
confine_filter(uint32_t arch, const void *confine)
{
	const struct confine *c = confine;
	struct filter *f = filter_new(arch);

	if (f == NULL)
		return NULL;
	filter_allow(f, loop);
	filter_allow(f, net);
	filter_allow(f, file);
	filter_allow(f, memory);
	filter_allow(f, facts);
	filter_allow(f, ends);
	filter_refuse(f, refused, EPERM);
	send_rules(f);
	socket_rules(f, c);
	getsockopt_rules(f);
	file_rules(f, c);
	fd_rules(f);
	map_rules(f);
	newer_rules(f);
	/* abort(3), and libsodium's way to say that memory was overrun, so
	 * that they can be told from a violation. */
	FILTER_IF(
	    f, "tgkill", ALLOW, FILTER_EQ(0, c->pid), FILTER_EQ(2, SIGABRT));
	FILTER_IF(
	    f, "tgkill", ALLOW, FILTER_EQ(0, c->pid), FILTER_EQ(2, SIGSEGV));
	return f;
}
