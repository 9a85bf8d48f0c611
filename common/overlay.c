/*
 * A name's overlay address (protocol.md section 7). Both programs compute it,
 * so that wesher-priv need not believe an address that it is told.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "overlay.h"

/* FNV-1a 128: offset basis and prime 2^88 + 2^8 + 0x3b, in 32-bit limbs. */
struct fnv128 {
	uint32_t w[4]; /* most significant first */
};

static const struct fnv128 fnv_basis = {
    {0x6c62272e, 0x07bb0142, 0x62b82175, 0x6295c58d}};

static void
fnv_byte(struct fnv128 *h, uint8_t byte)
{
	uint32_t w[4];
	uint64_t acc = 0;
	int i;

	h->w[3] ^= byte;
	memcpy(w, h->w, sizeof(w));
	/* h * 0x13b, then + h << 88 (two limbs and 24 bits up). */
	for (i = 3; i >= 0; i--) {
		acc += (uint64_t)w[i] * 0x13b;
		h->w[i] = (uint32_t)acc;
		acc >>= 32;
	}
	acc = (uint64_t)h->w[1] + (w[3] << 24);
	h->w[1] = (uint32_t)acc;
	h->w[0] += (uint32_t)(acc >> 32) + ((w[2] << 24) | (w[3] >> 8));
}

static void
fnv_bytes(struct fnv128 *h, const void *p, size_t len)
{
	const uint8_t *b = p;
	size_t i;

	for (i = 0; i < len; i++)
		fnv_byte(h, b[i]);
}

void
overlay_addr(const struct ipnet *net, const char *name, size_t namelen,
    unsigned attempt, struct ipaddr *out)
{
	struct fnv128 h = fnv_basis;
	char dec[12];
	unsigned bit, len = net->ip.len;

	fnv_bytes(&h, name, namelen);
	if (attempt > 0) {
		int n = snprintf(dec, sizeof(dec), "%u", attempt);

		fnv_bytes(&h, "", 1);
		fnv_bytes(&h, dec, (size_t)n);
	}
	*out = net->ip;
	for (bit = net->bits; bit < len * 8; bit++) {
		/* Bit of the address, counted from its end, is the hash's. */
		unsigned fromend = len * 8 - 1 - bit;
		uint32_t limb = h.w[3 - fromend / 32];

		if ((limb >> (fromend % 32)) & 1)
			out->b[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	}
}

int
overlay_first(const struct ipnet *net, const char *name, size_t namelen,
    unsigned from, struct ipaddr *out)
{
	for (; from <= 255; from++) {
		overlay_addr(net, name, namelen, from, out);
		if (check_overlay_host(net, out))
			return (int)from;
	}
	memset(out, 0, sizeof(*out));
	return -1;
}
