/*
 * Who holds an overlay address at an observer: first seen holds, and what was
 * first seen at about one time is ordered. Members gone bad try it by dialect,
 * flag, attempt, key and by changing their mind; none of it may take an address
 * from a member that lives, nor make two observers disagree for good.
 */
#include "peers_rig.h"

#include "../../wesher/claim.h"

#define YOUNG CLAIM_YOUNG
#define HOST  "10.1.1.0/28" /* so that names collide */

#define HOLD_OVER_TIME (7 * US_PER_S) /* after a leave */

static struct ipaddr at; /* what all the names below derive */
static char names[4000][10];
static unsigned nnames;

/* Names of one address, in their order. */
static void
collide(unsigned want)
{
	struct ipaddr a;
	unsigned i;

	overlay_addr(&w.cfg.overlay, "first", 5, 0, &at);
	nnames = 0;
	for (i = 0; nnames < want; i++) {
		snprintf(names[nnames], sizeof(names[0]), "n%07u", i);
		overlay_addr(&w.cfg.overlay, names[nnames], 8, 0, &a);
		if (ipaddr_eq(&a, &at))
			nnames++;
	}
}

static void
anew(void)
{
	peers_free(w.peers);
	w.peers = peers_new(&w.cfg);
	assert_non_null(w.peers);
	w.nasked = w.answered = 0;
}

static int
setup_small(void **state)
{
	if (setup(state) != 0)
		return -1;
	ipnet_parse(HOST, &w.cfg.overlay);
	ipaddr_parse("10.1.1.15", &w.cfg.self_addr);
	w.cfg.allow_static = true;
	w.cfg.forget_after = 72 * 3600 * US_PER_S;
	anew();
	collide(16);
	return 0;
}

static struct member *
claimant(unsigned name, uint8_t key, bool ours)
{
	return member(names[name], key, ours);
}

static void
later(int64_t us)
{
	w.now += us;
	peers_tick(w.peers, w.now);
	answer(0);
}

static void
come(struct member *m)
{
	update(m, PEERS_GOSSIP);
	answer(0);
}

static bool
holds(const struct member *m)
{
	return why(m) == PEER_OK;
}

static bool
lost_to(const struct member *m, const struct member *to)
{
	struct peer_view v;
	char want[80];

	peers_view(w.peers, m, &v);
	snprintf(
	    want, sizeof(want), "its overlay address is held by %s", to->name);
	return v.why == PEER_ADDR_TAKEN && strcmp(v.detail, want) == 0;
}

static int64_t
since(const struct member *m)
{
	struct peer_view v;

	peers_view(w.peers, m, &v);
	return v.since;
}

/* It claims nothing any more, and is forgotten. */
static void
end(struct member *m)
{
	announce_bytes(m, "\x03\xff\x81", 3);
	come(m);
	drop(m);
}

/* It announces an address of its choice, or another key. */
static void
say(struct member *m, bool x, bool is_static, uint8_t key)
{
	struct meta meta = {.has_pubkey = true,
	    .has_x = x,
	    .is_static = is_static,
	    .overlay = at};

	memset(meta.pubkey, key, WG_KEY_LEN);
	m->ours = x;
	announce(m, &meta);
}

/* Its next attempt. */
static void
move_on(struct member *m, uint8_t attempt)
{
	struct meta meta;

	decode(m, &meta);
	meta.attempt = attempt;
	overlay_addr(
	    &w.cfg.overlay, m->name, m->namelen, attempt, &meta.overlay);
	announce(m, &meta);
}

static void
remember(const struct member *m, uint8_t key, int64_t since_wall)
{
	uint8_t k[WG_KEY_LEN];
	struct holder h = {m->name, m->namelen, k, &at};

	memset(k, key, sizeof(k));
	peers_remember(w.peers, &h, since_wall);
}

/* Whatever it says and however small its name is. */
static void
test_first_seen_holds(void **state)
{
	struct member *first = claimant(9, 2, true), *m;
	unsigned i;

	(void)state;
	come(first);
	later(YOUNG + US_PER_S);
	for (i = 0; i < 4; i++) {
		m = claimant(i, (uint8_t)(3 + i), true);
		say(m, i & 1, i & 2, (uint8_t)(3 + i));
		come(m);
		assert_true(lost_to(m, first));
		later(5 * US_PER_S);
		/* What the holder repeats now makes it no newcomer. */
		come(first);
		come(m);
		assert_true(lost_to(m, first));
		drop(m);
		answer(0);
	}
	assert_true(holds(first));
	assert_int_equal(w.nasked, 1);
	drop(first);
}

