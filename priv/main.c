/*
 * wesher-priv, the program that stays root: options and the order of a start
 * (design.md section 1). Its argv comes from `wesher`, as root, but is checked
 * again. It parses nothing that came from the network, and passes the memfd
 * with the cluster key on without looking.
 */
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "../common/log.h"
#include "../common/logsock.h"
#include "../common/seqpacket.h"
#include "child.h"
#include "duties.h"
#include "loop.h"
#include "resolv.h"
#include "sandbox.h"
#include "setup.h"

enum {
	O_IFACE = 1,
	O_NET,
	O_CPORT,
	O_WPORT,
	O_MTU,
	O_KEEP,
	O_USER,
	O_LEVEL,
	O_BADDR,
	O_BIFACE,
	O_CONF,
	O_EXE
};

static struct policy pol = {
    .statedir = "/var/lib/wesher",
    .keydir = "/var/lib/wesher-priv",
    .rundir = "/run/wesher",
    .etcdir = "/etc",
    .interface = DEF_INTERFACE,
    .cluster_port = DEF_CLUSTER_PORT,
    .wireguard_port = DEF_WIREGUARD_PORT,
    .mtu = DEF_MTU,
    .user = DEF_USER,
    .log_level = LOG_L_WARN,
    .conf_fd = -1,
    .gossip_fd = -1,
};
static int f_keep, f_nohosts, f_init, f_static, f_fore, f_remove, f_newkey;
static struct priv priv;
static struct wgkey wgkey;

static const struct option options[] = {
    {"interface", required_argument, NULL, O_IFACE},
    {"overlay-net", required_argument, NULL, O_NET},
    {"cluster-port", required_argument, NULL, O_CPORT},
    {"wireguard-port", required_argument, NULL, O_WPORT},
    {"mtu", required_argument, NULL, O_MTU},
    {"keepalive", required_argument, NULL, O_KEEP},
    {"user", required_argument, NULL, O_USER},
    {"log-level", required_argument, NULL, O_LEVEL},
    {"bind-addr", required_argument, NULL, O_BADDR},
    {"bind-iface", required_argument, NULL, O_BIFACE},
    {"conf-fd", required_argument, NULL, O_CONF},
    {"gossip-fd", required_argument, NULL, O_EXE},
    {"keep-interface", no_argument, &f_keep, 1},
    {"no-etc-hosts", no_argument, &f_nohosts, 1},
    {"init", no_argument, &f_init, 1},
    {"allow-static", no_argument, &f_static, 1},
    {"foreground", no_argument, &f_fore, 1},
    {"remove", no_argument, &f_remove, 1},
    {"new-key", no_argument, &f_newkey, 1},
    {NULL, 0, NULL, 0},
};

static unsigned
number(const char *opt, long long min, long long max)
{
	const char *bad;
	long long n = strtonum(optarg, min, max, &bad);

	if (bad != NULL)
		fatalx("--%s %s: expected a number from %lld to %lld", opt,
		    optarg, min, max);
	return (unsigned)n;
}

static void
ifname(const char *opt, char out[IFNAMSIZ])
{
	if (!check_ifname(optarg))
		fatalx("--%s %s: expected an interface's name", opt, optarg);
	strlcpy(out, optarg, IFNAMSIZ);
}

static void
option(int c, const char *opt)
{
	bool bad = false;

	switch (c) {
	case O_IFACE:
		ifname(opt, pol.interface);
		break;
	case O_BIFACE:
		ifname(opt, pol.bind_iface);
		break;
	case O_NET:
		bad = ipnet_parse(optarg, &pol.overlay) == -1 ||
		      pol.overlay.bits + 2 > pol.overlay.ip.len * 8;
		break;
	case O_BADDR:
		bad = ipaddr_parse(optarg, &pol.bind_addr) == -1;
		break;
	case O_CPORT:
		pol.cluster_port = (uint16_t)number(opt, 1, 65535);
		break;
	case O_WPORT:
		pol.wireguard_port = (uint16_t)number(opt, 1, 65535);
		break;
	case O_MTU:
		pol.mtu = number(opt, 576, 65535);
		break;
	case O_KEEP:
		pol.keepalive = number(opt, 0, 65535);
		break;
	case O_USER:
		bad = strlcpy(pol.user, optarg, CONF_USERLEN) >= CONF_USERLEN;
		break;
	case O_LEVEL:
		bad = (pol.log_level = log_level_parse(optarg)) == -1;
		break;
	case O_CONF:
		pol.conf_fd = (int)number(opt, 3, 1 << 20);
		break;
	case O_EXE:
		pol.gossip_fd = (int)number(opt, 3, 1 << 20);
		break;
	default:
		fatalx("unknown or incomplete option; wesher(8) starts this "
		       "program");
	}
	if (bad)
		fatalx("--%s %s: not understood", opt, optarg);
}

