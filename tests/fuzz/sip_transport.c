/* SPDX-License-Identifier: Apache-2.0 */
/* What cuts a stranger's octets into messages: streams, WebSocket's HTTP and
 * frames, bodies of several parts. The first octet says which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "control/sip/multipart.h"
#include "control/sip/stream.h"
#include "control/sip/ws.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void streams(const uint8_t *p, size_t len)
{
	size_t n;

	for (;;) {
		enum stream_what what = stream_next(p, len, &n);

		if (what == STREAM_MORE)
			return;
		must(n <= len);
		if (what == STREAM_BAD)
			return;
		must(n > 0);
		p += n;
		len -= n;
	}
}

static void handshake(const uint8_t *p, size_t len)
{
	static const char *const origins[] = {"https://a.example", NULL};
	struct mbuf *answer = mbuf_alloc(64);
	ssize_t n = ws_accept(p, len, origins, answer);

	must(n <= (ssize_t)len);
	if (n > 0)
		must(answer->end > 12 && !memcmp(answer->buf + 9, "101", 3));
	mem_deref(answer);
}

/* What a client may send, in whatever pieces: no octet twice, none beyond. */
static void frames(uint8_t *p, size_t len)
{
	struct ws_frame f;
	ssize_t n;

	while ((n = ws_read(p, len, &f)) > 0) {
		must((size_t)n <= len && f.data >= p &&
		     f.data + f.len == p + n && f.len <= WS_MESSAGE_MAX);
		ws_opcode_for(f.data, f.len);
		p += n;
		len -= (size_t)n;
	}
}

static void parts(const char *p, size_t len)
{
	const char *nl = memchr(p, '\n', len);
	struct pl params, body, part = PL_INIT;

	if (!nl)
		return;
	params.p = p;
	params.l = (size_t)(nl - p);
	body.p = nl + 1;
	body.l = len - params.l - 1;
	if (multipart_find(&body, &params, "application", "sdp", &part))
		must(part.p >= body.p && part.p + part.l <= body.p + body.l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (!size)
		return 0;
	copy = malloc(size); /* its end is the view's: ASan sees beyond */
	memcpy(copy, data, size);
	switch (data[0] & 3) {
	case 0:
		streams(copy + 1, size - 1);
		break;
	case 1:
		handshake(copy + 1, size - 1);
		break;
	case 2:
		frames(copy + 1, size - 1);
		break;
	default:
		parts((char *)copy + 1, size - 1);
	}
	free(copy);
	return 0;
}