static void
test_half_a_minute_is_ordered(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, true);
	struct member *b = claimant(2, 4, true);

	(void)state;
	come(z);
	later(29 * US_PER_S);
	assert_true(holds(z));
	w.lines = 0;
	come(a);
	assert_true(holds(a));
	assert_true(lost_to(z, a));
	assert_int_equal(w.lines, 1); /* z gets no tunnel */
	/* What lost was removed first, and named nobody's key. */
	assert_int_equal(w.nasked, 3);
	assert_int_equal(w.asked[1].what, DEL);
	assert_int_equal(w.asked[1].key[0], 2);
	assert_int_equal(w.asked[2].what, SET);
	assert_int_equal(w.asked[2].set.key[0], 3);
	assert_true(is_zero(w.asked[2].set.oldkey));
	/* The greater name loses at once. */
	come(b);
	assert_true(lost_to(b, a));
	drop(z);
	drop(a);
	drop(b);
}

static void
test_after_half_a_minute_it_is_settled(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, false);

	(void)state;
	come(z);
	later(31 * US_PER_S);
	come(a);
	assert_true(holds(z));
	assert_true(lost_to(a, z));
	drop(z);
	drop(a);
}

/* Members that cannot move come before those that can. */
static void
test_who_cannot_move_wins_in_time(void **state)
{
	struct member *a = claimant(1, 2, true), *b = claimant(2, 3, false);
	struct member *c = claimant(3, 4, true);

	(void)state;
	come(a);
	come(b);
	assert_true(lost_to(a, b));
	say(c, true, true, 4);
	come(c);
	assert_true(lost_to(c, b));
	end(b);
	/* Of those that waited the static one. */
	assert_true(holds(c));
	assert_true(lost_to(a, c));
	drop(a);
	drop(c);
}

/* One push/pull lists them in any order. */
static void
test_one_exchange_is_ordered(void **state)
{
	struct member *m[16];
	unsigned i, best = 3;

	(void)state;
	for (i = 0; i < 16; i++) {
		m[i] = claimant((i * 7 + 5) % 16, (uint8_t)(i + 2),
		    (i * 7 + 5) % 16 != best);
		update(m[i], PEERS_JOINING);
	}
	while (w.answered < w.nasked) {
		answer(0);
		later(US_PER_S);
	}
	for (i = 0; i < 16; i++)
		assert_int_equal(
		    holds(m[i]), strcmp(m[i]->name, names[best]) == 0);
	/* It was in the kernel after the others had left it. */
	assert_int_equal(w.asked[w.nasked - 1].what, SET);
	for (i = 0; i < 16; i++)
		drop(m[i]);
}

/* The loser's request is under way: the winner waits for its end. */
static void
test_what_is_under_way_is_waited_for(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, true);

	(void)state;
	update(z, PEERS_JOINING);
	update(a, PEERS_JOINING);
	assert_int_equal(w.nasked, 1);
	assert_int_equal(why(a), PEER_PENDING);
	update(a, PEERS_GOSSIP); /* news do not hasten it */
	assert_int_equal(why(a), PEER_PENDING);
	assert_int_equal(w.nasked, 1);
	answer_one(0);
	assert_int_equal(w.asked[1].what, DEL);
	assert_int_equal(w.nasked, 2);
	answer_one(0);
	assert_int_equal(w.nasked, 3);
	assert_int_equal(w.asked[2].set.key[0], 3);
	answer(0);
	assert_true(holds(a));
	drop(z);
	drop(a);
}

/* The loser's new key is under way: no reason to hold its tunnel. */
static void
test_who_has_another_key_loses_at_once(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, true);

	(void)state;
	come(z);
	stat_of(z, WALL, 5);
	say(z, true, false, 7);
	update(z, PEERS_DIRECT);
	assert_int_equal(w.nasked, 2);
	update(a, PEERS_GOSSIP);
	assert_true(lost_to(z, a));
	while (w.answered < w.nasked)
		answer(0);
	assert_true(holds(a));
	assert_true(lost_to(z, a));
	drop(z);
	drop(a);
}

/* wesher-priv lets no address change hands while a session lives. */
static void
test_who_is_refused_tries_again(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, true);
	int64_t end;

	(void)state;
	come(z);
	later(10 * US_PER_S);
	update(a, PEERS_GOSSIP);
	answer_one(0); /* DEL */
	end = w.now + 180 * US_PER_S;
	while (w.now < end) {
		while (w.answered < w.nasked) {
			assert_int_equal(w.asked[w.answered].set.key[0], 3);
			answer_one(EAGAIN);
		}
		w.now += US_PER_S;
		peers_tick(w.peers, w.now);
	}
	assert_true(w.nasked < 12);
	assert_true(lost_to(z, a));
	later(61 * US_PER_S);
	assert_true(holds(a));
	drop(z);
	drop(a);
}

