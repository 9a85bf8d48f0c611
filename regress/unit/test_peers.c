/*
 * Members to tunnels in virtual time: what is asked of wesher-priv, who holds
 * an address or key, what a member gone bad gets, and who primes when.
 */
#include "peers_rig.h"

#define HOLD_LEFT (5 * US_PER_S) /* hold.c, after a leave */

/* What came behind the mark is not waited for. */
static void
test_reached_up_to_the_mark(void **state)
{
	struct member *a = member("a", 2, true), *b = member("b", 3, true);
	struct member *c = member("c", 4, true);

	(void)state;
	assert_true(peers_reached(w.peers));
	update(a, PEERS_JOINING);
	update(b, PEERS_JOINING);
	peers_mark(w.peers);
	assert_false(peers_reached(w.peers));
	update(c, PEERS_GOSSIP);
	answer_one(0);
	assert_false(peers_reached(w.peers));
	answer_one(0);
	assert_true(peers_reached(w.peers));
	assert_false(peers_settled(w.peers));
	answer_one(0);
	assert_true(peers_settled(w.peers));
	drop(a);
	drop(b);
	drop(c);
}

static void
test_one_member_one_request(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	assert_int_equal(w.nasked, 1);
	assert_int_equal(w.asked[0].what, SET);
	assert_int_equal(w.asked[0].set.namelen, 5);
	assert_string_equal(w.asked[0].set.name, "node2");
	assert_int_equal(w.asked[0].set.flags, PRIV_PEER_HOSTS);
	assert_int_equal(w.asked[0].set.endpoint.port, 51820);
	assert_int_equal(why(m), PEER_PENDING);
	assert_false(peers_settled(w.peers));
	answer(0);
	assert_int_equal(why(m), PEER_OK);
	assert_true(peers_settled(w.peers));
	/* The same news again costs nothing. */
	update(m, PEERS_GOSSIP);
	assert_int_equal(w.nasked, 1);
	drop(m);
}

static void
test_plain_member(void **state)
{
	struct member *m = member("node2", 2, false);

	(void)state;
	update(m, PEERS_DIRECT);
	assert_int_equal(
	    w.asked[0].set.flags, PRIV_PEER_HOSTS | PRIV_PEER_PLAIN);
	drop(m);
}

static void
test_no_hosts_line_for_odd_names(void **state)
{
	struct member *m = member("not a host name", 2, true);
	struct peer_view v;

	(void)state;
	update(m, PEERS_DIRECT);
	assert_int_equal(w.asked[0].set.flags, 0);
	assert_int_equal(w.lines, 0);
	answer(0);
	/* Told once, and in the status as long as the tunnel stands. */
	assert_int_equal(w.lines, 1);
	peers_view(w.peers, m, &v);
	assert_int_equal(v.why, PEER_OK);
	assert_string_equal(
	    v.no_line, "its name is no legal host name (RFC 1123)");
	bury(m);
	answer(0);
	peers_view(w.peers, m, &v);
	assert_null(v.no_line);
	m->state = MEMBER_ALIVE;
	update(m, PEERS_DIRECT);
	answer(0);
	assert_int_equal(w.lines, 1);
	drop(m);
}

/* Whatever wesher-priv would refuse is not even asked for. */
static void
test_hosts_lines_by_name(void **state)
{
	static const struct {
		const char *name, *why; /* why: how it begins */
	} t[] = {{"a.example.org", NULL}, {"b.LAN", NULL}, {"c_d", NULL},
	    {"e.example.net", "its domain"}, {"me", "its name is our own"},
	    {"ME.example.org", "its name is our own"},
	    {"wpad", "its name is a reserved one"}};
	struct member *m;
	struct peer_view v;
	size_t i, lines = 0;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		m = member(t[i].name, (uint8_t)(i + 2), true);
		update(m, PEERS_DIRECT);
		assert_int_equal(w.asked[w.nasked - 1].set.flags,
		    t[i].why == NULL ? PRIV_PEER_HOSTS : 0);
		answer(0);
		lines += t[i].why != NULL;
		assert_int_equal(w.lines, lines);
		peers_view(w.peers, m, &v);
		if (t[i].why == NULL)
			assert_null(v.no_line);
		else
			assert_memory_equal(
			    v.no_line, t[i].why, strlen(t[i].why));
		drop(m);
	}
}

/* An address of its choice: where the operator lets them, and as such. */
static void
test_static(void **state)
{
	struct member *m = member("a", 2, true);
	struct meta meta = {
	    .has_pubkey = true, .has_x = true, .is_static = true};
	const struct priv_peer_set *s = &w.asked[0].set;
	struct ipaddr at;
	struct peer_view v;

	(void)state;
	memset(meta.pubkey, 2, WG_KEY_LEN);
	ipaddr_parse("10.1.2.3", &meta.overlay);
	announce(m, &meta);
	update(m, PEERS_DIRECT);
	assert_int_equal(w.nasked, 0);
	peers_view(w.peers, m, &v);
	assert_int_equal(v.why, PEER_STATIC);
	peers_free(w.peers);
	m->udata = NULL;
	w.cfg.allow_static = true;
	w.peers = peers_new(&w.cfg);
	update(m, PEERS_DIRECT);
	assert_int_equal(w.nasked, 1);
	assert_true(priv_ip_from(&at, &s->addr));
	assert_true(ipaddr_eq(&at, &meta.overlay));
	answer(0);
	peers_view(w.peers, m, &v);
	assert_int_equal(v.why, PEER_OK);
	/* Neither outside of the network nor its broadcast address. */
	ipaddr_parse("10.255.255.255", &meta.overlay);
	announce(m, &meta);
	update(m, PEERS_DIRECT);
	peers_view(w.peers, m, &v);
	assert_int_equal(v.why, PEER_OUTSIDE);
	answer(0);
	drop(m);
	/* Who has a derived one is asked for by name alone. */
	m = member("b", 3, true);
	update(m, PEERS_DIRECT);
	s = &w.asked[w.nasked - 1].set;
	assert_true(priv_ip_from(&at, &s->addr));
	assert_int_equal(at.len, 0);
	answer(0);
	drop(m);
}

static void
test_no_hosts_lines_wanted(void **state)
{
	struct member *m;
	struct peer_view v;

	(void)state;
	peers_free(w.peers);
	w.cfg.hosts = false;
	w.peers = peers_new(&w.cfg);
	m = member("not a host name", 2, true);
	update(m, PEERS_DIRECT);
	assert_int_equal(w.asked[0].set.flags, 0);
	answer(0);
	assert_int_equal(w.lines, 0);
	peers_view(w.peers, m, &v);
	assert_null(v.no_line);
	drop(m);
}

static void
test_gone_member_is_deleted(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	m->state = MEMBER_DEAD;
	update(m, PEERS_GOSSIP);
	assert_int_equal(w.nasked, 1);
	run_for(US_PER_S, m, 0, 0);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].what, DEL);
	assert_int_equal(w.asked[1].key[0], 2);
	assert_int_equal(why(m), PEER_GONE);
	m->state = MEMBER_ALIVE;
	update(m, PEERS_DIRECT);
	assert_int_equal(w.asked[2].what, SET);
	drop(m);
}

static void
test_forgotten_while_under_way(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	drop(m);
	answer(0); /* the SET, then the DEL it brings about */
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].what, DEL);
	assert_true(peers_settled(w.peers));
}

