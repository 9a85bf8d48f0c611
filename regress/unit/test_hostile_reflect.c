/*
 * A member gone bad that would have others send: its pings name a victim as
 * their source, it asks for pings to anywhere, it announces members where there
 * are none. One member of the real core, its neighbours played by the test.
 */
#include <stdio.h>

#include "each_rig.h"

static int
setup(void **state)
{
	(void)state;
	r = rig_new();
	rig_populate(r, 8);
	return 0;
}

/* A ping; src is what it claims. */
static ssize_t
ping_msg(uint8_t *buf, size_t cap, const struct ipport *src)
{
	struct wire_ping p = {.seqno = 0x12345678, .node = swim_str("me")};

	if (src != NULL) {
		p.src_addr = (struct slice){src->ip.b, src->ip.len};
		p.src_port = src->port;
		p.src_node = swim_str("m1");
	}
	return wire_put_ping(buf, cap, &p);
}

/* Bytes of all packets to that address, before encryption. */
static size_t
bytes_to(const struct ipport *to, unsigned *packets)
{
	unsigned i, last = UINT32_MAX;
	size_t n = 0;

	for (i = 0; i < r->nmsgs; i++) {
		if (!ipaddr_eq(&r->msgs[i].to.ip, &to->ip))
			continue;
		*packets += r->msgs[i].packet != last;
		last = r->msgs[i].packet;
		n += r->msgs[i].len + 3;
	}
	return n;
}

/*
 * Answers go to the observed source, or to a member's address, and are no
 * weapon there: few, and small.
 */
static void
hostile_08_reflection(void **state)
{
	struct ipport victim = ip("198.51.100.7", 53), from, m2;
	size_t asked = 0, told = 0;
	unsigned i, packets = 0;
	uint8_t buf[512];
	ssize_t n;

	(void)state;
	from = ip("192.0.2.66", 1234);
	m2 = ip("10.1.0.3", PORT);
	n = ping_msg(buf, sizeof(buf), &victim);
	feed(r, &from, buf, n);
	assert_int_equal(rig_count_to(r, WIRE_ACK, &from), 1);
	assert_int_equal(rig_count(r, WIRE_ACK), 1);
	/* A member as the victim, a thousand times within a second, with news
	 * that would ride along. */
	feed_alive(r, "news", "10.8.0.1", 1);
	rig_clear(r);
	n = ping_msg(buf, sizeof(buf), &m2);
	for (i = 0; i < 1000; i++, asked += (size_t)n) {
		feed(r, &from, buf, n);
		told += bytes_to(&m2, &packets);
		rig_clear(r);
		r->now += SEC / 1000;
	}
	assert_in_range(packets, 1, 5 * LIMIT_CLAIMED);
	assert_true(told < asked);
	print_message("# 1000 pings in a member's name: %u answers to it, "
		      "%.2f of the bytes\n",
	    packets, (double)told / (double)asked);
	/* Forged sources, each asked to be answered. */
	n = ping_msg(buf, sizeof(buf), NULL);
	for (i = 0, packets = 0; i < 10000; i++) {
		victim.port = (uint16_t)(1 + i % 60000);
		victim.ip.b[2] = (uint8_t)(i >> 8);
		feed(r, &victim, buf, n);
		packets += rig_count(r, WIRE_ACK);
		rig_clear(r);
	}
	assert_in_range(packets, 1, 2 * LIMIT_STRANGER);
	/* A member that pings us is answered all the same. */
	feed(r, &m2, buf, n);
	assert_int_equal(rig_count_to(r, WIRE_ACK, &m2), 1);
}

static void
ask_relay(const struct ipport *from, const char *name, const struct ipport *to)
{
	struct wire_indirect q = {.seqno = 7,
	    .target = {to->ip.b, to->ip.len},
	    .port = to->port,
	    .node = swim_str(name),
	    .nack = true,
	    .src_addr = {from->ip.b, from->ip.len},
	    .src_port = from->port};
	uint8_t buf[512];

	feed(r, from, buf, wire_put_indirect(buf, sizeof(buf), &q));
}

