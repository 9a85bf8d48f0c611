#ifndef WESHER_WIRE_H
#define WESHER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lzw.h"
#include "msgpack.h"

/*
 * Messages and their wrappings (protocol.md sections 2 and 4), behind the
 * encryption. Pure: no allocation, no clock, no I/O. Slices point into the
 * input, or for encoders at the caller's bytes.
 */
enum wire_type {
	WIRE_PING = 0,
	WIRE_INDIRECT_PING = 1,
	WIRE_ACK = 2,
	WIRE_SUSPECT = 3,
	WIRE_ALIVE = 4,
	WIRE_DEAD = 5,
	WIRE_PUSHPULL = 6,
	WIRE_COMPOUND = 7,
	WIRE_USER = 8,
	WIRE_COMPRESS = 9,
	WIRE_ENCRYPT = 10,
	WIRE_NACK = 11,
	WIRE_CRC = 12,
	WIRE_ERR = 13,
	WIRE_LABEL = 244
};

#define WIRE_PACKET_MAX	    1400 /* what we send, all framing */
#define WIRE_PLAIN_MAX	    (1400 - 1 - 12 - 16) /* the same before sealing */
#define WIRE_INFLATE_PACKET 65536 /* caps of LZW output */
#define WIRE_INFLATE_STREAM (40u << 20)
#define WIRE_META_MAX	    512
#define WIRE_COMPOUND_MAX   255

struct wire_ping {
	uint32_t seqno;
	struct slice node;
	/* Each of these is omitted when empty or 0. */
	struct slice src_addr;
	uint16_t src_port;
	struct slice src_node;
};

struct wire_indirect {
	uint32_t seqno;
	struct slice target; /* raw address bytes */
	uint16_t port;
	struct slice node;
	bool nack;
	struct slice src_addr; /* as in a ping */
	uint16_t src_port;
	struct slice src_node;
};

struct wire_ack {
	uint32_t seqno;
	struct slice payload; /* peers send nil, p NULL */
};

/* suspect and dead share their fields. */
struct wire_accuse {
	uint32_t incarnation;
	struct slice node;
	struct slice from;
};

struct wire_alive {
	uint32_t incarnation;
	struct slice node;
	struct slice addr; /* raw bytes, any length: the core judges */
	uint16_t port;
	struct slice meta;
	struct slice vsn;
};

enum wire_state { WIRE_S_ALIVE, WIRE_S_SUSPECT, WIRE_S_DEAD, WIRE_S_LEFT };

/* One entry of a push/pull. */
struct wire_node {
	struct slice name;
	struct slice addr;
	uint16_t port;
	struct slice meta;
	uint32_t incarnation;
	uint8_t state; /* as received, may be above WIRE_S_LEFT */
	struct slice vsn;
};

struct wire_pushpull {
	bool join;
	uint32_t nodes; /* decoded: <= 1,000,000 and what the input can hold */
	uint32_t user_len; /* decoded: <= remaining input */
};

/*
 * Decoders take the message WITHOUT its type byte and return 0, or -1 when it
 * is malformed (bytes behind the value are ignored, as peers do). Slices are
 * not judged beyond their framing.
 */
int wire_get_ping(const void *b, size_t len, struct wire_ping *out);
int wire_get_indirect(const void *b, size_t len, struct wire_indirect *out);
int wire_get_ack(const void *b, size_t len, struct wire_ack *out);
int wire_get_nack(const void *b, size_t len, uint32_t *seqno);
int wire_get_accuse(const void *b, size_t len, struct wire_accuse *out);
int wire_get_alive(const void *b, size_t len, struct wire_alive *out);
int wire_get_err(const void *b, size_t len, struct slice *text);
/* The LZW text; -1 too for an algorithm other than 0. */
int wire_get_compress(const void *b, size_t len, struct slice *lzw);
/*
 * Push/pull: the header, then header.nodes calls of _node on the same cursor,
 * then user_len bytes follow. -1 makes the rest of the stream unusable.
 */
int wire_get_pushpull(struct mp_in *in, struct wire_pushpull *out);
int wire_get_node(struct mp_in *in, struct wire_node *out);
/* The same, whatever the order of its fields: wire_get_node calls it. */
int wire_get_node_any(struct mp_in *in, struct wire_node *out);