static void
test_new_key_names_the_old_one(void **state)
{
	struct member *m = member("node2", 2, true);
	struct meta meta;

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	decode(m, &meta);
	memset(meta.pubkey, 9, WG_KEY_LEN);
	announce(m, &meta);
	update(m, PEERS_DIRECT);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].set.key[0], 9);
	assert_int_equal(w.asked[1].set.oldkey[0], 2);
	drop(m);
}

/* The original makes a new key at every start. */
static void
test_new_key_after_a_leave_names_the_old_one(void **state)
{
	struct member *m = member("node2", 2, false);
	struct meta meta;

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	decode(m, &meta);
	m->state = MEMBER_LEFT;
	update(m, PEERS_GOSSIP);
	run_for(HOLD_LEFT + US_PER_S, m, 0, 0);
	assert_int_equal(w.asked[1].what, DEL);
	memset(meta.pubkey, 9, WG_KEY_LEN);
	announce(m, &meta);
	m->state = MEMBER_ALIVE;
	update(m, PEERS_DIRECT);
	assert_int_equal(w.asked[2].what, SET);
	assert_int_equal(w.asked[2].set.oldkey[0], 2);
	answer(0);
	/* Before it is gone as well. */
	m->state = MEMBER_LEFT;
	update(m, PEERS_DIRECT);
	memset(meta.pubkey, 10, WG_KEY_LEN);
	announce(m, &meta);
	m->state = MEMBER_ALIVE;
	update(m, PEERS_GOSSIP);
	assert_int_equal(w.nasked, 4);
	assert_int_equal(w.asked[3].set.oldkey[0], 9);
	drop(m);
}

/* ... also when the core has forgotten the member meanwhile. */
static void
test_new_key_after_a_crash_names_the_old_one(void **state)
{
	struct member *m = member("node2", 2, false);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	m->state = MEMBER_DEAD;
	update(m, PEERS_GOSSIP);
	run_for(US_PER_S, m, 0, 0);
	assert_int_equal(w.nasked, 2);
	drop(m);
	w.now += 100 * US_PER_S;
	peers_tick(w.peers, w.now);
	m = member("node2", 9, false);
	update(m, PEERS_DIRECT);
	assert_int_equal(w.asked[2].set.oldkey[0], 2);
	answer(0);
	m->state = MEMBER_DEAD;
	update(m, PEERS_GOSSIP);
	run_for(US_PER_S, m, 0, 0);
	drop(m);
	/* Nothing is kept for ever. */
	w.now += 200 * US_PER_S;
	peers_tick(w.peers, w.now);
	m = member("node2", 7, false);
	update(m, PEERS_DIRECT);
	assert_int_equal(w.asked[4].set.oldkey[0], 0);
	drop(m);
}

static void
test_change_while_under_way(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	addr(m)[3] = 77;
	update(m, PEERS_GOSSIP);
	assert_int_equal(w.nasked, 1);
	answer(0);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].set.endpoint.ip.b[3], 77);
	drop(m);
}

static void
test_unusable_members(void **state)
{
	struct member *m = member("node2", 2, true);
	struct meta good, bad;

	(void)state;
	decode(m, &good);

	m->metalen = 0;
	update(m, PEERS_DIRECT);
	assert_int_equal(why(m), PEER_NO_META);
	announce_bytes(m, "\x03\xff\x81", 3);
	update(m, PEERS_DIRECT);
	assert_int_equal(why(m), PEER_BAD_META);

	bad = good;
	memset(bad.pubkey, 0, WG_KEY_LEN);
	announce(m, &bad);
	update(m, PEERS_DIRECT);
	assert_int_equal(why(m), PEER_BAD_KEY);

	memcpy(bad.pubkey, w.cfg.self_key, WG_KEY_LEN);
	announce(m, &bad);
	update(m, PEERS_DIRECT);
	assert_int_equal(why(m), PEER_OUR_KEY);

	bad = good;
	ipaddr_parse("11.1.2.3", &bad.overlay);
	announce(m, &bad);
	update(m, PEERS_DIRECT);
	assert_int_equal(why(m), PEER_OUTSIDE);
	ipaddr_parse("fd00::1", &bad.overlay);
	announce(m, &bad);
	update(m, PEERS_DIRECT);
	assert_int_equal(why(m), PEER_OUTSIDE);
	ipaddr_parse("10.9.9.9", &bad.overlay);
	announce(m, &bad);
	update(m, PEERS_DIRECT);
	assert_int_equal(why(m), PEER_NOT_DERIVED);
	bad.is_static = true;
	announce(m, &bad);
	update(m, PEERS_DIRECT);
	assert_int_equal(why(m), PEER_STATIC);
	bad.overlay = w.cfg.self_addr;
	announce(m, &bad);
	update(m, PEERS_DIRECT);
	assert_int_equal(why(m), PEER_OUR_ADDR);

	bad = good;
	bad.attempt = 3; /* another attempt, the address of attempt 0 */
	announce(m, &bad);
	update(m, PEERS_DIRECT);
	assert_int_equal(why(m), PEER_NOT_DERIVED);

	announce(m, &good);
	memcpy(addr(m), (uint8_t[]){127, 0, 0, 1}, 4);
	update(m, PEERS_DIRECT);
	assert_int_equal(why(m), PEER_BAD_ENDPOINT);

	assert_int_equal(w.nasked, 0);
	memcpy(addr(m), (uint8_t[]){192, 0, 2, 2}, 4);
	update(m, PEERS_DIRECT);
	assert_int_equal(w.nasked, 1);
	drop(m);
}

static void
test_becoming_bad_costs_the_tunnel(void **state)
{
	struct member *m = member("node2", 2, true);
	struct meta meta;

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	decode(m, &meta);
	memset(meta.pubkey, 0, WG_KEY_LEN);
	announce(m, &meta);
	update(m, PEERS_DIRECT);
	assert_int_equal(w.asked[1].what, DEL);
	answer(0);
	assert_int_equal(why(m), PEER_BAD_KEY);
	drop(m);
}

static void
test_first_holder_keeps_its_key(void **state)
{
	struct member *a = member("node2", 2, true);
	struct member *b = member("node3", 2, true);

	(void)state;
	update(a, PEERS_DIRECT);
	answer(0);
	update(b, PEERS_DIRECT);
	assert_int_equal(why(b), PEER_KEY_TAKEN);
	assert_int_equal(why(a), PEER_OK);
	assert_int_equal(w.nasked, 1);
	/* When it is gone the other one may have it. */
	bury(a);
	assert_int_equal(w.nasked, 3);
	assert_int_equal(w.asked[1].what, DEL);
	assert_int_equal(w.asked[2].what, SET);
	answer(0);
	assert_int_equal(why(b), PEER_OK);
	drop(a);
	drop(b);
}

static void
test_first_holder_keeps_its_address(void **state)
{
	/* A small network, so that two names collide. */
	struct member *a, *b = NULL;
	struct ipaddr x, y;
	char names[300][8];
	int i;

	(void)state;
	peers_free(w.peers);
	ipnet_parse("10.1.1.0/28", &w.cfg.overlay);
	w.peers = peers_new(&w.cfg);
	a = member("first", 2, true);
	overlay_addr(&w.cfg.overlay, "first", 5, 0, &x);
	for (i = 0; i < 300 && b == NULL; i++) {
		snprintf(names[i], sizeof(names[i]), "n%d", i % 1000);
		overlay_addr(&w.cfg.overlay, names[i], strlen(names[i]), 0, &y);
		if (ipaddr_eq(&x, &y))
			b = member(names[i], 3, true);
	}
	assert_non_null(b);
	update(a, PEERS_DIRECT);
	answer(0);
	update(b, PEERS_DIRECT);
	assert_int_equal(why(b), PEER_ADDR_TAKEN);
	bury(a);
	drop(a);
	answer(0);
	assert_int_equal(why(b), PEER_OK);
	drop(b);
}