/* A claim is as old as its first sight, whatever is said in between. */
static void
test_to_and_fro_makes_nothing_older(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, true);
	uint8_t i;

	(void)state;
	come(z);
	later(20 * US_PER_S);
	/* Repeated, with another endpoint, key or dialect: it is the same. */
	for (i = 0; i < 9; i++) {
		addr(z)[3] = i;
		say(z, i & 1, false, (uint8_t)(20 + i));
		come(z);
		assert_true(holds(z));
	}
	say(z, true, false, 2);
	come(z);
	later(11 * US_PER_S);
	come(a);
	assert_true(lost_to(a, z));
	/* It lets go and comes back: a newcomer, which has to wait. */
	move_on(z, 1);
	come(z);
	assert_true(holds(a));
	later(YOUNG + US_PER_S);
	move_on(z, 0);
	come(z);
	assert_true(lost_to(z, a));
	/* Junk is no claim either. */
	announce_bytes(a, "\x03\xff\x81", 3);
	come(a);
	assert_true(holds(z));
	drop(z);
	drop(a);
}

/* Thirty seconds of waiting do not make a holder that is left alone. */
static void
test_who_waited_is_not_contested(void **state)
{
	struct member *z = claimant(9, 2, true), *b = claimant(5, 3, true);
	struct member *a = claimant(1, 4, true);

	(void)state;
	come(z);
	later(40 * US_PER_S);
	come(b);
	later(40 * US_PER_S);
	end(z);
	assert_true(holds(b));
	come(a);
	assert_true(lost_to(a, b));
	drop(a);
	drop(b);
}

/* Of several that wait the first, and of those of one half minute the best,
 * whatever the order in which they are listed. */
static void
wait_in_order(const unsigned order[3])
{
	struct member *z = claimant(9, 2, true), *m[3];
	unsigned i;

	anew();
	come(z);
	later(40 * US_PER_S);
	for (i = 0; i < 3; i++) {
		m[i] = claimant(6 - i, (uint8_t)(3 + i), true);
		come(m[i]);
		later((i + 1) * 20 * US_PER_S);
	}
	for (i = 0; i < 3; i++)
		come(m[order[i]]);
	move_on(z, 1);
	come(z);
	while (w.answered < w.nasked)
		answer(0);
	assert_true(holds(m[1]));
	assert_true(lost_to(m[0], m[1]));
	assert_true(lost_to(m[2], m[1]));
	end(m[1]);
	assert_true(holds(m[0]));
	drop(z);
	drop(m[0]);
	drop(m[2]);
}

static void
test_the_best_of_those_that_wait(void **state)
{
	static const unsigned orders[6][3] = {
	    {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	unsigned i;

	(void)state;
	for (i = 0; i < 6; i++)
		wait_in_order(orders[i]);
}

/* The winner of half a minute is not the better one of the first. */
static void
test_a_chain_ends_at_the_first(void **state)
{
	struct member *z = claimant(9, 2, true), *b = claimant(5, 3, true);
	struct member *a = claimant(1, 4, true);

	(void)state;
	come(z);
	later(20 * US_PER_S);
	come(b);
	assert_true(holds(b));
	later(20 * US_PER_S);
	come(a);
	while (w.answered < w.nasked)
		answer(0);
	assert_true(holds(z));
	assert_true(lost_to(a, z));
	assert_true(lost_to(b, z));
	drop(z);
	drop(a);
	drop(b);
}

/* Its own key is another's: it would have no tunnel, and takes no address. */
static void
test_who_has_no_key_takes_nothing(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, false);
	struct member *other = member("other", 3, true);

	(void)state;
	come(other);
	come(z);
	come(a);
	assert_true(holds(z));
	assert_true(lost_to(a, z));
	drop(z);
	drop(a);
	drop(other);
}

/* Failed, and its tunnel says otherwise: nobody gets the address. */
static void
test_hold_down_keeps(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, false);
	uint64_t rx = 5;
	unsigned i;

	(void)state;
	come(z);
	later(YOUNG + US_PER_S);
	stat_of(z, WALL, rx);
	z->state = MEMBER_DEAD;
	update(z, PEERS_GOSSIP);
	come(a);
	assert_true(lost_to(a, z));
	for (i = 0; i < 20; i++) {
		run_for(US_PER_S, z, WALL + 30 + i, rx += 10);
		assert_true(lost_to(a, z));
	}
	/* Its restart in the meantime brings another key: the claim stays. */
	say(z, true, false, 7);
	z->state = MEMBER_ALIVE;
	update(z, PEERS_DIRECT);
	answer(0);
	assert_int_equal(since(z), WALL);
	assert_true(holds(z));
	later(11 * US_PER_S);
	come(a);
	assert_true(lost_to(a, z));
	/* When nothing comes any more the address is free. */
	z->state = MEMBER_DEAD;
	update(z, PEERS_GOSSIP);
	run_for(30 * US_PER_S, z, 0, 0);
	assert_true(holds(a));
	later(YOUNG + US_PER_S);
	z->state = MEMBER_ALIVE;
	come(z);
	assert_true(lost_to(z, a));
	drop(z);
	drop(a);
}

