#ifndef BOX_TRY_H
#define BOX_TRY_H

/*
 * What priv_box.c tries inside of wesher-priv's sandbox, one function each,
 * which returns what its last system call returned.
 */
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <linux/securebits.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/caps.h"
#include "../../common/fileio.h"
#include "../../common/hosts.h"
#include "../../common/log.h"
#include "../../common/logsock.h"
#include "../../common/resolv.h"
#include "../../priv/sandbox.h"

/* Made by the ways in. */
static char top[32], etc_path[64];
static struct sandbox box;
static struct hosts *hosts;
static pid_t victim;
static int tcp, other_dir, logger, supervisor;

/* ---- what has to work */

static long
do_write_hosts(void)
{
	static char names[500][16];
	struct hosts_entry e[500];
	size_t i;

	for (i = 0; i < 500; i++) {
		snprintf(names[i], sizeof(names[i]), "host%zu", i);
		e[i] = (struct hosts_entry){.name = names[i],
		    .addr = {4,
			{10, 0, (uint8_t)(i / 250), (uint8_t)(i % 250 + 1)}}};
	}
	errno = EPROTO;
	if (hosts_write(hosts, e, 500) != 1 || hosts_write(hosts, e, 500) != 0)
		return -1;
	return hosts_clear(hosts) == 1 ? 0 : -1;
}

static long
do_resolv(void)
{
	struct ipaddr a[4];
	size_t n = 0;

	resolv_get(a, 4, &n);
	errno = EPROTO;
	return n == 1 ? 0 : -1;
}

/* As libc does it where the kernel has no other fstat(2). */
static long
do_statx(void)
{
	char buf[256];

	return syscall(SYS_statx, box.etc, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT,
	    STATX_BASIC_STATS, buf);
}

static long
do_log(void)
{
	log_init(LOG_D_STDERR, LOG_L_INFO, "inside", -1);
	log_info("a line with the time of day");
	return 0;
}

/* The logger was restarted since syslog_open(): connect(2) once more. */
static long
do_syslog(void)
{
	char buf[256];

	syslog_send(LOG_L_WARN, "inside", "after a restart");
	return recv(logger, buf, sizeof(buf), MSG_DONTWAIT);
}

/* The supervisor's abstract socket is outside of the box, but connected. */
static long
do_notify(void)
{
	char buf[256];

	notify_send("READY=1");
	return recv(supervisor, buf, sizeof(buf), MSG_DONTWAIT);
}

static long
do_memory(void)
{
	char *p = malloc(64 << 20);

	if (p == NULL)
		return -1;
	memset(p, 1, 64 << 20);
	free(p);
	return 0;
}

static long
do_kill_child(void)
{
	return kill(victim, SIGKILL);
}

static long
do_reap_child(void)
{
	int status;

	return kill(victim, SIGKILL) == -1 ||
		       waitpid(victim, &status, 0) != victim
		   ? -1
		   : 0;
}

static long
do_sleep(void)
{
	return poll(NULL, 0, 1) == -1 || usleep(1000) == -1 ? -1 : 0;
}

/* ---- what must fail: processes */

static long
try_fork(void)
{
	return fork();
}

static long
try_vfork(void)
{
	return syscall(SYS_clone, SIGCHLD | CLONE_VM, 0, 0, 0, 0);
}

static long
try_exec(void)
{
	char *argv[] = {NULL, NULL};

	argv[0] = top;
	return execve("/bin/true", argv, argv + 1);
}

static long
try_execveat(void)
{
	char *none[] = {NULL};

	return syscall(SYS_execveat, other_dir, "bin/true", none, none, 0);
}

static long
try_ptrace(void)
{
	return ptrace(PTRACE_ATTACH, victim, 0, 0);
}

static long
try_process_vm(void)
{
	return syscall(SYS_process_vm_readv, victim, NULL, 0, NULL, 0, 0);
}

static long
try_kill_parent(void)
{
	return kill(getpid() == 1 ? 1 : -1, 0);
}

static long
try_kill_init(void)
{
	return kill(1, SIGKILL);
}

