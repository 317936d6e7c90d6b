/* SPDX-License-Identifier: Apache-2.0 */
/* Where messages end in streams, in WebSocket frames, in bodies of several
 * parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "control/sip/multipart.h"
#include "control/sip/stream.h"
#include "control/sip/ws.h"

#define LINE "OPTIONS sip:x SIP/2.0\r\n"

static void streams(void **state)
{
	static const struct {
		const char *text;
		enum stream_what what;
		size_t n;
	} cases[] = {
		{"", STREAM_MORE, 0},
		{"\r\n", STREAM_MORE, 4},
		{"\r\n\r\n", STREAM_PING, 4},
		{"\r\nO", STREAM_BLANK, 1},
		{"\nO", STREAM_BLANK, 1},
		{LINE, STREAM_MORE, 0},
		{LINE "\r\n", STREAM_MESSAGE, 25},
		{LINE "\r\nrest", STREAM_MESSAGE, 25},
		{LINE "Content-Length: 4\r\n\r\nbo", STREAM_MORE, 48},
		{LINE "Content-Length: 4\r\n\r\nbodyrest", STREAM_MESSAGE, 48},
		{LINE "l:4\r\n\r\nbody", STREAM_MESSAGE, 34},
		{LINE "L : 4\r\n\r\nbody", STREAM_MESSAGE, 36},
		{LINE "CONTENT-LENGTH:\t4 \r\n\r\nbody", STREAM_MESSAGE, 49},
		{LINE "l:\r\n 4\r\n\r\nbody", STREAM_MESSAGE, 37},
		{LINE "X-l: 4\r\n\r\nbody", STREAM_MESSAGE, 33},
		{"OPTIONS sip:x SIP/2.0\nl: 1\n\nb", STREAM_MESSAGE, 29},
		{LINE "l: 4\r\nl: 4\r\n\r\nbody", STREAM_MESSAGE, 41},
		{LINE "l: 4\r\nl: 5\r\n\r\nbody", STREAM_BAD, 37},
		{LINE "l: -1\r\n\r\n", STREAM_BAD, 32},
		{LINE "l: 4x\r\n\r\n", STREAM_BAD, 32},
		{LINE "l: 65536\r\n\r\n", STREAM_BAD, 35},
		{LINE "l: 99999999999999999999\r\n\r\n", STREAM_BAD, 50},
		{LINE "l:\r\n\r\n", STREAM_BAD, 29},
	};
	static uint8_t endless[STREAM_HEAD_MAX];
	size_t n;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t len = strlen(cases[i].text);

		assert_int_equal(stream_next((const uint8_t *)cases[i].text,
					     len, &n),
				 cases[i].what);
		assert_int_equal(n, cases[i].n);
	}
	memset(endless, 'a', sizeof(endless));
	assert_int_equal(stream_next(endless, sizeof(endless) - 1, &n),
			 STREAM_MORE);
	assert_int_equal(stream_next(endless, sizeof(endless), &n), STREAM_BAD);
}

#define GET                                                      \
	"GET /sip HTTP/1.1\r\nHost: x\r\nupgrade: WebSocket\r\n" \
	"Connection: keep-alive, Upgrade\r\n"                    \
	"Sec-WebSocket-Version: 13\r\nOrigin: https://a.example\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define SIP "Sec-WebSocket-Protocol: chat, sip\r\n"

static void handshakes(void **state)
{
	static const char *const here[] = {"https://a.example", NULL};
	static const char *const there[] = {"https://b.example", NULL};
	static const struct {
		const char *text;
		const char *const *origins;
		const char *answer; /* how it begins */
		bool good;
	} cases[] = {
		{GET KEY SIP "\r\n", NULL, "HTTP/1.1 101 ", true},
		{GET KEY SIP "\r\n", here, "HTTP/1.1 101 ", true},
		{GET KEY SIP "\r\n", there, "HTTP/1.1 403 ", false},
		{GET KEY "\r\n", NULL, "HTTP/1.1 400 ", false},
		{GET SIP "\r\n", NULL, "HTTP/1.1 400 ", false},
		{"GET / HTTP/1.1\r\n\r\n", NULL, "HTTP/1.1 426 ", false},
		{"PUT / HTTP/1.1\r\n\r\n", NULL, "HTTP/1.1 405 ", false},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mbuf *mb = mbuf_alloc(64);
		size_t len = strlen(cases[i].text);
		ssize_t n = ws_accept((const uint8_t *)cases[i].text, len,
				      cases[i].origins, mb);

		mbuf_write_u8(mb, 0);
		assert_int_equal(n > 0, cases[i].good);
		assert_memory_equal(mb->buf, cases[i].answer, 13);
		if (cases[i].good) { /* RFC 6455 section 1.3 */
			assert_int_equal(n, len);
			assert_non_null(strstr((char *)mb->buf,
					       "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
		}
		mem_deref(mb);
	}
	for (size_t cut = 0; cut < sizeof(GET KEY SIP "\r\n") - 1; cut++)
		assert_int_equal(ws_accept((const uint8_t *)GET KEY SIP "\r\n",
					   cut, NULL, NULL),
				 0);
}

/* RFC 6455 section 5.7: a masked "Hello". */
static void frames(void **state)
{
	static const uint8_t hello[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d,
					0x7f, 0x9f, 0x4d, 0x51, 0x58};
	uint8_t copy[sizeof(hello)];
	struct ws_frame f;
	struct mbuf *mb = mbuf_alloc(16);

	(void)state;
	for (size_t cut = 0; cut < sizeof(hello); cut++) {
		memcpy(copy, hello, sizeof(hello));
		assert_int_equal(ws_read(copy, cut, &f), 0);
		assert_memory_equal(copy, hello, sizeof(hello));
	}
	assert_int_equal(ws_read(copy, sizeof(copy), &f), sizeof(hello));
	assert_true(f.fin && f.opcode == WS_TEXT && f.len == 5);
	assert_memory_equal(f.data, "Hello", 5);

	assert_int_equal(ws_write(mb, WS_TEXT, (const uint8_t *)"Hello", 5), 0);
	assert_int_equal(mb->end, 7);
	assert_memory_equal(mb->buf, "\x81\x05Hello", 7);
	mb->end = mb->pos = 0;
	static uint8_t big[WS_MESSAGE_MAX + 1];
	assert_int_equal(ws_write(mb, WS_BINARY, big, 126), 0);
	assert_memory_equal(mb->buf, "\x82\x7e\0\x7e", 4);
	assert_int_equal(ws_write(mb, WS_BINARY, big, sizeof(big)), EMSGSIZE);
	mem_deref(mb);
}

static void opcodes(void **state)
{
	static const struct {
		const char *text;
		enum ws_opcode opcode;
	} cases[] = {
		{"plain", WS_TEXT},
		{"", WS_TEXT},
		{"gr\xc3\xbc\xc3\x9f\x65", WS_TEXT},
		{"\xe2\x82\xac \xf0\x9f\x94\x92", WS_TEXT},
		{"\xc0\xaf", WS_BINARY},	 /* overlong */
		{"\xe0\x80\xaf", WS_BINARY},	 /* overlong */
		{"\xed\xa0\x80", WS_BINARY},	 /* a surrogate */
		{"\xf4\x90\x80\x80", WS_BINARY}, /* beyond */
		{"\xe2\x82", WS_BINARY},	 /* cut off */
		{"\xff", WS_BINARY},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(ws_opcode_for((const uint8_t *)cases[i].text,
					       strlen(cases[i].text)),
				 cases[i].opcode);
}

static void parts(void **state)
{
#define SDP_PART "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"
	static const struct {
		const char *params, *body, *part; /* NULL: none */
	} cases[] = {
		{";boundary=b", SDP_PART "--b--", "v=0"},
		{";boundary=\"b\"", SDP_PART "--b--\r\n", "v=0"},
		{"; x=y ; boundary=b", "before\r\n" SDP_PART "--b--", "v=0"},
		{";boundary=b",
		 "--b\r\nContent-Type: text/plain\r\n\r\nno\r\n" SDP_PART
		 "--b--",
		 "v=0"},
		{";boundary=b",
		 "--b\nContent-Disposition: session\ncontent-type:"
		 "application/SDP ;x\n\nv=0\n--b--\n",
		 "v=0"},
		{";boundary=b",
		 "--b\r\nContent-Type: application/sdp\r\n"
		 "Content-Transfer-Encoding: base64\r\n\r\ndj0w\r\n--b--",
		 NULL},
		{";boundary=b", SDP_PART, NULL}, /* cut off */
		{";boundary=c", SDP_PART "--b--", NULL},
		{"", SDP_PART "--b--", NULL},
		{";boundary=", SDP_PART "--b--", NULL},
		{";boundary=b", "--b\r\n\r\nv=0\r\n--b--", NULL},
		{";boundary=b", "x" SDP_PART "--b--", NULL},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pl params, body, part = PL_INIT;
		bool found;

		pl_set_str(&params, cases[i].params);
		pl_set_str(&body, cases[i].body);
		found = multipart_find(&body, &params, "application", "sdp",
				       &part);
		assert_int_equal(found, cases[i].part != NULL);
		if (found)
			assert_int_equal(pl_strcmp(&part, cases[i].part), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams), cmocka_unit_test(handshakes),
		cmocka_unit_test(frames),  cmocka_unit_test(opcodes),
		cmocka_unit_test(parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
