/*
 * A member gone bad against the mesh. What is at stake here: tunnels, the first
 * packets into them, the log, the state file. The numbers in the names are
 * those of the list in README.md's chapter on security.
 */
#include "hostile_mesh.h"

/*
 * A victim's address in one alive draws nothing into its tunnel; with a forged
 * source too, so that it seems to have come from there, a few datagrams.
 */
static void
hostile_08_handshakes(void **state)
{
	static const uint8_t victim[4] = {198, 51, 100, 7};
	uint8_t meta[META_MAX];
	size_t len;

	(void)state;
	good("node2", 2);
	len = good_meta("forged", 7, meta);
	overlay_addr(&w.conf.overlay, "forged", 6, 0, &w.watched);
	say("forged", victim, 1, meta, len, liar);
	run_for(600 * US_PER_S);
	assert_int_equal(w.primes, 0);
	len = good_meta("forged2", 8, meta);
	overlay_addr(&w.conf.overlay, "forged2", 7, 0, &w.watched);
	say("forged2", victim, 1, meta, len, victim);
	run_for(600 * US_PER_S);
	assert_in_range(w.primes, 1, 6);
	print_message(
	    "# a forged alive: no prime; with a forged source: %u\n", w.primes);
}

/* Everything that is logged because of others, from a thousand names. */
static void
hostile_11_logs(void **state)
{
	uint8_t addr[4] = {192, 0, 3, 0}, meta[META_MAX];
	unsigned i, round, lines;
	char name[16], *text;
	size_t len;

	(void)state;
	good("node2", 2);
	log_level_set(LOG_L_INFO);
	w.lines = 0;
	for (round = 1; round <= 20; round++) {
		for (i = 0; i < 1000; i++) {
			snprintf(name, sizeof(name), "n%u", i);
			addr[3] = (uint8_t)(i % 250 + 1);
			/* every third with no tunnel, for several reasons */
			len = good_meta(i % 3 ? name : "other", 9, meta);
			say(name, addr, round * 10, meta, len, liar);
			addr[2]++;
			say(name, addr, round * 10, meta, len, liar);
			addr[2]--;
			accuse(WIRE_SUSPECT, name, "node2", round * 10);
			say(name, addr, round * 10 + 1, meta, len, liar);
			accuse(WIRE_DEAD, name, name, round * 10 + 1);
		}
		say("self", liar, 5, meta, 0, liar);
		run_for(3 * US_PER_S);
	}
	lines = w.lines;
	print_message("# a minute of it, 100,000 events: %u lines\n", lines);
	assert_in_range(lines, 3, 128 + 32 + 4 * 60 + 10);
	run_for(60 * US_PER_S);
	assert_true(w.held >= 1);
	text = mesh_status(w.mesh, w.now);
	assert_non_null(text);
	free(text);
}

/* What a member without a right to a tunnel announces, and what is said. */
static void
hostile_13_tunnels(void **state)
{
	static const struct {
		const char *addr; /* NULL: derived from its name */
		uint8_t key, attempt;
		bool is_static, x;
		const char *words;
	} rows[] = {
	    {"192.0.2.50", 9, 0, false, true, "outside of our --overlay-net"},
	    {"11.0.0.1", 9, 0, false, false, "outside of our --overlay-net"},
	    {"self", 9, 0, false, true, "it claims our overlay address"},
	    {"node2", 9, 0, false, true, "does not derive from its name"},
	    {"10.1.2.3", 9, 0, false, true, "does not derive from its name"},
	    {NULL, 9, 1, false, true, "does not derive from its name"},
	    {"10.1.2.3", 9, 0, false, false, "does not derive from its name"},
	    {"10.1.2.3", 9, 0, true, true, "a static one"},
	    {"node2", 9, 0, true, true, "a static one"},
	    {NULL, 0, 0, false, true, "key is missing or malformed"},
	    {NULL, 0x80, 0, false, true, "our own WireGuard key"},
	    {NULL, 2, 0, false, true, "its WireGuard key is that of node2"},
	};
	const uint8_t addr[4] = {192, 0, 2, 9};
	uint8_t buf[META_MAX];
	struct meta m;
	char detail[512];
	ssize_t len;
	unsigned i;

	(void)state;
	good("node2", 2);
	assert_int_equal(why_of("node2", NULL), PEER_OK);
	w.sets = w.dels = 0;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *of = rows[i].addr != NULL ? rows[i].addr : "bad";

		memset(&m, 0, sizeof(m));
		m.has_pubkey = true;
		m.has_x = rows[i].x;
		m.attempt = rows[i].attempt;
		m.is_static = rows[i].is_static;
		memset(m.pubkey, rows[i].key, WG_KEY_LEN);
		if (ipaddr_parse(of, &m.overlay) == -1)
			overlay_addr(
			    &w.conf.overlay, of, strlen(of), 0, &m.overlay);
		len = meta_encode(&m, buf, sizeof(buf));
		assert_true(len > 0);
		say("bad", addr, i + 1, buf, (size_t)len, addr);
		run_for(US_PER_S / 2);
		if (why_of("bad", detail) == PEER_OK ||
		    strstr(detail, rows[i].words) == NULL)
			fail_msg("row %u: %s", i, detail);
	}
	/* Nothing was asked of wesher-priv, and the holder has all. */
	assert_int_equal(w.sets, 0);
	assert_int_equal(w.dels, 0);
	assert_int_equal(why_of("node2", NULL), PEER_OK);
	/* With what is its own it gets its tunnel at last. */
	len = (ssize_t)good_meta("bad", 9, buf);
	say("bad", addr, 99, buf, (size_t)len, addr);
	run_for(US_PER_S / 2);
	assert_int_equal(why_of("bad", NULL), PEER_OK);
	assert_int_equal(w.sets, 1);
}

