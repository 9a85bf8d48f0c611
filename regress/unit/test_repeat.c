/*
 * Lines of the log: what passes and what is counted when they come again, and
 * the form of their pairs, whatever the strings in them are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../common/log.h"
#include "../../common/logline.h"
#include "../../common/repeat.h"
#include "../../wesher/event.h"

static struct repeat r;
static struct {
	char text[REPEAT_TEXT];
	unsigned held, times;
	int64_t seconds, ago;
} said;

static void
say(int at, const char *text, unsigned held, int64_t seconds, int64_t ago)
{
	assert_int_equal(at, LOG_L_WARN);
	strlcpy(said.text, text, sizeof(said.text));
	said.held = held;
	said.seconds = seconds;
	said.ago = ago;
	said.times++;
}

static bool
may_at(int64_t now, const char *site, const char *subject, const char *text)
{
	struct repeat_news n = {.now = now,
	    .site = site,
	    .subject = subject,
	    .nsubject = strlen(subject),
	    .level = LOG_L_WARN,
	    .text = text,
	    .sentence = strlen(text)};

	return repeat_may(&r, &n, say);
}

static int
setup(void **state)
{
	(void)state;
	repeat_init(&r);
	memset(&said, 0, sizeof(said));
	return 0;
}

static const char here[] = "here", there[] = "there";

static void
test_once_a_minute(void **state)
{
	(void)state;
	assert_true(may_at(1000, here, "a", "a 1"));
	assert_false(may_at(1001, here, "a", "a 2"));
	assert_false(may_at(41000, here, "a", "a 3"));
	/* Another subject, another place. */
	assert_true(may_at(41000, here, "b", "b"));
	assert_true(may_at(41000, there, "a", "a"));
	assert_int_equal(r.held, 2);
	repeat_tick(&r, 60999, say);
	assert_int_equal(said.times, 0);
	repeat_tick(&r, 61000, say);
	assert_int_equal(said.times, 1);
	assert_string_equal(said.text, "a 3");
	assert_int_equal(said.held, 2);
	assert_int_equal(said.seconds, 60);
	assert_int_equal(said.ago, 20);
	/* That was its line of this minute. */
	assert_false(may_at(62000, here, "a", "a 4"));
	repeat_tick(&r, 121000, say);
	assert_int_equal(said.times, 2);
	assert_int_equal(said.held, 1);
	/* None came: the next is as the first. */
	repeat_tick(&r, 181000, say);
	assert_int_equal(said.times, 2);
	assert_true(may_at(181000, here, "a", "a 5"));
}

/* Nobody ticks: the next line has them told. */
static void
test_told_by_the_next(void **state)
{
	(void)state;
	assert_true(may_at(0, here, "a", "a"));
	assert_false(may_at(1, here, "a", "a"));
	assert_true(may_at(90000, there, "b", "b"));
	assert_int_equal(said.times, 1);
	assert_int_equal(said.seconds, 90);
	assert_int_equal(said.ago, 89);
}

/* Lines about so many subjects, none of which is held back. */
static void
many(unsigned first, unsigned n)
{
	char subject[32];
	unsigned i;

	for (i = first; i < first + n; i++) {
		snprintf(subject, sizeof(subject), "%u", i);
		assert_true(may_at(2, here, subject, subject));
	}
}

/* Who makes up subjects hides nothing, and has its own lines forgotten. */
static void
test_flood(void **state)
{
	(void)state;
	assert_true(may_at(0, there, "kept", "kept"));
	assert_false(may_at(1, there, "kept", "kept"));
	many(0, 100000);
	assert_false(may_at(3, there, "kept", "kept"));
	assert_int_equal(said.times, 0);
	assert_true(may_at(3, there, "other", "other"));
	assert_false(may_at(4, there, "other", "other"));
	repeat_tick(&r, 60000, say);
	assert_string_equal(said.text, "kept");
	assert_int_equal(said.held, 2);
}

/* The count of one that is forgotten is told then. */
static void
test_forgotten(void **state)
{
	(void)state;
	assert_true(may_at(0, here, "first", "first"));
	assert_false(may_at(1, here, "first", "first"));
	many(1, REPEAT_LINES - 1);
	assert_int_equal(said.times, 0);
	assert_true(may_at(3, here, "one more", "one more"));
	assert_int_equal(said.times, 1);
	assert_string_equal(said.text, "first");
	assert_int_equal(said.held, 1);
}

