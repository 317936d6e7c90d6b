/* SPDX-License-Identifier: Apache-2.0 */
/* Whole ways through the engine: transcoding in every pair, with loss and
 * reordering; rooms; tones; digits; noise; what strangers send. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "tests/sound/lab.h"

static struct lab lab;
static struct lab_phone phones[18];

static const struct {
	const char *name, *json;
} codecs[] = {
	{"PCMU", "'pt':0,'codec':'PCMU','clock':8000"},
	{"PCMA", "'pt':8,'codec':'PCMA','clock':8000"},
	{"G722", "'pt':9,'codec':'G722','clock':8000"},
	{"opus", "'pt':96,'codec':'opus','clock':48000,'channels':2"},
};

#define CODECS (sizeof(codecs) / sizeof(codecs[0]))

/* A port: in, out and source. */
static void set(unsigned id, unsigned in, unsigned out, const char *source)
{
	char json[1024];
	const char *error;

	snprintf(json, sizeof(json),
		 "{'port':'%u','generation':1,'in':[{%s},{'pt':101,"
		 "'codec':'telephone-event','clock':%u},{'pt':13,'codec':'CN',"
		 "'clock':8000}],'out':{%s,'telephone_event':101},"
		 "'source':%s}",
		 id, codecs[in].json, in == 3 ? 48000u : 8000u,
		 codecs[out].json, source);
	error = lab_port(&lab, json);
	if (error)
		fail_msg("port.set: %s: %s", error, json);
}

/* Two phones, each stream transcoded for the other. */
static void transcode(unsigned a, unsigned b)
{
	lab_phone(&lab, &phones[0], codecs[a].name, 440, 1, 2);
	lab_phone(&lab, &phones[1], codecs[b].name, 1000, 2, 1);
	set(1, a, b, "{'port':'1'}");
	set(2, b, a, "{'port':'2'}");
}

static void each_hears_the_other(double at_least)
{
	for (unsigned i = 0; i < 2; i++) {
		double other = lab_share(&phones[i], phones[!i].hz);
		double own = lab_share(&phones[i], phones[i].hz);

		if (other < at_least || own > 0.02)
			fail_msg("%s from %s: share of the other's tone %.3f, "
				 "of the own %.3f",
				 phones[i].codec, phones[!i].codec, other, own);
		assert_false(phones[i].disorder);
		assert_in_range(lab_level(&phones[i]), 3000, 8000);
	}
}

static void every_pair_both_ways(void **state)
{
	(void)state;
	for (unsigned a = 0; a < CODECS; a++)
		for (unsigned b = 0; b < CODECS; b++) {
			lab_open(&lab);
			transcode(a, b);
			lab_run(&lab, 500);
			lab_listen(&lab);
			lab_run(&lab, 2000);
			each_hears_the_other(0.97);
			lab_close(&lab);
		}
}

static void every_pair_with_loss_and_reordering(void **state)
{
	(void)state;
	for (unsigned a = 0; a < CODECS; a++)
		for (unsigned b = 0; b < CODECS; b++) {
			lab_open(&lab);
			lab.loss = 5;
			lab.reorder = 10;
			lab.jitter_us = 15000;
			transcode(a, b);
			lab_run(&lab, 500);
			lab_listen(&lab);
			lab_run(&lab, 3000);
			each_hears_the_other(0.85);
			assert_true(
				port_find(lab.engine, 1)->in.stats.concealed);
			lab_close(&lab);
		}
}

static void clocks_that_differ(void **state)
{
	const struct jitter *j;

	(void)state;
	for (int skew = -2000; skew <= 2000; skew += 4000) {
		lab_open(&lab);
		transcode(0, 2);
		phones[0].skew_ppm = skew;
		phones[1].skew_ppm = -skew;
		lab_run(&lab, 60000);
		lab_listen(&lab);
		lab_run(&lab, 4000);
		each_hears_the_other(0.85);
		/* Sixty seconds of 0.2 % are 120 ms: not piled up. */
		j = &port_find(lab.engine, 1)->in.jitter;
		assert_true(jitter_depth(j) < j->target + 90000);
		assert_int_equal(j->overflow, 0);
		lab_close(&lab);
	}
}

