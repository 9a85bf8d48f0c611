#ifndef WESHER_ASK_H
#define WESHER_ASK_H

#include <stddef.h>

#include "../common/conf.h"
#include "options.h"

/*
 * Connect to the daemon of c->interface, or to the only one of this host when
 * --interface was not given; then give up root. A descriptor, or -1: logged.
 */
int ask_connect(const struct conf *c, const struct options *o);

/*
 * One command (control.h), and the whole of its answer, malloc'ed. 0, or -1:
 * logged.
 */
int ask_daemon(const struct conf *c, const struct options *o,
    const char *command, char **answer, size_t *len);

#endif
