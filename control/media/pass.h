/* SPDX-License-Identifier: Apache-2.0 */
/* control/media/pass.h - a stream that goes on as it came, packet by packet, with
 * a tone put into it where that is asked for.
 *
 * Who hears it sees the same sender, sequence and timestamps throughout: nothing
 * has to be adapted to, before or after. What can't be decoded or made again (a
 * digit, comfort noise, a frame of an odd length) goes on unchanged, and the tone
 * waits for the next.
 *
 * Most codecs remember: so decoder and encoder run along for a while before the
 * tone, and the encoder's packets go on for a while behind it, until what the far
 * decoder remembers is about what it would have been. Engine's thread. */
#pragma once
#include "control/media/codec.h"
#include "control/media/input.h"

#define PASS_MAX 2048 /* octets of a packet, divert.h */

struct pass {
	unsigned hz;
	unsigned before, left, after; /* ms still to come; left: of tone */
	double phase;
	const struct codec *codec; /* of decoder and encoder */
	unsigned ptime;		   /* ms, of the encoder */
	struct decoder *decoder;
	struct encoder *encoder;
};

/** Is some of it still to come? */
static inline bool pass_busy(const struct pass *x)
{
	return x->after;
}
void pass_notice(struct pass *x, unsigned hz, unsigned ms);
/** Of a packet p[0..n): what is to leave, into out. in: knows the formats.
 * @return its length, at most PASS_MAX; n where it goes unchanged. */
size_t pass_rtp(struct pass *x, const struct input *in, const uint8_t *p,
		size_t n, uint8_t out[PASS_MAX]);
void pass_close(struct pass *x);
