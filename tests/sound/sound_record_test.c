/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings: what is in them, what is on the disk, and what happens when that
 * is full, cut off, or tampered with. Long, since each reads back what the same
 * writer has sealed. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "control/media/recording.h"
#include "tests/sound/lab.h"
#include "tests/sound/unseal.h"

static struct lab lab;
static struct lab_phone phones[2];
static struct recordings *recordings;
static char folder[64], path[128];
static uint8_t pub[32], priv[32];
static char *keys[1];
static char key_text[64];

static void begin(unsigned quota, unsigned retention)
{
	const struct media_config_recording c = {
		.folder = folder,
		.keys = keys,
		.keys_count = 1,
		.quota = quota,
		.retention = retention,
		.sync = 1,
	};

	lab_open(&lab);
	lab_phone(&lab, &phones[0], "PCMU", 440, 1, 2);
	lab_phone(&lab, &phones[1], "opus", 1000, 2, 1);
	assert_null(lab_port(&lab,
			     "{'port':'1','generation':1,'in':[{'pt':0,"
			     "'codec':'PCMU','clock':8000}],'out':{'pt':96,"
			     "'codec':'opus','clock':48000,'channels':2},"
			     "'source':{'port':'1'}}"));
	assert_null(lab_port(&lab,
			     "{'port':'2','generation':1,'in':[{'pt':96,"
			     "'codec':'opus','clock':48000,'channels':2}],"
			     "'out':{'pt':0,'codec':'PCMU','clock':8000},"
			     "'source':{'port':'2'}}"));
	recordings = recordings_new(lab.engine, &c);
	assert_non_null(recordings);
	assert_null(recordings_reason(recordings));
}

static void end(void)
{
	recordings_free(recordings);
	lab_close(&lab);
}

static int open_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/sound-test-XXXXXX");
	if (!mkdtemp(folder) || sodium_init() < 0)
		return -1;
	crypto_box_keypair(pub, priv);
	sodium_bin2base64(key_text, sizeof(key_text), pub, sizeof(pub),
			  sodium_base64_VARIANT_ORIGINAL);
	keys[0] = key_text;
	return 0;
}

