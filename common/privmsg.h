#ifndef COMMON_PRIVMSG_H
#define COMMON_PRIVMSG_H

#include <stdint.h>

#include "check.h"

/*
 * The boundary: one SOCK_SEQPACKET record is one of these structs, whole.
 * Integers are in native order (both ends are one machine), every byte called
 * pad or reserved is zero, and the exact size is part of the check.
 * design.md section 2.
 */
#define PRIV_VERSION 4

enum priv_type {
	/* to wesher-priv */
	PRIV_READY = 1,
	PRIV_SELF,
	PRIV_PEER_SET,
	PRIV_PEER_DEL,
	PRIV_SYNC,
	PRIV_ALIVE,
	PRIV_STATS,
	PRIV_TYPE_MAX_TO_PRIV = PRIV_STATS,
	/* to the child */
	PRIV_HELLO = 65,
	PRIV_NET,
	PRIV_RESULT,
	PRIV_STAT,
	PRIV_LEAVE,
	PRIV_STOP
};

struct priv_hdr {
	uint16_t type;
	uint16_t pad;
	uint32_t seq; /* chosen by the asker, returned in RESULT */
};

struct priv_ip {
	uint8_t len; /* 0, 4, 16 */
	uint8_t pad[3];
	uint8_t b[16]; /* bytes beyond len are zero */
};

struct priv_ep {
	struct priv_ip ip;
	uint16_t port;
	uint16_t pad;
};

/* READY, SYNC, STATS, LEAVE, STOP: the header alone. */
struct priv_bare {
	struct priv_hdr h;
};

struct priv_self {
	struct priv_hdr h;
	uint8_t attempt;
	uint8_t pad[3];
};

#define PRIV_PEER_HOSTS 0x01 /* a hosts line is wanted */
#define PRIV_PEER_PLAIN 0x02 /* a member without X: the original's function */
#define PRIV_PEER_FLAGS 0x03

struct priv_peer_set {
	struct priv_hdr h;
	uint8_t namelen;
	uint8_t attempt; /* 0 with PRIV_PEER_PLAIN */
	uint8_t flags;
	uint8_t pad;
	char name[256]; /* namelen bytes, the rest zero */
	struct priv_ip addr; /* static address; all zero: derived */
	uint8_t key[WG_KEY_LEN];
	/* the key this one replaces, or zero; the same key: end its session */
	uint8_t oldkey[WG_KEY_LEN];
	struct priv_ep endpoint;
};

struct priv_peer_del {
	struct priv_hdr h;
	uint8_t key[WG_KEY_LEN];
};

struct priv_alive {
	struct priv_hdr h;
	uint32_t members, alive, failed;
};

#define PRIV_HELLO_USERSPACE 0x01 /* the interface is not the kernel's */

struct priv_hello {
	struct priv_hdr h;
	uint32_t version;
	uint32_t ifindex;
	uint32_t mtu;
	uint32_t adopted; /* that many STAT follow */
	uint8_t key[WG_KEY_LEN]; /* our WireGuard public key */
	uint16_t wgport;
	uint8_t flags;
	uint8_t namelen; /* our name: the kernel's host name */
	char name[256];
};

#define PRIV_NET_ADDRS 32
#define PRIV_NET_DNS   8

/* What wesher-priv itself runs under, beside user and capabilities. */
enum {
	PRIV_BOX_SECCOMP = 0x01,
	PRIV_BOX_LANDLOCK = 0x02,
	PRIV_BOX_BOUND = 0x04 /* bounding set and securebits are locked, too */
};

struct priv_net {
	struct priv_hdr h;
	uint16_t naddr; /* own addresses, loopback and our interface left out */
	uint16_t ndns;
	uint32_t ifindex; /* of our interface: it may have been made again */
	uint8_t box; /* PRIV_BOX_* */
	uint8_t landlock; /* the ABI, 0 without PRIV_BOX_LANDLOCK */
	uint16_t pad;
	struct priv_ip addr[PRIV_NET_ADDRS];
	struct priv_ip def4, def6; /* source address of the default route */
	struct priv_ip dns[PRIV_NET_DNS];
};

