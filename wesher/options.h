#ifndef WESHER_OPTIONS_H
#define WESHER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "../common/conf.h"

/*
 * Options and environment of the operator's command. Every long option X-Y has
 * the variable WESHER_X_Y; a flag wins. An empty variable counts as unset.
 */
enum command {
	CMD_AGENT, /* start the daemon; the default */
	CMD_STATUS,
	CMD_KEY,
	CMD_LEAVE,
	CMD_HELP, /* --help was met: nothing else was looked at */
	CMD_VERSION, /* likewise */
	CMD_MONITOR,
	CMD_FORGET,
	CMD_JOIN,
	CMD_LOG_LEVEL
};

#define OPT_WARN_MAX 4
#define OPT_LINE     320 /* a complaint or warning */

/* What does not travel in struct conf. Pointers go into argv or envp. */
struct options {
	enum command command;
	const char *key_file; /* NULL: none; already read */
	const char *priv; /* --priv, or NULL */
	bool has_interface; /* --interface was given */
	const char *operand; /* of forget, join, log-level: checked */
	bool json, watch, graph; /* status; json: monitor, too */
	bool generate, new_wireguard; /* key */
	unsigned nwarn;
	char warn[OPT_WARN_MAX][OPT_LINE];
};

/*
 * Fill c and o, defaults included; debug is set, foreground and show_key are
 * the caller's. Reads nothing but the key file (and only once all else was
 * found right). Returns 0, or -1 with one line in err, without "wesher: ",
 * that names the option, its value unless it is or may be secret, and what is
 * expected. The caller wipes *c.
 */
int options_parse(int argc, char **argv, char **envp, struct conf *c,
    struct options *o, char *err, size_t errlen);

/* Overwrite the cluster key's text in argv and envp. */
void options_wipe(int argc, char **argv, char **envp);

/* What --help prints. */
void options_usage(FILE *out);

#endif
