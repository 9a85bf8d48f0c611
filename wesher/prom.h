#ifndef WESHER_PROM_H
#define WESHER_PROM_H

#include <stdint.h>
#include <stdio.h>

/*
 * Prometheus' text format, version 0.0.4. Names, types, help and labels' names
 * are the caller's and in form; labels' values may be hostile. Errors are those
 * of the stream.
 */

/* A family: its samples follow at once. type: "counter" or "gauge". */
void
prom_family(FILE *out, const char *name, const char *type, const char *help);

/*
 * One sample. labels: names and values in turn, then NULL; or NULL. What is no
 * UTF-8 in a value, and a backslash, is written as \xNN there: Prometheus
 * refuses the whole page for the former, and no two values become one.
 */
void prom_count(
    FILE *out, const char *name, const char *const *labels, uint64_t value);
void
prom_real(FILE *out, const char *name, const char *const *labels, double value);

#define PROM_LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
