/*
 * The operator's command: values of options, from text to binary. The input
 * is what the operator (or a script with a variable gone wrong) typed; it may
 * be long, empty or a secret in the wrong place. Nothing here reads a file,
 * asks the resolver or prints: a value is judged by its form alone, so that
 * every mistake is found before anything is touched.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "../common/check.h"
#include "optval.h"

int
optval_bool(const char *s, bool *out)
{
	static const char *const yes[] = {"1", "true", "yes"};
	static const char *const no[] = {"0", "false", "no"};
	size_t i;

	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcasecmp(s, yes[i]) == 0) {
			*out = true;
			return 0;
		}
		if (strcasecmp(s, no[i]) == 0) {
			*out = false;
			return 0;
		}
	}
	return -1;
}

int
optval_bind_addr(const char *s, struct ipaddr *out)
{
	struct ipaddr a;

	if (ipaddr_parse(s, &a) == -1 || ipaddr_is_multicast(&a) ||
	    (a.len == 16 && ipaddr_is_linklocal(&a)))
		return -1;
	*out = a;
	return 0;
}

int
optval_advertise_addr(const char *s, struct ipaddr *out)
{
	struct ipport ep = {.port = 1};

	if (ipaddr_parse(s, &ep.ip) == -1 || !check_endpoint(&ep))
		return -1;
	*out = ep.ip;
	return 0;
}

int
optval_overlay(const char *s, struct ipnet *out)
{
	struct ipnet net;

	if (ipnet_parse(s, &net) == -1 || net.bits + 2 > net.ip.len * 8 ||
	    ipaddr_is_loopback(&net.ip) || ipaddr_is_multicast(&net.ip))
		return -1;
	*out = net;
	return 0;
}

int
optval_seconds(const char *s, uint32_t max, uint32_t *out)
{
	static const struct {
		char suffix;
		uint32_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	uint32_t each = 1, n;
	size_t i, len = strlen(s);
	char digits[16];

	for (i = 0; i < sizeof(units) / sizeof(units[0]) && len > 0; i++)
		if (s[len - 1] == units[i].suffix) {
			each = units[i].seconds;
			len--;
			break;
		}
	if (len >= sizeof(digits))
		return -1;
	memcpy(digits, s, len);
	digits[len] = '\0';
	if (!check_number(digits, 0, max / each, &n))
		return -1;
	*out = n * each;
	return 0;
}

int
optval_user(const char *s, char out[CONF_USERLEN])
{
	size_t i, len = strlen(s);

	if (len == 0 || len >= CONF_USERLEN || s[0] == '-')
		return -1;
	for (i = 0; i < len; i++)
		if (!isgraph((unsigned char)s[i]) || s[i] == ':' || s[i] == '/')
			return -1;
	memcpy(out, s, len + 1);
	return 0;
}

int
optval_metrics(const char *s, char out[CONF_METRICS])
{
	struct ipport at;

	if (!check_metrics(s, &at))
		return -1;
	strlcpy(out, s, CONF_METRICS);
	return 0;
}

/* The next part of a list: blanks cut, *s moved behind its comma, or NULL. */
static const char *
next_part(const char **s, size_t *len)
{
	const char *p = *s, *end;

	if (p == NULL)
		return NULL;
	end = p + strcspn(p, ",");
	*s = *end == ',' ? end + 1 : NULL;
	while (p < end && isspace((unsigned char)*p))
		p++;
	while (end > p && isspace((unsigned char)end[-1]))
		end--;
	*len = (size_t)(end - p);
	return p;
}

/* A name to ask a resolver for; looser than what may stand in /etc/hosts. */
static bool
is_name(const char *s)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(s);

	if (len == 0 || len > 253 || s[strspn(s, ok)] != '\0' || s[0] == '.' ||
	    s[0] == '-' || strstr(s, "..") != NULL)
		return false;
	/* Digits and dots are an address, and a wrong one. */
	return s[strspn(s, "0123456789.")] != '\0';
}

/*
 * Is it HOST, HOST:PORT or [v6]:PORT? s is cut into pieces.
 */
static bool
is_host(char *s)
{
	struct ipaddr a;
	uint32_t port;
	char *colon = strchr(s, ':'), *end;

	if (s[0] == '[') {
		if ((end = strchr(s, ']')) == NULL)
			return false;
		*end++ = '\0';
		if (ipaddr_parse(s + 1, &a) == -1 || strchr(s, ':') == NULL)
			return false;
		return *end == '\0' ||
		       (*end == ':' && check_number(end + 1, 1, 65535, &port));
	}
	if (colon != NULL && strchr(colon + 1, ':') == NULL) {
		*colon = '\0';
		if (!check_number(colon + 1, 1, 65535, &port))
			return false;
	}
	return ipaddr_parse(s, &a) == 0 || is_name(s);
}

