/*
 * The operator's command: what the daemon answers, field by field. The gossip
 * process may be taken over, and names and reasons are other hosts' choice: a
 * field may be missing or of another type, and every string is escaped before
 * it comes near a terminal. Runs unprivileged when it was started by root.
 */
#include <stdio.h>
#include <string.h>

#include "../common/log.h"
#include "answer.h"

json_t *
answer_load(const char *json, size_t len, char *err, size_t errlen)
{
	json_error_t e;
	json_t *doc = json_loadb(json, len, JSON_REJECT_DUPLICATES, &e);
	char buf[1024];

	if (doc == NULL) {
		snprintf(err, errlen,
		    "the daemon's answer is no JSON (byte %d): is it of "
		    "another version?",
		    e.position);
		return NULL;
	}
	if (!json_is_string(json_object_get(doc, "error")))
		return doc;
	snprintf(err, errlen, "the daemon says: %s",
	    answer_text(doc, "error", buf, sizeof(buf)));
	json_decref(doc);
	return NULL;
}

const char *
answer_text(const json_t *obj, const char *key, char *buf, size_t buflen)
{
	const json_t *s = json_object_get(obj, key);

	if (json_string_length(s) == 0)
		strlcpy(buf, "-", buflen);
	else
		log_vis(
		    buf, buflen, json_string_value(s), json_string_length(s));
	return buf;
}

long long
answer_number(const json_t *obj, const char *key)
{
	return json_integer_value(json_object_get(obj, key));
}

bool
answer_is(const json_t *obj, const char *key, const char *want)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s != NULL && strcmp(s, want) == 0;
}
