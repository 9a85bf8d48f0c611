/*
 * hosts.c: the text, and the file under every trouble that a root can have
 * with it. Each file test has a folder of its own.
 */
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../common/log.h"
#include "../../priv/setup.h"

#define M(i) "\t# ! managed automatically by wesher interface " i "\n"
#define OLD  "\t# ! MANAGED AUTOMATICALLY !\n"

static struct hosts_entry
entry(const char *addr, const char *name)
{
	struct hosts_entry e = {.name = name};

	assert_int_equal(ipaddr_parse(addr, &e.addr), 0);
	return e;
}

static void
render(const char *old, const struct hosts_entry *e, size_t n, const char *want)
{
	size_t len;
	char *out = hosts_render(old, strlen(old), "wgoverlay", e, n, &len);

	assert_non_null(out);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(out, want, len);
	free(out);
}

static void
test_render(void **state)
{
	struct hosts_entry e[] = {entry("10.59.76.237", "node2"),
	    entry("10.7.0.1", "node3"), entry("fd00::9", "node1")};
#define LINES                                                     \
	"10.7.0.1\tnode3" M("wgoverlay") "10.59.76.237\tnode2" M( \
	    "wgoverlay") "fd00::9\tnode1" M("wgoverlay")

	(void)state;
	render("", e, 3, LINES);
	render("127.0.0.1 localhost\n", e, 3, "127.0.0.1 localhost\n" LINES);
	render(
	    "127.0.0.1 localhost\n" LINES, e, 3, "127.0.0.1 localhost\n" LINES);
	render("127.0.0.1 localhost", e, 3, "127.0.0.1 localhost\n" LINES);
	render("a b\n10.1.1.1\tgone" M("wgoverlay") "c d\n10.2.2.2\tgone2" M(
		   "wgoverlay"),
	    e, 3, "a b\n" LINES "c d\n");
	render("a b\n" LINES "c d", NULL, 0, "a b\nc d");
}

static void
test_render_foreign(void **state)
{
	struct hosts_entry e = entry("10.7.0.1", "node3");
	const char *keep =
	    "\xef\xbb\xbf# caf\xc3\xa9 \xff\r\n\r\n \t\n"
	    "10.1.1.1\tx" M("wgoverlay2") "10.1.1.2\ty" M(
		"xwgoverlay") "10.1.1.4 z # managed\n"
			      "# ! managed automatically by wesher interface "
			      "wgoverlay and more\r\n127.0.0.1 localhost";

	(void)state;
	render(keep, NULL, 0, keep);
	render("a b\r\n10.1.1.1\told" OLD "10.1.1.1\tolder  # ! MANAGED "
	       "AUTOMATICALLY ! \r\nc d\n",
	    &e, 1, "a b\r\n10.7.0.1\tnode3" M("wgoverlay") "c d\n");
}

static void
test_render_taken(void **state)
{
	struct hosts_entry e[] = {entry("10.7.0.9", "node3"),
	    entry("10.7.0.1", "Node3"), entry("10.7.0.2", "node4"),
	    entry("10.7.0.3", "node5"), entry("10.7.0.4", "node"),
	    entry("10.7.0.5", "10-7-0-5")};

	(void)state;
	/* node4 is defined as an alias, node5 only mentioned. */
	render("192.168.1.1  other NODE4\t#node5\n10-7-0-5 nothing\n", e, 6,
	    "192.168.1.1  other NODE4\t#node5\n10-7-0-5 nothing\n"
	    "10.7.0.1\tNode3" M("wgoverlay") "10.7.0.3\tnode5" M(
		"wgoverlay") "10.7.0.4\tnode" M("wgoverlay") "10.7.0.5\t10-7-0-"
							     "5" M("wgoverla"
								   "y"));
	/* Only ours defines it: still ours. Nothing left: no new line. */
	render("10.7.0.4\tnode" M("wgoverlay"), e + 4, 1,
	    "10.7.0.4\tnode" M("wgoverlay"));
	render("10.7.0.4\tnode", e + 4, 1, "10.7.0.4\tnode");
}

