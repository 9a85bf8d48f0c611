/*
 * members: make a process know many members. It plays a member that knows N of
 * them, itself the first, and pushes them all in one push/pull: the process
 * that is measured, gossip.c's or peer/packets.go's, merges them as it would
 * those of a real mesh, from the same bytes. None of them answers, now or later.
 *
 *	members N		push; the answer is read, and not looked at
 *	members N known		push nobody: the answer has to list N and itself
 *
 * The addresses are those of part/members, in a namespace of its own.
 */
#include <signal.h>

#include "../../common/conf.h"

#define TARGET 0xac140001u /* 172.20.0.1 */
#define SENDER \
	0xac140002u /* 172.20.0.2, and the members up to 172.20.255.255 */

/* As in gossip.c and peer/packets.go. */
static const uint8_t key[1][CLUSTER_KEY_LEN] = {
    "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"};

#include "exchange.h"

int
main(int argc, char **argv)
{
	struct block state;
	unsigned n;

	if (argc < 2 || argc > 3 || (n = (unsigned)atoi(argv[1])) == 0 ||
	    n > 16000)
		errx(1, "usage: members N [known]");
	signal(SIGPIPE, SIG_IGN);
	seal = seal_make();
	state = state_make(argc == 3 ? 0 : n);
	exchange(&state, argc == 3 ? n + 1 : 0);
	return 0;
}
