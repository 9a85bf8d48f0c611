#ifndef WESHER_CRC_H
#define WESHER_CRC_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 of IEEE 802.3 over len bytes (protocol.md section 2). */
uint32_t crc32_ieee(const uint8_t *p, size_t len);

#endif
