/*
 * A member gone bad that wants what is sent to another one: it claims the
 * victim's overlay address by every trick that names, attempts, dialects,
 * flags and the order of things leave. The observer is a whole daemon: its mesh
 * asks the real policy of wesher-priv above a kernel of arrays, which is looked
 * at after every step. README.md's chapter on security has the outcomes.
 */
#include "forgery.h"

/* When it claims. */
enum moment {
	LATER, /* the victim has had it for two minutes */
	ACCUSED, /* it calls the victim suspect and dead all the time */
	SAID_LEFT, /* and left */
	RESTART, /* the victim's process is away for 20 s */
	REBOOT, /* its host for 60 s */
	LONGER, /* for 150 s */
	ASLEEP, /* we are started again, with our state */
	MOMENTS
};

static const char *const moment_names[] = {
    "later", "accused", "left", "restart", "reboot", "longer", "asleep"};

static struct {
	char what[128];
	int64_t handshake; /* of the victim, the last in our kernel */
	bool settled; /* what it has it keeps */
	unsigned lost; /* steps without it */
	bool taken; /* by another key */
} w;

/* After every step: whose is the victim's address in our kernel? */
static void
watch(void)
{
	const uint8_t *k = holder(&victim->addr);
	const struct wg_peer *q = fk_peer(victim->key);

	if (q != NULL && q->handshake > w.handshake)
		w.handshake = q->handshake;
	if (k != NULL && memcmp(k, victim->key, WG_KEY_LEN) != 0) {
		w.taken = true;
		if (victim->lives || wall() - w.handshake < PEER_FRESH)
			fail_msg("%s: taken %lld s after the last handshake",
			    w.what, (long long)(wall() - w.handshake));
	}
	w.lost += w.settled && k == NULL;
}

/* The trick again and again, for so many seconds. */
static void
attack(enum channel c, enum moment m, unsigned seconds)
{
	unsigned i;

	for (i = 0; i < seconds; i += 2) {
		if (m == ACCUSED)
			accuse(i % 4 ? WIRE_SUSPECT : WIRE_DEAD, "friend");
		if (m == SAID_LEFT)
			accuse(WIRE_DEAD, victim->name);
		claim(c);
		run_for(2 * US_PER_S);
	}
}

static void
cast(enum form f, enum channel c, enum moment m)
{
	(void)setup_in("10.77.0.0/16");
	memset(&w, 0, sizeof(w));
	snprintf(w.what, sizeof(w.what), "%s, %s, %s", form_names[f],
	    channel_names[c], moment_names[m]);
	friend = actor("friend", 2);
	victim = actor("mouse", 7);
	forger = actor("cat", 66);
	dress(f);
	b.watch = watch;
	start(friend);
	start(victim);
	/* Behind the mask nobody hears what we answer. */
	forger->lives = f != MASK;
	run_for(120 * US_PER_S);
	assert_non_null(holder(&victim->addr));
	w.settled = true;
}

static void
case_of(enum form f, enum channel c, enum moment m)
{
	cast(f, c, m);
	switch (m) {
	case RESTART:
	case REBOOT:
	case LONGER:
		victim->lives = false;
		victim->silent = m != RESTART;
		w.settled = m == RESTART;
		attack(c, m, m == RESTART ? 20 : m == REBOOT ? 60 : 150);
		start(victim);
		attack(c, m, 30);
		w.settled = true;
		attack(c, m, 300);
		break;
	case ASLEEP:
		restart(true);
		claim(c);
		speak(victim);
		attack(c, m, 300);
		break;
	default:
		attack(c, m, 300);
	}
	/* With mouse's key its tunnel is another one until mouse is heard. */
	if (m == ASLEEP && f == KEY)
		w.lost = holder(&victim->addr) == NULL;
	if (w.taken || w.lost > 0)
		fail_msg("%s: %s, %u steps without", w.what,
		    w.taken ? "taken" : "not taken", w.lost);
	(void)teardown(NULL);
}

/*
 * Who is away, its tunnel too, can be spoken for: name_of_one_away(). And of
 * whom we know nothing yet whoever names itself so first is it.
 */
static bool
is_open(enum form f, enum moment m)
{
	return ((f == NAMESAKE || f == MASK) && (m == REBOOT || m == LONGER)) ||
	       (f == NAMESAKE && m == ASLEEP);
}

static void
moment(enum moment m)
{
	int f, c;

	for (f = 0; f < FORMS; f++)
		for (c = 0; c < CHANNELS; c++)
			if (!is_open((enum form)f, m))
				case_of((enum form)f, (enum channel)c, m);
}

#define MOMENT(name, m)                \
	static void name(void **state) \
	{                              \
		(void)state;           \
		moment(m);             \
	}

