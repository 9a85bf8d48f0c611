/*
 * Names, sizes and conversions of the boundary's records; the same table on
 * both sides.
 */
#include <errno.h>
#include <string.h>

#include "privmsg.h"

static const struct {
	unsigned type;
	size_t size;
	const char *name;
} types[] = {
    {PRIV_READY, sizeof(struct priv_bare), "READY"},
    {PRIV_SELF, sizeof(struct priv_self), "SELF"},
    {PRIV_PEER_SET, sizeof(struct priv_peer_set), "PEER_SET"},
    {PRIV_PEER_DEL, sizeof(struct priv_peer_del), "PEER_DEL"},
    {PRIV_SYNC, sizeof(struct priv_bare), "SYNC"},
    {PRIV_ALIVE, sizeof(struct priv_alive), "ALIVE"},
    {PRIV_STATS, sizeof(struct priv_bare), "STATS"},
    {PRIV_HELLO, sizeof(struct priv_hello), "HELLO"},
    {PRIV_NET, sizeof(struct priv_net), "NET"},
    {PRIV_RESULT, sizeof(struct priv_result), "RESULT"},
    {PRIV_STAT, sizeof(struct priv_stat), "STAT"},
    {PRIV_LEAVE, sizeof(struct priv_bare), "LEAVE"},
    {PRIV_STOP, sizeof(struct priv_bare), "STOP"},
};

/* No hidden padding: every byte of a record is checked. */
_Static_assert(sizeof(struct priv_hdr) == 8, "priv_hdr");
_Static_assert(sizeof(struct priv_ip) == 20, "priv_ip");
_Static_assert(sizeof(struct priv_ep) == 24, "priv_ep");
_Static_assert(sizeof(struct priv_self) == 12, "priv_self");
_Static_assert(sizeof(struct priv_peer_set) == 376, "priv_peer_set");
_Static_assert(sizeof(struct priv_peer_del) == 40, "priv_peer_del");
_Static_assert(sizeof(struct priv_alive) == 20, "priv_alive");
_Static_assert(sizeof(struct priv_hello) == 316, "priv_hello");
_Static_assert(sizeof(struct priv_net) == 860, "priv_net");
_Static_assert(sizeof(struct priv_result) == 68, "priv_result");
_Static_assert(sizeof(struct priv_stat) == 112, "priv_stat");

static bool
sane_peer_set(const struct priv_peer_set *s)
{
	struct ipaddr a;
	struct ipport e;

	return s->pad == 0 && (s->flags & ~PRIV_PEER_FLAGS) == 0 &&
	       !(s->flags & PRIV_PEER_PLAIN && s->attempt != 0) &&
	       check_is_zero(
		   s->name + s->namelen, sizeof(s->name) - s->namelen) &&
	       priv_ip_from(&a, &s->addr) && priv_ep_from(&e, &s->endpoint);
}

bool
priv_sane(const union priv_msg *m)
{
	if (m->h.pad != 0)
		return false;
	if (m->h.type == PRIV_SELF)
		return check_is_zero(m->self.pad, sizeof(m->self.pad));
	return m->h.type != PRIV_PEER_SET || sane_peer_set(&m->peer_set);
}

const char *
priv_type_name(unsigned type)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].name;
	return "?";
}

size_t
priv_type_size(unsigned type)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return types[i].size;
	return 0;
}

const char *
priv_reason(int err)
{
	static const struct {
		int err;
		const char *why;
	} reasons[] = {
	    {EINVAL, "no member name, or invalid to the kernel"},
	    {EPERM, "static addresses are not allowed"},
	    {EADDRNOTAVAIL, "no host address of the overlay network"},
	    {EEXIST, "our own overlay address"},
	    {EADDRINUSE, "another key holds the address"},
	    {ESTALE, "the key to be replaced is another name's"},
	    {EAGAIN, "the address changed hands less than 180 s ago"},
	    {ENOTUNIQ, "the host itself uses the address"},
	    {EXDEV, "the address is on-link on another interface: choose "
		    "another --overlay-net"},
	    {EKEYREJECTED, "the key is zero, ours or invalid"},
	    {EDESTADDRREQ, "the endpoint is no usable address"},
	    {ELOOP, "the endpoint is inside of the overlay"},
	    {ENOSPC, "too many peers"},
	    {EBUSY, "too many changes"},
	    {ENOENT, "no such peer"},
	};
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].err == err)
			return reasons[i].why;
	return strerror(err);
}

void
priv_ip_to(struct priv_ip *out, const struct ipaddr *in)
{
	memset(out, 0, sizeof(*out));
	out->len = in->len;
	memcpy(out->b, in->b, in->len);
}

bool
priv_ip_from(struct ipaddr *out, const struct priv_ip *in)
{
	memset(out, 0, sizeof(*out));
	if ((in->len != 0 && in->len != 4 && in->len != 16) ||
	    !check_is_zero(in->pad, sizeof(in->pad)) ||
	    !check_is_zero(in->b + in->len, sizeof(in->b) - in->len))
		return false;
	/* One form each: IPv4 as IPv6 would pass by what is checked. */
	return in->len == 0 || (ipaddr_from_bytes(in->b, in->len, out) == 0 &&
				   out->len == in->len);
}

void
priv_ep_to(struct priv_ep *out, const struct ipport *in)
{
	memset(out, 0, sizeof(*out));
	priv_ip_to(&out->ip, &in->ip);
	out->port = in->port;
}

bool
priv_ep_from(struct ipport *out, const struct priv_ep *in)
{
	out->port = in->port;
	return in->pad == 0 && priv_ip_from(&out->ip, &in->ip);
}
