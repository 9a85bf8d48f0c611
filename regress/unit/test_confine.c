/*
 * The gossip process's sandbox from inside: each test is a process that enters
 * it by the very functions that wesher --gossip calls, as an unprivileged user
 * in a folder of its own, and then tries one thing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "../../common/caps.h"
#include "../../common/fileio.h"
#include "../../common/landlock.h"
#include "../../common/log.h"
#include "../../common/runas.h"
#include "../../wesher/confine.h"
#include "../../wesher/seal.h"
#include "../../wesher/state.h"
#include "inside.h"

#define KILLED	  INSIDE_SIGNAL(SIGSYS)
#define ABSTRACT  "wesher-test-confine"
#define TEST_UID  64999
#define TOO_LARGE ((size_t)2 << 30)

static char top[] = "/tmp/wesher-confine.XXXXXX";
static struct conf conf; /* cluster_port is one that somebody listens on */
static struct confine plan; /* what was entered */
static uint16_t other_port; /* listened on, too */
static int abi, folder, abstract_fd, null;
static int udp; /* bound: enter() cannot */
static pid_t sibling;

/* ---- ways in */

static int
become(void)
{
	const struct runas as = {TEST_UID, TEST_UID};
	uint64_t caps = CAP_BIT(CAP_SYS_CHROOT);

	/* cmocka has a handler of its own. */
	(void)signal(SIGSEGV, SIG_DFL);
	/* As wesher --gossip has it, to nowhere. */
	log_init(LOG_D_PIPE, LOG_L_ERROR, "test", null);
	confine_warm_up();
	if (chdir(top) == -1 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == -1 ||
	    runas_ids(&as) == -1 || caps_set(caps) == -1)
		return -1;
	confine_plan(&plan, &conf);
	return 0;
}

static int
enter(void)
{
	if (become() == -1)
		return -1;
	confine_enter(&plan);
	return 0;
}

static int
enter_to_bind(void)
{
	conf.bind_addr = (struct ipaddr){.len = 4, .b = {127, 0, 0, 1}};
	return enter();
}

static int
enter_to_device(void)
{
	strcpy(conf.bind_iface, "lo");
	return enter();
}

static int
enter_without_landlock(void)
{
	if (become() == -1)
		return -1;
	plan.abi = 0;
	confine_enter(&plan);
	return 0;
}

/* One layer alone, to see that it holds without the others. */
static int
enter_landlock(void)
{
	if (become() == -1 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	plan.root = open(".", O_RDONLY | O_DIRECTORY);
	return confine_landlock(&plan);
}

static int
enter_limits(void)
{
	return become() == -1 || caps_set(0) == -1 ? -1 : confine_limits();
}

/* ---- programs and processes */

static char prog[] = "/bin/true";
static char *const argv[] = {prog, NULL};

static long
try_execve(void)
{
	return execve(prog, argv, NULL);
}

static long
try_execveat(void)
{
	return syscall(SYS_execveat, AT_FDCWD, prog, argv, NULL, 0);
}

static long
try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static long
try_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0);
}

static long
try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long
try_vm_readv(void)
{
	char byte;
	struct iovec v = {&byte, 1};

	return process_vm_readv(getpid(), &v, 1, &v, 1, 0);
}

static long
try_kill(void)
{
	return kill(getpid(), 0);
}

static long
try_kill_sibling(void)
{
	return kill(sibling, 0);
}

static long
try_tgkill_other(void)
{
	return syscall(SYS_tgkill, sibling, sibling, SIGABRT);
}

static long
try_tgkill_self(void)
{
	return syscall(SYS_tgkill, getpid(), getpid(), SIGTERM);
}

static long
try_unshare(void)
{
	return unshare(CLONE_NEWUSER);
}

static long
try_setuid(void)
{
	return setresuid(0, 0, 0);
}

static long
try_chroot(void)
{
	return chroot(".");
}

static long
try_mount(void)
{
	return mount("none", "/", "tmpfs", 0, NULL);
}

