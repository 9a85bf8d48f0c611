/*
 * The operator's command: options and environment, by the table of opttable.c.
 * A flag wins over its variable, and silences the variable of the option that
 * it excludes. What comes in is what an operator or a script typed: every
 * mistake ends the start with one line, before anything is touched. Nothing is
 * read here but the key file, at the very end; a complaint never holds a key,
 * nor anything that looks like one.
 */
#include <sys/param.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../common/check.h"
#include "../common/log.h"
#include "optkey.h"
#include "opttable.h"
#include "optval.h"

#define SHOWN_LEN 80
#define LABEL_LEN (SHOWN_LEN + 40)

/* A member's name: other hosts chose it, so it may be no host name. */
static bool
is_name(const char *s)
{
	size_t n = strlen(s);

	return n >= 1 && n <= 255 && strpbrk(s, "\r\n") == NULL;
}

static bool
is_host(const char *s)
{
	return optval_is_host(s, strlen(s));
}

static bool
is_level(const char *s)
{
	return log_level_parse(s) != -1;
}

static const struct command_line {
	const char *name;
	enum command cmd;
	const char *operand, *expect; /* NULL: it has none */
	bool (*is_operand)(const char *s);
} commands[] = {{.name = "agent", .cmd = CMD_AGENT},
    {.name = "status", .cmd = CMD_STATUS},
    {.name = "monitor", .cmd = CMD_MONITOR}, {.name = "key", .cmd = CMD_KEY},
    {.name = "leave", .cmd = CMD_LEAVE},
    {"forget", CMD_FORGET, "NAME", "a member's name", is_name},
    {"join", CMD_JOIN, "HOST[:PORT]", OPTVAL_HOST, is_host},
    {"log-level", CMD_LOG_LEVEL, "LEVEL", OPTVAL_LEVEL, is_level}};

static const enum opt_id excluded[][2] = {{O_CLUSTER_KEY, O_CLUSTER_KEY_FILE},
    {O_BIND_ADDR, O_BIND_IFACE}, {O_GENERATE, O_NEW_WIREGUARD},
    {O_GRAPH, O_JSON}, {O_GRAPH, O_WATCH}};

struct parse {
	struct conf *c;
	struct options *o;
	char *err;
	size_t errlen;
	const char *value[NOPTS]; /* as given, NULL: not yet */
	bool flag[NOPTS]; /* given as a flag, not a variable */
	const struct command_line *command; /* NULL: not yet */
};

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

static int __attribute__((format(printf, 2, 3)))
complain(struct parse *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->err, p->errlen, fmt, ap);
	va_end(ap);
	return -1;
}

