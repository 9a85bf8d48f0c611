#ifndef WESHER_GRAPH_H
#define WESHER_GRAPH_H

#include <stddef.h>
#include <stdio.h>

/*
 * The daemon's answer to `graph` (control.h) in Graphviz's language: who has a
 * fresh handshake with this host (solid), and who reports whom alive (dashed).
 * Returns STATUS_WHOLE, or STATUS_NONE with a line in err (status.h).
 */
int
graph_dot(const char *json, size_t len, FILE *out, char *err, size_t errlen);

#endif
