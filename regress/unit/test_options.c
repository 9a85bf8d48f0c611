/*
 * Options and environment: tables of command lines, with the field or the
 * complaint that each has to give.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "../../wesher/options.h"
#include "../../wesher/optval.h"

/* 00 01 .. 1f; 32 times ff; 3 bytes; 33 bytes. */
#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_F "//////////////////////////////////////////8="
#define KEY_3 "AAEC"
#define KEY_Z "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"

#define ARGS 12

static struct conf c;
static struct options o;
static char err[OPT_LINE];

static int
parse(const char *const argv[ARGS], const char *const envp[ARGS])
{
	/* Kept until the next call: the options may point into them. */
	static char *a[ARGS + 2], *e[ARGS + 1];
	int argc = 1, i;

	for (i = 0; i < ARGS; i++) {
		free(a[i + 1]);
		free(e[i]);
		a[i + 1] = e[i] = NULL;
	}
	a[0] = "wesher";
	for (i = 0; i < ARGS && argv != NULL && argv[i] != NULL; i++)
		a[argc++] = strdup(argv[i]);
	for (i = 0; i < ARGS && envp != NULL && envp[i] != NULL; i++)
		e[i] = strdup(envp[i]);
	err[0] = '\0';
	return options_parse(argc, a, e, &c, &o, err, sizeof(err));
}

