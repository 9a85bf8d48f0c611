/*
 * wesher-priv: the poll loop, from the child's start to its end. Runs inside
 * of the sandbox. Whatever ends it but a leave, the tunnels stay.
 */
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "../common/clock.h"
#include "../common/daemon.h"
#include "../common/log.h"
#include "../common/logfwd.h"
#include "../common/logsock.h"
#include "../common/resolv.h"
#include "priv.h"

enum { P_BOUNDARY, P_LOG, P_SIGNAL, P_RTNL, P_DNS, P_WG, P_MAX };

static struct logfwd logfwd;
static struct awake awake;
static bool removing, closed;
static int64_t kill_at;

void
loop_clock(struct priv *p)
{
	p->env.now = awake_now(&awake) / US_PER_MS + 1; /* 0 is "not due" */
	p->env.wall = time(NULL);
}

static bool
leaving(const struct loop *l)
{
	return l->p->state == PS_LEAVING;
}

static void
begin_end(struct loop *l, int sig)
{
	bool stop = sig == SIGTERM && l->p->env.pol->keep_interface;

	if (leaving(l)) { /* asked twice: no more waiting */
		(void)kill(l->child, SIGKILL);
		return;
	}
	log_info("%s: %s\tevent=ending", sig == SIGINT ? "SIGINT" : "SIGTERM",
	    stop ? "ending, tunnels stay" : "leaving the mesh");
	notify_send("STOPPING=1");
	removing = !stop;
	kill_at = l->p->env.now + PRIV_LEAVE_MAX * 1000;
	dispatch_end(l->p, stop ? PRIV_STOP : PRIV_LEAVE);
}

/* The front process returns to the shell; we leave its terminal alone. */
static void
detach(struct loop *l)
{
	int r;

	log_info("ready\tevent=ready");
	notify_send("READY=1");
	if ((r = daemon_ready()) == 0)
		return;
	log_init(LOG_D_SINK, log_level_get(), "wesher-priv", -1);
	log_sink(syslog_send);
	if (r == -1) /* it was interrupted */
		begin_end(l, SIGINT);
}

static void
on_signal(struct loop *l)
{
	struct signalfd_siginfo si;

	while (read(l->sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		if (si.ssi_signo == SIGHUP)
			daemon_hup();
		else if (si.ssi_signo != SIGCHLD)
			begin_end(l, (int)si.ssi_signo);
}

/* True when the child is gone; says how. */
static bool
reap(struct loop *l)
{
	int status;

	if (waitpid(l->child, &status, WNOHANG) != l->child)
		return false;
	(void)logfwd_read(&logfwd, l->p->env.now);
	daemon_child(status, leaving(l));
	return true;
}

/* A userspace WireGuard never says anything unasked: that is its end. */
static bool
device_lost(const struct loop *l, struct pollfd *pf)
{
	if (pf->revents == 0)
		return false;
	pf->fd = -1;
	if (!leaving(l))
		log_errorx("%s: the userspace WireGuard has ended\tevent=lost",
		    l->p->env.pol->interface);
	return !leaving(l);
}

static void
serve(struct loop *l, struct pollfd *pf)
{
	struct priv *p = l->p;
	const enum priv_state was = p->state;

	if (pf[P_LOG].revents && !logfwd_read(&logfwd, p->env.now))
		pf[P_LOG].fd = -1;
	if (pf[P_SIGNAL].revents)
		on_signal(l);
	if (pf[P_RTNL].revents && rtnl_event_drain()) {
		struct rtnl_link link;

		duty_net_changed(p);
		if (rtnl_link_get(p->env.pol->interface, &link) != 0 ||
		    link.ifindex != p->env.ifindex || !link.up)
			p->repair_at = p->env.now;
	}
	if (pf[P_DNS].revents) {
		resolv_drain();
		duty_net_changed(p);
	}
	if (!closed &&
	    (device_lost(l, &pf[P_WG]) ||
		((pf[P_BOUNDARY].revents & ~POLLOUT) &&
		    (dispatch_events(p) & POLLIN) && dispatch_read(p) == -1) ||
		dispatch_write(p) == -1 || duties_run(p) == -1)) {
		closed = true;
		/* After LEAVE its end of the boundary closes by itself. */
		if (!leaving(l))
			(void)kill(l->child, SIGKILL);
	}
	/* What follows READY may have been read in the same round. */
	if (was == PS_START && p->state != PS_START && !leaving(l))
		detach(l);
	if (leaving(l) && p->env.now >= kill_at)
		(void)kill(l->child, SIGKILL);
}

int
loop_run(struct loop *l)
{
	struct priv *p = l->p;
	struct pollfd pf[P_MAX] = {
	    [P_BOUNDARY] = {.fd = p->boundary},
	    [P_LOG] = {.fd = l->logfd, .events = POLLIN},
	    [P_SIGNAL] = {.fd = l->sigfd, .events = POLLIN},
	    [P_RTNL] = {.fd = rtnl_event_fd(), .events = POLLIN},
	    [P_DNS] = {.fd = l->dnsfd, .events = POLLIN},
	    [P_WG] = {.fd = wg_event_fd(), .events = POLLIN},
	};
	const bool chatty = log_level_get() == LOG_L_DEBUG;

	logfwd_init(&logfwd, l->logfd, chatty ? 1000 : 50, chatty ? 1000 : 200);
	loop_clock(p);
	p->heard = p->sent = p->env.now;
	for (;;) {
		const int wait = duties_wait(p);

		awake.due = (p->env.now + wait) * US_PER_MS;
		pf[P_BOUNDARY].events = dispatch_events(p);
		/* An end that is closed would report for ever. */
		pf[P_BOUNDARY].fd = closed ? -1 : p->boundary;
		if (poll(pf, P_MAX, wait) == -1 && errno != EINTR)
			fatal("poll");
		loop_clock(p);
		serve(l, pf);
		if (reap(l))
			break;
	}
	if (removing)
		(void)setup_unlink(p->env.pol, p->hosts);
	return leaving(l) ? 0 : 1;
}
