/* SPDX-License-Identifier: Apache-2.0 */
#include "control/media/resample.h"
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <stdlib.h>
#include <string.h>

struct resample {
	SwrContext *swr; /* NULL: rates are the same */
	unsigned from, to;
};

void resample_free(struct resample *r)
{
	if (!r)
		return;
	swr_free(&r->swr);
	free(r);
}

bool resample_set(struct resample **rp, unsigned from, unsigned to)
{
	AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
	struct resample *r = *rp;

	if (r && r->from == from && r->to == to)
		return true;
	resample_free(r);
	*rp = NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return false;
	r->from = from;
	r->to = to;
	if (from != to &&
	    (swr_alloc_set_opts2(&r->swr, &mono, AV_SAMPLE_FMT_S16, (int)to,
				 &mono, AV_SAMPLE_FMT_S16, (int)from, 0,
				 NULL) ||
	     av_opt_set_int(r->swr, "filter_size", 16, 0) ||
	     swr_init(r->swr))) {
		resample_free(r);
		return false;
	}
	*rp = r;
	return true;
}

int resample_put(struct resample *r, const int16_t *in, unsigned n,
		 int16_t *out, unsigned room)
{
	const uint8_t *from = (const uint8_t *)in;
	uint8_t *to = (uint8_t *)out;

	if (r->swr)
		return swr_convert(r->swr, &to, (int)room, &from, (int)n);
	if (n > room)
		return -1;
	memcpy(out, in, n * sizeof(*in));
	return (int)n;
}
