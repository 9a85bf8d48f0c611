/*
 * The operator's command: wesher status, what stands above the table: this
 * host, what it refused, its sandbox, the mesh in numbers. Strings were chosen
 * by other hosts and are escaped; a field that is missing is left out, or reads
 * as "-" or 0. Lines are broken where a terminal of 80 columns ends.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../common/log.h"
#include "answer.h"
#include "status.h"

#define CELL 1100 /* 255 hostile bytes, each four characters */
#define LINE 80 /* columns */

size_t
status_width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* Words behind others, on the next line when they do not fit; col is where the
 * line is. */
static void __attribute__((format(printf, 3, 4)))
add(FILE *out, size_t *col, const char *fmt, ...)
{
	char words[CELL];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	/* One column for the comma that may follow. */
	if (*col + 2 + status_width(words) < LINE) {
		fputs(", ", out);
		*col += 2;
	} else {
		fputs(",\n  ", out);
		*col = 2;
	}
	fputs(words, out);
	*col += status_width(words);
}

static void
layer(FILE *out, size_t *col, const json_t *box, const char *key,
    const char *words)
{
	const json_t *v = json_object_get(box, key);

	if (v != NULL)
		add(out, col, "%s%s", json_is_true(v) ? "" : "NO ", words);
}

/* The layers of a sandbox; what is missing stands out. */
static void
sandbox(FILE *out, const json_t *box, const char *who, const char *user)
{
	long long abi = answer_number(box, "landlock");
	size_t col;

	if (!json_is_object(box))
		return;
	col = (size_t)fprintf(out, "sandbox of %s: %s", who, user);
	layer(out, &col, box, "chroot", "chroot");
	layer(out, &col, box, "no_capabilities", "capabilities dropped");
	layer(out, &col, box, "bounded", "capabilities locked");
	layer(out, &col, box, "no_new_privs", "no_new_privs");
	layer(out, &col, box, "limits", "limits");
	layer(out, &col, box, "seccomp", "seccomp");
	if (abi > 0)
		add(out, &col, "Landlock ABI %lld", abi);
	else
		add(out, &col, "NO Landlock");
	fputc('\n', out);
}

static void
sandboxes(FILE *out, const json_t *all)
{
	const json_t *gossip = json_object_get(all, "wesher");
	char user[32];

	snprintf(user, sizeof(user), "uid %lld", answer_number(gossip, "uid"));
	sandbox(out, gossip, "wesher", user);
	sandbox(
	    out, json_object_get(all, "wesher-priv"), "wesher-priv", "root");
}

static void
whoami(FILE *out, const json_t *doc)
{
	const json_t *uptime = json_object_get(doc, "uptime");
	char buf[CELL];

	fputs(answer_text(doc, "name", buf, sizeof(buf)), out);
	fprintf(
	    out, " is %s", answer_text(doc, "overlay_addr", buf, sizeof(buf)));
	fprintf(
	    out, " in %s", answer_text(doc, "overlay_net", buf, sizeof(buf)));
	fprintf(out, " on %s", answer_text(doc, "interface", buf, sizeof(buf)));
	if (json_is_integer(uptime)) {
		status_age(json_integer_value(uptime), buf, sizeof(buf));
		fprintf(out, ", up %.*s", (int)strcspn(buf, " "), buf);
	}
	fprintf(out, "\nannounced as %s",
	    answer_text(doc, "addr", buf, sizeof(buf)));
	fprintf(out, ", health %lld%s, queue %lld\n",
	    answer_number(doc, "health"),
	    answer_number(doc, "health") == 0 ? " (good)" : "",
	    answer_number(doc, "queue"));
}

static void
conflict(FILE *out, const json_t *other)
{
	char buf[CELL], age[32];

	if (!json_is_object(other))
		return;
	fprintf(out,
	    "CONFLICT: another host, heard of from %s %s, uses our name: "
	    "change one with hostname(1)\n",
	    answer_text(other, "addr", buf, sizeof(buf)),
	    status_age(answer_number(other, "age"), age, sizeof(age)));
}

/* What was not taken from the network, if anything. */
static void
refused(FILE *out, json_t *by_reason)
{
	char name[CELL / 4];
	const char *reason;
	json_t *n;
	size_t col = 0;

	json_object_foreach(by_reason, reason, n)
	{
		if (json_integer_value(n) <= 0)
			continue;
		log_vis(name, sizeof(name), reason, strlen(reason));
		if (col == 0)
			col = (size_t)fprintf(out, "refused: %lld %s",
			    (long long)json_integer_value(n), name);
		else
			add(out, &col, "%lld %s",
			    (long long)json_integer_value(n), name);
	}
	if (col != 0)
		fputc('\n', out);
}

void
status_head(FILE *out, const json_t *doc)
{
	const json_t *mesh = json_object_get(doc, "mesh");

	whoami(out, doc);
	conflict(out, json_object_get(doc, "conflict"));
	refused(out, json_object_get(doc, "refused"));
	sandboxes(out, json_object_get(doc, "sandbox"));
	fprintf(out,
	    "%lld members: %lld alive, %lld suspect, %lld failed, "
	    "%lld left\n\n",
	    answer_number(mesh, "members"), answer_number(mesh, "alive"),
	    answer_number(mesh, "suspect"), answer_number(mesh, "failed"),
	    answer_number(mesh, "left"));
}
