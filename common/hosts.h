#ifndef COMMON_HOSTS_H
#define COMMON_HOSTS_H

#include "hostsfile.h"

/*
 * The managed lines of /etc/hosts (protocol.md section 8, design.md section
 * 3). Other lines are kept byte for byte.
 */
struct hosts;

/*
 * dirfd is /etc (or a test's folder), opened before the sandbox. If
 * "hosts.wesher-copy" stands there, an in-place write was torn: it is repaired
 * from the copy. lockfd is locked during a write and that repair, so that two
 * meshes on a host do not lose each other's lines. Both stay the caller's to close. NULL when
 * out of memory; to be freed with free(3).
 */
struct hosts *hosts_open(int dirfd, const char *interface, int lockfd);

/*
 * Make the file's managed lines of this interface exactly the n entries, as
 * hosts_render() does. Nothing is written when nothing would change. A missing
 * file is not created (-ENOENT), a symbolic link not followed (-ELOOP).
 * Returns 1: written, 0: nothing to write, or -errno with the old file intact
 * (-EAGAIN: another mesh is writing, try again soon).
 */
int hosts_write(struct hosts *h, const struct hosts_entry *e, size_t n);
/* The folder's descriptor. */
int hosts_fd(const struct hosts *h);
/* Take all managed lines away; waits up to 2 s for another mesh. As above. */
int hosts_clear(struct hosts *h);

#endif
