/*
 * Events of the mesh: to the log, and to one follower (control.c). In the
 * gossip process. Names and reasons come from other hosts: whoever prints them
 * escapes them (log.h does).
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "event.h"

#define TEXT 768 /* room for a sentence with a member's name */

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

/* One place for all: alike are those with the same sentence. What it says
 * already is not said again. */
#define LINE "%s\tevent=%s member=%s addr=%s overlay=%s why=%s"

static void
line(const struct event_news *ev)
{
	static void (*const logs[])(const char *, ...) = {
	    log_errorx, log_warnx, log_info, log_debug};
	char addr[IPPORT_STRLEN] = "", overlay[IPADDR_STRLEN] = "";
	const char *why = ev->why;

	if (ev->addr.ip.len != 0)
		(void)ipport_str(&ev->addr, addr);
	if (ev->overlay.len != 0)
		(void)ipaddr_str(&ev->overlay, overlay);
	if (why == NULL || strstr(ev->text, why) != NULL)
		why = "";
	logs[ev->level](LINE, ev->text, names[ev->kind],
	    ev->member != NULL ? ev->member : "", addr, overlay, why);
}

bool
event_heard(const struct event_news *ev)
{
	return (!ev->unlogged && ev->level <= log_level_get()) ||
	       follower != NULL;
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
event_sayf(struct event_news *ev, const char *fmt, ...)
{
	char text[TEXT];
	va_list ap;

	if (!event_heard(ev))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ev->text = text;
	event_say(ev);
	ev->text = NULL;
}

void
event_follow(void (*fn)(const struct event_news *ev, void *arg), void *arg)
{
	follower = fn;
	follower_arg = arg;
}