/* ... not even one that would win if it were alive. */
static void
test_hold_down_is_not_contested(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, false);

	(void)state;
	come(z);
	z->state = MEMBER_LEFT;
	update(z, PEERS_GOSSIP);
	come(a);
	assert_true(lost_to(a, z));
	later(3 * US_PER_S);
	come(a);
	assert_true(lost_to(a, z));
	/* It is back: now it is a matter of order. */
	z->state = MEMBER_ALIVE;
	update(z, PEERS_DIRECT);
	answer(0);
	assert_true(holds(a));
	assert_true(lost_to(z, a));
	drop(z);
	drop(a);
}

/* Who failed is remembered like who was saved; who left has let go. */
static void
test_who_failed_is_remembered(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, false);

	(void)state;
	come(z);
	later(100 * US_PER_S);
	bury(z);
	answer(0);
	assert_int_equal(since(z), WALL);
	come(a);
	assert_true(holds(a));
	later(20 * US_PER_S);
	z->state = MEMBER_ALIVE;
	come(z);
	assert_true(holds(z));
	assert_true(lost_to(a, z));
	assert_int_equal(since(z), WALL);
	z->state = MEMBER_LEFT;
	update(z, PEERS_DIRECT);
	run_for(HOLD_OVER_TIME, z, 0, 0);
	assert_true(holds(a));
	assert_int_equal(since(z), 0);
	drop(z);
	drop(a);
}

/* wesher-priv keeps the address for 180 s after its holder failed: whoever got
 * it here has no tunnel until then, and the holder is back in time. */
static void
test_who_is_back_in_time(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, false);
	unsigned i;

	(void)state;
	come(z);
	later(US_PER_S);
	bury(z);
	answer(0);
	later(US_PER_S);
	update(a, PEERS_GOSSIP);
	answer(EAGAIN);
	w.now += 100 * US_PER_S;
	assert_int_equal(why(a), PEER_REFUSED);
	z->state = MEMBER_ALIVE;
	come(z);
	assert_true(holds(z));
	/* What was there before is not contested by who waited. */
	for (i = 0; i < 3; i++) {
		come(a);
		assert_true(lost_to(a, z));
		later(20 * US_PER_S);
	}
	assert_true(holds(z));
	drop(z);
	drop(a);
}

/* ... but not from one that is out of reach, and has it for long. */
static void
test_who_is_back_takes_nothing_out_of_reach(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, true);
	struct member_card *c = (void *)(a + 1);

	(void)state;
	come(z);
	later(US_PER_S);
	bury(z);
	answer(0);
	later(US_PER_S);
	w.v4alone = true;
	c->addrlen = 16;
	memcpy(c->addr, "\x20\x01\x0d\xb8", 4);
	come(a);
	assert_int_equal(why(a), PEER_NO_FAMILY);
	later(YOUNG + US_PER_S);
	z->state = MEMBER_ALIVE;
	come(z);
	assert_true(lost_to(z, a));
	drop(z);
	drop(a);
}

/* What is known is known of a name, its address and, when it returns, its key;
 * whoever lives may renew that. */
static void
test_what_is_known_is_of_one_claim(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, false);
	uint8_t key;

	(void)state;
	peers_expect(w.peers, w.now, 8);
	remember(z, 2, 500);
	come(z);
	say(z, true, false, 8);
	come(z);
	come(a);
	assert_true(holds(z));
	assert_int_equal(since(z), 500);
	/* It has been elsewhere. */
	move_on(z, 1);
	come(z);
	assert_true(holds(a));
	say(z, true, false, 8);
	come(z);
	assert_true(lost_to(z, a));
	end(a);
	assert_true(holds(z));
	/* It has failed, and comes with the key that it had, or another. */
	for (key = 8; key < 10; key++) {
		bury(z);
		answer(0);
		a = claimant(1, 3, false);
		come(a);
		assert_true(holds(a));
		say(z, true, false, key);
		z->state = MEMBER_ALIVE;
		come(z);
		assert_int_equal(holds(z), key == 8);
		end(a);
		assert_true(holds(z));
	}
	drop(z);
}

