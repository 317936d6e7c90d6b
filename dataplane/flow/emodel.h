/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/flow/emodel.h - how a call sounds, estimated from its packets.
 *
 * ITU-T G.107 with its default values, reduced to what a network does: loss
 * and delay (R = 93.2 - Id - Ie,eff), and its annex B from R to MOS. No codec
 * is looked at: loss weighs as for G.711 with concealment (G.113 appendix I:
 * Ie 0, Bpl 25.1), so that it is the network's mark, not the codec's. Pure;
 * computed when somebody asks. */
#pragma once
#include <stdint.h>

/** Mouth to ear.
 * @param delay_us one way, the jitter buffer's included, microseconds
 * @return hundredths of MOS, 100 to 441; 0: nothing has been expected yet */
unsigned emodel_mos(uint64_t received, uint64_t lost, uint64_t delay_us);
