#ifndef PRIV_DISPATCH_H
#define PRIV_DISPATCH_H

#include "apply.h"
#include "../common/bucket.h"
#include "hosts.h"
#include "policy.h"

/* What the child may ask depends on these; the names are the log's. */
enum priv_state { PS_START, PS_READY, PS_UP, PS_LEAVING };

#define OUTQ_MAX       4352
#define DISPATCH_ROUND 256 /* records taken in one go */

struct wgkey;

/* wesher-priv while it serves; env.now and env.wall are the caller's. */
struct priv {
	struct policy_env env;
	enum priv_state state;
	int boundary;
	struct wgkey *wgkey;
	char name[NAME_MAX_LEN + 1]; /* the kernel's host name */
	struct batch batch;
	struct bucket changes;
	bool synced;
	uint64_t refused;
	struct priv_alive alive; /* what the child said last */

	/* towards the child */
	union priv_msg out[OUTQ_MAX];
	size_t outhead, nout;
	bool adopting, stats; /* an answer in STATs is under way */
	uint32_t stats_seq;
	uint8_t stats_at[WG_KEY_LEN]; /* the next key to tell of */
	struct priv_net net; /* as sent last */

	/* when something is due, ms; 0: not */
	int64_t heard, sent, dumped, repair_at, net_at, hosts_at;
	bool hosts_failed;
	struct hosts *hosts; /* NULL: --no-etc-hosts */
};

/* Queue HELLO and the STAT of each adopted peer. */
void dispatch_hello(struct priv *p);
/* Take what the child has sent. 0, or -1 (logged): the child must die. */
int dispatch_read(struct priv *p);
/* One record of n bytes; exported for tests. Answers follow apply_flush(). */
int dispatch_one(struct priv *p, const union priv_msg *m, size_t n);
/* Send what is queued, as far as the child reads. 0, or -1: it is gone. */
int dispatch_write(struct priv *p);
/* What to poll the boundary for. */
bool dispatch_wants_read(const struct priv *p);
bool dispatch_wants_write(const struct priv *p);
/* Queue one record; it is never lost. */
void dispatch_put(struct priv *p, const void *rec);
/* LEAVE or STOP: nothing is answered from now on. */
void dispatch_end(struct priv *p, enum priv_type how);

#endif
