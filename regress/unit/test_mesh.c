/*
 * The mesh in virtual time: what it asks for and when, and what becomes of what
 * it is told.
 */
#include "mesh_rig.h"

#include <jansson.h>

#include "oom.h"

static void
test_order_of_a_start(void **state)
{
	struct mesh_view v;

	(void)state;
	seed("seed");
	begin();
	assert_true(mesh_deadline(w.mesh) == NEVER);
	net("192.0.2.1", "");
	assert_int_equal(w.nasked, 0);
	hello(0);
	assert_int_equal(w.nasked, 1);
	assert_int_equal(w.asked[0].type, PRIV_SELF);
	mesh_view(w.mesh, &v);
	assert_null(v.swim);
	/* `wesher status` may come this early; STATS would end us. */
	assert_false(mesh_may_ask(w.mesh));
	answer(0);
	assert_true(mesh_may_ask(w.mesh));
	mesh_view(w.mesh, &v);
	assert_non_null(v.swim);
	run_for(0, false);
	assert_int_equal(w.resolves, 1);
	assert_int_equal(w.saves, 1);
	assert_int_equal(count(PRIV_ALIVE), 1);
}

/* A host without a network yet: wesher-priv hears from us all the same. */
static void
test_alive_while_waiting_for_an_address(void **state)
{
	(void)state;
	begin();
	hello(0);
	answer(0);
	net("", "");
	run_for(60 * US_PER_S, false);
	assert_true(count(PRIV_ALIVE) >= 6);
	assert_int_equal(count(PRIV_SYNC), 0);
	net("192.0.2.1", "");
	run_for(0, false);
	assert_true(w.saves > 0);
}

/* The one other member answers what it was asked last; it has a tunnel. */
static void
oblige(unsigned *streams)
{
	struct priv_stat st = {.handshake = 1, .flags = PRIV_STAT_LAST};
	const struct wire_ack a = {.seqno = w.pinged};
	uint8_t buf[64];
	ssize_t len = wire_put_ack(buf, sizeof(buf), &a);

	if (w.pinged != 0)
		assert_int_equal(
		    mesh_packet(w.mesh, w.now, &w.sending, buf, (size_t)len),
		    0);
	w.pinged = 0;
	if (w.streams > *streams)
		join_answer(two, 1);
	*streams = w.streams;
	answer(0);
	memset(st.key, two[0].k, WG_KEY_LEN);
	mesh_stat(w.mesh, w.now, &st);
}

/* At rest it wakes to ask somebody something; ALIVE goes along. */
static void
test_rest(void **state)
{
	unsigned packets, streams = 0, told, stats, pings = 0;
	int64_t end, last;

	(void)state;
	up(0);
	alive(&two[0]);
	for (end = w.now + 120 * US_PER_S; w.now < end;) {
		run_for(US_PER_S / 4, true);
		oblige(&streams);
	}
	end += 300 * US_PER_S;
	stats = count(PRIV_STATS);
	for (last = w.now; w.now < end; oblige(&streams)) {
		packets = w.packets;
		told = count(PRIV_ALIVE);
		w.now = mesh_deadline(w.mesh);
		mesh_tick(w.mesh, w.now);
		assert_true(w.packets > packets || w.streams > streams);
		pings += w.pinged != 0;
		if (count(PRIV_ALIVE) == told)
			continue;
		assert_true(w.now - last <= PRIV_ALIVE_INTERVAL * US_PER_S);
		last = w.now;
	}
	assert_in_range(pings, 59, 62);
	assert_int_equal(count(PRIV_STATS), stats);
	assert_true(end - last <= PRIV_ALIVE_INTERVAL * US_PER_S);
}

/* What was sealed is saved now and again, and counted on after a restart. */
static void
test_sealed_is_counted(void **state)
{
	unsigned saves;

	(void)state;
	w.st.sealed = 1000;
	w.st.sealed_all = WEAR_BOUND / 2 - 100000;
	begin();
	hello(0);
	net("192.0.2.1", "");
	answer(0);
	run_for(US_PER_S, false);
	assert_int_equal(w.saved_sealed, 1000);
	saves = w.saves;
	w.sealed = WEAR_SAVE - 1;
	run_for(20 * US_PER_S, false);
	assert_int_equal(w.saves, saves);
	w.sealed = WEAR_SAVE;
	run_for(20 * US_PER_S, false);
	assert_int_equal(w.saves, saves + 1);
	assert_int_equal(w.saved_sealed, 1000 + WEAR_SAVE);
	assert_null(strstr(w.line, "roll the key"));
	w.sealed += 50000;
	run_for(20 * US_PER_S, false);
	assert_non_null(strstr(w.line, "roll the key"));
	/* Whatever way it ends but by a crash, all is saved. */
	mesh_stop(w.mesh, w.now);
	assert_int_equal(w.saved_sealed, 1000 + w.sealed);
}

