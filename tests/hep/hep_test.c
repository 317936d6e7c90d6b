/* SPDX-License-Identifier: Apache-2.0 */
/* control/hep: what is masked and what stays, octets of a packet, reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "control/hep/mask.h"
#include "control/hep/packet.h"
#include "control/hep/report.h"

static const struct {
	const char *said, *becomes;
} masks[] = {
	{"INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1\r\n\r\n", NULL},
	{"\r\n\r\nv=0\r\nm=audio 1 RTP/SAVP 0\r\na=rtpmap:0 PCMU/8000\r\n",
	 NULL},
	{"\r\n\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc|2^20\r\nb=1",
	 "\r\n\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xxxxxxxx\r\nb=1"},
	{"a=crypto:1 S inline:ab;inline:cd KDR=1",
	 "a=crypto:1 S inline:xxxxxxxxxxxxxxxxxx"},
	{"A=CRYPTO:1 S INLINE:ab\n", "A=CRYPTO:1 S INLINE:xx\n"},
	/* where it isn't as it should be, all of it goes */
	{"a=crypto:1 S in line:ab\r\n", "a=crypto:xxxxxxxxxxxxxx\r\n"},
	{"a=crypto:1 S\tinline:a\rb=2", "a=crypto:1 S\tinline:x\rb=2"},
	{"a=key-mgmt:mikey AAAA\r\n", "a=key-mgmt:xxxxxxxxxx\r\n"},
	{"a=ice-pwd:secret\r\na=ice-ufrag:u\r\n",
	 "a=ice-pwd:xxxxxx\r\na=ice-ufrag:u\r\n"},
	{"k=base64:AAAA\r\n", "k=xxxxxxxxxxx\r\n"},
	{"a=e2ee:1 AAAA\r\n", "a=e2ee:xxxxxx\r\n"},
	{"Authorization: Digest nonce=\"n\", response=\"00ff\", uri=\"u\"\r\n",
	 "Authorization: Digest nonce=\"n\", response=\"xxxx\", uri=\"u\"\r\n"},
	{"Authorization: Digest response=00ff\r\n",
	 "Authorization: Digest response=xxxx\r\n"},
	{"Authorization: Digest response=\"00ff", /* cut off */
	 "Authorization: Digest response=\"xxxx"},
	{"INFO x SIP/2.0\r\nContent-Type: application/sallyport-e2ee\r\n"
	 "Content-Length: 4\r\n\r\nM3\r\n",
	 "INFO x SIP/2.0\r\nContent-Type: application/sallyport-e2ee\r\n"
	 "Content-Length: 4\r\n\r\nxxxx"},
	{"c: APPLICATION/Sallyport-E2EE\n\nabc",
	 "c: APPLICATION/Sallyport-E2EE\n\nxxx"},
	/* a part of several */
	{"c: multipart/mixed\r\n\r\n--b\r\nContent-Type: "
	 "application/sallyport-e2ee\r\n",
	 "c: multipart/mixed\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxxx"
	 "xxxxxxxxxxxxxxxxxxxxxx"},
	{"", NULL},
	{"crypto:", NULL},
	{"k=", NULL},
};

static void masked(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		const char *want =
			masks[i].becomes ? masks[i].becomes : masks[i].said;
		uint8_t p[512];
		size_t n = strlen(masks[i].said);

		memcpy(p, masks[i].said, n);
		p[n] = 0;
		mask_sip(p, n);
		assert_string_equal((char *)p, want);
	}
}

