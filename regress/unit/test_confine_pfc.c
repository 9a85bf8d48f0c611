/*
 * The gossip process's system calls as another machine gets them: see pfc.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../wesher/confine.h"
#include "pfc.h"

/* Numbers that are easily seen in the file. */
static const struct confine usual = {.pid = 4242, .root = 1001};

static void
compare(uint32_t arch, const struct confine *c, const char *name)
{
#if defined(__x86_64__)
	assert_true(pfc_same(confine_filter(arch, c), name));
#else
	(void)arch;
	(void)c;
	print_message("# %s holds the flags of open(2) on x86_64\n", name);
	skip();
#endif
}

static void
test_aarch64(void **state)
{
	(void)state;
	compare(SCMP_ARCH_AARCH64, &usual, "wesher.aarch64");
}

static void
test_i386(void **state)
{
	(void)state;
	compare(SCMP_ARCH_X86, &usual, "wesher.i386");
}

static void
test_arm(void **state)
{
	(void)state;
	compare(SCMP_ARCH_ARM, &usual, "wesher.arm");
}

static void
test_s390x(void **state)
{
	(void)state;
	compare(SCMP_ARCH_S390X, &usual, "wesher.s390x");
}

static void
test_x86_64(void **state)
{
	(void)state;
	compare(SCMP_ARCH_X86_64, &usual, "wesher.x86_64");
}

/* What --bind-addr and --bind-iface add. */
static void
test_bound(void **state)
{
	struct confine c = usual;

	(void)state;
	c.binds = c.to_device = true;
	compare(SCMP_ARCH_AARCH64, &c, "wesher.aarch64.bound");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_aarch64),
	    cmocka_unit_test(test_i386),
	    cmocka_unit_test(test_arm),
	    cmocka_unit_test(test_s390x),
	    cmocka_unit_test(test_x86_64),
	    cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
