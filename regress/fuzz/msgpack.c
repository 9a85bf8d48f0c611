/*
 * msgpack: any bytes, read by calls that the input's first bytes choose (a map
 * of every kind of value, or a skip), then what was read written and read
 * again. Reads stay within the input and stick to their first error.
 */
#include "../../wesher/msgpack.h"
#include "fuzz.h"

static void
write_and_read(const struct slice *s, uint64_t v, bool b)
{
	size_t cap = 2 * s->len + 64;
	uint8_t *buf = malloc(cap);
	struct mp_out out;
	struct mp_in in;
	struct slice back;
	uint64_t n;
	bool c;

	must(buf != NULL);
	mp_out_init(&out, buf, cap);
	mp_put_map(&out, 2);
	mp_put_bytes(&out, s->p, s->len);
	mp_put_raw(&out, s->p == NULL ? (const uint8_t *)"" : s->p, s->len);
	mp_put_uint(&out, v);
	mp_put_bool(&out, b);
	must(!out.err);
	mp_in_init(&in, buf, (size_t)(out.p - buf));
	must(mp_map(&in) == 2 && mp_bytes(&in, &back) == 0);
	must(back.len == s->len && (back.p == NULL) == (s->p == NULL));
	must(mp_skip(&in) == 0 && mp_uint(&in, UINT64_MAX, &n) == 0 && n == v);
	must(mp_bool(&in, &c) == 0 && c == b && in.p == in.end);
	free(buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz f = {data, size};
	uint8_t calls[16], *p;
	struct slice s = {NULL, 0};
	uint64_t v = 0, max;
	struct mp_in in;
	unsigned i;
	long n;
	bool b = false;
	int r = 0;

	for (i = 0; i < sizeof(calls); i++)
		calls[i] = fz_u8(&f);
	p = fz_copy(f.p, f.len);
	mp_in_init(&in, p, f.len);
	for (i = 0; i < sizeof(calls); i++) {
		bool failed = in.err;
		const uint8_t *before = in.p;

		switch (calls[i] % 5) {
		case 0:
			n = mp_map(&in);
			must(n >= -1 && n <= (long)f.len);
			r = n == -1 ? -1 : 0;
			break;
		case 1:
			if ((r = mp_bytes(&in, &s)) == 0 && s.p != NULL)
				must(s.p >= p && s.p + s.len <= p + f.len);
			break;
		case 2:
			max = calls[i] & 128 ? UINT64_MAX : calls[i];
			if ((r = mp_uint(&in, max, &v)) == 0)
				must(v <= max);
			break;
		case 3:
			r = mp_bool(&in, &b);
			break;
		case 4:
			r = mp_skip(&in);
			break;
		}
		must(in.err == (r == -1) && (!failed || r == -1));
		must(in.p >= before && in.p <= in.end);
	}
	if (s.len < 60000)
		write_and_read(&s, v, b);
	free(p);
	return 0;
}
