/*
 * Messages against captured ones of both memberlists: decoded, compared field
 * by field, and encoded again to the same bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "../../wesher/wire.h"
#include "vec.h"

#define RECORDS (2 * 76) /* of both memberlists */

static uint8_t buf[65536];

/* Does the record's message_hex hold a message, not a layer? */
static bool
is_message(const struct vec *msg)
{
	return msg->p[0] != WIRE_COMPOUND && msg->p[0] != WIRE_COMPRESS &&
	       msg->p[0] != WIRE_CRC;
}

/* A string as it is, bytes as "hex:..", nil as null; absent is empty. */
static void
same_slice(json_t *fields, const char *key, const struct slice *s)
{
	json_t *j = json_object_get(fields, key);
	const char *text = json_string_value(j);
	struct vec v;

	if (text == NULL) {
		assert_true(j == NULL || json_is_null(j));
		assert_true(s->len == 0 && s->p == NULL);
		return;
	}
	if (strncmp(text, "hex:", 4) == 0)
		v = vec_hex(text + 4);
	else
		v = vec_copy(text, strlen(text));
	assert_int_equal(s->len, v.len);
	assert_memory_equal(s->p, v.p, v.len);
	free(v.p);
}

static void
same_uint(json_t *fields, const char *key, uint32_t v)
{
	json_t *j = json_object_get(fields, key);

	assert_int_equal(json_integer_value(j), v);
}

static ssize_t
check_ping(json_t *f, const uint8_t *b, size_t len)
{
	struct wire_ping m;

	assert_int_equal(wire_get_ping(b, len, &m), 0);
	same_slice(f, "Node", &m.node);
	same_uint(f, "SeqNo", m.seqno);
	same_slice(f, "SourceAddr", &m.src_addr);
	same_slice(f, "SourceNode", &m.src_node);
	same_uint(f, "SourcePort", m.src_port);
	return wire_put_ping(buf, sizeof(buf), &m);
}

static ssize_t
check_indirect(json_t *f, const uint8_t *b, size_t len)
{
	struct wire_indirect m;

	assert_int_equal(wire_get_indirect(b, len, &m), 0);
	assert_true(json_is_true(vec_get(f, "Nack")) == m.nack);
	same_slice(f, "Node", &m.node);
	same_slice(f, "Target", &m.target);
	same_uint(f, "Port", m.port);
	same_uint(f, "SeqNo", m.seqno);
	same_slice(f, "SourceAddr", &m.src_addr);
	same_slice(f, "SourceNode", &m.src_node);
	same_uint(f, "SourcePort", m.src_port);
	return wire_put_indirect(buf, sizeof(buf), &m);
}

static ssize_t
check_ack(json_t *f, const uint8_t *b, size_t len)
{
	struct wire_ack m;

	assert_int_equal(wire_get_ack(b, len, &m), 0);
	same_slice(f, "Payload", &m.payload);
	same_uint(f, "SeqNo", m.seqno);
	return wire_put_ack(buf, sizeof(buf), &m);
}

static ssize_t
check_nack(json_t *f, const uint8_t *b, size_t len)
{
	uint32_t seqno;

	assert_int_equal(wire_get_nack(b, len, &seqno), 0);
	same_uint(f, "SeqNo", seqno);
	return wire_put_nack(buf, sizeof(buf), seqno);
}

static ssize_t
check_accuse(json_t *f, const uint8_t *b, size_t len)
{
	struct wire_accuse m;

	assert_int_equal(wire_get_accuse(b, len, &m), 0);
	same_slice(f, "From", &m.from);
	same_slice(f, "Node", &m.node);
	same_uint(f, "Incarnation", m.incarnation);
	return wire_put_accuse(buf, sizeof(buf), b[-1], &m);
}

static ssize_t
check_alive(json_t *f, const uint8_t *b, size_t len)
{
	struct wire_alive m;

	assert_int_equal(wire_get_alive(b, len, &m), 0);
	same_slice(f, "Addr", &m.addr);
	same_slice(f, "Meta", &m.meta);
	same_slice(f, "Node", &m.node);
	same_slice(f, "Vsn", &m.vsn);
	same_uint(f, "Incarnation", m.incarnation);
	same_uint(f, "Port", m.port);
	return wire_put_alive(buf, sizeof(buf), &m);
}

