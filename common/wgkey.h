#ifndef COMMON_WGKEY_H
#define COMMON_WGKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check.h"

/* WireGuard keys: Curve25519, written as `wg genkey` does. Pure. */
#define WGKEY_TEXT 45 /* bytes of base64 and a newline; no NUL */

/* A new private key. */
void wgkey_make(uint8_t key[WG_KEY_LEN]);
void wgkey_text(const uint8_t key[WG_KEY_LEN], char text[WGKEY_TEXT]);
/* 0, or -1: not exactly one key. */
int wgkey_parse(const char *text, size_t len, uint8_t key[WG_KEY_LEN]);
/* Can a public key be used? Not zero, no point of small order. */
bool wgkey_usable(const uint8_t key[WG_KEY_LEN]);

#endif
