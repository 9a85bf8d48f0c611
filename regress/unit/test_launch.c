/*
 * The way to wesher-priv: its arguments, environment and memfd, which program
 * it may be; and which process a pid file stands for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libutil.h>

#include "../../wesher/launch.h"
#include "../../wesher/options.h"
#include "../../wesher/pidlock.h"
#include "../../wesher/privfind.h"
#include "../../common/runas.h"

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static struct conf c;
static struct options o;
static char err[OPT_LINE];

static void
conf_of(int argc, char **argv)
{
	assert_int_equal(
	    options_parse(argc, argv, NULL, &c, &o, err, sizeof(err)), 0);
}

static const char *
joined(const struct argvec *v)
{
	static char buf[4096];
	size_t i;

	buf[0] = '\0';
	for (i = 0; v->v[i] != NULL; i++) {
		strlcat(buf, i > 0 ? " " : "", sizeof(buf));
		strlcat(buf, v->v[i], sizeof(buf));
	}
	assert_int_equal(i, v->n);
	return buf;
}

static void
test_argv(void **state)
{
	char *plain[] = {"wesher", "--cluster-key", KEY, NULL};
	char *full[] = {"wesher", "--interface=wg1", "--overlay-net=fd00::/64",
	    "--cluster-port=1", "--wireguard-port=2", "--mtu=1300",
	    "--keepalive=25", "--user=1234", "-d", "--bind-addr=2001:db8::1",
	    "--keep-interface", "--no-etc-hosts", "--init",
	    "--hosts-domain=a.b,c", "--allow-static", "--overlay-addr=fd00::7",
	    NULL};
	char *iface[] = {"wesher", "--bind-iface=eth0", NULL};
	struct argvec v;

	(void)state;
	conf_of(3, plain);
	assert_int_equal(launch_argv(&c, 7, 8, &v), 0);
	assert_string_equal(joined(&v),
	    "wesher-priv --interface wgoverlay --overlay-net 10.0.0.0/8 "
	    "--cluster-port 7946 --wireguard-port 51820 --mtu 1420 "
	    "--keepalive 0 --user _wesher --log-level warn "
	    "--conf-fd 7 --gossip-fd 8");
	conf_of(16, full);
	c.foreground = true;
	assert_int_equal(launch_argv(&c, 3, 4, &v), 0);
	assert_string_equal(joined(&v),
	    "wesher-priv --interface wg1 --overlay-net fd00::/64 "
	    "--overlay-addr fd00::7 "
	    "--cluster-port 1 --wireguard-port 2 --mtu 1300 --keepalive 25 "
	    "--user 1234 --log-level debug --bind-addr "
	    "2001:db8::1 "
	    "--hosts-domain a.b,c --keep-interface --no-etc-hosts --init "
	    "--allow-static "
	    "--foreground "
	    "--conf-fd 3 --gossip-fd 4");
	assert_int_equal(launch_argv(&c, -1, -1, &v), 0);
	assert_string_equal(
	    joined(&v), "wesher-priv --interface wg1 --no-etc-hosts --remove");
	conf_of(2, iface);
	assert_int_equal(launch_argv(&c, 3, 4, &v), 0);
	assert_non_null(strstr(joined(&v), " --bind-iface eth0 "));
	assert_int_equal(launch_argv(&c, -1, -1, &v), 0);
	assert_string_equal(
	    joined(&v), "wesher-priv --interface wgoverlay --remove");
}

static void
test_environ(void **state)
{
	static char big[5000];
	char *envp[] = {"HOME=/root", "PATH=/home/x/bin", "LD_PRELOAD=x",
	    "WESHER_CLUSTER_KEY=" KEY, "TZ=Europe/Berlin", "TZX=1",
	    "NOTIFY_SOCKET=/run/n", "WATCHDOG_USEC=5", "WATCHDOG_PID=6",
	    "SYSTEMD_EXEC_PID=7", "JOURNAL_STREAM=8:9",
	    "WG_QUICK_USERSPACE_IMPLEMENTATION=/x", "WG_I_PREFER_BUGGY=1",
	    NULL};
	char *huge[] = {big, NULL};
	struct argvec v;

	(void)state;
	assert_int_equal(launch_environ(envp, &v), 0);
	assert_string_equal(joined(&v),
	    "PATH=/usr/sbin:/usr/bin:/sbin:/bin TZ=Europe/Berlin "
	    "NOTIFY_SOCKET=/run/n SYSTEMD_EXEC_PID=7 JOURNAL_STREAM=8:9 "
	    "WATCHDOG_USEC=5 "
	    "WATCHDOG_PID=6 WG_QUICK_USERSPACE_IMPLEMENTATION=/x");
	assert_int_equal(launch_environ(NULL, &v), 0);
	assert_int_equal(v.n, 1);
	memset(big, 'z', sizeof(big) - 1);
	memcpy(big, "TZ=", 3);
	assert_int_equal(launch_environ(huge, &v), -1);
}

static void
test_supervised(void **state)
{
	static const struct {
		char *envp[3];
		bool want;
	} t[] = {
	    {{NULL}, false},
	    {{"NOTIFY_SOCKET=/run/n", NULL}, true},
	    {{"NOTIFY_SOCKET=", NULL}, false},
	    {{"SYSTEMD_EXEC_PID=42", NULL}, true},
	    {{"SYSTEMD_EXEC_PID=421", NULL}, false},
	    {{"SYSTEMD_EXEC_PID=4", NULL}, false},
	    {{"SYSTEMD_EXEC_PID=", NULL}, false},
	    {{"XNOTIFY_SOCKET=/run/n", NULL}, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(launch_supervised(t[i].envp, 42), t[i].want);
}

static void
test_memfd(void **state)
{
	char *argv[] = {"wesher", "--cluster-key", KEY, "--join=a", NULL};
	const struct conf *map;
	int fd, seals;

	(void)state;
	conf_of(4, argv);
	fd = launch_memfd(&c);
	assert_true(fd != -1);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	map = mmap(NULL, sizeof(c), PROT_READ, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	assert_memory_equal(map, &c, sizeof(c));
	seals = fcntl(fd, F_GET_SEALS);
	assert_int_equal(
	    seals, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 1), -1);
	assert_int_equal(ftruncate(fd, 1 << 20), -1);
	assert_true(
	    mmap(NULL, sizeof(c), PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	munmap((void *)(uintptr_t)map, sizeof(c));
	close(fd);
}

static int
folder(void **state)
{
	static char dir[64];

	strlcpy(dir, "/tmp/wesher-test-priv.XXXXXX", sizeof(dir));
	*state = mkdtemp(dir);
	return *state == NULL ? -1 : 0;
}

static int
unfolder(void **state)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/f", (char *)*state);
	unlink(path);
	return rmdir(*state);
}

static void
test_privfind(void **state)
{
	const uid_t me = getuid(), other = me + 1;
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/f", (char *)*state);
	assert_int_equal(privfind_check(path, &me, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "No such file"));
	fd = open(path, O_WRONLY | O_CREAT, 0700);
	assert_true(fd != -1);
	assert_int_equal(privfind_check(path, &me, err, sizeof(err)), 0);
	assert_int_equal(fchmod(fd, 0755), 0);
	assert_int_equal(privfind_check(path, &me, err, sizeof(err)), 0);
	assert_int_equal(fchmod(fd, 0775), 0);
	assert_int_equal(privfind_check(path, &me, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "try chmod go-w"));
	assert_int_equal(fchmod(fd, 0757), 0);
	assert_int_equal(privfind_check(path, &me, err, sizeof(err)), -1);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(privfind_check(path, &me, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "expected a program"));
	assert_int_equal(fchmod(fd, 0755), 0);
	/* Typed: /tmp is sticky, yet everybody's. */
	assert_int_equal(privfind_check(path, NULL, err, sizeof(err)), -1);
	assert_non_null(strstr(
	    err, me == 0 ? "writable by root alone" : "expected to be root's"));
	if (me == 0 && fchown(fd, 1, 1) == 0) {
		assert_int_equal(
		    privfind_check(path, &me, err, sizeof(err)), -1);
		assert_non_null(strstr(err, "try chown"));
		assert_int_equal(
		    privfind_check(path, &other, err, sizeof(err)), 0);
	}
	close(fd);
	/* A folder, and the one thing on every host that is beyond doubt. */
	assert_int_equal(privfind_check("/usr", &me, err, sizeof(err)), -1);
	if (realpath("/bin/sh", path) != NULL)
		assert_int_equal(
		    privfind_check(path, NULL, err, sizeof(err)), 0);
}

