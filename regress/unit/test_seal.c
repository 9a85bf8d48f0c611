/*
 * AES-256-GCM: both back-ends against every captured message, against each
 * other, and against what an attacker does to a block.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>

#include "vec.h"

#include "../../wesher/seal.h"

#define STREAM_HEAD 5 /* [10][length] in front of a stream's block */

static const enum seal_backend both[] = {SEAL_SODIUM, SEAL_LIBCRYPTO};

/* Machines without AES instructions have one back-end only: skip there. */
static void
use(enum seal_backend b)
{
	const char *why = "unset";

	if (b == SEAL_SODIUM && sodium_init() != -1 &&
	    !crypto_aead_aes256gcm_is_available())
		skip();
	if (seal_init(b == SEAL_LIBCRYPTO, &why) == -1)
		fail_msg("seal_init: %s", why);
	assert_null(why);
	assert_int_equal(seal_backend(), b);
}

/* n keys of one repeated byte each: first, first + 1 ... */
static struct seal *
seal_of(uint8_t first, unsigned n)
{
	uint8_t keys[CONF_KEYS][CLUSTER_KEY_LEN];
	struct seal *s;
	unsigned i;

	for (i = 0; i < n; i++)
		memset(keys[i], first + (int)i, CLUSTER_KEY_LEN);
	s = seal_new(keys, n);
	assert_non_null(s);
	return s;
}

/* In place: the same, and nothing when it does not fit. */
static void
check_here(struct seal *s, const struct vec *block, const struct vec *ad,
    const struct vec *plain)
{
	struct vec v = vec_copy(block->p, block->len);
	uint8_t *p;

	assert_int_equal(
	    seal_open_here(s, v.p, v.len, ad->p, ad->len, &p), plain->len);
	assert_ptr_equal(p, v.p + 1 + SEAL_NONCE_LEN);
	assert_memory_equal(p, plain->p, plain->len);
	assert_int_equal(seal_close_here(s, v.p, plain->len, "ad", 2), v.len);
	assert_int_equal(
	    seal_open_here(s, v.p, v.len, "ad", 2, &p), plain->len);
	assert_memory_equal(p, plain->p, plain->len);
	free(v.p);
	v = vec_copy(block->p, block->len);
	assert_int_equal(
	    seal_open_here(s, v.p, v.len, ad->p, ad->len, &p), plain->len);
	/* The nonce is needed afterwards. */
	assert_memory_equal(v.p, block->p, 1 + SEAL_NONCE_LEN);
	/* By now it is no block any more. */
	if (plain->len > 0)
		assert_int_equal(
		    seal_open_here(s, v.p, v.len, ad->p, ad->len, &p), -1);
	assert_int_equal(
	    seal_open_here(s, v.p, SEAL_OVERHEAD - 1, NULL, 0, &p), -1);
	free(v.p);
}

static void
check_record(json_t *rec)
{
	struct vec wire = vec_hexof(rec, "wire_hex"),
		   key = vec_hexof(rec, "key_hex"),
		   plain = vec_hexof(rec, "plaintext_hex"), ad, block, out;
	const char *adhex = json_string_value(json_object_get(rec, "aad_hex"));
	size_t head = 0;
	struct seal *s;

	ad = vec_hex(adhex == NULL ? "" : adhex);
	if (strcmp(vec_str(rec, "proto"), "tcp") == 0)
		head = STREAM_HEAD;
	assert_int_equal(key.len, CLUSTER_KEY_LEN);
	assert_int_equal(wire.len, head + plain.len + SEAL_OVERHEAD);
	s = seal_new((uint8_t(*)[CLUSTER_KEY_LEN])key.p, 1);
	assert_non_null(s);
	block = vec_copy(wire.p + head, wire.len - head);
	out = vec_copy(plain.p, plain.len);
	memset(out.p, 0, out.len);
	assert_int_equal(
	    seal_open(s, block.p, block.len, ad.p, ad.len, out.p, out.len),
	    plain.len);
	assert_memory_equal(out.p, plain.p, plain.len);
	check_here(s, &block, &ad, &plain);
	/* Other additional data, none, or too much of it. */
	assert_int_equal(
	    seal_open(s, block.p, block.len, "x", 1, out.p, out.len), -1);
	if (ad.len != 0)
		assert_int_equal(
		    seal_open(s, block.p, block.len, NULL, 0, out.p, out.len),
		    -1);
	seal_free(s);
	free(wire.p);
	free(key.p);
	free(plain.p);
	free(ad.p);
	free(block.p);
	free(out.p);
}

