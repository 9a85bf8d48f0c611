/*
 * The steps of a start, in a folder of our own and with a kernel of arrays.
 * What ends the process is tried in a fork, and its one line is read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "fake_kernel.h"

#include "../../common/log.h"
#include "../../common/owned.h"
#include "../../kernel/sockets.h"
#include "../../priv/setup.h"

#define UID 12345

static char top[] = "/tmp/privsetup.XXXXXX";
static char state_dir[64], key_dir[64], run_dir[64];
static const struct runas user = {UID, UID};
static struct policy pol;
static char complaint[1024];

static char *
path(const char *dir, const char *name)
{
	static char buf[4][256];
	static unsigned at;
	char *p = buf[at++ % 4];

	snprintf(p, sizeof(buf[0]), "%s/%s", dir, name);
	return p;
}

static int
setup(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	memset(&fk, 0, sizeof(fk));
	strcpy(top + sizeof(top) - 7, "XXXXXX");
	assert_non_null(mkdtemp(top));
	chmod(top, 0755);
	snprintf(state_dir, sizeof(state_dir), "%s/state", top);
	snprintf(key_dir, sizeof(key_dir), "%s/keys", top);
	snprintf(run_dir, sizeof(run_dir), "%s/run", top);
	memset(&pol, 0, sizeof(pol));
	pol = (struct policy){.statedir = state_dir,
	    .keydir = key_dir,
	    .rundir = run_dir,
	    .etcdir = top,
	    .mtu = 1420,
	    .wireguard_port = 51820};
	strcpy(pol.interface, "wgt");
	strcpy(pol.user, "12345");
	return 0;
}

static int
teardown(void **state)
{
	char cmd[128];

	(void)state;
	if (geteuid() != 0)
		return 0;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	return system(cmd);
}

#define ROOT()                      \
	do {                        \
		if (geteuid() != 0) \
			skip();     \
	} while (0)

/* Run f in a fork: its exit status, its standard error in complaint[]. */
static int
dies(void (*f)(void))
{
	int fds[2], status;
	ssize_t n;
	size_t at = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		dup2(fds[1], STDERR_FILENO);
		log_init(LOG_D_PLAIN, LOG_L_INFO, "wesher", -1);
		f();
		_exit(0);
	}
	close(fds[1]);
	while (
	    (n = read(fds[0], complaint + at, sizeof(complaint) - 1 - at)) > 0)
		at += (size_t)n;
	complaint[at] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
do_dirs(void)
{
	setup_dirs(&pol, &user);
}

static void
do_lock(void)
{
	setup_lock(&pol);
}

static void
do_key(void)
{
	struct wgkey k;

	setup_key(&pol, &k, false);
}

static void
do_tcp(void)
{
	setup_socket(&pol, SOCK_STREAM);
}

