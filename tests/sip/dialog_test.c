/* SPDX-License-Identifier: Apache-2.0 */
/* Dialogs: both sides of one, routes, sequence numbers, there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "control/sip/dialog.h"
#include "tests/sip/sip_text.h"

#define VIA "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\n"
#define INVITE                                                        \
	"INVITE sip:bob@sip.test SIP/2.0\r\n" VIA                     \
	"From: \"Alice\" <sip:alice@sip.test>;tag=a1\r\n"             \
	"To: <sip:bob@sip.test>\r\nCall-ID: c1\r\nCSeq: 7 INVITE\r\n" \
	"Contact: <sip:alice@10.0.0.1:5070>\r\n"
#define OK                                                                   \
	"SIP/2.0 200 OK\r\n" VIA "From: <sip:alice@sip.test>;tag=%s\r\n"     \
	"To: <sip:bob@sip.test>;tag=b1\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\n" \
	"Contact: <sip:bob@10.0.0.2:5080>\r\n"
#define END "Content-Length: 0\r\n\r\n"

static struct sip_msg *request(const char *method, const char *to_tag,
			       const char *from_tag, unsigned seq)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "%s sip:bob@10.9.9.9 SIP/2.0\r\n" VIA
		 "From: <sip:alice@sip.test>;tag=%s\r\n"
		 "To: <sip:bob@sip.test>;tag=%s\r\n"
		 "Call-ID: c1\r\nCSeq: %u %s\r\n" END,
		 method, from_tag, to_tag, seq, method);
	return sip_text(text);
}

static char *headers(const struct dialog *d, const char *method, uint32_t seq)
{
	struct mbuf *mb = mbuf_alloc(512);
	char *text;

	assert_int_equal(dialog_headers(d, mb, method, seq), 0);
	text = strndup((char *)mb->buf, mb->end);
	mem_deref(mb);
	return text;
}

static void uas(void **state)
{
	struct sip_msg *m = sip_text(INVITE END), *r;
	struct dialog d = {0};
	char *text;

	(void)state;
	assert_int_equal(dialog_uas(&d, m, 0xb0b), 0);
	assert_string_equal(d.local_tag, "0000000000000b0b");
	assert_string_equal(dialog_request_uri(&d), "sip:alice@10.0.0.1:5070");
	text = headers(&d, "BYE", dialog_next(&d));
	assert_non_null(strstr(text, "From: <sip:bob@sip.test>;tag=0000"));
	assert_non_null(strstr(text, "To: \"Alice\" <sip:alice@sip.test>;"
				     "tag=a1\r\n"));
	assert_non_null(strstr(text, "CSeq: 1 BYE\r\n"));
	free(text);
	mem_deref(m);

	r = request("BYE", "0000000000000b0b", "a1", 8);
	assert_true(dialog_has_request(&d, r));
	assert_true(dialog_sequence(&d, r));
	assert_false(dialog_sequence(&d, r)); /* once only */
	mem_deref(r);
	r = request("BYE", "0000000000000b0b", "other", 9);
	assert_false(dialog_has_request(&d, r));
	mem_deref(r);
	r = request("BYE", "0b0b", "a1", 9);
	assert_false(dialog_has_request(&d, r));
	mem_deref(r);
	r = request("INFO", "0000000000000b0b", "a1", 7); /* as old as INVITE */
	assert_false(dialog_sequence(&d, r));
	mem_deref(r);
	dialog_reset(&d);
}

static struct sip_msg *ok_for(const struct dialog *d, const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text), OK "%s" END, d->local_tag, d->callid,
		 more);
	return sip_text(text);
}

static void uac(void **state)
{
	struct dialog d = {0}, other = {0};
	struct sip_msg *m;

	(void)state;
	assert_int_equal(dialog_uac(&d, "<sip:alice@sip.test>",
				    "<sip:bob@sip.test>", "sip:bob@10.0.0.2"),
			 0);
	assert_int_equal(dialog_uac(&other, "<sip:a@b>", "<sip:c@d>", "sip:e"),
			 0);
	assert_string_not_equal(d.callid, other.callid);
	assert_string_not_equal(d.local_tag, other.local_tag);
	assert_int_equal(dialog_next(&d), 1);

	m = ok_for(&d, "");
	assert_false(dialog_has_response(&d, m)); /* no tag of theirs yet */
	assert_int_equal(dialog_learn(&d, m), 0);
	assert_true(dialog_has_response(&d, m));
	assert_string_equal(dialog_request_uri(&d), "sip:bob@10.0.0.2:5080");
	mem_deref(m);
	dialog_reset(&d);
	dialog_reset(&other);
}

static void routes(void **state)
{
	static const char rr[] = "Record-Route: <sip:p2;lr>\r\n"
				 "Record-Route: <sip:p1;lr>, <sip:p0;lr>\r\n";
	struct dialog a = {0}, b = {0};
	struct sip_msg *m;
	char text[1024], *h;

	(void)state;
	snprintf(text, sizeof(text), INVITE "%s" END, rr);
	m = sip_text(text);
	assert_int_equal(dialog_uas(&a, m, 1), 0); /* in their order */
	h = headers(&a, "BYE", 1);
	assert_non_null(strstr(h, "Route: <sip:p2;lr>\r\nRoute: <sip:p1;lr>\r\n"
				  "Route: <sip:p0;lr>\r\n"));
	free(h);
	mem_deref(m);

	dialog_uac(&b, "<sip:a@x>", "<sip:b@x>", "sip:b@x");
	m = ok_for(&b, rr);
	assert_int_equal(dialog_learn(&b, m), 0); /* reversed */
	h = headers(&b, "ACK", 1);
	assert_non_null(strstr(h, "Route: <sip:p0;lr>\r\nRoute: <sip:p1;lr>\r\n"
				  "Route: <sip:p2;lr>\r\n"));
	free(h);
	mem_deref(m);
	dialog_reset(&a);
	dialog_reset(&b);
}

