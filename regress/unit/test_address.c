/*
 * Our own overlay address in virtual time: which one a newcomer takes, when it
 * is left to another member, and what others claim in vain.
 */
#include "mesh_rig.h"

#include "../../wesher/attempts.h"
#include "oom.h"

#define MOVED_MAX 33 /* of a member that is driven about, the first included */

static int
small(void **state)
{
	(void)setup(state);
	w.newcomer = true;
	assert_int_equal(ipnet_parse("10.1.0.0/24", &w.conf.overlay), 0);
	return 0;
}

/* It derives the address of that attempt of ours, and sorts before us or
 * behind. It has just started. */
static struct node
rival(const char *prefix, uint8_t k, unsigned attempt)
{
	static char names[256][16];

	return (struct node){taker(prefix, attempt, names[k]), k, 1,
	    (uint32_t)w.wall, WIRE_S_ALIVE};
}

static struct meta
our_meta(void)
{
	struct mesh_view v;
	struct member *self;
	struct meta meta;

	mesh_view(w.mesh, &v);
	self = member_find(swim_members(v.swim), "self", 4);
	assert_int_equal(
	    meta_decode(member_meta(self), self->metalen, &meta), 0);
	assert_true(ipaddr_eq(&meta.overlay, &v.overlay));
	return meta;
}

static void
assert_attempt(unsigned attempt)
{
	struct meta meta = our_meta();
	struct ipaddr want;

	assert_int_equal(meta.attempt, attempt);
	overlay_addr(&w.conf.overlay, "self", 4, attempt, &want);
	assert_true(ipaddr_eq(&meta.overlay, &want));
}

static void
assert_selfs(unsigned n)
{
	assert_int_equal(count(PRIV_SELF), n);
}

/* As up(), and the target is being looked at. */
static void
look(void)
{
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	assert_int_equal(w.streams, 1);
	assert_true(w.looking && !w.joining);
}

/* The look's answer, and wesher-priv's. */
static void
looked(const struct node *nodes, unsigned n)
{
	look();
	join_answer(nodes, n);
	answer(0);
	assert_int_equal(w.streams, 2);
	assert_true(!w.looking && w.joining);
}

/* For so long these say that they live, whatever becomes of probes. */
static void
live(unsigned s, struct node *nodes, unsigned n)
{
	unsigned i;

	for (; s > 0; s--) {
		for (i = 0; i < n && s % 4 == 0; i++) {
			nodes[i].inc++;
			alive(&nodes[i]);
			answer(0);
		}
		run_for(US_PER_S, true);
	}
}

/* A member that chose long ago, and has just met the first other one. */
static struct node
restarted(void)
{
	struct node n = {"node2", 2, 1, 5, WIRE_S_ALIVE};

	w.newcomer = false;
	up(0);
	alive(&n);
	answer(0);
	assert_selfs(1);
	return n;
}

static unsigned
request(struct wire_pushpull head)
{
	struct ipport from = {.port = 40000};
	uint8_t buf[64], *reply;
	ssize_t len = wire_put_pushpull(buf, sizeof(buf), &head);
	size_t replylen;

	ipaddr_parse("192.0.2.3", &from.ip);
	assert_int_equal(mesh_request(w.mesh, w.now, &from, buf[0], buf + 1,
			     (size_t)len - 1, &reply, &replylen),
	    0);
	free(reply);
	return (unsigned)replylen;
}

/* Nobody hears of a newcomer before it knows which address is free. */
static void
test_look_before_anything_is_told(void **state)
{
	struct node n[] = {rival("n", 2, 0), {"node3", 3, 1, 5, WIRE_S_ALIVE}};
	struct wire_pushpull head = {.join = false};

	(void)state;
	look();
	assert_selfs(1);
	alive(&n[1]);
	assert_int_equal(request(head), 0);
	run_for(US_PER_S, true);
	assert_int_equal(w.packets, 0);
	assert_int_equal(count(PRIV_PEER_SET), 0);
	assert_false(w.kept.has_attempt);
	join_answer(n, 2);
	assert_selfs(2);
	assert_int_equal(w.asked[w.nasked - 1].attempt, 1);
	assert_int_equal(w.streams, 1);
	assert_int_equal(w.packets, 0);
	answer(0);
	assert_int_equal(w.streams, 2);
	assert_true(w.joining && !w.looking);
	assert_attempt(1);
	join_answer(n, 2);
	answer(0);
	assert_int_equal(w.alives[2], 1);
	assert_int_equal(w.alives[3], 1);
	assert_true(request(head) > 0);
	/* The target is done with. */
	run_for(10 * US_PER_S, true);
	assert_int_equal(w.resolves, 1);
	assert_selfs(2);
	assert_true(w.kept.has_attempt);
	assert_int_equal(w.kept.attempt, 1);
	assert_int_equal(w.errors, 0);
}