bool
optval_is_host(const char *s, size_t len)
{
	char host[CONF_JOINLEN];

	if (len == 0 || len >= sizeof(host))
		return false;
	memcpy(host, s, len);
	host[len] = '\0';
	return is_host(host);
}

static int
join_add(const char *part, size_t len, struct conf *c, const char **why)
{
	uint32_t i;

	*why = OPTVAL_HOST;
	if (!optval_is_host(part, len))
		return -1;
	for (i = 0; i < c->njoin; i++)
		if (strlen(c->join[i]) == len &&
		    memcmp(c->join[i], part, len) == 0)
			return 0;
	if (c->njoin == CONF_JOIN) {
		*why = "at most 64 hosts";
		return -1;
	}
	memcpy(c->join[c->njoin], part, len);
	c->njoin++;
	return 0;
}

int
optval_join(const char *s, struct conf *c, const char **why)
{
	const char *part;
	size_t len;

	while ((part = next_part(&s, &len)) != NULL)
		if (join_add(part, len, c, why) == -1)
			return -1;
	return 0;
}

static int
domain_add(const char *part, size_t len, struct conf *c)
{
	size_t used = strlen(c->hosts_domains);
	char domain[CONF_DOMAINS];

	if (len >= sizeof(domain))
		return -1;
	memcpy(domain, part, len);
	domain[len] = '\0';
	if (!check_domains(domain))
		return -1;
	if (check_listed(domain, len, c->hosts_domains))
		return 0;
	if (used + len + 1 >= sizeof(c->hosts_domains))
		return -1;
	if (used > 0)
		c->hosts_domains[used++] = ',';
	memcpy(c->hosts_domains + used, domain, len + 1);
	return 0;
}

int
optval_domains(const char *s, struct conf *c)
{
	const char *part;
	size_t len;

	while ((part = next_part(&s, &len)) != NULL)
		if (domain_add(part, len, c) == -1)
			return -1;
	return 0;
}

static int
key_add(const char *part, size_t len, struct conf *c, char *why, size_t whylen)
{
	uint8_t bin[512];
	const char *end;
	size_t n;
	uint32_t i;
	int ret = -1;

	if (sodium_base642bin(bin, sizeof(bin), part, len, NULL, &n, &end,
		sodium_base64_VARIANT_ORIGINAL) == -1 ||
	    end != part + len) {
		snprintf(why, whylen,
		    "expected %u bytes in base64, got something else",
		    CLUSTER_KEY_LEN);
		goto out;
	}
	if (n != CLUSTER_KEY_LEN) {
		snprintf(why, whylen,
		    "unsupported cluster key length; expected %u, got %zu",
		    CLUSTER_KEY_LEN, n);
		goto out;
	}
	ret = 0;
	for (i = 0; i < c->nkeys; i++)
		if (sodium_memcmp(c->keys[i], bin, CLUSTER_KEY_LEN) == 0)
			goto out;
	if (c->nkeys == CONF_KEYS) {
		snprintf(why, whylen, "expected at most %u keys", CONF_KEYS);
		ret = -1;
		goto out;
	}
	memcpy(c->keys[c->nkeys++], bin, CLUSTER_KEY_LEN);
out:
	sodium_memzero(bin, sizeof(bin));
	return ret;
}

int
optval_keys(const char *s, struct conf *c, char *why, size_t whylen)
{
	const char *part;
	size_t len;

	c->nkeys = 0;
	while ((part = next_part(&s, &len)) != NULL) {
		if (key_add(part, len, c, why, whylen) == -1) {
			sodium_memzero(c->keys, sizeof(c->keys));
			c->nkeys = 0;
			return -1;
		}
	}
	return 0;
}

/* 32 bytes make 43 characters and a "="; a mistyped key has a few less. */
#define KEYLIKE 40

const char *
optval_shown(const char *s, char *buf, size_t buflen)
{
	const char *p;
	size_t run = 0, len = strlen(s);

	for (p = s; *p != '\0'; p++) {
		bool b64 = isalnum((unsigned char)*p) ||
			   strchr("+/=-_", *p) != NULL;

		run = b64 ? run + 1 : 0;
		if (run >= KEYLIKE) {
			strlcpy(buf, "(not shown)", buflen);
			return buf;
		}
	}
	strlcpy(buf, s, buflen);
	if (len >= buflen && buflen > 4)
		memcpy(buf + buflen - 4, "...", 4);
	return buf;
}
