/*
 * A userspace WireGuard, configured over its socket. wesher-priv alone. What
 * listens there runs as root, or it is not talked to; still its answers are
 * taken as hostile: lines of at most 512 bytes from a buffer of fixed size,
 * numbers within bounds, an answer of at most 64 MiB, 5 s without progress. An
 * answer that breaks a rule ends the connection, since what follows cannot be
 * told from the rest of it. The connection is opened before the sandbox and
 * not again.
 *
 * Must never: replace all peers (that wipes the sessions of everybody), nor
 * leave a key behind: requests and dumps carry private key and preshared keys,
 * so both buffers are wiped after each exchange.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "../common/clock.h"
#include "uapi.h"

#define SET_MAX	   4096
#define LINE_LEN   512 /* the longest that is known has 80 */
#define ANSWER_MAX (64 << 20)
#define PATIENCE   5000 /* ms */
#define RETRY	   50
/* At most 267 bytes each, see put_peer(): 15 of them are below SET_MAX. */
#define PEERS_BATCH 15

#define HEX_LEN (2 * WG_KEY_LEN + 1)

static int sock = -1;

/* A request while it is written; text is wiped when it was sent. */
static struct {
	char text[SET_MAX];
	size_t len;
	bool full;
} req;

/* What was received and not yet read. */
static struct {
	char buf[SET_MAX];
	size_t pos, len, total;
	char line[LINE_LEN]; /* the one that is looked at */
} in;

/* ---- the socket */