static void
test_refused_is_tried_again(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(EADDRNOTAVAIL);
	assert_int_equal(why(m), PEER_REFUSED);
	assert_true(peers_settled(w.peers));
	run_for(6 * US_PER_S, m, 0, 0);
	assert_true(w.nasked >= 2);
	assert_int_equal(why(m), PEER_OK);
	drop(m);
}

/* What was in its way is gone: it does not wait for its turn. */
static void
test_refused_is_tried_at_once(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(EADDRINUSE);
	assert_int_equal(w.nasked, 1);
	peers_retry(w.peers, w.now);
	assert_int_equal(w.nasked, 2);
	answer(0);
	assert_int_equal(why(m), PEER_OK);
	peers_retry(w.peers, w.now);
	assert_int_equal(w.nasked, 2);
	drop(m);
}

static void
test_bounded_in_flight(void **state)
{
	struct member *m[600];
	char names[600][8];
	unsigned i;

	(void)state;
	for (i = 0; i < 600; i++) {
		struct meta meta;

		snprintf(names[i], sizeof(names[i]), "m%u", i);
		m[i] = member(names[i], 1, true);
		decode(m[i], &meta);
		meta.pubkey[0] = (uint8_t)i;
		meta.pubkey[1] = (uint8_t)(i >> 8);
		announce(m[i], &meta);
		update(m[i], PEERS_JOINING);
	}
	assert_true(w.nasked <= 256);
	answer(0);
	assert_int_equal(w.nasked, 600);
	assert_true(peers_settled(w.peers));
	for (i = 0; i < 600; i++)
		drop(m[i]);
}

static void
test_direct_alive_primes_at_once(void **state)
{
	struct member *m = member("node2", 0xf0, true);

	(void)state;
	update(m, PEERS_DIRECT);
	assert_int_equal(w.primes, 0); /* not before it is programmed */
	answer(0);
	run_for(10 * US_PER_MS, m, 0, 0);
	assert_int_equal(w.primes, 1);
	drop(m);
}

/* A packet of the other end and our prime: two initiations that cross. */
static void
test_crossed_initiations(void **state)
{
	struct member *m = member("node2", 0xf0, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(500 * US_PER_MS, m, 0, 0);
	assert_int_equal(w.nasked, 1);
	run_for(500 * US_PER_MS, m, 0, 0);
	/* Removed and added, and primed at once ... */
	assert_int_equal(w.nasked, 2);
	assert_memory_equal(
	    w.asked[1].set.oldkey, w.asked[1].set.key, WG_KEY_LEN);
	assert_int_equal(w.primes, 2);
	/* ... but once only: it may just be out of reach. */
	run_for(60 * US_PER_S, m, 0, 0);
	assert_int_equal(w.nasked, 2);
	drop(m);
}

/* What has come from the other end was its initiation: no need to wait. */
static void
test_crossed_initiations_that_are_seen(void **state)
{
	struct member *m = member("node2", 0xf0, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(20 * US_PER_MS, m, 0, 148);
	assert_int_equal(w.nasked, 1); /* its response may be on its way */
	run_for(40 * US_PER_MS, m, 0, 148);
	assert_int_equal(w.nasked, 2);
	assert_memory_equal(
	    w.asked[1].set.oldkey, w.asked[1].set.key, WG_KEY_LEN);
	assert_int_equal(w.primes, 2);
	/* That was lost, too: thrice soon, once late, and then it is enough. */
	run_for(400 * US_PER_MS, m, 0, 0);
	assert_int_equal(w.nasked, 4);
	run_for(60 * US_PER_S, m, 0, 0);
	assert_int_equal(w.nasked, 5);
	drop(m);
}

static void
test_handshake_in_time_is_left_alone(void **state)
{
	struct member *m = member("node2", 0xf0, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(60 * US_PER_S, m, 1700000000, 100);
	assert_int_equal(w.nasked, 1);
	assert_int_equal(w.primes, 1);
	assert_true(peers_deadline(w.peers) == NEVER);
	drop(m);
}

/* It says anew who it is: maybe it has lost its end of the session. */
static void
test_a_renewed_member_is_knocked_at(void **state)
{
	struct member *m = member("node2", 0xf0, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(60 * US_PER_S, m, 1700000000, 100);
	assert_int_equal(w.primes, 1);
	update(m, PEERS_DIRECT);
	run_for(60 * US_PER_S, m, 1700000000, 100);
	assert_int_equal(w.primes, 2);
	assert_int_equal(w.nasked, 1); /* its session is not touched */
	assert_true(peers_deadline(w.peers) == NEVER);
	update(m, PEERS_GOSSIP);
	run_for(60 * US_PER_S, m, 1700000000, 100);
	assert_int_equal(w.primes, 2);
	drop(m);
}

static void
test_joiner_does_not_prime_at_once(void **state)
{
	struct member *m = member("node2", 0xf0, true);

	(void)state;
	update(m, PEERS_JOINING);
	answer(0);
	run_for(1900 * US_PER_MS, m, 0, 0);
	assert_int_equal(w.primes, 0);
	/* The other end had its chance. */
	run_for(3 * US_PER_S, m, 0, 0);
	assert_int_equal(w.primes, 1);
	drop(m);
}

static void
test_joiner_never_primes_a_tunnel_that_works(void **state)
{
	struct member *m = member("node2", 0xf0, true);

	(void)state;
	update(m, PEERS_JOINING);
	answer(0);
	run_for(600 * US_PER_S, m, 1700000000, 100);
	assert_int_equal(w.primes, 0);
	assert_true(peers_deadline(w.peers) == NEVER);
	drop(m);
}

static void
test_asked_waits_for_the_alive(void **state)
{
	struct member *m = member("node2", 0xf0, true);

	(void)state;
	update(m, PEERS_ASKED);
	answer(0);
	run_for(100 * US_PER_MS, m, 0, 0);
	assert_int_equal(w.primes, 0);
	update(m, PEERS_DIRECT);
	run_for(10 * US_PER_MS, m, 0, 0);
	assert_int_equal(w.primes, 1);
	drop(m);
}

static void
test_gossip_smaller_key_primes(void **state)
{
	struct member *greater = member("node2", 0xf0, true);
	struct member *smaller = member("node3", 0x10, true);

	(void)state;
	update(smaller, PEERS_GOSSIP);
	answer(0);
	run_for(1 * US_PER_S, smaller, 0, 0);
	assert_int_equal(w.primes, 0);
	update(greater, PEERS_GOSSIP);
	answer(0);
	run_for(1 * US_PER_S, greater, 0, 0);
	assert_int_equal(w.primes, 1);
	drop(greater);
	drop(smaller);
}

static void
test_nothing_is_sent_to_who_never_answered(void **state)
{
	struct member *m = member("victim", 0xf0, true);

	(void)state;
	m->answered = false;
	update(m, PEERS_GOSSIP);
	answer(0);
	run_for(300 * US_PER_S, m, 0, 0);
	assert_int_equal(w.primes, 0);
	m->answered = true;
	run_for(2 * US_PER_S, m, 0, 0);
	assert_int_equal(w.primes, 1);
	drop(m);
}

static void
test_primings_are_few(void **state)
{
	struct member *m = member("node2", 0xf0, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(3600 * US_PER_S, m, 0, 0);
	assert_true(w.primes >= 2 && w.primes <= 5);
	assert_true(peers_deadline(w.peers) == NEVER);
	drop(m);
}

static void
test_original_is_poked_after_an_event(void **state)
{
	struct member *m = member("node2", 0xf0, false);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(10 * US_PER_S, m, 1700000000, 5);
	w.primes = 0;
	/* Somebody joins; its session is wiped, nothing comes back. */
	peers_stir(w.peers, w.now);
	run_for(900 * US_PER_MS, m, 1700000000, 5);
	assert_int_equal(w.primes, 0);
	run_for(5 * US_PER_S, m, 1700000000, 5);
	assert_true(w.primes >= 1);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].what, SET);
	assert_memory_equal(
	    w.asked[1].set.oldkey, w.asked[1].set.key, WG_KEY_LEN);
	drop(m);
}

static void
test_ours_is_not_poked(void **state)
{
	struct member *m = member("node2", 0xf0, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(10 * US_PER_S, m, 1700000000, 5);
	w.primes = 0;
	peers_stir(w.peers, w.now);
	run_for(10 * US_PER_S, m, 1700000000, 5);
	assert_int_equal(w.primes, 0);
	assert_int_equal(w.nasked, 1);
	drop(m);
}

/* Without memory no answer will come: it is not waited for. */
static void
test_no_memory_for_a_request(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	w.poor = true;
	update(m, PEERS_DIRECT);
	assert_int_equal(w.nasked, 0);
	assert_true(peers_settled(w.peers));
	w.poor = false;
	run_for(6 * US_PER_S, m, 1, 1);
	assert_int_equal(w.nasked, 1);
	assert_int_equal(why(m), PEER_OK);
	/* The same for what is to be deleted. */
	w.poor = true;
	m->state = MEMBER_DEAD;
	update(m, PEERS_GOSSIP);
	w.poor = false;
	run_for(6 * US_PER_S, m, 1, 1);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].what, DEL);
	drop(m);
}

static void
test_refused_deletion_is_tried_again(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	bury(m);
	assert_int_equal(w.nasked, 2);
	answer(EBUSY);
	assert_int_equal(w.nasked, 2);
	run_for(6 * US_PER_S, m, 1, 1);
	assert_int_equal(w.nasked, 3);
	assert_int_equal(w.asked[2].what, DEL);
	drop(m);
	/* What is not there is deleted. */
	m = member("node3", 3, true);
	update(m, PEERS_DIRECT);
	answer(0);
	bury(m);
	answer(ENOENT);
	run_for(60 * US_PER_S, m, 1, 1);
	assert_int_equal(w.nasked, 5);
	drop(m);
}

/* The answer is about what was asked, not about what has become of it. */
/* It leaves and returns elsewhere with its key: one request, the endpoint. */
static void
test_a_move_keeps_the_tunnel(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(5 * US_PER_S, m, 1, 1000);
	w.primes = 0;
	m->state = MEMBER_LEFT;
	update(m, PEERS_DIRECT);
	run_for(SWIM_MOVE_MAX, m, 1, 1000);
	assert_int_equal(w.nasked, 1);
	assert_int_equal(why(m), PEER_OK);
	w.primes = 0;
	m->state = MEMBER_ALIVE;
	addr(m)[3] = 77;
	update(m, PEERS_DIRECT);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].what, SET);
	assert_int_equal(w.asked[1].set.endpoint.ip.b[3], 77);
	assert_true(is_zero(w.asked[1].set.oldkey));
	/* It is sent into at once, though it has a session. */
	answer(0);
	run_for(0, m, 1, 1000);
	assert_int_equal(w.primes, 1);
	drop(m);
}

