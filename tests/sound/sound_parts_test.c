/* SPDX-License-Identifier: Apache-2.0 */
/* The small parts, each by itself, and codecs against the ffmpeg program. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <libavutil/log.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "control/media/jitter.h"
#include "control/media/mix.h"
#include "control/media/noise.h"
#include "control/media/output.h"
#include "control/media/plc.h"
#include "tests/sound/lab.h"

#define PCMU_MS 8 /* timestamp units of a millisecond */

static void tone(int16_t *pcm, unsigned n, unsigned rate, double hz)
{
	for (unsigned i = 0; i < n; i++)
		pcm[i] = (int16_t)(8000 * sin(2 * M_PI * hz * i / rate));
}

/* --- rtp --- */

static void headers(void **state)
{
	static const struct {
		const char *what;
		uint8_t p[24];
		size_t n;
		bool good;
		size_t payload;
	} cases[] = {
		{"plain", {0x80, 0}, 14, true, 2},
		{"no payload", {0x80, 0}, 12, true, 0},
		{"short", {0x80, 0}, 11, false, 0},
		{"version 1", {0x40, 0}, 14, false, 0},
		{"two CSRCs", {0x82, 0}, 20, true, 0},
		{"a CSRC that isn't there", {0x82, 0}, 19, false, 0},
		{"extension",
		 {0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1},
		 22,
		 true,
		 2},
		{"extension beyond the end",
		 {0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 9},
		 22,
		 false,
		 0},
		{"padding",
		 {0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 2},
		 16,
		 true,
		 2},
		{"padding of none",
		 {0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0},
		 14,
		 false,
		 0},
		{"padding beyond",
		 {0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3},
		 14,
		 false,
		 0},
	};
	struct rtp r;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool good = rtp_read(&r, cases[i].p, cases[i].n);

		if (good != cases[i].good ||
		    (good && r.len != cases[i].payload))
			fail_msg("%s", cases[i].what);
	}
}

/* --- jitter --- */

static struct jitter jitter;

static bool put(unsigned seq, uint64_t now_ms)
{
	uint8_t payload[160] = {(uint8_t)seq};
	const struct rtp r = {.seq = (uint16_t)(65530 + seq),
			      .ts = 0xffffff00u + seq * 20 * PCMU_MS,
			      .payload = payload,
			      .len = sizeof(payload)};

	return jitter_put(&jitter, &r, false, now_ms * 1000);
}

/* What is read: the packet's number, or minus the kind. */
static int get(void)
{
	struct jitter_packet *p;
	enum jitter_kind k = jitter_get(&jitter, &p);
	int n;

	if (k != JITTER_PACKET) {
		if (k != JITTER_WAIT)
			jitter_passed(&jitter, 10 * PCMU_MS);
		return -(int)k;
	}
	n = p->data[0];
	jitter_passed(&jitter, 20 * PCMU_MS);
	jitter_free(p);
	return n;
}

static void order_loss_and_late_ones(void **state)
{
	(void)state;
	jitter_init(&jitter, 8000);
	assert_int_equal(get(), -JITTER_WAIT);
	for (unsigned i = 1; i <= 4; i++) /* over the wrap of both */
		assert_true(put(i, 1000 + i * 20));
	assert_int_equal(get(), 1);
	assert_int_equal(get(), 2);
	assert_false(put(2, 1090)); /* late */
	assert_true(put(6, 1120));
	assert_false(put(6, 1120)); /* twice */
	assert_int_equal(get(), 3);
	assert_int_equal(get(), 4);
	assert_true(put(5, 1125)); /* out of order, and in time */
	assert_int_equal(get(), 5);
	assert_int_equal(get(), 6);
	assert_true(put(8, 1160));
	assert_int_equal(get(), -JITTER_LOST);
	assert_int_equal(get(), -JITTER_LOST);
	assert_int_equal(get(), 8);
	assert_int_equal(jitter.lost, 1);
	assert_int_equal(jitter.late, 1);
	assert_int_equal(jitter.twice, 1);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(get(), -JITTER_EMPTY);
	assert_int_equal(get(), -JITTER_WAIT);
	jitter_reset(&jitter);
}