static ssize_t
check_err(json_t *f, const uint8_t *b, size_t len)
{
	struct slice text;
	char line[256];

	assert_int_equal(wire_get_err(b, len, &text), 0);
	same_slice(f, "Error", &text);
	snprintf(
	    line, sizeof(line), "%.*s", (int)text.len, (const char *)text.p);
	return wire_put_err(buf, sizeof(buf), line);
}

static void
same_node(json_t *f, const struct wire_node *m)
{
	same_slice(f, "Addr", &m->addr);
	same_slice(f, "Meta", &m->meta);
	same_slice(f, "Name", &m->name);
	same_slice(f, "Vsn", &m->vsn);
	same_uint(f, "Incarnation", m->incarnation);
	same_uint(f, "Port", m->port);
	same_uint(f, "State", m->state);
}

static ssize_t
check_pushpull(json_t *decoded, const uint8_t *b, size_t len)
{
	json_t *head = vec_get(decoded, "header"),
	       *nodes = vec_get(decoded, "nodes");
	struct wire_pushpull m;
	struct wire_node node;
	struct vec user = vec_hexof(decoded, "user_state");
	struct mp_in in;
	ssize_t n, total;
	size_t i;

	mp_in_init(&in, b, len);
	assert_int_equal(wire_get_pushpull(&in, &m), 0);
	assert_true(json_is_true(vec_get(head, "Join")) == m.join);
	assert_int_equal(m.nodes, vec_int(head, "Nodes"));
	assert_int_equal(m.nodes, json_array_size(nodes));
	assert_int_equal(m.user_len, vec_int(head, "UserStateLen"));
	total = wire_put_pushpull(buf, sizeof(buf), &m);
	assert_true(total > 0);
	for (i = 0; i < m.nodes; i++) {
		assert_int_equal(wire_get_node(&in, &node), 0);
		same_node(json_array_get(nodes, i), &node);
		n = wire_put_node(
		    buf + total, sizeof(buf) - (size_t)total, &node);
		assert_true(n > 0);
		total += n;
	}
	assert_int_equal((size_t)(in.end - in.p), user.len);
	assert_int_equal(m.user_len, user.len);
	memcpy(buf + total, user.p, user.len);
	total += (ssize_t)user.len;
	free(user.p);
	return total;
}

/* Decode, compare with the record's fields, encode into buf. -1: no codec. */
static ssize_t
check_message(json_t *decoded, const uint8_t *b, size_t len)
{
	json_t *f = json_object_get(decoded, "fields");

	switch (b[0]) {
	case WIRE_PING:
		return check_ping(f, b + 1, len - 1);
	case WIRE_INDIRECT_PING:
		return check_indirect(f, b + 1, len - 1);
	case WIRE_ACK:
		return check_ack(f, b + 1, len - 1);
	case WIRE_SUSPECT:
	case WIRE_DEAD:
		return check_accuse(f, b + 1, len - 1);
	case WIRE_ALIVE:
		return check_alive(f, b + 1, len - 1);
	case WIRE_PUSHPULL:
		return check_pushpull(decoded, b + 1, len - 1);
	case WIRE_NACK:
		return check_nack(f, b + 1, len - 1);
	case WIRE_ERR:
		return check_err(f, b + 1, len - 1);
	default:
		assert_true(b[0] == WIRE_USER);
		return -1;
	}
}

static unsigned seen_types;

static void
fields_of_record(json_t *rec)
{
	struct vec msg = vec_hexof(rec, "message_hex");
	ssize_t n;

	if (is_message(&msg)) {
		seen_types |= 1u << msg.p[0];
		n = check_message(vec_get(rec, "decoded"), msg.p, msg.len);
		if (msg.p[0] != WIRE_USER) {
			assert_int_equal(n, msg.len);
			assert_memory_equal(buf, msg.p, msg.len);
		}
	}
	free(msg.p);
}

static void
fields(void **state)
{
	(void)state;
	seen_types = 0;
	assert_int_equal(vec_memberlist(fields_of_record), RECORDS);
	assert_int_equal(seen_types, 0x297f);
}

