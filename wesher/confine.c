/*
 * Confinement of the gossip process: what it checks about itself, and all that
 * it gives up before it reads one byte of the network or of the state. Both
 * may be hostile and may find a bug in a parser; what is left to such an
 * intruder is decided here and in confine_filter.c. A failure is fatal: this
 * process must not run with more rights than it needs.
 *
 * A build for sanitizers (SANDBOX_NO) keeps root, capabilities and small
 * limits; those tools cannot live in the rest.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/util.h>
#include <jansson.h>
#include <sodium.h>

#include "../common/caps.h"
#include "../common/filter.h"
#include "../common/landlock.h"
#include "../common/log.h"
#include "../common/privmsg.h"
#include "confine.h"
#include "join.h"

#define ABI_PORTS 4 /* Landlock's first with TCP ports */

static struct layers layers;
static uint16_t ports[CONFINE_PORTS];
static size_t nports;

void
confine_check(void)
{
	uid_t r, e, s;
	gid_t gr, ge, gs;
	uint64_t caps;
	struct ucred peer;
	struct rlimit none = {0, 0};
	socklen_t len = sizeof(peer);

	/* First of all: other meshes' processes have the same uid. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		fatal("PR_SET_DUMPABLE");
	if (setrlimit(RLIMIT_CORE, &none) == -1)
		fatal("RLIMIT_CORE");
	if (getresuid(&r, &e, &s) == -1 || getresgid(&gr, &ge, &gs) == -1)
		fatal("getresuid");
	if (r == 0 || e == 0 || s == 0 || ge == 0 || r != e || gr != ge)
		fatalx("--gossip is started by wesher-priv as an unprivileged "
		       "user, never by hand or as root");
	if (caps_get(&caps) == -1)
		fatal("capget");
	if (caps != CAP_BIT(CAP_SYS_CHROOT))
		fatalx("expected CAP_SYS_CHROOT alone, have capabilities %llx",
		    (unsigned long long)caps);
	/* execve cleared it, and the parent may have died meanwhile. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		fatal("PR_SET_PDEATHSIG");
	if (getsockopt(
		PRIV_FD_BOUNDARY, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1 ||
	    peer.pid != getppid())
		fatalx("wesher-priv is not our parent, or has ended");
}

static int
by_byte(const void *a, const void *b)
{
	return memcmp(a, b, 1);
}

void
confine_warm_up(void)
{
	size_t seed;
	char big[4096] = {0};

	/* jansson's own seed would be the time: its /dev/urandom is outside. */
	randombytes_buf(&seed, sizeof(seed));
	json_object_seed(seed == 0 ? 1 : seed);
	if (evutil_secure_rng_init() == -1)
		fatalx("libevent finds no source of randomness");
	/* How much memory has this machine? */
	qsort(big, sizeof(big), 1, by_byte);
	tzset();
}

static void
add_port(struct confine *c, uint16_t port)
{
	size_t i;

	for (i = 0; i < c->nports; i++)
		if (c->ports[i] == port)
			return;
	c->ports[c->nports++] = port;
}

void
confine_plan(struct confine *c, const struct conf *conf)
{
	char host[CONF_JOINLEN];
	uint16_t port;
	uint32_t i;

	memset(c, 0, sizeof(*c));
	c->abi = landlock_abi();
	c->pid = getpid();
	c->binds = conf->bind_addr.len != 0 && !ipaddr_is_any(&conf->bind_addr);
	c->to_device = conf->bind_iface[0] != '\0';
	add_port(c, conf->cluster_port);
	for (i = 0; i < conf->njoin && i < CONF_JOIN; i++)
		if (join_parse(conf->join[i], host, sizeof(host), &port) == 0 &&
		    port != 0)
			add_port(c, port);
}

/* Never above what wesher-priv's own limit allows. */
static int
limit(int what, rlim_t n)
{
	struct rlimit now, want = {n, n};

	if (getrlimit(what, &now) == -1)
		return -1;
	if (now.rlim_max < n)
		want.rlim_cur = want.rlim_max = now.rlim_max;
	return setrlimit(what, &want);
}

int
confine_limits(void)
{
	/* Instead of its signal, the call that writes too far fails. */
	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || limit(RLIMIT_CORE, 0) ||
	    limit(RLIMIT_NPROC, 0) || limit(RLIMIT_NOFILE, CONFINE_FILES) ||
	    limit(RLIMIT_FSIZE, CONFINE_FILE_SIZE))
		return -1;
#ifndef SANDBOX_NO
	if (limit(RLIMIT_AS, CONFINE_MEMORY) == -1)
		return -1;
#endif
	layers.limited = true;
	return 0;
}

int
confine_landlock(const struct confine *c)
{
	/* A folder in the state file's way is renamed; the filter lets none
	 * be made or removed. */
	const struct box_dir root = {
	    c->root, BOX_READ | BOX_WRITE | BOX_MAKE | BOX_REMOVE | BOX_DIRS};
	const struct box box = {
	    .dirs = &root,
	    .ndirs = 1,
	    .ports = c->ports,
	    .nports = c->nports,
	    /* Port 0 is any free one: of an outgoing stream, to choose its
	     * address. It cannot listen there. */
	    .bind_any_port = c->binds,
	    .scope_signals = true,
	    .scope_sockets = true,
	};
	int err = landlock_enter(c->abi, &box);

	if (err != 0) {
		errno = -err;
		return -1;
	}
	if (c->abi == 0)
		log_warnx("this kernel offers no Landlock (Linux 5.13 and "
			  "newer do): the other layers of the sandbox hold "
			  "alone");
	memcpy(ports, c->ports, sizeof(ports));
	nports = c->nports;
	layers.landlock = c->abi;
	return 0;
}

static void
enter_root(struct confine *c)
{
	if (chroot(".") == -1)
		fatal("cannot enter the state directory as root");
	if (caps_no_ambient() == -1 || caps_set(0) == -1)
		fatal("cannot drop the capabilities");
	if (chdir("/") == -1)
		fatal("chdir");
	c->root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->root == -1)
		fatal("the state directory");
	layers.rooted = true;
}

void
confine_enter(struct confine *c)
{
#ifndef SANDBOX_NO
	struct filter_program *program;
	int err;
#endif
	uint64_t caps;

	enter_root(c);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("PR_SET_NO_NEW_PRIVS");
	layers.no_new_privs = true;
	if (caps_get(&caps) == -1)
		fatal("capget");
	if (caps != 0)
		fatalx("capabilities are left: %llx", (unsigned long long)caps);
	layers.no_caps = true;
	layers.uid = getuid();
#ifndef SANDBOX_NO
	err = filter_make(&program, confine_filter, c); /* while it may fork */
#endif
	if (confine_limits() == -1)
		fatal("cannot set the limits of the sandbox");
#ifndef SANDBOX_NO
	if (confine_landlock(c) == -1)
		fatal("Landlock");
	/* Last: it forbids all of the above. */
	if (err != 0 || (err = filter_load(program)) != 0)
		fatalx("cannot filter system calls: %s (is seccomp in this "
		       "kernel?)",
		    strerror(-err));
	layers.filtered = true;
#endif
}

const struct layers *
confine_layers(void)
{
	return &layers;
}

bool
confine_connects(uint16_t port)
{
	size_t i;

	if (layers.landlock < ABI_PORTS)
		return true;
	for (i = 0; i < nports; i++)
		if (ports[i] == port)
			return true;
	return false;
}