static void the_target_follows_the_network(void **state)
{
	uint32_t calm, rough;

	(void)state;
	jitter_init(&jitter, 8000);
	for (unsigned i = 0; i < 200; i++) {
		put(i, 1000 + i * 20);
		get();
	}
	calm = jitter.target;
	for (unsigned i = 200; i < 250; i++) {
		put(i, 1000 + i * 20 + i % 5 * 20);
		get();
	}
	rough = jitter.target;
	for (unsigned i = 250; i < 700; i++) {
		put(i, 1000 + i * 20);
		get();
	}
	assert_in_range(calm, 20000, 30000);
	assert_in_range(rough, 80000, 120000);
	assert_in_range(jitter.target, 20000, 40000);
	jitter_reset(&jitter);
}

static void a_stray_packet_is_no_new_start(void **state)
{
	const struct rtp stray = {.seq = 30000, .ts = 0x70000000};

	(void)state;
	jitter_init(&jitter, 8000);
	for (unsigned i = 1; i <= 4; i++)
		put(i, 1000 + i * 20);
	assert_int_equal(get(), 1);
	assert_false(jitter_put(&jitter, &stray, false, 1100000));
	assert_int_equal(get(), 2);
	assert_true(put(5, 1100));
	assert_int_equal(jitter.resets, 0);
	jitter_reset(&jitter);
}

/* --- concealment --- */

static void concealment_goes_on_and_fades(void **state)
{
	static const unsigned rates[] = {8000, 16000, 48000};
	static int16_t pcm[48000];
	static struct plc plc;

	(void)state;
	for (unsigned r = 0; r < 3; r++) {
		unsigned rate = rates[r], ms = rate / 1000;
		int worst = 0;

		tone(pcm, rate, rate, 300);
		plc_init(&plc, rate);
		plc_good(&plc, pcm, 100 * ms);
		plc_make(&plc, pcm + 100 * ms, 10 * ms);
		/* The same tone goes on where it would have been. */
		assert_true(sound_share(pcm, 110 * ms, rate, 300) > 0.98);
		plc_make(&plc, pcm + 110 * ms, 60 * ms);
		assert_int_equal(pcm[169 * ms], 0);
		/* And back, without a click. */
		plc_good(&plc, pcm + 170 * ms, 30 * ms);
		for (unsigned i = 1; i < 200 * ms; i++) {
			int step = abs(pcm[i] - pcm[i - 1]);

			worst = step > worst ? step : worst;
		}
		assert_in_range(worst, 1,
				2 * 8000 * 2 * 3.15 * 300 / rate + 400);
	}
}

static void periods_more_and_less(void **state)
{
	static int16_t pcm[4000];
	unsigned n;

	(void)state;
	tone(pcm, 480, 8000, 200);
	assert_in_range(plc_period(pcm, 480, 8000), 39, 41);
	n = plc_shrink(pcm, 480, 8000);
	assert_int_equal(n, 440);
	assert_true(sound_share(pcm, n, 8000, 200) > 0.98);
	n = plc_stretch(pcm, n, 8000);
	assert_int_equal(n, 480);
	assert_true(sound_share(pcm, n, 8000, 200) > 0.98);
	assert_int_equal(plc_shrink(pcm, 100, 8000), 100); /* no room */
}

/* --- noise --- */

static void noise_has_its_level(void **state)
{
	static const uint8_t levels[] = {20, 40, 60};
	static int16_t pcm[16000];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		/* White, and coloured by a filter. */
		const uint8_t payload[] = {levels[i], 220, 90, 140};
		struct noise s = {.seed = 7};

		for (size_t n = 1; n <= 4; n += 3) {
			assert_true(noise_read(&s, payload, n));
			noise_make(&s, pcm, 16000);
			assert_in_range(noise_level(pcm, 16000), levels[i] - 3u,
					levels[i] + 3u);
		}
	}
	assert_false(noise_read(&(struct noise){.on = false}, NULL, 0));
	memset(pcm, 0, sizeof(pcm));
	assert_int_equal(noise_level(pcm, 16000), 127);
}

