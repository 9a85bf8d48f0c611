/*
 * Capabilities, by the system calls: used by wesher-priv for itself and for
 * its child, and by the gossip process for its last one. Whoever calls must
 * end the process when one of these fails.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <linux/securebits.h>

#include <stdbool.h>
#include <unistd.h>

#include "caps.h"

static struct __user_cap_header_struct head = {
    .version = _LINUX_CAPABILITY_VERSION_3};

int
caps_get(uint64_t *permitted)
{
	struct __user_cap_data_struct d[2] = {0};

	if (syscall(SYS_capget, &head, d) == -1)
		return -1;
	*permitted = (uint64_t)d[1].permitted << 32 | d[0].permitted;
	return 0;
}

int
caps_set(uint64_t caps)
{
	struct __user_cap_data_struct d[2];
	int i;

	for (i = 0; i < 2; i++)
		d[i].permitted = d[i].effective = d[i].inheritable =
		    (uint32_t)(caps >> (32 * i));
	return (int)syscall(SYS_capset, &head, d);
}

static bool
may_setpcap(void)
{
	uint64_t have = 0;

	return caps_get(&have) == 0 && (have & CAP_BIT(CAP_SETPCAP));
}

int
caps_bound(uint64_t keep)
{
	int cap, have;

	if (!may_setpcap())
		return caps_no_ambient() == -1 ? -1 : 1;
	for (cap = 0; cap < 64; cap++) {
		have = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
		if (have == -1)
			break; /* beyond the kernel's last one */
		if (have == 1 && !(keep & CAP_BIT(cap)) &&
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			return -1;
	}
	return caps_no_ambient();
}

int
caps_lock(void)
{
	const unsigned long lock =
	    SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
	    SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
	    SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

	if (!may_setpcap())
		return 1;
	return prctl(PR_SET_SECUREBITS, lock, 0, 0, 0);
}

int
caps_no_ambient(void)
{
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}