/* Made-up members with all that a tunnel needs, a hundred thousand. */
static void
hostile_14_tunnels(void **state)
{
	uint8_t addr[4] = {0}, meta[META_MAX];
	unsigned i, k;
	char name[16];
	struct meta m;
	ssize_t len;
	int64_t ms;

	(void)state;
	for (k = 2; k < 8; k++) {
		snprintf(name, sizeof(name), "node%u", k);
		good(name, (uint8_t)k);
	}
	ms = cpu_ms();
	for (i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		memset(&m, 0, sizeof(m));
		m.has_pubkey = m.has_x = true;
		overlay_addr(
		    &w.conf.overlay, name, strlen(name), 0, &m.overlay);
		/* Each tenth wants another's key, or none at all. */
		memcpy(m.pubkey, &(uint32_t){i - i % 10 % 2}, sizeof(i));
		m.pubkey[31] = 1;
		len = meta_encode(&m, meta, sizeof(meta));
		addr[0] = 172;
		addr[1] = (uint8_t)(16 + (i >> 16));
		addr[2] = (uint8_t)(i >> 8);
		addr[3] = (uint8_t)i;
		say(name, addr, 1, meta, (size_t)len, liar);
		if (i % 64 == 0)
			run_for(US_PER_S / 100);
		assert_in_range(members(), 1, MAX_PEERS);
	}
	ms = cpu_ms() - ms;
	print_message("# 100000 invented: %lld ms, %u requests, at most %u "
		      "open, %u lines\n",
	    (long long)ms, w.sets + w.dels, w.most_open, w.lines);
	assert_int_equal(members(), MAX_PEERS);
	assert_in_range(w.most_open, 1, 256);
	assert_in_range(w.lines, 0, 200);
	/* The others keep theirs, and who comes gets one. */
	good("joiner", 8);
	run_for(30 * US_PER_S);
	assert_int_equal(why_of("joiner", NULL), PEER_OK);
	for (k = 2; k < 8; k++) {
		snprintf(name, sizeof(name), "node%u", k);
		assert_int_equal(why_of(name, NULL), PEER_OK);
		assert_false(w.deleted[k]);
	}
	run_for(300 * US_PER_S);
	assert_in_range(w.saved, 1, MAX_PEERS);
}

/* The largest table there can be makes a state that the next start reads. */
static void
hostile_14_state(void **state)
{
	struct state s, back;
	char name[256], why[128], *text;
	unsigned i;
	size_t len;

	(void)state;
	memset(&s, 0, sizeof(s));
	s.nodes = calloc(MAX_PEERS, sizeof(*s.nodes));
	s.nnodes = MAX_PEERS;
	for (i = 0; i < MAX_PEERS; i++) {
		memset(name, '"', 255); /* two bytes each in JSON */
		name[255] = '\0';
		memcpy(name,
		    (char[4]){(char)('a' + i % 26), (char)('a' + i / 26 % 26),
			(char)('a' + i / 676 % 26), 'x'},
		    4);
		s.nodes[i].name = strdup(name);
		s.nodes[i].meta = calloc(1, META_MAX);
		s.nodes[i].metalen = META_MAX;
		ipaddr_parse("2001:db8:1111:2222:3333:4444:5555:6666",
		    &s.nodes[i].addr.ip);
		s.nodes[i].addr.port = 65535;
		s.nodes[i].overlay = s.nodes[i].addr.ip;
		s.nodes[i].has_pubkey = true;
	}
	text = state_format(&s, &len);
	assert_non_null(text);
	assert_in_range(len, 1, STATE_MAX);
	assert_int_equal(state_parse(text, len, &back, why, sizeof(why)), 0);
	assert_int_equal(back.nnodes, MAX_PEERS);
	print_message("# the largest state: %zu kB\n", len / 1000);
	free(text);
	state_clear(&back);
	state_clear(&s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(hostile_08_handshakes),
	    T(hostile_11_logs),
	    T(hostile_13_tunnels),
	    T(hostile_14_tunnels),
	    T(hostile_14_state),
	};

	return cmocka_run_group_tests_name("hostile mesh", tests, NULL, NULL);
}
