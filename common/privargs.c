/*
 * wesher-priv's command line, both ways, from one table. The encoder runs in
 * the operator's command, the decoder in wesher-priv as root: it judges every
 * value again, since nothing but this file's other half should have written
 * them, and anybody who is root may have.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "log.h"
#include "privargs.h"

enum kind {
	K_IFNAME,
	K_NET,
	K_ADDR,
	K_U16,
	K_U32,
	K_FD,
	K_USER,
	K_DOMAINS,
	K_METRICS,
	K_LEVEL
};
#define K_SWITCH (K_LEVEL + 1)

struct privopt {
	const char *name;
	int kind;
	bool always; /* used by --remove or --new-key, too */
	size_t at; /* in struct policy */
	uint32_t min, max; /* of a number */
};

#define AT(member) offsetof(struct policy, member)
static const struct privopt options[] = {
    {"interface", K_IFNAME, true, AT(interface), 0, 0},
    {"overlay-net", K_NET, false, AT(overlay), 0, 0},
    {"overlay-addr", K_ADDR, false, AT(overlay_addr), 0, 0},
    {"cluster-port", K_U16, false, AT(cluster_port), 1, 65535},
    {"wireguard-port", K_U16, false, AT(wireguard_port), 1, 65535},
    {"mtu", K_U32, false, AT(mtu), 576, 65535},
    {"keepalive", K_U32, false, AT(keepalive), 0, 65535},
    {"user", K_USER, false, AT(user), 0, 0},
    {"log-level", K_LEVEL, false, AT(log_level), 0, 0},
    {"bind-addr", K_ADDR, false, AT(bind_addr), 0, 0},
    {"bind-iface", K_IFNAME, false, AT(bind_iface), 0, 0},
    {"hosts-domain", K_DOMAINS, false, AT(hosts_domains), 0, 0},
    {"metrics", K_METRICS, false, AT(metrics), 0, 0},
    {"keep-interface", K_SWITCH, false, AT(keep_interface), 0, 0},
    {"no-etc-hosts", K_SWITCH, true, AT(no_etc_hosts), 0, 0},
    {"init", K_SWITCH, false, AT(init), 0, 0},
    {"allow-static", K_SWITCH, false, AT(allow_static), 0, 0},
    {"foreground", K_SWITCH, false, AT(foreground), 0, 0},
    {"remove", K_SWITCH, true, AT(remove), 0, 0},
    {"new-key", K_SWITCH, true, AT(new_key), 0, 0},
    {"conf-fd", K_FD, false, AT(conf_fd), 3, 1 << 20},
    {"gossip-fd", K_FD, false, AT(gossip_fd), 3, 1 << 20},
};
#define NOPTIONS (sizeof(options) / sizeof(options[0]))

static const char *const expected[] = {
    [K_IFNAME] = "an interface's name",
    [K_NET] = "ADDRESS/BITS that leaves 2 host bits at least",
    [K_ADDR] = "an address",
    [K_USER] = "a user of up to 63 characters",
    [K_DOMAINS] = "DOMAIN[,DOMAIN]... of up to 511 characters",
    [K_METRICS] = "ADDR:PORT or unix:PATH",
    [K_LEVEL] = "debug, info, warn or error",
};

void
privargs_default(struct policy *out)
{
	*out = (struct policy){
	    .interface = DEF_INTERFACE,
	    .cluster_port = DEF_CLUSTER_PORT,
	    .wireguard_port = DEF_WIREGUARD_PORT,
	    .mtu = DEF_MTU,
	    .user = DEF_USER,
	    .log_level = LOG_L_WARN,
	    .conf_fd = -1,
	    .gossip_fd = -1,
	    .statedir = "/var/lib/wesher",
	    .keydir = "/var/lib/wesher-priv",
	    .rundir = "/run/wesher",
	    .etcdir = "/etc",
	};
	(void)ipnet_parse(DEF_OVERLAY_NET, &out->overlay);
}

int
argvec_add(struct argvec *vec, const char *fmt, ...)
{
	size_t room = sizeof(vec->text) - vec->used;
	char *at = vec->text + vec->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(at, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room || vec->n + 1 >= ARGVEC_MAX)
		return -1;
	vec->used += (size_t)n + 1;
	vec->v[vec->n++] = at;
	vec->v[vec->n] = NULL;
	return 0;
}

