/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/srtp/kdf.h - session keys from a master key.
 *
 * RFC 3711 section 4.3, RFC 6188 section 3, RFC 7714 section 11; key
 * derivation rate 0, as SDES and DTLS-SRTP have it. Set-up thread. */
#pragma once
#include "dataplane/srtp/suite.h"

/** Derive the keys of SRTP and of SRTCP. Both are secret: the caller wipes. */
void srtp_kdf(struct srtp_engine *e, const struct srtp_suite *a,
	      const uint8_t *key, const uint8_t *salt, struct srtp_raw *rtp,
	      struct srtp_raw *rtcp);
