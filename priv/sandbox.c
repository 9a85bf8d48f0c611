/*
 * wesher-priv: what it gives up before it hears the gossip process. Light
 * for now: capabilities and no_new_privs; the filters come on top.
 */
#include <sys/prctl.h>

#include "../common/caps.h"
#include "../common/log.h"
#include "setup.h"

void
sandbox_enter(void)
{
	const uint64_t caps = CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_KILL);

	if (caps_bound(caps) == -1 || caps_set(caps) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		fatal("giving up privileges");
}
