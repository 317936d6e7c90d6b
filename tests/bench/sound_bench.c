/* SPDX-License-Identifier: Apache-2.0 */
/* How many calls a core carries in sallyport-media: transcoded (Opus and µ-law,
 * both directions), recorded, and parties of conferences. The engine does what
 * it does for real calls: packets in, packets out, every 10 ms; timed is CPU
 * time, of which a second holds so many. What phones do is made beforehand and
 * not timed; the rings and the disk are not in it, encoding and sealing are. */
#include <getopt.h>
#include <libavutil/log.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "control/log.h"
#include "control/media/recording.h"

#define PACKETS 250 /* of 20 ms, said again and again */
#define CALLS	20
#define ROOM	16

struct said {
	uint8_t data[OUTPUT_OCTETS];
	size_t n;
};

static struct said said[2][PACKETS]; /* Opus, µ-law */
static const char *const names[] = {"opus", "PCMU"};
static uint64_t sent;

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_send(const struct port *p, bool rtcp, const uint8_t *data,
		    size_t n, void *arg)
{
	(void)p;
	(void)data;
	(void)n;
	(void)arg;
	sent += !rtcp;
}

static void on_event(json_t *event, void *arg)
{
	(void)arg;
	json_decref(event);
}

/* Speech-like: vowels of three harmonics that glide, with pauses. */
static void speak(int16_t *pcm, unsigned n, unsigned rate, unsigned packet)
{
	for (unsigned i = 0; i < n; i++) {
		double t = packet * 0.02 + (double)i / rate;
		double f = 120 + 40 * sin(t * 3), loud = 0.6 + 0.4 * sin(t * 9);
		double v = sin(2 * M_PI * f * t) + 0.6 * sin(4 * M_PI * f * t) +
			   0.4 * sin(14 * M_PI * f * t);

		pcm[i] = (int16_t)(packet % 50 < 35 ? 5000 * loud * v : 0);
	}
}

static bool prepare(void)
{
	int16_t pcm[960];

	for (unsigned c = 0; c < 2; c++) {
		const struct codec *codec = codec_find(names[c], 0);
		const struct encoder_options o = {.rate = codec->rate,
						  .ptime = 20};
		struct encoder *e = encoder_new(codec, &o);

		for (unsigned i = 0; e && i < PACKETS; i++) {
			int n;

			speak(pcm, codec->rate / 50, codec->rate, i);
			n = encoder_put(e, pcm, codec->rate / 50,
					said[c][i].data + RTP_HEADER);
			said[c][i].n = RTP_HEADER + (size_t)(n > 0 ? n : 0);
		}
		if (!e)
			return false;
		encoder_free(e);
	}
	return true;
}

static struct port_want want(uint64_t id, unsigned in, unsigned out)
{
	struct port_want w = {.id = id, .formats = 1};

	w.in[0].codec = codec_find(names[in], 0);
	w.in[0].clock = w.in[0].codec->clock;
	w.in[0].pt = in ? 0 : 96;
	w.out.codec = codec_find(names[out], 0);
	w.out.pt = out ? 0 : 96;
	w.out.ptime = 20;
	w.out.event_pt = w.out.noise_pt = NO_PT;
	return w;
}

struct set {
	struct engine *engine;
	struct recordings *recordings;
	unsigned ports;
	unsigned codec[CALLS * 2];
};

static bool add(struct set *s, struct port_want *w, unsigned codec)
{
	const char *field;

	s->codec[s->ports++] = codec;
	return !port_set(s->engine, w, &field);
}

/* Two streams of a call, each for the other side. */
static bool set_transcoding(struct set *s)
{
	bool ok = true;

	for (unsigned i = 0; i < CALLS * 2; i++) {
		struct port_want w = want(i + 1, i & 1, !(i & 1));

		w.has_out = true;
		w.source.kind = SOURCE_PORT;
		w.source.port = i + 1;
		ok &= add(s, &w, i & 1);
	}
	return ok;
}

static bool set_recording(struct set *s)
{
	json_t *left_out = json_array();
	bool ok = true;

	for (unsigned i = 0; i < CALLS; i++) {
		struct record_want r = {.tracks = 2};

		for (unsigned k = 0; k < 2; k++) {
			struct port_want w = want(2 * i + k + 1, 1, 1);

			ok &= add(s, &w, 1);
			r.track[k].port = w.id;
		}
		snprintf(r.id, sizeof(r.id), "bench-%u", i);
		strcpy(r.call, "bench");
		ok &= !record_start(s->recordings, &r, left_out);
	}
	json_decref(left_out);
	return ok;
}

