/*
 * The whole core, driven by a byte string of events in virtual time: messages
 * of known and unknown members with the edges of every field, alone or several
 * in a packet, push/pulls in both directions, streams that fail, joins, moves
 * and leaves of our own, raw bytes, and time that passes. After each event the
 * invariants of neighbours.h hold.
 */
#include "neighbours.h"

static struct fz in;
static char names[256][8];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const some[] = {ME, "a", "b", "c", "d", "e", ""};
	unsigned i;

	(void)argc;
	(void)argv;
	for (i = 0; i < 256; i++)
		snprintf(names[i], sizeof(names[i]), "n%u", i);
	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		strcpy(names[i], some[i]);
	strcpy(names[7], "bad\n");
	return 0;
}

static struct slice
a_name(void)
{
	static const char *const longest =
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	uint8_t n = fz_u8(&in);

	if (n == 255 || n == 254)
		return (struct slice){(const uint8_t *)longest, n + 1u};
	return swim_str(names[n]);
}

static struct member *
known(struct slice name)
{
	return member_find(&core.s->t, (const char *)name.p, name.len);
}

/* Near what we hold of it, or an edge, or anything. */
static uint32_t
an_incarnation(struct slice name)
{
	static const uint32_t edges[] = {0, 1, 0x7fffffff, INCARNATION_MAX - 1,
	    INCARNATION_MAX, INCARNATION_MAX + 1, 0xfffffffe, 0xffffffff};
	uint8_t how = fz_u8(&in);
	struct member *m = known(name);

	if (how < 128)
		return (m == NULL ? 100 : m->incarnation) + how % 8 - 2;
	return how < 192 ? edges[how % 8] : fz_u32(&in);
}

static uint8_t addr_bytes[16];

/* 10.0.0.x in one of two forms, an odd length, an IPv6 address. */
static struct slice
an_addr(uint8_t how)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	size_t len = 4;

	memset(addr_bytes, 0, sizeof(addr_bytes));
	if (how < 160) {
		memcpy(addr_bytes, (uint8_t[]){10, 0, 0, how % 32}, 4);
	} else if (how < 200) {
		memcpy(addr_bytes, mapped, 12);
		memcpy(addr_bytes + 12, (uint8_t[]){10, 0, 0, how % 32}, 4);
		len = 16;
	} else if (how < 230) {
		addr_bytes[0] = 0xfd;
		addr_bytes[15] = how % 32;
		len = 16;
	} else {
		len = how % 18;
		memset(addr_bytes, how, sizeof(addr_bytes));
		len = len > 16 ? 16 : len;
	}
	return (struct slice){addr_bytes, len};
}

/* The address of a member, usually, where its messages come from. */
static struct ipport
a_source(struct slice name)
{
	uint8_t how = fz_u8(&in);
	struct ipport from = {.port = CORE_PORT};
	struct member *m = known(name);
	struct slice a;

	if (how < 160 && m != NULL) {
		member_ipport(m, &from);
		return from;
	}
	a = an_addr(how % 200);
	must(ipaddr_from_bytes(a.p, a.len, &from.ip) == 0);
	if (how & 1)
		from.port = fz_u16(&in);
	return from;
}

static uint8_t vsn[6];
static uint8_t meta[WIRE_META_MAX + 1];

static void
an_alive(struct wire_alive *a, struct slice name)
{
	static const uint8_t good[6] = {1, 5, 2, 0, 0, 0};
	uint8_t how = fz_u8(&in);
	struct member *m = known(name);

	memcpy(vsn, good, sizeof(vsn));
	*a = (struct wire_alive){.node = name,
	    .incarnation = an_incarnation(name),
	    .port = CORE_PORT,
	    .vsn = {vsn, 6}};
	if (how & 1 || m == NULL)
		a->addr = an_addr(fz_u8(&in));
	else
		a->addr = (struct slice){
		    member_card(m)->addr, member_card(m)->addrlen};
	if ((how & 6) == 6)
		a->port = fz_u16(&in);
	meta[0] = how & 8 ? 'X' : 'O';
	meta[1] = how;
	a->meta = (struct slice){meta, how & 16 ? how >> 5 : 2};
	if (how == 255)
		a->meta.len = sizeof(meta);
	if (how % 64 == 63) {
		vsn[fz_u8(&in) % 6] = fz_u8(&in);
		a->vsn.len = fz_u8(&in) % 7;
	}
}

