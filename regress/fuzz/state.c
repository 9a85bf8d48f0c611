/*
 * The state file: any bytes, as a former gossip process could have left them.
 * What is taken is legal, and written and read again it is the same.
 */
#include "../../common/check.h"
#include "../../wesher/meta.h"
#include "../../wesher/state.h"
#include "fuzz.h"

static void
check_node(const struct state_node *n)
{
	must(n->name != NULL && check_name(n->name, strlen(n->name)));
	must(n->addr.ip.len == 4 || n->addr.ip.len == 16);
	must(n->metalen <= META_MAX && (n->metalen == 0 || n->meta != NULL));
}

static bool
same_node(const struct state_node *a, const struct state_node *b)
{
	return strcmp(a->name, b->name) == 0 &&
	       ipport_cmp(&a->addr, &b->addr) == 0 &&
	       a->metalen == b->metalen &&
	       (a->metalen == 0 || memcmp(a->meta, b->meta, a->metalen) == 0) &&
	       ipaddr_eq(&a->overlay, &b->overlay) &&
	       a->has_pubkey == b->has_pubkey && a->since == b->since &&
	       a->failed == b->failed && a->answered == b->answered &&
	       memcmp(a->pubkey, b->pubkey, sizeof(a->pubkey)) == 0;
}

static void
write_and_read(const struct state *s)
{
	char why[STATE_WHY], *text;
	struct state back;
	size_t len, i;

	text = state_format(s, &len);
	must(text != NULL && strlen(text) == len);
	must(state_parse(text, len, &back, why, sizeof(why)) == STATE_OK);
	must(back.has_key == s->has_key && back.nnodes == s->nnodes);
	must(memcmp(back.key, s->key, sizeof(s->key)) == 0);
	must(back.incarnation == s->incarnation && back.attempt == s->attempt);
	must(back.has_attempt == s->has_attempt && back.moved == s->moved);
	must(back.saved == s->saved);
	for (i = 0; i < s->nnodes; i++)
		must(same_node(&s->nodes[i], &back.nodes[i]));
	state_clear(&back);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = (char *)fz_copy(data, size), why[STATE_WHY] = "";
	struct state s;
	size_t i;
	int r;

	r = state_parse(text, size, &s, why, sizeof(why));
	must(r == STATE_OK || (r == STATE_BAD && why[0] != '\0'));
	if (r == STATE_OK) {
		for (i = 0; i < s.nnodes; i++)
			check_node(&s.nodes[i]);
		write_and_read(&s);
		state_clear(&s);
	}
	must(s.nnodes == 0 && s.nodes == NULL && !s.has_key);
	free(text);
	return 0;
}
