/*
 * The whole way to a userspace WireGuard: which program is believed, its
 * start, peers by the thousand, changes, its end. In network and mount
 * namespaces of its own, since the sockets' folder is one for all networks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mount.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "../../common/log.h"
#include "../../kernel/rtnl.h"
#include "../../kernel/uapi.h"
#include "../../kernel/userspace.h"

#define NAME  "wgu0"
#define PEERS 500
#define VAR   "WG_QUICK_USERSPACE_IMPLEMENTATION"

static struct rtnl_link l;
static struct wg_change ch[PEERS];
static int err[PEERS];

static struct wg_change
change(enum wg_op op, unsigned i)
{
	struct wg_change c = {.op = op};

	memset(c.peer.key, 0x40, WG_KEY_LEN);
	memcpy(c.peer.key, &i, sizeof(i));
	c.peer.endpoint.port = (uint16_t)(1 + i);
	c.peer.endpoint.ip = (struct ipaddr){
	    4, {192, 0, 2, (uint8_t)(1 + i % 250)}};
	if (i % 2)
		c.peer.endpoint.ip = (struct ipaddr){16, {0x20, 1, [15] = 1}};
	c.peer.addr = (struct ipaddr){
	    4, {10, 99, (uint8_t)(i >> 8), (uint8_t)i}};
	c.peer.keepalive = (uint16_t)(i % 3);
	return c;
}

static const struct wg_peer *
found(const struct wg_device *d, const struct wg_change *c)
{
	size_t i;

	for (i = 0; i < d->npeers; i++)
		if (memcmp(d->peers[i].key, c->peer.key, WG_KEY_LEN) == 0)
			return &d->peers[i];
	return NULL;
}

static bool
same(const struct wg_peer *p, const struct wg_change *c)
{
	return p != NULL && p->nallowed == 1 &&
	       ipaddr_eq(&p->addr, &c->peer.addr) &&
	       ipport_cmp(&p->endpoint, &c->peer.endpoint) == 0 &&
	       p->keepalive == c->peer.keepalive;
}

static void
script(const char *path, mode_t mode, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* Is that program the one that would be started? */
static bool
believed(const char *wanted)
{
	char buf[PATH_MAX];
	const char *got = userspace_find(wanted, buf, sizeof(buf));

	return got != NULL && strcmp(got, wanted) == 0;
}

static void
test_find(void **state)
{
	char def[PATH_MAX], buf[PATH_MAX];

	(void)state;
	assert_non_null(userspace_find(NULL, def, sizeof(def)));
	assert_non_null(strstr(def, "/wireguard-go"));
	script("/run/impl", 0755, "#!/bin/sh\nexit 3\n");
	assert_true(believed("/run/impl"));
	assert_int_equal(chmod("/run/impl", 0775), 0);
	assert_false(believed("/run/impl"));
	assert_int_equal(chmod("/run/impl", 0644), 0);
	assert_false(believed("/run/impl"));
	assert_int_equal(chmod("/run/impl", 0755), 0);
	assert_int_equal(chown("/run/impl", 12345, 0), 0);
	assert_false(believed("/run/impl"));
	assert_int_equal(mkdir("/run/open", 0777), 0);
	assert_int_equal(chmod("/run/open", 0777), 0);
	script("/run/open/impl", 0755, "#!/bin/sh\nexit 3\n");
	assert_false(believed("/run/open/impl"));
	/* Where a link leads to is what counts. */
	assert_int_equal(symlink("/run/open/impl", "/run/link"), 0);
	assert_false(believed("/run/link"));
	/* By name, from the usual folders alone; then the default. */
	assert_non_null(userspace_find("sh", buf, sizeof(buf)));
	assert_string_not_equal(buf, def);
	assert_string_equal(userspace_find("run/impl", buf, sizeof(buf)), def);
	assert_string_equal(userspace_find("", buf, sizeof(buf)), def);
}