static void sums_saturate(void **state)
{
	int16_t loud[2] = {30000, -30000}, out[2];
	int32_t sum[2] = {0, 0};

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		mix_add(sum, loud, 2);
	mix_minus(out, sum, loud, 2);
	assert_int_equal(out[0], 32767);
	assert_int_equal(out[1], -32768);
	mix_minus(out, sum, NULL, 2);
	assert_int_equal(out[0], 32767);
}

/* --- rtcp --- */

static void collect(const struct rtcp_item *i, void *arg)
{
	struct rtcp_item *items = arg;

	items[i->kind] = *i;
}

static void reports_are_read_back(void **state)
{
	struct rtcp_tx tx = {.ssrc = 1, .ts = 99, .packets = 5, .octets = 800};
	struct rtcp_item items[3] = {{.ssrc = 0}};
	struct rtcp_rx rx = {.valid = false};
	uint8_t out[RTCP_MAX];
	size_t n;

	(void)state;
	/* 10 expected, 8 came; the clock wraps. */
	for (unsigned i = 0; i < 10; i++)
		if (i != 3 && i != 7)
			rtcp_seen(&rx, 2, (uint16_t)(65531 + i),
				  0xffffff00u + i * 160, i * 160);
	assert_int_equal(rtcp_lost(&rx), 2);
	n = rtcp_write(out, &tx, &rx, "name", true, 0x123456789abcdef0, 7);
	assert_true(rtcp_read(out, n, collect, items));
	assert_int_equal(items[RTCP_SR].ssrc, 1);
	assert_true(items[RTCP_SR].ntp == 0x123456789abcdef0);
	assert_int_equal(items[RTCP_REPORT].about, 2);
	assert_int_equal(items[RTCP_REPORT].lost, 2);
	assert_in_range(items[RTCP_REPORT].fraction, 50, 52);
	assert_int_equal(items[RTCP_BYE].ssrc, 1);
	for (size_t cut = 1; cut < n; cut++)
		if (rtcp_read(out, cut, collect, items))
			assert_int_equal(cut % 4, 0); /* between two packets */
}

static void a_round_trip_is_measured(void **state)
{
	struct rtcp_tx tx = {.ssrc = 5};
	struct rtcp_item i = {.kind = RTCP_REPORT, .about = 5};
	uint64_t sent = (uint64_t)0x1234 << 32;

	(void)state;
	i.last_sr = (uint32_t)(sent >> 16);
	i.delay = 65536 / 4; /* it kept it for a quarter of a second */
	assert_true(rtcp_tx_item(&tx, &i, sent + ((uint64_t)1 << 31)));
	assert_in_range(tx.round_trip, 249000, 251000);
	i.about = 6;
	assert_false(rtcp_tx_item(&tx, &i, sent));
}

/* --- codecs, against the ffmpeg program --- */

static const struct {
	const char *codec, *muxer, *ffmpeg, *rate;
} raw_codecs[] = {
	{"PCMU", "mulaw", "pcm_mulaw", "8000"},
	{"PCMA", "alaw", "pcm_alaw", "8000"},
	{"G722", "g722", "g722", "16000"},
};

static void by_ffmpeg(const char *options, const void *in, size_t n, void *out,
		      size_t room, size_t *got)
{
	char from[] = "/tmp/sound-test-XXXXXX", command[512];
	int fd = mkstemp(from);
	FILE *f;

	assert_true(fd >= 0 && write(fd, in, n) == (ssize_t)n);
	close(fd);
	snprintf(command, sizeof(command), options, from);
	f = popen(command, "r");
	assert_non_null(f);
	*got = fread(out, 1, room, f);
	assert_int_equal(pclose(f), 0);
	unlink(from);
}

