/* SPDX-License-Identifier: Apache-2.0 */
/* control/e2ee/guard.h - one handshake at a time; a peer that keeps failing
 * has to wait.
 *
 * E2EE.md, "The course of a handshake", 7: each handshake that fails may have
 * been somebody's guess at the code. One guard for each endpoint program; the
 * handshake asks and tells it by itself. Times are milliseconds of any clock
 * that doesn't go back. One thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUARD_PEERS   128 /* with a recent failure; the oldest gives way */
#define GUARD_TRIES   3
#define GUARD_SPAN_MS (10 * 60 * 1000)

struct guard;

/** @return NULL: no memory. */
struct guard *guard_new(void);
void guard_free(struct guard *g);

/** Take the one place. @return false where another handshake has it. */
bool guard_begin(struct guard *g, const void *who);
/** Give it back; nothing where who doesn't have it. */
void guard_end(struct guard *g, const void *who);

/* aor: NUL-terminated; "" stands for all callers who don't say who they are. */
void guard_failed(struct guard *g, const char *aor, uint64_t now);
bool guard_blocked(const struct guard *g, const char *aor, uint64_t now);
/** Milliseconds until aor is let in again, 0: now. For the warning shown. */
uint64_t guard_wait(const struct guard *g, const char *aor, uint64_t now);
