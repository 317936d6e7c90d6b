/* SPDX-License-Identifier: Apache-2.0 */
/* What goes into the metadata; whole documents are judged by test_siprec.py. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "control/siprec/metadata.h"

static char *print(const struct metadata *m)
{
	struct mbuf *mb = mbuf_alloc(64);
	char *text;

	assert_int_equal(metadata_print(mb, m), 0);
	text = calloc(1, mb->end + 1);
	assert_non_null(text);
	memcpy(text, mb->buf, mb->end);
	mem_deref(mb);
	return text;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (text = strstr(text, what); text; text = strstr(text + 1, what))
		n++;
	return n;
}

static struct metadata call_of(const char *from, const char *to,
			       struct metadata_stream s[2])
{
	struct metadata m = {.call = 71, .stream = s, .streams = 2};

	memset(m.session, 1, METADATA_ID);
	memset(m.party[0].id, 2, METADATA_ID);
	memset(m.party[1].id, 3, METADATA_ID);
	m.party[0].aor = from;
	m.party[1].aor = to;
	for (unsigned i = 0; i < 2; i++) {
		memset(s[i].id, 4 + (int)i, METADATA_ID);
		s[i].label = i ? "2" : "1";
		s[i].from = i;
		s[i].flows = true;
	}
	return m;
}

/* Each sends its own stream and hears the other's. */
static void who_sends_what(void **state)
{
	struct metadata_stream s[2];
	struct metadata m = call_of("sip:a@x", "sip:b@x", s);
	char *text = print(&m);

	(void)state;
	assert_non_null(strstr(text,
			       "<participantstreamassoc "
			       "participant_id=\"AgICAgICAgICAgICAgICAg==\">"
			       "<send>BAQEBAQEBAQEBAQEBAQEBA==</send>"
			       "<recv>BQUFBQUFBQUFBQUFBQUFBQ==</recv>"));
	assert_int_equal(count(text, "<send>"), 2);
	free(text);
	/* on hold nobody hears the second one */
	s[1].flows = false;
	text = print(&m);
	assert_int_equal(count(text, "<send>"), 1);
	assert_int_equal(count(text, "<recv>"), 1);
	assert_int_equal(count(text, "<stream "), 2);
	free(text);
}

/* A name that somebody has made up ends no attribute and begins no element. */
static void names_stay_names(void **state)
{
	struct metadata_stream s[2];
	struct metadata m =
		call_of("sip:a\"/><x a='@x", "sip:b&\x01\xc3\xa9@x", s);
	char *text = print(&m);

	(void)state;
	assert_non_null(
		strstr(text, "aor=\"sip:a&#34;/&#62;&#60;x a=&#39;@x\"/>"));
	assert_non_null(strstr(text, "aor=\"sip:b&#38;%01%C3%A9@x\"/>"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_sends_what),
		cmocka_unit_test(names_stay_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
