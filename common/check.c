/*
 * Validators of what crosses a trust boundary, shared by both programs so
 * that the gossip process can know beforehand what root would refuse.
 */
#include <net/if.h>

#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "check.h"
#include "conf.h"

bool
check_name(const char *name, size_t len)
{
	size_t i;

	if (len == 0 || len > NAME_MAX_LEN)
		return false;
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c < 0x20 || c == 0x7f)
			return false;
	}
	return true;
}

static bool
is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* One label of RFC 1123 section 2.1, underscores tolerated. */
static bool
check_label(const char *s, size_t len)
{
	size_t i;

	if (len == 0 || len > 63 || s[0] == '-' || s[len - 1] == '-')
		return false;
	for (i = 0; i < len; i++)
		if (!is_alnum((unsigned char)s[i]) && s[i] != '-' &&
		    s[i] != '_')
			return false;
	return true;
}

bool
check_reserved(const char *name, size_t len)
{
	static const char *const words[] = {"localhost", "localhost4",
	    "localhost6", "wpad", "isatap", "broadcasthost", "ip6-localhost",
	    "ip6-loopback", "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes",
	    "ip6-allrouters", "ip6-allhosts", "_gateway", "_outbound",
	    "_localdnsstub", "_localdnsproxy"};
	static const char suffix[] = ".localhost";
	const char *dot = memchr(name, '.', len);
	size_t i, first = dot == NULL ? len : (size_t)(dot - name);

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == first &&
		    strncasecmp(name, words[i], first) == 0)
			return true;
	return len >= sizeof(suffix) - 1 &&
	       strncasecmp(name + len - (sizeof(suffix) - 1), suffix,
		   sizeof(suffix) - 1) == 0;
}

/* Labels between dots; *digits: nothing but those and dots. */
static bool
check_labels(const char *name, size_t len, bool *digits)
{
	size_t i, start = 0;

	*digits = true;
	if (len == 0 || len > 253)
		return false;
	for (i = 0; i <= len; i++) {
		if (i < len && name[i] != '.') {
			if (name[i] < '0' || name[i] > '9')
				*digits = false;
			continue;
		}
		if (!check_label(name + start, i - start))
			return false;
		start = i + 1;
	}
	return true;
}

bool
check_hostname(const char *name, size_t len)
{
	bool digits;

	/* All digits and dots would read as an address. */
	return check_labels(name, len, &digits) && !digits &&
	       !check_reserved(name, len);
}

bool
check_domains(const char *s)
{
	bool digits;
	size_t n;

	for (;; s += n + 1) {
		n = strcspn(s, ",");
		if (!check_labels(s, n, &digits) || digits)
			return false;
		if (s[n] == '\0')
			return true;
	}
}

/* unix:PATH, without what a terminal or a log would choke on. */
static bool
is_socket_path(const char *s)
{
	size_t n = strlen(s);

	return s[0] == '/' && n + 5 < CONF_METRICS && s[n - 1] != '/' &&
	       check_name(s, n);
}

bool
check_metrics(const char *s, struct ipport *at)
{
	const char *colon = strrchr(s, ':');
	char host[IPADDR_STRLEN + 2];
	size_t n;
	uint32_t port;

	memset(at, 0, sizeof(*at));
	if (strncmp(s, "unix:", 5) == 0)
		return is_socket_path(s + 5);
	if (colon == NULL || (n = (size_t)(colon - s)) >= sizeof(host) ||
	    !check_number(colon + 1, 1, 65535, &port))
		return false;
	memcpy(host, s, n);
	host[n] = '\0';
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		if (ipaddr_parse(host + 1, &at->ip) == -1 || at->ip.len != 16)
			return false;
	} else if (ipaddr_parse(host, &at->ip) == -1 || at->ip.len != 4)
		return false;
	at->port = (uint16_t)port;
	return !ipaddr_is_multicast(&at->ip) &&
	       (at->ip.len == 4 || !ipaddr_is_linklocal(&at->ip));
}

bool
check_listed(const char *domain, size_t len, const char *domains)
{
	const char *s = domains;
	size_t n;

	for (; *s != '\0'; s += n + (s[n] == ',')) {
		n = strcspn(s, ",");
		if (n == len && strncasecmp(s, domain, n) == 0)
			return true;
	}
	return false;
}

bool
check_ifname(const char *name)
{
	size_t i, len = strlen(name);

	if (len == 0 || len >= IFNAMSIZ || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return false;
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c <= ' ' || c >= 0x7f || c == '/' || c == ':' || c == '%')
			return false;
	}
	return true;
}

bool
check_number(const char *s, uint32_t min, uint32_t max, uint32_t *out)
{
	const char *bad;
	long long n;

	/* strtonum(3) would take a sign or blanks. */
	if (s[0] == '\0' || s[strspn(s, "0123456789")] != '\0')
		return false;
	n = strtonum(s, min, max, &bad);
	if (bad == NULL)
		*out = (uint32_t)n;
	return bad == NULL;
}

bool
check_is_zero(const void *p, size_t len)
{
	return sodium_is_zero(p, len) == 1;
}

bool
check_endpoint(const struct ipport *ep)
{
	const struct ipaddr *a = &ep->ip;

	if (a->len == 0 || ep->port == 0)
		return false;
	if (a->len == 4 && a->b[0] == 0)
		return false; /* RFC 1122: "this network" */
	return !ipaddr_is_any(a) && !ipaddr_is_loopback(a) &&
	       !ipaddr_is_linklocal(a) && !ipaddr_is_multicast(a);
}

bool
check_overlay_host(const struct ipnet *net, const struct ipaddr *a)
{
	bool zeros = true, ones = true;
	unsigned bit;

	if (!ipnet_contains(net, a))
		return false;
	for (bit = net->bits; bit < a->len * 8u; bit++) {
		if (a->b[bit / 8] & (0x80 >> (bit % 8)))
			zeros = false;
		else
			ones = false;
	}
	/* All zeros is the network, or v6's subnet-router anycast address. */
	return !zeros && !(ones && a->len == 4);
}
