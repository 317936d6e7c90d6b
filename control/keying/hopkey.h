/* SPDX-License-Identifier: Apache-2.0 */
/* control/keying/hopkey.h - one hop key of a call, in the vault, shared by
 * count: an offer, the media in force and what a decline would go back to may
 * all hold the same one. Wiped with its last holder. Control's thread. */
#pragma once
#include <stdbool.h>
#include "control/keying/sdes.h"

struct hopkey {
	unsigned refs;
	bool known;   /* false: restored without its octets */
	bool repeat;  /* may be a key that was in use and not known here */
	uint32_t roc; /* rollover counter that it starts from, RFC 3711 */
	uint64_t id;  /* names these octets for the dataplane, never 0 */
	struct sdes_key sdes;
};

/** Zeroed, one reference, a fresh random id. @return NULL: no memory. */
struct hopkey *hopkey_new(void);
/** One holder more; NULL is allowed. @return k. */
struct hopkey *hopkey_ref(struct hopkey *k);
/** One holder less; sets *k to NULL. */
void hopkey_drop(struct hopkey **k);
/** As the abi wants it; NULL: plain. The copy holds the key: wipe it. */
void hopkey_export(const struct hopkey *k, struct sp_key *out);