/* A refusal is shown, though it waited for another's end before. */
static void
test_a_refusal_after_waiting_is_shown(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, true);

	(void)state;
	update(z, PEERS_JOINING);
	update(a, PEERS_JOINING);
	addr(a)[3] = 77; /* another endpoint: asked for at once */
	update(a, PEERS_GOSSIP);
	assert_int_equal(w.nasked, 2);
	answer_one(0);
	answer_one(EADDRINUSE);
	assert_int_equal(why(a), PEER_REFUSED);
	update(a, PEERS_GOSSIP);
	assert_int_equal(why(a), PEER_REFUSED);
	answer(0);
	answer(0);
	assert_true(holds(a));
	drop(z);
	drop(a);
}

/* A saved table, and a forger that the first exchange lists first. */
static void
test_the_saved_holder_comes_first(void **state)
{
	struct member *real = claimant(9, 2, true);
	struct member *forger = claimant(1, 3, false);
	struct member *absent = claimant(3, 9, true);

	(void)state;
	peers_expect(w.peers, w.now, 8);
	remember(real, 2, 500);
	remember(absent, 9, 400);
	drop(absent);
	come(forger);
	assert_true(holds(forger));
	later(20 * US_PER_S);
	come(real);
	assert_true(holds(real));
	assert_true(lost_to(forger, real));
	assert_int_equal(since(real), 500);
	/* Who waits is not saved: it would be first when the other has another
	 * key by then. Nor is it remembered when it failed. */
	assert_int_equal(since(forger), 0);
	forger->state = MEMBER_DEAD;
	update(forger, PEERS_GOSSIP);
	assert_int_equal(since(forger), 0);
	/* One that says its name with another key is not it. */
	drop(real);
	drop(forger);
	anew();
	peers_expect(w.peers, w.now, 8);
	real = claimant(9, 8, true);
	forger = claimant(1, 3, false);
	remember(real, 2, 500);
	come(forger);
	come(real);
	assert_true(lost_to(real, forger));
	/* ... until it is: within the half minute that is in time. */
	say(real, true, false, 2);
	come(real);
	assert_true(holds(real));
	drop(real);
	drop(forger);
}

/* Both are known: the older. After half a minute nobody asks the table. */
static void
test_the_saved_table_takes_nothing_later(void **state)
{
	struct member *a = claimant(1, 2, true), *z = claimant(9, 3, true);
	struct member *forger = claimant(0, 4, false);

	(void)state;
	peers_expect(w.peers, w.now, 8);
	remember(a, 2, 501);
	remember(z, 3, 500);
	come(forger);
	later(31 * US_PER_S);
	come(a);
	assert_true(holds(forger));
	end(forger);
	assert_true(holds(a));
	come(z);
	assert_true(holds(z));
	assert_null(w.peers->saved);
	drop(a);
	drop(z);
}

/* The key of another is no choice of anybody: only the table contests it. */
static void
test_keys_are_not_ordered(void **state)
{
	struct member *z = member("zz", 2, true), *a = member("aa", 2, false);

	(void)state;
	come(z);
	come(a);
	assert_int_equal(why(a), PEER_KEY_TAKEN);
	assert_true(holds(z));
	drop(z);
	drop(a);
	anew();
	a = member("aa", 2, false);
	z = claimant(9, 2, true);
	peers_expect(w.peers, w.now, 8);
	remember(z, 2, 500);
	come(a);
	assert_true(holds(a));
	come(z);
	assert_true(holds(z));
	assert_int_equal(why(a), PEER_KEY_TAKEN);
	drop(z);
	drop(a);
	/* Both had it: the first. */
	anew();
	a = claimant(9, 2, true);
	z = claimant(8, 2, true);
	move_on(z, 0);
	peers_expect(w.peers, w.now, 8);
	remember(a, 2, 500);
	remember(z, 2, 501);
	come(a);
	come(z);
	assert_true(holds(a));
	drop(z);
	drop(a);
}

/* Its new key was announced by another: it keeps its address for all that. */
static void
test_an_address_is_held_without_a_key(void **state)
{
	struct member *real = claimant(9, 2, true);
	struct member *thief = member("thief", 3, true);
	struct member *heir = claimant(1, 4, false);

	(void)state;
	come(real);
	later(40 * US_PER_S);
	come(thief);
	say(real, true, false, 3);
	come(real);
	assert_int_equal(why(real), PEER_KEY_TAKEN);
	come(heir);
	assert_true(lost_to(heir, real));
	end(thief);
	assert_true(holds(real));
	drop(real);
	drop(heir);
}

