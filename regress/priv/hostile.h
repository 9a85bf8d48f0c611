#ifndef REGRESS_HOSTILE_H
#define REGRESS_HOSTILE_H

/*
 * What a gossip process under foreign control may say, and what must be true
 * afterwards whatever it said: shared by the stub kernel's test and by the
 * program that takes its place behind the real wesher-priv. The oracle has its
 * own idea of names and of addresses; only the function that derives one from
 * the other is the product's.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "../../common/overlay.h"
#include "../../common/privmsg.h"

#define HOSTILE_KEYS	40
#define HOSTILE_KNOWN	8
#define HOSTILE_WILD	16
#define HOSTILE_DERIVED ((64 + HOSTILE_WILD) * 256)

struct hostile {
	uint64_t seed;
	struct ipnet overlay;
	char self[256]; /* the host's name */
	struct ipaddr self_addr;
	uint8_t ours[WG_KEY_LEN];
	uint8_t keys[HOSTILE_KEYS][WG_KEY_LEN]; /* usable ones */
	uint8_t known[HOSTILE_KNOWN][WG_KEY_LEN]; /* adopted peers' */
	unsigned nknown;
	struct { /* names of any bytes */
		uint8_t len;
		char name[255];
	} wild[HOSTILE_WILD];
	struct ipaddr derived[HOSTILE_DERIVED]; /* of all names, sorted */
	size_t nderived;
};

