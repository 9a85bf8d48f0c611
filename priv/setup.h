#ifndef PRIV_SETUP_H
#define PRIV_SETUP_H

#include "../common/hosts.h"
#include "../common/runas.h"
#include "policy.h"

/* Our WireGuard key: locked memory, unreadable except while it is set. */
struct wgkey {
	uint8_t *priv;
	uint8_t pub[WG_KEY_LEN];
	bool was_set; /* the last setup_link() had to set it, or the port */
};

/*
 * Steps of a start. Those that are void end the process with one line that
 * names the remedy; descriptors are close-on-exec.
 */
/* Make the folders; returns the child's, O_PATH. */
int setup_dirs(const struct policy *pol, const struct runas *as);
/* Take the pid file's lock and write our pid; held until we end. */
int setup_lock(const struct policy *pol);
/* Read the interface's key, or make one: when there is none, or fresh. */
void setup_key(const struct policy *pol, struct wgkey *k, bool fresh);
/* A membership socket, bound (type SOCK_STREAM: listening). */
int setup_socket(const struct policy *pol, int type);
int setup_control(const struct policy *pol);
int setup_metrics(const struct policy *pol); /* -1: not wanted */
/* What hosts_write() needs, opened; NULL with --no-etc-hosts. */
struct hosts *setup_hosts(const struct policy *pol);

/*
 * Make or adopt the interface and bring it up; a key and a port that are set
 * already are not touched. Again on each repair. 0, or -errno and *why; then
 * an interface that was made is gone again.
 */
int setup_link(const struct policy *pol, struct wgkey *k, unsigned *ifindex,
    bool *created, const char **why);

/*
 * Nothing of ours remains: neither the interface nor (h may be NULL) its hosts
 * lines. 0, or -1 (logged).
 */
int setup_unlink(const struct policy *pol, struct hosts *h);

struct child {
	struct runas user;
	int dir; /* its state folder, O_PATH */
	int exe; /* what to execute, by descriptor */
	int fds[PRIV_FD_NEXT]; /* by enum priv_fd; -1: /dev/null */
};

/*
 * Start the gossip process as design.md section 1 has it. The descriptors stay
 * open here. Returns its pid, or -1 (errno); what fails later is told through
 * the log pipe, and by exit status 127.
 */
pid_t child_start(const struct child *c);

#endif
