/*
 * The front process's status: 0 once the daemon is ready, 1 when it ends
 * before; and the daemon leaves session and terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include <unistd.h>

#include "../../common/daemon.h"

static int said[2];

/* Status of the front process of a daemon that runs f. */
static int
front(void (*f)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		daemon_fork();
		f();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
fails(void)
{
	_exit(0); /* its own status is nobody's */
}

static void
becomes_ready(void)
{
	struct stat out, null;
	bool ok = getsid(0) != getpid() && daemon_ready() == 1 &&
		  getsid(0) == getpid() && fstat(1, &out) == 0 &&
		  stat("/dev/null", &null) == 0 &&
		  out.st_rdev == null.st_rdev && S_ISCHR(out.st_mode) &&
		  daemon_ready() == 0;

	if (write(said[1], ok ? "y" : "n", 1) != 1)
		_exit(1);
}

static void
test_status(void **state)
{
	char c = '?';

	(void)state;
	assert_int_equal(daemon_ready(), 0); /* not in the background */
	assert_int_equal(pipe(said), 0);
	assert_int_equal(front(fails), 1);
	assert_int_equal(front(becomes_ready), 0);
	assert_int_equal(read(said[0], &c, 1), 1);
	assert_int_equal(c, 'y');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_status)};

	return cmocka_run_group_tests_name("daemon", tests, NULL, NULL);
}
