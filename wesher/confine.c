/*
 * Confinement of the gossip process: what it checks about itself, and the
 * last privilege it gives up. A failure here is fatal: it must not read one
 * byte of the network with more rights than it needs.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "../common/caps.h"
#include "../common/log.h"
#include "../common/privmsg.h"
#include "confine.h"

void
confine_check(void)
{
	uid_t r, e, s;
	gid_t gr, ge, gs;
	uint64_t caps;
	struct ucred peer;
	struct rlimit none = {0, 0};
	socklen_t len = sizeof(peer);

	/* First of all: other meshes' processes have the same uid. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		fatal("PR_SET_DUMPABLE");
	if (setrlimit(RLIMIT_CORE, &none) == -1)
		fatal("RLIMIT_CORE");
	if (getresuid(&r, &e, &s) == -1 || getresgid(&gr, &ge, &gs) == -1)
		fatal("getresuid");
	if (r == 0 || e == 0 || s == 0 || ge == 0 || r != e || gr != ge)
		fatalx("--gossip is started by wesher-priv as an unprivileged "
		       "user, never by hand or as root");
	if (caps_get(&caps) == -1)
		fatal("capget");
	if (caps != CAP_BIT(CAP_SYS_CHROOT))
		fatalx("expected CAP_SYS_CHROOT alone, have capabilities %llx",
		    (unsigned long long)caps);
	/* execve cleared it, and the parent may have died meanwhile. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		fatal("PR_SET_PDEATHSIG");
	if (getsockopt(
		PRIV_FD_BOUNDARY, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1 ||
	    peer.pid != getppid())
		fatalx("wesher-priv is not our parent, or has ended");
}

void
confine_enter(void)
{
	uint64_t caps;

	if (chroot(".") == -1)
		fatal("cannot enter the state directory as root");
	if (caps_no_ambient() == -1 || caps_set(0) == -1)
		fatal("cannot drop the capabilities");
	if (chdir("/") == -1)
		fatal("chdir");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("PR_SET_NO_NEW_PRIVS");
	if (caps_get(&caps) == -1)
		fatal("capget");
	if (caps != 0)
		fatalx("capabilities are left: %llx", (unsigned long long)caps);
}
