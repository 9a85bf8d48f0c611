/*
 * The operator's command: wesher status, the daemon's answer as a table. Names
 * and reasons in it were chosen by other hosts (which hold the cluster key, but
 * not our terminal), so every string is escaped; a field that is missing or of
 * another type reads as "-". Runs unprivileged when it was started by root.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <jansson.h>

#include "answer.h"
#include "status.h"

#define NCOL	  8
#define CELL	  1100 /* 255 hostile bytes, each four characters */
#define COL_NAME  0
#define COL_STATE 1
#define COL_END	  3 /* the endpoint, or why there is no tunnel */

static const char *const heads[NCOL] = {
    "NAME", "STATE", "OVERLAY", "ENDPOINT", "SEEN", "RX", "TX", "RTT"};
/* What is longer stands out of its column and widens nobody else's. */
static const size_t widest[NCOL] = {24, 8, 39, 47, 6, 6, 6, 6};

struct row {
	char cell[NCOL][CELL];
	char note[CELL]; /* behind it; "": none */
	bool whole; /* the endpoint's cell takes the rest of the line */
	bool lacks; /* it should have a tunnel and has none */
};

static bool colours;

const char *
status_age(long long s, char *buf, size_t buflen)
{
	if (s < 0)
		s = 0;
	if (s < 120)
		snprintf(buf, buflen, "%llds ago", s);
	else if (s < 120 * 60)
		snprintf(buf, buflen, "%lldm ago", s / 60);
	else if (s < 48 * 3600)
		snprintf(buf, buflen, "%lldh ago", s / 3600);
	else
		snprintf(buf, buflen, "%lldd ago", s / 86400);
	return buf;
}

/* The same for a column: "12s", "3m", "5h", "2d". */
static const char *
short_age(long long s, char *buf, size_t buflen)
{
	status_age(s, buf, buflen);
	buf[strcspn(buf, " ")] = '\0';
	return buf;
}

/* Powers of 1,024: "0", "999", "1.2K", "34M". Returns buf. */
static const char *
bytes(long long n, char *buf, size_t buflen)
{
	static const char units[] = "KMGTPE";
	double v = n < 0 ? 0 : (double)n;
	size_t i;

	if (v < 1000) {
		snprintf(buf, buflen, "%.0f", v);
		return buf;
	}
	for (i = 0, v /= 1024; v >= 999.5 && i + 2 < sizeof(units); i++)
		v /= 1024;
	snprintf(buf, buflen, v < 9.95 ? "%.1f%c" : "%.0f%c", v, units[i]);
	return buf;
}

/* Milliseconds: "0.4ms", "12ms", "1.5s". Returns buf. */
static const char *
round_trip(const json_t *ms, char *buf, size_t buflen)
{
	double v = json_number_value(ms);

	if (!json_is_number(ms))
		strlcpy(buf, "-", buflen);
	else if (v < 999.5)
		snprintf(buf, buflen, v < 9.95 ? "%.1fms" : "%.0fms", v);
	else
		snprintf(buf, buflen, "%.1fs", v / 1000);
	return buf;
}

static void
make_counters(const json_t *m, struct row *r)
{
	const json_t *age = json_object_get(m, "handshake");
	size_t i = COL_END + 1;

	if (json_is_integer(age))
		short_age(json_integer_value(age), r->cell[i++], CELL);
	else
		strlcpy(r->cell[i++], "never", CELL);
	bytes(answer_number(m, "rx"), r->cell[i++], CELL);
	bytes(answer_number(m, "tx"), r->cell[i++], CELL);
	round_trip(json_object_get(m, "rtt"), r->cell[i], CELL);
}

static void
make_row(const json_t *doc, const json_t *m, struct row *r)
{
	const char *self = json_string_value(json_object_get(doc, "name"));
	bool local = self != NULL && answer_is(m, "name", self);
	bool why = json_is_string(json_object_get(m, "why"));
	char buf[CELL];
	size_t i = 0;

	memset(r, 0, sizeof(*r));
	answer_text(m, "name", r->cell[i++], CELL);
	answer_text(m, "state", r->cell[i++], CELL);
	answer_text(m, "overlay", r->cell[i++], CELL);
	if (local) {
		r->whole = true;
		snprintf(r->cell[i], CELL, "%s (this host)",
		    answer_text(m, "addr", buf, sizeof(buf)));
	} else if (why) {
		r->whole = true;
		r->lacks = answer_is(m, "state", "alive");
		snprintf(r->cell[i], CELL, "no tunnel: %s",
		    answer_text(m, "why", buf, sizeof(buf)));
	} else {
		answer_text(m, "endpoint", r->cell[i], CELL);
		make_counters(m, r);
		if (json_string_length(json_object_get(m, "note")) > 0)
			answer_text(m, "note", r->note, CELL);
	}
}