static void
test_first_choice_is_free(void **state)
{
	const struct node n = {"node2", 2, 1, 5, WIRE_S_ALIVE};

	(void)state;
	looked(&n, 1);
	assert_selfs(1);
	assert_attempt(0);
	run_for(US_PER_S, false);
	assert_true(w.kept.has_attempt);
}

/* Whose claims count in a look. */
static void
test_claims_in_a_look(void **state)
{
	static const struct {
		unsigned attempt; /* that we take */
		enum wire_state state;
		int x;
		bool fixed, forged;
	} t[] = {
	    {1, WIRE_S_ALIVE, 1, false, false},
	    {1, WIRE_S_SUSPECT, 1, false, false},
	    {1, WIRE_S_DEAD, 1, false, false}, /* it may come back */
	    {0, WIRE_S_LEFT, 1, false, false},
	    {1, WIRE_S_ALIVE, 0, false, false},
	    {1, WIRE_S_ALIVE, -1, false, false},
	    {1, WIRE_S_ALIVE, 1, true, false},
	    {0, WIRE_S_ALIVE, 1, false, true}, /* its name does not derive it */
	};
	struct node n;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)small(state);
		n = rival("n", 2, 0);
		n.state = t[i].state;
		n.x = t[i].x;
		if (t[i].fixed || t[i].forged) {
			overlay_addr(
			    &w.conf.overlay, "self", 4, 0, &w.chosen[2]);
			n.name = "node2";
			w.forged[2] = t[i].forged;
		}
		looked(&n, 1);
		assert_attempt(t[i].attempt);
		mesh_free(w.mesh);
		w.mesh = NULL;
	}
}

/* In a /30: there are two. */
static unsigned
first_attempt(void)
{
	struct ipaddr a;

	return (unsigned)overlay_first(&w.conf.overlay, "self", 4, 0, &a);
}

/* Who has the other one, by its own choice. */
static struct node
other_host(uint8_t k)
{
	overlay_addr(&w.conf.overlay, "self", 4, first_attempt(), &w.chosen[k]);
	w.chosen[k].b[3] ^= 3;
	return (struct node){"fixed", k, 1, 5, WIRE_S_ALIVE};
}

/* One whose addresses all are others' takes one of a member that failed, if
 * there is one. */
static void
test_the_failed_last(void **state)
{
	struct node n[2];

	(void)state;
	assert_int_equal(ipnet_parse("10.1.0.0/30", &w.conf.overlay), 0);
	n[0] = rival("n", 2, first_attempt());
	n[0].state = WIRE_S_DEAD;
	n[1] = other_host(3);
	looked(n, 2);
	assert_selfs(1);
	assert_int_equal(w.errors, 0);
}

/* A mesh that has us at another attempt knows us: we lost our state. */
static void
test_where_they_have_us(void **state)
{
	struct node n[] = {
	    {"self", 1, 1, 5, WIRE_S_DEAD}, {"node2", 2, 1, 5, WIRE_S_ALIVE}};

	w.attempt[1] = 3;
	looked(n, 2);
	assert_attempt(3);
	run_for(US_PER_S, false);
	assert_int_equal(w.kept.attempt, 3);
	mesh_free(w.mesh);
	/* With --init from the beginning. */
	(void)small(state);
	w.attempt[1] = 3;
	w.conf.init = true;
	looked(n, 2);
	assert_attempt(0);
	mesh_free(w.mesh);
	/* It is another's by now. */
	(void)small(state);
	w.attempt[1] = 3;
	n[1] = rival("n", 2, 3);
	looked(n, 2);
	assert_attempt(0);
}

static void
test_choice_is_kept(void **state)
{
	(void)state;
	w.newcomer = false;
	w.st.attempt = 2;
	seed("seed");
	up(0);
	assert_int_equal(w.asked[0].attempt, 2);
	resolved("192.0.2.2");
	assert_true(w.joining && !w.looking);
	assert_attempt(2);
	assert_true(w.kept.has_attempt);
	assert_int_equal(w.kept.attempt, 2);
	mesh_free(w.mesh);
	/* But for --init. */
	(void)small(state);
	w.st.has_attempt = true;
	w.st.attempt = 2;
	w.conf.init = true;
	look();
	assert_int_equal(w.asked[0].attempt, 0);
}

