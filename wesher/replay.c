/*
 * Recorded packets and streams, in the gossip process: whoever listens to the
 * network can send again what a member sent, and it opens again. Within the
 * running mesh its nonce tells it from news.
 *
 * The nonce is part of what was authenticated, so it is a member's choice:
 * hence the keyed hash, so that no member makes the chains long. What is older
 * than the ring is known by its incarnation instead (merge.c).
 */
#include <string.h>

#include "replay.h"

void
replay_init(struct replay *r)
{
	/* What is zero stays untouched, so it takes no memory until used. */
	if (r->n != 0)
		memset(r, 0, sizeof(*r));
	randombytes_buf(r->key, sizeof(r->key));
}

static uint16_t *
chain(struct replay *r, const uint8_t *nonce)
{
	uint8_t h[crypto_shorthash_BYTES];

	crypto_shorthash(h, nonce, SEAL_NONCE_LEN, r->key);
	return &r->head[(h[0] | (unsigned)h[1] << 8) % REPLAY_NONCES];
}

/* The oldest makes room: take it out of its chain. */
static void
forget(struct replay *r, unsigned i)
{
	uint16_t *p = chain(r, r->nonce[i]);

	while (*p != i + 1)
		p = &r->next[*p - 1];
	*p = r->next[i];
}

bool
replay_seen(struct replay *r, const uint8_t nonce[SEAL_NONCE_LEN])
{
	uint16_t *head = chain(r, nonce);
	unsigned i;

	for (i = *head; i != 0; i = r->next[i - 1])
		if (memcmp(r->nonce[i - 1], nonce, SEAL_NONCE_LEN) == 0)
			return true;
	if (r->n == REPLAY_NONCES)
		forget(r, r->at);
	else
		r->n++;
	memcpy(r->nonce[r->at], nonce, SEAL_NONCE_LEN);
	r->next[r->at] = *head;
	*head = (uint16_t)(r->at + 1);
	r->at = (r->at + 1) % REPLAY_NONCES;
	return false;
}
