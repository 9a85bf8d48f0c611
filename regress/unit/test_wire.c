/*
 * Messages and layers against captured bytes of both memberlists: unwrapped
 * down to the message, decoded, encoded again to the same bytes, cut short and
 * damaged everywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../wesher/wire.h"
#include "vec.h"

static const char *folders[] = {"memberlist-0.2.2", "memberlist-0.6"};
static const char *files[] = {"ackResp_tcp", "ackResp_udp", "alive", "compound",
    "compress", "dead_failed", "dead_left", "err", "hasCrc", "indirectPing",
    "nackResp", "ping_tcp", "ping_udp", "pushPull_joinfalse_request",
    "pushPull_joinfalse_response", "pushPull_jointrue_request",
    "pushPull_jointrue_response", "suspect", "user_tcp", "user_udp"};

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

static struct wire_scratch scratch;
static uint8_t buf[65536];

/* For each record of each file of both folders. */
static void
each(void (*fn)(json_t *rec))
{
	char path[128];
	json_t *file, *rec;
	size_t i, j, k, n = 0;

	for (i = 0; i < NELEM(folders); i++) {
		for (j = 0; j < NELEM(files); j++) {
			snprintf(path, sizeof(path), "%s/%s.json", folders[i],
			    files[j]);
			file = vec_load(path);
			assert_true(json_array_size(file) > 0);
			json_array_foreach(file, k, rec)
			{
				fn(rec);
				n++;
			}
			json_decref(file);
		}
	}
	assert_int_equal(n, 2 * 76);
}

static bool
is_stream(json_t *rec)
{
	return strcmp(vec_str(rec, "proto"), "tcp") == 0;
}

/* Does the record's message_hex hold a message, not a layer? */
static bool
is_message(const struct vec *msg)
{
	return msg->p[0] != WIRE_COMPOUND && msg->p[0] != WIRE_COMPRESS &&
	       msg->p[0] != WIRE_CRC;
}

/* Collects what wire_packet delivers: type and body in a row. */
struct got {
	uint8_t bytes[65536];
	size_t len, n;
	const struct vec *want; /* counts equal messages */
	unsigned found;
};

static void
collect(void *arg, uint8_t type, const uint8_t *body, size_t len)
{
	struct got *g = arg;

	assert_true(g->len + 1 + len <= sizeof(g->bytes));
	g->bytes[g->len] = type;
	if (len > 0)
		memcpy(g->bytes + g->len + 1, body, len);
	if (g->want != NULL && g->want->len == len + 1 &&
	    memcmp(g->want->p, g->bytes + g->len, len + 1) == 0)
		g->found++;
	g->len += len + 1;
	g->n++;
}

static struct got got, got2;

static int
packet(struct got *g, const void *p, size_t len, const struct vec *want)
{
	g->len = g->n = g->found = 0;
	g->want = want;
	return wire_packet(&scratch, p, len, collect, g);
}

/* --- unwrapping --- */

static void
unwrap_packet(const struct vec *plain, const struct vec *msg, json_t *rec)
{
	const char *outer = json_string_value(
	    json_array_get(vec_get(rec, "wrapping"), 1));

	assert_int_equal(packet(&got, plain->p, plain->len, msg), WIRE_OK);
	if (is_message(msg)) {
		assert_int_equal(got.found, 1);
		return;
	}
	/* A layer: unwrapping from there gives the same messages. */
	assert_int_equal(packet(&got2, msg->p, msg->len, NULL), WIRE_OK);
	assert_true(got.n > 0);
	assert_int_equal(got.n, got2.n);
	assert_int_equal(got.len, got2.len);
	assert_memory_equal(got.bytes, got2.bytes, got.len);
	if (strcmp(outer, "hasCrc") == 0)
		assert_int_equal(plain->p[0], WIRE_CRC);
}

static void
unwrap_stream(const struct vec *plain, const struct vec *msg)
{
	static struct lzw_encoder enc;
	const uint8_t *body;
	uint8_t type, *owned;
	size_t len;

	assert_int_equal(wire_stream_unwrap(plain->p, plain->len,
			     WIRE_INFLATE_STREAM, &type, &body, &len, &owned),
	    WIRE_OK);
	assert_non_null(owned);
	assert_int_equal(len + 1, msg->len);
	assert_int_equal(type, msg->p[0]);
	assert_memory_equal(body, msg->p + 1, len);
	free(owned);

	/* The message may as well stand bare. */
	assert_int_equal(
	    wire_stream_unwrap(msg->p, msg->len, 0, &type, &body, &len, &owned),
	    WIRE_OK);
	assert_null(owned);
	assert_ptr_equal(body, msg->p + 1);
	assert_int_equal(len, msg->len - 1);

	/* And our compression gives the peer's bytes. */
	assert_int_equal(
	    wire_put_compress(&enc, buf, plain->len, msg->p, msg->len),
	    plain->len);
	assert_memory_equal(buf, plain->p, plain->len);
	assert_int_equal(
	    wire_put_compress(&enc, buf, plain->len - 1, msg->p, msg->len), -1);
}

static void
unwrap_record(json_t *rec)
{
	struct vec plain = vec_hexof(rec, "plaintext_hex"),
		   msg = vec_hexof(rec, "message_hex");

	if (is_stream(rec))
		unwrap_stream(&plain, &msg);
	else
		unwrap_packet(&plain, &msg, rec);
	free(plain.p);
	free(msg.p);
}

static void
unwrap(void **state)
{
	(void)state;
	each(unwrap_record);
}

