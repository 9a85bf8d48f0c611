#ifndef KERNEL_WG_H
#define KERNEL_WG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"
#include "../common/check.h"

/*
 * The WireGuard device. Functions return 0 or -errno. Peers are updated and
 * their allowed IPs replaced; all peers of a device are never replaced.
 */
struct wg_peer {
	uint8_t key[WG_KEY_LEN];
	struct ipport endpoint; /* ip.len 0: unknown or left as it is */
	struct ipaddr addr; /* the one allowed IP, a host address; len 0: none,
			     * several or a network */
	uint16_t nallowed; /* dump: how many allowed IPs it has */
	int64_t handshake; /* dump: seconds since 1970, 0 never */
	uint64_t rx, tx; /* dump */
	uint16_t keepalive;
};

struct wg_device {
	unsigned ifindex;
	uint8_t pubkey[WG_KEY_LEN];
	uint16_t port;
	struct wg_peer *peers; /* malloc'ed, npeers */
	size_t npeers;
};

/*
 * Where the kernel has no WireGuard: start a userspace implementation, which
 * makes the interface, and wait until it answers (some seconds at most). Only
 * before the sandbox and before wg_open(); afterwards it refuses. -EOPNOTSUPP:
 * there is none on this host.
 */
int wg_start(const char *name);
/*
 * Is a link of that name and kind a WireGuard interface: the kernel's, or one
 * ("tun") whose configuration socket belongs to root? After wg_open() no file
 * is looked at: then it is the one whose socket we hold.
 */
bool wg_ours(const char *name, const char *kind);
/*
 * Open the way to such an interface, once. -EEXIST: it is no WireGuard
 * interface; -EOPNOTSUPP: no WireGuard in this kernel.
 */
int wg_open(const char *name, const char *kind);
/*
 * The connection to a userspace implementation, for poll(2): readable only
 * when that has ended, after which every function is -ENODEV. -1: it is the
 * kernel's.
 */
int wg_event_fd(void);
void wg_close(void);

/* Set the private key (the caller wipes it) and the listen port. */
int wg_device_set(
    unsigned ifindex, const uint8_t privkey[WG_KEY_LEN], uint16_t port);
/* Dump the device; peers that span messages are joined again. The caller
 * frees with wg_device_free. */
int wg_device_get(unsigned ifindex, struct wg_device *out);
void wg_device_free(struct wg_device *d);

enum wg_op {
	WG_ADD, /* add or set: endpoint (if any), allowed IP, keepalive */
	WG_DEL, /* remove */
	WG_ENDPOINT /* update only: set the endpoint */
};

struct wg_change {
	enum wg_op op;
	struct wg_peer peer;
};

/*
 * Apply changes in order, up to 180 in one message, each message
 * acknowledged; a refused message is repeated peer by peer, so that err[i] is
 * 0 or the -errno of that peer. A DEL directly followed by an ADD (a replaced
 * key) stays in one message with it. Returns 0, or -errno when the device is
 * gone or netlink itself failed: then err[i] is that for all that were not
 * done. A refused WG_ADD may leave its peer behind without an allowed IP.
 */
int wg_apply(unsigned ifindex, const struct wg_change *ch, size_t n, int *err);

#endif
