/*
 * member: one member of ours, made of the production core and sockets
 * (libwesher: swim, net, seal, meta) without wesher-priv and without tunnels,
 * controlled by lines. A test puts it beside a peer of the original, which
 * understands the same commands and prints the same lines: see peer/main.go.
 *
 * Run: unprivileged or not, in a network namespace of a test, never on a
 * host. Hostile input: none but what the library handles anyway; the commands
 * are the test's, and an odd one ends the program.
 *
 * It must never answer for the library: no message is made, changed or held
 * back here, so that what a test sees is what a mesh would see.
 *
 *	member [-a addr] [-i incarnation] [-k key] [-m v03|v02|none] [-n name]
 *	    [-o overlay] [-p port] [-P wan|lan]
 *
 * Two more events than the peer's: suspect and refuted.
 */
#include <sys/socket.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <sodium.h>

#include "../../common/clock.h"
#include "../../common/log.h"
#include "../../wesher/meta.h"
#include "../../wesher/net.h"
#include "../../wesher/pool.h"
#include "../../wesher/swim.h"

struct options {
	const char *name, *key, *meta, *overlay;
	const struct swim_profile *profile;
	struct ipport at;
	uint32_t incarnation;
};

static struct event_base *base;
static struct event *timer;
static struct swim *swim;
static bool announce; /* a join was answered: owed outside the callback */

/* After everything that may have moved the core's next deadline. */
static void
rearm(void)
{
	struct timeval tv;
	int64_t left;

	if (announce) {
		announce = false;
		swim_announce(swim, clock_now());
	}
	left = swim_deadline(swim) - clock_now();
	if (left < 0)
		left = 0;
	if (left > 3600 * US_PER_S)
		left = 3600 * US_PER_S;
	tv.tv_sec = left / US_PER_S;
	tv.tv_usec = left % US_PER_S;
	evtimer_add(timer, &tv);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	swim_tick(swim, clock_now());
	rearm();
}

/* ---- what the sockets bring */

static int
on_packet(const struct ipport *from, const uint8_t *plain, size_t len)
{
	int error = swim_packet(swim, clock_now(), from, plain, len);

	rearm();
	return error;
}

static int
on_request(const struct ipport *from, uint8_t type, const uint8_t *body,
    size_t len, uint8_t **reply, size_t *replylen)
{
	int error = swim_stream_request(
	    swim, clock_now(), from, type, body, len, reply, replylen);

	rearm();
	return error;
}

static void
on_reply(uint32_t id, uint8_t type, const uint8_t *body, size_t len)
{
	swim_stream_reply(swim, clock_now(), id, type, body, len);
	rearm();
}

static void
on_failed(uint32_t id, const char *why)
{
	swim_stream_failed(swim, clock_now(), id, why);
	rearm();
}

/* ---- what the core wants */

static void
do_send(void *arg, const struct ipport *to, const uint8_t *plain, size_t len)
{
	(void)arg;
	net_send(to, plain, len);
}

static void
do_stream(void *arg, uint32_t id, enum swim_stream_kind kind,
    const struct ipport *to, const uint8_t *msg, size_t len)
{
	(void)arg;
	(void)kind;
	net_stream(id, to, msg, len);
}

static bool
is_ours(void *arg, const uint8_t *meta, size_t len)
{
	(void)arg;
	return meta_is_ours(meta, len);
}

static uint32_t
random32(void *arg)
{
	(void)arg;
	return pool_random();
}

/* ---- lines */

static const char *
meta_kind(const uint8_t *meta, size_t len)
{
	struct meta m;

	if (len == 0)
		return "none";
	if (meta_decode(meta, len, &m) == -1)
		return "bad";
	if (m.has_x)
		return "ours";
	return m.dialect == META_V02 ? "v02" : "v03";
}

static uint32_t
fnv32(const uint8_t *p, size_t len)
{
	uint32_t h = 2166136261u;

	while (len-- > 0)
		h = (h ^ *p++) * 16777619u;
	return h;
}

static void
print_member(const char *what, const struct member *m)
{
	char buf[IPADDR_STRLEN];
	struct ipport at;

	member_ipport(m, &at);
	printf("%s %s %s %u %s %u:%08x:%s %u\n", what, m->name,
	    ipaddr_str(&at.ip, buf), member_card(m)->addrlen,
	    member_state_name(m->state), m->metalen,
	    fnv32(member_meta(m), m->metalen),
	    meta_kind(member_meta(m), m->metalen), m->incarnation);
}

