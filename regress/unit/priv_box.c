/*
 * What wesher-priv gives up: each forbidden thing is tried from inside of the
 * very sandbox that it enters, in a process of its own, one test for each.
 * What it needs is tried as well, or a sandbox that nobody could live in would
 * pass. As root; descriptors are stubs, "/etc" is a folder of the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "../../common/landlock.h"
#include "../../common/privmsg.h"
#include "box_try.h"
#include "inside.h"

static int abi;
static bool *entered; /* shared with the process inside */

/* ---- the ways in */

static int
prepare(void)
{
	const pid_t self = getpid();
	char lock[80];
	int lockfd;

	box = (struct sandbox){.syslog = -1, .uapi = -1};
	if ((victim = fork()) == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == self)
			pause();
		_exit(0);
	}
	box.child = victim;
	box.etc = open(etc_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	other_dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(lock, sizeof(lock), "%s/lock", top);
	lockfd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	hosts = hosts_open(box.etc, "wgt", lockfd);
	(void)resolv_open(etc_path);
	resolv_dirs(&box.resolv, &box.resolv_to);
	return victim == -1 || box.etc == -1 || tcp == -1 || hosts == NULL;
}

static int
enter(void)
{
	if (prepare() != 0)
		return -1;
	sandbox_enter(&box);
	*entered = true;
	return 0;
}

/* The filter lets one socket be connected: here it is this one. */
static int
enter_connecting(void)
{
	if (prepare() != 0)
		return -1;
	box.syslog = tcp;
	sandbox_enter(&box);
	*entered = true;
	return 0;
}

static int
enter_connecting_unix(void)
{
	if (prepare() != 0)
		return -1;
	box.syslog = tcp = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sandbox_enter(&box);
	*entered = true;
	return 0;
}

/* The hosts file cannot be renamed over, as in a container. */
static int
enter_mounted(void)
{
	char from[96], to[96];

	snprintf(from, sizeof(from), "%s/bound", top);
	snprintf(to, sizeof(to), "%s/hosts", etc_path);
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount(from, to, NULL, MS_BIND, NULL) == -1)
		return -1;
	return enter();
}

