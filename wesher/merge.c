/*
 * The rules of alive, suspect and dead about others, part of the core in the
 * gossip process (protocol.md section 5, "Precedence", "Suspicion", "Push/pull
 * merge"; section 4 for what an entry must look like). All of it is hearsay
 * from members that may be broken or hostile: an unusable entry is dropped by
 * itself, an accusation counts only from a member in good standing, an
 * incarnation near the end of the range is not believed, and what would end or
 * change a living member waits for its refutation (hearsay.c).
 */
#include <string.h>

#include "../common/check.h"
#include "swim_int.h"

bool
merge_vsn_ok(const struct slice *vsn)
{
	const uint8_t *v = vsn->p;

	/*
	 * A real peer holds the speaking version of each entry against the
	 * lowest PMax of all, which a second bad entry may bring down to 2.
	 */
	return vsn->len == 6 && v[0] >= 1 && v[0] <= 2 && v[1] >= 2 &&
	       v[2] == 2 && v[3] == 0 && v[5] == 0;
}

bool
merge_direct(const struct via *v, const struct ipport *about)
{
	return v->src.ip.len != 0 && ipaddr_eq(&v->src.ip, &about->ip) &&
	       (v->request || v->src.port == about->port);
}

/* The canonical address of an entry; -1 when it is none to talk to. */
static int
merge_addr(const struct swim *s, const struct wire_alive *a, struct ipport *out)
{
	if (ipaddr_from_bytes(a->addr.p, a->addr.len, &out->ip) == -1)
		return -1;
	out->port = swim_port(s, a->port);
	if (ipaddr_is_any(&out->ip) || ipaddr_is_multicast(&out->ip))
		return -1;
	return 0;
}

static bool
merge_alive_ok(struct swim *s, const struct wire_alive *a, struct ipport *addr)
{
	if (!check_name((const char *)a->node.p, a->node.len) ||
	    a->meta.len > WIRE_META_MAX || merge_addr(s, a, addr) == -1) {
		s->count.bad_entry++;
		return false;
	}
	if (!merge_vsn_ok(&a->vsn)) {
		s->count.bad_vsn++;
		return false;
	}
	return true;
}

/* A name that nobody had: dead at first, as if it came back. */
static struct member *
merge_insert(struct swim *s, const struct wire_alive *a, uint64_t hash)
{
	struct member *m;

	if (s->t.n >= s->max_members && !evict_one(s)) {
		s->count.table_full++;
		return NULL;
	}
	m = member_add_hashed(&s->t, hash, (const char *)a->node.p, a->node.len,
	    a->meta.len, s->ops->random(s->arg));
	if (m != NULL)
		m->state = MEMBER_DEAD;
	return m;
}

static bool
same_content(const struct member *m, const struct wire_alive *a)
{
	return m->metalen == a->meta.len &&
	       (a->meta.len == 0 ||
		   memcmp(member_meta(m), a->meta.p, a->meta.len) == 0);
}

/* How far hearsay about m is believed; m may be NULL. */
static uint32_t
ceiling_of(const struct member *m)
{
	if (m == NULL || !m->ours || m->state >= MEMBER_DEAD ||
	    m->spoken_inc > INCARNATION_MAX - INCARNATION_JUMP)
		return INCARNATION_MAX;
	return m->spoken_inc + INCARNATION_JUMP;
}

/*
 * Members of ours stop at the ceiling (self.c) and cannot outdo each other's
 * word there. So what others say of them counts only below it; at the ceiling
 * they are believed in person, or when nothing is changed by it, and above it
 * never. Members of the original may be driven further: they are believed in
 * person alone.
 */
static bool
alive_believable(struct swim *s, const struct member *m,
    const struct wire_alive *a, const struct ipport *addr, const struct via *v)
{
	bool direct = merge_direct(v, addr), ours;

	if (a->incarnation > ceiling_of(m) && !direct)
		return false;
	if (a->incarnation < INCARNATION_MAX)
		return true;
	ours = (m != NULL && m->ours) ||
	       s->ops->is_ours(s->arg, a->meta.p, a->meta.len);
	if (direct)
		return !ours || a->incarnation == INCARNATION_MAX;
	return !ours || m == NULL || same_content(m, a);
}