/* Messages of one packet. */
static uint8_t packet[WIRE_PLAIN_MAX];
static struct wire_compound parts;
static struct slice speaker;

static void
add(const uint8_t *msg, ssize_t n)
{
	if (n > 0 && (size_t)n <= wire_compound_room(&parts))
		(void)wire_compound_add(&parts, msg, (size_t)n);
}

static void
deliver(void)
{
	struct ipport from = a_source(speaker);
	uint8_t *p, *exact;
	size_t n = wire_compound_finish(&parts, &p);

	if (n > 0) {
		exact = fz_copy(p, n);
		must(swim_packet(core.s, core.now, &from, exact, n) == 0);
		free(exact);
	}
	wire_compound_init(&parts, packet, sizeof(packet));
}

static void
add_alive(uint8_t *buf, size_t cap)
{
	struct wire_alive a;

	speaker = a_name();
	an_alive(&a, speaker);
	add(buf, wire_put_alive(buf, cap, &a));
}

static void
add_accuse(uint8_t *buf, size_t cap, enum wire_type type)
{
	struct wire_accuse a = {.node = a_name()};

	a.incarnation = an_incarnation(a.node);
	a.from = fz_u8(&in) & 1 ? a.node : a_name();
	speaker = a.from;
	add(buf, wire_put_accuse(buf, cap, type, &a));
}

static uint32_t
a_seqno(void)
{
	return fz_u8(&in) < 200 ? core.seqno : fz_u32(&in);
}

static void
add_probe(uint8_t *buf, size_t cap, uint8_t what)
{
	struct wire_ping p = {.seqno = 7, .node = swim_str(ME)};
	struct wire_indirect i = {.seqno = 9};
	struct wire_ack a = {.seqno = 0};
	uint8_t how = fz_u8(&in);

	speaker = a_name();
	switch (what) {
	case 0:
		if (how & 1)
			p.node = a_name();
		if (how & 2)
			p.src_addr = an_addr(fz_u8(&in));
		p.src_port = how & 4 ? CORE_PORT : 0;
		add(buf, wire_put_ping(buf, cap, &p));
		break;
	case 1:
		i.node = a_name();
		i.target = an_addr(how);
		i.port = how & 1 ? CORE_PORT : fz_u16(&in);
		i.nack = how & 2;
		add(buf, wire_put_indirect(buf, cap, &i));
		break;
	case 2:
		a.seqno = a_seqno();
		add(buf, wire_put_ack(buf, cap, &a));
		break;
	default:
		add(buf, wire_put_nack(buf, cap, a_seqno()));
	}
}

static uint8_t state[16384];

/* A push/pull as a neighbour would send it; its length. */
static size_t
a_state(void)
{
	uint8_t how = fz_u8(&in), i;
	struct wire_pushpull head = {
	    .join = how & 128, .nodes = how % 12u, .user_len = 0};
	struct wire_node n;
	struct wire_alive a;
	ssize_t len = wire_put_pushpull(state, sizeof(state), &head), k;

	for (i = 0; i < head.nodes; i++) {
		an_alive(&a, a_name());
		n = (struct wire_node){
		    a.node, a.addr, a.port, a.meta, a.incarnation, 0, a.vsn};
		n.state = fz_u8(&in) % 6;
		if (i == 0)
			speaker = a.node;
		k = wire_put_node(state + len, sizeof(state) - (size_t)len, &n);
		must(k > 0);
		len += k;
	}
	return (size_t)len;
}

static void
ask(uint8_t type, const uint8_t *body, size_t len)
{
	struct ipport from = a_source(speaker);
	uint8_t *reply = NULL, *exact = fz_copy(body, len);
	size_t n = 0;

	(void)swim_stream_request(
	    core.s, core.now, &from, type, exact, len, &reply, &n);
	must((reply == NULL) == (n == 0));
	if (reply != NULL && reply[0] == WIRE_PUSHPULL)
		check_own_state(reply + 1, n - 1);
	free(reply);
	free(exact);
}

