#ifndef WESHER_ANSWER_H
#define WESHER_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/*
 * Parse what the daemon said (control.h): an object without "error", the
 * caller's. NULL: with a line in err, that is printable.
 */
json_t *answer_load(const char *json, size_t len, char *err, size_t errlen);

/* A string of obj, escaped; "-" when there is none. Returns buf. */
const char *
answer_text(const json_t *obj, const char *key, char *buf, size_t buflen);
/* An integer of obj, 0 when there is none. */
long long answer_number(const json_t *obj, const char *key);
/* Is there a string of that name that says just that? */
bool answer_is(const json_t *obj, const char *key, const char *want);

#endif
