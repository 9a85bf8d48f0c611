/*
 * AES-256-GCM under the cluster keys (protocol.md section 2). Runs in the
 * gossip process, which alone holds the keys.
 *
 * The block that is opened comes from anybody who can reach the port: it is
 * hostile until the tag fits. Nothing of it is looked at before but its length
 * and its version byte. Version 0 is refused, since that byte is outside of
 * what the tag covers and would choose how an authentic text is unpadded.
 *
 * Keys stand in sodium_malloc memory (guarded, locked, not dumped, read-only
 * once set) and must never appear elsewhere for longer than one call. libsodium
 * has AES only where the CPU does; elsewhere libcrypto is opened with dlopen,
 * before the sandbox, and bound by name: no header, no link dependency. Its
 * cipher context, which holds the expanded key, lives for one block and is
 * wiped by libcrypto when freed. Both back-ends must give a known answer
 * before they are used.
 */
#include <dlfcn.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "seal.h"

#define NONCE_LEN SEAL_NONCE_LEN
#define TAG_LEN	  16

/* Values of libcrypto's interface. */
#define EVP_GET_TAG	    0x10
#define EVP_SET_TAG	    0x11
#define INIT_NO_LOAD_CONFIG 0x80

/* Of the first back-end the expanded key, of the second the key itself. */
union seal_key {
	crypto_aead_aes256gcm_state sodium;
	uint8_t raw[CLUSTER_KEY_LEN];
};

struct seal {
	enum seal_backend backend;
	unsigned nkeys;
	union seal_key *keys; /* sodium_malloc */
	uint64_t count;
};

/* What is sealed or opened, without the version byte. */
struct gcm {
	const uint8_t *in;
	size_t len; /* without the tag */
	const uint8_t *ad;
	size_t adlen;
	const uint8_t *nonce;
	uint8_t *out;
};

static struct {
	int (*init)(uint64_t, const void *);
	void *(*ctx_new)(void);
	void (*ctx_free)(void *);
	int (*ctx_ctrl)(void *, int, int, void *);
	const void *(*cipher)(void);
	int (*begin)(void *, const void *, void *, const uint8_t *,
	    const uint8_t *, int);
	int (*update)(void *, uint8_t *, int *, const uint8_t *, int);
	int (*final)(void *, uint8_t *, int *);
} evp;

static enum seal_backend backend;

/* POSIX lets dlsym's pointer be a function; ISO C has no cast for it. */
static int
libcrypto_take(void *lib, const char *name, void *fn)
{
	void *p = dlsym(lib, name);

	memcpy(fn, &p, sizeof(p));
	return p == NULL ? -1 : 0;
}

static int
libcrypto_bind(void *lib)
{
	if (libcrypto_take(lib, "OPENSSL_init_crypto", &evp.init) == -1 ||
	    libcrypto_take(lib, "EVP_CIPHER_CTX_new", &evp.ctx_new) == -1 ||
	    libcrypto_take(lib, "EVP_CIPHER_CTX_free", &evp.ctx_free) == -1 ||
	    libcrypto_take(lib, "EVP_CIPHER_CTX_ctrl", &evp.ctx_ctrl) == -1 ||
	    libcrypto_take(lib, "EVP_aes_256_gcm", &evp.cipher) == -1 ||
	    libcrypto_take(lib, "EVP_CipherInit_ex", &evp.begin) == -1 ||
	    libcrypto_take(lib, "EVP_CipherUpdate", &evp.update) == -1 ||
	    libcrypto_take(lib, "EVP_CipherFinal_ex", &evp.final) == -1)
		return -1;
	/* No openssl.cnf: it can name engines and providers to load. */
	return evp.init(INIT_NO_LOAD_CONFIG, NULL) == 1 ? 0 : -1;
}

static int
libcrypto_open(void)
{
	static const char *const names[] = {
	    "libcrypto.so.3", "libcrypto.so.1.1"};
	static bool open;
	void *lib;
	size_t i;

	for (i = 0; !open && i < sizeof(names) / sizeof(names[0]); i++) {
		lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
		if (lib == NULL)
			continue;
		open = libcrypto_bind(lib) == 0;
		if (!open)
			dlclose(lib);
	}
	return open ? 0 : -1;
}