/* All files of a folder. Returns the number of records. */
static size_t
check_folder(const char *folder)
{
	char path[4096], file[512];
	struct dirent *e;
	size_t i, n = 0;
	json_t *all, *rec;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", vec_dir(), folder);
	if ((d = opendir(path)) == NULL)
		err(1, "%s", path);
	while ((e = readdir(d)) != NULL) {
		if (strstr(e->d_name, ".json") == NULL)
			continue;
		snprintf(file, sizeof(file), "%s/%s", folder, e->d_name);
		all = vec_load(file);
		json_array_foreach(all, i, rec)
		{
			check_record(rec);
			n++;
		}
		json_decref(all);
	}
	closedir(d);
	return n;
}

static void
check_vectors(enum seal_backend b)
{
	use(b);
	assert_int_equal(check_folder("memberlist-0.2.2"), 76);
	assert_int_equal(check_folder("memberlist-0.6"), 76);
}

static void
vectors_sodium(void **state)
{
	(void)state;
	check_vectors(SEAL_SODIUM);
}

static void
vectors_libcrypto(void **state)
{
	(void)state;
	check_vectors(SEAL_LIBCRYPTO);
}

/* What one back-end seals the other opens, at every length that matters. */
static void
across(void **state)
{
	static const size_t lens[] = {0, 1, 15, 16, 17, 1371, 65536, 1 << 20};
	struct seal *s[2];
	struct vec plain, block, out;
	size_t i, j;

	(void)state;
	for (i = 0; i < 2; i++) {
		use(both[i]);
		s[i] = seal_of(7, 1);
	}
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		plain.len = lens[i];
		plain.p = malloc(plain.len + 1);
		randombytes_buf(plain.p, plain.len);
		block.len = plain.len + SEAL_OVERHEAD;
		block.p = malloc(block.len);
		out = vec_copy(plain.p, plain.len);
		for (j = 0; j < 2; j++) {
			assert_int_equal(seal_close(s[j], plain.p, plain.len,
					     "head", 4, block.p, block.len),
			    block.len);
			memset(out.p, 0, out.len);
			assert_int_equal(seal_open(s[!j], block.p, block.len,
					     "head", 4, out.p, out.len),
			    plain.len);
			assert_memory_equal(out.p, plain.p, plain.len);
		}
		free(plain.p);
		free(block.p);
		free(out.p);
	}
	seal_free(s[0]);
	seal_free(s[1]);
}

/* The first key seals, all open, others do not. */
static void
check_keys(enum seal_backend b)
{
	uint8_t keys[CONF_KEYS + 1][CLUSTER_KEY_LEN] = {{0}};
	uint8_t block[3 + SEAL_OVERHEAD], here[sizeof(block)], out[3], *p;
	struct seal *one[5], *all, *pair;
	unsigned i;

	use(b);
	all = seal_of(1, CONF_KEYS);
	pair = seal_of(2, 2);
	for (i = 0; i < 5; i++) {
		one[i] = seal_of((uint8_t)(1 + i), 1);
		assert_int_equal(
		    seal_close(one[i], "abc", 3, NULL, 0, block, sizeof(block)),
		    sizeof(block));
		assert_int_equal(
		    seal_open(all, block, sizeof(block), NULL, 0, out, 3),
		    i < CONF_KEYS ? 3 : -1);
		assert_int_equal(
		    seal_open(pair, block, sizeof(block), NULL, 0, out, 3),
		    i == 1 || i == 2 ? 3 : -1);
		memcpy(here, block, sizeof(here));
		assert_int_equal(
		    seal_open_here(all, here, sizeof(here), NULL, 0, &p),
		    i < CONF_KEYS ? 3 : -1);
		if (i < CONF_KEYS)
			assert_memory_equal(p, "abc", 3);
	}
	assert_int_equal(
	    seal_close(pair, "xyz", 3, NULL, 0, block, sizeof(block)),
	    sizeof(block));
	for (i = 0; i < 5; i++) {
		assert_int_equal(
		    seal_open(one[i], block, sizeof(block), NULL, 0, out, 3),
		    i == 1 ? 3 : -1);
		seal_free(one[i]);
	}
	assert_null(seal_new(keys, 0));
	assert_null(seal_new(keys, CONF_KEYS + 1));
	seal_free(all);
	seal_free(pair);
	seal_free(NULL);
}

