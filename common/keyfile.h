#ifndef COMMON_KEYFILE_H
#define COMMON_KEYFILE_H

#include "wgkey.h"

/*
 * A WireGuard key in a file, as `wg genkey` writes it. dir is open for
 * reading.
 */

/*
 * 0; -ENOENT; -EINVAL: damaged, or not ours alone; or another -errno. Nothing
 * of it stays elsewhere in memory.
 */
int keyfile_read(int dir, const char *name, uint8_t key[WG_KEY_LEN]);
/* Written beside, then renamed. 0 or -errno. */
int keyfile_write(int dir, const char *name, const uint8_t key[WG_KEY_LEN]);

#endif