static int close_folder(void **state)
{
	char command[128];

	(void)state;
	umount2(folder, MNT_DETACH); /* where a test failed */
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static enum record_error start(const char *id)
{
	struct record_want w = {.tracks = 2};
	json_t *left_out = json_array();
	enum record_error e;

	strcpy(w.id, id);
	strcpy(w.call, "call-1");
	w.track[0].port = 1;
	w.track[1].port = 2;
	w.meta = (char *)"{\"marker\":\"MARKER-OF-A-SECRET\"}";
	e = record_start(recordings, &w, left_out);
	json_decref(left_out);
	snprintf(path, sizeof(path), "%s/%s.sealed", folder, id);
	return e;
}

static void run(unsigned ms)
{
	lab_run(&lab, ms);
	recordings_tidy(recordings);
}

static void wait_closed(void)
{
	for (unsigned i = 0; recordings_count(recordings) && i < 5000; i++) {
		usleep(1000);
		recordings_tidy(recordings);
	}
	assert_int_equal(recordings_count(recordings), 0);
}

static void load(struct unsealed *u)
{
	size_t n;
	uint8_t *p = file_read(path, &n);

	assert_non_null(p);
	unseal(u, p, n, pub, priv);
	free(p);
}

static void both_tracks_hold_their_tones(void **state)
{
	struct unsealed u;
	int16_t *pcm;

	(void)state;
	begin(100, 0);
	run(300);
	assert_int_equal(start("r1"), RECORD_OK);
	assert_int_equal(start("r1"), RECORD_OK); /* twice: nothing happens */
	run(4000);
	assert_int_equal(record_stop(recordings, "r1", ""), RECORD_OK);
	wait_closed();
	assert_int_equal(lab_events(&lab, "recording-closed"), 1);
	load(&u);
	assert_true(u.opened && u.whole && u.complete);
	assert_non_null(strstr(u.meta, "MARKER-OF-A-SECRET"));
	assert_non_null(strstr(u.end, "stopped"));
	for (unsigned t = 0; t < 2; t++) {
		unsigned n = ffmpeg_track(u.mkv, u.len, t, &pcm);

		assert_in_range(n, 16000 * 38 / 10, 16000 * 41 / 10);
		assert_true(sound_share(pcm + 16000, 16000, 16000,
					phones[t].hz) > 0.97);
		free(pcm);
	}
	free(u.mkv);
	end();
}

static void pauses_leave_a_gap(void **state)
{
	struct unsealed u;
	int16_t *pcm;
	unsigned n;

	(void)state;
	begin(100, 0);
	assert_int_equal(start("r2"), RECORD_OK);
	run(1000);
	assert_int_equal(record_pause(recordings, "r2", true), RECORD_OK);
	run(5000);
	assert_int_equal(record_pause(recordings, "r2", false), RECORD_OK);
	run(1000);
	assert_int_equal(record_stop(recordings, "r2", "done"), RECORD_OK);
	assert_int_equal(record_stop(recordings, "r2", ""), RECORD_NOT_FOUND);
	wait_closed();
	load(&u);
	assert_true(u.complete);
	assert_non_null(strstr(u.end, "\"ms\":7000"));
	n = ffmpeg_track(u.mkv, u.len, 0, &pcm);
	assert_in_range(n, 16000 * 18 / 10, 16000 * 22 / 10);
	free(pcm);
	free(u.mkv);
	end();
}

/* Every octet that lies in the folder, in the middle of it and at the end. */
static void nothing_plain(void)
{
	static const struct {
		const char *what;
		size_t n;
	} signs[] = {
		{"\x1a\x45\xdf\xa3", 4},
		{"matroska", 8},
		{"OpusHead", 8},
		{"fLaC", 4},
		{"MARKER-OF-A-SECRET", 18},
		{"Lavf", 4},
		{"\"tracks\"", 8},
	};
	size_t n;
	uint8_t *p = file_read(path, &n);

	assert_non_null(p);
	assert_true(n > 1000);
	for (unsigned i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (memmem(p, n, signs[i].what, signs[i].n))
			fail_msg("%s is on the disk", signs[i].what);
	free(p);
}

static void nothing_plain_and_safe_from_crashes(void **state)
{
	struct unsealed u;
	int16_t *pcm;
	size_t n, size;
	uint8_t *p;

	(void)state;
	begin(100, 0);
	assert_int_equal(start("r3"), RECORD_OK);
	run(5100);
	usleep(100000); /* the writer's thread */
	nothing_plain();
	/* As a crash would leave it, and cut off at any octet. */
	p = file_read(path, &size);
	unseal(&u, p, size, pub, priv);
	assert_true(u.opened && u.whole && !u.complete);
	n = ffmpeg_track(u.mkv, u.len, 1, &pcm);
	assert_true(n > 16000 * 4);
	assert_true(sound_share(pcm + 16000, 16000, 16000, 1000) > 0.97);
	free(pcm);
	free(u.mkv);
	for (size_t cut = 0; cut < size; cut += 97) {
		unseal(&u, p, size - cut, pub, priv);
		assert_true(!u.complete && (u.whole || !u.opened));
		free(u.mkv);
	}
	free(p);
	record_stop(recordings, "r3", "");
	wait_closed();
	nothing_plain();
	end();
}

static void tampering_is_found(void **state)
{
	uint8_t other_pub[32], other_priv[32], *p, *copy;
	struct unsealed u;
	size_t n;

	(void)state;
	begin(100, 0);
	assert_int_equal(start("r4"), RECORD_OK);
	run(2500);
	record_stop(recordings, "r4", "");
	wait_closed();
	p = file_read(path, &n);
	copy = malloc(n);
	for (size_t at = 0; at < n; at += 53) {
		memcpy(copy, p, n);
		copy[at] ^= 0x10;
		unseal(&u, copy, n, pub, priv);
		assert_false(u.opened && u.whole && u.complete);
		free(u.mkv);
	}
	crypto_box_keypair(other_pub, other_priv);
	unseal(&u, p, n, other_pub, other_priv);
	assert_false(u.opened);
	unseal(&u, p, n, pub, other_priv);
	assert_false(u.opened);
	free(copy);
	free(p);
	end();
}

static void a_full_disk_disturbs_nobody(void **state)
{
	struct unsealed u;

	(void)state;
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", folder, "tmpfs", 0, "size=64k"))
		skip();
	begin(100, 0);
	assert_int_equal(start("r5"), RECORD_OK);
	for (unsigned i = 0; recordings_count(recordings) && i < 120; i++) {
		run(500);
		usleep(2000);
	}
	assert_int_equal(recordings_count(recordings), 0);
	assert_int_equal(lab_events(&lab, "recording-failed"), 1);
	assert_int_equal(lab_events(&lab, "store-warning"), 1);
	/* What was written is good, and the call went on. */
	load(&u);
	assert_true(u.opened && u.whole && !u.complete && u.len > 10000);
	free(u.mkv);
	lab_listen(&lab);
	run(1000);
	assert_true(lab_share(&phones[0], 1000) > 0.9);
	end();
	umount2(folder, MNT_DETACH);
}

static void the_oldest_go_first(void **state)
{
	(void)state;
	begin(100, 0);
	for (unsigned i = 0; i < 3; i++) {
		char id[8];

		snprintf(id, sizeof(id), "q%u", i);
		assert_int_equal(start(id), RECORD_OK);
		run(1500);
		record_stop(recordings, id, "");
		wait_closed();
		usleep(2000);
	}
	end();
	/* 1 MiB of quota: a big file that came before them all goes. */
	begin(1, 0);
	snprintf(path, sizeof(path), "%s/q0.sealed", folder);
	end();
	assert_int_equal(truncate(path, 2 << 20), 0);
	begin(1, 0);
	recordings_tidy(recordings);
	assert_int_equal(lab_events(&lab, "store-deleted"), 1);
	assert_int_equal(lab_events(&lab, "store-warning"), 1);
	assert_null(archive_find(recordings_archive(recordings), "q0"));
	assert_non_null(archive_find(recordings_archive(recordings), "q1"));
	end();
	assert_int_equal(access(path, F_OK), -1);
}

#define HOUR 3600000ull

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* In the header, as if it had been begun so long ago. */
static void make_older(const char *id, uint64_t hours)
{
	uint64_t started = now_ms() - hours * HOUR;
	uint8_t be[8];
	FILE *f;

	for (unsigned i = 0; i < 8; i++)
		be[i] = (uint8_t)(started >> (56 - 8 * i));
	snprintf(path, sizeof(path), "%s/%s.sealed", folder, id);
	f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, sizeof(SEAL_MAGIC) - 1 + 4, SEEK_SET), 0);
	assert_int_equal(fwrite(be, 1, 8, f), 8);
	fclose(f);
}