/* A typed path is judged where its links lead. */
static void
test_privfind_link(void **state)
{
	char path[128], found[PATH_MAX];

	snprintf(path, sizeof(path), "%s/f", (char *)*state);
	assert_int_equal(symlink("/bin/sh", path), 0);
	assert_int_equal(privfind(path, -1, found, err, sizeof(err)), 0);
	assert_null(strstr(found, "wesher-test"));
	assert_int_equal(
	    privfind("/nonexistent", -1, found, err, sizeof(err)), -1);
	assert_string_equal(err,
	    "--priv /nonexistent: No such file or directory: expected a "
	    "program");
}

static void
test_runas(void **state)
{
	struct runas as;

	(void)state;
	assert_int_equal(runas_find("4242", &as, err, sizeof(err)), 0);
	assert_int_equal(as.uid, 4242);
	assert_int_equal(as.gid, 4242);
	assert_int_equal(runas_find("0", &as, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "name an unprivileged one"));
	assert_int_equal(runas_find("root", &as, err, sizeof(err)), -1);
	assert_int_equal(runas_find("-1", &as, err, sizeof(err)), -1);
	/* (uid_t)-1 is no user. */
	assert_int_equal(runas_find("4294967295", &as, err, sizeof(err)), -1);
	assert_int_equal(runas_find("no.such.user", &as, err, sizeof(err)), -1);
	assert_string_equal(err,
	    "there is no user no.such.user: try useradd --system "
	    "--no-create-home --shell /usr/sbin/nologin no.such.user, or name "
	    "another one with --user");
}