static bool
roots(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* 0: the path of a socket of root's in a folder of root's. */
static int
find(const char *dir, const char *name, struct sockaddr_un *sun)
{
	struct stat st;
	int n = snprintf(
	    sun->sun_path, sizeof(sun->sun_path), "%s/%s.sock", dir, name);

	sun->sun_family = AF_UNIX;
	if (n < 0 || (size_t)n >= sizeof(sun->sun_path))
		return -ENAMETOOLONG;
	if (stat(dir, &st) == -1)
		return -errno;
	if (!roots(&st))
		return -EPERM;
	if (lstat(sun->sun_path, &st) == -1)
		return -errno;
	return S_ISSOCK(st.st_mode) && roots(&st) ? 0 : -EPERM;
}

bool
uapi_exists(const char *dir, const char *name)
{
	struct sockaddr_un sun = {0};

	return find(dir, name, &sun) == 0;
}

static int
try_connect(const char *dir, const char *name)
{
	const int flags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	struct sockaddr_un sun = {0};
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int r = find(dir, name, &sun);

	if (r != 0)
		return r;
	if ((sock = socket(AF_UNIX, flags, 0)) == -1)
		return -errno;
	if (connect(sock, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
		r = -errno;
	else if (peer.uid != geteuid())
		r = -EPERM;
	if (r != 0) {
		close(sock);
		sock = -1;
	}
	return r;
}

static void
uapi_close(void)
{
	if (sock != -1)
		close(sock);
	sock = -1;
}

int
uapi_connect(const char *dir, const char *name, int wait)
{
	const int64_t end = clock_now() + wait * US_PER_MS;
	int r;

	uapi_close();
	/* Keys are not to be swapped out; where that fails it is no reason to
	 * have no tunnels. */
	(void)sodium_mlock(&req, sizeof(req));
	(void)sodium_mlock(&in, sizeof(in));
	for (;;) {
		r = try_connect(dir, name);
		if (r != -ENOENT && r != -ECONNREFUSED && r != -EAGAIN)
			return r;
		if (clock_now() >= end)
			return r;
		(void)poll(NULL, 0, RETRY);
	}
}

int
uapi_fd(void)
{
	return sock;
}

bool
uapi_alive(void)
{
	char c;

	return sock != -1 && recv(sock, &c, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	       errno == EAGAIN;
}

/* ---- bytes */

/* 0 when the socket is ready for that, or has ended. */
static int
ready(short events)
{
	struct pollfd pf = {.fd = sock, .events = events};
	const int64_t end = clock_now() + PATIENCE * US_PER_MS;
	int64_t left;
	int r;

	if (sock == -1)
		return -ENODEV;
	do {
		left = (end - clock_now()) / US_PER_MS;
		r = poll(&pf, 1, left > 0 ? (int)left : 0);
	} while (r == -1 && errno == EINTR);
	if (r == -1)
		return -errno;
	return r == 0 ? -ETIMEDOUT : 0;
}

static int
gone(void)
{
	return errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN
		   ? -ENODEV
		   : -errno;
}

static int
send_request(void)
{
	size_t at = 0;
	ssize_t n;
	int r = 0;

	if (req.full)
		return -EMSGSIZE;
	while (at < req.len && (r = ready(POLLOUT)) == 0) {
		n = send(sock, req.text + at, req.len - at, MSG_NOSIGNAL);
		if (n > 0)
			at += (size_t)n;
		else if (n == -1 && errno != EAGAIN && errno != EINTR)
			return gone();
	}
	return r;
}

static int
fill(void)
{
	ssize_t n;
	int r;

	in.pos = in.len = 0;
	if (in.total >= ANSWER_MAX)
		return -EMSGSIZE;
	do {
		if ((r = ready(POLLIN)) != 0)
			return r;
		n = recv(sock, in.buf, sizeof(in.buf), 0);
	} while (n == -1 && (errno == EAGAIN || errno == EINTR));
	if (n <= 0)
		return n == 0 ? -ENODEV : gone();
	in.len = (size_t)n;
	in.total += in.len;
	return 0;
}

/* The next line, without its end, into in.line. 0 or -errno. */
static int
get_line(void)
{
	char *line = in.line;
	size_t n = 0;
	int r;

	for (;;) {
		if (in.pos == in.len && (r = fill()) != 0)
			return r;
		line[n] = in.buf[in.pos++];
		if (line[n] == '\n')
			break;
		if (line[n] == '\0' || ++n == LINE_LEN)
			return -EPROTO;
	}
	line[n] = '\0';
	return 0;
}

/* ---- values */

/* Decimal digits alone, at most max. */
static bool
number(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9' || v > (max - (*s - '0')) / 10)
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	*out = v;
	return true;
}

static bool
parse_key(const char *s, uint8_t key[WG_KEY_LEN])
{
	size_t len;

	return strlen(s) == HEX_LEN - 1 &&
	       sodium_hex2bin(
		   key, WG_KEY_LEN, s, HEX_LEN - 1, NULL, &len, NULL) == 0 &&
	       len == WG_KEY_LEN;
}

/* An endpoint with a zone is one that we never set: unknown. */
static bool
parse_endpoint(char *s, struct ipport *out)
{
	char *colon = strrchr(s, ':');
	uint64_t port;

	memset(out, 0, sizeof(*out));
	if (colon == NULL || !number(colon + 1, UINT16_MAX, &port))
		return false;
	*colon = '\0';
	if (*s == '[') {
		if (colon[-1] != ']')
			return false;
		colon[-1] = '\0';
		s++;
	}
	if (strchr(s, '%') != NULL)
		return true;
	out->port = (uint16_t)port;
	return ipaddr_parse(s, &out->ip) == 0;
}

/* Only a single host address becomes the peer's addr. */
static bool
parse_allowed(char *s, struct wg_peer *p)
{
	char *slash = strchr(s, '/');
	struct ipaddr ip;
	uint64_t bits;

	if (slash == NULL || !number(slash + 1, 128, &bits))
		return false;
	*slash = '\0';
	if (ipaddr_parse(s, &ip) == -1)
		return false;
	memset(&p->addr, 0, sizeof(p->addr));
	if (p->nallowed == 0 && bits == (uint64_t)ip.len * 8)
		p->addr = ip;
	if (p->nallowed < UINT16_MAX)
		p->nallowed++;
	return true;
}

/* What a line of a peer says; what is unknown is passed over. */
static bool
peer_line(struct wg_peer *p, const char *key, char *value)
{
	uint64_t n = 0;

	if (strcmp(key, "endpoint") == 0)
		return parse_endpoint(value, &p->endpoint);
	if (strcmp(key, "allowed_ip") == 0)
		return parse_allowed(value, p);
	if (strcmp(key, "rx_bytes") == 0)
		return number(value, UINT64_MAX, &p->rx);
	if (strcmp(key, "tx_bytes") == 0)
		return number(value, UINT64_MAX, &p->tx);
	if (strcmp(key, "last_handshake_time_sec") == 0) {
		if (!number(value, INT64_MAX, &n))
			return false;
		p->handshake = (int64_t)n;
	} else if (strcmp(key, "persistent_keepalive_interval") == 0) {
		if (!number(value, UINT16_MAX, &n))
			return false;
		p->keepalive = (uint16_t)n;
	}
	return true;
}

static bool
device_line(struct wg_device *d, const char *key, const char *value)
{
	uint8_t priv[WG_KEY_LEN];
	uint64_t n = 0;
	bool ok = true;

	if (strcmp(key, "private_key") == 0) {
		ok = parse_key(value, priv);
		/* None is all zero: then there is no public one either. */
		if (ok && !check_is_zero(priv, sizeof(priv)))
			ok = crypto_scalarmult_base(d->pubkey, priv) == 0;
		sodium_memzero(priv, sizeof(priv));
	} else if (strcmp(key, "listen_port") == 0) {
		ok = number(value, UINT16_MAX, &n);
		d->port = (uint16_t)n;
	}
	return ok;
}

/* ---- an exchange */

/*
 * One line of an answer. s is NULL when no dump was asked for: then there is
 * nothing but an errno. *p is the peer that the lines are of.
 */
static int
answer_line(struct wg_dump *s, struct wg_peer **p, char *line, int *error)
{
	char *value = strchr(line, '=');
	uint8_t key[WG_KEY_LEN];
	uint64_t n;
	bool ok;

	if (value == NULL)
		return -EPROTO;
	*value++ = '\0';
	if (strcmp(line, "errno") == 0) {
		value += *value == '-'; /* wireguard-go has them negative */
		ok = *error == 1 && number(value, 4095, &n);
		if (ok)
			*error = -(int)n;
	} else if (s == NULL || *error != 1) {
		ok = false;
	} else if (strcmp(line, "public_key") == 0) {
		if ((ok = parse_key(value, key)) &&
		    (*p = wg_dump_peer(s, key)) == NULL)
			return -ENOMEM;
	} else if (*p != NULL) {
		ok = peer_line(*p, line, value);
	} else {
		ok = device_line(s->d, line, value);
	}
	return ok ? 0 : -EPROTO;
}

/* Up to the empty line. *error is what the other side says. */
static int
read_answer(struct wg_dump *s, int *error)
{
	struct wg_peer *p = NULL;
	int r;

	*error = 1; /* not told yet */
	in.pos = in.len = in.total = 0;
	while ((r = get_line()) == 0 && in.line[0] != '\0')
		if ((r = answer_line(s, &p, in.line, error)) != 0)
			break;
	if (r == 0 && (*error == 1 || in.pos != in.len))
		r = -EPROTO;
	return r;
}

/* Send req and take the answer; nothing of either remains. */
static int
exchange(struct wg_dump *s)
{
	int error = 0, r = sock == -1 ? -ENODEV : send_request();

	if (r == 0)
		r = read_answer(s, &error);
	/* Whoever polls is to see that nothing can follow. */
	if (r != 0 && sock != -1)
		(void)shutdown(sock, SHUT_RDWR);
	sodium_memzero(&req, sizeof(req));
	sodium_memzero(&in, sizeof(in));
	return r != 0 ? r : error;
}

static void __attribute__((format(printf, 1, 2))) put(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(req.text + req.len, SET_MAX - req.len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= SET_MAX - req.len)
		req.full = true;
	else
		req.len += (size_t)n;
}

static void
put_key(const char *name, const uint8_t key[WG_KEY_LEN])
{
	char hex[HEX_LEN];

	sodium_bin2hex(hex, sizeof(hex), key, WG_KEY_LEN);
	put("%s=%s\n", name, hex);
	sodium_memzero(hex, sizeof(hex));
}

static int
uapi_set(unsigned ifindex, const uint8_t privkey[WG_KEY_LEN], uint16_t port)
{
	(void)ifindex;
	put("set=1\n");
	put_key("private_key", privkey);
	put("listen_port=%u\n\n", port);
	return exchange(NULL);
}

static int
uapi_get(unsigned ifindex, struct wg_dump *s)
{
	(void)ifindex;
	put("get=1\n\n");
	return exchange(s);
}

/* At most 76 + 17 + 60 + 25 + 36 + 53 bytes. */
static void
put_peer(const struct wg_change *c)
{
	const struct wg_peer *p = &c->peer;
	char text[IPPORT_STRLEN];

	put_key("public_key", p->key);
	if (c->op == WG_DEL) {
		put("remove=true\n");
		return;
	}
	if (c->op == WG_ENDPOINT)
		put("update_only=true\n");
	if (p->endpoint.ip.len != 0)
		put("endpoint=%s\n", ipport_str(&p->endpoint, text));
	if (c->op == WG_ENDPOINT)
		return;
	put("replace_allowed_ips=true\npersistent_keepalive_interval=%u\n",
	    p->keepalive);
	if (p->addr.len != 0)
		put("allowed_ip=%s/%u\n", ipaddr_str(&p->addr, text),
		    p->addr.len * 8U);
}

static int
uapi_change(unsigned ifindex, const struct wg_change *ch, size_t n)
{
	size_t i;

	(void)ifindex;
	put("set=1\n");
	for (i = 0; i < n; i++)
		put_peer(&ch[i]);
	put("\n");
	return exchange(NULL);
}

static int
uapi_open(const char *name)
{
	return uapi_connect(UAPI_DIR, name, PATIENCE);
}

const struct wg_ops wg_uapi = {
    .batch = PEERS_BATCH,
    .open = uapi_open,
    .close = uapi_close,
    .set = uapi_set,
    .get = uapi_get,
    .change = uapi_change,
};
