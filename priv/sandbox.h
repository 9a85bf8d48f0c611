#ifndef PRIV_SANDBOX_H
#define PRIV_SANDBOX_H

#include <stdint.h>

/* Capabilities as a bit mask. 0, or -1 (errno). */
/* Nothing but keep may ever be gained again (needs CAP_SETPCAP). */
int sandbox_bound(uint64_t keep);
/* Permitted, effective and inheritable become exactly caps. */
int sandbox_caps(uint64_t caps);

/*
 * wesher-priv gives up what it needs no longer: from here on it neither forks
 * nor executes, opens no socket, and no file but in /etc (and resolv.conf).
 * Ends the process when that fails.
 */
void sandbox_enter(void);

#endif
