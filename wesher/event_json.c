/*
 * An event as a line for those who follow over the control socket. In the
 * gossip process; names and reasons come from other hosts, and leave by
 * jsontext().
 */
#include "event.h"
#include "jsontext.h"

char *
event_json(const struct event_news *ev, int64_t ms)
{
	char at[IPPORT_STRLEN], overlay[IPADDR_STRLEN];
	json_t *doc = json_pack("{s:s, s:f, s:o, s:s?, s:s?, s:o, s:o}",
	    "event", event_name(ev->kind), "time", (double)ms / 1000, "member",
	    jsontext_or_null(ev->member), "addr",
	    ev->addr.ip.len == 0 ? NULL : ipport_str(&ev->addr, at), "overlay",
	    ev->overlay.len == 0 ? NULL : ipaddr_str(&ev->overlay, overlay),
	    "text", jsontext(ev->text), "why", jsontext_or_null(ev->why));
	char *line = NULL;

	if (doc != NULL)
		line = json_dumps(doc, EVENT_JSON_FLAGS);
	json_decref(doc);
	return line;
}
