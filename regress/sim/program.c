/*
 * What the programs of the simulator share: options, the lines of the table,
 * and what the process used.
 */
#include <sys/resource.h>

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"

#define BUFFERS 16

static _Noreturn void
usage(const char *name)
{
	fprintf(stderr, "usage: %s [-s SEED] [short|full|long]\n", name);
	exit(2);
}

static uint64_t
parse_seed(const char *text)
{
	char *end;
	uint64_t seed;

	errno = 0;
	seed = strtoull(text, &end, 0);
	if (errno != 0 || *text == '\0' || *end != '\0')
		errx(2, "%s: not a seed", text);
	return seed;
}

void
sim_options(int argc, char **argv, struct sim_options *o)
{
	static const char *const lengths[] = {"short", "full", "long"};
	int ch;
	unsigned i;

	o->seed = 5;
	o->length = SIM_SHORT;
	while ((ch = getopt(argc, argv, "s:")) != -1) {
		if (ch != 's')
			usage(argv[0]);
		o->seed = parse_seed(optarg);
	}
	if (optind < argc) {
		for (i = 0; i < 3 && strcmp(argv[optind], lengths[i]) != 0; i++)
			;
		if (i == 3 || optind + 1 != argc)
			usage(argv[0]);
		o->length = (enum sim_length)i;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	fprintf(stderr, "# %s: -s %llu %s\n", argv[0],
	    (unsigned long long)o->seed, lengths[o->length]);
}

void
sim_row(const char *experiment, const char *parameters, const char *reference,
    const char *ours, const char *mark, int reached)
{
	printf("%s\t%s\t%s\t%s\t%s\t%s\n", experiment, parameters, reference,
	    ours, mark,
	    reached == SIM_TOLD ? "-"
	    : reached		? "yes"
				: "no");
}

const char *
sim_fmt(const char *fmt, ...)
{
	static char buf[BUFFERS][256];
	static unsigned next;
	char *b = buf[next++ % BUFFERS];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(b, sizeof(buf[0]), fmt, ap);
	va_end(ap);
	return b;
}

double
sim_cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

size_t
sim_rss(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (size_t)u.ru_maxrss * 1024;
}

_Noreturn void
sim_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}
