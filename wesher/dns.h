#ifndef WESHER_DNS_H
#define WESHER_DNS_H

#include <stddef.h>
#include <stdint.h>

#include "../common/addr.h"

/*
 * Names of --join to addresses: literals, the hosts file as it was at the
 * start (without any lines that wesher manages: they name overlay addresses),
 * then DNS for A and AAAA. Asynchronous; no NSS.
 */
struct event_base;

#define DNS_ADDRS_MAX 64

/* n addresses, 0 when the name does not resolve; why is then a clause. */
typedef void
dns_fn(void *arg, const struct ipaddr *addrs, size_t n, const char *why);

/*
 * Before the sandbox: read the hosts file and, of resolv.conf, the search
 * list and options. A missing file is as an empty one. 0, or -1 (errno).
 */
int dns_start(struct event_base *base, const char *hosts, const char *resolv);
void dns_stop(void);

/* Use these nameservers from now on (NET message). */
void dns_nameservers(const struct ipaddr *ns, size_t n);

/* Resolve; fn is called once, never from within this call. No call comes when
 * memory is short, and none before there is a nameserver: do not wait for
 * ever. */
void dns_resolve(const char *name, dns_fn *fn, void *arg);

/* Pure: the addresses that text gives to name (case-insensitive), managed
 * lines left out; returns how many were written, at most max. */
size_t dns_hosts_lookup(const char *text, size_t len, const char *name,
    struct ipaddr *out, size_t max);

#endif
