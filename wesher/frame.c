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

/* The frame around the plain text. Returns its length, or 0. */
static size_t
close_frame(struct seal *s, const uint8_t *msg, size_t len, uint8_t *out)
{
	uint32_t total = (uint32_t)(len + SEAL_OVERHEAD), be = htobe32(total);

	out[0] = WIRE_ENCRYPT;
	memcpy(out + 1, &be, sizeof(be));
	if (seal_close(s, msg, len, out, FRAME_HEAD, out + FRAME_HEAD, total) ==
	    -1)
		return 0;
	return FRAME_HEAD + (size_t)total;
}

uint8_t *
frame_seal(struct seal *s, struct lzw_encoder *e, const uint8_t *msg,
    size_t len, size_t *n)
{
	uint8_t *packed = NULL, *out;
	ssize_t small = -1;

	if (len >= FRAME_COMPRESS && (packed = malloc(len)) != NULL)
		small = wire_put_compress(e, packed, len, msg, len);
	if (small > 0) {
		msg = packed;
		len = (size_t)small;
	}
	*n = 0;
	if ((out = malloc(FRAME_HEAD + len + SEAL_OVERHEAD)) != NULL)
		*n = close_frame(s, msg, len, out);
	free(packed);
	if (*n == 0) {
		free(out);
		out = NULL;
	}
	return out;
}