/* --- fields --- */

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
	each(fields_of_record);
	assert_int_equal(seen_types, 0x297f);
}

/* --- damage --- */

/* Run the decoder of a message, result only. */
static int
decode(uint8_t type, const uint8_t *b, size_t len)
{
	union {
		struct wire_ping ping;
		struct wire_indirect ind;
		struct wire_ack ack;
		struct wire_accuse acc;
		struct wire_alive alive;
		struct slice text;
		uint32_t seqno;
	} u;
	struct wire_pushpull pp;
	struct wire_node node;
	struct mp_in in;

	switch (type) {
	case WIRE_PING:
		return wire_get_ping(b, len, &u.ping);
	case WIRE_INDIRECT_PING:
		return wire_get_indirect(b, len, &u.ind);
	case WIRE_ACK:
		return wire_get_ack(b, len, &u.ack);
	case WIRE_SUSPECT:
	case WIRE_DEAD:
		return wire_get_accuse(b, len, &u.acc);
	case WIRE_ALIVE:
		return wire_get_alive(b, len, &u.alive);
	case WIRE_NACK:
		return wire_get_nack(b, len, &u.seqno);
	case WIRE_ERR:
		return wire_get_err(b, len, &u.text);
	case WIRE_COMPRESS:
		return wire_get_compress(b, len, &u.text);
	default:
		assert_int_equal(type, WIRE_PUSHPULL);
		mp_in_init(&in, b, len);
		if (wire_get_pushpull(&in, &pp) == -1)
			return -1;
		while (pp.nodes-- > 0) {
			if (wire_get_node(&in, &node) == -1)
				return -1;
		}
		return (size_t)(in.end - in.p) < pp.user_len ? -1 : 0;
	}
}

static void
cut_message(const struct vec *msg)
{
	struct vec cut;
	size_t n;

	for (n = 0; n < msg->len; n++) {
		cut = vec_copy(msg->p + 1, n);
		assert_int_equal(decode(msg->p[0], cut.p, cut.len),
		    n == msg->len - 1 ? 0 : -1);
		free(cut.p);
	}
}

static void
cut_packet(const struct vec *plain)
{
	struct vec cut;
	size_t n;
	int e;

	for (n = 0; n < plain->len; n++) {
		cut = vec_copy(plain->p, n);
		e = packet(&got, cut.p, cut.len, NULL);
		if (n == 0)
			assert_int_equal(e, WIRE_E_EMPTY);
		else if (plain->p[0] == WIRE_CRC)
			assert_int_equal(e, WIRE_E_CRC);
		else if (plain->p[0] == WIRE_COMPOUND)
			assert_int_equal(e, WIRE_E_COMPOUND);
		else
			assert_int_equal(e, WIRE_OK);
		assert_int_equal(got.n, e == WIRE_OK ? 1 : 0);
		free(cut.p);
	}
}

static void
cut_stream(const struct vec *plain)
{
	const uint8_t *body;
	uint8_t type, *owned;
	struct vec cut;
	size_t n, len;

	for (n = 0; n < plain->len; n++) {
		cut = vec_copy(plain->p, n);
		assert_int_equal(wire_stream_unwrap(cut.p, cut.len, 1 << 20,
				     &type, &body, &len, &owned),
		    n == 0 ? WIRE_E_EMPTY : WIRE_E_INFLATE);
		assert_null(owned);
		free(cut.p);
	}
}

static void
cut_record(json_t *rec)
{
	struct vec plain = vec_hexof(rec, "plaintext_hex"),
		   msg = vec_hexof(rec, "message_hex");

	if (is_message(&msg) && msg.p[0] != WIRE_USER)
		cut_message(&msg);
	if (is_stream(rec))
		cut_stream(&plain);
	else {
		cut_packet(&plain);
		if (msg.p[0] == WIRE_COMPOUND)
			cut_packet(&msg);
	}
	free(plain.p);
	free(msg.p);
}

static void
cut_short(void **state)
{
	(void)state;
	each(cut_record);
}

/* Any byte changed: no crash, no reading beyond, no endless loop. */
static void
damage_record(json_t *rec)
{
	static const uint8_t flips[] = {0x01, 0x80, 0xff, 0x40};
	struct vec msg = vec_hexof(rec, "message_hex");
	const uint8_t *body;
	uint8_t type, *owned;
	size_t i, j, len;

	for (i = 0; i < msg.len; i++) {
		for (j = 0; j < NELEM(flips); j++) {
			msg.p[i] ^= flips[j];
			if (i > 0 && is_message(&msg) && msg.p[0] != WIRE_USER)
				(void)decode(msg.p[0], msg.p + 1, msg.len - 1);
			(void)packet(&got, msg.p, msg.len, NULL);
			if (wire_stream_unwrap(msg.p, msg.len, 1 << 16, &type,
				&body, &len, &owned) == WIRE_OK)
				free(owned);
			msg.p[i] ^= flips[j];
		}
	}
	/* The checksum finds every one of them. */
	for (i = 0; msg.p[0] == WIRE_CRC && i < msg.len; i++) {
		msg.p[i] ^= 0x10;
		assert_true(packet(&got, msg.p, msg.len, NULL) != WIRE_OK);
		assert_int_equal(got.n, 0);
		msg.p[i] ^= 0x10;
	}
	free(msg.p);
}

static void
damaged(void **state)
{
	(void)state;
	each(damage_record);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unwrap),
	    cmocka_unit_test(fields),
	    cmocka_unit_test(cut_short),
	    cmocka_unit_test(damaged),
	    cmocka_unit_test(small_room),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
