/* SPDX-License-Identifier: Apache-2.0 */
/* SDP that strangers send: parsed, read in every way, edited, printed; what was
 * printed must parse again, to the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "control/sdp/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void read_all(const struct sdp *s)
{
	for (unsigned m = 0; m < sdp_media_count(s); m++) {
		struct sdp_mline ml;
		struct sdp_codec c;
		struct sdp_addr a;
		struct sdp_attr at;
		struct sdp_view v;
		unsigned pos = 0;

		sdp_mline(s, m, &ml);
		must(ml.kind.len && ml.proto.len && ml.fmts.len);
		sdp_conn(s, m, &a);
		sdp_dir(s, m);
		sdp_bandwidth(s, m);
		while (sdp_codec_next(s, m, &pos, &c)) {
			must(c.pt < 128);
			sdp_fmtp(s, m, c.pt, &v);
		}
		for (pos = 0; sdp_attr_next(s, (int)m, &pos, &at);)
			must(at.name.len <= SDP_SIZE_MAX);
	}
}

static void edit_all(struct sdp *s)
{
	struct sdp_addr here = {.family = 6, .addr = {0x20, 1}};

	sdp_origin_set(s, "x", 1, 2, 6, here.addr);
	sdp_conn_set(s, &here);
	for (unsigned m = 0; m < sdp_media_count(s); m++) {
		sdp_attr_remove(s, (int)m, "crypto");
		sdp_dir_set(s, m, SDP_SENDONLY);
		sdp_mline_set(s, m, 20000, m & 1 ? "RTP/SAVP" : NULL);
		sdp_attr_add(s, (int)m, "added:1");
	}
}

/* Print, parse, print: the same. */
static void round_trip(const struct sdp *s)
{
	char *one = sdp_print(s), *two;
	struct sdp_error e;
	struct sdp *again;

	must(one != NULL);
	if (strlen(one) <= SDP_SIZE_MAX) {
		again = sdp_parse(one, strlen(one), &e);
		must(again != NULL);
		two = sdp_print(again);
		must(strcmp(one, two) == 0);
		free(two);
		sdp_free(again);
	}
	free(one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sdp_error e = {0};
	struct sdp *s = sdp_parse((const char *)data, size, &e);

	if (!s) {
		must(e.text[0] && memchr(e.text, '\0', sizeof(e.text)));
		return 0;
	}
	read_all(s);
	round_trip(s);
	edit_all(s);
	read_all(s);
	round_trip(s);
	sdp_free(s);
	return 0;
}