static long
try_kill_group(void)
{
	return kill(-victim, SIGKILL);
}

static long
try_kill_child_otherwise(void)
{
	return kill(victim, SIGTERM);
}

static long
try_tgkill(void)
{
	return syscall(SYS_tgkill, victim, victim, SIGKILL);
}

static long
try_pidfd(void)
{
	return syscall(SYS_pidfd_open, victim, 0);
}

static long
try_setuid(void)
{
	return syscall(SYS_setuid, 1000);
}

static long
try_setgroups(void)
{
	return syscall(SYS_setgroups, 0, NULL);
}

static long
try_capset(void)
{
	return caps_set(~0ull);
}

static long
try_prctl(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long
try_setrlimit(void)
{
	const struct rlimit l = {0, 0};

	return setrlimit(RLIMIT_CORE, &l);
}

/* ---- the system */

static long
try_mount(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static long
try_chroot(void)
{
	return chroot("/");
}

static long
try_unshare(void)
{
	return unshare(CLONE_NEWUSER);
}

static long
try_setns(void)
{
	return setns(other_dir, 0);
}

static long
try_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}

static long
try_keyctl(void)
{
	return syscall(SYS_keyctl, 0, 0);
}

static long
try_perf(void)
{
	return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0);
}

static long
try_uring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL);
}

static long
try_module(void)
{
	return syscall(SYS_finit_module, 0, "", 0);
}

static long
try_reboot(void)
{
	return syscall(SYS_reboot, 0, 0, 0, NULL); /* no magic: EINVAL */
}

static long
try_sethostname(void)
{
	return sethostname("x", 0);
}

static long
try_ioctl(void)
{
	return syscall(SYS_ioctl, STDERR_FILENO, 0x5412 /* TIOCSTI */, "x");
}

/* ---- sockets */

