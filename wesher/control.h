#ifndef WESHER_CONTROL_H
#define WESHER_CONTROL_H

/*
 * The control socket, /run/wesher/<interface>.sock (SOCK_STREAM): the client
 * writes one line, the command; the daemon answers with one JSON object and
 * closes. Lines are at most 512 bytes, answers at most 16 MiB; all is over
 * within 10 s, but for `monitor`.
 *
 * Who may connect looks: root, and the group `wesher` where there is one
 * (kernel/sockets.h). Root alone steers: what counts is the uid that the
 * kernel noted at connect(2), so a client may give up its privilege before it
 * reads. Everybody else is told {"error": "only root may ..."}.
 *
 *   status  -> {
 *     "name", "interface", "overlay_addr", "overlay_net", "addr" (announced
 *     ip:port), "pubkey", "version", "uptime" (s), "attempt" (which address of
 *     those that its name derives), "health" (score), "queue",
 *     "sandbox" (what is in force, see confine.h and privmsg.h):
 *        {"wesher": {"uid", "chroot", "no_capabilities", "no_new_privs",
 *        "limits", "seccomp", "landlock" (its ABI, 0: none)},
 *        "wesher-priv": {"bounded", "seccomp", "landlock"}},
 *     "refused": {REASON: count, ...} (see METRICS in wesher(8)),
 *     "mesh": {"members", "alive", "suspect", "failed", "left"},
 *     "members": [{ "name", "state" ("alive", "suspect", "failed", "left"),
 *        "since" (s in that state),
 *        "addr" (ip:port), "overlay" (or null), "endpoint" (in use, or null),
 *        "handshake" (age in seconds, or null), "rx", "tx",
 *        "rtt" (of probes, in ms, or null),
 *        "dialect" ("ours", "v0.3", "v0.2", "none"),
 *        "why" (why there is no tunnel, or null),
 *        "note" (what else is missing: its hosts line, TCP to it, or null)
 *        }] sorted by name }
 *   graph   -> {
 *     "name",
 *     "members": [{"name", "state", "handshake" (age in s, or null), "fresh"
 *        (younger than a session lives)}],
 *     "reports": [{"from", "age" (s), "alive": [name, ...]}] }
 *     Whom others listed as alive in their last push/pull with us: of 64 of
 *     them, about 256 members at most.
 *   monitor -> objects, one a line, until the client closes its end; 8 such
 *     clients at most, and two more of root's. Who reads nothing for 30 s is
 *     let go.
 *     {"event": "hello", "time", "name", "interface", "version"} comes first,
 *     {"event" (event_name()), "time" (s since 1970, with ms), "member",
 *        "addr" (ip:port), "overlay", "text", "why" (each may be null, but
 *        "text")} each time that something happens,
 *     {"event": "missed", "count"} where the client was too slow for so many.
 *   forget NAME, join HOST[:PORT], log-level LEVEL (root)
 *           -> {"ok": what happens now} or {"error": why not}, sentences.
 *     forget: a member that failed or left, its place in the state too.
 *     join: as --join HOST[:PORT], until the next start. log-level: of the
 *     gossip process, until the next start.
 *   anything else -> {"error": "unknown command"}
 */
#define CONTROL_LINE_MAX   512
#define CONTROL_ANSWER_MAX (16u << 20)

#include <stdbool.h>
#include <stddef.h>

#define CONTROL_WORDS 512 /* room for a sentence */

/* The daemon's side (control.c): what it is asked for. */
struct control_ops {
	/* Documents, malloc'ed; NULL: no memory. */
	char *(*status)(void);
	char *(*graph)(void);
	char *(*hello)(void); /* the first line of `monitor` */
	/* Status and graph want young counters: control_refreshed() follows, or
	 * they go out after a second without. */
	void (*refresh)(void);
	/* True, and what happens now, or false, and why not, as a sentence in
	 * words (CONTROL_WORDS). */
	bool (*forget)(const char *name, char *words);
	bool (*join)(const char *where, char *words);
	bool (*log_level)(const char *level, char *words);
	/* Somebody follows now, or nobody does any more. */
	void (*followed)(bool yes);
};

struct event_base;
/* Serve on the listening descriptor fd; ops stay the caller's. 0, or -1. */
int
control_start(struct event_base *base, int fd, const struct control_ops *ops);
void control_refreshed(void);
/* One line, without its end, for all that follow. */
void control_tell(const char *line);
void control_stop(void);

#endif