static void __attribute__((format(printf, 2, 3)))
warn(struct parse *p, const char *fmt, ...)
{
	va_list ap;

	if (p->o->nwarn == OPT_WARN_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(p->o->warn[p->o->nwarn++], OPT_LINE, fmt, ap);
	va_end(ap);
}

/* "--mtu 12" or "WESHER_MTU=12"; a secret stands without its value. */
static const char *
label(enum opt_id id, const char *as, const char *value, bool env,
    char buf[LABEL_LEN])
{
	char shown[SHOWN_LEN];

	if (opts[id].flags & F_SECRET)
		strlcpy(buf, as, LABEL_LEN);
	else
		snprintf(buf, LABEL_LEN, "%s%s%s", as,
		    env || (opts[id].flags & F_BOOL) ? "=" : " ",
		    optval_shown(value, shown, sizeof(shown)));
	return buf;
}

/* "true" and "1" are one value. */
static bool
same(enum opt_id id, const char *a, const char *b)
{
	bool x, y;

	if ((opts[id].flags & F_BOOL) && optval_bool(a, &x) == 0 &&
	    optval_bool(b, &y) == 0)
		return x == y;
	return strcmp(a, b) == 0;
}

/* Take one option; `as` is how it was spelled: "--mtu", "WESHER_MTU". */
static int
take(struct parse *p, enum opt_id id, const char *as, const char *value,
    bool env)
{
	char lbl[LABEL_LEN], why[160];
	const char *expect = opts[id].expect;

	label(id, as, value, env, lbl);
	if (p->value[id] != NULL && !(opts[id].flags & F_REPEAT)) {
		if (same(id, p->value[id], value))
			return 0;
		return complain(p,
		    "%s: given twice with different values; expected one", lbl);
	}
	p->value[id] = value;
	p->flag[id] = !env;
	if (id == O_CLUSTER_KEY) {
		if (optval_keys(value, p->c, why, sizeof(why)) == 0)
			return 0;
		return complain(p, "%s: %s", lbl, why);
	}
	if (id == O_JOIN) {
		if (optval_join(value, p->c, &expect) == 0)
			return 0;
	} else if (opt_set(id, value, p->c, p->o) == 0)
		return 0;
	return complain(p, "%s: expected %s", lbl, expect);
}

static int
positional(struct parse *p, const char *arg)
{
	const struct command_line *cmd = p->command;
	char shown[SHOWN_LEN];
	size_t i;

	for (i = 0; i < NELEM(commands) && cmd == NULL; i++) {
		if (strcmp(arg, commands[i].name) == 0) {
			p->o->command = commands[i].cmd;
			p->command = &commands[i];
			return 0;
		}
	}
	if (cmd != NULL && cmd->operand != NULL && p->o->operand == NULL) {
		p->o->operand = arg;
		if (cmd->is_operand(arg))
			return 0;
		return complain(p, "%s %s: expected %s", cmd->name,
		    optval_shown(arg, shown, sizeof(shown)), cmd->expect);
	}
	return complain(p,
	    "%s: unexpected argument; expected options, or one of status, "
	    "monitor, key, leave, forget, join, log-level (see wesher --help)",
	    optval_shown(arg, shown, sizeof(shown)));
}

/* One "--name[=value]" at argv[*i]; moves *i over a separate value. */
static int
long_flag(struct parse *p, int argc, char **argv, int *i)
{
	const char *arg = argv[*i], *name = arg + 2;
	size_t n = strcspn(name, "=");
	const char *value = name[n] == '=' ? name + n + 1 : NULL;
	enum opt_id id = opt_find(name, n);
	char as[48], cut[256], shown[SHOWN_LEN];

	if (id == NOPTS) {
		snprintf(cut, sizeof(cut), "%.*s", (int)MIN(n + 2, 255), arg);
		return complain(p, "%s: unknown option; see wesher --help",
		    optval_shown(cut, shown, sizeof(shown)));
	}
	snprintf(as, sizeof(as), "%.*s", (int)n + 2, arg);
	if (id == O_HELP || id == O_VERSION) {
		p->o->command = id == O_HELP ? CMD_HELP : CMD_VERSION;
		return 0;
	}
	if (value == NULL && (opts[id].flags & F_BOOL))
		value = "true";
	if (value == NULL && *i + 1 < argc)
		value = argv[++*i];
	if (value == NULL)
		return complain(
		    p, "%s: expected %s behind it", as, opts[id].arg);
	return take(p, id, as, value, false);
}

static int
flags(struct parse *p, int argc, char **argv)
{
	char shown[SHOWN_LEN];
	bool only_args = false;
	int i, r;

	for (i = 1; i < argc; i++) {
		if (only_args || argv[i][0] != '-')
			r = positional(p, argv[i]);
		else if (strcmp(argv[i], "--") == 0)
			only_args = true, r = 0;
		else if (strcmp(argv[i], "-d") == 0)
			r = take(p, O_DEBUG, "-d", "true", false);
		else if (strcmp(argv[i], "-h") == 0)
			r = 0, p->o->command = CMD_HELP;
		else if (strncmp(argv[i], "--", 2) == 0)
			r = long_flag(p, argc, argv, &i);
		else
			r = complain(p, "%s: unknown option; see wesher --help",
			    optval_shown(argv[i], shown, sizeof(shown)));
		if (r == -1 || p->o->command == CMD_HELP ||
		    p->o->command == CMD_VERSION)
			return r;
	}
	return 0;
}

/* Flags that the command has no use for are mistakes, variables are not. */
static int
applicable(struct parse *p)
{
	size_t i, j;

	if (p->command != NULL && p->command->operand != NULL &&
	    p->o->operand == NULL)
		return complain(p, "%s: expected %s behind it",
		    p->command->name, p->command->operand);
	for (i = 0; i < NOPTS; i++) {
		if (p->value[i] == NULL || (opts[i].cmds & IN(p->o->command)))
			continue;
		for (j = 0; commands[j].cmd != p->o->command; j++)
			;
		return complain(p, "--%s: not an option of wesher %s",
		    opts[i].name, commands[j].name);
	}
	return 0;
}

static bool
silenced(const struct parse *p, enum opt_id id)
{
	size_t i;

	for (i = 0; i < NELEM(excluded); i++)
		if ((excluded[i][0] == id && p->flag[excluded[i][1]]) ||
		    (excluded[i][1] == id && p->flag[excluded[i][0]]))
			return true;
	return p->flag[id];
}

static int
variable(struct parse *p, const char *var)
{
	size_t n = strcspn(var, "=");
	enum opt_id id;
	char as[48];

	if (strncmp(var, ENV_PREFIX, sizeof(ENV_PREFIX) - 1) != 0 ||
	    var[n] != '=')
		return 0;
	id = opt_find_env(var, n);
	if (id == NOPTS || (opts[id].flags & F_NOENV)) {
		if (p->o->command == CMD_AGENT)
			warn(p, "%.*s: unknown variable, ignored",
			    (int)MIN(n, 40), var);
		return 0;
	}
	if (var[n + 1] == '\0' || silenced(p, id) ||
	    !(opts[id].cmds & IN(p->o->command)))
		return 0;
	snprintf(as, sizeof(as), "%.*s", (int)n, var);
	return take(p, id, as, var + n + 1, true);
}

static void
defaults(struct conf *c, struct options *o)
{
	/* Whole, padding too: it goes through a memfd. */
	memset(c, 0, sizeof(*c));
	memset(o, 0, sizeof(*o));
	c->magic = CONF_MAGIC;
	c->size = sizeof(*c);
	c->log_level = LOG_L_WARN;
	c->cluster_port = DEF_CLUSTER_PORT;
	c->wireguard_port = DEF_WIREGUARD_PORT;
	c->mtu = DEF_MTU;
	c->hold_down = DEF_HOLD_DOWN;
	c->forget_after = DEF_FORGET;
	ipnet_parse(DEF_OVERLAY_NET, &c->overlay);
	strlcpy(c->interface, DEF_INTERFACE, sizeof(c->interface));
	strlcpy(c->user, DEF_USER, sizeof(c->user));
}

static void
warn_overlay(struct parse *p, enum opt_id id, const struct ipaddr *a)
{
	char addr[IPADDR_STRLEN], net[IPNET_STRLEN];

	if (ipnet_contains(&p->c->overlay, a))
		warn(p,
		    "--%s: %s lies inside the overlay network %s; tunnels may "
		    "hide hosts beyond this one, another --overlay-net avoids "
		    "that",
		    opts[id].name, ipaddr_str(a, addr),
		    ipnet_str(&p->c->overlay, net));
}

/* Our own address may be of our choice, but in the network of all. */
static int
inside(struct parse *p)
{
	struct conf *c = p->c;
	char addr[IPADDR_STRLEN], net[IPNET_STRLEN];

	if (c->overlay_addr.len == 0 ||
	    check_overlay_host(&c->overlay, &c->overlay_addr))
		return 0;
	return complain(p,
	    "--overlay-addr %s: expected a host address inside of "
	    "--overlay-net, which is %s",
	    ipaddr_str(&c->overlay_addr, addr), ipnet_str(&c->overlay, net));
}

/* What no option can say alone. */
static int
together(struct parse *p)
{
	struct conf *c = p->c;
	size_t i;

	for (i = 0; i < NELEM(excluded); i++)
		if (p->value[excluded[i][0]] != NULL &&
		    p->value[excluded[i][1]] != NULL)
			return complain(p,
			    "--%s: expected without --%s, they exclude each "
			    "other",
			    opts[excluded[i][0]].name,
			    opts[excluded[i][1]].name);
	if (c->cluster_port == c->wireguard_port)
		return complain(p,
		    "--wireguard-port %u: expected another one than "
		    "--cluster-port, both are UDP",
		    c->wireguard_port);
	if (c->overlay.ip.len == 16 && c->mtu < 1280)
		return complain(p,
		    "--mtu %u: expected at least 1280 for an IPv6 overlay",
		    c->mtu);
	if (inside(p) == -1)
		return -1;
	if (strcmp(c->bind_iface, c->interface) == 0)
		return complain(p,
		    "--bind-iface %s: expected another one than our own "
		    "--interface",
		    c->bind_iface);
	if (c->debug && p->value[O_LOG_LEVEL] == NULL)
		c->log_level = LOG_L_DEBUG;
	warn_overlay(p, O_BIND_ADDR, &c->bind_addr);
	warn_overlay(p, O_ADVERTISE_ADDR, &c->advertise_addr);
	return 0;
}

int
options_parse(int argc, char **argv, char **envp, struct conf *c,
    struct options *o, char *err, size_t errlen)
{
	struct parse p = {.c = c, .o = o, .err = err, .errlen = errlen};
	size_t i;

	defaults(c, o);
	if (flags(&p, argc, argv) == -1)
		return -1;
	if (o->command == CMD_HELP || o->command == CMD_VERSION)
		return 0;
	if (applicable(&p) == -1)
		return -1;
	for (i = 0; envp != NULL && envp[i] != NULL; i++)
		if (variable(&p, envp[i]) == -1)
			return -1;
	if (together(&p) == -1)
		return -1;
	return o->key_file == NULL ? 0 : optkey_read(c, o, err, errlen);
}
