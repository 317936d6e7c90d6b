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
/* keys_test.c: several keys in a session. */
void mki(void **state);
void keys_refused(void **state);
void lifetimes_by_key(void **state);
void keys_end(void **state);
void key_ends_for_good(void **state);
void late_key_first(void **state);
