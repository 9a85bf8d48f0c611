/*
 * The state folder as a former gossip process, under foreign control, may
 * have left it: whatever bears the names of our files, reading neither blocks
 * nor follows, and afterwards the state is saved and read again.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "../../wesher/state.h"

#define NAME "state.json"

static char folder[] = "/tmp/wesherfolder.XXXXXX";
static int dir;
static char said[1024];

enum shape {
	NOTHING,
	FIFO,
	LINK, /* to a file that must stay as it is */
	LINK_LOOP,
	LINK_NOWHERE,
	HARD_LINK, /* to that file */
	SOCKET,
	FOLDER,
	FULL_FOLDER,
	HUGE, /* a terabyte of nothing */
	DEEP, /* JSON nested a million times */
	SHAPES
};

static void
on_line(enum log_level level, const char *tag, const char *line)
{
	(void)level;
	(void)tag;
	snprintf(said, sizeof(said), "%s", line);
}

static void
put(const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
put_socket(const char *name)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", folder, name);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
}

static void
put_large(const char *name, bool deep)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT, 0600), i;
	char brackets[1000];

	memset(brackets, '[', sizeof(brackets));
	if (!deep)
		assert_int_equal(ftruncate(fd, 1LL << 40), 0);
	for (i = 0; deep && i < 1000; i++)
		assert_int_equal(write(fd, brackets, 1000), 1000);
	close(fd);
}

static void
plant(enum shape s, const char *name)
{
	char inside[64];

	snprintf(inside, sizeof(inside), "%s/x", name);
	switch (s) {
	case FIFO:
		assert_int_equal(mkfifoat(dir, name, 0600), 0);
		break;
	case LINK:
		assert_int_equal(symlinkat("victim", dir, name), 0);
		break;
	case LINK_LOOP:
		assert_int_equal(symlinkat(name, dir, name), 0);
		break;
	case LINK_NOWHERE:
		assert_int_equal(symlinkat("made", dir, name), 0);
		break;
	case HARD_LINK:
		assert_int_equal(linkat(dir, "victim", dir, name, 0), 0);
		break;
	case SOCKET:
		put_socket(name);
		break;
	case FOLDER:
	case FULL_FOLDER:
		assert_int_equal(mkdirat(dir, name, 0700), 0);
		if (s == FULL_FOLDER)
			put(inside, "x");
		break;
	case HUGE:
	case DEEP:
		put_large(name, s == DEEP);
		break;
	default:
		break;
	}
}

static bool
exists(const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
assert_victim_is_whole(void)
{
	char buf[16] = "";
	struct stat st;
	int fd = openat(dir, "victim", O_RDONLY);

	assert_int_equal(read(fd, buf, sizeof(buf)), 9);
	assert_string_equal(buf, "untouched");
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	close(fd);
	assert_false(exists("made"));
}

static void
clean(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s/*", folder);
	assert_int_equal(system(cmd), 0);
}

/* A start in that folder, and the next one. */
static void
starts(void)
{
	struct state s, got;
	char why[STATE_WHY];
	int r;

	put("victim", "untouched");
	assert_int_equal(fchmodat(dir, "victim", 0640, 0), 0);
	r = state_load(dir, NAME, &s, why, sizeof(why));
	assert_true(r == STATE_NONE || r == STATE_BAD);
	assert_string_not_equal(why, "");
	memset(&s, 0, sizeof(s));
	s.has_key = true;
	s.key[0] = 42;
	s.incarnation = 7;
	assert_int_equal(state_save(dir, NAME, &s), 0);
	assert_int_equal(
	    state_load(dir, NAME, &got, why, sizeof(why)), STATE_OK);
	assert_int_equal(got.key[0], 42);
	assert_int_equal(got.incarnation, 7);
	state_clear(&got);
	assert_false(exists(NAME ".tmp"));
	assert_victim_is_whole();
}

static void
hostile_16_state_folder(void **state)
{
	static const enum shape some[] = {NOTHING, FIFO, LINK, FULL_FOLDER};
	size_t b, c;
	int a;

	(void)state;
	alarm(120); /* a fifo may not hold it up */
	for (a = 0; a < SHAPES; a++)
		for (b = 0; b < 4; b++)
			for (c = 0; c < 4; c += 3) {
				put("victim", "untouched");
				/* Each shape under either name. */
				plant(
				    (enum shape)a, b % 2 ? NAME ".tmp" : NAME);
				plant(some[b], b % 2 ? NAME : NAME ".tmp");
				plant(some[c], NAME ".bad");
				starts();
				clean();
			}
	alarm(0);
}

/* It tells what it moved. */
static void
hostile_16_says_what_it_did(void **state)
{
	struct state s = {.has_key = true};

	(void)state;
	plant(FULL_FOLDER, NAME);
	assert_int_equal(state_save(dir, NAME, &s), 0);
	assert_non_null(strstr(said, NAME " was in the way"));
	clean();
	plant(FOLDER, NAME ".tmp");
	assert_int_equal(state_save(dir, NAME, &s), 0);
	assert_non_null(strstr(said, NAME ".tmp was in the way"));
	clean();
}

static int
enter(void **state)
{
	(void)state;
	log_init(LOG_D_SINK, LOG_L_WARN, "test", -1);
	log_sink(on_line);
	if (mkdtemp(folder) == NULL)
		return -1;
	dir = open(folder, O_RDONLY | O_DIRECTORY);
	return dir == -1 ? -1 : 0;
}

static int
leave(void **state)
{
	(void)state;
	close(dir);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hostile_16_state_folder),
	    cmocka_unit_test(hostile_16_says_what_it_did),
	};

	return cmocka_run_group_tests_name("folder", tests, enter, leave);
}