/* Names to ask for; "" stands for our own. Most are no hosts lines. */
static const char *const hostile_names[] = {"n0", "n1", "n2", "n3", "n4", "n5",
    "n6", "n7", "n8", "n9", "N1", "N2", "under_score", "host2", "HOST3",
    "host3", "", "localhost", "LocalHost", "localhost.localdomain",
    "x.localhost", "wpad", "WPAD.example.org", "isatap", "ip6-localhost",
    "ip6-loopback", "a.example.org", "b.example.net", "kept", "KEPT", "a b",
    "a\tb", "a\n192.0.2.66\tbank.example", "#", "a#b", "-a", "a-", "a..b", ".",
    "a.", "10.1.2.3", "1", "\303\251", "\377\376", "a\177",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
#define HOSTILE_NAMES (sizeof(hostile_names) / sizeof(hostile_names[0]))

/* Overlay and other addresses: inside, outside, at edges, of the host. */
static const char *const hostile_addrs[] = {"10.1.2.3", "10.1.2.4",
    "10.200.0.1", "10.0.0.0", "10.0.0.1", "10.255.255.255", "10.255.255.254",
    "11.0.0.1", "9.255.255.255", "0.0.0.0", "255.255.255.255", "127.0.0.1",
    "224.0.0.1", "169.254.1.1", "192.0.2.1", "172.30.77.1", "172.30.77.2",
    "172.30.77.254", "10.99.0.1", "10.99.0.2", "10.99.0.254", "10.98.0.53",
    "10.97.0.1", "::", "::1", "fe80::1", "ff02::1", "fd00::1", "2001:db8::1",
    "::ffff:10.1.2.3", "::ffff:127.0.0.1"};
#define HOSTILE_ADDRS (sizeof(hostile_addrs) / sizeof(hostile_addrs[0]))

static inline uint64_t
hostile_random(struct hostile *h)
{
	uint64_t z = h->seed += 0x9e3779b97f4a7c15u; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline unsigned
hostile_below(struct hostile *h, unsigned n)
{
	return (unsigned)(hostile_random(h) % n);
}

static inline int
hostile_cmp(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

/* Every address that one of the names derives. overlay and self are set. */
static inline void
hostile_derive(struct hostile *h)
{
	unsigned i, j;

	h->nderived = 0;
	for (i = 0; i < HOSTILE_NAMES; i++)
		for (j = 0; j < 256; j++)
			overlay_addr(&h->overlay, hostile_names[i],
			    strlen(hostile_names[i]), j,
			    &h->derived[h->nderived++]);
	for (i = 0; i < HOSTILE_WILD; i++)
		for (j = 0; j < 256; j++)
			overlay_addr(&h->overlay, h->wild[i].name,
			    h->wild[i].len, j, &h->derived[h->nderived++]);
	for (j = 0; j < 256; j++)
		overlay_addr(&h->overlay, h->self, strlen(h->self), j,
		    &h->derived[h->nderived++]);
	qsort(h->derived, h->nderived, sizeof(h->derived[0]), hostile_cmp);
}

/* overlay and self are set, ours where it is known. */
static inline void
hostile_init(struct hostile *h, uint64_t seed)
{
	uint8_t secret[WG_KEY_LEN] = {0x77};
	unsigned i, j;

	h->seed = 7; /* the same for asking and for judging */
	for (i = 0; i < HOSTILE_WILD; i++) {
		h->wild[i].len = (uint8_t)(i == 0 ? 255 : 1 + i * i);
		for (j = 0; j < h->wild[i].len; j++)
			h->wild[i].name[j] =
			    (char)(i % 2 ? 128 + hostile_below(h, 128)
					 : 32 + hostile_below(h, 95));
	}
	h->seed = seed;
	for (i = 0; i < HOSTILE_KEYS; i++) {
		secret[1] = (uint8_t)i;
		crypto_scalarmult_base(h->keys[i], secret);
	}
	hostile_derive(h);
}

static inline void
hostile_key(struct hostile *h, uint8_t key[WG_KEY_LEN])
{
	/* A point of order 8. */
	static const uint8_t order8[WG_KEY_LEN] = {0xe0, 0xeb, 0x7a, 0x7c, 0x3b,
	    0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
	    0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05,
	    0x16, 0x5f, 0x49, 0xb8, 0x00};
	unsigned r = hostile_below(h, 60);

	memset(key, 0, WG_KEY_LEN);
	if (r == 0)
		memcpy(key, h->ours, WG_KEY_LEN);
	else if (r == 1)
		memcpy(key, order8, WG_KEY_LEN);
	else if (r == 2)
		memset(key, 0xff, WG_KEY_LEN);
	else if (r == 3)
		key[0] = 1;
	else if (r < 10 && h->nknown > 0)
		memcpy(key, h->known[hostile_below(h, h->nknown)], WG_KEY_LEN);
	else if (r != 4)
		memcpy(
		    key, h->keys[hostile_below(h, HOSTILE_KEYS)], WG_KEY_LEN);
}

static inline void
hostile_ip(struct hostile *h, struct priv_ip *out)
{
	struct ipaddr a = {0};
	unsigned r = hostile_below(h, 8);

	if (r < 5)
		(void)ipaddr_parse(
		    hostile_addrs[hostile_below(h, HOSTILE_ADDRS)], &a);
	else if (r == 5)
		a = h->derived[hostile_below(h, (unsigned)h->nderived)];
	else if (r == 6)
		a = h->self_addr;
	priv_ip_to(out, &a);
}

/* An endpoint that will do, most of the time. */
static inline void
hostile_endpoint(struct hostile *h, struct priv_ep *out)
{
	static const uint16_t ports[] = {0, 1, 9, 51820, 65535};
	struct ipaddr a = {
	    .len = 4, .b = {192, 0, 2, (uint8_t)(1 + hostile_below(h, 200))}};

	memset(out, 0, sizeof(*out));
	priv_ip_to(&out->ip, &a);
	out->port = 51820;
	if (hostile_below(h, 3) == 0) {
		hostile_ip(h, &out->ip);
		out->port = ports[hostile_below(h, 5)];
	}
}

static inline void
hostile_peer_set(struct hostile *h, struct priv_peer_set *s)
{
	const char *name = hostile_names[hostile_below(h, HOSTILE_NAMES)];
	unsigned r;

	if (name[0] == '\0')
		name = h->self;
	s->namelen = (uint8_t)strlen(name);
	memcpy(s->name, name, s->namelen);
	r = hostile_below(h, 50);
	if (r == 0) {
		r = hostile_below(h, HOSTILE_WILD);
		memset(s->name, 0, sizeof(s->name));
		s->namelen = h->wild[r].len;
		memcpy(s->name, h->wild[r].name, s->namelen);
	} else if (r == 1) { /* control characters */
		memset(s->name, 0, sizeof(s->name));
		s->namelen = (uint8_t)hostile_below(h, 256);
		memset(s->name, (int)hostile_below(h, 32), s->namelen);
	}
	s->flags = (uint8_t)hostile_below(h, PRIV_PEER_FLAGS + 1);
	r = hostile_below(h, 4);
	if (!(s->flags & PRIV_PEER_PLAIN))
		s->attempt = (uint8_t)(r == 0 ? hostile_below(h, 256)
					      : (r == 1 ? 255 : r - 2));
	if (hostile_below(h, 3) == 0)
		hostile_ip(h, &s->addr);
	hostile_key(h, s->key);
	r = hostile_below(h, 4);
	if (r == 0)
		memcpy(s->oldkey, s->key, WG_KEY_LEN);
	else if (r == 1)
		hostile_key(h, s->oldkey);
	hostile_endpoint(h, &s->endpoint);
}

/* A request whose form is right, for READY, UP or later; its size. */
static inline size_t
hostile_request(struct hostile *h, union priv_msg *m)
{
	unsigned r = hostile_below(h, 100);

	memset(m, 0, sizeof(*m));
	if (r < 70) {
		m->h.type = PRIV_PEER_SET;
		hostile_peer_set(h, &m->peer_set);
	} else if (r < 88) {
		m->h.type = PRIV_PEER_DEL;
		hostile_key(h, m->peer_del.key);
	} else if (r < 92) {
		m->h.type = PRIV_SELF;
		m->self.attempt = (uint8_t)hostile_below(h, 256);
	} else if (r < 95) {
		m->h.type = PRIV_STATS;
	} else {
		m->h.type = PRIV_ALIVE;
		m->alive.members = (uint32_t)hostile_random(h);
		m->alive.alive = (uint32_t)hostile_random(h);
		m->alive.failed = (uint32_t)hostile_random(h);
	}
	m->h.seq = (uint32_t)hostile_random(h);
	return priv_type_size(m->h.type);
}

/* One form too many of the same address. */
static inline void
hostile_mapped(struct priv_ip *out)
{
	out->len = 16;
	memmove(out->b + 12, out->b, 4);
	memset(out->b, 0, 10);
	memset(out->b + 10, 0xff, 2);
}

/* Some bytes: a request with a few of them changed, or none that is one. */
static inline size_t
hostile_garbage(struct hostile *h, union priv_msg *m)
{
	uint8_t *b = (uint8_t *)m;
	size_t n = hostile_request(h, m), i;
	unsigned r = hostile_below(h, 4);
	union priv_msg was = *m;

	if (m->h.type == PRIV_PEER_SET && hostile_below(h, 4) == 0) {
		hostile_mapped(
		    r == 0 ? &m->peer_set.addr : &m->peer_set.endpoint.ip);
	} else if (r == 0) {
		n = hostile_below(h, sizeof(*m) + 1);
		for (i = 0; i < n; i++)
			b[i] = (uint8_t)hostile_random(h);
		if (hostile_below(h, 2) == 0)
			m->h.type = (uint16_t)hostile_below(h, 80);
	} else if (r == 1) {
		n = hostile_below(h, sizeof(*m) + 1);
	} else {
		for (i = 0; i < r; i++)
			b[hostile_below(h, (unsigned)n)] =
			    (uint8_t)hostile_random(h);
	}
	/* No name that the oracle does not know of. */
	if (m->h.type == PRIV_PEER_SET &&
	    memcmp(m->peer_set.name, was.peer_set.name, 256) != 0)
		m->h.pad = 1;
	return n;
}

/* ---- what must hold ---- */

static inline bool
hostile_listed(const char *const *list, const char *s)
{
	for (; *list != NULL; list++)
		if (strcasecmp(*list, s) == 0)
			return true;
	return false;
}

/* May this name be in our lines? By a list of letters, and of words. */
static inline const char *
hostile_bad_name(const struct hostile *h, const char *s, bool taken)
{
	static const char *const never[] = {"localhost", "wpad", "isatap",
	    "ip6-localhost", "ip6-loopback", NULL};
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				      "-_";

	if (s[0] == '\0' || strlen(s) > 63 || s[strspn(s, letters)] != '\0')
		return "no legal name without a dot";
	if (s[0] == '-' || s[strlen(s) - 1] == '-')
		return "a hyphen at its end";
	if (s[strspn(s, "0123456789")] == '\0')
		return "a number";
	if (hostile_listed(never, s))
		return "a word that is never a name";
	if (strcasecmp(s, h->self) == 0)
		return "our own name";
	if (taken && strcasecmp(s, "kept") == 0)
		return "a name of the administrator's";
	return NULL;
}

/* What the host has: see hostile_addrs and regress/e2e/hostile. */
static inline bool
hostile_of_host(const struct ipaddr *a)
{
	static const char *const nets[] = {
	    "10.99.0.0/24", "10.98.0.53/32", "172.30.77.0/24"};
	struct ipnet n;
	size_t i;

	for (i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		if (ipnet_parse(nets[i], &n) == 0 && ipnet_contains(&n, a))
			return true;
	return false;
}

/* May a peer have this address? */
static inline const char *
hostile_bad_addr(
    const struct hostile *h, const struct ipaddr *a, bool any, bool adopted)
{
	static const char *const edges[] = {"10.0.0.0", "10.255.255.255"};
	struct ipaddr e;
	size_t i;

	if (!ipnet_contains(&h->overlay, a))
		return "outside of the overlay network";
	for (i = 0; i < 2; i++)
		if (ipaddr_parse(edges[i], &e) == 0 && ipaddr_eq(&e, a))
			return "no host's address";
	if (ipaddr_eq(a, &h->self_addr))
		return "our own overlay address";
	if (hostile_of_host(a))
		return "the host's own network";
	if (!any && !adopted &&
	    bsearch(a, h->derived, h->nderived, sizeof(*a), hostile_cmp) ==
		NULL)
		return "derived from no name";
	return NULL;
}

static inline const char *
hostile_bad_endpoint(const struct ipport *e)
{
	const uint8_t *b = e->ip.b;

	if (e->ip.len == 0)
		return NULL; /* none */
	if (e->port == 0)
		return "no port";
	if (e->ip.len == 4 &&
	    (b[0] == 0 || b[0] == 127 || (b[0] & 0xf0) == 224 ||
		(b[0] == 169 && b[1] == 254) ||
		(b[0] & b[1] & b[2] & b[3]) == 255))
		return "no unicast address";
	if (e->ip.len == 16 &&
	    (b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) ||
		(sodium_is_zero(b, 15) && b[15] <= 1)))
		return "no unicast address";
	if (e->ip.len == 16 && sodium_is_zero(b, 10) && b[10] == 0xff &&
	    b[11] == 0xff)
		return "an IPv4 address in IPv6 form";
	return NULL;
}

#endif