static void a_room_of_sixteen(void **state)
{
	(void)state;
	lab_open(&lab);
	assert_int_equal(room_set(lab.engine, "r", 16000), ENGINE_OK);
	for (unsigned i = 0; i < 16; i++) {
		lab_phone(&lab, &phones[i], codecs[i % CODECS].name,
			  300 + 100 * i, i + 1, i + 1);
		phones[i].silent = i >= 3;
		set(i + 1, i % CODECS, i % CODECS, "{'room':'r'}");
	}
	/* One more isn't let in, and nothing of it stays. */
	assert_string_equal(
		lab_port(&lab, "{'port':'99','generation':1,'in':[{'pt':0,"
			       "'codec':'PCMU','clock':8000}],'out':{'pt':0,"
			       "'codec':'PCMU','clock':8000},'source':{'room':"
			       "'r'}}"),
		"limit");
	assert_null(port_find(lab.engine, 99));
	lab_run(&lab, 500);
	lab_listen(&lab);
	lab_run(&lab, 2000);
	for (unsigned i = 0; i < 16; i++) {
		assert_false(phones[i].disorder);
		for (unsigned k = 0; k < 3; k++) {
			double heard = lab_share(&phones[i], 300 + 100 * k);

			if (i == k ? heard > 0.02 : heard < 0.2)
				fail_msg("%u hears %.3f of %u", i, heard, k);
		}
	}
	lab_close(&lab);
}

static void tones_and_nothing(void **state)
{
	(void)state;
	lab_open(&lab);
	lab_phone(&lab, &phones[0], "PCMA", 1000, 1, 1);
	set(1, 1, 1, "{'tone':[425],'on':500,'off':500}");
	lab_run(&lab, 3000);
	assert_true(sound_share(phones[0].heard + 800, 2400, 8000, 425) > 0.98);
	assert_int_equal(phones[0].heard[6000], 8); /* A-law's zero */
	lab_listen(&lab);
	set(1, 1, 1, "null");
	lab_run(&lab, 500);
	assert_int_equal(phones[0].count, 0);
	/* Sequence and SSRC go on where they were. */
	set(1, 1, 1, "{'silence':true}");
	lab_run(&lab, 500);
	assert_in_range(phones[0].count, 3800, 4000);
	assert_true(lab_level(&phones[0]) < 10);
	assert_false(phones[0].disorder);
	lab_close(&lab);
}

static void silence_becomes_comfort_noise(void **state)
{
	(void)state;
	lab_open(&lab);
	lab_phone(&lab, &phones[0], "PCMU", 440, 1, 2);
	lab_phone(&lab, &phones[1], "PCMA", 1000, 2, 1);
	assert_null(lab_port(
		&lab,
		"{'port':'1','generation':1,'in':[{'pt':0,'codec':'PCMU',"
		"'clock':8000}],'out':{'pt':8,'codec':'PCMA','clock':8000,"
		"'cn':13},'source':{'port':'1'}}"));
	lab_run(&lab, 1000);
	assert_int_equal(phones[1].noise, 0);
	phones[0].silent = true;
	lab_run(&lab, 400);
	lab_listen(&lab);
	lab_run(&lab, 2000);
	assert_int_equal(phones[1].count, 0);
	assert_in_range(phones[1].noise, 4, 6);
	phones[0].silent = false;
	lab_run(&lab, 500);
	assert_true(phones[1].count > 3000);
	assert_false(phones[1].disorder);
	lab_close(&lab);
}

static void what_arrives_as_noise_is_heard_as_noise(void **state)
{
	static const uint8_t level[] = {40};
	uint8_t packet[RTP_HEADER + 1];
	struct rtp r = {.pt = 13, .ssrc = 0x1001};

	(void)state;
	lab_open(&lab);
	transcode(0, 1);
	lab_run(&lab, 500);
	phones[0].due = 1e18; /* says nothing more */
	r.seq = phones[0].seq;
	r.ts = phones[0].ts;
	for (unsigned i = 0; i < 10; i++, r.seq++, r.ts += 1600) {
		rtp_write(packet, &r);
		memcpy(packet + RTP_HEADER, level, 1);
		lab_send(&lab, 1, packet, sizeof(packet));
		if (i == 1)
			lab_listen(&lab);
		lab_run(&lab, 200);
	}
	/* 32768 * 10^(-40/20) */
	assert_in_range(lab_level(&phones[1]), 250, 400);
	assert_true(lab_share(&phones[1], 440) < 0.1);
	lab_close(&lab);
}

