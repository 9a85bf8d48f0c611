#ifndef COMMON_OWNED_H
#define COMMON_OWNED_H

#include <sys/types.h>

#include <limits.h>

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
 * The original's state file, of this interface or of all, unread: below dir.
 * -1: none that can be trusted.
 */
int owned_oldstate(const char *dir, const char *interface);

/*
 * May something be made at that absolute path: is each folder on the way
 * root's, or ours, and nobody else's to write? One with the sticky bit will do
 * but for the last. The folder's own name, without links, is left in real.
 * 0, or -1 (errno).
 */
int owned_place(const char *path, char real[PATH_MAX]);

/*
 * The pid file: locked, and our pid written into it, until the descriptor is
 * closed. -1: somebody holds the lock, pid is what is written there, or "?".
 * Ends the process on errors.
 */
int owned_lock(const char *path, char pid[16]);

#endif