/* The same place: started again, its session is gone. */
static void
test_a_restart_resets_the_tunnel(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(5 * US_PER_S, m, 1, 1000);
	m->state = MEMBER_LEFT;
	update(m, PEERS_DIRECT);
	m->state = MEMBER_ALIVE;
	w.primes = 0;
	update(m, PEERS_DIRECT);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].what, SET);
	assert_int_equal(w.asked[1].set.oldkey[0], 2);
	answer(0);
	run_for(0, m, 0, 0);
	assert_int_equal(w.primes, 1);
	drop(m);
}

static void
test_a_leave_is_followed_in_time(void **state)
{
	struct member *m = member("node2", 2, true);
	struct member *other = member("node3", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	m->state = MEMBER_LEFT;
	update(m, PEERS_GOSSIP);
	/* Nobody else gets what it holds meanwhile. */
	update(other, PEERS_DIRECT);
	assert_int_equal(why(other), PEER_KEY_TAKEN);
	run_for(HOLD_LEFT - 1, m, 1, 1);
	assert_int_equal(w.nasked, 1);
	run_for(2 * US_PER_S, m, 1, 1);
	assert_int_equal(why(m), PEER_GONE);
	assert_int_equal(why(other), PEER_OK);
	assert_true(peers_settled(w.peers));
	drop(other);
	drop(m);
}

/* The same with what runs on: STATS answered by rx that rises by step. */
static void
run_rising(int64_t us, const struct member *m, int64_t age, uint64_t step)
{
	static uint64_t rx = 1000;
	int64_t end = w.now + us;

	while (w.now < end) {
		rx += step;
		run_for(US_PER_S, m, WALL + w.now / US_PER_S - age, rx);
	}
}

/* What it received shows that it lives, whatever the others say. */
static void
test_a_left_peer_is_held_while_it_speaks(void **state)
{
	struct member *m = member("node2", 2, false);
	struct peer_view v;

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	m->state = MEMBER_LEFT;
	update(m, PEERS_GOSSIP);
	run_rising(60 * US_PER_S, m, 500, 1);
	assert_int_equal(w.nasked, 1);
	assert_true(m->connected);
	peers_view(w.peers, m, &v);
	assert_true(v.kept && v.connected);
	assert_int_equal(v.why, PEER_OK);
	run_rising(HOLD_LEFT + 2 * US_PER_S, m, 500, 0);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].what, DEL);
	assert_false(m->connected);
	peers_view(w.peers, m, &v);
	assert_false(v.kept || v.connected);
	drop(m);
}

static void
test_a_dead_peer_is_held_while_it_speaks(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	m->state = MEMBER_DEAD;
	update(m, PEERS_GOSSIP);
	/* A keepalive each 10 s is enough. */
	run_rising(10 * US_PER_S, m, 100, 0);
	run_rising(US_PER_S, m, 100, 32);
	run_rising(10 * US_PER_S, m, 100, 0);
	run_rising(US_PER_S, m, 100, 32);
	assert_int_equal(w.nasked, 1);
	run_rising(17 * US_PER_S, m, 100, 0);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].what, DEL);
	drop(m);
	/* Nothing can come out of a session that is too old. */
	m = member("node3", 3, true);
	update(m, PEERS_DIRECT);
	answer(0);
	m->state = MEMBER_DEAD;
	update(m, PEERS_GOSSIP);
	run_rising(3 * US_PER_S, m, 170, 1);
	assert_int_equal(w.nasked, 3);
	run_rising(3 * US_PER_S, m, 180, 1);
	assert_int_equal(w.nasked, 4);
	drop(m);
}

