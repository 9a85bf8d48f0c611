/*
 * CRC-32 of IEEE 802.3, which memberlist puts before the messages of a packet.
 * In the gossip process; the bytes come from a member, and may be of any kind.
 *
 * Four bytes at a time: what each of them does to the remainder is looked up
 * on its own. A remainder is linear in its input, so that the entries follow
 * from those of the single bits, and the compiler writes the tables; a program
 * that gets no such packets never reads them.
 */
#include <endian.h>

#include <string.h>

#include "crc.h"

#define BIT(i, b, c) ((i) >> (b)&1 ? (c) : 0u)
#define ENTRY(i, a, b, c, d, e, f, g, h)                             \
	(BIT(i, 0, a) ^ BIT(i, 1, b) ^ BIT(i, 2, c) ^ BIT(i, 3, d) ^ \
	    BIT(i, 4, e) ^ BIT(i, 5, f) ^ BIT(i, 6, g) ^ BIT(i, 7, h))
#define FOUR(i, ...)                                        \
	ENTRY(i, __VA_ARGS__), ENTRY((i) + 1, __VA_ARGS__), \
	    ENTRY((i) + 2, __VA_ARGS__), ENTRY((i) + 3, __VA_ARGS__)
#define SIXTEEN(i, ...)                                   \
	FOUR(i, __VA_ARGS__), FOUR((i) + 4, __VA_ARGS__), \
	    FOUR((i) + 8, __VA_ARGS__), FOUR((i) + 12, __VA_ARGS__)
#define SIXTY_FOUR(i, ...)                                       \
	SIXTEEN(i, __VA_ARGS__), SIXTEEN((i) + 16, __VA_ARGS__), \
	    SIXTEEN((i) + 32, __VA_ARGS__), SIXTEEN((i) + 48, __VA_ARGS__)
#define TABLE(...)                                                             \
	{                                                                      \
		SIXTY_FOUR(0, __VA_ARGS__), SIXTY_FOUR(64, __VA_ARGS__),       \
		    SIXTY_FOUR(128, __VA_ARGS__), SIXTY_FOUR(192, __VA_ARGS__) \
	}

/* By the number of bytes that follow; of the byte's bits, the lowest first. */
static const uint32_t table[4][256] = {
    TABLE(0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832, 0x1db71064,
	0x3b6e20c8, 0x76dc4190, 0xedb88320),
    TABLE(0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08, 0x4ac21251,
	0x958424a2, 0xf0794f05, 0x3b83984b),
    TABLE(0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8, 0x1c26a370,
	0x384d46e0, 0x709a8dc0, 0xe1351b80),
    TABLE(0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef, 0x5019579f,
	0xa032af3e, 0x9b14583d, 0xed59b63b),
};

uint32_t
crc32_ieee(const uint8_t *p, size_t len)
{
	uint32_t c = UINT32_MAX, w;

	for (; len >= sizeof(w); len -= sizeof(w), p += sizeof(w)) {
		memcpy(&w, p, sizeof(w));
		c ^= le32toh(w);
		c = table[3][c & 255] ^ table[2][c >> 8 & 255] ^
		    table[1][c >> 16 & 255] ^ table[0][c >> 24];
	}
	for (; len > 0; len--)
		c = c >> 8 ^ table[0][(c ^ *p++) & 255];
	return ~c;
}