/* The refutation of one that cannot rise any more. */
static bool
alive_at_ceiling(const struct member *m, const struct wire_alive *a,
    const struct ipport *addr, const struct via *v)
{
	return m->ours && a->incarnation == INCARNATION_MAX &&
	       m->incarnation == INCARNATION_MAX && merge_direct(v, addr) &&
	       (m->state != MEMBER_ALIVE || !same_content(m, a));
}

static void
alive_events(struct swim *s, struct member *m, unsigned old, bool changed,
    bool direct, const struct via *v)
{
	if (old >= MEMBER_DEAD) {
		s->joined++;
		if (v->joining) {
			s->learned++;
			if (m->announce == ANNOUNCE_NO)
				m->announce = ANNOUNCE_LEARNED;
		}
		swim_emit(s, SWIM_EV_JOIN, m, v, direct);
		return;
	}
	if (old == MEMBER_SUSPECT)
		swim_emit(s, SWIM_EV_REFUTED, m, v, direct);
	if (!changed && !direct)
		return;
	s->changed = changed;
	swim_emit(s, SWIM_EV_UPDATE, m, v, direct);
	s->changed = false;
}

/* It passed every rule: the member is now what this says. */
static void
alive_apply(struct swim *s, struct member *m, const struct wire_alive *a,
    const struct ipport *addr, const struct via *v)
{
	unsigned old = m->state;
	bool changed = !same_content(m, a), direct = merge_direct(v, addr);
	struct ipport known = {.port = 0};
	const struct member_news news = {a->addr.p, a->addr.len, a->port,
	    addr->port, a->vsn.p, a->meta.p, a->meta.len};

	if (member_card(m)->addrlen != 0)
		member_ipport(m, &known);
	if (member_set(&s->t, m, &news) == -1)
		return;
	s->back = old == MEMBER_DEAD && known.port != 0;
	s->is_new = known.port == 0;
	suspect_stop(&s->suspects, m);
	/* Whoever sits at another address has not been heard yet. */
	if (ipport_cmp(&known, addr) != 0)
		m->answered = m->heard = false;
	m->heard = m->heard || direct;
	evict_sort(s, m);
	m->ours = s->ops->is_ours(s->arg, member_meta(m), m->metalen);
	m->incarnation = a->incarnation;
	if (direct || old >= MEMBER_DEAD)
		m->spoken_inc = a->incarnation;
	if (direct && !v->stream)
		m->direct_inc = a->incarnation;
	swim_set_state(s, m, MEMBER_ALIVE);
	if (!v->quiet)
		spread_alive(s, m, old >= MEMBER_DEAD);
	hearsay_settle(s, m);
	alive_events(s, m, old, changed, direct, v);
	if (old >= MEMBER_DEAD && !v->joining)
		join_returned(s);
	swim_arm(s);
	spread_arm(s);
}

/*
 * Nothing new, but the member itself says it for the first time: its tunnels
 * are ready, and the mesh wants to know (protocol.md section 9).
 */
static void
alive_repeated(struct swim *s, struct member *m, const struct wire_alive *a,
    const struct ipport *addr, const struct via *v)
{
	if (a->incarnation != m->incarnation || m->state >= MEMBER_DEAD ||
	    v->stream || !merge_direct(v, addr) ||
	    m->direct_inc == a->incarnation || !same_content(m, a))
		return;
	m->direct_inc = a->incarnation;
	swim_emit(s, SWIM_EV_UPDATE, m, v, true);
}

/* Nothing new, and who says it may have missed what we have heard. */
static void
alive_known(struct swim *s, struct member *m, const struct wire_alive *a,
    const struct ipport *addr, const struct via *v)
{
	if (v->stream && !merge_direct(v, addr))
		hearsay_pass(s, m, v);
	else if (!v->stream && a->incarnation == m->incarnation &&
		 same_content(m, a))
		spread_known(s, m);
	alive_repeated(s, m, a, addr, v);
}

