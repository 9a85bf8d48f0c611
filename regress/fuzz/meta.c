/*
 * Node metadata: any bytes through the gob reader and through meta_decode;
 * what it made of them is written in both dialects and read again. The first
 * byte may put the rest into the extension field of a right struct, since the
 * fuzzer would seldom get there by itself.
 */
#include "../../wesher/gob.h"
#include "../../wesher/meta.h"
#include "fuzz.h"

static struct gob g;

/* Read a value as an outsider: every field skipped, or read if it is text. */
static void
read_value(const uint8_t *p, size_t len)
{
	const struct gob_type *t;
	struct gob_bytes b;
	int field = -1;
	unsigned n = 0;

	gob_init(&g, p, len);
	if ((t = gob_value(&g)) == NULL)
		return;
	must(t->kind == GOB_K_STRUCT && t->nfields <= GOB_FIELDS);
	must(g.ntypes <= GOB_TYPES && g.nfields <= GOB_FIELDS);
	while (gob_next(&g, t->nfields, &field) == 1) {
		must(field >= 0 && field < (int)t->nfields);
		must(n++ < GOB_FIELDS);
		if (gob_check(&g, t->field[field].id) == -1)
			return;
		if (t->field[field].id == GOB_STRING ||
		    t->field[field].id == GOB_BYTES) {
			if (gob_bytes(&g, &b) == -1)
				return;
			must(
			    b.len == 0 || (b.p >= p && b.p + b.len <= p + len));
		} else if (gob_skip(&g, t->field[field].id) == -1) {
			return;
		}
	}
	must(gob_type(&g, GOB_STRING) == NULL);
}

static void
write_and_read(const struct meta *m, enum meta_dialect dialect)
{
	struct meta in = *m, back;
	uint8_t buf[META_MAX];
	ssize_t n;

	in.dialect = dialect;
	n = meta_encode(&in, buf, sizeof(buf));
	must((n == -1) == (in.overlay.len == 0));
	if (n == -1)
		return;
	must(n <= META_MAX && meta_decode(buf, (size_t)n, &back) == 0);
	must(back.dialect == dialect && ipaddr_eq(&back.overlay, &in.overlay));
	must(back.has_pubkey == in.has_pubkey || !in.has_pubkey);
	must(!in.has_pubkey || memcmp(back.pubkey, in.pubkey, 32) == 0);
	must(back.has_x == in.has_x);
	if (in.has_x) {
		must(back.attempt == in.attempt);
		must(back.is_static == in.is_static);
		must(!in.has_wgport || back.wgport == in.wgport);
	}
	must(meta_encode(&in, buf, (size_t)n - 1) == -1);
}

/* A struct with the input as X: encoded with one, whose bytes are replaced. */
static size_t
with_extension(const uint8_t *p, size_t len, uint8_t *buf, size_t cap)
{
	static const uint8_t head[] = {0x26, 0xff, 0x81, 3, 1, 1, 8, 'n', 'o',
	    'd', 'e', 'M', 'e', 't', 'a', 1, 0xff, 0x82, 0, 1, 2, 1, 6, 'P',
	    'u', 'b', 'K', 'e', 'y', 1, 0x0c, 0, 1, 1, 'X', 1, 0x0a, 0, 0};
	size_t n = sizeof(head);

	if (len > 100 || n + len + 16 > cap)
		return 0;
	memcpy(buf, head, n);
	buf[n++] = (uint8_t)(5 + len);
	buf[n++] = 0xff;
	buf[n++] = 0x82;
	buf[n++] = 2;
	buf[n++] = (uint8_t)len;
	memcpy(buf + n, p, len);
	n += len;
	buf[n++] = 0;
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz f = {data, size};
	uint8_t how = fz_u8(&f), built[256], *p;
	struct meta m, zero;
	size_t len = f.len;

	if (how == 'X' &&
	    (len = with_extension(f.p, f.len, built, sizeof(built))) != 0)
		p = fz_copy(built, len);
	else
		p = fz_copy(f.p, len = f.len);
	read_value(p, len);
	memset(&m, 0xff, sizeof(m));
	memset(&zero, 0, sizeof(zero));
	if (meta_decode(p, len, &m) == 0) {
		must(m.overlay.len == 0 || m.overlay.len == 4 ||
		     m.overlay.len == 16);
		must(!m.has_wgport || m.wgport != 0);
		write_and_read(&m, META_V03);
		write_and_read(&m, META_V02);
	} else {
		must(memcmp(&m, &zero, sizeof(m)) == 0);
	}
	must(meta_is_ours(p, len) == m.has_x);
	free(p);
	return 0;
}