/*
 * Encoders write type byte and body, keys in alphabetical order, and return
 * the length, or -1 when cap is too small. Byte strings (addresses, meta, vsn,
 * payload) whose p is NULL are written as nil, as peers do when they have
 * none; an empty slice with another p as an empty string. So what was decoded
 * is encoded as it was.
 */
ssize_t wire_put_ping(void *b, size_t cap, const struct wire_ping *m);
ssize_t wire_put_indirect(void *b, size_t cap, const struct wire_indirect *m);
ssize_t wire_put_ack(void *b, size_t cap, const struct wire_ack *m);
ssize_t wire_put_nack(void *b, size_t cap, uint32_t seqno);
/* type is WIRE_SUSPECT or WIRE_DEAD. */
ssize_t wire_put_accuse(
    void *b, size_t cap, enum wire_type type, const struct wire_accuse *m);
ssize_t wire_put_alive(void *b, size_t cap, const struct wire_alive *m);
ssize_t wire_put_err(void *b, size_t cap, const char *text);
/* [6] and the header; then entries, which have no type byte. */
ssize_t wire_put_pushpull(void *b, size_t cap, const struct wire_pushpull *m);
ssize_t wire_put_node(void *b, size_t cap, const struct wire_node *m);
/* The same bytes, into whatever they just fit. */
ssize_t wire_put_node_any(void *b, size_t cap, const struct wire_node *m);

/* Why a packet or stream was refused; names for counters and the log. */
enum wire_error {
	WIRE_OK = 0,
	WIRE_E_EMPTY = -1,
	WIRE_E_CRC = -2, /* checksum wrong */
	WIRE_E_INFLATE = -3, /* corrupt, empty or too big when inflated */
	WIRE_E_NESTING = -4, /* an order section 2 does not know */
	WIRE_E_COMPOUND = -5, /* truncated or empty parts, or none */
	WIRE_E_TYPE = -6 /* unknown message type */
};
/* A short clause, static. */
const char *wire_error_str(int err);

/* Scratch for one packet at a time; keep one per process. */
struct wire_scratch {
	struct lzw_decoder lzw;
	uint8_t buf[WIRE_INFLATE_PACKET];
};

/* One message: body excludes the type byte, valid during the call only. */
typedef void
wire_message_fn(void *arg, uint8_t type, const uint8_t *body, size_t len);

/*
 * Take an opened (decrypted) packet apart: crc, compression, compound, in
 * that order, each optional. fn is called for every message, in order, after
 * the framing of the whole packet was checked. Types that packets do not have
 * are WIRE_E_TYPE; beside known ones in a compound they are passed over, as
 * peers do. Returns 0, or a negative enum wire_error, in which case fn was
 * never called.
 */
int wire_packet(struct wire_scratch *ws, const void *plain, size_t len,
    wire_message_fn *fn, void *arg);

/* Compound under construction in buf; room stays for the header. */
struct wire_compound {
	uint8_t *buf;
	size_t cap, len; /* len: message bytes so far, headers left out */
	unsigned n;
	uint16_t lens[WIRE_COMPOUND_MAX];
};
/* buf holds cap bytes: the whole plain packet will be at most that long. */
void wire_compound_init(struct wire_compound *c, void *buf, size_t cap);
/* Bytes that a further message may have; 0 when full. */
size_t wire_compound_room(const struct wire_compound *c);
/* Append one encoded message. 0, or -1 when it does not fit. */
int wire_compound_add(struct wire_compound *c, const void *msg, size_t len);
/* Finish: one message stands bare, more get the compound header. Returns the
 * packet's length at *out (inside buf), 0 when empty. */
size_t wire_compound_finish(struct wire_compound *c, uint8_t **out);

/*
 * A stream's plain text: either compressed (one layer) or bare. On success
 * *type and *body are set; when it was compressed the body lies in a buffer
 * that grows while inflating, up to cap, stored in *owned (free(3) it), else
 * *owned is NULL. Returns 0 or a negative enum wire_error (*owned is NULL;
 * memory that is short counts as WIRE_E_INFLATE).
 */
int wire_stream_unwrap(const void *plain, size_t len, size_t cap, uint8_t *type,
    const uint8_t **body, size_t *bodylen, uint8_t **owned);

/*
 * [9] {Algo, Buf} around msg. Returns the length, or -1 when the compressed
 * form does not fit cap (send it bare then).
 */
ssize_t wire_put_compress(
    struct lzw_encoder *e, void *b, size_t cap, const void *msg, size_t len);

#endif