static void the_peer_s_silence_is_told(void **state)
{
	(void)state;
	lab_open(&lab);
	transcode(0, 0);
	lab_run(&lab, 100);
	assert_int_equal(lab_events(&lab, "port-heard"), 2);
	phones[1].due = 1e18;
	lab_run(&lab, MP_SILENT_MS + 1000);
	assert_int_equal(lab_events(&lab, "port-silent"), 1);
	phones[1].due = (double)lab.now;
	lab_run(&lab, 100);
	assert_int_equal(lab_events(&lab, "port-heard"), 3);
	/* Reports left meanwhile, and a BYE with the port. */
	assert_true(phones[0].rtcp >= 1 && phones[1].rtcp >= 1);
	assert_int_equal(port_remove(lab.engine, 1), ENGINE_OK);
	assert_int_equal(phones[1].byes, 1);
	lab_close(&lab);
}

/* A second's packets come at once: nobody is late by it from then on. */
static void time_that_stood_still(void **state)
{
	(void)state;
	lab_open(&lab);
	transcode(0, 0);
	lab_run(&lab, 1000);
	phones[0].due -= 1000000;
	lab_run(&lab, 100);
	assert_true(input_delay(&port_find(lab.engine, 1)->in) < 300000);
	lab_run(&lab, 200);
	lab_listen(&lab);
	lab_run(&lab, 500);
	each_hears_the_other(0.85);
	lab_close(&lab);
}

/* The way breaks among the first packets: nothing is to be heard late for it. */
static void a_hole_at_the_beginning(void **state)
{
	(void)state;
	for (unsigned packets = 1; packets < 8; packets++) {
		lab_open(&lab);
		transcode(0, 0);
		lab_run(&lab, 20 * packets);
		phones[0].due = 1e18;
		lab_run(&lab, 1000);
		phones[0].seq += 50;
		phones[0].ts += 50 * 160;
		phones[0].due = (double)lab.now;
		lab_run(&lab, 500);
		assert_in_range(input_delay(&port_find(lab.engine, 1)->in), 1,
				150000);
		lab_close(&lab);
	}
}

/* Mixed into what the one hears, and into nothing else; its end is told. */
static void a_notice_is_heard(void **state)
{
	struct lab_phone *p = &phones[0];
	unsigned before;

	(void)state;
	for (unsigned a = 0; a < CODECS; a++) {
		lab_open(&lab);
		transcode(a, 0);
		lab_run(&lab, 500);
		lab_listen(&lab);
		assert_true(port_notice(port_find(lab.engine, 2), 1700, 300));
		before = lab_events(&lab, "notice-ended");
		lab_run(&lab, 280);
		assert_int_equal(lab_events(&lab, "notice-ended"), before);
		lab_run(&lab, 120);
		assert_int_equal(lab_events(&lab, "notice-ended"), before + 1);
		assert_true(lab_share(p, 1700) > 0.05);
		assert_true(lab_share(p, phones[1].hz) > 0.4);
		assert_true(lab_share(&phones[1], 1700) < 0.01);
		lab_listen(&lab);
		lab_run(&lab, 300);
		assert_true(lab_share(p, 1700) < 0.01);
		lab_close(&lab);
	}
}

/* Into packets that pass: the same sender, numbers and times as ever. */
static void a_notice_into_what_passes(void **state)
{
	struct lab_phone *p = &phones[1];
	char json[256];
	uint16_t seq;

	(void)state;
	for (unsigned a = 0; a < CODECS; a++) {
		lab_open(&lab);
		transcode(a, a);
		snprintf(json, sizeof(json),
			 "{'port':'1','generation':1,'in':[{%s}],"
			 "'source':{'pass':true}}",
			 codecs[a].json);
		assert_null(lab_port(&lab, json));
		lab_run(&lab, 200);
		lab_listen(&lab);
		lab_run(&lab, 500);
		assert_true(lab_share(p, phones[0].hz) > 0.97);
		assert_int_equal(p->heard_seq, (uint16_t)(phones[0].seq - 1));
		seq = p->heard_seq;
		lab_listen(&lab);
		assert_true(port_notice(port_find(lab.engine, 1), 1700, 300));
		lab_run(&lab, 200);
		lab_listen(&lab);
		lab_run(&lab, 300);
		assert_true(lab_share(p, 1700) > 0.05);
		assert_true(lab_share(p, phones[0].hz) > 0.6);
		assert_in_range(lab_level(p), 4000, 8000);
		lab_run(&lab, 180);
		assert_int_equal(lab_events(&lab, "notice-ended"), 0);
		lab_listen(&lab);
		lab_run(&lab, 40);
		assert_int_equal(lab_events(&lab, "notice-ended"), 1);
		assert_int_equal((uint16_t)(p->heard_seq - seq), 36);
		assert_false(p->disorder);
		lab_run(&lab, 300);
		assert_true(lab_share(p, phones[0].hz) > 0.97);
		lab_close(&lab);
	}
}

