/*
 * The configuration protocol of userspace implementations, against a server
 * that is made up: a fork which compares what it gets with what it expects and
 * answers in pieces, wrongly, or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "../../kernel/uapi.h"

/* 64 digits */
#define K(c)  X4(X4(c c c c))
#define X4(s) s s s s
#define OK    "errno=0\n\n"

/* One request and its answer. */
struct step {
	const char *want; /* NULL: whatever comes */
	const char *answer; /* NULL: none */
	size_t piece; /* so many bytes at a time, 0: all */
	size_t repeat; /* so many times once more */
};

static char dir[] = "/tmp/privuapi.XXXXXX", sockpath[64];
static pid_t server = -1;

static int
listener(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sun.sun_path, sockpath);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    chmod(sockpath, 0700) == -1 || listen(fd, 4) == -1)
		return -1;
	return fd;
}

/* Up to the empty line. */
static size_t
take(int fd, char *buf, size_t cap)
{
	size_t n = 0;

	while (n < cap - 1 && read(fd, buf + n, 1) == 1) {
		n++;
		if (n >= 2 && memcmp(buf + n - 2, "\n\n", 2) == 0)
			break;
	}
	buf[n] = '\0';
	return n;
}

static void
give(int fd, const struct step *s)
{
	size_t at, n, i, len = strlen(s->answer);

	for (i = 0; i <= s->repeat; i++)
		for (at = 0; at < len; at += n) {
			n = s->piece != 0 && len - at > s->piece ? s->piece
								 : len - at;
			if (send(fd, s->answer + at, n, MSG_NOSIGNAL) == -1)
				return;
		}
}

/* Status 0: everything came as it was expected. */
static _Noreturn void
serve(int lfd, const struct step *s, size_t n, bool stay)
{
	char buf[8192];
	int fd = accept(lfd, NULL, NULL), bad = 0;

	for (; fd != -1 && n > 0; n--, s++) {
		if (take(fd, buf, sizeof(buf)) > 4096)
			bad = 1;
		if (s->want != NULL && strcmp(s->want, buf) != 0) {
			fprintf(stderr, "got: %s\nwanted: %s\n", buf, s->want);
			bad = 1;
		}
		if (s->answer != NULL)
			give(fd, s);
	}
	if (stay) /* until the other side has had enough */
		(void)take(fd, buf, sizeof(buf));
	_exit(bad);
}

static void
play(const struct step *s, size_t n, bool stay)
{
	int fd = listener();

	assert_int_not_equal(fd, -1);
	if ((server = fork()) == 0)
		serve(fd, s, n, stay);
	close(fd);
	assert_int_equal(uapi_connect(dir, "wgt", 0), 0);
}

#define PLAY(s, stay) play(s, sizeof(s) / sizeof(*(s)), stay)

/* The server was content. */
static void
over(void)
{
	int status;

	wg_uapi.close();
	assert_int_equal(waitpid(server, &status, 0), server);
	server = -1;
	assert_int_equal(status, 0);
	unlink(sockpath);
}

static bool
readable(void)
{
	struct pollfd pf = {.fd = uapi_fd(), .events = POLLIN};

	return poll(&pf, 1, 0) == 1;
}

static int
setup(void **state)
{
	(void)state;
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(sockpath, sizeof(sockpath), "%s/wgt.sock", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	wg_uapi.close();
	if (server != -1) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
		server = -1;
	}
	unlink(sockpath);
	return rmdir(dir);
}

static struct wg_change
change(enum wg_op op, uint8_t key, const char *ep, const char *addr)
{
	struct wg_change c = {.op = op};

	memset(c.peer.key, key, WG_KEY_LEN);
	c.peer.endpoint.port = 51820;
	if (ep != NULL)
		assert_int_equal(ipaddr_parse(ep, &c.peer.endpoint.ip), 0);
	if (addr != NULL)
		assert_int_equal(ipaddr_parse(addr, &c.peer.addr), 0);
	return c;
}

static void
test_set(void **state)
{
	static const struct step s[] = {
	    {"set=1\nprivate_key=" K("7") "\nlisten_port=51820\n\n", OK, 1, 0},
	    {NULL, "errno=-98\n\n", 0, 0},
	    {NULL, "errno=98\n\n", 0, 0},
	    {NULL, OK, 3, 0},
	};
	uint8_t key[WG_KEY_LEN];

	(void)state;
	memset(key, 0x77, sizeof(key));
	PLAY(s, false);
	assert_int_equal(wg_uapi.set(1, key, 51820), 0);
	/* Refused by either sign; the connection goes on. */
	assert_int_equal(wg_uapi.set(1, key, 51820), -EADDRINUSE);
	assert_int_equal(wg_uapi.set(1, key, 51820), -EADDRINUSE);
	assert_int_equal(wg_uapi.set(1, key, 51820), 0);
	over();
}