/* This host does not reach it, and nobody gets its packets instead. */
static void
test_an_address_is_held_out_of_reach(void **state)
{
	struct member *real = claimant(9, 2, true);
	struct member *heir = claimant(1, 4, false);
	struct member_card *c = (void *)(real + 1);

	(void)state;
	w.v4alone = true;
	c->addrlen = 16;
	memcpy(c->addr, "\x20\x01\x0d\xb8", 4);
	come(real);
	assert_int_equal(why(real), PEER_NO_FAMILY);
	later(40 * US_PER_S);
	come(heir);
	assert_true(lost_to(heir, real));
	assert_int_equal(w.nasked, 0);
	w.v4alone = false;
	peers_rejudge(w.peers, w.now);
	answer(0);
	assert_true(holds(real));
	drop(real);
	drop(heir);
}

/* Who claims our own address waits in the order of its first sight. */
static void
test_our_address_is_left_to_the_first(void **state)
{
	struct member *z = claimant(9, 2, true), *a = claimant(1, 3, false);
	struct ipaddr other;

	(void)state;
	peers_set_self(w.peers, w.now, &at);
	come(a);
	a->state = MEMBER_LEFT;
	come(a);
	a->state = MEMBER_ALIVE;
	come(z);
	assert_int_equal(why(z), PEER_OUR_ADDR);
	later(40 * US_PER_S);
	come(a);
	assert_int_equal(why(a), PEER_OUR_ADDR);
	ipaddr_parse("10.1.1.15", &other);
	peers_set_self(w.peers, w.now, &other);
	answer(0);
	assert_true(holds(z));
	assert_true(lost_to(a, z));
	drop(z);
	drop(a);
}

/* Thousands that claim one address: each is judged once, the rest in turn. */
static void
test_thousands_of_claims(void **state)
{
	static struct member *m[3000];
	unsigned i, n = sizeof(m) / sizeof(m[0]), walks = 0;
	struct member *first;
	struct meta meta;
	int64_t was;

	(void)state;
	collide(n);
	first = member("zz", 2, true);
	move_on(first, 0);
	say(first, true, true, 2);
	come(first);
	later(40 * US_PER_S);
	for (i = 0; i < n; i++) {
		m[i] = claimant(n - 1 - i, 3, i % 2);
		decode(m[i], &meta);
		meta.pubkey[1] = (uint8_t)i;
		meta.pubkey[2] = (uint8_t)(i >> 8);
		announce(m[i], &meta);
		w.now += 100;
		was = w.peers->unblocked_at;
		come(m[i]);
		walks += w.peers->unblocked_at != was;
	}
	assert_true(holds(first));
	assert_int_equal(w.nasked, 1);
	assert_true(walks <= 2);
	end(first);
	/* The best of them, by one walk, in a few steps. */
	later(2 * US_PER_S);
	later(2 * US_PER_S);
	for (i = 0; i < n; i++)
		if (holds(m[i]))
			break;
	assert_true(i < n);
	assert_false(m[i]->ours);
	assert_string_equal(m[i]->name, names[1]);
	assert_true(w.nasked < 8);
	for (i = 0; i < n; i++)
		drop(m[i]);
}

/* Who waits for more than there is time for is not passed by. */
static void
test_nobody_jumps_the_queue(void **state)
{
	struct member *z, *m[100], *late;
	struct meta meta;
	unsigned i;

	(void)state;
	collide(103);
	z = claimant(102, 2, true);
	late = claimant(0, 4, false);
	come(z);
	later(40 * US_PER_S);
	for (i = 0; i < 100; i++) {
		m[i] = claimant(i + 1, 3, true);
		decode(m[i], &meta);
		meta.pubkey[1] = (uint8_t)(i + 1);
		announce(m[i], &meta);
		come(m[i]);
	}
	later(40 * US_PER_S);
	/* They have just been looked at when it lets go. */
	move_on(m[99], 1);
	come(m[99]);
	w.peers->unblocked_at = w.now;
	move_on(z, 1);
	come(z);
	come(late);
	assert_true(holds(late));
	later(2 * US_PER_S);
	later(US_PER_S);
	assert_true(holds(m[0]));
	assert_true(lost_to(late, m[0]));
	drop(z);
	drop(late);
	for (i = 0; i < 100; i++)
		drop(m[i]);
}

