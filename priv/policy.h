#ifndef PRIV_POLICY_H
#define PRIV_POLICY_H

#include <net/if.h>

#include <stdbool.h>
#include <stdint.h>

#include "../common/addr.h"
#include "../common/conf.h"

/* What wesher-priv was told by its own argv; never changed afterwards. */
struct policy {
	char interface[IFNAMSIZ];
	struct ipnet overlay;
	uint16_t cluster_port, wireguard_port;
	uint32_t mtu, keepalive;
	struct ipaddr bind_addr;
	char bind_iface[IFNAMSIZ];
	char user[CONF_USERLEN];
	bool keep_interface, no_etc_hosts, foreground, allow_static, init;
	int log_level;
	int conf_fd; /* the sealed memfd, passed on unread */
	int gossip_fd; /* the wesher executable, for execveat */
	const char *statedir, *keydir, *rundir, *etcdir;
};

#endif
