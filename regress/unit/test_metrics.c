/*
 * Prometheus' port: one page, and clients that speak no HTTP, too much of it,
 * too slowly, or not at all.
 */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <netdb.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <unistd.h>

#include <event2/event.h>

#include "../../wesher/metrics.h"
#include "served.h"

#define GET "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"

static struct {
	struct metrics_config cfg;
	int open; /* accepted, and not closed again */
	unsigned refreshes, pages;
	bool prompt; /* the counters come at once */
	bool none; /* no memory for a page */
	size_t big; /* length of the page, 0: a small one */
} w;

static char *
on_page(size_t *len)
{
	char *text;

	w.pages++;
	if (w.none)
		return NULL;
	*len = w.big != 0 ? w.big : 14;
	text = malloc(*len + 1);
	memset(text, 'x', *len);
	if (w.big == 0)
		memcpy(text, "wesher_test 1\n", 15);
	return text;
}

static void
on_refresh(void)
{
	w.refreshes++;
	if (w.prompt)
		metrics_refreshed();
}

/* Bound, and listening. */
static int
start(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&served.at;

	memset(&w, 0, sizeof(w));
	memset(&served, 0, sizeof(served));
	signal(SIGPIPE, SIG_IGN);
	served.base = event_base_new();
	served.at.ss_family = (sa_family_t)family;
	served.len = sizeof(*six);
	six->sin6_addr = in6addr_loopback;
	/* An abstract name of the kernel's choice: no file. */
	if (family == AF_UNIX)
		served.len = sizeof(sa_family_t);
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&served.at, served.len), 0);
	served.len = sizeof(served.at);
	getsockname(fd, (struct sockaddr *)&served.at, &served.len);
	assert_int_equal(listen(fd, 64), 0);
	w.prompt = true;
	w.cfg = (struct metrics_config){.base = served.base,
	    .fd = fd,
	    .page = on_page,
	    .refresh = on_refresh,
	    .client_ms = 2000};
	return metrics_start(&w.cfg);
}

static int
setup(void **state)
{
	(void)state;
	return start(AF_UNIX);
}

static int
teardown(void **state)
{
	(void)state;
	metrics_stop();
	event_base_free(served.base);
	close(w.cfg.fd);
	return 0;
}

/* Bytes on the heap. */
static size_t
held(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static char answer[4096];

/* The status of what is answered to that; 0: nothing. */
static int
asked(const char *text)
{
	int code = 0;

	take(client(text), answer, sizeof(answer));
	(void)sscanf(answer, "HTTP/1.%*d %d", &code);
	return code;
}

static void
is_served(void)
{
	assert_int_equal(asked(GET), 200);
	assert_non_null(strstr(answer, "\r\n\r\nwesher_test 1\n"));
}

static void
the_page(void **state)
{
	(void)state;
	is_served();
	assert_non_null(strstr(answer,
	    "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_int_equal(asked("GET /metrics HTTP/1.0\r\n\r\n"), 200);
	assert_int_equal(asked("GET /metrics?a=b HTTP/1.1\r\n\r\n"), 200);
}

/* An address with a scope, too: no name is looked up. */
static void
the_page_by_tcp(void **state)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_scope_id = 1};
	char host[64], serv[16];

	(void)state;
	is_served();
	six.sin6_addr.s6_addr[0] = 0xfe;
	six.sin6_addr.s6_addr[1] = 0x80;
	assert_int_equal(getnameinfo((struct sockaddr *)&six, sizeof(six), host,
			     sizeof(host), serv, sizeof(serv), NI_NUMERICHOST),
	    0);
	assert_string_equal(host, "-");
}

static int
setup_tcp(void **state)
{
	(void)state;
	return start(AF_INET6);
}

static void
nothing_else(void **state)
{
	static const char *const elsewhere[] = {"/", "/metrics/", "/metric",
	    "/metrics/../metrics", "//metrics", "/etc/passwd", "*"};
	static const char *const methods[] = {"HEAD", "POST", "PUT", "DELETE",
	    "OPTIONS", "TRACE", "CONNECT", "PATCH"};
	char text[256];
	size_t i;
	int code;

	(void)state;
	for (i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n\r\n",
		    elsewhere[i]);
		code = asked(text);
		if (code != 404 && code != 400)
			fail_msg("%s: %d", elsewhere[i], code);
	}
	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		snprintf(text, sizeof(text),
		    "%s /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		    methods[i]);
		code = asked(text);
		/* CONNECT has no path. */
		if (code != 405 && !(i == 6 && code >= 400))
			fail_msg("%s: %d", methods[i], code);
	}
	assert_int_equal(w.pages, 0);
	is_served();
}

