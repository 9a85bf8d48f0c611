/*
 * wesher-priv, the program that stays root: options and the order of a start
 * (design.md section 1). Its argv comes from `wesher`, as root, but is checked
 * again. It parses nothing that came from the network, and passes the memfd
 * with the cluster key on without looking.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "../common/daemon.h"
#include "../common/log.h"
#include "../common/logsock.h"
#include "../common/owned.h"
#include "../common/seqpacket.h"
#include "../common/resolv.h"
#include "priv.h"
#include "sandbox.h"

static struct policy pol;
static struct priv priv;
static struct wgkey wgkey;

/* --remove: what a daemon that crashed left behind. */
static int
remove_all(void)
{
	int err;

	(void)setup_lock(&pol); /* no daemon may be running */
	if ((err = rtnl_open()) != 0)
		fatalx("netlink: %s", strerror(-err));
	return setup_unlink(&pol, setup_hosts(&pol)) == 0 ? 0 : 1;
}

/* What the policy and the table start with. Returns: was the link made? */
static bool
start_priv(struct priv *p)
{
	const char *why;
	bool created;
	int err;

	p->env.pol = &pol;
	p->wgkey = &wgkey;
	p->said = (struct bucket){.rate = 1, .burst = 100};
	p->changes = (struct bucket){.rate = 1000, .burst = MAX_PEERS};
	memcpy(p->env.pubkey, wgkey.pub, WG_KEY_LEN);
	p->net_at = 1;
	if (gethostname(p->name, sizeof(p->name) - 1) == -1 ||
	    !check_name(p->name, strlen(p->name)))
		fatalx("this host has no usable name: see hostname(1)");
	loop_clock(p);
	if ((err = rtnl_open()) != 0)
		fatalx("netlink: %s", strerror(-err));
	if (setup_link(&pol, &wgkey, &p->env.ifindex, &created, &why) != 0)
		fatalx("%s: %s", pol.interface, why);
	if ((err = repair_adopt(p)) != 0)
		fatalx("%s: %s", pol.interface, strerror(-err));
	return created;
}

static void
confine(struct loop *l)
{
	struct priv *p = l->p;
	struct sandbox s = {.child = l->child,
	    .etc = p->hosts == NULL ? -1 : hosts_fd(p->hosts),
	    .syslog = syslog_fd(),
	    .uapi = wg_event_fd()};

	resolv_dirs(&s.resolv, &s.resolv_to);
	sandbox_enter(&s);
	p->box = s.layers;
	p->landlock = s.abi;
}

static int
run(struct loop *l)
{
	struct child c = {.exe = pol.gossip_fd};
	struct priv *p = l->p;
	char why[512];
	int i, sv[2], logpipe[2];
	bool created;

	if (runas_find(pol.user, &c.user, why, sizeof(why)) == -1)
		fatalx("%s", why);
	for (i = 0; i < PRIV_FD_NEXT; i++)
		c.fds[i] = -1;
	c.dir = setup_dirs(&pol, &c.user);
	(void)setup_lock(&pol);
	setup_key(&pol, &wgkey, pol.init);
	c.fds[PRIV_FD_CONF] = pol.conf_fd;
	c.fds[PRIV_FD_OLDSTATE] = owned_oldstate(pol.statedir, pol.interface);
	c.fds[PRIV_FD_UDP] = setup_socket(&pol, SOCK_DGRAM);
	c.fds[PRIV_FD_TCP] = setup_socket(&pol, SOCK_STREAM);
	c.fds[PRIV_FD_CONTROL] = setup_control(&pol);
	c.fds[PRIV_FD_METRICS] = setup_metrics(&pol);
	created = start_priv(p);
	p->hosts = setup_hosts(&pol);
	l->dnsfd = resolv_open(pol.etcdir);
	/* Who writes a line does not wait for us either (log.c). */
	if (seqpacket_pair(sv) == -1 ||
	    pipe2(logpipe, O_CLOEXEC | O_NONBLOCK) == -1)
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
	confine(l);
	i = loop_run(l);
	if (i != 0 && created && p->state == PS_START)
		(void)rtnl_link_delete(pol.interface);
	return i;
}

int
main(int argc, char *argv[])
{
	struct loop l = {.p = &priv};
	char err[512] = "wesher(8) starts this program";

	log_init(LOG_D_PLAIN, LOG_L_WARN, "wesher", -1);
	if (runas_elevated())
		fatalx("set-user-ID and file capabilities are refused: run "
		       "wesher as root");
	if (argc < 1 || privargs_decode(argv, &pol, err, sizeof(err)) == -1)
		fatalx("%s", err);
	if (geteuid() != 0)
		fatalx("root is needed to make the interface");
	(void)umask(022);
	if (sodium_init() == -1)
		fatalx("libsodium does not work here");
	if (pol.remove)
		return remove_all();
	if (pol.new_key) {
		setup_key(&pol, &wgkey, true);
		return 0;
	}
	daemon_fds(&pol.conf_fd, &pol.gossip_fd);
	log_init(pol.foreground ? LOG_D_STDERR : LOG_D_PLAIN,
	    (enum log_level)pol.log_level,
	    pol.foreground ? "wesher-priv" : "wesher", -1);
	if (chdir("/") == -1)
		fatal("/");
	if (!pol.foreground) {
		daemon_fork();
		(void)syslog_open("/dev/log");
	}
	notify_open(getenv("NOTIFY_SOCKET"));
	l.sigfd = daemon_signals(&pol);
	return run(&l);
}
