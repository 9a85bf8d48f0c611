/*
 * Strings of other hosts in the JSON that the gossip process writes. Any bytes
 * may come; what leaves is valid UTF-8. Whoever prints it escapes once more.
 */
#include <string.h>

#include "../common/log.h"
#include "jsontext.h"

json_t *
jsontext(const char *s)
{
	char buf[1024];
	json_t *j = json_string(s);

	return j != NULL ? j
			 : json_string(log_vis(buf, sizeof(buf), s, strlen(s)));
}

json_t *
jsontext_or_null(const char *s)
{
	return s == NULL ? json_null() : jsontext(s);
}