static long
try_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long
try_filter(void)
{
	return syscall(SYS_seccomp, 0, 0, NULL);
}

static long
try_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}

static long
try_io_uring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL);
}

static long
try_keyctl(void)
{
	return syscall(SYS_keyctl, 0, 0, 0, 0, 0);
}

static long
try_unlimit(void)
{
	const struct rlimit r = {1, 1};

	return setrlimit(RLIMIT_NPROC, &r);
}

static long
try_unknown(void)
{
	return syscall(1000);
}

/* ---- files */

static long
try_open(void)
{
	return open("there", O_RDONLY);
}

static long
try_openat_cwd(void)
{
	return openat(AT_FDCWD, "there", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

static long
try_openat_root(void)
{
	return openat(plan.root, "there", FILE_O_READ);
}

/* Whatever folder the descriptor is of. */
static long
try_openat_other(void)
{
	return openat(folder, "there", FILE_O_READ);
}

static long
try_openat_rdwr(void)
{
	return openat(plan.root, "there", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
}

static long
try_openat_follow(void)
{
	return openat(plan.root, "there", FILE_O_READ & ~O_NOFOLLOW);
}

/* fstat(3) where the kernel has no other call for it. */
static long
try_statx(void)
{
	char buf[256];

	return syscall(SYS_statx, plan.root, "",
	    AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, buf);
}

static long
try_openat_above(void)
{
	return openat(plan.root, "../../../../etc/passwd", FILE_O_READ);
}

static long
try_proc(void)
{
	return openat(plan.root, "/proc/self/status", FILE_O_READ);
}

static long
try_open_outside(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long
try_symlink(void)
{
	return symlinkat("/etc/shadow", plan.root, "state.json");
}

static long
try_mkfifo(void)
{
	return mkfifoat(plan.root, "fifo", 0600);
}

static long
try_mkdir(void)
{
	return mkdirat(plan.root, "folder", 0700);
}

static long
try_memfd(void)
{
	return memfd_create("x", 0);
}

static long
try_dup(void)
{
	return dup(STDIN_FILENO);
}

static long
try_setown(void)
{
	return fcntl(STDIN_FILENO, F_SETOWN, getpid());
}

static long
try_terminal_input(void)
{
	return ioctl(STDIN_FILENO, TIOCSTI, "x");
}

/* ---- sockets */

static long
try_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long
try_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static long
try_packet(void)
{
	return socket(AF_PACKET, SOCK_DGRAM, 0);
}

static long
try_vsock(void)
{
	return socket(AF_VSOCK, SOCK_STREAM, 0);
}

static long
try_raw(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static long
try_ping(void)
{
	return socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
}

static int
stream(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long
try_inet(void)
{
	return stream() == -1 || socket(AF_INET, SOCK_DGRAM, 0) == -1 ? -1 : 0;
}

static long
try_inet6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	/* A kernel may have been told to do without. */
	return fd == -1 && errno != EAFNOSUPPORT ? -1 : 0;
}

static long
try_setsockopt(void)
{
	int on = 1;

	return setsockopt(stream(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

static long
try_setsockopt_ip(void)
{
	int on = 1;

	/* SO_BINDTODEVICE's number at another level. */
	return setsockopt(
	    stream(), IPPROTO_IP, SO_BINDTODEVICE, &on, sizeof(on));
}

static long
try_device(void)
{
	return setsockopt(stream(), SOL_SOCKET, SO_BINDTODEVICE, "lo", 2);
}

static long
try_getsockopt(void)
{
	int v;
	socklen_t len = sizeof(v);

	return getsockopt(stream(), SOL_SOCKET, SO_ERROR, &v, &len);
}

static long
try_peercred(void)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(stream(), SOL_SOCKET, SO_PEERCRED, &cred, &len);
}

static long
try_getsockopt_other(void)
{
	int v;
	socklen_t len = sizeof(v);

	return getsockopt(stream(), SOL_SOCKET, SO_RCVBUF, &v, &len);
}

static long
try_shutdown(void)
{
	return shutdown(stream(), SHUT_RDWR);
}

static long
try_listen(void)
{
	return listen(stream(), 1);
}

static struct sockaddr_in
loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(port)};
}

static long
try_bind(void)
{
	struct sockaddr_in a = loopback(0);

	return bind(stream(), (struct sockaddr *)&a, sizeof(a));
}

static long
try_bind_port(void)
{
	struct sockaddr_in a = loopback(20000);

	return bind(stream(), (struct sockaddr *)&a, sizeof(a));
}

static long
try_connect(void)
{
	struct sockaddr_in a = loopback(conf.cluster_port);

	return connect(stream(), (struct sockaddr *)&a, sizeof(a));
}

static long
try_connect_other(void)
{
	struct sockaddr_in a = loopback(other_port);

	return connect(stream(), (struct sockaddr *)&a, sizeof(a));
}

static long
try_fastopen(void)
{
	struct sockaddr_in a = loopback(other_port);

	return sendto(
	    stream(), "x", 1, MSG_FASTOPEN, (struct sockaddr *)&a, sizeof(a));
}

/* The same in a row of several. */
static long
try_fastopen_many(void)
{
	struct sockaddr_in a = loopback(other_port);
	struct iovec iov = {&a, 1};
	struct mmsghdr m = {.msg_hdr = {.msg_name = &a,
				.msg_namelen = sizeof(a),
				.msg_iov = &iov,
				.msg_iovlen = 1}};

	return sendmmsg(stream(), &m, 1, MSG_FASTOPEN);
}

/* Packets as net.c sends and receives them. */
static long
try_packets(void)
{
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);
	struct iovec iov = {&a, 1};
	struct mmsghdr m = {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};

	if (getsockname(udp, (struct sockaddr *)&a, &len) == -1)
		return -1;
	m.msg_hdr.msg_name = &a;
	m.msg_hdr.msg_namelen = len;
	if (sendmmsg(udp, &m, 1, MSG_DONTWAIT) != 1)
		return -1;
	m.msg_hdr.msg_name = NULL;
	m.msg_hdr.msg_namelen = 0;
	return recvmmsg(udp, &m, 1, MSG_DONTWAIT, NULL);
}

static struct sockaddr_un
abstract_name(socklen_t *len)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	memcpy(a.sun_path + 1, ABSTRACT, sizeof(ABSTRACT));
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   sizeof(ABSTRACT));
	return a;
}

static long
try_abstract(void)
{
	socklen_t len;
	struct sockaddr_un a = abstract_name(&len);

	return connect(
	    socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&a, len);
}

/* ---- memory */

static long
map(int prot, int flags, int fd)
{
	return mmap(NULL, 4096, prot, flags, fd, 0) == MAP_FAILED ? -1 : 0;
}

static long
try_map(void)
{
	return map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static long
try_map_exec(void)
{
	return map(PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static long
try_map_file(void)
{
	return map(PROT_READ, MAP_PRIVATE, folder);
}

static long
try_protect_exec(void)
{
	static char page[2 * 4096];
	char *p = page + 4096 - (uintptr_t)page % 4096;

	return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

/* ---- limits */

static long
try_core(void)
{
	struct rlimit r;

	return getrlimit(RLIMIT_CORE, &r) == 0 && r.rlim_max == 0 ? 0 : -1;
}

static long
try_many_files(void)
{
	int i;

	for (i = 0; i <= CONFINE_FILES; i++)
		if (dup(STDIN_FILENO) == -1)
			return -1;
	return 0;
}

static long
try_large_file(void)
{
	int fd = open("large", O_RDWR | O_CREAT, 0600);

	return pwrite(fd, "x", 1, CONFINE_FILE_SIZE);
}

static long
try_largest_file(void)
{
	int fd = open("large", O_RDWR | O_CREAT, 0600);

	return pwrite(fd, "x", 1, CONFINE_FILE_SIZE - 1);
}

static long
try_much_memory(void)
{
	return mmap(NULL, TOO_LARGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0) == MAP_FAILED
		   ? -1
		   : 0;
}

/* ---- what must work, and how it may end */

static long
try_state(void)
{
	struct state s = {.has_key = true, .incarnation = 7}, t;
	char why[STATE_WHY];

	if (state_save(plan.root, "state.json", &s) == -1)
		return -1;
	errno = EIO;
	return state_load(plan.root, "state.json", &t, why, sizeof(why)) ==
			   STATE_OK &&
		       t.incarnation == 7
		   ? 0
		   : -1;
}

/* Folders that bear the names of the state and of what becomes it. */
static long
try_state_folder(void)
{
	struct state s = {.has_key = true};

	return state_save(plan.root, "folder.json", &s);
}

/* Something that is no state is put aside. */
static long
try_bad_state(void)
{
	struct state t;
	char why[STATE_WHY];

	errno = EIO;
	return state_load(plan.root, "bad.json", &t, why, sizeof(why)) ==
			   STATE_BAD &&
		       strstr(why, "aside") == NULL
		   ? 0
		   : -1;
}

static int
by_value(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(int));
}

static long
try_libraries(void)
{
	const uint8_t key[1][CLUSTER_KEY_LEN] = {{0}};
	struct seal *s = seal_new(key, 1);
	size_t n = 1 << 20;
	int *p = calloc(n, sizeof(*p));

	if (s == NULL || p == NULL)
		return -1;
	p[0] = 1;
	qsort(p, n, sizeof(*p), by_value);
	if ((p = realloc(p, 4 * n * sizeof(*p))) == NULL)
		return -1;
	free(p);
	seal_free(s);
	return clock_gettime(CLOCK_MONOTONIC, &(struct timespec){0}) == -1 ||
		       syscall(SYS_clock_gettime, CLOCK_MONOTONIC,
			   &(struct timespec){0}) == -1
		   ? -1
		   : 0;
}

/* No memory may be locked: keys are kept all the same. */
static int
enter_without_mlock(void)
{
	const struct rlimit none = {0, 0};

	return setrlimit(RLIMIT_MEMLOCK, &none) == -1 ? -1 : enter();
}

static long
try_abort(void)
{
	abort();
}

static long
try_overrun(void)
{
	volatile char *p = sodium_malloc(24);

	if (p != NULL)
		p[-1] ^= 1;
	sodium_free((void *)(uintptr_t)p);
	return 0;
}

static long
try_fatal(void)
{
	fatalx("an end that was foreseen");
}

static long
try_layers(void)
{
	const struct layers *l = confine_layers();

	errno = EIO;
	return l->uid == TEST_UID && l->rooted && l->no_caps &&
		       l->no_new_privs && l->limited && l->filtered &&
		       l->landlock == abi
		   ? 0
		   : -1;
}

static long
try_connects(void)
{
	errno = EIO;
	return confine_connects(conf.cluster_port) && confine_connects(7950) &&
		       confine_connects(other_port) == (abi < 4)
		   ? 0
		   : -1;
}

static long
try_without_landlock(void)
{
	errno = EIO;
	return confine_layers()->landlock == 0 && confine_connects(other_port)
		   ? try_connect_other()
		   : -1;
}

struct attempt {
	const char *name;
	int (*enter)(void);
	long (*attempt)(void);
	int want;
	int since; /* the ABI of Landlock that refuses it, 0: not Landlock */
};

static const struct attempt attempts[] = {
    {"execve", enter, try_execve, KILLED, 0},
    {"execveat", enter, try_execveat, KILLED, 0},
    {"fork", enter, try_fork, KILLED, 0},
    {"clone3", enter, try_clone3, KILLED, 0},
    {"ptrace", enter, try_ptrace, KILLED, 0},
    {"process_vm_readv", enter, try_vm_readv, KILLED, 0},
    {"kill", enter, try_kill, KILLED, 0},
    {"a signal to another", enter, try_tgkill_other, KILLED, 0},
    {"another signal to itself", enter, try_tgkill_self, KILLED, 0},
    {"unshare", enter, try_unshare, KILLED, 0},
    {"setresuid", enter, try_setuid, KILLED, 0},
    {"chroot", enter, try_chroot, KILLED, 0},
    {"mount", enter, try_mount, KILLED, 0},
    {"dumpable again", enter, try_dumpable, EPERM, 0},
    {"another filter", enter, try_filter, KILLED, 0},
    {"bpf", enter, try_bpf, KILLED, 0},
    {"io_uring", enter, try_io_uring, KILLED, 0},
    {"keyctl", enter, try_keyctl, KILLED, 0},
    {"higher limits", enter, try_unlimit, KILLED, 0},
    {"a call newer than the library", enter, try_unknown, ENOSYS, 0},

    {"a file of the state folder", enter, try_openat_root, INSIDE_OK, 0},
    {"open", enter, try_open, KILLED, 0},
    {"openat in the working directory", enter, try_openat_cwd, KILLED, 0},
    {"fstat by statx", enter, try_statx, INSIDE_OK, 0},
    {"openat elsewhere", enter, try_openat_other, KILLED, 0},
    {"openat for reading and writing", enter, try_openat_rdwr, KILLED, 0},
    {"openat that follows links", enter, try_openat_follow, KILLED, 0},
    {"a file above the root", enter, try_openat_above, ENOENT, 0},
    {"/proc", enter, try_proc, ENOENT, 0},
    {"a symbolic link", enter, try_symlink, KILLED, 0},
    {"a fifo", enter, try_mkfifo, KILLED, 0},
    {"a folder", enter, try_mkdir, KILLED, 0},
    {"memfd_create", enter, try_memfd, KILLED, 0},
    {"dup", enter, try_dup, KILLED, 0},
    {"a descriptor that signals", enter, try_setown, KILLED, 0},
    {"input for a terminal", enter, try_terminal_input, KILLED, 0},

    {"IPv4 sockets", enter, try_inet, INSIDE_OK, 0},
    {"IPv6 sockets", enter, try_inet6, INSIDE_OK, 0},
    {"a unix socket", enter, try_unix, KILLED, 0},
#ifdef SYS_socketcall
    {"a socket, its family hidden", enter, try_socketcall, KILLED, 0},
#endif
    {"a netlink socket", enter, try_netlink, KILLED, 0},
    {"a packet socket", enter, try_packet, KILLED, 0},
    {"a vsock socket", enter, try_vsock, KILLED, 0},
    {"a raw socket", enter, try_raw, KILLED, 0},
    {"an ICMP socket", enter, try_ping, KILLED, 0},
    {"setsockopt", enter, try_setsockopt, EPERM, 0},
    {"SO_BINDTODEVICE unasked", enter, try_device, EPERM, 0},
    {"SO_BINDTODEVICE for --bind-iface", enter_to_device, try_device, INSIDE_OK,
	0},
    {"setsockopt with --bind-iface", enter_to_device, try_setsockopt, EPERM, 0},
    {"setsockopt of another level", enter_to_device, try_setsockopt_ip, EPERM,
	0},
    {"SO_ERROR", enter, try_getsockopt, INSIDE_OK, 0},
    {"SO_PEERCRED", enter, try_peercred, INSIDE_OK, 0},
    {"getsockopt", enter, try_getsockopt_other, KILLED, 0},
    {"shutdown", enter, try_shutdown, EPERM, 0},
    {"listen", enter, try_listen, EPERM, 0},
    {"bind", enter, try_bind, EPERM, 0},
    {"bind for --bind-addr", enter_to_bind, try_bind, INSIDE_OK, 0},
    {"listen with --bind-addr", enter_to_bind, try_listen, EPERM, 0},
    {"bind to a port of its choice", enter_to_bind, try_bind_port, EACCES, 4},
    {"TCP to the cluster port", enter, try_connect, INSIDE_OK, 0},
    {"TCP to another port", enter, try_connect_other, EACCES, 4},
    {"TCP to another port by fast open", enter, try_fastopen, KILLED, 0},
    {"the same, several at once", enter, try_fastopen_many, KILLED, 0},
    {"packets", enter, try_packets, INSIDE_OK, 0},

    {"memory", enter, try_map, INSIDE_OK, 0},
    {"executable memory", enter, try_map_exec, KILLED, 0},
    {"memory that becomes executable", enter, try_protect_exec, KILLED, 0},
    {"a mapped file", enter, try_map_file, KILLED, 0},

    {"Landlock alone: files outside", enter_landlock, try_open_outside, EACCES,
	1},
    {"Landlock alone: a fifo", enter_landlock, try_mkfifo, EACCES, 1},
    {"Landlock alone: a symbolic link", enter_landlock, try_symlink, EACCES, 1},
    {"Landlock alone: bind", enter_landlock, try_bind, EACCES, 4},
    {"Landlock alone: signals", enter_landlock, try_kill_sibling, EPERM, 6},
    {"Landlock alone: abstract sockets", enter_landlock, try_abstract, EPERM,
	6},

    {"limits alone: processes", enter_limits, try_fork, EAGAIN, 0},
    {"limits alone: no core", enter_limits, try_core, INSIDE_OK, 0},
    {"limits alone: descriptors", enter_limits, try_many_files, EMFILE, 0},
    {"limits alone: the largest file", enter_limits, try_largest_file,
	INSIDE_OK, 0},
    {"limits alone: a larger file", enter_limits, try_large_file, EFBIG, 0},
    {"limits alone: memory", enter_limits, try_much_memory, ENOMEM, 0},

    {"the state is saved and loaded", enter, try_state, INSIDE_OK, 0},
    {"folders in its way are renamed", enter, try_state_folder, INSIDE_OK, 0},
    {"a bad state is put aside", enter, try_bad_state, INSIDE_OK, 0},
    {"the libraries work", enter, try_libraries, INSIDE_OK, 0},
    {"they do where nothing can be locked", enter_without_mlock, try_libraries,
	INSIDE_OK, 0},
    {"abort ends with its signal", enter, try_abort, INSIDE_SIGNAL(SIGABRT), 0},
    {"overrun memory is told", enter, try_overrun, INSIDE_SIGNAL(SIGSEGV), 0},
    {"a fatal error ends with 1", enter, try_fatal, 1, 0},
    {"what is in force is told", enter, try_layers, INSIDE_OK, 0},
    {"which ports TCP may go to", enter, try_connects, INSIDE_OK, 0},
    {"without Landlock the rest holds", enter_without_landlock,
	try_without_landlock, INSIDE_OK, 0},
    {"without Landlock: execve", enter_without_landlock, try_execve, KILLED, 0},
};
#define ATTEMPTS (sizeof(attempts) / sizeof(attempts[0]))

static void
test_attempt(void **state)
{
	const struct attempt *a = *state;

	/* This kernel's Landlock does not know of it. */
	if (a->since > abi)
		skip();
	assert_int_equal(inside(a->enter, a->attempt), a->want);
}

static unsigned lines;

static void
on_line(enum log_level level, const char *tag, const char *line)
{
	(void)level;
	(void)tag;
	lines += strstr(line, "no Landlock") != NULL;
}

/* It is told, once, and is no failure. */
static void
test_no_landlock_is_told(void **state)
{
	struct confine c = {.abi = 0};

	(void)state;
	log_init(LOG_D_SINK, LOG_L_WARN, "test", -1);
	log_sink(on_line);
	assert_int_equal(confine_landlock(&c), 0);
	assert_int_equal(lines, 1);
	log_init(LOG_D_PLAIN, LOG_L_ERROR, "test", -1);
}

/* The cluster port, and each port of --join once. */
static void
test_plan(void **state)
{
	struct conf cf = {.cluster_port = 7946, .njoin = 5};
	struct confine c;

	(void)state;
	strcpy(cf.join[0], "host1");
	strcpy(cf.join[1], "host2:7950");
	strcpy(cf.join[2], "[2001:db8::1]:7950");
	strcpy(cf.join[3], "2001:db8::1");
	strcpy(cf.join[4], "host3:7951");
	confine_plan(&c, &cf);
	assert_int_equal(c.nports, 3);
	assert_int_equal(c.ports[0], 7946);
	assert_int_equal(c.ports[1], 7950);
	assert_int_equal(c.ports[2], 7951);
	assert_false(c.binds);
	assert_false(c.to_device);
	assert_int_equal(c.pid, getpid());
	cf.bind_addr.len = 4; /* 0.0.0.0 */
	confine_plan(&c, &cf);
	assert_false(c.binds);
	cf.bind_addr.b[3] = 1;
	strcpy(cf.bind_iface, "eth0");
	confine_plan(&c, &cf);
	assert_true(c.binds);
	assert_true(c.to_device);
}

/* ---- around */

static uint16_t
listener(void)
{
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);
	int fd = stream();

	if (bind(fd, (struct sockaddr *)&a, len) == -1 ||
	    listen(fd, 128) == -1 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) == -1)
		return 0;
	return ntohs(a.sin_port);
}

static int
write_file(const char *name, const char *text)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT, 0600);
	int r = write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
			fchown(fd, TEST_UID, TEST_UID) == 0
		    ? 0
		    : -1;

	close(fd);
	return r;
}

static int
set_up(void **state)
{
	socklen_t len;
	struct sockaddr_un a = abstract_name(&len);
	struct sockaddr_in in = loopback(0);

	(void)state;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	abi = landlock_abi();
	conf.cluster_port = listener();
	other_port = listener();
	strcpy(conf.join[0], "host1:7950");
	conf.njoin = 1;
	abstract_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(abstract_fd, (struct sockaddr *)&a, len) == -1 ||
	    listen(abstract_fd, 16) == -1)
		return -1;
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(udp, (struct sockaddr *)&in, sizeof(in)) == -1)
		return -1;
	if (conf.cluster_port == 0 || other_port == 0 || mkdtemp(top) == NULL ||
	    chown(top, TEST_UID, TEST_UID) == -1)
		return -1;
	folder = open(top, O_RDONLY | O_DIRECTORY);
	if (write_file("there", "x") == -1 || write_file("bad.json", "x") == -1)
		return -1;
	if (mkdirat(folder, "folder.json", 0700) == -1 ||
	    mkdirat(folder, "folder.json.tmp", 0700) == -1)
		return -1;
	if ((sibling = fork()) == 0) {
		if (setresuid(TEST_UID, TEST_UID, TEST_UID) == 0 &&
		    prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
			pause();
		_exit(0);
	}
	return sibling == -1 ? -1 : 0;
}