/* Nobody to look at: there is nobody to collide with. */
static void
test_the_first_member(void **state)
{
	struct wire_pushpull head = {.join = false};

	(void)state;
	up(0);
	assert_true(request(head) > 0);
	run_for(US_PER_S, false);
	assert_true(w.kept.has_attempt);
	assert_int_equal(w.kept.attempt, 0);
}

static void
test_a_look_that_fails(void **state)
{
	struct wire_pushpull head = {.join = false};
	struct node n = rival("n", 2, 0);

	(void)state;
	look();
	mesh_failed(w.mesh, w.now, w.stream_id, "refused");
	/* Then others may come to us; and the next try looks again. */
	assert_true(request(head) > 0);
	run_for(5 * US_PER_S, true);
	assert_int_equal(w.resolves, 2);
	resolved("192.0.2.2");
	assert_true(w.looking);
	join_answer(&n, 1);
	answer(0);
	assert_true(w.joining);
	assert_attempt(1);
}

/* It does not take longer than a moment, whoever does not answer. */
static void
test_hidden_for_a_moment(void **state)
{
	struct wire_pushpull head = {.join = false};
	const struct node n = {"node3", 3, 1, 5, WIRE_S_ALIVE};

	(void)state;
	look();
	run_for(2900 * US_PER_MS, true);
	assert_int_equal(request(head), 0);
	run_for(200 * US_PER_MS, true);
	assert_true(request(head) > 0);
	alive(&n);
	assert_int_equal(count(PRIV_PEER_SET), 1);
}

/* The first that answers decides; they are joined all the same. */
static void
test_several_targets(void **state)
{
	struct node n = rival("n", 2, 0);
	uint32_t first, second;

	(void)state;
	seed("seed");
	seed("other");
	up(0);
	w.target = 0;
	resolved("192.0.2.2");
	first = w.stream_id;
	w.target = 1;
	resolved("192.0.2.9");
	second = w.stream_id;
	assert_int_equal(w.streams, 2);
	assert_true(w.looking);
	w.stream_id = first;
	join_answer(&n, 1);
	answer(0);
	assert_int_equal(w.streams, 3);
	assert_true(w.joining);
	join_answer(&n, 1);
	answer(0);
	w.stream_id = second;
	join_answer(&n, 1);
	assert_int_equal(w.streams, 4);
	assert_true(w.joining);
	join_answer(&n, 1);
	run_for(10 * US_PER_S, true);
	assert_int_equal(w.resolves, 2);
	assert_selfs(2);
}

/* What wesher-priv refuses is passed over. */
static void
test_refused_in_between(void **state)
{
	struct node n[] = {rival("n", 2, 0), rival("n", 3, 2)};

	(void)state;
	look();
	join_answer(n, 2);
	assert_int_equal(w.asked[w.nasked - 1].attempt, 1);
	result(&w.asked[w.nasked - 1], EADDRINUSE);
	assert_selfs(3);
	assert_int_equal(w.asked[w.nasked - 1].attempt, 3);
	assert_int_equal(w.streams, 1);
}

static void
test_all_refused(void **state)
{
	struct node n = rival("n", 2, 0);
	unsigned i;

	(void)state;
	look();
	join_answer(&n, 1);
	for (i = w.answered; i < w.nasked; i++)
		result(&w.asked[i], EXDEV);
	w.answered = w.nasked;
	assert_true(w.nasked < 300);
	/* It has that of its first attempt still, and joins. */
	assert_int_equal(w.streams, 2);
	assert_true(w.joining);
	assert_int_equal(w.errors, 1);
	assert_attempt(0);
	join_answer(&n, 1);
	i = count(PRIV_SELF);
	run_for(30 * US_PER_S, false);
	assert_selfs(i);
}

/* Of what concerns no address the same is asked again. */
static void
test_busy(void **state)
{
	struct node n = rival("n", 2, 0);

	(void)state;
	look();
	join_answer(&n, 1);
	answer(EBUSY);
	assert_selfs(2);
	run_for(11 * US_PER_S, false);
	assert_selfs(3);
	answer(0);
	assert_attempt(1);
	assert_true(w.joining);
}

