/*
 * The operator's command: the table of options. One line here gives an option
 * its flag, its variable, its place in --help and what a complaint says is
 * expected; the manual lists the same set (a test compares the two).
 */
#include <ctype.h>
#include <string.h>

#include "../common/check.h"
#include "../common/log.h"
#include "opttable.h"
#include "optval.h"

const struct opt opts[NOPTS] = {
    [O_CLUSTER_KEY] = {"cluster-key", "KEY[,KEY]", F_SECRET, AGENT, "",
	"32 bytes in base64; the first seals, all open"},
    [O_CLUSTER_KEY_FILE] = {"cluster-key-file", "FILE", 0, AGENT,
	"the name of a file, or - for standard input",
	"the same from a file, - is standard input"},
    [O_JOIN] = {"join", "HOST[,HOST]", F_REPEAT, AGENT, "",
	"members to join, HOST, HOST:PORT or [V6]:PORT"},
    [O_INIT] = {"init", NULL, F_BOOL, AGENT, "true or false",
	"forget the saved state"},
    [O_BIND_ADDR] = {"bind-addr", "ADDR", 0, AGENT,
	"a unicast address of this host",
	"address that membership traffic is bound to"},
    [O_BIND_IFACE] = {"bind-iface", "IFACE", 0, AGENT,
	"the name of a network interface",
	"interface that membership traffic is bound to"},
    [O_ADVERTISE_ADDR] = {"advertise-addr", "ADDR", 0, AGENT,
	"a unicast address that other hosts can reach",
	"what others are told (default: the bound address)"},
    [O_CLUSTER_PORT] = {"cluster-port", "PORT", 0, AGENT,
	"a port from 1 to 65535", "membership, UDP and TCP (7946)"},
    [O_WIREGUARD_PORT] = {"wireguard-port", "PORT", 0, AGENT,
	"a port from 1 to 65535", "tunnels, UDP (51820)"},
    [O_OVERLAY_NET] = {"overlay-net", "CIDR", 0, AGENT,
	"a network like 10.0.0.0/8 or fd00:1234::/64 that leaves at least "
	"2 host bits",
	"network of the overlay addresses (10.0.0.0/8)"},
    [O_OVERLAY_ADDR] = {"overlay-addr", "ADDR", 0, AGENT,
	"a host address inside of --overlay-net",
	"our overlay address, whatever our name derives"},
    [O_INTERFACE] = {"interface", "NAME", 0, ALL,
	"1 to 15 characters without blanks, '/', ':' or '%'",
	"WireGuard interface (wgoverlay)"},
    [O_MTU] = {"mtu", "N", 0, AGENT, "a number from 576 to 65535",
	"MTU of the interface (1420)"},
    [O_KEEPALIVE] = {"keepalive", "SECONDS", 0, AGENT,
	"a number of seconds from 0 to 65535",
	"persistent keepalive, 0 is off (0)"},
    [O_HOLD_DOWN] = {"hold-down", "TIME", 0, AGENT,
	"a number of seconds from 0 to 86400, or like 10m or 1h",
	"how long a live tunnel outlasts its member (10m)"},
    [O_FORGET_AFTER] = {"forget-after", "TIME", 0, AGENT,
	"a number of seconds up to 30 days, or like 10m, 1h or 3d",
	"how long failed members are tried again (72h)"},
    [O_KEEP_INTERFACE] = {"keep-interface", NULL, F_BOOL, AGENT,
	"true or false", "SIGTERM ends silently, everything stays"},
    [O_NO_ETC_HOSTS] = {"no-etc-hosts", NULL, F_BOOL, AGENT | IN(CMD_LEAVE),
	"true or false", "leave /etc/hosts alone"},
    [O_HOSTS_DOMAIN] = {"hosts-domain", "DOM[,DOM]", F_REPEAT, AGENT,
	"domains like example.org, 511 characters in all",
	"domains of names in /etc/hosts besides our own"},
    [O_ALLOW_STATIC] = {"allow-static", NULL, F_BOOL, AGENT, "true or false",
	"members may have an overlay address of their choice"},
    [O_METRICS] = {"metrics", "WHERE", 0, AGENT,
	"an address of this host with a port, like 127.0.0.1:9946 or "
	"[::1]:9946, or unix: and the path of a socket",
	"ADDR:PORT or unix:PATH for Prometheus (off)"},
    [O_LOG_LEVEL] = {"log-level", "LEVEL", 0, ALL, OPTVAL_LEVEL,
	OPTVAL_LEVEL " (warn)"},
    [O_DEBUG] = {"debug", NULL, F_BOOL, ALL, "true or false",
	"-d: foreground, log to stderr at debug"},
    [O_USER] = {"user", "USER", 0, ALL, "the name or number of a user",
	"unprivileged user, name or uid (_wesher)"},
    [O_PRIV] = {"priv", "PATH", 0, AGENT | IN(CMD_LEAVE) | IN(CMD_KEY),
	"the path of a wesher-priv program",
	"wesher-priv to run, for developers"},
    [O_JSON] = {"json", NULL, F_BOOL | F_NOENV, LOOKS, "true or false",
	"status, monitor: as JSON"},
    [O_WATCH] = {"watch", NULL, F_BOOL | F_NOENV, IN(CMD_STATUS),
	"true or false", "status: again every two seconds"},
    [O_GRAPH] = {"graph", NULL, F_BOOL | F_NOENV, IN(CMD_STATUS),
	"true or false", "status: who sees whom, for Graphviz"},
    [O_GENERATE] = {"generate", NULL, F_BOOL | F_NOENV, IN(CMD_KEY),
	"true or false", "key: print a new key, change nothing"},
    [O_NEW_WIREGUARD] = {"new-wireguard", NULL, F_BOOL | F_NOENV, IN(CMD_KEY),
	"true or false", "key: a new WireGuard key from the next start on"},
    [O_VERSION] = {"version", NULL, F_BOOL | F_NOENV, ALL, "", "print it"},
    [O_HELP] = {"help", NULL, F_BOOL | F_NOENV, ALL, "", "print this"},
};

