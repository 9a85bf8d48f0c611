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

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/daemon.h"
#include "../../common/log.h"
#include "../../common/privargs.h"

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

static char top[] = "/tmp/hup.XXXXXX", line[1024];

static void
on_line(enum log_level level, const char *tag, const char *text)
{
	(void)tag;
	assert_int_equal(level, LOG_L_WARN);
	strlcpy(line, text, sizeof(line));
}

/* Another file of that name. */
static void
put(const char *name)
{
	char path[64], fresh[72];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT, 0600);
	assert_int_not_equal(fd, -1);
	close(fd);
	assert_int_equal(rename(fresh, path), 0);
}

static void
answers(const char *want)
{
	daemon_hup();
	if (strstr(line, want) == NULL)
		fail_msg("\"%s\" is not in: %s", want, line);
}

static void
test_hup(void **state)
{
	struct policy pol = {.interface = "wgt",
	    .keydir = top,
	    .etcdir = top,
	    .gossip_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
	    .keep_interface = true};
	char want[256];

	(void)state;
	log_sink(on_line);
	log_init(LOG_D_SINK, LOG_L_WARN, "test", -1);
	assert_non_null(mkdtemp(top));
	hup_prepare(&pol);
	put("wgt.key"); /* a first start makes it */
	hup_ready();
	answers("SIGHUP: options change with a restart: all is as it was at "
		"the start; it costs no packet; event=sighup restart=free");
	put("hosts"); /* ours to write */
	answers("all is as it was");
	assert_int_equal(mkdir(strcat(strcpy(want, top), "/wesher"), 0700), 0);
	put("wesher/wgt.env");
	snprintf(want, sizeof(want),
	    "restart: changed since the start: %s/wesher/wgt.env; it costs no "
	    "packet; event=sighup changed=%s/wesher/wgt.env restart=free",
	    top, top);
	answers(want);
	put("hostname");
	answers("restart=anew");
	put("wgt.key");
	snprintf(want, sizeof(want),
	    "%s/wesher/wgt.env, %s/hostname, %s/wgt.key; it ends the tunnels "
	    "until the others know us anew; event=sighup changed=\"",
	    top, top, top);
	answers(want);
	hup_prepare(&pol);
	answers("costs no packet");
	/* Without anything of it having changed. */
	pol.init = true;
	hup_prepare(&pol);
	answers("; --init would forget the state and the keys; it ends the");
	pol.keep_interface = false;
	hup_prepare(&pol);
	answers("it takes the tunnels down (not with --keep-interface)");
	snprintf(want, sizeof(want), "rm -r %s", top);
	assert_int_equal(system(want), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_status), cmocka_unit_test(test_hup)};

	return cmocka_run_group_tests_name("daemon", tests, NULL, NULL);
}