/* Of a state, or of what it lacks. */
static const char *
colour(const struct row *r, size_t col)
{
	const char *state = r->cell[COL_STATE];

	if (!colours || (col != COL_STATE && !(col == COL_END && r->lacks)))
		return "";
	if (col == COL_END || strcmp(state, "suspect") == 0)
		return "\033[33m";
	if (strcmp(state, "alive") == 0)
		return "\033[32m";
	if (strcmp(state, "failed") == 0)
		return "\033[31m";
	return strcmp(state, "left") == 0 ? "\033[2m" : "";
}

static void
print_row(FILE *out, const struct row *r, const size_t w[NCOL])
{
	const char *on;
	size_t i, n;

	for (i = 0; i < NCOL; i++) {
		on = colour(r, i);
		fprintf(out, "%s%s%s", on, r->cell[i],
		    on[0] != '\0' ? "\033[0m" : "");
		if (i == NCOL - 1 || (i == COL_END && r->whole))
			break;
		for (n = status_width(r->cell[i]); n < w[i]; n++)
			fputc(' ', out);
		fputs("  ", out);
	}
	fprintf(out, "%s%s\n", r->note[0] != '\0' ? "  " : "", r->note);
}

static void
print_heads(FILE *out, const size_t w[NCOL])
{
	struct row r = {.note = ""};
	size_t i;

	for (i = 0; i < NCOL; i++)
		strlcpy(r.cell[i], heads[i], CELL);
	print_row(out, &r, w);
}

/* The answer to `status`; NULL with a line in err when it is none. */
static json_t *
load(const char *json, size_t len, char *err, size_t errlen)
{
	json_t *doc = answer_load(json, len, err, errlen);

	if (doc == NULL || json_is_array(json_object_get(doc, "members")))
		return doc;
	snprintf(err, errlen,
	    "the daemon's answer lists no members: is it of another version?");
	json_decref(doc);
	return NULL;
}

/* Column widths over all rows, and the verdict. */
static int
measure(const json_t *doc, const json_t *members, size_t w[NCOL])
{
	struct row r;
	int ret = STATUS_WHOLE;
	size_t i, col, n;

	for (col = 0; col < NCOL; col++)
		w[col] = strlen(heads[col]);
	for (i = 0; i < json_array_size(members); i++) {
		make_row(doc, json_array_get(members, i), &r);
		if (r.lacks)
			ret = STATUS_PARTIAL;
		for (col = 0; col < (r.whole ? COL_END : NCOL); col++) {
			n = status_width(r.cell[col]);
			if (n > w[col] && n <= widest[col])
				w[col] = n;
		}
	}
	return ret;
}

void
status_colours(bool on)
{
	colours = on;
}

int
status_table(const char *json, size_t len, FILE *out, char *err, size_t errlen)
{
	json_t *doc = load(json, len, err, errlen);
	const json_t *members = json_object_get(doc, "members");
	size_t w[NCOL], i;
	struct row r;
	int ret;

	if (doc == NULL)
		return STATUS_NONE;
	ret = measure(doc, members, w);
	status_head(out, doc);
	print_heads(out, w);
	for (i = 0; i < json_array_size(members); i++) {
		make_row(doc, json_array_get(members, i), &r);
		print_row(out, &r, w);
	}
	json_decref(doc);
	return ret;
}

int
status_json(const char *json, size_t len, FILE *out, char *err, size_t errlen)
{
	json_t *doc = load(json, len, err, errlen);
	size_t w[NCOL];
	int ret;

	if (doc == NULL)
		return STATUS_NONE;
	ret = measure(doc, json_object_get(doc, "members"), w);
	/* ENSURE_ASCII: no control or direction character gets through. */
	json_dumpf(doc, out, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	fputc('\n', out);
	json_decref(doc);
	return ret;
}
