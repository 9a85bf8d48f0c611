/*
 * wesher: the command that people run. It checks who runs it, then options and
 * environment, and complains about the first mistake with one line before
 * anything is touched; then it becomes wesher-priv (launch.c), or does what a
 * subcommand asks. With --gossip, a first argument that wesher-priv alone
 * gives, it is the unprivileged half of the daemon (gossip.h): that role shares
 * nothing with the rest but the executable.
 */
#include <sys/mman.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "../common/log.h"
#include "commands.h"
#include "gossip.h"
#include "launch.h"
#include "options.h"
#include "../common/runas.h"

/* Static, so that one call locks and one wipes it. */
static struct conf conf;

/* Descriptors that we open must never become standard output. */
static int
standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd != -1 && fd <= STDERR_FILENO);
	if (fd == -1)
		return -1;
	close(fd);
	return 0;
}

int
need_root(const char *command)
{
	if (geteuid() == 0)
		return 0;
	log_errorx("must be run as root: try sudo wesher%s%s",
	    command[0] == '\0' ? "" : " ", command);
	return -1;
}

static int
version(void)
{
	printf("wesher " WESHER_VERSION
#ifdef SANDBOX_NO
	       " SANDBOX=no"
#endif
	       "\n");
	return fflush(stdout) == EOF;
}

static int
help(void)
{
	options_usage(stdout);
	return fflush(stdout) == EOF;
}

/* Start the daemon; returns only when that failed. */
static int
agent(const struct options *o, char **envp)
{
	struct runas as;
	char err[OPT_LINE + 512];
	unsigned i;

	if (need_root("") == -1)
		return 1;
	if (runas_find(conf.user, &as, err, sizeof(err)) == -1) {
		log_errorx("%s", err);
		return 1;
	}
	log_level_set((enum log_level)conf.log_level);
	for (i = 0; i < o->nwarn; i++)
		log_warnx("%s", o->warn[i]);
	conf.foreground = conf.debug || launch_supervised(envp, getpid());
	conf.show_key = isatty(STDOUT_FILENO) == 1;
	launch_agent(&conf, o, envp, err, sizeof(err));
	log_errorx("%s", err);
	return 1;
}

static int
dispatch(const struct options *o, char **envp)
{
	switch (o->command) {
	case CMD_STATUS:
		return status_main(&conf, o);
	case CMD_MONITOR:
		return monitor_main(&conf, o);
	case CMD_FORGET:
		return steer_main(&conf, o, "forget");
	case CMD_JOIN:
		return steer_main(&conf, o, "join");
	case CMD_LOG_LEVEL:
		return steer_main(&conf, o, "log-level");
	case CMD_KEY:
		return key_main(&conf, o, envp);
	case CMD_LEAVE:
		return leave_main(&conf, o, envp);
	case CMD_HELP:
		return help();
	case CMD_VERSION:
		return version();
	default:
		return agent(o, envp);
	}
}

int
main(int argc, char **argv)
{
	struct options o;
	char err[OPT_LINE];
	int ret;

	if (argc >= 2 && strcmp(argv[1], "--gossip") == 0)
		return gossip_main();
	log_init(LOG_D_PLAIN, LOG_L_WARN, "wesher", -1);
	if (standard_fds() == -1)
		return 1;
	if (runas_elevated())
		fatalx("runs set-user-ID or with file capabilities, which is "
		       "refused: remove them from the file and use sudo");
	if (sodium_init() == -1)
		fatalx("libsodium cannot start: is there a /dev/urandom?");
	/* Best effort: a limit on locked memory is no reason to stop. */
	mlock(&conf, sizeof(conf));
	ret = options_parse(argc, argv, environ, &conf, &o, err, sizeof(err));
	options_wipe(argc, argv, environ);
	if (ret == -1)
		log_errorx("%s", err);
	ret = ret == -1 ? 1 : dispatch(&o, environ);
	sodium_memzero(&conf, sizeof(conf));
	return ret;
}