/* Each encoder refuses every room that is too small. */
static void
small_room(void **state)
{
	const struct slice s = {(const uint8_t *)"abcdefgh", 8};
	struct wire_ping ping = {1, s, s, 2, s};
	struct wire_indirect ind = {1, s, 2, s, true, s, 3, s};
	struct wire_ack ack = {300, s};
	struct wire_accuse acc = {70000, s, s};
	struct wire_alive alive = {1, s, s, 2, s, s};
	struct wire_pushpull pp = {true, 1000, 3};
	struct wire_node node = {s, s, 1, s, 2, 3, s};
	struct vec room;
	ssize_t full[9], n;
	size_t cap;
	int i;

	(void)state;
	for (i = 0; i < 9; i++)
		full[i] = 0;
	for (cap = 256; cap-- > 0;) {
		room = vec_copy(buf, cap);
		for (i = 0; i < 9; i++) {
			n = i == 0   ? wire_put_ping(room.p, cap, &ping)
			    : i == 1 ? wire_put_indirect(room.p, cap, &ind)
			    : i == 2 ? wire_put_ack(room.p, cap, &ack)
			    : i == 3 ? wire_put_nack(room.p, cap, 1)
			    : i == 4
				? wire_put_accuse(room.p, cap, WIRE_DEAD, &acc)
			    : i == 5 ? wire_put_alive(room.p, cap, &alive)
			    : i == 6 ? wire_put_pushpull(room.p, cap, &pp)
			    : i == 7 ? wire_put_node(room.p, cap, &node)
				     : wire_put_err(room.p, cap, "no");
			if (full[i] == 0)
				full[i] = n;
			assert_int_equal(
			    n, cap < (size_t)full[i] ? -1 : full[i]);
		}
		free(room.p);
	}
}

static unsigned
pick(unsigned n)
{
	return randombytes_uniform(n);
}

static struct slice
some_text(const uint8_t *from)
{
	static const size_t lens[] = {0, 1, 4, 16, 31, 32, 124, 255, 256, 512};
	struct slice s = {from, lens[pick(10)]};

	return s;
}

static uint32_t
some_number(uint32_t max)
{
	static const uint32_t at[] = {
	    0, 1, 127, 128, 255, 256, 65535, 65536, UINT32_MAX};
	uint32_t v = at[pick(9)];

	return v > max ? max : v;
}

static void
same_place(const struct slice *a, const struct slice *b)
{
	assert_ptr_equal(a->p, b->p);
	assert_int_equal(a->len, b->len);
}

/* As the tables of wire.c have it: the result, and where it ended. */
static void
read_alike(const uint8_t *p, size_t len)
{
	struct vec v = vec_copy(p, len);
	struct wire_node a, b;
	struct mp_in x, y;
	int r;

	mp_in_init(&x, v.p, v.len);
	mp_in_init(&y, v.p, v.len);
	r = wire_get_node(&x, &a);
	assert_int_equal(wire_get_node_any(&y, &b), r);
	assert_ptr_equal(x.p, y.p);
	assert_true(x.err == y.err);
	if (r == 0) {
		same_place(&a.name, &b.name);
		same_place(&a.addr, &b.addr);
		same_place(&a.meta, &b.meta);
		same_place(&a.vsn, &b.vsn);
		assert_true(a.incarnation == b.incarnation &&
			    a.port == b.port && a.state == b.state);
	}
	free(v.p);
}

/*
 * Entries are read and written by two ways, a short one for the usual form:
 * they agree on every entry, on every one that is cut, and on every one with a
 * byte that is changed.
 */
static void
entries_alike(void **state)
{
	static uint8_t text[512];
	struct wire_node node;
	struct vec exact;
	unsigned i, k;
	ssize_t n;

	(void)state;
	for (i = 0; i < 400; i++) {
		node = (struct wire_node){.name = some_text(text),
		    .addr = some_text(text),
		    .port = (uint16_t)some_number(UINT16_MAX),
		    .meta = some_text(text),
		    .incarnation = some_number(UINT32_MAX),
		    .state = (uint8_t)some_number(UINT8_MAX),
		    .vsn = some_text(text)};
		if (pick(4) == 0)
			node.meta = node.addr = (struct slice){NULL, 0};
		n = wire_put_node(buf, sizeof(buf), &node);
		assert_true(n > 0);
		exact = vec_copy(buf, (size_t)n);
		assert_int_equal(
		    wire_put_node_any(exact.p, exact.len, &node), n);
		assert_memory_equal(exact.p, buf, (size_t)n);
		for (k = 0; k <= (unsigned)n; k += 1 + pick(5))
			read_alike(exact.p, k);
		for (k = 0; k < 100; k++) {
			size_t at = pick(k % 2 ? 24 : (unsigned)n);
			uint8_t old = exact.p[at];

			exact.p[at] = (uint8_t)pick(256);
			read_alike(exact.p, exact.len);
			exact.p[at] = old;
		}
		free(exact.p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields),
	    cmocka_unit_test(small_room),
	    cmocka_unit_test(entries_alike),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