/* A logger that has come back under its name meanwhile. */
static int
enter_restarted_logger(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int former = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	logger = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/log", top);
	if (bind(former, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    syslog_open(sun.sun_path) == -1 || close(former) == -1 ||
	    unlink(sun.sun_path) == -1 ||
	    bind(logger, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    prepare() != 0)
		return -1;
	box.syslog = syslog_fd();
	sandbox_enter(&box);
	*entered = true;
	return 0;
}

static char supervisor_name[64];

static int
enter_supervised(void)
{
	notify_open(supervisor_name);
	return enter();
}

/* The limit on files is for those who log elsewhere. */
static int
enter_silent(void)
{
	int fd = open("/dev/null", O_WRONLY);

	return fd == -1 || dup2(fd, STDERR_FILENO) == -1 ? -1 : enter();
}

/* Capabilities alone: what would be left of root without the filter. */
static int
enter_caps(void)
{
	const uint64_t keep = CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_KILL);

	if (caps_bound(keep) != 0 || caps_lock() != 0 || caps_set(keep) != 0)
		return -1;
	*entered = true;
	return 0;
}

/* ---- the table: one test each */

enum layer { NEEDED, FILTER, LANDLOCK, LIMIT, CAPS };

struct row {
	const char *name;
	enum layer layer;
	int (*way)(void);
	long (*attempt)(void);
	int want; /* as inside() has it */
	int abi; /* Landlock's, from which on it is refused */
};

#define KILLED INSIDE_SIGNAL(SIGSYS)
#define KILLS(text, f)                            \
	{                                         \
		text, FILTER, enter, f, KILLED, 0 \
	}
#define BOXED(text, f, e)                      \
	{                                      \
		text, LANDLOCK, enter, f, e, 1 \
	}

static struct row rows[] = {
    {"works: hosts lines, by rename", NEEDED, enter, do_write_hosts, 0, 0},
    {"works: hosts lines, in place", NEEDED, enter_mounted, do_write_hosts, 0,
	0},
    {"works: resolv.conf by its link", NEEDED, enter, do_resolv, 0, 0},
    {"works: fstat(3) by statx(2)", NEEDED, enter, do_statx, 0, 0},
    {"works: a line in the log", NEEDED, enter_silent, do_log, 0, 0},
    {"works: syslog, restarted", NEEDED, enter_restarted_logger, do_syslog, 0,
	0},
    {"works: a supervisor's abstract socket", NEEDED, enter_supervised,
	do_notify, 0, 0},
    {"works: memory for 16,384 peers", NEEDED, enter, do_memory, 0, 0},
    {"works: the child is killed", NEEDED, enter, do_kill_child, 0, 0},
    {"works: the child is reaped", NEEDED, enter, do_reap_child, 0, 0},
    {"works: waiting", NEEDED, enter, do_sleep, 0, 0},

    KILLS("fork", try_fork),
    KILLS("clone", try_vfork),
    KILLS("execve", try_exec),
    KILLS("execveat", try_execveat),
    KILLS("ptrace", try_ptrace),
    KILLS("process_vm_readv", try_process_vm),
    KILLS("kill of everybody", try_kill_parent),
    KILLS("kill of another process", try_kill_init),
    KILLS("kill of a group", try_kill_group),
    KILLS("kill of the child with another signal", try_kill_child_otherwise),
    KILLS("tgkill", try_tgkill),
    KILLS("pidfd_open", try_pidfd),
    KILLS("setuid", try_setuid),
    KILLS("setgroups", try_setgroups),
    KILLS("capset", try_capset),
    KILLS("prctl", try_prctl),
    KILLS("setrlimit", try_setrlimit),

    KILLS("mount", try_mount),
    KILLS("chroot", try_chroot),
    KILLS("unshare", try_unshare),
    KILLS("setns", try_setns),
    KILLS("bpf", try_bpf),
    KILLS("keyctl", try_keyctl),
    KILLS("perf_event_open", try_perf),
    KILLS("io_uring_setup", try_uring),
    KILLS("finit_module", try_module),
    KILLS("reboot", try_reboot),
    KILLS("sethostname", try_sethostname),
    KILLS("ioctl", try_ioctl),

    KILLS("socket", try_socket),
    KILLS("socket of packets", try_socket_raw),
    KILLS("socketpair", try_socketpair),
#ifdef SYS_socketcall
    KILLS("socketcall", try_socketcall),
#endif
    KILLS("connect of another socket than syslog's", connect_tcp),
    KILLS("bind", try_bind),
    KILLS("setsockopt", try_setsockopt),
    {"TCP connect", LANDLOCK, enter_connecting, connect_tcp, EACCES, 4},
    {"connect to an abstract socket", LANDLOCK, enter_connecting_unix,
	connect_abstract, EPERM, 6},

    KILLS("open of a path", try_open_elsewhere),
    KILLS("openat another folder", try_open_other_folder),
    KILLS("openat for reading and writing", try_open_rdwr),
    KILLS("openat with truncation", try_open_truncating),
    KILLS("openat through a link for writing", try_open_following),
    KILLS("openat of a new file that others can read", try_make_for_all),
    KILLS("openat2", try_openat2),
    KILLS("openat resolv.conf for writing", try_resolv_for_writing),
    KILLS("mkdir in /etc", try_mkdir),
    KILLS("symlink in /etc", try_symlink),
    KILLS("link in /etc", try_link),
    KILLS("mknod in /etc", try_mknod),
    KILLS("rmdir in /etc", try_rmdir),
    KILLS("unlink elsewhere", try_unlink_elsewhere),
    KILLS("rename from elsewhere", try_rename_elsewhere),
    KILLS("a set-user-ID bit", try_setuid_bit),
    KILLS("chmod by a path", try_chmod),
    KILLS("setxattr", try_xattr),
    KILLS("chdir", try_chdir),
    KILLS("truncate by a path", try_truncate),
    BOXED("openat with an absolute path", try_open_absolute, EACCES),
    BOXED("openat of a device", try_open_device, EACCES),
    BOXED("openat above /etc", try_open_above, EACCES),
    BOXED("openat above /etc for writing", try_write_above, EACCES),
    BOXED("openat of a new file above /etc", try_make_above, EACCES),
    BOXED("unlink above /etc", try_unlink_outside, EACCES),
    BOXED("rename out of /etc", try_rename_out, EACCES),
    BOXED("rename into /etc", try_rename_in, EACCES),
    BOXED("rename of a folder in /etc", try_rename_folder, EACCES),

    KILLS("mmap with PROT_EXEC", try_mmap_exec),
    KILLS("mmap of a file", try_mmap_file),
#if defined(SYS_mmap2) && defined(SYS_mmap)
    KILLS("mmap of old", try_mmap_old),
#endif
    KILLS("mprotect with PROT_EXEC", try_mprotect_exec),
    KILLS("memfd_create", try_memfd),

    {"RLIMIT_NOFILE", LIMIT, enter, try_many_descriptors, EMFILE, 0},
    {"RLIMIT_AS", FILTER, enter, try_much_memory, ENOMEM, 0},
    {"RLIMIT_FSIZE", LIMIT, enter_silent, try_large_file, EFBIG, 0},

    {"capset, without a filter", CAPS, enter_caps, try_capset, EPERM, 0},
    {"securebits, without a filter", CAPS, enter_caps, try_securebits, EPERM,
	0},
    {"bounding set, without a filter", CAPS, enter_caps, try_bounding, EPERM,
	0},
    {"ambient set, without a filter", CAPS, enter_caps, try_ambient, EPERM, 0},
    {"KEEPCAPS, without a filter", CAPS, enter_caps, try_keepcaps, EPERM, 0},
    {"exec gives root nothing, without a filter", CAPS, enter_caps,
	try_exec_for_caps, EACCES, 0},
    {"mount, without a filter", CAPS, enter_caps, try_mount, EPERM, 0},
    {"chroot, without a filter", CAPS, enter_caps, try_chroot, EPERM, 0},
    {"setuid, without a filter", CAPS, enter_caps, try_setuid, EPERM, 0},
};
#define NROWS (sizeof(rows) / sizeof(rows[0]))

/* Root is needed: a reason to skip, and in CI a failure. */
static void
need_root(void)
{
	const char *ci = getenv("CI");

	if (geteuid() == 0)
		return;
	assert_false(ci != NULL && strcmp(ci, "true") == 0);
	print_message("# root is needed\n");
	skip();
}

static void
need_filter(void)
{
#ifdef SANDBOX_NO
	print_message("# built with SANDBOX=no\n");
	skip();
#endif
}

static void
test_row(void **state)
{
	const struct row *r = *state;

	need_root();
	if (r->layer == FILTER || r->layer == LANDLOCK)
		need_filter();
	if (r->layer == LANDLOCK && abi < r->abi) {
		print_message(
		    "# Landlock's ABI here is %d, not %d\n", abi, r->abi);
		skip();
	}
	*entered = false;
	assert_int_equal(inside(r->way, r->attempt), r->want);
	assert_true(*entered);
}

/* In a container without CAP_SETPCAP the rest holds as well. */
static int
enter_without_setpcap(void)
{
	uint64_t all;

	if (caps_get(&all) == -1 || caps_set(all & ~CAP_BIT(CAP_SETPCAP)) == -1)
		return -1;
	if (enter() == -1)
		return -1;
	return box.layers & PRIV_BOX_BOUND ? -1 : 0;
}

static void
test_without_setpcap(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(inside(enter_without_setpcap, do_write_hosts), 0);
	need_filter();
	assert_int_equal(inside(enter_without_setpcap, try_capset), KILLED);
}

/* A kernel without Landlock: the call that asks for it is not there. */
static int
enter_without_landlock(void)
{
	struct sock_filter ins[] = {
	    BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 444, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(ins) / sizeof(ins[0]), ins};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == -1 ||
	    enter() == -1)
		return -1;
	return box.layers & PRIV_BOX_LANDLOCK ? -1 : 0;
}