static void
test_changes(void **state)
{
	static const struct step s[] = {
	    {"set=1\n"
	     "public_key=" K(
		 "1") "\nendpoint=192.0.2.1:51820\n"
		      "replace_allowed_ips=true\npersistent_keepalive_interval="
		      "25\n"
		      "allowed_ip=10.0.0.1/32\n"
		      "public_key=" K(
			  "2") "\nremove=true\n"
			       "public_key=" K(
				   "3") "\nreplace_allowed_ips=true\n"
					"persistent_keepalive_interval="
					"0\nallowed_ip=fd00::3/128\n"
					"public_key=" K(
					    "4") "\nupdate_only=true\n"
						 "endpoint=[2001:db8::4]:"
						 "51820\n\n",
		OK, 0, 0},
	};
	struct wg_change ch[4] = {
	    change(WG_ADD, 0x11, "192.0.2.1", "10.0.0.1"),
	    change(WG_DEL, 0x22, "192.0.2.2", "10.0.0.2"),
	    change(WG_ADD, 0x33, NULL, "fd00::3"),
	    change(WG_ENDPOINT, 0x44, "2001:db8::4", "10.0.0.4"),
	};

	(void)state;
	ch[0].peer.keepalive = 25;
	PLAY(s, false);
	assert_int_equal(wg_uapi.change(1, ch, 4), 0);
	over();
}

/* The longest there are; the server looks at the length. */
static void
test_batch(void **state)
{
	static const struct step s[] = {{NULL, OK, 0, 0}};
	const char *const addr = "1111:1111:1111:1111:1111:1111:1111:1111";
	struct wg_change ch[64];
	size_t i;

	(void)state;
	for (i = 0; i < 64; i++) {
		ch[i] = change(WG_ADD, 0x55, addr, addr);
		ch[i].peer.keepalive = 65535;
	}
	assert_in_range(wg_uapi.batch, 2, 64);
	PLAY(s, true);
	assert_int_equal(wg_uapi.change(1, ch, wg_uapi.batch), 0);
	/* What cannot be said in one request is not sent at all. */
	assert_int_equal(wg_uapi.change(1, ch, 64), -EMSGSIZE);
	over();
}

#define DUMP                                                                   \
	"private_key=" K(                                                      \
	    "7") "\nlisten_port=51820\nfwmark=1\n"                             \
		 "public_key=" K("1") "\npreshared_key=" K(                    \
		     "0") "\n"                                                 \
			  "protocol_version=1\nendpoint=192.0.2.1:51820\n"     \
			  "last_handshake_time_sec=1700000000\nlast_"          \
			  "handshake_time_nsec=5\n"                            \
			  "tx_bytes=18446744073709551615\nrx_bytes=42\n"       \
			  "persistent_keepalive_interval=25\nallowed_ip=10.0." \
			  "0.1/32\n"                                           \
			  "public_key=" K(                                     \
			      "2") "\nendpoint=[2001:db8::2]:1\n"              \
				   "allowed_ip=10.2.0.0/16\n"                  \
				   "public_key=" K(                            \
				       "3") "\nendpoint=[fe80::1%eth0]:"       \
					    "5\nsomething=new\n"               \
					    "allowed_ip=fd00::3/"              \
					    "128\nallowed_ip=10.0.0.3/32\n"    \
					    "public_key=" K("4") "\n" OK

