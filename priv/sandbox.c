/*
 * wesher-priv: what it gives up before it hears the gossip process. Light
 * for now: capabilities and no_new_privs; the filters come on top.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <linux/capability.h>
#include <unistd.h>

#include "../common/log.h"
#include "sandbox.h"

int
sandbox_bound(uint64_t keep)
{
	int cap, have;

	for (cap = 0; cap < 64; cap++) {
		have = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
		if (have == -1)
			break; /* beyond the kernel's last one */
		if (have == 1 && !(keep & (1ull << cap)) &&
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			return -1;
	}
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

int
sandbox_caps(uint64_t caps)
{
	struct __user_cap_header_struct h = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2];
	int i;

	for (i = 0; i < 2; i++)
		d[i].permitted = d[i].effective = d[i].inheritable =
		    (uint32_t)(caps >> (32 * i));
	return (int)syscall(SYS_capset, &h, d);
}

void
sandbox_enter(void)
{
	const uint64_t caps = 1ull << CAP_NET_ADMIN | 1ull << CAP_KILL;

	if (sandbox_bound(caps) == -1 || sandbox_caps(caps) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		fatal("giving up privileges");
}
