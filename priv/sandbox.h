#ifndef PRIV_SANDBOX_H
#define PRIV_SANDBOX_H

/*
 * wesher-priv gives up what it needs no longer: from here on it neither forks
 * nor executes, opens no socket, and no file but in /etc (and resolv.conf).
 * Ends the process when that fails.
 */
void sandbox_enter(void);

#endif
