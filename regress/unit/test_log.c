/*
 * What leaves in a log line when a hostile string went in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"

static void
test_vis(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		const char *out; /* NULL: as it was */
	} t[] = {
	    {"plain text: 100% #1 \"q\" 'a' <b>", 31, NULL},
	    {"h\303\251llo", 6, NULL}, /* UTF-8 of 2, 3 and 4 bytes */
	    {"\342\202\254", 3, NULL}, {"\360\237\230\200", 4, NULL},
	    {"a\nb", 3, "a\\nb"}, {"a\tb", 3, "a\\tb"}, {"a\rb", 3, "a\\rb"},
	    {"a\033[2Jb", 6, "a\\033[2Jb"}, {"a\177b", 3, "a\\177b"},
	    {"\001", 1, "\\001"}, {"\377", 1, "\\377"},
	    {"\302", 1, "\\302"}, /* cut short */
	    {"\300\200", 2, "\\300\\200"}, /* overlong NUL */
	    {"\340\200\200", 3, "\\340\\200\\200"},
	    {"\355\240\200", 3, "\\355\\240\\200"}, /* a surrogate */
	    {"\364\220\200\200", 4, "\\364\\220\\200\\200"}, /* too high */
	    {"\302\233", 2, "\\302\\233"}, /* C1: CSI */
	    {"\342\200\256", 3, "\\342\\200\\256"}, /* right to left */
	    {"\342\201\246", 3, "\\342\\201\\246"},
	    {"\330\234", 2, "\\330\\234"}, /* a mark of Arabic */
	    {"\357\273\277", 3, "\\357\\273\\277"}, /* a BOM */
	};
	char buf[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const char *want = t[i].out == NULL ? t[i].in : t[i].out;

		log_vis(buf, sizeof(buf), t[i].in, t[i].n);
		if (strcmp(buf, want) != 0)
			fail_msg("row %zu: \"%s\", not \"%s\"", i, buf, want);
	}
}

/* Any two bytes come out as printable text that ends where it should. */
static void
test_vis_all(void **state)
{
	char in[2], out[16];
	const char *p;
	int a, b;

	(void)state;
	for (a = 0; a < 256; a++) {
		for (b = 0; b < 256; b++) {
			in[0] = (char)a;
			in[1] = (char)b;
			memset(out, 'Z', sizeof(out));
			log_vis(out, sizeof(out), in, 2);
			assert_non_null(memchr(out, '\0', 9));
			for (p = out; *p != '\0'; p++) {
				unsigned char c = (unsigned char)*p;

				assert_true(c >= 0x20 && c != 0x7f);
			}
		}
	}
}

/* A cut never splits an escape or a character, nor writes beyond. */
static void
test_vis_cut(void **state)
{
	static const char in[] = "a\n\342\202\254b\033";
	static const char *const want[] = {"", "a", "a", "a\\n", "a\\n", "a\\n",
	    "a\\n\342\202\254", "a\\n\342\202\254b", "a\\n\342\202\254b",
	    "a\\n\342\202\254b", "a\\n\342\202\254b", "a\\n\342\202\254b\\033"};
	char buf[32];
	size_t cap;

	(void)state;
	for (cap = 0; cap <= 12; cap++) {
		memset(buf, 'Z', sizeof(buf));
		log_vis(buf, cap, in, sizeof(in) - 1);
		assert_int_equal(buf[cap], 'Z');
		if (cap > 0)
			assert_string_equal(buf, want[cap - 1]);
	}
}

/* The journal has a clock; what was redirected elsewhere has none. */
static void
test_journal(void **state)
{
	int p[2], err = dup(STDERR_FILENO);
	char stream[64], got[256];
	struct stat st;
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(fstat(p[1], &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	assert_int_not_equal(dup2(p[1], STDERR_FILENO), -1);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init(LOG_D_STDERR, LOG_L_INFO, "test", -1);
	log_warnx("one");
	log_info("two");
	log_init(LOG_D_PLAIN, LOG_L_INFO, "test", -1);
	log_errorx("three");
	setenv("JOURNAL_STREAM", "1:2", 1);
	log_init(LOG_D_PLAIN, LOG_L_INFO, "test", -1);
	log_errorx("four");
	unsetenv("JOURNAL_STREAM");
	dup2(err, STDERR_FILENO);
	n = read(p[0], got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got, "<4>test: one\n<6>test: two\n"
				 "<3>test: three\ntest: four\n");
	close(err);
	close(p[0]);
	close(p[1]);
}

static char seen[2048];
static enum log_level seen_level;
static int nseen;

static void
sink(enum log_level level, const char *tag, const char *line)
{
	assert_string_equal(tag, "test");
	seen_level = level;
	strlcpy(seen, line, sizeof(seen));
	nseen++;
}

static void
test_lines(void **state)
{
	static char big[4000];
	size_t i;

	(void)state;
	log_sink(sink);
	log_init(LOG_D_SINK, LOG_L_INFO, "test", -1);
	nseen = 0;
	log_info("a %s", "b\nc");
	assert_string_equal(seen, "a b\\nc");
	assert_int_equal(seen_level, LOG_L_INFO);
	log_debug("below");
	assert_int_equal(nseen, 1);
	errno = ENOENT;
	log_warn("file");
	assert_string_equal(seen, "file: No such file or directory");
	assert_int_equal(errno, ENOENT);
	log_warnx("100%% %d", 7);
	assert_string_equal(seen, "100% 7");
	memset(big, '\001', sizeof(big) - 1);
	log_errorx("%s", big);
	assert_true(strlen(seen) < 1024);
	for (i = 0; seen[i] != '\0'; i++)
		assert_true(seen[i] >= 0x20);
	log_level_set(LOG_L_ERROR);
	assert_int_equal(log_level_get(), LOG_L_ERROR);
	nseen = 0;
	log_warnx("no");
	assert_int_equal(nseen, 0);
}

/* One line is one write(2), with the level in front. */
static void
test_pipe(void **state)
{
	char buf[256];
	int p[2];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(p), 0);
	log_init(LOG_D_PIPE, LOG_L_DEBUG, "test", p[1]);
	log_errorx("one");
	log_warnx("two\n<1>three");
	log_debug("four");
	n = read(p[0], buf, sizeof(buf) - 1);
	assert_true(n > 0);
	buf[n] = '\0';
	assert_string_equal(buf, "<3>one\n<4>two\\n<1>three\n<7>four\n");
	close(p[0]);
	close(p[1]);
}

static void
test_levels(void **state)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		assert_int_equal(log_level_parse(names[i]), i);
		assert_string_equal(
		    log_level_name((enum log_level)i), names[i]);
	}
	assert_int_equal(log_level_parse("Warn"), -1);
	assert_int_equal(log_level_parse(""), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vis),
	    cmocka_unit_test(test_vis_all),
	    cmocka_unit_test(test_vis_cut),
	    cmocka_unit_test(test_journal),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_pipe),
	    cmocka_unit_test(test_levels),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
