#ifndef WESHER_SEAL_H
#define WESHER_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../common/conf.h"

/*
 * AES-256-GCM under the cluster keys (protocol.md section 2): block is
 * [1][nonce 12][ciphertext][tag 16]. Keys live in sodium_malloc memory. Where
 * libsodium has no AES (or force_libcrypto), libcrypto is opened with dlopen;
 * call seal_init before the sandbox.
 */
#define SEAL_VERSION	  1
#define SEAL_OVERHEAD	  (1 + 12 + 16)
#define SEAL_NONCE_OFFSET 1 /* of the 12 bytes, in a block */
#define SEAL_NONCE_LEN	  12
#define SEAL_TEXT_OFFSET  (SEAL_NONCE_OFFSET + SEAL_NONCE_LEN)

struct seal;

enum seal_backend { SEAL_SODIUM, SEAL_LIBCRYPTO };

/*
 * One-time process set-up: sodium_init, backend. WESHER_FORCE_LIBCRYPTO in
 * the environment is not read; tests pass force. Returns 0, or -1 with *why
 * set to a sentence (static) that says what is missing and what to install.
 */
int seal_init(bool force_libcrypto, const char **why);
enum seal_backend seal_backend(void);

/* nkeys 1..CONF_KEYS: the first seals, all open. NULL when out of memory. */
struct seal *seal_new(const uint8_t keys[][CLUSTER_KEY_LEN], unsigned nkeys);
void seal_free(struct seal *s); /* wipes */

/*
 * Seal len bytes of plain with additional data ad (may be NULL/0) into out,
 * which holds len + SEAL_OVERHEAD bytes and may not overlap plain. Returns
 * the block's length, or -1.
 */
ssize_t seal_close(struct seal *s, const void *plain, size_t len,
    const void *ad, size_t adlen, uint8_t *out, size_t cap);

/*
 * Seal len bytes in place: they stand SEAL_TEXT_OFFSET bytes behind block,
 * which has len + SEAL_OVERHEAD bytes in all. Returns that, or -1.
 */
ssize_t seal_close_here(
    struct seal *s, uint8_t *block, size_t len, const void *ad, size_t adlen);

/*
 * Open a block into out (cap >= len - SEAL_OVERHEAD; may not overlap, but see
 * seal_opens_here).
 * Returns the plain length (0 is possible), or -1: short, version other than
 * 1, or no key fits. Nothing of out is to be used after -1.
 */
ssize_t seal_open(struct seal *s, const void *block, size_t len, const void *ad,
    size_t adlen, uint8_t *out, size_t cap);

/* May out be where the block's text begins, SEAL_TEXT_OFFSET? With one key. */
bool seal_opens_here(const struct seal *s);

/*
 * The same into the block itself, so that a large one needs no second buffer.
 * On success *plain is where the text begins; the version and the nonce before
 * it stay. After -1 nothing of the block is to be used.
 */
ssize_t seal_open_here(struct seal *s, void *block, size_t len, const void *ad,
    size_t adlen, uint8_t **plain);

/* Blocks sealed under the first key since start. */
uint64_t seal_count(const struct seal *s);

#endif
