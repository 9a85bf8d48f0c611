/*
 * The text of /etc/resolv.conf, read by wesher-priv as root. The file is
 * root's, or of the service that root's link leads to; an unusable line is
 * skipped, never an error.
 */
#include <stdio.h>
#include <string.h>

#include "resolvconf.h"

size_t
resolv_parse(const char *text, size_t len, struct ipaddr *out, size_t max)
{
	const char *end = text + len, *nl;
	char line[128], word[64];
	size_t n = 0;

	for (; text < end && n < max; text = nl + 1) {
		if ((nl = memchr(text, '\n', (size_t)(end - text))) == NULL)
			nl = end;
		if ((size_t)(nl - text) >= sizeof(line))
			continue;
		memcpy(line, text, (size_t)(nl - text));
		line[nl - text] = '\0';
		if (sscanf(line, "nameserver%*[ \t]%63[^ \t\r]", word) == 1 &&
		    ipaddr_parse(word, &out[n]) == 0)
			n++;
	}
	return n;
}
