/*
 * Start, READY, die together: a daemon of wesher-priv's own loop over a kernel
 * of arrays, and this very program again as the gossip process. The stub's
 * first byte of the "memfd" says what it shall do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "fake_kernel.h"

#include "../../common/clock.h"
#include "../../common/log.h"
#include "../../common/seqpacket.h"
#include "../../priv/priv.h"
#include "../../priv/sandbox.h"

#define UID 12345

/* ---- the stub ---- */

static void
complain(const char *what)
{
	dprintf(PRIV_FD_LOG, "<3>stub: %s: %s\n", what, strerror(errno));
	_exit(3);
}

#define MUST(x)                       \
	do {                          \
		if (!(x))             \
			complain(#x); \
	} while (0)

static bool
status_line(const char *want)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");
	bool found = false;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strcmp(line, want) == 0)
			found = true;
	if (f != NULL)
		fclose(f);
	return found;
}

/* What design.md section 1 promises of a start. */
static void
check_start(char *envp[])
{
	uid_t r, e, s;
	gid_t rg, eg, sg;
	struct sigaction sa;
	struct stat st;
	struct dirent *d;
	DIR *dir;
	int sig = 0, fd;

	MUST(getresuid(&r, &e, &s) == 0 && r == UID && e == UID && s == UID);
	MUST(getresgid(&rg, &eg, &sg) == 0 && rg == UID && eg == UID &&
	     sg == UID);
	MUST(getgroups(0, NULL) == 0);
	MUST(status_line("CapPrm:\t0000000000040000\n"));
	MUST(status_line("CapEff:\t0000000000040000\n"));
	MUST(status_line("CapBnd:\t0000000000040000\n"));
	MUST(prctl(PR_GET_PDEATHSIG, &sig) == 0 && sig == SIGKILL);
	MUST(getsid(0) == getpid());
	MUST(sigaction(SIGTERM, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN);
	MUST(status_line("SigBlk:\t0000000000000000\n"));
	MUST(strncmp(envp[0], "PATH=", 5) == 0);
	MUST(envp[1] == NULL || strncmp(envp[1], "TZ=", 3) == 0);
	MUST(stat(".", &st) == 0 && st.st_uid == UID);
	MUST(umask(0) == 077);
	MUST((dir = opendir("/proc/self/fd")) != NULL);
	while ((d = readdir(dir)) != NULL) {
		fd = atoi(d->d_name);
		MUST(fd < PRIV_FD_NEXT || fd == dirfd(dir));
	}
	closedir(dir);
	for (fd = 0; fd < PRIV_FD_NEXT; fd++)
		MUST(fcntl(fd, F_GETFD) == 0);
	MUST(chroot(".") == 0);
	MUST(setuid(0) == -1);
}

static void
tell(unsigned type)
{
	union priv_msg m;

	memset(&m, 0, sizeof(m));
	m.h.type = (uint16_t)type;
	MUST(seqpacket_send(PRIV_FD_BOUNDARY, &m, priv_type_size(type)) == 0);
}

static unsigned
hear(void)
{
	struct pollfd p = {.fd = PRIV_FD_BOUNDARY, .events = POLLIN};
	union priv_msg m;

	do { /* adopted peers are of no interest here */
		MUST(poll(&p, 1, -1) == 1);
		MUST(seqpacket_recv(PRIV_FD_BOUNDARY, &m, sizeof(m)) > 0);
	} while (m.h.type == PRIV_STAT);
	return m.h.type;
}

static int
stub(char *envp[])
{
	char what;

	MUST(pread(PRIV_FD_CONF, &what, 1, 0) == 1);
	check_start(envp);
	MUST(hear() == PRIV_HELLO);
	if (what == 'e')
		return 5; /* before READY */
	if (what != 'q')
		tell(PRIV_READY);
	dprintf(PRIV_FD_LOG, "<4>stub is up, pid %d\n", (int)getpid());
	if (what == 'q') {
		poll(NULL, 0, 500); /* the test stops the parent meanwhile */
		tell(PRIV_READY);
		tell(PRIV_SELF);
	}
	MUST(hear() == PRIV_NET);
	switch (what) {
	case 'd':
		signal(SIGSEGV, SIG_DFL); /* a sanitizer's otherwise */
		raise(SIGSEGV);
		break;
	case 'm':
		tell(PRIV_READY); /* twice */
		pause();
		break;
	case 'i':
		MUST(hear() == PRIV_LEAVE);
		dprintf(PRIV_FD_LOG, "<4>not now\n");
		pause();
		break;
	case 'q':
		MUST(hear() == PRIV_RESULT); /* SELF's */
		break;
	case 's':
		MUST(hear() == PRIV_STOP);
		return 0;
	case 'l':
		for (;;)
			;
	}
	MUST(hear() == PRIV_LEAVE);
	return 0;
}

/* ---- the daemon ---- */

static char dir[] = "/tmp/privchild.XXXXXX";

static int
daemon_main(char what, bool keep)
{
	static struct priv priv;
	static struct policy pol;
	static struct wgkey key;
	struct child c = {.user = {UID, UID}};
	struct loop l = {.p = &priv, .dnsfd = -1};
	struct sandbox s = {
	    .etc = -1, .resolv = -1, .resolv_to = -1, .syslog = -1, .uapi = -1};
	int i, sv[2], lp[2];
	const char *why;
	bool created;
	sigset_t set;

	log_init(LOG_D_STDERR, LOG_L_INFO, "wesher-priv", -1);
	pol = (struct policy){
	    .mtu = 1420, .wireguard_port = 51820, .keep_interface = keep};
	strcpy(pol.interface, "wgt");
	(void)ipnet_parse("10.0.0.0/8", &pol.overlay);
	key.priv = sodium_malloc(WG_KEY_LEN);
	memset(key.priv, 7, WG_KEY_LEN);
	crypto_scalarmult_base(key.pub, key.priv);
	priv.env.pol = &pol;
	priv.wgkey = &key;
	priv.net_at = 1;
	priv.hosts = hosts_open(-1, "wgt", -1);
	strcpy(priv.name, "me");
	for (i = 0; i < PRIV_FD_NEXT; i++)
		c.fds[i] = -1;
	if (setup_link(&pol, &key, &priv.env.ifindex, &created, &why) != 0 ||
	    seqpacket_pair(sv) != 0 || pipe2(lp, O_CLOEXEC) != 0)
		return 99;
	fcntl(lp[0], F_SETFL, O_NONBLOCK);
	c.fds[PRIV_FD_BOUNDARY] = sv[1];
	c.fds[PRIV_FD_LOG] = lp[1];
	c.fds[PRIV_FD_CONF] = memfd_create("conf", MFD_CLOEXEC);
	if (write(c.fds[PRIV_FD_CONF], &what, 1) != 1)
		return 99;
	c.dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	c.exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	priv.boundary = sv[0];
	l.logfd = lp[0];
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	l.sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	loop_clock(&priv);
	dispatch_hello(&priv);
	l.child = child_start(&c);
	close(sv[1]);
	close(lp[1]);
	s.child = l.child;
	sandbox_enter(&s);
	i = loop_run(&l);
	if (waitpid(l.child, NULL, WNOHANG) != -1) /* reaped */
		return 98;
	return i + (fk.link ? 10 : 0) + (fk.hosts_writes ? 20 : 0);
}

struct run {
	pid_t pid;
	FILE *log;
	char seen[8192];
};

static void
start(struct run *r, char what, bool keep)
{
	int fds[2];

	memset(r, 0, sizeof(*r));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	if ((r->pid = fork()) == 0) {
		dup2(fds[1], STDERR_FILENO);
		_exit(daemon_main(what, keep));
	}
	close(fds[1]);
	r->log = fdopen(fds[0], "r");
	assert_non_null(r->log);
}

/* Read the daemon's log until a line holds text; the two processes' lines
 * come in any order. */
static void
wait_for(struct run *r, const char *text)
{
	char line[1024];

	while (strstr(r->seen, text) == NULL &&
	       fgets(line, sizeof(line), r->log) != NULL)
		strlcat(r->seen, line, sizeof(r->seen));
	if (strstr(r->seen, text) != NULL)
		return;
	fail_msg("no line with \"%s\" in:\n%s", text, r->seen);
}

static int
finish(struct run *r)
{
	char line[1024];
	int status;

	while (fgets(line, sizeof(line), r->log) != NULL)
		strlcat(r->seen, line, sizeof(r->seen));
	fclose(r->log);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

#define LINK  10
#define HOSTS 20

static void
test_leave(void **state)
{
	struct run r;

	(void)state;
	start(&r, 'n', false);
	wait_for(&r, "ready");
	wait_for(&r, "wesher warn: stub is up");
	kill(r.pid, SIGINT);
	assert_int_equal(finish(&r), HOSTS);
}

/* READY and what follows it may be read in one round. */
static void
test_ready_with_more(void **state)
{
	struct run r;

	(void)state;
	start(&r, 'q', false);
	wait_for(&r, "stub is up");
	kill(r.pid, SIGSTOP);
	poll(NULL, 0, 1000);
	kill(r.pid, SIGCONT);
	wait_for(&r, "ready");
	kill(r.pid, SIGINT);
	assert_int_equal(finish(&r), HOSTS);
}

static void
test_term(void **state)
{
	struct run r;

	(void)state;
	start(&r, 'n', false);
	wait_for(&r, "stub is up");
	kill(r.pid, SIGHUP);
	wait_for(&r, "SIGHUP");
	kill(r.pid, SIGTERM);
	assert_int_equal(finish(&r), HOSTS);
}

static void
test_stop_keeps_the_interface(void **state)
{
	struct run r;

	(void)state;
	start(&r, 's', true);
	wait_for(&r, "stub is up");
	kill(r.pid, SIGTERM);
	assert_int_equal(finish(&r), LINK);
}

static void
test_child_dies(void **state)
{
	struct run r;

	(void)state;
	start(&r, 'd', false);
	wait_for(&r, "signal 11");
	assert_int_equal(finish(&r), LINK + 1);
}

static void
test_child_fails_to_start(void **state)
{
	struct run r;

	(void)state;
	start(&r, 'e', false);
	wait_for(&r, "status 5");
	assert_int_equal(finish(&r), LINK + 1);
	assert_null(strstr(r.seen, "ready"));
}

static void
test_malformed_ends_both(void **state)
{
	struct run r;

	(void)state;
	start(&r, 'm', false);
	wait_for(&r, "not allowed now");
	wait_for(&r, "signal 9");
	assert_int_equal(finish(&r), LINK + 1);
}

static void
test_second_signal_is_enough(void **state)
{
	struct run r;

	(void)state;
	start(&r, 'i', false);
	wait_for(&r, "stub is up");
	kill(r.pid, SIGINT);
	wait_for(&r, "not now");
	kill(r.pid, SIGINT);
	assert_int_equal(finish(&r), HOSTS);
}

/* Its state's letter in /proc, 0: there is none. */
static char
state_of(pid_t pid)
{
	char path[64], line[256] = "", *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	p = fgets(line, sizeof(line), f) == NULL ? NULL : strrchr(line, ')');
	fclose(f);
	return p == NULL ? 0 : p[2];
}

static bool
gone(pid_t pid)
{
	char c = state_of(pid);

	return c == 0 || c == 'Z';
}

/* kill -9 of the parent ends the child, whatever that does meanwhile. */
static void
parent_dies(char what, bool stopped)
{
	struct run r;
	pid_t child;
	int64_t at;
	int i;

	start(&r, what, false);
	wait_for(&r, "stub is up");
	child = (pid_t)atoi(strstr(r.seen, "stub is up, pid ") + 16);
	assert_true(child > 1);
	if (stopped)
		assert_int_equal(kill(child, SIGSTOP), 0);
	for (i = 0; i < 1000 && stopped && state_of(child) != 'T'; i++)
		poll(NULL, 0, 10);
	at = clock_now();
	kill(r.pid, SIGKILL);
	/* 1 s is meant; a machine may be slow. */
	for (i = 0; i < 1000 && !gone(child); i++)
		poll(NULL, 0, 5);
	at = clock_now() - at;
	print_message("# gone after %d ms\n", (int)(at / US_PER_MS));
	assert_true(gone(child));
	assert_int_equal(finish(&r), 1000);
}

static void
test_parent_dies(void **state)
{
	(void)state;
	parent_dies('n', false);
}

static void
test_parent_dies_child_is_stopped(void **state)
{
	(void)state;
	parent_dies('n', true);
}

static void
test_parent_dies_child_spins(void **state)
{
	(void)state;
	parent_dies('l', false);
}

int
main(int argc, char *argv[], char *envp[])
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_leave),
	    cmocka_unit_test(test_ready_with_more),
	    cmocka_unit_test(test_term),
	    cmocka_unit_test(test_stop_keeps_the_interface),
	    cmocka_unit_test(test_child_dies),
	    cmocka_unit_test(test_child_fails_to_start),
	    cmocka_unit_test(test_malformed_ends_both),
	    cmocka_unit_test(test_second_signal_is_enough),
	    cmocka_unit_test(test_parent_dies),
	    cmocka_unit_test(test_parent_dies_child_is_stopped),
	    cmocka_unit_test(test_parent_dies_child_spins),
	};
	int rv;

	if (argc > 1 && strcmp(argv[1], "--gossip") == 0)
		_exit(stub(envp));
	if (geteuid() != 0) {
		printf("1..0 # SKIP root is needed\n");
		return 0;
	}
	if (sodium_init() == -1 || mkdtemp(dir) == NULL ||
	    chown(dir, UID, UID) == -1)
		return 1;
	rv = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return rv;
}
