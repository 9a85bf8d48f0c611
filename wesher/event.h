#ifndef WESHER_EVENT_H
#define WESHER_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "../common/addr.h"
#include "../common/log.h"

/*
 * What happens in the mesh, said once and heard twice: as a line of the log, a
 * sentence with key=value behind it, and by those who follow (`wesher
 * monitor`). No libevent, no clock.
 */
enum event_kind {
	EVENT_JOINED,
	EVENT_UPDATED, /* other metadata or another address */
	EVENT_FAILED,
	EVENT_LEFT,
	EVENT_CONFLICT, /* of a name or an overlay address */
	EVENT_REFUSED, /* a tunnel, a member or a message; why is set */
	EVENT_TUNNEL_UP, /* the first handshake of a tunnel, or one anew */
	EVENT_TUNNEL_STALE, /* had a handshake, none lately, though alive */
	EVENT_KINDS
};

/* Strings may be hostile: they are escaped where they leave. */
struct event_news {
	enum event_kind kind;
	enum log_level level;
	const char *member; /* NULL: none in particular */
	struct ipport addr; /* of the member; ip.len 0: not known */
	struct ipaddr overlay; /* len 0: not known */
	const char *text; /* a plain sentence, without key=value */
	const char *why; /* NULL: no reason is needed */
	bool unlogged; /* the log has had enough of those */
};

/* "joined", "updated", ... "tunnel-up", "tunnel-stale". */
const char *event_name(enum event_kind kind);

/* Will anybody hear of it? If not, what it tells need not be looked up. */
bool event_heard(const struct event_news *ev);
/* Log it, at its level and unless it is unlogged, and tell who follows. */
void event_say(const struct event_news *ev);
/* The same of a sentence that is composed here. */
void event_sayf(struct event_news *ev, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* From now on fn hears of each one; one follower in all, NULL: none. */
void
event_follow(void (*fn)(const struct event_news *ev, void *arg), void *arg);

/*
 * For a client: {"event", "time", "member", "addr", "overlay", "text", "why"},
 * one line, malloc'ed; of that time in ms since 1970. NULL: no memory.
 */
#define EVENT_JSON_FLAGS JSON_REAL_PRECISION(13) /* s with ms */
char *event_json(const struct event_news *ev, int64_t ms);

#endif
