/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/encoder.h - decoded frames in, RTP payloads out.
 *
 * Audio leaves in packets of PTIME_MS, Opus at a constant bit rate without
 * DTX, so that all packets have one size. Video is coded for low delay, H.264
 * as baseline. One source's thread, except encoder_keyframe and encoder_mute,
 * which any thread may call. */
#pragma once
#include <libavutil/frame.h>
#include "control/endpoint/codec.h"

struct encoder_config {
	enum e2ee_kind kind;
	const struct codec *codec;
	unsigned width, height, fps, kbps; /* video */
	unsigned audio_bps;		   /* Opus */
	size_t payload_max;		   /* octets, RTP header not counted */
	void (*packet)(struct media_pkt *pkt, void *arg); /* gets pkt */
	void *arg;
};

struct encoder;

/** @return NULL with error[INPUT_ERROR] filled in. */
struct encoder *encoder_new(const struct encoder_config *c, char *error);
void encoder_free(struct encoder *e);
/** A frame of any format; NULL: silence, or a black picture. seconds: its time,
 * for video. */
int encoder_put(struct encoder *e, AVFrame *frame, double seconds);
/** Audio: encode one packet. @return false: not enough samples yet. */
bool encoder_audio_packet(struct encoder *e);
/** Silence, or black, from now on; the packets go on. */
void encoder_mute(struct encoder *e, bool on);
void encoder_keyframe(struct encoder *e);
