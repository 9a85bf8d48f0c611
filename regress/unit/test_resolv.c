/* The nameserver lines of resolv.conf, and the notice of a change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/resolv.h"

static size_t
parse(const char *s, struct ipaddr *out, size_t max)
{
	return resolv_parse(s, strlen(s), out, max);
}

static void
test_parse(void **state)
{
	struct ipaddr a[8];
	char buf[IPADDR_STRLEN];

	(void)state;
	assert_int_equal(parse("", a, 8), 0);
	assert_int_equal(parse("nameserver 192.0.2.1", a, 8), 1);
	assert_int_equal(parse("# nameserver 192.0.2.9\n"
			       "search example.org\n"
			       "nameserver\t192.0.2.1 trailing\r\n"
			       "nameserver 2001:db8::1\n"
			       "nameserver fe80::1%eth0\n"
			       "nameserver nonsense\n"
			       "nameserver\n"
			       "nameservers 192.0.2.8\n"
			       "nameserver    127.0.0.53\n",
			     a, 8),
	    3);
	assert_string_equal(ipaddr_str(&a[0], buf), "192.0.2.1");
	assert_string_equal(ipaddr_str(&a[1], buf), "2001:db8::1");
	assert_string_equal(ipaddr_str(&a[2], buf), "127.0.0.53");
}

static void
test_limits(void **state)
{
	struct ipaddr a[8];
	char big[8192];
	size_t i;

	(void)state;
	for (i = 0; i + 21 < sizeof(big); i += 21)
		memcpy(big + i, "nameserver 192.0.2.1\n", 21);
	assert_int_equal(resolv_parse(big, i, a, 8), 8);
	memset(big, 'x', sizeof(big)); /* one long line */
	memcpy(big, "nameserver ", 11);
	assert_int_equal(resolv_parse(big, sizeof(big), a, 8), 0);
	memset(big, 0, sizeof(big));
	assert_int_equal(resolv_parse(big, sizeof(big), a, 8), 0);
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static bool
readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* resolv.conf is a link into another folder, as resolved and others do. */
static void
test_follows_its_link(void **state)
{
	char dir[] = "/tmp/resolv.XXXXXX", etc[64], run[64], file[64], tmp[64],
	     link[80];
	struct ipaddr a[8];
	size_t n = 9;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(etc, sizeof(etc), "%s/etc", dir);
	snprintf(run, sizeof(run), "%s/run", dir);
	snprintf(file, sizeof(file), "%s/run/stub.conf", dir);
	snprintf(tmp, sizeof(tmp), "%s/run/stub.tmp", dir);
	snprintf(link, sizeof(link), "%s/resolv.conf", etc);
	assert_int_equal(mkdir(etc, 0755), 0);
	assert_int_equal(mkdir(run, 0755), 0);
	write_file(file, "nameserver 192.0.2.1\n");
	assert_int_equal(symlink("../run/stub.conf", link), 0);
	assert_true((fd = resolv_open(etc)) >= 0);
	resolv_get(a, 8, &n);
	assert_int_equal(n, 1);
	assert_false(readable(fd));
	write_file(tmp, "nameserver 192.0.2.1\nnameserver 192.0.2.2\n");
	assert_int_equal(rename(tmp, file), 0);
	assert_true(readable(fd));
	resolv_drain();
	assert_false(readable(fd));
	resolv_get(a, 8, &n);
	assert_int_equal(n, 2);
	assert_int_equal(unlink(file), 0);
	assert_true(readable(fd));
	resolv_get(a, 8, &n);
	assert_int_equal(n, 0);
	unlink(link);
	rmdir(etc);
	rmdir(run);
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_follows_its_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
