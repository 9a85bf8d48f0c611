#ifndef WESHER_COMMANDS_H
#define WESHER_COMMANDS_H

#include "../common/conf.h"
#include "options.h"

#define RUN_DIR	  "/run/wesher"
#define STATE_DIR "/var/lib/wesher"

/*
 * The subcommands. Each runs to its end, logs its complaints as lines for the
 * operator, and returns the exit status.
 */
int status_main(const struct conf *c, const struct options *o);
int monitor_main(const struct conf *c, const struct options *o);
/* forget, join, log-level: the command's word. */
int
steer_main(const struct conf *c, const struct options *o, const char *command);
int key_main(const struct conf *c, const struct options *o, char *const *envp);
int
leave_main(const struct conf *c, const struct options *o, char *const *envp);

/* "must be run as root: try sudo wesher <command>". 0, or -1: logged. */
int need_root(const char *command);

#endif
