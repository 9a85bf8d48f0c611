/*
 * Fewer lines in the log, in the gossip process. What is counted here was
 * caused by members, one of which may have gone bad: a full disk, or a line
 * that matters lost among a million, would be its gain.
 */
#include "../common/log.h"
#include "quiet.h"

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
	if (q->held == 0 || !bucket_take(&q->bucket, now / 1000))
		return;
	(q->warn ? log_warnx : log_info)(
	    "%lu more %s were held back", q->held, q->what);
	q->held = 0;
}

bool
quiet_may(struct quiet *q, int64_t now)
{
	quiet_flush(q, now);
	if (bucket_take(&q->bucket, now / 1000))
		return true;
	q->held++;
	return false;
}