/* All fields as text, so that one table can name any. */
static const char *
field(const char *name)
{
	static char buf[CONF_JOIN * CONF_JOINLEN];
	char ip[IPNET_STRLEN];
	uint32_t i;

#define NUM(f)                     \
	if (strcmp(name, #f) == 0) \
	return snprintf(buf, sizeof(buf), "%d", (int)c.f), buf
#define STR(f)                     \
	if (strcmp(name, #f) == 0) \
	return c.f
#define OPT(f)                     \
	if (strcmp(name, #f) == 0) \
	return snprintf(buf, sizeof(buf), "%d", (int)o.f), buf
	NUM(nkeys);
	NUM(njoin);
	NUM(init);
	NUM(keep_interface);
	NUM(no_etc_hosts);
	NUM(allow_static);
	NUM(debug);
	NUM(cluster_port);
	NUM(wireguard_port);
	NUM(mtu);
	NUM(keepalive);
	NUM(hold_down);
	NUM(forget_after);
	STR(bind_iface);
	STR(interface);
	STR(user);
	STR(hosts_domains);
	STR(metrics);
	OPT(json);
	OPT(graph);
	OPT(generate);
	OPT(new_wireguard);
	OPT(command);
	OPT(nwarn);
	if (strcmp(name, "log_level") == 0)
		return log_level_name((enum log_level)c.log_level);
	if (strcmp(name, "bind_addr") == 0)
		return strcpy(buf, ipaddr_str(&c.bind_addr, ip));
	if (strcmp(name, "advertise_addr") == 0)
		return strcpy(buf, ipaddr_str(&c.advertise_addr, ip));
	if (strcmp(name, "overlay_addr") == 0)
		return strcpy(buf, ipaddr_str(&c.overlay_addr, ip));
	if (strcmp(name, "overlay") == 0)
		return strcpy(buf, ipnet_str(&c.overlay, ip));
	if (strcmp(name, "priv") == 0)
		return o.priv == NULL ? "" : o.priv;
	if (strcmp(name, "operand") == 0)
		return o.operand == NULL ? "" : o.operand;
	if (strcmp(name, "warn") == 0)
		return o.nwarn == 0 ? "" : o.warn[0];
	if (strcmp(name, "join") == 0) {
		buf[0] = '\0';
		for (i = 0; i < c.njoin; i++) {
			strlcat(buf, i > 0 ? " " : "", sizeof(buf));
			strlcat(buf, c.join[i], sizeof(buf));
		}
		return buf;
	}
	fail_msg("no field %s", name);
	return NULL;
}

struct good {
	const char *argv[ARGS], *envp[ARGS];
	const char *field, *want;
};

static const struct good goods[] = {
    /* defaults */
    {{NULL}, {NULL}, "command", "0"},
    {{NULL}, {NULL}, "nkeys", "0"},
    {{NULL}, {NULL}, "njoin", "0"},
    {{NULL}, {NULL}, "init", "0"},
    {{NULL}, {NULL}, "keep_interface", "0"},
    {{NULL}, {NULL}, "no_etc_hosts", "0"},
    {{NULL}, {NULL}, "debug", "0"},
    {{NULL}, {NULL}, "log_level", "warn"},
    {{NULL}, {NULL}, "bind_addr", "none"},
    {{NULL}, {NULL}, "bind_iface", ""},
    {{NULL}, {NULL}, "advertise_addr", "none"},
    {{NULL}, {NULL}, "interface", "wgoverlay"},
    {{NULL}, {NULL}, "overlay", "10.0.0.0/8"},
    {{NULL}, {NULL}, "cluster_port", "7946"},
    {{NULL}, {NULL}, "wireguard_port", "51820"},
    {{NULL}, {NULL}, "mtu", "1420"},
    {{NULL}, {NULL}, "keepalive", "0"},
    {{NULL}, {NULL}, "hold_down", "600"},
    {{NULL}, {NULL}, "metrics", ""},
    {{NULL}, {NULL}, "forget_after", "259200"},
    {{NULL}, {NULL}, "user", "_wesher"},
    {{NULL}, {NULL}, "priv", ""},
    {{NULL}, {NULL}, "warn", ""},
    /* both spellings of each flag, and its variable */
    {{"--cluster-key", KEY_A}, {NULL}, "nkeys", "1"},
    {{"--cluster-key=" KEY_A}, {NULL}, "nkeys", "1"},
    {{"--clusterkey", KEY_A}, {NULL}, "nkeys", "1"},
    {{"--clusterkey=" KEY_A}, {NULL}, "nkeys", "1"},
    {{NULL}, {"WESHER_CLUSTER_KEY=" KEY_A}, "nkeys", "1"},
    {{NULL}, {"WESHER_CLUSTERKEY=" KEY_A}, "nkeys", "1"},
    {{"--cluster-key", KEY_A "," KEY_F}, {NULL}, "nkeys", "2"},
    {{"--cluster-key", KEY_A ", " KEY_F}, {NULL}, "nkeys", "2"},
    {{"--cluster-key", KEY_A "," KEY_A}, {NULL}, "nkeys", "1"},
    {{"--join", "host1"}, {NULL}, "join", "host1"},
    {{"--join=host1,host2:1"}, {NULL}, "join", "host1 host2:1"},
    {{"--joinaddrs", "host1"}, {NULL}, "join", "host1"},
    {{"--join", "a", "--joinaddrs=b,c", "--join", "d"}, {NULL}, "join",
	"a b c d"},
    {{"--join", "a,b", "--join", "b"}, {NULL}, "join", "a b"},
    {{"--join", " a , b "}, {NULL}, "join", "a b"},
    {{NULL}, {"WESHER_JOIN=a,b"}, "join", "a b"},
    {{NULL}, {"WESHER_JOINADDRS=a,b"}, "join", "a b"},
    {{NULL}, {"WESHER_JOIN=a", "WESHER_JOINADDRS=b"}, "join", "a b"},
    {{"--join", "[2001:db8::1]:7947"}, {NULL}, "join", "[2001:db8::1]:7947"},
    {{"--join", "[2001:db8::1]"}, {NULL}, "join", "[2001:db8::1]"},
    {{"--join", "2001:db8::1"}, {NULL}, "join", "2001:db8::1"},
    {{"--join", "192.0.2.1:65535"}, {NULL}, "join", "192.0.2.1:65535"},
    {{"--join", "localhost"}, {NULL}, "join", "localhost"},
    {{"--join", "a_b-c.example.org."}, {NULL}, "join", "a_b-c.example.org."},
    {{"--init"}, {NULL}, "init", "1"},
    {{"--init=true"}, {NULL}, "init", "1"},
    {{"--init=false"}, {NULL}, "init", "0"},
    {{NULL}, {"WESHER_INIT=1"}, "init", "1"},
    {{NULL}, {"WESHER_INIT=yes"}, "init", "1"},
    {{NULL}, {"WESHER_INIT=TRUE"}, "init", "1"},
    {{NULL}, {"WESHER_INIT=0"}, "init", "0"},
    {{NULL}, {"WESHER_INIT=no"}, "init", "0"},
    {{NULL}, {"WESHER_INIT=false"}, "init", "0"},
    {{"--init=false"}, {"WESHER_INIT=1"}, "init", "0"},
    {{"--bind-addr", "192.0.2.1"}, {NULL}, "bind_addr", "192.0.2.1"},
    {{"--bind-addr=2001:db8::1"}, {NULL}, "bind_addr", "2001:db8::1"},
    {{"--bind-addr", "127.0.0.1"}, {NULL}, "bind_addr", "127.0.0.1"},
    {{"--bind-addr", "0.0.0.0"}, {NULL}, "bind_addr", "none"},
    {{"--bind-addr", "::"}, {NULL}, "bind_addr", "none"},
    {{NULL}, {"WESHER_BIND_ADDR=192.0.2.1"}, "bind_addr", "192.0.2.1"},
    {{"--bind-iface", "eth0"}, {NULL}, "bind_iface", "eth0"},
    {{NULL}, {"WESHER_BIND_IFACE=eth0.7"}, "bind_iface", "eth0.7"},
    {{"--advertise-addr", "203.0.113.9"}, {NULL}, "advertise_addr",
	"203.0.113.9"},
    {{NULL}, {"WESHER_ADVERTISE_ADDR=2001:db8::9"}, "advertise_addr",
	"2001:db8::9"},
    {{"--cluster-port", "1"}, {NULL}, "cluster_port", "1"},
    {{"--cluster-port=65535"}, {NULL}, "cluster_port", "65535"},
    {{NULL}, {"WESHER_CLUSTER_PORT=80"}, "cluster_port", "80"},
    {{"--wireguard-port=80"}, {NULL}, "wireguard_port", "80"},
    {{NULL}, {"WESHER_WIREGUARD_PORT=80"}, "wireguard_port", "80"},
    {{"--overlay-net", "10.1.2.3/8"}, {NULL}, "overlay", "10.0.0.0/8"},
    {{"--overlay-net", "10.1.2.3/20"}, {NULL}, "overlay", "10.1.0.0/20"},
    {{"--overlay-net", "192.168.7.9/30"}, {NULL}, "overlay", "192.168.7.8/30"},
    {{"--overlay-net", "fd00:1234::5/64"}, {NULL}, "overlay", "fd00:1234::/64"},
    {{"--overlay-net", "fd00::7/126"}, {NULL}, "overlay", "fd00::4/126"},
    {{"--overlay-net", "0.0.0.0/0"}, {NULL}, "overlay", "0.0.0.0/0"},
    {{NULL}, {"WESHER_OVERLAY_NET=10.9.0.0/16"}, "overlay", "10.9.0.0/16"},
    {{"--interface", "wg0"}, {NULL}, "interface", "wg0"},
    {{"--interface", "123456789012345"}, {NULL}, "interface",
	"123456789012345"},
    {{NULL}, {"WESHER_INTERFACE=wg0"}, "interface", "wg0"},
    {{"--mtu", "576"}, {NULL}, "mtu", "576"},
    {{"--mtu", "65535"}, {NULL}, "mtu", "65535"},
    {{"--mtu=1280", "--overlay-net=fd00::/64"}, {NULL}, "mtu", "1280"},
    {{NULL}, {"WESHER_MTU=1300"}, "mtu", "1300"},
    {{"--hold-down", "90"}, {NULL}, "hold_down", "90"},
    {{"--hold-down", "0"}, {NULL}, "hold_down", "0"},
    {{"--metrics", "127.0.0.1:1"}, {NULL}, "metrics", "127.0.0.1:1"},
    {{"--metrics=[::]:65535"}, {NULL}, "metrics", "[::]:65535"},
    {{NULL}, {"WESHER_METRICS=unix:/a"}, "metrics", "unix:/a"},
    {{"--hold-down", "5s"}, {NULL}, "hold_down", "5"},
    {{"--hold-down=20m"}, {"WESHER_HOLD_DOWN=1h"}, "hold_down", "1200"},
    {{NULL}, {"WESHER_HOLD_DOWN=24h"}, "hold_down", "86400"},
    {{"--forget-after", "3d"}, {NULL}, "forget_after", "259200"},
    {{"--forget-after", "0"}, {NULL}, "forget_after", "0"},
    {{"--forget-after=30d"}, {"WESHER_FORGET_AFTER=1h"}, "forget_after",
	"2592000"},
    {{NULL}, {"WESHER_FORGET_AFTER=10m"}, "forget_after", "600"},
    {{"--mtu=1400"}, {"WESHER_MTU=1300"}, "mtu", "1400"},
    {{"--mtu=1400"}, {"WESHER_MTU=nonsense"}, "mtu", "1400"},
    {{"--keepalive", "25"}, {NULL}, "keepalive", "25"},
    {{"--keepalive", "0"}, {NULL}, "keepalive", "0"},
    {{NULL}, {"WESHER_KEEPALIVE=65535"}, "keepalive", "65535"},
    {{"--keep-interface"}, {NULL}, "keep_interface", "1"},
    {{NULL}, {"WESHER_KEEP_INTERFACE=true"}, "keep_interface", "1"},
    {{"--no-etc-hosts"}, {NULL}, "no_etc_hosts", "1"},
    {{NULL}, {"WESHER_NO_ETC_HOSTS=true"}, "no_etc_hosts", "1"},
    {{NULL}, {NULL}, "hosts_domains", ""},
    {{"--hosts-domain", "example.org"}, {NULL}, "hosts_domains", "example.org"},
    {{"--hosts-domain=a.b, c", "--hosts-domain", "lan,A.B"}, {NULL},
	"hosts_domains", "a.b,c,lan"},
    {{NULL}, {"WESHER_HOSTS_DOMAIN=a,b"}, "hosts_domains", "a,b"},
    {{"--hosts-domain=c"}, {"WESHER_HOSTS_DOMAIN=a,b"}, "hosts_domains", "c"},
    {{NULL}, {NULL}, "overlay_addr", "none"},
    {{"--overlay-addr", "10.9.8.7"}, {NULL}, "overlay_addr", "10.9.8.7"},
    {{"--overlay-addr=fd00::9", "--overlay-net=fd00::/64"}, {NULL},
	"overlay_addr", "fd00::9"},
    {{NULL}, {"WESHER_OVERLAY_ADDR=10.9.8.7"}, "overlay_addr", "10.9.8.7"},
    {{NULL}, {NULL}, "allow_static", "0"},
    {{"--allow-static"}, {NULL}, "allow_static", "1"},
    {{NULL}, {"WESHER_ALLOW_STATIC=true"}, "allow_static", "1"},
    {{"--log-level", "error"}, {NULL}, "log_level", "error"},
    {{"--log-level", "info"}, {NULL}, "log_level", "info"},
    {{NULL}, {"WESHER_LOG_LEVEL=debug"}, "log_level", "debug"},
    {{"-d"}, {NULL}, "debug", "1"},
    {{"-d"}, {NULL}, "log_level", "debug"},
    {{"-d", "--log-level=info"}, {NULL}, "log_level", "info"},
    {{"-d"}, {"WESHER_LOG_LEVEL=warn"}, "log_level", "warn"},
    {{"--debug"}, {NULL}, "debug", "1"},
    {{"--debug=false"}, {NULL}, "debug", "0"},
    {{"--debug=false"}, {NULL}, "log_level", "warn"},
    {{NULL}, {"WESHER_DEBUG=1"}, "debug", "1"},
    {{"--user", "1234"}, {NULL}, "user", "1234"},
    {{NULL}, {"WESHER_USER=mesh"}, "user", "mesh"},
    {{"--priv", "/x/y"}, {NULL}, "priv", "/x/y"},
    {{NULL}, {"WESHER_PRIV=/x/y"}, "priv", "/x/y"},
    /* the same value twice is no contradiction */
    {{"--mtu=1400", "--mtu", "1400"}, {NULL}, "mtu", "1400"},
    {{"--init", "--init=1"}, {NULL}, "init", "1"},
    {{"-d", "--debug"}, {NULL}, "debug", "1"},
    {{"--cluster-key", KEY_A, "--clusterkey=" KEY_A}, {NULL}, "nkeys", "1"},
    /* empty variables are unset; foreign ones are somebody else's */
    {{NULL}, {"WESHER_MTU=", "WESHER_INIT="}, "mtu", "1420"},
    {{NULL}, {"XWESHER_MTU=7", "MTU=7", "WESHER_MTU"}, "mtu", "1420"},
    {{NULL}, {"WESHER_MTX=7"}, "warn", "WESHER_MTX: unknown variable, ignored"},
    {{NULL}, {"WESHER_mtu=7"}, "warn", "WESHER_mtu: unknown variable, ignored"},
    {{NULL}, {"WESHER_VERSION=7"}, "warn",
	"WESHER_VERSION: unknown variable, ignored"},
    {{"status"}, {"WESHER_MTX=7"}, "nwarn", "0"},
    /* a flag silences what it excludes */
    {{"--bind-iface=eth0"}, {"WESHER_BIND_ADDR=192.0.2.1"}, "bind_addr",
	"none"},
    {{"--bind-addr=192.0.2.1"}, {"WESHER_BIND_IFACE=eth0"}, "bind_iface", ""},
    {{"--cluster-key", KEY_A}, {"WESHER_CLUSTER_KEY_FILE=/nonexistent"},
	"nkeys", "1"},
    {{"--join", "a"}, {"WESHER_JOIN=b"}, "join", "a"},
    {{"--joinaddrs", "a"}, {"WESHER_JOIN=b", "WESHER_JOINADDRS=c"}, "join",
	"a"},
    /* commands */
    {{"agent"}, {NULL}, "command", "0"},
    {{"agent", "--mtu", "1400"}, {NULL}, "mtu", "1400"},
    {{"status"}, {NULL}, "command", "1"},
    {{"--interface", "wg1", "status"}, {NULL}, "interface", "wg1"},
    {{"status", "--json"}, {NULL}, "json", "1"},
    {{"status"}, {"WESHER_INTERFACE=wg1"}, "interface", "wg1"},
    {{"status"}, {"WESHER_MTU=nonsense"}, "command", "1"},
    {{"key"}, {NULL}, "command", "2"},
    {{"key", "--generate"}, {NULL}, "generate", "1"},
    {{"key", "--new-wireguard"}, {NULL}, "new_wireguard", "1"},
    {{"key"}, {"WESHER_NEW_WIREGUARD=1"}, "new_wireguard", "0"},
    {{"key", "--new-wireguard", "--priv", "/x"}, {NULL}, "priv", "/x"},
    {{"leave", "--no-etc-hosts"}, {NULL}, "no_etc_hosts", "1"},
    {{"leave"}, {NULL}, "command", "3"},
    {{"--help"}, {NULL}, "command", "4"},
    {{"-h"}, {NULL}, "command", "4"},
    {{"status", "--help", "--nonsense"}, {NULL}, "command", "4"},
    {{"--version"}, {NULL}, "command", "5"},
    {{"--version"}, {"WESHER_MTU=nonsense"}, "command", "5"},
    {{"--", "status"}, {NULL}, "command", "1"},
    {{"status", "--graph"}, {NULL}, "graph", "1"},
    {{"monitor", "--json"}, {NULL}, "json", "1"},
    {{"monitor"}, {"WESHER_MTU=nonsense"}, "command", "6"},
    {{"forget", "web 1"}, {NULL}, "operand", "web 1"},
    {{"forget", "--", "-x"}, {NULL}, "operand", "-x"},
    {{"forget", "status"}, {NULL}, "operand", "status"},
    {{"join", "--interface", "wg1", "web1:7947"}, {NULL}, "operand",
	"web1:7947"},
    {{"log-level", "debug"}, {NULL}, "operand", "debug"},
    {{"log-level", "debug"}, {NULL}, "command", "9"},
    /* worth a warning */
    {{"--bind-addr=10.1.2.3"}, {NULL}, "warn",
	"--bind-addr: 10.1.2.3 lies inside the overlay network 10.0.0.0/8; "
	"tunnels may hide hosts beyond this one, another --overlay-net "
	"avoids that"},
    {{"--advertise-addr=10.1.2.3"}, {NULL}, "nwarn", "1"},
    {{"--bind-addr=10.1.2.3", "--overlay-net=10.2.0.0/16"}, {NULL}, "nwarn",
	"0"},
};

static void
test_good(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		const struct good *g = &goods[i];

		if (parse(g->argv, g->envp) != 0)
			fail_msg("row %zu (%s): %s", i, g->field, err);
		if (strcmp(field(g->field), g->want) != 0)
			fail_msg("row %zu: %s is \"%s\", not \"%s\"", i,
			    g->field, field(g->field), g->want);
	}
}

struct bad {
	const char *argv[ARGS], *envp[ARGS];
	const char *want; /* the whole complaint, or with ... its start */
};

#define SEE " unknown option; see wesher --help"
#define STRAY                                                        \
	" unexpected argument; expected options, or one of status, " \
	"monitor, key, leave, forget, join, log-level (see wesher --help)"
#define HOST                                                               \
	" expected a name or address, optionally with a port (host:7946, " \
	"[2001:db8::1]:7946)"
#define DOMAINS " expected domains like example.org, 511 characters in all"
#define L50	"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y."
#define LONG	L50 L50 L50 L50 "z"
#define PORT	" expected a port from 1 to 65535"
#define WHERE                                                  \
	" expected an address of this host with a port, like " \
	"127.0.0.1:9946 or [::1]:9946, or unix: and the path of a socket"
#define TIME " expected a number of seconds from 0 to 86400, or like 10m or 1h"
#define FORGET \
	" expected a number of seconds up to 30 days, or like 10m, 1h or 3d"
#define OVERLAY                                                              \
	" expected a network like 10.0.0.0/8 or fd00:1234::/64 that leaves " \
	"at least 2 host bits"
#define INSIDE                                                         \
	": expected a host address inside of --overlay-net, which is " \
	"10.0.0.0/8"
#define TWICE " given twice with different values; expected one"
#define NOB64 " expected 32 bytes in base64, got something else"

static const struct bad bads[] = {
    {{"--nonsense"}, {NULL}, "--nonsense:" SEE},
    {{"--nonsense=7"}, {NULL}, "--nonsense:" SEE},
    {{"--mt=7"}, {NULL}, "--mt:" SEE},
    {{"--cluster_key=" KEY_A}, {NULL}, "--cluster_key:" SEE},
    {{"--cluster-key" KEY_A}, {NULL}, "(not shown):" SEE},
    {{"-x"}, {NULL}, "-x:" SEE},
    {{"-dx"}, {NULL}, "-dx:" SEE},
    {{"-mtu", "7"}, {NULL}, "-mtu:" SEE},
    {{"-"}, {NULL}, "-:" SEE},
    {{"stray"}, {NULL}, "stray:" STRAY},
    {{""}, {NULL}, ":" STRAY},
    {{"status", "key"}, {NULL}, "key:" STRAY},
    {{"forget"}, {NULL}, "forget: expected NAME behind it"},
    {{"forget", ""}, {NULL}, "forget : expected a member's name"},
    {{"forget", "a\nb"}, {NULL}, "forget a\nb: expected a member's name"},
    {{"forget", "a", "b"}, {NULL}, "b:" STRAY},
    {{"forget", LONG LONG}, {NULL}, "forget a.b..."},
    {{"join"}, {NULL}, "join: expected HOST[:PORT] behind it"},
    {{"join", "a:0"}, {NULL}, "join a:0:" HOST},
    {{"join", "a b"}, {NULL}, "join a b:" HOST},
    {{"log-level", "loud"}, {NULL},
	"log-level loud: expected debug, info, warn or error"},
    {{"monitor", "--watch"}, {NULL},
	"--watch: not an option of wesher monitor"},
    {{"join", "a", "--json"}, {NULL}, "--json: not an option of wesher join"},
    {{"status", "--graph", "--json"}, {NULL},
	"--graph: expected without --json, they exclude each other"},
    {{"status", "--graph", "--watch"}, {NULL},
	"--graph: expected without --watch, they exclude each other"},
    {{"--init", "true"}, {NULL}, "true:" STRAY},
    {{"--", "--init"}, {NULL}, "--init:" STRAY},
    {{"--mtu"}, {NULL}, "--mtu: expected N behind it"},
    {{"--join"}, {NULL}, "--join: expected HOST[,HOST] behind it"},
    {{"status", "--mtu=7777"}, {NULL}, "--mtu: not an option of wesher status"},
    {{"key", "--json"}, {NULL}, "--json: not an option of wesher key"},
    {{"leave", "--generate"}, {NULL},
	"--generate: not an option of wesher leave"},
    {{"--new-wireguard"}, {NULL},
	"--new-wireguard: not an option of wesher agent"},
    {{"key", "--generate", "--new-wireguard"}, {NULL},
	"--generate: expected without --new-wireguard, they exclude each "
	"other"},
    {{"--json"}, {NULL}, "--json: not an option of wesher agent"},
    /* keys, none of which is shown */
    {{"--cluster-key", KEY_3}, {NULL},
	"--cluster-key: unsupported cluster key length; expected 32, got 3"},
    {{"--clusterkey=" KEY_3}, {NULL},
	"--clusterkey: unsupported cluster key length; expected 32, got 3"},
    {{NULL}, {"WESHER_CLUSTER_KEY=" KEY_3},
	"WESHER_CLUSTER_KEY: unsupported cluster key length; expected 32, got "
	"3"},
    {{"--cluster-key", KEY_Z}, {NULL},
	"--cluster-key: unsupported cluster key length; expected 32, got 33"},
    {{"--cluster-key", ""}, {NULL},
	"--cluster-key: unsupported cluster key length; expected 32, got 0"},
    {{"--cluster-key", KEY_A ","}, {NULL},
	"--cluster-key: unsupported cluster key length; expected 32, got 0"},
    {{"--cluster-key", "not base64!"}, {NULL}, "--cluster-key:" NOB64},
    {{"--cluster-key", KEY_A "x"}, {NULL}, "--cluster-key:" NOB64},
    {{"--cluster-key", KEY_A " " KEY_F}, {NULL}, "--cluster-key:" NOB64},
    {{"--cluster-key", KEY_A, "--cluster-key", KEY_F}, {NULL},
	"--cluster-key:" TWICE},
    {{"--cluster-key", KEY_A, "--clusterkey", KEY_F}, {NULL},
	"--clusterkey:" TWICE},
    {{NULL}, {"WESHER_CLUSTER_KEY=" KEY_A, "WESHER_CLUSTERKEY=" KEY_F},
	"WESHER_CLUSTERKEY:" TWICE},
    {{"--cluster-key", KEY_A, KEY_F}, {NULL}, "(not shown):" STRAY},
    {{"--cluster-key-file", KEY_A}, {NULL},
	"--cluster-key-file (not shown): expected a readable file: No such "
	"file or directory"},
    {{"--cluster-key-file="}, {NULL},
	"--cluster-key-file : expected the name of a file, or - for standard "
	"input"},
    {{"--cluster-key", KEY_A, "--cluster-key-file", "-"}, {NULL},
	"--cluster-key: expected without --cluster-key-file, they exclude "
	"each other"},
    {{NULL}, {"WESHER_CLUSTER_KEY=" KEY_A, "WESHER_CLUSTER_KEY_FILE=-"},
	"--cluster-key: expected without --cluster-key-file, they exclude "
	"each other"},
    /* joins */
    {{"--join", ""}, {NULL}, "--join :" HOST},
    {{"--join", "a,,b"}, {NULL}, "--join a,,b:" HOST},
    {{"--join=a,"}, {NULL}, "--join a,:" HOST},
    {{"--join", "a:0"}, {NULL}, "--join a:0:" HOST},
    {{"--join", "a:65536"}, {NULL}, "--join a:65536:" HOST},
    {{"--join", "a:"}, {NULL}, "--join a::" HOST},
    {{"--join", ":7"}, {NULL}, "--join :7:" HOST},
    {{"--join", "a:7x"}, {NULL}, "--join a:7x:" HOST},
    {{"--join", "a b"}, {NULL}, "--join a b:" HOST},
    {{"--join", "10.0.0.300"}, {NULL}, "--join 10.0.0.300:" HOST},
    {{"--join", "[192.0.2.1]:7"}, {NULL}, "--join [192.0.2.1]:7:" HOST},
    {{"--join", "[2001:db8::1"}, {NULL}, "--join [2001:db8::1:" HOST},
    {{"--join", "[2001:db8::1]7"}, {NULL}, "--join [2001:db8::1]7:" HOST},
    {{"--join", "fe80::1%eth0"}, {NULL}, "--join fe80::1%eth0:" HOST},
    {{"--join", "http://a"}, {NULL}, "--join http://a:" HOST},
    {{"--join", "--init"}, {NULL}, "--join --init:" HOST},
    {{"--join", "a..b"}, {NULL}, "--join a..b:" HOST},
    {{NULL}, {"WESHER_JOIN=a,,b"}, "WESHER_JOIN=a,,b:" HOST},
    {{"--join", "a", "--joinaddrs", "b c"}, {NULL}, "--joinaddrs b c:" HOST},
    {{"--hosts-domain", ""}, {NULL}, "--hosts-domain :" DOMAINS},
    {{"--hosts-domain", ".lan"}, {NULL}, "--hosts-domain .lan:" DOMAINS},
    {{"--hosts-domain", "a,,b"}, {NULL}, "--hosts-domain a,,b:" DOMAINS},
    {{"--hosts-domain", "10.1"}, {NULL}, "--hosts-domain 10.1:" DOMAINS},
    {{"--hosts-domain", "a b"}, {NULL}, "--hosts-domain a b:" DOMAINS},
    {{NULL}, {"WESHER_HOSTS_DOMAIN=-"}, "WESHER_HOSTS_DOMAIN=-:" DOMAINS},
    {{"--hosts-domain", LONG ",x." LONG ",y." LONG}, {NULL},
	"--hosts-domain ..."},
    {{"status", "--hosts-domain=a"}, {NULL},
	"--hosts-domain: not an option of wesher status"},
    /* booleans */
    {{"--init=maybe"}, {NULL}, "--init=maybe: expected true or false"},
    {{"--init="}, {NULL}, "--init=: expected true or false"},
    {{NULL}, {"WESHER_INIT=2"}, "WESHER_INIT=2: expected true or false"},
    {{"--init", "--init=false"}, {NULL}, "--init=false:" TWICE},
    {{"-d", "--debug=no"}, {NULL}, "--debug=no:" TWICE},
    /* addresses and interfaces */
    {{"--bind-addr", "host1"}, {NULL},
	"--bind-addr host1: expected a unicast address of this host"},
    {{"--bind-addr", "192.0.2.1:7946"}, {NULL},
	"--bind-addr 192.0.2.1:7946: expected a unicast address of this host"},
    {{"--bind-addr", "224.0.0.1"}, {NULL},
	"--bind-addr 224.0.0.1: expected a unicast address of this host"},
    {{"--bind-addr", "fe80::1"}, {NULL},
	"--bind-addr fe80::1: expected a unicast address of this host"},
    {{"--bind-addr", "192.0.2.1", "--bind-iface", "eth0"}, {NULL},
	"--bind-addr: expected without --bind-iface, they exclude each other"},
    {{NULL}, {"WESHER_BIND_ADDR=192.0.2.1", "WESHER_BIND_IFACE=eth0"},
	"--bind-addr: expected without --bind-iface, they exclude each other"},
    {{"--bind-iface", "a b"}, {NULL},
	"--bind-iface a b: expected the name of a network interface"},
    {{"--bind-iface", "wg0", "--interface", "wg0"}, {NULL},
	"--bind-iface wg0: expected another one than our own --interface"},
    {{"--advertise-addr", "0.0.0.0"}, {NULL},
	"--advertise-addr 0.0.0.0: expected a unicast address that other "
	"hosts can reach"},
    {{"--advertise-addr", "127.0.0.1"}, {NULL},
	"--advertise-addr 127.0.0.1: expected a unicast address that other "
	"hosts can reach"},
    {{"--interface", "1234567890123456"}, {NULL},
	"--interface 1234567890123456: expected 1 to 15 characters without "
	"blanks, '/', ':' or '%'"},
    {{"--interface", "../x"}, {NULL}, "--interface ../x: expected 1 to..."},
    {{"--interface", ".."}, {NULL}, "--interface ..: expected 1 to..."},
    {{"status", "--interface="}, {NULL}, "--interface : expected 1 to..."},
    {{"--overlay-addr", "10.0.0.1/8"}, {NULL},
	"--overlay-addr 10.0.0.1/8: expected a host address inside of "
	"--overlay-net"},
    {{"--overlay-addr="}, {NULL},
	"--overlay-addr : expected a host address inside of --overlay-net"},
    {{"--overlay-addr=192.0.2.1"}, {NULL}, "--overlay-addr 192.0.2.1" INSIDE},
    {{"--overlay-addr=10.0.0.0"}, {NULL}, "--overlay-addr 10.0.0.0" INSIDE},
    {{"--overlay-addr=10.255.255.255"}, {NULL},
	"--overlay-addr 10.255.255.255" INSIDE},
    {{"--overlay-addr=fd00::1"}, {NULL}, "--overlay-addr fd00::1" INSIDE},
    {{"--overlay-net", "10.0.0.0"}, {NULL}, "--overlay-net 10.0.0.0:" OVERLAY},
    {{"--overlay-net", "10.0.0.0/31"}, {NULL},
	"--overlay-net 10.0.0.0/31:" OVERLAY},
    {{"--overlay-net", "10.0.0.0/33"}, {NULL},
	"--overlay-net 10.0.0.0/33:" OVERLAY},
    {{"--overlay-net", "10.0.0.0/+8"}, {NULL},
	"--overlay-net 10.0.0.0/+8:" OVERLAY},
    {{"--overlay-net", "fd00::/127"}, {NULL},
	"--overlay-net fd00::/127:" OVERLAY},
    {{"--overlay-net", "127.0.0.0/8"}, {NULL},
	"--overlay-net 127.0.0.0/8:" OVERLAY},
    {{"--overlay-net", "ff00::/16"}, {NULL},
	"--overlay-net ff00::/16:" OVERLAY},
    {{NULL}, {"WESHER_OVERLAY_NET=x"}, "WESHER_OVERLAY_NET=x:" OVERLAY},
    /* numbers */
    {{"--cluster-port", "0"}, {NULL}, "--cluster-port 0:" PORT},
    {{"--cluster-port", "65536"}, {NULL}, "--cluster-port 65536:" PORT},
    {{"--cluster-port", "-1"}, {NULL}, "--cluster-port -1:" PORT},
    {{"--cluster-port", "+1"}, {NULL}, "--cluster-port +1:" PORT},
    {{"--cluster-port", " 1"}, {NULL}, "--cluster-port  1:" PORT},
    {{"--cluster-port", "0x50"}, {NULL}, "--cluster-port 0x50:" PORT},
    {{"--cluster-port", "18446744073709551617"}, {NULL},
	"--cluster-port 18446744073709551617:" PORT},
    {{"--wireguard-port", "ssh"}, {NULL}, "--wireguard-port ssh:" PORT},
    {{"--wireguard-port", "7946"}, {NULL},
	"--wireguard-port 7946: expected another one than --cluster-port, "
	"both are UDP"},
    {{"--mtu", "575"}, {NULL},
	"--mtu 575: expected a number from 576 to 65535"},
    {{"--mtu", ""}, {NULL}, "--mtu : expected a number from 576 to 65535"},
    {{NULL}, {"WESHER_MTU=65536"},
	"WESHER_MTU=65536: expected a number from 576 to 65535"},
    {{"--mtu=1279", "--overlay-net=fd00::/64"}, {NULL},
	"--mtu 1279: expected at least 1280 for an IPv6 overlay"},
    {{"--mtu=1400", "--mtu=1401"}, {NULL}, "--mtu 1401:" TWICE},
    {{"--keepalive", "65536"}, {NULL},
	"--keepalive 65536: expected a number of seconds from 0 to 65535"},
    {{"--hold-down", "86401"}, {NULL}, "--hold-down 86401:" TIME},
    {{"--hold-down", "25h"}, {NULL}, "--hold-down 25h:" TIME},
    {{"--metrics", "9946"}, {NULL}, "--metrics 9946:" WHERE},
    {{"--metrics", ":9946"}, {NULL}, "--metrics :9946:" WHERE},
    {{"--metrics", "::1:9946"}, {NULL}, "--metrics ::1:9946:" WHERE},
    {{"--metrics", "[127.0.0.1]:1"}, {NULL}, "--metrics [127.0.0.1]:1:" WHERE},
    {{"--metrics", "localhost:1"}, {NULL}, "--metrics localhost:1:" WHERE},
    {{"--metrics", "127.0.0.1:0"}, {NULL}, "--metrics 127.0.0.1:0:" WHERE},
    {{"--metrics", "127.0.0.1:x"}, {NULL}, "--metrics 127.0.0.1:x:" WHERE},
    {{"--metrics", "224.0.0.1:1"}, {NULL}, "--metrics 224.0.0.1:1:" WHERE},
    {{"--metrics", "[fe80::1]:1"}, {NULL}, "--metrics [fe80::1]:1:" WHERE},
    {{"--metrics", "unix:a"}, {NULL}, "--metrics unix:a:" WHERE},
    {{"--metrics", "unix:/a/"}, {NULL}, "--metrics unix:/a/:" WHERE},
    {{"--metrics", "unix:"}, {NULL}, "--metrics unix::" WHERE},
    {{"--metrics", ""}, {NULL}, "--metrics :" WHERE},
    {{"--hold-down", "m"}, {NULL}, "--hold-down m:" TIME},
    {{"--hold-down", "10ms"}, {NULL}, "--hold-down 10ms:" TIME},
    {{"--hold-down", "-1s"}, {NULL}, "--hold-down -1s:" TIME},
    {{"--forget-after", "31d"}, {NULL}, "--forget-after 31d:" FORGET},
    {{"--forget-after", "2592001"}, {NULL}, "--forget-after 2592001:" FORGET},
    {{"--forget-after", "721h"}, {NULL}, "--forget-after 721h:" FORGET},
    {{"--forget-after", "d"}, {NULL}, "--forget-after d:" FORGET},
    {{"--forget-after", "1w"}, {NULL}, "--forget-after 1w:" FORGET},
    {{"--hold-down", ""}, {NULL}, "--hold-down :" TIME},
    {{"--keepalive", "25s"}, {NULL},
	"--keepalive 25s: expected a number of seconds from 0 to 65535"},
    /* the rest */
    {{"--log-level", "loud"}, {NULL},
	"--log-level loud: expected debug, info, warn or error"},
    {{NULL}, {"WESHER_LOG_LEVEL=loud"},
	"WESHER_LOG_LEVEL=loud: expected debug, info, warn or error"},
    {{"--user", ""}, {NULL}, "--user : expected the name or number of a user"},
    {{"--user", "a:b"}, {NULL},
	"--user a:b: expected the name or number of a user"},
    {{"--user", "-x"}, {NULL},
	"--user -x: expected the name or number of a user"},
    {{"--priv="}, {NULL},
	"--priv : expected the path of a wesher-priv program"},
};

static bool
matches(const char *got, const char *want)
{
	size_t n = strlen(want);

	if (n > 3 && strcmp(want + n - 3, "...") == 0)
		return strncmp(got, want, n - 3) == 0;
	return strcmp(got, want) == 0;
}

static void
test_bad(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		const struct bad *b = &bads[i];

		if (parse(b->argv, b->envp) != -1)
			fail_msg("row %zu was accepted, not: %s", i, b->want);
		if (!matches(err, b->want))
			fail_msg(
			    "row %zu: \"%s\", not \"%s\"", i, err, b->want);
		/* Never a key, nor a recognisable half of one. */
		assert_null(strstr(err, "AAECAwQ"));
		assert_null(strstr(err, "////////"));
	}
}

/* A value of any length gives one bounded line. */
static void
test_long(void **state)
{
	static char join[20000], dots[5000];
	const char *const argv[ARGS] = {"--join", join};
	const char *const argv2[ARGS] = {"--interface", dots};
	int i;

	(void)state;
	for (i = 0; i < 64; i++)
		snprintf(join + strlen(join), 16, "%shost%d", i ? "," : "", i);
	assert_int_equal(parse(argv, NULL), 0);
	assert_int_equal(c.njoin, CONF_JOIN);
	assert_string_equal(c.join[63], "host63");
	strlcat(join, ",host64", sizeof(join));
	assert_int_equal(parse(argv, NULL), -1);
	assert_non_null(strstr(err, ": expected at most 64 hosts"));
	assert_true(strlen(err) < 160);
	memset(dots, '.', sizeof(dots) - 1);
	assert_int_equal(parse(argv2, NULL), -1);
	assert_non_null(strstr(err, "...: expected 1 to 15"));
	assert_true(strlen(err) < 200);
	memset(dots, 'a', 254);
	dots[254] = '\0';
	assert_int_equal(
	    parse((const char *const[ARGS]){"--join", dots}, NULL), -1);
}

static void
test_keys(void **state)
{
	const char *const argv[ARGS] = {"--cluster-key", KEY_F "," KEY_A};
	const char *const five[ARGS] = {"--cluster-key",
	    KEY_A "," KEY_F ",AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=,"
		  "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=,"
		  "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM="};
	int i;

	(void)state;
	assert_int_equal(parse(argv, NULL), 0);
	for (i = 0; i < CLUSTER_KEY_LEN; i++) {
		assert_int_equal(c.keys[0][i], 0xff);
		assert_int_equal(c.keys[1][i], i);
	}
	assert_int_equal(parse(five, NULL), -1);
	assert_string_equal(err, "--cluster-key: expected at most 4 keys");
	assert_int_equal(c.nkeys, 0);
	assert_true(c.keys[0][1] == 0 && c.keys[1][0] == 0);
}

/* Write text to a file of its own, and parse with it. */
static int
with_file(const char *text, size_t len, mode_t mode)
{
	char path[] = "/tmp/wesher-test-key.XXXXXX";
	const char *const argv[ARGS] = {"--cluster-key-file", path};
	int fd = mkstemp(path), ret;

	assert_true(fd != -1);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	ret = parse(argv, NULL);
	unlink(path);
	return ret;
}

static void
test_key_file(void **state)
{
	static char big[4096];
	const char *const none[ARGS] = {"--cluster-key-file", "/nonexistent"};
	const char *const dir[ARGS] = {"--cluster-key-file", "/"};

	(void)state;
#define FILE_TEXT(text) with_file(text, sizeof(text) - 1, 0600)
	assert_int_equal(FILE_TEXT(KEY_A), 0);
	assert_int_equal(c.nkeys, 1);
	assert_int_equal(o.nwarn, 0);
	assert_int_equal(FILE_TEXT(KEY_A "\n"), 0);
	assert_int_equal(FILE_TEXT(KEY_A " \t\r\n\n"), 0);
	assert_int_equal(c.keys[0][31], 31);
	assert_int_equal(FILE_TEXT(KEY_A "," KEY_F "\n"), 0);
	assert_int_equal(c.nkeys, 2);
	assert_int_equal(FILE_TEXT(KEY_A "\n" KEY_F "\n"), -1);
	assert_non_null(strstr(err, ": expected one line"));
	assert_int_equal(FILE_TEXT(KEY_A "\0\n"), -1);
	assert_int_equal(FILE_TEXT(""), -1);
	assert_non_null(strstr(
	    err, ": unsupported cluster key length; expected 32, got 0"));
	assert_int_equal(FILE_TEXT(KEY_3 "\n"), -1);
	memset(big, 'A', sizeof(big));
	assert_int_equal(with_file(big, sizeof(big), 0600), -1);
	assert_non_null(strstr(err, ": expected a short readable file"));
	assert_int_equal(with_file(KEY_A, sizeof(KEY_A) - 1, 0644), 0);
	assert_int_equal(o.nwarn, 1);
	assert_non_null(strstr(o.warn[0], "everybody can read it"));
	assert_int_equal(parse(none, NULL), -1);
	assert_string_equal(err,
	    "--cluster-key-file /nonexistent: expected a readable file: No "
	    "such file or directory");
	assert_int_equal(parse(dir, NULL), -1);
	assert_non_null(strstr(err, "Is a directory"));
}

static void
test_key_stdin(void **state)
{
	const char *const argv[ARGS] = {"--cluster-key-file", "-"};
	const char *const env[ARGS] = {"WESHER_CLUSTER_KEY=" KEY_F};
	int p[2], saved = dup(STDIN_FILENO);

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(
	    write(p[1], KEY_A "\n", sizeof(KEY_A)), (ssize_t)sizeof(KEY_A));
	close(p[1]);
	dup2(p[0], STDIN_FILENO);
	close(p[0]);
	/* The flag silences the variable that it excludes. */
	assert_int_equal(parse(argv, env), 0);
	if (saved != -1) {
		dup2(saved, STDIN_FILENO);
		close(saved);
	}
	assert_int_equal(c.nkeys, 1);
	assert_int_equal(c.keys[0][31], 31);
}

static void
test_wipe(void **state)
{
	char a0[] = "wesher", a1[] = "--cluster-key", a2[] = KEY_A,
	     a3[] = "--clusterkey=" KEY_A, a4[] = "--mtu", a5[] = "1400",
	     e0[] = "WESHER_CLUSTERKEY=" KEY_F, e1[] = "WESHER_MTU=1400",
	     e2[] = "WESHER_CLUSTER_KEY=" KEY_A;
	char *argv[] = {a0, a1, a2, a3, a4, a5, NULL};
	char *envp[] = {e0, e1, e2, NULL};
	size_t i;

	(void)state;
	options_wipe(6, argv, envp);
	for (i = 0; i < sizeof(a2); i++)
		assert_int_equal(a2[i], 0);
	for (i = strlen(a3); i < sizeof(a3); i++)
		assert_int_equal(a3[i], 0);
	assert_string_equal(a1, "--cluster-key");
	assert_string_equal(a3, "--clusterkey=");
	assert_string_equal(a5, "1400");
	assert_string_equal(e0, "WESHER_CLUSTERKEY=");
	assert_string_equal(e1, "WESHER_MTU=1400");
	assert_string_equal(e2, "WESHER_CLUSTER_KEY=");
	assert_int_equal(e2[sizeof(e2) - 3], 0);
}

/* Every byte of what goes into the memfd is defined, padding too. */
static void
test_conf_whole(void **state)
{
	static struct conf a, b;
	char *argv[] = {strdup("wesher"), strdup("--join=x"), NULL};

	(void)state;
	memset(&a, 0xaa, sizeof(a));
	memset(&b, 0x55, sizeof(b));
	assert_int_equal(
	    options_parse(2, argv, NULL, &a, &o, err, sizeof(err)), 0);
	assert_int_equal(
	    options_parse(2, argv, NULL, &b, &o, err, sizeof(err)), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(a.magic, CONF_MAGIC);
	assert_int_equal(a.size, sizeof(struct conf));
	free(argv[0]);
	free(argv[1]);
}

/* Collect the words behind `mark` of all lines that start with `line`. */
static size_t
words(const char *text, const char *line, const char *mark, char w[][32])
{
	const char *p = text;
	size_t n = 0, len;

	while (p != NULL) {
		if (strncmp(p, line, strlen(line)) == 0 && n < 64) {
			p += strlen(line);
			if (strncmp(p, mark, strlen(mark)) == 0) {
				p += strlen(mark);
				len = strspn(p, "abcdefghijklmnopqrstuvwxyz-");
				snprintf(w[n++], 32, "%.*s", (int)len, p);
			}
		}
		p = strchr(p, '\n');
		p = p == NULL ? NULL : p + 1;
	}
	qsort(w, n, 32, (int (*)(const void *, const void *))strcmp);
	return n;
}

/* --help and the manual list the same options. */
static void
test_manual(void **state)
{
	static char help[16384], man[65536];
	char hw[64][32], mw[64][32], path[PATH_MAX];
	const char *dir = getenv("WESHER_VECTORS");
	FILE *f = fmemopen(help, sizeof(help) - 1, "w");
	size_t i, n;

	(void)state;
	options_usage(f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/../../man/wesher.8",
	    dir == NULL ? "regress/vectors" : dir);
	f = fopen(path, "r");
	if (f == NULL)
		fail_msg("%s: not there", path);
	n = fread(man, 1, sizeof(man) - 1, f);
	fclose(f);
	assert_true(n < sizeof(man) - 1);
	n = words(help, "  ", "--", hw);
	assert_int_equal(n, 32);
	assert_int_equal(words(man, ".It ", "Fl -", mw), n);
	for (i = 0; i < n; i++)
		assert_string_equal(hw[i], mw[i]);
}

static void
test_shown(void **state)
{
	char buf[20];

	(void)state;
	assert_string_equal(optval_shown("short", buf, sizeof(buf)), "short");
	assert_string_equal(
	    optval_shown("not.short.but.long", buf, sizeof(buf)),
	    "not.short.but.long");
	assert_string_equal(
	    optval_shown("not.short.but.longer", buf, sizeof(buf)),
	    "not.short.but.lo...");
	assert_string_equal(
	    optval_shown(KEY_A, buf, sizeof(buf)), "(not shown)");
	assert_string_equal(
	    optval_shown("x:" KEY_F, buf, sizeof(buf)), "(not shown)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_long),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_key_file),
	    cmocka_unit_test(test_key_stdin),
	    cmocka_unit_test(test_wipe),
	    cmocka_unit_test(test_conf_whole),
	    cmocka_unit_test(test_manual),
	    cmocka_unit_test(test_shown),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