/* Learn, program, wait for the answers, only then be heard. */
static void
test_order_of_a_join(void **state)
{
	(void)state;
	seed("seed");
	up(1);
	resolved("192.0.2.2");
	assert_int_equal(w.streams, 1);
	join_answer(two, 2);
	assert_int_equal(count(PRIV_PEER_SET), 2);
	assert_int_equal(count(PRIV_SYNC), 0);
	assert_int_equal(w.alives[2] + w.alives[3], 0);
	result(&w.asked[w.answered++], 0); /* ALIVE */
	result(&w.asked[w.answered++], 0);
	assert_int_equal(w.alives[2] + w.alives[3], 0);
	answer(0);
	assert_int_equal(w.alives[2], 1);
	assert_int_equal(w.alives[3], 1);
	assert_int_equal(count(PRIV_SYNC), 1);
	assert_int_equal(w.primes, 0);
	run_for(300 * US_PER_S, true);
	assert_int_equal(count(PRIV_SYNC), 1);
}

/* In a large mesh the state waits for those that come, but not for ever. */
static void
test_many_newcomers_are_one_save(void **state)
{
	struct node n = {.inc = 5};
	char name[16];
	unsigned i, saves = 0;

	(void)state;
	up(0);
	for (i = 1; i <= 140; i++) {
		snprintf(name, sizeof(name), "crowd%u", i);
		n.name = name;
		n.k = (uint8_t)(i + 2);
		if (i == 100)
			saves = w.saves;
		alive(&n);
		run_for(US_PER_S / 2, true);
	}
	/* 20 s, of which each has news, and 1.5 s to wait. */
	assert_in_range(w.saves - saves, 3, 8);
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.saved_nodes, 140);
	saves = w.saves;
	run_for(20 * US_PER_S, true);
	assert_int_equal(w.saves, saves);
}

static void
test_announced_without_answers(void **state)
{
	(void)state;
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	join_answer(two, 2);
	run_for(2500 * US_PER_MS, false);
	assert_true(w.alives[2] > 0 && w.alives[3] > 0);
}

static void
test_sync_waits_for_somebody(void **state)
{
	(void)state;
	up(3);
	run_for(200 * US_PER_S, true);
	assert_int_equal(count(PRIV_SYNC), 0);
	alive(&two[0]);
	run_for(61 * US_PER_S, true);
	assert_int_equal(count(PRIV_SYNC), 1);
}

static void
test_sync_without_memory(void **state)
{
	(void)state;
	seed("seed");
	up(1);
	resolved("192.0.2.2");
	join_answer(two, 2);
	w.deaf = true;
	answer(0);
	assert_int_equal(count(PRIV_SYNC), 0);
	w.deaf = false;
	run_for(6 * US_PER_S, true);
	assert_int_equal(count(PRIV_SYNC), 1);
}

/* Who has just started, too, does not know whose tunnels are to go. */
static void
test_sync_waits_for_who_knows(void **state)
{
	(void)state;
	saved_two();
	seed("seed");
	up(2);
	resolved("192.0.2.2");
	join_answer(two, 1);
	run_for(50 * US_PER_S, true);
	assert_int_equal(count(PRIV_SYNC), 0);
	assert_int_equal(w.saved_nodes, 2); /* not one alone */
	run_for(20 * US_PER_S, true);
	assert_int_equal(count(PRIV_SYNC), 1);
}

static void
test_sync_when_all_are_back(void **state)
{
	(void)state;
	saved_two();
	seed("seed");
	up(2);
	resolved("192.0.2.2");
	join_answer(two, 1);
	run_for(US_PER_S, true);
	assert_int_equal(count(PRIV_SYNC), 0);
	alive(&two[1]);
	run_for(US_PER_S, true);
	assert_int_equal(count(PRIV_SYNC), 1);
}

static bool
tunnel_asked(const struct node *n)
{
	unsigned i;

	for (i = 0; i < w.nasked; i++)
		if (w.asked[i].type == PRIV_PEER_SET &&
		    w.asked[i].key[0] == n->k)
			return true;
	return false;
}

/* Whatever memory was short for as two members came: they get their tunnels
 * when it is back, and what is said of members is said again. */
static void
test_members_without_memory(void **state)
{
	unsigned n;
	bool none = false;

	for (n = 1; !none; n++) {
		up(0);
		oom_arm(n, 1);
		alive(&two[0]);
		alive(&two[1]);
		answer(0);
		none = oom_disarm();
		alive(&two[0]);
		alive(&two[1]);
		run_for(15 * US_PER_S, true);
		if (!tunnel_asked(&two[0]) || !tunnel_asked(&two[1]))
			fail_msg("allocation %u: no tunnel", n);
		teardown(state);
		setup(state);
	}
	assert_true(n > 8);
}

static void
test_dialect(void **state)
{
	struct node old = {"old", 4, -1, 5, WIRE_S_ALIVE};
	struct node newer = {"newer", 5, 0, 5, WIRE_S_ALIVE};

	(void)state;
	up(0);
	alive(&two[0]);
	assert_int_equal(our_dialect(), META_V03);
	alive(&old);
	assert_int_equal(our_dialect(), META_V02);
	assert_int_equal(w.lines, 0);
	alive(&newer);
	assert_int_equal(our_dialect(), META_V03);
	assert_int_equal(w.lines, 1);
	newer.inc++;
	leaves(&newer);
	assert_int_equal(our_dialect(), META_V02);
	old.inc++;
	leaves(&old);
	assert_int_equal(our_dialect(), META_V03);
	assert_int_equal(w.lines, 1);
}