static void
test_without_landlock(void **state)
{
	(void)state;
	need_root();
	need_filter();
	assert_int_equal(inside(enter_without_landlock, do_write_hosts), 0);
	assert_int_equal(inside(enter_without_landlock, try_fork), KILLED);
	assert_int_equal(inside(enter_without_landlock, try_open_above), 0);
}

/* ---- seen from outside */

static long
status_hex(pid_t pid, const char *key)
{
	char path[64], line[256];
	size_t n = strlen(key);
	long v = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	assert_non_null(f = fopen(path, "r"));
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, n) == 0 && line[n] == ':')
			v = strtol(line + n + 1, NULL, 16);
	fclose(f);
	return v;
}

/* A process that has gone that way, and waits to be killed. */
static pid_t
resident(int (*way)(void))
{
	int fds[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	if ((pid = fork()) == 0) {
		if (way() != 0)
			_exit(1);
		(void)!write(fds[1], "", 1);
		for (;;)
			(void)poll(NULL, 0, -1);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	return pid;
}

static void
finish(pid_t pid)
{
	kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static void
test_status(void **state)
{
	const long kept = 1 << CAP_NET_ADMIN | 1 << CAP_KILL;
	pid_t pid;

	(void)state;
	need_root();
	pid = resident(enter);
	assert_int_equal(status_hex(pid, "CapPrm"), kept);
	assert_int_equal(status_hex(pid, "CapEff"), kept);
	assert_int_equal(status_hex(pid, "CapBnd"), kept);
	assert_int_equal(status_hex(pid, "CapAmb"), 0);
	assert_int_equal(status_hex(pid, "NoNewPrivs"), 1);
#ifndef SANDBOX_NO
	assert_int_equal(status_hex(pid, "Seccomp"), 2);
#endif
	finish(pid);
}

/* Root without CAP_SYS_PTRACE may look into root's memory, unless... */
static int
without_ptrace(void)
{
	uint64_t all;

	return caps_get(&all) == -1 ? -1
				    : caps_set(all & ~(CAP_BIT(CAP_SYS_PTRACE) |
							 CAP_BIT(CAP_PERFMON)));
}

static pid_t looked_at;

static long
look(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)looked_at);
	return open(path, O_RDONLY);
}

static void
test_not_dumpable(void **state)
{
	(void)state;
	need_root();
	looked_at = resident(without_ptrace);
	assert_int_equal(inside(without_ptrace, look), 0);
	finish(looked_at);
	looked_at = resident(enter);
	assert_int_equal(inside(without_ptrace, look), EACCES);
	finish(looked_at);
}

/* ---- */

static void
put(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_non_null(f = fopen(path, "w"));
	fputs(text, f);
	fclose(f);
}

static int
setup(void **state)
{
	int n, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sun = {0};
	char path[128];

	(void)state;
	log_init(LOG_D_STDERR, LOG_L_ERROR, "priv_box", -1);
	snprintf(abstract.sun_path + 1, sizeof(abstract.sun_path) - 1,
	    "wesher-test-box-%d", (int)getpid());
	if (bind(fd, (const struct sockaddr *)&abstract, sizeof(abstract)) ==
	    -1)
		return -1;
	sun.sun_family = AF_UNIX;
	n = snprintf(supervisor_name, sizeof(supervisor_name),
	    "@wesher-test-notify-%d", (int)getpid());
	memcpy(sun.sun_path + 1, supervisor_name + 1, (size_t)n - 1);
	supervisor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(supervisor, (struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			    (size_t)n)) == -1)
		return -1;
	abi = landlock_abi();
	entered = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	strlcpy(top, "/tmp/wesher-box.XXXXXX", sizeof(top));
	if (entered == MAP_FAILED || mkdtemp(top) == NULL)
		return -1;
	snprintf(etc_path, sizeof(etc_path), "%s/etc", top);
	snprintf(path, sizeof(path), "%s/run", top);
	if (mkdir(etc_path, 0755) == -1 || mkdir(path, 0755) == -1)
		return -1;
	put(path, "resolv.conf", "nameserver 192.0.2.1\n");
	put(etc_path, "hosts", "127.0.0.1 localhost\n");
	put(top, "bound", "127.0.0.1 localhost\n");
	snprintf(path, sizeof(path), "%s/resolv.conf", etc_path);
	if (symlink("../run/resolv.conf", path) == -1)
		return -1;
	snprintf(path, sizeof(path), "%s/link", etc_path);
	if (symlink("hosts", path) == -1)
		return -1;
	snprintf(path, sizeof(path), "%s/folder", etc_path);
	return mkdir(path, 0755);
}

static int
teardown(void **state)
{
	char cmd[64];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

int
main(void)
{
	struct CMUnitTest tests[NROWS + 4] = {
	    cmocka_unit_test(test_without_setpcap),
	    cmocka_unit_test(test_without_landlock),
	    cmocka_unit_test(test_status),
	    cmocka_unit_test(test_not_dumpable),
	};
	size_t i;

	for (i = 0; i < NROWS; i++)
		tests[4 + i] = (struct CMUnitTest){
		    rows[i].name, test_row, NULL, NULL, &rows[i]};
	return cmocka_run_group_tests(tests, setup, teardown);
}
