#ifndef WESHER_JSONTEXT_H
#define WESHER_JSONTEXT_H

#include <jansson.h>

/*
 * A hostile string as a JSON string: JSON must be valid UTF-8, so what is not
 * becomes vis(3) text. NULL when out of memory.
 */
json_t *jsontext(const char *s);

/* The same, and null for NULL. */
json_t *jsontext_or_null(const char *s);

#endif
