#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include <net/if.h>

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"

/*
 * What the operator asked for. `wesher` fills it and writes it whole into a
 * sealed memfd that only the gossip process (the same executable) maps;
 * wesher-priv gets its part as argv and never sees the key.
 */
#define CLUSTER_KEY_LEN 32
#define CONF_KEYS	4
#define CONF_JOIN	64
#define CONF_JOINLEN	270 /* 253 of a name, brackets, :65535, NUL */
#define CONF_USERLEN	64
#define CONF_DOMAINS	512 /* their text */
#define CONF_METRICS	113 /* unix: and the path of a socket, NUL */

#define DEF_CLUSTER_PORT   7946
#define DEF_WIREGUARD_PORT 51820
#define DEF_OVERLAY_NET	   "10.0.0.0/8"
#define DEF_INTERFACE	   "wgoverlay"
#define DEF_MTU		   1420
#define DEF_HOLD_DOWN	   600
#define DEF_FORGET	   (72 * 3600)
#define DEF_USER	   "_wesher"

struct conf {
	uint32_t magic, size; /* CONF_MAGIC, sizeof(struct conf) */
	uint8_t keys[CONF_KEYS][CLUSTER_KEY_LEN];
	uint32_t nkeys;
	uint32_t njoin;
	bool init;
	bool keep_interface;
	bool no_etc_hosts;
	bool allow_static;
	bool debug; /* -d */
	bool foreground; /* -d or a supervisor */
	bool show_key; /* stdout is a terminal: print a generated key */
	int log_level; /* enum log_level */
	struct ipaddr bind_addr; /* len 0: wildcard */
	struct ipaddr advertise_addr;
	char bind_iface[IFNAMSIZ];
	char interface[IFNAMSIZ];
	struct ipnet overlay;
	struct ipaddr overlay_addr; /* ours; len 0: derived from our name */
	uint16_t cluster_port, wireguard_port;
	uint32_t mtu, keepalive;
	uint32_t hold_down; /* seconds */
	uint32_t forget_after; /* seconds */
	char user[CONF_USERLEN];
	char hosts_domains[CONF_DOMAINS]; /* D[,D]..., no other's get lines */
	char metrics[CONF_METRICS]; /* as check_metrics() wants it; "": none */
	/* HOST, HOST:PORT, [v6]:PORT. Last: most of it is seldom used. */
	char join[CONF_JOIN][CONF_JOINLEN];
};
#define CONF_MAGIC 0x77736831 /* "wsh1" */

#endif
