#ifndef COMMON_PRIVARGS_H
#define COMMON_PRIVARGS_H

#include <net/if.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "conf.h"

/*
 * wesher-priv's command line: `wesher` encodes it, wesher-priv decodes it. The
 * options are documented in wesher-priv(8).
 */

/* What wesher-priv was told by its own argv; never changed afterwards. */
struct policy {
	char interface[IFNAMSIZ];
	struct ipnet overlay;
	struct ipaddr overlay_addr; /* ours; len 0: its name derives it */
	uint16_t cluster_port, wireguard_port;
	uint32_t mtu, keepalive;
	struct ipaddr bind_addr; /* len 0: wildcard */
	char bind_iface[IFNAMSIZ];
	char user[CONF_USERLEN];
	char hosts_domains[CONF_DOMAINS]; /* DOMAIN[,DOMAIN]... */
	char metrics[CONF_METRICS]; /* ADDR:PORT or unix:PATH; "": none */
	bool keep_interface, no_etc_hosts, foreground, allow_static, init;
	bool remove, new_key; /* to be done instead of a start */
	int log_level; /* enum log_level */
	int conf_fd; /* the sealed memfd, passed on unread; -1: none */
	int gossip_fd; /* the wesher executable, for execveat; -1: none */
	/* no options, but other folders in tests */
	const char *statedir, *keydir, *rundir, *etcdir;
};

/* A NULL-terminated argument or environment vector with its text. */
#define ARGVEC_MAX 40
struct argvec {
	char *v[ARGVEC_MAX];
	size_t n;
	char text[2048];
	size_t used;
};

/* Append one formatted word. 0, or -1: it does not fit. */
int argvec_add(struct argvec *vec, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* What holds for an option that is not given. */
void privargs_default(struct policy *out);
/*
 * The command line that decodes to p, into an empty vector (zeroed): all that
 * has a value; of a --remove or --new-key what these use. 0, or -1: it does
 * not fit.
 */
int privargs_encode(const struct policy *p, struct argvec *out);
/*
 * The defaults and what argv says, strictly: --name VALUE or --name=VALUE,
 * names in full, switches without a value, nothing else. 0, or -1 with a line
 * in err that names option, value and what was expected.
 */
int privargs_decode(
    char *const argv[], struct policy *out, char *err, size_t errlen);

#endif