/* The n-th event of that name. */
static const char *told(const char *name, const char *field, unsigned n)
{
	const json_t *e;
	size_t i;

	json_array_foreach (lab.events, i, e)
		if (!strcmp(json_string_value(json_object_get(e, "event")),
			    name) &&
		    n-- == 0)
			return json_string_value(json_object_get(e, field));
	return NULL;
}

static bool is_there(const char *id)
{
	return archive_find(recordings_archive(recordings), id);
}

static void the_old_ones_go(void **state)
{
	static const struct {
		const char *id;
		uint64_t hours;
	} had[] = {{"a", 60}, {"b", 80}, {"c", 30}, {"d", 5}, {"e", 0}};

	(void)state;
	begin(100, 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(start(had[i].id), RECORD_OK);
		run(1200);
		record_stop(recordings, had[i].id, "");
		wait_closed();
	}
	end();
	for (unsigned i = 0; i < 4; i++)
		make_older(had[i].id, had[i].hours);
	begin(100, 2); /* days */
	assert_int_equal(start("e"), RECORD_OK);
	recordings_tidy(recordings);
	assert_int_equal(lab_events(&lab, "store-deleted"), 2);
	assert_string_equal(told("store-deleted", "recording", 0), "b");
	assert_string_equal(told("store-deleted", "recording", 1), "a");
	assert_string_equal(told("store-deleted", "reason", 1), "retention");
	assert_true(is_there("c") && is_there("d") && is_there("e"));
	/* one has a day left, and a word of that is enough */
	assert_int_equal(lab_events(&lab, "store-warning"), 1);
	assert_non_null(strstr(told("store-warning", "message", 0),
			       "1 recording is so old"));
	for (unsigned hours = 1; hours < 17; hours += 5)
		archive_tidy(recordings_archive(recordings),
			     now_ms() + hours * HOUR);
	assert_int_equal(lab_events(&lab, "store-warning"), 1);
	archive_tidy(recordings_archive(recordings), now_ms() + 20 * HOUR);
	assert_int_equal(lab_events(&lab, "store-warning"), 2);
	assert_true(!is_there("c") && is_there("d"));
	/* what is being written never goes */
	archive_tidy(recordings_archive(recordings), now_ms() + 100 * HOUR);
	assert_true(!is_there("d") && is_there("e"));
	end();
	for (unsigned i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s/%s.sealed", folder, had[i].id);
		assert_int_equal(access(path, F_OK), i == 4 ? 0 : -1);
	}
}

