/*
 * Command lines and environments: the operator's, and wesher-priv's, which the
 * input may be too. What the operator's command accepts, wesher-priv accepts
 * and reads as the same; no complaint is longer than its buffer, and after
 * options_wipe no key is left in either vector.
 */
#include <fcntl.h>
#include <unistd.h>

#include "../../common/check.h"
#include "../../wesher/launch.h"
#include "../../wesher/options.h"
#include "fuzz.h"

#define WORDS 24

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int null = open("/dev/null", O_RDWR);

	(void)argc;
	(void)argv;
	/* A key file called "-" is standard input. */
	return null == -1 || dup2(null, 0) == -1;
}

/* Words that end with a NUL or a line's end. A key file lies nowhere. */
static size_t
split(struct fz *f, char **v, size_t max)
{
	size_t n = 0, len;

	while (n < max && f->len > 0) {
		for (len = 0;
		     len < f->len && f->p[len] != 0 && f->p[len] != '\n'; len++)
			;
		v[n++] = fz_string(f->p, len);
		f->p += len < f->len ? len + 1 : len;
		f->len -= len < f->len ? len + 1 : len;
	}
	v[n] = NULL;
	return n;
}

static bool
names_a_file(char *const *v)
{
	for (; *v != NULL; v++)
		if (strstr(*v, "key-file") != NULL ||
		    strstr(*v, "KEY_FILE") != NULL)
			return true;
	return false;
}

static void
check_privargs(char *const *v)
{
	struct policy pol, back;
	struct argvec vec = {.n = 0};
	char err[320];

	memset(err, 'x', sizeof(err));
	if (privargs_decode(v, &pol, err, sizeof(err)) == -1) {
		must(memchr(err, '\0', sizeof(err)) != NULL);
		return;
	}
	must(check_ifname(pol.interface) && pol.mtu >= 576);
	must(pol.overlay.bits + 2 <= pol.overlay.ip.len * 8);
	must(privargs_encode(&pol, &vec) == 0);
	must(privargs_decode(vec.v, &back, err, sizeof(err)) == 0);
	if (!pol.remove && !pol.new_key)
		must(memcmp(&pol.overlay, &back.overlay, sizeof(pol.overlay)) ==
			 0 &&
		     strcmp(pol.user, back.user) == 0 && pol.mtu == back.mtu &&
		     pol.init == back.init &&
		     ipaddr_eq(&pol.bind_addr, &back.bind_addr) &&
		     pol.cluster_port == back.cluster_port);
	must(strcmp(pol.interface, back.interface) == 0);
}

/* What the operator asked for reaches wesher-priv. */
static void
check_launch(const struct conf *c)
{
	struct argvec vec = {.n = 0};
	struct policy pol;
	char err[320];
	uint32_t i;

	must(c->nkeys <= CONF_KEYS && c->njoin <= CONF_JOIN);
	for (i = 0; i < c->njoin; i++)
		must(c->join[i][0] != '\0' &&
		     memchr(c->join[i], '\0', CONF_JOINLEN) != NULL);
	must(launch_argv(c, 4, 5, &vec) == 0);
	must(privargs_decode(vec.v, &pol, err, sizeof(err)) == 0);
	must(strcmp(pol.interface, c->interface) == 0 && pol.mtu == c->mtu);
	must(ipaddr_eq(&pol.overlay.ip, &c->overlay.ip) &&
	     pol.overlay.bits == c->overlay.bits);
	must(pol.keep_interface == c->keep_interface && pol.conf_fd == 4);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz f = {data, size};
	char *argv[WORDS + 2], *envp[WORDS + 1], err[OPT_LINE];
	size_t nargs, nenv, i, words = fz_u8(&f) % WORDS;
	static struct options o;
	static struct conf c;
	int r;

	argv[0] = fz_string("wesher", 6);
	nargs = split(&f, argv + 1, words);
	nenv = split(&f, envp, WORDS);
	if (!names_a_file(argv) && !names_a_file(envp)) {
		check_privargs(argv);
		memset(err, 'x', sizeof(err));
		r = options_parse(
		    (int)nargs + 1, argv, envp, &c, &o, err, sizeof(err));
		if (r == -1)
			must(memchr(err, '\0', sizeof(err)) != NULL);
		else if (o.command == CMD_AGENT)
			check_launch(&c);
		must(o.nwarn <= OPT_WARN_MAX);
		options_wipe((int)nargs + 1, argv, envp);
	}
	for (i = 0; i <= nargs; i++)
		free(argv[i]);
	for (i = 0; i < nenv; i++)
		free(envp[i]);
	return 0;
}
