/*
 * A member gone bad that wants us to leave our overlay address, or to have
 * none. The victim is a whole daemon; what it takes shows in its kernel. Here
 * are the bounds of what remains: README.md, chapter on security.
 */
#include "forgery.h"

#define DAY (86400 * US_PER_S)

static unsigned moves;
static int64_t moved_at; /* the last time */
static struct ipaddr mine;

/* After every step: have we moved? */
static void
watch(void)
{
	if (ipaddr_eq(&mine, &fk.addr))
		return;
	mine = fk.addr;
	victim->addr = mine;
	moves++;
	moved_at = b.now;
}

static void
cast(void)
{
	(void)setup_in("10.77.0.0/16");
	friend = actor("friend", 2);
	victim = actor("self", 1);
	forger = actor("cat", 66);
	memcpy(victim->key, b.p->env.pubkey, WG_KEY_LEN);
	mine = fk.addr;
	assert_true(ipaddr_eq(&mine, &victim->addr));
	moves = 0;
	moved_at = b.now;
	b.watch = watch;
}

/* Whoever has had its address for a minute keeps it, whatever is claimed. */
static void
self_settled(void **state)
{
	static const enum channel how[] = {DIRECT, GOSSIP, STATE, ANSWER};
	int f, c, i;

	(void)state;
	for (f = 0; f < FORMS; f++)
		for (c = 0; c < 4; c++) {
			cast();
			start(friend);
			run_for(120 * US_PER_S);
			dress((enum form)f);
			forger->lives = f != MASK;
			for (i = 0; i < 60; i++) {
				claim(how[c]);
				run_for(2 * US_PER_S);
			}
			if (moves > 0)
				fail_msg("%s, %s: we moved", form_names[f],
				    channel_names[how[c]]);
			assert_null(holder(&mine));
			(void)teardown(NULL);
		}
}

/* A new name for each of our addresses, as soon as we have it. */
static void
chase(int64_t us)
{
	int64_t end = b.now + us;
	unsigned seen = UINT_MAX;

	while (b.now < end) {
		if (moves != seen) {
			seen = moves;
			dress(SMALL);
		}
		claim(DIRECT);
		run_for(US_PER_S);
	}
}

/* Who is new is driven about, for a minute at most; then it stays. */
static void
self_young(void **state)
{
	int64_t began;

	(void)state;
	cast();
	forger->lives = true;
	dress(SMALL);
	began = b.now;
	start(friend);
	chase(600 * US_PER_S);
	print_message("# a new member was moved %u times in %lld s\n", moves,
	    (long long)((moved_at - began) / US_PER_S));
	assert_in_range(moves, 1, 32);
	assert_in_range(moved_at - began, 0, 62 * US_PER_S);
	(void)teardown(NULL);
}

/* It calls an accomplice failed, and back, every two minutes, for three days.
 * A clock that is set back does not help. */
static void
self_healed(void **state)
{
	struct actor *rat;
	unsigned day, before, i;
	int64_t began;

	(void)state;
	cast();
	start(friend);
	rat = actor("rat", 66);
	start(rat);
	run_for(120 * US_PER_S);
	forger->lives = true;
	for (day = 0; day < 3; day++) {
		before = moves;
		began = INT64_MAX;
		for (i = 0; i < 720; i++) {
			struct wire_accuse a = {.incarnation = rat->inc,
			    .node = {(const uint8_t *)"rat", 3},
			    .from = {(const uint8_t *)"friend", 6}};
			uint8_t buf[256];

			post(liar, 0, buf,
			    wire_put_accuse(buf, sizeof(buf), WIRE_DEAD, &a));
			run_for(US_PER_S);
			rat->inc++;
			speak(rat);
			chase(10 * US_PER_S);
			run_for(109 * US_PER_S);
			if (moves > before && began == INT64_MAX)
				began = b.now - 120 * US_PER_S;
		}
		print_message("# day %u: %u moves\n", day, moves - before);
		assert_in_range(moves - before, 0, 4);
		if (moves > before)
			assert_in_range(moved_at - began, 0, 120 * US_PER_S);
	}
	assert_in_range(moves, 1, 3 * 4);
	(void)teardown(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(self_settled),
	    cmocka_unit_test(self_young),
	    cmocka_unit_test(self_healed),
	};

	return sodium_init() == -1 ? 1
				   : cmocka_run_group_tests_name(
					 "hostile self", tests, NULL, NULL);
}