static void
check_dump(void)
{
	static const char *const addr[] = {"10.0.0.1", "none", "none", "none"};
	static const char *const ep[] = {
	    "192.0.2.1:51820", "[2001:db8::2]:1", NULL, NULL};
	static const uint16_t nallowed[] = {1, 1, 2, 0};
	uint8_t key[WG_KEY_LEN], pub[WG_KEY_LEN];
	char text[IPPORT_STRLEN];
	struct wg_device d = {0};
	struct wg_dump s = {.d = &d};
	size_t i;

	assert_int_equal(wg_uapi.get(1, &s), 0);
	memset(key, 0x77, sizeof(key));
	crypto_scalarmult_base(pub, key);
	assert_memory_equal(d.pubkey, pub, WG_KEY_LEN);
	assert_int_equal(d.port, 51820);
	assert_int_equal(d.npeers, 4);
	for (i = 0; i < 4; i++) {
		const struct wg_peer *p = &d.peers[i];

		memset(key, (int)(0x11 * (i + 1)), sizeof(key));
		assert_memory_equal(p->key, key, WG_KEY_LEN);
		assert_string_equal(ipaddr_str(&p->addr, text), addr[i]);
		assert_int_equal(p->nallowed, nallowed[i]);
		if (ep[i] != NULL)
			assert_string_equal(
			    ipport_str(&p->endpoint, text), ep[i]);
		else
			assert_int_equal(p->endpoint.ip.len, 0);
	}
	assert_int_equal(d.peers[0].handshake, 1700000000);
	assert_true(d.peers[0].tx == UINT64_MAX && d.peers[0].rx == 42);
	assert_int_equal(d.peers[0].keepalive, 25);
	assert_true(d.peers[3].handshake == 0 && d.peers[3].tx == 0);
	wg_device_free(&d);
}

static void
test_dump(void **state)
{
	static const struct step s[] = {
	    {"get=1\n\n", DUMP, 0, 0},
	    {"get=1\n\n", DUMP, 1, 0},
	    {"get=1\n\n", DUMP, 7, 0},
	};

	(void)state;
	PLAY(s, false);
	check_dump();
	check_dump();
	check_dump();
	over();
}

/* A device without a key; nothing that a dump left is in the next one. */
static void
test_empty(void **state)
{
	static const struct step s[] = {
	    {"get=1\n\n", DUMP, 0, 0},
	    {"get=1\n\n", "private_key=" K("0") "\n" OK, 0, 0},
	    {"get=1\n\n", OK, 0, 0},
	};
	struct wg_device d = {0};
	struct wg_dump dump = {.d = &d};
	int i;

	(void)state;
	PLAY(s, false);
	check_dump();
	for (i = 0; i < 2; i++) {
		assert_int_equal(wg_uapi.get(1, &dump), 0);
		assert_int_equal(d.npeers, 0);
		assert_true(check_is_zero(d.pubkey, WG_KEY_LEN));
	}
	over();
}

/* How a dump with this answer ends; the connection is useless afterwards. */
static int
broken(const char *answer, size_t repeat, bool stay)
{
	const struct step s[] = {{"get=1\n\n", answer, 0, repeat}};
	struct wg_device d = {0};
	struct wg_dump dump = {.d = &d};
	int r;

	PLAY(s, stay);
	r = wg_uapi.get(1, &dump);
	wg_device_free(&d);
	assert_true(readable());
	assert_int_equal(wg_uapi.get(1, &dump), -ENODEV);
	over();
	return r;
}