/* Too long to be kept: rather the sentence than half a pair. */
static void
test_long(void **state)
{
	char text[REPEAT_TEXT + 100];
	struct repeat_news n = {.site = here,
	    .subject = "",
	    .level = LOG_L_WARN,
	    .text = text,
	    .sentence = 50};

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_true(repeat_may(&r, &n, say));
	assert_false(repeat_may(&r, &n, say));
	repeat_tick(&r, REPEAT_TIME, say);
	assert_int_equal(strlen(said.text), 50);
}

static char line[LOG_LINE];
static unsigned lines;
static enum log_level level;

static void
on_line(enum log_level at, const char *tag, const char *text)
{
	level = at;
	(void)tag;
	strlcpy(line, text, sizeof(line));
	lines++;
}

static int
setup_log(void **state)
{
	(void)state;
	log_sink(on_line);
	log_init(LOG_D_SINK, LOG_L_INFO, "test", -1);
	lines = 0;
	return 0;
}

static void
test_pairs(void **state)
{
	const char *const volatile none = NULL;
	static const struct {
		const char *in, *out;
	} t[] = {
	    {"host2", "x=host2"},
	    {"1.2.3.4:7946", "x=1.2.3.4:7946"},
	    {"[fd00::1]:7946", "x=[fd00::1]:7946"},
	    {"a b", "x=\"a b\""},
	    {"a=b", "x=\"a\\075b\""},
	    {"a;b", "x=\"a;b\""},
	    {"a\"b", "x=\"a\\\"b\""},
	    {"a\\", "x=\"a\\\\\""},
	    {"a\nb", "x=\"a\\nb\""},
	    {"a\\nb", "x=\"a\\\\nb\""},
	    {"\033[2J", "x=\"\\033[2J\""},
	    {"h\303\251", "x=\"h\303\251\""},
	    {"\342\200\256", "x=\"\\342\\200\\256\""},
	    {"a; event=left member=b", "x=\"a; event\\075left member\\075b\""},
	};
	char want[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		log_info("it is so\tx=%s", t[i].in);
		snprintf(want, sizeof(want), "it is so; %s", t[i].out);
		assert_string_equal(line, want);
	}
	log_info("%s of %u, %.*s and %c\tevent=joined n=%zu u=%u d=%d big=%llu",
	    "one", 2u, 3, "abcdef", 'c', (size_t)4, 5u, -6, 1ULL << 40);
	assert_string_equal(line, "one of 2, abc and c; event=joined n=4 u=5 "
				  "d=-6 big=1099511627776");
	/* What is not known is left out. */
	log_info("so\ta=%s b=%s c=%s", "", none, "d");
	assert_string_equal(line, "so; c=d");
	log_info("so\ta=%s", "");
	assert_string_equal(line, "so");
	errno = ENOENT;
	log_warn("file %s\tevent=lost n=%d", "x", 3);
	assert_string_equal(
	    line, "file x: No such file or directory; event=lost n=3");
}

/* A name that looks like pairs is none, wherever it stands. */
static void
test_forged_pairs(void **state)
{
	const char *name = "x; event=left member=host1", *p;
	unsigned n = 0;

	(void)state;
	log_info("%s joined\tevent=joined member=%s", name, name);
	assert_string_equal(line,
	    "x; event\\075left member\\075host1 joined; event=joined "
	    "member=\"x; event\\075left member\\075host1\"");
	for (p = line; (p = strchr(p, '=')) != NULL; p++)
		n++;
	assert_int_equal(n, 2);
	/* Nor in a line without pairs. */
	log_info("%s joined", name);
	assert_string_equal(line, "x; event\\075left member\\075host1 joined");
}