/* What the table knows of who never comes back is not kept for ever. */
static void
test_the_saved_table_is_forgotten(void **state)
{
	struct member *real = claimant(9, 2, true);
	struct member *forger = claimant(1, 3, false);

	(void)state;
	w.cfg.forget_after = 100 * US_PER_S;
	anew();
	peers_expect(w.peers, w.now, 8);
	remember(real, 2, 500);
	remember(forger, 9, 500);
	w.now += 100 * US_PER_S;
	come(forger);
	come(real);
	assert_true(holds(forger));
	assert_null(w.peers->saved);
	/* More than was said are not taken, nor what has no time. */
	peers_expect(w.peers, w.now, 1);
	remember(real, 2, 0);
	assert_int_equal(holders_left(w.peers->saved), 0);
	remember(real, 2, 500);
	remember(forger, 3, 500);
	assert_int_equal(holders_left(w.peers->saved), 1);
	drop(real);
	drop(forger);
}

/* Whatever happens in whatever order: nobody waits for an address that nobody
 * holds, and wesher-priv is asked for one tunnel of an address at a time. */
static uint32_t rolled;

static unsigned
roll(unsigned sides)
{
	rolled = rolled * 1103515245u + 12345u;
	return (rolled >> 16) % sides;
}

static void
anything(struct member *m, unsigned i)
{
	unsigned x = roll(2);

	say(m, x, x && roll(2), (uint8_t)(roll(9) == 0 ? 90 : 10 + i));
	if (roll(4) == 0)
		move_on(m, (uint8_t)roll(3));
	m->state = (uint8_t)(roll(3) == 0 ? roll(4) : MEMBER_ALIVE);
	update(m, roll(2) ? PEERS_GOSSIP : PEERS_DIRECT);
	while (w.answered < w.nasked && roll(5) != 0)
		answer_one(roll(4) != 0 ? 0 : roll(2) ? EAGAIN : EADDRINUSE);
	if (w.stats_seq != 0 && roll(2))
		stat_of(m, WALL + w.now / US_PER_S, roll(100));
	if (roll(2))
		w.now += (int64_t)roll(9) * US_PER_S;
	peers_tick(w.peers, w.now);
	if (w.answered == w.nasked)
		w.answered = w.nasked = 0;
}

static void
check_holders(struct member *const *m, unsigned n)
{
	unsigned i, set = 0;
	const struct peer_slot *s;

	for (i = 0; i < n; i++) {
		s = m[i]->udata;
		if (s == NULL)
			continue;
		if (why(m[i]) == PEER_ADDR_TAKEN)
			assert_non_null(peer_by_addr(w.peers,
			    s->p != NULL ? &s->p->want.addr : &s->t.addr));
		set += why(m[i]) == PEER_OK && s->held &&
		       ipaddr_eq(&s->t.addr, &at);
	}
	assert_true(set <= 1);
}

static void
test_any_sequence(void **state)
{
	struct member *m[12];
	unsigned seed, i, step;

	(void)state;
	for (seed = 0; seed < 200; seed++) {
		rolled = seed;
		anew();
		peers_expect(w.peers, w.now, 12);
		for (i = 0; i < 12; i++) {
			m[i] = claimant(i, (uint8_t)(10 + i), true);
			if (roll(2))
				remember(m[i], (uint8_t)(10 + i), 1 + roll(9));
		}
		for (step = 0; step < 200; step++) {
			i = roll(12);
			anything(m[i], i);
			check_holders(m, 12);
		}
		for (i = 0; i < 12; i++)
			drop(m[i]);
	}
}

/*
 * Twelve names that come, go, move and change their dialect at random, seen by
 * two observers in two orders; then silence. What was last said came to both
 * within half a minute: they agree.
 */
#define CAST 12

struct scene {
	struct peers *peers[2];
	struct member *m[2][CAST];
};

static void
random_claim(struct member *m, unsigned r, uint8_t key)
{
	say(m, r & 1, r & 2 && r & 1, key);
	m->state = r % 7 == 0 ? MEMBER_LEFT : MEMBER_ALIVE;
	if (r % 5 == 0)
		move_on(m, (uint8_t)(r % 3));
}

static struct member *
last_holder(struct scene *s, unsigned who)
{
	unsigned i;

	w.peers = s->peers[who];
	for (i = 0; i < CAST; i++)
		if (s->m[who][i]->state == MEMBER_ALIVE &&
		    peer_by_addr(w.peers, &at) != NULL &&
		    peer_by_addr(w.peers, &at)->m == s->m[who][i])
			return s->m[who][i];
	return NULL;
}