static void
print_members(void)
{
	const struct member_table *t = swim_members(swim);
	unsigned i;

	for (i = 0; i < t->n; i++)
		print_member("member", t->list[i]);
	printf("members %u\n", t->n);
}

static unsigned
count_alive(void)
{
	const struct member_table *t = swim_members(swim);
	unsigned i, n = 0;

	for (i = 0; i < t->n; i++)
		n += t->list[i]->state == MEMBER_ALIVE;
	return n;
}

static void
print_stats(void)
{
	const struct swim_counters *c = swim_counters(swim);

	printf("stats health %u alive %u suspicions %llu refutations %llu "
	       "pushpulls %llu indirect %llu nacks %llu tcp_pings %llu "
	       "probes_failed %llu conflicts %llu bad %llu refused %llu\n",
	    swim_health(swim), count_alive(), (unsigned long long)c->suspicions,
	    (unsigned long long)c->refutations,
	    (unsigned long long)c->pushpulls, (unsigned long long)c->indirect,
	    (unsigned long long)c->nacks, (unsigned long long)c->tcp_pings,
	    (unsigned long long)c->probes_failed,
	    (unsigned long long)c->conflicts,
	    (unsigned long long)(c->bad_message + c->bad_entry + c->bad_vsn),
	    (unsigned long long)(net_counters()->refused_packets +
				 net_counters()->refused_streams));
}

static void
on_event(void *arg, const struct swim_event *ev)
{
	/* The peer has one word for both ends of a member. */
	static const char *const word[] = {[SWIM_EV_JOIN] = "join",
	    [SWIM_EV_UPDATE] = "update",
	    [SWIM_EV_SUSPECT] = "suspect",
	    [SWIM_EV_REFUTED] = "refuted",
	    [SWIM_EV_FAILED] = "leave",
	    [SWIM_EV_LEFT] = "leave",
	    [SWIM_EV_REAPED] = "reaped",
	    [SWIM_EV_CONFLICT] = "conflict",
	    [SWIM_EV_SELF_CONFLICT] = "selfconflict"};
	char what[32];

	(void)arg;
	if (ev->type == SWIM_EV_LEAVE_DONE) {
		printf("left\n");
		return;
	}
	snprintf(what, sizeof(what), "event %s", word[ev->type]);
	if (ev->m != NULL)
		print_member(what, ev->m);
	else
		printf("%s\n", what);
}

static void
on_join(void *arg, const struct swim_join_result *res)
{
	(void)arg;
	printf("joined %d %s%s\n", res->ok, res->why == NULL ? "" : res->why,
	    res->refused_name ? "name refused" : "");
	announce = res->ok;
}

/* ---- commands */

static void
cmd_join(char *addrs, uint16_t port)
{
	struct ipport to = {.port = port};
	const char *word;

	while ((word = strsep(&addrs, " ")) != NULL) {
		if (ipaddr_parse(word, &to.ip) == -1)
			errx(1, "join: not an address: %s", word);
		swim_join(swim, clock_now(), &to, 0);
	}
}

static void
cmd_meta(const char *hex)
{
	uint8_t meta[META_MAX];
	size_t len;

	if (sodium_hex2bin(
		meta, sizeof(meta), hex, strlen(hex), NULL, &len, NULL) == -1)
		errx(1, "meta: not up to %d bytes in hex", META_MAX);
	swim_set_meta(swim, clock_now(), meta, len);
	printf("announced\n");
}

static void
command(char *line, uint16_t port)
{
	const char *word = strsep(&line, " ");

	if (strcmp(word, "join") == 0 && line != NULL)
		cmd_join(line, port);
	else if (strcmp(word, "meta") == 0 && line != NULL)
		cmd_meta(line);
	else if (strcmp(word, "leave") == 0)
		swim_leave(swim, clock_now());
	else if (strcmp(word, "members") == 0)
		print_members();
	else if (strcmp(word, "stats") == 0)
		print_stats();
	else if (strcmp(word, "crash") == 0)
		_exit(0);
	else
		errx(1, "no such command: %s", word);
	rearm();
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	static char buf[4096];
	static size_t have;
	const struct options *o = arg;
	char *nl;
	ssize_t n;

	(void)what;
	n = read(fd, buf + have, sizeof(buf) - have);
	if (n <= 0)
		_exit(0);
	have += (size_t)n;
	while ((nl = memchr(buf, '\n', have)) != NULL) {
		*nl++ = '\0';
		command(buf, o->at.port);
		have -= (size_t)(nl - buf);
		memmove(buf, nl, have);
	}
	if (have == sizeof(buf))
		errx(1, "a line of more than %zu bytes", sizeof(buf));
}

