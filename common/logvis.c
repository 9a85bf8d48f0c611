/*
 * Text of others made fit for a line: what is not printable ASCII or harmless
 * UTF-8 is escaped in the manner of vis(3). Used by both programs, on bytes
 * that anybody may have sent; a line of these can neither be ended nor be
 * given another look by them.
 */
#include <stdint.h>
#include <string.h>
#define LIBBSD_NETBSD_VIS /* silences a warning about strnvis(3), unused */
#include <vis.h>

#include "log.h"
#include "logline.h"

/* Length of one valid UTF-8 sequence beyond ASCII at p, or 0 (RFC 3629). */
static size_t
utf8_len(const unsigned char *p, size_t n)
{
	static const uint32_t min[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c;
	size_t len, i;

	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2, c = p[0] & 0x1f;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3, c = p[0] & 0x0f;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4, c = p[0] & 0x07;
	else
		return 0;
	if (n < len)
		return 0;
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	/* C1 controls, surrogates, bidi controls and the like are not text. */
	if (c < min[len] || c > 0x10ffff || c < 0xa0 ||
	    (c >= 0xd800 && c <= 0xdfff) || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x206f) ||
	    c == 0xfeff || c == 0x61c)
		return 0;
	return len;
}

size_t
logvis_one(char out[LOGVIS_MAX], const void *src, size_t n, size_t *took)
{
	const unsigned char *p = src;

	*took = utf8_len(p, n);
	if (*took != 0) {
		memcpy(out, p, *took);
		return *took;
	}
	*took = 1;
	return (
	    size_t)(vis(out, p[0],
			VIS_CSTYLE | VIS_OCTAL | VIS_NL | VIS_TAB | VIS_NOSLASH,
			0) -
		    out);
}

const char *
log_vis(char *dst, size_t dstlen, const void *src, size_t n)
{
	const char *p = src;
	char tmp[LOGVIS_MAX];
	size_t i, took, put, out = 0;

	for (i = 0; i < n; i += took) {
		put = logvis_one(tmp, p + i, n - i, &took);
		if (out + put >= dstlen)
			break;
		memcpy(dst + out, tmp, put);
		out += put;
	}
	if (dstlen > 0)
		dst[out] = '\0';
	return dst;
}