/* A name that has our address comes before 30 s are over, or behind. */
static void
test_young(void **state)
{
	struct node n[2];

	n[0] = restarted();
	n[1] = rival("n", 3, 0);
	live(29, n, 1);
	alive(&n[1]);
	memset(w.alives, 0, sizeof(w.alives));
	answer(0);
	/* All hear it at once, before they choose. */
	assert_int_equal(w.alives[2], 1);
	assert_int_equal(w.alives[3], 1);
	assert_selfs(2);
	assert_attempt(1);
	mesh_free(w.mesh);

	(void)small(state);
	n[0] = restarted();
	live(31, n, 1);
	alive(&n[1]);
	answer(0);
	live(60, n, 2);
	assert_selfs(1);
	assert_attempt(0);
}

/* The greater name is to go. If it stays it is an old one: we go. */
static void
test_the_other_is_to_move(void **state)
{
	struct node n[2];

	n[0] = restarted();
	n[1] = rival("z", 3, 0);
	alive(&n[1]);
	live(19, n, 2);
	assert_selfs(1);
	live(2, n, 2);
	assert_selfs(2);
	assert_attempt(1);
	mesh_free(w.mesh);
	/* It goes. */
	(void)small(state);
	n[0] = restarted();
	alive(&n[1]);
	live(10, n, 2);
	w.attempt[3] = 1;
	live(40, n, 2);
	assert_selfs(1);
	mesh_free(w.mesh);
	/* It came late: what is 20 s later is too late. */
	(void)small(state);
	n[0] = restarted();
	live(15, n, 1);
	live(60, n, 2);
	assert_selfs(1);
}

/* Members of the original cannot move, whatever their names. */
static void
test_the_other_cannot_move(void **state)
{
	struct node n[2];

	(void)state;
	n[0] = restarted();
	n[1] = rival("z", 3, 0);
	n[1].x = 0;
	alive(&n[1]);
	answer(0);
	assert_selfs(2);
	assert_attempt(1);
}

/* Nobody is driven from an address that the mesh has had it at. */
static void
test_listed_where_we_are(void **state)
{
	struct node n[] = {{"self", 1, 1, 5, WIRE_S_DEAD},
	    {"node2", 2, 1, 5, WIRE_S_ALIVE}, rival("n", 3, 0)};
	int listed;

	for (listed = 0; listed < 2; listed++) {
		(void)small(state);
		w.newcomer = false;
		seed("seed");
		up(0);
		resolved("192.0.2.2");
		assert_true(w.joining);
		join_answer(n + 1 - listed, 2 + (unsigned)listed);
		answer(0);
		run_for(10 * US_PER_S, true);
		assert_selfs(listed ? 1 : 2);
		mesh_free(w.mesh);
		w.mesh = NULL;
	}
}

/* Nor when a rival speaks before the others have answered. */
static void
test_listed_after_a_rival(void **state)
{
	struct node n[] = {{"self", 1, 1, 5, WIRE_S_ALIVE},
	    {"node2", 2, 1, 5, WIRE_S_ALIVE}},
		    r;
	int listed;

	for (listed = 0; listed < 2; listed++) {
		(void)small(state);
		w.newcomer = false;
		seed("seed");
		up(0);
		resolved("192.0.2.2");
		r = rival("n", 3, 0);
		alive(&r);
		answer(0);
		run_for(US_PER_S, true);
		assert_selfs(1);
		join_answer(n + 1 - listed, 1 + (unsigned)listed);
		answer(0);
		live(10, &r, 1);
		assert_selfs(listed ? 1 : 2);
		mesh_free(w.mesh);
		w.mesh = NULL;
	}
}

/* A mesh that does not answer is not waited for. */
static void
test_listed_by_nobody(void **state)
{
	struct node r;

	(void)state;
	w.newcomer = false;
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	r = rival("n", 3, 0);
	alive(&r);
	answer(0);
	live(29, &r, 1);
	assert_selfs(1);
	live(8, &r, 1);
	assert_selfs(2);
}

/* The others list us as soon as we have told them: that is no proof. */
static void
test_listed_too_late(void **state)
{
	struct node n[] = {
	    {"self", 1, 1, 5, WIRE_S_ALIVE}, {"node2", 2, 1, 5, WIRE_S_ALIVE}};
	struct node r = rival("n", 3, 0);
	struct mesh_view v;

	(void)state;
	w.newcomer = false;
	seed("seed");
	up(0);
	mesh_view(w.mesh, &v);
	n[0].inc = swim_incarnation(v.swim);
	alive(&n[1]);
	answer(0);
	run_for(US_PER_S, true);
	resolved("192.0.2.9");
	join_answer(n, 2);
	answer(0);
	alive(&r);
	answer(0);
	assert_selfs(2);
}

