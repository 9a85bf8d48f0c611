/*
 * What comes before the decryption. The first byte says what the input is: a
 * block as a stranger would send it (nothing opens), plain text sealed here
 * with one of two keys or another one, or a sealed block in which bits are
 * changed, bytes cut off or the authenticated data exchanged. Only what was
 * sealed with a known key, whole, opens, and as what it was.
 */
#include "../../wesher/seal.h"
#include "messages.h"

#define CAP 8192

static struct seal *ours, *second, *foreign;
static struct wire_scratch scratch;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t keys[3][CLUSTER_KEY_LEN] = {{1}, {2}, {3}};
	const char *why;

	(void)argc;
	(void)argv;
	if (seal_init(getenv("FUZZ_LIBCRYPTO") != NULL, &why) == -1)
		return 1;
	ours = seal_new(keys, 2);
	second = seal_new(keys + 1, 1);
	foreign = seal_new(keys + 2, 1);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz f = {data, size};
	uint8_t how = fz_u8(&f), ad[5], block[CAP + SEAL_OVERHEAD], *exact,
		*out;
	struct seal *by = how & 4 ? second : how & 8 ? foreign : ours;
	unsigned i, count = 0;
	size_t len, at;
	ssize_t n;
	bool changed = how & 8 && !(how & 4);

	for (i = 0; i < sizeof(ad); i++)
		ad[i] = how & 1 ? fz_u8(&f) : 0;
	len = f.len < CAP ? f.len : CAP;
	if (how & 2) { /* as it comes */
		memcpy(block, f.p, len);
		n = (ssize_t)len;
		changed = true;
	} else {
		n = seal_close(by, f.p, len, ad, how & 1 ? sizeof(ad) : 0,
		    block, sizeof(block));
		must(n == (ssize_t)(len + SEAL_OVERHEAD));
	}
	if (how & 16 && n > 0 && len > 1) {
		at = (f.p[0] * 256u + f.p[1]) % (size_t)n;
		block[at] ^= (uint8_t)(1u << (how >> 5));
		changed = true;
	} else if (how & 32 && n > 0 && len > 1) {
		n -= 1 + f.p[0] % n;
		changed = true;
	} else if (how & 64 && how & 1) {
		ad[4] ^= 1;
		changed = true;
	}
	exact = fz_copy(block, (size_t)n);
	out = malloc((size_t)n + 1);
	n = seal_open(ours, exact, (size_t)n, ad, how & 1 ? sizeof(ad) : 0, out,
	    (size_t)n);
	must(changed ? n == -1 : n == (ssize_t)len);
	if (n != -1) {
		must(len == 0 || memcmp(out, f.p, len) == 0);
		(void)wire_packet(
		    &scratch, out, (size_t)n, check_message, &count);
	}
	free(exact);
	free(out);
	return 0;
}
