/*
 * The state folder as a former gossip process may have left it, at the start
 * of wesher-priv: root enters it by a descriptor that opens nothing, and opens
 * nothing in it. The kernel itself tells, by inotify.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "../../common/owned.h"
#include "../../priv/setup.h"

#define UID 12345

static char top[] = "/tmp/privfolder.XXXXXX";
static char folder[64], secret[64];
static const struct runas user = {UID, UID};
static struct policy pol;

static const char *
at(const char *name)
{
	static char buf[4][128];
	static unsigned i;
	char *p = buf[i++ % 4];

	snprintf(p, sizeof(buf[0]), "%s/%s", folder, name);
	return p;
}

static int
make(void **state)
{
	int fd;

	(void)state;
	log_init(LOG_D_PLAIN, LOG_L_INFO, "test", -1);
	if (mkdtemp(top) == NULL)
		return -1;
	chmod(top, 0755);
	pol = (struct policy){.statedir = top};
	strcpy(pol.interface, "wgt");
	strcpy(pol.user, "12345");
	snprintf(folder, sizeof(folder), "%s/wgt", top);
	snprintf(secret, sizeof(secret), "%s/secret", top);
	fd = open(secret, O_WRONLY | O_CREAT, 0600);
	return fd == -1 ? -1 : close(fd);
}

static int
unmake(void **state)
{
	char cmd[64];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

/* Everything that may wait there, under our names and others. */
static void
plant(void)
{
	static const char *const names[] = {
	    "state.json", "state.json.tmp", "state.json.bad", "x", ".y"};
	int fd;

	assert_int_equal(mkfifo(at(names[0]), 0666), 0);
	assert_int_equal(symlink(secret, at(names[1])), 0);
	assert_int_equal(link(secret, at(names[2])), 0);
	assert_int_equal(mkdir(at(names[3]), 0777), 0);
	fd = open(at(names[4]), O_WRONLY | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, 1LL << 40), 0);
	close(fd);
}

/* Events about what is in the folder. */
static int
events(int in)
{
	union {
		struct inotify_event ev;
		char b[4096];
	} u;
	ssize_t n = read(in, u.b, sizeof(u.b)), off;
	int count = 0;

	for (off = 0; n > 0 && off < n;) {
		struct inotify_event ev;

		memcpy(&ev, u.b + off, sizeof(ev));
		count += ev.len > 0;
		off += (ssize_t)sizeof(ev) + ev.len;
	}
	return count;
}

static void
hostile_16_root_opens_nothing(void **state)
{
	struct stat st;
	int in, fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	close(setup_dirs(&pol, &user));
	plant();
	in = inotify_init1(IN_NONBLOCK);
	assert_true(inotify_add_watch(in, folder, IN_ALL_EVENTS) != -1);
	fd = setup_dirs(&pol, &user);
	assert_int_equal(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
	assert_int_equal(owned_oldstate(top, "wgt"), -1);
	close(fd);
	assert_int_equal(events(in), 0);
	/* It would have been seen. */
	close(open(at(".y"), O_RDONLY));
	assert_true(events(in) > 0);
	close(in);
	assert_int_equal(stat(secret, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_size, 0);
}

/* As the new process does it: by its own right alone. */
static int
enters(int fd)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(setgid(UID) == -1 || setuid(UID) == -1 ||
		      fchdir(fd) == -1 || access(".", R_OK | W_OK) == -1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The one before has taken its own right away. */
static void
hostile_16_folder_shut(void **state)
{
	static const mode_t modes[] = {0, 0100, 0500, 0400};
	size_t i;
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(folder, modes[i]), 0);
		fd = setup_dirs(&pol, &user);
		assert_true(enters(fd));
		close(fd);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hostile_16_root_opens_nothing),
	    cmocka_unit_test(hostile_16_folder_shut),
	};

	return cmocka_run_group_tests_name("folder", tests, make, unmake);
}
