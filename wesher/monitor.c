/*
 * The operator's command: wesher monitor. The daemon's events as they happen.
 * The gossip process may be taken over, and texts hold other hosts' names: a
 * line is bounded, an event is looked at before it is passed on, and all of it
 * is escaped. Runs unprivileged when it was started by root.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../common/log.h"
#include "answer.h"
#include "ask.h"
#include "client.h"
#include "commands.h"
#include "event.h"
#include "monitor.h"

#define LINE	16384 /* bytes of one event */
#define TEXT	4096 /* one string of it, escaped */
#define PATIENT (CLIENT_TIMEOUT * 1000) /* ms, for the first line */

struct lines {
	char buf[LINE];
	size_t len;
	bool any; /* one has come */
};

static void
put_time(FILE *out, const json_t *ev)
{
	double at = json_number_value(json_object_get(ev, "time"));
	char buf[16] = "--:--:--";
	time_t t = at > 0 && at < 1e11 ? (time_t)at : 0;
	struct tm tm;

	if (t != 0 && localtime_r(&t, &tm) != NULL)
		strftime(buf, sizeof(buf), "%H:%M:%S", &tm);
	fputs(buf, out);
}

/* The reason, when the sentence does not say it. */
static void
put_why(FILE *out, const json_t *ev, const char *said)
{
	char why[TEXT];

	if (!json_is_string(json_object_get(ev, "why")))
		return;
	answer_text(ev, "why", why, sizeof(why));
	if (strstr(said, why) == NULL)
		fprintf(out, ": %s", why);
}

static void
put_event(FILE *out, const json_t *ev)
{
	char a[TEXT], b[TEXT];

	put_time(out, ev);
	fprintf(out, "  %-12s  ", answer_text(ev, "event", a, sizeof(a)));
	if (answer_is(ev, "event", "hello")) {
		fprintf(out, "%s on %s", answer_text(ev, "name", a, sizeof(a)),
		    answer_text(ev, "interface", b, sizeof(b)));
		fprintf(out, ", wesher %s",
		    answer_text(ev, "version", a, sizeof(a)));
	} else if (answer_is(ev, "event", "missed")) {
		fprintf(out, "%lld events: too slow for these",
		    answer_number(ev, "count"));
	} else {
		fputs(answer_text(ev, "text", a, sizeof(a)), out);
		put_why(out, ev, a);
	}
	fputc('\n', out);
}

int
monitor_line(const char *line, size_t len, bool json, FILE *out, char *err,
    size_t errlen)
{
	json_t *ev = answer_load(line, len, err, errlen);

	if (ev == NULL)
		return -1;
	if (!json_is_string(json_object_get(ev, "event"))) {
		snprintf(err, errlen,
		    "the daemon's line is no event: is it of another version?");
		json_decref(ev);
		return -1;
	}
	if (json) {
		json_dumpf(ev, out,
		    JSON_COMPACT | JSON_ENSURE_ASCII | EVENT_JSON_FLAGS);
		fputc('\n', out);
	} else
		put_event(out, ev);
	json_decref(ev);
	return 0;
}

/* Something to read, or nobody who would read us; -1: with errno. */
static int
wait_for(int fd, FILE *out, bool patient)
{
	struct pollfd pfd[2] = {
	    {.fd = fd, .events = POLLIN}, {.fd = fileno(out), .events = 0}};
	int n;

	do
		n = poll(pfd, 2, patient ? -1 : PATIENT);
	while (n == -1 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	if (n <= 0)
		return -1;
	return pfd[1].revents & (POLLERR | POLLHUP) ? 0 : 1;
}

/* All that have come whole. -1: with err. */
static int
take_lines(struct lines *l, bool json, FILE *out, char *err, size_t errlen)
{
	char *end;
	size_t n;

	while ((end = memchr(l->buf, '\n', l->len)) != NULL) {
		n = (size_t)(end - l->buf);
		if (monitor_line(l->buf, n, json, out, err, errlen) == -1)
			return -1;
		l->any = true;
		l->len -= n + 1;
		memmove(l->buf, end + 1, l->len);
	}
	if (l->len < LINE)
		return 0;
	snprintf(err, errlen,
	    "the daemon's line is longer than any event: is it of another "
	    "version?");
	return -1;
}

int
monitor(int fd, bool json, FILE *out, char *err, size_t errlen)
{
	struct lines l = {.len = 0};
	ssize_t n;
	int r;

	for (;;) {
		if ((r = wait_for(fd, out, l.any)) == 0)
			return MONITOR_DONE;
		n = r == -1 ? -1 : read(fd, l.buf + l.len, LINE - l.len);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0) {
			snprintf(err, errlen,
			    n == 0 ? "wesher has ended"
				   : "no answer from wesher: %s",
			    strerror(errno));
			return MONITOR_NONE;
		}
		l.len += (size_t)n;
		if (take_lines(&l, json, out, err, errlen) == -1)
			return l.any ? MONITOR_NONE : MONITOR_REFUSED;
		if (fflush(out) != EOF)
			continue;
		if (errno == EPIPE)
			return MONITOR_DONE;
		snprintf(err, errlen, "standard output: %s", strerror(errno));
		return MONITOR_NONE;
	}
}

/* All that was read has been written, or is being written just now. */
static void
on_interrupt(int sig)
{
	(void)sig;
	if (isatty(STDOUT_FILENO) == 1) /* the prompt goes below the ^C */
		(void)!write(STDOUT_FILENO, "\n", 1);
	_exit(MONITOR_DONE);
}

void
monitor_signals(void)
{
	struct sigaction sa;

	signal(SIGPIPE, SIG_IGN);
	if (sigaction(SIGINT, NULL, &sa) == 0 && sa.sa_handler != SIG_IGN)
		signal(SIGINT, on_interrupt);
}

int
monitor_main(const struct conf *c, const struct options *o)
{
	char err[OPT_LINE];
	int fd = ask_connect(c, o), ret;

	if (fd == -1)
		return MONITOR_NONE;
	monitor_signals();
	if (client_send(fd, "monitor", CLIENT_TIMEOUT) == -1) {
		log_error("no answer from wesher");
		close(fd);
		return MONITOR_NONE;
	}
	ret = monitor(fd, o->json, stdout, err, sizeof(err));
	if (ret != MONITOR_DONE)
		log_errorx("%s", err);
	close(fd);
	return ret;
}