/* Whoever finds names for each of our addresses drives us for a minute. */
static void
test_driven_about(void **state)
{
	struct node n[256];
	unsigned i, selfs;

	(void)state;
	n[0] = restarted();
	for (i = 0; i < 200; i++) {
		n[1] = rival("n", (uint8_t)(i + 3), our_meta().attempt);
		alive(&n[1]);
		answer(0);
		run_for(US_PER_S / 4, true);
	}
	selfs = count(PRIV_SELF);
	assert_in_range(selfs, 3, MOVED_MAX);
	for (i = 0; i < 20; i++) {
		n[1] = rival("a", (uint8_t)(i + 3), our_meta().attempt);
		alive(&n[1]);
		answer(0);
		run_for(US_PER_S, true);
	}
	assert_selfs(selfs);
}

/* A member that is well for long, with rival n[1] to be heard of. */
static void
stand(struct node n[2], const char *prefix, int x)
{
	n[0] = restarted();
	n[1] = rival(prefix, 3, 0);
	n[1].x = x;
	live(100, n, 1);
	assert_selfs(1);
}

/* n fails and is back. */
static void
heals(struct node *n)
{
	fails(n);
	answer(0);
	run_for(US_PER_S, true);
	n->inc++;
	alive(n);
	answer(0);
}

static void
test_heal(void **state)
{
	struct node n[3];

	(void)state;
	stand(n, "n", 1);
	heals(&n[0]);
	assert_selfs(1);
	live(10, n, 2);
	assert_selfs(2);
	assert_attempt(1);
	assert_true(w.kept.moved == w.wall);
	assert_int_equal(w.errors, 0);
	/* Once a day. */
	live(100, n, 2);
	w.wall += 86399;
	n[2] = rival("n", 4, 1);
	heals(&n[0]);
	live(20, n, 3);
	assert_selfs(2);
	w.wall++;
	heals(&n[0]);
	live(20, n, 3);
	assert_selfs(3);
	/* A member that left and returns is no heal. */
	w.wall += 2 * 86400;
	live(100, n, 3);
	n[2] = rival("n", 5, our_meta().attempt);
	leaves(&n[0]);
	live(20, n, 3);
	assert_selfs(3);
}

/* What was there before the one who is back counts as well. */
static void
test_heal_comes_second(void **state)
{
	struct node n[2];

	(void)state;
	stand(n, "n", 1);
	live(20, n, 2);
	assert_selfs(1);
	heals(&n[0]);
	assert_selfs(2);
}

/* Who came after the mesh fell apart held nobody as failed: it knows by those
 * who have been elsewhere for long. */
static void
test_heal_of_a_newcomer(void **state)
{
	static const struct {
		int64_t age; /* s, of another member of the rival's part */
		unsigned lived, selfs;
	} t[] = {{3600, 100, 2}, {60, 100, 2}, {59, 100, 1}, {-5, 100, 1},
	    {3600, 29, 1}};
	struct node n[3], *other = &n[1];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)small(state);
		n[0] = restarted();
		live(t[i].lived, n, 1);
		*other = (struct node){
		    "node4", 4, 1, (uint32_t)(w.wall - t[i].age), WIRE_S_ALIVE};
		alive(other);
		answer(0);
		live(1, n, 2);
		assert_selfs(1);
		live(2, n, 2);
		n[2] = rival("n", 3, 0);
		alive(&n[2]);
		answer(0);
		assert_selfs(t[i].selfs);
		live(30, n, 3);
		assert_selfs(t[i].selfs);
		mesh_free(w.mesh);
		w.mesh = NULL;
	}
}

static void
test_who_moves_after_a_heal(void **state)
{
	static const struct {
		const char *prefix;
		int x;
		unsigned selfs;
	} t[] = {{"n", 1, 2}, {"z", 1, 1}, {"z", 0, 2}, {"z", -1, 2}};
	struct node n[2];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		(void)small(state);
		stand(n, t[i].prefix, t[i].x);
		heals(&n[0]);
		live(50, n, 2);
		assert_selfs(t[i].selfs);
		mesh_free(w.mesh);
		w.mesh = NULL;
	}
}