static void
test_a_hold_ends_with_hold_down(void **state)
{
	struct member *m = member("node2", 2, true);
	unsigned left;

	(void)state;
	for (left = 0; left < 2; left++) {
		unsigned before;

		m->state = MEMBER_ALIVE;
		update(m, PEERS_DIRECT);
		answer(0);
		before = w.nasked;
		m->state = left ? MEMBER_LEFT : MEMBER_DEAD;
		update(m, PEERS_GOSSIP);
		run_rising(598 * US_PER_S, m, 10, 1);
		assert_int_equal(w.nasked, before);
		run_rising(4 * US_PER_S, m, 10, 1);
		assert_int_equal(w.nasked, before + 1);
		assert_int_equal(w.asked[before].what, DEL);
	}
	drop(m);
}

/* Evicted, or reaped: the tunnel outlasts the entry, and is found again. */
static void
test_a_held_peer_outlasts_its_entry(void **state)
{
	struct member *m = member("node2", 2, true), *again;

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	m->state = MEMBER_DEAD;
	update(m, PEERS_GOSSIP);
	run_rising(20 * US_PER_S, m, 10, 1);
	again = member("node2", 2, true);
	drop(m);
	run_rising(20 * US_PER_S, again, 10, 1);
	assert_int_equal(w.nasked, 1);
	update(again, PEERS_GOSSIP);
	run_rising(20 * US_PER_S, again, 10, 0);
	assert_int_equal(w.nasked, 1);
	assert_int_equal(why(again), PEER_OK);
	drop(again);
}

/*
 * A hold that began while its removal was under way, of a member that is
 * forgotten then: it holds address and key for as long as it stands, though
 * wesher-priv refuses to set it up again.
 */
static void
test_a_held_ghost_is_not_freed(void **state)
{
	struct member *m = member("node2", 2, true);
	struct member *other = member("node3", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	bury(m);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].what, DEL);
	m->state = MEMBER_ALIVE;
	update(m, PEERS_DIRECT);
	m->state = MEMBER_DEAD;
	update(m, PEERS_GOSSIP);
	drop(m);
	answer_one(0);
	assert_int_equal(w.nasked, 3);
	answer_one(ESTALE);
	/* Nothing of it is left behind when its time is over. */
	update(other, PEERS_DIRECT);
	run_for(30 * US_PER_S, other, 0, 0);
	assert_int_equal(why(other), PEER_OK);
	drop(other);
}

/* A member that others killed comes back, as others say, with another key. */
static void
test_hearsay_takes_no_held_tunnel(void **state)
{
	struct member *m = member("node2", 2, true);
	struct member *own = member("node2", 2, true); /* for its counters */
	struct meta other;

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	m->state = MEMBER_DEAD;
	update(m, PEERS_GOSSIP);
	decode(m, &other);
	memset(other.pubkey, 9, WG_KEY_LEN);
	announce(m, &other);
	m->state = MEMBER_ALIVE;
	update(m, PEERS_GOSSIP);
	run_rising(30 * US_PER_S, own, 10, 1);
	update(m, PEERS_GOSSIP);
	/* From another address that says nothing either. */
	addr(m)[3] = 99;
	update(m, PEERS_DIRECT);
	assert_int_equal(w.nasked, 1);
	/* Nothing more comes out of the tunnel: so it was true. */
	run_rising(17 * US_PER_S, own, 10, 0);
	assert_true(w.nasked >= 2);
	assert_int_equal(w.asked[1].set.key[0], 9);
	assert_int_equal(w.asked[1].set.oldkey[0], 2);
	drop(own);
	drop(m);
}

/* At its own address it may say so itself. */
static void
test_a_held_peer_speaks_for_itself(void **state)
{
	struct member *m = member("node2", 2, true);
	struct meta other;

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	m->state = MEMBER_DEAD;
	update(m, PEERS_GOSSIP);
	decode(m, &other);
	memset(other.pubkey, 9, WG_KEY_LEN);
	announce(m, &other);
	m->state = MEMBER_ALIVE;
	update(m, PEERS_GOSSIP);
	assert_int_equal(w.nasked, 1);
	update(m, PEERS_DIRECT);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].set.key[0], 9);
	assert_int_equal(w.asked[1].set.oldkey[0], 2);
	drop(m);
}

/* Where the kernel hears its key it is, whoever says so. */
static void
test_a_held_tunnel_follows_its_endpoint(void **state)
{
	struct member *m = member("node2", 2, true);
	struct priv_stat s = {.handshake = WALL, .rx = 7};
	struct ipport at;

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	m->state = MEMBER_LEFT;
	update(m, PEERS_GOSSIP);
	m->state = MEMBER_ALIVE;
	addr(m)[3] = 77;
	update(m, PEERS_GOSSIP);
	assert_int_equal(w.nasked, 1);
	peers_tick(w.peers, w.now);
	member_ipport(m, &at);
	priv_ep_to(&s.endpoint, &at);
	memset(s.key, 2, WG_KEY_LEN);
	s.flags = PRIV_STAT_LAST;
	s.h.seq = w.stats_seq;
	peers_stat(w.peers, w.now, &s);
	w.now += US_PER_S / 2;
	peers_tick(w.peers, w.now);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].set.endpoint.ip.b[3], 77);
	drop(m);
}

/* It lived all the time: its session goes on. */
static void
test_a_refuted_end_leaves_the_session(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	m->state = MEMBER_LEFT;
	update(m, PEERS_GOSSIP);
	run_rising(3 * US_PER_S, m, 10, 1);
	m->state = MEMBER_ALIVE;
	update(m, PEERS_DIRECT);
	run_rising(30 * US_PER_S, m, 10, 0);
	assert_int_equal(w.nasked, 1);
	/* Nothing was heard: asked, and made anew when it does not answer. */
	m->state = MEMBER_LEFT;
	update(m, PEERS_GOSSIP);
	run_rising(3 * US_PER_S, m, 10, 0);
	m->state = MEMBER_ALIVE;
	update(m, PEERS_GOSSIP);
	run_rising(8 * US_PER_S, m, 10, 0);
	assert_int_equal(w.nasked, 1);
	run_rising(20 * US_PER_S, m, 10, 0);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].set.oldkey[0], 2);
	drop(m);
}

/* We moved: into each tunnel at once; one that stays silent is made anew. */
static void
test_our_move_is_shown(void **state)
{
	struct member *m = member("node2", 2, true);
	bool silent;

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(30 * US_PER_S, m, 1, 1000);
	for (silent = false;; silent = true) {
		w.primes = 0;
		peers_moved(w.peers, w.now, true);
		peers_tick(w.peers, w.now);
		assert_int_equal(w.primes, 1);
		run_for(US_PER_S + US_PER_S / 2, m, 1, 1000);
		assert_int_equal(w.primes, 2);
		assert_int_equal(w.nasked, 1);
		run_for(6 * US_PER_S, m, 1, silent ? 1000 : 1092);
		if (silent)
			break;
		assert_int_equal(w.nasked, 1);
		run_for(60 * US_PER_S, m, 1, 1000);
		assert_int_equal(w.primes, 2);
	}
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].set.oldkey[0], 2);
	drop(m);
}

