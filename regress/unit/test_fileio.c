/*
 * Small files as a whole: what is no plain file is not read, a new one takes
 * the old one's place whole or not at all. A full disk is tried by the tests
 * of what uses this: test_state.c and priv_hosts.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/fileio.h"

static char top[64];
static int dir;

static int
setup(void **state)
{
	(void)state;
	strlcpy(top, "/tmp/wesher-fileio.XXXXXX", sizeof(top));
	if (mkdtemp(top) == NULL)
		return -1;
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir == -1 ? -1 : 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = {"a", "b", "link", "fifo"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(dir, names[i], 0);
	(void)unlinkat(dir, "folder", AT_REMOVEDIR);
	close(dir);
	return rmdir(top);
}

static void
expect(const char *name, const char *text)
{
	struct stat st;
	size_t len;
	char *s = file_read(dir, name, 100, &len, &st);

	assert_non_null(s);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(s, text, len);
	free(s);
}

static int
unreadable(const char *name, size_t max)
{
	struct stat st;
	size_t len;

	errno = 0;
	assert_null(file_read(dir, name, max, &len, &st));
	return errno;
}

static void
test_read(void **state)
{
	(void)state;
	assert_int_equal(unreadable("a", 10), ENOENT);
	assert_int_equal(file_new(dir, "a", "12345", 5, NULL), 0);
	expect("a", "12345");
	assert_int_equal(unreadable("a", 4), EFBIG);
	assert_int_equal(symlinkat("a", dir, "link"), 0);
	assert_int_equal(unreadable("link", 10), ELOOP);
	assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
	assert_int_equal(unreadable("fifo", 10), EINVAL);
	assert_int_equal(mkdirat(dir, "folder", 0700), 0);
	assert_int_equal(unreadable("folder", 100000), EINVAL);
	assert_int_equal(file_new(dir, "a", "", 0, NULL), 0);
	expect("a", "");
}

static void
test_new(void **state)
{
	struct stat like = {.st_mode = 0644,
			.st_uid = geteuid(),
			.st_gid = getegid()},
		    st;

	(void)state;
	/* Never through what stands there. */
	assert_int_equal(file_new(dir, "b", "other", 5, NULL), 0);
	assert_int_equal(symlinkat("b", dir, "a"), 0);
	assert_int_equal(file_new(dir, "a", "text", 4, &like), 0);
	expect("a", "text");
	expect("b", "other");
	assert_int_equal(fstatat(dir, "a", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(fstatat(dir, "b", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(mkdirat(dir, "folder", 0700), 0);
	assert_int_equal(file_new(dir, "folder", "", 0, NULL), -EEXIST);
}

static void
test_replace(void **state)
{
	struct stat was, st;

	(void)state;
	assert_int_equal(file_new(dir, "a", "old", 3, NULL), 0);
	assert_int_equal(fstatat(dir, "a", &was, 0), 0);
	assert_int_equal(file_replace(dir, "a", "b", "newer", 5), 0);
	expect("a", "newer");
	assert_int_equal(fstatat(dir, "a", &st, 0), 0);
	assert_true(st.st_ino != was.st_ino);
	assert_int_equal(unreadable("b", 10), ENOENT);
	/* A folder is in the way: nothing stays beside. */
	assert_int_equal(mkdirat(dir, "folder", 0700), 0);
	assert_int_equal(file_replace(dir, "folder", "b", "x", 1), -EISDIR);
	assert_int_equal(unreadable("b", 10), ENOENT);
	assert_int_equal(file_replace(-1, "a", "b", "x", 1), -EBADF);
}

/* Shorter than before: nothing of the old text stays. */
static void
test_overwrite(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(file_new(dir, "a", "a longer text", 13, NULL), 0);
	fd = openat(dir, "a", O_WRONLY);
	assert_int_equal(file_overwrite(fd, "short", 5), 0);
	close(fd);
	expect("a", "short");
	fd = openat(dir, "a", O_RDONLY);
	assert_int_equal(file_overwrite(fd, "x", 1), -EBADF);
	close(fd);
	expect("a", "short");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_read), T(test_new), T(test_replace), T(test_overwrite)};

	return cmocka_run_group_tests_name("fileio", tests, NULL, NULL);
}
