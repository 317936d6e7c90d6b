/* SPDX-License-Identifier: Apache-2.0 */
/* control/keying/vault.h - memory for hop keys: locked, left out of core
 * dumps, wiped when given back.
 *
 * A page or three for each key (what sodium_malloc takes) would be too much
 * for thousands of calls, so a vault cuts chunks of such memory into slots of
 * one size. The owner of a slot gives it back; chunks live as long as the
 * vault. Control's thread. */
#pragma once
#include <stddef.h>

struct vault;

/** slot: octets, at most 4096. @return NULL: no memory, or libsodium failed. */
struct vault *vault_new(size_t slot);
/** Wipes everything; slots not given back are gone. */
void vault_free(struct vault *v);
/** @return a zeroed slot, aligned for anything; NULL: no memory. */
void *vault_take(struct vault *v);
/** Wipe and give back; NULL is allowed. */
void vault_give(struct vault *v, void *slot);
