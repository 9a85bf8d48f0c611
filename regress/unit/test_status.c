/*
 * wesher status: the table from an answer that may hold anything, and the
 * client's bounds in size and time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../wesher/client.h"
#include "../../wesher/graph.h"
#include "../../wesher/status.h"

#define HEAD                                                                  \
	"{\"name\":\"web1\",\"interface\":\"wgoverlay\","                     \
	"\"overlay_addr\":\"10.59.76.237\",\"overlay_net\":\"10.0.0.0/8\","   \
	"\"addr\":\"192.0.2.1:7946\",\"pubkey\":\"x\",\"version\":\"0.1.0\"," \
	"\"health\":0,\"queue\":0,\"mesh\":{\"members\":3,\"alive\":2,"       \
	"\"suspect\":0,\"failed\":1,\"left\":0},\"members\":["
#define TAIL "]}"
#define SELF                                                                  \
	"{\"name\":\"web1\",\"state\":\"alive\",\"addr\":\"192.0.2.1:7946\"," \
	"\"overlay\":\"10.59.76.237\",\"endpoint\":null,\"handshake\":null,"  \
	"\"rx\":0,\"tx\":0,\"dialect\":\"ours\",\"why\":null}"
#define OTHER(name, state, hs, why)                               \
	"{\"name\":" name ",\"state\":\"" state "\","             \
	"\"addr\":\"192.0.2.2:7946\",\"overlay\":\"10.149.1.2\"," \
	"\"endpoint\":\"192.0.2.2:51820\",\"handshake\":" hs      \
	",\"rx\":0,\"tx\":0,\"dialect\":\"ours\",\"why\":" why "}"

#define BUSY                                                                 \
	"{\"name\":\"web2\",\"state\":\"alive\",\"overlay\":\"10.149.1.2\"," \
	"\"endpoint\":\"192.0.2.2:51820\",\"handshake\":12,"                 \
	"\"rx\":1572864,\"tx\":0,\"rtt\":0.4,\"why\":null}"

#define TITLE                                                     \
	"web1 is 10.59.76.237 in 10.0.0.0/8 on wgoverlay\n"       \
	"announced as 192.0.2.1:7946, health 0 (good), queue 0\n" \
	"3 members: 2 alive, 0 suspect, 1 failed, 0 left\n\n"

static char out[1 << 20], err[256];

static int
run(const char *json, int (*fn)(const char *, size_t, FILE *, char *, size_t))
{
	FILE *f = fmemopen(out, sizeof(out), "w");
	int ret;

	memset(out, 0, 4096);
	err[0] = '\0';
	ret = fn(json, strlen(json), f, err, sizeof(err));
	fclose(f);
	return ret;
}

static void
test_table(void **state)
{
	static const char want[] = TITLE
	    "NAME  STATE   OVERLAY       ENDPOINT         SEEN   RX    TX  "
	    "RTT\n"
	    "web1  alive   10.59.76.237  192.0.2.1:7946 (this host)\n"
	    "web2  alive   10.149.1.2    192.0.2.2:51820  12s    1.5M  0   "
	    "0.4ms\n"
	    "web3  failed  10.149.1.2    192.0.2.2:51820  never  0     0   -\n";

	(void)state;
	assert_int_equal(run(HEAD SELF "," BUSY "," OTHER(
				 "\"web3\"", "failed", "null", "null") TAIL,
			     status_table),
	    STATUS_WHOLE);
	assert_string_equal(out, want);
	assert_string_equal(err, "");
}

static void
test_verdict(void **state)
{
	(void)state;
	/* An alive one without a tunnel. */
	assert_int_equal(run(HEAD SELF "," OTHER("\"web2\"", "alive", "null",
				 "\"its key "
				 "is bad\"") TAIL,
			     status_table),
	    STATUS_PARTIAL);
	assert_non_null(strstr(out, "  no tunnel: its key is bad\n"));
	assert_int_equal(
	    run(HEAD SELF "," OTHER("\"web2\"", "alive", "null", "\"x\"") TAIL,
		status_json),
	    STATUS_PARTIAL);
	/* Nobody expects one towards a member that failed. */
	assert_int_equal(
	    run(HEAD SELF "," OTHER("\"web2\"", "failed", "null", "\"x\"") TAIL,
		status_table),
	    STATUS_WHOLE);
	/* Nor towards ourselves. */
	assert_int_equal(
	    run(HEAD OTHER("\"web1\"", "alive", "null", "\"us\"") TAIL,
		status_table),
	    STATUS_WHOLE);
	assert_int_equal(run(HEAD TAIL, status_table), STATUS_WHOLE);
}

