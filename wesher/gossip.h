#ifndef WESHER_GOSSIP_H
#define WESHER_GOSSIP_H

/*
 * The gossip process: `wesher --gossip`, started by wesher-priv as _wesher
 * with the descriptors of enum priv_fd. Enters its root, drops what is left
 * of privilege, runs the mesh until told to stop. Returns the exit status:
 * 0 after LEAVE or STOP, else 1.
 */
int gossip_main(void);

#endif
