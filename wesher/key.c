/*
 * The operator's command: wesher key. The state belongs to _wesher, who may
 * have been taken over: root becomes _wesher before it looks into the state's
 * folder, so that a link planted there opens nothing but _wesher's own files.
 * WireGuard's key is wesher-priv's: for a new one root becomes that program.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "../common/log.h"
#include "commands.h"
#include "launch.h"
#include "pidlock.h"
#include "../common/runas.h"
#include "state.h"

/* Not by stdio, whose buffer would keep it. */
static int
print_key(const uint8_t key[CLUSTER_KEY_LEN])
{
	char line[sodium_base64_ENCODED_LEN(
		      CLUSTER_KEY_LEN, sodium_base64_VARIANT_ORIGINAL) +
		  1];
	size_t len;
	ssize_t n;

	sodium_bin2base64(line, sizeof(line) - 1, key, CLUSTER_KEY_LEN,
	    sodium_base64_VARIANT_ORIGINAL);
	len = strlcat(line, "\n", sizeof(line));
	n = write(STDOUT_FILENO, line, len);
	sodium_memzero(line, sizeof(line));
	if (n == (ssize_t)len)
		return 0;
	log_errorx("cannot write to standard output");
	return 1;
}

static int
generate(void)
{
	uint8_t key[CLUSTER_KEY_LEN];
	int ret;

	randombytes_buf(key, sizeof(key));
	ret = print_key(key);
	sodium_memzero(key, sizeof(key));
	return ret;
}

/* The state of that interface's mesh; the caller is _wesher by now. */
static int
print_state(const char *interface)
{
	char path[PATH_MAX], why[256] = "";
	struct state s;
	int fd, ret = 1, r;

	memset(&s, 0, sizeof(s));
	snprintf(path, sizeof(path), STATE_DIR "/%s/state.json", interface);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1) {
		log_errorx("%s: %s: has wesher been started with this "
			   "--interface and --user?",
		    path, strerror(errno));
		return 1;
	}
	r = state_load_fd(fd, &s, why, sizeof(why));
	if (r == STATE_BAD)
		log_errorx("%s: damaged (%s)", path, why);
	else if (r == STATE_IO)
		log_errorx("%s: %s", path, why);
	else if (r != STATE_OK || !s.has_key)
		log_errorx("%s: there is no key in it yet", path);
	else
		ret = print_key(s.key);
	state_clear(&s);
	close(fd);
	return ret;
}

/*
 * The key itself waits for a start: setting it would end all sessions, and the
 * others would learn of it only after that. Returns only when it failed.
 */
static int
new_wireguard(const struct conf *c, const struct options *o, char *const *envp)
{
	char path[128], err[OPT_LINE];
	int pidfd;

	snprintf(path, sizeof(path), RUN_DIR "/%s.pid", c->interface);
	if (pidlock_find(path, &pidfd) != PIDLOCK_NONE)
		log_warnx("%s: wesher is running with its present WireGuard "
			  "key: the new one takes effect at the next start",
		    c->interface);
	launch_new_key(c, o, envp, err, sizeof(err));
	log_errorx("%s", err);
	return 1;
}

int
key_main(const struct conf *c, const struct options *o, char *const *envp)
{
	struct runas as;
	char err[OPT_LINE];

	if (o->generate)
		return generate();
	if (need_root(o->new_wireguard ? "key --new-wireguard" : "key") == -1)
		return 1;
	if (o->new_wireguard)
		return new_wireguard(c, o, envp);
	if (runas_find(c->user, &as, err, sizeof(err)) == -1) {
		log_errorx("%s", err);
		return 1;
	}
	if (runas_become(&as) == -1) {
		log_error("cannot become user %s", c->user);
		return 1;
	}
	return print_state(c->interface);
}
