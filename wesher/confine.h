#ifndef WESHER_CONFINE_H
#define WESHER_CONFINE_H

/*
 * The gossip process's way into its root (design.md section 1). The deep
 * sandbox (seccomp, Landlock) joins here.
 */

/*
 * Forbid dumps (before a key is read), then refuse to run with more than
 * wesher-priv gives: not as root, no set-user-ID, CAP_SYS_CHROOT at most.
 * Renews PDEATHSIG and checks the parent. fatal()s.
 */
void confine_check(void);

/*
 * Enter the current directory as root, drop the last capability, forbid new
 * privileges. fatal()s on any failure. Nothing of the state or the
 * network may be read before.
 */
void confine_enter(void);

#endif