static void
test_state_is_saved(void **state)
{
	struct node n = two[0];

	(void)state;
	up(0);
	assert_int_equal(w.saves, 1);
	alive(&n);
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.saves, 2);
	assert_int_equal(w.saved_nodes, 1);
	/* Disk full: told once, tried again. */
	w.save_errno = ENOSPC;
	alive(&two[1]);
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.saves, 3);
	assert_int_equal(w.lines, 1);
	run_for(61 * US_PER_S, true);
	assert_true(w.saves >= 4 && w.saves <= 6);
	assert_int_equal(w.lines, 1);
	w.save_errno = 0;
	run_for(31 * US_PER_S, true);
	/* The last members that we knew are not forgotten. */
	n.inc++;
	leaves(&n);
	n = two[1];
	n.inc++;
	leaves(&n);
	run_for(5 * US_PER_S, true);
	assert_true(w.saved_nodes >= 1);
}

static void
test_saved_members_are_tried(void **state)
{
	(void)state;
	w.st.nodes = calloc(2, sizeof(*w.st.nodes));
	w.st.nnodes = 2;
	w.st.nodes[0].name = strdup("self");
	w.st.nodes[1].name = strdup("node2");
	ipaddr_parse("192.0.2.1", &w.st.nodes[0].addr.ip);
	ipaddr_parse("192.0.2.2", &w.st.nodes[1].addr.ip);
	up(0);
	assert_int_equal(w.resolves, 1);
	resolved("192.0.2.2");
	assert_int_equal(w.stream_to.port, 7946);
}

/* A crash before the state was saved: the tunnels still know somebody. */
static void
test_ends_of_adopted_tunnels_are_tried(void **state)
{
	struct priv_stat s = {.flags = PRIV_STAT_ADOPTED};
	struct ipport end = {.port = 51820};

	(void)state;
	begin();
	hello(1);
	ipaddr_parse("192.0.2.9", &end.ip);
	priv_ep_to(&s.endpoint, &end);
	memset(s.key, 9, sizeof(s.key));
	mesh_stat(w.mesh, w.now, &s);
	net("192.0.2.1", "");
	answer(0);
	run_for(0, false);
	assert_int_equal(w.resolves, 1);
	resolved("192.0.2.9");
	assert_int_equal(w.stream_to.port, 7946);
	assert_int_equal(w.stream_to.ip.b[3], 9);
}

static void
announced(const char *want)
{
	struct mesh_view v;
	char buf[IPADDR_STRLEN];

	mesh_view(w.mesh, &v);
	assert_string_equal(ipaddr_str(&v.announced.ip, buf), want);
}

/* At a private address, with one member. */
static void
up_with_node2(void)
{
	begin();
	hello(0);
	net("192.168.1.5", "");
	answer(0);
	alive(&two[0]);
	answer(0);
}

static void
test_address_changes(void **state)
{
	(void)state;
	up_with_node2();
	announced("192.168.1.5");
	net("192.168.1.6", "");
	announced("192.168.1.6");
	/* It leaves under the old one and returns under the new one. */
	assert_true(w.leaves[2] > 0);
	memset(w.alives, 0, sizeof(w.alives));
	run_for(10 * US_PER_S, true);
	assert_true(w.alives[2] > 0);
	assert_false(mesh_finished(w.mesh));
	/* A public address is worth moving for, another one is not. */
	net("192.168.1.6", "203.0.113.7");
	announced("203.0.113.7");
	net("203.0.113.8", "203.0.113.7");
	announced("203.0.113.7");
	net("203.0.113.8", "");
	announced("203.0.113.8");
	/* No network for a moment is no reason to do anything. */
	net("", "");
	announced("203.0.113.8");
}

static bool
takes(const char *addr)
{
	struct ipaddr a;
	const char *why;

	ipaddr_parse(addr, &a);
	return accept_ok(&w.accept, &a, 0, &why);
}

/* The tunnels are told at once, gossip takes its time; what still comes to the
 * old address is taken for a minute. */
static void
test_a_move(void **state)
{
	unsigned sets, primes;

	(void)state;
	up_with_node2();
	run_for(10 * US_PER_S, true);
	assert_true(takes("192.168.1.5"));
	assert_false(takes("192.168.1.6"));
	sets = count(PRIV_PEER_SET);
	primes = w.primes;
	net("192.168.1.6", "192.168.2.1");
	run_for(0, true);
	assert_int_equal(w.primes, primes + 1);
	assert_true(takes("192.168.1.5"));
	assert_true(takes("192.168.1.6"));
	assert_false(takes("192.168.2.1"));
	run_for(4 * US_PER_S, true);
	assert_int_equal(count(PRIV_PEER_SET), sets);
	assert_int_equal(count(PRIV_PEER_DEL), 0);
	/* Another address comes and goes: only the latter can matter. */
	primes = w.primes;
	net("192.168.1.6", "192.168.3.1");
	run_for(0, true);
	assert_int_equal(w.primes, primes + 1);
	net("192.168.1.6", "192.168.3.1");
	run_for(0, true);
	assert_int_equal(w.primes, primes + 1);
	run_for(60 * US_PER_S, true);
	assert_false(takes("192.168.1.5"));
}

