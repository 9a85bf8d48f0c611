/*
 * What the mesh of the gossip process tells Prometheus: the members, what the
 * core and the sockets have counted, and each member's tunnel. Reads only.
 * Members' names are hostile (prom.c escapes them), their number is bounded by
 * the table; labels' other values are ours. man/wesher.8 has the same list, by
 * a test.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/log.h"
#include "mesh_int.h"
#include "net.h"
#include "prom.h"
#include "wire.h"

/* Of one member: the families come one after the other, with all members. */
struct row {
	const char *name;
	double age, rtt; /* seconds; below 0: not known */
	uint64_t rx, tx;
	bool alive, tunnel, has_stat;
};

static void
one(FILE *out, const char *name, const char *type, const char *help,
    uint64_t value)
{
	prom_family(out, name, type, help);
	prom_count(out, name, NULL, value);
}

void
mesh_error(struct mesh *m, int error)
{
	if (error != 0)
		m->errors[error > 0 && error < MESH_ERRNOS ? error : 0]++;
}

static const char *
errno_name(unsigned error, char buf[16])
{
	static const struct {
		unsigned error;
		const char *name;
	} names[] = {{EPERM, "EPERM"}, {ENOENT, "ENOENT"}, {EIO, "EIO"},
	    {EAGAIN, "EAGAIN"}, {ENOMEM, "ENOMEM"}, {EACCES, "EACCES"},
	    {EBUSY, "EBUSY"}, {EEXIST, "EEXIST"}, {EXDEV, "EXDEV"},
	    {ENODEV, "ENODEV"}, {EINVAL, "EINVAL"}, {ENOSPC, "ENOSPC"},
	    {ERANGE, "ERANGE"}, {ELOOP, "ELOOP"}, {ENOTUNIQ, "ENOTUNIQ"},
	    {EDESTADDRREQ, "EDESTADDRREQ"}, {EOPNOTSUPP, "EOPNOTSUPP"},
	    {EAFNOSUPPORT, "EAFNOSUPPORT"}, {EADDRINUSE, "EADDRINUSE"},
	    {EADDRNOTAVAIL, "EADDRNOTAVAIL"}, {ENETDOWN, "ENETDOWN"},
	    {ENETUNREACH, "ENETUNREACH"}, {ENOBUFS, "ENOBUFS"},
	    {ETIMEDOUT, "ETIMEDOUT"}, {ESTALE, "ESTALE"},
	    {EKEYREJECTED, "EKEYREJECTED"}};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].error == error)
			return names[i].name;
	snprintf(buf, 16, "%u", error);
	return error == 0 ? "other" : buf;
}

/* What wesher-priv, or the kernel that it asked, did not do. */
static void
errors(const struct mesh *m, FILE *out)
{
	static const char name[] = "wesher_netlink_errors_total";
	char buf[16];
	unsigned i;

	prom_family(out, name, "counter",
	    "Requests that wesher-priv or the kernel refused, by error.");
	for (i = 0; i < MESH_ERRNOS; i++)
		if (m->errors[i] != 0)
			prom_count(out, name,
			    PROM_LABELS("errno", errno_name(i, buf)),
			    m->errors[i]);
}

void
mesh_refused(const struct mesh *m, void (*each)(void *, const char *, uint64_t),
    void *arg)
{
	static const char *const reasons[NET_REASONS] = {
	    [NET_NOT_SEALED] = "not_sealed",
	    [NET_MALFORMED] = "malformed",
	    [NET_LENGTH] = "length",
	    [NET_REPLAY] = "replay",
	    [NET_STRAY] = "stray",
	    [NET_CROWD] = "crowd",
	    [NET_TIME] = "time",
	    [NET_CUT] = "cut",
	};
	static const struct net_counters none;
	static const struct swim_counters nobody;
	const struct net_counters *n = &none;
	const struct swim_counters *c = &nobody;
	unsigned i;

	if (m->ops.net != NULL)
		n = m->ops.net();
	if (m->swim != NULL)
		c = swim_counters(m->swim);
	for (i = 0; i < NET_REASONS; i++)
		each(arg, reasons[i], n->refused[i]);
	each(arg, "bad_message", c->bad_message);
	each(arg, "bad_entry", c->bad_entry);
	each(arg, "bad_version", c->bad_vsn);
	each(arg, "name_conflict", c->conflicts);
	each(arg, "table_full", c->table_full);
}

static const char refusals[] = "wesher_refusals_total";

static void
refusal(void *arg, const char *reason, uint64_t n)
{
	prom_count(arg, refusals, PROM_LABELS("reason", reason), n);
}

