/*
 * A packet behind the encryption: any bytes, taken apart as the gossip process
 * does, each message through every decoder and back. A checksum would stop the
 * fuzzer, so an input that begins with the checksum's type gets a right one
 * half of the time.
 */
#include "messages.h"

static struct wire_scratch scratch;

static uint32_t
crc32(const uint8_t *p, size_t len)
{
	uint32_t c = 0xffffffff;
	int k;

	for (; len > 0; len--) {
		c ^= *p++;
		for (k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
	}
	return ~c;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *p = fz_copy(data, size);
	unsigned count = 0;
	uint32_t crc;
	int r;

	if (size >= 5 && p[0] == WIRE_CRC && p[1] & 1) {
		crc = crc32(p + 5, size - 5);
		p[1] = (uint8_t)(crc >> 24);
		p[2] = (uint8_t)(crc >> 16);
		p[3] = (uint8_t)(crc >> 8);
		p[4] = (uint8_t)crc;
	}
	r = wire_packet(&scratch, p, size, check_message, &count);
	must(r <= 0 && (r == 0 || count == 0));
	must(count <= WIRE_COMPOUND_MAX);
	must(wire_error_str(r) != NULL);
	free(p);
	return 0;
}