/* A container's bridge went: a firewall's silence is not taken for a loss. */
static void
test_what_may_be_a_move_is_listened_for_longer(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(30 * US_PER_S, m, 1, 1000);
	w.primes = 0;
	peers_moved(w.peers, w.now, false);
	run_for(2 * US_PER_S, m, 1, 1000);
	assert_int_equal(w.primes, 2);
	run_for(9 * US_PER_S, m, 1, 1000);
	assert_int_equal(w.nasked, 1);
	run_for(6 * US_PER_S, m, 1, 1000);
	assert_int_equal(w.nasked, 2);
	drop(m);
}

static void
test_our_move_in_a_large_mesh_is_spread(void **state)
{
	struct member *m[200];
	unsigned i, first;
	char name[16];

	(void)state;
	for (i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		m[i] = member(name, (uint8_t)(i + 1), true);
		update(m[i], PEERS_GOSSIP);
		answer(0);
		m[i]->answered = true;
	}
	w.primes = 0;
	peers_moved(w.peers, w.now, true);
	peers_tick(w.peers, w.now);
	first = w.primes;
	assert_true(first < 200);
	run_for(10 * US_PER_S, m[0], 1, 1);
	assert_true(w.primes >= 200);
	for (i = 0; i < 200; i++)
		drop(m[i]);
}

/* A hundred that never answer are set up, and nothing goes on with them any
 * more; one that does answer is primed, and is at rest when it has been. */
static void
test_peers_come_to_rest(void **state)
{
	struct peer_view was, is;
	struct member *m[100];
	char name[16];
	unsigned i;

	(void)state;
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		m[i] = member(name, (uint8_t)(i + 1), true);
		m[i]->answered = false;
		update(m[i], PEERS_GOSSIP);
	}
	answer(0);
	assert_false(TAILQ_EMPTY(&w.peers->awake));
	run_for(5 * US_PER_S, m[0], 0, 0);
	assert_true(TAILQ_EMPTY(&w.peers->awake));
	assert_int_equal(w.primes, 0);

	m[7]->answered = true;
	run_for(2 * US_PER_S, m[7], 0, 0);
	assert_int_equal(w.primes, 1);
	assert_non_null(((struct peer_slot *)m[7]->udata)->p);
	peers_view(w.peers, m[7], &was);
	run_for(15 * US_PER_S, m[7], 1, 700);
	assert_int_equal(w.primes, 1);
	assert_true(TAILQ_EMPTY(&w.peers->awake));
	peers_view(w.peers, m[7], &is);
	assert_int_equal(is.why, PEER_OK);
	assert_true(is.decoded && is.has_stat && is.meta.has_x);
	assert_int_equal(is.handshake, 1);
	assert_int_equal(is.rx, 700);
	assert_int_equal(ipport_cmp(&was.endpoint, &is.endpoint), 0);
	/* Counters reach those at rest; who is gone is deleted. */
	stat_of(m[7], 1, 900);
	peers_view(w.peers, m[7], &is);
	assert_int_equal(is.rx, 900);
	for (i = 0; i < 100; i++)
		drop(m[i]);
	answer(0);
	assert_true(peers_settled(w.peers));
}

/* Who waits for another's address has it when that one is gone. */
static void
test_who_waits_rests(void **state)
{
	struct member *a = member("a", 2, true), *b = member("b", 3, true);
	struct peer_view v;
	struct meta meta;

	(void)state;
	update(a, PEERS_DIRECT);
	decode(b, &meta);
	memset(meta.pubkey, 2, WG_KEY_LEN);
	announce(b, &meta);
	update(b, PEERS_DIRECT);
	answer(0);
	stat_of(a, 1, 1);
	run_for(20 * US_PER_S, a, 1, 1);
	assert_true(TAILQ_EMPTY(&w.peers->awake));
	peers_view(w.peers, b, &v);
	assert_string_equal(v.detail, "its WireGuard key is that of a");
	bury(a);
	run_for(200 * US_PER_S, a, 0, 1);
	answer(0);
	assert_int_equal(why(a), PEER_GONE);
	assert_int_equal(why(b), PEER_OK);
	drop(a);
	drop(b);
}

/* Those that are looked at and stay as they are, are at rest again. */
static void
test_a_look_at_all_leaves_them_at_rest(void **state)
{
	struct member *a = member("a", 2, true), *b = member("b", 3, false);

	(void)state;
	update(a, PEERS_DIRECT);
	update(b, PEERS_DIRECT);
	answer(0);
	stat_of(a, 1, 1);
	stat_of(b, 1, 1);
	run_for(20 * US_PER_S, a, 1, 1);
	assert_true(TAILQ_EMPTY(&w.peers->awake));
	peers_rejudge(w.peers, w.now);
	assert_true(TAILQ_EMPTY(&w.peers->awake));
	/* A member of the original that is gone has nothing to be poked for. */
	bury(b);
	answer(0);
	run_for(200 * US_PER_S, b, 0, 1);
	assert_int_equal(why(b), PEER_GONE);
	assert_true(TAILQ_EMPTY(&w.peers->awake));
	peers_stir(w.peers, w.now);
	assert_true(TAILQ_EMPTY(&w.peers->awake));
	drop(a);
	drop(b);
}

static void
test_family_that_the_host_lacks(void **state)
{
	struct member *m = member("node2", 2, true);
	struct peer_view v;

	(void)state;
	w.v4alone = true;
	((struct member_card *)(void *)(m + 1))->addrlen = 16;
	memcpy(addr(m), (uint8_t[16]){0xfd, [15] = 2}, 16);
	update(m, PEERS_DIRECT);
	assert_int_equal(why(m), PEER_NO_FAMILY);
	assert_int_equal(w.lines, 1);
	assert_int_equal(w.nasked, 0);
	peers_view(w.peers, m, &v);
	assert_non_null(strstr(v.detail, "IPv6"));
	update(m, PEERS_GOSSIP);
	assert_int_equal(w.lines, 1);
	/* It comes later. */
	w.v4alone = false;
	peers_rejudge(w.peers, w.now);
	answer(0);
	assert_int_equal(why(m), PEER_OK);
	drop(m);
}

static void
test_refusal_of_what_is_not_wanted(void **state)
{
	struct member *a = member("node2", 2, true);
	struct member *b = member("node3", 3, true);
	struct peers_dialects d;
	struct meta meta;

	(void)state;
	update(a, PEERS_DIRECT);
	answer(0);
	update(b, PEERS_DIRECT);
	decode(b, &meta);
	memset(meta.pubkey, 2, WG_KEY_LEN);
	announce(b, &meta);
	update(b, PEERS_DIRECT);
	assert_int_equal(why(b), PEER_KEY_TAKEN);
	answer(EADDRINUSE);
	assert_int_equal(why(b), PEER_KEY_TAKEN);
	/* It still hears when the key gets free. */
	bury(a);
	answer(0);
	assert_int_equal(why(b), PEER_OK);
	drop(a);

	a = member("node4", 4, true);
	update(a, PEERS_DIRECT);
	a->state = MEMBER_DEAD;
	update(a, PEERS_GOSSIP);
	answer(EADDRINUSE);
	assert_int_equal(why(a), PEER_GONE);
	peers_dialects(w.peers, &d);
	assert_int_equal(d.ours, 1);
	drop(a);
	drop(b);
}

