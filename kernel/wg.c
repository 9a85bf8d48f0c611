/*
 * The WireGuard device, whoever implements it: what does not depend on the way
 * to it. wesher-priv alone; one device at a time. Which changes go together,
 * and whose fault it was when they are refused, is decided here; the ways
 * (wg_netlink.c, uapi.c) encode, send and decode.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "uapi.h"
#include "userspace.h"
#include "wg_int.h"

static const struct wg_ops *ops = &wg_netlink;
static bool opened;

int
wg_start(const char *name)
{
	/* The interface is gone; whoever served it is no longer needed. */
	if (opened)
		return ops == &wg_uapi ? -ENODEV : -EOPNOTSUPP;
	return userspace_start(name);
}

bool
wg_ours(const char *name, const char *kind)
{
	if (strcmp(kind, "tun") == 0)
		return opened ? ops == &wg_uapi && uapi_alive()
			      : uapi_exists(UAPI_DIR, name);
	return strcmp(kind, "wireguard") == 0;
}

int
wg_open(const char *name, const char *kind)
{
	int r;

	if (!wg_ours(name, kind))
		return -EEXIST;
	ops = strcmp(kind, "tun") == 0 ? &wg_uapi : &wg_netlink;
	r = ops->open(name);
	opened = r == 0;
	if (ops == &wg_uapi && (r == -ECONNREFUSED || r == -ENOENT))
		return -EEXIST; /* a socket that somebody left behind */
	return r;
}

int
wg_event_fd(void)
{
	return uapi_fd();
}

void
wg_close(void)
{
	ops->close();
	opened = false;
}

int
wg_device_set(
    unsigned ifindex, const uint8_t privkey[WG_KEY_LEN], uint16_t port)
{
	return ops->set(ifindex, privkey, port);
}

struct wg_peer *
wg_dump_peer(struct wg_dump *s, const uint8_t *key)
{
	struct wg_device *d = s->d;
	struct wg_peer *v;

	if (d->npeers > 0 &&
	    memcmp(d->peers[d->npeers - 1].key, key, WG_KEY_LEN) == 0)
		return &d->peers[d->npeers - 1];
	if (d->npeers == s->cap) {
		v = reallocarray(d->peers, s->cap * 2 + 64, sizeof(*v));
		if (v == NULL)
			return NULL;
		d->peers = v;
		s->cap = s->cap * 2 + 64;
	}
	v = &d->peers[d->npeers++];
	memset(v, 0, sizeof(*v));
	memcpy(v->key, key, WG_KEY_LEN);
	return v;
}

int
wg_device_get(unsigned ifindex, struct wg_device *out)
{
	struct wg_dump s = {.d = out};
	int r;

	memset(out, 0, sizeof(*out));
	out->ifindex = ifindex;
	if ((r = ops->get(ifindex, &s)) != 0)
		wg_device_free(out);
	return r;
}

void
wg_device_free(struct wg_device *d)
{
	free(d->peers);
	memset(d, 0, sizeof(*d));
}

/* Is it the device or the way to it that is to blame, not a peer? */
static bool
is_fatal(int r)
{
	return r == -ENODEV || r == -EOPNOTSUPP || r == -ENOENT ||
	       r == -EPERM || r == -ETIMEDOUT || r == -ENOBUFS;
}

/*
 * How many of n changes go together: at most max, but never the first half
 * of a replacement alone.
 */
static size_t
together(const struct wg_change *ch, size_t n, size_t max)
{
	if (n <= max)
		return n;
	if (ch[max - 1].op == WG_DEL && ch[max].op == WG_ADD)
		return max == 1 ? 2 : max - 1;
	return max;
}

/* All in one message; when refused, in smaller ones to find the culprit. */
static int
apply_some(unsigned ifindex, const struct wg_change *ch, size_t n, int *err)
{
	int r = ops->change(ifindex, ch, n);
	size_t i, k;

	for (i = 0; i < n; i++)
		err[i] = r;
	if (r == 0 || is_fatal(r) || n == 1)
		return is_fatal(r) ? r : 0;
	for (i = 0, r = 0; i < n && r == 0; i += k) {
		k = together(ch + i, n - i, 1);
		if (k == n)
			k = 1; /* a refused replacement */
		r = apply_some(ifindex, ch + i, k, err + i);
	}
	for (; i < n; i++)
		err[i] = r;
	return r;
}

int
wg_apply(unsigned ifindex, const struct wg_change *ch, size_t n, int *err)
{
	size_t i, k;
	int r = 0;

	for (i = 0; i < n && r == 0; i += k) {
		k = together(ch + i, n - i, ops->batch);
		r = apply_some(ifindex, ch + i, k, err + i);
	}
	for (; i < n; i++)
		err[i] = r;
	return r;
}
