/*
 * The gossip process's end of the boundary: what it asks stands in the records
 * as the struct says, a full socket is waited for, and nonsense from the other
 * end is the end.
 */
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include <event2/event.h>

#include "../../common/seqpacket.h"
#include "../../wesher/privc.h"

static struct {
	struct event_base *base;
	int sv[2]; /* ours, wesher-priv's */
	unsigned hello, net, result, stat, leave, stop, gone;
	uint32_t seq;
} w;

static void
on_hello(const struct priv_hello *m)
{
	(void)m;
	w.hello++;
}

static void
on_net(const struct priv_net *m)
{
	(void)m;
	w.net++;
}

static void
on_result(const struct priv_result *m)
{
	w.result++;
	w.seq = m->h.seq;
}

static void
on_stat(const struct priv_stat *m)
{
	(void)m;
	w.stat++;
}

static void
on_leave(void)
{
	w.leave++;
}

static void
on_stop(void)
{
	w.stop++;
}

static void
on_gone(const char *why)
{
	assert_non_null(why);
	w.gone++;
}

static int
setup(void **state)
{
	static const struct privc_handler h = {
	    on_hello, on_net, on_result, on_stat, on_leave, on_stop, on_gone};

	(void)state;
	memset(&w, 0, sizeof(w));
	w.base = event_base_new();
	assert_int_equal(seqpacket_pair(w.sv), 0);
	return privc_start(w.base, w.sv[0], &h);
}

static int
teardown(void **state)
{
	(void)state;
	event_base_free(w.base);
	close(w.sv[0]);
	if (w.sv[1] != -1)
		close(w.sv[1]);
	return 0;
}

static void
turn(void)
{
	int i;

	for (i = 0; i < 4; i++)
		event_base_loop(w.base, EVLOOP_NONBLOCK);
}

static void
says(const void *rec, size_t len)
{
	assert_int_equal(seqpacket_send(w.sv[1], rec, len), 0);
	turn();
}

static void
test_requests(void **state)
{
	struct priv_peer_set set = {.namelen = 2, .name = "ab", .attempt = 7};
	uint8_t key[WG_KEY_LEN];
	uint32_t seq[7];
	union priv_msg m;
	unsigned i;

	(void)state;
	memset(key, 5, sizeof(key));
	seq[0] = priv_ready();
	seq[1] = priv_self(3);
	seq[2] = priv_peer_set(&set);
	seq[3] = priv_peer_del(key);
	seq[4] = priv_sync();
	seq[5] = priv_alive(9, 8, 1);
	seq[6] = priv_stats();
	for (i = 0; i < 7; i++) {
		assert_int_equal(seqpacket_recv(w.sv[1], &m, sizeof(m)),
		    priv_type_size(PRIV_READY + i));
		assert_int_equal(m.h.type, PRIV_READY + i);
		assert_int_equal(m.h.pad, 0);
		assert_int_equal(m.h.seq, seq[i]);
		assert_int_not_equal(seq[i], 0);
		if (m.h.type == PRIV_SELF)
			assert_int_equal(m.self.attempt, 3);
		if (m.h.type == PRIV_PEER_SET)
			assert_memory_equal(&m.peer_set.namelen, &set.namelen,
			    sizeof(set) - sizeof(set.h));
		if (m.h.type == PRIV_PEER_DEL)
			assert_memory_equal(m.peer_del.key, key, WG_KEY_LEN);
		if (m.h.type == PRIV_ALIVE)
			assert_int_equal(m.alive.alive, 8);
	}
}

/* wesher-priv is busy: nothing is lost, nothing blocks, the order stays. */
static void
test_full_socket(void **state)
{
	union priv_msg m;
	uint32_t last = 0;
	unsigned got = 0, i;

	(void)state;
	for (i = 0; i < 20000; i++)
		assert_int_not_equal(priv_stats(), 0);
	for (i = 0; i < 1000000 && got < 20000; i++) {
		if (seqpacket_recv(w.sv[1], &m, sizeof(m)) <= 0) {
			event_base_loop(w.base, EVLOOP_NONBLOCK);
			continue;
		}
		if (got++ > 0)
			assert_int_equal(m.h.seq, last + 1);
		last = m.h.seq;
	}
	assert_int_equal(got, 20000);
	assert_int_equal(w.gone, 0);
}

static void
test_answers(void **state)
{
	union priv_msg m = {0};
	unsigned t;

	(void)state;
	for (t = PRIV_HELLO; t <= PRIV_STOP; t++) {
		m.h.type = (uint16_t)t;
		m.h.seq = 77;
		says(&m, priv_type_size(t));
	}
	assert_int_equal(w.hello + w.net + w.result + w.stat, 4);
	assert_int_equal(w.leave + w.stop, 2);
	assert_int_equal(w.seq, 77);
	assert_int_equal(w.gone, 0);
}

static void
test_end_of_file(void **state)
{
	(void)state;
	close(w.sv[1]);
	w.sv[1] = -1;
	event_base_loop(w.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_true(w.gone > 0);
}

static void
test_wrong_size(void **state)
{
	union priv_msg m = {.h.type = PRIV_RESULT};

	(void)state;
	says(&m, sizeof(struct priv_result) - 1);
	assert_int_equal(w.gone, 1);
	assert_int_equal(w.result, 0);
}

static void
test_no_header(void **state)
{
	(void)state;
	says("ab", 2);
	assert_int_equal(w.gone, 1);
}

static void
test_unknown_and_our_own_types(void **state)
{
	union priv_msg m = {.h.type = 200};

	(void)state;
	says(&m, sizeof(m.bare));
	assert_int_equal(w.gone, 1);
	m.h.type = PRIV_READY;
	says(&m, sizeof(m.bare));
	assert_int_equal(w.gone, 2);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_requests),
	    T(test_full_socket),
	    T(test_answers),
	    T(test_end_of_file),
	    T(test_wrong_size),
	    T(test_no_header),
	    T(test_unknown_and_our_own_types),
	};

	return cmocka_run_group_tests_name("privc", tests, NULL, NULL);
}
