#ifndef WESHER_CLIENT_H
#define WESHER_CLIENT_H

#include <stddef.h>

#define CLIENT_TIMEOUT 10 /* seconds, for the whole exchange */

/*
 * Connect to a control socket (control.h). Returns a descriptor, or -1 with
 * errno: ENOENT and ECONNREFUSED mean that no daemon runs.
 */
int client_connect(const char *path);

/* Send a command (no newline) within timeout seconds. 0, or -1 with errno. */
int client_send(int fd, const char *command, int timeout);

/*
 * Send a command (no newline) and read the answer up to its end: at most max
 * bytes, within timeout seconds. *answer is malloc'ed. Returns 0, or -1 with
 * errno (ETIMEDOUT, EMSGSIZE, ...).
 */
int client_ask(int fd, const char *command, size_t max, int timeout,
    char **answer, size_t *len);

#endif