/* The value as text; false when it has none: the option is left out. */
static bool
value_text(
    const struct privopt *o, const struct policy *p, char *buf, size_t len)
{
	const void *at = (const char *)p + o->at;
	char text[IPNET_STRLEN];

	switch (o->kind) {
	case K_SWITCH:
		buf[0] = '\0';
		return *(const bool *)at;
	case K_IFNAME:
	case K_USER:
	case K_DOMAINS:
	case K_METRICS:
		return strlcpy(buf, at, len) != 0;
	case K_NET:
		return strlcpy(buf, ipnet_str(at, text), len) != 0;
	case K_ADDR:
		return strlcpy(buf, ipaddr_str(at, text), len) != 0 &&
		       ((const struct ipaddr *)at)->len != 0;
	case K_U16:
		return snprintf(buf, len, "%u", *(const uint16_t *)at) > 0;
	case K_U32:
		return snprintf(buf, len, "%u", *(const uint32_t *)at) > 0;
	case K_FD:
		return snprintf(buf, len, "%d", *(const int *)at) > 0 &&
		       *(const int *)at != -1;
	default: /* K_LEVEL */
		return strlcpy(buf,
			   log_level_name((enum log_level) * (const int *)at),
			   len) != 0;
	}
}

int
privargs_encode(const struct policy *p, struct argvec *out)
{
	const struct privopt *o;
	char value[CONF_DOMAINS];

	if (argvec_add(out, "wesher-priv") == -1)
		return -1;
	for (o = options; o < options + NOPTIONS; o++) {
		if (((p->remove || p->new_key) && !o->always) ||
		    !value_text(o, p, value, sizeof(value)))
			continue;
		if (argvec_add(out, "--%s", o->name) == -1 ||
		    (o->kind != K_SWITCH && argvec_add(out, "%s", value) == -1))
			return -1;
	}
	return 0;
}

static bool
number(const struct privopt *o, const char *s, void *at)
{
	uint32_t n;

	if (!check_number(s, o->min, o->max, &n))
		return false;
	if (o->kind == K_U16)
		*(uint16_t *)at = (uint16_t)n;
	else if (o->kind == K_U32)
		*(uint32_t *)at = n;
	else
		*(int *)at = (int)n;
	return true;
}

static bool
decode_value(const struct privopt *o, const char *s, struct policy *p)
{
	void *at = (char *)p + o->at;
	struct ipnet *net = at;
	struct ipport where;

	switch (o->kind) {
	case K_SWITCH:
		return *(bool *)at = true;
	case K_IFNAME:
		return check_ifname(s) && strlcpy(at, s, IFNAMSIZ) < IFNAMSIZ;
	case K_USER:
		return s[0] != '\0' &&
		       strlcpy(at, s, CONF_USERLEN) < CONF_USERLEN;
	case K_DOMAINS:
		return check_domains(s) &&
		       strlcpy(at, s, CONF_DOMAINS) < CONF_DOMAINS;
	case K_METRICS:
		return check_metrics(s, &where) &&
		       strlcpy(at, s, CONF_METRICS) < CONF_METRICS;
	case K_NET:
		return ipnet_parse(s, net) == 0 &&
		       net->bits + 2 <= net->ip.len * 8;
	case K_ADDR:
		return ipaddr_parse(s, at) == 0;
	case K_LEVEL:
		return (*(int *)at = log_level_parse(s)) != -1;
	default:
		return number(o, s, at);
	}
}

/* The option whose whole name stands at s, up to its end or a '='. */
static const struct privopt *
find(const char *s)
{
	size_t i, len = strcspn(s, "=");

	for (i = 0; i < NOPTIONS; i++)
		if (strlen(options[i].name) == len &&
		    memcmp(options[i].name, s, len) == 0)
			return &options[i];
	return NULL;
}

static int
bad_value(const struct privopt *o, const char *value, char *err, size_t errlen)
{
	if (o->max != 0)
		snprintf(err, errlen,
		    "--%s %s: expected a number from %u to %u", o->name, value,
		    o->min, o->max);
	else
		snprintf(err, errlen, "--%s %s: expected %s", o->name, value,
		    expected[o->kind]);
	return -1;
}

int
privargs_decode(
    char *const argv[], struct policy *out, char *err, size_t errlen)
{
	const struct privopt *o;
	const char *value;

	privargs_default(out);
	for (argv++; *argv != NULL; argv++) {
		o = strncmp(*argv, "--", 2) == 0 ? find(*argv + 2) : NULL;
		value = strchr(*argv, '=');
		if (o == NULL || (o->kind == K_SWITCH && value != NULL)) {
			snprintf(err, errlen,
			    "%s: no such option; wesher(8) starts this program",
			    *argv);
			return -1;
		}
		if (value != NULL)
			value++;
		else if (o->kind == K_SWITCH)
			value = "";
		else if ((value = *++argv) == NULL) {
			snprintf(
			    err, errlen, "--%s: expected a value", o->name);
			return -1;
		}
		if (!decode_value(o, value, out))
			return bad_value(o, value, err, errlen);
	}
	if (out->remove && out->new_key) {
		snprintf(
		    err, errlen, "--remove and --new-key exclude each other");
		return -1;
	}
	if (out->overlay_addr.len != 0 &&
	    !check_overlay_host(&out->overlay, &out->overlay_addr)) {
		snprintf(err, errlen,
		    "--overlay-addr: expected a host address inside of "
		    "--overlay-net");
		return -1;
	}
	return 0;
}
