#ifndef WESHER_OPTVAL_H
#define WESHER_OPTVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"
#include "../common/conf.h"

/*
 * Values of options: text in, value out. Pure; nothing is allocated, logged
 * or kept. All return 0, or -1 with *out as it was, unless said otherwise.
 */

/* true/false, yes/no, 1/0; any case. */
int optval_bool(const char *s, bool *out);

/*
 * A literal address without port or zone that a socket can be bound to: not
 * multicast, not v6 link-local (it would need a zone).
 */
int optval_bind_addr(const char *s, struct ipaddr *out);

/* An address that other hosts can be told: check_endpoint's rules. */
int optval_advertise_addr(const char *s, struct ipaddr *out);

/*
 * The overlay network, host bits zeroed; at least 2 of them are left, and it
 * is neither loopback nor multicast. protocol.md section 7.
 */
int optval_overlay(const char *s, struct ipnet *out);

/* A number of seconds up to max, or of units: 90, 90s, 10m, 1h. */
int optval_seconds(const char *s, uint32_t max, uint32_t *out);

/* Where metrics are told, as check_metrics() wants it. */
int optval_metrics(const char *s, char out[CONF_METRICS]);

/* A user's name or number as it may stand in passwd(5). */
int optval_user(const char *s, char out[CONF_USERLEN]);

/* What a LEVEL is, in words. */
#define OPTVAL_LEVEL "debug, info, warn or error"

/* Is it a HOST as below? And what one is, in words. */
bool optval_is_host(const char *s, size_t len);
#define OPTVAL_HOST                                              \
	"a name or address, optionally with a port (host:7946, " \
	"[2001:db8::1]:7946)"

/*
 * Append HOST[,HOST]... to c->join; blanks around a part are cut, a part that
 * stands there already is skipped. HOST is a name or literal address, with an
 * optional port: name:1, 192.0.2.1:1, [2001:db8::1]:1. On -1 *why says what
 * was expected, and c->join may hold parts from before the bad one.
 */
int optval_join(const char *s, struct conf *c, const char **why);

/*
 * Append DOMAIN[,DOMAIN]... to c->hosts_domains, blanks and repetitions as
 * above. On -1 it may hold parts from before the bad one.
 */
int optval_domains(const char *s, struct conf *c);

/*
 * Set c->keys to KEY[,KEY]..., each 32 bytes in base64; a repeated key is
 * kept once. On -1 *why (into whybuf) says what is wrong without a byte of
 * the key, and c has no key.
 */
int optval_keys(const char *s, struct conf *c, char *why, size_t whylen);

/*
 * A value as it may be shown in a complaint: cut to a readable length, and
 * hidden when it could be a key that was typed in the wrong place.
 */
const char *optval_shown(const char *s, char *buf, size_t buflen);

#endif