/* Whatever comes: no page, no crash, and the next one is served. */
static void
hostile_17_no_http(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} junk[] = {
#define J(s) {s, sizeof(s) - 1}
	    J("\r\n\r\n"),
	    J("\n"),
	    J("GET\r\n\r\n"),
	    J("GET /metrics\r\n\r\n"),
	    J("GET /metrics HTTP/9.9\r\n\r\n"),
	    J("GET /metrics HTTP/1.1 x\r\n\r\n"),
	    J("BREW /metrics HTTP/1.1\r\n\r\n"),
	    J("GET /metrics HTTP/1.1\r\nno colon\r\n\r\n"),
	    J("GET /metrics HTTP/1.1\r\n folded: x\r\n\r\n"),
	    J("\0\0\0\0\r\n\r\n"),
	    J("\x16\x03\x01\x02\x00\x01\x00\x01\xfc"),
	    J("GET \xff\xfe HTTP/1.1\r\n\r\n"),
	    J("GET http://[::1/metrics HTTP/1.1\r\n\r\n"),
	    J("GET /%zz%% HTTP/1.1\r\n\r\n"),
	    J("POST /metrics HTTP/1.1\r\nContent-Length: "
	      "99999999999999999999\r\n\r\n"),
	    J("POST /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
	    J("POST /metrics HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nxxx"),
	    J("POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
	      "ffffffffffffffff\r\n"),
	    J("GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
	      "Content-Length: 5\r\n\r\nzz\r\n"),
	    J("POST /metrics HTTP/1.1\r\nExpect: 100-continue\r\n"
	      "Content-Length: 10\r\n\r\n"),
	};
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		fd = client_n(junk[i].text, junk[i].len);
		turn(3);
		shutdown(fd, SHUT_WR);
		take(fd, answer, sizeof(answer));
		if (strncmp(answer, "HTTP/1.1 200", 12) == 0)
			fail_msg(
			    "%zu is a request, it seems: %s", i, junk[i].text);
	}
	is_served();
}

/* All first bytes that a program may say. */
static void
hostile_17_noise(void **state)
{
	uint32_t x = 12345;
	char text[300];
	unsigned i, k;
	int fd;

	(void)state;
	for (i = 0; i < 150; i++) {
		for (k = 0; k < sizeof(text); k++) {
			x = x * 1103515245 + 12345;
			text[k] = (char)(x >> 16);
			if (i % 3 == 1) /* what a parser looks for */
				text[k] =
				    "GET /metrics HTTP/1.1\r\n: \0"[(x >> 16) %
								    27];
		}
		if (i % 3 == 2) { /* a good one, spoilt */
			memcpy(text, GET, sizeof(GET));
			text[(x >> 20) % (sizeof(GET) - 1)] ^= (char)(x >> 12);
		}
		fd = client_n(
		    text, i % 3 == 2 ? sizeof(GET) - 1 : sizeof(text));
		turn(8); /* else they wait outside, and so do we */
		close(fd);
	}
	is_served();
}

/* A head without an end, in one line and in many. */
static void
hostile_17_long_heads(void **state)
{
	static char text[64 * 1024];
	size_t i;
	int way, fd;
	ssize_t n, all;

	(void)state;
	for (way = 0; way < 3; way++) {
		memset(text, 'a', sizeof(text));
		memcpy(text, GET, sizeof(GET) - 3); /* its last line is open */
		if (way == 0)
			memset(text + 3, 'a', 40);
		for (i = 64; way == 2 && i + 8 < sizeof(text); i += 8)
			memcpy(text + i, "\r\na: b", 6);
		fd = client("");
		for (all = 0; all < (ssize_t)sizeof(text); all += n) {
			n = write(fd, text + all, sizeof(text) - (size_t)all);
			if (n <= 0)
				break;
			turn(2);
		}
		take(fd, answer, sizeof(answer));
		assert_true(strncmp(answer, "HTTP/1.1 200", 12) != 0);
	}
	is_served();
}

/* One of all that are there has an end. */
static int
any_closed(const int *fds, int n)
{
	char buf[512];
	int i, ended = 0;

	for (i = 0; i < n; i++)
		while (recv(fds[i], buf, sizeof(buf), MSG_DONTWAIT) >= 0) {
			if (recv(fds[i], buf, 1, MSG_PEEK | MSG_DONTWAIT) ==
			    0) {
				ended++;
				break;
			}
		}
	return ended;
}

/* More than eight wait outside; they are served when there is room. */
static void
hostile_17_many_clients(void **state)
{
	int fds[40], i;
	unsigned before;

	(void)state;
	served.accepts = 0;
	for (i = 0; i < 40; i++)
		fds[i] = client("");
	turn(100);
	assert_in_range(served.accepts, METRICS_CLIENTS, METRICS_CLIENTS + 1);
	assert_int_equal(any_closed(fds, 40), 0);
	before = served.accepts;
	for (i = 0; i < 4; i++)
		close(fds[i]);
	turn(50);
	assert_in_range(served.accepts, before + 4, before + 5);
	for (i = 4; i < 40; i++)
		close(fds[i]);
	is_served();
}