static void
answer_all(struct scene *s)
{
	unsigned i;
	struct priv_result r = {0};

	while (w.answered < w.nasked) {
		r.h.seq = w.asked[w.answered].seq;
		r.request = w.asked[w.answered].what == SET ? PRIV_PEER_SET
							    : PRIV_PEER_DEL;
		memcpy(r.key, w.asked[w.answered].key, WG_KEY_LEN);
		w.answered++;
		for (i = 0; i < 2; i++)
			peers_result(s->peers[i], w.now, &r);
	}
	w.nasked = w.answered = 0;
}

static void
play(struct scene *s, unsigned seed)
{
	unsigned said[CAST], order[CAST], i, j, t, round;
	uint32_t r = seed * 2654435761u + 1;

#define RANDOM (r = r * 1103515245u + 12345u, r >> 16)
	for (round = 0; round < 3; round++) {
		for (i = 0; i < CAST; i++) {
			said[i] = RANDOM;
			order[i] = i;
		}
		for (j = 0; j < 2; j++) {
			for (i = CAST - 1; i > 0; i--) {
				unsigned k = RANDOM % (i + 1);

				t = order[i];
				order[i] = order[k];
				order[k] = t;
			}
			w.peers = s->peers[j];
			for (i = 0; i < CAST; i++) {
				t = order[i];
				random_claim(
				    s->m[j][t], said[t], (uint8_t)(10 + t));
				update(s->m[j][t], PEERS_GOSSIP);
				answer_all(s);
			}
		}
		w.now += RANDOM % 25 * US_PER_S / 3;
		for (j = 0; j < 2; j++)
			peers_tick(s->peers[j], w.now);
		answer_all(s);
	}
#undef RANDOM
}

/* Until nobody who is gone is held any more. */
static void
silence(struct scene *s)
{
	unsigned i, j;

	for (i = 0; i < 40; i++) {
		w.now += US_PER_S;
		for (j = 0; j < 2; j++)
			peers_tick(s->peers[j], w.now);
		answer_all(s);
	}
}

static void
test_observers_agree(void **state)
{
	const struct member *h[2];
	struct scene s;
	unsigned seed, i, j, held = 0;

	(void)state;
	for (seed = 0; seed < 2000; seed++) {
		for (j = 0; j < 2; j++) {
			s.peers[j] = peers_new(&w.cfg);
			for (i = 0; i < CAST; i++)
				s.m[j][i] = claimant(i, (uint8_t)(10 + i), 1);
		}
		i = (unsigned)(w.peers != NULL);
		peers_free(i ? w.peers : NULL);
		w.peers = NULL;
		play(&s, seed);
		silence(&s);
		h[0] = last_holder(&s, 0);
		h[1] = last_holder(&s, 1);
		assert_true((h[0] == NULL) == (h[1] == NULL));
		if (h[0] != NULL)
			assert_string_equal(h[0]->name, h[1]->name);
		held += h[0] != NULL;
		for (j = 0; j < 2; j++) {
			w.peers = s.peers[j];
			for (i = 0; i < CAST; i++)
				drop(s.m[j][i]);
			peers_free(s.peers[j]);
		}
		w.peers = NULL;
		w.nasked = w.answered = 0;
	}
	assert_true(held > 1500);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup_small, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_first_seen_holds),
	    T(test_half_a_minute_is_ordered),
	    T(test_after_half_a_minute_it_is_settled),
	    T(test_who_cannot_move_wins_in_time),
	    T(test_one_exchange_is_ordered),
	    T(test_what_is_under_way_is_waited_for),
	    T(test_who_has_another_key_loses_at_once),
	    T(test_who_is_refused_tries_again),
	    T(test_to_and_fro_makes_nothing_older),
	    T(test_who_waited_is_not_contested),
	    T(test_the_best_of_those_that_wait),
	    T(test_a_chain_ends_at_the_first),
	    T(test_who_has_no_key_takes_nothing),
	    T(test_hold_down_keeps),
	    T(test_hold_down_is_not_contested),
	    T(test_who_failed_is_remembered),
	    T(test_who_is_back_in_time),
	    T(test_who_is_back_takes_nothing_out_of_reach),
	    T(test_what_is_known_is_of_one_claim),
	    T(test_a_refusal_after_waiting_is_shown),
	    T(test_the_saved_holder_comes_first),
	    T(test_the_saved_table_takes_nothing_later),
	    T(test_keys_are_not_ordered),
	    T(test_an_address_is_held_without_a_key),
	    T(test_an_address_is_held_out_of_reach),
	    T(test_our_address_is_left_to_the_first),
	    T(test_thousands_of_claims),
	    T(test_nobody_jumps_the_queue),
	    T(test_the_saved_table_is_forgotten),
	    T(test_any_sequence),
	    T(test_observers_agree),
	};

	return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
