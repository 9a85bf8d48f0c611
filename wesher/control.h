#ifndef WESHER_CONTROL_H
#define WESHER_CONTROL_H

/*
 * The control socket, /run/wesher/<interface>.sock (SOCK_STREAM): the client
 * writes one line, the command; the daemon answers with one JSON object and
 * closes. Lines are at most 512 bytes, answers at most 16 MiB; all is over
 * within 10 s.
 *
 *   status  -> {
 *     "name", "interface", "overlay_addr", "overlay_net", "addr" (announced
 *     ip:port), "pubkey", "version", "health" (score), "queue",
 *     "sandbox" (what is in force, see confine.h and privmsg.h):
 *        {"wesher": {"uid", "chroot", "no_capabilities", "no_new_privs",
 *        "limits", "seccomp", "landlock" (its ABI, 0: none)},
 *        "wesher-priv": {"bounded", "seccomp", "landlock"}},
 *     "refused": {REASON: count, ...} (see METRICS in wesher(8)),
 *     "mesh": {"members", "alive", "suspect", "failed", "left"},
 *     "members": [{ "name", "state" ("alive", "suspect", "failed", "left"),
 *        "addr" (ip:port), "overlay" (or null), "endpoint" (in use, or null),
 *        "handshake" (age in seconds, or null), "rx", "tx",
 *        "rtt" (of probes, in ms, or null),
 *        "dialect" ("ours", "v0.3", "v0.2", "none"),
 *        "why" (why there is no tunnel, or null),
 *        "note" (what else is missing: its hosts line, TCP to it, or null)
 *        }] sorted by name }
 *   anything else -> {"error": "unknown command"}
 */
#define CONTROL_LINE_MAX   512
#define CONTROL_ANSWER_MAX (16u << 20)

/*
 * The daemon's side (control.c). Serve on the listening descriptor fd; answer
 * builds a document (malloc'ed). Before it is asked, refresh() is called, and
 * control_refreshed() or one second later the answer goes out. 0, or -1.
 */
struct event_base;
int control_start(struct event_base *base, int fd, char *(*answer)(void),
    void (*refresh)(void));
void control_refreshed(void);
void control_stop(void);

#endif
