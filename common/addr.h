#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * IP addresses as values. len is 0 (none), 4 or 16; bytes beyond len are
 * zero, so that values can be compared with memcmp. Ports are in host order.
 */
struct ipaddr {
	uint8_t len;
	uint8_t b[16];
};

struct ipport {
	struct ipaddr ip;
	uint16_t port;
};

/* A network in CIDR form; the host bits of ip are zero. */
struct ipnet {
	struct ipaddr ip;
	uint8_t bits;
};

#define IPADDR_STRLEN 46 /* INET6_ADDRSTRLEN */
#define IPPORT_STRLEN 56 /* "[v6]:65535" */
#define IPNET_STRLEN  50 /* "v6/128" */

/* Parse a literal (no name, no port, no zone). Returns 0, or -1. */
int ipaddr_parse(const char *s, struct ipaddr *out);

/*
 * Make *out from len bytes in network order. 4 and 16 are accepted; a v4-mapped
 * v6 address (::ffff:a.b.c.d) is canonicalised to 4 bytes. Returns 0, or -1
 * for another length. protocol.md section 4, "Addr".
 */
int ipaddr_from_bytes(const void *b, size_t len, struct ipaddr *out);

/* Textual form into buf; "none" for len 0. Returns buf. */
const char *ipaddr_str(const struct ipaddr *a, char buf[IPADDR_STRLEN]);
const char *ipport_str(const struct ipport *a, char buf[IPPORT_STRLEN]);
const char *ipnet_str(const struct ipnet *n, char buf[IPNET_STRLEN]);

/* Total order (length first, then bytes): <0, 0, >0. */
int ipaddr_cmp(const struct ipaddr *a, const struct ipaddr *b);
int ipport_cmp(const struct ipport *a, const struct ipport *b);
bool ipaddr_eq(const struct ipaddr *a, const struct ipaddr *b);
/* Is it one of the n? */
bool ipaddr_in(const struct ipaddr *a, const struct ipaddr *list, size_t n);

/* Classes; false for len 0. "Private" is RFC 1918, 6598, fc00::/7. */
bool ipaddr_is_any(const struct ipaddr *a);
bool ipaddr_is_loopback(const struct ipaddr *a);
bool ipaddr_is_linklocal(const struct ipaddr *a);
bool ipaddr_is_multicast(const struct ipaddr *a); /* and 255.255.255.255 */
bool ipaddr_is_private(const struct ipaddr *a);

/* Parse ADDR/BITS, zeroing host bits. Returns 0, or -1. */
int ipnet_parse(const char *s, struct ipnet *out);
/* False when families differ. */
bool ipnet_contains(const struct ipnet *n, const struct ipaddr *a);

/* Conversions. to_: returns the socklen; from_: 0, or -1 for a foreign
 * family. A v4-mapped source is canonicalised to 4 bytes. */
socklen_t
ipport_to_sockaddr(const struct ipport *a, struct sockaddr_storage *ss);
int ipport_from_sockaddr(
    const struct sockaddr *sa, socklen_t len, struct ipport *out);

#endif
