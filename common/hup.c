/*
 * wesher-priv's answer to SIGHUP: what a restart would find. Options are read
 * once, by a start, and a restart is the way to have them read again; what is
 * told here is whether there is a reason for one, and what it costs. Of the
 * files no byte is read: stat(2) is all that the sandbox leaves, and enough.
 * What a supervisor would start, nobody but itself can tell.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"
#include "privargs.h"

/* Another file, or none, or its text may be another. */
struct mark {
	bool there;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec when;
};

static struct found {
	char path[256];
	bool anew; /* others must learn of it before there are tunnels again */
	struct mark mark;
} found[8];
static unsigned nfound, key;
static bool keeps, forgets;

static struct mark
look(const char *path)
{
	struct mark m;
	struct stat st;

	memset(&m, 0, sizeof(m));
	/* Of this form in the sandbox: priv/sandbox.c. */
	if (fstatat(AT_FDCWD, path, &st, AT_EMPTY_PATH) == -1)
		return m;
	m.there = true;
	m.dev = st.st_dev;
	m.ino = st.st_ino;
	m.size = st.st_size;
	m.when = st.st_mtim;
	return m;
}

static bool
same(const struct mark *a, const struct mark *b)
{
	return a->there == b->there && a->dev == b->dev && a->ino == b->ino &&
	       a->size == b->size && a->when.tv_sec == b->when.tv_sec &&
	       a->when.tv_nsec == b->when.tv_nsec;
}

static void __attribute__((format(printf, 2, 3)))
watch(bool anew, const char *fmt, ...)
{
	struct found *f = &found[nfound];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(f->path, sizeof(f->path), fmt, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof(f->path))
		return;
	f->anew = anew;
	f->mark = look(f->path);
	nfound++;
}

/* The file that a link of /proc leads to. */
static void
watch_program(const char *link)
{
	char path[256];
	ssize_t n = readlink(link, path, sizeof(path) - 1);

	if (n <= 0)
		return;
	path[n] = '\0';
	watch(false, "%s", path);
}

void
hup_prepare(const struct policy *pol)
{
	char link[32];

	keeps = pol->keep_interface;
	forgets = pol->init;
	nfound = 0;
	watch_program("/proc/self/exe");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", pol->gossip_fd);
	watch_program(link);
	/* Where the units and the services have their options. */
	watch(false, "%s/default/wesher", pol->etcdir);
	watch(false, "%s/wesher/%s.env", pol->etcdir, pol->interface);
	watch(false, "%s/conf.d/wesher", pol->etcdir);
	watch(true, "%s/hostname", pol->etcdir);
	key = nfound;
	watch(true, "%s/%s.key", pol->keydir, pol->interface);
}

void
hup_ready(void)
{
	if (nfound > 0)
		found[key].mark = look(found[key].path);
}

void
daemon_hup(void)
{
	char list[1024] = "";
	bool anew = forgets;
	unsigned i;

	for (i = 0; i < nfound; i++) {
		struct mark now = look(found[i].path);

		if (same(&now, &found[i].mark))
			continue;
		if (list[0] != '\0')
			strlcat(list, ", ", sizeof(list));
		strlcat(list, found[i].path, sizeof(list));
		anew |= found[i].anew;
	}
	log_warnx("SIGHUP: options change with a restart: %s%s%s; it %s"
		  "\tevent=sighup changed=%s restart=%s",
	    list[0] == '\0' ? "all is as it was at the start"
			    : "changed since the start: ",
	    list, forgets ? "; --init would forget the state and the keys" : "",
	    !keeps ? "takes the tunnels down (not with --keep-interface)"
	    : anew ? "ends the tunnels until the others know us anew"
		   : "costs no packet",
	    list,
	    !keeps ? "down"
	    : anew ? "anew"
		   : "free");
}
