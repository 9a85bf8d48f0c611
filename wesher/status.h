#ifndef WESHER_STATUS_H
#define WESHER_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "../common/conf.h"
#include "options.h"

/* Exit status of wesher status. */
enum status_exit {
	STATUS_WHOLE = 0, /* every alive member has a tunnel */
	STATUS_PARTIAL = 1, /* some have not */
	STATUS_NONE = 2 /* no daemon, or no answer that makes sense */
};

/*
 * The daemon's answer (control.h) as a table for people. Strings in it come
 * from other hosts: all are escaped. Returns an enum status_exit, for
 * STATUS_NONE with a line in err.
 */
int
status_table(const char *json, size_t len, FILE *out, char *err, size_t errlen);
/* From now on states in tables are coloured, for terminals. */
void status_colours(bool on);
/* The same as indented, pure ASCII JSON. */
int
status_json(const char *json, size_t len, FILE *out, char *err, size_t errlen);

/* What stands above the table (status_head.c). */
void status_head(FILE *out, const json_t *doc);
/* Columns on a terminal: characters, not bytes. */
size_t status_width(const char *s);

/* "12s ago", "3m ago", "5h ago", "2d ago". Returns buf. */
const char *status_age(long long seconds, char *buf, size_t buflen);

#endif
