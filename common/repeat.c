/*
 * Lines of the log that come again (repeat.h). In both programs; what a line
 * is about may be anybody's words. Nothing here grows, and nothing waits for
 * anybody: a line passes or is counted.
 */
#include <string.h>

#include <sodium.h>

#include "repeat.h"

void
repeat_init(struct repeat *r)
{
	memset(r->line, 0, sizeof(r->line));
	r->held = 0;
	randombytes_buf(r->secret, sizeof(r->secret));
}

static void
keep(char text[REPEAT_TEXT], const struct repeat_news *n)
{
	/* Rather no pairs than half of them. */
	if (strlcpy(text, n->text, REPEAT_TEXT) >= REPEAT_TEXT &&
	    n->sentence < REPEAT_TEXT)
		text[n->sentence] = '\0';
}

/* It is told, or it was never held back: the minute begins anew. */
static void
tell(struct repeat *r, struct repeat_line *l, int64_t now, repeat_say *say)
{
	unsigned held = l->held;
	int64_t took = now - l->at;

	l->at = now;
	l->held = 0;
	if (held > 0)
		say(l->level, r->text[l - r->line], held, took / 1000,
		    (now - l->last) / 1000);
}

void
repeat_tick(struct repeat *r, int64_t now, repeat_say *say)
{
	struct repeat_line *l;

	for (l = r->line; l < r->line + REPEAT_LINES; l++) {
		if (l->site == NULL || now - l->at < REPEAT_TIME)
			continue;
		if (l->held > 0)
			tell(r, l, now, say);
		else
			l->site = NULL;
	}
}

/* The place with the most lines gives the oldest of its own, unless it has few:
 * then any may. */
static struct repeat_line *
victim(struct repeat *r, const void *site)
{
	struct repeat_line *l, *own = NULL, *oldest = NULL;
	unsigned n = 0;

	for (l = r->line; l < r->line + REPEAT_LINES; l++) {
		if (l->site == NULL)
			return l;
		if (oldest == NULL || l->at < oldest->at)
			oldest = l;
		if (l->site != site)
			continue;
		n++;
		if (own == NULL || l->at < own->at)
			own = l;
	}
	return n >= REPEAT_SITE ? own : oldest;
}

bool
repeat_may(struct repeat *r, const struct repeat_news *n, repeat_say *say)
{
	uint8_t key[crypto_shorthash_BYTES];
	struct repeat_line *l;

	repeat_tick(r, n->now, say);
	crypto_shorthash(
	    key, (const uint8_t *)n->subject, n->nsubject, r->secret);
	for (l = r->line; l < r->line + REPEAT_LINES; l++)
		if (l->site == n->site && l->level == n->level &&
		    memcmp(l->key, key, sizeof(key)) == 0) {
			keep(r->text[l - r->line], n);
			l->last = n->now;
			l->held++;
			r->held++;
			return false;
		}
	l = victim(r, n->site);
	if (l->site != NULL)
		tell(r, l, n->now, say);
	memcpy(l->key, key, sizeof(key));
	l->site = n->site;
	l->at = l->last = n->now;
	l->held = 0;
	l->level = n->level;
	return true;
}
