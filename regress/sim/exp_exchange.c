/*
 * Everybody exchanges its whole table with somebody once a minute. What a
 * member costs is the processor's time of the run, all of its probes and
 * answers included, and, since simulated streams are neither compressed nor
 * sealed, that of doing so with the same bytes: each member asks once a minute
 * and is asked once, so it seals two states and opens two.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../wesher/frame.h"
#include "sim.h"

#define REPEAT 20
#define MOST   0.02 /* of a core for each member */

static double
cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
unseal(struct seal *s, const uint8_t *frame, size_t n)
{
	size_t len = frame_length(frame), bodylen;
	uint8_t *plain = malloc(len), type, *owned = NULL;
	const uint8_t *body;
	ssize_t got;

	sim_assert(plain != NULL && len + FRAME_HEAD == n);
	got = seal_open(
	    s, frame + FRAME_HEAD, len, frame, FRAME_HEAD, plain, len);
	sim_assert(got > 0 && wire_stream_unwrap(plain, (size_t)got, 40u << 20,
				  &type, &body, &bodylen, &owned) == 0);
	free(owned);
	free(plain);
}

/* Seconds to compress and seal one's own state, and to open and inflate it. */
static double
codec_cost(struct swim *s, size_t *plain, size_t *sealed)
{
	static struct lzw_encoder lzw;
	static const uint8_t key[1][CLUSTER_KEY_LEN] = {{1}};
	struct seal *seal;
	const char *why;
	uint8_t *state, *frame;
	double start;
	int i;

	sim_assert(seal_init(false, &why) == 0);
	seal = seal_new(key, 1);
	state = pushpull_build(s, STATE_ALL, false, plain);
	sim_assert(seal != NULL && state != NULL);
	start = cpu_now();
	for (i = 0; i < REPEAT; i++) {
		frame = frame_seal(seal, &lzw, state, *plain, sealed);
		sim_assert(frame != NULL);
		unseal(seal, frame, *sealed);
		free(frame);
	}
	start = cpu_now() - start;
	free(state);
	seal_free(seal);
	return start / REPEAT;
}

static void
exchange(const struct sim_options *o, unsigned n, int64_t minutes)
{
	struct swim_profile prof = swim_wan;
	struct cluster_config cfg = {
	    .profile = &prof, .seed = o->seed, .warm = true};
	struct cluster *c;
	size_t plain, sealed;
	double cpu, run, codec;
	uint64_t streams = 0;
	unsigned i;

	/* In a mesh of that size the interval is a multiple of this. */
	c = cluster_new(n, &cfg);
	prof.pushpull_interval = 60 * SEC * 60 * SEC /
				 pushpull_interval(cluster_node(c, 0)->s);
	cluster_free(c);
	c = cluster_new(n, &cfg);
	cpu = cpu_now();
	run_for(c, minutes * 60 * SEC);
	run = (cpu_now() - cpu) / (double)(minutes * 60) / n;
	codec = codec_cost(cluster_node(c, 0)->s, &plain, &sealed);
	for (i = 0; i < n; i++)
		streams += swim_counters(cluster_node(c, i)->s)->pushpulls;
	fprintf(stderr,
	    "# %.2f exchanges a minute asked or answered by each; a state: "
	    "%zu bytes, %zu sealed, %.2f ms to seal and open; digest %016llx\n",
	    (double)streams / n / (double)minutes, plain, sealed, codec * 1e3,
	    (unsigned long long)cluster_digest(c));
	sim_row("exchange",
	    sim_fmt("%u members, each a full exchange a minute", n),
	    "memberlist: 200 to 300 % of a core",
	    sim_fmt("%.4f %% of a core for each member (core %.4f, seal and "
		    "LZW %.4f)",
		100 * (run + codec * 2 / 60), 100 * run, 100 * codec * 2 / 60),
	    "<= 2 %",
	    run + codec * 2 / 60 <= MOST &&
		streams >= (uint64_t)(n * (1 + 1.9 * (double)minutes)));
	cluster_free(c);
}

int
main(int argc, char **argv)
{
	struct sim_options o;

	sim_options(argc, argv, &o);
	if (o.length == SIM_SHORT)
		exchange(&o, 250, 2);
	else
		exchange(&o, 2500, 3);
	return 0;
}