/* The source of the default route goes, as DHCP does it, and a container's
 * bridge remains: nobody is told of that, unless it stays so. */
static void
test_an_address_between_is_not_told(void **state)
{
	struct priv_net n = {.naddr = 2};
	struct ipaddr a;

	(void)state;
	up_with_node2();
	ipaddr_parse("172.17.0.1", &a);
	priv_ip_to(&n.addr[0], &a);
	ipaddr_parse("192.168.1.5", &a);
	priv_ip_to(&n.addr[1], &a);
	n.def4 = n.addr[1];
	mesh_net(w.mesh, w.now, &n);
	announced("192.168.1.5");
	net("172.17.0.1", "");
	run_for(5 * US_PER_S, true);
	announced("192.168.1.5");
	ipaddr_parse("192.168.1.6", &a);
	priv_ip_to(&n.addr[1], &a);
	n.def4 = n.addr[1];
	mesh_net(w.mesh, w.now, &n);
	announced("192.168.1.6");
	run_for(30 * US_PER_S, true);
	net("172.17.0.1", "");
	run_for(5 * US_PER_S, true);
	announced("192.168.1.6");
	run_for(6 * US_PER_S, true);
	announced("172.17.0.1");
	/* The same one comes back. */
	mesh_net(w.mesh, w.now, &n);
	net("172.17.0.1", "");
	mesh_net(w.mesh, w.now, &n);
	run_for(30 * US_PER_S, true);
	announced("192.168.1.6");
	/* Nothing is left while we wait: for what comes, without a tick. */
	mesh_net(w.mesh, w.now, &n);
	net("172.17.0.1", "");
	net("", "");
	run_for(30 * US_PER_S, true);
	announced("192.168.1.6");
	net("172.17.0.1", "");
	announced("172.17.0.1");
}

/* Nobody was told of the address between: the one before it is still asked. */
static void
test_a_move_within_a_move(void **state)
{
	(void)state;
	up_with_node2();
	run_for(10 * US_PER_S, true);
	net("192.168.1.6", "");
	run_for(US_PER_S / 2, true);
	net("192.168.1.7", "");
	run_for(10 * US_PER_S, true);
	assert_true(takes("192.168.1.5"));
	assert_true(takes("192.168.1.7"));
	net("192.168.1.8", "");
	run_for(0, true);
	assert_true(takes("192.168.1.7"));
	assert_false(takes("192.168.1.5"));
}

/* At a private address, about to join. */
static void
up_with_seed(void)
{
	seed("seed");
	begin();
	hello(0);
	net("192.168.1.5", "");
	answer(0);
	run_for(0, true);
}

/* Our join was answered while we were silent: asked again when we are back. */
static void
test_a_move_while_joining(void **state)
{
	(void)state;
	up_with_seed();
	resolved("192.0.2.2");
	assert_int_equal(w.streams, 1);
	net("192.168.1.6", "");
	join_answer(two, 2);
	w.resolves = 0;
	run_for(3 * US_PER_S, true);
	assert_int_equal(w.resolves, 1);
	resolved("192.0.2.2");
	join_answer(two, 2);
	answer(0);
	run_for(3 * US_PER_S, true);
	assert_true(w.alives[2] > 0);
}

/* Cut off until everybody is dead to us: the saved members are asked. */
static void
test_back_from_nowhere(void **state)
{
	unsigned lines;

	(void)state;
	up_with_node2();
	run_for(10 * US_PER_S, true);
	lines = w.lines;
	net("", "");
	net("", "");
	assert_int_equal(w.lines, lines + 1);
	assert_true(takes("192.168.1.5"));
	leaves(&two[0]);
	w.resolves = 0;
	run_for(10 * US_PER_S, true);
	assert_int_equal(w.resolves, 0);
	net("192.168.1.5", "");
	run_for(10 * US_PER_S, true);
	assert_int_equal(w.resolves, 1);
}

static void
last_line_has(const char *text)
{
	if (strstr(w.line, text) == NULL)
		fail_msg("'%s' is not in '%s'", text, w.line);
}

/* What cannot work is said, once. */
static void
test_families(void **state)
{
	struct ipaddr a;

	(void)state;
	log_init(LOG_D_SINK, LOG_L_INFO, "test", -1);
	up_with_seed();
	last_line_has("out of reach");
	ipaddr_parse("fd00::1", &a);
	for (w.lines = 0; w.lines == 0;) {
		mesh_resolved(w.mesh, w.now, w.target, &a, 1, NULL);
		run_for(US_PER_S, true);
	}
	last_line_has("it has IPv6 addresses alone");
	assert_int_equal(w.streams, 0);
	mesh_resolved(w.mesh, w.now, w.target, NULL, 0, "no such name");
	assert_int_equal(w.streams, 0);
}

