/*
 * A stream behind the encryption: any bytes, unwrapped as the gossip process
 * does it, then handed to a core that knows a few members: as a request, and
 * as the answer to a join or a periodic exchange of ours. What it answers is
 * well formed, and the core's invariants hold afterwards.
 */
#include "messages.h"
#include "neighbours.h"

#define CAP (1u << 20)

static void
populate(void)
{
	static const uint8_t good[6] = {1, 5, 2, 0, 0, 0};
	static const char *const addrs[] = {"10.0.0.2", "10.0.0.3", "fd00::4"};
	char name[2] = "a";
	uint8_t buf[256];
	struct ipport a;
	struct wire_alive w;
	unsigned i;
	ssize_t n;

	for (i = 0; i < 3; i++, name[0]++) {
		a = at(addrs[i], CORE_PORT);
		w = (struct wire_alive){.incarnation = 5,
		    .node = swim_str(name),
		    .addr = {a.ip.b, a.ip.len},
		    .port = CORE_PORT,
		    .meta = swim_str(i == 1 ? "O" : "X"),
		    .vsn = {good, 6}};
		n = wire_put_alive(buf, sizeof(buf), &w);
		must(n > 0 &&
		     swim_packet(core.s, core.now, &a, buf, (size_t)n) == 0);
	}
}

static void
request(uint8_t type, const uint8_t *body, size_t len)
{
	struct ipport from = at("10.0.0.2", 40000);
	uint8_t *reply = NULL;
	size_t n = 0;

	(void)swim_stream_request(
	    core.s, core.now, &from, type, body, len, &reply, &n);
	must((reply == NULL) == (n == 0));
	if (reply != NULL && reply[0] == WIRE_PUSHPULL)
		check_own_state(reply + 1, n - 1);
	free(reply);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz f = {data, size};
	uint8_t how = fz_u8(&f), type, *owned, *p = fz_copy(f.p, f.len);
	struct ipport to = at("10.0.0.3", CORE_PORT);
	const uint8_t *body;
	size_t len;
	int r;

	r = wire_stream_unwrap(p, f.len, CAP, &type, &body, &len, &owned);
	must(r <= 0 && wire_error_str(r) != NULL);
	if (r == 0) {
		must(owned == NULL || len < CAP);
		check_acks(body, len);
		check_ping(body, len);
		check_state(body, len);
		core_begin(how, how & 64 ? 4 : 40, 100);
		populate();
		if (how & 16)
			request(type, body, len);
		(void)swim_join(core.s, core.now, &to, how & 1);
		if (core.nstreams > 0)
			swim_stream_reply(core.s, core.now, core_stream_end(0),
			    type, body, len);
		core_check();
		if (!(how & 16))
			request(type, body, len);
		swim_announce(core.s, core.now);
		core_run(how & 32 ? 40 * SEC : SEC);
		core_end();
	} else {
		must(owned == NULL);
	}
	free(owned);
	free(p);
	return 0;
}