/* Somebody at another address has the name of a member. */
static void
alive_elsewhere(struct swim *s, struct member *m, const struct wire_alive *a,
    const struct ipport *addr, const struct via *v)
{
	struct ipport known;

	member_ipport(m, &known);
	/* A name that was given up may move, and one that nobody answers to. */
	if (m->state == MEMBER_LEFT) {
		ghost_moved(s, m, &known, m->incarnation);
		alive_apply(s, m, a, addr, v);
	} else if (!hearsay_elsewhere(s, m, a) &&
		   !ghost_stale(s, m, addr, a->incarnation, v) &&
		   !(m->state == MEMBER_DEAD && elsewhere_failed(s, m, a)))
		elsewhere_conflict(s, m, a, addr, v);
}

void
merge_moved(struct swim *s, struct member *m, const struct wire_alive *a)
{
	struct via v = {.settled = true};
	struct ipport addr;

	v.src.ip.len = 4; /* nobody: it came from somewhere */
	if (merge_addr(s, a, &addr) == 0)
		alive_apply(s, m, a, &addr, &v);
}

void
merge_alive(struct swim *s, const struct wire_alive *a, const struct via *v)
{
	struct ipport addr, known;
	struct member *m;
	uint64_t hash;

	if (!merge_alive_ok(s, a, &addr))
		return;
	hash = member_hash(&s->t, a->node.p, a->node.len);
	m = member_find_hashed(
	    &s->t, hash, (const char *)a->node.p, a->node.len);
	if (m == s->self) {
		self_alive(s, a, &addr, v);
		return;
	}
	if (!alive_believable(s, m, a, &addr, v)) {
		if (m != NULL && m->ours && a->incarnation < INCARNATION_MAX)
			hearsay_ask(s, m);
		return;
	}
	if (m == NULL) {
		if ((m = merge_insert(s, a, hash)) != NULL)
			alive_apply(s, m, a, &addr, v);
		return;
	}
	member_ipport(m, &known);
	if (ipport_cmp(&known, &addr) != 0)
		alive_elsewhere(s, m, a, &addr, v);
	else if (a->incarnation <= m->incarnation &&
		 !alive_at_ceiling(m, a, &addr, v))
		alive_known(s, m, a, &addr, v);
	else if (m->metalen > 0 && !same_content(m, a) && hearsay_waits(m, v))
		hearsay_alive(s, m, a);
	else
		alive_apply(s, m, a, &addr, v);
}

/* An accuser that counts: known, and in good standing. */
static bool
accuser_counts(const struct swim *s, const struct wire_accuse *a)
{
	const struct member *m = member_find(
	    &s->t, (const char *)a->from.p, a->from.len);

	return m != NULL && m->state < MEMBER_DEAD;
}

/* The accused, when the accusation is worth looking at. */
static struct member *
accused(struct swim *s, const struct wire_accuse *a, const struct via *v)
{
	struct member *m = member_find(
	    &s->t, (const char *)a->node.p, a->node.len);
	struct ipport known;

	if (m == NULL || m->is_self)
		return m;
	if (a->incarnation < m->incarnation)
		return NULL;
	if (v->src.ip.len == 0)
		return m;
	if (a->incarnation > INCARNATION_MAX && m->ours)
		return NULL;
	if (a->incarnation <= ceiling_of(m) &&
	    (a->incarnation < INCARNATION_MAX || !m->ours))
		return m;
	/* Up there only it may speak about itself: to leave. */
	member_ipport(m, &known);
	return merge_direct(v, &known) ? m : NULL;
}

static void
suspect_begin(struct swim *s, struct member *m, const struct wire_accuse *a)
{
	const struct swim_profile *p = s->prof;
	unsigned n = s->t.n, k;
	int64_t min, max;

	k = p->suspicion_mult > 2 ? p->suspicion_mult - 2 : 0;
	if (n < k + 2 || p->no_suspicion_scaling)
		k = 0;
	min = suspect_min(p->suspicion_mult, n, p->probe_interval);
	max = min * p->suspicion_max_mult;
	if (suspect_start(&s->suspects, m,
		member_hash(&s->t, a->from.p, a->from.len), k, min, max,
		s->now) == -1)
		return;
	m->incarnation = a->incarnation;
	s->count.suspicions++;
	swim_set_state(s, m, MEMBER_SUSPECT);
	spread_accuse(s, m, WIRE_SUSPECT, a->incarnation, a->from);
}

