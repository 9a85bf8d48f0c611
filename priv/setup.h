#ifndef PRIV_SETUP_H
#define PRIV_SETUP_H

#include "../common/hostsfile.h"
#include "../common/runas.h"
#include "policy.h"

/*
 * The managed lines of /etc/hosts (protocol.md section 8, design.md section
 * 3). Other lines are kept byte for byte.
 */
struct hosts;

/*
 * dirfd is /etc (or a test's folder), opened before the sandbox. If
 * "hosts.wesher-copy" stands there, an in-place write was torn: it is repaired
 * from the copy. lockfd is locked during a write, so that two meshes on a host
 * do not lose each other's lines. Both stay the caller's to close. NULL when
 * out of memory; to be freed with free(3).
 */
struct hosts *hosts_open(int dirfd, const char *interface, int lockfd);

/*
 * Make the file's managed lines of this interface exactly the n entries, as
 * hosts_render() does. Nothing is written when nothing would change. A missing
 * file is not created (-ENOENT), a symbolic link not followed (-ELOOP).
 * Returns 0, or -errno with the old file intact (-EAGAIN: another mesh is
 * writing, try again soon).
 */
int hosts_write(struct hosts *h, const struct hosts_entry *e, size_t n);
/* Did the last call find other lines than it wanted? */
bool hosts_changed(const struct hosts *h);
/* Take all managed lines away; waits up to 2 s for another mesh. */
int hosts_clear(struct hosts *h);

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
/* The original's state file, unread; -1: none that can be trusted. */
int setup_oldstate(const struct policy *pol);
/* A membership socket, bound (type SOCK_STREAM: listening). */
int setup_socket(const struct policy *pol, int type);
int setup_control(const struct policy *pol);
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

/*
 * wesher-priv gives up what it needs no longer: from here on it neither forks
 * nor executes, opens no socket, and no file but in /etc (and resolv.conf).
 * Ends the process when that fails.
 */
void sandbox_enter(void);

#endif