static const struct {
	const char *alias;
	enum opt_id id;
} aliases[] = {{"clusterkey", O_CLUSTER_KEY}, {"joinaddrs", O_JOIN}};

enum opt_id
opt_find(const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < NOPTS; i++)
		if (strlen(opts[i].name) == n &&
		    memcmp(opts[i].name, name, n) == 0)
			return (enum opt_id)i;
	for (i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strlen(aliases[i].alias) == n &&
		    memcmp(aliases[i].alias, name, n) == 0)
			return aliases[i].id;
	return NOPTS;
}

static int
set_port(const char *v, uint16_t *out)
{
	uint32_t n;

	if (!check_number(v, 1, 65535, &n))
		return -1;
	*out = (uint16_t)n;
	return 0;
}

static int
set_ifname(const char *v, char out[IFNAMSIZ])
{
	if (!check_ifname(v))
		return -1;
	strlcpy(out, v, IFNAMSIZ);
	return 0;
}

static int
set_bind_addr(const char *v, struct conf *c)
{
	if (optval_bind_addr(v, &c->bind_addr) == -1)
		return -1;
	/* 0.0.0.0 and :: say what is the default. */
	if (ipaddr_is_any(&c->bind_addr))
		memset(&c->bind_addr, 0, sizeof(c->bind_addr));
	return 0;
}

static int
set_log_level(const char *v, struct conf *c)
{
	int level = log_level_parse(v);

	if (level == -1)
		return -1;
	c->log_level = level;
	return 0;
}

static int
set_path(const char *v, const char **out)
{
	if (v[0] == '\0')
		return -1;
	*out = v;
	return 0;
}