#define BOXES(seccomp, landlock)                                          \
	",\"sandbox\":{\"wesher\":{\"uid\":990,\"chroot\":true,"          \
	"\"no_capabilities\":true,\"no_new_privs\":true,\"limits\":true," \
	"\"seccomp\":" seccomp ",\"landlock\":" landlock                  \
	"},\"wesher-priv\":{\"bounded\":true,\"seccomp\":true,"           \
	"\"landlock\":3}}}"

/* The layers of both processes; what is not in force cannot be overlooked. */
static void
test_sandbox(void **state)
{
	(void)state;
	run(HEAD SELF "]" BOXES("true", "7"), status_table);
	assert_non_null(strstr(out,
	    "health 0 (good), queue 0\n"
	    "sandbox of wesher: uid 990, chroot, capabilities dropped, "
	    "no_new_privs, limits,\n"
	    "  seccomp, Landlock ABI 7\n"
	    "sandbox of wesher-priv: root, capabilities locked, seccomp, "
	    "Landlock ABI 3\n"
	    "3 members"));
	run(HEAD SELF "]" BOXES("false", "0"), status_table);
	assert_non_null(
	    strstr(out, "no_new_privs, limits,\n  NO seccomp, NO Landlock\n"));
	assert_int_equal(
	    run(HEAD SELF "],\"sandbox\":{\"wesher\":7}}", status_table),
	    STATUS_WHOLE);
	assert_null(strstr(out, "sandbox"));
}

/* How long it runs, and what was not taken, if anything. */
static void
test_head(void **state)
{
	static const char doc[] = HEAD SELF
	    "],\"uptime\":7300,\"refused\":{\"not_sealed\":3,\"replay\":0,"
	    "\"a\\u001b\":1,\"time\":\"x\"}}";
	static const char many[] = HEAD SELF
	    "],\"refused\":{\"not_sealed\":1000000,\"malformed\":1000000,"
	    "\"length\":1000000,\"replay\":1000000,\"stray\":1000000,"
	    "\"crowd\":1000000,\"bad_message\":1000000,\"time\":1}}";
	const char *p, *end;

	(void)state;
	run(doc, status_table);
	assert_non_null(strstr(out, " on wgoverlay, up 2h\nannounced as "));
	assert_non_null(strstr(out, "\nrefused: 3 not_sealed, 1 a\\033\n"));
	run(HEAD SELF TAIL, status_table);
	assert_null(strstr(out, "refused"));
	run(many, status_table);
	assert_non_null(strstr(out, " 1 time\n"));
	for (p = out; (end = strchr(p, '\n')) != NULL; p = end + 1)
		assert_true(end - p <= 80);
}

