/*
 * The main() of a harness without libFuzzer: each argument is a file, or a
 * folder of files, whose bytes are one input. So gcc's build replays seeds and
 * past crashes too. A harness that finds something ends the program, and the
 * last line names the file.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <err.h>

#include "fuzz.h"

int __attribute__((weak)) LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static unsigned done;

static void
replay(const char *path)
{
	uint8_t *buf;
	struct stat st;
	FILE *f = fopen(path, "r");

	if (f == NULL || fstat(fileno(f), &st) == -1)
		err(1, "%s", path);
	printf("%s\n", path);
	fflush(stdout);
	buf = malloc((size_t)st.st_size + 1);
	if (buf == NULL ||
	    fread(buf, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		errx(1, "%s: short", path);
	fclose(f);
	LLVMFuzzerTestOneInput(buf, (size_t)st.st_size);
	free(buf);
	done++;
}

static int
visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void
replay_folder(const char *dir)
{
	struct dirent **v;
	char path[4096];
	int i, n = scandir(dir, &v, visible, alphasort);

	if (n == -1)
		err(1, "%s", dir);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, v[i]->d_name);
		replay(path);
		free(v[i]);
	}
	free(v);
}

int
main(int argc, char **argv)
{
	struct stat st;

	LLVMFuzzerInitialize(&argc, &argv);
	for (argv++; *argv != NULL; argv++) {
		if (stat(*argv, &st) == -1)
			err(1, "%s", *argv);
		if (S_ISDIR(st.st_mode))
			replay_folder(*argv);
		else
			replay(*argv);
	}
	printf("%u inputs\n", done);
	return 0;
}