struct priv_result {
	struct priv_hdr h; /* seq of the request */
	uint16_t request; /* its type */
	uint16_t pad;
	int32_t error; /* 0 or an errno */
	uint8_t key[WG_KEY_LEN]; /* PEER_SET, PEER_DEL: the peer */
	struct priv_ip addr; /* SELF, PEER_SET: the derived address */
};

#define PRIV_STAT_ADOPTED 0x01 /* found at start, not yet set by the child */
#define PRIV_STAT_LAST	  0x02 /* ends an answer to STATS; zero key: no peer */

struct priv_stat {
	struct priv_hdr h; /* seq of the STATS, 0 for adoption */
	uint8_t key[WG_KEY_LEN];
	struct priv_ep endpoint;
	struct priv_ip addr; /* its allowed IP, len 0 when it has none */
	uint32_t flags; /* here, so that no machine pads */
	int64_t handshake; /* seconds since 1970, 0 = never */
	uint64_t rx, tx; /* bytes */
};

union priv_msg {
	struct priv_hdr h;
	struct priv_bare bare;
	struct priv_self self;
	struct priv_peer_set peer_set;
	struct priv_peer_del peer_del;
	struct priv_alive alive;
	struct priv_hello hello;
	struct priv_net net;
	struct priv_result result;
	struct priv_stat stat;
};

/* Descriptors of the gossip process, design.md section 1. */
enum priv_fd {
	PRIV_FD_BOUNDARY = 3,
	PRIV_FD_CONF,
	PRIV_FD_UDP,
	PRIV_FD_TCP,
	PRIV_FD_CONTROL,
	PRIV_FD_METRICS, /* /dev/null when not in use */
	PRIV_FD_LOG,
	PRIV_FD_OLDSTATE, /* the original's state file, or /dev/null */
	PRIV_FD_NEXT
};

/* Seconds; both sides keep to them. ALIVE comes at least so often. */
#define PRIV_ALIVE_INTERVAL 10
#define PRIV_SILENCE_MAX    30
#define PRIV_LEAVE_MAX	    10

/* Conversions. from_: false when len or trailing bytes are wrong. */
void priv_ip_to(struct priv_ip *out, const struct ipaddr *in);
bool priv_ip_from(struct ipaddr *out, const struct priv_ip *in);
void priv_ep_to(struct priv_ep *out, const struct ipport *in);
bool priv_ep_from(struct ipport *out, const struct priv_ep *in);

/* "PEER_SET" etc., "?" for an unknown type. */
const char *priv_type_name(unsigned type);
/* The exact size of a record of that type, 0 for an unknown type. */
size_t priv_type_size(unsigned type);
/*
 * A request to wesher-priv, its size already right: are all reserved bytes
 * zero and the addresses in form? Its meaning is not judged.
 */
bool priv_sane(const union priv_msg *m);
/*
 * The error of a RESULT in words, for logs and `wesher status`: "another key
 * holds the address"; strerror(3) for what the kernel says. By wesher-priv's
 * policy:
 *
 *  EINVAL         the name is no member name
 *  EPERM          a static address, and --allow-static was not given
 *  EADDRNOTAVAIL  the address is no host address of the overlay network
 *  EEXIST         the address is our own overlay address
 *  EADDRINUSE     another key holds the address
 *  ESTALE         the key to be replaced is another name's
 *  EAGAIN         the address changed hands less than 180 s ago
 *  ENOTUNIQ       local address, gateway, nameserver or endpoint in use
 *  EXDEV          the address is on-link on another interface
 *  EKEYREJECTED   the key is zero, ours or no Curve25519 key
 *  EDESTADDRREQ   the endpoint is no unicast address with a port
 *  ELOOP          the endpoint is an overlay address in use, or is routed
 *                 through wesher-priv's own interface
 *  ENOSPC         too many peers
 *  EBUSY          too many changes a second, or a STATS is under way
 *  ENOENT         PEER_DEL of an unknown key
 *  ENOMEM         wesher-priv has no memory left
 */
const char *priv_reason(int error);

#endif