static void
test_leave(void **state)
{
	(void)state;
	up(0);
	alive(&two[0]);
	answer(0);
	mesh_leave(w.mesh, w.now);
	assert_true(w.leaves[2] > 0);
	assert_false(mesh_finished(w.mesh));
	run_for(9 * US_PER_S, true);
	assert_true(mesh_finished(w.mesh));
}

static void
test_leave_alone_or_early(void **state)
{
	(void)state;
	begin();
	mesh_leave(w.mesh, w.now);
	assert_true(mesh_finished(w.mesh));
	mesh_free(w.mesh);
	up(0);
	mesh_leave(w.mesh, w.now);
	assert_true(mesh_finished(w.mesh));
}

/* The leave comes between a join and its announcement: no busy loop, and no
 * further joins. */
static void
test_leave_within_a_join(void **state)
{
	unsigned n;

	(void)state;
	seed("seed");
	seed("other");
	up(0);
	resolved("192.0.2.9");
	n = w.streams;
	w.target = 0;
	resolved("192.0.2.2");
	assert_int_equal(w.streams, n + 1);
	join_answer(two, 2);
	run_for(1900 * US_PER_MS, false);
	mesh_leave(w.mesh, w.now);
	n = w.streams;
	mesh_failed(w.mesh, w.now, w.stream_id - 1, "refused");
	run_for(9 * US_PER_S, false);
	assert_true(mesh_finished(w.mesh));
	assert_int_equal(w.streams, n);
}

static void
test_no_joins_while_leaving(void **state)
{
	(void)state;
	seed("seed");
	up(0);
	alive(&two[0]);
	mesh_leave(w.mesh, w.now);
	resolved("192.0.2.9");
	assert_int_equal(w.streams, 0);
}

static void
test_stop(void **state)
{
	(void)state;
	up(0);
	alive(&two[0]);
	mesh_stop(w.mesh, w.now);
	assert_true(mesh_finished(w.mesh));
	assert_int_equal(w.leaves[2], 0);
	assert_int_equal(w.saves, 2);
}

static void
test_our_name_is_taken(void **state)
{
	struct node n[] = {
	    {"self", 66, 1, 5, WIRE_S_ALIVE}, {"node2", 2, 1, 5, WIRE_S_ALIVE}};
	int i;

	(void)state;
	seed("seed");
	up(1);
	resolved("192.0.2.2");
	join_answer(n, 2);
	assert_int_equal(count(PRIV_PEER_SET), 0);
	assert_int_equal(count(PRIV_SYNC), 0);
	assert_int_equal(w.errors, 1);
	/* It is tried for ever, and told once a minute. */
	for (i = 0; i < 5; i++) {
		unsigned before = w.resolves;

		run_for(8 * US_PER_S, true);
		if (w.resolves == before)
			continue;
		resolved("192.0.2.2");
		join_answer(n, 2);
	}
	assert_true(w.resolves >= 3);
	assert_int_equal(w.errors, 1);
	for (i = 0; i < 50; i++) {
		n[0].inc++;
		alive(&n[0]);
	}
	assert_int_equal(w.errors, 1);
}

/* Two names of one overlay address, which is not ours; a before z. */
static void
two_of_one_address(char a[8], char z[8])
{
	struct ipaddr self, of_a, of_z = {0};
	unsigned i = 0;

	overlay_addr(&w.conf.overlay, "self", 4, 0, &self);
	do {
		snprintf(a, 8, "a%u", ++i);
		overlay_addr(&w.conf.overlay, a, strlen(a), 0, &of_a);
	} while (ipaddr_eq(&of_a, &self) ||
		 !check_overlay_host(&w.conf.overlay, &of_a));
	for (i = 0; !ipaddr_eq(&of_z, &of_a); i++) {
		snprintf(z, 8, "z%u", i);
		overlay_addr(&w.conf.overlay, z, strlen(z), 0, &of_z);
	}
}

static enum peer_why
why_of(const char *name)
{
	struct mesh_view v;

	mesh_view(w.mesh, &v);
	peers_view(v.peers,
	    member_find(swim_members(v.swim), name, strlen(name)), &w.seen);
	return w.seen.why;
}

/* A state that we saved tells that z was first; failed: when, if it did. */
static void
meet_saved(char a[8], char z[8], int64_t failed, int64_t ended)
{
	struct node n[2] = {
	    {a, 2, 0, 1, WIRE_S_ALIVE}, {z, 3, 1, 1, WIRE_S_ALIVE}};
	struct state_node *saved = calloc(1, sizeof(*saved));

	assert_non_null(saved);
	ipnet_parse("10.1.1.0/28", &w.conf.overlay);
	two_of_one_address(a, z);
	seed("seed");
	w.st.nodes = saved;
	w.st.nnodes = 1;
	saved->name = strdup(z);
	saved->since = 1600000000;
	saved->failed = failed;
	w.st.saved = ended;
	saved->has_pubkey = true;
	memset(saved->pubkey, 3, WG_KEY_LEN);
	overlay_addr(&w.conf.overlay, z, strlen(z), 0, &saved->overlay);
	up(0);
	resolved("192.0.2.2");
	join_answer(n, 2);
	run_for(US_PER_S, true);
}

