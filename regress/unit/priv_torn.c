/*
 * wesher-priv killed at every system call of a rewrite of the hosts file, and
 * each of those calls failing: what stands under the name is the whole old or
 * the whole new text, and the next write leaves nothing lying about. By
 * rename, and in place where the file is a bind mount: there the next start
 * mends what was torn.
 */
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../priv/setup.h"
#include "tracer.h"

#define LINE(addr, name) \
	addr "\t" name "\t# ! managed automatically by wesher interface wg0\n"
#define HEAD  "127.0.0.1 localhost\n"
#define SHORT HEAD LINE("10.7.0.1", "node1")
#define LONG                                                     \
	HEAD LINE("10.7.0.1", "node1") LINE("10.7.0.2", "node2") \
	    LINE("10.7.0.3", "node3")

static char top[64], below[80], over[80];
static int dir, lock;
static bool in_place;
static struct hosts *h;
static const char *old, *new;
static unsigned oldseen, newseen; /* what a disturbed rewrite left */

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static bool
holds(const char *text)
{
	char buf[1024];
	int fd = openat(dir, "hosts", O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf));

	assert_true(fd >= 0 && n >= 0);
	close(fd);
	return (size_t)n == strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

/* The names in the folder but hosts itself, which may be there. */
static unsigned
others(void)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY);
	DIR *d = fdopendir(fd);
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || strcmp(e->d_name, "hosts") == 0)
			continue;
		n++;
		if (strcmp(e->d_name, "hosts.wesher-new.wg0") != 0 &&
		    strcmp(e->d_name, "hosts.wesher-copy") != 0)
			fail_msg("%s was left over", e->d_name);
	}
	closedir(d);
	return n;
}

static int
rewrite(void)
{
	struct hosts_entry e[3] = {
	    {.name = "node1"}, {.name = "node2"}, {.name = "node3"}};
	uint8_t i;

	for (i = 0; i < 3; i++)
		e[i].addr = (struct ipaddr){4, {10, 7, 0, (uint8_t)(i + 1)}};
	return hosts_write(h, e, strcmp(new, LONG) == 0 ? 3 : 1) < 0;
}

static void
before(void)
{
	put(in_place ? below : over, old);
	free(h);
	assert_non_null(h = hosts_open(dir, "wg0", lock));
}

/* The next start finds the old file or the new one, and writes the new. */
static void
next_start(void)
{
	free(h);
	assert_non_null(h = hosts_open(dir, "wg0", lock));
	assert_true(holds(old) || holds(new));
	oldseen += holds(old);
	newseen += holds(new);
	assert_int_equal(rewrite(), 0);
	assert_true(holds(new));
	assert_int_equal(others(), 0);
}

static void
after_kill(int r)
{
	bool torn = !holds(old) && !holds(new);

	(void)r;
	assert_true(!torn || (in_place && others() == 1));
	(void)others();
	next_start();
}

/*
 * Who says that it is done has done it. After one failure the file is whole
 * and nothing lies about, but for the copy that could not be removed.
 */
static void
after_failure(int r)
{
	assert_true(holds(old) || holds(new));
	if (r == 0 || r == TRACE_ENDED)
		assert_true(holds(new));
	else
		assert_int_equal(r, 1);
	assert_true(others() == 0 || (in_place && r == 0));
	next_start();
}

/* All the calls fail from one on: the old text cannot be put back either, but
 * its copy stays. */
static void
after_failures(int r)
{
	bool torn = !holds(old) && !holds(new);

	if (r == 0 || r == TRACE_ENDED)
		assert_true(holds(new));
	else
		assert_int_equal(r, 1);
	assert_true(!torn || (in_place && others() >= 1));
	next_start();
}

static void
sweep(enum trace_how how, int error, bool torn)
{
	struct trace t = {.how = how, .error = error, .torn = torn};
	unsigned n;

	oldseen = newseen = 0;
	n = trace_sweep(t, rewrite, before,
	    how == TRACE_FAIL	   ? after_failure
	    : how == TRACE_FAIL_ON ? after_failures
				   : after_kill);
	/* open, write, truncate, sync, rename, sync at least */
	assert_true(n >= 10);
	assert_true(newseen >= 1);
	assert_true(oldseen >= (how == TRACE_EXIT ? 1 : 5));
}

static void
longer_and_shorter(enum trace_how how, int error, bool torn)
{
	old = SHORT;
	new = LONG;
	sweep(how, error, torn);
	old = LONG;
	new = SHORT;
	sweep(how, error, torn);
}

static void
killed(void)
{
	longer_and_shorter(TRACE_ENTRY, 0, false);
	longer_and_shorter(TRACE_EXIT, 0, false);
	if (!TRACE_CAN_FAIL)
		skip();
	longer_and_shorter(TRACE_ENTRY, 0, true);
	longer_and_shorter(TRACE_EXIT, 0, true);
}

static void
failing(void)
{
	static const int errors[] = {EIO, ENOSPC, EINTR};
	size_t i;

	if (!TRACE_CAN_FAIL)
		skip();
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		longer_and_shorter(TRACE_FAIL, errors[i], true);
		/* A call that is interrupted for ever does not end. */
		if (errors[i] != EINTR)
			longer_and_shorter(TRACE_FAIL_ON, errors[i], true);
	}
}

static void
enter(void)
{
	assert_true((dir = open(top, O_RDONLY | O_DIRECTORY)) >= 0);
}

static int
setup(void **state)
{
	(void)state;
	in_place = false;
	strlcpy(top, "/tmp/wesher-torn.XXXXXX", sizeof(top));
	assert_non_null(mkdtemp(top));
	snprintf(over, sizeof(over), "%s/hosts", top);
	snprintf(below, sizeof(below), "%s.below", top);
	lock = memfd_create("lock", MFD_CLOEXEC);
	enter();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(h);
	h = NULL;
	close(lock);
	if (in_place)
		(void)umount2(over, MNT_DETACH);
	(void)unlink(below);
	(void)unlinkat(dir, "hosts", 0);
	close(dir);
	return rmdir(top);
}

/* hosts becomes a bind mount of a file elsewhere. */
static void
bind_hosts(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1) {
		const char *ci = getenv("CI");

		assert_false(ci != NULL && strcmp(ci, "true") == 0);
		skip();
	}
	close(dir); /* it leads into the old namespace */
	put(over, "");
	put(below, HEAD);
	assert_int_equal(mount(below, over, NULL, MS_BIND, NULL), 0);
	enter();
	in_place = true;
}

static void
test_killed(void **state)
{
	(void)state;
	killed();
}

static void
test_killed_in_place(void **state)
{
	(void)state;
	bind_hosts();
	killed();
}

static void
test_failing(void **state)
{
	(void)state;
	failing();
}

static void
test_failing_in_place(void **state)
{
	(void)state;
	bind_hosts();
	failing();
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {T(test_killed),
	    T(test_killed_in_place), T(test_failing), T(test_failing_in_place)};

	return cmocka_run_group_tests_name("priv_torn", tests, NULL, NULL);
}
