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
/* bounds_test.c: what does not fit or is not there. */
void ssrc_full(void **state);
void ssrc_near(void **state);
void short_packets(void **state);
void header_promises(void **state);
void no_room(void **state);
void rtcp_replay(void **state);
void mixed_burst(void **state);
void refused_between(void **state);
void unknown_suites(void **state);
void last_index(void **state);
void memory(void **state);