static int
tear_down(void **state)
{
	char cmd[64];

	(void)state;
	(void)kill(sibling, SIGKILL);
	(void)waitpid(sibling, NULL, 0);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

/* Where it cannot run: in CI that is a failure, elsewhere a reason to skip. */
static int
unable(const char *why, bool wanted)
{
	const char *ci = getenv("CI");

	if (wanted && ci != NULL && strcmp(ci, "true") == 0) {
		printf("1..1\nnot ok 1 - %s\n", why);
		return 1;
	}
	printf("1..0 # SKIP %s\n", why);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest others[] = {
	    cmocka_unit_test(test_plan),
	    cmocka_unit_test(test_no_landlock_is_told),
	};
	struct CMUnitTest tests[ATTEMPTS + 2];
	const char *why;
	size_t i;

#ifdef SANDBOX_NO
	return unable("built with SANDBOX=no", false);
#endif
	if (geteuid() != 0)
		return unable("a sandbox that begins as root", true);
	if (seal_init(false, &why) == -1)
		return unable(why, true);
	for (i = 0; i < ATTEMPTS; i++)
		tests[i] = (struct CMUnitTest){.name = attempts[i].name,
		    .test_func = test_attempt,
		    .initial_state = (void *)(uintptr_t)&attempts[i]};
	memcpy(tests + ATTEMPTS, others, sizeof(others));
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
