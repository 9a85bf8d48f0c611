/* The member table: both indices, growth, removal, metadata, addresses. */
#include <time.h>

#include "rig.h"

static struct member_table t;

static int
setup(void **state)
{
	const uint64_t key[2] = {1, 2};

	(void)state;
	return member_table_init(&t, key);
}

static int
teardown(void **state)
{
	(void)state;
	member_table_free(&t);
	return 0;
}

enum { MODEL = 100 };
struct model {
	bool there;
	uint8_t addr;
	uint16_t metalen;
};

static struct member *
add(const char *name, const char *addr)
{
	struct member *m = member_add(&t, name, strlen(name), 8, t.n * 7);
	struct ipport a = ip(addr, PORT);

	assert_non_null(m);
	member_set_addr(&t, m, a.ip.b, a.ip.len, PORT, PORT);
	return m;
}

static void
check_slots(void)
{
	unsigned i;

	for (i = 0; i < t.n; i++)
		assert_int_equal(t.list[i]->slot, i);
}

static void
many_are_found_and_removed(void **state)
{
	char name[16], addr[24];
	struct ipport a;
	unsigned i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		snprintf(addr, sizeof(addr), "10.0.%u.%u", i / 250, i % 250);
		add(name, addr);
	}
	check_slots();
	for (i = 0; i < 1000; i += 2) {
		snprintf(name, sizeof(name), "n%u", i);
		member_remove(&t, member_find(&t, name, strlen(name)));
	}
	assert_int_equal(t.n, 500);
	check_slots();
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		snprintf(addr, sizeof(addr), "10.0.%u.%u", i / 250, i % 250);
		a = ip(addr, PORT);
		assert_int_equal(
		    member_find(&t, name, strlen(name)) != NULL, i % 2);
		assert_int_equal(member_find_addr(&t, &a) != NULL, i % 2);
	}
}

static void
names_are_bytes_with_a_length(void **state)
{
	(void)state;
	add("ab", "10.0.0.1");
	assert_null(member_find(&t, "a", 1));
	assert_null(member_find(&t, "abc", 3));
	assert_null(member_find(&t, "AB", 2));
	assert_string_equal(member_find(&t, "abc", 2)->name, "ab");
}

static void
two_may_share_an_address(void **state)
{
	struct member *a = add("a", "10.0.0.1"), *b = add("b", "10.0.0.1");
	struct ipport at = ip("10.0.0.1", PORT);

	(void)state;
	member_remove(&t, b);
	assert_ptr_equal(member_find_addr(&t, &at), a);
}

/*
 * Anybody may announce any number of names at one address. A walk over them
 * for each change would take minutes here.
 */
static void
a_crowd_at_one_address_is_cheap(void **state)
{
	enum { CROWD = 150000 };
	clock_t start = clock();
	struct member *m, **all = calloc(CROWD, sizeof(*all));
	struct ipport a;
	char name[16];
	unsigned i;

	(void)state;
	assert_non_null(all);
	for (i = 0; i < CROWD; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		all[i] = member_add(&t, name, strlen(name), 0, i);
		assert_non_null(all[i]);
		member_set_addr(&t, all[i], "\x0a\0\0\1", 4, 1, 1);
	}
	for (i = 0; i < CROWD; i++)
		member_set_addr(&t, all[i], "\x0a\0\0\2", 4, 1, 1);
	member_ipport(all[0], &a);
	for (i = 0; i < CROWD; i++) {
		m = member_find_addr(&t, &a);
		assert_non_null(m);
		member_remove(&t, all[i]);
	}
	assert_null(member_find_addr(&t, &a));
	assert_true(clock() - start < 15 * CLOCKS_PER_SEC);
	free(all);
}

static void
bytes_are_kept_and_compared_canonically(void **state)
{
	struct member *m = add("a", "10.0.0.1");
	struct ipport at = ip("10.9.9.9", PORT), out;
	uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, 10, 9, 9, 9};

	(void)state;
	member_set_addr(&t, m, mapped, 16, 0, PORT);
	assert_int_equal(member_card(m)->addrlen, 16);
	assert_memory_equal(member_card(m)->addr, mapped, 16);
	member_ipport(m, &out);
	assert_int_equal(ipport_cmp(&out, &at), 0);
	assert_ptr_equal(member_find_addr(&t, &at), m);
	at = ip("10.0.0.1", PORT);
	assert_null(member_find_addr(&t, &at));
}

