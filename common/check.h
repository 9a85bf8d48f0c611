#ifndef COMMON_CHECK_H
#define COMMON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

/*
 * Pure validators, used by both programs on both sides of the boundary.
 * None allocates, logs or touches errno.
 */

#define NAME_MAX_LEN 255 /* bytes of a member name, protocol.md section 4 */
#define WG_KEY_LEN   32
#define MAX_PEERS    16384

/* A member name: 1..255 bytes, no control characters (< 0x20, 0x7f). */
bool check_name(const char *name, size_t len);

/*
 * A name that may stand in /etc/hosts: RFC 1123 labels (letters, digits,
 * hyphens inside; an underscore is tolerated), 1..63 each, total <= 253, not
 * all digits and dots, not check_reserved().
 */
bool check_hostname(const char *name, size_t len);

/*
 * A name that means something else on every host, or that programs ask for
 * unasked: localhost and what is below it, its IPv6 kin, wpad, isatap and the
 * names that systemd answers; in any domain.
 */
bool check_reserved(const char *name, size_t len);

/* DOMAIN[,DOMAIN]...: labels as above, without a dot at either end. */
bool check_domains(const char *s);
/* Is it one of those, in any letters? */
bool check_listed(const char *domain, size_t len, const char *domains);

/*
 * Where metrics are told: ADDR:PORT, [V6]:PORT (*at), or unix:PATH with an
 * absolute path that a socket can have (at->ip.len is 0). No multicast, and no
 * link-local IPv6, which would need its interface.
 */
bool check_metrics(const char *s, struct ipport *at);

/* A network interface name the kernel accepts: 1..15, no '/', space, ':'. */
bool check_ifname(const char *name);

/* Decimal digits alone (no sign, no blanks), min <= n <= max; else *out stays. */
bool check_number(const char *s, uint32_t min, uint32_t max, uint32_t *out);

/* True when all bytes are zero (constant time). */
bool check_is_zero(const void *p, size_t len);

/*
 * Can a tunnel's endpoint be this? Unicast, no loopback, no link-local, not
 * unspecified, port not 0. design.md section 2, PEER_SET.
 */
bool check_endpoint(const struct ipport *ep);

/* A host address inside net: not the network, broadcast (v4) address. */
bool check_overlay_host(const struct ipnet *net, const struct ipaddr *a);

#endif