static void octets_of_a_packet(void **state)
{
	/* clang-format off */
	static const uint8_t want[] = {
		'H', 'E', 'P', '3', 0, 117,
		0, 0, 0, 1, 0, 7, 2,
		0, 0, 0, 2, 0, 7, 17,
		0, 0, 0, 3, 0, 10, 10, 0, 0, 1,
		0, 0, 0, 4, 0, 10, 10, 0, 0, 2,
		0, 0, 0, 7, 0, 8, 0x13, 0xc4,
		0, 0, 0, 8, 0, 8, 0x13, 0xc6,
		0, 0, 0, 9, 0, 10, 1, 2, 3, 4,
		0, 0, 0, 10, 0, 10, 0, 0, 0, 5,
		0, 0, 0, 11, 0, 7, 1,
		0, 0, 0, 12, 0, 10, 0, 0, 7, 0xd1,
		0, 0, 0, 14, 0, 8, 'p', 'w',
		0, 0, 0, 17, 0, 7, 'c',
		0, 0, 0, 15, 0, 9, 'S', 'I', 'P',
	};
	/* clang-format on */
	static uint8_t out[HEP_PACKET_MAX], big[HEP_PACKET_MAX];
	struct sa src, dst, other;
	struct hep_packet p = {.type = HEP_SIP,
			       .udp = true,
			       .src = &src,
			       .dst = &dst,
			       .seconds = 0x01020304,
			       .microseconds = 5,
			       .id = 2001,
			       .password = "pw",
			       .correlation = "c",
			       .payload = (const uint8_t *)"SIP",
			       .len = 3};

	(void)state;
	assert_int_equal(sa_set_str(&src, "10.0.0.1", 5060), 0);
	assert_int_equal(sa_set_str(&dst, "10.0.0.2", 5062), 0);
	assert_int_equal(sa_set_str(&other, "2001:db8::1", 5062), 0);
	assert_int_equal(hep_write(&p, out), sizeof(want));
	assert_memory_equal(out, want, sizeof(want));
	p.dst = &other;
	assert_int_equal(hep_write(&p, out), 0);
	p.dst = &dst;
	p.payload = big;
	p.len = sizeof(big) - 100;
	assert_int_equal(hep_write(&p, out), 0);
}

struct seen {
	unsigned n;
	struct hep_report last;
	json_t *body;
	char correlation[32];
};

static void see(const struct hep_report *r, void *arg)
{
	struct seen *s = arg;

	s->n++;
	s->last = *r;
	json_decref(s->body);
	s->body = json_deep_copy(r->body);
	strncpy(s->correlation, r->correlation, 31);
}

#define LEG "\"local\":\"10.0.0.1:20000\",\"peer\":\"10.0.0.9:4000\"}"

static void reports(void **state)
{
	static const char text[] =
		"[{\"call_ids\":[\"a@x\",\"b@x\"],\"media\":[{\"active\":true,"
		"\"legs\":[{\"codec\":\"PCMA/8000\"," LEG
		",{\"codec\":\"opus/48000/2\"," LEG "],\"streams\":["
		"{\"ssrc\":6,\"packets_in\":0,\"octets_in\":0,\"lost\":0,"
		"\"jitter_ms\":0,\"mos\":null},"
		"{\"ssrc\":7,\"packets_in\":90,\"octets_in\":1720,\"lost\":30,"
		"\"jitter_ms\":2.5,\"mos\":4.1}]},{\"active\":false}]}]";
	json_t *calls = json_loads(text, 0, NULL), *block;
	struct seen s = {0};

	(void)state;
	assert_non_null(calls);
	hep_reports_make(calls, see, &s);
	/* of the side that has sent nothing there is none */
	assert_int_equal(s.n, 1);
	assert_string_equal(s.correlation, "b@x");
	assert_int_equal(sa_port(&s.last.src), 4000);
	assert_int_equal(sa_port(&s.last.dst), 20000);
	block = json_array_get(json_object_get(s.body, "report_blocks"), 0);
	assert_int_equal(
		json_integer_value(json_object_get(block, "fraction_lost")),
		64);
	assert_int_equal(
		json_integer_value(json_object_get(block, "packets_lost")), 30);
	assert_int_equal(
		json_integer_value(json_object_get(block, "ia_jitter")), 120);
	assert_int_equal(json_integer_value(json_object_get(s.body, "ssrc")),
			 7);
	json_decref(s.body);
	json_decref(calls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(masked),
		cmocka_unit_test(octets_of_a_packet),
		cmocka_unit_test(reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
