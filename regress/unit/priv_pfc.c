/*
 * wesher-priv's system calls as another machine gets them: the programs,
 * in readable form, as it was reviewed. The gossip
 * process's is compared in the same way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../priv/sandbox.h"
#include "pfc.h"

/* Numbers that are easily seen in the file. */
static const struct sandbox box = {.child = 4242,
    .etc = 1001,
    .resolv = 1002,
    .resolv_to = 1003,
    .syslog = 1004,
    .uapi = 1005};

static void
compare(uint32_t arch, const char *name)
{
#if defined(__x86_64__)
	assert_true(pfc_same(sandbox_filter(arch, &box), name));
#else
	(void)arch;
	print_message("# %s holds the flags of open(2) on x86_64\n", name);
	skip();
#endif
}

static void
test_aarch64(void **state)
{
	(void)state;
	compare(SCMP_ARCH_AARCH64, "wesher-priv.aarch64");
}

static void
test_i386(void **state)
{
	(void)state;
	compare(SCMP_ARCH_X86, "wesher-priv.i386");
}

static void
test_arm(void **state)
{
	(void)state;
	compare(SCMP_ARCH_ARM, "wesher-priv.arm");
}

static void
test_s390x(void **state)
{
	(void)state;
	compare(SCMP_ARCH_S390X, "wesher-priv.s390x");
}

static void
test_x86_64(void **state)
{
	(void)state;
	compare(SCMP_ARCH_X86_64, "wesher-priv.x86_64");
}

/* With less to do, less is allowed. */
static void
test_without_files(void **state)
{
	struct sandbox s = box;

	(void)state;
	s.etc = s.resolv = s.syslog = s.uapi = -1;
#if defined(__x86_64__)
	assert_true(pfc_same(sandbox_filter(SCMP_ARCH_AARCH64, &s),
	    "wesher-priv.aarch64.least"));
#else
	skip();
#endif
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
	    cmocka_unit_test(test_without_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
