#ifndef WESHER_LAUNCH_H
#define WESHER_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>

#include "../common/conf.h"
#include "../common/privargs.h"
#include "options.h"

/*
 * From the operator's command to wesher-priv. Functions that fail return -1
 * with one line in err that names the remedy.
 */

/*
 * wesher-priv's command line for a start; gossip_fd -1: for removing what a
 * dead daemon left (wesher leave). 0, or -1: it does not fit.
 */
int launch_argv(
    const struct conf *c, int conf_fd, int gossip_fd, struct argvec *out);

/*
 * The environment of wesher-priv, a fixed PATH and what is let through: TZ,
 * and the supervisor's variables. No key among it. 0, or -1: does not fit.
 */
int launch_environ(char *const *envp, struct argvec *out);

/*
 * The foreground is asked for: a supervisor's NOTIFY_SOCKET is set, or its
 * SYSTEMD_EXEC_PID is pid.
 */
bool launch_supervised(char *const *envp, long pid);

/* A descriptor of our own executable, close-on-exec, or -1 (errno). */
int launch_self(void);

/* c in a sealed memfd, close-on-exec; its descriptor, or -1 (errno). */
int launch_memfd(const struct conf *c);

/*
 * All of a start. Returns (-1) only when it failed. All descriptors but the
 * standard ones are closed first.
 */
int launch_agent(const struct conf *c, const struct options *o,
    char *const *envp, char *err, size_t errlen);
/* All of wesher-priv --remove; likewise. */
int launch_remove(const struct conf *c, const struct options *o,
    char *const *envp, char *err, size_t errlen);
/* All of wesher-priv --new-key; likewise. design.md section 3. */
int launch_new_key(const struct conf *c, const struct options *o,
    char *const *envp, char *err, size_t errlen);

#endif
