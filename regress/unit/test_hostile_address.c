/*
 * A member gone bad that wants what is sent to another one: it claims the
 * victim's overlay address by every trick that names, attempts, dialects,
 * flags and the order of things leave. The observer is a whole daemon: its mesh
 * asks the real policy of wesher-priv above a kernel of arrays, which is looked
 * at after every step. README.md's chapter on security has the outcomes.
 */
#include "both.h"

/* What it says that it is. */
enum form {
	SMALL, /* another attempt of a smaller name, searched for */
	GREAT, /* of a greater one */
	PLAIN, /* a name of an original that derives it, v0.3 */
	PLAIN_V02,
	X_V02, /* SMALL in the old dialect */
	STATIC, /* a static address */
	UNDERIVED, /* its own name, which derives another */
	UNDERIVED_PLAIN,
	TWIN, /* SMALL with the victim's key */
	KEY, /* an address of its own with the victim's key */
	NAMESAKE, /* the victim's name at its own host, with its own key */
	MASK, /* the victim's name and host, with its own key */
	FORMS
};

/* How it says so. */
enum channel {
	DIRECT, /* its own packet */
	GOSSIP, /* a packet of another member */
	STATE, /* its push/pull */
	BEFORE, /* its push/pull, with the victim behind it */
	BEHIND, /* and before it */
	ANSWER, /* the answer to ours */
	PACKET, /* one packet, with the victim's own alive */
	CHANNELS
};

/* And when. */
enum moment {
	LATER, /* the victim has had it for two minutes */
	ACCUSED, /* it calls the victim suspect and dead all the time */
	SAID_LEFT, /* and left */
	RESTART, /* the victim's process is away for 20 s */
	REBOOT, /* its host for 60 s */
	LONGER, /* for 150 s */
	MOMENTS
};

static const char *const form_names[] = {"small", "great", "plain",
    "plain v0.2", "x in v0.2", "static", "underived", "underived plain", "twin",
    "key", "namesake", "mask"};
static const char *const channel_names[] = {
    "direct", "gossip", "state", "before", "behind", "answer", "packet"};
static const char *const moment_names[] = {
    "later", "accused", "left", "restart", "reboot", "longer"};

static struct {
	struct actor *victim, *forger, *friend;
	char what[128];
	int64_t handshake; /* of the victim, the last in our kernel */
	bool settled; /* what it has it keeps */
	unsigned lost; /* steps without it */
	bool taken; /* by another key */
} w;

/*
 * The next name that begins so, and an attempt of it, which derive an address:
 * in a network of 16 host bits one of 256 names has such an attempt.
 */
static uint8_t
search(const struct ipaddr *want, const char *first, bool plain, char name[64])
{
	static struct {
		struct ipaddr want;
		char first[8];
		bool plain;
		unsigned i, attempt;
	} known[256], *k;
	static unsigned nknown;
	unsigned i = 0, attempt;
	struct ipaddr a;

	for (k = known; k < known + 256; k++)
		if (strcmp(k->first, first) == 0 && k->plain == plain &&
		    ipaddr_eq(&k->want, want)) {
			snprintf(name, 64, "%s%u", first, k->i);
			return (uint8_t)k->attempt;
		}
	for (;; i++) {
		snprintf(name, 64, "%s%u", first, i);
		for (attempt = 0; attempt < (plain ? 1 : 256); attempt++) {
			overlay_addr(
			    &b.conf.overlay, name, strlen(name), attempt, &a);
			if (ipaddr_eq(&a, want))
				goto found;
		}
	}
found:
	k = &known[nknown++ % 256];
	k->want = *want;
	strlcpy(k->first, first, sizeof(k->first));
	k->plain = plain;
	k->i = i;
	k->attempt = attempt;
	return (uint8_t)attempt;
}

