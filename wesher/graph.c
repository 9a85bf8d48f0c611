/*
 * The operator's command: wesher status --graph. Names come from other hosts
 * and stand in quoted strings of Graphviz's language: they are escaped for a
 * terminal, then for that, so that no name ends its string or is markup there.
 */
#include <stdio.h>
#include <string.h>

#include "../common/log.h"
#include "answer.h"
#include "graph.h"
#include "status.h"

#define NAME 1100 /* 255 hostile bytes, each four characters */

static void
put_quoted(FILE *out, const char *name)
{
	fputc('"', out);
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\')
			fputc('\\', out);
		if (*name == '&') /* Graphviz knows entities, too */
			fputs("&amp;", out);
		else
			fputc(*name, out);
	}
	fputc('"', out);
}

static void
put_name(FILE *out, const json_t *s)
{
	char buf[NAME];

	put_quoted(out, log_vis(buf, sizeof(buf), json_string_value(s),
			    json_string_length(s)));
}

static const char *
colour(const json_t *m)
{
	if (answer_is(m, "state", "alive"))
		return "black";
	if (answer_is(m, "state", "suspect"))
		return "orange";
	return answer_is(m, "state", "failed") ? "red" : "gray";
}

static void
put_member(FILE *out, const json_t *self, const json_t *m)
{
	const json_t *name = json_object_get(m, "name");
	const json_t *age = json_object_get(m, "handshake");

	if (!json_is_string(name))
		return;
	fputs("\t", out);
	put_name(out, name);
	fprintf(out, " [color=%s]\n", colour(m));
	if (!json_is_true(json_object_get(m, "fresh")))
		return;
	fputs("\t", out);
	put_name(out, self);
	fputs(" -> ", out);
	put_name(out, name);
	fprintf(out, " [dir=both, label=\"%llds\"]\n",
	    (long long)json_integer_value(age));
}

static void
put_report(FILE *out, const json_t *r)
{
	const json_t *from = json_object_get(r, "from");
	const json_t *alive = json_object_get(r, "alive"), *to;
	size_t i;

	if (!json_is_string(from))
		return;
	json_array_foreach(alive, i, to)
	{
		if (!json_is_string(to) || json_equal(from, to))
			continue;
		fputs("\t", out);
		put_name(out, from);
		fputs(" -> ", out);
		put_name(out, to);
		fputs(" [style=dashed]\n", out);
	}
}

int
graph_dot(const char *json, size_t len, FILE *out, char *err, size_t errlen)
{
	json_t *doc = answer_load(json, len, err, errlen);
	const json_t *self = json_object_get(doc, "name");
	const json_t *members = json_object_get(doc, "members");
	const json_t *reports = json_object_get(doc, "reports"), *each;
	size_t i;

	if (doc == NULL)
		return STATUS_NONE;
	if (!json_is_string(self) || !json_is_array(members)) {
		snprintf(err, errlen,
		    "the daemon's answer is no graph: is it of another "
		    "version?");
		json_decref(doc);
		return STATUS_NONE;
	}
	fputs("// solid: a handshake of less than three minutes ago; dashed: "
	      "reports it alive\ndigraph wesher {\n\tnode [shape=box]\n\t",
	    out);
	put_name(out, self);
	fputs(" [style=bold]\n", out);
	json_array_foreach(members, i, each) put_member(out, self, each);
	json_array_foreach(reports, i, each) put_report(out, each);
	fputs("}\n", out);
	json_decref(doc);
	return STATUS_WHOLE;
}