/* RFC 3261 section 12.2.1.1: the first route is a strict router. */
static void strict_router(void **state)
{
	struct dialog d = {0};
	struct sip_msg *m =
		sip_text(INVITE "Record-Route: <sip:old@p1>\r\n"
				"Record-Route: <sip:p0;lr>\r\n" END);
	char *h;

	(void)state;
	assert_int_equal(dialog_uas(&d, m, 1), 0);
	assert_string_equal(dialog_request_uri(&d), "sip:old@p1");
	h = headers(&d, "BYE", 1);
	assert_non_null(strstr(h, "Route: <sip:p0;lr>\r\n"
				  "Route: <sip:alice@10.0.0.1:5070>\r\n"));
	assert_null(strstr(h, "sip:old@p1"));
	free(h);
	mem_deref(m);
	dialog_reset(&d);
}

static void refused(void **state)
{
	static const char *const bad[] = {
		/* no Contact, one that isn't SIP's, one that is unprintable */
		"INVITE sip:b@x SIP/2.0\r\n" VIA "From: <sip:a@x>;tag=1\r\n"
		"To: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n" END,
		"INVITE sip:b@x SIP/2.0\r\n" VIA "From: <sip:a@x>;tag=1\r\n"
		"To: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
		"Contact: <tel:123>\r\n" END,
		"INVITE sip:b@x SIP/2.0\r\n" VIA "From: <sip:a@x>;tag=1\r\n"
		"To: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
		"Contact: <sip:a\x01@x>\r\n" END,
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sip_msg *m = sip_text(bad[i]);
		struct dialog d = {0};

		assert_non_null(m);
		assert_int_not_equal(dialog_uas(&d, m, 1), 0);
		assert_null(d.callid); /* nothing half done */
		mem_deref(m);
	}
}

/* A display name of octets that are no text can't be saved, so it goes. */
static void odd_name(void **state)
{
	struct sip_msg *m = sip_text(
		"INVITE sip:b@x SIP/2.0\r\n" VIA
		"From: \"\xff\xfe\" <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\n"
		"Call-ID: 1\r\nCSeq: 1 INVITE\r\n"
		"Contact: <sip:a@10.0.0.1>\r\n" END);
	struct dialog d = {0};
	json_t *j;

	(void)state;
	assert_int_equal(dialog_uas(&d, m, 1), 0);
	assert_string_equal(d.remote, "<sip:a@x>");
	j = dialog_save(&d);
	assert_non_null(j);
	json_decref(j);
	mem_deref(m);
	dialog_reset(&d);
}

static void there_and_back(void **state)
{
	struct sip_msg *m =
		sip_text(INVITE "Record-Route: <sip:p1;lr>\r\n" END);
	struct dialog d = {0}, e = {0}, none = {0};
	char *text, *h1, *h2;
	json_t *j;

	(void)state;
	dialog_uas(&d, m, 99);
	for (int i = 0; i < 5; i++)
		dialog_next(&d);
	j = dialog_save(&d);
	text = json_dumps(j, 0);
	json_decref(j);
	j = json_loads(text, 0, NULL);
	assert_true(dialog_load(&e, j));
	h1 = headers(&d, "BYE", 100);
	h2 = headers(&e, "BYE", 100);
	assert_string_equal(h1, h2);
	assert_string_equal(dialog_request_uri(&d), dialog_request_uri(&e));
	assert_true(dialog_next(&e) > d.local_seq + 1); /* well ahead */
	assert_int_equal(e.remote_seq, 7);
	json_object_del(j, "target");
	assert_false(dialog_load(&none, j));
	json_decref(j);
	free(text);
	free(h1);
	free(h2);
	mem_deref(m);
	dialog_reset(&d);
	dialog_reset(&e);
}

static void refresh(void **state)
{
	struct sip_msg *m = sip_text(INVITE END);
	struct sip_msg *n = sip_text(
		"UPDATE sip:b@x SIP/2.0\r\n" VIA "From: <sip:a@x>;tag=a1\r\n"
		"To: <sip:b@x>;tag=1\r\nCall-ID: c1\r\nCSeq: 8 UPDATE\r\n"
		"m: <sip:alice@10.0.0.77>\r\n" END);
	struct dialog d = {0};

	(void)state;
	dialog_uas(&d, m, 1);
	assert_int_equal(dialog_refresh(&d, n), 0);
	assert_string_equal(dialog_request_uri(&d), "sip:alice@10.0.0.77");
	mem_deref(m);
	mem_deref(n);
	dialog_reset(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uas),
		cmocka_unit_test(uac),
		cmocka_unit_test(routes),
		cmocka_unit_test(strict_router),
		cmocka_unit_test(refused),
		cmocka_unit_test(odd_name),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(refresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
