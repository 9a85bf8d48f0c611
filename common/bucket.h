#ifndef COMMON_BUCKET_H
#define COMMON_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* A token bucket: rate per second, at most burst at once; now in ms. */
struct bucket {
	int64_t rate, burst, millis /* thousandths of a token */, at;
};

static inline bool
bucket_take(struct bucket *b, int64_t now)
{
	if (b->at == 0 || b->millis + (now - b->at) * b->rate > b->burst * 1000)
		b->millis = b->burst * 1000;
	else
		b->millis += (now - b->at) * b->rate;
	b->at = now;
	if (b->millis < 1000)
		return false;
	b->millis -= 1000;
	return true;
}

#endif
