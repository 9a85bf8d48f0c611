#ifndef REGRESS_PFC_H
#define REGRESS_PFC_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/filter.h"

/*
 * A filter's program in libseccomp's readable form (PFC), compared with the
 * file that was read and committed: regress/vectors/filters/NAME.pfc. So what
 * another architecture gets is seen here, and no call enters a list unseen.
 * WESHER_PFC_WRITE=1 in the environment writes the file anew.
 */

static inline char *
pfc_text(int fd)
{
	off_t len = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)len + 1);

	if (text == NULL || pread(fd, text, (size_t)len, 0) != len)
		abort();
	return text;
}

/* Does f's program look like NAME's file? Says where it differs. f is freed. */
static inline bool
pfc_same(struct filter *f, const char *name)
{
	const bool renew = getenv("WESHER_PFC_WRITE") != NULL;
	const char *dir = getenv("WESHER_VECTORS");
	char path[512], *got, *want, *a, *b, *ra, *rb;
	FILE *tmp = tmpfile();
	int fd;
	bool same = false;

	snprintf(path, sizeof(path), "%s/filters/%s.pfc",
	    dir != NULL && *dir != '\0' ? dir : "regress/vectors", name);
	if (f == NULL || tmp == NULL || filter_pfc(f, fileno(tmp)) != 0) {
		printf("# %s: no program\n", name);
		return false;
	}
	filter_free(f);
	got = pfc_text(fileno(tmp));
	fclose(tmp);
	fd = open(path, renew ? O_RDWR | O_CREAT | O_TRUNC : O_RDONLY, 0644);
	if (fd == -1) {
		printf("# %s cannot be read\n", path);
		free(got);
		return false;
	}
	if (renew && write(fd, got, strlen(got)) == -1)
		abort();
	want = pfc_text(fd);
	close(fd);
	ra = got;
	rb = want;
	while ((a = strsep(&ra, "\n")), (b = strsep(&rb, "\n")),
	    a != NULL && b != NULL && strcmp(a, b) == 0)
		;
	same = a == NULL && b == NULL;
	if (!same)
		printf("# %s: the program has: %s\n# the file has: %s\n", path,
		    a != NULL ? a : "no more", b != NULL ? b : "no more");
	free(got);
	free(want);
	return same;
}

#endif
