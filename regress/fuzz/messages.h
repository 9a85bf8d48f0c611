#ifndef REGRESS_FUZZ_MESSAGES_H
#define REGRESS_FUZZ_MESSAGES_H

/* Every decoder of wire.h, and what is encoded again reads as the same. */
#include "../../wesher/wire.h"
#include "fuzz.h"

static inline bool
same_slice(const struct slice *a, const struct slice *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

#define AGAIN_MAX (1u << 20)
static uint8_t again[AGAIN_MAX];

static inline void
check_accuse(uint8_t type, const uint8_t *body, size_t len)
{
	struct wire_accuse a, b;
	ssize_t n;

	if (wire_get_accuse(body, len, &a) == -1)
		return;
	n = wire_put_accuse(again, AGAIN_MAX, (enum wire_type)type, &a);
	must(n > 0 && again[0] == type);
	must(wire_get_accuse(again + 1, (size_t)n - 1, &b) == 0);
	must(a.incarnation == b.incarnation && same_slice(&a.node, &b.node) &&
	     same_slice(&a.from, &b.from));
}

static inline void
check_alive(const uint8_t *body, size_t len)
{
	struct wire_alive a, b;
	ssize_t n;

	if (wire_get_alive(body, len, &a) == -1)
		return;
	n = wire_put_alive(again, AGAIN_MAX, &a);
	must(n > 0);
	must(wire_get_alive(again + 1, (size_t)n - 1, &b) == 0);
	must(a.incarnation == b.incarnation && a.port == b.port &&
	     same_slice(&a.node, &b.node) && same_slice(&a.addr, &b.addr) &&
	     same_slice(&a.meta, &b.meta) && same_slice(&a.vsn, &b.vsn));
}

static inline void
check_ping(const uint8_t *body, size_t len)
{
	struct wire_ping a, b;
	ssize_t n;

	if (wire_get_ping(body, len, &a) == -1)
		return;
	n = wire_put_ping(again, AGAIN_MAX, &a);
	must(n > 0 && wire_get_ping(again + 1, (size_t)n - 1, &b) == 0);
	must(a.seqno == b.seqno && same_slice(&a.node, &b.node) &&
	     a.src_port == b.src_port && same_slice(&a.src_addr, &b.src_addr) &&
	     same_slice(&a.src_node, &b.src_node));
}

static inline void
check_indirect(const uint8_t *body, size_t len)
{
	struct wire_indirect a, b;
	ssize_t n;

	if (wire_get_indirect(body, len, &a) == -1)
		return;
	n = wire_put_indirect(again, AGAIN_MAX, &a);
	must(n > 0 && wire_get_indirect(again + 1, (size_t)n - 1, &b) == 0);
	must(a.seqno == b.seqno && same_slice(&a.target, &b.target) &&
	     a.port == b.port && same_slice(&a.node, &b.node) &&
	     a.nack == b.nack && a.src_port == b.src_port);
}

static inline void
check_acks(const uint8_t *body, size_t len)
{
	struct wire_ack a, b;
	struct slice text;
	uint32_t seqno, back;
	ssize_t n;

	if (wire_get_ack(body, len, &a) == 0) {
		n = wire_put_ack(again, AGAIN_MAX, &a);
		must(n > 0 && wire_get_ack(again + 1, (size_t)n - 1, &b) == 0);
		must(a.seqno == b.seqno && same_slice(&a.payload, &b.payload));
	}
	if (wire_get_nack(body, len, &seqno) == 0) {
		n = wire_put_nack(again, AGAIN_MAX, seqno);
		must(n > 0 &&
		     wire_get_nack(again + 1, (size_t)n - 1, &back) == 0);
		must(seqno == back);
	}
	if (wire_get_err(body, len, &text) == 0)
		must(text.len <= len);
	if (wire_get_compress(body, len, &text) == 0)
		must(text.len <= len);
}

static inline bool
same_node(const struct wire_node *a, const struct wire_node *b)
{
	return same_slice(&a->name, &b->name) && a->state == b->state &&
	       same_slice(&a->addr, &b->addr) && a->port == b->port &&
	       same_slice(&a->meta, &b->meta) &&
	       a->incarnation == b->incarnation && same_slice(&a->vsn, &b->vsn);
}

static inline void
check_state(const uint8_t *body, size_t len)
{
	static uint8_t exact[AGAIN_MAX];
	struct wire_pushpull head;
	struct wire_node a, b;
	struct mp_in in, back;
	ssize_t n;
	uint32_t i;
	int r;

	mp_in_init(&in, body, len);
	if (wire_get_pushpull(&in, &head) == -1)
		return;
	must(head.nodes <= len && head.user_len <= len);
	for (i = 0; i < head.nodes; i++) {
		back = in;
		r = wire_get_node(&in, &a);
		must(wire_get_node_any(&back, &b) == r);
		must(back.p == in.p && back.err == in.err);
		if (r == -1)
			break;
		must(same_node(&a, &b));
		n = wire_put_node(again, AGAIN_MAX, &a);
		must(n > 0 && wire_put_node_any(exact, (size_t)n, &a) == n);
		must(memcmp(again, exact, (size_t)n) == 0);
		mp_in_init(&back, again, (size_t)n);
		must(wire_get_node(&back, &b) == 0 && same_node(&a, &b));
	}
}

/* arg counts; the type chooses nothing: every decoder gets every body. */
static inline void
check_message(void *arg, uint8_t type, const uint8_t *body, size_t len)
{
	unsigned *count = arg;
	uint8_t *exact;

	must(type == WIRE_USER || type == WIRE_NACK || type <= WIRE_DEAD);
	++*count;
	if (len >= AGAIN_MAX / 2)
		return;
	exact = fz_copy(body, len);
	check_ping(exact, len);
	check_indirect(exact, len);
	check_acks(exact, len);
	check_accuse(WIRE_SUSPECT, exact, len);
	check_accuse(WIRE_DEAD, exact, len);
	check_alive(exact, len);
	check_state(exact, len);
	free(exact);
}

#endif
