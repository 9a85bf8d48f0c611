#ifndef WESHER_META_H
#define WESHER_META_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../common/addr.h"

/*
 * Node metadata: Go's gob encoding of one struct, in two dialects, with our
 * extension field X (protocol.md section 6).
 */
#define META_MAX 512

enum meta_dialect {
	META_V03, /* OverlayAddr netip.Addr (v0.3 and newer) */
	META_V02 /* OverlayAddr net.IPNet (releases up to v0.2.6) */
};

/* Capability bits of extension type 4. */
#define META_CAP_HEARSAY 0x00000001 /* holds hearsay back (later) */
#define META_CAP_OURS	 0 /* what this version announces */

struct meta {
	/* Decode: as the overlay field was written; without one META_V03. */
	enum meta_dialect dialect;
	struct ipaddr overlay; /* len 0: missing or the zero netip.Addr */
	uint8_t pubkey[32];
	bool has_pubkey; /* false: missing, empty or not base64 of 32 bytes */
	bool has_x; /* a valid extension was there (writes: include one) */
	uint8_t attempt; /* type 1 */
	bool has_wgport;
	uint16_t wgport; /* type 2, never 0 */
	bool is_static; /* type 3 */
	bool has_caps;
	uint32_t caps; /* type 4 */
};

/*
 * A WireGuard key in base64, read as the original reads one: line ends inside
 * are skipped, unused low bits of the last character do not matter. Returns
 * 0, or -1 when it is not exactly 32 bytes.
 */
int meta_key_parse(const char *s, size_t len, uint8_t key[32]);

/*
 * Decode. Accepts and refuses what the original's decoder does (vectors
 * gob-*.json, in either dialect), within strict bounds (META_MAX among them); a
 * bad extension drops the extension only, a zone or a mask is dropped. Returns
 * 0, or -1: not decodable at all, *out is then zero.
 */
int meta_decode(const void *buf, size_t len, struct meta *out);

/* Does it decode with a valid extension? Cheap for most that do not. */
bool meta_is_ours(const void *buf, size_t len);

/*
 * Encode in m->dialect, byte-identical with the original when !has_x; with
 * has_x the struct carries X with types 1 and 4 always, 2 and 3 when set.
 * Returns the length (<= META_MAX), or -1 when cap is too small or overlay
 * has no length.
 */
ssize_t meta_encode(const struct meta *m, void *buf, size_t cap);

#endif
