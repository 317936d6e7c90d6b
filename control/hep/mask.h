/* SPDX-License-Identifier: Apache-2.0 */
/* control/hep/mask.h - a SIP message without what would give a call away. Lengths
 * stay, so that it is still a message.
 *
 * Overwritten with 'x': what stands behind "crypto:", "key-mgmt:", "ice-pwd:" and
 * "e2ee:" on a line, in any letters and at any place of it; k= lines; the answers
 * to digest challenges; and everything behind the headers where the message
 * speaks of application/sallyport-e2ee anywhere. Of a=crypto, tag and suite stay.
 * Rather too much than too little: a line of text that only looks like one of
 * these is masked as well. Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>

void mask_sip(uint8_t *p, size_t len);
