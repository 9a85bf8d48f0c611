/*
 * The child's end of the boundary. wesher-priv is trusted here, but a record
 * of the wrong size means that two versions met: then this process ends, and
 * so does the other one, and the tunnels stay.
 */
#include <sys/queue.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "../common/log.h"
#include "../common/seqpacket.h"
#include "privc.h"

#define RECORDS_PER_WAKE 256

struct queued {
	STAILQ_ENTRY(queued) entry;
	size_t len;
	union priv_msg m;
};
STAILQ_HEAD(queue, queued);

static struct {
	struct privc_handler h;
	struct event ev_read, ev_write;
	struct queue queue;
	uint32_t seq;
	int fd;
} pc;

static void
dispatch(const union priv_msg *m)
{
	switch (m->h.type) {
	case PRIV_HELLO:
		pc.h.hello(&m->hello);
		break;
	case PRIV_NET:
		pc.h.net(&m->net);
		break;
	case PRIV_RESULT:
		pc.h.result(&m->result);
		break;
	case PRIV_STAT:
		pc.h.stat(&m->stat);
		break;
	case PRIV_LEAVE:
		pc.h.leave();
		break;
	case PRIV_STOP:
		pc.h.stop();
		break;
	default:
		pc.h.gone("unexpected record from wesher-priv");
	}
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	union priv_msg m;
	ssize_t n;
	int i;

	(void)what;
	(void)arg;
	for (i = 0; i < RECORDS_PER_WAKE; i++) {
		n = seqpacket_recv(fd, &m, sizeof(m));
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			pc.h.gone(
			    n == 0 ? "wesher-priv has ended" : strerror(errno));
			return;
		}
		if ((size_t)n < sizeof(m.h) ||
		    (size_t)n != priv_type_size(m.h.type)) {
			pc.h.gone("record of a wrong size from wesher-priv: "
				  "do both programs have one version?");
			return;
		}
		dispatch(&m);
	}
}

static void
flush(void)
{
	struct queued *q;

	while ((q = STAILQ_FIRST(&pc.queue)) != NULL) {
		if (seqpacket_send(pc.fd, &q->m, q->len) == -1) {
			/* What is fatal shows as end of file. */
			if (errno == EAGAIN)
				event_add(&pc.ev_write, NULL);
			return;
		}
		STAILQ_REMOVE_HEAD(&pc.queue, entry);
		free(q);
	}
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	flush();
}

/* Number, queue and send a record; its size follows from its type. */
static uint32_t
request(union priv_msg *m, enum priv_type type)
{
	struct queued *q = malloc(sizeof(*q));

	if (q == NULL) {
		log_warn("request to wesher-priv");
		return 0;
	}
	if (++pc.seq == 0)
		pc.seq = 1;
	m->h = (struct priv_hdr){.type = (uint16_t)type, .seq = pc.seq};
	q->m = *m;
	q->len = priv_type_size(type);
	STAILQ_INSERT_TAIL(&pc.queue, q, entry);
	flush();
	return m->h.seq;
}

int
privc_start(struct event_base *base, int fd, const struct privc_handler *h)
{
	pc.h = *h;
	pc.fd = fd;
	STAILQ_INIT(&pc.queue);
	if (evutil_make_socket_nonblocking(fd) == -1 ||
	    event_assign(&pc.ev_read, base, fd, EV_READ | EV_PERSIST, on_read,
		NULL) == -1 ||
	    event_assign(&pc.ev_write, base, fd, EV_WRITE, on_write, NULL) ==
		-1)
		return -1;
	return event_add(&pc.ev_read, NULL);
}

uint32_t
priv_ready(void)
{
	union priv_msg m = {0};

	return request(&m, PRIV_READY);
}

uint32_t
priv_self(uint8_t attempt)
{
	union priv_msg m = {.self = {.attempt = attempt}};

	return request(&m, PRIV_SELF);
}

uint32_t
priv_peer_set(const struct priv_peer_set *p)
{
	union priv_msg m = {.peer_set = *p};

	return request(&m, PRIV_PEER_SET);
}

uint32_t
priv_peer_del(const uint8_t key[WG_KEY_LEN])
{
	union priv_msg m = {0};

	memcpy(m.peer_del.key, key, WG_KEY_LEN);
	return request(&m, PRIV_PEER_DEL);
}

uint32_t
priv_sync(void)
{
	union priv_msg m = {0};

	return request(&m, PRIV_SYNC);
}

uint32_t
priv_alive(uint32_t members, uint32_t alive, uint32_t failed)
{
	union priv_msg m = {
	    .alive = {.members = members, .alive = alive, .failed = failed}};

	return request(&m, PRIV_ALIVE);
}

uint32_t
priv_stats(void)
{
	union priv_msg m = {0};

	return request(&m, PRIV_STATS);
}