/* Nothing passes, so nothing can be put into it; and what isn't sound stays. */
static void a_notice_waits_for_sound(void **state)
{
	const uint8_t digit[] = {0x80, 101, 0, 1, 0, 0, 0, 0,
				 0,    0,   0, 1, 5, 0, 0, 80};
	uint8_t out[PASS_MAX];
	struct port *p;

	(void)state;
	lab_open(&lab);
	transcode(0, 0);
	assert_null(lab_port(&lab, "{'port':'1','generation':1,'in':[{'pt':0,"
				   "'codec':'PCMU','clock':8000},{'pt':101,"
				   "'codec':'telephone-event','clock':8000}],"
				   "'source':{'pass':true}}"));
	p = port_find(lab.engine, 1);
	phones[0].due = 1e18;
	assert_true(port_notice(p, 1700, 300));
	lab_run(&lab, 1000);
	assert_int_equal(lab_events(&lab, "notice-ended"), 0);
	assert_int_equal(pass_rtp(&p->pass, &p->in, digit, sizeof(digit), out),
			 sizeof(digit));
	assert_memory_equal(out, digit, sizeof(digit));
	for (size_t n = 0; n < sizeof(digit); n++)
		assert_int_equal(pass_rtp(&p->pass, &p->in, digit, n, out), n);
	phones[0].due = (double)lab.now;
	lab_run(&lab, 800);
	assert_int_equal(lab_events(&lab, "notice-ended"), 1);
	assert_null(lab_port(&lab, "{'port':'1','generation':1,'in':[{'pt':0,"
				   "'codec':'PCMU','clock':8000}]}"));
	assert_false(port_notice(p, 1700, 300));
	lab_close(&lab);
}

/* Nothing leaves for a while: who hears it afterwards hears the same sender, at
 * the time that it is, and no number twice. */
static void a_sender_comes_back(void **state)
{
	struct lab_phone *p = &phones[0];
	uint32_t ssrc, ts;
	uint16_t seq;

	(void)state;
	lab_open(&lab);
	transcode(3, 0);
	lab_run(&lab, 500);
	ssrc = p->heard_ssrc;
	seq = p->heard_seq;
	ts = port_find(lab.engine, 2)->out->ts;
	for (unsigned i = 0; i < 3; i++) {
		assert_null(lab_port(&lab, "{'port':'2','generation':1,'in':[{"
					   "'pt':0,'codec':'PCMU',"
					   "'clock':8000}]}"));
		lab_run(&lab, 1000);
		assert_int_equal(p->byes, 0);
		set(2, 0, 3, "{'port':'2'}");
		lab_run(&lab, 200);
		assert_int_equal(p->heard_ssrc, ssrc);
		assert_false(p->disorder);
		assert_in_range((uint16_t)(p->heard_seq - seq), 1, 12);
		seq = p->heard_seq;
	}
	assert_in_range((uint32_t)(port_find(lab.engine, 2)->out->ts - ts),
			48000 / 10 * 35, 48000 / 10 * 37);
	lab_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_both_ways),
		cmocka_unit_test(every_pair_with_loss_and_reordering),
		cmocka_unit_test(clocks_that_differ),
		cmocka_unit_test(a_room_of_sixteen),
		cmocka_unit_test(tones_and_nothing),
		cmocka_unit_test(silence_becomes_comfort_noise),
		cmocka_unit_test(what_arrives_as_noise_is_heard_as_noise),
		cmocka_unit_test(the_peer_s_silence_is_told),
		cmocka_unit_test(time_that_stood_still),
		cmocka_unit_test(a_hole_at_the_beginning),
		cmocka_unit_test(a_notice_is_heard),
		cmocka_unit_test(a_notice_into_what_passes),
		cmocka_unit_test(a_notice_waits_for_sound),
		cmocka_unit_test(a_sender_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
