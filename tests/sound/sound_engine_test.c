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

static int open_lab(void **state)
{
	(void)state;
	lab_open(&lab);
	return 0;
}

static int close_lab(void **state)
{
	(void)state;
	lab_close(&lab);
	return 0;
}

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
		 id, codecs[in].json, in == 3 ? 48000 : 8000, codecs[out].json,
		 source);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_both_ways),
		cmocka_unit_test(every_pair_with_loss_and_reordering),
		cmocka_unit_test(clocks_that_differ),
	};

	(void)open_lab;
	(void)close_lab;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
