/*
 * The hosts file on its way to the disk, with what wesher-priv may do and no
 * more: its mode, owner, ACL and attributes, folders and mounts in which it
 * cannot be written, and a kill at every system call of a rewrite.
 */
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/caps.h"
#include "../../common/hosts.h"
#include "../../common/log.h"

#define LINE                                                              \
	"10.7.0.1\tnode1\t# ! managed automatically by wesher interface " \
	"wg0\n"
#define OLD_TEXT "127.0.0.1\tlocalhost\nan older and longer text below it\n"
#define NEW_TEXT OLD_TEXT LINE
#define ACL	 "system.posix_acl_access"
#define ACL_DIR	 "system.posix_acl_default"

static char dir[64];
static int dirfd_;

static int
setup(void **state)
{
	(void)state;
	strlcpy(dir, "/tmp/wesher-hosts.XXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dirfd_ == -1;
}

static int
teardown(void **state)
{
	static const char *const names[] = {
	    "hosts", "hosts.wesher-copy", "hosts.wesher-new.wg0", "bound"};
	size_t i;

	(void)state;
	(void)fchmod(dirfd_, 0700);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(dirfd_, names[i], 0);
	close(dirfd_);
	return rmdir(dir);
}

static void
put(const char *name, const char *text, mode_t mode)
{
	int fd = openat(dirfd_, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* What a file holds; "" when it is not there. */
static const char *
text_of(const char *name)
{
	static char buf[4096];
	int fd = openat(dirfd_, name, O_RDONLY);
	ssize_t n = fd == -1 ? 0 : read(fd, buf, sizeof(buf) - 1);

	assert_true(n >= 0);
	buf[n] = '\0';
	if (fd != -1)
		close(fd);
	return buf;
}

static bool
exists(const char *name)
{
	return faccessat(dirfd_, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* No trace of ours beside it. */
static void
nothing_beside(void)
{
	assert_false(exists("hosts.wesher-copy"));
	assert_false(exists("hosts.wesher-new.wg0"));
}

static int
rewrite(void)
{
	struct hosts_entry e = {.name = "node1"};
	int lock = memfd_create("lock", MFD_CLOEXEC), r;
	struct hosts *h = hosts_open(dirfd_, "wg0", lock);

	(void)ipaddr_parse("10.7.0.1", &e.addr);
	r = hosts_write(h, &e, 1);
	free(h);
	close(lock);
	return r;
}

static unsigned lines;

static void
count(enum log_level level, const char *tag, const char *line)
{
	(void)level;
	(void)tag;
	lines += strcmp(line, "hosts file: belonged to 5:7, is root's now") == 0
		     ? 1
		     : 100;
}

/* As wesher-priv: root with these two alone. What hosts_write() gave, and how
 * many lines were logged. */
static int
confined(unsigned *said)
{
	int status, fds[2], r[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		log_init(LOG_D_SINK, LOG_L_WARN, "test", -1);
		log_sink(count);
		if (caps_set(CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_KILL)) == -1)
			_exit(1);
		r[0] = rewrite();
		r[1] = (int)lines;
		_exit(write(fds[1], r, sizeof(r)) != sizeof(r));
	}
	assert_int_equal(read(fds[0], r, sizeof(r)), sizeof(r));
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	*said = (unsigned)r[1];
	return r[0];
}

static void
need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void
need_mounts(void)
{
	need_root();
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		skip();
	close(dirfd_); /* it leads into the old namespace */
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void
test_modes(void **state)
{
	static const mode_t modes[] = {0644, 0444, 0600, 0400, 0664, 0777};
	struct stat st;
	unsigned said;
	size_t i;

	(void)state;
	need_root();
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		put("hosts", OLD_TEXT, modes[i]);
		assert_int_equal(confined(&said), 1);
		assert_int_equal(said, 0);
		assert_string_equal(text_of("hosts"), NEW_TEXT);
		assert_int_equal(fstatat(dirfd_, "hosts", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, modes[i]);
		nothing_beside();
	}
}

/* Without CAP_CHOWN it becomes root's; without a right to read nothing. */
static void
test_other_owner(void **state)
{
	struct stat st;
	unsigned said;

	(void)state;
	need_root();
	put("hosts", OLD_TEXT, 0644);
	assert_int_equal(fchownat(dirfd_, "hosts", 5, 7, 0), 0);
	assert_int_equal(confined(&said), 1);
	assert_int_equal(said, 1);
	assert_string_equal(text_of("hosts"), NEW_TEXT);
	assert_int_equal(fstatat(dirfd_, "hosts", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(st.st_uid, 0);
	put("hosts", OLD_TEXT, 0600);
	assert_int_equal(fchownat(dirfd_, "hosts", 5, 7, 0), 0);
	assert_int_equal(confined(&said), -EACCES);
	assert_int_equal(said, 0);
	assert_string_equal(text_of("hosts"), OLD_TEXT);
	nothing_beside();
}

/* A folder that root may not write without its privileges. */
static void
test_folder(void **state)
{
	unsigned said;

	(void)state;
	need_root();
	put("hosts", OLD_TEXT, 0644);
	assert_int_equal(fchmod(dirfd_, 0555), 0);
	assert_int_equal(confined(&said), -EACCES);
	assert_int_equal(fchmod(dirfd_, 0755), 0);
	assert_int_equal(fchown(dirfd_, 5, 7), 0);
	assert_int_equal(confined(&said), -EACCES);
	/* Writable, but only owners may rename there. */
	assert_int_equal(fchmod(dirfd_, 01777), 0);
	assert_int_equal(fchownat(dirfd_, "hosts", 5, 7, 0), 0);
	assert_int_equal(confined(&said), -EPERM);
	assert_int_equal(said, 0);
	assert_string_equal(text_of("hosts"), OLD_TEXT);
	nothing_beside();
}

/* One of a user, read and write for uid, among the usual three and a mask. */
static size_t
acl_of(uint32_t uid, uint16_t perm, uint8_t buf[44])
{
	const struct {
		uint16_t tag, perm;
		uint32_t id;
	} e[] = {{1, 6, UINT32_MAX}, {2, perm, uid}, {4, 4, UINT32_MAX},
	    {0x10, perm | 4, UINT32_MAX}, {0x20, 4, UINT32_MAX}};
	uint32_t version = 2;

	memcpy(buf, &version, 4);
	memcpy(buf + 4, e, sizeof(e));
	return 4 + sizeof(e);
}

static void
path_of(const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", dir, name);
}

static void
test_xattrs(void **state)
{
	uint8_t acl[44], got[64];
	struct stat st;
	unsigned said;
	char path[128];
	size_t n = acl_of(12345, 6, acl);

	(void)state;
	need_root();
	put("hosts", OLD_TEXT, 0644);
	path_of("hosts", path);
	if (setxattr(path, ACL, acl, n, 0) == -1) {
		print_message("no ACL here: %s\n", strerror(errno));
		skip();
	}
	/* Some file systems have the one and not the other. */
	if (setxattr(path, "user.note", "ours", 4, 0) == -1)
		print_message("no user.*: %s\n", strerror(errno));
	/* This one we may not set: it is left out, and no failure. */
	(void)setxattr(path, "trusted.note", "theirs", 6, 0);
	assert_int_equal(confined(&said), 1);
	assert_string_equal(text_of("hosts"), NEW_TEXT);
	assert_int_equal(getxattr(path, ACL, got, sizeof(got)), n);
	assert_memory_equal(got, acl, n);
	if (getxattr(path, "user.note", got, sizeof(got)) != -1 ||
	    errno != ENOTSUP)
		assert_memory_equal(got, "ours", 4);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0664); /* the mask */
}

/* What the folder gives to new files by default is not the old file's. */
static void
test_default_acl(void **state)
{
	uint8_t acl[44], got[64];
	struct stat st;
	unsigned said;
	char path[128];
	size_t n = acl_of(12345, 6, acl);

	(void)state;
	need_root();
	put("hosts", OLD_TEXT, 0644);
	if (setxattr(dir, ACL_DIR, acl, n, 0) == -1)
		skip();
	assert_int_equal(confined(&said), 1);
	path_of("hosts", path);
	assert_int_equal(getxattr(path, ACL, got, sizeof(got)), -1);
	assert_int_equal(errno, ENODATA);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

/* Mount the file "bound" over "hosts". */
static void
bind_hosts(unsigned long flags)
{
	char from[128], to[128];

	path_of("bound", from);
	path_of("hosts", to);
	put("bound", OLD_TEXT, 0644);
	put("hosts", "below\n", 0644);
	assert_int_equal(mount(from, to, NULL, MS_BIND, NULL), 0);
	if (flags != 0)
		assert_int_equal(
		    mount(NULL, to, NULL, MS_BIND | MS_REMOUNT | flags, NULL),
		    0);
}

static void
unbind_hosts(void)
{
	char to[128];

	path_of("hosts", to);
	assert_int_equal(umount(to), 0);
}

/* A mount that is read-only as well: nothing happens, and no copy stays that
 * would be written back some day. */
static void
test_bound_read_only(void **state)
{
	unsigned said;

	(void)state;
	need_mounts();
	bind_hosts(MS_RDONLY);
	assert_int_equal(confined(&said), -EROFS);
	assert_string_equal(text_of("hosts"), OLD_TEXT);
	nothing_beside();
	unbind_hosts();
	assert_string_equal(text_of("bound"), OLD_TEXT);
}

static void
test_bound(void **state)
{
	struct stat a, b;
	unsigned said;

	(void)state;
	need_mounts();
	bind_hosts(0);
	assert_int_equal(fchmodat(dirfd_, "hosts", 0606, 0), 0);
	assert_int_equal(fchownat(dirfd_, "hosts", 5, 7, 0), 0);
	assert_int_equal(fstatat(dirfd_, "hosts", &a, 0), 0);
	assert_int_equal(confined(&said), 1);
	assert_int_equal(said, 0); /* it is still theirs */
	assert_int_equal(fstatat(dirfd_, "hosts", &b, 0), 0);
	assert_string_equal(text_of("hosts"), NEW_TEXT);
	assert_int_equal(a.st_mode, b.st_mode);
	assert_int_equal(a.st_uid, b.st_uid);
	assert_int_equal(a.st_ino, b.st_ino);
	nothing_beside();
	unbind_hosts();
}

/* A copy of a rewrite that was torn, and the file is none any more. */
static void
test_mend_without_file(void **state)
{
	(void)state;
	put("hosts.wesher-copy", NEW_TEXT, 0600);
	assert_int_equal(rewrite(), -ENOENT);
	assert_true(exists("hosts.wesher-copy"));
	assert_int_equal(mkfifoat(dirfd_, "hosts", 0600), 0);
	assert_true(rewrite() < 0); /* and does not wait for a reader */
	assert_true(exists("hosts.wesher-copy"));
}

/*
 * A rewrite in a child that is killed at the n-th stop of its system calls,
 * which are two each. False when it ended before.
 */
static bool
killed_at(unsigned n)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		_exit(rewrite() != 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	for (; n > 0; n--) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return false;
		}
		assert_true(WIFSTOPPED(status));
	}
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return true;
}

/* At every moment the old text or the new one; the next start ends it. */
/* An emulator of another machine has no ptrace(2): regress/cross. */
static void
need_ptrace(void)
{
	if (getenv("WESHER_TEST_QEMU") != NULL)
		skip();
}

static void
test_killed_renaming(void **state)
{
	unsigned n, news = 0;
	bool killed = true;

	(void)state;
	need_ptrace();
	for (n = 1; killed; n++) {
		put("hosts", OLD_TEXT, 0644);
		killed = killed_at(n);
		if (strcmp(text_of("hosts"), OLD_TEXT) != 0) {
			assert_string_equal(text_of("hosts"), NEW_TEXT);
			news++;
		}
		assert_true(rewrite() >= 0);
		assert_string_equal(text_of("hosts"), NEW_TEXT);
		nothing_beside();
		assert_true(n < 1000);
	}
	assert_true(n > 20);
	assert_true(news > 1);
}

/* In place the file may be torn for a moment, but then a copy stands. */
static void
test_killed_in_place(void **state)
{
	unsigned n, torn = 0, olds = 0;
	bool killed = true, whole;
	int lock = memfd_create("lock", MFD_CLOEXEC);
	struct hosts *h;

	(void)state;
	need_ptrace();
	need_mounts();
	bind_hosts(0);
	for (n = 1; killed; n++) {
		put("hosts", OLD_TEXT, 0644);
		killed = killed_at(n);
		whole = strcmp(text_of("hosts"), OLD_TEXT) == 0 ||
			strcmp(text_of("hosts"), NEW_TEXT) == 0;
		torn += exists("hosts.wesher-copy");
		if (!whole)
			assert_true(exists("hosts.wesher-copy"));
		h = hosts_open(dirfd_, "wg0", lock); /* the next start */
		free(h);
		assert_false(exists("hosts.wesher-copy"));
		olds += strcmp(text_of("hosts"), OLD_TEXT) == 0;
		if (strcmp(text_of("hosts"), OLD_TEXT) != 0)
			assert_string_equal(text_of("hosts"), NEW_TEXT);
		assert_true(rewrite() >= 0);
		assert_string_equal(text_of("hosts"), NEW_TEXT);
		nothing_beside();
		assert_true(n < 1000);
	}
	/* Before the copy, between copy and end, and after. */
	assert_true(olds > 0);
	assert_true(torn > 0);
	assert_true(n - 1 > olds + torn);
	close(lock);
	unbind_hosts();
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {T(test_modes), T(test_other_owner),
	    T(test_folder), T(test_xattrs), T(test_default_acl),
	    T(test_killed_renaming), T(test_mend_without_file),
	    T(test_bound_read_only), T(test_bound), T(test_killed_in_place)};

	log_init(LOG_D_SINK, LOG_L_WARN, "test", -1);
	return cmocka_run_group_tests_name("priv_hostsfile", tests, NULL, NULL);
}