static void
test_dirs(void **state)
{
	struct stat st;
	int i;

	(void)state;
	ROOT();
	for (i = 0; i < 2; i++) {
		close(setup_dirs(&pol, &user));
		assert_int_equal(stat(state_dir, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0711);
		assert_int_equal(st.st_uid, 0);
		assert_int_equal(stat(path(state_dir, "wgt"), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		assert_int_equal(st.st_uid, UID);
		assert_int_equal(st.st_gid, UID);
	}
}

static void
test_dirs_refused(void **state)
{
	(void)state;
	ROOT();
	close(setup_dirs(&pol, &user));
	/* Of another user. */
	assert_int_equal(chown(path(state_dir, "wgt"), UID + 1, UID), 0);
	assert_int_equal(dies(do_dirs), 1);
	assert_non_null(strstr(complaint, "chown"));
	/* A link. */
	assert_int_equal(rmdir(path(state_dir, "wgt")), 0);
	assert_int_equal(symlink(top, path(state_dir, "wgt")), 0);
	assert_int_equal(dies(do_dirs), 1);
	assert_int_equal(unlink(path(state_dir, "wgt")), 0);
	assert_int_equal(dies(do_dirs), 0);
	/* A parent that others may write. */
	assert_int_equal(chmod(state_dir, 0777), 0);
	assert_int_equal(dies(do_dirs), 1);
}

static void
test_lock(void **state)
{
	char want[32];
	int fd;

	(void)state;
	ROOT();
	fd = setup_lock(&pol);
	assert_true(fd >= 0);
	assert_int_equal(dies(do_lock), 1);
	snprintf(want, sizeof(want), "pid %d", (int)getpid());
	assert_non_null(strstr(complaint, want));
	assert_non_null(strstr(complaint, "wesher leave"));
	close(fd);
	assert_int_equal(dies(do_lock), 0); /* the file alone is no daemon */
}

static void
test_key(void **state)
{
	struct wgkey a, b, c;
	struct stat st;
	char text[64] = "";
	FILE *f;

	(void)state;
	ROOT();
	setup_key(&pol, &a, false);
	setup_key(&pol, &b, false);
	setup_key(&pol, &c, true);
	assert_memory_equal(a.pub, b.pub, WG_KEY_LEN);
	assert_memory_not_equal(a.pub, c.pub, WG_KEY_LEN);
	sodium_mprotect_readonly(a.priv);
	assert_int_equal(a.priv[0] & 7, 0);
	assert_int_equal(a.priv[31] & 0xc0, 0x40);
	sodium_free(a.priv);
	sodium_free(b.priv);
	sodium_free(c.priv);
	assert_int_equal(stat(key_dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(path(key_dir, "wgt.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 45); /* as `wg genkey` writes it */
	f = fopen(path(key_dir, "wgt.key"), "r");
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_int_equal(text[43], '=');
	assert_int_equal(text[44], '\n');
}

static void
test_key_refused(void **state)
{
	(void)state;
	ROOT();
	assert_int_equal(dies(do_key), 0);
	assert_int_equal(chmod(path(key_dir, "wgt.key"), 0640), 0);
	assert_int_equal(dies(do_key), 1);
	assert_non_null(strstr(complaint, "--new-wireguard"));
	assert_int_equal(chmod(path(key_dir, "wgt.key"), 0600), 0);
	assert_int_equal(dies(do_key), 0);
	assert_int_equal(truncate(path(key_dir, "wgt.key"), 30), 0);
	assert_int_equal(dies(do_key), 1);
	assert_int_equal(truncate(path(key_dir, "wgt.key"), 0), 0);
	assert_int_equal(dies(do_key), 1);
	assert_int_equal(unlink(path(key_dir, "wgt.key")), 0);
	assert_int_equal(symlink("elsewhere", path(key_dir, "wgt.key")), 0);
	assert_int_equal(dies(do_key), 1);
}

static void
make_file(const char *p, const char *text)
{
	FILE *f = fopen(p, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static char
first_byte(int fd)
{
	char c = '-';

	if (read(fd, &c, 1) != 1)
		c = '-';
	close(fd);
	return c;
}

static void
test_oldstate(void **state)
{
	(void)state;
	ROOT();
	log_init(LOG_D_SINK, LOG_L_ERROR, "test", -1);
	close(setup_dirs(&pol, &user));
	assert_int_equal(first_byte(owned_oldstate(state_dir, "wgt")), '-');
	make_file(path(state_dir, "state.json"), "S");
	assert_int_equal(first_byte(owned_oldstate(state_dir, "wgt")), 'S');
	make_file(path(state_dir, "wgt.json"), "I");
	assert_int_equal(first_byte(owned_oldstate(state_dir, "wgt")), 'I');
	/* A second name, another's, a link: the next one is tried. */
	assert_int_equal(
	    link(path(state_dir, "wgt.json"), path(state_dir, "x")), 0);
	assert_int_equal(first_byte(owned_oldstate(state_dir, "wgt")), 'S');
	unlink(path(state_dir, "x"));
	assert_int_equal(chown(path(state_dir, "wgt.json"), UID, UID), 0);
	assert_int_equal(first_byte(owned_oldstate(state_dir, "wgt")), 'S');
	unlink(path(state_dir, "wgt.json"));
	assert_int_equal(symlink("state.json", path(state_dir, "wgt.json")), 0);
	assert_int_equal(first_byte(owned_oldstate(state_dir, "wgt")), 'S');
}

/* A free port: what the kernel gave to a socket that is closed again. */
static uint16_t
free_port(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	close(fd);
	return ntohs(sin.sin_port);
}

static void
test_sockets(void **state)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	int udp, tcp, c;

	(void)state;
	ROOT();
	pol.cluster_port = free_port();
	tcp = setup_socket(&pol, SOCK_STREAM);
	udp = setup_socket(&pol, SOCK_DGRAM);
	assert_true(fcntl(tcp, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(udp, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(udp, F_GETFD) & FD_CLOEXEC);
	/* It listens, to IPv4 too. */
	c = socket(AF_INET, SOCK_STREAM, 0);
	sin.sin_port = htons(pol.cluster_port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(c, (struct sockaddr *)&sin, sizeof(sin)), 0);
	close(c);
	assert_int_equal(dies(do_tcp), 1);
	assert_non_null(strstr(complaint, "--cluster-port"));
	close(udp);
	close(tcp);
	/* Bound to one address, it does not hear another. */
	assert_int_equal(ipaddr_parse("127.0.0.2", &pol.bind_addr), 0);
	tcp = setup_socket(&pol, SOCK_STREAM);
	c = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(c, (struct sockaddr *)&sin, sizeof(sin)), -1);
	close(c);
	c = socket(AF_INET, SOCK_STREAM, 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	assert_int_equal(connect(c, (struct sockaddr *)&sin, sizeof(sin)), 0);
	close(c);
	close(tcp);
}

static void
test_control(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	ROOT();
	close(setup_lock(&pol));
	make_file(path(run_dir, "wgt.sock"), "stale");
	fd = setup_control(&pol);
	assert_int_equal(stat(path(run_dir, "wgt.sock"), &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, 0);
	close(fd);
}

static void
do_metrics(void)
{
	close(setup_metrics(&pol));
}

static void
metrics_at(const char *kind, const char *where)
{
	snprintf(pol.metrics, sizeof(pol.metrics), "%s%s", kind, where);
}

/* Nowhere, by a socket, by TCP. */
static void
test_metrics(void **state)
{
	struct stat st;
	char name[32];
	int fd, i;

	(void)state;
	ROOT();
	assert_int_equal(setup_metrics(&pol), -1);
	close(setup_lock(&pol)); /* makes the folder */
	metrics_at("unix:", path(run_dir, "m.sock"));
	for (i = 0; i < 2; i++) { /* another time in place of the first */
		fd = setup_metrics(&pol);
		assert_int_equal(lstat(path(run_dir, "m.sock"), &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 0007, 0);
		close(fd);
	}
	snprintf(name, sizeof(name), "127.0.0.1:%u", free_port());
	metrics_at("", name);
	fd = setup_metrics(&pol);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(dies(do_metrics), 1);
	assert_non_null(strstr(complaint, name));
	assert_non_null(strstr(complaint, "in use"));
	close(fd);
	metrics_at("", "192.0.2.1:9946");
	assert_int_equal(dies(do_metrics), 1);
	assert_non_null(strstr(complaint, "--metrics 192.0.2.1:9946"));
}

static void
no_metrics(const char *where, const char *words)
{
	metrics_at("unix:", where);
	assert_int_equal(dies(do_metrics), 1);
	if (strstr(complaint, words) == NULL)
		fail_msg("%s: %s", where, complaint);
}

/* Only where nobody else can put something in its place. */
static void
hostile_16_metrics_socket(void **state)
{
	struct stat st;

	(void)state;
	ROOT();
	close(setup_lock(&pol));
	mkdir(path(top, "open"), 0);
	chmod(path(top, "open"), 0777);
	no_metrics(path(top, "open/m.sock"), "not permitted");
	chmod(path(top, "open"), 01777);
	no_metrics(path(top, "open/m.sock"), "not permitted");
	mkdir(path(top, "theirs"), 0755);
	mkdir(path(top, "theirs/mine"), 0755);
	assert_int_equal(chown(path(top, "theirs"), UID, UID), 0);
	no_metrics(path(top, "theirs/m.sock"), "not permitted");
	no_metrics(path(top, "theirs/mine/m.sock"), "not permitted");
	/* By a link, too. */
	assert_int_equal(
	    symlink(path(top, "theirs"), path(run_dir, "link")), 0);
	no_metrics(path(run_dir, "link/m.sock"), "not permitted");
	no_metrics(path(run_dir, "none/m.sock"), "No such file");
	make_file(path(run_dir, "precious"), "x");
	no_metrics(path(run_dir, "precious"), "exists");
	assert_int_equal(stat(path(run_dir, "precious"), &st), 0);
	assert_int_equal(st.st_size, 1);
	assert_int_equal(
	    symlink(path(run_dir, "precious"), path(run_dir, "l")), 0);
	no_metrics(path(run_dir, "l"), "exists");
}

static void
test_link(void **state)
{
	struct wgkey k;
	const char *why;
	unsigned ifi = 0;
	bool created;

	(void)state;
	ROOT();
	setup_key(&pol, &k, false);
	fk.create_error = fk.start_error = -EOPNOTSUPP;
	assert_int_equal(
	    setup_link(&pol, &k, &ifi, &created, &why), -EOPNOTSUPP);
	assert_non_null(strstr(why, "modprobe"));
	assert_non_null(strstr(why, "wireguard-go"));
	fk.create_error = 0;
	fk.up_error = -EADDRINUSE;
	assert_int_equal(
	    setup_link(&pol, &k, &ifi, &created, &why), -EADDRINUSE);
	assert_non_null(strstr(why, "--wireguard-port"));
	fk.up_error = 0;
	assert_false(fk.link);
	assert_int_equal(setup_link(&pol, &k, &ifi, &created, &why), 0);
	assert_true(created && fk.up);
	assert_int_equal(fk.mtu, 1420);
	assert_int_equal(ifi, fk.ifindex);
	assert_memory_equal(fk.pubkey, k.pub, WG_KEY_LEN);
	/* Adopted as it is: sessions live on. */
	fk.keysets = 0;
	assert_int_equal(setup_link(&pol, &k, &ifi, &created, &why), 0);
	assert_false(created);
	assert_int_equal(fk.keysets, 0);
	/* Another port is set. */
	pol.wireguard_port++;
	assert_int_equal(setup_link(&pol, &k, &ifi, &created, &why), 0);
	assert_int_equal(fk.keysets, 1);
	assert_int_equal(fk.port, pol.wireguard_port);
	strcpy(fk.kind, "bridge");
	assert_int_equal(setup_link(&pol, &k, &ifi, &created, &why), -EEXIST);
	assert_non_null(strstr(why, "--interface"));
	sodium_free(k.priv);
}

/* No WireGuard in the kernel: one in userspace is started, and adopted. */
static void
test_userspace(void **state)
{
	struct wgkey k;
	const char *why;
	unsigned ifi = 0;
	bool created;

	(void)state;
	ROOT();
	setup_key(&pol, &k, false);
	fk.create_error = -EOPNOTSUPP;
	assert_int_equal(setup_link(&pol, &k, &ifi, &created, &why), 0);
	assert_true(created && fk.userspace && fk.up);
	assert_int_equal(ifi, fk.ifindex);
	assert_memory_equal(fk.pubkey, k.pub, WG_KEY_LEN);
	fk.create_error = -EOPNOTSUPP;
	assert_int_equal(setup_link(&pol, &k, &ifi, &created, &why), 0);
	assert_false(created);
	assert_int_equal(fk.keysets, 1);
	assert_int_equal(setup_unlink(&pol, NULL), 0);
	assert_false(fk.link);
	/* Somebody else's. */
	fk.link = true;
	fk.userspace = false;
	assert_int_equal(setup_link(&pol, &k, &ifi, &created, &why), -EEXIST);
	assert_int_equal(setup_unlink(&pol, NULL), -1);
	assert_true(fk.link);
	sodium_free(k.priv);
}

/* A group that is there may look; CAP_CHOWN is not needed for it. */
static void
test_control_group(void **state)
{
	const char *at = path(top, "group.sock");
	const struct group *g = getgrnam("daemon");
	struct stat st;
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(g);
	fd = sockets_control(at, "daemon");
	assert_int_not_equal(fd, -1);
	assert_int_equal(stat(at, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(st.st_gid, g->gr_gid);
	assert_int_equal(getegid(), 0);
	close(fd);
	fd = sockets_control(at, "no-such-group");
	assert_int_not_equal(fd, -1);
	assert_int_equal(stat(at, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_gid, 0);
	close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_dirs),
	    T(test_dirs_refused),
	    T(test_lock),
	    T(test_key),
	    T(test_key_refused),
	    T(test_oldstate),
	    T(test_sockets),
	    T(test_control),
	    T(test_control_group),
	    T(test_metrics),
	    T(hostile_16_metrics_socket),
	    T(test_link),
	    T(test_userspace),
	};

	if (sodium_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