static void
both_ways(
    FILE *out, const char *name, const char *help, uint64_t in, uint64_t away)
{
	prom_family(out, name, "counter", help);
	prom_count(out, name, PROM_LABELS("direction", "in"), in);
	prom_count(out, name, PROM_LABELS("direction", "out"), away);
}

static void
sockets(const struct net_counters *n, FILE *out)
{
	both_ways(out, "wesher_packets_total",
	    "Membership packets, those that were refused too.", n->rx_packets,
	    n->tx_packets);
	both_ways(out, "wesher_packet_bytes_total",
	    "Bytes of these packets, as sealed.", n->rx_bytes, n->tx_bytes);
	both_ways(out, "wesher_streams_total",
	    "Membership streams, by who opened them.", n->streams_in,
	    n->streams_out);
	one(out, "wesher_send_errors_total", "counter",
	    "Packets that could not be sent.", n->send_errors);
	one(out, "wesher_log_lines_held_total", "counter",
	    "Lines of the log that were held back.", log_held());
}

/* One family of messages: their number, or their bytes. */
static void
by_type(FILE *out, const char *name, const char *help,
    const uint64_t in[SWIM_TYPES], const uint64_t away[SWIM_TYPES])
{
	static const char *const types[SWIM_TYPES] = {[WIRE_PING] = "ping",
	    [WIRE_INDIRECT_PING] = "indirect_ping",
	    [WIRE_ACK] = "ack",
	    [WIRE_NACK] = "nack",
	    [WIRE_SUSPECT] = "suspect",
	    [WIRE_ALIVE] = "alive",
	    [WIRE_DEAD] = "dead",
	    [WIRE_PUSHPULL] = "push_pull",
	    [WIRE_USER] = "user",
	    [WIRE_ERR] = "error"};
	unsigned i;

	prom_family(out, name, "counter", help);
	for (i = 0; i < SWIM_TYPES; i++) {
		if (types[i] == NULL)
			continue;
		prom_count(out, name,
		    PROM_LABELS("direction", "in", "type", types[i]), in[i]);
		prom_count(out, name,
		    PROM_LABELS("direction", "out", "type", types[i]), away[i]);
	}
}

