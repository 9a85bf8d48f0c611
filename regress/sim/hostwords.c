/*
 * What a test does to a simulated host besides starting and stopping it, and
 * what it asks: whose tunnel leads where, and whether that works. The answers
 * come from the kernels' tables, not from what the daemons believe.
 */
#include <stdlib.h>
#include <string.h>

#include "../../wesher/meta.h"
#include "host_int.h"

static struct host *
host_of(struct cluster *c, unsigned i)
{
	struct host *h = cluster_node(c, i)->host;

	sim_assert(h != NULL);
	return h;
}

void
host_forget(struct cluster *c, unsigned i)
{
	struct host *h = host_of(c, i);

	free(h->text);
	h->text = NULL;
}

static char *
copy_of(const char *text, size_t len)
{
	char *copy = NULL;

	if (text != NULL) {
		copy = malloc(len + 1);
		sim_assert(copy != NULL);
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return copy;
}

void
host_snapshot(struct cluster *c, unsigned i)
{
	struct host *h = host_of(c, i);

	free(h->aside);
	h->aside = copy_of(h->text, h->textlen);
	h->asidelen = h->textlen;
}

void
host_restore(struct cluster *c, unsigned i)
{
	struct host *h = host_of(c, i);

	free(h->text);
	h->text = copy_of(h->aside, h->asidelen);
	h->textlen = h->asidelen;
}

void
host_reboot(struct cluster *c, unsigned i)
{
	sim_assert(host_of(c, i)->mesh == NULL);
	kernel_wipe(host_of(c, i)->k);
}

void
host_rekey(struct cluster *c, unsigned i)
{
	struct host *h = host_of(c, i);

	sim_assert(h->mesh == NULL);
	host_key(c, i, ++h->keys, h->pubkey);
}

void
host_move(struct cluster *c, unsigned i)
{
	struct node *n = cluster_node(c, i);

	/* cluster_at() knows these by their first byte. */
	n->addr.ip.b[0]++;
	sim_assert(n->addr.ip.b[0] < SIM_NET_END);
	if (n->host->mesh != NULL)
		kernel_net(n);
}

void
host_clock(struct cluster *c, unsigned i, int64_t off)
{
	host_of(c, i)->clock = off;
}

struct ipaddr
host_overlay(struct cluster *c, unsigned i)
{
	struct node *n = cluster_node(c, i);

	if (n->original)
		return host_original_overlay(n);
	return kernel_self(n->host->k);
}

const char *
host_state(struct cluster *c, unsigned i)
{
	return host_of(c, i)->text;
}

unsigned
host_lines(struct cluster *c, unsigned i, enum log_level level)
{
	return host_of(c, i)->lines[level];
}

unsigned
host_changes(struct cluster *c, unsigned i)
{
	return host_of(c, i)->changes;
}

/* A member of the original has a peer for each member that is alive to it. */
static bool
original_has(struct node *a, struct node *b)
{
	struct ipaddr self = host_overlay(a->c, b->i);
	const struct member *m;
	struct meta meta;

	m = a->s == NULL
		? NULL
		: member_find(swim_members(a->s), b->name, strlen(b->name));
	return m != NULL && m->state <= MEMBER_SUSPECT && m->metalen > 0 &&
	       meta_decode(member_meta(m), m->metalen, &meta) == 0 &&
	       meta.has_pubkey && ipaddr_eq(&meta.overlay, &self) &&
	       memcmp(meta.pubkey, b->host->pubkey, WG_KEY_LEN) == 0;
}

/* Has a's kernel b's key with b's address; and where does that lead? */
static bool
has(struct node *a, struct node *b, bool *straight)
{
	struct ipaddr addr, self = host_overlay(a->c, b->i);
	struct ipport end;

	*straight = true;
	if (a->original)
		return original_has(a, b);
	if (!kernel_peer(a->host->k, b->host->pubkey, &addr, &end))
		return false;
	*straight = ipaddr_eq(&end.ip, &b->addr.ip);
	return ipaddr_eq(&addr, &self);
}

bool
host_has(struct cluster *c, unsigned i, unsigned j)
{
	bool straight;

	return has(cluster_node(c, i), cluster_node(c, j), &straight);
}

bool
host_reaches(struct cluster *c, unsigned i, unsigned j)
{
	struct node *a = cluster_node(c, i), *b = cluster_node(c, j);
	bool ab, ba;

	return !net_is_cut(c, a, b) && !net_is_cut(c, b, a) && has(a, b, &ab) &&
	       has(b, a, &ba) && (ab || ba);
}

int
host_route(struct cluster *c, unsigned i, const struct ipaddr *a)
{
	uint8_t key[WG_KEY_LEN];

	if (!kernel_route(host_of(c, i)->k, a, key))
		return -1;
	return host_of_key(c, key);
}

unsigned
hosts_collisions(struct cluster *c)
{
	struct ipaddr a, b;
	unsigned i, j, n = 0;

	for (i = 0; i < c->n; i++) {
		if (c->node[i].original || c->node[i].host->mesh == NULL)
			continue;
		a = host_overlay(c, i);
		for (j = 0; j < c->n && a.len != 0; j++) {
			/* Of two daemons the pair is seen once. */
			if (j == i || c->node[j].s == NULL ||
			    (!c->node[j].original && j < i))
				continue;
			b = host_overlay(c, j);
			n += ipaddr_eq(&a, &b);
		}
	}
	return n;
}

uint64_t
hosts_dark(struct cluster *c)
{
	uint64_t n = 0;
	unsigned i, j;

	for (i = 0; i < c->n; i++)
		for (j = i + 1; j < c->n; j++) {
			struct node *a = &c->node[i], *b = &c->node[j];

			if (a->s != NULL && b->s != NULL &&
			    !(a->original && b->original))
				n += !host_reaches(c, i, j);
		}
	return n;
}

/* The first daemon without some tunnel, or c->n. */
static unsigned
first_dark(struct cluster *c)
{
	unsigned i, j, k;

	for (k = 0; k < c->n; k++) {
		i = (c->dark_hint + k) % c->n;
		if (c->node[i].original || c->node[i].host->mesh == NULL)
			continue;
		if (c->node[i].s == NULL)
			break;
		for (j = 0; j < c->n; j++)
			if (j != i && c->node[j].s != NULL &&
			    !host_reaches(c, i, j))
				break;
		if (j < c->n)
			break;
	}
	c->dark_hint = k < c->n ? (c->dark_hint + k) % c->n : 0;
	return k;
}

bool
hosts_whole(struct cluster *c)
{
	return is_fullmesh(c) && first_dark(c) == c->n &&
	       hosts_collisions(c) == 0;
}

static bool
whole(struct cluster *c, void *arg)
{
	(void)arg;
	return hosts_whole(c);
}

int64_t
wait_whole(struct cluster *c, int64_t max)
{
	return run_until(c, SIM_STEP, max, whole, NULL);
}

/* At the address that it has. */
static bool
holds_alive(struct node *a, struct node *b)
{
	const struct member *m;
	struct ipport at;

	m = member_find(swim_members(a->s), b->name, strlen(b->name));
	if (m == NULL || m->state != MEMBER_ALIVE)
		return false;
	member_ipport(m, &at);
	return ipport_cmp(&at, &b->addr) == 0;
}

static const char *
explain_peer(struct node *a, struct node *b, char *buf, size_t size)
{
	struct peer_view v;
	struct ipport at;
	struct mesh_view mv;
	const struct member *m;

	m = member_find(swim_members(a->s), b->name, strlen(b->name));
	if (m == NULL)
		return "unknown";
	if (a->original) {
		snprintf(buf, size, "%s", member_state_name(m->state));
		return buf;
	}
	mesh_view(a->host->mesh, &mv);
	peers_view(mv.peers, m, &v);
	member_ipport(m, &at);
	if (ipport_cmp(&at, &b->addr) != 0) {
		snprintf(
		    buf, size, "%s, elsewhere", member_state_name(m->state));
		return buf;
	}
	snprintf(buf, size, "%s, %s%s", member_state_name(m->state),
	    v.why == PEER_OK ? "tunnel" : v.detail,
	    host_has(a->c, a->i, b->i) ? "" : ", not in the kernel");
	return buf;
}

void
hosts_explain(struct cluster *c, FILE *to, unsigned max)
{
	char ab[256], ba[256], addr[IPADDR_STRLEN], addr2[IPADDR_STRLEN];
	struct ipaddr x, y;
	unsigned i, j;

	for (i = 0; i < c->n; i++)
		if (c->node[i].s == NULL && max > 0 && max--)
			fprintf(to, "# %s does not run\n", c->node[i].name);
	for (i = 0; i < c->n; i++)
		for (j = i + 1; j < c->n; j++) {
			struct node *a = &c->node[i], *b = &c->node[j];

			if (a->s == NULL || b->s == NULL ||
			    (holds_alive(a, b) && holds_alive(b, a) &&
				((a->original && b->original) ||
				    host_reaches(c, i, j))))
				continue;
			if (max == 0)
				return;
			max--;
			x = host_overlay(c, i);
			y = host_overlay(c, j);
			fprintf(to, "# %s%s (%s) and %s%s (%s): %s; %s\n",
			    a->name, a->original ? ", original" : "",
			    ipaddr_str(&x, addr), b->name,
			    b->original ? ", original" : "",
			    ipaddr_str(&y, addr2),
			    explain_peer(a, b, ab, sizeof(ab)),
			    explain_peer(b, a, ba, sizeof(ba)));
		}
}