MOMENT(address_later, LATER)
MOMENT(address_accused, ACCUSED)
MOMENT(address_said_left, SAID_LEFT)
MOMENT(address_restart, RESTART)
MOMENT(address_reboot, REBOOT)
MOMENT(address_longer, LONGER)
MOMENT(address_asleep, ASLEEP)

/*
 * What remains: the name of a host that is away. Who speaks for it gets what is
 * sent to it once its tunnel is silent, and until it is back and says so.
 */
static void
name_of_one_away(void **state)
{
	(void)state;
	cast(MASK, GOSSIP, REBOOT);
	b.watch = NULL;
	victim->lives = false;
	victim->silent = true;
	attack(GOSSIP, REBOOT, 60);
	assert_memory_equal(holder(&victim->addr), forger->key, WG_KEY_LEN);
	start(victim);
	attack(GOSSIP, REBOOT, 4);
	assert_memory_equal(holder(&victim->addr), victim->key, WG_KEY_LEN);
	(void)teardown(NULL);
}

/* A thousand names at once, each of which derives the address. */
static void
thousands(void **state)
{
	char first[8];
	unsigned i, round;

	(void)state;
	cast(SMALL, DIRECT, LATER);
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 200; i++) {
			snprintf(first, sizeof(first), "a%u-", i);
			redress(first);
			claim(i % 2 ? DIRECT : STATE);
		}
		run_for(30 * US_PER_S);
	}
	assert_false(w.taken);
	assert_int_equal(w.lost, 0);
	(void)teardown(NULL);
}

/*
 * The forger was there first. When it lets go the victim has the address, and
 * keeps it though the forger comes and goes: nothing is gained by giving back.
 */
static void
given_back(void **state)
{
	unsigned i;

	(void)state;
	(void)setup_in("10.77.0.0/16");
	memset(&w, 0, sizeof(w));
	strlcpy(w.what, "given back", sizeof(w.what));
	friend = actor("friend", 2);
	victim = actor("mouse", 7);
	forger = actor("cat", 66);
	dress(SMALL);
	start(friend);
	start(forger);
	run_for(60 * US_PER_S);
	assert_memory_equal(holder(&victim->addr), forger->key, WG_KEY_LEN);
	start(victim);
	run_for(60 * US_PER_S);
	assert_memory_equal(holder(&victim->addr), forger->key, WG_KEY_LEN);
	for (i = 0; i < 30; i++) {
		forger->silent = true;
		leave(forger);
		run_for(10 * US_PER_S);
		forger->silent = false;
		claim(DIRECT);
		run_for(10 * US_PER_S);
	}
	assert_memory_equal(holder(&victim->addr), victim->key, WG_KEY_LEN);
	(void)teardown(NULL);
}

/* Who left has let go; its key's session keeps the address for 180 s. */
static void
after_a_leave(void **state)
{
	(void)state;
	cast(SMALL, DIRECT, LATER);
	w.settled = false;
	leave(victim);
	victim->lives = false;
	victim->silent = true;
	attack(DIRECT, LATER, 400);
	assert_true(w.taken);
	(void)teardown(NULL);
}

/*
 * The worst for a fresh host: it learns of two claims at once, and the forged
 * one is the better by the order. Whose it is then is a matter of names.
 */
static void
fresh_observer(void **state)
{
	int smaller;

	(void)state;
	for (smaller = 0; smaller < 2; smaller++) {
		(void)setup_in("10.77.0.0/16");
		memset(&w, 0, sizeof(w));
		friend = actor("friend", 2);
		victim = actor("mouse", 7);
		forger = actor("cat", 66);
		dress(smaller ? SMALL : GREAT);
		forger->lives = victim->lives = true;
		claim(BEHIND);
		run_for(60 * US_PER_S);
		assert_memory_equal(holder(&victim->addr),
		    smaller ? forger->key : victim->key, WG_KEY_LEN);
		(void)teardown(NULL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(address_later),
	    cmocka_unit_test(address_accused),
	    cmocka_unit_test(address_said_left),
	    cmocka_unit_test(address_restart),
	    cmocka_unit_test(address_reboot),
	    cmocka_unit_test(address_longer),
	    cmocka_unit_test(address_asleep),
	    cmocka_unit_test(name_of_one_away),
	    cmocka_unit_test(thousands),
	    cmocka_unit_test(given_back),
	    cmocka_unit_test(after_a_leave),
	    cmocka_unit_test(fresh_observer),
	};

	return sodium_init() == -1 ? 1
				   : cmocka_run_group_tests_name("hostile "
								 "address",
					 tests, NULL, NULL);
}
