/*
 * Our own overlay address, part of the mesh of the gossip process. wesher-priv
 * derives it from our name and the attempt that we ask for, so that nothing
 * here can name one; this file speaks with it.
 * Which are free is for address_look.c to see before we join, and who else
 * claims ours afterwards for address_rival.c. An address that --overlay-addr
 * gives is never left: wesher-priv gives that whatever we ask for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/check.h"
#include "../common/log.h"
#include "../common/overlay.h"
#include "mesh_int.h"
#include "privc.h"

#define SELF_RETRY (10 * US_PER_S)

void
address_init(struct address *a)
{
	TAILQ_INIT(&a->looks);
	a->own = -1;
	a->self_at = a->settle_at = a->rival_at = a->look_at = NEVER;
	a->hidden_until = a->healed_until = a->said_at = a->ask_until =
	    INT64_MIN / 2;
}

void
address_free(struct address *a)
{
	address_look_free(a);
}

static bool
is_static(const struct mesh *m)
{
	return m->conf->overlay_addr.len != 0;
}

/* The first attempt from there on that is a host's address, or -1. */
static int
usable(const struct mesh *m, unsigned from)
{
	struct ipaddr addr;

	return is_static(m) ? (from == 0 ? 0 : -1)
			    : overlay_first(&m->conf->overlay, m->name,
				  strlen(m->name), from, &addr);
}

static void
ask(struct mesh *m, int64_t now)
{
	if (priv_self(m->addr.asked) == 0)
		m->addr.self_at = now + SELF_RETRY;
}

void
address_ask(struct mesh *m, int64_t now, unsigned attempt)
{
	m->addr.asked = (uint8_t)attempt;
	m->addr.moving = true;
	ask(m, now);
}

void
address_hello(struct mesh *m, int64_t now)
{
	int attempt = usable(m, m->conf->init ? 0 : m->state.attempt);

	if (attempt == -1)
		attempt = usable(m, 0);
	if (attempt == -1)
		fatalx(
		    "no usable address for %s in the overlay network: choose a "
		    "wider --overlay-net",
		    m->name);
	m->addr.asked = (uint8_t)attempt;
	ask(m, now);
}

/* The errors of wesher-priv that concern this one address. */
static bool
is_about_addr(int error)
{
	return error == EADDRNOTAVAIL || error == EADDRINUSE ||
	       error == ENOTUNIQ || error == EXDEV;
}

/* wesher-priv can give us none, for now. */
static void
complain(struct mesh *m, const struct priv_result *r)
{
	struct ipaddr addr = {0};
	char buf[IPADDR_STRLEN];

	(void)priv_ip_from(&addr, &r->addr);
	if (!m->addr.told)
		log_errorx("cannot have the overlay address %s: %s; trying "
			   "again%s",
		    ipaddr_str(&addr, buf), priv_reason(r->error),
		    !is_about_addr(r->error) ? ""
		    : is_static(m)
			? " (--overlay-addr)"
			: " (is --overlay-net in use on this host?)");
	m->addr.told = true;
}

/* We have one, and the next that we would like is refused. */
static int
refused_next(struct mesh *m, const struct ipaddr *addr)
{
	struct address *a = &m->addr;

	if (a->seen == NULL)
		return m->swim == NULL ? usable(m, a->asked + 1u) : -1;
	attempts_mark(a->seen, addr, ATTEMPT_NEVER);
	return attempts_pick(a->seen, address_from(m));
}

/* Somebody else has the address: the next attempt's may do. */
static void
refused(struct mesh *m, int64_t now, const struct priv_result *r)
{
	struct address *a = &m->addr;
	struct ipaddr addr = {0};
	int next = -1;

	(void)priv_ip_from(&addr, &r->addr);
	if (is_about_addr(r->error))
		next = refused_next(m, &addr);
	if (next != -1) {
		log_debug("overlay address of attempt %d refused: %s", a->asked,
		    priv_reason(r->error));
		a->asked = (uint8_t)next;
		ask(m, now);
		return;
	}
	if (m->swim != NULL && is_about_addr(r->error)) {
		/* Then we keep what we have. */
		a->moving = false;
		address_full(m, now, a->seen);
		address_chosen(m, now);
		return;
	}
	complain(m, r);
	if (is_about_addr(r->error) && (next = usable(m, 0)) != -1)
		a->asked = (uint8_t)next;
	a->self_at = now + SELF_RETRY;
}

static void
moved(struct mesh *m, int64_t now)
{
	struct address *a = &m->addr;
	char buf[IPADDR_STRLEN];
	uint8_t meta[META_MAX];
	size_t len;

	a->moving = false;
	a->claimed_at = now;
	a->settled = a->own == m->attempt;
	a->rival_at = a->look_at = NEVER;
	a->contested = true;
	log_info("our overlay address is %s now\tevent=address overlay=%s",
	    ipaddr_str(&m->self, buf), buf);
	peers_set_self(m->peers, now, &m->self);
	mesh_accept(m);
	len = mesh_own_meta(m, meta);
	swim_set_meta(m->swim, now, meta, len);
	/* Others choose by what they know: tell it before they have chosen. */
	if (m->announce_at == NEVER && !address_hidden(m, now))
		swim_announce_all(m->swim, now);
	m->save_at = now;
}

void
address_result(struct mesh *m, int64_t now, const struct priv_result *r)
{
	if (r->error != 0) {
		refused(m, now, r);
		return;
	}
	if (!priv_ip_from(&m->self, &r->addr))
		return;
	m->attempt = m->addr.asked;
	if (m->swim == NULL) {
		mesh_up(m, now);
		return;
	}
	moved(m, now);
	address_chosen(m, now);
}

unsigned
address_from(const struct mesh *m)
{
	return m->conf->init && !m->addr.chosen ? 0 : m->state.attempt;
}

void
address_tick(struct mesh *m, int64_t now)
{
	if (now < m->addr.self_at)
		return;
	m->addr.self_at = NEVER;
	ask(m, now);
}