static long
try_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static long
try_socket_raw(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static long
try_socketpair(void)
{
	int sv[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
}

static long
connect_tcp(void)
{
	const struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons(9),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return connect(tcp, (const struct sockaddr *)&sin, sizeof(sin));
}

static long
try_bind(void)
{
	const struct sockaddr_in sin = {.sin_family = AF_INET};

	return bind(tcp, (const struct sockaddr *)&sin, sizeof(sin));
}

static long
try_setsockopt(void)
{
	int on = 1;

	return setsockopt(tcp, SOL_SOCKET, SO_MARK, &on, sizeof(on));
}

/* An abstract socket that setup() binds: nobody's of ours. */
static struct sockaddr_un abstract = {.sun_family = AF_UNIX};

static long
connect_abstract(void)
{
	return connect(
	    tcp, (const struct sockaddr *)&abstract, sizeof(abstract));
}

/* ---- files */

static long
try_open_elsewhere(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long
try_open_other_folder(void)
{
	return openat(other_dir, "etc/passwd", FILE_O_READ);
}

static long
try_open_absolute(void)
{
	return openat(box.etc, "/proc/self/mem", FILE_O_READ);
}

static long
try_open_above(void)
{
	return openat(box.etc, "../bound", FILE_O_READ);
}

static long
try_write_above(void)
{
	return openat(box.etc, "../bound", FILE_O_WRITE);
}

static long
try_make_above(void)
{
	return openat(box.etc, "../new", FILE_O_NEW, 0600);
}

static long
try_open_device(void)
{
	return openat(box.etc, "/dev/zero", FILE_O_WRITE);
}

static long
try_open_rdwr(void)
{
	return openat(box.etc, "hosts", O_RDWR | O_CLOEXEC);
}

static long
try_open_truncating(void)
{
	return openat(box.etc, "hosts", FILE_O_WRITE | O_TRUNC);
}

static long
try_open_following(void)
{
	return openat(box.etc, "link", O_WRONLY | O_CLOEXEC);
}

static long
try_make_for_all(void)
{
	return openat(box.etc, "new", FILE_O_NEW, 0666);
}

static long
try_openat2(void)
{
	return syscall(SYS_openat2, box.etc, "hosts", NULL, 0);
}

static long
try_resolv_for_writing(void)
{
	return openat(box.resolv, "resolv.conf", O_WRONLY | O_CLOEXEC);
}

static long
try_mkdir(void)
{
	return mkdirat(box.etc, "d", 0700);
}

static long
try_symlink(void)
{
	return symlinkat("hosts", box.etc, "l");
}

static long
try_link(void)
{
	return linkat(box.etc, "hosts", box.etc, "l", 0);
}

static long
try_mknod(void)
{
	return mknodat(box.etc, "f", S_IFIFO | 0600, 0);
}

static long
try_rmdir(void)
{
	return unlinkat(box.etc, "folder", AT_REMOVEDIR);
}

static long
try_unlink_outside(void)
{
	return unlinkat(box.etc, "../bound", 0);
}

static long
try_unlink_elsewhere(void)
{
	return unlinkat(AT_FDCWD, "/nonexistent", 0);
}

static long
try_rename_out(void)
{
	return renameat(box.etc, "hosts", box.etc, "../hosts");
}

static long
try_rename_in(void)
{
	return renameat(box.etc, "../bound", box.etc, "bound");
}

static long
try_rename_folder(void)
{
	return renameat(box.etc, "folder", box.etc, "other");
}

static long
try_rename_elsewhere(void)
{
	return renameat(other_dir, "x", box.etc, "x");
}

static long
try_setuid_bit(void)
{
	return fchmod(STDERR_FILENO, 04755);
}

static long
try_chmod(void)
{
	return fchmodat(box.etc, "hosts", 0600, 0);
}

static long
try_xattr(void)
{
	return syscall(SYS_setxattr, "/x", "security.capability", "", 0, 0);
}

static long
try_chdir(void)
{
	return chdir("/");
}

static long
try_truncate(void)
{
	return truncate("/nonexistent", 0);
}

/* ---- memory */

static long
as_call(void *p)
{
	return p == MAP_FAILED ? -1 : 0;
}

static long
try_mmap_exec(void)
{
	return as_call(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

#if defined(SYS_mmap2) && defined(SYS_mmap)
/* The older of two, with its arguments in memory. */
static long
try_mmap_old(void)
{
	long args[6] = {
	    0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0};

	return syscall(SYS_mmap, args, 0, 0, MAP_ANONYMOUS | MAP_PRIVATE);
}
#endif

static long
try_mmap_file(void)
{
	return as_call(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, box.etc, 0));
}

static long
try_mprotect_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static long
try_memfd(void)
{
	return memfd_create("x", 0);
}

/* ---- limits */

static long
try_many_descriptors(void)
{
	int i;

	for (i = 0; i < 2000; i++)
		if (openat(box.etc, "hosts", FILE_O_READ) == -1)
			return -1;
	return 0;
}

static long
try_much_memory(void)
{
	return as_call(mmap(NULL, 300u << 20, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static long
try_large_file(void)
{
	int fd = openat(box.etc, "new", FILE_O_NEW, 0600);
	long r = pwrite(fd, "x", 1, 64 << 20);
	int saved = errno;

	(void)unlinkat(box.etc, "new", 0);
	errno = saved;
	return r;
}

/* ---- capabilities alone */

static long
try_securebits(void)
{
	return prctl(PR_SET_SECUREBITS, 0, 0, 0, 0);
}

static long
try_bounding(void)
{
	return prctl(PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0);
}

static long
try_ambient(void)
{
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0);
}

static long
try_keepcaps(void)
{
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

/* A program that root executes gets nothing back: it says so by its status. */
static long
try_exec_for_caps(void)
{
	char *argv[] = {NULL, NULL, NULL, NULL};
	char sh[] = "/bin/sh", c[] = "-c";
	char script[] = "while read -r k v; do case $k in CapPrm:) "
			"[ \"$v\" = 0000000000000000 ] && exit 13;; esac; "
			"done </proc/self/status; exit 0";

	argv[0] = sh;
	argv[1] = c;
	argv[2] = script;
	execve(sh, argv, argv + 3);
	return 0;
}

#endif
