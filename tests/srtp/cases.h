/* SPDX-License-Identifier: Apache-2.0 */
/* tests/srtp/cases.h - the cases of srtp_test; *state is a struct subject. */
#pragma once
#include "tests/srtp/harness.h"

/* vectors_test.c, windows_test.c: the core alone. */
void vector_keystream(void **state);
void vector_kdf(void **state);
void vector_gcm(void **state);
void replay_exhaustive(void **state);
void index_estimates(void **state);
