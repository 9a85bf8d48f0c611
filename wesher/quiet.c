/*
 * Fewer lines in the log, in the gossip process. What is counted here was
 * caused by members, one of which may have gone bad: a full disk, or a line
 * that matters lost among a million, would be its gain.
 */
#include "../common/clock.h"
#include "../common/log.h"
#include "quiet.h"

#define QUIET_TELL (60 * US_PER_S) /* the log does not repeat itself sooner */

void
quiet_init(struct quiet *q, const char *what, bool warn, unsigned burst)
{
	*q = (struct quiet){.what = what, .warn = warn};
	q->bucket.rate = QUIET_RATE;
	q->bucket.burst = burst;
}

void
quiet_flush(struct quiet *q, int64_t now)
{
	if (q->held == 0 || (q->told != 0 && now - q->told < QUIET_TELL) ||
	    !bucket_take(&q->bucket, now / 1000))
		return;
	q->told = now;
	(q->warn ? log_warnx : log_info)(
	    "%lu more %s were held back\tevent=held lines=%lu", q->held,
	    q->what, q->held);
	q->held = 0;
}

bool
quiet_may(struct quiet *q, int64_t now)
{
	quiet_flush(q, now);
	if (bucket_take(&q->bucket, now / 1000))
		return true;
	q->held++;
	log_hold();
	return false;
}
