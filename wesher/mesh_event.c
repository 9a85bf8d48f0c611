/*
 * What the core tells the mesh: members come, change, fail and leave. Names
 * and addresses in these events are a peer's choice; they were checked by the
 * core for form, by peers.c for what they may have.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "../common/log.h"
#include "../common/clock.h"
#include "event.h"
#include "mesh_int.h"
#include "pool.h"

#define CONFLICT_EVERY (60 * US_PER_S)
#define ANNOUNCE_WAIT  (2 * US_PER_S) /* for wesher-priv's answers */

static void
on_send(void *arg, const struct ipport *to, const uint8_t *plain, size_t len)
{
	struct mesh *m = arg;

	m->ops.send(to, plain, len);
}

static void
on_stream(void *arg, uint32_t id, enum swim_stream_kind kind,
    const struct ipport *to, const uint8_t *msg, size_t len)
{
	struct mesh *m = arg;

	(void)kind;
	m->ops.stream(id, to, msg, len);
}

static const char *
where(const struct member *mb, char buf[IPPORT_STRLEN])
{
	struct ipport at;

	member_ipport(mb, &at);
	return ipport_str(&at, buf);
}

static enum peers_news
news_of(const struct swim_event *ev)
{
	if (ev->joining)
		return PEERS_JOINING;
	if (!ev->direct)
		return PEERS_GOSSIP;
	return ev->pushpull && ev->type != SWIM_EV_LEFT ? PEERS_ASKED
							: PEERS_DIRECT;
}

static bool
is_due(struct mesh *m, int64_t *logged)
{
	if (m->now - *logged < CONFLICT_EVERY)
		return false;
	*logged = m->now;
	return true;
}

static const char two_hosts[] = "two hosts have one name";

static void
say_self_conflict(struct mesh *m, const struct ipport *at, const char *more)
{
	struct event_news news = {.kind = EVENT_CONFLICT,
	    .level = LOG_L_ERROR,
	    .member = m->name,
	    .addr = *at,
	    .why = two_hosts};
	char buf[IPPORT_STRLEN];

	news.unlogged = !is_due(m, &m->self_conflict_logged);
	event_sayf(&news,
	    "another host uses our name %s (heard from %s): host names must be "
	    "unique in a mesh, change one with hostname(1)%s",
	    m->name, ipport_str(at, buf), more);
}

static void
log_conflict(struct mesh *m, const struct swim_event *ev)
{
	struct event_news news = {.kind = EVENT_CONFLICT, .level = LOG_L_WARN};
	char buf[IPPORT_STRLEN];

	mesh_conflict(m, ev->m, ev->addr);
	if (ev->type == SWIM_EV_SELF_CONFLICT) {
		say_self_conflict(m, ev->addr, "");
		return;
	}
	news.member = ev->m->name;
	news.addr = *ev->addr;
	news.why = two_hosts;
	news.unlogged = !is_due(m, &m->conflict_logged);
	event_sayf(&news,
	    "a host at %s uses the name of the member %s, which keeps it: "
	    "change one with hostname(1)",
	    ipport_str(ev->addr, buf), ev->m->name);
}

/* What it claims. */
static struct ipaddr
overlay_of(const struct member *mb)
{
	struct ipaddr none = {0};
	struct meta meta;

	if (meta_decode(member_meta(mb), mb->metalen, &meta) == -1)
		return none;
	return meta.overlay;
}

/* It joined, changed, failed or left. */
static void
say_change(struct mesh *m, const struct swim_event *ev)
{
	static const struct {
		enum event_kind kind;
		const char *verb;
	} kinds[] = {
	    [SWIM_EV_JOIN] = {EVENT_JOINED, "joined"},
	    [SWIM_EV_UPDATE] = {EVENT_UPDATED, "updated"},
	    [SWIM_EV_FAILED] = {EVENT_FAILED, "failed"},
	    [SWIM_EV_LEFT] = {EVENT_LEFT, "left"},
	};
	struct event_news news = {.kind = kinds[ev->type].kind,
	    .level = LOG_L_INFO,
	    .member = ev->m->name};
	char buf[IPPORT_STRLEN];

	if (ev->type == SWIM_EV_UPDATE && !ev->changed) {
		log_debug("%s at %s updated", ev->m->name, where(ev->m, buf));
		return;
	}
	if (ev->type == SWIM_EV_UPDATE)
		news.level = LOG_L_DEBUG;
	else
		news.unlogged = !quiet_may(&m->quiet, m->now);
	/* Thousands may come at once. */
	if (!event_heard(&news))
		return;
	member_ipport(ev->m, &news.addr);
	news.overlay = overlay_of(ev->m);
	event_sayf(&news, "%s at %s %s", ev->m->name, where(ev->m, buf),
	    kinds[ev->type].verb);
}

static void
on_change(struct mesh *m, const struct swim_event *ev)
{
	bool back;

	if (ev->m->is_self)
		return;
	say_change(m, ev);
	if (ev->type == SWIM_EV_JOIN && ev->direct)
		m->anybody = true;
	m->stirred = true;
	back = mesh_heal_event(m, ev) || ev->back;
	if (back)
		address_healed(m, m->now);
	else if (ev->is_new)
		address_unknown(m, m->now, ev->m);
	if (ev->m->state <= MEMBER_SUSPECT)
		address_news(m, m->now, ev->m);
	peers_update(m->peers, m->now, ev->m, news_of(ev));
}

