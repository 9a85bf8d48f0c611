#ifndef WESHER_OPTTABLE_H
#define WESHER_OPTTABLE_H

#include <stddef.h>

#include "options.h"

/* The table of options, of options.c and optkey.c alone. */

#define IN(cmd) (1u << (cmd))
#define AGENT	IN(CMD_AGENT)
#define LOOKS	(IN(CMD_STATUS) | IN(CMD_MONITOR))
#define STEERS	(IN(CMD_FORGET) | IN(CMD_JOIN) | IN(CMD_LOG_LEVEL))
#define ALL	(AGENT | LOOKS | STEERS | IN(CMD_KEY) | IN(CMD_LEAVE))

#define F_BOOL	 0x01 /* --flag, --flag=true */
#define F_NOENV	 0x02
#define F_SECRET 0x04 /* the value is never shown */
#define F_REPEAT 0x08 /* accumulates */

#define ENV_PREFIX "WESHER_"

/* The order of this list is the order of --help. */
enum opt_id {
	O_CLUSTER_KEY,
	O_CLUSTER_KEY_FILE,
	O_JOIN,
	O_INIT,
	O_BIND_ADDR,
	O_BIND_IFACE,
	O_ADVERTISE_ADDR,
	O_CLUSTER_PORT,
	O_WIREGUARD_PORT,
	O_OVERLAY_NET,
	O_OVERLAY_ADDR,
	O_INTERFACE,
	O_MTU,
	O_KEEPALIVE,
	O_HOLD_DOWN,
	O_FORGET_AFTER,
	O_KEEP_INTERFACE,
	O_NO_ETC_HOSTS,
	O_HOSTS_DOMAIN,
	O_ALLOW_STATIC,
	O_METRICS,
	O_LOG_LEVEL,
	O_DEBUG,
	O_USER,
	O_PRIV,
	O_JSON,
	O_WATCH,
	O_GRAPH,
	O_GENERATE,
	O_NEW_WIREGUARD,
	O_VERSION,
	O_HELP,
	NOPTS
};

struct opt {
	const char *name;
	const char *arg; /* NULL for F_BOOL */
	unsigned flags, cmds;
	const char *expect; /* what a value has to be */
	const char *help;
};
extern const struct opt opts[NOPTS];

/* By the first n bytes of a name or alias; NOPTS when there is none. */
enum opt_id opt_find(const char *name, size_t n);
/* By the first n bytes of a variable's name, WESHER_X_Y; likewise. */
enum opt_id opt_find_env(const char *var, size_t n);

/*
 * Read a value into place. 0, or -1: it is not what opts[id].expect says. Not
 * for O_CLUSTER_KEY and O_JOIN, whose complaints are their own.
 */
int opt_set(enum opt_id id, const char *v, struct conf *c, struct options *o);

#endif