void
merge_suspect(struct swim *s, const struct wire_accuse *a, const struct via *v)
{
	struct member *m = accused(s, a, v);

	if (m == NULL)
		return;
	if (m->is_self) {
		self_accused(s, a->incarnation, v);
		return;
	}
	if (!accuser_counts(s, a))
		return;
	if (m->suspicion != NULL) {
		if (suspect_confirm(&s->suspects, m->suspicion,
			member_hash(&s->t, a->from.p, a->from.len)))
			spread_accuse(
			    s, m, WIRE_SUSPECT, a->incarnation, a->from);
		return;
	}
	if (m->state != MEMBER_ALIVE)
		return;
	suspect_begin(s, m, a);
	if (m->state == MEMBER_SUSPECT)
		swim_emit(s, SWIM_EV_SUSPECT, m, v, false);
}

void
merge_dead(struct swim *s, const struct wire_accuse *a, const struct via *v)
{
	struct member *m = accused(s, a, v);
	struct slice from = a->from;
	struct ipport known;
	bool leave;

	if (m == NULL)
		return;
	/* Such an accuser may exist, but we relay no name that is none. */
	if (!check_name((const char *)from.p, from.len))
		from = swim_str(s->self->name);
	leave = a->node.len == from.len &&
		memcmp(a->node.p, from.p, from.len) == 0;
	if (m->is_self) {
		self_accused(s, a->incarnation, v);
		return;
	}
	/* Who was cut off and returns elsewhere leaves though it is dead. */
	if (m->state > MEMBER_DEAD || (m->state == MEMBER_DEAD && !leave))
		return;
	if (!s->prof->no_hearsay && hearsay_waits(m, v)) {
		hearsay_dead(s, m, a->incarnation, &from);
		return;
	}
	suspect_stop(&s->suspects, m);
	m->incarnation = a->incarnation;
	m->announce = ANNOUNCE_NO;
	swim_set_state(s, m, leave ? MEMBER_LEFT : MEMBER_DEAD);
	spread_accuse(s, m, WIRE_DEAD, a->incarnation, from);
	hearsay_settle(s, m);
	member_ipport(m, &known);
	swim_emit(s, leave ? SWIM_EV_LEFT : SWIM_EV_FAILED, m, v,
	    merge_direct(v, &known));
}

void
merge_suspects_run(struct swim *s)
{
	struct via v = {.stream = false};
	struct wire_accuse a = {.from = swim_str(s->self->name)};
	struct member *m;

	if (s->mode > SWIM_LEAVING)
		return;
	while ((m = suspect_due(&s->suspects, s->now)) != NULL) {
		a.incarnation = m->incarnation;
		a.node = swim_str(m->name);
		merge_dead(s, &a, &v);
	}
}

bool
merge_node_ok(struct swim *s, const struct wire_node *n, struct ipport *addr)
{
	const struct wire_alive alive = {.node = n->name,
	    .addr = n->addr,
	    .port = n->port,
	    .meta = n->meta,
	    .vsn = n->vsn};

	if (n->state <= WIRE_S_LEFT)
		return merge_alive_ok(s, &alive, addr);
	s->count.bad_entry++;
	return false;
}

/*
 * One entry of a state. A suspect or dead one is only a suspicion of our own,
 * so that a member that lives can refute it.
 */
void
merge_node(struct swim *s, const struct wire_node *n, const struct via *v)
{
	struct wire_alive alive = {.incarnation = n->incarnation,
	    .node = n->name,
	    .addr = n->addr,
	    .port = n->port,
	    .meta = n->meta,
	    .vsn = n->vsn};
	struct wire_accuse accuse = {
	    .incarnation = n->incarnation, .node = n->name, .from = n->name};
	struct ipport addr;

	if (n->state == WIRE_S_ALIVE) {
		merge_alive(s, &alive, v);
		return;
	}
	if (!merge_alive_ok(s, &alive, &addr))
		return;
	switch (n->state) {
	case WIRE_S_SUSPECT:
	case WIRE_S_DEAD:
		accuse.from = swim_str(s->self->name);
		merge_suspect(s, &accuse, v);
		break;
	case WIRE_S_LEFT:
		merge_dead(s, &accuse, v);
		break;
	default:
		s->count.bad_entry++;
	}
}
