/*
 * WireGuard keys as bytes and as text. A private key is wesher-priv's; the
 * public ones come from the network.
 */
#include <string.h>

#include <sodium.h>

#include "wgkey.h"

void
wgkey_make(uint8_t key[WG_KEY_LEN])
{
	randombytes_buf(key, WG_KEY_LEN);
	key[0] &= 248; /* as `wg genkey` does */
	key[31] = (uint8_t)((key[31] & 127) | 64);
}

void
wgkey_text(const uint8_t key[WG_KEY_LEN], char text[WGKEY_TEXT])
{
	sodium_bin2base64(
	    text, WGKEY_TEXT, key, WG_KEY_LEN, sodium_base64_VARIANT_ORIGINAL);
	text[WGKEY_TEXT - 1] = '\n';
}

int
wgkey_parse(const char *text, size_t len, uint8_t key[WG_KEY_LEN])
{
	size_t n;

	if (sodium_base642bin(key, WG_KEY_LEN, text, len, "\n", &n, NULL,
		sodium_base64_VARIANT_ORIGINAL) != 0)
		return -1;
	return n == WG_KEY_LEN ? 0 : -1;
}

bool
wgkey_usable(const uint8_t key[WG_KEY_LEN])
{
	static const uint8_t one[WG_KEY_LEN] = {1};
	uint8_t q[WG_KEY_LEN];

	/* Fails for points of small order: the secret would be zero. */
	return !check_is_zero(key, WG_KEY_LEN) &&
	       crypto_scalarmult(q, one, key) == 0;
}