/* In a child: nothing of root is left, and there is no way back. */
static void
test_become(void **state)
{
	const struct runas as = {4242, 4243};
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	if ((pid = fork()) == 0) {
		uid_t r, e, s;
		bool ok = runas_become(&as) == 0 && getgroups(0, NULL) == 0 &&
			  getresuid(&r, &e, &s) == 0 && r == 4242 &&
			  e == 4242 && s == 4242 && getegid() == 4243 &&
			  setuid(0) == -1 && setgid(0) == -1 &&
			  open("/proc/self/mem", O_RDONLY) == -1;

		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(runas_become(&(struct runas){0, 4243}), -1);
	assert_int_equal(runas_become(&(struct runas){4242, 0}), -1);
	assert_int_equal(geteuid(), 0);
}

/* A process that holds a pid file as the daemon does, until killed. */
static pid_t
holder(const char *path)
{
	int p[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(p), 0);
	if ((pid = fork()) == 0) {
		struct pidfh *pfh = pidfile_open(path, 0600, NULL);

		if (pfh == NULL || pidfile_write(pfh) == -1)
			_exit(1);
		if (write(p[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(p[1]);
	assert_int_equal(read(p[0], &byte, 1), 1);
	close(p[0]);
	return pid;
}

static void
test_pidlock(void **state)
{
	struct pollfd pfd = {.events = POLLIN};
	char path[128];
	pid_t pid;
	int fd, status;

	snprintf(path, sizeof(path), "%s/f", (char *)*state);
	assert_int_equal(pidlock_find(path, &fd), PIDLOCK_NONE);
	pid = holder(path);
	assert_int_equal(pidlock_find(path, &pfd.fd), PIDLOCK_LIVE);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	/* It is that very process. */
	kill(pid, SIGKILL);
	assert_int_equal(poll(&pfd, 1, 60000), 1);
	close(pfd.fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* The file stays, the lock does not. */
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(pidlock_find(path, &fd), PIDLOCK_NONE);
}

/* Locked, but with nonsense inside: nobody is signalled. */
static void
test_pidlock_bad(void **state)
{
	static const char *const bad[] = {"", "\n", "0", "-1", "1x", " 1",
	    "99999999999", "1\n2", "4194305000"};
	char path[128];
	int fd, pidfd;
	size_t i;

	snprintf(path, sizeof(path), "%s/f", (char *)*state);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd != -1);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t n = strlen(bad[i]);

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, bad[i], n, 0), (ssize_t)n);
		assert_int_equal(pidlock_find(path, &pidfd), PIDLOCK_ERROR);
	}
	close(fd);
	assert_int_equal(pidlock_find(path, &pidfd), PIDLOCK_NONE);
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(pidlock_find(path, &pidfd), PIDLOCK_ERROR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_argv),
	    cmocka_unit_test(test_environ),
	    cmocka_unit_test(test_supervised),
	    cmocka_unit_test(test_memfd),
	    cmocka_unit_test_setup_teardown(test_privfind, folder, unfolder),
	    cmocka_unit_test_setup_teardown(
		test_privfind_link, folder, unfolder),
	    cmocka_unit_test(test_runas),
	    cmocka_unit_test(test_become),
	    cmocka_unit_test_setup_teardown(test_pidlock, folder, unfolder),
	    cmocka_unit_test_setup_teardown(test_pidlock_bad, folder, unfolder),
	};

	return cmocka_run_group_tests_name("launch", tests, NULL, NULL);
}