static void
metadata_grows_and_shrinks(void **state)
{
	struct member *m = add("a", "10.0.0.1");
	char big[512];

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(member_set_meta(m, "1234", 4), 0);
	assert_memory_equal(member_meta(m), "1234", 4);
	assert_int_equal(member_set_meta(m, big, sizeof(big)), 0);
	assert_memory_equal(member_meta(m), big, sizeof(big));
	assert_int_equal(member_set_meta(m, big, 300), 0);
	assert_int_equal(m->metalen, 300);
	assert_int_equal(member_set_meta(m, "12345678", 8), 0);
	assert_memory_equal(member_meta(m), "12345678", 8);
	assert_int_equal(member_set_meta(m, NULL, 0), 0);
	assert_null(member_meta(m));
	assert_string_equal(m->name, "a");
}

static void
states_have_names(void **state)
{
	(void)state;
	assert_string_equal(member_state_name(MEMBER_ALIVE), "alive");
	assert_string_equal(member_state_name(MEMBER_SUSPECT), "suspect");
	assert_string_equal(member_state_name(MEMBER_DEAD), "failed");
	assert_string_equal(member_state_name(MEMBER_LEFT), "left");
	assert_string_equal(member_state_name(9), "?");
}

/* Members come, go, move and announce, in any order: the table is what a plain
 * list says. */
static void
check_model(const struct model *model, const struct member_table *of)
{
	struct ipport at;
	struct member *m;
	char name[8], addr[24];
	unsigned i, n = 0;

	for (i = 0; i < MODEL; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		m = member_find(of, name, strlen(name));
		assert_int_equal(m != NULL, model[i].there);
		if (m == NULL)
			continue;
		n++;
		assert_ptr_equal(member_by_id(of, m->id), m);
		assert_ptr_equal(of->list[m->slot], m);
		assert_string_equal(m->name, name);
		assert_int_equal(m->metalen, model[i].metalen);
		if (m->metalen > 0)
			assert_int_equal(member_meta(m)[m->metalen - 1],
			    model[i].metalen & 0xff);
		snprintf(addr, sizeof(addr), "10.0.0.%u", model[i].addr);
		at = ip(addr, PORT);
		m = member_find_addr(of, &at);
		assert_non_null(m);
		assert_int_equal(member_card(m)->addr[3], model[i].addr);
	}
	assert_int_equal(of->n, n);
}

static void
model_step(struct model *model, struct member_table *of, unsigned r)
{
	unsigned i = r % MODEL, what = r / MODEL % 4;
	struct model *k = &model[i];
	struct member *m;
	uint8_t meta[512], addr[4] = {10, 0, 0, 0};
	char name[8];

	snprintf(name, sizeof(name), "m%u", i);
	m = member_find(of, name, strlen(name));
	if (m == NULL) {
		m = member_add(of, name, strlen(name), r / 7 % 64, r / 3);
		assert_non_null(m);
		*k = (struct model){.there = true};
	} else if (what == 0) {
		member_remove(of, m);
		k->there = false;
		return;
	}
	/* Few addresses, so that they are shared. */
	addr[3] = k->addr = (uint8_t)(1 + r / 1000 % 9);
	k->metalen = what == 1 ? 0 : (uint16_t)(r / 11 % sizeof(meta));
	memset(meta, k->metalen & 0xff, sizeof(meta));
	assert_int_equal(member_set(of, m,
			     &(struct member_news){addr, 4, PORT, PORT,
				 "123456", meta, k->metalen}),
	    0);
}

static void
any_order_of_changes(void **state)
{
	struct model model[MODEL] = {0};
	uint64_t r = 88172645463325252;
	unsigned i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		r ^= r << 13;
		r ^= r >> 7;
		r ^= r << 17;
		model_step(model, &t, (unsigned)(r >> 33));
		if (i % 50 == 0)
			check_model(model, &t);
	}
	check_model(model, &t);
	check_slots();
}