static void
parse(int argc, char *argv[])
{
	int c, i = 0;

	opterr = 0;
	(void)ipnet_parse(DEF_OVERLAY_NET, &pol.overlay);
	while ((c = getopt_long(argc, argv, "", options, &i)) != -1)
		if (c != 0)
			option(c, options[i].name);
	if (optind != argc)
		fatalx("%s: no arguments are expected", argv[optind]);
	if (f_remove && f_newkey)
		fatalx("--remove and --new-key exclude each other");
	pol.keep_interface = f_keep;
	pol.no_etc_hosts = f_nohosts;
	pol.init = f_init;
	pol.allow_static = f_static;
	pol.foreground = f_fore;
}

/* 0 to 2 exist, the two we were given survive, everything else is closed. */
static void
tidy_fds(void)
{
	int fd, conf, exe;

	while ((fd = open("/dev/null", O_RDWR)) != -1 && fd <= 2)
		;
	close(fd);
	conf = fcntl(pol.conf_fd, F_DUPFD_CLOEXEC, 64);
	exe = fcntl(pol.gossip_fd, F_DUPFD_CLOEXEC, 64);
	if (conf == -1 || exe == -1)
		fatal("--conf-fd, --gossip-fd");
	if ((pol.conf_fd = dup3(conf, 3, O_CLOEXEC)) == -1 ||
	    (pol.gossip_fd = dup3(exe, 4, O_CLOEXEC)) == -1)
		fatal("descriptors");
	closefrom(5);
}

/* --remove: what a daemon that crashed left behind. */
static int
remove_all(void)
{
	struct hosts *h;
	struct rtnl_link l;
	int err;

	(void)setup_lock(&pol); /* no daemon may be running */
	if ((err = rtnl_open()) == 0)
		err = rtnl_link_get(pol.interface, &l);
	if (err == 0 && strcmp(l.kind, "wireguard") != 0)
		fatalx("%s is no WireGuard interface", pol.interface);
	if (err == 0)
		err = rtnl_link_delete(pol.interface);
	if (err != 0 && err != -ENODEV)
		fatalx("%s: %s", pol.interface, strerror(-err));
	h = setup_hosts(&pol);
	if (h != NULL && (err = hosts_clear(h)) != 0)
		fatalx("hosts file: %s", strerror(-err));
	return 0;
}

/*
 * The daemon is the child; the front process stays to say how it went.
 * Returns the descriptor by which to tell it.
 */
static int
background(void)
{
	int pfd[2];
	char byte;

	if (pipe2(pfd, O_CLOEXEC) == -1)
		fatal("pipe");
	switch (fork()) {
	case -1:
		fatal("fork");
	case 0:
		close(pfd[0]);
		return pfd[1];
	default:
		close(pfd[1]);
		_exit(read(pfd[0], &byte, 1) == 1 ? 0 : 1);
	}
}

static int
signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL); /* an ignored one loses the status */
	if (sigprocmask(SIG_SETMASK, &set, NULL) == -1 ||
	    (fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) == -1)
		fatal("signals");
	return fd;
}

static void
start_network(struct priv *p, bool *created)
{
	const char *why = "cannot be made";
	int err;

	if ((err = rtnl_open()) != 0)
		fatalx("netlink: %s", strerror(-err));
	if (setup_link(&pol, &wgkey, &p->env.ifindex, created, &why) != 0) {
		if (*created)
			(void)rtnl_link_delete(pol.interface);
		fatalx("%s: %s", pol.interface, why);
	}
	if ((err = repair_adopt(p)) != 0)
		fatalx("%s: %s", pol.interface, strerror(-err));
}