/* A minute later it is nobody's fault any more. */
static void
test_after_a_heal(void **state)
{
	struct node n[2];

	(void)state;
	stand(n, "n", 1);
	heals(&n[0]);
	live(61, n, 1);
	live(20, n, 2);
	assert_selfs(1);
}

/* Clocks go backwards. */
static void
test_heal_by_a_wrong_clock(void **state)
{
	struct node n[2];

	(void)state;
	w.st.moved = w.wall + 3 * 86400;
	stand(n, "n", 1);
	heals(&n[0]);
	live(10, n, 2);
	assert_selfs(2);
	assert_true(w.kept.moved == w.wall);
}

static void
test_own_static(void **state)
{
	struct node n[2] = {{"node2", 2, 1, 5, WIRE_S_ALIVE}, rival("n", 3, 0)};
	struct meta meta;

	(void)state;
	overlay_addr(&w.conf.overlay, "self", 4, 0, &w.conf.overlay_addr);
	seed("seed");
	up(0);
	resolved("192.0.2.2");
	assert_true(w.joining && !w.looking);
	join_answer(n, 2);
	answer(0);
	meta = our_meta();
	assert_true(meta.has_x && meta.is_static);
	assert_true(ipaddr_eq(&meta.overlay, &w.conf.overlay_addr));
	assert_non_null(strstr(w.error, "--overlay-addr"));
	assert_int_equal(w.errors, 1);
	live(600, n, 2);
	assert_selfs(1);
	assert_int_equal(w.errors, 1);
	live(3600, n, 2);
	assert_int_equal(w.errors, 2);
	heals(&n[0]);
	live(20, n, 2);
	assert_selfs(1);
	assert_false(w.kept.has_attempt);
}

static void
test_own_static_is_refused(void **state)
{
	(void)state;
	assert_int_equal(ipaddr_parse("10.1.0.9", &w.conf.overlay_addr), 0);
	begin();
	hello(0);
	net("192.0.2.1", "");
	answer(ENOTUNIQ);
	assert_selfs(1);
	assert_int_equal(w.errors, 1);
	assert_non_null(strstr(w.error, "10.1.0.9"));
	run_for(11 * US_PER_S, false);
	assert_selfs(2);
	assert_int_equal(w.asked[w.nasked - 1].attempt, 0);
}

/* Of others' static addresses those know who allow them. */
static void
test_their_static(void **state)
{
	struct node n[2];
	int allowed;

	for (allowed = 0; allowed < 2; allowed++) {
		(void)small(state);
		w.conf.allow_static = allowed;
		n[0] = restarted();
		n[1] = (struct node){"zfixed", 3, 1, 5, WIRE_S_ALIVE};
		overlay_addr(&w.conf.overlay, "self", 4, 0, &w.chosen[3]);
		alive(&n[1]);
		answer(0);
		assert_selfs(allowed ? 2 : 1);
		mesh_free(w.mesh);
		w.mesh = NULL;
	}
}

/* All addresses of a small network but `spare` of our attempts', with members
 * that may have them. */
static unsigned
fill(struct node nodes[256], int spare)
{
	struct attempts all;
	struct ipaddr free_addr = {0};
	unsigned i, n = 0;

	attempts_init(&all, &w.conf.overlay, "self");
	if (spare != -1)
		free_addr = all.at[spare];
	for (i = 0; i < ATTEMPTS; i++) {
		if (all.use[i] != ATTEMPT_FREE ||
		    ipaddr_eq(&all.at[i], &free_addr))
			continue;
		attempts_mark(&all, &all.at[i], ATTEMPT_WEAK);
		nodes[n] = rival("n", (uint8_t)(n + 2), i);
		n++;
	}
	return n;
}

static void
test_one_is_left(void **state)
{
	struct node n[256];
	struct ipaddr want;
	struct meta meta;
	unsigned k;

	(void)state;
	assert_int_equal(ipnet_parse("10.1.0.0/28", &w.conf.overlay), 0);
	k = fill(n, 5);
	assert_int_equal(k, 13);
	looked(n, k);
	meta = our_meta();
	overlay_addr(&w.conf.overlay, "self", 4, 5, &want);
	assert_true(ipaddr_eq(&meta.overlay, &want));
	assert_int_equal(w.errors, 0);
}

