/*
 * May this member have a tunnel? Its metadata is hostile: a member gone bad
 * announces what it likes. What is refused here costs that member its own
 * tunnel and nobody else's (protocol.md sections 6 and 7). wesher-priv checks
 * again and derives the address itself.
 */
#include <stdio.h>
#include <string.h>

#include "../common/check.h"
#include "../common/hostsfile.h"
#include "../common/overlay.h"
#include "peers_int.h"

static enum peer_why
judge_key(const struct peers_config *cfg, const struct meta *meta)
{
	if (!meta->has_pubkey || check_is_zero(meta->pubkey, WG_KEY_LEN))
		return PEER_BAD_KEY;
	if (memcmp(meta->pubkey, cfg->self_key, WG_KEY_LEN) == 0)
		return PEER_OUR_KEY;
	return PEER_PENDING;
}

static enum peer_why
judge_addr(const struct peers_config *cfg, const struct peer *p)
{
	const struct meta *meta = &p->meta;
	struct ipaddr derived;

	if (!ipnet_contains(&cfg->overlay, &meta->overlay))
		return PEER_OUTSIDE;
	if (meta->has_x && meta->is_static) {
		if (!cfg->allow_static)
			return PEER_STATIC;
		return check_overlay_host(&cfg->overlay, &meta->overlay)
			   ? PEER_PENDING
			   : PEER_OUTSIDE;
	}
	overlay_addr(&cfg->overlay, p->name, p->namelen,
	    meta->has_x ? meta->attempt : 0, &derived);
	if (!ipaddr_eq(&derived, &meta->overlay))
		return PEER_NOT_DERIVED;
	if (!check_overlay_host(&cfg->overlay, &derived))
		return PEER_OUTSIDE;
	return PEER_PENDING;
}

static void
set_want(const struct peers_config *cfg, struct peer *p)
{
	memset(&p->want, 0, sizeof(p->want));
	member_ipport(p->m, &p->want.endpoint);
	p->want.endpoint.port = cfg->wgport;
	if (p->meta.has_x && p->meta.has_wgport)
		p->want.endpoint.port = p->meta.wgport;
	memcpy(p->want.key, p->meta.pubkey, WG_KEY_LEN);
	p->want.addr = p->meta.overlay;
	p->want.is_static = p->meta.has_x && p->meta.is_static;
	p->want.plain = !p->meta.has_x;
	p->want.attempt = p->meta.has_x ? p->meta.attempt : 0;
}

enum peer_why
peer_judge(const struct peers_config *cfg, struct peer *p)
{
	const struct member *m = p->m;
	enum peer_why why;

	p->decoded = false;
	if (m->metalen > 0 &&
	    meta_decode(member_meta(m), m->metalen, &p->meta) == 0)
		p->decoded = true;
	if (m->state == MEMBER_DEAD || m->state == MEMBER_LEFT)
		return PEER_GONE;
	if (m->metalen == 0)
		return PEER_NO_META;
	if (!p->decoded)
		return PEER_BAD_META;
	why = judge_key(cfg, &p->meta);
	if (why != PEER_PENDING)
		return why;
	why = judge_addr(cfg, p);
	if (why == PEER_PENDING)
		set_want(cfg, p);
	if (why != PEER_OUTSIDE && ipaddr_eq(&p->meta.overlay, &cfg->self_addr))
		return PEER_OUR_ADDR;
	if (why != PEER_PENDING)
		return why;
	if (!check_endpoint(&p->want.endpoint))
		return PEER_BAD_ENDPOINT;
	if (cfg->ops->reaches != NULL &&
	    !cfg->ops->reaches(cfg->arg, &p->want.endpoint.ip))
		return PEER_NO_FAMILY;
	return PEER_PENDING;
}

const char *
peer_no_line(const struct peers_config *cfg, const struct peer *p)
{
	return cfg->hosts ? hosts_unfit(p->name, p->namelen, cfg->self_name,
				cfg->hosts_domains)
			  : NULL;
}

static const char *const words[] = {
    [PEER_OK] = "",
    [PEER_PENDING] = "being set up",
    [PEER_GONE] = "it is gone",
    [PEER_NO_META] = "it has announced no key yet",
    [PEER_BAD_META] = "its metadata cannot be decoded",
    [PEER_BAD_KEY] = "its WireGuard key is missing or malformed",
    [PEER_OUR_KEY] = "it announces our own WireGuard key",
    [PEER_KEY_TAKEN] = "its WireGuard key is that of",
    [PEER_OUTSIDE] = "its overlay address is outside of our --overlay-net",
    [PEER_NOT_DERIVED] = "its overlay address does not derive from its name",
    [PEER_STATIC] = ("its overlay address is a static one, and we run "
		     "without --allow-static"),
    [PEER_OUR_ADDR] = "it claims our overlay address",
    [PEER_ADDR_TAKEN] = "its overlay address is held by",
    [PEER_BAD_ENDPOINT] = "its address cannot be a tunnel's endpoint",
    [PEER_NO_FAMILY] = "this host does not reach the family of its address",
    [PEER_REFUSED] = "refused by wesher-priv",
};

void
peer_words(const struct peers *ps, const struct peer *p, char *buf, size_t len)
{
	const struct peer_slot *holder;

	switch (p->why) {
	case PEER_KEY_TAKEN:
	case PEER_ADDR_TAKEN:
		holder = p->why == PEER_KEY_TAKEN
			     ? peer_by_key(ps, p->want.key)
			     : peer_by_addr(ps, &p->want.addr);
		snprintf(buf, len, "%s %s", words[p->why],
		    holder != NULL && holder->m != NULL ? holder->m->name
							: "another member");
		break;
	case PEER_NO_FAMILY:
		snprintf(buf, len, "its address is an %s one, and this host %s",
		    p->want.endpoint.ip.len == 16 ? "IPv6" : "IPv4",
		    p->want.endpoint.ip.len == 16 ? "reaches IPv4 alone"
						  : "reaches IPv6 alone");
		break;
	case PEER_REFUSED:
		snprintf(
		    buf, len, "%s: %s", words[p->why], priv_reason(p->refused));
		break;
	default:
		strlcpy(buf, words[p->why], len);
	}
}