/* A pool of cards as a simulator has one. */
static struct pooled {
	unsigned refs;
	size_t size;
	union {
		struct member_card c;
		uint8_t b[1024];
	};
} pool[2 * MODEL];

static const struct member_card *
pool_get(void *arg, const struct member_card *draft, size_t size)
{
	struct pooled *p, *room = NULL;

	assert_ptr_equal(arg, pool);
	assert_in_range(size, 1, sizeof(p->b));
	for (p = pool; p < pool + 2 * MODEL; p++) {
		if (p->refs > 0 && p->size == size &&
		    memcmp(p->b, draft, size) == 0)
			break;
		if (p->refs == 0 && room == NULL)
			room = p;
	}
	if (p == pool + 2 * MODEL) {
		p = room;
		assert_non_null(p);
		memcpy(p->b, draft, size);
		p->size = size;
	}
	p->refs++;
	return &p->c;
}

static void
pool_put(void *arg, const struct member_card *card)
{
	struct pooled *p =
	    (struct pooled *)(uintptr_t)((const char *)card -
					 offsetof(struct pooled, c));

	assert_ptr_equal(arg, pool);
	assert_true(p->refs > 0);
	/* Whoever still looks at it is wrong. */
	if (--p->refs == 0)
		memset(p->b, 0xee, sizeof(p->b));
}

static unsigned
pooled(void)
{
	unsigned i, n = 0;

	for (i = 0; i < 2 * MODEL; i++)
		n += pool[i].refs > 0;
	return n;
}

static void
cards_are_shared(void **state)
{
	static const struct member_cards cards = {pool_get, pool_put, pool};
	const uint64_t key[2] = {3, 4};
	struct model model[MODEL] = {0};
	struct member_table other;
	uint64_t r = 42;
	unsigned i;

	(void)state;
	member_share_cards(&cards);
	assert_int_equal(member_table_init(&other, key), 0);
	for (i = 0; i < 3000; i++) {
		r = r * 6364136223846793005 + 1442695040888963407;
		model_step(model, &t, (unsigned)(r >> 33));
		model_step(model, &other, (unsigned)(r >> 33));
		assert_int_equal(pooled(), t.n);
		if (i % 50 == 0)
			check_model(model, &t);
	}
	check_model(model, &other);
	member_table_free(&other);
	assert_int_equal(pooled(), t.n);
	check_model(model, &t);
	while (t.n > 0)
		member_remove(&t, t.list[0]);
	assert_int_equal(pooled(), 0);
	member_share_cards(NULL);
}

/* Issue 5 asks for 600 bytes per member, all told. */
static void
a_member_is_small(void **state)
{
	(void)state;
	assert_in_range(sizeof(struct member), 1, 96);
	assert_in_range(sizeof(struct member) + 20 + 151 + 3 * 16, 1, 600);
}

/* Room in the index that is made beforehand: who is there is found in it, and
 * who comes with a hash that is known. */
static void
an_index_grows_at_once(void **state)
{
	char name[16];
	unsigned i, size = 0;
	uint64_t h;

	(void)state;
	for (i = 0; i < 3000; i++) {
		if (i == 10) {
			member_expect(&t, 3000);
			size = t.hashsize;
			member_expect(&t, 20);
		}
		snprintf(name, sizeof(name), "n%u", i);
		h = member_hash(&t, name, strlen(name));
		assert_null(member_find_hashed(&t, h, name, strlen(name)));
		assert_non_null(
		    member_add_hashed(&t, h, name, strlen(name), 0, i));
	}
	assert_int_equal(t.hashsize, size);
	for (i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_non_null(member_find(&t, name, strlen(name)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		many_are_found_and_removed, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		names_are_bytes_with_a_length, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		two_may_share_an_address, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_crowd_at_one_address_is_cheap, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		bytes_are_kept_and_compared_canonically, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		metadata_grows_and_shrinks, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		any_order_of_changes, setup, teardown),
	    cmocka_unit_test_setup_teardown(cards_are_shared, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		an_index_grows_at_once, setup, teardown),
	    cmocka_unit_test(states_have_names),
	    cmocka_unit_test(a_member_is_small),
	};

	return cmocka_run_group_tests_name("member", tests, NULL, NULL);
}
