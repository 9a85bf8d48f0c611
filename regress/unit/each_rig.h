/*
 * A rig of its own for each test of a program, `r`: its teardown, and a setup for
 * those that want it as it comes.
 */
#ifndef EACH_RIG_H
#define EACH_RIG_H

#include "rig.h"

static struct rig *r;

static inline int
setup_rig(void **state)
{
	(void)state;
	r = rig_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rig_free(r);
	return 0;
}

#endif