/* Whatever its length, it ends well, and a pair is there or is not. */
static void
test_any_length(void **state)
{
	static const char fill[] = {'x', '=', '"', ' ', '\\', '\001', '\303'};
	char name[1500];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(fill); i++)
		for (n = 1; n < sizeof(name); n++) {
			memset(name, fill[i], n);
			name[n] = '\0';
			log_info("%s joined\tevent=joined member=%s end=1",
			    name, name);
			assert_true(strlen(line) < LOG_LINE);
			assert_non_null(strstr(line, "; event=joined"));
			if (strstr(line, " member=") != NULL &&
			    strstr(line, " end=1") == NULL)
				assert_true(strlen(line) > LOG_LINE - 8);
			log_info("%s", name);
			assert_true(strlen(line) < LOG_LINE);
		}
}

static unsigned followed;

static void
on_event(const struct event_news *ev, void *arg)
{
	assert_ptr_equal(arg, &followed);
	assert_int_equal(ev->kind, EVENT_LEFT);
	followed++;
}

/* What is known of an event, in one order. */
static void
test_event_lines(void **state)
{
	struct event_news ev = {.kind = EVENT_JOINED,
	    .level = LOG_L_INFO,
	    .member = "host2",
	    .text = "host2 at 192.0.2.2:7946 joined"};

	(void)state;
	assert_int_equal(ipaddr_parse("192.0.2.2", &ev.addr.ip), 0);
	ev.addr.port = 7946;
	event_say(&ev);
	assert_string_equal(line, "host2 at 192.0.2.2:7946 joined; "
				  "event=joined member=host2 "
				  "addr=192.0.2.2:7946");
	assert_int_equal(ipaddr_parse("10.0.0.2", &ev.overlay), 0);
	ev.kind = EVENT_REFUSED;
	ev.member = "a b";
	ev.why = "its address is another's";
	event_sayf(&ev, "%s gets no tunnel: %s", ev.member, ev.why);
	assert_string_equal(line,
	    "a b gets no tunnel: its address is another's; event=refused "
	    "member=\"a b\" addr=192.0.2.2:7946 overlay=10.0.0.2");
	ev.why = "not said";
	event_sayf(&ev, "so");
	assert_string_equal(line, "so; event=refused member=\"a b\" "
				  "addr=192.0.2.2:7946 overlay=10.0.0.2 "
				  "why=\"not said\"");
	ev = (struct event_news){.kind = EVENT_LEFT, .text = "so"};
	event_say(&ev);
	assert_string_equal(line, "so; event=left");
	assert_int_equal(level, LOG_L_ERROR);
	/* Who follows hears what the log does not, either. */
	event_follow(on_event, &followed);
	ev.unlogged = true;
	event_say(&ev);
	ev.unlogged = false;
	ev.level = LOG_L_DEBUG;
	event_say(&ev);
	event_follow(NULL, NULL);
	assert_int_equal(lines, 4);
	assert_int_equal(followed, 2);
}

/* Numbers are no subject, strings are; debug and what is fatal pass. */
static void
test_log_limit(void **state)
{
	unsigned i;

	(void)state;
	log_limit();
	for (i = 0; i < 5; i++)
		log_warnx("%s: %u of %lld", "a", i, (long long)i);
	assert_int_equal(lines, 1);
	assert_int_equal(log_held(), 4);
	for (i = 0; i < 5; i++)
		log_warnx("%u: %s", i, i < 3 ? "b" : "c");
	assert_int_equal(lines, 3);
	for (i = 0; i < 4; i++) {
		errno = i < 2 ? ENOENT : EPERM;
		log_warn("file");
	}
	assert_int_equal(lines, 5);
	/* Another level is another line. */
	log_info("level");
	log_errorx("level");
	assert_int_equal(lines, 7);
	log_level_set(LOG_L_DEBUG);
	for (i = 0; i < 5; i++)
		log_warnx("at level debug");
	assert_int_equal(lines, 12);
}

#define T(f) cmocka_unit_test_setup(f, setup)
#define L(f) cmocka_unit_test_setup(f, setup_log)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_once_a_minute),
	    T(test_told_by_the_next),
	    T(test_flood),
	    T(test_forgotten),
	    T(test_long),
	    L(test_pairs),
	    L(test_forged_pairs),
	    L(test_any_length),
	    L(test_event_lines),
	    L(test_log_limit),
	};

	return cmocka_run_group_tests_name("repeat", tests, NULL, NULL);
}