static void
test_refusal_of_what_has_changed(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	addr(m)[3] = 77;
	update(m, PEERS_GOSSIP);
	w.answered = w.nasked;
	peers_result(w.peers, w.now,
	    &(struct priv_result){.h.seq = w.asked[0].seq,
		.request = PRIV_PEER_SET,
		.error = EDESTADDRREQ});
	assert_int_equal(w.nasked, 2); /* at once */
	answer(0);
	assert_int_equal(why(m), PEER_OK);
	drop(m);
}

/* News about a refused member: neither asked nor complained about anew. */
static void
test_refused_stays_refused_until_it_changes(void **state)
{
	struct member *m = member("node2", 2, true);

	(void)state;
	update(m, PEERS_DIRECT);
	answer(EADDRINUSE);
	assert_int_equal(w.lines, 1);
	update(m, PEERS_GOSSIP);
	assert_int_equal(why(m), PEER_REFUSED);
	assert_int_equal(w.nasked, 1);
	addr(m)[3] = 77;
	update(m, PEERS_GOSSIP);
	assert_int_equal(w.nasked, 2);
	drop(m);
}

/* node3 took the key while node2 was gone: nobody else's peer is deleted. */
static void
test_key_that_moved_is_not_deleted(void **state)
{
	struct member *a = member("node2", 2, true);
	struct member *b = member("node3", 2, true);

	(void)state;
	update(a, PEERS_DIRECT); /* under way ... */
	a->state = MEMBER_LEFT;
	update(a, PEERS_GOSSIP); /* ... when it leaves */
	update(b, PEERS_DIRECT);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].set.namelen, 5);
	answer(0);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(why(b), PEER_OK);
	assert_true(peers_settled(w.peers));
	drop(a);
	drop(b);
}

/* ... nor named as the key that node2 replaces when it returns. */
static void
test_key_that_moved_is_not_replaced(void **state)
{
	struct member *a = member("node2", 2, true);
	struct member *b = member("node3", 2, true);
	struct meta meta;

	(void)state;
	update(a, PEERS_DIRECT);
	answer(0);
	bury(a);
	answer(0);
	update(b, PEERS_DIRECT);
	answer(0);
	decode(a, &meta);
	memset(meta.pubkey, 9, WG_KEY_LEN);
	announce(a, &meta);
	a->state = MEMBER_ALIVE;
	update(a, PEERS_DIRECT);
	assert_int_equal(w.asked[3].set.key[0], 9);
	assert_int_equal(w.asked[3].set.oldkey[0], 0);
	drop(a);
	drop(b);
}

/* A member gone bad changes its mind with every packet. */
static void
test_warnings_are_few(void **state)
{
	struct member *m = member("node2", 2, true);
	struct meta good, bad;
	int i;

	(void)state;
	decode(m, &good);
	bad = good;
	memset(bad.pubkey, 0, WG_KEY_LEN);
	for (i = 0; i < 100; i++) {
		announce(m, &bad);
		update(m, PEERS_DIRECT);
		announce(m, &good);
		update(m, PEERS_DIRECT);
		w.now += US_PER_MS;
	}
	assert_int_equal(w.lines, 1);
	w.now += 60 * US_PER_S;
	announce(m, &bad);
	update(m, PEERS_DIRECT);
	assert_int_equal(w.lines, 2);
	drop(m);
}

/* Hearsay of a new key draws no handshake to wherever it says. */
static void
test_hearsay_of_a_new_key_is_hearsay(void **state)
{
	struct member *m = member("node2", 0xf0, true);
	struct meta meta;

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(10 * US_PER_S, m, 1700000000, 5);
	w.primes = 0;
	decode(m, &meta);
	memset(meta.pubkey, 0x10, WG_KEY_LEN);
	announce(m, &meta);
	update(m, PEERS_GOSSIP);
	answer(0);
	run_for(1 * US_PER_S, m, 0, 0);
	/* One datagram, into the tunnel that stands: does it live? */
	assert_int_equal(w.primes, 1);
	run_for(15 * US_PER_S, m, 0, 0);
	assert_memory_equal(w.asked[w.nasked - 1].key, meta.pubkey, WG_KEY_LEN);
	assert_int_equal(w.primes, 1);
	drop(m);
}

/* As long as its own is in use: it may be away, and unable to refute. */
static void
test_a_new_key_by_others_waits_for_silence(void **state)
{
	struct member *m = member("node2", 0xf0, true);
	struct member *before = member("node2", 0xf0, true); /* its key */
	struct meta good, bad;

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_rising(10 * US_PER_S, m, 5, 1);
	decode(m, &good);
	bad = good;
	memset(bad.pubkey, 0x10, WG_KEY_LEN);
	announce(m, &bad);
	update(m, PEERS_GOSSIP);
	run_rising(120 * US_PER_S, before, 5, 1);
	assert_int_equal(w.nasked, 1);
	/* It is back, and says what it has. */
	announce(m, &good);
	update(m, PEERS_GOSSIP);
	run_rising(10 * US_PER_S, m, 5, 1);
	assert_int_equal(w.nasked, 1);
	/* What it says itself needs no wait, nor what its silence confirms. */
	announce(m, &bad);
	update(m, PEERS_DIRECT);
	assert_int_equal(w.nasked, 2);
	answer(0);
	run_rising(10 * US_PER_S, m, 5, 1);
	announce(before, &bad);
	announce(m, &good);
	update(m, PEERS_GOSSIP);
	run_rising(10 * US_PER_S, before, 5, 0);
	assert_int_equal(w.nasked, 2);
	run_rising(10 * US_PER_S, before, 5, 0);
	assert_int_equal(w.nasked, 3);
	assert_memory_equal(w.asked[2].key, good.pubkey, WG_KEY_LEN);
	assert_memory_equal(w.asked[2].set.oldkey, bad.pubkey, WG_KEY_LEN);
	drop(before);
	drop(m);
}

/* wesher-priv makes it anew then: its handshake is over. */
static void
test_another_address_is_another_tunnel(void **state)
{
	struct member *m = member("node2", 0xf0, true);
	struct meta meta;

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(10 * US_PER_S, m, 1700000000, 5);
	w.primes = 0;
	decode(m, &meta);
	meta.attempt = 1;
	overlay_addr(&w.cfg.overlay, "node2", 5, 1, &meta.overlay);
	announce(m, &meta);
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(10 * US_PER_MS, m, 0, 0);
	assert_int_equal(w.primes, 1);
	drop(m);
}

/* Gossip of the same while the tunnel is made does not put priming off. */
static void
test_gossip_behind_a_direct_alive(void **state)
{
	struct member *m = member("node2", 0x10, true);

	(void)state;
	update(m, PEERS_DIRECT);
	update(m, PEERS_GOSSIP);
	answer(0);
	run_for(10 * US_PER_MS, m, 0, 0);
	assert_int_equal(w.primes, 1);
	drop(m);
}

/* Without the counters nobody's session is ended. */
static void
test_no_reset_without_counters(void **state)
{
	struct member *m = member("node2", 0xf0, false);
	int64_t d, end;

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(10 * US_PER_S, m, 1700000000, 5);
	peers_stir(w.peers, w.now);
	end = w.now + 5 * US_PER_S;
	w.stats = 0;
	while ((d = peers_deadline(w.peers)) <= end) {
		w.now = d;
		peers_tick(w.peers, w.now); /* STATS get no answer */
	}
	assert_int_equal(w.nasked, 1);
	/* Asked again now and then, not with every look. */
	assert_true(w.stats >= 2 && w.stats <= 6);
	drop(m);
}

