/* SPDX-License-Identifier: Apache-2.0 */
/* control/endpoint/payload.h - video frames to RTP payloads and back.
 *
 * RFC 6184 (H.264: single NAL unit, STAP-A, FU-A), RFC 7741 (VP8). Writing is
 * libavformat's RTP muxer; reading is ours, since libavformat's readers only
 * come with its own sockets and session. Readers see what strangers sent: all
 * lengths are checked, a frame is FRAME_MAX at most, and after a loss nothing
 * is given out before the next key frame. One thread for each object. */
#pragma once
#include <libavcodec/packet.h>
#include "control/endpoint/codec.h"

#define FRAME_MAX (1 << 20) /* octets */

struct payload_writer;

typedef void payload_h(bool marker, uint32_t ts, const uint8_t *p, size_t len,
		       void *arg);

/** payload_max: octets, RTP header not counted. @return NULL: no memory, or a
 * codec without packetisation. */
struct payload_writer *payload_writer_new(const struct codec *codec,
					  size_t payload_max, payload_h *h,
					  void *arg);
/** Calls the handler for each payload. pts in units of 1/90000 s. */
int payload_write(struct payload_writer *w, const AVPacket *frame);
void payload_writer_free(struct payload_writer *w);

/* A frame being put together. */
struct payload_reader {
	uint8_t codec; /* MEDIA_H264 or MEDIA_VP8 */
	uint8_t *buf;
	size_t len;
	uint64_t next; /* order expected */
	uint32_t ts;
	bool started, key, broken, want_key;
};

void payload_reader_init(struct payload_reader *r, uint8_t codec);
void payload_reader_free(struct payload_reader *r);
/** @return true when pkt completes a frame: buf[0..len) (H.264 as Annex B), ts
 * and key are good until the next call. */
bool payload_read(struct payload_reader *r, const struct media_pkt *pkt);
