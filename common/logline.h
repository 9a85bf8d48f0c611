#ifndef COMMON_LOGLINE_H
#define COMMON_LOGLINE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * One line of the log, composed: the sentence and, behind "; ", its pairs. A
 * format has both, parted by a tab:
 *
 *	"%s at %s joined\tevent=joined member=%s addr=%s"
 *
 * A pair is key=CONVERSION or key=WORD. One whose string is NULL or empty is
 * left out, and so is what does not fit. A value is bare, or quoted as soon as
 * it has more than letters, digits and harmless marks. In a daemon's log an
 * "=" of anybody's text is \075, pairs behind it or none: whoever looks for
 * KEY= finds pairs alone.
 */
#define LOG_LINE     1024 /* with its NUL */
#define LOG_SENTENCE 640 /* of it at most, where pairs follow */

struct logline {
	char text[LOG_LINE]; /* escaped */
	size_t sentence; /* its length */
	/* What it is about: the strings of the sentence, numbers aside. */
	char subject[LOG_LINE];
	size_t nsubject;
};

/* err: the errno that the sentence ends with, or LOGLINE_OK. asis: what the
 * operator's command prints, where "=" stays if no pairs follow. */
#define LOGLINE_OK (-1)
void logline_make(struct logline *l, int err, bool asis, const char *fmt,
    va_list ap) __attribute__((format(printf, 4, 0)));

/* One character of the n > 0 bytes at src, escaped if it must be; without NUL.
 * Returns its length; *took is that at src. */
#define LOGVIS_MAX 8
size_t
logvis_one(char out[LOGVIS_MAX], const void *src, size_t n, size_t *took);

#endif
