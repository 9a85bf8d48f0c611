/*
 * LZW both ways: any bytes as compressed text, at once and in pieces (the same
 * comes out, never more than the cap), and any bytes compressed and inflated
 * again.
 */
#include "../../wesher/lzw.h"
#include "fuzz.h"

#define CAP 65536

static struct lzw_decoder d;
static struct lzw_encoder e;
static uint8_t whole[CAP], pieces[CAP], packed[CAP];

static void
check_pieces(const uint8_t *in, size_t len, size_t cap, size_t step, ssize_t n)
{
	size_t inpos = 0, outpos = 0, room = step, end = step;
	enum lzw_status st;
	uint8_t *buf;

	lzw_decode_init(&d);
	/* Both limits grow bit by bit, as a stream's do. */
	for (;;) {
		room = room < cap ? room : cap;
		end = end < len ? end : len;
		buf = pieces;
		st = lzw_decode_some(&d, in, end, &inpos, buf, room, &outpos);
		must(inpos <= end && outpos <= room);
		if (st != LZW_MORE || (end == len && room == cap))
			break;
		if (end == len && outpos < room)
			break;
		/* Out of input, or of room: whichever can be helped. */
		if (outpos < room || room == cap)
			end += step;
		else
			room += step;
	}
	if (n >= 0) {
		must(st == LZW_END && outpos == (size_t)n);
		must(memcmp(whole, pieces, outpos) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz f = {data, size};
	size_t cap = (size_t)fz_u16(&f) + 1, step = (size_t)fz_u8(&f) + 1;
	uint8_t *in = fz_copy(f.p, f.len), *out = malloc(cap);
	ssize_t n, m;

	must(out != NULL);
	lzw_decode_init(&d);
	n = lzw_decode(&d, in, f.len, out, cap);
	must(n >= -1 && n <= (ssize_t)cap);
	if (n > 0)
		memcpy(whole, out, (size_t)n);
	check_pieces(in, f.len, cap, step, n);
	free(out);

	m = lzw_encode(&e, in, f.len, packed, sizeof(packed));
	if (m != -1) {
		n = lzw_decode(&d, packed, (size_t)m, whole, sizeof(whole));
		must(n == (ssize_t)f.len || f.len > sizeof(whole));
		must(n <= 0 || memcmp(whole, in, (size_t)n) == 0);
		/* One byte of room less is refused, not overrun. */
		out = malloc((size_t)m);
		must(lzw_encode(&e, in, f.len, out, (size_t)m - 1) == -1);
		must(lzw_encode(&e, in, f.len, out, (size_t)m) == m);
		free(out);
	}
	free(in);
	return 0;
}
