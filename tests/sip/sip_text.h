/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sip/sip_text.h - messages for the tests of control/sip's pure parts. */
#pragma once
#include <string.h>
#include "control/sip/message.h"

/** Decode a message from text. @return NULL: libre refuses it; else the
 * caller derefs it. */
static inline struct sip_msg *sip_text(const char *text)
{
	struct mbuf *mb = mbuf_alloc(strlen(text) + 1);
	struct sip_msg *m = NULL;

	mbuf_write_str(mb, text);
	mb->pos = 0;
	if (sip_msg_decode(&m, mb))
		m = NULL;
	mem_deref(mb);
	return m;
}