/* Two spellings of one name: who has the line keeps it. */
static void
test_render_spellings(void **state)
{
	struct hosts_entry e[] = {entry("10.7.0.9", "node3"),
	    entry("10.7.0.1", "NODE3"), entry("10.7.0.5", "Node3"),
	    entry("10.7.0.2", "node4")};
	struct hosts_line line[4] = {0};
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		e[i].line = &line[i];
#define NODE4 "10.7.0.2\tnode4" M("wgoverlay")
	render("", e, 4, "10.7.0.1\tNODE3" M("wgoverlay") NODE4);
	assert_null(line[1].why);
	assert_null(line[3].why);
	assert_string_equal(line[0].why, "another member has its name");
	assert_string_equal(line[2].why, "another member has its name");
	render("10.7.0.9\tnode3" M("wgoverlay"), e, 4,
	    NODE4 "10.7.0.9\tnode3" M("wgoverlay"));
	assert_null(line[0].why);
	assert_string_equal(line[1].why, "another member has its name");
	render("10.7.0.5\tNode3" M("wgoverlay") "a b\n", e, 4,
	    NODE4 "10.7.0.5\tNode3" M("wgoverlay") "a b\n");
	/* Only ours counts, and only as it would be written again. */
	render("10.7.0.9\tnode3" M("wg9"), e, 2,
	    "10.7.0.9\tnode3" M("wg9") "10.7.0.1\tNODE3" M("wgoverlay"));
	render("10.7.0.8\tnode3" M("wgoverlay"), e, 2,
	    "10.7.0.1\tNODE3" M("wgoverlay"));
	render("10.7.0.9\tnodE3" M("wgoverlay"), e, 2,
	    "10.7.0.1\tNODE3" M("wgoverlay"));
	render(
	    "10.7.0.9 node3" M("wgoverlay") "10.7.0.9\tnode3 x" M("wgoverlay"),
	    e, 2, "10.7.0.1\tNODE3" M("wgoverlay"));
	/* An unmanaged line takes it from them all. */
	render("192.0.2.1 nOde3\n", e, 4, "192.0.2.1 nOde3\n" NODE4);
	assert_string_equal(line[1].why, "another line there defines its name");
}

static void
test_unfit(void **state)
{
	static const struct {
		const char *name, *self, *domains, *why;
	} t[] = {
	    {"a", "me", "", NULL},
	    {"a_b", "me", "", NULL},
	    {"a.example.org", "me", "", "its domain"},
	    {"a.example.org", "me.example.org", "", NULL},
	    {"a.example.org", "me.EXAMPLE.org", "", NULL},
	    {"A.Example.Org", "me", "lan,example.org", NULL},
	    {"a.lan", "me", "lan,example.org", NULL},
	    {"a.org", "me", "example.org", "its domain"},
	    {"a.b.example.org", "me.example.org", "example.org", "its domain"},
	    {"a.xexample.org", "me.example.org", "", "its domain"},
	    {"a.example.orgx", "me.example.org", "", "its domain"},
	    {"me", "me", "", "its name is our own"},
	    {"ME", "me", "", "its name is our own"},
	    {"me", "Me.example.org", "", "its name is our own"},
	    {"me.example.org", "me", "example.org", "its name is our own"},
	    {"mE.example.org", "me.Example.org", "", "its name is our own"},
	    {"me.example.net", "me.example.org", "example.net", NULL},
	    {"me.example.net", "me.example.org", "", "its domain"},
	    {"me2", "me", "", NULL},
	    {"m", "me", "", NULL},
	    {"localhost", "me", "", "its name is a reserved one"},
	    {"LOCALHOST.localdomain", "me", "localdomain",
		"its name is a reserved one"},
	    {"a.localhost", "me", "localhost", "its name is a reserved one"},
	    {"wpad.lan", "me", "lan", "its name is a reserved one"},
	    {"ISATAP", "me", "", "its name is a reserved one"},
	    {"ip6-loopback", "me", "", "its name is a reserved one"},
	    {"a b", "me", "", "its name is no legal"},
	    {"a\n1.2.3.4 b", "me", "", "its name is no legal"},
	    {"10.0.0.1", "me", "0.0.1", "its name is no legal"},
	    {"a.", "me", "", "its name is no legal"},
	    {"a", "", "", NULL},
	};
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		why = hosts_unfit(
		    t[i].name, strlen(t[i].name), t[i].self, t[i].domains);
		if ((why == NULL) != (t[i].why == NULL) ||
		    (why != NULL &&
			strncmp(why, t[i].why, strlen(t[i].why)) != 0))
			fail_msg("row %zu (%s): %s", i, t[i].name,
			    why == NULL ? "fit" : why);
	}
}

