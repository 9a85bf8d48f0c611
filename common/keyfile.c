/*
 * WireGuard's private key on disk, for wesher-priv as root before its sandbox.
 * What others could read or write is no key.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include "fileio.h"
#include "keyfile.h"

int
keyfile_read(int dir, const char *name, uint8_t key[WG_KEY_LEN])
{
	struct stat st;
	size_t n;
	char *text = file_read(dir, name, WGKEY_TEXT, &n, &st);
	bool ok;

	if (text == NULL)
		return errno == EFBIG ? -EINVAL : -errno;
	ok = st.st_uid == geteuid() && !(st.st_mode & 077) &&
	     wgkey_parse(text, n, key) == 0;
	sodium_memzero(text, n);
	free(text);
	return ok ? 0 : -EINVAL;
}

int
keyfile_write(int dir, const char *name, const uint8_t key[WG_KEY_LEN])
{
	char tmp[64], text[WGKEY_TEXT];
	int r;

	snprintf(tmp, sizeof(tmp), "%s~", name);
	wgkey_text(key, text);
	r = file_replace(dir, name, tmp, text, sizeof(text));
	sodium_memzero(text, sizeof(text));
	return r;
}