/* Two seconds coded by ffmpeg, in packets as the codec's RFC has them. */
static const struct {
	const char *codec, *options, *probe;
} videos[] = {
	{"VP8", "-c:v libvpx -g 15 -f ivf", "vp8,320,240"},
	{"H264", "-c:v libx264 -profile:v baseline -g 15 -bf 0 -f h264",
	 "h264,320,240"},
};

#define VIDEO_PART 900

static uint16_t video_seq;

static void send_video(uint32_t ts, bool marker, const uint8_t *head,
		       size_t head_len, const uint8_t *p, size_t n)
{
	uint8_t packet[RTP_HEADER + 4 + VIDEO_PART];
	const struct rtp r = {.pt = 97,
			      .seq = video_seq++,
			      .ts = ts,
			      .marker = marker,
			      .ssrc = 9};

	rtp_write(packet, &r);
	memcpy(packet + RTP_HEADER, head, head_len);
	memcpy(packet + RTP_HEADER + head_len, p, n);
	lab_send(&lab, 3, packet, RTP_HEADER + head_len + n);
}

static void send_vp8(const uint8_t *p, size_t n, uint32_t ts)
{
	for (size_t at = 0; at < n; at += VIDEO_PART) {
		size_t part = n - at < VIDEO_PART ? n - at : VIDEO_PART;
		const uint8_t head[] = {at ? 0x80 : 0x90, 0x80, 0x11};

		send_video(ts, at + part == n, head, 3, p + at, part);
	}
}

/* One unit: whole, or in fragments. */
static void send_unit(const uint8_t *p, size_t n, uint32_t ts, bool last)
{
	if (n <= VIDEO_PART) {
		send_video(ts, last, p, 0, p, n);
		return;
	}
	for (size_t at = 1; at < n; at += VIDEO_PART) {
		size_t part = n - at < VIDEO_PART ? n - at : VIDEO_PART;
		const uint8_t head[] = {(uint8_t)((p[0] & 0xe0) | 28),
					(uint8_t)((at == 1 ? 0x80 : 0) |
						  (at + part == n ? 0x40 : 0) |
						  (p[0] & 31))};

		send_video(ts, last && at + part == n, head, 2, p + at, part);
	}
}

static size_t next_start(const uint8_t *p, size_t n, size_t at)
{
	for (; at + 3 <= n; at++)
		if (!p[at] && !p[at + 1] && p[at + 2] == 1)
			return at;
	return n;
}

static void play_ivf(const uint8_t *p, size_t n)
{
	uint32_t frame = 0;

	for (size_t at = 32; at + 12 < n; frame++) {
		size_t len = p[at] | (size_t)p[at + 1] << 8 |
			     (size_t)p[at + 2] << 16;

		send_vp8(p + at + 12, len, frame * 6000);
		at += 12 + len;
		run(70);
	}
}

static void play_h264(const uint8_t *p, size_t n)
{
	size_t at = next_start(p, n, 0), end;
	uint32_t frame = 0;

	for (; at < n; at = end) {
		size_t from = at + 3, to;
		bool picture;

		end = next_start(p, n, from);
		to = end < n && !p[end - 1] ? end - 1 : end;
		picture = (p[from] & 31) == 1 || (p[from] & 31) == 5;
		send_unit(p + from, to - from, frame * 6000, picture);
		if (picture) {
			frame++;
			run(70);
		}
	}
}

