#ifndef WESHER_OPTKEY_H
#define WESHER_OPTKEY_H

#include <stddef.h>

#include "options.h"

/*
 * Read the keys from o->key_file ("-" is standard input): one line, blanks at
 * its end ignored. A file that everybody can read is worth a warning. 0, or -1
 * with a line in err that holds nothing of the file.
 */
int optkey_read(struct conf *c, struct options *o, char *err, size_t errlen);

#endif