static void
test_saved_holder(void **state)
{
	char a[8], z[8];

	(void)state;
	meet_saved(a, z, 0, 0);
	assert_int_equal(why_of(z), PEER_OK);
	assert_int_equal(w.seen.since, 1600000000);
	assert_int_equal(why_of(a), PEER_ADDR_TAKEN);
	/* One that failed is remembered likewise, but not for ever. */
	teardown(state);
	setup(state);
	meet_saved(a, z, time(NULL) - 3600, 0);
	assert_int_equal(why_of(z), PEER_OK);
	teardown(state);
	setup(state);
	meet_saved(a, z, time(NULL) - 100 * 3600, 0);
	assert_int_equal(why_of(z), PEER_ADDR_TAKEN);
	assert_int_equal(why_of(a), PEER_OK);
	teardown(state);
	setup(state);
	/* Nor one that was alive when we were switched off for long. */
	meet_saved(a, z, 0, time(NULL) - 100 * 3600);
	assert_int_equal(why_of(z), PEER_ADDR_TAKEN);
	teardown(state);
	setup(state);
	meet_saved(a, z, 0, time(NULL) - 3600);
	assert_int_equal(why_of(z), PEER_OK);
	teardown(state);
	setup(state);
	/* The clock was set back, or it was wrong then. */
	meet_saved(a, z, 0, time(NULL) + 1000 * 3600);
	assert_int_equal(why_of(z), PEER_OK);
}

static void
test_overlay_address_is_refused(void **state)
{
	struct mesh_view v;
	struct ipaddr want;

	(void)state;
	begin();
	hello(0);
	net("192.0.2.1", "");
	result(&w.asked[0], EADDRINUSE);
	assert_int_equal(w.nasked, 2);
	assert_int_equal(w.asked[1].attempt, 1);
	result(&w.asked[1], EXDEV);
	assert_int_equal(w.asked[2].attempt, 2);
	result(&w.asked[2], 0);
	mesh_view(w.mesh, &v);
	overlay_addr(&w.conf.overlay, "self", 4, 2, &want);
	assert_true(ipaddr_eq(&v.overlay, &want));
	assert_non_null(v.swim);
	assert_int_equal(w.errors, 0);
}

static void
test_no_overlay_address_at_all(void **state)
{
	unsigned i, n;

	(void)state;
	begin();
	hello(0);
	for (i = 0; i < w.nasked; i++)
		result(&w.asked[i], EXDEV);
	n = count(PRIV_SELF);
	assert_true(n > 200 && n <= 256);
	assert_int_equal(w.errors, 1);
	run_for(11 * US_PER_S, false);
	assert_int_equal(count(PRIV_SELF), n + 1);
	/* What says nothing about the address: the same one again. */
	i = w.nasked - 1;
	while (w.asked[i].type != PRIV_SELF)
		i--;
	assert_int_equal(w.asked[i].attempt, w.asked[0].attempt);
	result(&w.asked[i], ENODEV);
	run_for(11 * US_PER_S, false);
	assert_int_equal(count(PRIV_SELF), n + 2);
	assert_int_equal(w.asked[w.nasked - 1].attempt, w.asked[i].attempt);
	assert_int_equal(w.errors, 1);
}

/* A name that derives our address in a small network. */
static const char *
namesake(void)
{
	static char name[16];

	ipnet_parse("10.1.0.0/24", &w.conf.overlay);
	return taker("n", 0, name);
}

/* Who joins gives way, before the others hear of it. */
static void
test_joiner_yields_its_address(void **state)
{
	struct node n = {namesake(), 2, 1, 5, WIRE_S_ALIVE};
	struct mesh_view v;
	struct ipaddr ours;
	struct member *self;
	struct meta meta;

	(void)state;
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	join_answer(&n, 1);
	assert_int_equal(count(PRIV_SELF), 2);
	assert_int_equal(count(PRIV_PEER_SET), 0);
	assert_int_equal(w.alives[2], 0);
	answer(0);
	mesh_view(w.mesh, &v);
	overlay_addr(&w.conf.overlay, "self", 4, 1, &ours);
	assert_true(ipaddr_eq(&v.overlay, &ours));
	self = member_find(swim_members(v.swim), "self", 4);
	assert_int_equal(
	    meta_decode(member_meta(self), self->metalen, &meta), 0);
	assert_int_equal(meta.attempt, 1);
	assert_true(ipaddr_eq(&meta.overlay, &ours));
	answer(0);
	/* Now the other one has its tunnel, and hears us. */
	assert_int_equal(count(PRIV_PEER_SET), 1);
	assert_true(w.alives[2] > 0);
	run_for(10 * US_PER_S, true);
	assert_int_equal(count(PRIV_SELF), 2);
}