static int
libcrypto_run(void *ctx, const uint8_t *key, const struct gcm *g, int seal)
{
	uint8_t none[TAG_LEN], tag[TAG_LEN];
	int n;

	if (evp.begin(ctx, evp.cipher(), NULL, key, g->nonce, seal) != 1)
		return -1;
	if (g->adlen != 0 &&
	    evp.update(ctx, NULL, &n, g->ad, (int)g->adlen) != 1)
		return -1;
	if (g->len != 0 && evp.update(ctx, g->out, &n, g->in, (int)g->len) != 1)
		return -1;
	if (!seal) {
		memcpy(tag, g->in + g->len, TAG_LEN);
		if (evp.ctx_ctrl(ctx, EVP_SET_TAG, TAG_LEN, tag) != 1)
			return -1;
	}
	if (evp.final(ctx, none, &n) != 1)
		return -1;
	if (seal && evp.ctx_ctrl(ctx, EVP_GET_TAG, TAG_LEN, tag) != 1)
		return -1;
	if (seal)
		memcpy(g->out + g->len, tag, TAG_LEN);
	return 0;
}

static int
libcrypto_gcm(const uint8_t *key, const struct gcm *g, int seal)
{
	void *ctx;
	int r;

	if (g->len > INT_MAX || g->adlen > INT_MAX ||
	    (ctx = evp.ctx_new()) == NULL)
		return -1;
	r = libcrypto_run(ctx, key, g, seal);
	evp.ctx_free(ctx);
	return r;
}

static int
gcm_seal(enum seal_backend with, const union seal_key *k, const struct gcm *g)
{
	if (with == SEAL_LIBCRYPTO)
		return libcrypto_gcm(k->raw, g, 1);
	return crypto_aead_aes256gcm_encrypt_afternm(g->out, NULL, g->in,
	    g->len, g->ad, g->adlen, NULL, g->nonce, &k->sodium);
}

static int
gcm_open(enum seal_backend with, const union seal_key *k, const struct gcm *g)
{
	if (with == SEAL_LIBCRYPTO)
		return libcrypto_gcm(k->raw, g, 0);
	return crypto_aead_aes256gcm_decrypt_afternm(g->out, NULL, NULL, g->in,
	    g->len + TAG_LEN, g->ad, g->adlen, g->nonce, &k->sodium);
}

/*
 * Test case 14 of the GCM specification: all zero. It also makes libcrypto
 * fetch what it loads at first use, before the sandbox.
 */
static int
self_test(void)
{
	static const uint8_t zero[CLUSTER_KEY_LEN],
	    want[TAG_LEN + TAG_LEN] = {0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b,
		0x6e, 0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18, 0xd0,
		0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0, 0x26, 0x5b, 0x98,
		0xb5, 0xd4, 0x8a, 0xb9, 0x19};
	uint8_t sealed[sizeof(want)], back[TAG_LEN];
	struct gcm in = {zero, TAG_LEN, NULL, 0, zero, sealed};
	struct gcm out = {want, TAG_LEN, NULL, 0, zero, back};
	union seal_key k = {.raw = {0}};

	if (backend == SEAL_SODIUM)
		crypto_aead_aes256gcm_beforenm(&k.sodium, zero);
	if (gcm_seal(backend, &k, &in) != 0 ||
	    memcmp(sealed, want, sizeof(want)) != 0)
		return -1;
	if (gcm_open(backend, &k, &out) != 0 ||
	    memcmp(back, zero, sizeof(back)) != 0)
		return -1;
	return 0;
}

int
seal_init(bool force_libcrypto, const char **why)
{
	*why = "libsodium does not start: it finds no source of randomness";
	if (sodium_init() == -1)
		return -1;
	backend = SEAL_SODIUM;
	if (force_libcrypto || !crypto_aead_aes256gcm_is_available()) {
		*why = "no AES in this CPU (or in this libsodium), and no "
		       "libcrypto.so.3 or libcrypto.so.1.1 instead: install "
		       "OpenSSL's library (libssl3)";
		if (libcrypto_open() == -1)
			return -1;
		backend = SEAL_LIBCRYPTO;
	}
	*why = "AES-256-GCM gives a wrong answer: the crypto library is broken";
	if (self_test() == -1)
		return -1;
	*why = NULL;
	return 0;
}

