/* SPDX-License-Identifier: Apache-2.0 */
/* tests/e2ee/ended.h - how the handshake's tests know that one has failed. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "control/e2ee/e2ee.h"

static inline void assert_ended(struct e2ee_result r, enum e2ee_reason why,
				const char *name)
{
	if (r.act != E2EE_END || r.reason != why)
		fail_msg("%s: act %d, reason %s instead of %s", name, r.act,
			 e2ee_reason_name(r.reason), e2ee_reason_name(why));
}

/* A failed side has nothing left to give. */
static inline void assert_dead(const struct e2ee *h)
{
	uint8_t key[E2EE_BASE_KEY];

	assert_false(e2ee_locked(h));
	assert_null(e2ee_code(h));
	assert_null(media_new(h, NULL));
	assert_false(e2ee_key(h, E2EE_I_TO_R, E2EE_AUDIO, key));
	assert_int_equal(e2ee_deadline(h), E2EE_NEVER);
}
