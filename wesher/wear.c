/*
 * The wear of the cluster key, in the gossip process: a count, and a word to
 * the operator before random nonces are likely to meet. Nothing here comes
 * from the network but the number of members, which a member gone bad can
 * raise: the warning comes early then, which harms nobody.
 */
#include "../common/log.h"
#include "wear.h"

void
wear_add(struct wear *w, uint64_t n, unsigned members)
{
	unsigned level;

	if (members == 0)
		members = 1;
	w->own = n > UINT64_MAX - w->own ? UINT64_MAX : w->own + n;
	w->all = n > (UINT64_MAX - w->all) / members ? UINT64_MAX
						     : w->all + n * members;
	level = w->all >= WEAR_BOUND ? 2 : w->all >= WEAR_BOUND / 2 ? 1 : 0;
	if (level <= w->told)
		return;
	w->told = level;
	log_warnx("about %llu messages were sealed under this cluster key by "
		  "all members (%llu by us): %s 2^32, what AES-GCM with random "
		  "nonces bears; roll the key (--cluster-key OLD,NEW on all "
		  "members, then NEW,OLD; `wesher key --generate` makes one)"
		  "\tevent=key-worn",
	    (unsigned long long)w->all, (unsigned long long)w->own,
	    level == 1 ? "half of" : "that is");
}