static bool *
boolean(enum opt_id id, struct conf *c, struct options *o)
{
	switch (id) {
	case O_INIT:
		return &c->init;
	case O_KEEP_INTERFACE:
		return &c->keep_interface;
	case O_NO_ETC_HOSTS:
		return &c->no_etc_hosts;
	case O_ALLOW_STATIC:
		return &c->allow_static;
	case O_DEBUG:
		return &c->debug;
	case O_JSON:
		return &o->json;
	case O_WATCH:
		return &o->watch;
	case O_GRAPH:
		return &o->graph;
	case O_GENERATE:
		return &o->generate;
	case O_NEW_WIREGUARD:
		return &o->new_wireguard;
	default:
		return NULL;
	}
}

int
opt_set(enum opt_id id, const char *v, struct conf *c, struct options *o)
{
	switch (id) {
	case O_CLUSTER_KEY_FILE:
		return set_path(v, &o->key_file);
	case O_BIND_ADDR:
		return set_bind_addr(v, c);
	case O_BIND_IFACE:
		return set_ifname(v, c->bind_iface);
	case O_ADVERTISE_ADDR:
		return optval_advertise_addr(v, &c->advertise_addr);
	case O_OVERLAY_ADDR:
		return ipaddr_parse(v, &c->overlay_addr);
	case O_CLUSTER_PORT:
		return set_port(v, &c->cluster_port);
	case O_WIREGUARD_PORT:
		return set_port(v, &c->wireguard_port);
	case O_OVERLAY_NET:
		return optval_overlay(v, &c->overlay);
	case O_INTERFACE:
		o->has_interface = true;
		return set_ifname(v, c->interface);
	case O_MTU:
		return check_number(v, 576, 65535, &c->mtu) ? 0 : -1;
	case O_KEEPALIVE:
		return check_number(v, 0, 65535, &c->keepalive) ? 0 : -1;
	case O_HOSTS_DOMAIN:
		return optval_domains(v, c);
	case O_METRICS:
		return optval_metrics(v, c->metrics);
	case O_HOLD_DOWN:
		return optval_seconds(v, 86400, &c->hold_down);
	case O_FORGET_AFTER:
		return optval_seconds(v, 30 * 86400, &c->forget_after);
	case O_LOG_LEVEL:
		return set_log_level(v, c);
	case O_USER:
		return optval_user(v, c->user);
	case O_PRIV:
		return set_path(v, &o->priv);
	default:
		return optval_bool(v, boolean(id, c, o));
	}
}

enum opt_id
opt_find_env(const char *var, size_t n)
{
	char name[32];
	size_t i;

	var += sizeof(ENV_PREFIX) - 1;
	n -= sizeof(ENV_PREFIX) - 1;
	if (n >= sizeof(name))
		return NOPTS;
	for (i = 0; i < n; i++) {
		if (islower((unsigned char)var[i]) || var[i] == '-')
			return NOPTS;
		name[i] = var[i] == '_' ? '-'
					: (char)tolower((unsigned char)var[i]);
	}
	return opt_find(name, n);
}

void
options_usage(FILE *out)
{
	char left[48];
	size_t i;

	fprintf(out,
	    "usage: wesher [options]                    start the daemon\n"
	    "       wesher status [--json] [--watch]    the mesh as it is\n"
	    "       wesher status --graph               the same, as a graph\n"
	    "       wesher monitor [--json]             what happens, as it "
	    "does\n"
	    "       wesher forget NAME                  forget a failed "
	    "member\n"
	    "       wesher join HOST[:PORT]             join one more host\n"
	    "       wesher log-level LEVEL              log more or less\n"
	    "       wesher key [--generate] [options]   the cluster key\n"
	    "       wesher key --new-wireguard          renew WireGuard's key\n"
	    "       wesher leave [options]              leave the mesh\n\n");
	for (i = 0; i < NOPTS; i++) {
		snprintf(left, sizeof(left), "--%s%s%s", opts[i].name,
		    opts[i].arg == NULL ? "" : " ",
		    opts[i].arg == NULL ? "" : opts[i].arg);
		fprintf(out, "  %-25s %s\n", left, opts[i].help);
	}
	fprintf(out,
	    "\nEach option has a variable: --bind-addr is WESHER_BIND_ADDR; a "
	    "flag wins.\nwesher(8) has the rest.\n");
}