/* Indirect pings reach members at the address that we know, and are few. */
static void
hostile_08_relays(void **state)
{
	struct ipport from = ip("192.0.2.66", 1234), m1 = ip("10.1.0.2", PORT);
	struct ipport victim = ip("198.51.100.7", 53);
	unsigned i, pings = 0;

	(void)state;
	r->s->next_probe = r->s->next_pushpull = NEVER;
	ask_relay(&from, "nobody", &victim);
	ask_relay(&from, "", &victim);
	assert_int_equal(rig_count(r, WIRE_PING), 0);
	/* A name counts at its own address alone. */
	ask_relay(&from, "m1", &victim);
	assert_int_equal(rig_count(r, WIRE_PING), 0);
	for (i = 0; i < 10000; i++) {
		rig_clear(r);
		ask_relay(&from, "m1", &m1);
		pings += rig_count(r, WIRE_PING);
		r->now += SEC / 1000;
	}
	assert_in_range(pings, 1, (10 + 4) * LIMIT_ASKER);
	/* From all over: the sum is bounded, too. */
	for (i = 0, pings = 0; i < 10000; i++) {
		rig_clear(r);
		from.ip.b[2] = (uint8_t)(i >> 8);
		from.ip.b[3] = (uint8_t)i;
		ask_relay(&from, "m1", &m1);
		pings += rig_count(r, WIRE_PING);
		r->now += SEC / 1000;
	}
	assert_in_range(pings, 1, (10 + 4) * LIMIT_RELAYS);
	assert_in_range(r->s->nrelays, 1, RELAYS_MAX);
}

/* What comes to the victim in that time: bytes, packets, streams. */
static size_t
suffers(const struct ipport *victim, int64_t us, unsigned *packets,
    unsigned *streams)
{
	int64_t end = r->now + us;
	size_t bytes = 0;
	unsigned i;

	while (r->now < end) {
		bytes += bytes_to(victim, packets);
		for (i = 0; i < r->nstreams; i++)
			*streams += ipaddr_eq(
			    &r->streams[i].to.ip, &victim->ip);
		/* The others answer; at the victim nobody is at home. */
		for (i = 0; i < r->nmsgs; i++)
			if (ipaddr_eq(&r->msgs[i].to.ip, &victim->ip))
				r->msgs[i].type = WIRE_USER;
		rig_answer_probes(r);
		rig_run(r, SEC / 4);
	}
	return bytes;
}

/* A minute of it; returns the packets to the victim. */
static unsigned
renew_many(const struct ipport *victim)
{
	unsigned packets = 0, streams = 0, i, k;
	size_t bytes = 0, cost = 0;
	char name[16];

	for (k = 1; k <= 60; k++) {
		for (i = 0; i < 1000; i++, cost += 60) {
			snprintf(name, sizeof(name), "v%u", i);
			feed_alive(r, name, "198.51.100.7", k);
			rig_clear(r);
		}
		bytes += suffers(victim, SEC, &packets, &streams);
	}
	/* No broadcasts ride along with pings to who was never heard. */
	assert_in_range(bytes, 0, packets * LIMIT_UNHEARD_BYTES);
	assert_in_range(streams, 0, 60);
	print_message("# 1000 names there, renewed each second: %u packets, "
		      "%u streams in a minute, %.4f of the bytes it took\n",
	    packets, streams, (double)bytes / (double)cost);
	return packets;
}

/*
 * One forged alive, then a thousand names at one address, renewed whenever
 * they fail: the victim gets a packet or two a second from each member.
 */
static void
hostile_08_forged_members(void **state)
{
	struct ipport victim = ip("198.51.100.7", 53);
	unsigned packets = 0, streams = 0;
	size_t bytes;

	(void)state;
	feed_alive(r, "forged", "198.51.100.7", 1);
	bytes = suffers(&victim, 600 * SEC, &packets, &streams);
	assert_in_range(packets, 1, 40);
	assert_in_range(streams, 0, 8);
	assert_true(rig_state(r, "forged") == MEMBER_DEAD ||
		    rig_member(r, "forged") == NULL);
	print_message("# one forged alive: %u packets, %zu bytes, %u streams "
		      "to the victim, then it is forgotten\n",
	    packets, bytes, streams);
	/* In a mesh where there are more to talk to, and in a small one. */
	assert_in_range(renew_many(&victim), 0, 60);
	rig_free(r);
	r = rig_new();
	rig_populate(r, 2);
	assert_in_range(renew_many(&victim), 30, 90);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(hostile_08_reflection),
	    T(hostile_08_relays),
	    T(hostile_08_forged_members),
	};

	return cmocka_run_group_tests_name(
	    "hostile reflect", tests, NULL, NULL);
}
