/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/video.h - frames of VP8 and H.264 from RTP, to be stored.
 *
 * RFC 7741, RFC 6184 (single NAL units, STAP-A, FU-A). Packets are put back into
 * order within a small window; a frame with a hole is left out, and so are
 * those before the first key frame, which can't be shown. Nothing is decoded:
 * only the size of the picture is looked up. Reads what strangers sent. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "control/media/codec.h"
#include "control/media/rtp.h"

#define VIDEO_WINDOW	16	  /* packets */
#define VIDEO_FRAME_MAX (1 << 20) /* octets */
#define VIDEO_EXTRA_MAX 512	  /* octets of parameter sets */

struct video;

/** p[0..n) is a frame; H.264 with start codes (Annex B). */
typedef void video_h(const uint8_t *p, size_t n, bool key, void *arg);

/** @return NULL: no memory, or neither of the two codecs. */
struct video *video_new(const struct codec *c);
void video_free(struct video *v);
void video_put(struct video *v, const struct rtp *r, video_h *h, void *arg);

struct video_size {
	unsigned width, height;
	uint8_t extra[VIDEO_EXTRA_MAX]; /* H.264: SPS and PPS, Annex B */
	size_t extra_len;
};

/** Of the first key frame. @return false: there has been none yet. */
bool video_known(const struct video *v, struct video_size *s);
