#ifndef WESHER_LZW_H
#define WESHER_LZW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * LZW as Go's compress/lzw writes it: LSB first, 8-bit literals (protocol.md
 * section 2). Nothing is allocated; output never exceeds cap.
 */

#define LZW_WIDE 16 /* bytes that are copied at once */

/* Decoder state, about 24 KiB; may be reused after lzw_decode_init. */
struct lzw_decoder {
	uint32_t at[4096]; /* where in the output the text of a code begins */
	uint16_t len[4096];
	uint8_t literal[256 + LZW_WIDE];
	struct lzw_state {
		uint64_t bits;
		unsigned nbits, width, hi;
		uint32_t last; /* where the code before began */
		unsigned lastlen; /* 0: there is none to continue */
		unsigned code, done, left; /* what did not fit yet */
		int status;
	} s;
};

enum lzw_status {
	LZW_MORE, /* output is full or input is used up: call again */
	LZW_END, /* the end code was read */
	LZW_CORRUPT
};

void lzw_decode_init(struct lzw_decoder *d);
/*
 * Incremental: consume from in[*inpos..inlen), produce into out[*outpos..cap);
 * both positions move on. What came out before must still stand in
 * out[0..*outpos), which may have moved; the bytes behind it are scratch.
 * Returns an enum lzw_status. A stream without end code that is used up stays
 * LZW_MORE, which the caller treats as corrupt.
 */
enum lzw_status lzw_decode_some(struct lzw_decoder *d, const uint8_t *in,
    size_t inlen, size_t *inpos, uint8_t *out, size_t cap, size_t *outpos);
/* Whole buffer. Returns the plain length, or -1 (corrupt, too big, no end). */
ssize_t lzw_decode(struct lzw_decoder *d, const uint8_t *in, size_t inlen,
    uint8_t *out, size_t cap);

/* Encoder state, a hash table. */
struct lzw_encoder {
	uint32_t table[16384];
};

/* Returns the compressed length, or -1 when it would exceed cap. */
ssize_t lzw_encode(struct lzw_encoder *e, const uint8_t *in, size_t inlen,
    uint8_t *out, size_t cap);

#endif
