/*
 * The frame around a message on a TCP stream, in the gossip process. What we
 * send is made here as a whole; of what comes, the head alone is read here.
 * It is a stranger's: its length is a claim, and allocates nothing.
 */
#include <endian.h>

#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "wire.h"

uint32_t
frame_length(const uint8_t head[FRAME_HEAD])
{
	uint32_t n;

	memcpy(&n, head + 1, sizeof(n));
	return be32toh(n);
}

/* The frame around len bytes that stand where the ciphertext will. 0, or -1. */
static int
close_frame(struct seal *s, uint8_t *out, size_t len)
{
	uint32_t total = (uint32_t)(len + SEAL_OVERHEAD), be = htobe32(total);

	out[0] = WIRE_ENCRYPT;
	memcpy(out + 1, &be, sizeof(be));
	return seal_close_here(s, out + FRAME_HEAD, len, out, FRAME_HEAD) == -1
		   ? -1
		   : 0;
}

uint8_t *
frame_seal(struct seal *s, struct lzw_encoder *e, const uint8_t *msg,
    size_t len, size_t *n)
{
	size_t around = FRAME_HEAD + SEAL_OVERHEAD;
	uint8_t *out = malloc(around + len), *small, *text;
	ssize_t packed = -1;

	if (out == NULL)
		return NULL;
	text = out + FRAME_HEAD + SEAL_TEXT_OFFSET;
	if (len >= FRAME_COMPRESS)
		packed = wire_put_compress(e, text, len, msg, len);
	if (packed > 0)
		len = (size_t)packed;
	else
		memcpy(text, msg, len);
	if (close_frame(s, out, len) == -1) {
		free(out);
		return NULL;
	}
	*n = around + len;
	small = packed > 0 ? realloc(out, *n) : NULL;
	return small != NULL ? small : out;
}
