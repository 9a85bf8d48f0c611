/*
 * The mechanism of both sandboxes: what a filter and a Landlock box refuse,
 * tried from inside. What each process may do is tested where its own list is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/filter.h"
#include "../../common/landlock.h"
#include "../../common/runas.h"
#include "inside.h"

static char top[64];
#define TEST_UID 64998

static int dir, abi, port;

/* What a process needs to end, and the sanitizers besides. */
static const char *const basic[] = {"exit_group", "read", "write", "close",
    "getppid", "rt_sigprocmask", "sigaltstack", "munmap", "mmap", "futex",
    NULL};

static struct filter *
rules(uint32_t arch, const void *arg)
{
	static const char *const refused[] = {"shutdown", NULL};
	const struct scmp_arg_cmp inet[] = {FILTER_EQ(0, AF_INET)};
	struct filter *f = filter_new(0);

	(void)arch;
	(void)arg;
	if (f == NULL)
		return NULL;
	filter_allow(f, basic);
	filter_refuse(f, refused, EPERM);
	filter_if(f, "socket", 0, 1, inet);
	return f;
}

static int
filter(void)
{
	struct filter_program *p;
	int err = filter_make(&p, rules, NULL);

	return err != 0 ? err : filter_load(p);
}

static int
no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int
filtered(void)
{
	return no_new_privs() == -1 ? -1 : filter();
}

static long
try_allowed(void)
{
	return syscall(SYS_getppid);
}

static long
try_outside_list(void)
{
	return syscall(SYS_getuid);
}

static long
try_refused(void)
{
	return shutdown(0, SHUT_RDWR);
}

static long
try_good_argument(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static long
try_bad_argument(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0);
}

static long
try_newer_than_the_library(void)
{
	return syscall(1000);
}

static long
try_other_table(void)
{
#ifdef __x86_64__
	return syscall(0x40000000 + SYS_getppid);
#else
	return syscall(-1);
#endif
}

static void
test_filter(void **state)
{
	static const struct {
		long (*attempt)(void);
		int want;
	} t[] = {
	    {try_allowed, INSIDE_OK},
	    {try_outside_list, INSIDE_SIGNAL(SIGSYS)},
	    {try_refused, EPERM},
	    {try_good_argument, INSIDE_OK},
	    {try_bad_argument, INSIDE_SIGNAL(SIGSYS)},
	    {try_newer_than_the_library, ENOSYS},
	    {try_other_table, INSIDE_SIGNAL(SIGSYS)},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(inside(filtered, t[i].attempt), t[i].want);
}

static struct filter *
wrong_rules(uint32_t arch, const void *arg)
{
	static const char *const wrong[] = {"getppid", "no_such_call", NULL};
	struct filter *f = filter_new(0);

	(void)arch;
	(void)arg;
	if (f != NULL)
		filter_allow(f, wrong);
	return f;
}

static void
test_filter_unknown_name(void **state)
{
	struct filter_program *p;
	struct filter *f = wrong_rules(0, NULL);

	(void)state;
	assert_int_equal(filter_make(&p, wrong_rules, NULL), -EINVAL);
	assert_null(p);
	assert_non_null(f);
	assert_int_equal(filter_pfc(f, STDERR_FILENO), -EINVAL);
	filter_free(f);
}

static struct filter *
dying_rules(uint32_t arch, const void *arg)
{
	(void)arch;
	(void)arg;
	_exit(0);
}

static struct filter *
no_rules(uint32_t arch, const void *arg)
{
	(void)arch;
	(void)arg;
	return NULL;
}

/* It is made by another process, whose end is no program. */
static void
test_filter_not_made(void **state)
{
	struct filter_program *p;

	(void)state;
	assert_int_equal(filter_make(&p, dying_rules, NULL), -ECHILD);
	assert_null(p);
	assert_int_equal(filter_make(&p, no_rules, NULL), -ENOMEM);
	assert_null(p);
}

/* Where no process can be made it is made here. */
static int
no_processes(void)
{
	const struct rlimit none = {0, 0};
	const struct runas as = {TEST_UID, TEST_UID};

	if (runas_ids(&as) == -1 || setrlimit(RLIMIT_NPROC, &none) == -1 ||
	    fork() != -1)
		return -1;
	return filtered();
}

static void
test_filter_without_processes(void **state)
{
	(void)state;
	assert_int_equal(inside(no_processes, try_allowed), INSIDE_OK);
	assert_int_equal(
	    inside(no_processes, try_outside_list), INSIDE_SIGNAL(SIGSYS));
}

/* A name that another architecture does not have is left out there. */
static void
test_filter_other_architecture(void **state)
{
	static const char *const some[] = {"poll", "ppoll", NULL};
	FILE *tmp = tmpfile();
	struct filter *f = filter_new(SCMP_ARCH_AARCH64);
	char text[4096];
	ssize_t n;

	(void)state;
	assert_non_null(tmp);
	assert_non_null(f);
	filter_allow(f, some);
	assert_int_equal(filter_pfc(f, fileno(tmp)), 0);
	n = pread(fileno(tmp), text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "\"ppoll\""));
	assert_null(strstr(text, "\"poll\""));
	filter_free(f);
	fclose(tmp);
}

