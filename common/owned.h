#ifndef COMMON_OWNED_H
#define COMMON_OWNED_H

#include <sys/types.h>

/*
 * Folders and files that count only while they are our own: those of
 * wesher-priv, so root's. Links are not followed, descriptors close-on-exec.
 */

/*
 * The folder, with this mode, made when it is missing. Another's, or one that
 * others can write, ends the process.
 */
int owned_dir(const char *path, mode_t mode);

/* A plain file with one name, for reading; -1: no such file, or (logged) it
 * is something else. */
int owned_file(const char *path);

/*
 * The pid file: locked, and our pid written into it, until the descriptor is
 * closed. -1: somebody holds the lock, pid is what is written there, or "?".
 * Ends the process on errors.
 */
int owned_lock(const char *path, char pid[16]);

#endif