static void
keys_sodium(void **state)
{
	(void)state;
	check_keys(SEAL_SODIUM);
}

static void
keys_libcrypto(void **state)
{
	(void)state;
	check_keys(SEAL_LIBCRYPTO);
}

/* Every truncation, every flipped bit, every other version. */
static void
check_tampered(enum seal_backend b)
{
	uint8_t block[20 + SEAL_OVERHEAD], out[20 + SEAL_OVERHEAD + 4];
	struct seal *s;
	struct vec v;
	unsigned i;

	use(b);
	s = seal_of(9, 2);
	assert_int_equal(seal_close(s, "twenty bytes of text", 20, "ad", 2,
			     block, sizeof(block)),
	    sizeof(block));
	for (i = 0; i < sizeof(block); i++) {
		v = vec_copy(block, i);
		assert_int_equal(
		    seal_open(s, v.p, v.len, "ad", 2, out, sizeof(out)), -1);
		free(v.p);
	}
	for (i = 0; i < 8 * sizeof(block); i++) {
		block[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(seal_open(s, block, sizeof(block), "ad", 2,
				     out, sizeof(out)),
		    -1);
		block[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (i = 0; i < 256; i++) {
		block[0] = (uint8_t)i;
		assert_int_equal(seal_open(s, block, sizeof(block), "ad", 2,
				     out, sizeof(out)),
		    i == SEAL_VERSION ? 20 : -1);
	}
	seal_free(s);
}

static void
tampered_sodium(void **state)
{
	(void)state;
	check_tampered(SEAL_SODIUM);
}

static void
tampered_libcrypto(void **state)
{
	(void)state;
	check_tampered(SEAL_LIBCRYPTO);
}

/* Of a block that does not open, libcrypto leaves no plain text behind. */
static void
nothing_left(void **state)
{
	uint8_t block[32 + SEAL_OVERHEAD], plain[32], out[32];
	struct seal *s;

	(void)state;
	use(SEAL_LIBCRYPTO);
	s = seal_of(3, 1);
	memset(plain, 'p', sizeof(plain));
	assert_int_equal(
	    seal_close(s, plain, sizeof(plain), NULL, 0, block, sizeof(block)),
	    sizeof(block));
	block[sizeof(block) - 1] ^= 1;
	memset(out, 'p', sizeof(out));
	assert_int_equal(
	    seal_open(s, block, sizeof(block), NULL, 0, out, sizeof(out)), -1);
	assert_true(sodium_is_zero(out, sizeof(out)));
	seal_free(s);
}

/* Room is needed in full; nonces differ; only what was sealed is counted. */
static void
room_and_count(void **state)
{
	uint8_t a[4 + SEAL_OVERHEAD], b[4 + SEAL_OVERHEAD], out[4];
	struct seal *s;
	size_t cap;

	(void)state;
	use(SEAL_LIBCRYPTO);
	s = seal_of(5, 1);
	for (cap = 0; cap < sizeof(a); cap++)
		assert_int_equal(seal_close(s, "four", 4, NULL, 0, a, cap), -1);
	assert_int_equal(
	    seal_close(s, "four", (size_t)-20, NULL, 0, a, sizeof(a)), -1);
	assert_int_equal(seal_count(s), 0);
	assert_int_equal(
	    seal_close(s, "four", 4, NULL, 0, a, sizeof(a)), sizeof(a));
	assert_int_equal(
	    seal_close(s, "four", 4, NULL, 0, b, sizeof(b)), sizeof(b));
	assert_int_equal(seal_count(s), 2);
	assert_memory_not_equal(a + 1, b + 1, 12);
	for (cap = 0; cap < 4; cap++)
		assert_int_equal(
		    seal_open(s, a, sizeof(a), NULL, 0, out, cap), -1);
	assert_int_equal(seal_open(s, a, sizeof(a), NULL, 0, out, 4), 4);
	assert_int_equal(seal_count(s), 2);
	seal_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vectors_sodium),
	    cmocka_unit_test(vectors_libcrypto),
	    cmocka_unit_test(across),
	    cmocka_unit_test(keys_sodium),
	    cmocka_unit_test(keys_libcrypto),
	    cmocka_unit_test(tampered_sodium),
	    cmocka_unit_test(tampered_libcrypto),
	    cmocka_unit_test(nothing_left),
	    cmocka_unit_test(room_and_count),
	};

	return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