static void
test_full(void **state)
{
	static const char *const nets[] = {"10.1.0.0/28", "10.1.0.0/30"};
	struct node n[256];
	unsigned i, k, errors, selfs;

	for (i = 0; i < 2; i++) {
		(void)small(state);
		assert_int_equal(ipnet_parse(nets[i], &w.conf.overlay), 0);
		k = fill(n, -1);
		assert_int_equal(k, i == 0 ? 14 : 2);
		looked(n, k);
		join_answer(n, k);
		answer(0);
		/* In it, without an address, and it says so once an hour. */
		assert_int_equal(w.errors, 1);
		assert_non_null(strstr(w.error, i == 0 ? "all 14 " : "all 2 "));
		assert_non_null(strstr(w.error, "--overlay-net"));
		selfs = count(PRIV_SELF);
		live(1800, n, k);
		assert_int_equal(w.errors, 1);
		assert_true(w.alives[2] > 0);
		live(2000, n, k);
		errors = w.errors;
		assert_int_equal(errors, 2);
		assert_selfs(selfs);
		/* One goes, and we have an address. */
		leaves(&n[1]);
		live(61, n + 2, k - 2);
		n[0].inc++;
		alive(&n[0]);
		live(61, n + 2, k - 2);
		assert_int_equal(w.errors, errors);
		mesh_free(w.mesh);
		w.mesh = NULL;
	}
}

/* In a full network the address that we do not get is not taken from one who
 * may be new as well. */
static void
test_full_of_newcomers(void **state)
{
	struct node n[2];
	struct mesh_view v;

	(void)state;
	assert_int_equal(ipnet_parse("10.1.0.0/30", &w.conf.overlay), 0);
	n[0] = rival("z", 2, first_attempt());
	n[1] = other_host(3);
	looked(n, 2);
	mesh_view(w.mesh, &v);
	assert_true(ipaddr_eq(&v.overlay, &w.chosen[3]));
	assert_int_equal(w.errors, 1);
}

/* Who claims the address that is ours by order has found no other one either:
 * we have ours, and nothing to complain about. */
static void
test_full_but_ours(void **state)
{
	struct node n[256];
	unsigned i, k;

	(void)state;
	assert_int_equal(ipnet_parse("10.1.0.0/28", &w.conf.overlay), 0);
	w.newcomer = false;
	up(0);
	assert_selfs(1);
	k = fill(n, 0);
	n[k] = rival("z", (uint8_t)(k + 2), 0);
	for (i = 0; i <= k; i++)
		alive(&n[i]);
	live(60, n, k + 1);
	assert_selfs(1);
	assert_attempt(0);
	assert_int_equal(w.errors, 0);
}

/* Whatever it asks for is answered, for so many rounds. Has it joined? */
static bool
get_in(const struct node n[2], unsigned *streams, unsigned rounds)
{
	bool in = false;

	for (; rounds > 0 && !in; rounds--) {
		resolved("192.0.2.2");
		if (w.streams > *streams) {
			*streams = w.streams;
			in = w.joining;
			join_answer(n, 2);
		}
		answer(0);
		run_for(2 * US_PER_S, true);
	}
	return in;
}

/* The one allocation after the other is missing, and it gets there. */
static void
test_no_memory(void **state)
{
	struct node n[] = {rival("n", 2, 0), {"node3", 3, 1, 5, WIRE_S_ALIVE}};
	unsigned at, streams;
	bool in, done = false;

	for (at = 1; !done && at < 200; at++) {
		(void)small(state);
		seed("seed");
		up(0);
		streams = 0;
		oom_arm(at, 2);
		in = get_in(n, &streams, 10);
		done = oom_disarm();
		assert_true(in || get_in(n, &streams, 100));
		assert_attempt(1);
		mesh_free(w.mesh);
		w.mesh = NULL;
	}
	assert_true(done && at > 5);
}

/* A rival comes as memory is short: we leave it the address a second later. */
static void
test_no_memory_to_move(void **state)
{
	struct node n[2];
	unsigned at;
	bool done = false;

	for (at = 1; !done && at < 100; at++) {
		(void)small(state);
		n[0] = restarted();
		n[1] = rival("n", 3, 0);
		oom_arm(at, 1);
		alive(&n[1]);
		done = oom_disarm();
		answer(0);
		n[1].inc++;
		alive(&n[1]);
		run_for(2 * US_PER_S, true);
		assert_selfs(2);
		mesh_free(w.mesh);
		w.mesh = NULL;
	}
	assert_true(done && at > 2);
}