static bool set_conference(struct set *s)
{
	bool ok = !room_set(s->engine, "room", 16000);

	for (unsigned i = 0; i < ROOM; i++) {
		struct port_want w = want(i + 1, i & 1, i & 1);

		w.has_out = true;
		w.source.kind = SOURCE_ROOM;
		w.source.speak = w.source.hear = true;
		strcpy(w.source.room, "room");
		ok &= add(s, &w, i & 1);
	}
	return ok;
}

static void receive(struct set *s, unsigned packet, uint64_t now)
{
	for (unsigned i = 0; i < s->ports; i++) {
		unsigned c = s->codec[i];
		struct said *from = &said[c][packet % PACKETS];
		struct rtp r = {.pt = c ? 0 : 96,
				.seq = (uint16_t)packet,
				.ts = packet * (c ? 160 : 960),
				.ssrc = i + 1};

		rtp_write(from->data, &r);
		engine_packet(s->engine, i + 1, 0, 0, 0, from->data, from->n,
			      now);
	}
}

static double run(struct set *s, unsigned seconds)
{
	uint64_t now = 1000000;
	double start = 0;

	for (unsigned i = 0; i < (seconds + 1) * 50; i++) {
		if (i == 50) /* buffers are full, encoders warm */
			start = cpu_seconds();
		receive(s, i, now);
		for (unsigned k = 0; k < 2; k++, now += FRAME_US)
			engine_tick(s->engine, now);
	}
	return (cpu_seconds() - start) / seconds;
}

static const struct kind {
	const char *what, *unit;
	bool (*set)(struct set *s);
	unsigned units;
} kinds[] = {
	{"transcoding", "calls", set_transcoding, CALLS},
	{"recording", "calls", set_recording, CALLS},
	{"conference", "parties", set_conference, ROOM},
};

static bool bench(const struct kind *k, unsigned seconds, char *folder,
		  char *key, FILE *json, bool first)
{
	const struct engine_limits limits = {CALLS * 2, 1, CALLS * 2};
	const struct engine_handlers h = {on_send, on_event, NULL};
	const struct media_config_recording c = {.folder = folder,
						 .keys = &key,
						 .keys_count = 1,
						 .quota = 1000,
						 .sync = 2};
	struct set s = {.engine = engine_new(&limits, &h)};
	double load, all;
	bool ok;

	s.recordings = recordings_new(s.engine, &c);
	ok = s.recordings && k->set(&s);
	sent = 0;
	load = ok ? run(&s, seconds) : 1;
	all = k->units / load;
	/* What isn't sent is recorded, all of it. */
	ok = ok && (sent || recordings_count(s.recordings) == k->units);
	recordings_free(s.recordings);
	engine_free(s.engine);
	printf("%-12s %7.0f %s a core (%.2f %% of it for each)\n", k->what, all,
	       k->unit, 100 * load / k->units);
	if (json)
		fprintf(json,
			"%s{\"what\": \"%s\", \"unit\": \"%s\", "
			"\"per_core\": %.1f, \"measured_with\": %u}",
			first ? "" : ",\n", k->what, k->unit, all, k->units);
	return ok && load > 0;
}

static int usage(void)
{
	fputs("usage: sound_bench [--json FILE] [--quick]\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", required_argument, NULL, 'j'},
		{"quick", no_argument, NULL, 'q'},
		{NULL, 0, NULL, 0},
	};
	char folder[] = "/tmp/sound-bench-XXXXXX", key[64], command[128];
	uint8_t pub[32], priv[32];
	FILE *json = NULL;
	unsigned seconds = 20;
	bool ok = true;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == '?')
			return usage();
		if (o == 'q')
			seconds = 5;
		if (o == 'j' && !(json = fopen(optarg, "w"))) {
			perror(optarg);
			return 2;
		}
	}
	av_log_set_level(AV_LOG_QUIET);
	log_set_level(LEVEL_ERROR);
	codec_probe();
	if (sodium_init() < 0 || !mkdtemp(folder) || !prepare())
		return 1;
	crypto_box_keypair(pub, priv);
	sodium_bin2base64(key, sizeof(key), pub, sizeof(pub),
			  sodium_base64_VARIANT_ORIGINAL);
	if (json)
		fprintf(json, "[");
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		ok &= bench(&kinds[i], seconds, folder, key, json, !i);
	if (json) {
		fprintf(json, "]\n");
		ok &= !fclose(json);
	}
	snprintf(command, sizeof(command), "rm -r %s", folder);
	ok &= !system(command);
	return ok ? 0 : 1;
}
