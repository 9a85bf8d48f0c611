#ifndef COMMON_FILEIO_H
#define COMMON_FILEIO_H

#include <sys/stat.h>

#include <fcntl.h>
#include <stddef.h>

/*
 * Small files read whole and replaced whole: nothing half-written is ever
 * visible (design.md section 3). dirfd is open for reading.
 */

/* How files are opened here: what a sandbox has to allow, and nothing else. */
#define FILE_O_READ  (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define FILE_O_WRITE (O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define FILE_O_NEW   (O_CREAT | O_EXCL | FILE_O_WRITE)

/*
 * A regular file of at most max bytes, malloc'ed, with its fstat(2); links are
 * not followed and nothing blocks. NULL with errno (EINVAL: not a regular
 * file, EFBIG).
 */
char *file_read(
    int dirfd, const char *name, size_t max, size_t *len, struct stat *st);

/* Make an open file exactly buf, on disk. 0, or -errno: it may be torn. */
int file_overwrite(int fd, const void *buf, size_t len);

/*
 * A new file, on disk, in place of whatever bears the name (of ours, from a
 * start that was interrupted). With mode and, where we may, owner of like;
 * NULL: 0600. 0, or -errno and there is none.
 */
int file_new(int dirfd, const char *name, const void *buf, size_t len,
    const struct stat *like);

/*
 * Write beside (as tmp, mode 0600), then rename to name and sync the folder.
 * 0, or -errno: the old file is intact (or the new one in place, when only the
 * folder's fsync failed).
 */
int file_replace(
    int dirfd, const char *name, const char *tmp, const void *buf, size_t len);

/* Some file systems have no fsync of a folder: that is no failure. */
int file_sync_dir(int dirfd);

/* A file that may be a bind mount, which cannot be renamed over. */
struct file_place {
	int dirfd;
	const char *name, *beside, *copy;
	size_t max; /* bytes of a copy that is believed */
};

/*
 * As file_replace, with mode, extended attributes (an ACL, a label) and owner
 * of what it replaces, as far as we may set them. like: its fstat(2). Only for
 * EBUSY and EXDEV in place: the finished text is put beside as `copy` first,
 * and old is put back when the write fails. 0, or -errno with the old text
 * intact.
 */
int file_install(const struct file_place *at, const char *old, size_t oldlen,
    const char *new, size_t newlen, const struct stat *like);
/*
 * Roll a write in place that was torn forward, from its copy. 0 (also when
 * there is none), or -errno.
 */
int file_mend(const struct file_place *at);

#endif