static char last[512];

static void
keep_line(enum log_level level, const char *tag, const char *line)
{
	(void)level;
	(void)tag;
	strlcpy(last, line, sizeof(last));
}

static void
test_failing(void **state)
{
	(void)state;
	log_init(LOG_D_SINK, LOG_L_INFO, "test", -1);
	log_sink(keep_line);
	script("/run/fails", 0755, "#!/bin/sh\nexit 3\n");
	setenv(VAR, "/run/fails", 1);
	assert_int_equal(wg_start(NAME), -EIO);
	/* Success, and nobody listens; not even after the patience. */
	script("/run/fails", 0755, "#!/bin/sh\nexit 0\n");
	assert_int_equal(wg_start(NAME), -ENOENT);
	assert_non_null(
	    strstr(last, "what does \"/run/fails -f " NAME "\" say?"));
	/* Nothing of ours reaches it. */
	script("/run/fails", 0755,
	    "#!/bin/sh\nexport -p >/run/seen\n"
	    "readlink /proc/$$/fd/* >>/run/seen\nexit 3\n");
	assert_int_not_equal(open("/run/impl", O_RDONLY), -1);
	setenv("NOTIFY_SOCKET", "/run/secret", 1);
	assert_int_equal(wg_start(NAME), -EIO);
	assert_int_equal(system("! grep -E 'impl|secret|WG_' /run/seen"), 0);
	assert_int_equal(system("grep -q /dev/null /run/seen"), 0);
	unsetenv(VAR);
	log_sink(NULL);
	log_init(LOG_D_PLAIN, LOG_L_WARN, "test", -1);
}

static void
test_start(void **state)
{
	uint8_t key[WG_KEY_LEN], pub[WG_KEY_LEN];
	struct wg_device d;

	(void)state;
	assert_int_equal(wg_event_fd(), -1);
	assert_int_equal(wg_start(NAME), 0);
	assert_int_equal(rtnl_link_get(NAME, &l), 0);
	assert_string_equal(l.kind, "tun");
	assert_true(wg_ours(NAME, l.kind));
	assert_false(wg_ours(NAME, "bridge"));
	assert_false(wg_ours("other0", "tun"));
	/* It is served: a second one is not started. */
	assert_int_equal(wg_start(NAME), -EBUSY);
	assert_int_equal(wg_open(NAME, l.kind), 0);
	assert_int_not_equal(wg_event_fd(), -1);
	assert_int_equal(wg_start(NAME), -ENODEV);
	assert_int_equal(wg_device_get(l.ifindex, &d), 0);
	assert_int_equal(d.npeers, 0);
	randombytes_buf(key, sizeof(key));
	assert_int_equal(crypto_scalarmult_base(pub, key), 0);
	assert_int_equal(wg_device_set(l.ifindex, key, 12345), 0);
	assert_int_equal(rtnl_link_up(l.ifindex, 1400), 0);
	assert_int_equal(wg_device_get(l.ifindex, &d), 0);
	assert_memory_equal(d.pubkey, pub, WG_KEY_LEN);
	assert_int_equal(d.port, 12345);
	wg_device_free(&d);
}

static void
test_many(void **state)
{
	struct wg_device d;
	unsigned i;

	(void)state;
	for (i = 0; i < PEERS; i++)
		ch[i] = change(WG_ADD, i);
	memset(err, 0xff, sizeof(err));
	assert_int_equal(wg_apply(l.ifindex, ch, PEERS, err), 0);
	assert_int_equal(wg_device_get(l.ifindex, &d), 0);
	assert_int_equal(d.npeers, PEERS);
	for (i = 0; i < PEERS; i++)
		assert_true(err[i] == 0 && same(found(&d, &ch[i]), &ch[i]));
	wg_device_free(&d);
}