/* Who sees whom; a name cannot end its string. */
static void
test_graph(void **state)
{
	static const char doc[] =
	    "{\"name\":\"a\",\"members\":[{\"name\":\"b\",\"state\":\"alive\","
	    "\"handshake\":12,\"fresh\":true},{\"name\":\"c\\\"&#10;\\u001b\","
	    "\"state\":\"failed\",\"handshake\":null,\"fresh\":false},7],"
	    "\"reports\":[{\"from\":\"b\",\"age\":3,\"alive\":[\"a\",\"b\",9,"
	    "\"c\\\"&#10;\\u001b\"]},{\"alive\":[\"a\"]},{}]}";

	(void)state;
	assert_int_equal(run(doc, graph_dot), STATUS_WHOLE);
	assert_string_equal(strchr(out, '\n') + 1,
	    "digraph wesher {\n\tnode [shape=box]\n"
	    "\t\"a\" [style=bold]\n"
	    "\t\"b\" [color=black]\n"
	    "\t\"a\" -> \"b\" [dir=both, label=\"12s\"]\n"
	    "\t\"c\\\"&amp;#10;\\\\033\" [color=red]\n"
	    "\t\"b\" -> \"a\" [style=dashed]\n"
	    "\t\"b\" -> \"c\\\"&amp;#10;\\\\033\" [style=dashed]\n"
	    "}\n");
	assert_int_equal(run("{\"members\":[]}", graph_dot), STATUS_NONE);
	assert_int_equal(run("{\"error\":\"x\"}", graph_dot), STATUS_NONE);
	assert_string_equal(err, "the daemon says: x");
}

/* What a tunnel lacks is said where the reason for none would stand. */
static void
test_note(void **state)
{
	static const char doc[] = HEAD SELF "," OTHER(
	    "\"web2\"", "alive", "12", "null,\"note\":\"no line\"") TAIL;
	static const char both[] = HEAD SELF "," OTHER(
	    "\"web2\"", "alive", "12", "\"x\",\"note\":\"no line\"") TAIL;

	(void)state;
	assert_int_equal(run(doc, status_table), STATUS_WHOLE);
	assert_non_null(strstr(out, "  12s   0   0   -  no line\n"));
	assert_int_equal(run(both, status_table), STATUS_PARTIAL);
	assert_non_null(strstr(out, "  no tunnel: x\n"));
}

/* No byte of a hostile name or reason reaches the terminal as a command. */
static void
test_hostile(void **state)
{
	static const char evil[] = HEAD SELF
	    "," OTHER("\"\\u001b[2Jweb\\nroot  alive\\u009b1m\\u202e\\u007f\"",
		"alive", "3", "\"\\u001b]0;x\\u0007\\r\"") TAIL;
	const char *p;
	int lines = 0;

	(void)state;
	assert_int_equal(run(evil, status_table), STATUS_PARTIAL);
	for (p = out; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		lines += c == '\n';
		assert_true(c == '\n' || (c >= 0x20 && c < 0x7f));
	}
	assert_int_equal(lines, 7);
	assert_non_null(strstr(out,
	    "\n\\033[2Jweb\\nroot  alive\\302\\2331m\\342\\200\\256\\177  "));
	assert_non_null(strstr(out, "\\033]0;x\\a\\r\n"));
	assert_int_equal(run(evil, status_json), STATUS_PARTIAL);
	for (p = out; *p != '\0'; p++)
		assert_true(*p == '\n' || (*p >= 0x20 && *p <= 0x7f));
	assert_null(strchr(out, '\033'));
	assert_null(strchr(out, '\302'));
}

/* A long name stands out alone; UTF-8 counts as characters. */
static void
test_width(void **state)
{
	static char name[300], json[8192];
	const char *p;

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	snprintf(json, sizeof(json),
	    HEAD SELF ",{\"name\":\"%s\",\"state\":\"alive\"},"
		      "{\"name\":\"w\303\266b\",\"state\":\"left\"}" TAIL,
	    name);
	assert_int_equal(run(json, status_table), STATUS_WHOLE);
	assert_non_null(strstr(out, "\nNAME  STATE  OVERLAY       ENDPOINT"));
	assert_non_null(strstr(out, "\nw\303\266b   left   -             -"));
	p = strstr(out, name);
	assert_non_null(p);
	assert_memory_equal(p + 255, "  alive", 7);
}

