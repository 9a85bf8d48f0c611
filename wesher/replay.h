#ifndef WESHER_REPLAY_H
#define WESHER_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include <sodium.h>

#include "seal.h"

/*
 * The nonces of the last blocks that opened: who records one and sends it
 * again is not heard twice. Of fixed size, nothing is allocated.
 */
#define REPLAY_NONCES 4096

struct replay {
	uint8_t nonce[REPLAY_NONCES][SEAL_NONCE_LEN]; /* a ring */
	uint16_t head[REPLAY_NONCES], next[REPLAY_NONCES]; /* index + 1 */
	unsigned n, at; /* used; the next to be written */
	uint8_t key[crypto_shorthash_KEYBYTES];
};

void replay_init(struct replay *r);

/*
 * Was a block of that nonce among the last REPLAY_NONCES ones? If not, it is
 * from now on. Only for blocks that have opened: others are not to push them
 * out.
 */
bool replay_seen(struct replay *r, const uint8_t nonce[SEAL_NONCE_LEN]);

#endif
