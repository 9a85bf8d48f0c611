#ifndef COMMON_LIMITS_H
#define COMMON_LIMITS_H

#include <sys/resource.h>

/* Resource limits of this process, hard and soft. End it when they fail. */

void limits_set(int what, rlim_t max); /* RLIMIT_* */
/* RLIMIT_NOFILE: room for `spare` descriptors above the highest open one. */
void limits_files(unsigned spare);

#endif
