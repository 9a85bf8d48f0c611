/*
 * The operator's command: the cluster key, from a file and out of sight. The
 * file may be anything (a pipe, a folder, a core dump, gigabytes); its text is
 * never shown and is wiped before the function returns.
 */
#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "optkey.h"
#include "opttable.h"
#include "optval.h"

/* The whole file into buf; its length, or -1 (E2BIG: it does not fit). */
static ssize_t
slurp(int fd, char *buf, size_t cap)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, buf + len, cap - len)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if ((len += (size_t)n) == cap) {
			errno = E2BIG;
			return -1;
		}
	}
	return (ssize_t)len;
}

/* Cut the line's end; -1 when more than one line stands there. */
static int
one_line(char *buf, size_t len)
{
	if (memchr(buf, '\0', len) != NULL)
		return -1;
	while (len > 0 && isspace((unsigned char)buf[len - 1]))
		len--;
	buf[len] = '\0';
	return strchr(buf, '\n') == NULL ? 0 : -1;
}

/* On -1 *why says what went wrong. */
static int
read_keys(int fd, struct conf *c, char *why, size_t whylen)
{
	char buf[1024];
	ssize_t n = slurp(fd, buf, sizeof(buf));
	int ret = -1;

	if (n == -1)
		snprintf(why, whylen, "expected a short readable file: %s",
		    strerror(errno));
	else if (one_line(buf, (size_t)n) == -1)
		strlcpy(why, "expected one line", whylen);
	else
		ret = optval_keys(buf, c, why, whylen);
	sodium_memzero(buf, sizeof(buf));
	return ret;
}

int
optkey_read(struct conf *c, struct options *o, char *err, size_t errlen)
{
	char why[160], shown[80];
	const char *file = o->key_file;
	struct stat st;
	int fd = STDIN_FILENO, ret = -1;

	optval_shown(file, shown, sizeof(shown));
	if (strcmp(file, "-") != 0)
		fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		snprintf(why, sizeof(why), "expected a readable file: %s",
		    strerror(errno));
	else
		ret = read_keys(fd, c, why, sizeof(why));
	if (ret == -1)
		snprintf(err, errlen, "--cluster-key-file %s: %s", shown, why);
	else if (fd != STDIN_FILENO && fstat(fd, &st) == 0 &&
		 (st.st_mode & S_IROTH) && o->nwarn < OPT_WARN_MAX)
		snprintf(o->warn[o->nwarn++], OPT_LINE,
		    "--cluster-key-file %s: everybody can read it; chmod go-r",
		    shown);
	if (fd != STDIN_FILENO && fd != -1)
		close(fd);
	return ret;
}

void
options_wipe(int argc, char **argv, char **envp)
{
	size_t n;
	int i;

	for (i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) != 0)
			continue;
		n = strcspn(argv[i] + 2, "=");
		if (opt_find(argv[i] + 2, n) != O_CLUSTER_KEY)
			continue;
		if (argv[i][2 + n] == '=')
			sodium_memzero(
			    argv[i] + 3 + n, strlen(argv[i] + 3 + n));
		else if (i + 1 < argc)
			sodium_memzero(argv[i + 1], strlen(argv[i + 1]));
	}
	for (i = 0; envp != NULL && envp[i] != NULL; i++) {
		n = strcspn(envp[i], "=");
		if (strncmp(envp[i], ENV_PREFIX, sizeof(ENV_PREFIX) - 1) == 0 &&
		    envp[i][n] == '=' &&
		    opt_find_env(envp[i], n) == O_CLUSTER_KEY)
			sodium_memzero(
			    envp[i] + n + 1, strlen(envp[i] + n + 1));
	}
}
