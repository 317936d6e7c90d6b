/* SPDX-License-Identifier: Apache-2.0 */
/* control/sallyctl/unseal.h - a sealed recording opened, piece by piece. */
#pragma once
#include <jansson.h>
#include <stdio.h>
#include "control/sallyctl/reckey.h"

enum unseal_state {
	UNSEAL_WHOLE,	 /* from its beginning to its end */
	UNSEAL_CUT,	 /* good as far as it goes: it has no end */
	UNSEAL_TAMPERED, /* good up to there; then changed, or out of order */
	UNSEAL_OTHER,	 /* sealed to another key, or its header is changed */
	UNSEAL_NONE	 /* no recording */
};

struct unsealed {
	enum unseal_state state;
	json_t *meta, *end;   /* what is sealed with it; NULL where missing */
	unsigned long pieces; /* that are good */
	unsigned long long octets;
	bool unwritable; /* to couldn't be written to */
};

/** from: the sealed file. to: gets Matroska, or NULL. Free meta and end. */
void unseal(struct unsealed *u, FILE *from, const struct reckey *k, FILE *to);