static void
start_priv(struct priv *p)
{
	p->env.pol = &pol;
	p->wgkey = &wgkey;
	p->changes = (struct bucket){.rate = 1000, .burst = MAX_PEERS};
	memcpy(p->env.pubkey, wgkey.pub, WG_KEY_LEN);
	p->net_at = 1;
	if (gethostname(p->name, sizeof(p->name) - 1) == -1 ||
	    !check_name(p->name, strlen(p->name)))
		fatalx("this host has no usable name: see hostname(1)");
	loop_clock(p);
}

static int
run(struct loop *l)
{
	struct child c = {.exe = pol.gossip_fd};
	struct priv *p = l->p;
	char why[512];
	int i, sv[2], logpipe[2], lock;
	bool created;

	if (runas_find(pol.user, &c.user, why, sizeof(why)) == -1)
		fatalx("%s", why);
	for (i = 0; i < PRIV_FD_NEXT; i++)
		c.fds[i] = -1;
	c.dir = setup_dirs(&pol, &c.user);
	lock = setup_lock(&pol);
	setup_key(&pol, &wgkey, pol.init);
	c.fds[PRIV_FD_CONF] = pol.conf_fd;
	c.fds[PRIV_FD_OLDSTATE] = setup_oldstate(&pol);
	c.fds[PRIV_FD_UDP] = setup_socket(&pol, SOCK_DGRAM);
	c.fds[PRIV_FD_TCP] = setup_socket(&pol, SOCK_STREAM);
	c.fds[PRIV_FD_CONTROL] = setup_control(&pol);
	start_priv(p);
	start_network(p, &created);
	p->hosts = setup_hosts(&pol);
	l->dnsfd = resolv_open(pol.etcdir);
	if (seqpacket_pair(sv) == -1 || pipe2(logpipe, O_CLOEXEC) == -1 ||
	    fcntl(logpipe[0], F_SETFL, O_NONBLOCK) == -1)
		fatal("boundary");
	p->boundary = sv[0];
	l->logfd = logpipe[0];
	c.fds[PRIV_FD_BOUNDARY] = sv[1];
	c.fds[PRIV_FD_LOG] = logpipe[1];
	dispatch_hello(p);
	if ((l->child = child_start(&c)) == -1)
		fatal("fork");
	for (i = 0; i < PRIV_FD_NEXT; i++)
		if (c.fds[i] != -1)
			close(c.fds[i]);
	close(c.dir);
	close(c.exe);
	sandbox_enter();
	i = loop_run(l);
	if (i != 0 && created && p->state == PS_START)
		(void)rtnl_link_delete(pol.interface);
	close(lock);
	return i;
}

int
main(int argc, char *argv[])
{
	struct loop l = {.p = &priv, .readyfd = -1};

	log_init(LOG_D_PLAIN, LOG_L_WARN, "wesher", -1);
	if (runas_elevated())
		fatalx("set-user-ID and file capabilities are refused: run "
		       "wesher as root");
	parse(argc, argv);
	if (geteuid() != 0)
		fatalx("root is needed to make the interface");
	(void)umask(022);
	if (sodium_init() == -1)
		fatalx("libsodium does not work here");
	if (f_remove)
		return remove_all();
	if (f_newkey) {
		setup_key(&pol, &wgkey, true);
		return 0;
	}
	tidy_fds();
	tzset();
	log_init(pol.foreground ? LOG_D_STDERR : LOG_D_PLAIN,
	    (enum log_level)pol.log_level,
	    pol.foreground ? "wesher-priv" : "wesher", -1);
	l.nullfd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (chdir("/") == -1 || l.nullfd == -1)
		fatal("/dev/null");
	if (!pol.foreground) {
		l.readyfd = background();
		(void)syslog_open("/dev/log");
	}
	notify_open(getenv("NOTIFY_SOCKET"));
	l.sigfd = signals();
	return run(&l);
}