static void
test_standing_member_keeps_its_address(void **state)
{
	struct node n = {namesake(), 2, 1, 5, WIRE_S_ALIVE};

	(void)state;
	up(0);
	alive(&two[1]);
	run_for(31 * US_PER_S, true);
	alive(&n);
	run_for(60 * US_PER_S, true);
	assert_int_equal(count(PRIV_SELF), 1);
	assert_int_equal(count(PRIV_PEER_SET), 1);
}

static void
test_no_memory_for_self(void **state)
{
	(void)state;
	begin();
	w.deaf = true;
	hello(0);
	w.deaf = false;
	run_for(11 * US_PER_S, false);
	assert_int_equal(count(PRIV_SELF), 1);
}

static void
test_incarnation_at_its_end(void **state)
{
	struct mesh_view v;

	(void)state;
	w.st.incarnation = UINT32_MAX;
	up(0);
	mesh_view(w.mesh, &v);
	assert_true(swim_incarnation(v.swim) > 1);
	mesh_free(w.mesh);
	w.st.incarnation = 0xe0000000u;
	up(0);
	mesh_view(w.mesh, &v);
	assert_int_equal(swim_incarnation(v.swim), 0xe0000001u);
}

static json_int_t
refused_of(const json_t *doc, const char *reason)
{
	json_t *n = json_object_get(json_object_get(doc, "refused"), reason);

	assert_true(json_is_integer(n));
	return json_integer_value(n);
}

static void
test_status(void **state)
{
	struct node odd = {"\xff\xfe", 7, 1, 5, WIRE_S_ALIVE};
	json_t *doc, *list;
	char *text;

	(void)state;
	strlcpy(w.conf.interface, "wg\xff", sizeof(w.conf.interface));
	begin();
	text = mesh_status(w.mesh, w.now);
	assert_non_null(text);
	free(text);
	mesh_free(w.mesh);
	up(0);
	w.counters.refused[NET_REPLAY] = 7;
	alive(&two[0]);
	alive(&odd);
	answer(0);
	text = mesh_status(w.mesh, w.now);
	assert_non_null(text);
	doc = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(doc);
	assert_int_equal(refused_of(doc, "replay"), 7);
	assert_int_equal(refused_of(doc, "table_full"), 0);
	list = json_object_get(doc, "members");
	assert_int_equal(json_array_size(list), 2);
	assert_true(
	    json_is_null(json_object_get(json_array_get(list, 0), "why")));
	assert_true(
	    json_is_null(json_object_get(json_array_get(list, 0), "note")));
	assert_true(
	    json_is_null(json_object_get(json_array_get(list, 1), "why")));
	assert_true(
	    json_is_string(json_object_get(json_array_get(list, 1), "note")));
	json_decref(doc);
}

/* The sandbox: its layers, and whom it lets no stream go to. */
static json_t *
status_doc(void)
{
	char *text = mesh_status(w.mesh, w.now);
	json_t *doc = json_loads(text, 0, NULL);

	free(text);
	assert_non_null(doc);
	return doc;
}

/* {addr, age} there, or null. */
static void
conflict_is(const json_t *of, const char *addr, int age)
{
	const json_t *c = json_object_get(of, "conflict");

	if (addr == NULL) {
		assert_true(json_is_null(c));
		return;
	}
	assert_string_equal(
	    json_string_value(json_object_get(c, "addr")), addr);
	assert_int_equal(json_integer_value(json_object_get(c, "age")), age);
}

/* Two hosts of one name, for ten minutes after the last sign of it. */
static void
test_status_of_conflicts(void **state)
{
	struct node twin = two[0], ours = {"self", 66, 1, 9, WIRE_S_ALIVE};
	const json_t *list;
	json_t *doc;

	(void)state;
	up(0);
	alive(&two[0]);
	alive(&two[1]);
	answer(0);
	twin.k = 66;
	alive(&twin);
	w.now += 5 * US_PER_S;
	doc = status_doc();
	list = json_object_get(doc, "members");
	conflict_is(json_array_get(list, 0), "192.0.2.66:7946", 5);
	assert_non_null(strstr(
	    json_string_value(json_object_get(json_array_get(list, 0), "note")),
	    "its name is also claimed at 192.0.2.66:7946, 5s ago"));
	conflict_is(json_array_get(list, 1), NULL, 0);
	conflict_is(doc, NULL, 0);
	json_decref(doc);
	alive(&ours);
	doc = status_doc();
	conflict_is(doc, "192.0.2.66:7946", 0);
	json_decref(doc);
	w.now += 601 * US_PER_S;
	doc = status_doc();
	conflict_is(doc, NULL, 0);
	conflict_is(
	    json_array_get(json_object_get(doc, "members"), 0), NULL, 0);
	json_decref(doc);
}