static void
test_no_answer(void **state)
{
	static const struct {
		const char *json, *err;
	} t[] = {
	    {"", "the daemon's answer is no JSON"},
	    {"{", "the daemon's answer is no JSON"},
	    {"hello", "the daemon's answer is no JSON"},
	    {"[]", "the daemon's answer lists no members"},
	    {"{}", "the daemon's answer lists no members"},
	    {"{\"members\":{}}", "the daemon's answer lists no members"},
	    {"{\"members\":[],\"members\":[]}", "the daemon's answer is no"},
	    {"{\"members\":[]} x", "the daemon's answer is no JSON"},
	    {"{\"error\":\"no\\u001b\"}", "the daemon says: no\\033"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(run(t[i].json, status_table), STATUS_NONE);
		if (strncmp(err, t[i].err, strlen(t[i].err)) != 0)
			fail_msg("row %zu: \"%s\"", i, err);
		assert_string_equal(out, "");
		assert_int_equal(run(t[i].json, status_json), STATUS_NONE);
	}
}

/* Fields that are missing or of another type read as "-". */
static void
test_odd(void **state)
{
	static char deep[20000];
	size_t i;

	(void)state;
	assert_int_equal(
	    run("{\"members\":[1,null,\"x\",[],{},{\"name\":7,\"state\":{},"
		"\"handshake\":\"soon\",\"why\":[]},{\"name\":\"\"}]}",
		status_table),
	    STATUS_WHOLE);
	assert_non_null(strstr(out, "\n-     -      -        -         never"));
	assert_non_null(strstr(out, "0 members: 0 alive"));
	/* Nesting is bounded. */
	for (i = 0; i < sizeof(deep) - 1; i++)
		deep[i] = '[';
	assert_int_equal(run(deep, status_table), STATUS_NONE);
}

/* Colours are for terminals, and about states and what is missing. */
static void
test_colours(void **state)
{
	(void)state;
	status_colours(true);
	run(HEAD SELF "," OTHER("\"web2\"", "failed", "12", "null") "," OTHER(
		"\"web3\"", "alive", "12", "\"x\"") TAIL,
	    status_table);
	status_colours(false);
	assert_non_null(strstr(out, "web1  \033[32malive\033[0m   10.59"));
	assert_non_null(strstr(out, "\033[31mfailed\033[0m  10.149"));
	assert_non_null(strstr(out, "\033[33mno tunnel: x\033[0m\n"));
	assert_non_null(strstr(out, "\nNAME  STATE"));
}

/* Numbers of every size keep to their columns. */
static void
test_counters(void **state)
{
	static const struct {
		const char *json, *want;
	} t[] = {{"\"rx\":999", "  999  "}, {"\"rx\":1000", "  1.0K  "},
	    {"\"rx\":10200", "  10K  "}, {"\"rx\":1048575", "  1.0M  "},
	    {"\"rx\":9223372036854775807", "  8.0E  "}, {"\"rx\":-1", "  0  "},
	    {"\"rx\":\"x\"", "  0  "}, {"\"rtt\":12.4", "  12ms\n"},
	    {"\"rtt\":999.9", "  1.0s\n"}, {"\"rtt\":\"x\"", "  -\n"},
	    {"\"handshake\":8000", "  2h  "}};
	char json[2048];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(json, sizeof(json),
		    HEAD "{\"name\":\"a\",\"state\":\"alive\",%s}" TAIL,
		    t[i].json);
		assert_int_equal(run(json, status_table), STATUS_WHOLE);
		if (strstr(out, t[i].want) == NULL)
			fail_msg("%s: %s", t[i].json, out);
	}
}

static void
test_age(void **state)
{
	static const struct {
		long long s;
		const char *want;
	} t[] = {{-5, "0s ago"}, {0, "0s ago"}, {119, "119s ago"},
	    {120, "2m ago"}, {7199, "119m ago"}, {7200, "2h ago"},
	    {172799, "47h ago"}, {172800, "2d ago"}, {86400 * 400, "400d ago"},
	    {9223372036854775807LL, "106751991167300d ago"}};
	char buf[40];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_string_equal(
		    status_age(t[i].s, buf, sizeof(buf)), t[i].want);
}