static void codecs_agree_with_ffmpeg(void **state)
{
	static int16_t pcm[16000], back[32000];
	static uint8_t coded[16000], theirs[16000];

	(void)state;
	codec_probe();
	for (unsigned i = 0; i < 3; i++) {
		const struct codec *c = codec_find(raw_codecs[i].codec, 8000);
		const struct encoder_options o = {.rate = c->rate, .ptime = 20};
		struct encoder *e = encoder_new(c, &o);
		struct decoder *d = decoder_new(c);
		unsigned n = c->rate / 50;
		size_t len = 0, got, samples = 0;
		char options[256];

		tone(pcm, c->rate, c->rate, 1000);
		for (unsigned k = 0; k < 50; k++)
			len += (size_t)encoder_put(e, pcm + k * n, n,
						   coded + len);
		assert_int_equal(len, 8000);
		/* They decode what we encode ... */
		snprintf(options, sizeof(options),
			 "ffmpeg -v error -f %s %s %s -i %%s -f s16le -",
			 raw_codecs[i].muxer, i == 2 ? "" : "-ar",
			 i == 2 ? "" : "8000");
		by_ffmpeg(options, coded, len, back, sizeof(back), &got);
		assert_int_equal(got, c->rate * 2);
		assert_true(sound_share(back, c->rate, c->rate, 1000) > 0.99);
		/* ... and we decode what they encode. */
		snprintf(options, sizeof(options),
			 "ffmpeg -v error -f s16le -ar %s -ac 1 -i %%s -c:a %s "
			 "-f %s -",
			 raw_codecs[i].rate, raw_codecs[i].ffmpeg,
			 raw_codecs[i].muxer);
		by_ffmpeg(options, pcm, c->rate * 2, theirs, sizeof(theirs),
			  &got);
		assert_int_equal(got, 8000);
		for (unsigned k = 0; k < 50; k++)
			samples += (size_t)decoder_put(d, theirs + k * 160, 160,
						       back + samples);
		assert_int_equal(samples, c->rate);
		assert_true(sound_share(back, c->rate, c->rate, 1000) > 0.99);
		encoder_free(e);
		decoder_free(d);
	}
}

static void decoders_refuse_lies(void **state)
{
	static int16_t pcm[DECODED_MAX];
	uint8_t payload[1400] = {0};
	struct decoder *d;

	(void)state;
	codec_probe();
	d = decoder_new(codec_find("opus", 48000));
	assert_int_equal(decoder_put(d, payload, 0, pcm), -1);
	payload[0] = 0xfb; /* code 3 ... */
	payload[1] = 63;   /* ... of 63 frames of 20 ms */
	assert_int_equal(decoder_put(d, payload, 1400, pcm), -1);
	assert_int_equal(decoder_conceal(d, pcm), 0); /* nothing to go by */
	memcpy(payload, "\xf8\xff\xfe", 3);
	assert_int_equal(decoder_put(d, payload, 3, pcm), 960);
	assert_int_equal(decoder_conceal(d, pcm), 960);
	decoder_free(d);
	d = decoder_new(codec_find("G722", 8000));
	assert_int_equal(decoder_put(d, payload, 1400, pcm), 2800);
	decoder_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(order_loss_and_late_ones),
		cmocka_unit_test(the_target_follows_the_network),
		cmocka_unit_test(a_stray_packet_is_no_new_start),
		cmocka_unit_test(concealment_goes_on_and_fades),
		cmocka_unit_test(periods_more_and_less),
		cmocka_unit_test(noise_has_its_level),
		cmocka_unit_test(sums_saturate),
		cmocka_unit_test(reports_are_read_back),
		cmocka_unit_test(a_round_trip_is_measured),
		cmocka_unit_test(codecs_agree_with_ffmpeg),
		cmocka_unit_test(decoders_refuse_lies),
	};

	av_log_set_level(AV_LOG_QUIET);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