/* Silent, or a byte now and then: the whole connection has its time. */
static void
hostile_17_slow_clients(void **state)
{
	int fds[METRICS_CLIENTS + 1], i, k;
	static const char text[] = GET;

	(void)state;
	teardown(NULL);
	assert_int_equal(start(AF_UNIX), 0);
	metrics_stop();
	w.cfg.client_ms = 300;
	assert_int_equal(metrics_start(&w.cfg), 0);
	for (i = 0; i < METRICS_CLIENTS; i++)
		fds[i] = client("");
	for (k = 0; k < 10; k++) {
		for (i = 1; i < METRICS_CLIENTS; i++)
			(void)!write(fds[i], text + k, 1);
		turn(20);
	}
	/* Whoever comes meanwhile is served in the end. */
	is_served();
	for (i = 0; i < METRICS_CLIENTS; i++)
		take(fds[i], answer, sizeof(answer));
}

/* It asks, and does not read: its time is over all the same. */
static void
hostile_17_who_does_not_read(void **state)
{
	int fds[METRICS_CLIENTS], i;

	(void)state;
	metrics_stop();
	w.cfg.client_ms = 300;
	w.big = 8 << 20;
	assert_int_equal(metrics_start(&w.cfg), 0);
	for (i = 0; i < METRICS_CLIENTS; i++)
		fds[i] = client(GET);
	turn(50);
	/* One text for all of them. */
	assert_int_equal(w.pages, 1);
	turn(500);
	w.big = 0;
	turn(600); /* the page of this second is over */
	is_served();
	for (i = 0; i < METRICS_CLIENTS; i++)
		close(fds[i]);
}

static void
a_large_page_arrives(void **state)
{
	static char text[10 << 20];

	(void)state;
	w.big = 8 << 20;
	assert_in_range(
	    take(client(GET), text, sizeof(text)), w.big, w.big + 400);
}

/* Nobody may ask again for minutes. */
static void
a_large_page_is_not_kept(void **state)
{
	static char text[10 << 20];
	size_t before = held();

	(void)state;
	w.big = 8 << 20;
	take(client(GET), text, sizeof(text));
	turn(1500);
	assert_true(held() < before + (4 << 20));
}

/* Scraping as fast as one can costs a page a second. */
static void
pages_are_shared(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 100; i++)
		is_served();
	assert_in_range(w.pages, 1, 20);
	assert_int_equal(w.refreshes, 1);
}

/* The kernel's counters are awaited, by all with one question. */
static void
counters_are_awaited(void **state)
{
	int fds[4], i;

	(void)state;
	w.prompt = false;
	for (i = 0; i < 4; i++)
		fds[i] = client(GET);
	turn(50);
	assert_int_equal(w.refreshes, 1);
	assert_int_equal(w.pages, 0);
	metrics_refreshed();
	for (i = 0; i < 4; i++)
		take(fds[i], answer, sizeof(answer));
	assert_int_equal(w.pages, 1);
	is_served();
	assert_int_equal(w.refreshes, 1);
}

/* wesher-priv does not answer: what is known is told after a second. */
static void
without_counters(void **state)
{
	(void)state;
	w.prompt = false;
	is_served();
}

/* It went while its answer was awaited, or the daemon ends meanwhile. */
static void
who_does_not_wait(void **state)
{
	int i, fd;

	(void)state;
	w.prompt = false;
	for (i = 0; i < 30; i++) {
		fd = client(GET);
		turn(2);
		close(fd);
		turn(2);
	}
	metrics_refreshed();
	turn(5);
	is_served();
	metrics_stop();
	assert_int_equal(metrics_start(&w.cfg), 0);
	fd = client(GET);
	turn(10);
	metrics_stop();
	close(fd);
	assert_int_equal(metrics_start(&w.cfg), 0);
}

static void
two_requests_at_once(void **state)
{
	(void)state;
	assert_int_equal(asked(GET GET GET), 200);
	assert_null(strstr(answer + 10, "HTTP/1.1"));
	is_served();
}

static void
without_memory(void **state)
{
	(void)state;
	w.none = true;
	assert_int_equal(asked(GET), 503);
	w.none = false;
	is_served();
}

/* Without descriptors the loop does not spin, and they are not missed. */
static void
without_descriptors(void **state)
{
	int fd;

	(void)state;
	served.full = true;
	fd = client(GET);
	turn(300);
	assert_in_range(served.accepts, 1, 99);
	served.full = false;
	assert_true(take(fd, answer, sizeof(answer)) > 0);
	is_served();
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(the_page),
	    cmocka_unit_test_setup_teardown(
		the_page_by_tcp, setup_tcp, teardown),
	    T(nothing_else),
	    T(hostile_17_no_http),
	    T(hostile_17_noise),
	    T(hostile_17_long_heads),
	    T(hostile_17_many_clients),
	    T(hostile_17_slow_clients),
	    T(hostile_17_who_does_not_read),
	    T(a_large_page_arrives),
	    T(a_large_page_is_not_kept),
	    T(pages_are_shared),
	    T(counters_are_awaited),
	    T(without_counters),
	    T(who_does_not_wait),
	    T(two_requests_at_once),
	    T(without_memory),
	    T(without_descriptors),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
