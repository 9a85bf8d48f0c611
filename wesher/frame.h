#ifndef WESHER_FRAME_H
#define WESHER_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "lzw.h"
#include "seal.h"

/*
 * A message as it stands on a TCP stream (protocol.md section 2):
 * [10][length u32 BE][block], these 5 bytes authenticated with the block.
 */
#define FRAME_HEAD     5
#define FRAME_COMPRESS 4096 /* smaller messages are sent as they are */

/* The declared length of the block. */
uint32_t frame_length(const uint8_t head[FRAME_HEAD]);

/*
 * Compress msg where that pays, seal and frame it. malloc'ed with its length
 * in *n, or NULL when out of memory.
 */
uint8_t *frame_seal(struct seal *s, struct lzw_encoder *e, const uint8_t *msg,
    size_t len, size_t *n);

#endif
