/*
 * Captured packets and streams of both memberlists: unwrapped down to the
 * message, cut short and damaged everywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../wesher/wire.h"
#include "vec.h"

#define RECORDS	 (2 * 76) /* of both memberlists */
#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

static struct wire_scratch scratch;
static uint8_t buf[65536];

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
	assert_int_equal(vec_memberlist(unwrap_record), RECORDS);
}

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
	assert_int_equal(vec_memberlist(cut_record), RECORDS);
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
	assert_int_equal(vec_memberlist(damage_record), RECORDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unwrap),
	    cmocka_unit_test(cut_short),
	    cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests_name("layers", tests, NULL, NULL);
}