/* Dress the forger. */
static void
dress(enum form form)
{
	struct actor *f = w.forger;
	struct meta m = {.has_pubkey = true, .has_x = true};
	bool plain = form == PLAIN || form == PLAIN_V02;
	ssize_t len;

	m.overlay = w.victim->addr;
	key_of(66, m.pubkey);
	if (form == SMALL || form == X_V02 || form == TWIN || plain)
		m.attempt = search(&m.overlay, "a", plain, f->name);
	if (form == GREAT)
		m.attempt = search(&m.overlay, "z", false, f->name);
	if (form == NAMESAKE || form == MASK)
		strlcpy(f->name, w.victim->name, sizeof(f->name));
	if (form == MASK)
		memcpy(f->at, w.victim->at, 4);
	if (form == KEY)
		overlay_addr(
		    &b.conf.overlay, f->name, strlen(f->name), 0, &m.overlay);
	if (form == TWIN || form == KEY)
		memcpy(m.pubkey, w.victim->key, WG_KEY_LEN);
	if (form == PLAIN_V02 || form == X_V02)
		m.dialect = META_V02;
	m.has_x = !plain && form != UNDERIVED_PLAIN;
	m.is_static = form == STATIC;
	len = meta_encode(&m, f->meta, META_MAX);
	assert_true(len > 0);
	f->metalen = (size_t)len;
	memcpy(f->key, m.pubkey, WG_KEY_LEN);
}

/* Another name that begins so, and derives the same address. */
static void
redress(const char *first)
{
	struct meta m;
	ssize_t len;

	assert_int_equal(meta_decode(w.forger->meta, w.forger->metalen, &m), 0);
	m.attempt = search(&w.victim->addr, first, false, w.forger->name);
	len = meta_encode(&m, w.forger->meta, META_MAX);
	assert_true(len > 0);
	w.forger->metalen = (size_t)len;
}

/* It says goodbye. */
static void
leave(const struct actor *a)
{
	struct wire_accuse m = {.incarnation = a->inc,
	    .node = {(const uint8_t *)a->name, strlen(a->name)},
	    .from = {(const uint8_t *)a->name, strlen(a->name)}};
	uint8_t buf[256];

	post(a->at, 0, buf, wire_put_accuse(buf, sizeof(buf), WIRE_DEAD, &m));
	settle();
}

static void
add(uint8_t *buf, size_t *len, const struct actor *a)
{
	struct wire_node n = {
	    .name = {(const uint8_t *)a->name, strlen(a->name)},
	    .addr = {a->at, 4},
	    .port = 7946,
	    .meta = {a->meta, a->metalen},
	    .incarnation = a->inc,
	    .state = WIRE_S_ALIVE,
	    .vsn = {vsn, 6}};
	ssize_t r = wire_put_node(buf + *len, STATE_CAP - *len, &n);

	assert_true(r > 0);
	*len += (size_t)r;
}

/* A whole state. */
static size_t
state_of(uint8_t *buf, unsigned n, const struct actor *const *a)
{
	struct wire_pushpull head = {.nodes = n};
	ssize_t r = wire_put_pushpull(buf, STATE_CAP, &head);
	size_t len = (size_t)r;
	unsigned i;

	assert_true(r > 0);
	for (i = 0; i < n; i++)
		add(buf, &len, a[i]);
	return len;
}

static void
push(unsigned n, const struct actor *const *a)
{
	static uint8_t buf[STATE_CAP];
	struct ipport from = at(liar);
	uint8_t *reply = NULL;
	size_t len = state_of(buf, n, a), replylen = 0;

	from.port = 40000;
	(void)mesh_request(b.mesh, b.now, &from, WIRE_PUSHPULL, buf + 1,
	    len - 1, &reply, &replylen);
	free(reply);
	settle();
}

static void
claim(enum channel c)
{
	const struct actor *both[] = {w.forger, w.victim, w.forger};
	struct wire_alive f, v = alive_of(w.victim);
	uint8_t buf[2048], msg[1024], *out;
	struct wire_compound comp;
	ssize_t n;

	w.forger->inc++;
	if (strcmp(w.forger->name, w.victim->name) == 0 &&
	    w.forger->inc <= w.victim->inc)
		w.forger->inc = w.victim->inc + 1;
	f = alive_of(w.forger);
	n = wire_put_alive(msg, sizeof(msg), &f);
	b.lieslen = 0;
	switch (c) {
	case DIRECT:
		post(liar, 0, msg, n);
		break;
	case GOSSIP:
		post(w.friend->at, 0, msg, n);
		break;
	case STATE:
		push(1, both);
		break;
	case BEFORE:
		push(2, both);
		break;
	case BEHIND:
		push(2, both + 1);
		break;
	case ANSWER:
		b.lieslen = state_of(b.lies, 2, both);
		break;
	default:
		wire_compound_init(&comp, buf, sizeof(buf));
		assert_int_equal(wire_compound_add(&comp, msg, (size_t)n), 0);
		n = wire_put_alive(msg, sizeof(msg), &v);
		assert_int_equal(wire_compound_add(&comp, msg, (size_t)n), 0);
		n = (ssize_t)wire_compound_finish(&comp, &out);
		post(liar, 0, out, n);
	}
	settle();
}

