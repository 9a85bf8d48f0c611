#ifndef KERNEL_WG_INT_H
#define KERNEL_WG_INT_H

#include "wg.h"

/* What wg.c and the ways to a device share; nobody else includes this. */

/* A dump that grows. */
struct wg_dump {
	struct wg_device *d;
	size_t cap;
};

/*
 * The peer of that key: the last one when a dump goes on with it (its allowed
 * IPs did not fit into the message before), else a new one. NULL when out of
 * memory.
 */
struct wg_peer *wg_dump_peer(struct wg_dump *s, const uint8_t *key);

/* One way to a device; 0 or -errno, the errors as in wg.h. */
struct wg_ops {
	size_t batch; /* at most that many changes in one message */
	int (*open)(const char *name);
	void (*close)(void);
	int (*set)(
	    unsigned ifindex, const uint8_t privkey[WG_KEY_LEN], uint16_t port);
	/* s->d is empty; what is there after an error is freed by wg.c */
	int (*get)(unsigned ifindex, struct wg_dump *s);
	/* all of them, or an error: then any of them may have been done */
	int (*change)(unsigned ifindex, const struct wg_change *ch, size_t n);
};

extern const struct wg_ops wg_netlink;

#endif
