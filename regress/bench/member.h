#ifndef BENCH_MEMBER_H
#define BENCH_MEMBER_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "../../common/conf.h"

/*
 * Members of ours for the benchmark: the real gossip process, started as
 * wesher-priv starts it (its sockets, its user, its sandbox and filter), with a
 * stub in the place of wesher-priv that says yes to everything. One process
 * serves any number of them. Needs root; errors end the program.
 */
#define MEMBER_MAX 4096 /* members of one mesh */

struct member_stub {
	struct conf conf; /* what its process was told */
	char name[32];
	unsigned index; /* its place in the mesh: which key it has */
	int boundary; /* our end, for poll(2) */
	pid_t pid;
	bool ready; /* its process said so */
	unsigned npeers; /* tunnels that it wants now */
	uint8_t peer[MEMBER_MAX / 8]; /* to these, by index */
};

/* Options of one that is bound to addr and joins through join (NULL: nobody);
 * key is one character, 32 times. */
void member_conf(
    struct conf *conf, const struct ipaddr *addr, char key, const char *join);
/*
 * Start m, whose conf, name and index are set, with dir (made) as its state
 * folder, from the open executable exe. Its log goes to the descriptor log.
 */
void member_start(struct member_stub *m, int exe, const char *dir, int log);
/* Answer what it has asked by now. 0, or -1 when it has ended. */
int member_serve(struct member_stub *m);

#endif
