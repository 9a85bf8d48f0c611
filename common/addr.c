/*
 * Addresses as values, in both programs. Everything here takes hostile input
 * (a peer's bytes, an operator's typing) and must neither allocate nor trust a
 * length. Forms: protocol.md section 4, "Addr".
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

static const uint8_t v4mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

int
ipaddr_from_bytes(const void *b, size_t len, struct ipaddr *out)
{
	const uint8_t *p = b;

	memset(out, 0, sizeof(*out));
	if (len == 16 && memcmp(p, v4mapped, sizeof(v4mapped)) == 0) {
		p += sizeof(v4mapped);
		len = 4;
	}
	if (len != 4 && len != 16)
		return -1;
	out->len = (uint8_t)len;
	memcpy(out->b, p, len);
	return 0;
}

int
ipaddr_parse(const char *s, struct ipaddr *out)
{
	uint8_t b[16];

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, s, b) == 1)
		return ipaddr_from_bytes(b, 4, out);
	if (inet_pton(AF_INET6, s, b) == 1)
		return ipaddr_from_bytes(b, 16, out);
	return -1;
}

const char *
ipaddr_str(const struct ipaddr *a, char buf[IPADDR_STRLEN])
{
	int af = a->len == 4 ? AF_INET : AF_INET6;

	if ((a->len != 4 && a->len != 16) ||
	    inet_ntop(af, a->b, buf, IPADDR_STRLEN) == NULL)
		strlcpy(buf, "none", IPADDR_STRLEN);
	return buf;
}

const char *
ipport_str(const struct ipport *a, char buf[IPPORT_STRLEN])
{
	char ip[IPADDR_STRLEN];

	snprintf(buf, IPPORT_STRLEN, a->ip.len == 16 ? "[%s]:%u" : "%s:%u",
	    ipaddr_str(&a->ip, ip), a->port);
	return buf;
}

const char *
ipnet_str(const struct ipnet *n, char buf[IPNET_STRLEN])
{
	char ip[IPADDR_STRLEN];

	snprintf(buf, IPNET_STRLEN, "%s/%u", ipaddr_str(&n->ip, ip), n->bits);
	return buf;
}

int
ipaddr_cmp(const struct ipaddr *a, const struct ipaddr *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->b, b->b, sizeof(a->b));
}

int
ipport_cmp(const struct ipport *a, const struct ipport *b)
{
	int c = ipaddr_cmp(&a->ip, &b->ip);

	if (c != 0)
		return c;
	return a->port < b->port ? -1 : a->port > b->port;
}

bool
ipaddr_eq(const struct ipaddr *a, const struct ipaddr *b)
{
	return ipaddr_cmp(a, b) == 0;
}

bool
ipaddr_in(const struct ipaddr *a, const struct ipaddr *list, size_t n)
{
	while (n > 0 && !ipaddr_eq(&list[n - 1], a))
		n--;
	return n > 0;
}

bool
ipaddr_is_any(const struct ipaddr *a)
{
	static const uint8_t zero[16];

	return a->len != 0 && memcmp(a->b, zero, sizeof(zero)) == 0;
}

bool
ipaddr_is_loopback(const struct ipaddr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	if (a->len == 4)
		return a->b[0] == 127;
	return a->len == 16 && memcmp(a->b, one, sizeof(one)) == 0;
}

bool
ipaddr_is_linklocal(const struct ipaddr *a)
{
	if (a->len == 4)
		return a->b[0] == 169 && a->b[1] == 254;
	return a->len == 16 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool
ipaddr_is_multicast(const struct ipaddr *a)
{
	static const uint8_t bcast[4] = {255, 255, 255, 255};

	if (a->len == 4)
		return (a->b[0] & 0xf0) == 0xe0 ||
		       memcmp(a->b, bcast, sizeof(bcast)) == 0;
	return a->len == 16 && a->b[0] == 0xff;
}

bool
ipaddr_is_private(const struct ipaddr *a)
{
	if (a->len == 4)
		return a->b[0] == 10 ||
		       (a->b[0] == 172 && (a->b[1] & 0xf0) == 16) ||
		       (a->b[0] == 192 && a->b[1] == 168) ||
		       (a->b[0] == 100 && (a->b[1] & 0xc0) == 64);
	return a->len == 16 && (a->b[0] & 0xfe) == 0xfc;
}

int
ipnet_parse(const char *s, struct ipnet *out)
{
	char buf[IPADDR_STRLEN];
	const char *slash = strchr(s, '/'), *errstr;
	long long bits;
	unsigned i;

	memset(out, 0, sizeof(*out));
	if (slash == NULL || (size_t)(slash - s) >= sizeof(buf))
		return -1;
	memcpy(buf, s, (size_t)(slash - s));
	buf[slash - s] = '\0';
	if (ipaddr_parse(buf, &out->ip) == -1)
		return -1;
	/* strtonum(3) would take a sign or blanks. */
	if (slash[1] < '0' || slash[1] > '9')
		return -1;
	bits = strtonum(slash + 1, 0, out->ip.len * 8, &errstr);
	if (errstr != NULL)
		return -1;
	out->bits = (uint8_t)bits;
	for (i = 0; i < out->ip.len; i++) {
		if (i * 8 >= out->bits)
			out->ip.b[i] = 0;
		else if (out->bits - i * 8 < 8)
			out->ip.b[i] &=
			    (uint8_t)(0xff00 >> (out->bits - i * 8));
	}
	return 0;
}

bool
ipnet_contains(const struct ipnet *n, const struct ipaddr *a)
{
	unsigned whole = n->bits / 8, rest = n->bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	if (n->ip.len != a->len || a->len == 0)
		return false;
	if (memcmp(n->ip.b, a->b, whole) != 0)
		return false;
	return rest == 0 || ((n->ip.b[whole] ^ a->b[whole]) & mask) == 0;
}

socklen_t
ipport_to_sockaddr(const struct ipport *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};

	memset(ss, 0, sizeof(*ss));
	if (a->ip.len == 4) {
		sin.sin_port = htons(a->port);
		memcpy(&sin.sin_addr, a->ip.b, 4);
		memcpy(ss, &sin, sizeof(sin));
		return sizeof(sin);
	}
	sin6.sin6_port = htons(a->port);
	memcpy(&sin6.sin6_addr, a->ip.b, 16);
	memcpy(ss, &sin6, sizeof(sin6));
	return sizeof(sin6);
}

int
ipport_from_sockaddr(
    const struct sockaddr *sa, socklen_t len, struct ipport *out)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	memset(out, 0, sizeof(*out));
	if (len >= sizeof(sin) && sa->sa_family == AF_INET) {
		memcpy(&sin, sa, sizeof(sin));
		out->port = ntohs(sin.sin_port);
		return ipaddr_from_bytes(&sin.sin_addr, 4, &out->ip);
	}
	if (len >= sizeof(sin6) && sa->sa_family == AF_INET6) {
		memcpy(&sin6, sa, sizeof(sin6));
		out->port = ntohs(sin6.sin6_port);
		return ipaddr_from_bytes(&sin6.sin6_addr, 16, &out->ip);
	}
	return -1;
}