static int
boxed_at(int level)
{
	const struct box_dir dirs[] = {
	    {dir, BOX_READ | BOX_WRITE | BOX_MAKE | BOX_REMOVE}};
	const uint16_t ports[] = {(uint16_t)port};
	const struct box b = {.dirs = dirs,
	    .ndirs = 1,
	    .ports = ports,
	    .nports = 1,
	    .bind_any_port = true,
	    .scope_signals = true,
	    .scope_sockets = true};

	return landlock_enter(level, &b);
}

static int
boxed(void)
{
	return no_new_privs() == -1 ? -1 : boxed_at(abi);
}

static int
not_boxed(void)
{
	return boxed_at(0);
}

static int
unprivileged(void)
{
	(void)unsetenv("COVEXIT_NO"); /* not confined: `make cov` may look */
	return geteuid() == 0 ? setuid(65534) : 0;
}

static long
try_filter(void)
{
	errno = -filter();
	return -1;
}

static long
try_landlock(void)
{
	errno = -boxed_at(abi);
	return -1;
}

/* Whoever forgot it would else think that it is confined. */
static void
test_no_new_privs_comes_first(void **state)
{
	(void)state;
	assert_int_equal(inside(unprivileged, try_filter), EACCES);
	if (abi > 0)
		assert_int_equal(inside(unprivileged, try_landlock), EPERM);
}

static long
try_file(void)
{
	int fd = openat(dir, "a", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || renameat(dir, "a", dir, "b") == -1)
		return -1;
	return unlinkat(dir, "b", 0);
}

static long
try_mkdir(void)
{
	return mkdirat(dir, "d", 0700);
}

static long
try_link(void)
{
	return symlinkat("x", dir, "l");
}

static long
try_fifo(void)
{
	return mkfifoat(dir, "f", 0600);
}

static long
try_outside(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long
try_signal(void)
{
	return kill(getppid(), 0);
}

static long
tcp(long (*call)(int, const struct sockaddr_in *), int where)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)where),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd == -1 ? -1 : call(fd, &sin);
}

static long
call_bind(int fd, const struct sockaddr_in *sin)
{
	return bind(fd, (const struct sockaddr *)sin, sizeof(*sin));
}

static long
call_connect(int fd, const struct sockaddr_in *sin)
{
	return connect(fd, (const struct sockaddr *)sin, sizeof(*sin));
}

static long
try_bind(void)
{
	return tcp(call_bind, 1025);
}

static long
try_bind_any(void)
{
	return tcp(call_bind, 0);
}

static long
try_connect(void)
{
	return tcp(call_connect, port);
}

static long
try_connect_other(void)
{
	return tcp(call_connect, port == 1025 ? 1026 : 1025);
}

static long
try_abstract(void)
{
	static const char name[] = "\0wesher-test-box";
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(sun.sun_path, name, sizeof(name) - 1);
	return connect(fd, (struct sockaddr *)&sun,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(name) -
			1));
}

static void
test_landlock(void **state)
{
	/* Nothing listens there: what is allowed is refused by the peer. */
	static const struct {
		int from; /* the ABI that refuses it */
		long (*attempt)(void);
		int allowed, refused;
	} t[] = {
	    {99, try_file, INSIDE_OK, 0},
	    {1, try_mkdir, INSIDE_OK, EACCES},
	    {1, try_link, INSIDE_OK, EACCES},
	    {1, try_fifo, INSIDE_OK, EACCES},
	    {1, try_outside, INSIDE_OK, EACCES},
	    {4, try_bind, INSIDE_OK, EACCES},
	    {99, try_bind_any, INSIDE_OK, 0},
	    {99, try_connect, ECONNREFUSED, 0},
	    {4, try_connect_other, ECONNREFUSED, EACCES},
	    {6, try_signal, INSIDE_OK, EPERM},
	    {6, try_abstract, INSIDE_OK, EPERM},
	};
	int (*const enter[])(void) = {not_boxed, boxed};
	size_t i, box;
	bool refused;

	(void)state;
	if (abi == 0) {
		print_message("# no Landlock in this kernel\n");
		skip();
	}
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		for (box = 0; box < 2; box++) {
			refused = box == 1 && abi >= t[i].from;
			assert_int_equal(inside(enter[box], t[i].attempt),
			    refused ? t[i].refused : t[i].allowed);
			(void)unlinkat(dir, "d", AT_REMOVEDIR);
			(void)unlinkat(dir, "l", 0);
			(void)unlinkat(dir, "f", 0);
		}
}

/* An abstract socket for try_abstract(), and a port that nobody has. */
static int
setup(void **state)
{
	static const char name[] = "\0wesher-test-box";
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	int tcpfd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	memcpy(sun.sun_path, name, sizeof(name) - 1);
	if (bind(fd, (struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			    sizeof(name) - 1)) == -1 ||
	    bind(tcpfd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    getsockname(tcpfd, (struct sockaddr *)&sin, &len) == -1)
		return -1;
	port = ntohs(sin.sin_port); /* bound, never listening */
	abi = landlock_abi();
	strlcpy(top, "/tmp/wesher-box.XXXXXX", sizeof(top));
	if (mkdtemp(top) == NULL)
		return -1;
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir == -1 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	close(dir);
	return rmdir(top);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_filter),
	    cmocka_unit_test(test_filter_unknown_name),
	    cmocka_unit_test(test_filter_not_made),
	    cmocka_unit_test(test_filter_without_processes),
	    cmocka_unit_test(test_filter_other_architecture),
	    cmocka_unit_test(test_landlock),
	    cmocka_unit_test(test_no_new_privs_comes_first),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
