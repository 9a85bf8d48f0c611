/*
 * What a host's programs take for the time, in seconds since 1970. (The VM's
 * date(1) loads no library, so regress/preload cannot shift it.)
 */
#include <stdio.h>
#include <time.h>

int
main(void)
{
	return printf("%lld\n", (long long)time(NULL)) > 0 ? 0 : 1;
}
