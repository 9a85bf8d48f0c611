/*
 * Events of the mesh: to the log, and to one follower (control.c). In the
 * gossip process. Names and reasons come from other hosts: whoever prints them
 * escapes them (log.h does).
 */
#include <stddef.h>

#include "event.h"

static void (*follower)(const struct event_news *, void *);
static void *follower_arg;

static const char *const names[EVENT_KINDS] = {
    [EVENT_JOINED] = "joined",
    [EVENT_UPDATED] = "updated",
    [EVENT_FAILED] = "failed",
    [EVENT_LEFT] = "left",
    [EVENT_CONFLICT] = "conflict",
    [EVENT_REFUSED] = "refused",
    [EVENT_TUNNEL_UP] = "tunnel-up",
    [EVENT_TUNNEL_STALE] = "tunnel-stale",
};

const char *
event_name(enum event_kind kind)
{
	return names[kind];
}

static void
line(const struct event_news *ev)
{
	switch (ev->level) {
	case LOG_L_ERROR:
		log_errorx("%s", ev->text);
		break;
	case LOG_L_WARN:
		log_warnx("%s", ev->text);
		break;
	case LOG_L_INFO:
		log_info("%s", ev->text);
		break;
	default:
		log_debug("%s", ev->text);
	}
}

void
event_say(const struct event_news *ev)
{
	if (!ev->unlogged)
		line(ev);
	if (follower != NULL)
		follower(ev, follower_arg);
}

void
event_follow(void (*fn)(const struct event_news *ev, void *arg), void *arg)
{
	follower = fn;
	follower_arg = arg;
}