/* A replaced key, a moved endpoint, an unknown peer; the others stay. */
static void
test_change(void **state)
{
	struct wg_change c[4] = {change(WG_DEL, 1), change(WG_ADD, 9001),
	    change(WG_ENDPOINT, 2), change(WG_ENDPOINT, 9002)};
	struct wg_device d;

	(void)state;
	c[1].peer.addr = c[0].peer.addr;
	c[2].peer.endpoint.port = 7;
	assert_int_equal(wg_apply(l.ifindex, c, 4, err), 0);
	assert_int_equal(wg_device_get(l.ifindex, &d), 0);
	assert_int_equal(d.npeers, PEERS);
	assert_null(found(&d, &c[0]));
	assert_true(same(found(&d, &c[1]), &c[1]));
	assert_true(same(found(&d, &c[2]), &c[2]));
	assert_null(found(&d, &c[3]));
	assert_true(same(found(&d, &ch[3]), &ch[3]));
	wg_device_free(&d);
}

/* Adopted by the next one, with everything it has. */
static void
test_adopt(void **state)
{
	struct wg_device d;

	(void)state;
	wg_close();
	assert_int_equal(wg_event_fd(), -1);
	assert_int_equal(wg_open(NAME, "tun"), 0);
	assert_int_equal(wg_device_get(l.ifindex, &d), 0);
	assert_int_equal(d.npeers, PEERS);
	wg_device_free(&d);
}

/* Said at once, not only in a log that nobody has. */
static void
port_in_use(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint8_t key[WG_KEY_LEN];

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	randombytes_buf(key, sizeof(key));
	assert_int_equal(
	    wg_device_set(l.ifindex, key, ntohs(sin.sin_port)), -EADDRINUSE);
	close(fd);
}

static void
test_gone(void **state)
{
	struct pollfd pf = {.fd = wg_event_fd(), .events = POLLIN};
	struct wg_device d;

	(void)state;
	assert_int_equal(poll(&pf, 1, 0), 0);
	assert_int_equal(rtnl_link_delete(NAME), 0);
	assert_int_equal(poll(&pf, 1, 20000), 1);
	assert_int_equal(wg_device_get(l.ifindex, &d), -ENODEV);
	assert_int_equal(wg_apply(l.ifindex, ch, 20, err), -ENODEV);
	assert_int_equal(err[19], -ENODEV);
	assert_int_equal(wg_start(NAME), -ENODEV);
	wg_close();
	/* And at once again. */
	assert_int_equal(wg_start(NAME), 0);
	assert_int_equal(rtnl_link_get(NAME, &l), 0);
	assert_int_equal(wg_open(NAME, l.kind), 0);
	pf.fd = wg_event_fd();
	port_in_use();
	assert_int_equal(rtnl_link_delete(NAME), 0);
	assert_int_equal(poll(&pf, 1, 20000), 1);
	wg_close();
}

/* Where it cannot run: in CI that is a failure, elsewhere a reason to skip. */
static int
unable(const char *why)
{
	const char *ci = getenv("CI");

	if (ci != NULL && strcmp(ci, "true") == 0) {
		printf("1..1\nnot ok 1 - %s\n", why);
		return 1;
	}
	printf("1..0 # SKIP %s\n", why);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_failing),
	    cmocka_unit_test(test_start),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_change),
	    cmocka_unit_test(test_adopt),
	    cmocka_unit_test(test_gone),
	};
	char buf[PATH_MAX];

	(void)umask(022);
	(void)signal(SIGPIPE, SIG_IGN);
	if (sodium_init() == -1)
		return 1;
	if (geteuid() != 0)
		return unable("needs root");
	if (access("/dev/net/tun", F_OK) == -1)
		return unable("there is no /dev/net/tun");
	if (userspace_find(NULL, buf, sizeof(buf)) == NULL)
		return unable("wireguard-go is missing");
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", "/run", "tmpfs", 0, "mode=755") == -1)
		return unable("needs network and mount namespaces");
	if (rtnl_open() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
