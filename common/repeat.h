#ifndef COMMON_REPEAT_H
#define COMMON_REPEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Lines of the log that come again. The first passes; for a minute those like
 * it are counted; then the last of them passes with the count. Alike are lines
 * of one place in the source about one subject. Memory is fixed: who makes up
 * subjects has lines of the same place forgotten, so that these may come again,
 * but never hides a line that is not like one that just passed.
 */
#define REPEAT_LINES 64
#define REPEAT_SITE  16 /* of one place, when all are taken */
#define REPEAT_TIME  60000 /* ms */
#define REPEAT_TEXT  320 /* what is kept of a line */

struct repeat_line {
	uint8_t key[8];
	const void *site; /* NULL: free */
	int64_t at, last; /* it passed; one like it came */
	unsigned held; /* back since then */
	int level;
};

struct repeat {
	uint8_t secret[16];
	struct repeat_line line[REPEAT_LINES];
	uint64_t held; /* ever */
	/* The last one held back of each: no page of it is touched before. */
	char text[REPEAT_LINES][REPEAT_TEXT];
};

/* A line that would be logged, or not. now: monotonic ms. */
struct repeat_news {
	int64_t now;
	const void *site;
	const char *subject;
	size_t nsubject;
	int level;
	const char *text;
	size_t sentence; /* so much of it is worth more than the rest */
};

/* The last of some alike, held of them, in so many seconds. */
typedef void repeat_say(
    int level, const char *text, unsigned held, int64_t seconds, int64_t ago);

/* Afresh, with a secret of its own, so that nobody finds two lines that look
 * alike here and are not. */
void repeat_init(struct repeat *r);
/* May it pass? say is called for one that makes room, if it has to. */
bool
repeat_may(struct repeat *r, const struct repeat_news *news, repeat_say *say);
/* Those whose minute is over. */
void repeat_tick(struct repeat *r, int64_t now, repeat_say *say);

#endif