/* A server that reads one line, then writes len bytes and maybe closes. */
struct server {
	int fd;
	size_t len;
	bool hang;
	char line[64];
};

static void *
serve(void *arg)
{
	struct server *s = arg;
	char buf[4096];
	size_t n;
	ssize_t w;

	w = read(s->fd, s->line, sizeof(s->line) - 1);
	s->line[w > 0 ? w : 0] = '\0';
	memset(buf, 'x', sizeof(buf));
	for (n = 0; n < s->len; n += (size_t)w) {
		size_t part = s->len - n < sizeof(buf) ? s->len - n
						       : sizeof(buf);

		w = send(s->fd, buf, part, MSG_NOSIGNAL);
		if (w <= 0)
			break;
	}
	/* Hanging is to keep it open until the client has given up. */
	if (s->hang && read(s->fd, buf, 1) == -1)
		return NULL;
	close(s->fd);
	return NULL;
}

static int
ask(struct server *s, size_t max, int timeout, char **answer, size_t *len)
{
	pthread_t th;
	int sv[2], ret, saved;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	s->fd = sv[1];
	assert_int_equal(pthread_create(&th, NULL, serve, s), 0);
	ret = client_ask(sv[0], "status", max, timeout, answer, len);
	saved = errno;
	close(sv[0]);
	pthread_join(th, NULL);
	errno = saved;
	return ret;
}

static void
test_client(void **state)
{
	struct server s = {.len = 300000};
	char *answer, big[600];
	size_t len;

	(void)state;
	assert_int_equal(ask(&s, 1 << 20, 60, &answer, &len), 0);
	assert_string_equal(s.line, "status\n");
	assert_int_equal(len, 300000);
	assert_int_equal(answer[len - 1], 'x');
	free(answer);
	/* Exactly as much as is allowed, and one more. */
	assert_int_equal(ask(&s, 300000, 60, &answer, &len), 0);
	assert_int_equal(len, 300000);
	free(answer);
	assert_int_equal(ask(&s, 299999, 60, &answer, &len), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_null(answer);
	s.len = 0;
	assert_int_equal(ask(&s, 100, 60, &answer, &len), 0);
	assert_int_equal(len, 0);
	free(answer);
	s.len = 5;
	s.hang = true;
	assert_int_equal(ask(&s, 100, 1, &answer, &len), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_null(answer);
	/* A command that is no line of the protocol is not sent. */
	memset(big, 'c', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(client_ask(-1, big, 1, 1, &answer, &len), -1);
	assert_int_equal(errno, EMSGSIZE);
}

static void
test_connect(void **state)
{
	char dir[] = "/tmp/wesher-test-sock.XXXXXX", path[64], big[200];
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd, c;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	assert_int_equal(client_connect(path), -1);
	assert_int_equal(errno, ENOENT);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	/* What a dead daemon leaves behind. */
	assert_int_equal(client_connect(path), -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(listen(fd, 5), 0);
	c = client_connect(path);
	assert_true(c != -1);
	close(c);
	close(fd);
	unlink(path);
	rmdir(dir);
	memset(big, 'p', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(client_connect(big), -1);
	assert_int_equal(errno, ENAMETOOLONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_verdict),
	    cmocka_unit_test(test_note),
	    cmocka_unit_test(test_sandbox),
	    cmocka_unit_test(test_head),
	    cmocka_unit_test(test_graph),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_width),
	    cmocka_unit_test(test_no_answer),
	    cmocka_unit_test(test_odd),
	    cmocka_unit_test(test_age),
	    cmocka_unit_test(test_colours),
	    cmocka_unit_test(test_counters),
	    cmocka_unit_test(test_client),
	    cmocka_unit_test(test_connect),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