static unsigned told;

static void
count_told(enum log_level level, const char *tag, const char *line)
{
	(void)level;
	(void)tag;
	told += strstr(line, "gets no line in /etc/hosts: another ") != NULL;
}

/* Once each, and never faster than the bucket lets. */
static void
test_tell(void **state)
{
	struct hosts_entry e[] = {entry("10.7.0.1", "node1"),
	    entry("10.7.0.2", "node2"), entry("10.7.0.3", "node3")};
	struct hosts_line line[3] = {0};
	struct bucket b = {.rate = 1, .burst = 2};
	int64_t now = 1000;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		e[i].line = &line[i];
	log_init(LOG_D_SINK, LOG_L_DEBUG, "test", -1);
	log_sink(count_told);
	told = 0;
	hosts_tell(e, 3, &b, now);
	assert_int_equal(told, 0);
	for (i = 0; i < 3; i++)
		line[i].why = "another line there defines its name";
	hosts_tell(e, 3, &b, now);
	assert_int_equal(told, 2);
	hosts_tell(e, 3, &b, now + 999);
	assert_int_equal(told, 2);
	hosts_tell(e, 3, &b, now + 1000);
	assert_int_equal(told, 3);
	hosts_tell(e, 3, &b, now + 100000);
	assert_int_equal(told, 3);
	/* A line again, and lost again. */
	line[1].why = NULL;
	hosts_tell(e, 3, &b, now + 100000);
	line[1].why = "another member has its name";
	hosts_tell(e, 3, &b, now + 100000);
	assert_int_equal(told, 4);
	log_sink(NULL);
}

/* Checked before, but root looks again. */
static void
test_render_hostile(void **state)
{
	struct hosts_entry e[] = {entry("10.7.0.1", "a\n1.2.3.4 bank.example"),
	    entry("10.7.0.2", "localhost"), entry("10.7.0.3", "x y"),
	    entry("10.7.0.4", ""), entry("10.7.0.5", "#"),
	    {.name = "noaddress"}};

	(void)state;
	render("a b\n", e, 6, "a b\n");
}

static void
test_render_many(void **state)
{
	enum { N = 16384 };
	struct hosts_entry *e = calloc(N, sizeof(*e));
	char(*names)[16] = calloc(N, sizeof(*names)), *out, *again;
	size_t i, len, len2, nl = 0;

	(void)state;
	assert_non_null(e);
	assert_non_null(names);
	for (i = 0; i < N; i++) {
		size_t k = i * 7919 % N;

		snprintf(names[k], sizeof(names[k]), "n%zu", k);
		e[i].name = names[k];
		e[i].addr = (struct ipaddr){
		    4, {10, 0, (uint8_t)(k >> 8), (uint8_t)k}};
	}
	out = hosts_render("a n77\n", 6, "wg0", e, N, &len);
	assert_non_null(out);
	for (i = 0; i < len; i++)
		nl += out[i] == '\n';
	assert_int_equal(nl, N);
	again = hosts_render(out, len, "wg0", e, N, &len2);
	assert_non_null(again);
	assert_int_equal(len, len2);
	assert_memory_equal(out, again, len);
	free(again);
	free(out);
	free(names);
	free(e);
}