static void
on_event(void *arg, const struct swim_event *ev)
{
	struct mesh *m = arg;

	switch (ev->type) {
	case SWIM_EV_JOIN:
	case SWIM_EV_UPDATE:
	case SWIM_EV_FAILED:
	case SWIM_EV_LEFT:
		on_change(m, ev);
		break;
	case SWIM_EV_SUSPECT:
		if (quiet_may(&m->quiet, m->now))
			log_info("%s is suspected to have failed"
				 "\tevent=suspected member=%s",
			    ev->m->name, ev->m->name);
		break;
	case SWIM_EV_REFUTED:
		if (quiet_may(&m->quiet, m->now))
			log_info("%s is alive after all"
				 "\tevent=refuted member=%s",
			    ev->m->name, ev->m->name);
		address_news(m, m->now, ev->m);
		break;
	case SWIM_EV_REAPED:
		mesh_conflict_forget(m, ev->m);
		mesh_reported_forget(m, ev->m);
		peers_forget(m->peers, m->now, ev->m);
		break;
	case SWIM_EV_CONFLICT:
	case SWIM_EV_SELF_CONFLICT:
		log_conflict(m, ev);
		break;
	case SWIM_EV_RETURNED:
		/* Members of the original made their side anew. */
		m->stirred = m->rejoin = true;
		break;
	case SWIM_EV_LEAVE_DONE:
		m->finished = true;
		break;
	}
}

static void
on_join_done(void *arg, const struct swim_join_result *res)
{
	struct mesh *m = arg;
	char buf[IPPORT_STRLEN];
	enum join_outcome how = JOIN_FAILED;
	const char *why = res->why != NULL ? res->why : "refused";
	uint32_t id;

	if (address_looked(m, res, &id))
		return;
	ipport_str(&res->to, buf);
	if (res->only_self) {
		log_debug("%s is ourselves", buf);
		how = JOIN_SELF;
		why = "it is ourselves";
	} else if (res->refused_name) {
		mesh_conflict(m, NULL, &res->to);
		say_self_conflict(m, &res->to, "; not joining");
		why = "our name is taken";
	} else if (res->ok) {
		log_info("joined through %s: %u members, %u new to us"
			 "\tevent=met addr=%s members=%u new=%u",
		    buf, res->members, res->learned, buf, res->members,
		    res->learned);
		how = JOIN_REACHED;
		m->anybody = m->sync_wanted = true;
		m->announce_at = m->now + ANNOUNCE_WAIT;
		peers_mark(m->peers);
	}
	if (!mesh_heal_tried(m, id, how))
		join_tried(m->join, m->now, id, how, why);
}

static void
on_seen(void *arg, const struct swim_seen *e)
{
	address_seen(arg, e);
}

static bool
is_ours(void *arg, const uint8_t *meta, size_t len)
{
	(void)arg;
	return meta_is_ours(meta, len);
}

static uint32_t
core_random(void *arg)
{
	(void)arg;
	return pool_random();
}

const struct swim_ops mesh_swim_ops = {
    .send = on_send,
    .stream = on_stream,
    .event = on_event,
    .join_done = on_join_done,
    .seen = on_seen,
    .is_ours = is_ours,
    .random = core_random,
};

/* Name the members of the original that cannot read v0.3, once. */
static void
warn_mixed(struct mesh *m)
{
	const struct member_table *t = swim_members(m->swim);
	struct peer_view v;
	char names[512] = "";
	unsigned i;

	for (i = 0; i < t->n; i++) {
		if (t->list[i]->is_self)
			continue;
		peers_view(m->peers, t->list[i], &v);
		if (t->list[i]->state >= MEMBER_DEAD || !v.decoded ||
		    v.meta.has_x || v.meta.dialect != META_V02)
			continue;
		if (names[0] != '\0')
			strlcat(names, ", ", sizeof(names));
		strlcat(names, t->list[i]->name, sizeof(names));
	}
	log_warnx(
	    "members of the original speak two dialects; those up to "
	    "v0.2.6 cannot read us until they are upgraded: %s\tevent=dialects",
	    names);
}

void
mesh_dialect(struct mesh *m, int64_t now)
{
	struct peers_dialects d;
	enum meta_dialect want;
	uint8_t buf[META_MAX];
	size_t len;

	peers_dialects(m->peers, &d);
	want = d.v02 > 0 && d.v03 == 0 ? META_V02 : META_V03;
	if (d.v02 > 0 && d.v03 > 0 && !m->mixed_warned) {
		m->mixed_warned = true;
		warn_mixed(m);
	}
	if (want == m->dialect)
		return;
	m->dialect = want;
	log_info("writing metadata as the original's %s",
	    want == META_V02 ? "v0.2" : "v0.3");
	len = mesh_own_meta(m, buf);
	swim_set_meta(m->swim, now, buf, len);
}

void
mesh_count(struct mesh *m, unsigned *alive, unsigned *failed)
{
	const struct member_table *t = swim_members(m->swim);
	unsigned i;

	*alive = *failed = 0;
	for (i = 0; i < t->n; i++)
		if (t->list[i]->state <= MEMBER_SUSPECT)
			++*alive;
		else if (t->list[i]->state == MEMBER_DEAD)
			++*failed;
}

void
mesh_catch_up(struct mesh *m)
{
	const struct member_table *t = swim_members(m->swim);
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (t->list[i]->state == MEMBER_ALIVE && !t->list[i]->is_self &&
		    t->list[i]->udata == NULL)
			peers_update(
			    m->peers, m->now, t->list[i], PEERS_GOSSIP);
}
