/* SPDX-License-Identifier: Apache-2.0 */
/* dataplane/srtp/burst.h - the burst contract of srtp.h, for every backend. */
#pragma once
#include "dataplane/srtp/srtp.h"

/** Good packets first, each kind in its order. @return how many are good. */
uint16_t srtp_burst_sort(struct srtp_pkt pkt[], uint16_t n);