static void record_video(unsigned i, const uint8_t *p, size_t n)
{
	struct record_want w = {.id = "v", .call = "call", .tracks = 2};
	json_t *left_out = json_array();
	char port[256];

	snprintf(port, sizeof(port),
		 "{'port':'3','generation':1,'in':[{'pt':97,'codec':'%s',"
		 "'clock':90000}]}",
		 videos[i].codec);
	assert_null(lab_port(&lab, port));
	w.track[0].port = 1;
	w.track[1].port = 3;
	assert_int_equal(record_start(recordings, &w, left_out), RECORD_OK);
	assert_int_equal(json_array_size(left_out), 0);
	json_decref(left_out);
	run(100);
	(i ? play_h264 : play_ivf)(p, n);
	record_stop(recordings, w.id, "");
	wait_closed();
	snprintf(path, sizeof(path), "%s/v.sealed", folder);
}

/* All thirty pictures, of the right codec and size. */
static void probe_video(unsigned i)
{
	char command[512], said[128];
	struct unsealed u;
	size_t n;
	FILE *f;

	load(&u);
	assert_true(u.complete);
	snprintf(command, sizeof(command), "%s/out.mkv", folder);
	f = fopen(command, "wb");
	assert_int_equal(fwrite(u.mkv, 1, u.len, f), u.len);
	fclose(f);
	free(u.mkv);
	snprintf(command, sizeof(command),
		 "ffprobe -v error -select_streams v -count_frames "
		 "-show_entries stream=codec_name,width,height,nb_read_frames "
		 "-of csv=p=0 %s/out.mkv 2>&1",
		 folder);
	f = popen(command, "r");
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = '\0';
	assert_int_equal(pclose(f), 0);
	if (strncmp(said, videos[i].probe, strlen(videos[i].probe)) ||
	    !strstr(said, ",30"))
		fail_msg("%s: %s", videos[i].codec, said);
}

static void video_is_kept_as_it_came(void **state)
{
	char command[512];
	uint8_t *p;
	size_t n;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(command, sizeof(command),
			 "ffmpeg -v error -f lavfi -i "
			 "testsrc=size=320x240:rate=15:duration=2 -pix_fmt "
			 "yuv420p %s -y %s/in",
			 videos[i].options, folder);
		if (system(command))
			skip(); /* no such encoder here */
		snprintf(command, sizeof(command), "%s/in", folder);
		p = file_read(command, &n);
		assert_true(p && n > 5000);
		begin(100, 0);
		record_video(i, p, n);
		free(p);
		probe_video(i);
		snprintf(command, sizeof(command), "rm %s/*", folder);
		assert_int_equal(system(command), 0);
		end();
	}
}

static void other_video_is_left_out_with_a_reason(void **state)
{
	struct record_want w = {.id = "x", .call = "c", .tracks = 1};
	json_t *left_out = json_array();

	(void)state;
	begin(100, 0);
	assert_null(lab_port(&lab, "{'port':'3','generation':1,'in':[{'pt':98,"
				   "'codec':'VP9','clock':90000}]}"));
	w.track[0].port = 3;
	assert_int_equal(record_start(recordings, &w, left_out),
			 RECORD_NOTHING);
	w.tracks = 2;
	w.track[1].port = 1;
	assert_int_equal(record_start(recordings, &w, left_out), RECORD_OK);
	assert_int_equal(json_array_size(left_out), 2);
	w.track[1].port = 77;
	strcpy(w.id, "y");
	assert_int_equal(record_start(recordings, &w, left_out),
			 RECORD_NOT_FOUND);
	json_decref(left_out);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_tracks_hold_their_tones,
						open_folder, close_folder),
		cmocka_unit_test_setup_teardown(pauses_leave_a_gap, open_folder,
						close_folder),
		cmocka_unit_test_setup_teardown(
			nothing_plain_and_safe_from_crashes, open_folder,
			close_folder),
		cmocka_unit_test_setup_teardown(tampering_is_found, open_folder,
						close_folder),
		cmocka_unit_test_setup_teardown(the_oldest_go_first,
						open_folder, close_folder),
		cmocka_unit_test_setup_teardown(the_old_ones_go, open_folder,
						close_folder),
		cmocka_unit_test_setup_teardown(video_is_kept_as_it_came,
						open_folder, close_folder),
		cmocka_unit_test_setup_teardown(
			other_video_is_left_out_with_a_reason, open_folder,
			close_folder),
		cmocka_unit_test_setup_teardown(a_full_disk_disturbs_nobody,
						open_folder, close_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