static void
test_original_that_answers_keeps_its_session(void **state)
{
	struct member *m = member("node2", 0xf0, false);
	uint64_t rx = 5;
	int i;

	(void)state;
	update(m, PEERS_DIRECT);
	answer(0);
	run_for(10 * US_PER_S, m, 1700000000, rx);
	peers_stir(w.peers, w.now);
	for (i = 0; i < 50; i++)
		run_for(100 * US_PER_MS, m, 1700000000, rx += 10);
	assert_int_equal(w.nasked, 1);
	assert_true(peers_deadline(w.peers) == NEVER);
	drop(m);
}

/* A newcomer does not get everybody's handshake in one moment. */
static void
test_large_mesh_spreads_its_primings(void **state)
{
	struct member *m[100];
	char names[100][8];
	unsigned i;

	(void)state;
	for (i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "m%u", i);
		m[i] = member(names[i], (uint8_t)(i + 1), true);
		update(m[i], PEERS_JOINING);
	}
	answer(0);
	run_for(600 * US_PER_S, m[0], 1700000000, 5);
	for (i = 1; i < 100; i++)
		stat_of(m[i], 1700000000, 5);
	bury(m[99]);
	answer(0);
	drop(m[99]);
	w.primes = 0;
	m[99] = member("newcomer", 0xf0, true);
	update(m[99], PEERS_DIRECT);
	answer(0);
	/* Chance says half of a second (100 times 10 ms). */
	run_for(400 * US_PER_MS, m[0], 1700000000, 5);
	assert_int_equal(w.primes, 0);
	run_for(200 * US_PER_MS, m[0], 1700000000, 5);
	assert_int_equal(w.primes, 1);
	for (i = 0; i < 100; i++)
		drop(m[i]);
}

/* Who waits for an answer in a large mesh does not wake us one by one. */
static void
test_many_that_never_answer_share_a_wake_up(void **state)
{
	struct member *m[300];
	char names[300][8];
	unsigned i, wakes = 0;
	int64_t d, end;

	(void)state;
	for (i = 0; i < 300; i++) {
		struct meta meta;

		snprintf(names[i], sizeof(names[i]), "m%u", i);
		m[i] = member(names[i], 1, true);
		m[i]->answered = false;
		decode(m[i], &meta);
		meta.pubkey[0] = (uint8_t)i;
		meta.pubkey[1] = (uint8_t)(i >> 8);
		announce(m[i], &meta);
		update(m[i], PEERS_JOINING);
		answer(0);
		w.now += 1111;
	}
	end = w.now + 60 * US_PER_S;
	while ((d = peers_deadline(w.peers)) <= end) {
		w.now = d > w.now ? d : w.now;
		peers_tick(w.peers, w.now);
		wakes++;
	}
	assert_true(wakes < 200);
	assert_int_equal(w.primes, 0);
	for (i = 0; i < 300; i++)
		drop(m[i]);
}

static void
test_dialects(void **state)
{
	struct member *a = member("a", 2, true), *b = member("b", 3, false);
	struct member *c = member("c", 4, false);
	struct peers_dialects d;
	struct meta meta;

	(void)state;
	decode(c, &meta);
	meta.dialect = META_V02;
	announce(c, &meta);
	update(a, PEERS_DIRECT);
	update(b, PEERS_DIRECT);
	update(c, PEERS_DIRECT);
	peers_dialects(w.peers, &d);
	assert_int_equal(d.ours, 1);
	assert_int_equal(d.v03, 1);
	assert_int_equal(d.v02, 1);
	b->state = MEMBER_DEAD;
	update(b, PEERS_GOSSIP);
	peers_dialects(w.peers, &d);
	assert_int_equal(d.v03, 0);
	drop(a);
	drop(b);
	drop(c);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_reached_up_to_the_mark),
	    T(test_one_member_one_request),
	    T(test_plain_member),
	    T(test_no_hosts_line_for_odd_names),
	    T(test_hosts_lines_by_name),
	    T(test_static),
	    T(test_no_hosts_lines_wanted),
	    T(test_gone_member_is_deleted),
	    T(test_a_move_keeps_the_tunnel),
	    T(test_a_restart_resets_the_tunnel),
	    T(test_a_leave_is_followed_in_time),
	    T(test_a_left_peer_is_held_while_it_speaks),
	    T(test_a_dead_peer_is_held_while_it_speaks),
	    T(test_a_hold_ends_with_hold_down),
	    T(test_a_held_peer_outlasts_its_entry),
	    T(test_a_held_ghost_is_not_freed),
	    T(test_hearsay_takes_no_held_tunnel),
	    T(test_a_held_peer_speaks_for_itself),
	    T(test_a_held_tunnel_follows_its_endpoint),
	    T(test_a_refuted_end_leaves_the_session),
	    T(test_our_move_is_shown),
	    T(test_what_may_be_a_move_is_listened_for_longer),
	    T(test_our_move_in_a_large_mesh_is_spread),
	    T(test_peers_come_to_rest),
	    T(test_who_waits_rests),
	    T(test_a_look_at_all_leaves_them_at_rest),
	    T(test_family_that_the_host_lacks),
	    T(test_forgotten_while_under_way),
	    T(test_new_key_names_the_old_one),
	    T(test_new_key_after_a_leave_names_the_old_one),
	    T(test_new_key_after_a_crash_names_the_old_one),
	    T(test_change_while_under_way),
	    T(test_unusable_members),
	    T(test_becoming_bad_costs_the_tunnel),
	    T(test_first_holder_keeps_its_key),
	    T(test_first_holder_keeps_its_address),
	    T(test_refused_is_tried_again),
	    T(test_refused_is_tried_at_once),
	    T(test_bounded_in_flight),
	    T(test_direct_alive_primes_at_once),
	    T(test_crossed_initiations),
	    T(test_crossed_initiations_that_are_seen),
	    T(test_handshake_in_time_is_left_alone),
	    T(test_a_renewed_member_is_knocked_at),
	    T(test_joiner_does_not_prime_at_once),
	    T(test_joiner_never_primes_a_tunnel_that_works),
	    T(test_asked_waits_for_the_alive),
	    T(test_gossip_smaller_key_primes),
	    T(test_nothing_is_sent_to_who_never_answered),
	    T(test_primings_are_few),
	    T(test_original_is_poked_after_an_event),
	    T(test_ours_is_not_poked),
	    T(test_no_memory_for_a_request),
	    T(test_refused_deletion_is_tried_again),
	    T(test_refusal_of_what_is_not_wanted),
	    T(test_refusal_of_what_has_changed),
	    T(test_refused_stays_refused_until_it_changes),
	    T(test_key_that_moved_is_not_deleted),
	    T(test_key_that_moved_is_not_replaced),
	    T(test_warnings_are_few),
	    T(test_hearsay_of_a_new_key_is_hearsay),
	    T(test_a_new_key_by_others_waits_for_silence),
	    T(test_another_address_is_another_tunnel),
	    T(test_gossip_behind_a_direct_alive),
	    T(test_no_reset_without_counters),
	    T(test_original_that_answers_keeps_its_session),
	    T(test_large_mesh_spreads_its_primings),
	    T(test_many_that_never_answer_share_a_wake_up),
	    T(test_dialects),
	};

	return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