static void
answer(void)
{
	uint8_t how = fz_u8(&in), buf[64], *exact;
	unsigned i = core.nstreams == 0 ? 0 : how % core.nstreams;
	struct wire_ack a;
	size_t len;

	if (core.nstreams == 0)
		return;
	if (core.stream[i].kind == SWIM_STREAM_PING) {
		a = (struct wire_ack){
		    .seqno = core.stream[i].seqno + (how > 200)};
		len = (size_t)wire_put_ack(buf, sizeof(buf), &a);
		exact = fz_copy(buf, len);
	} else {
		len = a_state();
		exact = fz_copy(state, len);
	}
	swim_stream_reply(
	    core.s, core.now, core_stream_end(i), exact[0], exact + 1, len - 1);
	free(exact);
}

static void
raw(bool stream)
{
	size_t n;
	uint8_t type = stream ? fz_u8(&in) : 0;
	const uint8_t *p;
	struct ipport from;
	uint8_t *exact;

	speaker = a_name();
	p = fz_take(&in, fz_u8(&in) * 2u, &n);
	if (stream) {
		ask(type, p, n);
		return;
	}
	from = a_source(speaker);
	exact = fz_copy(p, n);
	(void)swim_packet(core.s, core.now, &from, exact, n);
	free(exact);
}

static void
ourselves(uint8_t what)
{
	struct ipport to = a_source(a_name());
	uint8_t how = fz_u8(&in);

	switch (what % 8) {
	case 0:
	case 1:
		(void)swim_join(core.s, core.now, &to, how & 1);
		break;
	case 2:
		swim_announce(core.s, core.now);
		break;
	case 3:
		meta[0] = 'X';
		swim_set_meta(core.s, core.now, meta, how);
		break;
	case 4:
		swim_set_addr(core.s, core.now, &to.ip, CORE_PORT);
		break;
	case 5:
		swim_woke(core.s, core.now, how * SEC);
		break;
	default:
		if (how == 'L')
			swim_leave(core.s, core.now);
	}
}

static void
event(void)
{
	static const int64_t steps[] = {1, 1000, 100000, SEC / 2, SEC, 3 * SEC,
	    5 * SEC, 11 * SEC, 30 * SEC, 61 * SEC, 120 * SEC};
	uint8_t op = fz_u8(&in), buf[1024];

	switch (op % 16) {
	case 0:
	case 1:
		core_run(steps[fz_u8(&in) % (sizeof(steps) / sizeof(*steps))]);
		return;
	case 2:
	case 3:
		add_alive(buf, sizeof(buf));
		break;
	case 4:
		add_accuse(buf, sizeof(buf), WIRE_SUSPECT);
		break;
	case 5:
		add_accuse(buf, sizeof(buf), WIRE_DEAD);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		add_probe(buf, sizeof(buf), op % 16 - 6);
		break;
	case 10:
		ask(WIRE_PUSHPULL, state + 1, a_state() - 1);
		return;
	case 11:
		answer();
		return;
	case 12:
		if (core.nstreams > 0)
			swim_stream_failed(core.s, core.now,
			    core_stream_end(fz_u8(&in) % core.nstreams),
			    "connection refused");
		return;
	case 13:
		ourselves(fz_u8(&in));
		return;
	default:
		raw(op & 1);
		return;
	}
	/* Several in one packet, or this one alone. */
	if (!(op & 0x80))
		deliver();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t first[] = {100, 1700000000, INCARNATION_MAX - 2};
	unsigned events = 0;
	uint8_t how;

	in = (struct fz){data, size};
	how = fz_u8(&in);
	core_begin(how, how & 64 ? 6 : 40, first[how % 3]);
	wire_compound_init(&parts, packet, sizeof(packet));
	speaker = swim_str(ME);
	while (in.len > 0 && events++ < 300) {
		event();
		core_check();
	}
	core_run(10 * SEC);
	core_end();
	return 0;
}
