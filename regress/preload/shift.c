/*
 * Another time of day for the programs of one simulated host, which load this
 * by its /etc/ld.so.preload. What the time is off by is in the first byte of
 * /run/clock: '-' a day behind, '+' a year ahead. The file stays mapped, so it
 * can be changed while they run, also for those that have changed their root.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400

static const volatile char *clock_file;

static void __attribute__((constructor)) shift_init(void)
{
	int fd = open("/run/clock", O_RDONLY | O_CLOEXEC);
	void *p = MAP_FAILED;

	if (fd != -1)
		p = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		clock_file = p;
	if (fd != -1)
		close(fd);
}

static time_t
shift(void)
{
	if (clock_file == NULL)
		return 0;
	return *clock_file == '-' ? -DAY : *clock_file == '+' ? 365 * DAY : 0;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, id, ts);

	if (r == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec += shift();
	return r;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec ts;

	(void)tz;
	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return -1;
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *t)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return -1;
	if (t != NULL)
		*t = ts.tv_sec;
	return ts.tv_sec;
}
