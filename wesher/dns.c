/*
 * Name resolution of the gossip process, without NSS: nothing is loaded or
 * opened once the process is in its root. Answers come from the network and
 * are believed only as addresses to knock at; who answers there must still
 * know the cluster key.
 */
#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/dns.h>
#include <event2/event.h>

#include "../common/hostsfile.h"
#include "../common/log.h"
#include "dns.h"

#define HOSTS_MAX (4u << 20)

static struct {
	struct event_base *base;
	struct evdns_base *evdns;
	char *hosts;
	size_t hostslen;
	unsigned nservers;
} dns;

/* One question: both families, then one answer. */
struct query {
	dns_fn *fn;
	void *arg;
	struct ipaddr addrs[DNS_ADDRS_MAX];
	size_t n;
	unsigned pending;
	int err;
};

static int
read_file(const char *path, char **out, size_t *outlen)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *buf = NULL;
	size_t len = 0;
	ssize_t n = -1;

	*out = NULL;
	*outlen = 0;
	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	buf = malloc(HOSTS_MAX);
	while (buf != NULL && len < HOSTS_MAX &&
	       (n = read(fd, buf + len, HOSTS_MAX - len)) > 0)
		len += (size_t)n;
	close(fd);
	if (n == -1 || buf == NULL) {
		free(buf);
		return -1;
	}
	*out = realloc(buf, len + 1);
	if (*out == NULL)
		*out = buf;
	*outlen = len;
	return 0;
}

static bool
is_managed(const char *line, size_t len)
{
	return memmem(line, len, HOSTS_MARK, strlen(HOSTS_MARK)) != NULL ||
	       memmem(line, len, HOSTS_MARK_OLD, strlen(HOSTS_MARK_OLD)) !=
		   NULL;
}

static bool
line_names(char *line, const char *name, struct ipaddr *ip)
{
	char *save, *word;

	line[strcspn(line, "#\r")] = '\0';
	word = strtok_r(line, " \t", &save);
	if (word == NULL || ipaddr_parse(word, ip) == -1)
		return false;
	while ((word = strtok_r(NULL, " \t", &save)) != NULL)
		if (strcasecmp(word, name) == 0)
			return true;
	return false;
}

size_t
dns_hosts_lookup(const char *text, size_t len, const char *name,
    struct ipaddr *out, size_t max)
{
	const char *p = text, *end = text + len, *nl;
	char line[1024];
	size_t n = 0, ll;

	for (; p < end && n < max; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		ll = (size_t)(nl - p);
		if (ll >= sizeof(line) || is_managed(p, ll))
			continue;
		memcpy(line, p, ll);
		line[ll] = '\0';
		if (line_names(line, name, &out[n]))
			n++;
	}
	return n;
}

static void
query_done(struct query *q)
{
	if (q->n > 0)
		q->fn(q->arg, q->addrs, q->n, NULL);
	else
		q->fn(q->arg, NULL, 0,
		    dns.nservers == 0 ? "no nameserver is known"
				      : evdns_err_to_string(q->err));
	free(q);
}

static void
on_answer(int result, char type, int count, int ttl, void *addresses, void *arg)
{
	struct query *q = arg;
	size_t size = type == DNS_IPv4_A ? 4 : 16;
	const uint8_t *p = addresses;
	int i;

	(void)ttl;
	if (result != DNS_ERR_NONE)
		q->err = result;
	else if (type == DNS_IPv4_A || type == DNS_IPv6_AAAA)
		for (i = 0; i < count && q->n < DNS_ADDRS_MAX; i++)
			if (ipaddr_from_bytes(p + (size_t)i * size, size,
				&q->addrs[q->n]) == 0)
				q->n++;
	if (--q->pending == 0)
		query_done(q);
}

static void
on_known(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	query_done(arg);
}

void
dns_resolve(const char *name, dns_fn *fn, void *arg)
{
	struct timeval zero = {0};
	struct query *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return;
	q->fn = fn;
	q->arg = arg;
	q->err = DNS_ERR_NOTEXIST;
	if (ipaddr_parse(name, &q->addrs[0]) == 0)
		q->n = 1;
	else if (dns.hosts != NULL)
		q->n = dns_hosts_lookup(
		    dns.hosts, dns.hostslen, name, q->addrs, DNS_ADDRS_MAX);
	if (q->n == 0 && dns.evdns != NULL && dns.nservers > 0) {
		q->pending = 1; /* held until both are asked */
		if (evdns_base_resolve_ipv4(dns.evdns, name, 0, on_answer, q) !=
		    NULL)
			q->pending++;
		if (evdns_base_resolve_ipv6(dns.evdns, name, 0, on_answer, q) !=
		    NULL)
			q->pending++;
		if (--q->pending > 0)
			return;
	}
	if (event_base_once(dns.base, -1, EV_TIMEOUT, on_known, q, &zero) == -1)
		free(q);
}

void
dns_nameservers(const struct ipaddr *ns, size_t n)
{
	char buf[IPADDR_STRLEN];
	size_t i;

	if (dns.evdns == NULL)
		return;
	evdns_base_clear_nameservers_and_suspend(dns.evdns);
	dns.nservers = 0;
	for (i = 0; i < n; i++)
		if (evdns_base_nameserver_ip_add(
			dns.evdns, ipaddr_str(&ns[i], buf)) == 0)
			dns.nservers++;
	evdns_base_resume(dns.evdns);
}

static void
on_evdns_log(int is_warning, const char *msg)
{
	if (is_warning)
		log_debug("dns: %s", msg);
}

int
dns_start(struct event_base *base, const char *hosts, const char *resolv)
{
	dns.base = base;
	evdns_set_log_fn(on_evdns_log);
	dns.evdns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (dns.evdns == NULL) {
		errno = ENOMEM;
		return -1;
	}
	/* Nameservers come from wesher-priv, which follows the file. */
	(void)evdns_base_resolv_conf_parse(
	    dns.evdns, DNS_OPTION_SEARCH | DNS_OPTION_MISC, resolv);
	return read_file(hosts, &dns.hosts, &dns.hostslen);
}

void
dns_stop(void)
{
	if (dns.evdns != NULL)
		evdns_base_free(dns.evdns, 0);
	dns.evdns = NULL;
	free(dns.hosts);
	dns.hosts = NULL;
}