static void
test_attempts(void **state)
{
	struct attempts a;
	struct ipnet wide;
	unsigned i;

	(void)state;
	assert_int_equal(ipnet_parse("10.0.0.0/8", &wide), 0);
	attempts_init(&a, &wide, "self");
	assert_int_equal(attempts_count(&a), ATTEMPTS);
	assert_int_equal(attempts_pick(&a, 7), 7);
	attempts_mark(&a, &a.at[7], ATTEMPT_WEAK);
	attempts_mark(&a, &a.at[7], ATTEMPT_GONE);
	assert_int_equal(attempts_pick(&a, 7), 8);
	assert_int_equal(attempts_find(&a, ATTEMPT_WEAK), 7);
	attempts_mark(&a, &a.at[200], ATTEMPT_GONE);
	for (i = 1; i < ATTEMPTS; i++)
		attempts_mark(
		    &a, &a.at[i], i == 200 ? ATTEMPT_GONE : ATTEMPT_STRONG);
	assert_int_equal(attempts_pick(&a, 7), 0);
	attempts_mark(&a, &a.at[0], ATTEMPT_NEVER);
	assert_int_equal(attempts_pick(&a, 7), 200);
	attempts_mark(&a, &a.at[200], ATTEMPT_STRONG);
	assert_int_equal(attempts_pick(&a, 7), -1);
	assert_int_equal(attempts_count(&a), ATTEMPTS - 1);
}

/* A member of ours may have any port; one of the original has ours. */
static void
test_port_is_honoured(void **state)
{
	const struct node ours = {"node2", 2, 1, 5, WIRE_S_ALIVE};
	const struct node silent = {"node3", 3, 1, 5, WIRE_S_ALIVE};
	const struct node plain = {"node4", 4, 0, 5, WIRE_S_ALIVE};

	(void)state;
	w.newcomer = false;
	w.wgport[2] = w.wgport[4] = 40000;
	up(0);
	alive(&ours);
	assert_int_equal(w.asked[w.nasked - 1].port, 40000);
	alive(&silent);
	assert_int_equal(w.asked[w.nasked - 1].port, 51820);
	alive(&plain);
	assert_int_equal(w.asked[w.nasked - 1].port, 51820);
	assert_int_equal(count(PRIV_PEER_SET), 3);
}

/* Another port than the usual one is told. */
static void
test_port_is_announced(void **state)
{
	struct priv_hello h = {.version = PRIV_VERSION,
	    .wgport = 51821,
	    .namelen = 4,
	    .name = "self",
	    .key = {1}};
	struct meta meta;

	(void)state;
	begin();
	mesh_hello(w.mesh, w.now, &h);
	net("192.0.2.1", "");
	answer(0);
	meta = our_meta();
	assert_true(meta.has_wgport);
	assert_int_equal(meta.wgport, 51821);
	mesh_free(w.mesh);
	(void)small(state);
	up(0);
	assert_false(our_meta().has_wgport);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, small, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_look_before_anything_is_told),
	    T(test_first_choice_is_free),
	    T(test_claims_in_a_look),
	    T(test_the_failed_last),
	    T(test_where_they_have_us),
	    T(test_choice_is_kept),
	    T(test_the_first_member),
	    T(test_a_look_that_fails),
	    T(test_hidden_for_a_moment),
	    T(test_several_targets),
	    T(test_refused_in_between),
	    T(test_all_refused),
	    T(test_busy),
	    T(test_young),
	    T(test_the_other_is_to_move),
	    T(test_the_other_cannot_move),
	    T(test_listed_where_we_are),
	    T(test_listed_after_a_rival),
	    T(test_listed_by_nobody),
	    T(test_listed_too_late),
	    T(test_driven_about),
	    T(test_heal),
	    T(test_heal_comes_second),
	    T(test_heal_of_a_newcomer),
	    T(test_who_moves_after_a_heal),
	    T(test_after_a_heal),
	    T(test_heal_by_a_wrong_clock),
	    T(test_own_static),
	    T(test_own_static_is_refused),
	    T(test_their_static),
	    T(test_one_is_left),
	    T(test_full),
	    T(test_full_of_newcomers),
	    T(test_full_but_ours),
	    T(test_no_memory),
	    T(test_no_memory_to_move),
	    T(test_attempts),
	    T(test_port_is_announced),
	    T(test_port_is_honoured),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