static void
test_status_of_the_sandbox(void **state)
{
	const char *want = "reached by UDP alone: the sandbox lets no TCP go "
			   "to port 7946 (it does when --join names that)";
	json_t *doc, *box, *list;
	long long uid;
	int landlock, seccomp, bounded, priv;
	char *text;

	(void)state;
	w.confined = true;
	up(0);
	alive(&two[0]);
	answer(0);
	text = mesh_status(w.mesh, w.now);
	assert_non_null(text);
	doc = json_loads(text, 0, NULL);
	free(text);
	box = json_object_get(doc, "sandbox");
	assert_int_equal(
	    json_unpack(box, "{s:{s:I, s:b, s:i}, s:{s:b, s:b, s:i}}", "wesher",
		"uid", &uid, "seccomp", &seccomp, "landlock", &landlock,
		"wesher-priv", "bounded", &bounded, "seccomp", &priv,
		"landlock", &priv),
	    0);
	assert_int_equal(uid, 990);
	assert_int_equal(landlock, 7);
	assert_true(seccomp);
	assert_false(bounded);
	list = json_object_get(doc, "members");
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(list, 0), "note")),
	    want);
	json_decref(doc);
}

/* The others' hosts files have no place for every name: told at the start. */
static void
test_own_name(void **state)
{
	(void)state;
	begin();
	hello_as("my own", 0);
	net("192.0.2.1", "");
	answer(0);
	assert_int_equal(w.lines, 1);
	run_for(60 * US_PER_S, true);
	assert_int_equal(w.lines, 1);
}

/* A member that is well writes nothing at the usual level. */
static void
test_quiet_when_well(void **state)
{
	(void)state;
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	join_answer(two, 2);
	alive(&two[0]);
	alive(&two[1]);
	run_for(4 * US_PER_S, true);
	assert_int_equal(w.lines, 0);
}

/* The overlay network covers ours: said once, unless the operator was told. */
static void
test_announced_inside_the_overlay(void **state)
{
	(void)state;
	begin();
	hello(0);
	net("10.1.1.1", "");
	answer(0);
	assert_int_equal(w.lines, 1);
	net("10.1.1.2", "");
	run_for(60 * US_PER_S, true);
	assert_int_equal(w.lines, 1);
	mesh_free(w.mesh);
	assert_int_equal(ipaddr_parse("10.1.1.1", &w.conf.bind_addr), 0);
	begin();
	hello(0);
	net("10.1.1.1", "");
	answer(0);
	assert_int_equal(w.lines, 1);
}

/* After a long sleep all are told in person that we are back. */
static void
test_awake_again(void **state)
{
	unsigned before2, before3;

	(void)state;
	begin();
	mesh_woke(w.mesh, w.now, 600 * US_PER_S); /* not up yet */
	mesh_free(w.mesh);
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	join_answer(two, 2);
	run_for(10 * US_PER_S, true);
	before2 = w.alives[2];
	before3 = w.alives[3];
	mesh_woke(w.mesh, w.now, 10 * US_PER_S);
	assert_int_equal(w.alives[2], before2);
	mesh_woke(w.mesh, w.now, 600 * US_PER_S);
	assert_true(w.alives[2] > before2);
	assert_true(w.alives[3] > before3);
	mesh_leave(w.mesh, w.now);
	before2 = w.alives[2];
	mesh_woke(w.mesh, w.now, 600 * US_PER_S);
	assert_int_equal(w.alives[2], before2);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_order_of_a_start),
	    T(test_alive_while_waiting_for_an_address),
	    T(test_rest),
	    T(test_order_of_a_join),
	    T(test_announced_without_answers),
	    T(test_many_newcomers_are_one_save),
	    T(test_sync_waits_for_somebody),
	    T(test_sync_without_memory),
	    T(test_sync_waits_for_who_knows),
	    T(test_sync_when_all_are_back),
	    T(test_members_without_memory),
	    T(test_dialect),
	    T(test_state_is_saved),
	    T(test_saved_members_are_tried),
	    T(test_ends_of_adopted_tunnels_are_tried),
	    T(test_address_changes),
	    T(test_a_move),
	    T(test_an_address_between_is_not_told),
	    T(test_a_move_within_a_move),
	    T(test_a_move_while_joining),
	    T(test_back_from_nowhere),
	    T(test_families),
	    T(test_leave),
	    T(test_leave_alone_or_early),
	    T(test_leave_within_a_join),
	    T(test_no_joins_while_leaving),
	    T(test_stop),
	    T(test_our_name_is_taken),
	    T(test_saved_holder),
	    T(test_overlay_address_is_refused),
	    T(test_no_overlay_address_at_all),
	    T(test_joiner_yields_its_address),
	    T(test_standing_member_keeps_its_address),
	    T(test_no_memory_for_self),
	    T(test_incarnation_at_its_end),
	    T(test_status),
	    T(test_status_of_conflicts),
	    T(test_status_of_the_sandbox),
	    T(test_quiet_when_well),
	    T(test_own_name),
	    T(test_sealed_is_counted),
	    T(test_announced_inside_the_overlay),
	    T(test_awake_again),
	};

	return cmocka_run_group_tests_name("mesh", tests, NULL, NULL);
}