/* Others' voices are the forger's, too. */
static void
accuse(enum wire_type type, const char *by)
{
	struct wire_accuse a = {.incarnation = w.victim->inc,
	    .node = {(const uint8_t *)w.victim->name, strlen(w.victim->name)},
	    .from = {(const uint8_t *)by, strlen(by)}};
	uint8_t buf[256];

	post(liar, 0, buf, wire_put_accuse(buf, sizeof(buf), type, &a));
	settle();
}

/* After every step: whose is the victim's address in our kernel? */
static void
watch(void)
{
	const uint8_t *k = holder(&w.victim->addr);
	const struct wg_peer *q = fk_peer(w.victim->key);

	if (q != NULL && q->handshake > w.handshake)
		w.handshake = q->handshake;
	if (k != NULL && memcmp(k, w.victim->key, WG_KEY_LEN) != 0) {
		w.taken = true;
		if (w.victim->lives || wall() - w.handshake < PEER_FRESH)
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
			accuse(WIRE_DEAD, w.victim->name);
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
	w.friend = actor("friend", 2);
	w.victim = actor("mouse", 7);
	w.forger = actor("cat", 66);
	dress(f);
	b.watch = watch;
	start(w.friend);
	start(w.victim);
	/* Behind the mask nobody hears what we answer. */
	w.forger->lives = f != MASK;
	run_for(120 * US_PER_S);
	assert_non_null(holder(&w.victim->addr));
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
		w.victim->lives = false;
		w.victim->silent = m != RESTART;
		w.settled = m == RESTART;
		attack(c, m, m == RESTART ? 20 : m == REBOOT ? 60 : 150);
		start(w.victim);
		attack(c, m, 30);
		w.settled = true;
		attack(c, m, 300);
		break;
	default:
		attack(c, m, 300);
	}
	if (w.taken || w.lost > 0)
		fail_msg("%s: %s, %u steps without", w.what,
		    w.taken ? "taken" : "not taken", w.lost);
	(void)teardown(NULL);
}

/* Who is away, its tunnel too, can be spoken for: name_of_one_away(). */
static bool
is_open(enum form f, enum moment m)
{
	return (f == NAMESAKE || f == MASK) && (m == REBOOT || m == LONGER);
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
	w.victim->lives = false;
	w.victim->silent = true;
	attack(GOSSIP, REBOOT, 60);
	assert_memory_equal(holder(&w.victim->addr), w.forger->key, WG_KEY_LEN);
	start(w.victim);
	attack(GOSSIP, REBOOT, 4);
	assert_memory_equal(holder(&w.victim->addr), w.victim->key, WG_KEY_LEN);
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
	w.friend = actor("friend", 2);
	w.victim = actor("mouse", 7);
	w.forger = actor("cat", 66);
	dress(SMALL);
	start(w.friend);
	start(w.forger);
	run_for(60 * US_PER_S);
	assert_memory_equal(holder(&w.victim->addr), w.forger->key, WG_KEY_LEN);
	start(w.victim);
	run_for(60 * US_PER_S);
	assert_memory_equal(holder(&w.victim->addr), w.forger->key, WG_KEY_LEN);
	for (i = 0; i < 30; i++) {
		w.forger->silent = true;
		leave(w.forger);
		run_for(10 * US_PER_S);
		w.forger->silent = false;
		claim(DIRECT);
		run_for(10 * US_PER_S);
	}
	assert_memory_equal(holder(&w.victim->addr), w.victim->key, WG_KEY_LEN);
	(void)teardown(NULL);
}

/* Who left has let go; its key's session keeps the address for 180 s. */
static void
after_a_leave(void **state)
{
	(void)state;
	cast(SMALL, DIRECT, LATER);
	w.settled = false;
	leave(w.victim);
	w.victim->lives = false;
	w.victim->silent = true;
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
		w.friend = actor("friend", 2);
		w.victim = actor("mouse", 7);
		w.forger = actor("cat", 66);
		dress(smaller ? SMALL : GREAT);
		w.forger->lives = w.victim->lives = true;
		claim(BEHIND);
		run_for(60 * US_PER_S);
		assert_memory_equal(holder(&w.victim->addr),
		    smaller ? w.forger->key : w.victim->key, WG_KEY_LEN);
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