enum seal_backend
seal_backend(void)
{
	return backend;
}

struct seal *
seal_new(const uint8_t keys[][CLUSTER_KEY_LEN], unsigned nkeys)
{
	struct seal *s;
	unsigned i;

	if (nkeys == 0 || nkeys > CONF_KEYS ||
	    (s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	/* A multiple of 16 bytes, so that the state is aligned. */
	s->keys = sodium_allocarray(nkeys, sizeof(*s->keys));
	if (s->keys == NULL) {
		free(s);
		return NULL;
	}
	s->backend = backend;
	s->nkeys = nkeys;
	for (i = 0; i < nkeys; i++) {
		if (backend == SEAL_SODIUM)
			crypto_aead_aes256gcm_beforenm(
			    &s->keys[i].sodium, keys[i]);
		else
			memcpy(s->keys[i].raw, keys[i], CLUSTER_KEY_LEN);
	}
	sodium_mprotect_readonly(s->keys);
	return s;
}

void
seal_free(struct seal *s)
{
	if (s == NULL)
		return;
	sodium_free(s->keys);
	free(s);
}

ssize_t
seal_close(struct seal *s, const void *plain, size_t len, const void *ad,
    size_t adlen, uint8_t *out, size_t cap)
{
	struct gcm g = {plain, len, ad, adlen, out + 1, out + 1 + NONCE_LEN};

	if (cap < SEAL_OVERHEAD || len > cap - SEAL_OVERHEAD)
		return -1;
	out[0] = SEAL_VERSION;
	randombytes_buf(out + 1, NONCE_LEN);
	if (gcm_seal(s->backend, &s->keys[0], &g) != 0)
		return -1;
	s->count++;
	return (ssize_t)(len + SEAL_OVERHEAD);
}

ssize_t
seal_close_here(
    struct seal *s, uint8_t *block, size_t len, const void *ad, size_t adlen)
{
	return seal_close(s, block + SEAL_TEXT_OFFSET, len, ad, adlen, block,
	    len + SEAL_OVERHEAD);
}

ssize_t
seal_open(struct seal *s, const void *block, size_t len, const void *ad,
    size_t adlen, uint8_t *out, size_t cap)
{
	const uint8_t *p = block;
	struct gcm g = {.ad = ad, .adlen = adlen, .out = out};
	unsigned i;

	if (len < SEAL_OVERHEAD || p[0] != SEAL_VERSION ||
	    len - SEAL_OVERHEAD > cap)
		return -1;
	g.nonce = p + 1;
	g.in = p + 1 + NONCE_LEN;
	g.len = len - SEAL_OVERHEAD;
	for (i = 0; i < s->nkeys; i++)
		if (gcm_open(s->backend, &s->keys[i], &g) == 0)
			return (ssize_t)g.len;
	/* libcrypto writes before it verifies. */
	if (g.len != 0)
		sodium_memzero(out, g.len);
	return -1;
}

/* A key that does not fit leaves no ciphertext for the next one. */
bool
seal_opens_here(const struct seal *s)
{
	return s->nkeys == 1;
}

static ssize_t
open_aside(struct seal *s, void *block, size_t len, const void *ad,
    size_t adlen, uint8_t *plain)
{
	uint8_t *aside = malloc(len);
	ssize_t n;

	if (aside == NULL)
		return -1;
	n = seal_open(s, block, len, ad, adlen, aside, len);
	if (n > 0)
		memcpy(plain, aside, (size_t)n);
	free(aside);
	return n;
}

ssize_t
seal_open_here(struct seal *s, void *block, size_t len, const void *ad,
    size_t adlen, uint8_t **plain)
{
	if (len < SEAL_OVERHEAD)
		return -1;
	*plain = (uint8_t *)block + SEAL_TEXT_OFFSET;
	if (!seal_opens_here(s))
		return open_aside(s, block, len, ad, adlen, *plain);
	return seal_open(s, block, len, ad, adlen, *plain, len - SEAL_OVERHEAD);
}

uint64_t
seal_count(const struct seal *s)
{
	return s->count;
}