/* files */

static char dir[64];
static int dirfd_;
static struct hosts *h;

static void
put(const char *name, const char *text)
{
	int fd = openat(dirfd_, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
expect(const char *name, const char *text)
{
	char buf[4096];
	int fd = openat(dirfd_, name, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, buf, sizeof(buf) - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	close(fd);
	assert_string_equal(buf, text);
}

static bool
exists(const char *name)
{
	return faccessat(dirfd_, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static struct stat
stat_of(const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dirfd_, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static void
enter(void)
{
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dirfd_ >= 0);
}

/* A lock that nobody else knows. */
static int
own_lock(void)
{
	static int fd = -1;

	if (fd == -1)
		fd = memfd_create("lock", MFD_CLOEXEC);
	return fd;
}

static int
setup(void **state)
{
	(void)state;
	h = NULL;
	strlcpy(dir, "/tmp/wesher-hosts.XXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	enter();
	return 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = {"hosts", "hosts.wesher-copy",
	    "hosts.wesher-new.wg0", "target", "bound", "lock"};
	size_t i;

	(void)state;
	free(h);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(dirfd_, names[i], 0);
	close(dirfd_);
	(void)umount2(dir, MNT_DETACH);
	return rmdir(dir);
}

static int
write1(void)
{
	struct hosts_entry e = entry("10.7.0.1", "node1");

	return hosts_write(h, &e, 1);
}

#define LINE1 "10.7.0.1\tnode1" M("wg0")

static void
test_write(void **state)
{
	struct stat a, b;

	(void)state;
	put("hosts", "a b\n");
	put("hosts.wesher-new.wg0", "stale");
	assert_int_equal(fchmodat(dirfd_, "hosts", 0640, 0), 0);
	if (geteuid() == 0)
		assert_int_equal(fchownat(dirfd_, "hosts", 5, 7, 0), 0);
	a = stat_of("hosts");
	h = hosts_open(dirfd_, "wg0", own_lock());
	assert_non_null(h);
	assert_int_equal(write1(), 1);
	expect("hosts", "a b\n" LINE1);
	b = stat_of("hosts");
	assert_int_equal(a.st_mode, b.st_mode);
	assert_int_equal(a.st_uid, b.st_uid);
	assert_int_equal(a.st_gid, b.st_gid);
	assert_true(a.st_ino != b.st_ino); /* renamed into place */
	assert_int_equal(write1(), 0); /* nothing to do */
	a = stat_of("hosts");
	assert_int_equal(a.st_ino, b.st_ino); /* unchanged, untouched */
	assert_int_equal(a.st_ctim.tv_nsec, b.st_ctim.tv_nsec);
	assert_int_equal(hosts_write(h, NULL, 0), 1);
	expect("hosts", "a b\n");
	assert_false(exists("hosts.wesher-new.wg0"));
	assert_false(exists("hosts.wesher-copy"));
}

static void
test_no_file(void **state)
{
	(void)state;
	h = hosts_open(dirfd_, "wg0", own_lock());
	assert_int_equal(write1(), -ENOENT);
	assert_false(exists("hosts"));
	put("target", "a b\n");
	assert_int_equal(symlinkat("target", dirfd_, "hosts"), 0);
	assert_int_equal(write1(), -ELOOP);
	expect("target", "a b\n");
	assert_int_equal(unlinkat(dirfd_, "hosts", 0), 0);
	assert_int_equal(mkfifoat(dirfd_, "hosts", 0600), 0);
	assert_int_equal(write1(), -EINVAL);
}

/* Somebody put a link where our temporary file goes. */
static void
test_link_in_the_way(void **state)
{
	(void)state;
	put("hosts", "a b\n");
	put("target", "precious");
	assert_int_equal(
	    symlinkat("target", dirfd_, "hosts.wesher-new.wg0"), 0);
	h = hosts_open(dirfd_, "wg0", own_lock());
	assert_int_equal(write1(), 1);
	expect("hosts", "a b\n" LINE1);
	expect("target", "precious");
}

static void
test_repair(void **state)
{
	(void)state;
	put("hosts", "a b\n10.7.0.1\tno and a tail that was there before");
	put("hosts.wesher-copy", "a b\n" LINE1);
	h = hosts_open(dirfd_, "wg0", own_lock());
	expect("hosts", "a b\n" LINE1);
	assert_false(exists("hosts.wesher-copy"));
	put("hosts.wesher-copy", "c d\n");
	assert_int_equal(write1(), 1);
	expect("hosts", "c d\n" LINE1);
	assert_false(exists("hosts.wesher-copy"));
}

/* Two meshes on one host: neither loses the other's line. */
static void
writer(const char *interface, int rounds)
{
	struct hosts_entry e = {.name = interface};
	struct hosts *mine;
	int lock = openat(dirfd_, "lock", O_RDWR | O_CREAT, 0600), i, r;

	mine = hosts_open(dirfd_, interface, lock);
	for (i = 0; i < rounds; i++) {
		e.addr.len = 4;
		e.addr.b[0] = 10;
		e.addr.b[3] = (uint8_t)i;
		while ((r = hosts_write(mine, &e, 1)) == -EAGAIN)
			usleep(100);
		if (r < 0)
			_exit(1);
	}
	_exit(0);
}

static bool
contains(const char *what)
{
	char buf[512] = "";
	int fd = openat(dirfd_, "hosts", O_RDONLY);

	assert_true(read(fd, buf, sizeof(buf) - 1) > 0);
	close(fd);
	return strstr(buf, what) != NULL;
}

static void
test_two_meshes(void **state)
{
	pid_t pid[2];
	int i, status;

	(void)state;
	put("hosts", "a b\n");
	for (i = 0; i < 2; i++)
		if ((pid[i] = fork()) == 0)
			writer(i == 0 ? "wg0" : "wg1", 100);
	for (i = 0; i < 2; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	assert_true(contains("10.0.0.99\twg0" M("wg0")));
	assert_true(contains("10.0.0.99\twg1" M("wg1")));
}

static void
test_locked_elsewhere(void **state)
{
	int a = openat(dirfd_, "lock", O_RDWR | O_CREAT, 0600);
	int b = openat(dirfd_, "lock", O_RDWR, 0600);

	(void)state;
	put("hosts", "a b\n");
	/* The copy of a write in place that goes on is not ours to mend. */
	put("hosts.wesher-copy", "c d\n");
	assert_int_equal(flock(b, LOCK_EX), 0);
	h = hosts_open(dirfd_, "wg0", a);
	expect("hosts", "a b\n");
	assert_true(exists("hosts.wesher-copy"));
	assert_int_equal(write1(), -EAGAIN);
	expect("hosts", "a b\n");
	assert_int_equal(flock(b, LOCK_UN), 0);
	assert_int_equal(write1(), 1);
	expect("hosts", "c d\n" LINE1);
	close(a);
	close(b);
}

static void
need_mounts(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		skip();
	close(dirfd_); /* it leads into the old namespace */
	enter();
}

static void
test_bind_mount(void **state)
{
	char from[96], to[96];
	struct stat a, b;
	int r;

	(void)state;
	need_mounts();
	put("bound", "a b\n10.9.9.9\tgone" M("wg0") "c d\n");
	put("hosts", "below\n");
	snprintf(from, sizeof(from), "%s/bound", dir);
	snprintf(to, sizeof(to), "%s/hosts", dir);
	assert_int_equal(mount(from, to, NULL, MS_BIND, NULL), 0);
	a = stat_of("hosts");
	h = hosts_open(dirfd_, "wg0", own_lock());
	r = write1();
	b = stat_of("hosts");
	assert_int_equal(umount(to), 0);
	assert_int_equal(r, 1);
	assert_int_equal(a.st_ino, b.st_ino);
	expect("bound", "a b\n" LINE1 "c d\n");
	expect("hosts", "below\n");
	assert_false(exists("hosts.wesher-new.wg0"));
	assert_false(exists("hosts.wesher-copy"));
}

/* In place on a full disk: the old text is put back, and no copy remains. */
static void
test_bind_mount_full(void **state)
{
	char to[128], from[128], small[80];
	static char text[3001];
	struct hosts_entry e[40];
	char names[40][70];
	size_t i;
	int r, fd;

	(void)state;
	need_mounts();
	put("hosts", "below\n");
	snprintf(to, sizeof(to), "%s/hosts", dir);
	snprintf(small, sizeof(small), "%s.small", dir);
	snprintf(from, sizeof(from), "%s/bound", small);
	assert_int_equal(mkdir(small, 0700), 0);
	assert_int_equal(mount("none", small, "tmpfs", 0, "size=4k"), 0);
	memset(text, '#', sizeof(text) - 1);
	text[1500] = text[2999] = '\n';
	fd = open(from, O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, text, 3000), 3000);
	close(fd);
	assert_int_equal(mount(from, to, NULL, MS_BIND, NULL), 0);
	for (i = 0; i < 40; i++) {
		snprintf(names[i], sizeof(names[i]), "a-long-name-%zu", i);
		e[i] = entry("10.7.0.1", names[i]);
	}
	h = hosts_open(dirfd_, "wg0", own_lock());
	r = hosts_write(h, e, 40);
	expect("hosts", text);
	assert_int_equal(umount(to), 0);
	assert_int_equal(umount(small), 0);
	assert_int_equal(rmdir(small), 0);
	assert_int_equal(r, -ENOSPC);
	assert_false(exists("hosts.wesher-new.wg0"));
	assert_false(exists("hosts.wesher-copy"));
}

static void
test_disk_full(void **state)
{
	static char text[8193];
	struct stat a, b;

	(void)state;
	need_mounts();
	close(dirfd_);
	assert_int_equal(mount("none", dir, "tmpfs", 0, "size=12k"), 0);
	enter();
	memset(text, '#', 8190);
	put("hosts", text);
	a = stat_of("hosts");
	h = hosts_open(dirfd_, "wg0", own_lock());
	assert_int_equal(write1(), -ENOSPC);
	b = stat_of("hosts");
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(b.st_size, 8190);
	assert_false(exists("hosts.wesher-new.wg0"));
	put("hosts", "a b\n"); /* room again */
	assert_int_equal(write1(), 1);
	expect("hosts", "a b\n" LINE1);
}

static void
test_read_only(void **state)
{
	(void)state;
	need_mounts();
	close(dirfd_);
	assert_int_equal(mount("none", dir, "tmpfs", 0, "size=64k"), 0);
	enter();
	put("hosts", "a b\n");
	assert_int_equal(
	    mount("none", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
	h = hosts_open(dirfd_, "wg0", own_lock());
	assert_int_equal(write1(), -EROFS);
	expect("hosts", "a b\n");
}

#define T(f) cmocka_unit_test(f)
#define F(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {T(test_render),
	    T(test_render_foreign), T(test_render_taken),
	    T(test_render_spellings), T(test_unfit), T(test_tell),
	    T(test_render_hostile), T(test_render_many), F(test_write),
	    F(test_no_file), F(test_link_in_the_way), F(test_repair),
	    F(test_two_meshes), F(test_locked_elsewhere), F(test_bind_mount),
	    F(test_bind_mount_full), F(test_disk_full), F(test_read_only)};

	return cmocka_run_group_tests_name("priv_hosts", tests, NULL, NULL);
}