static void
test_malformed(void **state)
{
	static const char *const bad[] = {"\n", "errno=0\n\nerrno=0\n\n",
	    "errno=0\nerrno=0\n\n", "errno=\n\n", "errno=--1\n\n",
	    "errno=1x\n\n", "errno=4096\n\n", "errno\n\n",
	    "private_key=77\n" OK, "private_key=" K("7") "7\n" OK,
	    "private_key=" K("x") "\n" OK, "listen_port=65536\n" OK,
	    "listen_port=-1\n" OK, "public_key=" K("1") "\nrx_bytes=\n" OK,
	    "public_key=" K("1") "\nrx_bytes=18446744073709551616\n" OK,
	    "public_key=" K("1") "\nlast_handshake_time_sec="
				 "9223372036854775808\n" OK,
	    "public_key=" K("1") "\nendpoint=1.2.3.4\n" OK,
	    "public_key=" K("1") "\nendpoint=:\n" OK,
	    "public_key=" K("1") "\nendpoint=[::1:5\n" OK,
	    "public_key=" K("1") "\nendpoint=host:5\n" OK,
	    "public_key=" K("1") "\nallowed_ip=10.0.0.1\n" OK,
	    "public_key=" K("1") "\nallowed_ip=10.0.0.1/x\n" OK,
	    "public_key=" K("1") "\nallowed_ip=ten/8\n" OK,
	    "errno=0\npublic_key=" K("1") "\n\n", "listen_port=1\n\n"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (broken(bad[i], 0, true) != -EPROTO)
			fail_msg("accepted: %s", bad[i]);
}

static void
test_end(void **state)
{
	(void)state;
	assert_int_equal(broken("", 0, false), -ENODEV);
	assert_int_equal(broken("public_key=" K("1"), 0, false), -ENODEV);
	assert_int_equal(broken("errno=0\n", 0, false), -ENODEV);
}

/* Too long a line, and an answer without an end. */
static void
test_bounds(void **state)
{
	(void)state;
	assert_int_equal(broken("x", 600, true), -EPROTO);
	assert_int_equal(
	    broken(X4(X4("a=" K("1") "\n")), (65 << 20) / (16 * 67), true),
	    -EMSGSIZE);
}

static void
test_silence(void **state)
{
	(void)state;
	assert_int_equal(broken("errno=", 0, true), -ETIMEDOUT);
}

/* An end without a request is seen by whoever polls. */
static void
test_idle_end(void **state)
{
	static const struct step s[] = {{NULL, OK, 0, 0}};
	struct wg_change c = change(WG_DEL, 0x11, NULL, NULL);
	struct pollfd pf;

	(void)state;
	assert_int_equal(uapi_fd(), -1);
	assert_int_equal(wg_uapi.change(1, &c, 1), -ENODEV);
	PLAY(s, true);
	assert_false(readable());
	assert_int_equal(wg_uapi.change(1, &c, 1), 0);
	assert_false(readable());
	kill(server, SIGKILL);
	pf = (struct pollfd){.fd = uapi_fd(), .events = POLLIN};
	assert_int_equal(poll(&pf, 1, 20000), 1);
	assert_int_equal(wg_uapi.change(1, &c, 1), -ENODEV);
}

static void
test_whose(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(uapi_connect(dir, "wgt", 0), -ENOENT);
	assert_false(uapi_exists(dir, "wgt"));
	assert_int_equal(uapi_connect("/tmp", "wgt", 0), -EPERM);
	fd = listener();
	assert_true(uapi_exists(dir, "wgt"));
	assert_int_equal(chmod(sockpath, 0722), 0);
	assert_int_equal(uapi_connect(dir, "wgt", 0), -EPERM);
	assert_int_equal(chmod(sockpath, 0700), 0);
	assert_int_equal(chmod(dir, 0770), 0);
	assert_int_equal(uapi_connect(dir, "wgt", 0), -EPERM);
	assert_false(uapi_exists(dir, "wgt"));
	assert_int_equal(chmod(dir, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(sockpath, 12345, 12345), 0);
		assert_int_equal(uapi_connect(dir, "wgt", 0), -EPERM);
		assert_int_equal(chown(sockpath, 0, 0), 0);
	}
	assert_int_equal(uapi_connect(dir, "wgt", 0), 0);
	close(fd); /* nobody listens any more */
	assert_int_equal(uapi_connect(dir, "wgt", 0), -ECONNREFUSED);
	assert_int_equal(uapi_fd(), -1);
	unlink(sockpath);
	assert_int_equal(symlink("/dev/null", sockpath), 0);
	assert_int_equal(uapi_connect(dir, "wgt", 0), -EPERM);
}

/* Root's socket, but it is another who listens on it. */
static void
test_listener(void **state)
{
	int fd, up[2], status;
	char c;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe(up), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	if ((server = fork()) == 0) {
		if (setuid(12345) == -1 || (fd = listener()) == -1)
			_exit(1);
		(void)!write(up[1], "x", 1);
		pause();
	}
	close(up[1]);
	assert_int_equal(read(up[0], &c, 1), 1);
	close(up[0]);
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(chown(sockpath, 0, 0), 0);
	assert_int_equal(uapi_connect(dir, "wgt", 0), -EPERM);
	assert_int_equal(waitpid(server, &status, WNOHANG), 0);
}

static void
test_late(void **state)
{
	static const struct step s[] = {{NULL, OK, 0, 0}};
	struct wg_change c = change(WG_DEL, 0x11, NULL, NULL);

	(void)state;
	if ((server = fork()) == 0) {
		(void)poll(NULL, 0, 300);
		serve(listener(), s, 1, false);
	}
	assert_int_equal(uapi_connect(dir, "wgt", 20000), 0);
	assert_int_equal(wg_uapi.change(1, &c, 1), 0);
	over();
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_set),
	    T(test_changes),
	    T(test_batch),
	    T(test_dump),
	    T(test_empty),
	    T(test_malformed),
	    T(test_end),
	    T(test_bounds),
	    T(test_silence),
	    T(test_idle_end),
	    T(test_whose),
	    T(test_listener),
	    T(test_late),
	};

	if (sodium_init() == -1)
		return 1;
	(void)umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