/* ---- start */

static uint32_t
number(const char *s)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*s == '\0' || *end != '\0' || n > UINT32_MAX)
		errx(1, "not a number: %s", s);
	return (uint32_t)n;
}

static void
options_get(int argc, char **argv, struct options *o)
{
	int ch;

	while ((ch = getopt(argc, argv, "a:i:k:m:n:o:p:P:")) != -1) {
		if (ch == 'a' && ipaddr_parse(optarg, &o->at.ip) == 0)
			continue;
		else if (ch == 'i')
			o->incarnation = number(optarg);
		else if (ch == 'k')
			o->key = optarg;
		else if (ch == 'm')
			o->meta = optarg;
		else if (ch == 'n')
			o->name = optarg;
		else if (ch == 'o')
			o->overlay = optarg;
		else if (ch == 'p')
			o->at.port = (uint16_t)number(optarg);
		else if (ch == 'P')
			o->profile = strcmp(optarg, "lan") == 0 ? &swim_lan
								: &swim_wan;
		else
			errx(1, "bad option, see member.c");
	}
}

static int
bound(const struct options *o, int type)
{
	struct sockaddr_storage ss;
	socklen_t len = ipport_to_sockaddr(&o->at, &ss);
	int fd, one = 1;

	fd = socket(ss.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&ss, len) == -1)
		err(1, "bind");
	if (type == SOCK_STREAM && listen(fd, 128) == -1)
		err(1, "listen");
	return fd;
}

static struct seal *
sealed_by(const char *key)
{
	uint8_t keys[1][CLUSTER_KEY_LEN];
	struct seal *seal;
	const char *why;
	size_t len;

	if (seal_init(false, &why) == -1)
		errx(1, "%s", why);
	if (sodium_base642bin(keys[0], sizeof(keys[0]), key, strlen(key), NULL,
		&len, NULL, sodium_base64_VARIANT_ORIGINAL) == -1 ||
	    len != sizeof(keys[0]))
		errx(1, "not a cluster key");
	if ((seal = seal_new(keys, 1)) == NULL)
		errx(1, "no seal");
	return seal;
}

static size_t
metadata(const struct options *o, uint8_t *buf)
{
	struct meta m = {.has_pubkey = true, .has_x = true, .has_caps = true};
	ssize_t n;

	if (strcmp(o->meta, "none") == 0)
		return 0;
	m.dialect = strcmp(o->meta, "v02") == 0 ? META_V02 : META_V03;
	randombytes_buf(m.pubkey, sizeof(m.pubkey));
	if (ipaddr_parse(o->overlay, &m.overlay) == -1 ||
	    (n = meta_encode(&m, buf, META_MAX)) == -1)
		errx(1, "bad overlay address");
	return (size_t)n;
}

static void
start(const struct options *o)
{
	static const struct swim_ops ops = {
	    do_send, do_stream, on_event, on_join, is_ours, random32, NULL};
	uint8_t meta[META_MAX];
	struct net_config net = {.base = base,
	    .bind_addr = o->at.ip,
	    .handler = {on_packet, NULL, on_request, on_reply, on_failed}};
	struct swim_config cfg = {.profile = o->profile,
	    .ops = &ops,
	    .name = o->name,
	    .addr = o->at.ip,
	    .port = o->at.port,
	    .meta = meta,
	    .incarnation = o->incarnation,
	    .max_members = 16384};

	net.seal = sealed_by(o->key);
	net.udp = bound(o, SOCK_DGRAM);
	net.tcp = bound(o, SOCK_STREAM);
	cfg.metalen = metadata(o, meta);
	if ((swim = swim_new(&cfg, clock_now())) == NULL)
		errx(1, "no core");
	if (net_start(&net) == -1)
		err(1, "net_start");
}

int
main(int argc, char **argv)
{
	struct options o = {.name = "member",
	    .key = "",
	    .meta = "v03",
	    .overlay = "10.0.0.1",
	    .profile = &swim_wan,
	    .at.port = 7946,
	    .incarnation = (uint32_t)time(NULL)};
	struct event *input;

	options_get(argc, argv, &o);
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_init(LOG_D_STDERR, LOG_L_DEBUG, o.name, -1);
	if ((base = event_base_new()) == NULL ||
	    (timer = evtimer_new(base, on_timer, NULL)) == NULL ||
	    (input = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST,
		 on_input, &o)) == NULL)
		errx(1, "libevent");
	start(&o);
	event_add(input, NULL);
	rearm();
	printf("ready %s\n", o.name);
	event_base_dispatch(base);
	return 0;
}