static void
probes(const struct swim_counters *c, FILE *out)
{
	const struct {
		const char *name, *help;
		uint64_t n;
	} all[] = {
	    {"wesher_probes_sent_total", "Members that were pinged.", c->pings},
	    {"wesher_probes_acked_total", "Of these, that answered in time.",
		c->acks},
	    {"wesher_probes_failed_total", "Of these, that did not.",
		c->probes_failed},
	    {"wesher_probes_indirect_total",
		"Requests to others to ping a silent member.", c->indirect},
	    {"wesher_probes_tcp_total", "Pings of silent members by TCP.",
		c->tcp_pings},
	    {"wesher_probes_relayed_total", "Pings on behalf of others.",
		c->relayed},
	    {"wesher_suspicions_total", "Members that became suspects.",
		c->suspicions},
	    {"wesher_refutations_total",
		"Times that we refuted what was said about us.",
		c->refutations},
	    {"wesher_refutations_delayed_total",
		"Of what is said about us, what waited: one burst a second.",
		c->limited},
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		one(out, all[i].name, "counter", all[i].help, all[i].n);
}

static void
pushpulls(const struct swim_counters *c, FILE *out)
{
	static const char name[] = "wesher_push_pulls_total";
	const struct {
		const char *direction, *outcome;
		uint64_t n;
	} all[] = {{"in", "ok", c->asked_ok}, {"in", "failed", c->asked_failed},
	    {"out", "ok", c->ours_ok}, {"out", "failed", c->ours_failed}};
	size_t i;

	prom_family(out, name, "counter",
	    "Exchanges of whole tables, joins too, by who asked.");
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		prom_count(out, name,
		    PROM_LABELS("direction", all[i].direction, "outcome",
			all[i].outcome),
		    all[i].n);
}

static void
key_wear(const struct mesh *m, FILE *out)
{
	static const char name[] = "wesher_key_sealed_messages_total";
	uint64_t more = m->ops.sealed == NULL ? 0 : m->ops.sealed() - m->sealed;

	prom_family(out, name, "counter",
	    "Messages sealed under this cluster key, restarts counted; by all "
	    "members: an estimate. It bears 2^32.");
	prom_count(out, name, PROM_LABELS("by", "self"), m->wear.own + more);
	prom_count(out, name, PROM_LABELS("by", "all"), m->wear.all);
}

static void
core(const struct mesh *m, FILE *out)
{
	const struct swim_counters *c = swim_counters(m->swim);

	one(out, "wesher_health_score", "gauge",
	    "Lifeguard's health score of this member, 0 is healthy.",
	    swim_health(m->swim));
	one(out, "wesher_queue_length", "gauge",
	    "Broadcasts that wait to be gossiped.", swim_queued(m->swim));
	probes(c, out);
	pushpulls(c, out);
	by_type(out, "wesher_messages_total",
	    "Messages within packets and streams.", c->in.n, c->out.n);
	by_type(out, "wesher_message_bytes_total",
	    "Plain bytes of these messages.", c->in.bytes, c->out.bytes);
}

static void
states(const struct member_table *t, FILE *out)
{
	static const char name[] = "wesher_members";
	unsigned i, n[4] = {0};

	for (i = 0; i < t->n; i++)
		n[t->list[i]->state]++;
	prom_family(out, name, "gauge", "Members by state, this one included.");
	for (i = 0; i < 4; i++)
		prom_count(out, name,
		    PROM_LABELS("state", member_state_name(i)), n[i]);
}

static void
row_of(const struct mesh *m, const struct member *mb, struct row *r)
{
	struct peer_view v;
	int64_t rtt = member_rtt(mb);

	peers_view(m->peers, mb, &v);
	r->name = mb->name;
	r->alive = mb->state < MEMBER_DEAD;
	r->tunnel = v.why == PEER_OK;
	r->has_stat = v.has_stat && v.why == PEER_OK;
	r->rx = v.rx;
	r->tx = v.tx;
	r->rtt = rtt < 0 ? -1 : (double)rtt / US_PER_S;
	r->age = r->has_stat ? (double)mesh_handshake_age(m, &v) : -1;
}

enum column { COL_TUNNEL, COL_AGE, COL_RX, COL_TX, COL_RTT, COLUMNS };

static void
cell(FILE *out, const char *name, enum column c, const struct row *r)
{
	const char *const labels[] = {"member", r->name, NULL};

	if (c == COL_TUNNEL && r->alive)
		prom_count(out, name, labels, r->tunnel);
	else if (c == COL_AGE && r->age >= 0)
		prom_real(out, name, labels, r->age);
	else if (c == COL_RX && r->has_stat)
		prom_count(out, name, labels, r->rx);
	else if (c == COL_TX && r->has_stat)
		prom_count(out, name, labels, r->tx);
	else if (c == COL_RTT && r->rtt >= 0)
		prom_real(out, name, labels, r->rtt);
}

static void
columns(FILE *out, const struct row *rows, unsigned n)
{
	static const struct {
		const char *name, *type, *help;
	} col[COLUMNS] = {
	    [COL_TUNNEL] = {"wesher_peer_tunnel", "gauge",
		"Has the member, which is alive, a tunnel?"},
	    [COL_AGE] = {"wesher_peer_handshake_age_seconds", "gauge",
		"Time since the last handshake of the tunnel."},
	    [COL_RX] = {"wesher_peer_receive_bytes_total", "counter",
		"Bytes received through the tunnel."},
	    [COL_TX] = {"wesher_peer_transmit_bytes_total", "counter",
		"Bytes sent into the tunnel."},
	    [COL_RTT] = {"wesher_peer_rtt_seconds", "gauge",
		"Smoothed round-trip time of our pings to the member."},
	};
	unsigned c, i;

	for (c = 0; c < COLUMNS; c++) {
		prom_family(out, col[c].name, col[c].type, col[c].help);
		for (i = 0; i < n; i++)
			cell(out, col[c].name, (enum column)c, &rows[i]);
	}
}

/* 0, or -1 when out of memory. */
static int
members(const struct mesh *m, FILE *out)
{
	const struct member_table *t = swim_members(m->swim);
	struct row *rows = calloc(t->n + 1, sizeof(*rows));
	unsigned i, n = 0;

	if (rows == NULL)
		return -1;
	for (i = 0; i < t->n; i++)
		if (!t->list[i]->is_self)
			row_of(m, t->list[i], &rows[n++]);
	states(t, out);
	columns(out, rows, n);
	free(rows);
	return 0;
}

char *
mesh_metrics(struct mesh *m, size_t *len)
{
	static const char info[] = "wesher_build_info";
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	int bad = 0;

	if (out == NULL)
		return NULL;
	prom_family(out, info, "gauge", "Always 1; of which version.");
	prom_count(out, info, PROM_LABELS("version", WESHER_VERSION), 1);
	if (m->swim != NULL) {
		core(m, out);
		bad = members(m, out);
	}
	if (m->ops.net != NULL)
		sockets(m->ops.net(), out);
	prom_family(out, refusals, "counter",
	    "Packets, streams and what is in them that was not taken.");
	mesh_refused(m, refusal, out);
	errors(m, out);
	key_wear(m, out);
	bad |= ferror(out);
	if (fclose(out) == 0 && !bad)
		return text;
	free(text);
	return NULL;
}
